package hclparse

import (
	"bytes"
	"unicode/utf8"
)

// A block is a top-level block of a native file.
type block struct {
	start int // the first byte of its type
	typ   int // behind the type
	body  int // behind the brace that opens the body
	end   int // behind the brace that closes it
	line  int // of the start, from 1
	// column of the start, from 1; 0 where more than blanks stands before it
	// on its line, so that counting it is the parser's work.
	column int
}

// outline finds the top-level blocks of a native file, in order, without
// parsing what is in them: it follows strings, templates, heredocs, comments
// and brackets as hclsyntax's scanner does (scan_tokens.rl), and the parser's
// rules for what stands between the blocks. In a file that hclsyntax parses
// without an error these are exactly its blocks. It is false wherever it is
// not sure, which is no judgement of the file: parse it to know.
//
// It takes time in proportion to the file, and memory in proportion to its
// deepest nesting, which is at most maxDepth.
func outline(src []byte) (blocks []block, ok bool) {
	if !utf8.Valid(src) {
		return nil, false
	}
	_, bom := stripBOM(src)
	s := outliner{src: src, i: bom}
	line, counted := 1, 0
	for {
		if !s.blank(true) {
			return nil, false
		}
		if s.i == len(src) {
			return blocks, true
		}
		b := block{start: s.i}
		line += bytes.Count(src[counted:s.i], newline)
		counted, b.line = s.i, line
		if !s.ident() {
			return nil, false
		}
		b.typ = s.i
		isBlock, ok := s.item(&b)
		if !ok || !s.endOfLine() {
			return nil, false
		}
		if isBlock {
			b.column = column(src, b.start)
			blocks = append(blocks, b)
		}
	}
}

var newline = []byte("\n")

// column is that of the byte at i, from 1. A blank is a column of its own;
// before anything else on the line it is 0, and so it is on the first line of a
// file with a byte order mark.
func column(src []byte, i int) int {
	for n := i; ; n-- {
		if n == 0 || src[n-1] == '\n' {
			return i - n + 1
		}
		if src[n-1] != ' ' && src[n-1] != '\t' {
			return 0
		}
	}
}

// An outliner scans a file. Where a method is false, the file is not what the
// outliner understands.
type outliner struct {
	src []byte
	i   int // the next byte
	// open is what the byte is inside of, the innermost last: ( [ { are
	// brackets, $ a template sequence, " a string, < a heredoc.
	open     []byte
	heredocs []heredoc
}

type heredoc struct {
	marker []byte
	inLine bool // what stands before the next byte in its line is no marker
}

// What a byte means in code, outside of strings and comments.
const (
	odd = iota
	plainByte
	lineBreak // \n
	returns   // \r
	opening   // ( [ {
	closer    // ) ] }
	quotation // "
	hash      // #
	slash     // /
	less      // <
)

var codeBytes = func() (k [256]byte) {
	for c := range k {
		if c >= 0x80 || isWord(byte(c)) {
			k[c] = plainByte // a letter of another script, or the file does not parse
		}
	}
	for class, chars := range map[byte]string{
		plainByte: " \t.,*%+=!?:&|>~", lineBreak: "\n", returns: "\r", opening: "([{", closer: ")]}",
		quotation: `"`, hash: "#", slash: "/", less: "<",
	} {
		for _, c := range []byte(chars) {
			k[c] = class
		}
	}
	return k
}()

// isWord reports whether c may stand in an identifier or a number.
func isWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// item scans what stands behind the first word of an argument or a block, to
// its end.
func (s *outliner) item(b *block) (isBlock, ok bool) {
	for labels := 0; ; labels++ {
		if !s.blank(false) || s.i == len(s.src) {
			return false, false
		}
		switch c := s.src[s.i]; {
		case c == '=' && labels == 0:
			s.i++
			return false, s.expression()
		case c == '"':
			s.push('"')
			if !s.close() {
				return false, false
			}
		case c == '{':
			s.push('{')
			b.body = s.i
			ok := s.close()
			b.end = s.i
			return true, ok
		case !s.ident():
			return false, false
		}
	}
}

// blank skips blanks and comments, with lines also newlines.
func (s *outliner) blank(lines bool) bool {
	for s.i < len(s.src) {
		switch s.src[s.i] {
		case ' ', '\t':
			s.i++
		case '\n':
			if !lines {
				return true
			}
			s.i++
		case '\r':
			if s.i+1 == len(s.src) || s.src[s.i+1] != '\n' {
				return false
			}
			if !lines {
				return true
			}
			s.i += 2
		case '#':
			if !lines {
				return true
			}
			s.lineComment()
		case '/':
			switch {
			case bytes.HasPrefix(s.src[s.i:], []byte("//")):
				if !lines {
					return true
				}
				s.lineComment()
			case !s.comment():
				return false
			}
		default:
			return true
		}
	}
	return true
}

// endOfLine skips what may stand behind a block or an argument.
func (s *outliner) endOfLine() bool {
	if !s.blank(false) {
		return false
	}
	if s.i == len(s.src) {
		return true
	}
	c := s.src[s.i] // a slash begins a comment, else blank had been false
	return c == '\n' || c == '\r' || c == '#' || c == '/'
}

// lineComment skips to the next newline.
func (s *outliner) lineComment() {
	if n := bytes.IndexByte(s.src[s.i:], '\n'); n >= 0 {
		s.i += n
		return
	}
	s.i = len(s.src)
}

// comment skips a comment of the form /* */.
func (s *outliner) comment() bool {
	if !bytes.HasPrefix(s.src[s.i:], []byte("/*")) {
		return false
	}
	n := bytes.Index(s.src[s.i+2:], []byte("*/"))
	s.i += 2 + n + 2
	return n >= 0
}

// ident skips a word. One with other letters than those of ASCII is left to
// the parser.
func (s *outliner) ident() bool {
	if s.i == len(s.src) || s.src[s.i] == '-' || s.src[s.i] >= '0' && s.src[s.i] <= '9' {
		return false
	}
	start := s.i
	for s.i < len(s.src) && isWord(s.src[s.i]) {
		s.i++
	}
	return s.i > start && (s.i == len(s.src) || s.src[s.i] < 0x80)
}

// push enters what begins at the next byte.
func (s *outliner) push(c byte) {
	s.open = append(s.open, c)
	s.i++
}

// close scans to the end of what was entered last.
func (s *outliner) close() bool {
	for outside := len(s.open) - 1; len(s.open) > outside; {
		if len(s.open) > maxDepth {
			return false
		}
		var ok bool
		switch s.open[len(s.open)-1] {
		case '"':
			ok = s.quoted()
		case '<':
			ok = s.heredoc()
		default:
			ok = s.code()
		}
		if !ok {
			return false
		}
	}
	return true
}

// expression scans to the newline, the comment or the end of the file that
// ends an argument.
func (s *outliner) expression() bool {
	for s.i < len(s.src) {
		ended, ok := s.step(true)
		if !ok || ended {
			return ok
		}
		if len(s.open) > 0 && !s.close() {
			return false
		}
	}
	return true
}

// code scans to where a bracket closes, or something else opens.
func (s *outliner) code() bool {
	for depth := len(s.open); len(s.open) == depth; {
		if s.i == len(s.src) {
			return false
		}
		if _, ok := s.step(false); !ok {
			return false
		}
	}
	return true
}

// step scans code to the next change: something opens or closes or, with
// lines, the line ends.
func (s *outliner) step(lines bool) (ended, ok bool) {
	for s.i < len(s.src) {
		c := s.src[s.i]
		switch codeBytes[c] {
		case plainByte:
			s.i++
		case lineBreak:
			if lines {
				return true, true
			}
			s.i++
		case returns:
			if s.i+1 == len(s.src) || s.src[s.i+1] != '\n' {
				return false, false
			}
			s.i++
		case hash:
			if lines {
				return true, true
			}
			s.lineComment()
		case slash:
			switch {
			case s.i+1 < len(s.src) && s.src[s.i+1] == '/':
				if lines {
					return true, true
				}
				s.lineComment()
			case s.i+1 < len(s.src) && s.src[s.i+1] == '*':
				if !s.comment() {
					return false, false
				}
			default:
				s.i++
			}
		case opening, quotation:
			s.push(c)
			return false, true
		case closer:
			if len(s.open) == 0 || closes[s.open[len(s.open)-1]] != c {
				return false, false
			}
			s.open = s.open[:len(s.open)-1]
			s.i++
			return false, true
		case less:
			if s.i+1 == len(s.src) || s.src[s.i+1] != '<' {
				s.i++
				continue
			}
			return false, s.beginHeredoc()
		default:
			return false, false
		}
	}
	return lines, true
}

// closes is the bracket that ends what the key opens.
var closes = [256]byte{'(': ')', '[': ']', '{': '}', '$': '}'}

// quoted scans a string to its end, or to a template sequence in it.
func (s *outliner) quoted() bool {
	for s.i < len(s.src) {
		switch s.src[s.i] {
		case '"':
			s.open = s.open[:len(s.open)-1]
			s.i++
			return true
		case '\\':
			if s.i+1 == len(s.src) || s.src[s.i+1] == '\n' || s.src[s.i+1] == '\r' {
				return false
			}
			s.i += 2 // of a longer character the rest means nothing
		case '\n', '\r':
			return false
		case '$', '%':
			if s.template() {
				return true
			}
		default:
			s.i++
		}
	}
	return false
}

// template enters a template sequence at the next byte, which is $ or %, and
// is false where it is text; then that is skipped. What is escaped is $${ and
// %%{: of more of them in a row, the last two.
func (s *outliner) template() bool {
	rest := s.src[s.i+1:]
	switch c := s.src[s.i]; {
	case len(rest) > 0 && rest[0] == '{':
		s.i++
		s.push('$')
		return true
	case len(rest) > 1 && rest[0] == c && rest[1] == '{':
		s.i += 3
	default:
		s.i++
	}
	return false
}

// beginHeredoc enters the heredoc whose marker begins at the next byte.
func (s *outliner) beginHeredoc() bool {
	s.i += 2
	if s.i < len(s.src) && s.src[s.i] == '-' {
		s.i++
	}
	start := s.i
	if !s.ident() {
		return false
	}
	marker := s.src[start:s.i]
	if s.i < len(s.src) && s.src[s.i] == '\r' {
		s.i++
	}
	if s.i == len(s.src) || s.src[s.i] != '\n' {
		return false // no marker: a blank behind it is enough
	}
	s.push('<')
	s.heredocs = append(s.heredocs, heredoc{marker: marker})
	return true
}

// heredoc scans a heredoc to the end of its marker, or to a template sequence
// in it. The marker is alone in its line, but for white space.
func (s *outliner) heredoc() bool {
	h := &s.heredocs[len(s.heredocs)-1]
	for s.i < len(s.src) {
		if !h.inLine {
			n := bytes.IndexByte(s.src[s.i:], '\n')
			if n < 0 {
				return false
			}
			line := s.src[s.i : s.i+n]
			if bytes.Equal(bytes.TrimSpace(line), h.marker) {
				s.i += len(bytes.TrimSuffix(line, []byte("\r")))
				s.heredocs = s.heredocs[:len(s.heredocs)-1]
				s.open = s.open[:len(s.open)-1]
				return true
			}
			h.inLine = true
		}
		switch c := s.src[s.i]; c {
		case '\n':
			h.inLine = false
			s.i++
		case '\r':
			if s.i++; s.i == len(s.src) || s.src[s.i] != '\n' {
				return false
			}
		case '$', '%':
			// The scanner has rules of its own for ${ behind a % and the like.
			if next := s.i + 1; next < len(s.src) && s.src[next] != c && (s.src[next] == '$' || s.src[next] == '%') {
				return false
			}
			if s.template() {
				return true
			}
		default:
			s.i++
		}
	}
	return false
}
