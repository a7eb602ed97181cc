package terraform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
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
	ErrUnreachable    = errors.New("the backend or a cloud's API does not answer, or answers with a failure of its own")
	ErrDiskFull       = errors.New("the disk is full")
	ErrVersion        = errors.New("another terraform version is needed")
	ErrNotInitialised = errors.New("init is needed")
	ErrNoWorkspace    = errors.New("the workspace does not exist")
	// ErrNotOwn says that a lock is, or may be, somebody else's.
	ErrNotOwn = errors.New("this lock is not known to be ours")
)

// kinds are the texts that tell them, in terraform 1.5 to 1.14 and the AWS
// SDK, blanks squeezed. Error codes are matched as words.
var kinds = []struct {
	kind error
	text *regexp.Regexp
}{
	{ErrStalePlan, regexp.MustCompile(`Saved plan is stale|Saved plan does not match the given state`)},
	{ErrExpired, regexp.MustCompile(`\b(ExpiredToken|ExpiredTokenException|RequestExpired|TokenRefreshRequired|RequestTimeTooSkewed|IDPCommunicationError)\b|(?i)(token|session)[a-z ]* (is|has) expired`)},
	{ErrDenied, regexp.MustCompile(`\b(AccessDenied|AccessDeniedException|UnauthorizedOperation|AuthorizationError|UnauthorizedAccess)\b|StatusCode: 403\b|(?i)not authorized to perform|cannot assume IAM role`)},
	{ErrNoCredentials, regexp.MustCompile(`(?i)no valid credential sources found|NoCredentialProviders|failed to refresh cached credentials|\b(InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidIdentityToken)\b`)},
	{ErrUnreachable, regexp.MustCompile(`StatusCode: (5[0-9][0-9]|0,)|\b(ServiceUnavailable|InternalError|InternalFailure|SlowDown|RequestTimeout)\b|(?i)connection refused|no such host|i/o timeout|connection reset by peer|TLS handshake timeout|network is unreachable|request send failed|giving up after [0-9]+ attempt|HTTP error: 5[0-9][0-9]|Unexpected HTTP response code 5[0-9][0-9]`)},
	{ErrDiskFull, regexp.MustCompile(`(?i)no space left on device|disk quota exceeded`)},
	{ErrVersion, regexp.MustCompile(`Unsupported (Terraform|OpenTofu) Core version|plan files cannot be transferred between different|which is newer than current|created by (Terraform|OpenTofu) v?[0-9][^ ]*, but this is`)},
	{ErrNotInitialised, regexp.MustCompile(`Backend initialization required|Module not installed|Module source has changed|Module version requirements have changed|Required plugins are not installed|Inconsistent dependency lock file|Backend configuration changed|(?i)missing or corrupted provider plugins|Could not load plugin`)},
	{ErrNoWorkspace, regexp.MustCompile(`Currently selected workspace "[^"]*" does not exist|[Ww]orkspace "[^"]*" doesn't exist`)},
}

var (
	lockHeld  = regexp.MustCompile(`Error (acquiring the state lock|locking state|locking destination state)|failed to lock s3 state`)
	lockTaken = regexp.MustCompile(`PreconditionFailed|StatusCode: 412\b|ConditionalCheckFailed|(?i)already locked|resource temporarily unavailable`)
	// lockOfHolder is a lock in S3, or in a table, that another one has: terraform
	// then reads whose it is.
	lockOfHolder = regexp.MustCompile(`PreconditionFailed|StatusCode: 412\b|ConditionalCheckFailed`)
	httpLock     = regexp.MustCompile(`HTTP remote state already locked(?:: ID=([^ ]*))?`)
	lockLine     = regexp.MustCompile(`^ *(ID|Path|Operation|Who|Version|Created|Info): *(.*?) *$`)
)

// classify fills in what the text of the error tells. begin is before the
// process started.
func (e *Error) classify(begin time.Time) {
	text, held := errorText(e.Stderr)
	for _, k := range kinds {
		if k.text.MatchString(text) {
			e.kinds = append(e.kinds, k.kind)
		}
	}
	if held != nil || lockHeld.MatchString(text) && lockTaken.MatchString(text) {
		e.lock = held
		// Some backends (pg, http) tell of the lock that was wanted.
		// Those that aws keeps tell of the holder's, which may be younger than we.
		if held == nil || !begin.IsZero() && held.Created.After(begin) && !lockOfHolder.MatchString(text) {
			e.lock = &LockError{}
		}
		// It has the id of the one that is held.
		if m := httpLock.FindStringSubmatch(text); m != nil {
			e.lock = &LockError{ID: clean(m[1])}
		}
	}
	if strings.Contains(text, `"errored.tfstate"`) && strings.Contains(text, "persist") {
		e.errored = &ErroredStateError{Path: filepath.Join(e.Dir, "errored.tfstate")}
	}
}

// errorText is the text of all errors that terraform named, blanks squeezed so
// that its line breaks do not matter, and the lock that the first one about a
// lock is about. Before the first error is what providers and provisioners
// say: it is left out.
func errorText(said string) (text string, held *LockError) {
	var b strings.Builder
	in, locked, done := false, false, false
	for line := range strings.Lines(said) {
		line = strings.TrimRight(line, "\r\n")
		line = strings.TrimPrefix(strings.TrimPrefix(line, "│"), " ")
		head := strings.TrimSpace(strings.TrimLeft(line, "╷╵ "))
		switch {
		case strings.HasPrefix(head, "Error: "):
			in = true
			done = done || held != nil
			locked = lockHeld.MatchString(head)
		case strings.HasPrefix(head, "Warning: "):
			in, locked = false, false
		case in && lockHeld.MatchString(head):
			locked = true // the lock that s3 takes to make a workspace
		}
		if !in {
			continue
		}
		b.WriteString(strings.Join(strings.Fields(head), " "))
		b.WriteByte(' ')
		if locked && !done {
			if m := lockLine.FindStringSubmatch(line); m != nil {
				if held == nil {
					held = &LockError{}
				}
				held.set(m[1], m[2])
			}
		}
	}
	if !in && b.Len() == 0 {
		text, _, _ = strings.Cut(strings.Join(strings.Fields(said), " "), "\x00")
		return text, nil
	}
	return b.String(), held
}

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

func (e *LockError) set(name, value string) {
	for n, p := range map[string]*string{"ID": &e.ID, "Path": &e.Path, "Operation": &e.Operation, "Who": &e.Who, "Version": &e.Version, "Info": &e.Info} {
		if n == name && *p == "" {
			*p = clean(value)
		}
	}
	if name == "Created" && e.Created.IsZero() {
		// time.Time's String, without the monotonic part.
		if t, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", value); err == nil {
			e.Created = t.UTC()
		}
	}
}

func (e *LockError) Error() string {
	var b strings.Builder
	b.WriteString("the state is locked")
	if e.Who != "" {
		b.WriteString(" by " + e.Who)
	}
	if e.Operation != "" {
		b.WriteString(" for " + e.Operation)
	}
	if !e.Created.IsZero() {
		b.WriteString(" since " + e.Created.Format(time.RFC3339))
	}
	if e.ID != "" {
		b.WriteString(" (lock " + e.ID + ")")
	}
	return b.String()
}

// A KilledError is a terraform that a signal ended, or that was killed by
// terrier after its grace. What it had done is not known: read the state. What
// it had started may still run, for as long as the call takes that it is at:
// after an apply, WaitAlive comes first, then ReleaseOwn.
type KilledError struct {
	Command string
	Dir     string
	Signal  os.Signal
	Life    Life  // of an apply
	Err     error // an *Error with the end of what it said
}

func (e *KilledError) Error() string {
	return fmt.Sprintf("terraform %s in %s was killed (%v): what it had done is not known", e.Command, e.Dir, e.Signal)
}

func (e *KilledError) Unwrap() error { return e.Err }

// A TimeoutError is a terraform that ran longer than Session.Timeout and was
// interrupted for it. Err is how it ended: nil, *Error or *KilledError.
type TimeoutError struct {
	Command string
	Dir     string
	After   time.Duration
	Err     error
}

func (e *TimeoutError) Error() string {
	s := fmt.Sprintf("terraform %s in %s took longer than %v and was interrupted", e.Command, e.Dir, e.After)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *TimeoutError) Unwrap() error { return e.Err }

// An ErroredStateError is a state that terraform could not save where it
// belongs, and wrote to a file instead (made 0600). errors.As finds it in an
// *Error. Push it (StatePush) before anything else.
type ErroredStateError struct{ Path string }

func (e *ErroredStateError) Error() string {
	return fmt.Sprintf("the state could not be saved: it is in %s alone\nhint: push it before anything else", e.Path)
}

// A RunningError is an apply that is not started because an earlier one, or
// something that it started, still runs.
type RunningError struct {
	Alive string
	PID   int // 0 where it is not known
}

func (e *RunningError) Error() string {
	who := ""
	if e.PID != 0 {
		who = fmt.Sprintf(" (terraform was process %d)", e.PID)
	}
	return "an earlier apply, or a process that it started, still runs" + who + ": it holds " + e.Alive
}
