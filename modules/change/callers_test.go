package change

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// The calls of one graph: of the module, of a submodule that goes, of one that
// has another place, by terragrunt, and in a file that does not parse.
func TestCallers(t *testing.T) {
	fsys := fstest.MapFS{}
	for name, text := range map[string]string{
		"live/a/main.tf":        "module \"m\" {\n  source = \"git::https://git.example.com/m.git\"\n  x      = 1\n}\nmodule \"gone\" {\n  source = \"git::https://git.example.com/m.git//modules/gone\"\n}\n",
		"live/b/main.tf":        "module \"old\" {\n  source = \"git::ssh://git@git.example.com/m//modules/old\"\n}\nmodule \"other\" {\n  source = \"git::https://git.example.com/n.git\"\n}\n",
		"live/b/broken.tf":      "locals {",
		"live/c/terragrunt.hcl": "terraform {\n  source = \"git::https://git.example.com/m.git\"\n}\ninputs = {\n  x = 1\n}\n",
		"live/d/main.tf":        "module \"new\" {\n  source = \"git::https://git.example.com/m.git//modules/never\"\n}\n",
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	load := func(files map[string]string) *Version {
		fsys := fstest.MapFS{}
		for name, text := range files {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
		v, diags := Load(fsys, ".")
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		return v
	}
	three := output1("one") + output1("two") + output1("three")
	old := load(map[string]string{"main.tf": body("x", "default = 1"), "modules/gone/main.tf": output1("g"), "modules/old/main.tf": three})
	new := load(map[string]string{"main.tf": "", "modules/new/main.tf": three})
	module, err := hclparse.ParseSource("git::https://git.example.com/m.git?ref=v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	tree, _ := hclparse.LoadCalls(fsys)
	graph := modules.NewGraph(tree, nil)
	var calls []Called
	for _, c := range graph.Calls {
		if sub, ok := SubmoduleOf(c.Source(), module); ok {
			calls = append(calls, Called{c, sub})
		}
	}
	callers := NewCallers(graph)
	want := []string{
		`live/a/main.tf:3 m module "m" passes x, which is gone`,
		`live/a/main.tf:6 gone module "gone" calls the submodule modules/gone, which is gone`,
		`live/b/main.tf:2 old module "old" calls the submodule modules/old, which is now modules/new`,
		`live/c/terragrunt.hcl:5 terraform the unit passes x, which is gone`,
	}
	for range 2 { // what is loaded serves again
		breaks, unread := callers.Breaks(append(calls, calls...), old, new)
		var got []string
		for _, b := range breaks {
			got = append(got, fmt.Sprintf("%s:%d %s %s", b.File, b.Line, b.Call, b.Summary))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if fmt.Sprint(unread) != "[live/b/broken.tf]" {
			t.Errorf("unread %q", unread)
		}
	}
	if breaks, _ := callers.Breaks(calls, old, old); len(breaks) > 0 {
		t.Errorf("nothing changed: %v", breaks)
	}
}

func TestSubmoduleOf(t *testing.T) {
	for _, c := range []struct {
		source, module, want string
		ok                   bool
	}{
		{"git::https://git.example.com/m.git//a/b?ref=v1", "git@git.example.com:m.git", "a/b", true},
		{"git::https://git.example.com/m.git//a/b", "git::https://git.example.com/m.git//a", "b", true},
		{"git::https://git.example.com/m.git//a", "git::https://git.example.com/m.git//a", ".", true},
		{"git::https://git.example.com/m.git", "git::https://git.example.com/m.git//a", "", false},
		{"git::https://git.example.com/m.git//ab", "git::https://git.example.com/m.git//a", "", false},
		{"git::https://git.example.com/n.git", "git::https://git.example.com/m.git", "", false},
		{"a/b/c//x", "registry.terraform.io/a/b/c", "x", true},
		{"./a", "./a", "", false},
	} {
		s, err1 := hclparse.ParseSource(c.source)
		m, err2 := hclparse.ParseSource(c.module)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if got, ok := SubmoduleOf(s, m); got != c.want || ok != c.ok {
			t.Errorf("%s of %s: %q, %v", c.source, c.module, got, ok)
		}
	}
}
