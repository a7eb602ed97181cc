package split

import (
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// A planner holds the working state of NewPlan.
type planner struct {
	g       *modules.Graph
	c       Config
	borders *modules.Borders
	hazards []modules.Hazard
	blocked map[string][]modules.Hazard // package directory → reasons
	skipped map[string]bool             // left out by --only
}

func newPlanner(g *modules.Graph, c Config) *planner {
	borders, _ := g.Candidates()
	pl := &planner{g: g, c: c, borders: borders, hazards: g.Hazards(), blocked: map[string][]modules.Hazard{}, skipped: map[string]bool{}}
	for _, h := range pl.hazards {
		if h.Severity == modules.Block && h.Dir != "" && h.ID != "calls-what-stays" {
			pl.block(h.Dir, h)
		}
	}
	for _, dir := range borders.Roots() {
		switch {
		case c.Keep[dir]:
			pl.skipped[dir] = true
		case c.Group[dir] != "":
			pl.block(dir, modules.Hazard{ID: "group", File: dir, Dir: dir, Summary: "groups are not supported yet"})
		case c.Only != "":
			if ok, _ := doublestar.Match(c.Only, dir); !ok {
				pl.skipped[dir] = true
			}
		}
	}
	return pl
}

func (pl *planner) block(dir string, h modules.Hazard) { pl.blocked[dir] = append(pl.blocked[dir], h) }

// leaves returns the package that p goes to, "" where it stays.
func (pl *planner) leaves(p string) string {
	d := pl.borders.Of(p)
	if d == "" || pl.blocked[d] != nil || pl.skipped[d] {
		return ""
	}
	return d
}

// blockUntilStable blocks what calls a blocked module, and so on: a package
// cannot call what is in no repository.
func (pl *planner) blockUntilStable() {
	for changed := true; changed; {
		changed = false
		for _, call := range pl.g.Calls {
			from := pl.leaves(call.Dir)
			if from == "" || call.Target == "" || call.Problem != modules.ProblemNone || modules.Within(call.Target, from) || pl.leaves(call.Target) != "" {
				continue
			}
			why := "which is in no package"
			if d := pl.borders.Of(call.Target); d != "" {
				why = "which stays because it is blocked"
				if pl.skipped[d] {
					why = "which stays because the configuration or --only leaves it out"
				}
			}
			pl.block(from, modules.Hazard{ID: "calls-what-stays", File: call.File().Path, Line: call.Line(), Dir: from,
				Summary: fmt.Sprintf("calls %s, %s", call.Target, why)})
			changed = true
		}
		for _, h := range pl.sharedFileConflicts() {
			if pl.leaves(h.Dir) != "" {
				pl.block(h.Dir, h)
				changed = true
			}
		}
	}
}

// A place is where a source string stands: the bytes of a file that several
// directories may share through symlinks.
type place struct {
	file       string
	start, end int
}

// wanted is what a source has to become: a directory inside a package, or
// (with an empty dir) another relative path, or (with both empty) what it is.
type wanted struct {
	dir, sub string
	relative string
	call     *modules.Call
}

func (pl *planner) wanted() map[place][]wanted {
	out := map[place][]wanted{}
	for _, call := range pl.g.Calls {
		if call.Call == nil || !call.Call.HasSource || !call.Call.Static || call.Source().Kind != hclparse.KindLocal {
			continue
		}
		d := pl.g.Dirs[call.Dir]
		if call.Problem != modules.ProblemNone && d.Role == modules.RoleSnippet {
			continue // only what links to it gives the path its meaning
		}
		r := call.Call.SourceRange
		at := place{call.File().Real, r.Start.Byte, r.End.Byte}
		w := wanted{call: call}
		if call.Problem == modules.ProblemNone {
			to := pl.leaves(call.Target)
			switch {
			case to != "" && to != pl.leaves(call.Dir):
				w.dir, w.sub = to, strings.TrimPrefix(strings.TrimPrefix(call.Target, to), "/")
			case to != "" && call.ThroughParent(to):
				w.relative = relative(call.Dir, call.Target)
			}
		}
		out[at] = append(out[at], w)
	}
	return out
}

// sharedFileConflicts finds sources in a file that several directories share,
// which would have to become different strings.
func (pl *planner) sharedFileConflicts() []modules.Hazard {
	var out []modules.Hazard
	for at, ws := range pl.wanted() {
		for _, w := range ws[1:] {
			if w.dir == ws[0].dir && w.sub == ws[0].sub && w.relative == ws[0].relative {
				continue
			}
			for _, x := range []wanted{ws[0], w} {
				if x.dir == "" && x.relative != "" {
					x.dir = pl.leaves(x.call.Dir)
				}
				if x.dir != "" {
					out = append(out, modules.Hazard{ID: "symlink-across", Severity: modules.Block, File: at.file, Line: x.call.Line(), Dir: x.dir,
						Summary: fmt.Sprintf("the file is shared by symlinks, and this source would have to differ in %s and %s", ws[0].call.Dir, w.call.Dir)})
				}
			}
		}
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].File+out[i].Summary+out[i].Dir < out[j].File+out[j].Summary+out[j].Dir
	})
	return out
}

func (pl *planner) packages(p *Plan) hcl.Diagnostics {
	var diags hcl.Diagnostics
	fail := func(summary, detail string) {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail})
	}
	var dirs []string
	for _, d := range pl.borders.Roots() {
		if pl.leaves(d) != "" {
			dirs = append(dirs, d)
		}
	}
	names := modules.Names(dirs, pl.c.Names)
	byName := map[string]string{}
	for _, d := range dirs {
		if other, ok := byName[strings.ToLower(names[d])]; ok {
			fail("Two modules want one name", fmt.Sprintf("%s and %s are both named %q. Give one of them another name in terrier.hcl:\n\n  module %q {\n    name = \"…\"\n  }", other, d, names[d], d))
			continue
		}
		byName[strings.ToLower(names[d])] = d
		source, err := pl.c.Source(names[d])
		if err != nil {
			fail("No source for "+names[d], err.Error())
			continue
		}
		remote, err := pl.c.Remote(names[d])
		if err != nil {
			fail("No remote for "+names[d], err.Error())
			continue
		}
		tag, err := pl.c.Tag(names[d], pl.c.Version)
		if err != nil {
			fail("No tag for "+names[d], err.Error())
			continue
		}
		pkg := &Package{Name: names[d], Path: d, Root: d, Owns: []string{d}, Copies: []Copy{}, Repository: "modules/" + names[d] + ".git", Source: source, Remote: remote, Version: pl.c.Version, Tag: tag,
			Requires: []string{}, Modules: []string{}}
		for _, m := range pl.g.Sorted() {
			if modules.Within(m.Path, d) && (m.Path == d || m.Role == modules.RoleModule || m.Role == modules.RoleOrphan) {
				pkg.Modules = append(pkg.Modules, m.Path)
			}
		}
		p.Packages = append(p.Packages, pkg)
	}
	if diags.HasErrors() {
		return diags
	}
	byPath := map[string]*Package{}
	for _, pkg := range p.Packages {
		byPath[pkg.Path] = pkg
	}
	requires := map[string]map[string]bool{}
	for at, ws := range pl.wanted() {
		w := ws[0]
		if w.dir == "" && w.relative == "" {
			continue
		}
		to := byPath[w.dir]
		e := Edit{File: at.file, Line: w.call.Call.SourceRange.Start.Line, Module: w.call.Call.Name, From: w.call.Call.Raw, To: w.relative,
			start: at.start, end: at.end, syntax: w.call.File().Syntax}
		if to != nil {
			e.To = callerSource(to, w.sub)
		}
		from := byPath[pl.leaves(at.file)]
		if from != nil {
			e.Package = from.Name
		}
		if from != nil && to != nil {
			if requires[from.Name] == nil {
				requires[from.Name] = map[string]bool{}
			}
			requires[from.Name][to.Name] = true
		}
		p.Edits = append(p.Edits, e)
	}
	sort.Slice(p.Edits, func(i, j int) bool {
		a, b := p.Edits[i], p.Edits[j]
		return a.File < b.File || a.File == b.File && a.start < b.start
	})
	for _, pkg := range p.Packages {
		for n := range requires[pkg.Name] {
			pkg.Requires = append(pkg.Requires, n)
		}
		sort.Strings(pkg.Requires)
	}
	return nil
}

// relative is the local source that leads from one directory of a package to
// another. Terraform wants ./ or ../ at its front.
func relative(from, to string) string {
	up := "./"
	for at := from; !modules.Within(to, at); at = path.Dir(at) {
		if up == "./" {
			up = ""
		}
		up += "../"
		from = path.Dir(at)
	}
	rest := to
	if from != "." {
		rest = strings.TrimPrefix(strings.TrimPrefix(to, from), "/")
	}
	return up + rest
}

// callerSource is what a call of a directory inside pkg says.
func callerSource(pkg *Package, sub string) string {
	base, query, has := strings.Cut(pkg.Source, "?")
	if sub != "" {
		base += "//" + sub
	}
	if has {
		return base + "?" + query + "&ref=" + pkg.Tag
	}
	return base + "?ref=" + pkg.Tag
}
