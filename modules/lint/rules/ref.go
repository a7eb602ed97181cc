package rules

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

// A refKind is what a ref is. A call's ref is exactly one of them, so that of
// branch-ref, moving-tag, short-commit, not-semver and unsafe-ref at most one
// is found for one ref.
type refKind string

const (
	refNone     refKind = ""           // there is none: unpinned-source
	refUnsafe   refKind = "unsafe"     // no repository can have it: unsafe-ref
	refCommit   refKind = "commit"     // a full commit
	refRelease  refKind = "release"    // a release tag
	refBranch   refKind = "branch"     // branch-ref
	refMoving   refKind = "moving"     // moving-tag
	refShort    refKind = "short"      // short-commit
	refOddTag   refKind = "odd"        // a tag that is no semantic version: not-semver
	paramOfGit          = "ref"        // the query parameter with the ref, for go-getter's git
	paramOfHg           = "rev"        // and for its Mercurial
	tagsPrefix          = "refs/tags/" // the folder of git's tags
	headsPrefix         = "refs/heads/"
)

// pinned are the calls whose source terraform, OpenTofu or terragrunt sees,
// and that is an address. Of one that is unsafe as such nothing else is worth
// saying.
func pinned(p *lint.Pass) []*lint.Call {
	return p.Once("rules: pinned", func() any {
		var out []*lint.Call
		for _, c := range p.Calls {
			if c.Known && !c.Overridden && sourceErr(c) == nil && unsafeSource(c) == "" {
				out = append(out, c)
			}
		}
		return out
	}).([]*lint.Call)
}

func sourceErr(c *lint.Call) error {
	if c.Call.Terragrunt != nil {
		return c.Call.Terragrunt.SourceErr
	}
	return c.Call.Call.SourceErr
}

// ref is the ref of a call, and the parameter that holds it. It is "" for
// what has no place for one.
func ref(c *lint.Call) (ref, param string) {
	switch {
	case c.Source.Kind == hclparse.KindGit:
		return c.Source.Ref, paramOfGit
	case isHg(c.Source):
		return param1(c.Source, paramOfHg), paramOfHg
	}
	return "", ""
}

func refRange(c *lint.Call) hcl.Range {
	_, param := ref(c)
	return c.ParamRange(param)
}

// param1 is the value of a query parameter, decoded: the first of its name, as
// go-getter reads it.
func param1(s hclparse.Source, name string) string {
	from, to, ok := s.ParamSpan(name)
	if !ok {
		return ""
	}
	value, err := url.QueryUnescape(s.String()[from:to])
	if err != nil {
		return ""
	}
	return value
}

// kindOf tells what a call's ref is: first by what lock and remote know, then
// by its name alone.
func kindOf(p *lint.Pass, c *lint.Call) refKind {
	kinds := p.Once("rules: kinds", func() any { return map[*lint.Call]refKind{} }).(map[*lint.Call]refKind)
	k, ok := kinds[c]
	if !ok {
		k = judge(p, c)
		kinds[c] = k
	}
	return k
}

func judge(p *lint.Pass, c *lint.Call) refKind {
	ref, param := ref(c)
	switch {
	case ref == "":
		return refNone
	case param == paramOfHg:
		return kindOfHg(ref)
	case unsafe(ref) != nil:
		return refUnsafe
	}
	if c.Pin == hclparse.PinCommit {
		return refCommit
	}
	name, isTag := strings.CutPrefix(ref, tagsPrefix)
	if !isTag && (strings.HasPrefix(ref, "refs/") || ref == "HEAD") {
		return refBranch
	}
	switch known(p, c, name, isTag) {
	case lock.KindTag:
		return kindByName(name, true)
	case lock.KindBranch:
		return refBranch
	case lock.KindCommit:
		return refShort
	}
	return kindByName(name, false)
}

// known is what the remote, or else the lock file, knows a ref to be; "" where
// they do not tell.
func known(p *lint.Pass, c *lint.Call, name string, isTag bool) lock.Kind {
	if refs, ok := p.Remote(c); ok {
		// Of a tag and a branch of one name git checks out the tag, but for
		// depth=1: that is ambiguous-ref.
		if _, ok := refs[tagsPrefix+name]; ok {
			return lock.KindTag
		}
		if _, ok := refs[headsPrefix+name]; ok && !isTag {
			return lock.KindBranch
		}
	}
	if e := p.Locked(c); e != nil {
		switch e.Kind {
		case lock.KindTag, lock.KindBranch, lock.KindCommit:
			return e.Kind
		}
	}
	if isTag {
		return lock.KindTag
	}
	return ""
}

var (
	// shortCommit is the beginning of a commit. Git itself takes 4 digits,
	// but writes 7; with fewer, a word (cafe, beefed) is likelier, and
	// go-getter draws the same line. What is longer than a SHA-1 and shorter
	// than a SHA-256 is no whole id either.
	shortCommit = regexp.MustCompile(`^[0-9A-Fa-f]{7,63}$`)

	// describedCommit is what `git describe` calls a commit, and git reads as
	// the short commit at its end.
	describedCommit = regexp.MustCompile(`-[0-9]+-g[0-9A-Fa-f]{7,63}$`)

	// date is a day, alone or with the time of day; 20240101 could be a short
	// commit too, but of those hardly one in 100,000 is a date.
	date = regexp.MustCompile(`^(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{2}|[0-9]{4}|[0-9]{6})?$`)

	// moving matches names that say less than one release: a word that means
	// the newest, or a version that is not whole. Behind a name and a dash a
	// lone number is no version (issue-42).
	moving = regexp.MustCompile(`^(?:` +
		`(?:[0-9A-Za-z_.-]*[-_])?(?i:latest|newest|stable|current|edge|nightly|canary|lts)` +
		`|[vV]?[0-9]{1,3}(?:\.[xX*]|\.[0-9]{1,5}(?:\.[xX*])?)?` +
		`|[0-9A-Za-z_](?:[0-9A-Za-z_.-]*[0-9A-Za-z_])?-(?:[vV][0-9]{1,3}|[vV]?[0-9]{1,3}\.(?:[xX*]|[0-9]{1,5}(?:\.[xX*])?))` +
		`)$`)

	// oddRelease matches what somebody means to be one release, and is no
	// semantic version.
	oddRelease = regexp.MustCompile(`^(?:` +
		// three numbers and more, but not as semver has them: v01.2.3, 1.2.3.4,
		// 1.2.3rc1; also behind a name: vpc_1.2.3, @scope/vpc@1.2.3
		`(?:[0-9A-Za-z_.-]*[-_@])?[vV]?\.?[0-9]+(?:\.[0-9]+){2,}(?:[._+]?[0-9A-Za-z]+(?:[._+][0-9A-Za-z]+)*)?` +
		`|[vV]?[0-9]+(?:\.[0-9]+){2,}[-+_].*` +
		// a pre-release of less than three numbers: v1.2-rc1
		`|[vV]?[0-9]+(?:\.[0-9]+)?-?(?i:alpha|beta|rc|pre)[.-]?[0-9]*` +
		// a date, or a year and a number: 2024.1, v2024-01-15, release-2024-01
		`|(?:[0-9A-Za-z_.]*[A-Za-z][-_])?[vV]?(?:19|20)[0-9]{2}(?:[-._]?[0-9]{1,2}){0,2}(?:[-._T][0-9]+)*` +
		// a numbered release: release-42, release_42, r42, build.42, 4711
		`|(?i:release|rel|version|ver|build|tag|r|b)[-_.]?[vV]?[0-9]+(?:[-_][0-9]+)*` +
		`|[vV]?[0-9]{4,6}` +
		`)$`)

	// branchFolder holds what git and those who use it keep branches in; the
	// same as hclparse's Pin has.
	branchFolder = regexp.MustCompile(`^(?:heads|remotes|origin|wip|feature|feat|bugfix|hotfix|fix|dependabot|renovate)/`)
)

// kindByName judges a ref by its name alone. isTag says that it is known for
// a tag.
func kindByName(name string, isTag bool) refKind {
	last := name[strings.LastIndexByte(name, '/')+1:]
	switch {
	case !isTag && branchFolder.MatchString(name):
		return refBranch
	case describedCommit.MatchString(name) && !isTag:
		return refShort
	case isRelease(name, isTag):
		return refRelease
	case moving.MatchString(last):
		return refMoving
	case date.MatchString(strings.TrimLeft(last, "vV")):
		return refOddTag
	case shortCommit.MatchString(name) && !isTag:
		return refShort
	case isTag, oddRelease.MatchString(last):
		return refOddTag
	}
	return refBranch
}

func isRelease(name string, isTag bool) bool {
	if isTag {
		name = tagsPrefix + name
	}
	s, err := hclparse.ParseSource("git::https://h.example/x.git?ref=" + url.QueryEscape(name))
	return err == nil && s.Pin("") == hclparse.PinTag
}

// kindOfHg judges a Mercurial revision: a full commit is one, everything else
// has to be taken for a branch.
func kindOfHg(rev string) refKind {
	switch {
	case unsafe(rev) != nil:
		return refUnsafe
	case len(rev) == 40 && shortCommit.MatchString(rev):
		return refCommit
	}
	return kindByName(rev, false)
}

// unsafe says why no repository should have a ref, nil where one may.
func unsafe(ref string) error {
	if err := hclparse.CheckRef(ref); err != nil {
		return err
	}
	if strings.ContainsFunc(ref, func(r rune) bool { return unicode.Is(unicode.Cf, r) }) {
		return errors.New("it holds characters that cannot be seen")
	}
	return nil
}
