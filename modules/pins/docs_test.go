package pins

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/versions"
)

const usage = "module \"x\" {\n  source = \"git::https://git.example.com/vpc.git?ref=%s\"\n}\n"

func use(ref string) string { return strings.Replace(usage, "%s", ref, 1) }

// Only the refs of fences that can be read change, and never back.
func TestDocs(t *testing.T) {
	fenced := func(ref string) string { return "```hcl\n" + use(ref) + "```\n" }
	for _, c := range []struct{ name, file, text, want string }{
		{"older", "README.md", fenced("v1.0.0"), fenced("v1.2.0")},
		{"in the spelling that it has", "README.md", fenced("tags/v1.0.0"), fenced("tags/v1.2.0")},
		{"two alike", "a/b.MD", fenced("v1.0.0") + "\n" + fenced("v1.1.0"), fenced("v1.2.0") + "\n" + fenced("v1.2.0")},
		{"CRLF", "README.md", strings.ReplaceAll(fenced("v1.0.0"), "\n", "\r\n"), strings.ReplaceAll(fenced("v1.2.0"), "\n", "\r\n")},
		{"no final newline", "README.md", strings.TrimSuffix(fenced("v1.0.0"), "\n"), strings.TrimSuffix(fenced("v1.2.0"), "\n")},
		{"commit and comment", "README.md", "```hcl\nmodule \"x\" {\n  source = \"git::https://git.example.com/vpc.git?ref=" + id("1") + "\" # v1.0.0\n}\n```\n", "```hcl\nmodule \"x\" {\n  source = \"git::https://git.example.com/vpc.git?ref=" + id("3") + "\" # v1.2.0\n}\n```\n"},
		{"newer", "README.md", fenced("V2.0.0"), ""},
		{"branch", "README.md", fenced("main"), ""},
		{"moving tag", "README.md", fenced("v1"), ""},
		{"placeholder", "README.md", fenced("vX.Y.Z"), ""},
		{"another module's", "README.md", fenced("eks/v1.0.0"), ""},
		{"never closed", "README.md", "```hcl\n" + use("v1.0.0"), ""},
		{"does not parse", "README.md", "```hcl\n" + use("v1.0.0") + "}\n```\n", ""},
		{"no HCL", "README.md", "```\n" + use("v1.0.0") + "```\n", ""},
		{"history", "docs/UPGRADE-2.0.md", fenced("v1.0.0"), ""},
		{"history", "ChangeLog.md", fenced("v1.0.0"), ""},
		{"no document", "README.txt", fenced("v1.0.0"), ""},
		{"huge", "README.md", fenced("v1.0.0") + strings.Repeat("x", maxDoc), ""},
		{"odd bytes", "README.md", "\xff\x00\n" + fenced("v1.0.0"), "\xff\x00\n" + fenced("v1.2.0")},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, set := load(t, map[string]string{"main.tf": use("v1.0.0"), c.file: c.text}, nil, true)
			m := set.Modules[0]
			b := Bump{Versions: map[*versions.Module]*versions.Release{m: m.Release("v1.2.0")}}
			moves, skipped := b.Choose(Places(set, nil))
			r, err := tree.Make(moves)
			if err != nil {
				t.Fatal(err)
			}
			r.Add(skipped)
			calls := len(r.Edits)
			if err := tree.Docs(r, Docs{Set: set, To: b.Docs(r)}); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, change := range r.Changes {
				if change.Path == c.file {
					got = string(change.After)
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if calls != 1 || (len(r.Edits) > 1) != (c.want != "") {
				t.Errorf("%d edits of calls, %d of all", calls, len(r.Edits))
			}
		})
	}
}

// Documents of a module of which nothing could be moved stay.
func TestDocsOfWhatStays(t *testing.T) {
	tree, set := load(t, map[string]string{"main.tf": use("main"), "README.md": "```hcl\n" + use("v1.0.0") + "```\n"}, nil, true)
	b := Bump{}
	moves, skipped := b.Choose(Places(set, nil))
	r, err := tree.Make(moves)
	if err != nil {
		t.Fatal(err)
	}
	r.Add(skipped)
	if err := tree.Docs(r, Docs{Set: set, To: b.Docs(r)}); err != nil {
		t.Fatal(err)
	}
	if len(r.Edits) > 0 || len(r.Changes) > 0 || len(r.Skipped) != 1 {
		t.Errorf("%d edits, %d changes, skipped %+v", len(r.Edits), len(r.Changes), r.Skipped)
	}
}

// What is pinned and goes back has the bytes that it had, in every file.
func TestPinningAndBack(t *testing.T) {
	const local = "locals {\n  v = \"v1.1.0\"\n}\nmodule \"a\" {\n  source = \"git::https://git.example.com/vpc.git?ref=${local.v}\"\n}\nmodule \"b\" {\n  source=\"git@git.example.com:vpc?ref=${local.v}\"\n}\n"
	files := map[string]string{
		"main.tf":             use("v1.0.0"),
		"a/main.tf":           strings.ReplaceAll(use("tags/v1.1.0"), "\n", "\r\n"),
		"b/main.tofu":         "\ufeff" + use("1.1.0"),
		"c/main.tf.json":      `{"module":{"x":{"source":"git::https://git.example.com/vpc.git?ref=v1.0.0"}}}`,
		"d/main.tf":           local,
		"e/terragrunt.hcl":    "terraform {\n  source = \"git::https://git.example.com/m.git//dns?ref=dns/v4.0.0\" # the zone\n}",
		"f/main.tf":           "module \"x\" { source = \"git::https://git.example.com/vpc.git?ref=V2.0.0\" }",
		"g/main.tf":           use("v1.2.0-rc1"),
		"h/main.tf":           use("refs/tags/v1.2.0"),
		"README.md":           "> ```hcl\n> module \"x\" {\n>   source = \"git::https://git.example.com/vpc.git?ref=v1.0.0\"\n> }\n> ```",
		"i/main.tf":           use(id("9")),
		"j/main_override.tf":  use("v1.1.0"),
		"j/main.tf":           use("v1.0.0"),
		"k/modules/x/main.tf": "module \"x\" {\n\n\n  source      =   \"git::https://git.example.com/vpc.git?a=b&ref=v1.1.0&c\"\n}\n",
	}
	pass := func(files map[string]string, tags bool) (map[string]string, *Result) {
		tree, set := load(t, files, nil, true)
		n := pinning(tree.Graph, nil, tags)
		moves, skipped := n.Choose(Places(set, nil))
		r, err := tree.Make(moves)
		if err != nil {
			t.Fatal(err)
		}
		r.Add(skipped)
		if err := tree.Docs(r, Docs{Set: set, To: n.Docs()}); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for name, text := range files {
			out[name] = text
		}
		for _, c := range r.Changes {
			out[c.Path] = string(c.After)
		}
		return out, r
	}
	pinned, r := pass(files, false)
	if len(r.Edits) != 13 {
		t.Errorf("%d edits: %+v", len(r.Edits), r.Skipped)
	}
	for name, text := range pinned {
		if name != "i/main.tf" && name != "j/main.tf" && text == files[name] {
			t.Errorf("%s is not pinned", name)
		}
	}
	again, r := pass(pinned, false)
	if len(r.Edits) > 0 || len(again) != len(pinned) {
		t.Errorf("pinned again: %+v", r.Edits)
	}
	back, _ := pass(pinned, true)
	for name, text := range back {
		if text != files[name] {
			t.Errorf("%s: got %q, want %q", name, text, files[name])
		}
	}
}
