package split

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/modules"
)

// A planner holds the working state of NewPlan.
type planner struct {
	g        *modules.Graph
	c        Config
	borders  *modules.Borders // of what becomes packages
	closures map[modules.Owner]*modules.Closure
	hazards  []modules.Hazard // with those borders
	blocked  map[string][]modules.Hazard
	byKey    map[string]*Package
	digests  map[string]string
	// withheld are the live repositories that would depend on what they do
	// not have: they are not made, and their stacks stay with all else.
	withheld map[string]bool
}

// newPlanner decides the borders. A package that something blocks stays, and
// with it one that calls it, and so on: a package cannot call what is in no
// repository.
func newPlanner(g *modules.Graph, c Config) *planner {
	pl := &planner{g: g, c: c, blocked: map[string][]modules.Hazard{}, byKey: map[string]*Package{}, digests: map[string]string{}, withheld: map[string]bool{}}
	pl.borders = g.Candidates(pl.choice())
	skipped := map[string]string{}
	for _, key := range pl.borders.Keys() {
		if c.Only != "" && !anyMatches(c.Only, pl.borders.Dirs(key)) {
			skipped[key] = "--only leaves it out"
		}
	}
	for pl.borders = pl.borders.Without(skipped); ; {
		pl.hazards = append(g.Hazards(pl.borders), pl.includeConflicts()...)
		blocked := map[string]string{}
		for _, h := range pl.hazards {
			if key := pl.borders.Of(h.Dir); h.Severity == modules.Block && h.Dir != "" && key != "" && !c.InPlace {
				pl.block(blocked, key, h)
			}
		}
		if len(blocked) == 0 {
			break
		}
		pl.blockCallers(blocked)
		pl.borders = pl.borders.Without(blocked)
	}
	pl.closures, _ = g.Closures(pl.borders)
	if c.InPlace {
		*pl.closures[modules.Owner{}] = modules.Closure{Root: "."} // everything is at its place
	}
	if pl.withhold() {
		pl.borders = pl.borders.Without(nil) // which do not remember whose a path was
		pl.hazards = g.Hazards(pl.borders)
		pl.closures, _ = g.Closures(pl.borders)
	}
	return pl
}

func (pl *planner) block(blocked map[string]string, key string, h modules.Hazard) {
	blocked[key] = "it is blocked"
	for _, dir := range pl.borders.Dirs(key) {
		pl.blocked[dir] = append(pl.blocked[dir], h)
	}
}

// blockCallers blocks the packages that call blocked ones, and so on. The
// hazards would say so too, one step of a chain each time that they are made.
func (pl *planner) blockCallers(blocked map[string]string) {
	callers := map[string][]*modules.Call{}
	for _, call := range pl.g.Calls {
		from, to := pl.borders.Of(call.Dir), pl.borders.Of(call.Target)
		if call.Problem == modules.ProblemNone && call.Target != "" && from != "" && to != "" && from != to {
			callers[to] = append(callers[to], call)
		}
	}
	list := slices.Sorted(maps.Keys(blocked))
	for i := 0; i < len(list); i++ {
		for _, call := range callers[list[i]] {
			from := pl.borders.Of(call.Dir)
			if _, known := blocked[from]; !known {
				list = append(list, from)
			}
			pl.block(blocked, from, modules.Hazard{ID: "calls-what-stays", Severity: modules.Block, File: call.File().Path, Line: call.Line(), Dir: from,
				Summary: fmt.Sprintf("module %q: calls %s, which stays: it is blocked", call.Name(), call.Target)})
		}
	}
}

func anyMatches(glob string, dirs []string) bool {
	for _, d := range dirs {
		if ok, _ := doublestar.Match(glob, d); ok {
			return true
		}
	}
	return false
}

// names gives each package its name: the configuration's for one of its
// directories, its group's, or one made of its directories' paths.
func (pl *planner) names() map[string]string {
	fixed := map[string]string{}
	single := modules.Names(pl.borders.Roots(), pl.c.Names)
	for _, key := range pl.borders.Keys() {
		dirs := pl.borders.Dirs(key)
		for _, d := range dirs {
			if fixed[key] == "" {
				fixed[key] = pl.c.Names[d]
			}
		}
		switch {
		case fixed[key] != "":
		case pl.borders.Group(key) != "":
			fixed[key] = pl.borders.Group(key)
		case len(dirs) > 1:
			const most = 3
			var parts []string
			for _, d := range dirs[:min(len(dirs), most)] {
				parts = append(parts, single[d])
			}
			if n := len(dirs) - most; n > 0 {
				parts = append(parts, fmt.Sprintf("and-%d-more", n))
			}
			fixed[key] = strings.Join(parts, "-")
		}
	}
	return modules.Names(pl.borders.Keys(), fixed)
}

// checkOnly refuses a pattern that no module of the monorepo matches: with it
// there would be nothing to do.
func (pl *planner) checkOnly() hcl.Diagnostics {
	if pl.c.Only == "" {
		return nil
	}
	for _, d := range pl.g.Sorted() {
		if d.Role != modules.RoleModule && d.Role != modules.RoleOrphan {
			continue
		}
		if ok, err := doublestar.Match(pl.c.Only, d.Path); ok || err != nil {
			if err == nil {
				return nil
			}
			break
		}
	}
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "No module matches",
		Detail: fmt.Sprintf("--only %q matches no module's directory.\n\nhint: it is a pattern of paths from the monorepo's root, such as modules/vpc or modules/**; terrier scan lists the modules", pl.c.Only)}}
}

// packages makes the packages, their copies aside.
func (pl *planner) packages(p *Plan) hcl.Diagnostics {
	var diags hcl.Diagnostics
	fail := func(summary, detail string) {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail})
	}
	names := pl.names()
	inside := map[string][]*modules.Dir{} // by key
	for _, d := range pl.g.Sorted() {
		key := pl.borders.Of(d.Path)
		inside[key] = append(inside[key], d)
	}
	byName := map[string]string{}
	for _, key := range pl.borders.Keys() {
		name := names[key]
		if other, ok := byName[strings.ToLower(name)]; ok {
			fail("Two modules want one name", fmt.Sprintf("%s and %s are both named %q. Give one of them another name in terrier.hcl:\n\n  module %q {\n    name = \"…\"\n  }", other, key, name, key))
			continue
		}
		byName[strings.ToLower(name)] = key
		source, err := pl.c.Source(name)
		if err != nil {
			fail("No source for "+name, err.Error())
			continue
		}
		remote, err := pl.c.Remote(name)
		if err != nil {
			fail("No remote for "+name, err.Error())
			continue
		}
		tag, tags, err := pl.tags(key, name)
		if err != nil {
			fail("No tag for "+name, err.Error())
			continue
		}
		c := pl.closures[modules.Owner{Package: key}]
		pkg := &Package{Name: name, Path: key, Root: c.Root, Owns: c.Owns, Group: pl.borders.Group(key), Repository: "modules/" + name + ".git",
			Source: source, Remote: remote, Version: pl.c.Version, Tag: tag, Tags: tags, Requires: []string{}, Modules: []string{}, dirs: pl.borders.Dirs(key)}
		for _, m := range inside[key] {
			if contains(pkg.dirs, m.Path) || m.Role == modules.RoleModule || m.Role == modules.RoleOrphan {
				pkg.Modules = append(pkg.Modules, m.Path)
			}
		}
		if pl.c.InPlace {
			pkg.Root, pkg.Owns, pkg.Repository = ".", []string{}, liveRepository
			*c = modules.Closure{Root: "."}
		}
		p.Packages = append(p.Packages, pkg)
		pl.byKey[key] = pkg
	}
	return diags
}

// tags names the first release of a package: one tag, or where all modules
// share the package one for each of them.
func (pl *planner) tags(key, name string) (string, []ModuleTag, error) {
	list := []ModuleTag{}
	if pl.c.All == "" {
		tag, err := pl.c.Tag(name, pl.c.Version)
		return tag, list, err
	}
	dirs := pl.borders.Dirs(key)
	names := modules.Names(dirs, pl.c.Names)
	of := map[string]string{}
	for _, d := range dirs {
		tag, err := pl.c.Tag(names[d], pl.c.Version)
		if err != nil {
			return "", nil, err
		}
		if other, ok := of[tag]; ok {
			return "", nil, fmt.Errorf("%s and %s both want the tag %s\nhint: give one of them another name in terrier.hcl:\n\n  module %q {\n    name = \"…\"\n  }", other, d, tag, d)
		}
		of[tag] = d
		list = append(list, ModuleTag{Path: d, Name: names[d], Tag: tag})
	}
	return "", list, nil
}

// tagOf is the release that a caller of the directory dir gets.
func (pkg *Package) tagOf(dir string) string {
	tag, deepest := pkg.Tag, ""
	for _, t := range pkg.Tags {
		if modules.Within(dir, t.Path) && len(t.Path) >= len(deepest) {
			tag, deepest = t.Tag, t.Path
		}
	}
	return tag
}

// releases are all tags of the package, in order.
func (pkg *Package) releases() []string {
	if len(pkg.Tags) == 0 {
		return []string{pkg.Tag}
	}
	var out []string
	for _, t := range pkg.Tags {
		out = append(out, t.Tag)
	}
	sort.Strings(out)
	return out
}

func contains(sorted []string, s string) bool {
	i := sort.SearchStrings(sorted, s)
	return i < len(sorted) && sorted[i] == s
}

// copies lists what a repository holds beside its own, with the owner of each.
func (pl *planner) copies(paths []string) ([]Copy, error) {
	out := []Copy{}
	for _, p := range paths {
		digest, err := pl.digest(p)
		if err != nil {
			return nil, err
		}
		out = append(out, Copy{Path: p, Owner: pl.repository(pl.borders.Owner(p)), Digest: digest})
	}
	return out, nil
}

// repository is where an owner is written, below the output directory.
func (pl *planner) repository(o modules.Owner) string {
	switch {
	case o.Package != "":
		return pl.byKey[o.Package].Repository
	case o.Live != "":
		return "live/" + o.Live
	}
	return liveRepository
}

// digest is that of a file's bytes, or of a symlink's target as it is written.
func (pl *planner) digest(p string) (string, error) {
	if d, ok := pl.digests[p]; ok {
		return d, nil
	}
	var data []byte
	target, isLink := pl.g.Link(p)
	if isLink {
		data = []byte(target)
	} else {
		var err error
		if data, err = fs.ReadFile(pl.g.Tree.FS, p); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256(data)
	pl.digests[p] = "sha256:" + hex.EncodeToString(sum[:])
	return pl.digests[p], nil
}

// holdings fills in what each repository holds beside its own paths: copies,
// and what takes the place of symlinks.
func (pl *planner) holdings(p *Plan) hcl.Diagnostics {
	fill := func(o modules.Owner, copies *[]Copy, links *[]Link) error {
		c := pl.closures[o]
		var err error
		if *copies, err = pl.copies(c.Copies); err != nil {
			return err
		}
		*links = []Link{}
		for _, l := range c.Links {
			*links = append(*links, Link{Path: l.Path, Target: l.Target, files: l.Files})
		}
		return nil
	}
	var err error
	for _, pkg := range p.Packages {
		if err == nil {
			err = fill(modules.Owner{Package: pkg.Path}, &pkg.Copies, &pkg.Links)
		}
	}
	for _, l := range p.Live {
		if err == nil {
			err = fill(l.owner, &l.Copies, &l.Links)
		}
	}
	if err != nil {
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "A file that a package needs cannot be read", Detail: err.Error()}}
	}
	return nil
}

// callerSource is what a call of the directory dir in pkg says.
func callerSource(pkg *Package, dir string) string {
	base, query, has := strings.Cut(pkg.Source, "?")
	if sub := below(dir, pkg.Root); sub != "" {
		base += "//" + sub
	}
	if has {
		return base + "?" + query + "&ref=" + pkg.tagOf(dir)
	}
	return base + "?ref=" + pkg.tagOf(dir)
}

// relative is the local source that leads from one directory of a repository
// to another. Terraform wants ./ or ../ at its front.
func relative(from, to string) string {
	up := "./"
	for at := from; !modules.Within(to, at); at = path.Dir(at) {
		if up == "./" {
			up = ""
		}
		up += "../"
		from = path.Dir(at)
	}
	return up + below(to, from)
}
