package changelog

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Level is the part of a semantic version that messages ask for: "major",
// "minor", "patch" or "none".
type Level string

// The levels, as package change names them.
const (
	None  Level = "none"
	Patch Level = "patch"
	Minor Level = "minor"
	Major Level = "major"
)

// Level is what one commit asks for: what breaks is major, feat minor, fix,
// perf and a revert patch, everything else none.
func (e Entry) Level() Level {
	switch {
	case e.Breaking:
		return Major
	case e.Type == "feat":
		return Minor
	case e.Type == "fix", e.Type == "perf", e.Type == "revert":
		return Patch
	}
	return None
}

// Subject is the entry on a line: "scope: description".
func (e Entry) Subject() string {
	if e.Scope == "" {
		return e.Description
	}
	return e.Scope + ": " + e.Description
}

// A Log is entries in sections.
type Log struct{ Sections []Section }

// A Section has a title, and entries by scope and description.
type Section struct {
	Title   string
	Entries []Entry
	breaks  bool
}

// New puts entries into sections, in the order of breaking changes, features,
// fixes, performance, reverts, other changes. What breaks is in its own section
// as well where its footer says more than its title. Empty sections are left out.
func New(entries []Entry) *Log {
	l := &Log{}
	add := func(title string, breaks bool, want func(Entry) bool) {
		s := Section{Title: title, breaks: breaks}
		for _, e := range entries {
			if want(e) && (breaks || !e.Breaking || e.BreakingText != "") {
				s.Entries = append(s.Entries, e)
			}
		}
		slices.SortStableFunc(s.Entries, func(a, b Entry) int {
			return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Description, b.Description), bytes.Compare(a.Commit[:], b.Commit[:]))
		})
		if len(s.Entries) > 0 {
			l.Sections = append(l.Sections, s)
		}
	}
	add("Breaking changes", true, func(e Entry) bool { return e.Breaking })
	known := map[string]bool{}
	for _, k := range []struct{ typ, title string }{
		{"feat", "Features"}, {"fix", "Fixes"}, {"perf", "Performance"}, {"revert", "Reverts"},
	} {
		known[k.typ] = true
		add(k.title, false, func(e Entry) bool { return e.Type == k.typ })
	}
	add("Other changes", false, func(e Entry) bool { return !known[e.Type] })
	return l
}

// Level is the highest of the entries'.
func (l *Log) Level() Level {
	highest := None
	order := []Level{None, Patch, Minor, Major}
	for _, s := range l.Sections {
		for _, e := range s.Entries {
			if slices.Index(order, e.Level()) > slices.Index(order, highest) {
				highest = e.Level()
			}
		}
	}
	return highest
}

// shown is what an entry says in a section.
func (s Section) shown(e Entry) string {
	if s.breaks && e.BreakingText != "" {
		if e.Scope != "" {
			return e.Scope + ": " + e.BreakingText
		}
		return e.BreakingText
	}
	return e.Subject()
}

// Markdown gives the sections under headings of the third level. Nothing of a
// message is read as markup: no link, no HTML, no mention of a user.
func (l *Log) Markdown() string {
	var b strings.Builder
	for i, s := range l.Sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "### %s\n\n", s.Title)
		for _, e := range s.Entries {
			fmt.Fprintf(&b, "- %s (%s)\n", escape(s.shown(e)), e.short())
		}
	}
	return b.String()
}

// short is the beginning of the commit's id; forges make a link of it.
func (e Entry) short() string { return e.Commit.String()[:8] }

// escape keeps a text from being read as markup. A request's number stays, and
// forges link it; a name behind an @ would call somebody, so that a space of no
// width goes between.
func escape(text string) string {
	text = strings.NewReplacer(
		`\`, `\\`, "&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "*", `\*`, "_", `\_`, "~", `\~`, "$", `\$`,
		"[", `\[`, "]", `\]`, "`", "\\`", "@", "@\u200b", "://", ":\u200b//", "www.", "www\u200b.",
	).Replace(text)
	return text
}

// Text gives the sections as plain text in lines of at most width columns, as
// a message of a tag has it. No line begins with a word of a message, so that
// none can pass for a footer or a signature.
func (l *Log) Text(width int) string {
	var b strings.Builder
	for i, s := range l.Sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n\n", s.Title)
		for _, e := range s.Entries {
			b.WriteString("  -")
			column := 3
			for _, word := range strings.Fields(s.shown(e)) {
				n := runewidth.StringWidth(word)
				if column+1+n > width && column > 3 {
					b.WriteString("\n   ")
					column = 3
				}
				b.WriteString(" " + word)
				column += 1 + n
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
