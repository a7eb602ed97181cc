package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/live/guard"
)

// GuardsConfig is what no apply may do.
type GuardsConfig struct {
	Protect    []string       // resource types and addresses
	MaxDestroy *int           // nil for no limit
	Branches   []string       // globs; nil for all
	Override   []guard.Name   // guards that --override may pass; nil where it is not said
	Freeze     []guard.Window // in the order of the file
}

// guards reads a guards block.
func (d *decoder) guards(b *hcl.Block, g *GuardsConfig) {
	schema := attributes("protect", "max_destroy", "branches", "override")
	schema.Blocks = []hcl.BlockHeaderSchema{{Type: "freeze", LabelNames: []string{"name"}}}
	attrs, blocks := d.content(b.Body, schema)
	g.Protect = d.list(attrs["protect"], "Not a resource type or address", func(s string) error {
		if err := checkAddress(s); err != nil {
			return err
		}
		_, err := guard.ParsePattern(s)
		return err
	})
	if a := attrs["max_destroy"]; a != nil {
		before := len(d.diags)
		n := d.integer(a)
		if len(d.diags) == before {
			g.MaxDestroy = &n
		}
	}
	g.Branches = d.list(attrs["branches"], "Not a branch", checkBranch)
	if a := attrs["branches"]; a != nil {
		if items, diags := hcl.ExprList(a.Expr); !diags.HasErrors() && len(items) == 0 {
			d.err(a.Expr.Range(), "No branch", "An empty list is no branch, and nothing could be applied.\n\nhint: name the main branch, as in [\"main\"], or leave `branches` out")
		}
	}
	g.Override = d.override(attrs["override"])
	first := map[string]hcl.Range{}
	for _, f := range blocks {
		name := f.Labels[0]
		if at, ok := first[name]; ok {
			d.err(f.LabelRanges[0], fmt.Sprintf("Duplicate freeze %q", name), "It is already there in line %d.", at.Start.Line)
			continue
		}
		first[name] = f.DefRange
		if w, ok := d.freeze(f); ok {
			g.Freeze = append(g.Freeze, w)
		}
	}
}

// checkBranch judges a glob of branches.
func checkBranch(s string) error {
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "refs/") || strings.ContainsAny(s, " ~^:") {
		return errors.New("it is a branch's short name, or a glob of such names\nhint: write \"main\" or \"release/*\"")
	}
	if err := guard.CheckBranches([]string{s}); err != nil {
		return err
	}
	return checkGlob(s)
}

// override reads the guards that may be passed. It is not nil where the
// attribute is there: an empty list in an environment takes all away.
func (d *decoder) override(a *hcl.Attribute) []guard.Name {
	if a == nil {
		return nil
	}
	out := []guard.Name{}
	var known, never []string
	for _, n := range guard.Names() {
		if n.Overridable() {
			known = append(known, string(n))
		} else {
			never = append(never, string(n))
		}
	}
	for _, v := range d.strs(a) {
		if slices.Contains(never, v.value) {
			d.err(v.rng, "Guard that holds", "%q cannot be overridden: without it an apply could run what nobody approved, or in another account.\n\nhint: these can be: %s", v.value, list(known))
			continue
		}
		if d.oneOf(v, "guard", known) && !slices.Contains(out, guard.Name(v.value)) {
			out = append(out, guard.Name(v.value))
		}
	}
	slices.Sort(out)
	return out
}

// freeze reads a window in which nothing is applied.
func (d *decoder) freeze(b *hcl.Block) (guard.Window, bool) {
	attrs, _ := d.content(b.Body, attributes("from", "until", "days", "hours", "timezone"))
	before := len(d.diags)
	name := b.Labels[0]
	d.check(located{name, b.LabelRanges[0]}, "Not a name for a freeze", checkName)
	text := func(attr string) string {
		v, _ := d.str(attrs[attr])
		if attrs[attr] != nil && v.value == "" && len(d.diags) == before {
			d.err(attrs[attr].Expr.Range(), "Not a freeze window", "It is empty.")
		}
		return v.value
	}
	from, until, hours, zone := text("from"), text("until"), text("hours"), text("timezone")
	var days []string
	for _, v := range d.strs(attrs["days"]) {
		days = append(days, v.value)
	}
	if a := attrs["days"]; a != nil && len(days) == 0 && len(d.diags) == before {
		d.err(a.Expr.Range(), "Not a freeze window", "An empty list is no day.")
	}
	if len(d.diags) > before {
		return guard.Window{}, false
	}
	w, err := guard.ParseWindow(name, from, until, days, hours, zone)
	if err != nil {
		d.err(b.DefRange, "Not a freeze window", "%s", sentence(err))
		return guard.Window{}, false
	}
	return w, true
}

// rules are the guards as package guard has them.
func (g GuardsConfig) rules() guard.Rules {
	return guard.Rules{Protect: g.Protect, MaxDestroy: g.MaxDestroy, Freeze: g.Freeze, Branches: g.Branches, Override: g.Override, AuthorApproves: true}
}

// Rules are what holds in an environment: the common guards and its own, the
// stricter of both. "" and a name that is not there give the common ones.
func (c *Config) Rules(environment string) guard.Rules {
	common := c.Guards.rules()
	e := c.environment(environment)
	if e == nil {
		return common
	}
	own := e.Guards.rules()
	own.Approvals, own.Approvers, own.AuthorApproves = e.Approvals, e.Approvers, e.AuthorApproves
	if e.Guards.Override == nil {
		own.Override = common.Override // it says nothing of its own
	}
	return guard.Stricter(common, own)
}
