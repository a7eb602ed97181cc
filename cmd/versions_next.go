package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/versions"
)

// nextOfList names the first promotion that would bring an environment to the
// versions of the one before it.
func (v *versionsRun) nextOfList() {
	if v.quiet || v.format != "text" {
		return
	}
	after := v.cfg.after()
	behind := map[[2]string]bool{}
	for _, m := range v.set.Modules {
		for _, s := range m.Skews() {
			behind[[2]string{s.Ahead, s.Environment}] = true
		}
	}
	for _, to := range v.cfg.Order() {
		for _, from := range after[to] {
			if behind[[2]string{from, to}] {
				v.next(report.Step{Command: v.command(promoteWords(from, to) + " --dry-run"), Why: "what " + to + " would get"})
				return
			}
		}
	}
}

// nextOfOutdated names the bump that takes what is allowed, and the first
// major version in it to be looked at.
func (v *versionsRun) nextOfOutdated(o outdatedOptions, rows []*versions.Row) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r *versions.Row) bool { return !r.Outdated() || r.Allowed == nil })
	if len(rows) == 0 {
		return
	}
	words := []string{"bump"}
	for _, name := range o.names {
		words = append(words, shell(name))
	}
	if len(o.names) == 0 {
		words = append(words, "--all")
	}
	if len(o.environments) > 0 {
		words = append(words, "--env", shell(strings.Join(o.environments, ",")))
	}
	if o.pre {
		words = append(words, "--pre")
	}
	if o.offline {
		words = append(words, "--offline")
	}
	steps := []report.Step{{Command: v.command(strings.Join(append(words, "--dry-run"), " ")), Why: "what would move"}}
	for _, r := range rows {
		if r.Unchanged != nil && *r.Unchanged {
			continue
		}
		if s, ok := v.majorStep(r.Module, r.Current(), r.Allowed); ok {
			steps = append(steps, s)
			break
		}
	}
	v.next(steps...)
}

// majorStep is the diff of two versions of a module between which more may
// break than a caller expects.
func (v *versionsRun) majorStep(m *versions.Module, from, to *versions.Release) (report.Step, bool) {
	if from == nil || to == nil || from.Tag == "" || to.Tag == "" || from.Version.Major() >= to.Version.Major() {
		return report.Step{}, false
	}
	return report.Step{
		Command: v.command(strings.Join([]string{"diff", shell(m.Name), shell(from.Tag), shell(to.Tag)}, " ")), Why: "a major version: what breaks",
	}, true
}

func promoteWords(from, to string) string {
	return "promote --from " + shell(from) + " --to " + shell(to)
}

// nextOfPins names what can be done with the changes.
func (r *pinsRun) nextOfPins(command string) {
	if len(r.result.Edits) == 0 {
		return
	}
	var steps []report.Step
	git := "git"
	if r.chdir != "." {
		git += " -C " + shell(r.chdir)
	}
	pushed := r.o.push || r.o.request
	switch {
	case r.o.diff:
		steps = append(steps, report.Step{Command: "the same command without --diff", Why: "writes it"})
	case r.o.dryRun:
		steps = append(steps, report.Step{Command: "the same command without --dry-run", Why: "writes it"})
	case r.publication == nil:
		steps = append(steps, report.Step{Command: git + " diff", Why: "what changed"})
	case !pushed && r.publication.report.Branch != "":
		branch := r.publication.report.Branch
		steps = append(steps, report.Step{Command: fmt.Sprintf("%s log -p -%d %s", git, len(r.publication.report.Commits), shell(branch)), Why: "what was committed"})
		steps = append(steps, report.Step{Command: git + " push " + shell(r.o.remote) + " " + shell(branch), Why: "sends it"})
	}
	if command == "bump" { // promote shows what breaks itself
		for i := range r.result.Edits {
			m := r.result.Edits[i].Move
			if m == nil || m.Same != nil && *m.Same {
				continue
			}
			if s, ok := r.majorStep(m.Module, m.Uses[0].Release, m.To); ok {
				steps = append(steps, s)
				break
			}
		}
	}
	if s, ok := r.promoteStep(); ok && command == "bump" && !r.o.diff && !r.o.dryRun {
		steps = append(steps, s)
	}
	r.next(steps...)
}

// promoteStep takes what one environment has got to the next one.
func (r *pinsRun) promoteStep() (report.Step, bool) {
	if len(r.o.environments) != 1 {
		return report.Step{}, false
	}
	from := r.o.environments[0]
	after := r.cfg.after()
	for _, to := range r.cfg.Order() {
		if slices.Contains(after[to], from) {
			return report.Step{Command: r.command(promoteWords(from, to)), Why: "once it is applied, or merged"}, true
		}
	}
	return report.Step{}, false
}
