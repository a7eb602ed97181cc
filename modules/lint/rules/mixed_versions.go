package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

var mixedVersions = &lint.Rule{
	Name:     "mixed-versions",
	Summary:  "One module in several versions within one stack",
	Severity: lint.Warn,
	Check: func(p *lint.Pass) {
		m := &mixed{facts: newFacts(p), found: map[*lint.Call]*mix{}, versions: map[*lint.Call]*callVersion{}}
		m.look(index(p, false))
		if hasTofu(p.Input) {
			m.look(index(p, true))
		}
		for _, c := range p.Calls {
			if x := m.found[c]; x != nil {
				m.report(c, x)
			}
		}
	},
}

// A callVersion is what a call has of its module.
type callVersion struct {
	call    *lint.Call
	module  string           // its identity
	text    string           // as a sentence has it
	release *modules.Release // nil for a commit that nothing names
	commit  string           // "" where it is not known
}

// A mix is the newest version that a call's stacks have of its module.
type mix struct {
	own, newest callVersion
	stacks      map[string]bool
}

type mixed struct {
	*facts
	found    map[*lint.Call]*mix
	versions map[*lint.Call]*callVersion // nil for what is not compared
}

// look compares the calls of each stack. Undecided directories may be stacks.
func (m *mixed) look(calls callIndex) {
	for _, d := range m.Graph.Sorted() {
		if d.Role != modules.RoleStack && d.Role != modules.RoleUndecided {
			continue
		}
		byModule := map[string][]callVersion{}
		for _, dir := range reached(m.Input, d.Path) {
			for _, c := range calls[dir] {
				v, seen := m.versions[c]
				if !seen {
					v = m.versionOf(c)
					m.versions[c] = v
				}
				if v != nil {
					byModule[v.module] = append(byModule[v.module], *v)
				}
			}
		}
		for _, all := range byModule {
			m.compare(d.Path, all)
		}
	}
}

// versionOf is nil for what moves by itself, which other rules report, and
// for the branches of a conditional, of which one is in use.
func (m *mixed) versionOf(c *lint.Call) *callVersion {
	id := modules.Identity(c.Source)
	if !c.Known || id == "" || c.Call.Terragrunt != nil && c.Call.Terragrunt.Conditional {
		return nil
	}
	v := &callVersion{call: c, module: id, release: m.releaseAt(c)}
	switch c.Pin {
	case hclparse.PinCommit:
		v.commit = strings.ToLower(c.Source.Ref)
		v.text = "commit " + short(v.commit)
		if v.release != nil {
			v.text = v.release.Prefix + v.release.Version.Original() + " (" + v.text + ")"
		}
	case hclparse.PinTag:
		v.text = tagName(c.Source.Ref)
		if refs, ok := m.Remote(c); ok {
			_, tag, ok := findTag(refs, c.Source.Ref, shallow(c))
			if !ok {
				return nil // no version at all: unknown-ref has it
			}
			v.commit = tag.Commit.String()
		} else if e := m.Locked(c); e != nil {
			v.commit = strings.ToLower(e.Commit)
		}
	case hclparse.PinExact:
		v.text = strings.TrimSpace(c.Version)
	default:
		return nil
	}
	return v
}

// A verdict is what can be told about two versions.
type verdict int

const (
	unknown verdict = iota
	same
	other
)

// compareVersions goes by the commits or, where one of them is not known, by
// the versions. A release with and without v is two tags, of which nobody but
// the remote knows whether they are one commit.
func compareVersions(a, b callVersion) verdict {
	equal := false
	switch {
	case a.commit != "" && b.commit != "":
		equal = a.commit == b.commit
	case a.release != nil && b.release != nil:
		equal = a.release.Version.Original() == b.release.Version.Original()
	case a.text != b.text:
		return unknown
	}
	if equal {
		return same
	}
	return other
}

func (m *mixed) compare(stack string, all []callVersion) {
	// What cannot be compared with the newest is compared with each other: two
	// commits are two, also where nobody knows which of them the tag is at.
	for len(all) > 1 {
		newest := slices.MaxFunc(all, newer)
		var rest []callVersion
		for _, v := range all {
			switch compareVersions(v, newest) {
			case unknown:
				rest = append(rest, v)
			case other:
				m.add(stack, v, newest)
			}
		}
		all = rest
	}
}

// newer orders versions, those with a release behind all others; of equal ones
// the first in the files is the greatest.
func newer(a, b callVersion) int {
	switch {
	case a.release == nil && b.release != nil:
		return -1
	case a.release != nil && b.release == nil:
		return 1
	case a.release != nil:
		if n := cmp.Or(a.release.Version.Compare(b.release.Version), cmp.Compare(a.release.Version.Metadata(), b.release.Version.Metadata())); n != 0 {
			return n
		}
	}
	return compareCalls(b.call, a.call)
}

func (m *mixed) add(stack string, v, newest callVersion) {
	x := m.found[v.call]
	if x == nil {
		x = &mix{own: v, newest: newest, stacks: map[string]bool{}}
		m.found[v.call] = x
	}
	x.stacks[stack] = true
}

func compareCalls(a, b *lint.Call) int {
	return cmp.Or(cmp.Compare(a.File().Path, b.File().Path), cmp.Compare(a.SourceRange().Start.Byte, b.SourceRange().Start.Byte))
}

func (m *mixed) report(c *lint.Call, x *mix) {
	at := c.SourceRange()
	switch {
	case c.Pin == hclparse.PinExact && c.VersionRange.Filename == c.File().Path:
		at = c.VersionRange
	case c.Pin != hclparse.PinExact:
		at = c.ParamRange("ref")
	}
	at.Filename = c.File().Path
	what := "is at " + x.own.text + ", and the newest in its stack is " + x.newest.text
	if x.own.release == nil || x.newest.release == nil || x.own.release.Prefix != x.newest.release.Prefix || x.own.release.Version.Equal(x.newest.release.Version) {
		what = "is at " + x.own.text + ", and its stack has " + x.newest.text + " as well"
	}
	first := sorted(x.stacks)[0]
	stack := "the stack " + first
	if n := len(x.stacks); n > 1 {
		stack = fmt.Sprintf("%d stacks, %s among them,", n, first)
	}
	m.Report(lint.Finding{
		Range:   at,
		Subject: c.Subject(),
		Summary: upper(c.Module()) + " " + what,
		Detail:  "Two versions of one module in " + stack + " mean two behaviours under one name, and a change that is fixed in one of them only. Take one version for all its calls.",
		Related: []lint.Related{where(x.newest.call, "the call with "+x.newest.text)},
	})
}
