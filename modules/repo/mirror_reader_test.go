package repo

import (
	"errors"
	"testing"
	"time"
)

// A mirror's history can be read, and while it is read the mirror stays.
func TestMirrorReader(t *testing.T) {
	f := newForge(t)
	c := newCache(t)
	m := mirrorOf(t, c, f.URL+"/vpc.git")
	if _, err := m.Reader(t.Context()); err == nil || !errors.As(err, new(*MissingObjectError)) {
		t.Errorf("of no mirror: %v", err)
	}
	tip := f.id(t, "main")
	ensure(t, m, tip)
	rd, err := m.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []Hash
	if err := rd.Walk(t.Context(), tip, func(c CommitInfo) error {
		ids = append(ids, c.ID)
		return nil
	}); err != nil || len(ids) != 2 || ids[1] != tip {
		t.Errorf("walk: %v %v", ids, err)
	}
	if gone, err := c.Clean(t.Context(), time.Duration(0)); err != nil || len(gone) != 0 {
		t.Errorf("cleaned in use: %v %v", gone, err)
	}
	var message string
	if err := rd.Objects(t.Context(), ids[1:], func(o Object) error {
		c, err := ParseCommit(o)
		if err == nil {
			message = c.Message
		}
		return err
	}); err != nil || message != "two\n" {
		t.Errorf("message: %q %v", message, err)
	}
	if err := rd.Close(); err != nil {
		t.Fatal(err)
	}
	rd.Close()
	if gone, err := c.Clean(t.Context(), time.Duration(0)); err != nil || len(gone) != 1 {
		t.Errorf("cleaned: %v %v", gone, err)
	}
	if _, err := ParseCommit(Object{Type: "tree"}); err == nil {
		t.Error("a tree is a commit")
	}
}
