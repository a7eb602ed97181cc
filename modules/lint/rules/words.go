package rules

import (
	"unicode"
	"unicode/utf8"
)

// upper begins a sentence.
func upper(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}
