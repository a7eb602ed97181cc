package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/repo"
)

// below makes paths of the command line relative to root, with slashes. nil
// for none: everything. One that is a symlink stands for itself and for what it
// leads to, which is where findings are.
func (a *app) below(root string, paths []string) ([]string, error) {
	realRoot, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range paths {
		abs := p
		if !filepath.IsAbs(p) {
			abs = filepath.Join(a.chdir, p)
		}
		abs, err := filepath.Abs(abs)
		if err != nil {
			return nil, err
		}
		target, err := filepath.EvalSymlinks(abs)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", p, reason(err))
		}
		rel, inside := within(realRoot, target)
		if !inside {
			return nil, fmt.Errorf("%s is outside of %s\nhint: -C names the repository", p, root)
		}
		out = append(out, rel)
		if link, inside := within(root, abs); inside && link != rel {
			out = append(out, link)
		}
	}
	return out, nil
}

// changedSince is the set of paths that differ from rev; nil where rev is "".
func (a *app) changedSince(ctx context.Context, root, rev string) (map[string]bool, error) {
	if rev == "" {
		return nil, nil
	}
	r, err := repo.Open(ctx, root)
	if err != nil && !errors.Is(err, repo.ErrShallow) {
		return nil, fmt.Errorf("--changed-since: %w", err)
	}
	paths, err := r.ChangedSince(ctx, rev)
	if err != nil {
		return nil, fmt.Errorf("--changed-since: %w", err)
	}
	// A .git that is none leaves git with a repository above.
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, fmt.Errorf("--changed-since: %w", err)
	}
	changed := map[string]bool{}
	for _, p := range paths {
		switch p, inside := within(real, filepath.Join(r.Root, filepath.FromSlash(p))); {
		case inside:
			changed[p] = true
		case modules.Within(filepath.ToSlash(real), filepath.ToSlash(filepath.Join(r.Root, p))):
			changed["."] = true // a repository that git does not look into, and root is in it
		}
	}
	return changed, nil
}

// reports says whether a finding is in what was asked for.
func (l *lintRun) reports(f lint.Finding) bool {
	file := f.Range.Filename
	if l.scope != nil && !slices.ContainsFunc(l.scope, func(p string) bool { return modules.Within(file, p) }) {
		return false
	}
	if l.since == nil || l.changed(file) {
		return true
	}
	// What a change elsewhere made wrong is new as well.
	return slices.ContainsFunc(f.Related, func(r lint.Related) bool { return l.changed(r.Range.Filename) })
}

// changed reports whether --changed-since names a file, or a directory that it
// is in: that of a submodule, or of another repository.
func (l *lintRun) changed(file string) bool {
	for p := file; ; p = path.Dir(p) {
		if l.since[p] {
			return true
		}
		if p == "." || p == "/" {
			return false
		}
	}
}
