package live

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"sync"
	"testing"
)

// TestSchedule runs random graphs: each task once, behind those before it, never
// two of a directory at once, never more than there are jobs, and never twice as
// many with those at rest.
func TestSchedule(t *testing.T) {
	for seed := range int64(200) {
		r := rand.New(rand.NewSource(seed))
		tasks := make([]task, r.Intn(30))
		for i := range tasks {
			tasks[i] = task{name: fmt.Sprint(i), dir: fmt.Sprint(r.Intn(10)), after: []string{"elsewhere"}}
			for range r.Intn(3) {
				if i > 0 {
					tasks[i].after = append(tasks[i].after, fmt.Sprint(r.Intn(i)))
				}
			}
		}
		jobs := 1 + r.Intn(4)
		var mu sync.Mutex
		var order []int
		ended := map[string]bool{}
		dirs := map[string]int{}
		running, all := 0, 0
		schedule(context.Background(), tasks, jobs, func(_ context.Context, i int, rest func()) {
			mu.Lock()
			order = append(order, i)
			running++
			all++
			dirs[tasks[i].dir]++
			if running > jobs || all > 2*jobs || dirs[tasks[i].dir] > 1 {
				t.Errorf("seed %d: %d run at once, %d in directory %s", seed, running, dirs[tasks[i].dir], tasks[i].dir)
			}
			for _, name := range tasks[i].after {
				if name != "elsewhere" && !ended[name] {
					t.Errorf("seed %d: %d started before %s had ended", seed, i, name)
				}
			}
			mu.Unlock()
			mu.Lock()
			running--
			mu.Unlock()
			if i%3 == 0 {
				rest()
				rest()
			}
			mu.Lock()
			all--
			dirs[tasks[i].dir]--
			ended[tasks[i].name] = true
			mu.Unlock()
		})
		slices.Sort(order)
		for i := range tasks {
			if i >= len(order) || order[i] != i {
				t.Fatalf("seed %d: ran %v of %d", seed, order, len(tasks))
			}
		}
	}
}

// TestScheduleStops starts nothing after the context's end.
func TestScheduleStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ran := 0
	schedule(ctx, []task{{name: "a", dir: "a"}, {name: "b", dir: "b", after: []string{"a"}}, {name: "c", dir: "c"}}, 1, func(context.Context, int, func()) {
		ran++
		cancel()
	})
	if ran != 1 {
		t.Errorf("%d tasks ran, want 1", ran)
	}
}
