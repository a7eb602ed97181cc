package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A template is a string with ${…} in it, and the variables that may stand
// there. It was checked when it was read, so that it has no function, no
// operator and no other variable.
type template struct {
	expr hcl.Expression
	vars []string
	rng  hcl.Range
}

// samples are the values with which templates are tried when they are read.
var samples = map[string]string{"name": "example", "version": "1.0.0", "tag": "v1.0.0", "stack": "live/prod/vpc", "environment": "prod", "account": "prod"}

func (t *template) expand(values map[string]string) (string, error) {
	s, diags := t.evaluate(values)
	if diags.HasErrors() {
		return "", diags
	}
	return s, nil
}

func (t *template) evaluate(values map[string]string) (string, hcl.Diagnostics) {
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}}
	for _, name := range t.vars {
		ctx.Variables[name] = cty.StringVal(values[name])
	}
	v, diags := t.expr.Value(ctx)
	if diags.HasErrors() {
		return "", diags
	}
	if v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return "", hcl.Diagnostics{wrongType(t.rng, "a string")}
	}
	return v.AsString(), diags
}

func (t *template) uses(name string) bool {
	for _, v := range t.expr.Variables() {
		if v.RootName() == name {
			return true
		}
	}
	return false
}

// template reads a string that may use variables. check judges it with the
// sample values.
func (d *decoder) template(a *hcl.Attribute, check func(string) error, vars ...string) *template {
	if a == nil || !d.plain(a.Expr, vars) {
		return nil
	}
	t := &template{expr: a.Expr, vars: vars, rng: a.Expr.Range()}
	s, diags := t.evaluate(samples)
	if diags.HasErrors() {
		d.diags = append(d.diags, diags...)
		return nil
	}
	if err := check(s); err != nil {
		d.err(t.rng, "Not a valid "+a.Name, "%s", sentence(err))
		return nil
	}
	return t
}

// plain reports whether an expression holds nothing but values, and the
// variables. Anything else is refused, so that reading the file costs what its
// length costs.
func (d *decoder) plain(e hcl.Expression, vars []string) bool {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return true
	case *hclsyntax.TemplateExpr:
		return d.allPlain(e.Parts, vars)
	case *hclsyntax.TemplateWrapExpr:
		return d.plain(e.Wrapped, vars)
	case *hclsyntax.ParenthesesExpr:
		return d.plain(e.Expression, vars)
	case *hclsyntax.TupleConsExpr:
		return d.allPlain(e.Exprs, vars)
	case *hclsyntax.UnaryOpExpr: // a negative number
		return d.plain(e.Val, vars)
	case *hclsyntax.ScopeTraversalExpr:
		return d.variable(e, vars)
	case *hclsyntax.FunctionCallExpr:
		d.err(e.NameRange, "No functions here", "A value is written out; there is no function %q.%s", e.Name, available(vars))
	default:
		d.err(e.Range(), "Not a plain value", "A value is written out: there are no operators, conditions or loops.%s", available(vars))
	}
	return false
}

func (d *decoder) allPlain(exprs []hclsyntax.Expression, vars []string) bool {
	ok := true
	for _, e := range exprs {
		ok = d.plain(e, vars) && ok
	}
	return ok
}

func (d *decoder) variable(e *hclsyntax.ScopeTraversalExpr, vars []string) bool {
	name := e.Traversal.RootName()
	if slices.Contains(vars, name) {
		if len(e.Traversal) > 1 {
			d.err(e.Range(), "Not a plain value", "%q is a string and has no parts.", name)
			return false
		}
		return true
	}
	detail := fmt.Sprintf("There is no variable %q here.", name)
	if len(vars) == 0 {
		detail += fmt.Sprintf("\n\nhint: a string stands in quotes: %q", name)
	} else if s := suggest(name, vars); s != "" {
		detail += fmt.Sprintf(" Did you mean ${%s}?", s)
	} else {
		detail += available(vars)
	}
	d.err(e.Range(), "Unknown variable", "%s", detail)
	return false
}

func available(vars []string) string {
	if len(vars) == 0 {
		return ""
	}
	return " It may use ${" + strings.Join(vars, "} and ${") + "}."
}
