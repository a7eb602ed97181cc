package fingerprint

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"
)

// Each kind of change, as the real terraform plans it.
func TestSummarizeRealPlans(t *testing.T) {
	const one = `resource "terraform_data" "a" { input = 1 }
`
	for name, test := range map[string]struct {
		before, after string
		args          []string
		want          Summary
	}{
		"nothing":     {one, one, nil, Summary{}},
		"add":         {"", one, nil, Summary{Add: 1}},
		"change":      {one, `resource "terraform_data" "a" { input = 2 }`, nil, Summary{Change: 1}},
		"destroy":     {one, "", nil, Summary{Destroy: 1}},
		"destroy all": {one, one, []string{"-destroy"}, Summary{Destroy: 1}},
		"replace":     {one, one, []string{"-replace=terraform_data.a"}, Summary{Replace: 1}},
		"create before destroy": {one, `resource "terraform_data" "a" {
			input            = 1
			triggers_replace = 1
			lifecycle { create_before_destroy = true }
		}`, nil, Summary{Replace: 1}},
		"replace triggered by": {one + `resource "terraform_data" "b" {
			lifecycle { replace_triggered_by = [terraform_data.a] }
		}`, `resource "terraform_data" "a" { input = 2 }
		resource "terraform_data" "b" {
			lifecycle { replace_triggered_by = [terraform_data.a] }
		}`, nil, Summary{Change: 1, Replace: 1}},
		"forget": {one, `removed {
			from = terraform_data.a
			lifecycle { destroy = false }
		}`, nil, Summary{Forget: 1}},
		"moved": {one, `moved {
			from = terraform_data.a
			to   = terraform_data.b
		}
		resource "terraform_data" "b" { input = 1 }`, nil, Summary{Moved: 1}},
		"moved and changed": {one, `moved {
			from = terraform_data.a
			to   = terraform_data.b
		}
		resource "terraform_data" "b" { input = 2 }`, nil, Summary{Moved: 1, Change: 1}},
		"import": {"", `import {
			to = terraform_data.a
			id = "x"
		}
		resource "terraform_data" "a" {}`, nil, Summary{Import: 1}},
		"import and change": {"", `import {
			to = terraform_data.a
			id = "x"
		}
		resource "terraform_data" "a" { input = 1 }`, nil, Summary{Import: 1, Change: 1}},
		"output only":           {one, one + `output "o" { value = 1 }`, nil, Summary{Outputs: 1}},
		"output gone":           {`output "o" { value = 1 }`, ``, nil, Summary{Outputs: 1}},
		"output as it was":      {`output "o" { value = 1 }`, `output "o" { value = 1 }`, nil, Summary{}},
		"refresh only, nothing": {one, `resource "terraform_data" "a" { input = 2 }`, []string{"-refresh-only"}, Summary{}},
		"refresh only, moved is no drift": {one, `moved {
			from = terraform_data.a
			to   = terraform_data.b
		}
		resource "terraform_data" "b" { input = 1 }`, []string{"-refresh-only"}, Summary{Moved: 1}},
		"check": {one, one + "check \"c\" {\n  assert {\n    condition     = terraform_data.a.output == 2\n    error_message = \"no\"\n  }\n}\n", nil, Summary{}},
		"a data source is read": {one, `resource "terraform_data" "a" { input = 2 }
		data "terraform_remote_state" "r" {
			backend = "local"
			config  = { path = "${terraform_data.a.output}.tfstate" }
		}`, nil, Summary{Change: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, "main.tf", test.before)
			if test.before != "" {
				s.apply()
			}
			s.write("main.tf", test.after)
			if d := cmp.Diff(test.want, Summarize(parsed(t, s.plan(test.args...).json))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// A replaced object whose old self could not be destroyed stays in the state,
// deposed, under the address of the new one.
func TestSummarizeDeposed(t *testing.T) {
	s := newStack(t, "main.tf", `resource "terraform_data" "a" { input = 1 }`)
	s.apply()
	s.depose()
	p := s.plan()
	if d := cmp.Diff(Summary{Destroy: 1}, Summarize(parsed(t, p.json))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	changes := array(object(s.document(p).fields["plan"])["resource_changes"])
	if len(changes) != 2 || addressOf(changes[0]) != "terraform_data.a" || addressOf(changes[1]) != "terraform_data.a (deposed 0badcafe)" {
		t.Errorf("%s", encode(changes))
	}
}

// What no terraform here can be brought to plan.
func TestSummarize(t *testing.T) {
	change := func(actions ...tfjson.Action) *tfjson.ResourceChange {
		return &tfjson.ResourceChange{Address: "a.b", Change: &tfjson.Change{Actions: actions}}
	}
	p := &tfjson.Plan{
		ResourceChanges: []*tfjson.ResourceChange{
			change("create", "forget"), change("delete", "create", "delete"), change("incinerate"), change(), change("create", "update"), nil, {Address: "a.c"},
		},
		ResourceDrift: []*tfjson.ResourceChange{
			{Change: &tfjson.Change{Actions: tfjson.Actions{"update"}, Before: map[string]any{"x": 1.0}, After: map[string]any{"x": 2.0}}},
			{Change: &tfjson.Change{Actions: tfjson.Actions{"delete"}, Before: map[string]any{"x": 1.0}}},
			{Change: &tfjson.Change{Actions: tfjson.Actions{"no-op"}, Before: map[string]any{"x": 1.0}, After: map[string]any{"x": 1.0}}},
			nil,
		},
		OutputChanges: map[string]*tfjson.Change{"a": nil, "b": {Actions: tfjson.Actions{"no-op"}}, "c": {Actions: tfjson.Actions{"explode"}}},
		DeferredChanges: []*tfjson.DeferredResourceChange{
			{ResourceChange: change("create")}, {ResourceChange: &tfjson.ResourceChange{Address: "a.a"}}, nil, {},
		},
	}
	want := Summary{Forget: 1, Unknown: 6, Drift: 2, Outputs: 2, Deferred: 4, Later: []string{"a.a", "a.b"}}
	if d := cmp.Diff(want, Summarize(p)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(Summary{}, Summarize(nil)); d != "" {
		t.Error(d)
	}
}
