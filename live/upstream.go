package live

import (
	"slices"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/store"
)

// An upstream knows what some units come after.
type upstream struct {
	estate *estate.Estate
	chosen map[*estate.Unit]bool
	// byEnvironment are the names of the chosen units of each environment, and
	// before the environments that one comes after, through others too.
	byEnvironment map[string][]string
	before        map[string][]string
}

// upstream prepares to tell what each of the units comes after.
func (o *Operation) upstream(units []*estate.Unit) *upstream {
	up := &upstream{estate: o.Estate, chosen: map[*estate.Unit]bool{}, byEnvironment: map[string][]string{}, before: map[string][]string{}}
	direct := map[string]map[string]bool{}
	// All units of an environment come after the same ones.
	for _, u := range o.Estate.Units {
		if direct[u.Environment] != nil {
			continue
		}
		direct[u.Environment] = map[string]bool{}
		for _, a := range o.Estate.Ahead(u.Environment) {
			direct[u.Environment][a.Environment] = true
		}
	}
	for name := range direct {
		seen := map[string]bool{name: true}
		for todo := []string{name}; len(todo) > 0; todo = todo[1:] {
			for next := range direct[todo[0]] {
				if !seen[next] {
					seen[next] = true
					todo = append(todo, next)
					up.before[name] = append(up.before[name], next)
				}
			}
		}
	}
	for _, u := range units {
		up.chosen[u] = true
		up.byEnvironment[u.Environment] = append(up.byEnvironment[u.Environment], u.Name())
	}
	return up
}

// of are the names of the units that u comes after, sorted: of those that are
// chosen the nearest, also where what is between is not, and those others whose
// state it reads, or that it is told to come after.
func (up *upstream) of(u *estate.Unit) []string {
	names := []string{}
	for _, env := range up.before[u.Environment] {
		names = append(names, up.byEnvironment[env]...)
	}
	seen := map[*estate.Unit]bool{u: true}
	for todo := []*estate.Unit{u}; len(todo) > 0; todo = todo[1:] {
		for _, e := range up.estate.Own(todo[0]) {
			if seen[e.From] {
				continue
			}
			seen[e.From] = true
			names = append(names, e.From.Name())
			if !up.chosen[e.From] {
				todo = append(todo, e.From)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// held says for each environment of the units what is left to apply in those
// before it, as far as they are not in the run themselves: "" for nothing.
func (o *Operation) held(run *store.Run, units []*estate.Unit) map[string]string {
	up := o.upstream(units)
	inRun := make(map[string]bool, len(run.Stacks))
	for _, st := range run.Stacks {
		inRun[st.Name] = true
	}
	of := map[string][]*estate.Unit{}
	for _, u := range o.Estate.Units {
		if !inRun[u.Name()] {
			of[u.Environment] = append(of[u.Environment], u)
		}
	}
	out := map[string]string{}
	for env := range up.byEnvironment {
		before := slices.Clone(up.before[env])
		slices.Sort(before)
		for _, b := range before {
			for _, u := range of[b] {
				if why := o.pending(u.Name()); why != "" && out[env] == "" {
					out[env] = why
				}
			}
		}
	}
	return out
}
