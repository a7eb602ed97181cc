package modules

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// FuzzAddress evaluates any source with any locals. What it says is written in
// a file stands there, and the result is bounded and the same for each way to
// load the tree.
func FuzzAddress(f *testing.F) {
	for _, s := range [][2]string{
		{`"${local.a}//x?ref=${var.c}"`, "a = \"git::https://h/x.git\"\nb = { c = [\"x\"] }"},
		{`join(local.a, [local.b["c"][0], format("%s-%s", local.d, 1), lower("X")])`, "a = \"/\"\nb = { c = [\"x\"] }\nd = local.none"},
		{`replace(trimspace(local.a), "x", "${get_repo_root()}")`, "a = \" x\\n \""},
		{`"${get_repo_root()}//m/${basename(get_terragrunt_dir())}${path_relative_to_include()}"`, "a = local.a"},
		{"<<-E\n  ${local.a}\n  é\n  E", "a = <<E\n$${x}\nE"},
		{`true ? "./a" : local.a`, `a = "%{ if true }x%{ endif }"`},
	} {
		f.Add([]byte(s[0]), []byte(s[1]))
	}
	f.Fuzz(func(t *testing.T, source, locals []byte) {
		text := func(s string) []byte {
			return []byte("locals {\n" + string(locals) + "\n}\nvariable \"c\" {\n  const = true\n  default = \"d\"\n}\n" + s + " {\n  source = " + string(source) + "\n}\n")
		}
		fsys := fstest.MapFS{"u/terragrunt.hcl": {Data: text("terraform")}, "m/main.tf": {Data: text(`module "m"`)}, "j/main.tf.json": {Data: source}}
		addresses(t, fsys)
		g := Load(fsys, nil)
		for _, c := range g.Calls {
			a := g.Address(c)
			static := c.Terragrunt != nil && c.Terragrunt.Static || c.Call != nil && c.Call.Static
			if len(a.Text) > mostAddress+len("../") && !static || len(a.Tail) > mostAddress {
				t.Errorf("%d and %d bytes", len(a.Text), len(a.Tail))
			}
			for _, l := range a.Literals {
				if !fs.ValidPath(l.Path) || l.At < 0 {
					t.Errorf("literal %+v", l)
				}
			}
		}
	})
}
