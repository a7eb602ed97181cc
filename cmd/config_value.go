package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/gocty"
)

func wrongType(rng hcl.Range, want string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong type of value", Detail: "This must be " + want + ".", Subject: rng.Ptr()}
}

// value evaluates an attribute without variables. Absent ones, and those with
// errors, give false.
func (d *decoder) value(e hcl.Expression, typ cty.Type, want string) (cty.Value, bool) {
	if !d.plain(e, nil) {
		return cty.NilVal, false
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() {
		d.diags = append(d.diags, diags...)
		return cty.NilVal, false
	}
	if v.IsNull() || !v.IsKnown() || v.Type() != typ {
		d.diags = append(d.diags, wrongType(e.Range(), want))
		return cty.NilVal, false
	}
	return v, true
}

func (d *decoder) str(a *hcl.Attribute) (located, bool) {
	if a == nil {
		return located{}, false
	}
	v, ok := d.value(a.Expr, cty.String, "a string, in quotes")
	if !ok {
		return located{}, false
	}
	return located{v.AsString(), a.Expr.Range()}, true
}

func (d *decoder) boolean(a *hcl.Attribute) bool {
	if a == nil {
		return false
	}
	v, ok := d.value(a.Expr, cty.Bool, "true or false")
	return ok && v.True()
}

// integer reads a whole number from 0 on; 0 where it is absent or wrong.
func (d *decoder) integer(a *hcl.Attribute) int {
	if a == nil {
		return 0
	}
	const want = "a whole number from 0 on"
	v, ok := d.value(a.Expr, cty.Number, want)
	if !ok {
		return 0
	}
	var n int32
	if err := gocty.FromCtyValue(v, &n); err != nil || n < 0 {
		d.diags = append(d.diags, wrongType(a.Expr.Range(), want))
		return 0
	}
	return int(n)
}

// strs reads a list of strings.
func (d *decoder) strs(a *hcl.Attribute) []located {
	if a == nil {
		return nil
	}
	items, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() {
		d.diags = append(d.diags, wrongType(a.Expr.Range(), "a list of strings: [\"…\"]"))
		return nil
	}
	var out []located
	for _, item := range items {
		if v, ok := d.value(item, cty.String, "a string, in quotes"); ok {
			out = append(out, located{v.AsString(), item.Range()})
		}
	}
	return out
}

// list reads a list of strings and checks each.
func (d *decoder) list(a *hcl.Attribute, summary string, check func(string) error) []string {
	var out []string
	for _, v := range d.strs(a) {
		if d.check(v, summary, check) {
			out = append(out, v.value)
		}
	}
	return out
}

// checked reads a string; "" where it is absent or wrong.
func (d *decoder) checked(a *hcl.Attribute, summary string, check func(string) error) string {
	v, ok := d.str(a)
	if !ok || !d.check(v, summary, check) {
		return ""
	}
	return v.value
}

func (d *decoder) check(v located, summary string, check func(string) error) bool {
	if err := check(v.value); err != nil {
		d.err(v.rng, summary, "%s", sentence(err))
		return false
	}
	return true
}

func (d *decoder) oneOf(v located, what string, known []string) bool {
	if slices.Contains(known, v.value) {
		return true
	}
	detail := "It is one of " + list(known) + "."
	if s := suggest(v.value, known); s != "" {
		detail += fmt.Sprintf(" Did you mean %q?", s)
	}
	d.err(v.rng, "Unknown "+what, "%s", detail)
	return false
}

// sentence turns an error into a diagnostic's detail: a sentence, and the
// hint as a paragraph.
func sentence(err error) string {
	text, hint, has := strings.Cut(err.Error(), "\nhint: ")
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:] + "."
	}
	if has {
		text += "\n\nhint: " + hint
	}
	return text
}

// suggest returns the known name that is nearest to what was written, "" where
// none is near.
func suggest(given string, known []string) string {
	best, bestDist := "", max(2, len(given)/3)+1
	for _, k := range known {
		a, b := strings.ToLower(given), strings.ToLower(k)
		if len(a) > 2 && strings.HasPrefix(b, a) || len(b) > 2 && strings.HasPrefix(a, b) {
			return k
		}
		dist := levenshtein.Distance(a, b, nil)
		if dist < bestDist && dist < len(k) {
			best, bestDist = k, dist
		}
	}
	return best
}

func list(names []string) string {
	const shown = 10
	var b strings.Builder
	for i, n := range names {
		if i == shown {
			fmt.Fprintf(&b, " and %d more", len(names)-shown)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", n)
	}
	return b.String()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
