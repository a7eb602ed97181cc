package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// common is a directory that all tests share.
var common string

// The environment of every test: nothing of the user's git or terraform
// configuration, and fixed dates.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "terrier-terraform-test-")
	if err != nil {
		panic(err)
	}
	if common, err = filepath.EvalSymlinks(dir); err != nil {
		panic(err)
	}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "TF_") || strings.HasPrefix(name, "GIT_") || name == EnvPath {
			os.Unsetenv(name)
		}
	}
	rc := filepath.Join(dir, "terraform.rc")
	if err := os.WriteFile(rc, nil, 0o600); err != nil {
		panic(err)
	}
	for name, value := range map[string]string{
		"HOME":                dir,
		"TF_CLI_CONFIG_FILE":  rc,
		"GIT_CONFIG_GLOBAL":   os.DevNull,
		"GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME":     "a", "GIT_AUTHOR_EMAIL": "a@localhost", "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@localhost", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z",
	} {
		os.Setenv(name, value)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// real is the terraform on PATH.
func real(t *testing.T) *Terraform {
	t.Helper()
	tf, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	return tf
}

// A world is one test's directory: bare repositories below "repos", trees
// beside it.
type world struct {
	t   *testing.T
	dir string
}

func newWorld(t *testing.T) world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return world{t, dir}
}

// url is the source of a bare repository, as a split writes it: the world's
// own, or a shared one.
func (w world) url(repo string) string {
	dir := w.dir
	if _, err := os.Stat(filepath.Join(dir, "repos", repo+".git")); err != nil {
		dir = common
	}
	return "git::file://" + filepath.ToSlash(dir) + "/repos/" + repo + ".git"
}

// write writes the files of a txtar archive below a directory of the world.
// `URL(name)` in it becomes the source of a repository.
func (w world) write(dir, archive string) string {
	w.t.Helper()
	root := filepath.Join(w.dir, filepath.FromSlash(dir))
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			w.t.Fatal(err)
		}
		text := string(f.Data)
		for {
			before, rest, ok := strings.Cut(text, "URL(")
			if !ok {
				break
			}
			repo, rest, _ := strings.Cut(rest, ")")
			text = before + w.url(repo) + rest
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			w.t.Fatal(err)
		}
	}
	return root
}

// repo makes a bare repository with one tag for each archive, in turn.
func (w world) repo(name string, tags ...string) {
	w.t.Helper()
	src := filepath.Join(w.dir, "src", name)
	if err := os.MkdirAll(src, 0o777); err != nil {
		w.t.Fatal(err)
	}
	w.git(src, "init", "-q", "-b", "main")
	for i, archive := range tags {
		w.git(src, "rm", "-rqf", "--ignore-unmatch", ".")
		w.write("src/"+name, archive)
		w.git(src, "add", "-A")
		w.git(src, "commit", "-q", "--allow-empty", "-m", "c")
		w.git(src, "tag", "-a", "-m", "t", "v1.0."+string(rune('0'+i)))
	}
	w.git(w.dir, "clone", "-q", "--bare", src, filepath.Join(w.dir, "repos", name+".git"))
}

func (w world) git(dir string, args ...string) {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// put writes one file of the world.
func (w world) put(name, content string) {
	w.t.Helper()
	full := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

// fake is a terraform that is a shell script. $0.d is a directory of its own.
func (w world) fake(script string) *Terraform {
	w.t.Helper()
	name := filepath.Join(w.dir, "fake")
	if err := os.MkdirAll(name+".d", 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script), 0o777); err != nil {
		w.t.Fatal(err)
	}
	return &Terraform{Path: name, Product: ProductTerraform, Version: "1.11.4"}
}

// statuses is the results as `path status` lines.
func statuses(results []StackResult) string {
	var b strings.Builder
	for _, r := range results {
		b.WriteString(r.Path + " " + r.Status + "\n")
	}
	return b.String()
}
