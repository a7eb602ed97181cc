package report

import (
	"fmt"
	"io"

	"github.com/terrier-iac/terrier/live/estate"
)

// Selected are the stacks that would be planned, in their order.
type Selected struct {
	FormatVersion string          `json:"format_version"`
	Commit        string          `json:"commit"`
	Stacks        []SelectedStack `json:"stacks"`
	// Notes are what the order does not rest on.
	Notes []string `json:"notes"`
}

// SelectedStack is one of them.
type SelectedStack struct {
	Name        string          `json:"name"`
	Path        string          `json:"path"`
	Environment string          `json:"environment"`
	Account     string          `json:"account"`
	Supported   bool            `json:"supported"` // false where terragrunt drives it
	After       []SelectedAfter `json:"after"`
	Why         []PlanReason    `json:"why"`
}

// SelectedAfter is a stack or a whole environment that comes before, and why.
type SelectedAfter struct {
	Stack       string `json:"stack"`       // "" for a whole environment
	Environment string `json:"environment"` // "" for a stack
	Kind        string `json:"kind"`        // "remote-state", "after" or "environment"
	File        string `json:"file"`
	Line        int    `json:"line"`
	Detail      string `json:"detail"`

	stacks int // of the environment
}

// NewSelected begins an empty list; notes are what the order does not rest on.
func NewSelected(commit string, notes []string) *Selected {
	return &Selected{FormatVersion: FormatVersion, Commit: commit, Stacks: []SelectedStack{}, Notes: cleanNotes(notes)}
}

func cleanNotes(notes []string) []string {
	out := []string{}
	for _, n := range notes {
		out = append(out, data(n))
	}
	return out
}

// Add adds a stack, with those that it comes after by themselves, and with the
// environments that it comes after.
func (s *Selected) Add(u *estate.Unit, after []estate.Edge, ahead []estate.Ahead, why []estate.Reason) {
	one := SelectedStack{
		Name: dataPath(u.Name()), Path: dataPath(u.Stack), Environment: dataPath(u.Environment), Account: dataPath(u.Account),
		Supported: !u.Terragrunt, After: []SelectedAfter{}, Why: planReasons(why),
	}
	for _, e := range after {
		if e.From != u {
			one.After = append(one.After, SelectedAfter{Stack: dataPath(e.From.Name()), Kind: e.Kind, File: dataPath(e.File), Line: e.Line, Detail: data(e.Detail)})
		}
	}
	for _, a := range ahead {
		one.After = append(one.After, SelectedAfter{Environment: dataPath(a.Environment), Kind: "environment", File: dataPath(a.File), Line: a.Line, Detail: data(a.Detail), stacks: a.Units})
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
	p.f("%s  %s", st.bold("Plan, dry run"), count(len(r.Stacks), "stack"))
	if len(r.Stacks) > 1 {
		p.f(", in this order")
	}
	p.f("\n")
	unsupported := 0
	for _, s := range r.Stacks {
		where := ""
		if s.Environment != "" {
			where = "  " + st.faint(s.Environment)
		}
		if !s.Supported {
			unsupported++
			where += "  " + st.red("unsupported")
		}
		p.f("  %s%s\n", st.bold(oneLine(s.Name)), where)
		if why {
			textWhy(p, st, s)
		}
	}
	if unsupported > 0 {
		p.f("%s\n", fold(isAre(unsupported, "stack")+" driven by terragrunt, and would not be planned.", st.Width, 0))
	}
	return p.err
}

// textWhy says why a stack is chosen, and comes where it does. That nothing
// narrows the selection goes without saying.
func textWhy(p *printer, st Style, s SelectedStack) {
	for _, reason := range s.Why {
		if reason.Kind != "all" {
			p.f("    %s\n", fold(reasonText(reason), st.Width, 4))
		}
	}
	for i, a := range s.After {
		const most = 5
		if i == most && len(s.After) > most+1 && !st.Verbose {
			p.f("    %s\n", st.faint("and after "+more(len(s.After)-most, "stack")))
			break
		}
		text := fmt.Sprintf("after %s (%s)", a.Stack, a.Kind)
		if a.Stack == "" {
			text = fmt.Sprintf("after the environment %s (%s)", a.Environment, count(a.stacks, "stack"))
		}
		if a.File != "" {
			text += fmt.Sprintf(" %s:%d", a.File, a.Line)
		}
		p.f("    %s\n", st.faint(fold(text, st.Width, 4)))
	}
}
