package repo

import (
	"context"
	"os/exec"
	"slices"
	"testing"
)

func TestRemotes(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	git("-c", "user.name=E", "-c", "user.email=e@example.com", "commit", "-q", "--allow-empty", "-m", "x")
	r, err := Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Remotes(context.Background()); err != nil || len(got) != 0 {
		t.Errorf("with no remote: %q, %v", got, err)
	}
	git("remote", "add", "b", "ssh://git@h/b.git")
	git("remote", "add", "a", "https://h/a b.git")
	git("config", "remote.a.pushurl", "https://h/no.git")
	want := []string{"https://h/a b.git", "ssh://git@h/b.git"}
	if got, err := r.Remotes(context.Background()); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}
