package change

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/hclparse"
)

// A read is one use of an output.
type read struct {
	output string
	rng    hcl.Range
	in     *hclparse.Output // the output that is made of it, where there is one
}

// outputsRead finds where a directory reads the outputs of its call name:
// module.x.out, with keys (module.x["a"].out, module.x[each.key].out), splats
// (module.x[*].out, values(module.x)[*].out) and for expressions over
// module.x. A file that tofu or terraform leaves out is looked at too.
func outputsRead(m *hclparse.Module, name string) []read {
	var out []read
	for _, f := range m.Files {
		if f.Syntax == hclparse.Terragrunt || f.Body == nil {
			continue
		}
		r := &reader{name: name}
		if native, ok := f.Body.(*hclsyntax.Body); ok {
			r.native(native)
		} else {
			r.json(f.Body)
		}
		out = append(out, r.out...)
	}
	for i := range out {
		for _, o := range m.Outputs {
			if o.Value != nil && o.Value.Range().Filename == out[i].rng.Filename && o.Value.Range().ContainsPos(out[i].rng.Start) {
				out[i].in = o
			}
		}
	}
	return out
}

type reader struct {
	name string
	out  []read
}

func (r *reader) add(output string, rng hcl.Range) {
	r.out = append(r.out, read{output: output, rng: rng})
}

// json reads traversals alone: a template in a string gives no more.
func (r *reader) json(body hcl.Body) {
	attributes, _ := body.JustAttributes()
	for _, a := range attributes {
		for _, t := range a.Expr.Variables() {
			r.traversal(t)
		}
	}
}

func (r *reader) native(body *hclsyntax.Body) {
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		switch e := n.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			r.traversal(e.Traversal)
		case *hclsyntax.RelativeTraversalExpr:
			if r.instance(e.Source) {
				r.first(e.Traversal)
			}
		case *hclsyntax.SplatExpr:
			if r.whole(e.Source) {
				r.splat(e.Each)
			}
		case *hclsyntax.ForExpr:
			if r.whole(e.CollExpr) {
				for _, inner := range []hclsyntax.Expression{e.KeyExpr, e.ValExpr, e.CondExpr} {
					r.element(inner, e.ValVar)
				}
			}
		}
		return nil
	})
}

// traversal takes the output of module.x.out and module.x["a"].out.
func (r *reader) traversal(t hcl.Traversal) {
	if len(t) < 3 || t.RootName() != "module" {
		return
	}
	if a, ok := t[1].(hcl.TraverseAttr); ok && a.Name == r.name {
		r.first(t[2:])
	}
}

// first takes the output of what follows an instance: a key, a splat or
// nothing, and then a name.
func (r *reader) first(t hcl.Traversal) {
	for _, s := range t {
		switch s := s.(type) {
		case hcl.TraverseAttr:
			r.add(s.Name, s.SrcRange)
			return
		case hcl.TraverseIndex, hcl.TraverseSplat:
		default:
			return
		}
	}
}

// whole reports whether an expression is module.x itself, or the values of it.
func (r *reader) whole(e hclsyntax.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return r.whole(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		t := e.Traversal
		if len(t) != 2 || t.RootName() != "module" {
			return false
		}
		a, ok := t[1].(hcl.TraverseAttr)
		return ok && a.Name == r.name
	case *hclsyntax.FunctionCallExpr:
		return (e.Name == "values" || e.Name == "tolist" || e.Name == "one") && len(e.Args) == 1 && r.whole(e.Args[0])
	}
	return false
}

// instance reports whether an expression is one instance of module.x.
func (r *reader) instance(e hclsyntax.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return r.instance(e.Expression)
	case *hclsyntax.IndexExpr:
		return r.whole(e.Collection)
	}
	return r.whole(e)
}

// splat takes the output of what a splat does with each element.
func (r *reader) splat(each hclsyntax.Expression) {
	for {
		t, ok := each.(*hclsyntax.RelativeTraversalExpr)
		if !ok {
			return
		}
		if _, ok := t.Source.(*hclsyntax.AnonSymbolExpr); ok {
			r.first(t.Traversal)
			return
		}
		each = t.Source
	}
}

// element takes the outputs that are read of a for expression's variable.
func (r *reader) element(e hclsyntax.Expression, name string) {
	if e == nil {
		return
	}
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if t, ok := n.(*hclsyntax.ScopeTraversalExpr); ok && len(t.Traversal) > 1 && t.Traversal.RootName() == name {
			r.first(t.Traversal[1:])
		}
		return nil
	})
}
