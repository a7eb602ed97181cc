package static

import (
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// mostRoots is how many root directories a tree keeps: syntax trees are large,
// and a root is looked at a few times one after the other.
const mostRoots = 8

// A Tree gives the directories of a graph, each parsed in full once. It may be
// used by several goroutines.
type Tree struct {
	g *modules.Graph

	mu    sync.Mutex
	dirs  map[dirKey]*directory
	roots []dirKey // of dirs, the oldest first

	once sync.Once
	auto map[string][]string // see VarFiles
}

type dirKey struct {
	dir  string
	tofu bool
}

// NewTree makes the tree of a graph; one of hclparse.LoadCalls is enough.
func NewTree(g *modules.Graph) *Tree { return &Tree{g: g, dirs: map[dirKey]*directory{}} }

// Graph is the graph that the tree was made of.
func (t *Tree) Graph() *modules.Graph { return t.g }

// A directory is one directory's configuration, its override files laid over.
type directory struct {
	m         *hclparse.Module
	tofu      bool
	calls     []*hclparse.Call
	locals    map[string]*named
	variables map[string]*variable
}

// A named expression. twice says that it is declared twice, which terraform
// refuses: then none of them counts.
type named struct {
	expr     hcl.Expression
	twice    bool
	override bool
}

func (t *Tree) directory(dir string, tofu, root bool) *directory {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := dirKey{dir, tofu}
	if d := t.dirs[key]; d != nil {
		return d
	}
	m := t.g.Tree.Reload(dir)
	if m == nil {
		m = &hclparse.Module{Path: dir}
	}
	d := readDirectory(m, tofu)
	t.dirs[key] = d
	if root {
		if t.roots = append(t.roots, key); len(t.roots) > mostRoots {
			delete(t.dirs, t.roots[0])
			t.roots = t.roots[1:]
		}
	}
	return d
}

func readDirectory(m *hclparse.Module, tofu bool) *directory {
	d := &directory{m: m, tofu: tofu, calls: m.Effective(tofu), locals: map[string]*named{}, variables: map[string]*variable{}}
	for _, override := range []bool{false, true} {
		for _, l := range m.Locals {
			if !d.counts(l.File) || l.File.Override != override {
				continue
			}
			old := d.locals[l.Name]
			d.locals[l.Name] = &named{expr: l.Expr, override: override, twice: old != nil && !override}
		}
		for _, v := range m.Variables {
			if !d.counts(v.File) || v.File.Override != override {
				continue
			}
			old := d.variables[v.Name]
			switch {
			case old == nil:
				d.variables[v.Name] = &variable{typ: v.Type, value: v.Default, nullable: v.Nullable}
			case !override:
				old.twice = true
			default:
				old.override(v)
			}
		}
	}
	return d
}

// counts reports whether a file is read at all.
func (d *directory) counts(f *hclparse.File) bool {
	if f.Tofu {
		return d.tofu
	}
	return !d.tofu || f.Twin == ""
}

// file is the file of a path of the directory.
func (d *directory) file(name string) *hclparse.File {
	for _, f := range d.m.Files {
		if f.Path == name {
			return f
		}
	}
	return nil
}

// exprAt is the source expression at a range; nil where it cannot be read again.
func (d *directory) exprAt(r hcl.Range) hcl.Expression {
	f := d.file(r.Filename)
	if f == nil || f.Body == nil {
		return nil
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return nil
	}
	for _, b := range body.Blocks {
		if a := b.Body.Attributes["source"]; b.Type == "module" && a != nil && a.Expr.Range() == r {
			return a.Expr
		}
	}
	return nil
}
