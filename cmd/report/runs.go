package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/store"
)

// RunsList is the result of `terrier runs`, as JSON has it.
type RunsList struct {
	FormatVersion string      `json:"format_version"`
	Runs          []RunListed `json:"runs"` // the newest first
}

// A RunListed is a run in short.
type RunListed struct {
	Run    string `json:"run"`
	Time   string `json:"time"` // RFC 3339, UTC
	Commit string `json:"commit"`
	Branch string `json:"branch"`
	By     string `json:"by"`
	Drift  bool   `json:"drift"`
	// Stacks counts them by what became of them: how the apply ended, else
	// how the plan did.
	Stacks map[string]int `json:"stacks"`
	Error  string         `json:"error"` // why it cannot be read, "" where it can
	// Shared says that it is not here: what there is to tell is where runs are
	// shared.
	Shared bool `json:"shared"`

	when time.Time // UTC
}

// RunShown is the result of `terrier runs show`, as JSON has it. Values that
// terraform marks as sensitive are not in it.
type RunShown struct {
	FormatVersion string          `json:"format_version"`
	Run           string          `json:"run"`
	Time          string          `json:"time"`
	Commit        string          `json:"commit"`
	Branch        string          `json:"branch"`
	Base          string          `json:"base"`
	Dirty         []string        `json:"dirty"`
	By            string          `json:"by"`
	Host          string          `json:"host"`
	Terraform     string          `json:"terraform"`
	TerraformPath string          `json:"terraform_path"`
	Drift         bool            `json:"drift"`
	CI            *store.CI       `json:"ci,omitempty"`
	Stacks        []RunShownStack `json:"stacks"` // by name
	Damaged       []int           `json:"damaged_approvals"`
}

// A RunShownStack is a stack of a run.
type RunShownStack struct {
	store.Stack
	State     string           `json:"state"` // as RunListed.Stacks counts it
	Changes   []PlannedChange  `json:"changes"`
	PlanError string           `json:"plan_error,omitempty"` // why Changes could not be read
	Approvals []store.Approval `json:"approvals"`            // that count
	Journal   []store.Step     `json:"journal"`
	Overrides []runs.Override  `json:"overrides"` // of its applies, in their order
}

// stateOf is what became of a stack: how its apply ended, where it was of the
// plan that it has, else how the plan did.
func stateOf(st *store.Stack, step store.Step) string {
	switch step.State {
	case store.NotStarted, store.StateRefused: // the plan waits as before
	case store.Started, store.StateUnknown:
		return "unknown"
	case store.StateFailed:
		if step.Digest == st.Digest {
			return "apply failed"
		}
	default:
		if step.Digest == st.Digest {
			return string(step.State)
		}
	}
	return string(st.Status)
}

// lastSteps are the newest step of each stack.
func lastSteps(steps []store.Step) map[string]store.Step {
	last := map[string]store.Step{}
	for _, s := range steps {
		last[s.Stack] = s
	}
	return last
}

// NewRunsList takes what a store lists.
func NewRunsList(s *store.Store, list []store.Listed) *RunsList {
	out := &RunsList{FormatVersion, make([]RunListed, 0, len(list))}
	for _, l := range list {
		r := RunListed{Run: l.ID, Time: l.Time.UTC().Format(time.RFC3339), Stacks: map[string]int{}, when: l.Time.UTC()}
		err := l.Err
		if l.Run != nil {
			r.Commit, r.Branch, r.By, r.Drift = l.Run.Commit, l.Run.Branch, l.Run.By, l.Run.Drift
			var steps []store.Step
			steps, err = s.Steps(l.ID)
			last := lastSteps(steps)
			for _, st := range l.Run.Stacks {
				r.Stacks[stateOf(st, last[st.Name])]++
			}
		}
		if err != nil {
			r.Error, _, _ = strings.Cut(mask(err.Error()), "\n")
		}
		out.Runs = append(out.Runs, r)
	}
	return out
}

// AddShared adds the runs that are where runs are shared, and not here.
func (l *RunsList) AddShared(ids []string) {
	for _, id := range ids {
		at := store.TimeOf(id)
		l.Runs = append(l.Runs, RunListed{Run: id, Time: at.Format(time.RFC3339), Stacks: map[string]int{}, Shared: true, when: at})
	}
	slices.SortStableFunc(l.Runs, func(a, b RunListed) int {
		return cmp.Or(b.when.Compare(a.when), cmp.Compare(b.Run, a.Run))
	})
}

// WriteRunsList writes a line for each run.
func WriteRunsList(w io.Writer, l *RunsList, format string, st Style) error {
	if format == "json" {
		return JSON(w, l)
	}
	p := &printer{w: w}
	if len(l.Runs) == 0 {
		p.f("%s  none yet\n", st.bold("Runs"))
		return p.err
	}
	for _, r := range l.Runs {
		if r.Error != "" {
			p.f("%s  %s\n", st.bold(r.Run), st.yellow(oneLine(r.Error)))
			continue
		}
		if r.Shared {
			p.f("%s  %s  shared, and not here yet\n", st.bold(r.Run), r.when.Format("2006-01-02 15:04"))
			continue
		}
		line := st.bold(r.Run) + "  " + r.when.Format("2006-01-02 15:04") + "  " + short(r.Commit)
		if r.By != "" {
			line += "  " + oneLine(r.By)
		}
		if r.Drift {
			line += "  drift"
		}
		p.f("%s  %s\n", line, counts(r.Stacks, st))
	}
	return p.err
}

// runStates is the order in which states are counted: the worst first.
var runStates = []string{"unknown", "apply failed", "failed", "refused", "pending", "deferred", "changes", "applied", "unchanged"}

func counts(stacks map[string]int, st Style) string {
	if len(stacks) == 0 {
		return "no stacks"
	}
	names := slices.Clone(runStates)
	var others []string
	for name := range stacks {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	var parts []string
	for _, name := range append(names, others...) {
		if n := stacks[name]; n > 0 {
			parts = append(parts, st.state(name, fmt.Sprintf("%s %s", thousands(n), oneLine(name))))
		}
	}
	return strings.Join(parts, ", ")
}

// state colours what a state is called.
func (s Style) state(name, text string) string {
	switch name {
	case "unknown", "apply failed", "failed", "refused":
		return s.red(text)
	case "deferred", "pending", "changes":
		return s.yellow(text)
	case "applied":
		return s.green(text)
	}
	return text
}

func short(commit string) string {
	if commit == "" {
		return "no commit"
	}
	return commit[:min(12, len(commit))]
}

// NewRunShown reads all there is of a run; chosen says of which stacks.
func NewRunShown(s *store.Store, r *store.Run, chosen func(*store.Stack) bool) (*RunShown, error) {
	steps, err := s.Steps(r.ID)
	if err != nil {
		return nil, err
	}
	_, damaged, err := s.AllApprovals(r.ID)
	if err != nil {
		return nil, err
	}
	out := &RunShown{
		FormatVersion: FormatVersion, Run: r.ID, Time: r.Time.UTC().Format(time.RFC3339), Commit: r.Commit, Branch: r.Branch, Base: r.Base,
		Dirty: r.Dirty, By: r.By, Host: r.Host, Terraform: r.Terraform, TerraformPath: r.TerraformPath, Drift: r.Drift, CI: r.CI,
		Stacks: []RunShownStack{}, Damaged: append([]int{}, damaged...),
	}
	last := lastSteps(steps)
	for _, st := range r.Stacks {
		if !chosen(st) {
			continue
		}
		shown := RunShownStack{Stack: *st, State: stateOf(st, last[st.Name]), Changes: []PlannedChange{}, Journal: []store.Step{}, Overrides: []runs.Override{}}
		if shown.Approvals, err = s.Approvals(r, st.Name); err != nil {
			return nil, err
		}
		shown.Approvals = append([]store.Approval{}, shown.Approvals...)
		for _, step := range steps {
			if step.Stack == st.Name {
				step.Error = mask(step.Error)
				shown.Journal = append(shown.Journal, step)
			}
		}
		shown.Error = mask(shown.Error)
		if st.Digest != "" {
			data, err := s.ReadFile(r.ID, st.Name, store.PlanJSON)
			if err == nil {
				shown.Changes, err = plannedChanges(data)
			}
			if err != nil {
				shown.Changes, shown.PlanError = []PlannedChange{}, planError(err)
			}
		}
		out.Stacks = append(out.Stacks, shown)
	}
	return out, nil
}

// Records adds what the records of runs tell of it: which guards were passed, by
// whom and why.
func (r *RunShown) Records(records []runs.Record) {
	for _, x := range records {
		for i := range r.Stacks {
			if s := &r.Stacks[i]; x.Run == r.Run && x.Stack == s.Path && x.Environment == s.Environment {
				s.Overrides = append(s.Overrides, x.Overrides...)
			}
		}
	}
}

func planError(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return string(store.PlanJSON) + " is not there"
	}
	text, _, _ := strings.Cut(mask(err.Error()), "\n")
	return text
}

// WriteRunShown writes a run: what it is, then each stack with its changes.
func WriteRunShown(w io.Writer, r *RunShown, format string, st Style) error {
	if format == "json" {
		return JSON(w, r)
	}
	p := &printer{w: w}
	p.f("%s  %s\n", st.bold("Run "+r.Run), r.Time)
	fact := func(name, text string) {
		if text != "" {
			p.f("  %-10s %s\n", name, oneLine(text))
		}
	}
	commit := short(r.Commit)
	if r.Branch != "" {
		commit += " on " + r.Branch
	}
	fact("commit", commit)
	if r.Base != "" && r.Base != r.Commit {
		fact("guards", "as of "+short(r.Base))
	}
	by := r.By
	if r.Host != "" {
		by += " on " + r.Host
	}
	fact("by", strings.TrimSpace(by))
	terraform := r.Terraform
	if r.TerraformPath != "" {
		terraform += " (" + r.TerraformPath + ")"
	}
	fact("terraform", strings.TrimSpace(terraform))
	if r.CI != nil {
		fact("job", strings.TrimSpace(r.CI.URL+" "+r.CI.User))
	}
	if r.Drift {
		fact("drift", "only looks for drift: there is nothing to apply")
	}
	for i, d := range r.Dirty {
		if i == 5 && !st.Verbose {
			fact("", more(len(r.Dirty)-5, "path"))
			break
		}
		fact("dirty", d)
	}
	if len(r.Damaged) > 0 {
		p.f("  %s\n", st.red(count(len(r.Damaged), "line")+" of approvals.jsonl are not sealed with our key, and count for nothing"))
	}
	for i := range r.Stacks {
		runStack(p, st, &r.Stacks[i])
	}
	return p.err
}

func runStack(p *printer, st Style, s *RunShownStack) {
	p.f("\n%s", st.bold(oneLine(s.Name)))
	for _, text := range []string{s.Environment, s.Account} {
		if text != "" {
			p.f("  %s", oneLine(text))
		}
	}
	p.f("  %s", st.state(s.State, oneLine(s.State)))
	if text := summaryText(s.Summary); text != "" && s.Digest != "" {
		p.f("  %s", text)
	}
	p.f("\n")
	if s.Workspace != "" {
		p.f("  workspace %s\n", oneLine(s.Workspace))
	}
	if s.Round > 0 {
		p.f("  planned in round %d\n", s.Round)
	}
	if s.Fingerprint != "" {
		p.f("  %s\n", st.faint(fmt.Sprintf("fingerprint %.16s  plan %.16s", oneLine(s.Fingerprint), s.Digest)))
	}
	if s.Error != "" {
		p.f("  %s\n", st.red(oneLine(strings.ReplaceAll(s.Error, "\n", "; "))))
	}
	for _, r := range s.Refusals {
		p.f("  %s %s: %s\n", st.red("refused by"), oneLine(r.Guard), oneLine(r.Reason))
	}
	if s.PlanError != "" {
		p.f("  %s\n", st.yellow("its changes cannot be shown: "+oneLine(s.PlanError)))
	}
	for i, c := range s.Changes {
		if i == maxChanges && !st.Verbose {
			p.f("  %s\n", more(len(s.Changes)-i, "change"))
			break
		}
		changeText(p, st, c)
	}
	for _, a := range s.Approvals {
		p.f("  approved by %s  %s\n", oneLine(a.By), a.Time.UTC().Format(time.RFC3339))
	}
	for _, o := range s.Overrides {
		p.f("  %s %s, by %s: %s\n", st.yellow("overridden"), oneLine(o.Guard), oneLine(o.By), oneLine(mask(o.Reason)))
	}
	for _, j := range s.Journal {
		where := ""
		if j.Host != "" {
			where = " on " + oneLine(j.Host)
		}
		p.f("  %s  %s, attempt %d%s\n", j.Time.UTC().Format(time.RFC3339), oneLine(string(j.State)), j.Attempt, where)
		if j.Error != "" {
			p.f("      %s\n", oneLine(strings.ReplaceAll(j.Error, "\n", "; ")))
		}
	}
}

// maxChanges is how many changes of a stack are shown without Verbose.
const maxChanges = 20

func summaryText(s store.Summary) string {
	var parts []string
	for _, one := range []struct {
		n    int
		text string
	}{
		{s.Destroy, "destroy"}, {s.Replace, "replace"}, {s.Forget, "forget"}, {s.Change, "change"}, {s.Add, "add"},
		{s.Import, "import"}, {s.Moved, "moved"}, {s.Outputs, "outputs"}, {s.Drift, "drift"},
	} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", thousands(one.n), one.text))
		}
	}
	return strings.Join(parts, ", ")
}

// RunsCleaned is the result of `terrier runs clean`, as JSON has it.
type RunsCleaned struct {
	FormatVersion string    `json:"format_version"`
	Removed       []string  `json:"removed"`
	Kept          []RunKept `json:"kept"` // old enough, and needed
	DryRun        bool      `json:"dry_run"`
}

// A RunKept is a run that stays.
type RunKept struct {
	Run    string `json:"run"`
	Reason string `json:"reason"`
}

// NewRunsCleaned takes what became of the runs.
func NewRunsCleaned(list []store.Cleaned, dryRun bool) *RunsCleaned {
	out := &RunsCleaned{FormatVersion, []string{}, []RunKept{}, dryRun}
	for _, c := range list {
		if c.Kept == "" {
			out.Removed = append(out.Removed, c.ID)
		} else {
			out.Kept = append(out.Kept, RunKept{c.ID, mask(c.Kept)})
		}
	}
	return out
}

// WriteRunsCleaned writes what was removed and what stays.
func WriteRunsCleaned(w io.Writer, c *RunsCleaned, format string, st Style) error {
	if format == "json" {
		return JSON(w, c)
	}
	p := &printer{w: w}
	did := "removed"
	if c.DryRun {
		did = "would be removed"
	}
	if len(c.Removed) == 0 {
		p.f("%s  nothing to remove\n", st.bold("Runs"))
	} else {
		p.f("%s  %s %s\n", st.bold("Runs"), count(len(c.Removed), "run"), did)
	}
	for _, id := range c.Removed {
		p.f("  %s\n", id)
	}
	for _, k := range c.Kept {
		p.f("  %s  %s\n", k.Run, st.yellow("stays: "+oneLine(k.Reason)))
	}
	return p.err
}
