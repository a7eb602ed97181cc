package rules

import (
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var unpinnedSource = &lint.Rule{
	Name:     "unpinned-source",
	Summary:  "A git source without a ref: whatever its default branch holds today",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		for _, c := range p.Calls {
			if c.Known && c.Source.Kind == hclparse.KindGit && c.Pin == hclparse.PinNone {
				p.ReportCall(c, c.SourceRange(), nil, "%s has no ref",
					"It is whatever the default branch holds when somebody runs `terraform init`. Add ?ref= with a release tag or a full commit.", upper(c.Module()))
			}
		}
	},
}
