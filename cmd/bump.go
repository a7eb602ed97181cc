package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/versions"
)

type bumpOptions struct {
	pinsOptions
	patch, minor, major, latest bool
	pre, back                   bool
}

func (a *app) bumpCommand() *cobra.Command {
	var o bumpOptions
	cmd := &cobra.Command{
		Use:   "bump [MODULE[@VERSION]…]",
		Short: "Move calls to another version of their module",
		Long: `Bump writes another version into the calls of a module: the tag of a git source,
a commit together with the version in the comment behind it, the version of a
registry module. Nothing but those bytes changes, and every change is read back
before it is written: exactly the calls that it should move must move.

Without VERSION each call moves to the newest release that terrier.hcl allows
(constraint) and, of a registry module, its own range: ~> 4.0 stays as it is.
--patch and --minor keep it below the next minor or major version, --major does
not, and a range moves along; --latest sets the constraint aside. Nothing moves
back without --allow-downgrade.

MODULE is a name as "terrier list" shows them. --env, --account and --path say
which calls; a path counts from the repository's root, ./x from where you are. A
name that several repositories have, and a path at which there is nothing, are
errors. A file that serves another environment as well is left alone until
that is named, too.

All files are written, or none, the lock file among them. A file with changes
that are not committed is not touched without --force.

--commit makes a commit for each environment, with what the module changed in
the message: interface, calls that break, commits. --branch makes them on
another branch, from HEAD, and leaves your work tree alone. --merge-request
makes them on the remote's default branch as last fetched, pushes, and opens a
merge request; a later bump of the same modules updates that one. Commits have
your git identity and signature; no hook is run. Tokens: GITLAB_TOKEN,
GITHUB_TOKEN or GITEA_TOKEN, for the host that the environment names.

Exit codes: 0 all that was asked for is done; 2 something was left as it is, and
the report says why; 1 an error.`,
		Example:           "  terrier bump vpc@1.4.0 --env qa\n  terrier bump --all --patch --dry-run\n  terrier bump vpc eks --minor --env qa,staging --diff\n  terrier bump vpc@2.0.0 --path live/prod/network\n  terrier bump vpc --env prod --merge-request",
		ValidArgsFunction: a.completeModules,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bump(cmd.Context(), o, args)
		},
	}
	f := cmd.Flags()
	o.selectFlags(cmd)
	f.BoolVar(&o.patch, "patch", false, "the newest patch release of the version in use")
	f.BoolVar(&o.minor, "minor", false, "the newest release of the major version in use")
	f.BoolVar(&o.major, "major", false, "the newest release that is allowed; ranges move along")
	f.BoolVar(&o.latest, "latest", false, "the newest release of all, allowed or not")
	f.BoolVar(&o.pre, "pre", false, "let pre-releases count")
	f.BoolVar(&o.back, "allow-downgrade", false, "also move back, and from refs that are no releases")
	o.writeFlags(cmd)
	cmd.MarkFlagsMutuallyExclusive("patch", "minor", "major", "latest")
	a.formatFlag(cmd, report.PinsFormats()...)
	return cmd
}

func (o *bumpOptions) level() pins.Level {
	switch {
	case o.patch:
		return pins.Patch
	case o.minor:
		return pins.Minor
	case o.major:
		return pins.Major
	case o.latest:
		return pins.Latest
	}
	return pins.Allowed
}

// bump is the journey: load, ask, choose, make, write, report.
func (a *app) bump(ctx context.Context, o bumpOptions, args []string) error {
	var want []wanted
	for _, word := range args {
		want = append(want, parseWanted(word))
	}
	if err := o.check(args, a.format, "bump"); err != nil {
		return err
	}
	r, err := a.openPins(ctx, o.pinsOptions, "bump", modulesOf(want))
	if err != nil {
		return err
	}
	defer r.close()
	bump := pins.Bump{Level: o.level(), Constraints: r.cfg.Constraints, Pre: o.pre, Back: o.back}
	if bump.Versions, err = r.named(want, o); err != nil {
		return err
	}
	moves, skipped := bump.Choose(r.places())
	if err := r.compareMoves(ctx, moves); err != nil {
		return err
	}
	if err := r.make(moves, skipped); err != nil {
		return err
	}
	if err := r.docs(bump.Docs(r.result)); err != nil {
		return err
	}
	return r.finish(ctx, "bump")
}

// A wanted is a MODULE or MODULE@VERSION of the command line.
type wanted struct{ module, version string }

// parseWanted cuts at the last @ that a version may follow: git@host:path and
// repository@prefix have one as well.
func parseWanted(word string) wanted {
	if i := strings.LastIndexByte(word, '@'); i > 0 {
		if v := word[i+1:]; v != "" && !strings.ContainsAny(v, ":") && (strings.ContainsAny(v, "0123456789") || !strings.Contains(word[i:], "/")) {
			return wanted{word[:i], v}
		}
	}
	return wanted{word, ""}
}

func modulesOf(all []wanted) []string {
	var out []string
	for _, a := range all {
		out = append(out, a.module)
	}
	return out
}

// named finds the releases that the command line names.
func (r *pinsRun) named(all []wanted, o bumpOptions) (map[*versions.Module]*versions.Release, error) {
	out := map[*versions.Module]*versions.Release{}
	for _, a := range all {
		if a.version == "" {
			continue
		}
		if o.patch || o.minor || o.major || o.latest {
			return nil, errors.New("a version and a level do not go together\nhint: leave one of them out")
		}
		for _, m := range r.found[a.module] {
			if !slices.Contains(r.set.Modules, m) {
				continue // nothing of it is in what was named: said by the report
			}
			if !m.Whole && slices.ContainsFunc(r.set.Failures, func(versions.Failure) bool { return true }) {
				continue // its remote did not answer, which the report says
			}
			release := m.Release(a.version)
			if release == nil {
				return nil, noRelease(m, a.version)
			}
			if o := out[m]; o != nil && o.Tag != release.Tag {
				return nil, fmt.Errorf("%s is to be at %s and at %s, and nothing is changed\nhint: name one version of it", m.Name, o.Version, release.Version)
			}
			out[m] = release
		}
	}
	return out, nil
}

// noRelease names the nearest.
func noRelease(m *versions.Module, version string) error {
	var tags []string
	for _, r := range m.Releases {
		tags = append(tags, r.Tag)
	}
	hint := "it has none at all"
	if near := fetch.NearestVersions(version, tags); len(near) > 0 {
		hint = "the nearest: " + strings.Join(near, ", ")
	}
	return fmt.Errorf("%s has no release %q, and nothing is changed\nhint: %s", m.Name, hclparse.Redact(version), hint)
}

// compareMoves finds out which moves change nothing in their module.
func (r *pinsRun) compareMoves(ctx context.Context, moves []*pins.Move) error {
	rows := pins.Rows(moves)
	if err := r.compare(ctx, rows, r.o.offline); err != nil {
		return err
	}
	pins.Same(moves, rows)
	return nil
}
