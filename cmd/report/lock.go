package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/terrier-iac/terrier/modules/lock"
)

// Lock is the result of `terrier lock`, as JSON has it. Nothing in it holds
// credentials.
type Lock struct {
	FormatVersion string        `json:"format_version"`
	Entries       int           `json:"entries"`
	Calls         int           `json:"calls"` // of the tree itself
	Added         []LockEntry   `json:"added"`
	Updated       []LockUpdate  `json:"updated"`
	Dropped       []LockEntry   `json:"dropped"`
	Problems      []LockProblem `json:"problems"`
	// Beyond are sources that no lock holds, archives and the like. They are
	// no problems: nothing is wrong with them but that.
	Beyond []LockProblem `json:"beyond"`
	// Errors are what could not be asked or read; what depends on it was not
	// checked.
	Errors []LockError `json:"errors"`

	check bool
}

// LockEntry is a source and ref, and what they mean.
type LockEntry struct {
	Source  string `json:"source"`
	Ref     string `json:"ref"`
	Kind    string `json:"kind"`
	Version string `json:"version,omitempty"`
	Commit  string `json:"commit"`
	Hash    string `json:"hash"`
}

// LockUpdate is an entry that was made anew.
type LockUpdate struct {
	Old LockEntry `json:"old"`
	New LockEntry `json:"new"`
}

// LockProblem is something that is not as the lock has it.
type LockProblem struct {
	Rule         string `json:"rule"`
	Source       string `json:"source"`
	Ref          string `json:"ref"`
	LockedCommit string `json:"locked_commit"`
	FoundCommit  string `json:"found_commit"`
	// Since is when the lock file got the locked commit, RFC 3339, UTC;
	// SinceCommit is the commit that brought it, "uncommitted" where none did.
	// Both are "" where that is not known. With SinceAtLeast the clone is
	// shallow, and the lock may know it longer.
	Since        string `json:"since,omitempty"`
	SinceCommit  string `json:"since_commit,omitempty"`
	SinceAtLeast bool   `json:"since_at_least,omitempty"`
	Package      string `json:"package"` // that the file is in; "" for the tree itself
	File         string `json:"file"`
	Line         int    `json:"line"`
	Summary      string `json:"summary"`
	Hint         string `json:"hint,omitempty"`
}

// LockError is a remote, a registry or a mirror that could not be asked.
type LockError struct {
	Source  string `json:"source"`
	Summary string `json:"summary"`
	Hint    string `json:"hint,omitempty"`
}

// NewLock takes what a run found. calls is how many calls the tree has.
func NewLock(r *lock.Result, calls int, check bool) *Lock {
	l := &Lock{
		FormatVersion: FormatVersion, Entries: len(r.File.Entries), Calls: calls, check: check,
		Added: lockEntries(r.Added), Dropped: lockEntries(r.Dropped),
		Updated: []LockUpdate{}, Problems: lockProblems(r.Problems), Beyond: lockProblems(r.Beyond), Errors: []LockError{},
	}
	for _, u := range r.Updated {
		l.Updated = append(l.Updated, LockUpdate{lockEntry(u.Old), lockEntry(u.New)})
	}
	for _, f := range r.Failures {
		l.Errors = append(l.Errors, LockError{f.Source, f.Summary, f.Hint})
	}
	return l
}

func lockProblems(ps []lock.Problem) []LockProblem {
	out := make([]LockProblem, 0, len(ps))
	for _, p := range ps {
		q := LockProblem{
			Rule: string(p.Rule), Source: p.Source, Ref: p.Ref, LockedCommit: p.Locked, FoundCommit: p.Found,
			Package: p.Place.Package, File: p.Place.File, Line: p.Place.Line, Summary: p.Summary, Hint: p.Hint,
		}
		if s := p.Since; s != nil {
			q.SinceCommit = "uncommitted"
			if s.Commit != "" {
				q.Since, q.SinceCommit, q.SinceAtLeast = time.Unix(s.When, 0).UTC().Format(time.RFC3339), s.Commit, s.AtLeast
			}
		}
		out = append(out, q)
	}
	return out
}

func lockEntries(es []*lock.Entry) []LockEntry {
	out := make([]LockEntry, 0, len(es))
	for _, e := range es {
		out = append(out, lockEntry(e))
	}
	return out
}

func lockEntry(e *lock.Entry) LockEntry {
	return LockEntry{e.Address, e.Ref, string(e.Kind), e.Version, e.Commit, e.Hash}
}

// WriteLock writes errors first, then problems, then what has changed.
func WriteLock(w io.Writer, l *Lock, format string, st Style) error {
	if format == "json" {
		return JSON(w, l)
	}
	p := &printer{w: w}
	title := "Lock"
	if l.check {
		title = "Lock, check"
	}
	p.f("%s  %s, %s", st.bold(title), count(l.Calls, "call"), count(l.Entries, "entry"))
	for _, c := range []struct {
		n    int
		word string
	}{{len(l.Added), "added"}, {len(l.Updated), "updated"}, {len(l.Dropped), "dropped"}} {
		if c.n > 0 {
			p.f(", %s %s", thousands(c.n), c.word)
		}
	}
	p.f("\n")
	const few = 20
	for i, e := range l.Errors {
		if i == few && !st.Verbose {
			p.f("  %s\n", more(len(l.Errors)-few, "error"))
			break
		}
		p.f("  %s  %s\n", st.red("error"), st.bold(clean(e.Source)))
		if next := i + 1; next < len(l.Errors) && (next < few || st.Verbose) && l.Errors[next].Summary == e.Summary && l.Errors[next].Hint == e.Hint {
			continue // one reason for all of them, below the last
		}
		textReason(p, st, e.Summary, e.Hint)
	}
	told := map[string]bool{}
	for _, q := range l.Problems {
		if told[q.Hint] { // of a hundred calls that are not locked, one says what to do
			q.Hint = ""
		}
		told[q.Hint] = true
		textLockProblem(p, st, q)
	}
	textLockEntries(p, st, "added", l.Added, few)
	for i, u := range l.Updated {
		if i == few && !st.Verbose {
			p.f("  %s\n", more(len(l.Updated)-few, "updated entry"))
			break
		}
		p.f("  %s  %s\n", st.green(fmt.Sprintf("%-7s", "updated")), sourceAndRef(u.New.Source, u.New.Ref))
		p.f("           %s\n", st.faint(shortEntry(u.Old)+" → "+shortEntry(u.New)))
	}
	textLockEntries(p, st, "dropped", l.Dropped, few)
	textBeyond(p, st, l.Beyond)
	switch {
	case len(l.Errors) > 0:
		p.f("%s\n", st.red(fold(l.unfinished(), st.Width, 0)))
	case len(l.Problems) > 0 && l.check:
		p.f("%s\n", st.yellow(count(len(l.Problems), "problem")+"."))
	case len(l.Problems) > 0:
		p.f("%s\n", st.yellow(count(len(l.Problems), "problem")+". Entries that were there are as they were."))
	case l.check:
		p.f("%s\n", st.green("All is as it was locked."))
	case len(l.Added)+len(l.Updated)+len(l.Dropped) == 0:
		p.f("%s\n", st.green("Nothing to do: all is locked."))
	}
	return p.err
}

// unfinished is the last word where not all could be asked or read.
func (l *Lock) unfinished() string {
	found := count(len(l.Errors), "error")
	if n := len(l.Problems); n > 0 {
		found += ", " + count(n, "problem")
	}
	switch {
	case l.check:
		return "Not all could be checked: " + found + "."
	case len(l.Added)+len(l.Updated) > 0:
		return "Not all could be locked: " + found + ". What is written is complete in itself; run it again for the rest."
	}
	last := "Not all could be locked or checked: " + found + "."
	if l.Entries > 0 {
		last += " Entries that were there are as they were."
	}
	return last
}

func textLockEntries(p *printer, st Style, word string, es []LockEntry, few int) {
	for i, e := range es {
		if i == few && !st.Verbose {
			p.f("  %s\n", more(len(es)-few, word+" entry"))
			break
		}
		p.f("  %s  %s  %s\n", st.green(fmt.Sprintf("%-7s", word)), sourceAndRef(e.Source, e.Ref), st.faint(shortEntry(e)))
	}
}

func textLockProblem(p *printer, st Style, q LockProblem) {
	p.f("  %s  %s\n", st.yellow(q.Rule), st.bold(sourceAndRef(q.Source, q.Ref)))
	summary := q.Summary
	switch {
	case q.SinceCommit == "uncommitted":
		summary += "; the lock that says so is not committed yet"
	case q.Since != "":
		day, _, _ := strings.Cut(q.Since, "T")
		at := "since "
		if q.SinceAtLeast {
			at = "at least since "
		}
		summary += fmt.Sprintf("; the lock has the old one %s%s (commit %.12s)", at, day, q.SinceCommit)
	}
	textReason(p, st, summary, q.Hint)
	if q.File != "" {
		at := q.File
		if q.Line > 0 {
			at = fmt.Sprintf("%s:%d", at, q.Line)
		}
		if q.Package != "" {
			at += " in " + q.Package
		}
		p.f("      %s\n", st.faint(clean(at)))
	}
}

// textBeyond names what no lock holds, the first of it.
func textBeyond(p *printer, st Style, beyond []LockProblem) {
	if len(beyond) == 0 {
		return
	}
	p.f("  %s\n", fold(count(len(beyond), "call")+" of archives, buckets and the like, which a lock does not hold:", st.Width, 2))
	for i, q := range beyond {
		if i == 3 && !st.Verbose {
			p.f("      %s\n", more(len(beyond)-i, "call"))
			return
		}
		p.f("      %s:%d  %s\n", clean(q.File), q.Line, st.faint(clean(q.Source)))
	}
}

func textReason(p *printer, st Style, summary, hint string) {
	p.f("      %s\n", fold(summary, st.Width, 6))
	if hint != "" {
		p.f("      hint: %s\n", fold(hint, st.Width, 12))
	}
}

func sourceAndRef(source, ref string) string {
	if ref == "" {
		return clean(source)
	}
	return clean(source + " " + ref)
}

func shortEntry(e LockEntry) string {
	out := e.Kind
	if e.Version != "" {
		out = e.Version
	}
	if e.Commit != "" {
		out += fmt.Sprintf(" %.12s", e.Commit)
	}
	return clean(out)
}
