package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/modules/lint"
)

// Lint is everything that lint has to report.
type Lint struct {
	Findings []lint.Finding         // sorted
	Rules    []*lint.Rule           // all that ran, for formats that list them
	Files    map[string]*hcl.File   // bytes by path, for snippets and fixes; Nav may be nil
	Secrets  map[string][]lint.Span // where credentials are in Files, by path
	Root     string                 // what paths are below, for people: "acme"
	Scanned  int                    // files looked at
	Known    int                    // findings that the baseline accepts
	Errors   []string               // what could not be checked, without credentials
	Version  string                 // of terrier
}

var lintFormats = []struct {
	name  string
	write func(io.Writer, *Lint, Style) error
}{
	{"text", lintText},
	{"json", lintJSON},
	{"sarif", lintSARIF},
	{"junit", lintJUnit},
	{"gitlab", lintGitLab},
	{"github", lintGitHub},
	{"checkstyle", lintCheckstyle},
}

// LintFormats are the names of the formats of WriteLint, the default first.
func LintFormats() []string {
	var out []string
	for _, f := range lintFormats {
		out = append(out, f.name)
	}
	return out
}

// WriteLint writes what lint found in one of LintFormats. Every format but
// text is for machines: st is not looked at, and what could not be checked
// stands in it as well, so that no report looks clean that is not whole.
func WriteLint(w io.Writer, l *Lint, format string, st Style) error {
	for _, f := range lintFormats {
		if f.name == format {
			return f.write(w, l, st)
		}
	}
	return errFormat
}

// unchecked is how formats that know only findings call what could not be
// checked, in the place of a rule.
const unchecked = "not-checked"

// rules are those that ran, and any other that has findings, by name.
func (l *Lint) rules() []*lint.Rule {
	byName := map[string]*lint.Rule{}
	for _, f := range l.Findings {
		byName[f.Rule] = &lint.Rule{Name: f.Rule, Summary: f.Rule, Severity: f.Severity}
	}
	for _, r := range l.Rules {
		byName[r.Name] = r
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *lint.Rule) int { return cmp.Compare(a.Name, b.Name) })
}

// oneLine is text that stands in one line: credentials masked, line breaks and
// what could drive a terminal made visible.
func oneLine(text string) string { return visible(mask(text)) }

// prose is text whose lines stay.
func prose(text string) string {
	if isPlain(text) {
		return mask(text)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, l := range lines {
		lines[i] = oneLine(strings.ReplaceAll(strings.TrimRight(l, " \r"), "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

// message is a finding as one paragraph: the summary, and why.
func message(f *lint.Finding) string {
	text := oneLine(f.Summary) + "."
	if f.Detail != "" {
		text += " " + paragraph(f.Detail)
	}
	return text
}

// paragraph is text of several lines in one.
func paragraph(text string) string { return strings.Join(strings.Fields(prose(text)), " ") }

// dataPath is a path as data: as it is, but for bytes that no format can carry.
func dataPath(path string) string { return strings.ToValidUTF8(path, "\ufffd") }

// lastLine is the last line that a range has text in: hcl's may end before the
// first column of the next.
func lastLine(r hcl.Range) int {
	if r.End.Line > r.Start.Line && r.End.Column <= 1 {
		return r.End.Line - 1
	}
	return r.End.Line
}

// linked is a place as editors and terminals link it: file:line:column.
func linked(r hcl.Range) string {
	switch {
	case r.Start.Line < 1:
		return visible(r.Filename)
	case r.Start.Column < 1:
		return fmt.Sprintf("%s:%d", visible(r.Filename), r.Start.Line)
	}
	return fmt.Sprintf("%s:%d:%d", visible(r.Filename), r.Start.Line, r.Start.Column)
}
