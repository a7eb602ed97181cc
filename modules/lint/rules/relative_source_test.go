package rules

import (
	"testing"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

// withBackend is a file that makes a directory a stack.
const withBackend = "terraform {\n  backend \"s3\" {}\n}\n"

func released(source string) func(*lint.Input) {
	return func(in *lint.Input) {
		in.Pinned = func(dir string) (string, bool) { return source + dir + "?ref=v1.0.0", dir != "modules/unreleased" }
	}
}

func TestRelativeSource(t *testing.T) {
	const vpc = "-- modules/vpc/main.tf --\n"
	const prod = "-- live/prod/backend.tf --\n" + withBackend
	all := func(rows ...[]row) (out []row) {
		for _, r := range rows {
			out = append(out, r...)
		}
		return out
	}
	found := func(name, files, file, piece, summary string) row {
		return row{name: name, files: files, want: []string{on(files, file, `"`+piece+`"`, summary)}}
	}
	out := prod + vpc + "-- live/prod/main.tf --\n" + call("../../modules/vpc")
	table(t, relativeSource, all([]row{
		found("out of a stack", out, "live/prod/main.tf", "../../modules/vpc", `Module "m" leads out of its stack live/prod, to modules/vpc`),
		found("out of a stack by a private module", prod+vpc+"-- live/prod/main.tf --\n"+call("./a")+"-- live/prod/a/main.tf --\n"+call("../../../modules/vpc"),
			"live/prod/a/main.tf", "../../../modules/vpc", "out of its stack live/prod, to modules/vpc"),
		found("into another stack", prod+"-- live/qa/backend.tf --\n"+withBackend+"-- live/qa/net/main.tf --\n-- live/prod/main.tf --\n"+call("../qa/net"),
			"live/prod/main.tf", "../qa/net", "out of its stack live/prod, to live/qa/net"),
		found("out of a stack inside a stack", "-- live/backend.tf --\n"+withBackend+"-- live/net/main.tf --\n"+prod+"-- live/prod/main.tf --\n"+call("../net"),
			"live/prod/main.tf", "../net", "out of its stack live/prod, to live/net"),
		found("from a module to its sibling", prod+vpc+"-- live/prod/main.tf --\n"+call("git::https://h.example/x?ref=v1.0.0")+"-- modules/app/main.tf --\n"+call("../vpc"),
			"modules/app/main.tf", "../vpc", "leads out of the package of modules/app, to modules/vpc"),
		found("from an example to another module", prod+vpc+"-- modules/app/main.tf --\n-- modules/app/examples/x/main.tf --\n"+call("../../../vpc"),
			"modules/app/examples/x/main.tf", "../../../vpc", "out of the package of modules/app"),
		found("from an undecided directory", prod+vpc+"-- tools/x/main.tf --\n"+call("../../modules/vpc"),
			"tools/x/main.tf", "../../modules/vpc", "leads out of its directory tools/x"),
		found("to the root of the repository", "-- main.tf --\n"+prod+"-- live/prod/main.tf --\n"+call("../../"),
			"live/prod/main.tf", "../../", "to the root of the repository"),
		{
			name:  "from a module of a stack that another stack calls as well",
			files: prod + "-- live/prod/main.tf --\n" + call("./a") + "-- live/prod/a/main.tf --\n" + call("./../b") + "-- live/prod/b/main.tf --\n-- live/qa/main.tf --\n" + withBackend + call("../prod/a"),
			want: []string{
				`live/prod/a/main.tf:2:12-2:20 leads out of the package of live/prod/a, to live/prod/b`,
				`live/qa/main.tf:5:12-5:23 leads out of its stack live/qa, to live/prod/a`,
			},
		},
		found("no backend anywhere, and the path says that it is applied", vpc+"-- live/prod/app/main.tf --\n"+call("../../../modules/vpc"), "live/prod/app/main.tf", "../../../modules/vpc", "leads out of its directory live/prod/app, to modules/vpc"),
		found("from the environment test", vpc+"-- live/test/main.tf --\n"+withBackend+call("../../modules/vpc"), "live/test/main.tf", "../../modules/vpc", "its stack live/test"),
		found("from an example with a backend", vpc+"-- examples/x/main.tf --\n"+withBackend+call("../../modules/vpc")+prod,
			"examples/x/main.tf", "../../modules/vpc", "its stack examples/x"),
		found("terragrunt", vpc+"-- live/terragrunt.hcl --\nterraform {\n  source = \"../modules//vpc\"\n}\n",
			"live/terragrunt.hcl", "../modules//vpc", "The terragrunt source leads out of its stack live, to modules/vpc"),
		found("terragrunt, without ./", vpc+"-- terragrunt.hcl --\nterraform {\n  source = \"./modules/vpc\"\n}\n-- live/terragrunt.hcl --\nterraform {\n  source = \"../modules/vpc\"\n}\n",
			"live/terragrunt.hcl", "../modules/vpc", "its stack live"),
		{
			name:  "a terragrunt function that leads to the tree",
			files: vpc + "-- live/terragrunt.hcl --\nterraform {\n  source = \"${get_repo_root()}/modules//vpc\"\n}\n",
			want:  []string{`live/terragrunt.hcl:2:12-2:45 to modules/vpc`},
		},
		found("through a symlink that leads out", prod+vpc+"-- live/prod/lib -> ../../modules/vpc --\n-- live/prod/main.tf --\n"+call("./lib"),
			"live/prod/main.tf", "./lib", "to modules/vpc"),
		{
			name:  "the fix writes the release",
			files: out, with: released("git::https://h.example/"),
			want:  []string{`live/prod/main.tf:2:12-2:31 leads out of its stack`},
			fixed: call("git::https://h.example/modules/vpc?ref=v1.0.0"),
		},
		{
			name:  "the fix in JSON, CRLF and all",
			files: prod + vpc + "-- live/prod/main.tf.json --\n{\"module\":\r\n  {\"m\": {\"source\": \"../../modules/vpc\", \"x\": \"${1}\"}}}\r\n", with: released("git::https://h.example/a%b?x=1&y="),
			want:  []string{`live/prod/main.tf.json:2:20-2:39 leads out of its stack`},
			fixed: "{\"module\":\r\n  {\"m\": {\"source\": \"git::https://h.example/a%b?x=1&y=modules/vpc?ref=v1.0.0\", \"x\": \"${1}\"}}}\r\n",
		},
		{
			name:  "the fix of a terragrunt literal",
			files: vpc + "-- live/terragrunt.hcl --\nterraform {\n  source = \"../modules//vpc\"\n}\n", with: released("git::https://h.example/"),
			want:  []string{`live/terragrunt.hcl:2:12-2:29 leads out`},
			fixed: "terraform {\n  source = \"git::https://h.example/modules/vpc?ref=v1.0.0\"\n}\n",
		},
		{
			name:  "no fix without a release",
			files: prod + "-- modules/unreleased/main.tf --\n-- live/prod/main.tf --\n" + call("../../modules/unreleased"), with: released("git::https://h.example/"),
			want: []string{`live/prod/main.tf:2:12-2:38 leads out`},
		},
		{
			name:  "no fix for one literal of two places",
			files: "-- live/prod/backend.tf --\n" + withBackend + "-- x/qa/backend.tf --\n" + withBackend + "-- live/m/main.tf --\n-- x/m/main.tf --\n-- live/prod/main.tf --\n" + call("../m") + "-- x/qa/main.tf -> ../../live/prod/main.tf --\n",
			with:  released("git::https://h.example/"),
			want:  []string{`live/prod/main.tf:2:12-2:18 to live/m`, `x/qa/main.tf:2:12-2:18 to x/m`},
		},
		{
			name:  "a library whose recipes have providers: of severity info, and its modules call each other",
			files: "-- modules/a/main.tf --\n" + call("../b") + "-- modules/b/main.tf --\n-- recipes/x/main.tf --\nprovider \"google\" {}\n" + call("../../modules/a") + "-- modules/a/recipe/main.tf --\nprovider \"google\" {}\n" + call("../../b"),
			want:  []string{`recipes/x/main.tf:3:12-3:29 leads out of its stack recipes/x, to modules/a`},
		},
		{
			name:  "a library with a configured source is several packages",
			files: "-- modules/a/main.tf --\n" + call("../b") + "-- modules/b/main.tf --\n", with: released("git::https://h.example/"),
			want:  []string{`modules/a/main.tf:2:12-2:18 leads out of the package of modules/a, to modules/b`},
			fixed: call("git::https://h.example/modules/b?ref=v1.0.0"),
		},
	}, []row{
		{name: "a module inside its stack", files: prod + "-- live/prod/main.tf --\n" + call("./net") + "-- live/prod/net/main.tf --\n"},
		{name: "from one private module to another", files: prod + "-- live/prod/main.tf --\n" + call("./a") + "-- live/prod/a/main.tf --\n" + call("../b") + "-- live/prod/b/main.tf --\n"},
		{name: "an orphan of a stack", files: prod + "-- live/prod/modules/a/main.tf --\n" + call("../b") + "-- live/prod/modules/b/main.tf --\n"},
		{name: "a terragrunt unit among fixtures", files: vpc + "-- test/fixtures/x/terragrunt.hcl --\nterraform {\n  source = \"../../../modules//vpc\"\n}\n"},
		{name: "from a module among fixtures to its sibling", files: prod + "-- docs/fixtures/s/modules/a/main.tf --\n" + call("../b") + "-- docs/fixtures/s/modules/b/main.tf --\n"},
		{name: "a terragrunt unit among examples, beside stacks", files: prod + vpc + "-- examples/x/terragrunt.hcl --\nterraform {\n  source = \"../../modules//vpc\"\n}\n"},
		{name: "a library whose only units are examples", files: "-- modules/a/main.tf --\n" + call("../b") + "-- modules/b/main.tf --\n-- examples/x/terragrunt.hcl --\nterraform {\n  source = \"../../modules//a\"\n}\n"},
		{name: "a provider in a hidden directory", files: prod + vpc + "-- .github/conftest/main.tf --\nprovider \"aws\" {}\n" + call("../../modules/vpc")},
		{name: "a way round that comes back", files: prod + "-- live/prod/main.tf --\n" + call("../../live/prod/a") + "-- live/prod/a/main.tf --\n"},
		{name: "a module's own submodule", files: prod + vpc + call("./subnet") + "-- modules/vpc/subnet/main.tf --\n" + call("../tags") + "-- modules/vpc/tags/main.tf --\n"},
		{name: "an example and its module", files: prod + vpc + "-- modules/vpc/examples/x/main.tf --\n" + call("../../")},
		{name: "an example of the whole repository", files: prod + vpc + "-- examples/x/main.tf --\n" + call("../../modules/vpc")},
		{name: "an example with a provider", files: prod + vpc + "-- example/main.tf --\nprovider \"aws\" {}\n" + call("../modules/vpc")},
		{name: "a library", files: "-- modules/a/main.tf --\n" + call("../b") + "-- modules/b/main.tf --\n-- wrappers/a/main.tf --\n" + call("../../modules/a")},
		{name: "a path that leads nowhere is another rule's", files: prod + "-- live/prod/main.tf --\n" + call("../../modules/none")},
		{name: "a path out of the repository as well", files: prod + "-- live/prod/main.tf --\n" + call("../../../x")},
		{name: "replaced by an override file", files: out + "-- live/prod/override.tf --\n" + call("github.com/a/b?ref=v1.0.0")},
		{
			name: "modules that share a package", files: prod + "-- modules/a/main.tf --\n" + call("../b") + "-- modules/b/main.tf --\n",
			with: func(in *lint.Input) {
				in.Choice = modules.Choice{Group: map[string]string{"modules/a": "g", "modules/b": "g"}}
			},
		},
		{
			name: "one repository for all modules", files: prod + "-- modules/a/main.tf --\n" + call("../b") + "-- modules/b/main.tf --\n",
			with: func(in *lint.Input) { in.Choice = modules.Choice{All: "modules"} },
		},
		{name: "modules that call each other", files: prod + "-- modules/a/main.tf --\n" + call("../b") + "-- modules/b/main.tf --\n" + call("../a")},
		{
			name: "a module that is kept", files: out,
			with: func(in *lint.Input) {
				in.Choice = modules.Choice{Keep: map[string]string{"modules/vpc": "terrier.hcl:3"}}
			},
		},
	}))
}

// What may be a library's recipe is told, and fails nothing.
func TestRelativeSourceSeverity(t *testing.T) {
	const recipe = "-- modules/a/main.tf --\n-- components/x/main.tf --\nprovider \"google\" {}\n"
	for _, c := range []struct {
		files string
		want  lint.Severity
	}{
		{recipe + call("../../modules/a"), lint.Info},
		{recipe + call("../../modules/a") + "-- live/main.tf --\n" + withBackend, lint.Error},
	} {
		found := lint.Run(input(c.files), []*lint.Rule{relativeSource})
		if len(found) != 1 || found[0].Severity != c.want {
			t.Errorf("%s\n%+v", c.files, found)
		}
	}
}
