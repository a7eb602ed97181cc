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
	// order is the same for the same history.
	Walk(ctx context.Context, tip Hash, visit func(CommitInfo) error) error
	// Objects reads many objects, pipelined, and calls visit for each in the
	// order of ids. The data is valid during the call only. A missing object
	// is a *MissingObjectError.
	Objects(ctx context.Context, ids []Hash, visit func(o Object) error) error
	Close() error
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
