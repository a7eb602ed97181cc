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
)

// maxSnippet is how many lines of a file one diagnostic shows.
const maxSnippet = 6

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
			if room := p.inner() - 1; p.width > 0 {
				where = runewidth.Truncate(where, room, "…")
			}
		}
	}
	p.line(where + ":")
	lines := bytes.Split(file.Bytes, []byte("\n"))
	offset, shown := 0, 0
	for i, text := range lines {
		start := offset
		offset += len(text) + 1
		number := i + 1
		if number < at.Start.Line {
			continue
		}
		if number > max(at.Start.Line, at.End.Line) {
			break
		}
		if shown == maxSnippet {
			p.line("     …")
			break
		}
		from, to := 0, len(text)
		if number == at.Start.Line {
			from = place(text, start, at.Start)
		}
		if number == at.End.Line {
			to = place(text, start, at.End)
		}
		if number > at.Start.Line && to == 0 {
			break // the range ends with the line break before
		}
		p.source(number, string(text), from, to, number == at.Start.Line, at.Start.Line != at.End.Line)
		shown++
	}
}

// place gives a position as an offset into its line: by its byte, or where
// that does not fit (not every reader of HCL counts them), by its column.
func place(line []byte, start int, pos hcl.Pos) int {
	if at := pos.Byte - start; at >= 0 && at <= len(line) && (pos.Byte > 0 || pos.Column <= 1) {
		return at
	}
	at := 0
	for range max(0, pos.Column-1) {
		_, size := utf8.DecodeRune(line[at:])
		at += size
	}
	return at
}

// A cell is one character of a source line as it is printed.
type cell struct {
	text   string
	width  int
	marked bool
}

// source writes one line of a file, with the bytes from:to marked. The range
// begins in this line, or it is one of multi lines.
func (p *diagnosticPrinter) source(number int, text string, from, to int, begins, multi bool) {
	text = mask(text)
	if to < from {
		to = from
	}
	var cells []cell
	first, last := -1, -1
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		c := cell{text: text[i : i+size], marked: i >= from && i < to}
		switch {
		case r == '\ufeff' && i == 0 && number == 1, r == '\r' && i == len(text)-1:
			// A byte order mark and a line's end are no text.
			i += size
			continue
		case r == '\t':
			c.text = "    "
		default:
			c.text = escapeRune(r, c.text)
		}
		c.width = runewidth.StringWidth(c.text)
		if c.marked {
			if first < 0 {
				first = len(cells)
			}
			last = len(cells)
		}
		cells = append(cells, c)
		i += size
	}
	if first < 0 && (begins || !multi) {
		// An empty range, or one behind the line's end, is one character.
		first = 0
		for i := 0; i < len(text) && i < from; {
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			first++
		}
		first = min(first, len(cells))
		last = first
		if first == len(cells) {
			cells = append(cells, cell{" ", 1, true})
		}
		cells[first].marked = true
	}
	cells = p.window(cells, first, last)
	p.line(strings.TrimRight(fmt.Sprintf("%4d: %s", number, p.underline(cells)), " "))
	if p.style.Color || first < 0 {
		return
	}
	var carets strings.Builder
	for _, c := range cells {
		mark := " "
		if c.marked {
			mark = "^"
		}
		carets.WriteString(strings.Repeat(mark, c.width))
	}
	if marks := strings.TrimRight(carets.String(), " "); marks != "" {
		p.line("      " + marks)
	}
}

// window cuts a line to the width, so that the beginning of the mark is seen.
func (p *diagnosticPrinter) window(cells []cell, first, last int) []cell {
	room := p.inner() - len("1234: ")
	total := 0
	for _, c := range cells {
		total += c.width
	}
	if p.width <= 0 || total <= room {
		return cells
	}
	dots := cell{text: "…", width: 1}
	begin, used := 0, 0
	if first >= 0 {
		// From the left, if the mark (or half a line of it) fits.
		need := 0
		for i := 0; i <= last && i < len(cells) && (i < first || need < room/2); i++ {
			need += cells[i].width
		}
		if need > room-1 {
			for begin = first; begin > 0 && used < room/4; begin-- {
				used += cells[begin-1].width
			}
		}
	}
	var out []cell
	room--
	if begin > 0 {
		out = append(out, dots)
		room--
	}
	for i := begin; i < len(cells); i++ {
		if room -= cells[i].width; room < 0 {
			return append(out, dots)
		}
		out = append(out, cells[i])
	}
	return out
}

// underline joins cells; marked ones are underlined, in colour.
func (p *diagnosticPrinter) underline(cells []cell) string {
	var b strings.Builder
	for i := 0; i < len(cells); {
		j := i
		var run strings.Builder
		for j < len(cells) && cells[j].marked == cells[i].marked {
			run.WriteString(cells[j].text)
			j++
		}
		if cells[i].marked && p.style.Color {
			b.WriteString("\x1b[1;4m" + run.String() + "\x1b[0m")
		} else {
			b.WriteString(run.String())
		}
		i = j
	}
	return b.String()
}

// wrap breaks text at spaces into lines of at most width columns, 0 for no
// limit. Line breaks in it stay, and lines that begin with a space are not
// wrapped. What could drive a terminal is made visible, credentials are masked.
func wrap(text string, width int) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		line = visible(strings.ReplaceAll(mask(strings.TrimRight(line, " \r")), "\t", "    "))
		if width <= 0 || strings.HasPrefix(line, " ") || runewidth.StringWidth(line) <= width {
			out = append(out, line)
			continue
		}
		var b strings.Builder
		col := 0
		for _, word := range strings.Fields(line) {
			n := runewidth.StringWidth(word)
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
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		b.WriteString(escapeRune(r, text[i:i+size]))
		i += size
	}
	return b.String()
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

// mask writes * over every credential in a line, one for each byte, so that
// offsets stay as they are.
func mask(line string) string {
	return word.ReplaceAllStringFunc(line, func(text string) string {
		s, _ := hclparse.ParseSource(text) // an error changes nothing: Redacted reads the text
		safe := s.Redacted()
		if safe == text {
			return text
		}
		const mark = "REDACTED"
		from, to := strings.Index(safe, mark), strings.LastIndex(safe, mark)
		tail := len(safe) - to - len(mark)
		if from < 0 || from+tail > len(text) || text[:from] != safe[:from] || text[len(text)-tail:] != safe[len(safe)-tail:] {
			return strings.Repeat("*", len(text))
		}
		return text[:from] + strings.Repeat("*", len(text)-from-tail) + text[len(text)-tail:]
	})
}
