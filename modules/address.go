package modules

import (
	"bytes"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
)

// An Address is the source of a call as far as the files tell.
type Address struct {
	// Text is the source, or its known beginning where Whole is not set.
	Text  string
	Whole bool
	// Tail is the known text behind the last part that is not known: of
	// "${var.base}//vpc?ref=v1.2.0" it is //vpc?ref=v1.2.0, with a Text of "".
	// It is "" where Whole is set.
	Tail string
	// Literals say where the bytes of Text and Tail are written, in the order
	// in which they stand in them.
	Literals []Literal
}

// A Literal is a run of an address's bytes that stands in a file just as it is
// in the address, so that it can be edited there. What is written in another
// way, such as with an escape, or made by a function, is in none. One literal
// may be used more than once, and also by other calls.
type Literal struct {
	// At is the run's first byte in the address's Text followed by its Tail.
	At int
	// Path is the file; Start and End are its bytes there, quotes not included.
	Path       string
	Start, End int
}

const (
	// mostAddress is the longest text that is made of an expression: texts
	// that are made of each other grow without end. No URL is as long.
	mostAddress = 8 << 10
	// mostSteps is how many expressions are evaluated for one address, which
	// bounds what locals that name each other may cost.
	mostSteps = 10_000
	// deepestExpr is how deep they may stand in each other.
	deepestExpr = 256
)

// Address returns the source of c. For a literal that is its text. For an
// expression it is what the files make of it:
//
//   - in Terraform's languages, the locals of the same directory and the
//     defaults of its variables with `const = true` (Terraform 1.15; OpenTofu
//     1.8 takes any variable, but without const a default is only what a value
//     may be). Who calls the module, or sets the variable, may give it another
//     value.
//   - in terragrunt, the locals of the unit and of the files that it includes,
//     and the path functions (see terragruntScope). A path that begins at the
//     repository's root is given relative to the unit's directory.
//   - strings, templates, format, join, replace and other functions of text,
//     and entries of objects and lists that are written out.
//
// Anything else is not known: other variables, resources, functions such as
// get_env, and a conditional, since one of its branches is not more likely than
// the other. (Of a terragrunt source each branch is a call of its own.) Nor is
// a local that is written twice, where no override file decides.
//
// A call without a source has the zero Address. Nothing of the tree's syntax
// trees is needed, terragrunt's aside: a directory with a computed source is
// read again, once. It may be called from several goroutines.
func (g *Graph) Address(c *Call) Address {
	e := &addressEval{g: g, texts: map[string][]byte{}}
	if c.Terragrunt != nil {
		s := c.Terragrunt
		if s.Static {
			return e.plain(s.Raw, s.File, s.Range)
		}
		scope := terragruntNames{g.terragrunt.scope(c.lead.unit, c.lead.file)}
		return addressOf(e.eval(s.Expr, scope, 0), c.Dir)
	}
	call := c.Call
	switch {
	case !call.HasSource:
		return Address{}
	case call.Static:
		return e.plain(call.Raw, call.File, call.SourceRange)
	}
	return g.textAt(e, c, call.File, call.SourceRange)
}

// Version returns the text of the version argument of c, which stands at the
// range in a file of the call's directory; that is c's own file but where an
// override gives the version. It is made of what Address tells, and is zero
// where there is none.
func (g *Graph) Version(c *Call, at hcl.Range) Address {
	e := &addressEval{g: g, texts: map[string][]byte{}}
	if f := c.File(); f.Path == at.Filename {
		return g.textAt(e, c, f, at)
	}
	if d := g.Dirs[c.Dir]; d != nil {
		for _, f := range d.Config.Files {
			if f.Path == at.Filename {
				return g.textAt(e, c, f, at)
			}
		}
	}
	return Address{}
}

// textAt is the text of the expression of c's at a range of a file.
func (g *Graph) textAt(e *addressEval, c *Call, f *hclparse.File, at hcl.Range) Address {
	expr := exprAt(f, at)
	if expr == nil {
		return Address{}
	}
	if c.Terragrunt != nil {
		scope := terragruntNames{g.terragrunt.scope(c.lead.unit, c.lead.file)}
		return addressOf(e.eval(expr, scope, 0), c.Dir)
	}
	return addressOf(e.eval(expr, g.directoryNames(c.Dir, f.Tofu), 0), c.Dir)
}

// plain is the address of a source that is one literal.
func (e *addressEval) plain(raw string, f *hclparse.File, r hcl.Range) Address {
	a := Address{Text: raw, Whole: true}
	r.Start.Byte, r.End.Byte = r.Start.Byte+1, r.End.Byte-1 // the quotes
	if raw != "" && r.Start.Byte < r.End.Byte && e.stands(raw, f.Path, r) {
		a.Literals = []Literal{{Path: f.Path, Start: r.Start.Byte, End: r.End.Byte}}
	}
	return a
}

// exprAt parses the expression at a range of a file again; nil where that
// fails.
func exprAt(f *hclparse.File, at hcl.Range) (expr hcl.Expression) {
	defer func() {
		if recover() != nil {
			expr = nil // the parser is others' code
		}
	}()
	if !at.CanSliceBytes(f.Bytes) {
		return nil
	}
	text := at.SliceBytes(f.Bytes)
	if f.Syntax == hclparse.JSON {
		return jsonTemplate(text, at)
	}
	// A heredoc is closed by the newline behind it.
	parsed, diags := hclsyntax.ParseExpression(append(bytes.Clone(text), '\n'), f.Path, at.Start)
	if diags.HasErrors() {
		return nil
	}
	return parsed
}

// A piece is a part of an address: a text or, where unknown is set, something
// that is not known.
type piece struct {
	text    string
	unknown bool
	path    string // where the text is written; "" where it stands nowhere as it is
	start   int
}

var unknownPieces = []piece{{unknown: true}}

// addressOf joins the pieces. The mark of the repository's root is a path from
// dir where it begins the address, and not known elsewhere.
func addressOf(pieces []piece, dir string) Address {
	var known []piece // with no mark in them
	for i, p := range pieces {
		if p.unknown || !strings.ContainsRune(p.text, 0) {
			known = append(known, p)
			continue
		}
		rest, root := strings.CutPrefix(p.text, repoMark)
		switch {
		case i == 0 && root && (rest != "" && rest[0] == '/' || rest == "" && (len(pieces) == 1 || strings.HasPrefix(pieces[1].text, "/"))):
			known = append(known, piece{text: rel(dir, ".")}) // . or ../..
		default:
			known = append(known, piece{unknown: true})
			rest = p.text[strings.LastIndexByte(p.text, 0)+1:]
		}
		if strings.ContainsRune(rest, 0) {
			known = append(known, piece{unknown: true})
			rest = rest[strings.LastIndexByte(rest, 0)+1:]
		}
		if rest != "" {
			known = append(known, piece{text: rest})
		}
	}
	first, last := len(known), len(known)
	for i, p := range known {
		if p.unknown {
			first, last = min(first, i), i
		}
	}
	a := Address{Whole: first == len(known)}
	at := 0
	take := func(pieces []piece) string {
		var b strings.Builder
		for _, p := range pieces {
			if p.text != "" && p.path != "" {
				l := Literal{At: at, Path: p.path, Start: p.start, End: p.start + len(p.text)}
				n := len(a.Literals) - 1
				if n >= 0 && a.Literals[n].Path == l.Path && a.Literals[n].End == l.Start && a.Literals[n].At+a.Literals[n].End-a.Literals[n].Start == at {
					a.Literals[n].End = l.End // one run
				} else {
					a.Literals = append(a.Literals, l)
				}
			}
			b.WriteString(p.text)
			at += len(p.text)
		}
		return b.String()
	}
	a.Text = take(known[:first])
	if !a.Whole {
		a.Tail = take(known[last+1:])
	}
	return a
}

// An addressScope says what the names and functions in an expression mean.
type addressScope interface {
	// named returns the expression that the first names of a reference stand
	// for, where that is evaluated, and how many names these are; nil where it
	// is not known.
	named(names []string) (hcl.Expression, addressScope, int)
	// call evaluates a function of texts.
	call(name string, args []string) (string, bool)
}

// An addressEval evaluates one address.
type addressEval struct {
	g     *Graph
	steps int
	texts map[string][]byte
}

// stands reports whether text is written just so at r.
func (e *addressEval) stands(text, file string, r hcl.Range) bool {
	src, ok := e.texts[file]
	if !ok && file != "" { // a template in JSON has none
		src = e.g.bytesOf(file)
		e.texts[file] = src
	}
	return r.Start.Byte >= 0 && r.Start.Byte <= r.End.Byte && r.End.Byte <= len(src) && string(src[r.Start.Byte:r.End.Byte]) == text
}

// bytesOf are those of a file of the tree, by the path that its ranges have.
func (g *Graph) bytesOf(file string) []byte {
	if d := g.Dirs[path.Dir(file)]; d != nil {
		for _, f := range d.Config.Files {
			if f.Path == file && f.Bytes != nil {
				return f.Bytes
			}
		}
	}
	if to, ok := g.Follow(file); ok {
		return g.readFile(to)
	}
	return nil
}

// eval returns the pieces of the text that x is.
func (e *addressEval) eval(x hcl.Expression, in addressScope, depth int) []piece {
	if e.steps++; e.steps > mostSteps || depth > deepestExpr || x == nil {
		return unknownPieces
	}
	depth++
	switch x := x.(type) {
	case *hclsyntax.TemplateExpr:
		return e.joined(len(x.Parts), func(i int) []piece { return e.part(x.Parts[i], in, depth) })
	case *hclsyntax.TemplateWrapExpr:
		return e.eval(x.Wrapped, in, depth)
	case *hclsyntax.ParenthesesExpr:
		return e.eval(x.Expression, in, depth)
	case *hclsyntax.LiteralValueExpr:
		return literalPieces(x.Val)
	case *hclsyntax.FunctionCallExpr:
		return e.function(x, in, depth)
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.IndexExpr:
		return e.entry(x, nil, in, depth)
	case hclsyntax.Node:
		return unknownPieces
	}
	// JSON: a string is a template.
	if v, diags := x.Value(nil); !diags.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
		r := x.Range()
		inner := r
		inner.Start.Byte, inner.End.Byte = r.Start.Byte+1, r.End.Byte-1 // the quotes
		if t := templateOf(v.AsString(), r, e.stands(v.AsString(), r.Filename, inner)); t != nil {
			return e.eval(t, in, depth)
		}
	}
	return unknownPieces
}

// part is a part of a template, whose literals may be text of the file.
func (e *addressEval) part(x hclsyntax.Expression, in addressScope, depth int) []piece {
	lit, ok := x.(*hclsyntax.LiteralValueExpr)
	if !ok {
		return e.eval(x, in, depth)
	}
	pieces := literalPieces(lit.Val)
	if p := &pieces[0]; lit.Val.Type() == cty.String && !p.unknown && p.text != "" && e.stands(p.text, lit.SrcRange.Filename, lit.SrcRange) {
		pieces = []piece{{text: p.text, path: lit.SrcRange.Filename, start: lit.SrcRange.Start.Byte}}
	}
	return pieces
}

// literalPieces is the text that terraform makes of a value.
func literalPieces(v cty.Value) []piece {
	switch {
	case !v.IsKnown() || v.IsNull():
	case v.Type() == cty.String:
		return []piece{{text: v.AsString()}}
	case v.Type() == cty.Number && v.AsBigFloat().IsInt() && v.AsBigFloat().MantExp(nil) < 64:
		return []piece{{text: v.AsBigFloat().Text('f', 0)}}
	case v.Type() == cty.Bool && v.True():
		return []piece{{text: "true"}}
	case v.Type() == cty.Bool:
		return []piece{{text: "false"}}
	}
	return unknownPieces
}

// joined puts n lists of pieces behind each other.
func (e *addressEval) joined(n int, part func(int) []piece) []piece {
	out := make([]piece, 0, min(n, 16))
	size := 0
	for i := range n {
		for _, p := range part(i) {
			if p.unknown && len(out) > 0 && out[len(out)-1].unknown || !p.unknown && p.text == "" {
				continue
			}
			if size += len(p.text); size > mostAddress || len(out) > mostAddress {
				return unknownPieces
			}
			out = append(out, p)
		}
		if e.steps > mostSteps {
			return unknownPieces
		}
	}
	if len(out) == 0 {
		return []piece{{}}
	}
	return out
}

// whole is the text of x where all of it is known.
func (e *addressEval) whole(x hcl.Expression, in addressScope, depth int) (string, bool) {
	return wholeText(e.eval(x, in, depth))
}

func wholeText(pieces []piece) (string, bool) {
	var b strings.Builder
	for _, p := range pieces {
		if p.unknown {
			return "", false
		}
		b.WriteString(p.text)
	}
	return b.String(), true
}

// entry evaluates what the steps lead to from x: entries of objects by name,
// of lists by number.
func (e *addressEval) entry(x hcl.Expression, steps []string, in addressScope, depth int) []piece {
	for ; depth <= deepestExpr; depth++ {
		if e.steps++; e.steps > mostSteps || x == nil {
			return unknownPieces
		}
		switch y := x.(type) {
		case *hclsyntax.ParenthesesExpr:
			x = y.Expression
			continue
		case *hclsyntax.ScopeTraversalExpr:
			names, ok := stepsOf(y.Traversal)
			if !ok {
				return unknownPieces
			}
			names = append(names, steps...)
			to, scope, used := in.named(names)
			if to == nil {
				return unknownPieces
			}
			x, in, steps = to, scope, names[used:]
			continue
		case *hclsyntax.RelativeTraversalExpr:
			names, ok := stepsOf(y.Traversal)
			if !ok {
				return unknownPieces
			}
			x, steps = y.Source, append(names, steps...)
			continue
		case *hclsyntax.IndexExpr:
			key, ok := e.whole(y.Key, in, depth+1)
			if !ok {
				return unknownPieces
			}
			x, steps = y.Collection, append([]string{key}, steps...)
			continue
		}
		if len(steps) == 0 {
			return e.eval(x, in, depth)
		}
		if x = e.element(x, steps[0]); x == nil {
			return unknownPieces
		}
		steps = steps[1:]
	}
	return unknownPieces
}

// element is the entry of an object or a list that is written out.
func (e *addressEval) element(x hcl.Expression, key string) hcl.Expression {
	if list, diags := hcl.ExprList(x); !diags.HasErrors() {
		e.steps += len(list)
		for i, item := range list {
			if key == itoa(i) {
				return item
			}
		}
		return nil
	}
	pairs, diags := hcl.ExprMap(x)
	if diags.HasErrors() {
		return nil
	}
	e.steps += len(pairs)
	var found hcl.Expression
	for _, p := range pairs {
		v, diags := p.Key.Value(nil)
		switch {
		case diags.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull():
			return nil // it may be any key
		case v.AsString() == key:
			found = p.Value // of two, terraform takes the last
		}
	}
	return found
}

// stepsOf are the names of a traversal, and its indexes as texts.
func stepsOf(t hcl.Traversal) ([]string, bool) {
	var out []string
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			out = append(out, s.Name)
		case hcl.TraverseAttr:
			out = append(out, s.Name)
		case hcl.TraverseIndex:
			text, ok := wholeText(literalPieces(s.Key))
			if !ok {
				return nil, false
			}
			out = append(out, text)
		default:
			return nil, false
		}
	}
	return out, true
}
