package rewrite

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const p1 = "git::https://h.example/p.git"

// A ref that stands elsewhere is edited there.
func TestComputed(t *testing.T) {
	module := func(source string) string { return "module \"a\" {\n  source = " + source + "\n}\n" }
	locals := func(body string) string { return "locals {\n" + body + "\n}\n" }
	const unit = "terraform {\n  source = "
	for _, c := range []struct {
		name       string
		in, change tree
		pin        Pin
		reason     string
	}{
		{"the ref in a local",
			tree{"main.tf": module(`"` + p1 + `?ref=${local.v}"`), "l.tf": locals(`v = "v1.2.3"`)},
			tree{"l.tf": locals(`v = "v1.3.0"`)}, Pin{Ref: "v1.3.0"}, ""},
		{"a version in a local, its v in the source",
			tree{"main.tf": module(`"` + p1 + `?ref=v${local.v}&depth=1"`), "l.tf": locals(`v = "1.2.3"`)},
			tree{"l.tf": locals(`v = "1.3.0"`)}, Pin{Ref: "v1.3.0"}, ""},
		{"the same, and no v is wanted",
			tree{"main.tf": module(`"` + p1 + `?ref=v${local.v}"`), "l.tf": locals(`v = "1.2.3"`)},
			nil, Pin{Ref: "1.3.0"}, "its ref is made of several texts, and no change of one of them makes it what it is to be"},
		{"the same, and it is at the version",
			tree{"main.tf": module(`"` + p1 + `?ref=v${local.v}"`), "l.tf": locals(`v = "1.3.0"`)},
			nil, Pin{Ref: "v1.3.0"}, ""},
		{"a prefix and an end around it",
			tree{"main.tf": module(`"` + p1 + `?ref=vpc/v${local.v}-x"`), "l.tf": locals(`v = "1.2.3"`)},
			tree{"l.tf": locals(`v = "1.3.0"`)}, Pin{Ref: "vpc/v1.3.0-x"}, ""},
		{"a prefix in a local",
			tree{"main.tf": module(`"` + p1 + `?ref=${local.p}/v1.2.3"`), "l.tf": locals(`p = "vpc"`)},
			tree{"main.tf": module(`"` + p1 + `?ref=${local.p}/v1.3.0"`)}, Pin{Ref: "vpc/v1.3.0"}, ""},
		{"its parts in locals",
			tree{"main.tf": module(`"` + p1 + `?ref=v${local.x}.${local.y}.0"`), "l.tf": locals(`x = "1"` + "\n" + `y = "2"`)},
			tree{"l.tf": locals(`x = "1"` + "\n" + `y = "3"`)}, Pin{Ref: "v1.3.0"}, ""},
		{"its parts in locals, and two change",
			tree{"main.tf": module(`"` + p1 + `?ref=v${local.x}.${local.y}.0"`), "l.tf": locals(`x = "1"` + "\n" + `y = "2"`)},
			nil, Pin{Ref: "v2.0.0"}, "its ref is made of several texts, and no change of one of them makes it what it is to be"},
		{"like changes like",
			tree{"main.tf": module(`"` + p1 + `?ref=v${local.x}.1.1"`), "l.tf": locals(`x = "1"`)},
			tree{"l.tf": locals(`x = "11"`)}, Pin{Ref: "v11.1.1"}, ""},
		{"the whole source in a local",
			tree{"main.tf": module(`local.s`), "l.tf": locals(`s = "` + p1 + `//s?ref=v1.2.3&x=y"`)},
			tree{"l.tf": locals(`s = "` + p1 + `//s?ref=v1.3.0&x=y"`)}, Pin{Ref: "v1.3.0"}, ""},
		{"the repository in a local",
			tree{"main.tf": module(`"${local.s}//s?ref=v1.2.3"`), "l.tf": locals(`s = "` + p1 + `"`)},
			tree{"main.tf": module(`"${local.s}//s?ref=v1.3.0"`)}, Pin{Ref: "v1.3.0"}, ""},
		{"the repository in a local, and no ref",
			tree{"main.tf": module(`"${local.s}//s"`), "l.tf": locals(`s = "` + p1 + `"`)},
			tree{"main.tf": module(`"${local.s}//s?ref=v1.3.0"`)}, Pin{Ref: "v1.3.0"}, ""},
		{"the directory in a local, and no ref",
			tree{"main.tf": module(`"` + p1 + `//${local.s}"`), "l.tf": locals(`s = "s"`)},
			tree{"l.tf": locals(`s = "s?ref=v1.3.0"`)}, Pin{Ref: "v1.3.0"}, ""},
		{"in a map",
			tree{"main.tf": module(`"` + p1 + `?ref=${local.m.vpc}"`), "l.tf": locals(`m = { vpc = "v1.2.3", "eks" = "v1.2.3" }`)},
			tree{"l.tf": locals(`m = { vpc = "v1.3.0", "eks" = "v1.2.3" }`)}, Pin{Ref: "v1.3.0"}, ""},
		{"behind other locals",
			tree{"main.tf": module(`"` + p1 + `?ref=${local.a}"`), "l.tf": locals("a = local.b\nb = \"v${local.c}\"\nc = \"1.2.3\"")},
			tree{"l.tf": locals("a = local.b\nb = \"v${local.c}\"\nc = \"1.3.0\"")}, Pin{Ref: "v1.3.0"}, ""},
		{"of a format",
			tree{"main.tf": module(`format("%s?ref=v%s", local.s, local.v)`), "l.tf": locals("s = \"" + p1 + "\"\nv = \"1.2.3\"")},
			tree{"l.tf": locals("s = \"" + p1 + "\"\nv = \"1.3.0\"")}, Pin{Ref: "v1.3.0"}, ""},
		{"of a join",
			tree{"main.tf": module(`join("?ref=", ["` + p1 + `", "v1.2.3"])`)},
			tree{"main.tf": module(`join("?ref=", ["` + p1 + `", "v1.3.0"])`)}, Pin{Ref: "v1.3.0"}, ""},
		{"of another function",
			tree{"main.tf": module(`"` + p1 + `?ref=${lower(local.v)}"`), "l.tf": locals(`v = "v1.2.3"`)},
			nil, Pin{Ref: "v1.3.0"}, "its ref is made by an expression, and stands nowhere as it is"},
		{"in a const variable",
			tree{"main.tf": "variable \"v\" {\n  const = true\n  default = \"v1.2.3\"\n}\n" + module(`"`+p1+`?ref=${var.v}"`)},
			tree{"main.tf": "variable \"v\" {\n  const = true\n  default = \"v1.3.0\"\n}\n" + module(`"`+p1+`?ref=${var.v}"`)}, Pin{Ref: "v1.3.0"}, ""},
		{"in a variable",
			tree{"main.tf": "variable \"v\" {\n  default = \"v1.2.3\"\n}\n" + module(`"`+p1+`?ref=${var.v}"`)},
			nil, Pin{Ref: "v1.3.0"}, "what its ref is, no file tells"},
		{"the repository in a variable",
			tree{"main.tf": module(`"${var.s}?ref=v1.2.3"`)},
			nil, Pin{Ref: "v1.3.0"}, "what its source is, no file tells"},
		{"twice in it",
			tree{"main.tf": module(`"git::https://h.example/${local.v}/p.git?ref=${local.v}"`), "l.tf": locals(`v = "v1.2.3"`)},
			nil, Pin{Ref: "v1.3.0"}, "its ref is made of a text that stands in it, or beside it, more than once"},
		{"twice in the ref",
			tree{"main.tf": module(`"` + p1 + `?ref=${local.v}.${local.v}"`), "l.tf": locals(`v = "1"`)},
			nil, Pin{Ref: "2.1"}, "its ref is made of a text that stands in it, or beside it, more than once"},
		{"depth in a local",
			tree{"main.tf": module(`"` + p1 + `?${local.d}&ref=v1.2.3"`), "l.tf": locals(`d = "depth=1"`)},
			nil, Pin{Ref: commit, DropDepth: true}, "its ref is made of several texts, and no change of one of them makes it what it is to be"},
		{"an escape in a local",
			tree{"main.tf": module(`"` + p1 + `?ref=${local.v}"`), "l.tf": locals(`v = "v\u0031.2.3"`)},
			nil, Pin{Ref: "v1.3.0"}, "its ref is made by an expression, and stands nowhere as it is"},
		{"an escape in the source",
			tree{"main.tf": module(`"` + p1 + `?\u0072ef=v\u0031.2.3&x=\"y$${z}"`)},
			tree{"main.tf": module(`"` + p1 + `?\u0072ef=v1.3.0&x=\"y$${z}"`)}, Pin{Ref: "v1.3.0"}, ""},
		{"a heredoc",
			tree{"main.tf": module("<<-E\n" + p1 + "?ref=v1.2.3\nE")},
			nil, Pin{Ref: "v1.3.0"}, "its source is no address that can be read"},

		{"escapes in JSON",
			tree{"main.tf.json": `{"module": {"a": {"source": "git::https:\/\/h.example\/p.git?x=\u00e4&\u0072ef=\u0076\u0031.2.3\u0026y=\ud83d\ude00"}}}`},
			tree{"main.tf.json": `{"module": {"a": {"source": "git::https:\/\/h.example\/p.git?x=\u00e4&\u0072ef=v1.3.0\u0026y=\ud83d\ude00"}}}`}, Pin{Ref: "v1.3.0"}, ""},
		{"depth between escapes in JSON",
			tree{"main.tf.json": `{"module": {"a": {"source": "git::https:\/\/h.example\/p.git?ref=v1.2.3\u0026depth\u003d1\u0026x=y"}}}`},
			tree{"main.tf.json": `{"module": {"a": {"source": "git::https:\/\/h.example\/p.git?ref=` + commit + `\u0026x=y"}}}`}, Pin{Ref: commit, DropDepth: true}, ""},
		{"locals in JSON",
			tree{"main.tf.json": `{"locals": {"v": "1.2.3"}, "module": {"a": {"source": "` + p1 + `?ref=v${local.v}"}}}`},
			tree{"main.tf.json": `{"locals": {"v": "1.3.0"}, "module": {"a": {"source": "` + p1 + `?ref=v${local.v}"}}}`}, Pin{Ref: "v1.3.0"}, ""},
		{"locals in JSON behind a byte order mark",
			tree{"main.tf.json": "\ufeff" + `{"locals": {"é": 1, "v": "1.2.3"}, "module": {"a": {"source": "` + p1 + `?ref=v${local.v}"}}}`},
			tree{"main.tf.json": "\ufeff" + `{"locals": {"é": 1, "v": "1.3.0"}, "module": {"a": {"source": "` + p1 + `?ref=v${local.v}"}}}`}, Pin{Ref: "v1.3.0"}, ""},
		{"a ref before a template in JSON",
			tree{"main.tf.json": `{"locals": {"v": "y"}, "module": {"a": {"source": "` + p1 + `?ref=v1.2.3&x=${local.v}"}}}`},
			tree{"main.tf.json": `{"locals": {"v": "y"}, "module": {"a": {"source": "` + p1 + `?ref=v1.3.0&x=${local.v}"}}}`}, Pin{Ref: "v1.3.0"}, ""},
		{"a template and an escape in JSON",
			tree{"main.tf.json": `{"locals": {"v": "1.2.3"}, "module": {"a": {"source": "` + p1 + `?\u0072ef=v${local.v}.1.2.3"}}}`},
			nil, Pin{Ref: "v1.2.3.1.2.4"}, "its ref is made of several texts, and no change of one of them makes it what it is to be"},

		{"a local of terragrunt",
			tree{"terragrunt.hcl": "locals {\n  v = \"1.2.3\"\n}\n" + unit + `"` + p1 + `//s?ref=v${local.v}"` + "\n}\n"},
			tree{"terragrunt.hcl": "locals {\n  v = \"1.3.0\"\n}\n" + unit + `"` + p1 + `//s?ref=v${local.v}"` + "\n}\n"}, Pin{Ref: "v1.3.0"}, ""},
		{"a local of an included file",
			tree{"a/terragrunt.hcl": "include \"v\" {\n  path   = \"../versions.hcl\"\n  expose = true\n}\n" + unit + `"` + p1 + `//s?ref=${include.v.locals.vpc}"` + "\n}\n",
				"versions.hcl": "locals {\n  vpc = \"v1.2.3\"\n}\n"},
			tree{"versions.hcl": "locals {\n  vpc = \"v1.3.0\"\n}\n"}, Pin{Ref: "v1.3.0"}, ""},
		{"the source of an included file",
			tree{"a/terragrunt.hcl": "include {\n  path = \"../vpc.hcl\"\n}\n", "vpc.hcl": unit + `"` + p1 + `//s?ref=v1.2.3" # v1.2.3` + "\n}\n"},
			tree{"vpc.hcl": unit + `"` + p1 + `//s?ref=v1.3.0" # v1.3.0` + "\n}\n"}, Pin{Ref: "v1.3.0", Comment: "v1.3.0"}, ""},
		{"the source of a file that is included through a symlink",
			tree{"a/terragrunt.hcl": "include {\n  path = \"../link.hcl\"\n}\n", "link.hcl": "-> shared/vpc.hcl", "shared/vpc.hcl": "locals {\n  v = \"v1.2.3\"\n}\n" + unit + `"` + p1 + `//s?ref=${local.v}"` + "\n}\n"},
			tree{"shared/vpc.hcl": "locals {\n  v = \"v1.3.0\"\n}\n" + unit + `"` + p1 + `//s?ref=${local.v}"` + "\n}\n"}, Pin{Ref: "v1.3.0"}, ""},
		{"a symlink",
			tree{"a/main.tf": "-> ../shared/x", "shared/x": module(`"` + p1 + `?ref=v1.2.3"`)},
			tree{"shared/x": module(`"` + p1 + `?ref=v1.3.0" # v1.3.0`)}, Pin{Ref: "v1.3.0", Comment: "v1.3.0", AddComment: true}, ""},
		{"locals behind a symlink",
			tree{"a/main.tf": module(`"` + p1 + `?ref=${local.v}"`), "a/l.tf": "-> ../shared/l", "shared/l": locals(`v = "v1.2.3"`)},
			tree{"shared/l": locals(`v = "v1.3.0"`)}, Pin{Ref: "v1.3.0"}, ""},

		{"the comment where the ref stands",
			tree{"main.tf": module(`"` + p1 + `?ref=${local.v}"`), "l.tf": locals(`v = "` + commit + `" # v1.2.3`)},
			tree{"l.tf": locals(`v = "` + commit2 + `" # v1.3.0`)}, Pin{Ref: commit2, Comment: "v1.3.0"}, ""},
		{"the comment is added where the ref stands",
			tree{"main.tf": module(`"` + p1 + `?ref=${local.v}"`), "l.tf": locals("v = \"v1.2.3\"\nw = 1")},
			tree{"l.tf": locals("v = \"" + commit2 + "\" # v1.3.0\nw = 1")}, Pin{Ref: commit2, Comment: "v1.3.0", AddComment: true}, ""},
		{"both comments",
			tree{"main.tf": module(`"` + p1 + `?ref=${local.v}" # v1.2.3`), "l.tf": locals(`v = "` + commit + `" # v1.2.3`)},
			tree{"main.tf": module(`"` + p1 + `?ref=${local.v}" # v1.3.0`), "l.tf": locals(`v = "` + commit2 + `" # v1.3.0`)}, Pin{Ref: commit2, Comment: "v1.3.0"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			after, _, refused := set(t, c.in, "", c.pin)
			want := maps.Clone(c.in)
			maps.Copy(want, c.change)
			if d := cmp.Diff(want, after); d != "" || refused != c.reason {
				t.Errorf("%s\n%s", refused, d)
			}
			if refused == "" {
				_, calls := after.load()
				if got := calls[0].Source.Ref; got != c.pin.Ref {
					t.Errorf("it reads %s", got)
				}
			}
		})
	}
}

// Each branch of a conditional is a call of its own.
func TestBranches(t *testing.T) {
	text := "terraform {\n  source = (local.new ?\n    \"" + p1 + "?ref=v2.0.0\" : # comment\n    \"" + p1 + "?ref=v1.0.0\")\n}\n"
	in := tree{"terragrunt.hcl": text}
	g, calls := in.load()
	if len(calls) != 2 {
		t.Fatalf("%d calls", len(calls))
	}
	first, err := Set(g, calls[0], Pin{Ref: "v2.1.0", Comment: "v2.1.0", AddComment: true})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"something else stands behind the source: the comment v2.1.0 is not written"}, first.Notes); d != "" {
		t.Error(d)
	}
	second, err := Set(g, calls[1], Pin{Ref: "v1.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	want := "terraform {\n  source = (local.new ?\n    \"" + p1 + "?ref=v2.1.0\" : # comment\n    \"" + p1 + "?ref=v1.1.0\")\n}\n"
	if d := cmp.Diff(want, in.applied(t, append(first.Edits, second.Edits...))["terragrunt.hcl"]); d != "" {
		t.Error(d)
	}
}

// A comment ends its line, also in parentheses and in a template.
func TestCommentInExpression(t *testing.T) {
	for _, c := range [][2]string{
		{"(\n  X\n  )", "(\n  X # v1.3.0\n  )"},
		{"\"${\n  local.x ?\n  \"./a\" :\n  X\n}\"", "\"${\n  local.x ?\n  \"./a\" :\n  X # v1.3.0\n}\""},
		{"(local.x\n  ? X\n  : \"./a\"\n)", "(local.x\n  ? X # v1.3.0\n  : \"./a\"\n)"},
	} {
		file := func(source, ref string) string {
			return "terraform {\n  source = " + strings.ReplaceAll(source, "X", `"`+p1+`?ref=`+ref+`"`) + "\n}\n"
		}
		in := tree{"terragrunt.hcl": file(c[0], "v1.2.3"), "a/main.tf": ""}
		g, calls := in.load()
		done := false
		for i, call := range calls {
			if call.Source.Ref == "" {
				continue
			}
			got, err := Set(g, call, Pin{Ref: commit, Comment: "v1.3.0", AddComment: true})
			if err != nil {
				t.Fatal(err)
			}
			after := in.applied(t, got.Edits)
			if d := cmp.Diff(file(c[1], commit), after["terragrunt.hcl"]); d != "" {
				t.Error(d)
			}
			if _, now := after.load(); len(now) != len(calls) || now[i].Source.Ref != commit || now[i].Comment == nil {
				t.Errorf("%s: %d calls", c[0], len(now))
			}
			done = true
		}
		if !done {
			t.Errorf("%s: no call", c[0])
		}
	}
}

// What is refused says no secret.
func TestRefusedSecrets(t *testing.T) {
	for _, c := range []struct {
		source, version string
		pin             Pin
	}{
		{`"https://u:hunter2@h.example/a.zip"`, "", Pin{Ref: "v1"}},
		{`"git::https://u:hunter2@h.example:x/p"`, "", Pin{Ref: "v1"}},
		{`"https://u:hunter2@h.example/${var.x}?ref=v1"`, "", Pin{Ref: "v1"}},
		{`"git::https://u:hunter2@h.example/p?ref=${var.x}"`, "", Pin{Ref: "v1"}},
		{`"git::https://u:hunter2@h.example/p?ref=${lower("v0")}"`, "", Pin{Ref: "v1"}},
		{`"git::https://u:hunter2@h.example/p?ref=${"v"}${"0"}"`, "", Pin{Ref: "x"}},
		{`"u:hunter2@h.example/p"`, "", Pin{Ref: "v1"}},
		{`"a/b/c"`, `"https://u:hunter2@h.example"`, Pin{Version: "1.2.3"}},
		{`"a/b/c"`, `">= 1, < 2, https://u:hunter2@h.example"`, Pin{Version: "1.2.3"}},
	} {
		text := "module \"a\" {\n  source = " + c.source + "\n"
		if c.version != "" {
			text += "  version = " + c.version + "\n"
		}
		g, calls := tree{"main.tf": text + "}\n"}.load()
		if _, err := Set(g, calls[0], c.pin); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", c.source, err)
		}
	}
}
