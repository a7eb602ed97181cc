package rules

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var insecureTransport = &lint.Rule{
	Name:     "insecure-transport",
	Summary:  "A module that comes over the network in the clear",
	Severity: lint.Warn,
	Options:  []string{"schemes"},
	Fixes:    true,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			s := scheme(c.Source)
			if s != "http" && s != "git" && s != "ftp" || slices.Contains(p.Setting().Schemes, s) || loopback(host(c)) || host(c) == "" {
				continue
			}
			text := c.Source.String()
			at := strings.Index(strings.ToLower(text), s+"://")
			r := c.SourceRange()
			if at >= 0 {
				r = c.RangeOf(at, at+len(s)+len("://"))
			}
			p.ReportCall(c, r, encrypt(c, s, at), "%s is fetched by %s://, in the clear",
				"Whoever stands on the way can read it, and put other code in its place. Fetch it by https or ssh.", upper(c.Module()), s)
		}
	},
}

// loopback reports whether a host is this machine: what goes there is on no
// network.
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// encrypt writes https. A port says nothing about the one for https, and of
// what served git:// only some hosts are known to serve https as well.
func encrypt(c *lint.Call, scheme string, at int) *lint.Fix {
	text, start, ok := c.Literal()
	if !ok || at < 0 || strings.Contains(c.Source.Host, ":") {
		return nil
	}
	with := "https://"
	switch scheme {
	case "http":
	case "git":
		if host(c) != "github.com" && host(c) != "gitlab.com" && host(c) != "bitbucket.org" {
			return nil
		}
		if at == 0 {
			with = "git::https://" // git:// chose the getter too
		}
	default:
		return nil
	}
	changed, err := hclparse.ParseSource(text[:at] + with + text[at+len(scheme)+len("://"):])
	if err != nil || changed.Kind != c.Source.Kind || changed.Host != c.Source.Host || changed.Repository != c.Source.Repository {
		return nil
	}
	return &lint.Fix{
		Summary: "Write " + with + " instead of " + scheme + "://",
		Edits:   []hclparse.Edit{{Start: start + at, End: start + at + len(scheme) + len("://"), New: []byte(with)}},
	}
}
