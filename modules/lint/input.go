package lint

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// An Input is all that the rules look at.
type Input struct {
	Graph *modules.Graph
	// Diags are those of loading the tree: what could not be read.
	Diags    hcl.Diagnostics
	Settings Settings
	// Environment returns the environment of a directory, "" for none.
	Environment func(dir string) string
	// Choice is what the configuration decides about packages.
	Choice modules.Choice
	// After holds for each environment those that it comes after.
	After map[string][]string
	// State says what the configuration adds to where a stack keeps its state.
	// Nil for nothing.
	State func(stack string) State
	// Lock is the lock file, nil where there is none.
	Lock *lock.File
	// Refs are the refs of remotes by lock.Address, each by full name
	// ("refs/tags/v1.0.0", "HEAD"). Nil where no remote was asked; a remote
	// that did not answer is missing.
	Refs map[string]map[string]repo.Ref
	// LockedSince says since when the lock file has an entry's commit, as part
	// of a sentence: "since 2026-01-15 (commit 1234567890ab)", "" where that is
	// not known. Nil where the lock file has no history.
	LockedSince func(e *lock.Entry) string
	// Pinned returns the source that callers of a module of the tree should
	// have: its repository and its newest release. It is false where there is
	// none. Nil where no source is configured.
	Pinned func(dir string) (source string, ok bool)
	// Changed are the paths that differ from the revision that --changed-since
	// names, deleted ones included; nil without it.
	Changed map[string]bool
	// Copies are the files that a split left as copies, by path.
	Copies map[string]Copy
	// Today is what the dates of ignores are held against.
	Today time.Time

	calls []*Call // of Calls, which asks for them once
}

// A State is what the configuration says about a stack's state.
type State struct {
	Workspace string // that it runs in, "" for the default one
	// Completed says that the backend has arguments from elsewhere
	// (backend_config), so that the files alone do not say where the state is.
	Completed bool
}

// A Copy is a file that another repository owns.
type Copy struct {
	Owner  string // the repository: "modules/vpc.git"
	Digest string // "sha256:…" of its bytes
}

// Settings are what the configuration says about the rules.
type Settings struct {
	// Rules by name; one that is missing is as the rule itself says.
	Rules map[string]RuleSettings
	// Environments holds the severity of a rule in an environment, by
	// environment and rule.
	Environments map[string]map[string]Severity
	// Exclude are globs of files in which nothing is found.
	Exclude []string
}

// RuleSettings are what the configuration says about one rule.
type RuleSettings struct {
	Severity Severity // "" for the rule's own
	Exclude  []string // globs of files
	Hosts    []string // disallowed-host: globs of the hosts that are allowed
	Paths    []string // frozen-path: globs of the paths that have moved out
	Schemes  []string // insecure-transport: more that are allowed
}
