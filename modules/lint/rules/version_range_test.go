package rules

import (
	"testing"

	"github.com/hashicorp/go-version"
)

func TestVersionRange(t *testing.T) {
	ranged := func(v, summary string) row {
		return row{name: v, files: registry(v), want: []string{on(registry(v), "main.tf", `"`+v+`"`, summary)}}
	}
	table(t, versionRange, []row{
		ranged("~> 1.2", `at "~> 1.2": any 1.x from 1.2`),
		ranged("~>1.2.3", `any 1.2.x from 1.2.3`),
		ranged("~> 1.2.3.4", `any 1.2.3.x from 1.2.3.4`),
		ranged("~> 1", `any version from 1, the next major ones too`),
		ranged("~> 2.0-beta", `any 2.x from 2.0-beta`),
		ranged(">= 1.0", "the next major ones too"),
		ranged("> 1.0.0, < 2.0.0", "any version that meets it"),
		ranged("< 2.0.0", "any version that meets it"),
		ranged("!= 1.2.3", "any version but 1.2.3"),
		ranged(">= 0", "the next major ones too"),
		ranged("1.0.0, 1.0.1", "no version meets it"),
		ranged("1, 2, 3", "no version meets it"),
		ranged("latest", `at "latest", which is no version constraint`),
		ranged("1.x", "no version constraint"),
		ranged("^1.2.3", "no version constraint"),
		{
			name:  "CRLF, JSON, an override file",
			files: "module \"m\" {\r\n  source  = \"a/b/c\"\r\n  version = \"~> 1.2\" # newest\r\n}\r\n-- a/main.tf.json --\n{\"module\": {\"m\": {\"source\": \"a/b/c\", \"version\": \"~> 1.2\"}}}\n-- b/main.tf --\n" + registry("1.2.3") + "-- b/override.tf --\nmodule \"m\" {\n  version = \"~> 1.2\"\n}\n",
			want: []string{
				`a/main.tf.json:1:49-1:57 any 1.x from 1.2`,
				`b/override.tf:2:13-2:21 any 1.x from 1.2`,
				`main.tf:3:13-3:21 any 1.x from 1.2`,
			},
		},
		{
			name:  "terragrunt's version argument",
			files: "-- terragrunt.hcl --\nterraform {\n  source  = \"tfr:///a/b/c\"\n  version = \"~> 1.2\"\n}\n",
			want:  []string{`terragrunt.hcl:3:13-3:21 The terragrunt source is at "~> 1.2": any 1.x from 1.2`},
		},
		{
			name:  "terragrunt's version argument beside what is of no registry, and one version",
			files: "-- a/terragrunt.hcl --\nterraform {\n  source  = \"git::https://h.example/x?ref=v1.0.0\"\n  version = \"~> 1.2\"\n}\n-- b/terragrunt.hcl --\nterraform {\n  source  = \"tfr:///a/b/c\"\n  version = \"1.2.3\"\n}\n",
		},
		{
			name:  "terragrunt takes one version alone",
			files: "-- terragrunt.hcl --\nterraform {\n  source = \"tfr:///a/b/c?version=~>1.2\"\n}\n",
			want:  []string{`terragrunt.hcl:2:34-2:39 terragrunt takes no range`},
		},
		{name: "1.2.3", files: registry("1.2.3")},
		{name: "= 1.2.3", files: registry("= 1.2.3")},
		{name: "two numbers are one version", files: registry("1.2")},
		{name: "v1.2.3", files: registry("v1.2.3")},
		{name: "no room between two bounds", files: registry(">= 1.0, <= 1.0")},
		{name: "one version of a range", files: registry("1.2.3, ~> 1.2")},
		{name: "a pre-release", files: registry("2.0.0-rc1")},
		{name: "computed", files: "module \"m\" {\n  source  = \"a/b/c\"\n  version = \"~> ${var.v}\"\n}\n"},
		{name: "a range that an override file narrows", files: registry("~> 1.2") + "-- override.tf --\nmodule \"m\" {\n  version = \"1.2.3\"\n}\n"},
		{name: "a version argument of git, which terraform refuses", files: "module \"m\" {\n  source  = \"github.com/a/b?ref=v1.2.3\"\n  version = \"~> 1.2\"\n}\n"},
	})
}

// TestAllowed holds the words against hashicorp/go-version itself.
func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		constraint, words string
		yes, no           []string
	}{
		{"~> 1.2", "any 1.x from 1.2", []string{"1.2.0", "1.9.9"}, []string{"1.1.9", "2.0.0"}},
		{"~> 1.2.3", "any 1.2.x from 1.2.3", []string{"1.2.3", "1.2.9"}, []string{"1.2.2", "1.3.0"}},
		{"~> 1", "any version from 1, the next major ones too", []string{"1.0.0", "2.0.0", "9.1.0"}, []string{"0.9.0"}},
		{"~> 0.0", "any 0.x from 0.0", []string{"0.0.1", "0.9.0"}, []string{"1.0.0"}},
		{"!= 1.2.3", "any version but 1.2.3", []string{"1.2.4", "0.1.0"}, []string{"1.2.3"}},
		{"> 1.0, < 2.0", "any version that meets it", []string{"1.1.0"}, []string{"2.0.0"}},
	} {
		all, err := version.NewConstraint(c.constraint)
		if err != nil {
			t.Fatal(err)
		}
		if got := allowed(all); got != c.words {
			t.Errorf("%s: %q, want %q", c.constraint, got, c.words)
		}
		for _, v := range c.yes {
			if !meets(all, v) {
				t.Errorf("%s does not allow %s, and we say %q", c.constraint, v, c.words)
			}
		}
		for _, v := range c.no {
			if meets(all, v) {
				t.Errorf("%s allows %s, and we say %q", c.constraint, v, c.words)
			}
		}
	}
}
