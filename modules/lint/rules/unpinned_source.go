package rules

import (
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var unpinnedSource = &lint.Rule{
	Name:     "unpinned-source",
	Summary:  "A source without a ref or version: whatever is there today",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			_, param := ref(c)
			switch {
			case param != "" && kindOf(p, c) == refNone:
				p.ReportCall(c, c.SourceRange(), nil, "%s has no %s",
					"It is whatever the default branch holds when somebody runs `terraform init`. Add ?"+param+"= with a release tag or a full commit.", upper(c.Module()), param)
			case param != "", isRegistry(c), c.Source.Kind != hclparse.KindOther, c.Target != "":
			case misreads(c):
			default:
				what := mutable(c.Source)
				detail := "It can be another one tomorrow, under the same address. Put the version into its path, or pin its content: checksum= for an archive, version= for S3, #GENERATION for Google Cloud Storage."
				if what == ofThisMachine {
					detail = "Another machine has something else there, or nothing. Call a module of this repository, or a release of one."
				}
				if what != "" {
					p.Report(at(c, lint.Warn, upper(c.Module())+" is "+what, detail))
				}
			}
		}
	},
}

var (
	// versionInPath is a version, a date, or a digest or commit in a path.
	versionInPath = regexp.MustCompile(`(?:^|[^0-9A-Za-z.])[vV]?[0-9]+(?:\.[0-9]+)+|(?:^|[^0-9A-Za-z])(?:[0-9a-f]{7,64}|[0-9]{8,14})(?:[^0-9A-Za-z]|$)`)

	// branchInPath is where forges serve the archive of a branch.
	branchInPath = regexp.MustCompile(`(?:^|/)(?:refs/heads|archive|tarball|zipball|-/archive)/(?:refs/heads/)?(?:main|master|develop|trunk|HEAD)(?:[./]|$)|/refs/heads/`)
)

const ofThisMachine = "a path of this machine"

// mutable says what a source that is neither of git nor of a registry is, ""
// where its address holds it to one content. Which parameters do, go-getter's
// README tells: it is get_s3.go, get_gcs.go and checksum.go.
func mutable(s hclparse.Source) string {
	name := scheme(s)
	force, address := getter(s.Package)
	if force != "" {
		name = force
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	query := u.Query()
	switch {
	// A checksum that is read from a file is what that says today.
	case query.Get("checksum") != "" && !strings.HasPrefix(query.Get("checksum"), "file:"),
		name == "s3" && query.Get("version") != "",
		name == "gcs" && strings.Trim(u.Fragment, "0123456789") == "" && u.Fragment != "",
		// What S3 and Google Cloud Storage themselves take from a plain URL.
		strings.HasSuffix(u.Hostname(), ".amazonaws.com") && name != "s3" && query.Get("versionId") != "",
		strings.HasSuffix(u.Hostname(), ".googleapis.com") && name != "gcs" && query.Get("generation") != "",
		name == "oci" && (query.Get("digest") != "" || query.Get("tag") != ""):
		return ""
	}
	switch where := path.Clean(u.Path); {
	case branchInPath.MatchString(where):
		return "an archive of a branch"
	case versionInPath.MatchString(where):
		return ""
	case name == "file":
		return ofThisMachine
	case name == "s3", name == "gcs":
		return "an object without a version"
	case name == "http", name == "https":
		return "an archive without a version"
	}
	return ""
}

// misreads reports whether invalid-source tells of the address already.
func misreads(c *lint.Call) bool {
	if g, _ := getter(c.Source.Package); g != "" {
		return false
	}
	bare, _, _ := strings.Cut(c.Source.Package, "?")
	s := scheme(c.Source)
	return s == "ssh" || s == "git+ssh" || (s == "https" || s == "http") && strings.HasSuffix(bare, ".git")
}
