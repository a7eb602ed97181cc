package modules

import (
	"fmt"
	"path"
	"strings"
)

// hiddenHazards names the files of a package that begin with a dot, or stand
// in a directory that does, and that its configuration reads, where a stack
// calls the package twice. Terraform clones a package once; the second call
// gets a copy, and that leaves out every such name.
func (g *Graph) hiddenHazards(b *Borders, closures map[Owner]*Closure) []Hazard {
	var out []Hazard
	var twice map[string]bool
	for _, r := range g.Reaches() {
		key := b.Of(r.Dir)
		if key == "" || r.Outside || !r.Whole || b.Of(r.Path) != key || r.Path == r.Dir || g.example(r.Dir) {
			continue
		}
		file := g.hiddenAt(r.Path, closures[Owner{Package: key}].Root)
		if file == "" {
			continue
		}
		if twice == nil {
			twice = g.calledTwice(b)
		}
		if twice[key] {
			out = append(out, Hazard{ID: "hidden-file", Severity: Warn, File: r.File, Line: r.Line, Dir: r.Dir, Unproved: true,
				Summary: fmt.Sprintf("%s leads to %s, which a second call of the package in one stack does not get: terraform copies no name that begins with a dot", r.Expr, file)})
		}
	}
	return out
}

// hiddenAt returns the first entry at p or below whose path from root has a
// name that begins with a dot, "" for none.
func (g *Graph) hiddenAt(p, root string) string {
	hidden := func(p string) bool {
		sub := below(p, root)
		return strings.HasPrefix(sub, ".") || strings.Contains(sub, "/.")
	}
	if _, ok := g.entry(p); ok && hidden(p) {
		return p
	}
	for _, e := range g.entriesBelow(p) {
		if hidden(e.Path) && path.Base(e.Path) != ".gitattributes" {
			return e.Path
		}
	}
	return ""
}

// calledTwice returns the packages that some stack loads by more than one call.
func (g *Graph) calledTwice(b *Borders) map[string]bool {
	calls := map[string][]*Call{}
	for _, c := range g.Calls {
		if c.Call != nil && c.Problem == ProblemNone && c.Target != "" {
			calls[c.Dir] = append(calls[c.Dir], c)
		}
	}
	twice := map[string]bool{}
	for _, d := range g.Sorted() {
		if !runs(d) {
			continue
		}
		visits, uses := map[string]int{}, map[string]int{}
		todo := []string{d.Path}
		for len(todo) > 0 {
			dir := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if visits[dir]++; visits[dir] > 2 { // a third says nothing new
				continue
			}
			for _, c := range calls[dir] {
				if key := b.Of(c.Target); key != "" && key != b.Of(dir) {
					uses[key]++
					twice[key] = twice[key] || uses[key] > 1
				}
				todo = append(todo, c.Target)
			}
		}
	}
	return twice
}
