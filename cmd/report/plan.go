package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/live"
	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/store"
)

// Plan is the result of `terrier plan`, as JSON has it. Nothing in it is a
// secret.
type Plan struct {
	FormatVersion string      `json:"format_version"`
	Run           string      `json:"run"` // "" where nothing was planned
	Commit        string      `json:"commit"`
	Drift         bool        `json:"drift"`
	Stacks        []PlanStack `json:"stacks"`
	// Notes are what the order could not take into account.
	Notes []string `json:"notes"`
}

// PlanStack is one stack in an environment.
type PlanStack struct {
	Name        string `json:"name"`
	Path        string `json:"path"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	// Status is "changes", "unchanged", "deferred", "failed" or "unsupported".
	Status string `json:"status"`
	// Guard is, of what failed, the guard that refused it; "" where it was none.
	Guard string `json:"guard"`
	store.Summary
	Fingerprint string          `json:"fingerprint"`
	Error       string          `json:"error"`
	After       []string        `json:"after"` // the stacks that it comes directly after
	Refusals    []store.Refusal `json:"refusals"`
	// Why is why it was chosen; empty without --why.
	Why []PlanReason `json:"why"`
	// Renewed says, after --renew, whether the plan is the one before; null else.
	Renewed *PlanRenewed `json:"renewed"`
}

// PlanReason is one reason for a stack to be chosen.
type PlanReason struct {
	Kind   string `json:"kind"`
	Path   string `json:"path"`
	Line   int    `json:"line"`
	Detail string `json:"detail"`
}

// PlanRenewed is what planning anew has changed.
type PlanRenewed struct {
	Same        bool     `json:"same"` // approvals carry over
	Differences []string `json:"differences"`
}

// NewPlan takes a run, and what its order does not rest on.
func NewPlan(run *store.Run, terragrunt func(name string) bool, notes []string) *Plan {
	p := &Plan{FormatVersion: FormatVersion, Run: run.ID, Commit: run.Commit, Drift: run.Drift, Stacks: []PlanStack{}, Notes: cleanNotes(notes)}
	for _, st := range run.Stacks {
		s := PlanStack{
			Name: dataPath(st.Name), Path: dataPath(st.Path), Environment: dataPath(st.Environment), Account: dataPath(st.Account), Status: string(st.Status),
			Summary: st.Summary, Fingerprint: st.Fingerprint, Error: data(st.Error), After: []string{}, Refusals: []store.Refusal{}, Why: []PlanReason{},
		}
		for _, name := range st.Upstream {
			s.After = append(s.After, dataPath(name))
		}
		for _, r := range st.Refusals {
			s.Refusals = append(s.Refusals, store.Refusal{Guard: r.Guard, Reason: data(r.Reason), Hint: data(r.Hint)})
		}
		switch st.Status {
		case store.Refused:
			s.Status = string(store.Failed)
			if len(s.Refusals) > 0 {
				s.Guard = s.Refusals[0].Guard
			}
			if s.Error == "" && len(s.Refusals) > 0 {
				s.Error = s.Refusals[0].Reason
			}
		case store.Pending:
			s.Status = string(store.Failed)
			if s.Error == "" {
				s.Error = "it was not planned"
			}
		case store.Failed:
			if terragrunt(st.Name) {
				s.Status = "unsupported"
			}
		}
		p.Stacks = append(p.Stacks, s)
	}
	return p
}

// Reasons adds why each stack was chosen.
func (p *Plan) Reasons(why func(name string) []estate.Reason) {
	for i := range p.Stacks {
		p.Stacks[i].Why = planReasons(why(p.Stacks[i].Name))
	}
}

func planReasons(reasons []estate.Reason) []PlanReason {
	out := []PlanReason{}
	for _, r := range reasons {
		out = append(out, PlanReason{Kind: r.Kind, Path: dataPath(r.Path), Line: r.Line, Detail: data(r.Detail)})
	}
	return out
}

// Renewals adds what planning anew has changed.
func (p *Plan) Renewals(list []live.Renewal) {
	for _, r := range list {
		for i := range p.Stacks {
			if s := &p.Stacks[i]; s.Name == dataPath(r.Stack.Name) {
				s.Renewed = &PlanRenewed{Same: r.Same, Differences: []string{}}
				for _, d := range r.Differences {
					s.Renewed.Differences = append(s.Renewed.Differences, data(d))
				}
			}
		}
	}
}

// Counts are how many stacks have each status, those that a guard refused as
// "refused".
func (p *Plan) Counts() map[string]int {
	counts := map[string]int{}
	for _, s := range p.Stacks {
		counts[s.word()]++
	}
	return counts
}

// word is what the text calls the status: a plan that a guard refuses did not
// fail.
func (s PlanStack) word() string {
	if s.Guard != "" {
		return "refused"
	}
	return s.Status
}

// WritePlanned writes the result: of unchanged stacks their number, unless all are
// asked for.
func WritePlanned(w io.Writer, r *Plan, format string, st Style) error {
	if format == "json" {
		return JSON(w, r)
	}
	p := &printer{w: w}
	title := "Plan"
	if r.Drift {
		title = "Drift"
	}
	counts := r.Counts()
	if len(r.Stacks) == 0 {
		p.f("%s  no stacks\n", st.bold(title))
		return p.err
	}
	p.f("%s\n", st.title(title, counts, "failed", "refused", "unsupported", "changes", "deferred", "unchanged"))
	var shown []PlanStack
	for _, status := range []string{"failed", "refused", "unsupported", "changes", "deferred", "unchanged"} {
		for _, s := range r.Stacks {
			if s.word() == status && (status != "unchanged" || st.Verbose || len(s.Why) > 0 || len(s.Refusals) > 0) {
				shown = append(shown, s)
			}
		}
	}
	for i, s := range shown {
		textPlanned(p, st, s, i+1 < len(shown) && s.asIs(shown[i+1]))
	}
	if n := counts["unchanged"]; n > 0 && n == len(r.Stacks) && r.Drift {
		p.f("%s\n", st.green(fmt.Sprintf("No drift in %s.", count(n, "stack"))))
	} else if n > 0 && n == len(r.Stacks) {
		p.f("%s\n", st.green(fmt.Sprintf("Nothing to apply: %s as planned.", isAre(n, "stack"))))
	}
	if r.Run != "" {
		p.f("Run %s\n", st.bold(r.Run))
	}
	return p.err
}

func isAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return count(n, noun) + " are"
}

// asIs reports whether there is no more to say of a stack than of another one: of
// those the last alone says it.
func (s PlanStack) asIs(o PlanStack) bool {
	return s.Status == o.Status && s.Error == o.Error && s.Error != "" && len(s.Refusals)+len(o.Refusals) == 0 && slices.Equal(s.Why, o.Why) && s.Renewed == nil && o.Renewed == nil
}

// textPlanned writes a stack, or of one that is as the next its name alone.
func textPlanned(p *printer, st Style, s PlanStack, name bool) {
	paint := st.yellow
	switch s.word() {
	case "failed", "refused", "unsupported":
		paint = st.red
	case "unchanged":
		paint = st.green
	}
	where := ""
	if s.Environment != "" {
		where = "  " + st.faint(s.Environment)
	}
	const indent = 14
	p.f("  %s %s%s\n", paint(fmt.Sprintf("%-11s", s.word())), st.bold(oneLine(s.Name)), where)
	if name {
		return
	}
	what := ""
	switch s.Status {
	case "changes":
		what = live.Counts(s.Summary)
	case "deferred":
		what = s.Error
	}
	if what != "" {
		p.f("%s%s\n", strings.Repeat(" ", indent), fold(what, st.Width, indent))
	}
	if (s.Status == "failed" || s.Status == "unsupported") && len(s.Refusals) == 0 {
		reason, hint, _ := strings.Cut(s.Error, "\nhint: ")
		p.f("%s%s\n", strings.Repeat(" ", indent), fold(reason, st.Width, indent))
		if hint != "" {
			p.f("%shint: %s\n", strings.Repeat(" ", indent), fold(hint, st.Width, indent+6))
		}
	}
	for _, r := range s.Refusals {
		if s.word() == "failed" {
			continue
		}
		p.f("%s%s %s\n", strings.Repeat(" ", indent), st.red("guard "+r.Guard+":"), behind(r.Reason, st.Width, indent, len("guard : ")+len(r.Guard)))
		if r.Hint != "" && s.word() == "refused" {
			p.f("%shint: %s\n", strings.Repeat(" ", indent), fold(r.Hint, st.Width, indent+6))
		}
	}
	for _, r := range s.Why {
		if r.Kind != "all" {
			p.f("%s%s\n", strings.Repeat(" ", indent), st.faint(fold(reasonText(r), st.Width, indent)))
		}
	}
	if s.Renewed != nil {
		switch {
		case s.Renewed.Same:
			p.f("%s%s\n", strings.Repeat(" ", indent), st.green("the same plan as before: approvals carry over"))
		case len(s.Renewed.Differences) > 0:
			p.f("%snot the plan that was before:\n", strings.Repeat(" ", indent))
			for _, d := range s.Renewed.Differences {
				p.f("%s- %s\n", strings.Repeat(" ", indent), fold(d, st.Width, indent+2))
			}
		}
	}
}

// ReasonText is a reason in a line.
func ReasonText(r estate.Reason) string { return reasonText(planReasons([]estate.Reason{r})[0]) }

func reasonText(r PlanReason) string {
	text := r.Detail
	if r.Path != "" {
		at := r.Path
		if r.Line > 0 {
			at = fmt.Sprintf("%s:%d", at, r.Line)
		}
		text = at + ": " + text
	}
	return text
}

// Apply is the result of `terrier apply`, as JSON has it.
type Apply struct {
	FormatVersion string       `json:"format_version"`
	Run           string       `json:"run"`
	Stacks        []ApplyStack `json:"stacks"`
	// Refusals are of the run as a whole, of which nothing is read then.
	Refusals []store.Refusal `json:"refusals"`
}

// NewRefused is for a run that is refused as a whole.
func NewRefused(run string, r guard.Refusal) *Apply {
	return &Apply{FormatVersion: FormatVersion, Run: data(run), Stacks: []ApplyStack{}, Refusals: cleanRefusals([]guard.Refusal{r})}
}

// ApplyStack is what became of one stack.
type ApplyStack struct {
	Name        string `json:"name"`
	Path        string `json:"path"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	// Status is "applied", "refused", "failed", "deferred" or "skipped".
	Status     string          `json:"status"`
	Guard      string          `json:"guard"`
	Reason     string          `json:"reason"`
	Hint       string          `json:"hint"`
	Refusals   []store.Refusal `json:"refusals"`
	Overridden []store.Refusal `json:"overridden"`
}

// NewApply takes the outcomes of a run.
func NewApply(run *store.Run, list []live.Outcome) *Apply {
	a := &Apply{FormatVersion: FormatVersion, Run: run.ID, Stacks: []ApplyStack{}, Refusals: []store.Refusal{}}
	for _, o := range list {
		a.Stacks = append(a.Stacks, ApplyStack{
			Name: dataPath(o.Stack.Name), Path: dataPath(o.Stack.Path), Environment: dataPath(o.Stack.Environment), Account: dataPath(o.Stack.Account),
			Status: string(o.Status), Guard: string(o.Guard), Reason: data(o.Reason), Hint: data(o.Hint),
			Refusals: cleanRefusals(o.Refusals), Overridden: cleanRefusals(o.Overridden),
		})
	}
	return a
}

func cleanRefusals(list []guard.Refusal) []store.Refusal {
	out := []store.Refusal{}
	for _, r := range list {
		out = append(out, store.Refusal{Guard: string(r.Guard), Reason: data(r.Reason), Hint: data(r.Hint)})
	}
	return out
}

// WriteApply writes what became of each stack, the worst first.
func WriteApply(w io.Writer, r *Apply, format string, st Style) error {
	if format == "json" {
		return JSON(w, r)
	}
	p := &printer{w: w}
	counts := map[string]int{}
	for _, s := range r.Stacks {
		counts[s.Status]++
	}
	if len(r.Refusals) > 0 {
		p.f("%s  refused\n", st.bold("Apply"))
		textRefusals(p, st, r.Refusals, 2, map[string]bool{})
		p.f("Run %s\n", st.bold(oneLine(r.Run)))
		return p.err
	}
	p.f("%s\n", st.title("Apply", counts, "failed", "refused", "deferred", "applied", "skipped"))
	var shown []ApplyStack
	for _, status := range []string{"failed", "refused", "deferred", "applied", "skipped"} {
		for _, s := range r.Stacks {
			if s.Status == status {
				shown = append(shown, s)
			}
		}
	}
	hinted := map[string]bool{}
	for i, s := range shown {
		textApplied(p, st, s, hinted, i+1 < len(shown) && s.asIs(shown[i+1]))
	}
	p.f("Run %s\n", st.bold(r.Run))
	return p.err
}

// asIs reports whether there is no more to say of a stack than of another one: of
// those the last alone says it. What was applied is said of each.
func (s ApplyStack) asIs(o ApplyStack) bool {
	return s.Status == o.Status && s.Status != "applied" && s.Reason == o.Reason && s.Hint == o.Hint &&
		len(s.Refusals)+len(o.Refusals)+len(s.Overridden)+len(o.Overridden) == 0
}

// textApplied writes a stack, or of one that is as the next its name alone. What
// was hinted once is not said again.
func textApplied(p *printer, st Style, s ApplyStack, hinted map[string]bool, name bool) {
	paint := st.faint
	switch s.Status {
	case "failed", "refused":
		paint = st.red
	case "deferred":
		paint = st.yellow
	case "applied":
		paint = st.green
	}
	where := ""
	if s.Environment != "" {
		where = "  " + st.faint(s.Environment)
	}
	const indent = 11
	blank := strings.Repeat(" ", indent)
	p.f("  %s %s%s\n", paint(fmt.Sprintf("%-8s", s.Status)), st.bold(oneLine(s.Name)), where)
	if name {
		return
	}
	if len(s.Refusals) == 0 {
		if s.Reason != "" {
			p.f("%s%s\n", blank, fold(s.Reason, st.Width, indent))
		}
		textHint(p, st, s.Hint, indent, hinted)
	}
	textRefusals(p, st, s.Refusals, indent, hinted)
	for _, r := range s.Overridden {
		p.f("%s%s %s\n", blank, st.yellow("overridden "+r.Guard+":"), behind(r.Reason, st.Width, indent, len("overridden : ")+len(r.Guard)))
	}
}

func textRefusals(p *printer, st Style, list []store.Refusal, indent int, hinted map[string]bool) {
	for _, r := range list {
		p.f("%s%s %s\n", strings.Repeat(" ", indent), st.red("guard "+r.Guard+":"), behind(r.Reason, st.Width, indent, len("guard : ")+len(r.Guard)))
		textHint(p, st, r.Hint, indent, hinted)
	}
}

// textHint writes a hint that was not there yet.
func textHint(p *printer, st Style, hint string, indent int, hinted map[string]bool) {
	if hint == "" || hinted[hint] {
		return
	}
	hinted[hint] = true
	p.f("%shint: %s\n", strings.Repeat(" ", indent), fold(hint, st.Width, indent+6))
}

// behind folds a text whose first line stands behind so many columns of others.
func behind(text string, width, indent, before int) string {
	// A word as wide as those, and then taken out again.
	mark := strings.Repeat("x", before-1)
	return strings.TrimPrefix(strings.TrimPrefix(fold(mark+" "+text, width, indent), mark), " ")
}
