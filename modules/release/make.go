package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

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

// Made is what Make, or Resume, has made.
type Made struct {
	Branch string   // that got commits, "" for none
	Tags   []string // those that were there before Resume left out
	Refs   []string // full names of the branch and of all the tags
	Sent   bool

	moved []string // what to call the commits with new pins, when they are on the branch
}

// A PartialError is one after which some tags are there, and not all. The same
// command makes the rest.
type PartialError struct {
	Err  error
	Made []string // tags, and what the commits are called
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
//
// What it does is written to the git directory first, see Resume.
func (c *Checkout) Make(ctx context.Context, p *Plan, w Making) (*Made, error) {
	if len(p.Releases) == 0 {
		return &Made{}, nil
	}
	unlock, err := lock(c.repo)
	if err != nil {
		return nil, err
	}
	defer unlock()
	m := &making{Making: w, repo: c.repo}
	if err := m.findRemote(ctx); err != nil {
		return nil, err
	}
	if err := m.free(p.Releases); err != nil {
		return nil, err
	}
	if m.deed, err = c.deed(ctx, p, w); err != nil {
		return nil, err
	}
	if err := m.onBranch(ctx); err != nil {
		return nil, err
	}
	if err := m.fastForward(ctx, c.Head); err != nil {
		return nil, err
	}
	return m.do(ctx)
}

// deed is what a plan comes to. Its commits are made, but nothing points to
// them yet.
func (c *Checkout) deed(ctx context.Context, p *Plan, w Making) (*deed, error) {
	commits, at, changes, err := c.commits(ctx, p, w)
	if err != nil {
		return nil, err
	}
	d := &deed{FormatVersion: journalVersion, Request: p.request, Old: c.Head.ID.String(), Tip: c.Head.ID.String(), Files: changes}
	if n := len(commits); n > 0 {
		d.Tip = commits[n-1].String()
	}
	for i, r := range p.Releases {
		d.Tags = append(d.Tags, deedTag{r.Tag, at[i].String(), w.TagMessage(r)})
	}
	return d, nil
}

// A making is a deed that is being done.
type making struct {
	Making
	repo *repo.Repo
	deed *deed
	to   *repo.Remote // nil for nowhere
	refs map[string]repo.Ref
}

// findRemote reads the remote that all is pushed to.
func (m *making) findRemote(ctx context.Context) (err error) {
	if m.Remote == "" {
		return nil
	}
	if m.to, err = m.repo.Remote(ctx, m.Remote); err == nil {
		m.refs, err = m.to.Refs(ctx)
	}
	return err
}

// free holds that the remote has none of the tags.
func (m *making) free(releases []*Release) error {
	for _, r := range releases {
		if ref, ok := m.refs["refs/tags/"+r.Tag]; ok {
			return fmt.Errorf("%s %w at %s, on %s\nhint: git fetch --tags, then the same command again", r.Tag, ErrExists, hclparse.Redact(m.Remote), ref.Commit.String()[:8])
		}
	}
	return nil
}

// onBranch finds out which branch the commits are for.
func (m *making) onBranch(ctx context.Context) (err error) {
	if !m.deed.commits() {
		return nil
	}
	if m.deed.Branch, err = m.repo.CurrentBranch(ctx); err == nil && m.deed.Branch == "" && m.to != nil {
		return errors.New("HEAD is on no branch, so the commits with the new pins cannot be pushed\nhint: git switch BRANCH, or --dependents=false")
	}
	return err
}

// fastForward holds that the branch that gets commits has none there that are
// not here.
func (m *making) fastForward(ctx context.Context, head *repo.Commit) error {
	ref, ok := m.refs["refs/heads/"+m.deed.Branch]
	if !ok || !m.deed.commits() || ref.Commit == head.ID {
		return nil
	}
	in, err := m.repo.IsAncestor(ctx, ref.Commit, head.ID)
	if err == nil && !in {
		err = fmt.Errorf("%s has commits on %s that are not here, and the commits with the new pins could not be pushed\nhint: git pull first, then the same command again", hclparse.Redact(m.Remote), m.deed.Branch)
	}
	return err
}

// do does the deed, with a journal of it.
func (m *making) do(ctx context.Context) (*Made, error) {
	d := m.deed
	if err := d.write(m.repo); err != nil {
		return nil, err
	}
	made := &Made{Branch: d.Branch}
	err := m.tags(ctx, made)
	if err != nil {
		if done := slices.Concat(made.moved, made.Tags); len(done) > 0 {
			return nil, &PartialError{err, done}
		}
		return nil, errors.Join(err, removeJournal(m.repo))
	}
	if d.commits() && d.Branch != "" {
		made.Refs = append(made.Refs, "refs/heads/"+d.Branch)
	}
	for _, t := range d.Tags {
		made.Refs = append(made.Refs, "refs/tags/"+t.Name)
	}
	if m.to != nil {
		d.Made = true
		if err := d.write(m.repo); err != nil {
			return nil, err
		}
		if err := m.send(ctx, made); err != nil {
			return made, err
		}
	}
	return made, removeJournal(m.repo)
}

// tags makes those tags that are not there, and has the branch move when the
// first needs it.
func (m *making) tags(ctx context.Context, made *Made) error {
	all, err := m.repo.Tags(ctx)
	if err != nil {
		return err
	}
	there := map[string]string{}
	for _, t := range all {
		there[t.Name] = t.Commit.String()
	}
	moved := false
	for _, t := range m.deed.Tags {
		if t.Commit != m.deed.Old && !moved {
			if err := m.advance(ctx, t.Name); err != nil {
				return err
			}
			moved = true
			made.moved = []string{"the commits with new pins"}
		}
		switch at := there[t.Name]; {
		case at == t.Commit:
			continue
		case at != "":
			return fmt.Errorf("%s %w, on %.8s and not on %.8s\nhint: no tag is moved: look at it, and plan anew with --dry-run", t.Name, ErrExists, at, t.Commit)
		}
		commit, err := repo.ParseHash(t.Commit)
		if err != nil {
			return err
		}
		if err := m.repo.CreateTag(ctx, t.Name, commit, t.Message); err != nil {
			return err
		}
		made.Tags = append(made.Tags, t.Name)
	}
	return nil
}

// advance writes the files with the new pins, and puts the commits on the
// branch; or neither.
func (m *making) advance(ctx context.Context, tag string) error {
	old, err := repo.ParseHash(m.deed.Old)
	if err != nil {
		return err
	}
	tip, err := repo.ParseHash(m.deed.Tip)
	if err != nil {
		return err
	}
	head, err := m.repo.Resolve(ctx, "HEAD")
	if err != nil {
		return err
	}
	if in, err := m.repo.IsAncestor(ctx, tip, head.ID); err != nil || in {
		return err // it was done before
	}
	changes := m.unwritten()
	if err := m.Rewrite(changes); err != nil {
		return err
	}
	if err = m.repo.Advance(ctx, old, tip, "terrier release: "+tag); err != nil {
		back := slices.Clone(m.deed.Files)
		for k := range back {
			back[k].Before, back[k].After = back[k].After, back[k].Before
		}
		err = errors.Join(err, m.Rewrite(back))
	}
	return err
}

// unwritten are the files that are not as they are to be.
func (m *making) unwritten() []lint.Change {
	return slices.DeleteFunc(slices.Clone(m.deed.Files), func(f lint.Change) bool {
		now, err := fs.ReadFile(m.WorkTree, f.Path)
		return err == nil && string(now) == string(f.After)
	})
}

// send pushes the tags and the branch together, what is there already left out.
func (m *making) send(ctx context.Context, made *Made) error {
	own, err := repo.OwnRefs(ctx, m.repo.GitDir)
	if err != nil {
		return err
	}
	var updates []repo.RefUpdate
	for _, name := range made.Refs {
		u := repo.RefUpdate{Name: name, Object: own[name].Object}
		if name == "refs/heads/"+m.deed.Branch {
			if u.Object, err = repo.ParseHash(m.deed.Tip); err != nil {
				return err
			}
		}
		there, ok := m.refs[name]
		switch {
		case ok && there.Object == u.Object:
		case ok && name != "refs/heads/"+m.deed.Branch:
			return fmt.Errorf("%s %w at %s, on %.8s, and is on %.8s here\nhint: no tag is moved: delete the wrong one, here or there", strings.TrimPrefix(name, "refs/tags/"), ErrExists, hclparse.Redact(m.Remote), there.Commit, own[name].Commit)
		default:
			updates = append(updates, u)
		}
	}
	if len(updates) > 0 {
		if err := m.to.Push(ctx, updates); err != nil {
			return &UnsentError{err, m.Remote, made.Refs}
		}
	}
	made.Sent = true
	return nil
}
