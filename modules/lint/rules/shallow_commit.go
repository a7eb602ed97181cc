package rules

import (
	"strconv"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var shallowCommit = &lint.Rule{
	Name:     "shallow-commit",
	Summary:  "depth= beside a commit: terraform init fails",
	Severity: lint.Error,
	Fixes:    true,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			if c.Source.Kind != hclparse.KindGit {
				continue
			}
			// As go-getter reads it: the first of its name, and what is no
			// number above 0 is no depth.
			if depth, err := strconv.Atoi(param1(c.Source, "depth")); err != nil || depth < 1 {
				continue
			}
			if k := kindOf(p, c); k != refCommit && k != refShort {
				continue
			}
			p.ReportCall(c, c.ParamRange("depth"), withoutDepth(c), "%s asks for a shallow clone of a commit",
				"With depth= git is told `clone --branch REF`, which takes a tag or a branch and no commit: terraform init fails. Take depth= out, or write the tag.",
				upper(c.Module()))
		}
	},
}

// withoutDepth takes every depth out.
func withoutDepth(c *lint.Call) *lint.Fix {
	_, start, ok := c.Literal()
	if !ok {
		return nil
	}
	var edits []hclparse.Edit
	for _, cut := range c.Source.ParamCuts("depth") {
		edits = append(edits, hclparse.Edit{Start: start + cut[0], End: start + cut[1]})
	}
	return &lint.Fix{Summary: "Take depth= out", Edits: edits}
}
