package terraform

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// An Error is a terraform process that ended with a failure, or one that had
// no directory to run in.
type Error struct {
	Command string // the subcommand: "get", "plan" …
	Dir     string // where it ran
	// Stderr is the end of what it said, as it said it: it may hold
	// credentials. Summary does not.
	Stderr string
	Err    error // usually an *exec.ExitError
	// Left is the life of an apply that left at once after a second interrupt:
	// it may have left the state's lock. Nil for every other.
	Left *Life

	kinds   []error
	lock    *LockError
	errored *ErroredStateError
	tidy    func(string) string // takes the secrets of a session out, nil without
}

func (e *Error) Error() string {
	where := ""
	if e.Dir != "" {
		where = " in " + e.Dir
	}
	return fmt.Sprintf("terraform %s%s: %s", e.Command, where, e.Summary())
}

func (e *Error) Unwrap() error { return e.Err }

// Is reports what kind of failure it is: see ErrStalePlan and its like.
func (e *Error) Is(target error) bool { return slices.Contains(e.kinds, target) }

// As finds a *LockError and an *ErroredStateError.
func (e *Error) As(target any) bool {
	switch p := target.(type) {
	case **LockError:
		if e.lock != nil {
			*p = e.lock
			return true
		}
	case **ErroredStateError:
		if e.errored != nil {
			*p = e.errored
			return true
		}
	}
	return false
}

// Summary is the first error that terraform named, on one line, credentials
// redacted.
func (e *Error) Summary() string {
	said := escapes.ReplaceAllString(e.Stderr, "") // state push knows no -no-color
	if e.tidy != nil {
		said = e.tidy(said)
	}
	if s := firstError(said); s != "" {
		return s
	}
	return e.Err.Error()
}

// run runs terraform with args in dir and returns its stdout. A failure of the
// process is an *Error. When ctx ends, terraform is interrupted once, has its
// grace to end, and is then killed with all its children; the error is then
// the context's.
func (t *Terraform) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	return t.runIn(ctx, dir, "", args...)
}

// runIn is run in a workspace, "" for the one that the environment or
// .terraform says.
func (t *Terraform) runIn(ctx context.Context, dir, workspace string, args ...string) ([]byte, error) {
	env := environ(os.Environ())
	if workspace != "" {
		env = append(env, "TF_WORKSPACE="+workspace) // of two entries the last one counts
	}
	var stdout bytes.Buffer
	stderr := tail{max: maxSaid}
	err := t.exec(ctx, process{dir: dir, args: args, env: env, stdout: &stdout, stderr: &stderr, said: stderr.String})
	if err != nil {
		return nil, err
	}
	return stdout.Bytes(), nil
}

// maxSaid is how much of the end of terraform's output is kept for an error:
// TF_LOG=trace writes gigabytes, errors last.
const maxSaid = 1 << 20

// environ is the environment that terraform gets: the user's own, but for
// what would change the meaning of our command lines (TF_CLI_ARGS), move
// .terraform out of the given directory (TF_DATA_DIR), or point the git that
// terraform starts at the repository of a hook we run in. TF_WORKSPACE stays:
// it is the user's choice of state, and the same on both sides of a comparison.
func environ(user []string) []string {
	var env []string
	for _, kv := range user {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "TF_CLI_ARGS") || repositoryEnv[name] || runKeys[name] || name == "TF_DATA_DIR" {
			continue
		}
		env = append(env, kv)
	}
	// Of two entries the last one counts.
	return append(env,
		"TF_IN_AUTOMATION=1",
		"TF_INPUT=0",
		"CHECKPOINT_DISABLE=1",
		"GIT_TERMINAL_PROMPT=0",
	)
}

// runKeys seal runs and read shared ones. The repository's code, which terraform
// runs, could make a run of its own with them.
var runKeys = map[string]bool{"TERRIER_RUNS_KEY": true, "TERRIER_AGE_IDENTITY": true}

// repositoryEnv is `git rev-parse --local-env-vars` without the variables
// that carry configuration.
var repositoryEnv = map[string]bool{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES": true,
	"GIT_COMMON_DIR":                   true,
	"GIT_DIR":                          true,
	"GIT_GRAFT_FILE":                   true,
	"GIT_IMPLICIT_WORK_TREE":           true,
	"GIT_INDEX_FILE":                   true,
	"GIT_NO_REPLACE_OBJECTS":           true,
	"GIT_OBJECT_DIRECTORY":             true,
	"GIT_PREFIX":                       true,
	"GIT_REPLACE_REF_BASE":             true,
	"GIT_SHALLOW_FILE":                 true,
	"GIT_WORK_TREE":                    true,
	"GIT_NAMESPACE":                    true,
}

// A tail keeps the last max bytes written to it, and up to as many before.
type tail struct {
	max int
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*t.max {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-t.max:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.buf) }

// snippet is a line of configuration in an error.
var snippet = regexp.MustCompile(`^[0-9]+: `)

// firstError is the first error in what terraform said: its headline and the
// lines below it, joined, without the frame and the snippet, credentials
// redacted. Where terraform named none, it is the last line that is not empty.
func firstError(stderr string) string {
	const maxRunes = 400
	var found []string
	last := ""
	in := false
scan:
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "│╷╵ "))
		switch {
		case strings.HasPrefix(line, "Error: "):
			if in {
				break scan
			}
			in = true
			found = append(found, line)
		case in && strings.HasPrefix(line, "Warning: "):
			break scan
		case in && line != "" && !snippet.MatchString(line):
			found = append(found, line)
		}
		if line != "" {
			last = line
		}
	}
	s := last
	if in {
		s = strings.Join(found, " ")
	}
	// Redaction comes before the cut: half a URL is none that it would know.
	s = redact(s)
	if r := []rune(s); len(r) > maxRunes {
		s = string(r[:maxRunes]) + " …"
	}
	return s
}
