package rules

import "github.com/terrier-iac/terrier/modules/lint"

// unusedIgnore is reported by lint.Run itself.
var unusedIgnore = &lint.Rule{
	Name:     lint.UnusedIgnore,
	Summary:  "An ignore that hits nothing",
	Severity: lint.Warn,
}
