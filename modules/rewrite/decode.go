package rewrite

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode reads what stands between the quotes of a string without templates,
// of HCL or of JSON. offsets has for each byte of the text, and for its end,
// where that begins in src; -1 inside of a character.
func decode(src []byte, json bool) (text string, offsets []int, ok bool) {
	var b strings.Builder
	for i := 0; i < len(src); {
		r, size := escape(src[i:], json)
		if size < 0 {
			return "", nil, false
		}
		offsets = append(offsets, i)
		if size == 0 { // itself
			b.WriteByte(src[i])
			i++
			continue
		}
		n := b.Len()
		b.WriteString(r)
		for range b.Len() - n - 1 {
			offsets = append(offsets, -1)
		}
		i += size
	}
	return b.String(), append(offsets, len(src)), true
}

// escape reads the escape that src begins with: what it stands for and how long
// it is, 0 where there is none and -1 where there is a wrong one or one of a
// template.
func escape(src []byte, json bool) (string, int) {
	c := src[0]
	switch {
	case c == '"' || c < ' ' && c != '\t':
		return "", -1
	case (c == '$' || c == '%') && len(src) > 1 && src[1] == '{':
		return "", -1
	case !json && (c == '$' || c == '%') && len(src) > 2 && src[1] == c && src[2] == '{':
		return string(c) + "{", 3
	case c != '\\':
		return "", 0
	case len(src) < 2:
		return "", -1
	}
	switch c := src[1]; {
	case c == 'n':
		return "\n", 2
	case c == 'r':
		return "\r", 2
	case c == 't':
		return "\t", 2
	case c == '"' || c == '\\':
		return string(c), 2
	case json && c == '/':
		return "/", 2
	case json && c == 'b':
		return "\b", 2
	case json && c == 'f':
		return "\f", 2
	case c == 'u':
		r, ok := hex(src[2:], 4)
		if ok && json && utf16.IsSurrogate(r) && len(src) >= 8 && src[6] == '\\' && src[7] == 'u' {
			low, _ := hex(src[8:], 4)
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				return string(r), 12
			}
		}
		if ok && utf8.ValidRune(r) {
			return string(r), 6
		}
	case !json && c == 'U':
		if r, ok := hex(src[2:], 8); ok && utf8.ValidRune(r) {
			return string(r), 10
		}
	}
	return "", -1
}

func hex(src []byte, n int) (rune, bool) {
	if len(src) < n {
		return 0, false
	}
	v, err := strconv.ParseUint(string(src[:n]), 16, 32)
	return rune(v), err == nil
}
