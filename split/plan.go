// Package split takes a monorepo apart: it plans which module becomes which
// repository, extracts each with its history, pins every call, writes the live
// repository, and asks package proof whether nothing else changed.
//
// It never writes to the monorepo, runs no Terraform, and prints nothing.
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
	"github.com/terrier-iac/terrier/modules/repo"
)

// Config is what a user decides about a split. The functions turn a package's
// name into addresses; each may be called for any name.
type Config struct {
	Version     string                                     // the first release, "1.0.0"
	Source      func(name string) (string, error)          // what callers get, without //sub and ?ref=
	Remote      func(name string) (string, error)          // where push goes; "" where there is none
	Tag         func(name, version string) (string, error) // the release's tag
	LiveURL     func(name string) (string, error)          // the live repository's remote; "" where there is none
	Env         func(stack string) (environment, account string)
	Names       map[string]string // fixed package names by directory
	Keep        map[string]bool   // directories that stay in live
	Group       map[string]string // directory to group name; groups are not supported yet and block
	Only        string            // glob over module directories; "" for all
	NoHistory   bool
	Follow      bool
	Name, Email string // who commits and tags
}

// A Plan is the whole decision, before anything is written. It is plain data:
// paths are relative to the monorepo's root, `/`-separated; lists are sorted.
type Plan struct {
	Commit   string     `json:"commit"`
	Tree     string     `json:"tree"`
	Library  bool       `json:"library"`
	History  bool       `json:"history"`
	Follow   bool       `json:"follow"`
	Identity Identity   `json:"identity"`
	Packages []*Package `json:"packages"`
	Blocked  []*Blocked `json:"blocked"`
	Live     []*Live    `json:"live"`
	Edits    []Edit     `json:"edits"`
	Stacks   []*Stack   `json:"stacks"`
	Unproved []Finding  `json:"unproved"`
	Mentions []Finding  `json:"mentions"`
	// Other paths of the tree that are worth naming.
	Notes []Finding `json:"notes"`
}

// Identity is who the commits and tags that Terrier makes are by.
type Identity struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// A Package is one module directory that becomes a repository.
type Package struct {
	Name       string   `json:"name"`
	Path       string   `json:"path"`
	Repository string   `json:"repository"` // below the output directory
	Source     string   `json:"source"`     // what a call's source begins with
	Remote     string   `json:"remote"`
	Version    string   `json:"version"`
	Tag        string   `json:"tag"`
	Requires   []string `json:"requires"` // names of the packages it calls
	Modules    []string `json:"modules"`  // module directories inside, itself included
}

// Blocked is a module that stays in live, and why.
type Blocked struct {
	Path    string    `json:"path"`
	Reasons []Finding `json:"reasons"`
}

// Live is a repository of stacks.
type Live struct {
	Name       string `json:"name"`
	Repository string `json:"repository"`
	Remote     string `json:"remote"`
	Branch     string `json:"branch"`
}

// An Edit is one source string that changes.
type Edit struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Module  string `json:"module"`  // the module block's name
	Package string `json:"package"` // name of the package that the file is in; "" for live
	From    string `json:"from"`
	To      string `json:"to"`

	start, end int
	syntax     hclparse.Syntax
}

// A Stack is a root module of live.
type Stack struct {
	Path        string `json:"path"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Backend     string `json:"backend"`
	// unproved are the findings in its tree that the proof cannot judge.
	unproved []Finding
}

// A Finding is a hazard as the plan and the proof show it.
type Finding struct {
	ID      string `json:"id"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Summary string `json:"summary"`
}

func finding(h modules.Hazard) Finding {
	return Finding{ID: h.ID, File: h.File, Line: h.Line, Summary: h.Summary}
}

// NewPlan decides what becomes a package, what stays and which sources change.
// It reads the graph of the commit's tree and nothing else. The diagnostics
// are errors of the configuration: two packages of one name, an address that
// cannot be made.
func NewPlan(commit *repo.Commit, g *modules.Graph, c Config) (*Plan, hcl.Diagnostics) {
	p := &Plan{
		Commit: commit.ID.String(), Tree: commit.Tree.String(), Library: g.Library, History: !c.NoHistory, Follow: c.Follow && !c.NoHistory,
		Identity: Identity{c.Name, c.Email},
		Packages: []*Package{}, Blocked: []*Blocked{}, Live: []*Live{}, Edits: []Edit{}, Stacks: []*Stack{},
		Unproved: []Finding{}, Mentions: []Finding{}, Notes: []Finding{},
	}
	pl := newPlanner(g, c)
	pl.blockUntilStable()
	if diags := pl.packages(p); diags.HasErrors() {
		return nil, diags
	}
	pl.rest(p)
	return p, nil
}

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
		pkg := &Package{Name: names[d], Path: d, Repository: "modules/" + names[d] + ".git", Source: source, Remote: remote, Version: pl.c.Version, Tag: tag,
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

// rest fills in what the packages leave: blocked modules, the live
// repository, stacks, and the findings.
func (pl *planner) rest(p *Plan) {
	for dir, why := range pl.blocked {
		b := &Blocked{Path: dir, Reasons: []Finding{}}
		for _, h := range why {
			b.Reasons = append(b.Reasons, finding(h))
		}
		sortFindings(b.Reasons)
		p.Blocked = append(p.Blocked, b)
	}
	sort.Slice(p.Blocked, func(i, j int) bool { return p.Blocked[i].Path < p.Blocked[j].Path })

	remote := ""
	if pl.c.LiveURL != nil {
		remote, _ = pl.c.LiveURL("live")
	}
	if !p.Library || pl.somethingStays() {
		p.Live = append(p.Live, &Live{Name: "live", Repository: "live/live", Remote: remote, Branch: "main"})
	}

	unproved := map[string][]Finding{}
	for _, h := range pl.hazards {
		inPackage := pl.leaves(h.Dir) != "" || pl.leaves(path.Dir(h.File)) != ""
		switch {
		case h.ID == "mention" || h.ID == "readme-source":
			if pl.leaves(h.Dir) != "" {
				p.Mentions = append(p.Mentions, finding(h))
			}
		case h.Unproved && (inPackage || movesNothing[h.ID]):
			p.Unproved = append(p.Unproved, finding(h))
			unproved[h.Dir] = append(unproved[h.Dir], finding(h))
		case h.Severity != modules.Block:
			p.Notes = append(p.Notes, finding(h))
		}
	}
	for _, d := range pl.g.Sorted() {
		if d.Role != modules.RoleStack || pl.leaves(d.Path) != "" {
			continue
		}
		s := &Stack{Path: d.Path, Backend: d.Backend}
		if pl.c.Env != nil {
			s.Environment, s.Account = pl.c.Env(d.Path)
		}
		for _, dir := range pl.closure(d.Path) {
			s.unproved = append(s.unproved, unproved[dir]...)
		}
		p.Stacks = append(p.Stacks, s)
	}
}

// movesNothing are the findings that leave a stack unproved even where
// nothing of it moves: what it calls is not known.
var movesNothing = map[string]bool{"computed-source": true, "invalid-source": true, "dangling-source": true, "source-outside": true, "parse-error": true, "unevaluated-path": true, "directory-name": true, "git-metadata": true}

func (pl *planner) somethingStays() bool {
	for _, e := range pl.g.Tree.Entries {
		if pl.leaves(e.Path) == "" {
			return true
		}
	}
	return false
}

// closure returns the directories that a stack loads, itself first.
func (pl *planner) closure(dir string) []string {
	seen := map[string]bool{dir: true}
	list := []string{dir}
	for i := 0; i < len(list); i++ {
		if d := pl.g.Dirs[list[i]]; d != nil {
			for _, to := range d.Callees {
				if !seen[to] {
					seen[to] = true
					list = append(list, to)
				}
			}
		}
	}
	return list
}

func sortFindings(f []Finding) {
	sort.Slice(f, func(i, j int) bool {
		a, b := f[i], f[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.ID+a.Summary < b.ID+b.Summary
	})
}
