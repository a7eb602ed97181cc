// Package change compares two versions of a module: what changed in its
// interface and in what its state depends on, the semver level that this calls
// for, and which calls break.
//
// It reads what hclparse loaded, and computes. It knows neither git nor where a
// version comes from, and evaluates nothing but literals.
package change

import (
	"cmp"
	"slices"
)

// Level is a part of a semantic version.
type Level string

const (
	None  Level = "none"  // nothing that a caller or terraform sees
	Patch Level = "patch" // what the module does, not how it is called
	Minor Level = "minor" // something new, or a different behaviour, that no call has to follow
	Major Level = "major" // a call, a plan or a state may break
)

func (l Level) rank() int { return slices.Index([]Level{None, Patch, Minor, Major}, l) }

// Less reports whether l is a lower level than m.
func (l Level) Less(m Level) bool { return l.rank() < m.rank() }

// Kind says what changed. Docs has a line for each.
type Kind string

// A Change is one difference between two versions of a module.
type Change struct {
	Kind  Kind
	Level Level
	// Module is the directory that it is in, relative to the module's own:
	// "." for itself, "modules/x" for a submodule.
	Module string
	// Subject is what changed: variable.NAME, output.NAME, provider.NAME,
	// terraform, module.NAME, or a resource's address in its module.
	Subject string
	// File and Line are where it stands in the new version; in the old one,
	// with Gone set, where it is in the new one no more.
	File string
	Line int
	Gone bool
	// Old and New are what was written and what is; "" where there is none.
	// What is sensitive is not in them.
	Old, New string
	// Summary is a sentence without its full stop.
	Summary string
}

// Highest is the level that changes call for together, None for no changes.
func Highest(changes []Change) Level {
	level := None
	for _, c := range changes {
		if level.Less(c.Level) {
			level = c.Level
		}
	}
	return level
}

// sorted puts the highest level first, then goes by module and subject, and
// drops repeats.
func sorted(changes []Change) []Change {
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(b.Level.rank(), a.Level.rank()), cmp.Compare(a.Module, b.Module), cmp.Compare(a.Subject, b.Subject),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Summary, b.Summary), cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New))
	})
	return slices.Compact(changes)
}
