// Package store knows the runs of a clone: what was planned, with the saved
// plans, who approved it, and how far applying it has come. The layout and the
// rules are in README.md.
//
// It neither runs terraform nor decides whether a plan may be applied, and has
// no clock: now is handed in.
package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Errors that a caller decides by.
var (
	// ErrForeign is a run that this key did not seal: it came from another
	// machine, or was edited. A *ForeignError.
	ErrForeign = errors.New("the run was not sealed with this key")
	// ErrNoRun is an id that no run has.
	ErrNoRun = errors.New("there is no such run")
	// ErrLocked is a run, or a stack, that another terrier is applying. A
	// *LockedError.
	ErrLocked = errors.New("another terrier is applying it")
	// ErrAltered is a plan that is not the one of the manifest. An
	// *AlteredError.
	ErrAltered = errors.New("the plan was altered")
	// ErrDiskFull says that there was no room for what was to be written.
	ErrDiskFull = errors.New("the disk is full")
)

// A ForeignError is what is not sealed with this key.
type ForeignError struct {
	Run string
	Why string
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s: %s\nhint: plan it again here: only a plan that this key has sealed is applied (TERRIER_RUNS_KEY is the key that several machines share)", e.Run, e.Why)
}

// Is says that it is an ErrForeign.
func (e *ForeignError) Is(target error) bool { return target == ErrForeign }

// An AlteredError is a plan file that is not the one that was planned.
type AlteredError struct {
	Run, Stack string
	Want, Got  string // SHA-256, hexadecimal
}

func (e *AlteredError) Error() string {
	return fmt.Sprintf("%s: %s of run %s has the digest %.12s…, and %.12s… was planned\nhint: somebody changed the file: plan it again", e.Stack, PlanFile, e.Run, e.Got, e.Want)
}

// Is says that it is an ErrAltered.
func (e *AlteredError) Is(target error) bool { return target == ErrAltered }

// A LockedError says who has the lock.
type LockedError struct {
	What string // "run 2026…", "stack live/prod"
	Host string // "" where it is not known
	PID  int
}

func (e *LockedError) Error() string {
	who := "another terrier"
	if e.Host != "" {
		who = fmt.Sprintf("another terrier (process %d on %s)", e.PID, e.Host)
	}
	return fmt.Sprintf("%s has the %s\nhint: wait until it is done", who, e.What)
}

// Is says that it is an ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// A Store is the runs below the directory of a terrier.hcl. Its methods may be
// called from several goroutines.
type Store struct {
	dir   string // absolute
	team  []byte
	fault func(step string) error // for tests: fails, or dies, before a step

	mu       sync.Mutex
	own      []byte // .terrier/key, once it was read
	journals map[string]*journal
}

// Open opens the runs below dir, the directory of terrier.hcl. team is the key
// that several machines share (TERRIER_RUNS_KEY), of at least MinKey bytes; with
// none (nil) the clone's own, .terrier/key, is made on first use. Nothing is
// written before Create or Key.
func Open(dir string, team []byte) (*Store, error) {
	if team != nil && len(team) < MinKey {
		return nil, fmt.Errorf("the key of runs has %d bytes, fewer than %d\nhint: TERRIER_RUNS_KEY is a random text, as `openssl rand -base64 32` makes one", len(team), MinKey)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory", dir)
	}
	return &Store{dir: dir, team: bytes.Clone(team), journals: map[string]*journal{}}, nil
}
