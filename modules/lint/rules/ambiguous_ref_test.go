package rules

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

func TestAmbiguousRef(t *testing.T) {
	both := remote("v1.0.0 "+commitA, "refs/heads/v1.0.0 "+commitB, "refs/heads/main "+commitC, "HEAD "+commitC)
	table(t, ambiguousRef, []row{
		{
			name:  "a tag and a branch",
			files: named("a", "?ref=v1.0.0", "") + named("b", "?ref=v1.0.0&depth=1", ""),
			with:  both,
			want:  []string{`main.tf:2:48-2:54 "v1.0.0" is a tag and a branch there`, `main.tf:5:48-5:54 "v1.0.0" is a tag and a branch there`},
		},
		{
			name:  "also where it reads as a branch",
			files: named("a", "?ref=release", ""),
			with:  remote("release "+commitA, "refs/heads/release "+commitB),
			want:  []string{`main.tf:2:48-2:55 "release" is a tag and a branch there`},
		},
		{
			name:  "in terragrunt and JSON",
			files: "-- b/terragrunt.hcl --\nterraform {\n  source = \"git::https://h.example/vpc.git?ref=v1.0.0\"\n}\n-- c/main.tf.json --\n{\"module\": {\"x\": {\"source\": \"git::https://h.example/vpc.git?ref=v1.0.0\"}}}\n",
			with:  both,
			want:  []string{`b/terragrunt.hcl:2:48-2:54 is a tag and a branch there`, `c/main.tf.json:1:65-1:71 is a tag and a branch there`},
		},
		{
			name:  "the ref says that it is the tag",
			files: named("a", "?ref=refs/tags/v1.0.0", "") + named("b", "?ref=tags/v1.0.0", ""),
			with:  both,
		},
		{
			name:  "a branch that begins alike",
			files: named("a", "?ref=v1.0.0", ""),
			with:  remote("v1.0.0 "+commitA, "refs/heads/v1.0.0-fix "+commitB),
		},
		{
			name:  "a full commit",
			files: named("a", "?ref="+commitA, ""),
			with:  both,
		},
		{
			name:  "nobody asked",
			files: named("a", "?ref=v1.0.0", ""),
		},
	})
}

// TestAmbiguousRefDetail holds what git 2.39 takes, run by hand the way that
// go-getter runs it.
func TestAmbiguousRefDetail(t *testing.T) {
	for _, test := range []struct {
		query, head, want string
	}{
		{"?ref=v1.0.0", commitC, "Without depth, git takes the tag;"},
		{"?ref=v1.0.0&depth=0", commitC, "Without depth, git takes the tag;"},
		{"?depth=1&ref=v1.0.0", commitC, "With depth, git takes the branch;"},
		{"?ref=v1.0.0", commitB, "Where the branch is the default one, git takes the branch"},
	} {
		in := input(named("a", test.query, ""))
		remote("v1.0.0 "+commitA, "refs/heads/v1.0.0 "+commitB, "HEAD "+test.head)(in)
		found := lint.Run(in, []*lint.Rule{ambiguousRef})
		if len(found) != 1 || !strings.HasPrefix(found[0].Detail, test.want) {
			t.Errorf("%s: %+v", test.query, found)
		}
	}
}
