package terraform

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What is old is removed, and nothing else: no link, and no file of others.
func TestCleanShown(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for name, at := range map[string]time.Time{"old.json": now.Add(-time.Hour), "new.json": now.Add(time.Hour), "old.txt": now.Add(-time.Hour)} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("new.json", filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	CleanShown(dir, now)
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 3 {
		t.Errorf("%q is left (%v)", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "old.json")); err == nil {
		t.Error("old.json is left")
	}
	CleanShown(filepath.Join(dir, "none"), now)
}
