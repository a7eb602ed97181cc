package rules

import "github.com/terrier-iac/terrier/modules/lint"

var shortCommitRule = &lint.Rule{
	Name:     "short-commit",
	Summary:  "A ref that is only the beginning of a commit",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			if kindOf(p, c) == refShort {
				ref, _ := ref(c)
				p.ReportCall(c, refRange(c), nil, "%s is at %q, which is not a whole commit",
					"A part of a commit can mean another one, or none, when the repository grows, and a branch or tag of that name is taken before it. Write all 40 digits.",
					upper(c.Module()), ref)
			}
		}
	},
}
