package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lint/rules"
)

type lintOptions struct {
	fix, diff       bool
	baseline        string
	updateBaseline  bool
	changedSince    string
	remote          bool
	failOn, explain string
	reports         []string // FORMAT=FILE
	list            bool
	only            []string
	paths           []string
}

func (a *app) lintCommand() *cobra.Command {
	var o lintOptions
	cmd := &cobra.Command{
		Use:   "lint [PATH…]",
		Short: "Find module calls that are unpinned, or pinned to the wrong thing",
		Long: `Lint reads every Terraform and terragrunt file of the repository and judges how
modules are called: whether each call is tied to one release, whether
environments are in order, whether a lock file still holds. PATH limits what is
reported to these files and directories; what they call is looked at wherever it
is.

It needs no configuration, runs nothing, and never goes to the network, unless
--remote lets it ask the remotes which tags and branches they have. Without a
configuration each rule has its own severity; terrier.hcl can change that for
everything or for one environment.

A comment ` + "`# terrier:ignore RULE reason`" + ` in the line, or alone in the line
above, takes a finding out; ` + "`until=2026-12-31`" + ` in it gives that an end.

Exit codes: 0 nothing found from --fail-on up; 2 something was; 1 a file or a
remote could not be read, so that there may be more.`,
		Example: "  terrier lint\n  terrier lint --changed-since origin/main --report sarif=lint.sarif\n  terrier lint --fix --diff\n  terrier lint --explain moving-tag",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			return a.lint(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.fix, "fix", false, "write what has one right answer")
	f.BoolVar(&o.diff, "diff", false, "with --fix: show the changes, write nothing")
	f.StringVar(&o.baseline, "baseline", "", "accept the findings in this `file`, which is written when it is not there")
	f.BoolVar(&o.updateBaseline, "update-baseline", false, "write the baseline anew, with today's findings")
	f.StringVar(&o.changedSince, "changed-since", "", "only findings in files that differ from where this `revision` and HEAD parted")
	f.BoolVar(&o.remote, "remote", false, "ask the remotes for their tags and branches")
	f.StringVar(&o.failOn, "fail-on", "", "exit with 2 from this `severity` up: info, warn or error (default: the configuration's, else warn)")
	f.StringSliceVar(&o.only, "only", nil, "only these `rules`")
	f.BoolVar(&o.list, "rules", false, "list the rules and their severities")
	f.StringVar(&o.explain, "explain", "", "show the page of a `rule`")
	f.StringArrayVar(&o.reports, "report", nil, "also write the result to a file, as `FORMAT=FILE`: a log for people and a report for the forge from one run")
	a.formatFlag(cmd, report.LintFormats()...)
	return cmd
}

// lint is the journey: load, judge, mend where that was asked for, report.
func (a *app) lint(ctx context.Context, o lintOptions) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	if err := o.check(cfg, a.format); err != nil {
		return err
	}
	if o.list || o.explain != "" {
		return a.showRules(cfg, o)
	}
	l, err := a.openLint(ctx, cfg, o)
	if err != nil {
		return err
	}
	if err := interruptible(ctx, l.judge); err != nil {
		return err
	}
	if o.fix && !o.diff {
		if err := rewriteFiles(l.root, l.changes); err != nil {
			return err
		}
		if len(l.changes) > 0 {
			l.say("%s", report.Fixed(l.changes))
		}
	}
	if err := l.acceptBaseline(); err != nil {
		return err
	}
	return l.report()
}

// check refuses flags that make no sense.
func (o *lintOptions) check(cfg *Config, format string) error {
	if o.failOn == "" {
		o.failOn = string(cfg.Lint.FailOn)
	}
	switch {
	case !slices.Contains(failOn, o.failOn):
		return fmt.Errorf("--fail-on %q is not one of %s", o.failOn, strings.Join(failOn, ", "))
	case o.diff && !o.fix:
		return errors.New("--diff shows what --fix would write\nhint: terrier lint --fix --diff")
	case o.diff && (format != "text" || len(o.reports) > 0 || o.updateBaseline):
		return errors.New("--diff shows changes in place of findings, and writes nothing\nhint: leave out --format, --report and --update-baseline")
	case o.updateBaseline && o.baseline == "":
		return errors.New("--update-baseline needs --baseline\nhint: terrier lint --baseline .terrier.baseline.json --update-baseline")
	}
	for _, r := range o.reports {
		if format, file, _ := strings.Cut(r, "="); file == "" || !slices.Contains(report.LintFormats(), format) {
			return fmt.Errorf("--report %q is not FORMAT=FILE\nhint: the formats are %s", r, strings.Join(report.LintFormats(), ", "))
		}
	}
	named := slices.Clone(o.only)
	if o.explain != "" {
		named = append(named, o.explain)
	}
	for _, name := range named {
		if rules.Find(name) != nil {
			continue
		}
		hint := "terrier lint --rules lists them"
		if near := lint.Nearest(name, rules.All); near != "" {
			hint = "did you mean " + near + "?"
		}
		return fmt.Errorf("there is no rule %q\nhint: %s", name, hint)
	}
	return nil
}

func (a *app) showRules(cfg *Config, o lintOptions) error {
	severity := func(rule string) lint.Severity {
		if s := cfg.Lint.Settings.Rules[rule].Severity; s != "" {
			return s
		}
		return rules.Find(rule).Severity
	}
	if o.list {
		return report.WriteRules(a.stdout, rules.All, severity, a.style(a.stdout))
	}
	return report.WriteRule(a.stdout, rules.Find(o.explain), severity(o.explain), a.style(a.stdout))
}

// A lintRun is one run of lint over one tree.
type lintRun struct {
	*app
	o     lintOptions
	cfg   *Config
	root  string // absolute
	fsys  fs.FS
	rules []*lint.Rule
	facts lintFacts
	scope []string        // paths below root that are reported; nil for all
	since map[string]bool // paths that --changed-since names; nil without it

	in      *lint.Input
	found   []lint.Finding
	changes []lint.Change
	known   int

	releases map[string]plannedRelease // see planned
}

func (a *app) openLint(ctx context.Context, cfg *Config, o lintOptions) (*lintRun, error) {
	l := &lintRun{app: a, o: o, cfg: cfg, rules: rules.All}
	var err error
	if l.root, err = a.lintRoot(); err != nil {
		return nil, err
	}
	if o.fix && !o.diff {
		if err := a.resumeRewrite(l.root); err != nil {
			return nil, err
		}
	}
	l.fsys = workTree(ctx, l.root)
	if len(o.only) > 0 {
		l.rules = nil
		for _, r := range rules.All {
			if slices.Contains(o.only, r.Name) {
				l.rules = append(l.rules, r)
			}
		}
	}
	if l.scope, err = a.below(l.root, o.paths); err != nil {
		return nil, err
	}
	if l.since, err = a.changedSince(ctx, l.root, o.changedSince); err != nil {
		return nil, err
	}
	return l, l.gatherFacts(ctx)
}

// lintRoot is the git root, else the configuration's directory, else the
// working directory.
func (a *app) lintRoot() (string, error) {
	dir, err := filepath.Abs(a.chdir)
	if err != nil {
		return "", err
	}
	if root := gitRoot(dir); root != "" {
		return root, nil
	}
	return dir, nil
}

// load makes an input of a tree: the files, and what is known beside them.
func (l *lintRun) load(fsys fs.FS) *lint.Input {
	tree, diags := hclparse.LoadCalls(fsys, lint.IgnoreMark)
	tightenGC(len(tree.Entries))
	in := &lint.Input{
		Graph: modules.NewGraph(tree, l.cfg.roleOf), Diags: diags,
		Settings:    l.cfg.lintSettings(),
		Environment: func(dir string) string { env, _ := l.cfg.Environment(dir); return env },
		After:       l.cfg.after(),
		State:       l.cfg.lintState, Choice: l.cfg.choice(),
		Lock: l.facts.lock, LockedSince: l.facts.since, Refs: l.facts.refs,
		Changed: l.since, Copies: l.facts.copies, Today: l.facts.today,
	}
	if l.cfg.Modules.Configured() { // else a library is one package, see relative-source
		in.Pinned = l.pinned
	}
	return in
}

// interruptible waits for work that writes nothing, and leaves it behind when
// ctx ends: rules look at no context, and a tree may be large.
func interruptible(ctx context.Context, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// judge finds what there is to find; with --fix what is left after the fixes,
// which it makes in memory.
func (l *lintRun) judge() error {
	var found []lint.Finding
	if l.o.fix {
		var err error
		if l.changes, found, l.in, err = lint.FixAll(l.fsys, l.load, l.rules, l.reports); err != nil {
			return err
		}
	} else {
		l.in = l.load(l.fsys)
		found = lint.Run(l.in, l.rules)
	}
	l.found = slices.DeleteFunc(found, func(f lint.Finding) bool { return !l.reports(f) })
	return nil
}
