package guard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Rules are what an environment sets. The zero value refuses nothing of a plan
// that is whole.
type Rules struct {
	Protect        []string // patterns, see ParsePattern
	MaxDestroy     *int     // how many objects may be deleted, replaced or forgotten; nil for any number
	Freeze         []Window
	Branches       []string // globs; empty for any branch. Nobody alone allows none
	Override       []Name   // the guards that --override may pass
	Approvals      int
	Approvers      []string // empty for anybody. Nobody alone is nobody
	AuthorApproves bool     // the author's own approval counts
}

// Nobody is the entry of Branches and Approvers that is no branch and no person.
// A list that has nothing else allows nothing, where an empty one allows all: it
// is what remains of two lists that have nothing in common.
const Nobody = ""

// Stricter is what holds where both do: it allows nothing that base or head
// refuses. Lists come sorted.
func Stricter(base, head Rules) Rules {
	r := Rules{
		Protect:        merged(base.Protect, head.Protect),
		MaxDestroy:     fewest(base.MaxDestroy, head.MaxDestroy),
		Branches:       both(base.Branches, head.Branches, onBoth),
		Approvals:      max(base.Approvals, head.Approvals),
		Approvers:      both(base.Approvers, head.Approvers, same),
		AuthorApproves: base.AuthorApproves && head.AuthorApproves,
	}
	for _, w := range slices.Concat(base.Freeze, head.Freeze) {
		if !slices.ContainsFunc(r.Freeze, w.equal) {
			r.Freeze = append(r.Freeze, w)
		}
	}
	slices.SortFunc(r.Freeze, func(a, b Window) int { return strings.Compare(a.String(), b.String()) })
	for _, n := range base.Override {
		if slices.Contains(head.Override, n) && n.Overridable() {
			r.Override = append(r.Override, n)
		}
	}
	slices.Sort(r.Override)
	r.Override = slices.Compact(r.Override)
	return r
}

// MayOverride says whether `--override` of a guard is allowed.
func (r Rules) MayOverride(n Name) bool { return n.Overridable() && slices.Contains(r.Override, n) }

func merged(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func fewest(a, b *int) *int {
	least := a
	if a == nil || b != nil && *b < *a {
		least = b
	}
	if least == nil {
		return nil
	}
	n := *least
	return &n
}

// both is what two lists allow together. An empty one allows all.
func both(a, b []string, common func(a, b string) (string, bool)) []string {
	if len(a) == 0 {
		a, b = b, a
	}
	var all []string
	switch {
	case len(a) == 0:
		return nil
	case len(b) == 0:
		all = slices.Clone(a)
	}
	for _, x := range a {
		for _, y := range b {
			if c, ok := common(x, y); ok {
				all = append(all, c)
			}
		}
	}
	all = slices.DeleteFunc(merged(all, nil), func(s string) bool { return s == Nobody })
	if len(all) == 0 {
		return []string{Nobody}
	}
	return all
}

func same(a, b string) (string, bool) { return a, a == b && a != Nobody }

// onBoth is a glob for branches that two globs match. Of two that are not equal
// and have both a wildcard it knows none: what may be lost is a permission.
func onBoth(a, b string) (string, bool) {
	switch {
	case a == Nobody || b == Nobody:
		return "", false
	case a == b:
		return a, true
	case !strings.ContainsAny(b, `*?[{\`) && matches(a, b):
		return b, true
	case !strings.ContainsAny(a, `*?[{\`) && matches(b, a):
		return a, true
	}
	return "", false
}

func matches(glob, branch string) bool {
	ok, err := doublestar.Match(glob, branch)
	return err == nil && ok
}

// CheckBranches says what is wrong with a list of globs of branches.
func CheckBranches(globs []string) error {
	for _, g := range globs {
		if g == Nobody || g != clean(g) || !doublestar.ValidatePattern(g) {
			return fmt.Errorf("%q is no branch and no glob of branches\nhint: such as \"main\" or \"release/*\"", g)
		}
	}
	return nil
}

// OnBranch refuses a branch that is none of r.Branches, by its short name
// ("main"). It is "" where no branch is checked out, which an environment that
// names branches refuses.
func OnBranch(branch string, r Rules) *Refusal {
	if len(r.Branches) == 0 {
		return nil
	}
	var named []string
	for _, g := range r.Branches {
		if g == Nobody {
			continue
		}
		if branch != "" && matches(g, branch) {
			return nil
		}
		named = append(named, clean(g))
	}
	reason := "no branch is checked out"
	if branch != "" {
		reason = clean(branch) + " is not a branch that may be applied"
	}
	if len(named) == 0 {
		return &Refusal{Branch, reason, "no branch may be: the configuration of the base branch and of this one name none in common"}
	}
	return &Refusal{Branch, reason, "apply from " + strings.Join(named, ", ")}
}
