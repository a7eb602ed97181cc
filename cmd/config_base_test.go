package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/live/guard"
)

// guardingOf compares two configurations as a base and a branch.
func guardingOf(t *testing.T, base, head string) *Guarding {
	t.Helper()
	g := &Guarding{Rev: "origin/main"}
	for src, c := range map[string]**Config{"b" + base: &g.Base, "h" + head: &g.Head} {
		parsed, diags, _ := parseConfig([]byte(src[1:]), "terrier.hcl")
		if diags.HasErrors() {
			t.Fatalf("%s\n%v", src[1:], diags)
		}
		*c = parsed
	}
	g.compare()
	return g
}

// effective is all that guards a stack in an environment, as text.
func effective(g *Guarding, stack, environment string) string {
	r := g.Rules(stack, environment)
	limit := "none"
	if r.MaxDestroy != nil {
		limit = fmt.Sprint(*r.MaxDestroy)
	}
	var freeze []string
	for _, w := range r.Freeze {
		freeze = append(freeze, w.String())
	}
	out := fmt.Sprintf("protect %q max_destroy %s branches %q override %q freeze %q approvals %d approvers %q author %v",
		r.Protect, limit, r.Branches, r.Override, freeze, r.Approvals, r.Approvers, r.AuthorApproves)
	a, refusal := g.Account(stack, environment)
	switch {
	case refusal != nil:
		out += " refused " + string(refusal.Guard)
	case a != nil:
		out += fmt.Sprintf(" account %s %s also %q roles %q %q external %q for %s", a.Name, a.ID, a.Also, a.PlanRole, a.ApplyRole, a.ExternalID, a.Duration)
	}
	plan, apply := g.StateRoles(stack, environment)
	out += fmt.Sprintf(" providers %v after %q state %q %q terraform %q", g.Providers(stack), g.After(environment), plan, apply, g.Terraform().Path)
	runs := g.Runs()
	return out + fmt.Sprintf(" runs %v %v %q", runs.S3, runs.Keep, runs.Recipients)
}

const baseConfig = `
guards {
  protect     = ["aws_db_instance"]
  max_destroy = 3
  branches    = ["main"]
  override    = ["max_destroy", "protect"]
  freeze "weekend" {
    days     = ["sat", "sun"]
    timezone = "UTC"
  }
}
environment "qa" {
  stacks = ["live/qa/**"]
}
environment "prod" {
  stacks          = ["live/prod/**"]
  account         = "prod"
  after           = ["qa"]
  approvals       = 2
  approvers       = ["ada", "grace", "linus"]
  author_approves = false
  backend "s3" {
    plan_role = "arn:aws:iam::999999999999:role/state-plan"
  }
  guards {
    protect     = ["aws_s3_bucket"]
    max_destroy = 1
    override    = ["max_destroy"]
    freeze "nights" {
      hours    = "18:00-08:00"
      timezone = "UTC"
    }
  }
}
environment "box" {
  stacks  = ["live/box/**"]
  account = "box"
}
account "prod" {
  id          = "111111111111"
  also        = ["333333333333", "444444444444"]
  plan_role   = "arn:aws:iam::111111111111:role/plan"
  apply_role  = "arn:aws:iam::111111111111:role/apply"
  external_id = "terrier"
  duration    = "1h"
}
account "box" {
  id = "222222222222"
}
stack "live/prod/net" {
  providers = {
    "aws.dns" = "333333333333"
  }
}
stack "live/tools/ci" {
  environment = "prod"
}
backend "s3" {
  bucket     = "acme-state"
  apply_role = "arn:aws:iam::999999999999:role/state-apply"
}
terraform {
  path = "tofu"
}
runs {
  recipients = ["age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm"]
  s3 {
    bucket = "acme-runs"
  }
}
`

// Whatever a branch does to make it weaker, what guards is the base's, and it is
// told.
func TestWeakerBranchNeverCounts(t *testing.T) {
	same := guardingOf(t, baseConfig, baseConfig)
	if len(same.Weakened) != 0 {
		t.Fatalf("weakened by nothing: %v", same.Weakened)
	}
	for _, tc := range []struct{ name, old, with, told string }{
		{"protect", `protect     = ["aws_db_instance"]`, ``, `protect has "aws_db_instance", and not here`},
		{"protect of the environment", `protect     = ["aws_s3_bucket"]`, ``, `protect has "aws_s3_bucket", and not here`},
		{"max_destroy", `max_destroy = 3`, `max_destroy = 30`, `max_destroy is 3, and 30 here`},
		{"max_destroy of the environment", `max_destroy = 1`, ``, `max_destroy is 1, and 3 here`},
		{"no branches", `branches    = ["main"]`, ``, `branches is "main", and anything here`},
		{"more branches", `branches    = ["main"]`, `branches = ["main", "evil"]`, `branches has no "evil", and here it has`},
		{"override", `override    = ["max_destroy", "protect"]`, `override = ["max_destroy", "protect", "freeze"]`, `override has no "freeze", and here it has`},
		{"override of the environment", `override    = ["max_destroy"]`, `override = ["protect", "max_destroy"]`, `override has no "protect", and here it has`},
		{"override of the environment left out", `override    = ["max_destroy"]`, ``, `override has no "protect", and here it has`},
		{"freeze", "freeze \"weekend\" {\n    days     = [\"sat\", \"sun\"]\n    timezone = \"UTC\"\n  }", ``, `freeze "weekend" is not here, or is another one`},
		{"freeze of the environment", "freeze \"nights\" {\n      hours    = \"18:00-08:00\"\n      timezone = \"UTC\"\n    }", ``, `freeze "nights" is not here, or is another one`},
		{"approvals", `approvals       = 2`, `approvals = 1`, `approvals is 2, and 1 here`},
		{"approvers", `"linus"]`, `"linus", "mallory"]`, `approvers has no "mallory", and here it has`},
		{"no approvers", `approvers       = ["ada", "grace", "linus"]`, ``, `approvers is "ada", "grace", "linus", and anything here`},
		{"author", `author_approves = false`, ``, `author_approves is false, and true here`},
		{"after", `after           = ["qa"]`, ``, `it comes after "qa", and not here`},
		{"stacks", `stacks          = ["live/prod/**"]`, `stacks = ["live/production/**"]`, `stacks has "live/prod/**", and not here`},
		{"account", `account         = "prod"`, `account = "box"`, `account is "prod", and box here`},
		{"id", "id          = \"111111111111\"\n  also        = [", "id = \"111111111112\"\n also = [\"111111111111\", ", `id is 111111111111, and 111111111112 here`},
		{"also", `also        = ["333333333333", "444444444444"]`, `also = ["333333333333", "444444444444", "555555555555"]`, `also has no 555555555555, and here it has`},
		{"plan_role", `role/plan"`, `role/admin"`, `plan_role is arn:aws:iam::111111111111:role/plan, and`},
		{"apply_role", `role/apply"`, `role/admin"`, `apply_role is arn:aws:iam::111111111111:role/apply, and`},
		{"no apply_role", `apply_role  = "arn:aws:iam::111111111111:role/apply"`, ``, `role/apply, and none here`},
		{"external_id", `external_id = "terrier"`, ``, `external_id is terrier, and none here`},
		{"duration", `duration    = "1h"`, `duration = "12h"`, `duration is 1h0m0s, and 12h0m0s here`},
		{"providers", `"aws.dns" = "333333333333"`, `"aws.dns" = "333333333333"` + "\n" + `"aws.evil" = "111111111111"`, `the account of aws.evil is none, and 111111111111 here`},
		{"state plan_role", `role/state-plan"`, `role/evil"`, `plan_role or apply_role are others here`},
		{"state apply_role", `role/state-apply"`, `role/evil"`, `plan_role or apply_role are others here`},
		{"terraform", `path = "tofu"`, `path = "/tmp/evil"`, `path is tofu, and /tmp/evil here`},
		{"bucket of runs", `bucket = "acme-runs"`, `bucket = "evil-runs"`, `it is another one here`},
		{"recipients", `age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm`, `age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg`, `it is another one here`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if strings.Count(baseConfig, tc.old) != 1 {
				t.Fatalf("the base has %q %d times", tc.old, strings.Count(baseConfig, tc.old))
			}
			g := guardingOf(t, baseConfig, strings.Replace(baseConfig, tc.old, tc.with, 1))
			for _, stack := range []string{"live/prod/net", "live/prod/app"} {
				got, want := effective(g, stack, "prod"), effective(same, stack, "prod")
				// A role that is nowhere needed any more, an account that must not be:
				// refused is stricter than anything.
				if got, _, refused := strings.Cut(got, " refused account"); refused {
					if before, _, _ := strings.Cut(want, " account "); got != before {
						t.Errorf("%s: -want +got\n%s", stack, cmp.Diff(before, got))
					}
					continue
				}
				if got != want {
					t.Errorf("%s: -want +got\n%s", stack, cmp.Diff(want, got))
				}
			}
			if !slices.ContainsFunc(g.Weakened, func(w Weakening) bool { return strings.Contains(w.What, tc.told) }) {
				t.Errorf("%q is not told: %v", tc.told, g.Weakened)
			}
		})
	}
}

// A branch that is stricter is.
func TestStricterBranchCounts(t *testing.T) {
	same := effective(guardingOf(t, baseConfig, baseConfig), "live/prod/net", "prod")
	for _, tc := range []struct{ name, old, with, want string }{
		{"protect", `protect     = ["aws_db_instance"]`, `protect = ["aws_db_instance", "aws_vpc"]`, `"aws_vpc"`},
		{"max_destroy", `max_destroy = 1`, `max_destroy = 0`, `max_destroy 0`},
		{"branches", `branches    = ["main"]`, `branches = ["release"]`, `branches [""]`},
		{"override", `override    = ["max_destroy"]`, `override = []`, `override []`},
		{"freeze", `days     = ["sat", "sun"]`, "days = [\"sat\", \"sun\"]\ntimezone = \"UTC\"\n}\nfreeze \"more\" {\ndays = [\"mon\"]", `more`},
		{"approvals", `approvals       = 2`, `approvals = 3`, `approvals 3`},
		{"approvers", `["ada", "grace", "linus"]`, `["ada", "grace"]`, `approvers ["ada" "grace"]`},
		{"also", `also        = ["333333333333", "444444444444"]`, `also = ["444444444444"]`, `also ["444444444444"]`},
		{"after", `after           = ["qa"]`, `after = ["qa", "box"]`, `after ["qa" "box"]`},
		{"providers", `"aws.dns" = "333333333333"`, ``, `providers map[]`},
	} {
		if strings.Count(baseConfig, tc.old) != 1 {
			t.Fatalf("the base has %q %d times", tc.old, strings.Count(baseConfig, tc.old))
		}
		g := guardingOf(t, baseConfig, strings.Replace(baseConfig, tc.old, tc.with, 1))
		got := effective(g, "live/prod/net", "prod")
		if got == same || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s", tc.name, got)
		}
		if tc.name != "branches" && len(g.Weakened) != 0 {
			t.Errorf("%s: weakened %v", tc.name, g.Weakened)
		}
	}
}

// A stack keeps the guards of the environment that the base has it in, wherever
// the branch puts it.
func TestMovedStack(t *testing.T) {
	same := guardingOf(t, baseConfig, baseConfig)
	prod := same.Rules("live/prod/net", "prod")
	asProd := func(r guard.Rules) bool {
		return r.Approvals == prod.Approvals && !r.AuthorApproves && r.MaxDestroy != nil && *r.MaxDestroy == 1 && len(r.Freeze) == 2 && slices.Equal(r.Override, prod.Override)
	}
	edit := func(pairs ...string) *Guarding {
		t.Helper()
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(baseConfig, pairs[i]) {
				t.Fatalf("the base has no %q", pairs[i])
			}
		}
		return guardingOf(t, baseConfig, strings.NewReplacer(pairs...).Replace(baseConfig))
	}
	for _, tc := range []struct {
		name, stack, env string
		g                *Guarding
		account          string // its id, or "refused", or ""
	}{
		{"to another account", "live/prod/net", "box", edit(`["live/box/**"]`, `["live/box/**", "live/prod/net"]`, `["live/prod/**"]`, `["live/prod/app"]`), "refused"},
		{"to no account", "live/prod/net", "qa", edit(`["live/qa/**"]`, `["live/**"]`), "111111111111"},
		{"to none", "live/prod/net", "", edit(`["live/prod/**"]`, `["live/production/**"]`), "111111111111"},
		{"by its own block", "live/prod/net", "qa", edit(`stack "live/prod/net" {`, "stack \"live/prod/net\" {\nenvironment = \"qa\""), "111111111111"},
		{"out of its own block", "live/tools/ci", "", edit("environment = \"prod\"\n", "", `environment = "prod"`, ``), "111111111111"},
		{"into a new environment", "live/prod/net", "new", edit(`environment "qa" {`, "environment \"new\" {\n stacks = [\"live/prod/net\"]\n}\nenvironment \"qa\" {"), "111111111111"},
		{"into a new account", "live/prod/net", "new", edit(`environment "qa" {`, "account \"new\" {\n id = \"555555555555\"\n}\nenvironment \"new\" {\n account = \"new\"\n stacks = [\"live/prod/net\"]\n}\nenvironment \"qa\" {"), "refused"},
		{"a new account of the same id", "live/prod/net", "new", edit(`environment "qa" {`, "account \"new\" {\n id = \"111111111111\"\n also = [\"777777777777\"]\n}\nenvironment \"new\" {\n account = \"new\"\n stacks = [\"live/prod/net\"]\n}\nenvironment \"qa\" {"), "111111111111"},
		{"another account under the name", "live/prod/net", "prod", edit(`id          = "111111111111"`, "id = \"222222222222\"\n also = [\"111111111111\"]\n #", `also        = `, `# `), "111111111111"},
		{"a renamed environment", "live/prod/net", "production", edit(`environment "prod"`, `environment "production"`, `environment = "prod"`, `environment = "production"`), "111111111111"},
		{"into prod", "live/box/net", "prod", edit(`["live/prod/**"]`, `["live/**"]`, `environment "box"`, `environment "crate"`), "refused"},
		{"a new stack in prod", "live/prod/new", "prod", same, "111111111111"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if env, _ := tc.g.Head.Environment(tc.stack); env != tc.env && tc.name != "to no account" {
				t.Fatalf("it is in %q", env)
			}
			if r := tc.g.Rules(tc.stack, tc.env); !asProd(r) {
				t.Errorf("rules %+v", r)
			}
			in, unapproved := tc.g.ApprovedIn(tc.stack, tc.env)
			if stays := tc.env == "prod"; stays != (unapproved == nil) || stays != (in == "prod") || !stays && unapproved.Guard != guard.Unapproved {
				t.Errorf("approved in %q, %v", in, unapproved)
			}
			a, refusal := tc.g.Account(tc.stack, tc.env)
			got := ""
			switch {
			case refusal != nil:
				got = "refused"
				if refusal.Guard != guard.Account || a != nil || !strings.Contains(refusal.Reason, "origin/main") {
					t.Errorf("%+v", refusal)
				}
			case a != nil:
				got = a.ID
				if slices.Contains(a.Also, "777777777777") {
					t.Error("the branch's own also counts")
				}
			}
			if got != tc.account {
				t.Errorf("account %q, want %q", got, tc.account)
			}
		})
	}

	// What only the branch has counts as it is there.
	g := edit(`environment "qa" {`, "account \"new\" {\n id = \"555555555555\"\n also = [\"666666666666\"]\n}\nenvironment \"new\" {\n account = \"new\"\n approvals = 1\n stacks = [\"live/new/**\"]\n}\nenvironment \"qa\" {")
	if a, refusal := g.Account("live/new/x", "new"); refusal != nil || a == nil || a.ID != "555555555555" || len(a.Also) != 1 {
		t.Errorf("%v %v", a, refusal)
	}
	if r := g.Rules("live/new/x", "new"); r.Approvals != 1 || *r.MaxDestroy != 3 || len(r.Branches) != 1 {
		t.Errorf("%+v", r)
	}
	// A circle with the base's order is no order.
	g = edit("stacks = [\"live/qa/**\"]", "stacks = [\"live/qa/**\"]\n after = [\"prod\"]", `after           = ["qa"]`, ``)
	if got := fmt.Sprint(g.After("prod"), g.After("qa")); got != "[qa] []" {
		t.Error(got)
	}
	// An environment that the branch has dropped is none that another could wait
	// for.
	if c := g.Head.EstateConfig(func(string) []string { return []string{"qa", "gone"} }); fmt.Sprint(c.Environments[1].After) != "[qa]" {
		t.Error(c.Environments[1].After)
	}
}

// One code in several environments: a branch that gives one the workspace or the
// files of another gets the rules of all.
func TestSharedCode(t *testing.T) {
	const base = `
environment "prod" {
  stacks    = ["app/**"]
  workspace = "prod"
  approvals = 2
}
environment "dev" {
  stacks    = ["app/**"]
  workspace = "dev"
  var_files = ["dev.tfvars"]
}
`
	if r := guardingOf(t, base, base).Rules("app/x", "dev"); r.Approvals != 0 {
		t.Errorf("dev has %d approvals", r.Approvals)
	}
	for _, edit := range [][2]string{
		{`workspace = "dev"`, `workspace = "prod"`},
		{`var_files = ["dev.tfvars"]`, `var_files = ["prod.tfvars"]`},
		{`var_files = ["dev.tfvars"]`, `backend_config = ["prod.tfbackend"]`},
	} {
		g := guardingOf(t, base, strings.Replace(base, edit[0], edit[1], 1))
		if r := g.Rules("app/x", "dev"); r.Approvals != 2 {
			t.Errorf("%s: dev has %d approvals", edit[1], r.Approvals)
		}
		if len(g.Weakened) == 0 {
			t.Errorf("%s is not told", edit[1])
		}
	}
}

// git runs git in a directory, with nothing of the user's.
func baseGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", args, err, out)
	}
}

// The base is found in git, and where it cannot be told that is an error.
func TestGuardingBase(t *testing.T) {
	const strict, weak = "guards {\n  max_destroy = 1\n}\n", "guards {\n  max_destroy = 9\n}\n"
	write := func(t *testing.T, file, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	commit := func(t *testing.T, dir string) {
		baseGit(t, dir, "add", "-A")
		baseGit(t, dir, "commit", "-q", "--allow-empty", "-m", "x")
	}
	// A branch with a weak file, of a main with a strict one.
	branch := func(t *testing.T) string {
		dir := t.TempDir()
		baseGit(t, dir, "init", "-q", "-b", "main")
		write(t, filepath.Join(dir, configName), strict)
		commit(t, dir)
		baseGit(t, dir, "checkout", "-q", "-b", "feature")
		write(t, filepath.Join(dir, configName), weak)
		commit(t, dir)
		return dir
	}
	load := func(t *testing.T, dir, explicit, base string) (*Guarding, string) {
		t.Helper()
		c, diags, _ := loadConfig(dir, explicit)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		g, diags, _, err := guarding(t.Context(), c, base)
		switch {
		case err != nil:
			return nil, err.Error()
		case diags.HasErrors():
			return nil, "diagnostics: " + diags.Error()
		}
		return g, ""
	}
	limit := func(g *Guarding) string {
		if g == nil || g.Rules("x", "").MaxDestroy == nil {
			return "none"
		}
		return fmt.Sprint(*g.Rules("x", "").MaxDestroy)
	}
	for _, tc := range []struct {
		name  string
		make  func(t *testing.T) (dir, explicit, base string)
		limit string
		rev   string
		says  string // in the note, or the error where limit is "error"
	}{
		{"its own main", func(t *testing.T) (string, string, string) { return branch(t), "", "" }, "1", "main", ""},
		{"the remote's main", func(t *testing.T) (string, string, string) {
			dir := t.TempDir()
			baseGit(t, dir, "clone", "-q", branch(t), ".")
			baseGit(t, dir, "checkout", "-q", "-b", "main", "origin/main")
			write(t, filepath.Join(dir, configName), weak)
			commit(t, dir)
			baseGit(t, dir, "remote", "set-head", "origin", "main")
			return dir, "", ""
		}, "1", "origin/main", ""},
		{"a runner's clone without it", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			baseGit(t, dir, "remote", "add", "origin", "https://git.invalid/x.git")
			return dir, "", ""
		}, "error", "", "hint: git fetch origin main, or name it: --base origin/main"},
		{"named", func(t *testing.T) (string, string, string) { return branch(t), "", "main" }, "1", "main", ""},
		{"named in full", func(t *testing.T) (string, string, string) { return branch(t), "", "refs/heads/main" }, "1", "refs/heads/main", ""},
		{"named and not there", func(t *testing.T) (string, string, string) { return branch(t), "", "origin/main" }, "error", "", "--base: "},
		{"an option", func(t *testing.T) (string, string, string) { return branch(t), "", "--all" }, "error", "", "--base: "},
		{"a tag of the name", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			baseGit(t, dir, "update-ref", "refs/remotes/origin/main", "main")
			baseGit(t, dir, "tag", "origin/main", "feature")
			return dir, "", "origin/main"
		}, "error", "", "several branches and tags have this name"},
		{"no file there", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			baseGit(t, dir, "checkout", "-q", "main")
			baseGit(t, dir, "rm", "-q", configName)
			commit(t, dir)
			baseGit(t, dir, "checkout", "-q", "feature")
			return dir, "", ""
		}, "9", "main", "the base (main) has no terrier.hcl"},
		{"taken away", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			baseGit(t, dir, "rm", "-q", configName)
			commit(t, dir)
			return dir, "", ""
		}, "1", "main", ""},
		{"not committed", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			baseGit(t, dir, "checkout", "-q", "main")
			write(t, filepath.Join(dir, configName), weak)
			return dir, "", ""
		}, "1", "main", ""},
		{"a nearer one", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			write(t, filepath.Join(dir, "live", configName), weak)
			commit(t, dir)
			return filepath.Join(dir, "live"), "", ""
		}, "error", "", "is configured by terrier.hcl, and this branch by live/terrier.hcl"},
		{"the nearer one taken away", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			baseGit(t, dir, "checkout", "-q", "main")
			write(t, filepath.Join(dir, "live", configName), strict)
			write(t, filepath.Join(dir, configName), weak)
			commit(t, dir)
			baseGit(t, dir, "checkout", "-q", "-b", "other")
			baseGit(t, dir, "rm", "-q", "live/"+configName)
			write(t, filepath.Join(dir, "live", "main.tf"), "")
			commit(t, dir)
			return filepath.Join(dir, "live"), "", ""
		}, "error", "", "is configured by live/terrier.hcl, and this branch by terrier.hcl"},
		{"another file named", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			write(t, filepath.Join(dir, "weak.hcl"), weak)
			return dir, filepath.Join(dir, "weak.hcl"), ""
		}, "error", "", "and this branch by weak.hcl"},
		{"a file outside", func(t *testing.T) (string, string, string) {
			dir, other := branch(t), filepath.Join(t.TempDir(), "own.hcl")
			write(t, other, weak)
			return dir, other, ""
		}, "9", "", "no git repository"},
		{"no git", func(t *testing.T) (string, string, string) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, configName), weak)
			return dir, "", ""
		}, "9", "", "no git repository"},
		{"no commit", func(t *testing.T) (string, string, string) {
			dir := t.TempDir()
			baseGit(t, dir, "init", "-q", "-b", "main")
			write(t, filepath.Join(dir, configName), weak)
			return dir, "", ""
		}, "9", "", "no commit yet"},
		{"no commit and a remote", func(t *testing.T) (string, string, string) {
			dir := t.TempDir()
			baseGit(t, dir, "init", "-q", "-b", "main")
			baseGit(t, dir, "remote", "add", "origin", "https://git.invalid/x.git")
			write(t, filepath.Join(dir, configName), weak)
			return dir, "", ""
		}, "error", "", "cannot be told"},
		{"broken there", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			baseGit(t, dir, "checkout", "-q", "main")
			write(t, filepath.Join(dir, configName), "guards {\n  max_destroi = 1\n}\n")
			commit(t, dir)
			baseGit(t, dir, "checkout", "-q", "feature")
			return dir, "", ""
		}, "error", "", "max_destroi"},
		{"a terraform in the repository", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			baseGit(t, dir, "checkout", "-q", "main")
			write(t, filepath.Join(dir, configName), fmt.Sprintf("terraform {\n  path = %q\n}\n", filepath.Join(dir, "bin", "tofu")))
			commit(t, dir)
			baseGit(t, dir, "checkout", "-q", "feature")
			return dir, "", ""
		}, "error", "", "lies in the repository"},
		{"a directory there", func(t *testing.T) (string, string, string) {
			dir := branch(t)
			baseGit(t, dir, "checkout", "-q", "main")
			baseGit(t, dir, "rm", "-q", configName)
			write(t, filepath.Join(dir, configName, "x"), "")
			commit(t, dir)
			baseGit(t, dir, "checkout", "-q", "feature")
			return dir, "", ""
		}, "error", "", "is a tree, and no file"},
		{"a shallow clone", func(t *testing.T) (string, string, string) {
			dir := t.TempDir()
			from := branch(t)
			baseGit(t, from, "checkout", "-q", "main")
			commit(t, from)
			baseGit(t, dir, "clone", "-q", "--depth=1", "file://"+from, ".")
			write(t, filepath.Join(dir, configName), weak)
			return dir, "", ""
		}, "1", "origin/main", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir, explicit, base := tc.make(t)
			g, failed := load(t, dir, explicit, base)
			if tc.limit == "error" {
				if g != nil || !strings.Contains(failed, tc.says) {
					t.Fatalf("got %+v, %q; want %q", g, failed, tc.says)
				}
				return
			}
			if failed != "" {
				t.Fatal(failed)
			}
			if limit(g) != tc.limit || g.Rev != tc.rev || !strings.Contains(g.Note, tc.says) || tc.says == "" && g.Note != "" {
				t.Errorf("limit %s, base %q, note %q", limit(g), g.Rev, g.Note)
			}
			if told := len(g.Weakened) > 0; told != (tc.limit == "1") {
				t.Errorf("weakened: %v", g.Weakened)
			}
			if tc.limit == "1" && len(g.Commit) != 40 {
				t.Errorf("commit %q", g.Commit)
			}
		})
	}
}
