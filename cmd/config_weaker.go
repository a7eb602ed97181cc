package cmd

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/live/guard"
)

// compare lists what the branch has weaker than the base.
func (g *Guarding) compare() {
	say := func(where, format string, args ...any) {
		g.Weakened = append(g.Weakened, Weakening{where, fmt.Sprintf(format, args...)})
	}
	weaker(func(f string, a ...any) { say("guards", f, a...) }, g.Base.Rules(""), g.Head.Rules(""))
	after := g.order()
	for _, base := range g.Base.Environments {
		where := fmt.Sprintf("environment %q", base.Name)
		head := g.Head.environment(base.Name)
		if head == nil {
			say(where, "it is gone; it guards its stacks all the same")
			continue
		}
		weaker(func(f string, a ...any) { say(where, f, a...) }, g.Base.Rules(base.Name), g.Head.Rules(base.Name))
		if head.Account != base.Account {
			if base.Account != "" {
				say(where, "account is %q, and %s here", base.Account, orNone(head.Account))
			}
		}
		for _, name := range after[base.Name] {
			if !slices.Contains(head.After, name) {
				say(where, "it comes after %q, and not here", name)
			}
		}
		for _, name := range head.After {
			if !slices.Contains(after[base.Name], name) {
				say(where, "it comes before %q, and after it here", name)
			}
		}
		if !slices.Equal(head.Stacks, base.Stacks) {
			for _, glob := range base.Stacks {
				if !slices.Contains(head.Stacks, glob) {
					say(where, "stacks has %q, and not here; they are guarded all the same", glob)
				}
			}
		}
		if !sameCode(base, head) {
			say(where, "workspace, var_files or backend_config are others here; the rules of all environments that the code serves hold")
		}
	}
	for _, base := range g.Base.Accounts {
		where := fmt.Sprintf("account %q", base.Name)
		head := g.Head.Account(base.Name)
		if head == nil {
			say(where, "it is gone; it counts all the same")
			continue
		}
		for _, f := range []struct{ name, base, head string }{
			{"id", base.ID, head.ID}, {"plan_role", base.PlanRole, head.PlanRole}, {"apply_role", base.ApplyRole, head.ApplyRole},
			{"external_id", base.ExternalID, head.ExternalID}, {"duration", base.Duration.String(), head.Duration.String()},
		} {
			if f.base != f.head {
				say(where, "%s is %s, and %s here", f.name, orNone(f.base), orNone(f.head))
			}
		}
		for _, id := range head.Also {
			if !slices.Contains(base.Also, id) {
				say(where, "also has no %s, and here it has", id)
			}
		}
	}
	g.compareStacks(say)
	if base, head := g.Base.Terraform.Path, g.Head.Terraform.Path; base != head {
		say("terraform", "path is %s, and %s here", orNone(base), orNone(head))
	}
	if base, head := g.Base.Runs, g.Head.Runs; !reflect.DeepEqual(base.S3, head.S3) || !slices.Equal(base.Recipients, head.Recipients) || base.Keep != head.Keep {
		say("runs", "it is another one here")
	}
	roles := func(where string, base, head *BackendConfig) {
		var b, h BackendConfig
		b, h = b.over(base), h.over(head)
		if b.PlanRole != h.PlanRole || b.ApplyRole != h.ApplyRole {
			say(where, "plan_role or apply_role are others here")
		}
	}
	roles(`backend "s3"`, g.Base.Backend, g.Head.Backend)
	for _, base := range g.Base.Environments {
		if head := g.Head.environment(base.Name); head != nil {
			roles(fmt.Sprintf("backend \"s3\" of environment %q", base.Name), base.Backend, head.Backend)
		}
	}
	slices.SortFunc(g.Weakened, func(a, b Weakening) int {
		return cmp.Or(strings.Compare(a.Where, b.Where), strings.Compare(a.What, b.What))
	})
	g.Weakened = slices.Compact(g.Weakened)
}

// compareStacks lists accounts of providers, and environments of stacks, that
// the branch alone gives.
func (g *Guarding) compareStacks(say func(where, format string, args ...any)) {
	find := func(c *Config, glob string) *StackConfig {
		for _, s := range c.Stacks {
			if s.Glob == glob {
				return s
			}
		}
		return nil
	}
	for _, head := range g.Head.Stacks {
		var pins map[string]string
		if base := find(g.Base, head.Glob); base != nil {
			pins = base.Providers
		}
		for _, name := range slices.Sorted(maps.Keys(head.Providers)) {
			if pins[name] != head.Providers[name] {
				say(fmt.Sprintf("stack %q", head.Glob), "the account of %s is %s, and %s here", name, orNone(pins[name]), head.Providers[name])
			}
		}
	}
	for _, base := range g.Base.Stacks {
		head := find(g.Head, base.Glob)
		if base.Environment != "" && (head == nil || head.Environment != base.Environment) {
			say(fmt.Sprintf("stack %q", base.Glob), "its environment is %q, and not here; it is guarded all the same", base.Environment)
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// weaker lists in which rules head refuses less than base.
func weaker(say func(format string, args ...any), base, head guard.Rules) {
	missing(say, "protect", base.Protect, head.Protect)
	if base.MaxDestroy != nil && (head.MaxDestroy == nil || *head.MaxDestroy > *base.MaxDestroy) {
		here := "no limit"
		if head.MaxDestroy != nil {
			here = fmt.Sprint(*head.MaxDestroy)
		}
		say("max_destroy is %d, and %s here", *base.MaxDestroy, here)
	}
	for _, w := range base.Freeze {
		if !slices.ContainsFunc(head.Freeze, func(other guard.Window) bool { return sameWindow(w, other) }) {
			say("freeze %q is not here, or is another one", w.Name)
		}
	}
	wider(say, "branches", base.Branches, head.Branches)
	wider(say, "approvers", base.Approvers, head.Approvers)
	for _, n := range head.Override {
		if !slices.Contains(base.Override, n) {
			say("override has no %q, and here it has", n)
		}
	}
	if head.Approvals < base.Approvals {
		say("approvals is %d, and %d here", base.Approvals, head.Approvals)
	}
	if head.AuthorApproves && !base.AuthorApproves {
		say("author_approves is false, and true here")
	}
}

func missing(say func(string, ...any), name string, base, head []string) {
	for _, s := range base {
		if !slices.Contains(head, s) {
			say("%s has %q, and not here", name, s)
		}
	}
}

// wider lists what a list of head allows that base does not; an empty list
// allows all.
func wider(say func(string, ...any), name string, base, head []string) {
	switch {
	case len(base) == 0:
	case len(head) == 0:
		say("%s is %s, and anything here", name, list(base))
	default:
		for _, s := range head {
			if !slices.Contains(base, s) {
				say("%s has no %q, and here it has", name, s)
			}
		}
	}
}

func sameWindow(a, b guard.Window) bool {
	zone := func(w guard.Window) string {
		if w.Zone == nil {
			return ""
		}
		return w.Zone.String()
	}
	return a.From.Equal(b.From) && a.Until.Equal(b.Until) && slices.Equal(a.Days, b.Days) && a.Start == b.Start && a.End == b.End && zone(a) == zone(b)
}
