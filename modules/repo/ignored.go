package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"strings"
)

// Ignored lists what git ignores in the work tree: files, and directories of
// which nothing is tracked. Paths are relative to Root, with slashes.
func (r *Repo) Ignored(ctx context.Context) ([]string, error) {
	if r.Root == "" {
		return nil, nil
	}
	out, err := run(ctx, r.command(ctx, "--work-tree="+r.Root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", "--full-name"), nil)
	if err != nil {
		return nil, fmt.Errorf("what git ignores in %s: %w", r.Root, err)
	}
	var paths []string
	for _, p := range strings.Split(string(out), "\x00") {
		if p = strings.TrimSuffix(p, "/"); p != "" {
			paths = append(paths, p)
		}
	}
	return paths, nil
}

// Sparse reports whether the work tree is a sparse checkout, which may lack
// files of HEAD.
func (r *Repo) Sparse(ctx context.Context) (bool, error) {
	return r.configured(ctx, "core.sparseCheckout")
}

// IsIgnored reports whether git ignores a file of the work tree, which it does
// of none that is tracked. The path is as in Ignored.
func (r *Repo) IsIgnored(ctx context.Context, path string) (bool, error) {
	if r.Root == "" {
		return false, nil
	}
	_, err := run(ctx, r.command(ctx, "--work-tree="+r.Root, "-C", r.Root, "check-ignore", "--quiet", "--", path), nil)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

// Without is fsys with some files and directories left out of its listings.
// Who opens one by its path still gets it: a symlink may lead there.
func Without(fsys fs.FS, paths []string) fs.FS {
	if len(paths) == 0 {
		return fsys
	}
	w := &without{FS: fsys, names: map[string]map[string]bool{}}
	for _, p := range paths {
		dir := path.Dir(p)
		if w.names[dir] == nil {
			w.names[dir] = map[string]bool{}
		}
		w.names[dir][path.Base(p)] = true
	}
	return w
}

type without struct {
	fs.FS
	names map[string]map[string]bool // by directory
}

func (w *without) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	left := w.names[name]
	if len(left) == 0 {
		return entries, err
	}
	kept := entries[:0]
	for _, e := range entries {
		if !left[e.Name()] {
			kept = append(kept, e)
		}
	}
	return kept, err
}

func (w *without) ReadLink(name string) (string, error)   { return fs.ReadLink(w.FS, name) }
func (w *without) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(w.FS, name) }
func (w *without) Stat(name string) (fs.FileInfo, error)  { return fs.Stat(w.FS, name) }
func (w *without) ReadFile(name string) ([]byte, error)   { return fs.ReadFile(w.FS, name) }
