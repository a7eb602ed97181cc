package terraform

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The monorepo of these tests: vpc calls its sibling subnets, stacks call vpc
// and a private module.
const (
	subnetsModule = `
-- main.tf --
variable "zones" { default = ["a", "b"] }
resource "terraform_data" "subnet" {
  for_each = toset(var.zones)
  input    = each.key
}
output "zones" { value = var.zones }
`
	vpcModule = `
-- main.tf --
# The network.
module "subnets" {
  source = "%s" # beside us
}
resource "terraform_data" "vpc" {
  input = templatefile("${path.module}/files/user.tpl", { zones = module.subnets.zones })
}
output "where" { value = abspath(path.root) }
-- files/user.tpl --
zones: ${join(",", zones)}
-- more.tf.json --
{"module": {"again": {"source": "%s", "zones": ["c"]}}}
`
	stack = `
-- main.tf --
module "vpc" {
  source = %q
}
module "own" {
  source = "./own"
}
output "root" { value = [module.vpc.where, path.cwd, module.own.now] }
-- own/main.tf --
variable "secret" {
  default   = "hunter2"
  sensitive = true
}
resource "terraform_data" "own" { input = var.secret }
output "now" { value = plantimestamp() }
`
)

// packages are made once: they cost more than the rest.
var packages sync.Once

// split writes the monorepo of one stack at live/prod, its packages and its
// live repository.
func split(t *testing.T) (world, Pair) {
	packages.Do(func() {
		shared := world{t, common}
		shared.repo("subnets", subnetsModule, subnetsModule+"-- notes.txt --\nx\n")
		shared.repo("vpc",
			fmt.Sprintf(vpcModule, "URL(subnets)?ref=v1.0.0", "URL(subnets)?ref=v1.0.0"),
			fmt.Sprintf(vpcModule, "URL(subnets)?ref=v1.0.1", "URL(subnets)?ref=v1.0.0"))
	})
	w := newWorld(t)
	w.write("before/modules/subnets", subnetsModule)
	w.write("before/modules/vpc", fmt.Sprintf(vpcModule, "../subnets", "../subnets"))
	w.write("before/live/prod", fmt.Sprintf(stack, "../../modules/vpc"))
	w.write("after/live/prod", fmt.Sprintf(stack, "URL(vpc)?ref=v1.0.0"))
	return w, Pair{
		Before: filepath.Join(w.dir, "before"),
		After:  filepath.Join(w.dir, "after"),
		Stacks: []string{"live/prod"},
		Moved:  []string{"modules/subnets", "modules/vpc"},
	}
}

func get(t *testing.T, p Pair) []StackResult {
	t.Helper()
	results, err := real(t).CompareGet(context.Background(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func plan(t *testing.T, p Pair) []StackResult {
	t.Helper()
	results, err := real(t).ComparePlan(context.Background(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func TestSame(t *testing.T) {
	w, p := split(t)
	// A lock file of the tree's own is left as it was.
	w.put("before/live/prod/.terraform.lock.hcl", "# ours\n")
	w.put("after/live/prod/.terraform.lock.hcl", "# ours\n")
	if got := get(t, p); len(got) != 1 || got[0] != (StackResult{Path: "live/prod", Status: StatusSame, Modules: 4}) {
		t.Errorf("get: %+v", got)
	}
	var steps []string
	got, err := real(t).ComparePlan(context.Background(), p, func(done, total int, stack string) {
		steps = append(steps, fmt.Sprintf("%d/%d %s", done, total, stack))
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != (StackResult{Path: "live/prod", Status: StatusSame, Modules: 4}) {
		t.Errorf("plan: %+v", got)
	}
	if want := []string{"1/2 live/prod", "2/2 live/prod"}; !slices.Equal(steps, want) {
		t.Errorf("steps: %q, want %q", steps, want)
	}
	for _, root := range []string{p.Before, p.After} {
		dir := filepath.Join(root, "live", "prod")
		if _, err := os.Lstat(filepath.Join(dir, ".terraform")); err == nil {
			t.Errorf("%s: .terraform is still there", dir)
		}
		if lock, err := os.ReadFile(filepath.Join(dir, ".terraform.lock.hcl")); err != nil || string(lock) != "# ours\n" {
			t.Errorf("%s: lock file: %q %v", dir, lock, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(w.dir, "work")); err == nil {
		t.Error("work is still there")
	}
}

// Each plants one fault in what was written, and sees it named.
func TestDifferentGet(t *testing.T) {
	for _, c := range []struct {
		name  string
		plant func(w world, p *Pair)
		want  string // in the only difference
	}{
		{"another tag with another file", func(w world, p *Pair) {
			w.write("after/live/prod", fmt.Sprintf(stack, "URL(vpc)?ref=v1.0.1"))
		}, "module.vpc.module.subnets: notes.txt is there only after"},
		{"another default", func(w world, p *Pair) {
			w.put("before/live/prod/own/main.tf", "variable \"x\" { default = 1 }\n")
			w.put("after/live/prod/own/main.tf", "variable \"x\" { default = 2 }\n")
		}, "the stack: own/main.tf has other bytes; module.own: main.tf has other bytes"},
		{"a byte of a template", func(w world, p *Pair) {
			w.put("before/modules/vpc/files/user.tpl", "zones: ${join(\";\", zones)}\n")
		}, "module.vpc: files/user.tpl has other bytes"},
		{"a byte beside a source", func(w world, p *Pair) {
			w.write("after/live/prod", strings.Replace(fmt.Sprintf(stack, "URL(vpc)?ref=v1.0.0"), "output \"root\"", "output \"roots\"", 1))
		}, "the stack: main.tf has other bytes beside its sources"},
		{"a call left out", func(w world, p *Pair) {
			w.write("after/live/prod", fmt.Sprintf(strings.Replace(stack, "module \"own\" {\n  source = \"./own\"\n}\n", "", 1), "URL(vpc)?ref=v1.0.0"))
		}, "module.own is called before and not after; the stack: main.tf has other bytes"},
		{"a call too many", func(w world, p *Pair) {
			w.put("after/live/prod/more.tf", "module \"two\" {\n  source = \"./own\"\n}\n")
		}, "module.two is called after and not before; the stack: more.tf is there only after"},
		{"a call for another", func(w world, p *Pair) {
			w.write("after/live/prod", fmt.Sprintf(stack, "URL(subnets)?ref=v1.0.0"))
		}, "module.vpc.module.again is called before and not after; module.vpc.module.subnets is called before and not after; module.vpc: files/user.tpl is there only before; module.vpc: main.tf has other bytes; module.vpc: more.tf.json is there only before"},
		{"a pinned call of somebody else's module", func(w world, p *Pair) {
			w.repo("other", subnetsModule, subnetsModule)
			w.write("before/live/prod", "-- more.tf --\nmodule \"o\" {\n  source = \"URL(other)?ref=v1.0.0\"\n}\n")
			w.write("after/live/prod", "-- more.tf --\nmodule \"o\" {\n  source = \"URL(other)?ref=v1.0.1\"\n}\n")
		}, "module.o was URL(other)?ref=v1.0.0 and is URL(other)?ref=v1.0.1; the stack: more.tf has another source where none was to be changed"},
		{"not executable", func(w world, p *Pair) {
			w.put("before/live/prod/run.sh", "")
			w.put("after/live/prod/run.sh", "")
			os.Chmod(filepath.Join(p.Before, "live/prod/run.sh"), 0o777)
		}, "the stack: run.sh is executable on one side only"},
		{"a hidden file of the stack", func(w world, p *Pair) {
			w.put("before/live/prod/own/.hidden", "x\n")
		}, "the stack: own/.hidden is there only before; module.own: .hidden is there only before"},
		{"a hidden file", func(w world, p *Pair) {
			w.repo("dots", "-- main.tf --\n\n")
			w.write("before", "-- dots/main.tf --\n\n-- dots/sub/.x --\nx\n-- live/prod/more.tf --\nmodule \"a\" {\n  source = \"../../dots\"\n}\nmodule \"b\" {\n  source = \"../../dots\"\n}\n")
			w.write("after", "-- live/prod/more.tf --\nmodule \"a\" {\n  source = \"URL(dots)?ref=v1.0.0\"\n}\nmodule \"b\" {\n  source = \"URL(dots)?ref=v1.0.0\"\n}\n")
		}, "module.a: sub/.x is there only before"},
		{"a link turned", func(w world, p *Pair) {
			os.Symlink("nowhere", filepath.Join(p.Before, "live/prod/link"))
			os.Symlink("elsewhere", filepath.Join(p.After, "live/prod/link"))
		}, "the stack: link is a link that leads elsewhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, p := split(t)
			c.plant(w, &p)
			got := get(t, p)
			want := strings.ReplaceAll(c.want, "URL(other)", w.url("other"))
			if len(got) != 1 || got[0].Status != StatusDifferent || !strings.HasPrefix(got[0].Detail, want) {
				t.Errorf("%+v\nwant %s", got, want)
			}
		})
	}
}

// What may differ: links that were made files at a border, attributes that
// came along, moved directories below a stack, sources in every syntax.
func TestSameGet(t *testing.T) {
	w, p := split(t)
	w.repo("linked", "-- main.tf --\n\n-- shared/x.txt --\nx\n-- .gitattributes --\n* -text\n")
	w.put("before/modules/shared/x.txt", "x\n")
	w.put("before/modules/linked/main.tf", "\n")
	if err := os.Symlink("../shared", filepath.Join(p.Before, "modules/linked/shared")); err != nil {
		t.Fatal(err)
	}
	// The repository's root as a stack: what moved out of it is missing there.
	w.write("before", "-- main.tf --\nmodule \"l\" { source = \"./modules/linked\" }\n-- terragrunt.hcl --\nterraform { source = true ? \"./modules//vpc\" : \"git::https://x/y.git\" }\n")
	w.write("after", "-- main.tf --\nmodule \"l\" { source = \"URL(linked)?ref=v1.0.0\" }\n-- terragrunt.hcl --\nterraform { source = true ? \"URL(vpc)//?ref=v1.0.0\" : \"git::https://x/y.git\" }\n")
	p.Moved = append(p.Moved, "modules/linked", "modules/shared")
	// Terraform copies the package for the second call, and leaves out what
	// begins with a dot.
	w.repo("dots", "-- main.tf --\n\n-- .hidden --\nx\n-- sub/.x/y --\nx\n")
	w.write("before", "-- dots/main.tf --\n\n-- dots/.hidden --\nx\n-- dots/sub/.x/y --\nx\n-- twice/main.tf --\nmodule \"a\" {\n  source = \"../dots\"\n}\nmodule \"b\" {\n  source = \"../dots\"\n}\n")
	w.write("after/twice", "-- main.tf --\nmodule \"a\" {\n  source = \"URL(dots)?ref=v1.0.0\"\n}\nmodule \"b\" {\n  source = \"URL(dots)?ref=v1.0.0\"\n}\n")
	p.Moved = append(p.Moved, "dots", "twice")
	p.Stacks = []string{".", "live/prod", "twice"}
	for _, r := range get(t, p) {
		if r.Status != StatusSame {
			t.Errorf("%+v", r)
		}
	}
	// And without being told, the missing directory is named.
	p.Moved, p.Stacks = nil, []string{"."}
	if r := get(t, p)[0]; r.Status != StatusDifferent || !strings.Contains(r.Detail, "modules/linked/main.tf is there only before") {
		t.Errorf("%+v", r)
	}
}

// A link that climbs out of the repository is compared and not followed.
func TestLinkOutside(t *testing.T) {
	w, p := split(t)
	w.put("outside/secret.txt", "x")
	for _, root := range []string{p.Before, p.After} {
		os.Symlink("../../../outside", filepath.Join(root, "live/prod/out"))
		os.Symlink("..", filepath.Join(root, "live/prod/up")) // a cycle
	}
	files, err := listFiles(p.Before, filepath.Join(p.Before, "live/prod"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if files["out"].link != "../../../outside" {
		t.Errorf("out: %+v", files["out"])
	}
	if len(files) != 3 {
		t.Errorf("the cycle: %v", files)
	}
	if r := get(t, p)[0]; r.Status != StatusSame {
		t.Errorf("%+v", r)
	}
}

func TestFails(t *testing.T) {
	w, p := split(t)
	w.put("before/live/bad/main.tf", "module \"x\" { source = \"../gone\" }\n")
	w.put("after/live/bad/main.tf", "module \"x\" { source = \"../gone\" }\n")
	w.put("before/live/mended/main.tf", "module \"x\" { source = \"../gone\" }\n")
	w.put("after/live/mended/main.tf", "\n")
	w.put("before/live/lost/main.tf", "module \"x\" { source = \"../../modules/subnets\" }\n")
	w.put("after/live/lost/main.tf", "module \"x\" { source = \"URL(subnets)?ref=v9.9.9\" }\n")
	w.write("after/live/lost", "-- main.tf --\nmodule \"x\" { source = \"URL(subnets)?ref=v9.9.9\" }\n")
	w.put("before/live/left-out/main.tf", "\n")
	p.Stacks = []string{"live/bad", "live/left-out", "live/lost", "live/mended", "live/prod"}
	want := "live/bad before-fails\nlive/left-out after-fails\nlive/lost after-fails\nlive/mended before-fails\nlive/prod same\n"
	for name, compare := range map[string]func(*testing.T, Pair) []StackResult{"get": get, "plan": plan} {
		got := compare(t, p)
		if s := statuses(got); s != want {
			t.Errorf("%s:\n%s%+v", name, s, got)
			continue
		}
		for i, part := range []string{"Error: Unreadable module directory", "no such file", "v9.9.9", "; and after: no error", ""} {
			if !strings.Contains(got[i].Detail, part) {
				t.Errorf("%s: %+v, want %q", name, got[i], part)
			}
		}
		if strings.Contains(got[0].Detail, "after") {
			t.Errorf("%s: fails alike, but: %+v", name, got[0])
		}
		for _, r := range got {
			if strings.Contains(r.Detail, p.Before) || strings.Contains(r.Detail, filepath.Join(w.dir, "work")) {
				t.Errorf("%s: names the place of the trees: %+v", name, r)
			}
		}
	}
}

// path.module is another one after a split: a value made of it is a
// difference, and no lie hides it.
func TestDifferentPlan(t *testing.T) {
	w, p := split(t)
	own := "resource \"terraform_data\" \"own\" {\n  input = %s\n}\nvariable \"secret\" {\n  default = %q\n  sensitive = true\n}\nresource \"terraform_data\" \"s\" {\n  input = var.secret\n}\noutput \"now\" { value = plantimestamp() }\n"
	w.put("before/live/prod/own/main.tf", fmt.Sprintf(own, "path.module", "hunter2"))
	w.put("after/live/prod/own/main.tf", fmt.Sprintf(own, `"${path.module}x"`, "hunter3"))
	r := plan(t, p)[0]
	if r.Status != StatusDifferent {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{
		`resource_changes[module.own.terraform_data.own].change.after.input: "own" before, "ownx" after`,
		`resource_changes[module.own.terraform_data.s].change.after.input: differs`,
	} {
		if !strings.Contains(r.Detail, want) {
			t.Errorf("%s\nwant %s", r.Detail, want)
		}
	}
	if strings.Contains(r.Detail, "hunter") {
		t.Errorf("a secret: %s", r.Detail)
	}
}

// The state is read: an address that moved is destroyed and created.
func TestPriorState(t *testing.T) {
	w, p := split(t)
	w.repo("data", "-- main.tf --\nresource \"terraform_data\" \"a\" { input = path.module }\n")
	w.write("before/modules/data", "-- main.tf --\nresource \"terraform_data\" \"a\" { input = path.module }\n")
	w.write("before/live/data", "-- main.tf --\nmodule \"d\" { source = \"../../modules/data\" }\n")
	dir := filepath.Join(p.Before, "live", "data")
	for _, args := range [][]string{{"init", "-input=false"}, {"apply", "-input=false", "-auto-approve"}} {
		cmd := exec.Command(real(t).Path, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args[0], err, out)
		}
	}
	state, err := os.ReadFile(filepath.Join(dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	w.put("after/live/data/terraform.tfstate", string(state))
	w.write("after/live/data", "-- main.tf --\nmodule \"d\" { source = \"URL(data)?ref=v1.0.0\" }\n")
	p.Stacks = []string{"live/data"}
	r := plan(t, p)[0]
	if want := `[module.d.terraform_data.a].change.actions[0]: "no-op" before, "update" after`; r.Status != StatusDifferent || !strings.Contains(r.Detail, want) {
		t.Errorf("%+v\nwant %s", r, want)
	}
	if want := `change.after.input: "../../modules/data" before, ".terraform/modules/d" after`; !strings.Contains(r.Detail, want) {
		t.Errorf("%+v\nwant %s", r, want)
	}
	if now, err := os.ReadFile(filepath.Join(dir, "terraform.tfstate")); err != nil || string(now) != string(state) {
		t.Error("the state was written")
	}
}

func TestPairRefused(t *testing.T) {
	w, p := split(t)
	w.put("work/x", "mine")
	for _, c := range []struct {
		name string
		edit func(p *Pair)
		want string
	}{
		{"no root", func(p *Pair) { p.After += "x" }, "no such file"},
		{"a file as root", func(p *Pair) { p.Before = filepath.Join(w.dir, "work/x") }, "not a directory"},
		{"a stack outside", func(p *Pair) { p.Stacks = []string{"../x"} }, "not a path below the root"},
		{"work is taken", func(p *Pair) {}, "something already"},
	} {
		p := p
		c.edit(&p)
		_, err := real(t).ComparePlan(context.Background(), p, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(p.Before, "live/prod/main.tf")); err != nil {
		t.Error(err)
	}
}

// One code serves several environments: what a stack is planned with comes
// from outside of it.
func TestOptions(t *testing.T) {
	w, p := split(t)
	p.Stacks = []string{"live/many"}
	const many = `
-- main.tf --
terraform {
  backend "local" {}
}
variable "size" {}
module "d" {
  source = %q
}
output "is" { value = "${terraform.workspace} ${var.size}" }
-- prod.tfvars --
size = "large"
-- prod.local.tfbackend --
path = "prod.tfstate"
`
	w.write("before/live/many", fmt.Sprintf(many, "../../modules/vpc"))
	w.write("after/live/many", fmt.Sprintf(many, "URL(vpc)?ref=v1.0.0"))
	if r := plan(t, p)[0]; r.Status != StatusBeforeFails || !strings.Contains(r.Detail, "No value for required variable") {
		t.Errorf("without options: %+v", r)
	}
	o := Options{Workspace: "prod", VarFiles: []string{"prod.tfvars"}, BackendConfig: []string{"prod.local.tfbackend"}}
	for _, args := range [][]string{{"init", "-backend-config=prod.local.tfbackend"}, {"workspace", "new", "prod"}} {
		cmd := exec.Command(real(t).Path, args...)
		cmd.Dir = filepath.Join(p.Before, "live", "many")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args[0], err, out)
		}
	}
	if err := os.CopyFS(filepath.Join(p.After, "live", "many", "terraform.tfstate.d"), os.DirFS(filepath.Join(p.Before, "live", "many", "terraform.tfstate.d"))); err != nil {
		t.Fatal(err)
	}
	p.Options = map[string]Options{"live/many": o}
	if r := plan(t, p)[0]; r.Status != StatusSame {
		t.Errorf("with options: %+v", r)
	}
	got, err := real(t).Plan(context.Background(), filepath.Join(p.After, "live", "many"), o)
	if err != nil || !strings.Contains(string(got), `"prod large"`) {
		t.Errorf("the options have no effect: %v", err)
	}
}
