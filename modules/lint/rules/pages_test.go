package rules

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

// TestPageExamples runs a rule over the examples of its page: what stands under
// "Found" is found, what stands under "Not found" is not.
func TestPageExamples(t *testing.T) {
	const pageCommit = "5d2bd9b2b1a4ed0d7fb0a3b1a3e2e3f7d6c8a9b0"
	refsOf := func(name string, refs ...string) func(*lint.Input) {
		return func(in *lint.Input) {
			one := &lint.Input{}
			remote(refs...)(one)
			if in.Refs == nil {
				in.Refs = one.Refs
			}
			in.Refs["git::https://gitlab.example.com/terraform/"+name+".git"] = one.Refs[vpcAddress]
		}
	}
	lockOf := func(ref string, kind lock.Kind) func(*lint.Input) {
		return locked(&lock.Entry{Address: "git::https://gitlab.example.com/terraform/vpc.git", Ref: ref, Kind: kind, Commit: commitB})
	}
	asIs := func(hcl string) string { return "-- main.tf --\n" + hcl }
	twice := func(hcl string) string { return "-- live/a/main.tf --\n" + hcl + "-- live/b/main.tf --\n" + hcl }
	for _, test := range []struct {
		rule  *lint.Rule
		files func(hcl string) string
		with  func(*lint.Input)
	}{
		{ambiguousRef, asIs, refsOf("vpc", "v1.2.3 "+commitA, "refs/heads/v1.2.3 "+commitB)},
		{duplicateStateKey, twice, nil},
		{expiredIgnore, asIs, nil},
		{invalidIgnore, asIs, nil},
		{mixedVersions, asIs, nil},
		{movedTag, asIs, with(lockOf("v1.2.3", lock.KindTag), refsOf("vpc", "v1.2.3 "+commitA))},
		{notLocked, asIs, lockOf("v1.2.3", lock.KindTag)},
		{parseError, asIs, nil},
		{staleComment, asIs, with(refsOf("vpc", "v1.2.3 "+pageCommit), refsOf("net"), refsOf("eks"))},
		{unknownRef, asIs, with(refsOf("vpc", "v1.2.3 "+commitA, "V4.5.0 "+commitA), refsOf("eks", "v1.2.3 "+commitA))},
		{unpinnedSource, asIs, nil},
		{unusedIgnore, asIs, nil},
	} {
		for _, part := range []string{"Found", "Not found"} {
			_, page, _ := strings.Cut(test.rule.Doc, "\n## "+part+"\n")
			page, _, _ = strings.Cut(page, "\n## ")
			_, hcl, ok := strings.Cut(page, "```hcl\n")
			hcl, _, end := strings.Cut(hcl, "```")
			if !ok || !end {
				t.Errorf("%s: no example under %q", test.rule.Name, part)
				continue
			}
			in := input(test.files(hcl))
			if test.with != nil {
				test.with(in)
			}
			n := 0
			for _, f := range lint.Run(in, All) {
				if f.Rule == test.rule.Name {
					n++
				}
			}
			if (n > 0) != (part == "Found") {
				t.Errorf("%s: %d findings in what stands under %q:\n%s", test.rule.Name, n, part, hcl)
			}
		}
	}
}
