package cmd

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// What is in use decides how much garbage may gather: five times a small heap
// is nothing, and five times that of 20,000 modules is a gigabyte.
func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{1: 400, 10 << 20: 400, 64 << 20: 400, 128 << 20: 200, 256 << 20: 100, 1 << 30: 50, 1 << 40: 50} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d MB in use: %d, want %d", live>>20, got, want)
		}
	}
}

// The percentage follows what is in use, one collection after the other.
func TestGCFollowsTheHeap(t *testing.T) {
	t.Setenv("GOGC", "")
	old := debug.SetGCPercent(100)
	defer debug.SetGCPercent(old)
	relaxGC()
	current := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	held := make([]byte, 300<<20)
	for range 2 {
		for range 200 {
			runtime.GC()
			if current() < 100 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if p := current(); p >= 100 {
			t.Errorf("with %d MB in use the heap may still grow by %d %%", len(held)>>20, p)
		}
	}
	runtime.KeepAlive(held)
}
