package cmd

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/Masterminds/semver/v3"
	"github.com/bmatcuk/doublestar/v4"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/hclparse"
)

var (
	repositoryName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	packageName    = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]*$`)
	accountID      = regexp.MustCompile(`^[0-9]{12}$`)
	roleARN        = regexp.MustCompile(`^arn:aws(?:-[a-z-]+)?:iam::([0-9]{12}):role/[\w+=,.@/-]+$`)
	externalID     = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	tagText        = regexp.MustCompile(`^[a-zA-Z0-9._/@-]*$`)
	helper         = regexp.MustCompile(`^[^/?#@\[]*::`)
)

// checkName judges what becomes the name of a repository, a directory or a
// part of a tag.
func checkName(s string) error {
	switch lower := strings.ToLower(s); {
	case !repositoryName.MatchString(s):
		return errors.New("a name has letters, digits, dots, dashes and underscores, and begins with a letter or digit")
	case strings.HasSuffix(lower, ".git"), strings.HasSuffix(lower, ".lock"):
		return fmt.Errorf("a name that ends in %s means something else to git", path.Ext(lower))
	case strings.HasSuffix(s, "."), strings.Contains(s, ".."):
		return errors.New("git takes no name with .. in it or with a dot at its end")
	case len(s) > 100:
		return errors.New("a name has at most 100 characters")
	}
	return nil
}

// checkPackageName guards the templates: a package's name comes from a path,
// and must stay one part of an address.
func checkPackageName(s string) error {
	if !packageName.MatchString(s) {
		return fmt.Errorf("%q cannot be the name of a repository\nhint: give the module a `name` in %s", s, configName)
	}
	return nil
}

// checkPath judges a directory of the monorepo.
func checkPath(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty\nhint: the repository's root is \".\"")
	case hasControl(s):
		return errors.New("it has a control character in it")
	case strings.Contains(s, `\`):
		return errors.New("directories are separated by /")
	case strings.HasPrefix(s, "/"):
		return errors.New("it is relative to the repository's root, with no / at its beginning")
	}
	clean := path.Clean(s)
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return errors.New("it leads out of the repository")
	}
	if clean != s {
		return fmt.Errorf("it is written with detours\nhint: write %q", clean)
	}
	return nil
}

// checkGlob judges a pattern over paths of the monorepo.
func checkGlob(s string) error {
	// A pattern is a path as far as its form goes; * and ** need no cleaning.
	if err := checkPath(s); err != nil {
		return err
	}
	if !doublestar.ValidatePattern(s) {
		return errors.New("it is not a pattern that can be read\nhint: * matches within a directory, ** any depth, [ab] one character, {a,b} either; each bracket has its other half")
	}
	// Matching tries every combination of alternatives.
	if strings.Count(s, "{")+strings.Count(s, ",") > 16 || len(s) > 1000 {
		return errors.New("it is too long, or has too many alternatives\nhint: write several patterns")
	}
	return nil
}

// checkVersion judges the version of a release.
func checkVersion(s string) error {
	v, err := semver.StrictNewVersion(s)
	switch {
	case strings.HasPrefix(s, "v"):
		return fmt.Errorf("a version has no v before it\nhint: the v belongs to the tag; write %q", strings.TrimPrefix(s, "v"))
	case err != nil:
		return errors.New("it is not a semantic version\nhint: it has three numbers, as in \"1.0.0\"")
	case v.Metadata() != "":
		return fmt.Errorf("it has build metadata, and a + in ?ref= is read as a space\nhint: leave out +%s", v.Metadata())
	}
	return nil
}

// checkTag judges what becomes refs/tags/… and stands after ?ref=.
func checkTag(s string) error {
	switch {
	case strings.HasPrefix(s, "-"):
		return errors.New("a tag that begins with - is read as an option")
	case !tagText.MatchString(s):
		return errors.New("a tag stands in an address: it has letters, digits and characters of . _ - / @ only")
	case plumbing.NewTagReferenceName(s).Validate() != nil, strings.Contains(s, "/-"):
		return errors.New("git takes no tag of this name: no empty part, no dot at the beginning or end of a part, no .., no .lock at an end")
	}
	return nil
}

var errCredentials = errors.New("it holds a password or a token, which everybody who can read the file would have\nhint: take it out and revoke it; git asks its credential helper, or ssh, when it needs one")

// checkAddressText judges what every address has to keep to. Its errors never
// hold the address.
func checkAddressText(s string) error {
	parsed, _ := hclparse.ParseSource(s) // Redacted serves what does not parse, too
	switch {
	case s == "":
		return errors.New("it is empty")
	case parsed.Redacted() != s:
		return errCredentials
	case strings.HasPrefix(s, "-"):
		return errors.New("an address that begins with - is read as an option")
	case helper.MatchString(strings.TrimPrefix(s, "git::")):
		return errors.New("it names a remote helper (NAME::), which runs a program\nhint: write the repository's URL")
	case hasControl(s), strings.ContainsAny(s, " \"<>\\^`{|}#"):
		return errors.New("an address has no spaces, control characters, quotes, braces, backslashes or #")
	}
	return nil
}

// checkSource judges what callers of a module get.
func checkSource(s string) error {
	if err := checkAddressText(s); err != nil {
		return err
	}
	parsed, err := hclparse.ParseSource(s)
	if err == nil && parsed.Kind != hclparse.KindGit {
		err = errors.New("terraform does not read it as a git repository")
		if u, e := url.Parse(s); e == nil && u.Scheme != "" && u.Opaque == "" {
			return fmt.Errorf("%w\nhint: put git:: before it", err)
		}
		return fmt.Errorf("%w\nhint: write git::ssh://git@HOST/PATH/${name}.git or git::https://HOST/PATH/${name}.git", err)
	}
	if err != nil {
		_, hint, has := strings.Cut(err.Error(), "\nhint: ")
		if !has {
			hint = "write git::ssh://git@HOST/PATH/${name}.git or git::https://HOST/PATH/${name}.git"
		}
		return fmt.Errorf("terraform cannot read it\nhint: %s", hint)
	}
	if strings.HasPrefix(strings.TrimPrefix(s, "git::"), "-") || strings.HasPrefix(parsed.Host, "-") || strings.HasPrefix(parsed.Repository, "-") {
		return errors.New("a part that begins with - is read as an option")
	}
	if parsed.Subdir != "" {
		return fmt.Errorf("it has a //subdirectory, and a module's repository holds it at its root\nhint: leave out //%s; terrier adds // where a call needs it", parsed.Subdir)
	}
	for _, p := range parsed.Query {
		if k, err := url.QueryUnescape(p.Key); err != nil || k == "ref" {
			return errors.New("it has a ref\nhint: leave it out; terrier adds ?ref= with each release's tag")
		}
	}
	return nil
}

// checkRemote judges what git pushes to.
func checkRemote(s string) error {
	if err := checkAddressText(s); err != nil {
		return err
	}
	if strings.HasPrefix(s, "git::") {
		return errors.New("the git:: before it is for terraform alone\nhint: leave it out; here stands what git itself reads, as after `git clone`")
	}
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		u, err := url.Parse(s)
		switch {
		case !slices.Contains([]string{"ssh", "https", "http", "git", "file"}, scheme):
			return errors.New("git knows no such scheme\nhint: write ssh://, https:// or file://")
		case err != nil, u.Path == "" || u.Path == "/", scheme != "file" && u.Host == "":
			return errors.New("it is not the URL of a repository\nhint: write ssh://git@HOST/PATH/${name}.git")
		case u.RawQuery != "":
			return errors.New("git knows no ?query in an address")
		case strings.HasPrefix(rest, "-"), strings.HasPrefix(u.Hostname(), "-"):
			return errors.New("a part that begins with - is read as an option")
		}
		return nil
	}
	if strings.HasPrefix(s, "/") {
		return nil
	}
	host, where, ok := strings.Cut(s, ":")
	if !ok || strings.Contains(host, "/") || host == "" || where == "" {
		return errors.New("it is neither a URL nor an absolute path\nhint: write ssh://git@HOST/PATH/${name}.git, git@HOST:PATH/${name}.git or file:///PATH/${name}.git")
	}
	if _, h, ok := strings.Cut(host, "@"); strings.HasPrefix(where, "-") || ok && strings.HasPrefix(h, "-") {
		return errors.New("a part that begins with - is read as an option")
	}
	return nil
}

func checkAccountID(s string) error {
	if !accountID.MatchString(s) {
		return errors.New("an AWS account id has 12 digits, in quotes, with its leading zeros")
	}
	return nil
}

// checkWorkspace follows terraform, which takes what a URL needs no escapes
// for.
func checkWorkspace(s string) error {
	if s == "" || url.PathEscape(s) != s || strings.HasPrefix(s, "-") {
		return errors.New("terraform takes letters, digits and characters of . _ ~ @ : $ & + = -, and no - at the beginning")
	}
	return nil
}

// checkArgument judges what becomes the value of a terraform option.
func checkArgument(s string) error {
	if strings.TrimSpace(s) == "" || strings.HasPrefix(s, "-") || hasControl(s) {
		return errors.New("it is empty, begins with -, or has a control character in it")
	}
	return nil
}

// checkAddress judges a resource type (aws_db_instance) or address
// (module.a.aws_s3_bucket.logs["eu"]).
func checkAddress(s string) error {
	bad := errors.New("it looks like aws_db_instance, aws_s3_bucket.logs or module.a.aws_s3_bucket.logs")
	if len(s) > 1000 {
		return bad
	}
	t, diags := hclsyntax.ParseTraversalAbs([]byte(s), "", hcl.InitialPos)
	if diags.HasErrors() || len(t) == 0 {
		return bad
	}
	return nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}
