package modules

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
)

// fileFunctions read the path of their first argument.
var fileFunctions = map[string]bool{
	"file": true, "filebase64": true, "fileexists": true, "filemd5": true, "filesha1": true, "filesha256": true, "filesha512": true,
	"filebase64sha256": true, "filebase64sha512": true, "templatefile": true, "fileset": true,
}

const deepestChoice = 4 // locals by a condition that name others

// A sight is one path that an expression gives, as far as the files of its
// directory tell.
type sight struct {
	dir  *Dir
	file string
	line int
	expr string // as it is written, on one line and not too long
	fn   string // the function that reads the path; "" where it is a value
	base sightBase
	// path is relative to the base. Where whole is false it is the known
	// beginning alone.
	path  string
	whole bool
	// guess says that the path counts only where it leads out: it takes a
	// variable to have its default, or is part of a longer text.
	guess bool
	// glob is the pattern of a fileset, relative to path; "" where there is
	// none, or it is not known.
	glob string
	// arg says that it is a text in a call of some function.
	arg bool
}

// sightBase is what a path is relative to.
type sightBase int

const (
	baseModule sightBase = iota // path.module
	baseRoot                    // path.root
	baseCwd                     // path.cwd
	baseNone                    // the working directory, which is the stack's
	baseName                    // nothing: a name made of path.module
)

// sights are the paths in every expression of the tree that names path.module,
// path.root or path.cwd, calls a file function, or is a relative path. Each
// expression is looked at once, whatever the borders are.
func (g *Graph) sights() []sight {
	if g.seen == nil {
		g.seen = []sight{}
		for _, d := range g.Sorted() {
			found, ok := g.found[d.Path]
			if !ok {
				found = sightsOf(d.Config)
			}
			for _, s := range found {
				s.dir = d
				g.seen = append(g.seen, s)
			}
		}
	}
	return g.seen
}

// sightsOf finds the sights of one directory. Their dir is for the graph to
// set.
func sightsOf(m *hclparse.Module) []sight {
	s := &pathScan{ev: newPathEval(m), seen: map[sight]bool{}}
	locals := s.ev.anyMarked()
	for _, f := range m.Files {
		if bytes.Contains(f.Bytes, []byte("path.")) || bytes.Contains(f.Bytes, []byte("./")) || bytes.Contains(f.Bytes, []byte("file")) || locals && bytes.Contains(f.Bytes, []byte("local.")) {
			s.scan(f)
		}
	}
	return s.out
}

type pathScan struct {
	ev   *pathEval
	file *hclparse.File
	src  []byte // what ranges of expressions are positions in
	out  []sight
	seen map[sight]bool

	depth int                         // of locals that lead to others
	call  *hclsyntax.FunctionCallExpr // the fileset that is looked at
	glob  string                      // its pattern
	args  int                         // how many calls are around
}

func (s *pathScan) scan(f *hclparse.File) {
	s.file, s.src = f, f.Bytes
	switch f.Syntax {
	case hclparse.Native:
		if body, ok := f.Body.(*hclsyntax.Body); ok && body != nil {
			s.body(body, "")
		}
	case hclparse.JSON:
		for _, v := range jsonStrings(f.Bytes) {
			s.jsonString(v)
		}
	}
}

// body visits the expressions of one block. The source of a module block is
// the graph's, not a path.
func (s *pathScan) body(body *hclsyntax.Body, block string) {
	attributes := slices.SortedFunc(maps.Values(body.Attributes), func(a, b *hclsyntax.Attribute) int { return a.SrcRange.Start.Byte - b.SrcRange.Start.Byte })
	for _, a := range attributes {
		name := a.Name
		if block == "module" && (name == "source" || name == "version") || block == "locals" && s.isPathLocal(a.Expr) {
			continue
		}
		s.expr(a.Expr)
	}
	for _, b := range body.Blocks {
		s.body(b.Body, b.Type)
	}
}

// jsonString visits one string of a .tf.json file as the template that
// terraform reads it as.
func (s *pathScan) jsonString(v jsonString) {
	if !strings.Contains(v.text, "./") && !strings.Contains(v.text, "path.") && !strings.Contains(v.text, "file") && !strings.Contains(v.text, "local.") {
		return
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(v.text), s.file.Path, hcl.Pos{Line: v.line, Column: 1})
	if diags.HasErrors() {
		return
	}
	if len(v.keys) == 3 && v.keys[0] == "module" && (v.keys[2] == "source" || v.keys[2] == "version") ||
		len(v.keys) == 2 && v.keys[0] == "locals" && s.isPathLocal(expr) {
		return
	}
	s.src = []byte(v.text)
	s.expr(expr)
}

// isPathLocal reports whether a local is a path as a whole, or one of several:
// it counts where the local is used, and for what it is used there.
func (s *pathScan) isPathLocal(e hcl.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.ConditionalExpr:
		return s.isPathLocal(e.TrueResult) || s.isPathLocal(e.FalseResult)
	case *hclsyntax.ParenthesesExpr:
		return s.isPathLocal(e.Expression)
	}
	if l := s.ev.choice(e); l != nil && s.depth < deepestChoice {
		s.depth++
		defer func() { s.depth-- }()
		return s.isPathLocal(l.Expr)
	}
	x, ok := e.(hclsyntax.Expression)
	if !ok || s.leads(x) == 0 || !s.ev.usesPath(x) {
		return false
	}
	text, _ := s.ev.text(x, true)
	return strings.HasPrefix(text, "\x00")
}

// leads returns how many of a path expression's leading parts make its
// beginning: 1 for one that is a path as a whole, 0 for one that is none.
func (s *pathScan) leads(e hclsyntax.Expression) int {
	if isPath(e) {
		return 1
	}
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok {
		return 0
	}
	n, marked := 0, false
	for _, p := range t.Parts {
		if !isPath(p) {
			break
		}
		n, marked = n+1, marked || s.ev.usesPath(p)
	}
	if !marked {
		return 0
	}
	return n
}

// expr looks at e, or at each of its parts, from the outside in: the largest
// expression that is a path is taken as a whole.
func (s *pathScan) expr(e hclsyntax.Expression) {
	switch e := e.(type) {
	case *hclsyntax.FunctionCallExpr:
		if fileFunctions[e.Name] && len(e.Args) > 0 {
			s.read(e)
			return
		}
		if isPath(e) && s.ev.usesPath(e) {
			s.path(e, "")
			return
		}
	case *hclsyntax.TemplateExpr:
		if s.ev.usesPath(e) && s.leads(e) > 0 {
			s.path(e, "")
			return
		}
		if text, ok := literal(e); ok {
			if (strings.HasPrefix(text, "../") || strings.HasPrefix(text, "./")) && !strings.ContainsAny(text, "\n\x00") {
				s.add(e, sight{base: baseNone, path: text, whole: true, guess: true, arg: s.args > 0})
			}
			return
		}
	case *hclsyntax.ScopeTraversalExpr:
		if s.isPathLocal(e) {
			s.path(e, "")
		}
		return
	}
	s.parts(e)
}

// read looks at a call of a function that reads a file.
func (s *pathScan) read(e *hclsyntax.FunctionCallExpr) {
	first, rest := e.Args[0], e.Args[1:]
	if e.Name == "fileset" && len(rest) == 1 {
		glob, whole := s.ev.text(rest[0], false)
		switch {
		case whole && glob != "":
			s.call, s.glob = e, glob
			s.path(first, e.Name)
			s.call, s.glob = nil, ""
			return
		case !whole:
			// The directory as a whole, and where the pattern may climb to.
			if base, ok := s.ev.text(first, true); ok {
				if known, _ := s.ev.text(rest[0], true); strings.Contains(known, "..") {
					s.found(rest[0], "fileset", path.Clean(base+"/"+upTo(known, "*?[{"))+"/", false, true)
				}
			}
		}
	}
	s.path(first, e.Name)
	for _, a := range rest {
		s.expr(a)
	}
}

// parts looks at each direct part of e.
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
		s.args++
		all(e.Args...)
		s.args--
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

// path looks at an expression that is a path. fn is the function that reads
// it, "" where it is a value.
func (s *pathScan) path(e hclsyntax.Expression, fn string) {
	switch e := e.(type) {
	case *hclsyntax.ConditionalExpr:
		s.expr(e.Condition)
		s.path(e.TrueResult, fn)
		s.path(e.FalseResult, fn)
		return
	case *hclsyntax.ParenthesesExpr:
		s.path(e.Expression, fn)
		return
	case *hclsyntax.TemplateWrapExpr:
		s.path(e.Wrapped, fn)
		return
	}
	if l := s.ev.choice(e); l != nil && s.depth < deepestChoice {
		file, src := s.file, s.src
		s.file, s.src = l.File, l.File.Bytes
		s.depth++
		s.path(l.Expr.(hclsyntax.Expression), fn)
		s.depth--
		s.file, s.src = file, src
		return
	}
	if s.leads(e) == 0 {
		// A condition or a call inside: its parts say where it may lead.
		s.parts(e)
		if fn != "" && s.ev.usesPath(e) {
			s.add(e, sight{fn: fn, base: baseModule, whole: false})
		}
		return
	}
	prefix, whole := s.ev.text(e, false)
	if assumed, all := s.ev.text(e, true); all != whole || assumed != prefix {
		s.found(e, fn, assumed, all, true) // what a variable's default leads to
	}
	s.found(e, fn, prefix, whole, false)
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok {
		return
	}
	for i, p := range t.Parts {
		if !isPath(p) {
			s.expr(p)
			continue
		}
		if i == 0 || !s.ev.usesPath(p) {
			continue
		}
		// A path inside a longer text, such as a command line.
		rest := &hclsyntax.TemplateExpr{Parts: t.Parts[i:], SrcRange: t.SrcRange}
		for _, assume := range []bool{true, false} {
			prefix, whole := s.ev.text(rest, assume)
			s.found(rest, "", prefix, whole, true)
		}
	}
}

// found notes a path. What follows the first word of a value is not part of
// it: it may be a command line.
func (s *pathScan) found(e hclsyntax.Expression, fn, prefix string, whole, guess bool) {
	if fn == "" {
		if word := upTo(prefix, " \t\r\n\"'`;|&()<>,"); word != prefix {
			prefix, whole = word, true
		}
	}
	x := sight{fn: fn, path: prefix, whole: whole, guess: guess}
	switch {
	case strings.HasPrefix(prefix, markModule):
		x.base, x.path = baseModule, prefix[2:]
	case strings.HasPrefix(prefix, markRoot):
		x.base, x.path = baseRoot, prefix[2:]
	case strings.HasPrefix(prefix, markCwd):
		x.base, x.path = baseCwd, prefix[2:]
	case prefix != "" && s.ev.usesModule(e):
		x.base = baseName // path.module further on: a name, or a command line
	case s.ev.usesPath(e) && fn == "":
		return
	case s.ev.usesPath(e) && prefix == "":
		x.base, x.whole = baseModule, false // nothing of it is known
	default:
		x.base = baseNone
	}
	if strings.ContainsRune(x.path, 0) {
		x.base = baseName // a second path.* in the middle
	}
	s.add(e, x)
}

func (s *pathScan) add(e hclsyntax.Expression, x sight) {
	x.file, x.line, x.expr = s.file.Path, e.Range().Start.Line, s.snippet(e)
	if s.call != nil && x.whole {
		x.glob, x.expr = s.glob, s.snippet(s.call)
	}
	if !s.seen[x] {
		s.seen[x] = true
		s.out = append(s.out, x)
	}
}

// snippet is the expression as it is written, on one line and not too long.
func (s *pathScan) snippet(e hclsyntax.Expression) string {
	r := e.Range()
	if r.End.Byte > len(s.src) || r.Start.Byte > r.End.Byte {
		return "a path"
	}
	text := strings.Join(strings.Fields(string(s.src[r.Start.Byte:r.End.Byte])), " ")
	if strings.Contains(text, "://") {
		return "a text with a path in it" // an address may hold a password
	}
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:57], "") + "…"
	}
	return text
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

// upTo cuts s before the first of chars.
func upTo(s, chars string) string {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i]
	}
	return s
}
