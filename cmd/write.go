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
	"regexp"
	"strconv"
	"syscall"

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
	swept := map[string]bool{}
	for _, c := range changes {
		if dir := path.Dir(c.Path); !swept[dir] {
			swept[dir] = true
			sweepTemps(root, dir)
		}
		mode, err := unchanged(root, c)
		if err != nil {
			return err
		}
		temp, err := writeTemp(root, c.Path, c.After, mode)
		if err != nil {
			return err
		}
		temps = append(temps, temp)
	}
	// Writing takes seconds where there are thousands, renaming does not.
	for _, c := range changes {
		if _, err := unchanged(root, c); err != nil {
			return err
		}
	}
	for i, c := range changes {
		if err := root.Rename(temps[i], c.Path); err != nil {
			return err
		}
	}
	return nil
}

// unchanged holds that a file is as it was read, and returns its mode.
func unchanged(root *os.Root, c lint.Change) (fs.FileMode, error) {
	info, err := root.Lstat(c.Path)
	if err != nil {
		return 0, err
	}
	now, err := root.ReadFile(c.Path)
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() || !bytes.Equal(now, c.Before) {
		return 0, fmt.Errorf("%s was changed meanwhile, and nothing is written\nhint: the same command again looks at it anew", c.Path)
	}
	return info.Mode().Perm(), nil
}

// tempName is that of the temporary files: of which process, and a number.
var tempName = regexp.MustCompile(`^\.terrier-([0-9]{1,9})-[0-9]+\.tmp$`)

// sweepTemps removes the temporary files that a process which is no more has
// left in a directory.
func sweepTemps(root *os.Root, dir string) {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return // writing will say it
	}
	for _, e := range entries {
		m := tempName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		if pid, err := strconv.Atoi(m[1]); err == nil && pid != os.Getpid() && !isRunning(pid) {
			_ = root.Remove(path.Join(dir, e.Name()))
		}
	}
}

// isRunning reports whether a process of this machine runs; true where the
// system does not tell.
func isRunning(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	return !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
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
