package modules

import (
	"path"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/terrier-iac/terrier/hclparse"
)

// A Reach is something in the tree that an expression leads to: a file, a
// directory with all that is in it, or everything whose path begins so.
type Reach struct {
	// Dir is the directory that the path is relative to: the one with the
	// expression, or for path.root and the working directory a stack that
	// calls it.
	Dir  string
	File string // which holds the expression
	Line int
	Expr string // as it is written, shortened
	Func string // the function that reads it; "" where it is a value
	// Path is where it leads, relative to the tree's root, its symlinks not
	// followed. Where Whole is false it is the beginning of the path that is
	// known, which may end inside a name; "" is then the root.
	Path  string
	Whole bool
	// Glob is a fileset's pattern below Path, "" for all.
	Glob string
	// Guess says that a variable's default leads there.
	Guess bool
	// Outside says that it leads out of the tree.
	Outside bool

	arg bool   // a text in a call of some function
	way string // from Dir, segment by segment
}

// Reaches returns what every directory reaches, inside itself and outside, by
// file and line. A path of which nothing is known is not among them.
func (g *Graph) Reaches() []Reach {
	var out []Reach
	for _, s := range g.sights() {
		if s.path == "" && !s.whole || s.base == baseName || path.IsAbs(s.path) && s.base == baseNone {
			continue
		}
		for _, dir := range g.basesOf(s) {
			out = append(out, s.reach(dir))
		}
	}
	out = append(out, g.terragrunt.reaches()...)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Dir+a.Path < b.Dir+b.Path
	})
	return out
}

// Outside returns what a module reads outside of its directory by path.module,
// which is a part of it wherever it is called from, by file and line. What is
// relative to the caller (path.root, a bare "../x") is not among them, nor is a
// path that may lead to the module itself, as one that begins above it and is
// not known further on. The module has to be loaded in full.
func Outside(m *hclparse.Module) []Reach {
	var out []Reach
	for _, s := range sightsOf(m) {
		if s.base != baseModule || s.fn == "" && !s.whole {
			continue
		}
		r := s.reach(m.Path)
		at := r.Place()
		if r.Outside || Within(at, m.Path) || Within(m.Path, at) {
			continue
		}
		out = append(out, r)
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].File != out[j].File {
			return out[i].File < out[j].File
		}
		return out[i].Line < out[j].Line
	})
	return out
}

// Place is the file, or the directory, that holds all that a reach leads to.
func (r Reach) Place() string {
	if r.Glob == "" {
		if r.Whole {
			return r.Path
		}
		return r.dir()
	}
	base, _ := doublestar.SplitPattern(path.Join(r.dir(), r.Glob))
	return base
}

// reach resolves a path that is relative to dir.
func (s sight) reach(dir string) Reach {
	r := Reach{Dir: dir, File: s.file, Line: s.line, Expr: s.expr, Func: s.fn, Whole: s.whole, Glob: s.glob, Guess: s.guess, arg: s.arg, way: strings.TrimPrefix(s.path+"/"+s.glob, "/")}
	r.Path = path.Join(dir, s.path)
	if !s.whole {
		// path.Join would take `..` and `.` at the end of what is known for
		// names that are whole.
		i := strings.LastIndexByte(s.path, '/') + 1
		r.Path = path.Join(dir, s.path[:i])
		switch {
		case s.base != baseNone && i == 0:
			r.Path += s.path // path.module itself, with a name that begins so beside it
		case r.Path == ".":
			r.Path = s.path[i:]
		default:
			r.Path += "/" + s.path[i:]
		}
	}
	r.Outside = outside(r.Path)
	return r
}

// Leaves reports whether the path goes through a directory outside of dir.
func (r Reach) Leaves(dir string) bool { return leaves(r.Dir, r.way, dir) }

// basesOf returns the directories that a path is relative to.
func (g *Graph) basesOf(s sight) []string {
	switch {
	case s.base == baseModule, runs(s.dir):
		return []string{s.dir.Path}
	case s.base == baseNone && s.fn == "":
		return nil // any text in a module: what it is relative to is not known
	}
	return g.rootsOf(s.dir.Path)
}

// runs reports whether terraform may be run in a directory, so that path.root
// and the working directory are its own.
func runs(d *Dir) bool {
	return d.Role == RoleStack || d.Role == RoleUndecided || d.Role == RoleExample
}

// rootsOf returns the directories that terraform may be run in and that load
// dir, sorted.
func (g *Graph) rootsOf(dir string) []string {
	if roots, ok := g.roots[dir]; ok {
		return roots
	}
	seen := map[string]bool{dir: true}
	list := []string{dir}
	var out []string
	for i := 0; i < len(list); i++ {
		if d := g.Dirs[list[i]]; d != nil {
			if runs(d) {
				out = append(out, d.Path)
			}
			for _, c := range d.Callers {
				if !seen[c] {
					seen[c] = true
					list = append(list, c)
				}
			}
		}
	}
	sort.Strings(out)
	if g.roots == nil {
		g.roots = map[string][]string{}
	}
	g.roots[dir] = out
	return out
}

// dir returns the directory that a reach names as a whole, or that the name
// it begins stands in.
func (r Reach) dir() string {
	if r.Whole {
		return r.Path
	}
	if i := strings.LastIndexByte(r.Path, '/'); i >= 0 {
		return r.Path[:i]
	}
	return "."
}

// covers reports whether a reach may lead to something in dir, or to dir.
func (r Reach) covers(dir string) bool {
	if r.Whole {
		return Within(dir, r.Path)
	}
	return strings.HasPrefix(dir+"/", r.Path) || dir == "." && r.Path == ""
}

// entries returns the paths that r leads to: files and symlinks.
func (g *Graph) entries(r Reach) []string {
	var out []string
	if r.Whole && r.Glob == "" {
		if e, ok := g.entry(r.Path); ok {
			if e.Mode == 0 || e.Target != "" {
				out = append(out, e.Path)
			}
			return out
		}
		if !g.dirs[r.Path] {
			return nil
		}
	}
	list := g.Tree.Entries
	glob := ""
	switch {
	case r.Glob != "":
		glob = path.Join(r.Path, r.Glob)
		if base, _ := doublestar.SplitPattern(glob); base != "." {
			list = g.entriesWith(base)
		}
	case !r.Whole:
		list = g.entriesWith(r.Path)
	case r.Path != ".":
		list = g.entriesBelow(r.Path)
	}
	for _, e := range list {
		if e.Mode != 0 && e.Target == "" {
			continue // a submodule has no bytes
		}
		if glob != "" {
			if ok, err := doublestar.Match(glob, e.Path); err != nil || !ok {
				continue
			}
		}
		out = append(out, e.Path)
	}
	return out
}
