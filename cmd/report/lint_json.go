package report

import (
	"io"

	"github.com/hashicorp/hcl/v2"
)

type lintReport struct {
	FormatVersion string        `json:"format_version"`
	Findings      []lintFinding `json:"findings"`
	Errors        []string      `json:"errors"` // what could not be checked
	Files         int           `json:"files"`  // looked at
	Known         int           `json:"known"`  // accepted by the baseline
}

type lintPlace struct {
	File      string `json:"file"`
	Line      int    `json:"line"`   // from 1
	Column    int    `json:"column"` // in characters, from 1
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"` // behind the last character
}

type lintFinding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	lintPlace
	Summary     string        `json:"summary"`
	Detail      string        `json:"detail"`
	Fixable     bool          `json:"fixable"`
	Fix         string        `json:"fix"`         // what it does; "" without one
	Fingerprint string        `json:"fingerprint"` // stays when lines move
	Related     []lintRelated `json:"related"`
}

type lintRelated struct {
	lintPlace
	Text string `json:"text"`
}

func placeOf(r hcl.Range) lintPlace {
	return lintPlace{dataPath(r.Filename), r.Start.Line, r.Start.Column, r.End.Line, r.End.Column}
}

func lintJSON(w io.Writer, l *Lint, _ Style) error {
	out := lintReport{FormatVersion: FormatVersion, Findings: []lintFinding{}, Errors: []string{}, Files: l.Scanned, Known: l.Known}
	for i := range l.Findings {
		f := &l.Findings[i]
		j := lintFinding{Rule: f.Rule, Severity: string(f.Severity), lintPlace: placeOf(f.Range), Summary: mask(f.Summary), Detail: mask(f.Detail),
			Fixable: f.Fix != nil, Fingerprint: f.Fingerprint, Related: []lintRelated{}}
		if f.Fix != nil {
			j.Fix = mask(f.Fix.Summary)
		}
		for _, r := range f.Related {
			j.Related = append(j.Related, lintRelated{placeOf(r.Range), mask(r.Text)})
		}
		out.Findings = append(out.Findings, j)
	}
	for _, e := range l.Errors {
		out.Errors = append(out.Errors, mask(e))
	}
	return JSON(w, out)
}
