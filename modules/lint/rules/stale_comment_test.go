package rules

import (
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

func TestStaleComment(t *testing.T) {
	atA := func(tags ...string) func(*lint.Input) {
		return locked(&lock.Entry{Ref: commitA, Kind: lock.KindCommit, Commit: commitA, Tags: tags})
	}
	table(t, staleComment, []row{
		{
			name:  "an ignore of another rule behind it",
			files: named("a", "?ref=v1.2.3", " # v1.2.4 # terrier:ignore mixed-versions why"),
			want:  []string{`main.tf:2:58-2:64 The comment says v1.2.4, the ref is v1.2.3`},
			fixed: named("a", "?ref=v1.2.3", " # v1.2.3 # terrier:ignore mixed-versions why"),
		},
		{
			name:  "the lock knows the commit's tag",
			files: named("a", "?ref="+commitA, " # v1.2.2"),
			with:  atA("v1.2.3"),
			want:  []string{`main.tf:2:92-2:98 The comment says v1.2.2, the commit is v1.2.3`},
			fixed: named("a", "?ref="+commitA, " # v1.2.3"),
		},
		{
			name:  "the remote knows more than the lock",
			files: named("a", "?ref="+commitA, " # v1.2.2"),
			with:  with(atA("v1.2.2"), remote("v1.2.2 "+commitB, "v1.2.3 "+commitA)),
			want:  []string{`main.tf:2:92-2:98 The comment says v1.2.2, the commit is v1.2.3`},
			fixed: named("a", "?ref="+commitA, " # v1.2.3"),
		},
		{
			name:  "a tag, which nobody has to ask about",
			files: named("a", "?ref=v1.2.3", "   #  v1.2.2  "),
			want:  []string{`main.tf:2:61-2:67 The comment says v1.2.2, the ref is v1.2.3`},
			fixed: named("a", "?ref=v1.2.3", "   #  v1.2.3  "),
		},
		{
			name:  "the style stays: no v, CRLF, two slashes",
			files: "module \"a\" {\r\n  source = \"git::https://h.example/vpc.git?ref=" + commitA + "\" //1.2.2\r\n}\r\n",
			with:  atA("v1.2.3"),
			want:  []string{`main.tf:2:92-2:97 The comment says 1.2.2, the commit is v1.2.3`},
			fixed: "module \"a\" {\r\n  source = \"git::https://h.example/vpc.git?ref=" + commitA + "\" //1.2.3\r\n}\r\n",
		},
		{
			name:  "the style stays: the module's prefix",
			files: named("a", "//vpc?ref="+commitA, " # vpc/v1.2.2"),
			with:  atA("vpc/v1.2.3", "eks/v7.0.0"),
			want:  []string{`main.tf:2:97-2:107 The comment says vpc/v1.2.2, the commit is vpc/v1.2.3`},
			fixed: named("a", "//vpc?ref="+commitA, " # vpc/v1.2.3"),
		},
		{
			name:  "a comment without prefix, a tag with one",
			files: named("a", "//vpc?ref="+commitA, " # 1.2.2"),
			with:  atA("vpc/v1.2.3"),
			want:  []string{`main.tf:2:97-2:102 The comment says 1.2.2, the commit is vpc/v1.2.3`},
			fixed: named("a", "//vpc?ref="+commitA, " # 1.2.3"),
		},
		{
			name:  "two tags that may be meant: no fix",
			files: named("a", "?ref="+commitA, " # v1.2.2"),
			with:  atA("v1.2.3", "v1.3.0"),
			want:  []string{`main.tf:2:92-2:98 The comment says v1.2.2, the commit is v1.2.3 and v1.3.0`},
		},
		{
			name:  "one version in two spellings: one fix",
			files: named("a", "?ref="+commitA, " # v1.2.2"),
			with:  atA("1.2.3", "v1.2.3"),
			want:  []string{`main.tf:2:92-2:98 the commit is 1.2.3 and v1.2.3`},
			fixed: named("a", "?ref="+commitA, " # v1.2.3"),
		},
		{
			name:  "no release at the commit, and the one of the comment is at another",
			files: named("a", "?ref="+commitA, " # v1.2.2"),
			with:  remote("v1.2.2 "+commitB, "refs/heads/main "+commitA),
			want:  []string{`main.tf:2:92-2:98 The comment says v1.2.2, which is another commit`},
		},
		{
			name:  "in terragrunt",
			files: "-- b/terragrunt.hcl --\nterraform {\n  source = \"git::https://h.example/vpc.git//x?ref=v2.0.0\" # v1.9.0\n}\n",
			want:  []string{`b/terragrunt.hcl:2:61-2:67 The comment says v1.9.0, the ref is v2.0.0`},
			fixed: "terraform {\n  source = \"git::https://h.example/vpc.git//x?ref=v2.0.0\" # v2.0.0\n}\n",
		},
		{
			name: "right: as it is, without v, with the module's name, with a pre-release, one of several",
			files: named("a", "?ref="+commitA, " # v1.2.3") + named("b", "?ref="+commitA, " # 1.2.3") + named("c", "?ref="+commitA, " # vpc-v1.2.3") +
				named("d", "?ref="+commitB, " # v2.0.0-rc.1") + named("e", "?ref="+commitB, " # v2.0.0"),
			with: remote("v1.2.3 "+commitA, "v2.0.0-rc.1 "+commitB, "v2.0.0 "+commitB),
		},
		{
			name:  "right: a tag with its module before it",
			files: named("a", "//vpc?ref=vpc/v1.2.3", " # v1.2.3") + named("b", "?ref=tags/1.2.3", " # v1.2.3") + named("c", "?ref=refs/tags/v1.2.3", " # 1.2.3"),
		},
		{
			name:  "nothing is known",
			files: named("a", "?ref="+commitA, " # v1.2.3"),
		},
		{
			name:  "the lock knows no tag: there may have been none, or a newer one",
			files: named("a", "?ref="+commitA, " # v1.2.3"),
			with:  atA(),
		},
		{
			name:  "a comment that is more than a version, or of something else",
			files: named("a", "?ref="+commitA, " # since v1.2.2") + named("b", "?ref=v1.2.3", " # terraform-1.5.0") + named("c", "?ref="+commitA, " # terraform-1.5.0"),
			with:  atA("v1.2.3"),
		},
		{
			name:  "a repository of many modules: another one's release is at the commit",
			files: named("a", "//vpc?ref="+commitA, " # v1.2.3"),
			with:  remote("eks/v7.0.0 " + commitA),
		},
		{
			name:  "a release that the remote does not have",
			files: named("a", "?ref="+commitA, " # v1.2.3"),
			with:  remote("v1.0.0 " + commitB),
		},
		{
			name:  "a registry's version is in its argument",
			files: "module \"a\" {\n  source  = \"a/b/aws\" # v1.2.3\n  version = \"1.2.4\"\n}\n",
		},
		{
			name:  "JSON has no comments",
			files: "-- main.tf.json --\n{\"module\": {\"x\": {\"source\": \"git::https://h.example/vpc.git?ref=v1.0.0\", \"//\": \"v1.2.3\"}}}\n",
		},
	})
}
