package static

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/terrier-iac/terrier/modules"
)

// Value evaluates an expression of the directory. Where any of it is not known
// why says so, in a short sentence without its first capital; the value may then
// be known in part. It never holds marks.
func (s *Scope) Value(x hcl.Expression) (v cty.Value, why string) {
	if x == nil {
		return cty.NullVal(cty.DynamicPseudoType), ""
	}
	sh := s.shared
	if sh.steps++; sh.steps > mostSteps {
		return cty.DynamicVal, "too much has to be evaluated"
	}
	if sh.depth >= deepest {
		return cty.DynamicVal, "values are made of each other too deeply"
	}
	sh.depth++
	defer func() {
		sh.depth--
		if recover() != nil { // hcl and cty are others' code
			v, why = cty.DynamicVal, "it cannot be evaluated"
		}
	}()
	if _, native := x.(hclsyntax.Node); !native {
		if x = s.d.native(x); x == nil {
			return cty.DynamicVal, "it cannot be read"
		}
	}
	look := lookAt(x)
	if look.why != "" {
		return cty.DynamicVal, look.why
	}
	vars := map[string]cty.Value{}
	groups := map[string]map[string]cty.Value{"local": {}, "var": {}}
	size, elements := 0, 1
	for _, t := range x.Variables() {
		root := t.RootName()
		known, w := cty.DynamicVal, ""
		switch group, named := groups[root]; {
		case named:
			name := attrName(t)
			if name == "" {
				vars[root], w = cty.DynamicVal, root+" is no value"
				break
			}
			var r *result
			if root == "local" {
				r = s.local(name)
			} else {
				r = s.variable(name)
			}
			group[name] = r.v
			known, w = r.v, r.why
			// A name counts as often as it is there: texts are put behind each
			// other.
			size += modules.SizeOf(r.v, mostContext)
			elements += count(r.v)
		case root == "each" || root == "count":
			v := s.each
			if root == "count" {
				v = s.count
			}
			switch {
			case v == cty.NilVal:
				v, w = cty.DynamicVal, root+" is not defined here"
			case s.why != "":
				w = s.why
			default:
				w = s.part
			}
			vars[root], known = v, v
			size += modules.SizeOf(v, mostContext)
			elements += count(v)
		case root == "terraform" || root == "tofu":
			workspace := s.in.Workspace
			if workspace == "" {
				workspace = "default"
			}
			vars[root] = cty.ObjectVal(map[string]cty.Value{"workspace": cty.StringVal(workspace), "applying": cty.UnknownVal(cty.Bool)})
			if attrName(t) != "workspace" {
				w = root + "." + attrName(t) + " is not known"
			}
		case root == "path":
			vars[root] = cty.ObjectVal(map[string]cty.Value{"module": cty.StringVal(s.module), "root": cty.StringVal("."), "cwd": cty.UnknownVal(cty.String)})
			if attrName(t) == "cwd" {
				w = "path.cwd is not known"
			}
		default:
			vars[root], w = cty.DynamicVal, reference(t)+" is not known before a plan"
		}
		if look.arithmetic && wild(known, true) {
			return cty.DynamicVal, "a number is too large"
		}
		if w != "" && why == "" {
			why = w
		}
	}
	if size > mostContext || elements > mostNodes {
		return cty.DynamicVal, "the values are too large"
	}
	work := max(size, 1)
	for range look.loops {
		if work *= elements + look.nodes; work > mostLoop {
			return cty.DynamicVal, "its for expressions are too much work"
		}
	}
	for root, group := range groups {
		if _, dynamic := vars[root]; !dynamic && len(group) > 0 {
			vars[root] = cty.ObjectVal(group)
		}
	}
	v, diags := x.Value(&hcl.EvalContext{Variables: vars, Functions: functions})
	switch {
	case diags.HasErrors():
		if why == "" {
			why = explain(diags)
		}
		return cty.DynamicVal, why
	case v == cty.NilVal:
		return cty.DynamicVal, "it cannot be evaluated"
	}
	if v.ContainsMarked() {
		v, _ = v.UnmarkDeep()
	}
	if modules.SizeOf(v, mostValue) > mostValue || wild(v, false) {
		return cty.DynamicVal, "the value is too large"
	}
	if v.IsWhollyKnown() {
		return v, ""
	}
	if look.impure != "" {
		why = look.impure + "() is not evaluated"
	}
	if why == "" {
		why = "it is not known before a plan"
	}
	return v, why
}

// Text is Value for a string, number or bool: its text. ok is false where it is
// not known, or null, or of another kind, and why says which.
func (s *Scope) Text(x hcl.Expression) (text string, ok bool, why string) {
	v, why := s.Value(x)
	return TextOf(v, why)
}

// TextOf is the text of a value, as Text has it.
func TextOf(v cty.Value, why string) (string, bool, string) {
	switch {
	case v == cty.NilVal:
		return "", false, "there is no value"
	case !v.IsKnown():
		if why == "" {
			why = "it is not known before a plan"
		}
		return "", false, why
	case v.IsNull():
		return "", false, "it is null"
	case !v.Type().IsPrimitiveType():
		return "", false, "it is no text"
	case wild(v, false):
		return "", false, "the number is too large"
	}
	t, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", false, "it is no text"
	}
	return t.AsString(), true, ""
}

// explain says what hcl finds wrong. It is never a value.
func explain(diags hcl.Diagnostics) string {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		text := d.Summary
		if text == "" {
			break
		}
		return strings.ToLower(text[:1]) + text[1:]
	}
	return "it cannot be evaluated"
}

func attrName(t hcl.Traversal) string {
	if len(t) > 1 {
		if a, ok := t[1].(hcl.TraverseAttr); ok {
			return a.Name
		}
	}
	return ""
}

// reference is a traversal as it is written, up to what tells it apart.
func reference(t hcl.Traversal) string {
	parts := []string{t.RootName()}
	most := 2
	if parts[0] == "data" {
		most = 3
	}
	for _, step := range t[1:] {
		a, ok := step.(hcl.TraverseAttr)
		if !ok || len(parts) == most {
			break
		}
		parts = append(parts, a.Name)
	}
	return strings.Join(parts, ".")
}

// count is the number of elements in a value, those of elements included.
func count(v cty.Value) int {
	if v == cty.NilVal || !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return 1
	}
	n := 1
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		n += count(e)
	}
	return n
}

// A sight is what an expression is made of.
type sight struct {
	why        string // why it is not evaluated at all
	nodes      int
	loops      int  // for expressions and splats
	arithmetic bool // a text may be taken for a number
	impure     string
}

func lookAt(x hcl.Expression) sight {
	node, ok := x.(hclsyntax.Node)
	if !ok {
		return sight{why: "it cannot be read"}
	}
	var l sight
	texts := false // a text that is put together
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		l.nodes++
		switch n := n.(type) {
		case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
			l.loops++
		case *hclsyntax.LiteralValueExpr:
			if wild(n.Val, false) {
				l.why = "a number is too large"
			}
		case *hclsyntax.BinaryOpExpr:
			if p := n.Op.Impl.Params(); len(p) > 0 && p[0].Type == cty.Number {
				l.arithmetic = true
			}
		case *hclsyntax.UnaryOpExpr:
			if n.Op == hclsyntax.OpNegate {
				l.arithmetic = true
			}
		case *hclsyntax.TemplateExpr:
			texts = texts || !n.IsStringLiteral()
			for _, p := range n.Parts {
				if lit, ok := p.(*hclsyntax.LiteralValueExpr); ok && wild(lit.Val, true) {
					texts = true
				}
			}
		case *hclsyntax.FunctionCallExpr:
			if l.impure == "" && isImpure[n.Name] {
				l.impure = n.Name
			}
			texts = texts || textMakers[n.Name]
		}
		return nil
	})
	switch {
	case l.why != "":
	case l.nodes > mostNodes:
		l.why = "the expression is too large"
	case l.arithmetic && texts:
		// "1e${9}999999999" is a number as well.
		if !plainArithmetic(node) {
			l.why = "a text is taken for a number"
		}
	}
	return l
}

// plainArithmetic reports whether no operand of an arithmetic operator is, or
// holds, a text that is put together.
func plainArithmetic(node hclsyntax.Node) bool {
	plain := true
	made := func(x hclsyntax.Expression) {
		_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
			switch n := n.(type) {
			case *hclsyntax.TemplateExpr:
				plain = false
			case *hclsyntax.FunctionCallExpr:
				plain = plain && !textMakers[n.Name]
			}
			return nil
		})
	}
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.BinaryOpExpr:
			if p := n.Op.Impl.Params(); len(p) > 0 && p[0].Type == cty.Number {
				made(n.LHS)
				made(n.RHS)
			}
		case *hclsyntax.UnaryOpExpr:
			if n.Op == hclsyntax.OpNegate {
				made(n.Val)
			}
		case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
			plain = false // what its names are is not followed
		}
		return nil
	})
	return plain
}

// textMakers are functions whose result is a text that none of its arguments is.
var textMakers = map[string]bool{
	"format": true, "join": true, "replace": true, "jsonencode": true, "strrev": true, "substr": true, "trim": true, "trimprefix": true,
	"trimsuffix": true, "trimspace": true, "chomp": true, "regex": true, "split": true, "title": true,
}

var isImpure = func() map[string]bool {
	out := map[string]bool{}
	for _, name := range impure {
		out[name] = true
	}
	return out
}()

// memo evaluates a local or variable once. In a circle of them, which terraform
// refuses, the one that is met again is not known.
func (s *Scope) memo(key string, f func() (cty.Value, string)) *result {
	if r := s.values[key]; r != nil {
		return r
	}
	r := &result{cty.DynamicVal, key + " is made of itself"}
	s.values[key] = r
	r.v, r.why = f()
	return r
}

func (s *Scope) local(name string) *result {
	return s.memo("local."+name, func() (cty.Value, string) {
		l := s.d.locals[name]
		switch {
		case l == nil:
			return cty.DynamicVal, "local." + name + " is not declared"
		case l.twice:
			return cty.DynamicVal, "local." + name + " is declared twice"
		}
		// A local is the same in all instances of a block.
		plain := *s
		plain.each, plain.count, plain.why, plain.part = cty.NilVal, cty.NilVal, "", ""
		v, why := plain.Value(l.expr)
		return v, within("local."+name, why)
	})
}

// within puts a reason into what it was met in, which stays short.
func within(name, why string) string {
	if why == "" || strings.Count(why, ": ") > 2 {
		return why
	}
	return name + ": " + why
}
