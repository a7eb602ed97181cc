package change

import (
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// renamedVariables pairs variables that are gone with new ones: those that
// stand in the same places of the module, or, in the second round, have the
// same description and type. A pair is certain where neither side has another
// candidate.
func (d *differ) renamedVariables(gone, come []string) map[string]string {
	out := map[string]string{}
	if len(gone) == 0 || len(come) == 0 {
		return out
	}
	a, b := uses(d.a), uses(d.b)
	pairs(out, gone, come, func(n string) string { return a[n] }, func(n string) string { return b[n] })
	text := func(v *variable) string { return v.Description }
	x, y := described(d.a.variables, text), described(d.b.variables, text)
	describe := func(v *variable, alone map[string]bool) string {
		if !alone[v.Description] {
			return ""
		}
		return v.Description + "\x00" + plainExpr(v.typeFile, v.Type)
	}
	pairs(out, gone, come, func(n string) string { return describe(d.a.variables[n], x) }, func(n string) string { return describe(d.b.variables[n], y) })
	return out
}

// described are the descriptions that say which one it is: only one has them,
// and they have more than two words ("The name").
func described[T any](all map[string]T, text func(T) string) map[string]bool {
	times := map[string]int{}
	for _, v := range all {
		times[text(v)]++
	}
	alone := map[string]bool{}
	for s, n := range times {
		alone[s] = n == 1 && len(strings.Fields(s)) > 2
	}
	return alone
}

// renamedOutputs pairs outputs that are gone with new ones: those that have
// the same value, where that names what is there under another name now, or
// the same description.
func (d *differ) renamedOutputs(gone, come []string) map[string]string {
	out := map[string]string{}
	if len(gone) == 0 || len(come) == 0 {
		return out
	}
	value := func(o *output) string { return plainExpr(o.valueFile, o.Value) }
	pairs(out, gone, come, func(n string) string { return value(d.a.outputs[n]) }, func(n string) string { return value(d.b.outputs[n]) })
	text := func(o *output) string { return o.Description }
	x, y := described(d.a.outputs, text), described(d.b.outputs, text)
	describe := func(o *output, alone map[string]bool) string {
		if alone[o.Description] {
			return o.Description
		}
		return ""
	}
	pairs(out, gone, come, func(n string) string { return describe(d.a.outputs[n], x) }, func(n string) string { return describe(d.b.outputs[n], y) })
	return out
}

// pairs adds to out each name of gone and come that alone have a signature.
func pairs(out map[string]string, gone, come []string, of, to func(string) string) {
	taken := map[string]bool{}
	for _, n := range out {
		taken[n] = true
	}
	left, right := map[string][]string{}, map[string][]string{}
	for _, n := range gone {
		if s := of(n); s != "" && out[n] == "" {
			left[s] = append(left[s], n)
		}
	}
	for _, n := range come {
		if s := to(n); s != "" && !taken[n] {
			right[s] = append(right[s], n)
		}
	}
	for s, l := range left {
		if r := right[s]; len(l) == 1 && len(r) == 1 {
			out[l[0]] = r[0]
		}
	}
}

// uses says for each variable where and how it is used: a signature that has
// its name left out.
func uses(v *view) map[string]string {
	found := map[string][]string{}
	look := func(place string, a *arg) {
		if a.expr == nil {
			return
		}
		seen := map[string]bool{}
		for _, t := range a.expr.Variables() {
			n := variableOf(t)
			if n == "" || seen[n] {
				continue
			}
			seen[n] = true
			text := strings.ReplaceAll(" "+a.text+" ", " var . "+n+" ", " var . ? ")
			found[n] = append(found[n], place+"="+strings.ReplaceAll(text, "var."+n, "var.?"))
		}
	}
	for address, b := range v.blocks {
		for name, a := range b.args {
			look(address+"."+name, a)
		}
	}
	for n, l := range v.locals {
		look("local."+n, l)
	}
	for n, o := range v.outputs {
		if o.Value != nil {
			look("output."+n, &arg{expr: o.Value, text: plainExpr(o.valueFile, o.Value)})
		}
	}
	out := map[string]string{}
	for n, places := range found {
		sort.Strings(places)
		out[n] = strings.Join(places, "\x00")
	}
	return out
}

// variableOf is the variable that a traversal reads, "" where it reads none.
func variableOf(t hcl.Traversal) string {
	if len(t) < 2 || t.RootName() != "var" {
		return ""
	}
	if a, ok := t[1].(hcl.TraverseAttr); ok {
		return a.Name
	}
	return ""
}
