package forge

import (
	"net/url"
	"strings"
)

// KindOf tells the forge from a remote's host: the one for which the
// environment names that host (the variables are in the package's
// description), or gitlab.com, github.com and *.ghe.com. It is "" where neither
// tells; a name like git.example.com says nothing.
func KindOf(remote string, getenv func(string) string) Kind {
	host, port, _, ok := splitRemote(remote)
	if !ok {
		return ""
	}
	// Gitea first: its CI sets the variables of GitHub's too.
	for _, kind := range []Kind{Gitea, GitLab, GitHub} {
		for _, name := range bind(kind, getenv).hosts {
			if base, err := parseHost(strings.TrimSpace(getenv(name))); err == nil && isAt(base, host, port) {
				return kind
			}
		}
	}
	switch host = strings.ToLower(host); {
	case host == "gitlab.com":
		return GitLab
	case host == "github.com", strings.HasSuffix(host, ".ghe.com"):
		return GitHub
	}
	return ""
}

// isAt reports whether a remote's host and port are those of a forge. The port
// of ssh, told as "", is not the API's.
func isAt(base *url.URL, host, port string) bool {
	return strings.EqualFold(host, base.Hostname()) && (port == "" || port == portOf(base))
}
