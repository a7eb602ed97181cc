package modules

import (
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/hclparse"
)

// graphOf loads a txtar as a tree. A file whose whole content is
// "symlink: TARGET" is a symlink.
func graphOf(t *testing.T, archive string) *Graph {
	t.Helper()
	m := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		if target, ok := strings.CutPrefix(string(f.Data), "symlink: "); ok {
			m[f.Name] = &fstest.MapFile{Data: []byte(strings.TrimSpace(target)), Mode: fs.ModeSymlink}
			continue
		}
		m[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return Load(m, nil)
}

// The syntax trees of all modules together would be most of a run's memory:
// Load keeps none, and finds what it finds with them.
func TestLoadForgets(t *testing.T) {
	src := `-- live/x.tf --
terraform {
  backend "s3" {
    key = "a"
  }
}
provider "aws" {}
variable "d" {
  type    = string
  default = "x"
}
output "o" {
  value = 1
}
resource "a_b" "c" {
  d = file("${path.module}/../${var.d}/y.json")
}
locals {
  l = "${path.module}/z.json"
}
module "m" {
  source = "../m"
  f      = local.l
}
-- live/j.tf.json --
{"resource": {"a_b": {"j": {"d": "${file(\"${path.module}/../x/j.json\")}"}}}}
-- m/x.tf --
-- x/y.json --
-- unit/terragrunt.hcl --
terraform {
  source = "../m"
}
`
	m := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(src)).Files {
		m[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	tree, _ := hclparse.Load(m)
	whole, g := NewGraph(tree, nil), Load(m, nil)
	if diff := cmp.Diff(whole.Reaches(), g.Reaches(), cmp.AllowUnexported(Reach{})); diff != "" || len(g.Reaches()) != 4 {
		t.Errorf("%d reaches (-kept +forgotten):\n%s", len(g.Reaches()), diff)
	}
	for _, d := range g.Sorted() {
		c := d.Config
		for _, f := range c.Files {
			if (f.Body == nil) == (f.Syntax == hclparse.Terragrunt) || f.Bytes == nil {
				t.Errorf("%s: body %v, %d bytes", f.Path, f.Body, len(f.Bytes))
			}
		}
		for _, x := range c.Calls {
			if x.Attributes != nil || x.Raw == "" {
				t.Errorf("%+v", x)
			}
		}
		for _, x := range c.Locals {
			if x.Expr != nil {
				t.Errorf("%+v", x)
			}
		}
		for _, x := range c.Resources {
			if x.Body != nil {
				t.Errorf("%+v", x)
			}
		}
		for _, x := range c.Variables {
			if x.Type != nil || x.Default != nil {
				t.Errorf("%+v", x)
			}
		}
		for _, x := range c.Outputs {
			if x.Value != nil {
				t.Errorf("%+v", x)
			}
		}
		for _, x := range c.Backends {
			if x.Body != nil || x.Literals["key"] != "a" {
				t.Errorf("%+v", x)
			}
		}
		for _, x := range c.Providers {
			if x.Body != nil {
				t.Errorf("%+v", x)
			}
		}
	}
}

func TestRoles(t *testing.T) {
	const s3 = "terraform {\n  backend \"s3\" {\n  }\n}\n"
	call := func(src string) string { return fmt.Sprintf("module \"m\" {\n  source = %q\n}\n", src) }
	for name, tc := range map[string]struct{ archive, want string }{
		"R1 backend": {"-- a/x.tf --\n" + s3, "a stack R1"},
		"R1 cloud":   {"-- a/x.tf --\nterraform {\n  cloud {}\n}\n", "a stack R1"},
		"R2 module": {"-- live/a/x.tf --\n" + s3 + call("../../modules/m") + "-- modules/m/x.tf --\n",
			"live/a stack R1, modules/m module R2"},
		"R2 one stack alone does not make a module outside it private": {"-- live/x.tf --\n" + s3 + call("../m") + "-- m/x.tf --\n",
			"live stack R1, m module R2"},
		"R2 private": {"-- live/x.tf --\n" + s3 + call("./m") + "-- live/m/x.tf --\n" + call("../n") + "-- live/n/x.tf --\n",
			"live stack R1, live/m private R2, live/n private R2"},
		"R2 shared by a nested stack is not private": {"-- live/x.tf --\n" + s3 + call("./m") + "-- live/m/x.tf --\n-- live/sub/x.tf --\n" + s3 + call("../m"),
			"live stack R1, live/m module R2, live/sub stack R1"},
		"R2 called by what is shared is shared": {"-- live/x.tf --\n" + s3 + call("./m") + "-- live/m/x.tf --\n" + call("../n") + "-- live/n/x.tf --\n-- live/sub/x.tf --\n" + s3 + call("../m"),
			"live stack R1, live/m module R2, live/n module R2, live/sub stack R1"},
		"R3 example":         {"-- modules/m/examples/a/x.tf --\nprovider \"aws\" {}\n" + call("../..") + "-- modules/m/x.tf --\n", "modules/m module R2, modules/m/examples/a example R3"},
		"R4 provider":        {"-- a/x.tf --\nprovider \"aws\" {}\n", "a stack R4"},
		"R5 orphan":          {"-- modules/a/x.tf --\n-- aws-modules/b/x.tf --\n-- _modules/c/x.tf --\n", "_modules/c orphan R5, aws-modules/b orphan R5, modules/a orphan R5"},
		"R5 not the folder":  {"-- modules/x.tf --\n", "modules undecided R9"},
		"R6 terragrunt":      {"-- live/a/terragrunt.hcl --\nterraform {\n  source = \"../../mod//vpc\"\n}\n-- mod/vpc/x.tf --\n", "live/a stack R6, mod/vpc module R2"},
		"R6 settings":        {"-- live/terragrunt.hcl --\nremote_state {}\n", "live settings R6"},
		"R8 snippet":         {"-- s/x.tf --\nprovider \"aws\" {}\n-- a/y.tf --\n" + s3 + "-- a/x.tf --\nsymlink: ../s/x.tf", "a stack R1, s snippet R8"},
		"R9 undecided":       {"-- a/x.tf --\n", "a undecided R9"},
		"a link to a folder": {"-- live/a/x.tf --\n" + s3 + call("../../link/m") + "-- link --\nsymlink: modules\n-- modules/m/x.tf --\n", "live/a stack R1, modules/m module R2"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range graphOf(t, tc.archive).Sorted() {
				got = append(got, fmt.Sprintf("%s %s %s", d.Path, d.Role, d.Rule))
			}
			sort.Strings(got)
			if d := cmp.Diff(tc.want, strings.Join(got, ", ")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCycles(t *testing.T) {
	g := graphOf(t, `
-- a/x.tf --
module "b" {
  source = "../b"
}
-- b/x.tf --
module "c" {
  source = "../c"
}
-- c/x.tf --
module "a" {
  source = "../a"
}
module "d" {
  source = "../d"
}
-- d/x.tf --
module "self" {
  source = "./"
}
-- e/x.tf --
module "a" {
  source = "../a"
}
`)
	if d := cmp.Diff([][]string{{"a", "b", "c"}, {"d"}}, g.Cycles); d != "" {
		t.Error(d)
	}
}

// TestHazards holds for each hazard a tree in which it is, next to what looks
// like it and is not.
func TestHazards(t *testing.T) {
	const stack = "-- live/a/main.tf --\nterraform {\n  backend \"s3\" {}\n}\nmodule \"m\" {\n  source = \"../../modules/m\"\n}\n"
	for name, tc := range map[string]struct{ archive, want string }{
		"a file outside, and one inside": {stack + "-- shared/x.json --\n-- modules/m/in.json --\n-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/in.json\")\n  b = file(\"${path.module}/../../shared/x.json\")\n}\n",
			"info outside-file modules/m/main.tf:3"},
		"through locals": {stack + "-- shared/x.json --\n-- modules/m/main.tf --\nlocals {\n  dir = \"../../shared\"\n  b   = file(\"${path.module}/${local.dir}/x.json\")\n}\n",
			"info outside-file modules/m/main.tf:3"},
		"through a variable's default": {stack + "-- shared/x.json --\n-- modules/m/main.tf --\nvariable \"dir\" {\n  default = \"../../shared\"\n}\nlocals {\n  b = file(\"${path.module}/${var.dir}/x.json\")\n}\n",
			"info outside-file modules/m/main.tf:5 · warn unevaluated-path modules/m/main.tf:5"},
		"a value outside": {stack + "-- shared/x.json --\n-- modules/m/main.tf --\noutput \"b\" {\n  value = \"${path.module}/../../shared\"\n}\n",
			"info outside-file modules/m/main.tf:2 · warn path-value modules/m/main.tf:2"},
		"relative to the caller: no escape": {stack + "-- modules/m/main.tf --\nlocals {\n  b = file(\"../x.json\")\n}\n", ""},
		"path.root is the caller's":         {stack + "-- modules/m/main.tf --\nlocals {\n  b = file(\"${path.root}/x.json\")\n}\n", ""},
		"a stack reads a module": {stack + "-- modules/m/p.json --\n-- modules/m/x.tf --\n-- live/a/x.tf --\nlocals {\n  b = file(\"../../modules/m/p.json\")\n  c = \"../../modules/m/p.json\"\n  d = \"../../modules/other/p.json\"\n}\n",
			"info file-of-module live/a/x.tf:2 · info file-of-module live/a/x.tf:3"},
		"a stack reads its own":          {stack + "-- live/a/p.json --\n-- modules/m/x.tf --\n-- live/a/x.tf --\nlocals {\n  b = file(\"${path.module}/p.json\")\n}\n", ""},
		"path.module as a value":         {stack + "-- modules/m/main.tf --\noutput \"p\" {\n  value = path.module\n}\n", "warn path-value modules/m/main.tf:2"},
		"basename of the module's place": {stack + "-- modules/m/main.tf --\nlocals {\n  n = basename(path.module)\n}\n", "warn path-value modules/m/main.tf:2"},
		"a name made of path.module":     {stack + "-- modules/m/main.tf --\nlocals {\n  n = \"x-${replace(path.module, \"/\", \"-\")}\"\n}\n", "warn path-value modules/m/main.tf:2"},
		"a file inside a template":       {stack + "-- shared/x.json --\n-- modules/m/main.tf --\nlocals {\n  n = \"a ${file(\"${path.module}/../../shared/x.json\")}\"\n  m = trimspace(file(\"${path.module}/../../shared/x.json\"))\n}\n", "info outside-file modules/m/main.tf:2 · info outside-file modules/m/main.tf:3"},
		"a branch of a condition":        {stack + "-- shared/x.json --\n-- modules/m/y.json --\n-- modules/m/main.tf --\nlocals {\n  n = file(var.x ? \"${path.module}/../../shared/x.json\" : \"${path.module}/y.json\")\n}\n", "info outside-file modules/m/main.tf:2"},
		"joined":                         {stack + "-- shared/x.json --\n-- modules/m/main.tf --\nlocals {\n  n = file(join(\"/\", [path.module, \"..\", \"..\", \"shared/x.json\"]))\n}\n", "info outside-file modules/m/main.tf:2"},
		"a command line":                 {stack + "-- shared/x.sh --\n-- modules/m/in.sh --\n-- modules/m/main.tf --\nlocals {\n  a = \"bash ${path.module}/../../shared/x.sh --now\"\n  b = \"bash ${var.x} ${path.module}/../../shared/x.sh\"\n  c = \"bash ${path.module}/in.sh\"\n}\n", "info outside-file modules/m/main.tf:2 · warn path-value modules/m/main.tf:2 · info outside-file modules/m/main.tf:3 · warn path-value modules/m/main.tf:3 · warn path-value modules/m/main.tf:4"},
		"a command line of a stack":      {stack + "-- modules/m/main.tf --\n-- modules/m/x.sh --\n-- live/a/x.tf --\nlocals {\n  a = \"bash ${path.module}/../../modules/m/x.sh\"\n}\n", "info file-of-module live/a/x.tf:2"},
		"a pattern that climbs":          {stack + "-- shared/x.sh --\n-- modules/m/main.tf --\nlocals {\n  a = fileset(path.module, \"../../shared/*.sh\")\n  b = fileset(path.module, \"*.tf\")\n}\n", "info outside-file modules/m/main.tf:2"},
		"a prefix that is known":         {stack + "-- modules/m/main.tf --\nlocals {\n  n = templatefile(\"${path.module}/t/${var.x}.tpl\", {})\n}\n", "warn unevaluated-path modules/m/main.tf:2"},
		"a file that is built":           {stack + "-- modules/m/main.tf --\nlocals {\n  n = filebase64(\"${path.module}/x.zip\")\n}\n", "warn missing-file modules/m/main.tf:2"},
		"git's own files":                {stack + "-- modules/m/main.tf --\nlocals {\n  n = file(\"${path.root}/.git/HEAD\")\n}\n", "warn git-metadata modules/m/main.tf:2"},
		"computed source":                {stack + "-- modules/m/main.tf --\nmodule \"x\" {\n  source = \"./${var.x}\"\n}\n", "warn computed-source modules/m/main.tf:2"},
		"dangling":                       {stack + "-- modules/m/main.tf --\nmodule \"x\" {\n  source = \"./gone\"\n}\n", "warn dangling-source modules/m/main.tf:2"},
		"climbs out":                     {stack + "-- modules/m/main.tf --\nmodule \"x\" {\n  source = \"../../../x\"\n}\n", "warn source-outside modules/m/main.tf:2"},
		"sibling":                        {stack + "-- modules/m/main.tf --\nmodule \"x\" {\n  source = \"../n\"\n}\n-- modules/n/main.tf --\n", "info sibling-call modules/m/main.tf:2"},
		"calls a module that a stack stands in": {stack + "-- modules/m/main.tf --\nmodule \"x\" {\n  source = \"../n\"\n}\n-- modules/n/main.tf --\n-- modules/n/s/x.tf --\nterraform {\n  backend \"s3\" {}\n}\n",
			"info sibling-call modules/m/main.tf:2 · info stack-in-module modules/n/s"},
		"a source through the parent":  {stack + "-- modules/m/main.tf --\nmodule \"x\" {\n  source = \"../m/n\"\n}\n-- modules/m/n/main.tf --\n", "info source-through-parent modules/m/main.tf:2"},
		"a file through the parent":    {stack + "-- modules/m/a.json --\n-- modules/m/main.tf --\nlocals {\n  x = file(\"${path.module}/../m/a.json\")\n}\n", "info outside-file modules/m/main.tf:2"},
		"a link through the parent":    {stack + "-- modules/m/main.tf --\n-- modules/m/l.tf --\nsymlink: ../m/main.tf\n", "info symlink-across modules/m/l.tf"},
		"through what moves":           {stack + "-- modules/m/main.tf --\n-- x.json --\n-- live/a/f.tf --\nlocals {\n  x = file(\"${path.module}/../../modules/m/../../x.json\")\n}\n", ""},
		"a command through what moves": {stack + "-- modules/m/main.tf --\n-- x.sh --\n-- live/a/f.tf --\nlocals {\n  x = [\"${path.module}/../../modules/m/../../x.sh\"]\n}\n", "warn file-of-module live/a/f.tf:2"},
		"a circle": {stack + "-- modules/m/main.tf --\nmodule \"x\" {\n  source = \"../n\"\n}\n-- modules/n/main.tf --\nmodule \"x\" {\n  source = \"../m\"\n}\n",
			"info cycle modules/m"},
		"symlink out of a module": {stack + "-- modules/m/main.tf --\n-- modules/m/x.txt --\nsymlink: ../../x.txt\n-- x.txt --\n", "info symlink-across modules/m/x.txt"},
		"symlink into a module":   {stack + "-- modules/m/main.tf --\n-- live/a/x.txt --\nsymlink: ../../modules/m/main.tf\n", "info symlink-across live/a/x.txt"},
		"symlink inside a module": {stack + "-- modules/m/main.tf --\n-- modules/m/x.txt --\nsymlink: main.tf\n", ""},
		"dangling symlink":        {stack + "-- modules/m/main.tf --\n-- modules/m/x.txt --\nsymlink: gone\n", "info dangling-symlink modules/m/x.txt"},
		"a directory that holds the module": {stack + "-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/../${var.x}/p.json\")\n  b = file(\"${path.module}/x-${var.x}.json\")\n}\n",
			"block unevaluated-path modules/m/main.tf:2 · warn unevaluated-path modules/m/main.tf:3"},
		"a directory that holds a stack": {stack + "-- modules/m/main.tf --\ndata \"archive_file\" \"a\" {\n  source_dir = \"${path.module}/../../live\"\n}\n",
			"warn path-value modules/m/main.tf:2 · block unevaluated-path modules/m/main.tf:2"},
		"what an example reads": {stack + "-- modules/m/main.tf --\n-- modules/m/examples/e/main.tf --\nlocals {\n  a = file(\"${path.module}/../../../${var.x}/p.json\")\n  b = file(\"${path.module}/../../../../../out.json\")\n}\n",
			"warn unevaluated-path modules/m/examples/e/main.tf:2 · warn outside-file modules/m/examples/e/main.tf:3"},
		"a file outside the repository":   {stack + "-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/../../../out.json\")\n}\n", "block outside-file modules/m/main.tf:2"},
		"one of two by a condition":       {stack + "-- shared/x.json --\n-- modules/m/y.json --\n-- modules/m/main.tf --\nlocals {\n  p = var.x ? \"${path.module}/../../shared/x.json\" : \"${path.module}/y.json\"\n  n = file(local.p)\n}\n", "info outside-file modules/m/main.tf:2"},
		"a local that nothing uses":       {stack + "-- shared/x.json --\n-- modules/m/main.tf --\nlocals {\n  root = \"${path.module}/../..\"\n  x    = file(\"${local.root}/shared/x.json\")\n}\n", "info outside-file modules/m/main.tf:3"},
		"locals in a circle":              {stack + "-- modules/m/main.tf --\nlocals {\n  a = \"${local.b}/${path.module}\"\n  b = \"${local.a}/x\"\n  c = local.c == \"\" ? local.c : local.c\n}\noutput \"o\" {\n  value = [local.a, local.c]\n}\n", ""},
		"a folder of modules as a text":   {stack + "-- modules/m/main.tf --\n-- live/a/x.tf --\nlocals {\n  a = replace(var.x, \"../../modules/\", \"\")\n  b = \"../../modules\"\n}\n", "warn unevaluated-path live/a/x.tf:3"},
		"any module's file":               {stack + "-- modules/m/main.tf --\n-- live/a/x.tf --\nlocals {\n  a = file(\"../../modules/${var.x}/p.json\")\n}\n", "info file-of-module live/a/x.tf:2"},
		"a symlink to what holds it":      {stack + "-- modules/m/main.tf --\n-- modules/m/up --\nsymlink: ../..\n", "block symlink-across modules/m/up"},
		"a name that no source can hold":  {stack + "-- modules/m/main.tf --\n-- live/a/x.tf --\nmodule \"n\" {\n  source = \"../../modules/m/a*\"\n}\nmodule \"o\" {\n  source = \"../../modules/m/b c\"\n}\n-- modules/m/a*/main.tf --\n-- modules/m/b c/main.tf --\n", "block unaddressable-path live/a/x.tf:2"},
		"a hidden directory":              {stack + "-- modules/m/main.tf --\n-- live/a/x.tf --\nmodule \"n\" {\n  source = \"../../modules/m/.n\"\n}\n-- modules/m/.n/main.tf --\n", "block unaddressable-path live/a/x.tf:2"},
		"a hidden file, called once":      {stack + "-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/.a\")\n}\n-- modules/m/.a --\n", ""},
		"a hidden file, called twice":     {stack + "-- live/a/x.tf --\nmodule \"again\" {\n  source = \"../../modules/m\"\n}\n-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/.a\")\n}\n-- modules/m/.a --\n", "warn hidden-file modules/m/main.tf:2"},
		"a hidden file, through another":  {stack + "-- live/a/x.tf --\nmodule \"again\" {\n  source = \"../../modules/n\"\n}\n-- modules/n/main.tf --\nmodule \"m\" {\n  source = \"../m\"\n}\n-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/d/.a\")\n}\n-- modules/m/d/.a --\n", "warn hidden-file modules/m/main.tf:2 · info sibling-call modules/n/main.tf:2"},
		"a hidden file that nobody reads": {stack + "-- live/a/x.tf --\nmodule \"again\" {\n  source = \"../../modules/m\"\n}\n-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/b\")\n}\n-- modules/m/.a --\n-- modules/m/b --\n", ""},
		"a symlink in a circle":           {stack + "-- modules/m/main.tf --\n-- modules/m/a --\nsymlink: b\n-- modules/m/b --\nsymlink: a\n", "info dangling-symlink modules/m/a · info dangling-symlink modules/m/b"},
		"a stack inside":                  {stack + "-- modules/m/main.tf --\n-- modules/m/s/x.tf --\nterraform {\n  backend \"s3\" {}\n}\n", "info stack-in-module modules/m/s"},
		"mentions":                        {stack + "-- modules/m/main.tf --\n-- ci.yml --\na: modules/m\nb: modules/mm\nc: ../modules/m/x\nd: https://h//modules/mm\n-- modules/m/README.md --\nmodules/m\n", "info mention ci.yml:1 · info mention ci.yml:3"},
		"readme":                          {stack + "-- modules/m/main.tf --\n-- README.md --\n```hcl\n  source = \"./modules/m\"\n```\n", "info readme-source README.md:2"},
		"does not parse":                  {stack + "-- modules/m/main.tf --\nmodule \"x\" {\n", "warn parse-error modules/m/main.tf:1"},
		"attributes that matter":          {stack + "-- modules/m/main.tf --\n-- .gitattributes --\n* text=auto\n*.tf eol=crlf\n*.md filter=lfs\n", "info git-attributes .gitattributes:2"},
		"ident where nothing has it":      {stack + "-- modules/m/main.tf --\n-- modules/m/README.md --\nx\n-- .gitattributes --\n*.md ident\n", ""},
		"ident where a file has it":       {stack + "-- modules/m/main.tf --\n-- modules/m/README.md --\n$Id$\n-- .gitattributes --\n*.md ident\n", "info git-attributes .gitattributes:1"},
		"provider":                        {stack + "-- modules/m/main.tf --\nprovider \"aws\" {}\n", "info provider-in-module modules/m/main.tf:1"},
		"terragrunt caller":               {"-- live/b/terragrunt.hcl --\nterraform {\n  source = \"../../modules/m\"\n}\n-- modules/m/main.tf --\n", ""},
		"json":                            {stack + "-- shared/x.json --\n-- modules/m/main.tf.json --\n{\n  \"locals\": {\"a\": \"${file(\\\"${path.module}/../../shared/x.json\\\")}\"}\n}\n", "info outside-file modules/m/main.tf.json:2"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, h := range allHazards(graphOf(t, tc.archive)) {
				at := h.File
				if h.Line > 0 {
					at += fmt.Sprintf(":%d", h.Line)
				}
				got = append(got, fmt.Sprintf("%s %s %s", h.Severity, h.ID, at))
			}
			if d := cmp.Diff(tc.want, strings.Join(got, " · ")); d != "" {
				t.Error(d)
			}
		})
	}
}

func allHazards(g *Graph) []Hazard { return g.Hazards(g.Candidates(Choice{})) }

// A command line that a hazard shows may hold an address with a password.
func TestHazardsShowNoAddress(t *testing.T) {
	g := graphOf(t, "-- live/a/main.tf --\nterraform {\n  backend \"s3\" {}\n}\nmodule \"m\" {\n  source = \"../../modules/m\"\n}\n-- modules/m/main.tf --\nlocals {\n  a = \"curl https://u:s3cr3t@h/ -o ${path.module}/x\"\n}\n")
	found := allHazards(g)
	if len(found) == 0 {
		t.Error("the value is not named")
	}
	for _, h := range found {
		if strings.Contains(h.Summary, "s3cr3t") {
			t.Errorf("%s", h.Summary)
		}
	}
}
