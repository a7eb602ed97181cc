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
	// Graph is of a tree that hclparse.LoadCalls has made.
	Graph *modules.Graph
	// Calls are those of Graph (lint.Calls); nil where nobody has made them.
	Calls []*lint.Call
	// Load makes a graph of a tree as Graph was made.
	Load func(*hclparse.Tree) *modules.Graph
}

// Make makes the moves, in memory. Each is proved before it is taken: every
// directory with an edit is read again, the graph is made anew of all, and
// exactly the calls of the moves must have changed, to exactly what they were to
// become. What would change another call too, as a local that several use does,
// stays, and is among the skipped.
//
// A file with syntax errors is not written, and none is made of one without.
func (t *Tree) Make(moves []*Move) (*Result, error) {
	r := &Result{}
	var made []*Edit
	broken := brokenFiles(t.Graph)
	for _, m := range moves {
		if others := t.others(m.Place); len(others) > 0 {
			r.Skipped = append(r.Skipped, m.skip(true, fmt.Sprintf("it serves %s, too", shownEnvironments(environments(others))), "name all of its environments to move them together"))
			continue
		}
		if f := m.use().Call.File(); broken.has(f.Real) {
			r.Skipped = append(r.Skipped, m.skip(true, "its file has errors, so that what stands there is not sure", "mend the file first"))
			continue
		}
		if m.Gone {
			r.Skipped = append(r.Skipped, m.skip(true, fmt.Sprintf("%s has no directory %s, so that init would fail", m.To.Tag, m.Module.Subdir), "call what took its place, or name a version that has it"))
			continue
		}
		set, err := rewrite.Set(t.Graph, m.use().Written, m.Pin)
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
		if i := slices.IndexFunc(set.Edits, func(e rewrite.Edit) bool { return broken.has(e.File) }); i >= 0 {
			r.Skipped = append(r.Skipped, m.skip(true, "its version is written in "+set.Edits[i].File+", which has errors", "mend that file first"))
			continue
		}
		set.Notes = append(set.Notes, t.elsewhere(m, set.Edits)...)
		made = append(made, m.edit(set))
	}
	made, skipped := apart(made)
	r.Skipped = append(r.Skipped, skipped...)
	if err := t.prove(made, r); err != nil {
		return nil, err
	}
	r.sort()
	return r, nil
}

// prove puts into the result what of the edits is as it should be, and what it
// comes to. The last thing that it does is a check in which nothing was wrong:
// whom it blames for what is wrong decides only what stays, never what is made.
func (t *Tree) prove(made []*Edit, r *Result) error {
	for {
		changes, after, err := t.apply(made)
		if err != nil {
			return err
		}
		wrong := t.check(made, after)
		if len(wrong) == 0 {
			r.Changes, r.After = changes, after
			break
		}
		// Each round takes one out, or more, so this ends.
		made = slices.DeleteFunc(made, func(e *Edit) bool {
			why, ok := wrong[e]
			if ok {
				r.Skipped = append(r.Skipped, e.Move.skip(true, why, "move all of them together, or give each a ref of its own"))
			}
			return ok
		})
	}
	for _, e := range made {
		r.Edits = append(r.Edits, *e)
	}
	return nil
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
	} else if m.To != nil && m.Pin.Ref == m.To.Tag {
		e.To = spelledAs(u.Ref, m.Pin.Ref)
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
	files, known := map[string][]byte{}, t.bytes(byFile)
	var changes []lint.Change
	for p, list := range byFile {
		before := known[p]
		if before == nil { // a file without calls, of which no bytes are kept
			var err error
			if before, err = fs.ReadFile(t.Graph.Tree.FS, p); err != nil {
				return nil, nil, err
			}
		}
		after, err := hclparse.Apply(before, list)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p, err)
		}
		files[p] = after
		changes = append(changes, lint.Change{Path: p, Before: before, After: after, Fixes: len(list)})
	}
	slices.SortFunc(changes, func(a, b lint.Change) int { return strings.Compare(a.Path, b.Path) })
	return changes, t.Load(t.Graph.Tree.With(files)), nil
}

// bytes are the contents of files as the graph was made of them, where it has
// kept them. The edits count from there: whoever changed a file meanwhile, while
// remotes were asked say, is found out by who writes it.
func (t *Tree) bytes(files map[string][]hclparse.Edit) map[string][]byte {
	out := map[string][]byte{}
	for _, m := range t.Graph.Tree.Modules {
		for _, f := range m.Files {
			if _, ok := files[f.Real]; ok && f.Bytes != nil {
				out[f.Real] = f.Bytes
			}
		}
	}
	return out
}

// check holds the tree after the edits against the one before. It returns the
// edits that do what they should not, with what that is; none where all is as
// it should be.
func (t *Tree) check(edits []*Edit, after *modules.Graph) map[*Edit]string {
	if len(edits) == 0 {
		return nil
	}
	if wrong := unreadable(edits, after); len(wrong) > 0 {
		return wrong
	}
	// Two directories of one place are a symlinked file, or an included one.
	want := make(map[place]*Edit, len(edits))
	for _, e := range edits {
		for _, u := range e.Move.Uses {
			want[placeOf(u.Call)] = e
		}
	}
	if t.Calls == nil {
		t.Calls = lint.Calls(&lint.Input{Graph: t.Graph})
	}
	before := t.Calls
	now := lint.Calls(&lint.Input{Graph: after})
	if !sameCalls(before, now) {
		e := t.culprit(edits, func(now []*lint.Call) bool { return !sameCalls(before, now) })
		return map[*Edit]string{e: "the tree has other calls once it is written"}
	}
	wrong := map[*Edit]string{}
	for i, b := range before {
		a := now[i]
		if e := want[placeOf(b)]; e != nil {
			if !became(a, e.Move) {
				wrong[e] = "what it would be written as is not read as " + e.To
			} else if e.Move.Module.Registry {
				e.To = a.Version // of "~> 1.2" that is "~> 1.4"
			}
			continue
		}
		if address(a) != address(b) {
			why := fmt.Sprintf("its ref is written where %s (%s:%d) has its own", b.Module(), b.File().Path, b.Line())
			blamed := culprits(edits, t.Graph, b)
			if len(blamed) == 0 && len(wrong) > 0 {
				continue // seen again in the next round, if it is not theirs
			}
			if len(blamed) == 0 { // a function has made another text of the literal
				blamed = []*Edit{t.culprit(edits, func(now []*lint.Call) bool { return !sameCalls(before, now) || address(now[i]) != address(b) })}
			}
			for _, e := range blamed {
				wrong[e] = cmp.Or(wrong[e], why)
			}
		}
	}
	return wrong
}

// A place is where a call is written, for all that read it there.
type place struct {
	real, name string
	start      int
}

func placeOf(c *lint.Call) place {
	return place{c.File().Real, c.Name(), c.SourceRange().Start.Byte}
}

// broken knows the files with syntax errors. They are read as far as that goes,
// and never written: with a merge conflict in it, nobody knows what a file is.
type broken struct {
	graph *modules.Graph
	dirs  map[string]string // where a file stands that is in a module, by where its bytes are
	real  map[string]bool   // what is known
}

func brokenFiles(g *modules.Graph) broken {
	b := broken{g, map[string]string{}, map[string]bool{}}
	for dir, m := range g.Tree.Modules {
		for _, f := range m.Files {
			b.dirs[f.Real] = max(b.dirs[f.Real], dir)
			if f.Bytes != nil {
				b.real[f.Real] = b.real[f.Real] || f.Broken()
			}
		}
	}
	return b
}

// has reports whether the file whose bytes are at a path is one of them.
// hclparse.LoadCalls has not looked at every file in which no call is, and one
// that is in no module is terragrunt's, for others to include.
func (b broken) has(real string) bool {
	if is, ok := b.real[real]; ok {
		return is
	}
	is := false
	if dir, ok := b.dirs[real]; ok {
		is = slices.ContainsFunc(b.graph.Tree.Reload(dir).Files, func(f *hclparse.File) bool { return f.Real == real && f.Broken() })
	} else {
		src, err := fs.ReadFile(b.graph.Tree.FS, real)
		f, _ := hclparse.ParseTerragrunt(real, src)
		is = err != nil || f.Broken()
	}
	b.real[real] = is
	return is
}

// unreadable are the edits in files that have syntax errors once they are
// written. What is read of such a file says nothing.
func unreadable(edits []*Edit, after *modules.Graph) map[*Edit]string {
	wrong := map[*Edit]string{}
	broken := brokenFiles(after)
	for _, e := range edits {
		if i := slices.IndexFunc(e.bytes, func(b rewrite.Edit) bool { return broken.has(b.File) }); i >= 0 {
			wrong[e] = e.bytes[i].File + " would have errors"
		}
	}
	return wrong
}

// others are the uses that a move of the place would change and that nobody
// has named. A directory of files that others link to runs nowhere itself.
func (t *Tree) others(p *Place) []*versions.Use {
	return slices.DeleteFunc(slices.Clone(p.Others), func(u *versions.Use) bool {
		d := t.Graph.Dirs[u.Call.Dir]
		return u.Environment == "" && d != nil && d.Role == modules.RoleSnippet
	})
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
	c = versions.AsTerraform(c)
	if m.Module.Registry {
		return c.Known && (c.Version != m.use().Ref) && versions.Allows(c.Version, m.To) && (!m.Pin.Exact || c.Pin == hclparse.PinExact)
	}
	return c.Known && tagName(c.Source.Ref) == tagName(m.Pin.Ref) && modules.Identity(c.Source) == modules.Identity(m.use().Call.Source)
}

// culprits are the edits whose literal another call uses, too; none where the
// text that it uses is not where it is written.
func culprits(edits []*Edit, g *modules.Graph, c *lint.Call) []*Edit {
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
	for i := range ranges {
		ranges[i].Filename = cmp.Or(real[ranges[i].Filename], ranges[i].Filename)
	}
	var out []*Edit
	for _, e := range edits {
		if slices.ContainsFunc(e.bytes, func(b rewrite.Edit) bool {
			return slices.ContainsFunc(ranges, func(at hcl.Range) bool {
				return b.File == at.Filename && b.Start <= at.End.Byte && at.Start.Byte <= b.End
			})
		}) {
			out = append(out, e)
		}
	}
	return out
}

// culprit finds an edit with which something goes wrong: what is wrong with all
// of the edits, and with none is not. Of n edits that takes log n readings.
func (t *Tree) culprit(edits []*Edit, wrong func([]*lint.Call) bool) *Edit {
	right, bad := 0, len(edits)
	for bad-right > 1 {
		half := (right + bad) / 2
		_, after, err := t.apply(edits[:half])
		if err != nil || wrong(lint.Calls(&lint.Input{Graph: after})) {
			bad = half
		} else {
			right = half
		}
	}
	return edits[bad-1]
}

// sameCalls reports whether the calls are the same ones, wherever they lead.
func sameCalls(before, now []*lint.Call) bool {
	return slices.EqualFunc(before, now, func(b, a *lint.Call) bool {
		return a.Dir == b.Dir && a.File().Path == b.File().Path && a.Name() == b.Name()
	})
}
