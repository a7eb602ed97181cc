package change

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func (d *differ) outputs() {
	gone, come, stay := both(d.a.outputs, d.b.outputs)
	renamed := d.renamedOutputs(gone, come)
	arrived := map[string]bool{}
	for _, n := range gone {
		x := d.a.outputs[n]
		if to := renamed[n]; to != "" {
			arrived[to] = true
			y := d.b.outputs[to]
			d.add(OutputRenamed, Major, "output."+n, y.File, y.Range, n, to, "the output %s is now %s", n, to)
			d.output(x, y)
			continue
		}
		d.gone(OutputRemoved, Major, "output."+n, x.File, x.Range, d.valueText(x), "", "the output %s is gone", n)
	}
	for _, n := range come {
		if x := d.b.outputs[n]; !arrived[n] {
			d.add(OutputAdded, Minor, "output."+n, x.File, x.Range, "", d.valueText(x), "the output %s is new", n)
		}
	}
	for _, n := range stay {
		d.output(d.a.outputs[n], d.b.outputs[n])
	}
}

func (d *differ) valueText(o *output) string {
	if o.Value == nil {
		return ""
	}
	return shown(o.valueFile, o.Value.Range())
}

func (d *differ) output(a, b *output) {
	n, subject := b.Name, "output."+b.Name
	if x, y := plainExpr(a.valueFile, a.Value), plainExpr(b.valueFile, b.Value); x != y {
		f, rng := b.File, b.Range
		if b.Value != nil {
			f, rng = b.valueFile, b.Value.Range()
		}
		was, is := shapeOf(a.Value), shapeOf(b.Value)
		if was != "" && is != "" && was != is {
			d.add(OutputShape, Major, subject, f, rng, d.valueText(a), d.valueText(b), "the output %s is a %s, and was a %s", n, is, was)
		} else {
			d.add(OutputValue, Patch, subject, f, rng, d.valueText(a), d.valueText(b), "the value of the output %s is made otherwise", n)
		}
	}
	if a.Sensitive != b.Sensitive {
		if b.Sensitive {
			d.add(OutputSensitive, Major, subject, b.File, b.Range, "false", "true", "the output %s is sensitive now: a root output that is made of it has to be so too", n)
		} else {
			d.add(OutputSensitive, Minor, subject, b.File, b.Range, "true", "false", "the output %s is no longer sensitive: its value is shown", n)
		}
	}
	if a.Ephemeral != b.Ephemeral {
		if b.Ephemeral {
			d.add(OutputEphemeral, Major, subject, b.File, b.Range, "false", "true", "the output %s is ephemeral now: it can be used in ephemeral places only", n)
		} else {
			d.add(OutputEphemeral, Minor, subject, b.File, b.Range, "true", "false", "the output %s is no longer ephemeral", n)
		}
	}
	if b.deprecated && !a.deprecated {
		d.add(OutputDeprecated, Minor, subject, b.File, b.Range, "", "", "the output %s is deprecated", n)
	}
	if a.Description != b.Description {
		d.add(DescriptionChanged, Patch, subject, b.File, b.Range, quoted(a.Description), quoted(b.Description), "the description of the output %s changed", n)
	}
}

// shapeOf is what an expression certainly gives: "list", "map", "string"; ""
// where that depends on more than it.
func shapeOf(e hcl.Expression) string {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return shapeOf(e.Expression)
	case *hclsyntax.TupleConsExpr, *hclsyntax.SplatExpr:
		return "list"
	case *hclsyntax.ObjectConsExpr:
		return "map"
	case *hclsyntax.ForExpr:
		if e.KeyExpr != nil {
			return "map"
		}
		return "list"
	case *hclsyntax.TemplateExpr:
		return "string"
	case *hclsyntax.FunctionCallExpr:
		switch e.Name {
		case "compact", "concat", "flatten", "keys", "sort", "tolist", "split", "range", "distinct", "values":
			return "list"
		case "merge", "zipmap", "tomap":
			return "map"
		case "join", "format", "tostring", "jsonencode", "lower", "upper":
			return "string"
		}
	}
	return ""
}
