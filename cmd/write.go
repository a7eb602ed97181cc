package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/terrier-iac/terrier/modules/lint"
)

// rewriteFiles writes changed files below dir. All of them are written beside
// their places first, and put there by renaming when that is done: an error on
// the way leaves every file as it was. The mode of a file stays. One that is
// no longer as it was read is an error.
func rewriteFiles(dir string, changes []lint.Change) (err error) {
	root, err := os.OpenRoot(dir) // no symlink leads out of it
	if err != nil {
		return err
	}
	defer root.Close()
	var temps []string
	defer func() {
		for _, t := range temps {
			_ = root.Remove(t) // gone where it has been renamed
		}
	}()
	for _, c := range changes {
		info, err := root.Lstat(c.Path)
		if err != nil {
			return err
		}
		now, err := root.ReadFile(c.Path)
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular() || !bytes.Equal(now, c.Before):
			return fmt.Errorf("%s was changed meanwhile, and nothing is written\nhint: the same command again looks at it anew", c.Path)
		}
		temp, err := writeTemp(root, c.Path, c.After, info.Mode().Perm())
		if err != nil {
			return err
		}
		temps = append(temps, temp)
	}
	for i, c := range changes {
		if err := root.Rename(temps[i], c.Path); err != nil {
			return err
		}
	}
	return nil
}

// writeWhole writes a file whole, or not at all. What was there is replaced;
// a symlink is written through.
func writeWhole(file string, data []byte) error {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		// /dev/stdout and the like cannot be replaced.
		return os.WriteFile(file, data, 0o666)
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.Base(file)
	mode := fs.FileMode(0o644)
	if info, err := root.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	temp, err := writeTemp(root, name, data, mode)
	if err != nil {
		return err
	}
	if err := root.Rename(temp, name); err != nil {
		_ = root.Remove(temp)
		return err
	}
	return nil
}

// writeNew writes a whole file that was not there, or none.
func writeNew(file string, data []byte) error {
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.Base(file)
	temp, err := writeTemp(root, name, data, 0o644)
	if err != nil {
		return err
	}
	defer root.Remove(temp)
	// A link, not a rename: it fails where somebody wrote the file meanwhile.
	err = root.Link(temp, name)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already, and is left as it is", file)
	case err != nil: // a file system without hard links
		return root.Rename(temp, name)
	}
	return nil
}

// writeTemp writes data beside the file at p and returns where.
func writeTemp(root *os.Root, p string, data []byte, mode fs.FileMode) (string, error) {
	for i := 0; ; i++ {
		temp := path.Join(path.Dir(p), fmt.Sprintf(".terrier-%d-%d.tmp", os.Getpid(), i))
		f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) && i < 1000 {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = io.Copy(f, bytes.NewReader(data))
		if err == nil {
			err = f.Chmod(mode) // whatever the umask
		}
		if err == nil {
			err = f.Sync()
		}
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			_ = root.Remove(temp)
			return "", err
		}
		return temp, nil
	}
}
