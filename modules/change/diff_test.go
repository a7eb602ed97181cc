package change

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/hclparse"
)

// loaded makes a Version of files: "main.tf" alone where there is no "== ".
func loaded(t testing.TB, text string) *Version {
	t.Helper()
	fsys := fstest.MapFS{}
	if !strings.HasPrefix(text, "== ") {
		text = "== main.tf\n" + text
	}
	for _, part := range strings.Split(text, "== ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		fsys[name] = &fstest.MapFile{Data: []byte(body)}
	}
	v, diags := Load(fsys, ".")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return v
}

func lines(changes []Change) []string {
	out := []string{}
	for _, c := range changes {
		at := fmt.Sprintf("%d", c.Line)
		if c.Gone {
			at += "-"
		}
		s := fmt.Sprintf("%s %s %s %s", c.Level, c.Kind, c.Subject, at)
		if c.Module != "." && c.Module != c.Subject {
			s = c.Module + ": " + s
		}
		out = append(out, s)
	}
	return out
}

// body is a variable block.
func body(name, inner string) string { return "variable \"" + name + "\" {\n" + inner + "\n}\n" }

// Each kind at each of its levels, and what looks like one and is none.
var cases = []struct {
	name, old, new string
	want           []string
}{
	{"comments and format", "# a\nvariable \"x\" {\n  type=string\n}\n", "\nvariable \"x\" {\n  type = string # b\n}\n", nil},
	{"trailing comma and line breaks", "locals {\n  a = [1, 2]\n}\n", "locals {\n  a = [\n    1,\n    2,\n  ]\n}\n", nil},
	{"order of files and blocks", body("x", "") + body("y", ""), "== a.tf\n" + body("y", "") + "== b.tf\n" + body("x", ""), nil},

	{"required variable", "", body("x", "type = string"), []string{"major variable-added variable.x 1"}},
	{"optional variable", "", body("x", "default = 1"), []string{"minor variable-added variable.x 1"}},
	{"null is a default", "", body("x", "default = null"), []string{"minor variable-added variable.x 1"}},
	{"variable removed", body("x", ""), "locals {}", []string{"major variable-removed variable.x 1-"}},
	{"variable renamed by its uses", body("a", "") + "output \"o\" {\n value = var.a\n}", body("b", "") + "output \"o\" {\n value = var.b\n}",
		[]string{"major variable-renamed variable.a 1", "patch output-value output.o 5"}},
	{"variable renamed by its description", body("a", `description = "The CIDR of it"`), body("b", `description = "The CIDR of it"`), []string{"major variable-renamed variable.a 1"}},
	{"two with one description are not certain", body("a", `description = "The CIDR of it"`) + body("c", `description = "The CIDR of it"`), body("b", `description = "The CIDR of it"`) + body("c", `description = "The CIDR of it"`),
		[]string{"major variable-removed variable.a 1-", "major variable-added variable.b 1"}},
	{"renamed to another type is not", body("a", "type = string\ndescription = \"The CIDR of it\""), body("b", "type = number\ndescription = \"The CIDR of it\""),
		[]string{"major variable-removed variable.a 1-", "major variable-added variable.b 1"}},

	{"string to number", body("x", "type = string"), body("x", "type = number"), []string{"major variable-type variable.x 2"}},
	{"number to string", body("x", "type = number"), body("x", "type = string"), []string{"minor variable-type variable.x 2"}},
	{"bool to number", body("x", "type = bool"), body("x", "type = number"), []string{"major variable-type variable.x 2"}},
	{"to any", body("x", "type = string"), body("x", "type = any"), []string{"minor variable-type variable.x 2"}},
	{"from any", body("x", "type = any"), body("x", "type = string"), []string{"major variable-type variable.x 2"}},
	{"no type is any", body("x", ""), body("x", "type = any"), nil},
	{"quoted type of old", body("x", `type = "string"`), body("x", "type = string"), nil},
	{"bare list is a list of any", body("x", "type = list"), body("x", "type = list(any)"), nil},
	{"list to set takes the same", body("x", "type = list(string)"), body("x", "type = set(string)"), []string{"minor variable-type variable.x 2"}},
	{"list of another type", body("x", "type = list(string)"), body("x", "type = list(number)"), []string{"major variable-type variable.x 2"}},
	{"string to list", body("x", "type = string"), body("x", "type = list(string)"), []string{"major variable-type variable.x 2"}},
	{"tuple to list", body("x", "type = tuple([string, number])"), body("x", "type = list(string)"), []string{"minor variable-type variable.x 2"}},
	{"list to tuple", body("x", "type = list(string)"), body("x", "type = tuple([string])"), []string{"major variable-type variable.x 2"}},
	{"map to object", body("x", "type = map(string)"), body("x", "type = object({ a = optional(string) })"), []string{"major variable-type variable.x 2"}},
	{"object to map", body("x", "type = object({ a = string })"), body("x", "type = map(string)"), []string{"minor variable-type variable.x 2"}},
	{"new optional attribute", body("x", "type = object({ a = string })"), body("x", "type = object({ a = string, b = optional(number, 3) })"), []string{"minor variable-type variable.x 2"}},
	{"new required attribute", body("x", "type = object({ a = string })"), body("x", "type = object({ a = string, b = number })"), []string{"major variable-type variable.x 2"}},
	{"attribute gone", body("x", "type = object({ a = string, b = string })"), body("x", "type = object({ a = string })"), []string{"major variable-type variable.x 2"}},
	{"attribute optional", body("x", "type = object({ a = string })"), body("x", "type = object({ a = optional(string) })"), []string{"minor variable-type variable.x 2"}},
	{"attribute required", body("x", "type = object({ a = optional(string) })"), body("x", "type = object({ a = string })"), []string{"major variable-type variable.x 2"}},
	{"attribute wider, deep", body("x", "type = map(list(object({ a = number })))"), body("x", "type = map(list(object({ a = string })))"), []string{"minor variable-type variable.x 2"}},
	{"attribute's default", body("x", "type = object({ a = optional(number, 1) })"), body("x", "type = object({ a = optional(number, 2) })"), []string{"minor variable-type-default variable.x 2"}},
	{"attribute's default, deep", body("x", "type = list(object({ a = optional(number, 1) }))"), body("x", "type = list(object({ a = optional(number) }))"), []string{"minor variable-type-default variable.x 2"}},
	{"order of attributes", body("x", "type = object({ a = string, b = number })"), body("x", "type = object({ b = number, a = string })"), nil},

	{"default gone", body("x", "default = 1"), body("x", ""), []string{"major variable-required variable.x 1"}},
	{"default new", body("x", ""), body("x", "default = 1"), []string{"minor variable-optional variable.x 2"}},
	{"default changed", body("x", "default = 1"), body("x", "default = 2"), []string{"minor variable-default variable.x 2"}},
	{"default spelled otherwise", body("x", "type = number\ndefault = 1"), body("x", "type = number\ndefault = \"1\""), nil},
	{"default of keys in another order", body("x", "default = { a = 1, b = 2 }"), body("x", "default = { b = 2, a = 1 }"), nil},
	{"default to null", body("x", "default = 1"), body("x", "default = null"), []string{"minor variable-default variable.x 2"}},

	{"nullable to false", body("x", "default = 1"), body("x", "default = 1\nnullable = false"), []string{"minor variable-nullable variable.x 3"}},
	{"nullable to false without a default", body("x", ""), body("x", "nullable = false"), []string{"major variable-nullable variable.x 2"}},
	{"nullable to true", body("x", "nullable = false"), body("x", ""), []string{"minor variable-nullable variable.x 1"}},
	{"nullable true is the default", body("x", ""), body("x", "nullable = true"), nil},
	{"sensitive", body("x", ""), body("x", "sensitive = true"), []string{"major variable-sensitive variable.x 1"}},
	{"no longer sensitive", body("x", "sensitive = true"), body("x", ""), []string{"minor variable-sensitive variable.x 1"}},
	{"sensitive false is the default", body("x", ""), body("x", "sensitive = false"), nil},
	{"ephemeral", body("x", ""), body("x", "ephemeral = true"), []string{"minor variable-ephemeral variable.x 1"}},
	{"no longer ephemeral", body("x", "ephemeral = true"), body("x", ""), []string{"major variable-ephemeral variable.x 1"}},
	{"const", body("x", "default = 1"), body("x", "default = 1\nconst = true"), []string{"major variable-const variable.x 1"}},
	{"no longer const", body("x", "default = 1\nconst = true"), body("x", "default = 1"), []string{"minor variable-const variable.x 1"}},
	{"variable deprecated", body("x", ""), body("x", `deprecated = "use y"`), []string{"minor variable-deprecated variable.x 1"}},
	{"description", body("x", `description = "a"`), body("x", `description = "b"`), []string{"patch description variable.x 1"}},

	{"validation added", body("x", ""), body("x", "validation {\n condition = var.x > 1\n error_message = \"m\"\n}"), []string{"major validation-added variable.x 2"}},
	{"validation of a new variable", "", body("x", "default = 2\nvalidation {\n condition = var.x > 1\n error_message = \"m\"\n}"), []string{"minor variable-added variable.x 1"}},
	{"validation removed", body("x", "validation {\n condition = var.x > 1\n error_message = \"m\"\n}"), body("x", ""), []string{"minor validation-removed variable.x 2-"}},
	{"validation changed", body("x", "validation {\n condition = var.x > 1\n error_message = \"m\"\n}"), body("x", "validation {\n condition = var.x > 2\n error_message = \"m\"\n}"), []string{"major validation-changed variable.x 2"}},
	{"validation takes more", body("x", "validation {\n condition = contains([\"a\"], var.x)\n error_message = \"m\"\n}"), body("x", "validation {\n condition = contains([\"b\", \"a\"], var.x)\n error_message = \"m\"\n}"), []string{"minor validation-changed variable.x 2"}},
	{"validation takes less", body("x", "validation {\n condition = contains([\"a\", \"b\"], var.x)\n error_message = \"m\"\n}"), body("x", "validation {\n condition = contains([\"a\"], var.x)\n error_message = \"m\"\n}"), []string{"major validation-changed variable.x 2"}},
	{"validation's message", body("x", "validation {\n condition = var.x > 1\n error_message = \"m\"\n}"), body("x", "validation {\n condition = var.x > 1\n error_message = \"n\"\n}"), []string{"patch validation-changed variable.x 2"}},

	{"output removed", "output \"o\" {\n value = 1\n}", "locals {}", []string{"major output-removed output.o 1-"}},
	{"output added", "", "output \"o\" {\n value = 1\n}", []string{"minor output-added output.o 1"}},
	{"output renamed", "output \"o\" {\n value = local.x\n}", "output \"p\" {\n value = local.x\n}", []string{"major output-renamed output.o 1"}},
	{"output renamed by its description", "output \"o\" {\n value = 1\n description = \"The id of it\"\n}", "output \"p\" {\n value = 2\n description = \"The id of it\"\n}", []string{"major output-renamed output.o 1", "patch output-value output.p 2"}},
	{"output's value", "output \"o\" {\n value = a_b.x.id\n}", "output \"o\" {\n value = a_b.x.arn\n}", []string{"patch output-value output.o 2"}},
	{"output's format", "output \"o\" {\n value = [ a_b.x.id ]\n}", "output \"o\" {\n value = [a_b.x.id]\n}", nil},
	{"output a map, was a list", "output \"o\" {\n value = a_b.x[*].id\n}", "output \"o\" {\n value = { for k, v in a_b.x : k => v.id }\n}", []string{"major output-shape output.o 2"}},
	{"output sensitive", "output \"o\" {\n value = 1\n}", "output \"o\" {\n value = 1\n sensitive = true\n}", []string{"major output-sensitive output.o 1"}},
	{"output no longer sensitive", "output \"o\" {\n value = 1\n sensitive = true\n}", "output \"o\" {\n value = 1\n}", []string{"minor output-sensitive output.o 1"}},
	{"output ephemeral", "output \"o\" {\n value = 1\n}", "output \"o\" {\n value = 1\n ephemeral = true\n}", []string{"major output-ephemeral output.o 1"}},
	{"output no longer ephemeral", "output \"o\" {\n value = 1\n ephemeral = true\n}", "output \"o\" {\n value = 1\n}", []string{"minor output-ephemeral output.o 1"}},
	{"output deprecated", "output \"o\" {\n value = 1\n}", "output \"o\" {\n value = 1\n deprecated = \"m\"\n}", []string{"minor output-deprecated output.o 1"}},
	{"output's description", "output \"o\" {\n value = 1\n}", "output \"o\" {\n value = 1\n description = \"d\"\n}", []string{"patch description output.o 1"}},

	{"required_version narrower", "terraform {\n required_version = \">= 1.3\"\n}", "terraform {\n required_version = \">= 1.5.7\"\n}", []string{"major required-version terraform 2"}},
	{"required_version wider", "terraform {\n required_version = \"~> 1.3\"\n}", "terraform {\n required_version = \">= 1.3\"\n}", []string{"minor required-version terraform 2"}},
	{"required_version the same", "terraform {\n required_version = \">= 1.3\"\n}", "terraform {\n required_version = \">=1.3.0\"\n}", nil},
	{"required_version the same by meaning", "terraform {\n required_version = \"~> 1.3\"\n}", "terraform {\n required_version = \">= 1.3, < 2.0\"\n}", nil},
	{"required_version new", "", "terraform {\n required_version = \">= 1.3\"\n}", []string{"major required-version terraform 2"}},
	{"required_version gone", "terraform {\n required_version = \">= 1.3\"\n}", "locals {}", []string{"minor required-version terraform 2-"}},

	{"provider added", "", "terraform {\n required_providers {\n  aws = { source = \"hashicorp/aws\" }\n }\n}", []string{"major provider-added provider.aws 3"}},
	{"provider removed", "terraform {\n required_providers {\n  aws = { source = \"hashicorp/aws\" }\n }\n}", "locals {}", []string{"patch provider-removed provider.aws 3-"}},
	{"provider that a resource needed already", "resource \"aws_x\" \"y\" {\n}", "resource \"aws_x\" \"y\" {\n}\nterraform {\n required_providers {\n  aws = { source = \"registry.terraform.io/hashicorp/aws\" }\n }\n}", nil},
	{"provider of a new resource", "", "resource \"aws_x\" \"y\" {\n}", []string{"major provider-added provider.aws 1", "minor resource-added aws_x.y 1"}},
	{"provider of a resource's name", "", "resource \"terraform_data\" \"y\" {\n}", []string{"minor resource-added terraform_data.y 1"}},
	{"provider from elsewhere", "terraform {\n required_providers {\n  x = { source = \"a/x\" }\n }\n}", "terraform {\n required_providers {\n  x = { source = \"b/x\" }\n }\n}", []string{"major provider-source provider.x 3"}},
	{"provider major", "terraform {\n required_providers {\n  aws = \">= 4.9\"\n }\n}", "terraform {\n required_providers {\n  aws = \">= 5.0\"\n }\n}", []string{"major provider-version provider.aws 3"}},
	{"provider minimum in one major", "terraform {\n required_providers {\n  aws = \">= 5.1\"\n }\n}", "terraform {\n required_providers {\n  aws = \">= 5.9\"\n }\n}", []string{"minor provider-version provider.aws 3"}},
	{"provider minimum of 0", "terraform {\n required_providers {\n  aws = \">= 0.1\"\n }\n}", "terraform {\n required_providers {\n  aws = \">= 0.2\"\n }\n}", []string{"major provider-version provider.aws 3"}},
	{"provider maximum", "terraform {\n required_providers {\n  aws = \">= 5.1\"\n }\n}", "terraform {\n required_providers {\n  aws = \">= 5.1, < 6\"\n }\n}", []string{"major provider-version provider.aws 3"}},
	{"provider maximum in one major", "terraform {\n required_providers {\n  aws = \"~> 5.1\"\n }\n}", "terraform {\n required_providers {\n  aws = \"~> 5.1, < 5.9\"\n }\n}", []string{"major provider-version provider.aws 3"}},
	{"provider wider", "terraform {\n required_providers {\n  aws = \"~> 5.1\"\n }\n}", "terraform {\n required_providers {\n  aws = \">= 5.1, < 7\"\n }\n}", []string{"minor provider-version provider.aws 3"}},
	{"provider's object form", "terraform {\n required_providers {\n  aws = \"~> 5.1\"\n }\n}", "terraform {\n required_providers {\n  aws = { version = \"~> 5.1\", source = \"hashicorp/aws\" }\n }\n}", nil},
	{"alias new", "terraform {\n required_providers {\n  aws = { source = \"hashicorp/aws\" }\n }\n}", "terraform {\n required_providers {\n  aws = { source = \"hashicorp/aws\", configuration_aliases = [aws.b] }\n }\n}", []string{"major provider-alias provider.aws.b 3"}},
	{"alias gone", "terraform {\n required_providers {\n  aws = { source = \"hashicorp/aws\", configuration_aliases = [aws.b] }\n }\n}", "terraform {\n required_providers {\n  aws = { source = \"hashicorp/aws\" }\n }\n}", []string{"major provider-alias provider.aws.b 3-"}},
	{"aliases in another order", "terraform {\n required_providers {\n  aws = { configuration_aliases = [aws.a, aws.b] }\n }\n}", "terraform {\n required_providers {\n  aws = { configuration_aliases = [aws.b, aws.a] }\n }\n}", nil},
	{"provider block appears", "", "provider \"aws\" {\n}", []string{"major provider-configuration provider.aws 1"}},
	{"provider block goes", "provider \"aws\" {\n}", "locals {}", []string{"major provider-configuration provider.aws 1-"}},
	{"provider block changed", "provider \"aws\" {\n}", "provider \"aws\" {\n region = \"a\"\n}", []string{"patch provider-configuration provider.aws 1"}},
	{"backend appears", "", "terraform {\n backend \"s3\" {}\n}", []string{"minor backend-added terraform 2"}},
	{"backend goes", "terraform {\n backend \"s3\" {}\n}", "locals {}", []string{"patch backend-removed terraform 2-"}},

	{"resource removed", data("x"), "locals {}", []string{"major resource-removed terraform_data.x 1-"}},
	{"resource forgotten", data("x"), "removed {\n from = terraform_data.x\n lifecycle {\n  destroy = false\n }\n}", []string{"minor resource-removed terraform_data.x 1-"}},
	{"resource destroyed by a block", data("x"), "removed {\n from = terraform_data.x\n}", []string{"major resource-removed terraform_data.x 1-"}},
	{"data source removed", "data \"terraform_remote_state\" \"x\" {\n}", "locals {}", []string{"patch resource-removed data.terraform_remote_state.x 1-"}},
	{"resource renamed", data("x"), data("y"), []string{"major resource-renamed terraform_data.x 1"}},
	{"resource renamed with a moved block", data("x"), data("y") + "moved {\n from = terraform_data.x\n to = terraform_data.y\n}", []string{"patch resource-moved terraform_data.x 3"}},
	{"moved twice", data("x"), data("z") + "moved {\n from = terraform_data.x\n to = terraform_data.y\n}\nmoved {\n from = terraform_data.y\n to = terraform_data.z\n}", []string{"patch resource-moved terraform_data.x 7"}},
	{"moved to nothing", data("x"), "moved {\n from = terraform_data.x\n to = terraform_data.y\n}", []string{"major resource-removed terraform_data.x 1-"}},
	{"moved in a circle", data("x"), "moved {\n from = terraform_data.x\n to = terraform_data.y\n}\nmoved {\n from = terraform_data.y\n to = terraform_data.x\n}", []string{"major resource-removed terraform_data.x 1-"}},
	{"resource of another type", "terraform {\n required_providers {\n  a = {}\n }\n}\nresource \"a_s3_bucket_object\" \"x\" {\n}", "terraform {\n required_providers {\n  a = {}\n }\n}\nresource \"a_s3_object\" \"x\" {\n}", []string{"major resource-type a_s3_bucket_object.x 6"}},
	{"resource in every use", "", data("x"), []string{"minor resource-added terraform_data.x 1"}},
	{"to for_each", data("x"), "resource \"terraform_data\" \"x\" {\n for_each = toset([])\n}", []string{"major resource-instances terraform_data.x 2"}},
	{"to for_each with a moved block", data("x"), "resource \"terraform_data\" \"x\" {\n for_each = toset([])\n}\nmoved {\n from = terraform_data.x\n to = terraform_data.x[\"a\"]\n}", []string{"patch resource-instances terraform_data.x 2"}},
	{"count to for_each", "resource \"terraform_data\" \"x\" {\n count = 2\n}", "resource \"terraform_data\" \"x\" {\n for_each = toset([])\n}", []string{"major resource-instances terraform_data.x 2"}},
	{"to count moves by itself", data("x"), "resource \"terraform_data\" \"x\" {\n count = 1\n}", []string{"patch resource-instances terraform_data.x 2"}},
	{"from a count of one", "resource \"terraform_data\" \"x\" {\n count = var.c ? 1 : 0\n}", data("x"), []string{"patch resource-instances terraform_data.x 1"}},
	{"from a count of many", "resource \"terraform_data\" \"x\" {\n count = var.n\n}", data("x"), []string{"major resource-instances terraform_data.x 1"}},
	{"another count", "resource \"terraform_data\" \"x\" {\n count = 1\n}", "resource \"terraform_data\" \"x\" {\n count = 2\n}", []string{"patch resource-instances terraform_data.x 2"}},
	{"another for_each", "resource \"terraform_data\" \"x\" {\n for_each = local.a\n}", "resource \"terraform_data\" \"x\" {\n for_each = local.b\n}", []string{"minor resource-instances terraform_data.x 2"}},
	{"new argument", data("x"), "resource \"terraform_data\" \"x\" {\n input = 1\n}", []string{"minor resource-new-argument terraform_data.x 2"}},
	{"new argument that is off", data("x") + body("v", "default = null"), "resource \"terraform_data\" \"x\" {\n input = var.v\n}" + "\n" + body("v", "default = null"), []string{"patch resource-new-argument terraform_data.x 2"}},
	{"new nested block", data("x"), "resource \"terraform_data\" \"x\" {\n b {\n }\n}", []string{"minor resource-new-argument terraform_data.x 2"}},
	{"new dynamic block", data("x"), "resource \"terraform_data\" \"x\" {\n dynamic \"b\" {\n  for_each = []\n  content {}\n }\n}", []string{"patch resource-new-argument terraform_data.x 2"}},
	{"argument changed", "resource \"terraform_data\" \"x\" {\n input = 1\n}", "resource \"terraform_data\" \"x\" {\n input = 2\n}", []string{"patch resource-argument terraform_data.x 2"}},
	{"argument gone", "resource \"terraform_data\" \"x\" {\n input = 1\n}", data("x"), []string{"patch resource-argument terraform_data.x 2-"}},
	{"prevent_destroy dropped", "resource \"terraform_data\" \"x\" {\n lifecycle {\n  prevent_destroy = true\n }\n}", data("x"), []string{"minor prevent-destroy terraform_data.x 1"}},
	{"prevent_destroy set", data("x"), "resource \"terraform_data\" \"x\" {\n lifecycle {\n  prevent_destroy = true\n }\n}", []string{"minor prevent-destroy terraform_data.x 3"}},
	{"prevent_destroy false", data("x"), "resource \"terraform_data\" \"x\" {\n lifecycle {\n  prevent_destroy = false\n }\n}", nil},

	{"call removed", call("c", "a/b/c", ""), "locals {}", []string{"major call-removed module.c 1-"}},
	{"call forgotten", call("c", "a/b/c", ""), "removed {\n from = module.c\n lifecycle {\n  destroy = false\n }\n}", []string{"minor call-removed module.c 1-"}},
	{"call added", "", call("c", "a/b/c", ""), []string{"minor call-added module.c 1"}},
	{"call renamed", call("c", "a/b/c", ""), call("d", "a/b/c", ""), []string{"major call-renamed module.c 1"}},
	{"call renamed with a moved block", call("c", "a/b/c", ""), call("d", "a/b/c", "") + "moved {\n from = module.c\n to = module.d\n}", []string{"patch call-moved module.c 5"}},
	{"call to count does not move by itself", call("c", "a/b/c", ""), call("c", "a/b/c", "count = 1"), []string{"major call-instances module.c 3"}},
	{"call to count with a moved block", call("c", "a/b/c", ""), call("c", "a/b/c", "count = 1") + "moved {\n from = module.c\n to = module.c[0]\n}", []string{"patch call-instances module.c 3"}},
	{"call of another module", call("c", "a/b/c", ""), call("c", "a/x/c", ""), []string{"major call-source module.c 2"}},
	{"call of the same module", call("c", "github.com/a/b", ""), call("c", "git::https://github.com/a/b.git", ""), []string{"patch call-source module.c 2"}},
	{"call of another version", call("c", "a/b/c", `version = "1.0.0"`), call("c", "a/b/c", `version = "2.0.0"`), []string{"patch call-version module.c 3"}},
	{"call of another ref", call("c", "git::https://h/x.git?ref=v1.0.0", ""), call("c", "git::https://h/x.git?ref=v2.0.0", ""), []string{"patch call-version module.c 2"}},
	{"call of what was local", call("c", "./c", ""), call("c", "git::https://h/x.git?ref=v2.0.0", ""), []string{"patch call-source module.c 2"}},
	{"call's argument", call("c", "a/b/c", "x = 1"), call("c", "a/b/c", "x = 2"), []string{"patch call-argument module.c 3"}},

	{"local", "locals {\n a = 1\n}", "locals {\n a = 2\n}", []string{"patch local local.a 2"}},
	{"moved block dropped", data("y") + "moved {\n from = terraform_data.x\n to = terraform_data.y\n}", data("y"), []string{"minor moved-dropped terraform_data.y 3-"}},
	{"check", "", "check \"c\" {\n}", []string{"patch other-block check.c 1"}},

	{"submodule added", "", "== main.tf\n== modules/s/main.tf\nlocals {}", []string{"minor submodule-added modules/s 1"}},
	{"submodule removed", "== main.tf\n== modules/s/main.tf\nlocals {}", "", []string{"major submodule-removed modules/s 1-"}},
	{"submodule renamed", "== main.tf\n== s/main.tf\n" + body("x", "") + body("y", "") + data("z"), "== main.tf\n== t/main.tf\n" + body("x", "") + data("z"),
		[]string{"major submodule-renamed t 1", "t: major variable-removed variable.y 4-"}},
	{"submodule replaced", "== main.tf\n== s/main.tf\n" + body("x", "") + body("y", ""), "== main.tf\n== t/main.tf\n" + body("x", "") + body("z", "") + data("z"),
		[]string{"major submodule-removed s 1-", "minor submodule-added t 1"}},
	{"submodule's variable", "== main.tf\n== modules/s/main.tf\n" + body("x", ""), "== main.tf\n== modules/s/main.tf\nlocals {}", []string{"modules/s: major variable-removed variable.x 1-"}},
	{"example's variable", "== main.tf\n== examples/s/main.tf\n" + body("x", ""), "== main.tf\n== examples/s/main.tf\nlocals {}", nil},
	{"moved from above", "== main.tf\n" + call("s", "./s", "") + "== s/main.tf\n" + data("x"),
		"== main.tf\n" + call("s", "./s", "") + data("x") + "moved {\n from = module.s.terraform_data.x\n to = terraform_data.x\n}\n== s/main.tf\n",
		[]string{"minor resource-added terraform_data.x 5", "s: patch resource-moved terraform_data.x 7"}},
	{"moved into a submodule", data("x"), "== main.tf\n" + call("s", "./s", "") + "moved {\n from = terraform_data.x\n to = module.s.terraform_data.x\n}\n== s/main.tf\n" + data("x"),
		[]string{"minor call-added module.s 1", "minor submodule-added s 1", "patch resource-moved terraform_data.x 5"}},
	{"provider that a submodule needed", "== main.tf\n" + call("s", "./s", "") + "== s/main.tf\nresource \"aws_x\" \"y\" {\n}",
		"== main.tf\n" + call("s", "./s", "") + "terraform {\n required_providers {\n  aws = {}\n }\n}\n== s/main.tf\nresource \"aws_x\" \"y\" {\n}",
		[]string{"patch provider-version provider.aws 7"}},
	{"template", "== main.tf\n== t.json\n{}", "== main.tf\n== t.json\n[]", []string{"patch file t.json 1"}},
	{"documentation", "== main.tf\n== README.md\na", "== main.tf\n== README.md\nb", nil},

	{"override file", "== main.tf\n" + body("x", "default = 1") + "== override.tf\n" + body("x", "default = 2"), body("x", "default = 2"), nil},
	{"in JSON", "== main.tf.json\n{\"variable\": {\"x\": {\"type\": \"list(string)\", \"default\": []}}}", "== main.tf.json\n{\"variable\": {\"x\": {\"type\": \"list(number)\"}}}",
		[]string{"major variable-required variable.x 1", "major variable-type variable.x 1"}},
	{"from JSON to HCL", "== main.tf.json\n{\"variable\": {\"x\": {\"type\": \"list(string)\", \"default\": [\"a\"]}}}", body("x", "type = list(string)\ndefault = [\"a\"]"), nil},
	{"validation and moved in JSON", "== main.tf.json\n{\"variable\": {\"x\": {}}, \"resource\": {\"terraform_data\": {\"x\": {}}}}",
		"== main.tf.json\n{\"variable\": {\"x\": {\"validation\": {\"condition\": \"${var.x > 1}\", \"error_message\": \"m\"}}}, \"resource\": {\"terraform_data\": {\"y\": {}}}, \"moved\": {\"from\": \"terraform_data.x\", \"to\": \"terraform_data.y\"}}",
		[]string{"major validation-added variable.x 1", "patch resource-moved terraform_data.x 1"}},
	{"for OpenTofu alone", "== main.tf\n== x.tofu\n" + body("x", ""), "== main.tf\n== x.tofu\n" + body("x", "default = 1"), []string{"minor variable-optional variable.x 2"}},
}

func data(name string) string { return "resource \"terraform_data\" \"" + name + "\" {\n}\n" }

func call(name, source, rest string) string {
	return "module \"" + name + "\" {\n source = \"" + source + "\"\n" + rest + "\n}\n"
}

func TestDiff(t *testing.T) {
	kinds := map[Kind]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			old, new := loaded(t, c.old), loaded(t, c.new)
			got := Versions(old, new)
			if c.want == nil {
				c.want = []string{}
			}
			if d := cmp.Diff(c.want, lines(got)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			for _, x := range got {
				kinds[x.Kind] = true
				if x.File == "" || x.Line == 0 || x.Summary == "" {
					t.Errorf("no place or summary: %+v", x)
				}
			}
			if same := Versions(new, new); len(same) > 0 {
				t.Errorf("differs from itself: %v", lines(same))
			}
		})
	}
	for _, k := range Kinds() {
		if !kinds[k] {
			t.Errorf("no case has %s", k)
		}
	}
}

// Every line of the list has kinds, and each of them is one.
func TestAVM(t *testing.T) {
	if len(AVM) != 14 {
		t.Errorf("%d entries, and the list has 14", len(AVM))
	}
	for _, e := range AVM {
		if len(e.Kinds) == 0 {
			t.Errorf("%s: nothing finds it", e.Text)
		}
		for _, k := range e.Kinds {
			if Docs[k] == "" {
				t.Errorf("%s: %s is no kind", e.Text, k)
			}
		}
	}
}

// What a module calls outside of its directory: its resources count, its
// variables are nobody else's.
func TestVersionsOutside(t *testing.T) {
	load := func(shared string) *Version {
		v, _ := Load(fstest.MapFS{
			"a/main.tf":      {Data: []byte(call("s", "../shared", ""))},
			"shared/main.tf": {Data: []byte(shared)},
			"other/main.tf":  {Data: []byte("not HCL")},
		}, "a")
		return v
	}
	got := lines(Versions(load(body("x", "default = 1")+data("x")), load(data("y"))))
	if d := cmp.Diff([]string{"../shared: major resource-renamed terraform_data.x 1"}, got); d != "" {
		t.Error(d)
	}
}

// Secrets are in no text.
func TestSecrets(t *testing.T) {
	old := body("x", "sensitive = true\ndefault = \"hunter2\"") + call("c", "git::https://user:s3cr3t@h/x.git?ref=v1", "u = \"https://user:s3cr3t@h/\"")
	new := body("x", "sensitive = true\ndefault = \"hunter3\"") + call("c", "git::https://user:s3cr3t@h/x.git?ref=v2", "u = \"https://user:s3cr3t@g/\"")
	got := Versions(loaded(t, old), loaded(t, new))
	if len(got) != 3 {
		t.Fatalf("%v", lines(got))
	}
	if all := fmt.Sprintf("%+v", got); strings.Contains(all, "s3cr3t") || strings.Contains(all, "hunter") {
		t.Error(all)
	}
}

func TestHighest(t *testing.T) {
	for _, want := range []Level{None, Patch, Minor, Major} {
		if got := Highest([]Change{{Level: want}, {Level: None}}); got != want {
			t.Errorf("%s: %s", want, got)
		}
	}
	if Highest(nil) != None {
		t.Error("no changes have a level")
	}
}

func FuzzDiff(f *testing.F) {
	for _, c := range cases {
		if !strings.HasPrefix(c.old+c.new, "== ") && !strings.Contains(c.old+c.new, "\n== ") {
			f.Add(c.old, c.new, false)
		}
	}
	f.Add(`{"variable": {"x": {"type": "string"}}}`, `{"moved": {"from": "a.b", "to": "c.d"}}`, true)
	f.Fuzz(func(t *testing.T, old, new string, json bool) {
		name := "main.tf"
		if json {
			name = "main.tf.json"
		}
		load := func(text string) *hclparse.Module {
			tree, _ := hclparse.Load(fstest.MapFS{name: {Data: []byte(text)}})
			return tree.Modules["."]
		}
		a, b := load(old), load(new)
		if same := Diff(a, load(old)); len(same) > 0 {
			t.Errorf("differs from itself: %v", lines(same))
		}
		got := Diff(a, b)
		if !slices.Equal(got, Diff(a, b)) {
			t.Error("not the same twice")
		}
		for _, c := range a.Calls {
			Breaks(a, c, a, b)
			Breaks(a, c, b, a)
		}
	})
}
