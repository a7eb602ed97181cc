package lock

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// A Call is a module call, or a terragrunt source, to something outside of its
// package.
type Call struct {
	Source  hclparse.Source
	Version string // the constraint of a registry call
	Place   Place
}

// ref is what Entry.Ref is for the call.
func (c *Call) ref() string {
	if c.Source.Kind == hclparse.KindRegistry {
		return c.Version
	}
	return c.Source.Ref
}

func compareCalls(a, b Call) int {
	return cmp.Or(
		cmp.Compare(a.Place.Package, b.Place.Package), cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line),
		cmp.Compare(a.Source.String(), b.Source.String()), cmp.Compare(a.Version, b.Version))
}

// Roots returns the calls of a tree that leave it, sorted, and what there is
// of calls that cannot be read; diags are those of loading the tree.
// Every directory counts, as it does for lint: one that the configuration says
// to leave where it is calls its modules all the same.
func Roots(g *modules.Graph, diags hcl.Diagnostics) ([]Call, []Problem) {
	var calls []Call
	problems := unreadFiles(diags, g.Tree, "")
	evaluate := evaluator(g)
	for _, d := range g.Sorted() {
		c, _, p := callsOf(d.Config, "", evaluate)
		calls, problems = append(calls, c...), append(problems, p...)
	}
	for _, c := range g.Calls {
		if c.Terragrunt == nil || c.Target != "" {
			continue
		}
		place := Place{File: c.File().Path, Line: c.Line()}
		t := c.Terragrunt
		source, known := t.Source, t.Static
		if !known {
			// A file that several units include means another source in each.
			source, known = address(g, c)
		}
		switch {
		case !known:
			problems = append(problems, computed(place, "the terragrunt source"))
		case t.SourceErr != nil:
			problems = append(problems, noAddress(place, t.Source))
		case source.Kind != hclparse.KindLocal:
			calls = append(calls, Call{Source: source, Place: place})
		}
	}
	slices.SortFunc(calls, compareCalls)
	return calls, sortProblems(problems)
}

// A reading tells of a call whose source is no literal what the files make of
// it.
type reading func(*hclparse.Call) (hclparse.Source, bool)

// evaluator is the reading of a graph.
func evaluator(g *modules.Graph) reading {
	type place struct {
		file *hclparse.File
		at   hcl.Range
	}
	calls := map[place]*modules.Call{}
	for _, c := range g.Calls {
		if c.Terragrunt == nil {
			calls[place{c.File(), c.SourceRange()}] = c
		}
	}
	return func(c *hclparse.Call) (hclparse.Source, bool) {
		return address(g, calls[place{c.File, c.SourceRange}])
	}
}

func address(g *modules.Graph, c *modules.Call) (hclparse.Source, bool) {
	if c == nil {
		return hclparse.Source{}, false
	}
	a := g.Address(c)
	s, err := hclparse.ParseSource(a.Text)
	return s, a.Whole && err == nil
}

// unreadFiles are the directories that could not be listed and the symlinks
// that could not be followed: those that are no file of the tree. (What is
// wrong in a file is for callsOf to say.)
func unreadFiles(diags hcl.Diagnostics, t *hclparse.Tree, pkg string) []Problem {
	files := map[string]bool{}
	for _, m := range t.Modules {
		for _, f := range m.Files {
			files[f.Path] = true
		}
	}
	var problems []Problem
	for _, d := range diags {
		if d.Subject == nil || files[d.Subject.Filename] || path.Base(d.Subject.Filename) == "terragrunt.hcl" {
			continue
		}
		files[d.Subject.Filename] = true
		text, hint, _ := strings.Cut(d.Detail, "\nhint: ")
		problems = append(problems, Problem{Rule: UnreadCall, Place: Place{Package: pkg, File: d.Subject.Filename}, Source: pkg,
			Summary: fmt.Sprintf("%s: %s", d.Summary, text), Hint: hint})
	}
	return problems
}

// callsOf returns what terraform and OpenTofu call from a directory, override
// files merged: calls that leave the package, and the paths of those that do
// not. evaluate tells of the source at a range, which is no literal, what the
// files make of it.
func callsOf(m *hclparse.Module, pkg string, evaluate reading) (calls []Call, local []hclparse.Call, problems []Problem) {
	for _, f := range m.Files {
		if f.Syntax != hclparse.Terragrunt && f.Broken() {
			at := Place{Package: pkg, File: f.Path, Line: 1}
			what := "it does not parse"
			for _, d := range f.Diags {
				if d.Subject != nil && d.Subject.Start.Line > 0 {
					at.Line, what = d.Subject.Start.Line, d.Summary
					break
				}
			}
			problems = append(problems, Problem{Rule: UnreadCall, Place: at, Source: pkg,
				Summary: fmt.Sprintf("the calls of this file are not known: %s", what), Hint: "mend the file: terraform cannot read it either"})
		}
	}
	type key struct{ file, source, version string }
	seen := map[key]bool{}
	for _, tofu := range []bool{false, true} {
		for _, c := range m.Effective(tofu) {
			place := Place{Package: pkg, File: c.File.Path, Line: c.Block.Start.Line}
			if c.HasSource {
				place.Line = c.SourceRange.Start.Line
			}
			k := key{fmt.Sprint(place.File, place.Line), c.Raw, c.Version}
			if seen[k] {
				continue
			}
			seen[k] = true
			source, known := c.Source, c.Static
			if c.HasSource && !known {
				source, known = evaluate(c)
			}
			switch {
			case (!c.HasSource || !known) && c.File.Broken():
				// that was said, and what it should have been nobody knows
			case !c.HasSource:
				problems = append(problems, Problem{Rule: UnreadCall, Place: place, Source: pkg, Summary: fmt.Sprintf("module %q has no source", c.Name)})
			case !known:
				problems = append(problems, computed(place, fmt.Sprintf("the source of module %q", c.Name)))
			case c.SourceErr != nil:
				problems = append(problems, noAddress(place, c.Source))
			case source.Kind == hclparse.KindLocal:
				l := *c
				l.Source, l.Raw = source, source.String()
				local = append(local, l)
			case source.Kind == hclparse.KindRegistry && c.Version == "" && c.VersionRange.Filename != "":
				problems = append(problems, Problem{Rule: UnreadCall, Place: place, Source: Address(source),
					Summary: fmt.Sprintf("the version of module %q is computed, or empty, so what it calls is not known", c.Name), Hint: "write the version as a plain string"})
			default:
				calls = append(calls, Call{Source: source, Version: c.Version, Place: place})
			}
		}
	}
	return calls, local, problems
}

func computed(at Place, what string) Problem {
	return Problem{Rule: UnreadCall, Place: at, Source: at.Package, Summary: what + " is computed, so what it calls is not known", Hint: "write the source as a plain string"}
}

func noAddress(at Place, s hclparse.Source) Problem {
	return Problem{Rule: NotLockable, Place: at, Source: redacted(s.String()), Summary: "the source is no module address", Hint: "write ./ or ../ before a path in the same repository, git:: before the URL of a git repository"}
}
