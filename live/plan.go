package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/fingerprint"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
)

// PlanOptions say how units are planned.
type PlanOptions struct {
	Drift bool // refresh-only: what has changed outside of terraform
	CI    *store.CI
	Base  string // the commit whose configuration guards, "" for the work tree's
	Host  string
}

// Plan plans units, in their order, and gives the run. A unit that fails stops
// only what comes after it; what comes after one with something to apply is
// deferred. The error is one that concerns no single unit; the run is then as
// far as it came, or nil.
func (o *Operation) Plan(ctx context.Context, units []*estate.Unit, opts PlanOptions) (*store.Run, error) {
	run := &store.Run{
		Commit: o.Tree.Commit, Branch: o.Tree.Branch, Base: opts.Base, Dirty: o.Tree.Dirty, By: o.By, Host: opts.Host,
		Terraform: o.Terraform.Product + " " + o.Terraform.Version, TerraformPath: o.Terraform.Path, Drift: opts.Drift, CI: opts.CI,
	}
	up := o.upstream(units)
	for _, u := range units {
		run.Stacks = append(run.Stacks, &store.Stack{
			Name: u.Name(), Path: u.Stack, Environment: u.Environment, Account: u.Account,
			Workspace: workspaceName(u.Workspace), Backend: backendDigest(u), Status: store.Pending, Upstream: up.of(u),
		})
	}
	if err := o.Store.Create(run, o.Now()); err != nil {
		return nil, err
	}
	unlock, err := o.Store.Lock(run.ID)
	if err != nil {
		return run, err
	}
	defer unlock()
	return run, o.planAll(ctx, run, units)
}

// planAll plans units of a run, in their order. The caller has the run's lock.
func (o *Operation) planAll(ctx context.Context, run *store.Run, units []*estate.Unit) error {
	order, err := o.Estate.OrderOf(units)
	if err != nil {
		return err
	}
	tasks := make([]task, len(order))
	for i, u := range order {
		tasks[i] = task{name: u.Name(), dir: u.Stack}
		if !run.Drift {
			tasks[i].after = run.Stack(u.Name()).Upstream
		}
	}
	held := o.held(run, units)
	done := o.saveInBatches(ctx, run, len(order))
	var mu sync.Mutex
	var fatal error
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	schedule(inner, tasks, o.Jobs, func(_ context.Context, i int, rest func()) {
		st := run.Stack(tasks[i].name)
		if err := o.planOne(ctx, run, order[i], st, held[order[i].Environment], rest); err != nil {
			mu.Lock()
			defer mu.Unlock()
			if fatal == nil {
				fatal = err
				cancel(err)
			}
		}
	})
	err = done()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return cmp.Or(fatal, err)
}

// planOne plans one unit, or says why there is no plan of it, and keeps that.
// held is what is left in the environments before its own. The error concerns no
// single unit. rest is called when terraform has done its
// part.
func (o *Operation) planOne(ctx context.Context, run *store.Run, u *estate.Unit, st *store.Stack, held string, rest func()) error {
	now := *st // what others read stays as it is until it is whole
	why := o.waits(run, st)
	if why == "" {
		why = held
	}
	// What terrier cannot plan at all waits for nothing.
	if why != "" && !run.Drift && !u.Terragrunt {
		blank(&now)
		now.Status, now.Error = store.Deferred, why
		o.tell(st.Name, EventEnd, why, string(now.Status))
		return o.save(run, st, now)
	}
	o.tell(st.Name, EventStart, "plan", "")
	s, err := o.openFor(ctx, run, u, toPlan)
	if err == nil {
		defer s.close()
		s.rest = rest
		_, err = o.planIn(ctx, run, u, &now, s)
	}
	return o.planned(ctx, run, st, now, err)
}

// openFor is open for what terrier can plan at all.
func (o *Operation) openFor(ctx context.Context, run *store.Run, u *estate.Unit, p purpose) (*session, error) {
	if u.Terragrunt {
		return nil, &Problem{Reason: "it is driven by terragrunt, which terrier does not run: bare terraform would plan something else", Hint: "plan it with terragrunt, or leave it out"}
	}
	return o.open(ctx, run, u, p)
}

// waits says what a unit has to wait for, "" for nothing.
func (o *Operation) waits(run *store.Run, st *store.Stack) string {
	for _, name := range st.Upstream {
		up := run.Stack(name)
		if up == nil {
			if why := o.pending(name); why != "" {
				return why
			}
			continue
		}
		switch up.Status {
		case store.Changes:
			if step, err := o.Store.State(run.ID, name); err == nil && step.State == store.StateApplied && step.Digest == up.Digest {
				continue
			}
			return fmt.Sprintf("%s has changes that are not applied", name)
		case store.Deferred:
			return fmt.Sprintf("%s is deferred", name)
		case store.Failed, store.Refused:
			return fmt.Sprintf("%s has no plan", name)
		case store.Pending:
			return fmt.Sprintf("%s is not planned", name)
		}
	}
	return ""
}

// pending says what an earlier run left to apply in a unit that is not in this
// one, "" for nothing. A plan of another commit is a proposal, and an apply that
// failed is a fact.
func (o *Operation) pending(name string) string {
	u := o.unit(name)
	if u == nil {
		return ""
	}
	stand := o.Stand(u)
	if p := stand.Pending; p != nil && (p.Action != runs.Plan || p.Commit == o.Tree.Commit) {
		if p.Action == runs.Plan {
			return fmt.Sprintf("%s has changes that are not applied (run %s)", name, p.Run)
		}
		return fmt.Sprintf("the apply of %s failed (run %s)", name, p.Run)
	}
	return ""
}

// Stand is what the records tell of a unit.
func (o *Operation) Stand(u *estate.Unit) runs.Standing {
	o.saving.Lock()
	defer o.saving.Unlock()
	if o.byUnit == nil {
		o.byUnit = map[[2]string][]runs.Record{}
		for _, r := range o.Records {
			o.byUnit[unitKey(&r)] = append(o.byUnit[unitKey(&r)], r)
		}
	}
	h := runs.HistoryOf(o.byUnit[[2]string{u.Stack, u.Environment}], func(*runs.Record) bool { return true })
	return h.Stand(u.Stack, func([]runs.Module) bool { return false })
}

func unitKey(r *runs.Record) [2]string { return [2]string{r.Stack, r.Environment} }

// blank takes an earlier plan out of a stack of a run.
func blank(st *store.Stack) {
	st.Digest, st.Fingerprint, st.Summary, st.LockFile, st.Modules, st.Error, st.Refusals = "", "", store.Summary{}, "", nil, "", nil
}

// planIn plans in a session and keeps the plan: its file, its JSON, its text and
// its document.
func (o *Operation) planIn(ctx context.Context, run *store.Run, u *estate.Unit, st *store.Stack, s *session) (*examined, error) {
	blank(st)
	st.AccountID, st.Workspace, st.Backend = s.account, workspaceName(u.Workspace), backendDigest(u)
	temp, err := o.Store.TempPlan(run.ID, st.Name)
	if err != nil {
		return nil, err
	}
	o.tell(st.Name, EventStep, "plan", "")
	s.lines.take()
	changes, err := o.Terraform.PlanTo(ctx, s.Session, terraform.PlanOptions{Out: temp, RefreshOnly: run.Drift})
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if errors.Is(err, terraform.ErrNoWorkspace) {
			return nil, noWorkspace(run, u, st)
		}
		return nil, asProblem(err)
	}
	text := s.lines.take()
	key, err := o.Store.Key(run.ID)
	if err != nil {
		return nil, err
	}
	e, err := o.examine(ctx, run, u, s, temp, func() ([]byte, error) {
		if s.rest != nil {
			defer s.rest()
		}
		return o.Terraform.ShowCached(ctx, s.Session, temp, ShowDir(o.Home), key)
	})
	if err != nil {
		return nil, err
	}
	document, err := e.document.MarshalJSON()
	if err != nil {
		return nil, err
	}
	st.Digest, err = o.Store.KeepPlan(run.ID, st.Name, map[store.File][]byte{store.PlanJSON: e.json, store.PlanText: []byte(text), store.FingerprintFile: document})
	if err != nil {
		return nil, err
	}
	st.Status = store.Unchanged
	if changes {
		st.Status = store.Changes
	}
	st.Fingerprint, st.Summary, st.LockFile, st.Modules = e.document.Sum(), summaryOf(e.summary), e.lockFile, e.modules
	for _, r := range e.refusals {
		st.Refusals = append(st.Refusals, store.Refusal{Guard: string(r.Guard), Reason: r.Reason, Hint: r.Hint})
		if r.Guard == guard.Account || r.Guard == guard.Workspace || r.Guard == guard.Backend {
			st.Status = store.Refused
		}
	}
	return e, nil
}

// noWorkspace says what there is to do about a workspace that is not there and
// that these credentials may not make, since plan_role only reads. An apply makes
// it: its role may write. So the plan waits for it, as for an upstream.
func noWorkspace(run *store.Run, u *estate.Unit, st *store.Stack) error {
	why := fmt.Sprintf("the workspace %q is not there yet, and the credentials to plan may not make it", u.Workspace)
	if run.Drift {
		return &Problem{Reason: why + ": nothing can have drifted", Hint: "`terrier plan`, without --drift, then `terrier apply` make it"}
	}
	st.Status, st.Error = store.Deferred, why+": `terrier apply` makes it, and plans then"
	return nil
}

// ShowDir is where what terraform shows of plans is kept, below the directory of
// terrier.hcl.
func ShowDir(home string) string { return filepath.Join(home, ".terrier", "show") }

func summaryOf(s fingerprint.Summary) store.Summary {
	return store.Summary{Add: s.Add, Change: s.Change, Replace: s.Replace, Destroy: s.Destroy, Forget: s.Forget, Moved: s.Moved, Import: s.Import, Drift: s.Drift, Outputs: s.Outputs}
}

// planned keeps what became of a unit's plan, which is now: in the manifest, and
// in the records.
func (o *Operation) planned(ctx context.Context, run *store.Run, st *store.Stack, now store.Stack, err error) error {
	if err != nil {
		if ctx.Err() != nil {
			return nil // it stays pending, and planAll says so
		}
		var p *Problem
		if !errors.As(err, &p) {
			return err
		}
		blank(&now)
		now.Status, now.Error = store.Failed, p.Error()
		if p.Guard != "" {
			now.Status = store.Refused
			now.Refusals = []store.Refusal{{Guard: string(p.Guard), Reason: p.Reason, Hint: p.Hint}}
		}
	}
	o.tell(st.Name, EventEnd, said(&now), string(now.Status))
	if err := o.save(run, st, now); err != nil {
		return err
	}
	if st.Status == store.Deferred {
		return nil // there is no plan to record
	}
	r := o.record(run, st)
	r.Action, r.Result = runs.Plan, runs.Failed
	switch st.Status {
	case store.Changes:
		r.Result = runs.Changes
	case store.Unchanged:
		r.Result = runs.Unchanged
	}
	if run.Drift {
		r.Action = runs.Drift
	}
	return o.keep(ctx, r)
}

// said is what a line says of a plan.
func said(st *store.Stack) string {
	switch st.Status {
	case store.Changes:
		return Counts(st.Summary)
	case store.Unchanged:
		return "no changes"
	case store.Pending:
		return "it was not planned"
	case store.Refused:
		if len(st.Refusals) > 0 {
			return st.Refusals[0].Reason
		}
	}
	first, _, _ := strings.Cut(st.Error, "\n")
	return first
}

// Counts writes what a plan would do: "2 to add, 1 to destroy".
func Counts(s store.Summary) string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Add, "to add"}, {s.Change, "to change"}, {s.Replace, "to replace"}, {s.Destroy, "to destroy"},
		{s.Forget, "to forget"}, {s.Import, "to import"}, {s.Moved, "moved"}, {s.Drift, "drifted"}, {s.Outputs, "outputs"},
	} {
		if c.n == 1 && c.what == "outputs" {
			c.what = "output"
		}
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(parts) == 0 {
		return "the state alone"
	}
	return strings.Join(parts, ", ")
}

// record is the record of a stack, without action and result.
func (o *Operation) record(run *store.Run, st *store.Stack) runs.Record {
	r := runs.Record{
		Run: run.ID, Time: o.Now().UTC(), Stack: st.Path, Environment: st.Environment, Account: st.Account,
		Commit: run.Commit, Modules: []runs.Module{}, By: o.By, Fingerprint: st.Fingerprint,
	}
	if st.Workspace != workspaceName("") {
		r.Workspace = st.Workspace
	}
	if st.Digest != "" {
		n := st.Summary
		r.Summary = &runs.Summary{Add: n.Add, Change: n.Change, Replace: n.Replace, Destroy: n.Destroy, Forget: n.Forget, Drift: n.Drift}
	}
	r.Error, _, _ = strings.Cut(st.Error, "\n")
	for _, m := range st.Modules {
		r.Modules = append(r.Modules, runs.Module{Source: m.Source, Subdir: m.Subdir, Ref: m.Ref, Commit: m.Commit})
	}
	return r
}

// keep adds a record, also after an interrupt: what was done is done.
func (o *Operation) keep(ctx context.Context, r runs.Record) error {
	o.saving.Lock()
	defer o.saving.Unlock()
	if o.batch != nil {
		o.batch.records = append(o.batch.records, r)
	} else if err := o.Record(context.WithoutCancel(ctx), r); err != nil {
		return err
	}
	if o.byUnit != nil {
		o.byUnit[unitKey(&r)] = append(o.byUnit[unitKey(&r)], r)
	}
	o.Records = append(o.Records, r)
	return nil
}

// save puts what a stack has become into the manifest.
func (o *Operation) save(run *store.Run, st *store.Stack, now store.Stack) error {
	o.saving.Lock()
	defer o.saving.Unlock()
	*st = now
	if b := o.batch; b != nil {
		if b.waiting++; b.waiting < b.most {
			return nil
		}
		return o.flush(run)
	}
	return o.Store.Save(run)
}

// Newest is the newest record of a unit with one of the actions, nil for none.
func (o *Operation) Newest(u *estate.Unit, actions ...runs.Action) *runs.Record {
	var newest *runs.Record
	for i := range o.Records {
		r := &o.Records[i]
		if r.Stack == u.Stack && r.Environment == u.Environment && slices.Contains(actions, r.Action) && (newest == nil || !r.Time.Before(newest.Time)) {
			newest = r
		}
	}
	return newest
}
