package backend

import (
	"bytes"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

// bools are the arguments that are written without quotes.
var bools = map[string]bool{"use_lockfile": true, "encrypt": true}

// native is an argument's value in HCL.
func native(name, value string) []byte {
	if bools[name] {
		return []byte(value)
	}
	return hclparse.QuoteNative(value)
}

// inJSON is an argument's value in JSON.
func inJSON(name, value string) []byte {
	if bools[name] {
		return []byte(value)
	}
	return hclparse.QuoteJSON(value)
}

// An argument is what is to be written.
type argument struct{ name, value string }

// replace is the edit that gives an argument which is there another value.
func (b *body) replace(s setting, a argument) hclparse.Edit {
	v := native(a.name, a.value)
	if b.json {
		v = inJSON(a.name, a.value)
	}
	return hclparse.Edit{Start: s.rng.Start.Byte, End: s.rng.End.Byte, New: v}
}

// lines are arguments as lines of HCL without indentation, whose = stand below
// one another, at least in the column width.
func lines(args []argument, width int) []string {
	for _, a := range args {
		width = max(width, len(outer(a.name)))
	}
	var out []string
	for _, a := range args {
		name := outer(a.name)
		value := string(native(a.name, a.value))
		if inner, ok := strings.CutPrefix(a.name, name+"."); ok {
			value = "{ " + inner + " = " + value + " }"
		}
		out = append(out, name+strings.Repeat(" ", width-len(name))+" = "+value)
	}
	return out
}

// outer is the name of the argument that a name within an object stands in.
func outer(name string) string {
	name, _, _ = strings.Cut(name, ".")
	return name
}

// newline is how lines of a file end.
func newline(src []byte) string {
	if i := bytes.IndexByte(src, '\n'); i > 0 && src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// insert is the edits that add arguments. why says what stands against it.
func (b *body) insert(args []argument) (edits []hclparse.Edit, why string) {
	switch {
	case b.json && b.last.Empty():
		return nil, "the JSON object has no argument beside which another could be written"
	case b.json:
		return b.insertJSON(args), ""
	case b.header == nil && b.last.Empty(): // a file with nothing, or with comments
		nl := newline(b.src)
		text := strings.Join(lines(args, 0), nl) + nl
		if len(b.src) > 0 && b.src[len(b.src)-1] != '\n' {
			text = nl + text
		}
		return []hclparse.Edit{{Start: len(b.src), End: len(b.src), New: []byte(text)}}, ""
	case b.header != nil && b.header.OpenBraceRange.Start.Line == b.header.CloseBraceRange.Start.Line:
		return b.open(args), ""
	case b.last.Empty():
		return b.first(args), ""
	}
	return b.behind(args), ""
}

// behind adds arguments on lines of their own behind the last one. The = are
// where the others have theirs if there is room; else an empty line is between,
// since terraform fmt would move those of the others.
func (b *body) behind(args []argument) []hclparse.Edit {
	nl := newline(b.src)
	start := lineStart(b.src, b.last.Start.Byte)
	indent := string(b.src[start:b.last.Start.Byte])
	if strings.TrimLeft(indent, " \t") != "" {
		indent = indentOf(b.src, start)
	}
	line := string(b.src[b.last.Start.Byte:b.last.End.Byte])
	width, together := 0, false
	if i := strings.IndexByte(line, '='); i > 0 && b.last.Start.Line == b.last.End.Line && line[i-1] == ' ' {
		width, together = i-1, true
	}
	for _, a := range args {
		if len(outer(a.name)) > width {
			width, together = 0, false
			break
		}
	}
	end := b.last.End.Byte
	for end < len(b.src) && b.src[end] != '\n' {
		end++
	}
	var text strings.Builder
	if end == len(b.src) { // no newline at the end: of a file of backend_config
		text.WriteString(nl)
	} else {
		end++
	}
	if !together {
		text.WriteString(nl)
	}
	for i, l := range lines(args, width) {
		if i > 0 {
			text.WriteString(nl)
		}
		text.WriteString(indent + l)
	}
	if end == len(b.src) && (end == 0 || b.src[end-1] != '\n') {
		return []hclparse.Edit{{Start: end, End: end, New: []byte(text.String())}}
	}
	text.WriteString(nl)
	return []hclparse.Edit{{Start: end, End: end, New: []byte(text.String())}}
}

// first adds arguments to a block of several lines that has none.
func (b *body) first(args []argument) []hclparse.Edit {
	nl := newline(b.src)
	open, close := b.header.OpenBraceRange.End.Byte, b.header.CloseBraceRange.Start.Byte
	indent := indentOf(b.src, b.header.TypeRange.Start.Byte) + "  "
	var text strings.Builder
	for _, l := range lines(args, 0) {
		text.WriteString(indent + l + nl)
	}
	// Before the line of the closing brace: comments stay above.
	at := lineStart(b.src, close)
	if at < open || strings.TrimSpace(string(b.src[at:close])) != "" {
		return []hclparse.Edit{{Start: close, End: close, New: []byte(nl + text.String() + indentOf(b.src, b.header.TypeRange.Start.Byte))}}
	}
	return []hclparse.Edit{{Start: at, End: at, New: []byte(text.String())}}
}

// open adds arguments to a block of one line, which becomes one of several.
func (b *body) open(args []argument) []hclparse.Edit {
	nl := newline(b.src)
	base := indentOf(b.src, b.header.TypeRange.Start.Byte)
	from, to := b.header.OpenBraceRange.End.Byte, b.header.CloseBraceRange.Start.Byte
	inside := strings.TrimSpace(string(b.src[from:to]))
	var text strings.Builder
	text.WriteString(nl)
	if inside != "" {
		text.WriteString(base + "  " + inside + nl)
		if !b.last.Empty() {
			text.WriteString(nl)
		}
	}
	for _, l := range lines(args, 0) {
		text.WriteString(base + "  " + l + nl)
	}
	text.WriteString(base)
	// What is inside stays where it is: only what is around it is put in.
	if inside == "" {
		return []hclparse.Edit{{Start: from, End: to, New: []byte(text.String())}}
	}
	i := from + strings.Index(string(b.src[from:to]), inside)
	whole := text.String()
	cut := len(nl) + len(base) + 2
	return []hclparse.Edit{
		{Start: from, End: i, New: []byte(whole[:cut])},
		{Start: i + len(inside), End: to, New: []byte(whole[cut+len(inside):])},
	}
}

// insertJSON adds arguments behind the last one of an object.
func (b *body) insertJSON(args []argument) []hclparse.Edit {
	nl := newline(b.src)
	start := lineStart(b.src, b.last.Start.Byte)
	sep := ", "
	if lead := string(b.src[start:b.last.Start.Byte]); strings.TrimLeft(lead, " \t") == "" {
		sep = "," + nl + lead
	}
	var text strings.Builder
	for _, a := range args {
		name := outer(a.name)
		value := string(inJSON(a.name, a.value))
		if inner, ok := strings.CutPrefix(a.name, name+"."); ok {
			value = `{"` + inner + `": ` + value + `}`
		}
		text.WriteString(sep + `"` + name + `": ` + value)
	}
	return []hclparse.Edit{{Start: b.last.End.Byte, End: b.last.End.Byte, New: []byte(text.String())}}
}

// lineStart is the first byte of a line.
func lineStart(src []byte, at int) int {
	return bytes.LastIndexByte(src[:at], '\n') + 1
}

// indentOf is the white space that the line of a byte begins with.
func indentOf(src []byte, at int) string {
	line := src[lineStart(src, at):]
	n := 0
	for n < len(line) && (line[n] == ' ' || line[n] == '\t') {
		n++
	}
	return string(line[:n])
}

// newFile is a file with a backend block.
func newFile(typ string, args []argument) []byte {
	var b strings.Builder
	b.WriteString("terraform {\n  backend " + string(hclparse.QuoteNative(typ)) + " {\n")
	for _, l := range lines(args, 0) {
		b.WriteString("    " + l + "\n")
	}
	b.WriteString("  }\n}\n")
	return []byte(b.String())
}
