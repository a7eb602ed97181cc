package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// references checks the names of environments and accounts.
func (d *decoder) references() {
	var environments, accounts []string
	for _, e := range d.c.Environments {
		environments = append(environments, e.Name)
	}
	for _, a := range d.c.Accounts {
		accounts = append(accounts, a.Name)
	}
	d.exist(d.environmentRefs, "environment", environments)
	d.exist(d.accountRefs, "account", accounts)
	for _, e := range d.stacksMissing {
		if !slices.ContainsFunc(d.c.Stacks, func(s *StackConfig) bool { return s.Environment == e.Name }) {
			d.err(e.Range, "Environment without stacks", "No stack would ever be in it.\n\nhint: set `stacks` to a list of globs, as in [\"live/%s/**\"]", e.Name)
		}
	}
}

func (d *decoder) exist(refs []located, what string, known []string) {
	for _, r := range refs {
		if slices.Contains(known, r.value) {
			continue
		}
		detail := fmt.Sprintf("There is no %s %q in this file.", what, r.value)
		if s := suggest(r.value, known); s != "" {
			detail += fmt.Sprintf(" Did you mean %q?", s)
		} else if len(known) == 0 {
			detail += fmt.Sprintf("\n\nhint: add a block: %s %q { … }", what, r.value)
		} else {
			detail += fmt.Sprintf(" There is: %s.", list(known))
		}
		d.err(r.rng, "Unknown "+what, "%s", detail)
	}
}

// shared checks that two live repositories never get the same name or address.
func (d *decoder) shared() {
	for i, e := range d.c.Environments {
		if e.Repo == "" {
			continue
		}
		if d.c.Modules.Layout == LayoutInPlace {
			d.err(e.Range, "Repository of its own", "With the layout %q the monorepo stays whole, and environment %q cannot have a repository of its own.\n\nhint: leave `repo` out, or choose the layout %q", LayoutInPlace, e.Name, LayoutPerModule)
		}
		for _, other := range d.c.Environments[:i] {
			if strings.EqualFold(e.Repo, other.Repo) {
				d.err(e.Range, "Duplicate repository", "The environments %q and %q both have the repository %q, and each needs its own.", other.Name, e.Name, e.Repo)
				break
			}
		}
		if r := d.c.Live.remote; r != nil && !r.uses("name") {
			d.err(r.rng, "Address without a name", "Environment %q has a live repository of its own, and this address is the same for all.\n\nhint: put ${name} into it", e.Name)
			return
		}
	}
}

// cycles finds environments that wait for each other, and names each ring
// once.
func (d *decoder) cycles() {
	byName := map[string]*EnvironmentConfig{}
	for _, e := range d.c.Environments {
		byName[e.Name] = e
	}
	done := map[string]bool{}
	var way []string
	var visit func(e *EnvironmentConfig)
	visit = func(e *EnvironmentConfig) {
		if i := slices.Index(way, e.Name); i >= 0 {
			ring := append(slices.Clone(way[i:]), e.Name)
			d.err(byName[way[i]].Range, "Environments in a circle", "Each comes after the next, and the last after the first: %s.", strings.Join(ring, ", "))
			return
		}
		if done[e.Name] {
			return
		}
		way = append(way, e.Name)
		for _, name := range e.After {
			if next := byName[name]; next != nil && name != e.Name {
				visit(next)
			}
		}
		way = way[:len(way)-1]
		done[e.Name] = true
	}
	for _, e := range d.c.Environments {
		visit(e)
	}
}

// stricter checks that an environment's guards only add to the common ones.
func (d *decoder) stricter(blocks hcl.Blocks) {
	for _, b := range blocks.OfType("environment") {
		for _, e := range d.c.Environments {
			if e.Range != b.DefRange {
				continue
			}
			if limit, own := d.c.Guards.MaxDestroy, e.Guards.MaxDestroy; limit != nil && own != nil && *own > *limit {
				d.err(guardRange(b, "max_destroy"), "Weaker guard", "All environments may destroy at most %d; one can be stricter, never weaker, and %d is more.", *limit, *own)
			}
			for _, n := range e.Guards.Override {
				if !slices.Contains(d.c.Guards.Override, n) {
					d.err(guardRange(b, "override"), "Weaker guard", "The guards of all environments do not let %q be overridden; one environment can be stricter, never weaker.\n\nhint: put %q into `override` of the guards block outside, and `override = []` into the environments where it must not be", n, n)
				}
			}
		}
	}
}

// guardRange is where an environment block sets an attribute of its guards.
func guardRange(b *hcl.Block, name string) hcl.Range {
	if body, ok := b.Body.(*hclsyntax.Body); ok {
		for _, g := range body.Blocks {
			if a := g.Body.Attributes[name]; a != nil && g.Type == "guards" {
				return a.Expr.Range()
			}
		}
	}
	return b.DefRange
}
