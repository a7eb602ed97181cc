package cmd

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/publish"
)

// moveLock finds out what the lock file has to hold once the pins have moved.
// Nil where there is no lock file, or nothing moves.
func (r *pinsRun) moveLock(ctx context.Context) (*publish.LockMove, error) {
	if len(r.result.Changes) == 0 || r.o.noLock {
		return nil, nil
	}
	at, err := lock.Path(r.cfg.Root)
	if err != nil {
		return nil, err
	}
	root, err := filepath.EvalSymlinks(r.root) // as at is
	if err != nil {
		return nil, err
	}
	rel, inside := within(root, at)
	if !inside {
		return nil, nil // of another repository
	}
	before, err := fs.ReadFile(r.fsys, rel)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	old, diags := lock.Parse(before, rel)
	if err := r.show(diags, map[string]*hcl.File{rel: {Bytes: before}}); err != nil {
		return nil, err
	}
	bar := r.progress()
	defer bar.Done()
	config, err := lockConfig(lockOptions{offline: r.o.offline}, bar)
	if err != nil {
		return nil, err
	}
	config.Remotes = r.store
	if !r.o.apart() { // a commit has all of its files
		if config.Partial, err = r.partial(ctx); err != nil {
			return nil, err
		}
	}
	locker := publish.Locker{Config: config, FS: r.fsys, Before: r.graph, Load: func(fsys fs.FS) *modules.Graph {
		graph, _ := r.load(fsys)
		return graph
	}}
	return locker.Move(ctx, rel, before, old, r.result.After)
}
