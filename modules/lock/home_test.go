package lock

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A home is a directory with repositories, and a cache, for one test.
type home struct {
	t   *testing.T
	dir string
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{t, t.TempDir()}
	for k, v := range map[string]string{
		"HOME": h.dir, "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com", "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
		"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0",
	} {
		t.Setenv(k, v)
	}
	rc := filepath.Join(h.dir, "terraformrc")
	if err := os.WriteFile(rc, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TF_CLI_CONFIG_FILE", rc)
	return h
}

func (h *home) git(dir string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (h *home) id(dir, rev string) string { return h.git(dir, "rev-parse", rev+"^{commit}") }

func (h *home) write(dir, name, content string) {
	h.t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
		h.t.Fatal(err)
	}
}

// repository makes one with a commit on main.
func (h *home) repository(name string, files map[string]string) string {
	h.t.Helper()
	dir := filepath.Join(h.dir, name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		h.t.Fatal(err)
	}
	h.git(dir, "init", "-q", "-b", "main", ".")
	h.commit(dir, files)
	return dir
}

// commit writes files and commits everything.
func (h *home) commit(dir string, files map[string]string) string {
	h.t.Helper()
	for name, content := range files {
		h.write(dir, name, content)
	}
	h.git(dir, "add", "-A")
	h.git(dir, "commit", "-q", "--allow-empty", "-m", "change")
	return h.id(dir, "HEAD")
}

func (h *home) cache() *repo.Cache { return &repo.Cache{Dir: filepath.Join(h.dir, "cache")} }

// url is the source of a repository.
func (h *home) url(name string) string { return "git::file://" + filepath.Join(h.dir, name) }

// callsOf reads a tree of files, given as path and content.
func (h *home) calls(files map[string]string) ([]Call, []Problem) {
	h.t.Helper()
	dir := h.t.TempDir()
	for name, content := range files {
		h.write(dir, name, content)
	}
	tree, diags := hclparse.Load(os.DirFS(dir))
	return Roots(modules.NewGraph(tree, nil), diags)
}

// call is one call of a source.
func call(t *testing.T, source, version string) Call {
	t.Helper()
	s, err := hclparse.ParseSource(source)
	if err != nil {
		t.Fatal(err)
	}
	return Call{Source: s, Version: version, Place: Place{File: "main.tf", Line: 1}}
}

// run runs with a configuration of which only what matters is given.
func (h *home) run(calls []Call, old *File, c Config) *Result {
	h.t.Helper()
	c.Cache = h.cache()
	r, err := Run(h.t.Context(), calls, old, c)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// rules are the rules of the problems, in their order.
func rules(r *Result) string {
	var out []string
	for _, p := range r.Problems {
		out = append(out, string(p.Rule))
	}
	return strings.Join(out, " ")
}
