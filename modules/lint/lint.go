// Package lint judges how modules are called: it runs rules over the graph of
// a tree, and says where each finding is, how bad it is, and where there is one
// right answer, what to write instead.
//
// It reads no file, asks no remote and writes nothing: all that a rule looks at
// is in its Input. The rules are in package rules.
package lint

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
)

// Severity says how bad a finding is.
type Severity string

const (
	Off   Severity = "off"   // a rule that does not run; no finding has it
	Info  Severity = "info"  // worth knowing
	Warn  Severity = "warn"  // likely to be wrong
	Error Severity = "error" // must not be merged
)

// Severities are all of them, the mildest first.
var Severities = []Severity{Off, Info, Warn, Error}

// AtLeast reports whether s is as bad as t, or worse.
func (s Severity) AtLeast(t Severity) bool { return s.rank() >= t.rank() }

func (s Severity) rank() int {
	for i, other := range Severities {
		if s == other {
			return i
		}
	}
	return 0
}

// A Rule is one thing that lint looks for.
type Rule struct {
	Name    string // kebab-case
	Summary string // what it finds, in a line of at most 70 characters, no full stop
	Doc     string // its page, in Markdown
	// Severity is that of its findings where neither the configuration nor
	// the finding says otherwise.
	Severity Severity
	// Fixes says that some of its findings have a fix.
	Fixes bool
	// Options are the settings that it has beside severity and exclude.
	Options []string
	// Needs says what the rule cannot judge without.
	Needs Need
	// Ready reports whether all that the rule needs is there, so that where it
	// finds nothing there is nothing. Nil is never, for a rule that needs
	// something, and else always.
	Ready func(*Input) bool
	Check func(*Pass) // nil for those that Run itself reports
}

// Need is what a rule needs beside the files. A rule is silent where it is
// missing.
type Need string

const (
	NeedNothing Need = ""
	NeedConfig  Need = "configuration" // something in terrier.hcl
	NeedRefs    Need = "lock or remote"
	NeedLock    Need = "lock"
	NeedRemote  Need = "--remote"
	NeedBoth    Need = "lock and --remote"
	NeedChanges Need = "--changed-since"
)

// A Finding is something that a rule found.
type Finding struct {
	Rule     string
	Severity Severity
	// Range is where it is; Filename is a path of the tree.
	Range hcl.Range
	// Summary is one sentence, which names what was found; without
	// credentials, as everything in a Finding.
	Summary string
	// Detail says why it matters and what to do; "" where the summary does.
	Detail string
	// Subject is what it is about, without its place: two findings of one rule
	// in one file with one subject are the same finding, also where the lines
	// have moved.
	Subject string
	// Related are other places that belong to it.
	Related []Related
	// Fix is the one right answer, nil where there is none.
	Fix *Fix

	// Fingerprint identifies the finding in its file across moved lines: 64
	// hexadecimal digits. Run sets it.
	Fingerprint string
}

// A Related is another place that belongs to a finding.
type Related struct {
	Range hcl.Range
	Text  string // what is there, as part of a sentence: "the other call"
}

// A Fix is an edit of the finding's own file.
type Fix struct {
	Summary string // what it does, as an order: "Write https:// instead of http://"
	Edits   []hclparse.Edit
}
