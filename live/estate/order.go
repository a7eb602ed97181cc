package estate

import (
	"container/heap"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Upstream are the direct edges to a unit, by From. Those of environments lead
// from every unit of the ones before, past environments that have no unit.
func (e *Estate) Upstream(u *Unit) []Edge {
	out := slices.Clone(e.edges[u])
	if u.Environment == "" {
		return out
	}
	for _, b := range e.before(u.Environment) {
		for _, from := range e.members[b.name] {
			out = append(out, Edge{From: from, To: u, Kind: "environment", File: b.file, Line: b.line, Detail: b.detail})
		}
	}
	slices.SortStableFunc(out, func(a, b Edge) int { return strings.Compare(a.From.Name(), b.From.Name()) })
	return out
}

// Own are the direct edges to a unit without those of environments, by From.
func (e *Estate) Own(u *Unit) []Edge { return slices.Clone(e.edges[u]) }

// Ahead is an environment that another one comes directly after: all of its units
// are upstream of all of the other's.
type Ahead struct {
	Environment  string
	Units        int // that it has
	File, Detail string
	Line         int
}

// Ahead are the environments with units that come directly before one, past those
// that have none. It is what Upstream says of environments in few words.
func (e *Estate) Ahead(environment string) []Ahead {
	if environment == "" {
		return nil
	}
	var out []Ahead
	for _, b := range e.before(environment) {
		out = append(out, Ahead{b.name, len(e.members[b.name]), b.file, b.detail, b.line})
	}
	slices.SortFunc(out, func(a, b Ahead) int { return strings.Compare(a.Environment, b.Environment) })
	return out
}

type before struct {
	name, file, detail string
	line               int
}

// before are the environments with units that come directly before one.
func (e *Estate) before(name string) []before {
	seen := map[string]bool{name: true}
	var out []before
	var visit func(at string)
	visit = func(at string) {
		env := e.orders[at]
		for _, a := range env.After {
			if seen[a] {
				continue
			}
			seen[a] = true
			if len(e.members[a]) == 0 {
				visit(a)
				continue
			}
			out = append(out, before{a, env.File, fmt.Sprintf("environment %q comes after %q", name, a), env.Line})
		}
	}
	visit(name)
	return out
}

// A step is a unit or, where unit is nil, a gate: what all units of an
// environment lead to and those after it come from. With it the order of two
// environments of a thousand units each is two thousand edges, not a million.
type step struct {
	unit       *Unit
	name       string
	ahead      int // of them not yet taken
	next, prev []*step
}

// steps are the units and gates with what leads from one to the next.
func (e *Estate) steps() (all []*step, of map[*Unit]*step) {
	of = make(map[*Unit]*step, len(e.Units))
	for _, u := range e.Units {
		s := &step{unit: u, name: u.Name()}
		of[u] = s
		all = append(all, s)
	}
	link := func(from, to *step) {
		from.next, to.prev = append(from.next, to), append(to.prev, from)
	}
	for _, x := range e.Edges {
		if x.From != x.To {
			link(of[x.From], of[x.To])
		}
	}
	gates := map[string]*step{}
	for _, name := range slices.Sorted(maps.Keys(e.orders)) {
		if len(e.members[name]) == 0 {
			continue
		}
		for _, b := range e.before(name) {
			g := gates[b.name]
			if g == nil {
				g = &step{}
				gates[b.name] = g
				all = append(all, g)
				for _, u := range e.members[b.name] {
					link(of[u], g)
				}
			}
			for _, u := range e.members[name] {
				link(g, of[u])
			}
		}
	}
	return all, of
}

// Order is upstream first, by name among equals. Where there is a cycle the error
// is a *CycleError.
func (e *Estate) Order() ([]*Unit, error) { return e.OrderOf(e.Units) }

// OrderOf is the order of some units of the estate, also where what is between
// two of them is not among them. A cycle that none of that is in is no error.
func (e *Estate) OrderOf(units []*Unit) ([]*Unit, error) {
	all, of := e.steps()
	reach := func(next func(*step) []*step) map[*step]bool {
		seen := make(map[*step]bool, len(all))
		var list []*step
		for _, u := range units {
			seen[of[u]] = true
			list = append(list, of[u])
		}
		for i := 0; i < len(list); i++ {
			for _, n := range next(list[i]) {
				if !seen[n] {
					seen[n] = true
					list = append(list, n)
				}
			}
		}
		return seen
	}
	// What counts lies behind one of them and before one of them.
	behind := reach(func(s *step) []*step { return s.next })
	keep := reach(func(s *step) []*step { return s.prev })
	for s := range keep {
		if !behind[s] {
			delete(keep, s)
		}
	}
	ready := &byName{}
	// Gates have no name, and so are taken first: what waits for one alone is
	// ready at once.
	for _, s := range all {
		if !keep[s] {
			continue
		}
		for _, p := range s.prev {
			if keep[p] {
				s.ahead++
			}
		}
		if s.ahead == 0 {
			heap.Push(ready, s)
		}
	}
	wanted := make(map[*Unit]bool, len(units))
	for _, u := range units {
		wanted[u] = true
	}
	out, taken := make([]*Unit, 0, len(units)), 0
	for ready.Len() > 0 {
		s := heap.Pop(ready).(*step)
		if taken++; wanted[s.unit] {
			out = append(out, s.unit)
		}
		for _, n := range s.next {
			if !keep[n] {
				continue
			}
			if n.ahead--; n.ahead == 0 {
				heap.Push(ready, n)
			}
		}
	}
	if taken == len(keep) {
		return out, nil
	}
	left := map[*Unit]bool{}
	for s := range keep {
		if s.ahead > 0 && s.unit != nil {
			left[s.unit] = true
		}
	}
	return nil, &CycleError{Ring: e.ring(left)}
}

// ring finds a circle among units of which each waits for another of them.
func (e *Estate) ring(left map[*Unit]bool) []Edge {
	// Each has one that it waits for: who follows them comes to one again.
	var at *Unit
	for _, u := range e.Units {
		if left[u] {
			at = u
			break
		}
	}
	up := func(u *Unit) Edge {
		for _, x := range e.Upstream(u) {
			if left[x.From] && x.From != u {
				return x
			}
		}
		return Edge{From: u, To: u}
	}
	seen := map[*Unit]int{}
	var way []Edge
	for {
		if i, ok := seen[at]; ok {
			way = way[i:]
			break
		}
		seen[at] = len(way)
		x := up(at)
		way = append(way, x)
		at = x.From
	}
	slices.Reverse(way) // each To is the next one's From
	first := 0
	for i, x := range way {
		if x.From.Name() < way[first].From.Name() {
			first = i
		}
	}
	return append(slices.Clone(way[first:]), way[:first]...)
}

// A CycleError is a ring: each edge's To is the next one's From, and the last
// one's To the first one's From.
type CycleError struct{ Ring []Edge }

func (e *CycleError) Error() string {
	var b strings.Builder
	b.WriteString("stacks wait for each other in a circle:")
	for _, x := range e.Ring {
		fmt.Fprintf(&b, "\n  %s comes after %s: %s", x.To.Name(), x.From.Name(), x.Reason())
	}
	b.WriteString("\nhint: take one of these away; a value can come from a variable in the place of a remote state.")
	return b.String()
}

// Reason says in a few words why there is an edge, and where that is written.
func (x Edge) Reason() string {
	text := x.Detail
	if x.Kind == "remote-state" {
		text = "reads its state by " + x.Detail
	}
	if x.File == "" {
		return text
	}
	return fmt.Sprintf("%s (%s:%d)", text, x.File, x.Line)
}

type byName []*step

func (h byName) Len() int           { return len(h) }
func (h byName) Less(i, j int) bool { return h[i].name < h[j].name }
func (h byName) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byName) Push(x any)        { *h = append(*h, x.(*step)) }
func (h *byName) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
