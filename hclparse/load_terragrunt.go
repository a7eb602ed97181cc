package hclparse

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// parseTerragrunt reads the sources of a terragrunt.hcl and nothing else.
func (p *parsed) parseTerragrunt() {
	body := p.syntaxBody()
	if body == nil {
		return
	}
	for _, b := range body.Blocks {
		if b.Type != "terraform" || b.Body == nil {
			continue
		}
		if a := b.Body.Attributes["source"]; a != nil && a.Expr != nil {
			p.terragruntSource(a.Expr, a.Expr.Range(), false)
		}
	}
}

// terragruntSource reads a source expression. Each branch of a conditional,
// also of one inside another, is an entry: a literal, or one that is not
// Static.
func (p *parsed) terragruntSource(e hclsyntax.Expression, rng hcl.Range, branch bool) {
	if cond, ok := unwrap(e).(*hclsyntax.ConditionalExpr); ok && p.hasLiteral(cond) {
		p.terragruntSource(cond.TrueResult, cond.TrueResult.Range(), true)
		p.terragruntSource(cond.FalseResult, cond.FalseResult.Range(), true)
		return
	}
	s := &TerragruntSource{File: &p.File, Range: rng, Conditional: branch}
	if lit, ok := p.literal(e); ok {
		s.Static, s.Raw, s.Range = true, lit.value, lit.rng
		s.Source, s.SourceErr = ParseSource(lit.value)
	}
	p.m.Terragrunt = append(p.m.Terragrunt, s)
}

// hasLiteral reports whether any branch of a conditional is a literal. Where
// none is, the whole expression is one computed source.
func (p *parsed) hasLiteral(cond *hclsyntax.ConditionalExpr) bool {
	for _, e := range []hclsyntax.Expression{cond.TrueResult, cond.FalseResult} {
		if e == nil {
			return false
		}
		if _, ok := p.literal(e); ok {
			return true
		}
		if inner, ok := unwrap(e).(*hclsyntax.ConditionalExpr); ok && p.hasLiteral(inner) {
			return true
		}
	}
	return false
}
