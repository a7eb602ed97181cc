package change

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
)

// Diff compares a module with another version of it, by themselves: what their
// submodules and calls hold is for Versions. A nil module is one without
// anything. The modules need their syntax trees (hclparse.Load), and are not
// changed.
//
// Override files are merged first. Where one of the modules has files for
// OpenTofu, what that sees is compared too.
func Diff(old, new *hclparse.Module) []Change {
	return compareModules(&scope{dir: ".", old: old, new: new})
}

// A scope is one directory in both versions, and what is known from outside.
type scope struct {
	dir      string
	old, new *hclparse.Module
	// moved and removed are those of the modules that call this one, in its
	// own addresses.
	moved   []step
	removed []removal
	// needs are the providers that the old version of what is called needs.
	needs map[string]*provider
}

func compareModules(s *scope) []Change {
	var out []Change
	for _, tofu := range []bool{false, true} {
		if tofu && !forTofu(s.old) && !forTofu(s.new) {
			break
		}
		d := &differ{scope: s, a: see(s.old, tofu), b: see(s.new, tofu)}
		d.b.moved = append(d.b.moved, s.moved...)
		d.b.removed = append(d.b.removed, s.removed...)
		d.variables()
		d.outputs()
		d.versions()
		d.providers()
		d.resources()
		d.rest()
		out = append(out, d.out...)
	}
	return sorted(out)
}

func forTofu(m *hclparse.Module) bool {
	if m == nil {
		return false
	}
	for _, f := range m.Files {
		if f.Tofu {
			return true
		}
	}
	return false
}

// A differ compares two views.
type differ struct {
	*scope
	a, b *view
	out  []Change
}

// add says what is at rng of a file of the new version.
func (d *differ) add(k Kind, l Level, subject string, f *hclparse.File, rng hcl.Range, old, new, format string, args ...any) {
	c := Change{Kind: k, Level: l, Module: d.dir, Subject: subject, Line: rng.Start.Line, Old: old, New: new, Summary: fmt.Sprintf(format, args...)}
	if f != nil {
		c.File = f.Path
	}
	d.out = append(d.out, c)
}

// gone is add for what stands in the old version only.
func (d *differ) gone(k Kind, l Level, subject string, f *hclparse.File, rng hcl.Range, old, new, format string, args ...any) {
	d.add(k, l, subject, f, rng, old, new, format, args...)
	d.out[len(d.out)-1].Gone = true
}

// rest compares locals, moved blocks that are gone, and other blocks.
func (d *differ) rest() {
	gone, come, stay := both(d.a.locals, d.b.locals)
	for _, n := range gone {
		l := d.a.locals[n]
		d.gone(LocalChanged, Patch, "local."+n, l.file, l.rng, shown(l.file, l.rng), "", "local.%s is gone", n)
	}
	for _, n := range come {
		l := d.b.locals[n]
		d.add(LocalChanged, Patch, "local."+n, l.file, l.rng, "", shown(l.file, l.rng), "local.%s is new", n)
	}
	for _, n := range stay {
		if a, b := d.a.locals[n], d.b.locals[n]; a.text != b.text {
			d.add(LocalChanged, Patch, "local."+n, b.file, b.rng, shown(a.file, a.rng), shown(b.file, b.rng), "local.%s changed", n)
		}
	}
	kept := map[[2]string]bool{}
	for _, s := range d.b.moved {
		kept[[2]string{s.from, s.to}] = true
	}
	for _, s := range d.a.moved {
		if !kept[[2]string{s.from, s.to}] {
			d.gone(MovedDropped, Minor, s.to, s.file, s.rng, s.from+" → "+s.to, "", "the moved block from %s to %s is gone: a state from before it is no longer moved", s.from, s.to)
		}
	}
	gone, come, stay = both(d.a.others, d.b.others)
	for _, n := range gone {
		d.gone(OtherChanged, Patch, n, d.a.others[n].file, d.a.others[n].rng, "", "", "%s is gone", n)
	}
	for _, n := range come {
		d.add(OtherChanged, Patch, n, d.b.others[n].file, d.b.others[n].rng, "", "", "%s is new", n)
	}
	for _, n := range stay {
		if !sameArgs(d.a.others[n].args, d.b.others[n].args) {
			d.add(OtherChanged, Patch, n, d.b.others[n].file, d.b.others[n].rng, "", "", "%s changed", n)
		}
	}
}

func sameArgs(a, b map[string]*arg) bool {
	if len(a) != len(b) {
		return false
	}
	for n, x := range a {
		if y := b[n]; y == nil || x.text != y.text {
			return false
		}
	}
	return true
}
