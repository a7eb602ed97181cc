package live

import (
	"fmt"
	"io"
	"strings"
)

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

// A log holds no more than mostText of the beginning and mostTail of the end of
// what terraform prints while a stack has its turn, in bytes.
const mostTail = 1 << 20

// A bounded writes lines to a log, and leaves out those in the middle where they
// are too many. A line that cannot be written stops nothing.
type bounded struct {
	to      io.WriteCloser
	written int
	tail    []string
	held    int // bytes of the tail
	left    int // lines
}

func (b *bounded) add(line string) {
	line += "\n"
	if len(b.tail) == 0 && b.left == 0 && b.written+len(line) <= mostText {
		b.written += len(line)
		_, _ = io.WriteString(b.to, line)
		return
	}
	b.tail = append(b.tail, line)
	for b.held += len(line); b.held > mostTail; b.left++ {
		b.held -= len(b.tail[0])
		b.tail[0] = "" // the array outlives it
		b.tail = b.tail[1:]
	}
}

func (b *bounded) close() {
	if b.left > 0 {
		_, _ = fmt.Fprintf(b.to, "… %d lines left out …\n", b.left)
	}
	for _, line := range b.tail {
		_, _ = io.WriteString(b.to, line)
	}
	_ = b.to.Close() // of a log
}
