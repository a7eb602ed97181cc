package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

// change makes a file that is to be changed.
func fileChange(t *testing.T, dir, name string) lint.Change {
	t.Helper()
	c := lint.Change{Path: name, Before: []byte("old " + name), After: []byte("new " + name)}
	if err := os.WriteFile(filepath.Join(dir, name), c.Before, 0o640); err != nil {
		t.Fatal(err)
	}
	return c
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestRewriteFilesSweeps holds that what a killed run left behind is taken
// away, and what one that still runs has is not.
func TestRewriteFilesSweeps(t *testing.T) {
	dir := t.TempDir()
	c := fileChange(t, dir, "a.tf")
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	running := fmt.Sprintf(".terrier-%d-0.tmp", os.Getppid())
	for _, name := range []string{fmt.Sprintf(".terrier-%d-0.tmp", dead.Process.Pid), fmt.Sprintf(".terrier-%d-1.tmp", dead.Process.Pid), running, ".terrier-x-1.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := rewriteFiles(dir, []lint.Change{c}); err != nil {
		t.Fatal(err)
	}
	want := []string{running, ".terrier-x-1.tmp", "a.tf"}
	slices.Sort(want)
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRewriteFilesChanged holds that a file which somebody saved meanwhile
// keeps what they wrote, and no other file is written.
func TestRewriteFilesChanged(t *testing.T) {
	dir := t.TempDir()
	a, b := fileChange(t, dir, "a.tf"), fileChange(t, dir, "b.tf")
	b.Before = []byte("as it was read")
	if err := rewriteFiles(dir, []lint.Change{a, b}); err == nil || !strings.Contains(err.Error(), "b.tf was changed meanwhile") {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "a.tf")); string(got) != "old a.tf" {
		t.Errorf("a.tf: %q", got)
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("left: %q", got)
	}
}
