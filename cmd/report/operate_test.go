package report

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/terrier-iac/terrier/live"
	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/store"
)

var updateOperate = flag.Bool("update-operate", false, "write the golden reports of plan, approve, apply and status anew")

const (
	operateRun    = "20260105T090000Z-1a2b3c"
	operateCommit = "14b2dada5e270a1b2c3d4e5f60718293a4b5c6d7"
	long          = "live/eu-central-1/a-name-that-goes-on-and-on/until-it-does-not-fit-into-eighty-columns"
	hostileName   = "live/\x1b[31mred\u202eevil"
)

// operateStacks is a run with each thing that can become of a stack.
func operateStacks() *store.Run {
	stack := func(name, environment string, status store.Status, n store.Summary) *store.Stack {
		return &store.Stack{Name: name, Path: strings.Split(name, "@")[0], Environment: environment, Account: environment, Status: status, Summary: n, Upstream: []string{}}
	}
	with := func(st *store.Stack, change func(*store.Stack)) *store.Stack { change(st); return st }
	return &store.Run{ID: operateRun, Commit: operateCommit, Stacks: []*store.Stack{
		with(stack("live/app@prod", "prod", store.Deferred, store.Summary{}), func(s *store.Stack) {
			s.Error, s.Upstream = "live/app@qa has changes that are not applied", []string{"live/app@qa", "live/net"}
		}),
		with(stack("live/app@qa", "qa", store.Changes, store.Summary{Add: 1, Change: 2, Replace: 1, Destroy: 12, Forget: 1, Moved: 3, Import: 1, Drift: 1, Outputs: 1}), func(s *store.Stack) {
			s.Fingerprint, s.Digest = "f1:abc", "abc"
			s.Refusals = []store.Refusal{
				{Guard: "max_destroy", Reason: "14 objects would be destroyed or forgotten, and no more than 3 may be: a replace destroys too", Hint: "terrier apply --override max_destroy --reason TEXT"},
				{Guard: "protect", Reason: `aws_db_instance.main would be replaced, and "aws_db_instance" is protected`, Hint: "take it out of the change"},
			}
		}),
		with(stack("live/broken", "", store.Failed, store.Summary{}), func(s *store.Stack) {
			s.Error = "terraform plan failed: Error: Reference to undeclared input variable, on main.tf line 3, in resource \"terraform_data\" \"a\"\nhint: terrier runs show " + operateRun
		}),
		stack("live/net", "", store.Unchanged, store.Summary{}),
		with(stack("live/nobody", "prod", store.Refused, store.Summary{}), func(s *store.Stack) {
			s.Refusals = []store.Refusal{{Guard: "account", Reason: "the credentials are of the account 222222222222, and account \"prod\" is 111111111111", Hint: "assume the role of prod"}}
		}),
		stack("live/pending", "", store.Pending, store.Summary{}),
		stack("live/quiet", "qa", store.Unchanged, store.Summary{}),
		with(stack("live/tg", "qa", store.Failed, store.Summary{}), func(s *store.Stack) {
			s.Error = "it is driven by terragrunt, which terrier does not run: bare terraform would plan something else\nhint: plan it with terragrunt, or leave it out"
		}),
		with(stack("live/tg2", "qa", store.Failed, store.Summary{}), func(s *store.Stack) {
			s.Error = "it is driven by terragrunt, which terrier does not run: bare terraform would plan something else\nhint: plan it with terragrunt, or leave it out"
		}),
		stack(long, "qa", store.Changes, store.Summary{Outputs: 2}),
		stack(hostileName, "qa", store.Changes, store.Summary{}),
	}}
}

func operatePlan() *Plan {
	return NewPlan(operateStacks(), func(name string) bool { return strings.HasPrefix(name, "live/tg") }, []string{"live/net/main.tf:4: what live/net comes after is not known for certain: \x1b[2J"})
}

func operateApply() *Apply {
	run := operateStacks()
	var list []live.Outcome
	for _, st := range run.Stacks {
		o := live.Outcome{Stack: st, Status: live.StatusSkipped, Reason: "there is nothing to apply"}
		switch st.Name {
		case "live/app@prod":
			o.Status, o.Guard, o.Reason, o.Hint = live.StatusDeferred, guard.Unapproved, "it is planned now (1 to add), and it needs 1 approval, and the run folder has 0", "terrier approve "+operateRun
		case "live/net":
			o.Status, o.Guard, o.Reason, o.Hint = live.StatusDeferred, guard.Unapproved, "it is planned now (1 to add), and it needs 1 approval, and the run folder has 0", "terrier approve "+operateRun
		case "live/app@qa":
			o.Status, o.Guard, o.Reason = live.StatusRefused, guard.MaxDestroy, "14 objects would be destroyed or forgotten, and no more than 3 may be"
			o.Refusals = []guard.Refusal{{Guard: guard.MaxDestroy, Reason: o.Reason, Hint: "--override max_destroy --reason TEXT"}, {Guard: guard.Freeze, Reason: "it is within the freeze \"new year\" until 2026-01-07 08:00 UTC"}}
		case "live/broken":
			o.Status, o.Reason, o.Hint = live.StatusFailed, "terraform apply failed: Error: creating S3 Bucket: BucketAlreadyExists https://user:hunter2@example.com/x", "terrier apply "+operateRun
		case "live/quiet":
			o.Status, o.Reason, o.Overridden = live.StatusApplied, "1 to add", []guard.Refusal{{Guard: guard.Order, Reason: "prod comes after qa, and live/app@qa was never applied"}}
		case long, hostileName:
			o.Status, o.Reason = live.StatusApplied, "2 outputs"
		}
		list = append(list, o)
	}
	return NewApply(run, list)
}

func operateApprove() *Approve {
	run := operateStacks()
	a := NewApprove(run, "ada@example.com")
	by := []store.Approval{{By: "ada@example.com"}, {By: "bob@example.com"}}
	a.Add(run.Stacks[1], by[:1], 1, 2, &guard.Refusal{Guard: guard.Unapproved, Reason: "it needs 2 approvals, and the run folder has 1, that of ada@example.com"})
	a.Add(run.Stacks[9], by, 2, 2, nil)
	a.Add(run.Stacks[10], by[:1], 1, 0, nil)
	return a
}

func operateStatus() *Status {
	r := NewStatus()
	at := func(hour int) time.Time { return time.Date(2026, 1, 5, hour, 0, 0, 0, time.UTC) }
	record := func(hour int, action runs.Action, result runs.Result, modules ...runs.Module) *runs.Record {
		return &runs.Record{Run: operateRun, Time: at(hour), Action: action, Result: result, Commit: operateCommit, By: "ada@example.com", Modules: modules}
	}
	git := func(ref string) runs.Module {
		return runs.Module{Source: "git::https://git.example.com/terraform/vpc.git", Ref: ref}
	}
	registry := func(ref string) runs.Module { return runs.Module{Source: "terraform-aws-modules/eks/aws", Ref: ref} }
	yes, no := true, false
	unit := func(name, environment string) *estate.Unit {
		return &estate.Unit{Stack: name, Environment: environment, Account: environment}
	}
	settled := func(rec *runs.Record) runs.Standing { return runs.Standing{Settled: rec, Last: rec} }

	applied := record(9, runs.Apply, runs.Applied, git("v1.0.0"), registry("20.8.4"))
	r.Add(StatusOf{Unit: unit("live/applied", "qa"), Stand: settled(applied), Plan: record(8, runs.Plan, runs.Changes), Apply: applied, Left: &no,
		Declared: []runs.Module{git("v1.0.0"), registry("~> 20.0")}})
	r.Add(StatusOf{Unit: unit("live/bumped", "prod"), Stand: settled(applied), Plan: record(8, runs.Plan, runs.Changes), Apply: applied, Left: &yes,
		Declared: []runs.Module{git("v1.1.0"), registry("~> 21.0"), {Source: "git::https://git.example.com/terraform/monorepo.git", Subdir: "modules/dns", Ref: "v2.0.0"}}})
	r.Add(StatusOf{Unit: unit("live/drifted", "qa"), Stand: settled(applied), Apply: applied, Left: &no,
		Drift: &runs.Record{Run: operateRun, Time: at(12), Action: runs.Drift, Result: runs.Changes, Summary: &runs.Summary{Drift: 2}}})
	r.Add(StatusOf{Unit: unit("live/drift-gone", "qa"), Stand: settled(record(13, runs.Apply, runs.Applied)), Apply: record(13, runs.Apply, runs.Applied), Left: &no,
		Drift: &runs.Record{Run: operateRun, Time: at(12), Action: runs.Drift, Result: runs.Changes, Summary: &runs.Summary{Drift: 1}}})
	failed := record(10, runs.Apply, runs.Failed)
	r.Add(StatusOf{Unit: unit("live/failed", "prod"), Stand: runs.Standing{Settled: applied, Pending: failed, Last: failed}, Apply: failed, Left: &yes})
	destroyed := record(11, runs.Destroy, runs.Applied)
	r.Add(StatusOf{Unit: unit("live/gone", ""), Stand: runs.Standing{Gone: destroyed, Last: destroyed}, Apply: destroyed})
	r.Add(StatusOf{Unit: unit("live/never", ""), Declared: []runs.Module{git("v1.0.0")}})
	planned := record(11, runs.Plan, runs.Changes)
	r.Add(StatusOf{Unit: unit("live/planned", "qa"), Stand: runs.Standing{Settled: applied, Pending: planned, Last: planned}, Plan: planned, Apply: applied, Left: &no})
	same := record(11, runs.Plan, runs.Unchanged, git("v1.0.0"), git("v1.1.0"))
	r.Add(StatusOf{Unit: unit("live/two", "qa"), Stand: settled(same), Plan: same, Apply: applied, Left: &no, Declared: []runs.Module{git("v1.0.0"), git("v1.1.0")}})
	r.Add(StatusOf{Unit: unit(hostileName, "qa"), Stand: settled(applied), Apply: &runs.Record{Time: at(9), Action: runs.Apply, Result: runs.Applied, By: "eve\x1b[2J@example.com"}})
	return r
}

func operateSelected() *Selected {
	s := NewSelected(operateCommit, nil)
	qa := &estate.Unit{Stack: "live/net", Environment: "qa", Several: true}
	prod := &estate.Unit{Stack: "live/net", Environment: "prod", Several: true}
	s.Add(qa, nil, nil, []estate.Reason{{Kind: "all", Detail: "nothing narrows the selection"}})
	s.Add(&estate.Unit{Stack: "live/tg", Environment: "qa", Terragrunt: true}, nil, nil, []estate.Reason{{Kind: "stack", Detail: "live/*"}})
	s.Add(prod, []estate.Edge{{From: qa, To: prod, Kind: "remote-state", File: "live/net/main.tf", Line: 4, Detail: "data.terraform_remote_state.qa"}},
		[]estate.Ahead{{Environment: "qa", Units: 120, File: "terrier.hcl", Line: 7, Detail: `environment "prod" comes after "qa"`}},
		[]estate.Reason{{Kind: "file", Path: "modules/vpc/main.tf", Detail: "a file of the module modules/vpc"}, {Kind: "module", Path: "live/net/main.tf", Line: 8, Detail: `module "vpc": v1.1.0 has other files than v1.0.0`}})
	return s
}

// operateReports writes each report in a format.
func operateReports() map[string]func(w *bytes.Buffer, format string, st Style) error {
	return map[string]func(w *bytes.Buffer, format string, st Style) error{
		"plan": func(w *bytes.Buffer, format string, st Style) error {
			return WritePlanned(w, operatePlan(), format, st)
		},
		"plan-dry-run": func(w *bytes.Buffer, format string, st Style) error {
			return WriteSelected(w, operateSelected(), format, true, st)
		},
		"approve": func(w *bytes.Buffer, format string, st Style) error {
			return WriteApprove(w, operateApprove(), format, st)
		},
		"apply": func(w *bytes.Buffer, format string, st Style) error { return WriteApply(w, operateApply(), format, st) },
		"status": func(w *bytes.Buffer, format string, st Style) error {
			return WriteStatus(w, operateStatus(), format, st)
		},
	}
}

// TestOperateGolden shows the reports with everything in them: for people, on 80
// columns and on 40, and as data that the schema of each is held against.
func TestOperateGolden(t *testing.T) {
	for name, write := range operateReports() {
		t.Run(name, func(t *testing.T) {
			text := func(format string, st Style) string {
				var out, again bytes.Buffer
				if err := errors.Join(write(&out, format, st), write(&again, format, st)); err != nil {
					t.Fatal(err)
				}
				if out.String() != again.String() {
					t.Errorf("%s: other bytes the second time", format)
				}
				return out.String()
			}
			plain := text("text", Style{Width: 80})
			goldenOperate(t, name+".text", plain)
			goldenOperate(t, name+".narrow", text("text", Style{Terminal: true, Width: 40, Verbose: true}))
			goldenOperate(t, name+".json", text("json", Style{Width: 80}))

			if got := escapes.ReplaceAllString(text("text", Style{Terminal: true, Color: true, Width: 80}), ""); got != plain {
				t.Errorf("in colour it says something else:\n%s", cmp.Diff(plain, got))
			}
			for _, line := range strings.Split(plain, "\n") {
				if columns(line) > 80 && !strings.Contains(line, long) {
					t.Errorf("%d columns: %s", columns(line), line)
				}
				if strings.HasSuffix(line, " ") {
					t.Errorf("a space at the end: %q", line)
				}
			}
			for _, format := range []string{"text", "json"} {
				out := text(format, Style{Width: 80, Verbose: true})
				if strings.ContainsAny(out, "\x1b\u202e") || strings.Contains(out, "hunter2") {
					t.Errorf("%s drives the terminal, or has a secret in it:\n%q", format, out)
				}
			}
		})
	}
}

func goldenOperate(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "operate", name)
	if *updateOperate {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestOperateSchema holds what other tools rely on: every field is there, also
// where there is nothing in it, and null only where it may be.
func TestOperateSchema(t *testing.T) {
	empty := map[string]func(w *bytes.Buffer) error{
		"plan": func(w *bytes.Buffer) error {
			run := &store.Run{Stacks: []*store.Stack{{Name: "a", Path: "a", Status: store.Unchanged}}}
			return WritePlanned(w, NewPlan(run, func(string) bool { return false }, nil), "json", Style{})
		},
		"plan-dry-run": func(w *bytes.Buffer) error { return WriteSelected(w, NewSelected("", nil), "json", false, Style{}) },
		"approve":      func(w *bytes.Buffer) error { return WriteApprove(w, NewApprove(&store.Run{}, ""), "json", Style{}) },
		"apply": func(w *bytes.Buffer) error {
			st := &store.Stack{Name: "a", Path: "a"}
			return WriteApply(w, NewApply(&store.Run{}, []live.Outcome{{Stack: st, Status: live.StatusSkipped}}), "json", Style{})
		},
		"status": func(w *bytes.Buffer) error {
			r := NewStatus()
			r.Add(StatusOf{Unit: &estate.Unit{Stack: "."}})
			return WriteStatus(w, r, "json", Style{})
		},
	}
	for name, write := range operateReports() {
		t.Run(name, func(t *testing.T) {
			c := jsonschema.NewCompiler()
			c.AssertFormat()
			schema, err := c.Compile(filepath.Join("testdata", "schemas", name+".schema.json"))
			if err != nil {
				t.Fatal(err)
			}
			var full, none bytes.Buffer
			if err := errors.Join(write(&full, "json", Style{}), empty[name](&none)); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{full.String(), none.String()} {
				got, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if err := schema.Validate(got); err != nil {
					t.Errorf("%v\n%s", err, text)
				}
			}
		})
	}
}
