package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/store"
)

// fewNotes are so many that a reader takes them in.
const fewNotes = 3

// orderNotes says what the order does not rest on: a line for each stack, and of
// most stacks their number, unless all is asked for.
func orderNotes(unresolved, unread []estate.Unresolved, all bool) []string {
	var out []string
	groups := byUnit(unresolved)
	for i, group := range groups {
		if i == fewNotes && !all {
			out = append(out, fmt.Sprintf("nor is it of %s; -v names all", moreOf(len(groups)-i, "stack")))
			break
		}
		for j, u := range group {
			line := fmt.Sprintf("%s:%d: what %s comes after is not known for certain: %s", u.File, u.Line, u.Unit.Name(), u.Why)
			if left := len(group) - 1; left > 0 && !all {
				line += fmt.Sprintf(" (and %s like it)", moreOf(left, "place"))
			}
			if out = append(out, line); j == 0 && !all {
				break
			}
		}
	}
	for i, u := range unread {
		if i == 1 && !all {
			out = append(out, fmt.Sprintf("nor is it of %s; -v names all", moreOf(len(unread)-1, "module call")))
			break
		}
		out = append(out, fmt.Sprintf("%s:%d: whether %s reads a state there is not known: %s", u.File, u.Line, u.Unit.Name(), u.Why))
	}
	return out
}

// unknown are what may give some units an order, and is not known to.
func (e *estateRun) unknown(units []*estate.Unit) (unresolved, unread []estate.Unresolved) {
	chosen := make(map[*estate.Unit]bool, len(units))
	for _, u := range units {
		chosen[u] = true
	}
	of := func(list []estate.Unresolved) []estate.Unresolved {
		return slices.DeleteFunc(slices.Clone(list), func(u estate.Unresolved) bool { return !chosen[u.Unit] })
	}
	return of(e.estate.Unresolved), of(e.estate.Unread)
}

// unsure says all of that, for those who read data.
func (e *estateRun) unsure(units []*estate.Unit) []string {
	unresolved, unread := e.unknown(units)
	return orderNotes(unresolved, unread, true)
}

// of are the units of a run that there are still.
func (e *estateRun) of(run *store.Run) []*estate.Unit {
	in := make(map[string]bool, len(run.Stacks))
	for _, st := range run.Stacks {
		in[st.Name] = true
	}
	return slices.DeleteFunc(slices.Clone(e.estate.Units), func(u *estate.Unit) bool { return !in[u.Name()] })
}

// byUnit groups what is sorted by unit.
func byUnit(list []estate.Unresolved) [][]estate.Unresolved {
	var out [][]estate.Unresolved
	for i, u := range list {
		if i == 0 || list[i-1].Unit != u.Unit {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], u)
	}
	return out
}

func moreOf(n int, noun string) string {
	if n == 1 {
		return "1 more " + noun
	}
	return fmt.Sprintf("%d more %ss", n, noun)
}

// sharedState says that units keep their state in one place.
func sharedState(group []*estate.Unit) error {
	const most = 5
	var at []string
	for i, u := range group {
		if i == most && len(group) > most+1 {
			at = append(at, moreOf(len(group)-most, "stack"))
			break
		}
		where := u.Name()
		if u.Backend.File != "" {
			where = fmt.Sprintf("%s (%s:%d)", where, u.Backend.File, u.Backend.Line)
		}
		at = append(at, where)
	}
	hint := "give each a key of its own"
	if b := group[0].Backend; b.Type == "s3" && group[0].Workspace == "" {
		for _, u := range group {
			if u.Backend.Config["workspace_key_prefix"] != b.Config["workspace_key_prefix"] {
				// In the default workspace S3's key has no prefix before it.
				hint = "their workspace_key_prefix tells them apart in a workspace alone: give the environment its `workspace`"
				break
			}
		}
	}
	return fmt.Errorf("these keep their state in one place, and each would destroy what is the others':\n  %s\nhint: %s; `terrier backend --check` shows all", strings.Join(at, "\n  "), hint)
}
