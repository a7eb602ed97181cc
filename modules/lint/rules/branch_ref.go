package rules

import "github.com/terrier-iac/terrier/modules/lint"

var branchRef = &lint.Rule{
	Name:     "branch-ref",
	Summary:  "A ref that is a branch: it changes with every push",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			if kindOf(p, c) == refBranch {
				ref, _ := ref(c)
				p.ReportCall(c, refRange(c), nil, "%s is at %q, which is no release tag and no full commit",
					"A branch means another commit after every push, and whoever may push to it changes what you apply. Write a release tag or a full commit. If it is a tag, `terrier lock` makes that known.",
					upper(c.Module()), ref)
			}
		}
	},
}
