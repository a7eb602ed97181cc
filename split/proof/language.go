package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// A language is how a configuration file is read.
type language int

const (
	languageNone language = iota
	languageNative
	languageJSON
	languageTerragrunt
	languageInclude // a file that a terragrunt.hcl may include: any other .hcl
)

// languageOf tells by its name whether a file may hold sources.
func languageOf(name string) language {
	switch {
	case name == "terragrunt.hcl":
		return languageTerragrunt
	case strings.HasSuffix(name, ".tf.json"), strings.HasSuffix(name, ".tofu.json"):
		return languageJSON
	case strings.HasSuffix(name, ".tf"), strings.HasSuffix(name, ".tofu"):
		return languageNative
	case strings.HasSuffix(name, ".hcl") && name[0] != '.':
		return languageInclude
	}
	return languageNone
}

// configures reports whether a file of the language makes a directory one of
// configuration.
func (l language) configures() bool { return l != languageNone && l != languageInclude }

// A view is whose rules decide which files of a directory count.
type view int

const (
	viewTerraform view = iota
	viewTofu
)

// isConfig reports whether terraform or OpenTofu reads the file, among the
// names of its directory.
func isConfig(name string, v view, in *node) bool {
	if name[0] == '.' || strings.HasSuffix(name, "~") || name[0] == '#' && strings.HasSuffix(name, "#") {
		return false
	}
	switch languageOf(name) {
	case languageNone, languageInclude:
		return false
	case languageTerragrunt:
		return true
	}
	base, json := strings.CutSuffix(name, ".json")
	if strings.HasSuffix(base, ".tofu") {
		return v == viewTofu
	}
	if v == viewTerraform {
		return true
	}
	twin := strings.TrimSuffix(base, ".tf") + ".tofu"
	if json {
		twin += ".json"
	}
	_, ok := in.byName[twin]
	return !ok
}

// isOverride reports whether the file is merged over the others.
func isOverride(name string) bool {
	name = strings.TrimSuffix(name, ".json")
	name = strings.TrimSuffix(name, path.Ext(name))
	return name == "override" || strings.HasSuffix(name, "_override")
}

// A literal is a source that is a plain string, at the bytes [start, end),
// quotes included.
type literal struct {
	start, end int
	line       int
	raw        string
}

// A block is a call as it is written. lit is nil where it has no source
// (hasSource is false) or one that is no plain string.
type block struct {
	name       string
	line       int
	terragrunt bool
	hasSource  bool
	lit        *literal
	computed   *computed // of a terragrunt source that is no plain string
}

// A computed source is an expression, at the place of its literal.
type computed struct {
	literal
	expr hclsyntax.Expression
}

// A backend is a backend, cloud or remote_state block, with its bytes.
type backend struct {
	line int
	text string
}

// parsed is what the proof reads of one configuration file.
type parsed struct {
	data     []byte
	problem  string // why it does not parse; the lists are then empty
	line     int    // of the problem
	unread   bool   // the problem is that there are no bytes to parse
	calls    []block
	literals []literal // of all calls, in order
	backends []backend
	locals   map[string]hclsyntax.Expression // of a terragrunt file
	includes []include
}

// parse reads a configuration file. It never fails: what cannot be read is
// the problem of the result.
func parse(data []byte, lang language) (p *parsed) {
	p = &parsed{data: data}
	defer func() {
		if r := recover(); r != nil {
			p = &parsed{data: data, problem: fmt.Sprintf("the parser failed: %v", r), line: 1}
		}
	}()
	if tooDeep(data, lang) {
		p.problem, p.line = "it is nested too deeply", 1
		return p
	}
	if lang == languageJSON {
		p.readJSON()
	} else {
		p.readNative(lang)
	}
	if p.problem != "" {
		p.calls, p.backends = nil, nil
		return p
	}
	for _, c := range p.calls {
		switch {
		case c.lit != nil:
			p.literals = append(p.literals, *c.lit)
		case c.computed != nil:
			p.literals = append(p.literals, c.computed.literal)
		}
	}
	slices.SortFunc(p.literals, func(a, b literal) int { return a.start - b.start })
	return p
}

// Nesting that no one writes, but that would overflow the parser's stack,
// which cannot be recovered from.
const (
	maxDepth   = 1_000
	maxOpeners = 3_000
)

// tooDeep reports whether the parser would recurse too deeply. Few files have
// enough brackets at all to need the exact answer.
func tooDeep(data []byte, lang language) bool {
	openers := 0
	for _, c := range data {
		switch c {
		case '(', '[', '{', '!', '-', '?':
			openers++
		}
	}
	if openers < maxOpeners {
		return false
	}
	depth, deepest := 0, 0
	if lang == languageJSON {
		inString := false
		for i := 0; i < len(data); i++ {
			switch c := data[i]; {
			case inString && c == '\\':
				i++
			case c == '"':
				inString = !inString
			case !inString && (c == '[' || c == '{'):
				depth++
				deepest = max(deepest, depth)
			case !inString && (c == ']' || c == '}'):
				depth--
			}
		}
		return deepest > maxDepth
	}
	tokens, _ := hclsyntax.LexConfig(data, "", hcl.InitialPos)
	chain := 0 // operators that recurse without a bracket, since the last line or bracket
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCParen, hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			depth--
			chain = 0
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenQuestion:
			chain++
		case hclsyntax.TokenComma:
			chain = 0
		case hclsyntax.TokenNewline:
			if depth == 0 {
				chain = 0
			}
		}
		deepest = max(deepest, depth+chain)
	}
	return deepest > maxDepth
}

func (p *parsed) fail(diags hcl.Diagnostics) bool {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			p.problem, p.line = d.Summary, 1
			if d.Subject != nil {
				p.line = d.Subject.Start.Line
			}
			return true
		}
	}
	return false
}

func (p *parsed) readNative(lang language) {
	f, diags := hclsyntax.ParseConfig(p.data, "", hcl.InitialPos)
	if p.fail(diags) {
		return
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		p.problem, p.line = "it has no body", 1
		return
	}
	if lang == languageInclude {
		lang = languageTerragrunt
	}
	if lang == languageTerragrunt {
		p.readTerragrunt(body)
	}
	for _, b := range body.Blocks {
		switch {
		case lang == languageTerragrunt && b.Type == "terraform":
			if source := b.Body.Attributes["source"]; source != nil {
				p.terragrunt(source.Expr)
			}
		case lang == languageTerragrunt && b.Type == "remote_state":
			p.backend(b)
		case lang == languageNative && b.Type == "module":
			c := block{name: strings.Join(b.Labels, "."), line: b.TypeRange.Start.Line}
			if source := b.Body.Attributes["source"]; source != nil {
				c.hasSource, c.line, c.lit = true, source.SrcRange.Start.Line, p.literal(source.Expr)
			}
			p.calls = append(p.calls, c)
		case lang == languageNative && b.Type == "terraform":
			for _, in := range b.Body.Blocks {
				if in.Type == "backend" || in.Type == "cloud" {
					p.backend(in)
				}
			}
		}
	}
	// Attributes are in no order in the syntax tree, blocks are.
	if a := body.Attributes["remote_state"]; a != nil && lang == languageTerragrunt {
		p.backends = append(p.backends, backend{a.SrcRange.Start.Line, string(a.SrcRange.SliceBytes(p.data))})
	}
}

func (p *parsed) backend(b *hclsyntax.Block) {
	p.backends = append(p.backends, backend{b.TypeRange.Start.Line, string(b.Range().SliceBytes(p.data)) + string(b.Body.SrcRange.SliceBytes(p.data))})
}

// literal returns a plain quoted string, without templates.
func (p *parsed) literal(expr hclsyntax.Expression) *literal {
	for {
		in, ok := expr.(*hclsyntax.ParenthesesExpr)
		if !ok {
			break
		}
		expr = in.Expression
	}
	t, ok := expr.(*hclsyntax.TemplateExpr)
	if !ok {
		return nil
	}
	r := t.SrcRange
	if r.Start.Byte < 0 || r.End.Byte > len(p.data) || r.End.Byte-r.Start.Byte < 2 || p.data[r.Start.Byte] != '"' || p.data[r.End.Byte-1] != '"' {
		return nil
	}
	var raw strings.Builder
	for _, part := range t.Parts {
		l, ok := part.(*hclsyntax.LiteralValueExpr)
		if !ok || l.Val.IsNull() || !l.Val.IsKnown() || l.Val.Type() != cty.String {
			return nil
		}
		raw.WriteString(l.Val.AsString())
	}
	return &literal{r.Start.Byte, r.End.Byte, r.Start.Line, raw.String()}
}

// terragrunt reads the source of a terraform block, each branch of a
// conditional for itself.
func (p *parsed) terragrunt(expr hclsyntax.Expression) {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		p.terragrunt(e.Expression)
	case *hclsyntax.ConditionalExpr:
		p.terragrunt(e.TrueResult)
		p.terragrunt(e.FalseResult)
	default:
		b := block{name: fmt.Sprintf("terraform.source[%d]", len(p.calls)), line: expr.Range().Start.Line, terragrunt: true, hasSource: true, lit: p.literal(expr)}
		if r := expr.Range(); b.lit == nil {
			b.computed = &computed{literal{r.Start.Byte, r.End.Byte, r.Start.Line, string(r.SliceBytes(p.data))}, expr}
		}
		p.calls = append(p.calls, b)
	}
}

func (p *parsed) readJSON() {
	// Terraform refuses a byte order mark here; a file that is carried as it
	// is can be read all the same.
	body, mark := p.data, 0
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		body, mark = body[3:], 3
	}
	f, diags := hcljson.Parse(body, "")
	if p.fail(diags) {
		return
	}
	content, _, diags := f.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "module", LabelNames: []string{"name"}}}})
	if p.fail(diags) {
		return
	}
	for _, b := range content.Blocks {
		attrs, _, diags := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "source"}}})
		if p.fail(diags) {
			return
		}
		c := block{name: strings.Join(b.Labels, "."), line: b.DefRange.Start.Line}
		if source := attrs.Attributes["source"]; source != nil {
			c.hasSource, c.line = true, source.Range.Start.Line
			// Without a context a string is taken as it is written.
			v, diags := source.Expr.Value(nil)
			r := source.Expr.Range()
			r.Start.Byte, r.End.Byte = r.Start.Byte+mark, r.End.Byte+mark
			plain := !diags.HasErrors() && v.IsKnown() && !v.IsNull() && v.Type() == cty.String && !strings.Contains(v.AsString(), "${") && !strings.Contains(v.AsString(), "%{")
			if plain && r.Start.Byte >= 0 && r.End.Byte <= len(p.data) && r.End.Byte-r.Start.Byte >= 2 && p.data[r.Start.Byte] == '"' && p.data[r.End.Byte-1] == '"' {
				c.lit = &literal{r.Start.Byte, r.End.Byte, r.Start.Line, v.AsString()}
			}
		}
		p.calls = append(p.calls, c)
	}
	p.jsonBackends(body)
}

// jsonBackends finds the bytes of each backend and cloud value in a terraform
// block, which JSON lets be an object or a list of them.
func (p *parsed) jsonBackends(data []byte) {
	var top map[string]json.RawMessage
	if json.Unmarshal(data, &top) != nil {
		return
	}
	var find func(raw json.RawMessage)
	find = func(raw json.RawMessage) {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil {
			for _, in := range list {
				find(in)
			}
			return
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			return
		}
		for _, key := range []string{"backend", "cloud"} {
			if v, ok := object[key]; ok {
				line := 1
				if i := bytes.Index(p.data, v); i >= 0 {
					line = lineAt(p.data, i)
				}
				p.backends = append(p.backends, backend{line, key + string(v)})
			}
		}
	}
	if raw, ok := top["terraform"]; ok {
		find(raw)
	}
}

// lineAt returns the line of the byte at offset.
func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(offset, len(data))], []byte("\n"))
}

// differs compares two files with the given literals left out. It returns the
// offset in b of the first difference outside them, or -1.
func differs(a, b []byte, inA, inB []literal) int {
	fromA, fromB := 0, 0
	for i := 0; ; i++ {
		toA, toB := len(a), len(b)
		if i < len(inA) {
			toA = inA[i].start
		}
		if i < len(inB) {
			toB = inB[i].start
		}
		if fromA > toA || fromB > toB || toA > len(a) || toB > len(b) {
			return fromB // literals that overlap are no literals
		}
		if off := firstDifference(a[fromA:toA], b[fromB:toB]); off >= 0 {
			return fromB + off
		}
		if i >= len(inA) && i >= len(inB) {
			return -1
		}
		if i >= len(inA) || i >= len(inB) {
			return toB
		}
		fromA, fromB = inA[i].end, inB[i].end
	}
}

// firstDifference returns the first offset at which a and b differ, or -1.
func firstDifference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
