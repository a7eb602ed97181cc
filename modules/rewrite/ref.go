package rewrite

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
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
		return s.computed(a), nil
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
	made, refused := refSplices(old, wantedRef(old.Ref, s.pin.Ref), s.pin.DropDepth)
	if refused != nil {
		return refused
	}
	var edits []Edit
	if len(made) > 0 {
		w, refused := s.source()
		if refused != nil {
			return refused
		}
		what := "its ref"
		if old.Ref == "" {
			what = "its source"
		}
		if edits, refused = w.edits(made, what); refused != nil {
			return refused
		}
	}
	s.comments(edits)
	s.add(edits...)
	return nil
}

// refSplices are the changes of an address that give it a ref.
func refSplices(old hclparse.Source, ref string, dropDepth bool) (splices, *Refused) {
	if err := hclparse.CheckRef(ref); err != nil {
		return nil, refuse("the ref "+strconv.Quote(ref)+" is none that git can have: "+err.Error(), "")
	}
	noPlace := refuse("its source has no place for a ref that terraform would read", "write it as git::https://HOST/PATH.git//SUBDIRECTORY?ref=REF")
	var made splices
	after := old
	if !sameRef(old.Ref, ref) {
		from, to, text, err := old.RefEdit(ref)
		if err != nil {
			return nil, noPlace
		}
		made = splices{{from, to, text}}
		if after, err = hclparse.ParseSource(made.apply(old.String())); err != nil || after.Ref != ref {
			return nil, noPlace
		}
	}
	cuts := after.ParamCuts("depth")
	if !dropDepth || len(cuts) == 0 {
		return made, nil
	}
	made = made.cut(old.String(), cuts)
	after, err := hclparse.ParseSource(made.apply(old.String()))
	if err != nil || !sameRef(after.Ref, ref) || after.Kind != old.Kind || after.Host != old.Host || after.Repository != old.Repository || after.Subdir != old.Subdir {
		return nil, refuse("depth= cannot be taken out of its source", "take it out by hand")
	}
	return made, nil
}

// sameRef reports whether two refs are the same: a commit in whatever case.
func sameRef(a, b string) bool {
	return a == b || fullCommit.MatchString(a) && strings.EqualFold(a, b)
}
