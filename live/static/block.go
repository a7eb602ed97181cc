package static

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
)

// A Block is a provider or data block, with its override files laid over it.
type Block struct {
	Type string // "aws", "terraform_remote_state"
	Name string // of a data block; a provider's alias, "" without
	File string // where it begins
	Line int

	bodies []hcl.Body // the block, then its overrides
}

// blocks lays override files over blocks of one type and name. A block that
// overrides nothing is an error in terraform, and left out.
func (d *directory) blocks(n int, at func(int) (Block, *hclparse.File, hcl.Body)) []*Block {
	var out []*Block
	for _, override := range []bool{false, true} {
		for i := range n {
			b, f, body := at(i)
			if body == nil || !d.counts(f) || f.Override != override {
				continue
			}
			if !override {
				b.bodies = []hcl.Body{body}
				out = append(out, &b)
				continue
			}
			for _, o := range out {
				if o.Type == b.Type && o.Name == b.Name {
					o.bodies = append(o.bodies, body)
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *Block) int {
		if c := strings.Compare(a.Type, b.Type); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// Providers are the provider blocks, by name and alias.
func (s *Scope) Providers() []*Block {
	list := s.d.m.Providers
	return s.d.blocks(len(list), func(i int) (Block, *hclparse.File, hcl.Body) {
		p := list[i]
		return Block{Type: p.Name, Name: p.Alias, File: p.File.Path, Line: p.Range.Start.Line}, p.File, p.Body
	})
}

// Data are the data blocks of a type, by name.
func (s *Scope) Data(typ string) []*Block {
	var list []*hclparse.Resource
	for _, r := range s.d.m.Resources {
		if r.Mode == "data" && r.Type == typ {
			list = append(list, r)
		}
	}
	return s.d.blocks(len(list), func(i int) (Block, *hclparse.File, hcl.Body) {
		r := list[i]
		return Block{Type: r.Type, Name: r.Name, File: r.File.Path, Line: r.Range.Start.Line}, r.File, r.Body
	})
}

// Instances are the scopes of a block's instances, by its count or for_each: as
// Children has them. A block without either has the scope itself.
func (s *Scope) Instances(b *Block) []*Scope {
	return s.instances(b.Expression("count"), b.Expression("for_each"))
}

// Expression is that of an argument, nil where there is none.
func (b *Block) Expression(name string) hcl.Expression {
	for i := len(b.bodies) - 1; i >= 0; i-- {
		content, _, _ := b.bodies[i].PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
		if content != nil && content.Attributes[name] != nil {
			return content.Attributes[name].Expr
		}
	}
	return nil
}

// Argument evaluates an argument of a block, or with more names one of the block
// or object of the name before: "assume_role", "role_arn". One that is not
// written is a null without a reason. Where there are several blocks of a name,
// or dynamic ones, it is not known.
func (s *Scope) Argument(b *Block, names ...string) (v cty.Value, why string) {
	none := cty.NullVal(cty.DynamicPseudoType)
	if len(names) == 0 {
		return none, ""
	}
	if x := b.Expression(names[0]); x != nil {
		v, why = s.Value(x)
	} else if v, why = s.nested(b, names[0]); why != "" && !v.IsKnown() {
		return v, why
	}
	for _, name := range names[1:] {
		if v, why = entry(v, name, why); why != "" && !v.IsKnown() {
			return v, why
		}
	}
	if v.IsWhollyKnown() {
		why = ""
	}
	return v, why
}

// entry is the attribute of an object, or of the only one of a list.
func entry(v cty.Value, name, why string) (cty.Value, string) {
	unknown := func() (cty.Value, string) {
		if why == "" {
			why = "it is not known before a plan"
		}
		return cty.DynamicVal, why
	}
	none := cty.NullVal(cty.DynamicPseudoType)
	if !v.IsKnown() {
		return unknown()
	}
	if v.IsNull() {
		return none, why
	}
	if t := v.Type(); t.IsTupleType() || t.IsListType() || t.IsSetType() {
		switch v.LengthInt() {
		case 0:
			return none, why
		case 1:
			it := v.ElementIterator()
			it.Next()
			_, v = it.Element()
			return entry(v, name, why)
		}
		return cty.DynamicVal, "there is more than one block"
	}
	switch t := v.Type(); {
	case t.IsObjectType() && t.HasAttribute(name):
		v = v.GetAttr(name)
	case t.IsMapType() && v.HasIndex(cty.StringVal(name)).True():
		v = v.Index(cty.StringVal(name))
	default:
		return none, why
	}
	if !v.IsWhollyKnown() && why == "" {
		why = "it is not known before a plan"
	}
	return v, why
}

// nested is the object that the block of a name is: null for none.
func (s *Scope) nested(b *Block, name string) (cty.Value, string) {
	for i := len(b.bodies) - 1; i >= 0; i-- {
		body, ok := b.bodies[i].(*hclsyntax.Body)
		if !ok {
			continue
		}
		var found []*hclsyntax.Block
		for _, n := range body.Blocks {
			switch {
			case n.Type == "dynamic" && len(n.Labels) == 1 && n.Labels[0] == name:
				return cty.DynamicVal, name + " is a dynamic block"
			case n.Type == name:
				found = append(found, n)
			}
		}
		switch len(found) {
		case 0:
			continue // a block of an override replaces all of its type
		case 1:
			return s.object(found[0].Body, 0)
		}
		return cty.DynamicVal, "there is more than one block " + name
	}
	return cty.NullVal(cty.DynamicPseudoType), ""
}

// object is a block's body as a value. The reason is the first one in it.
func (s *Scope) object(body *hclsyntax.Body, depth int) (cty.Value, string) {
	if depth > deepestChain {
		return cty.DynamicVal, "blocks stand too deep in each other"
	}
	out, first := map[string]cty.Value{}, ""
	for _, a := range sortedAttributes(body) {
		v, why := s.Value(a.Expr)
		if out[a.Name] = v; first == "" {
			first = why
		}
	}
	blocks := map[string][]cty.Value{}
	for _, b := range body.Blocks {
		if b.Type == "dynamic" && len(b.Labels) == 1 {
			out[b.Labels[0]], first = cty.DynamicVal, b.Labels[0]+" is a dynamic block"
			continue
		}
		v, why := s.object(b.Body, depth+1)
		if blocks[b.Type] = append(blocks[b.Type], v); first == "" {
			first = why
		}
	}
	for name, list := range blocks {
		if _, there := out[name]; !there {
			out[name] = cty.TupleVal(list)
		}
	}
	return cty.ObjectVal(out), first
}

func sortedAttributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	out := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int { return a.SrcRange.Start.Byte - b.SrcRange.Start.Byte })
	return out
}

// ValuesFile reads a file of arguments, such as one of -backend-config, at a path
// of the tree: "endpoints.s3" is the argument s3 of the block or object endpoints.
// files is where it is, nil for the tree's own. One that is no constant is unknown.
func (t *Tree) ValuesFile(files fs.FS, name string) (map[string]cty.Value, hcl.Diagnostics) {
	f, diags := t.valuesFile(files, path.Clean(name))
	if f == nil || f.Body == nil {
		return nil, diags
	}
	out := map[string]cty.Value{}
	put := func(name string, v cty.Value) {
		if v.IsKnown() && !v.IsNull() && (v.Type().IsObjectType() || v.Type().IsMapType()) {
			for it := v.ElementIterator(); it.Next(); {
				key, e := it.Element()
				out[name+"."+key.AsString()] = e
			}
			return
		}
		out[name] = v
	}
	if body, ok := f.Body.(*hclsyntax.Body); ok {
		for _, a := range sortedAttributes(body) {
			put(a.Name, constant(a.Expr))
		}
		for _, b := range body.Blocks {
			for _, a := range sortedAttributes(b.Body) {
				out[b.Type+"."+a.Name] = constant(a.Expr)
			}
		}
		return out, diags
	}
	attrs, more := f.Body.JustAttributes()
	for name, a := range attrs {
		put(name, constant(a.Expr))
	}
	return out, append(diags, more...)
}
