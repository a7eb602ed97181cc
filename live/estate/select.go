package estate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/bmatcuk/doublestar/v4"
)

// A Selection says which units are meant: those that meet all of what is given.
type Selection struct {
	Environments, Accounts []string            // names
	Stacks                 []string            // globs of Unit.Stack or Unit.Name
	Changed                map[string][]Reason // by Unit.Name, of Changed; nil for no such filter
}

// A Reason says why a unit is selected, or counts as changed.
type Reason struct {
	// Kind is "all", "environment", "account" or "stack" of a selection; "file",
	// "config", "module" or "unknown" of a change.
	Kind   string
	Path   string // a file from the root; "" where there is none
	Line   int    // 0 for the whole file
	Detail string // a sentence, or what matched
}

// Select returns the units that are meant, by name. An unknown name is an error
// with a suggestion, and so is a glob that matches no unit; that no unit meets all
// of what is given is none.
func (e *Estate) Select(s Selection) ([]*Unit, error) {
	s, err := e.checked(s)
	if err != nil {
		return nil, err
	}
	var out []*Unit
	for _, u := range e.Units {
		if e.why(s, u) != nil {
			out = append(out, u)
		}
	}
	return out, nil
}

// Why says why a selection means a unit; nil where it does not, or where Select
// has an error.
func (e *Estate) Why(s Selection, u *Unit) []Reason {
	s, err := cleaned(s)
	if err != nil {
		return nil
	}
	return e.why(s, u)
}

// cleaned is a selection whose globs are as they are matched.
func cleaned(s Selection) (Selection, error) {
	globs := make([]string, len(s.Stacks))
	for i, glob := range s.Stacks {
		clean, err := cleanGlob(glob)
		if err != nil {
			return s, fmt.Errorf("stack %q: %w", glob, err)
		}
		globs[i] = clean
	}
	s.Stacks = globs
	return s, nil
}

func (e *Estate) checked(s Selection) (Selection, error) {
	known := slices.Sorted(maps.Keys(e.orders))
	for _, name := range s.Environments {
		if _, ok := e.orders[name]; !ok {
			return s, fmt.Errorf("there is no environment %q%s", name, hint(name, known, "environments"))
		}
	}
	for _, name := range s.Accounts {
		if !slices.Contains(e.accounts, name) {
			return s, fmt.Errorf("there is no account %q%s", name, hint(name, e.accounts, "accounts that environments name"))
		}
	}
	clean, err := cleaned(s)
	if err != nil {
		return s, err
	}
	for i, glob := range clean.Stacks {
		if !slices.ContainsFunc(e.Units, func(u *Unit) bool { return matches(glob, u) }) {
			var names []string
			for _, u := range e.Units {
				names = append(names, u.Stack)
			}
			return s, fmt.Errorf("no stack matches %q%s", s.Stacks[i], suggest(glob, slices.Compact(names)))
		}
	}
	return clean, nil
}

func matches(glob string, u *Unit) bool {
	return glob == u.Stack || doublestar.MatchUnvalidated(glob, u.Stack) || u.Several && (glob == u.Name() || doublestar.MatchUnvalidated(glob, u.Name()))
}

func (e *Estate) why(s Selection, u *Unit) []Reason {
	var out []Reason
	if len(s.Environments) > 0 {
		if !slices.Contains(s.Environments, u.Environment) {
			return nil
		}
		out = append(out, Reason{Kind: "environment", Detail: u.Environment})
	}
	if len(s.Accounts) > 0 {
		if !slices.Contains(s.Accounts, u.Account) {
			return nil
		}
		out = append(out, Reason{Kind: "account", Detail: u.Account})
	}
	if len(s.Stacks) > 0 {
		i := slices.IndexFunc(s.Stacks, func(glob string) bool { return matches(glob, u) })
		if i < 0 {
			return nil
		}
		out = append(out, Reason{Kind: "stack", Detail: s.Stacks[i]})
	}
	if s.Changed != nil {
		changed := s.Changed[u.Name()]
		if len(changed) == 0 {
			return nil
		}
		out = append(out, changed...)
	}
	if out == nil {
		out = []Reason{{Kind: "all", Detail: "nothing narrows the selection"}}
	}
	return out
}

// suggest is a hint with the nearest of names; "" where none is near.
func suggest(name string, names []string) string {
	if n := nearest(name, names); n != "" {
		return fmt.Sprintf("\nhint: did you mean %q?", n)
	}
	return ""
}

func hint(name string, names []string, what string) string {
	if s := suggest(name, names); s != "" {
		return s
	}
	if len(names) == 0 {
		return fmt.Sprintf("\nhint: terrier.hcl has no %s.", what)
	}
	return fmt.Sprintf("\nhint: the %s are %s.", what, strings.Join(names[:min(len(names), 10)], ", "))
}

func nearest(name string, names []string) string {
	best, least := "", max(len(name)/3, 1)+1
	for _, n := range names {
		if d := len(n) - len(name); d > least || -d > least {
			continue
		}
		if d := levenshtein.Distance(name, n, nil); d < least {
			best, least = n, d
		}
	}
	return best
}
