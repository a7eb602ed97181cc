// Package backend knows where the state of a stack should be: what its backend
// block should hold, what it holds, and which bytes to change. It finds units
// that share one state, and says how a state is moved.
//
// It reads and returns bytes. It writes no file, starts no terraform, asks no
// bucket, and moves no state.
package backend

// A Want is what the backend of one unit should be.
type Want struct {
	Type string // "s3"
	// Attributes are its arguments, as the block has them: "bucket", "key",
	// "assume_role.role_arn" for what is within an object. Bools are "true" and
	// "false". What is not here is left as it is.
	Attributes map[string]string
	// File and Line are where the configuration says it.
	File string
	Line int
	// Why is why it cannot be told; then there is no Type.
	Why string
}

// A Unit is a stack in one environment.
type Unit struct {
	Name          string // unique
	Environment   string // "" without one
	Account       string // "" without one
	Workspace     string // "" for terraform's default
	BackendConfig []string
	Want          Want
}

// A Stack is a directory with its units, one for each environment.
type Stack struct {
	Dir   string // from the root; "." for the root itself
	Units []Unit // by name; at least one
}

// A Status says how a unit's backend is to what it should be.
type Status string

// The statuses, the worst last.
const (
	Matches  Status = "matches"
	Missing  Status = "missing"      // there is no backend at all: the state is a local file
	Differs  Status = "differs"      // some arguments have other values, or are not there
	Partial  Status = "partial"      // the block leaves out where the state is, and no file of backend_config says it
	Other    Status = "other-type"   // a backend of another type, or a cloud block
	Computed Status = "computed"     // what it is cannot be told from the files
	Unwanted Status = "unconfigured" // the configuration does not say what it should be
	Broken   Status = "unreadable"   // a file that does not parse, or two backends
)

// A Difference is one argument.
type Difference struct {
	Attribute string // "key", "assume_role.role_arn"; "type" for the backend's type
	Have      string // "" where it is not there; redacted
	Want      string
	Absent    bool   // it is not there at all
	File      string // where it stands, or would
	Line      int
	// Moves says that another value means another place for the state.
	Moves bool
	// Fixed says that the plan changes it.
	Fixed bool
	// Why is why it is not changed; "" where it is, or needs only a yes.
	Why string
}

// A Finding is one unit.
type Finding struct {
	Unit        string
	Stack       string
	Environment string
	Status      Status
	// Partial says that arguments come from backend_config files; those were
	// merged in.
	Partial     bool
	File        string // of the backend block, or where it would be written
	Line        int    // 0 where there is none
	Differences []Difference
	Why         string // of Computed and Broken
	Warnings    []string
	// Migration is how the state follows; nil where its place stays.
	Migration *Migration
}

// A Migration is how the state of a unit gets to another place. Nobody but the
// reader runs it.
type Migration struct {
	From, To   string   // the places, for the reader
	Before     []string // what must be true, one sentence each
	Commands   []string // of a POSIX shell, every word quoted that needs it
	Undo       []string
	Workspaces []string // of the stack's environments; nil for default alone
}

// A Change is a file as it is to be.
type Change struct {
	Path          string
	Before, After []byte
	New           bool // there must be no file
}

// A Duplicate is two units whose state would be one.
type Duplicate struct {
	Units  []string // sorted
	Places []string // FILE:LINE of each
	Where  string   // the shared place
	Now    bool     // it is so already; else it would be, by the configuration
}

// A Plan is what was found, and what would be written.
type Plan struct {
	Findings   []Finding // by unit
	Duplicates []Duplicate
	Changes    []Change // by path
}

// Options is what the user asked for.
type Options struct {
	// Migrate says that places of states may change: without it such a change
	// is found, and left out.
	Migrate bool
	// Select chooses the units that are reported and changed; nil for all.
	Select func(unit string) bool
	// OnDisk says that there is a file, which the tree may leave out: git
	// ignores states and many files of backend_config. nil for the tree alone.
	OnDisk func(name string) bool
}

// Open reports whether something is left: any difference, or with written,
// which says that the plan's changes are made, one that they do not mend.
func (f Finding) Open(written bool) bool {
	switch f.Status {
	case Matches:
		return false
	case Other, Computed, Unwanted, Broken:
		return true
	}
	for _, d := range f.Differences {
		if !written || !d.Fixed {
			return true
		}
	}
	return false
}
