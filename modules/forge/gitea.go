package forge

import (
	"context"
	"net/http"
	"strings"

	"code.gitea.io/sdk/gitea"
)

type giteaAPI struct {
	client  *http.Client
	token   token
	private bool
}

// open returns a client for one piece of work: its context is the client's.
func (g *giteaAPI) open(ctx context.Context) (*gitea.Client, error) {
	// With no version given it would ask the server for one first.
	return gitea.NewClient(g.token.base.String(), gitea.SetContext(ctx), gitea.SetHTTPClient(g.client), gitea.SetToken(g.token.secret), gitea.SetGiteaVersion(""))
}

func (g *giteaAPI) exists(ctx context.Context, owner, name string) (bool, error) {
	c, err := g.open(ctx)
	if err != nil {
		return false, err
	}
	_, resp, err := c.GetRepo(owner, name)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return false, nil
	}
	return err == nil, giteaError(resp, err)
}

func (g *giteaAPI) create(ctx context.Context, owner, name string) error {
	c, err := g.open(ctx)
	if err != nil {
		return err
	}
	option := gitea.CreateRepoOption{Name: name, Private: g.private, DefaultBranch: "main"}
	me, resp, err := c.GetMyUserInfo()
	if err != nil {
		return giteaError(resp, err)
	}
	if strings.EqualFold(me.UserName, owner) {
		_, resp, err = c.CreateRepo(option)
		return giteaError(resp, err)
	}
	_, resp, err = c.GetOrg(owner)
	switch {
	case resp != nil && resp.StatusCode == http.StatusNotFound:
		return hintf("%s has no organisation %s that the token can see\nhint: create it first: repositories are made, owners are not", g.token.base.Host, owner)
	case err != nil:
		return giteaError(resp, err)
	}
	_, resp, err = c.CreateOrgRepo(owner, option)
	return giteaError(resp, err)
}

func giteaError(resp *gitea.Response, err error) error {
	if err == nil || resp == nil {
		return err
	}
	return &statusError{resp.StatusCode, err}
}
