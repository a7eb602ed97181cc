package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"code.gitea.io/sdk/gitea"
)

type giteaAPI struct {
	http    *http.Client
	token   token
	private bool
}

// client returns a client for one piece of work: its context is the client's.
func (g *giteaAPI) client(ctx context.Context) (*gitea.Client, error) {
	// With no version given it would ask the server for one first.
	return gitea.NewClient(g.token.base.String(), gitea.SetContext(ctx), gitea.SetHTTPClient(g.http), gitea.SetToken(g.token.secret), gitea.SetGiteaVersion(""))
}

func (g *giteaAPI) exists(ctx context.Context, owner, name string) (bool, error) {
	c, err := g.client(ctx)
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
	c, err := g.client(ctx)
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
	return &statusError{resp.StatusCode, resp.Header, err}
}

func (g *giteaAPI) look(ctx context.Context, owner, name string) (*project, error) {
	c, err := g.client(ctx)
	if err != nil {
		return nil, err
	}
	// A renamed repository, or owner, sends on to the new path.
	there, resp, err := c.GetRepo(owner, name)
	if err != nil {
		return nil, giteaError(resp, err)
	}
	p := &project{owner: owner, name: name, id: there.ID, defaultBranch: there.DefaultBranch}
	p.moved(there.FullName)
	switch {
	case there.Archived:
		p.closed = "is archived\nhint: unarchive it in its settings"
	case there.Mirror:
		p.closed = "is a mirror, and takes no pull requests\nhint: open it where it is mirrored from"
	case !there.HasPullRequests:
		p.closed = "takes no pull requests\nhint: turn them on in its settings (Units)"
	}
	return p, nil
}

func (g *giteaAPI) branch(ctx context.Context, p *project, name string) (bool, error) {
	c, err := g.client(ctx)
	if err != nil {
		return false, err
	}
	_, resp, err := c.GetRepoBranch(p.owner, p.name, name)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return false, nil
	}
	return err == nil, giteaError(resp, err)
}

// find reads all that is open: the list has no filter for branches, and the
// address for a base and a head tells closed ones too.
func (g *giteaAPI) find(ctx context.Context, p *project, source, target string) (*current, error) {
	c, err := g.client(ctx)
	if err != nil {
		return nil, err
	}
	o := gitea.ListPullRequestsOptions{State: gitea.StateOpen, ListOptions: gitea.ListOptions{Page: 1, PageSize: 50}}
	for {
		list, resp, err := c.ListRepoPullRequests(p.owner, p.name, o)
		if err != nil {
			return nil, giteaError(resp, err)
		}
		for _, r := range list {
			// Forks have branches of the same names.
			if r == nil || r.Head == nil || r.Base == nil || r.Head.RepoID != p.id || r.Head.Ref != source || r.Base.Ref != target {
				continue
			}
			found := &current{number: r.Index, url: r.HTMLURL, title: r.Title, body: r.Body}
			for _, l := range r.Labels {
				if l != nil {
					found.labels = append(found.labels, l.Name)
				}
			}
			return found, nil
		}
		if resp.NextPage <= o.Page {
			return nil, nil
		}
		o.Page = resp.NextPage
	}
}

func (g *giteaAPI) open(ctx context.Context, p *project, r Request) (*current, error) {
	c, err := g.client(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := g.labels(c, p, r.Labels)
	if err != nil {
		return nil, err
	}
	made, resp, err := c.CreatePullRequest(p.owner, p.name, gitea.CreatePullRequestOption{
		Head: r.Source, Base: r.Target, Title: r.titled(draftPrefix[Gitea]), Body: r.Body, Labels: ids,
	})
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusConflict && strings.Contains(err.Error(), "already exists") {
			err = errors.Join(errDoubled, err)
		}
		return nil, giteaError(resp, err)
	}
	return &current{number: made.Index, url: made.HTMLURL}, nil
}

func (g *giteaAPI) change(ctx context.Context, p *project, number int64, to change) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	if to.title != nil || to.body != nil {
		// What is empty or null here stays as it is.
		o := gitea.EditPullRequestOption{Body: to.body}
		if to.title != nil {
			o.Title = *to.title
		}
		if _, resp, err := c.EditPullRequest(p.owner, p.name, number, o); err != nil {
			return giteaError(resp, err)
		}
	}
	ids, err := g.labels(c, p, to.labels)
	if err != nil || ids == nil {
		return err
	}
	_, resp, err := c.AddIssueLabels(p.owner, p.name, number, gitea.IssueLabelsOption{Labels: ids})
	return giteaError(resp, err)
}

// newLabel is the colour of a label that is made: the grey that GitHub takes.
const newLabel = "#ededed"

// labels are the ids of labels, those of the repository before those of its
// organisation. One that is in neither is made in the repository, as GitLab
// and GitHub do by themselves.
func (g *giteaAPI) labels(c *gitea.Client, p *project, names []string) ([]int64, error) {
	if names == nil {
		return nil, nil
	}
	ids := map[string]int64{}
	read := func(list func(gitea.ListOptions) ([]*gitea.Label, *gitea.Response, error)) (*gitea.Response, error) {
		o := gitea.ListOptions{Page: 1, PageSize: 50}
		for {
			page, resp, err := list(o)
			if err != nil {
				return resp, err
			}
			for _, l := range page {
				if l == nil {
					continue
				}
				if _, ok := ids[l.Name]; !ok {
					ids[l.Name] = l.ID
				}
			}
			if resp.NextPage <= o.Page {
				return resp, nil
			}
			o.Page = resp.NextPage
		}
	}
	resp, err := read(func(o gitea.ListOptions) ([]*gitea.Label, *gitea.Response, error) {
		return c.ListRepoLabels(p.owner, p.name, gitea.ListLabelsOptions{ListOptions: o})
	})
	if err != nil {
		return nil, giteaError(resp, err)
	}
	resp, err = read(func(o gitea.ListOptions) ([]*gitea.Label, *gitea.Response, error) {
		return c.ListOrgLabels(p.owner, gitea.ListOrgLabelsOptions{ListOptions: o})
	})
	// A user has none, and a token may not see the organisation's.
	if err != nil && (resp == nil || resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusForbidden) {
		return nil, giteaError(resp, err)
	}
	var all []int64
	for _, name := range names {
		id, ok := ids[name]
		if !ok {
			made, resp, err := c.CreateLabel(p.owner, p.name, gitea.CreateLabelOption{Name: name, Color: newLabel})
			if err != nil {
				return nil, fmt.Errorf("make the label %q: %w", name, giteaError(resp, err))
			}
			id = made.ID
		}
		all = append(all, id)
	}
	return all, nil
}
