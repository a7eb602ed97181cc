package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Error prints an error as what, where, and the next step.
func Error(w io.Writer, err error, st Style) {
	text, hint, has := strings.Cut(err.Error(), "\nhint: ")
	fmt.Fprintln(w, st.red("Error:")+strings.TrimPrefix(st.lines("Error: "+strings.TrimSpace(text)), "Error:"))
	if has {
		fmt.Fprintf(w, "\n%s\n", st.lines("hint: "+strings.TrimSpace(hint)))
	}
}

// Say prints a line of talk.
func Say(w io.Writer, text string, st Style) {
	fmt.Fprintln(w, st.lines(text))
}

// A Step is something that can be done next, as a command or in words.
type Step struct{ Command, Why string }

// Next prints what can be done next, a command a line: no command is broken,
// and what does not fit beside it is left out.
func Next(w io.Writer, steps []Step, st Style) {
	if len(steps) == 0 {
		return
	}
	width := 0
	for _, s := range steps {
		width = max(width, runewidth.StringWidth(clean(s.Command)))
	}
	fmt.Fprintf(w, "\n%s\n", st.bold("Next"))
	for _, s := range steps {
		command := clean(s.Command)
		fmt.Fprint(w, "  "+command)
		if why := "  # " + s.Why; s.Why != "" && 2+width+runewidth.StringWidth(why) <= st.Width {
			fmt.Fprint(w, strings.Repeat(" ", width-runewidth.StringWidth(command))+st.faint(why))
		}
		fmt.Fprintln(w)
	}
}

// lines shows a text: credentials are masked, and what could drive a terminal is
// made visible. It folds each line of a text on a terminal; elsewhere a line stays one,
// so that a search finds it.
func (s Style) lines(text string) string {
	parts := strings.Split(text, "\n")
	for i, l := range parts {
		// What a user or another program gave may be in it.
		parts[i] = visible(mask(strings.ReplaceAll(l, "\t", "    ")))
	}
	text = strings.Join(parts, "\n")
	if !s.Terminal {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if indent := len(l) - len(strings.TrimLeft(l, " \t")); indent == 0 {
			lines[i] = fold(l, s.Width, 0)
		}
	}
	return strings.Join(lines, "\n")
}
