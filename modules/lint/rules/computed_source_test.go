package rules

import "testing"

func TestComputedSource(t *testing.T) {
	found := func(name, expr string) row {
		files := "module \"m\" {\n  source = " + expr + "\n}\n"
		return row{name: name, files: files, want: []string{on(files, "main.tf", expr, `The source of module "m" is computed`)}}
	}
	table(t, computedSource, []row{
		found("a variable", "var.source"),
		found("a template", `"git::https://h.example/x.git?ref=${var.v}"`),
		found("a function", `format("%s", var.x)`),
		{
			name: "JSON", files: "-- main.tf.json --\n{\"module\": {\"m\": {\"source\": \"./${var.x}\"}}}\n",
			want: []string{`main.tf.json:1:29-1:41 is computed`},
		},
		{
			name: "terragrunt", files: "-- terragrunt.hcl --\nterraform {\n  source = \"git::https://h.example/x.git?ref=${get_env(\"V\")}\"\n}\n",
			want: []string{`terragrunt.hcl:2:12-2:62 The terragrunt source is computed`},
		},
		{
			name: "one branch of a conditional", files: "-- terragrunt.hcl --\nterraform {\n  source = local.x ? \"github.com/a/b?ref=v1.2.3\" : local.y\n}\n",
			want: []string{`terragrunt.hcl:2:52-2:59 is computed`},
		},
		{name: "a dollar sign that is none", files: call("git::https://h.example/$${x}.git")},
		{name: "an escape", files: call(`git::https://h.example/\u0061.git`)},
		{name: "terragrunt to the tree", files: "-- a/terragrunt.hcl --\nterraform {\n  source = \"${get_repo_root()}/modules//vpc\"\n}\n-- modules/vpc/main.tf --\n"},
		{name: "replaced by an override file", files: "module \"m\" {\n  source = var.x\n}\n-- override.tf --\n" + call("./x")},
		{name: "a version that is computed", files: "module \"m\" {\n  source  = \"a/b/c\"\n  version = var.v\n}\n"},
	})
}
