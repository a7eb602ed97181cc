package registry

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// files is a file system in memory. Open and Stat of a symlink give the link
// itself, whose content is its target.
type files struct {
	nodes map[string]*fileNode
	count int   // entries
	size  int64 // bytes of all of them
}

var (
	_ fs.ReadDirFS  = (*files)(nil)
	_ fs.ReadFileFS = (*files)(nil)
	_ fs.StatFS     = (*files)(nil)
	_ fs.ReadLinkFS = (*files)(nil)
)

// A fileNode is its own fs.FileInfo and fs.DirEntry.
type fileNode struct {
	name     string // the last part
	mode     fs.FileMode
	data     []byte
	children []fs.DirEntry
}

func newFiles() *files {
	return &files{nodes: map[string]*fileNode{".": {name: ".", mode: fs.ModeDir | 0o755}}}
}

// addDir adds a directory, and those above it. Archives have some twice.
func (f *files) addDir(name string) error {
	clean, err := inside(name)
	if err != nil {
		return err
	}
	if f.count++; f.count > maxFiles {
		return errTooMuch
	}
	_, err = f.directory(clean)
	return err
}

func (f *files) directory(name string) (*fileNode, error) {
	if n := f.nodes[name]; n != nil {
		if !n.IsDir() {
			return nil, fmt.Errorf("it is below %q, which is no directory", name)
		}
		return n, nil
	}
	if len(f.nodes) > 2*maxFiles { // deep paths have many parents
		return nil, errTooMuch
	}
	parent, err := f.directory(path.Dir(name))
	if err != nil {
		return nil, err
	}
	n := &fileNode{name: path.Base(name), mode: fs.ModeDir | 0o755}
	f.nodes[name] = n
	parent.children = append(parent.children, n)
	return n, nil
}

// add adds a file, or a symlink whose target is the content.
func (f *files) add(name string, mode fs.FileMode, content io.Reader) error {
	clean, err := inside(name)
	if err != nil {
		return err
	}
	switch {
	case mode.Type() == fs.ModeSymlink:
		mode = fs.ModeSymlink | 0o777
	case !mode.IsRegular():
		return errors.New("it is neither a file, a directory nor a link")
	case mode&0o111 != 0:
		mode = 0o755
	default:
		mode = 0o644
	}
	if f.count++; f.count > maxFiles {
		return errTooMuch
	}
	if f.nodes[clean] != nil {
		return errors.New("it is there twice")
	}
	parent, err := f.directory(path.Dir(clean))
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(content, maxUnpacked-f.size+1))
	if err != nil {
		return err
	}
	if f.size += int64(len(data)); f.size > maxUnpacked {
		return errTooMuch
	}
	n := &fileNode{name: path.Base(clean), mode: mode, data: data}
	f.nodes[clean] = n
	parent.children = append(parent.children, n)
	return nil
}

// finish sorts, and looks at the symlinks, now that all paths are known.
func (f *files) finish() error {
	for _, n := range f.nodes {
		slices.SortFunc(n.children, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	}
	for name, n := range f.nodes {
		if n.mode.Type() != fs.ModeSymlink {
			continue
		}
		if err := f.stays(path.Dir(name), string(n.data), 0); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

// stays follows a target from a directory, through other symlinks.
func (f *files) stays(dir, target string, depth int) error {
	switch {
	case depth > 40:
		return errors.New("it is a link that leads round in a circle")
	case target == "" || strings.ContainsFunc(target, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }):
		return errors.New("it is a link to what is no path")
	case strings.HasPrefix(target, "/"), len(target) > 1 && target[1] == ':':
		return errors.New("it is a link to an absolute path")
	}
	parts := strings.Split(target, "/")
	for i, part := range parts {
		switch part {
		case "", ".":
			continue
		case "..":
			if dir == "." {
				return errors.New("it is a link that leaves the package")
			}
			dir = path.Dir(dir)
			continue
		}
		next := path.Join(dir, part)
		if n := f.nodes[next]; n != nil && n.mode.Type() == fs.ModeSymlink {
			rest := strings.Join(parts[i+1:], "/")
			to := string(n.data)
			if rest != "" {
				to += "/" + rest
			}
			return f.stays(dir, to, depth+1)
		}
		dir = next
	}
	return nil
}

func (f *files) find(op, name string) (*fileNode, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := f.nodes[name]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

func (f *files) Open(name string) (fs.File, error) {
	n, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	return &openNode{fileNode: n, Reader: bytes.NewReader(n.data)}, nil
}

func (f *files) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := f.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	return slices.Clone(n.children), nil
}

func (f *files) ReadFile(name string) ([]byte, error) {
	n, err := f.find("read", name)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	return bytes.Clone(n.data), nil
}

func (f *files) Stat(name string) (fs.FileInfo, error) {
	n, err := f.find("stat", name)
	if err != nil {
		return nil, err // not a nil *fileNode in an interface
	}
	return n, nil
}

func (f *files) Lstat(name string) (fs.FileInfo, error) { return f.Stat(name) }

func (f *files) ReadLink(name string) (string, error) {
	n, err := f.find("readlink", name)
	if err != nil {
		return "", err
	}
	if n.mode.Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return string(n.data), nil
}

func (n *fileNode) Name() string               { return n.name }
func (n *fileNode) Size() int64                { return int64(len(n.data)) }
func (n *fileNode) Mode() fs.FileMode          { return n.mode }
func (n *fileNode) Type() fs.FileMode          { return n.mode.Type() }
func (n *fileNode) ModTime() time.Time         { return time.Time{} }
func (n *fileNode) IsDir() bool                { return n.mode.IsDir() }
func (n *fileNode) Sys() any                   { return nil }
func (n *fileNode) Info() (fs.FileInfo, error) { return n, nil }
func (n *fileNode) String() string             { return fs.FormatDirEntry(n) }

// An openNode is a file or a directory that is being read.
type openNode struct {
	*fileNode
	*bytes.Reader
	listed int
}

func (o *openNode) Size() int64                { return o.fileNode.Size() }
func (o *openNode) Stat() (fs.FileInfo, error) { return o.fileNode, nil }
func (o *openNode) Close() error               { return nil }

func (o *openNode) Read(p []byte) (int, error) {
	if o.IsDir() {
		return 0, &fs.PathError{Op: "read", Path: o.name, Err: errors.New("is a directory")}
	}
	return o.Reader.Read(p)
}

// ReadDir lists what is left of the directory.
func (o *openNode) ReadDir(n int) ([]fs.DirEntry, error) {
	if !o.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: o.name, Err: errors.New("not a directory")}
	}
	rest := o.children[o.listed:]
	if n > 0 {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		rest = rest[:min(n, len(rest))]
	}
	o.listed += len(rest)
	return slices.Clone(rest), nil
}
