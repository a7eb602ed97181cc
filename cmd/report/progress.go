package report

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

const (
	barDelay  = time.Second            // shorter work shows no bar
	barPace   = 50 * time.Millisecond  // between two updates of a bar
	linePace  = 2 * time.Second        // between two plain lines of steps that go on
	frameRate = 120 * time.Millisecond // between two paintings of the bars
)

// Progress shows on a terminal a bar for each step of work that lasts, and
// elsewhere plain lines: now and then one, and one when a step is complete.
// What a line says depends on the work alone, never on the time. All methods
// may be called at the same time, and on nil.
type Progress struct {
	w     io.Writer
	quiet bool
	now   func() time.Time

	mu       sync.Mutex
	steps    []*progressStep
	closed   bool
	bars     *mpb.Progress // nil for plain lines
	start    chan struct{} // closed when the bars may be seen
	delay    *time.Timer
	lastLine time.Time
}

type progressStep struct {
	name        string
	done, total int
	bar         *mpb.Bar // nil until there is something to show, and once complete
	updated     time.Time
	printed     string // the last plain line
}

// NewProgress returns a Progress that writes to w: bars where tty, else lines,
// nothing at all where quiet.
func NewProgress(w io.Writer, tty, quiet bool) *Progress {
	return newProgress(w, tty, quiet, barDelay)
}

func newProgress(w io.Writer, tty, quiet bool, delay time.Duration) *Progress {
	p := &Progress{w: w, quiet: quiet, now: time.Now}
	p.lastLine = p.now()
	if !tty || quiet {
		return p
	}
	p.start = make(chan struct{})
	p.bars = mpb.New(
		mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithRefreshRate(frameRate),
		mpb.WithRenderDelay(p.start), mpb.PopCompletedMode(),
	)
	p.delay = time.AfterFunc(delay, func() { close(p.start) })
	return p
}

// Step begins a step and returns what tells how far it is. A total of 0 means
// that nobody knows it yet. A step is complete when done reaches the total;
// it may go on from there with a larger one.
func (p *Progress) Step(name string) func(done, total int) {
	if p == nil || p.quiet {
		return func(int, int) {}
	}
	s := &progressStep{name: visible(name)}
	p.mu.Lock()
	p.steps = append(p.steps, s)
	p.mu.Unlock()
	return func(done, total int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.closed || done < 0 || total < 0 {
			return
		}
		s.done, s.total = done, total
		if p.bars != nil {
			p.paint(s)
		} else {
			p.print(s)
		}
	}
}

// Done ends the progress: bars stay as they are, and steps that were not
// complete get their last line. It may be called again.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	if p.bars != nil {
		p.delay.Stop()
		// The bars are given up, not waited for: after an error a step never
		// completes.
		p.bars.Shutdown()
		return
	}
	for _, s := range p.steps {
		p.line(s)
	}
}

func (s *progressStep) complete() bool { return s.total > 0 && s.done >= s.total }

// paint moves the step's bar.
func (p *Progress) paint(s *progressStep) {
	if s.done == 0 && s.total == 0 {
		return
	}
	now := p.now()
	if s.bar != nil && !s.complete() && now.Sub(s.updated) < barPace {
		return // a bar that is moved for each of 22,000 commits costs more than they do
	}
	s.updated = now
	if s.bar == nil {
		if s.printed == s.text() {
			return // complete, and said again
		}
		s.bar = p.newBar(s)
	}
	if s.bar == nil {
		return
	}
	s.bar.SetTotal(int64(s.total), false)
	s.bar.SetCurrent(int64(s.done))
	if s.complete() {
		s.bar.SetTotal(int64(s.total), true)
		s.bar, s.printed = nil, s.text()
	}
}

func (p *Progress) newBar(s *progressStep) *mpb.Bar {
	longest := len("writing packages") // later names may be longer: leave room from the beginning
	for _, other := range p.steps {
		longest = max(longest, len(other.name))
	}
	bar, err := p.bars.Add(0, mpb.BarStyle().Lbound("[").Rbound("]").Build(),
		mpb.PrependDecorators(decor.Name(s.name, decor.WC{W: longest + 1, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Any(func(st decor.Statistics) string {
			if st.Total <= 0 {
				return " " + thousands(int(st.Current))
			}
			return " " + thousands(int(st.Current)) + " of " + thousands(int(st.Total))
		})),
	)
	if err != nil {
		return nil // the terminal is gone
	}
	return bar
}

// print writes the step's line if it is time for one.
func (p *Progress) print(s *progressStep) {
	if !s.complete() && p.now().Sub(p.lastLine) < linePace {
		return
	}
	p.line(s)
}

// line writes the step's line, if it says something that was not said.
func (p *Progress) line(s *progressStep) {
	text := s.text()
	if s.done == 0 && s.total == 0 || text == s.printed {
		return
	}
	s.printed = text
	p.lastLine = p.now()
	fmt.Fprintln(p.w, text)
}

func (s *progressStep) text() string {
	if s.total == 0 {
		return fmt.Sprintf("%s: %s", s.name, thousands(s.done))
	}
	return fmt.Sprintf("%s: %s of %s", s.name, thousands(s.done), thousands(s.total))
}
