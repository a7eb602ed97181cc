package report

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/modules/lint"
)

// maxSnippet is how many lines of a file one range shows.
const maxSnippet = 6

// snippets prints ranges of files: the lines, with the exact range marked. It
// looks for the lines of a file once, so that thousands of ranges in one file,
// or in one line of it, cost no more than their own text.
type snippets struct {
	files   map[string]*hcl.File
	secrets map[string][]lint.Span // by path, known beside what looks like one
	width   int                    // columns, 0 for no limit
	style   Style

	index map[string]*lineIndex
	// The line that was masked last: findings are sorted, and a line may be as
	// long as a file.
	lastFile string
	lastLine int
	lastText string
	cells    []cell
}

func newSnippets(files map[string]*hcl.File, width int, style Style) *snippets {
	return &snippets{files: files, width: width, style: style, index: map[string]*lineIndex{}}
}

// A lineIndex is the bytes of a file by line.
type lineIndex struct {
	src    []byte
	starts []int // of each line, the first byte
	units  map[int][]int
}

func newLineIndex(src []byte) *lineIndex {
	x := &lineIndex{src: src, starts: []int{0}}
	for at := 0; ; {
		i := bytes.IndexByte(src[at:], '\n')
		if i < 0 {
			return x
		}
		at += i + 1
		x.starts = append(x.starts, at)
	}
}

// line is the text of a line without its line feed; number counts from 1 and
// is in the file.
func (x *lineIndex) line(number int) []byte {
	end := len(x.src)
	if number < len(x.starts) {
		end = x.starts[number] - 1
	}
	return x.src[x.starts[number-1]:end]
}

// utf16 counts the UTF-16 code units of a line's first bytes. A byte order mark
// is no text; each byte that is no UTF-8 is read as one replacement character.
func (x *lineIndex) utf16(number, until int) int {
	const step = 1024
	line, at, n := x.line(number), 0, 0
	if number == 1 && bytes.HasPrefix(line, []byte("\ufeff")) {
		at = len("\ufeff")
	}
	if until > 2*step {
		// Every step or a little later, what has been counted: a file of one
		// line is not counted for each place in it.
		marks, ok := x.units[number]
		if !ok {
			for i, c := at, 0; i < len(line); {
				if i >= (len(marks)/2+1)*step {
					marks = append(marks, i, c)
				}
				size, units := utf16Rune(line[i:])
				i, c = i+size, c+units
			}
			if x.units == nil {
				x.units = map[int][]int{}
			}
			x.units[number] = marks
		}
		for k := min(until/step, len(marks)/2); k > 0; k-- {
			if marks[2*k-2] <= until {
				at, n = marks[2*k-2], marks[2*k-1]
				break
			}
		}
	}
	for at < until {
		size, units := utf16Rune(line[at:until])
		at, n = at+size, n+units
	}
	return n
}

func utf16Rune(text []byte) (size, units int) {
	r, size := utf8.DecodeRune(text)
	if r > 0xffff {
		return size, 2
	}
	return size, 1
}

// lines returns the index of a file, nil where its bytes are not known.
func (s *snippets) lines(name string) *lineIndex {
	x, ok := s.index[name]
	if !ok {
		if file := s.files[name]; file != nil && file.Bytes != nil {
			x = newLineIndex(file.Bytes)
		}
		s.index[name] = x
	}
	return x
}

// write gives the lines of a range to line, one after another; nothing where
// the file is not known.
func (s *snippets) write(at hcl.Range, line func(string)) {
	x := s.lines(at.Filename)
	if x == nil {
		return
	}
	last := min(max(at.Start.Line, at.End.Line), len(x.starts))
	for number := max(1, at.Start.Line); number <= last; number++ {
		if number-max(1, at.Start.Line) == maxSnippet {
			line("     …")
			return
		}
		text, start := x.line(number), x.starts[number-1]
		from, to := 0, len(text)
		if number == at.Start.Line {
			from = place(text, start, at.Start)
		}
		if number == at.End.Line {
			to = place(text, start, at.End)
		}
		if number > at.Start.Line && to == 0 {
			return // the range ends with the line break before
		}
		s.source(number, s.masked(at.Filename, number, text, start), from, to, number == at.Start.Line, at.Start.Line != at.End.Line, line)
	}
}

func (s *snippets) masked(file string, number int, text []byte, start int) string {
	if s.lastFile != file || s.lastLine != number {
		s.lastFile, s.lastLine, s.lastText = file, number, maskSource(text, start, s.secrets[file])
	}
	return s.lastText
}

// place gives a position as an offset into its line: by its byte, or where
// that does not fit (not every reader of HCL counts them), by its column.
func place(line []byte, start int, pos hcl.Pos) int {
	if at := pos.Byte - start; at >= 0 && at <= len(line) && (pos.Byte > 0 || pos.Column <= 1) {
		return at
	}
	at := 0
	for n := pos.Column; n > 1 && at < len(line); n-- {
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

// source writes one line of a file, masked, with the bytes from:to marked. The range
// begins in this line, or it is one of multi lines.
func (s *snippets) source(number int, text string, from, to int, begins, multi bool, line func(string)) {
	if to < from {
		to = from
	}
	text, from, to, before, behind := s.near(text, from, to)
	cells := s.cells[:0]
	if before {
		cells = append(cells, cell{text: "…", width: 1})
	}
	first, last, begin := -1, -1, -1
	for i := 0; i < len(text); {
		if i >= from && begin < 0 {
			begin = len(cells)
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		c := cell{text: text[i : i+size], marked: i >= from && i < to}
		switch {
		case ' ' <= r && r <= '~':
			c.width = 1
		case r == '\ufeff' && i == 0 && number == 1 && !before, r == '\r' && i == len(text)-1 && !behind:
			// A byte order mark and a line's end are no text.
			i += size
			continue
		case r == '\t':
			c.text = "    "
		default:
			c.text = escapeRune(r, c.text)
		}
		if c.width == 0 {
			c.width = runewidth.StringWidth(c.text)
		}
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
		if begin < 0 || begin == len(cells) {
			begin = len(cells)
			cells = append(cells, cell{" ", 1, true})
		}
		first, last = begin, begin
		cells[first].marked = true
	}
	if behind {
		cells = append(cells, cell{text: "…", width: 1})
	}
	s.cells = cells // its room is used again
	cells = s.window(cells, first, last)
	gutter := fmt.Sprintf("%4d: ", number)
	line(strings.TrimRight(gutter+s.underline(cells), " "))
	if s.style.Color || first < 0 {
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
		line(strings.Repeat(" ", len(gutter)) + marks)
	}
}

// near cuts what is far from the mark off a long line: nobody will see it, and
// a file of one line may have thousands of findings.
func (s *snippets) near(text string, from, to int) (cut string, f, t int, before, behind bool) {
	far := 4 * s.width // bytes; more than a window shows
	if s.width <= 0 || len(text) <= 4*far {
		return text, from, to, false, false
	}
	begin, end := min(max(0, from-far), len(text)), min(from+2*far, len(text))
	for begin > 0 && begin < len(text) && !utf8.RuneStart(text[begin]) {
		begin++
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	begin = min(begin, end)
	return text[begin:end], from - begin, min(to, end) - begin, begin > 0, end < len(text)
}

// window cuts a line to the width, so that the beginning of the mark is seen.
func (s *snippets) window(cells []cell, first, last int) []cell {
	room := s.width - len("1234: ")
	total := 0
	for _, c := range cells {
		total += c.width
	}
	if s.width <= 0 || total <= room {
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
			// What the mark and a little behind it leave.
			mark, rest := 0, 0
			for i := first; i < len(cells); i++ {
				if i <= last {
					mark += cells[i].width
				} else {
					rest += cells[i].width
				}
			}
			left := max(room/4, room-2-mark-min(rest, room/4))
			for begin = first; begin > 0 && used+cells[begin-1].width <= left; begin-- {
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
func (s *snippets) underline(cells []cell) string {
	var b strings.Builder
	for i := 0; i < len(cells); {
		j := i
		var run strings.Builder
		for j < len(cells) && cells[j].marked == cells[i].marked {
			run.WriteString(cells[j].text)
			j++
		}
		if cells[i].marked && s.style.Color {
			b.WriteString("\x1b[1;4m" + run.String() + "\x1b[0m")
		} else {
			b.WriteString(run.String())
		}
		i = j
	}
	return b.String()
}
