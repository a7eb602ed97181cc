package rules

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/terrier-iac/terrier/modules/lint"
)

var unsafeRef = &lint.Rule{
	Name:     "unsafe-ref",
	Summary:  "A source that makes git run something, or that hides what it is",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		for _, c := range p.Calls {
			if !c.Known || c.Overridden {
				continue
			}
			switch why := unsafeSource(c); {
			case why != "":
				p.ReportCall(c, c.SourceRange(), nil, "%s has a source that %s",
					"No module needs one. If you did not write it, find out who did.", upper(c.Module()), why)
			case kindOf(p, c) == refUnsafe:
				ref, _ := ref(c)
				detail := "What git makes of it is not what a reader expects. Write a release tag or a full commit."
				if strings.Contains(ref, "//") {
					detail = "Terraform reads //SUBDIRECTORY before the question mark alone: REPOSITORY//SUBDIRECTORY?ref=REF."
				}
				p.ReportCall(c, refRange(c), nil, "%s is at %q, which no repository can have: %s", detail,
					upper(c.Module()), ref, unsafe(ref))
			}
		}
	},
}

// getters are those of terraform, OpenTofu and terragrunt.
var getters = map[string]bool{
	"git": true, "hg": true, "http": true, "https": true, "s3": true, "gcs": true, "file": true,
	"oci": true, // OpenTofu 1.10
	"tfr": true, "cas": true,
}

// helper matches what git takes for a remote helper: git-remote-NAME is run
// (gitremote-helpers(7)).
var helper = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9+.-]*)::`)

// unsafeSource says what is wrong with the address as such, "" for nothing.
func unsafeSource(c *lint.Call) string {
	text := c.Source.String()
	for _, r := range text {
		switch {
		case unicode.IsControl(r):
			return "holds control characters"
		case unicode.Is(unicode.Cf, r):
			return "holds characters that cannot be seen"
		}
	}
	rest := text
	if m := helper.FindStringSubmatch(rest); m != nil {
		if !getters[m[1]] {
			return "names " + quote(m[1]+"::") + ", which is no getter"
		}
		rest = rest[len(m[0]):]
		// What follows goes to git, or to nobody. The helper for AWS
		// CodeCommit is the one that AWS itself tells its users to name.
		if m := helper.FindStringSubmatch(rest); m != nil && m[1] != "codecommit" {
			return "makes git run its helper " + quote(m[1]+"::")
		}
		if strings.HasPrefix(rest, "-") {
			return "gives git an option"
		}
	}
	if strings.HasPrefix(host(c), "-") || strings.HasPrefix(c.Source.Repository, "-") && c.Source.Host == "" {
		return "gives ssh an option for its host"
	}
	plain, err := url.PathUnescape(c.Source.Repository + c.Source.Subdir)
	if err == nil && strings.ContainsFunc(plain, unicode.IsControl) {
		return "holds control characters"
	}
	return ""
}
