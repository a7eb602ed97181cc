// Package store knows the runs of a clone: what was planned, with the saved
// plans, who approved it, and how far applying it has come. The layout and the
// rules are in README.md.
//
// It neither runs terraform nor decides whether a plan may be applied, and has
// no clock: now is handed in.
package store

import (
	"errors"
	"io"
	"time"
)

// Errors that a caller decides by.
var (
	// ErrForeign is a run that this key did not seal: it came from another
	// machine, or was edited. A *ForeignError.
	ErrForeign = errors.New("the run was not sealed with this key")
	// ErrNoRun is an id that no run has.
	ErrNoRun = errors.New("there is no such run")
	// ErrLocked is a run, or a stack, that another terrier is applying. A *LockedError.
	ErrLocked = errors.New("another terrier is applying it")
	// ErrAltered is a plan that is not the one of the manifest. An *AlteredError.
	ErrAltered = errors.New("the plan was altered")
)

// A Store is the runs below the directory of a terrier.hcl. Its methods may be
// called from several goroutines.
type Store struct{}

// Open opens the runs below dir, the directory of terrier.hcl. team is the key
// that several machines share (TERRIER_RUNS_KEY), of at least MinKey bytes; with
// none the clone's own, .terrier/key, is made on first use. Nothing is written
// before Create.
func Open(dir string, team []byte) (*Store, error) { panic("to come") }

// Create makes the run's folder with its manifest, and sets ID, Time,
// FormatVersion and KeyID. The folder is there whole or not at all.
func (s *Store) Create(r *Run, now time.Time) error { panic("to come") }

// Save writes the manifest anew, sorted and sealed: after a crash there is the
// old one or the new one.
func (s *Store) Save(r *Run) error { panic("to come") }

// Load reads a run, by its id or by "latest". ErrNoRun, ErrForeign.
func (s *Store) Load(id string) (*Run, error) { panic("to come") }

// List is all runs, the newest first, with why one cannot be read.
func (s *Store) List() ([]Listed, error) { panic("to come") }

// A Listed is a run's folder.
type Listed struct {
	ID   string
	Time time.Time // of the id, whole seconds
	Run  *Run      // nil where Err says why
	Err  error
}

// A File is a file of a stack's folder.
type File string

const (
	PlanFile        File = "plan.tfplan"      // terraform's
	PlanJSON        File = "plan.json"        // terraform show -json
	PlanText        File = "plan.txt"         // terraform show, for people
	FingerprintFile File = "fingerprint.json" // fingerprint.Document
	LogFile         File = "log.txt"          // what terraform printed
)

// Dir makes the folder of a stack, 0700, and returns its absolute path.
func (s *Store) Dir(run, stack string) (string, error) { panic("to come") }

// TempPlan is the absolute path, in the stack's folder, that terraform is to
// write its plan to. AdoptPlan takes it from there.
func (s *Store) TempPlan(run, stack string) (string, error) { panic("to come") }

// AdoptPlan makes what was written to TempPlan plan.tfplan (0600, on the disk)
// and returns its digest, for Stack.Digest.
func (s *Store) AdoptPlan(run, stack string) (digest string, err error) { panic("to come") }

// WriteFile writes a file of a stack's folder, whole or not at all.
func (s *Store) WriteFile(run, stack string, f File, data []byte) error { panic("to come") }

// ReadFile reads a file of a stack's folder; fs.ErrNotExist.
func (s *Store) ReadFile(run, stack string, f File) ([]byte, error) { panic("to come") }

// Log opens log.txt to append to, 0600.
func (s *Store) Log(run, stack string) (io.WriteCloser, error) { panic("to come") }

// Key is the key for the HMACs of a run's fingerprints: the same for all runs
// of a clone, and with a team's key for all of the team's, so that equal plans
// have equal fingerprints.
func (s *Store) Key(run string) ([]byte, error) { panic("to come") }

// Take copies the plan of a stack into a private directory, and compares the
// digest of the bytes that it copies with the manifest's: ErrAltered.
func (s *Store) Take(r *Run, stack string) (*Taken, error) { panic("to come") }

// A Taken is a plan that nobody else has.
type Taken struct {
	Path   string // absolute; the file is 0600 in a directory 0700
	Digest string
}

// Close removes the copy.
func (t *Taken) Close() error { panic("to come") }

// An Approval says that somebody approved a stack's plan.
type Approval struct {
	Run         string    `json:"run"`
	Stack       string    `json:"stack"` // its Name
	Environment string    `json:"environment"`
	Digest      string    `json:"digest"`
	Fingerprint string    `json:"fingerprint"`
	By          string    `json:"by"`
	Time        time.Time `json:"time"`
}

// Approve records that by approves the plan of a stack as it is in the
// manifest. The same again is no second approval.
func (s *Store) Approve(r *Run, stack, by string, now time.Time) error { panic("to come") }

// Approvals are those that count for the plan that the stack has in r, each
// person's first, by By. One counts where its run, stack, environment and
// fingerprint are those of the manifest: a plan that was made anew keeps it
// exactly where the fingerprint is equal.
func (s *Store) Approvals(r *Run, stack string) ([]Approval, error) { panic("to come") }

// AllApprovals are all of a run, in their order; damaged are the lines that are
// none of ours.
func (s *Store) AllApprovals(run string) (approvals []Approval, damaged []int, err error) {
	panic("to come")
}

// A State is how far the apply of a stack has come.
type State string

const (
	NotStarted State = ""
	// Started is the line before terraform starts. Nothing after it is State
	// Unknown to who asks.
	Started        State = "started"
	Applied        State = "applied"
	StateUnchanged State = "unchanged"
	StateFailed    State = "failed"
	// Unknown: it may have been applied, in part or in whole. Read the state.
	Unknown State = "unknown"
)

// A Step is a line of the journal.
type Step struct {
	Stack   string    `json:"stack"` // its Name
	State   State     `json:"state"`
	Time    time.Time `json:"time"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Digest  string    `json:"digest"`          // of the plan
	Attempt int       `json:"attempt"`         // from 1, set by Record
	Error   string    `json:"error,omitempty"` // with no secret in it
}

// Record appends a step to the journal of a run; it is on the disk when Record
// returns. Time is handed in; Host, PID and Attempt are set where they are zero.
func (s *Store) Record(run string, step Step) error { panic("to come") }

// Steps is the journal, in its order. A line that a crash has torn is passed
// over; one that was edited is ErrForeign.
func (s *Store) Steps(run string) ([]Step, error) { panic("to come") }

// State is what is known of a stack: its newest step, with State Unknown where
// that is Started; the zero Step where there is none. Ask while you hold Lock:
// else Unknown may be one that is running.
func (s *Store) State(run, stack string) (Step, error) { panic("to come") }

// Lock takes a run for the one terrier that applies it, without waiting:
// ErrLocked names the other.
func (s *Store) Lock(run string) (unlock func(), err error) { panic("to come") }

// LockStack takes a stack, whatever the run.
func (s *Store) LockStack(stack string) (unlock func(), err error) { panic("to come") }

// Clean removes the runs that began before now minus olderThan.
func (s *Store) Clean(o CleanOptions) ([]Cleaned, error) { panic("to come") }

// CleanOptions say which runs go.
type CleanOptions struct {
	OlderThan time.Duration
	Now       time.Time
	Approved  bool // also those that are approved and not applied
	DryRun    bool
}

// A Cleaned is what became of a run that is old enough.
type Cleaned struct {
	ID   string
	Kept string // why, "" where it is gone
}
