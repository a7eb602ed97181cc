package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live/approval"
	"github.com/terrier-iac/terrier/live/store"
)

type approveOptions struct {
	selection
	base string
}

func (a *app) approveCommand() *cobra.Command {
	var o approveOptions
	cmd := &cobra.Command{
		Use:   "approve RUN",
		Short: "Approve the plans of a run, for the environments that ask for it",
		Long: `Approve says that you, by your git user.email, approve what a run would apply:
each stack's plan, by its digest and its fingerprint. Look at it first, with
"terrier runs show RUN". A plan that is made anew keeps the approval exactly
where the fingerprint is the same.

An environment says in terrier.hcl how many approvals it needs (approvals),
whose count (approvers), and whether the author's own does (author_approves).
Authors are who planned the run, and who has planned it anew.

In CI this command refuses: there the approvals of the forge's own record count
(GitLab's protected environments, GitHub's environments), which no job can
write.

RUN is a run's name, or latest.

Exit codes: 0 approved, and enough; 2 more approvals are due, or the run is
refused; 1 an error.`,
		Example: "  terrier approve latest\n  terrier approve latest --env prod",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.approve(cmd.Context(), args[0], o) },
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.base, "base", "", "the `revision` whose terrier.hcl guards (default: the main branch)")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

// approve is the journey: load the run, approve each plan, say what is missing.
func (a *app) approve(ctx context.Context, id string, o approveOptions) error {
	if ci := approval.CI(os.Getenv); ci != nil {
		return fmt.Errorf("in CI the forge's own record of approvals counts, and no job can add to it\nhint: approve the deployment at %s, in the environment of that name", ci.Forge)
	}
	e, err := a.openEstate(ctx, o.base)
	if err != nil {
		return err
	}
	run, err := e.load(ctx, id)
	if r := foreign(err); r != nil {
		report.Error(e.app.stderr, fmt.Errorf("guard %s: %w", r.Guard, err), e.app.style(e.app.stderr))
		return errFound
	}
	if err != nil {
		return err
	}
	chosen, err := e.chosen(run, o.selection)
	if err != nil {
		return err
	}
	if !strings.Contains(e.by, "@") {
		return errors.New("who approves is not known\nhint: git config --global user.email you@example.com")
	}
	source := approval.New(approval.Options{Getenv: os.Getenv, Store: e.store, Timeout: remoteSilence})
	r := report.NewApprove(run, e.by)
	for _, st := range run.Stacks {
		if st.Status != store.Changes || chosen != nil && !chosen(st) {
			continue
		}
		if step, err := e.store.State(run.ID, st.Name); err != nil {
			return err
		} else if step.State == store.StateApplied && step.Digest == st.Digest {
			continue
		}
		if err := e.store.Approve(run, st.Name, e.by, a.now()); err != nil {
			return err
		}
		rules := e.guards.Rules(st.Path, st.Environment)
		counted, missing := e.approvals(ctx, source, run, st, rules)
		list, err := e.store.Approvals(run, st.Name)
		if err != nil {
			return err
		}
		r.Add(st, list, len(counted), rules.Approvals, missing)
	}
	if err := e.put(ctx, run.ID); err != nil {
		return err
	}
	if len(r.Stacks) == 0 {
		return fmt.Errorf("run %s has no plan to approve there\nhint: `terrier runs show %s` lists what it has", run.ID, run.ID)
	}
	if err := report.WriteApprove(a.stdout, r, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	if !r.Missing() {
		a.next(report.Step{Command: a.command("apply " + run.ID), Why: "exactly these plans"})
	}
	return a.done(nil, r.Missing())
}
