package estate

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// Files finds what units are made of. Its methods may be called at the same time.
type Files struct {
	graph  *modules.Graph
	stacks map[string]bool
	calls  map[string][]*modules.Call // by directory

	mu   sync.Mutex
	done map[string][]string // by stack
}

// NewFiles is for the units of an estate and the graph that it was discovered
// in.
func NewFiles(g *modules.Graph, e *Estate) *Files {
	return &Files{graph: g, stacks: stacksOf(e), calls: callsOf(g), done: map[string][]string{}}
}

// Of are the files that a unit is made of, beside the modules from elsewhere, as
// Changed sees it: those of its directory, without the stacks inside, and of the
// local modules that it calls, directly or through others; those that these read
// outside of themselves, or that a symlink leads to; and the var files and
// backend_config files of its environment. They are paths from the root, sorted,
// each a file that can be read.
//
// What terraform and terrier write is not among them (see Own). What git ignores
// is in no graph, so that it counts only where a function reads it (file,
// templatefile, filebase64sha256 …) or the environment names it: what a build
// leaves beside a configuration changes no plan, and what a function reads does.
func (f *Files) Of(u *Unit) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	made, ok := f.done[u.Stack]
	if !ok {
		made = f.made(u.Stack)
		f.done[u.Stack] = made
	}
	out := slices.Clone(made)
	for _, p := range given(u) {
		out = f.add(out, p)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Dirs are the directories of a unit's own code: its stack's, and those of the
// local modules that it calls, sorted.
func (f *Files) Dirs(u *Unit) []string { return closureOf(f.graph, f.calls, u.Stack).dirs }

// made are the files of a stack, whatever its environment.
func (f *Files) made(stack string) []string {
	dirs := closureOf(f.graph, f.calls, stack).dirs
	var out []string
	for _, dir := range dirs {
		for _, p := range f.below(dir) {
			if !f.nested(p, dir) {
				out = f.add(out, p)
			}
		}
	}
	for _, r := range f.reaches(dirs) {
		if r.Outside || r.Dir != path.Dir(r.File) && !slices.Contains(dirs, r.Dir) {
			continue
		}
		switch {
		case r.Whole && r.Func != "":
			out = f.add(out, r.Place())
		case r.Whole:
			out = f.tracked(out, r.Place())
		case r.Func != "" && r.Path != "" && r.Path != ".":
			// A part of the path is known: all that begins so may be read.
			dir := path.Dir(r.Path)
			for _, p := range f.below(dir) {
				if strings.HasPrefix(p, r.Path) {
					out = f.add(out, p)
				}
			}
		}
	}
	return out
}

// add adds a path: a file, what a symlink leads to, or all that is in a
// directory. One that is not there is passed over: nothing can read it.
func (f *Files) add(out []string, p string) []string {
	to, ok := f.graph.Follow(p)
	if !ok {
		to = p // out of the tree, where there may be a file all the same
	}
	info, err := fs.Stat(f.graph.Tree.FS, to)
	switch {
	case err != nil || Own(p) || Own(to):
	case info.Mode().IsRegular():
		out = append(out, to)
		if to != p {
			out = append(out, p)
		}
	case info.IsDir():
		out = f.tracked(out, to)
	}
	return out
}

// tracked adds a path of the graph: a file, or all that is in a directory.
func (f *Files) tracked(out []string, p string) []string {
	for _, q := range f.below(p) {
		if info, err := fs.Stat(f.graph.Tree.FS, q); err == nil && info.Mode().IsRegular() && !Own(q) {
			out = append(out, q)
		}
	}
	return out
}

// below are the files and symlinks that are dir or stand in it.
func (f *Files) below(dir string) []string {
	entries := f.graph.Tree.Entries
	from, prefix := 0, ""
	if dir != "." {
		prefix = dir + "/"
		from, _ = slices.BinarySearchFunc(entries, dir, func(e hclparse.Entry, p string) int { return strings.Compare(e.Path, p) })
	}
	var out []string
	for _, e := range entries[from:] {
		if e.Path == dir || strings.HasPrefix(e.Path, prefix) {
			out = append(out, e.Path)
		} else if e.Path > prefix {
			break
		}
	}
	return out
}

func (f *Files) nested(p, dir string) bool { return nested(f.stacks, p, dir) }

// reaches are what expressions in some directories lead to.
func (f *Files) reaches(dirs []string) []modules.Reach {
	g := f.graph
	part := &hclparse.Tree{Modules: map[string]*hclparse.Module{}, Entries: g.Tree.Entries, FS: g.Tree.FS}
	for _, dir := range dirs {
		if m := g.Tree.Reload(dir); m != nil {
			part.Modules[dir] = m
		}
	}
	return modules.NewGraph(part, roleIn(g)).Reaches()
}

func roleIn(g *modules.Graph) func(dir string) modules.Role {
	return func(dir string) modules.Role {
		if d := g.Dirs[dir]; d != nil {
			return d.Role
		}
		return ""
	}
}

func stacksOf(e *Estate) map[string]bool {
	stacks := make(map[string]bool, len(e.Units))
	for _, u := range e.Units {
		stacks[u.Stack] = true
	}
	return stacks
}

func callsOf(g *modules.Graph) map[string][]*modules.Call {
	calls := map[string][]*modules.Call{}
	for _, call := range g.Calls {
		calls[call.Dir] = append(calls[call.Dir], call)
	}
	return calls
}

// reparsed is a tree whose directories dirs are parsed whole, not for calls alone.
func reparsed(g *modules.Graph, dirs map[string]bool) *hclparse.Tree {
	full := &hclparse.Tree{Modules: maps.Clone(g.Tree.Modules), Entries: g.Tree.Entries, FS: g.Tree.FS}
	for dir := range dirs {
		if m := g.Tree.Reload(dir); m != nil {
			full.Modules[dir] = m
		}
	}
	return full
}
