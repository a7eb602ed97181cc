package report

import (
	"fmt"
	"io"

	"github.com/terrier-iac/terrier/live"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/store"
)

// Approve is the result of `terrier approve`, as JSON has it.
type Approve struct {
	FormatVersion string         `json:"format_version"`
	Run           string         `json:"run"`
	By            string         `json:"by"`
	Stacks        []ApproveStack `json:"stacks"`
}

// ApproveStack is one plan that was approved.
type ApproveStack struct {
	Name        string   `json:"name"`
	Path        string   `json:"path"`
	Environment string   `json:"environment"`
	Account     string   `json:"account"`
	Digest      string   `json:"digest"`
	Fingerprint string   `json:"fingerprint"`
	Approvals   []string `json:"approvals"` // by whom, sorted, those included that do not count
	Counted     int      `json:"counted"`   // how many count; 0 where none are needed, or some are missing
	Needed      int      `json:"needed"`
	Missing     string   `json:"missing"` // what is not there yet, "" for nothing

	summary store.Summary
}

// NewApprove begins the report of a run.
func NewApprove(run *store.Run, by string) *Approve {
	return &Approve{FormatVersion: FormatVersion, Run: run.ID, By: data(by), Stacks: []ApproveStack{}}
}

// Add adds a plan that was approved, with all its approvals, how many of them
// count, and what it lacks still.
func (a *Approve) Add(st *store.Stack, list []store.Approval, counted, needed int, missing *guard.Refusal) {
	s := ApproveStack{
		Name: dataPath(st.Name), Path: dataPath(st.Path), Environment: dataPath(st.Environment), Account: dataPath(st.Account),
		Digest: st.Digest, Fingerprint: st.Fingerprint, Approvals: []string{}, Counted: counted, Needed: needed, summary: st.Summary,
	}
	for _, x := range list {
		s.Approvals = append(s.Approvals, data(x.By))
	}
	if missing != nil {
		s.Missing = data(missing.Reason)
	}
	a.Stacks = append(a.Stacks, s)
}

// Missing reports whether any plan needs more.
func (a *Approve) Missing() bool {
	for _, s := range a.Stacks {
		if s.Missing != "" {
			return true
		}
	}
	return false
}

// WriteApprove writes what was approved.
func WriteApprove(w io.Writer, r *Approve, format string, st Style) error {
	if format == "json" {
		return JSON(w, r)
	}
	p := &printer{w: w}
	p.f("%s  %s, by %s\n", st.bold("Approved"), count(len(r.Stacks), "plan"), oneLine(r.By))
	for _, s := range r.Stacks {
		where := ""
		if s.Environment != "" {
			where = "  " + st.faint(s.Environment)
		}
		p.f("  %s%s\n", st.bold(oneLine(s.Name)), where)
		p.f("    %s\n", fold(live.Counts(s.summary), st.Width, 4))
		switch {
		case s.Missing != "":
			p.f("    %s\n", st.yellow(fold(s.Missing, st.Width, 4)))
		case s.Needed > 0:
			p.f("    %s\n", st.green(fmt.Sprintf("%s, and it needs %d", count(s.Counted, "approval"), s.Needed)))
		default:
			p.f("    %s\n", st.faint("it needs no approval"))
		}
	}
	p.f("Run %s\n", st.bold(r.Run))
	return p.err
}
