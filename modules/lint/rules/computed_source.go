package rules

import "github.com/terrier-iac/terrier/modules/lint"

var computedSource = &lint.Rule{
	Name:     "computed-source",
	Summary:  "A source that the files alone do not tell",
	Severity: lint.Info,
	Check: func(p *lint.Pass) {
		for _, c := range p.Calls {
			// A terragrunt function may lead to a directory of the tree.
			if !c.Known && !c.Overridden && c.Target == "" {
				p.ReportCall(c, c.SourceRange(), nil, "%s is computed",
					"What it is pinned to cannot be checked here. Write it as a literal, or keep the version in one.", sourceOf(c))
			}
		}
	},
}

// sourceOf begins a sentence about a call's source that is not shown.
func sourceOf(c *lint.Call) string {
	if c.Call.Terragrunt != nil {
		return "The terragrunt source"
	}
	return "The source of " + c.Module()
}
