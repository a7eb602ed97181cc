package lock

import (
	"cmp"
	"slices"
)

// Rule names what a Problem is about.
type Rule string

// The rules. What they mean is in RuleDocs.
const (
	NotLocked    Rule = "not-locked"
	MovedTag     Rule = "moved-tag"
	MovedBranch  Rule = "moved-branch"
	MovedRange   Rule = "moved-range"
	MovedVersion Rule = "moved-version"
	UnknownRef   Rule = "unknown-ref"
	AmbiguousRef Rule = "ambiguous-ref"
	UnsafeRef    Rule = "unsafe-ref"
	HashDiffers  Rule = "hash-differs"
	UnusedEntry  Rule = "unused-entry"
	NotLockable  Rule = "not-lockable"
	UnreadCall   Rule = "unread-call"
	NotChecked   Rule = "not-checked"
)

// RuleDocs says in a line what each rule means.
var RuleDocs = map[Rule]string{
	NotLocked:    "a call has no entry in the lock file",
	MovedTag:     "a tag leads to another commit than it was locked to",
	MovedBranch:  "a branch is on another commit than it was locked to",
	MovedRange:   "a constraint leads to another version than it was locked to",
	MovedVersion: "a registry's version is another commit than it was locked to",
	UnknownRef:   "the remote has no such ref, commit or version (any more)",
	AmbiguousRef: "one source and ref mean two commits, or nobody can tell which",
	UnsafeRef:    "git would take it for an option, or run a program for it",
	HashDiffers:  "the files of a package are not those that were locked",
	UnusedEntry:  "nothing calls what an entry locks",
	NotLockable:  "a source is of a kind that no lock can hold",
	UnreadCall:   "a call, or a file that may have calls, cannot be read",
	NotChecked:   "the package is not at hand, so nothing of it was checked",
}

// Rules lists the rules in the order in which they are documented.
func Rules() []Rule {
	return []Rule{NotLocked, MovedTag, MovedBranch, MovedRange, MovedVersion, UnknownRef, AmbiguousRef, UnsafeRef, HashDiffers, UnusedEntry, NotLockable, UnreadCall, NotChecked}
}

// A Place is where a call stands.
type Place struct {
	// Package is the address and ref of the package that the file is in; ""
	// for the tree that is locked.
	Package string
	File    string // a slash path in the package or tree
	Line    int
}

// A Problem is something that is not as the lock has it, or that cannot be
// locked.
type Problem struct {
	Rule Rule
	// beyond says that the source is none of git or a registry: the file that
	// names it is as it should be, and the lock does not go so far.
	beyond bool
	// Source is the address as the lock file has it; of what has none the
	// source without credentials.
	Source string
	Ref    string // or the version constraint
	// Locked and Found are commits; "" where there is none. Of moved-range
	// they are commits too, where the versions have them.
	Locked, Found string
	// Summary is a sentence, Hint the next step or "".
	Summary, Hint string
	Place         Place
	// Entry is the entry that it is about, nil where there is none.
	Entry *Entry
	// Since is how long the lock has known Locked; nil where that was not
	// asked, or is not known (see Since).
	Since *Since
}

func (p *Problem) compare(q *Problem) int {
	return cmp.Or(
		cmp.Compare(p.Place.Package, q.Place.Package), cmp.Compare(p.Place.File, q.Place.File), cmp.Compare(p.Place.Line, q.Place.Line),
		cmp.Compare(p.Rule, q.Rule), cmp.Compare(p.Source, q.Source), cmp.Compare(p.Ref, q.Ref), cmp.Compare(p.Summary, q.Summary))
}

func sortProblems(ps []Problem) []Problem {
	slices.SortFunc(ps, func(a, b Problem) int { return a.compare(&b) })
	return slices.CompactFunc(ps, func(a, b Problem) bool { return a.compare(&b) == 0 })
}

// A Failure is a remote or a registry that did not do what it was asked, or a
// mirror that cannot be read. What depends on it was not checked.
type Failure struct {
	Source  string // an address without credentials
	Summary string
	Hint    string
}
