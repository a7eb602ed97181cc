package promotion

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A clone on the disk, whose commits are made at hours from noon.
type disk struct {
	t    *testing.T
	dir  string
	hour float64
}

func newDisk(t *testing.T) *disk {
	d := &disk{t: t, dir: t.TempDir()}
	d.git("init", "-q", "-b", "main")
	return d
}

func (d *disk) git(args ...string) string {
	d.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", d.dir, "-c", "user.name=E", "-c", "user.email=e@example.com", "-c", "protocol.file.allow=always"}, args...)...)
	at := noon.Add(time.Duration(d.hour * float64(time.Hour))).Unix()
	cmd.Env = append(os.Environ(), fmt.Sprintf("GIT_COMMITTER_DATE=@%d +0000", at), fmt.Sprintf("GIT_AUTHOR_DATE=@%d +0000", at))
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit has the files of the tree, all others gone, at an hour.
func (d *disk) commit(hour float64, calls map[string]string) {
	d.t.Helper()
	d.hour = hour
	d.files(calls)
	d.git("add", "-A")
	d.git("commit", "-q", "--allow-empty", "-m", "x")
}

func (d *disk) files(calls map[string]string) {
	d.t.Helper()
	for _, old := range []string{"qa", "eu", "prod", "modules"} {
		if err := os.RemoveAll(filepath.Join(d.dir, old)); err != nil {
			d.t.Fatal(err)
		}
	}
	for name, f := range tree(calls) {
		at := filepath.Join(d.dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			d.t.Fatal(err)
		}
		if err := os.WriteFile(at, f.Data, 0o666); err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *disk) clone(args ...string) *disk {
	d.t.Helper()
	out := &disk{t: d.t, dir: filepath.Join(d.t.TempDir(), "clone"), hour: d.hour}
	d.git(append(append([]string{"clone", "-q"}, args...), "file://"+d.dir, out.dir)...)
	return out
}

// tree are the files as they are; of a bare repository none.
func (d *disk) tree() fs.FS { return os.DirFS(d.dir) }

func (d *disk) question(soak time.Duration) Question {
	return Question{From: "qa", To: "prod", Before: []string{"qa"}, Here: cloneOf(d.tree(), d.dir), Soak: soak, Now: func() time.Time { return noon }}
}

func (d *disk) want(soak time.Duration, want string) *Promotion {
	d.t.Helper()
	got, p := said(d.t.Context(), d.question(soak))
	if got != want {
		d.t.Errorf("got  %s\nwant %s", got, want)
	}
	return p
}

func versionOf(qa string) map[string]string {
	return map[string]string{"qa/a": qa, "prod/a": "v1.0.0"}
}

const day = 24 * time.Hour

// How a version came to the main branch does not matter, only when.
func TestMerged(t *testing.T) {
	d := newDisk(t)
	d.commit(-100, versionOf("v1.0.0"))
	d.git("switch", "-q", "-c", "topic")
	d.commit(-90, versionOf("v1.1.0"))
	d.commit(-80, versionOf("v1.1.0"))
	d.git("switch", "-q", "main")
	squash, merge, rebase := d.clone(), d.clone(), d.clone()
	for _, c := range []*disk{squash, merge, rebase} {
		c.git("remote", "remove", "origin")
		c.git("fetch", "-q", "file://"+d.dir, "topic")
		c.hour = -30
	}
	squash.git("merge", "-q", "--squash", "FETCH_HEAD")
	squash.git("commit", "-q", "-m", "squashed")
	merge.git("merge", "-q", "--no-ff", "-m", "merged", "FETCH_HEAD")
	rebase.git("merge", "-q", "--ff-only", "FETCH_HEAD")
	for _, c := range []*disk{squash, merge} {
		c.want(30*time.Hour, "1.1.0")
		c.want(31*time.Hour, "held: it is in qa since 2026-11-22 06:00 UTC, 30 h; --soak wants 31 h")
	}
	// Fast-forward: git tells no other time than that of the commits.
	rebase.want(90*time.Hour, "1.1.0")
	rebase.want(91*time.Hour, "held: it is in qa since 2026-11-19 18:00 UTC, 90 h; --soak wants 91 h")
}

// Dates that cannot be do not make a version older than it is.
func TestMergedDates(t *testing.T) {
	for name, test := range map[string]struct {
		first, second, third float64 // the second brings the version
		soak                 time.Duration
		want                 string
	}{
		"in order":       {-100, -50, -10, 50 * time.Hour, "1.1.0"},
		"too old":        {-100, -9000, -10, 101 * time.Hour, "held: it is in qa since 2026-11-19 08:00 UTC, 100 h; --soak wants 101 h"},
		"tip too old":    {-20, -10, -9000, day, "held: it is in qa since 2026-11-23 02:00 UTC, 10 h; --soak wants 24 h"},
		"too new":        {-100, 9000, -10, 11 * time.Hour, "held: it is in qa since 2026-11-23 02:00 UTC, 10 h; --soak wants 11 h"},
		"too new, later": {-100, 9000, -30, day, "1.1.0"},
		"all too new":    {9000, 9001, 9002, time.Hour, "held: it is in qa since 2026-11-23 12:00 UTC, 0 min; --soak wants 1 h"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t)
			d.commit(test.first, versionOf("v1.0.0"))
			d.commit(test.second, versionOf("v1.1.0"))
			d.commit(test.third, versionOf("v1.1.0"))
			d.want(test.soak, test.want)
		})
	}
}

// A file that was moved, went away and came again, or had another call of the
// same line.
func TestSoakFollows(t *testing.T) {
	for name, test := range map[string]struct {
		steps []map[string]string // each ten hours after the one before, the last one ten hours ago
		want  int                 // hours
	}{
		"one":              {[]map[string]string{versionOf("v1.0.0"), versionOf("v1.1.0")}, 10},
		"from the start":   {[]map[string]string{versionOf("v1.1.0"), versionOf("v1.1.0"), versionOf("v1.1.0")}, 30},
		"taken back":       {[]map[string]string{versionOf("v1.1.0"), versionOf("v1.0.0"), versionOf("v1.1.0"), versionOf("v1.1.0")}, 20},
		"ahead in between": {[]map[string]string{versionOf("v1.1.0"), versionOf("v1.2.0"), versionOf("v1.1.0")}, 10},
		"gone in between":  {[]map[string]string{versionOf("v1.1.0"), {"prod/a": "v1.0.0"}, versionOf("v1.1.0")}, 10},
		"moved":            {[]map[string]string{versionOf("v1.0.0"), versionOf("v1.1.0"), {"qa/b": "v1.1.0", "prod/a": "v1.0.0"}}, 20},
		"one more stack":   {[]map[string]string{versionOf("v1.1.0"), {"qa/a": "v1.1.0", "qa/b": "v1.0.0", "prod/a": "v1.0.0"}, {"qa/a": "v1.1.0", "qa/b": "v1.1.0", "prod/a": "v1.0.0"}}, 10},
		"into a module":    {[]map[string]string{versionOf("v1.0.0"), versionOf("v1.1.0"), {"qa/a": "../../modules/n", "modules/n": "v1.1.0", "prod/a": "v1.0.0"}}, 20},
		"another's moves":  {[]map[string]string{versionOf("v1.1.0"), {"qa/a": "v1.1.0", "prod/a": "v0.9.0"}, versionOf("v1.1.0")}, 30},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t)
			for i, calls := range test.steps {
				d.commit(float64(-10*(len(test.steps)-i)), calls)
			}
			d.want(time.Duration(test.want)*time.Hour, "1.1.0")
			q := d.question(time.Duration(test.want+1) * time.Hour)
			if got, _ := said(t.Context(), q); !strings.Contains(got, fmt.Sprintf(", %d h; --soak wants %d h", test.want, test.want+1)) && !(strings.Contains(name, "start") || strings.Contains(name, "another")) {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestMainBranchOfClones(t *testing.T) {
	d := newDisk(t)
	d.commit(-100, versionOf("v1.0.0"))
	fetched := "held: 1.1.0 is in the work tree, not on %s"
	branch := func(p *Promotion, want string) {
		t.Helper()
		if p == nil || len(p.Evidence) != 1 || p.Evidence[0].Branch != want || len(p.Evidence[0].Commit) != 40 {
			t.Errorf("%+v", p)
		}
	}

	// What only the work tree has, or a branch, is not merged; one that was
	// merged since the last fetch is not known.
	c := d.clone()
	c.files(versionOf("v1.1.0"))
	branch(c.want(0, fmt.Sprintf(fetched, "origin/main")), "origin/main")
	c.commit(-50, versionOf("v1.1.0"))
	c.want(0, fmt.Sprintf(fetched, "origin/main"))
	d.commit(-40, versionOf("v1.1.0"))
	q := c.question(0)
	p, err := Gather(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	running, err := p.Running(t.Context(), q.Here.Set.Modules)
	if err != nil {
		t.Fatal(err)
	}
	if hint := running[q.Here.Set.Modules[0]].Hint; !strings.Contains(hint, "`git fetch`") {
		t.Errorf("hint: %s", hint)
	}
	c.git("fetch", "-q")
	c.want(0, "1.1.0")

	// The main branch was forced to another history: that is what counts.
	d.git("reset", "-q", "--hard", "HEAD~1")
	d.commit(-5, versionOf("v1.1.0"))
	c.git("fetch", "-q")
	c.want(day, "held: it is in qa since 2026-11-23 07:00 UTC, 5 h; --soak wants 24 h")
	d.git("reset", "-q", "--hard", "HEAD~1")
	c.git("fetch", "-q")
	c.want(0, fmt.Sprintf(fetched, "origin/main"))
	d.commit(-40, versionOf("v1.1.0"))

	// On no branch; of a remote with another name; by --base.
	c = d.clone()
	c.git("switch", "-q", "--detach")
	branch(c.want(day, "1.1.0"), "origin/main")
	c.git("remote", "rename", "origin", "company")
	branch(c.want(day, "1.1.0"), "company/main")
	c.git("remote", "add", "mine", "https://git.example.com/mine.git")
	if got, _ := said(t.Context(), c.question(0)); !strings.HasPrefix(got, "error: qa has no run records, and which branch is the main one, this clone does not tell") || !strings.HasSuffix(got, "hint: --base REV names it") {
		t.Errorf("got %s", got)
	}
	q = c.question(0)
	q.Base = "HEAD"
	got, p := said(t.Context(), q)
	if got != "1.1.0" {
		t.Errorf("got %s", got)
	}
	branch(p, "HEAD")
	c.git("switch", "-q", "main")
	branch(c.want(0, "1.1.0"), "company/main")

	// The history ends too early to tell.
	c = d.clone("--depth", "1")
	c.want(0, "1.1.0")
	c.want(41*time.Hour, "held: it is in qa since 2026-11-21 20:00 UTC, 40 h; --soak wants 41 h")
	c.want(39*time.Hour, "1.1.0")
}

// --from may be in another place: a bare repository, the same clone, none.
func TestThere(t *testing.T) {
	here := newDisk(t)
	here.commit(-100, map[string]string{"prod/a": "v1.0.0"})
	d := newDisk(t)
	d.commit(-40, map[string]string{"qa/a": "v1.1.0"})
	ask := func(there *Clone) string {
		t.Helper()
		q := here.question(0)
		q.There = there
		got, _ := said(t.Context(), q)
		return got
	}
	if got := ask(cloneOf(d.tree(), d.dir)); got != "1.1.0" {
		t.Error(got)
	}
	bare := d.clone("--bare")
	if got := ask(cloneOf(tree(map[string]string{"qa/a": "v1.1.0"}), bare.dir)); got != "1.1.0" {
		t.Error(got)
	}
	linked := filepath.Join(t.TempDir(), "linked")
	d.git("worktree", "add", "-q", linked, "-b", "other")
	if got := ask(cloneOf(os.DirFS(linked), linked)); got != "1.1.0" {
		t.Error(got)
	}
	none := t.TempDir()
	if got := ask(cloneOf(tree(map[string]string{"qa/a": "v1.1.0"}), none)); !strings.HasPrefix(got, "error: qa has no run records, and what is merged cannot be read: ") || !strings.Contains(got, "not a git repository") {
		t.Error(got)
	}
	if got := ask(cloneOf(fstest.MapFS{}, d.dir)); !strings.HasPrefix(got, "error: qa has no stack in this clone") {
		t.Error(got)
	}
	// The account that only this clone knows counts there as well.
	sandbox := t.TempDir()
	write(t, sandbox, []string{"-3 qa/a apply applied v1.1.0 - sandbox"})
	c := cloneOf(tree(map[string]string{"qa/a": "v1.1.0"}), sandbox)
	c.AccountOf = nil
	if got := ask(c); !strings.HasPrefix(got, "error: qa has no run records") {
		t.Error(got)
	}
	// With records it need be no repository; as a whole it need not say its name.
	write(t, none, []string{"-3 qa/a apply applied v1.1.0"})
	if got := ask(cloneOf(tree(map[string]string{"qa/a": "v1.1.0"}), none)); got != "1.1.0" {
		t.Error(got)
	}
	whole := t.TempDir()
	r := runs.Record{Run: "r", Time: noon.Add(-time.Hour), Action: runs.Apply, Result: runs.Applied, Stack: ".", Modules: []runs.Module{{Source: vpc, Ref: "v1.1.0"}}}
	if err := runs.Append(whole, r); err != nil {
		t.Fatal(err)
	}
	c = cloneOf(fstest.MapFS{"main.tf": tree(map[string]string{"qa/a": "v1.1.0"})["qa/a/main.tf"]}, whole)
	c.EnvironmentsOf, c.Whole = func(string) []string { return []string{"qa"} }, true
	c.Set = versions.New(versions.Input{Graph: c.Graph, Calls: lint.Calls(&lint.Input{Graph: c.Graph}), Environments: []string{"qa"}, EnvironmentsOf: c.EnvironmentsOf})
	if got := ask(c); got != "1.1.0" {
		t.Error(got)
	}
	c.Whole = false
	if got := ask(c); !strings.HasPrefix(got, "error: qa has no run records") {
		t.Error(got)
	}
}

// A commit of the main branch that cannot be read tells nothing.
func TestBrokenMain(t *testing.T) {
	d := newDisk(t)
	d.commit(-10, versionOf("v1.1.0"))
	if err := os.WriteFile(filepath.Join(d.dir, "qa/a/broken.tf"), []byte("module \"x\" {\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	d.git("add", "-A")
	d.git("commit", "-q", "-m", "broken")
	if err := os.Remove(filepath.Join(d.dir, "qa/a/broken.tf")); err != nil {
		t.Fatal(err)
	}
	got, _ := said(t.Context(), d.question(0))
	if !strings.HasPrefix(got, "error: main at ") || !strings.Contains(got, "qa/a/broken.tf:1: ") || !strings.HasSuffix(got, "hint: --base REV names another commit") {
		t.Error(got)
	}
}
