package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Making is what Make needs beside the plan.
type Making struct {
	// Remote is where all is pushed to, a name or a URL; "" for nowhere.
	Remote string
	// TagMessage and PinMessage are the words of a release's tag, and of the
	// commit with its new pins.
	TagMessage, PinMessage func(*Release) string
	// WorkTree are the files of the work tree, and Rewrite writes some of them,
	// all or none.
	WorkTree fs.FS
	Rewrite  func([]lint.Change) error
}

// Made is what Make has made.
type Made struct {
	Branch string // that HEAD names, where there are commits
	// Commits are those with new pins, the first on HEAD.
	Commits []repo.Hash
	Tags    []string
}

// A PartialError is one after which some tags are there, and not all.
type PartialError struct {
	Err  error
	Made []string // tags
}

func (e *PartialError) Error() string { return e.Err.Error() }
func (e *PartialError) Unwrap() error { return e.Err }

// An UnsentError is a push that failed, of what is all made here.
type UnsentError struct {
	Err    error
	Remote string
	Refs   []string // full names
}

func (e *UnsentError) Error() string { return e.Err.Error() }
func (e *UnsentError) Unwrap() error { return e.Err }

// Make makes the commits with new pins, and the tags, and pushes them. The tags
// of what needs no commit come first: what keeps a tag from being made, a
// signature say, then keeps everything from being made. An error that leaves
// something behind is a PartialError or an UnsentError.
func (c *Checkout) Make(ctx context.Context, p *Plan, w Making) (*Made, error) {
	m := &making{Checkout: c, Plan: p, Making: w, made: &Made{}}
	if len(p.Releases) == 0 {
		return m.made, nil
	}
	remote, err := m.remote(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.commits(ctx); err != nil {
		return nil, err
	}
	if err := m.onBranch(ctx); err != nil {
		return nil, err
	}
	if err := m.tags(ctx); err != nil {
		if len(m.made.Tags) > 0 {
			err = &PartialError{err, m.made.Tags}
		}
		return nil, err
	}
	if remote != nil {
		err = m.send(ctx, remote)
	}
	return m.made, err
}

// A making is what Make has decided and done.
type making struct {
	*Checkout
	*Plan
	Making
	made    *Made
	at      []repo.Hash // of each release
	changes []lint.Change
}

// onBranch finds out which branch the commits are for.
func (m *making) onBranch(ctx context.Context) (err error) {
	if len(m.made.Commits) == 0 {
		return nil
	}
	if m.made.Branch, err = m.repo.CurrentBranch(ctx); err == nil && m.made.Branch == "" && m.Remote != "" {
		return errors.New("HEAD is on no branch, so the commits with the new pins cannot be pushed\nhint: git switch BRANCH, or --dependents=false")
	}
	return err
}

// tags makes the tags, and has the branch move when the first needs it.
func (m *making) tags(ctx context.Context) error {
	moved := false
	for i, r := range m.Releases {
		if m.at[i] != m.Head.ID && !moved {
			if err := m.advance(ctx, r.Tag); err != nil {
				return err
			}
			moved = true
		}
		if err := m.repo.CreateTag(ctx, r.Tag, m.at[i], m.TagMessage(r)); err != nil {
			return err
		}
		m.made.Tags = append(m.made.Tags, r.Tag)
	}
	return nil
}

// advance writes the files with the new pins, and puts the commits on the
// branch; or neither.
func (m *making) advance(ctx context.Context, tag string) error {
	if err := m.Rewrite(m.changes); err != nil {
		return err
	}
	err := m.repo.Advance(ctx, m.Head.ID, m.made.Commits[len(m.made.Commits)-1], "terrier release: "+tag)
	if err != nil {
		back := slices.Clone(m.changes)
		for k := range back {
			back[k].Before, back[k].After = back[k].After, back[k].Before
		}
		err = errors.Join(err, m.Rewrite(back))
	}
	return err
}

// remote is where it is all pushed to, nil for nowhere. A tag that is there
// already is an error before anything is made.
func (m *making) remote(ctx context.Context) (*repo.Remote, error) {
	if m.Remote == "" {
		return nil, nil
	}
	remote, err := m.repo.Remote(ctx, m.Remote)
	if err != nil {
		return nil, err
	}
	refs, err := remote.Refs(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range m.Releases {
		if ref, ok := refs["refs/tags/"+r.Tag]; ok {
			return nil, fmt.Errorf("%s %w at %s, on %s\nhint: git fetch --tags, then the same command again", r.Tag, ErrExists, hclparse.Redact(m.Remote), ref.Commit.String()[:8])
		}
	}
	return remote, nil
}

// send pushes the tags and the branch together.
func (m *making) send(ctx context.Context, remote *repo.Remote) error {
	refs, err := repo.OwnRefs(ctx, m.repo.GitDir)
	if err != nil {
		return err
	}
	var updates []repo.RefUpdate
	if n := len(m.made.Commits); n > 0 {
		updates = append(updates, repo.RefUpdate{Name: "refs/heads/" + m.made.Branch, Object: m.made.Commits[n-1]})
	}
	for _, r := range m.Releases {
		updates = append(updates, repo.RefUpdate{Name: "refs/tags/" + r.Tag, Object: refs["refs/tags/"+r.Tag].Object})
	}
	if err := remote.Push(ctx, updates); err != nil {
		e := &UnsentError{Err: err, Remote: m.Remote}
		for _, u := range updates {
			e.Refs = append(e.Refs, u.Name)
		}
		return e
	}
	return nil
}
