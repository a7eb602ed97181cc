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
	for _, how := range []string{"--bare", "--mirror"} {
		bare := filepath.Join(t.TempDir(), "bare.git")
		at(dir, "clone", "-q", how, dir, bare)
		if got := main(bare); got != "trunk" {
			t.Errorf("%s: %s", how, got)
		}
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
	if got := main(clone); got != "upstream/master" {
		t.Errorf("of the only remote: %s", got)
	}
	at(clone, "remote", "add", "mine", "https://git.example.com/mine.git")
	if got := main(clone); got != "upstream/master" {
		t.Errorf("of the branch's upstream: %s", got)
	}
	at(clone, "remote", "set-head", "upstream", "trunk")
	if got := main(clone); got != "upstream/trunk" {
		t.Errorf("of its HEAD: %s", got)
	}
	at(clone, "switch", "-q", "-c", "topic")
	if got := main(clone); got != "none" {
		t.Errorf("of a branch without upstream, and two remotes: %s", got)
	}
	at(clone, "config", "branch.topic.remote", "--upload-pack=x")
	if got := main(clone); got != "none" {
		t.Errorf("of a remote that there is not: %s", got)
	}
	at(clone, "config", "branch.topic.remote", ".")
	if got := main(clone); got != "none" {
		t.Errorf("of a local upstream: %s", got)
	}
	at(clone, "switch", "-q", "--detach")
	if got := main(clone); got != "none" {
		t.Errorf("detached, two remotes: %s", got)
	}
	at(clone, "remote", "remove", "mine")
	if got := main(clone); got != "upstream/trunk" {
		t.Errorf("detached, one remote: %s", got)
	}
	at(clone, "remote", "rename", "upstream", "a.b/c.url")
	at(clone, "remote", "set-head", "a.b/c.url", "-d")
	if got := main(clone); got != "a.b/c.url/master" {
		t.Errorf("of an odd name: %s", got)
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
		list, reached, err := r.FirstParents(t.Context(), tip.ID, 1_000_000_000+until, 1_000_100_000)
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
	list, _, err := r.FirstParents(t.Context(), tip.ID, 0, 1_000_100_000)
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

// Clocks are wrong: what a date cannot mean does not count.
func TestFirstParentsDates(t *testing.T) {
	for name, test := range map[string]struct {
		dates string // the oldest first
		want  string // the newest first
	}{
		"in order":           {"1 2 3", "3 2 1"},
		"one too old":        {"1 5 2 6", "6 5 5 1"},
		"the last too old":   {"1 5 0", "5 5 1"},
		"one too new":        {"1 99 3", "3 3 1"},
		"the last too new":   {"1 2 99", "10 2 1"},
		"the first too new":  {"99 2 3", "3 2 2"},
		"all too new":        {"98 99", "10 10"},
		"too new and old":    {"2 99 0", "2 2 2"},
		"now":                {"10", "10"},
		"several of them":    {"1 99 98 4 99", "10 4 4 4 1"},
		"of another century": {"1 4000000 3", "3 3 1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			at := func(date string, args ...string) {
				t.Helper()
				cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=E", "-c", "user.email=e@example.com"}, args...)...)
				cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=@"+date+"000 +0000")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("git %v: %v\n%s", args, err, out)
				}
			}
			at("0", "init", "-q")
			for _, date := range strings.Fields(test.dates) {
				at(date, "commit", "-q", "--allow-empty", "-m", "x")
			}
			r, err := Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			tip, err := r.Resolve(t.Context(), "HEAD")
			if err != nil {
				t.Fatal(err)
			}
			list, _, err := r.FirstParents(t.Context(), tip.ID, -1, 10_000)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range list {
				got = append(got, fmt.Sprint(c.When/1000))
			}
			if text := strings.Join(got, " "); text != test.want {
				t.Errorf("got %s, want %s", text, test.want)
			}
		})
	}
}
