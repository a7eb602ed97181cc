package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/terrier-iac/terrier/hclparse"
)

// A constraint is what a variable's type says.
type constraint struct {
	ty       cty.Type
	defaults *typeexpr.Defaults
}

// typeOf reads a type constraint, and the forms of Terraform 0.11 ("string",
// list, map). ok is false for what is none. No type is any.
func typeOf(f *hclparse.File, e hcl.Expression) (c constraint, ok bool) {
	if e == nil {
		return constraint{ty: cty.DynamicPseudoType}, true
	}
	switch strings.Trim(plainExpr(f, e), `" `) {
	case "string":
		return constraint{ty: cty.String}, true
	case "list":
		return constraint{ty: cty.List(cty.DynamicPseudoType)}, true
	case "map":
		return constraint{ty: cty.Map(cty.DynamicPseudoType)}, true
	}
	ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(e)
	if diags.HasErrors() || ty == cty.NilType {
		return constraint{ty: cty.DynamicPseudoType}, false
	}
	return constraint{ty, defaults}, true
}

// A relation is how the values that two types take compare.
type relation struct {
	lost    []string // what is no longer taken, or read
	gained  []string // what is taken that was not
	altered []string // what is taken as before, as another kind of value
}

// relate compares two types by what can be passed to them, with Terraform's
// automatic conversions.
func relate(old, new cty.Type) relation {
	var r relation
	r.compare("", old, new)
	return r
}

func (r *relation) compare(at string, old, new cty.Type) {
	lose := func(format string, args ...any) { r.lost = append(r.lost, atPath(at)+fmt.Sprintf(format, args...)) }
	gain := func(format string, args ...any) { r.gained = append(r.gained, atPath(at)+fmt.Sprintf(format, args...)) }
	alter := func(format string, args ...any) {
		r.altered = append(r.altered, atPath(at)+fmt.Sprintf(format, args...))
	}
	switch {
	case old.Equals(new):
	case new == cty.DynamicPseudoType:
		gain("takes any type")
	case old == cty.DynamicPseudoType:
		lose("takes %s only, not any type", friendly(new))
	case old.IsPrimitiveType() && new.IsPrimitiveType():
		if convert.GetConversion(old, new) != nil {
			gain("takes %s, not only %s", friendly(new), friendly(old))
		} else {
			lose("takes %s instead of %s", friendly(new), friendly(old))
		}
	case old.IsObjectType() && new.IsObjectType():
		r.objects(at, old, new)
	case old.IsMapType() && new.IsMapType():
		r.compare(at+"[*]", old.ElementType(), new.ElementType())
	case old.IsObjectType() && new.IsMapType():
		attributes := old.AttributeTypes()
		for _, name := range names(attributes) {
			r.compare(at+"."+name, attributes[name], new.ElementType())
		}
		gain("takes a map with any keys")
	case sequence(old) && sequence(new):
		r.compare(at+"[*]", old.ElementType(), new.ElementType())
		if old.IsSetType() != new.IsSetType() {
			alter("is a %s, and was a %s", kindOf(new), kindOf(old))
		}
	case old.IsTupleType() && sequence(new):
		for i, e := range old.TupleElementTypes() {
			r.compare(fmt.Sprintf("%s[%d]", at, i), e, new.ElementType())
		}
		gain("takes any number of elements")
	case old.IsTupleType() && new.IsTupleType():
		a, b := old.TupleElementTypes(), new.TupleElementTypes()
		if len(a) != len(b) {
			lose("has %d elements, not %d", len(b), len(a))
			return
		}
		for i := range a {
			r.compare(fmt.Sprintf("%s[%d]", at, i), a[i], b[i])
		}
	default:
		lose("takes %s instead of %s", friendly(new), friendly(old))
	}
}

func (r *relation) objects(at string, old, new cty.Type) {
	a, b := old.AttributeTypes(), new.AttributeTypes()
	gone, come, stay := both(a, b)
	for _, n := range gone {
		r.lost = append(r.lost, fmt.Sprintf("the attribute %s is gone: what is passed for it is left out without a word", strings.TrimPrefix(at+"."+n, ".")))
	}
	for _, n := range come {
		what := strings.TrimPrefix(at+"."+n, ".")
		if new.AttributeOptional(n) {
			r.gained = append(r.gained, fmt.Sprintf("the optional attribute %s is new", what))
		} else {
			r.lost = append(r.lost, fmt.Sprintf("the attribute %s is new and required", what))
		}
	}
	for _, n := range stay {
		what := strings.TrimPrefix(at+"."+n, ".")
		switch was, is := old.AttributeOptional(n), new.AttributeOptional(n); {
		case was && !is:
			r.lost = append(r.lost, fmt.Sprintf("the attribute %s is required", what))
		case !was && is:
			r.gained = append(r.gained, fmt.Sprintf("the attribute %s is optional", what))
		}
		r.compare(at+"."+n, a[n], b[n])
	}
}

func atPath(at string) string {
	if at == "" {
		return "it "
	}
	if at == "[*]" {
		return "each element "
	}
	return strings.TrimPrefix(at, ".") + " "
}

func sequence(t cty.Type) bool { return t.IsListType() || t.IsSetType() }

func kindOf(t cty.Type) string {
	if t.IsSetType() {
		return "set"
	}
	return "list"
}

// friendly is a type in the words of Terraform's language, its inside left out
// where it is long.
func friendly(t cty.Type) string {
	switch {
	case t.IsObjectType():
		return "an object"
	case t.IsTupleType():
		return "a tuple"
	case t == cty.DynamicPseudoType:
		return "any"
	case t.IsPrimitiveType():
		return t.FriendlyName()
	case t.IsMapType():
		return "a map of " + strings.TrimPrefix(strings.TrimPrefix(friendly(t.ElementType()), "a "), "an ")
	case sequence(t):
		return "a " + kindOf(t) + " of " + strings.TrimPrefix(strings.TrimPrefix(friendly(t.ElementType()), "a "), "an ")
	}
	return t.FriendlyName()
}

// alteredDefaults are the paths of the attributes, optional in both types,
// whose defaults differ.
func alteredDefaults(at string, old, new cty.Type, a, b *typeexpr.Defaults) []string {
	var out []string
	child := func(d *typeexpr.Defaults, name string) *typeexpr.Defaults {
		if d == nil {
			return nil
		}
		return d.Children[name]
	}
	switch {
	case a == nil && b == nil:
	case old.IsObjectType() && new.IsObjectType():
		_, _, stay := both(old.AttributeTypes(), new.AttributeTypes())
		for _, n := range stay {
			if old.AttributeOptional(n) && new.AttributeOptional(n) {
				x, y := cty.NullVal(cty.DynamicPseudoType), cty.NullVal(cty.DynamicPseudoType)
				if a != nil && a.DefaultValues[n] != cty.NilVal {
					x = a.DefaultValues[n]
				}
				if b != nil && b.DefaultValues[n] != cty.NilVal {
					y = b.DefaultValues[n]
				}
				if !sameValue(x, y, new.AttributeType(n)) {
					out = append(out, strings.TrimPrefix(at+"."+n, "."))
				}
			}
			out = append(out, alteredDefaults(at+"."+n, old.AttributeType(n), new.AttributeType(n), child(a, n), child(b, n))...)
		}
	case (sequence(old) || old.IsMapType()) && (sequence(new) || new.IsMapType()):
		out = alteredDefaults(at+"[*]", old.ElementType(), new.ElementType(), child(a, ""), child(b, ""))
	}
	slices.Sort(out)
	return out
}

// sameValue compares values as a variable of type t has them.
func sameValue(a, b cty.Value, t cty.Type) bool {
	if a.IsNull() && b.IsNull() {
		return true
	}
	x, err1 := convert.Convert(a, t)
	y, err2 := convert.Convert(b, t)
	if err1 == nil && err2 == nil {
		a, b = x, y
	}
	return a.RawEquals(b)
}

func isText(v cty.Value) bool {
	return v != cty.NilVal && v.Type() == cty.String && v.IsKnown() && !v.IsNull() && !v.IsMarked()
}

// literal is the value of an expression that needs neither variables nor
// functions.
func literal(e hcl.Expression) (cty.Value, bool) {
	if e == nil || tooLarge(e) || len(e.Variables()) > 0 {
		return cty.NilVal, false
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() || v == cty.NilVal || !v.IsWhollyKnown() {
		return cty.NilVal, false
	}
	return v, true
}
