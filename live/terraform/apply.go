package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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

// twice is what terraform says when it leaves at once.
const twice = "Two interrupts received. Exiting immediately."

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
	if err := s.check("apply"); err != nil {
		return err
	}
	if err := o.check(t, s); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("terraform apply: %w", context.Cause(ctx))
	}
	if err := checkDir("apply", s.Dir); err != nil {
		return err
	}
	alive, err := takeAlive(o.Alive)
	if err != nil {
		return err
	}
	defer alive.close()
	// Not followed, and not another's: what terraform prints may be secret.
	raw, err := os.OpenFile(o.Raw, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("terraform apply: the file for its output: %w", err)
	}
	defer raw.Close()
	from, err := os.OpenFile(o.Raw, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer from.Close()

	env := s.environ()
	tidy := redactor(env)
	args := []string{"apply", "-input=false", "-no-color"}
	args = append(args, lockTimeout(o.LockTimeout)...)
	args = append(args, o.Plan)
	cmd := exec.Command(t.Path, args...)
	cmd.Dir, cmd.Env = s.Dir, env
	cmd.Stdout, cmd.Stderr = raw, raw
	detach(cmd)
	alive.pass(cmd)
	begin := time.Now()
	if err := alive.write(record{Start: begin.UTC(), Who: whoami()}); err != nil {
		os.Remove(o.Raw)
		return err
	}
	if err := cmd.Start(); err != nil {
		os.Remove(o.Raw)
		return fmt.Errorf("terraform apply: %w", err)
	}
	// From here on terraform runs whatever becomes of us: what fails is kept
	// for the end.
	recordErr := alive.started(cmd.Process.Pid)

	said := &tail{max: maxSaid}
	follow := &follower{
		from: from, said: said, alive: alive, ended: make(chan struct{}),
		told: &lines{tell: s.Line, tidy: tidy, mu: &sync.Mutex{}},
	}
	var following sync.WaitGroup
	following.Go(follow.run)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	timedOut, waitErr := watch(ctx, cmd, done, s.Timeout, o)
	if timedOut || ctx.Err() != nil {
		// On a terminal the interrupt would have reached what a local-exec started,
		// too: left alone it keeps the next apply waiting.
		interruptGroup(cmd)
	}
	close(follow.ended)
	following.Wait()
	follow.told.end()

	p := process{dir: s.Dir, args: args, begin: begin, said: said.String, tidy: tidy}
	err = p.failure(waitErr)
	if killed := (*KilledError)(nil); errors.As(err, &killed) {
		// Its providers end by themselves when the call that they are at is
		// done. They are left to it.
		killed.Life = alive.life()
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		e.saveErrored(begin, o.Raw, follow)
		if _, left := err.(*Error); left && strings.Contains(e.Stderr, twice) {
			life := alive.life()
			e.Left = &life
		}
	}
	if !follow.keep {
		os.Remove(o.Raw)
	}
	switch {
	case timedOut && err != nil:
		err = &TimeoutError{Command: "apply", Dir: s.Dir, After: s.Timeout, Err: err}
	case err != nil && ctx.Err() != nil:
		err = fmt.Errorf("terraform apply: %w: %w", context.Cause(ctx), err)
	}
	if err == nil {
		err = recordErr
	}
	return err
}

// check refuses what is no saved plan, or one that terraform would apply
// elsewhere than the session says.
func (o ApplyOptions) check(t *Terraform, s Session) error {
	fail := func(why string) error { return &Error{Command: "apply", Dir: s.Dir, Err: errors.New(why)} }
	for _, f := range []struct{ what, name string }{{"saved plan", o.Plan}, {"file for the output", o.Raw}, {"file that tells a living apply", o.Alive}} {
		if !filepath.IsAbs(f.name) {
			return fail(fmt.Sprintf("the %s %q is not an absolute path", f.what, f.name))
		}
	}
	plan, err := ReadPlanFile(o.Plan)
	if err != nil {
		return fmt.Errorf("terraform apply in %s: %w", s.Dir, err)
	}
	workspace := s.Workspace
	if workspace == "" {
		workspace = "default"
	}
	if plan.Backend.Workspace != workspace {
		return fail(fmt.Sprintf("the saved plan is of workspace %q, and this is workspace %q: terraform itself would apply it", plan.Backend.Workspace, workspace))
	}
	if plan.Version != t.Version {
		e := &Error{Command: "apply", Dir: s.Dir, kinds: []error{ErrVersion}}
		e.Err = fmt.Errorf("the saved plan was made by version %s, and this is %s\nhint: plan anew, or name the other binary with --tf-path", plan.Version, t.Version)
		return e
	}
	return nil
}

// watch waits for the end of an apply, and interrupts it when it is to end.
func watch(ctx context.Context, cmd *exec.Cmd, done <-chan error, timeout time.Duration, o ApplyOptions) (timedOut bool, err error) {
	var (
		limit, grace <-chan time.Time
		cancelled    = ctx.Done()
		second       = o.Second
		asked        int // interrupts that were sent
	)
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		limit = timer.C
	}
	ask := func(patience time.Duration) {
		asked++
		// It may have ended meanwhile; os.Process knows.
		_ = interrupt(cmd)
		if patience > 0 && grace == nil {
			grace = time.After(patience)
		}
	}
	for {
		select {
		case err := <-done:
			return timedOut, err
		case <-cancelled:
			cancelled = nil
			if asked == 0 {
				ask(o.Grace)
			}
		case <-limit:
			limit = nil
			if asked == 0 {
				timedOut = true
				patience := o.Grace
				if patience <= 0 {
					patience = ApplyGrace
				}
				ask(patience)
			}
		case _, ok := <-second:
			if cancelled != nil && ctx.Err() != nil {
				// Both were there: the context's end is the first.
				cancelled = nil
				if asked == 0 {
					ask(o.Grace)
				}
			}
			switch {
			case !ok:
				second = nil
			case asked < 2:
				ask(o.Grace)
			default:
				killGroup(cmd)
			}
		case <-grace:
			grace = nil
			killGroup(cmd)
		}
	}
}

// A follower reads what terraform writes to its file, while it writes.
type follower struct {
	from  *os.File
	said  *tail
	told  *lines
	alive *claim
	ended chan struct{} // closed when terraform has ended

	done  int64 // what is read
	freed int64 // what of it is given back to the disk
	dump  int64 // where a state begins that terraform could save nowhere else, -1 before
	keep  bool  // the file is all that there is of that state
	scan  scanner
}

// freeEvery is how much terraform may write before its disk is given back.
const freeEvery = 1 << 20

func (f *follower) run() {
	f.dump = -1
	buf := make([]byte, 64<<10)
	last := false
	for {
		n, err := f.from.ReadAt(buf, f.done)
		if n > 0 {
			f.take(buf[:n])
			continue
		}
		if err != nil && err != io.EOF {
			return // what it says is lost, and what it does is not
		}
		if last {
			return
		}
		select {
		case <-f.ended:
			last = true // what it wrote before
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (f *follower) take(p []byte) {
	at := f.done
	f.done += int64(len(p))
	f.scan.feed(p, at)
	if f.scan.locked && !f.alive.rec.Locked.After(f.alive.rec.Start) {
		f.alive.locked(time.Now().UTC())
	}
	if f.scan.dump >= 0 && f.dump < 0 {
		f.dump = f.scan.dump
	}
	// A state that terraform prints is full of secrets, and all that there is
	// of it: it is neither told nor thrown away.
	show := p
	if f.dump >= 0 {
		show = p[:max(0, min(int64(len(p)), f.dump-at))]
		if end := f.scan.dumpEnd; end >= 0 && end < f.done {
			show = append(show[:len(show):len(show)], p[max(0, end-at):]...)
		}
	}
	_, _ = f.said.Write(show)
	_, _ = f.told.Write(show)
	if f.dump < 0 && f.done-f.freed >= freeEvery {
		f.freed = free(f.from, f.freed, f.done)
		if f.freed == 0 {
			f.done = 0
			f.scan.restart()
		}
	}
}
