package rules

import "github.com/terrier-iac/terrier/modules/lint"

var notSemver = &lint.Rule{
	Name:     "not-semver",
	Summary:  "A tag that is no semantic version",
	Severity: lint.Warn,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			if kindOf(p, c) == refOddTag {
				ref, _ := ref(c)
				p.ReportCall(c, refRange(c), nil, "%s is at %q, which is no semantic version",
					"Nothing can tell whether another tag is newer, or breaks its callers. Tag the release as MAJOR.MINOR.PATCH too, and write that.",
					upper(c.Module()), ref)
			}
		}
	},
}
