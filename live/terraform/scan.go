package terraform

import (
	"bytes"
	"regexp"
	"strings"
)

// A scanner looks through an apply's output for what decides something.
type scanner struct {
	locked  bool  // terraform did what it does only under the state's lock
	dump    int64 // where a printed state begins, -1 before one
	dumpEnd int64 // where it ends, -1 before
	line    []byte
	begin   int64 // of line
	brace   int64 // of a line that is "{", -1 where the last one is not
	used    bool
}

// action is a line about a resource. Before the first one terraform has the
// lock, or goes without one: it reads the state under it.
var action = regexp.MustCompile(`^[a-z][^ ]*.*: (Creating|Modifying|Destroying|Reading|Refreshing state|Still (creating|modifying|destroying|reading)|Provisioning with|(Creation|Modifications|Destruction|Read) complete)`)

// maxScan is how much of a line is looked at.
const maxScan = 4 << 10

// restart tells that the file is read from its beginning again.
func (s *scanner) restart() { s.line, s.begin, s.brace = s.line[:0], 0, -1 }

// feed takes what was read at an offset of the file.
func (s *scanner) feed(p []byte, at int64) {
	if !s.used {
		s.used, s.dump, s.dumpEnd, s.brace = true, -1, -1, -1
		s.begin = at
	}
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		part := p
		if i >= 0 {
			part = p[:i]
		}
		s.line = append(s.line, part[:min(len(part), maxScan-len(s.line))]...)
		if i < 0 {
			return
		}
		at += int64(i) + 1
		s.end(at)
		p = p[i+1:]
	}
}

// end takes the line that ends before next.
func (s *scanner) end(next int64) {
	line := string(s.line)
	switch {
	case s.dump < 0 && s.brace >= 0 && line == `  "version": 4,`:
		s.dump = s.brace
	case s.dump >= 0 && s.dumpEnd < 0 && line == "}":
		s.dumpEnd = next
	case !s.locked && s.dump < 0 && strings.Contains(line, ": ") && action.MatchString(line):
		s.locked = true
	}
	s.brace = -1
	if line == "{" {
		s.brace = s.begin
	}
	s.line, s.begin = s.line[:0], next
}
