package forge

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// A token is a secret and the one host that it is for.
type token struct {
	secret  string
	from    string   // the variable that it is in
	base    *url.URL // where the host's pages are: scheme, host and path, no slash at its end
	boundBy string   // what says so, for people
}

// A binding is where a forge's token is looked for.
type binding struct {
	tokens   []string // variables, the first that is set
	hosts    []string // variables that name the token's host, the first that is set
	standard string   // the host where none is set; "" where there is none
}

// The names are those of the forges' own command line tools (glab, gh, tea)
// and CI systems. A CI job's token of GitLab cannot create projects.
var bindings = map[Kind]binding{
	GitLab: {[]string{"GITLAB_TOKEN"}, []string{"GITLAB_HOST", "CI_SERVER_URL", "CI_SERVER_HOST"}, "gitlab.com"},
	GitHub: {[]string{"GH_TOKEN", "GITHUB_TOKEN"}, []string{"GH_HOST", "GITHUB_SERVER_URL"}, "github.com"},
	Gitea:  {[]string{"GITEA_TOKEN"}, []string{"GITEA_HOST", "GITEA_SERVER_URL"}, ""},
}

func findToken(kind Kind, getenv func(string) string) (token, error) {
	b, ok := bindings[kind]
	if !ok {
		return token{}, fmt.Errorf("%q is no forge that can be asked\nhint: gitlab, github and gitea can", kind)
	}
	t, err := b.host(getenv)
	if err != nil {
		return token{}, err
	}
	names := b.tokens
	if kind == GitHub && t.base != nil && t.base.Host != "github.com" && !strings.HasSuffix(t.base.Host, ".ghe.com") {
		// As gh does: the other two may be for github.com.
		names = append([]string{"GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}, names...)
	}
	for _, name := range names {
		if t.secret = strings.TrimSpace(getenv(name)); t.secret != "" {
			t.from = name
			break
		}
	}
	switch {
	case t.secret == "":
		unless := ""
		if b.standard != "" {
			unless = " unless it is for " + b.standard
		}
		return token{}, fmt.Errorf("no token for %s is in the environment\nhint: set %s to one that may create projects, and %s to its host%s", kind, names[0], b.hosts[0], unless)
	case t.base == nil:
		return token{}, fmt.Errorf("%s is set, and nothing says which host it is for\nhint: set %s to the host, gitea.example.com say", t.from, b.hosts[0])
	}
	return t, nil
}

// host is the half of a token that says where it may go; its base is nil where
// nothing says so.
func (b binding) host(getenv func(string) string) (token, error) {
	for _, name := range b.hosts {
		value := strings.TrimSpace(getenv(name))
		if value == "" {
			continue
		}
		base, err := parseHost(value)
		if err != nil {
			return token{}, fmt.Errorf("%s: %w", name, err)
		}
		return token{base: base, boundBy: "as " + name + " says"}, nil
	}
	if b.standard == "" {
		return token{}, nil
	}
	return token{base: &url.URL{Scheme: "https", Host: b.standard}, boundBy: "as " + strings.Join(b.hosts, ", ") + " are not set"}, nil
}

// parseHost reads HOST, HOST:PORT or a URL.
func parseHost(value string) (*url.URL, error) {
	if !strings.Contains(value, "://") {
		value = "https://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("it names no host\nhint: write gitlab.example.com, or https://gitlab.example.com")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: strings.TrimRight(u.Path, "/")}, nil
}
