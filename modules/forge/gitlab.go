package forge

import (
	"context"
	"errors"
	"net/http"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

type gitlabAPI struct {
	client     *gitlab.Client
	visibility gitlab.VisibilityValue
	host       string
}

func newGitLab(client *http.Client, t token, v Visibility) (*gitlabAPI, error) {
	c, err := gitlab.NewClient(t.secret, gitlab.WithBaseURL(t.base.String()), gitlab.WithHTTPClient(client), gitlab.WithCustomRetryMax(2))
	if err != nil {
		return nil, err
	}
	return &gitlabAPI{c, gitlab.VisibilityValue(v), t.base.Host}, nil
}

func (g *gitlabAPI) exists(ctx context.Context, owner, name string) (bool, error) {
	_, resp, err := g.client.Projects.GetProject(owner+"/"+name, nil, gitlab.WithContext(ctx))
	if errors.Is(err, gitlab.ErrNotFound) {
		return false, nil
	}
	return err == nil, gitlabError(resp, err)
}

func (g *gitlabAPI) create(ctx context.Context, owner, name string) error {
	ns, resp, err := g.client.Namespaces.GetNamespace(owner, gitlab.WithContext(ctx))
	if errors.Is(err, gitlab.ErrNotFound) {
		return hintf("%s has no group %s, or the token cannot see it\nhint: create the group first: projects are made, groups are not", g.host, owner)
	}
	if err != nil {
		return gitlabError(resp, err)
	}
	_, resp, err = g.client.Projects.CreateProject(&gitlab.CreateProjectOptions{
		Name: &name, Path: &name, NamespaceID: &ns.ID, Visibility: &g.visibility,
	}, gitlab.WithContext(ctx))
	return gitlabError(resp, err)
}

func gitlabError(resp *gitlab.Response, err error) error {
	if err == nil || resp == nil {
		return err
	}
	return &statusError{resp.StatusCode, err}
}
