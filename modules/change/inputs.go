package change

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
)

// InputBreaks is Breaks for a terragrunt unit: the inputs that its
// terragrunt.hcl writes out. An input that no variable takes is no error
// there, but it no longer does anything. Nothing is said of a required one
// that is not passed where the unit includes others, which may pass it.
func InputBreaks(unit *hclparse.Module, old, new *hclparse.Module) []Break {
	var out []Break
	for _, f := range unit.Files {
		if f.Syntax != hclparse.Terragrunt || f.Body == nil {
			continue
		}
		d := &differ{scope: &scope{dir: "."}, a: see(old, false), b: see(new, false)}
		out = append(out, d.inputs(f)...)
	}
	return sortBreaks(out)
}

func (d *differ) inputs(f *hclparse.File) []Break {
	var out []Break
	add := func(rng hcl.Range, format string, args ...any) {
		out = append(out, Break{File: f.Path, Line: rng.Start.Line, Call: "terraform", Summary: fmt.Sprintf(format, args...)})
	}
	content, _, _ := f.Body.PartialContent(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "inputs"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "include", LabelNames: []string{"name"}}},
	})
	// An include without a label is one all the same, which the schema refuses.
	bare, _, _ := f.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "include"}}})
	included := content != nil && len(content.Blocks) > 0 || bare != nil && len(bare.Blocks) > 0
	passed := map[string]hcl.Expression{}
	at := hcl.Range{Filename: f.Path, Start: hcl.Pos{Line: 1}}
	computed := false
	if content != nil {
		if a := content.Attributes["inputs"]; a != nil {
			at = a.Range
			items, diags := hcl.ExprMap(a.Expr)
			computed = diags.HasErrors()
			for _, item := range items {
				if n := keyOf(item.Key); n != "" {
					passed[n] = item.Value
				}
			}
		}
	}
	gone, come, _ := both(d.a.variables, d.b.variables)
	renamed := d.renamedVariables(gone, come)
	for _, n := range gone {
		switch e := passed[n]; {
		case e == nil:
		case renamed[n] != "":
			add(e.Range(), "the unit passes %s, which is now %s", n, renamed[n])
		default:
			add(e.Range(), "the unit passes %s, which is gone", n)
		}
	}
	for _, n := range names(d.b.variables) {
		x, y := d.a.variables[n], d.b.variables[n]
		if e := passed[n]; e != nil {
			if x != nil {
				b := &breaker{differ: d, call: &hclparse.Call{}}
				b.value(&hcl.Attribute{Name: n, Expr: e, Range: e.Range()}, n, x, y)
				for _, found := range b.out {
					found.Call = "terraform"
					found.Summary = "the unit" + found.Summary[len(`module ""`):]
					out = append(out, found)
				}
			}
			continue
		}
		if y.Default == nil && (x == nil || x.Default != nil) && !included && !computed {
			add(at, "the unit does not pass %s, which is required", n)
		}
	}
	return out
}
