package report

import (
	"fmt"
	"strings"

	"github.com/terrier-iac/terrier/live/promotion"
)

// Promotion is what promote says beside the edits, as JSON has it.
type Promotion struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Refused says why nothing was looked at; null where it was.
	Refused   *Refusal   `json:"refused"`
	Evidence  []Evidence `json:"evidence"`
	Soak      string     `json:"soak"` // hours, "" for none
	Changes   []Moved    `json:"changes"`
	Mentioned []string   `json:"notes"`
}

// A Refusal is an order that forbids a promotion.
type Refusal struct {
	Reason string `json:"reason"`
	Hint   string `json:"hint"`
}

// Kinds of Evidence.
const (
	EvidenceRuns = "runs"
	EvidenceMain = "main-branch"
)

// Evidence says from what is known which versions an environment runs.
type Evidence struct {
	Environment string `json:"environment"`
	Kind        string `json:"kind"`
	Branch      string `json:"branch"` // of the main branch, else ""
	Commit      string `json:"commit"`
}

// String is the evidence in a line.
func (e Evidence) String() string {
	if e.Kind == EvidenceRuns {
		return "applied: run records"
	}
	return fmt.Sprintf("main branch %s at %.8s", e.Branch, e.Commit)
}

// Moved is what the move of a module from one version to another changes.
type Moved struct {
	Module  string       `json:"module"`
	From    string       `json:"from"`
	To      string       `json:"to"`
	Level   string       `json:"level"` // "" where Error says why it is not known
	Error   string       `json:"error"`
	Changes []DiffChange `json:"changes"`
	Callers []DiffCaller `json:"callers"` // that break
}

// NewEvidence takes what tells which versions an environment runs.
func NewEvidence(e promotion.Evidence) Evidence {
	out := Evidence{Environment: e.Environment, Kind: EvidenceRuns, Branch: e.Branch, Commit: e.Commit}
	if e.Branch != "" {
		out.Kind = EvidenceMain
	}
	return out
}

// NewMoved takes what was found, in its order.
func NewMoved(c promotion.Change) Moved {
	out := Moved{Module: data(c.Module), From: data(c.From), To: data(c.To)}
	if c.Err != nil {
		text, _, _ := strings.Cut(c.Err.Error(), "\n")
		out.Error, out.Changes, out.Callers = data(text), []DiffChange{}, []DiffCaller{}
		return out
	}
	d := NewDiff(c.Module, c.From, c.To, c.Changes, c.Breaks)
	out.Level, out.Changes, out.Callers = d.Level, d.Changes, d.Callers
	return out
}

// SetPromotion adds what promote says. What is told may be of a repository.
func (p *Pins) SetPromotion(m *Promotion) {
	if m.Evidence == nil {
		m.Evidence = []Evidence{}
	}
	if m.Changes == nil {
		m.Changes = []Moved{}
	}
	m.Mentioned = dataAll(m.Mentioned)
	p.Promotion = m
}

// head are the lines before the table.
func (m *Promotion) head(q *printer, exempted []Exempted, st Style) {
	if m.Refused != nil {
		q.f("%s\n", st.wrapped(2, "refused: "+m.Refused.Reason))
		q.f("%s\n", st.wrapped(2, "hint: "+m.Refused.Hint))
	}
	for _, e := range m.Evidence {
		q.f("%s\n", st.wrapped(2, e.Environment+": "+e.String()))
	}
	for _, e := range exempted {
		q.f("%s\n", st.wrapped(2, fmt.Sprintf("exempt: %s (%s)", e.Stack, e.Reason)))
	}
	for _, n := range m.Mentioned {
		q.f("%s\n", st.wrapped(2, "note: "+n))
	}
}

// moved are the lines behind the table: what the moves change.
func (m *Promotion) moved(q *printer, st Style) {
	const few = 5
	var same []string
	head := func(name, from, to, level string, paint func(Style, string) string) {
		move := oneLine(from) + " → " + oneLine(to) + "  "
		q.f("\n%s\n", st.heading(name, move+paint(st, level), columns(move+level)))
	}
	for i := 0; i < len(m.Changes); i++ {
		c := &m.Changes[i]
		if c.Error != "" {
			from := []string{c.From}
			for ; i+1 < len(m.Changes) && m.Changes[i+1].Module == c.Module && m.Changes[i+1].To == c.To && m.Changes[i+1].Error == c.Error; i++ {
				from = append(from, m.Changes[i+1].From)
			}
			head(c.Module, strings.Join(from, ", "), c.To, "not compared", Style.yellow)
			q.f("%s\n", st.wrapped(2, c.Error))
			continue
		}
		if len(c.Changes)+len(c.Callers) == 0 {
			same = append(same, c.Module)
			continue
		}
		head(c.Module, c.From, c.To, c.Level, levelPaint)
		textCallers(q, c.Callers, "  breaks ", st)
		for i, d := range c.Changes {
			if i == few && !st.Verbose && len(c.Changes) > few+1 {
				q.f("  %s\n", st.faint(more(len(c.Changes)-few, "change")+" (-v shows all)"))
				break
			}
			q.f("  %s\n", levelled(st, d.Level, oneLine(d.Summary)))
		}
	}
	textNames(q, "No change", "that a call, a plan or a state would see", same, st)
}

// markdownHead is head for a page.
func (m *Promotion) markdownHead(q *printer, exempted []Exempted) {
	markdown := func(text string) string { return markdown(oneLine(text)) }
	q.f("%s → %s\n", markdown(m.From), markdown(m.To))
	if m.Refused != nil {
		q.f("\n**Refused:** %s\n", markdown(m.Refused.Reason))
	}
	for _, e := range m.Evidence {
		q.f("\n- %s: %s", markdown(e.Environment), markdown(e.String()))
	}
	for _, e := range exempted {
		q.f("\n- exempt: %s (%s)", markdown(e.Stack), markdown(e.Reason))
	}
	for _, n := range m.Mentioned {
		q.f("\n- %s", markdown(n))
	}
	if len(m.Evidence)+len(exempted)+len(m.Mentioned) > 0 {
		q.f("\n")
	}
	q.f("\n")
}

// markdownMoved is moved for a page.
func (m *Promotion) markdownMoved(q *printer) {
	markdown := func(text string) string { return markdown(oneLine(text)) }
	for _, c := range m.Changes {
		q.f("\n**%s** %s → %s: %s\n", markdown(c.Module), markdown(c.From), markdown(c.To), markdown(c.Level+c.Error))
		if len(c.Changes)+len(c.Callers) > 0 {
			q.f("\n")
		}
		for _, b := range c.Callers {
			q.f("- %s:%d breaks: %s\n", markdown(b.File), b.Line, markdown(b.Summary))
		}
		for _, d := range c.Changes {
			q.f("- %s: %s\n", d.Level, markdown(d.Summary))
		}
	}
}
