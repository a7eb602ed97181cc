package change

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/hclparse"
)

func output1(name string) string {
	return "output \"" + name + "\" {\n value = local." + name + "\n}\n"
}

// Each way in which a call breaks, and what looks like it and does not.
func TestBreaks(t *testing.T) {
	head := "module \"m\" {\n source = \"./m\"\n"
	for _, c := range []struct {
		name, old, new, caller string
		want                   []string
	}{
		{"removed argument", body("x", "default = 1"), "", head + " x = 1\n}", []string{`3 module "m" passes x, which is gone`}},
		{"renamed argument", body("x", "default = 1\ndescription = \"The one of it\""), body("y", "default = 1\ndescription = \"The one of it\""), head + " x = 1\n}", []string{`3 module "m" passes x, which is now y`}},
		{"renamed, and required", body("x", "description = \"The one of it\""), body("y", "description = \"The one of it\""), head + " x = 1\n}", []string{`3 module "m" passes x, which is now y`}},
		{"was never there", "", "", head + " x = 1\n}", nil},
		{"removed, not passed", body("x", "default = 1"), "", head + "}", nil},
		{"a meta-argument", "", "", head + " count = 1\n depends_on = []\n}", nil},
		{"new and required", "", body("x", ""), head + "}", []string{`1 module "m" does not pass x, which is required`}},
		{"new and required, passed", "", body("x", ""), head + " x = 1\n}", nil},
		{"required before", body("x", ""), body("x", ""), head + "}", nil},
		{"default gone", body("x", "default = 1"), body("x", ""), head + "}", []string{`1 module "m" does not pass x, which is required`}},
		{"no longer converts", body("x", "type = string"), body("x", "type = number"), head + " x = \"a\"\n}", []string{`3 module "m" passes a value for x that its type no longer takes: a number is required`}},
		{"still converts", body("x", "type = string"), body("x", "type = number"), head + " x = \"1\"\n}", nil},
		{"computed", body("x", "type = string"), body("x", "type = number"), head + " x = var.y\n}", nil},
		{"lacks an attribute", body("x", "type = object({ a = string })"), body("x", "type = object({ a = string, b = string })"), head + " x = { a = var.y }\n}", []string{`3 module "m" passes a value for x that its type no longer takes: attribute "b" is required`}},
		{"lacks an optional attribute", body("x", "type = object({ a = string })"), body("x", "type = object({ a = string, b = optional(string) })"), head + " x = { a = var.y }\n}", nil},
		{"attribute no longer read", body("x", "type = list(object({ a = string, b = string }))"), body("x", "type = list(object({ a = string }))"), head + " x = [{ a = var.y, b = 1 }]\n}", []string{`3 module "m" passes b in x, which is no longer read`}},
		{"an element that no longer converts", body("x", "type = list(string)"), body("x", "type = list(number)"), head + " x = [1, \"b\"]\n}", []string{`3 module "m" passes a value for x that its type no longer takes: [1]: a number is required`}},
		{"from any", body("x", ""), body("x", "type = list(string)"), head + " x = \"a\"\n}", []string{`3 module "m" passes a value for x that its type no longer takes: list of string required, but have string`}},
		{"null", body("x", ""), body("x", "nullable = false"), head + " x = null\n}", []string{`3 module "m" passes null for x, which no longer takes it`}},
		{"null for a default", body("x", "default = 1"), body("x", "default = 1\nnullable = false"), head + " x = null\n}", nil},

		{"read output", output1("o"), "", head + "}\nlocals {\n a = module.m.o\n}", []string{`5 module "m" is read for its output o, which is gone`}},
		{"read in a template", output1("o"), "", head + "}\nlocals {\n a = \"x-${module.m.o.id}\"\n}", []string{`5 module "m" is read for its output o, which is gone`}},
		{"read in a nested block", output1("o"), "", head + "}\nresource \"a\" \"b\" {\n c {\n  d = module.m.o\n }\n}", []string{`6 module "m" is read for its output o, which is gone`}},
		{"read with a key", output1("o"), "", head + " for_each = {}\n}\nlocals {\n a = module.m[\"a\"].o\n}", []string{`6 module "m" is read for its output o, which is gone`}},
		{"read with a computed key", output1("o"), "", head + " for_each = {}\n}\nlocals {\n a = module.m[each.key].o\n}", []string{`6 module "m" is read for its output o, which is gone`}},
		{"read with a splat", output1("o"), "", head + " count = 1\n}\nlocals {\n a = module.m[*].o\n}", []string{`6 module "m" is read for its output o, which is gone`}},
		{"read with the old splat", output1("o"), "", head + " count = 1\n}\nlocals {\n a = module.m.*.o\n}", []string{`6 module "m" is read for its output o, which is gone`}},
		{"read of the values", output1("o"), "", head + " for_each = {}\n}\nlocals {\n a = values(module.m)[*].o\n}", []string{`6 module "m" is read for its output o, which is gone`}},
		{"read in a for", output1("o"), "", head + " for_each = {}\n}\nlocals {\n a = { for k, v in module.m : k => v.o }\n}", []string{`6 module "m" is read for its output o, which is gone`}},
		{"renamed output", output1("o"), "output \"p\" {\n value = local.o\n}", head + "}\nlocals {\n a = module.m.o\n}", []string{`5 module "m" is read for its output o, which is now p`}},
		{"another module's output", output1("o"), "", head + "}\nmodule \"n\" {\n source = \"./n\"\n}\nlocals {\n a = module.n.o\n}", nil},
		{"an output that stays", output1("o") + output1("p"), output1("p"), head + "}\nlocals {\n a = module.m.p\n}", nil},
		{"an attribute of that name", output1("o") + output1("p"), output1("p"), head + "}\nlocals {\n a = module.m.p.o\n}", nil},
		{"sensitive output", output1("o"), "output \"o\" {\n value = local.o\n sensitive = true\n}", head + "}\noutput \"q\" {\n value = module.m.o\n}", []string{`5 module "m" has an output o that is sensitive now, and the output q is not: of a root module that is an error`}},
		{"sensitive output in a sensitive one", output1("o"), "output \"o\" {\n value = local.o\n sensitive = true\n}", head + "}\noutput \"q\" {\n value = module.m.o\n sensitive = true\n}", nil},

		{"lacks an alias", "", "terraform {\n required_providers {\n  aws = { configuration_aliases = [aws.b] }\n }\n}", head + " providers = {\n  aws = aws\n }\n}", []string{`3 module "m" does not pass the provider configuration aws.b`}},
		{"lacks providers", "", "terraform {\n required_providers {\n  aws = { configuration_aliases = [aws.b] }\n }\n}", head + "}", []string{`1 module "m" does not pass the provider configuration aws.b`}},
		{"passes the alias", "", "terraform {\n required_providers {\n  aws = { configuration_aliases = [aws.b] }\n }\n}", head + " providers = {\n  aws.b = aws\n }\n}", nil},
		{"alias gone", "terraform {\n required_providers {\n  aws = { configuration_aliases = [aws.b] }\n }\n}", "terraform {\n required_providers {\n  aws = {}\n }\n}", head + " providers = {\n  aws.b = aws\n }\n}", []string{`4 module "m" passes the provider configuration aws.b, which is no longer taken`}},
		{"provider block and count", "", "provider \"aws\" {\n}", head + " count = 1\n}", []string{`3 module "m" has count, which is an error where the module configures the provider aws itself`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, new := loaded(t, c.old), loaded(t, c.new)
			// In the call's block the arguments begin in line 3 of the file.
			caller := loaded(t, c.caller).Module()
			var call *hclparse.Call
			for _, x := range caller.Effective(false) {
				if x.Name == "m" {
					call = x
				}
			}
			var got []string
			for _, b := range Breaks(caller, call, old.Module(), new.Module()) {
				got = append(got, fmt.Sprintf("%d %s", b.Line, b.Summary))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if same := Breaks(caller, call, old.Module(), old.Module()); len(same) > 0 {
				t.Errorf("breaks with no change: %v", same)
			}
		})
	}
}

// A caller in JSON.
func TestBreaksJSON(t *testing.T) {
	caller := loaded(t, "== main.tf.json\n{\n\"module\": {\"m\": {\"source\": \"./m\",\n\"x\": 1}},\n\"output\": {\"o\": {\"value\":\n\"${module.m.o}\"}}}").Module()
	old, new := loaded(t, body("x", "default = 1")+output1("o")), loaded(t, "")
	var got []string
	for _, b := range Breaks(caller, caller.Effective(false)[0], old.Module(), new.Module()) {
		got = append(got, fmt.Sprintf("%s:%d %s", b.File, b.Line, b.Summary))
	}
	want := []string{`main.tf.json:3 module "m" passes x, which is gone`, `main.tf.json:5 module "m" is read for its output o, which is gone`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A terragrunt unit passes inputs.
func TestInputBreaks(t *testing.T) {
	unit := func(text string) *hclparse.Module {
		tree, diags := hclparse.Load(fstest.MapFS{"u/terragrunt.hcl": {Data: []byte(text)}})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		return tree.Modules["u"]
	}
	old := loaded(t, body("x", "default = 1")+body("n", "type = string\ndefault = \"\"")).Module()
	new := loaded(t, body("n", "type = number\ndefault = 1")+body("r", "")).Module()
	for _, c := range []struct {
		text string
		want []string
	}{
		{"inputs = {\n x = 1\n}", []string{"1 the unit does not pass r, which is required", "2 the unit passes x, which is gone"}},
		{"inputs = {\n r = 1\n n = \"a\"\n}", []string{"3 the unit passes a value for n that its type no longer takes: a number is required"}},
		{"include \"root\" {\n path = \"x\"\n}\ninputs = {\n n = 1\n}", nil},
		{"include {\n path = \"x\"\n}\n", nil},
		{"inputs = merge(local.a, {})", nil},
	} {
		var got []string
		for _, b := range InputBreaks(unit(c.text), old, new) {
			got = append(got, fmt.Sprintf("%d %s", b.Line, b.Summary))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", c.text, d)
		}
	}
}
