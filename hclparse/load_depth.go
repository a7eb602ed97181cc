package hclparse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The parsers of hcl recurse: once for each open bracket, template, condition
// and sign, without a limit, and a Go stack that is full ends the program. So
// do those who walk the result. Both limits are far from what anybody writes,
// and far from the gigabyte that a stack may have.
const (
	maxDepth     = 1000   // brackets and template sequences open at once
	maxOperators = 10_000 // operators of the expressions open at once
	// maxPieces is how many pieces one string may be lexed into: a line of a
	// heredoc is one. hcl joins them in quadratic time, a few seconds for so
	// many.
	maxPieces = 50_000
)

const (
	opens     = 1 // may begin a nesting
	operators = 2 // may be an operator, or begin an index or %{ if }
	pieces    = 3 // may end a piece of a string, as % does
)

var kinds = func() (k [256]byte) {
	for _, c := range "([{" {
		k[c] = opens
	}
	for _, c := range "+-*/%!=<>&|?:" {
		k[c] = operators
	}
	k['\n'], k['$'] = pieces, pieces
	return k
}()

// tooDeep says what is nested deeper, or cut into more pieces, than the parsers
// can be trusted with; "" where nothing is.
//
// What nests needs a byte that opens it. No file of the two real monorepos
// that this was measured on has 1,000 such bytes, and so counting them settles
// it: only the odd file is looked at closely.
func tooDeep(src []byte, syntax Syntax) string {
	if len(src) <= maxDepth {
		return ""
	}
	var n [4]int
	for _, c := range src {
		n[kinds[c]]++
	}
	if syntax == JSON {
		// \u005b is a bracket as well, and a string may be a template.
		n[opens] += bytes.Count(src, []byte(`\u`))
		n[pieces] += bytes.Count(src, []byte(`\`)) // \n
	}
	if n[opens] <= maxDepth && n[opens]+n[operators] <= maxOperators && n[pieces]+n[operators] <= maxPieces {
		return ""
	}
	if syntax == JSON {
		return jsonTooDeep(src)
	}
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	return tokensTooDeep(tokens)
}

// tokensTooDeep follows the nesting of native syntax.
func tokensTooDeep(tokens hclsyntax.Tokens) string {
	// A level is a bracket, a template sequence or a string that is open. Its
	// operators are those since its last comma, or since the end of its last
	// argument: what they hold is closed by then.
	// A closing bracket that closes something else is passed over, as the
	// parser's recovery may: the depth is rather found too large than too small.
	type level struct {
		end       hclsyntax.TokenType
		operators int
		pieces    int
		lines     bool // a newline ends an argument
	}
	levels := []level{{end: hclsyntax.TokenEOF, lines: true}}
	depth, sum := 0, 0
	for i, t := range tokens {
		top := &levels[len(levels)-1]
		if end, ok := closing[t.Type]; ok {
			inner := level{end: end}
			switch t.Type {
			case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
				depth-- // what nests is in them
			case hclsyntax.TokenOBrace:
				inner.lines = !beginsFor(tokens[i+1:])
			case hclsyntax.TokenOBrack, hclsyntax.TokenTemplateControl:
				// In a[0][0] each index holds the one before, and %{ if }
				// holds all up to its endif.
				top.operators++
				sum++
			}
			levels = append(levels, inner)
			if depth++; depth > maxDepth {
				return fmt.Sprintf("Line %d opens more than %d brackets inside each other.", t.Range.Start.Line, maxDepth)
			}
		}
		switch t.Type {
		case hclsyntax.TokenStringLit, hclsyntax.TokenQuotedLit:
			if top.pieces++; top.pieces > maxPieces {
				return fmt.Sprintf("Line %d is in a string of more than %d lines or pieces.", t.Range.Start.Line, maxPieces)
			}
		case hclsyntax.TokenCBrace, hclsyntax.TokenCParen, hclsyntax.TokenCBrack,
			hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			if t.Type != top.end {
				break
			}
			sum -= top.operators
			levels = levels[:len(levels)-1]
			if t.Type != hclsyntax.TokenCQuote && t.Type != hclsyntax.TokenCHeredoc {
				depth--
			}
		case hclsyntax.TokenComma:
			sum -= top.operators
			top.operators = 0
		case hclsyntax.TokenNewline:
			if top.lines {
				sum -= top.operators
				top.operators = 0
			}
		case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
			hclsyntax.TokenBang, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
			hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr,
			hclsyntax.TokenQuestion, hclsyntax.TokenColon:
			top.operators++
			sum++
		}
		if sum > maxOperators {
			return fmt.Sprintf("Line %d is in an expression of more than %d operators.", t.Range.Start.Line, maxOperators)
		}
	}
	return ""
}

var closing = map[hclsyntax.TokenType]hclsyntax.TokenType{
	hclsyntax.TokenOBrace:          hclsyntax.TokenCBrace,
	hclsyntax.TokenOParen:          hclsyntax.TokenCParen,
	hclsyntax.TokenOBrack:          hclsyntax.TokenCBrack,
	hclsyntax.TokenOQuote:          hclsyntax.TokenCQuote,
	hclsyntax.TokenOHeredoc:        hclsyntax.TokenCHeredoc,
	hclsyntax.TokenTemplateInterp:  hclsyntax.TokenTemplateSeqEnd,
	hclsyntax.TokenTemplateControl: hclsyntax.TokenTemplateSeqEnd,
}

// beginsFor reports whether a brace before tokens opens a for expression,
// where a newline ends nothing.
func beginsFor(tokens hclsyntax.Tokens) bool {
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenComment:
		default:
			return t.Type == hclsyntax.TokenIdent && string(t.Bytes) == "for"
		}
	}
	return false
}

// jsonTooDeep follows the nesting of JSON, and of the templates in its
// strings: they are parsed when the expression is asked for its references.
func jsonTooDeep(src []byte) string {
	depth, line := 0, 1
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '\n':
			line++
		case '[', '{':
			if depth++; depth > maxDepth {
				return fmt.Sprintf("Line %d opens more than %d brackets inside each other.", line, maxDepth)
			}
		case ']', '}':
			depth--
		case '"':
			start := i
			for i++; i < len(src) && src[i] != '"' && src[i] >= ' '; i++ {
				if src[i] == '\\' {
					i++
				}
			}
			if i >= len(src) || src[i] != '"' {
				return "" // no JSON: the parser stops here as well
			}
			var s string
			if json.Unmarshal(src[start:i+1], &s) != nil || !isTemplate(s) {
				continue
			}
			tokens, _ := hclsyntax.LexTemplate([]byte(s), "", hcl.Pos{Line: line, Column: 1})
			if what := tokensTooDeep(tokens); what != "" {
				return what
			}
		}
	}
	return ""
}

// isTemplate reports whether s holds a template sequence, an escaped one
// included.
func isTemplate(s string) bool {
	return strings.Contains(s, "${") || strings.Contains(s, "%{")
}
