// Package pins moves calls from one version of their module to another: which
// calls, to which release, and what becomes of the files that they stand in.
//
// It decides and computes in memory. It asks no remote (package versions has
// asked before), and writes no file: what it makes is for its caller to write
// or to commit. How a pin is written is package rewrite's.
package pins

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/rewrite"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A Place is where a call stands, in whatever number of environments.
type Place struct {
	Module *versions.Module
	// Uses are the call in each environment that was asked for, Others in those
	// that were not: a change of the place changes both.
	Uses, Others []*versions.Use
}

// use is the first of the uses: they differ in nothing but the environment.
func (p *Place) use() *versions.Use { return p.Uses[0] }

// Environments are those of Uses, in their order; "" is none.
func (p *Place) Environments() []string { return environments(p.Uses) }

func environments(uses []*versions.Use) []string {
	out := make([]string, 0, len(uses))
	for _, u := range uses {
		if !slices.Contains(out, u.Environment) {
			out = append(out, u.Environment)
		}
	}
	return out
}

// Places are the places of the set's calls, by file and line; keep says which
// of them count, nil for all.
func Places(s *versions.Set, keep func(*versions.Use) bool) []*Place {
	var out []*Place
	for _, m := range s.Modules {
		uses, others := m.Groups()
		for i := range uses {
			p := &Place{Module: m, Others: others[i]}
			for _, u := range uses[i] {
				if keep == nil || keep(u) {
					p.Uses = append(p.Uses, u)
				} else {
					p.Others = append(p.Others, u)
				}
			}
			if len(p.Uses) > 0 {
				out = append(out, p)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *Place) int {
		x, y := a.use(), b.use()
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line), cmp.Compare(x.Call.Name(), y.Call.Name()))
	})
	return out
}

// A Move is a place and what it is to become.
type Move struct {
	*Place
	// To is the release that it moves to; nil where the version stays, and only
	// the way changes in which it is written.
	To  *versions.Release
	Pin rewrite.Pin
	// Notes are said beside it, each a sentence's part.
	Notes []string
	// Same says that the module's files are equal in both versions; nil where
	// that is not known.
	Same *bool
	// Gone says that To does not have the module's directory any more.
	Gone bool
}

// A Skip is a place that stays as it is.
type Skip struct {
	Module       string
	Environments []string
	File         string
	Line         int
	Call         string // `module "vpc"`
	From         string // as it is written, "" for none
	Reason       string // what, as part of a sentence
	Hint         string // the next step, or ""
	// Asked says that what was asked for is not done: a call that is where it
	// should be is skipped as well.
	Asked bool
}

func (p *Place) skip(asked bool, reason, hint string) Skip {
	u := p.use()
	return Skip{
		Module: p.Module.Name, Environments: p.Environments(), File: u.File, Line: u.Line, Call: u.Call.Module(),
		From: u.Ref, Reason: reason, Hint: hint, Asked: asked,
	}
}

// An Edit is one place as it was changed.
type Edit struct {
	Module       string
	Environments []string
	File         string
	Line         int
	Call         string // `module "vpc"`; "" in a document
	From, To     string // the ref or the version argument, as it is and will be written
	// FromVersion and ToVersion are the releases' versions, "" where none is
	// known.
	FromVersion, ToVersion string
	Move                   *Move // nil in a document
	Notes                  []string

	bytes []rewrite.Edit
}

// A Result is what became of the moves.
type Result struct {
	Edits   []Edit // by file and line
	Skipped []Skip // by file and line
	Changes []lint.Change
	// After is the tree with the changes.
	After *modules.Graph
}

// Asked reports whether anything that was asked for is not done.
func (r *Result) Asked() bool {
	return slices.ContainsFunc(r.Skipped, func(s Skip) bool { return s.Asked })
}

func (r *Result) sort() {
	slices.SortStableFunc(r.Edits, func(a, b Edit) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Call, b.Call))
	})
	slices.SortStableFunc(r.Skipped, func(a, b Skip) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Call, b.Call))
	})
}

// list is an enumeration for people: "a, b and c".
func list(names []string) string {
	switch n := len(names); n {
	case 0:
		return "none"
	case 1:
		return names[0]
	default:
		return fmt.Sprintf("%s and %s", strings.Join(names[:n-1], ", "), names[n-1])
	}
}

// shownEnvironments names environments in a sentence.
func shownEnvironments(names []string) string {
	out := slices.Clone(names)
	for i, n := range out {
		if n == "" {
			out[i] = "a stack of no environment"
		}
	}
	return list(out)
}

// Rows are the moves as versions.Set.Unchanged takes them: one for each module
// and each two versions.
func Rows(moves []*Move) []*versions.Row {
	byKey := map[string]*versions.Row{}
	var out []*versions.Row
	for _, m := range moves {
		if m.To != nil && byKey[m.key()] == nil {
			r := &versions.Row{Module: m.Module, Environment: m.use().Environment, Uses: m.Uses, Allowed: m.To, Latest: m.To, Behind: 1}
			byKey[m.key()] = r
			out = append(out, r)
		}
	}
	return out
}

// Same takes from the rows whether the moves change anything in their module,
// and whether it is there still.
func Same(moves []*Move, rows []*versions.Row) {
	byKey := map[string]*versions.Row{}
	for _, r := range rows {
		byKey[(&Move{Place: &Place{Module: r.Module, Uses: r.Uses}, To: r.Allowed}).key()] = r
	}
	for _, m := range moves {
		if m.To == nil {
			continue
		}
		if r := byKey[m.key()]; r != nil {
			m.Same, m.Gone = r.Unchanged, r.Gone
		}
	}
}

func (m *Move) key() string {
	return fmt.Sprintf("%s\x00%s\x00%s\x00%s", m.Module.ID, m.use().Commit, m.use().Version(), m.To.Tag)
}

// Add takes what else was skipped.
func (r *Result) Add(skipped ...[]Skip) {
	r.Skipped = append(r.Skipped, slices.Concat(skipped...)...)
	r.sort()
}

// Revisions are what the two versions of a move are called at the module's
// remote: the tag, else the commit, else what is written. There is a To.
func (m *Move) Revisions() (from, to string) {
	u := m.use()
	return revision(u.Release, u.Commit, u.Ref), revision(m.To, m.To.Commit, m.To.Tag)
}

func revision(r *versions.Release, commit, ref string) string {
	switch {
	case r != nil && r.Tag != "":
		return r.Tag
	case commit != "":
		return commit
	case ref != "":
		return ref
	}
	return "HEAD"
}
