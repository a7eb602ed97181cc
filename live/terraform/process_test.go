package terraform

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	tf := real(t)
	if tf.Product != ProductTerraform || !strings.HasPrefix(tf.Version, "1.") || !filepath.IsAbs(tf.Path) {
		t.Errorf("%+v", tf)
	}
	w := newWorld(t)
	// A link that is named tofu is no tofu, and a tofu named terraform is.
	link := filepath.Join(w.dir, "bin", "tofu")
	w.put("bin/.keep", "")
	if err := os.Symlink(tf.Path, link); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(link); err != nil || got.Product != ProductTerraform || got.Path != link {
		t.Errorf("%+v %v", got, err)
	}
	fake := w.fake(`case "$*" in "version -json") echo '{"terraform_version":"1.9.1"}';; version) printf 'OpenTofu v1.9.1\non linux_amd64\n';; esac`)
	t.Setenv(EnvPath, fake.Path)
	if got, err := Find(""); err != nil || got.Product != ProductTofu || got.Version != "1.9.1" || got.Path != fake.Path {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := Find(link); err != nil || got.Path != link {
		t.Errorf("the flag goes before %s: %+v %v", EnvPath, got, err)
	}
	t.Setenv(EnvPath, "")
	t.Setenv("PATH", filepath.Join(w.dir, "bin"))
	if got, err := Find(""); err != nil || got.Path != link {
		t.Errorf("tofu on PATH: %+v %v", got, err)
	}
}

func TestFindNothing(t *testing.T) {
	w := newWorld(t)
	w.put("bin/text", "no program")
	os.Mkdir(filepath.Join(w.dir, "bin", "dir"), 0o777)
	t.Setenv("PATH", filepath.Join(w.dir, "bin"))
	for _, c := range []struct {
		flag    string
		missing bool
		want    string
	}{
		{"", true, "--tf-path"},
		{"terraform9", true, "terraform9"},
		{filepath.Join(w.dir, "gone"), true, "install Terraform"},
		{filepath.Join(w.dir, "bin/text"), false, "executable"},
		{filepath.Join(w.dir, "bin/dir"), false, "executable"},
	} {
		_, err := Find(c.flag)
		if err == nil || errors.Is(err, ErrNotFound) != c.missing || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%q: %v", c.flag, err)
		}
	}
}

func TestFindNoTerraform(t *testing.T) {
	for script, want := range map[string]string{
		"echo garbage":                     "does not answer as terraform",
		"echo '{}'":                        "does not answer as terraform",
		"echo no >&2;false":                "no",
		`echo '{"terraform_version":"1"}'`: "neither Terraform nor OpenTofu",
	} {
		_, err := Find(newWorld(t).fake(script).Path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", script, err)
		}
	}
}

func TestEnviron(t *testing.T) {
	got := environ([]string{
		"HOME=/h", "TF_CLI_ARGS=-x", "TF_CLI_ARGS_plan=-target=a", "TF_DATA_DIR=/d", "TF_INPUT=1", "TF_LOG=trace",
		"TF_VAR_a=b", "TF_WORKSPACE=w", "GIT_DIR=/g", "GIT_INDEX_FILE=/i", "GIT_CONFIG_COUNT=1", "GIT_SSH_COMMAND=ssh -v", "TF_CLI_CONFIG_FILE=/rc",
		"TERRIER_RUNS_KEY=x", "TERRIER_AGE_IDENTITY=y",
	})
	want := []string{
		"HOME=/h", "TF_INPUT=1", "TF_LOG=trace", "TF_VAR_a=b", "TF_WORKSPACE=w", "GIT_CONFIG_COUNT=1", "GIT_SSH_COMMAND=ssh -v", "TF_CLI_CONFIG_FILE=/rc",
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "GIT_TERMINAL_PROMPT=0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TF_CLI_ARGS_plan empties a plan, TF_DATA_DIR moves .terraform away, GIT_DIR
// sends a clone astray: none may reach terraform.
func TestHostileEnvironment(t *testing.T) {
	w, p := split(t)
	w.put("tmp/.keep", "")
	t.Setenv("TMPDIR", filepath.Join(w.dir, "tmp"))
	t.Setenv("TF_CLI_ARGS_plan", "-target=terraform_data.none")
	t.Setenv("TF_CLI_ARGS", "-no-such-flag")
	t.Setenv("TF_DATA_DIR", filepath.Join(w.dir, "data"))
	t.Setenv("GIT_DIR", filepath.Join(w.dir, "nowhere"))
	t.Setenv("TF_VAR_unused", "x")
	dir := filepath.Join(p.After, "live", "prod")
	plan, err := real(t).Plan(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := normalise(plan)
	if err != nil {
		t.Fatal(err)
	}
	changes := sorted(func() map[string]bool {
		set := map[string]bool{}
		for a := range object(n["resource_changes"]) {
			set[a] = true
		}
		return set
	}())
	want := []string{
		"module.own.terraform_data.own",
		`module.vpc.module.again.terraform_data.subnet["c"]`,
		`module.vpc.module.subnets.terraform_data.subnet["a"]`,
		`module.vpc.module.subnets.terraform_data.subnet["b"]`,
		"module.vpc.terraform_data.vpc",
	}
	if !slices.Equal(changes, want) {
		t.Errorf("%q", changes)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "terrier-plan-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 { // main.tf own .terraform
		t.Errorf("%v", entries)
	}
}

func TestGet(t *testing.T) {
	w, p := split(t)
	m, err := real(t).Get(context.Background(), filepath.Join(p.After, "live", "prod"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Module{
		{Key: "", Dir: "."},
		{Key: "own", Source: "./own", Dir: "own"},
		{Key: "vpc", Source: w.url("vpc") + "?ref=v1.0.0", Dir: ".terraform/modules/vpc"},
		{Key: "vpc.again", Source: w.url("subnets") + "?ref=v1.0.0", Dir: ".terraform/modules/vpc.again"},
		{Key: "vpc.subnets", Source: w.url("subnets") + "?ref=v1.0.0", Dir: ".terraform/modules/vpc.subnets"},
	}
	if !slices.Equal(m.Entries, want) || m.Calls() != 4 {
		t.Errorf("%+v", m.Entries)
	}
}

func TestGarbage(t *testing.T) {
	w := newWorld(t)
	w.put("before/s/main.tf", "")
	w.put("after/s/main.tf", "")
	p := Pair{Before: filepath.Join(w.dir, "before"), After: filepath.Join(w.dir, "after"), Stacks: []string{"s"}}
	for _, c := range []struct{ name, script, get, plan string }{
		{"manifest", "mkdir -p .terraform/modules; echo '{' >.terraform/modules/modules.json; echo '{}'", "modules.json: ", "not a plan"},
		{"no directory", `mkdir -p .terraform/modules; echo '{"Modules":[{"Key":"x"}]}' >.terraform/modules/modules.json; echo garbage`, "has no directory", "not a plan"},
		{"twice", `mkdir -p .terraform/modules; echo '{"Modules":[{"Key":"x","Dir":"."},{"Key":"x","Dir":"a"}]}' >.terraform/modules/modules.json`, "there twice", "not a plan"},
		{"future", `echo '{"format_version":"9.0"}'`, "", "unsupported"},
		{"gone", `rm "$0"`, "no such file", "no such file"},
	} {
		_, err := w.fake(c.script).CompareGet(context.Background(), p, nil)
		if c.get != "" && (err == nil || !strings.Contains(err.Error(), c.get)) || c.get == "" && err != nil {
			t.Errorf("%s: get: %v", c.name, err)
		}
		_, err = w.fake(c.script).ComparePlan(context.Background(), p, nil)
		if err == nil || !strings.Contains(err.Error(), c.plan) {
			t.Errorf("%s: plan: %v", c.name, err)
		}
		if _, err := os.Stat(filepath.Join(p.Before, "s")); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A directory that terraform would install from outside the tree is not read.
func TestManifestOutside(t *testing.T) {
	w := newWorld(t)
	w.put("before/s/main.tf", "")
	w.put("after/s/main.tf", "")
	w.put("outside/x", "")
	p := Pair{Before: filepath.Join(w.dir, "before"), After: filepath.Join(w.dir, "after"), Stacks: []string{"s"}}
	fake := w.fake(`mkdir -p .terraform/modules; echo '{"Modules":[{"Key":"x","Source":"./x","Dir":"../../outside"}]}' >.terraform/modules/modules.json`)
	got, err := fake.CompareGet(context.Background(), p, nil)
	if err != nil || got[0].Status != StatusDifferent || !strings.Contains(got[0].Detail, "outside the repository") {
		t.Errorf("%+v %v", got, err)
	}
}

// wait waits for a file that a fake writes.
func wait(t *testing.T, name string) string {
	t.Helper()
	for range 500 {
		if data, err := os.ReadFile(name); err == nil && strings.HasSuffix(string(data), "\n") {
			return strings.TrimSpace(string(data))
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s never came", name)
	return ""
}

func TestInterrupt(t *testing.T) {
	w := newWorld(t)
	w.put("before/s/main.tf", "")
	w.put("after/s/main.tf", "")
	p := Pair{Before: filepath.Join(w.dir, "before"), After: filepath.Join(w.dir, "after"), Stacks: []string{"s"}}
	fake := w.fake(`trap 'echo yes >>"$0.d/interrupted"; exit 1' INT
echo $$ >"$0.d/pid"
while :; do sleep 0.05; done`)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := fake.ComparePlan(ctx, p, nil)
		done <- err
	}()
	wait(t, fake.Path+".d/pid")
	begin := time.Now()
	cancel()
	err := <-done
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if got := wait(t, fake.Path+".d/interrupted"); got != "yes" {
		t.Errorf("interrupted: %q, want once", got)
	}
	if d := time.Since(begin); d > Grace/2 {
		t.Errorf("it took %v", d)
	}
	if _, err := os.Stat(filepath.Join(p.Before, "s", "main.tf")); err != nil {
		t.Errorf("the tree was not put back: %v", err)
	}
}

// One that does not listen is killed after its grace, with what it started.
func TestKill(t *testing.T) {
	w := newWorld(t)
	fake := w.fake(`trap '' INT
sleep 600 &
echo $! >"$0.d/child"
wait; wait; wait`)
	fake.grace = 200 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := fake.Get(ctx, w.dir)
		done <- err
	}()
	pid, err := strconv.Atoi(wait(t, fake.Path+".d/child"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it hangs")
	}
	for range 200 {
		if !alive(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("its child %d lives", pid)
}

// alive reports whether a process runs: one that nobody waits for does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestTwoAtATime(t *testing.T) {
	w := newWorld(t)
	p := Pair{Before: filepath.Join(w.dir, "before"), After: filepath.Join(w.dir, "after")}
	for _, s := range []string{"a", "b", "c", "d", "e", "f"} {
		w.put("before/"+s+"/main.tf", "")
		w.put("after/"+s+"/main.tf", "")
		p.Stacks = append(p.Stacks, s)
	}
	fake := w.fake(`mkdir "$0.d/$$"; ls "$0.d" | wc -l >>"$0.count"; sleep 0.1; rmdir "$0.d/$$"`)
	var told []int
	if _, err := fake.CompareGet(context.Background(), p, func(done, total int, stack string) { told = append(told, done, total) }); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(fake.Path + ".count")
	if err != nil {
		t.Fatal(err)
	}
	counts := strings.Fields(string(data))
	if len(counts) != 12 || slices.Max(counts) != "2" {
		t.Errorf("at a time: %q", counts)
	}
	if !slices.Equal(told, []int{1, 6, 2, 6, 3, 6, 4, 6, 5, 6, 6, 6}) {
		t.Errorf("told %v", told)
	}
}

func TestFirstError(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"warning\nfatal: x\n\n", "fatal: x"},
		{"╷\n│ Warning: w\n│ \n│ text\n╵\n╷\n│ Error: e\n│ \n│   on main.tf line 4:\n│    4: module \"y\" {\n│ \n│ more\n╵\nError: two\n", "Error: e on main.tf line 4: more"},
		{"Error: e\n\n'https://user:to/ken@host/x?ref=1&sshkey=abc' 'https://u:p@ss@h/'\n", "Error: e 'https://user:to/ken@host/x?ref=1&sshkey=REDACTED' 'https://REDACTED@h/'"},
		{"Error: https://user:secret@host/ git::ssh://git@host/x https://tok@h/?x_TOKEN=1\n", "Error: https://REDACTED@host/ git::ssh://git@host/x https://REDACTED@h/?x_TOKEN=REDACTED"},
		{"Error: " + strings.Repeat("é", 500), "Error: " + strings.Repeat("é", 393) + " …"},
	} {
		if got := firstError(c.in); got != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

// The end of what terraform said is what counts, however long it talked.
func TestTail(t *testing.T) {
	w := tail{max: 10}
	for i := range 1000 {
		if _, err := w.Write([]byte(strconv.Itoa(i) + " ")); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.String(); len(got) > 20 || !strings.HasSuffix(got, "998 999 ") {
		t.Errorf("%q", got)
	}
}
