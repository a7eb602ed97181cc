package report

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// A safeBuffer may be written to by many.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, false, false)
	now := p.lastLine
	p.now = func() time.Time { return now }
	read := p.Step("reading \x1bhistory")
	write := p.Step("writing")
	none := p.Step("nothing")
	open := p.Step("counting")
	for i := range 4001 {
		read(i, 4000)
		now = now.Add(time.Millisecond)
	}
	read(4000, 4000) // said already
	none(0, 0)
	write(1, 2)
	open(7, 0)
	write(2, 2)
	write(3, 3) // it went on
	read(-1, 5)
	p.Done()
	p.Done()
	write(9, 9)
	want := `reading \x1bhistory: 2,000 of 4,000
reading \x1bhistory: 4,000 of 4,000
writing: 2 of 2
writing: 3 of 3
counting: 7
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestProgressQuiet(t *testing.T) {
	for _, tty := range []bool{false, true} {
		var out bytes.Buffer
		p := NewProgress(&out, tty, true)
		p.Step("work")(3, 3)
		p.Done()
		if out.Len() > 0 {
			t.Errorf("not quiet: %q", out.String())
		}
	}
	var none *Progress
	none.Step("work")(1, 1)
	none.Done()
}

func TestProgressBars(t *testing.T) {
	out := &safeBuffer{}
	p := newProgress(out, true, false, 0)
	<-p.start
	first, second := p.Step("reading"), p.Step("writing packages")
	first(1200, 2400)
	second(1, 7)
	deadline := time.Now().Add(10 * time.Second)
	for _, want := range []string{"1,200 of 2,400", "1 of 7"} {
		for !strings.Contains(out.String(), want) {
			if time.Now().After(deadline) {
				t.Fatalf("%q is not shown: %q", want, out.String())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	first(2400, 2400)
	first(2400, 2400)
	p.Done()
	p.Done()
	first(9, 9)
	got := out.String()
	for _, want := range []string{"reading", "writing packages", "2,400 of 2,400", "[=", "\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not shown: %q", want, got)
		}
	}
}

// TestProgressShort does work that is over before a bar would help anybody.
func TestProgressShort(t *testing.T) {
	out := &safeBuffer{}
	p := newProgress(out, true, false, time.Hour)
	p.Step("reading")(5, 5)
	p.Step("writing")(1, 5)
	p.Done()
	if out.String() != "" {
		t.Errorf("shown: %q", out.String())
	}
}

func TestProgressConcurrent(t *testing.T) {
	for _, tty := range []bool{false, true} {
		out := &safeBuffer{}
		p := newProgress(out, tty, false, 0)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				step := p.Step(fmt.Sprintf("step %d", i))
				for n := range 101 {
					step(n, 100)
				}
			})
		}
		wg.Wait()
		p.Done()
		if !tty {
			for i := range 8 {
				if line := fmt.Sprintf("step %d: 100 of 100\n", i); strings.Count(out.String(), line) != 1 {
					t.Errorf("%q is not there once:\n%s", line, out.String())
				}
			}
		}
	}
}
