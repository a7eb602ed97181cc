package fingerprint

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rich is a stack that has something of nearly everything that terraform plans.
const richModule = `
variable "cmd" {}
variable "pw" {
  default   = "module-default-secret"
  sensitive = true
}
resource "terraform_data" "in" {
  for_each = toset(["b", "a"])
  input    = { pw = var.pw, tags = ["x", "y"], key = each.key }
  provisioner "local-exec" { command = "echo ${var.cmd}" }
}
module "deep" {
  source = "./deep"
  for_each = toset(["q", "p"])
}
output "pw" {
  value     = var.pw
  sensitive = true
}
`

const richDeep = `resource "terraform_data" "deep" { input = path.module }
output "id" { value = terraform_data.deep.id }
`

const richBefore = `
locals { x = "hello" }
variable "clear" { default = "clear-value" }
variable "secret" {
  sensitive = true
  default   = "variable-default-secret"
}
variable "list" {
  sensitive = true
  default   = ["list-secret-one", { nested-secret-key = "list-secret-two" }]
}
module "m" {
  source = "./m"
  cmd    = local.x
  pw     = "module-literal-secret"
}
resource "terraform_data" "keep" { input = var.list }
resource "terraform_data" "upd" { input = { n = 1, s = ["open", var.secret] } }
resource "terraform_data" "rep" { triggers_replace = 1 }
resource "terraform_data" "rep2" {
  triggers_replace = [1, var.secret]
  lifecycle { create_before_destroy = true }
}
resource "terraform_data" "del" { input = 1 }
resource "terraform_data" "fgt" { input = 1 }
resource "terraform_data" "old" { input = 1 }
output "o" { value = 1 }
`

const richAfter = `
locals { x = "hello" }
variable "clear" { default = "clear-value" }
variable "secret" {
  sensitive = true
  default   = "variable-default-secret"
}
variable "list" {
  sensitive = true
  default   = ["list-secret-one", { nested-secret-key = "list-secret-two" }]
}
variable "ephemeral" {
  ephemeral = true
  default   = "ephemeral-default-secret"
}
module "m" {
  source = "./m"
  cmd    = "${local.x} world"
  pw     = "module-literal-secret"
}
resource "terraform_data" "keep" { input = var.list }
resource "terraform_data" "upd" {
  input = { n = 2, s = ["open", var.secret, "more"], u = terraform_data.rep.id }
  provisioner "local-exec" { command = "echo literal" }
  provisioner "local-exec" {
    command     = "echo ${local.x}"
    environment = { T = var.secret, L = "provisioner-literal" }
  }
  lifecycle {
    precondition {
      condition     = length(var.secret) > 3
      error_message = "too short"
    }
  }
}
resource "terraform_data" "rep" { triggers_replace = 2 }
resource "terraform_data" "rep2" {
  triggers_replace = [2, var.secret]
  lifecycle { create_before_destroy = true }
}
removed {
  from = terraform_data.fgt
  lifecycle { destroy = false }
}
moved {
  from = terraform_data.old
  to   = terraform_data.new
}
resource "terraform_data" "new" {
  input      = 1
  depends_on = [terraform_data.upd, terraform_data.keep]
}
import {
  to = terraform_data.imp
  id = "imported-id"
}
resource "terraform_data" "imp" {}
data "terraform_remote_state" "r" {
  backend = "local"
  config  = { path = "${terraform_data.upd.output.n}.tfstate" }
}
check "c" {
  assert {
    condition     = var.clear != "clear-value"
    error_message = "clear is ${var.clear}"
  }
  assert {
    condition     = terraform_data.keep.id == ""
    error_message = "the id is not empty"
  }
}
output "o" { value = 2 }
output "s" {
  value     = var.list
  sensitive = true
}
output "m" {
  value     = module.m.pw
  sensitive = true
}
`

// richSecrets is every text in it that must not be read anywhere.
var richSecrets = []string{
	"module-default-secret", "variable-default-secret", "list-secret-one", "list-secret-two", "nested-secret-key",
	"ephemeral-default-secret", "module-literal-secret", "provisioner-literal", "flag-secret", "env-secret",
}

func richStack(t *testing.T) stack {
	t.Helper()
	s := newStack(t, "main.tf", richBefore, "m/main.tf", richModule, "m/deep/main.tf", richDeep)
	s.init()
	s.apply()
	s.depose()
	s.write("main.tf", richAfter)
	return s
}

// testdata/rich.json is a plan of the stack above, with an element of each kind
// that it lacks put in by hand. It is made anew with UPDATE=1.
func rich(t *testing.T) []byte {
	t.Helper()
	const name = "testdata/rich.json"
	if os.Getenv("UPDATE") != "" {
		v, err := decode(richStack(t).plan().json)
		if err != nil {
			t.Fatal(err)
		}
		plan := object(v)
		drifted, err := decode([]byte(`{"address":"terraform_data.keep","mode":"managed","type":"terraform_data","name":"keep","provider_name":"terraform.io/builtin/terraform",
			"change":{"actions":["update"],"before":{"id":"1","input":"drift-secret"},"after":{"id":"2","input":"drift-secret"},"after_unknown":{},"before_sensitive":{"input":true},"after_sensitive":{"input":true},
			"before_identity":{"arn":"x"},"after_identity":{"arn":"x"},"generated_config":"resource {}"}}`))
		if err != nil {
			t.Fatal(err)
		}
		plan["resource_drift"] = []any{drifted}
		plan["deferred_changes"] = []any{map[string]any{"reason": "provider_config_unknown", "resource_change": drifted}}
		plan["action_invocations"] = []any{map[string]any{"address": "action.x.y", "config_values": map[string]any{"a": "b"}}}
		if err := os.WriteFile(name, append(encode(plan), '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decoded(t testing.TB, data []byte) any {
	t.Helper()
	v, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// eachPlace calls f at each value of a document of JSON, with a function that
// puts another in its place, and one that takes it away.
func eachPlace(v any, path string, f func(path string, v any, set func(any), drop func())) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range keys(v, nil) {
			e := v[k]
			f(path+"/"+k, e, func(n any) { v[k] = n }, func() { delete(v, k) })
			v[k] = e
			eachPlace(e, path+"/"+k, f)
		}
	case []any:
		for i, e := range v {
			f(path+"/"+strconv.Itoa(i), e, func(n any) { v[i] = n }, nil)
			v[i] = e
			eachPlace(e, path+"/"+strconv.Itoa(i), f)
		}
	}
}

// Any change at any place gives another sum, except where the closed list says
// so; and the difference is always said, without a secret.
func TestEachLeafCounts(t *testing.T) {
	t.Parallel()
	plan := decoded(t, rich(t))
	base := made(t, encode(plan), plainContext)
	plain := canonical(object(plan), key)
	var silent []string
	places := 0
	check := func(path string) {
		places++
		form := canonical(object(plan), key)
		if reflect.DeepEqual(form, plain) { // a document of it would have the same bytes
			silent = append(silent, path)
			return
		}
		// The lines are slower to make: of some.
		if places%97 == 0 {
			d := &Document{maps.Clone(base.fields)}
			d.fields["plan"] = form
			lines := Diff(base, d)
			if len(lines) == 0 || slices.Contains(lines, "they differ in something that cannot be shown") {
				t.Errorf("%s: the difference is not said: %q", path, lines)
			}
			noSecrets(t, strings.Join(lines, "\n"))
		}
	}
	eachPlace(plan, "", func(path string, v any, set func(any), drop func()) {
		switch v := v.(type) {
		case map[string]any, []any:
			set("another")
			check(path)
		default:
			// One of them at each place, all of them over the whole.
			others := []any{"another", json.Number("7"), true, false, nil, []any{}, map[string]any{}}
			n := others[places%len(others)]
			if string(encode(n)) == string(encode(v)) {
				n = "another"
			}
			set(n)
			check(path)
		}
		if drop != nil {
			drop()
			check(path + " (gone)")
		}
	})
	want := map[string]bool{}
	for _, p := range Volatile {
		want[p] = true
	}
	found := map[string]bool{}
	for _, p := range silent {
		found[strings.TrimSuffix(p, " (gone)")] = true
	}
	for p := range found {
		if !want[p] {
			t.Errorf("%s does not count", p)
		}
	}
	for p := range want {
		if !found[p] {
			t.Errorf("%s counts, and is on the list of what does not", p)
		}
	}
	if places < 2000 {
		t.Errorf("only %d places", places)
	}
}

// What is new in a newer format counts, at each level, and is not shown.
func TestUnknownFieldsCount(t *testing.T) {
	t.Parallel()
	plan := decoded(t, rich(t))
	base := canonical(object(plan), key)
	n := 0
	add := func(m map[string]any) {
		n++
		m["new_in_2027"] = "flag-secret"
		form := canonical(object(plan), key)
		delete(m, "new_in_2027")
		if reflect.DeepEqual(form, base) {
			t.Fatalf("an unknown field does not count in %s", encode(m))
		}
	}
	var all func(v any)
	all = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			add(v)
			for _, k := range keys(v, nil) {
				all(v[k])
			}
		case []any:
			for _, e := range v {
				all(e)
			}
		}
	}
	all(plan)
	if n < 100 {
		t.Errorf("only %d objects", n)
	}
	// Where its meaning is not known it may hold a secret.
	for _, path := range [][]string{{}, {"resource_changes", "0"}, {"resource_changes", "0", "change"}, {"planned_values"}, {"prior_state", "values", "root_module"}, {"checks", "0"}, {"configuration", "root_module"}, {"deferred_changes", "0"}} {
		plan := decoded(t, rich(t))
		v := plan
		for _, k := range path {
			switch c := v.(type) {
			case map[string]any:
				v = c[k]
			case []any:
				i, _ := strconv.Atoi(k)
				v = c[i]
			}
		}
		object(v)["new_in_2027"] = "flag-secret"
		data, _ := made(t, encode(plan), plainContext).MarshalJSON()
		if !strings.Contains(string(data), "new_in_2027") {
			t.Errorf("%v: not planted", path)
		}
		noSecrets(t, string(data))
	}
}

// unordered are the lists that terraform has in no order.
var unordered = []string{"resource_changes", "resource_drift", "deferred_changes", "child_modules", "resources", "relevant_attributes", "checks", "instances", "problems", "replace_paths", "depends_on"}

func TestShuffle(t *testing.T) {
	t.Parallel()
	base := made(t, rich(t), plainContext).Sum()
	shuffled := 0
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		plan := decoded(t, rich(t))
		var walk func(key string, v any)
		walk = func(key string, v any) {
			switch v := v.(type) {
			case map[string]any:
				for _, k := range keys(v, nil) {
					walk(k, v[k])
				}
			case []any:
				if slices.Contains(unordered, key) {
					if len(v) > 1 {
						shuffled++
					}
					r.Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
				}
				for _, e := range v {
					walk("", e)
				}
			}
		}
		walk("", plan)
		if sum := made(t, encode(plan), plainContext).Sum(); sum != base {
			t.Fatalf("seed %d: the order counts", seed)
		}
	}
	if shuffled < 200 {
		t.Errorf("only %d lists", shuffled)
	}
	// Provisioners run in their order, and the elements of a value have one.
	for _, name := range []string{"provisioners", "s"} {
		plan := decoded(t, rich(t))
		swapped := false
		eachPlace(plan, "", func(path string, v any, _ func(any), _ func()) {
			if l := array(v); strings.HasSuffix(path, "/"+name) && len(l) > 1 && !swapped {
				was := string(encode(l))
				slices.Reverse(l)
				swapped = string(encode(l)) != was
			}
		})
		if !swapped || made(t, encode(plan), plainContext).Sum() == base {
			t.Errorf("the order of %s does not count (%v)", name, swapped)
		}
	}
}

func noSecrets(t *testing.T, out string) {
	t.Helper()
	for _, secret := range append(slices.Clone(richSecrets), "drift-secret") {
		if i := strings.Index(out, secret); i >= 0 {
			t.Errorf("%q is in the clear: …%s…", secret, out[max(0, i-80):min(len(out), i+60)])
		}
	}
}

// Secrets from everywhere that terraform takes them are in the plan's JSON, and
// in nothing of ours.
func TestNoSecretIsShown(t *testing.T) {
	t.Parallel()
	s := richStack(t)
	t.Run("defaults", func(t *testing.T) { s.noSecrets(t, s.plan()) })
	p := s.plan("-var", "secret=flag-secret", "-var", "ephemeral=env-secret")
	s.noSecrets(t, p)
	for _, secret := range []string{"flag-secret", "ephemeral-default-secret", "list-secret-two", "module-literal-secret"} {
		if !strings.Contains(string(p.json), secret) {
			t.Errorf("%s is not in the plan: the test tests nothing", secret)
		}
	}
	// One that has only now been declared sensitive is in the state without a mark.
	s = newStack(t, "main.tf", "variable \"v\" { default = \"list-secret-one\" }\nresource \"terraform_data\" \"a\" { input = var.v }\noutput \"o\" { value = var.v }\n")
	s.apply()
	s.write("main.tf", "variable \"v\" {\n  default = \"list-secret-one\"\n  sensitive = true\n}\nresource \"terraform_data\" \"a\" { input = [var.v, \"list-secret-two\" == var.v] }\noutput \"o\" {\n  value = var.v\n  sensitive = true\n}\n")
	s.noSecrets(t, s.plan())
	s.noSecrets(t, s.plan("-destroy"))
	s.noSecrets(t, s.plan("-refresh-only"))
}

func (s stack) noSecrets(t *testing.T, p saved) {
	t.Helper()
	d := s.document(p)
	data, err := d.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	noSecrets(t, string(data))
	empty := made(t, []byte(`{"format_version":"1.2","planned_values":{},"configuration":{}}`), plainContext)
	noSecrets(t, strings.Join(Diff(d, empty), "\n"))
	noSecrets(t, strings.Join(Diff(empty, d), "\n"))
}

// Neither the length of a secret nor its type, nor that two are equal, shows.
func TestSealedTellsNothing(t *testing.T) {
	t.Parallel()
	var sums []string
	for _, secret := range []string{`"short"`, `"a much longer one than the other"`, `["l", "i", "s", "t"]`, `1`, `null`, `{ a = 1 }`} {
		s := newStack(t, "main.tf", "resource \"terraform_data\" \"a\" { triggers_replace = sensitive("+secret+") }\noutput \"o\" {\n  value = sensitive("+secret+")\n  sensitive = true\n}\n")
		p := s.plan()
		d := s.document(p)
		data, _ := d.MarshalJSON()
		// What is left when each HMAC is the same one.
		blank := []byte(data)
		for i := 0; ; {
			j := strings.Index(string(blank[i:]), sealed)
			if j < 0 {
				break
			}
			i += j + len(sealed)
			copy(blank[i:i+64], strings.Repeat("0", 64))
		}
		sums = append(sums, string(blank))
	}
	for i, s := range sums {
		if i > 0 && i != 4 && s != sums[0] {
			t.Errorf("%d differs from 0 in more than HMACs:\n%s\n%s", i, s, sums[0])
		}
	}
	// The same secret in two places, and under two keys.
	s := &sealer{key: key}
	if s.seal([]string{"a"}, "x") == s.seal([]string{"b"}, "x") || s.seal([]string{"a", "b"}, "x") == s.seal([]string{"ab"}, "x") {
		t.Error("equal secrets look alike")
	}
}

// What looks like a sealed value and is a text is not taken for one.
func TestNoTextPassesForSealed(t *testing.T) {
	t.Parallel()
	plan := func(after, marks any) []byte {
		return encode(map[string]any{"format_version": "1.2", "planned_values": map[string]any{}, "configuration": map[string]any{},
			"resource_changes": []any{map[string]any{"address": "a.b", "change": map[string]any{"after": map[string]any{"x": after}, "after_sensitive": marks, "before_sensitive": false}}}})
	}
	secret := made(t, plan("password", map[string]any{"x": true}), plainContext)
	shown := object(object(object(array(object(secret.fields["plan"])["resource_changes"])[0])["change"])["after"])["x"]
	forged := made(t, plan(shown, false), plainContext)
	if got := object(object(object(array(object(forged.fields["plan"])["resource_changes"])[0])["change"])["after"])["x"]; got == shown {
		t.Error("a text passes for a sealed value")
	}
}

// A command that the JSON does not hold counts: through a local, a variable of a
// module, a file, a template.
func TestLocalExecCounts(t *testing.T) {
	t.Parallel()
	const module = "variable \"cmd\" {}\nresource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" { command = \"echo ${var.cmd}\" }\n}\n"
	for name, main := range map[string]string{
		"literal":         "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" { command = \"echo ONE\" }\n}\n",
		"local":           "locals { x = \"ONE\" }\nresource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" { command = \"echo ${local.x}\" }\n}\n",
		"default":         "variable \"x\" { default = \"ONE\" }\nresource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" { command = \"echo ${var.x}\" }\n}\n",
		"template":        "locals { x = 1 }\nresource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" { command = \"ONE ${local.x}\" }\n}\n",
		"module, literal": "module \"m\" {\n  source = \"./m\"\n  cmd = \"ONE\"\n}\n",
		"module, local":   "locals { x = \"ONE\" }\nmodule \"m\" {\n  source = \"./m\"\n  cmd = local.x\n}\n",
		"environment":     "locals { x = \"ONE\" }\nresource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"echo\"\n    environment = { X = local.x }\n  }\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, "main.tf", main, "m/main.tf", module)
			s.init()
			one := s.document(s.plan())
			s.write("main.tf", strings.ReplaceAll(main, "ONE", "TWO"))
			two := s.document(s.plan())
			if one.Sum() == two.Sum() || len(Diff(one, two)) == 0 {
				t.Errorf("the command does not count")
			}
			s.write("main.tf", main)
			if again := s.document(s.plan()); again.Sum() != one.Sum() {
				t.Errorf("the same command differs: %q", Diff(one, again))
			}
		})
	}
	t.Run("a variable's value", func(t *testing.T) {
		s := newStack(t, "main.tf", "variable \"x\" {}\nresource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" { command = \"echo ${var.x}\" }\n}\n")
		one, two := s.document(s.plan("-var", "x=1")), s.document(s.plan("-var", "x=2"))
		if d := Diff(one, two); one.Sum() == two.Sum() || len(d) != 1 || d[0] != "variable x differs" {
			t.Errorf("%q", d)
		}
	})
	t.Run("in the module", func(t *testing.T) {
		s := newStack(t, "main.tf", "module \"m\" {\n  source = \"./m\"\n  cmd = 1\n}\n", "m/main.tf", module)
		s.init()
		one := s.document(s.plan())
		s.write("m/main.tf", strings.Replace(module, "echo ", "rm ", 1))
		if s.document(s.plan()).Sum() == one.Sum() {
			t.Error("the module's command does not count")
		}
	})
}

// Two plans of one thing, at two times and in two directories.
func TestTimeAndPlaceDoNotCount(t *testing.T) {
	t.Parallel()
	a := newStack(t, "main.tf", strings.Replace(richBefore, "resource \"terraform_data\" \"del\"", "resource \"terraform_data\" \"other\"", 1), "m/main.tf", richModule, "m/deep/main.tf", richDeep)
	b := newStack(t, "main.tf", richBefore, "m/main.tf", richModule, "m/deep/main.tf", richDeep)
	a.init()
	a.apply()
	b.init()
	for _, s := range []stack{a, b} {
		s.write("main.tf", richAfter)
	}
	state, err := os.ReadFile(a.dir + "/terraform.tfstate")
	if err != nil {
		t.Fatal(err)
	}
	// A higher serial of the same objects is not another plan.
	b.write("terraform.tfstate", strings.Replace(string(state), `"serial": `, `"serial": 1`, 1))
	p := a.plan()
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // the stamp has seconds
	q := b.plan()
	if object(decoded(t, p.json))["timestamp"] == object(decoded(t, q.json))["timestamp"] {
		t.Fatal("the two plans are of one second")
	}
	if x, y := a.document(p), b.document(q); x.Sum() != y.Sum() {
		t.Errorf("%q", Diff(x, y))
	}
	if strings.Contains(string(p.json), a.dir) {
		t.Error("the directory is in the plan")
	}
}

// A mark at one place is one at each place where the same object is spoken of,
// also for secrets that are too short to be found by their text.
func TestMarksHoldForTheWholeObject(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, after, old, planned string }{
		"after":      {`false`, `{"x":true}`, `{}`, `{}`},
		"before":     {`{"x":true}`, `{}`, `{}`, `{}`},
		"old":        {`{}`, `{}`, `{"x":true}`, `{}`},
		"planned":    {`{}`, `{}`, `{}`, `{"x":true}`},
		"all of it":  {`{}`, `true`, `{}`, `{}`},
		"no marks":   {`{}`, `null`, `{}`, `{}`},
		"not a mark": {`{}`, `{"x":"yes"}`, `{}`, `{}`},
		"too deep":   {`{}`, `{"x":{"y":true}}`, `{}`, `{}`},
	} {
		plan := []byte(`{"format_version":"1.2","configuration":{},
			"planned_values":{"root_module":{"resources":[{"address":"a.new","values":{"x":"#1"},"sensitive_values":` + test.planned + `}]}},
			"prior_state":{"values":{"root_module":{"child_modules":[{"address":"module.m","resources":[{"address":"a.old","values":{"x":"#1"},"sensitive_values":{}}]}]}}},
			"resource_drift":[{"address":"a.old","change":{"before":{"x":"#1"},"after":{"x":"#1"},"before_sensitive":` + test.old + `,"after_sensitive":{}}}],
			"resource_changes":[{"address":"a.new","previous_address":"a.old","change":{"before":{"x":"#1"},"after":{"x":"#1"},"before_sensitive":` + test.before + `,"after_sensitive":` + test.after + `}}]}`)
		data, _ := made(t, plan, plainContext).MarshalJSON()
		if strings.Contains(string(data), "#1") {
			t.Errorf("%s: in the clear: %s", name, data)
		}
	}
	for name, marks := range map[string][4]string{
		"before": {"true", "false", "false", ""}, "after": {"false", "true", "false", ""}, "planned": {"false", "false", "true", ""},
		"configuration": {"false", "false", "false", `"sensitive":true`}, "nothing said": {"false", "false", "null", ""},
	} {
		plan := []byte(`{"format_version":"1.2","configuration":{"root_module":{"outputs":{"o":{` + marks[3] + `}}}},
			"planned_values":{"outputs":{"o":{"sensitive":` + marks[2] + `,"value":"#1","type":"#2"}}},
			"prior_state":{"values":{"outputs":{"o":{"sensitive":false,"value":"#1","type":"#2"}}}},
			"output_changes":{"o":{"actions":["update"],"before":"#1","after":"#1","before_sensitive":` + marks[0] + `,"after_sensitive":` + marks[1] + `}}}`)
		data, _ := made(t, plan, plainContext).MarshalJSON()
		if strings.Contains(string(data), "#") {
			t.Errorf("output, %s: in the clear: %s", name, data)
		}
	}
	// Nothing is sealed for its own sake.
	plan := []byte(`{"format_version":"1.2","configuration":{},"planned_values":{},"resource_changes":[{"address":"a.b","change":{"before":null,"after":{"x":"#1"},"before_sensitive":false,"after_sensitive":{}}}]}`)
	if data, _ := made(t, plan, plainContext).MarshalJSON(); !strings.Contains(string(data), "#1") {
		t.Errorf("sealed: %s", data)
	}
}
