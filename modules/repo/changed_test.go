package repo

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChangedSince(t *testing.T) {
	dir := newMonorepo(t)
	sh(t, dir, "branch", "target")
	r := open(t, dir)
	check := func(rev string, want ...string) {
		t.Helper()
		got, err := r.ChangedSince(t.Context(), rev)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	check("target")
	put(t, dir, map[string]string{"new/a.tf": "", "new/-b c.tf": "", "README.md": "other\n", "no.log": "", ".gitignore": "*.log\n"})
	check("target", ".gitignore", "README.md", "new/-b c.tf", "new/a.tf")
	sh(t, dir, "add", "-A")
	sh(t, dir, "commit", "-q", "-m", "more")
	if err := os.Rename(filepath.Join(dir, "new/a.tf"), filepath.Join(dir, "new/ü.tf")); err != nil {
		t.Fatal(err)
	}
	check("target", ".gitignore", "README.md", "new/-b c.tf", "new/ü.tf")
	check("HEAD", "new/a.tf", "new/ü.tf")

	// What the target got meanwhile is not a change of ours.
	sh(t, dir, "stash", "-q", "-u")
	sh(t, dir, "checkout", "-q", "target")
	put(t, dir, map[string]string{"theirs.tf": ""})
	sh(t, dir, "add", "-A")
	sh(t, dir, "commit", "-q", "-m", "theirs")
	sh(t, dir, "checkout", "-q", "-")
	check("target", ".gitignore", "README.md", "new/-b c.tf", "new/a.tf")

	sh(t, dir, "checkout", "-q", "--orphan", "alone")
	sh(t, dir, "commit", "-q", "-m", "alone")
	if _, err := r.ChangedSince(t.Context(), "target"); !errors.Is(err, ErrUnrelated) {
		t.Errorf("unrelated: %v", err)
	}
	for _, rev := range []string{"nowhere", "--output=x", ""} {
		if _, err := r.ChangedSince(t.Context(), rev); err == nil {
			t.Errorf("%q: no error", rev)
		}
	}
}

// TestNoFilterRuns has a configuration and attributes that ask for a program
// whenever git looks at a file: none may run, whatever its driver is called.
func TestNoFilterRuns(t *testing.T) {
	for name, refused := range map[string]bool{"plain": false, "A.b": false, "a=b": true, "=": true} {
		t.Run(name, func(t *testing.T) {
			dir := newMonorepo(t)
			mark := filepath.Join(t.TempDir(), "ran")
			put(t, dir, map[string]string{".gitattributes": "* filter=" + name + "\n"})
			for _, key := range []string{"clean", "process", "smudge"} {
				sh(t, dir, "config", "filter."+name+"."+key, "touch '"+mark+"'; cat")
			}
			if err := os.Chtimes(filepath.Join(dir, "README.md"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
			r := open(t, dir)
			if _, err := r.ChangedSince(t.Context(), "HEAD"); (err != nil) != refused {
				t.Errorf("changed since: %v", err)
			}
			if _, err := r.Dirty(t.Context()); (err != nil) != refused {
				t.Errorf("dirty: %v", err)
			}
			if _, err := os.Stat(mark); err == nil {
				t.Error("the filter was run")
			}
		})
	}
}

// TestChangedSinceRepositories holds that other repositories inside this one
// are named by their directories: git does not look into them.
func TestChangedSinceRepositories(t *testing.T) {
	dir := newMonorepo(t)
	inner := filepath.Join(dir, "inner")
	put(t, inner, map[string]string{"main.tf": ""})
	sh(t, inner, "init", "-q")
	sh(t, inner, "add", "-A")
	sh(t, inner, "commit", "-q", "-m", "inner")
	got, err := open(t, dir).ChangedSince(t.Context(), "HEAD")
	if diff := cmp.Diff([]string{"inner"}, got); err != nil || diff != "" {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
}
