package install

import "context"

// Prepare makes a stack ready to be planned: its modules are those of the lock
// file, at their place, and terraform init has run where it had to. The stack's
// directory is the caller's until Release; who asks for it meanwhile waits.
//
// The errors to decide by are *LockMismatch, *NotLocked and ErrOutside; one of
// Init comes back as it is. After an error the next Prepare begins anew.
func (i *Installer) Prepare(ctx context.Context, in Input) (*Prepared, error) {
	panic("not yet")
}

// Close lets go of the packages that are open.
func (i *Installer) Close() error { return nil }

type pkgKey struct{ url, commit string }
type pkg struct{}
type plainness struct{}
