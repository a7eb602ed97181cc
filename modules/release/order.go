package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrCycle says that modules depend on each other in a circle.
var ErrCycle = errors.New("call each other in a circle")

// After are the modules that use the given ones, through others as well, the
// given ones included, in the order in which they are released: what is used
// first, of equals by name. uses are the modules that each one uses.
//
// Modules that use each other in a circle have no such order; that is an error
// that shows the circle and wraps ErrCycle.
func After(given []string, uses map[string][]string) ([]string, error) {
	usedBy := map[string][]string{}
	for m, all := range uses {
		for _, u := range all {
			if u != m {
				usedBy[u] = append(usedBy[u], m)
			}
		}
	}
	in := map[string]bool{}
	for queue := slices.Clone(given); len(queue) > 0; queue = queue[1:] {
		if m := queue[0]; !in[m] {
			in[m] = true
			queue = append(queue, usedBy[m]...)
		}
	}
	return Order(in, uses)
}

// Order puts modules in the order in which they are released: see After.
func Order(in map[string]bool, uses map[string][]string) ([]string, error) {
	var names []string
	for m := range in {
		names = append(names, m)
	}
	slices.Sort(names)
	const visiting, done = 1, 2
	state := map[string]int{}
	var out, path []string
	var visit func(m string) error
	visit = func(m string) error {
		switch state[m] {
		case done:
			return nil
		case visiting:
			circle := append(slices.Clone(path[slices.Index(path, m):]), m)
			return fmt.Errorf("%s %w: there is no order to release them in\nhint: release one of them alone, with --dependents=false", strings.Join(circle, " → "), ErrCycle)
		}
		state[m] = visiting
		path = append(path, m)
		needs := slices.Clone(uses[m])
		slices.Sort(needs)
		for _, u := range needs {
			if in[u] && u != m {
				if err := visit(u); err != nil {
					return err
				}
			}
		}
		path = path[:len(path)-1]
		state[m] = done
		out = append(out, m)
		return nil
	}
	for _, m := range names {
		if err := visit(m); err != nil {
			return nil, err
		}
	}
	return out, nil
}
