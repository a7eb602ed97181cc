package terraform

import (
	"bytes"
	"strings"
	"sync"
)

// overlap is how much of an overlong line is looked at beyond MaxLine, so that
// a secret that lies across the cut is known.
const overlap = 8 << 10

// lines cuts output into lines for Session.Line. What it holds is bounded,
// however long a line is. Several streams may share one tell.
type lines struct {
	tell func(string)
	tidy func(string) string
	mu   *sync.Mutex // keeps tell to one call at a time
	buf  []byte
	long bool // the rest of the line is dropped
}

func (l *lines) Write(p []byte) (int, error) {
	if l.tell == nil {
		return len(p), nil
	}
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		part := p
		if i >= 0 {
			part = p[:i]
		}
		if room := MaxLine + overlap - len(l.buf); len(part) > room {
			part, l.long = part[:room], true
		}
		l.buf = append(l.buf, part...)
		if i < 0 {
			break
		}
		l.flush()
		p = p[i+1:]
	}
	return n, nil
}

// flush tells the line that has been begun.
func (l *lines) flush() {
	s := l.tidy(clean(string(l.buf)))
	if l.long {
		// The end may be half a secret.
		s = s[:max(0, len(s)-overlap)]
	}
	if len(s) > MaxLine-len(" …") {
		s, l.long = s[:MaxLine-len(" …")], true
	}
	if l.long {
		s = strings.ToValidUTF8(s, "") + " …" // a rune may be cut
	}
	l.buf, l.long = l.buf[:0], false
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell(s)
}

// end tells a last line that has no newline.
func (l *lines) end() {
	if l.tell != nil && len(l.buf) > 0 {
		l.flush()
	}
}
