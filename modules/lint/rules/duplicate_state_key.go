package rules

import (
	"fmt"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

var duplicateStateKey = &lint.Rule{
	Name:     "duplicate-state-key",
	Summary:  "Two stacks that keep their state under one key",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		for _, group := range p.Graph.SharedStates() {
			// In another workspace the state is under another key.
			byWorkspace := map[string][]modules.State{}
			for _, s := range group {
				workspace := ""
				if p.State != nil {
					state := p.State(s.Dir)
					if state.Completed {
						continue
					}
					workspace = state.Workspace
				}
				byWorkspace[workspace] = append(byWorkspace[workspace], s)
			}
			for _, workspace := range sorted(byWorkspace) {
				reportStates(p, byWorkspace[workspace])
			}
		}
	},
}

// reportStates reports each of several stacks with one state, since any of
// them may be the new one.
func reportStates(p *lint.Pass, group []modules.State) {
	for i, s := range group {
		if len(group) == 1 {
			return
		}
		other := group[0]
		if i == 0 {
			other = group[1]
		}
		as := fmt.Sprintf("%q has", other.Dir)
		if n := len(group) - 2; n > 0 {
			as = fmt.Sprintf("%q and %d more have", other.Dir, n)
		}
		at, related := s.Backend.Range, other.Backend.Range
		at.Filename, related.Filename = s.Backend.File.Path, other.Backend.File.Path
		p.Report(lint.Finding{
			Range:   at,
			Subject: s.Dir + " " + other.Dir,
			Summary: fmt.Sprintf("The stack %q keeps its state where %s theirs", s.Dir, as),
			Detail:  "An apply in one of them destroys what the other has made, for its state holds what the configuration does not. Give each stack a key of its own, and move the state before you change it.",
			Related: []lint.Related{{Range: related, Text: "the backend of " + other.Dir}},
		})
	}
}
