package rules

import (
	"strings"

	"github.com/terrier-iac/terrier/modules/lint"
)

var unversionedRegistry = &lint.Rule{
	Name:     "unversioned-registry",
	Summary:  "A registry module without a version: whatever is newest today",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			if !isRegistry(c) || computedVersion(c) {
				continue
			}
			if text, _, _ := registryVersion(c); strings.TrimSpace(text) != "" {
				continue
			}
			detail := "It is the newest version that the registry has when somebody runs `terraform init`. Add version = with one version."
			if isTfr(c) {
				detail = "Terragrunt refuses it. Add ?version= with one version to the source."
			}
			p.ReportCall(c, c.SourceRange(), nil, "%s has no version", detail, upper(c.Module()))
		}
	},
}
