package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/store"
)

type applyOptions struct {
	operateOptions
	override, reasons []string
	lockTimeout       time.Duration
}

func (a *app) applyCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply RUN",
		Short: "Apply the saved plans of a run, and nothing else",
		Long: `Apply applies the plans that "terrier plan" saved, each from a private copy
whose digest is the one that was planned and approved, those first that others
come after. What was deferred is planned as soon as what it comes after is
applied, and applied too, unless an approval is due: then it stops there.

It refuses, and says why: a plan that is not approved, was altered, is stale, or
was made for another state, workspace, account or terraform; a provider lock
file or modules out of step; a work tree with changes, or another commit; a
branch that may not apply; a freeze window; an environment before its turn; what
is protected, or too much that would be destroyed; and an environment that would
change the plan behind your back (TF_CLI_ARGS, dev_overrides and their like).

--override GUARD --reason TEXT passes a guard where the configuration allows it.
It is recorded.

An interrupt is passed on once, and apply waits: terraform ends in order and
releases its lock. A second one makes terraform leave at once. After a crash the
same command reads the state and completes what is left: nothing is applied
twice.

RUN is a run's name, or latest.

Exit codes: 0 all is applied; 2 something is refused, deferred or without a
plan; 1 an apply failed, or an error.`,
		Example: "  terrier apply latest\n  terrier apply 20261124T145953Z-1a2b3c --env sandbox\n  terrier apply latest --override max_destroy --reason 'INC-42: old cluster'",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.apply(cmd.Context(), args[0], o) },
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.override, "override", nil, "pass this `guard`; may be repeated")
	f.StringArrayVar(&o.reasons, "reason", nil, "`why`, for each --override, or one for all")
	f.DurationVar(&o.lockTimeout, "lock-timeout", 0, "wait so `long` for a state's lock")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

// apply is the journey: read the estate, load the run, apply what may be, report.
func (a *app) apply(ctx context.Context, id string, o applyOptions) error {
	override, err := o.overrides()
	if err != nil {
		return err
	}
	e, err := a.openEstate(ctx, o.base)
	if err != nil {
		return err
	}
	if e.share != nil && !e.shares() {
		return fmt.Errorf("%s is not set, and terrier.hcl has runs { s3 {} }: nobody else would know of this apply\nhint: set it to the key that all machines share, and plan with it", runsKey)
	}
	run, err := e.load(ctx, id)
	if r := foreign(err); r != nil {
		return a.done(report.WriteApply(a.stdout, report.NewRefused(id, *r), a.format, a.style(a.stdout)), true)
	}
	if err != nil {
		return err
	}
	chosen, err := e.chosen(run, o.selection)
	if err != nil {
		return err
	}
	if err := e.refuseDuplicates(e.estate.Units); err != nil {
		return err
	}
	e.notes(e.unitsOf(run))
	op, err := e.operation(ctx, o.operateOptions)
	if err != nil {
		return err
	}
	again, unlisten := a.listen()
	defer unlisten()
	view := e.view(op)
	defer view.Done()
	list, err := op.Apply(ctx, run, live.ApplyOptions{Chosen: chosen, Override: override, Second: again, LockTimeout: o.lockTimeout})
	view.Done()
	if err != nil && list == nil {
		return err
	}
	err = errors.Join(err, e.put(ctx, run.ID))
	r := report.NewApply(run, list)
	if e := report.WriteApply(a.stdout, r, a.format, a.style(a.stdout)); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	return a.applied(run, list)
}

// applied says what is next, and makes the exit code.
func (a *app) applied(run *store.Run, list []live.Outcome) error {
	failed, left, deferred := false, false, false
	for _, out := range list {
		failed = failed || out.Status == live.StatusFailed
		left = left || out.Left
		deferred = deferred || out.Status == live.StatusDeferred && out.Guard == guard.Unapproved
	}
	if deferred {
		a.next(
			report.Step{Command: a.command("runs show " + run.ID), Why: "what is planned now"},
			report.Step{Command: a.command("approve " + run.ID)},
			report.Step{Command: a.command("apply " + run.ID)})
	}
	if failed {
		return errShown
	}
	return a.done(nil, left)
}

// mostReason bounds a reason, in bytes.
const mostReason = 500

// foreign is the refusal of a run that was not made here, or was edited; nil for
// any other error.
func foreign(err error) *guard.Refusal {
	var f *store.ForeignError
	if !errors.As(err, &f) {
		return nil
	}
	reason, hint, _ := strings.Cut(err.Error(), "\nhint: ")
	return &guard.Refusal{Guard: guard.Foreign, Reason: reason, Hint: hint}
}

// overrides are the guards to pass, each with its reason.
func (o applyOptions) overrides() (map[guard.Name]string, error) {
	out := map[guard.Name]string{}
	if len(o.override) == 0 && len(o.reasons) > 0 {
		return nil, fmt.Errorf("--reason without --override\nhint: --override GUARD --reason TEXT")
	}
	for i, name := range o.override {
		g := guard.Name(name)
		if !slices.Contains(guard.Names(), g) {
			var known []string
			for _, n := range guard.Names() {
				if n.Overridable() {
					known = append(known, string(n))
				}
			}
			return nil, fmt.Errorf("--override %s: there is no such guard\nhint: it is one of %s", name, strings.Join(known, ", "))
		}
		if len(o.reasons) == 0 || len(o.reasons) > 1 && i >= len(o.reasons) || strings.TrimSpace(o.reasons[min(i, len(o.reasons)-1)]) == "" {
			return nil, fmt.Errorf("--override %s needs a reason\nhint: --override %s --reason 'why it is right this once'", name, name)
		}
		if !g.Overridable() {
			return nil, fmt.Errorf("--override %s: nothing passes this guard", name)
		}
		reason := strings.TrimSpace(o.reasons[min(i, len(o.reasons)-1)])
		// It is kept in a line of a file, and shown to people.
		if !utf8.ValidString(reason) || len(reason) > mostReason || strings.ContainsFunc(reason, func(c rune) bool { return !unicode.IsPrint(c) }) {
			return nil, fmt.Errorf("--reason: it is one line of text, of %d bytes at most", mostReason)
		}
		out[g] = reason
	}
	return out, nil
}

// chosen says which stacks of a run the flags mean; a name or a glob that means
// none is an error.
func (e *estateRun) chosen(run *store.Run, s selection) (func(*store.Stack) bool, error) {
	if len(s.environments)+len(s.accounts)+len(s.stacks) == 0 {
		return nil, nil
	}
	is := func(flag string, given []string, of func(*store.Stack, string) bool) error {
		for _, g := range given {
			if !slices.ContainsFunc(run.Stacks, func(st *store.Stack) bool { return of(st, g) }) {
				return fmt.Errorf("%s %s: run %s has no such stack\nhint: `terrier runs show %s` lists them", flag, g, run.ID, run.ID)
			}
		}
		return nil
	}
	stack := func(st *store.Stack, g string) bool {
		g = path.Clean(g)
		a, errA := doublestar.Match(g, st.Path)
		b, errB := doublestar.Match(g, st.Name)
		return errA == nil && a || errB == nil && b
	}
	environment := func(st *store.Stack, g string) bool { return st.Environment == g }
	account := func(st *store.Stack, g string) bool { return st.Account == g }
	for _, err := range []error{is("--env", s.environments, environment), is("--account", s.accounts, account), is("--stack", s.stacks, stack)} {
		if err != nil {
			return nil, err
		}
	}
	any := func(st *store.Stack, given []string, of func(*store.Stack, string) bool) bool {
		return len(given) == 0 || slices.ContainsFunc(given, func(g string) bool { return of(st, g) })
	}
	return func(st *store.Stack) bool {
		return any(st, s.environments, environment) && any(st, s.accounts, account) && any(st, s.stacks, stack)
	}, nil
}
