package forge

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

type gitlabAPI struct {
	client     *gitlab.Client
	visibility gitlab.VisibilityValue
	host       string
}

func newGitLab(client *http.Client, t token, v Visibility) (*gitlabAPI, error) {
	c, err := gitlab.NewClient(t.secret, gitlab.WithBaseURL(t.base.String()), gitlab.WithHTTPClient(client), gitlab.WithCustomRetryMax(2), gitlab.WithCustomRetry(retryGitLab))
	if err != nil {
		return nil, err
	}
	return &gitlabAPI{c, gitlab.VisibilityValue(v), t.base.Host}, nil
}

// retryGitLab tries again where nothing can have been done yet. The client's
// own rule also waits for as long as a rate limit says, and repeats what
// changes something after an answer that leaves open whether it was done.
func retryGitLab(ctx context.Context, resp *http.Response, err error) (bool, error) {
	var dial *net.OpError
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		return errors.As(err, &dial) && dial.Op == "dial", nil
	}
	return resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented && resp.Request.Method == http.MethodGet && resp.Header.Get("Retry-After") == "", nil
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
	return &statusError{resp.StatusCode, resp.Header, err}
}

// errNothing is for "null", which this client gives back as nil.
var errNothing = errors.New("it answers with nothing")

func (g *gitlabAPI) look(ctx context.Context, owner, name string) (*project, error) {
	// A renamed project answers under its old path, or sends on to /projects/ID.
	// It answers there to GET alone.
	there, resp, err := g.client.Projects.GetProject(owner+"/"+name, nil, gitlab.WithContext(ctx))
	if err == nil && there == nil {
		err = errNothing
	}
	if err != nil {
		return nil, gitlabError(resp, err)
	}
	p := &project{owner: owner, name: name, id: there.ID, defaultBranch: there.DefaultBranch}
	p.moved(there.PathWithNamespace)
	switch {
	case there.Archived:
		p.closed = "is archived\nhint: unarchive it in its settings (General, Advanced)"
	case there.MergeRequestsAccessLevel == gitlab.DisabledAccessControl:
		p.closed = "takes no merge requests\nhint: turn them on in its settings (General, Visibility and features)"
	}
	return p, nil
}

func (g *gitlabAPI) branch(ctx context.Context, p *project, name string) (bool, error) {
	_, resp, err := g.client.Branches.GetBranch(p.path(), name, gitlab.WithContext(ctx))
	if errors.Is(err, gitlab.ErrNotFound) {
		return false, nil
	}
	return err == nil, gitlabError(resp, err)
}

func (g *gitlabAPI) find(ctx context.Context, p *project, source, target string) (*current, error) {
	o := &gitlab.ListProjectMergeRequestsOptions{
		ListOptions: gitlab.ListOptions{PerPage: 100, Page: 1},
		State:       gitlab.Ptr("opened"), SourceBranch: &source, TargetBranch: &target,
	}
	for {
		list, resp, err := g.client.MergeRequests.ListProjectMergeRequests(p.path(), o, gitlab.WithContext(ctx))
		if err != nil {
			return nil, gitlabError(resp, err)
		}
		for _, m := range list {
			// Forks have branches of the same names.
			if m.SourceProjectID == p.id && m.SourceBranch == source && m.TargetBranch == target {
				return &current{m.IID, m.WebURL, m.Title, m.Description, m.Labels}, nil
			}
		}
		if resp.NextPage <= o.Page {
			return nil, nil
		}
		o.Page = resp.NextPage
	}
}

func (g *gitlabAPI) open(ctx context.Context, p *project, r Request) (*current, error) {
	o := &gitlab.CreateMergeRequestOptions{
		Title: gitlab.Ptr(r.titled(draftPrefix[GitLab])), Description: &r.Body, SourceBranch: &r.Source, TargetBranch: &r.Target,
	}
	if r.Labels != nil {
		o.Labels = (*gitlab.LabelOptions)(&r.Labels)
	}
	m, resp, err := g.client.MergeRequests.CreateMergeRequest(p.path(), o, gitlab.WithContext(ctx))
	if err == nil && m == nil {
		err = errNothing
	}
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusConflict && strings.Contains(err.Error(), "already exists") {
			err = errors.Join(errDoubled, err)
		}
		return nil, gitlabError(resp, err)
	}
	return &current{number: m.IID, url: m.WebURL}, nil
}

func (g *gitlabAPI) change(ctx context.Context, p *project, number int64, to change) error {
	o := &gitlab.UpdateMergeRequestOptions{Title: to.title, Description: to.body}
	if to.labels != nil {
		o.AddLabels = (*gitlab.LabelOptions)(&to.labels)
	}
	_, resp, err := g.client.MergeRequests.UpdateMergeRequest(p.path(), number, o, gitlab.WithContext(ctx))
	return gitlabError(resp, err)
}
