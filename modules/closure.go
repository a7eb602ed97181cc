package modules

import (
	"errors"
	"fmt"
	"path"
	"sort"
	"strings"
)

// A Closure is what one repository holds: its own directories, and copies of
// the files outside that they reach.
type Closure struct {
	// Root is the directory that becomes the repository's root: the closest
	// common folder of all that it holds and all that its paths go through.
	Root string
	// Owns are the paths that it alone has: directories, and files where
	// something else stands between them. Nil for what stays.
	Owns []string
	// Copies are the files and symlinks that it holds beside, which others
	// own, sorted.
	Copies []string
	// Links are the symlinks that lead out of it, and are replaced by what
	// they lead to, sorted by path.
	Links []Link
}

// A Link is a symlink that is replaced by what it leads to.
type Link struct {
	Path   string
	Target string   // where it leads, all symlinks followed
	Files  []Placed // in its place
}

// Closures returns the closure of each repository. The hazards are what that
// takes: info where it is done, and a block where it cannot be.
func (g *Graph) Closures(b *Borders) (map[Owner]*Closure, []Hazard) {
	owners := []Owner{{}}
	for _, name := range b.Lives() {
		owners = append(owners, Owner{Live: name})
	}
	for _, key := range b.Keys() {
		owners = append(owners, Owner{Package: key})
	}
	reaches := map[Owner][]Reach{}
	for _, r := range g.Reaches() {
		reaches[b.Owner(r.Dir)] = append(reaches[b.Owner(r.Dir)], r)
	}
	links := map[Owner][]string{}
	for link := range g.links {
		o := b.Owner(path.Dir(link))
		links[o] = append(links[o], link)
	}
	var out []Hazard
	closures := map[Owner]*Closure{}
	for _, o := range owners {
		c := &closing{g: g, b: b, owner: o, key: o.Package, copies: map[string]bool{}}
		if c.key != "" {
			c.roots = append(c.roots, b.Dirs(c.key)...)
		} else {
			c.shareModules(reaches)
		}
		for _, r := range reaches[o] {
			c.take(r)
		}
		if o.Live != "" {
			c.shareFiles()
		}
		closures[o] = c.finish(links[o])
		out = append(out, c.hazards...)
	}
	return closures, out
}

// A closing is a closure in the making.
type closing struct {
	g       *Graph
	b       *Borders
	owner   Owner
	key     string // of the package; "" for what stays
	copies  map[string]bool
	roots   []string // what the root has to be above
	hazards []Hazard
}

func (c *closing) owns(p string) bool { return c.b.Owner(p) == c.owner }

// hazard notes what a reach takes. dir is the package that it is about.
func (c *closing) hazard(id string, sev Severity, r Reach, dir, format string, args ...any) {
	c.hazards = append(c.hazards, Hazard{ID: id, Severity: sev, File: r.File, Line: r.Line, Dir: dir, Summary: r.Expr + " " + fmt.Sprintf(format, args...)})
}

// cannot notes a reach that no copy can serve. It blocks a package; in an
// example, which nothing calls, and with a default that callers may replace,
// it is only not provable. What stays is as it was.
func (c *closing) cannot(id string, r Reach, format string, args ...any) {
	d := c.g.Dirs[r.Dir]
	if d != nil && d.Role != RoleExample && !r.Guess {
		c.hazard(id, Block, r, c.key, format, args...)
		return
	}
	c.hazard(id, Warn, r, r.Dir, format, args...)
	c.hazards[len(c.hazards)-1].Unproved = true
}

// take adds what a reach needs that is not here anyway.
func (c *closing) take(r Reach) {
	if r.Outside {
		switch {
		case c.key != "":
			c.cannot("outside-file", r, "leaves the repository")
		case !r.Guess:
			c.hazard("path-outside", Info, r, r.Dir, "leaves the repository")
		}
		return
	}
	r, ok := c.throughLinks(r)
	if !ok {
		return
	}
	var theirs []string
	found := c.g.entries(r)
	for _, p := range found {
		if !c.owns(p) {
			theirs = append(theirs, p)
		}
	}
	if c.key == "" {
		c.keep(r, theirs)
		return
	}
	if len(found) == 0 || c.inside(r) {
		return // nothing there, or its own directory less what stays in it
	}
	if what := c.tooMuch(r); what != "" {
		c.cannot("unevaluated-path", r, "cannot be evaluated further than %s, which holds %s", r.dir(), what)
		return
	}
	c.roots = append(c.roots, top(r.Dir, r.way))
	if len(theirs) == 0 {
		if leaves(r.Dir, r.way, common(c.b.Dirs(c.key))) {
			c.hazard("outside-file", Info, r, c.key, "leaves the module and comes back by its name: the package begins above it")
		}
		return
	}
	c.add(theirs)
	switch _, file := c.g.entry(r.Path); {
	case file && r.Whole:
		c.hazard("outside-file", Info, r, c.key, "reaches %s, outside the module: the package holds a copy", r.Path)
	default:
		c.hazard("outside-file", Info, r, c.key, "reaches into %s, outside the module: the package holds copies of %s", r.dir(), countFiles(len(theirs)))
	}
}

func countFiles(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// keep adds the files of packages that something which stays reaches.
func (c *closing) keep(r Reach, theirs []string) {
	if len(theirs) == 0 {
		// The kernel wants every directory on a way through one to be there;
		// terraform's own functions do not.
		if p := c.passes(r); p != "" && r.Func == "" && c.g.exists(r.Path) {
			c.hazard("file-of-module", Warn, r, r.Dir, "goes through the directory of the module %s, which moves", p)
			c.hazards[len(c.hazards)-1].Unproved = true
		}
		return
	}
	dir, of := r.dir(), c.b.Of(theirs[0])
	if r.Glob == "" && c.b.Of(dir) == "" && c.g.dirs[dir] && (r.covers(r.Dir) || r.Whole && r.Func == "" && c.g.configured(dir)) {
		// Above the modules: what is read there is not known.
		if !r.Whole || r.Func != "" || !r.covers(r.Dir) && !r.arg {
			if of == "" {
				of = theirs[0]
			}
			c.hazard("unevaluated-path", Warn, r, r.Dir, "cannot be evaluated, and may reach into %s", of)
			c.hazards[len(c.hazards)-1].Unproved = true
		}
		return
	}
	c.add(theirs)
	if of == "" {
		c.hazard("shared-file", Info, r, r.Dir, "reaches %s of another live repository, and its own has a copy", countFiles(len(theirs)))
		return
	}
	if len(theirs) == 1 {
		c.hazard("file-of-module", Info, r, of, "reaches %s, in the module %s: a copy stays", theirs[0], of)
		return
	}
	others := map[string]bool{}
	for _, p := range theirs {
		others[c.b.Of(p)] = true
	}
	if n := len(others) - 1; n > 0 {
		of += fmt.Sprintf(" and %d more", n)
	}
	c.hazard("file-of-module", Info, r, c.b.Of(theirs[0]), "reaches into the module %s: copies of %s stay", of, countFiles(len(theirs)))
}

// configured reports whether there is configuration in dir or below it.
func (g *Graph) configured(dir string) bool {
	for p := range g.Dirs {
		if Within(p, dir) {
			return true
		}
	}
	return false
}

func (c *closing) add(paths []string) {
	for _, p := range paths {
		c.copies[p] = true
		c.roots = append(c.roots, path.Dir(p))
	}
}

// passes returns a package whose directory r's path goes through.
func (c *closing) passes(r Reach) string {
	at := r.Dir
	for _, seg := range strings.Split(r.way, "/") {
		at = path.Join(at, seg)
		if k := c.b.Of(at); k != "" && c.g.dirs[at] {
			return k
		}
	}
	return ""
}

// throughLinks puts r where it leads if a symlink on its way is not, or cannot
// be, replaced by what it leads to. It is false where one that is replaced
// serves r.
func (c *closing) throughLinks(r Reach) (Reach, bool) {
	at := r.Path
	if !r.Whole {
		at = r.dir()
	}
	link, ok := c.g.firstLink(at)
	if !ok {
		return r, true
	}
	if !c.owns(link) {
		if c.key != "" {
			c.roots = append(c.roots, top(r.Dir, r.way))
		}
		c.add([]string{link})
	}
	if c.replaced(link) {
		if !c.owns(link) && c.key != "" {
			c.hazard("outside-file", Info, r, c.key, "goes through the symlink %s, outside the module: the package holds what that leads to", link)
		}
		return r, false
	}
	to, _, err := c.g.follow(at)
	if err != nil {
		if errors.Is(err, errLeaves) && c.key != "" {
			c.cannot("outside-file", r, "leaves the repository by the symlink %s", link)
		}
		return r, false
	}
	if !r.Whole {
		name := r.Path[len(at):] // "/", or "/" and the beginning of a name
		if at == "." {
			name = "/" + r.Path
		}
		to += name
	}
	r.way = relativePath(r.Dir, to)
	r.Path = path.Clean(to)
	if !r.Whole && to[len(to)-1] == '/' {
		r.Path += "/"
	}
	return r, true
}

// inside reports whether r is a directory of this package's own, or something
// in one, that is not known further.
func (c *closing) inside(r Reach) bool {
	_, file := c.g.entry(r.Path)
	return !(file && r.Whole) && r.Glob == "" && c.owns(r.dir())
}

// tooMuch says what a directory holds that cannot be copied with it.
func (c *closing) tooMuch(r Reach) string {
	if _, file := c.g.entry(r.Path); r.Glob != "" || file && r.Whole {
		return ""
	}
	for _, d := range c.b.Dirs(c.key) {
		if r.covers(d) {
			return "the module itself"
		}
	}
	for _, s := range c.b.stacks {
		if r.covers(s) {
			return "the stack " + s
		}
	}
	return ""
}

// finish decides the root, and what becomes of symlinks.
func (c *closing) finish(links []string) *Closure {
	out := &Closure{Root: "."}
	// A symlink that is copied, or taken along with what another leads to, may
	// need more itself.
	for done := map[string]bool{}; ; {
		for p := range c.copies {
			if _, ok := c.g.links[p]; ok {
				links = append(links, p)
			}
		}
		sort.Strings(links)
		before := len(c.copies)
		for _, l := range links {
			if done[l] || c.takeLinked(l) {
				continue
			}
			done[l] = true
			if link, ok := c.link(l); ok {
				out.Links = append(out.Links, link)
			}
		}
		if links = nil; len(c.copies) == before {
			break
		}
	}
	sort.Slice(out.Links, func(i, j int) bool { return out.Links[i].Path < out.Links[j].Path })
	out.Copies = keys(c.copies)
	switch {
	case c.key != "":
		out.Owns, out.Root = c.b.owns(c.key), common(c.roots)
	case c.owner.Live != "":
		out.Owns, out.Root = c.g.parts(".", c.owns), c.b.c.Root(c.owner.Live)
	}
	return out
}

// common returns the closest common folder of directories.
func common(dirs []string) string {
	root := dirs[0]
	for _, d := range dirs[1:] {
		for !Within(d, root) {
			root = path.Dir(root)
		}
	}
	return root
}

// relativePath is the way from one directory to a path, up first.
func relativePath(from, to string) string {
	up := ""
	for ; !Within(to, from); from = path.Dir(from) {
		up += "../"
	}
	if rest := below(to, from); rest != "" {
		return up + rest
	}
	return up + "."
}
