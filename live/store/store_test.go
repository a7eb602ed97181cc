package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 24, 14, 59, 53, 123456789, time.UTC)

const commit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func openAt(t testing.TB, dir string, team []byte) *Store {
	t.Helper()
	s, err := Open(dir, team)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// aRun is one with two stacks, not made yet.
func aRun() *Run {
	return &Run{
		Commit: commit, Branch: "main", By: "ada", Host: "ci-1", Terraform: "1.11.4", TerraformPath: "/usr/bin/terraform",
		Stacks: []*Stack{
			{Name: "live/prod/net", Path: "live/prod/net", Environment: "prod", Status: Changes, Fingerprint: "f1", Summary: Summary{Add: 1}, Modules: []Module{{Source: "z"}, {Source: "a"}, {Source: "a"}}},
			{Name: "live/app@prod", Path: "live/app", Environment: "prod", Status: Unchanged, Fingerprint: "f2"},
		},
	}
}

// planned makes a run with a plan of each stack.
func planned(t testing.TB, s *Store, at time.Time) *Run {
	t.Helper()
	r := aRun()
	fatal(t, s.Create(r, at))
	for _, st := range r.Stacks {
		plan(t, s, r, st.Name, "plan of "+st.Name)
	}
	fatal(t, s.Save(r))
	return r
}

// plan does what terraform would.
func plan(t testing.TB, s *Store, r *Run, stack, data string) {
	t.Helper()
	name, err := s.TempPlan(r.ID, stack)
	fatal(t, err)
	fatal(t, os.WriteFile(name, []byte(data), 0o666))
	digest, err := s.AdoptPlan(r.ID, stack)
	fatal(t, err)
	r.Stack(stack).Digest = digest
}

func runDir(s *Store, id string) string { return filepath.Join(s.dir, ".terrier/runs", id) }

func TestRoundTrip(t *testing.T) {
	old := syscall.Umask(0) // whatever it is
	defer syscall.Umask(old)
	for _, umask := range []int{0, 0o022, 0o777} {
		dir := t.TempDir()
		syscall.Umask(umask)
		s := openAt(t, dir, nil)
		r := planned(t, s, now)
		fatal(t, s.WriteFile(r.ID, "live/prod/net", PlanJSON, []byte("{}")))
		log, err := s.Log(r.ID, "live/prod/net")
		fatal(t, err)
		fmt.Fprintln(log, "Terraform will perform")
		fatal(t, log.Close())
		fatal(t, s.Approve(r, "live/prod/net", "ada", now))
		fatal(t, s.Record(r.ID, Step{Stack: "live/prod/net", State: Started, Time: now}))
		unlock, err := s.Lock(r.ID)
		fatal(t, err)
		stack, err := s.LockStack("live/prod/net")
		fatal(t, err)
		taken, err := s.Take(r, "live/prod/net")
		fatal(t, err)
		files := 0
		fatal(t, filepath.WalkDir(filepath.Join(dir, ".terrier"), func(name string, d fs.DirEntry, err error) error {
			fatal(t, err)
			info, err := d.Info()
			fatal(t, err)
			want := fs.FileMode(0o600)
			if d.IsDir() {
				want = 0o700
			} else {
				files++
			}
			if info.Mode().Perm() != want {
				t.Errorf("umask %o: %s is %v", umask, name, info.Mode())
			}
			return nil
		}))
		if files != 14 {
			t.Errorf("umask %o: %d files", umask, files)
		}
		data, err := os.ReadFile(taken.Path)
		if err != nil || string(data) != "plan of live/prod/net" {
			t.Errorf("%q %v", data, err)
		}
		fatal(t, taken.Close())
		if _, err := os.Stat(filepath.Dir(taken.Path)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the copy is still there: %v", err)
		}
		stack()
		unlock()
		syscall.Umask(0o022)

		again := openAt(t, dir, nil)
		for _, id := range []string{r.ID, Latest} {
			got, err := again.Load(id)
			fatal(t, err)
			a, _ := json.Marshal(r)
			b, _ := json.Marshal(got)
			if !bytes.Equal(a, b) {
				t.Errorf("%s:\n%s\n%s", id, a, b)
			}
		}
		if !idShape.MatchString(r.ID) || !strings.HasPrefix(r.ID, "20261124T145953Z-") {
			t.Error(r.ID)
		}
		was, err := os.ReadFile(filepath.Join(runDir(s, r.ID), manifestName))
		fatal(t, err)
		got, err := again.Load(r.ID)
		fatal(t, err)
		slices.Reverse(got.Stacks)
		fatal(t, again.Save(got))
		is, err := os.ReadFile(filepath.Join(runDir(s, r.ID), manifestName))
		fatal(t, err)
		if !bytes.Equal(was, is) {
			t.Errorf("the same run has other bytes:\n%s\n%s", was, is)
		}
		ignore, err := os.ReadFile(filepath.Join(dir, ".terrier/.gitignore"))
		if err != nil || string(ignore) != "*\n" {
			t.Errorf("%q %v", ignore, err)
		}
	}
}

// A .gitignore of the user's stays as it is.
func TestGitignoreStays(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	fatal(t, os.Mkdir(filepath.Join(s.dir, ".terrier"), 0o755))
	name := filepath.Join(s.dir, ".terrier/.gitignore")
	fatal(t, os.WriteFile(name, []byte("runs\n"), 0o644))
	planned(t, s, now)
	if data, err := os.ReadFile(name); err != nil || string(data) != "runs\n" {
		t.Errorf("%q %v", data, err)
	}
}

// Reading makes nothing.
func TestReadingWritesNothing(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	for _, id := range []string{Latest, "20261124T145953Z-1a2b3c"} {
		if _, err := s.Load(id); !errors.Is(err, ErrNoRun) || !strings.Contains(err.Error(), "hint: ") {
			t.Error(err)
		}
	}
	if done, err := s.Clean(CleanOptions{Now: now}); err != nil || len(done) != 0 {
		t.Error(done, err)
	}
	if left, _ := os.ReadDir(s.dir); len(left) != 0 {
		t.Error(left)
	}
}

func TestIDs(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	planned(t, s, now)
	for _, id := range []string{"", ".", "..", "../x", "20261124T145953Z-1a2b3c/..", "/etc", "-x", "20261124T145953Z-1A2B3C", "20261124t145953z-1a2b3c", "20261324T145953Z-1a2b3c", "20261124T145953Z-1a2b3c\n", "20261124T145953Z-1a2b3c\x00", ".new-20261124T145953Z-1a2b3c", "LATEST"} {
		if _, err := s.Load(id); err == nil || errors.Is(err, ErrNoRun) || !strings.Contains(err.Error(), "is no run\nhint: ") {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := s.Lock(id); err == nil {
			t.Errorf("%q: locked", id)
		}
		if _, err := s.Dir(id, "a"); err == nil {
			t.Errorf("%q: a folder", id)
		}
	}
}

// Two runs of one second are two, and the later is the latest, whichever has
// the greater digest.
func TestLatestOfOneSecond(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	last := ""
	ids := map[string]bool{}
	for i := range 12 {
		r := aRun()
		fatal(t, s.Create(r, now.Add(time.Duration(i)*time.Millisecond)))
		last, ids[r.ID] = r.ID, true
		if got, err := s.Load(Latest); err != nil || got.ID != last {
			t.Fatal(i, got, err)
		}
	}
	same := aRun()
	fatal(t, s.Create(same, now)) // the first once more
	ids[same.ID] = true
	if len(ids) != 13 {
		t.Errorf("%d runs", len(ids))
	}
	if list, err := s.List(); err != nil || len(list) != 13 || list[0].ID != last {
		t.Error(list, err)
	}
	// One that cannot be read is not passed over for an older one.
	r := aRun()
	fatal(t, s.Create(r, now.Add(time.Second)))
	fatal(t, os.WriteFile(filepath.Join(runDir(s, r.ID), manifestName), []byte("{}"), 0o600))
	if _, err := s.Load(Latest); err == nil {
		t.Error("an older run is the latest")
	}
}

func TestFolders(t *testing.T) {
	for stack, want := range map[string]string{
		".": ".", "live/prod/net": "live/prod/net", "live/app@prod": "live/app@prod", ".@prod": ".@prod",
		"plan.tfplan": "%70lan.tfplan", "a/run.json": "a/%72un.json", "a/RUN.json/b": "a/%52UN.json/b", "%70lan.tfplan": "%2570lan.tfplan",
		"log.txt": "%6Cog.txt", ".take-1-0": "%2Etake-1-0", ".tmp-x": "%2Etmp-x", "lock": "%6Cock", "a b/ü": "a b/ü", "-x": "-x",
	} {
		if got, err := folder(stack); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", stack, got, err, want)
		}
	}
	for _, stack := range []string{"", "..", "a/..", "../a", "/a", "a//b", "a/", "./a", `a\b`, "a\x00", "a\nb", "a\x1b[2J", "a\xff", strings.Repeat("x", 256)} {
		if got, err := folder(stack); err == nil {
			t.Errorf("%q: %q", stack, got)
		}
	}
}

// Whatever stacks are called, each has files of its own.
func TestStacksDoNotCollide(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	stacks := []string{".", "plan.tfplan", "plan.tfplan/plan.tfplan", "a", "a/run.json", "a/plan.json", "%70lan.tfplan", "live/app", "live/app@prod", ".@prod", "approvals.jsonl", "progress.jsonl", ".tmp-plan.tfplan", "share.json", "holder.json"}
	r := &Run{}
	for _, name := range stacks {
		r.Stacks = append(r.Stacks, &Stack{Name: name, Path: "p", Status: Changes, Fingerprint: "f"})
	}
	fatal(t, s.Create(r, now))
	for _, name := range stacks {
		plan(t, s, r, name, name)
		for _, f := range []File{PlanJSON, PlanText, FingerprintFile} {
			fatal(t, s.WriteFile(r.ID, name, f, []byte(string(f)+" "+name)))
		}
	}
	fatal(t, s.Save(r))
	r, err := s.Load(r.ID)
	fatal(t, err)
	for _, name := range stacks {
		taken, err := s.Take(r, name)
		fatal(t, err)
		data, _ := os.ReadFile(taken.Path)
		if string(data) != name {
			t.Errorf("%q has the plan of %q", name, data)
		}
		fatal(t, taken.Close())
		for _, f := range []File{PlanJSON, PlanText, FingerprintFile} {
			if data, err := s.ReadFile(r.ID, name, f); err != nil || string(data) != string(f)+" "+name {
				t.Errorf("%q: %q %v", name, data, err)
			}
		}
	}
}

func TestManifestRefused(t *testing.T) {
	s := openAt(t, t.TempDir(), nil)
	for name, change := range map[string]func(*Run){
		"twice":      func(r *Run) { r.Stacks[1].Name = r.Stacks[0].Name },
		"climbs":     func(r *Run) { r.Stacks[1].Name = "../x" },
		"path":       func(r *Run) { r.Stacks[1].Path = "a/../../b" },
		"no status":  func(r *Run) { r.Stacks[1].Status = "" },
		"digest":     func(r *Run) { r.Stacks[1].Digest = "x" },
		"commit":     func(r *Run) { r.Commit = "--upload-pack" },
		"nil":        func(r *Run) { r.Stacks[1] = &Stack{} },
		"no name":    func(r *Run) { r.Stacks[1].Name = "" },
		"upper case": func(r *Run) { r.Stacks[1].Digest = strings.Repeat("A", 64) },
	} {
		r := aRun()
		change(r)
		if err := s.Create(r, now); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	if err := s.Create(aRun(), time.Time{}); err == nil {
		t.Error("a run without a time")
	}
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
}

func TestForeign(t *testing.T) {
	here, there := openAt(t, t.TempDir(), nil), openAt(t, t.TempDir(), nil)
	team := bytes.Repeat([]byte("k"), MinKey)
	r := planned(t, here, now)
	copied := func(to *Store, edit func(name string, data []byte) []byte) {
		t.Helper()
		fatal(t, os.RemoveAll(runDir(to, r.ID)))
		fatal(t, os.MkdirAll(filepath.Dir(runDir(to, r.ID)), 0o700))
		fatal(t, filepath.WalkDir(runDir(here, r.ID), func(name string, d fs.DirEntry, err error) error {
			fatal(t, err)
			target := filepath.Join(runDir(to, r.ID), strings.TrimPrefix(name, runDir(here, r.ID)))
			if d.IsDir() {
				return os.Mkdir(target, 0o700)
			}
			data, err := os.ReadFile(name)
			fatal(t, err)
			return os.WriteFile(target, edit(d.Name(), data), 0o600)
		}))
	}
	foreign := func(s *Store, says string) {
		t.Helper()
		if _, err := s.Load(r.ID); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	same := func(_ string, data []byte) []byte { return data }
	copied(there, same)
	foreign(there, "no key of its own")
	planned(t, there, now.Add(time.Hour))
	foreign(there, "another machine")
	if list, err := there.List(); err != nil || len(list) != 2 || list[0].Err != nil || !errors.Is(list[1].Err, ErrForeign) {
		t.Error(list, err)
	}
	foreign(openAt(t, here.dir, team), "another key")

	twin := openAt(t, t.TempDir(), nil) // with the same key
	fatal(t, os.Mkdir(filepath.Join(twin.dir, ".terrier"), 0o700))
	key, err := os.ReadFile(filepath.Join(here.dir, ".terrier/key"))
	fatal(t, err)
	fatal(t, os.WriteFile(filepath.Join(twin.dir, ".terrier/key"), key, 0o600))
	copied(twin, same)
	if _, err := twin.Load(r.ID); err != nil {
		t.Error(err)
	}
	for _, swap := range [][2]string{
		{`"environment": "prod"`, `"environment": "qa"`}, {`"add": 1`, `"add": 0`}, {`"drift": false`, `"drift": true`},
		{"{\n", "{ \n"}, {"\n}\n", "\n}\n\n"}, {`"seal": "`, `"seal": "0`}, {`"commit"`, `"by": "eve", "commit"`},
		{`"seal"`, `"sealed"`}, {`"stacks": [`, `"stacks": [],"x":[`},
	} {
		copied(twin, func(name string, data []byte) []byte {
			if name != manifestName {
				return data
			}
			out := bytes.Replace(data, []byte(swap[0]), []byte(swap[1]), 1)
			if bytes.Equal(out, data) {
				t.Fatalf("nothing to edit: %s", swap[0])
			}
			return out
		})
		foreign(twin, "was edited")
	}
	// One run's manifest in the folder of another.
	copied(twin, same)
	other := planned(t, twin, now.Add(time.Hour))
	data, err := os.ReadFile(filepath.Join(runDir(twin, other.ID), manifestName))
	fatal(t, err)
	fatal(t, os.WriteFile(filepath.Join(runDir(twin, r.ID), manifestName), data, 0o600))
	foreign(twin, "another run's")
}

func TestTeamKey(t *testing.T) {
	key := bytes.Repeat([]byte("k"), MinKey)
	dir := t.TempDir()
	s := openAt(t, dir, key)
	r := planned(t, s, now)
	if _, err := os.Stat(filepath.Join(dir, ".terrier/key")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a key of its own was made")
	}
	if _, err := openAt(t, dir, key).Load(r.ID); err != nil {
		t.Error(err)
	}
	for _, other := range [][]byte{nil, bytes.Repeat([]byte("j"), MinKey)} {
		if _, err := openAt(t, dir, other).Load(r.ID); !errors.Is(err, ErrForeign) {
			t.Error(err)
		}
	}
	for _, short := range [][]byte{{}, []byte("secret")} {
		if _, err := Open(dir, short); err == nil || strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	}
	a, err := s.Key(r.ID)
	fatal(t, err)
	b, err := openAt(t, t.TempDir(), key).Key(r.ID)
	fatal(t, err)
	c, err := openAt(t, t.TempDir(), nil).Key(r.ID)
	fatal(t, err)
	if !bytes.Equal(a, b) || bytes.Equal(a, c) || len(a) != 32 || bytes.Equal(a, key) {
		t.Errorf("%x %x %x", a, b, c)
	}
}

// Of many that make the key at once all get the same.
func TestKeyRace(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		keys := make([][]byte, 16)
		var wg sync.WaitGroup
		for i := range keys {
			wg.Go(func() {
				s, err := Open(dir, nil)
				if err == nil {
					keys[i], err = s.Key("20261124T145953Z-1a2b3c")
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, k := range keys {
			if !bytes.Equal(k, keys[0]) || len(k) != 32 {
				t.Fatalf("%x %x", k, keys[0])
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".terrier", tempPrefix+"*")); len(left) > 0 {
			t.Error(left)
		}
	}
}

func TestKeyRefused(t *testing.T) {
	for name, spoil := range map[string]func(file string) error{
		"may be read by others": func(file string) error { return os.Chmod(file, 0o640) },
		"is damaged":            func(file string) error { return os.Truncate(file, 7) },
		"damaged":               func(file string) error { return os.WriteFile(file, make([]byte, 32), 0o600) },
		"more than":             func(file string) error { return os.WriteFile(file, make([]byte, 33), 0o600) },
		"no regular file": func(file string) error {
			return errors.Join(os.Rename(file, file+"2"), os.Symlink(file+"2", file))
		},
	} {
		s := openAt(t, t.TempDir(), nil)
		r := planned(t, s, now)
		fatal(t, spoil(filepath.Join(s.dir, ".terrier/key")))
		again := openAt(t, s.dir, nil)
		_, err := again.Load(r.ID)
		if err == nil || !(strings.Contains(err.Error(), name) || name == "no regular file" && strings.Contains(err.Error(), "may be read by others")) {
			t.Errorf("%s: %v", name, err)
		}
		if err := again.Create(aRun(), now); err == nil {
			t.Errorf("%s: a run was made", name)
		}
	}
}

// Runs made at once are all there.
func TestCreateRace(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			s, err := Open(dir, nil)
			if err == nil {
				err = s.Create(aRun(), now)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := openAt(t, dir, nil).List()
	fatal(t, err)
	if len(list) != 16 {
		t.Errorf("%d runs", len(list))
	}
	for _, l := range list {
		if l.Err != nil {
			t.Error(l.Err)
		}
	}
}
