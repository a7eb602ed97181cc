// Package forge knows the projects of a git forge (GitLab, GitHub or Gitea)
// through its API: whether one is there, and how to make one.
//
// It changes nothing that is there, never touches a repository's contents, and
// sends its token to no host but the one that the environment binds it to.
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
	Visibility Visibility
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
	case Private, Public, Internal:
	default:
		return nil, fmt.Errorf("the visibility %q is not one of private, internal, public", c.Visibility)
	}
	client := &http.Client{Timeout: c.Timeout, CheckRedirect: sameHost}
	switch c.Kind {
	case GitLab:
		f.api, err = newGitLab(client, f.token, c.Visibility)
	case GitHub:
		f.api, err = newGitHub(client, f.token, c.Visibility)
	case Gitea:
		if c.Visibility == Internal {
			return nil, errors.New("gitea has no visibility \"internal\" for a repository\nhint: take private; members of the organisation see it by their team")
		}
		f.api = &giteaAPI{client: client, token: f.token, private: c.Visibility == Private}
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
		return errors.New("it redirects a request that makes a project")
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

// A hintError says all that there is to say, the next step included.
type hintError struct{ text string }

func (e *hintError) Error() string { return e.text }

func hintf(format string, args ...any) error { return &hintError{fmt.Sprintf(format, args...)} }

// A statusError is an answer of the API that is no success.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func (f *Forge) explain(ctx context.Context, what string, err error) error {
	var hinted *hintError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &hinted):
		return err
	}
	hint := ""
	var status *statusError
	if errors.As(err, &status) {
		switch status.status {
		case http.StatusUnauthorized:
			hint = fmt.Sprintf("\nhint: the token in %s is not valid there", f.token.from)
		case http.StatusForbidden, http.StatusNotFound:
			hint = fmt.Sprintf("\nhint: the token in %s has not the right to it", f.token.from)
		}
	}
	return fmt.Errorf("%s at %s: %s%s", what, f.token.base.Host, oneLine(err.Error()), hint)
}

// oneLine keeps what a server says within bounds.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + " …"
	}
	return s
}

var segment = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*$`)

// project is the owner and the name in a remote at the token's host.
func (f *Forge) project(remote string) (owner, name string, err error) {
	host, port, path, ok := splitRemote(remote)
	if !ok {
		return "", "", hintf("the remote is on no %s\nhint: leave out --create, or write the project's address", f.config.Kind)
	}
	base := f.token.base
	// The port of ssh is not the API's.
	if !strings.EqualFold(host, base.Hostname()) || port != "" && port != portOf(base) {
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
		if !segment.MatchString(p) || p == "." || p == ".." {
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
			port = u.Port()
		}
		return u.Hostname(), port, strings.TrimPrefix(u.Path, "/"), true
	}
	host, path, ok = strings.Cut(remote, ":")
	if !ok || strings.Contains(host, "/") {
		return "", "", "", false
	}
	return host[strings.LastIndex(host, "@")+1:], "", strings.TrimPrefix(path, "/"), true
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
