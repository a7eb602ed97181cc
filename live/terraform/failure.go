package terraform

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// What a failure of terraform can be, as far as its text tells. errors.Is
// finds them in an *Error. They choose a hint and a next step; that something
// was applied, or was not, never follows from one.
var (
	ErrStalePlan      = errors.New("the saved plan is stale: the state has changed since")
	ErrExpired        = errors.New("the credentials have expired")
	ErrDenied         = errors.New("access denied")
	ErrNoCredentials  = errors.New("no valid credentials")
	ErrUnreachable    = errors.New("the backend cannot be reached")
	ErrDiskFull       = errors.New("the disk is full")
	ErrVersion        = errors.New("another terraform version is needed")
	ErrNotInitialised = errors.New("init is needed")
	ErrNoWorkspace    = errors.New("the workspace does not exist")
	// ErrNotOwn says that a lock is, or may be, somebody else's.
	ErrNotOwn = errors.New("this lock is not known to be ours")
)

// A LockError is a state lock that somebody holds, as terraform reports it.
// Fields are "" where it did not. errors.As finds it in an *Error.
type LockError struct {
	ID        string
	Path      string
	Operation string // "OperationTypeApply"
	Who       string // user@host
	Version   string // of terraform
	Created   time.Time
	Info      string
}

func (e *LockError) Error() string { panic("not yet") }

// A KilledError is a terraform that a signal ended, or that was killed by
// terrier after its grace. What it had done is not known: read the state.
type KilledError struct {
	Command string
	Dir     string
	Signal  os.Signal
	Life    Life // of an apply
	Err     error
}

func (e *KilledError) Error() string { panic("not yet") }

// A TimeoutError is a terraform that ran longer than Session.Timeout and was
// interrupted for it. Err is how it ended: nil, *Error or *KilledError.
type TimeoutError struct {
	Command string
	Dir     string
	After   time.Duration
	Err     error
}

func (e *TimeoutError) Error() string { panic("not yet") }

// An ErroredStateError is a state that terraform could not save where it
// belongs, and wrote to a file instead (made 0600). errors.As finds it in an
// *Error. Push it (StatePush) before anything else.
type ErroredStateError struct{ Path string }

func (e *ErroredStateError) Error() string { panic("not yet") }

// A RunningError is an apply that is not started because an earlier one, or a
// provider of it, still runs.
type RunningError struct {
	Alive string
	PID   int // 0 where it is not known
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("an earlier apply still runs (process %d)", e.PID)
}
