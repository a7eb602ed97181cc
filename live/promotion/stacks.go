package promotion

import (
	"cmp"
	"slices"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A reading is who calls what, of a work tree or of a commit.
type reading struct {
	set   *versions.Set
	graph *modules.Graph
	of    func(dir string) []string // environments

	byEnvironment map[string]*stacks
	byPlace       map[place][]string // directories of the calls that stand there
}

// stacks are those of one environment.
type stacks struct {
	all   []string            // sorted
	reach map[string][]string // by directory: those that reach it by local calls, sorted
}

type place struct {
	file, name string
	byte       int
}

func readingOf(c *Clone, set *versions.Set, graph *modules.Graph) *reading {
	return &reading{set: set, graph: graph, of: c.EnvironmentsOf}
}

// stacks finds the stacks of an environment.
func (r *reading) stacks(environment string) *stacks {
	if s := r.byEnvironment[environment]; s != nil {
		return s
	}
	s := &stacks{reach: map[string][]string{}}
	for _, d := range r.graph.Sorted() {
		stack := cmp.Or(r.graph.StackOf(d.Path), d.Path)
		switch {
		case !slices.Contains(r.of(stack), environment):
			continue
		case d.Role == modules.RoleExample || d.Role == modules.RoleSnippet || d.Role == modules.RoleSettings || d.Role == modules.RoleIgnore:
			continue
		case stack == d.Path && d.Role != modules.RoleStack && len(d.Callers) > 0:
			continue // a module: who calls it is the stack
		}
		s.all = append(s.all, stack)
		seen := map[string]bool{}
		for queue := []string{d.Path}; len(queue) > 0; queue = queue[1:] {
			dir := queue[0]
			if c := r.graph.Dirs[dir]; c != nil && !seen[dir] {
				seen[dir] = true
				s.reach[dir] = append(s.reach[dir], stack)
				queue = append(queue, c.Callees...)
			}
		}
	}
	slices.Sort(s.all)
	s.all = slices.Compact(s.all)
	for dir := range s.reach {
		slices.Sort(s.reach[dir])
		s.reach[dir] = slices.Compact(s.reach[dir])
	}
	if r.byEnvironment == nil {
		r.byEnvironment = map[string]*stacks{}
	}
	r.byEnvironment[environment] = s
	return s
}

// stacksOf are the stacks of an environment that make the calls, sorted: a file
// that several units include is one place.
func (r *reading) stacksOf(e *environment, uses []*versions.Use) []string {
	if r.byPlace == nil {
		r.byPlace = map[place][]string{}
		for _, c := range r.graph.Calls {
			at := placeOf(c)
			r.byPlace[at] = append(r.byPlace[at], c.Dir)
		}
	}
	var out []string
	for _, u := range uses {
		for _, dir := range append(r.byPlace[placeOf(u.Call.Call)], u.Call.Dir) {
			out = append(out, r.stacks(e.name).reach[dir]...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func placeOf(c *modules.Call) place {
	return place{cmp.Or(c.File().Real, c.File().Path), c.Name(), c.SourceRange().Start.Byte}
}

// uses are the environment's calls of a module, without those that only
// exempted stacks make; all of them where no other is left.
func (r *reading) uses(e *environment, m *versions.Module) []*versions.Use {
	i := slices.IndexFunc(r.set.Modules, func(o *versions.Module) bool { return o.ID == m.ID })
	if i < 0 {
		return nil
	}
	var all, left []*versions.Use
	for _, u := range r.set.Modules[i].Uses {
		if u.Environment != e.name {
			continue
		}
		all = append(all, u)
		by := r.stacksOf(e, []*versions.Use{u})
		if len(by) == 0 || slices.ContainsFunc(by, func(s string) bool { return !e.exempt[s] }) {
			left = append(left, u)
		}
	}
	if len(left) == 0 {
		return all
	}
	return left
}
