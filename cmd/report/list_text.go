package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/modules/versions"
)

// A pinned is one version or ref in a cell, and how many calls have it.
type pinned struct {
	text   string
	use    *versions.Use
	calls  int
	behind int
}

// cellPins are the different versions and refs of a module in an environment: the
// newest release first, then what is none.
func cellPins(m *versions.Module, env string) []pinned {
	var out []pinned
	for _, u := range m.Uses {
		if u.Environment != env {
			continue
		}
		text := oneLine(u.Shown())
		i := slices.IndexFunc(out, func(p pinned) bool { return p.text == text && (p.use.Release == nil) == (u.Release == nil) })
		if i < 0 {
			out = append(out, pinned{text: text, use: u, behind: m.Behind(u)})
			i = len(out) - 1
		}
		out[i].calls++
	}
	slices.SortStableFunc(out, func(a, b pinned) int {
		switch {
		case a.use.Release != nil && b.use.Release != nil:
			return b.use.Release.Version.Compare(a.use.Release.Version)
		case a.use.Release != nil:
			return -1
		case b.use.Release != nil:
			return 1
		}
		return cmp.Compare(a.text, b.text)
	})
	return out
}

// The widths of the matrix's columns; more where there is room.
const (
	cellWidth = 20
	cellLines = 4 // without Verbose
)

// nameWidth is how wide a column of names becomes: longer names stand in a line
// of their own.
func (st Style) nameWidth() int { return max(30, st.Width/3) }

func listText(w io.Writer, l *List, st Style) error {
	p := &printer{w: w}
	var envs []string
	for _, e := range l.Environments {
		if slices.ContainsFunc(l.set.Modules, func(m *versions.Module) bool { return len(cellPins(m, e)) > 0 }) {
			envs = append(envs, e)
		}
	}
	p.f("%s  %s, %s", st.bold("Modules"), count(len(l.Modules), "module"), count(l.set.Calls(), "call"))
	if len(envs) > 0 && !(len(envs) == 1 && envs[0] == "") {
		p.f(", %s", count(len(envs)-len(slices.DeleteFunc(slices.Clone(envs), func(e string) bool { return e != "" })), "environment"))
	}
	p.f("\n")
	switch {
	case len(envs) == 1:
		listColumn(p, l, envs[0], st)
	case len(envs) > 1:
		listMatrix(p, l, envs, st)
	}
	listSkews(p, l, st)
	textUnknown(p, l.set, st)
	textMoved(p, l.Moved, st)
	textErrors(p, l.Errors, st)
	var left []string
	if l.Local > 0 {
		left = append(left, count(l.Local, "call")+" of the repository's own modules")
	}
	if l.Other > 0 {
		left = append(left, count(l.Other, "call")+" of archives and the like")
	}
	if len(left) > 0 {
		p.f("\n%s\n", st.faint("Left out: "+strings.Join(left, ", ")+"."))
	}
	return p.err
}

// listColumn writes the modules of the only environment: all versions of one
// in a line, with the number of calls.
func listColumn(p *printer, l *List, env string, st Style) {
	width := 0
	for _, m := range l.set.Modules {
		if n := columns(oneLine(m.Name)); n <= max(st.nameWidth(), st.Width/2) {
			width = max(width, n)
		}
	}
	p.f("\n")
	if env != "" {
		p.f("  %s  %s\n", strings.Repeat(" ", width), st.bold(envName(env)))
	}
	for _, m := range l.set.Modules {
		textName(p, oneLine(m.Name), width, st)
		var parts []string
		for _, c := range cellPins(m, env) {
			text := c.text
			if c.behind > 0 {
				text += fmt.Sprintf(" -%d", c.behind)
			}
			if c.calls > 1 {
				text += fmt.Sprintf(" ×%d", c.calls)
			}
			parts = append(parts, strings.ReplaceAll(text, " ", "\ue000"))
		}
		if n := l.newest(m); n != "" {
			parts = append(parts, "newest\ue000"+n)
		}
		lines := strings.Split(fold(strings.Join(parts, ", "), max(20, st.Width), width+4), "\n")
		if most := cellLines; len(lines) > most && !st.Verbose {
			lines = append(lines[:most-1], strings.Repeat(" ", width+4)+fmt.Sprintf("… %s in all", count(len(parts), "version")))
		}
		p.f("  %s\n", strings.ReplaceAll(strings.Join(lines, "\n"), "\ue000", " "))
	}
}

// textName writes a module's name in a column; a long one in its own line.
func textName(p *printer, name string, width int, st Style) {
	if n := columns(name); n > width {
		p.f("  %s\n  %s", st.bold(runewidth.Truncate(name, max(40, st.Width-2), "…")), strings.Repeat(" ", width))
		return
	}
	p.f("  %s", st.bold(pad(name, width)))
}

// pad fills a text with spaces, and cuts what is wider.
func pad(text string, width int) string {
	if n := columns(text); n > width {
		text = runewidth.Truncate(text, width, "…")
	}
	return text + strings.Repeat(" ", width-columns(text))
}

// listMatrix writes a column for each environment; as many beside each other
// as the width takes, the others below.
func listMatrix(p *printer, l *List, envs []string, st Style) {
	name := 0
	cells := make([][][]pinned, len(l.set.Modules))
	widths := make([]int, len(envs))
	for i, m := range l.set.Modules {
		if n := columns(oneLine(m.Name)); n <= st.nameWidth() {
			name = max(name, n)
		}
		for j, e := range envs {
			c := cellPins(m, e)
			cells[i] = append(cells[i], c)
			for _, v := range c {
				widths[j] = max(widths[j], columns(v.cell()))
			}
		}
	}
	if l.remote {
		// One more column, of what there is and not of what runs.
		const title = "newest"
		envs = append(slices.Clone(envs), title)
		widths = append(widths, len(title))
		last := len(envs) - 1
		for i, m := range l.set.Modules {
			var cell []pinned
			if n := l.newest(m); n != "" {
				cell = []pinned{{text: n}}
				widths[last] = max(widths[last], columns(n))
			}
			cells[i] = append(cells[i], cell)
		}
	}
	widest := max(cellWidth, (st.Width-2-name)/len(envs)-2)
	for j, e := range envs {
		widths[j] = min(widest, max(widths[j], columns(envName(e))))
	}
	marked := false
	for from := 0; from < len(envs); {
		to, width := from, 2+name
		for to < len(envs) && (to == from || width+2+widths[to] <= st.Width) {
			width += 2 + widths[to]
			to++
		}
		p.f("\n  %s", pad("", name))
		head := ""
		for j := from; j < to; j++ {
			head += "  " + pad(envName(envs[j]), widths[j])
		}
		p.f("%s\n", st.bold(strings.TrimRight(head, " ")))
		for i, m := range l.set.Modules {
			height := 0
			for j := from; j < to; j++ {
				height = max(height, len(cells[i][j]))
			}
			if height == 0 && (from > 0 || to < len(envs)) {
				continue
			}
			textName(p, oneLine(m.Name), name, st)
			for y := 0; y < max(1, height); y++ {
				if y > 0 {
					p.f("  %s", pad("", name))
				}
				line := ""
				for j := from; j < to; j++ {
					text, mark := cellLine(cells[i][j], y, st.Verbose)
					marked = marked || mark
					padded := pad(text, widths[j])
					shown := strings.TrimRight(padded, " ")
					tail := padded[len(shown):]
					if mark {
						shown = st.yellow(shown)
					}
					line += "  " + shown + tail
				}
				p.f("%s\n", strings.TrimRight(line, " "))
				if !st.Verbose && y == cellLines-1 {
					break
				}
			}
		}
		from = to
	}
	if marked {
		p.f("\n  %s\n", st.faint("-N: N releases behind the newest version in use."))
	}
}

// newest is the newest release that there is, where remotes were asked.
func (l *List) newest(m *versions.Module) string {
	if r := m.Newest(false); l.remote && m.Whole && r != nil {
		return r.Version.String()
	}
	return ""
}

func (v pinned) cell() string {
	if v.behind > 0 {
		return fmt.Sprintf("%s -%d", v.text, v.behind)
	}
	return v.text
}

// cellLine is one line of a cell; mark says that it is behind.
func cellLine(c []pinned, y int, verbose bool) (text string, mark bool) {
	switch {
	case len(c) == 0 && y == 0:
		return "·", false
	case y >= len(c):
		return "", false
	case !verbose && y == cellLines-1 && len(c) > cellLines:
		return fmt.Sprintf("… %d more", len(c)-y), false
	}
	return c[y].cell(), c[y].behind > 0
}

// listSkews says in words who is behind whom, the farthest first: those that
// have the same to catch up with in one sentence.
func listSkews(p *printer, l *List, st Style) {
	type line struct {
		m            string
		environments []string
		s            versions.Skew
	}
	var all []*line
	for _, m := range l.set.Modules {
		byAhead := map[string]*line{}
		for _, s := range m.Skews() {
			if s.Environment == s.Ahead || s.Environment == "" {
				continue
			}
			key := fmt.Sprint(s.Ahead, "\x00", s.Release.Tag, "\x00", s.Behind, s.AtLeast)
			if byAhead[key] == nil {
				byAhead[key] = &line{m: oneLine(m.Name), s: s}
				all = append(all, byAhead[key])
			}
			byAhead[key].environments = append(byAhead[key].environments, envName(s.Environment))
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b *line) int { return cmp.Compare(b.s.Behind, a.s.Behind) })
	p.f("\n%s\n", st.bold("Behind"))
	const few = 15
	atLeast := false
	for i, x := range all {
		if i == few && !st.Verbose {
			p.f("  %s\n", st.faint(more(len(all)-few, "line")+" (-v shows all)"))
			break
		}
		n, verb := count(x.s.Behind, "release"), "is"
		if x.s.AtLeast {
			n, atLeast = "at least "+n, true
		}
		if len(x.environments) > 1 {
			verb = "are"
		}
		name := runewidth.Truncate(x.m, max(30, st.Width-8), "…")
		text := fmt.Sprintf("%s: %s (%s) %s %s behind %s (%s)", name, strings.Join(x.environments, ", "), x.s.Release.Version, verb, n, envName(x.s.Ahead), x.s.Newest.Version)
		p.f("  %s\n", fold(text, st.Width, 4))
	}
	if atLeast && !l.remote {
		p.f("  %s\n", st.faint(fold("Known are the releases in use, in the lock and in the cache; --remote asks.", st.Width, 2)))
	}
}

// textUnknown names the calls whose source no file tells.
func textUnknown(p *printer, set *versions.Set, st Style) {
	if len(set.Unknown) == 0 {
		return
	}
	p.f("\n%s  %s\n", st.bold("Not followed"), count(len(set.Unknown), "call"))
	const few = 10
	for i, u := range set.Unknown {
		if i == few && !st.Verbose {
			p.f("  %s\n", st.faint(more(len(set.Unknown)-few, "call")+" (-v shows all)"))
			break
		}
		p.f("  %s:%d", visible(u.File), u.Line)
		said := fmt.Sprintf("%s: %s", oneLine(u.Module), u.Reason)
		if at := fmt.Sprintf("  %s:%d", visible(u.File), u.Line); columns(at)+2+columns(said) > st.Width {
			p.f("\n%s\n", st.wrapped(4, said))
		} else {
			p.f("  %s\n", said)
		}
		p.f("    %s\n", st.faint(shorten(oneLine(u.Source))))
	}
}

// textMoved names the repositories that their forge has elsewhere.
func textMoved(p *printer, moved []ListMoved, st Style) {
	if len(moved) == 0 {
		return
	}
	const said = "the forge sends on who asks for these; the sources still name the old address"
	p.f("\n%s  %s\n", st.bold("Moved"), fold(said, st.Width, len("Moved  ")))
	for _, m := range moved {
		p.f("  %s\n    → %s\n", oneLine(m.Source), oneLine(m.To))
	}
}

// textErrors names what could not be read or asked.
func textErrors(p *printer, errors []ListError, st Style) {
	const few = 10
	for i, e := range errors {
		if i == few && !st.Verbose {
			p.f("%s\n", st.faint(more(len(errors)-few, "error")+" (-v shows all)"))
			break
		}
		if i == 0 {
			p.f("\n")
		}
		p.f("%s %s\n", st.red("error:"), st.bold(oneLine(e.Source)))
		p.f("  %s\n", fold(paragraph(e.Summary), max(40, st.Width), 2))
		if e.Hint != "" {
			p.f("  hint: %s\n", fold(paragraph(e.Hint), max(40, st.Width), 8))
		}
	}
}
