package rules

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

func TestUnknownRef(t *testing.T) {
	v1 := remote("v1.0.0 "+commitA, "V4.5.0 "+commitB, "vpc/v1.0.0 "+commitA, "refs/heads/v3.0.0 "+commitC)
	table(t, unknownRef, []row{
		{
			name:  "no such tag",
			files: named("a", "?ref=v1.0.1", ""),
			with:  v1,
			want:  []string{`main.tf:2:48-2:54 "v1.0.1" is no tag there`},
		},
		{
			name:  "a tag in another case, and without its v",
			files: named("a", "?ref=v4.5.0", "") + named("b", "?ref=1.0.0", ""),
			with:  v1,
			want:  []string{`main.tf:2:48-2:54 "v4.5.0" is no tag there`, `main.tf:5:48-5:53 "1.0.0" is no tag there`},
		},
		{
			name:  "a branch that reads as a release",
			files: named("a", "?ref=v3.0.0", ""),
			with:  v1,
			want:  []string{`main.tf:2:48-2:54 "v3.0.0" is a branch there, not a tag`},
		},
		{
			name:  "the lock knows that it is a branch",
			files: named("a", "?ref=v3.0.0", ""),
			with:  locked(&lock.Entry{Ref: "v3.0.0", Kind: lock.KindBranch, Commit: commitA}),
			want:  []string{`main.tf:2:48-2:54 "v3.0.0" was a branch when it was locked, not a tag`},
		},
		{
			name:  "git clone --branch has no such tag",
			files: named("a", "?ref=tags/v1.0.0&depth=1", ""),
			with:  v1,
			want:  []string{`main.tf:2:48-2:59 With depth, "tags/v1.0.0" is no tag there`},
		},
		{
			name:  "in terragrunt and JSON",
			files: "-- b/terragrunt.hcl --\nterraform {\n  source = \"git::https://h.example/vpc.git//x?ref=v9.0.0\"\n}\n-- c/main.tf.json --\n{\"module\": {\"x\": {\"source\": \"git::https://h.example/vpc.git?ref=v9.0.0\"}}}\n",
			with:  v1,
			want:  []string{`b/terragrunt.hcl:2:51-2:57 "v9.0.0" is no tag there`, `c/main.tf.json:1:65-1:71 "v9.0.0" is no tag there`},
		},
		{
			name:  "tags that are there, however they are written",
			files: named("a", "?ref=v1.0.0", "") + named("b", "?ref=V4.5.0", "") + named("c", "?ref=tags/v1.0.0", "") + named("d", "?ref=refs/tags/v1.0.0", "") + named("e", "?depth=1&ref=v1.0.0", "") + named("f", "//vpc?ref=vpc/v1.0.0", ""),
			with:  v1,
		},
		{
			name:  "a full commit that no ref points to",
			files: named("a", "?ref=dddddddddddddddddddddddddddddddddddddddd", ""),
			with:  v1,
		},
		{
			name:  "a branch that reads as one is branch-ref's",
			files: named("a", "?ref=mian", ""),
			with:  v1,
		},
		{
			name:  "another repository, and nobody asked",
			files: "module \"a\" {\n  source = \"git::https://h.example/eks.git?ref=v9.0.0\"\n}\n",
			with:  v1,
		},
	})
}

func TestUnknownRefNearest(t *testing.T) {
	for _, test := range []struct {
		ref, tags, want string
	}{
		{"1.2.3", "v1.2.3 v1.2.4 v1.0.0 v9.9.9", "v1.2.3, v1.2.4"},
		{"v4.5.0", "V4.5.0 v4.4.0 v4.6.0", "V4.5.0, v4.6.0, v4.4.0"},
		{"vpc/v1.2.3", "vpc-v1.2.3 eks/v1.2.3 main", "are: vpc-v1.2.3, eks/v1.2.3."},
		{"v1.0.0", "latest", "The repository has no release tag at all"},
	} {
		in := input(named("a", "?ref="+test.ref, ""))
		var refs []string
		for _, tag := range strings.Fields(test.tags) {
			refs = append(refs, tag+" "+commitA)
		}
		remote(refs...)(in)
		found := lint.Run(in, []*lint.Rule{unknownRef})
		if len(found) != 1 || !strings.Contains(found[0].Detail, test.want) {
			t.Errorf("%s: %+v", test.ref, found)
		}
	}
}
