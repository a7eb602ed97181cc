package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/terrier-iac/terrier/modules/lint"
)

// WriteFixes writes the changes as a diff that `git apply` takes, from the
// directory that paths are below. Credentials in it are masked: such a file's
// part says so, and cannot be applied. On a terminal it is coloured, and what
// could drive it is made visible.
func WriteFixes(w io.Writer, changes []lint.Change, st Style) error {
	p := &printer{w: w}
	for _, c := range changes {
		old, new := gitPath("a/", c.Path), gitPath("b/", c.Path)
		body := diff.Diff("x", c.Before, "x", c.After)
		if body == nil {
			continue
		}
		// Its own three lines of header are not git's.
		for range 3 {
			_, body, _ = bytes.Cut(body, []byte("\n"))
		}
		hunks, masked, applies := maskDiff(string(body), c)
		if masked {
			p.f("%s\n", st.yellow(fmt.Sprintf("# %s: credentials are masked, so this part cannot be applied", visible(c.Path))))
		}
		p.f("%s\n", st.bold("diff --git "+old+" "+new))
		if c.Before == nil { // a new file
			p.f("%s\n", st.bold("new file mode 100644"))
			old = "/dev/null"
		}
		p.f("%s\n%s\n", st.bold("--- "+fileLine(old)), st.bold("+++ "+fileLine(new)))
		if !applies {
			// Only what is written is masked: git would write the asterisks.
			p.f("# not shown\n")
			continue
		}
		for _, line := range strings.SplitAfter(hunks, "\n") {
			text, end := strings.CutSuffix(line, "\n")
			if text == "" && !end {
				continue
			}
			if st.Terminal {
				text = text[:1] + visible(strings.ReplaceAll(strings.TrimSuffix(text[1:], "\r"), "\t", "    "))
			}
			switch text[0] {
			case '+':
				text = st.green(text)
			case '-':
				text = st.red(text)
			case '@':
				text = st.faint(text)
			}
			p.f("%s\n", text)
		}
	}
	return p.err
}

// maskDiff masks credentials in the lines of hunks of a change. applies is
// false where git could apply the result all the same: where nothing that git
// compares is masked, but something that it writes.
func maskDiff(hunks string, c lint.Change) (out string, masked, applies bool) {
	var b strings.Builder
	compared := false
	before, after := newLineIndex(c.Before), newLineIndex(c.After)
	old, new := 0, 0 // the numbers of the next lines
	for _, line := range strings.SplitAfter(hunks, "\n") {
		if m := hunkHead.FindStringSubmatch(line); m != nil {
			old, _ = strconv.Atoi(m[1])
			new, _ = strconv.Atoi(m[2])
		}
		if line == "" || line[0] != ' ' && line[0] != '+' && line[0] != '-' {
			b.WriteString(line)
			continue
		}
		x, number, secrets := before, old, c.SecretsBefore
		if line[0] == '+' {
			x, number, secrets = after, new, c.SecretsAfter
		}
		start := 0
		if number > 0 && number <= len(x.starts) {
			start = x.starts[number-1]
		}
		if line[0] != '+' {
			old++
		}
		if line[0] != '-' {
			new++
		}
		safe := line[:1] + maskSource([]byte(line[1:]), start, secrets)
		if safe != line {
			masked = true
			compared = compared || line[0] != '+'
		}
		b.WriteString(safe)
	}
	return b.String(), masked, !masked || compared
}

// hunkHead is the line before a hunk, with the numbers of its first lines.
var hunkHead = regexp.MustCompile(`^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@`)

// gitPath is a path with its prefix, quoted as git quotes it.
func gitPath(prefix, path string) string {
	quote := false
	var b strings.Builder
	for _, c := range []byte(prefix + path) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
			quote = true
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
			quote = true
		default:
			b.WriteByte(c)
		}
	}
	if quote {
		return `"` + b.String() + `"`
	}
	return b.String()
}

// fileLine is a path behind --- or +++, where one with a space ends in a tab.
func fileLine(path string) string {
	if strings.Contains(path, " ") && !strings.HasPrefix(path, `"`) {
		return path + "\t"
	}
	return path
}

// Fixed says in a sentence what was written.
func Fixed(changes []lint.Change) string {
	n := 0
	for _, c := range changes {
		n += c.Fixes
	}
	return "Made " + count(n, "change") + " in " + count(len(changes), "file") + "."
}
