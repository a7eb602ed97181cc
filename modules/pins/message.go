package pins

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/changelog"
)

// A Story is what a move of a module from one version to another brings, as far
// as that is known.
type Story struct {
	Module   string
	From, To string // versions or refs, as people read them
	// Compared says that the two interfaces were; else Why says why not.
	Compared bool
	Why      string
	Same     bool // the module's files are equal
	Level    change.Level
	Changes  []change.Change
	// Log is nil where no history is known: of an archive, or going back.
	Log *changelog.Log
	// Breaks are the calls in this repository that do not fit the new version.
	Breaks []change.Break
}

// mostLines bounds what of a story is told, of changes and of the log each.
const mostLines = 40

// Title is the first line of a stage's commit message: "prod: bump vpc to
// 1.4.0". verb is what is done, "bump" or "promote".
func (s *Stage) Title(verb string) string {
	title := verb + " " + subject(s.Edits)
	if names := named(s.Environments); len(names) > 0 {
		title = strings.Join(names, ", ") + ": " + title
	}
	return plainLine(title, 200)
}

// subject says what moves: one module to one version, or how many.
func subject(edits []Edit) string {
	var modules, to []string
	for _, e := range edits {
		_, t := e.shown()
		modules, to = append(modules, e.Module), append(to, t)
	}
	slices.Sort(modules)
	slices.Sort(to)
	modules, to = slices.Compact(modules), slices.Compact(to)
	switch {
	case len(modules) == 1 && len(to) == 1:
		return modules[0] + " to " + to[0]
	case len(modules) <= 3:
		return list(modules)
	}
	return fmt.Sprintf("%d modules", len(modules))
}

// shown are the two pins as people read them: the versions; where these are
// one, or not known, what is written, of a commit the first digits.
func (e *Edit) shown() (from, to string) {
	read := func(ref, version string) string {
		switch {
		case version != "" && e.FromVersion != e.ToVersion:
			return version
		case len(ref) == 40 && strings.Trim(ref, "0123456789abcdefABCDEF") == "":
			return ref[:12]
		}
		return plainLine(ref, 60)
	}
	return read(e.From, e.FromVersion), read(e.To, e.ToVersion)
}

func named(environments []string) []string {
	return slices.DeleteFunc(slices.Clone(environments), func(e string) bool { return e == "" })
}

// Body is the rest of a stage's commit message: for each module and each two
// versions, how many calls move, what changes in its interface and what its
// commits say. Messages, names and values of others are in it: they are plain
// lines, bounded.
func (s *Stage) Body(stories map[string]*Story) string {
	var b strings.Builder
	for _, g := range s.groups() {
		fmt.Fprintf(&b, "%s %s -> %s (%s)\n", plainLine(g.module, 100), g.from, g.to, calls(g.calls))
		if st := stories[g.key()]; st != nil {
			st.text(&b)
		}
		b.WriteByte('\n')
	}
	return redactWords(strings.TrimRight(b.String(), "\n"))
}

func calls(n int) string {
	if n == 1 {
		return "1 call"
	}
	return fmt.Sprintf("%d calls", n)
}

// A group is the calls of one module that move between the same two versions.
type group struct {
	module, from, to string
	calls            int
}

func (g group) key() string { return g.module + "\x00" + g.from + "\x00" + g.to }

func (s *Stage) groups() []group {
	var out []group
	for _, e := range s.Edits {
		g := e.group()
		i := slices.IndexFunc(out, func(o group) bool { return o.key() == g.key() })
		if i < 0 {
			i = len(out)
			out = append(out, g)
		}
		out[i].calls++
	}
	slices.SortStableFunc(out, func(a, b group) int { return strings.Compare(a.key(), b.key()) })
	return out
}

// Key finds an edit's story.
func (e *Edit) Key() string { return e.group().key() }

func (e *Edit) group() group {
	from, to := e.shown()
	return group{module: e.Module, from: from, to: to}
}

func (st *Story) text(b *strings.Builder) {
	switch {
	case !st.Compared:
		fmt.Fprintf(b, "  What it changes is not known: %s\n", plainLine(st.Why, 200))
	case st.Same:
		b.WriteString("  The module's files are the same in both versions.\n")
	case len(st.Changes) == 0:
		b.WriteString("  Its interface is the same.\n")
	default:
		fmt.Fprintf(b, "  Its interface calls for %s %s version:\n", article(st.Level), st.Level)
		for _, line := range st.changeLines() {
			fmt.Fprintf(b, "  - %s\n", line)
		}
	}
	for _, br := range st.Breaks {
		fmt.Fprintf(b, "  ! %s:%d: %s\n", plainLine(br.File, 200), br.Line, plainLine(br.Summary, 300))
	}
	if st.Log != nil && len(st.Log.Sections) > 0 {
		b.WriteByte('\n')
		for line := range strings.SplitSeq(strings.TrimSpace(cut(st.Log.Text(70))), "\n") {
			b.WriteString(strings.TrimRight("  "+line, " ") + "\n")
		}
	}
}

func article(l change.Level) string {
	if strings.ContainsAny(string(l[:1]), "aeiou") {
		return "an"
	}
	return "a"
}

// changeLines are the changes, the gravest first.
func (st *Story) changeLines() []string {
	sorted := slices.Clone(st.Changes)
	slices.SortStableFunc(sorted, func(a, b change.Change) int {
		switch {
		case b.Level.Less(a.Level):
			return -1
		case a.Level.Less(b.Level):
			return 1
		}
		return 0
	})
	var out []string
	for i, c := range sorted {
		if i == mostLines {
			return append(out, fmt.Sprintf("and %d more", len(sorted)-i))
		}
		where := ""
		if c.Module != "." && c.Module != "" {
			where = c.Module + ": "
		}
		out = append(out, plainLine(fmt.Sprintf("%s: %s%s", c.Level, where, c.Summary), 300))
	}
	return out
}

// cut bounds a text of several lines.
func cut(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) <= mostLines {
		return text
	}
	return strings.Join(append(lines[:mostLines], fmt.Sprintf("and %d lines more", len(lines)-mostLines)), "\n")
}

var word = regexp.MustCompile(`\S+`)

// redactWords takes credentials out of addresses in a text. Word by word: of a
// whole text hclparse.Redact would take all between the first : and the last @.
func redactWords(text string) string { return word.ReplaceAllStringFunc(text, hclparse.Redact) }

// plainLine makes foreign text fit for a line: no control characters, none
// that turn the direction of writing, no credentials, and no more than most.
func plainLine(text string, most int) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))), " ")
	text = redactWords(text) // before a half of one is cut off
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// Markdown is the description of a merge request of these stages.
func Markdown(stages []Stage, stories map[string]*Story) string {
	var b strings.Builder
	told := map[string]bool{}
	b.WriteString("| module | environment | from | to | calls |\n|---|---|---|---|---|\n")
	for i := range stages {
		s := &stages[i]
		for _, g := range s.groups() {
			env := strings.Join(named(s.Environments), ", ")
			if env == "" {
				env = "-"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %d |\n", cell(g.module), cell(env), cell(g.from), cell(g.to), g.calls)
		}
	}
	for i := range stages {
		for _, g := range stages[i].groups() {
			st := stories[g.key()]
			if st == nil || told[g.key()] {
				continue
			}
			told[g.key()] = true
			fmt.Fprintf(&b, "\n### %s %s → %s\n\n", cell(g.module), cell(g.from), cell(g.to))
			st.markdown(&b)
		}
	}
	return redactWords(b.String())
}

func (st *Story) markdown(b *strings.Builder) {
	switch {
	case !st.Compared:
		fmt.Fprintf(b, "What it changes is not known: %s\n", cell(plainLine(st.Why, 200)))
	case st.Same:
		b.WriteString("The module's files are the same in both versions.\n")
	case len(st.Changes) == 0:
		b.WriteString("Its interface is the same.\n")
	default:
		fmt.Fprintf(b, "Its interface calls for %s **%s** version:\n\n", article(st.Level), st.Level)
		for _, line := range st.changeLines() {
			fmt.Fprintf(b, "- %s\n", cell(line))
		}
	}
	if len(st.Breaks) > 0 {
		b.WriteString("\n**These calls do not fit it:**\n\n")
		for _, br := range st.Breaks {
			fmt.Fprintf(b, "- %s:%d: %s\n", cell(plainLine(br.File, 200)), br.Line, cell(plainLine(br.Summary, 300)))
		}
	}
	if st.Log != nil && len(st.Log.Sections) > 0 {
		b.WriteString("\n" + strings.TrimSpace(cut(st.Log.Markdown())) + "\n")
	}
}

// markdownMarks are what Markdown would take for its own.
var markdownMarks = strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "~", `\~`, "!", `\!`)

func cell(text string) string { return markdownMarks.Replace(text) }

// Title is the title of a merge request of several stages.
func Title(stages []Stage, verb string) string {
	if len(stages) == 1 {
		return stages[0].Title(verb)
	}
	all := Stage{}
	for _, s := range stages {
		all.Edits = append(all.Edits, s.Edits...)
		for _, e := range s.Environments {
			if !slices.Contains(all.Environments, e) {
				all.Environments = append(all.Environments, e)
			}
		}
	}
	return all.Title(verb)
}
