package rules

import "github.com/terrier-iac/terrier/modules/lint"

// invalidIgnore is reported by lint.Run itself.
var invalidIgnore = &lint.Rule{
	Name:     lint.InvalidIgnore,
	Summary:  "An ignore without a rule that exists, a reason, or a date",
	Severity: lint.Error,
}
