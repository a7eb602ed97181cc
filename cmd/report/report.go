// Package report prints results: every format of every command, diagnostics,
// errors and progress. It is the only package that does.
//
// Text is written for 80 columns, one fact a line, the worst first. Colour
// only says again what the words say.
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/fatih/color"
	"github.com/mattn/go-runewidth"
)

// FormatVersion is the version of every JSON document.
const FormatVersion = "1.0"

// Style is how a stream is written to.
type Style struct {
	Terminal bool
	Color    bool
	Width    int // columns
	Verbose  bool
}

func (s Style) paint(text string, attrs ...color.Attribute) string {
	if !s.Color {
		return text
	}
	c := color.New(attrs...)
	c.EnableColor()
	return c.Sprint(text)
}

func (s Style) bold(t string) string   { return s.paint(t, color.Bold) }
func (s Style) faint(t string) string  { return s.paint(t, color.Faint) }
func (s Style) red(t string) string    { return s.paint(t, color.FgRed, color.Bold) }
func (s Style) yellow(t string) string { return s.paint(t, color.FgYellow) }
func (s Style) green(t string) string  { return s.paint(t, color.FgGreen) }

// JSON writes v as indented JSON with a final newline. Characters that only
// HTML needs escaped are left as they are; those that could drive a terminal,
// or turn around the text around them, are escaped.
func JSON(w io.Writer, v any) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(out.Bytes()))
	return err
}

// escapeJSON escapes what the encoder leaves in strings though it has no shape.
// Nothing else of JSON is outside of ASCII.
func escapeJSON(data []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(data); {
		if ' ' <= data[i] && data[i] <= '~' || data[i] == '\n' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			out = append(out, data[done:i]...)
			for _, unit := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
			done = i + size
		}
		i += size
	}
	if done == 0 {
		return data
	}
	return append(out, data[done:]...)
}

// clean makes control characters visible, so that a hostile file name cannot
// drive the terminal.
func clean(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			fmt.Fprintf(&b, "\\x%02x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// count writes a number with its noun: "1 stack", "126 stacks".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	switch {
	case strings.HasSuffix(noun, "y"):
		noun = noun[:len(noun)-1] + "ies"
	case strings.HasSuffix(noun, "ch"):
		noun += "es"
	default:
		noun += "s"
	}
	return thousands(n) + " " + noun
}

// more writes how many are left out: "1 more stack", "126 more stacks".
func more(n int, noun string) string {
	return strings.Replace(count(n, noun), " ", " more ", 1)
}

// heading begins a section about a module: its name, and the rest, so wide,
// beside it or, where that does not fit, below.
func (st Style) heading(name, rest string, width int) string {
	name = oneLine(name)
	between := "  "
	if columns(name)+2+width > st.Width {
		name, between = runewidth.Truncate(name, max(30, st.Width), "…"), "\n  "
	}
	return st.bold(name) + between + rest
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// fold breaks text into lines of at most width columns; every line after the
// first begins with indent spaces.
func fold(text string, width, indent int) string {
	var b strings.Builder
	col := 0
	for i, word := range strings.Fields(clean(text)) {
		n := columns(word)
		switch {
		case i == 0:
			col = indent
		case col+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			col = indent
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col += n
	}
	return b.String()
}

// A printer keeps the first error of many writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

var errFormat = errors.New("unknown format")
