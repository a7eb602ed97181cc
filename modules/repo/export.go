package repo

import (
	"os"
	"path/filepath"
)

// WriteTo writes the tree's files and symlinks below dir, which must not
// exist: the blobs' own bytes, with no filter and no conversion of line ends.
// Submodules are left out. The tree must have passed Check: a path is written
// as it is named.
func (t *TreeFS) WriteTo(dir string) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	made := map[string]bool{}
	for _, e := range t.Entries() {
		file := filepath.Join(dir, filepath.FromSlash(e.Path))
		if d := filepath.Dir(file); !made[d] {
			if err := os.MkdirAll(d, 0o777); err != nil {
				return err
			}
			made[d] = true
		}
		switch e.Mode {
		case ModeSubmodule:
		case ModeSymlink:
			if err := os.Symlink(e.Target, file); err != nil {
				return err
			}
		default:
			data, err := t.ReadFile(e.Path)
			if err != nil {
				return err
			}
			perm := os.FileMode(0o666)
			if e.Mode == ModeExecutable {
				perm = 0o777
			}
			if err := os.WriteFile(file, data, perm); err != nil {
				return err
			}
		}
	}
	return nil
}
