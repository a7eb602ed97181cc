package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// listJSONL writes one object for each call and environment.
func listJSONL(w io.Writer, l *List, _ Style) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, m := range l.Modules {
		for _, env := range l.Environments {
			for _, v := range m.Versions[env] {
				err := enc.Encode(struct {
					Name        string `json:"name"`
					Source      string `json:"source"`
					Subdir      string `json:"subdir"`
					Environment string `json:"environment"`
					Latest      string `json:"latest"`
					ListVersion
				}{m.Name, m.Source, m.Subdir, env, m.Latest, v})
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// listCSV writes one record for each call and environment (RFC 4180, lines
// end in LF).
func listCSV(w io.Writer, l *List, _ Style) error {
	rows := [][]string{{"name", "source", "subdir", "environment", "version", "ref", "commit", "behind", "latest", "file", "line", "call"}}
	for _, m := range l.Modules {
		for _, env := range l.Environments {
			for _, v := range m.Versions[env] {
				rows = append(rows, []string{m.Name, m.Source, m.Subdir, env, v.Version, v.Ref, v.Commit, strconv.Itoa(v.Behind), m.Latest, v.File, strconv.Itoa(v.Line), v.Call})
			}
		}
	}
	return writeCSV(w, rows)
}

func writeCSV(w io.Writer, rows [][]string) error {
	c := csv.NewWriter(w)
	for _, row := range rows {
		for i, field := range row {
			row[i] = inert(visibleControls(field))
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// constraint is what stands in a version argument, and no formula.
var constraint = regexp.MustCompile(`^= ?v?[0-9]+(\.[0-9]+){0,2}$`)

// inert keeps a spreadsheet from taking a field for a formula
// (owasp.org/www-community/attacks/CSV_Injection).
func inert(field string) string {
	if field != "" && strings.ContainsRune("=+-@\t\r", rune(field[0])) && !constraint.MatchString(field) {
		return "'" + field
	}
	return field
}

// listMarkdown writes the matrix as a table for a merge request.
func listMarkdown(w io.Writer, l *List, st Style) error {
	head := []string{"module"}
	for _, e := range l.Environments {
		head = append(head, envName(e))
	}
	if l.remote {
		head = append(head, "newest")
	}
	rows := [][]string{head}
	for _, m := range l.set.Modules {
		row := []string{"`" + code(oneLine(m.Name)) + "`"}
		for _, e := range l.Environments {
			var parts []string
			for _, c := range cellPins(m, e) {
				text := markdown(c.text)
				if c.behind > 0 {
					text += fmt.Sprintf(" (%d behind)", c.behind)
				}
				parts = append(parts, text)
			}
			row = append(row, strings.Join(parts, "<br>"))
		}
		if l.remote {
			row = append(row, l.newest(m))
		}
		rows = append(rows, row)
	}
	return writeMarkdown(w, rows, l.Errors)
}

func writeMarkdown(w io.Writer, rows [][]string, errors []ListError) error {
	p := &printer{w: w}
	for i, row := range rows {
		p.f("| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			p.f("|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
	for i, e := range errors {
		if i == 0 {
			p.f("\n")
		}
		p.f("- Error: %s: %s\n", markdown(oneLine(e.Source)), markdown(paragraph(e.Summary)))
	}
	return p.err
}

// markdown is text that Markdown and a table's cell take as it is.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_[]|~#!>", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// code is text within backquotes in a table's cell.
func code(text string) string { return strings.NewReplacer("`", "'", "|", "\\|").Replace(text) }
