package rules

import (
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

func TestInvalidSource(t *testing.T) {
	whole := func(name, source, summary string) row {
		return row{name: name, files: call(source), want: []string{on(call(source), "main.tf", `"`+source+`"`, summary)}}
	}
	pass := func(name, source string) row { return row{name: name, files: call(source)} }
	rows := append(everywhere("modules/vpc", `"modules/vpc"`, `source "modules/vpc"`),
		whole("one word", "vpc", `The source "vpc" of module "m" is no module address: it is of no known form`),
		whole("nothing", "", "it is empty"),
		whole("a lone dot", "..", "of no known form"),
		whole("half an ssh address", "git::git@h.example/a/b.git", "of no known form"),
		whole("a port that is a path", "git::ssh://git@h.example:a/b.git", "it is not a valid URL"),
		whole("a subdirectory that leaves the package", "git::https://h.example/x//../y", "leads outside of the package"),
		whole("a directory that does not exist", "./x", `Module "m" leads nowhere: there is no directory x`),
		whole("a path out of the repository", "../x", "leads out of the repository"),
		row{
			name: "a directory without configuration", files: call("./x") + "-- x/README.md --\n",
			want: []string{`main.tf:2:12-2:17 in x is no configuration`},
		},
		row{
			name: "a directory that terragrunt alone reads", files: call("./x") + "-- x/terragrunt.hcl --\n",
			want: []string{`main.tf:2:12-2:17 in x is nothing that terraform reads`},
		},
		row{
			name: "a symlink that leads out", files: call("./x") + "-- x -> /etc --\n",
			want: []string{`main.tf:2:12-2:17 leads out of the repository`},
		},
		row{
			name: "ssh without git::", files: call("ssh://git@h.example/a/b.git?ref=v1.2.3"),
			want:  []string{`main.tf:2:12-2:52 nothing says that ssh:// is git`},
			fixed: call("git::ssh://git@h.example/a/b.git?ref=v1.2.3"),
		},
		row{
			name: "https without git::", files: call("https://h.example/a/b.git?ref=v1.2.3"),
			want:  []string{`main.tf:2:12-2:50 is fetched as an archive`},
			fixed: call("git::https://h.example/a/b.git?ref=v1.2.3"),
		},
		row{
			name: "terragrunt, nowhere", files: "-- a/terragrunt.hcl --\nterraform {\n  source = \"../modules//vpc\"\n}\n",
			want: []string{`a/terragrunt.hcl:2:12-2:29 there is no directory modules/vpc`},
		},
		row{
			name:  "terragrunt takes a path without ./",
			files: "-- terragrunt.hcl --\nterraform {\n  source = \"modules/vpc\"\n}\n-- modules/vpc/main.tf --\n",
		},
		pass("a registry address", "modules/vpc/aws"),
		pass("an archive", "https://h.example/a/b.git.zip"),
		pass("git", "git::https://h.example/a/b.git"),
		pass("an absolute path", "/srv/x"),
		pass("what another rule finds", "git::https://h.example/\\u0007x"),
		row{name: "a local path with a slash at its end", files: call("./x/") + "-- x/main.tf --\n"},
		row{name: "JSON", files: call("./x") + "-- x/main.tf.json --\n{}\n"},
		row{name: "computed", files: "module \"m\" {\n  source = var.x\n}\n"},
	)
	table(t, invalidSource, rows)
}

// TestInvalidSourceSeverity: what may be so on purpose is only mentioned.
func TestInvalidSourceSeverity(t *testing.T) {
	for _, c := range []struct {
		file, source string
		want         lint.Severity
	}{
		{"main.tf", "vpc", lint.Error},
		{"main.tf", "./x", lint.Warn},
		{"main.tf", "../x", lint.Warn},
		{"main.tf", "https://h.example/x.git", lint.Warn},
		{"main.tf", "ssh://git@h.example/x.git", lint.Error},
		{"main.tf", "{{ .source }}", lint.Info},
		{"main.tf", "git::__MIRROR_URL__//x", lint.Info},
		{"mixins/main.tf", "../../x", lint.Info},
		{"test/fixtures/a/main.tf", "./x", lint.Info},
		{"modules/x/examples/y/main.tf", "vpc", lint.Info},
		{"tools/golden_copies/main.tf", "./x", lint.Info},
		{"protests/main.tf", "./x", lint.Warn},
	} {
		found := lint.Run(input("-- "+c.file+" --\n"+call(c.source)), []*lint.Rule{invalidSource})
		if len(found) != 1 || found[0].Severity != c.want {
			t.Errorf("%s in %s: %+v, want one of severity %s", c.source, c.file, found, c.want)
		}
	}
}
