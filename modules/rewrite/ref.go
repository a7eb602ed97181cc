package rewrite

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var fullCommit = regexp.MustCompile(`^(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$`)

// wantedRef is the new ref in the spelling of the old one.
func wantedRef(old, ref string) string {
	if fullCommit.MatchString(ref) {
		return ref
	}
	for _, prefix := range []string{"refs/tags/", "tags/"} {
		if strings.HasPrefix(old, prefix) {
			if strings.HasPrefix(ref, prefix) {
				return ref
			}
			return prefix + ref
		}
	}
	return ref
}

// source is the text of the call's source.
func (s *setter) source() (*written, *Refused) {
	c := s.call
	if c.Computed {
		a := s.g.Address(c.Call)
		if !a.Whole || a.Text != c.Source.String() {
			return nil, refuse("what its source is, no file tells", "write the source as one text")
		}
		return s.address(a), nil
	}
	f, r := c.File(), c.SourceRange()
	w, ok := literal(f.Bytes, r.Start.Byte, r.End.Byte, c.Source.String(), f.Real, f.Syntax == hclparse.JSON)
	if !ok {
		return nil, refuse("its source is not written as one quoted text", "write the source between quotes, in one line")
	}
	return w, nil
}

func (s *setter) setRef() *Refused {
	if s.pin.Ref == "" {
		return refuse("its source is in git, and what is to be set is no ref", "")
	}
	old := s.call.Source
	ref := wantedRef(old.Ref, s.pin.Ref)
	made, after, refused := refSplices(old, ref, s.pin.DropDepth)
	if refused != nil {
		return refused
	}
	if len(made) > 0 {
		w, refused := s.source()
		if refused != nil {
			return refused
		}
		edits, refused := w.edits(made)
		if refused != nil {
			return refused
		}
		if after.Ref != ref {
			return refuse("terraform would read another ref", "")
		}
		s.add(edits...)
	}
	s.comment()
	return nil
}

// refSplices are the changes of an address, and the address with them.
func refSplices(old hclparse.Source, ref string, dropDepth bool) (splices, hclparse.Source, *Refused) {
	var made splices
	after := old
	if err := hclparse.CheckRef(ref); err != nil {
		return nil, after, refuse("the ref "+strconv.Quote(ref)+" is none that git can have: "+err.Error(), "")
	}
	if old.Ref != ref {
		from, to, text, err := old.RefEdit(ref)
		if err != nil {
			return nil, after, refuse("its source has no place for a ref", "write it as git::https://HOST/PATH.git//SUBDIRECTORY?ref=REF")
		}
		made = splices{{from, to, text}}
		if after, err = hclparse.ParseSource(made.apply(old.String())); err != nil {
			return nil, old, refuse("its source has no place for a ref", "write it as git::https://HOST/PATH.git//SUBDIRECTORY?ref=REF")
		}
	}
	if !dropDepth {
		return made, after, nil
	}
	made = made.cut(old.String(), after.ParamCuts("depth"))
	after, err := hclparse.ParseSource(made.apply(old.String()))
	if err != nil || after.Ref != ref || after.Host != old.Host || after.Repository != old.Repository || after.Subdir != old.Subdir {
		return nil, old, refuse("depth= cannot be taken out of its source", "take depth= out by hand")
	}
	return made, after, nil
}

// comment sets the version comment behind the source.
func (s *setter) comment() {
	f, at := s.call.File(), s.call.SourceRange().End.Byte
	edit, note := comment(f.Bytes, at, s.call.Comment, s.pin, f.Syntax == hclparse.JSON)
	if edit != nil {
		s.add(Edit{File: f.Real, Edit: *edit})
	}
	if note != "" {
		s.out.Notes = append(s.out.Notes, note)
	}
}

// comment makes the edit of the version comment behind byte at, the end of a
// source; nil where there is none to make.
func comment(src []byte, at int, old *lint.VersionComment, p Pin, json bool) (edit *hclparse.Edit, note string) {
	switch {
	case old != nil && p.Comment == old.Text:
	case old != nil && p.Comment != "":
		return &hclparse.Edit{Start: old.Start, End: old.End, New: []byte(p.Comment)}, ""
	case old != nil:
		return withoutComment(src, old), ""
	case p.AddComment && p.Comment != "":
		switch {
		case json:
			return nil, "JSON has no comments: " + p.Comment + " is written nowhere"
		case !lineEnds(src, at):
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
	start := c.Start
	start = len(bytes.TrimRight(src[:start], " \t"))
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
