package live

import (
	"errors"
	"strings"

	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/terraform"
)

// asProblem makes a problem of an error: what it says, and its hint.
func asProblem(err error) *Problem {
	if p := (*Problem)(nil); errors.As(err, &p) {
		return p
	}
	text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
	p := &Problem{Reason: text, Hint: hint}
	if t := (*terraform.Error)(nil); errors.As(err, &t) {
		p.Reason = "terraform " + t.Command + ": " + t.Summary()
		if p.Hint == "" {
			p.Hint = hintOf(err)
		}
	}
	// Who holds a lock stands at the end of what terraform says of it.
	if lock := (*terraform.LockError)(nil); errors.As(err, &lock) {
		p.Reason = lock.Error()
	}
	// What terraform said last is not why it ended.
	if killed := (*terraform.KilledError)(nil); errors.As(err, &killed) {
		p.Reason = killed.Error()
	}
	if late := (*terraform.TimeoutError)(nil); errors.As(err, &late) {
		p.Reason = late.Error()
		if p.Hint == "" {
			p.Hint = "--timeout, or timeout in terrier.hcl, gives it longer"
		}
	}
	return p
}

// hintOf is what can be done about a failure of terraform.
func hintOf(err error) string {
	lock := (*terraform.LockError)(nil)
	switch {
	case errors.As(err, &lock) && lock.ID == "":
		return "wait for whoever holds it, then the same command"
	case errors.As(err, &lock):
		return "wait for whoever holds it; if it is nobody any more, `terraform force-unlock " + lock.ID + "` in the stack's directory"
	case errors.Is(err, terraform.ErrStalePlan):
		return "plan it anew with `terrier plan --renew`"
	case errors.Is(err, terraform.ErrExpired):
		return "log in again, or let the account's role last longer (duration); the same command completes the work"
	case errors.Is(err, terraform.ErrDenied):
		return "the role may not do this: see the account block of terrier.hcl, and the role's policies"
	case errors.Is(err, terraform.ErrUnreachable):
		return "the state is where it was; the same command completes the work"
	case errors.Is(err, terraform.ErrDiskFull):
		return "make room, then the same command completes the work"
	}
	return ""
}

func refused(r guard.Refusal) *Problem {
	return &Problem{Guard: r.Guard, Reason: r.Reason, Hint: r.Hint}
}
