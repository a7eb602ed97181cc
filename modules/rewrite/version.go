package rewrite

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// isTfr reports whether a source is terragrunt's address of a registry, which
// has the version in its query.
func isTfr(c *lint.Call) bool {
	return c.Known && c.Call.Terragrunt != nil && strings.HasPrefix(c.Source.String(), "tfr://")
}

// setTfr sets the version parameter of a tfr:// source or, where it has none,
// the version argument of the terraform block.
func (s *setter) setTfr() *Refused {
	from, to, ok := s.call.Source.ParamSpan("version")
	if !ok || from == to {
		return s.setVersion()
	}
	if s.pin.Version == "" {
		return refuse("its source is in a registry, and what is to be set is no version", "")
	}
	text := s.call.Source.String()[from:to]
	made, refused := versionSplices(text, s.pin)
	if refused != nil || len(made) == 0 {
		return refused
	}
	w, refused := s.source()
	if refused != nil {
		return refused
	}
	for i := range made {
		made[i].from, made[i].to = made[i].from+from, made[i].to+from
		made[i].text = strings.ReplaceAll(made[i].text, "+", "%2B")
	}
	edits, refused := w.edits(made)
	if refused != nil {
		return refused
	}
	s.add(edits...)
	return nil
}

func (s *setter) setVersion() *Refused {
	c := s.call
	switch {
	case s.pin.Version == "":
		return refuse("its source is in a registry, and what is to be set is no version", "")
	case c.VersionRange.Filename == "":
		return refuse("it has no version argument", fmt.Sprintf("write version = %q", s.pin.Version))
	}
	w, refused := s.version()
	if refused != nil {
		return refused
	}
	made, refused := versionSplices(w.text, s.pin)
	if refused != nil || len(made) == 0 {
		return refused
	}
	edits, refused := w.edits(made)
	if refused != nil {
		return refused
	}
	s.add(edits...)
	return nil
}

// version is the text of the version argument.
func (s *setter) version() (*written, *Refused) {
	c, r := s.call, s.call.VersionRange
	f := s.file(r.Filename)
	if f == nil {
		return nil, refuse("its version is in a file that is not read", "")
	}
	if w, ok := literal(f.Bytes, r.Start.Byte, r.End.Byte, c.Version, f.Real, f.Syntax == hclparse.JSON); ok {
		return w, nil
	}
	return nil, refuse("its version is not written as one quoted text", fmt.Sprintf("write version = %q", s.pin.Version))
}

var oneTerm = regexp.MustCompile(`^(\s*(~>|>=|<=|!=|=|>|<)?\s*[vV]?)([0-9]+(?:\.[0-9]+)*)((?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)\s*$`)

// versionSplices are the changes of a version constraint.
func versionSplices(text string, p Pin) (splices, *Refused) {
	want, err := version.NewSemver(p.Version)
	if err != nil {
		return nil, refuse(strconv.Quote(p.Version)+" is no version", "")
	}
	hint := fmt.Sprintf("write version = %q, or change the constraint by hand", p.Version)
	m := oneTerm.FindStringSubmatchIndex(text)
	operator := ""
	if m != nil && m[4] >= 0 {
		operator = text[m[4]:m[5]]
	}
	whole := strings.TrimSpace(text)
	start := strings.Index(text, whole)
	fresh := ""
	switch {
	case m != nil && (operator == "" || operator == "="):
		if old, err := version.NewVersion(text[m[6]:m[9]]); err == nil && old.Original() == want.Original() {
			return nil, nil
		}
		return splices{{m[6], m[9], p.Version}}, nil
	case p.Exact:
		return splices{{start, start + len(whole), p.Version}}, nil
	case whole == "":
		return nil, refuse("its version is empty", hint)
	case m == nil:
		return nil, refuse(fmt.Sprintf("its version is the constraint %q, of more than one term", whole), hint)
	case operator != "~>":
		return nil, refuse(fmt.Sprintf("its version is the constraint %q, which has no newest version in it", whole), hint)
	}
	segments := strings.Count(text[m[6]:m[7]], ".") + 1
	numbers := strings.Split(want.Core().String(), ".")
	if segments > len(numbers) {
		return nil, refuse(fmt.Sprintf("its version is the constraint %q, with more numbers than a version", whole), hint)
	}
	fresh = strings.Join(numbers[:segments], ".")
	if segments == len(numbers) {
		fresh = p.Version
	}
	after := text[:m[6]] + fresh
	if all, err := version.NewConstraint(after); err != nil || !all.Check(want) {
		return nil, refuse(fmt.Sprintf("no constraint like %q takes %s", whole, p.Version), hint)
	}
	if fresh == text[m[6]:m[9]] {
		return nil, nil
	}
	return splices{{m[6], m[9], fresh}}, nil
}
