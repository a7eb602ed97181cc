package hclparse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// An Edit replaces the bytes [Start, End) of a file. Where both are the
// same, New is put in before that byte.
type Edit struct {
	Start, End int
	New        []byte
}

// Apply returns src with the edits made. Bytes outside the edits are
// untouched, and so is src itself: the result is always a new slice. The
// edits may come in any order; of insertions at one place the first comes
// first. Edits that overlap or leave src are an error, and then nothing is
// returned.
func Apply(src []byte, edits []Edit) ([]byte, error) {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return a.End - b.End
	})
	size, end := len(src), 0
	for i, e := range sorted {
		switch {
		case e.Start < 0 || e.End < e.Start || e.End > len(src):
			return nil, fmt.Errorf("edit of bytes %d to %d leaves the %d bytes of the file", e.Start, e.End, len(src))
		case i > 0 && e.Start < end:
			return nil, fmt.Errorf("edits of bytes %d to %d and %d to %d overlap", sorted[i-1].Start, sorted[i-1].End, e.Start, e.End)
		}
		size += len(e.New) - (e.End - e.Start)
		end = e.End
	}
	out := make([]byte, 0, size)
	end = 0
	for _, e := range sorted {
		out = append(out, src[end:e.Start]...)
		out = append(out, e.New...)
		end = e.End
	}
	return append(out, src[end:]...), nil
}

// QuoteNative writes s as a string literal of HCL's native syntax, quotes
// included, that has no template in it. HCL is UTF-8: a byte that is not
// becomes U+FFFD. When the literal is read again, cty gives its value in
// Unicode's form NFC.
func QuoteNative(s string) []byte {
	out := []byte{'"'}
	s = strings.ToValidUTF8(s, "\uFFFD")
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			out = append(out, byte(r), byte(r))
		case unicode.IsPrint(r):
			out = append(out, string(r)...)
		case r <= 0xFFFF:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = fmt.Appendf(out, `\U%08x`, r)
		}
	}
	return append(out, '"')
}

// QuoteJSON writes s as a JSON string, quotes included, that has no template
// in it: where the JSON syntax of HCL evaluates a string, it is a template.
// Nothing is escaped for the sake of HTML. A byte that is not UTF-8 becomes
// U+FFFD.
func QuoteJSON(s string) []byte {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer("${", "$${", "%{", "%%{").Replace(s)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	// A string and a buffer: neither can fail.
	_ = enc.Encode(s)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
