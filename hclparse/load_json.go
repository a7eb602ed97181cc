package hclparse

import (
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

var (
	jsonRoot = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "module", LabelNames: []string{"name"}},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "output", LabelNames: []string{"name"}},
		{Type: "locals"},
		{Type: "resource", LabelNames: []string{"type", "name"}},
		{Type: "data", LabelNames: []string{"type", "name"}},
		{Type: "ephemeral", LabelNames: []string{"type", "name"}},
		{Type: "provider", LabelNames: []string{"name"}},
		{Type: "terraform"},
	}}
	jsonSettings = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "required_version"}},
		Blocks: []hcl.BlockHeaderSchema{
			{Type: "backend", LabelNames: []string{"type"}},
			{Type: "cloud"},
			{Type: "required_providers"},
		},
	}
	jsonVariable = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{
		{Name: "type"}, {Name: "default"}, {Name: "description"}, {Name: "nullable"},
		{Name: "sensitive"}, {Name: "ephemeral"}, {Name: "const"},
	}}
	jsonOutput = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{
		{Name: "value"}, {Name: "description"}, {Name: "sensitive"}, {Name: "ephemeral"},
	}}
	jsonProvider = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "alias"}}}
)

func (p *parsed) parseJSON() {
	src, bom := stripBOM(p.Bytes)
	f, diags := hcljson.ParseWithStartPos(src, p.Path, hcl.Pos{Byte: bom, Line: 1, Column: 1})
	p.Diags = append(p.Diags, diags...)
	if f == nil || f.Body == nil {
		return
	}
	p.Body = f.Body
	content := p.content(f.Body, jsonRoot)
	for _, b := range inOrder(content.Blocks) {
		switch b.Type {
		case "module":
			p.jsonCall(b)
		case "variable":
			a := p.content(b.Body, jsonVariable).Attributes
			p.m.Variables = append(p.m.Variables, &Variable{
				Name:        b.Labels[0],
				File:        &p.File,
				Range:       jsonRange(b),
				Type:        jsonExpr(a["type"]),
				Default:     jsonExpr(a["default"]),
				Description: p.jsonStr(a["description"]),
				Nullable:    jsonExpr(a["nullable"]),
				Sensitive:   p.jsonTrue(a["sensitive"]),
				Ephemeral:   p.jsonTrue(a["ephemeral"]),
				Const:       p.jsonTrue(a["const"]),
			})
		case "output":
			a := p.content(b.Body, jsonOutput).Attributes
			p.m.Outputs = append(p.m.Outputs, &Output{
				Name:        b.Labels[0],
				File:        &p.File,
				Range:       jsonRange(b),
				Value:       jsonExpr(a["value"]),
				Description: p.jsonStr(a["description"]),
				Sensitive:   p.jsonTrue(a["sensitive"]),
				Ephemeral:   p.jsonTrue(a["ephemeral"]),
			})
		case "locals":
			for _, a := range p.attributes(b.Body) {
				p.m.Locals = append(p.m.Locals, &Local{Name: a.Name, File: &p.File, Range: a.Range, Expr: a.Expr})
			}
		case "resource", "data", "ephemeral":
			p.m.Resources = append(p.m.Resources, &Resource{
				Mode: resourceMode(b.Type), Type: b.Labels[0], Name: b.Labels[1],
				File: &p.File, Range: jsonRange(b), Body: b.Body,
			})
		case "provider":
			a := p.content(b.Body, jsonProvider).Attributes
			p.m.Providers = append(p.m.Providers, &ProviderConfig{
				Name: b.Labels[0], Alias: p.jsonStr(a["alias"]),
				File: &p.File, Range: jsonRange(b), Body: b.Body,
			})
		case "terraform":
			p.jsonTerraform(b)
		}
	}
}

func (p *parsed) jsonCall(b *hcl.Block) {
	c := &Call{Name: b.Labels[0], File: &p.File, Block: jsonRange(b), Attributes: map[string]*hcl.Attribute{}}
	for _, a := range p.attributes(b.Body) {
		switch a.Name {
		case "source":
			lit, ok := p.jsonLiteral(a.Expr)
			c.setSource(lit, ok, a.Expr.Range())
		case "version":
			c.VersionRange = a.Expr.Range()
			if lit, ok := p.jsonLiteral(a.Expr); ok {
				c.Version = lit.value
			}
		default:
			c.Attributes[a.Name] = a
		}
	}
	p.m.Calls = append(p.m.Calls, c)
}

func (p *parsed) jsonTerraform(b *hcl.Block) {
	content := p.content(b.Body, jsonSettings)
	if a := content.Attributes["required_version"]; a != nil {
		if lit, ok := p.jsonLiteral(a.Expr); ok {
			p.m.RequiredVersions = append(p.m.RequiredVersions, &RequiredVersion{Constraint: lit.value, File: &p.File, Range: lit.rng})
		}
	}
	for _, inner := range inOrder(content.Blocks) {
		switch inner.Type {
		case "backend":
			p.jsonBackend(inner, inner.Labels[0])
		case "cloud":
			p.jsonBackend(inner, "cloud")
		case "required_providers":
			for _, a := range p.attributes(inner.Body) {
				p.jsonRequiredProvider(a)
			}
		}
	}
}

func (p *parsed) jsonBackend(b *hcl.Block, typ string) {
	k := &Backend{Type: typ, File: &p.File, Range: jsonRange(b), Body: b.Body, Literals: map[string]string{}}
	for _, a := range p.attributes(b.Body) {
		p.jsonSetting(k, a.Name, a.Expr)
	}
	k.sortComputed()
	p.m.Backends = append(p.m.Backends, k)
}

// jsonSetting reads one argument of a backend; of an object, or of the only
// one in an array, which is how a block may be written, its items.
func (p *parsed) jsonSetting(k *Backend, name string, e hcl.Expression) {
	if lit, ok := p.jsonLiteral(e); ok {
		k.Literals[name] = lit.value
		return
	}
	switch text := p.text(e.Range()); {
	case text == "null":
		return
	case text != "" && text[0] == '[' && !strings.Contains(name, "."):
		list, diags := hcl.ExprList(e)
		if !diags.HasErrors() && len(list) == 1 && strings.HasPrefix(p.text(list[0].Range()), "{") {
			p.jsonSetting(k, name, list[0])
			return
		}
	case text != "" && text[0] == '{' && !strings.Contains(name, "."):
		if items, diags := hcl.ExprMap(e); !diags.HasErrors() {
			for _, item := range items {
				if key, ok := p.jsonLiteral(item.Key); ok {
					p.jsonSetting(k, name+"."+key.value, item.Value)
				} else {
					k.Computed = append(k.Computed, name)
				}
			}
			return
		}
	case text != "" && text[0] != '"' && text[0] != '{' && text[0] != '[':
		k.Literals[name] = text // what is left is a number or a bool
		return
	}
	k.Computed = append(k.Computed, name)
}

func (p *parsed) jsonRequiredProvider(a *hcl.Attribute) {
	r := &RequiredProvider{Name: a.Name, File: &p.File, Range: a.Range}
	p.m.RequiredProviders = append(p.m.RequiredProviders, r)
	if lit, ok := p.jsonLiteral(a.Expr); ok {
		r.Version = lit.value // as it was before Terraform 0.13
		return
	}
	items, diags := hcl.ExprMap(a.Expr)
	if diags.HasErrors() {
		return
	}
	for _, item := range items {
		key, _ := p.jsonLiteral(item.Key)
		switch key.value {
		case "source":
			lit, _ := p.jsonLiteral(item.Value)
			r.Source = lit.value
		case "version":
			lit, _ := p.jsonLiteral(item.Value)
			r.Version = lit.value
		case "configuration_aliases":
			list, _ := hcl.ExprList(item.Value)
			for _, e := range list {
				if lit, ok := p.jsonLiteral(e); ok {
					r.Aliases = append(r.Aliases, lit.value)
				}
			}
		}
	}
}

// content reads what schema names, with what is wrong in p.Diags.
func (p *parsed) content(b hcl.Body, schema *hcl.BodySchema) *hcl.BodyContent {
	content, _, diags := b.PartialContent(schema)
	p.Diags = append(p.Diags, diags...)
	return content
}

// attributes is every property of a body in the order of the file.
func (p *parsed) attributes(b hcl.Body) []*hcl.Attribute {
	attrs, diags := b.JustAttributes()
	p.Diags = append(p.Diags, diags...)
	out := make([]*hcl.Attribute, 0, len(attrs))
	for _, a := range attrs {
		out = append(out, a)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].NameRange.Start.Byte < out[j].NameRange.Start.Byte })
	return out
}

// inOrder sorts blocks by position: those of one type in several objects of
// an array are else in the array's order, but types are not.
func inOrder(blocks hcl.Blocks) hcl.Blocks {
	sort.SliceStable(blocks, func(i, j int) bool { return jsonRange(blocks[i]).Start.Byte < jsonRange(blocks[j]).Start.Byte })
	return blocks
}

// jsonRange is a block's header: its last label, or its type where it has no
// labels.
func jsonRange(b *hcl.Block) hcl.Range {
	if n := len(b.LabelRanges); n > 0 {
		return b.LabelRanges[n-1]
	}
	return b.TypeRange
}

// jsonExpr is an untyped nil where there is no argument.
func jsonExpr(a *hcl.Attribute) hcl.Expression {
	if a == nil {
		return nil
	}
	return a.Expr
}

// jsonLiteral reads a string without template sequences. One with an escaped
// sequence ($${) is none: terraform takes a module source verbatim where it
// evaluates without variables, and decodes the escape where it does not.
func (p *parsed) jsonLiteral(e hcl.Expression) (literal, bool) {
	rng := e.Range()
	if text := p.text(rng); text == "" || text[0] != '"' {
		return literal{}, false // and no array of a million values is evaluated
	}
	v, diags := e.Value(nil) // nil: not parsed as a template
	if diags.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() || isTemplate(v.AsString()) {
		return literal{}, false
	}
	return literal{v.AsString(), rng}, true
}

func (p *parsed) jsonStr(a *hcl.Attribute) string {
	if a == nil {
		return ""
	}
	lit, _ := p.jsonLiteral(a.Expr)
	return lit.value
}

func (p *parsed) jsonTrue(a *hcl.Attribute) bool {
	if a == nil {
		return false
	}
	text := p.text(a.Expr.Range())
	return text == "true" || text == `"true"`
}
