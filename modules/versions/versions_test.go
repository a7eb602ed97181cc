package versions

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

// load makes a set of files. The environment of live/NAME/… is NAME.
func load(t *testing.T, file *lock.File, files map[string]string) *Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, _ := hclparse.LoadCalls(fsys)
	g := modules.NewGraph(tree, nil)
	return New(Input{
		Graph: g, Calls: lint.Calls(&lint.Input{Graph: g}), Lock: file, Environments: []string{"qa", "prod"},
		EnvironmentsOf: func(dir string) []string {
			part := strings.Split(dir, "/")
			switch {
			case len(part) < 2 || part[0] != "live":
				return nil
			case part[1] == "both":
				return []string{"qa", "prod"}
			case part[1] == "qa" || part[1] == "prod":
				return []string{part[1]}
			}
			return nil
		},
	})
}

// shown writes a set as one line for each use.
func shown(s *Set) string {
	var b strings.Builder
	for _, m := range s.Modules {
		for _, u := range m.Uses {
			fmt.Fprintf(&b, "%s %s=%s %s:%d\n", m.Name, u.Environment, u.Shown(), u.File, u.Line)
		}
	}
	return b.String()
}

func call(name, source string, more ...string) string {
	return fmt.Sprintf("module %q {\n  source = %q%s\n}\n", name, source, strings.Join(append([]string{""}, more...), "\n  "))
}

const backend = "terraform {\n  backend \"local\" {}\n}\n"

func TestNewMatchesSpellings(t *testing.T) {
	s := load(t, nil, map[string]string{
		"live/qa/a/main.tf": backend +
			call("a", "git@git.example.com:terraform/vpc.git?ref=v1.0.0") +
			call("b", "git::ssh://git@git.example.com/terraform/vpc?ref=v1.1.0") +
			call("c", "git::https://git.example.com/terraform/vpc.git?ref=v1.2.0&depth=1"),
		"live/prod/a/main.tf": backend +
			call("d", "github.com/acme/dns?ref=v1.0.0") +
			call("e", "git::https://github.com/acme/dns.git//?ref=tags/1.0.0") +
			call("f", "acme/dns/aws", `version = "1.2.3"`) +
			call("g", "registry.terraform.io/acme/dns/aws", `version = "= 1.2.3"`) +
			call("h", "acme/dns/aws//modules/zone", `version = "~> 1.2"`),
	})
	want := `acme/dns prod=1.0.0 live/prod/a/main.tf:5
acme/dns prod=1.0.0 live/prod/a/main.tf:8
dns/aws prod=1.2.3 live/prod/a/main.tf:12
dns/aws prod=1.2.3 live/prod/a/main.tf:16
vpc qa=1.0.0 live/qa/a/main.tf:5
vpc qa=1.1.0 live/qa/a/main.tf:8
vpc qa=1.2.0 live/qa/a/main.tf:11
zone prod=~> 1.2 live/prod/a/main.tf:20
`
	if got := shown(s); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := fmt.Sprint(s.Environments); got != "[qa prod]" {
		t.Errorf("environments %s", got)
	}
	vpc := s.Modules[2]
	if vpc.Name != "vpc" || len(vpc.Sources) != 3 || vpc.Source != "git::https://git.example.com/terraform/vpc.git" {
		t.Errorf("sources %q, of them %q", vpc.Sources, vpc.Source)
	}
}

// One repository with several modules, by directory or by tags at its root.
func TestNewSharedRepository(t *testing.T) {
	s := load(t, nil, map[string]string{
		"live/qa/a/main.tf": backend +
			call("a", "git::https://git.example.com/modules.git//vpc?ref=vpc/v1.0.0") +
			call("b", "git::https://git.example.com/modules.git//dns?ref=dns-v2.0.0") +
			call("c", "git::https://git.example.com/all.git?ref=vpc/v1.0.0") +
			call("d", "git::https://git.example.com/all.git?ref=eks/v3.0.0") +
			call("e", "git::https://git.example.com/own.git?ref=own-1.0.0") +
			call("f", "git::https://git.example.com/own.git?ref=v1.1.0"),
	})
	var got []string
	for _, m := range s.Modules {
		got = append(got, m.Name+" "+m.Prefix+" "+m.ID)
	}
	want := []string{
		"all@vpc vpc/ git.example.com/all@vpc/",
		"dns dns- git.example.com/modules//dns",
		"eks eks/ git.example.com/all@eks/",
		"modules//vpc vpc/ git.example.com/modules//vpc",
		"own  git.example.com/own",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A call in a shared module counts in each environment that reaches it, where
// it stands; one file of several environments does too.
func TestNewEnvironments(t *testing.T) {
	s := load(t, nil, map[string]string{
		"live/qa/a/main.tf":      backend + call("net", "../../../modules/net"),
		"live/prod/a/main.tf":    backend + call("net", "../../../modules/net"),
		"live/both/a/main.tf":    backend + call("dns", "git::https://git.example.com/dns.git?ref=v1.0.0"),
		"modules/net/main.tf":    call("vpc", "git::https://git.example.com/vpc.git?ref=v1.0.0"),
		"modules/unused/main.tf": call("vpc", "git::https://git.example.com/vpc.git?ref=v0.1.0"),
	})
	want := `dns qa=1.0.0 live/both/a/main.tf:5
dns prod=1.0.0 live/both/a/main.tf:5
vpc qa=1.0.0 modules/net/main.tf:2
vpc prod=1.0.0 modules/net/main.tf:2
vpc =0.1.0 modules/unused/main.tf:2
`
	if got := shown(s); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if s.Local != 2 || s.Calls() != 3 {
		t.Errorf("%d local, %d calls", s.Local, s.Calls())
	}
	if got := fmt.Sprintf("%q", s.Environments); got != `["qa" "prod" ""]` {
		t.Errorf("environments %s", got)
	}
}

// What an override file replaces nobody runs; what is computed is followed or
// named; archives have no versions.
func TestNewOddCalls(t *testing.T) {
	s := load(t, nil, map[string]string{
		"live/qa/a/main.tf": backend + call("vpc", "git::https://git.example.com/vpc.git?ref=v1.0.0") +
			"locals {\n  ref = \"v3.0.0\"\n}\nmodule \"known\" {\n  source = \"git::https://git.example.com/known.git?ref=${local.ref}\"\n}\n" +
			"module \"lost\" {\n  source = \"git::https://git.example.com/lost.git?ref=${var.ref}\"\n}\n" +
			"module \"where\" {\n  source = \"git::https://${var.host}/where.git?ref=v1.0.0\"\n}\n" +
			call("bad", "git::https://git.example.com/%zz.git") + call("zip", "https://example.com/x.zip") + call("s3", "s3::https://s3.amazonaws.com/b/x.zip"),
		"live/qa/a/main_override.tf": call("vpc", "git::https://git.example.com/vpc.git?ref=v2.0.0"),
	})
	want := "known qa=3.0.0 live/qa/a/main.tf:11\nlost qa=computed live/qa/a/main.tf:14\nvpc qa=2.0.0 live/qa/a/main_override.tf:2\n"
	if got := shown(s); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if s.Other != 2 || len(s.Unknown) != 3 || s.Unknown[2].Reason != "it is no address that terraform takes" || s.Unknown[0].Line != 14 || s.Unknown[1].Module != `module "where"` || s.Unknown[0].Module != `module "lost"` {
		t.Errorf("other %d, unknown %+v", s.Other, s.Unknown)
	}
}

// terragrunt has an address of its own for registries.
func TestNewTerragrunt(t *testing.T) {
	unit := func(source string) string { return "terraform {\n  source = \"" + source + "\"\n}\n" }
	s := load(t, nil, map[string]string{
		"live/qa/a/terragrunt.hcl":   unit("tfr:///acme/vpc/aws?version=3.3.0"),
		"live/prod/a/terragrunt.hcl": unit("tfr://registry.terraform.io/acme/vpc/aws?version=3.2.0"),
		"live/prod/b/terragrunt.hcl": unit("tfr://app.terraform.io/acme/vpc/aws//modules/x?version=1.0.0"),
		"live/prod/c/terragrunt.hcl": unit("git::https://git.example.com/dns.git//zone?ref=v1.0.0"),
		"live/prod/d/terragrunt.hcl": unit("tfr:///acme?version=%zz"),
	})
	want := "vpc qa=3.3.0 live/qa/a/terragrunt.hcl:2\nvpc prod=3.2.0 live/prod/a/terragrunt.hcl:2\nx prod=1.0.0 live/prod/b/terragrunt.hcl:2\nzone prod=1.0.0 live/prod/c/terragrunt.hcl:2\n"
	if got := shown(s); got != want || s.Other != 1 {
		t.Errorf("got\n%s%d others, want\n%s", got, s.Other, want)
	}
}

const (
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// What a pinned commit means: the comment, the lock's tags, or neither.
func TestCommitPins(t *testing.T) {
	const source = "git::https://git.example.com/vpc.git"
	lockWith := func(tags ...string) *lock.File {
		return &lock.File{Entries: []*lock.Entry{{Address: source, Ref: commitA, Kind: lock.KindCommit, Commit: commitA, Tags: tags}}}
	}
	for name, test := range map[string]struct {
		file    *lock.File
		comment string
		want    string
	}{
		"nothing":                           {nil, "", "aaaaaaaaaaaa"},
		"comment":                           {nil, " # v1.2.3", "1.2.3"},
		"no version in the comment":         {nil, " # the good one", "aaaaaaaaaaaa"},
		"lock":                              {lockWith("v1.2.4"), "", "1.2.4"},
		"lock against a stale comment":      {lockWith("v1.2.4"), " # v1.2.3", "1.2.4"},
		"two tags on one commit":            {lockWith("v1.2.4", "v1.3.0"), "", "1.3.0"},
		"two tags, and the comment decides": {lockWith("v1.2.4", "v1.3.0"), " # v1.2.4", "1.2.4"},
		"tags that are no versions":         {lockWith("stable", "v1"), "", "aaaaaaaaaaaa"},
	} {
		t.Run(name, func(t *testing.T) {
			s := load(t, test.file, map[string]string{
				"live/qa/a/main.tf": "module \"vpc\" {\n  source = \"" + source + "?ref=" + commitA + "\"" + test.comment + "\n}\n",
			})
			if got := s.Modules[0].Uses[0].Shown(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if got := s.Modules[0].Uses[0].Commit; got != commitA {
				t.Errorf("commit %s", got)
			}
		})
	}
}

// Once the remote's tags are known, a comment that names a tag of another
// commit is not believed.
func TestStaleComment(t *testing.T) {
	s := load(t, nil, map[string]string{
		"live/qa/a/main.tf":   "module \"vpc\" {\n  source = \"git::https://git.example.com/vpc.git?ref=" + commitA + "\" # v1.2.3\n}\n",
		"live/prod/a/main.tf": "module \"vpc\" {\n  source = \"git::https://git.example.com/vpc.git?ref=" + commitB + "\" # v1.2.3\n}\n",
	})
	s.Modules[0].learn([]*Release{newRelease("v1.2.3", commitB), newRelease("v1.1.0", "c")}, true)
	want := "vpc qa=aaaaaaaaaaaa live/qa/a/main.tf:2\nvpc prod=1.2.3 live/prod/a/main.tf:2\n"
	if got := shown(s); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A comment that names a version which the repository has not is believed
// while not all of its tags are known, and no longer.
func TestCommentOfNoTag(t *testing.T) {
	for name, test := range map[string]struct {
		tags  []*Release
		whole bool
		want  string
	}{
		"some are known":    {[]*Release{newRelease("v1.1.0", commitB)}, false, "9.9.9"},
		"all are known":     {[]*Release{newRelease("v1.1.0", commitB)}, true, ""},
		"there are none":    {nil, true, ""},
		"it has a prefix":   {[]*Release{newRelease("net-v9.9.9", commitA)}, true, "9.9.9"},
		"it is on a commit": {[]*Release{newRelease("v9.9.9", commitA)}, true, "9.9.9"},
	} {
		s := load(t, nil, map[string]string{
			"live/qa/a/main.tf": "module \"vpc\" {\n  source = \"git::https://git.example.com/mods.git//vpc?ref=" + commitA + "\" # v9.9.9\n}\n",
		})
		s.Modules[0].learn(test.tags, test.whole)
		if got := s.Modules[0].Uses[0].Version(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestFind(t *testing.T) {
	s := load(t, nil, map[string]string{
		"live/qa/a/main.tf": call("a", "git::https://git.example.com/terraform/vpc.git?ref=v1.0.0") +
			call("b", "git::https://git.example.com/modules.git//dns?ref=dns/v1.0.0") +
			call("c", "git::https://git.example.com/modules.git//eks?ref=eks/v1.0.0") +
			call("d", "terraform-aws-modules/iam/aws", `version = "1.0.0"`) +
			call("e", "terraform-aws-modules/iam/aws//modules/role", `version = "1.0.0"`) +
			call("f", "git@git.example.net:acme/terraform-aws-cdn.git?ref=v1.0.0"),
	})
	for name, want := range map[string]string{
		"vpc":                               "vpc",
		"terraform/vpc":                     "vpc",
		"git.example.com/terraform/vpc":     "vpc",
		"git@git.example.com:terraform/vpc": "vpc",
		"https://git.example.com/terraform/vpc.git":           "vpc",
		"git::https://git.example.com/terraform/vpc.git?ref=": "vpc",
		"modules":                          "dns eks",
		"modules//dns":                     "dns",
		"git.example.com/modules.git//eks": "eks",
		"git.example.com/**":               "dns eks vpc",
		"git.example.com/terraform/*":      "vpc",
		"iam":                              "iam",
		"terraform-aws-modules/iam/aws":    "iam role",
		"registry.terraform.io/terraform-aws-modules/iam/aws": "iam role",
		"role":                   "role",
		"cdn":                    "terraform-aws-cdn",
		"acme/terraform-aws-cdn": "terraform-aws-cdn",
		"dsn":                    "did you mean dns?",
		"nothing like any of it": "`terrier list` shows",
		"":                       "hint",
	} {
		found, err := s.Find(name)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %s", name, err, want)
			}
			continue
		}
		var got []string
		for _, m := range found {
			got = append(got, m.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, want %s", name, got, want)
		}
	}
}

// Names of sources are those of calls.
func TestSetOf(t *testing.T) {
	texts := []string{
		"git::https://git.example.com/terraform/vpc.git?ref=v1.0.0", "git@git.example.com:terraform/vpc?ref=v2.0.0", "git::https://git.example.com/other/vpc.git",
		"git::https://git.example.com/modules.git//dns?ref=dns/v1.0.0", "git::https://git.example.com/all.git?ref=eks/v1.0.0", "git::https://git.example.com/all.git?ref=v1.0.0",
		"a/iam/aws", "a/iam/aws//modules/role", "./local",
	}
	var sources []hclparse.Source
	var calls strings.Builder
	for i, text := range texts {
		s, err := hclparse.ParseSource(text)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, s)
		calls.WriteString(call(fmt.Sprint("c", i), text))
	}
	set, of := SetOf(sources)
	var got, want []string
	for _, m := range set.Modules {
		got = append(got, m.Name+" "+m.ID+" "+m.Prefix)
		if !strings.HasPrefix(m.ID+"@", strings.TrimPrefix(modules.Identity(of[m]), defaultRegistry)) {
			t.Errorf("%s is of %s", m.ID, of[m])
		}
	}
	for _, m := range load(t, nil, map[string]string{"main.tf": calls.String()}).Modules {
		prefix := m.Prefix
		if !strings.Contains(m.ID, "@") {
			prefix = "" // of its calls
		}
		want = append(want, m.Name+" "+m.ID+" "+prefix)
	}
	if !slices.Equal(got, want) || len(got) != 7 {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for name, called := range map[string]string{"dns": "dns", "modules": "", "modules//dns": "dns", "terraform/vpc": "terraform/vpc", "vpc": "other/vpc terraform/vpc", "git.example.com/**": "", "": ""} {
		var got []string
		for _, m := range set.Modules {
			if m.Called(name) {
				got = append(got, m.Name)
			}
		}
		if strings.Join(got, " ") != called {
			t.Errorf("%q: %q, want %q", name, got, called)
		}
	}
}

func TestSkews(t *testing.T) {
	s := load(t, nil, map[string]string{
		"live/qa/a/main.tf":   call("vpc", "git::https://git.example.com/vpc.git?ref=v1.3.0"),
		"live/prod/a/main.tf": call("vpc", "git::https://git.example.com/vpc.git?ref=v1.0.0") + call("b", "git::https://git.example.com/vpc.git?ref=main"),
		"other/main.tf":       call("vpc", "git::https://git.example.com/vpc.git?ref=v9.0.0"),
	})
	m := s.Modules[0]
	got := m.Skews()
	if len(got) != 1 || got[0].Environment != "prod" || got[0].Ahead != "qa" || got[0].Behind != 1 || !got[0].AtLeast {
		t.Fatalf("%+v", got)
	}
	var tags []*Release
	for _, tag := range []string{"v1.0.0", "1.1.0", "v1.1.0", "v1.2.0", "v1.3.0", "v9.0.0"} {
		tags = append(tags, newRelease(tag, ""))
	}
	m.learn(tags, true)
	if got = m.Skews(); len(got) != 1 || got[0].Behind != 3 || got[0].AtLeast {
		t.Errorf("%+v", got)
	}
}

// Hostile refs and names are data.
func TestHostile(t *testing.T) {
	s := load(t, nil, map[string]string{
		"live/qa/a/main.tf": call("a", "git::https://user:hunter2@git.example.com/vpc.git?ref=--upload-pack=x") +
			call("b", "git::https://git.example.com/vpc.git?ref=v1.0.0%1b[31m") +
			call("c", "git::ext::sh -c id% ?ref=v1.0.0") +
			call("d", "git::https://git.example.com/../../etc?ref=v1.0.0"),
	})
	for _, m := range s.Modules {
		for _, text := range append(slices.Clone(m.Sources), m.Name, m.ID, m.Source) {
			if strings.Contains(text, "hunter2") {
				t.Errorf("%q", text)
			}
		}
		if m.row(m.Uses[0], Rules{}).Outdated() {
			t.Errorf("%s is outdated, and nothing is known of it", m.Name)
		}
	}
}
