package release

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A place is a repository with vpc, which has a new feature, and dns, which is
// pinned to its last tag.
type place struct {
	t   *testing.T
	dir string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t, t.TempDir()}
	for k, v := range map[string]string{
		"HOME": t.TempDir(), "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com", "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
	} {
		t.Setenv(k, v)
	}
	p.write("vpc/main.tf", "variable \"a\" {}\n")
	p.write("dns/main.tf", "module \"vpc\" {\n  source = \"git::https://example.com/m.git//vpc?ref=vpc/v1.0.0\"\n  a = 1\n}\n")
	p.git("init", "-q", "-b", "main")
	p.git("add", "-A")
	p.git("commit", "-qm", "one")
	p.git("tag", "vpc/v1.0.0")
	p.git("tag", "dns/v1.0.0")
	p.write("vpc/main.tf", "variable \"a\" {}\nvariable \"b\" { default = 1 }\n")
	p.git("commit", "-qam", "feat: b")
	return p
}

func (p *place) write(name, text string) {
	p.t.Helper()
	file := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) git(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = p.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (p *place) rewrite(changes []lint.Change) error {
	for _, c := range changes {
		p.write(c.Path, string(c.After))
	}
	return nil
}

// run is the command: it resumes, plans and makes.
func (p *place) run(rewrite func([]lint.Change) error) (resumed *Made, err error) {
	ctx := context.Background()
	r, err := repo.Open(ctx, p.dir)
	if err != nil {
		return nil, err
	}
	q := Request{Modules: []string{"vpc"}, Dependents: true}
	w := Making{
		WorkTree: os.DirFS(p.dir), Rewrite: rewrite,
		TagMessage: func(r *Release) string { return r.Name },
		PinMessage: func(r *Release) string { return "pin " + r.Name },
	}
	if resumed, err = Resume(ctx, r, p.dir, q, w); err != nil {
		return nil, err
	}
	c, err := Open(ctx, r, Config{
		Role:  func(string) modules.Role { return "" },
		First: semver.MustParse("1.0.0"),
		Tag:   func(name, version string) (string, error) { return name + "/v" + version, nil },
		Own:   map[string]bool{"example.com/m": true},
	}, p.dir, "")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	plan, err := c.Plan(ctx, q)
	if err != nil || len(plan.Refused) > 0 {
		p.t.Fatal(err, plan)
	}
	_, err = c.Make(ctx, plan, w)
	return resumed, err
}

// killed runs the command until it ends in rewrite, as a process that is killed
// there: what follows is not done.
func (p *place) killed(rewrite func([]lint.Change) error) {
	p.t.Helper()
	done, returned := make(chan bool), false
	go func() {
		defer close(done)
		_, _ = p.run(func(changes []lint.Change) error {
			_ = rewrite(changes)
			runtime.Goexit()
			return nil
		})
		returned = true
	}()
	if <-done; returned {
		p.t.Fatal("it was not killed")
	}
}

func TestResumeFiles(t *testing.T) {
	for name, rewrite := range map[string]func(*place) func([]lint.Change) error{
		"before the files are written": func(*place) func([]lint.Change) error {
			return func([]lint.Change) error { return nil }
		},
		"after they are": func(p *place) func([]lint.Change) error { return p.rewrite },
		"and staged": func(p *place) func([]lint.Change) error {
			return func(changes []lint.Change) error {
				err := p.rewrite(changes)
				p.git("add", "-A")
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.killed(rewrite(p))
			if tags := p.git("tag"); tags != "dns/v1.0.0\nvpc/v1.0.0\nvpc/v1.1.0" {
				t.Fatalf("tags are %s", tags)
			}
			made, err := p.run(p.rewrite)
			if err != nil || made == nil || strings.Join(made.Tags, " ") != "dns/v1.0.1" || strings.Join(made.Refs, " ") != "refs/heads/main refs/tags/vpc/v1.1.0 refs/tags/dns/v1.0.1" {
				t.Fatalf("%+v, %v", made, err)
			}
			if s := p.git("status", "--porcelain"); s != "" {
				t.Errorf("status is %s", s)
			}
			if log := p.git("log", "--format=%s", "dns/v1.0.1"); log != "pin dns\nfeat: b\none" {
				t.Errorf("log is %s", log)
			}
			if text := p.git("show", "dns/v1.0.1:dns/main.tf"); !strings.Contains(text, "?ref=vpc/v1.1.0") {
				t.Errorf("dns is %s", text)
			}
			if made, err := p.run(p.rewrite); made != nil || err != nil {
				t.Errorf("once more: %+v, %v", made, err)
			}
		})
	}
}

func TestResumeNot(t *testing.T) {
	for name, do := range map[string]func(*place){
		"the branch has gone elsewhere": func(p *place) {
			p.git("commit", "-q", "--allow-empty", "-m", "else")
			p.git("reset", "-q", "--hard", "HEAD~2")
		},
		"another branch": func(p *place) { p.git("checkout", "-q", "-b", "else") },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.killed(func([]lint.Change) error { return nil })
			do(p)
			r, err := repo.Open(context.Background(), p.dir)
			if err != nil {
				t.Fatal(err)
			}
			made, err := Resume(context.Background(), r, p.dir, Request{Modules: []string{"vpc"}, Dependents: true}, Making{})
			if made != nil || err != nil {
				t.Errorf("%+v, %v", made, err)
			}
			if tags := p.git("tag"); strings.Contains(tags, "dns/v1.0.1") {
				t.Errorf("tags are %s", tags)
			}
		})
	}
	p := newPlace(t)
	p.write(".git/"+journalName, "{")
	if _, err := p.run(p.rewrite); err == nil || !strings.Contains(err.Error(), "cannot be read\nhint: delete it") {
		t.Errorf("a journal that is none: %v", err)
	}
}
