package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/versions"
)

type outdatedOptions struct {
	offline, pre, exitCode bool
	environments           []string
	names                  []string
}

func (a *app) outdatedCommand() *cobra.Command {
	var o outdatedOptions
	cmd := &cobra.Command{
		Use:   "outdated [MODULE…]",
		Short: "Show which modules have newer releases",
		Long: `Outdated holds each version that is in use against the releases that there are:
the newest that is allowed, the newest of all, and the number of releases
behind. Releases are the semver tags of the module's repository, in a shared
repository those of the module (vpc/v1.2.3, vpc-v1.2.3), and what the registry
lists. Pre-releases count where one is in use, or with --pre.

What is allowed says terrier.hcl, and a registry call's own version:

  constraint "vpc" {
    version = "~> 1.2"
  }

Each remote is asked once (git ls-remote), whatever the number of calls. For a
module in a shared repository the two versions are fetched into your cache where
they are not there yet, so that a release that changes nothing in the module is
said to. --offline asks nobody and uses what the cache knows.

Exit codes: 0 the list is whole; 1 a remote did not answer, or a file cannot be
read, and the rest is shown; 2, with --exit-code only, something is outdated.`,
		Example:           "  terrier outdated\n  terrier outdated vpc --env prod\n  terrier outdated --exit-code --format json",
		ValidArgsFunction: a.completeModules,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.names = args
			return a.outdated(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.offline, "offline", false, "ask nobody; use what the mirrors in the cache know")
	f.BoolVar(&o.pre, "pre", false, "let pre-releases count")
	f.BoolVar(&o.exitCode, "exit-code", false, "exit with 2 where something is outdated")
	f.StringSliceVar(&o.environments, "env", nil, "only these `environments`; - is none")
	a.formatFlag(cmd, report.OutdatedFormats()...)
	return cmd
}

// outdated is the journey: load, group, ask, compare, report.
func (a *app) outdated(ctx context.Context, o outdatedOptions) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	v, err := a.openVersions(ctx, cfg, "", o.environments, o.names)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.learn(ctx, !o.offline); err != nil {
		return err
	}
	rows := v.set.Outdated(versions.Rules{Constraints: cfg.Constraints, Pre: o.pre})
	if err := v.compare(ctx, rows, o.offline); err != nil {
		return err
	}
	if err := report.WriteOutdated(a.stdout, report.NewOutdated(v.set, rows, v.unread), a.format, a.style(a.stdout)); err != nil {
		return err
	}
	v.adviseConstraints(len(o.names)+len(o.environments) > 0)
	if o.offline {
		a.say("Nobody was asked: releases are those of the last fetch into the cache. Registries were left out.")
	}
	v.nextOfOutdated(o, rows)
	return v.done(o.exitCode && slices.ContainsFunc(rows, (*versions.Row).Outdated))
}

// compare finds out which releases change nothing in their module.
func (v *versionsRun) compare(ctx context.Context, rows []*versions.Row, offline bool) error {
	bar := v.progress()
	defer bar.Done()
	v.asker.Offline, v.asker.Progress = offline, steps(bar)
	return v.set.Unchanged(ctx, rows, v.asker)
}

// adviseConstraints names the constraints that no module has: a misspelled one
// would hold nothing back.
func (v *versionsRun) adviseConstraints(part bool) {
	if part {
		return
	}
	for _, c := range v.cfg.Constraints {
		if slices.ContainsFunc(v.set.Modules, func(m *versions.Module) bool { return m.Matches(c.Module) }) {
			continue
		}
		text := fmt.Sprintf("constraint %q: nothing calls such a module.", c.Module)
		if near := v.set.Nearest(c.Module); near != "" {
			text += fmt.Sprintf(" Did you mean %q?", near)
		}
		v.say("%s", text)
	}
}
