package cmd

import (
	"context"
	"slices"

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

// inside reports whether --path names where a call stands: the file, or the
// symlink that it is read through.
func (r *pinsRun) inside(u *versions.Use) bool {
	return r.inPaths(u.File) || r.inPaths(u.Call.File().Path)
}
