package change

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// words are the kinds and the noun for resources and for module calls.
type words struct {
	noun                                      string
	added, removed, renamed, moved, instances Kind
}

var (
	resourceWords = words{"the resource", ResourceAdded, ResourceRemoved, ResourceRenamed, ResourceMoved, ResourceInstances}
	dataWords     = words{"the data source", ResourceAdded, ResourceRemoved, ResourceRenamed, ResourceMoved, ResourceInstances}
	callWords     = words{"the module call", CallAdded, CallRemoved, CallRenamed, CallMoved, CallInstances}
)

func wordsOf(b *block) words {
	switch {
	case b.call != nil:
		return callWords
	case b.managed():
		return resourceWords
	}
	return dataWords
}

// managed reports whether the block has objects in the state that terraform
// would destroy.
func (b *block) managed() bool { return b.call != nil || b.res.Mode == "managed" }

// resources compares resources and module calls, by what would become of the
// state that the old version left.
func (d *differ) resources() {
	gone, come, stay := both(d.a.blocks, d.b.blocks)
	arrived := map[string]bool{}
	var lost []string
	for _, n := range gone {
		x := d.a.blocks[n]
		to, at := d.movedTo(n)
		y := d.b.blocks[to]
		switch {
		case at == nil:
			lost = append(lost, n)
		case y != nil:
			arrived[to] = true
			d.add(wordsOf(x).moved, Patch, n, at.file, at.rng, n, to, "%s %s is now %s, and a moved block says so", wordsOf(x).noun, n, to)
			d.block(n, to, x, y)
		default:
			d.add(wordsOf(x).moved, Patch, n, at.file, at.rng, n, to, "%s %s is moved to %s", wordsOf(x).noun, n, strings.TrimPrefix(to, outside))
		}
	}
	fresh := slices.DeleteFunc(come, func(n string) bool { return arrived[n] })
	lost = d.destroyed(lost, fresh, arrived)
	for _, n := range lost {
		d.lostBlock(n)
	}
	for _, n := range fresh {
		if !arrived[n] {
			d.newBlock(n)
		}
	}
	for _, n := range stay {
		d.block(n, n, d.a.blocks[n], d.b.blocks[n])
	}
}

// outside marks a moved block's target that is in a calling module.
const outside = "^."

// movedTo follows the moved blocks from an address to where it is now. The
// step is nil where none leads to a place that there is.
func (d *differ) movedTo(address string) (string, *step) {
	var last *step
	at := address
	for range d.b.moved { // no longer a chain than there are blocks
		i := slices.IndexFunc(d.b.moved, func(s step) bool { return s.from == at && s.to != at })
		if i < 0 {
			break
		}
		last, at = &d.b.moved[i], d.b.moved[i].to
		if at == address {
			return "", nil
		}
		if d.b.blocks[at] != nil {
			break
		}
	}
	if last == nil {
		return "", nil
	}
	// Into a module that is called: what is in there, its own scope knows.
	inside := strings.HasPrefix(at, outside)
	if parts := strings.Split(at, "."); parts[0] == "module" && len(parts) > 2 {
		inside = inside || d.b.blocks["module."+parts[1]] != nil
	}
	if d.b.blocks[at] == nil && !inside {
		return "", nil
	}
	return at, last
}

// destroyed reports what has another name or type and no moved block, and
// returns what is left.
func (d *differ) destroyed(lost, fresh []string, arrived map[string]bool) []string {
	kind := func(b *block) string {
		switch {
		case b.call != nil:
			return "module"
		case b.res.Mode == "managed":
			return b.res.Type
		}
		return ""
	}
	signature := func(v *view) func(string) string {
		return func(n string) string {
			b := v.blocks[n]
			if !b.managed() {
				return ""
			}
			text := kind(b)
			if b.call != nil {
				text += "\x00" + b.call.Raw
			}
			for _, name := range names(b.args) {
				text += "\x00" + name + "\x00" + b.args[name].text
			}
			return text
		}
	}
	renamed := map[string]string{}
	pairs(renamed, lost, fresh, signature(d.a), signature(d.b))
	for _, n := range lost {
		x := d.a.blocks[n]
		if to := renamed[n]; to != "" && !d.isRemoved(n) {
			y := d.b.blocks[to]
			arrived[to] = true
			d.add(wordsOf(x).renamed, Major, n, y.file, y.rng, n, to, "%s %s is now %s, with no moved block: terraform destroys it and creates another", wordsOf(x).noun, n, to)
		}
	}
	left := slices.DeleteFunc(slices.Clone(lost), func(n string) bool { return renamed[n] != "" && !d.isRemoved(n) })

	// The same name with another type.
	retyped := map[string]string{}
	name := func(v *view) func(string) string {
		return func(n string) string {
			if b := v.blocks[n]; b.res != nil && b.res.Mode == "managed" && !arrived[n] {
				return b.res.Name
			}
			return ""
		}
	}
	pairs(retyped, left, fresh, name(d.a), name(d.b))
	return slices.DeleteFunc(left, func(n string) bool {
		to := retyped[n]
		// A name such as "this" says little: the types have to be relatives.
		if to == "" || d.isRemoved(n) || !relatives(d.a.blocks[n].res.Type, d.b.blocks[to].res.Type) {
			return false
		}
		y := d.b.blocks[to]
		arrived[to] = true
		d.add(ResourceType, Major, n, y.file, y.rng, d.a.blocks[n].res.Type, y.res.Type, "the resource %s is of another type now, %s, with no moved block: terraform destroys it and creates another", n, y.res.Type)
		return true
	})
}

// relatives reports whether two types of resources share their first two words
// ("aws_s3_bucket_object", "aws_s3_object"), or one is the other with a prefix.
func relatives(a, b string) bool {
	x, y := strings.Split(a, "_"), strings.Split(b, "_")
	return len(x) > 1 && len(y) > 1 && x[0] == y[0] && x[1] == y[1] || strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}

func (d *differ) isRemoved(address string) bool {
	_, ok := d.removal(address)
	return ok
}

func (d *differ) removal(address string) (removal, bool) {
	for _, r := range d.b.removed {
		if r.from == address || strings.HasPrefix(address, r.from+".") {
			return r, true
		}
	}
	return removal{}, false
}

// lostBlock reports what is in the new version no more.
func (d *differ) lostBlock(n string) {
	x := d.a.blocks[n]
	w := wordsOf(x)
	r, removed := d.removal(n)
	switch {
	case !x.managed():
		d.gone(w.removed, Patch, n, x.file, x.rng, "", "", "%s %s is gone", w.noun, n)
	case removed && !r.destroy:
		d.gone(w.removed, Minor, n, x.file, x.rng, "", "", "%s %s is gone: a removed block makes terraform forget it", w.noun, n)
	case removed:
		d.gone(w.removed, Major, n, x.file, x.rng, "", "", "%s %s is gone: a removed block makes terraform destroy it", w.noun, n)
	case x.call != nil && slices.ContainsFunc(d.b.moved, func(s step) bool { return strings.HasPrefix(s.from, n+".") }):
		d.gone(w.moved, Minor, n, x.file, x.rng, "", "", "%s %s is gone: moved blocks lead out of it what they name, and terraform destroys the rest", w.noun, n)
	default:
		d.gone(w.removed, Major, n, x.file, x.rng, "", "", "%s %s is gone, with no moved and no removed block: terraform destroys it", w.noun, n)
	}
}

func (d *differ) newBlock(n string) {
	y := d.b.blocks[n]
	w := wordsOf(y)
	switch {
	case !y.managed():
		d.add(w.added, Patch, n, y.file, y.rng, "", "", "%s %s is new", w.noun, n)
	case y.args["count"] == nil && y.args["for_each"] == nil && (y.args["lifecycle.enabled"] == nil):
		d.add(w.added, Minor, n, y.file, y.rng, "", "", "%s %s is new, in every use of the module", w.noun, n)
	default:
		d.add(w.added, Minor, n, y.file, y.rng, "", "", "%s %s is new, with a condition", w.noun, n)
	}
}

// block compares a resource or call with its new form; old and n are its
// addresses.
func (d *differ) block(old, n string, a, b *block) {
	d.instances(old, n, a, b)
	if a.call != nil && b.call != nil {
		d.callSource(n, a.call, b.call)
	}
	gone, come, stay := both(a.args, b.args)
	special := func(name string) bool {
		return name == "count" || name == "for_each" || name == "lifecycle.prevent_destroy"
	}
	kind, label := ResourceArgument, "argument"
	if b.call != nil {
		kind = CallArgument
	}
	for _, name := range gone {
		if !special(name) {
			x := a.args[name]
			d.gone(kind, Patch, n, x.file, x.rng, shown(x.file, x.rng), "", "%s is gone from %s", name, n)
		}
	}
	for _, name := range come {
		if special(name) {
			continue
		}
		y := b.args[name]
		k, level := ResourceNewArgument, Minor
		if b.call != nil {
			k, level = CallArgument, Patch
		} else if !b.managed() || d.off(y, name) {
			level = Patch
		}
		if y.block {
			label = "block"
		}
		d.add(k, level, n, y.file, y.rng, "", shown(y.file, y.rng), "the %s %s of %s is new", label, name, n)
	}
	for _, name := range stay {
		if x, y := a.args[name], b.args[name]; !special(name) && x.text != y.text {
			d.add(kind, Patch, n, y.file, y.rng, shown(x.file, x.rng), shown(y.file, y.rng), "%s of %s changed", name, n)
		}
	}
	d.preventDestroy(n, a, b)
}

// off reports whether an argument is without effect where a caller passes
// nothing for it: null by default, or a dynamic block.
func (d *differ) off(a *arg, name string) bool {
	if strings.HasPrefix(name, "dynamic ") || strings.HasPrefix(name, "lifecycle.") || name == "depends_on" || name == "provider" {
		return true
	}
	if a.expr == nil {
		return false
	}
	if v, ok := literal(a.expr); ok {
		return v.IsNull()
	}
	if strings.HasSuffix(a.text, "null )") || strings.HasSuffix(a.text, ": null") {
		return true
	}
	traversal, diags := hcl.AbsTraversalForExpr(a.expr)
	if diags.HasErrors() || len(traversal) != 2 {
		return false
	}
	v := d.b.variables[variableOf(traversal)]
	if v == nil {
		return false
	}
	def, ok := literal(v.Default)
	return ok && def.IsNull()
}

func (d *differ) preventDestroy(n string, a, b *block) {
	set := func(x *block) bool {
		p := x.args["lifecycle.prevent_destroy"]
		return p != nil && strings.Trim(p.text, `"`) != "false"
	}
	switch was, is := set(a), set(b); {
	case was && !is:
		d.add(PreventDestroy, Minor, n, b.file, b.rng, "true", "false", "prevent_destroy of %s is dropped: terraform may destroy it", n)
	case !was && is:
		p := b.args["lifecycle.prevent_destroy"]
		d.add(PreventDestroy, Minor, n, p.file, p.rng, "false", "true", "prevent_destroy of %s is set: a plan that destroys it fails", n)
	}
}

// mode is how often a block is there: "", "count" or "for_each".
func (b *block) mode() (string, *arg) {
	for _, m := range []string{"count", "for_each"} {
		if a := b.args[m]; a != nil {
			return m, a
		}
	}
	return "", nil
}

// instances compares count and for_each. What terraform moves by itself was
// tried with 1.11: a resource between no key and [0], in both directions; no
// module call.
func (d *differ) instances(old, n string, a, b *block) {
	was, x := a.mode()
	is, y := b.mode()
	k := wordsOf(b).instances
	f, rng := b.file, b.rng
	if y != nil {
		f, rng = y.file, y.rng
	}
	text := func(x *arg) string {
		if x == nil {
			return ""
		}
		return shown(x.file, x.rng)
	}
	add := func(l Level, format string, args ...any) { d.add(k, l, n, f, rng, text(x), text(y), format, args...) }
	switch keyed := d.keyed(old, n); {
	case was == is && (x == nil || x.text == y.text):
	case !b.managed():
		add(Patch, "%s of %s changed", or(is, was), n)
	case was == is && is == "for_each":
		add(Minor, "for_each of %s changed: an instance whose key changes is destroyed and created", n)
	case was == is:
		add(Patch, "count of %s changed", n)
	case keyed:
		add(Patch, "%s has %s, and a moved block says where its instances go", n, named(is))
	case b.call == nil && was == "" && is == "count":
		add(Patch, "%s has count: terraform moves it to %s[0] by itself", n, n)
	case b.call == nil && was == "count" && is == "" && atMostOne(x.expr):
		add(Patch, "%s has no count any more: terraform moves %s[0] to it by itself", n, n)
	case b.call == nil && was == "count" && is == "":
		add(Major, "%s has no count any more: terraform destroys all but %s[0]", n, n)
	default:
		add(Major, "%s has %s, and had %s, with no moved block: terraform destroys and creates its instances", n, named(is), named(was))
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func named(mode string) string { return or(mode, "neither count nor for_each") }

// keyed reports whether a moved block leads from instances, or to some.
func (d *differ) keyed(old, n string) bool {
	return slices.ContainsFunc(d.b.moved, func(s step) bool {
		return s.from == old && s.to == n && (s.fromKey || s.toKey)
	})
}

// atMostOne reports whether a count can only be 0 or 1: a literal, or both
// results of a conditional.
func atMostOne(e hcl.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return atMostOne(e.Expression)
	case *hclsyntax.ConditionalExpr:
		return atMostOne(e.TrueResult) && atMostOne(e.FalseResult)
	}
	v, ok := literal(e)
	return ok && v.Type() == cty.Number && !v.IsNull() && (v.RawEquals(cty.Zero) || v.RawEquals(cty.NumberIntVal(1)))
}

func (d *differ) callSource(n string, a, b *hclparse.Call) {
	old, new := a.Source.Redacted(), b.Source.Redacted()
	local := a.Source.Kind == hclparse.KindLocal || b.Source.Kind == hclparse.KindLocal
	same := modules.Identity(a.Source) == modules.Identity(b.Source) && modules.Identity(a.Source) != ""
	f, rng := b.File, b.SourceRange
	switch {
	case !a.Static || !b.Static:
		x, y := quoted(string(sliced(a.File, a.SourceRange))), quoted(string(sliced(b.File, b.SourceRange)))
		if x != y {
			d.add(CallSource, Patch, n, f, rng, x, y, "the source of %s is made otherwise", n)
		}
	case a.Raw == b.Raw && a.Version == b.Version:
	case a.Raw == b.Raw:
		if b.VersionRange.Filename != "" {
			rng = b.VersionRange
			f = fileOf(d.b.module, rng.Filename, f)
		}
		d.add(CallVersion, Patch, n, f, rng, a.Version, b.Version, "%s takes another version of %s", n, new)
	case same && a.Source.Ref == b.Source.Ref && a.Version == b.Version:
		d.add(CallSource, Patch, n, f, rng, old, new, "the source of %s is spelled otherwise", n)
	case same:
		d.add(CallVersion, Patch, n, f, rng, old, new, "%s takes another version of its module", n)
	case local:
		d.add(CallSource, Patch, n, f, rng, old, new, "%s takes its module from another place", n)
	default:
		d.add(CallSource, Major, n, f, rng, old, new, "%s takes another module", n)
	}
}
