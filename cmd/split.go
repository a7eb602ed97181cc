package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/split"
)

type splitOptions struct {
	out, rev, only, verify      string
	check                       string
	dryRun, noHistory, noFollow bool
	tags, docs                  bool
}

func (a *app) splitCommand() *cobra.Command {
	var o splitOptions
	cmd := &cobra.Command{
		Use:   "split --out DIR | --check DIR",
		Short: "Split the monorepo into tagged modules and pinned stacks",
		Long: `Split writes, from a commit and without touching the monorepo:

  DIR/modules/NAME.git  a bare repository for each module, with its history, its
                        own calls pinned, and an annotated tag
  DIR/live/live         the monorepo's own history, and one commit on top that
                        removes the modules and pins every call to its tag
  DIR/live/REPO         the same for an environment with "repo" in terrier.hcl:
                        its stacks at their paths, with their history
  DIR/split.json        the plan, every tip and tag, and the proof

Then it reads what it wrote, with other code, and proves that every stack's tree
of modules and every file in it is the same, the rewritten sources aside. What
cannot move is named with file and line, and stays; what cannot be proved is
named too. Interrupted at any point, the same command again completes it.

terrier.hcl is not needed: without it sources are file:// URLs, so that the
result works on this machine at once. "layout" in its modules block has two
other shapes: "one-repository" (DIR/modules/modules.git holds all modules, which
keep their relative calls, with a tag for each) and "in-place" (no file moves:
DIR/live/live gets a tag for each module, and a branch that pins the callers).

--verify get and --verify plan also run terraform in each stack before and
after, and so the repository's code.

--check DIR proves a finished split again, from DIR/split.json and the git
objects of the monorepo alone: -C may be any clone or bare mirror of it. What
was altered since, in the record or in a repository, is named.

Exit codes: 0 all is split and proved; 2 done, but something is blocked or not
proved; 1 an error.`,
		Example: `  terrier split --out ../split --dry-run
  terrier split --out ../split
  terrier split --out ../split --tags --docs --verify get
  terrier split --out ../split-vpc --only 'modules/vpc'
  terrier split --check ../split -C ../mirror.git`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.consistent(cmd.Flags()); err != nil {
				return err
			}
			if o.check != "" {
				return a.checkSplit(cmd.Context(), o.check)
			}
			return a.split(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "write the repositories to this `directory`: new, empty, or an interrupted run's; outside the monorepo")
	f.StringVar(&o.rev, "rev", "HEAD", "split this `revision`")
	f.StringVar(&o.only, "only", "", "extract only the modules whose path matches this `glob` (** is any depth); the others stay")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the plan and write nothing")
	f.BoolVar(&o.noHistory, "no-history", false, "begin each new repository with one commit, without history")
	f.BoolVar(&o.noFollow, "no-follow", false, "do not follow a module's directory through renames")
	f.BoolVar(&o.tags, "tags", false, "also carry the monorepo's own tags over, as monorepo/TAG, or as carried_tag in terrier.hcl says")
	f.BoolVar(&o.docs, "docs", false, "also rewrite the sources that HCL code blocks in Markdown files show")
	f.StringVar(&o.verify, "verify", "static", "`how` to prove the result: static, get (also terraform get), plan (also terraform plan)")
	f.StringVar(&o.check, "check", "", "prove again the finished split in this `directory`")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

// consistent checks which flags were given together.
func (o splitOptions) consistent(flags *pflag.FlagSet) error {
	if o.out == "" && o.check == "" {
		return errors.New("split needs a directory to write to\nhint: --out ../split, with --dry-run to see it first; --check DIR proves a finished split again")
	}
	if o.check == "" {
		return nil
	}
	for _, name := range []string{"out", "rev", "only", "dry-run", "no-history", "no-follow", "tags", "docs", "verify"} {
		if flags.Changed(name) {
			return fmt.Errorf("--%s cannot be given with --check\nhint: what was split, and how, stands in split.json", name)
		}
	}
	return nil
}

// split is the journey: open, plan, write, prove, report.
func (a *app) split(ctx context.Context, o splitOptions) error {
	j, err := a.openSplit(ctx, o)
	if err != nil {
		return err
	}
	defer j.tree.Close()
	plan, err := a.planSplit(ctx, j, o)
	if err != nil {
		return err
	}
	if o.dryRun {
		err := report.WritePlan(a.stdout, plan, a.format, a.style(a.stdout))
		a.next(report.Step{Command: "the same command without --dry-run", Why: "writes it, and proves it"})
		return a.done(err, len(plan.Blocked)+len(plan.Unproved) > 0)
	}
	result, proof, err := a.writeSplit(ctx, j, o, plan)
	if err != nil {
		return err
	}
	return a.reportSplit(report.Split{Out: o.out, Plan: plan, Result: result, Proof: proof})
}

// reportSplit ends a split, or a check of one.
func (a *app) reportSplit(s report.Split) error {
	err := report.WriteSplit(a.stdout, s, a.format, a.style(a.stdout))
	if len(s.Proof.Mismatches) == 0 {
		a.next(nextSteps(s)...)
	}
	blocked := len(s.Plan.Blocked) > 0 && !s.Checked // a check asks whether the record is true
	return a.done(err, blocked || len(s.Plan.Unproved) > 0 || !s.Proof.OK())
}

// nextSteps are what to do with a split that is proved.
func nextSteps(s report.Split) []report.Step {
	var steps []report.Step
	for _, l := range s.Plan.Live {
		if len(s.Plan.Live) < 4 {
			steps = append(steps, report.Step{Command: "git -C " + shell(filepath.Join(s.Out, filepath.FromSlash(l.Repository))) + " show", Why: "what moved, and each pinned call"})
		}
	}
	for _, l := range s.Plan.Live {
		if l.Remote == "" {
			return append(steps, report.Step{Command: "edit terrier.hcl: modules { source }, live { remote }", Why: "to push a split"})
		}
	}
	return append(steps, report.Step{Command: "terrier push " + shell(s.Out) + " --dry-run", Why: "what would go where"})
}

// planSplit decides what becomes of every path and call. The graph is given
// up: the plan is all that is needed of it.
func (a *app) planSplit(ctx context.Context, j *splitJob, o splitOptions) (*split.Plan, error) {
	c := j.cfg.splitConfig(o)
	var err error
	if o.docs {
		if c.Own, err = j.repo.Remotes(ctx); err != nil {
			return nil, err
		}
	}
	if o.tags {
		if c.Tags, err = j.repo.Tags(ctx); err != nil {
			return nil, err
		}
	}
	plan, diags := split.NewPlan(j.commit, j.graph, c)
	j.graph = nil
	return plan, a.show(diags, nil)
}

// writeSplit writes the repositories, proves them, and records both.
func (a *app) writeSplit(ctx context.Context, j *splitJob, o splitOptions, plan *split.Plan) (*split.Result, *split.Proof, error) {
	release, err := split.Claim(ctx, o.out, plan, func() { a.say("Waiting for another run that still writes to %s.", o.out) })
	if err != nil {
		return nil, nil, err
	}
	defer release()
	bar := a.progress()
	defer bar.Done()
	result, err := split.Run(ctx, j.repo, j.commit, j.tree, plan, o.out, steps(bar))
	if err != nil {
		return nil, nil, err
	}
	proof, err := split.Verify(ctx, j.repo, plan, result, o.out, steps(bar))
	if err != nil {
		return nil, nil, err
	}
	if err := a.askTerraform(ctx, j, o, plan, proof, bar); err != nil {
		return nil, nil, err
	}
	return result, proof, split.Finish(o.out, plan, result, proof)
}
