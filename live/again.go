package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
)

// erroredState is the file that terraform leaves in a stack's directory where it
// could not save the state.
const erroredState = "errored.tfstate"

// printedState is what terraform printed, in the run's folder, where it could not
// write that file and the state in it is not whole.
const printedState = "unsaved-state.txt"

// rawOutput is what terraform writes to while it applies, in the run's folder.
const rawOutput = "output.raw"

// aftermath bounds what is done after an interrupt: unlocking, and no more.
const aftermath = 2 * time.Minute

// anew plans a stack within an apply: one that was deferred, or one of which it
// is not known how far an earlier apply came. The outcome is nil where there is
// a plan that may be applied now.
func (a *applying) anew(ctx context.Context, u *estate.Unit, st *store.Stack, s *session, again bool) (*Outcome, error) {
	now := *st
	for _, name := range st.Upstream {
		if up := a.run.Stack(name); up != nil {
			now.Round = max(now.Round, up.Round+1)
		}
	}
	_, err := a.planIn(ctx, a.run, u, &now, s)
	if err := a.planned(ctx, a.run, st, now, err); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	switch st.Status {
	case store.Unchanged:
		state := store.StateUnchanged
		if again {
			state = store.StateApplied
		}
		if err := a.Store.Record(a.run.ID, store.Step{Stack: st.Name, State: state, Time: a.Now().UTC(), Digest: st.Digest}); err != nil {
			return nil, err
		}
		if !again {
			return &Outcome{Status: StatusSkipped, Reason: "no changes"}, nil
		}
		r := a.record(a.run, st)
		r.Action, r.Result = runs.Apply, runs.Applied
		if err := a.keep(ctx, r); err != nil {
			return nil, err
		}
		return &Outcome{Status: StatusApplied, Reason: "the earlier apply had done it, as the state says"}, nil
	case store.Changes:
	case store.Refused:
		out := Outcome{Status: StatusRefused, Reason: said(st), Left: true}
		return &out, nil
	default:
		return &Outcome{Status: StatusFailed, Reason: st.Error, Left: true}, nil
	}
	r, err := a.Approved(ctx, a.run, st, s.settings.Rules)
	if err != nil || r == nil {
		return nil, err
	}
	out := Outcome{Status: StatusDeferred, Guard: r.Guard, Reason: "it is planned now (" + Counts(st.Summary) + "), and " + r.Reason, Hint: r.Hint, Left: true}
	if again {
		out.Reason = "what is left of it is planned anew (" + Counts(st.Summary) + "), and " + r.Reason
	}
	return &out, nil
}

// recover waits for a terraform of an earlier apply that still runs, and brings
// a state home that it could not save.
func (a *applying) recover(ctx context.Context, u *estate.Unit, st *store.Stack, s *session) error {
	dir, err := a.Store.Dir(a.run.ID, st.Name)
	if err != nil {
		return err
	}
	alive := filepath.Join(dir, "alive")
	if pid, running, err := terraform.Running(alive); err != nil {
		return asProblem(err)
	} else if running {
		a.tell(st.Name, EventStep, fmt.Sprintf("waiting for the terraform of an earlier apply, process %d, or what it started", pid), "")
		if err := terraform.WaitAlive(ctx, alive); err != nil {
			return err
		}
	}
	// What is known of its life tells whether a lock that is left is its own.
	raw := filepath.Join(dir, rawOutput)
	if life, err := terraform.LastLife(alive, raw); err == nil {
		s.life = &life
	}
	// An apply that nobody watched to its end may have left its state here. In
	// the directory it is only this unit's where this apply said so: others are
	// applied there, too, and terraform pushes any state where there is none.
	left, err := terraform.LeftState(raw)
	if err != nil {
		return err
	}
	kept := filepath.Join(dir, erroredState)
	switch left {
	case terraform.StateInFile:
		if err := a.rescue(s.Dir, dir); err != nil {
			return err
		}
	case terraform.StatePrinted:
		if err := keepPrinted(raw, dir); err != nil {
			return err
		}
		if there(kept) {
			if err := a.rescue(s.Dir, dir); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(raw); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if r := a.unsaved(u, st); len(r) > 0 {
		return refused(r[0])
	}
	if _, err := os.Lstat(kept); err != nil {
		return nil
	}
	a.tell(st.Name, EventStep, "pushing the state that could not be saved", "")
	if err := a.Terraform.StatePush(ctx, s.Session, kept, a.opts.LockTimeout); err != nil {
		p := asProblem(err)
		p.Reason = "the state that an earlier apply could not save, " + kept + ", could not be pushed: " + p.Reason
		return p
	}
	return os.Rename(kept, kept+".pushed")
}

// unsaved refuses a stack of which there is a state that an apply outside of the
// run could not save: what terraform plans without it is wrong. So is what it
// plans without a state that this run could not even write to a file.
func (a *applying) unsaved(u *estate.Unit, st *store.Stack) []guard.Refusal {
	if _, err := os.Lstat(filepath.Join(a.Root, filepath.FromSlash(u.Stack), erroredState)); err == nil {
		return []guard.Refusal{{
			Guard: guard.Stale, Reason: "an earlier apply could not save its state: " + u.Stack + "/" + erroredState,
			Hint: "`terraform state push " + erroredState + "` there, then remove the file, and plan anew",
		}}
	}
	all := filepath.Join(a.Home, ".terrier", "runs")
	entries, err := os.ReadDir(all)
	if err != nil {
		return []guard.Refusal{{Guard: guard.Stale, Reason: "whether an earlier apply could not save its state is not known: " + err.Error()}}
	}
	for _, run := range entries {
		dir := filepath.Join(all, run.Name(), filepath.FromSlash(st.Name))
		if name := filepath.Join(dir, printedState); there(name) {
			return []guard.Refusal{{
				Guard: guard.Stale, Reason: "an apply could neither save its state nor write it to a file; what it printed of it is in " + name,
				Hint: "bring it back by hand (terraform state push, or import what it tells of), then remove that file, and plan anew",
			}}
		}
		if run.Name() != a.run.ID && there(filepath.Join(dir, erroredState)) {
			return []guard.Refusal{{
				Guard: guard.Stale, Reason: "the apply of run " + run.Name() + " could not save its state, and this plan does not know it",
				Hint: "`terrier apply " + run.Name() + "` pushes it; then plan anew",
			}}
		}
	}
	return nil
}

func there(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// keepPrinted keeps the state that terraform printed where it could not even
// write it to a file: as such a file, or as it is where it is not whole.
func keepPrinted(raw, dir string) error {
	ok, err := terraform.SavePrinted(raw, filepath.Join(dir, erroredState))
	if err != nil || ok {
		return err
	}
	return os.Rename(raw, filepath.Join(dir, printedState))
}

// rescue moves a state that terraform could not save out of the stack's
// directory into the run's, where only the user reads it.
func (a *applying) rescue(stack, dir string) error {
	from := filepath.Join(stack, erroredState)
	info, err := os.Lstat(from)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if err := os.Chmod(from, 0o600); err != nil {
		return err
	}
	to := filepath.Join(dir, erroredState)
	if there(to) {
		// It printed the state, since the disk had no room for this file.
		if data, err := os.ReadFile(from); err != nil || json.Valid(data) {
			return err // and it refuses the stack
		}
		return os.Remove(from)
	}
	if err := os.Rename(from, to); err == nil {
		return nil
	}
	data, err := os.ReadFile(from) // of another file system
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return err
	}
	return os.Remove(from)
}

// ended tells what an apply's end means, and cleans up behind a terraform that
// could not. Nil is success, and nothing else is.
func (a *applying) ended(ctx context.Context, s *session, dir string, err error) *Problem {
	if err == nil {
		return nil
	}
	p := asProblem(err)
	var killed *terraform.KilledError
	var timeout *terraform.TimeoutError
	var errored *terraform.ErroredStateError
	var lock *terraform.LockError
	again := fmt.Sprintf("`terrier apply %s` reads the state and completes it", a.run.ID)
	switch {
	case errors.As(err, &lock), errors.Is(err, terraform.ErrStalePlan):
		p.Untouched = true
		if errors.Is(err, terraform.ErrStalePlan) {
			p.Guard, p.Hint = guard.Stale, "`terrier plan --renew "+a.run.ID+"` shows what would be done now"
			if s.again {
				p.Hint = again
			}
		}
		return p
	case errors.As(err, &errored):
		// How it ended is known, and the run is kept until the state is home.
		p.Unknown, p.Hint = true, "terraform could not save the state and wrote it to a file, which is kept; "+again
		if filepath.Dir(errored.Path) == dir {
			if err := a.adopt(errored.Path, dir); err != nil {
				p.Reason += "; and " + errored.Path + ", which has the state, could not be moved: " + err.Error()
			}
		}
	case errors.As(err, &killed), errors.As(err, &timeout), ctx.Err() != nil:
		p.Unknown, p.Hint = true, again
	case p.Hint == "":
		p.Hint = again
	}
	if err := a.rescue(s.Dir, dir); err != nil {
		p.Reason += "; and " + erroredState + " could not be moved: " + err.Error()
	}
	// One that left at once after a second interrupt has released no lock either.
	var ended *terraform.Error
	if killed != nil {
		a.unlock(ctx, s, dir, killed.Life)
	} else if errors.As(err, &ended) && ended.Left != nil {
		a.unlock(ctx, s, dir, *ended.Left)
	}
	return p
}

// adopt gives the file that ApplyPlan made of a printed state the name under
// which the next apply looks for it.
func (a *applying) adopt(file, dir string) error {
	if filepath.Base(file) == rawOutput {
		return os.Rename(file, filepath.Join(dir, printedState))
	}
	return os.Rename(file, filepath.Join(dir, erroredState))
}

// unlock releases the lock that a terraform which is dead has left on its state.
func (a *applying) unlock(ctx context.Context, s *session, dir string, life terraform.Life) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aftermath)
	defer cancel()
	probe := filepath.Join(dir, "probe.tfplan")
	quiet := s.Session
	quiet.Line = nil // nobody asked for this plan
	_, err := a.Terraform.PlanTo(ctx, quiet, terraform.PlanOptions{Out: probe, Lock: true})
	_ = os.Remove(probe)
	if lock := (*terraform.LockError)(nil); errors.As(err, &lock) {
		// Where it is not sure that it is ours, it stays, and the next apply
		// says who holds it.
		_ = a.Terraform.ReleaseOwn(ctx, s.Session, lock, life)
	}
}

// destroysAll reports whether a plan leaves nothing of what there was.
func destroysAll(p *tfjson.Plan) bool {
	gone := false
	for _, c := range p.ResourceChanges {
		if c.Mode != tfjson.ManagedResourceMode || c.Change == nil {
			continue
		}
		if !c.Change.Actions.Delete() {
			return false
		}
		gone = true
	}
	return gone
}
