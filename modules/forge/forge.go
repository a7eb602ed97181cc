// Package forge knows the projects of a git forge (GitLab, GitHub or Gitea)
// through its API: whether one is there, how to make one, and how to keep a
// merge or pull request of a branch open and up to date (Open).
//
// It never touches a repository's contents, and sends its token to no host but
// the one that the environment binds it to: a remote at another host is an
// error, a redirect to another host is not followed, and the token is taken out
// of all that a server says. The first variable that is set counts:
//
//	        token                   its host
//	gitlab  GITLAB_TOKEN            GITLAB_HOST, CI_SERVER_URL, CI_SERVER_HOST,
//	                                else gitlab.com
//	github  GH_TOKEN, GITHUB_TOKEN  GH_HOST, GITHUB_SERVER_URL, else github.com
//	        (before them GH_ENTERPRISE_TOKEN, GITHUB_ENTERPRISE_TOKEN, where the
//	        host is neither github.com nor *.ghe.com)
//	gitea   GITEA_TOKEN             GITEA_HOST, GITEA_SERVER_URL
//
// A host is a name, a name with a port, or a URL. In the CI of Gitea and
// Forgejo (GITEA_ACTIONS or FORGEJO_ACTIONS is "true") GITHUB_SERVER_URL and
// GITHUB_TOKEN are that forge's, and are taken as gitea's, never as github's.
//
// What a token needs to open requests:
//
//	gitlab  the scope api; as a project or group access token the role
//	        Developer. The token of a CI job (CI_JOB_TOKEN) may not open merge
//	        requests: put another into the masked variable GITLAB_TOKEN
//	github  fine-grained: "Pull requests" to write and "Contents" to read,
//	        and "Issues" to write for labels. Classic: repo. A workflow's own
//	        GITHUB_TOKEN: permissions "contents: read" and "pull-requests:
//	        write", and the setting "Allow GitHub Actions to create and approve
//	        pull requests"; other workflows do not start on what it opens
//	gitea   write:repository, and write:issue for labels
//
// and to create projects: the scope api and a role that may create projects in
// the group; "Administration" to write (classic: repo); write:organization or
// write:user.
package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Kind is a forge's software.
type Kind string

const (
	GitLab Kind = "gitlab"
	GitHub Kind = "github"
	Gitea  Kind = "gitea"
)

// Visibility is who can see a project that is made.
type Visibility string

const (
	Private  Visibility = "private"
	Internal Visibility = "internal" // whoever is signed in; not on Gitea
	Public   Visibility = "public"
)

// Config says which forge it is and what new projects are like.
type Config struct {
	Kind       Kind
	Visibility Visibility               // "" is Private
	Getenv     func(name string) string // where the token and its host come from
	Timeout    time.Duration            // for one request; 0 is for ever
}

// A Forge is one host's API, and a token for it. It may be used by several
// goroutines.
type Forge struct {
	config Config
	token  token
	api    api
}

// An api is what the forges have in common. A project is named by its owner
// (with its subgroups) and its last part.
type api interface {
	exists(ctx context.Context, owner, name string) (bool, error)
	create(ctx context.Context, owner, name string) error

	// look finds a project under its name now.
	look(ctx context.Context, owner, name string) (*project, error)
	branch(ctx context.Context, p *project, name string) (bool, error)
	// find looks for the open request from one branch of a project to another;
	// it is nil where there is none.
	find(ctx context.Context, p *project, source, target string) (*current, error)
	// open makes a request; it is not nil where it was made, with an error too.
	open(ctx context.Context, p *project, r Request) (*current, error)
	change(ctx context.Context, p *project, number int64, to change) error
}

// New finds the token in the environment. It is an error where there is none,
// and where no host is known that it is for. Nothing is sent yet.
func New(c Config) (*Forge, error) {
	f := &Forge{config: c}
	var err error
	if f.token, err = findToken(c.Kind, c.Getenv); err != nil {
		return nil, err
	}
	switch c.Visibility {
	case "":
		c.Visibility = Private
	case Private, Public, Internal:
	default:
		return nil, fmt.Errorf("the visibility %q is not one of private, internal, public", c.Visibility)
	}
	client := &http.Client{Transport: transport{http.DefaultTransport}, Timeout: c.Timeout, CheckRedirect: sameHost}
	switch c.Kind {
	case GitLab:
		f.api, err = newGitLab(client, f.token, c.Visibility)
	case GitHub:
		f.api, err = newGitHub(client, f.token, c.Visibility)
	case Gitea:
		if c.Visibility == Internal {
			return nil, errors.New("gitea has no visibility \"internal\" for a repository\nhint: take private; members of the organisation see it by their team")
		}
		f.api = &giteaAPI{http: client, token: f.token, private: c.Visibility == Private}
	}
	return f, err
}

// sameHost keeps a token where it was sent: Go takes the Authorization header
// away on the way to another host, but not GitLab's PRIVATE-TOKEN.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case req.URL.Host != first.Host || req.URL.Scheme != first.Scheme:
		return fmt.Errorf("it redirects to %s://%s, and nothing was sent there", req.URL.Scheme, req.URL.Host)
	case via[0].Method != http.MethodGet:
		return errors.New("it redirects a request that changes something")
	case len(via) > 5:
		return errors.New("it redirects in a circle")
	}
	return nil
}

// Exists reports whether the forge has the project that a remote names, as far
// as the token can see. A remote at another host than the token's is an error,
// and nothing is sent.
func (f *Forge) Exists(ctx context.Context, remote string) (bool, error) {
	owner, name, err := f.project(remote)
	if err != nil {
		return false, err
	}
	ok, err := f.api.exists(ctx, owner, name)
	return ok, f.explain(ctx, "look for "+owner+"/"+name, err)
}

// Create makes the project that a remote names, empty. Its owner has to be
// there.
func (f *Forge) Create(ctx context.Context, remote string) error {
	owner, name, err := f.project(remote)
	if err != nil {
		return err
	}
	return f.explain(ctx, "create "+owner+"/"+name, f.api.create(ctx, owner, name))
}

var segment = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*$`)

// isSegment reports whether s can be a part of a project's path.
func isSegment(s string) bool { return segment.MatchString(s) && s != "." && s != ".." }

// project is the owner and the name in a remote at the token's host.
func (f *Forge) project(remote string) (owner, name string, err error) {
	host, port, path, ok := splitRemote(remote)
	if !ok {
		return "", "", hintf("the remote is on no %s\nhint: write the project's address there, https://HOST/OWNER/NAME.git", f.config.Kind)
	}
	base := f.token.base
	if !isAt(base, host, port) {
		if port != "" {
			host += ":" + port
		}
		return "", "", hintf("the token in %s is for %s (%s), and the remote is at %s: nothing was sent there\nhint: if the token is for that host, set %s=%s beside it",
			f.token.from, base.Host, f.token.boundBy, host, bindings[f.config.Kind].hosts[0], host)
	}
	// A forge below a path has it in its http addresses.
	path = strings.TrimPrefix(path, strings.Trim(base.Path, "/")+"/")
	parts := strings.Split(strings.TrimSuffix(strings.Trim(path, "/"), ".git"), "/")
	for _, p := range parts {
		if !isSegment(p) {
			return "", "", hintf("%q is no path of a project", path)
		}
	}
	n := len(parts) - 1
	switch {
	case n == 0:
		return "", "", hintf("the remote's path %q has no owner\nhint: it is OWNER/NAME.git", path)
	case n > 1 && f.config.Kind != GitLab:
		return "", "", hintf("the remote's path %q has %d parts, and a project of %s has an owner and a name", path, n+1, f.config.Kind)
	}
	return strings.Join(parts[:n], "/"), parts[n], nil
}

// splitRemote takes a URL or git@host:path apart. The port is told of http
// and https only.
func splitRemote(remote string) (host, port, path string, ok bool) {
	if strings.Contains(remote, "://") {
		u, err := url.Parse(remote)
		if err != nil || u.Scheme == "file" || u.Hostname() == "" {
			return "", "", "", false
		}
		if strings.HasPrefix(u.Scheme, "http") {
			return u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), true
		}
		return sshHost(u.Hostname()), "", strings.TrimPrefix(u.Path, "/"), true
	}
	host, path, ok = strings.Cut(remote, ":")
	if !ok || strings.Contains(host, "/") {
		return "", "", "", false
	}
	return sshHost(host[strings.LastIndex(host, "@")+1:]), "", strings.TrimPrefix(path, "/"), true
}

// sshHost is the forge of a host that only answers ssh on port 443, for
// networks that let no other through.
func sshHost(host string) string {
	switch strings.ToLower(host) {
	case "altssh.gitlab.com":
		return "gitlab.com"
	case "ssh.github.com":
		return "github.com"
	}
	return host
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}
