package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/terrier-iac/terrier/modules/change"
)

// Diff is the result of `terrier diff`, as JSON has it.
type Diff struct {
	FormatVersion string       `json:"format_version"`
	Module        string       `json:"module"`
	Old           string       `json:"old"`
	New           string       `json:"new"`
	Level         string       `json:"level"`
	Changes       []DiffChange `json:"changes"`
	Callers       []DiffCaller `json:"callers"`
}

// DiffChange is one difference. File and Line are of the new version, or with
// Gone of the old one.
type DiffChange struct {
	Kind    string `json:"kind"`
	Level   string `json:"level"`
	Module  string `json:"module"` // "." or the submodule's directory
	Subject string `json:"subject"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Gone    bool   `json:"gone"`
	Old     string `json:"old"`
	New     string `json:"new"`
	Summary string `json:"summary"`
}

// DiffCaller is a place that does not fit the new version.
type DiffCaller struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Call    string `json:"call"`
	Summary string `json:"summary"`
}

// NewDiff takes what was found, in its order.
func NewDiff(module, old, new string, changes []change.Change, breaks []change.Break) *Diff {
	d := &Diff{
		FormatVersion: FormatVersion, Module: module, Old: old, New: new, Level: string(change.Highest(changes)),
		Changes: []DiffChange{}, Callers: []DiffCaller{},
	}
	for _, c := range changes {
		d.Changes = append(d.Changes, DiffChange{string(c.Kind), string(c.Level), c.Module, c.Subject, c.File, c.Line, c.Gone, c.Old, c.New, c.Summary})
	}
	for _, b := range breaks {
		d.Callers = append(d.Callers, DiffCaller{b.File, b.Line, b.Call, b.Summary})
	}
	return d
}

// WriteDiff writes the callers that break first, then the changes, the highest
// level first.
func WriteDiff(w io.Writer, d *Diff, format string, st Style) error {
	switch format {
	case "json":
		return JSON(w, d)
	case "markdown":
		return markdownDiff(w, d)
	case "text":
		return textDiff(w, d, st)
	}
	return errFormat
}

func textDiff(w io.Writer, d *Diff, st Style) error {
	p := &printer{w: w}
	move := clean(d.Old) + " → " + clean(d.New) + "  "
	p.f("%s\n", st.heading(d.Module, move+levelPaint(st, d.Level), columns(move+d.Level)))
	if len(d.Callers) > 0 {
		p.f("\n%s\n", st.bold(count(len(d.Callers), "place")+" that would break"))
		textCallers(p, d.Callers, "  ", st)
	}
	const few = 10
	last := ""
	shown, left := 0, 0
	rest := func() {
		if left > 0 {
			p.f("  %s\n", st.faint(fmt.Sprintf("%s (-v shows all)", more(left, "change"))))
		}
		shown, left = 0, 0
	}
	for _, c := range foldDiff(d.Changes) {
		if c.Level != last {
			rest()
			p.f("\n%s\n", levelPaint(st, c.Level))
			last = c.Level
		}
		if c.Level == "patch" && shown >= few && !st.Verbose {
			left++
			continue
		}
		shown++
		p.f("  %s\n", fold(c.Summary+inSubmodule(c), st.Width, 4))
		if c.Level != "patch" && c.Old != "" && c.New != "" && !strings.Contains(c.Kind, "renamed") && !strings.Contains(c.Kind, "moved") {
			p.f("      %s\n", st.faint(fold(diffText(c.Old)+" → "+diffText(c.New), st.Width, 8)))
		}
		p.f("      %s\n", st.faint(clean(diffPlace(d, c))))
	}
	rest()
	if len(d.Changes) == 0 {
		p.f("\n%s\n", st.green("Nothing changed."))
	}
	return p.err
}

// textCallers writes what breaks, and below it where: one mistake is made in
// many places. before stands before what breaks, as wide as it is shown.
func textCallers(p *printer, callers []DiffCaller, before string, st Style) {
	where := map[string][]string{}
	var order []string
	for _, c := range callers {
		if where[c.Summary] == nil {
			order = append(order, c.Summary)
		}
		where[c.Summary] = append(where[c.Summary], oneLine(fmt.Sprintf("%s:%d", c.File, c.Line)))
	}
	indent := columns(before)
	for _, summary := range order {
		lead := before
		if strings.TrimSpace(before) != "" {
			lead = st.red(before)
		}
		p.f("%s%s\n", lead, fold(oneLine(summary), st.Width, indent))
		for _, at := range where[summary] {
			p.f("%s%s\n", strings.Repeat(" ", max(4, indent)+2), st.faint(at))
		}
	}
}

func levelPaint(st Style, level string) string {
	switch level {
	case "major":
		return st.red(level)
	case "minor":
		return st.yellow(level)
	}
	return st.green(level)
}

// A diffLine is a change, with all the modules that have it.
type diffLine struct {
	DiffChange
	modules []string
}

// foldDiff makes one line of what changed in the same way in several
// submodules, as a provider's version does in all of them.
func foldDiff(changes []DiffChange) []diffLine {
	type same struct{ level, kind, subject, old, new, summary string }
	at := map[same]int{}
	var out []diffLine
	for _, c := range changes {
		key := same{c.Level, c.Kind, c.Subject, c.Old, c.New, c.Summary}
		if i, ok := at[key]; ok && out[i].modules[len(out[i].modules)-1] != c.Module {
			out[i].modules = append(out[i].modules, c.Module)
			continue
		}
		at[key] = len(out)
		out = append(out, diffLine{c, []string{c.Module}})
	}
	return out
}

// inSubmodule says where a change is, where that is not the module itself.
func inSubmodule(c diffLine) string {
	const few = 3
	switch n := len(c.modules); {
	case n == 1 && (c.Module == "." || c.Module == c.Subject):
		return ""
	case n == 1:
		return ", in " + c.Module
	case c.Module == "." && n <= few+1:
		return ", and in " + strings.Join(c.modules[1:], ", ")
	case c.Module == ".":
		return fmt.Sprintf(", and in %s and %s", strings.Join(c.modules[1:few], ", "), more(n-few, "submodule"))
	case n <= few:
		return ", in " + strings.Join(c.modules, ", ")
	default:
		return fmt.Sprintf(", in %s and %s", strings.Join(c.modules[:few-1], ", "), more(n-few+1, "submodule"))
	}
}

// diffPlace is where a change is to be seen.
func diffPlace(d *Diff, c diffLine) string {
	at := fmt.Sprintf("%s:%d", c.File, c.Line)
	if c.File == "" {
		return "no file"
	}
	if c.Gone {
		at += " at " + d.Old
	}
	return at
}

// diffText is a text on one line, the first of it; an em dash for none.
func diffText(text string) string {
	const most = 100
	words := strings.Join(strings.Fields(clean(text)), " ")
	if words == "" {
		return "—"
	}
	if r := []rune(words); len(r) > most {
		return string(r[:most]) + " …"
	}
	return words
}

// markdownDiff is for a merge request or a changelog.
func markdownDiff(w io.Writer, d *Diff) error {
	p := &printer{w: w}
	p.f("## %s: %s → %s (%s)\n", escapeMarkdown(d.Module), escapeMarkdown(d.Old), escapeMarkdown(d.New), d.Level)
	if len(d.Callers) > 0 {
		p.f("\n### Callers that break\n\n| where | what |\n|---|---|\n")
		for _, c := range d.Callers {
			p.f("| %s | %s |\n", tableCode(fmt.Sprintf("%s:%d", c.File, c.Line)), escapeMarkdown(c.Summary))
		}
	}
	last := ""
	for _, c := range foldDiff(d.Changes) {
		if c.Level != last {
			p.f("\n### %s\n\n| what | old | new | where |\n|---|---|---|---|\n", strings.ToUpper(c.Level[:1])+c.Level[1:])
			last = c.Level
		}
		p.f("| %s | %s | %s | %s |\n", escapeMarkdown(c.Summary+inSubmodule(c)), tableCode(diffText(c.Old)), tableCode(diffText(c.New)), tableCode(diffPlace(d, c)))
	}
	if len(d.Changes) == 0 {
		p.f("\nNothing changed.\n")
	}
	return p.err
}

// tableCode is text as code in a cell of a table: a bar would end the cell, and
// a backtick the code.
func tableCode(text string) string {
	if text == "—" {
		return ""
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	pad := ""
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		pad = " "
	}
	return fence + pad + strings.ReplaceAll(strings.Join(strings.Fields(clean(text)), " "), "|", `\|`) + pad + fence
}

// escapeMarkdown keeps a text from being read as markup.
func escapeMarkdown(text string) string {
	return strings.NewReplacer(
		`\`, `\\`, "|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "`", "\\`", "#", `\#`, "\n", " ",
	).Replace(clean(text))
}
