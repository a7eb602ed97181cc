package lock

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/terrier-iac/terrier/modules/repo"
)

// Hash is the "h1:" hash of a package, by the algorithm of Terraform's
// provider lock (golang.org/x/mod/sumdb/dirhash): SHA-256 over a line
// "SHA-256  NAME" for each file, sorted by name.
//
// Of a repo.TreeFS the bytes are git's own, before any conversion of line
// ends, filter or export-ignore. A symlink counts as its target, a submodule
// as its commit in hexadecimal digits. Executable bits do not count, and
// neither do empty directories.
//
// A name with a line break is an error: it could stand for two files.
func Hash(fsys fs.FS) (string, error) {
	t, ok := fsys.(treeFS)
	if !ok {
		return hashFiles(fsys)
	}
	var names []string
	entries := map[string]repo.TreeEntry{}
	for _, e := range t.Entries() {
		names = append(names, e.Path)
		entries[e.Path] = e
	}
	return hash(names, func(name string) ([]byte, error) {
		e := entries[name]
		if e.Mode == repo.ModeSubmodule {
			return []byte(e.ID.String()), nil
		}
		return t.Blob(e) // not by its path: git's may be no UTF-8
	})
}

// A treeFS is a *repo.TreeFS.
type treeFS interface {
	Entries() []repo.TreeEntry
	Blob(repo.TreeEntry) ([]byte, error)
}

func hashFiles(fsys fs.FS) (string, error) {
	var names []string
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, p)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("list the package: %w", err)
	}
	return hash(names, func(name string) ([]byte, error) { return readRaw(fsys, name) })
}

func hash(names []string, read func(name string) ([]byte, error)) (string, error) {
	for _, name := range names {
		if strings.ContainsRune(name, '\n') {
			return "", fmt.Errorf("the name %q has a line break", name)
		}
	}
	return dirhash.Hash1(names, func(name string) (io.ReadCloser, error) {
		data, err := read(name)
		return io.NopCloser(bytes.NewReader(data)), err
	})
}

// readRaw reads a file, of a symlink its target.
func readRaw(fsys fs.FS, name string) ([]byte, error) {
	if info, err := fs.Lstat(fsys, name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		target, err := fs.ReadLink(fsys, name)
		return []byte(target), err
	}
	return fs.ReadFile(fsys, name)
}
