package repo

import (
	"context"
	"fmt"
)

// A Reader reads the objects of one repository for the history engine. It
// is made for one goroutine, and none of its methods may be called from
// within visit.
type Reader interface {
	// Walk calls visit for tip and each of its ancestors, parents first. The
	// order is that of git rev-list --topo-order --reverse. Nothing is visited
	// where a commit is missing, which is a *MissingObjectError.
	Walk(ctx context.Context, tip Hash, visit func(CommitInfo) error) error
	// Objects reads many objects, pipelined, and calls visit for each in the
	// order of ids. The data is valid during the call only, and must not be
	// changed. A missing object is a *MissingObjectError.
	Objects(ctx context.Context, ids []Hash, visit func(o Object) error) error
	Close() error
}

// Reader returns a Reader of the repository's objects. It reads the files of
// the store itself: packs, loose objects, alternates, the commit-graph. No
// process is run, and nothing goes to the network: what a partial clone lacks is
// missing. Replace refs and grafts are not looked at, as everywhere in this
// package. Where the store has a form that only git reads (a pack's index of
// version 1), or looks damaged, it is the same as GitReader.
func (r *Repo) Reader(ctx context.Context) (Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if n, err := newNativeReader(r.GitDir); err == nil {
		return n, nil
	}
	return r.GitReader(ctx)
}

// CommitInfo is what a walk tells of a commit. Parents is valid during the
// call of visit only.
type CommitInfo struct {
	ID      Hash
	Tree    Hash
	Parents []Hash
}

// A MissingObjectError is an object that the repository names but does not
// hold: a partial clone, or a damaged one.
type MissingObjectError struct {
	ID Hash
}

func (e *MissingObjectError) Error() string {
	return fmt.Sprintf("object %s is not in the repository\nhint: in a partial clone \"git fetch --refetch --no-filter\" brings what is missing; in a full one \"git fsck\" tells more", e.ID)
}
