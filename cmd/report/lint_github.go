package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/terrier-iac/terrier/modules/lint"
)

// lintGitHub writes workflow commands, which GitHub shows as annotations of
// the lines: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
// Of each level it shows ten a step, so the worst come first.
func lintGitHub(w io.Writer, l *Lint, _ Style) error {
	p := &printer{w: w}
	for _, e := range l.Errors {
		p.f("::error title=%s::%s\n", unchecked, commandData(prose(e)))
	}
	for _, level := range []struct {
		severity lint.Severity
		command  string
	}{{lint.Error, "error"}, {lint.Warn, "warning"}, {lint.Info, "notice"}} {
		for i := range l.Findings {
			f := &l.Findings[i]
			if f.Severity != level.severity {
				continue
			}
			var props []string
			add := func(name, value string) { props = append(props, name+"="+commandProperty(value)) }
			if f.Range.Filename != "" {
				add("file", visibleControls(f.Range.Filename))
			}
			if first, last := f.Range.Start, f.Range.End; first.Line > 0 {
				add("line", fmt.Sprint(first.Line))
				if end := lastLine(f.Range); last.Line > first.Line {
					// Columns are of one line only.
					add("endLine", fmt.Sprint(end))
				} else if first.Column > 0 {
					add("endLine", fmt.Sprint(first.Line))
					add("col", fmt.Sprint(first.Column))
					add("endColumn", fmt.Sprint(max(first.Column, last.Column)))
				}
			}
			add("title", oneLine(f.Rule))
			text := oneLine(f.Summary)
			if f.Detail != "" {
				text += "\n" + prose(f.Detail)
			}
			p.f("::%s %s::%s\n", level.command, strings.Join(props, ","), commandData(text))
		}
	}
	return p.err
}

// The escapes are those of @actions/core, packages/core/src/command.ts.
var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func commandData(text string) string     { return dataEscapes.Replace(text) }
func commandProperty(text string) string { return propertyEscapes.Replace(text) }

// visibleControls is a path that a log may show: it stays the path of its
// file, unless there is something in it that has no shape, or broken bytes.
func visibleControls(path string) string { return visible(dataPath(path)) }
