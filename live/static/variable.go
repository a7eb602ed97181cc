package static

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// A variable is what the variable blocks of a directory say, overrides laid over.
type variable struct {
	typ, value, nullable hcl.Expression
	twice                bool
}

func (v *variable) override(o *hclparse.Variable) {
	if o.Type != nil {
		v.typ = o.Type
	}
	if o.Default != nil {
		v.value = o.Default
	}
	if o.Nullable != nil {
		v.nullable = o.Nullable
	}
}

// constraint is the declared type; literal says that a text of the environment
// is taken as it is, and not read as an expression.
func (v *variable) constraint() (t cty.Type, defaults *typeexpr.Defaults, literal, ok bool) {
	if v.typ == nil {
		return cty.DynamicPseudoType, nil, true, true
	}
	x := v.typ
	if name, quoted := textOf(x); quoted { // "string", as before Terraform 0.12
		switch name {
		case "string":
			return cty.String, nil, true, true
		case "list":
			return cty.List(cty.DynamicPseudoType), nil, false, true
		case "map":
			return cty.Map(cty.DynamicPseudoType), nil, false, true
		}
		if _, native := x.(hclsyntax.Node); native {
			return cty.DynamicPseudoType, nil, false, false
		}
	}
	switch hcl.ExprAsKeyword(x) {
	case "list":
		return cty.List(cty.DynamicPseudoType), nil, false, true
	case "map":
		return cty.Map(cty.DynamicPseudoType), nil, false, true
	case "set":
		return cty.Set(cty.DynamicPseudoType), nil, false, true
	}
	t, defaults, diags := typeexpr.TypeConstraintWithDefaults(x)
	return t, defaults, t.IsPrimitiveType(), !diags.HasErrors()
}

// textOf is a quoted text without templates.
func textOf(x hcl.Expression) (string, bool) {
	if n, ok := x.(hclsyntax.Node); ok {
		if t, ok := n.(*hclsyntax.TemplateExpr); !ok || !t.IsStringLiteral() {
			return "", false
		}
	}
	v, diags := x.Value(nil)
	if diags.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return "", false
	}
	return v.AsString(), true
}

// is is a value of the variable: of its type, with the defaults of its optional
// attributes.
func (v *variable) is(val cty.Value) (out cty.Value, ok bool) {
	defer func() {
		if recover() != nil { // typeexpr and convert are others' code
			out, ok = cty.DynamicVal, false
		}
	}()
	t, defaults, _, ok := v.constraint()
	if !ok {
		return cty.DynamicVal, false
	}
	if defaults != nil && !val.IsNull() {
		val = defaults.Apply(val)
	}
	val, err := convert.Convert(val, t)
	if err != nil || wild(val, false) || modules.SizeOf(val, mostValue) > mostValue {
		return cty.DynamicVal, false
	}
	return val, true
}

// notNull says that null stands for the default.
func (v *variable) notNull() bool {
	if v.nullable == nil {
		return false
	}
	b, diags := v.nullable.Value(nil)
	if diags.HasErrors() {
		return false
	}
	b, err := convert.Convert(b, cty.Bool)
	return err == nil && b.IsKnown() && !b.IsNull() && b.False()
}

func (s *Scope) variable(name string) *result {
	return s.memo("var."+name, func() (cty.Value, string) { return s.input(name) })
}

// input is the value of a variable.
func (s *Scope) input(name string) (cty.Value, string) {
	full := "var." + name
	v := s.d.variables[name]
	switch {
	case v == nil:
		return cty.DynamicVal, full + " is not declared"
	case v.twice:
		return cty.DynamicVal, full + " is declared twice"
	case s.unread != "":
		return cty.DynamicVal, full + ": " + s.unread
	}
	val, why, set := cty.NilVal, "", false
	if s.caller == nil {
		val, set = s.given[name]
	} else if a := s.arguments[name]; a != nil {
		val, why = s.caller.Value(a.Expr)
		why, set = within(full, why), true
	}
	if !set || val.IsKnown() && val.IsNull() && v.notNull() {
		if v.value == nil {
			if s.caller == nil {
				return cty.DynamicVal, full + " has no value and no default"
			}
			return cty.DynamicVal, full + " is not set by the call"
		}
		empty := Scope{t: s.t, d: s.d, in: s.in, shared: s.shared, module: s.module, values: map[string]*result{}}
		val, why = empty.Value(v.value)
		why = within("the default of "+full, why)
	}
	out, ok := v.is(val)
	if !ok {
		return cty.DynamicVal, full + " has a value that is not of its type"
	}
	switch {
	case out.IsWhollyKnown():
		return out, ""
	case why == "":
		why = full + " has a value that is no constant"
	}
	return out, why
}

// variables are the values of a root's variables, in terraform's order: the
// environment, terraform.tfvars, terraform.tfvars.json, *.auto.tfvars and
// *.auto.tfvars.json by name, then -var-file as given. What is not declared is
// left out.
// https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence
func (t *Tree) variables(dir string, d *directory, in *Inputs) (map[string]cty.Value, hcl.Diagnostics) {
	out := map[string]cty.Value{}
	var diags hcl.Diagnostics
	for name, text := range in.Variables {
		if v := d.variables[name]; v != nil {
			out[name] = v.fromText(text)
		}
	}
	take := func(name string) {
		values, more := t.VarFile(in.Files, name)
		diags = append(diags, more...)
		for name, v := range values {
			if d.variables[name] != nil {
				out[name] = v
			}
		}
	}
	for _, name := range t.VarFiles(in.Files, dir) {
		take(name)
	}
	for _, name := range in.VarFiles {
		if path.IsAbs(name) {
			diags = append(diags, missing(name, "its path is absolute"))
			continue
		}
		take(path.Join(dir, name))
	}
	return out, diags
}

// fromText is a variable of the environment.
func (v *variable) fromText(text string) cty.Value {
	_, _, literal, ok := v.constraint()
	switch {
	case !ok || len(text) > mostValue:
		return cty.DynamicVal
	case literal:
		if exponent.MatchString(text) && v.typ != nil {
			return cty.DynamicVal
		}
		return cty.StringVal(text)
	}
	f := hclparse.ParseValues("<variable>", []byte("v = "+text+"\n"))
	body, ok := f.Body.(*hclsyntax.Body)
	if f.Broken() || !ok || len(body.Attributes) != 1 || len(body.Blocks) != 0 || body.Attributes["v"] == nil {
		return cty.DynamicVal
	}
	return constant(body.Attributes["v"].Expr)
}

// constant is the value of an expression that names nothing.
func constant(x hcl.Expression) (v cty.Value) {
	defer func() {
		if recover() != nil {
			v = cty.DynamicVal
		}
	}()
	if _, native := x.(hclsyntax.Node); native {
		if l := lookAt(x); l.why != "" || l.loops > 0 {
			return cty.DynamicVal
		}
	}
	v, diags := x.Value(nil)
	if diags.HasErrors() || v == cty.NilVal || modules.SizeOf(v, mostValue) > mostValue || wild(v, false) {
		return cty.DynamicVal
	}
	return v
}

// VarFiles are the var files of a directory that terraform reads by itself, in
// its order, by their paths in the tree. files is where they are, nil for the
// tree's own.
func (t *Tree) VarFiles(files fs.FS, dir string) []string {
	var names []string
	if files == nil {
		// One pass over the tree serves all directories.
		t.once.Do(func() {
			t.auto = map[string][]string{}
			for _, e := range t.g.Tree.Entries {
				if d, name := path.Split(e.Path); autoFile(name) > 0 {
					d = path.Clean(d)
					t.auto[d] = append(t.auto[d], name)
				}
			}
		})
		names = slices.Clone(t.auto[dir])
	} else {
		entries, err := fs.ReadDir(files, dir)
		if err != nil {
			return nil
		}
		for _, e := range entries {
			if autoFile(e.Name()) > 0 && !e.IsDir() {
				names = append(names, e.Name())
			}
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(autoFile(a)-autoFile(b), strings.Compare(a, b))
	})
	for i, name := range names {
		names[i] = path.Join(dir, name)
	}
	return names
}

// autoFile is 1 for terraform.tfvars, 2 for the others that terraform reads by
// itself, 0 for none.
func autoFile(name string) int {
	switch {
	case name == "terraform.tfvars" || name == "terraform.tfvars.json":
		return 1
	case strings.HasSuffix(name, ".auto.tfvars") || strings.HasSuffix(name, ".auto.tfvars.json"):
		return 2
	}
	return 0
}

// VarFile reads a var file at a path of the tree: its values by name. One that
// is no constant is unknown.
func (t *Tree) VarFile(files fs.FS, name string) (map[string]cty.Value, hcl.Diagnostics) {
	f, diags := t.valuesFile(files, name)
	if f == nil || f.Body == nil {
		return nil, diags
	}
	attrs, more := f.Body.JustAttributes()
	diags = append(diags, more...)
	out := make(map[string]cty.Value, len(attrs))
	for name, a := range attrs {
		out[name] = constant(a.Expr)
	}
	return out, diags
}

// valuesFile parses a file of arguments, such as one of -backend-config, at a
// path of the tree.
func (t *Tree) valuesFile(files fs.FS, name string) (*hclparse.File, hcl.Diagnostics) {
	if files == nil {
		files = t.g.Tree.FS
	}
	to, ok := t.g.Follow(name)
	if !ok {
		return nil, hcl.Diagnostics{missing(name, "its path leads out of the repository")}
	}
	info, err := fs.Stat(files, to)
	switch {
	case err != nil:
		return nil, hcl.Diagnostics{missing(name, "there is no such file")}
	case !info.Mode().IsRegular():
		return nil, hcl.Diagnostics{missing(name, "it is no file")}
	case info.Size() > 16<<20:
		return nil, hcl.Diagnostics{missing(name, "it is too large")}
	}
	src, err := fs.ReadFile(files, to)
	if err != nil {
		return nil, hcl.Diagnostics{missing(name, "it cannot be read")}
	}
	f := hclparse.ParseValues(name, src)
	if f.Broken() {
		return nil, f.Diags
	}
	return f, nil
}

func missing(name, why string) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "Var file cannot be read",
		Detail:   fmt.Sprintf("%s: %s.\nhint: var_files and backend_config are relative to the stack's directory.", name, why),
		Subject:  &hcl.Range{Filename: name},
	}
}
