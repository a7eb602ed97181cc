package rewrite

import (
	"fmt"
	"net/url"
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

func noVersion() *Refused {
	return refuse("its source is in a registry, and what is to be set is no version", "")
}

// setTfr sets the version parameter of a tfr:// source or, where it has none,
// the version argument of the terraform block.
func (s *setter) setTfr() *Refused {
	from, to, ok := s.call.Source.ParamSpan("version")
	switch {
	case s.pin.Version == "":
		return noVersion()
	case (!ok || from == to) && s.call.VersionRange.Filename != "":
		return s.setVersion()
	case !ok:
		return refuse("it has no version", "write ?version="+s.pin.Version+" at the end of its source")
	}
	text, err := url.QueryUnescape(s.call.Source.String()[from:to])
	if err != nil {
		return refuse("its version is not well formed", "write ?version="+s.pin.Version)
	}
	// Terragrunt takes one version there, and no constraint.
	if m := oneTerm.FindStringSubmatch(text); text != "" && !s.pin.Exact && (m == nil || m[2] != "") {
		return refuse(fmt.Sprintf("its version is %q, and terragrunt takes no range in a source", hclparse.Redact(text)), "write ?version="+s.pin.Version)
	}
	p := s.pin
	p.Exact = true
	made, refused := versionSplices(text, p)
	if refused != nil || len(made) == 0 {
		return refused
	}
	w, refused := s.source()
	if refused != nil {
		return refused
	}
	if e := &made[0]; text == w.text[from:to] {
		*e = splice{from + e.from, from + e.to, url.QueryEscape(e.text)} // the rest may stand elsewhere
	} else {
		*e = splice{from, to, url.QueryEscape(made.apply(text))}
	}
	edits, refused := w.edits(made, "its version")
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
		return noVersion()
	case c.VersionRange.Filename == "":
		return refuse("it has no version argument", fmt.Sprintf("write version = %q", s.pin.Version))
	}
	refused := s.setArgument()
	if f := s.file(c.VersionRange.Filename); refused != nil && f != nil {
		refused.File, refused.Line = f.Real, c.VersionRange.Start.Line
	}
	return refused
}

func (s *setter) setArgument() *Refused {
	w, refused := s.version()
	if refused != nil {
		return refused
	}
	made, refused := versionSplices(w.text, s.pin)
	if refused != nil {
		return refused
	}
	edits, refused := w.edits(made, "its version")
	if refused != nil {
		return refused
	}
	s.add(edits...)
	return nil
}

// version is the text of the version argument.
func (s *setter) version() (*written, *Refused) {
	c, r := s.call, s.call.VersionRange
	hint := fmt.Sprintf("write version = %q", s.pin.Version)
	f := s.file(r.Filename)
	if f == nil {
		return nil, refuse("its version is in a file that is not read", hint)
	}
	if w, ok := literal(f.Bytes, r.Start.Byte, r.End.Byte, c.Version, f.Real, f.Syntax == hclparse.JSON); ok {
		return w, nil
	}
	if c.Version != "" {
		return nil, refuse("its version is not written as one quoted text", hint)
	}
	a := s.g.Version(c.Call, r)
	if !a.Whole || a.Text == "" {
		return nil, refuse("what its version is, no file tells", hint)
	}
	return s.computed(a), nil
}

var oneTerm = regexp.MustCompile(`^(\s*(~>|>=|<=|!=|=|>|<)?\s*[vV]?)([0-9]+(?:\.[0-9]+)*)((?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)\s*$`)

// versionSplices are the changes of a version constraint.
func versionSplices(text string, p Pin) (splices, *Refused) {
	want, err := version.NewSemver(p.Version)
	if err != nil {
		return nil, refuse(strconv.Quote(p.Version)+" is no version", "")
	}
	p.Version = strings.TrimLeft(p.Version, "vV") // what is written may have one
	hint := fmt.Sprintf("write version = %q, or change the constraint by hand", p.Version)
	m := oneTerm.FindStringSubmatchIndex(text)
	operator := ""
	if m != nil && m[4] >= 0 {
		operator = text[m[4]:m[5]]
	}
	whole := strings.TrimSpace(text)
	start := strings.Index(text, whole)
	shown := hclparse.Redact(whole)
	switch {
	case m != nil && (operator == "" || operator == "="):
		if old, err := version.NewVersion(text[m[6]:m[9]]); err == nil && old.Equal(want) && old.Metadata() == want.Metadata() {
			return nil, nil
		}
		return splices{{m[6], m[9], p.Version}}, nil
	case p.Exact:
		return splices{{start, start + len(whole), p.Version}}, nil
	case whole == "":
		return nil, refuse("its version is empty", hint)
	case m == nil && !isConstraint(whole):
		return nil, refuse(fmt.Sprintf("its version is %q, which is no constraint", shown), hint)
	case m == nil:
		return nil, refuse(fmt.Sprintf("its version is the constraint %q, of more than one term", shown), hint)
	case operator != "~>":
		return nil, refuse(fmt.Sprintf("its version is the constraint %q, which has no newest version in it", shown), hint)
	}
	segments := strings.Count(text[m[6]:m[7]], ".") + 1
	numbers := strings.Split(want.Core().String(), ".")
	if segments > len(numbers) {
		return nil, refuse(fmt.Sprintf("its version is the constraint %q, with more numbers than a version", shown), hint)
	}
	fresh := strings.Join(numbers[:segments], ".")
	if segments == len(numbers) {
		fresh = p.Version
	}
	after := text[:m[6]] + fresh
	if all, err := version.NewConstraint(after); err != nil || !all.Check(want) {
		return nil, refuse(fmt.Sprintf("no constraint like %q takes %s", shown, p.Version), hint)
	}
	if fresh == text[m[6]:m[9]] {
		return nil, nil
	}
	return splices{{m[6], m[9], fresh}}, nil
}

func isConstraint(text string) bool {
	_, err := version.NewConstraint(text)
	return err == nil
}
