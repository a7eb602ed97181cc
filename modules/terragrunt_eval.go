package modules

import (
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// repoMark stands for the absolute path of the repository's root. No path of
// a tree can hold it.
const repoMark = "/\x00"

// A terragruntScope is where an expression of a terragrunt file has its
// value: the unit that is run, and the file that it stands in.
type terragruntScope struct {
	t    *terragruntTree
	unit *terragruntFile
	file *terragruntFile // nil for the unit itself, else the file it includes
	// varies is set once a value depends on which unit includes the file.
	varies bool
	reads  bool // set once a value depends on what a file says

	funcs    map[string]function.Function
	values   map[string]cty.Value // of its locals, each evaluated once
	included map[*terragruntFile]*terragruntScope
}

func (t *terragruntTree) scope(unit, file *terragruntFile) *terragruntScope {
	return &terragruntScope{t: t, unit: unit, file: file}
}

// text evaluates e: the text, or the known beginning of it; whole says which.
func (s *terragruntScope) text(e hcl.Expression) (text string, whole bool) {
	v := s.value(e, 0)
	if v == cty.NilVal {
		return "", false
	}
	v, _ = v.Unmark()
	switch {
	case v.Type() != cty.String || v.IsNull():
		return "", false
	case v.IsKnown():
		return v.AsString(), true
	}
	return v.Range().StringPrefix(), false
}

// pathOf evaluates a path that must be a file or directory of the tree.
func (s *terragruntScope) pathOf(e hcl.Expression) (string, bool) {
	text, whole := s.text(e)
	if !whole {
		return "", false
	}
	if rest, ok := strings.CutPrefix(text, repoMark); ok {
		if rest != "" && rest[0] != '/' {
			return "", false
		}
		text = path.Join(".", strings.TrimLeft(rest, "/"))
	} else if path.IsAbs(text) {
		return "", false
	} else {
		text = path.Join(s.dir(), text)
	}
	return s.t.g.Follow(text)
}

// dir is the directory of the unit.
func (s *terragruntScope) dir() string { return path.Dir(s.unit.Path) }

// here is the file that is evaluated.
func (s *terragruntScope) here() *terragruntFile {
	if s.file != nil {
		return s.file
	}
	return s.unit
}

func (s *terragruntScope) value(e hcl.Expression, depth int) cty.Value {
	if e == nil || depth > deepestLocal {
		return cty.DynamicVal
	}
	if call, ok := e.(*hclsyntax.FunctionCallExpr); ok {
		// hclsyntax would look for the names that are most like this one,
		// and with many units that was half of all CPU.
		if _, known := s.functions()[call.Name]; !known {
			return cty.DynamicVal
		}
	}
	if beyond(e) {
		return cty.DynamicVal
	}
	vars, locals := map[string]cty.Value{}, map[string]cty.Value{}
	includes := map[string]map[string]cty.Value{}
	size := 0
	for _, t := range e.Variables() {
		names := attributes(t)
		switch {
		case names[0] == "local" && len(names) > 1:
			locals[names[1]] = s.localValue(names[1], depth+1)
			size += sizeOf(locals[names[1]], mostValue)
		case names[0] == "include" && len(names) > 3 && names[2] == "locals":
			if includes[names[1]] == nil {
				includes[names[1]] = map[string]cty.Value{}
			}
			v := cty.DynamicVal
			if from, local := s.local(names); local != nil {
				v = from.localValue(names[3], depth+1)
			}
			includes[names[1]][names[3]] = v
			size += sizeOf(v, mostValue)
		default:
			vars[names[0]] = cty.DynamicVal
		}
		if size > mostResult {
			return cty.DynamicVal
		}
	}
	if len(locals) > 0 {
		vars["local"] = cty.ObjectVal(locals)
	}
	if _, unknown := vars["include"]; len(includes) > 0 && !unknown {
		labels := map[string]cty.Value{}
		for label, locals := range includes {
			labels[label] = cty.ObjectVal(map[string]cty.Value{"locals": cty.ObjectVal(locals)})
		}
		vars["include"] = cty.ObjectVal(labels)
	}
	v, diags := e.Value(&hcl.EvalContext{Variables: vars, Functions: s.functions()})
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	return v
}

// localValue evaluates a local of the file once. In a circle of them, which
// terragrunt refuses, the one that is met again is not known.
func (s *terragruntScope) localValue(name string, depth int) cty.Value {
	if v, ok := s.values[name]; ok {
		return v
	}
	if s.values == nil {
		s.values = map[string]cty.Value{}
	}
	s.values[name] = cty.DynamicVal
	s.values[name] = bounded(s.value(s.here().locals[name], depth))
	return s.values[name]
}

// local returns the expression of local.NAME or include.LABEL.locals.NAME, and
// where it is evaluated; nil where it is neither.
func (s *terragruntScope) local(names []string) (*terragruntScope, hcl.Expression) {
	switch {
	case names[0] == "local" && len(names) > 1:
		return s, s.here().locals[names[1]]
	case names[0] == "include" && len(names) > 3 && names[2] == "locals" && s.file == nil:
		for _, in := range s.unit.includes {
			if in.label == names[1] && in.file != nil {
				if s.included == nil {
					s.included = map[*terragruntFile]*terragruntScope{}
				}
				if s.included[in.file] == nil {
					s.included[in.file] = s.t.scope(s.unit, in.file)
				}
				return s.included[in.file], in.file.locals[names[3]]
			}
		}
	}
	return s, nil
}

// attributes are the names of a traversal, up to the first that is none.
func attributes(t hcl.Traversal) []string {
	names := []string{t.RootName()}
	for _, step := range t[1:] {
		a, ok := step.(hcl.TraverseAttr)
		if !ok {
			break
		}
		names = append(names, a.Name)
	}
	return names
}

// literals are the plain texts that e is made of, also through locals.
func (s *terragruntScope) literals(e hcl.Expression) []string {
	return s.literalsOf(e, map[hcl.Expression]bool{}, 0)
}

// literalsOf is literals without those of the expressions that were seen.
func (s *terragruntScope) literalsOf(e hcl.Expression, seen map[hcl.Expression]bool, depth int) []string {
	node, ok := e.(hclsyntax.Node)
	if !ok || depth > deepestLocal || seen[e] {
		return nil
	}
	seen[e] = true
	var out []string
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		if lit, ok := n.(*hclsyntax.LiteralValueExpr); ok && lit.Val.Type() == cty.String && lit.Val.IsKnown() && !lit.Val.IsNull() {
			out = append(out, lit.Val.AsString())
		}
		return nil
	})
	for _, t := range e.Variables() {
		from, local := s.local(attributes(t))
		out = append(out, from.literalsOf(local, seen, depth+1)...)
	}
	return out
}

// functions are terragrunt's path functions as they are in this scope, and
// the pure ones that paths are made with. Nothing is run, and no environment
// is read: get_env, run_cmd and the like are unknown, and so is what is made
// with them.
func (s *terragruntScope) functions() map[string]function.Function {
	if s.funcs != nil {
		return s.funcs
	}
	dir := s.dir()
	absolute := func(p string) string {
		if p == "." {
			return repoMark
		}
		return repoMark + "/" + p
	}
	dependsOnUnit := func(f func() (string, bool)) func([]string) (string, bool) {
		return func(args []string) (string, bool) {
			s.varies = true
			if len(args) > 0 {
				return "", false
			}
			return f()
		}
	}
	out := map[string]function.Function{
		"basename":   textFunction(func(a []string) (string, bool) { return path.Base(a[0]), len(a) == 1 && a[0] != repoMark }),
		"dirname":    textFunction(func(a []string) (string, bool) { return path.Dir(a[0]), len(a) == 1 }),
		"trimprefix": stdlib.TrimPrefixFunc,
		"trimsuffix": stdlib.TrimSuffixFunc,
		"trim":       stdlib.TrimFunc,
		"file":       textFunction(s.readFile),
		"get_repo_root": textFunction(func(a []string) (string, bool) {
			return repoMark, len(a) == 0
		}),
		"get_terragrunt_dir":          textFunction(dependsOnUnit(func() (string, bool) { return absolute(dir), true })),
		"get_original_terragrunt_dir": textFunction(dependsOnUnit(func() (string, bool) { return absolute(dir), true })),
		"get_path_from_repo_root":     textFunction(dependsOnUnit(func() (string, bool) { return dir, true })),
		"get_path_to_repo_root":       textFunction(dependsOnUnit(func() (string, bool) { return rel(dir, "."), true })),
		"find_in_parent_folders":      textFunction(s.findInParents),
		"get_parent_terragrunt_dir": textFunction(func(a []string) (string, bool) {
			p, ok := s.parent(a)
			return absolute(p), ok
		}),
		"path_relative_to_include": textFunction(func(a []string) (string, bool) {
			s.varies = true
			p, ok := s.parent(a)
			return rel(p, dir), ok
		}),
		"path_relative_from_include": textFunction(func(a []string) (string, bool) {
			s.varies = true
			p, ok := s.parent(a)
			return rel(dir, p), ok
		}),
	}
	for name, f := range pureFunctions {
		out[name] = f
	}
	s.funcs = out
	return out
}

// textFunction makes a function of texts. What f does not know is unknown.
func textFunction(f func(args []string) (string, bool)) function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "args", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			texts := make([]string, len(args))
			for i, a := range args {
				texts[i] = a.AsString()
			}
			if v, ok := f(texts); ok {
				return cty.StringVal(v), nil
			}
			return cty.UnknownVal(cty.String), nil
		},
	})
}

// rel is the relative path between two directories of the tree.
func rel(from, to string) string {
	up := ""
	for !Within(to, from) {
		from = path.Dir(from)
		up += "../"
	}
	rest := to
	if from != "." {
		rest = strings.TrimPrefix(strings.TrimPrefix(to, from), "/")
	}
	return path.Join(up, rest, ".")
}

// findInParents looks for a file or directory above the unit's directory. Where
// the tree has none, what is above the repository decides.
func (s *terragruntScope) findInParents(args []string) (string, bool) {
	name := "terragrunt.hcl"
	if len(args) > 0 && args[0] != "" {
		name = args[0]
	}
	if path.IsAbs(name) {
		return "", false
	}
	for at := s.dir(); at != "."; {
		at = path.Dir(at)
		p := path.Join(at, name)
		if strings.HasPrefix(p, "..") {
			return "", false
		}
		if s.t.g.exists(p) {
			return repoMark + "/" + p, true
		}
	}
	return "", false
}

// parent is the directory of the file that is included.
func (s *terragruntScope) parent(args []string) (string, bool) {
	switch {
	case s.file != nil:
		return path.Dir(s.file.Path), true
	case len(s.unit.includes) == 0 && len(args) == 0:
		return s.dir(), true
	case len(s.unit.includes) == 1 && len(args) == 0:
		if f := s.unit.includes[0].file; f != nil {
			return path.Dir(f.Path), true
		}
	case len(args) == 1:
		i := slices.IndexFunc(s.unit.includes, func(in terragruntInclude) bool { return in.label == args[0] })
		if i >= 0 && s.unit.includes[i].file != nil {
			return path.Dir(s.unit.includes[i].file.Path), true
		}
	}
	return "", false
}

// readFile is file() of a small text in the tree, such as a ref that a unit
// keeps beside it.
func (s *terragruntScope) readFile(args []string) (string, bool) {
	if len(args) != 1 {
		return "", false
	}
	s.reads = true
	text := args[0]
	if rest, ok := strings.CutPrefix(text, repoMark+"/"); ok {
		text = rest
	} else if path.IsAbs(text) {
		return "", false
	} else {
		text = path.Join(s.dir(), text)
	}
	p, ok := s.t.g.Follow(text)
	if !ok || !s.t.g.isFile(p) {
		return "", false
	}
	data := s.t.g.readFile(p)
	return string(data), data != nil && len(data) < 4096 && !isBinary(data)
}
