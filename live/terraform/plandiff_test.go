package terraform

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestDiffPlans(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                []string
	}{
		{"order of modules",
			`{"planned_values":{"root_module":{"child_modules":[{"address":"module.a","resources":[{"address":"module.a.x","values":{"v":1}}]},{"address":"module.b"}]}}}`,
			`{"planned_values":{"root_module":{"child_modules":[{"address":"module.b"},{"address":"module.a","resources":[{"address":"module.a.x","values":{"v":1}}]}]}}}`, nil},
		{"a module more",
			`{"planned_values":{"root_module":{"child_modules":[{"address":"module.a"}]}}}`,
			`{"planned_values":{"root_module":{"child_modules":[{"address":"module.b"},{"address":"module.a"}]}}}`,
			[]string{"planned_values.root_module.child_modules[module.b]: only after"}},
		{"sources and the plan's time",
			`{"timestamp":"2020-01-01T00:00:00Z","variables":{"t":{"value":["at 2020-01-01T00:00:00Z"]}},"configuration":{"root_module":{"module_calls":{"x":{"source":"../x","module":{"module_calls":{"y":{"source":"../y"}}}}}}}}`,
			`{"timestamp":"2021-01-01T00:00:00Z","variables":{"t":{"value":["at 2021-01-01T00:00:00Z"]}},"configuration":{"root_module":{"module_calls":{"x":{"source":"git::z","module":{"module_calls":{"y":{"source":"git::y"}}}}}}}}`, nil},
		{"another time",
			`{"timestamp":"2020-01-01T00:00:00Z","variables":{"t":{"value":"2019-01-01T00:00:00Z"}}}`,
			`{"timestamp":"2021-01-01T00:00:00Z","variables":{"t":{"value":"2018-01-01T00:00:00Z"}}}`,
			[]string{"variables.t.value: differs"}},
		{"other fields count",
			`{"applyable":true,"terraform_version":"1.1.0","unknown_to_us":[1]}`,
			`{"applyable":false,"terraform_version":"1.1.1","unknown_to_us":[1,2]}`,
			[]string{"applyable: differs", "terraform_version: differs", "unknown_to_us: 1 elements before, 2 after"}},
		{"deposed objects",
			`{"resource_changes":[{"address":"a","change":{"after":1}},{"address":"a","deposed":"x","change":{"after":2}}]}`,
			`{"resource_changes":[{"address":"a","deposed":"x","change":{"after":3}},{"address":"a","change":{"after":1}}]}`,
			[]string{"resource_changes[a (deposed x)].change.after: 2 before, 3 after"}},
		{"a list becomes an object",
			`{"prior_state":[]}`, `{"prior_state":{}}`, []string{"prior_state: differs in kind"}},
		{"large numbers", `{"output_changes":{"a":{"after":12345678901234567890}}}`, `{"output_changes":{"a":{"after":12345678901234567891}}}`,
			[]string{"output_changes.a.after: 12345678901234567890 before, 12345678901234567891 after"}},
		{"order of checks", `{"checks":[{"a":1},{"a":2}]}`, `{"checks":[{"a":2},{"a":1}]}`, nil},
		{"order of a value", `{"output_changes":{"a":{"after":["x","y"]}}}`, `{"output_changes":{"a":{"after":["y","x"]}}}`,
			[]string{`output_changes.a.after[0]: "x" before, "y" after`, `output_changes.a.after[1]: "y" before, "x" after`}},
		{"a credential in a value", `{"output_changes":{"a":{"after":"https://u:p@h"}}}`, `{"output_changes":{"a":{"after":"https://u:q@h/x"}}}`,
			[]string{`output_changes.a.after: "https://REDACTED@h" before, "https://REDACTED@h/x" after`}},
		{"a long value", `{"output_changes":{"a":{"after":"` + strings.Repeat("x", 90) + `"}}}`, `{"output_changes":{"a":{"after":""}}}`, []string{"output_changes.a.after: differs"}},
	} {
		got, err := diffPlans(json.RawMessage(c.before), json.RawMessage(c.after))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q %v\nwant %q", c.name, got, err, c.want)
		}
	}
}

// A sensitive value, wherever a plan holds it, is compared and never shown;
// nor are the keys of a sensitive object.
func TestSecrets(t *testing.T) {
	const form = `{
 "variables": {"v": {"value": {"SECRET": 1}}},
 "configuration": {"root_module": {"variables": {"v": {"sensitive": true}}}},
 "resource_changes": [{"address": "a", "change": {
   "before": {"p": {"SECRET": 1}, "l": [1, "SECRET"]}, "before_sensitive": {"p": true, "l": [false, true]},
   "after": "SECRET", "after_sensitive": true}}],
 "resource_drift": [{"address": "a", "change": {"after": {"p": "SECRET"}, "after_sensitive": {"p": true}}}],
 "output_changes": {"o": {"after": "SECRET", "after_sensitive": true, "before": null, "before_sensitive": true}},
 "planned_values": {"outputs": {"o": {"sensitive": true, "value": {"SECRET": 1}}},
   "root_module": {"resources": [{"address": "a", "values": {"p": {"SECRET": 1}}, "sensitive_values": {"p": true}}]}},
 "prior_state": {"values": {"root_module": {"child_modules": [{"address": "m", "resources": [{"address": "m.a", "values": {"p": {"SECRET": 1}}, "sensitive_values": {"p": true}}]}]}}}
}`
	other := strings.ReplaceAll(form, "SECRET", "OTHER")
	got, err := diffPlans(json.RawMessage(form), json.RawMessage(other))
	want := []string{
		"resource_changes.a.change.after: differs",
		"resource_changes.a.change.before.l[1]: differs",
		"resource_changes.a.change.before.p: differs",
		"output_changes.o.after: differs",
		"resource_drift.a.change.after.p: differs",
		"planned_values.outputs.o.value: differs",
		"planned_values.root_module.resources.a.values.p: differs",
		"prior_state.values.root_module.child_modules.m.resources[m.a].values.p: differs",
		"variables.v.value: differs",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q %v\nwant %q", got, err, want)
	}
	if got, err := diffPlans(json.RawMessage(form), json.RawMessage(form)); err != nil || got != nil {
		t.Errorf("the same: %q %v", got, err)
	}
}

func TestCompareConfig(t *testing.T) {
	const bytesDiffer, beside, another = "has other bytes", "has other bytes beside its sources", "has another source where none was to be changed"
	for _, c := range []struct{ name, before, after, want string }{
		{"a.tf", `module "x" { source = "../x" }`, `module "x" { source = "git::y" }`, ""},
		{"a.tofu", "\ufeffmodule \"x\" {\r\n  source = (\"../x\") # c\r\n}", "\ufeffmodule \"x\" {\r\n  source = (\"git::y?ref=1\") # c\r\n}", ""},
		{"a.tf", `module "x" { source = "../x" } # a`, `module "x" { source = "git::y" } # b`, beside},
		{"a.tf", `module "x" { source = "../x" }`, `module "y" { source = "git::y" }`, bytesDiffer},
		{"a.tf", `module "x" { source = "git::x" }`, `module "x" { source = "git::y" }`, another},
		{"a.tf", `resource "x" "y" { source = "../x" }`, `resource "x" "y" { source = "git::y" }`, bytesDiffer},
		{"a.tf", `# source = "../x"`, `# source = "git::y"`, bytesDiffer},
		{"a.tf", `module "x" { source = "../x" `, `module "x" { source = "git::y" `, bytesDiffer},
		{"a.tf", `module "x" { source = "../${var.x}" }`, `module "x" { source = "../${var.y}" }`, bytesDiffer},
		{"a.txt", `module "x" { source = "../x" }`, `module "x" { source = "git::y" }`, bytesDiffer},
		{"d/terragrunt.hcl", `terraform { source = local.x ? "../m//x" : "git::y" }`, `terraform { source = local.x ? "git::m//x?ref=1" : "git::y" }`, ""},
		{"terragrunt.hcl", `inputs = { source = "../m" }`, `inputs = { source = "git::m" }`, bytesDiffer},
		{"a.tf.json", `{"module":{"x":[{"source":"../x"}]},"output":{"o":{"value":"../x"}}}`, `{"module":{"x":[{"source":"git::y"}]},"output":{"o":{"value":"../x"}}}`, ""},
		{"a.tf.json", `{"module":{"x":{"source":"../x"}},"output":{"o":{"value":"../x"}}}`, `{"module":{"x":{"source":"git::y"}},"output":{"o":{"value":"../y"}}}`, beside},
		{"a.tf.json", `{"module":`, `{"module": `, bytesDiffer},
		{"a.tf.json", `{"module":[{"x":{"source":{"a":"../x"}}}]}`, `{"module":[{"x":{"source":{"a":"../y"}}}]}`, another},
	} {
		if got := compareConfig(c.name, []byte(c.before), []byte(c.after)); got != c.want {
			t.Errorf("%s %s\n got %q\nwant %q", c.name, c.before, got, c.want)
		}
	}
}
