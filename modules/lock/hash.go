package lock

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"

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
	var names []string
	contents := map[string][]byte{} // of what is no file
	if t, ok := fsys.(interface{ Entries() []repo.TreeEntry }); ok {
		for _, e := range t.Entries() {
			names = append(names, e.Path)
			if e.Mode == repo.ModeSubmodule {
				contents[e.Path] = []byte(e.ID.String())
			}
		}
	} else {
		err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				names = append(names, p)
			}
			return err
		})
		if err != nil {
			return "", fmt.Errorf("list the package: %w", err)
		}
	}
	return dirhash.Hash1(names, func(name string) (io.ReadCloser, error) {
		data, ok := contents[name]
		if !ok {
			var err error
			if data, err = readRaw(fsys, name); err != nil {
				return nil, err
			}
		}
		return io.NopCloser(bytes.NewReader(data)), nil
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
