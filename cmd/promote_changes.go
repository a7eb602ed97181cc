package cmd

import (
	"context"
	"path"
	"slices"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/pins"
)

// moved says what the moves change in their modules, one entry for each module
// and each two versions, and which of the calls break. What cannot be compared
// is an entry that says so.
func (r *pinsRun) moved(ctx context.Context) ([]report.Moved, error) {
	bar := r.progress()
	defer bar.Done()
	r.store.Progress = steps(bar)
	callers := change.NewCallers(r.graph)
	type step struct{ module, from, to string }
	var order []step
	edits := map[step][]*pins.Edit{}
	for i := range r.result.Edits {
		e := &r.result.Edits[i]
		if e.Move == nil || e.Move.To == nil {
			continue
		}
		s := step{e.Module, shownFrom(e), e.Move.To.Tag}
		if edits[s] == nil {
			order = append(order, s)
		}
		edits[s] = append(edits[s], e)
	}
	slices.SortFunc(order, func(a, b step) int {
		return slices.Compare([]string{a.module, a.from, a.to}, []string{b.module, b.from, b.to})
	})
	var out []report.Moved
	for _, s := range order {
		first := edits[s][0].Move
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
		st, err := r.store.Compare(ctx, u.Call.Source, old, new, prefixes)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			out = append(out, report.NewUnmoved(m.Name, s.from, s.to, err))
			continue
		}
		var calls []change.Called
		for _, e := range edits[s] {
			if e.Move.Same == nil { // no mirror knew it before
				e.Move.Same = &st.Same
			}
			for _, use := range e.Move.Uses {
				calls = append(calls, change.Called{Call: use.Call.Call, Sub: "."})
			}
		}
		breaks, unread := st.Breaks(callers, calls)
		for _, file := range unread {
			r.say("Note: %s does not parse: what it reads of %s is not known.", path.Clean(file), m.Name)
		}
		out = append(out, report.NewMoved(m.Name, s.from, s.to, st.Changes, breaks))
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
