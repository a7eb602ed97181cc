package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// A process is one terraform to run.
type process struct {
	dir    string
	args   []string
	env    []string
	stdout io.Writer
	stderr io.Writer
	begin  time.Time // before it started
	// said is the end of what terraform said, for the error.
	said func() string
	// tidy takes secrets out of a text, beside redact.
	tidy func(string) string
}

// exec runs a process to its end. A failure of the process is an *Error, a
// death by signal a *KilledError. When ctx ends, terraform is interrupted
// once, has its grace to end, and is then killed with all its children; the
// error is then the context's.
func (t *Terraform) exec(ctx context.Context, p process) error {
	name := p.args[0]
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("terraform %s: %w", name, context.Cause(ctx))
	}
	if err := checkDir(name, p.dir); err != nil {
		return err
	}
	grace := t.grace
	if grace == 0 {
		grace = Grace
	}
	cmd := exec.CommandContext(ctx, t.Path, p.args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	p.begin = time.Now()
	detach(cmd)
	// The kill runs in a timer's goroutine, which must not outlive the
	// process: its id would be another's.
	var kill *time.Timer
	cmd.Cancel = func() error {
		kill = time.AfterFunc(grace, func() { killGroup(cmd) })
		return interrupt(cmd)
	}
	// A grandchild that holds a pipe open must not hold us.
	cmd.WaitDelay = grace + time.Second
	err := cmd.Run()
	if kill != nil {
		kill.Stop()
		killGroup(cmd) // children that the interrupt did not reach
	}
	if ctx.Err() != nil {
		return fmt.Errorf("terraform %s: %w", name, context.Cause(ctx))
	}
	return p.failure(err)
}

// failure makes the error of a process that ended with err.
func (p process) failure(err error) error {
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &exit):
		return fmt.Errorf("terraform %s: %w", p.args[0], err)
	}
	e := &Error{Command: p.args[0], Dir: p.dir, Stderr: p.said(), Err: err, tidy: p.tidy}
	e.classify(p.begin)
	if sig := signalOf(exit); sig != nil {
		return &KilledError{Command: e.Command, Dir: e.Dir, Signal: sig, Err: e}
	}
	return e
}

// checkDir tells a directory that is gone apart from a binary that is: the
// failed start would not.
func checkDir(command, dir string) error {
	if dir == "" {
		return nil
	}
	if info, err := os.Stat(dir); err != nil {
		return &Error{Command: command, Dir: dir, Err: err}
	} else if !info.IsDir() {
		return &Error{Command: command, Dir: dir, Err: fmt.Errorf("%s is not a directory", dir)}
	}
	return nil
}
