package rules

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

// stack makes its directory a stack.
const stack = "provider \"aws\" {}\n"

func TestMixedVersions(t *testing.T) {
	table(t, mixedVersions, []row{
		{
			name:  "an older and a newer one",
			files: stack + named("a", "?ref=v1.9.0", "") + named("b", "?ref=v1.10.0", ""),
			want:  []string{`main.tf:3:48-3:54 Module "a" is at v1.9.0, and the newest in its stack is v1.10.0`},
		},
		{
			name: "one repository in many spellings",
			files: stack + "module \"a\" {\n  source = \"git@h.example:t/vpc.git?ref=v1.0.0\"\n}\nmodule \"b\" {\n  source = \"git::https://h.example/t/vpc?ref=v1.0.1\"\n}\n" +
				"module \"c\" {\n  source = \"git::ssh://git@h.example:2222/t/vpc.git?ref=refs/tags/v1.0.2\"\n}\n",
			want: []string{`main.tf:3:41-3:47 is at v1.0.0, and the newest in its stack is v1.0.2`, `main.tf:6:46-6:52 is at v1.0.1, and the newest in its stack is v1.0.2`},
		},
		{
			name: "through private and shared modules",
			files: "-- live/a/main.tf --\n" + stack + named("x", "?ref=v2.0.0", "") + "module \"p\" {\n  source = \"./p\"\n}\n" +
				"-- live/a/p/main.tf --\nmodule \"s\" {\n  source = \"../../../modules/s\"\n}\n-- modules/s/main.tf --\n" + named("x", "?ref=v1.0.0", "") +
				"-- live/b/main.tf --\n" + stack + "module \"s\" {\n  source = \"../../modules/s\"\n}\n",
			want: []string{`modules/s/main.tf:2:48-2:54 Module "x" is at v1.0.0, and the newest in its stack is v2.0.0`},
		},
		{
			name:  "a registry's versions",
			files: stack + "module \"a\" {\n  source  = \"a/b/aws\"\n  version = \"= 1.2.0\"\n}\nmodule \"b\" {\n  source  = \"registry.terraform.io/a/b/aws\"\n  version = \"1.3.0\"\n}\n",
			want:  []string{`main.tf:4:13-4:22 Module "a" is at = 1.2.0, and the newest in its stack is 1.3.0`},
		},
		{
			name:  "commits with comments",
			files: stack + named("a", "?ref="+commitA, " # v1.2.3") + named("b", "?ref="+commitB, " # 1.2.4") + named("c", "?ref=v1.2.4", ""),
			want:  []string{`main.tf:3:48-3:88 Module "a" is at 1.2.3 (commit aaaaaaaaaaaa), and the newest in its stack is 1.2.4 (commit bbbbbbbbbbbb)`},
		},
		{
			name:  "other commits",
			files: stack + named("a", "?ref="+commitA, "") + named("b", "?ref="+commitB, ""),
			want:  []string{`main.tf:6:48-6:88 Module "b" is at commit bbbbbbbbbbbb, and its stack has commit aaaaaaaaaaaa as well`},
		},
		{
			name:  "other commits beside a tag of which nobody knows where it is",
			files: stack + named("t", "?ref=v1.0.0", "") + named("a", "?ref="+commitA, "") + named("b", "?ref="+commitB, ""),
			want:  []string{`main.tf:9:48-9:88 Module "b" is at commit bbbbbbbbbbbb, and its stack has commit aaaaaaaaaaaa as well`},
		},
		{
			name:  "a commit, and a tag that the lock knows",
			files: stack + named("a", "?ref="+commitA, "") + named("b", "?ref=v1.0.0", ""),
			with:  locked(&lock.Entry{Ref: "v1.0.0", Kind: lock.KindTag, Commit: commitB}),
			want:  []string{`main.tf:3:48-3:88 Module "a" is at commit aaaaaaaaaaaa, and its stack has v1.0.0 as well`},
		},
		{
			name:  "a comment that is known to be stale is not believed",
			files: stack + named("a", "?ref="+commitA, " # v1.2.3") + named("b", "?ref=v1.2.3", ""),
			with:  remote("v1.2.3 "+commitB, "v1.2.2 "+commitA),
			want:  []string{`main.tf:3:48-3:88 Module "a" is at 1.2.2 (commit aaaaaaaaaaaa), and the newest in its stack is v1.2.3`},
		},
		{
			name:  "a tag that the remote does not have is no version",
			files: stack + named("a", "?ref=v1.2.3", "") + named("b", "?ref=v9.9.9", ""),
			with:  remote("v1.2.3 " + commitA),
		},
		{
			name:  "a comment that nothing speaks against is believed",
			files: stack + named("a", "?ref="+commitA, " # v9.0.0") + named("b", "?ref=v1.2.3", ""),
			with:  remote("v1.2.3 " + commitB),
			want:  []string{`main.tf:6:48-6:54 Module "b" is at v1.2.3, and the newest in its stack is 9.0.0 (commit aaaaaaaaaaaa)`},
		},
		{
			name:  "another prefix",
			files: stack + named("a", "//vpc?ref=vpc-1.0.0", "") + named("b", "//vpc?ref=v2.0.0", ""),
			want:  []string{`main.tf:3:53-3:62 Module "a" is at vpc-1.0.0, and its stack has v2.0.0 as well`},
		},
		{
			name:  "in JSON",
			files: "-- main.tf.json --\n{\"provider\": {\"aws\": {}}, \"module\": {\"x\": {\"source\": \"git::https://h.example/vpc.git?ref=v1.0.0\"}}}\n-- b.tf --\n" + named("b", "?ref=v1.0.1", ""),
			want:  []string{`main.tf.json:1:90-1:96 Module "x" is at v1.0.0, and the newest in its stack is v1.0.1`},
		},
		{
			name:  "OpenTofu's twin beside another file",
			files: "-- a.tf --\n" + stack + named("a", "?ref=v1.0.0", "") + "-- a.tofu --\n" + stack + named("a", "?ref=v2.0.0", "") + "-- b.tf --\n" + named("b", "?ref=v1.0.0", ""),
			want:  []string{`b.tf:2:48-2:54 Module "b" is at v1.0.0, and the newest in its stack is v2.0.0`},
		},
		{
			name:  "twice the same, and the same in other words",
			files: stack + named("a", "?ref=v1.0.0", "") + named("b", "?depth=1&ref=v1.0.0", "") + named("c", "?ref=refs/tags/v1.0.0", "") + named("d", "?ref=tags/v1.0.0", "") + named("e", "?ref="+commitA, " # v1.0.0"),
		},
		{
			name:  "with and without v, at one commit or nobody knows",
			files: stack + named("a", "?ref=v1.0.0", "") + named("b", "?ref=1.0.0", ""),
		},
		{
			name:  "with and without v, at two commits",
			files: stack + named("a", "?ref=v1.0.0", "") + named("b", "?ref=1.0.0", ""),
			with:  remote("v1.0.0 "+commitA, "1.0.0 "+commitB),
			want:  []string{`main.tf:6:48-6:53 Module "b" is at 1.0.0, and its stack has v1.0.0 as well`},
		},
		{
			name:  "a commit without a comment, and a tag: nobody knows",
			files: stack + named("a", "?ref="+commitA, "") + named("b", "?ref=v1.0.0", ""),
		},
		{
			name:  "two stacks, each with its own",
			files: "-- a/main.tf --\n" + stack + named("a", "?ref=v1.0.0", "") + "-- b/main.tf --\n" + stack + named("a", "?ref=v2.0.0", ""),
		},
		{
			name:  "a stack inside a stack is another",
			files: "-- a/main.tf --\n" + stack + named("a", "?ref=v1.0.0", "") + "-- a/b/main.tf --\n" + stack + named("a", "?ref=v2.0.0", ""),
		},
		{
			name:  "two modules of one repository",
			files: stack + named("a", "//vpc?ref=v1.0.0", "") + named("b", "//eks?ref=v2.0.0", ""),
		},
		{
			name:  "branches, no ref and ranges move by themselves",
			files: stack + named("a", "?ref=main", "") + named("b", "", "") + named("c", "?ref=v1.0.0", "") + "module \"r\" {\n  source  = \"a/b/aws\"\n  version = \"~> 1.0\"\n}\nmodule \"s\" {\n  source  = \"a/b/aws\"\n  version = \"1.5.0\"\n}\n",
		},
		{
			name:  "the branches of a conditional",
			files: "-- u/terragrunt.hcl --\nterraform {\n  source = local.x ? \"git::https://h.example/vpc.git?ref=v1.0.0\" : \"git::https://h.example/vpc.git?ref=v2.0.0\"\n}\n",
		},
		{
			name:  "an override takes the place of the first source",
			files: "-- main.tf --\n" + stack + named("a", "?ref=v1.0.0", "") + named("b", "?ref=v2.0.0", "") + "-- override.tf --\n" + named("a", "?ref=v2.0.0", ""),
		},
		{
			name:  "an example may show two",
			files: "-- examples/x/main.tf --\n" + named("a", "?ref=v1.0.0", "") + named("b", "?ref=v2.0.0", ""),
		},
	})
}

func TestMixedVersionsRelated(t *testing.T) {
	in := input("-- a/main.tf --\n" + stack + named("a", "?ref=v1.0.0", "") + named("b", "?ref=v2.0.0", "") + "-- a/z.tf --\n" + named("c", "?ref=v2.0.0", ""))
	found := lint.Run(in, []*lint.Rule{mixedVersions})
	if len(found) != 1 || len(found[0].Related) != 1 {
		t.Fatal(found)
	}
	if r := found[0].Related[0]; r.Range.Filename != "a/main.tf" || r.Range.Start.Line != 6 || r.Text != "the call with v2.0.0" {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(found[0].Detail, "the stack a ") {
		t.Error(found[0].Detail)
	}
}
