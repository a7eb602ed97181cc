package change

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/hclparse"
)

// longest is how many bytes of a text a Change quotes.
const longest = 2000

// sliced is the text of a range; "" where that is not sound.
func sliced(f *hclparse.File, rng hcl.Range) []byte {
	if f == nil || rng.Start.Byte < 0 || rng.Start.Byte > rng.End.Byte || rng.End.Byte > len(f.Bytes) {
		return nil
	}
	return f.Bytes[rng.Start.Byte:rng.End.Byte]
}

// shown is a text as a report may have it.
func shown(f *hclparse.File, rng hcl.Range) string { return quoted(string(sliced(f, rng))) }

// quoted is text without credentials, and not too long.
func quoted(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\uFFFD")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + " …"
	}
	if !strings.ContainsAny(text, ":@=?") {
		return text
	}
	// An address is a word of it; blanks stay as they are.
	var out strings.Builder
	for text != "" {
		i := strings.IndexAny(text, " \t\n\",")
		if i < 0 {
			i = len(text)
		}
		word := text[:i]
		if strings.Contains(word, "://") || strings.Contains(word, "@") || strings.ContainsAny(word, "?&") {
			word = hclparse.Redact(word)
		}
		out.WriteString(word)
		if i < len(text) {
			out.WriteByte(text[i])
			i++
		}
		text = text[i:]
	}
	return out.String()
}

// plain is what is written at a range without comments, blanks, line breaks
// and trailing commas: equal for texts that terraform fmt makes equal.
func plain(f *hclparse.File, rng hcl.Range) string {
	text := sliced(f, rng)
	if f != nil && f.Syntax == hclparse.JSON {
		var out bytes.Buffer
		if json.Compact(&out, text) == nil {
			return out.String()
		}
		return strings.TrimSpace(string(text))
	}
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.InitialPos)
	var out strings.Builder
	comma := false
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenComment, hclsyntax.TokenNewline, hclsyntax.TokenEOF:
			continue
		case hclsyntax.TokenComma:
			comma = true
			continue
		}
		if comma && t.Type != hclsyntax.TokenCBrack && t.Type != hclsyntax.TokenCBrace && t.Type != hclsyntax.TokenCParen {
			out.WriteString(", ")
		} else if out.Len() > 0 && t.Type != hclsyntax.TokenQuotedLit && t.Type != hclsyntax.TokenStringLit {
			out.WriteByte(' ')
		}
		comma = false
		out.Write(t.Bytes)
	}
	return out.String()
}

// plainExpr is plain of an expression, "" for nil.
func plainExpr(f *hclparse.File, e hcl.Expression) string {
	if e == nil {
		return ""
	}
	return plain(f, e.Range())
}
