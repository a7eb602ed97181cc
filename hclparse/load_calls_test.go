package hclparse

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"
)

// ofFile is what LoadCalls and Load have in common about one file.
type ofFile struct {
	Calls      []Call
	Backends   []Backend
	Providers  []ProviderConfig
	Terragrunt []TerragruntSource
}

// byFile takes a tree apart. Files are known by their path, and what LoadCalls
// does not give is left out.
func byFile(tr *Tree) map[string]*ofFile {
	out := map[string]*ofFile{}
	for _, m := range tr.Modules {
		for _, f := range m.Files {
			out[f.Path] = &ofFile{}
		}
		for _, c := range m.Calls {
			v := *c
			v.File, v.Attributes = nil, nil
			out[c.File.Path].Calls = append(out[c.File.Path].Calls, v)
		}
		for _, b := range m.Backends {
			v := *b
			v.File = nil
			out[b.File.Path].Backends = append(out[b.File.Path].Backends, v)
		}
		for _, c := range m.Providers {
			v := *c
			v.File, v.Alias, v.Body = nil, "", nil
			out[c.File.Path].Providers = append(out[c.File.Path].Providers, v)
		}
		for _, s := range m.Terragrunt {
			v := *s
			v.File = nil
			out[s.File.Path].Terragrunt = append(out[s.File.Path].Terragrunt, v)
		}
	}
	return out
}

// compareCalls holds LoadCalls of a tree against Load. It returns how many
// files, calls, and files that only Load finds an error in there are.
func compareCalls(t *testing.T, fsys fs.FS, keep ...string) (files, calls, silent int) {
	t.Helper()
	full, allDiags := Load(fsys)
	fast, diags := LoadCalls(fsys, keep...)
	if !reflect.DeepEqual(full.Paths(), fast.Paths()) || !reflect.DeepEqual(full.Entries, fast.Entries) {
		t.Fatalf("modules %q, not %q; or other entries", fast.Paths(), full.Paths())
	}
	want, got := byFile(full), byFile(fast)
	var reported hcl.Diagnostics
	quiet := map[string]bool{}
	for _, dir := range full.Paths() {
		m, n := full.Modules[dir], fast.Modules[dir]
		if len(m.Files) != len(n.Files) {
			t.Fatalf("%s: %d files, not %d", dir, len(n.Files), len(m.Files))
		}
		if len(n.Variables)+len(n.Outputs)+len(n.Locals)+len(n.Resources)+len(n.RequiredProviders)+len(n.RequiredVersions) > 0 {
			t.Errorf("%s: LoadCalls has more than it says", dir)
		}
		for i, f := range m.Files {
			files++
			g := n.Files[i]
			a, b := want[f.Path], got[f.Path]
			calls += len(a.Calls)
			head := func(f File) File { f.Bytes, f.Body, f.Diags = nil, nil, nil; return f }
			if !reflect.DeepEqual(head(*f), head(*g)) {
				t.Errorf("%s: %+v, not %+v", f.Path, head(*g), head(*f))
			}
			switch {
			case len(g.Diags) > 0:
				if !reflect.DeepEqual(f.Diags, g.Diags) || !reflect.DeepEqual(a, b) {
					t.Errorf("%s: reported as\n%v\nnot\n%v", f.Path, g.Diags, f.Diags)
				}
			case f.Broken():
				silent++
				quiet[f.Path] = true
				if f.Syntax == Terragrunt {
					t.Errorf("%s: not reported: %v", f.Path, f.Diags)
				}
				// What Load's recovery from the error does find is not missed.
				for _, c := range a.Calls {
					if !has(b.Calls, c) {
						t.Errorf("%s: missed in silence: %+v", f.Path, c)
					}
				}
			case !reflect.DeepEqual(a, b):
				t.Errorf("%s: got\n%+v\nwant\n%+v", f.Path, b, a)
			case len(f.Diags) > 0:
				t.Errorf("%s: a warning is missing: %v", f.Path, f.Diags)
			}
			checkKept(t, f, g, b, keep)
		}
	}
	for _, d := range allDiags {
		if !quiet[d.Subject.Filename] {
			reported = append(reported, d)
		}
	}
	if len(reported) != len(diags) || len(diags) > 0 && !reflect.DeepEqual(reported, diags) {
		t.Errorf("diagnostics\n%v\nnot\n%v", diags, reported)
	}
	return files, calls, silent
}

func has(calls []Call, c Call) bool {
	for _, x := range calls {
		if reflect.DeepEqual(x, c) {
			return true
		}
	}
	return false
}

// checkKept holds g, a file of LoadCalls, against what that says to keep of f.
func checkKept(t *testing.T, f, g *File, of *ofFile, keep []string) {
	t.Helper()
	kept := len(of.Calls)+len(of.Backends)+len(of.Terragrunt)+len(g.Diags) > 0
	for _, w := range keep {
		kept = kept || bytes.Contains(f.Bytes, []byte(w))
	}
	switch {
	case kept && !bytes.Equal(f.Bytes, g.Bytes):
		t.Errorf("%s: other bytes are kept", f.Path)
	case !kept && g.Bytes != nil:
		t.Errorf("%s: its bytes are kept", f.Path)
	}
	if g.Syntax != Terragrunt && g.Body != nil {
		t.Errorf("%s: its body is kept", f.Path)
	}
	if g.Syntax == Terragrunt && !reflect.DeepEqual(f.Body, g.Body) {
		t.Errorf("%s: another body", f.Path)
	}
}

// nastyNative are files in which blocks are hard to see, or seem to be where
// none are. calls are the names of their module blocks; broken files, which
// Load reports as well, say so.
var nastyNative = []struct {
	name, text string
	calls      string
	broken     bool
}{
	{name: "empty", text: ""},
	{name: "byte order mark alone", text: "\ufeff"},
	{name: "no blanks", text: `module"x"{` + "\n}", calls: "x"},
	{name: "bare label", text: "module x {\n  source = \"./x\"\n}\n", calls: "x"},
	{name: "bare label with a dash", text: "module x-y_1{}", calls: "x-y_1"},
	{name: "tabs", text: "\tmodule\t\"x\"\t{\n\tsource\t=\t\"./x\"\n\t}\t\n", calls: "x"},
	{name: "comment before", text: "/* c */ module \"x\" {}\n", calls: "x"},
	{name: "wide comment before", text: "/* 👩‍👩‍👧 é */ module \"x\" { source = \"./x\" }\n", calls: "x"},
	{name: "comment over lines before", text: "/* c\n c */ module \"x\" { source = \"./x\" }\n", calls: "x"},
	{name: "comments inside the header", text: "module /* { \n */ \"x\" /* \" */ {\n  source = \"./x\"\n}\n", calls: "x"},
	{name: "comment behind", text: "module \"x\" {} # }\nmodule \"y\" {} // {\nmodule \"z\" {} /* \n */\n", calls: "x y z"},
	{name: "one line", text: `module "a" { source = "./a" }`, calls: "a"},
	{name: "two on a line", text: `module "a" { source = "./a" } module "b" { source = "./b" }`, broken: true},
	{name: "behind a brace", text: "resource \"a\" \"b\" {\n} module \"x\" {\n}\n", broken: true},
	{name: "behind a comment over lines behind a brace", text: "locals {\n} /* \n */ module \"x\" {\n}\n", broken: true},
	{name: "behind a heredoc", text: "locals {\n  a = <<EOT\nmodule \"no\" {}\nEOT\n}\nmodule \"x\" {\n  source = \"./x\"\n}\n", calls: "x"},
	{name: "in heredocs", text: "locals {\n  a = <<-EOT\n    module \"no\" {\n    }\n    EOTS\n   x EOT\n    EOT\n  b = [<<A\nmodule \"no\" {}\nA\n  , <<B\n}\nB\n  ]\n}\n"},
	{name: "heredoc at the top", text: "a = <<EOT\nmodule \"no\" {\n}\n${\"}${<<X\nmodule \"no\" {}\nX\n}\"}\nEOT\nmodule \"x\" {}\n", calls: "x"},
	{name: "marker after a template", text: "locals {\n  a = <<EOT\n${\"a\"}EOT\n  ${\"b\"} EOT\n%{ if true }\nEOT\n  b = 1\n}\nmodule \"x\" {}\n", calls: "x", broken: true},
	{name: "marker behind a template is none", text: "locals {\n  a = <<EOT\n${\"a\"}EOT\nmodule \"no\" {}\nEOT\n  b = 1\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "white space beside a marker", text: "locals {\n  a = <<EOT\n \u00a0\tEOT\u0085 \v\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "marker behind a dollar", text: "locals {\n  a = <<EOT\n$\nEOT\n  b = <<EOT\n%EOT\nEOT\n  c = <<EOT\n$$\nEOT\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "heredoc of CRLF", text: "locals {\r\n  a = <<EOT\r\nmodule \"no\" {\r\n  $\r\nEOT\r\n}\r\nmodule \"x\" {\r\n  source = \"./x\"\r\n}\r\n", calls: "x"},
	{name: "heredoc without an end", text: "module \"x\" {}\nlocals {\n  a = <<EOT\n}\nmodule \"no\" {}\n", broken: true},
	{name: "blank behind the marker", text: "locals {\n  a = <<EOT \nmodule \"x\" {}\nEOT\n}\n", broken: true},
	{name: "shift", text: "locals {\n  a = 1 << 2\n}\nmodule \"x\" {}\n", broken: true},
	{name: "quotes in a heredoc", text: "locals {\n  a = <<EOT\n\" ${\"module\"} \" { # /*\nEOT\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "in comments", text: "# module \"no\" {\n// module \"no\" {\n/* module \"no\" {\n/* */\nmodule \"x\" {}\n#", calls: "x"},
	{name: "comment that looks closed", text: "/*/ module \"no\" {} \n*/\nmodule \"x\" {}\n", calls: "x"},
	{name: "comment without an end", text: "module \"x\" {}\n/* module \"no\" {}\n", broken: true},
	{name: "comment signs in strings", text: "locals {\n  a = \"# // /* \"\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "in a string", text: "locals {\n  a = \"module \\\"no\\\" {}\"\n  b = \"\\\\\"\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "nested", text: "resource \"a\" \"b\" {\n  module \"no\" {\n  }\n  x = {\nmodule = 1\n  }\n}\n"},
	{name: "as an argument", text: "module = {\n  a = 1\n}\nprovider = [\n  module, # ]\n]\nbackend = \"${\n  1\n}\"\nmodule \"x\" {}\n", calls: "x"},
	{name: "in a template", text: "locals {\n  a = \"${\"${\"module {}\"}\"}\"\n  b = \"%{ if true }{%{ else }}%{ endif }\"\n  c = \"${{\n    a = \"}\"\n  }.a}\"\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "escaped templates", text: "locals {\n  a = \"$${ %%{ $ % $$ %% $% {\"\n  b = \"$$${ { $$$${\"\n  c = \"$\"\n  d = \"%\"\n  e = \"$${\\\"\"\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "mixed signs in a string", text: "locals {\n  a = \"$%{ if true }%${1}%{ endif }$%%{ %$${\"\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "mixed signs in a heredoc", text: "locals {\n  a = <<E\n$%{ if true }\n%${1}\n%{ endif }\nE\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "strips", text: "locals {\n  a = \"${~ 1 ~}%{~ if true ~}x%{~ endif ~}\"\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "strip outside of a template", text: "locals {\n  a = {\n  ~}\n}\nmodule \"x\" {}\n", calls: "x", broken: true},
	{name: "newline in a string", text: "locals {\n  a = \"x\n\"\n}\nmodule \"x\" {}\n", broken: true},
	{name: "string without an end", text: "module \"x\" {}\nlocals {\n  a = \"x\n}\n", broken: true},
	{name: "quote in a label", text: `module "a\"{b" {}` + "\nresource \"}\" \"{\" {}\n", calls: `a"{b`},
	{name: "template in a label", text: "module \"a${1}\" {}\n", broken: true},
	{name: "no label", text: "module {}\n", broken: true},
	{name: "two labels", text: "module \"a\" \"b\" {}\n", broken: true},
	{name: "no body", text: "module \"a\"\n{\n}\n", broken: true},
	{name: "quoted type", text: "\"module\" \"a\" {}\n", broken: true},
	{name: "longer types", text: "modules \"a\" {}\nmodule-x \"a\" {}\n_module \"b\" {}\nmodule1 {}\nModule \"c\" {}\n"},
	{name: "types of other scripts", text: "moduleé \"a\" {}\nмодуль \"b\" {}\nmodule \"é\" { source = \"./é\" }\nmodule é {}\n", calls: "é é"},
	{name: "decomposed label", text: "module \"e\u0301\" {}\nprovider \"e\u0301\" {}\n", calls: "e\u0301"},
	{name: "wide characters before", text: "locals { a = \"👩‍👩‍👧 é\" }\nmodule \"👩‍👩‍👧\" { source = \"./👩‍👩‍👧\" } # é\n  module \"b\" {\n    source = /* 👩‍👩‍👧 */ \"./b\"\n }", calls: "👩‍👩‍👧 b"},
	{name: "byte order mark", text: "\ufeffmodule \"x\" { source = \"./x\" }\nmodule \"y\" { source = \"./y\" }\n", calls: "x y"},
	{name: "two byte order marks", text: "\ufeff\ufeffmodule \"x\" {}\n", broken: true},
	{name: "CRLF", text: "# c\r\n\r\nmodule \"x\" {\r\n  source = \"./x\"\r\n}\r\n", calls: "x"},
	{name: "CR alone", text: "# c\rmodule \"no\" {}\nmodule \"x\" {}\n", calls: "x"},
	{name: "CR in code", text: "locals {\r}\nmodule \"x\" {}\n", broken: true},
	{name: "form feed", text: "\fmodule \"x\" {}\n", broken: true},
	{name: "bytes that are not UTF-8, in a comment", text: "# \xff\nmodule \"x\" { source = \"./x\" }\n", calls: "x"},
	{name: "bytes that are not UTF-8", text: "locals {\n  a = \"\xff\"\n}\nmodule \"x\" {}\n", broken: true},
	{name: "UTF-16", text: "\xff\xfem\x00o\x00d\x00u\x00l\x00e\x00 \x00\"\x00x\x00\"\x00 \x00{\x00}\x00\n\x00", broken: true},
	{name: "zero byte", text: "# \x00\nmodule \"x\" {}\n", calls: "x"},
	{name: "single quotes", text: "locals {\n  a = '{'\n}\nmodule \"x\" {}\n", broken: true},
	{name: "crossed brackets", text: "locals {\n  a = [(])\n}\nmodule \"x\" {}\n", broken: true},
	{name: "bracket too many", text: "locals {\n}}\nmodule \"x\" {}\n", broken: true},
	{name: "bracket too few", text: "locals {\nmodule \"x\" {}\n", broken: true},
	{name: "error in the block", text: "module \"x\" {\n  source = \n}\nmodule \"y\" {}\n", broken: true},
	{name: "twice in the block", text: "module \"x\" {\n  source = \"./a\"\n  source = \"./b\"\n}\n", broken: true},
	{name: "same name twice", text: "module \"x\" {}\nmodule \"x\" {}\n", calls: "x x"},
	{name: "splat, for, and functions", text: "locals {\n  a = [for k, v in var.x : \"${k}-${v...}\" if v != \"}\"]\n  b = { for k, v in var.x : k => v... }\n  c = aws::f(var.x[*].y, \"#\")\n}\nmodule \"x\" {}\n", calls: "x", broken: true},
	{name: "for", text: "locals {\n  a = [for k, v in var.x : \"${k}-${v[0]}\" if v != \"}\"]\n  b = { for k, v in var.x : k => v... }\n  c = aws::f(var.x[*].y, \"#\") / 2 // }\n}\nmodule \"x\" {}\n", calls: "x"},
	{name: "backends", text: "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    n = -1\n  }\n}\nterraform {\n  cloud {}\n}\n  terraform {\n    required_version = \">= 1\"\n  }\nterraform { # backend\n}\nbackend \"no\" {}\n"},
	{name: "providers", text: "provider \"aws\" {\n  alias = \"x\"\n}\nprovider aws { region = \"x\" }\nprovider \"a\" \"b\" {}\nprovider {}\n  provider \"é\" /* c */ { # d\n  }\nresource \"a\" \"b\" { provider = aws.x }\n"},
	{name: "a provider with an error inside", text: "provider \"aws\" {\n  alias = = 1\n}\nmodule \"x\" {}\n", calls: "x", broken: true},
}

func TestLoadCalls(t *testing.T) {
	for _, tc := range nastyNative {
		t.Run(tc.name, func(t *testing.T) {
			for _, name := range []string{"a.tf", "a.tofu", "terragrunt.hcl"} {
				fsys := tree(map[string]string{name: tc.text})
				compareCalls(t, fsys)
				fast, _ := LoadCalls(fsys)
				full, _ := Load(fsys)
				if broken := full.Modules["."].Broken(); broken != tc.broken && name != "terragrunt.hcl" {
					t.Errorf("%s: broken is %v", name, broken)
				}
				var names []string
				for _, c := range fast.Modules["."].Calls {
					names = append(names, c.Name)
				}
				if got := strings.Join(names, " "); got != tc.calls && name != "terragrunt.hcl" && !(tc.broken && fast.Modules["."].Broken()) {
					t.Errorf("calls %q, not %q", got, tc.calls)
				}
			}
		})
	}
}

func TestLoadCallsJSON(t *testing.T) {
	for _, text := range []string{
		"", "{}", "[]", "{", "\ufeff{\"module\": {\"a\": {\"source\": \"../x\"}}}",
		`{"module": {"a": {"source": "../x", "version": "1"}}}`,
		`{"\u006dodule": {"a": {"source": "../x"}}}`, `{"modu\u006ce": {"a": {"source": "../x"}}}`,
		`{"resource": {"a": {"b": {"module": {"no": {}}}}}}`, `{"resource": {"module": 1`, `{"resource": `,
		`{"terraform": {"backend": {"s3": {"key": "k", "n": 1e9}}}}`, `{"terraform": [{"cloud": {}}]}`,
		`{"provider": {"aws": [{"alias": "x"}, {}]}, "locals": {"a": 1}}`,
		`{"module": {"a": 1}}`, `{"//": "module", "module": {}}`, `{"locals": {"a": "\\u"}}`,
	} {
		compareCalls(t, tree(map[string]string{"a.tf.json": text, "b/a.tofu.json": text, "b/override.tf": "module \"x\" {}\n"}))
	}
}

// Many files through the same buffer, and some that are kept.
func TestLoadCallsTree(t *testing.T) {
	files := map[string]string{"link.tf": "-> d3/a.tf", "gone.tf": "-> nowhere.tf", "d3/terragrunt.hcl": "locals {\n  a = \"x\"\n}\nterraform {\n  source = \"../${local.a}\"\n}\n"}
	for i, tc := range nastyNative {
		files[fmt.Sprintf("d%d/a.tf", i%7)+strings.Repeat("x", i)+".tf"] = tc.text
		files[fmt.Sprintf("d%d/main.tf", i)] = tc.text + "\n# terrier:ignore\n"
	}
	files["d3/a.tf"] = "module \"x\" {\n  source = \"../d4\"\n}\n"
	files["j/a.tf.json"] = `{"terraform": {"backend": {"s3": {"key": "a-key", "list": ["${a}", 1]}}}}`
	files["k/a.tf.json"] = `{"terraform": {"backend": {"gcs": {"key": "other", "list": ["${b}", 2]}}}}`
	files["d3/locked.tf"] = strings.Repeat("# text\n", 1000)
	compareCalls(t, tree(files))
	n, calls, _ := compareCalls(t, tree(files), "terrier:ignore", "text")
	if n < 100 || calls < 60 {
		t.Errorf("%d files, %d calls", n, calls)
	}
}

func TestLoadCallsFixtures(t *testing.T) {
	archives, err := filepath.Glob("../fixtures/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	hazards, err := filepath.Glob("../fixtures/hazards/*.txtar")
	if err != nil || len(archives) < 2 || len(hazards) < 20 {
		t.Fatalf("%d and %d fixtures, %v", len(archives), len(hazards), err)
	}
	for _, a := range append(archives, hazards...) {
		ar, err := txtar.ParseFile(a)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{}
		for _, f := range ar.Files {
			if path.Clean(f.Name) == f.Name && fs.ValidPath(f.Name) {
				fsys[f.Name] = &fstest.MapFile{Data: f.Data}
			}
		}
		t.Run(filepath.Base(a), func(t *testing.T) {
			compareCalls(t, fsys)
			full, _ := Load(fsys)
			fast, _ := LoadCalls(fsys)
			for _, dir := range full.Paths() {
				if m := fast.Reload(dir); !reflect.DeepEqual(m, full.Modules[dir]) {
					t.Errorf("%s, read again, is another module", dir)
				}
			}
			if fast.Reload("no/such") != nil {
				t.Error("a module from nowhere")
			}
		})
	}
}

// TERRIER_CALLS_TREE names directories to compare as well, separated as in
// PATH: checkouts of real repositories.
func TestLoadCallsReal(t *testing.T) {
	dirs := append(filepath.SplitList(os.Getenv("TERRIER_CALLS_TREE")), "testdata")
	for _, dir := range dirs {
		files, calls, silent := compareCalls(t, os.DirFS(dir), "terrier:ignore")
		t.Logf("%s: %d files, %d calls; %d files with an error where no call can be", dir, files, calls, silent)
	}
}

// What opens without end, or as deep as can be, costs no more than its length.
func TestLoadCallsHostile(t *testing.T) {
	const n = 100_000
	call := "module \"x\" {\n  source = \"./x\"\n}\n"
	for name, text := range map[string]string{
		"braces":           call + strings.Repeat("{", 1<<20),
		"block braces":     call + "a {\n" + strings.Repeat("a {\n", n),
		"brackets":         call + "locals {\n  a = " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n}\n",
		"templates":        call + "locals {\n  a = " + strings.Repeat(`"${`, n) + "1" + strings.Repeat(`}"`, n) + "\n}\n",
		"in the call":      "module \"x\" {\n  source = " + strings.Repeat(`"${`, n) + "1" + strings.Repeat(`}"`, n) + "\n}\n",
		"heredocs":         call + "locals {\n  a = " + strings.Repeat("<<E\n${", n),
		"heredoc lines":    call + "locals {\n  a = <<E\n" + strings.Repeat("${1}", n) + "\nE\n}\n",
		"heredoc newlines": call + "locals {\n  a = <<E\n" + strings.Repeat("${\n1}", n) + "\nE\n}\n",
		"comments":         call + strings.Repeat("/*", n),
		"open comments":    call + strings.Repeat("/* */ /*", n),
		"blank lines":      strings.Repeat(" \n", n) + call,
		"blanks":           strings.Repeat(" ", 1<<20) + call,
		"markers":          call + "locals {\n  a = [\n" + strings.Repeat("<<E\nE\n,", n) + "]\n}\n",
		"operators":        "module \"x\" {\n  source = " + strings.Repeat("!", n) + "true\n}\n",
		"calls":            strings.Repeat("module \"x\" {}\n", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			fsys := tree(map[string]string{"a.tf": text})
			compareCalls(t, fsys) // with Load's limits on what is too complex
			fast, _ := LoadCalls(fsys)
			if m := fast.Modules["."]; len(m.Calls) == 0 && !m.Broken() {
				t.Error("a miss in silence")
			}
		})
	}
}
