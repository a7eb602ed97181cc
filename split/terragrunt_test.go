package split

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every terragrunt source that leads to a module is pinned in its place, the
// one that may lead to a module keeps it, and the proof, which reads the
// functions with code of its own, agrees; each fault in it is named.
func TestTerragrunt(t *testing.T) {
	j := splitFixture(t, "terragrunt")
	var names, stays, open, named []string
	for _, p := range j.plan.Packages {
		names = append(names, p.Path)
	}
	for _, b := range j.plan.Blocked {
		for _, r := range b.Reasons {
			stays = append(stays, fmt.Sprintf("%s: %s %s:%d", b.Path, r.ID, r.File, r.Line))
		}
	}
	for _, u := range j.plan.Unproved {
		open = append(open, u.ID+" "+u.File)
	}
	for _, m := range j.plan.Mentions {
		named = append(named, fmt.Sprintf("%s %s:%d", m.ID, m.File, m.Line))
	}
	for _, d := range []string{
		cmp.Diff([]string{"modules/app", "modules/dns", "modules/vpc"}, names),
		cmp.Diff([]string{"modules/alone: computed-source live/qa/alone/terragrunt.hcl:2"}, stays),
		cmp.Diff([]string{"mention live/_common/vpc.hcl:2"}, named),
		cmp.Diff([]string{"computed-source live/qa/alone/terragrunt.hcl", "own-commit live/qa/pinned/terragrunt.hcl"}, open),
	} {
		if d != "" {
			t.Error(d)
		}
	}
	live := filepath.Join(j.out, "live", "live")
	source := func(rest string) string { return `source = "git::file://` + j.out + "/modules/" + rest + `"` }
	for file, want := range map[string]string{
		"live/prod/vpc/terragrunt.hcl": source("vpc.git?ref=v1.0.0"),
		"live/prod/nat/terragrunt.hcl": source("vpc.git//nat?ref=v1.0.0"),
		"live/prod/app/terragrunt.hcl": source("app.git?ref=v1.0.0"),
		"live/_common/dns.hcl":         source("dns.git?ref=v1.0.0"),
		"live/qa/app/terragrunt.hcl":   source("app.git?ref=v1.0.0"),
		"live/qa/vpc/terragrunt.hcl":   strings.Replace(source("vpc.git?ref=v1.0.0"), "=", "= local.local ?", 1) + ` : "git::https://git.example.com/modules/vpc.git?ref=v1.2.3"`,
		"live/qa/alone/terragrunt.hcl": `source = "${get_env("MODULES", "x")}/modules/alone"`,
		"modules/alone/main.tf":        "terraform_data",
	} {
		got, err := os.ReadFile(filepath.Join(live, filepath.FromSlash(file)))
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %v\n%s\nwant %s", file, err, got, want)
		}
	}
	p := j.verify(t)
	if len(p.Mismatches) > 0 || p.Proved() != 8 || len(p.Stacks) != 10 {
		t.Fatalf("%d of %d proved: %+v", p.Proved(), len(p.Stacks), p.Mismatches)
	}
	for name, tc := range map[string]struct{ file, old, new, kind string }{
		"a unit's ref":                          {"live/prod/vpc/terragrunt.hcl", "v1.0.0", "v2.0.0", "wrong-ref"},
		"another module for a function's":       {"live/qa/app/terragrunt.hcl", "app.git", "dns.git", "wrong-repository"},
		"no subdirectory":                       {"live/prod/nat/terragrunt.hcl", "//nat", "", "wrong-subdirectory"},
		"another module in what others include": {"live/_common/dns.hcl", "dns.git", "vpc.git", "wrong-repository"},
		"a byte in what others include":         {"live/_common/dns.hcl", "terraform {", "terraform  {", "bytes-changed"},
		"another module in what is overridden":  {"live/_common/vpc.hcl", `"${get_repo_root()}/modules/vpc"`, `"git::file://` + j.out + `/modules/dns.git?ref=v1.0.0"`, "wrong-repository"},
		"a source that nobody includes":         {"live/_common/unused.hcl", "v1.2.3", "v1.2.4", "source-changed"},
		"a branch":                              {"live/qa/vpc/terragrunt.hcl", "?ref=v1.2.3", "?ref=v1.2.4", "source-changed"},
		"another computed source":               {"live/qa/alone/terragrunt.hcl", "modules/alone", "modules/dns", "source-changed"},
		"a plain one for a computed one":        {"live/qa/alone/terragrunt.hcl", `"${get_env("MODULES", "x")}/modules/alone"`, `"../../../modules/alone"`, "source-changed"},
		"not rewritten":                         {"live/qa/app/terragrunt.hcl", strings.TrimPrefix(source("app.git?ref=v1.0.0"), "source = "), `"${get_repo_root()}/modules/${basename(get_terragrunt_dir())}"`, "target-moved"},
		"the include that gives the source":     {"live/qa/dns/terragrunt.hcl", "_common/dns.hcl", "_common/no.hcl", "call-missing"},
	} {
		t.Run(name, func(t *testing.T) {
			j.plant(t, tc.file, tc.old, tc.new, tc.kind)
		})
	}
}

// The source of a file that units include is pinned in the repository of all
// else too, where none of those units is left: it has to be their copy.
func TestTerragruntIncludedElsewhere(t *testing.T) {
	j := splitFixtureWith(t, "terragrunt", func(c *Config) {
		c.Env = func(stack string) (string, string) {
			if strings.HasSuffix(stack, "/dns") {
				return "dns", ""
			}
			return "", ""
		}
		c.Environments = map[string]Environment{"dns": {Repo: "live-dns"}}
	})
	if len(j.result.Live) != 2 || j.result.Live[0].Name != "live" {
		t.Fatalf("%+v", j.result.Live)
	}
	for _, repository := range []string{"live", "live-dns"} {
		got, err := os.ReadFile(filepath.Join(j.out, "live", repository, "live", "_common", "dns.hcl"))
		if err != nil || !strings.Contains(string(got), "dns.git?ref=v1.0.0") {
			t.Errorf("%s: %v\n%s", repository, err, got)
		}
	}
	if p := j.verify(t); len(p.Mismatches) > 0 || p.Proved() != 8 {
		t.Errorf("%d proved: %+v", p.Proved(), p.Mismatches)
	}
	live := filepath.Join(j.out, "live", "live")
	at := filepath.Join(live, "live", "_common", "dns.hcl")
	src, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(strings.Replace(string(src), "v1.0.0", "v1.0.1", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	git(t, live, "commit", "-q", "--amend", "-a", "--no-edit")
	j.result.Live[0].Tip = git(t, live, "rev-parse", "main")
	for _, m := range j.verify(t).Mismatches {
		if m.Kind == "source-changed" && m.File == "live/_common/dns.hcl" {
			return
		}
	}
	t.Error("the other ref is not named")
}
