package approval

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/go-github/v84/github"

	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/modules/forge"
)

// A githubSource asks GitHub, with the workflow's own GITHUB_TOKEN.
type githubSource struct {
	client *github.Client
	host   string
	getenv func(string) string

	mu       sync.Mutex
	run      *github.WorkflowRun
	approved map[string]*Record
}

const githubNeeds = "the job needs permissions: actions: read, contents: read, deployments: read, pull-requests: read"

func newGitHub(o Options) (Source, error) {
	client, host, err := forge.GitHubClient(forge.Config{Kind: forge.GitHub, Getenv: o.Getenv, Timeout: o.Timeout})
	if err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\nhint: ")
		return nil, fmt.Errorf("who approved is asked of GitHub: %s\nhint: put GITHUB_TOKEN: ${{ github.token }} into the step's env; %s", reason, githubNeeds)
	}
	return &githubSource{client: client, host: host, getenv: o.Getenv, approved: map[string]*Record{}}, nil
}

func (g *githubSource) Approvals(ctx context.Context, w Want) (*Record, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case w.Environment == "" || w.Environment != w.Stack.Environment:
		return nil, refuse("put it into an environment", "%s is in no environment of its own, and approvals are an environment's", w.Stack.Name)
	case w.Run.CI == nil || w.Run.CI.Forge != string(inGitHub):
		return nil, refuse("let a job of the same workflow run plan", "the run was not made in GitHub Actions, so nothing of it is in GitHub's record")
	case w.Stack.Round > 0:
		return nil, plannedHere(w)
	case w.Run.CI.Job == g.getenv("GITHUB_JOB"):
		return nil, refuse("plan in a job of its own, before the one that applies", "the run was planned in the job that applies it, so nobody can have seen the plan before")
	}
	run, repo, err := g.thisRun(ctx, w.Run)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprint(w.Environment, "\x00", w.Emails)
	if rec := g.approved[key]; rec != nil {
		return rec, nil
	}
	rec, err := g.record(ctx, run, repo, w)
	if err == nil {
		g.approved[key] = rec
	}
	return rec, err
}

var repository = regexp.MustCompile(`^([A-Za-z0-9_-][A-Za-z0-9_.-]*)/([A-Za-z0-9_.-]+)$`)

// fetch asks for one thing; found is false where it is not there.
func fetch[T any](ctx context.Context, c *github.Client, what, route string) (v *T, next int, found bool, err error) {
	req, err := c.NewRequest(http.MethodGet, route, nil)
	if err != nil {
		return nil, 0, false, err
	}
	resp, err := c.Do(ctx, req, &v)
	switch {
	case ctx.Err() != nil:
		return nil, 0, false, ctx.Err()
	case resp != nil && resp.StatusCode == http.StatusNotFound:
		return nil, 0, false, nil
	case err != nil:
		return nil, 0, false, fmt.Errorf("ask for %s: %w\nhint: %s", what, short(err), githubNeeds)
	case v == nil:
		return nil, 0, false, fmt.Errorf("ask for %s: it answers with nothing", what)
	}
	return v, resp.NextPage, true, nil
}

// thisRun asks for the workflow run that the manifest names, which has to be the
// one that this job is in.
func (g *githubSource) thisRun(ctx context.Context, r *store.Run) (*github.WorkflowRun, string, error) {
	const hint = "apply in the workflow run that planned"
	m := repository.FindStringSubmatch(r.CI.Project)
	id, err := strconv.ParseInt(r.CI.Pipeline, 10, 64)
	if m == nil || m[2] == "." || m[2] == ".." || err != nil || id <= 0 {
		return nil, "", refuse("", "the run names no workflow run that planned it")
	}
	if here := g.getenv("GITHUB_RUN_ID"); here != r.CI.Pipeline {
		return nil, "", refuse(hint, "the run was made in workflow run %d, and this job is in %s", id, clip(here))
	}
	if here := g.getenv("GITHUB_REPOSITORY"); here != r.CI.Project {
		return nil, "", refuse(hint, "the run was made in %s, and this job is in %s", r.CI.Project, clip(here))
	}
	repo := "repos/" + r.CI.Project
	if g.run == nil {
		run, _, found, err := fetch[github.WorkflowRun](ctx, g.client, "the workflow run", fmt.Sprintf("%s/actions/runs/%d", repo, id))
		if err != nil {
			return nil, "", err
		}
		if !found {
			return nil, "", refuse(githubNeeds, "%s does not show the workflow run %d", g.host, id)
		}
		g.run = run
	}
	run := g.run
	switch {
	case run.GetID() != id || run.GetRepository().GetFullName() != r.CI.Project || run.GetTriggeringActor().GetID() <= 0:
		g.run = nil
		return nil, "", refuse("", "%s shows another workflow run than was asked for, or not all of it", g.host)
	case run.GetHeadSHA() != r.Commit:
		return nil, "", refuse("apply what is merged: on: push, not on: pull_request, whose commit is one that GitHub makes", "the run was made of commit %s, and the workflow run is of %s", clip(r.Commit), clip(run.GetHeadSHA()))
	case run.GetRunAttempt() != 1:
		return nil, "", refuse("start a new workflow run", "this is attempt %d of the workflow run, and GitHub does not say which attempt was approved", run.GetRunAttempt())
	}
	return run, repo, nil
}

// A review is one answer of the approvals of a workflow run, which the client has
// no word for.
type review struct {
	State        string `json:"state"`
	Environments []struct {
		Name string `json:"name"`
	} `json:"environments"`
	User *github.User `json:"user"`
}

func (g *githubSource) record(ctx context.Context, run *github.WorkflowRun, repo string, w Want) (*Record, error) {
	if err := g.protected(ctx, repo, w.Environment); err != nil {
		return nil, err
	}
	rec := &Record{By: g.host}
	reviews, _, found, err := fetch[[]*review](ctx, g.client, "the approvals", fmt.Sprintf("%s/actions/runs/%d/approvals", repo, run.GetID()))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, refuse(githubNeeds, "%s does not show the approvals of the workflow run", g.host)
	}
	for _, r := range *reviews {
		if r == nil || r.User.GetID() <= 0 {
			return nil, refuse("", "%s does not say who approved", g.host)
		}
		about := false
		for _, e := range r.Environments {
			about = about || e.Name == w.Environment
		}
		switch {
		case !about:
		case r.State == "rejected":
			return nil, refuse("", "%s rejected the deployment to %s", clip(r.User.GetLogin()), w.Environment)
		case r.State == "approved":
			rec.Approvers = add(rec.Approvers, g.person(r.User))
		}
	}
	if rec.Authors, err = g.authors(ctx, run, repo); err != nil {
		return nil, err
	}
	if w.Emails {
		for i := range rec.Approvers {
			if err := g.emails(ctx, &rec.Approvers[i]); err != nil {
				return nil, err
			}
		}
	}
	return rec, nil
}

func (g *githubSource) person(u *github.User) Person {
	return Person{ID: strconv.FormatInt(u.GetID(), 10), Username: u.GetLogin()}
}

// protected refuses an environment that waits for no reviewer.
func (g *githubSource) protected(ctx context.Context, repo, environment string) error {
	const hint = "give it required reviewers in the repository's settings (Environments)"
	e, _, found, err := fetch[github.Environment](ctx, g.client, "the environment", repo+"/environments/"+url.PathEscape(environment))
	switch {
	case err != nil:
		return err
	case !found:
		return refuse(hint, "%s has no environment %s, or it cannot be seen", g.host, environment)
	case e.GetName() != environment:
		return refuse("", "%s shows another environment than was asked for", g.host)
	}
	if !slices.ContainsFunc(e.ProtectionRules, func(r *github.ProtectionRule) bool {
		return r.GetType() == "required_reviewers" && len(r.Reviewers) > 0
	}) {
		return refuse(hint, "the environment %s waits for no reviewer at %s", environment, g.host)
	}
	return nil
}

// authors are those whose pull requests brought the commit, and who started the
// workflow run.
func (g *githubSource) authors(ctx context.Context, run *github.WorkflowRun, repo string) ([]Person, error) {
	out := []Person{g.person(run.GetTriggeringActor())}
	for page, next := 1, 0; ; page = next {
		if page > maxPages {
			return nil, refuse("", "the commit is in more pull requests than can be read")
		}
		list, n, found, err := fetch[[]*github.PullRequest](ctx, g.client, "pull requests of the commit", fmt.Sprintf("%s/commits/%s/pulls?per_page=%d&page=%d", repo, url.PathEscape(run.GetHeadSHA()), perPage, page))
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, refuse(githubNeeds, "%s does not show the pull requests of the commit", g.host)
		}
		for _, p := range *list {
			if p.GetUser().GetID() <= 0 {
				return nil, refuse("", "%s does not say whose a pull request is", g.host)
			}
			out = add(out, g.person(p.GetUser()))
		}
		if next = n; next <= page {
			return out, nil
		}
	}
}

// emails asks for a person's address. GitHub shows only one that it has
// verified.
func (g *githubSource) emails(ctx context.Context, p *Person) error {
	u, _, found, err := fetch[github.User](ctx, g.client, "a user", "user/"+p.ID)
	if err != nil || !found {
		return err
	}
	if strconv.FormatInt(u.GetID(), 10) != p.ID {
		return refuse("", "%s shows another user than was asked for", g.host)
	}
	if u.GetEmail() != "" {
		p.Emails = append(p.Emails, u.GetEmail())
	}
	return nil
}
