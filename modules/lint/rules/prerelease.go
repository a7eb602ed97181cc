package rules

import (
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

var prerelease = &lint.Rule{
	Name:     "prerelease",
	Summary:  "A version that its authors have not released yet",
	Severity: lint.Warn,
	Check: func(p *lint.Pass) {
		const detail = "A version with something behind a dash comes before the release of the same number, and promises nothing. Write the release when there is one."
		for _, c := range pinned(p) {
			if kindOf(p, c) == refRelease {
				name, _ := ref(c)
				if r, ok := modules.ParseRelease(name); ok && r.Version.Prerelease() != "" {
					p.ReportCall(c, refRange(c), nil, "%s is at %q, a pre-release", detail, upper(c.Module()), name)
				}
			}
			text, at, ok := registryVersion(c)
			if !ok || pinOfVersion(text) != hclparse.PinExact {
				continue
			}
			for part := range strings.SplitSeq(text, ",") {
				v, err := version.NewVersion(strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(part), "=<>~! ")))
				if err == nil && v.Prerelease() != "" {
					p.Report(lint.Finding{Range: at, Subject: c.Subject(), Detail: detail,
						Summary: upper(c.Module()) + " is at " + quote(text) + ", a pre-release"})
					break
				}
			}
		}
	},
}
