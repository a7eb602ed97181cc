package report

import (
	"fmt"
	"io"
)

// pinsMarkdown writes what moves as a table, and below it what was asked for
// and stays, and what could not be asked: who reads it in a merge request sees
// no other report.
func pinsMarkdown(w io.Writer, p *Pins) error {
	q := &printer{w: w}
	if p.Promotion != nil {
		p.markdownHead(q, p.Exempted)
	}
	if rows := p.table(markdown, true); len(rows) > 1 {
		if err := writeMarkdown(w, rows, nil); err != nil {
			return err
		}
	} else {
		q.f("Nothing moves.\n")
	}
	if p.Promotion != nil {
		p.markdownMoved(q)
	}
	p.markdownLeft(q)
	if q.err != nil {
		return q.err
	}
	return writeMarkdown(w, nil, p.Errors)
}

// markdownLeft lists the calls that stay though they were asked for.
func (p *Pins) markdownLeft(q *printer) {
	first := true
	for _, s := range p.Skipped {
		if !s.Asked {
			continue
		}
		if first {
			first = false
			q.f("\nLeft as they are:\n\n")
		}
		where := markdown(fmt.Sprintf("%s:%d", oneLine(s.File), s.Line))
		if env := envName(s.Environment); env != "-" {
			where += " (" + markdown(env) + ")"
		}
		q.f("- %s, %s: %s\n", markdown(oneLine(s.Module)), where, markdown(oneLine(s.Reason)))
	}
}
