package repo

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMainBranch(t *testing.T) {
	at := func(dir string, args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=E", "-c", "user.email=e@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	main := func(dir string) string {
		t.Helper()
		r, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		name, c, err := r.MainBranch(t.Context())
		if errors.Is(err, ErrNoMain) {
			return "none"
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.ID.String() != at(dir, "rev-parse", name) {
			t.Errorf("%s is at %s", name, c.ID)
		}
		return name
	}
	dir := t.TempDir()
	at(dir, "init", "-q", "-b", "trunk")
	at(dir, "commit", "-q", "--allow-empty", "-m", "x")
	if got := main(dir); got != "none" {
		t.Errorf("got %s", got)
	}
	at(dir, "branch", "master")
	if got := main(dir); got != "master" {
		t.Errorf("got %s", got)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	at(dir, "clone", "-q", dir, clone)
	at(clone, "commit", "-q", "--allow-empty", "-m", "mine")
	if got := main(clone); got != "origin/trunk" {
		t.Errorf("got %s", got)
	}
	at(clone, "remote", "set-head", "origin", "-d")
	if got := main(clone); got != "origin/master" {
		t.Errorf("without origin's HEAD: %s", got)
	}
	at(clone, "remote", "rename", "origin", "upstream")
	if got := main(clone); got != "none" {
		t.Errorf("of another remote: %s", got)
	}
}

// A merge is one commit of the main branch, whatever it brought, and a history
// that ends too early is said to.
func TestFirstParents(t *testing.T) {
	dir := t.TempDir()
	n := 0
	at := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=E", "-c", "user.email=e@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), fmt.Sprintf("GIT_COMMITTER_DATE=@%d +0000", 1_000_000_000+1000*n))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(name string) {
		n++
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Append(nil, n), 0o666); err != nil {
			t.Fatal(err)
		}
		at("add", "-A")
		at("commit", "-q", "-m", name)
	}
	at("init", "-q", "-b", "main")
	commit("a") // 1
	commit("b") // 2
	at("switch", "-q", "-c", "side")
	commit("*") // 3, a name that is a glob
	at("switch", "-q", "main")
	commit("b") // 4
	n++
	at("merge", "-q", "--no-ff", "-m", "merge", "side") // 5
	commit("b")                                         // 6
	r, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	tip, err := r.Resolve(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	for until, want := range map[int64]string{
		6000: "6 true", 5500: "6 5 true", 2000: "6 5 4 2 true", 0: "6 5 4 2 1 false",
	} {
		list, reached, err := r.FirstParents(t.Context(), tip.ID, 1_000_000_000+until)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range list {
			got += fmt.Sprint((c.When-1_000_000_000)/1000, " ")
		}
		if got += fmt.Sprint(reached); got != want {
			t.Errorf("until %d: %s, want %s", until, got, want)
		}
	}
	list, _, err := r.FirstParents(t.Context(), tip.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a": "", "b": "6 4 2 ", "*": "5 ", ".": "6 5 4 2 "} {
		found, err := r.MainChanges(t.Context(), list[len(list)-1].ID, tip.ID, []string{path})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range list {
			if found[c.ID] {
				got += fmt.Sprint((c.When-1_000_000_000)/1000, " ")
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if shallow, err := r.Shallow(t.Context()); shallow || err != nil {
		t.Error(shallow, err)
	}
}
