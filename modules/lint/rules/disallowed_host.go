package rules

import (
	"net"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var disallowedHost = &lint.Rule{
	Name:     "disallowed-host",
	Summary:  "A module from a host that the configuration does not allow",
	Severity: lint.Error,
	Options:  []string{"hosts"},
	Needs:    lint.NeedConfig,
	Ready:    func(in *lint.Input) bool { return len(in.Settings.Rules["disallowed-host"].Hosts) > 0 },
	Check: func(p *lint.Pass) {
		allowed := p.Setting().Hosts
		if len(allowed) == 0 {
			return
		}
		for _, c := range pinned(p) {
			h := host(c)
			if h == "" || allowsHost(allowed, h, port(c), c.Source.Repository) {
				continue
			}
			where := h
			if !strings.Contains(strings.ToLower(c.Redacted()), h) && !isTfr(c) && c.Source.Kind != hclparse.KindRegistry {
				where = "another host" // it may be a part of a password
			}
			for _, entry := range allowed {
				// The host may be right, and only the group wrong.
				if name, _, has := strings.Cut(entry, "/"); has && where == h && !strings.Contains(c.Source.Repository, "@") && allowsHost([]string{name}, h, port(c), "") {
					where = h + "/" + c.Source.Repository
				}
			}
			p.ReportCall(c, hostRange(c), nil, "%s comes from %s, which is not allowed",
				"The configuration allows "+strings.Join(allowed, ", ")+".", upper(c.Module()), quoteOdd(where))
		}
	},
}

// host is the host of a source without its port, "" where it has none.
func host(c *lint.Call) string {
	h := c.Source.Host
	if h == "" && isTfr(c) {
		return "registry.terraform.io" // what terragrunt takes
	}
	if name, _, err := net.SplitHostPort(h); err == nil {
		h = name
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(h, "[]")), ".")
}

// port is the port of a source, that of its scheme where it names none.
func port(c *lint.Call) string {
	if _, p, err := net.SplitHostPort(c.Source.Host); err == nil && p != "" {
		return p
	}
	switch scheme(c.Source) {
	case "http":
		return "80"
	case "git":
		return "9418"
	case "ssh", "git+ssh":
		return "22"
	case "https":
		return "443"
	}
	if c.Source.Kind == hclparse.KindRegistry || isTfr(c) {
		return "443"
	}
	return "22" // git::host:path
}

// allowsHost reports whether one of the entries allows a host: a glob of its
// name, with :PORT for that port alone, and with /PATH for what is there
// alone, in which * stays between two slashes and ** does not.
func allowsHost(entries []string, host, port, repository string) bool {
	for _, entry := range entries {
		name, path, hasPath := strings.Cut(entry, "/")
		name = strings.ToLower(name)
		if n, p, err := net.SplitHostPort(name); err == nil {
			if p != port {
				continue
			}
			name = n
		}
		name = strings.Trim(name, "[]")
		if ok, err := doublestar.Match(name, host); err != nil || !ok {
			continue
		}
		if !hasPath {
			return true
		}
		if ok, err := doublestar.Match(strings.Trim(path, "/"), repository); err == nil && ok {
			return true
		}
	}
	return false
}
