package forge

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
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
// and CI systems.
var bindings = map[Kind]binding{
	GitLab: {[]string{"GITLAB_TOKEN"}, []string{"GITLAB_HOST", "CI_SERVER_URL", "CI_SERVER_HOST"}, "gitlab.com"},
	GitHub: {[]string{"GH_TOKEN", "GITHUB_TOKEN"}, []string{"GH_HOST", "GITHUB_SERVER_URL"}, "github.com"},
	Gitea:  {[]string{"GITEA_TOKEN"}, []string{"GITEA_HOST", "GITEA_SERVER_URL"}, ""},
}

// bind is the binding as it is in this environment: the runners of Gitea and
// Forgejo put that forge's host and token into the variables of GitHub's, and
// they must not be taken for those.
func bind(kind Kind, getenv func(string) string) binding {
	b := bindings[kind]
	if getenv("GITEA_ACTIONS") != "true" && getenv("FORGEJO_ACTIONS") != "true" {
		return b
	}
	switch kind {
	case GitHub:
		b.tokens, b.hosts = b.tokens[:1:1], b.hosts[:1:1]
	case Gitea:
		b.tokens, b.hosts = append(slices.Clip(b.tokens), "GITHUB_TOKEN"), append(slices.Clip(b.hosts), "GITHUB_SERVER_URL")
	}
	return b
}

func findToken(kind Kind, getenv func(string) string) (token, error) {
	b := bind(kind, getenv)
	if b.tokens == nil {
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
	if kind == GitLab {
		// It is sent in another header, and what it may do is on a short list
		// (docs.gitlab.com "CI/CD job token").
		job := strings.TrimSpace(getenv("CI_JOB_TOKEN"))
		if job != "" && (t.secret == "" || t.secret == job) || strings.HasPrefix(t.secret, "glcbt-") {
			return token{}, errors.New("no token for gitlab is in the environment but that of the CI job (CI_JOB_TOKEN), and GitLab lets it neither open merge requests nor create projects\nhint: set GITLAB_TOKEN, as a masked CI/CD variable, to a project or group access token with the scope api")
		}
	}
	switch {
	case t.secret == "":
		unless := ""
		if b.standard != "" {
			unless = " unless it is for " + b.standard
		}
		return token{}, fmt.Errorf("no token for %s is in the environment\nhint: set %s to one that may write there, and %s to its host%s", kind, names[0], b.hosts[0], unless)
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
