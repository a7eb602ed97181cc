package publish

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/pins"
)

// A Locker makes the lock files of trees.
type Locker struct {
	// Config is whom it asks.
	Config lock.Config
	// FS is the tree before any change, Before its graph, and Load makes one of a
	// tree that is laid over it.
	FS     fs.FS
	Before *modules.Graph
	Load   func(fs.FS) *modules.Graph
}

// A LockMove is what becomes of the lock file when pins move.
type LockMove struct {
	Path   string // below the repository's root
	Before []byte // the file as it is
	// Old and New are what it holds, before all stages and behind them.
	Old, New *lock.File
	// Apart says that git ignores the file: no commit has it.
	Apart bool

	locker Locker
	after  []lock.Call
}

// Move finds out what a lock file has to hold once the pins have moved: the
// entries of the new refs, and those of the old ones no more. after is the tree
// with all changes. What cannot be locked is an error: half a change would fail
// the next `terrier lock --check`.
func (k Locker) Move(ctx context.Context, path string, before []byte, old *lock.File, after *modules.Graph) (*LockMove, error) {
	calls := rootsOf(after)
	file, err := k.lock(ctx, calls, old)
	if err != nil {
		return nil, err
	}
	return &LockMove{Path: path, Before: before, Old: old, New: file, locker: k, after: calls}, nil
}

func rootsOf(g *modules.Graph) []lock.Call {
	calls, _ := lock.Roots(g, hcl.Diagnostics{})
	return calls
}

// lock is the lock of a tree's calls; entries that old has stay as they are.
func (k Locker) lock(ctx context.Context, calls []lock.Call, old *lock.File) (*lock.File, error) {
	result, err := lock.Run(ctx, calls, old, k.Config)
	if err != nil {
		return nil, err
	}
	if len(result.Failures) > 0 {
		f := result.Failures[0]
		return nil, fmt.Errorf("%s cannot be locked, and nothing is changed: %s: %s\nhint: --no-lock leaves %s as it is", f.Source, f.Source, f.Summary, lock.Name)
	}
	return result.File, nil
}

// Change is the lock file's own among the changes; nil where its bytes stay. l
// may be nil.
func (l *LockMove) Change() *lint.Change {
	if l == nil || slices.Equal(l.Old.Bytes(), l.New.Bytes()) {
		return nil
	}
	return &lint.Change{Path: l.Path, Before: l.Before, After: l.New.BytesAs(l.Before), Fixes: 1}
}

// AddTo puts the lock file into the stages, so that each commit has the lock of
// the calls as they are once it and those before it are made. l may be nil.
func (l *LockMove) AddTo(ctx context.Context, stages []pins.Stage) error {
	if l.Change() == nil || l.Apart {
		return nil
	}
	halfway := newHalfway(rootsOf(l.locker.Before), l.after, stages)
	files, last := map[string][]byte{}, l.Before
	for i := range stages {
		maps.Copy(files, stages[i].Files)
		data := l.New.BytesAs(l.Before)
		if i < len(stages)-1 {
			calls, ok := halfway.calls(files)
			if !ok {
				calls = rootsOf(l.locker.Load(hclparse.Overlay(l.locker.FS, files)))
			}
			var err error
			if data, err = l.between(ctx, calls); err != nil {
				return err
			}
		}
		if !slices.Equal(data, last) {
			stages[i].Files[l.Path] = data
			last = data
		}
	}
	return nil
}

// between is the lock file of the calls of a tree with some of the changes. All
// that it takes was fetched for the last one.
func (l *LockMove) between(ctx context.Context, calls []lock.Call) ([]byte, error) {
	known := &lock.File{Entries: slices.Clone(l.Old.Entries)}
	for _, e := range l.New.Entries {
		if known.Find(e.Address, e.Ref) == nil {
			known.Entries = append(known.Entries, e)
		}
	}
	known.Sort()
	k := l.locker
	k.Config.Offline, k.Config.Progress = true, nil
	file, err := k.lock(ctx, calls, known)
	if err != nil {
		return nil, err
	}
	return file.BytesAs(l.Before), nil
}
