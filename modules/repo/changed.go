package repo

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
)

// ErrUnrelated says that two commits have no common ancestor.
var ErrUnrelated = errors.New("has no history in common with what is checked out")

// ChangedSince lists the paths that differ between the work tree and the
// common ancestor of rev and HEAD, as a merge request shows them: committed,
// staged, unstaged, and untracked files that are not ignored. Deleted paths and
// both names of a renamed one are among them. Paths are sorted, relative to
// Root, with slashes. A submodule whose commit differs, and a repository inside
// this one that is not tracked, are one path each, that of their directory.
//
// No filter driver is run: a file that one applies to may be listed though it
// has not changed.
func (r *Repo) ChangedSince(ctx context.Context, rev string) ([]string, error) {
	if r.Root == "" {
		return nil, errors.New("a bare repository has no work tree to compare")
	}
	base, err := r.MergeBase(ctx, rev)
	if err != nil {
		return nil, err
	}
	off, err := r.withoutFilters(ctx)
	if err != nil {
		return nil, fmt.Errorf("what has changed since %s: %w", rev, err)
	}
	args := append(off, "--work-tree="+r.Root)
	found := map[string]bool{}
	for _, command := range [][]string{
		{"diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", base.String(), "--"},
		{"ls-files", "-z", "--others", "--exclude-standard", "--full-name"},
	} {
		out, err := run(ctx, r.command(ctx, append(args[:len(args):len(args)], command...)...), nil)
		if err != nil {
			return nil, fmt.Errorf("what has changed since %s: %w", rev, err)
		}
		for _, p := range strings.Split(string(out), "\x00") {
			if p = strings.TrimSuffix(p, "/"); p != "" { // git ends a repository with one
				found[p] = true
			}
		}
	}
	paths := make([]string, 0, len(found))
	for p := range found {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	return paths, nil
}

// MergeBase is the common ancestor of rev and HEAD, which ChangedSince compares
// with. Where there is none the error wraps ErrUnrelated.
func (r *Repo) MergeBase(ctx context.Context, rev string) (Hash, error) {
	from, err := r.Resolve(ctx, rev)
	if err != nil {
		return Hash{}, err
	}
	head, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return Hash{}, err
	}
	out, err := run(ctx, r.command(ctx, "merge-base", from.ID.String(), head.ID.String()), nil)
	base, parseErr := ParseHash(strings.TrimSpace(string(out)))
	switch {
	case ctx.Err() != nil:
		return Hash{}, context.Cause(ctx)
	case err != nil && len(out) == 0, parseErr != nil:
		return Hash{}, fmt.Errorf("%s %w\nhint: in a shallow clone, fetch more of the history: git fetch --unshallow", rev, ErrUnrelated)
	}
	return base, nil
}
