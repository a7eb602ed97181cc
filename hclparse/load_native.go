package hclparse

import (
	"bytes"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// syntaxBody parses native syntax. hclsyntax skips a byte order mark itself
// and counts its bytes. Nil where nothing could be read.
func (p *parsed) syntaxBody() *hclsyntax.Body {
	f, diags := hclsyntax.ParseConfig(p.Bytes, p.Path, hcl.InitialPos)
	p.Diags = append(p.Diags, diags...)
	if f == nil {
		return nil
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok || body == nil {
		return nil
	}
	p.Body = body
	return body
}

// parseNative walks the syntax tree directly: schemas and PartialContent
// would cost as much again as a tenth of the parsing.
func (p *parsed) parseNative() {
	body := p.syntaxBody()
	if body == nil {
		return
	}
	for _, b := range body.Blocks {
		if b.Body != nil {
			p.nativeBlock(b)
		}
	}
}

// nativeBlock reads a top-level block.
func (p *parsed) nativeBlock(b *hclsyntax.Block) {
	switch b.Type {
	case "module":
		p.nativeCall(b)
	case "variable":
		if len(b.Labels) == 1 {
			p.nativeVariable(b)
		}
	case "output":
		if len(b.Labels) == 1 {
			p.m.Outputs = append(p.m.Outputs, &Output{
				Name:        b.Labels[0],
				File:        &p.File,
				Range:       b.DefRange(),
				Value:       p.expr(b, "value"),
				Description: p.str(b, "description"),
				Sensitive:   truth(b, "sensitive"),
				Ephemeral:   truth(b, "ephemeral"),
			})
		}
	case "locals":
		for _, a := range byPosition(b.Body) {
			p.m.Locals = append(p.m.Locals, &Local{Name: a.Name, File: &p.File, Range: a.SrcRange, Expr: a.Expr})
		}
	case "resource", "data", "ephemeral":
		if len(b.Labels) == 2 {
			p.m.Resources = append(p.m.Resources, &Resource{
				Mode: resourceMode(b.Type), Type: b.Labels[0], Name: b.Labels[1],
				File: &p.File, Range: b.DefRange(), Body: b.Body,
			})
		}
	case "provider":
		if len(b.Labels) == 1 {
			p.m.Providers = append(p.m.Providers, &ProviderConfig{
				Name: b.Labels[0], Alias: p.str(b, "alias"),
				File: &p.File, Range: b.DefRange(), Body: b.Body,
			})
		}
	case "terraform":
		p.nativeSettings(b)
	}
}

func resourceMode(blockType string) string {
	if blockType == "resource" {
		return "managed"
	}
	return blockType
}

func (p *parsed) nativeCall(b *hclsyntax.Block) {
	if len(b.Labels) != 1 {
		p.missingName(b.Type, b.DefRange())
		return
	}
	c := &Call{Name: b.Labels[0], File: &p.File, Block: b.DefRange(), Attributes: make(map[string]*hcl.Attribute, len(b.Body.Attributes))}
	for name, a := range b.Body.Attributes {
		switch {
		case a == nil || a.Expr == nil:
		case name == "source":
			lit, ok := p.literal(a.Expr)
			c.setSource(lit, ok, a.Expr.Range())
		case name == "version":
			c.VersionRange = a.Expr.Range()
			if lit, ok := p.literal(a.Expr); ok {
				c.Version, c.VersionRange = lit.value, lit.rng
			}
		default:
			c.Attributes[name] = a.AsHCLAttribute()
		}
	}
	p.m.Calls = append(p.m.Calls, c)
}

func (p *parsed) nativeVariable(b *hclsyntax.Block) {
	p.m.Variables = append(p.m.Variables, &Variable{
		Name:        b.Labels[0],
		File:        &p.File,
		Range:       b.DefRange(),
		Type:        p.expr(b, "type"),
		Default:     p.expr(b, "default"),
		Description: p.str(b, "description"),
		Nullable:    p.expr(b, "nullable"),
		Sensitive:   truth(b, "sensitive"),
		Ephemeral:   truth(b, "ephemeral"),
		Const:       truth(b, "const"),
	})
}

// nativeSettings reads a terraform block.
func (p *parsed) nativeSettings(b *hclsyntax.Block) {
	if a := b.Body.Attributes["required_version"]; a != nil && a.Expr != nil {
		if lit, ok := p.literal(a.Expr); ok {
			p.m.RequiredVersions = append(p.m.RequiredVersions, &RequiredVersion{Constraint: lit.value, File: &p.File, Range: lit.rng})
		}
	}
	for _, inner := range b.Body.Blocks {
		if inner.Body == nil {
			continue
		}
		switch {
		case inner.Type == "backend" && len(inner.Labels) == 1:
			p.nativeBackend(inner, inner.Labels[0])
		case inner.Type == "cloud" && len(inner.Labels) == 0:
			p.nativeBackend(inner, "cloud")
		case inner.Type == "required_providers" && len(inner.Labels) == 0:
			for _, a := range byPosition(inner.Body) {
				p.nativeRequiredProvider(a)
			}
		}
	}
}

func (p *parsed) nativeBackend(b *hclsyntax.Block, typ string) {
	k := &Backend{Type: typ, File: &p.File, Range: b.DefRange(), Body: b.Body, Literals: map[string]string{}}
	for _, a := range byPosition(b.Body) {
		p.nativeSetting(k, a.Name, a.Expr)
	}
	for _, inner := range b.Body.Blocks {
		if inner.Body == nil {
			continue
		}
		for _, a := range byPosition(inner.Body) {
			p.nativeSetting(k, inner.Type+"."+a.Name, a.Expr)
		}
	}
	k.sortComputed()
	p.m.Backends = append(p.m.Backends, k)
}

// nativeSetting reads one argument of a backend; of an object, its items.
func (p *parsed) nativeSetting(k *Backend, name string, e hclsyntax.Expression) {
	if lit, ok := p.literal(e); ok {
		k.Literals[name] = lit.value
		return
	}
	v, ok := plain(e)
	switch obj, isObject := unwrap(e).(*hclsyntax.ObjectConsExpr); {
	case ok && v.IsNull():
	case ok && (v.Type() == cty.Number || v.Type() == cty.Bool):
		// A number as it is written: 1e999999999 spelt out would fill the
		// memory.
		k.Literals[name] = p.text(e.Range())
	case isObject && !strings.Contains(name, "."):
		for _, item := range obj.Items {
			if key := p.objectKey(item.KeyExpr); key != "" {
				p.nativeSetting(k, name+"."+key, item.ValueExpr)
			} else {
				k.Computed = append(k.Computed, name)
			}
		}
	default:
		k.Computed = append(k.Computed, name)
	}
}

func (p *parsed) nativeRequiredProvider(a *hclsyntax.Attribute) {
	r := &RequiredProvider{Name: a.Name, File: &p.File, Range: a.SrcRange}
	p.m.RequiredProviders = append(p.m.RequiredProviders, r)
	if lit, ok := p.literal(a.Expr); ok {
		r.Version = lit.value // as it was before Terraform 0.13
		return
	}
	obj, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return
	}
	for _, item := range obj.Items {
		switch p.objectKey(item.KeyExpr) {
		case "source":
			if lit, ok := p.literal(item.ValueExpr); ok {
				r.Source = lit.value
			}
		case "version":
			if lit, ok := p.literal(item.ValueExpr); ok {
				r.Version = lit.value
			}
		case "configuration_aliases":
			if list, ok := item.ValueExpr.(*hclsyntax.TupleConsExpr); ok {
				for _, e := range list.Exprs {
					r.Aliases = append(r.Aliases, p.text(e.Range()))
				}
			}
		}
	}
}

func (p *parsed) objectKey(e hclsyntax.Expression) string {
	key, ok := e.(*hclsyntax.ObjectConsKeyExpr)
	if !ok {
		return ""
	}
	if word := hcl.ExprAsKeyword(key.Wrapped); word != "" && !key.ForceNonLiteral {
		return word
	}
	lit, _ := p.literal(key.Wrapped)
	return lit.value
}

// byPosition returns a body's arguments in the order of the file.
func byPosition(b *hclsyntax.Body) []*hclsyntax.Attribute {
	out := make([]*hclsyntax.Attribute, 0, len(b.Attributes))
	for _, a := range b.Attributes {
		if a != nil && a.Expr != nil {
			out = append(out, a)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].SrcRange.Start.Byte < out[j].SrcRange.Start.Byte })
	return out
}

// expr is the argument name of b, an untyped nil where there is none.
func (p *parsed) expr(b *hclsyntax.Block, name string) hcl.Expression {
	if a := b.Body.Attributes[name]; a != nil && a.Expr != nil {
		return a.Expr
	}
	return nil
}

// str is the literal argument name of b, else "".
func (p *parsed) str(b *hclsyntax.Block, name string) string {
	if a := b.Body.Attributes[name]; a != nil {
		lit, _ := p.literal(a.Expr)
		return lit.value
	}
	return ""
}

// truth reports whether the argument name of b is true.
func truth(b *hclsyntax.Block, name string) bool {
	a := b.Body.Attributes[name]
	if a == nil {
		return false
	}
	v, ok := plain(a.Expr)
	return ok && v.Type() == cty.Bool && v.IsKnown() && !v.IsNull() && v.True()
}

// plain is the value of a number, bool or null that is written as such.
func plain(e hclsyntax.Expression) (cty.Value, bool) {
	switch e := unwrap(e).(type) {
	case *hclsyntax.LiteralValueExpr:
		return e.Val, true
	case *hclsyntax.UnaryOpExpr:
		if lit, ok := unwrap(e.Val).(*hclsyntax.LiteralValueExpr); ok && e.Op == hclsyntax.OpNegate {
			return lit.Val, true // the caller takes the text, sign included
		}
	}
	return cty.NilVal, false
}

func unwrap(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		paren, ok := e.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return e
		}
		e = paren.Expression
	}
}

// literal reads a plain string: a quoted one or a heredoc, without template
// sequences, in parentheses or not. Where a syntax error has left no closing
// quote it is none.
func (p *parsed) literal(e hclsyntax.Expression) (literal, bool) {
	t, ok := unwrap(e).(*hclsyntax.TemplateExpr)
	if !ok {
		return literal{}, false
	}
	var value string
	switch len(t.Parts) {
	case 0:
	case 1:
		if value, ok = stringPart(t.Parts[0]); !ok {
			return literal{}, false
		}
	default: // a heredoc has one part for each line
		var b strings.Builder
		for _, part := range t.Parts {
			s, ok := stringPart(part)
			if !ok {
				return literal{}, false
			}
			b.WriteString(s)
		}
		value = b.String()
	}
	text := p.Bytes[t.SrcRange.Start.Byte:t.SrcRange.End.Byte]
	if !bytes.HasPrefix(text, []byte("<<")) && (len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"') {
		return literal{}, false
	}
	return literal{value, t.SrcRange}, true
}

// stringPart is a part of a template that is text. A literal number, bool or
// null among the parts comes from an interpolation; a literal string does not:
// inside an interpolation it is a template of its own.
func stringPart(e hclsyntax.Expression) (string, bool) {
	lit, ok := e.(*hclsyntax.LiteralValueExpr)
	if !ok || lit.Val.Type() != cty.String || !lit.Val.IsKnown() || lit.Val.IsNull() {
		return "", false
	}
	return lit.Val.AsString(), true
}

// text is what is written at rng; "" where a syntax error has left no sound
// range.
func (p *parsed) text(rng hcl.Range) string {
	if rng.Start.Byte < 0 || rng.Start.Byte > rng.End.Byte || rng.End.Byte > len(p.Bytes) {
		return ""
	}
	return string(p.Bytes[rng.Start.Byte:rng.End.Byte])
}
