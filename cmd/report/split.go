package report

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/terrier-iac/terrier/split"
)

// WritePlan writes what a split would do.
func WritePlan(w io.Writer, plan *split.Plan, format string, st Style) error {
	if format == "json" {
		return JSON(w, struct {
			FormatVersion string `json:"format_version"`
			*split.Plan
		}{FormatVersion, plan})
	}
	p := &printer{w: w}
	p.f("%s of commit %.12s. Nothing is written.\n", st.bold("Plan"), plan.Commit)
	textPackages(p, st, plan, nil)
	textBlocked(p, st, plan)
	live := map[string]int{}
	docs := 0
	for _, e := range plan.Edits {
		if e.Doc {
			docs++
			continue
		}
		live[e.Package]++
	}
	p.f("\n%s  %s would change in live, %s in packages", st.bold("Sources"), count(live[""], "source"), thousands(len(plan.Edits)-docs-live[""]))
	if docs > 0 {
		p.f(", %s in documentation", thousands(docs))
	}
	p.f("\n")
	for _, line := range liveLines(plan) {
		p.f("  %s\n", fold("live "+clean(line), st.Width, 4))
	}
	for _, e := range plan.Edits {
		if st.Verbose {
			p.f("  %s:%d\n    %s\n    %s\n", clean(e.File), e.Line, st.red("- "+clean(e.From)), st.green("+ "+clean(e.To)))
		}
	}
	if !st.Verbose && len(plan.Edits) > 0 {
		p.f("%s\n", st.faint("  Every one of them: --dry-run -v, or --format json"))
	}
	textRest(p, st, plan)
	return p.err
}

// Split is everything that a split has to report.
type Split struct {
	Out     string
	Plan    *split.Plan
	Result  *split.Result
	Proof   *split.Proof
	Checked bool // it was written by an earlier run, and proved again
}

// WriteSplit writes the result of a split. The JSON is that of DIR/split.json.
func WriteSplit(w io.Writer, s Split, format string, st Style) error {
	if format == "json" {
		return JSON(w, split.NewDocument(s.Plan, s.Result, s.Proof))
	}
	p := &printer{w: w}
	if s.Checked {
		p.f("%s the split of commit %.12s in %s\n", st.bold("Checked"), s.Plan.Commit, clean(s.Out))
	} else {
		p.f("%s commit %.12s into %s\n", st.bold("Split"), s.Plan.Commit, clean(s.Out))
	}
	textPackages(p, st, s.Plan, s.Result)
	textBlocked(p, st, s.Plan)
	if len(s.Plan.Live) > 0 {
		n := 0
		for _, e := range s.Plan.Edits {
			if e.Package == "" && !e.Doc {
				n++
			}
		}
		p.f("\n%s  %s, %s pinned\n", st.bold("Live"), count(len(s.Plan.Stacks), "stack"), count(n, "call"))
		for i, l := range s.Plan.Live {
			p.f("  %-24s %.12s\n", l.Repository, s.Result.Live[i].Tip)
		}
		for _, line := range liveLines(s.Plan) {
			p.f("    %s\n", st.faint(fold(clean(line), st.Width, 6)))
		}
	}
	textProof(p, st, s.Proof, len(s.Plan.Unproved) == 0)
	textRest(p, st, s.Plan)
	return p.err
}

func textPackages(p *printer, st Style, plan *split.Plan, res *split.Result) {
	p.f("\n%s  %s\n", st.bold("Packages"), thousands(len(plan.Packages)))
	width := 12
	for _, pkg := range plan.Packages {
		width = max(width, len(pkg.Name))
	}
	width = min(width, 30)
	for i, pkg := range plan.Packages {
		p.f("  %-*s %-8s", width, clean(pkg.Name), pkg.Tag)
		if res != nil {
			r := res.Packages[i]
			p.f(" %.8s  %s", r.Tip, count(r.Commits, "commit"))
			if r.Gaps > 0 {
				p.f(", %s", count(r.Gaps, "gap"))
			}
			if len(r.Followed) > 0 {
				p.f(", was %s", clean(strings.Join(r.Followed, ", ")))
			}
		} else {
			p.f(" %s", clean(pkg.Path))
		}
		p.f("\n")
		for _, line := range packageLines(pkg) {
			p.f("    %s\n", st.faint(fold(clean(line), st.Width, 6)))
		}
	}
}

// packageLines say what is to know of a package beside its name.
func packageLines(pkg *split.Package) []string {
	var out []string
	if len(pkg.Tags) > 0 {
		var tags []string
		for _, t := range pkg.Tags {
			tags = append(tags, t.Tag)
		}
		return append(out, strings.Join(tags, ", "))
	}
	if pkg.Root != pkg.Path {
		out = append(out, "begins at "+pkg.Root+"; callers get //"+strings.TrimPrefix(strings.TrimPrefix(pkg.Path, pkg.Root), "/"))
	}
	switch {
	case pkg.Group != "":
		out = append(out, "group "+pkg.Group+": "+strings.Join(pkg.Owns, ", "))
	case len(pkg.Owns) > 1:
		out = append(out, "owns "+some(pkg.Owns))
	}
	if len(pkg.Copies) > 0 {
		out = append(out, "copies "+some(copyPaths(pkg.Copies)))
	}
	if len(pkg.Links) > 0 {
		out = append(out, "in place of symlinks: "+some(linkTexts(pkg.Links)))
	}
	if len(pkg.Requires) > 0 {
		out = append(out, "pins "+strings.Join(pkg.Requires, ", "))
	}
	return out
}

// liveLines say what the live repositories hold of what moved.
func liveLines(plan *split.Plan) []string {
	var out []string
	for _, l := range plan.Live {
		if len(l.Copies) > 0 {
			out = append(out, "keeps copies of "+some(copyPaths(l.Copies))+", which stacks read")
		}
		if len(l.Links) > 0 {
			out = append(out, "in place of symlinks: "+some(linkTexts(l.Links)))
		}
	}
	return out
}

func copyPaths(copies []split.Copy) []string {
	out := make([]string, len(copies))
	for i, c := range copies {
		out[i] = c.Path
	}
	return out
}

func linkTexts(links []split.Link) []string {
	out := make([]string, len(links))
	for i, l := range links {
		out[i] = l.Path + " → " + l.Target
	}
	return out
}

// some lists the first of a list, and how many more there are.
func some(list []string) string {
	const most = 4
	if n := len(list); n > most {
		return fmt.Sprintf("%s and %s more", strings.Join(list[:most], ", "), thousands(n-most))
	}
	return strings.Join(list, ", ")
}

func textBlocked(p *printer, st Style, plan *split.Plan) {
	if len(plan.Blocked) == 0 {
		return
	}
	what := "1 module stays in live, and its callers stay relative"
	if n := len(plan.Blocked); n > 1 {
		what = thousands(n) + " modules stay in live, and their callers stay relative"
	}
	p.f("\n%s  %s\n", st.bold("Blocked"), what)
	for _, b := range plan.Blocked {
		p.f("  %s\n", st.red(clean(b.Path)))
		for i, r := range b.Reasons {
			if i == 3 && !st.Verbose {
				p.f("    %s\n", st.faint(fmt.Sprintf("… and %d more (-v)", len(b.Reasons)-i)))
				break
			}
			at := clean(r.File)
			if r.Line > 0 {
				at += fmt.Sprintf(":%d", r.Line)
			}
			p.f("    %s %s\n      %s\n", at, st.faint(r.ID), fold(r.Summary, st.Width, 6))
		}
	}
}

// textProof shows the verdicts. all says that the plan found nothing that no
// reading can prove.
func textProof(p *printer, st Style, proof *split.Proof, all bool) {
	p.f("\n%s  %s\n", st.bold("Proof"), fold(fmt.Sprintf("%s compared byte for byte, %s proved of %s",
		count(proof.Files, "file"), count(proof.Proved(), "stack"), thousands(len(proof.Stacks))), st.Width, 2))
	for _, m := range proof.Mismatches {
		at := clean(m.File)
		if m.Line > 0 {
			at += fmt.Sprintf(":%d", m.Line)
		}
		p.f("  %s %s %s\n           %s\n", st.red("mismatch"), st.bold(at), st.faint(m.Kind), fold(m.Summary, st.Width, 11))
	}
	verdicts := map[string]int{}
	for _, s := range proof.Stacks {
		verdicts[s.Verdict]++
		if s.Verdict == "unproved" || s.Verdict == "mismatch" {
			if verdicts[s.Verdict] > 20 && !st.Verbose {
				continue
			}
			p.f("  %s %s\n           %s\n", st.yellow(fmt.Sprintf("%-8s", s.Verdict)), clean(s.Path), fold(strings.Join(s.Reasons, "; "), st.Width, 11))
		}
	}
	if n := verdicts["unproved"] - 20; n > 0 && !st.Verbose {
		p.f("  %s\n", st.faint(fmt.Sprintf("… and %d more that are unproved (-v)", n)))
	}
	if proof.Level != "static" {
		status := map[string]int{}
		for _, r := range proof.Terraform {
			status[r.Status]++
		}
		p.f("  terraform %s  %s\n", proof.Level, tally(status, "same", "different", "after-fails", "before-fails"))
	}
	switch {
	case len(proof.Mismatches) > 0:
		p.f("  %s\n", st.red("NOT the same. Do not publish this."))
	case !proof.OK() || !all:
		p.f("  %s\n", st.yellow("Nothing differs; what is named here could not be proved."))
	case len(proof.Stacks) == 0:
		p.f("  %s\n", st.green("Every package holds the same bytes; only sources differ."))
	default:
		p.f("  %s\n", st.green("Every stack loads the same modules with the same bytes; only sources differ."))
	}
}

func textRest(p *printer, st Style, plan *split.Plan) {
	if len(plan.Unproved) > 0 {
		p.f("\n%s  %s\n", st.bold("Not provable"), fold(count(len(plan.Unproved), "value")+" that no reading can show to be equal", st.Width, 2))
		for i, f := range plan.Unproved {
			if i == 20 && !st.Verbose {
				p.f("  %s\n", st.faint(fmt.Sprintf("… and %d more (-v)", len(plan.Unproved)-i)))
				break
			}
			textFinding(p, st, "warn", f.ID, f.File, f.Line, f.Summary)
		}
	}
	if len(plan.Mentions) == 0 {
		return
	}
	files := map[string]int{}
	for _, m := range plan.Mentions {
		files[m.File]++
	}
	var names []string
	for f := range files {
		names = append(names, f)
	}
	sort.Strings(names)
	p.f("\n%s  %s\n", st.bold("Mentions"), fold(fmt.Sprintf("%s of paths that moved, in %s; they are not rewritten", thousands(len(plan.Mentions)), count(len(files), "other file")), st.Width, 2))
	for i, f := range names {
		if i == 8 && !st.Verbose {
			p.f("  %s\n", st.faint(fmt.Sprintf("… and %d more files (-v, or split.json for every line)", len(names)-i)))
			break
		}
		p.f("  %-60s %s\n", clean(f), st.faint("×"+thousands(files[f])))
	}
}
