package repo

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

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
