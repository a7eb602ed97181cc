package report

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/live"
)

// unitsEvents are what three stacks do, one with a hostile name and output.
var unitsEvents = []live.Event{
	{Unit: "live/net", Kind: live.EventStart, Text: "apply"},
	{Unit: "live/net", Kind: live.EventStep, Text: "init"},
	{Unit: "live/net", Kind: live.EventLine, Text: "Initializing the backend..."},
	{Unit: hostileName, Kind: live.EventStart, Text: "apply"},
	{Unit: hostileName, Kind: live.EventStep, Text: "apply"},
	{Unit: hostileName, Kind: live.EventLine, Text: "\x1b[2J\x07a\rb\tc https://user:hunter2@example.com/x \u202eevil"},
	{Unit: "live/net", Kind: live.EventLine},
	{Unit: "live/net", Kind: live.EventLine, Text: strings.Repeat("長い行", 60)},
	{Unit: "live/net", Kind: live.EventStep, Text: "apply"},
	{Unit: "live/net", Kind: live.EventEnd, Status: "applied", Text: "1 to add"},
	{Unit: "live/late", Kind: live.EventEnd, Status: "deferred"},
	{Unit: hostileName, Kind: live.EventEnd, Status: "failed", Text: "terraform apply failed"},
}

// In a pipe each line has its stack before it, so that a search finds it.
func TestUnitsPlain(t *testing.T) {
	var out bytes.Buffer
	u := NewUnits(&out, Style{Width: 80}, false)
	for _, e := range unitsEvents {
		u.Tell(e)
	}
	u.Done()
	u.Done()
	evil := `live/\x1b[31mred\u202eevil | `
	want := "live/net | … init\n" +
		"live/net | Initializing the backend...\n" +
		evil + "… apply\n" +
		evil + `\x1b[2J\x07a\x0db` + "    c https://************@example.com/x " + `\u202eevil` + "\n" +
		"live/net | " + strings.Repeat("長い行", 60) + "\n" +
		"live/net | … apply\n" +
		"live/net | = applied: 1 to add\n" +
		"live/late | = deferred\n" +
		evil + "= failed: terraform apply failed\n"
	if out.String() != want {
		t.Errorf("got\n%q\nwant\n%q", out.String(), want)
	}
}

func TestUnitsQuiet(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		var out bytes.Buffer
		u := NewUnits(&out, Style{Width: 80, Terminal: terminal}, true)
		for _, e := range unitsEvents {
			u.Tell(e)
		}
		u.Done()
		if out.Len() > 0 {
			t.Errorf("terminal %t: %q", terminal, out.String())
		}
	}
}

// A screen is what a terminal shows of what is written to it: as much as the view
// needs.
type screen struct {
	mu    sync.Mutex
	t     *testing.T
	width int
	lines []string
	row   int
}

var cursorUp = regexp.MustCompile(`^\x1b\[(\d+)A`)

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text := string(p); text != ""; {
		switch up := cursorUp.FindStringSubmatch(text); {
		case up != nil:
			n, _ := strconv.Atoi(up[1])
			if s.row -= n; s.row < 0 {
				s.t.Errorf("up %d lines from line %d", n, s.row+n)
				s.row = 0
			}
			text = text[len(up[0]):]
		case strings.HasPrefix(text, "\x1b[J"):
			s.lines = s.lines[:min(s.row, len(s.lines))]
			text = text[len("\x1b[J"):]
		default:
			line, rest, ended := strings.Cut(text, "\n")
			if strings.ContainsAny(line, "\x1b\x07\r\t\u202e") || strings.Contains(line, "hunter2") {
				s.t.Errorf("on the terminal: %q", line)
			}
			if columns(line) >= s.width {
				s.t.Errorf("%d columns of %d: %q", columns(line), s.width, line)
			}
			for len(s.lines) <= s.row {
				s.lines = append(s.lines, "")
			}
			s.lines[s.row] += line
			if ended {
				s.row++
			}
			text = rest
		}
	}
	return len(p), nil
}

// On a terminal nothing is left of the view when it has ended, and no line is
// as wide as the terminal, which would wrap it.
func TestUnitsTerminal(t *testing.T) {
	for _, width := range []int{80, 40, 20} {
		s := &screen{t: t, width: width}
		u := NewUnits(s, Style{Width: width, Terminal: true}, false)
		for range 3 {
			for _, e := range unitsEvents[:len(unitsEvents)-1] { // one is not ended: after an interrupt
				u.Tell(e)
			}
			time.Sleep(2 * frameRate) // so that some of it is painted
		}
		u.Done()
		u.Tell(unitsEvents[0])
		u.Done()
		if left := strings.TrimSpace(strings.Join(s.lines, "")); left != "" {
			t.Errorf("%d columns: left on the terminal: %q", width, s.lines)
		}
	}
}

func TestRunningText(t *testing.T) {
	for _, c := range []struct {
		name, step, last string
		width            int
		want             string
	}{
		{"live/net", "plan", "", 79, "live/net  plan 3s"},
		{"live/net", "apply", "Creating...", 79, "live/net  apply 3s  Creating..."},
		{"live/net", "apply", "Still creating... [10s elapsed]", 39, "live/net  apply 3s  Still creating... …"},
		{long, "apply", "Creating...", 79, "…n-and-on/until-it-does-not-fit-into-80  apply 3s  Creating..."},
		{"live/网络-ネットワーク-05", "apply", "日本語の長い行", 39, ""},
		{"live/net", "apply", "x", 5, "live…"},
	} {
		name := strings.Replace(c.name, "eighty-columns", "80", 1)
		got := runningText(name, c.step, 3*time.Second+time.Millisecond, c.last, c.width)
		if columns(got) > c.width {
			t.Errorf("%d columns of %d: %s", columns(got), c.width, got)
		}
		if c.want != "" && got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if c.width > 30 && !strings.Contains(got, c.step) {
			t.Errorf("what it does is not there: %s", got)
		}
	}
}
