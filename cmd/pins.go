package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/publish"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/versions"
)

// pinsOptions are what bump, promote and pin have in common: which calls, and
// what becomes of the changes.
type pinsOptions struct {
	environments, accounts, paths []string
	all                           bool // said in so many words
	offline                       bool
	dryRun, diff, force, noLock   bool
	publishOptions
	docs bool
}

func (o *pinsOptions) selectFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.environments, "env", nil, "only calls in these `environments`; - is none")
	f.StringSliceVar(&o.accounts, "account", nil, "only calls in environments of these `accounts`")
	f.StringSliceVar(&o.paths, "path", nil, "only calls in these `directories` or globs, from the repository's root; ./ counts from where you are")
	f.BoolVar(&o.all, "all", false, "all modules")
}

func (o *pinsOptions) writeFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.offline, "offline", false, "ask nobody; use what the mirrors in the cache know")
	f.BoolVar(&o.docs, "docs", false, "also the usage that Markdown files show")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would change, write nothing")
	f.BoolVar(&o.diff, "diff", false, "show the change as a diff, write nothing")
	f.BoolVar(&o.force, "force", false, "also change files with changes that are not committed")
	f.BoolVar(&o.noLock, "no-lock", false, "leave the lock file as it is")
	o.flags(cmd)
}

// check refuses flags that make no sense, or would change more than anybody
// named.
func (o *pinsOptions) check(names []string, format, command string) error {
	chosen := len(names)+len(o.environments)+len(o.accounts)+len(o.paths) > 0
	switch {
	case !chosen && !o.all:
		return fmt.Errorf("nothing says which modules to %s\nhint: name them, or an --env or --path; --all means every module", command)
	case len(names) > 0 && o.all:
		return errors.New("--all and the name of a module do not go together")
	case o.diff && format != "text":
		return errors.New("--diff shows the change in place of the report\nhint: --dry-run --format json tells it to a program")
	}
	if err := o.publishOptions.check(); err != nil {
		return err
	}
	for _, g := range o.paths {
		if !doublestar.ValidatePattern(g) {
			return fmt.Errorf("--path %q is no glob", g)
		}
	}
	return nil
}

// A pinsRun is one run of a command that moves pins.
type pinsRun struct {
	*versionsRun
	o      pinsOptions
	root   string     // absolute
	tree   *pins.Tree // once the moves have been made
	result *pins.Result
	// exempted are the stacks that were left out of a check, and why.
	exempted []report.Exempted
	// publication is where the changes go beyond the work tree; nil for
	// nowhere.
	publication *publication
	// promotion is what promote says beside the edits; nil for the others.
	promotion *report.Promotion
}

// openPins reads the tree and learns which releases there are.
func (a *app) openPins(ctx context.Context, o pinsOptions, command string, names []string) (*pinsRun, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	r := &pinsRun{o: o}
	if r.root, err = a.lintRoot(); err != nil {
		return nil, err
	}
	environments, err := r.choose(cfg)
	if err != nil {
		return nil, err
	}
	if !o.dryRun && !o.diff && !o.apart() {
		if err := a.resumeRewrite(r.root); err != nil {
			return nil, err
		}
	}
	if r.publication, err = a.openPublication(ctx, o, command, names); err != nil {
		return nil, err
	}
	if r.versionsRun, err = a.openVersions(ctx, cfg, r.publication.rev(), environments, names); err != nil {
		return nil, err
	}
	if err = r.clear(names); err == nil {
		err = r.learnAll(ctx)
	}
	if err == nil && len(r.places()) == 0 && !o.all {
		r.say("Nothing of what was named calls a module from elsewhere, so that there is nothing to %s.", command)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// learnAll learns which releases there are, as --offline has it.
func (r *pinsRun) learnAll(ctx context.Context) error {
	err := r.learn(ctx, !r.o.offline)
	if err == nil && r.store == nil { // list does without a cache, this does not
		_, err = r.fetchStore(r.o.offline)
	}
	return err
}

// choose are the environments that --env and --account leave; nil for all.
func (r *pinsRun) choose(cfg *Config) ([]string, error) {
	if len(r.o.accounts) == 0 {
		return r.o.environments, nil
	}
	var out []string
	for _, account := range r.o.accounts {
		if !slices.ContainsFunc(cfg.Accounts, func(c *AccountConfig) bool { return c.Name == account }) {
			return nil, noAccount(cfg, account)
		}
		for _, e := range cfg.Environments {
			if e.Account == account && (len(r.o.environments) == 0 || slices.Contains(r.o.environments, e.Name)) {
				out = append(out, e.Name)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no environment that was named is in the account %s", strings.Join(r.o.accounts, ", "))
	}
	return out, nil
}

func noAccount(cfg *Config, name string) error {
	var known []string
	for _, a := range cfg.Accounts {
		known = append(known, a.Name)
	}
	if len(known) == 0 {
		return fmt.Errorf("--account %s: no accounts are configured\nhint: in %s: account %q { id = \"111111111111\" }", name, configName, name)
	}
	return fmt.Errorf("--account %s: there is no such account in %s\nhint: it has %s", name, configName, strings.Join(known, ", "))
}

// places are the calls that the flags leave.
func (r *pinsRun) places() []*pins.Place {
	if len(r.o.paths) == 0 {
		return pins.Places(r.set, nil)
	}
	return pins.Places(r.set, r.inside)
}

func (r *pinsRun) inPaths(file string) bool {
	return slices.ContainsFunc(r.o.paths, func(g string) bool {
		return matchesPath(path.Clean(g), file)
	})
}

// make makes the moves in memory.
func (r *pinsRun) make(moves []*pins.Move, skipped []pins.Skip) error {
	tree := &pins.Tree{Graph: r.graph, Calls: r.calls, Load: func(t *hclparse.Tree) *modules.Graph {
		return modules.NewGraph(t, r.cfg.roleOf)
	}}
	var err error
	if r.result, err = tree.Make(moves); err != nil {
		return err
	}
	r.result.Add(skipped, unfollowed(r.set))
	r.tree = tree
	return nil
}

// unfollowed are the calls of which not even the module is known.
func unfollowed(set *versions.Set) []pins.Skip {
	var out []pins.Skip
	for _, u := range set.Unknown {
		if !u.Placed() {
			out = append(out, pins.Skip{
				Module: u.Source, Environments: u.Environments, File: u.File, Line: u.Line, Call: u.Module,
				Reason: "where it leads is not known: " + u.Reason, Hint: "set it by hand, where it comes from", Asked: true,
			})
		}
	}
	return out
}

// finish writes the changes, or shows them, and reports.
func (r *pinsRun) finish(ctx context.Context, command string) error {
	if r.o.diff {
		before, after := lint.Secrets(&lint.Input{Graph: r.graph}), lint.Secrets(&lint.Input{Graph: r.result.After})
		for i := range r.result.Changes {
			c := &r.result.Changes[i]
			c.SecretsBefore, c.SecretsAfter = before[c.Path], after[c.Path]
		}
		if err := report.WriteFixes(r.stdout, r.result.Changes, r.style(r.stdout)); err != nil {
			return err
		}
		if len(r.result.Edits) == 0 {
			r.say("Nothing moves.")
		}
		if n := r.asked(); n > 0 {
			r.say("Calls that are left as they are: %d. --dry-run in the place of --diff says why.", n)
		}
		r.nextOfPins(command)
		return r.done(r.result.Asked())
	}
	if !r.o.dryRun {
		if err := r.write(ctx, command); err != nil {
			return err
		}
	}
	p := report.NewPins(command, r.name, r.result, r.set, r.unread, !r.o.dryRun)
	p.Exempted = append(p.Exempted, r.exempted...)
	if r.publication != nil {
		p.Published = r.publication.report
	}
	if r.promotion != nil {
		p.SetPromotion(r.promotion)
	}
	if err := report.WritePins(r.stdout, p, r.format, r.style(r.stdout)); err != nil {
		return err
	}
	r.nextOfPins(command)
	return r.done(r.result.Asked())
}

// asked counts the calls that stay though they were asked for.
func (r *pinsRun) asked() int {
	n := 0
	for _, s := range r.result.Skipped {
		if s.Asked {
			n++
		}
	}
	return n
}

// write puts the changes into the work tree, or into commits.
func (r *pinsRun) write(ctx context.Context, command string) error {
	l, err := r.moveLock(ctx)
	if err != nil {
		return err
	}
	if c := l.Change(); c != nil {
		r.result.Changes = append(r.result.Changes, *c)
	}
	if len(r.result.Changes) == 0 {
		return nil
	}
	if !r.o.apart() {
		if err := r.checkClean(ctx, l); err != nil {
			return err
		}
	}
	if r.publication != nil {
		return r.publish(ctx, command, l)
	}
	return rewriteFiles(r.root, r.result.Changes)
}

// checkClean refuses to mix the changes with others that are not committed. A
// commit would take those along, so that not even --force does it. A lock file
// that git ignores is never committed, and not mixed with anything.
func (r *pinsRun) checkClean(ctx context.Context, l *publish.LockMove) error {
	if r.o.force && r.publication == nil {
		return nil
	}
	g, err := repo.Open(ctx, r.root)
	if errors.Is(err, repo.ErrNotRepository) || errors.Is(err, repo.ErrNoCommits) {
		return nil // there is nothing to compare with
	}
	if err != nil && !errors.Is(err, repo.ErrShallow) {
		return err
	}
	if l.Change() != nil {
		if l.Apart, err = g.IsIgnored(ctx, l.Path); err != nil {
			return err
		}
	}
	var paths []string
	for _, c := range r.result.Changes {
		if l == nil || !l.Apart || c.Path != l.Path {
			paths = append(paths, c.Path)
		}
	}
	dirty, err := g.DirtyFiles(ctx, paths)
	if err != nil || len(dirty) == 0 {
		return err
	}
	named := strings.Join(dirty[:min(3, len(dirty))], ", ")
	if n := len(dirty) - 3; n > 0 {
		named += fmt.Sprintf(" and %d more", n)
	}
	hint := "commit or stash them, or --force"
	if r.publication != nil {
		hint = "commit or stash them, or let the commits go to a --branch"
	}
	return fmt.Errorf("%s: changed and not committed, and nothing is written\nhint: %s", named, hint)
}
