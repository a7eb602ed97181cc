package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What links elsewhere, or what others may write to, is refused: reading,
// writing and applying.
func TestHostileFolders(t *testing.T) {
	link := func(name string) func(*testing.T, string) {
		return func(t *testing.T, top string) {
			fatal(t, os.Rename(filepath.Join(top, name), filepath.Join(top, "elsewhere")))
			fatal(t, os.Symlink(filepath.Join(top, "elsewhere"), filepath.Join(top, name)))
		}
	}
	mode := func(name string, m fs.FileMode) func(*testing.T, string) {
		return func(t *testing.T, top string) { fatal(t, os.Chmod(filepath.Join(top, name), m)) }
	}
	const id = "RUN"
	for name, c := range map[string]struct {
		spoil func(*testing.T, string)
		says  string
	}{
		".terrier is a link":  {link(".terrier"), "a symbolic link"},
		"runs is a link":      {link(".terrier/runs"), "a symbolic link"},
		"the run is a link":   {link(".terrier/runs/RUN"), "a symbolic link"},
		"the stack is a link": {link(".terrier/runs/RUN/live/prod"), "a symbolic link"},
		"the plan is a link":  {link(".terrier/runs/RUN/live/prod/net/plan.tfplan"), "a symbolic link"},
		".terrier is a file": {func(t *testing.T, top string) {
			fatal(t, os.RemoveAll(top+"/.terrier"))
			fatal(t, os.WriteFile(top+"/.terrier", nil, 0o600))
		}, "a file"},
		".terrier is the group's":  {mode(".terrier", 0o770), "may be written by others"},
		"runs is everybody's":      {mode(".terrier/runs", 0o707), "may be written by others"},
		"the run is the group's":   {mode(".terrier/runs/RUN", 0o720), "may be written by others"},
		"the stack is the group's": {mode(".terrier/runs/RUN/live", 0o770), "may be written by others"},
		"the plan is a pipe":       {func(t *testing.T, top string) { pipe(t, top+"/.terrier/runs/RUN/live/prod/net/plan.tfplan") }, "a pipe"},
		"the manifest is a pipe":   {func(t *testing.T, top string) { pipe(t, top+"/.terrier/runs/RUN/run.json") }, "a pipe"},
		"the manifest is a directory": {func(t *testing.T, top string) {
			fatal(t, os.Remove(top+"/.terrier/runs/RUN/run.json"))
			fatal(t, os.Mkdir(top+"/.terrier/runs/RUN/run.json", 0o700))
		}, "a directory"},
		"the manifest is a link":      {link(".terrier/runs/RUN/run.json"), "a symbolic link"},
		"the manifest has a gigabyte": {func(t *testing.T, top string) { fatal(t, os.Truncate(top+"/.terrier/runs/RUN/run.json", 1<<30)) }, "more than"},
		"the manifest is another's":   {overwrite(`{"format_version":"2.0","new":true}`), `format_version "2.0"`},
		"the manifest has no format":  {overwrite(`{}`), `format_version ""`},
		"the manifest is a long text": {overwrite(`{"format_version":"` + strings.Repeat("x", 100000) + `"}`), "which this terrier does not know"},
		"the manifest is no JSON":     {overwrite("\x00\xff"), "is no manifest"},
		"the manifest is deep":        {overwrite(strings.Repeat("[", 1<<20)), "is no manifest"},
		"the manifest is gone":        {func(t *testing.T, top string) { fatal(t, os.Remove(top+"/.terrier/runs/RUN/run.json")) }, "has no run.json"},
		"the plan is gone": {func(t *testing.T, top string) {
			fatal(t, os.Remove(top+"/.terrier/runs/RUN/live/prod/net/plan.tfplan"))
		}, "is gone"},
		"the stack is gone": {func(t *testing.T, top string) { fatal(t, os.RemoveAll(top+"/.terrier/runs/RUN/live")) }, "is gone"},
		"the plan has a gigabyte": {func(t *testing.T, top string) {
			fatal(t, os.Truncate(top+"/.terrier/runs/RUN/live/prod/net/plan.tfplan", 1<<30+1))
		}, "more than"},
		"the plan is another stack's": {func(t *testing.T, top string) {
			fatal(t, os.Rename(top+"/.terrier/runs/RUN/live/app@prod/plan.tfplan", top+"/.terrier/runs/RUN/live/prod/net/plan.tfplan"))
		}, "was planned"},
		"the journal is a link": {func(t *testing.T, top string) {
			fatal(t, os.Symlink(top+"/victim", top+"/.terrier/runs/RUN/progress.jsonl"))
		}, "a symbolic link"},
		"the approvals are a link": {func(t *testing.T, top string) {
			fatal(t, os.Symlink(top+"/victim", top+"/.terrier/runs/RUN/approvals.jsonl"))
		}, "a symbolic link"},
		"the lock is a link": {func(t *testing.T, top string) { fatal(t, os.Symlink(top+"/victim", top+"/.terrier/runs/RUN/lock")) }, "a symbolic link"},
		"the log is a link": {func(t *testing.T, top string) {
			fatal(t, os.Symlink(top+"/victim", top+"/.terrier/runs/RUN/live/prod/net/log.txt"))
		}, "a symbolic link"},
		"the plan that comes is a link": {func(t *testing.T, top string) {
			fatal(t, os.Symlink(top+"/victim", top+"/.terrier/runs/RUN/live/prod/net/.tmp-plan.tfplan"))
		}, "a symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			s := openAt(t, top, nil)
			r := planned(t, s, now)
			fatal(t, os.WriteFile(top+"/victim", []byte("{}\n"), 0o600))
			// The folder has a fixed name while it is spoilt.
			all := filepath.Join(top, ".terrier/runs")
			fatal(t, os.Rename(filepath.Join(all, r.ID), filepath.Join(all, id)))
			c.spoil(t, top)
			if _, err := os.Lstat(filepath.Join(all, id)); err == nil {
				fatal(t, os.Rename(filepath.Join(all, id), filepath.Join(all, r.ID)))
			}
			s = openAt(t, top, nil)
			errs := map[string]error{}
			loaded, err := s.Load(r.ID)
			errs["load"] = err
			if err != nil {
				loaded = r
			}
			var unlock func()
			taken, err := s.Take(loaded, "live/prod/net")
			errs["take"] = err
			if err == nil {
				fatal(t, taken.Close())
			}
			errs["approve"] = s.Approve(loaded, "live/prod/net", "ada", now)
			errs["record"] = s.Record(r.ID, Step{Stack: "live/prod/net", State: Started, Time: now})
			unlock, errs["lock"] = s.Lock(r.ID)
			if unlock != nil {
				unlock()
			}
			_, errs["log"] = s.Log(r.ID, "live/prod/net")
			_, errs["adopt"] = s.AdoptPlan(r.ID, "live/prod/net")
			found := false
			for op, err := range errs {
				if err != nil && strings.Contains(err.Error(), c.says) {
					found = true
					t.Logf("%s: %v", op, err)
				}
			}
			if !found {
				t.Errorf("nothing says %q: %v", c.says, errs)
			}
			if strings.Contains(name, "manifest") && errs["load"] == nil || !strings.Contains(name, "manifest") && !strings.Contains(name, "that comes") && errs["take"] == nil && errs["approve"] == nil && errs["record"] == nil && errs["lock"] == nil && errs["log"] == nil {
				t.Errorf("it was used: %v", errs)
			}
			if data, err := os.ReadFile(top + "/victim"); err != nil || string(data) != "{}\n" {
				t.Errorf("the link was followed: %q %v", data, err)
			}
			if left, _ := filepath.Glob(filepath.Join(runDir(s, r.ID), takePrefix+"*")); len(left) > 0 {
				t.Errorf("copies are left: %v", left)
			}
		})
	}
}

func overwrite(text string) func(*testing.T, string) {
	return func(t *testing.T, top string) {
		fatal(t, os.WriteFile(top+"/.terrier/runs/RUN/run.json", []byte(text), 0o600))
	}
}

func pipe(t *testing.T, name string) {
	fatal(t, os.Remove(name))
	fatal(t, syscall.Mkfifo(name, 0o600))
}

// An owner is what somebody else's file looks like: tests cannot make one.
type owner struct {
	fs.FileInfo
	uid uint32
}

func (o owner) Sys() any { return &syscall.Stat_t{Uid: o.uid} }

func TestSomebodyElses(t *testing.T) {
	info, err := os.Stat(t.TempDir())
	fatal(t, err)
	me := uint32(os.Geteuid())
	if err := guarded(owner{info, me}, ".terrier", false); err != nil {
		t.Error(err)
	}
	if err := guarded(owner{info, me + 1}, ".terrier", false); err == nil || !strings.Contains(err.Error(), "belongs to somebody else\nhint: ") {
		t.Error(err)
	}
}

func TestTake(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	r := planned(t, s, now)
	file := filepath.Join(runDir(s, r.ID), "live/prod/net/plan.tfplan")
	data, err := os.ReadFile(file)
	fatal(t, err)
	for i := range data { // one bit of it
		edited := append([]byte(nil), data...)
		edited[i] ^= 1
		fatal(t, os.WriteFile(file, edited, 0o600))
		_, err := s.Take(r, "live/prod/net")
		var altered *AlteredError
		if !errors.As(err, &altered) || !errors.Is(err, ErrAltered) || altered.Want != r.Stack("live/prod/net").Digest || altered.Got == altered.Want || altered.Got == "" {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for _, edited := range [][]byte{nil, data[:len(data)-1], append(data[:len(data):len(data)], 0)} {
		fatal(t, os.WriteFile(file, edited, 0o600))
		if _, err := s.Take(r, "live/prod/net"); !errors.Is(err, ErrAltered) {
			t.Fatal(err)
		}
	}
	fatal(t, os.WriteFile(file, data, 0o600))
	// What happens to the folder afterwards does not reach the copy.
	taken, err := s.Take(r, "live/prod/net")
	fatal(t, err)
	second, err := s.Take(r, "live/prod/net")
	fatal(t, err)
	fatal(t, os.WriteFile(file, []byte("evil"), 0o600))
	for _, c := range []*Taken{taken, second} {
		if got, err := os.ReadFile(c.Path); err != nil || string(got) != string(data) || !filepath.IsAbs(c.Path) {
			t.Errorf("%q %v", got, err)
		}
	}
	if taken.Path == second.Path {
		t.Error("two copies in one place")
	}
	// A killed process closes nothing; the next that has the run does.
	fatal(t, second.Close())
	unlock, err := s.Lock(r.ID)
	fatal(t, err)
	unlock()
	if left, _ := filepath.Glob(filepath.Join(runDir(s, r.ID), takePrefix+"*")); len(left) > 0 {
		t.Error(left)
	}
	for _, stack := range []string{"live/none", "..", ""} {
		if _, err := s.Take(r, stack); err == nil {
			t.Errorf("%q was taken", stack)
		}
	}
	r.Stacks[0].Digest = "" // deferred, say
	if _, err := s.Take(r, r.Stacks[0].Name); err == nil || !strings.Contains(err.Error(), "has no plan") {
		t.Error(err)
	}
}

// A new plan that the manifest does not know yet is none that can be taken, and
// nothing of the old one is shown with it.
func TestRenewedPlan(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	r := planned(t, s, now)
	fatal(t, s.WriteFile(r.ID, "live/prod/net", PlanJSON, []byte("{}")))
	name, err := s.TempPlan(r.ID, "live/prod/net")
	fatal(t, err)
	fatal(t, os.WriteFile(name, []byte("new"), 0o644))
	_, err = s.AdoptPlan(r.ID, "live/prod/net")
	fatal(t, err)
	if _, err := s.Take(r, "live/prod/net"); !errors.Is(err, ErrAltered) {
		t.Error(err)
	}
	if _, err := s.ReadFile(r.ID, "live/prod/net", PlanJSON); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := s.AdoptPlan(r.ID, "live/prod/net"); err == nil {
		t.Error("a plan that was not made was adopted")
	}
	fatal(t, s.RemoveFiles(r.ID, "live/prod/net", PlanFile, PlanJSON))
	fatal(t, s.RemoveFiles(r.ID, "live/none", PlanFile))
	if _, err := s.Take(r, "live/prod/net"); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Error(err)
	}
}

// FuzzLoad reads manifests that anybody may have written: they are errors, and
// what is sealed with our key is read as it was written.
func FuzzLoad(f *testing.F) {
	master := []byte(strings.Repeat("k", 32))
	r := aRun()
	r.ID, r.Time = "20261124T145953Z-1a2b3c", now
	whole, err := encode(r, master)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"format_version":"1.0","run":"20261124T145953Z-1a2b3c","time":"2026-11-24T14:59:53Z","stacks":[{"name":"..","path":"."},null]}`))
	f.Add([]byte(`{"format_version":"1.0","seal":"` + strings.Repeat("0", 64) + `"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := decode(data, r.ID, master); err == nil && string(data) != string(whole) {
			t.Errorf("it was not sealed: %+v", got)
		}
		got, err := decode(sealIndented.seal(master, manifestName+" "+r.ID, data), r.ID, master)
		if err != nil {
			return
		}
		if got.ID != r.ID {
			t.Errorf("%q", got.ID)
		}
		for _, st := range got.Stacks {
			way, err := folder(st.Name)
			if err != nil || !filepath.IsLocal(way) {
				t.Errorf("%q", st.Name)
			}
		}
		if _, err := encode(got, master); err != nil {
			t.Errorf("it was read and cannot be written: %v", err)
		}
	})
}

// FuzzFolder: no two names have one folder, and none climbs or is a file of ours.
func FuzzFolder(f *testing.F) {
	for _, name := range []string{".", "a", "plan.tfplan", "%70lan.tfplan", "a/%2570", "RUN.JSON"} {
		f.Add(name, "a")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, err := folder(a)
		if err != nil {
			return
		}
		if !filepath.IsLocal(x) {
			t.Fatalf("%q climbs: %q", a, x)
		}
		for _, seg := range strings.Split(x, "/") {
			for _, own := range ownNames {
				if strings.EqualFold(seg, own) {
					t.Fatalf("%q is a file of ours: %q", a, x)
				}
			}
		}
		if y, err := folder(b); err == nil && a != b && x == y {
			t.Fatalf("%q and %q are both %q", a, b, x)
		}
	})
}

// FuzzLines reads approvals and a journal that anybody may have written.
func FuzzLines(f *testing.F) {
	s, err := Open(f.TempDir(), []byte(strings.Repeat("k", 32)))
	if err != nil {
		f.Fatal(err)
	}
	r := planned(f, s, now)
	fatal(f, s.Approve(r, "live/prod/net", "ada", now))
	fatal(f, s.Record(r.ID, Step{Stack: "live/prod/net", State: Started, Time: now.Add(time.Second)}))
	for _, name := range []string{approvalsName, journalName} {
		data, err := os.ReadFile(filepath.Join(runDir(s, r.ID), name))
		fatal(f, err)
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{approvalsName, journalName} {
			fatal(t, os.WriteFile(filepath.Join(runDir(s, r.ID), name), data, 0o600))
		}
		approvals, _, err := s.AllApprovals(r.ID)
		if err != nil && !strings.Contains(err.Error(), "more than") {
			t.Error(err)
		}
		for _, a := range approvals {
			if a.By != "ada" {
				t.Errorf("%+v", a)
			}
		}
		steps, err := s.Steps(r.ID)
		if err != nil && !errors.Is(err, ErrForeign) {
			t.Error(err)
		}
		for _, step := range steps {
			if step.State != Started || step.Stack != "live/prod/net" {
				t.Errorf("%+v", step)
			}
		}
	})
}
