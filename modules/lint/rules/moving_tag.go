package rules

import "github.com/terrier-iac/terrier/modules/lint"

var movingTag = &lint.Rule{
	Name:     "moving-tag",
	Summary:  "A ref that is moved with each release: v1, v1.2, latest",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			if kindOf(p, c) == refMoving {
				ref, _ := ref(c)
				p.ReportCall(c, refRange(c), nil, "%s is at %q, which names no single release",
					"A tag of this kind is usually moved when the next release comes, so that one commit of yours can mean two versions. Write the whole version, v1.2.3, or the full commit.",
					upper(c.Module()), ref)
			}
		}
	},
}
