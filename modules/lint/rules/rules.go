// Package rules holds what lint looks for: one rule, one file, one page, one
// table of tests.
package rules

import (
	"embed"
	"strings"

	"github.com/terrier-iac/terrier/modules/lint"
)

//go:embed *.md
var pages embed.FS

// All are the rules, by name.
var All = withPages(
	ambiguousRef,
	branchRef,
	computedSource,
	copiedFileDiffers,
	credentialsInSource,
	disallowedHost,
	duplicateStateKey,
	expiredIgnore,
	frozenPath,
	insecureTransport,
	invalidIgnore,
	invalidSource,
	mixedVersions,
	movedTag,
	movingTag,
	notLocked,
	notSemver,
	parseError,
	prerelease,
	promotionOrder,
	relativeSource,
	shallowCommit,
	shortCommitRule,
	staleComment,
	unknownRef,
	unpinnedSource,
	unsafeRef,
	unusedIgnore,
	unversionedRegistry,
	versionRange,
)

// Find returns a rule by its name, nil where there is none.
func Find(name string) *lint.Rule {
	for _, r := range All {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// withPages gives each rule its page: rule-name is in rule_name.md. A rule
// without one cannot be shipped.
func withPages(all ...*lint.Rule) []*lint.Rule {
	for _, r := range all {
		page, err := pages.ReadFile(strings.ReplaceAll(r.Name, "-", "_") + ".md")
		if err != nil {
			panic("the rule " + r.Name + " has no page")
		}
		r.Doc = string(page)
	}
	return all
}
