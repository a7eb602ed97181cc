package modules

import (
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/hclparse"
)

// A Release is a tag read as a version.
type Release struct {
	// Prefix is what stands before the version, the v not included: "vpc/" of
	// vpc/v1.2.3, "vpc-" of vpc-1.2.3, "" of v1.2.3. Releases of one module
	// share it.
	Prefix  string
	Version *semver.Version
}

// ParseRelease reads a ref as a release tag: a whole semantic version, alone,
// below a path (vpc/v1.2.3, tags/1.2.3), or behind a name and a dash
// (vpc-v1.2.3). It judges by the name alone, exactly as hclparse's Pin does.
func ParseRelease(ref string) (Release, bool) {
	m := versionAtEnd.FindStringSubmatch(strings.TrimPrefix(ref, "refs/tags/"))
	if m == nil {
		return Release{}, false // as most of a repository's refs
	}
	s, err := anySource()
	if err == nil {
		s, err = s.WithRef(ref)
	}
	if err != nil || s.Pin("") != hclparse.PinTag {
		return Release{}, false
	}
	v, err := semver.StrictNewVersion(m[2])
	if err != nil {
		return Release{}, false
	}
	return Release{Prefix: m[1], Version: v}, true
}

// anySource is a source that a ref can be put into, to ask hclparse about it.
var anySource = sync.OnceValues(func() (hclparse.Source, error) {
	return hclparse.ParseSource("git::https://example.com/x.git")
})

// versionAtEnd finds the version in what is known to be a release tag: its
// first three numbers that stand at the beginning or behind a slash, a dash
// or a v.
var versionAtEnd = regexp.MustCompile(`^((?:.*/)?(?:[^/]*?[0-9A-Za-z_]-)?)[vV]?([0-9]+\.[0-9]+\.[0-9]+(?:[-+].*)?)$`)

// TagPrefixes are what may stand before the version of a release of a module in
// a repository's subdirectory, both slash paths and both perhaps "": first
// nothing, then the path or the name of its directory, the most certain first,
// and last the name of its repository.
func TagPrefixes(repository, subdir string) []string {
	out := []string{""}
	name := func(p string) {
		if p == "" || p == "." {
			return
		}
		out = append(out, p+"/", p+"-")
	}
	last := func(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }
	if sub := strings.Trim(subdir, "/"); sub != "" {
		name(sub)
		name(last(sub))
		name(strings.ReplaceAll(sub, "/", "-"))
		if _, below, ok := strings.Cut(sub, "/"); ok {
			name(below)
			name(strings.ReplaceAll(below, "/", "-"))
		}
	}
	name(last(strings.TrimSuffix(repository, ".git")))
	return out
}

// Identity is equal for two sources of the same module: one repository in
// whatever spelling (git@h:p, ssh://, https://, with and without .git,
// github.com/…), and one subdirectory. It is "" for what is in no repository.
//
// Two spellings that differ in nothing but the user or the port of a host are
// the same; hosts are not told apart by what they redirect to.
func Identity(s hclparse.Source) string {
	id := RepositoryIdentity(s)
	if id == "" || s.Subdir == "" {
		return id
	}
	return id + "//" + path.Clean(s.Subdir)
}

// RepositoryIdentity is Identity without the subdirectory:
// "gitlab.example.com/terraform/vpc", "registry.terraform.io/a/b/c", or the
// absolute path of a file URL.
func RepositoryIdentity(s hclparse.Source) string {
	switch s.Kind {
	case hclparse.KindGit, hclparse.KindRegistry:
	default:
		return ""
	}
	repository := strings.TrimSuffix(s.Repository, ".git")
	if s.Host == "" {
		return repository
	}
	host := s.Host
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return host + "/" + repository
}
