package cmd

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// proposal is a block that stands in comments.
var proposal = regexp.MustCompile(`(?m)^# [a-z]+ (?:"[^\n]*" )?\{\n(?:#   [^\n]*\n)*# \}\n`)

// Whatever comment signs somebody takes away, the file is a configuration;
// and while they are there, no name of a directory adds to it.
func TestInitProposals(t *testing.T) {
	const stack = "terraform {\n  backend \"s3\" {}\n}\n"
	tree := fstest.MapFS{}
	for path, text := range map[string]string{
		"live/prod/app/main.tf":                stack + `module "a" { source = "../../../a/vpc" }` + "\nmodule \"b\" { source = \"../../../b/vpc\" }\nmodule \"c\" { source = \"../../../modules/loose\" }\n",
		"live/other\nguards { x = 1 }/main.tf": stack,
		"a/vpc/main.tf":                        "",
		"b/vpc/main.tf":                        "",
		"modules/loose/main.tf":                "variable \"n\" {}\nlocals { x = file(\"${path.module}/../${var.n}\") }\n",
		"what/${x}/main.tf":                    "variable \"x\" {}\n",
	} {
		tree[path] = &fstest.MapFile{Data: []byte(text)}
	}
	loaded, _ := hclparse.Load(tree)
	file := string(report.StarterConfig(modules.NewGraph(loaded, nil), report.ExampleHome))
	for _, line := range strings.Split(strings.TrimSpace(file), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			t.Errorf("not a comment: %q", line)
		}
	}
	for _, want := range []string{
		`# environment "prod" {`, `1 stack is in none of these`, `# module "a/vpc" {`, `name = "b-vpc"`,
		`modules/loose: modules/loose/main.tf:2 unevaluated-path`, `# stack "what/$${x}" {`,
	} {
		if !strings.Contains(file, want) {
			t.Errorf("not in the file: %s", want)
		}
	}
	var plain strings.Builder
	blocks := proposal.FindAllString(file, -1)
	for _, b := range blocks {
		plain.WriteString(strings.ReplaceAll("\n"+b, "\n# ", "\n"))
	}
	if len(blocks) < 7 {
		t.Errorf("%d blocks found\n%s", len(blocks), file)
	}
	if shown := shownConfig([]byte(plain.String())); shown != "" {
		t.Errorf("%s\n%s", shown, plain.String())
	}
}

func TestBesideRemote(t *testing.T) {
	for remote, want := range map[string]string{
		"git@git.example.com:infra/sub/mono.git":       "ssh://git@git.example.com/infra/sub/${name}.git",
		"ssh://git@git.example.com:2222/infra/mono":    "ssh://git@git.example.com:2222/infra/${name}.git",
		"https://git.example.com/infra/mono.git":       "https://git.example.com/infra/${name}.git",
		"git@git.example.com:mono.git":                 "ssh://git@git.example.com/${name}.git",
		"https://user:hunter2@git.example.com/a/b.git": "",
		"https://hunter2@git.example.com/a/b.git":      "",
		"https://git.example.com/a/b.git?token=x":      "",
		"/srv/git/mono.git":                            "",
		"file:///srv/git/mono.git":                     "",
		"../mono":                                      "",
		"ext::sh -c true":                              "",
		"https://git.example.com/${x}/b.git":           "",
	} {
		home, ok := besideRemote(remote)
		if home.Live != want || ok != (want != "") {
			t.Errorf("%s: got %q, want %q", remote, home.Live, want)
		}
		if ok && home.Source != "git::"+want {
			t.Errorf("%s: got %q", remote, home.Source)
		}
	}
}
