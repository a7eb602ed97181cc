package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/change"
)

type diffOptions struct {
	module, old, new  string
	callers           []string
	exitCode, offline bool
}

func (a *app) diffCommand() *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff MODULE OLD NEW",
		Short: "Show what changed between two versions of a module",
		Long: `Diff compares the interface of a module in two versions, and what its state
depends on: variables, outputs, types, defaults, providers, required versions,
and resources that would be destroyed and created for want of a moved block. It
says which semver level that calls for, and names the calls in this repository
that break. It runs nothing that it reads.

MODULE is a module's directory in this repository, or its name: the last part
of that path, or of a called repository or registry module, host/path, or a
whole source, with //sub. A whole source need not be called here.

OLD and NEW are revisions: of this repository for a directory, else of the
module's own, or versions in its registry. v1.2.0 finds the module's own tag
first (vpc/v1.2.0, vpc-v1.2.0). What begins with . or / is a directory that
holds the module: "terrier diff ./modules/vpc HEAD ./modules/vpc" compares with
what is not committed.

Levels: major, a call, a plan or a state may break; minor, something is new, or
does another thing with no call changed; patch, all else; none.

Exit codes: 0 the versions were compared; 2 with --exit-code, they differ, or a
caller breaks; 1 an error.`,
		Example:           "  terrier diff vpc v1.0.0 v2.0.0\n  terrier diff modules/vpc HEAD~1 HEAD --format markdown\n  terrier diff terraform-aws-modules/vpc/aws 5.21.0 6.0.0\n  terrier diff vpc v1.0.0 v2.0.0 --callers ../live-prod --exit-code",
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeDiff,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.module, o.old, o.new = args[0], args[1], args[2]
			return a.diff(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.callers, "callers", nil, "look for callers in this `directory`, not in the whole repository (repeatable)")
	f.BoolVar(&o.exitCode, "exit-code", false, "exit with 2 where there are changes")
	f.BoolVar(&o.offline, "offline", false, "ask nobody; use what the mirrors in the cache know")
	a.formatFlag(cmd, "text", "json", "markdown")
	return cmd
}

// diff is the journey: find the module, open both versions, compare, look at
// the callers, report.
func (a *app) diff(ctx context.Context, o diffOptions) error {
	d, err := a.openDiff(ctx, o)
	if err != nil {
		return err
	}
	defer d.close()
	changes := change.Versions(d.old.version, d.new.version)
	callers := d.breaks()
	r := report.NewDiff(d.target.name, d.old.label, d.new.label, changes, callers)
	if err := report.WriteDiff(a.stdout, r, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	return a.done(nil, o.exitCode && len(changes)+len(callers) > 0)
}
