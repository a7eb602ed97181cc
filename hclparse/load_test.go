package hclparse

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
)

var update = flag.Bool("update-load", false, "rewrite testdata/load/*.golden")

// tree builds a file system: "-> target" is a symlink, all else is content.
func tree(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for p, text := range files {
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			m[p] = &fstest.MapFile{Mode: fs.ModeSymlink | 0o777, Data: []byte(target)}
			continue
		}
		m[p] = &fstest.MapFile{Mode: 0o644, Data: []byte(text)}
	}
	return m
}

// loadOne loads a tree of one file and returns its directory.
func loadOne(t *testing.T, name, text string) *Module {
	t.Helper()
	tr, diags := Load(tree(map[string]string{name: text}))
	if diags.HasErrors() {
		t.Fatalf("Load: %v", diags)
	}
	m := tr.Modules["."]
	if m == nil {
		t.Fatal("no module at .")
	}
	return m
}

func at(f *File, r hcl.Range) string { return string(f.Bytes[r.Start.Byte:r.End.Byte]) }

func TestLoadSource(t *testing.T) {
	for _, tc := range []struct {
		name, file, text string
		raw              string
		static           bool
		written          string // the bytes at SourceRange
		line             int
	}{
		{name: "plain", text: "module \"a\" {\n  source = \"../x\"\n}\n", raw: "../x", static: true, written: `"../x"`, line: 2},
		{name: "one line, no newline at the end", text: `module "a" { source = "../x" }`, raw: "../x", static: true, written: `"../x"`, line: 1},
		{name: "label without quotes", text: "module a {\n  source = \"../x\"\n}", raw: "../x", static: true, written: `"../x"`, line: 2},
		{name: "not first, aligned, comment", text: "module \"a\" {\n  count   = 1\n  source  = \"../x\" # y\n}\n", raw: "../x", static: true, written: `"../x"`, line: 3},
		{name: "CRLF", text: "# c\r\nmodule \"a\" {\r\n  source = \"../x\"\r\n}\r\n", raw: "../x", static: true, written: `"../x"`, line: 3},
		{name: "byte order mark", text: "\ufeffmodule \"a\" {\n  source = \"../x\"\n}\n", raw: "../x", static: true, written: `"../x"`, line: 2},
		{name: "escapes", text: `module "a" { source = "../\u0078\t$${y}%%{z}" }`, raw: "../x\t${y}%{z}", static: true, written: `"../\u0078\t$${y}%%{z}"`, line: 1},
		{name: "empty", text: `module "a" { source = "" }`, raw: "", static: true, written: `""`, line: 1},
		{name: "parentheses", text: `module "a" { source = (("../x")) }`, raw: "../x", static: true, written: `"../x"`, line: 1},
		{name: "heredoc", text: "module \"a\" {\n  source = <<EOT\n../x\n../y\nEOT\n}\n", raw: "../x\n../y\n", static: true, written: "<<EOT\n../x\n../y\nEOT", line: 2},
		{name: "indented heredoc", text: "module \"a\" {\n  source = <<-EOT\n    ../x\n    EOT\n}\n", raw: "../x\n", static: true, written: "<<-EOT\n    ../x\n    EOT", line: 2},
		{name: "heredoc with a template", text: "module \"a\" {\n  source = <<EOT\n../${x}\nEOT\n}\n", written: "<<EOT\n../${x}\nEOT", line: 2},
		{name: "template", text: `module "a" { source = "../${var.x}" }`, written: `"../${var.x}"`, line: 1},
		{name: "template of one part", text: `module "a" { source = "${"../x"}" }`, written: `"${"../x"}"`, line: 1},
		{name: "a literal inside a template", text: `module "a" { source = "a${"b"}c" }`, written: `"a${"b"}c"`, line: 1},
		{name: "a number inside a template", text: `module "a" { source = "a${1}c" }`, written: `"a${1}c"`, line: 1},
		{name: "null inside a template", text: `module "a" { source = "a${null}c" }`, written: `"a${null}c"`, line: 1},
		{name: "directive", text: `module "a" { source = "%{ if true }a%{ endif }" }`, written: `"%{ if true }a%{ endif }"`, line: 1},
		{name: "reference", text: `module "a" { source = var.x }`, written: `var.x`, line: 1},
		{name: "conditional", text: `module "a" { source = true ? "./a" : "./b" }`, written: `true ? "./a" : "./b"`, line: 1},
		{name: "number", text: `module "a" { source = 1 }`, written: `1`, line: 1},

		{name: "JSON object", file: "a.tf.json", text: "{\n\"module\": {\"a\": {\"source\": \"../x\"}}}", raw: "../x", static: true, written: `"../x"`, line: 2},
		{name: "JSON arrays everywhere", file: "a.tf.json", text: `[{"module": [{"a": [{"source": "../x"}]}]}]`, raw: "../x", static: true, written: `"../x"`, line: 1},
		{name: "JSON escapes", file: "a.tf.json", text: `{"module": {"a": {"source": "..\/\u0078"}}}`, raw: "../x", static: true, written: `"..\/\u0078"`, line: 1},
		{name: "JSON after wide characters", file: "a.tf.json", text: "{\"//\": \"äé👩‍👩‍👧 \\\" }\",\r\n\t\"module\": {\"a\": {\"source\": \"../x\"}}}", raw: "../x", static: true, written: `"../x"`, line: 2},
		{name: "JSON byte order mark", file: "a.tf.json", text: "\ufeff{\"module\": {\"a\": {\"source\": \"../x\"}}}", raw: "../x", static: true, written: `"../x"`, line: 1},
		{name: "JSON template", file: "a.tf.json", text: `{"module": {"a": {"source": "../${var.x}"}}}`, written: `"../${var.x}"`, line: 1},
		{name: "JSON escaped template", file: "a.tf.json", text: `{"module": {"a": {"source": "../$${x}"}}}`, written: `"../$${x}"`, line: 1},
		{name: "JSON number", file: "a.tf.json", text: `{"module": {"a": {"source": 12}}}`, written: `12`, line: 1},
		{name: "JSON null", file: "a.tf.json", text: `{"module": {"a": {"source": null}}}`, written: `null`, line: 1},
		{name: "JSON array", file: "a.tf.json", text: `{"module": {"a": {"source": ["../x"]}}}`, written: `["../x"]`, line: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := tc.file
			if file == "" {
				file = "a.tf"
			}
			m := loadOne(t, file, tc.text)
			if len(m.Calls) != 1 {
				t.Fatalf("%d calls, want 1", len(m.Calls))
			}
			c := m.Calls[0]
			if c.Name != "a" || !c.HasSource || c.Raw != tc.raw || c.Static != tc.static {
				t.Errorf("name %q, source %v, raw %q, static %v; want raw %q, static %v", c.Name, c.HasSource, c.Raw, c.Static, tc.raw, tc.static)
			}
			if got := at(c.File, c.SourceRange); got != tc.written {
				t.Errorf("SourceRange holds %q, want %q", got, tc.written)
			}
			if c.SourceRange.Start.Line != tc.line || c.SourceRange.Filename != file {
				t.Errorf("source at %s:%d, want %s:%d", c.SourceRange.Filename, c.SourceRange.Start.Line, file, tc.line)
			}
			if c.Static && c.Source.String() != c.Raw {
				t.Errorf("Source is %q, Raw %q", c.Source, c.Raw)
			}
			if string(c.File.Bytes) != tc.text {
				t.Errorf("Bytes are not the file's")
			}
			if want := map[string]string{"a.tf": "module", "a.tf.json": `"a"`}[file]; !strings.HasPrefix(at(c.File, c.Block), want) {
				t.Errorf("Block holds %q", at(c.File, c.Block))
			}
		})
	}
}

func TestLoadNotSources(t *testing.T) {
	m := loadOne(t, "a.tf", `# module "c" { source = "../c" }
/* module "d" {
  source = "../d"
} */
resource "x" "y" {
  source = "../r"
  module "nested" {
    source = "../n"
  }
}
locals {
  text = <<EOT
module "h" {
  source = "../h"
}
EOT
}
module "only" {
  version = "1.2.3"
  providers = { aws = aws.east }
}
`)
	if len(m.Calls) != 1 || m.Calls[0].Name != "only" || m.Calls[0].HasSource {
		t.Fatalf("calls: %+v", m.Calls)
	}
	c := m.Calls[0]
	if c.Version != "1.2.3" || at(c.File, c.VersionRange) != `"1.2.3"` {
		t.Errorf("version %q at %q", c.Version, at(c.File, c.VersionRange))
	}
	if len(c.Attributes) != 1 || c.Attributes["providers"] == nil {
		t.Errorf("attributes: %v", c.Attributes)
	}
}

func TestLoadBroken(t *testing.T) {
	for _, tc := range []struct {
		name, file, text string
		calls            string // names of the calls that are kept
		summary          string // of the first error
	}{
		{"call before the error", "a.tf", "module \"a\" {\n  source = \"../x\"\n}\nresource {{\n", "a", "Argument or block definition required"},
		{"call after the error", "a.tf", "locals {\n  a = = 1\n}\nmodule \"a\" {\n  source = \"../x\"\n}\n", "a", "Invalid expression"},
		{"no closing brace", "a.tf", "module \"a\" {\n  source = \"../x\"\n", "a", "Unclosed configuration block"},
		{"no closing quote", "a.tf", "module \"a\" {\n  source = \"../x\n}\n", "a", "Invalid multi-line string"},
		{"no source value", "a.tf", "module \"a\" {\n  source = \n}\n", "a", "Invalid expression"},
		{"no name", "a.tf", "module {\n  source = \"../x\"\n}\n", "", "Wrong number of labels"},
		{"two names", "a.tf", "module \"a\" \"b\" {\n  source = \"../x\"\n}\n", "", "Wrong number of labels"},
		{"two sources", "a.tf", "module \"a\" {\n  source = \"../x\"\n  source = \"../y\"\n}\n", "a", "Attribute redefined"},
		{"Markdown", "README.tf", "# Title\n\nSome text, with `code`.\n\n```hcl\nmodule \"a\" {\n```\n", "", "Invalid block definition"},
		{"invalid UTF-8", "a.tf", "module \"a\" {\n  source = \"../x\"\n}\nlocals {\n  b = \"\xff\xfe\"\n}\n", "a", "Invalid character encoding"},
		{"UTF-16", "a.tf", "\xff\xfem\x00o\x00d\x00", "", "Invalid character encoding"},
		{"NUL", "a.tf", "\x00\x00\x00", "", "Invalid character"},
		{"JSON cut off", "a.tf.json", `{"module": {"a": {"source": "../x"}`, "", "Unclosed object"},
		{"JSON string cut off", "a.tf.json", `"abcde`, "", "Root value must be object"},
		{"JSON string cut off in an object", "a.tf.json", `{"module": {"a": {"source": "../x`, "", "Unclosed object"},
		{"empty JSON", "a.tf.json", "", "", "Missing value"},
		{"JSON string", "a.tf.json", `"x"`, "", "Root value must be object"},
		{"JSON module of the wrong type", "a.tf.json", `{"module": {"a": 1, "b": {"source": "../x"}}}`, "b", "Incorrect JSON value type"},
		{"JSON module in an array of the wrong type", "a.tf.json", `{"module": {"a": [1]}}`, "a", "Incorrect JSON value type"},
		{"JSON two sources", "a.tf.json", `{"module": {"a": {"source": "../x", "source": "../y"}}}`, "a", "Duplicate attribute definition"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr, diags := Load(tree(map[string]string{tc.file: tc.text, "ok/main.tf": "module \"ok\" {\n  source = \"../x\"\n}\n"}))
			m := tr.Modules["."]
			var names []string
			for _, c := range m.Calls {
				names = append(names, c.Name)
			}
			if got := strings.Join(names, " "); got != tc.calls {
				t.Errorf("calls %q, want %q", got, tc.calls)
			}
			if len(m.Files) != 1 || !m.Files[0].Broken() || !m.Broken() {
				t.Error("file is not broken")
			}
			if len(diags) == 0 || !hasSummary(diags, tc.summary) {
				t.Errorf("diagnostics %v, want %q", diags, tc.summary)
			}
			for _, d := range diags {
				if d.Subject == nil || d.Subject.Filename != tc.file {
					t.Errorf("diagnostic without its file: %v", d)
					continue
				}
				inside(t, m.Files[0], *d.Subject)
			}
			if ok := tr.Modules["ok"]; ok == nil || len(ok.Calls) != 1 || ok.Broken() {
				t.Error("the other directory did not load")
			}
		})
	}
}

func hasSummary(diags hcl.Diagnostics, want string) bool {
	for _, d := range diags {
		if d.Summary == want && d.Severity == hcl.DiagError {
			return true
		}
	}
	return false
}

// A source that has no closing quote cannot be replaced.
func TestLoadBrokenSourceIsNotStatic(t *testing.T) {
	for _, text := range []string{
		"module \"a\" {\n  source = \"../x\n}\n",
		"module \"a\" {\n  source = \"../x",
		"module \"a\" {\n  source = \"",
	} {
		tr, _ := Load(tree(map[string]string{"a.tf": text}))
		for _, c := range tr.Modules["."].Calls {
			if c.Static {
				t.Errorf("%q: static, with %q", text, at(c.File, c.SourceRange))
			}
		}
	}
}

func TestLoadManyProblems(t *testing.T) {
	tr, diags := Load(tree(map[string]string{"a.tf": strings.Repeat("a = 1\n", 200)}))
	if len(diags) != maxFileDiags+1 || len(tr.Modules["."].Files[0].Diags) != len(diags) {
		t.Fatalf("%d diagnostics, want %d", len(diags), maxFileDiags+1)
	}
	if last := diags[len(diags)-1]; last.Summary != "Too many problems" || !strings.HasPrefix(last.Detail, "179 more") {
		t.Errorf("last is %v", last)
	}
}

func TestLoadEmpty(t *testing.T) {
	for _, text := range []string{"", "\ufeff", "\n", "\r\n", "# c"} {
		m := loadOne(t, "a.tf", text)
		if f := m.Files[0]; f.Broken() || f.Body == nil || len(m.Calls) != 0 {
			t.Errorf("%q: broken %v, body %v", text, f.Broken(), f.Body)
		}
	}
	tr, diags := Load(tree(nil))
	if len(diags) != 0 || len(tr.Modules) != 0 || len(tr.Entries) != 0 || tr.FS == nil {
		t.Errorf("empty tree: %+v, %v", tr, diags)
	}
}

func TestLoadFiles(t *testing.T) {
	tr, diags := Load(tree(map[string]string{
		"a.tf":                    "",
		"a.tofu":                  "",
		"b.tf":                    "",
		"b.tofu.json":             "{}",
		"c.tf.json":               "{}",
		"c.tofu.json":             "{}",
		"override.tf":             "",
		"override.tofu.json":      "{}",
		"x_override.tf.json":      "{}",
		"x_override.tofu":         "",
		"xoverride.tf":            "",
		"terragrunt.hcl":          "",
		"other.hcl":               "{{{",
		"values.tfvars":           "{{{",
		"values.tfvars.json":      "{{{",
		"t.tftest.hcl":            "{{{",
		"x.json":                  "{{{",
		"tf":                      "{{{",
		".hidden.tf":              "{{{",
		".#lock.tf":               "{{{",
		"main.tf~":                "{{{",
		"#main.tf#":               "{{{",
		".tf":                     "{{{",
		"text/readme.md":          "{{{",
		"dir.tf/main.tf":          "",
		".git/main.tf":            "{{{",
		"sub/.git":                "gitdir: elsewhere",
		"sub/.terraform/m/x.tf":   "{{{",
		".terragrunt-cache/x.tf":  "{{{",
		".hiddendir/main.tf":      "",
		"sub/.terraform.lock.hcl": "{{{",
	}))
	if len(diags) != 0 {
		t.Fatal(diags)
	}
	var got []string
	for _, p := range tr.Paths() {
		for _, f := range tr.Modules[p].Files {
			s := f.Path
			if f.Syntax == JSON {
				s += " json"
			}
			if f.Syntax == Terragrunt {
				s += " terragrunt"
			}
			if f.Override {
				s += " override"
			}
			if f.Tofu {
				s += " tofu"
			}
			if f.Twin != "" {
				s += " twin=" + f.Twin
			}
			if f.Real != f.Path {
				s += " real=" + f.Real
			}
			got = append(got, s)
		}
	}
	want := []string{
		"a.tf twin=a.tofu",
		"a.tofu tofu",
		"b.tf",
		"b.tofu.json json tofu",
		"c.tf.json json twin=c.tofu.json",
		"c.tofu.json json tofu",
		"override.tf override",
		"override.tofu.json json override tofu",
		"terragrunt.hcl terragrunt",
		"x_override.tf.json json override",
		"x_override.tofu override tofu",
		"xoverride.tf",
		".hiddendir/main.tf",
		"dir.tf/main.tf",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("files:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !sort.SliceIsSorted(tr.Entries, func(i, j int) bool { return tr.Entries[i].Path < tr.Entries[j].Path }) {
		t.Error("entries are not sorted")
	}
	if n := len(tr.Entries); n != 27 {
		t.Errorf("%d entries, want 27: %v", n, tr.Entries)
	}
	for _, e := range tr.Entries {
		if strings.Contains(e.Path, ".git") || strings.Contains(e.Path, ".terraform/") || strings.Contains(e.Path, "-cache") {
			t.Errorf("entry %s", e.Path)
		}
	}
}

func TestLoadSymlinks(t *testing.T) {
	files := map[string]string{
		"shared/common.tf":     "module \"s\" {\n  source = \"../x\"\n}\n",
		"shared/deep/d.tf":     "",
		"plain.txt":            "",
		".git/config":          "",
		"a/ok.tf":              "-> ../shared/common.tf",
		"a/twice.tf":           "-> ok.tf",
		"a/dots.tf":            "-> .././a/../shared//common.tf",
		"a/throughdir.tf":      "-> dir/deep/../common.tf",
		"a/dir":                "-> ../shared",
		"a/dir.tf":             "-> ../shared",
		"a/dangling.tf":        "-> ../shared/none.tf",
		"a/absolute.tf":        "-> /etc/passwd",
		"a/climbs.tf":          "-> ../../outside.tf",
		"a/climbsback.tf":      "-> ../../a/ok.tf",
		"a/loop1.tf":           "-> loop2.tf",
		"a/loop2.tf":           "-> loop1.tf",
		"a/self.tf":            "-> self.tf",
		"a/git.tf":             "-> ../.git/config",
		"a/below.tf":           "-> ../plain.txt/x.tf",
		"a/notfirst.tf":        "-> none/../ok.tf",
		"a/toabsolute.tf":      "-> abs",
		"a/abs":                "-> /tmp/x.tf",
		"a/data.yaml":          "-> nowhere",
		"rootlink.tf":          "-> shared/common.tf",
		"b/terragrunt.hcl":     "-> ../b.hcl",
		"b.hcl":                "terraform {\n  source = \"../shared\"\n}\n",
		"b/.hidden.tf":         "-> nowhere",
		"b/x.tofu":             "-> ../shared/common.tf",
		"outside-is-not-above": "",
	}
	want := map[string]string{
		"a/ok.tf":          "shared/common.tf",
		"a/twice.tf":       "shared/common.tf",
		"a/dots.tf":        "shared/common.tf",
		"a/throughdir.tf":  "shared/common.tf",
		"rootlink.tf":      "shared/common.tf",
		"b/terragrunt.hcl": "b.hcl",
		"b/x.tofu":         "shared/common.tf",
	}
	warned := "a/absolute.tf a/below.tf a/climbs.tf a/climbsback.tf a/dangling.tf a/git.tf a/loop1.tf a/loop2.tf a/notfirst.tf a/self.tf a/toabsolute.tf"

	// The same on a disk, where os.DirFS would follow every link.
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"outside.tf", "a/ok.tf"} {
		writeFile(t, filepath.Join(dir, name), "module \"stolen\" {\n  source = \"../x\"\n}\n")
	}
	for p, text := range files {
		to := filepath.Join(root, p)
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, to); err != nil {
				t.Fatal(err)
			}
			continue
		}
		writeFile(t, to, text)
	}

	for name, fsys := range map[string]fs.FS{"map": tree(files), "disk": os.DirFS(root)} {
		t.Run(name, func(t *testing.T) {
			tr, diags := Load(fsys)
			got := map[string]string{}
			for _, m := range tr.Modules {
				for _, f := range m.Files {
					if f.Path != f.Real {
						got[f.Path] = f.Real
					}
				}
				for _, c := range m.Calls {
					if c.Name != "s" || c.SourceRange.Filename != c.File.Path || at(c.File, c.SourceRange) != `"../x"` {
						t.Errorf("call %q at %v", c.Name, c.SourceRange)
					}
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("links %v\nwant %v", got, want)
			}
			var names []string
			for _, d := range diags {
				if d.Severity != hcl.DiagWarning {
					t.Errorf("not a warning: %v", d)
				}
				names = append(names, d.Subject.Filename)
			}
			if s := strings.Join(names, " "); s != warned {
				t.Errorf("warned of %s\nwant      %s", s, warned)
			}
			entries := map[string]Entry{}
			for _, e := range tr.Entries {
				entries[e.Path] = e
			}
			for p, text := range files {
				if p == ".git/config" {
					continue
				}
				e, ok := entries[p]
				target, link := strings.CutPrefix(text, "-> ")
				if !link {
					target = ""
				}
				if !ok || e.Target != target || (e.Mode == fs.ModeSymlink) != link || !link && e.Mode != 0 {
					t.Errorf("entry of %s: %+v", p, e)
				}
			}
			if len(tr.Entries) != len(files)-1 {
				t.Errorf("%d entries, want %d", len(tr.Entries), len(files)-1)
			}
		})
	}
}

func writeFile(t *testing.T, p, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLoadNoFile(t *testing.T) {
	m := tree(map[string]string{"a.tf": ""})
	m["sub.tf"] = &fstest.MapFile{Mode: fs.ModeIrregular}
	m["pipe"] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	tr, diags := Load(m)
	want := []Entry{{Path: "a.tf"}, {Path: "pipe", Mode: fs.ModeIrregular}, {Path: "sub.tf", Mode: fs.ModeIrregular}}
	if !reflect.DeepEqual(tr.Entries, want) {
		t.Errorf("entries %+v", tr.Entries)
	}
	if len(diags) != 1 || diags[0].Subject.Filename != "sub.tf" || diags[0].Severity != hcl.DiagWarning {
		t.Errorf("diagnostics %v", diags)
	}
}

// sick is a file system in which some paths cannot be opened, and one file
// never ends.
type sick struct {
	fstest.MapFS
	bad, endless string
}

func (s sick) Open(name string) (fs.File, error) {
	if name == s.bad {
		return nil, &fs.PathError{Op: "open", Path: "/home/user/" + name, Err: fs.ErrPermission}
	}
	f, err := s.MapFS.Open(name)
	if name == s.endless {
		return endless{f}, err
	}
	return f, err
}

func (s sick) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == s.bad {
		return nil, &fs.PathError{Op: "open", Path: "/home/user/" + name, Err: fs.ErrPermission}
	}
	return s.MapFS.ReadDir(name)
}

type endless struct{ fs.File }

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestLoadUnreadable(t *testing.T) {
	files := map[string]string{"a/main.tf": "", "b/main.tf": ""}
	for _, tc := range []struct {
		fsys  fs.FS
		path  string
		files int
		text  string
	}{
		{sick{MapFS: tree(files), bad: "a/main.tf"}, "a/main.tf", 2, "permission denied"},
		{sick{MapFS: tree(files), bad: "a"}, "a", 1, "permission denied"},
		{sick{MapFS: tree(files), endless: "a/main.tf"}, "a/main.tf", 2, "larger than 16 MiB"},
		{tree(map[string]string{"a/main.tf": strings.Repeat("#", maxFileBytes+1), "b/main.tf": ""}), "a/main.tf", 2, "larger than 16 MiB"},
	} {
		tr, diags := Load(tc.fsys)
		if len(diags) != 1 || !diags.HasErrors() || diags[0].Subject.Filename != tc.path || !strings.Contains(diags[0].Detail, tc.text) {
			t.Errorf("%s: diagnostics %v", tc.path, diags)
		}
		if strings.Contains(diags.Error(), "/home/user") {
			t.Errorf("names a path of the machine: %v", diags)
		}
		n := 0
		for _, m := range tr.Modules {
			n += len(m.Files)
		}
		if n != tc.files {
			t.Errorf("%s: %d files, want %d", tc.path, n, tc.files)
		}
		if m := tr.Modules["a"]; m != nil && (!m.Broken() || m.Files[0].Body != nil) {
			t.Errorf("%s: not broken", tc.path)
		}
	}
}

// Everything here would nest the parsers without a limit; a Go stack that is
// full ends the process.
func TestLoadDeep(t *testing.T) {
	rep := strings.Repeat
	const n = 20_000
	for name, text := range map[string]string{
		"brackets":     "x = " + rep("[", n),
		"parentheses":  "x = " + rep("(", n),
		"objects":      "x = " + rep("{a=", n),
		"blocks":       rep("a {\n", n),
		"mismatched":   rep("a {\nx = )\n", n),
		"templates":    "x = " + rep(`"${`, n),
		"directives":   `x = "` + rep(`%{if true}`, n),
		"for":          "x = " + rep("[for a in ", n),
		"calls":        "x = " + rep("f(", n),
		"nots":         "x = " + rep("!", n),
		"minuses":      "x = " + rep("- ", n),
		"conditionals": "x = " + rep("a?b:", n),
		"questions":    "x = " + rep("a ?", n),
		"sums":         "x = " + rep("1+", n) + "1",
		"indices":      "x = a" + rep("[b]", n),
		"splats":       "x = a" + rep("[*]", n),
		"lines in for": "x = {for # c\n a in" + rep("-\n", n),
		"closed":       "x = " + rep("[", n) + rep("]", n),
		"in a comment": "x = [ /* ] */ " + rep("[ # ]\n", n),
		"in a string":  "x = " + rep(`["]",`, n),
		"heredoc":      "x = <<EOT\n" + rep("a\n", 3*n) + "EOT\n",
		"dollars":      "x = \"" + rep("a$", 3*n) + "\"\n",
	} {
		tr, diags := Load(tree(map[string]string{"a.tf": text}))
		f := tr.Modules["."].Files[0]
		if !hasSummary(diags, "Configuration is too complex") || !f.Broken() || f.Body != nil || len(f.Bytes) != len(text) {
			t.Errorf("%s: %.200v", name, diags)
		}
	}
	for name, text := range map[string]string{
		"arrays":           rep("[", n),
		"objects":          rep(`{"a":`, n),
		"closed in string": rep(`["]",`, n),
		"template":         `{"locals": {"a": "` + rep(`\"${`, n) + `"}}`,
		"escaped template": `{"locals": {"a": "${` + rep(`\u005b`, n) + `"}}`,
	} {
		tr, diags := Load(tree(map[string]string{"a.tf.json": text}))
		if f := tr.Modules["."].Files[0]; !hasSummary(diags, "Configuration is too complex") || f.Body != nil {
			t.Errorf("JSON %s: %.200v", name, diags)
		}
	}
}

// What is long and not deep is read.
func TestLoadLong(t *testing.T) {
	rep := strings.Repeat
	for name, text := range map[string]string{
		"list":     "x = [" + rep("[-1, {a = !b}],\n", 4_000) + "]\n",
		"blocks":   rep("a {\n  x = \"${a}%{if b}c%{endif}\" == -1 ? [1] : [2]\n}\n", 5_000),
		"heredoc":  "x = <<EOT\n" + rep("[ ( {\n", 5_000) + "EOT\n",
		"lines":    rep("# c\n", 60_000),
		"comments": rep("# --------------- [[[\n", 20_000),
		"strings":  "x = [" + rep("\"a[-[-[-\",", 4_000) + "]\n",
		"objects":  "x = {\n" + rep("  a = -1\n", 20_000) + "}\n",
	} {
		tr, diags := Load(tree(map[string]string{"a.tf": text}))
		if len(diags) != 0 || tr.Modules["."].Files[0].Body == nil {
			t.Errorf("%s: %.300v", name, diags)
		}
	}
	text := `{"locals": {"a": [` + rep(`{"b": ["[[[", "${a[0]}"]},`, 20_000) + `0]}}`
	if _, diags := Load(tree(map[string]string{"a.tf.json": text})); len(diags) != 0 {
		t.Errorf("JSON: %.300v", diags)
	}
}

func TestLoadTerragrunt(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []string // raw, or ? and the expression; "|" before a branch
	}{
		{`terraform { source = "../modules//x" }`, []string{`"../modules//x"`}},
		{`terraform { source = ("../x") }`, []string{`"../x"`}},
		{`terraform { source = local.l ? "../x" : "git::https://h/x.git?ref=v1" }`, []string{`|"../x"`, `|"git::https://h/x.git?ref=v1"`}},
		{`terraform { source = (a ? ("./x") : b ? "./y" : "${z}") }`, []string{`|"./x"`, `|"./y"`, `|?"${z}"`}},
		{`terraform { source = a ? local.x : "./y" }`, []string{`|?local.x`, `|"./y"`}},
		{`terraform { source = a ? local.x : local.y }`, []string{`|?local.x`, `|?local.y`}},
		{`terraform { source = "${get_repo_root()}//x" }`, []string{`?"${get_repo_root()}//x"`}},
		{`terraform { source = find_in_parent_folders("x") }`, []string{`?find_in_parent_folders("x")`}},
		{"terraform {\n  extra_arguments \"x\" {\n    source = \"../no\"\n  }\n}\n", nil},
		{"include \"root\" {\n  path = \"x\"\n}\nmodule \"no\" {\n  source = \"../no\"\n}\n", nil},
	} {
		m := loadOne(t, "terragrunt.hcl", tc.text)
		var got []string
		for _, s := range m.Terragrunt {
			text := at(s.File, s.Range)
			if s.Static && (`"`+s.Raw+`"` != text || s.Source.String() != s.Raw) {
				t.Errorf("%s: raw %q, source %q at %q", tc.text, s.Raw, s.Source, text)
			}
			if !s.Static {
				text = "?" + text
			}
			if s.Conditional {
				text = "|" + text
			}
			got = append(got, text)
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s:\n%q\nwant %q", tc.text, got, tc.want)
		}
		if len(m.Calls) != 0 {
			t.Errorf("%s: module calls %v", tc.text, m.Calls)
		}
	}
}

func TestEffective(t *testing.T) {
	call := func(name, source, version string) string {
		s := "module \"" + name + "\" {\n"
		if source != "" {
			s += "  source  = \"" + source + "\"\n"
		}
		if version != "" {
			s += "  version = \"" + version + "\"\n"
		}
		return s + "  tag_" + strings.NewReplacer(".", "", "/", "").Replace(source) + " = 1\n}\n"
	}
	tr, diags := Load(tree(map[string]string{
		"main.tf":            call("z", "./z", "") + call("a", "ns/a/aws", "1.0.0"),
		"main.tofu":          call("z", "./tofu", ""),
		"b.tf":               call("b", "./b", "") + call("a2", "./a2", ""),
		"z_override.tf":      call("b", "./last", ""),
		"override.tf":        call("b", "./first", "") + call("nobody", "./n", ""),
		"x_override.tf.json": `{"module": {"a": {"version": "2.0.0"}}}`,
		"y_override.tofu":    call("a", "ns/tofu/aws", ""),
	}))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	dump := func(calls []*Call) string {
		var b strings.Builder
		for _, c := range calls {
			fmt.Fprintf(&b, "%s %s %s in %s", c.Name, c.Raw, c.Version, c.File.Path)
			if at(c.File, c.SourceRange) != `"`+c.Raw+`"` || c.Source.String() != c.Raw {
				fmt.Fprintf(&b, " WRONG RANGE %q", at(c.File, c.SourceRange))
			}
			var names []string
			for name := range c.Attributes {
				names = append(names, name)
			}
			sort.Strings(names)
			fmt.Fprintf(&b, " %v\n", names)
		}
		return b.String()
	}
	before := dump(tr.Modules["."].Calls[:2])
	for tofu, want := range map[bool]string{
		false: `a ns/a/aws 2.0.0 in main.tf [tag_nsaaws]
a2 ./a2  in b.tf [tag_a2]
b ./last  in z_override.tf [tag_b tag_first tag_last]
z ./z  in main.tf [tag_z]
`,
		true: `a2 ./a2  in b.tf [tag_a2]
b ./last  in z_override.tf [tag_b tag_first tag_last]
z ./tofu  in main.tofu [tag_tofu]
`,
	} {
		if got := dump(tr.Modules["."].Effective(tofu)); got != want {
			t.Errorf("tofu %v:\n%s\nwant:\n%s", tofu, got, want)
		}
	}
	if after := dump(tr.Modules["."].Calls[:2]); after != before {
		t.Errorf("Effective changed the module:\n%s\nwas:\n%s", after, before)
	}
}

// TestLoadGolden reads a small monorepo and compares all that Load found. With
// -update-load it rewrites the golden file: read the difference.
func TestLoadGolden(t *testing.T) {
	fsys := os.DirFS("testdata/load/mono")
	tr, diags := Load(fsys)
	got := dumpTree(tr, diags)
	const golden = "testdata/load/mono.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s:\n%s", golden, got)
	}
	for range 20 {
		if again := dumpTree(Load(fsys)); again != got {
			t.Fatal("a second Load gives another result")
		}
	}
	// Two at once do not disturb each other.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if again := dumpTree(Load(fsys)); again != got {
				t.Error("a parallel Load gives another result")
			}
		})
	}
	wg.Wait()
}

func dumpTree(tr *Tree, diags hcl.Diagnostics) string {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	text := func(f *File, r hcl.Range) string {
		return fmt.Sprintf("%s:%d:%d %q", r.Filename, r.Start.Line, r.Start.Column, at(f, r))
	}
	expr := func(f *File, e hcl.Expression) string {
		if e == nil {
			return "-"
		}
		return fmt.Sprintf("%q", at(f, e.Range()))
	}
	for _, e := range tr.Entries {
		p("entry %s %v %s\n", e.Path, e.Mode, e.Target)
	}
	for _, dir := range tr.Paths() {
		m := tr.Modules[dir]
		p("\nmodule %s\n", m.Path)
		for _, f := range m.Files {
			p("  file %s real=%s syntax=%d override=%v tofu=%v twin=%q bytes=%d broken=%v\n", f.Path, f.Real, f.Syntax, f.Override, f.Tofu, f.Twin, len(f.Bytes), f.Broken())
		}
		for _, c := range m.Calls {
			p("  call %s raw=%q static=%v version=%q block=%s\n", c.Name, c.Raw, c.Static, c.Version, text(c.File, c.Block))
			if c.HasSource {
				p("    source %s\n", text(c.File, c.SourceRange))
			}
			var names []string
			for name, a := range c.Attributes {
				names = append(names, name+"="+expr(c.File, a.Expr))
			}
			sort.Strings(names)
			p("    arguments %v\n", names)
		}
		for _, v := range m.Variables {
			p("  variable %s type=%s default=%s nullable=%s description=%q sensitive=%v ephemeral=%v const=%v %s\n", v.Name, expr(v.File, v.Type),
				expr(v.File, v.Default), expr(v.File, v.Nullable), v.Description, v.Sensitive, v.Ephemeral, v.Const, text(v.File, v.Range))
		}
		for _, o := range m.Outputs {
			p("  output %s value=%s description=%q sensitive=%v ephemeral=%v %s\n", o.Name, expr(o.File, o.Value), o.Description, o.Sensitive, o.Ephemeral, text(o.File, o.Range))
		}
		for _, l := range m.Locals {
			p("  local %s=%s %s\n", l.Name, expr(l.File, l.Expr), text(l.File, l.Range))
		}
		for _, r := range m.Resources {
			attrs, _ := r.Body.JustAttributes()
			p("  resource %s %s.%s arguments=%d %s\n", r.Mode, r.Type, r.Name, len(attrs), text(r.File, r.Range))
		}
		for _, r := range m.Providers {
			p("  provider %s alias=%q body=%v %s\n", r.Name, r.Alias, r.Body != nil, text(r.File, r.Range))
		}
		for _, r := range m.RequiredProviders {
			p("  required_provider %s source=%q version=%q aliases=%q %s\n", r.Name, r.Source, r.Version, r.Aliases, text(r.File, r.Range))
		}
		for _, r := range m.RequiredVersions {
			p("  required_version %q %s\n", r.Constraint, text(r.File, r.Range))
		}
		for _, k := range m.Backends {
			p("  backend %s %v computed=%q body=%v %s\n", k.Type, k.Literals, k.Computed, k.Body != nil, text(k.File, k.Range)) // fmt sorts maps
		}
		for _, s := range m.Terragrunt {
			p("  terragrunt raw=%q static=%v conditional=%v %s\n", s.Raw, s.Static, s.Conditional, text(s.File, s.Range))
		}
	}
	p("\n")
	for _, d := range diags {
		p("diagnostic %v: %s\n", d.Severity, d.Error())
	}
	return b.String()
}
