package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

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
	textLive(p, st, plan, nil)
	inPackages, inDocs := 0, 0
	for _, e := range plan.Edits {
		switch {
		case e.Doc:
			inDocs++
		case e.Package != "":
			inPackages++
		}
	}
	sources := fmt.Sprintf("%s would change: %s in live, %s in packages", thousands(len(plan.Edits)),
		thousands(len(plan.Edits)-inPackages-inDocs), thousands(inPackages))
	if inDocs > 0 {
		sources += ", " + thousands(inDocs) + " in documentation"
	}
	p.f("\n%s  %s\n", st.bold("Sources"), fold(sources, st.Width, 9))
	for _, e := range plan.Edits {
		if st.Verbose {
			p.f("  %s:%d\n    %s\n    %s\n", clean(e.File), e.Line, st.red("- "+clean(e.From)), st.green("+ "+clean(e.To)))
		}
	}
	if !st.Verbose && len(plan.Edits) > 0 {
		p.f("%s\n", st.faint("  Each of them: -v, or --format json"))
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
	textLive(p, st, s.Plan, s.Result)
	textProof(p, st, s.Plan, s.Proof)
	textRest(p, st, s.Plan)
	return p.err
}

// A row is one line of a table and what is to know beside it.
type row struct {
	cells []string // all but the last are padded
	notes []string // a line each, below
}

// textRows writes rows in columns. A cell that is wider than half of the line
// pads no other.
func textRows(p *printer, st Style, rows []row) {
	var widths []int
	for _, r := range rows {
		for i, c := range r.cells[:len(r.cells)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if n := runewidth.StringWidth(c); n <= st.Width/2 {
				widths[i] = max(widths[i], n)
			}
		}
	}
	for _, r := range rows {
		line := " "
		for i, c := range r.cells {
			if line += " " + c; i < len(widths) {
				line += strings.Repeat(" ", max(0, widths[i]-runewidth.StringWidth(c))+1)
			}
		}
		p.f("%s\n", strings.TrimRight(line, " "))
		for _, note := range r.notes {
			p.f("    %s\n", st.faint(fold(note, st.Width, 6)))
		}
	}
}

func textPackages(p *printer, st Style, plan *split.Plan, res *split.Result) {
	p.f("\n%s  %s\n", st.bold("Packages"), thousands(len(plan.Packages)))
	if len(plan.Packages)+len(plan.Blocked) == 0 {
		p.f("  Nothing moves: no module is called here, or --only leaves out all of them.\n")
	}
	var rows []row
	for i, pkg := range plan.Packages {
		r := row{cells: []string{clean(pkg.Name), pkg.Tag}, notes: packageNotes(pkg, st.Verbose)}
		if len(pkg.Tags) > 0 {
			r.cells[1] = count(len(pkg.Tags), "tag")
		}
		switch {
		case plan.InPlace:
			r.cells = append(r.cells, "every file stays where it is")
		case res != nil:
			commits := count(res.Packages[i].Commits, "commit")
			if n := res.Packages[i].Gaps; n > 0 {
				commits += ", " + count(n, "gap")
			}
			r.cells = append(r.cells, fmt.Sprintf("%.8s", res.Packages[i].Tip), commits)
			if was := res.Packages[i].Followed; len(was) > 0 {
				r.notes = append([]string{"was " + strings.Join(was, ", ")}, r.notes...)
			}
		case len(pkg.Tags) > 0:
			r.cells = append(r.cells, count(len(pkg.Modules), "module"))
		default:
			r.cells = append(r.cells, clean(pkg.Path))
		}
		rows = append(rows, r)
	}
	textRows(p, st, rows)
	if len(plan.Tags) > 0 {
		var names []string
		for _, t := range plan.Tags {
			names = append(names, t.As)
		}
		p.f("\n%s  %s\n", st.bold("Carried over"), fold(count(len(names), "tag")+" of the monorepo: "+listed(names, st.Verbose), st.Width, 14))
	}
}

// packageNotes say what is to know of a package beside its name.
func packageNotes(pkg *split.Package, all bool) []string {
	if len(pkg.Tags) > 0 {
		var tags []string
		for _, t := range pkg.Tags {
			tags = append(tags, t.Tag)
		}
		if all {
			return []string{strings.Join(tags, ", ")}
		}
		return []string{some(tags)}
	}
	var out []string
	if pkg.Root != pkg.Path {
		begins := "begins at " + pkg.Root
		if pkg.Root == "." {
			begins = "begins at the monorepo's root"
		}
		out = append(out, begins+"; callers get //"+strings.TrimPrefix(strings.TrimPrefix(pkg.Path, pkg.Root), "/"))
	}
	switch {
	case pkg.Group != "":
		out = append(out, "group "+pkg.Group+": "+strings.Join(pkg.Owns, ", "))
	case len(pkg.Owns) > 1:
		out = append(out, "owns "+some(pkg.Owns))
	}
	out = append(out, besides(pkg.Copies, pkg.Links)...)
	if len(pkg.Requires) > 0 {
		out = append(out, "pins "+strings.Join(pkg.Requires, ", "))
	}
	return out
}

// besides say what a repository holds that another owns.
func besides(copies []split.Copy, links []split.Link) []string {
	var out []string
	if len(copies) > 0 {
		out = append(out, "copies "+some(copyPaths(copies)))
	}
	if len(links) > 0 {
		out = append(out, "in place of symlinks: "+some(linkTexts(links)))
	}
	return out
}

// textLive shows the live repositories; res is nil before they are written.
func textLive(p *printer, st Style, plan *split.Plan, res *split.Result) {
	if len(plan.Live) == 0 {
		return
	}
	calls, stacks := map[string]int{}, map[string]int{}
	pinned := 0
	for _, e := range plan.Edits {
		if e.Package == "" && !e.Doc {
			calls[e.Live]++
			pinned++
		}
	}
	for _, s := range plan.Stacks {
		stacks[s.Repository]++
	}
	p.f("\n%s  %s, %s pinned\n", st.bold("Live"), count(len(plan.Stacks), "stack"), count(pinned, "call"))
	var rows []row
	for i, l := range plan.Live {
		r := row{cells: []string{l.Repository}, notes: besides(l.Copies, l.Links)}
		if res != nil {
			r.cells = append(r.cells, fmt.Sprintf("%.8s", res.Live[i].Tip))
		}
		name := l.Name
		if len(l.Environments) == 0 {
			name = ""
		}
		if len(plan.Live) > 1 {
			r.cells = append(r.cells, count(stacks[l.Repository], "stack")+", "+count(calls[name], "call")+" pinned")
		}
		if l.Root != "." {
			r.notes = append([]string{"its root is the monorepo's " + l.Root}, r.notes...)
		}
		if l.Branch != "main" {
			r.notes = append(r.notes, "on the branch "+l.Branch)
		}
		if len(r.cells) > 1 || len(r.notes) > 0 {
			rows = append(rows, r)
		}
	}
	textRows(p, st, rows)
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
func some(list []string) string { return listed(list, false) }

// listed is some of a list, or all of it.
func listed(list []string, all bool) string {
	const most = 4
	if n := len(list); n > most && !all {
		return fmt.Sprintf("%s and %s more", strings.Join(list[:most], ", "), thousands(n-most))
	}
	return strings.Join(list, ", ")
}

// ofRepository are the hazards that keep an environment from having a live
// repository of its own; every other one keeps a module in live.
var ofRepository = map[string]bool{"stripped-path": true, "own-commit": true}

// textBlocked names what stays, and why.
func textBlocked(p *printer, st Style, plan *split.Plan) {
	var mods, repositories []*split.Blocked
	for _, b := range plan.Blocked {
		if len(b.Reasons) > 0 && ofRepository[b.Reasons[0].ID] {
			repositories = append(repositories, b)
		} else {
			mods = append(mods, b)
		}
	}
	switch n := len(mods); {
	case n == 1:
		textReasons(p, st, "1 module stays in live, and its callers stay relative", mods)
	case n > 1:
		textReasons(p, st, thousands(n)+" modules stay in live, and their callers stay relative", mods)
	}
	switch n := len(repositories); {
	case n == 1:
		textReasons(p, st, "1 environment gets no repository of its own; its stacks stay in live", repositories)
	case n > 1:
		textReasons(p, st, thousands(n)+" environments get no repository of their own; their stacks stay in live", repositories)
	}
}

func textReasons(p *printer, st Style, what string, blocked []*split.Blocked) {
	p.f("\n%s  %s\n", st.bold("Blocked"), fold(what, st.Width, 9))
	for _, b := range blocked {
		p.f("  %s\n", st.red(clean(b.Path)))
		for i, r := range b.Reasons {
			if i == 3 && !st.Verbose {
				p.f("    %s\n", st.faint(fmt.Sprintf("… and %s (-v)", more(len(b.Reasons)-i, "reason"))))
				break
			}
			p.f("    %s\n", placed(st, at(r.File, r.Line), r.ID, r.Summary, 6))
		}
	}
}

// textProof shows the verdicts.
func textProof(p *printer, st Style, plan *split.Plan, proof *split.Proof) {
	p.f("\n%s  %s\n", st.bold("Proof"), fold(fmt.Sprintf("%s compared byte for byte, %s proved of %s",
		count(proof.Files, "file"), count(proof.Proved(), "stack"), thousands(len(proof.Stacks))), st.Width, 7))
	for i, m := range proof.Mismatches {
		if i == 20 && !st.Verbose {
			p.f("  %s\n", st.faint(fmt.Sprintf("… and %s (-v)", more(len(proof.Mismatches)-i, "mismatch"))))
			break
		}
		textFinding(p, st, "mismatch", m.Kind, m.File, m.Line, m.Summary)
	}
	var differing []string
	for _, s := range proof.Stacks {
		if s.Verdict == "mismatch" {
			differing = append(differing, s.Path)
		}
	}
	if len(differing) > 0 {
		p.f("  %s\n", fold(count(len(differing), "stack")+" with a mismatch: "+listed(differing, st.Verbose), st.Width, 11))
	}
	textUnproved(p, st, plan, proof)
	if proof.Level != "static" {
		status := map[string]int{}
		for _, r := range proof.Terraform {
			status[terraformStatus[r.Status]]++
		}
		p.f("  terraform %s  %s\n", proof.Level, tally(status, "same", "different", "fails since the split", "failed before the split too"))
	}
	switch {
	case len(proof.Mismatches) > 0:
		p.f("  %s\n", st.red("NOT the same. Do not publish this."))
	case !proof.OK() || len(plan.Unproved) > 0:
		p.f("  %s\n", st.yellow("Nothing differs; what is named here could not be proved."))
	case len(proof.Stacks) == 0:
		p.f("  %s\n", st.green("Every package holds the same bytes; only sources differ."))
	default:
		p.f("  %s\n", st.green(fold("Every stack loads the same modules with the same bytes; only sources differ.", st.Width, 2)))
	}
}

var terraformStatus = map[string]string{"same": "same", "different": "different", "after-fails": "fails since the split", "before-fails": "failed before the split too"}

// textUnproved shows the stacks that are not proved, those of one reason
// together: one module can be the reason for a hundred. What a reason means
// stands below, under Not provable, where the plan has it.
func textUnproved(p *printer, st Style, plan *split.Plan, proof *split.Proof) {
	below := map[string]string{}
	for _, f := range plan.Unproved {
		below[fmt.Sprintf("%s: %s:%d: %s", f.ID, f.File, f.Line, f.Summary)] = f.ID + " " + at(f.File, f.Line)
	}
	var order []string
	stacks := map[string][]string{}
	for _, s := range proof.Stacks {
		if s.Verdict != "unproved" {
			continue
		}
		var reasons []string
		for _, r := range s.Reasons {
			if short, ok := below[r]; ok {
				r = short
			}
			reasons = append(reasons, r)
		}
		const most = 4
		if n := len(reasons); n > most && !st.Verbose {
			reasons = append(reasons[:most:most], fmt.Sprintf("and %s (-v)", more(n-most, "reason")))
		}
		why := strings.Join(reasons, "; ")
		if stacks[why] == nil {
			order = append(order, why)
		}
		stacks[why] = append(stacks[why], s.Path)
	}
	for i, why := range order {
		if i == 20 && !st.Verbose {
			p.f("  %s\n", st.faint(fmt.Sprintf("… and %s (-v)", more(len(order)-i, "reason"))))
			break
		}
		which := stacks[why]
		what := which[0]
		if len(which) > 1 {
			what = count(len(which), "stack") + ": " + listed(which, st.Verbose)
		}
		p.f("  %s %s\n           %s\n", st.yellow("unproved"), fold(what, st.Width, 11), fold(why, st.Width, 11))
	}
}

// textRest shows what no reading can prove, and where else a moved path is
// named.
func textRest(p *printer, st Style, plan *split.Plan) {
	if len(plan.Unproved) > 0 {
		p.f("\n%s  %s\n", st.bold("Not provable"), fold(count(len(plan.Unproved), "value")+" that no reading can show to be equal", st.Width, 14))
		for i, f := range plan.Unproved {
			if i == 20 && !st.Verbose {
				p.f("  %s\n", st.faint(fmt.Sprintf("… and %s (-v)", more(len(plan.Unproved)-i, "value"))))
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
	names := slices.Sorted(maps.Keys(files))
	p.f("\n%s  %s\n", st.bold("Mentions"), fold(fmt.Sprintf("of a path that moved in %s (%s), not rewritten", count(len(files), "other file"), count(len(plan.Mentions), "line")), st.Width, 10))
	var rows []row
	for i, f := range names {
		if i == 8 && !st.Verbose {
			break
		}
		rows = append(rows, row{cells: []string{"×" + thousands(files[f]), clean(f)}})
	}
	textRows(p, st, rows)
	if n := len(names) - len(rows); n > 0 {
		p.f("  %s\n", st.faint(fmt.Sprintf("… and %s (-v; --format json has each line)", more(n, "file"))))
	}
}
