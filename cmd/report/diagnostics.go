package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// Diagnostics prints diagnostics the way terraform does: what, in which file
// and line, the line itself with the exact range marked, and what to do. They
// are sorted by place, equal ones are shown once. Without a file's bytes the
// line is named only.
//
// width is in columns, 0 for no limit. With color the range is underlined,
// without it a line of ^ stands below. Control characters are made visible,
// and credentials in addresses are masked, so that any line of any file may be
// shown.
func Diagnostics(w io.Writer, diags hcl.Diagnostics, files map[string]*hcl.File, width int, color bool) {
	p := &diagnosticPrinter{files: files, width: width, style: Style{Color: color}}
	p.snippets = newSnippets(files, p.inner(), p.style)
	var last *hcl.Diagnostic
	for _, d := range sortedDiagnostics(diags) {
		if last == nil || compareDiagnostics(last, d) != 0 {
			p.write(d)
		}
		last = d
	}
	_, _ = w.Write(p.out.Bytes())
}

func sortedDiagnostics(diags hcl.Diagnostics) []*hcl.Diagnostic {
	sorted := slices.DeleteFunc(slices.Clone(diags), func(d *hcl.Diagnostic) bool { return d == nil })
	slices.SortStableFunc(sorted, compareDiagnostics)
	return sorted
}

func compareDiagnostics(a, b *hcl.Diagnostic) int {
	var ra, rb hcl.Range
	if a.Subject != nil {
		ra = *a.Subject
	}
	if b.Subject != nil {
		rb = *b.Subject
	}
	return cmp.Or(
		cmp.Compare(ra.Filename, rb.Filename),
		cmp.Compare(ra.Start.Line, rb.Start.Line),
		cmp.Compare(ra.Start.Column, rb.Start.Column),
		cmp.Compare(ra.Start.Byte, rb.Start.Byte),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Summary, b.Summary),
		cmp.Compare(a.Detail, b.Detail),
	)
}

type diagnosticPrinter struct {
	out   bytes.Buffer
	files map[string]*hcl.File
	width int
	style Style
	bar   func(string) string

	snippets *snippets
}

// line writes one line inside the box.
func (p *diagnosticPrinter) line(text string) {
	p.out.WriteString(p.bar("│"))
	if text != "" {
		p.out.WriteString(" " + text)
	}
	p.out.WriteByte('\n')
}

func (p *diagnosticPrinter) write(d *hcl.Diagnostic) {
	severity := "Error"
	p.bar = p.style.red
	if d.Severity == hcl.DiagWarning {
		severity, p.bar = "Warning", p.style.yellow
	}
	p.out.WriteString(p.bar("╷") + "\n")
	for i, line := range wrap(severity+": "+d.Summary, p.inner()) {
		if rest, ok := strings.CutPrefix(line, severity+":"); ok && i == 0 {
			line = p.bar(severity+":") + p.style.bold(rest)
		}
		p.line(line)
	}
	if d.Subject != nil {
		p.line("")
		p.snippet(d)
	}
	if detail := strings.TrimSpace(d.Detail); detail != "" {
		p.line("")
		for _, line := range wrap(detail, p.inner()) {
			p.line(line)
		}
	}
	p.out.WriteString(p.bar("╵") + "\n")
}

// inner is the width inside the box.
func (p *diagnosticPrinter) inner() int {
	if p.width <= 0 {
		return 0
	}
	return max(20, p.width-2)
}

func (p *diagnosticPrinter) snippet(d *hcl.Diagnostic) {
	at := *d.Subject
	where := fmt.Sprintf("  on %s line %d", visible(at.Filename), at.Start.Line)
	file := p.files[at.Filename]
	if file == nil || file.Bytes == nil {
		p.line(where + ":")
		p.line("    (source code not available)")
		return
	}
	if nav, ok := file.Nav.(interface{ ContextString(offset int) string }); ok {
		if block := nav.ContextString(at.Start.Byte); block != "" {
			where += ", in " + visible(mask(block))
			if p.width > 0 {
				where = runewidth.Truncate(where, p.inner()-1, "…")
			}
		}
	}
	p.line(where + ":")
	p.snippets.write(at, p.line)
}

// wrap breaks text at spaces into lines of at most width columns, 0 for no
// limit. Line breaks in it stay, and lines that begin with a space are not
// wrapped. What could drive a terminal is made visible, credentials are masked.
func wrap(text string, width int) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		line = visible(strings.ReplaceAll(mask(strings.TrimRight(line, " \r")), "\t", "    "))
		if width <= 0 || strings.HasPrefix(line, " ") || columns(line) <= width {
			out = append(out, line)
			continue
		}
		var b strings.Builder
		col := 0
		for _, word := range strings.Fields(line) {
			n := columns(word)
			if col > 0 && col+1+n > width {
				out = append(out, b.String())
				b.Reset()
				col = 0
			}
			if col > 0 {
				b.WriteByte(' ')
				col++
			}
			b.WriteString(word)
			col += n
		}
		out = append(out, b.String())
	}
	return out
}

// visible escapes what could drive a terminal or reorder its text.
func visible(text string) string {
	if isPlain(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		b.WriteString(escapeRune(r, text[i:i+size]))
		i += size
	}
	return b.String()
}

// columns is how wide a text is on a terminal.
func columns(text string) int {
	if isPlain(text) {
		return len(text)
	}
	return runewidth.StringWidth(text)
}

// isPlain says that text is nothing but printable ASCII.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// escapeRune returns raw, the bytes of r, or an escape for it: of a control
// character, of one without a shape (directions of writing, joiners), or of
// bytes that are no UTF-8.
func escapeRune(r rune, raw string) string {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		return fmt.Sprintf(`\x%02x`, raw[0])
	case unicode.IsControl(r):
		return fmt.Sprintf(`\x%02x`, r)
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
		return fmt.Sprintf(`\u%04x`, r)
	}
	return raw
}

// word is what may be an address in a line of source.
var word = regexp.MustCompile("[^\\s\"'`<>]+")

// privateKey is one of age, which was meant to be a public one.
var privateKey = regexp.MustCompile(`(?i)AGE-SECRET-KEY-[0-9A-Z-]+`)

// mask writes * over every credential in a line, one for each byte, so that
// offsets stay as they are.
func mask(line string) string {
	line = privateKey.ReplaceAllStringFunc(line, func(key string) string { return strings.Repeat("*", len(key)) })
	if !strings.ContainsAny(line, "@=%") {
		return line // every credential is before an @, or behind a = that may be written %3D
	}
	return word.ReplaceAllStringFunc(line, func(text string) string {
		if !strings.ContainsAny(text, "@=%") {
			return text
		}
		return starred(text)
	})
}

// starred writes * over the credentials of an address.
func starred(text string) string {
	from, to, ok := hclparse.RedactedSpan(text)
	if !ok {
		return text
	}
	return text[:from] + strings.Repeat("*", to-from) + text[to:]
}

// quotedAddress is an address in quotes: it may have a space, or another quote,
// in it.
var quotedAddress = regexp.MustCompile(`"[^"]*://[^"]*`)

// maskSource is mask for a line of a file, in which spans of bytes are known to
// be secret. The line begins at byte start.
func maskSource(line []byte, start int, secrets []lint.Span) string {
	text := string(line)
	i, _ := slices.BinarySearchFunc(secrets, start, func(s lint.Span, start int) int { return cmp.Compare(s.To, start+1) })
	if i < len(secrets) && secrets[i].From < start+len(line) {
		stars := []byte(text)
		for ; i < len(secrets) && secrets[i].From < start+len(line); i++ {
			for at := max(secrets[i].From, start); at < min(secrets[i].To, start+len(line)); at++ {
				if c := stars[at-start]; c != '\r' && c != '"' {
					stars[at-start] = '*'
				}
			}
		}
		text = string(stars)
	}
	if strings.ContainsAny(text, "@=%") {
		text = quotedAddress.ReplaceAllStringFunc(text, func(q string) string { return q[:1] + starred(q[1:]) })
	}
	return mask(text)
}
