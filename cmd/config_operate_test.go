package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/live/guard"
)

// Each attribute of what operates is read.
func TestOperateConfig(t *testing.T) {
	src, err := os.ReadFile("testdata/config/operate.hcl")
	if err != nil {
		t.Fatal(err)
	}
	c, diags, _ := parseConfig(src, "terrier.hcl")
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	yes, no, three := true, false, 3
	state := func(account string) string { return "arn:aws:iam::999999999999:role/" + account }
	common := BackendConfig{
		Bucket: "acme-state", Region: "eu-central-1", UseLockfile: &yes, DynamoDBTable: "locks", KMSKeyID: "alias/state", Encrypt: &yes,
		RoleARN: state("state"), WorkspaceKeyPrefix: "env", Profile: "admin", PlanRole: state("state-read"), ApplyRole: state("state-write"),
	}
	prod := common
	prod.Bucket, prod.UseLockfile = "acme-state-prod", &no
	christmas, err := guard.ParseWindow("christmas", "2026-12-20T00:00:00Z", "2027-01-04T00:00:00Z", nil, "", "")
	if err != nil {
		t.Fatal(err)
	}
	weekend, err := guard.ParseWindow("weekend", "", "", []string{"fri", "sat", "sun"}, "18:00-08:00", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	same := []cmp.Option{cmpopts.IgnoreTypes(hcl.Range{}), cmpopts.IgnoreUnexported(BackendConfig{}), cmp.Comparer(func(a, b guard.Window) bool { return a.String() == b.String() && a.From.Equal(b.From) })}
	check := func(what string, want, got any) {
		t.Helper()
		if d := cmp.Diff(want, got, same...); d != "" {
			t.Errorf("%s: -want +got\n%s", what, d)
		}
	}
	check("terraform", TerraformConfig{Path: "tofu", Parallelism: 4, Timeout: 30 * time.Minute}, c.Terraform)
	check("backend", &common, c.Backend)
	check("runs", RunsConfig{
		Keep: 168 * time.Hour, Recipients: []string{"age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm"},
		S3: &RunsS3Config{"acme-runs", "team/terrier", "eu-west-1", "arn:aws:kms:eu-west-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
	}, c.Runs)
	check("guards", GuardsConfig{
		Protect: []string{"aws_db_instance"}, MaxDestroy: &three, Branches: []string{"main", "release/*"},
		Override: []guard.Name{"max_destroy", "protect"}, Freeze: []guard.Window{christmas},
	}, c.Guards)
	check("providers", map[string]string{"aws": "111111111111", "aws.dns": "333333333333", "awscc.x": "333333333333"}, c.Stack("live/dns/x").Providers)
	e := c.environment("prod")
	check("approvers", []string{"ada@example.com", "grace", "4711"}, e.Approvers)
	check("author_approves", false, e.AuthorApproves)

	got, err := c.BackendFor("live/prod/net", "prod")
	if err != nil {
		t.Fatal(err)
	}
	check("backend of prod", &StackBackend{Key: "prod/prod/live/prod/net/terraform.tfstate", BackendConfig: prod}, got)
	check("rules of none", guard.Rules{
		Protect: []string{"aws_db_instance"}, MaxDestroy: &three, Branches: []string{"main", "release/*"},
		Override: []guard.Name{"max_destroy", "protect"}, Freeze: []guard.Window{christmas}, AuthorApproves: true,
	}, c.Rules(""))
	check("rules of prod", guard.Rules{
		Protect: []string{"aws_db_instance"}, MaxDestroy: &three, Branches: []string{"main"}, Freeze: []guard.Window{christmas, weekend},
		Approvals: 2, Approvers: []string{"4711", "ada@example.com", "grace"},
	}, c.Rules("prod"))
	check("account", "prod", c.AccountOf("prod"))
	check("id", "111111111111", c.Account("prod").ID)
	check("no account", "", c.AccountOf("qa"))
	if c.Account("qa") != nil {
		t.Error("an account from nowhere")
	}
	estate := c.EstateConfig(nil)
	check("after", []string{"live/prod/net"}, estate.After("live/dns/x"))
	if file, line := estate.AfterAt("live/dns/x"); file != "terrier.hcl" || line == 0 || estate.After("else") != nil {
		t.Errorf("after is at %s:%d", file, line)
	}
	if len(estate.Environments) != 1 || estate.Environments[0].Account != "prod" {
		t.Errorf("environments %+v", estate.Environments)
	}
}

// A state's key comes of the stack, and of what the stack has.
func TestBackendFor(t *testing.T) {
	for _, tc := range []struct{ config, stack, env, want string }{
		{``, "a", "", "none"},
		{`backend "s3" { bucket = "acme" }`, "live/prod/net", "", "acme/live/prod/net/terraform.tfstate"},
		{`backend "s3" { bucket = "acme" }`, ".", "", "acme/terraform.tfstate"},
		{`backend "s3" {
  bucket = "acme"
  key    = "x/${stack}/s"
}`, ".", "", "acme/x/s"},
		{`backend "s3" {
  bucket = "acme"
  key    = "${environment}/${stack}"
}`, "a", "", "needs ${environment}, and the stack has none"},
		{`backend "s3" {
  bucket = "acme"
  key    = "${account}/${stack}"
}
environment "e" { stacks = ["a"] }`, "a", "e", "terrier.hcl:3: the key of the state of a needs ${account}"},
		{`backend "s3" { bucket = "acme" }`, "a b", "", `the key "a b/terraform.tfstate"`},
		{`backend "s3" { bucket = "acme" }`, "ü", "", `hint`},
		{`environment "e" {
  stacks = ["a"]
  backend "s3" { bucket = "own" }
}`, "a", "e", "own/a/terraform.tfstate"},
		{`environment "e" {
  stacks = ["a"]
  backend "s3" { bucket = "own" }
}`, "b", "", "none"},
		{`backend "s3" {
  region = "eu-central-1"
}
environment "e" {
  stacks = ["a"]
  backend "s3" { bucket = "own" }
}`, "b", "", "no bucket is configured for the state of b"},
	} {
		c, diags, _ := parseConfig([]byte(tc.config), "terrier.hcl")
		if diags.HasErrors() {
			t.Errorf("%s: %v", tc.config, diags)
			continue
		}
		got := "none"
		switch b, err := c.BackendFor(tc.stack, tc.env); {
		case err != nil:
			got = err.Error() + "\nhint"
		case b != nil:
			got = b.Bucket + "/" + b.Key
		}
		if !strings.Contains(got, tc.want) {
			t.Errorf("%s\n%s: %s, want %s", tc.config, tc.stack, got, tc.want)
		}
	}
}

// A terraform that lies in the repository is none, by a link neither.
func TestTerraformOutside(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{".git", "bin", "live"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	tool := filepath.Join(dir, "bin", "tofu")
	if err := os.WriteFile(tool, nil, 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "tofu")
	if err := os.Symlink(tool, link); err != nil {
		t.Fatal(err)
	}
	for file, bad := range map[string]bool{tool: true, link: true, filepath.Join(dir, "none"): true, "/usr/bin/tofu": false, dir + "-other/tofu": false, "tofu": false} {
		// Configured below, too: the repository is all of it.
		at := filepath.Join(dir, "live", configName)
		if err := os.WriteFile(at, []byte("terraform {\n  path = \""+file+"\"\n}\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		_, diags, _ := loadConfig(filepath.Join(dir, "live"), "")
		if diags.HasErrors() != bad || bad && !strings.Contains(diags.Error(), "lies in the repository") {
			t.Errorf("%s: %v", file, diags)
		}
	}
}
