package modules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A unit's source, where it leads, and what stays because of it.
func TestTerragruntSources(t *testing.T) {
	const tree = `-- modules/vpc/main.tf --
-- modules/vpc/nat/main.tf --
-- modules/app/main.tf --
-- stacks/dns/main.tf --
-- live/terragrunt.hcl --
remote_state {}
-- live/root.hcl --
-- live/ref --
0123456789012345678901234567890123456789
`
	for name, tc := range map[string]struct{ source, want string }{
		"a path":                     {`"../../../modules/vpc"`, "modules/vpc"},
		"with a double slash":        {`"../../../modules//vpc"`, "modules/vpc"},
		"from the root":              {`"../../..//modules/vpc/nat/"`, "modules/vpc/nat"},
		"in parentheses":             {`("../../../modules/vpc")`, "modules/vpc"},
		"each branch":                {`local.dev ? "../../../modules/vpc" : "../../../modules/app"`, "modules/vpc modules/app"},
		"branches in a template":     {`"${(get_env("A") == "x") ? "../../../modules/vpc" : "git::https://h/vpc.git?ref=v1"}"`, "modules/vpc -"},
		"a branch that is remote":    {`local.dev ? "../../../modules/vpc" : "git::https://h/vpc.git?ref=v1"`, "modules/vpc -"},
		"the root by function":       {`"${get_repo_root()}/modules/vpc"`, "modules/vpc"},
		"and a double slash":         {`"${get_repo_root()}//modules/vpc"`, "modules/vpc"},
		"the way to the root":        {`"${get_path_to_repo_root()}//modules/vpc"`, "modules/vpc"},
		"its own directory":          {`"${get_terragrunt_dir()}/../../../modules//vpc"`, "modules/vpc"},
		"a file above":               {`"${dirname(find_in_parent_folders())}/../modules//vpc"`, "modules/vpc"},
		"a named file above":         {`"${dirname(find_in_parent_folders("root.hcl"))}/../modules/vpc"`, "modules/vpc"},
		"a directory above":          {`"${find_in_parent_folders("modules")}//vpc"`, "modules/vpc"},
		"the included file's":        {`"${get_parent_terragrunt_dir()}/../modules/vpc"`, "modules/vpc"},
		"by the include's name":      {`"${get_parent_terragrunt_dir("root")}/../modules/vpc"`, "modules/vpc"},
		"the unit's own name":        {`"${get_repo_root()}/modules/${basename(get_terragrunt_dir())}"`, "modules/vpc"},
		"a local":                    {`local.base`, "modules/vpc"},
		"a local in a template":      {`"${local.root}/modules//${local.name}"`, "modules/vpc"},
		"read from a file":           {`"../../../modules/${trimspace(file("name"))}"`, "modules/vpc · stays modules/vpc"},
		"without a dot":              {`"sub"`, "live/prod/vpc/sub"},
		"remote":                     {`"git::https://h/modules/vpc.git//modules/vpc?ref=v1"`, "-"},
		"remote with a computed ref": {`"git::https://h/modules/vpc.git//modules/vpc?ref=${local.unknown}"`, "-"},
		"a shorthand":                {`"github.com/x/y//modules/vpc?ref=v1"`, "-"},
		"a registry":                 {`"tfr:///x/vpc/aws?version=1.0.0"`, "-"},

		"computed, and it may be one":  {`"${get_env("M", "x")}/modules/vpc"`, "- · computed-source live/prod/vpc · stays modules/vpc"},
		"the end of a module's path":   {`"${include.root.locals.m}/nat?ref=v1"`, "- · computed-source live/prod/vpc · stays modules/vpc"},
		"computed, and it may be any":  {`"../../../modules/${local.unknown}"`, "- · computed-source live/prod/vpc · stays modules/app · stays modules/vpc"},
		"computed, and none":           {`"${get_env("M")}/other"`, "- · computed-source live/prod/vpc"},
		"a default of the environment": {`get_env("M", "../../../modules/vpc")`, "- · computed-source live/prod/vpc · stays modules/vpc"},
		"a command":                    {`run_cmd("echo", "modules/vpc")`, "- · computed-source live/prod/vpc · stays modules/vpc"},
		"a query on a path":            {`"../../../modules/vpc?ref=v1"`, "modules/vpc · stays modules/vpc"},
		"itself, no ref":               {`"git::../../..//modules/vpc"`, "modules/vpc · stays modules/vpc"},
		"itself, a branch":             {`"git::../../..//modules/vpc?ref=main"`, "modules/vpc · stays modules/vpc"},
		"itself, a commit":             {`"git::../../..//modules/vpc?ref=0123456789012345678901234567890123456789"`, "- · own-commit live/prod/vpc"},
		"itself, a commit in a file":   {`"git::../../..//modules/vpc?ref=${trimspace(file("../../ref"))}"`, "- · own-commit live/prod/vpc"},
		"itself by function":           {`"git::file://${get_repo_root()}//modules/vpc"`, "modules/vpc · stays modules/vpc"},
		"dangling":                     {`"../../modules/vpc"`, "!live/modules/vpc · stays modules/vpc · dangling-source live/prod/vpc"},
		"outside":                      {`"../../../../modules/vpc"`, "! · stays modules/vpc · source-outside live/prod/vpc"},
		"outside by function":          {`"${get_repo_root()}/../modules/vpc"`, "! · stays modules/vpc · source-outside live/prod/vpc"},
		"beside the root":              {`"${get_repo_root()}-modules/vpc"`, "- · computed-source live/prod/vpc"},
		"a circle of locals":           {`"${local.a}/vpc"`, "- · computed-source live/prod/vpc · stays modules/vpc"},
	} {
		t.Run(name, func(t *testing.T) {
			g := graphOf(t, tree+"-- live/prod/vpc/name --\nvpc\n-- live/prod/vpc/sub/main.tf --\n-- live/prod/vpc/terragrunt.hcl --\n"+`
include "root" {
  path = find_in_parent_folders("root.hcl")
}
locals {
  base = "../../../modules//vpc"
  root = get_repo_root()
  name = lower("VPC")
  a    = local.b
  b    = local.a
}
terraform {
  source = `+tc.source+"\n}\n")
			var calls []string
			for _, c := range g.Calls {
				switch {
				case c.Problem != ProblemNone:
					calls = append(calls, "!"+c.Target)
				case c.Target == "":
					calls = append(calls, "-")
				default:
					calls = append(calls, c.Target)
				}
			}
			got := []string{strings.Join(calls, " ")}
			for _, h := range g.Hazards(g.Candidates(Choice{})) {
				switch {
				case h.Severity == Block:
					got = append(got, "stays "+h.Dir)
				case h.Unproved:
					got = append(got, h.ID+" "+h.Dir)
				}
				if h.Severity == Block && (h.File != "live/prod/vpc/terragrunt.hcl" || h.Line != 13) {
					t.Errorf("named at %s:%d", h.File, h.Line)
				}
			}
			if d := cmp.Diff(tc.want, strings.Join(got, " · ")); d != "" {
				t.Error(d)
			}
		})
	}
}

// What a unit includes may have its source, which means what it means in the
// unit; a file that nothing is known to include keeps its modules where they
// are.
func TestTerragruntIncludes(t *testing.T) {
	const tree = "-- modules/vpc/main.tf --\n-- modules/app/main.tf --\n-- live/root.hcl --\n"
	unit := func(name, path, rest string) string {
		return fmt.Sprintf("-- live/%s/terragrunt.hcl --\ninclude \"common\" {\n  path = %s\n}\n%s\n", name, path, rest)
	}
	source := func(file, source string) string {
		return "-- " + file + " --\nterraform {\n  source = " + source + "\n}\n"
	}
	const common = `"${dirname(find_in_parent_folders("root.hcl"))}/_common/vpc.hcl"`
	for name, tc := range map[string]struct{ archive, want string }{
		"two units": {unit("a/vpc", common, "") + unit("b/vpc", common, "") + source("live/_common/vpc.hcl", `"${dirname(find_in_parent_folders("root.hcl"))}/../modules//vpc"`),
			"live/a/vpc→modules/vpc live/b/vpc→modules/vpc"},
		"a relative path counts from the unit": {unit("a/vpc", common, "") + source("live/_common/vpc.hcl", `"../../../modules//vpc"`), "live/a/vpc→modules/vpc"},
		"the unit's own wins":                  {unit("a/vpc", common, "terraform {\n  source = \"../../../modules/app\"\n}") + source("live/_common/vpc.hcl", `"../../../modules//vpc"`), "live/a/vpc→modules/app"},
		"the unit's own, made of the file's": {unit("a/vpc", common, "terraform {\n  source = \"${include.common.locals.base}//vpc\"\n}") + "-- live/_common/vpc.hcl --\nlocals {\n  base = \"${get_repo_root()}/modules\"\n}\n",
			"live/a/vpc→modules/vpc"},
		"a terragrunt.hcl above": {unit("a/vpc", "find_in_parent_folders()", "") + source("live/terragrunt.hcl", `"${get_parent_terragrunt_dir()}/../modules//vpc"`), "live/a/vpc→modules/vpc"},
		"different in each unit": {unit("a/vpc", "find_in_parent_folders()", "") + source("live/terragrunt.hcl", `"${get_repo_root()}/modules//${basename(path_relative_to_include())}"`),
			"live/a/vpc→modules/vpc · block computed-source modules/vpc live/terragrunt.hcl:2"},
		"not known to be included": {unit("a/vpc", `get_env("X")`, "") + source("live/_common/vpc.hcl", `"../../../modules//vpc"`),
			" · block computed-source modules/vpc live/_common/vpc.hcl:2 · warn computed-source live/a/vpc live/a/vpc/terragrunt.hcl:2"},
		"other files that end in .hcl": {unit("a/vpc", common, "") + source("live/_common/vpc.hcl", `"../../../modules//vpc"`) +
			source("modules/app/.terraform.lock.hcl", `"modules/app"`) + "-- x.pkr.hcl --\nsource \"x\" \"modules/app\" {}\n-- y.hcl --\n{{{ terraform source\n",
			"live/a/vpc→modules/vpc"},
	} {
		t.Run(name, func(t *testing.T) {
			g := graphOf(t, tree+tc.archive)
			var calls []string
			for _, c := range g.Calls {
				calls = append(calls, c.Dir+"→"+c.Target)
				if r := g.Dirs[c.Dir].Role; r != RoleStack {
					t.Errorf("%s is a %s", c.Dir, r)
				}
			}
			got := []string{strings.Join(calls, " ")}
			for _, h := range g.Hazards(g.Candidates(Choice{})) {
				if h.Severity != Info {
					got = append(got, fmt.Sprintf("%s %s %s %s:%d", h.Severity, h.ID, h.Dir, h.File, h.Line))
				}
			}
			if d := cmp.Diff(tc.want, strings.Join(got, " · ")); d != "" {
				t.Error(d)
			}
		})
	}
}

// A path in a unit that leads into a module, beside those that do not.
func TestTerragruntPaths(t *testing.T) {
	g := graphOf(t, `-- modules/vpc/main.tf --
-- modules/vpc/common.yaml --
-- live/common.yaml --
-- live/root.hcl --
locals {
  both = yamldecode(file("${get_repo_root()}/modules/vpc/common.yaml"))
}
-- live/vpc/terragrunt.hcl --
include "root" {
  path = find_in_parent_folders("root.hcl")
}
locals { base = "../../modules/vpc" }
terraform {
  source = local.base
  after_hook "x" { working_dir = local.base }
  extra_arguments "vars" {
    arguments = ["-var-file=x", "${get_repo_root()}/modules/vpc/common.yaml"]
  }
}
dependency "other" {
  config_path = "../other"
}
inputs = {
  a = yamldecode(file("../../modules/vpc/common.yaml"))
  b = file(find_in_parent_folders("common.yaml"))
  c = "${get_repo_root()}/modules/vpc/gone.yaml"
  d = "modules/vpc"
}
`)
	var got []string
	for _, h := range g.Hazards(g.Candidates(Choice{})) {
		if h.ID == "file-of-module" {
			got = append(got, fmt.Sprintf("%s:%d %s", h.File, h.Line, h.Dir))
		}
	}
	want := "live/root.hcl:2 modules/vpc · live/vpc/terragrunt.hcl:16 modules/vpc · live/vpc/terragrunt.hcl:7 modules/vpc · live/vpc/terragrunt.hcl:9 modules/vpc"
	if d := cmp.Diff(want, strings.Join(slices.Sorted(slices.Values(got)), " · ")); d != "" {
		t.Error(d)
	}
}

// A path as a whole is one, and the folders on its way are none of their own.
func TestTerragruntSteps(t *testing.T) {
	g := graphOf(t, `-- live/root.hcl --
-- live/_common/vpc.hcl --
-- live/prod/vpc/terragrunt.hcl --
include "common" {
  path = "${dirname(find_in_parent_folders("root.hcl"))}/_common/vpc.hcl"
}
terraform {
  source = "tfr:///a/b/c?version=1.0.0"
}
inputs = {
  top = dirname(find_in_parent_folders("root.hcl"))
}
`)
	var got []string
	for _, r := range g.Reaches() {
		got = append(got, fmt.Sprintf("%s:%d %s", r.File, r.Line, r.Path))
	}
	want := "live/prod/vpc/terragrunt.hcl:2 live/_common/vpc.hcl · live/prod/vpc/terragrunt.hcl:8 live"
	if d := cmp.Diff(want, strings.Join(got, " · ")); d != "" {
		t.Error(d)
	}
}
