package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	fsync = func(*os.File) error { return nil } // some thousands of them take their time
	if op := os.Getenv("STORE_TEST_OP"); op != "" {
		if err := child(op, os.Getenv("STORE_TEST_DIR"), os.Getenv("STORE_TEST_STEP")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// ops are what a process does to a run that is there. Each begins with the
// run as planned leaves it.
var ops = map[string]func(s *Store, r *Run) error{
	"first": func(s *Store, _ *Run) error { // nothing was there, no key either
		return s.Create(aRun(), now.Add(time.Hour))
	},
	"create": func(s *Store, _ *Run) error { return s.Create(aRun(), now.Add(time.Hour)) },
	"save": func(s *Store, r *Run) error {
		r.By = "bob"
		return s.Save(r)
	},
	"adopt": func(s *Store, r *Run) error {
		name, err := s.TempPlan(r.ID, "live/prod/net")
		if err == nil {
			err = os.WriteFile(name, []byte("another plan"), 0o600)
		}
		if err == nil {
			r.Stack("live/prod/net").Digest, err = s.AdoptPlan(r.ID, "live/prod/net")
		}
		if err == nil {
			err = s.Save(r)
		}
		return err
	},
	"keep": func(s *Store, r *Run) error {
		name, err := s.TempPlan(r.ID, "live/prod/net")
		if err == nil {
			err = os.WriteFile(name, []byte("another plan"), 0o600)
		}
		if err == nil {
			files := map[File][]byte{PlanText: []byte("text"), PlanJSON: []byte("after, long")}
			r.Stack("live/prod/net").Digest, err = s.KeepPlan(r.ID, "live/prod/net", files)
		}
		if err == nil {
			err = s.Save(r)
		}
		return err
	},
	"write": func(s *Store, r *Run) error {
		return s.WriteFile(r.ID, "live/prod/net", PlanJSON, []byte("after, long"))
	},
	"approve": func(s *Store, r *Run) error { return s.Approve(r, "live/prod/net", "ada", now) },
	"record": func(s *Store, r *Run) error {
		return s.Record(r.ID, Step{Stack: "live/prod/net", State: Started, Time: now})
	},
	"take": func(s *Store, r *Run) error {
		unlock, err := s.Lock(r.ID)
		if err != nil {
			return err
		}
		defer unlock()
		taken, err := s.Take(r, "live/prod/net")
		if err != nil {
			return err
		}
		return taken.Close()
	},
	"clean": func(s *Store, r *Run) error {
		_, err := s.Clean(CleanOptions{Now: now.Add(24 * time.Hour)})
		return err
	},
}

// child does an operation, and dies before its step-th step.
func child(op, dir, step string) error {
	at, err := strconv.Atoi(step)
	if err != nil {
		return err
	}
	s, err := Open(dir, nil)
	if err != nil {
		return err
	}
	var r *Run
	if op != "first" {
		if r, err = s.Load(Latest); err != nil {
			return err
		}
	}
	n := 0
	s.fault = func(string) error {
		if n++; n == at {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			time.Sleep(time.Minute) // until it comes
		}
		return nil
	}
	return ops[op](s, r)
}

func prepare(t *testing.T, op string) *Store {
	s := openAt(t, t.TempDir(), nil)
	if op != "first" {
		r := planned(t, s, now)
		fatal(t, s.WriteFile(r.ID, "live/prod/net", PlanJSON, []byte("before")))
	}
	return s
}

// whole checks that all there is, is whole: each file old or new.
func whole(t *testing.T, where string, s *Store) {
	t.Helper()
	s = openAt(t, s.dir, nil)
	list, err := s.List()
	if err != nil {
		t.Errorf("%s: %v", where, err)
	}
	for _, l := range list {
		if l.Err != nil {
			t.Errorf("%s: %v", where, l.Err)
			continue
		}
		r := l.Run
		if by := r.By; by != "ada" && by != "bob" {
			t.Errorf("%s: by %s", where, by)
		}
		if data, err := s.ReadFile(r.ID, "live/prod/net", PlanJSON); err == nil && string(data) != "before" && string(data) != "after, long" {
			t.Errorf("%s: %q", where, data)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", where, err)
		}
		if taken, err := s.Take(r, "live/prod/net"); err == nil {
			data, _ := os.ReadFile(taken.Path)
			if string(data) != "plan of live/prod/net" && string(data) != "another plan" {
				t.Errorf("%s: the plan is %q", where, data)
			}
			fatal(t, taken.Close())
		} else if !errors.Is(err, ErrAltered) && !strings.Contains(err.Error(), "has no plan") {
			t.Errorf("%s: %v", where, err)
		}
		if _, damaged, err := s.AllApprovals(r.ID); err != nil || len(damaged) > 1 {
			t.Errorf("%s: %v %v", where, damaged, err)
		}
		if step, err := s.State(r.ID, "live/prod/net"); err != nil || step.State != NotStarted && step.State != StateUnknown {
			t.Errorf("%s: %+v %v", where, step, err)
		}
	}
}

// again does the operation to its end, and looks at what came of it.
func again(t *testing.T, where, op string, s *Store) {
	t.Helper()
	s = openAt(t, s.dir, nil)
	var r *Run
	if op != "first" {
		var err error
		if r, err = s.Load(Latest); errors.Is(err, ErrNoRun) && op == "clean" {
			return // it was done
		} else if err != nil {
			t.Errorf("%s: %v", where, err)
			return
		}
	}
	if err := ops[op](s, r); err != nil {
		t.Errorf("%s: again: %v", where, err)
		return
	}
	whole(t, where+", again", s)
	list, err := s.List()
	fatal(t, err)
	ok := true
	switch op {
	case "first", "create", "save", "adopt", "take":
		ok = len(list) > 0
	case "write":
		data, _ := s.ReadFile(r.ID, "live/prod/net", PlanJSON)
		ok = string(data) == "after, long"
	case "approve":
		got, err := s.Approvals(r, "live/prod/net")
		ok = err == nil && len(got) == 1
	case "record":
		step, err := s.State(r.ID, "live/prod/net")
		ok = err == nil && step.State == StateUnknown && (step.Attempt == 1 || step.Attempt == 2)
	case "clean":
		ok = len(list) == 0
	}
	if !ok {
		t.Errorf("%s: it was not done", where)
	}
	if op == "take" {
		if left, _ := filepath.Glob(filepath.Join(runDir(s, r.ID), takePrefix+"*")); len(left) > 0 {
			t.Errorf("%s: copies are left: %v", where, left)
		}
	}
}

// A process that is killed at any step leaves what there was or what there is
// to be, and the same once more completes it.
func TestKilled(t *testing.T) {
	self, err := os.Executable()
	fatal(t, err)
	for op := range ops {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			killed := 0
			for step := 1; ; step++ {
				where := fmt.Sprintf("killed before step %d", step)
				s := prepare(t, op)
				cmd := exec.Command(self)
				cmd.Env = append(os.Environ(), "STORE_TEST_OP="+op, "STORE_TEST_DIR="+s.dir, "STORE_TEST_STEP="+strconv.Itoa(step))
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if err != nil && (!errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL) {
					t.Fatalf("%s: %v %s", where, err, out)
				}
				whole(t, where, s)
				again(t, where, op, s)
				if err == nil {
					break
				}
				killed++
			}
			if killed < 2 {
				t.Errorf("it was killed %d times", killed)
			}
		})
	}
}

// A disk that is full at any step is an error that says so; nothing is half,
// and with room the same once more completes it.
func TestDiskFull(t *testing.T) {
	for op := range ops {
		if op == "clean" {
			continue // it makes room
		}
		t.Run(op, func(t *testing.T) {
			failed := 0
			for step := 1; ; step++ {
				where := fmt.Sprintf("full at step %d", step)
				s := openAt(t, prepare(t, op).dir, nil)
				var r *Run
				if op != "first" {
					var err error
					r, err = s.Load(Latest)
					fatal(t, err)
				}
				n, name := 0, ""
				s.fault = func(what string) error {
					if n++; n == step && !strings.HasPrefix(what, "done ") {
						name = what
						return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
					}
					return nil
				}
				err := ops[op](s, r)
				if step > n {
					fatal(t, err)
					break
				}
				where += " (" + name + ")"
				if name != "" && !strings.Contains(name, holderName) {
					failed++
					if !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "hint: make room") {
						t.Errorf("%s: %v", where, err)
					}
				}
				if left := temps(t, s.dir); left != "" {
					t.Errorf("%s: left: %s", where, left)
				}
				whole(t, where, s)
				again(t, where, op, s)
			}
			if failed < 2 {
				t.Errorf("it failed %d times", failed)
			}
		})
	}
}

// temps are the names that were on their way.
func temps(t *testing.T, dir string) string {
	var left []string
	fatal(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if b := filepath.Base(name); strings.HasPrefix(b, tempPrefix) && b != tempPlan || strings.HasPrefix(b, newPrefix) || strings.HasPrefix(b, takePrefix) {
			left = append(left, name)
		}
		return err
	}))
	return strings.Join(left, " ")
}

// A real disk that fills, in a name space of its own.
func TestRealDiskFull(t *testing.T) {
	self, err := os.Executable()
	fatal(t, err)
	const script = `
mount -t tmpfs -o size=128k,mode=700 tmpfs "$DISK" && cp -a "$FROM/.terrier" "$DISK" || exit 77
dd if=/dev/zero of="$DISK/fill" bs=1k status=none 2>/dev/null
for op in save write approve record take adopt create; do
	STORE_TEST_OP=$op STORE_TEST_DIR="$DISK" "$SELF" >"$LOG/$op" 2>&1 && echo "$op had room"
done
rm "$DISK/fill"
for op in save write approve record take adopt create; do
	STORE_TEST_OP=$op STORE_TEST_DIR="$DISK" "$SELF" || echo "$op failed with room"
done
umount "$DISK"
`
	log := t.TempDir()
	cmd := exec.Command("unshare", "-Urm", "bash", "-c", script)
	cmd.Env = append(os.Environ(), "DISK="+t.TempDir(), "SELF="+self, "LOG="+log, "STORE_TEST_STEP=0", "FROM="+prepare(t, "take").dir)
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("%v %s", err, out)
	}
	for _, op := range []string{"create", "save", "write", "approve", "record", "take"} {
		said, err := os.ReadFile(filepath.Join(log, op))
		fatal(t, err)
		if !bytes.Contains(said, []byte("the disk is full: ")) {
			t.Errorf("%s says %q", op, said)
		}
	}
}

// What is to survive a power cut is on the disk before it has its name, and the
// name before the call returns.
func TestSyncs(t *testing.T) {
	old := fsync
	defer func() { fsync = old }()
	for op, want := range map[string]string{
		"create": ".tmp-run.json,d,d", "save": ".tmp-run.json,d", "write": ".tmp-plan.json,d", "adopt": ".tmp-plan.tfplan,d,.tmp-run.json,d",
		"keep":    ".tmp-plan.tfplan,.tmp-plan.json,.tmp-plan.txt,d,.tmp-run.json,d",
		"approve": "approvals.jsonl,d", "record": "progress.jsonl,d",
	} {
		s := openAt(t, prepare(t, op).dir, nil)
		r, err := s.Load(Latest)
		fatal(t, err)
		var got []string
		fsync = func(f *os.File) error {
			name := filepath.Base(f.Name())
			if info, err := f.Stat(); err == nil && info.IsDir() {
				name = "d"
			}
			name, _, _ = strings.Cut(name, "-"+strconv.Itoa(os.Getpid()))
			got = append(got, name)
			return nil
		}
		err = ops[op](s, r)
		fsync = old
		if err != nil || strings.Join(got, ",") != want {
			t.Errorf("%s: %v %v, want %s", op, got, err, want)
		}
	}
}

// A killed process has no lock any more.
func TestLockOfKilled(t *testing.T) {
	self, err := os.Executable()
	fatal(t, err)
	s := prepare(t, "take")
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "STORE_TEST_OP=take", "STORE_TEST_DIR="+s.dir, "STORE_TEST_STEP=5")
	if err := cmd.Run(); err == nil {
		t.Fatal("it was not killed")
	}
	r, err := s.Load(Latest)
	fatal(t, err)
	if left := temps(t, s.dir); left == "" {
		t.Error("it was killed too early for this test")
	}
	unlock, err := s.Lock(r.ID)
	fatal(t, err)
	unlock()
	if left := temps(t, s.dir); strings.Contains(left, takePrefix) {
		t.Errorf("left: %s", left)
	}
}
