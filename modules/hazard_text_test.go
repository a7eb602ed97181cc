package modules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each line of a file, and the packages that it names; beside it what looks
// alike.
func TestMentions(t *testing.T) {
	const tree = `-- tf/modules/vpc/main.tf --
-- tf/modules/vpc/x.sh --
-- tf/modules/aws-app/main.tf --
-- tf/modules/aws-db/main.tf --
-- tf/modules/group/inner/main.tf --
-- top-modules/solo/main.tf --
-- tests/tf/modules/vpc/t.py --
-- live/a/main.tf --
terraform {
  backend "s3" {}
}
module "a" {
  source = "../../tf/modules/vpc"
}
module "b" {
  source = "../../net"
}
-- net/main.tf --
-- live/modules/private/x.txt --
`
	const four = "tf/modules/aws-app tf/modules/aws-db tf/modules/group/inner tf/modules/vpc"
	for name, tc := range map[string]struct{ file, text, want string }{
		"dependabot":                    {".github/dependabot.yml", "    directory: /tf/modules/vpc", "tf/modules/vpc"},
		"dependabot, a pattern":         {".github/dependabot.yml", `directories: ["/tf/modules/*"]`, four},
		"dependabot, half a pattern":    {".github/dependabot.yml", `directories: ["/tf/modules/aws-*"]`, "tf/modules/aws-app tf/modules/aws-db"},
		"dependabot, of others":         {".github/dependabot.yml", `directories: ["/other/modules/*"]`, ""},
		"a workflow's filter":           {".github/workflows/x.yml", `- "tf/modules/vpc/**"`, "tf/modules/vpc"},
		"a workflow's filter of all":    {".github/workflows/x.yml", `- 'tf/modules/**'`, four},
		"a workflow's filter of no one": {".github/workflows/x.yml", `- 'live/modules/**'`, ""},
		"code owners":                   {"CODEOWNERS", "/tf/modules/vpc/ @x", "tf/modules/vpc"},
		"code owners, a pattern":        {"CODEOWNERS", "/tf/modules/**/x @x", four},
		"code owners, a folder":         {".github/CODEOWNERS", "/tf/modules/ @x", four},
		"pre-commit":                    {".pre-commit-config.yaml", "files: ^tf/modules/", four},
		"a folder, no slash":            {"x.sh", "cd tf/modules && ls", four},
		"a group":                       {"x.sh", "ls tf/modules/group/", "tf/modules/group/inner"},
		"all of the tree":               {"x.sh", "cd ./ && ls live/*", ""},
		"a script beside its folder":    {"scripts/x.sh", `cd "$(dirname "$0")/../tf/modules/vpc"`, "tf/modules/vpc"},
		"a script, relative":            {"scripts/x.sh", "cd ../tf/modules/vpc", "tf/modules/vpc"},
		"a sibling":                     {"tf/modules/aws-app/x.sh", "cat ../vpc/x.sh", "tf/modules/vpc"},
		"a sibling of no one":           {"tf/modules/aws-app/x.sh", "cat ../nothing/x.sh", ""},
		"a link below":                  {"tf/modules/README.md", "[vpc](./vpc)", "tf/modules/vpc"},
		"its own files":                 {"tf/modules/vpc/x.yml", "tf/modules/vpc and ./x.sh", ""},
		"a makefile":                    {"Makefile", "\tterraform -chdir=tf/modules/vpc fmt", "tf/modules/vpc"},
		"two on a line":                 {"x.sh", "diff tf/modules/vpc tf/modules/aws-app", "tf/modules/aws-app tf/modules/vpc"},
		"at the root of the tree":       {"x.yml", "a: /net", "net"},
		"at the root, with a slash":     {"x.yml", "a: net/main.tf", "net"},
		"a word alone":                  {"x.yml", "a: net", ""},
		"a part of a word":              {"x.yml", "a: /network planet/x", ""},
		"a longer name":                 {"x.yml", "tf/modules/vpc-peering", ""},
		"the end of a path":             {"x.md", "see modules/vpc", "tf/modules/vpc"},
		"the end of a path elsewhere":   {"x.yml", "mono/tf/modules/vpc", "tf/modules/vpc"},
		"another folder of the name":    {"x.yml", "tests/tf/modules/vpc", ""},
		"and relative":                  {"live/a/x.yml", "../../tests/tf/modules/vpc", ""},
		"an address":                    {"x.md", "https://h/acme/mono/tree/main/tf/modules/vpc", "tf/modules/vpc"},
		"an address of another":         {"x.md", "https://h/acme/other/modules/vpc", ""},
		"one that is built":             {".gitignore", "/tf/modules/vpc/build", "tf/modules/vpc"},
		"bold":                          {"x.md", "**tf/modules/vpc**", "tf/modules/vpc"},
		"a table of terraform-docs":     {"tf/modules/aws-app/README.md", "| [v](#v) | ../vpc | n/a |", "tf/modules/vpc"},
		"a usage block of its own":      {"tf/modules/vpc/README.md", `  source = "../../tf/modules/vpc"`, "source tf/modules/vpc"},
		"a path that stays right":       {"tf/modules/vpc/examples/a/README.md", `  source = "../.."`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := graphOf(t, tree+"-- "+tc.file+" --\n"+tc.text+"\n")
			var got []string
			for _, h := range g.Hazards(g.Candidates(Choice{})) {
				if h.File != tc.file || h.Line != 1 {
					continue
				}
				switch h.ID {
				case "mention":
					got = append(got, h.Dir)
				case "readme-source":
					got = append(got, "source "+h.Dir)
				default:
					got = append(got, fmt.Sprint(h))
				}
			}
			if d := cmp.Diff(tc.want, strings.Join(got, " ")); d != "" {
				t.Error(d)
			}
		})
	}
}
