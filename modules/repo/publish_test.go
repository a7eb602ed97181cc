package repo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/fixtures/githttp"
)

func TestPushBranch(t *testing.T) {
	dir := newMonorepo(t)
	r := open(t, dir)
	ctx := t.Context()
	there := filepath.Join(realDir(t), "there.git")
	sh(t, "", "clone", "-q", "--bare", dir, there)
	sh(t, dir, "remote", "add", "origin", "../there-relative.git")
	sh(t, dir, "remote", "set-url", "origin", "file://"+there)
	mark := hooked(t, filepath.Join(dir, ".git"))
	head := resolve(t, r, "HEAD")
	commit := func(text string) Hash {
		t.Helper()
		ids, err := r.CommitFiles(ctx, head.ID, []NewCommit{{Message: text, Files: map[string][]byte{"a.tf": []byte(text)}}})
		if err != nil {
			t.Fatal(err)
		}
		return ids[0]
	}
	one, two := commit("one"), commit("two")
	set := func(to, old Hash) {
		t.Helper()
		if err := r.SetBranch(ctx, "bump/a", to, old, "m"); err != nil {
			t.Fatal(err)
		}
	}
	at := func(want Hash) {
		t.Helper()
		if got := sh(t, there, "rev-parse", "bump/a"); got != want.String() {
			t.Errorf("the remote is at %s, want %s", got, want)
		}
	}
	trouble := func(err error, want Trouble, words string) {
		t.Helper()
		var re *RemoteError
		if !errors.As(err, &re) || re.Trouble != want || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %s with %q", err, want, words)
		}
	}
	set(one, Hash{})
	for range 2 { // the second finds it there
		if err := r.PushBranch(ctx, "origin", "bump/a", nil); err != nil {
			t.Fatal(err)
		}
	}
	at(one)
	if got := sh(t, dir, "rev-parse", "origin/bump/a"); got != one.String() {
		t.Errorf("tracked at %s", got)
	}
	set(two, one)
	trouble(r.PushBranch(ctx, "origin", "bump/a", nil), TroubleChanged, "hint: the branch there has commits")
	trouble(r.PushBranch(ctx, "origin", "bump/a", &head.ID), TroubleChanged, "hint: somebody else has moved")
	at(one)
	if err := r.PushBranch(ctx, there, "bump/a", &one); err != nil {
		t.Fatal(err)
	}
	at(two)

	hook := filepath.Join(there, "hooks", "pre-receive")
	if err := os.MkdirAll(filepath.Dir(hook), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\necho GL-HOOK-ERR: protected >&2\nexit 1\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	set(one, two)
	trouble(r.PushBranch(ctx, "origin", "bump/a", &two), TroubleRefused, "GL-HOOK-ERR")
	at(two)
	trouble(r.PushBranch(ctx, filepath.Join(there, "gone"), "bump/a", nil), TroubleMissing, "hint: ")
	if err := r.PushBranch(ctx, "upstream", "bump/a", nil); !errors.Is(err, ErrNoRemote) || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("%v", err)
	}
	if err := r.PushBranch(ctx, "origin", "nowhere", nil); err == nil || !strings.Contains(err.Error(), "no branch nowhere") {
		t.Errorf("%v", err)
	}
	for _, remote := range []string{"", "--receive-pack=touch " + mark, "-o", "ext::sh -c 'touch " + mark + "'", "https://ada:secret@h/x.git", "origin\nx", "../there.git"} {
		if err := r.PushBranch(ctx, remote, "bump/a", nil); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", remote, err)
		}
	}
	notThere(t, mark)
}

// TestPushBranchRelative holds that a relative URL leads from the top of the
// work tree, as it does for git, and that a password in the configuration is
// not shown.
func TestPushBranchRelative(t *testing.T) {
	dir := newMonorepo(t)
	sh(t, "", "init", "-q", "--bare", filepath.Join(filepath.Dir(dir), "near.git"))
	sh(t, dir, "remote", "add", "near", "../near.git")
	sh(t, dir, "remote", "add", "far", "http://ada:secret@127.0.0.1:1/x.git")
	sh(t, dir, "remote", "set-url", "--push", "near", "../near.git")
	r := open(t, filepath.Join(dir, "live"))
	if err := r.PushBranch(t.Context(), "near", "main", nil); err != nil {
		t.Error(err)
	}
	if err := r.PushBranch(t.Context(), "far", "main", nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if url, err := r.RemoteURL(t.Context(), "near"); url != "../near.git" || err != nil {
		t.Error(url, err)
	}
	if url, err := r.RemoteURL(t.Context(), "far"); !strings.Contains(url, "127.0.0.1") || err != nil {
		t.Error(url, err)
	}
}

func TestDefaultBranch(t *testing.T) {
	dir := newMonorepo(t)
	sh(t, dir, "branch", "-m", "trunk/x")
	clone := filepath.Join(realDir(t), "clone")
	sh(t, "", "clone", "-q", dir, clone)
	r := open(t, clone)
	check := func(remote, want string) {
		t.Helper()
		if got, err := r.DefaultBranch(t.Context(), remote); got != want || err != nil {
			t.Errorf("%s: %q %v", remote, got, err)
		}
	}
	check("origin", "trunk/x")
	sh(t, dir, "branch", "-m", "main")
	check("origin", "trunk/x") // as the clone saw it
	sh(t, clone, "fetch", "-q", "--prune")
	check("origin", "main") // what it saw is gone
	sh(t, clone, "remote", "set-head", "origin", "--delete")
	check("origin", "main")
	check(dir, "main")
	sh(t, dir, "checkout", "-q", "--detach")
	check(dir, "")
}

func TestCreateTag(t *testing.T) {
	dir := newMonorepo(t)
	mark := hooked(t, filepath.Join(dir, ".git"))
	r := open(t, dir)
	head := resolve(t, r, "HEAD").ID
	message := "vpc v1.2.0\n\n# Features\n#7 a hash\n\n  indented  \n\n\ntwo lines\n"
	if err := r.CreateTag(t.Context(), "vpc/v1.2.0", head, message); err != nil {
		t.Fatal(err)
	}
	if got, want := sh(t, dir, "cat-file", "tag", "vpc/v1.2.0"), "object "+head.String()+"\ntype commit\ntag vpc/v1.2.0\ntagger C O Mitter <committer@example.com> 1112912053 +0200\n\n"+strings.TrimSpace(message); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for _, name := range []string{"vpc/v1.2.0", "v1"} {
		if err := r.CreateTag(t.Context(), name, head, "m"); !errors.Is(err, ErrTagExists) || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "-d", "--delete", "a..b", "a b", "HEAD", "refs/tags/x", "x.lock", "a\nb", ".x", "x/.y", "v1/x"} {
		if err := r.CreateTag(t.Context(), name, head, "m"); err == nil || errors.Is(err, ErrTagExists) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, m := range []string{"", "\n", "a\x00"} {
		if err := r.CreateTag(t.Context(), "v8", head, m); err == nil {
			t.Errorf("message %q is taken", m)
		}
	}
	if err := r.CreateTag(t.Context(), "v8", mustTree(t, dir, "HEAD^{tree}"), "m"); err == nil {
		t.Error("a tree is tagged")
	}
	if got := sh(t, dir, "tag"); got != "v1\nvpc/v1.2.0" {
		t.Errorf("tags: %s", got)
	}
	notThere(t, mark)
}

// TestPushBranchNetwork pushes to a server that asks for credentials.
func TestPushBranchNetwork(t *testing.T) {
	f := newForge(t)
	r := open(t, f.work)
	url := f.URL + "/vpc.git"
	sh(t, f.work, "remote", "add", "origin", url)
	// As CI systems write it.
	sh(t, f.work, "remote", "add", "token", strings.Replace(url, "http://", "http://"+githttp.User+":"+githttp.Password+"@", 1))
	sh(t, f.work, "remote", "add", "wrong", strings.Replace(url, "http://", "http://ada:swordfish-9@", 1))
	head := f.id(t, "HEAD")
	for _, name := range []string{"bump/a", "bump/b", "bump/c"} {
		if err := r.SetBranch(t.Context(), name, head, Hash{}, "m"); err != nil {
			t.Fatal(err)
		}
	}
	for branch, remote := range map[string]string{"bump/a": "origin", "bump/b": "token", "bump/c": url} {
		if err := r.PushBranch(t.Context(), remote, branch, nil); err != nil {
			t.Errorf("%s: %v", remote, err)
		}
		if got := sh(t, f.bare, "rev-parse", branch); got != head.String() {
			t.Errorf("%s: %s", remote, got)
		}
	}
	ids, err := r.CommitFiles(t.Context(), head, []NewCommit{{Message: "m", Files: map[string][]byte{"a.tf": nil}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetBranch(t.Context(), "bump/a", ids[0], head, "m"); err != nil {
		t.Fatal(err)
	}
	fails := func(remote string, want Trouble) {
		t.Helper()
		err := r.PushBranch(t.Context(), remote, "bump/a", nil)
		var re *RemoteError
		if !errors.As(err, &re) || re.Trouble != want || !strings.Contains(err.Error(), "\nhint: ") || strings.Contains(err.Error(), "swordfish") || strings.Contains(err.Error(), githttp.Password) {
			t.Errorf("%s: %v, want %s", remote, err, want)
		}
	}
	f.Break("git-receive-pack", githttp.Forbid, 1)
	fails("token", TroubleRefused)
	f.Break("vpc.git/git-receive-pack", githttp.Drop, 1)
	fails("token", TroubleLost)
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull) // no helper
	fails("wrong", TroubleCredentials)
	fails("origin", TroubleCredentials)
	sh(t, f.work, "remote", "set-url", "token", sh(t, f.work, "config", "remote.token.url")+".gone")
	fails("token", TroubleMissing)
	if got := sh(t, f.bare, "rev-parse", "bump/a"); got != head.String() {
		t.Errorf("the remote moved to %s", got)
	}
}
