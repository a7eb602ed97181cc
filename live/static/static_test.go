package static

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// treeOf is the tree of a txtar archive.
func treeOf(t testing.TB, archive string) *Tree {
	t.Helper()
	return treeFS(fsOf(archive))
}

func treeFS(fsys fs.FS) *Tree {
	tree, _ := hclparse.LoadCalls(fsys)
	return NewTree(modules.NewGraph(tree, nil))
}

func fsOf(archive string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	return fsys
}

func parse(t testing.TB, text string) hcl.Expression {
	t.Helper()
	x, diags := hclsyntax.ParseExpression([]byte(text), "x.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", text, diags)
	}
	return x
}

// show is a value as JSON, or why it is not known.
func show(v cty.Value, why string) string {
	if why != "" {
		return "? " + why
	}
	src, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return err.Error()
	}
	return string(src)
}

const names = `
-- live/main.tf --
locals {
  env    = "prod"
  list   = ["b", "a", "b"]
  map    = { a = "1", b = "2" }
  obj    = { name = "x", n = 3, deep = { on = true } }
  known  = { k = "v", u = aws_vpc.main.id }
  name   = "${local.env}-${var.region}"
  maybe  = data.aws_region.here.name
  ring   = "${local.ring2}"
  ring2  = local.ring
  twice  = 1
  digits = "1e999999999"
}
locals {
  twice = 2
}
variable "region" { default = "eu-west-1" }
variable "needed" {}
`

// The results are those of terraform console 1.11.4 with the same locals, where
// it knows them.
func TestValue(t *testing.T) {
	s, diags := treeOf(t, names).Root("live", Inputs{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, c := range values {
		if got := show(s.Value(parse(t, c[0]))); got != c[1] {
			t.Errorf("%s\n got %s\nwant %s", c[0], got, c[1])
		}
	}
}

var values = [][2]string{
	{`"a"`, `"a"`},
	{`1.5`, `1.5`},
	{`true`, `true`},
	{`null`, `null`},
	{`"${local.env}/x"`, `"prod/x"`},
	{`local.name`, `"prod-eu-west-1"`},
	{`"${1 + 2}-${true}"`, `"3-true"`},
	{`local.list[1]`, `"a"`},
	{`local.map["b"]`, `"2"`},
	{`local.map.a`, `"1"`},
	{`local.obj.deep.on`, `true`},
	{`local.obj["name"]`, `"x"`},
	{`local.known.k`, `"v"`},
	{`local.env == "prod" ? "p" : "q"`, `"p"`},
	{`!local.obj.deep.on || 3 > 2 && 1 != 2`, `true`},
	{`terraform.workspace`, `"default"`},
	{`path.module`, `"."`},
	{`path.root`, `"."`},
	{`"%{ if local.env == "prod" }yes%{ else }no%{ endif }"`, `"yes"`},
	{`"%{ for x in local.list ~}${x},%{ endfor ~}"`, `"b,a,b,"`},
	{`[for x in local.list : upper(x)]`, `["B","A","B"]`},
	{`{ for k, v in local.map : v => k if v != "1" }`, `{"2":"b"}`},
	{`local.list[*]`, `["b","a","b"]`},
	{`[local.obj][*].name`, `["x"]`},
	{`format("%s-%03d-%v", local.env, 7, true)`, `"prod-007-true"`},
	{`format("%q %d%%", "a", 5)`, `"\"a\" 5%"`},
	{`join("/", concat(local.list, ["z"]))`, `"b/a/b/z"`},
	{`join(",", [])`, `""`},
	{`replace("a.b.c", ".", "-")`, `"a-b-c"`},
	{`lower("ABC")`, `"abc"`},
	{`upper("abc")`, `"ABC"`},
	{`title("hello world")`, `"Hello World"`},
	{`trim("  x ", " ")`, `"x"`},
	{`trimspace(" x\n")`, `"x"`},
	{`trimprefix("live/x", "live/")`, `"x"`},
	{`trimsuffix("x.tf", ".tf")`, `"x"`},
	{`chomp("a\n\n")`, `"a"`},
	{`strrev("abc")`, `"cba"`},
	{`substr("hello", 1, 3)`, `"ell"`},
	{`substr("hello", -2, -1)`, `"lo"`},
	{`split("/", "a/b/c")`, `["a","b","c"]`},
	{`element(local.list, 4)`, `"a"`},
	{`element(["x"], "0")`, `"x"`},
	{`merge(local.map, { b = "3", c = "4" })`, `{"a":"1","b":"3","c":"4"}`},
	{`merge()`, `{}`},
	{`lookup(local.map, "z", "d")`, `"d"`},
	{`lookup(local.map, "a")`, `"1"`},
	{`lookup(local.obj, "n", 0)`, `3`},
	{`lookup(local.obj, "q", "w")`, `"w"`},
	{`keys(local.map)`, `["a","b"]`},
	{`values(local.map)`, `["1","2"]`},
	{`length(local.list)`, `3`},
	{`length("héé")`, `3`},
	{`length(local.obj)`, `3`},
	{`length({})`, `0`},
	{`toset(local.list)`, `["a","b"]`},
	{`tolist(["a", 1])`, `["a","1"]`},
	{`tomap({ a = 1, b = "x" })`, `{"a":"1","b":"x"}`},
	{`tostring(5)`, `"5"`},
	{`tonumber("5")`, `5`},
	{`tobool("true")`, `true`},
	{`contains(local.list, "a")`, `true`},
	{`distinct(local.list)`, `["b","a"]`},
	{`sort(local.list)`, `["a","b","b"]`},
	{`reverse(local.list)`, `["b","a","b"]`},
	{`compact(["", "a", null])`, `["a"]`},
	{`flatten([["a"], [["b"]]])`, `["a","b"]`},
	{`slice(local.list, 0, 2)`, `["b","a"]`},
	{`zipmap(["a"], [1])`, `{"a":1}`},
	{`setunion(["a"], ["b"])`, `["a","b"]`},
	{`setsubtract(["a", "b"], ["b"])`, `["a"]`},
	{`setintersection(["a", "b"], ["b"])`, `["b"]`},
	{`coalesce("", null, "x")`, `"x"`},
	{`coalesce(null, 1)`, `1`},
	{`coalescelist([], ["a"])`, `["a"]`},
	{`one([])`, `null`},
	{`one(["x"])`, `"x"`},
	{`one(toset(["y"]))`, `"y"`},
	{`basename("a/b/c")`, `"c"`},
	{`dirname("a/b/c")`, `"a/b"`},
	{`basename("")`, `"."`},
	{`dirname("x")`, `"."`},
	{`basename("a/")`, `"a"`},
	{`startswith("abc", "ab")`, `true`},
	{`endswith("abc", "bc")`, `true`},
	{`strcontains("abc", "z")`, `false`},
	{`regex("[a-z]+", "12ab")`, `"ab"`},
	{`regex("(\\d)(\\w)", "1a")`, `["1","a"]`},
	{`jsonencode({ a = [1, "x"] })`, `"{\"a\":[1,\"x\"]}"`},
	{`max(1, 5, "3")`, `5`},
	{`min(4, 2)`, `2`},
	{`abs(-2)`, `2`},
	{`ceil(1.2)`, `2`},
	{`floor(1.8)`, `1`},
	{`try(local.obj.nope, "d")`, `"d"`},
	{`can(local.obj.nope)`, `false`},
	{`try(local.obj.name, "d")`, `"x"`},
	{`nonsensitive("a")`, `"a"`},
	{`"1" + 1`, `2`},
	{`10 / 4`, `2.5`},
	{`7 % 3`, `1`},
	{`-local.obj.n`, `-3`},
	{"<<EOT\na\nEOT\n", `"a\n"`},
	{`local.name`, `"prod-eu-west-1"`},
	{`local.known.k`, `"v"`},
	// What terraform itself does not know here, or refuses.
	{`local.known.u`, `? local.known: aws_vpc.main is not known before a plan`},
	{`local.maybe`, `? local.maybe: data.aws_region.here is not known before a plan`},
	{`"x${local.maybe}"`, `? local.maybe: data.aws_region.here is not known before a plan`},
	{`true ? "a" : local.maybe`, `"a"`},
	{`local.ring`, `? local.ring: local.ring2: local.ring is made of itself`},
	{`local.twice`, `? local.twice is declared twice`},
	{`local.none`, `? local.none is not declared`},
	{`var.needed`, `? var.needed has no value and no default`},
	{`var.other`, `? var.other is not declared`},
	{`module.x.id`, `? module.x is not known before a plan`},
	{`path.cwd`, `? path.cwd is not known`},
	{`each.key`, `? each is not defined here`},
	{`file("x")`, `? file() is not evaluated`},
	{`timestamp()`, `? timestamp() is not evaluated`},
	{`nosuch("x")`, `? call to unknown function`},
	{`local.list[9]`, `? invalid index`},
	{`local.obj.nope`, `? unsupported attribute`},
	{`1e999999999`, `? a number is too large`},
	{`1e90000000`, `? a number is too large`},
	{`"${1e-90000000}"`, `? a number is too large`},
	{`"${1e999999999}"`, `? a number is too large`},
	{`"1e999999999" + 1`, `? a text is taken for a number`},
	{`local.digits + 1`, `? a number is too large`},
	{`"${local.digits}"`, `"1e999999999"`},
	{`"1e${9999}99999" + 1`, `? a text is taken for a number`},
	{`tostring(tonumber("1e999999999"))`, `? it is not known before a plan`},
	{`"${max("1e999999999", 1)}"`, `? it is not known before a plan`},
	{`format("%999999999d", 1)`, `? it is not known before a plan`},
	{`[for a in local.list : [for b in local.list : [for c in local.list : [for d in local.list : [for e in local.list : [for f in local.list : [for g in local.list : a]]]]]]]`, `? its for expressions are too much work`},
}

const estateFiles = `
-- live/app/main.tf --
module "one" {
  source = "../../modules/m"
  name   = "${var.env}-one"
  null   = null
  list   = var.list
}
module "many" {
  source   = "../../modules/m"
  for_each = toset(var.list)
  name     = each.value
}
module "counted" {
  source = "../../modules/m"
  count  = 2
  name   = "n${count.index}"
}
module "off" {
  source = "../../modules/m"
  count  = var.env == "prod" ? 0 : 1
  name   = "off"
}
module "later" {
  source   = "../../modules/m"
  for_each = data.x.y.z
  name     = each.key
}
module "far" {
  source = "git::https://git.example.com/m.git?ref=v1.0.0"
}
module "gone" {
  source = "./gone"
}
variable "env"  { default = "qa" }
variable "list" {
  type    = list(string)
  default = ["a", "b"]
}
variable "n" {
  type    = number
  default = 1
}
variable "opt" {
  type    = object({ a = string, b = optional(string, "bb") })
  default = { a = "a" }
}
variable "any" { type = any }
-- live/app/over_override.tf --
module "one" {
  name = "over"
}
-- live/app/only.tofu --
locals { tofu = true }
-- live/app/terraform.tfvars --
env = "t1"
n   = 2
-- live/app/terraform.tfvars.json --
{"env": "t2"}
-- live/app/b.auto.tfvars --
env = "b"
-- live/app/a.auto.tfvars.json --
{"env": "a", "undeclared": 1}
-- live/app/prod.tfvars --
env = "prod"
any = { x = [1] }
-- live/app/f.tfvars --
any = file("x")
-- live/app/bad.tfvars --
env = [
-- modules/m/main.tf --
variable "name" {}
variable "list" { default = ["d"] }
variable "null" {
  default  = "dd"
  nullable = false
}
locals { full = "${var.name}:${path.module}:${join("+", var.list)}:${terraform.workspace}" }
module "inner" {
  source = "./inner"
  name   = local.full
}
-- modules/m/inner/main.tf --
variable "name" {}
locals { v = "${var.name}|${path.module}" }
-- modules/ring/main.tf --
module "ring" { source = "../ring2" }
-- modules/ring2/main.tf --
module "ring" { source = "../ring" }
`

func TestVariables(t *testing.T) {
	for _, c := range []struct {
		name string
		in   Inputs
		expr string
		want string
	}{
		{"auto files in their order", Inputs{}, "var.env", `"b"`},
		{"-var-file is the last", Inputs{VarFiles: []string{"prod.tfvars"}}, "var.env", `"prod"`},
		{"from above", Inputs{VarFiles: []string{"../app/prod.tfvars"}}, "var.env", `"prod"`},
		{"the environment is the first", Inputs{Variables: map[string]string{"env": "e", "n": "5"}}, "[var.env, var.n]", `["b",2]`},
		{"a list in the environment", Inputs{Variables: map[string]string{"list": `["x"]`}}, "var.list", `["x"]`},
		{"an expression that is two", Inputs{Variables: map[string]string{"list": "[]\nother = 1"}}, "var.list", `? var.list has a value that is no constant`},
		{"the environment, of the wrong type", Inputs{Variables: map[string]string{"list": `x`}}, "var.list", `? var.list has a value that is no constant`},
		{"a default", Inputs{}, "var.list", `["a","b"]`},
		{"optional attributes", Inputs{}, "var.opt.b", `"bb"`},
		{"any", Inputs{VarFiles: []string{"prod.tfvars"}}, "var.any.x[0]", `1`},
		{"any of the environment", Inputs{Variables: map[string]string{"any": "{ x = 5 }"}}, "var.any.x", `5`},
		{"no constant", Inputs{VarFiles: []string{"f.tfvars"}}, "var.any", `? var.any has a value that is no constant`},
		{"a missing file", Inputs{VarFiles: []string{"none.tfvars"}}, "var.list", `? var.list: a var file cannot be read`},
		{"a broken file", Inputs{VarFiles: []string{"bad.tfvars"}}, "var.list", `? var.list: a var file cannot be read`},
		{"outside", Inputs{VarFiles: []string{"../../../x.tfvars"}}, "var.list", `? var.list: a var file cannot be read`},
		{"absolute", Inputs{VarFiles: []string{"/etc/passwd"}}, "var.list", `? var.list: a var file cannot be read`},
		{"terraform reads no .tofu", Inputs{}, "local.tofu", `? local.tofu is not declared`},
		{"tofu does", Inputs{Tofu: true}, "local.tofu", `true`},
		{"workspace", Inputs{Workspace: "w"}, "terraform.workspace", `"w"`},
	} {
		s, _ := treeOf(t, estateFiles).Root("live/app", c.in)
		if got := show(s.Value(parse(t, c.expr))); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.expr, got, c.want)
		}
	}
}

func TestChildren(t *testing.T) {
	s, diags := treeOf(t, estateFiles).Root("live/app", Inputs{Workspace: "w"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var got []string
	var walk func(s *Scope)
	walk = func(s *Scope) {
		for _, l := range []string{"local.full", "local.v"} {
			if v, why := s.Value(parse(t, l)); !strings.Contains(why, "not declared") {
				got = append(got, s.Address()+" "+show(v, why))
			}
		}
		for _, c := range s.Calls() {
			children, why := s.Children(c)
			if why != "" {
				got = append(got, s.Address()+" "+c.Name+"? "+why)
			}
			for _, child := range children {
				walk(child)
			}
		}
	}
	walk(s)
	want := []string{
		`module.counted[0] "n0:../../modules/m:d:w"`,
		`module.counted[0].module.inner "n0:../../modules/m:d:w|../../modules/m/inner"`,
		`module.counted[1] "n1:../../modules/m:d:w"`,
		`module.counted[1].module.inner "n1:../../modules/m:d:w|../../modules/m/inner"`,
		` far? it is in another repository`,
		` gone? its source leads to no configuration`,
		`module.later ? local.full: var.name: for_each: data.x.y is not known before a plan`,
		`module.later.module.inner ? local.full: var.name: for_each: data.x.y is not known before a plan`,
		`module.many["a"] "a:../../modules/m:d:w"`,
		`module.many["a"].module.inner "a:../../modules/m:d:w|../../modules/m/inner"`,
		`module.many["b"] "b:../../modules/m:d:w"`,
		`module.many["b"].module.inner "b:../../modules/m:d:w|../../modules/m/inner"`,
		`module.off[0] "off:../../modules/m:d:w"`,
		`module.off[0].module.inner "off:../../modules/m:d:w|../../modules/m/inner"`,
		`module.one "over:../../modules/m:a+b:w"`,
		`module.one.module.inner "over:../../modules/m:a+b:w|../../modules/m/inner"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s, _ = treeOf(t, estateFiles).Root("live/app", Inputs{VarFiles: []string{"prod.tfvars"}})
	for _, c := range s.Calls() {
		if list, why := s.Children(c); c.Name == "off" && (len(list) != 0 || why != "") {
			t.Errorf("a count of 0: %d, %q", len(list), why)
		}
	}
	for _, c := range s.Calls() {
		if c.Name == "one" {
			one, _ := s.Children(c)
			if got := show(one[0].Value(parse(t, "var.null"))); got != `"dd"` {
				t.Errorf("null for a variable that cannot be null: %s", got)
			}
		}
	}
	s, _ = treeOf(t, estateFiles).Root("modules/ring", Inputs{})
	list, _ := s.Children(s.Calls()[0])
	if len(list) != 1 {
		t.Fatal("no child")
	}
	if _, why := list[0].Children(list[0].Calls()[0]); why != "the module calls itself" {
		t.Errorf("a ring: %q", why)
	}
}

func TestArgument(t *testing.T) {
	s, _ := treeOf(t, `
-- main.tf --
provider "aws" {
  region  = var.r
  profile = "x"
  assume_role {
    role_arn = "arn:aws:iam::${local.id}:role/r"
    session_name = data.a.b.c
  }
  allowed_account_ids = [local.id]
}
provider "aws" {
  alias = "two"
  assume_role { role_arn = "a" }
  assume_role { role_arn = "b" }
}
provider "aws" {
  alias = "three"
  dynamic "assume_role" {
    for_each = []
    content {}
  }
}
locals { id = "111111111111" }
-- o_override.tf --
provider "aws" {
  profile = "y"
}
-- p.tf.json --
{"provider": {"aws": {"alias": "json", "assume_role": {"role_arn": "arn:${local.id}"}, "profile": "${join(\"-\", [\"a\", local.id])}"}}}
`).Root(".", Inputs{})
	var got []string
	for _, b := range s.Providers() {
		for _, names := range [][]string{{"profile"}, {"assume_role", "role_arn"}, {"assume_role", "session_name"}, {"allowed_account_ids"}} {
			got = append(got, b.Name+" "+strings.Join(names, ".")+" "+show(s.Argument(b, names...)))
		}
	}
	want := []string{
		` profile "y"`,
		` assume_role.role_arn "arn:aws:iam::111111111111:role/r"`,
		` assume_role.session_name ? data.a.b is not known before a plan`,
		` allowed_account_ids ["111111111111"]`,
		`json profile "a-111111111111"`,
		`json assume_role.role_arn "arn:111111111111"`,
		`json assume_role.session_name null`,
		`json allowed_account_ids null`,
		`three profile null`,
		`three assume_role.role_arn ? assume_role is a dynamic block`,
		`three assume_role.session_name ? assume_role is a dynamic block`,
		`three allowed_account_ids null`,
		`two profile null`,
		`two assume_role.role_arn ? there is more than one block assume_role`,
		`two assume_role.session_name ? there is more than one block assume_role`,
		`two allowed_account_ids null`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzValue holds that no file makes the evaluation panic, or run or grow
// without end.
func FuzzValue(f *testing.F) {
	for _, c := range values {
		f.Add("locals { x = "+c[0]+" }", "a = 1")
	}
	f.Add(estateFiles, `{"a": [1]}`)
	f.Fuzz(func(t *testing.T, src, vars string) {
		tree := treeFS(fstest.MapFS{
			"r/main.tf":            {Data: []byte(src)},
			"r/x.tf.json":          {Data: []byte(vars)},
			"r/terraform.tfvars":   {Data: []byte(vars)},
			"r/a.auto.tfvars.json": {Data: []byte(vars)},
			"m/main.tf":            {Data: []byte("variable \"a\" {}\nlocals { x = var.a }")},
		})
		s, _ := tree.Root("r", Inputs{Variables: map[string]string{"a": vars}})
		var walk func(s *Scope, depth int)
		walk = func(s *Scope, depth int) {
			for _, l := range s.Module().Locals {
				v, why := s.Value(l.Expr)
				if v.IsWhollyKnown() != (why == "") {
					t.Errorf("known %v, but why is %q", v.IsWhollyKnown(), why)
				}
				TextOf(v, why)
			}
			for _, b := range s.Providers() {
				s.Argument(b, "assume_role", "role_arn")
			}
			if depth < 3 {
				for _, c := range s.Calls() {
					list, _ := s.Children(c)
					for _, child := range list[:min(len(list), 3)] {
						walk(child, depth+1)
					}
				}
			}
		}
		walk(s, 0)
		if _, err := fs.Stat(tree.g.Tree.FS, "r/terraform.tfvars"); err == nil {
			_, _ = tree.ValuesFile(nil, "r/terraform.tfvars")
		}
	})
}
