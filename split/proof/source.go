package proof

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// A source is a module address in the parts that a split sets.
type source struct {
	base  string   // without subdirectory and query
	sub   string   // what follows the package's //, as it is written
	query string   // the parameters without ref, in order
	refs  []string // the values of ref, decoded
}

// A sourceKey is by what a repository is known from a source.
type sourceKey struct{ base, query string }

func (s source) key() sourceKey { return sourceKey{s.base, s.query} }

// splitSource takes an address apart the way go-getter does: the query first,
// then the first // that does not belong to a scheme.
func splitSource(raw string) source {
	var s source
	addr, query, _ := strings.Cut(raw, "?")
	from := 0
	if i := strings.Index(addr, "://"); i >= 0 {
		from = i + len("://")
	}
	s.base = addr
	if i := strings.Index(addr[from:], "//"); i >= 0 {
		s.base, s.sub = addr[:from+i], addr[from+i+2:]
	}
	var rest []string
	for _, p := range strings.Split(query, "&") {
		key, value, _ := strings.Cut(p, "=")
		if k, err := url.QueryUnescape(key); err == nil && k == "ref" {
			if v, err := url.QueryUnescape(value); err == nil {
				value = v
			}
			s.refs = append(s.refs, value)
			continue
		}
		if p != "" {
			rest = append(rest, p)
		}
	}
	s.query = strings.Join(rest, "&")
	return s
}

// isLocal reports whether terraform takes raw for a path.
func isLocal(raw string) bool {
	for _, p := range []string{"./", "../", `.\`, `..\`} {
		if strings.HasPrefix(raw, p) {
			return true
		}
	}
	return false
}

// join returns the directory that a local source means, seen from dir. It is
// ".." or begins with "../" where it climbs out.
func join(dir, raw string) string {
	return path.Join(dir, strings.ReplaceAll(raw, `\`, "/"))
}

// climbs reports whether a cleaned path leaves its root.
func climbs(p string) bool { return p == ".." || strings.HasPrefix(p, "../") }

var secretKey = regexp.MustCompile(`(?i)token|secret|passw|credential|signature|key|auth|jwt`)

const redacted = "REDACTED"

// redact returns raw with every credential replaced. A user name git is none.
func redact(raw string) string {
	addr, query, has := strings.Cut(raw, "?")
	scheme := ""
	if i := strings.Index(addr, "://"); i >= 0 {
		scheme, addr = addr[:i+3], addr[i+3:]
	} else if i := strings.Index(addr, "::"); i >= 0 {
		scheme, addr = addr[:i+2], addr[i+2:]
	}
	host, _, _ := strings.Cut(addr, "/")
	at := strings.LastIndex(host, "@")
	if at < 0 && strings.Contains(host, ":") {
		// user:pass/word@host is no proper address, but would give it away.
		at = strings.LastIndex(addr, "@")
	}
	if at >= 0 && addr[:at] != "git" {
		addr = redacted + addr[at:]
	}
	out := scheme + addr
	if !has {
		return out
	}
	params := strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' || r == '?' })
	for i, p := range params {
		key, _, ok := strings.Cut(p, "=")
		name, err := url.QueryUnescape(key)
		if ok && (err != nil || secretKey.MatchString(name)) {
			params[i] = key + "=" + redacted
		}
	}
	return out + "?" + strings.Join(params, "&")
}
