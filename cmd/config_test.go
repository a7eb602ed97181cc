package cmd

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/lint"
)

var updateConfig = flag.Bool("update-config", false, "write the golden diagnostics of configurations anew")

// shownConfig is what the user sees of a configuration's mistakes.
func shownConfig(src []byte) string {
	_, diags, file := parseConfig(src, "terrier.hcl")
	var out bytes.Buffer
	report.Diagnostics(&out, diags, map[string]*hcl.File{"terrier.hcl": file}, 80, false)
	return out.String()
}

func TestBadConfig(t *testing.T) {
	const golden = "testdata/config/bad.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) == 0 || len(archive.Files)%2 != 0 {
		t.Fatalf("%s: %d files, not pairs", golden, len(archive.Files))
	}
	for i := 0; i < len(archive.Files); i += 2 {
		in, want := archive.Files[i], &archive.Files[i+1]
		name := strings.TrimSuffix(in.Name, ".hcl")
		if want.Name != name+".want" {
			t.Fatalf("%s follows %s", want.Name, in.Name)
		}
		t.Run(name, func(t *testing.T) {
			got := shownConfig(in.Data)
			if *updateConfig {
				want.Data = []byte(got)
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("-want +got\n%s\n%s", diff, got)
			}
			if !strings.Contains(got, "Error: ") {
				t.Error("no error")
			}
			for _, never := range []string{"hunter2", "\x1b", "\u202e"} {
				if strings.Contains(got, never) {
					t.Errorf("%q is shown", never)
				}
			}
			for _, line := range strings.Split(got, "\n") {
				if n := len([]rune(line)); n > 80 {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
	if *updateConfig {
		if err := os.WriteFile(golden, txtar.Format(archive), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestProductConfig loads the example of the documentation and sees each of
// its values.
func TestProductConfig(t *testing.T) {
	dir := t.TempDir()
	src, err := os.ReadFile("testdata/config/product.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string][]byte{
		"plain": src, "crlf": bytes.ReplaceAll(src, []byte("\n"), []byte("\r\n")), "bom": append([]byte("\ufeff"), src...),
	} {
		file := filepath.Join(dir, configName)
		if err := os.WriteFile(file, src, 0o666); err != nil {
			t.Fatal(err)
		}
		c, diags, _ := loadConfig(dir, "")
		if len(diags) > 0 {
			t.Fatalf("%s: %v", name, diags)
		}
		three := 3
		want := &Config{
			Path: file, Root: dir,
			Modules: ModulesConfig{Version: "1.0.0", Layout: "repository-per-module"},
			Module:  map[string]*ModuleConfig{"modules/vpc": {Path: "modules/vpc", Name: "aws-vpc"}},
			Stacks:  []*StackConfig{{Glob: "live/shared/*", Role: "stack", After: []string{"live/shared/dns"}}},
			Environments: []*EnvironmentConfig{
				{Name: "sandbox", Stacks: []string{"live/sandbox/**"}, Account: "sandbox", AuthorApproves: true},
				{Name: "prod", Stacks: []string{"live/prod/**"}, Account: "prod", After: []string{"sandbox"}, Repo: "live-prod",
					Approvals: 1, AuthorApproves: true, Workspace: "prod", VarFiles: []string{"prod.tfvars"}, BackendConfig: []string{"prod.s3.tfbackend"}},
			},
			Accounts: []*AccountConfig{
				{Name: "sandbox", ID: "222222222222"},
				{Name: "prod", ID: "111111111111", Also: []string{"333333333333"},
					PlanRole: "arn:aws:iam::111111111111:role/terrier-plan", ApplyRole: "arn:aws:iam::111111111111:role/terrier-apply"},
			},
			Guards:    GuardsConfig{Protect: []string{"aws_db_instance", "aws_s3_bucket.logs"}, MaxDestroy: &three},
			Terraform: TerraformConfig{Timeout: 2 * time.Hour},
			Runs:      RunsConfig{Keep: 720 * time.Hour},
			Identity:  IdentityConfig{Name: "terrier", Email: "terrier@localhost"},
			Lint:      LintConfig{FailOn: lint.Warn, Settings: lint.Settings{Rules: map[string]lint.RuleSettings{}}},
		}
		if diff := cmp.Diff(want, c, cmpopts.IgnoreTypes(hcl.Range{}, &template{}), cmpopts.IgnoreUnexported(Config{}, ModulesConfig{}, LiveConfig{})); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
		for what, got := range map[string]func() (string, error){
			"git::ssh://git@gitlab.example.com/terraform/aws-vpc.git": func() (string, error) { return c.Modules.SourceFor("aws-vpc") },
			"ssh://git@gitlab.example.com/terraform/aws-vpc.git":      func() (string, error) { return c.Modules.RemoteFor("aws-vpc") },
			"ssh://git@gitlab.example.com/live/live-prod.git":         func() (string, error) { return c.Live.RemoteFor("live-prod") },
			"v1.2.3": func() (string, error) { return c.Modules.TagFor("aws-vpc", "1.2.3") },
		} {
			if s, err := got(); s != what || err != nil {
				t.Errorf("%s: got %q, %v; want %q", name, s, err, what)
			}
		}
	}
}

func TestConfigLookups(t *testing.T) {
	c, diags, _ := parseConfig([]byte(`
environment "sandbox" {
  stacks  = ["live/sandbox/**", "live/*/sandbox-{a,b}"]
  account = "box"
}
environment "all" {
  stacks = ["live/**"]
}
environment "ops" {
  account = "box"
}
account "box" {
  id          = "000000000001"
  duration    = "1h30m"
  external_id = "terrier@example"
}
stack "live/tools/ci" {
  role        = "ignore"
  environment = "ops"
}
stack "live/tools/*" {
  role = "example"
}
module "." {
  group = "core"
  keep  = true
}
identity {
  name  = "Ada"
  email = "ada@example.com"
}
guards {
  max_destroy = 0
}
`), "terrier.hcl")
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	for _, test := range []struct{ path, env, account, role string }{
		{"live/sandbox/vpc", "sandbox", "box", ""},
		{"live/sandbox", "sandbox", "box", ""},
		{"live/x/sandbox-b", "sandbox", "box", ""},
		{"live/x/sandbox-c", "all", "", ""},
		{"live/tools/ci", "ops", "box", "ignore"},
		{"live/tools/web", "all", "", "example"},
		{"live/tools/web/sub", "all", "", ""},
		{"other", "", "", ""},
		{".", "", "", ""},
	} {
		env, account := c.Environment(test.path)
		role := ""
		if s := c.Stack(test.path); s != nil {
			role = s.Role
		}
		if env != test.env || account != test.account || role != test.role {
			t.Errorf("%s: got %q, %q, %q", test.path, env, account, role)
		}
	}
	if a := c.Accounts[0]; a.Duration != 90*time.Minute || a.ExternalID != "terrier@example" {
		t.Errorf("account: %+v", a)
	}
	if m := c.Module["."]; m == nil || !m.Keep || m.Group != "core" {
		t.Errorf("module: %+v", m)
	}
	if c.Identity != (IdentityConfig{"Ada", "ada@example.com"}) {
		t.Errorf("identity: %+v", c.Identity)
	}
	if c.Guards.MaxDestroy == nil || *c.Guards.MaxDestroy != 0 {
		t.Error("max_destroy = 0 is a limit, too")
	}
}

func TestAddresses(t *testing.T) {
	for _, test := range []struct{ modules, source, remote, tag string }{
		{`source = "git::https://h.example/t/${name}.git"`, "git::https://h.example/t/vpc.git", "https://h.example/t/vpc.git", "v1.2.3"},
		{`source = "git::https://h.example/t/${name}.git?depth=1"`, "git::https://h.example/t/vpc.git?depth=1", "https://h.example/t/vpc.git", "v1.2.3"},
		{`source = "git@h.example:t/${name}.git"`, "git@h.example:t/vpc.git", "ssh://git@h.example/t/vpc.git", "v1.2.3"},
		{`source = "git::git@h.example:t/${name}.git"`, "git::git@h.example:t/vpc.git", "ssh://git@h.example/t/vpc.git", "v1.2.3"},
		{`source = "github.com/acme/terraform-${name}"`, "github.com/acme/terraform-vpc", "https://github.com/acme/terraform-vpc.git", "v1.2.3"},
		{`source = "git::file:///srv/git/${name}.git"`, "git::file:///srv/git/vpc.git", "file:///srv/git/vpc.git", "v1.2.3"},
		{"source = \"git::ssh://git@h/${name}\"\nremote = \"git@h:${name}.git\"", "git::ssh://git@h/vpc", "git@h:vpc.git", "v1.2.3"},
		{"source = \"git::ssh://git@h/${name}\"\nremote = \"/srv/git/${name}.git\"\ntag = \"release-${version}\"", "git::ssh://git@h/vpc", "/srv/git/vpc.git", "release-1.2.3"},
		{"source = \"git::ssh://git@h/${name}\"\nremote = \"http://127.0.0.1:8080/${name}.git\"\ntag = \"${name}-${version}\"", "git::ssh://git@h/vpc", "http://127.0.0.1:8080/vpc.git", "vpc-1.2.3"},
		{"source = \"git::ssh://git@h/modules.git\"\nlayout = \"one-repository\"", "git::ssh://git@h/modules.git", "ssh://git@h/modules.git", "vpc/v1.2.3"},
	} {
		c, diags, _ := parseConfig([]byte("modules {\n"+test.modules+"\n}\n"), "terrier.hcl")
		if len(diags) > 0 {
			t.Errorf("%s: %v", test.modules, diags)
			continue
		}
		source, err1 := c.Modules.SourceFor("vpc")
		remote, err2 := c.Modules.RemoteFor("vpc")
		tag, err3 := c.Modules.TagFor("vpc", "1.2.3")
		if got := fmt.Sprint(source, remote, tag, err1, err2, err3); got != fmt.Sprint(test.source, test.remote, test.tag, nil, nil, nil) {
			t.Errorf("%s: %s", test.modules, got)
		}
		if !c.Modules.Configured() {
			t.Errorf("%s: not configured", test.modules)
		}
		// A name comes from a path; it must not change what an address means.
		for _, name := range []string{"", "..", "-x", "a/b", "a?ref=x", "a b", "ü"} {
			if s, err := c.Modules.SourceFor(name); err == nil {
				t.Errorf("%s: SourceFor(%q) = %q", test.modules, name, s)
			}
		}
		for _, version := range []string{"", "v1.0.0", "1.0", "1.0.0+x", "1.0.0 "} {
			if s, err := c.Modules.TagFor("vpc", version); err == nil {
				t.Errorf("%s: TagFor(%q) = %q", test.modules, version, s)
			}
		}
	}
}

func TestDefaults(t *testing.T) {
	c := defaultConfig()
	if c.Modules.Configured() {
		t.Error("configured")
	}
	if s, err := c.Modules.SourceFor("vpc"); err == nil {
		t.Errorf("a source from nowhere: %q", s)
	}
	for _, f := range []func() (string, error){
		func() (string, error) { return c.Modules.RemoteFor("vpc") },
		func() (string, error) { return c.Live.RemoteFor("live") },
	} {
		if s, err := f(); s != "" || err != nil {
			t.Errorf("a remote from nowhere: %q, %v", s, err)
		}
	}
	if s, err := c.Modules.TagFor("vpc", c.Modules.Version); s != "v1.0.0" || err != nil {
		t.Errorf("tag %q, %v", s, err)
	}
}

func TestFindConfig(t *testing.T) {
	top := t.TempDir()
	root := filepath.Join(top, "repo")
	deep := filepath.Join(root, "live", "prod")
	for _, d := range []string{filepath.Join(root, ".git"), deep, filepath.Join(top, "plain", "sub")} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write := func(file, src string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(src), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	load := func(dir, explicit string) (*Config, string) {
		c, diags, files := loadConfig(dir, explicit)
		var out bytes.Buffer
		report.Diagnostics(&out, diags, files, 0, false)
		return c, out.String()
	}

	// A file above the repository is none of its business.
	write(filepath.Join(top, configName), "broken {\n}\n")
	if c, out := load(deep, ""); c.Path != "" || c.Root != root || out != "" {
		t.Errorf("above the root: %q %q %s", c.Path, c.Root, out)
	}
	// Nor is one above a directory that is in no repository.
	if c, out := load(filepath.Join(top, "plain", "sub"), ""); c.Path != "" || out != "" {
		t.Errorf("outside of git: %q %s", c.Path, out)
	}
	at := filepath.Join(root, configName)
	write(at, "live {\n  remot = \"x\"\n}\n")
	c, out := load(deep, "")
	if c.Path != at || c.Root != root || !strings.Contains(out, "on ../../terrier.hcl line 2, in live:\n") || !strings.Contains(out, `Did you mean "remote"?`) {
		t.Errorf("at the root: %q %q\n%s", c.Path, c.Root, out)
	}
	if _, out := load(root, ""); !strings.Contains(out, "on terrier.hcl line 2") {
		t.Errorf("from the root:\n%s", out)
	}
	// --config wins, wherever it is.
	other := filepath.Join(top, "other.hcl")
	write(other, "identity {\n  name = \"Ada\"\n}\n")
	if c, out := load(deep, other); c.Path != other || c.Root != top || c.Identity.Name != "Ada" || c.Identity.Email != "terrier@localhost" || out != "" {
		t.Errorf("explicit: %+v %s", c, out)
	}
	for _, bad := range []string{filepath.Join(top, "missing.hcl"), top, "/dev/zero"} {
		if c, out := load(deep, bad); !strings.Contains(out, "cannot be read") || !strings.Contains(out, bad+": ") || c == nil {
			t.Errorf("%s: %s", bad, out)
		}
	}
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, out := load(deep, ""); !strings.Contains(out, "it is a directory") {
		t.Errorf("a directory: %s", out)
	}
}

// TestDeepConfig holds HCL's parser, which recurses, away from what would
// overflow its stack: that is fatal, and no test would end with a failure.
func TestDeepConfig(t *testing.T) {
	for _, s := range []string{"(", "[", "{a=", "\"${", "!", "-", "a ? b : ", "x.*.", "%{ if a }", "a{\n", "\"%{if a}", "a[", "f("} {
		src := []byte("a = " + strings.Repeat(s, 100_000/len(s)))
		if got := shownConfig(src); !strings.Contains(got, "Error: ") {
			t.Errorf("%q…: %.300s", s, got)
		}
	}
}
