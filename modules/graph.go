// Package modules knows who uses which module: the graph of a tree of
// Terraform configuration, the role of each directory in it, and the hazards
// that stand in the way of moving a module out.
//
// It reads what hclparse loaded. It does not know git history, where a module
// goes, or how a file is rewritten.
package modules

import (
	"io/fs"
	"path"
	"sort"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
)

// Role is what a directory of configuration is for.
type Role string

const (
	RoleStack     Role = "stack"     // a root module: plan and apply run here
	RoleModule    Role = "module"    // called by others
	RolePrivate   Role = "private"   // called only from inside its own stack
	RoleExample   Role = "example"   // below examples/, tests/ or fixtures/
	RoleOrphan    Role = "orphan"    // uncalled, below a modules/ directory
	RoleSnippet   Role = "snippet"   // holds only files that others symlink to
	RoleSettings  Role = "settings"  // a terragrunt.hcl without a source: included by others
	RoleUndecided Role = "undecided" // no rule tells
	RoleIgnore    Role = "ignore"    // the configuration says to leave it where it is
)

// A Dir is one directory with configuration.
type Dir struct {
	Path    string
	Config  *hclparse.Module
	Role    Role
	Rule    string   // which rule decided: "R1" … "R9", or "config"
	Callers []string // directories that call it, sorted, without repeats
	Callees []string // directories that it calls, sorted, without repeats
	Backend string   // type of its backend; "cloud"; "" where there is none
}

// A Call is one module call, or one terragrunt source, seen from the graph.
type Call struct {
	Dir  string         // the calling directory
	Call *hclparse.Call // nil for a terragrunt source
	// Terragrunt is the terragrunt source; nil for a module call.
	Terragrunt *hclparse.TerragruntSource
	// Target is the directory that a local source leads to, relative to the
	// tree's root. "" for other kinds, and where it leaves the tree.
	Target string
	// Problem says what is wrong with a local source.
	Problem Problem

	lead *lead // of a terragrunt source
}

// Problem says why a local source leads nowhere.
type Problem string

const (
	ProblemNone     Problem = ""
	ProblemDangling Problem = "dangling" // no configuration at the target
	ProblemOutside  Problem = "outside"  // the target is outside the tree
)

// Source returns the parsed source of the call.
func (c *Call) Source() hclparse.Source {
	if c.Terragrunt != nil {
		return c.Terragrunt.Source
	}
	return c.Call.Source
}

// File returns the file that holds the call.
func (c *Call) File() *hclparse.File {
	if c.Terragrunt != nil {
		return c.Terragrunt.File
	}
	return c.Call.File
}

// SourceRange returns the bytes of the call's source: the literal with its
// quotes or, of a terragrunt source, the expression.
func (c *Call) SourceRange() hcl.Range {
	if c.Terragrunt != nil {
		return c.Terragrunt.Range
	}
	return c.Call.SourceRange
}

// Raw returns the source as the file has it: the text of a literal, else the
// expression.
func (c *Call) Raw() string {
	switch r := c.SourceRange(); {
	case c.Terragrunt == nil:
		return c.Call.Raw
	case c.Terragrunt.Static:
		return c.Terragrunt.Raw
	default:
		return string(r.SliceBytes(c.File().Bytes))
	}
}

// Name returns the module block's name, "terraform" for a terragrunt source.
func (c *Call) Name() string {
	if c.Terragrunt != nil {
		return "terraform"
	}
	return c.Call.Name
}

// Local reports whether the call's source is a path of the tree that an edit
// may replace as a whole.
func (c *Call) Local() bool {
	if c.Terragrunt != nil {
		return c.Target != "" && c.lead.fixed == ""
	}
	return c.Call.HasSource && c.Call.Static && c.Call.Source.Kind == hclparse.KindLocal
}

// Line returns the line of the call's source, or of its block where it has
// none.
func (c *Call) Line() int {
	if c.Terragrunt != nil {
		return c.Terragrunt.Range.Start.Line
	}
	if c.Call.HasSource {
		return c.Call.SourceRange.Start.Line
	}
	return c.Call.Block.Start.Line
}

// A Graph is the tree with every call resolved and every directory's role
// decided.
type Graph struct {
	Tree *hclparse.Tree
	Dirs map[string]*Dir
	// Calls are all calls, by file and position.
	Calls []*Call
	// Cycles are the groups of directories that call each other in a circle,
	// each sorted.
	Cycles [][]string
	// Library says that there is no stack anywhere (rule R7).
	Library bool

	links      map[string]string
	dirs       map[string]bool
	terragrunt *terragruntTree
	found      map[string][]sight  // by directory, where Load looked already
	seen       []sight             // see sights
	roots      map[string][]string // see rootsOf

	namesMu sync.Mutex
	names   map[dirNames]directoryNames // see Address
}

// RoleOf lets a configuration decide a directory's role; "" leaves it to the
// rules.
type RoleOf func(dir string) Role

// Load reads the tree of fsys into a graph. Its modules have no syntax trees
// any more (hclparse.Module.Forget): what the graph needs of a directory's is
// taken when that is read, since together they would be most of the memory of
// a run. What does not parse is a hazard.
func Load(fsys fs.FS, roleOf RoleOf) *Graph {
	var mu sync.Mutex
	found := map[string][]sight{}
	tree, _ := hclparse.LoadEach(fsys, func(m *hclparse.Module) {
		sights := sightsOf(m)
		m.Forget()
		mu.Lock()
		defer mu.Unlock()
		found[m.Path] = sights
	})
	g := NewGraph(tree, roleOf)
	g.found = found
	return g
}

// NewGraph resolves every call of the tree and decides the roles by the rules
// R1 to R9 (docs: HAZARDS.md, "What is a stack, what is a module"). A tree of
// hclparse.LoadCalls is enough for that, and for Address; not for hazards.
func NewGraph(t *hclparse.Tree, roleOf RoleOf) *Graph {
	g := &Graph{Tree: t, Dirs: map[string]*Dir{}, links: map[string]string{}, dirs: map[string]bool{".": true}}
	for _, e := range t.Entries {
		if e.Target != "" {
			g.links[e.Path] = e.Target
		}
		for d := path.Dir(e.Path); !g.dirs[d]; d = path.Dir(d) {
			g.dirs[d] = true
		}
	}
	for p, m := range t.Modules {
		d := &Dir{Path: p, Config: m}
		if len(m.Backends) > 0 {
			d.Backend = m.Backends[0].Type
		}
		g.Dirs[p] = d
	}
	g.resolveCalls()
	g.decideRoles(roleOf)
	var nodes []string
	for _, d := range g.Sorted() {
		nodes = append(nodes, d.Path)
	}
	g.Cycles = circles(nodes, func(p string) []string { return g.Dirs[p].Callees })
	return g
}

// Sorted returns the directories by path.
func (g *Graph) Sorted() []*Dir {
	out := make([]*Dir, 0, len(g.Dirs))
	for _, d := range g.Dirs {
		out = append(out, d)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}

func (g *Graph) resolveCalls() {
	for _, d := range g.Sorted() {
		for _, c := range d.Config.Calls {
			gc := &Call{Dir: d.Path, Call: c}
			if c.HasSource && c.Static && c.Source.Kind == hclparse.KindLocal {
				gc.Target, gc.Problem = g.resolve(d.Path, c.Source.Path)
			}
			g.Calls = append(g.Calls, gc)
		}
	}
	g.terragrunt = g.readTerragrunt()
	g.Calls = append(g.Calls, g.terragrunt.calls()...)
	sort.SliceStable(g.Calls, func(i, j int) bool {
		a, b := g.Calls[i], g.Calls[j]
		if a.File().Path != b.File().Path {
			return a.File().Path < b.File().Path
		}
		return a.Line() < b.Line()
	})
	callers, callees := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, c := range g.Calls {
		if c.Target == "" || c.Problem != ProblemNone || c.Terragrunt != nil && c.Target == c.Dir {
			continue // a terragrunt unit may run its own directory
		}
		add(callers, c.Target, c.Dir)
		add(callees, c.Dir, c.Target)
	}
	for p, d := range g.Dirs {
		d.Callers, d.Callees = keys(callers[p]), keys(callees[p])
	}
}

func isLocal(s string) bool {
	return s == "." || s == ".." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../")
}

func add(m map[string]map[string]bool, k, v string) {
	if m[k] == nil {
		m[k] = map[string]bool{}
	}
	m[k][v] = true
}

func keys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// resolve follows a relative path from dir, through the tree's symlinks, to a
// directory with configuration.
func (g *Graph) resolve(dir, rel string) (string, Problem) {
	p, ok := g.Follow(path.Join(dir, rel))
	switch {
	case !ok:
		return "", ProblemOutside
	case g.Dirs[p] == nil || !hasTerraform(g.Dirs[p].Config):
		return p, ProblemDangling
	}
	return p, ProblemNone
}

// IsDir reports whether the tree has a directory at p.
func (g *Graph) IsDir(p string) bool { return g.dirs[p] }

func hasTerraform(m *hclparse.Module) bool {
	for _, f := range m.Files {
		if f.Syntax != hclparse.Terragrunt {
			return true
		}
	}
	return false
}

// Within reports whether p is dir or stands below it.
func Within(p, dir string) bool {
	return dir == "." || p == dir || strings.HasPrefix(p, dir) && len(p) > len(dir) && p[len(dir)] == '/'
}

// circles finds the strongly connected components with more than one member,
// and nodes that lead to themselves (Tarjan, without recursion's limits on
// depth: a chain of calls is as deep as the tree has directories). Each is
// sorted, and they are by their first member.
func circles(nodes []string, next func(string) []string) [][]string {
	index, low := map[string]int{}, map[string]int{}
	onStack := map[string]bool{}
	var stack []string
	var out [][]string
	type frame struct {
		node string
		next []string
		i    int
	}
	enter := func(n string) *frame {
		index[n], low[n] = len(index), len(index)
		stack = append(stack, n)
		onStack[n] = true
		return &frame{node: n, next: next(n)}
	}
	for _, start := range nodes {
		if _, seen := index[start]; seen {
			continue
		}
		work := []*frame{enter(start)}
		for len(work) > 0 {
			f := work[len(work)-1]
			if f.i < len(f.next) {
				to := f.next[f.i]
				f.i++
				if _, seen := index[to]; !seen {
					work = append(work, enter(to))
				} else if onStack[to] {
					low[f.node] = min(low[f.node], index[to])
				}
				continue
			}
			if low[f.node] == index[f.node] {
				var group []string
				for {
					top := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					onStack[top] = false
					group = append(group, top)
					if top == f.node {
						break
					}
				}
				if len(group) > 1 || contains(f.next, f.node) {
					sort.Strings(group)
					out = append(out, group)
				}
			}
			work = work[:len(work)-1]
			if len(work) > 0 {
				above := work[len(work)-1].node
				low[above] = min(low[above], low[f.node])
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i][0] < out[j][0] })
	return out
}

func contains(list []string, s string) bool {
	i := sort.SearchStrings(list, s)
	return i < len(list) && list[i] == s
}
