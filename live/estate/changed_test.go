package estate

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A home is a directory with repositories and a cache, for one test.
type home struct {
	t   testing.TB
	dir string
}

func newHome(t testing.TB) *home {
	h := &home{t, t.TempDir()}
	for k, v := range map[string]string{
		"HOME": h.dir, "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com", "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
	} {
		if s, ok := t.(interface{ Setenv(k, v string) }); ok {
			s.Setenv(k, v)
		}
	}
	return h
}

func (h *home) git(dir string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", filepath.Join(h.dir, dir)}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// write puts the files of an archive into a directory; one that begins with ->
// is a symlink, one that is just "gone" is removed.
func (h *home) write(dir, archive string) {
	h.t.Helper()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(h.dir, dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			h.t.Fatal(err)
		}
		_ = os.Remove(name)
		var err error
		switch text := strings.TrimSpace(string(f.Data)); {
		case text == "gone":
		case strings.HasPrefix(text, "->"):
			err = os.Symlink(strings.TrimSpace(text[2:]), name)
		default:
			err = os.WriteFile(name, f.Data, 0o666)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *home) repository(dir, archive string) {
	h.write(dir, archive)
	h.git(dir, "init", "-q", "-b", "main")
	h.commit(dir)
}

func (h *home) commit(dir string) string {
	h.git(dir, "add", "-A")
	h.git(dir, "commit", "-q", "--allow-empty", "-m", "x")
	return h.git(dir, "rev-parse", "HEAD")
}

// changed are the lines of Changed since a revision.
func (h *home) changed(rev string, old, now *Config, cache *repo.Cache) string {
	h.t.Helper()
	ctx := h.t.Context()
	r, err := repo.Open(ctx, filepath.Join(h.dir, "mono"))
	if err != nil {
		h.t.Fatal(err)
	}
	fsys := os.DirFS(r.Root)
	tree, _ := hclparse.LoadCalls(fsys, "terraform_remote_state")
	g := modules.NewGraph(tree, nil)
	e, diags := Discover(fsys, g, *now)
	if diags.HasErrors() {
		h.t.Fatal(diags)
	}
	got, err := Changed(ctx, ChangedInput{
		Repo: r, Rev: rev, Graph: g, Estate: e, Old: old, New: now,
		ConfigFile: "terrier.hcl", LockFile: lock.Name, Cache: cache,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if got == nil {
		h.t.Error("the map is nil, which would be no filter at all")
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(got)) {
		for _, x := range got[name] {
			at := x.Path
			if x.Line > 0 {
				at = fmt.Sprintf("%s:%d", x.Path, x.Line)
			}
			fmt.Fprintf(&b, "%s %s %s: %s\n", name, x.Kind, at, x.Detail)
		}
	}
	return b.String()
}

const mono = `
-- terrier.hcl --
-- live/app/main.tf --
provider "aws" {}
module "a" { source = "../../modules/a" }
-- live/app/prod.tfvars --
-- live/app/qa.tfvars --
-- live/app/inner/main.tf --
provider "aws" {}
-- live/other/main.tf --
provider "aws" {}
-- live/reads/main.tf --
provider "aws" {}
locals { policy = file("${path.module}/../../files/policy.json") }
-- live/links/main.tf --
provider "aws" {}
-- live/links/common.tf --
-> ../../shared/common.tf
-- live/links/data --
-> ../../shared/data
-- shared/common.tf --
locals { x = 1 }
-- shared/data/x.txt --
x
-- files/policy.json --
{}
-- modules/a/main.tf --
module "b" { source = "../b" }
-- modules/b/main.tf --
locals { f = templatefile("${path.module}/../../files/b.tpl", {}) }
-- files/b.tpl --
b
-- README.md --
x
-- common.tfvars --
a = 1
`

func environments() *Config {
	return &Config{
		Environments: []Environment{
			{Name: "prod", VarFiles: []string{"prod.tfvars", "../../common.tfvars"}, BackendConfig: nil},
			{Name: "qa", VarFiles: []string{"qa.tfvars"}},
		},
		EnvironmentsOf: in(map[string]string{"prod": "live/app", "qa": "live/app"}),
	}
}

func TestChanged(t *testing.T) {
	for _, c := range []struct {
		name, change string
		config       func(*Config) // what the configuration is now
		want         string
	}{
		{"nothing", "", nil, ""},
		{"a file of no stack", "-- README.md --\nother\n-- terrier.hcl --\n# x\n", nil, ""},
		{"a file of a stack", "-- live/other/x.md --\n", nil, "live/other file live/other/x.md: a file of the stack\n"},
		{"what terraform and terrier write", "-- live/other/terraform.tfstate --\n{}\n-- live/other/terraform.tfstate.d/qa/terraform.tfstate.backup --\n{}\n-- live/other/.terraform/x.tf --\n-- .terrier/runs.jsonl --\n", nil, ""},
		{"the lock file of the providers", "-- live/other/.terraform.lock.hcl --\n", nil, "live/other file live/other/.terraform.lock.hcl: a file of the stack\n"},
		{"a stack inside a stack", "-- live/app/inner/main.tf --\nprovider \"aws\" {}\n\n", nil, "live/app/inner file live/app/inner/main.tf: a file of the stack\n"},
		{"a file that is gone", "-- live/reads/main.tf --\ngone\n-- live/reads/n.tf --\nprovider \"aws\" {}\n", nil, "live/reads file live/reads/main.tf: a file of the stack\nlive/reads file live/reads/n.tf: a file of the stack\n"},
		{"a module's module", "-- modules/b/x.tf --\n", nil, "live/app@prod file modules/b/x.tf: a file of the module modules/b\nlive/app@qa file modules/b/x.tf: a file of the module modules/b\n"},
		{"a file that a module reads", "-- files/b.tpl --\nc\n", nil, "live/app@prod file files/b.tpl: modules/b/main.tf:1 reads it\nlive/app@qa file files/b.tpl: modules/b/main.tf:1 reads it\n"},
		{"a file that a stack reads", "-- files/policy.json --\n{ }\n", nil, "live/reads file files/policy.json: live/reads/main.tf:2 reads it\n"},
		{"behind a symlink", "-- shared/common.tf --\nlocals { x = 2 }\n", nil, "live/links file shared/common.tf: the symlink live/links/common.tf leads to it\n"},
		{"behind a symlink to a directory", "-- shared/data/y.txt --\n", nil, "live/links file shared/data/y.txt: the symlink live/links/data leads to it\n"},
		{"a var file of one environment, outside of the stack", "-- common.tfvars --\na = 2\n", nil, "live/app@prod file common.tfvars: a file of the environment \"prod\"\n"},
		{"the stack's var files are files of the stack", "-- live/app/qa.tfvars --\na = 2\n", nil, "live/app@prod file live/app/qa.tfvars: a file of the stack\nlive/app@qa file live/app/qa.tfvars: a file of the stack\nlive/app@qa file live/app/qa.tfvars: a file of the environment \"qa\"\n"},
		{"what the configuration says", "", func(c *Config) { c.Environments[1].Workspace = "w" }, "live/app@qa config terrier.hcl: workspace of the environment \"qa\"\n"},
		{"the account", "", func(c *Config) { c.Environments[0].Account = "w" }, "live/app@prod config terrier.hcl: account of the environment \"prod\"\n"},
		{"a new environment", "", func(c *Config) {
			c.Environments = append(c.Environments, Environment{Name: "new"})
			c.EnvironmentsOf = in(map[string]string{"prod": "live/app", "qa": "live/app", "new": "live/other"})
		}, "live/other config terrier.hcl: live/other was not in the environment \"new\"\n"},
		{"no environment any more", "", func(c *Config) { c.EnvironmentsOf = in(map[string]string{"qa": "live/app"}) }, "live/app config \x00"},
		{"an ignored var file", "-- .gitignore --\n*.auto.tfvars\n-- live/other/s.auto.tfvars --\na = 1\n", nil, "live/other unknown live/other/s.auto.tfvars: git ignores it, so that nobody can say whether it changed\n"},
		{"a source that is not known", "-- live/reads/main.tf --\nprovider \"aws\" {}\nmodule \"x\" {\n  source = \"../${var.x}\"\n}\n", nil, "live/reads file live/reads/main.tf: a file of the stack\nlive/reads unknown live/reads/main.tf:3: the source of module \"x\" is not known, so that it may be any file\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			h.repository("mono", mono)
			h.write("mono", c.change)
			now := environments()
			if c.config != nil {
				c.config(now)
			}
			want := c.want
			if strings.Contains(want, "\x00") { // it has another name now, and was the same plan
				want = ""
			}
			if diff := cmp.Diff(want, h.changed("HEAD", environments(), now, nil)); diff != "" {
				t.Errorf("not committed:\n%s", diff)
			}
			if strings.Contains(c.change, ".gitignore") {
				return
			}
			h.commit("mono")
			if diff := cmp.Diff(want, h.changed("HEAD~1", environments(), now, nil)); diff != "" {
				t.Errorf("committed:\n%s", diff)
			}
		})
	}
}

// With no configuration to compare with, a unit in an environment counts as
// changed.
func TestChangedNoConfig(t *testing.T) {
	h := newHome(t)
	h.repository("mono", mono)
	want := "live/app@prod config terrier.hcl: the configuration at HEAD cannot be compared\nlive/app@qa config terrier.hcl: the configuration at HEAD cannot be compared\n"
	if diff := cmp.Diff(want, h.changed("HEAD", nil, environments(), nil)); diff != "" {
		t.Error(diff)
	}
}

// A module that the lock file has at another commit counts where its files
// differ, also where another module calls it.
func TestChangedLock(t *testing.T) {
	h := newHome(t)
	h.repository("deep", "-- main.tf --\nlocals { a = 1 }\n-- sub/main.tf --\n-- other/o.tf --\n")
	deep1 := h.git("deep", "rev-parse", "HEAD")
	h.write("deep", "-- other/o.tf --\nlocals { x = 1 }\n")
	deep2 := h.commit("deep") // main.tf and sub are the same
	h.write("deep", "-- sub/main.tf --\nlocals { b = 2 }\n")
	deep3 := h.commit("deep")
	src := func(name, sub, ref string) string {
		return fmt.Sprintf("git::file://%s/%s%s?ref=%s", h.dir, name, sub, ref)
	}
	h.repository("mid", "-- main.tf --\nmodule \"deep\" { source = \""+src("deep", "//sub", "v1")+"\" }\n")
	mid := h.git("mid", "rev-parse", "HEAD")

	stack := func(sources ...string) string {
		text := "provider \"aws\" {}\n"
		for i, s := range sources {
			text += fmt.Sprintf("module \"m%d\" { source = %q }\n", i, s)
		}
		return text
	}
	lockOf := func(deep string) string {
		f := &lock.File{}
		for _, e := range [][3]string{{"deep", "v1", deep}, {"mid", "v1", mid}} {
			f.Entries = append(f.Entries, &lock.Entry{Address: "git::file://" + h.dir + "/" + e[0], Ref: e[1], Kind: lock.KindTag, Commit: e[2], Hash: "h1:" + strings.Repeat("A", 43) + "="})
		}
		for _, e := range f.Entries {
			e.Hash = "h1:" + (e.Commit + strings.Repeat("A", 43))[:43] + "="
		}
		f.Sort()
		return string(f.Bytes())
	}
	h.repository("mono", "-- live/direct/m.tf --\n"+stack(src("deep", "//sub", "v1"))+
		"-- live/through/m.tf --\n"+stack(src("mid", "", "v1"))+
		"-- live/none/m.tf --\n"+stack()+
		"-- "+lock.Name+" --\n"+lockOf(deep1))
	cache := &repo.Cache{Dir: filepath.Join(h.dir, "cache")}
	now := &Config{}
	check := func(name, deep, want string, cache *repo.Cache) {
		t.Helper()
		h.write("mono", "-- "+lock.Name+" --\n"+lockOf(deep))
		if diff := cmp.Diff(want, h.changed("HEAD", now, now, cache)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	check("the same", deep1, "", cache)
	offline := "another commit (" + deep3[:10] + ", before " + deep1[:10] + "), whose files cannot be compared: the mirror does not have it"
	check("no mirrors yet", deep3, "live/direct module live/direct/m.tf:2: module \"m0\": "+offline+"\n"+
		"live/through module live/through/m.tf:2: module \"m0\": what it uses itself is not known: the mirror does not have it\n", cache)
	for _, name := range []string{"deep", "mid"} {
		m, err := cache.Mirror("file://" + h.dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Refs(t.Context()); err != nil {
			t.Fatal(err)
		}
		hash, _ := repo.ParseHash(h.git(name, "rev-parse", "HEAD"))
		if err := m.Ensure(t.Context(), repo.Want{Ref: "refs/heads/main", Commit: hash}); err != nil {
			t.Fatal(err)
		}
	}
	check("another commit, the same files", deep2, "", cache)
	moved := "another commit (" + deep3[:10] + ", before " + deep1[:10] + ")"
	check("another commit, other files", deep3, "live/direct module live/direct/m.tf:2: module \"m0\": "+moved+"\n"+
		"live/through module live/through/m.tf:2: module \"m0\": its module \"deep\": "+moved+"\n", cache)
	h.write("mono", "-- "+lock.Name+" --\nbroken {\n")
	want := "live/direct unknown .terrier.lock.hcl: the lock file cannot be read\nlive/through unknown .terrier.lock.hcl: the lock file cannot be read\n"
	if diff := cmp.Diff(want, h.changed("HEAD", now, now, cache)); diff != "" {
		t.Error(diff)
	}
}
