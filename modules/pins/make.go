package pins

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/rewrite"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A Tree is what moves are made in.
type Tree struct {
	FS    fs.FS
	Graph *modules.Graph
	// Load reads a file system as Graph was read.
	Load func(fs.FS) *modules.Graph
}

// Make makes the moves, in memory. Each is proved before it is taken: the tree
// is read again with the edits, and exactly the calls of the moves must have
// changed, to exactly what they were to become. What would change another call
// too, as a local that several use does, stays, and is among the skipped.
//
// An edit after which a file no longer parses is a defect, and an error.
func (t *Tree) Make(moves []*Move) (*Result, error) {
	r := &Result{}
	var made []*Edit
	for _, m := range moves {
		if len(m.Others) > 0 {
			r.Skipped = append(r.Skipped, m.skip(true, fmt.Sprintf("it serves %s, too", shownEnvironments(environments(m.Others))), "name all of its environments to move them together"))
			continue
		}
		set, err := rewrite.Set(t.Graph, m.use().Call, m.Pin)
		var refused *rewrite.Refused
		switch {
		case errors.As(err, &refused):
			r.Skipped = append(r.Skipped, m.skip(true, refused.Reason, refused.Hint))
			continue
		case err != nil:
			return nil, err
		case len(set.Edits) == 0:
			r.Skipped = append(r.Skipped, m.skip(false, "it is written so already", ""))
			continue
		}
		made = append(made, m.edit(set))
	}
	made, skipped := apart(made)
	r.Skipped = append(r.Skipped, skipped...)
	for {
		changes, after, err := t.apply(made)
		if err != nil {
			return nil, err
		}
		wrong, why := t.check(made, after)
		if wrong == nil {
			r.Changes, r.After = changes, after
			break
		}
		// Each round takes one out, so this ends.
		r.Skipped = append(r.Skipped, wrong.Move.skip(true, why, "move all of them together, or give each a ref of its own"))
		made = slices.DeleteFunc(made, func(e *Edit) bool { return e == wrong })
	}
	for _, e := range made {
		r.Edits = append(r.Edits, *e)
	}
	r.sort()
	return r, nil
}

// edit is a move as it was written.
func (m *Move) edit(set rewrite.Result) *Edit {
	u := m.use()
	e := &Edit{
		Module: m.Module.Name, Environments: m.Environments(), File: u.File, Line: u.Line, Call: u.Call.Module(),
		From: u.Ref, To: m.Pin.Ref, FromVersion: u.Version(), ToVersion: u.Version(), Move: m,
		Notes: append(slices.Clone(m.Notes), set.Notes...), bytes: set.Edits,
	}
	if u.Call.Computed {
		// The literal is in another line, and may be in another file.
		e.File, e.Line = set.Edits[0].File, set.Edits[0].Line
	}
	if m.Module.Registry {
		e.To = m.Pin.Version
	}
	if m.To != nil {
		e.ToVersion = m.To.Version.String()
	}
	return e
}

// apart takes out the edits that would write one place in two ways: of calls
// that have their ref from one literal, and would move to different ones.
func apart(edits []*Edit) (left []*Edit, skipped []Skip) {
	type span struct {
		edit *Edit
		rewrite.Edit
	}
	byFile := map[string][]span{}
	for _, e := range edits {
		for _, b := range e.bytes {
			byFile[b.File] = append(byFile[b.File], span{e, b})
		}
	}
	against := map[*Edit]*Edit{}
	for _, spans := range byFile {
		slices.SortStableFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
		for i, a := range spans {
			for _, b := range spans[i+1:] {
				if b.Start > a.End || b.Start == a.End && a.Start != b.Start {
					break
				}
				if same := a.Start == b.Start && a.End == b.End && bytes.Equal(a.New, b.New); !same && a.edit != b.edit {
					against[a.edit], against[b.edit] = b.edit, a.edit
				}
			}
		}
	}
	for _, e := range edits {
		if o := against[e]; o != nil {
			skipped = append(skipped, e.Move.skip(true, fmt.Sprintf("its ref is written where %s (%s:%d) has its own, which would become another", o.Call, o.File, o.Line), "give each a ref of its own"))
			continue
		}
		left = append(left, e)
	}
	return left, skipped
}

// apply makes the edits in memory and reads the tree anew.
func (t *Tree) apply(edits []*Edit) ([]lint.Change, *modules.Graph, error) {
	if len(edits) == 0 {
		return nil, t.Graph, nil
	}
	byFile := map[string][]hclparse.Edit{}
	for _, e := range edits {
		for _, b := range e.bytes {
			if !slices.ContainsFunc(byFile[b.File], func(o hclparse.Edit) bool { return o.Start == b.Start && o.End == b.End }) {
				byFile[b.File] = append(byFile[b.File], b.Edit)
			}
		}
	}
	files := map[string][]byte{}
	var changes []lint.Change
	for p, list := range byFile {
		before, err := fs.ReadFile(t.FS, p)
		if err != nil {
			return nil, nil, err
		}
		after, err := hclparse.Apply(before, list)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p, err)
		}
		files[p] = after
		changes = append(changes, lint.Change{Path: p, Before: before, After: after, Fixes: len(list)})
	}
	slices.SortFunc(changes, func(a, b lint.Change) int { return strings.Compare(a.Path, b.Path) })
	return changes, t.Load(hclparse.Overlay(t.FS, files)), nil
}

// check holds the tree after the edits against the one before. It returns an
// edit that does what it should not, and what that is; nil where all is as it
// should be.
func (t *Tree) check(edits []*Edit, after *modules.Graph) (*Edit, string) {
	if len(edits) == 0 {
		return nil, ""
	}
	want := map[string]*Edit{}
	for _, e := range edits {
		for _, u := range e.Move.Uses {
			want[key(u.Call)] = e
		}
	}
	before := lint.Calls(&lint.Input{Graph: t.Graph})
	now := lint.Calls(&lint.Input{Graph: after})
	if len(before) != len(now) {
		return edits[0], "the tree has other calls once it is written"
	}
	for i, b := range before {
		a := now[i]
		if a.Dir != b.Dir || a.File().Path != b.File().Path || a.Name() != b.Name() {
			return edits[0], "the tree has other calls once it is written"
		}
		e := want[key(b)]
		if e == nil {
			// Two places of one literal: a symlinked file, an included one.
			e = samePlace(edits, b)
		}
		if e != nil {
			if !became(a, e.Move) {
				return e, "what it would be written as is not read as " + e.To
			}
			continue
		}
		if address(a) != address(b) {
			return culprit(edits, t.Graph, b), fmt.Sprintf("its ref is written where %s (%s:%d) has its own", b.Module(), b.File().Path, b.Line())
		}
	}
	return nil, ""
}

// key is where a call stands, for whom.
func key(c *lint.Call) string {
	return fmt.Sprintf("%s\x00%s\x00%s\x00%d", c.Dir, c.File().Path, c.Name(), c.SourceRange().Start.Byte)
}

func samePlace(edits []*Edit, c *lint.Call) *Edit {
	for _, e := range edits {
		u := e.Move.use()
		if c.File().Real == u.Call.File().Real && c.Name() == u.Call.Name() && c.SourceRange().Start.Byte == u.Call.SourceRange().Start.Byte {
			return e
		}
	}
	return nil
}

// address is all that says where a call leads.
func address(c *lint.Call) string {
	if c.Known {
		return c.Source.String() + "\x00" + c.Version
	}
	return c.Head + "\x00" + c.Tail + "\x00" + c.Version
}

// became reports whether a call is what a move was to make of it.
func became(c *lint.Call, m *Move) bool {
	if m.Module.Registry {
		return c.Known && (c.Version != m.use().Ref) && versions.Allows(c.Version, m.To) && (!m.Pin.Exact || c.Pin == hclparse.PinExact)
	}
	return c.Known && tagName(c.Source.Ref) == tagName(m.Pin.Ref) && modules.Identity(c.Source) == modules.Identity(m.use().Call.Source)
}

// culprit is the edit whose literal another call uses, too.
func culprit(edits []*Edit, g *modules.Graph, c *lint.Call) *Edit {
	touches := func(e *Edit, file string, start, end int) bool {
		return slices.ContainsFunc(e.bytes, func(b rewrite.Edit) bool { return b.File == file && b.Start <= end && start <= b.End })
	}
	var ranges []hcl.Range
	real := map[string]string{}
	for _, m := range g.Tree.Modules {
		for _, f := range m.Files {
			real[f.Path] = f.Real
		}
	}
	for _, l := range g.Address(c.Call).Literals {
		ranges = append(ranges, hcl.Range{Filename: l.Path, Start: hcl.Pos{Byte: l.Start}, End: hcl.Pos{Byte: l.End}})
	}
	ranges = append(ranges, c.VersionRange, c.SourceRange())
	for _, at := range ranges {
		file := cmp.Or(real[at.Filename], at.Filename)
		for _, e := range edits {
			if touches(e, file, at.Start.Byte, at.End.Byte) {
				return e
			}
		}
	}
	return edits[len(edits)-1]
}
