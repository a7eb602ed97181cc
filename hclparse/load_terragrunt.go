package hclparse

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// ParseTerragrunt reads terragrunt configuration that stands at the slash path
// name: a terragrunt.hcl, or another file that one includes. Like Load it
// never fails: what is wrong is in the file's Diags.
func ParseTerragrunt(name string, src []byte) (*File, []*TerragruntSource) {
	p := &parsed{File: File{Path: name, Real: name, Bytes: src, Syntax: Terragrunt}}
	p.parseBytes()
	return &p.File, p.m.Terragrunt
}

// parseTerragrunt reads the sources of a terragrunt file, with the version beside
// them, and nothing else.
func (p *parsed) parseTerragrunt() {
	body := p.syntaxBody()
	if body == nil {
		return
	}
	for _, b := range body.Blocks {
		if b.Type != "terraform" || b.Body == nil {
			continue
		}
		a := b.Body.Attributes["source"]
		if a == nil || a.Expr == nil {
			continue
		}
		first := len(p.m.Terragrunt)
		p.terragruntSource(a.Expr, false)
		if v := b.Body.Attributes["version"]; v != nil && v.Expr != nil {
			text, at := "", v.Expr.Range()
			if lit, ok := p.literal(v.Expr); ok {
				text, at = lit.value, lit.rng
			}
			for _, s := range p.m.Terragrunt[first:] {
				s.Version, s.VersionRange = text, at
			}
		}
	}
}

// terragruntSource reads a source expression. Each branch of a conditional,
// also of one inside another or alone in a template ("${a ? b : c}"), is an
// entry.
func (p *parsed) terragruntSource(e hclsyntax.Expression, branch bool) {
	inner := unwrap(e)
	if t, ok := inner.(*hclsyntax.TemplateWrapExpr); ok {
		inner = unwrap(t.Wrapped)
	}
	if cond, ok := inner.(*hclsyntax.ConditionalExpr); ok && cond.TrueResult != nil && cond.FalseResult != nil {
		p.terragruntSource(cond.TrueResult, true)
		p.terragruntSource(cond.FalseResult, true)
		return
	}
	s := &TerragruntSource{File: &p.File, Expr: e, Range: e.Range(), Conditional: branch}
	if lit, ok := p.literal(e); ok {
		s.Static, s.Raw, s.Range = true, lit.value, lit.rng
		s.Source, s.SourceErr = ParseSource(lit.value)
	}
	p.m.Terragrunt = append(p.m.Terragrunt, s)
}
