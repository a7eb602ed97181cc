package rewrite

import (
	"bytes"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// comments sets the version comment behind the source and, where edits change
// a ref that stands elsewhere, such as in a local, behind that.
func (s *setter) comments(edits []Edit) {
	c := s.call
	f, r := c.File(), c.SourceRange()
	elsewhere := false
	for _, e := range edits {
		if e.File == f.Real && e.Start >= r.Start.Byte && e.End <= r.End.Byte {
			continue
		}
		src, json := s.bytes(e.File)
		if at := endOfString(src, e.End); at > 0 {
			elsewhere = true
			s.comment(e.File, src, at, lint.CommentBehind(src, at), s.pin, json)
		}
	}
	p := s.pin
	p.AddComment = p.AddComment && !elsewhere // once is enough
	s.comment(f.Real, f.Bytes, r.End.Byte, c.Comment, p, f.Syntax == hclparse.JSON)
}

func (s *setter) comment(file string, src []byte, at int, old *lint.VersionComment, p Pin, json bool) {
	edit, note := comment(src, at, old, p, json)
	if edit != nil {
		s.add(Edit{File: file, Edit: *edit})
	}
	if note != "" {
		s.out.Notes = append(s.out.Notes, note)
	}
}

// endOfString is where the string ends that at is in, its quote included; 0
// where anything but plain text stands before that.
func endOfString(src []byte, at int) int {
	if at > len(src) {
		return 0
	}
	n := bytes.IndexAny(src[at:], "\"\\\n{")
	if n < 0 || src[at+n] != '"' {
		return 0
	}
	return at + n + 1
}

// comment makes the edit of the version comment behind byte at, the end of a
// source; nil where there is none to make.
func comment(src []byte, at int, old *lint.VersionComment, p Pin, json bool) (edit *hclparse.Edit, note string) {
	switch {
	case json && p.Comment != "" && p.AddComment:
		return nil, "JSON has no comments: " + p.Comment + " is written nowhere"
	case json || old != nil && p.Comment == old.Text:
	case old != nil && p.Comment != "":
		return &hclparse.Edit{Start: old.Start, End: old.End, New: []byte(p.Comment)}, ""
	case old != nil:
		return withoutComment(src, old), ""
	case p.AddComment && p.Comment != "":
		if !lineEnds(src, at) {
			return nil, "something else stands behind the source: the comment " + p.Comment + " is not written"
		}
		return &hclparse.Edit{Start: at, End: at, New: []byte(" # " + p.Comment)}, ""
	}
	return nil, ""
}

// lineEnds reports whether nothing but blanks stands between at and the end of
// the line.
func lineEnds(src []byte, at int) bool {
	if at < 0 || at > len(src) {
		return false
	}
	line, _, _ := bytes.Cut(src[at:], []byte("\n"))
	return len(bytes.TrimSpace(line)) == 0
}

// withoutComment takes a version comment out, with the blanks before it. A
// comment behind it stays.
func withoutComment(src []byte, c *lint.VersionComment) *hclparse.Edit {
	start := len(bytes.TrimRight(src[:c.Start], " \t"))
	start = len(bytes.TrimRight(src[:start], "#/"))
	end := c.End
	for end < len(src) && (src[end] == ' ' || src[end] == '\t') {
		end++
	}
	if end == len(src) || src[end] == '\n' || src[end] == '\r' {
		start = len(bytes.TrimRight(src[:start], " \t"))
	}
	return &hclparse.Edit{Start: start, End: end}
}
