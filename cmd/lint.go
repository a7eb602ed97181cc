package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
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

	releases map[string]release // see planned
}

func (a *app) openLint(ctx context.Context, cfg *Config, o lintOptions) (*lintRun, error) {
	l := &lintRun{app: a, o: o, cfg: cfg, rules: rules.All}
	var err error
	if l.root, err = a.lintRoot(); err != nil {
		return nil, err
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

// reports says whether a finding is in what was asked for.
func (l *lintRun) reports(f lint.Finding) bool {
	file := f.Range.Filename
	if l.scope != nil && !slices.ContainsFunc(l.scope, func(p string) bool { return modules.Within(file, p) }) {
		return false
	}
	if l.since == nil || l.changed(file) {
		return true
	}
	// What a change elsewhere made wrong is new as well.
	return slices.ContainsFunc(f.Related, func(r lint.Related) bool { return l.changed(r.Range.Filename) })
}

// changed reports whether --changed-since names a file, or a directory that it
// is in: that of a submodule, or of another repository.
func (l *lintRun) changed(file string) bool {
	for p := file; ; p = path.Dir(p) {
		if l.since[p] {
			return true
		}
		if p == "." || p == "/" {
			return false
		}
	}
}

// acceptBaseline leaves what the baseline does not have. Where there is none
// yet, or a new one is wanted, all of it is accepted.
func (l *lintRun) acceptBaseline() error {
	if l.o.baseline == "" || l.o.diff {
		return nil
	}
	file := l.o.baseline
	if !filepath.IsAbs(file) {
		file = filepath.Join(l.chdir, file)
	}
	if err := leadsOut(l.root, file); err != nil {
		return fmt.Errorf("the baseline %s cannot be used: %s", l.o.baseline, reason(err))
	}
	data, err := os.ReadFile(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return fmt.Errorf("the baseline %s cannot be read: %s", l.o.baseline, reason(err))
	}
	if missing || l.o.updateBaseline {
		if l.scope != nil || l.since != nil || len(l.o.only) > 0 {
			return errors.New("a baseline is of the whole repository\nhint: leave out PATH, --only and --changed-since while it is written")
		}
		if !missing && !lint.IsBaseline(data) {
			return fmt.Errorf("%s is no baseline, and is not written over\nhint: name another file, or delete it first", l.o.baseline)
		}
		if err := l.writeOutput(file, lint.NewBaseline(l.found).Bytes()); err != nil {
			return fmt.Errorf("the baseline %s cannot be written: %s", l.o.baseline, reason(err))
		}
		l.say("%s accepts %d findings: it is new, and fails on what comes from now on. Commit it.", l.o.baseline, len(l.found))
		l.known, l.found = len(l.found), nil
		return nil
	}
	b, err := lint.ReadBaseline(data, l.o.baseline)
	if err != nil {
		return err
	}
	fresh, known, gone := b.Split(l.found)
	l.found, l.known = fresh, known
	if gone > 0 && l.scope == nil && l.since == nil && len(l.o.only) == 0 {
		is := "findings of " + l.o.baseline + " are"
		if gone == 1 {
			is = "finding of " + l.o.baseline + " is"
		}
		l.say("%d %s gone: --update-baseline takes out what nothing finds any more.", gone, is)
	}
	return nil
}

// report prints the result and gives the exit code.
func (l *lintRun) report() error {
	st := l.style(l.stdout)
	if l.o.fix && l.o.diff {
		if err := report.WriteFixes(l.stdout, l.changes, st); err != nil {
			return err
		}
		// A patch on stdout has no place for what could not be looked at.
		if missed := l.unread(); len(missed) > 0 {
			return fmt.Errorf("not checked, so that there may be more to change:\n  %s", strings.Join(missed, "\n  "))
		}
		return l.done(nil, len(l.changes) > 0)
	}
	v, _ := buildInfo()
	r := &report.Lint{
		Findings: l.found, Rules: l.rules, Files: l.files(), Secrets: lint.Secrets(l.in), Root: filepath.Base(l.root),
		Scanned: l.scanned(), Known: l.known, Errors: l.facts.errors, Version: v,
	}
	if err := report.WriteLint(l.stdout, r, l.format, st); err != nil {
		return err
	}
	for _, other := range l.o.reports {
		if err := l.writeReport(r, other); err != nil {
			return err
		}
	}
	l.nextSteps()
	if len(l.unread()) > 0 {
		return errShown
	}
	worst := lint.Off
	for _, f := range l.found {
		if f.Severity.AtLeast(worst) {
			worst = f.Severity
		}
	}
	return l.done(nil, worst != lint.Off && worst.AtLeast(lint.Severity(l.o.failOn)))
}

// unread are the remotes that could not be asked and the files that could not
// be read, a line each: without them the result is not whole.
func (l *lintRun) unread() []string {
	out := slices.Clone(l.facts.errors)
	for _, f := range l.found {
		if f.Rule == rules.ParseError && f.Severity == lint.Error {
			out = append(out, f.Summary)
		}
	}
	return out
}

// writeReport writes the result to a file: other is FORMAT=FILE.
func (l *lintRun) writeReport(r *report.Lint, other string) error {
	format, name, _ := strings.Cut(other, "=")
	file := name
	if !filepath.IsAbs(file) {
		file = filepath.Join(l.chdir, file)
	}
	var out bytes.Buffer
	if err := report.WriteLint(&out, r, format, report.Style{Width: 80, Verbose: l.verbose}); err != nil {
		return err
	}
	if err := l.writeOutput(file, out.Bytes()); err != nil {
		return fmt.Errorf("the %s report %s cannot be written: %s", format, name, reason(err))
	}
	return nil
}

// writeOutput writes a file that the command line names. One in the repository
// must not be a symlink out of it: whoever wrote the repository would say what
// is written to.
func (l *lintRun) writeOutput(file string, data []byte) error {
	if err := leadsOut(l.root, file); err != nil {
		return err
	}
	return writeWhole(file, data)
}

func (l *lintRun) scanned() int {
	n := 0
	for _, m := range l.in.Graph.Tree.Modules {
		n += len(m.Files)
	}
	return n
}

func (l *lintRun) nextSteps() {
	fixes := 0
	for _, f := range l.found {
		if f.Fix != nil {
			fixes++
		}
	}
	var steps []report.Step
	if fixes > 0 {
		steps = append(steps, report.Step{Command: l.command("lint --fix --diff"), Why: "shows what can be mended by itself"})
	}
	if rule := l.worstRule(); rule != "" {
		steps = append(steps, report.Step{Command: l.command("lint --explain " + rule), Why: "says why, and what to do"})
	}
	if len(l.found) > 10 && l.o.baseline == "" {
		steps = append(steps, report.Step{Command: l.command("lint --baseline .terrier.baseline.json"), Why: "accepts these, not new ones"})
	}
	l.next(steps...)
}

// worstRule is the rule to read about first: the one found most often of those
// with the highest severity.
func (l *lintRun) worstRule() string {
	type key struct {
		rule     string
		severity lint.Severity
	}
	counts := map[key]int{}
	var worst key
	for _, f := range l.found { // by place: what is equal is not left to chance
		counts[key{f.Rule, f.Severity}]++
	}
	for _, f := range l.found {
		k := key{f.Rule, f.Severity}
		higher := worst.rule == "" || k.severity.AtLeast(worst.severity) && k.severity != worst.severity
		if higher || k.severity == worst.severity && counts[k] > counts[worst] {
			worst = k
		}
	}
	return worst.rule
}
