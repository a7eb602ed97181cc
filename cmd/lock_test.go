package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lock"
)

func TestWriteLockFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, lock.Name)
	some := &lock.File{Entries: []*lock.Entry{{
		Address: "git::https://h.example.com/vpc.git", Ref: "v1.2.3", Kind: lock.KindTag,
		Commit: strings.Repeat("a", 40), Hash: "h1:" + strings.Repeat("A", 43) + "=",
	}}}
	write := func(f *lock.File) {
		t.Helper()
		if err := writeLockFile(dir, f); err != nil {
			t.Fatal(err)
		}
		got, diags, _ := lock.Read(dir)
		if diags.HasErrors() || got == nil || len(got.Entries) != len(f.Entries) {
			t.Fatalf("%v %v", got, diags)
		}
	}
	write(some)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(file)
	write(some)
	if after, _ := os.Stat(file); !os.SameFile(before, after) || after.ModTime() != before.ModTime() {
		t.Error("it was written though nothing changed")
	}
	crlf := bytes.ReplaceAll((&lock.File{}).Bytes(), []byte("\n"), []byte("\r\n"))
	if err := os.WriteFile(file, crlf, 0o640); err != nil {
		t.Fatal(err)
	}
	write(some)
	if data, _ := os.ReadFile(file); bytes.Count(data, []byte("\n")) != bytes.Count(data, []byte("\r\n")) {
		t.Errorf("line ends: %q", data)
	}
	write(&lock.File{})
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v", info.Mode())
	}
	// A symlink to a place inside is followed, one that leads out is not.
	if err := os.Mkdir(filepath.Join(dir, "locks"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, filepath.Join(dir, "locks", "x.hcl")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("locks/x.hcl", file); err != nil {
		t.Fatal(err)
	}
	write(some)
	if info, err := os.Lstat(file); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the symlink is gone: %v", err)
	}
	outside := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(outside, []byte("mine\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{outside, filepath.Join(filepath.Dir(outside), "nothing")} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, file); err != nil {
			t.Fatal(err)
		}
		if err := writeLockFile(dir, some); err == nil || !strings.Contains(err.Error(), "is a symlink that leads") {
			t.Errorf("%s: %v", target, err)
		}
	}
	if data, _ := os.ReadFile(outside); string(data) != "mine\n" {
		t.Errorf("a file outside was written: %s", data)
	}
	for _, pattern := range []string{"*", "locks/*"} {
		left, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, name := range left {
			if base := filepath.Base(name); base != "locks" && base != "x.hcl" && base != lock.Name {
				t.Errorf("left over: %s", name)
			}
		}
	}
}
