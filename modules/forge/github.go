package forge

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/go-github/v84/github"
)

type githubAPI struct {
	client     *github.Client
	visibility Visibility
	host       string
}

func newGitHub(client *http.Client, t token, v Visibility) (*githubAPI, error) {
	c := github.NewClient(client).WithAuthToken(t.secret)
	base := ""
	switch host := t.base.Host; {
	case host == "github.com":
	case strings.HasSuffix(host, ".ghe.com"):
		base = "https://api." + host + "/"
	default:
		base = t.base.String() + "/api/v3/"
	}
	if base != "" {
		var err error
		if c, err = c.WithEnterpriseURLs(base, base); err != nil {
			return nil, err
		}
	}
	return &githubAPI{c, v, t.base.Host}, nil
}

func (g *githubAPI) exists(ctx context.Context, owner, name string) (bool, error) {
	_, resp, err := g.client.Repositories.Get(ctx, owner, name)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return false, nil
	}
	return err == nil, githubError(resp, err)
}

func (g *githubAPI) create(ctx context.Context, owner, name string) error {
	who, resp, err := g.client.Users.Get(ctx, owner)
	switch {
	case resp != nil && resp.StatusCode == http.StatusNotFound:
		return hintf("%s has no organisation or user %s\nhint: create it first: repositories are made, owners are not", g.host, owner)
	case err != nil:
		return githubError(resp, err)
	}
	private := g.visibility != Public
	r := &github.Repository{Name: &name, Private: &private}
	if who.GetType() == "Organization" {
		r.Visibility = github.Ptr(string(g.visibility))
		_, resp, err = g.client.Repositories.Create(ctx, owner, r)
		return githubError(resp, err)
	}
	if g.visibility == Internal {
		return hintf("%s is a user, and only an organisation's repositories can be internal\nhint: take private or public", owner)
	}
	// A user's repository is made for the token's own user, whoever is asked
	// for.
	me, resp, err := g.client.Users.Get(ctx, "")
	if err != nil {
		return githubError(resp, err)
	}
	if !strings.EqualFold(me.GetLogin(), owner) {
		return hintf("%s is another user than the token's, %s\nhint: take a token of %s, or a remote of %s or of an organisation", owner, me.GetLogin(), owner, me.GetLogin())
	}
	_, resp, err = g.client.Repositories.Create(ctx, "", r)
	return githubError(resp, err)
}

func githubError(resp *github.Response, err error) error {
	if err == nil || resp == nil {
		return err
	}
	return &statusError{resp.StatusCode, err}
}
