package cmd

import (
	"errors"
	"path/filepath"
	"strings"
)

// within makes an absolute path relative to dir, with slashes; inside is false
// where it is not below.
func within(dir, file string) (rel string, inside bool) {
	rel, err := filepath.Rel(dir, file)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// leadsOut is an error for a file below root that is outside of it, by a
// symlink: whoever wrote the repository would choose what of this machine is
// shown, or written over. The file need not be there.
func leadsOut(root, file string) error {
	abs, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if _, inside := within(root, abs); !inside {
		return nil
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks(abs)
	if err != nil { // not there yet, or a link to nothing, which is replaced
		dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return nil // reading or writing will say it
		}
		target = filepath.Join(dir, filepath.Base(abs))
	}
	if _, inside := within(real, target); !inside {
		return errors.New("it is a symlink that leads out of the repository")
	}
	return nil
}
