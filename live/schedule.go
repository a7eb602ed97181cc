package live

import (
	"context"
	"slices"
	"sync"
)

// A task is one unit of a schedule.
type task struct {
	name string
	// dir is where it works: two tasks of one directory never run together.
	dir string
	// after are the names of the tasks that have to be done before; one that is
	// not in the schedule does not count.
	after []string
}

// schedule calls do for each task, those before it first, and at most jobs at a
// time. A task that has called rest waits for the disk more than it works: it
// makes room for another, but there are never more than twice as many. Among
// those that could run, the first in the list goes first. When the context ends,
// nothing more is started, and schedule returns when what runs has ended. The
// list has no cycle (see estate.Order).
func schedule(ctx context.Context, tasks []task, jobs int, do func(ctx context.Context, i int, rest func())) {
	jobs = max(jobs, 1)
	index := make(map[string]int, len(tasks))
	for i, t := range tasks {
		index[t.name] = i
	}
	waits := make([]int, len(tasks))      // how many it still waits for
	behind := make([][]int, len(tasks))   // who waits for it
	ready := make([]int, 0, len(tasks))   // sorted
	busy := make(map[string]bool, jobs+1) // directories
	for i, t := range tasks {
		for _, name := range t.after {
			if before, ok := index[name]; ok && before != i {
				waits[i]++
				behind[before] = append(behind[before], i)
			}
		}
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	done, resting := make(chan int), make(chan int)
	running := 0 // those at rest too
	rests := map[int]bool{}
	for {
		for k := 0; k < len(ready) && running-len(rests) < jobs && running < 2*jobs && ctx.Err() == nil; {
			i := ready[k]
			if busy[tasks[i].dir] {
				k++
				continue
			}
			ready = slices.Delete(ready, k, k+1)
			busy[tasks[i].dir] = true
			running++
			go func() {
				defer func() { done <- i }()
				do(ctx, i, sync.OnceFunc(func() { resting <- i }))
			}()
		}
		if running == 0 {
			return
		}
		var i int
		select {
		case i = <-resting:
			rests[i] = true
			continue
		case i = <-done:
		}
		running--
		delete(rests, i)
		delete(busy, tasks[i].dir)
		for _, next := range behind[i] {
			if waits[next]--; waits[next] == 0 {
				at, _ := slices.BinarySearch(ready, next)
				ready = slices.Insert(ready, at, next)
			}
		}
	}
}
