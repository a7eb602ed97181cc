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
		known := len(p.Graph.States())
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
				reportStates(p, byWorkspace[workspace], known)
			}
		}
	},
}

// reportStates reports each of several stacks with one state, since any of
// them may be the new one. known is how many stacks' states are known at all.
//
// Two stacks of many with one key are a slip. Where most of three or more have
// it, that is how the team does it: each has a workspace of its own, which is
// chosen by hand or by a script. Nothing in the files tells.
func reportStates(p *lint.Pass, group []modules.State, known int) {
	if len(group) == 1 {
		return
	}
	severity, hint := lint.Severity(""), "Give each stack a key of its own, and move the state before you change it. If each runs in a workspace of its own, say so with `workspace` in its environment."
	if len(group) > 2 && 2*len(group) > known {
		severity, hint = lint.Info, "That is right only where each runs in a workspace of its own: say so with `workspace` in its environment."
	}
	for i, s := range group {
		other := group[0]
		if i == 0 {
			other = group[1]
		}
		as := fmt.Sprintf("%q", other.Dir)
		if n := len(group) - 2; n > 0 {
			as += fmt.Sprintf(" and %d more", n)
		}
		at, related := s.Backend.Range, other.Backend.Range
		at.Filename, related.Filename = s.Backend.File.Path, other.Backend.File.Path
		p.Report(lint.Finding{
			Severity: severity,
			Range:    at,
			Subject:  s.Dir + " " + other.Dir,
			Summary:  fmt.Sprintf("The stack %q keeps its state under the same key as %s", s.Dir, as),
			Detail:   "An apply in one of them destroys what the other has made, for its state holds what the configuration does not. " + hint,
			Related:  []lint.Related{{Range: related, Text: "the backend of " + other.Dir}},
		})
	}
}
