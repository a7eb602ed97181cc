package rules

import "github.com/terrier-iac/terrier/modules/lint"

// expiredIgnore is reported by lint.Run itself.
var expiredIgnore = &lint.Rule{
	Name:     lint.ExpiredIgnore,
	Summary:  "An ignore that is past its date",
	Severity: lint.Error,
}
