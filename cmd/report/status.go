package report

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-version"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/runs"
)

// Status is the result of `terrier status`, as JSON has it.
type Status struct {
	FormatVersion string        `json:"format_version"`
	Stacks        []StatusStack `json:"stacks"`
}

// StatusStack is one stack in an environment.
type StatusStack struct {
	Name        string `json:"name"`
	Path        string `json:"path"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	// Declared are the modules from elsewhere that the files ask for, Applied
	// those that the stack stands at; null where nothing is known of that.
	Declared []runs.Module `json:"declared"`
	Applied  []runs.Module `json:"applied"`
	LastPlan *StatusAct    `json:"last_plan"`
	// LastApply may be a destroy.
	LastApply *StatusAct `json:"last_apply"`
	Commit    string     `json:"commit"` // that it stands at, "" where that is not known
	// Drift is what the last plan --drift found, null for none.
	Drift *StatusDrift `json:"drift"`
	// Left says that the stack has changed since it was last applied, or had
	// nothing to apply: merged and not applied; null where that is not known.
	Left *bool `json:"left"`
	// Pending is a plan with changes, or an apply that failed, since then.
	Pending *StatusAct `json:"pending"`
	Gone    bool       `json:"gone"` // it was destroyed
}

// StatusAct is a plan or an apply.
type StatusAct struct {
	Run    string    `json:"run"`
	Time   time.Time `json:"time"`
	Action string    `json:"action"`
	Result string    `json:"result"`
	Commit string    `json:"commit"`
	By     string    `json:"by"`
}

// StatusDrift is a look at drift.
type StatusDrift struct {
	Run     string    `json:"run"`
	Time    time.Time `json:"time"`
	Result  string    `json:"result"`  // "changes", "unchanged" or "failed"
	Drifted int       `json:"drifted"` // objects that are not as the state has them
}

// StatusOf is what is known of a stack.
type StatusOf struct {
	Unit               *estate.Unit
	Declared           []runs.Module
	Stand              runs.Standing
	Plan, Apply, Drift *runs.Record // the newest of each, nil for none
	Left               *bool
}

// NewStatus begins an empty report.
func NewStatus() *Status { return &Status{FormatVersion: FormatVersion, Stacks: []StatusStack{}} }

// Add adds a stack.
func (r *Status) Add(s StatusOf) {
	u := s.Unit
	one := StatusStack{
		Name: dataPath(u.Name()), Path: dataPath(u.Stack), Environment: dataPath(u.Environment), Account: dataPath(u.Account),
		Declared: cleanModules(s.Declared), LastPlan: statusAct(s.Plan), LastApply: statusAct(s.Apply), Pending: statusAct(s.Stand.Pending),
		Left: s.Left, Gone: s.Stand.Gone != nil,
	}
	if at := s.Stand.Settled; at != nil {
		one.Commit, one.Applied = at.Commit, cleanModules(at.Modules)
	}
	if d := s.Drift; d != nil {
		one.Drift = &StatusDrift{Run: d.Run, Time: d.Time, Result: string(d.Result)}
		if d.Summary != nil {
			one.Drift.Drifted = d.Summary.Drift
		}
	}
	r.Stacks = append(r.Stacks, one)
}

func cleanModules(list []runs.Module) []runs.Module {
	out := []runs.Module{}
	for _, m := range list {
		out = append(out, runs.Module{Source: data(m.Source), Subdir: dataPath(m.Subdir), Ref: data(m.Ref), Commit: m.Commit})
	}
	return out
}

func statusAct(r *runs.Record) *StatusAct {
	if r == nil {
		return nil
	}
	return &StatusAct{Run: data(r.Run), Time: r.Time, Action: string(r.Action), Result: string(r.Result), Commit: r.Commit, By: data(r.By)}
}

// WriteStatus writes the report: what has something left first.
func WriteStatus(w io.Writer, r *Status, format string, st Style) error {
	if format == "json" {
		return JSON(w, r)
	}
	p := &printer{w: w}
	counts := map[string]int{}
	for _, s := range r.Stacks {
		counts[s.state()]++
	}
	p.f("%s\n", st.title("Status", counts, statusOrder...))
	for _, state := range statusOrder {
		for _, s := range r.Stacks {
			if s.state() == state {
				textStatus(p, st, s, state)
			}
		}
	}
	return p.err
}

// statusOrder is the worst first.
var statusOrder = []string{"failed", "drifted", "planned", "to apply", "never applied", "destroyed", "applied"}

// state says in a word how a stack stands.
func (s StatusStack) state() string {
	switch {
	case s.Pending != nil && s.Pending.Action != string(runs.Plan):
		return "failed"
	case s.drifted():
		return "drifted"
	case s.Gone:
		return "destroyed"
	case s.Commit == "" && s.Pending == nil:
		return "never applied"
	case s.Pending != nil:
		return "planned"
	case s.Left != nil && *s.Left:
		return "to apply"
	}
	return "applied"
}

// drifted reports drift that nothing has looked at since: a plan or an apply after
// it says more.
func (s StatusStack) drifted() bool {
	if s.Drift == nil || s.Drift.Result != string(runs.Changes) {
		return false
	}
	for _, a := range []*StatusAct{s.LastPlan, s.LastApply} {
		if a != nil && a.Result != string(runs.Failed) && a.Time.After(s.Drift.Time) {
			return false
		}
	}
	return true
}

func textStatus(p *printer, st Style, s StatusStack, state string) {
	paint := st.yellow
	switch state {
	case "failed", "drifted":
		paint = st.red
	case "applied":
		paint = st.green
	}
	where := ""
	if s.Environment != "" {
		where = "  " + st.faint(s.Environment)
	}
	const indent = 16
	blank := strings.Repeat(" ", indent)
	line := func(text string) { p.f("%s%s\n", blank, fold(text, st.Width, indent)) }
	p.f("  %s %s%s\n", paint(fmt.Sprintf("%-13s", state)), st.bold(oneLine(s.Name)), where)
	if s.LastApply != nil {
		line(actText(s.LastApply))
	}
	// A plan since then is news; one before it is what was applied.
	if s.LastPlan != nil && (s.LastApply == nil || s.LastPlan.Time.After(s.LastApply.Time) || st.Verbose) {
		line(actText(s.LastPlan))
	}
	if d := s.Drift; d != nil && (s.drifted() || d.Result != string(runs.Changes) || st.Verbose) {
		line(driftText(d))
	}
	for _, m := range s.moved() {
		line(m)
	}
}

// actText says what was done, when, at which commit and by whom.
func actText(a *StatusAct) string {
	what := a.Result
	switch {
	case a.Result == string(runs.Failed):
		what = a.Action + " failed"
	case a.Action == string(runs.Destroy):
		what = "destroyed"
	case a.Result == string(runs.Changes):
		what = "planned"
	case a.Result == string(runs.Unchanged):
		what = "nothing to apply"
	}
	text := what + " " + a.Time.UTC().Format(minutes)
	if a.Commit != "" {
		text += " at " + a.Commit[:min(12, len(a.Commit))]
	}
	if a.By != "" {
		text += " by " + a.By
	}
	return text
}

func driftText(d *StatusDrift) string {
	switch d.Result {
	case string(runs.Changes):
		text := "drift found " + d.Time.UTC().Format(minutes)
		if d.Drifted > 0 {
			text += ": " + count(d.Drifted, "object")
		}
		return text
	case string(runs.Unchanged):
		return "no drift " + d.Time.UTC().Format(minutes)
	}
	return "the look for drift " + d.Result + " " + d.Time.UTC().Format(minutes)
}

// minutes is how times are written for people: in UTC, as runs has them.
const minutes = "2006-01-02 15:04"

// moved are the modules whose declared version is not the applied one.
func (s StatusStack) moved() []string {
	if s.Applied == nil {
		return nil
	}
	var out []string
	for _, d := range s.Declared {
		var applied []string
		same := false
		for _, m := range s.Applied {
			if m.Source == d.Source && m.Subdir == d.Subdir {
				same = same || means(d, m.Ref)
				if !slices.Contains(applied, m.Ref) {
					applied = append(applied, m.Ref)
				}
			}
		}
		name, declared := s.moduleName(d), d.Ref
		if declared == "" {
			declared = "no ref"
		}
		switch {
		case same:
		case len(applied) == 0:
			out = append(out, fmt.Sprintf("%s: %s is declared, none is applied", name, declared))
		default:
			out = append(out, fmt.Sprintf("%s: %s is declared, %s is applied", name, declared, strings.Join(applied, " and ")))
		}
	}
	return out
}

// means reports whether what is declared may be the ref that is applied: of a
// registry a range is declared and a version applied.
func means(declared runs.Module, applied string) bool {
	if declared.Ref == applied {
		return true
	}
	if strings.Contains(declared.Source, "::") {
		return false
	}
	if declared.Ref == "" {
		return true
	}
	c, err := version.NewConstraint(declared.Ref)
	if err != nil {
		return false
	}
	v, err := version.NewVersion(applied)
	return err == nil && c.Check(v)
}

// moduleName is a module's short name where the stack declares no other one of
// that name, else its address.
func (s StatusStack) moduleName(m runs.Module) string {
	short := func(m runs.Module) string {
		name := m.Source
		if m.Subdir != "" {
			name = m.Subdir
		}
		return strings.TrimSuffix(path.Base(strings.TrimSuffix(name, "/")), ".git")
	}
	if !strings.Contains(m.Source, "::") {
		short = func(m runs.Module) string { return strings.TrimSuffix(m.Source+"//"+m.Subdir, "//") } // of a registry: it is short
	}
	for _, other := range s.Declared {
		if short(other) == short(m) && (other.Source != m.Source || other.Subdir != m.Subdir) {
			return strings.TrimSuffix(m.Source+"//"+m.Subdir, "//")
		}
	}
	return short(m)
}
