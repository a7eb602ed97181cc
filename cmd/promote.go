package cmd

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
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
		Example: "  terrier promote --from qa --to prod --dry-run\n  terrier promote --from qa --to prod vpc eks --soak 2d\n  terrier promote --from qa --to prod --exempt live/qa/lab --reason 'gone soon'\n  terrier promote --from qa --to prod --from-dir ../live-qa",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.promote(cmd.Context(), o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "the `environment` whose versions are taken")
	f.StringVar(&o.to, "to", "", "the `environment` whose calls move")
	f.StringVar(&o.fromDir, "from-dir", "", "another clone's `directory`, which holds --from")
	f.StringVar(&o.base, "base", "", "the main branch, a `revision` (default: where origin's HEAD leads)")
	f.StringVar(&o.soak, "soak", "", "how long --from must have had it: 48h, 2d (a `duration`)")
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
	if err := o.check(names, a.format, "promote"); err != nil {
		return err
	}
	soak, err := parseSoak(o.soak)
	if err != nil {
		return err
	}
	if err := o.pairs(); err != nil {
		return err
	}
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	refused, err := promotionOrder(cfg, o.from, o.to)
	if err != nil {
		return err
	}
	said := &report.Promotion{From: o.from, To: o.to, Refused: refused, Soak: hours(soak)}
	if refused != nil {
		r := &pinsRun{versionsRun: &versionsRun{app: a}, o: o.pinsOptions, promotion: said, result: &pins.Result{}}
		p := report.NewPins("promote", "", r.result, &versions.Set{}, nil, false)
		p.SetPromotion(said)
		if err := report.WritePins(a.stdout, p, a.format, a.style(a.stdout)); err != nil {
			return err
		}
		return errFound
	}
	before := cfg.after()[o.to]
	o.environments = append([]string{o.to}, before...)
	r := &pinsRun{o: o.pinsOptions, promotion: said}
	if r.root, err = a.lintRoot(); err != nil {
		return err
	}
	if !o.dryRun && !o.diff && !o.apart() {
		if err := a.resumeRewrite(r.root); err != nil {
			return err
		}
	}
	target := o.pinsOptions
	target.environments = []string{o.to}
	if r.publication, err = a.openPublication(ctx, target, "promote", names); err != nil {
		return err
	}
	if r.versionsRun, err = a.openVersions(ctx, cfg, r.publication.rev(), o.environments, names); err != nil {
		return err
	}
	defer r.close()
	p := &promotion{pinsRun: r, o: o, soak: soak}
	defer p.release()
	if err := p.gather(ctx, before); err != nil {
		return err
	}
	if err := p.narrow(names); err != nil {
		return err
	}
	if err := r.learn(ctx, !o.offline); err != nil {
		return err
	}
	if r.store == nil { // list does without a cache, this does not
		if _, err := r.fetchStore(o.offline); err != nil {
			return err
		}
	}
	running, err := p.running(ctx)
	if err != nil {
		return err
	}
	r.set.Unknown = slices.DeleteFunc(r.set.Unknown, func(u versions.Unknown) bool { return !slices.Contains(u.Environments, o.to) })
	moves, skipped := pins.Promote{From: o.from, Running: running, Constraints: r.cfg.Constraints}.Choose(p.targets())
	if err := r.compareMoves(ctx, moves); err != nil {
		return err
	}
	if err := r.make(moves, skipped); err != nil {
		return err
	}
	if !o.diff {
		if said.Changes, err = r.moved(ctx); err != nil {
			return err
		}
	}
	return r.finish(ctx, "promote")
}

// targets are the places of --to.
func (p *promotion) targets() []*pins.Place {
	return pins.Places(p.set, func(u *versions.Use) bool {
		return u.Environment == p.o.to && (len(p.o.paths) == 0 || p.inPaths(u.File) || p.inPaths(u.Call.File().Path))
	})
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

var daysFirst = regexp.MustCompile(`^([0-9]{1,4})d(.*)$`)

// parseSoak reads a duration of Go, which may begin with days.
func parseSoak(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	rest, days := text, 0
	if m := daysFirst.FindStringSubmatch(text); m != nil {
		days, _ = strconv.Atoi(m[1])
		rest = m[2]
	}
	var d time.Duration
	var err error
	if rest != "" {
		d, err = time.ParseDuration(rest)
	}
	if err != nil || d < 0 || d > 10000*24*time.Hour || d == 0 && days == 0 {
		return 0, fmt.Errorf("--soak %q is no duration\nhint: 48h, 90m, 2d, 1d12h", text)
	}
	return d + time.Duration(days)*24*time.Hour, nil
}

// hours is a duration for people, rounded down.
func hours(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}

// narrow leaves the modules that both environments call, and holds those of the
// command line against that: of the others no remote need be asked.
func (p *promotion) narrow(names []string) error {
	for _, name := range names {
		found, err := p.set.Find(name)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(found, func(m *versions.Module) bool { return usedIn(m, p.o.to) }) {
			return fmt.Errorf("nothing in %s calls %s\nhint: `terrier list %s` shows who does", p.o.to, name, shell(name))
		}
		if !slices.ContainsFunc(found, func(m *versions.Module) bool { return p.from.calls(m) }) {
			return fmt.Errorf("nothing in %s calls %s, so there is no version to take\nhint: `terrier list %s` shows who does", p.o.from, name, shell(name))
		}
	}
	both := []*versions.Module{}
	only := map[string][]string{}
	for _, m := range p.set.Modules {
		switch in, to := p.from.calls(m), usedIn(m, p.o.to); {
		case in && to:
			both = append(both, m)
		case in:
			only[p.o.from] = append(only[p.o.from], m.Name)
		case to:
			only[p.o.to] = append(only[p.o.to], m.Name)
		}
	}
	if p.from.run != p.versionsRun {
		for _, m := range p.from.run.set.Modules {
			if !slices.ContainsFunc(p.set.Modules, func(o *versions.Module) bool { return o.ID == m.ID }) {
				only[p.o.from] = append(only[p.o.from], m.Name)
			}
		}
	}
	if len(names) == 0 && p.verbose {
		for _, env := range []string{p.o.from, p.o.to} {
			if names := only[env]; len(names) > 0 {
				slices.Sort(names)
				p.say("Only %s calls %s.", env, strings.Join(names, ", "))
			}
		}
	}
	p.set.Keep(nil, both)
	return nil
}

func usedIn(m *versions.Module, environment string) bool {
	return slices.ContainsFunc(m.Uses, func(u *versions.Use) bool { return u.Environment == environment })
}
