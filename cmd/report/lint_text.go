package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/modules/lint"
)

// lintText writes each finding with its place, the line and what to do, and
// last how many there are of each rule.
//
// The detail of a rule is written with its first finding only, so that five
// hundred findings can be read; all of them with Verbose. Away from a terminal
// no sentence is broken, so that a search finds it.
func lintText(w io.Writer, l *Lint, st Style) error {
	p := &printer{w: w}
	width := 0
	if st.Terminal {
		width = max(20, st.Width)
	}
	snippetWidth := 78
	if st.Terminal {
		snippetWidth = width - 2
	}
	snips := newSnippets(l.Files, max(20, snippetWidth), st)
	snips.secrets = l.Secrets
	indented := func(text string) {
		inner := 0
		if width > 0 {
			inner = width - 2
		}
		for _, line := range wrap(text, inner) {
			p.f("%s\n", strings.TrimRight("  "+line, " "))
		}
	}
	said := map[[2]string]bool{}
	for i := range l.Findings {
		f := &l.Findings[i]
		for j, line := range wrap(fmt.Sprintf("%s: %s (%s)", f.Severity, shorten(oneLine(f.Summary)), oneLine(f.Rule)), width) {
			if rest, ok := strings.CutPrefix(line, string(f.Severity)+":"); ok && j == 0 {
				line = st.severity(f.Severity, string(f.Severity)+":") + st.bold(rest)
			} else {
				line = st.bold(line)
			}
			p.f("%s\n", line)
		}
		p.f("  %s\n", linked(f.Range))
		snips.write(f.Range, func(line string) { p.f("  %s\n", line) })
		for _, r := range f.Related {
			p.f("  see %s  %s\n", linked(r.Range), st.faint(oneLine(r.Text)))
		}
		if key := [2]string{f.Rule, f.Detail}; f.Detail != "" && (st.Verbose || !said[key]) {
			said[key] = true
			indented(strings.TrimSpace(f.Detail))
		}
		if f.Fix != nil {
			indented("fix: " + strings.TrimSpace(f.Fix.Summary))
		}
		p.f("\n")
	}
	for _, e := range l.Errors {
		for j, line := range wrap("not checked: "+strings.TrimSpace(e), width) {
			if rest, ok := strings.CutPrefix(line, "not checked:"); ok && j == 0 {
				line = st.red("not checked:") + rest
			}
			p.f("%s\n", line)
		}
	}
	if len(l.Errors) > 0 {
		p.f("\n")
	}
	l.summary(p, st)
	return p.err
}

// shorten cuts a summary that quotes something endless.
func shorten(text string) string {
	const most = 500
	if len(text) <= most {
		return text
	}
	return runewidth.Truncate(text, most, "…")
}

func (s Style) severity(sev lint.Severity, text string) string {
	switch sev {
	case lint.Error:
		return s.red(text)
	case lint.Warn:
		return s.yellow(text)
	}
	return s.bold(text)
}

// summary writes the counts: of all, and of each rule, the worst first.
func (l *Lint) summary(p *printer, st Style) {
	type row struct {
		rule     string
		severity lint.Severity
		n, fixes int
	}
	var rows []*row
	byRule := map[[2]string]*row{}
	counts, fixes, ruleWidth := map[lint.Severity]int{}, 0, 0
	for i := range l.Findings {
		f := &l.Findings[i]
		counts[f.Severity]++
		key := [2]string{f.Rule, string(f.Severity)}
		r := byRule[key]
		if r == nil {
			r = &row{rule: oneLine(f.Rule), severity: f.Severity}
			byRule[key] = r
			rows = append(rows, r)
			ruleWidth = max(ruleWidth, runewidth.StringWidth(r.rule))
		}
		r.n++
		if f.Fix != nil {
			r.fixes++
			fixes++
		}
	}
	slices.SortFunc(rows, func(a, b *row) int {
		sa, sb := slices.Index(lint.Severities, a.severity), slices.Index(lint.Severities, b.severity)
		return cmp.Or(cmp.Compare(sb, sa), cmp.Compare(b.n, a.n), cmp.Compare(a.rule, b.rule))
	})
	title := st.bold(oneLine(l.Root)) + ": "
	if l.Root == "" {
		title = ""
	}
	in := count(l.Scanned, "file")
	if len(rows) == 0 {
		text := fmt.Sprintf("nothing found in %s", in)
		if l.Known > 0 {
			text = fmt.Sprintf("nothing new in %s; the baseline accepts %s", in, thousands(l.Known))
		}
		paint := st.green
		if len(l.Errors) > 0 {
			text, paint = text+", but not all could be checked", st.yellow
		}
		p.f("%s%s\n", title, paint(text))
		return
	}
	var parts []string
	for _, s := range []struct {
		severity lint.Severity
		noun     string
	}{{lint.Error, "error"}, {lint.Warn, "warning"}} {
		if n := counts[s.severity]; n > 0 {
			parts = append(parts, count(n, s.noun))
		}
	}
	if n := counts[lint.Info]; n > 0 {
		parts = append(parts, thousands(n)+" info")
	}
	p.f("%s%s in %s: %s\n", title, count(len(l.Findings), "finding"), in, strings.Join(parts, ", "))
	numberWidth := len(thousands(rows[0].n))
	for _, r := range rows {
		numberWidth = max(numberWidth, len(thousands(r.n)))
	}
	for _, r := range rows {
		pad := strings.Repeat(" ", ruleWidth-runewidth.StringWidth(r.rule))
		line := fmt.Sprintf("  %s  %s%s  %*s", st.severity(r.severity, fmt.Sprintf("%-5s", r.severity)), r.rule, pad, numberWidth, thousands(r.n))
		switch {
		case r.fixes == r.n:
			line += st.faint("  fixable")
		case r.fixes > 0:
			line += st.faint(fmt.Sprintf("  %s fixable", thousands(r.fixes)))
		}
		p.f("%s\n", line)
	}
	if l.Known > 0 {
		p.f("  The baseline accepts %s more.\n", thousands(l.Known))
	}
}
