package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestApprovals(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	r := planned(t, s, now)
	const net, app = "live/prod/net", "live/app@prod"
	count := func(stack string, want ...string) {
		t.Helper()
		got, err := s.Approvals(r, stack)
		var by []string
		for _, a := range got {
			by = append(by, a.By)
		}
		if err != nil || fmt.Sprint(by) != fmt.Sprint(want) {
			t.Errorf("%s: %v %v, want %v", stack, by, err, want)
		}
	}
	count(net)
	fatal(t, s.Approve(r, net, "Ada", now))
	fatal(t, s.Approve(r, net, " ada ", now.Add(time.Second)))
	fatal(t, s.Approve(r, net, "ADA", now))
	fatal(t, s.Approve(r, net, "bob", now))
	count(net, "Ada", "bob")
	count(app)
	file := filepath.Join(runDir(s, r.ID), approvalsName)
	lines, err := os.ReadFile(file)
	fatal(t, err)
	if n := bytes.Count(lines, []byte("\n")); n != 2 {
		t.Errorf("%d lines: the same again is no second approval", n)
	}
	for _, by := range []string{"", " ", "a\nb", "a\x1b[1m", "a\u202eb", "\xff"} {
		if err := s.Approve(r, net, by, now); err == nil {
			t.Errorf("%q approved", by)
		}
	}
	for _, stack := range []string{"live/none", "", ".."} {
		if err := s.Approve(r, stack, "eve", now); err == nil {
			t.Errorf("%q approved", stack)
		}
		if _, err := s.Approvals(r, stack); err == nil {
			t.Errorf("%q has approvals", stack)
		}
	}
	// Planned anew: another file. The fingerprint alone decides.
	plan(t, s, r, net, "the same once more")
	fatal(t, s.Save(r))
	count(net, "Ada", "bob")
	fatal(t, s.Approve(r, net, "ada", now)) // now of this file
	count(net, "Ada", "bob")
	r.Stack(net).Fingerprint = "f3"
	count(net)
	r.Stack(net).Fingerprint = "f1"
	r.Stack(net).Environment = "qa"
	count(net)
	r.Stack(net).Environment = "prod"
	r.Stack(net).Fingerprint = ""
	count(net)
	if err := s.Approve(r, net, "eve", now); err == nil {
		t.Error("a plan without a fingerprint was approved")
	}
	r.Stack(net).Fingerprint = "f1"
	r.Stack(net).Digest = ""
	count(net)
	r, err = s.Load(r.ID)
	fatal(t, err)
	count(net, "Ada", "bob")
	r.Drift = true
	if err := s.Approve(r, app, "eve", now); err == nil || !strings.Contains(err.Error(), "drift") {
		t.Error(err)
	}

	// Lines that nobody of ours wrote.
	other := openAt(t, t.TempDir(), nil)
	foreign := planned(t, other, now)
	fatal(t, other.Approve(foreign, net, "eve", now))
	evil, err := os.ReadFile(filepath.Join(runDir(other, foreign.ID), approvalsName))
	fatal(t, err)
	lines, err = os.ReadFile(file)
	fatal(t, err)
	first, _, _ := bytes.Cut(lines, []byte("\n"))
	edited := bytes.Replace(first, []byte(`"Ada"`), []byte(`"eve"`), 1)
	all := bytes.Join([][]byte{edited, bytes.TrimSpace(evil), []byte(`{"by":"eve"}`), []byte("\x00\x00"), bytes.TrimSpace(lines), first[:40]}, []byte("\n"))
	fatal(t, os.WriteFile(file, all, 0o600))
	count(net, "Ada", "bob")
	if list, damaged, err := s.AllApprovals(r.ID); err != nil || len(list) != 3 || fmt.Sprint(damaged) != "[1 2 3 4 8]" {
		t.Error(len(list), damaged, err)
	}
	r.Drift = false
	fatal(t, s.Approve(r, net, "carol", now)) // behind the torn one
	count(net, "Ada", "bob", "carol")

	// The line of another run of this clone.
	second := planned(t, s, now.Add(time.Hour))
	fatal(t, os.WriteFile(filepath.Join(runDir(s, second.ID), approvalsName), lines, 0o600))
	if list, err := s.Approvals(second, net); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
}

func TestPersons(t *testing.T) {
	for _, same := range [][2]string{{"Ada", "ADA "}, {"straße", "STRAßE"}, {"Σ", "ς"}, {"K", "\u212a"}} {
		if person(same[0]) != person(same[1]) {
			t.Errorf("%q is not %q", same[0], same[1])
		}
	}
	if person("ada") == person("adam") {
		t.Error("two are one")
	}
}

func TestJournal(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	r := planned(t, s, now)
	const net, app = "live/prod/net", "live/app@prod"
	state := func(stack string, want State, attempt int) {
		t.Helper()
		for _, one := range []*Store{s, openAt(t, s.dir, nil)} { // also of one that has read nothing yet
			got, err := one.State(r.ID, stack)
			if err != nil || got.State != want || got.Attempt != attempt {
				t.Errorf("%s: %+v %v, want %s %d", stack, got, err, want, attempt)
			}
		}
	}
	record := func(stack string, st State) {
		t.Helper()
		fatal(t, s.Record(r.ID, Step{Stack: stack, State: st, Time: now, Digest: r.Stack(stack).Digest}))
	}
	state(net, NotStarted, 0)
	record(net, Started)
	state(net, StateUnknown, 1)
	state(app, NotStarted, 0)
	record(app, Started)
	record(net, StateFailed)
	record(net, Started)
	state(net, StateUnknown, 2)
	record(net, StateApplied)
	record(app, StateUnknown)
	state(net, StateApplied, 2)
	state(app, StateUnknown, 1)
	steps, err := s.Steps(r.ID)
	if err != nil || len(steps) != 6 || steps[0].Host == "" && steps[0].PID == 0 || steps[0].Digest != r.Stack(net).Digest || !steps[0].Time.Equal(now) {
		t.Errorf("%+v %v", steps, err)
	}
	for _, bad := range []Step{{Stack: net, State: "done", Time: now}, {Stack: "../x", State: Started, Time: now}, {Stack: net, State: Started}, {Stack: net, Time: now}} {
		if err := s.Record(r.ID, bad); err == nil {
			t.Errorf("%+v was recorded", bad)
		}
	}
	fatal(t, s.Record(r.ID, Step{Stack: app, State: StateFailed, Time: now, Error: strings.Repeat("x", 1<<20)}))
	state(app, StateFailed, 1)

	file := filepath.Join(runDir(s, r.ID), journalName)
	whole, err := os.ReadFile(file)
	fatal(t, err)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	// Cut anywhere: the steps that are whole count, and the next is behind them.
	last := 0
	for cut := range len(whole) {
		if cut%101 != 0 && cut > 600 {
			continue
		}
		fatal(t, os.WriteFile(file, whole[:cut], 0o600))
		got, err := openAt(t, s.dir, nil).Steps(r.ID)
		want := bytes.Count(whole[:cut], []byte("\n"))
		if cut < len(whole) && whole[cut] == '\n' {
			want++ // only its end is missing
		}
		if err != nil || len(got) != want {
			t.Fatalf("cut at %d: %d steps, want %d: %v", cut, len(got), want, err)
		}
		last = want
	}
	if last == 0 {
		t.Error("nothing was cut")
	}
	torn := append(append([]byte(nil), lines[0]...), lines[1][:20]...)
	fatal(t, os.WriteFile(file, torn, 0o600))
	record(net, StateApplied)
	state(net, StateApplied, 1)
	state(app, NotStarted, 0)
	fatal(t, os.WriteFile(file, append(append([]byte(nil), lines[0]...), make([]byte, 50)...), 0o600)) // what a power cut leaves
	record(net, StateApplied)
	state(net, StateApplied, 1)
	// Edited: nothing of it can be believed.
	other := planned(t, s, now.Add(time.Hour))
	fatal(t, s.Record(other.ID, Step{Stack: net, State: StateApplied, Time: now}))
	foreign, err := os.ReadFile(filepath.Join(runDir(s, other.ID), journalName))
	fatal(t, err)
	for _, bad := range [][]byte{bytes.Replace(whole, []byte(`"failed"`), []byte(`"applied"`), 1), append(whole[:len(whole):len(whole)], foreign...), append([]byte("applied\n"), whole...)} {
		fatal(t, os.WriteFile(file, bad, 0o600))
		for _, one := range []*Store{s, openAt(t, s.dir, nil)} {
			if got, err := one.State(r.ID, net); !errors.Is(err, ErrForeign) {
				t.Errorf("%+v %v", got, err)
			}
			if err := one.Record(r.ID, Step{Stack: net, State: Started, Time: now}); !errors.Is(err, ErrForeign) {
				t.Error(err)
			}
		}
	}
}

// Of many who write at once none loses a line.
func TestLinesRace(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, nil)
	r := planned(t, s, now)
	var wg sync.WaitGroup
	for i := range 8 {
		one := s
		if i%2 == 0 {
			one = openAt(t, dir, nil)
		}
		wg.Go(func() {
			for j := range 10 {
				if err := one.Record(r.ID, Step{Stack: fmt.Sprintf("s%d", i), State: Started, Time: now.Add(time.Duration(j))}); err != nil {
					t.Error(err)
				}
				if err := one.Approve(r, "live/prod/net", fmt.Sprintf("p%d-%d", i, j), now); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	steps, err := s.Steps(r.ID)
	fatal(t, err)
	all, damaged, err := s.AllApprovals(r.ID)
	fatal(t, err)
	if len(steps) != 80 || len(all) != 80 || damaged != nil {
		t.Errorf("%d steps, %d approvals, damaged %v", len(steps), len(all), damaged)
	}
	for i := range 8 {
		if step, err := s.State(r.ID, fmt.Sprintf("s%d", i)); err != nil || step.Attempt != 10 {
			t.Errorf("%+v %v", step, err)
		}
	}
}

func TestLocks(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	r, other := planned(t, s, now), planned(t, s, now.Add(time.Hour))
	unlock, err := s.Lock(r.ID)
	fatal(t, err)
	for _, one := range []*Store{s, openAt(t, s.dir, nil)} {
		_, err := one.Lock(r.ID)
		var locked *LockedError
		if !errors.As(err, &locked) || !errors.Is(err, ErrLocked) || locked.PID != os.Getpid() {
			t.Error(err)
		}
	}
	free, err := s.Lock(other.ID)
	fatal(t, err)
	free()
	stack, err := s.LockStack("live/prod/net")
	fatal(t, err)
	if _, err := s.LockStack("live/prod/net"); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "stack live/prod/net") {
		t.Error(err)
	}
	second, err := s.LockStack("live/prod")
	fatal(t, err)
	second()
	stack()
	stack() // twice is once
	unlock()
	unlock, err = s.Lock(r.ID)
	fatal(t, err)
	unlock()
	if _, err := s.LockStack("../x"); err == nil {
		t.Error("it climbed")
	}
	if _, err := s.Lock("20261124T145953Z-000000"); !errors.Is(err, ErrNoRun) {
		t.Error(err)
	}
	// What stands in the file is for people: it may be anything.
	unlock, err = s.Lock(r.ID)
	fatal(t, err)
	fatal(t, os.WriteFile(filepath.Join(runDir(s, r.ID), holderName), []byte(`{"host":"\u001b[2Jx","pid":1}`), 0o600))
	if _, err := s.Lock(r.ID); !errors.Is(err, ErrLocked) || strings.Contains(err.Error(), "\x1b") {
		t.Error(err)
	}
	unlock()
}

func TestClean(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	const net = "live/prod/net"
	hour := 0
	make := func(do func(*Run)) string {
		r := planned(t, s, now.Add(time.Duration(hour)*time.Hour))
		hour++
		if do != nil {
			do(r)
		}
		return r.ID
	}
	approve := func(r *Run) { fatal(t, s.Approve(r, net, "ada", now)) }
	step := func(st State) func(*Run) {
		return func(r *Run) {
			fatal(t, s.Record(r.ID, Step{Stack: net, State: st, Time: now, Digest: r.Stack(net).Digest}))
		}
	}
	plain := make(nil)
	applied := make(func(r *Run) { approve(r); step(Started)(r); step(StateApplied)(r) })
	started := make(step(Started))
	unknown := make(step(StateUnknown))
	approved := make(approve)
	stale := make(func(r *Run) { // approved, and since then planned otherwise
		approve(r)
		r.Stack(net).Fingerprint = "f9"
		fatal(t, s.Save(r))
	})
	failed := make(func(r *Run) { approve(r); step(Started)(r); step(StateFailed)(r) })
	renewed := make(func(r *Run) { // applied once, then planned and approved anew
		step(StateApplied)(r)
		plan(t, s, r, net, "round two")
		fatal(t, s.Save(r))
		approve(r)
	})
	locked := make(func(r *Run) {
		unlock, err := s.Lock(r.ID)
		fatal(t, err)
		t.Cleanup(unlock)
	})
	edited := make(func(r *Run) {
		fatal(t, os.WriteFile(filepath.Join(runDir(s, r.ID), manifestName), []byte("{}"), 0o600))
	})
	young := make(nil)
	fatal(t, os.MkdirAll(runDir(s, ".trash-x/y"), 0o700))
	fatal(t, os.Mkdir(runDir(s, ".new-20261124T145953Z-1a2b3c"), 0o700))
	fatal(t, os.Mkdir(runDir(s, ".new-20991124T145953Z-1a2b3c"), 0o700))
	fatal(t, os.Mkdir(runDir(s, "mine"), 0o700))
	o := CleanOptions{OlderThan: time.Hour, Now: now.Add(time.Duration(hour)*time.Hour - time.Minute), DryRun: true}
	check := func(want map[string]string) {
		t.Helper()
		got, err := s.Clean(o)
		fatal(t, err)
		if len(got) != len(want) {
			t.Errorf("%d of %d: %+v", len(got), len(want), got)
		}
		for _, c := range got {
			w, ok := want[c.ID]
			if !ok || (w == "") != (c.Kept == "") || !strings.Contains(c.Kept, w) {
				t.Errorf("%s: %q, want %q", c.ID, c.Kept, w)
			}
			_, err := os.Stat(runDir(s, c.ID))
			if gone := err != nil; gone != (c.Kept == "" && !o.DryRun) {
				t.Errorf("%s: gone %v", c.ID, gone)
			}
		}
	}
	want := map[string]string{
		plain: "", applied: "", started: "not known", unknown: "not known", approved: "approved and not applied", stale: "",
		failed: "approved and not applied", renewed: "approved and not applied", locked: "another terrier", edited: "cannot be read",
	}
	check(want)
	o.DryRun = false
	check(want)
	for id, kept := range want {
		if kept == "" {
			delete(want, id)
		}
	}
	o.Approved = true
	want[approved], want[failed], want[renewed] = "", "", ""
	check(want)
	left, err := os.ReadDir(runDir(s, ""))
	fatal(t, err)
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	if fmt.Sprint(names) != fmt.Sprint([]string{".new-20991124T145953Z-1a2b3c", started, unknown, locked, edited, young, "mine"}) {
		t.Error(names)
	}
}

// What a run's folder links to stays.
func TestCleanFollowsNoLink(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	r := planned(t, s, now)
	victim := filepath.Join(t.TempDir(), "victim")
	fatal(t, os.MkdirAll(filepath.Join(victim, "x"), 0o700))
	fatal(t, os.Symlink(victim, filepath.Join(runDir(s, r.ID), "live/link")))
	if got, err := s.Clean(CleanOptions{Now: now.Add(time.Hour)}); err != nil || len(got) != 1 || got[0].Kept != "" {
		t.Error(got, err)
	}
	if _, err := os.Stat(filepath.Join(victim, "x")); err != nil {
		t.Error(err)
	}
}
