package modules

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/fixtures"
	"github.com/terrier-iac/terrier/hclparse"
)

// show writes an address as "TEXT", or "TEXT"…"TAIL" where not all is known,
// and each literal as the bytes at its place in the file.
func show(t *testing.T, fsys fs.FS, a Address) string {
	t.Helper()
	out := fmt.Sprintf("%q", a.Text)
	if !a.Whole {
		out += fmt.Sprintf("…%q", a.Tail)
	} else if a.Tail != "" {
		t.Errorf("Tail %q of what is whole", a.Tail)
	}
	all := a.Text + a.Tail
	for _, l := range a.Literals {
		src, err := fs.ReadFile(fsys, l.Path)
		if err != nil {
			t.Fatal(err)
		}
		written := string(src[l.Start:l.End])
		if n := l.End - l.Start; n <= 0 || l.At+n > len(all) || all[l.At:l.At+n] != written {
			t.Errorf("literal %+v has %q, the address %q", l, written, all)
		}
		out += fmt.Sprintf(" %s:%s", l.Path, written)
	}
	return out
}

// addresses are those of a tree's calls, which are the same of a graph with
// syntax trees, one that forgot them, and one that had none.
func addresses(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	full, _ := hclparse.Load(fsys)
	calls, _ := hclparse.LoadCalls(fsys)
	var all []map[string]string
	for _, g := range []*Graph{NewGraph(full, nil), Load(fsys, nil), NewGraph(calls, nil)} {
		out := map[string]string{}
		for _, c := range g.Calls {
			key := c.File().Path + " " + c.Name()
			if c.Terragrunt != nil && c.Dir != filepath.Dir(c.File().Path) {
				key += " in " + c.Dir
			}
			for out[key] != "" {
				key += "'"
			}
			out[key] = show(t, fsys, g.Address(c))
		}
		all = append(all, out)
	}
	for _, other := range all[1:] {
		if d := cmp.Diff(all[0], other); d != "" {
			t.Errorf("the addresses depend on how the tree was loaded:\n%s", d)
		}
	}
	return all[0]
}

func TestAddress(t *testing.T) {
	const locals = `
locals {
  base     = "git::https://example.com/mods.git"
  v        = "v1.2.0"
  n        = 3
  escaped  = "a\tb"
  two      = "${local.base}//two?ref=${local.v}"
  partly   = "${var.base}/x"
  circle   = local.circle2
  circle2  = "${local.circle}"
  twice    = "1"
  overriden = "1"
  indent   = <<-EOT
    ../x
    EOT
  cond     = true ? "./a" : "./b"
  refs     = { vpc = "v2.0.0", "a b" = "v3" }
  computed = { vpc = "v2.0.0", (local.v) = "any" }
  deep     = { refs = { vpc = ["v4", local.v] } }
  path     = path.module
}
locals {
  twice = "2"
}
variable "base" {
  default = "never"
}
variable "const" {
  const   = true
  default = "vpc"
}
variable "open" {
  const = true
}
`
	const base, v = "main.tf:git::https://example.com/mods.git", "main.tf:v1.2.0"
	for _, tc := range []struct{ source, want string }{
		{`"./x"`, `"./x" calls.tf:./x`},
		{`"./x\u0079"`, `"./xy"`},
		{`("./x")`, `"./x" calls.tf:./x`},
		{`""`, `""`},
		{`local.base`, `"git::https://example.com/mods.git" ` + base},
		{`"${local.base}//vpc?ref=v1.2.0"`, `"git::https://example.com/mods.git//vpc?ref=v1.2.0" ` + base + ` calls.tf://vpc?ref=v1.2.0`},
		{`"${local.base}//vpc?ref=${local.v}"`, `"git::https://example.com/mods.git//vpc?ref=v1.2.0" ` + base + ` calls.tf://vpc?ref= ` + v},
		{`local.two`, `"git::https://example.com/mods.git//two?ref=v1.2.0" ` + base + ` main.tf://two?ref= ` + v},
		{`"${var.base}//vpc?ref=v1.2.0"`, `""…"//vpc?ref=v1.2.0" calls.tf://vpc?ref=v1.2.0`},
		{`"a/${var.base}/b/${var.base}/c"`, `"a/"…"/c" calls.tf:a/ calls.tf:/c`},
		{`local.partly`, `""…"/x" main.tf:/x`},
		{`"./${var.const}"`, `"./vpc" calls.tf:./ main.tf:vpc`},
		{`"./${var.open}"`, `"./"…"" calls.tf:./`},
		{`"./${var.missing}"`, `"./"…"" calls.tf:./`},
		{`"./m${local.n}${true}"`, `"./m3true" calls.tf:./m`},
		{`"./${local.escaped}"`, `"./a\tb" calls.tf:./`},
		{`"./$${x}/${local.v}"`, `"./${x}/v1.2.0" ` + v},
		{`local.circle`, `""…""`},
		{`"x${local.circle}y"`, `"x"…"y" calls.tf:x calls.tf:y`},
		{`"./${local.twice}"`, `"./"…"" calls.tf:./`},
		{`"./${local.overriden}"`, `"./2" calls.tf:./ z_override.tf:2`},
		{`local.missing`, `""…""`},
		{`local.indent`, `"../x\n" main.tf:../x` + "\n"},
		{`local.cond`, `""…""`},
		{`var.const == "vpc" ? "./a" : "./b"`, `""…""`},
		{`"./${local.refs.vpc}"`, `"./v2.0.0" calls.tf:./ main.tf:v2.0.0`},
		{`"./${local.refs["a b"]}"`, `"./v3" calls.tf:./ main.tf:v3`},
		{`"./${local.computed.vpc}"`, `"./"…"" calls.tf:./`}, // the key that is computed may be this one
		{`"./${local.deep.refs["vpc"][1]}"`, `"./v1.2.0" calls.tf:./ ` + v},
		{`"./${local.deep.refs[var.const][0]}"`, `"./v4" calls.tf:./ main.tf:v4`},
		{`"./${local.deep.refs.vpc[2]}"`, `"./"…"" calls.tf:./`},
		{`"./${local.deep.refs}"`, `"./"…"" calls.tf:./`},
		{`"./${local.path}"`, `"./"…"" calls.tf:./`},
		{`format("%s//x?ref=%s", var.base, "v1")`, `""…"//x?ref=v1" calls.tf:v1`},
		{`format("%s%%%s", "a", "b")`, `"a%b" calls.tf:a calls.tf:b`},
		{`format("%9999999999s", "a")`, `""…""`},
		{`format("%d", 1)`, `""…""`},
		{`join("/", [local.base, var.base, "c"])`, `"git::https://example.com/mods.git/"…"/c" ` + base + ` calls.tf:/ calls.tf:/ calls.tf:c`},
		{`join("/", local.list)`, `""…""`},
		{`replace(local.base, "https", "ssh")`, `"git::ssh://example.com/mods.git"`},
		{`replace(local.base, "/s/", "x")`, `""…""`},
		{`replace(var.base, "a", "b")`, `""…""`},
		{`lower("./A")`, `"./a"`},
		{`trimprefix("v1", "v")`, `"1"`},
		{`file("x")`, `""…""`},
		{`"%{ if true }a%{ endif }/b"`, `""…"/b" calls.tf:/b`},
		{"<<EOT\n./${local.v}\nEOT", `"./v1.2.0\n" calls.tf:./ ` + v + ` calls.tf:` + "\n"},
		{`1`, `"1"`},
		{`null`, `""…""`},
		{`[for x in [1] : x][0]`, `""…""`},
	} {
		fsys := fstest.MapFS{
			"main.tf":       {Data: []byte(locals)},
			"z_override.tf": {Data: []byte("locals {\n  overriden = \"2\"\n}\n")},
			"calls.tf":      {Data: []byte("\ufeff# é\r\nmodule \"m\" {\n  source = " + tc.source + "\n}\n")},
		}
		if got := addresses(t, fsys)["calls.tf m"]; got != tc.want {
			t.Errorf("%s\ngot  %s\nwant %s", tc.source, got, tc.want)
		}
	}
}

func TestAddressElsewhere(t *testing.T) {
	fsys := fstest.MapFS{
		"a.tf.json": {Data: []byte(`{"locals": {"v": "v1", "m": {"x": "y${local.v}"}, "list": ["a", "b"]}, "module": {
			"j": {"source": "./${local.v}/\u0078"}, "k": {"source": "./${local.m.x}${local.list[1]}"}, "l": {"source": "./x"}, "n": {"source": 1},
			"o": {"source": "./$${local.v}"}}}`)},
		"b.tf":          {Data: []byte("module \"native\" {\n  source = \"./${local.m.x}/z\"\n}\nmodule \"none\" {}\n")},
		"b/x.tf":        {Data: []byte("locals {\n  v = \"terraform\"\n}\nmodule \"m\" {\n  source = \"./${local.v}\"\n}\n")},
		"b/x.tofu":      {Data: []byte("locals {\n  v = \"tofu\"\n}\nmodule \"m\" {\n  source = \"./${local.v}\"\n}\n")},
		"c/broken.tf":   {Data: []byte("locals {\n  v = \"v1\"\n}\nresource \"x\" {\n  a = = 1\n}\n")},
		"c/broken_m.tf": {Data: []byte("module \"m\" {\n  source = \"./${local.v}\"\n}\n")},
		"d/link.tf":     {Data: []byte("../b.tf"), Mode: fs.ModeSymlink},
		"d/locals.tf":   {Data: []byte("locals {\n  m = { x = \"d\" }\n}\n")},
	}
	// The literals of a symlinked file are where it stands.
	want := map[string]string{
		"a.tf.json j":      `"./v1/x" a.tf.json:v1`, // its own text has an escape
		"a.tf.json k":      `"./yv1b" a.tf.json:./ a.tf.json:y a.tf.json:v1 a.tf.json:b`,
		"a.tf.json l":      `"./x" a.tf.json:./x`,
		"a.tf.json n":      `""…""`,
		"a.tf.json o":      `"./${local.v}"`,
		"b.tf native":      `"./yv1/z" b.tf:./ a.tf.json:y a.tf.json:v1 b.tf:/z`,
		"b.tf none":        `""…""`,
		"b/x.tf m":         `"./"…"" b/x.tf:./`,
		"b/x.tofu m":       `"./tofu" b/x.tofu:./ b/x.tofu:tofu`,
		"c/broken_m.tf m":  `"./v1" c/broken_m.tf:./ c/broken.tf:v1`,
		"d/link.tf native": `"./d/z" d/link.tf:./ d/locals.tf:d d/link.tf:/z`,
		"d/link.tf none":   `""…""`,
	}
	got := addresses(t, fsys)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAddressFixtures(t *testing.T) {
	for name, want := range map[string]map[string]string{
		"computed-source": {
			"live/prod/network/main.tf static":  `"../../../modules/vpc" live/prod/network/main.tf:../../../modules live/prod/network/main.tf:/vpc`,
			"live/prod/network/main.tf const":   `"../../../modules/vpc" live/prod/network/main.tf:../../../modules/ live/prod/network/main.tf:vpc`,
			"live/prod/network/main.tf unknown": `"../../../modules/"…"" live/prod/network/main.tf:../../../modules/`,
			"live/prod/network/main.tf plain":   `"../../../modules/subnets" live/prod/network/main.tf:../../../modules/subnets`,
		},
		"terragrunt": {
			"modules/app/main.tf vpc":                         `"../vpc" modules/app/main.tf:../vpc`,
			"live/prod/vpc/terragrunt.hcl terraform":          `"../../../modules/vpc" live/prod/vpc/terragrunt.hcl:../../../modules/vpc`,
			"live/prod/nat/terragrunt.hcl terraform":          `"../../../modules//vpc/nat" live/terragrunt.hcl:/modules live/prod/nat/terragrunt.hcl://vpc/nat`,
			"live/prod/app/terragrunt.hcl terraform":          `"../../../modules//app" live/prod/app/terragrunt.hcl:../../../modules//app`,
			"live/_common/dns.hcl terraform in live/prod/dns": `"../../../live/../modules//dns" live/_common/dns.hcl:/../modules//dns`,
			"live/_common/dns.hcl terraform in live/qa/dns":   `"../../../live/../modules//dns" live/_common/dns.hcl:/../modules//dns`,
			"live/qa/vpc/terragrunt.hcl terraform":            `"../../../modules/vpc" live/qa/vpc/terragrunt.hcl:../../../modules/vpc`,
			"live/qa/vpc/terragrunt.hcl terraform'":           `"git::https://git.example.com/modules/vpc.git?ref=v1.2.3" live/qa/vpc/terragrunt.hcl:git::https://git.example.com/modules/vpc.git?ref=v1.2.3`,
			"live/qa/app/terragrunt.hcl terraform":            `"../../../modules/app" live/qa/app/terragrunt.hcl:/modules/`,
			"live/qa/pinned/terragrunt.hcl terraform":         `"git::../../..//modules/vpc?ref=0123456789012345678901234567890123456789" live/qa/pinned/terragrunt.hcl:git::../../..//modules/vpc?ref=0123456789012345678901234567890123456789`,
			"live/qa/alone/terragrunt.hcl terraform":          `""…"/modules/alone" live/qa/alone/terragrunt.hcl:/modules/alone`,
			"live/qa/over/terragrunt.hcl terraform":           `"../../../modules/app" live/qa/over/terragrunt.hcl:../../../modules/app`,
		},
	} {
		fsys, err := fixtures.FS(name)
		if err != nil {
			t.Fatal(err)
		}
		got := addresses(t, fsys)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

// Texts that are made of each other grow without end, and references branch:
// an address costs little all the same.
func TestAddressHostile(t *testing.T) {
	double := "locals {\n  l0 = \"0123456789\"\n"
	for i := range 60 {
		double += fmt.Sprintf("  l%d = \"${local.l%d}${local.l%d}\"\n", i+1, i, i)
	}
	double += "}\n"
	chain := "locals {\n  l0 = \"x\"\n"
	for i := range 5000 {
		chain += fmt.Sprintf("  l%d = local.l%d\n", i+1, i)
	}
	chain += "}\n"
	for name, text := range map[string]string{
		"doubling":   double + "module \"m\" {\n  source = local.l60\n}\n",
		"in a call":  double + "module \"m\" {\n  source = join(local.l5, [" + strings.Repeat("local.l5,", 20_000) + "])\n}\n",
		"arguments":  double + "module \"m\" {\n  source = lower(" + strings.Repeat("local.l9,", 20_000) + ")\n}\n",
		"replace":    "locals {\n  x = \"" + strings.Repeat("a", 8000) + "\"\n}\nmodule \"m\" {\n  source = replace(local.x, \"a\", local.x)\n}\n",
		"a chain":    chain + "module \"m\" {\n  source = local.l5000\n}\n",
		"a number":   "module \"m\" {\n  source = \"${1e999999999}\"\n}\n",
		"deep":       "module \"m\" {\n  source = " + strings.Repeat("lower(", 900) + "\"x\"" + strings.Repeat(")", 900) + "\n}\n",
		"deep index": "module \"m\" {\n  source = " + strings.Repeat("local.x[", 900) + "0" + strings.Repeat("]", 900) + "\n}\n",
		"big object": "locals {\n  x = {\n" + strings.Repeat("    a = local.x\n", 50_000) + "  }\n}\nmodule \"m\" {\n  source = local.x.a.a.a.a.a.a.a.a\n}\n",
	} {
		fsys := fstest.MapFS{"main.tf": {Data: []byte(text)}}
		for _, a := range addresses(t, fsys) {
			if len(a) > 2*mostAddress || !strings.Contains(a, "…") {
				t.Errorf("%s: %d bytes: %.100s", name, len(a), a)
			}
		}
	}
}

// The graph of a tree of calls alone is the same.
func TestGraphOfCalls(t *testing.T) {
	names := append(fixtures.Names(), "acme")
	trees := map[string]fs.FS{}
	for _, name := range names {
		fsys, err := fixtures.FS(name)
		if err != nil {
			t.Fatal(err)
		}
		trees[name] = fsys
	}
	// TERRIER_CALLS_TREE names directories to compare as well, separated as
	// in PATH: checkouts of real repositories.
	for _, dir := range filepath.SplitList(os.Getenv("TERRIER_CALLS_TREE")) {
		trees[dir] = os.DirFS(dir)
	}
	for name, fsys := range trees {
		full := Load(fsys, nil)
		tree, _ := hclparse.LoadCalls(fsys, "terrier:ignore")
		calls := NewGraph(tree, nil)
		if d := cmp.Diff(describe(full), describe(calls)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
		t.Logf("%s: %d directories, %d calls", name, len(full.Dirs), len(full.Calls))
	}
}

// describe is what a graph says of its directories and calls.
func describe(g *Graph) []string {
	out := []string{fmt.Sprintf("library %v, cycles %v", g.Library, g.Cycles)}
	for _, d := range g.Sorted() {
		out = append(out, fmt.Sprintf("%s: %s %s %q, callers %q, callees %q", d.Path, d.Role, d.Rule, d.Backend, d.Callers, d.Callees))
	}
	for _, c := range g.Calls {
		out = append(out, fmt.Sprintf("%s: %s %s → %q %s, %q %v %v at %v", c.File().Path, c.Dir, c.Name(), c.Target, c.Problem, c.Raw(), c.Local(), c.Source(), c.SourceRange()))
		out = append(out, fmt.Sprintf("%+v", g.Address(c)))
	}
	return out
}

func TestVersionText(t *testing.T) {
	fsys := fstest.MapFS{
		"main.tf":       {Data: []byte("locals {\n  v = \"1.2.3\"\n}\nmodule \"m\" {\n  source = \"a/b/c\"\n  version = \"~> ${local.v}\"\n}\nmodule \"n\" {\n  source = \"a/b/c\"\n}\nmodule \"o\" {\n  source = \"a/b/c\"\n  version = var.x\n}\n")},
		"x_override.tf": {Data: []byte("module \"n\" {\n  version = local.v\n}\n")},
	}
	g := Load(fsys, nil)
	var got []string
	for _, c := range g.Calls {
		a := g.Version(c, c.Call.VersionRange)
		text := fmt.Sprintf("%s %q %v", c.Name(), a.Text, a.Whole)
		for _, l := range a.Literals {
			text += " " + l.Path + ":" + string(fsys[l.Path].Data[l.Start:l.End])
		}
		got = append(got, text)
	}
	// Also where an override has it, by its range.
	over := g.Version(g.Calls[1], g.Calls[3].Call.VersionRange)
	got = append(got, fmt.Sprintf("%q %d", over.Text, len(over.Literals)))
	want := []string{`m "~> 1.2.3" true main.tf:~>  main.tf:1.2.3`, `n "" false`, `o "" false`, `n "1.2.3" true main.tf:1.2.3`, `"1.2.3" 1`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
