// Package rewrite sets the pin of a call where it is written: the ref of a git
// source, the version of a registry's, the comment that says which version a
// commit is.
//
// It chooses no version, asks nobody and writes no file. It makes byte edits.
package rewrite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

// A Pin is what a call is to have.
type Pin struct {
	// Ref is the tag or the full commit that ?ref= is to be, "" for a registry
	// call. A tag is spelled as the remote has it. Where the old ref says
	// tags/x or refs/tags/x, a tag gets that beginning too.
	Ref string
	// Version is what the version of a registry call is to be ("1.3.0"), ""
	// for a git call.
	Version string
	// Comment is what the version comment behind a git source is to say
	// ("v1.2.3"). One that is there (lint.Call.Comment) is replaced by it, and
	// taken out, with the blanks before its mark, where Comment is "".
	Comment string
	// AddComment puts ` # v1.2.3` behind a source that has no version comment.
	// Where that is not possible a note says so.
	AddComment bool
	// DropDepth takes depth= out of the query: git makes no shallow clone of a
	// commit.
	DropDepth bool
	// Exact writes a version in the place of a range. Without it a range keeps
	// its operator and the number of its segments ("~> 1.2" becomes "~> 2.4"
	// for 2.4.1), and one that is more than a lower bound of that kind is
	// refused.
	Exact bool
}

// An Edit replaces bytes of the file at File, which is where the bytes are
// (hclparse.File.Real), at Line, counted from 1.
type Edit struct {
	File string
	Line int
	hclparse.Edit
}

// A Result is the edits of one call, by file and position, and what there is
// to say beside them.
type Result struct {
	Edits []Edit
	Notes []string
}

// Refused says why the pin of a call cannot be set where it is written. No
// credential is in it.
type Refused struct {
	Reason string // part of a sentence
	Hint   string // the next step, or ""
	File   string // as in Edit
	Line   int
}

func (r *Refused) Error() string {
	text := fmt.Sprintf("%s:%d: the pin cannot be set: %s", r.File, r.Line, r.Reason)
	if r.Hint != "" {
		text += "\nhint: " + r.Hint
	}
	return text
}

// Set makes the edits that give a call the pin. An empty Result says that it
// has it already. The error is a *Refused.
//
// A source or a version that is made of locals, defaults and templates is
// edited where its text stands, and that text may serve several calls: who
// applies the edits has to load the tree again, and see that the calls have
// what they should have. Of one call Set sees to that itself, as far as its
// text is written out; what functions make of an edited text it does not see.
//
// Several calls may get the same edit, which then is to be made once.
func Set(g *modules.Graph, c *lint.Call, p Pin) (Result, error) {
	s := &setter{g: g, call: c, pin: p}
	if err := s.set(); err != nil {
		if err.File == "" {
			err.File, err.Line = c.File().Real, c.Line()
		}
		return Result{}, err
	}
	slices.SortFunc(s.out.Edits, compare)
	return s.out, nil
}

func compare(a, b Edit) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
}

// A setter sets the pin of one call.
type setter struct {
	g    *modules.Graph
	call *lint.Call
	pin  Pin
	out  Result
}

func refuse(reason, hint string) *Refused { return &Refused{Reason: reason, Hint: hint} }

func (s *setter) set() *Refused {
	switch c := s.call; {
	case !printable(s.pin):
		return refuse("the comment that it is to have is no text of one line", "")
	case isTfr(c):
		return s.setTfr()
	case c.Known && c.Source.Kind == hclparse.KindRegistry:
		return s.setVersion()
	case c.Known && c.Source.Kind == hclparse.KindGit:
		return s.setRef()
	case !c.Known && knownButRef(c):
		return refuse("what its ref is, no file tells", "write the ref as one text")
	case !c.Known:
		return refuse("what its source is, no file tells", "write the source as one text")
	case c.Source.Kind == hclparse.KindLocal:
		return refuse("its source is a path in the same repository, which has no version", "")
	case !isAddress(c.Source):
		return refuse("its source is no address that can be read", "write it as git::https://HOST/PATH.git//SUBDIRECTORY?ref=REF")
	default:
		return refuse("its source is neither in git nor in a registry", "put git:: before the URL of a git repository")
	}
}

// knownButRef reports whether all but the ref of a source is known.
func knownButRef(c *lint.Call) bool {
	s, err := hclparse.ParseSource(c.Head)
	_, to, ok := s.ParamSpan("ref")
	return err == nil && s.Kind == hclparse.KindGit && ok && to == len(c.Head)
}

func isAddress(s hclparse.Source) bool {
	_, err := hclparse.ParseSource(s.String())
	return err == nil
}

// printable reports whether the comment is one that stays in its line.
func printable(p Pin) bool {
	return !strings.ContainsFunc(p.Comment, func(r rune) bool { return !unicode.IsPrint(r) }) && utf8.ValidString(p.Comment)
}
