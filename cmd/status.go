package cmd

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live"
	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

type statusOptions struct {
	selection
	base string
}

func (a *app) statusCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show for each stack what is declared, applied, and left",
		Long: `Status shows for each stack in each environment the versions of its modules that
the files ask for and those that are applied, its last plan and its last apply,
by whom and at which commit, the last look at drift, and whether something is
merged and not applied: whether the stack has changed since the commit that it
stands at.

It reads the records of runs (.terrier/runs.jsonl and, where terrier.hcl has
runs { s3 {} }, those that are shared there), and runs nothing.`,
		Example: "  terrier status\n  terrier status --env prod --format json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), o) },
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.base, "base", "", "the `revision` whose terrier.hcl guards (default: the main branch)")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

// status is the journey: read the estate and the records, compare, report.
func (a *app) status(ctx context.Context, o statusOptions) error {
	e, err := a.openEstate(ctx, o.base)
	if err != nil {
		return err
	}
	units, _, err := e.choose(ctx, o.selection)
	if err != nil {
		return err
	}
	records, err := e.records(ctx)
	if err != nil {
		return err
	}
	op := &live.Operation{Estate: e.estate, Tree: e.tree, Records: records}
	r := report.NewStatus()
	gone := 0 // commits that the clone does not have
	changed := map[string]map[string][]estate.Reason{}
	for _, u := range units {
		s := report.StatusOf{Unit: u, Declared: e.declared(u), Stand: op.Stand(u)}
		s.Plan, s.Apply, s.Drift = op.Newest(u, runs.Plan), op.Newest(u, runs.Apply, runs.Destroy), op.Newest(u, runs.Drift)
		if at := s.Stand.Settled; at != nil && e.repo != nil {
			if _, ok := changed[at.Commit]; !ok {
				since, err := e.changed(ctx, at.Commit)
				var missing *repo.MissingObjectError
				if errors.Is(err, repo.ErrRevision) || errors.Is(err, repo.ErrUnrelated) || errors.As(err, &missing) {
					since = nil
					gone++
				} else if err != nil {
					return err
				}
				changed[at.Commit] = since
			}
			if since := changed[at.Commit]; since != nil {
				_, left := since[u.Name()]
				s.Left = &left
			}
		}
		r.Add(s)
	}
	if gone > 0 {
		a.say("note: what has changed since an apply is not known of every stack: this clone does not have all commits that the records name\nhint: git fetch --unshallow")
	}
	return report.WriteStatus(a.stdout, r, a.format, a.style(a.stdout))
}

// declared are the modules from elsewhere that a unit's own files ask for, those
// of its local modules included, each version once.
func (e *estateRun) declared(u *estate.Unit) []runs.Module {
	var out []runs.Module
	seen := map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		for _, c := range e.graph.Calls {
			if c.Dir != dir {
				continue
			}
			if c.Target != "" {
				walk(c.Target)
				continue
			}
			s := c.Source()
			if address := lock.Address(s); address != "" {
				ref := s.Ref
				if c.Call != nil && c.Call.Version != "" {
					ref = c.Call.Version
				}
				m := runs.Module{Source: address, Subdir: s.Subdir, Ref: ref}
				if !slices.Contains(out, m) {
					out = append(out, m)
				}
			}
		}
	}
	walk(u.Stack)
	slices.SortFunc(out, runs.CompareModules)
	return out
}
