package cmd

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/terrier-iac/terrier/fixtures"
	"github.com/terrier-iac/terrier/modules/repo"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"terrier": func() {
			now := time.Now
			if text := os.Getenv("SCRIPT_NOW"); text != "" { // the clock of a script, RFC 3339
				at, err := time.Parse(time.RFC3339, text)
				if err != nil {
					panic(err)
				}
				now = func() time.Time { return at }
			}
			os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, now))
		},
		"rewrite-killed": rewriteKilled,
	})
}

// TestScripts are the journeys: each script's first comment tells its story.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			for k, v := range map[string]string{
				"HOME": home, "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1",
				"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
				"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com", "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
				"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": filepath.Join(home, "terraformrc"),
			} {
				e.Setenv(k, v)
			}
			if err := os.MkdirAll(home, 0o777); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(home, "terraformrc"), nil, 0o666)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"githttp": gitHTTP,
			"planned": planned,
			"mirror":  mirror,
			// fixture NAME DIR writes a bundled monorepo as a repository.
			"fixture": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(fixtures.Write(context.Background(), args[0], ts.MkAbs(args[1])))
			},
			// fill FILE… puts the work directory in the place of WORK.
			"fill": func(ts *testscript.TestScript, _ bool, args []string) {
				for _, name := range args {
					text := strings.ReplaceAll(ts.ReadFile(name), "WORK", filepath.ToSlash(ts.Getenv("WORK")))
					ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o666))
				}
			},
			// exits CODE PROGRAM ARGS… runs a program that must end with CODE.
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					var exit *exec.ExitError
					if !errors.As(err, &exit) {
						ts.Fatalf("%v", err)
					}
					got = exit.ExitCode()
				}
				if got != want {
					ts.Fatalf("%v: exit code %d, want %d", args[1:], got, want)
				}
			},
		},
	})
}

// mirror is the command of that name in scripts:
//
//	mirror URL         takes the remote into the cache
//	mirror URL hold    and keeps a tree of it open until the script ends
func mirror(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	m, err := (&repo.Cache{Dir: ts.Getenv("TERRIER_CACHE_DIR")}).Mirror(args[0])
	ts.Check(err)
	refs, err := m.Refs(ctx)
	ts.Check(err)
	ts.Check(m.Ensure(ctx, repo.Want{Ref: "HEAD", Commit: refs["HEAD"].Commit}))
	if len(args) > 1 {
		tree, err := m.At(ctx, refs["HEAD"].Commit)
		ts.Check(err)
		ts.Defer(func() { tree.Close() })
	}
}
