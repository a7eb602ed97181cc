package promotion

import (
	"context"
	"slices"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/pins"
)

// A Change is what the move of a module from one version to another changes.
type Change struct {
	Module, From, To string // versions as their tags have them
	Changes          []change.Change
	Breaks           []change.Break // of the calls that move
	Err              error          // why the two cannot be compared
	// Unread are the files of callers that do not parse, so that there may be
	// more breaks.
	Unread []string
}

// Changes compares the two versions of each edit, one entry for each module and
// each two versions, sorted. Edits learn whether their module is the same in
// both. The error is that of a context that was ended.
func Changes(ctx context.Context, store *fetch.Store, graph *modules.Graph, edits []pins.Edit) ([]Change, error) {
	callers := change.NewCallers(graph)
	type step struct{ module, from, to string }
	var order []step
	by := map[step][]*pins.Edit{}
	for i := range edits {
		e := &edits[i]
		if e.Move == nil || e.Move.To == nil {
			continue
		}
		s := step{e.Module, shownFrom(e), e.Move.To.Tag}
		if by[s] == nil {
			order = append(order, s)
		}
		by[s] = append(by[s], e)
	}
	slices.SortFunc(order, func(a, b step) int {
		return slices.Compare([]string{a.module, a.from, a.to}, []string{b.module, b.from, b.to})
	})
	var out []Change
	for _, s := range order {
		first := by[s][0].Move
		m, u := first.Module, first.Uses[0]
		old, new := s.from, s.to
		if u.Release != nil {
			old = u.Release.Tag
		}
		if !m.Registry && first.To.Commit != "" {
			new = first.To.Commit // the tag may be one of the root, with another prefix
		}
		if !m.Registry && u.Release != nil && u.Release.Commit != "" {
			old = u.Release.Commit
		}
		var prefixes []string
		if m.Prefix != "" {
			prefixes = append(prefixes, m.Prefix)
		}
		c := Change{Module: m.Name, From: s.from, To: s.to}
		st, err := store.Compare(ctx, u.Call.Source, old, new, prefixes)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			c.Err = err
			out = append(out, c)
			continue
		}
		var calls []change.Called
		for _, e := range by[s] {
			if e.Move.Same == nil { // no mirror knew it before
				e.Move.Same = &st.Same
			}
			for _, use := range e.Move.Uses {
				calls = append(calls, change.Called{Call: use.Call.Call, Sub: "."})
			}
		}
		c.Changes = st.Changes
		c.Breaks, c.Unread = st.Breaks(callers, calls)
		out = append(out, c)
	}
	return out, nil
}

// shownFrom is the version that an edit moves from, as its tag has it.
func shownFrom(e *pins.Edit) string {
	if u := e.Move.Uses[0]; u.Release != nil {
		return u.Release.Tag
	}
	return e.From
}
