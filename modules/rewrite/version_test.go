package rewrite

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersion(t *testing.T) {
	for _, c := range []struct {
		before, version string
		exact           bool
		after, reason   string
	}{
		{"1.2.3", "1.3.0", false, "1.3.0", ""},
		{"1.2.3", "1.3.0", true, "1.3.0", ""},
		{"1.3.0", "1.3.0", true, "1.3.0", ""},
		{"1.3", "1.3.0", true, "1.3", ""},
		{"1.2", "1.3.0", false, "1.3.0", ""},
		{"v1.2.3", "1.3.0", false, "v1.3.0", ""},
		{"v1.2.3", "v1.3.0", false, "v1.3.0", ""},
		{"= 1.2.3", "1.3.0", false, "= 1.3.0", ""},
		{"=1.2.3", "1.3.0", true, "=1.3.0", ""},
		{" = v1.2.3 ", "1.3.0", true, " = v1.3.0 ", ""},
		{"= 1.3.0", "1.3.0", true, "= 1.3.0", ""},
		{"2.0.0", "1.3.0", true, "1.3.0", ""},
		{"1.2.3-rc1", "1.3.0", false, "1.3.0", ""},
		{"1.2.3", "1.3.0-rc.1+b", false, "1.3.0-rc.1+b", ""},
		{"1.2.3+a", "1.2.3+b", false, "1.2.3+b", ""},

		{"~> 1.2", "2.4.1", false, "~> 2.4", ""},
		{"~> 1.2.0", "2.4.1", false, "~> 2.4.1", ""},
		{"~> 1", "2.4.1", false, "~> 2", ""},
		{"~>1.2.0", "2.4.1", false, "~>2.4.1", ""},
		{"~> v1.2.0", "2.4.1", false, "~> v2.4.1", ""},
		{"~> 2.4", "2.4.1", false, "~> 2.4", ""},
		{"~> 2.4", "2.4.1", true, "2.4.1", ""},
		{" ~> 2.4 ", "2.4.1", true, " 2.4.1 ", ""},
		{"~> 1.2.0", "2.4.1-rc1", false, "~> 2.4.1-rc1", ""},
		{"~> 1.2.0-rc1", "2.4.1", false, "~> 2.4.1", ""},
		{"~> 1.2", "2.4.1-rc1", false, "", `no constraint like "~> 1.2" takes 2.4.1-rc1`},
		{"~> 1.2.3.4", "2.4.1", false, "", `its version is the constraint "~> 1.2.3.4", with more numbers than a version`},
		{">= 1.2.0", "2.4.1", false, "", `its version is the constraint ">= 1.2.0", which has no newest version in it`},
		{">= 1.2.0", "2.4.1", true, "2.4.1", ""},
		{"<= 2.4.0", "2.4.1", false, "", `its version is the constraint "<= 2.4.0", which has no newest version in it`},
		{"!= 2.4.0", "2.4.1", false, "", `its version is the constraint "!= 2.4.0", which has no newest version in it`},
		{"> 2", "2.4.1", false, "", `its version is the constraint "> 2", which has no newest version in it`},
		{">= 1.0, < 2.0", "2.4.1", false, "", `its version is the constraint ">= 1.0, < 2.0", of more than one term`},
		{">= 1.0, < 2.0", "2.4.1", true, "2.4.1", ""},
		{"~~ 1.1", "2.4.1", false, "", `its version is "~~ 1.1", which is no constraint`},
		{"~~ 1.1", "2.4.1", true, "2.4.1", ""},
		{"", "2.4.1", false, "", `its version is empty`},
		{"", "2.4.1", true, "2.4.1", ""},
		{"1.2.3", "latest", true, "", `"latest" is no version`},
		{"1.2.3", "1.3.0\"", true, "", `"1.3.0\"" is no version`},
		{"1.2.3", "", true, "", `its source is in a registry, and what is to be set is no version`},
	} {
		for file, layout := range map[string]string{
			"main.tf":        "module \"a\" {\n  source  = \"a/b/c\"\n  version = VERSION # the version\n}\n",
			"main.tofu":      "module \"a\" {\r\n\tversion = (VERSION)\r\n\tsource = \"a/b/c\"\r\n}",
			"main.tf.json":   `{"module": {"a": {"version": VERSION, "source": "a/b/c"}}}`,
			"terragrunt.hcl": "terraform {\n  source = \"tfr:///a/b/c\"\n  version = VERSION\n}\n",
		} {
			in := tree{file: strings.ReplaceAll(layout, "VERSION", `"`+c.before+`"`)}
			after, _, refused := set(t, in, "", Pin{Version: c.version, Exact: c.exact})
			want := in[file]
			if c.reason == "" {
				want = strings.ReplaceAll(layout, "VERSION", `"`+c.after+`"`)
			}
			if refused != c.reason || after[file] != want {
				t.Errorf("%s: %q for %s: %q\n%s", file, c.before, c.version, refused, cmp.Diff(want, after[file]))
			}
		}
	}
}

func TestTfr(t *testing.T) {
	for _, c := range []struct {
		before string
		exact  bool
		after  string
		reason string
	}{
		{"tfr:///a/b/c?version=1.2.3", false, "tfr:///a/b/c?version=1.3.0+x", ""},
		{"tfr://h.example/a/b/c//s?version=v1.2.3&x=y", false, "tfr://h.example/a/b/c//s?version=v1.3.0+x&x=y", ""},
		{"tfr:///a/b/c?x=y&version=%31.2.3", false, "tfr:///a/b/c?x=y&version=1.3.0+x", ""},
		{"tfr:///a/b/c?version=", true, "tfr:///a/b/c?version=1.3.0+x", ""},
		{"tfr:///a/b/c?version=~>+1.2", true, "tfr:///a/b/c?version=1.3.0+x", ""},
		{"tfr:///a/b/c?version=~>+1.2", false, "", `its version is "~> 1.2", and terragrunt takes no range in a source`},
		{"tfr:///a/b/c?ref=v1.2.3", true, "", "it has no version"},
		{"tfr:///a/b/c?version=%zz", true, "", "it has no version"},
		{"tfr:///a/b/c", true, "", "it has no version"},
	} {
		in := tree{"terragrunt.hcl": "terraform {\n  source = \"" + c.before + "\"\n}\n"}
		after, _, refused := set(t, in, "", Pin{Version: "1.3.0+x", Exact: c.exact})
		want := in["terragrunt.hcl"]
		if c.reason == "" {
			want = "terraform {\n  source = \"" + strings.ReplaceAll(c.after, "+", "%2B") + "\"\n}\n"
		}
		if refused != c.reason || after["terragrunt.hcl"] != want {
			t.Errorf("%s: %q\n%s", c.before, refused, after["terragrunt.hcl"])
		}
	}
}

// A version may stand elsewhere.
func TestVersionElsewhere(t *testing.T) {
	for _, c := range []struct {
		name       string
		in, change tree // change is what the files are where they change
		reason     string
		file       string // of a refusal
		line       int
	}{
		{"in an override file",
			tree{"a/main.tf": "module \"a\" {\n  source = \"a/b/c\"\n  version = \"1.0.0\"\n}\n", "a/x_override.tf": "module \"a\" {\n  version = \"1.2.3\"\n}\n"},
			tree{"a/x_override.tf": "module \"a\" {\n  version = \"1.3.0\"\n}\n"}, "", "", 0},
		{"the source in an override file",
			tree{"a/main.tf": "module \"a\" {\n  source = \"./x\"\n  version = \"1.2.3\"\n}\n", "a/override.tf": "module \"a\" {\n  source = \"a/b/c\"\n}\n", "a/x/main.tf": ""},
			tree{"a/main.tf": "module \"a\" {\n  source = \"./x\"\n  version = \"1.3.0\"\n}\n"}, "", "", 0},
		{"a range in an override file",
			tree{"a/main.tf": "module \"a\" {\n  source = \"a/b/c\"\n}\n", "a/override.tf": "\nmodule \"a\" {\n  version = \"> 1\"\n}\n"},
			nil, `its version is the constraint "> 1", which has no newest version in it`, "a/override.tf", 3},
		{"in a local",
			tree{"main.tf": "module \"a\" {\n  source = \"a/b/c\"\n  version = local.v\n}\n", "l.tf": "locals {\n  v = \"1.2.3\"\n}\n"},
			tree{"l.tf": "locals {\n  v = \"1.3.0\"\n}\n"}, "", "", 0},
		{"in a template",
			tree{"main.tf": "module \"a\" {\n  source = \"a/b/c\"\n  version = \"~> ${local.v}.0\"\n}\n", "l.tf": "locals {\n  v = \"1.2\"\n}\n"},
			tree{"l.tf": "locals {\n  v = \"1.3\"\n}\n"}, "", "", 0},
		{"in a const variable",
			tree{"main.tf": "variable \"v\" {\n  const   = true\n  default = \"1.2.3\"\n}\nmodule \"a\" {\n  source = \"a/b/c\"\n  version = var.v\n}\n"},
			tree{"main.tf": "variable \"v\" {\n  const   = true\n  default = \"1.3.0\"\n}\nmodule \"a\" {\n  source = \"a/b/c\"\n  version = var.v\n}\n"}, "", "", 0},
		{"in a local of terragrunt",
			tree{"terragrunt.hcl": "locals {\n  v = \"1.2.3\"\n}\nterraform {\n  source = \"tfr:///a/b/c\"\n  version = local.v\n}\n"},
			tree{"terragrunt.hcl": "locals {\n  v = \"1.3.0\"\n}\nterraform {\n  source = \"tfr:///a/b/c\"\n  version = local.v\n}\n"}, "", "", 0},
		{"in a local of terragrunt, in the source",
			tree{"terragrunt.hcl": "locals {\n  v = \"1.2.3\"\n}\nterraform {\n  source = \"tfr:///a/b/c?version=${local.v}\"\n}\n"},
			tree{"terragrunt.hcl": "locals {\n  v = \"1.3.0\"\n}\nterraform {\n  source = \"tfr:///a/b/c?version=${local.v}\"\n}\n"}, "", "", 0},
		{"in JSON, with an escape",
			tree{"main.tf.json": `{"module": {"a": {"source": "a/b/c", "version": "\u003d 1.\u0032.3"}}}`},
			tree{"main.tf.json": `{"module": {"a": {"source": "a/b/c", "version": "\u003d 1.3.0"}}}`}, "", "", 0},
		{"in a variable",
			tree{"main.tf": "variable \"v\" {\n  default = \"1.2.3\"\n}\nmodule \"a\" {\n  source = \"a/b/c\"\n  version = var.v\n}\n"},
			nil, "what its version is, no file tells", "main.tf", 6},
		{"in a heredoc",
			tree{"main.tf": "module \"a\" {\n  source = \"a/b/c\"\n  version = <<E\n1.2.3\nE\n}\n"},
			nil, "its version is not written as one quoted text", "main.tf", 3},
		{"nowhere",
			tree{"main.tf": "module \"a\" {\n  source = \"a/b/c\"\n}\n"},
			nil, "it has no version argument", "main.tf", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, calls := c.in.load()
			for _, call := range calls {
				if call.Overridden {
					continue
				}
				got, err := Set(g, call, Pin{Version: "1.3.0"})
				var refused *Refused
				if errors.As(err, &refused); refused != nil {
					if refused.Reason != c.reason || refused.File != c.file || refused.Line != c.line {
						t.Errorf("%#v", refused)
					}
					return
				}
				want := tree{}
				for name, text := range c.in {
					want[name] = text
				}
				for name, text := range c.change {
					want[name] = text
				}
				if d := cmp.Diff(want, c.in.applied(t, got.Edits)); d != "" || c.reason != "" {
					t.Error(d)
				}
				return
			}
			t.Error("no call")
		})
	}
}

func TestMissingVersionHint(t *testing.T) {
	in := tree{"main.tf": "module \"a\" {\n  source = \"a/b/c\"\n}\n"}
	g, calls := in.load()
	_, err := Set(g, calls[0], Pin{Version: "1.3.0", Exact: true})
	if want := "main.tf:2: the pin cannot be set: it has no version argument\nhint: write version = \"1.3.0\""; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}
