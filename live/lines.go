package live

import "strings"

// mostText bounds what is kept of what terraform printed to one step, in bytes.
const mostText = 4 << 20

// lines collects what terraform prints, its beginning where it is too much.
type lines struct {
	text strings.Builder
	cut  bool
}

func (l *lines) add(line string) {
	if l.text.Len()+len(line) > mostText {
		l.cut = true
		return
	}
	l.text.WriteString(line)
	l.text.WriteByte('\n')
}

// take gives the text, and begins anew.
func (l *lines) take() string {
	text := l.text.String()
	if l.cut {
		text += "… and more\n"
	}
	*l = lines{}
	return text
}
