package hclparse

import (
	"bytes"
	"strings"
)

// A DocSource is the source of a module block in a Markdown file: in a fenced
// block of Terraform code.
type DocSource struct {
	Start, End int // bytes of the literal in the file, quotes included
	Line       int
	Module     string // the module block's name
	Source     Source
	// Version is the literal version argument beside it, and where that stands,
	// quotes included; "" and 0 where there is none.
	Version                  string
	VersionStart, VersionEnd int
}

// FindDocSources returns the sources that the HCL fences of a Markdown file
// show, in order. It looks at fences of ``` and ~~~, also those in lists and
// quotations, that say hcl, terraform, tf or tofu; in those that parse, at
// module blocks whose source is a quoted string without templates. A fence
// that holds no whole HCL, such as one with an ellipsis, is left out.
func FindDocSources(src []byte) []DocSource {
	var out []DocSource
	for _, f := range hclFences(src) {
		p := &parsed{File: File{Bytes: f.text, Syntax: Native}}
		p.parseBytes()
		if p.Broken() {
			continue
		}
		for _, c := range p.m.Calls {
			r := c.SourceRange
			if !c.Static || f.text[r.Start.Byte] != '"' {
				continue
			}
			d := DocSource{Start: f.start + r.Start.Byte, End: f.start + r.End.Byte, Line: f.line + r.Start.Line - 1, Module: c.Name, Source: c.Source}
			if v := c.VersionRange; c.Version != "" && f.text[v.Start.Byte] == '"' {
				d.Version, d.VersionStart, d.VersionEnd = c.Version, f.start+v.Start.Byte, f.start+v.End.Byte
			}
			out = append(out, d)
		}
	}
	return out
}

// A fence is the content of a fenced code block. text has the bytes
// of the file at start, with the markers of a quotation blanked.
type fence struct {
	start, line int
	text        []byte
}

func hclFences(src []byte) []fence {
	var out []fence
	var open []byte // the characters that opened the fence; nil outside
	var content, line int
	var quoted, hcl bool
	for at, n := 0, 1; at < len(src); n++ {
		end := len(src)
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		text, quote := unquoted(src[at:end], open == nil)
		marker := fenceMarker(text)
		switch {
		case open == nil && marker != nil:
			info := strings.TrimSpace(string(text[len(marker):]))
			if marker[0] == '`' && strings.Contains(info, "`") {
				break // a code span
			}
			open, content, line, quoted, hcl = marker, end, n+1, quote, isHCL(info)
		case open != nil && len(marker) >= len(open) && marker[0] == open[0] && len(bytes.TrimSpace(text[len(marker):])) == 0:
			if hcl {
				out = append(out, fence{content, line, blanked(src[content:at], quoted)})
			}
			open = nil
		}
		at = end
	}
	return out
}

// unquoted cuts what stands before a line's own text: blanks, the markers of
// quotations and, where a fence may begin, those of a list.
func unquoted(line []byte, list bool) (text []byte, quoted bool) {
	for {
		line = bytes.TrimLeft(line, " \t")
		switch {
		case len(line) > 0 && line[0] == '>':
			line, quoted = line[1:], true
		case list && len(line) > 1 && strings.IndexByte("-*+", line[0]) >= 0 && (line[1] == ' ' || line[1] == '\t'):
			line = line[2:]
		case list && numbered(line) > 0:
			line = line[numbered(line):]
		default:
			return line, quoted
		}
	}
}

// numbered is the length of a list marker such as "1. ".
func numbered(line []byte) int {
	i := 0
	for i < len(line) && i < 9 && line[i] >= '0' && line[i] <= '9' {
		i++
	}
	if i == 0 || i+1 >= len(line) || line[i] != '.' && line[i] != ')' || line[i+1] != ' ' && line[i+1] != '\t' {
		return 0
	}
	return i + 2
}

// fenceMarker is the run of three or more ` or ~ that a line begins with.
func fenceMarker(line []byte) []byte {
	if len(line) == 0 || line[0] != '`' && line[0] != '~' {
		return nil
	}
	n := len(line) - len(bytes.TrimLeft(line, string(line[:1])))
	if n < 3 {
		return nil
	}
	return line[:n]
}

func isHCL(info string) bool {
	info = strings.TrimPrefix(strings.TrimPrefix(info, "{"), ".")
	if i := strings.IndexAny(info, " \t,{}"); i >= 0 {
		info = info[:i]
	}
	switch strings.ToLower(info) {
	case "hcl", "terraform", "tf", "tofu", "opentofu":
		return true
	}
	return false
}

// blanked is text with the markers of quotations made blanks, so that every
// other byte keeps its place.
func blanked(text []byte, quoted bool) []byte {
	if !quoted {
		return text
	}
	out := bytes.Clone(text)
	start := true
	for i, c := range out {
		switch {
		case c == '\n':
			start = true
		case start && c == '>':
			out[i] = ' '
		case c != ' ' && c != '\t':
			start = false
		}
	}
	return out
}
