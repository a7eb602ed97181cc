package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// A Line is the commits between a branch's tip and another history, the newest
// first: what somebody has put on it.
type Line struct {
	Commits []Commit
	// Tree is the tip's.
	Tree Hash
	// Base is the first commit that is not of the line; zero where the line
	// ends with a root, or where a shallow clone does.
	Base Hash
}

// ErrLine says that a branch is no short line of commits beside a history.
var ErrLine = errors.New("is no line of commits that can be followed")

// mostCommits bounds a Line. Who puts as many on a branch did it by hand.
const mostCommits = 1000

// LineOf follows the first parents from tip to a commit that base has in its
// history. gitDir is the repository that rd reads. A commit with two parents
// is of the line, too; one that is missing ends it, as in a shallow clone.
func LineOf(ctx context.Context, rd Reader, gitDir string, tip, base Hash) (*Line, error) {
	below, err := Ancestors(ctx, gitDir, base)
	if err != nil {
		return nil, err
	}
	l := &Line{}
	for at := tip; !at.IsZero(); {
		if below[at] && len(l.Commits) > 0 {
			l.Base = at
			break
		}
		c, err := commitOf(ctx, rd, at)
		var missing *MissingObjectError
		if errors.As(err, &missing) && len(l.Commits) > 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(l.Commits) == 0 {
			l.Tree = c.Tree
		}
		if below[at] { // the tip itself
			l.Base = at
			break
		}
		if l.Commits = append(l.Commits, *c); len(l.Commits) > mostCommits {
			return nil, fmt.Errorf("what ends with %.12s %w", tip, ErrLine)
		}
		at = Hash{}
		if len(c.Parents) > 0 {
			at = c.Parents[0]
		}
	}
	return l, nil
}

// commitOf reads what a Line needs of a commit: id, tree, parents and message.
func commitOf(ctx context.Context, rd Reader, id Hash) (*Commit, error) {
	c := &Commit{ID: id}
	err := rd.Objects(ctx, []Hash{id}, func(o Object) error {
		head, ok := parseWholeHead(o.Data)
		if o.Type != "commit" || !ok {
			return fmt.Errorf("%s is no commit", id)
		}
		c.Tree, c.Parents = head.tree, append(c.Parents, head.parents...)
		_, message, _ := bytes.Cut(o.Data, []byte("\n\n"))
		c.Message = strings.ToValidUTF8(string(message), "\ufffd")
		return nil
	})
	return c, err
}
