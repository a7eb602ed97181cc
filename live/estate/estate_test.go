package estate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
)

func fsOf(archive string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	return fsys
}

// in gives the environments of a stack by globs, as terrier.hcl does.
func in(globs map[string]string) func(string) []string {
	return func(stack string) []string {
		var out []string
		for _, name := range slices.Sorted(maps.Keys(globs)) {
			if doublestar.MatchUnvalidated(globs[name], stack) {
				out = append(out, name)
			}
		}
		return out
	}
}

func discover(t testing.TB, archive string, c Config) *Estate {
	t.Helper()
	fsys := fsOf(archive)
	tree, _ := hclparse.LoadCalls(fsys)
	e, diags := Discover(fsys, modules.NewGraph(tree, nil), c)
	for _, d := range diags {
		t.Logf("%v %s", d, d.Detail)
	}
	return e
}

// told is an estate as lines.
func told(e *Estate) string {
	var b strings.Builder
	for _, u := range e.Units {
		fmt.Fprintf(&b, "unit %s", u.Name())
		if u.Backend.Why != "" {
			fmt.Fprintf(&b, ": %s", u.Backend.Why)
		}
		b.WriteByte('\n')
	}
	for _, x := range e.Edges {
		fmt.Fprintf(&b, "%s after %s: %s\n", x.To.Name(), x.From.Name(), x.Reason())
	}
	for _, l := range []struct {
		name string
		list []Unresolved
	}{{"unresolved", e.Unresolved}, {"external", e.External}, {"unread", e.Unread}} {
		for _, u := range l.list {
			fmt.Fprintf(&b, "%s %s (%s:%d): %s\n", l.name, u.Unit.Name(), u.File, u.Line, u.Why)
		}
	}
	order, err := e.Order()
	if err != nil {
		fmt.Fprintln(&b, err)
	} else {
		var names []string
		for _, u := range order {
			names = append(names, u.Name())
		}
		fmt.Fprintf(&b, "order %s\n", strings.Join(names, " "))
	}
	return b.String()
}

const (
	s3a = "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key    = \"a.tfstate\"\n  }\n}\n"
	s3b = "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key    = \"b.tfstate\"\n  }\n}\n"
)

func TestDiscover(t *testing.T) {
	for _, c := range []struct {
		name, files string
		config      Config
		want        string
	}{
		{"a state is matched on bucket and key, whatever its region and profile",
			"-- a/a.tf --\n" + s3a + "-- b/b.tf --\n" + s3b + `data "terraform_remote_state" "a" {
  backend = "s3"
  config = {
    bucket  = "b"
    key     = "a.tfstate"
    region  = "eu-west-1"
    profile = "x"
  }
}
data "terraform_remote_state" "other_bucket" {
  backend = "s3"
  config  = { bucket = "c", key = "a.tfstate" }
}
data "terraform_remote_state" "china" {
  backend = "s3"
  config  = { bucket = "b", key = "a.tfstate", region = "cn-north-1" }
}
data "terraform_remote_state" "endpoint" {
  backend = "s3"
  config  = { bucket = "b", key = "a.tfstate", endpoints = { s3 = "http://127.0.0.1" } }
}
data "terraform_remote_state" "self" {
  backend = "s3"
  config  = { bucket = "b", key = "b.tfstate" }
}
data "terraform_remote_state" "old" {
  backend = "s3"
  config {
    bucket = "b"
    key    = "a.tfstate"
  }
}
`, Config{}, `unit a
unit b
b after a: reads its state by data.terraform_remote_state.a (b/b.tf:7)
b after a: reads its state by data.terraform_remote_state.old (b/b.tf:32)
external b (b/b.tf:16): data.terraform_remote_state.other_bucket: no unit keeps its state there (s3, bucket "c", key "a.tfstate")
external b (b/b.tf:20): data.terraform_remote_state.china: no unit keeps its state there (s3, bucket "b", key "a.tfstate")
external b (b/b.tf:24): data.terraform_remote_state.endpoint: no unit keeps its state there (s3, bucket "b", key "a.tfstate")
order a b
`},
		{"in modules, through variables, locals and for_each; names before they are known to nobody",
			"-- live/net/a.tf --\n" + s3a + "-- live/db/b.tf --\n" + s3b + "-- live/app/m.tf --\n" + strings.ReplaceAll(s3a, "a.tfstate", "app") + `module "reader" {
  source = "../../modules/reader"
  stacks = ["a", "b", "zz"]
  bucket = local.bucket
}
module "far" {
  source = "git::https://git.example.com/far.git?ref=v1.0.0"
}
locals { bucket = "b" }
-- modules/reader/m.tf --
variable "stacks" { type = set(string) }
variable "bucket" {}
variable "later" { default = null }
data "terraform_remote_state" "s" {
  for_each = var.stacks
  backend  = "s3"
  config = {
    bucket = var.bucket
    key    = "${each.key}.tfstate"
  }
}
data "terraform_remote_state" "late" {
  backend = "s3"
  config = {
    bucket = aws_s3_bucket.b.id
    key    = "a.tfstate"
  }
}
data "terraform_remote_state" "off" {
  count   = 0
  backend = var.later
}
`, Config{}, `unit live/app
unit live/db
unit live/net
live/app after live/db: reads its state by data.terraform_remote_state.s (modules/reader/m.tf:4)
live/app after live/net: reads its state by data.terraform_remote_state.s (modules/reader/m.tf:4)
unresolved live/app (modules/reader/m.tf:12): data.terraform_remote_state.late: bucket: aws_s3_bucket.b is not known before a plan
external live/app (modules/reader/m.tf:4): data.terraform_remote_state.s: no unit keeps its state there (s3, bucket "b", key "zz.tfstate")
unread live/app (live/app/m.tf:12): module "far" cannot be read: it is in another repository
order live/db live/net live/app
`},
		{"one stack in two environments: partial backends and var files",
			`-- app/main.tf --
terraform {
  backend "s3" {}
}
variable "env" {}
data "terraform_remote_state" "net" {
  backend = "s3"
  config = {
    bucket = "state-${var.env}"
    key    = "net"
  }
}
-- app/qa.tfvars --
env = "qa"
-- app/prod.tfvars --
env = "prod"
-- app/qa.s3.tfbackend --
bucket = "state-qa"
key    = "app"
-- app/prod.s3.tfbackend --
bucket = "state-prod"
-- net/qa.tfvars --
-- net/prod.tfvars --
-- net/main.tf --
terraform {
  backend "s3" {
    key = "net"
  }
}
-- net/qa.s3.tfbackend --
bucket = "state-qa"
-- net/prod.s3.tfbackend --
bucket = "state-prod"
`, Config{
				Environments: []Environment{
					{Name: "qa", VarFiles: []string{"qa.tfvars"}, BackendConfig: []string{"qa.s3.tfbackend"}},
					{Name: "prod", VarFiles: []string{"prod.tfvars"}, BackendConfig: []string{"prod.s3.tfbackend", "key=app"}},
				},
				EnvironmentsOf: in(map[string]string{"qa": "**", "prod": "**"}),
			}, `unit app@prod
unit app@qa
unit net@prod
unit net@qa
app@qa after net@qa: reads its state by data.terraform_remote_state.net (app/main.tf:5)
external app@prod (app/main.tf:5): data.terraform_remote_state.net: no unit keeps its state there (s3, bucket "state-prod", key "net")
order app@prod net@prod net@qa app@qa
`},
		{"workspaces: the same place by two ways", `-- net/main.tf --
terraform {
  backend "s3" {
    bucket               = "b"
    key                  = "terraform.tfstate"
    workspace_key_prefix = "accounts/net"
  }
}
-- app/main.tf --
terraform {
  backend "local" {}
}
data "terraform_remote_state" "by_key" {
  backend = "s3"
  config = {
    bucket = "b"
    key    = "accounts/net/net-prod/terraform.tfstate"
  }
}
data "terraform_remote_state" "by_workspace" {
  backend   = "s3"
  workspace = "net-${terraform.workspace}"
  config = {
    bucket               = "b"
    key                  = "terraform.tfstate"
    workspace_key_prefix = "accounts/net"
  }
}
data "terraform_remote_state" "other_prefix" {
  backend   = "s3"
  workspace = "net-prod"
  config = {
    bucket = "b"
    key    = "terraform.tfstate"
  }
}
`, Config{
			Environments:   []Environment{{Name: "net", Workspace: "net-prod"}, {Name: "app", Workspace: "prod"}},
			EnvironmentsOf: in(map[string]string{"net": "net", "app": "app"}),
		}, `unit app
unit net
app after net: reads its state by data.terraform_remote_state.by_key (app/main.tf:4)
app after net: reads its state by data.terraform_remote_state.by_workspace (app/main.tf:11)
external app (app/main.tf:20): data.terraform_remote_state.other_prefix: no unit keeps its state there (s3, bucket "b", key "terraform.tfstate", workspace "net-prod")
order net app
`},
		{"local states, also without a backend block", `-- net/main.tf --
provider "aws" {}
-- app/main.tf --
terraform {
  backend "local" {
    path = "states/app"
  }
}
module "m" { source = "../modules/m" }
-- modules/m/m.tf --
data "terraform_remote_state" "net" {
  backend = "local"
  config  = { path = "${path.module}/../../net/terraform.tfstate" }
}
data "terraform_remote_state" "own" {
  backend = "local"
  config  = { path = "states/app" }
}
`, Config{}, `unit app
unit net
app after net: reads its state by data.terraform_remote_state.net (modules/m/m.tf:1)
order net app
`},
		{"what is not known has a reason", `-- partial/m.tf --
terraform {
  backend "s3" {
    bucket = "b"
  }
}
-- unknown/m.tf --
terraform {
  backend "swift" {}
}
-- broken/m.tf --
terraform {
  backend "s3" {
    bucket = "b"
    key    = "k"
  }
}
resource "x" {
-- missing/m.tf --
terraform {
  backend "s3" {}
}
-- fill/m.tf --
terraform {
  backend "s3" {
    bucket = "your-bucket"
    key    = "k"
  }
}
-- tg/terragrunt.hcl --
terraform { source = "../m" }
-- tg/m.tf --
terraform {
  backend "s3" {}
}
-- m/m.tf --
`, Config{
			Environments:   []Environment{{Name: "e", BackendConfig: []string{"none.tfbackend"}}},
			EnvironmentsOf: in(map[string]string{"e": "missing"}),
		}, `unit broken: a file of the stack does not parse
unit fill: its arguments do not say which state it is, or hold a placeholder
unit missing: the backend_config file none.tfbackend cannot be read
unit partial: key is not given
unit tg: terragrunt writes the backend
unit unknown: where a backend of the type "swift" keeps its state is not known
unresolved broken (broken/m.tf:1): a file does not parse, so whether it reads other states is not known
order broken fill missing partial tg unknown
`},
		{"after of stacks and environments", `-- a/m.tf --
provider "aws" {}
-- b/m.tf --
provider "aws" {}
-- c/m.tf --
provider "aws" {}
-- z/m.tf --
provider "aws" {}
`, Config{
			Environments:   []Environment{{Name: "qa"}, {Name: "empty", After: []string{"qa"}}, {Name: "prod", After: []string{"empty"}, File: "terrier.hcl", Line: 3}},
			EnvironmentsOf: in(map[string]string{"qa": "{z,c}", "prod": "{a,c}"}),
			After: func(stack string) []string {
				return map[string][]string{"b": {"./[a-c]"}, "c": {"z/"}}[stack]
			},
			AfterAt: func(string) (string, int) { return "terrier.hcl", 9 },
		}, `unit a
unit b
unit c@prod
unit c@qa
unit z
b after a: after = ./[a-c] (terrier.hcl:9)
b after c@prod: after = ./[a-c] (terrier.hcl:9)
b after c@qa: after = ./[a-c] (terrier.hcl:9)
c@prod after z: after = z/ (terrier.hcl:9)
c@qa after z: after = z/ (terrier.hcl:9)
order z c@qa a c@prod b
`},
		{"after, in the same environment where there is one", "-- a/m.tf --\nprovider \"aws\" {}\n-- b/m.tf --\nprovider \"aws\" {}\n", Config{
			Environments:   []Environment{{Name: "qa"}, {Name: "prod"}, {Name: "dev"}},
			EnvironmentsOf: in(map[string]string{"qa": "*", "prod": "*", "dev": "b"}),
			After:          func(stack string) []string { return map[string][]string{"b": {"a"}}[stack] },
		}, `unit a@prod
unit a@qa
unit b@dev
unit b@prod
unit b@qa
b@dev after a@prod: after = a
b@dev after a@qa: after = a
b@prod after a@prod: after = a
b@qa after a@qa: after = a
order a@prod a@qa b@dev b@prod b@qa
`},
		{"a ring of three, with an environment's order in it", "-- a/m.tf --\n" + s3a + "-- b/m.tf --\n" + s3b + `data "terraform_remote_state" "a" {
  backend = "s3"
  config  = { bucket = "b", key = "a.tfstate" }
}
-- c/m.tf --
provider "aws" {}
-- d/m.tf --
provider "aws" {}
`, Config{
			Environments:   []Environment{{Name: "one"}, {Name: "two", After: []string{"one"}, File: "terrier.hcl", Line: 3}},
			EnvironmentsOf: in(map[string]string{"one": "b", "two": "c"}),
			After:          func(stack string) []string { return map[string][]string{"a": {"c"}, "d": {"a"}}[stack] },
		}, `unit a
unit b
unit c
unit d
a after c: after = c
b after a: reads its state by data.terraform_remote_state.a (b/m.tf:7)
d after a: after = a
stacks wait for each other in a circle:
  b comes after a: reads its state by data.terraform_remote_state.a (b/m.tf:7)
  c comes after b: environment "two" comes after "one" (terrier.hcl:3)
  a comes after c: after = c
hint: take one of these away; a value can come from a variable in the place of a remote state.
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := discover(t, c.files, c.config)
			if diff := cmp.Diff(c.want, told(e)); diff != "" {
				t.Error(diff)
			}
			sameUpstream(t, e)
		})
	}
}

// sameUpstream holds Own and Ahead, which say in few words what a unit comes
// after, against Upstream, which says all of it.
func sameUpstream(t *testing.T, e *Estate) {
	t.Helper()
	for _, u := range e.Units {
		var all, few []string
		for _, x := range e.Upstream(u) {
			all = append(all, x.From.Name()+": "+x.Reason())
		}
		for _, x := range e.Own(u) {
			few = append(few, x.From.Name()+": "+x.Reason())
		}
		for _, a := range e.Ahead(u.Environment) {
			n := 0
			for _, from := range e.Units {
				if from.Environment == a.Environment {
					few = append(few, from.Name()+": "+Edge{Detail: a.Detail, File: a.File, Line: a.Line}.Reason())
					n++
				}
			}
			if n != a.Units || n == 0 {
				t.Errorf("%s: %d units in %q, counted %d", u.Name(), n, a.Environment, a.Units)
			}
		}
		slices.Sort(all)
		slices.Sort(few)
		if diff := cmp.Diff(all, few); diff != "" {
			t.Errorf("%s: %s", u.Name(), diff)
		}
	}
}

// A module of another repository is read where somebody opens it. What is wrong
// in it is named where the stack calls it.
func TestOpen(t *testing.T) {
	far := "-- sub/m.tf --\n" + `variable "key" {}
data "terraform_remote_state" "x" {
  backend = "s3"
  config  = { bucket = "b", key = var.key }
}
data "terraform_remote_state" "y" {
  backend = "s3"
  config  = { bucket = "b", key = path.cwd }
}
module "again" { source = "./gone" }
`
	tree, _ := hclparse.LoadCalls(fsOf(far))
	there := static.NewTree(modules.NewGraph(tree, nil))
	e := discover(t, "-- a/a.tf --\n"+s3a+"-- b/b.tf --\n"+s3b+`module "far" {
  source = "git::https://git.example.com/far.git//sub?ref=v1.0.0"
  key    = "a.tfstate"
}
module "none" {
  source = "git::https://u:secret@git.example.com/none.git?ref=v1.0.0"
}
`, Config{Open: func(s hclparse.Source, version string) (*static.Tree, string, error) {
		if s.Repository == "far" {
			return there, s.Subdir, nil
		}
		return nil, "", errors.New("https://u:secret@git.example.com/none.git is gone")
	}})
	want := `unit a
unit b
b after a: reads its state by in module "far": data.terraform_remote_state.x (b/b.tf:7)
unresolved b (b/b.tf:7): in module "far": data.terraform_remote_state.y: key: path.cwd is not known
unread b (b/b.tf:7): in module "far": module "again" cannot be read: its source leads to no configuration
unread b (b/b.tf:11): module "none" cannot be read: https://REDACTED@git.example.com/none.git is gone
order a b
`
	if diff := cmp.Diff(want, told(e)); diff != "" {
		t.Error(diff)
	}
}

func TestConfigErrors(t *testing.T) {
	const files = "-- a/m.tf --\nprovider \"aws\" {}\n-- a@x/m.tf --\nprovider \"aws\" {}\n"
	for _, c := range []struct {
		name   string
		config Config
		want   string
	}{
		{"a ring", Config{Environments: []Environment{{Name: "a", After: []string{"b"}}, {Name: "b", After: []string{"c"}}, {Name: "c", After: []string{"a"}}}}, "They come after each other: a after b after c after a."},
		{"after itself", Config{Environments: []Environment{{Name: "a", After: []string{"a"}}}}, "They come after each other: a after a."},
		{"an unknown one", Config{Environments: []Environment{{Name: "prod", After: []string{"stagign"}}, {Name: "staging"}}}, `comes after "stagign", which is none.` + "\nhint: did you mean \"staging\"?"},
		{"a path for a name", Config{Environments: []Environment{{Name: "../x"}}}, `"../x"`},
		{"two of a name", Config{Environments: []Environment{{Name: "x"}, {Name: "x"}}}, "two environments"},
		{"one name for two units", Config{Environments: []Environment{{Name: "x"}, {Name: "y"}}, EnvironmentsOf: in(map[string]string{"x": "a", "y": "a"})}, "both called a@x"},
		{"of a stack, unknown", Config{EnvironmentsOf: func(string) []string { return []string{"q"} }}, `in the environment "q"`},
		{"after no stack", Config{After: func(string) []string { return []string{"b"} }}, `comes after "b", which is no stack.`},
		{"after out of the tree", Config{After: func(string) []string { return []string{"../b"} }}, "leads out"},
		{"after a broken glob", Config{After: func(string) []string { return []string{"[b"} }}, "it is no glob"},
		{"a stack after itself", Config{After: func(s string) []string { return []string{s} }}, "comes after itself"},
		{"backend_config for nobody", Config{Environments: []Environment{{Name: "x", BackendConfig: []string{"bucket=b"}}}, EnvironmentsOf: in(map[string]string{"x": "a"})}, "no backend block"},
	} {
		tree, _ := hclparse.LoadCalls(fsOf(files))
		_, diags := Discover(nil, modules.NewGraph(tree, nil), c.config)
		if !diags.HasErrors() || !slices.ContainsFunc(diags.Errs(), func(err error) bool { return strings.Contains(err.Error(), c.want) }) {
			t.Errorf("%s: no error has %q: %v", c.name, c.want, diags)
		}
	}
}

func TestSelect(t *testing.T) {
	files := ""
	for _, s := range []string{"live/prod/net", "live/prod/db", "live/qa/net", "app"} {
		files += "-- " + s + "/m.tf --\nprovider \"aws\" {}\n"
	}
	e := discover(t, files, Config{
		Environments:   []Environment{{Name: "prod", Account: "p"}, {Name: "qa", Account: "q"}},
		EnvironmentsOf: in(map[string]string{"prod": "{live/prod/*,app}", "qa": "{live/qa/*,app}"}),
	})
	changed := map[string][]Reason{"app@qa": {{Kind: "file", Path: "app/m.tf"}}}
	for _, c := range []struct {
		s    Selection
		want string
	}{
		{Selection{}, "app@prod app@qa live/prod/db live/prod/net live/qa/net"},
		{Selection{Environments: []string{"qa"}}, "app@qa live/qa/net"},
		{Selection{Environments: []string{"qa", "prod"}, Stacks: []string{"**/net"}}, "live/prod/net live/qa/net"},
		{Selection{Accounts: []string{"p"}, Stacks: []string{"app"}}, "app@prod"},
		{Selection{Stacks: []string{"app@qa"}}, "app@qa"},
		{Selection{Stacks: []string{"./live/prod/net/"}}, "live/prod/net"},
		{Selection{Stacks: []string{"live/**"}}, "live/prod/db live/prod/net live/qa/net"},
		{Selection{Changed: changed}, "app@qa"},
		{Selection{Changed: changed, Environments: []string{"prod"}}, ""},
		{Selection{Changed: map[string][]Reason{}}, ""},
		{Selection{Environments: []string{"prd"}}, "there is no environment \"prd\"\nhint: did you mean \"prod\"?"},
		{Selection{Environments: []string{""}}, "there is no environment \"\"\nhint: the environments are prod, qa."},
		{Selection{Accounts: []string{"zzzz"}}, "there is no account \"zzzz\"\nhint: the accounts that environments name are p, q."},
		{Selection{Stacks: []string{"live/prod/nett"}}, "no stack matches \"live/prod/nett\"\nhint: did you mean \"live/prod/net\"?"},
		{Selection{Stacks: []string{"live/*"}}, "no stack matches \"live/*\""},
		{Selection{Stacks: []string{""}}, "stack \"\": it is empty"},
		{Selection{Stacks: []string{"{a"}}, "stack \"{a\": it is no glob"},
		{Selection{Stacks: []string{"/etc"}}, "stack \"/etc\": it leads out of the repository"},
	} {
		units, err := e.Select(c.s)
		var names []string
		for _, u := range units {
			names = append(names, u.Name())
			if e.Why(c.s, u) == nil {
				t.Errorf("%v: %s has no reason", c.s, u.Name())
			}
		}
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v\n got %s\nwant %s", c.s, got, c.want)
		}
	}
	got := e.Why(Selection{Environments: []string{"qa"}, Accounts: []string{"q"}, Stacks: []string{"*pp"}, Changed: changed}, e.Units[1])
	want := []Reason{{Kind: "environment", Detail: "qa"}, {Kind: "account", Detail: "q"}, {Kind: "stack", Detail: "*pp"}, {Kind: "file", Path: "app/m.tf"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSharedStates(t *testing.T) {
	e := discover(t, "-- a/m.tf --\n"+s3a+"-- b/m.tf --\n"+s3b+"-- c/m.tf --\n"+strings.Replace(s3a, "bucket", "region = \"eu-west-1\"\nbucket", 1)+
		"-- d/m.tf --\n"+strings.Replace(s3a, "\"a.tfstate\"", "\"x\"\nworkspace_key_prefix = \"p\"", 1)+"-- e/m.tf --\n"+strings.Replace(s3a, "a.tfstate", "p/w/x", 1), Config{
		Environments:   []Environment{{Name: "w", Workspace: "w"}},
		EnvironmentsOf: in(map[string]string{"w": "d"}),
	})
	var got []string
	for _, group := range e.SharedStates() {
		var names []string
		for _, u := range group {
			names = append(names, u.Name())
		}
		got = append(got, strings.Join(names, " "))
	}
	if diff := cmp.Diff([]string{"a c", "d e"}, got); diff != "" {
		t.Error(diff)
	}
}

// Identities of all backends with workspaces: those in one row are one state, and
// no two rows are.
func TestIdentity(t *testing.T) {
	type place struct {
		typ, workspace, config string
	}
	rows := [][]place{
		{{"gcs", "", "bucket=b"}, {"gcs", "default", "bucket=b"}},
		{{"gcs", "", "bucket=b prefix=p"}, {"gcs", "", "bucket=b prefix=p impersonate_service_account=x"}},
		{{"gcs", "w", "bucket=b prefix=p"}},
		{{"azurerm", "", "storage_account_name=s container_name=c key=k"}},
		{{"azurerm", "w", "storage_account_name=s container_name=c key=k"}, {"azurerm", "", "storage_account_name=s container_name=c key=kenv:w"}},
		{{"consul", "", "address=a path=p"}},
		{{"consul", "w", "address=a path=p"}},
		{{"pg", "", "conn_str=c"}},
		{{"pg", "w", "conn_str=c"}},
		{{"kubernetes", "", "secret_suffix=s host=h"}},
		{{"kubernetes", "w", "secret_suffix=s host=h"}},
		{{"oss", "", "bucket=b key=k"}},
		{{"oss", "w", "bucket=b key=k"}},
		{{"local", "", ""}, {"", "default", ""}, {"local", "", "path=terraform.tfstate"}, {"local", "", "path=../d/terraform.tfstate"}},
		{{"local", "w", ""}, {"local", "", "path=terraform.tfstate.d/w/terraform.tfstate"}, {"local", "w", "path=ignored"}},
		{{"local", "w", "workspace_dir=x"}},
		{{"s3", "", "bucket=b key=k"}, {"s3", "", "bucket=b key=k workspace_key_prefix=p"}, {"s3", "", "bucket=b key=k region=eu-west-1 profile=x role_arn=y"}},
		{{"s3", "w", "bucket=b key=k"}, {"s3", "", "bucket=b key=env:/w/k"}, {"s3", "w", "bucket=b key=k workspace_key_prefix=env:"}},
		{{"s3", "w", "bucket=b key=k workspace_key_prefix=p"}},
		{{"s3", "", "bucket=b key=k region=us-gov-east-1"}, {"s3", "", "bucket=b key=k region=us-gov-west-1"}},
		{{"s3", "", "bucket=b key=k endpoint=http://x"}, {"s3", "", "bucket=b key=k endpoints.s3=http://x"}},
		{{"remote", "", "organization=o workspaces.name=n"}, {"cloud", "", "organization=o workspaces.name=n"}, {"remote", "n", "organization=o workspaces.prefix="}, {"cloud", "n", "organization=o workspaces.tags=x"}},
		{{"remote", "n", "organization=o workspaces.prefix=p-"}, {"remote", "", "organization=o workspaces.name=p-n"}},
		{{"http", "", "address=https://h/s"}},
	}
	seen := map[string]int{}
	for i, row := range rows {
		for _, p := range row {
			id, why := identity(p.typ, "d", p.workspace, parseConfig(p.config), nil)
			if p.typ == "remote" && p.config == "organization=o workspaces.prefix=" {
				if id != "" {
					t.Errorf("%v: a workspace of no prefix and no name", p)
				}
				continue
			}
			if id == "" {
				t.Errorf("%v: %s", p, why)
				continue
			}
			if other, ok := seen[id]; ok && other != i {
				t.Errorf("%v has the identity of %v", p, rows[other][0])
			}
			seen[id] = i
			if first, _ := identity(row[0].typ, "d", row[0].workspace, parseConfig(row[0].config), nil); id != first {
				t.Errorf("%v has not the identity of %v", p, row[0])
			}
		}
	}
	for _, c := range [][2]string{{"key", "key: it is late"}, {"region", ""}, {"assume_role.role_arn", ""}, {"endpoints.s3", "endpoint: it is late"}, {"endpoints.dynamodb", ""}, {"workspace_key_prefix", ""}} {
		_, why := identity("s3", "d", "", map[string]string{"bucket": "b", "key": "k"}, map[string]string{c[0]: "it is late"})
		if why != c[1] {
			t.Errorf("%s is not known: %q, want %q", c[0], why, c[1])
		}
	}
}

func parseConfig(text string) map[string]string {
	out := map[string]string{}
	for _, kv := range strings.Fields(text) {
		k, v, _ := strings.Cut(kv, "=")
		out[k] = v
	}
	return out
}

// A part of the estate has the order that the whole has, also through what is
// not in it; a ring elsewhere does not matter.
func TestOrderOf(t *testing.T) {
	files := ""
	for _, s := range []string{"a", "b", "c", "ring1", "ring2", "tail"} {
		files += "-- " + s + "/m.tf --\nprovider \"aws\" {}\n"
	}
	e := discover(t, files, Config{After: func(s string) []string {
		return map[string][]string{"a": {"b"}, "b": {"c"}, "ring1": {"ring2", "a"}, "ring2": {"ring1"}, "tail": {"ring1"}}[s]
	}})
	for want, names := range map[string][]string{
		"c a":        {"a", "c"},
		"c b a":      {"a", "b", "c"},
		"c tail":     {"c", "tail", "!"},
		"ring1":      {"ring1", "!"},
		"tail":       {"tail"},
		"ring2 tail": {"ring2", "tail", "!"},
	} {
		var units []*Unit
		for _, n := range names {
			if n != "!" {
				units = append(units, e.byName[n])
			}
		}
		order, err := e.OrderOf(units)
		if fails := slices.Contains(names, "!"); fails != (err != nil) {
			t.Errorf("%v: %v", names, err)
			continue
		} else if fails {
			var cycle *CycleError
			if !errors.As(err, &cycle) || len(cycle.Ring) != 2 {
				t.Errorf("%v: %v", names, err)
			}
			continue
		}
		var got []string
		for _, u := range order {
			got = append(got, u.Name())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%v: %v, want %s", names, got, want)
		}
	}
}
