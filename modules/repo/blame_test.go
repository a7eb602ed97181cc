package repo

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A line's commit is that of HEAD's own history, whatever the configuration
// hides and whatever the work tree holds; no filter and no textconv runs.
func TestLineSince(t *testing.T) {
	dir := realDir(t)
	ran := filepath.Join(t.TempDir(), "ran")
	git := func(args ...string) { t.Helper(); sh(t, dir, args...) }
	git("init", "-q", "-b", "main", ".")
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("a file", "one\ntwo\n")
	git("add", "-A")
	git("commit", "-q", "-m", "first")
	first := sh(t, dir, "rev-parse", "HEAD")
	write("a file", "zero\none\nTWO\n")
	write(".gitattributes", "* diff=x filter=x\n")
	git("add", "-A")
	git("commit", "-q", "-m", "second")
	second := sh(t, dir, "rev-parse", "HEAD")
	git("config", "diff.x.textconv", "touch "+ran+"; cat")
	git("config", "filter.x.clean", "touch "+ran+"; cat")
	write("ignore", second+"\n")
	git("config", "blame.ignoreRevsFile", "ignore")
	write("a file", "changed\n")
	r, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[int]string{1: second, 2: first, 3: second} {
		o, err := r.LineSince(t.Context(), "HEAD", "a file", line)
		if err != nil || o.Commit.String() != want || o.AtLeast || o.When == 0 {
			t.Errorf("line %d: %+v %v, want %s", line, o, err, want)
		}
	}
	for _, c := range []struct {
		rev, path string
		line      int
	}{{"HEAD", "a file", 4}, {"HEAD", "a file", 0}, {"HEAD", "nothing", 1}, {"HEAD", "ignore", 1}, {"--contents=/etc/passwd", "a file", 1}, {"nothing", "a file", 1}} {
		if o, err := r.LineSince(t.Context(), c.rev, c.path, c.line); !errors.Is(err, ErrNoLine) {
			t.Errorf("%v: %+v %v", c, o, err)
		}
	}
	if data, err := r.FileAt(t.Context(), "HEAD", "a file"); err != nil || string(data) != "zero\none\nTWO\n" {
		t.Errorf("%q %v", data, err)
	}
	if _, err := r.FileAt(t.Context(), "HEAD", "ignore"); !errors.Is(err, ErrNoLine) {
		t.Error(err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program of the configuration ran")
	}
}

// Digits are those of a commit, whatever branches and tags are called.
func TestMirrorResolveShort(t *testing.T) {
	f := newForge(t)
	one := f.commit(t, "one")
	two := f.commit(t, "two")
	sh(t, f.work, "branch", one.String()[:8], two.String())
	f.push(t)
	m := mirrorOf(t, newCache(t), f.URL+"/vpc.git")
	if _, err := m.ResolveShort(t.Context(), one.String()[:8]); !errors.Is(err, ErrRevision) {
		t.Errorf("without a mirror: %v", err)
	}
	ensure(t, m, two)
	for _, digits := range []string{one.String()[:8], one.String()[:39]} {
		if id, err := m.ResolveShort(t.Context(), digits); err != nil || id != one {
			t.Errorf("%s: %s %v", digits, id, err)
		}
	}
	for _, digits := range []string{"", "abc", "0000000", "main", "--all", one.String()} {
		if id, err := m.ResolveShort(t.Context(), digits); !errors.Is(err, ErrRevision) {
			t.Errorf("%q: %s %v", digits, id, err)
		}
	}
}
