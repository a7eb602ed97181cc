package cmd

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lint/rules"
)

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

// files are the bytes of the files that have findings, for snippets.
func (l *lintRun) files() map[string]*hcl.File {
	out := map[string]*hcl.File{}
	for _, f := range l.found {
		out[f.Range.Filename] = nil
		for _, r := range f.Related {
			out[r.Range.Filename] = nil
		}
	}
	for _, m := range l.in.Graph.Tree.Modules {
		for _, f := range m.Files {
			if _, wanted := out[f.Path]; wanted && f.Bytes != nil {
				out[f.Path] = &hcl.File{Bytes: f.Bytes}
			}
		}
	}
	for p, f := range out {
		if f == nil {
			delete(out, p)
			if data, err := fs.ReadFile(l.in.Graph.Tree.FS, p); err == nil {
				out[p] = &hcl.File{Bytes: data}
			}
		}
	}
	return out
}
