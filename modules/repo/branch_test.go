package repo

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestSetBranch(t *testing.T) {
	dir := newMonorepo(t)
	mark := hooked(t, filepath.Join(dir, ".git"))
	r := open(t, dir)
	head := resolve(t, r, "HEAD")
	older := head.Parents[0]
	ctx := t.Context()
	if _, ok, err := r.Branch(ctx, "bump/vpc-v2"); ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := r.SetBranch(ctx, "bump/vpc-v2", older, Hash{}, "terrier bump: vpc"); err != nil {
		t.Fatal(err)
	}
	for name, old := range map[string]Hash{"must not be there": {}, "elsewhere": head.ID} {
		if err := r.SetBranch(ctx, "bump/vpc-v2", head.ID, old, "m"); !errors.Is(err, ErrMoved) || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.SetBranch(ctx, "gone", head.ID, older, "m"); !errors.Is(err, ErrMoved) {
		t.Errorf("gone: %v", err)
	}
	if err := r.SetBranch(ctx, "bump/vpc-v2", head.ID, older, "terrier bump: vpc v2"); err != nil {
		t.Fatal(err)
	}
	if at, ok, err := r.Branch(ctx, "bump/vpc-v2"); at != head.ID || !ok || err != nil {
		t.Error(at, ok, err)
	}
	if got := sh(t, dir, "reflog", "-1", "--format=%gs", "bump/vpc-v2"); got != "terrier bump: vpc v2" {
		t.Errorf("reflog %q", got)
	}
	if err := r.SetBranch(ctx, "bump", head.ID, Hash{}, "m"); err == nil || errors.Is(err, ErrMoved) {
		t.Errorf("a branch in the place of a directory: %v", err)
	}

	sh(t, dir, "-c", "core.hooksPath=/dev/null", "symbolic-ref", "refs/heads/alias", "refs/heads/main")
	linked := filepath.Join(t.TempDir(), "linked")
	sh(t, dir, "-c", "core.hooksPath=/dev/null", "worktree", "add", "-q", "-b", "linked", linked)
	for name, want := range map[string]string{
		"main": "is checked out in " + dir, "linked": "is checked out in ", "alias": "another name of refs/heads/main",
		"": "no name", "HEAD": "no name", "-f": "no name", "--force": "no name", "@{-1}": "no name", "a..b": "no name", "a b": "no name", "a\nb": "no name", "a\x00b": "no name",
		"a~1": "no name", "a^": "no name", "a:b": "no name", "refs/heads/x": "no name", ".hidden": "no name", "a/.b": "no name", "a.lock": "no name", "a//b": "no name", "/a": "no name",
		"a/": "no name", "a*": "no name", "../../config": "no name", "a\\b": "no name", "@{u}": "no name", strings.Repeat("x/", 2000) + "\x7f": "no name",
	} {
		if err := r.SetBranch(ctx, name, older, head.ID, "m"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	if got := sh(t, dir, "rev-parse", "main"); got != head.ID.String() {
		t.Errorf("main moved to %s", got)
	}
	notThere(t, mark)
}

// TestSetBranchRace holds that of many who move a branch one wins.
func TestSetBranchRace(t *testing.T) {
	r := open(t, newMonorepo(t))
	parent := resolve(t, r, "HEAD").ID
	var commits []NewCommit
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		commits = append(commits, NewCommit{Message: name, Files: map[string][]byte{name: nil}})
	}
	ids, err := r.CommitFiles(t.Context(), parent, commits)
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { errs[i] = r.SetBranch(t.Context(), "raced", id, Hash{}, "m") })
	}
	wg.Wait()
	won := slices.Index(errs, nil)
	at, _, err := r.Branch(t.Context(), "raced")
	if won < 0 || err != nil || at != ids[won] {
		t.Fatalf("%v at %s: %v", errs, at, err)
	}
	for i, err := range errs {
		if i != won && err == nil {
			t.Errorf("%d won as well", i)
		}
	}
}

func TestCheckBranchRebased(t *testing.T) {
	dir := newMonorepo(t)
	r := open(t, dir)
	sh(t, dir, "checkout", "-q", "-b", "topic", "HEAD~1")
	put(t, dir, map[string]string{"README.md": "conflict\n"})
	sh(t, dir, "commit", "-q", "-am", "conflict")
	ours := resolve(t, r, "topic").ID
	if _, err := run(t.Context(), r.command(t.Context(), "--work-tree="+dir, "-c", "user.name=x", "-c", "user.email=x", "rebase", "-q", "main"), nil); err == nil {
		t.Fatal("no conflict")
	}
	if err := r.CheckBranch(t.Context(), "topic"); err == nil || !strings.Contains(err.Error(), "is being rebased") {
		t.Errorf("%v", err)
	}
	if name, err := r.CurrentBranch(t.Context()); name != "" || err != nil {
		t.Errorf("%q %v", name, err)
	}
	if _, err := r.DirtyFiles(t.Context(), []string{"x"}); !errors.Is(err, ErrInProgress) || !strings.Contains(err.Error(), "hint: git rebase") {
		t.Errorf("%v", err)
	}
	if err := r.Advance(t.Context(), resolve(t, r, "HEAD").ID, ours, "m"); !errors.Is(err, ErrInProgress) {
		t.Errorf("%v", err)
	}
	sh(t, dir, "rebase", "--abort")
	if name, err := r.CurrentBranch(t.Context()); name != "topic" || err != nil {
		t.Errorf("%q %v", name, err)
	}
}

func TestDirtyFiles(t *testing.T) {
	dir := newMonorepo(t)
	put(t, dir, map[string]string{".gitignore": "ignored/\n", "assumed.tf": "1", "skipped.tf": "1", "kept.tf": "1", "a*.tf": "1", "abc.tf": "1", "-d.tf": "1", "gone.tf": "1", "staged.tf": "1", "wide.tf": "1"})
	sh(t, dir, "add", ".")
	sh(t, dir, "commit", "-q", "-m", "more")
	sh(t, dir, "update-index", "--assume-unchanged", "assumed.tf", "kept.tf")
	sh(t, dir, "update-index", "--skip-worktree", "skipped.tf", "wide.tf")
	put(t, dir, map[string]string{"assumed.tf": "2", "skipped.tf": "2", "abc.tf": "2", "-d.tf": "2", "live/prod/ünïcode.tf": "2", "staged.tf": "2",
		"new/a b.tf": "2", "ignored/x.tf": "2", "elsewhere.tf": "2"})
	sh(t, dir, "add", "staged.tf")
	put(t, dir, map[string]string{"staged.tf": "1"})
	for _, name := range []string{"gone.tf", "wide.tf"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := open(t, dir)
	paths := []string{"README.md", "assumed.tf", "kept.tf", "skipped.tf", "wide.tf", "a*.tf", "abc.tf", "-d.tf", "gone.tf", "staged.tf", "live/prod/ünïcode.tf", "new/a b.tf", "ignored/x.tf", "not/there.tf", "modules/vpc/main.tf"}
	want := []string{"-d.tf", "abc.tf", "assumed.tf", "gone.tf", "ignored/x.tf", "live/prod/ünïcode.tf", "new/a b.tf", "skipped.tf", "staged.tf"}
	got, err := r.DirtyFiles(t.Context(), paths)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: %v", got, want, err)
	}
	if got, err = r.DirtyFiles(t.Context(), []string{"a*.tf"}); err != nil || len(got) != 0 {
		t.Errorf("a path is no pattern: %q %v", got, err)
	}
}

func TestAdvance(t *testing.T) {
	dir := newMonorepo(t)
	mark := hooked(t, filepath.Join(dir, ".git"))
	quiet := func(args ...string) string {
		return sh(t, dir, append([]string{"-c", "core.hooksPath=/dev/null"}, args...)...)
	}
	r := open(t, dir)
	ctx := t.Context()
	old := resolve(t, r, "HEAD").ID
	files := map[string]string{"live/prod/main.tf": "module {}\n", "live/prod/ünïcode.tf": "u\n", "-new file.tf": "n\n", "modules/vpc/run.sh": "#!/bin/sh\n:\n"}
	c := NewCommit{Message: "bump", Files: map[string][]byte{}}
	for name, data := range files {
		c.Files[name] = []byte(data)
	}
	ids, err := r.CommitFiles(ctx, old, []NewCommit{c, {Message: "more", Files: map[string][]byte{"live/prod/main.tf": []byte("module {2}\n")}}})
	if err != nil {
		t.Fatal(err)
	}
	files["live/prod/main.tf"] = "module {2}\n"
	put(t, dir, map[string]string{"README.md": "staged\n"})
	quiet("add", "README.md")
	put(t, dir, map[string]string{"README.md": "unstaged\n"})
	before := state(t, dir)
	if err := r.Advance(ctx, ids[0], ids[1], "m"); !errors.Is(err, ErrMoved) {
		t.Errorf("%v", err)
	}
	if err := r.Advance(ctx, old, resolve(t, r, "HEAD~1").ID, "m"); err == nil || !strings.Contains(err.Error(), "does not come after") {
		t.Errorf("%v", err)
	}
	if got := state(t, dir); got != before {
		t.Errorf("changed:\n%s", got)
	}
	put(t, dir, files)
	if err := r.Advance(ctx, old, ids[1], "terrier bump: vpc v2"); err != nil {
		t.Fatal(err)
	}
	if got := quiet("status", "--porcelain"); got != "MM README.md" {
		t.Errorf("status: %s", got)
	}
	// Without git's having looked at the files again, which status does.
	if got := quiet("diff-files", "--name-only"); got != "README.md" {
		t.Errorf("diff-files: %s", got)
	}
	if got := quiet("symbolic-ref", "HEAD") + quiet("rev-parse", "main"); got != "refs/heads/main"+ids[1].String() {
		t.Errorf("HEAD: %s", got)
	}
	for _, ref := range []string{"HEAD", "main"} {
		if got := quiet("reflog", "-1", "--format=%gs", ref); got != "terrier bump: vpc v2" {
			t.Errorf("reflog: %q", got)
		}
	}

	// Detached, in a linked work tree, with a lock on the ref: all as before.
	linked := filepath.Join(realDir(t), "linked")
	quiet("worktree", "add", "-q", "--detach", linked, old.String())
	put(t, linked, files)
	lr := open(t, linked)
	lock := filepath.Join(lr.gitDir, "HEAD.lock")
	if err := os.WriteFile(lock, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	before = state(t, linked)
	if err := lr.Advance(ctx, old, ids[1], "m"); err == nil {
		t.Error("a locked HEAD moved")
	}
	if got := state(t, linked); got != before {
		t.Errorf("changed:\n%s\nfrom:\n%s", got, before)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := lr.Advance(ctx, old, ids[1], "m"); err != nil {
		t.Fatal(err)
	}
	if got := sh(t, linked, "-c", "core.hooksPath=/dev/null", "status", "--porcelain"); got != "" {
		t.Errorf("status: %s", got)
	}
	notThere(t, mark)
}

// TestBumpInAutocrlf is what a bump does where a checkout has other line
// endings than the commits: look, commit, write, advance.
func TestBumpInAutocrlf(t *testing.T) {
	origin := newMonorepo(t)
	dir := filepath.Join(realDir(t), "windows")
	sh(t, "", "clone", "-q", "-c", "core.autocrlf=true", origin, dir)
	r := open(t, dir)
	const name = "live/prod/main.tf"
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || !strings.Contains(string(data), "\r\n") {
		t.Fatalf("%q %v", data, err)
	}
	if dirty, err := r.DirtyFiles(t.Context(), []string{name}); err != nil || len(dirty) != 0 {
		t.Fatal(dirty, err)
	}
	next := strings.Replace(string(data), "../../modules/vpc", "git::https://h/vpc.git?ref=v1", 1)
	old := resolve(t, r, "HEAD").ID
	ids, err := r.CommitFiles(t.Context(), old, []NewCommit{{Message: "m", Files: map[string][]byte{name: []byte(next)}, FromWorkTree: true}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, map[string]string{name: next})
	if err := r.Advance(t.Context(), old, ids[0], "terrier bump: vpc"); err != nil {
		t.Fatal(err)
	}
	if got := sh(t, dir, "show", "--format=", "--numstat", "HEAD"); got != "1\t1\t"+name {
		t.Errorf("more than a line has changed: %s", got)
	}
	if got := sh(t, dir, "status", "--porcelain"); got != "" {
		t.Errorf("status: %s", got)
	}
}
