package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/terrier-iac/terrier/live/estate"
)

// Selected are the stacks that would be planned, in their order.
type Selected struct {
	FormatVersion string          `json:"format_version"`
	Commit        string          `json:"commit"`
	Stacks        []SelectedStack `json:"stacks"`
}

// SelectedStack is one of them.
type SelectedStack struct {
	Name        string          `json:"name"`
	Path        string          `json:"path"`
	Environment string          `json:"environment"`
	Account     string          `json:"account"`
	After       []SelectedAfter `json:"after"`
	Why         []PlanReason    `json:"why"`
}

// SelectedAfter is a stack that comes before, and why.
type SelectedAfter struct {
	Stack  string `json:"stack"`
	Kind   string `json:"kind"` // "remote-state", "after" or "environment"
	File   string `json:"file"`
	Line   int    `json:"line"`
	Detail string `json:"detail"`
}

// NewSelected begins an empty list.
func NewSelected(commit string) *Selected {
	return &Selected{FormatVersion: FormatVersion, Commit: commit, Stacks: []SelectedStack{}}
}

// Add adds a stack.
func (s *Selected) Add(u *estate.Unit, after []estate.Edge, why []estate.Reason) {
	one := SelectedStack{
		Name: dataPath(u.Name()), Path: dataPath(u.Stack), Environment: dataPath(u.Environment), Account: dataPath(u.Account),
		After: []SelectedAfter{}, Why: planReasons(why),
	}
	for _, e := range after {
		if e.From != u {
			one.After = append(one.After, SelectedAfter{Stack: dataPath(e.From.Name()), Kind: e.Kind, File: dataPath(e.File), Line: e.Line, Detail: data(e.Detail)})
		}
	}
	s.Stacks = append(s.Stacks, one)
}

// WriteSelected writes the list; why says why each is chosen, and comes where it
// does.
func WriteSelected(w io.Writer, r *Selected, format string, why bool, st Style) error {
	if format == "json" {
		return JSON(w, r)
	}
	p := &printer{w: w}
	p.f("%s  %s, in this order\n", st.bold("Plan, dry run"), count(len(r.Stacks), "stack"))
	for _, s := range r.Stacks {
		where := ""
		if s.Environment != "" {
			where = "  " + st.faint(s.Environment)
		}
		p.f("  %s%s\n", st.bold(oneLine(s.Name)), where)
		if !why {
			continue
		}
		for _, reason := range s.Why {
			p.f("    %s\n", fold(reasonText(reason), st.Width, 4))
		}
		for i, a := range s.After {
			const most = 5
			if i == most && !st.Verbose {
				p.f("    %s\n", st.faint("and after "+more(len(s.After)-most, "stack")))
				break
			}
			text := fmt.Sprintf("after %s (%s)", a.Stack, a.Kind)
			if a.File != "" {
				text += fmt.Sprintf(" %s:%d", a.File, a.Line)
			}
			p.f("    %s\n", st.faint(fold(strings.TrimSpace(text), st.Width, 4)))
		}
	}
	return p.err
}
