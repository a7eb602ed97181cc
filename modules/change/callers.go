package change

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// A Called is a call of a module, or of a submodule of it.
type Called struct {
	*modules.Call
	// Sub is the directory that it calls, relative to the module's: ".",
	// "modules/x".
	Sub string
}

// SubmoduleOf says which directory of a module a source is of, relative to it;
// ok is false for one that is of another module, or of a directory above.
func SubmoduleOf(source, module hclparse.Source) (sub string, ok bool) {
	id := modules.RepositoryIdentity(source)
	root, dir := path.Clean("./"+module.Subdir), path.Clean("./"+source.Subdir)
	if id == "" || id != modules.RepositoryIdentity(module) || !modules.Within(dir, root) {
		return "", false
	}
	return relative(dir, root), true
}

// Callers reads the calling directories of a graph, each once however many
// modules are looked at. It may not be used by several goroutines at a time.
type Callers struct {
	graph  *modules.Graph
	loaded map[string]*hclparse.Module
}

// NewCallers looks at the calls of a graph. Their files are read again, from
// the graph's tree.
func NewCallers(g *modules.Graph) *Callers {
	return &Callers{graph: g, loaded: map[string]*hclparse.Module{}}
}

// Breaks says which of the calls of a module break where they go from one
// version of it to the other, by file and line; see the function of that name
// for what is told. A call that stands for several places is looked at once.
// unread are the files of the calling directories that do not parse, sorted:
// what those read of the module is not known.
func (c *Callers) Breaks(calls []Called, old, new *Version) (breaks []Break, unread []string) {
	type key struct {
		dir, name  string
		terragrunt bool
	}
	seen := map[key]bool{}
	dirs := map[string]bool{}
	for _, call := range calls {
		m, ok := c.loaded[call.Dir]
		if !ok {
			m = c.graph.Tree.Reload(call.Dir)
			c.loaded[call.Dir] = m
		}
		if m == nil {
			continue
		}
		if !dirs[call.Dir] {
			dirs[call.Dir] = true
			for _, f := range m.Files {
				if f.Broken() {
					unread = append(unread, f.Path)
				}
			}
		}
		k := key{call.Dir, call.Name(), call.Terragrunt != nil}
		if !seen[k] {
			seen[k] = true
			breaks = append(breaks, callBreaks(call, m, old, new)...)
		}
	}
	slices.Sort(unread)
	return SortBreaks(breaks), slices.Compact(unread)
}

// SortBreaks sorts by file, line and summary, and drops repeats.
func SortBreaks(breaks []Break) []Break {
	slices.SortFunc(breaks, func(a, b Break) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Summary, b.Summary))
	})
	return slices.Compact(breaks)
}

func callBreaks(c Called, caller *hclparse.Module, from, to *Version) []Break {
	old, new := from.Modules[c.Sub], to.Modules[c.Sub]
	if old == nil {
		return nil // it could not be called before
	}
	if new == nil {
		what, now := "the submodule "+c.Sub, "gone"
		if c.Sub == "." {
			what = "the module itself"
		} else if dir := Renamed(from, to)[c.Sub]; dir != "" {
			now = "now " + dir
		}
		return []Break{{File: c.File().Path, Line: c.Line(), Call: c.Name(), Summary: fmt.Sprintf("module %q calls %s, which is %s", c.Name(), what, now)}}
	}
	if c.Terragrunt != nil {
		return InputBreaks(caller, old, new)
	}
	for _, tofu := range []bool{false, true} {
		for _, call := range caller.Effective(tofu) {
			if call.Name == c.Name() {
				return Breaks(caller, call, old, new)
			}
		}
	}
	return nil
}
