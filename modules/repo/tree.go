package repo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The modes of tree entries, as git writes them in octal.
const (
	ModeFile       uint32 = 0o100644
	ModeExecutable uint32 = 0o100755
	ModeSymlink    uint32 = 0o120000
	ModeTree       uint32 = 0o040000
	ModeSubmodule  uint32 = 0o160000
)

// maxTarget bounds what is read of a symlink: Linux's PATH_MAX.
const maxTarget = 4096

// maxEntries bounds what one tree may unfold to. A few nested trees that each
// name one other a thousand times are a small repository and an endless
// listing. A variable for the test's sake.
var maxEntries = 2_000_000

// A TreeEntry is one path of a commit's tree.
type TreeEntry struct {
	Path string
	Mode uint32 // one of the Mode constants
	ID   Hash
	// Size is a blob's length in bytes. It is -1 for what is no blob, and
	// for every entry of a partial clone that lacks some blob.
	Size int64
	// Target is a symlink's target as it is written. It is "" where Size is
	// beyond any path's.
	Target string
}

// A TreeFS is the tree of one commit as a file system. It is safe for
// parallel use, and needs Close.
//
// It follows no symlink: one is listed with fs.ModeSymlink, ReadLink gives its
// target, and Open and Stat of it give the link itself, whose content is the
// target, as it is in git. A path below a symlink does not exist. A submodule
// is an empty file with fs.ModeIrregular. Paths that are not valid in io/fs
// (see CheckTree) are in Entries alone.
//
// A file whose bytes are not there (partial clone) gives an *fs.PathError that
// wraps a *MissingObjectError.
type TreeFS struct {
	entries []TreeEntry // trees too, in order of path
	files   []TreeEntry // all but trees
	nodes   map[string]*node
	blobs   *blobReader
	release func() // what is to be done once it is closed; nil
}

var (
	_ fs.ReadDirFS  = (*TreeFS)(nil)
	_ fs.ReadFileFS = (*TreeFS)(nil)
	_ fs.StatFS     = (*TreeFS)(nil)
	_ fs.ReadLinkFS = (*TreeFS)(nil)
)

// At opens the tree of c. What it runs ends with ctx, and with Close.
func (r *Repo) At(ctx context.Context, c *Commit) (*TreeFS, error) {
	t, err := newTreeFS(ctx, c.Tree, time.Unix(c.Committer.When, 0).UTC(), func(args ...string) *exec.Cmd {
		return r.command(ctx, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("tree of commit %s: %w", c.ID, err)
	}
	return t, nil
}

// newTreeFS lists a tree with git, which starts it in the repository meant.
func newTreeFS(ctx context.Context, tree Hash, mtime time.Time, git func(args ...string) *exec.Cmd) (*TreeFS, error) {
	entries, err := listTree(ctx, tree, true, git)
	if errors.As(err, new(*MissingObjectError)) {
		// To tell a size git has to have the blob; the names it can tell.
		entries, err = listTree(ctx, tree, false, git)
	}
	if err != nil {
		return nil, err
	}
	t := &TreeFS{entries: entries, blobs: &blobReader{ctx: ctx, start: func() *exec.Cmd { return git("cat-file", "--batch") }}}
	for i := range t.entries {
		e := &t.entries[i]
		if e.Mode != ModeSymlink || e.Size > maxTarget {
			continue
		}
		target, err := t.blobs.read(e.ID)
		if err != nil && !errors.As(err, new(*MissingObjectError)) {
			t.Close()
			return nil, fmt.Errorf("symlink %s: %w", e.Path, err)
		}
		if len(target) <= maxTarget {
			e.Target = string(target)
		}
	}
	t.index(tree, mtime)
	return t, nil
}

// listTree runs git ls-tree, and gives its entries in order of path.
func listTree(ctx context.Context, tree Hash, sizes bool, git func(args ...string) *exec.Cmd) ([]TreeEntry, error) {
	args := []string{"ls-tree", "-r", "-t", "-z", "--full-tree"}
	if sizes {
		args = append(args, "-l")
	}
	cmd := git(append(args, tree.String())...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, gitError(ctx, cmd, "", err)
	}
	var entries []TreeEntry
	out := bufio.NewReaderSize(stdout, 64<<10)
	var bad error
	for {
		line, err := out.ReadString(0)
		if err != nil {
			break // the end; git's exit status tells of which kind
		}
		if len(entries) == maxEntries {
			bad = fmt.Errorf("tree %s holds more than %d paths", tree, maxEntries)
			break
		}
		e, err := parseEntry(strings.TrimSuffix(line, "\x00"), sizes)
		if err != nil {
			bad = fmt.Errorf("git ls-tree: unexpected line %q: %w", line, err)
			break
		}
		entries = append(entries, e)
	}
	if bad != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, bad
	}
	if err := cmd.Wait(); err != nil {
		return nil, asMissing(gitError(ctx, cmd, stderr.String(), err))
	}
	slices.SortStableFunc(entries, func(a, b TreeEntry) int { return strings.Compare(a.Path, b.Path) })
	return entries, nil
}

// parseEntry reads "MODE TYPE ID[ SIZE]\tPATH".
func parseEntry(line string, sizes bool) (TreeEntry, error) {
	head, name, ok := strings.Cut(line, "\t")
	f := strings.Fields(head)
	if want := 3; !ok || len(f) < want || sizes && len(f) != want+1 {
		return TreeEntry{}, errors.New("too few fields")
	}
	mode, err := strconv.ParseUint(f[0], 8, 32)
	if err != nil {
		return TreeEntry{}, err
	}
	id, err := ParseHash(f[2])
	if err != nil {
		return TreeEntry{}, err
	}
	e := TreeEntry{Path: name, Mode: uint32(mode), ID: id, Size: -1}
	if sizes && f[1] == "blob" {
		// BAD is git's word for a blob that it does not have.
		if n, err := strconv.ParseInt(f[3], 10, 64); err == nil {
			e.Size = n
		}
	}
	return e, nil
}

// Entries lists every file, symlink and submodule, sorted by path. The caller
// must not change it.
func (t *TreeFS) Entries() []TreeEntry { return t.files }

// Blob returns the content of one of the Entries, of a symlink its target,
// also where io/fs has no name for its path; of a submodule nil.
func (t *TreeFS) Blob(e TreeEntry) ([]byte, error) {
	return t.content("read", &node{t: t, entry: &e})
}

// Tree returns the id of the tree that the directory is; "." is the root.
func (t *TreeFS) Tree(dir string) (Hash, bool) {
	n := t.nodes[dir]
	if n == nil || n.entry.Mode != ModeTree {
		return Hash{}, false
	}
	return n.entry.ID, true
}

// ID returns the id of what stands at a path: a file, a symlink, a directory or
// a submodule; false where there is nothing.
func (t *TreeFS) ID(name string) (Hash, bool) {
	n := t.nodes[name]
	if n == nil {
		return Hash{}, false
	}
	return n.entry.ID, true
}

// Check applies CheckTree to everything in the tree, directories with no file
// in them included.
func (t *TreeFS) Check() error { return checkTree(t.entries, true) }

// Close ends the git process. Files that are open can still be read.
func (t *TreeFS) Close() error {
	if t.release != nil {
		defer t.release()
	}
	return t.blobs.close()
}

// A node is one path that io/fs can name. It is its own fs.FileInfo and
// fs.DirEntry.
type node struct {
	t        *TreeFS
	entry    *TreeEntry
	name     string
	mtime    time.Time
	children []fs.DirEntry // sorted by name
}

func (t *TreeFS) index(root Hash, mtime time.Time) {
	t.nodes = make(map[string]*node, len(t.entries)+1)
	top := &node{t: t, entry: &TreeEntry{Path: ".", Mode: ModeTree, ID: root, Size: -1}, name: ".", mtime: mtime}
	t.nodes["."] = top
	for i := range t.entries {
		e := &t.entries[i]
		if e.Mode != ModeTree {
			t.files = append(t.files, *e)
		}
		if !fs.ValidPath(e.Path) || e.Path == "." {
			continue
		}
		if _, ok := t.nodes[e.Path]; ok {
			continue // a duplicate name: CheckTree tells
		}
		parent := t.nodes[path.Dir(e.Path)]
		// A parent comes before its children in the order of paths. Where it
		// is not there, or is no directory, the tree is a hostile one.
		if parent == nil || parent.entry.Mode != ModeTree {
			continue
		}
		n := &node{t: t, entry: e, name: path.Base(e.Path), mtime: mtime}
		t.nodes[e.Path] = n
		parent.children = append(parent.children, n)
	}
	for _, n := range t.nodes {
		// Paths in order are not names in order: a.b sorts between a and a/c.
		sort.Slice(n.children, func(i, j int) bool { return n.children[i].Name() < n.children[j].Name() })
	}
}

func (n *node) Name() string               { return n.name }
func (n *node) IsDir() bool                { return n.entry.Mode == ModeTree }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }
func (n *node) Info() (fs.FileInfo, error) { return n.stat() }
func (n *node) ModTime() time.Time         { return n.mtime }

// Sys returns the *TreeEntry.
func (n *node) Sys() any { return n.entry }

// Size is the length of the content, of a symlink that of its target.
func (n *node) Size() int64 { return max(n.entry.Size, 0) }

func (n *node) Mode() fs.FileMode {
	switch n.entry.Mode {
	case ModeTree:
		return fs.ModeDir | 0o755
	case ModeSymlink:
		return fs.ModeSymlink | 0o777
	case ModeSubmodule:
		return fs.ModeIrregular
	case ModeExecutable:
		return 0o755
	}
	return 0o644
}

func (n *node) String() string { return fs.FormatDirEntry(n) }

// blob reports whether the entry has content.
func (n *node) blob() bool { return n.entry.Mode != ModeTree && n.entry.Mode != ModeSubmodule }

// stat is n with a size that is known.
func (n *node) stat() (fs.FileInfo, error) {
	if !n.blob() || n.entry.Size >= 0 {
		return n, nil
	}
	data, err := n.t.blobs.read(n.entry.ID)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: n.entry.Path, Err: err}
	}
	sized := *n
	e := *n.entry
	e.Size = int64(len(data))
	sized.entry = &e
	return &sized, nil
}

func (t *TreeFS) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := t.nodes[name]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Open opens a file, a directory, or a symlink itself.
func (t *TreeFS) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return &openDir{node: n}, nil
	}
	data, err := t.content("open", n)
	if err != nil {
		return nil, err
	}
	sized := *n
	e := *n.entry
	if n.blob() {
		e.Size = int64(len(data))
	}
	sized.entry = &e
	return &openFile{Reader: bytes.NewReader(data), node: &sized}, nil
}

func (t *TreeFS) content(op string, n *node) ([]byte, error) {
	if n.IsDir() {
		return nil, &fs.PathError{Op: op, Path: n.entry.Path, Err: errors.New("is a directory")}
	}
	if !n.blob() {
		return nil, nil
	}
	data, err := t.blobs.read(n.entry.ID)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: n.entry.Path, Err: err}
	}
	return data, nil
}

// ReadFile returns a file's bytes, of a symlink its target.
func (t *TreeFS) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	return t.content("read", n)
}

// ReadDir lists a directory, sorted by name.
func (t *TreeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	return slices.Clone(n.children), nil
}

// Stat describes name, of a symlink the link itself.
func (t *TreeFS) Stat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return n.stat()
}

// Lstat is Stat.
func (t *TreeFS) Lstat(name string) (fs.FileInfo, error) { return t.Stat(name) }

// ReadLink returns a symlink's target as it is written.
func (t *TreeFS) ReadLink(name string) (string, error) {
	n, err := t.find("readlink", name)
	if err != nil {
		return "", err
	}
	if n.entry.Mode != ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	if n.entry.Target == "" && n.entry.Size != 0 {
		// Too long, or missing: reading it tells which.
		if n.entry.Size > maxTarget {
			return "", &fs.PathError{Op: "readlink", Path: name, Err: fmt.Errorf("a target of %d bytes", n.entry.Size)}
		}
		data, err := t.content("readlink", n)
		return string(data), err
	}
	return n.entry.Target, nil
}

// openFile is a file that is open for reading.
type openFile struct {
	*bytes.Reader
	node *node
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.node, nil }
func (f *openFile) Close() error               { return nil }

// openDir is a directory that is open for listing.
type openDir struct {
	node *node
	next int
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.node, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.node.entry.Path, Err: errors.New("is a directory")}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := d.node.children[d.next:]
	if n > 0 {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		rest = rest[:min(n, len(rest))]
	}
	d.next += len(rest)
	return slices.Clone(rest), nil
}

// A blobReader reads blobs through one long-lived git cat-file --batch. It is
// safe for parallel use.
type blobReader struct {
	ctx   context.Context // what At was called with: the process ends with it
	start func() *exec.Cmd

	mu     sync.Mutex
	closed bool
	cmd    *exec.Cmd // nil before the first read, and after the process died
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *bytes.Buffer
}

var errTreeClosed = fmt.Errorf("the tree: %w", fs.ErrClosed)

// read returns the bytes of a blob, the caller's own.
func (b *blobReader) read(id Hash) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errTreeClosed
	}
	if err := b.ctx.Err(); err != nil {
		return nil, context.Cause(b.ctx)
	}
	if b.cmd == nil {
		if err := b.open(); err != nil {
			return nil, err
		}
	}
	data, err := b.ask(id)
	if err == nil || errors.As(err, new(*MissingObjectError)) {
		return data, err
	}
	// The process is of no use any more: what it said is the reason. A new
	// one is started for the next blob, since in a partial clone git dies of
	// each that is missing.
	cmd, stderr := b.cmd, b.stderr
	b.cmd = nil
	_ = b.in.Close()
	_ = cmd.Process.Kill()
	waitErr := cmd.Wait()
	if waitErr == nil || b.ctx.Err() != nil || stderr.Len() == 0 {
		waitErr = errors.Join(err, b.ctx.Err())
	}
	return nil, asMissing(gitError(b.ctx, cmd, stderr.String(), waitErr))
}

func (b *blobReader) open() error {
	cmd := b.start()
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		return gitError(b.ctx, cmd, "", err)
	}
	b.cmd, b.in, b.out, b.stderr = cmd, in, bufio.NewReaderSize(out, 64<<10), stderr
	return nil
}

// ask sends one id and reads the answer. An error that is no
// *MissingObjectError leaves the stream unusable.
func (b *blobReader) ask(id Hash) ([]byte, error) {
	if _, err := io.WriteString(b.in, id.String()+"\n"); err != nil {
		return nil, err
	}
	line, err := b.out.ReadString('\n')
	if err != nil {
		return nil, err
	}
	f := strings.Fields(line)
	if len(f) == 2 && f[1] == "missing" {
		return nil, &MissingObjectError{ID: id}
	}
	if len(f) != 3 || f[0] != id.String() {
		return nil, fmt.Errorf("unexpected answer %q", line)
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || size < 0 {
		return nil, fmt.Errorf("unexpected answer %q", line)
	}
	if f[1] != "blob" {
		return nil, fmt.Errorf("object %s is a %s and not a blob", id, f[1])
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(b.out, data); err != nil {
		return nil, err
	}
	if _, err := b.out.Discard(1); err != nil {
		return nil, err
	}
	return data, nil
}

func (b *blobReader) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.cmd == nil {
		return nil
	}
	cmd, stderr := b.cmd, b.stderr
	b.cmd = nil
	_ = b.in.Close()
	if err := cmd.Wait(); err != nil && b.ctx.Err() == nil {
		return gitError(b.ctx, cmd, stderr.String(), err)
	}
	return nil
}
