package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// ParseError is the name of the rule without whose findings lint is not complete:
// what could not be read may hold more.
const ParseError = "parse-error"

var parseError = &lint.Rule{
	Name:     ParseError,
	Summary:  "A file or directory that cannot be read, so that its calls are unknown",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		errs := map[string][]*hcl.Diagnostic{}
		take := func(d *hcl.Diagnostic) {
			if _, outside := d.Extra.(hclparse.OutsideTree); d.Severity != hcl.DiagError && !outside {
				return
			}
			file := "."
			if d.Subject != nil && d.Subject.Filename != "" {
				file = d.Subject.Filename
			}
			errs[file] = append(errs[file], d)
		}
		loaded := map[string]bool{}
		for _, d := range p.Graph.Sorted() {
			for _, f := range d.Config.Files {
				loaded[f.Path] = true
			}
		}
		for _, d := range p.Diags {
			take(d)
		}
		for _, c := range p.Calls {
			// A file that terragrunt includes is read by the graph.
			if f := c.File(); !loaded[f.Path] {
				loaded[f.Path] = true
				for _, d := range f.Diags {
					take(d)
				}
			}
		}
		for _, file := range sorted(errs) {
			reportErrors(p, file, errs[file])
		}
	},
}

// reportErrors reports the first error of a file, and how many more there are.
func reportErrors(p *lint.Pass, file string, errs []*hcl.Diagnostic) {
	d := errs[0]
	at := firstLine(file)
	if d.Subject != nil && d.Subject.Start.Line > 0 {
		at = *d.Subject
		at.Filename = file
	}
	detail := d.Detail
	switch n := len(errs) - 1; {
	case n == 1:
		detail += " There is one more error in this file."
	case n > 1:
		detail += fmt.Sprintf(" There are %d more errors in this file.", n)
	}
	f := lint.Finding{
		Range:    at,
		Subject:  file,
		Severity: p.Rule.Severity,
		Summary:  fmt.Sprintf("%q cannot be read in full: %s", file, d.Summary),
	}
	if d.Severity == hcl.DiagWarning { // of a symlink out of the tree
		f.Severity = lint.Warn
	}
	switch {
	case fixture(path.Dir(file)):
		f.Severity, f.Detail = lint.Info, detail+" It stands among fixtures, so that this may be on purpose."
	case strings.HasPrefix(file, ".") && file != ".", strings.Contains(file, "/."), template(path.Dir(file)) && unfilledFile(p, file):
		// What scaffolding tools keep in .boilerplate and the like is for
		// them to fill in.
		f.Severity, f.Detail = lint.Info, detail+" It looks as if something fills it in before terraform reads it."
	default:
		f.Detail = detail + " What it calls is not known, and nothing of that is checked."
	}
	p.Report(f)
}

// unfilledFile reports whether a file of the tree holds what a generator fills
// in.
func unfilledFile(p *lint.Pass, file string) bool {
	d := p.Graph.Dirs[path.Dir(file)]
	if d == nil {
		return false
	}
	i := slices.IndexFunc(d.Config.Files, func(f *hclparse.File) bool { return f.Path == file })
	return i >= 0 && unfilled.Match(d.Config.Files[i].Bytes)
}
