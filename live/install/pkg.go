package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/terrier-iac/terrier/modules/repo"
)

// Bounds of what is kept in memory of a package's files.
const (
	keepFile    = 1 << 20
	keepPackage = 32 << 20
)

// A pkg is a package at a commit. Its files stay open until the Installer is
// closed.
type pkg struct {
	mirror *repo.Mirror
	commit repo.Hash

	once sync.Once
	err  error
	tree *repo.TreeFS
	// why says why a checkout has to be made by git; "" where there is nothing
	// in the way of writing the blobs.
	why string

	mu      sync.Mutex
	configs map[[2]string]*config
	data    map[string][]byte
	kept    int
	scripts *string
}

// open reads what is in the package.
func (p *pkg) open(ctx context.Context) error {
	p.once.Do(func() {
		// Not this caller's context: others will read as well.
		ctx := context.WithoutCancel(ctx)
		if p.tree, p.err = p.mirror.At(ctx, p.commit); p.err != nil {
			return
		}
		p.why, p.err = checkout(ctx, p.tree)
		p.configs, p.data = map[[2]string]*config{}, map[string][]byte{}
	})
	return p.err
}

// checkout says why git would check a tree out otherwise than its blobs are.
func checkout(ctx context.Context, t *repo.TreeFS) (string, error) {
	if err := t.Check(); err != nil {
		return "the package holds a path that is not safe to write", nil
	}
	attributes := map[string][]byte{}
	var paths []string
	for _, e := range t.Entries() {
		switch e.Mode {
		case repo.ModeSubmodule:
			return "the package has a submodule: " + e.Path, nil
		case repo.ModeSymlink:
			if len(e.Target) == 0 {
				return "the package has a symlink that leads nowhere: " + e.Path, nil
			}
			if path.Base(e.Path) == ".gitattributes" || path.Base(e.Path) == ".gitmodules" {
				return "the package has a symlink " + e.Path, nil
			}
			continue
		case repo.ModeFile, repo.ModeExecutable:
		default:
			return "the package holds something that is no file: " + e.Path, nil
		}
		if path.Base(e.Path) == ".gitattributes" {
			data, err := t.ReadFile(e.Path)
			if err != nil {
				return "", err
			}
			attributes[e.Path] = data
		}
		paths = append(paths, e.Path)
	}
	if len(attributes) == 0 {
		return "", nil
	}
	values, err := repo.Attributes(ctx, attributes, paths)
	if err != nil {
		return "", err
	}
	for n, p := range paths {
		for k, value := range values[n] {
			name := repo.CheckoutAttributes[k]
			switch {
			case value == "unspecified", value == "unset":
			case name == "text", name == "crlf" && value != "set", name == "eol" && value == "lf":
				// Line ends become the machine's, which are those of the blob
				// here (see repo.Plain).
				if filepath.Separator != '/' {
					return fmt.Sprintf("git converts %s at checkout (%s=%s)", p, name, value), nil
				}
			default:
				return fmt.Sprintf("git converts %s at checkout (%s=%s)", p, name, value), nil
			}
		}
	}
	return "", nil
}

// config reads a directory of the package once, in the whole package or in a
// copy without its hidden files.
func (p *pkg) config(dir string, hidden bool) *config {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]string{dir, fmt.Sprint(hidden)}
	c := p.configs[key]
	if c == nil {
		c = read(p.tree, dir, hidden, false)
		if c.runs && c.why == "" {
			c.why = p.script()
		}
		p.configs[key] = c
	}
	return c
}

// script says that a script of the package runs git; "" where none does. p.mu
// is held.
func (p *pkg) script() string {
	if p.scripts == nil {
		why := ""
		for _, e := range p.tree.Entries() {
			if e.Mode == repo.ModeSymlink || e.Size > keepFile || strings.EqualFold(path.Ext(e.Path), ".md") || path.Ext(e.Path) == ".tf" {
				continue
			}
			if data, err := p.tree.ReadFile(e.Path); err != nil || gitCommand.Match(data) || strings.HasSuffix(e.Path, ".sh") && gitPath.Match(data) {
				why = "the package runs programs, and " + e.Path + " runs git, which needs a clone"
				break
			}
		}
		p.scripts = &why
	}
	return *p.scripts
}

// file is the content of a file, kept where it is small.
func (p *pkg) file(e repo.TreeEntry) ([]byte, error) {
	p.mu.Lock()
	data, ok := p.data[e.Path]
	p.mu.Unlock()
	if ok {
		return data, nil
	}
	data, err := p.tree.ReadFile(e.Path)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(data) <= keepFile && p.kept+len(data) <= keepPackage {
		p.kept += len(data)
		p.data[e.Path] = data
	}
	return data, nil
}

// write puts the package into a directory that is there and empty, as git clone
// does, or with hidden as terraform copies it for a second call: without the
// names that begin with a dot.
func (p *pkg) write(ctx context.Context, root *os.Root, hidden bool) error {
	perm := os.FileMode(0o777)
	if hidden {
		perm = 0o755
	}
	made := map[string]bool{".": true}
	var mkdir func(d string) error
	mkdir = func(d string) error {
		if made[d] {
			return nil
		}
		if err := mkdir(path.Dir(d)); err != nil {
			return err
		}
		made[d] = true
		return root.Mkdir(filepath.FromSlash(d), perm)
	}
	for n, e := range p.tree.Entries() {
		if n%256 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		parent := path.Dir(e.Path)
		if hidden && hiddenPath(e.Path) {
			// The directories that hold nothing else are made all the same.
			for hiddenPath(parent) {
				parent = path.Dir(parent)
			}
			if err := mkdir(parent); err != nil {
				return err
			}
			continue
		}
		if err := mkdir(parent); err != nil {
			return err
		}
		name := filepath.FromSlash(e.Path)
		if e.Mode == repo.ModeSymlink {
			if err := root.Symlink(e.Target, name); err != nil {
				return err
			}
			continue
		}
		data, err := p.file(e)
		if err != nil {
			return err
		}
		mode := os.FileMode(0o666)
		if e.Mode == repo.ModeExecutable {
			mode = 0o777
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// links follows the symlinks of a path from a directory: it gives the path
// without any, as filepath.EvalSymlinks does for a relative one. look gives a
// symlink's target, and "" for what is none.
func links(p string, look func(p string) (target string, err error)) (string, error) {
	at, rest := "", strings.Split(path.Clean(p), "/")
	for seen := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if at == "" || at == ".." || strings.HasSuffix(at, "/..") {
				at = path.Join(at, "..")
			} else {
				at = path.Dir(at)
				if at == "." {
					at = ""
				}
			}
			continue
		}
		next := path.Join(at, part)
		target, err := look(next)
		switch {
		case err != nil:
			return "", err
		case target == "":
			at = next
			continue
		case path.IsAbs(target):
			return "", errors.New("a symlink on the way is absolute")
		}
		if seen++; seen > 40 {
			return "", errors.New("runs in a circle of symlinks")
		}
		rest = slices.Concat(strings.Split(target, "/"), rest)
	}
	if at == "" {
		at = "."
	}
	return at, nil
}

// in resolves a directory of the package, from its root.
func (p *pkg) in(dir string, hidden bool) (string, error) {
	at, err := links(dir, func(name string) (string, error) {
		if name == ".." || strings.HasPrefix(name, "../") {
			return "", errors.New("leads out of the package")
		}
		if hidden && hiddenPath(name) {
			return "", fs.ErrNotExist
		}
		info, err := p.tree.Lstat(name)
		if err != nil {
			return "", fs.ErrNotExist
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			return p.tree.ReadLink(name)
		case !info.IsDir():
			return "", errors.New("is no directory")
		}
		return "", nil
	})
	if err == nil && (at == ".." || strings.HasPrefix(at, "../")) {
		err = errors.New("leads out of the package")
	}
	return at, err
}
