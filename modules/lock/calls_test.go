package lock

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// shut is a file system with a directory and a file that cannot be read.
type shut struct{ fstest.MapFS }

func (s shut) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "shut" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return s.MapFS.ReadDir(name)
}

func (s shut) Open(name string) (fs.File, error) {
	if name == "file/shut.tf" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return s.MapFS.Open(name)
}

func TestRoots(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	git := func(ref string) string { return "git::https://h.example.com/vpc.git?ref=" + ref }
	tree, diags := hclparse.LoadCalls(shut{fstest.MapFS{
		"a/main.tf":          file(module("local", "../b") + module("v1", git("v1"))),
		"a/main_override.tf": file(module("v1", git("v2"))),
		"b/x.tf.json":        file(`{"module": {"reg": {"source": "a/b/c", "version": "~> 1.0"}}}`),
		"b/y_override.tf":    file("module \"reg\" {\n  source  = \"a/b/c\"\n  version = \"1.2.3\"\n}\n"),
		"c/main.tf":          file(module("tf", git("tf"))),
		"c/main.tofu":        file(module("tf", git("tofu"))),
		"ignored/main.tf":    file(module("x", git("ignored"))),
		"tg/terragrunt.hcl":  file("terraform {\n  source = \"" + git("tg") + "\"\n}\n"),
		"tg2/terragrunt.hcl": file("terraform {\n  source = get_env(\"X\")\n}\n"),
		"tg3/terragrunt.hcl": file("terraform {\n  source = \"../b\"\n}\n"),
		"tg4/terragrunt.hcl": file("locals {\n  ref = \"tg4\"\n}\nterraform {\n  source = \"" + git("${local.ref}") + "\"\n}\n"),
		"local/main.tf":      file("locals {\n  base = \"git::https://h.example.com\"\n}\n" + module("x", "${local.base}/vpc.git?ref=local") + module("y", "${local.base}/${var.y}")),
		"e/main.tf":          file("module \"x\" {\n  source  = \"a/b/c\"\n  version = var.v\n}\n"),
		"env.hcl":            file("terraform {\n  source = \"git::https://h.example.com/vpc.git//${path_relative_to_include()}?ref=unit\"\n}\n"),
		"u1/terragrunt.hcl":  file("include \"env\" {\n  path = \"../env.hcl\"\n}\n"),
		"u2/terragrunt.hcl":  file("include \"env\" {\n  path = \"../env.hcl\"\n}\n"),
		"bad/main.tf":        file("module \"x\" {\n  source = \"" + git("half") + "\"\n}\nmodule {\n"),
		"shut/main.tf":       file(module("x", git("never"))),
		"file/shut.tf":       file(module("x", git("never"))),
		"file/link.tf":       {Data: []byte("../../outside.tf"), Mode: fs.ModeSymlink},
	}})
	graph := modules.NewGraph(tree, func(dir string) modules.Role {
		if dir == "ignored" {
			return modules.RoleIgnore
		}
		return ""
	})
	calls, problems := Roots(graph, diags)
	var got []string
	for _, c := range calls {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s:%d %s %s", c.Place.File, c.Place.Line, c.ref(), c.Source.Subdir)))
	}
	want := "a/main_override.tf:2 v2\nb/y_override.tf:2 1.2.3\nbad/main.tf:2 half\nc/main.tf:2 tf\nc/main.tofu:2 tofu\nenv.hcl:2 unit u1\nenv.hcl:2 unit u2\nignored/main.tf:2 ignored\nlocal/main.tf:5 local\ntg/terragrunt.hcl:2 tg\ntg4/terragrunt.hcl:5 tg4"
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("%s", text)
	}
	got = nil
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%s %s:%d", p.Rule, p.Place.File, p.Place.Line))
	}
	want = "unread-call bad/main.tf:4\nunread-call e/main.tf:2\nunread-call file/link.tf:0\nunread-call file/shut.tf:1\nunread-call local/main.tf:9\nunread-call shut:0\nunread-call tg2/terragrunt.hcl:2"
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("%s\n%+v", text, problems)
	}
}

// FuzzAddress: what a source's address is, is its own address, and holds no
// secret that the source has.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"git::https://u:pw@h/x.git//a?ref=v1&depth=1&sshkey=pw", "git@h:a/b.git?ref=x", "github.com/a/b//c", "a/b/c", "git::ssh://u:pw@h:22/x", "git::host:path", "git::", "git::file:///x?token=pw"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := hclparse.ParseSource(raw)
		if err != nil {
			return
		}
		a := Address(s)
		if !canonical(a) {
			return // such a source is refused
		}
		again, err := hclparse.ParseSource(a)
		if err != nil || Address(again) != a || again.Ref != "" || again.Subdir != "" || again.Redacted() != a {
			t.Fatalf("%q: %q", raw, a)
		}
	})
}
