package modules

import (
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/terrier-iac/terrier/hclparse"
)

// The three path.* values, as marks that no file name can hold.
const (
	markModule = "\x00m"
	markRoot   = "\x00r"
	markCwd    = "\x00c"
)

const deepestLocal = 64 // locals that name locals

// A pathEval evaluates the paths of one directory: with the marks for path.*,
// the directory's locals, and the defaults of its variables.
type pathEval struct {
	locals   map[string]*hclparse.Local
	defaults map[string]cty.Value
	marked   map[string]bool // locals whose value is made with path.*, memoised
	values   map[localValue]cty.Value
	depth    int
}

func newPathEval(m *hclparse.Module) *pathEval {
	ev := &pathEval{locals: map[string]*hclparse.Local{}, defaults: map[string]cty.Value{}, marked: map[string]bool{}, values: map[localValue]cty.Value{}}
	for _, l := range m.Locals {
		ev.locals[l.Name] = l
	}
	for _, v := range m.Variables {
		if v.Default == nil {
			continue
		}
		if val, diags := v.Default.Value(nil); !diags.HasErrors() {
			ev.defaults[v.Name] = val
		}
	}
	return ev
}

// usesPath reports whether e names path.*, itself or through locals.
func (ev *pathEval) usesPath(e hcl.Expression) bool {
	for _, t := range e.Variables() {
		if t.RootName() == "path" || t.RootName() == "local" && ev.isMarked(localName(t)) {
			return true
		}
	}
	return false
}

// usesModule reports whether e names path.module, itself or through locals.
func (ev *pathEval) usesModule(e hcl.Expression) bool {
	for _, t := range e.Variables() {
		if t.RootName() == "path" && len(t) > 1 {
			if a, ok := t[1].(hcl.TraverseAttr); ok && a.Name == "module" {
				return true
			}
		}
		if ev.isMarked(localName(t)) {
			if text, _ := ev.text(&hclsyntax.ScopeTraversalExpr{Traversal: t}, true); strings.Contains(text, markModule) {
				return true
			}
		}
	}
	return false
}

// isMarked reports whether a local's value is made with path.*.
func (ev *pathEval) isMarked(name string) bool {
	if m, ok := ev.marked[name]; ok {
		return m
	}
	ev.marked[name] = false // where locals run in a circle
	l := ev.locals[name]
	if l == nil || ev.depth >= deepestLocal {
		return false
	}
	ev.depth++
	defer func() { ev.depth-- }()
	ev.marked[name] = ev.usesPath(l.Expr)
	return ev.marked[name]
}

// anyMarked reports whether any local's value is made with path.*.
func (ev *pathEval) anyMarked() bool {
	for name := range ev.locals {
		if ev.isMarked(name) {
			return true
		}
	}
	return false
}

// localName is the local that a traversal names, "" where it names none.
func localName(t hcl.Traversal) string {
	if t.RootName() != "local" || len(t) < 2 {
		return ""
	}
	if a, ok := t[1].(hcl.TraverseAttr); ok {
		return a.Name
	}
	return ""
}

// choice returns the local that e names where its value is one of several, by
// a condition.
func (ev *pathEval) choice(e hcl.Expression) *hclparse.Local {
	t, ok := e.(*hclsyntax.ScopeTraversalExpr)
	if !ok || len(t.Traversal) != 2 {
		return nil
	}
	l := ev.locals[localName(t.Traversal)]
	if l == nil {
		return nil
	}
	x := l.Expr
	for {
		switch y := x.(type) {
		case *hclsyntax.ParenthesesExpr:
			x = y.Expression
			continue
		case *hclsyntax.ConditionalExpr:
			return l
		}
		return nil
	}
}

// text evaluates e. It returns the value's text, or the known beginning of
// it; whole says which. assume takes variables to have their defaults.
func (ev *pathEval) text(e hcl.Expression, assume bool) (prefix string, whole bool) {
	if t, ok := e.(*hclsyntax.TemplateExpr); ok {
		// Part by part: what follows one that is not known hides nothing of
		// what stands before it.
		var b strings.Builder
		for _, p := range t.Parts {
			s, all := ev.text(p, assume)
			b.WriteString(s)
			if !all || b.Len() > mostResult {
				return b.String(), false
			}
		}
		return b.String(), true
	}
	v := ev.value(e, assume)
	if v == cty.NilVal {
		return "", false
	}
	v, _ = v.Unmark()
	switch {
	case v.Type() == cty.Number && v.IsKnown() && !v.IsNull():
		return v.AsBigFloat().Text('f', -1), true
	case v.Type() != cty.String:
		return "", false
	case v.IsKnown() && !v.IsNull():
		return v.AsString(), true
	case !v.IsKnown():
		return v.Range().StringPrefix(), false
	}
	return "", false
}

func (ev *pathEval) value(e hcl.Expression, assume bool) cty.Value {
	vars := map[string]cty.Value{}
	locals, inputs := map[string]cty.Value{}, map[string]cty.Value{}
	if beyond(e) {
		return cty.DynamicVal
	}
	size := 0
	for _, t := range e.Variables() {
		root := t.RootName()
		switch root {
		case "path":
			vars["path"] = cty.ObjectVal(map[string]cty.Value{
				"module": cty.StringVal(markModule), "root": cty.StringVal(markRoot), "cwd": cty.StringVal(markCwd)})
			continue
		case "local", "var":
			if len(t) < 2 {
				return cty.DynamicVal
			}
			attr, ok := t[1].(hcl.TraverseAttr)
			if !ok {
				return cty.DynamicVal
			}
			if root == "local" {
				locals[attr.Name] = ev.local(attr.Name, assume)
				if size += sizeOf(locals[attr.Name], mostValue); size > mostResult {
					return cty.DynamicVal
				}
			} else {
				inputs[attr.Name] = ev.input(attr.Name, assume)
			}
			continue
		}
		vars[root] = cty.DynamicVal
	}
	if len(locals) > 0 {
		vars["local"] = cty.ObjectVal(locals)
	}
	if len(inputs) > 0 {
		vars["var"] = cty.ObjectVal(inputs)
	}
	v, diags := e.Value(&hcl.EvalContext{Variables: vars, Functions: pureFunctions})
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	return v
}

// local evaluates a local once. In a circle of them, which terraform refuses,
// the one that is met again is not known.
func (ev *pathEval) local(name string, assume bool) cty.Value {
	key := localValue{name, assume}
	if v, ok := ev.values[key]; ok {
		return v
	}
	ev.values[key] = cty.DynamicVal
	l := ev.locals[name]
	if l == nil || ev.depth >= deepestLocal {
		return cty.DynamicVal
	}
	ev.depth++
	defer func() { ev.depth-- }()
	v := cty.NilVal
	if t, ok := l.Expr.(*hclsyntax.TemplateExpr); ok {
		// For the beginning that is known where the rest is not.
		if prefix, whole := ev.text(t, assume); !whole && strings.ContainsRune(prefix, 0) {
			v = cty.UnknownVal(cty.String).Refine().NotNull().StringPrefixFull(prefix).NewValue()
		}
	}
	if v == cty.NilVal {
		v = ev.value(l.Expr, assume)
	}
	v = bounded(v)
	ev.values[key] = v
	return v
}

type localValue struct {
	name   string
	assume bool
}

func (ev *pathEval) input(name string, assume bool) cty.Value {
	if v, ok := ev.defaults[name]; ok && assume && !v.IsNull() {
		return v
	}
	return cty.UnknownVal(cty.String)
}

// isPath reports whether e is made of text, references and the functions that
// paths are made with alone: a condition, a loop or another function inside
// (which may read a file of its own) is judged by itself.
func isPath(e hclsyntax.Expression) bool {
	all := func(list []hclsyntax.Expression) bool {
		for _, x := range list {
			if !isPath(x) {
				return false
			}
		}
		return true
	}
	switch e := e.(type) {
	case *hclsyntax.FunctionCallExpr:
		_, ok := pureFunctions[e.Name]
		return ok && !e.ExpandFinal && all(e.Args)
	case *hclsyntax.TemplateExpr:
		return all(e.Parts)
	case *hclsyntax.TemplateWrapExpr:
		return isPath(e.Wrapped)
	case *hclsyntax.ParenthesesExpr:
		return isPath(e.Expression)
	case *hclsyntax.TupleConsExpr: // join("/", [path.module, "x"])
		return all(e.Exprs)
	case *hclsyntax.LiteralValueExpr, *hclsyntax.ScopeTraversalExpr:
		return true
	case *hclsyntax.IndexExpr:
		return isPath(e.Collection) && isPath(e.Key)
	case *hclsyntax.RelativeTraversalExpr:
		return isPath(e.Source)
	}
	return false
}

// pureFunctions are those that paths are made with. Any other makes the
// expression one that cannot be evaluated.
var pureFunctions = map[string]function.Function{
	"format":     guarded(stdlib.FormatFunc, formatSize),
	"join":       guarded(stdlib.JoinFunc, joinSize),
	"lower":      stdlib.LowerFunc,
	"upper":      stdlib.UpperFunc,
	"replace":    guarded(stdlib.ReplaceFunc, replaceSize),
	"trimspace":  stdlib.TrimSpaceFunc,
	"abspath":    onPath(func(p string) string { return p }), // leads where its argument leads
	"pathexpand": onPath(func(p string) string { return p }),
	"dirname":    onPath(parentOf),
	"tostring":   stdlib.MakeToFunc(cty.String),
}

// onPath makes a function of one path.
func onPath(f func(string) string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(f(args[0].AsString())), nil
		},
	})
}

// parentOf is dirname of a path that may begin with a mark, which stands for a
// directory of which the name is not known.
func parentOf(p string) string {
	mark := ""
	if len(p) > 1 && p[0] == 0 {
		mark, p = p[:2], p[2:]
	}
	if mark == "" {
		return path.Dir(p)
	}
	return mark + "/" + path.Join(".", p, "..")
}
