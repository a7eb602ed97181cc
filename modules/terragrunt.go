package modules

import (
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/hclparse"
)

// A terragruntFile is a terragrunt.hcl, or a file that one includes.
type terragruntFile struct {
	*hclparse.File
	sources  []*hclparse.TerragruntSource
	locals   map[string]hcl.Expression
	includes []terragruntInclude
}

// A terragruntInclude is an include block. file is nil where its path cannot
// be evaluated, or leads to no file of the tree.
type terragruntInclude struct {
	label string
	expr  hcl.Expression
	file  *terragruntFile
}

func newTerragruntFile(f *hclparse.File, sources []*hclparse.TerragruntSource) *terragruntFile {
	t := &terragruntFile{File: f, sources: sources, locals: map[string]hcl.Expression{}}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok || body == nil {
		return t
	}
	for _, b := range body.Blocks {
		switch {
		case b.Body == nil:
		case b.Type == "locals":
			for name, a := range b.Body.Attributes {
				t.locals[name] = a.Expr
			}
		case b.Type == "include":
			if a := b.Body.Attributes["path"]; a != nil {
				in := terragruntInclude{expr: a.Expr}
				if len(b.Labels) > 0 {
					in.label = b.Labels[0]
				}
				t.includes = append(t.includes, in)
			}
		}
	}
	return t
}

// A terragruntTree is every terragrunt file of the tree, read together: what
// a file that others include says has its meaning where it is included.
type terragruntTree struct {
	g     *Graph
	units []*terragruntFile          // each terragrunt.hcl, by path
	files map[string]*terragruntFile // by path, nil for what is no such file
	// includers are the units that include a file, by its path.
	includers map[string][]*terragruntFile
	// loose are files with a source that nothing is known to include.
	loose []*terragruntFile
	// inherits holds the directories of units that have their source from a
	// file that they include.
	inherits map[string]bool
}

// readTerragrunt finds the units, and the files that they include. Any file
// with .hcl at its end may be one of those: nothing in its name tells.
func (g *Graph) readTerragrunt() *terragruntTree {
	t := &terragruntTree{g: g, files: map[string]*terragruntFile{}, includers: map[string][]*terragruntFile{}, inherits: map[string]bool{}}
	for _, d := range g.Sorted() {
		for _, f := range d.Config.Files {
			if f.Syntax != hclparse.Terragrunt {
				continue
			}
			var own []*hclparse.TerragruntSource
			for _, s := range d.Config.Terragrunt {
				if s.File == f {
					own = append(own, s)
				}
			}
			u := newTerragruntFile(f, own)
			t.files[f.Path] = u
			t.units = append(t.units, u)
		}
	}
	if len(t.units) == 0 {
		return t
	}
	for _, u := range t.units {
		for i := range u.includes {
			in := &u.includes[i]
			p, ok := t.scope(u, nil).pathOf(in.expr)
			if !ok {
				continue
			}
			if in.file = t.file(p); in.file != nil && in.file != u {
				t.includers[in.file.Path] = append(t.includers[in.file.Path], u)
			}
		}
	}
	for _, e := range g.Tree.Entries {
		if e.Mode == 0 && strings.HasSuffix(e.Path, ".hcl") && path.Base(e.Path) != "terragrunt.hcl" && len(t.includers[e.Path]) == 0 {
			if f := t.file(e.Path); f != nil && len(f.sources) > 0 {
				t.loose = append(t.loose, f)
			}
		}
	}
	return t
}

// file parses the file at p, once; nil where there is none.
func (t *terragruntTree) file(p string) *terragruntFile {
	if f, ok := t.files[p]; ok {
		return f
	}
	t.files[p] = nil
	if !t.g.isFile(p) || strings.HasPrefix(path.Base(p), ".") {
		return nil
	}
	if src := t.g.readFile(p); src != nil {
		t.files[p] = newTerragruntFile(hclparse.ParseTerragrunt(p, src))
	}
	return t.files[p]
}

// calls are the sources of all units: each its own or, where it has none,
// those of the files that it includes.
func (t *terragruntTree) calls() []*Call {
	var out []*Call
	for _, u := range t.units {
		dir := path.Dir(u.Path)
		if t.onlyIncluded(u) {
			continue
		}
		sources := u.sources
		for _, s := range sources {
			out = append(out, t.call(dir, s, t.scope(u, nil)))
		}
		for _, in := range u.includes {
			if in.file == nil || len(u.sources) > 0 {
				continue
			}
			for _, s := range in.file.sources {
				t.inherits[dir] = true
				out = append(out, t.call(dir, s, t.scope(u, in.file)))
			}
		}
	}
	return out
}

// onlyIncluded reports whether a terragrunt.hcl is there for others to
// include, so that nothing is ever run at its own place.
func (t *terragruntTree) onlyIncluded(u *terragruntFile) bool {
	d := t.g.Dirs[path.Dir(u.Path)]
	return len(t.includers[u.Path]) > 0 && len(u.includes) == 0 && !hasTerraform(d.Config)
}

// isUnit reports whether terragrunt runs something at d that has a source.
func (t *terragruntTree) isUnit(d *Dir) bool {
	if len(d.Config.Terragrunt) == 0 {
		return t.inherits[d.Path]
	}
	return !t.onlyIncluded(t.files[d.Config.Terragrunt[0].File.Path])
}

// rewrites reports whether the source of a unit stands in that line of a file
// that it includes. The source of one that every unit overrides does not.
func (t *terragruntTree) rewrites(file string, line int) bool {
	return len(t.includers[file]) > 0 && slices.ContainsFunc(t.g.Calls, func(c *Call) bool {
		return c.Terragrunt != nil && c.File().Path == file && c.Line() == line
	})
}

// includes returns the files that the unit in dir includes, by path.
func (t *terragruntTree) includes(dir string) []string {
	var out []string
	for _, u := range t.units {
		if path.Dir(u.Path) != dir {
			continue
		}
		for _, in := range u.includes {
			if in.file != nil {
				out = append(out, in.file.Path)
			}
		}
	}
	return out
}

// A lead is where a terragrunt source leads, as far as the files say.
type lead struct {
	// text is the source, or its known beginning where whole is not set.
	text  string
	whole bool
	// remote says that it is an address, not a path of the tree.
	remote bool
	// commit is set where it is this repository itself at a full commit.
	commit string
	// fixed says why a source with a known target is not rewritten.
	fixed string
	// pieces are the plain texts in it, which may name a module.
	pieces []string
	// unit and file are those of its scope.
	unit, file *terragruntFile
}

func (t *terragruntTree) call(dir string, s *hclparse.TerragruntSource, in *terragruntScope) *Call {
	c := &Call{Dir: dir, Terragrunt: s, lead: &lead{unit: in.unit, file: in.file}}
	l := c.lead
	if l.text, l.whole = s.Raw, s.Static; !s.Static {
		l.text, l.whole = in.text(s.Expr)
		switch {
		case in.reads:
			l.fixed = "it is read from a file, which may say something else tomorrow"
		case in.file != nil && in.varies:
			l.fixed = "its value differs between the units that include the file"
		}
	}
	if strings.HasPrefix(l.text, `.\`) || strings.HasPrefix(l.text, `..\`) {
		l.text = strings.ReplaceAll(l.text, `\`, "/")
		l.fixed = "it is a path of Windows"
	}
	l.pieces = in.literals(s.Expr)
	text := l.text
	self := false
	for _, prefix := range []string{"git::file://" + repoMark, "git::"} {
		// With git:: before a path it is this repository, at a ref.
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			if prefix != "git::" {
				rest = repoMark + rest
			}
			if self = t.isPath(dir, rest); self {
				text = rest
				break
			}
		}
	}
	if !self && !t.isPath(dir, text) {
		l.remote = strings.Contains(text, ":") || shorthand.MatchString(text) || l.whole && !strings.ContainsRune(text, 0)
		return c
	}
	if !l.whole {
		return c
	}
	text, query, has := strings.Cut(text, "?")
	switch {
	case self && fullCommit(query):
		l.commit = strings.TrimPrefix(query, "ref=")
		return c
	case self:
		l.fixed = "it is this repository itself, at a commit that its files do not tell"
	case has:
		l.fixed = "it is a path with a query"
	}
	c.Target, c.Problem = t.g.resolve(".", t.join(dir, text))
	return c
}

// shorthand matches the addresses that go-getter takes for git without being
// told.
var shorthand = regexp.MustCompile(`^(github\.com|gitlab\.com|bitbucket\.org)/`)

func fullCommit(query string) bool {
	ref, ok := strings.CutPrefix(query, "ref=")
	return ok && len(ref) == 40 && strings.Trim(ref, "0123456789abcdef") == ""
}

// isPath reports whether terragrunt takes text for a path. It also takes one
// without ./ at its front; what is no directory may be anything.
func (t *terragruntTree) isPath(dir, text string) bool {
	if rest, ok := strings.CutPrefix(text, repoMark); ok {
		return (rest == "" || rest[0] == '/') && !strings.ContainsRune(rest, 0)
	}
	text, _, _ = strings.Cut(text, "?")
	if strings.ContainsRune(text, 0) || text == "" || text[0] == '/' || strings.Contains(text, ":") {
		return false
	}
	return isLocal(text) || t.g.dirs[t.join(dir, text)]
}

// join is the path of the tree that text means from dir. Of // terragrunt
// copies what stands before it, and runs in what stands behind it.
func (t *terragruntTree) join(dir, text string) string {
	text, _, _ = strings.Cut(text, "?")
	if rest, ok := strings.CutPrefix(text, repoMark); ok {
		return path.Join(".", strings.TrimLeft(rest, "/"))
	}
	return path.Join(dir, text)
}

// named returns the packages that a source which is not rewritten may lead
// to: those in the directory that its known beginning names, and those whose
// path ends as one of its texts.
func (l *lead) named(g *Graph, b *Borders, dir string) []string {
	found := map[string]bool{}
	if l.remote {
		return nil
	}
	if t := (&terragruntTree{g: g}); !l.whole && t.isPath(dir, l.text) {
		known := l.text[:strings.LastIndexByte(l.text, '/')+1]
		if at, ok := g.Follow(t.join(dir, known)); ok && at != "." && !Within(dir, at) {
			for _, p := range b.Roots() {
				if Within(p, at) {
					found[p] = true
				}
			}
		}
	}
	for _, piece := range l.pieces {
		piece, _, _ = strings.Cut(piece, "?")
		var segments []string
		for _, s := range strings.Split(piece, "/") {
			if s != "" && s != "." && s != ".." && s != "git::" {
				segments = append(segments, s)
			}
		}
		if len(segments) == 0 {
			continue
		}
		for _, p := range b.named(segments[len(segments)-1]) {
			if endsAlike(strings.Split(p, "/"), segments) {
				found[b.Of(p)] = true
			}
		}
	}
	return keys(found)
}

// endsAlike reports whether the shorter list is the end of the longer one.
func endsAlike(a, b []string) bool {
	for i := 1; i <= min(len(a), len(b)); i++ {
		if a[len(a)-i] != b[len(b)-i] {
			return false
		}
	}
	return true
}

// terragruntHazards are those of the terragrunt sources that nobody rewrites:
// a module that one of them may lead to stays.
func (g *Graph) terragruntHazards(b *Borders) []Hazard {
	var out []Hazard
	stay := func(h Hazard, packages []string, why string) {
		for _, p := range packages {
			h.ID, h.Severity, h.Dir, h.Unproved = "computed-source", Block, p, false
			h.Summary = "the terragrunt source may lead to " + p + ", and is not rewritten: " + why
			out = append(out, h)
		}
	}
	for _, c := range g.Calls {
		if c.Terragrunt == nil {
			continue
		}
		l := c.lead
		h := Hazard{File: c.File().Path, Line: c.Line(), Dir: c.Dir}
		switch {
		case l.remote:
		case l.commit != "":
			h.ID, h.Severity, h.Unproved = "own-commit", Warn, true
			h.Summary = "terragrunt runs commit " + l.commit + " of this repository itself: it goes on working where that commit is kept"
			out = append(out, h)
		case c.Problem != ProblemNone:
			out = append(out, problemHazard(h, c, strings.ReplaceAll(l.text, repoMark, "")))
			stay(h, l.named(g, b, c.Dir), "it leads to no configuration")
		case c.Target != "" && b.Of(c.Target) != "" && l.fixed != "":
			stay(h, []string{b.Of(c.Target)}, l.fixed)
		case c.Target == "":
			h.ID, h.Severity, h.Unproved = "computed-source", Warn, true
			h.Summary = "the terragrunt source is computed: where it leads is not known, and it is not rewritten"
			out = append(out, h)
			stay(h, l.named(g, b, c.Dir), "it is computed")
		}
	}
	for _, u := range g.terragrunt.units {
		for _, in := range u.includes {
			// What is outside the tree, such as an absolute path, is unknown too.
			if in.file == nil && len(u.sources) == 0 {
				out = append(out, Hazard{ID: "computed-source", Severity: Warn, File: u.Path, Line: in.expr.Range().Start.Line, Dir: path.Dir(u.Path), Unproved: true,
					Summary: "the included file is not known, and it may have the terragrunt source"})
			}
		}
	}
	for _, f := range g.terragrunt.loose {
		for _, s := range f.sources {
			c := g.terragrunt.call(path.Dir(f.Path), s, g.terragrunt.scope(f, nil))
			h := Hazard{File: f.Path, Line: s.Range.Start.Line}
			stay(h, c.lead.named(g, b, c.Dir), "nothing is known to include this file")
		}
	}
	return out
}

// isFile reports whether the tree has a regular file at p.
func (g *Graph) isFile(p string) bool {
	i := sort.Search(len(g.Tree.Entries), func(i int) bool { return g.Tree.Entries[i].Path >= p })
	return i < len(g.Tree.Entries) && g.Tree.Entries[i].Path == p && g.Tree.Entries[i].Mode == 0
}
