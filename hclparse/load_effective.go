package hclparse

import (
	"sort"

	"github.com/hashicorp/hcl/v2"
)

// Paths returns the paths of all modules, sorted.
func (t *Tree) Paths() []string {
	out := make([]string, 0, len(t.Modules))
	for p := range t.Modules {
		out = append(out, p)
	}
	sort.Strings(out)
	return out
}

// Broken reports whether any file of the module is broken, so that its calls
// are not all known.
func (m *Module) Broken() bool {
	for _, f := range m.Files {
		if f.Broken() {
			return true
		}
	}
	return false
}

// Effective returns the calls that terraform sees, or with tofu those that
// OpenTofu sees, sorted by name. Terraform reads no .tofu file; OpenTofu reads
// both, and leaves out a .tf file that has a Twin.
//
// Override files are merged as "Override Files" in Terraform's documentation
// of the language says: after all other files and in the order of their names,
// each top-level block over the one with the same header; an argument in the
// override replaces the one before. So the last source and the last version
// win, each for itself; a source without a version keeps the version before. A
// block that overrides nothing is an error in Terraform and is left out here.
//
// A call that was merged is a copy: its File, Raw and SourceRange are those of
// the file that sets the source, its Block is the original's, VersionRange
// names its own file. The module is not changed. Two calls of one name, which
// Terraform refuses, both come back.
func (m *Module) Effective(tofu bool) []*Call {
	var calls, overrides []*Call
	for _, c := range m.Calls {
		switch f := c.File; {
		case f.Tofu && !tofu, tofu && f.Twin != "":
		case f.Override:
			overrides = append(overrides, c)
		default:
			calls = append(calls, c)
		}
	}
	for i, c := range calls {
		for _, o := range overrides {
			if o.Name == c.Name {
				c = c.merged(o)
			}
		}
		calls[i] = c
	}
	sort.SliceStable(calls, func(i, j int) bool { return calls[i].Name < calls[j].Name })
	return calls
}

// merged is c with o laid over it.
func (c *Call) merged(o *Call) *Call {
	n := *c
	if o.HasSource {
		n.File, n.SourceRange = o.File, o.SourceRange
		n.HasSource, n.Static, n.Raw, n.Source, n.SourceErr = true, o.Static, o.Raw, o.Source, o.SourceErr
	}
	if o.VersionRange.Filename != "" {
		n.Version, n.VersionRange = o.Version, o.VersionRange
	}
	n.Attributes = make(map[string]*hcl.Attribute, len(c.Attributes)+len(o.Attributes))
	for name, a := range c.Attributes {
		n.Attributes[name] = a
	}
	for name, a := range o.Attributes {
		n.Attributes[name] = a
	}
	return &n
}
