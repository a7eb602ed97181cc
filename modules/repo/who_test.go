package repo

import (
	"os/exec"
	"strings"
	"testing"
)

// TestBranchesWith counts the branches of the remote that has the main branch, and
// not those of a fork, where anybody may push what they like.
func TestBranchesWith(t *testing.T) {
	git := func(dir string, args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=E", "-c", "user.email=e@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	dir, origin, fork := t.TempDir(), t.TempDir(), t.TempDir()
	with := func() string {
		t.Helper()
		r, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		head, err := r.Resolve(t.Context(), "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		names, err := r.BranchesWith(t.Context(), head.ID)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(names, " ")
	}
	check := func(when, want string) {
		t.Helper()
		if got := with(); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	git(dir, "init", "-q", "-b", "main")
	git(dir, "commit", "-q", "--allow-empty", "-m", "x")
	git(dir, "branch", "side")
	check("without a remote", "main side")
	for remote, at := range map[string]string{"origin": origin, "fork": fork} {
		git(at, "init", "-q", "--bare", "-b", "main")
		git(dir, "remote", "add", remote, at)
	}
	check("nothing is pushed", "")
	git(dir, "push", "-q", "fork", "main")
	git(dir, "config", "branch.main.remote", "fork")
	check("pushed to a fork, which it follows", "")
	git(dir, "push", "-q", "origin", "main", "main:release/1")
	git(dir, "remote", "set-head", "origin", "main")
	check("pushed", "main release/1")
	git(dir, "commit", "-q", "--allow-empty", "-m", "y")
	check("a commit that is here alone", "")
	git(dir, "push", "-q", "fork", "main:other")
	git(dir, "remote", "remove", "origin")
	check("the only remote", "other")
	git(dir, "remote", "add", "second", origin)
	git(dir, "config", "--unset", "branch.main.remote")
	check("two remotes, and neither is known to be the one", "")
}
