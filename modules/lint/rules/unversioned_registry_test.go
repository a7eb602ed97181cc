package rules

import "testing"

func TestUnversionedRegistry(t *testing.T) {
	version := func(v string) string {
		return "module \"m\" {\n  source  = \"a/b/c\"\n  version = " + v + "\n}\n"
	}
	rows := everywhere("h.example/a/b/c//x", `"h.example/a/b/c//x"`, "has no version")
	// Terragrunt takes no registry address without tfr://, and this is none
	// that go-getter knows: it is here for its reading alone.
	table(t, unversionedRegistry, append(rows,
		row{name: "an empty version", files: version(`""`), want: []string{`main.tf:2:13-2:20 has no version`}},
		row{name: "a blank version", files: version(`"  "`), want: []string{`main.tf:2:13-2:20 has no version`}},
		row{name: "one version", files: version(`"1.2.3"`)},
		row{name: "a range", files: version(`"~> 1"`)},
		row{name: "a computed version", files: version("var.v")},
		row{name: "a computed version in JSON", files: "-- main.tf.json --\n{\"module\": {\"m\": {\"source\": \"a/b/c\", \"version\": \"${var.v}\"}}}\n"},
		row{
			name:  "a version that an override file adds",
			files: call("a/b/c") + "-- override.tf --\nmodule \"m\" {\n  version = \"1.2.3\"\n}\n",
		},
		row{
			name:  "an override file of another module",
			files: call("a/b/c") + "module \"n\" {\n  source = \"./n\"\n}\n-- override.tf --\nmodule \"n\" {\n  version = \"1.2.3\"\n}\n",
			want:  []string{`main.tf:2:12-2:19 has no version`},
		},
		row{
			name:  "terragrunt without a version",
			files: "-- terragrunt.hcl --\nterraform {\n  source = \"tfr:///a/b/c\"\n}\n",
			want:  []string{`terragrunt.hcl:2:12-2:26 The terragrunt source has no version`},
		},
		row{name: "terragrunt with a constraint", files: "-- terragrunt.hcl --\nterraform {\n  source  = \"tfr:///a/b/c\"\n  version = \"~> 1.2\"\n}\n"},
		row{name: "terragrunt with a computed one", files: "-- terragrunt.hcl --\nterraform {\n  source  = \"tfr:///a/b/c\"\n  version = local.v\n}\n"},
		row{name: "terragrunt with one", files: "-- terragrunt.hcl --\nterraform {\n  source = \"tfr://h.example/a/b/c//x?version=1.2.3\"\n}\n"},
		row{name: "git, and an archive", files: call("github.com/a/b") + "-- a/m.tf --\n" + call("https://h.example/vpc-module.zip")},
	))
}
