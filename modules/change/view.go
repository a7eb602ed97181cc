package change

import (
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/hclparse"
)

// An arg is an argument, or all nested blocks of one type, of a block.
type arg struct {
	file  *hclparse.File
	rng   hcl.Range
	expr  hcl.Expression // nil for blocks
	text  string         // see plain
	block bool
}

// A block is a resource, a module call, or another top-level block.
type block struct {
	file *hclparse.File
	rng  hcl.Range // the header
	args map[string]*arg
	call *hclparse.Call     // of a module call
	res  *hclparse.Resource // of a resource
}

// A variable is a variable block with what overrides it.
type variable struct {
	*hclparse.Variable
	typeFile, defaultFile, nullableFile *hclparse.File
	validations                         []validation
	deprecated                          bool
}

type validation struct {
	file      *hclparse.File
	rng       hcl.Range
	condition hcl.Expression
	text      string // of the condition
	message   string
}

type output struct {
	*hclparse.Output
	valueFile  *hclparse.File
	deprecated bool
}

// A step is a moved block.
type step struct {
	from, to       string // addresses without keys
	fromKey, toKey bool   // the last part has a key
	file           *hclparse.File
	rng            hcl.Range
}

// A removal is a removed block.
type removal struct {
	from    string
	destroy bool
}

// A view is a module as one program sees it: override files merged, and twins
// left out.
type view struct {
	module    *hclparse.Module
	variables map[string]*variable
	outputs   map[string]*output
	blocks    map[string]*block // resources and calls, by address
	locals    map[string]*arg
	required  map[string]*hclparse.RequiredProvider
	versions  []*hclparse.RequiredVersion
	providers map[string]*hclparse.ProviderConfig // by "aws" or "aws.east"
	backends  []*hclparse.Backend
	moved     []step
	removed   []removal
	others    map[string]*block
}

// see makes the view of terraform, or with tofu that of OpenTofu.
func see(m *hclparse.Module, tofu bool) *view {
	v := &view{
		module: m, variables: map[string]*variable{}, outputs: map[string]*output{}, blocks: map[string]*block{},
		locals: map[string]*arg{}, required: map[string]*hclparse.RequiredProvider{}, providers: map[string]*hclparse.ProviderConfig{}, others: map[string]*block{},
	}
	if m == nil {
		v.module = &hclparse.Module{}
		return v
	}
	reads := func(f *hclparse.File) bool {
		return f != nil && f.Syntax != hclparse.Terragrunt && (tofu && f.Twin == "" || !tofu && !f.Tofu)
	}
	// Override files come last, in the order of their names.
	for _, over := range []bool{false, true} {
		in := func(f *hclparse.File) bool { return reads(f) && f.Override == over }
		for _, x := range m.Variables {
			if in(x.File) {
				v.addVariable(x)
			}
		}
		for _, x := range m.Outputs {
			if in(x.File) {
				v.addOutput(x)
			}
		}
		for _, x := range m.Locals {
			if in(x.File) && x.Expr != nil {
				v.locals[x.Name] = &arg{file: x.File, rng: x.Range, expr: x.Expr, text: plainExpr(x.File, x.Expr)}
			}
		}
		for _, x := range m.Resources {
			if in(x.File) {
				v.addBlock(resourceAddress(x), &block{file: x.File, rng: x.Range, args: argsOf(x.File, x.Body), res: x})
			}
		}
		for _, x := range m.RequiredProviders {
			if in(x.File) {
				v.required[x.Name] = x
			}
		}
		for _, x := range m.Providers {
			if in(x.File) {
				v.providers[strings.TrimSuffix(x.Name+"."+x.Alias, ".")] = x
			}
		}
		for _, x := range m.Backends {
			if in(x.File) {
				v.backends = append(v.backends, x)
			}
		}
		var own []*hclparse.RequiredVersion
		for _, x := range m.RequiredVersions {
			if in(x.File) {
				own = append(own, x)
			}
		}
		if !over || len(own) > 0 {
			v.versions = own // an override replaces all of them
		}
		for _, f := range m.Files {
			if in(f) {
				v.readFile(f)
			}
		}
	}
	for _, c := range m.Effective(tofu) {
		b := &block{file: c.File, rng: c.Block, args: map[string]*arg{}, call: c}
		for name, a := range c.Attributes {
			f := fileOf(m, a.Range.Filename, c.File)
			b.args[name] = &arg{file: f, rng: a.Range, expr: a.Expr, text: plainExpr(f, a.Expr)}
		}
		if f := fileOf(m, c.Block.Filename, c.File); f != nil {
			b.file = f
		}
		v.blocks["module."+c.Name] = b
	}
	return v
}

func fileOf(m *hclparse.Module, name string, or *hclparse.File) *hclparse.File {
	for _, f := range m.Files {
		if f.Path == name {
			return f
		}
	}
	return or
}

func resourceAddress(r *hclparse.Resource) string {
	if r.Mode == "managed" {
		return r.Type + "." + r.Name
	}
	return r.Mode + "." + r.Type + "." + r.Name
}

func (v *view) addVariable(x *hclparse.Variable) {
	old := v.variables[x.Name]
	if old == nil {
		v.variables[x.Name] = &variable{Variable: x, typeFile: x.File, defaultFile: x.File, nullableFile: x.File}
		return
	}
	if !x.File.Override {
		return // twice: terraform refuses it, the first stands
	}
	merged := *old.Variable
	if x.Type != nil {
		merged.Type, old.typeFile = x.Type, x.File
	}
	if x.Default != nil {
		merged.Default, old.defaultFile = x.Default, x.File
	}
	if x.Nullable != nil {
		merged.Nullable, old.nullableFile = x.Nullable, x.File
	}
	merged.Sensitive = merged.Sensitive || x.Sensitive
	merged.Ephemeral = merged.Ephemeral || x.Ephemeral
	if x.Description != "" {
		merged.Description = x.Description
	}
	old.Variable = &merged
}

func (v *view) addOutput(x *hclparse.Output) {
	old := v.outputs[x.Name]
	if old == nil {
		v.outputs[x.Name] = &output{Output: x, valueFile: x.File}
		return
	}
	if !x.File.Override {
		return
	}
	merged := *old.Output
	if x.Value != nil {
		merged.Value, old.valueFile = x.Value, x.File
	}
	merged.Sensitive = merged.Sensitive || x.Sensitive
	merged.Ephemeral = merged.Ephemeral || x.Ephemeral
	if x.Description != "" {
		merged.Description = x.Description
	}
	old.Output = &merged
}

func (v *view) addBlock(address string, b *block) {
	old := v.blocks[address]
	if old == nil {
		v.blocks[address] = b
		return
	}
	if b.file.Override {
		for name, a := range b.args {
			old.args[name] = a
		}
	}
}

// argsOf reads the arguments of a body; those of lifecycle by themselves.
func argsOf(f *hclparse.File, body hcl.Body) map[string]*arg {
	args := map[string]*arg{}
	if body == nil {
		return args
	}
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		attributes, _ := body.JustAttributes()
		for name, a := range attributes {
			if name == "lifecycle" {
				if items, diags := hcl.ExprMap(a.Expr); !diags.HasErrors() {
					for _, item := range items {
						if key := keyOf(item.Key); key != "" {
							args["lifecycle."+key] = &arg{file: f, rng: item.Value.Range(), expr: item.Value, text: plainExpr(f, item.Value)}
						}
					}
					continue
				}
			}
			args[name] = &arg{file: f, rng: a.Range, expr: a.Expr, text: plainExpr(f, a.Expr)}
		}
		return args
	}
	for name, a := range native.Attributes {
		if a != nil && a.Expr != nil {
			args[name] = &arg{file: f, rng: a.SrcRange, expr: a.Expr, text: plainExpr(f, a.Expr)}
		}
	}
	for _, b := range native.Blocks {
		if b.Body == nil {
			continue
		}
		if b.Type == "lifecycle" {
			for name, a := range b.Body.Attributes {
				if a != nil && a.Expr != nil {
					args["lifecycle."+name] = &arg{file: f, rng: a.SrcRange, expr: a.Expr, text: plainExpr(f, a.Expr)}
				}
			}
			for _, inner := range b.Body.Blocks {
				addNested(f, args, "lifecycle."+inner.Type, inner)
			}
			continue
		}
		name := b.Type
		if len(b.Labels) > 0 {
			name += " " + strings.Join(b.Labels, " ")
		}
		addNested(f, args, name, b)
	}
	return args
}

func addNested(f *hclparse.File, args map[string]*arg, name string, b *hclsyntax.Block) {
	rng := b.Range()
	if a := args[name]; a != nil {
		a.text += " " + plain(f, rng)
		return
	}
	args[name] = &arg{file: f, rng: rng, text: plain(f, rng), block: true}
}

// keyOf is the literal text of an object's key.
func keyOf(e hcl.Expression) string {
	if word := hcl.ExprAsKeyword(e); word != "" {
		return word
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() || !isText(v) {
		return ""
	}
	return v.AsString()
}

// readFile reads the top-level blocks that hclparse has no list for, and of
// variables and outputs what it leaves out.
func (v *view) readFile(f *hclparse.File) {
	for _, b := range topBlocks(f) {
		switch b.typ {
		case "moved":
			v.addMoved(f, b)
		case "removed":
			v.addRemoved(f, b)
		case "variable":
			v.addValidations(f, b)
		case "output":
			if o := v.outputs[b.label]; o != nil && b.attribute("deprecated") != nil {
				o.deprecated = true
			}
		case "check", "import":
			name := strings.TrimSuffix(b.typ+"."+b.label, ".")
			if b.label == "" {
				if to := b.attribute("to"); to != nil {
					name += "." + plainExpr(f, to.Expr)
				}
			}
			v.others[name] = &block{file: f, rng: b.rng, args: argsOf(f, b.body)}
		}
	}
}

// A topBlock is a top-level block of either syntax.
type topBlock struct {
	typ, label string
	rng        hcl.Range
	body       hcl.Body
}

var topSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "moved"}, {Type: "removed"}, {Type: "import"},
	{Type: "variable", LabelNames: []string{"name"}},
	{Type: "output", LabelNames: []string{"name"}},
	{Type: "check", LabelNames: []string{"name"}},
}}

func topBlocks(f *hclparse.File) []topBlock {
	if f.Body == nil {
		return nil
	}
	var out []topBlock
	if native, ok := f.Body.(*hclsyntax.Body); ok {
		for _, b := range native.Blocks {
			if b.Body == nil || len(b.Labels) > 1 {
				continue
			}
			t := topBlock{typ: b.Type, rng: b.DefRange(), body: b.Body}
			if len(b.Labels) == 1 {
				t.label = b.Labels[0]
			}
			out = append(out, t)
		}
		return out
	}
	content, _, _ := f.Body.PartialContent(topSchema)
	if content == nil {
		return nil
	}
	for _, b := range content.Blocks {
		t := topBlock{typ: b.Type, rng: b.DefRange, body: b.Body}
		if len(b.Labels) == 1 {
			t.label = b.Labels[0]
		}
		out = append(out, t)
	}
	slices.SortStableFunc(out, func(a, b topBlock) int { return a.rng.Start.Byte - b.rng.Start.Byte })
	return out
}

// attribute is one argument of the block, nil where it has none.
func (b topBlock) attribute(name string) *hcl.Attribute {
	content, _, _ := b.body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
	if content == nil || content.Attributes[name] == nil || content.Attributes[name].Expr == nil {
		return nil
	}
	return content.Attributes[name]
}

// nested are the inner blocks of one type.
func (b topBlock) nested(typ string) []topBlock {
	content, _, _ := b.body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: typ}}})
	if content == nil {
		return nil
	}
	var out []topBlock
	for _, inner := range content.Blocks {
		if inner.Body != nil {
			out = append(out, topBlock{typ: typ, rng: inner.DefRange, body: inner.Body})
		}
	}
	return out
}

func (v *view) addMoved(f *hclparse.File, b topBlock) {
	from, to := b.attribute("from"), b.attribute("to")
	if from == nil || to == nil {
		return
	}
	s := step{file: f, rng: b.rng}
	s.from, s.fromKey = addressOf(from.Expr)
	s.to, s.toKey = addressOf(to.Expr)
	if s.from != "" && s.to != "" {
		v.moved = append(v.moved, s)
	}
}

func (v *view) addRemoved(f *hclparse.File, b topBlock) {
	from := b.attribute("from")
	if from == nil {
		return
	}
	r := removal{destroy: true}
	if r.from, _ = addressOf(from.Expr); r.from == "" {
		return
	}
	for _, inner := range b.nested("lifecycle") {
		if a := inner.attribute("destroy"); a != nil && plainExpr(f, a.Expr) == "false" {
			r.destroy = false
		}
	}
	v.removed = append(v.removed, r)
}

// addressOf reads an address without its keys. keyed says that its last part
// has one.
func addressOf(e hcl.Expression) (address string, keyed bool) {
	traversal, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() {
		return "", false
	}
	var parts []string
	for _, t := range traversal {
		switch t := t.(type) {
		case hcl.TraverseRoot:
			parts, keyed = append(parts, t.Name), false
		case hcl.TraverseAttr:
			parts, keyed = append(parts, t.Name), false
		case hcl.TraverseIndex:
			keyed = true
		default:
			return "", false
		}
	}
	return strings.Join(parts, "."), keyed
}

func (v *view) addValidations(f *hclparse.File, b topBlock) {
	x := v.variables[b.label]
	if x == nil {
		return
	}
	x.deprecated = x.deprecated || b.attribute("deprecated") != nil
	for _, inner := range b.nested("validation") {
		c := inner.attribute("condition")
		if c == nil {
			continue
		}
		n := validation{file: f, rng: inner.rng, condition: c.Expr, text: plainExpr(f, c.Expr)}
		if m := inner.attribute("error_message"); m != nil {
			n.message = plainExpr(f, m.Expr)
		}
		x.validations = append(x.validations, n)
	}
}

func names[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// both returns the names that only a has, only b has, and both have.
func both[T any](a, b map[string]T) (gone, come, stay []string) {
	for _, n := range names(a) {
		if _, ok := b[n]; ok {
			stay = append(stay, n)
		} else {
			gone = append(gone, n)
		}
	}
	for _, n := range names(b) {
		if _, ok := a[n]; !ok {
			come = append(come, n)
		}
	}
	return gone, come, stay
}
