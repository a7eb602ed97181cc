package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live"
	"github.com/terrier-iac/terrier/live/approval"
	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
	"github.com/terrier-iac/terrier/modules"
)

type planOptions struct {
	operateOptions
	drift, dryRun bool
	renew         string
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Plan the stacks in their order, with real terraform",
		Long: `Plan runs terraform (or tofu) in each stack, those first that others come after
(terraform_remote_state, and after in terrier.hcl), so many at a time. It runs
the repository's code: providers, data sources, external programs.

Each plan is saved below .terrier/runs/RUN/STACK/ beside terrier.hcl, for you
alone: it holds secrets. A stack that comes after one with something to apply is
deferred: what it would be planned with is not there yet. A stack that fails
stops only what comes after it. What an apply would refuse is said now. A new
workspace that plan_role may not make is deferred, too: apply makes it.

With an account in terrier.hcl the account's plan_role is assumed, and the
credentials must belong to account.id before anything runs, and so must every
AWS provider of the plan. The terrier.hcl of the base (--base, else the main
branch) is what guards; the branch at hand can only be stricter.

--changed-since REV takes the stacks that changed since then: their own files,
the local modules and files that they reach, what terrier.hcl says of them, and
the modules whose locked commit has another tree. --why says why each is chosen.
--drift plans refresh-only: what has changed outside of terraform.
--renew RUN plans a run anew: an approval stays where the plan is the same.

Exit codes: 0 nothing to apply; 2 something has changes, is deferred, refused or
not supported; 1 a stack failed, or an error.`,
		Example: "  terrier plan --env sandbox\n  terrier plan --changed-since origin/main --why\n  terrier plan --stack 'live/prod/*' --drift\n  terrier plan --renew latest",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.plan(cmd.Context(), o) },
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.changedSince, "changed-since", "", "only the stacks that changed since this `revision`")
	f.BoolVar(&o.why, "why", false, "say why each stack is chosen")
	f.BoolVar(&o.dryRun, "dry-run", false, "show which stacks would be planned, in their order, and stop")
	f.BoolVar(&o.drift, "drift", false, "plan refresh-only: what has changed outside of terraform")
	f.StringVar(&o.renew, "renew", "", "plan anew what of this `run` is not applied")
	cmd.MarkFlagsMutuallyExclusive("renew", "changed-since")
	cmd.MarkFlagsMutuallyExclusive("renew", "drift")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

// plan is the journey: read the estate, choose, plan each, report.
func (a *app) plan(ctx context.Context, o planOptions) error {
	// Which terraform it is takes as long as to read the estate: a plan of all
	// needs it for sure.
	a.terraformAhead = !o.dryRun && o.changedSince == ""
	e, err := a.openEstate(ctx, o.base)
	if err != nil {
		return err
	}
	if o.renew != "" {
		return e.renew(ctx, o)
	}
	units, sel, err := e.choose(ctx, o.selection)
	if err != nil {
		return err
	}
	if err := e.refuseDuplicates(units); err != nil {
		return err
	}
	e.notes(units)
	if len(units) == 0 {
		e.app.say("%s", e.nothing(o))
	}
	switch {
	case o.dryRun:
		return e.selected(units, sel, o)
	case len(units) == 0:
		return report.WritePlanned(a.stdout, report.NewPlan(&store.Run{Commit: e.tree.Commit, Drift: o.drift}, nil, nil), a.format, a.style(a.stdout))
	}
	op, err := e.operation(ctx, o.operateOptions)
	if err != nil {
		return err
	}
	if err := refuseSurroundings(live.Surroundings(op.Environ, e.estate)); err != nil {
		return err
	}
	if e.share != nil && !e.shares() {
		a.say("note: %s is not set: this plan stays here, and nothing of it is shared", runsKey)
	}
	e.clean()
	view := e.view(op)
	defer view.Done()
	host, _ := os.Hostname() // for people
	run, err := op.Plan(ctx, units, live.PlanOptions{Drift: o.drift, CI: approval.CI(os.Getenv), Base: e.guards.Commit, Host: host})
	view.Done()
	if run == nil {
		return err
	}
	if err == nil && !o.drift {
		err = e.put(ctx, run.ID)
	}
	r := report.NewPlan(run, e.terragrunt, e.unsure(units))
	if o.why {
		r.Reasons(func(name string) []estate.Reason { return e.why(sel, name) })
	}
	return e.planned(r, err)
}

// nothing says why no stack is chosen, and what to do.
func (e *estateRun) nothing(o planOptions) string {
	var undecided []string
	for _, d := range e.graph.Sorted() {
		if d.Role == modules.RoleUndecided {
			undecided = append(undecided, d.Path)
		}
	}
	switch {
	case len(e.estate.Units) > 0 && o.changedSince != "" && len(o.environments)+len(o.accounts)+len(o.stacks) == 0:
		return fmt.Sprintf("nothing has changed in any stack since %s\nhint: terrier plan, without --changed-since, plans them all", o.changedSince)
	case len(e.estate.Units) > 0 && o.changedSince != "":
		return fmt.Sprintf("nothing has changed since %s in the stacks that the other flags mean\nhint: --dry-run --why without them shows what has", o.changedSince)
	case len(e.estate.Units) > 0:
		return "no stack meets all of the flags\nhint: `terrier scan` lists the stacks with their environments and accounts"
	case len(undecided) > 0:
		return fmt.Sprintf("there is no stack: of %s it is not decided what they are\nhint: `terrier scan` shows the line for terrier.hcl that decides each", some(undecided))
	}
	return "there is no stack here: a directory with a backend block that nobody calls is one\nhint: stack \"PATH\" { role = \"stack\" } in terrier.hcl makes one of any directory; `terrier scan` shows what is seen"
}

// some names the first of many directories.
func some(dirs []string) string {
	const most = 3
	text := strings.Join(dirs[:min(len(dirs), most)], ", ")
	if n := len(dirs) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// renew plans a run anew.
func (e *estateRun) renew(ctx context.Context, o planOptions) error {
	run, err := e.load(ctx, o.renew)
	if r := foreign(err); r != nil {
		report.Error(e.app.stderr, fmt.Errorf("guard %s: %w", r.Guard, err), e.app.style(e.app.stderr))
		return errFound
	}
	if err != nil {
		return err
	}
	units := e.unitsOf(run)
	if err := e.refuseDuplicates(units); err != nil {
		return err
	}
	e.notes(units)
	op, err := e.operation(ctx, o.operateOptions)
	if err != nil {
		return err
	}
	if err := refuseSurroundings(live.Surroundings(op.Environ, e.estate)); err != nil {
		return err
	}
	view := e.view(op)
	defer view.Done()
	list, err := op.Renew(ctx, run)
	view.Done()
	err = errors.Join(err, e.put(ctx, run.ID))
	r := report.NewPlan(run, e.terragrunt, e.unsure(e.of(run)))
	r.Renewals(list)
	return e.planned(r, err)
}

// planned reports, and makes the exit code.
func (e *estateRun) planned(r *report.Plan, err error) error {
	a := e.app
	if e := report.WritePlanned(a.stdout, r, a.format, a.style(a.stdout)); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	counts := r.Counts()
	steps := []report.Step{{Command: a.command("runs show " + r.Run), Why: "what each would do"}}
	if counts["changes"] > 0 && !r.Drift {
		if e.approvalsDue(r) {
			steps = append(steps, report.Step{Command: a.command("approve " + r.Run), Why: "where approvals are due"})
		}
		steps = append(steps, report.Step{Command: a.command("apply " + r.Run), Why: "exactly these plans"})
	}
	if len(r.Stacks) > counts["unchanged"] {
		a.next(steps...)
	}
	if counts["failed"] > 0 {
		return errShown
	}
	return a.done(nil, len(r.Stacks) > counts["unchanged"])
}

// approvalsDue reports whether any of the plans needs an approval.
func (e *estateRun) approvalsDue(r *report.Plan) bool {
	return slices.ContainsFunc(r.Stacks, func(s report.PlanStack) bool {
		u := e.unit(s.Name)
		return s.Status == "changes" && u != nil && e.guards.Rules(u.Stack, u.Environment).Approvals > 0
	})
}

// selected reports the stacks that would be planned.
func (e *estateRun) selected(units []*estate.Unit, sel estate.Selection, o planOptions) error {
	order, err := e.estate.Order()
	if err != nil {
		return err
	}
	chosen := map[*estate.Unit]bool{}
	for _, u := range units {
		chosen[u] = true
	}
	r := report.NewSelected(e.tree.Commit, e.unsure(units))
	for _, u := range order {
		if chosen[u] {
			r.Add(u, e.estate.Own(u), e.estate.Ahead(u.Environment), e.estate.Why(sel, u))
		}
	}
	return report.WriteSelected(e.app.stdout, r, e.app.format, o.why, e.app.style(e.app.stdout))
}

func (e *estateRun) unit(name string) *estate.Unit {
	for _, u := range e.estate.Units {
		if u.Name() == name {
			return u
		}
	}
	return nil
}

// unitsOf are the units of a run's stacks that there are still.
func (e *estateRun) unitsOf(run *store.Run) []*estate.Unit {
	return slices.DeleteFunc(slices.Clone(e.estate.Units), func(u *estate.Unit) bool { return run.Stack(u.Name()) == nil })
}

func (e *estateRun) terragrunt(name string) bool {
	u := e.unit(name)
	return u != nil && u.Terragrunt
}

func (e *estateRun) why(sel estate.Selection, name string) []estate.Reason {
	if u := e.unit(name); u != nil {
		return e.estate.Why(sel, u)
	}
	return nil
}

// refuseSurroundings ends a command in an environment that would change a plan
// behind its back.
func refuseSurroundings(refusals []guard.Refusal) error {
	if len(refusals) == 0 {
		return nil
	}
	return fmt.Errorf("guard %s: %s\nhint: %s", refusals[0].Guard, refusals[0].Reason, refusals[0].Hint)
}

// load reads a run, wherever it is.
func (e *estateRun) load(ctx context.Context, id string) (*store.Run, error) {
	return loadRun(ctx, e.store, e.share, id)
}

// clean removes run folders that are older than the configuration keeps them. It
// is no part of the work: what cannot be removed stays.
func (e *estateRun) clean() {
	keep := e.guards.Runs().Keep
	if keep <= 0 {
		return
	}
	now := e.app.now().Truncate(time.Second)
	_, _ = e.store.Clean(store.CleanOptions{OlderThan: keep, Now: now})
	terraform.CleanShown(live.ShowDir(e.cfg.Root), now.Add(-keep))
}
