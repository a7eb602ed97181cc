package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/modules/lint"
)

// WriteRules writes a table of rules, with the severity that each has here.
func WriteRules(w io.Writer, rules []*lint.Rule, severity func(rule string) lint.Severity, st Style) error {
	p := &printer{w: w}
	name := 0
	for _, r := range rules {
		name = max(name, len(r.Name))
	}
	indent := 2 + 5 + 2 + name + 2
	for _, r := range rules {
		sev := severity(r.Name)
		var notes []string
		if r.Fixes {
			notes = append(notes, "has fixes")
		}
		if r.Needs != lint.NeedNothing {
			notes = append(notes, "needs "+string(r.Needs))
		}
		word := st.severity(sev, fmt.Sprintf("%-5s", sev))
		if sev == lint.Off {
			word = st.faint(fmt.Sprintf("%-5s", sev))
		}
		pad := strings.Repeat(" ", name-len(r.Name))
		if !st.Terminal {
			text := r.Summary
			if len(notes) > 0 {
				text += " (" + strings.Join(notes, ", ") + ")"
			}
			p.f("  %s  %s%s  %s\n", word, r.Name, pad, text)
			continue
		}
		p.f("  %s  %s%s  %s\n", word, st.bold(r.Name), pad, fold(r.Summary, max(st.Width, indent+20), indent))
		if len(notes) > 0 {
			p.f("%s%s\n", strings.Repeat(" ", indent), st.faint(strings.Join(notes, ", ")))
		}
	}
	return p.err
}

var (
	codeSpan = regexp.MustCompile("`[^`]+`")
	listItem = regexp.MustCompile(`^(\s*(?:[-*]|\d+\.) )(.*)$`)
	pageLink = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)
	tableGap = regexp.MustCompile(`^[|: -]+$`) // between the head and the rows
)

// WriteRule writes the page of a rule, with the severity that it has here. In
// a pipe it is the page's own Markdown.
func WriteRule(w io.Writer, rule *lint.Rule, severity lint.Severity, st Style) error {
	p := &printer{w: w}
	facts := []string{"Severity: " + string(severity)}
	if rule.Fixes {
		facts = append(facts, "has fixes")
	}
	if rule.Needs != lint.NeedNothing {
		facts = append(facts, "needs "+string(rule.Needs))
	}
	title, body, _ := strings.Cut(strings.TrimSpace(rule.Doc), "\n")
	if !st.Terminal {
		p.f("%s\n\n%s\n\n%s\n", title, strings.Join(facts, ", "), strings.TrimSpace(body))
		return p.err
	}
	p.f("%s\n%s\n", st.bold(strings.TrimLeft(title, "# ")), st.faint(strings.Join(facts, ", ")))
	width := min(max(st.Width, 20), 100)
	var open []string // of a paragraph or list item, joined
	prefix := ""
	flush := func() {
		if len(open) == 0 {
			return
		}
		text := fold(pageLink.ReplaceAllString(strings.Join(open, " "), "$1"), width, len(prefix))
		if st.Color {
			text = codeSpan.ReplaceAllStringFunc(text, func(c string) string { return st.bold(strings.Trim(c, "`")) })
		}
		p.f("%s%s\n", prefix, text)
		open, prefix = nil, ""
	}
	code, blank := false, true
	var table [][]string
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		line = strings.TrimRight(line, " \r")
		fence := strings.HasPrefix(line, "```")
		if !strings.HasPrefix(line, "|") {
			writeTable(p, table, width, st)
			table = nil
		}
		if blank && (code || line != "") {
			p.f("\n")
			blank = false
		}
		switch item := listItem.FindStringSubmatch(line); {
		case fence:
			flush()
			code = !code
		case code:
			p.f("%s\n", st.faint(strings.TrimRight("    "+visible(strings.ReplaceAll(line, "\t", "    ")), " ")))
		case line == "":
			flush()
			blank = true
		case strings.HasPrefix(line, "#"):
			flush()
			p.f("%s\n", st.bold(strings.TrimLeft(line, "# ")))
			blank = true
		case strings.HasPrefix(line, "|"):
			flush()
			if !tableGap.MatchString(line) {
				table = append(table, cells(line))
			}
		case item != nil:
			flush()
			prefix, open = item[1], []string{item[2]}
		default:
			open = append(open, strings.TrimSpace(line))
		}
	}
	flush()
	writeTable(p, table, width, st)
	return p.err
}

// cells are those of a row of a Markdown table, without its marks.
func cells(line string) []string {
	line = strings.ReplaceAll(pageLink.ReplaceAllString(visible(line), "$1"), "`", "")
	row := strings.Split(strings.Trim(line, "|"), "|")
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	return row
}

// writeTable writes rows in columns, the first row as the head. Where they are
// wider than the terminal, the widest columns are broken between words.
func writeTable(p *printer, rows [][]string, width int, st Style) {
	var widths, words []int // of each column, and of its longest word
	total := 0
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths, words = append(widths, 0), append(words, 0)
				total += 2
			}
			n := max(widths[i], runewidth.StringWidth(cell))
			total += n - widths[i]
			widths[i] = n
			for _, word := range strings.Fields(cell) {
				words[i] = max(words[i], runewidth.StringWidth(word))
			}
		}
	}
	for ; total > width; total-- {
		widest := -1
		for i, w := range widths {
			if w > words[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	for i, row := range rows {
		var broken [][]string
		height := 0
		for c, cell := range row {
			lines := strings.Split(fold(cell, widths[c], 0), "\n")
			broken, height = append(broken, lines), max(height, len(lines))
		}
		for h := range height {
			var line strings.Builder
			for c, lines := range broken {
				text := ""
				if h < len(lines) {
					text = lines[h]
				}
				line.WriteString("  " + runewidth.FillRight(text, widths[c]))
			}
			text := strings.TrimRight(line.String(), " ")
			if i == 0 {
				text = st.bold(text)
			}
			p.f("%s\n", text)
		}
	}
}
