package install

import (
	"slices"
	"strings"
	"testing"
)

// What we leave is what terraform leaves, for every source that is not left to
// it.
func TestSameAsInit(t *testing.T) {
	b := newBench(t)
	one := b.repo("vpc", "v1.0.0", map[string]string{
		"main.tf": where + call("sub", "./modules/sub") + "output \"sub\" {\n  value = module.sub.where\n}\n", "modules/sub/main.tf": where + call("up", "../up"),
		"modules/up/main.tf": where, "modules/link": "-> up", "run.sh": "#!/bin/sh\n", ".hidden/x": "y", ".env.txt": "z", "only/.hidden": "h", "data/a.txt": "a\r\nb",
		"modules/up/.keep.tf": "not read {", "modules/up/x.tf~": "nor this {", "tpl.txt": "-> data/a.txt", "dangling": "-> nowhere",
	})
	two := b.repo("vpc", "v1.1.0", map[string]string{"extra.tf": "locals {\n  a = 1\n}\n", "unused/calls.tf": call("x", "git::https://127.0.0.1:1/none.git")})
	b.repo("vpc", "mod/v2.0.0", nil)
	b.run(b.dir+"/work/vpc", "git", "push", "-q", "origin", "HEAD:feature/x")
	b.repo("vpc", "", map[string]string{"tip.txt": "t"})
	b.repo("app", "v0.1.0", map[string]string{
		"main.tf": where + call("a_net", b.source("vpc", "//modules/sub?ref=v1.0.0")) + call("net", b.source("vpc", "?ref=v1.0.0")), "linked/main.tf": "-> ../main.tf",
		"json/main.tf.json": `{"module": {"x": {"source": "../plain"}}}`, "plain/a.tf": where,
		"over/main.tf": call("x", "../nowhere"), "over/override.tf": "module \"x\" {\n  source = \"../plain\"\n}\n",
	})
	_ = one
	b.modules["acme/vpc/aws"] = []string{
		"1.0.0 " + b.source("vpc", "?ref=v1.0.0"), "1.1 " + b.source("vpc", "?ref=v1.1.0"), "2.0.0 " + b.source("vpc", "//modules?ref=mod%2Fv2.0.0"), "3.0.0-rc1 " + b.source("vpc", ""),
	}
	bare := "git::file://" + b.dir + "/git/vpc.git"
	stacks := map[string]map[string]string{
		"refs": {"main.tf": call("tag", b.source("vpc", "?ref=v1.0.0")) + call("branch", b.source("vpc", "?ref=feature/x")) + call("head", b.source("vpc", "")) + call("main", b.source("vpc", "?ref=main")) +
			call("commit", b.source("vpc", "?ref="+two)) + call("short", b.source("vpc", "?ref="+two[:9])) + call("slash", b.source("vpc", "?ref=mod/v2.0.0")) + call("tags", b.source("vpc", "?ref=tags/v1.1.0")) +
			call("depth", b.source("vpc", "?depth=1&ref=v1.0.0")) + call("file", bare+"?ref=v1.0.0")},
		"subs": {"main.tf": call("vpc", b.source("vpc", "//modules/sub?ref=v1.0.0")) + call("dot", b.source("vpc", "//./modules//sub/?ref=v1.0.0")) + call("link", b.source("vpc", "//modules/link?ref=v1.1.0")) +
			call("each", b.source("vpc", "?ref=mod/v2.0.0"), `for_each = toset(["a", "b"])`)},
		"twice":  {"main.tf": call("b", b.source("vpc", "?ref=v1.0.0")) + call("a", b.source("vpc", "//modules/up?ref=v1.0.0")) + call("c", b.source("vpc", "?ref=v1.1.0")) + call("d", b.source("vpc", "?ref=v1.0.0"), "count = 2")},
		"each":   {"main.tf": call("vpc", b.source("vpc", "?ref=v1.0.0"), `for_each = toset(["a", "b"])`)},
		"nested": {"main.tf": call("app", b.source("app", "?ref=v0.1.0")) + call("z", b.source("vpc", "?ref=v1.0.0"))},
		"reuse":  {"main.tf": call("z", b.source("app", "?ref=v0.1.0")) + call("a", b.source("vpc", "//modules/up?ref=v1.0.0"))},
		"mixed": {"main.tf": call("linked", b.source("app", "//linked?ref=v0.1.0")) + call("app", b.source("app", "//over?ref=v0.1.0")), "more.tf.json": `{"module": {"app2": {"source": "` + b.source("app", "//json?ref=v0.1.0") + `"}}}`,
			"x_override.tf": "module \"app\" {\n  providers = {}\n}\n"},
		"registry":  {"main.tf": call("vpc", "acme/vpc/aws", `version = "~> 1.0"`) + call("old", "registry.terraform.io/acme/vpc/aws//modules/sub", `version = "1.0.0"`) + call("direct", b.source("vpc", "?ref=v1.0.0"))},
		"registry2": {"main.tf": call("vpc", "reg.example.com/acme/vpc/aws//sub") + call("pre", "reg.example.com/acme/vpc/aws", `version = "3.0.0-rc1"`)},
		"local":     {"main.tf": call("a", "./a") + call("b", "../shared/b/.") + call("c", "./ln"), "a/main.tf": where + call("up", "../../shared/b"), "ln": "-> ../shared/b", "../shared/b/main.tf": where + call("v", b.source("vpc", "?ref=v1.0.0"))},
		"user":      {"main.tf": call("vpc", strings.Replace(b.source("vpc", "?ref=v1.0.0"), "http://", "http://ada:"+"correct-horse-7@", 1))},
		"none":      {"main.tf": "resource \"terraform_data\" \"x\" {}\n"},
	}
	for name, files := range stacks {
		for f, content := range files {
			b.write("root/"+name+"/"+f, content)
		}
	}
	for name := range stacks {
		t.Run(name, func(t *testing.T) {
			c := *b
			c.t = t
			// Plans take their time: of those that differ in what a plan can see.
			plans := slices.Contains([]string{"twice", "nested", "local"}, name)
			cheap, _ := c.both(name, nil, plans)
			if cheap.Initialised != (name == "mixed") { // what they need is not known for certain
				t.Error("terraform init has run, and had nothing to do")
			}
		})
	}
}
