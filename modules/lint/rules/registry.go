package rules

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// A registry module's version is the version argument or, in terragrunt, the
// version parameter of a tfr:// source, or else the version argument of its
// terraform block (terragrunt's documentation of that block).

// isTfr reports whether a source is terragrunt's address of a registry.
func isTfr(c *lint.Call) bool {
	return c.Call.Terragrunt != nil && strings.HasPrefix(c.Source.String(), "tfr://")
}

func isRegistry(c *lint.Call) bool {
	return c.Source.Kind == hclparse.KindRegistry || isTfr(c)
}

// inTfr reports whether a call has its version in a tfr:// source, where it is
// one version.
func inTfr(c *lint.Call) bool { return isTfr(c) && param1(c.Source, "version") != "" }

// registryVersion is the version constraint of a registry module and its
// place. It is false where it has none, or one that is computed.
func registryVersion(c *lint.Call) (text string, at hcl.Range, ok bool) {
	switch {
	case inTfr(c):
		at = c.ParamRange("version")
		at.Filename = c.File().Path
		text = param1(c.Source, "version")
	case isRegistry(c):
		text, at = c.Version, c.VersionRange
	}
	return text, at, strings.TrimSpace(text) != ""
}

// computedVersion reports whether the call has a version argument that is no
// literal: what it says cannot be told.
func computedVersion(c *lint.Call) bool {
	if c.Version != "" || c.VersionRange.Filename == "" || inTfr(c) {
		return false
	}
	// An empty literal is two quotes long.
	return c.VersionRange.End.Byte-c.VersionRange.Start.Byte > len(`""`)
}

// pinOfVersion classifies a constraint.
func pinOfVersion(constraint string) hclparse.Pin {
	s, err := hclparse.ParseSource("a/b/c")
	if err != nil {
		return hclparse.PinAbsent
	}
	return s.Pin(strings.TrimSpace(constraint))
}

func quote(s string) string { return strconv.Quote(s) }

// scheme is the URL scheme of a source, "" where its address is none.
func scheme(s hclparse.Source) string {
	_, address := getter(s.Package)
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme)
}

// getter cuts the forced getter from a package's address: git::https://…
func getter(address string) (getter, rest string) {
	before, after, ok := strings.Cut(address, "::")
	if !ok || before == "" || strings.Trim(before, lettersAndDigits) != "" {
		return "", address
	}
	return before, after
}

const lettersAndDigits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func isHg(s hclparse.Source) bool {
	g, _ := getter(s.Package)
	return g == "hg" || g == "" && scheme(s) == "hg"
}
