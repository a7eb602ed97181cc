package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
)

// ApplyOptions say what of a run is applied, and how.
type ApplyOptions struct {
	// Chosen says which stacks; nil for all.
	Chosen func(st *store.Stack) bool
	// Override are the guards that may be passed, each with its reason.
	Override map[guard.Name]string
	// Second is the user's second and third interrupt; the context's end is the
	// first.
	Second      <-chan struct{}
	LockTimeout time.Duration // how long terraform waits for a state's lock
}

// A Status is what became of applying a stack.
type Status string

// What can become of it.
const (
	StatusApplied  Status = "applied"
	StatusRefused  Status = "refused"
	StatusFailed   Status = "failed"
	StatusDeferred Status = "deferred" // it waits for an approval, or for what it comes after
	StatusSkipped  Status = "skipped"  // there is nothing to apply, or no plan
)

// An Outcome is what became of one stack.
type Outcome struct {
	Stack  *store.Stack
	Status Status
	Guard  guard.Name // of what is refused
	Reason string
	Hint   string
	// Refusals are all guards that refused; Guard is the first.
	Refusals []guard.Refusal
	// Overridden are the guards that were passed by the user's word.
	Overridden []guard.Refusal
	// Left says that something is left to do: it makes the exit code 2.
	Left bool
}

// Apply applies the saved plans of a run, each when what it comes after is
// applied, and plans what was deferred as soon as it can be. Each outcome is in
// the order of the run's stacks. What an earlier Apply of the run did is not
// done again; where that one was killed, the state says what is left. The error
// is one that concerns no single stack.
func (o *Operation) Apply(ctx context.Context, run *store.Run, opts ApplyOptions) ([]Outcome, error) {
	if run.Drift {
		return nil, fmt.Errorf("run %s is of drift, and holds no plan to apply\nhint: terrier plan, without --drift", run.ID)
	}
	unlock, err := o.Store.Lock(run.ID)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Until now another process may have gone on with it.
	if err := o.reload(run); err != nil {
		return nil, err
	}
	units, gone := o.unitsOf(run)
	order, err := o.Estate.OrderOf(units)
	if err != nil {
		return nil, err
	}
	a := &applying{Operation: o, run: run, opts: opts, outcomes: map[string]Outcome{}, running: map[string]chan struct{}{}}
	defer a.passOn()()
	for _, name := range gone {
		a.outcomes[name] = Outcome{Stack: run.Stack(name), Status: StatusRefused, Guard: guard.Stale, Left: true,
			Reason: "the repository has no such stack any more", Hint: "check out the commit of the run, " + run.Commit + ", or plan anew"}
	}
	tasks := make([]task, len(order))
	for i, u := range order {
		tasks[i] = task{name: u.Name(), dir: u.Stack, after: run.Stack(u.Name()).Upstream}
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// What stops the whole starts nothing more, and lets what runs end.
	schedule(inner, tasks, o.Jobs, func(_ context.Context, i int, _ func()) {
		st := run.Stack(tasks[i].name)
		if opts.Chosen != nil && !opts.Chosen(st) {
			return
		}
		out, err := a.one(ctx, order[i], st)
		if err != nil {
			cancel(err)
			out = Outcome{Status: StatusFailed, Reason: err.Error(), Left: true}
		}
		out.Stack = st
		a.mu.Lock()
		a.outcomes[st.Name] = out
		a.mu.Unlock()
		o.tell(st.Name, EventEnd, out.Reason, string(out.Status))
	})
	var list []Outcome
	for _, st := range run.Stacks {
		if out, ok := a.outcomes[st.Name]; ok {
			list = append(list, out)
		}
	}
	if inner.Err() != nil {
		return list, context.Cause(inner)
	}
	return list, nil
}

// reload reads a run again, under its lock.
func (o *Operation) reload(run *store.Run) error {
	now, err := o.Store.Load(run.ID)
	if err != nil {
		return err
	}
	*run = *now
	return nil
}

// unitsOf are the units of a run's stacks, and the stacks that have none any
// more.
func (o *Operation) unitsOf(run *store.Run) (units []*estate.Unit, gone []string) {
	for _, st := range run.Stacks {
		if u := o.unit(st.Name); u != nil {
			units = append(units, u)
		} else {
			gone = append(gone, st.Name)
		}
	}
	return units, gone
}

// applying is one Apply.
type applying struct {
	*Operation
	run  *store.Run
	opts ApplyOptions

	mu       sync.Mutex
	outcomes map[string]Outcome
	running  map[string]chan struct{} // by name: the interrupts of each terraform
}

// passOn gives each of the user's further interrupts to every terraform that
// runs, until the function that it returns is called.
func (a *applying) passOn() (stop func()) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-a.opts.Second:
			}
			a.mu.Lock()
			for _, c := range a.running {
				select {
				case c <- struct{}{}:
				default: // it has had them all
				}
			}
			a.mu.Unlock()
		}
	}()
	return func() { close(done) }
}

// interrupts is what a stack's terraform is interrupted by.
func (a *applying) interrupts(name string) (c <-chan struct{}, done func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	in := make(chan struct{}, 2)
	a.running[name] = in
	return in, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.running, name)
	}
}

// one applies a stack, as far as it has to be and may be.
func (a *applying) one(ctx context.Context, u *estate.Unit, st *store.Stack) (Outcome, error) {
	step, err := a.Store.State(a.run.ID, st.Name)
	if err != nil {
		return Outcome{}, err
	}
	if step.State == store.StateApplied && step.Digest == st.Digest {
		return Outcome{Status: StatusSkipped, Reason: "it is applied already"}, a.recorded(ctx, st, step)
	}
	again := step.State == store.StateUnknown || step.State == store.StateFailed
	if why := a.waitsFor(st); why != "" {
		return Outcome{Status: StatusDeferred, Reason: why, Left: true}, nil
	}
	fresh := st.Status == store.Deferred
	// What failed and was planned anew since then is applied as that was saved and
	// seen; all else that is left of an earlier apply has no plan that fits.
	anew := fresh || again && (step.State == store.StateUnknown || step.Digest == st.Digest)
	switch {
	case anew:
	case st.Status == store.Unchanged:
		return Outcome{Status: StatusSkipped, Reason: "no changes"}, nil
	case st.Status != store.Changes:
		hint := "terrier plan --renew " + a.run.ID
		switch {
		case u.Terragrunt:
			_, hint, _ = strings.Cut(st.Error, "\nhint: ")
		case st.Status == store.Refused && len(st.Refusals) > 0 && st.Refusals[0].Hint != "":
			hint = st.Refusals[0].Hint + "; then " + hint
		}
		return Outcome{Status: StatusSkipped, Reason: "it has no plan: " + said(st), Hint: hint, Left: true}, nil
	}
	a.tell(st.Name, EventStart, "apply", "")
	// What refuses without terraform comes first: no role is assumed, and no
	// code of the repository run, for what may not be applied.
	settings, err := a.Settings(u)
	if err != nil {
		return Outcome{Status: StatusFailed, Reason: err.Error(), Left: true}, nil
	}
	refusals, err := a.before(ctx, u, st, settings)
	if err != nil {
		return Outcome{}, err
	}
	if !again {
		refusals = append(refusals, a.unsaved(u, st)...)
	}
	if !anew {
		if r, err := a.Approved(ctx, a.run, st, settings.Rules); err != nil {
			return Outcome{}, err
		} else if r != nil {
			refusals = append(refusals, *r)
		}
	}
	left, passed := a.judge(refusals, settings.Rules)
	if len(left) > 0 {
		return refusal(left, passed), nil
	}
	s, err := a.openFor(ctx, a.run, u, toApply)
	if err != nil {
		return a.failed(ctx, err)
	}
	defer s.close()
	s.again = again
	if again {
		if err := a.recover(ctx, u, st, s); err != nil {
			return a.failed(ctx, err)
		}
	}
	if anew {
		if out, err := a.anew(ctx, u, st, s, again); out != nil || err != nil {
			if out == nil {
				return a.failed(ctx, err)
			}
			return *out, err
		}
	}
	return a.saved(ctx, u, st, s, passed)
}

// recorded adds the record of an apply that the journal has and the records do
// not: the process ended between the two, or the record could not be kept. Who
// passed which guard is not known any more.
func (a *applying) recorded(ctx context.Context, st *store.Stack, step store.Step) error {
	a.saving.Lock()
	found := slices.ContainsFunc(a.Records, func(r runs.Record) bool {
		return r.Run == a.run.ID && r.Stack == st.Path && r.Environment == st.Environment && r.Result == runs.Applied
	})
	a.saving.Unlock()
	if found {
		return nil
	}
	r := a.record(a.run, st)
	r.Action, r.Result, r.Time = runs.Apply, runs.Applied, step.Time
	var plan tfjson.Plan
	if data, err := a.Store.ReadFile(a.run.ID, st.Name, store.PlanJSON); err == nil && json.Unmarshal(data, &plan) == nil && destroysAll(&plan) {
		r.Action = runs.Destroy
	}
	return a.keep(ctx, r)
}

// waitsFor says what has to be applied before, "" for nothing.
func (a *applying) waitsFor(st *store.Stack) string {
	for _, name := range st.Upstream {
		up := a.run.Stack(name)
		if up == nil {
			if why := a.pending(name); why != "" {
				return why
			}
			continue
		}
		step, err := a.Store.State(a.run.ID, name)
		switch {
		case err != nil:
			return fmt.Sprintf("what became of %s is not known", name)
		case step.State == store.StateApplied && step.Digest == up.Digest:
		case up.Status == store.Unchanged && step.State == store.NotStarted:
		case up.Status == store.Unchanged && step.State == store.StateUnchanged:
		case up.Status == store.Unchanged && step.State == store.StateFailed && step.Digest != up.Digest: // planned anew
		default:
			return fmt.Sprintf("it comes after %s, which is not applied", name)
		}
	}
	return ""
}

// judge tells the refusals that stand from those that the user passes.
func (a *applying) judge(refusals []guard.Refusal, rules guard.Rules) (left, passed []guard.Refusal) {
	for _, r := range refusals {
		switch _, asked := a.opts.Override[r.Guard]; {
		case !asked:
		case !r.Guard.Overridable() || !contains(rules.Override, r.Guard):
			r.Hint = fmt.Sprintf("the configuration does not let --override pass %s here", r.Guard)
		default:
			passed = append(passed, r)
			continue
		}
		left = append(left, r)
	}
	return left, passed
}

func contains(list []guard.Name, name guard.Name) bool {
	for _, n := range list {
		if n == name {
			return true
		}
	}
	return false
}

func refusal(left, passed []guard.Refusal) Outcome {
	return Outcome{Status: StatusRefused, Guard: left[0].Guard, Reason: left[0].Reason, Hint: left[0].Hint, Refusals: left, Overridden: passed, Left: true}
}

// failed makes an outcome of what stopped a stack; an interrupt stops all.
func (a *applying) failed(ctx context.Context, err error) (Outcome, error) {
	var p *Problem
	if !errors.As(err, &p) {
		return Outcome{}, err
	}
	if p.Guard != "" {
		return refusal([]guard.Refusal{{Guard: p.Guard, Reason: p.Reason, Hint: p.Hint}}, nil), nil
	}
	return Outcome{Status: StatusFailed, Reason: p.Reason, Hint: p.Hint, Left: true}, nil
}

// saved applies the saved plan of a stack, from a private copy, if all guards
// let it.
func (a *applying) saved(ctx context.Context, u *estate.Unit, st *store.Stack, s *session, passed []guard.Refusal) (Outcome, error) {
	taken, err := a.Store.Take(a.run, st.Name)
	if errors.Is(err, store.ErrAltered) {
		p := asProblem(err)
		return refusal([]guard.Refusal{{Guard: guard.Altered, Reason: p.Reason, Hint: p.Hint}}, passed), nil
	}
	if err != nil {
		return Outcome{}, err
	}
	defer taken.Close()
	e, err := a.examine(ctx, a.run, u, s, taken.Path, func() ([]byte, error) { return a.Terraform.Show(ctx, s.Session, taken.Path) })
	if err != nil {
		return a.failed(ctx, err)
	}
	differs, err := a.differs(u, st, s, e, taken.Path)
	if err != nil {
		return a.failed(ctx, err)
	}
	left, more := a.judge(append(differs, e.refusals...), s.settings.Rules)
	passed = append(passed, more...)
	if len(left) > 0 {
		return refusal(left, passed), nil
	}
	return a.start(ctx, u, st, s, taken.Path, e, passed)
}

// start starts terraform, and keeps what became of it: before it starts, and
// when it has ended.
func (a *applying) start(ctx context.Context, u *estate.Unit, st *store.Stack, s *session, plan string, e *examined, passed []guard.Refusal) (Outcome, error) {
	dir, err := a.Store.Dir(a.run.ID, st.Name)
	if err != nil {
		return Outcome{}, err
	}
	r := a.record(a.run, st)
	r.Action, r.Result = runs.Apply, runs.Applied
	for _, x := range passed {
		r.Overrides = append(r.Overrides, runs.Override{Guard: string(x.Guard), Reason: a.opts.Override[x.Guard], By: a.By})
	}
	if destroysAll(e.plan) {
		r.Action = runs.Destroy
	}
	// What cannot be kept afterwards is not done.
	if _, err := r.Encode(); err != nil {
		return Outcome{}, err
	}
	step := store.Step{Stack: st.Name, State: store.Started, Time: a.Now().UTC(), Digest: st.Digest}
	if err := a.Store.Record(a.run.ID, step); err != nil {
		return Outcome{}, err
	}
	a.tell(st.Name, EventStep, "apply", "")
	second, ended := a.interrupts(st.Name)
	defer ended()
	o := terraform.ApplyOptions{
		Plan: plan, Raw: filepath.Join(dir, rawOutput), Alive: filepath.Join(dir, "alive"),
		LockTimeout: a.opts.LockTimeout, Second: second,
	}
	err = a.Terraform.ApplyPlan(ctx, s.Session, o)
	if lock := (*terraform.LockError)(nil); errors.As(err, &lock) && s.life != nil && a.Terraform.ReleaseOwn(ctx, s.Session, lock, *s.life) == nil {
		err = a.Terraform.ApplyPlan(ctx, s.Session, o)
	}
	p := a.ended(ctx, s, dir, err)
	step.State, step.Time = store.StateApplied, a.Now().UTC()
	r.Time = step.Time
	untouched := p != nil && p.Untouched && !s.again
	switch {
	case untouched:
		// The saved plan is what it was, and may be applied another time. A new
		// one would be applied that nobody has seen.
		step.State, step.Error = store.StateRefused, p.Reason
	case p != nil:
		step.State, step.Error = store.StateFailed, p.Reason
		r.Result, r.Error = runs.Failed, p.Reason
		if p.Unknown {
			step.State = store.StateUnknown
		}
	}
	if err := a.Store.Record(a.run.ID, step); err != nil {
		return Outcome{}, fmt.Errorf("%s: terraform has ended, and what became of it could not be kept: %w\nhint: `terrier apply %s` reads the state again", st.Name, err, a.run.ID)
	}
	if !untouched {
		if err := a.keep(ctx, r); err != nil {
			return Outcome{}, err
		}
	}
	if p == nil {
		return Outcome{Status: StatusApplied, Reason: Counts(st.Summary), Overridden: passed}, nil
	}
	out, _ := a.failed(ctx, p)
	out.Overridden = passed
	return out, nil
}
