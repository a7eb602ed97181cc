package split

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/fixtures"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/proof"
)

// A job is one bundled monorepo, split.
type job struct {
	repo   *repo.Repo
	commit *repo.Commit
	tree   *repo.TreeFS
	plan   *Plan
	result *Result
	out    string
}

func splitFixture(t *testing.T, name string) *job {
	t.Helper()
	return splitFixtureWith(t, name, func(*Config) {})
}

func splitFixtureWith(t *testing.T, name string, change func(*Config)) *job {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mono")
	if err := fixtures.Write(context.Background(), name, dir); err != nil {
		t.Fatal(err)
	}
	return splitDir(t, dir, change)
}

// splitDir splits the repository in dir, with what change, which may be nil,
// makes of the tests' configuration.
func splitDir(t *testing.T, dir string, change func(*Config)) *job {
	t.Helper()
	ctx := context.Background()
	j := &job{out: filepath.Join(t.TempDir(), "out")}
	var err error
	if j.repo, err = repo.Open(ctx, dir); err != nil {
		t.Fatal(err)
	}
	if j.commit, err = j.repo.Resolve(ctx, "HEAD"); err != nil {
		t.Fatal(err)
	}
	if j.tree, err = j.repo.At(ctx, j.commit); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.tree.Close() })
	tree, _ := hclparse.Load(j.tree)
	config := testConfig(j.out)
	if change != nil {
		change(&config)
	}
	plan, diags := NewPlan(j.commit, modules.NewGraph(tree, nil), config)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	j.plan = plan
	claimDir(t, j.out, plan)
	if j.result, err = Run(ctx, j.repo, j.commit, j.tree, plan, j.out, nil); err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *job) verify(t *testing.T) *Proof {
	t.Helper()
	p, err := Verify(context.Background(), j.repo, j.plan, j.result, j.out, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// plant puts a fault into a file of the live repository, has the proof name it
// as a mismatch of the kind, and takes it out again.
func (j *job) plant(t *testing.T, file, old, fault, kind string) {
	t.Helper()
	live := filepath.Join(j.out, "live", "live")
	at := filepath.Join(live, filepath.FromSlash(file))
	src, err := os.ReadFile(at)
	if err != nil || !strings.Contains(string(src), old) {
		t.Fatalf("%v: no %q in\n%s", err, old, src)
	}
	if err := os.WriteFile(at, []byte(strings.Replace(string(src), old, fault, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	tip := git(t, live, "rev-parse", "main")
	git(t, live, "commit", "-q", "--amend", "-a", "--no-edit")
	before := j.result.Live[0].Tip
	j.result.Live[0].Tip = git(t, live, "rev-parse", "main")
	p := j.verify(t)
	j.result.Live[0].Tip = before
	git(t, live, "reset", "-q", "--hard", tip)
	if !slices.ContainsFunc(p.Mismatches, func(m proof.Mismatch) bool { return m.Kind == kind }) {
		t.Errorf("no %s among %+v", kind, p.Mismatches)
	}
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=E", "GIT_AUTHOR_EMAIL=e@example.com", "GIT_COMMITTER_NAME=E", "GIT_COMMITTER_EMAIL=e@example.com",
		"GIT_AUTHOR_DATE=2024-01-01T00:00:00Z", "GIT_COMMITTER_DATE=2024-01-01T00:00:00Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// The judge, which is tested by itself in package proof, is asked about what
// Run really wrote: whole it is proved, and each fault in it is named.
func TestVerifyNamesFaults(t *testing.T) {
	j := splitFixture(t, "acme")
	if p := j.verify(t); !p.OK() {
		t.Fatalf("not proved: %+v %+v", p.Mismatches, p.Stacks)
	}
	live := filepath.Join(j.out, "live", "live")
	vpc := filepath.Join(j.out, "modules", "vpc.git")
	// change replaces text in one file of live's tip, as one other commit on
	// the same parent, and records it as the tip.
	change := func(file, old, new string) func(*testing.T) {
		return func(t *testing.T) {
			path := filepath.Join(live, filepath.FromSlash(file))
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(src), old) {
				t.Fatalf("%s does not hold %q", file, old)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(src), old, new, 1)), 0o666); err != nil {
				t.Fatal(err)
			}
			git(t, live, "commit", "-q", "--amend", "-a", "--no-edit")
		}
	}
	call := "git::file://" + j.out + "/modules/vpc.git?ref=v1.0.0"
	for name, tc := range map[string]struct {
		plant func(*testing.T)
		kind  string
	}{
		"another ref":          {change("live/prod/network/main.tf", "?ref=v1.0.0", "?ref=main"), "wrong-ref"},
		"another subdirectory": {change("live/prod/network/main.tf", call, strings.Replace(call, "?", "//modules/nat?", 1)), "wrong-subdirectory"},
		"a call left out":      {change("live/prod/network/main.tf", call, "../../../modules/vpc"), "target-moved"},
		"a byte of a file":     {change("README.md", "a", "b"), "bytes-changed"},
		"a call too many":      {change("live/prod/network/main.tf", "module \"vpc\"", "module \"more\" {\n  source = \""+call+"\"\n}\n\nmodule \"vpc\""), "call-extra"},
		"a moved tag": {func(t *testing.T) {
			git(t, vpc, "tag", "-f", "-a", "-m", "x", "v1.0.0", "main~1")
		}, "tag-moved"},
	} {
		t.Run(name, func(t *testing.T) {
			tip, tag := git(t, live, "rev-parse", "main"), git(t, vpc, "rev-parse", "v1.0.0")
			tc.plant(t)
			before := j.result.Live[0].Tip
			j.result.Live[0].Tip = git(t, live, "rev-parse", "main")
			p := j.verify(t)
			j.result.Live[0].Tip = before
			git(t, live, "reset", "-q", "--hard", tip)
			git(t, vpc, "update-ref", "refs/tags/v1.0.0", tag)
			found := false
			for _, m := range p.Mismatches {
				found = found || m.Kind == tc.kind
			}
			if !found || p.OK() {
				t.Errorf("no %s among %+v", tc.kind, p.Mismatches)
			}
		})
	}
	if p := j.verify(t); !p.OK() {
		t.Fatalf("the faults were not taken back: %+v", p.Mismatches)
	}
}

// A second run over whole repositories changes nothing and gives the same ids.
func TestRunAgain(t *testing.T) {
	j := splitFixture(t, "nested")
	again, err := Run(context.Background(), j.repo, j.commit, j.tree, j.plan, j.out, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(j.result)
	b, _ := json.Marshal(again)
	if string(a) != string(b) {
		t.Errorf("first %s\nagain %s", a, b)
	}
}

func TestClaim(t *testing.T) {
	plan, other := &Plan{Commit: "a"}, &Plan{Commit: "b"}
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 { // new, then its own
		claimDir(t, dir, plan)
	}
	if _, err := Claim(t.Context(), dir, other, nil); !errors.Is(err, ErrOccupied) {
		t.Errorf("another plan: %v", err)
	}
	if err := Finish(dir, plan, &Result{}, &Proof{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(t.Context(), dir, other, nil); !errors.Is(err, ErrOccupied) {
		t.Errorf("another plan, finished: %v", err)
	}
	claimDir(t, dir, plan) // its own, finished
	taken := t.TempDir()
	if err := os.WriteFile(filepath.Join(taken, "x"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(t.Context(), taken, plan, nil); !errors.Is(err, ErrOccupied) {
		t.Errorf("something else: %v", err)
	}
	if left, _ := os.ReadDir(taken); len(left) != 1 {
		t.Errorf("something else was touched: %v", left)
	}
}

// claimDir claims dir and lets it go.
func claimDir(t *testing.T, dir string, p *Plan) {
	t.Helper()
	release, err := Claim(t.Context(), dir, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// A process that outlives the run which started it keeps the next run
// waiting: as git does when terrier is killed while it writes.
func TestClaimWaitsForChildren(t *testing.T) {
	plan, dir := &Plan{Commit: "a"}, t.TempDir()
	release, err := Claim(t.Context(), dir, plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	release()
	ctx, cancel := context.WithCancelCause(t.Context())
	gaveUp := errors.New("gave up")
	if _, err := Claim(ctx, dir, plan, func() { cancel(gaveUp) }); !errors.Is(err, gaveUp) {
		t.Errorf("while the child runs: %v", err)
	}
	release, err = Claim(t.Context(), dir, plan, func() { stdin.Close() })
	if err != nil {
		t.Fatal(err)
	}
	release()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

func TestCheckOutside(t *testing.T) {
	mono := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(mono, link); err != nil {
		t.Fatal(err)
	}
	for out, inside := range map[string]bool{
		mono: true, filepath.Join(mono, "a", "b"): true, filepath.Join(link, "a"): true, filepath.Join(mono, ".git", "x"): true,
		"": true, mono + "-split\n": true, // no directory at all, and one that no source can name
		mono + "-split": false, filepath.Join(filepath.Dir(mono), "other"): false, filepath.Join(mono, "..", "x"): false,
	} {
		if err := CheckOutside(out, mono, filepath.Join(mono, ".git")); (err != nil) != inside {
			t.Errorf("%s: %v, want inside: %v", out, err, inside)
		}
	}
}

func TestRelative(t *testing.T) {
	for _, tc := range [][3]string{
		{"m", "m/a", "./a"}, {"m/a", "m", "../"}, {"m/a", "m/b/c", "../b/c"}, {"m/a/b", "m/c", "../../c"}, {"m/a/b", "m", "../../"}, {".", "a", "./a"}, {"a", ".", "../"}, {"a", "ab", "../ab"},
	} {
		if got := relative(tc[0], tc[1]); got != tc[2] {
			t.Errorf("from %s to %s: %s, want %s", tc[0], tc[1], got, tc[2])
		}
	}
}
