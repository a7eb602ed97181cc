package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// errDamaged says that a commit is there and something below it is not.
var errDamaged = errors.New("the mirror is damaged")

// verify reads a commit with all of its tree from the repository at gitDir. It
// returns a *MissingObjectError where the commit is not there, and one that
// wraps errDamaged where something of it is not, or is not what its id says.
func (m *Mirror) verify(ctx context.Context, gitDir string, commit Hash) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.verified[commit] {
		return nil
	}
	rd, err := (&Repo{GitDir: gitDir}).Reader(ctx)
	if err != nil {
		return err
	}
	defer rd.Close()

	// Objects are noted when all that is below them has been read.
	good := map[Hash]bool{}
	read := func(ids []Hash, kind string, visit func(data []byte) error) error {
		return rd.Objects(ctx, ids, func(o Object) error {
			if o.Type != kind || hashObject(kind, o.Data) != o.ID {
				return fmt.Errorf("%w: object %s is not what it was", errDamaged, o.ID)
			}
			good[o.ID] = true
			return visit(o.Data)
		})
	}
	var c Commit
	if err := read([]Hash{commit}, "commit", func(data []byte) error { return c.parse(data) }); err != nil {
		return err
	}
	below := func(err error) error {
		if ctx.Err() != nil || errors.Is(err, errDamaged) {
			return err
		}
		return fmt.Errorf("%w: commit %s: %w", errDamaged, commit, err)
	}
	queued := map[Hash]bool{}
	queue := func(to []Hash, id Hash) []Hash {
		if m.verified[id] || queued[id] || id == emptyTree {
			return to
		}
		queued[id] = true
		return append(to, id)
	}
	var blobs []Hash
	for trees := queue(nil, c.Tree); len(trees) > 0; {
		var next []Hash
		err := read(trees, "tree", func(data []byte) error {
			entries, err := decodeTree(data)
			if err != nil {
				return err
			}
			for _, e := range entries {
				switch {
				case e.isTree():
					next = queue(next, e.id)
				case e.mode != "160000":
					blobs = queue(blobs, e.id)
				}
			}
			return nil
		})
		if err != nil {
			return below(err)
		}
		trees = next
	}
	// In the order of ids each is looked up near the last one.
	slices.SortFunc(blobs, func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
	if err := read(blobs, "blob", func([]byte) error { return nil }); err != nil {
		return below(err)
	}
	for id := range good {
		m.verified[id] = true
	}
	return nil
}
