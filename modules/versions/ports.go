package versions

import (
	"net/url"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

// ports are those at which a repository is called: by its identity, which has
// none, and by the kind of transport. One port for HTTP and another for SSH are
// one server; two for one of them are two, each with tags of its own.
type ports map[string]map[string]map[string]bool

func portsOf(calls []*lint.Call) ports {
	all := ports{}
	for _, c := range calls {
		kind, port, ok := portOf(c.Source)
		if !ok {
			continue
		}
		id := modules.RepositoryIdentity(c.Source)
		if all[id] == nil {
			all[id] = map[string]map[string]bool{}
		}
		if all[id][kind] == nil {
			all[id][kind] = map[string]bool{}
		}
		all[id][kind][port] = true
	}
	return all
}

// portOf is the port of a git source, "" for that of its scheme.
func portOf(s hclparse.Source) (kind, port string, ok bool) {
	if s.Kind != hclparse.KindGit || s.Host == "" {
		return "", "", false
	}
	u, err := url.Parse(lock.RemoteURL(s))
	if err != nil {
		return "", "", false
	}
	port = u.Port()
	switch kind = strings.ToLower(u.Scheme); {
	case kind == "http" && port == "80", kind == "https" && port == "443", kind == "ssh" && port == "22":
		port = ""
	}
	if kind == "https" {
		kind = "http"
	}
	return kind, port, true
}

// mark puts the port behind the host of an identity, where the source's
// repository is called at several.
func (p ports) mark(id string, s hclparse.Source) string {
	kind, port, ok := portOf(s)
	if !ok || port == "" || len(p[modules.RepositoryIdentity(s)][kind]) < 2 {
		return id
	}
	host, rest, _ := strings.Cut(id, "/")
	return host + ":" + port + "/" + rest
}

// portless is an identity without a port.
func portless(id string) string {
	host, rest, ok := strings.Cut(id, "/")
	if i := strings.LastIndexByte(host, ':'); ok && i > 0 && !strings.HasSuffix(host, "]") {
		return host[:i] + "/" + rest
	}
	return id
}
