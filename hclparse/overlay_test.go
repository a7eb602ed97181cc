package hclparse

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// listing lists what it is told to, and opens all that there is.
type listing struct {
	fstest.MapFS
	names []fs.DirEntry
}

func (l listing) ReadDir(string) ([]fs.DirEntry, error) { return l.names, nil }

// What the file system below leaves out of its listings stays out.
func TestOverlayListsAsBelow(t *testing.T) {
	files := fstest.MapFS{"a.tf": {Data: []byte("a")}, "ignored.tf": {Data: []byte("b")}}
	all, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	over := Overlay(listing{files, all[:1]}, map[string][]byte{"a.tf": []byte("new")})
	got, err := fs.ReadDir(over, ".")
	if err != nil || len(got) != 1 || got[0].Name() != "a.tf" {
		t.Errorf("listed %v (%v), want a.tf alone", got, err)
	}
	if data, err := fs.ReadFile(over, "a.tf"); err != nil || string(data) != "new" {
		t.Errorf("a.tf is %q (%v)", data, err)
	}
}
