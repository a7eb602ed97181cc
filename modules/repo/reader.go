package repo

import "context"

// A Reader reads the objects of one repository for the history engine. It
// is made for one goroutine.
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

// CommitInfo is what a walk tells of a commit.
type CommitInfo struct {
	ID      Hash
	Tree    Hash
	Parents []Hash
}
