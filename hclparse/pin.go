package hclparse

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
)

// Pin is how exactly a call is tied to one version of its module.
type Pin string

const (
	PinTag    Pin = "tag"    // a release tag
	PinCommit Pin = "commit" // a full commit
	PinBranch Pin = "branch" // any other ref
	PinRange  Pin = "range"  // a registry constraint that more than one version meets
	PinExact  Pin = "exact"  // one registry version
	PinNone   Pin = "none"   // nothing at all
	PinAbsent Pin = ""       // no pin is possible: local and other sources
)

// Pin classifies the address, with the version argument of its call. It
// judges by the name alone: whether a tag of that name exists, and stays
// where it is, only the remote can tell.
func (s Source) Pin(version string) Pin {
	switch s.Kind {
	case KindGit:
		return pinOfRef(s.Ref)
	case KindRegistry:
		return pinOfVersion(version)
	}
	return PinAbsent
}

const semver = `(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)`
const build = `(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?`
const prerelease = `(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?`

var (
	// fullCommit is a SHA-1 or SHA-256 object id.
	fullCommit = regexp.MustCompile(`^(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$`)

	// releaseTag is a whole semantic version, alone or below a path.
	releaseTag = regexp.MustCompile(`^(?:[^/]+/)*[vV]?` + semver + prerelease + build + `$`)

	// namedTag is a version after a name and a dash. There a suffix is the
	// end of a branch's name (rel-1.2.3-main) more often than a pre-release,
	// so that only the usual words for one are taken.
	namedTag = regexp.MustCompile(`^(?:[^/]+/)*[0-9A-Za-z_](?:[^/]*[0-9A-Za-z_])?-[vV]?` + semver +
		`(?:-(?i:[0-9]+|(?:alpha|beta|rc|pre|preview|dev|snapshot|canary|nightly|next|a|b|m)[.-]?[0-9]*)(?:\.[0-9A-Za-z-]+)*)?` + build + `$`)

	// notReleased are the folders in which git, and the people who use it,
	// keep branches.
	notReleased = regexp.MustCompile(`^(?:refs/)?(?:heads|remotes|origin|wip|feature|feat|bugfix|hotfix|fix|dependabot|renovate)/`)
)

func pinOfRef(ref string) Pin {
	switch {
	case ref == "":
		return PinNone
	case fullCommit.MatchString(ref):
		return PinCommit
	case strings.HasPrefix(ref, "refs/") && !strings.HasPrefix(ref, "refs/tags/"):
		return PinBranch
	}
	name := strings.TrimPrefix(ref, "refs/tags/")
	if name == ref && notReleased.MatchString(ref) {
		return PinBranch
	}
	if checkRef(name) == nil && (releaseTag.MatchString(name) || namedTag.MatchString(name)) {
		return PinTag
	}
	return PinBranch
}

// pinOfVersion classifies a registry constraint. What is no constraint at
// all is a range: it ties the call to nothing.
func pinOfVersion(constraint string) Pin {
	if constraint == "" {
		return PinNone
	}
	all, err := version.NewConstraint(constraint)
	if err != nil {
		return PinRange
	}
	var lowest, highest []*version.Version
	for part := range strings.SplitSeq(constraint, ",") {
		part = strings.TrimSpace(part)
		least, isLowest := strings.CutPrefix(part, ">=")
		most, isHighest := strings.CutPrefix(part, "<=")
		switch {
		case isLowest:
			part = least
		case isHighest:
			part = most
		default:
			part = strings.TrimPrefix(part, "=")
		}
		v, err := version.NewVersion(strings.TrimSpace(part))
		switch {
		case err != nil || !all.Check(v):
		case isLowest:
			lowest = append(lowest, v)
		case isHighest:
			highest = append(highest, v)
		default:
			return PinExact
		}
	}
	// Both bounds meet the constraint, so that none is beyond another.
	for _, v := range lowest {
		if slices.ContainsFunc(highest, v.Equal) {
			return PinExact
		}
	}
	return PinRange
}
