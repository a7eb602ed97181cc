package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/pins"
)

// A lockChange is what becomes of the lock file when pins move.
type lockChange struct {
	path   string // below the repository's root
	before []byte
	file   *lock.File // as it will be
	old    *lock.File
}

// moveLock finds out what the lock file has to hold once the pins have moved:
// the entries of the new refs, and those of the old ones no more. Nil where
// there is no lock file, or nothing moves. What cannot be locked is an error:
// half a change would fail the next `terrier lock --check`.
func (r *pinsRun) moveLock(ctx context.Context) (*lockChange, error) {
	if len(r.result.Changes) == 0 || r.o.noLock {
		return nil, nil
	}
	at, err := lock.Path(r.cfg.Root)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(r.root, at)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, nil // of another repository
	}
	rel = filepath.ToSlash(rel)
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
	file, err := r.lockOf(ctx, r.result.After, old, r.o.offline)
	if err != nil {
		return nil, err
	}
	return &lockChange{path: rel, before: before, file: file, old: old}, nil
}

// lockOf is the lock of a tree; entries that old has stay as they are.
func (r *pinsRun) lockOf(ctx context.Context, g *modules.Graph, old *lock.File, offline bool) (*lock.File, error) {
	calls, _ := lock.Roots(g, hcl.Diagnostics{})
	result, err := r.runLock(ctx, lockOptions{offline: offline}, calls, old)
	if err != nil {
		return nil, err
	}
	if len(result.Failures) > 0 {
		f := result.Failures[0]
		return nil, fmt.Errorf("%s cannot be locked, and nothing is changed: %s: %s\nhint: --no-lock leaves %s as it is", f.Source, f.Source, f.Summary, lock.Name)
	}
	return result.File, nil
}

// change is the lock file's own among the changes; nil where its bytes stay.
func (l *lockChange) change() *lint.Change {
	if l == nil || sameEntries(l.old, l.file) {
		return nil
	}
	return &lint.Change{Path: l.path, Before: l.before, After: l.file.Bytes(), Fixes: 1}
}

func sameEntries(a, b *lock.File) bool { return slices.Equal(a.Bytes(), b.Bytes()) }

// stageLock is the lock file as a stage's commit has it: of the calls as they
// are once it and those before it are made. files are the contents so far.
func (r *pinsRun) stageLock(ctx context.Context, l *lockChange, files map[string][]byte) ([]byte, error) {
	// The lock has been made for the last one, so all that it takes is here.
	known := &lock.File{Entries: slices.Clone(l.old.Entries)}
	for _, e := range l.file.Entries {
		if known.Find(e.Address, e.Ref) == nil {
			known.Entries = append(known.Entries, e)
		}
	}
	known.Sort()
	graph, _ := r.load(hclparse.Overlay(r.fsys, files))
	file, err := r.lockOf(ctx, graph, known, true)
	if err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

// addLock puts the lock file into the stages' commits.
func (r *pinsRun) addLock(ctx context.Context, l *lockChange, stages []pins.Stage) error {
	if l.change() == nil {
		return nil
	}
	files, last := map[string][]byte{}, l.before
	for i := range stages {
		for p, data := range stages[i].Files {
			files[p] = data
		}
		data := l.file.Bytes()
		if i < len(stages)-1 {
			var err error
			if data, err = r.stageLock(ctx, l, files); err != nil {
				return err
			}
		}
		if !slices.Equal(data, last) {
			stages[i].Files[l.path] = data
			last = data
		}
	}
	return nil
}
