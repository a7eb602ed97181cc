package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/terrier-iac/terrier/live"
)

// Units shows what happens to stacks while it happens: on a terminal a line for
// each that runs, with what its terraform said last, and elsewhere each line of
// each, with the stack's name before it.
type Units struct {
	w     io.Writer
	st    Style
	quiet bool

	mu      sync.Mutex
	bars    *mpb.Progress // nil for plain lines
	running map[string]*unitLine
}

type unitLine struct {
	mu    sync.Mutex
	bar   *mpb.Bar
	start time.Time
	step  string
	last  string
}

// NewUnits returns a view that writes to w; nothing at all where quiet.
func NewUnits(w io.Writer, st Style, quiet bool) *Units {
	u := &Units{w: w, st: st, quiet: quiet, running: map[string]*unitLine{}}
	if st.Terminal && !quiet {
		u.bars = mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithRefreshRate(frameRate), mpb.WithWidth(st.Width))
	}
	return u
}

// Tell takes an event.
func (u *Units) Tell(e live.Event) {
	if u.quiet {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.bars == nil {
		u.print(e)
		return
	}
	u.paint(e)
}

// print writes the event as a line.
func (u *Units) print(e live.Event) {
	text := e.Text
	switch e.Kind {
	case live.EventStart:
		return
	case live.EventStep:
		text = "… " + text
	case live.EventLine:
		if text == "" {
			return
		}
	case live.EventEnd:
		text = "= " + e.Status
		if e.Text != "" {
			text += ": " + e.Text
		}
	}
	fmt.Fprintf(u.w, "%s | %s\n", oneLine(e.Unit), untabbed(text))
}

// untabbed is a line of terraform's, with nothing in it that drives a terminal.
func untabbed(text string) string { return oneLine(strings.ReplaceAll(text, "\t", "    ")) }

// paint moves the line of the event's stack.
func (u *Units) paint(e live.Event) {
	line := u.running[e.Unit]
	if line == nil {
		if e.Kind == live.EventEnd {
			return
		}
		line = &unitLine{start: time.Now()}
		name := oneLine(e.Unit)
		line.bar = u.bars.New(0, mpb.NopStyle(), mpb.BarRemoveOnComplete(), mpb.BarFillerTrim(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			line.mu.Lock()
			defer line.mu.Unlock()
			return runningText(name, line.step, time.Since(line.start), line.last, u.st.Width-1)
		})))
		u.running[e.Unit] = line
	}
	line.mu.Lock()
	switch e.Kind {
	case live.EventStep, live.EventStart:
		line.step, line.last = e.Text, ""
	case live.EventLine:
		if e.Text != "" {
			line.last = untabbed(e.Text)
		}
	}
	line.mu.Unlock()
	if e.Kind == live.EventEnd {
		line.bar.Abort(true)
		delete(u.running, e.Unit)
	}
}

// runningText is the line of a stack that runs. Of a long name the end is kept,
// which tells it from its neighbours, and room for what happens is left.
func runningText(name, step string, since time.Duration, last string, width int) string {
	if most := max(width/2, 12); columns(name) > most {
		name = runewidth.TruncateLeft(name, columns(name)-most+1, "…")
	}
	text := fmt.Sprintf("%s  %s %s", name, step, since.Round(time.Second))
	if last != "" {
		text += "  " + last
	}
	return runewidth.Truncate(text, width, "…")
}

// Done ends the view. It may be called again.
func (u *Units) Done() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.bars == nil {
		return
	}
	for name, line := range u.running {
		line.bar.Abort(true)
		delete(u.running, name)
	}
	u.bars.Wait()
	u.bars = nil
	u.quiet = true
}
