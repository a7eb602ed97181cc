package modules

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
)

// A Choice is what a configuration decides about the borders.
type Choice struct {
	// Keep are directories that stay, and where that is written.
	Keep map[string]string
	// Group are module directories by the group that they share a package in.
	Group map[string]string
	// All, where it is not "", is the group that all modules share a package in.
	All string
	// Live names the live repository of a path that stays, "" for the one of
	// all else; nil where there is only that.
	Live func(p string) string
	// Root is the directory that becomes the root of a live repository.
	Root func(live string) string
	// Reads are the paths that a stack is planned with, beside what its own
	// files name; nil for none.
	Reads func(stack string) []string
}

// An Owner is the repository that a path belongs to: a package, by its key, or
// a live repository, by its name. The zero Owner is the live repository of all
// that nobody else has.
type Owner struct{ Package, Live string }

// Borders are what a split would make packages of: each a module's directory,
// or several that cannot be apart. A module inside another belongs to the
// outer one; a stack inside a module stays.
//
// A package is named by its first directory, its key.
type Borders struct {
	g     *Graph
	c     Choice
	units map[string]*unit
	of    map[string]string // a directory where another owner begins → its key, "" for what stays
	stays map[string]string // a directory that stays → why

	stacks []string            // all of the tree, sorted
	inside map[string][]string // see holes
	lives  []string            // see Lives
	byBase map[string][]string // see named
}

// A unit is one package.
type unit struct {
	dirs  []string // sorted
	group string   // the configuration's name for it
	cycle bool     // its directories call each other in a circle
}

// Candidates returns the borders: every module and orphan that is not inside
// another, by itself or with its group, and those that call each other in a
// circle together.
func (g *Graph) Candidates(c Choice) *Borders {
	b := &Borders{g: g, c: c, units: map[string]*unit{}, of: map[string]string{}, stays: map[string]string{}}
	for _, d := range g.Sorted() { // outer directories sort before inner ones
		where, keep := c.Keep[d.Path]
		switch {
		case keep:
			b.of[d.Path], b.stays[d.Path] = "", where+" keeps it"
		case d.Role == RoleStack:
			b.stacks = append(b.stacks, d.Path)
			if b.Of(d.Path) != "" {
				b.of[d.Path] = ""
			}
		case (d.Role == RoleModule || d.Role == RoleOrphan) && b.Of(d.Path) == "":
			b.of[d.Path] = d.Path
			b.units[d.Path] = &unit{dirs: []string{d.Path}}
		}
	}
	groups := map[string][]string{}
	for _, dir := range b.Keys() {
		if name := c.Group[dir]; name != "" {
			groups[name] = append(groups[name], dir)
		}
	}
	for name, dirs := range groups {
		b.merge(dirs).group = name
	}
	for _, keys := range b.circles() {
		b.merge(keys).cycle = true
	}
	return b.all()
}

// all makes one package of all, where the choice is that.
func (b *Borders) all() *Borders {
	if b.c.All != "" && len(b.units) > 0 {
		u := b.merge(b.Keys())
		u.group, u.cycle = b.c.All, false
	}
	return b
}

// merge makes one package of several.
func (b *Borders) merge(keys []string) *unit {
	u := &unit{}
	for _, k := range keys {
		u.dirs = append(u.dirs, b.units[k].dirs...)
		if u.group == "" {
			u.group = b.units[k].group
		}
		delete(b.units, k)
	}
	sort.Strings(u.dirs)
	for _, d := range u.dirs {
		b.of[d] = u.dirs[0]
	}
	b.units[u.dirs[0]] = u
	return u
}

// circles returns the packages that call each other in a circle, each sorted.
func (b *Borders) circles() [][]string {
	calls := map[string]map[string]bool{}
	for _, c := range b.g.Calls {
		if c.Target == "" || c.Problem != ProblemNone {
			continue
		}
		if from, to := b.Of(c.Dir), b.Of(c.Target); from != "" && to != "" && from != to && !b.g.example(c.Dir) {
			add(calls, from, to)
		}
	}
	var out [][]string
	for _, group := range circles(b.Keys(), func(k string) []string { return keys(calls[k]) }) {
		if len(group) > 1 {
			out = append(out, group)
		}
	}
	return out
}

// example reports whether a directory is one of the module that it stands in:
// no release of that needs what it calls.
func (g *Graph) example(dir string) bool {
	d := g.Dirs[dir]
	return d != nil && d.Role == RoleExample
}

// Without returns borders in which some packages stay: their keys, and why.
func (b *Borders) Without(why map[string]string) *Borders {
	out := &Borders{g: b.g, c: b.c, units: map[string]*unit{}, of: map[string]string{}, stays: map[string]string{}, stacks: b.stacks}
	for k, u := range b.units {
		if _, ok := why[k]; !ok {
			out.units[k] = u
		}
	}
	for d, k := range b.of {
		if reason, ok := why[k]; ok && k != "" {
			out.of[d], out.stays[d] = "", reason
			continue
		}
		out.of[d] = k
	}
	for d, reason := range b.stays {
		out.stays[d] = reason
	}
	return out
}

// Keys returns the packages' keys, sorted.
func (b *Borders) Keys() []string {
	out := make([]string, 0, len(b.units))
	for k := range b.units {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// Dirs returns the module directories of the package key, sorted.
func (b *Borders) Dirs(key string) []string { return b.units[key].dirs }

// Group returns the configuration's name for the package key, "" where it
// stands by itself or because of a circle.
func (b *Borders) Group(key string) string { return b.units[key].group }

// Roots returns the module directories of all packages, sorted.
func (b *Borders) Roots() []string {
	var out []string
	for _, u := range b.units {
		out = append(out, u.dirs...)
	}
	sort.Strings(out)
	return out
}

// Of returns the key of the package that p is in, "" where it stays. p may be
// any word that looks like a path, "/" included.
func (b *Borders) Of(p string) string {
	for {
		if k, ok := b.of[p]; ok {
			return k
		}
		if p == "." || p == "/" { // path.Dir ends at one of them
			return ""
		}
		p = path.Dir(p)
	}
}

// Owner returns the repository that p belongs to.
func (b *Borders) Owner(p string) Owner {
	if k := b.Of(p); k != "" || b.c.Live == nil {
		return Owner{Package: k}
	}
	return Owner{Live: b.c.Live(p)}
}

// Lives returns the names of the live repositories that own a path, sorted,
// the one of all else left out.
func (b *Borders) Lives() []string {
	if b.c.Live == nil {
		return nil
	}
	if b.lives == nil {
		names := map[string]bool{}
		for _, e := range b.g.Tree.Entries {
			if o := b.Owner(e.Path); o.Live != "" {
				names[o.Live] = true
			}
		}
		b.lives = keys(names)
	}
	return b.lives
}

// why says why a directory that could be in a package is in none.
func (b *Borders) why(p string) string {
	for ; ; p = path.Dir(p) {
		if reason, ok := b.stays[p]; ok {
			return "which stays: " + reason
		}
		if p == "." || p == "/" {
			return "which is in no package"
		}
	}
}

// owns returns the paths that make up the package key: its directories, and
// where something inside one stays, the parts of it that do not.
func (b *Borders) owns(key string) []string {
	holes := b.holes()[key]
	out := map[string]bool{}
	for _, dir := range b.units[key].dirs {
		if !slices.ContainsFunc(holes, func(h string) bool { return Within(h, dir) }) {
			out[dir] = true
			continue
		}
		for _, p := range b.g.parts(dir, func(p string) bool { return b.Of(p) == key }) {
			out[p] = true
		}
	}
	return keys(out)
}

// parts returns the paths below dir that together hold the entries that in
// names, and no other: directories as far as all in them is named, and files.
// It is dir itself where that is so for all of it.
func (g *Graph) parts(dir string, in func(p string) bool) []string {
	list := g.entriesBelow(dir)
	mixed := map[string]bool{} // directories that hold an entry that is not named
	for _, e := range list {
		if in(e.Path) {
			continue
		}
		for d := path.Dir(e.Path); !mixed[d]; d = path.Dir(d) {
			mixed[d] = true
			if d == dir || d == "." {
				break
			}
		}
	}
	out := map[string]bool{}
	for _, e := range list {
		if !in(e.Path) {
			continue
		}
		part := e.Path
		for part != dir && part != "." && !mixed[path.Dir(part)] {
			part = path.Dir(part)
		}
		out[part] = true
	}
	return keys(out)
}

// holes returns, by package, the outermost directories inside it that are not
// its own.
func (b *Borders) holes() map[string][]string {
	if b.inside == nil {
		b.inside = map[string][]string{}
		for d, k := range b.of {
			if d == "." {
				continue
			}
			if outer := b.Of(path.Dir(d)); outer != "" && outer != k {
				b.inside[outer] = append(b.inside[outer], d)
			}
		}
	}
	return b.inside
}

// hazards says what is to know about the borders themselves.
func (b *Borders) hazards() []Hazard {
	var out []Hazard
	for _, s := range b.stacks {
		if k, ok := b.of[s]; ok && k == "" && s != "." {
			if outer := b.Of(path.Dir(s)); outer != "" {
				out = append(out, Hazard{ID: "stack-in-module", Severity: Info, File: s, Dir: outer,
					Summary: fmt.Sprintf("the stack %s stands inside the module %s, and stays when that moves", s, outer)})
			}
		}
	}
	for k, u := range b.units {
		if u.cycle {
			out = append(out, Hazard{ID: "cycle", Severity: Info, File: k, Dir: k,
				Summary: "modules call each other in a circle, and share a package: " + strings.Join(u.dirs, ", ")})
		}
	}
	return out
}
