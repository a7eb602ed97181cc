package rules

import (
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var ambiguousRef = &lint.Rule{
	Name:     "ambiguous-ref",
	Summary:  "A ref that is a tag and a branch of the remote",
	Severity: lint.Error,
	Needs:    lint.NeedRemote,
	Ready:    allAnswered,
	Check: func(p *lint.Pass) {
		for _, c := range p.Calls {
			refs, ok := p.Remote(c)
			if !ok || c.Source.Ref == "" || c.Pin == hclparse.PinCommit {
				continue
			}
			tag, _, isTag := findTag(refs, c.Source.Ref, shallow(c))
			branch, isBranch := refs["refs/heads/"+tag]
			if !isTag || !isBranch || c.Source.Ref != tag {
				continue // refs/tags/x and tags/x are the tag
			}
			takes := "Without depth, git takes the tag; with depth=1 it would take the branch."
			switch {
			case shallow(c):
				takes = "With depth, git takes the branch; without, it would take the tag."
			case branch.Commit == refs["HEAD"].Commit:
				// A clone has the default branch as a local one, and that
				// comes first.
				takes = "Where the branch is the default one, git takes the branch, and else the tag; with depth=1 it takes the branch."
			}
			p.ReportCall(c, c.ParamRange("ref"), nil, "%q is a tag and a branch there",
				takes+" Delete or rename the branch, or pin the full commit.", tag)
		}
	},
}
