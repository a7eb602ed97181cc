package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live/promotion"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/versions"
)

type promoteOptions struct {
	pinsOptions
	from, to, fromDir, base string
	soak                    string
	exempt, reasons         []string
}

func (a *app) promoteCommand() *cobra.Command {
	var o promoteOptions
	cmd := &cobra.Command{
		Use:   "promote --from ENV --to ENV [MODULE…]",
		Short: "Move an environment to the versions of the one before it",
		Long: `Promote writes the versions that one environment runs into the calls of the
environment that comes after it, each call in its own way of writing: a tag, a
commit with the version in the comment behind it, a range. The order is that of
after in terrier.hcl: no environment is skipped, and no call goes back. Where
several come before --to, all that call a module must have the version.

Only a version that --from really runs is taken. What that is, the run records
(.terrier/runs.jsonl) say: each of its stacks that calls the module has to be
applied with it, with no change left to apply. Where an environment has no
records, its main branch says it, as this clone knows it; the report says which
of both it was. --soak wants it to have been there for some time.

What the move changes in the module's interface is shown, and which calls of
--to would break.

Exit codes: 0 all that was asked for is done; 2 it was refused, or something was
left as it is, and the report says why; 1 an error.`,
		Example:           "  terrier promote --from qa --to prod --dry-run\n  terrier promote --from qa --to prod vpc eks --soak 2d\n  terrier promote --from qa --to prod --exempt live/qa/lab --reason 'gone soon'\n  terrier promote --from qa --to prod --from-dir ../live-qa",
		ValidArgsFunction: a.completeModules,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.promote(cmd.Context(), o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "the `environment` whose versions are taken")
	f.StringVar(&o.to, "to", "", "the `environment` whose calls move")
	f.StringVar(&o.fromDir, "from-dir", "", "another clone's `directory`, which holds --from")
	f.StringVar(&o.base, "base", "", "the main branch, a `revision` (default: where the HEAD of origin leads, or of the remote that the branch follows)")
	f.StringVar(&o.soak, "soak", "", "for which `duration` --from must have had it: 48h, 2d")
	f.StringArrayVar(&o.exempt, "exempt", nil, "a `stack` of --from, or a glob, that does not count")
	f.StringArrayVar(&o.reasons, "reason", nil, "why --exempt is right: a `text` for each, or one for all")
	f.StringSliceVar(&o.paths, "path", nil, "only calls of --to in these `directories` or globs")
	o.writeFlags(cmd)
	a.formatFlag(cmd, report.PinsFormats()...)
	return cmd
}

// promote is the journey: hold the order, load, find what is run, choose, make,
// compare, write, report.
func (a *app) promote(ctx context.Context, o promoteOptions, names []string) error {
	o.all = len(names) == 0
	soak, err := o.read(names, a.format)
	if err != nil {
		return err
	}
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	said := &report.Promotion{From: o.from, To: o.to, Soak: promotion.Hours(soak)}
	if said.Refused, err = promotionOrder(cfg, o.from, o.to); err != nil {
		return err
	}
	if said.Refused != nil {
		return a.refusePromotion(o, said)
	}
	r, err := a.openPromotion(ctx, cfg, o, names)
	if err != nil {
		return err
	}
	defer r.close()
	r.promotion = said
	p, done, err := r.gather(ctx, o, soak)
	if err != nil {
		return err
	}
	defer done()
	if err := r.narrow(p, o, names); err != nil {
		return err
	}
	if err := r.learnAll(ctx); err != nil {
		return err
	}
	running, err := p.Running(ctx, r.set.Modules)
	if err != nil {
		return err
	}
	moves, skipped := pins.Promote{From: o.from, Running: running, Constraints: cfg.Constraints}.Choose(r.targets(o.to))
	if err := r.compareMoves(ctx, moves); err != nil {
		return err
	}
	if err := r.make(moves, skipped); err != nil {
		return err
	}
	if err := r.docs(pins.Moved(r.result)); err != nil {
		return err
	}
	if err := r.changes(ctx); err != nil {
		return err
	}
	return r.finish(ctx, "promote")
}

// read holds the flags against each other.
func (o *promoteOptions) read(names []string, format string) (time.Duration, error) {
	if err := o.check(names, format, "promote"); err != nil {
		return 0, err
	}
	soak, err := promotion.ParseSoak(o.soak)
	if err != nil {
		return 0, err
	}
	return soak, o.pairs()
}

// refusePromotion reports that the order of environments forbids it.
func (a *app) refusePromotion(o promoteOptions, said *report.Promotion) error {
	p := report.NewPins("promote", "", &pins.Result{}, &versions.Set{}, nil, false)
	p.SetPromotion(said)
	if err := report.WritePins(a.stdout, p, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	return errFound
}

// targets are the places of --to.
func (r *pinsRun) targets(to string) []*pins.Place {
	return pins.Places(r.set, func(u *versions.Use) bool {
		return u.Environment == to && (len(r.o.paths) == 0 || r.inside(u))
	})
}

// changes says what the moves change in their modules.
func (r *pinsRun) changes(ctx context.Context) error {
	if r.o.diff {
		return nil
	}
	bar := r.progress()
	defer bar.Done()
	r.store.Progress = steps(bar)
	all, err := promotion.Changes(ctx, r.store, r.graph, r.result.Edits)
	for _, c := range all {
		for _, file := range c.Unread {
			r.say("Note: %s does not parse: what it reads of %s is not known.", path.Clean(file), c.Module)
		}
		r.promotion.Changes = append(r.promotion.Changes, report.NewMoved(c))
	}
	return err
}

// pairs refuses an exemption without a reason.
func (o *promoteOptions) pairs() error {
	switch n := len(o.reasons); {
	case len(o.exempt) > 0 && n == 0:
		return errors.New("--exempt has no --reason\nhint: it is recorded with the promotion: --reason 'the lab is torn down each night'")
	case n > 1 && n != len(o.exempt), n > 0 && len(o.exempt) == 0:
		return fmt.Errorf("there are %d --exempt and %d --reason\nhint: give one reason for each, in their order, or one for all", len(o.exempt), n)
	}
	for i, reason := range o.reasons {
		if o.reasons[i] = strings.Join(strings.Fields(reason), " "); o.reasons[i] == "" {
			return errors.New("--reason is empty\nhint: say why the stack does not count")
		}
	}
	for _, g := range o.exempt {
		if !doublestar.ValidatePattern(g) {
			return fmt.Errorf("--exempt %q is no glob", g)
		}
	}
	return nil
}

// narrow leaves the modules that both environments call, and holds those of the
// command line against that: of the others no remote need be asked.
func (r *pinsRun) narrow(p *promotion.Promotion, o promoteOptions, names []string) error {
	for _, name := range names {
		found := r.found[name]
		if err := versions.Ambiguous(name, found); err != nil {
			return err
		}
		if !slices.ContainsFunc(found, func(m *versions.Module) bool { return usedIn(m, o.to) }) {
			return fmt.Errorf("nothing in %s calls %s\nhint: `terrier list %s` shows who does", o.to, name, shell(name))
		}
		if !slices.ContainsFunc(found, func(m *versions.Module) bool { return p.Calls(m) }) {
			return fmt.Errorf("nothing in %s calls %s, so there is no version to take\nhint: `terrier list %s` shows who does", o.from, name, shell(name))
		}
	}
	shared := p.Share(r.set)
	if len(names) == 0 && r.verbose {
		for _, only := range []struct {
			environment string
			modules     []string
		}{{o.from, shared.From}, {o.to, shared.To}} {
			if len(only.modules) > 0 {
				r.say("Only %s calls %s.", only.environment, strings.Join(only.modules, ", "))
			}
		}
	}
	r.set.Keep(nil, shared.Modules)
	r.set.Unknown = slices.DeleteFunc(r.set.Unknown, func(u versions.Unknown) bool { return !slices.Contains(u.Environments, o.to) })
	return nil
}

func usedIn(m *versions.Module, environment string) bool {
	return slices.ContainsFunc(m.Uses, func(u *versions.Use) bool { return u.Environment == environment })
}
