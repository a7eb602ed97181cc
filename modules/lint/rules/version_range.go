package rules

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var versionRange = &lint.Rule{
	Name:     "version-range",
	Summary:  "A registry version that more than one release meets",
	Severity: lint.Warn,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			text, at, ok := registryVersion(c)
			if !ok || pinOfVersion(text) != hclparse.PinRange {
				continue
			}
			f := lint.Finding{Range: at, Subject: c.Subject()}
			all, err := version.NewConstraint(text)
			switch {
			case err != nil:
				f.Severity = lint.Error
				f.Summary = fmt.Sprintf("%s is at %q, which is no version constraint", upper(c.Module()), text)
				f.Detail = tool(c) + " refuses it. Write one version: 1.2.3."
			case inTfr(c):
				f.Severity = lint.Error
				f.Summary = fmt.Sprintf("%s is at %q, and terragrunt takes no range", upper(c.Module()), text)
				f.Detail = "What stands behind version= in a tfr:// source is one version: 1.2.3."
			case isTfr(c):
				f.Summary = fmt.Sprintf("%s is at %q: %s", upper(c.Module()), text, allowed(all))
				f.Detail = "Which one it is, is decided in each run of terragrunt. Write one version: 1.2.3."
			default:
				f.Summary = fmt.Sprintf("%s is at %q: %s", upper(c.Module()), text, allowed(all))
				f.Detail = "Which one it is, is decided when somebody runs `terraform init`: the lock file of terraform holds providers, not modules. Write one version: 1.2.3."
			}
			p.Report(f)
		}
	},
}

// tool is who reads a call.
func tool(c *lint.Call) string {
	if c.Call.Terragrunt != nil {
		return "Terragrunt"
	}
	return "Terraform"
}

var pessimistic = regexp.MustCompile(`^~>\s*[vV]?([0-9]+(?:\.[0-9]+)*)(-\S+)?$`)

// allowed says in words which versions meet a constraint, by the meaning of
// hashicorp/go-version, which is terraform's.
func allowed(all version.Constraints) string {
	if len(all) == 1 {
		text := strings.TrimSpace(all[0].String())
		if m := pessimistic.FindStringSubmatch(text); m != nil {
			parts := strings.Split(m[1], ".")
			if len(parts) > 1 {
				return fmt.Sprintf("any %s.x from %s", strings.Join(parts[:len(parts)-1], "."), m[1]+m[2])
			}
			// With one number there is none before the last that has to stay.
			return fmt.Sprintf("any version from %s, the next major ones too", m[1]+m[2])
		}
		if v, ok := strings.CutPrefix(text, "!="); ok {
			return fmt.Sprintf("any version but %s", strings.TrimSpace(v))
		}
	}
	if none(all) {
		return "no version meets it"
	}
	if meets(all, "999999.0.0") {
		return "any version that meets it, the next major ones too"
	}
	return "any version that meets it"
}

// none reports whether a constraint has an exact part that the others refuse.
func none(all version.Constraints) bool {
	for _, c := range all {
		text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(c.String()), "="))
		if v, err := version.NewVersion(text); err == nil && !all.Check(v) {
			return true
		}
	}
	return false
}

func meets(all version.Constraints, v string) bool {
	parsed, err := version.NewVersion(v)
	return err == nil && all.Check(parsed)
}
