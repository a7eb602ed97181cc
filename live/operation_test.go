package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/account"
	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/install"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// operationOn is an operation with the real terraform on stacks, by directory
// their code.
func operationOn(t *testing.T, stacks map[string]string) *Operation {
	t.Helper()
	home := t.TempDir()
	for k, v := range map[string]string{"HOME": home, "TF_CLI_CONFIG_FILE": os.DevNull, "CHECKPOINT_DISABLE": "1", "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1"} {
		t.Setenv(k, v)
	}
	root := t.TempDir()
	for dir, code := range stacks {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "main.tf"), []byte("terraform {\n  backend \"local\" {}\n}\n"+code), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tf, err := terraform.Find("")
	if err != nil {
		t.Fatal(err)
	}
	fsys := os.DirFS(root)
	tree, _ := hclparse.LoadCalls(fsys, "terraform_remote_state")
	g := modules.NewGraph(tree, nil)
	e, diags := estate.Discover(fsys, g, estate.Config{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	s, err := store.Open(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := estate.NewFiles(g, e)
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	o := &Operation{
		Root: root, Home: root, FS: fsys, Static: static.NewTree(g), Estate: e, Terraform: tf, Store: s, Jobs: 4, By: "ada@example.com",
		Installer: &install.Installer{Cache: &repo.Cache{Dir: filepath.Join(home, "cache")}, Path: tf.Path, Product: tf.Product, Version: tf.Version},
		Broker:    &account.Broker{},
		Now:       func() time.Time { return now },
		Settings:  func(*estate.Unit) (Settings, error) { return Settings{}, nil },
		Files:     func(u *estate.Unit) ([]string, error) { return files.Of(u), nil },
		Approved: func(context.Context, *store.Run, *store.Stack, guard.Rules) (*guard.Refusal, error) {
			return nil, nil
		},
	}
	o.Record = func(_ context.Context, list ...runs.Record) error { return runs.Append(root, list...) }
	return o
}

func statuses(list []Outcome) string {
	var out []string
	for _, o := range list {
		out = append(out, fmt.Sprintf("%s %s", o.Stack.Name, o.Status))
	}
	return strings.Join(out, ", ")
}

// TestJournal applies stacks side by side: each is in the journal before its
// terraform starts, and again when it has ended, before anything else hears of it.
func TestJournal(t *testing.T) {
	stacks := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		stacks[name] = "resource \"terraform_data\" \"it\" {\n  provisioner \"local-exec\" {\n    command = \"grep -h 'stack.:." + name + ".,' ../.terrier/runs/*/progress.jsonl | tail -n 1 >seen\"\n  }\n}\n"
	}
	o := operationOn(t, stacks)
	var mu sync.Mutex
	states := map[string][]store.State{} // when the record is kept
	o.Record = func(_ context.Context, list ...runs.Record) error {
		r := list[len(list)-1]
		if r.Action != runs.Apply {
			return nil
		}
		steps, err := o.Store.Steps(r.Run)
		mu.Lock()
		defer mu.Unlock()
		for _, s := range steps {
			if s.Stack == r.Stack {
				states[r.Stack] = append(states[r.Stack], s.State)
			}
		}
		return err
	}
	o.Tell = func(Event) {}
	run, err := o.Plan(t.Context(), o.Estate.Units, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := o.Apply(t.Context(), run, ApplyOptions{})
	if got, want := statuses(list), "a applied, b applied, c applied, d applied"; err != nil || got != want {
		t.Fatalf("%s, %v", got, err)
	}
	for name := range stacks {
		seen, err := os.ReadFile(filepath.Join(o.Root, name, "seen"))
		if err != nil || !strings.Contains(string(seen), `"state":"started"`) {
			t.Errorf("%s: while its terraform ran the journal said %s (%v)", name, seen, err)
		}
		if want := []store.State{store.Started, store.StateApplied}; !slices.Equal(states[name], want) {
			t.Errorf("%s: when its record was kept the journal said %v, want %v", name, states[name], want)
		}
	}
}

// TestRecordLost has no room for the record of an apply: the command fails, what
// was done is not done again, and the next apply adds the record.
func TestRecordLost(t *testing.T) {
	o := operationOn(t, map[string]string{
		"a": "resource \"terraform_data\" \"it\" {}\n",
		"b": "data \"terraform_remote_state\" \"a\" {\n  backend = \"local\"\n  config = { path = \"../a/terraform.tfstate\" }\n}\nresource \"terraform_data\" \"it\" {}\n",
	})
	keep, full := o.Record, errors.New("no space left on device")
	o.Record = func(ctx context.Context, list ...runs.Record) error {
		if list[len(list)-1].Action == runs.Apply {
			return full
		}
		return keep(ctx, list...)
	}
	run, err := o.Plan(t.Context(), o.Estate.Units, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Apply(t.Context(), run, ApplyOptions{}); !errors.Is(err, full) {
		t.Fatalf("the error is %v", err)
	}
	state, err := os.ReadFile(filepath.Join(o.Root, "a", "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(o.Root, "b", "terraform.tfstate")); err == nil {
		t.Error("it went on after a record was lost")
	}
	o.Record = keep
	list, err := o.Apply(t.Context(), run, ApplyOptions{})
	if got, want := statuses(list), "a skipped, b applied"; err != nil || got != want {
		t.Fatalf("%s, %v, want %s", got, err, want)
	}
	if again, err := os.ReadFile(filepath.Join(o.Root, "a", "terraform.tfstate")); err != nil || string(again) != string(state) {
		t.Error("it was applied twice")
	}
	f, err := runs.Read(o.Root, nil)
	if err != nil {
		t.Fatal(err)
	}
	var applied []string
	for _, r := range f.Records {
		if r.Action == runs.Apply {
			applied = append(applied, r.Stack+" "+string(r.Result))
		}
	}
	if want := []string{"a applied", "b applied"}; !slices.Equal(applied, want) {
		t.Errorf("the records say %v, want %v", applied, want)
	}
}

// TestUnkeepable starts no terraform where what became of it could not be kept.
func TestUnkeepable(t *testing.T) {
	o := operationOn(t, map[string]string{"a": "resource \"terraform_data\" \"it\" {}\n"})
	o.Settings = func(*estate.Unit) (Settings, error) {
		return Settings{Rules: guard.Rules{Branches: []string{"main"}, Override: []guard.Name{guard.Branch}}}, nil
	}
	run, err := o.Plan(t.Context(), o.Estate.Units, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.Apply(t.Context(), run, ApplyOptions{Override: map[guard.Name]string{guard.Branch: "two\nlines"}})
	if err == nil || !strings.Contains(err.Error(), "control characters") {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Lstat(filepath.Join(o.Root, "a", "terraform.tfstate")); err == nil {
		t.Fatal("it was applied")
	}
	list, err := o.Apply(t.Context(), run, ApplyOptions{})
	if err != nil || statuses(list) != "a refused" || list[0].Guard != guard.Branch {
		t.Errorf("%s, %v", statuses(list), err)
	}
	list, err = o.Apply(t.Context(), run, ApplyOptions{Override: map[guard.Name]string{guard.Branch: "one line"}})
	if err != nil || statuses(list) != "a applied" || len(list[0].Overridden) != 1 {
		t.Errorf("%s, %v", statuses(list), err)
	}
}

// TestOldManifest applies with a manifest that was read before another process
// went on with the run, and one of a plan that was cut off.
func TestOldManifest(t *testing.T) {
	o := operationOn(t, map[string]string{"a": "resource \"terraform_data\" \"it\" {}\n"})
	run, err := o.Plan(t.Context(), o.Estate.Units, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	planned := *run.Stack("a")
	cut := *run
	cut.Stacks = []*store.Stack{{Name: "a", Path: "a", Workspace: "default", Status: store.Pending}}
	if err := o.Store.Save(&cut); err != nil {
		t.Fatal(err)
	}
	list, err := o.Apply(t.Context(), run, ApplyOptions{})
	if err != nil || statuses(list) != "a skipped" || !list[0].Left || !strings.Contains(list[0].Hint, "--renew") {
		t.Fatalf("%+v, %v", list, err)
	}
	old := cut
	cut.Stacks = []*store.Stack{&planned}
	if err := o.Store.Save(&cut); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a applied", "a skipped"} {
		list, err := o.Apply(t.Context(), &old, ApplyOptions{})
		if err != nil || statuses(list) != want || list[0].Left {
			t.Errorf("%s, %v, want %s", statuses(list), err, want)
		}
	}
}

// TestOtherPlan puts plans in the place of a stack's own: of another workspace,
// of a part of the stack, and of a state in another kind of backend. Terraform
// itself would apply the first two.
func TestOtherPlan(t *testing.T) {
	u := &estate.Unit{Stack: "a", Workspace: "qa", Backend: estate.Backend{Type: "s3"}}
	whole := terraform.PlanFile{Backend: terraform.PlanBackend{Type: "s3", Workspace: "qa"}}
	for _, c := range []struct {
		name   string
		change func(*terraform.PlanFile)
		want   guard.Name
	}{
		{"its own", func(*terraform.PlanFile) {}, ""},
		{"another workspace", func(p *terraform.PlanFile) { p.Backend.Workspace = "prod" }, guard.Workspace},
		{"the default workspace", func(p *terraform.PlanFile) { p.Backend.Workspace = "" }, guard.Workspace},
		{"another backend", func(p *terraform.PlanFile) { p.Backend.Type = "local" }, guard.Backend},
		{"a part", func(p *terraform.PlanFile) { p.Targets = []string{"x.y"} }, guard.Incomplete},
		{"with -replace", func(p *terraform.PlanFile) { p.Replaces = []string{"x.y"} }, guard.Incomplete},
	} {
		p := whole
		c.change(&p)
		var got guard.Name
		for _, r := range meant(u, &p) {
			got = r.Guard
			if r.Reason == "" || r.Hint == "" {
				t.Errorf("%s: %+v says too little", c.name, r)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestJudge passes what the user asks for and the configuration allows, and
// nothing that may never be passed, whatever the configuration says.
func TestJudge(t *testing.T) {
	for _, name := range guard.Names() {
		a := &applying{opts: ApplyOptions{Override: map[guard.Name]string{name: "x"}}}
		all := []guard.Refusal{{Guard: name, Reason: "r"}}
		if left, passed := a.judge(all, guard.Rules{}); len(left) != 1 || len(passed) != 0 {
			t.Errorf("%s is passed where the configuration does not say so", name)
		}
		left, passed := a.judge(all, guard.Rules{Override: guard.Names()})
		if ok := len(left) == 0 && len(passed) == 1; ok != name.Overridable() {
			t.Errorf("%s: passed %v", name, ok)
		}
		if _, passed := (&applying{}).judge(all, guard.Rules{Override: guard.Names()}); len(passed) != 0 {
			t.Errorf("%s is passed though nobody asked", name)
		}
	}
}
