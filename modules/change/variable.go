package change

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
)

func (d *differ) variables() {
	gone, come, stay := both(d.a.variables, d.b.variables)
	renamed := d.renamedVariables(gone, come)
	arrived := map[string]bool{}
	for _, n := range gone {
		x := d.a.variables[n]
		if to := renamed[n]; to != "" {
			arrived[to] = true
			y := d.b.variables[to]
			d.add(VariableRenamed, Major, "variable."+n, y.File, y.Range, n, to, "the variable %s is now %s", n, to)
			d.variable(x, y)
			continue
		}
		d.gone(VariableRemoved, Major, "variable."+n, x.File, x.Range, d.typeText(x), "", "the variable %s is gone", n)
	}
	for _, n := range come {
		x := d.b.variables[n]
		switch {
		case arrived[n]:
		case x.Default == nil:
			d.add(VariableAdded, Major, "variable."+n, x.File, x.Range, "", d.typeText(x), "the variable %s is new and required", n)
		default:
			d.add(VariableAdded, Minor, "variable."+n, x.File, x.Range, "", d.typeText(x), "the variable %s is new, with a default", n)
		}
	}
	for _, n := range stay {
		d.variable(d.a.variables[n], d.b.variables[n])
	}
}

func (d *differ) typeText(v *variable) string {
	if v.Type == nil {
		return "any"
	}
	return shown(v.typeFile, v.Type.Range())
}

// variable compares a variable with its new form.
func (d *differ) variable(a, b *variable) {
	n, subject := b.Name, "variable."+b.Name
	d.variableType(subject, a, b)
	d.variableDefault(subject, a, b)
	at := func(f *hclparse.File, e hcl.Expression) hcl.Range {
		if e == nil || f != b.File {
			return b.Range
		}
		return e.Range()
	}
	if was, is := nullable(a), nullable(b); was != is {
		old, new := word(was), word(is)
		switch {
		case is:
			d.add(VariableNullable, Minor, subject, b.File, at(b.nullableFile, b.Nullable), old, new, "%s takes null: what passed null got the default before", n)
		case b.Default != nil: // no error: Terraform puts the default in the place of null
			d.add(VariableNullable, Minor, subject, b.File, at(b.nullableFile, b.Nullable), old, new, "%s gets its default where null is passed", n)
		default:
			d.add(VariableNullable, Major, subject, b.File, at(b.nullableFile, b.Nullable), old, new, "%s no longer takes null as a value", n)
		}
	}
	if a.Sensitive != b.Sensitive {
		if b.Sensitive {
			d.add(VariableSensitive, Major, subject, b.File, b.Range, "false", "true", "%s is sensitive now, and so is each output that is made of it", n)
		} else {
			d.add(VariableSensitive, Minor, subject, b.File, b.Range, "true", "false", "%s is no longer sensitive: its value is shown", n)
		}
	}
	if a.Ephemeral != b.Ephemeral {
		if b.Ephemeral {
			d.add(VariableEphemeral, Minor, subject, b.File, b.Range, "false", "true", "%s is ephemeral now", n)
		} else {
			d.add(VariableEphemeral, Major, subject, b.File, b.Range, "true", "false", "%s is no longer ephemeral: an ephemeral value is an error", n)
		}
	}
	if a.Const != b.Const {
		if b.Const {
			d.add(VariableConst, Major, subject, b.File, b.Range, "false", "true", "%s is const now: only what is known before a plan can be passed", n)
		} else {
			d.add(VariableConst, Minor, subject, b.File, b.Range, "true", "false", "%s is no longer const", n)
		}
	}
	if b.deprecated && !a.deprecated {
		d.add(VariableDeprecated, Minor, subject, b.File, b.Range, "", "", "%s is deprecated", n)
	}
	if a.Description != b.Description {
		d.add(DescriptionChanged, Patch, subject, b.File, b.Range, quoted(a.Description), quoted(b.Description), "the description of %s changed", n)
	}
	d.validations(subject, a, b)
}

func word(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func nullable(v *variable) bool {
	return v.Nullable == nil || strings.Trim(plainExpr(v.nullableFile, v.Nullable), `"`) != "false"
}

func (d *differ) variableType(subject string, a, b *variable) {
	old, ok1 := typeOf(a.typeFile, a.Type)
	new, ok2 := typeOf(b.typeFile, b.Type)
	text, is := d.typeText(a), d.typeText(b)
	f, rng := b.File, b.Range
	if b.Type != nil {
		f, rng = b.typeFile, b.Type.Range()
	}
	if !ok1 || !ok2 {
		if plainExpr(a.typeFile, a.Type) != plainExpr(b.typeFile, b.Type) {
			d.add(VariableType, Major, subject, f, rng, text, is, "the type of %s changed, and one of the two cannot be read", b.Name)
		}
		return
	}
	r := relate(old.ty, new.ty)
	switch {
	case len(r.lost) > 0:
		d.add(VariableType, Major, subject, f, rng, text, is, "the type of %s is narrower: %s", b.Name, listed(r.lost))
	case len(r.gained) > 0:
		d.add(VariableType, Minor, subject, f, rng, text, is, "the type of %s is wider: %s", b.Name, listed(r.gained))
	case len(r.altered) > 0:
		d.add(VariableType, Minor, subject, f, rng, text, is, "the type of %s changed, and takes what it took: %s", b.Name, listed(r.altered))
	}
	if at := alteredDefaults("", old.ty, new.ty, old.defaults, new.defaults); len(at) > 0 {
		d.add(VariableTypeDefault, Minor, subject, f, rng, text, is, "in the type of %s the default of %s changed", b.Name, listed(at))
	}
}

// listed joins what there is, the first few of many.
func listed(what []string) string {
	const few = 4
	if len(what) > few {
		return strings.Join(what[:few], "; ") + "; and more"
	}
	return strings.Join(what, "; ")
}

func (d *differ) variableDefault(subject string, a, b *variable) {
	text := func(v *variable) string {
		switch {
		case v.Default == nil:
			return ""
		case v.Sensitive || a.Sensitive || b.Sensitive:
			return "(sensitive)"
		}
		return shown(v.defaultFile, v.Default.Range())
	}
	switch {
	case a.Default == nil && b.Default == nil:
	case a.Default == nil:
		d.add(VariableOptional, Minor, subject, b.defaultFile, b.Default.Range(), "", text(b), "%s is optional now", b.Name)
	case b.Default == nil:
		d.add(VariableRequired, Major, subject, b.File, b.Range, text(a), "", "%s has no default any more: each call has to pass it", b.Name)
	case !sameDefault(a, b):
		d.add(VariableDefault, Minor, subject, b.defaultFile, b.Default.Range(), text(a), text(b), "the default of %s changed", b.Name)
	}
}

func sameDefault(a, b *variable) bool {
	if plainExpr(a.defaultFile, a.Default) == plainExpr(b.defaultFile, b.Default) {
		return true
	}
	x, ok1 := literal(a.Default)
	y, ok2 := literal(b.Default)
	if !ok1 || !ok2 {
		return false
	}
	old, ok1 := typeOf(a.typeFile, a.Type)
	new, ok2 := typeOf(b.typeFile, b.Type)
	if !ok1 || !ok2 {
		return x.RawEquals(y)
	}
	// A default that is left out of another type is that type's to report.
	if !old.ty.Equals(new.ty) && empty(x) && empty(y) {
		return true
	}
	return sameValue(x, y, new.ty)
}

// empty is a collection without elements.
func empty(v cty.Value) bool {
	return !v.IsNull() && v.IsKnown() && v.CanIterateElements() && v.LengthInt() == 0
}

// validations compares the validations of a variable, by their conditions.
func (d *differ) validations(subject string, a, b *variable) {
	was, is := slices.Clone(a.validations), slices.Clone(b.validations)
	for i := 0; i < len(is); i++ {
		j := slices.IndexFunc(was, func(v validation) bool { return v.text == is[i].text })
		if j < 0 {
			continue
		}
		if was[j].message != is[i].message {
			d.add(ValidationChanged, Patch, subject, is[i].file, is[i].rng, quoted(was[j].message), quoted(is[i].message), "the message of a validation of %s changed", b.Name)
		}
		was, is = slices.Delete(was, j, j+1), slices.Delete(is, i, i+1)
		i--
	}
	// What is left of both changed, in their order.
	n := min(len(was), len(is))
	for i := range n {
		level, how := Major, "may refuse what it took"
		if takesMore(was[i].condition, is[i].condition) {
			level, how = Minor, "takes more"
		}
		d.add(ValidationChanged, level, subject, is[i].file, is[i].rng, shown(was[i].file, was[i].condition.Range()), shown(is[i].file, is[i].condition.Range()), "a validation of %s changed: it %s", b.Name, how)
	}
	for _, v := range was[n:] {
		d.gone(ValidationRemoved, Minor, subject, v.file, v.rng, shown(v.file, v.condition.Range()), "", "a validation of %s is gone", b.Name)
	}
	for _, v := range is[n:] {
		d.add(ValidationAdded, Major, subject, v.file, v.rng, "", shown(v.file, v.condition.Range()), "a new validation of %s may refuse what it took", b.Name)
	}
}

// takesMore reports whether both conditions are contains([…], x), of which the
// new one has all that the old one has.
func takesMore(old, new hcl.Expression) bool {
	a, x, ok1 := oneOf(old)
	b, y, ok2 := oneOf(new)
	if !ok1 || !ok2 || x != y {
		return false
	}
	for v := range a {
		if !b[v] {
			return false
		}
	}
	return true
}

func oneOf(e hcl.Expression) (set map[string]bool, of string, ok bool) {
	call, ok := e.(*hclsyntax.FunctionCallExpr)
	if !ok || call.Name != "contains" || len(call.Args) != 2 {
		return nil, "", false
	}
	list, ok := call.Args[0].(*hclsyntax.TupleConsExpr)
	traversal, ok2 := call.Args[1].(*hclsyntax.ScopeTraversalExpr)
	if !ok || !ok2 {
		return nil, "", false
	}
	set = map[string]bool{}
	for _, item := range list.Exprs {
		v, known := literal(item)
		if !known || !v.Type().IsPrimitiveType() || v.IsNull() {
			return nil, "", false
		}
		set[v.GoString()] = true
	}
	for _, t := range traversal.Traversal {
		switch t := t.(type) {
		case hcl.TraverseRoot:
			of = t.Name
		case hcl.TraverseAttr:
			of += "." + t.Name
		default:
			return nil, "", false
		}
	}
	return set, of, true
}
