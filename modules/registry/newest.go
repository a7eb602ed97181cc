package registry

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-version"
)

// Newest picks the newest of the versions that a constraint allows, as
// Terraform does: "~> 1.2" has 1.9 and not 2.0, and a pre-release is taken only
// where the constraint names exactly that one ("1.0.0-rc1", "= 1.0.0-rc1"). An
// empty constraint allows every release. What is no version is passed over.
//
// The error of a constraint that none of them meets names the newest release.
func Newest(versions []string, constraint string) (string, error) {
	var allowed version.Constraints
	if strings.TrimSpace(constraint) != "" {
		var err error
		if allowed, err = version.NewConstraint(constraint); err != nil {
			return "", fmt.Errorf("version constraint %q: it is none\nhint: write it as \"~> 1.2\", \">= 1.2, < 2.0\" or \"1.2.3\"", constraint)
		}
	}
	exact := func(v *version.Version) bool {
		for _, c := range allowed {
			named := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(c.String()), "="))
			if n, err := version.NewVersion(named); err == nil && n.Equal(v) {
				return true
			}
		}
		return false
	}
	var best, newest *version.Version
	var text, newestText string
	for _, s := range versions {
		v, err := version.NewVersion(s)
		if err != nil || v.Prerelease() != "" && !exact(v) {
			continue
		}
		if newest == nil || v.GreaterThan(newest) {
			newest, newestText = v, s
		}
		if allowed.Check(v) && (best == nil || v.GreaterThan(best)) {
			best, text = v, s
		}
	}
	switch {
	case best != nil:
		return text, nil
	case newest == nil:
		return "", fmt.Errorf("no release among %d versions\nhint: a pre-release is taken only where version names exactly that one", len(versions))
	}
	return "", fmt.Errorf("no version meets %q: the newest of %d is %s\nhint: change the version constraint, or publish a version that meets it", constraint, len(versions), newestText)
}
