package fingerprint

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const small = `{"format_version":"1.2","planned_values":{},"configuration":{}}`

func TestMakeRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		json string
		c    Context
		key  []byte
		want string
	}{
		"no key":                  {small, plainContext, nil, "has 0 bytes"},
		"a short key":             {small, plainContext, key[1:], "has 31 bytes"},
		"no terraform":            {small, Context{Configuration: "c", Files: "f"}, key, "needs the version of terraform"},
		"no configuration":        {small, Context{Terraform: "t", Files: "f"}, key, "needs the digest of the configuration"},
		"no files":                {small, Context{Terraform: "t", Configuration: "c"}, key, "the files that the configuration reads"},
		"empty":                   {"", plainContext, key, "not JSON"},
		"a list":                  {"[]", plainContext, key, "format_version"},
		"no format":               {`{"planned_values":{},"configuration":{}}`, plainContext, key, "format_version"},
		"a format to come":        {strings.Replace(small, "1.2", "2.0", 1), plainContext, key, "format_version"},
		"a format that is like 1": {strings.Replace(small, "1.2", "11.2", 1), plainContext, key, "format_version"},
		"a state":                 {`{"format_version":"1.0","terraform_version":"1.11.4","values":{"root_module":{}}}`, plainContext, key, "not that of a plan"},
		"a key twice":             {`{"format_version":"1.2","planned_values":{},"configuration":{},"configuration":{}}`, plainContext, key, "a key twice"},
		"two documents":           {small + small, plainContext, key, "not JSON"},
		"not UTF-8":               {strings.Replace(small, "1.2", "1.\xff", 1), plainContext, key, "not UTF-8"},
		"half a surrogate":        {strings.Replace(small, "1.2", `1.\uDc00`, 1), plainContext, key, "surrogate"},
		"deep":                    {`{"format_version":"1.2","planned_values":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `,"configuration":{}}`, plainContext, key, "levels deep"},
	} {
		d, err := Make([]byte(test.json), test.c, test.key)
		if err == nil || d != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An escaped backslash before ud800 is a text of the user's.
	if _, err := Make([]byte(strings.Replace(small, "{}", `{"outputs":{"\\ud800":{}}}`, 1)), plainContext, key); err != nil {
		t.Error(err)
	}
}

// Each field of the context counts, and is said.
func TestContextCounts(t *testing.T) {
	full := Context{Terraform: "terraform 1.11.4", Backend: "b", Workspace: "w", Account: "1", LockFile: "l", Configuration: "c", Files: "f",
		Modules: []Module{{"git::https://git.example.com/vpc.git", "sub", "v1.0.0", strings.Repeat("a", 40)}, {Source: "a/b/c", Ref: "1.0.0"}}}
	base := made(t, []byte(small), full)
	for want, change := range map[string]func(c *Context){
		`terraform was "terraform 1.11.4", is "tofu 1.11.4"`: func(c *Context) { c.Terraform = "tofu 1.11.4" },
		"the backend differs":                                func(c *Context) { c.Backend = "x" },
		`workspace was "w", is "default"`:                    func(c *Context) { c.Workspace = "" },
		`account was "1", is "2"`:                            func(c *Context) { c.Account = "2" },
		"the provider lock file differs":                     func(c *Context) { c.LockFile = "" },
		"the text of the configuration differs":              func(c *Context) { c.Configuration = "x" },
		"the files that the configuration can read differ":   func(c *Context) { c.Files = "x" },
		`module git::https://git.example.com/vpc.git//sub was "v1.0.0 aaaaaaaaaaaa", is "v1.0.1 aaaaaaaaaaaa"`: func(c *Context) { c.Modules[0].Ref = "v1.0.1" },
		`module git::https://git.example.com/vpc.git//sub was "v1.0.0 aaaaaaaaaaaa", is "v1.0.0 bbbbbbbbbbbb"`: func(c *Context) { c.Modules[0].Commit = strings.Repeat("b", 40) },
		`module a/b/c was "1.0.0", is not set`:                                                    func(c *Context) { c.Modules = c.Modules[:1] },
		`module a/b/c//x was not set, is "1.0.0"` + "\n" + `module a/b/c was "1.0.0", is not set`: func(c *Context) { c.Modules[1].Subdir = "x" },
	} {
		c := full
		c.Modules = slices.Clone(full.Modules)
		change(&c)
		d := made(t, []byte(small), c)
		lines := Diff(base, d)
		wanted := strings.Split(want, "\n")
		slices.Sort(wanted)
		if d := cmp.Diff(wanted, lines); d != "" || base.Sum() == made(t, []byte(small), c).Sum() {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	// The order of the modules, and how often one is called, do not.
	c := full
	c.Modules = []Module{full.Modules[1], full.Modules[0], full.Modules[1]}
	if made(t, []byte(small), c).Sum() != base.Sum() {
		t.Error("the order of modules counts")
	}
	c.Workspace = "default"
	d := c
	d.Workspace = ""
	if made(t, []byte(small), c).Sum() != made(t, []byte(small), d).Sum() {
		t.Error("default is not the default")
	}
	data, _ := base.MarshalJSON()
	for _, digest := range []string{`"b"`, `"l"`, `"c"`, `"f"`} {
		if bytes.Contains(data, []byte(digest)) {
			t.Errorf("the digest %s is in the clear", digest)
		}
	}
	// Credentials in a source count, and are not shown.
	c = full
	c.Modules = []Module{{Source: "git::https://user:hunter22@git.example.com/vpc.git?sshkey=hunter33"}}
	one := made(t, []byte(small), c)
	c.Modules = []Module{{Source: "git::https://user:hunter44@git.example.com/vpc.git?sshkey=hunter33"}}
	two := made(t, []byte(small), c)
	data, _ = one.MarshalJSON()
	out := string(data) + strings.Join(Diff(one, base), "\n") + strings.Join(Diff(one, two), "\n")
	if one.Sum() == two.Sum() || strings.Contains(out, "hunter") || len(Diff(one, two)) != 1 {
		t.Error(out)
	}
}

func TestDocumentIsReadBack(t *testing.T) {
	d := made(t, rich(t), plainContext)
	data, err := d.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Read(append(data, '\n'))
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	spaced, err := Read(indented.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	viaJSON, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	escaped, err := Read(viaJSON)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*Document{back, spaced, escaped} {
		if r.Sum() != d.Sum() || len(Diff(d, r)) != 0 {
			t.Errorf("%q", Diff(d, r))
		}
	}
	if !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(d.Sum()) {
		t.Error(d.Sum())
	}
	for _, bad := range []string{"", "null", "{}", `{"format_version":"2.0","key":"k","context":{},"plan":{}}`, `{"format_version":"1.0","key":"k","context":{}}`,
		`{"format_version":"1.0","key":"","context":{},"plan":{}}`, `{"format_version":"1.0","key":"k","context":[],"plan":{}}`} {
		if _, err := Read([]byte(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	// A newer one of the same major version may have more: it counts, and is said.
	more, err := Read(bytes.Replace(data, []byte(`"format_version":"1.0","key"`), []byte(`"format_version":"1.0","hints":["x"],"key"`), 1))
	if err != nil {
		t.Fatal(err)
	}
	if lines := Diff(d, more); more.Sum() == d.Sum() || len(lines) != 1 {
		t.Errorf("%q", lines)
	}
}

func TestKeys(t *testing.T) {
	other := bytes.Repeat([]byte("o"), MinKey)
	a := made(t, rich(t), plainContext)
	b, err := Make(rich(t), plainContext, other)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"the two were made under different keys: what is sensitive cannot be compared"}
	if d := cmp.Diff(want, Diff(a, b)); d != "" || a.Sum() == b.Sum() {
		t.Error(d)
	}
	data, _ := a.MarshalJSON()
	if bytes.Contains(data, key[:8]) {
		t.Error("the key is in the document")
	}
}

// README.md lists what does not count: all of it, and nothing else.
func TestReadmeListsTheVolatile(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(data), "## Left out\n")
	part, _, ok2 := strings.Cut(rest, "\n## ")
	if !ok || !ok2 {
		t.Fatal("README.md has no such part")
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(/[a-z_/]+)` \\|").FindAllStringSubmatch(part, -1) {
		listed = append(listed, m[1])
	}
	if d := cmp.Diff(Volatile, listed); d != "" {
		t.Errorf("(-code +README.md):\n%s", d)
	}
}

func TestConfiguration(t *testing.T) {
	archive := func(files ...string) []byte {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		for i := 0; i < len(files); i += 2 {
			f, err := w.Create(files[i])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte(files[i+1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	sum := func(files ...string) string {
		s, err := Configuration(archive(files...))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	base := sum("tfplan", "1", "tfstate", "1", "tfstate-prev", "1", "tfconfig/m-/main.tf", "x", "tfconfig/modules.json", "[]")
	if base != sum("tfconfig/modules.json", "[]", "tfplan", "2", "tfstate", "2", "tfstate-prev", "2", ".terraform.lock.hcl", "l", "tfconfig/m-/main.tf", "x") {
		t.Error("order, plan, state or lock file count")
	}
	for name, other := range map[string]string{
		"content":     sum("tfconfig/m-/main.tf", "y", "tfconfig/modules.json", "[]"),
		"name":        sum("tfconfig/m-/main2.tf", "x", "tfconfig/modules.json", "[]"),
		"gone":        sum("tfconfig/m-/main.tf", "x"),
		"more":        sum("tfconfig/m-/main.tf", "x", "tfconfig/modules.json", "[]", "tfconfig/m-a/main.tf", ""),
		"newer parts": sum("tfconfig/m-/main.tf", "x", "tfconfig/modules.json", "[]", "tfnew", "1"),
		"swapped":     sum("tfconfig/m-/main.tf", "[]", "tfconfig/modules.json", "x"),
	} {
		if other == base {
			t.Errorf("%s does not count", name)
		}
	}
	for name, file := range map[string][]byte{"no zip": []byte("x"), "no configuration": archive("tfplan", "x"), "twice": archive("tfconfig/a", "x", "tfconfig/a", "y")} {
		if s, err := Configuration(file); err == nil {
			t.Errorf("%s: %s", name, s)
		}
	}
	one, err := LockFile(archive(".terraform.lock.hcl", "a"))
	two, err2 := LockFile(archive(".terraform.lock.hcl", "b"))
	none, err3 := LockFile(archive("tfplan", "b"))
	if err != nil || err2 != nil || err3 != nil || one == two || one == "" || none != "" {
		t.Error(one, two, none, err, err2, err3)
	}
}

func TestFiles(t *testing.T) {
	fsys := fstest.MapFS{"a": {Data: []byte("1")}, "b": {Data: []byte("2")}, "c": {Data: []byte("1")}, "d/e": {Data: []byte("1")}}
	seen := map[string]string{}
	for _, names := range [][]string{nil, {"a"}, {"b"}, {"c"}, {"a", "b"}, {"a", "c"}, {"d/e"}} {
		s, err := Files(fsys, names)
		if err != nil || s == "" {
			t.Fatal(err)
		}
		if other, twice := seen[s]; twice {
			t.Errorf("%v and %s are one", names, other)
		}
		seen[s] = strings.Join(names, " ")
	}
	one, _ := Files(fsys, []string{"a", "b"})
	two, _ := Files(fsys, []string{"b", "a", "b"})
	if one != two {
		t.Error("the order counts")
	}
	for _, bad := range []string{"x", "d", "../a"} {
		if _, err := Files(fsys, []string{bad}); err == nil {
			t.Errorf("%s is a file", bad)
		}
	}
}

// Nothing that is JSON makes Make, Read or Diff panic, and a document is read
// back as what it was.
func FuzzMake(f *testing.F) {
	data, err := os.ReadFile("testdata/rich.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, []byte(small))
	f.Add([]byte(small), []byte(`{"format_version":"1.2","planned_values":{"root_module":[]},"configuration":{"root_module":{"module_calls":{"a":1}}},"resource_changes":[null,{"change":[]},{"address":{},"change":{"after":{"a":[1]},"after_sensitive":{"a":{"b":true}}}}],"output_changes":[],"checks":{"a":1},"variables":[1]}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		old, err := Make(a, plainContext, key)
		if err != nil {
			return
		}
		saved, _ := old.MarshalJSON()
		back, err := Read(saved)
		if err != nil || back.Sum() != old.Sum() {
			t.Fatalf("not read back: %v", err)
		}
		new, err := Make(b, plainContext, key)
		if err != nil {
			return
		}
		lines := Diff(old, new)
		if (len(lines) == 0) != (old.Sum() == new.Sum()) || len(lines) > MaxLines {
			t.Fatalf("%d lines", len(lines))
		}
		for _, l := range lines {
			if len([]rune(l)) > 10*maxLine || strings.ContainsAny(l, "\n\r\x1b\x00") {
				t.Fatalf("%q", l)
			}
		}
	})
}
