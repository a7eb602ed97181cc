package hclparse

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
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
	return quote(s, unicode.IsPrint, func(out []byte, r rune) []byte { return fmt.Appendf(out, `\U%08x`, r) })
}

// QuoteJSON writes s as a JSON string, quotes included, that has no template
// in it: where the JSON syntax of HCL evaluates a string, it is a template.
// Nothing is escaped for the sake of HTML. A byte that is not UTF-8 becomes
// U+FFFD. A byte order mark at the start of s is lost when HCL reads the
// template; there is no way to write one. Nor is there for ${ behind a carriage
// return: HCL's template reader leaves an escape there as it is.
//
// Terraform before 1.15 takes a module's source for a plain string, not for
// a template. No difference can be seen but with ${ or %{ in it, which no
// address that works has.
func QuoteJSON(s string) []byte {
	plain := func(r rune) bool { return unicode.IsPrint(r) && !unicode.Is(joinsNext, r) }
	return quote(s, plain, func(out []byte, r rune) []byte {
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	})
}

// quote writes what both syntaxes have in common. plain says which characters
// stand for themselves; beyond writes an escape of one above U+FFFF.
func quote(s string, plain func(rune) bool, beyond func([]byte, rune) []byte) []byte {
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
		case plain(r):
			out = append(out, string(r)...)
		case r <= 0xFFFF:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = beyond(out, r)
		}
	}
	return append(out, '"')
}

// joinsNext are the printable characters that make one user-perceived
// character with the next. HCL's JSON scanner goes by those, so that it would
// miss a backslash or a quote behind one.
var joinsNext = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x0D4E, Hi: 0x0D4E, Stride: 1}},
	R32: []unicode.Range32{
		{Lo: 0x111C2, Hi: 0x111C3, Stride: 1},
		{Lo: 0x113D1, Hi: 0x113D1, Stride: 1},
		{Lo: 0x1193F, Hi: 0x1193F, Stride: 1},
		{Lo: 0x11941, Hi: 0x11941, Stride: 1},
		{Lo: 0x11A3A, Hi: 0x11A3A, Stride: 1},
		{Lo: 0x11A84, Hi: 0x11A89, Stride: 1},
		{Lo: 0x11D46, Hi: 0x11D46, Stride: 1},
		{Lo: 0x11F02, Hi: 0x11F02, Stride: 1},
	},
}
