package cmd

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/versions"
)

// learn leaves what --path names, and then finds out which releases there are:
// a remote that only calls elsewhere name is not asked, and is no error of this
// run.
func (r *pinsRun) learn(ctx context.Context, remote bool) error {
	if len(r.o.paths) > 0 {
		named := []*versions.Module{}
		for _, m := range r.set.Modules {
			if slices.ContainsFunc(m.Uses, r.inside) {
				named = append(named, m)
			}
		}
		r.set.Keep(nil, named)
		r.set.Unknown = slices.DeleteFunc(r.set.Unknown, func(u versions.Unknown) bool { return !r.inPaths(u.File) })
	}
	return r.versionsRun.learn(ctx, remote)
}

// clear refuses names and paths that may mean what nobody has thought of: the
// name of several modules, a path at which there is nothing.
func (r *pinsRun) clear(names []string) error {
	for _, name := range names {
		if err := versions.Ambiguous(name, r.found[name]); err != nil {
			return err
		}
	}
	for i, p := range r.o.paths {
		at, err := r.fromRoot(p)
		if err != nil {
			return err
		}
		r.o.paths[i] = at
		if !slices.ContainsFunc(r.graph.Tree.Entries, func(e hclparse.Entry) bool { return matchesPath(at, e.Path) }) {
			return fmt.Errorf("--path %s: there is nothing at %s\nhint: paths count from the repository's root, %s; one that begins with ./ counts from where you are", p, at, r.root)
		}
	}
	return nil
}

// fromRoot is a --path relative to the root. One that is absolute, or that says
// where it begins (. and ..), is what a shell completes, so that it counts from
// the working directory.
func (r *pinsRun) fromRoot(p string) (string, error) {
	slashed := filepath.ToSlash(p)
	first, _, _ := strings.Cut(slashed, "/")
	if first != "." && first != ".." && !filepath.IsAbs(p) {
		slashed = path.Clean(slashed)
		if slashed == ".." || strings.HasPrefix(slashed, "../") {
			return "", outsideRoot(p, r.root)
		}
		return slashed, nil
	}
	root, err := filepath.EvalSymlinks(r.root)
	if err != nil {
		return "", err
	}
	abs := p
	if !filepath.IsAbs(p) {
		here, err := filepath.Abs(r.chdir)
		if err != nil {
			return "", err
		}
		if here, err = filepath.EvalSymlinks(here); err != nil {
			return "", err
		}
		abs = filepath.Join(here, p)
	}
	for _, from := range []string{root, r.root} {
		if at, inside := within(from, filepath.Clean(abs)); inside {
			return at, nil
		}
	}
	return "", outsideRoot(p, r.root)
}

func outsideRoot(p, root string) error {
	return fmt.Errorf("--path %s is outside of %s\nhint: -C names the repository", p, root)
}

// matchesPath reports whether a file is at or below a path or glob from the
// root.
func matchesPath(glob, file string) bool {
	if glob == "." || modules.Within(file, glob) {
		return true
	}
	for p := file; p != "."; p = path.Dir(p) {
		if ok, _ := doublestar.Match(glob, p); ok {
			return true
		}
	}
	return false
}

// inside reports whether --path names where a call stands: the file, or the
// symlink that it is read through.
func (r *pinsRun) inside(u *versions.Use) bool {
	return r.inPaths(u.File) || r.inPaths(u.Call.File().Path)
}
