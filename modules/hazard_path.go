package modules

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// fileFunctions read the path of their first argument.
var fileFunctions = map[string]bool{
	"file": true, "filebase64": true, "fileexists": true, "filemd5": true, "filesha1": true, "filesha256": true, "filesha512": true,
	"filebase64sha256": true, "filebase64sha512": true, "templatefile": true, "fileset": true,
}

// pathHazards looks at every expression that names path.module, path.root or
// path.cwd, calls a file function, or is a relative path, and says where it
// leads: outside its package, into another, or nowhere that can be known.
func (g *Graph) pathHazards(b *Borders) []Hazard {
	var out []Hazard
	for _, d := range g.Sorted() {
		s := &pathScan{g: g, b: b, dir: d, from: b.Of(d.Path)}
		for _, f := range d.Config.Files {
			if !bytes.Contains(f.Bytes, []byte("path.")) && !bytes.Contains(f.Bytes, []byte("../")) && !bytes.Contains(f.Bytes, []byte("file")) {
				continue
			}
			s.file(f)
		}
		out = append(out, s.out...)
	}
	return out
}

type pathScan struct {
	g    *Graph
	b    *Borders
	dir  *Dir
	from string // the package that dir is in, "" for what stays
	f    *hclparse.File
	out  []Hazard

	locals   map[string]hcl.Expression
	defaults map[string]cty.Value
}

func (s *pathScan) file(f *hclparse.File) {
	s.f = f
	switch {
	case f.Syntax == hclparse.Native:
		body, ok := f.Body.(*hclsyntax.Body)
		if !ok || body == nil {
			return
		}
		s.body(body)
	case f.Syntax == hclparse.JSON:
		s.json(f)
	case f.Syntax == hclparse.Terragrunt:
		for _, fn := range []string{"path_relative_to_include", "path_relative_from_include", "get_path_from_repo_root", "get_path_to_repo_root", "get_repo_root", "find_in_parent_folders"} {
			if i := bytes.Index(f.Bytes, []byte(fn+"(")); i >= 0 {
				s.add("terragrunt-path", Info, 1+bytes.Count(f.Bytes[:i], []byte("\n")), s.dir.Path,
					fn+"() depends on the path in the repository, which stays as it is")
			}
		}
	}
}

// body visits the expressions of one file. The source of a module block is
// the graph's, not a path.
func (s *pathScan) body(body *hclsyntax.Body) {
	for _, a := range body.Attributes {
		s.expr(a.Expr)
	}
	for _, blk := range body.Blocks {
		if blk.Type == "module" {
			for name, a := range blk.Body.Attributes {
				if name != "source" && name != "version" {
					s.expr(a.Expr)
				}
			}
			continue
		}
		s.body(blk.Body)
	}
}

// json visits every string of a .tf.json file as the template that terraform
// reads it as. Line numbers are those of the string's first occurrence.
func (s *pathScan) json(f *hclparse.File) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(f.Bytes, []byte("\xef\xbb\xbf"))))
	for {
		tok, err := dec.Token()
		if err != nil {
			return
		}
		text, ok := tok.(string)
		if !ok || !strings.Contains(text, "path.") && !strings.Contains(text, "file") {
			continue
		}
		line := 1 + bytes.Count(f.Bytes[:min(int(dec.InputOffset()), len(f.Bytes))], []byte("\n"))
		expr, diags := hclsyntax.ParseTemplate([]byte(text), f.Path, hcl.Pos{Line: line, Column: 1})
		if !diags.HasErrors() {
			s.expr(expr)
		}
	}
}

// expr judges e, or each of its parts, from the outside in: the largest
// expression that is a path is judged as a whole.
func (s *pathScan) expr(e hclsyntax.Expression) {
	switch e := e.(type) {
	case *hclsyntax.FunctionCallExpr:
		if fileFunctions[e.Name] && len(e.Args) > 0 {
			s.path(e.Args[0], e.Name)
			if e.Name == "fileset" && len(e.Args) == 2 {
				s.pattern(e.Args[0], e.Args[1])
			}
			for _, a := range e.Args[1:] {
				s.expr(a)
			}
			return
		}
		if usesPath(e) && isPath(e) {
			s.path(e, "")
			return
		}
	case *hclsyntax.TemplateExpr:
		if usesPath(e) && isPath(e) {
			s.path(e, "")
			return
		}
		if text, ok := literal(e); ok {
			s.literal(text, e.Range())
			return
		}
	case *hclsyntax.ScopeTraversalExpr:
		if e.Traversal.RootName() == "path" {
			s.path(e, "")
		}
		return
	}
	s.parts(e)
}

// parts judges each direct part of e.
func (s *pathScan) parts(e hclsyntax.Expression) {
	all := func(list ...hclsyntax.Expression) {
		for _, x := range list {
			if x != nil {
				s.expr(x)
			}
		}
	}
	switch e := e.(type) {
	case *hclsyntax.FunctionCallExpr:
		all(e.Args...)
	case *hclsyntax.TemplateExpr:
		all(e.Parts...)
	case *hclsyntax.TemplateWrapExpr:
		all(e.Wrapped)
	case *hclsyntax.ParenthesesExpr:
		all(e.Expression)
	case *hclsyntax.ConditionalExpr:
		all(e.Condition, e.TrueResult, e.FalseResult)
	case *hclsyntax.BinaryOpExpr:
		all(e.LHS, e.RHS)
	case *hclsyntax.UnaryOpExpr:
		all(e.Val)
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			all(item.KeyExpr, item.ValueExpr)
		}
	case *hclsyntax.ObjectConsKeyExpr:
		all(e.Wrapped)
	case *hclsyntax.TupleConsExpr:
		all(e.Exprs...)
	case *hclsyntax.ForExpr:
		all(e.CollExpr, e.KeyExpr, e.ValExpr, e.CondExpr)
	case *hclsyntax.IndexExpr:
		all(e.Collection, e.Key)
	case *hclsyntax.SplatExpr:
		all(e.Source, e.Each)
	case *hclsyntax.RelativeTraversalExpr:
		all(e.Source)
	case *hclsyntax.TemplateJoinExpr:
		all(e.Tuple)
	}
}

// isPath reports whether e is made of text, references and the functions that
// paths are made with alone: a condition, a loop or another function inside
// (which may read a file of its own) is judged by itself.
func isPath(e hclsyntax.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.FunctionCallExpr:
		if _, ok := pureFunctions[e.Name]; !ok || e.ExpandFinal {
			return false
		}
		for _, a := range e.Args {
			if !isPath(a) {
				return false
			}
		}
		return true
	case *hclsyntax.TemplateExpr:
		for _, p := range e.Parts {
			if !isPath(p) {
				return false
			}
		}
		return true
	case *hclsyntax.TemplateWrapExpr:
		return isPath(e.Wrapped)
	case *hclsyntax.ParenthesesExpr:
		return isPath(e.Expression)
	case *hclsyntax.TupleConsExpr: // join("/", [path.module, "x"])
		for _, x := range e.Exprs {
			if !isPath(x) {
				return false
			}
		}
		return true
	case *hclsyntax.LiteralValueExpr, *hclsyntax.ScopeTraversalExpr:
		return true
	case *hclsyntax.IndexExpr:
		return isPath(e.Collection) && isPath(e.Key)
	case *hclsyntax.RelativeTraversalExpr:
		return isPath(e.Source)
	}
	return false
}

// usesModule reports whether e names path.module itself.
func usesModule(e hclsyntax.Expression) bool {
	for _, t := range e.Variables() {
		if t.RootName() == "path" && len(t) > 1 {
			if a, ok := t[1].(hcl.TraverseAttr); ok && a.Name == "module" {
				return true
			}
		}
	}
	return false
}

func usesPath(e hclsyntax.Expression) bool {
	for _, t := range e.Variables() {
		if t.RootName() == "path" {
			return true
		}
	}
	return false
}

func literal(e *hclsyntax.TemplateExpr) (string, bool) {
	if !e.IsStringLiteral() {
		return "", false
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return "", false
	}
	return v.AsString(), true
}

// literal judges a plain string that begins as a relative path. In what
// stays it is relative to the stack; inside a module it is the caller's
// working directory that counts, so nothing moves.
func (s *pathScan) literal(text string, r hcl.Range) {
	if s.from != "" || !strings.HasPrefix(text, "../") && !strings.HasPrefix(text, "./") || strings.ContainsAny(text, "\n\x00") {
		return
	}
	target, ok := s.g.Follow(path.Join(s.dir.Path, text))
	if !ok {
		return
	}
	if p := s.b.Of(target); p != "" && s.g.exists(target) {
		s.add("file-of-module", Block, r.Start.Line, p, fmt.Sprintf("%q leads into the module %s", text, p))
	}
}

// path judges an expression that is a path. fn is the function that reads it,
// "" where it is a value.
func (s *pathScan) path(e hclsyntax.Expression, fn string) {
	line := e.Range().Start.Line
	if !isPath(e) {
		// A condition or a call inside: its parts say where it may lead.
		s.parts(e)
		if s.from != "" && fn != "" && usesPath(e) {
			s.unproved("unevaluated-path", line, s.snippet(e)+" cannot be evaluated")
		}
		return
	}
	for _, assumed := range []bool{true, false} {
		prefix, whole := s.eval(e, assumed)
		if assumed {
			if hasRoot(e, "var") {
				// What a default leads to counts when it escapes; callers may
				// pass another, so the rest is judged without it.
				s.judge(e, fn, line, prefix, whole, true)
			}
			continue
		}
		if fn == "" {
			prefix, whole = firstWord(prefix, whole)
		}
		s.judge(e, fn, line, prefix, whole, false)
	}
	s.embedded(e, line)
}

// pattern judges the second argument of fileset where it climbs: it is
// relative to the first.
func (s *pathScan) pattern(dir, glob hclsyntax.Expression) {
	base, ok := s.eval(dir, true)
	pattern, _ := s.eval(glob, true)
	if i := strings.IndexAny(pattern, "*?[{"); i >= 0 {
		pattern = pattern[:i]
	}
	if ok && strings.Contains(pattern, "..") {
		s.judge(glob, "fileset", glob.Range().Start.Line, base+"/"+pattern, false, true)
	}
}

// embedded judges the paths inside a longer text, such as a command line:
// each begins at a path.* that is not the text's first part.
func (s *pathScan) embedded(e hclsyntax.Expression, line int) {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok {
		return
	}
	for i, p := range t.Parts {
		if i == 0 || !usesPath(p) {
			continue
		}
		rest := &hclsyntax.TemplateExpr{Parts: t.Parts[i:], SrcRange: t.SrcRange}
		for _, assume := range []bool{true, false} {
			prefix, whole := firstWord(s.eval(rest, assume))
			s.judge(rest, "", line, prefix, whole, true)
		}
	}
}

// firstWord cuts a text at what ends a path in a command line. What follows
// is judged by itself.
func firstWord(text string, whole bool) (string, bool) {
	if i := strings.IndexAny(text, " \t\r\n\"'`;|&()<>,"); i >= 0 {
		return text[:i], true
	}
	return text, whole
}

func (s *pathScan) judge(e hclsyntax.Expression, fn string, line int, prefix string, whole, onlyEscapes bool) {
	text := s.snippet(e)
	if strings.Contains(prefix, ".git/") && !onlyEscapes {
		s.unproved("git-metadata", line, text+" reads .git, which a package's checkout has otherwise")
		return
	}
	base := s.dir.Path
	switch {
	case strings.HasPrefix(prefix, markModule):
		prefix = prefix[len(markModule):]
	case strings.HasPrefix(prefix, markRoot), strings.HasPrefix(prefix, markCwd):
		name := prefix[:2]
		prefix = prefix[2:]
		if s.from != "" || s.dir.Role == RolePrivate {
			// It is the caller's directory: the same before and after.
			return
		}
		if name == markCwd && !onlyEscapes && s.dir.Path == "." {
			s.unproved("directory-name", line, text+" holds the name of the repository's own directory")
		}
	case usesModule(e):
		// path.module somewhere else than at the front: a name made of it.
		if s.from != "" && !onlyEscapes {
			s.unproved("path-value", line, text+" is used as a value, and changes with the module's place")
		}
		return
	default:
		if s.from != "" || s.dir.Role != RoleStack && s.dir.Role != RoleUndecided && s.dir.Role != RoleExample {
			return // relative to the caller's working directory, or nothing known
		}
		if path.IsAbs(prefix) {
			if fn != "" && whole && !onlyEscapes {
				s.add("absolute-path", Info, line, s.dir.Path, text+" is an absolute path")
			}
			return
		}
		if prefix == "" && !whole {
			return
		}
	}
	if strings.ContainsRune(prefix, 0) {
		// A second path.* in the middle (basename(path.module)): no path.
		if s.from != "" && !onlyEscapes {
			s.unproved("path-value", line, text+" is used as a value")
		}
		return
	}
	known := prefix
	if !whole {
		known = prefix[:strings.LastIndexByte(prefix, '/')+1]
	}
	joined := path.Join(base, known)
	target, ok := s.g.Follow(joined)
	if !ok {
		if joined == ".." || strings.HasPrefix(joined, "../") {
			if s.from != "" {
				s.add("outside-file", Block, line, s.from, text+" leaves the repository")
			} else if !onlyEscapes {
				s.add("path-outside", Info, line, s.dir.Path, text+" leaves the repository")
			}
		}
		return
	}
	to := s.b.Of(target)
	if s.from == "" && to == "" {
		to = s.through(known)
	}
	switch {
	case s.from != "" && Within(target, s.from) && leaves(base, known, s.from):
		s.add("outside-file", Block, line, s.from, fmt.Sprintf("%s leaves %s and comes back by its name, which a repository does not have", text, s.from))
		return
	case s.from != "" && !Within(target, s.from):
		s.add("outside-file", Block, line, s.from, fmt.Sprintf("%s reaches %s, outside the module %s", text, target, s.from))
		if to != "" {
			s.add("file-of-module", Block, line, to, fmt.Sprintf("%s, in %s, reaches into the module %s", text, s.from, to))
		}
		return
	case s.from == "" && to != "":
		s.add("file-of-module", Block, line, to, fmt.Sprintf("%s reaches into the module %s", text, to))
		return
	case onlyEscapes:
		return
	case s.from == "" && !whole:
		for _, p := range s.b.Roots() {
			if Within(p, target) && target != s.dir.Path && !Within(target, s.dir.Path) {
				s.add("unevaluated-path", Warn, line, s.dir.Path, fmt.Sprintf("%s cannot be evaluated, and may reach into %s", text, p))
				s.out[len(s.out)-1].Unproved = true
				break
			}
		}
		return
	case s.from == "":
		if fn != "" && fn != "fileexists" && !s.g.exists(target) {
			s.add("missing-file", Info, line, s.dir.Path, fmt.Sprintf("%s reads %s, which is not in the repository", text, target))
		}
		return
	case fn == "":
		s.unproved("path-value", line, text+" is used as a value, and changes with the module's place")
	case !whole:
		s.unproved("unevaluated-path", line, text+" cannot be evaluated")
	case fn != "fileexists" && !s.g.exists(target):
		s.unproved("missing-file", line, fmt.Sprintf("%s reads %s, which is not in the repository", text, target))
	}
}

// through returns a package whose directory the path goes through on its way
// elsewhere: the kernel wants every directory on the way to be there.
func (s *pathScan) through(rel string) string {
	at := s.dir.Path
	for _, seg := range strings.Split(rel, "/") {
		at = path.Join(at, seg)
		if p := s.b.Of(at); p != "" && s.g.IsDir(at) {
			return p
		}
	}
	return ""
}

func (s *pathScan) add(id string, sev Severity, line int, dir, summary string) {
	s.out = append(s.out, Hazard{ID: id, Severity: sev, File: s.f.Path, Line: line, Dir: dir, Summary: summary})
}

func (s *pathScan) unproved(id string, line int, summary string) {
	s.add(id, Warn, line, s.dir.Path, summary)
	s.out[len(s.out)-1].Unproved = true
}

// snippet is the expression as it is written, on one line and not too long.
func (s *pathScan) snippet(e hclsyntax.Expression) string {
	r := e.Range()
	if s.f.Syntax != hclparse.Native || r.End.Byte > len(s.f.Bytes) || r.Start.Byte > r.End.Byte {
		return "a path"
	}
	text := strings.Join(strings.Fields(string(s.f.Bytes[r.Start.Byte:r.End.Byte])), " ")
	if strings.Contains(text, "://") {
		return "a text with a path in it" // an address may hold a password
	}
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:57], "") + "…"
	}
	return text
}

func hasRoot(e hclsyntax.Expression, name string) bool {
	for _, t := range e.Variables() {
		if t.RootName() == name || t.RootName() == "local" {
			return true
		}
	}
	return false
}

// eval evaluates e with the path marks, the directory's locals and, where
// assume is set, its variables' defaults. It returns the value's text, or the
// known beginning of it; whole says which.
func (s *pathScan) eval(e hcl.Expression, assume bool) (prefix string, whole bool) {
	v := s.value(e, assume, 0)
	if v == cty.NilVal || v.Type() != cty.String && v.Type() != cty.DynamicPseudoType {
		return "", false
	}
	v, _ = v.Unmark()
	if v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
		return v.AsString(), true
	}
	if !v.IsKnown() && v.Type() == cty.String {
		return v.Range().StringPrefix(), false
	}
	return "", false
}

const deepestLocal = 16 // locals that name locals; a circle of them ends here

func (s *pathScan) value(e hcl.Expression, assume bool, depth int) cty.Value {
	vars := map[string]cty.Value{}
	locals, inputs := map[string]cty.Value{}, map[string]cty.Value{}
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
				locals[attr.Name] = s.local(attr.Name, assume, depth)
			} else {
				inputs[attr.Name] = s.input(attr.Name, assume)
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

func (s *pathScan) local(name string, assume bool, depth int) cty.Value {
	if s.locals == nil {
		s.locals = map[string]hcl.Expression{}
		for _, l := range s.dir.Config.Locals {
			s.locals[l.Name] = l.Expr
		}
	}
	e := s.locals[name]
	if e == nil || depth >= deepestLocal {
		return cty.DynamicVal
	}
	return s.value(e, assume, depth+1)
}

func (s *pathScan) input(name string, assume bool) cty.Value {
	if !assume {
		return cty.UnknownVal(cty.String)
	}
	if s.defaults == nil {
		s.defaults = map[string]cty.Value{}
		for _, v := range s.dir.Config.Variables {
			if v.Default == nil {
				continue
			}
			if val, diags := v.Default.Value(nil); !diags.HasErrors() {
				s.defaults[v.Name] = val
			}
		}
	}
	if v, ok := s.defaults[name]; ok && !v.IsNull() {
		return v
	}
	return cty.UnknownVal(cty.String)
}

// pureFunctions are those that paths are made with. Any other makes the
// expression one that cannot be evaluated.
var pureFunctions = map[string]function.Function{
	"format":     stdlib.FormatFunc,
	"join":       stdlib.JoinFunc,
	"lower":      stdlib.LowerFunc,
	"upper":      stdlib.UpperFunc,
	"replace":    stdlib.ReplaceFunc,
	"trimspace":  stdlib.TrimSpaceFunc,
	"abspath":    passThrough,
	"pathexpand": passThrough,
	"tostring":   stdlib.MakeToFunc(cty.String),
}

// passThrough keeps the mark at the front of a path: abspath(path.module)
// leads where path.module leads.
var passThrough = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "path", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return args[0], nil },
})
