package report

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// Scan is the result of `terrier scan`, as JSON has it.
type Scan struct {
	FormatVersion string          `json:"format_version"`
	Modules       []ScanModule    `json:"modules"`
	Stacks        []ScanStack     `json:"stacks"`
	Undecided     []ScanUndecided `json:"undecided"`
	Calls         []ScanCall      `json:"calls"`
	Hazards       []ScanHazard    `json:"hazards"`

	name    string
	files   int
	library bool
	edges   [][2]string
}

// ScanModule is a directory that is, or would be, called.
type ScanModule struct {
	Path    string   `json:"path"`
	Name    string   `json:"name"`
	Role    string   `json:"role"`
	Callers []string `json:"callers"` // calling directories
}

// ScanStack is a root module.
type ScanStack struct {
	Path        string `json:"path"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Backend     string `json:"backend"` // its type, "cloud", or ""
}

// ScanUndecided is a directory that no rule decides, with the configuration
// that would.
type ScanUndecided struct {
	Path   string `json:"path"`
	Config string `json:"config"`
}

// ScanCall is one module call or terragrunt source.
type ScanCall struct {
	File   string `json:"file"`
	Line   int    `json:"line"`   // of the source; of the block where it has none
	Column int    `json:"column"` // in characters, from 1
	Name   string `json:"name"`   // of the module block; "" for terragrunt
	Source string `json:"source"` // without credentials
	Kind   string `json:"kind"`
	Target string `json:"target"` // directory that a local source leads to
	Ref    string `json:"ref"`
	Pin    string `json:"pin"`
}

// ScanHazard is a hazard with its place.
type ScanHazard struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Summary  string `json:"summary"`
	Dir      string `json:"dir"` // the module that it blocks, or the directory that it is about
}

// NewScan takes from the graph what a scan shows. env maps a stack's path to
// its environment and account.
func NewScan(name string, g *modules.Graph, env func(stack string) (environment, account string)) *Scan {
	s := &Scan{FormatVersion: FormatVersion, Modules: []ScanModule{}, Stacks: []ScanStack{}, Undecided: []ScanUndecided{}, Calls: []ScanCall{}, Hazards: []ScanHazard{},
		name: name, library: g.Library}
	dirs := g.Sorted()
	var moduleDirs []string
	for _, d := range dirs {
		s.files += len(d.Config.Files)
		switch d.Role {
		case modules.RoleModule, modules.RolePrivate, modules.RoleExample, modules.RoleOrphan:
			moduleDirs = append(moduleDirs, d.Path)
		}
	}
	names := modules.Names(moduleDirs, nil)
	for _, d := range dirs {
		switch d.Role {
		case modules.RoleModule, modules.RolePrivate, modules.RoleExample, modules.RoleOrphan:
			s.Modules = append(s.Modules, ScanModule{d.Path, names[d.Path], string(d.Role), d.Callers})
		case modules.RoleStack:
			st := ScanStack{Path: d.Path, Backend: d.Backend}
			if env != nil {
				st.Environment, st.Account = env(d.Path)
			}
			s.Stacks = append(s.Stacks, st)
		case modules.RoleUndecided:
			s.Undecided = append(s.Undecided, ScanUndecided{d.Path, fmt.Sprintf("stack %q { role = \"stack\" } # or \"module\", \"example\"", d.Path)})
		}
	}
	for _, c := range g.Calls {
		s.Calls = append(s.Calls, scanCall(c))
		if c.Target != "" && c.Problem == modules.ProblemNone {
			s.edges = append(s.edges, [2]string{c.Dir, c.Target})
		}
	}
	for _, h := range g.Hazards(g.Candidates(modules.Choice{})) {
		s.Hazards = append(s.Hazards, ScanHazard{h.ID, string(h.Severity), h.File, h.Line, h.Summary, h.Dir})
	}
	sort.Slice(s.edges, func(i, j int) bool {
		return s.edges[i][0] < s.edges[j][0] || s.edges[i][0] == s.edges[j][0] && s.edges[i][1] < s.edges[j][1]
	})
	return s
}

func scanCall(c *modules.Call) ScanCall {
	out := ScanCall{File: c.File().Path, Line: c.Line(), Kind: string(hclparse.KindOther)}
	src := c.Source()
	version := ""
	static := false
	if c.Terragrunt != nil {
		out.Column, static = c.Terragrunt.Range.Start.Column, c.Terragrunt.Static
	} else {
		out.Name, out.Column, static, version = c.Call.Name, c.Call.Block.Start.Column, c.Call.Static && c.Call.HasSource, c.Call.Version
		if c.Call.HasSource {
			out.Column = c.Call.SourceRange.Start.Column
		}
	}
	if static {
		out.Source, out.Kind, out.Target, out.Ref, out.Pin = src.Redacted(), string(src.Kind), c.Target, src.Ref, string(src.Pin(version))
		if c.Target != "" {
			out.Kind = string(hclparse.KindLocal)
		}
	} else if c.Target != "" {
		// A terragrunt source that its functions make: they are of this tree.
		out.Source, out.Kind, out.Target = c.Raw(), string(hclparse.KindLocal), c.Target
	}
	return out
}

// WriteScan writes s in one of the formats text, json, dot and mermaid.
func WriteScan(w io.Writer, s *Scan, format string, st Style) error {
	switch format {
	case "text":
		return s.text(w, st)
	case "json":
		return JSON(w, s)
	case "dot":
		return s.dot(w)
	case "mermaid":
		return s.mermaid(w)
	}
	return errFormat
}

func (s *Scan) text(w io.Writer, st Style) error {
	p := &printer{w: w}
	kinds, roles := map[string]int{}, map[string]int{}
	for _, c := range s.Calls {
		kinds[c.Kind]++
	}
	for _, m := range s.Modules {
		roles[m.Role]++
	}
	p.f("%s: %s, %s\n\n", st.bold(clean(s.name)), count(s.files, "configuration file"), count(len(s.Calls), "call"))
	p.f("  modules    %s\n", roleTally(roles))
	p.f("  stacks     %s\n", s.backends())
	p.f("  calls      %s\n", tally(kinds, "local", "git", "registry", "other"))
	switch {
	case s.library && len(s.Modules) > 0:
		p.f("  %s\n", fold("No stack anywhere: a library of modules, each of which would be a package.", st.Width, 2))
	case s.files == 0:
		p.f("  %s\n", fold("No Terraform configuration here.", st.Width, 2))
	}
	s.textModules(p, st)
	s.textUndecided(p, st)
	s.textHazards(p, st)
	return p.err
}

// roleTally counts modules by role, in words.
func roleTally(roles map[string]int) string {
	var parts []string
	for _, r := range []struct{ role, one, many string }{
		{"module", "called", "called"}, {"private", "private", "private"}, {"orphan", "orphan", "orphans"}, {"example", "example", "examples"},
	} {
		switch n := roles[r.role]; {
		case n == 1:
			parts = append(parts, "1 "+r.one)
		case n > 1:
			parts = append(parts, thousands(n)+" "+r.many)
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, between)
}

// tally lists what there is any of.
func tally(n map[string]int, order ...string) string {
	return strings.Join(tallied(n, order), between)
}

// between stands between the parts of a tally.
const between = " · "

// title is a heading with a tally, on lines that fit.
func (st Style) title(heading string, n map[string]int, order ...string) string {
	indent := len(heading) + 2
	text, col := st.bold(heading)+"  ", indent
	for i, part := range tallied(n, order) {
		if i > 0 && col+columns(between+part)+columns(" ·") > st.Width {
			text, col = text+" ·\n"+strings.Repeat(" ", indent), indent
		} else if i > 0 {
			text, col = text+between, col+columns(between)
		}
		text, col = text+part, col+columns(part)
	}
	return text
}

func tallied(n map[string]int, order []string) []string {
	var parts []string
	for _, k := range order {
		if n[k] > 0 {
			parts = append(parts, thousands(n[k])+" "+k)
		}
	}
	if len(parts) == 0 {
		return []string{"none"}
	}
	return parts
}

func (s *Scan) backends() string {
	types := map[string]int{}
	for _, x := range s.Stacks {
		b := x.Backend
		if b == "" {
			b = "without a backend"
		}
		types[b]++
	}
	var order []string
	for k := range types {
		order = append(order, k)
	}
	sort.Strings(order)
	if len(order) == 0 {
		return "none"
	}
	return thousands(len(s.Stacks)) + " (" + tally(types, order...) + ")"
}

func (s *Scan) textModules(p *printer, st Style) {
	var rows []row
	for _, m := range s.Modules {
		if m.Role != "module" && m.Role != "orphan" && !st.Verbose {
			continue
		}
		note := count(len(m.Callers), "caller")
		if m.Role != "module" {
			note = m.Role
		}
		rows = append(rows, row{cells: []string{note, clean(m.Path)}})
	}
	if len(rows) > 0 {
		p.f("\n%s\n", st.bold("Modules"))
		textRows(p, st, rows)
	}
}

func (s *Scan) textUndecided(p *printer, st Style) {
	if len(s.Undecided) == 0 {
		return
	}
	p.f("\n%s  %s\n", st.bold("Undecided"), fold("no rule tells what these are; say it in terrier.hcl", st.Width, 2))
	for _, u := range s.Undecided {
		p.f("  %s\n", clean(u.Config))
	}
}

// textHazards shows what blocks and what is not proved line by line, and only
// counts the rest, unless the user asked for all.
func (s *Scan) textHazards(p *printer, st Style) {
	if len(s.Hazards) == 0 {
		p.f("\nNo hazards.\n")
		return
	}
	p.f("\n%s\n", st.bold("Hazards"))
	infos := map[string]int{}
	for _, sev := range []string{"block", "warn", "info"} {
		for _, h := range s.Hazards {
			if h.Severity != sev {
				continue
			}
			if sev == "info" && !st.Verbose {
				infos[h.ID]++
				continue
			}
			textFinding(p, st, sev, h.ID, h.File, h.Line, h.Summary)
		}
	}
	var ids []string
	for id := range infos {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		p.f("  %s %s\n", st.faint("info "), labelled(st, fmt.Sprintf("%s ×%s", id, thousands(infos[id])), modules.HazardDocs[id], 8))
	}
	if len(ids) > 0 {
		p.f("  %s\n", st.faint("Each of them: -v, or --format json"))
	}
}

// textFinding writes one hazard, mismatch or value under its severity: where
// it is, then what.
func textFinding(p *printer, st Style, severity, id, file string, line int, summary string) {
	label := fmt.Sprintf("%-5s", severity)
	indent := 3 + len(label)
	switch severity {
	case "block", "mismatch":
		label = st.red(label)
	case "warn":
		label = st.yellow(label)
	default:
		label = st.faint(label)
	}
	p.f("  %s %s\n", label, placed(st, at(file, line), id, summary, indent))
}

// placed is a text under its place and id: the id stands beside the place, or
// where that has no room for it, before the text. A text about the whole
// repository has no place.
func placed(st Style, where, id, text string, indent int) string {
	below := "\n" + strings.Repeat(" ", indent)
	switch {
	case where == ".":
		return labelled(st, id, text, indent)
	case indent+runewidth.StringWidth(where+" "+id) > st.Width:
		return st.bold(where) + below + labelled(st, id, text, indent)
	}
	return st.bold(where) + " " + st.faint(id) + below + fold(text, st.Width, indent)
}

// labelled is a text with its id before it, folded.
func labelled(st Style, id, text string, indent int) string {
	return st.faint(id+":") + strings.TrimPrefix(fold(id+": "+text, st.Width, indent), id+":")
}

// at is a place in a file; line 0 stands for the whole file.
func at(file string, line int) string {
	if line > 0 {
		return fmt.Sprintf("%s:%d", clean(file), line)
	}
	return clean(file)
}

func (s *Scan) nodes() (stacks, mods []string) {
	used := map[string]bool{}
	for _, e := range s.edges {
		used[e[0]], used[e[1]] = true, true
	}
	for _, x := range s.Stacks {
		if used[x.Path] {
			stacks = append(stacks, x.Path)
		}
		delete(used, x.Path)
	}
	for p := range used {
		mods = append(mods, p)
	}
	sort.Strings(mods)
	return stacks, mods
}

// dot writes the graph in the DOT language (graphviz.org/doc/info/lang.html):
// stacks are boxes, modules are ellipses.
func (s *Scan) dot(w io.Writer) error {
	p := &printer{w: w}
	p.f("digraph terrier {\n  rankdir=LR;\n")
	stacks, mods := s.nodes()
	for _, x := range stacks {
		p.f("  %s [shape=box];\n", dotQuote(x))
	}
	for _, x := range mods {
		p.f("  %s;\n", dotQuote(x))
	}
	for i, e := range s.edges {
		if i == 0 || e != s.edges[i-1] {
			p.f("  %s -> %s;\n", dotQuote(e[0]), dotQuote(e[1]))
		}
	}
	p.f("}\n")
	return p.err
}

func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// mermaid writes the graph as a Mermaid flowchart: stacks are rectangles,
// modules are rounded.
func (s *Scan) mermaid(w io.Writer) error {
	p := &printer{w: w}
	p.f("flowchart LR\n")
	stacks, mods := s.nodes()
	id := map[string]string{}
	for _, x := range stacks {
		id[x] = fmt.Sprintf("s%d", len(id))
		p.f("  %s[\"%s\"]\n", id[x], mermaidQuote(x))
	}
	for _, x := range mods {
		id[x] = fmt.Sprintf("m%d", len(id))
		p.f("  %s(\"%s\")\n", id[x], mermaidQuote(x))
	}
	for i, e := range s.edges {
		if i == 0 || e != s.edges[i-1] {
			p.f("  %s --> %s\n", id[e[0]], id[e[1]])
		}
	}
	return p.err
}

func mermaidQuote(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "\n", " ").Replace(s)
}
