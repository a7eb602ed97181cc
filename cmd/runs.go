package cmd

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/share"
	"github.com/terrier-iac/terrier/live/store"
)

// runsKey is the environment's name for the key that several machines share.
const runsKey = "TERRIER_RUNS_KEY"

func (a *app) runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List what was planned here, and how far it was applied",
		Long: `Runs lists the runs of this clone, the newest first: when and from which commit
each was planned, by whom, and how many of its stacks have changes, are applied,
failed or wait. A run is a folder in .terrier/runs, beside terrier.hcl, with the
saved plans, who approved them, and a journal of the apply.

A run that was made on another machine, or was edited, is named and not read:
TERRIER_RUNS_KEY is the key that several machines share. Where terrier.hcl has
runs { s3 {} }, those that were shared there are listed too; "terrier runs show"
brings one, and TERRIER_AGE_IDENTITY is the key to read it with.

"terrier runs show" shows one, "terrier runs clean" removes old ones.`,
		Example: "  terrier runs\n  terrier runs show latest\n  terrier runs clean --older-than 30d",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runs(cmd.Context()) },
	}
	a.formatFlag(cmd, "text", "json")
	cmd.AddCommand(a.runsShowCommand(), a.runsCleanCommand())
	return cmd
}

func (a *app) runsShowCommand() *cobra.Command {
	var stacks []string
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run: its stacks, changes, approvals and journal",
		Long: `Show tells all there is about a run: commit, branch and who planned it, and for
each stack what the plan changes, its fingerprint, who approved it, and how far
its apply has come. Values that terraform marks as sensitive are masked as
terraform masks them. RUN is a name from "terrier runs", or latest; one that was
shared is brought here first.`,
		Example:           "  terrier runs show latest\n  terrier runs show 20261124T145953Z-1a2b3c --stack 'live/prod/**'",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.runsShow(cmd.Context(), args[0], stacks) },
	}
	cmd.Flags().StringSliceVar(&stacks, "stack", nil, "only these stacks, `globs` over paths or names")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

func (a *app) runsCleanCommand() *cobra.Command {
	var olderThan age
	var o store.CleanOptions
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove old runs, with their plans",
		Long: `Clean removes the runs that began longer ago than --older-than, else than keep
of terrier.hcl: plans hold secrets, and one that old is stale. Those that a
terrier is applying stay, those of which nobody knows how an apply ended,
those that cannot be read, and, but for --approved, those that somebody
approved and nobody applied. What was shared stays in its bucket: a lifecycle
rule of it cleans there.

Exit codes: 0 all that is old enough is removed; 2 a run stays; 1 an error.`,
		Example: "  terrier runs clean\n  terrier runs clean --older-than 12h --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("older-than") {
				o.OlderThan = time.Duration(olderThan)
			}
			return a.runsClean(cmd.Context(), o)
		},
	}
	cmd.Flags().Var(&olderThan, "older-than", "remove only what began longer ago than this `age` (30d, 2w, 12h; default: keep of terrier.hcl)")
	cmd.Flags().BoolVar(&o.Approved, "approved", false, "also runs that are approved and not applied")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would be removed")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

// openStore opens the runs beside terrier.hcl, with the key that machines share
// where the environment has one.
func openStore(cfg *Config) (*store.Store, error) {
	var key []byte
	if text, ok := os.LookupEnv(runsKey); ok {
		key = []byte(strings.TrimSpace(text))
	}
	return store.Open(cfg.Root, key)
}

// openRuns opens the runs beside terrier.hcl.
func (a *app) openRuns() (*store.Store, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	return openStore(cfg)
}

// openShared is openRuns, with how runs are kept and where they are shared.
func (a *app) openShared(ctx context.Context) (*store.Store, *share.Share, RunsConfig, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, nil, RunsConfig{}, err
	}
	g, err := a.guarding(ctx, cfg, "")
	if err != nil {
		return nil, nil, RunsConfig{}, err
	}
	s, err := openStore(cfg)
	if err != nil {
		return nil, nil, RunsConfig{}, err
	}
	sh, err := openShare(ctx, g.Runs())
	return s, sh, g.Runs(), err
}

func (a *app) runs(ctx context.Context) error {
	s, sh, _, err := a.openShared(ctx)
	if err != nil {
		return err
	}
	list, err := s.List()
	if err != nil {
		return err
	}
	shared, err := sharedAlone(ctx, sh, list)
	if err != nil {
		return err
	}
	r := report.NewRunsList(s, list)
	r.AddShared(shared)
	if err := report.WriteRunsList(a.stdout, r, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	if len(r.Runs) > 0 {
		a.next(report.Step{Command: a.command("runs show " + r.Runs[0].Run), Why: "shows what it changes"})
	}
	return nil
}

func (a *app) runsShow(ctx context.Context, id string, globs []string) error {
	for _, g := range globs {
		if !doublestar.ValidatePattern(g) {
			return fmt.Errorf("--stack %q is no glob", g)
		}
	}
	s, sh, _, err := a.openShared(ctx)
	if err != nil {
		return err
	}
	r, err := loadRun(ctx, s, sh, id)
	if err != nil {
		return err
	}
	hit := make([]bool, len(globs))
	shown, err := report.NewRunShown(s, r, func(st *store.Stack) bool {
		found := len(globs) == 0
		for i, g := range globs {
			if doublestar.MatchUnvalidated(g, st.Path) || doublestar.MatchUnvalidated(g, st.Name) {
				found, hit[i] = true, true
			}
		}
		return found
	})
	if err != nil {
		return err
	}
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	records, err := runs.Read(cfg.Root, nil)
	if err != nil {
		return err
	}
	shown.Records(records.Records)
	for i, g := range globs {
		if !hit[i] {
			return fmt.Errorf("--stack %q: run %s has no such stack\nhint: %s lists them", g, r.ID, a.command("runs show "+r.ID))
		}
	}
	return report.WriteRunShown(a.stdout, shown, a.format, a.style(a.stdout))
}

// runsClean cleans what is older than o says, else than the configuration keeps.
func (a *app) runsClean(ctx context.Context, o store.CleanOptions) error {
	s, _, how, err := a.openShared(ctx)
	if err != nil {
		return err
	}
	if o.OlderThan == 0 {
		o.OlderThan = how.Keep
	}
	if o.OlderThan <= 0 { // which would be all
		o.OlderThan = defaultKeep
	}
	o.Now = a.now()
	list, err := s.Clean(o)
	if err != nil {
		return err
	}
	cleaned := report.NewRunsCleaned(list, o.DryRun)
	err = report.WriteRunsCleaned(a.stdout, cleaned, a.format, a.style(a.stdout))
	return a.done(err, len(cleaned.Kept) > 0)
}

// completeRuns completes the names of runs.
func (a *app) completeRuns(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	out := []string{store.Latest}
	if s, err := a.openRuns(); err == nil {
		list, _ := s.List() // there is nobody to tell
		for _, l := range list {
			out = append(out, l.ID)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
