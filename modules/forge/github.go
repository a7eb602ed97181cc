package forge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
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
	var (
		limit  *github.RateLimitError
		second *github.AbuseRateLimitError
	)
	switch {
	case err == nil || resp == nil:
		return err
	// The client gives these on its own too, with no answer of the server.
	case errors.As(err, &limit):
		return &statusError{http.StatusTooManyRequests, http.Header{"X-Ratelimit-Reset": {strconv.FormatInt(limit.Rate.Reset.Unix(), 10)}}, errors.New(limit.Message)}
	case errors.As(err, &second):
		header := http.Header{}
		if second.RetryAfter != nil {
			header.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(second.RetryAfter.Seconds())), 10))
		}
		return &statusError{http.StatusTooManyRequests, header, errors.New(second.Message)}
	}
	return &statusError{resp.StatusCode, resp.Header, err}
}

func (g *githubAPI) look(ctx context.Context, owner, name string) (*project, error) {
	// A renamed repository sends on to /repositories/ID.
	there, resp, err := g.client.Repositories.Get(ctx, owner, name)
	if err != nil {
		return nil, githubError(resp, err)
	}
	p := &project{owner: owner, name: name, id: there.GetID(), defaultBranch: there.GetDefaultBranch()}
	p.moved(there.GetFullName())
	if there.GetArchived() {
		p.closed = "is archived\nhint: unarchive it in its settings (General, Danger Zone)"
	}
	return p, nil
}

func (g *githubAPI) branch(ctx context.Context, p *project, name string) (bool, error) {
	// Not the API of branches, which answers under a branch's former name too.
	_, resp, err := g.client.Git.GetRef(ctx, p.owner, p.name, "heads/"+name)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return false, nil
	}
	return err == nil, githubError(resp, err)
}

func (g *githubAPI) find(ctx context.Context, p *project, source, target string) (*current, error) {
	o := &github.PullRequestListOptions{
		State: "open", Head: p.owner + ":" + source, Base: target,
		ListOptions: github.ListOptions{PerPage: 100, Page: 1},
	}
	for {
		list, resp, err := g.client.PullRequests.List(ctx, p.owner, p.name, o)
		if err != nil {
			return nil, githubError(resp, err)
		}
		for _, r := range list {
			// An owner can have a fork of its own repository.
			if r.GetHead().GetRepo().GetID() != p.id || r.GetHead().GetRef() != source || r.GetBase().GetRef() != target {
				continue
			}
			c := &current{number: int64(r.GetNumber()), url: r.GetHTMLURL(), title: r.GetTitle(), body: r.GetBody()}
			for _, l := range r.Labels {
				c.labels = append(c.labels, l.GetName())
			}
			return c, nil
		}
		if resp.NextPage <= o.Page {
			return nil, nil
		}
		o.Page = resp.NextPage
	}
}

func (g *githubAPI) open(ctx context.Context, p *project, r Request) (*current, error) {
	made, resp, err := g.client.PullRequests.Create(ctx, p.owner, p.name, &github.NewPullRequest{
		Title: &r.Title, Body: &r.Body, Head: &r.Source, Base: &r.Target, Draft: &r.Draft,
	})
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusUnprocessableEntity && strings.Contains(err.Error(), "already exists") {
			err = errors.Join(errDoubled, err)
		}
		return nil, githubError(resp, err)
	}
	c := &current{number: int64(made.GetNumber()), url: made.GetHTMLURL()}
	return c, g.label(ctx, p, c.number, r.Labels)
}

func (g *githubAPI) change(ctx context.Context, p *project, number int64, to change) error {
	if to.title != nil || to.body != nil {
		_, resp, err := g.client.PullRequests.Edit(ctx, p.owner, p.name, int(number), &github.PullRequest{Title: to.title, Body: to.body})
		if err != nil {
			return githubError(resp, err)
		}
	}
	return g.label(ctx, p, number, to.labels)
}

// label adds labels: to GitHub a pull request is an issue.
func (g *githubAPI) label(ctx context.Context, p *project, number int64, labels []string) error {
	if labels == nil {
		return nil
	}
	_, resp, err := g.client.Issues.AddLabelsToIssue(ctx, p.owner, p.name, int(number), labels)
	if err != nil {
		return fmt.Errorf("it is open, and without its labels: %w", githubError(resp, err))
	}
	return nil
}
