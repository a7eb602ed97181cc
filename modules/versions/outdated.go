package versions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/terrier-iac/terrier/hclparse"
)

// A Constraint is what versions of a module the configuration allows, as
// Terraform reads a version argument.
type Constraint struct {
	Module  string // a name that Module.Matches knows
	Version string
}

// CheckConstraint reports why a text is no version constraint.
func CheckConstraint(text string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("it is empty\nhint: write \"~> 1.2\", \">= 1.2, < 2.0\" or \"1.2.3\"")
	}
	if _, err := version.NewConstraint(text); err != nil {
		return fmt.Errorf("it is no version constraint\nhint: write \"~> 1.2\", \">= 1.2, < 2.0\" or \"1.2.3\"")
	}
	return nil
}

// Rules are how Outdated decides.
type Rules struct {
	Constraints []Constraint // the first that names a module decides
	Pre         bool         // pre-releases count
}

// A Row is one module in one environment at one pin.
type Row struct {
	Module      *Module
	Environment string
	// Uses are the calls that it is about, by file and line; all have one pin.
	Uses []*Use
	// Constraint is that of the configuration and, of a registry call with a
	// range, that of the call: "" for none.
	Constraint string
	// Allowed is the newest release that the constraint allows, Latest the
	// newest of all. Nil where there is none, or not all are known: the remote
	// did not answer, or no mirror has it. Neither is
	// ever older than the current one.
	Allowed, Latest *Release
	// Behind is how many releases there are after the current one; -1 where
	// that is not known: no release is known to be in use, or there is none.
	Behind int
	// Unchanged says that the module's directory, and those that it calls in
	// its own repository, are the same in Allowed as in the current one. Nil
	// where that is not known (see Set.Unchanged).
	Unchanged *bool
	// Gone says that Allowed does not have the module's directory any more, so
	// that a call of it fails there. False where that is not known, as of a
	// registry's modules (see Set.Unchanged).
	Gone bool
}

// Current is the release in use, nil where none is known.
func (r *Row) Current() *Release { return r.Uses[0].Release }

// Outdated reports whether there is a newer release than the current one, or
// one at all where the current pin is none. Of a computed ref nobody can tell.
func (r *Row) Outdated() bool {
	return r.Behind > 0 || r.Behind < 0 && r.Latest != nil && !r.Uses[0].Computed
}

// Outdated holds each pin of each module against its known releases. Rows are
// in the order of modules and uses.
func (s *Set) Outdated(rules Rules) []*Row {
	var out []*Row
	for _, m := range s.Modules {
		var rows []*Row
		for _, u := range m.Uses {
			i := slices.IndexFunc(rows, func(r *Row) bool {
				return r.Environment == u.Environment && samePin(r.Uses[0], u)
			})
			if i >= 0 {
				rows[i].Uses = append(rows[i].Uses, u)
				continue
			}
			rows = append(rows, m.row(u, rules))
		}
		slices.SortStableFunc(rows, func(a, b *Row) int {
			x, y := a.Uses[0], b.Uses[0]
			switch {
			case a.Environment != b.Environment:
				return 0 // in the order of the uses
			case x.Release != nil && y.Release != nil:
				return compareReleases(x.Release, y.Release)
			case x.Release != nil:
				return -1
			case y.Release != nil:
				return 1
			}
			return cmp.Compare(x.Ref, y.Ref)
		})
		out = append(out, rows...)
	}
	return out
}

// samePin reports whether two calls are at one version, for the same reason.
func samePin(a, b *Use) bool {
	if a.Call.Pin == hclparse.PinRange || b.Call.Pin == hclparse.PinRange {
		return a.Ref == b.Ref && a.Version() == b.Version()
	}
	if a.Release != nil && b.Release != nil {
		return a.Release.Prefix == b.Release.Prefix && a.Release.Version.Equal(b.Release.Version)
	}
	return a.Release == nil && b.Release == nil && a.Ref == b.Ref && a.Computed == b.Computed
}

func (m *Module) row(u *Use, rules Rules) *Row {
	r := &Row{Module: m, Environment: u.Environment, Uses: []*Use{u}, Behind: -1}
	var constraints []string
	if i := slices.IndexFunc(rules.Constraints, func(c Constraint) bool { return m.Matches(c.Module) }); i >= 0 {
		constraints = append(constraints, rules.Constraints[i].Version)
	}
	if m.Registry && u.Call.Pin == hclparse.PinRange {
		constraints = append(constraints, strings.TrimSpace(u.Ref))
	}
	r.Constraint = strings.Join(constraints, ", ")
	cur := u.Release
	if cur != nil && cur.Prefix != m.Prefix {
		return r
	}
	if !m.Whole {
		// What is in use elsewhere is not all that there is.
		return r
	}
	// Who is on a pre-release is offered the newer ones.
	pre := rules.Pre || cur != nil && cur.Prerelease()
	r.Latest = m.Newest(pre)
	r.Allowed = m.allowed(r.Constraint, pre)
	if r.Latest == nil {
		return r
	}
	if cur == nil && m.Registry {
		// Terraform takes what the constraint allows, with every init.
		cur = r.Allowed
	}
	if cur == nil {
		return r
	}
	if cur.Version.GreaterThan(r.Latest.Version) {
		r.Latest = cur
	}
	if r.Allowed != nil && cur.Version.GreaterThan(r.Allowed.Version) {
		r.Allowed = cur
	}
	r.Behind, _ = m.Between(cur, r.Latest, pre)
	return r
}

// allowed is the newest known release that meets a constraint.
func (m *Module) allowed(constraint string, pre bool) *Release {
	if constraint == "" {
		return m.Newest(pre)
	}
	allowed, err := version.NewConstraint(constraint)
	if err != nil {
		return nil
	}
	for i := len(m.Releases) - 1; i >= 0; i-- {
		r := &m.Releases[i]
		v, err := version.NewVersion(r.Version.String())
		if err != nil {
			continue
		}
		if allowed.Check(v) && (pre || !r.Prerelease() || named(constraint, v)) {
			return r
		}
		// A constraint that names no pre-release never has one, for Terraform;
		// who asks for them means those of the versions that it has.
		if pre && r.Prerelease() && allowed.Check(v.Core()) {
			return r
		}
	}
	return nil
}

// named reports whether a constraint names exactly a version.
func named(constraint string, v *version.Version) bool {
	for _, part := range strings.Split(constraint, ",") {
		n, err := version.NewVersion(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(part), "=")))
		if err == nil && n.Equal(v) {
			return true
		}
	}
	return false
}

// Allows reports whether a constraint allows a release, as Terraform reads it;
// a pre-release where the version that it leads to is.
func Allows(constraint string, r *Release) bool {
	c, err := version.NewConstraint(constraint)
	if err != nil {
		return false
	}
	v, err := version.NewVersion(r.Version.String())
	if err != nil {
		return false
	}
	return c.Check(v) || r.Prerelease() && c.Check(v.Core())
}
