package lock

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

const header = "# This file is written by `terrier lock`. Commit it with the code that it locks.\n"

// Bytes is the lock file as it is written. Equal files give equal bytes,
// which Parse reads again.
func (f *File) Bytes() []byte {
	sorted := File{Entries: append([]*Entry(nil), f.Entries...)}
	sorted.Sort()
	var b bytes.Buffer
	b.WriteString(header)
	fmt.Fprintf(&b, "version = %d\n", formatVersion)
	for _, e := range sorted.Entries {
		fmt.Fprintf(&b, "\nsource %s %s {\n", hclparse.QuoteNative(e.Address), hclparse.QuoteNative(e.Ref))
		var lines [][2]string
		add := func(name, value string) {
			if value != "" {
				lines = append(lines, [2]string{name, string(hclparse.QuoteNative(value))})
			}
		}
		add("kind", string(e.Kind))
		add("version", e.Version)
		add("download", e.Download)
		add("commit", e.Commit)
		add("hash", e.Hash)
		if len(e.Tags) > 0 {
			tags := make([]string, len(e.Tags))
			for i, t := range e.Tags {
				tags[i] = string(hclparse.QuoteNative(t))
			}
			lines = append(lines, [2]string{"tags", "[" + strings.Join(tags, ", ") + "]"})
		}
		width := 0
		for _, l := range lines {
			width = max(width, len(l[0]))
		}
		for _, l := range lines {
			fmt.Fprintf(&b, "  %-*s = %s\n", width, l[0], l[1])
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// Write writes the lock file of a directory, where its bytes change: to a
// temporary file beside it, which then takes its place. The permissions stay.
// It reports whether anything was written.
func (f *File) Write(dir string) (bool, error) {
	file, err := Path(dir)
	if err != nil {
		return false, err
	}
	data := f.Bytes()
	old, err := readLimited(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("write the lock file: %w", err)
	}
	if err == nil && bytes.Equal(old, data) {
		return false, nil
	}
	mode, exists := fs.FileMode(0o666), false
	if info, err := os.Stat(file); err == nil {
		mode, exists = info.Mode().Perm(), true
	}
	tmp, err := newFile(file, mode)
	if err != nil {
		return false, fmt.Errorf("write the lock file: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil && exists {
		err = tmp.Chmod(mode) // whatever the umask says
	}
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return false, fmt.Errorf("write the lock file: %w", err)
	}
	return true, nil
}

// newFile makes a file beside the other, of a name that nothing has: what an
// interrupted run left is not in the way, and no symlink is followed.
func newFile(file string, mode fs.FileMode) (*os.File, error) {
	for i := 0; ; i++ {
		name := filepath.Join(filepath.Dir(file), fmt.Sprintf("%s.tmp-%d-%d", Name, os.Getpid(), i))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err == nil || !errors.Is(err, fs.ErrExist) || i > 100 {
			return f, err
		}
	}
}
