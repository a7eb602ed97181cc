package report

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/modules/versions"
)

// Outdated is the result of `terrier outdated`, as JSON has it. Nothing in it
// holds credentials.
type Outdated struct {
	FormatVersion string           `json:"format_version"`
	Modules       []OutdatedModule `json:"modules"`
	Unknown       []ListUnknown    `json:"unknown"`
	Errors        []ListError      `json:"errors"`
	Moved         []ListMoved      `json:"moved"` // see List

	set  *versions.Set
	rows []*versions.Row
}

// OutdatedModule is one module at one version in one environment.
type OutdatedModule struct {
	Name        string `json:"name"`
	Source      string `json:"source"`
	Subdir      string `json:"subdir"`
	Environment string `json:"environment"` // "" for none
	// Current is the version in use; what is none is as it is written, and ""
	// is no pin at all.
	Current string `json:"current"`
	Allowed string `json:"allowed"` // "" where none is, or is known
	Latest  string `json:"latest"`  // "" where there is none, or none is known
	// Behind is how many releases there are after the current one; null where
	// the current one is none.
	Behind *int `json:"behind"`
	// Unchanged says that the allowed release changes nothing in the module;
	// null where that is not known.
	Unchanged *bool `json:"unchanged"`
	// AllowedRef and LatestRef are the tags.
	AllowedRef string         `json:"allowed_ref"`
	LatestRef  string         `json:"latest_ref"`
	Constraint string         `json:"constraint"`
	Outdated   bool           `json:"outdated"`
	Calls      []OutdatedCall `json:"calls"`
}

// OutdatedCall is where a module is called.
type OutdatedCall struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Call string `json:"call"` // the module block's name
	Ref  string `json:"ref"`
}

// NewOutdated takes what was found; unread are the files that could not be
// read.
func NewOutdated(set *versions.Set, rows []*versions.Row, unread []ListError) *Outdated {
	o := &Outdated{
		FormatVersion: FormatVersion, Modules: []OutdatedModule{}, Unknown: listUnknown(set), Errors: listErrors(set, unread), Moved: listMoved(set),
		set: set, rows: rows,
	}
	for _, r := range rows {
		m := OutdatedModule{
			Name: data(r.Module.Name), Source: data(r.Module.Source), Subdir: data(r.Module.Subdir), Environment: dataPath(r.Environment),
			Current: data(current(r)), Constraint: data(r.Constraint), Unchanged: r.Unchanged, Outdated: r.Outdated(),
		}
		if r.Allowed != nil {
			m.Allowed, m.AllowedRef = r.Allowed.Version.String(), data(r.Allowed.Tag)
		}
		if r.Latest != nil {
			m.Latest, m.LatestRef = r.Latest.Version.String(), data(r.Latest.Tag)
		}
		if r.Behind >= 0 {
			m.Behind = &r.Behind
		}
		for _, u := range r.Uses {
			m.Calls = append(m.Calls, OutdatedCall{dataPath(u.File), u.Line, data(u.Call.Name()), data(u.Ref)})
		}
		o.Modules = append(o.Modules, m)
	}
	return o
}

// current is what is in use: a version, else what is written.
func current(r *versions.Row) string {
	if u := r.Uses[0]; u.Release != nil || u.Ref != "" || u.Computed {
		return u.Shown()
	}
	return ""
}

// OutdatedFormats are the names of the formats of WriteOutdated, the default
// first.
func OutdatedFormats() []string { return []string{"text", "json", "csv", "markdown"} }

// WriteOutdated writes the result in one of OutdatedFormats. Text and Markdown
// have what is outdated, or all of it with Verbose; the others have all.
func WriteOutdated(w io.Writer, o *Outdated, format string, st Style) error {
	switch format {
	case "text":
		return outdatedText(w, o, st)
	case "json":
		return JSON(w, o)
	case "csv":
		rows := [][]string{{"name", "source", "subdir", "environment", "current", "allowed", "latest", "behind", "unchanged", "constraint"}}
		for _, m := range o.Modules {
			rows = append(rows, []string{m.Name, m.Source, m.Subdir, m.Environment, m.Current, m.Allowed, m.Latest, number(m.Behind), yesNo(m.Unchanged), m.Constraint})
		}
		return writeCSV(w, rows)
	case "markdown":
		rows := o.table(st, markdown)
		if len(rows) == 1 {
			p := &printer{w: w}
			p.f("All modules are at their newest release.\n")
			return p.err
		}
		return writeMarkdown(w, rows, o.Errors)
	}
	return errFormat
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func yesNo(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// table are the rows for people, the head first; text makes a field fit for
// the format.
func (o *Outdated) table(st Style, text func(string) string) [][]string {
	out := [][]string{{"module", "environment", "current", "allowed", "latest", "behind", ""}}
	for i, r := range o.rows {
		m := &o.Modules[i]
		if !m.Outdated && !st.Verbose || r.Latest == nil {
			continue
		}
		behind, note := number(m.Behind), ""
		switch {
		case m.Behind == nil:
			behind = "?"
		case r.Unchanged != nil && *r.Unchanged:
			note = "same files"
		}
		allowed := m.Allowed
		if r.Allowed == nil {
			allowed = "none"
		}
		now := m.Current
		if now == "" {
			now = "no version"
		}
		out = append(out, []string{
			text(oneLine(m.Name)), text(envName(r.Environment)), text(oneLine(now)), text(allowed), text(m.Latest), behind, note,
		})
	}
	return out
}

func outdatedText(w io.Writer, o *Outdated, st Style) error {
	p := &printer{w: w}
	old := map[*versions.Module]bool{}
	for _, r := range o.rows {
		if r.Outdated() {
			old[r.Module] = true
		}
	}
	p.f("%s  %s of %s\n", st.bold("Outdated"), thousands(len(old)), count(len(o.set.Modules), "module"))
	rows := o.table(st, func(s string) string { return s })
	if !slices.ContainsFunc(rows[1:], func(row []string) bool { return row[1] != "-" }) {
		for i := range rows {
			rows[i] = slices.Delete(rows[i], 1, 2)
		}
	}
	if len(rows) > 1 {
		p.f("\n")
		if tableWidth(rows, st) > st.Width {
			rows = withoutLatest(rows)
		}
		textTable(p, rows, st)
		if slices.ContainsFunc(o.rows, func(r *versions.Row) bool { return r.Outdated() && r.Behind < 0 }) {
			p.f("\n  %s\n", st.faint("?: what is in use is no release, so nobody can count."))
		}
	}
	var none, unknown []string
	for _, r := range o.rows {
		switch {
		case r.Latest != nil:
		case r.Module.Whole:
			none = append(none, r.Module.Name)
		default:
			unknown = append(unknown, r.Module.Name)
		}
	}
	textNames(p, "No release", "no tag of these reads as a version of theirs", none, st)
	textNames(p, "Not known", "which releases these have, nobody has told", unknown, st)
	textUnknown(p, o.set, st)
	textMoved(p, o.Moved, st)
	textErrors(p, o.Errors, st)
	switch {
	case len(o.Errors) > 0:
		p.f("\n%s\n", st.red("Not all could be looked at."))
	case len(old) == 0 && len(unknown) == 0 && len(o.rows) > 0:
		p.f("\n%s\n", st.green("All are at their newest release."))
	}
	return p.err
}

// textNames writes the names of modules below a title.
func textNames(p *printer, title, why string, names []string, st Style) {
	names = slices.Compact(names)
	if len(names) == 0 {
		return
	}
	p.f("\n%s  %s\n", st.bold(title), why)
	for i, name := range names {
		names[i] = strings.ReplaceAll(oneLine(name), " ", "\ue000")
	}
	p.f("  %s\n", strings.ReplaceAll(fold(strings.Join(names, ", "), max(40, st.Width), 2), "\ue000", " "))
}

// withoutLatest leaves the newest releases out, where all of them are allowed.
func withoutLatest(rows [][]string) [][]string {
	latest, allowed := slices.Index(rows[0], "latest"), slices.Index(rows[0], "allowed")
	for _, row := range rows[1:] {
		if row[latest] != row[allowed] {
			return rows
		}
	}
	for i := range rows {
		rows[i] = slices.Delete(rows[i], latest, latest+1)
	}
	return rows
}

// tableWidths are the widths of a table's columns, before it is made to fit.
func tableWidths(rows [][]string, st Style) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for j, field := range row {
			n := columns(field)
			switch {
			case j == 0 && n > st.nameWidth():
			case j > 0:
				widths[j] = max(widths[j], min(n, max(cellWidth, st.Width/3)))
			default:
				widths[j] = max(widths[j], n)
			}
		}
	}
	return widths
}

func tableWidth(rows [][]string, st Style) int {
	total := 0
	for _, w := range tableWidths(rows, st) {
		total += 2 + w
	}
	return total
}

// textTable writes rows in columns; a long first field stands in its own line.
func textTable(p *printer, rows [][]string, st Style) {
	widths := tableWidths(rows, st)
	narrow(widths, rows[0], st.Width-2)
	last := ""
	for i, row := range rows {
		first := row[0]
		if first == last {
			first = ""
		}
		last = row[0]
		if n := columns(first); n > widths[0] {
			p.f("  %s\n", st.bold(runewidth.Truncate(first, max(40, st.Width-2), "…")))
			first = ""
		}
		line := pad(first, widths[0])
		for j := 1; j < len(row); j++ {
			line += "  " + pad(row[j], widths[j])
		}
		line = strings.TrimRight(line, " ")
		if i == 0 {
			line = st.bold(line)
		}
		p.f("  %s\n", line)
	}
}

// narrow takes from the widest columns until the table fits. None becomes
// narrower than its title, and one without a title stays.
func narrow(widths []int, head []string, width int) {
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; total > width; total-- {
		widest := -1
		for j, w := range widths {
			if head[j] != "" && w > max(8, columns(head[j])) && (widest < 0 || w > widths[widest]) {
				widest = j
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}
