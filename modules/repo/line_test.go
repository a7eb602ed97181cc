package repo

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestLineOf(t *testing.T) {
	dir := newMonorepo(t)
	main := sh(t, dir, "rev-parse", "HEAD")
	sh(t, dir, "switch", "-q", "-c", "topic")
	sh(t, dir, "commit", "-q", "--allow-empty", "-m", "one")
	sh(t, dir, "commit", "-q", "--allow-empty", "-m", "two")
	topic := sh(t, dir, "rev-parse", "HEAD")
	sh(t, dir, "switch", "-q", "-")
	sh(t, dir, "commit", "-q", "--allow-empty", "-m", "main goes on")
	sh(t, dir, "switch", "-q", "--orphan", "other")
	sh(t, dir, "commit", "-q", "--allow-empty", "-m", "root")
	r := open(t, dir)
	hash := func(rev string) Hash { return resolve(t, r, rev).ID }
	rd, err := r.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	for _, c := range []struct {
		name, tip, base string
		commits         int
		fork            string
	}{
		{"two commits", topic, main, 2, main},
		{"the base has gone on", topic, "topic~2", 2, main},
		{"below the base", main, topic, 0, main},
		{"itself", topic, topic, 0, topic},
		{"no history in common", "other", topic, 1, ""},
	} {
		l, err := LineOf(t.Context(), rd, r.GitDir, hash(c.tip), hash(c.base))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		fork := ""
		if !l.Base.IsZero() {
			fork = l.Base.String()
		}
		if len(l.Commits) != c.commits || fork != c.fork || l.Tree != resolve(t, r, c.tip).Tree {
			t.Errorf("%s: %d commits from %q, tree %s", c.name, len(l.Commits), fork, l.Tree)
		}
	}
	if l, _ := LineOf(t.Context(), rd, r.GitDir, hash(topic), hash(main)); len(l.Commits) == 2 && l.Commits[0].Message != "two\n" {
		t.Errorf("%q", l.Commits[0].Message)
	}
	// A shallow clone ends the line; a tip that is not there is an error.
	shallow := filepath.Join(t.TempDir(), "shallow")
	sh(t, dir, "clone", "-q", "--depth", "1", "--no-single-branch", "file://"+dir, shallow)
	s, err := Open(t.Context(), shallow)
	if !errors.Is(err, ErrShallow) {
		t.Fatal(err)
	}
	srd, err := s.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer srd.Close()
	l, err := LineOf(t.Context(), srd, s.GitDir, hash(topic), hash("other"))
	if err != nil || len(l.Commits) != 1 || !l.Base.IsZero() {
		t.Errorf("%v %v", l, err)
	}
	if _, err := LineOf(t.Context(), srd, s.GitDir, hash("topic~1"), hash("other")); err == nil {
		t.Error("a missing tip has a line")
	}
}
