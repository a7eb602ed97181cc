package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/versions"
)

// Pins is the result of bump, promote and pin, as JSON has it. Nothing in it
// holds credentials.
type Pins struct {
	FormatVersion string        `json:"format_version"`
	Written       bool          `json:"written"`
	Edits         []PinsEdit    `json:"edits"`
	Skipped       []PinsSkipped `json:"skipped"`
	Errors        []ListError   `json:"errors"`
	Moved         []ListMoved   `json:"moved"` // see List
	// Exempted are the stacks that were left out of a check.
	Exempted []Exempted `json:"exempted"`
	// Published is what became of the changes in git and on a forge; null
	// where they are in the work tree alone.
	Published  *Published `json:"published"`
	*Promotion            // of promote, else nil

	title, name string
	result      *pins.Result
	order       []string // the environments, as they come after each other
}

// Exempted is a stack that somebody took out of a check, and why.
type Exempted struct {
	Stack  string `json:"stack"`
	Reason string `json:"reason"`
}

// Published is what was committed, pushed and asked for.
type Published struct {
	Branch  string            `json:"branch"` // "" for none, or a detached HEAD
	Commits []PublishedCommit `json:"commits"`
	Pushed  bool              `json:"pushed"` // false where the remote had it already
	// Request is the merge request; null where none was asked for.
	Request *PublishedRequest `json:"request"`
}

// PublishedCommit is a commit that was made.
type PublishedCommit struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Environment string `json:"environment"`
}

// PublishedRequest is a merge request that is open.
type PublishedRequest struct {
	URL     string `json:"url"`
	Number  int    `json:"number"`
	Created bool   `json:"created"`
	Updated bool   `json:"updated"`
}

// PinsEdit is one call that moves.
type PinsEdit struct {
	File        string `json:"file"`
	Line        int    `json:"line"`
	Module      string `json:"module"`
	Call        string `json:"call"`
	Environment string `json:"environment"` // "" for none; several with commas
	From        string `json:"from"`        // as it was written
	To          string `json:"to"`
	FromVersion string `json:"from_version"` // "" where it is not known
	ToVersion   string `json:"to_version"`
	// Unchanged says that the module's files are the same in both; null where
	// that is not known.
	Unchanged *bool    `json:"unchanged"`
	Notes     []string `json:"notes"`
}

// PinsSkipped is one call that stays.
type PinsSkipped struct {
	File        string `json:"file"`
	Line        int    `json:"line"`
	Module      string `json:"module"`
	Call        string `json:"call"`
	Environment string `json:"environment"`
	From        string `json:"from"`
	Reason      string `json:"reason"`
	Hint        string `json:"hint"`
	// Asked says that what was asked for is not done, so that the exit code
	// is 2. A call that is where it should be is skipped as well.
	Asked bool `json:"asked"`
}

// NewPins takes what became of the moves; command is its name, and name what
// was read. written says that the files have been written.
func NewPins(command, name string, r *pins.Result, set *versions.Set, unread []ListError, written bool) *Pins {
	p := &Pins{
		FormatVersion: FormatVersion, Written: written && len(r.Edits) > 0, Edits: []PinsEdit{}, Skipped: []PinsSkipped{},
		Errors: listErrors(set, unread), Moved: listMoved(set), Exempted: []Exempted{}, title: strings.ToUpper(command[:1]) + command[1:], name: name, result: r,
		order: set.Environments,
	}
	for _, e := range r.Edits {
		edit := PinsEdit{
			File: dataPath(e.File), Line: e.Line, Module: data(e.Module), Call: data(e.Call), Environment: pinsEnvironments(e.Environments, ","),
			From: data(hclparse.Redact(e.From)), To: data(e.To), FromVersion: e.FromVersion, ToVersion: e.ToVersion, Notes: dataAll(e.Notes),
		}
		if e.Move != nil {
			edit.Unchanged = e.Move.Same
		}
		p.Edits = append(p.Edits, edit)
	}
	for _, s := range r.Skipped {
		p.Skipped = append(p.Skipped, PinsSkipped{
			File: dataPath(s.File), Line: s.Line, Module: data(s.Module), Call: data(s.Call), Environment: pinsEnvironments(s.Environments, ","),
			From: data(hclparse.Redact(s.From)), Reason: data(s.Reason), Hint: data(s.Hint), Asked: s.Asked,
		})
	}
	return p
}

func dataAll(texts []string) []string {
	out := []string{}
	for _, t := range texts {
		out = append(out, data(t))
	}
	return out
}

func pinsEnvironments(names []string, sep string) string {
	named := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
	return data(strings.Join(named, sep))
}

// PinsFormats are the names of the formats of WritePins, the default first.
func PinsFormats() []string { return []string{"text", "json", "markdown"} }

// WritePins writes the result in one of PinsFormats.
func WritePins(w io.Writer, p *Pins, format string, st Style) error {
	switch format {
	case "text":
		return pinsText(w, p, st)
	case "json":
		return JSON(w, p)
	case "markdown":
		return pinsMarkdown(w, p)
	}
	return errFormat
}

// table are the edits for people, those that are alike in one row, the head
// first; text makes a field fit for the format. notes says that their notes
// are in the last column.
func (p *Pins) table(text func(string) string, notes bool) [][]string {
	type row struct {
		module, environment, from, to, note string
		place, calls                        int
	}
	var rows []*row
	byRow := map[row]*row{}
	for i := range p.Edits {
		e := &p.Edits[i]
		var said []string
		if e.Unchanged != nil && *e.Unchanged {
			said = append(said, "same files")
		}
		if p.result.Edits[i].Call == "" {
			said = append(said, "in documents")
		}
		if notes {
			said = append(said, e.Notes...)
		}
		environments := p.result.Edits[i].Environments
		r := row{
			e.Module, pinsEnvironments(environments, ", "), shownPin(e.From, e.FromVersion), shownPin(e.To, e.ToVersion), strings.Join(said, "; "),
			p.place(environments), 1,
		}
		key := r
		key.calls = 0
		if known := byRow[key]; known != nil {
			known.calls++
			continue
		}
		byRow[key] = &r
		rows = append(rows, &r)
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		return cmp.Or(strings.Compare(a.module, b.module), cmp.Compare(a.place, b.place))
	})
	out := [][]string{{"module", "environment", "from", "to", "calls", ""}}
	for _, r := range rows {
		out = append(out, []string{text(oneLine(r.module)), text(envName(r.environment)), text(oneLine(r.from)), text(oneLine(r.to)), thousands(r.calls), text(oneLine(r.note))})
	}
	return out
}

// place is where the first of some environments stands in their order; what is
// in none comes last.
func (p *Pins) place(environments []string) int {
	first := len(p.order)
	for _, e := range environments {
		if i := slices.Index(p.order, e); i >= 0 {
			first = min(first, i)
		}
	}
	return first
}

// shownPin is a pin in a table: a commit in short, with what it is.
func shownPin(ref, version string) string {
	switch {
	case ref == "":
		return "no version"
	case len(ref) == 40 && hexadecimal(ref) && version != "":
		return ref[:12] + " (" + version + ")"
	case len(ref) == 40 && hexadecimal(ref):
		return ref[:12]
	}
	return ref
}

func hexadecimal(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func pinsText(w io.Writer, p *Pins, st Style) error {
	q := &printer{w: w}
	files := map[string]bool{}
	calls := 0
	for _, e := range p.Edits {
		if files[e.File] = true; e.Call != "" {
			calls++
		}
	}
	if len(p.Edits) > 0 {
		q.f("%s  %s in %s\n", st.bold(p.title), shownCalls(calls, len(p.Edits)-calls), count(len(files), "file"))
	} else {
		q.f("%s  nothing moves\n", st.bold(p.title))
	}
	if p.Promotion != nil {
		p.head(q, p.Exempted, st)
	}
	rows := p.table(func(s string) string { return s }, false)
	if !slices.ContainsFunc(rows[1:], func(row []string) bool { return row[1] != "-" }) {
		for i := range rows {
			rows[i] = slices.Delete(rows[i], 1, 2)
		}
	}
	if len(rows) > 1 {
		q.f("\n")
		textTable(q, rows, st)
	}
	pinsNotes(q, p.Edits, st)
	if p.Promotion != nil {
		p.moved(q, st)
	}
	var left, right []PinsSkipped
	for _, s := range p.Skipped {
		if s.Asked {
			left = append(left, s)
		} else {
			right = append(right, s)
		}
	}
	pinsSkipped(q, st.yellow("Left as they are"), left, st)
	switch {
	case st.Verbose:
		pinsSkipped(q, st.bold("Where they should be"), right, st)
	case len(right) > 0:
		are := "are where they should be (-v names them)."
		if len(right) == 1 {
			are = "is where it should be (-v names it)."
		}
		q.f("\n%s\n", st.faint(count(len(right), "call")+" "+are))
	}
	textPublished(q, p.Published, st)
	textMoved(q, p.Moved, st)
	textErrors(q, p.Errors, st)
	switch {
	case len(p.Errors) > 0:
		q.f("\n%s\n", st.red("Not all could be looked at."))
	case len(p.Edits) > 0 && !p.Written:
		q.f("\n%s\n", st.faint("Nothing was written."))
	}
	return q.err
}

// textPublished writes the commits, and where they are.
func textPublished(p *printer, pub *Published, st Style) {
	if pub == nil || len(pub.Commits) == 0 {
		return
	}
	where := "a detached HEAD"
	if pub.Branch != "" {
		where = pub.Branch
	}
	p.f("\n%s  %s on %s\n", st.bold("Committed"), count(len(pub.Commits), "commit"), oneLine(where))
	for _, c := range pub.Commits {
		p.f("%s\n", st.wrapped(2, c.ID[:12]+"  "+c.Title))
	}
	if pub.Pushed {
		p.f("  pushed\n")
	}
	if r := pub.Request; r != nil {
		did := "is as it was"
		switch {
		case r.Created:
			did = "opened"
		case r.Updated:
			did = "updated"
		}
		p.f("%s  %s, %s\n", st.bold("Merge request"), oneLine(r.URL), did)
	}
}

// shownCalls counts calls, and what documents show of them.
func shownCalls(calls, shown int) string {
	if shown == 0 {
		return count(calls, "call")
	}
	return count(calls, "call") + " and " + count(shown, "example")
}

// pinsNotes writes what there is to say beside the edits, and of which.
func pinsNotes(p *printer, edits []PinsEdit, st Style) {
	var notes []string
	where := map[string][]string{}
	for _, e := range edits {
		for _, n := range e.Notes {
			if where[n] == nil {
				notes = append(notes, n)
			}
			where[n] = append(where[n], fmt.Sprintf("%s:%d", oneLine(e.File), e.Line))
		}
	}
	for i, n := range notes {
		if i == 0 {
			p.f("\n%s\n", st.bold("Notes"))
		}
		p.f("%s\n", st.wrapped(2, n))
		for _, at := range where[n] {
			p.f("    %s\n", st.faint(at))
		}
	}
}

// pinsSkipped writes calls that stay, those of one reason together.
func pinsSkipped(p *printer, title string, all []PinsSkipped, st Style) {
	if len(all) == 0 {
		return
	}
	p.f("\n%s  %s\n", title, count(len(all), "call"))
	type group struct{ module, reason, hint string }
	byGroup := map[group][]PinsSkipped{}
	for _, s := range all {
		g := group{s.Module, s.Reason, s.Hint}
		byGroup[g] = append(byGroup[g], s)
	}
	for _, s := range all {
		g := group{s.Module, s.Reason, s.Hint}
		if byGroup[g] == nil {
			continue // written already
		}
		p.f("%s\n", st.wrapped(2, s.Module+": "+s.Reason))
		for _, o := range byGroup[g] {
			where := fmt.Sprintf("%s:%d", oneLine(o.File), o.Line)
			p.f("    %s", st.faint(where))
			if env := envName(o.Environment); env != "-" && 4+columns(where)+2+columns(env) <= st.Width {
				p.f("  %s", st.faint(env))
			} else if env != "-" {
				p.f("\n      %s", st.faint(env))
			}
			p.f("\n")
		}
		byGroup[g] = nil
		if s.Hint != "" {
			p.f("%s\n", st.wrapped(4, "hint: "+s.Hint))
		}
	}
}

// wrapped folds a text at the style's width, each line with an indent.
func (st Style) wrapped(indent int, text string) string {
	pad := strings.Repeat(" ", indent)
	return pad + fold(oneLine(text), max(40, st.Width), indent)
}
