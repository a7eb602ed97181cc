package terraform

import (
	"context"
	"time"
)

// ApplyOptions are how one saved plan is applied.
type ApplyOptions struct {
	Plan string // the saved plan, absolute: there is no apply without one
	// Raw is the file that terraform's output goes to while it runs, absolute:
	// a pipe would break, and terraform with it, if terrier died. It is made
	// with mode 0600, must not exist, is emptied as it is read, and is removed
	// at the end. A killed terrier leaves it.
	Raw string
	// Alive is a file, absolute, whose lock terraform and its providers hold
	// for as long as one of them lives. It stays.
	Alive       string
	LockTimeout time.Duration // how long terraform waits for the state's lock
	// Second is the user's second and third interrupt. The context's end is
	// the first.
	Second <-chan struct{}
	// Grace is how long an interrupted terraform may take to end. 0 waits for
	// as long as it takes after the context's end, and for ApplyGrace after a
	// timeout.
	Grace time.Duration
}

// ApplyGrace is how long an apply that was interrupted because of
// Session.Timeout may take to end, where ApplyOptions has no Grace.
const ApplyGrace = 15 * time.Minute

// ApplyPlan is `terraform apply` of a saved plan.
//
// It survives terrier: terraform is in a session of its own and writes to a
// file. When ctx ends terraform is interrupted once, so that it stops its
// providers, saves the state and releases the lock, and ApplyPlan waits. A
// receive on Second interrupts again: terraform leaves at once. A third kills
// it and all that it started.
//
// The error is nil only if terraform ended with 0 itself. Otherwise it is
// *RunningError (an earlier apply still runs), *KilledError, *TimeoutError,
// *Error, or one that wraps the context's and one of those.
func (t *Terraform) ApplyPlan(ctx context.Context, s Session, o ApplyOptions) error {
	panic("not yet")
}

// Running reports whether a process holds the lock of an ApplyOptions.Alive
// file: a terraform that an earlier, perhaps killed, terrier started, or one
// of its providers. pid is terraform's, 0 where that is not known.
func Running(alivePath string) (pid int, running bool, err error) { panic("not yet") }

// WaitAlive waits until nothing runs that Running would report, or ctx ends.
func WaitAlive(ctx context.Context, alivePath string) error { panic("not yet") }

// A Life is what is known of an apply that ended without a word.
type Life struct {
	Who   string    // user@host, as terraform writes it into a lock
	Start time.Time // before the process started
	// Locked is when terraform was last seen to do what it does only under the
	// state's lock. Zero where it never was.
	Locked time.Time
}

// LastLife is the Life of the last apply on an Alive and a Raw file, whose
// terrier died. It is an error while that apply still runs.
func LastLife(alivePath, rawPath string) (Life, error) { panic("not yet") }

// Owns reports whether lock was taken by the apply with that life, and if not,
// why that is not sure.
func (l Life) Owns(lock *LockError) (own bool, why string) { panic("not yet") }

// ReleaseOwn force-unlocks lock where it is sure that the dead apply of life
// took it. Otherwise it touches nothing, and the error wraps ErrNotOwn.
func (t *Terraform) ReleaseOwn(ctx context.Context, s Session, lock *LockError, life Life) error {
	panic("not yet")
}
