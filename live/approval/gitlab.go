package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go"

	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/modules/forge"
)

const (
	perPage  = 100
	maxPages = 50 // 5,000 deployments to one environment after the job's own
)

// A gitlabSource asks GitLab: what the job is by the job's own token, the rest
// by GITLAB_TOKEN, which the API of protected environments wants.
type gitlabSource struct {
	job, api *gitlab.Client
	host     string

	mu       sync.Mutex // one question at a time; what was found is kept for the next stack
	facts    *jobFacts
	planned  map[string]*plannedRun // by job and path
	approved map[string]*Record     // by environment, plan job and whether with addresses
}

// jobFacts are what GitLab says of the job that asks.
type jobFacts struct {
	job      *gitlab.Job
	pipeline *gitlab.Pipeline
	project  *gitlab.Project
	started  time.Time // when it was asked for: the click, of a manual job
}

// A plannedRun is what the plan job left at the forge.
type plannedRun struct {
	run      *store.Run
	finished time.Time
}

func newGitLab(o Options) (Source, error) {
	c := forge.Config{Kind: forge.GitLab, Getenv: o.Getenv, Timeout: o.Timeout}
	job, host, err := forge.GitLabJobClient(c)
	if err != nil {
		return nil, err
	}
	api, _, err := forge.GitLabClient(c)
	if err != nil {
		return nil, fmt.Errorf("who approved is asked with a token of its own, for the job's may not see whether an environment is protected\nhint: set GITLAB_TOKEN, as a masked and protected CI/CD variable, to a project access token with the scope read_api and the role Maintainer")
	}
	return &gitlabSource{job: job, api: api, host: host, planned: map[string]*plannedRun{}, approved: map[string]*Record{}}, nil
}

func (g *gitlabSource) Approvals(ctx context.Context, w Want) (*Record, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case w.Environment == "" || w.Environment != w.Stack.Environment:
		return nil, refuse("put it into an environment", "%s is in no environment of its own, and approvals are an environment's", w.Stack.Name)
	case w.Run.CI == nil || w.Run.CI.Forge != string(inGitLab):
		return nil, refuse("let a job of the same pipeline plan", "the run was not made in GitLab's CI, so nothing of it is in GitLab's record")
	case w.Stack.Round > 0:
		return nil, plannedHere(w)
	}
	facts, err := g.thisJob(ctx)
	if err != nil {
		return nil, err
	}
	if err := facts.made(w.Run); err != nil {
		return nil, err
	}
	plan, err := g.plan(ctx, facts, w)
	if err != nil {
		return nil, err
	}
	if err := sameStack(plan.run, w); err != nil {
		return nil, err
	}
	key := fmt.Sprint(w.Environment, "\x00", w.Run.CI.Job, "\x00", w.Emails)
	if rec := g.approved[key]; rec != nil {
		return rec, nil
	}
	rec, err := g.record(ctx, facts, plan, w)
	if err == nil {
		g.approved[key] = rec
	}
	return rec, err
}

func plannedHere(w Want) error {
	return refuse("start a pipeline anew: it plans the stack, and what is approved there is that plan", "%s was planned in a later round, after what was approved", w.Stack.Name)
}

// get asks for one thing. What is not there is nil, and no error.
func get[T any](ctx context.Context, c *gitlab.Client, what, route string, query any) (*T, *gitlab.Response, error) {
	req, err := c.NewRequest(http.MethodGet, route, query, []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)})
	if err != nil {
		return nil, nil, err
	}
	var v *T
	resp, err := c.Do(req, &v)
	switch {
	case errors.Is(err, gitlab.ErrNotFound):
		return nil, resp, nil
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil:
		return nil, resp, fmt.Errorf("ask for %s: %w", what, short(err))
	case v == nil:
		return nil, resp, fmt.Errorf("ask for %s: it answers with nothing", what)
	}
	return v, resp, nil
}

// short keeps what a server says on one line. The clients put neither a token nor
// a header into their errors.
func short(err error) error {
	text := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, err.Error())), " ")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300]) + " …"
	}
	return errors.New(text)
}

// thisJob asks what the job is that this process runs in, its pipeline and its
// project.
func (g *gitlabSource) thisJob(ctx context.Context) (*jobFacts, error) {
	if g.facts != nil {
		return g.facts, nil
	}
	f := &jobFacts{}
	var err error
	if f.job, _, err = get[gitlab.Job](ctx, g.job, "this job", "job", nil); err != nil {
		return nil, err
	}
	switch j := f.job; {
	case j == nil:
		return nil, refuse("", "%s knows no job of this token", g.host)
	case j.ID <= 0 || j.Pipeline.ID <= 0 || j.Pipeline.ProjectID <= 0 || j.Pipeline.Sha == "" || j.User == nil || j.User.ID <= 0 || j.StartedAt == nil:
		return nil, refuse("", "%s does not say all of this job that has to be known", g.host)
	case j.Status != "running":
		return nil, refuse("", "%s says that this job is not running, but %q", g.host, clip(j.Status))
	}
	f.started = f.job.StartedAt.Add(-time.Duration(max(f.job.QueuedDuration, 0) * float64(time.Second)))
	at := projectPath(f)
	if f.pipeline, _, err = get[gitlab.Pipeline](ctx, g.api, "the pipeline", fmt.Sprintf("%s/pipelines/%d", at, f.job.Pipeline.ID), nil); err != nil {
		return nil, err
	}
	if p := f.pipeline; p == nil || p.ID != f.job.Pipeline.ID || p.SHA != f.job.Pipeline.Sha || p.User == nil || p.User.ID <= 0 {
		return nil, refuse("may GITLAB_TOKEN see the project's pipelines? it needs the scope read_api", "%s does not show this job's pipeline, or another one", g.host)
	}
	if f.project, _, err = get[gitlab.Project](ctx, g.api, "the project", at, nil); err != nil {
		return nil, err
	}
	if p := f.project; p == nil || p.ID != f.job.Pipeline.ProjectID || p.PathWithNamespace == "" {
		return nil, refuse("may GITLAB_TOKEN see the project? it needs the scope read_api", "%s does not show this job's project", g.host)
	}
	g.facts = f
	return f, nil
}

func projectPath(f *jobFacts) string { return fmt.Sprintf("projects/%d", f.job.Pipeline.ProjectID) }

// made refuses a run that this job's own pipeline has not made.
func (f *jobFacts) made(r *store.Run) error {
	const hint = "apply in the pipeline that planned"
	switch ci := r.CI; {
	case ci.Pipeline != strconv.FormatInt(f.job.Pipeline.ID, 10):
		return refuse(hint, "the run was made in pipeline %s, and this job is in pipeline %d", clip(ci.Pipeline), f.job.Pipeline.ID)
	case ci.Project != f.project.PathWithNamespace && ci.Project != strconv.FormatInt(f.project.ID, 10):
		return refuse(hint, "the run was made in another project than this job's, %s", f.project.PathWithNamespace)
	case r.Commit != f.job.Pipeline.Sha:
		return refuse(hint, "the run was made of commit %s, and the pipeline is of %s", clip(r.Commit), clip(f.job.Pipeline.Sha))
	}
	return nil
}

// artifact is what may stand in an artifact's path: it becomes part of an
// address.
func artifact(name string) bool {
	if name == "" || path.Clean(name) != name || strings.HasPrefix(name, "/") || name == ".." || strings.HasPrefix(name, "../") {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/@+", r))
	}) < 0
}

// plan reads the manifest from the artifact of the job that planned. It is in the
// forge's own storage, and no later job can change it.
func (g *gitlabSource) plan(ctx context.Context, f *jobFacts, w Want) (*plannedRun, error) {
	key := w.Run.CI.Job + "\x00" + w.Manifest
	if p := g.planned[key]; p != nil {
		return p, nil
	}
	id, err := strconv.ParseInt(w.Run.CI.Job, 10, 64)
	switch {
	case err != nil || id <= 0:
		return nil, refuse("", "the run names no job that planned it")
	case id == f.job.ID:
		return nil, refuse("plan in a job of its own, before the one that applies", "the run was planned in the job that applies it, so nobody can have seen the plan before")
	case !artifact(w.Manifest):
		return nil, refuse("", "%q is no path of an artifact", clip(w.Manifest))
	}
	job, _, err := get[gitlab.Job](ctx, g.api, "the job that planned", fmt.Sprintf("%s/jobs/%d", projectPath(f), id), nil)
	switch {
	case err != nil:
		return nil, err
	case job == nil || job.ID != id || job.Pipeline.ID != f.job.Pipeline.ID || job.Pipeline.ProjectID != f.job.Pipeline.ProjectID:
		return nil, refuse("apply in the pipeline that planned", "job %d, which the run says has planned, is none of this pipeline", id)
	case job.FinishedAt == nil:
		return nil, refuse("", "job %d, which the run says has planned, is not finished", id)
	}
	data, resp, err := g.job.Jobs.DownloadSingleArtifactsFile(f.job.Pipeline.ProjectID, id, escape(w.Manifest), gitlab.WithContext(ctx))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, gitlab.ErrNotFound), resp != nil && resp.StatusCode == http.StatusNotFound:
		return nil, refuse("keep .terrier/runs as an artifact of the job that plans", "job %d has no artifact %s, so it cannot be told what was approved", id, w.Manifest)
	case err != nil:
		return nil, fmt.Errorf("read the artifact of job %d: %w", id, short(err))
	}
	p := &plannedRun{run: &store.Run{}, finished: *job.FinishedAt}
	if err := json.NewDecoder(data).Decode(p.run); err != nil {
		return nil, refuse("", "the artifact %s of job %d is no manifest of a run", w.Manifest, id)
	}
	if r := p.run; r.ID != w.Run.ID || r.Commit != w.Run.Commit || !reflect.DeepEqual(r.CI, w.Run.CI) {
		return nil, refuse("apply what the job has planned", "the run at hand is not the one that job %d has planned", id)
	}
	g.planned[key] = p
	return p, nil
}

// escape writes a path as it stands in an address.
func escape(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// sameStack refuses a stack whose plan is not the one that the forge has.
func sameStack(planned *store.Run, w Want) error {
	s := planned.Stack(w.Stack.Name)
	if s == nil || s.Digest == "" {
		return plannedHere(w)
	}
	a, b := *s, *w.Stack
	// What became of it later says nothing of the plan.
	a.Status, a.Error, a.Refusals, b.Status, b.Error, b.Refusals = "", "", nil, "", "", nil
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil || string(x) != string(y) {
		return refuse("start a pipeline anew", "the plan of %s at hand is not the one that was planned in this pipeline", w.Stack.Name)
	}
	return nil
}

// A deployment is gitlab.Deployment with what this client has no word for.
type deployment struct {
	gitlab.Deployment
	Approvals []struct {
		User      *gitlab.BasicUser `json:"user"`
		Status    string            `json:"status"`
		CreatedAt *time.Time        `json:"created_at"`
	} `json:"approvals"`
}

// record asks who approved this job's deployment, and whose change it is.
func (g *gitlabSource) record(ctx context.Context, f *jobFacts, plan *plannedRun, w Want) (*Record, error) {
	if err := g.protected(ctx, f, w.Environment); err != nil {
		return nil, err
	}
	d, err := g.deployment(ctx, f, w.Environment)
	if err != nil {
		return nil, err
	}
	rec := &Record{By: g.host}
	for _, a := range d.Approvals {
		switch {
		case a.User == nil || a.User.ID <= 0 || a.CreatedAt == nil:
			return nil, refuse("", "%s does not say who approved, or when", g.host)
		case a.Status == "rejected":
			return nil, refuse("", "%s rejected the deployment to %s", clip(a.User.Username), w.Environment)
		case a.Status == "approved" && !a.CreatedAt.Before(plan.finished): // else of a plan that is no more
			rec.Approvers = add(rec.Approvers, Person{ID: strconv.FormatInt(a.User.ID, 10), Username: a.User.Username})
		}
	}
	// Who started a manual job of a protected environment has clicked for it.
	// Of one that the pipeline started nobody has, and the user is the pipeline's.
	if u := f.job.User; u.ID != f.pipeline.User.ID && !f.started.Before(plan.finished) {
		rec.Approvers = add(rec.Approvers, Person{ID: strconv.FormatInt(u.ID, 10), Username: u.Username})
	}
	if rec.Authors, err = g.authors(ctx, f); err != nil {
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

// protected refuses an environment that anybody who may push could deploy to.
func (g *gitlabSource) protected(ctx context.Context, f *jobFacts, environment string) error {
	p, _, err := get[gitlab.ProtectedEnvironment](ctx, g.api, "the protection of "+environment, projectPath(f)+"/protected_environments/"+url.PathEscape(environment), nil)
	const hint = "protect it in the project's settings (CI/CD, Protected environments); GITLAB_TOKEN needs the scope read_api and the role Maintainer to see it"
	switch {
	case err != nil:
		return err
	case p == nil:
		return refuse(hint, "the environment %s is not protected at %s, or that cannot be seen: an approval of it would prove nothing", environment, g.host)
	case p.Name != environment || len(p.DeployAccessLevels) == 0:
		return refuse(hint, "%s does not say who may deploy to %s", g.host, environment)
	}
	return nil
}

// deployment finds the deployment that this job is.
func (g *gitlabSource) deployment(ctx context.Context, f *jobFacts, environment string) (*deployment, error) {
	o := &gitlab.ListProjectDeploymentsOptions{
		ListOptions: gitlab.ListOptions{PerPage: perPage, Page: 1},
		OrderBy:     gitlab.Ptr("id"), Sort: gitlab.Ptr("desc"), Environment: &environment,
	}
	var id int64
	for page := 0; page < maxPages && id == 0; page++ {
		list, resp, err := get[[]*gitlab.Deployment](ctx, g.api, "deployments to "+environment, projectPath(f)+"/deployments", o)
		if err != nil {
			return nil, err
		}
		if list == nil {
			break
		}
		for _, d := range *list {
			if d != nil && d.ID > 0 && d.Deployable.ID == f.job.ID {
				id = d.ID
				break
			}
		}
		if resp.NextPage <= o.Page {
			break
		}
		o.Page = resp.NextPage
	}
	if id == 0 {
		return nil, refuse(fmt.Sprintf("give the job `environment: %s`", environment), "this job is no deployment to the environment %s", environment)
	}
	d, _, err := get[deployment](ctx, g.api, "the deployment", fmt.Sprintf("%s/deployments/%d", projectPath(f), id), nil)
	switch {
	case err != nil:
		return nil, err
	case d == nil || d.ID != id || d.Deployable.ID != f.job.ID || d.SHA != f.job.Pipeline.Sha || d.Environment == nil || d.Environment.Name != environment:
		return nil, refuse("", "%s does not show this job's deployment to %s, or another one", g.host, environment)
	}
	return d, nil
}

// authors are those whose merge requests brought the commit, else who started
// the pipeline.
func (g *gitlabSource) authors(ctx context.Context, f *jobFacts) ([]Person, error) {
	var out []Person
	o := &gitlab.ListOptions{PerPage: perPage, Page: 1}
	for page := 0; ; page++ {
		list, resp, err := get[[]*gitlab.BasicMergeRequest](ctx, g.api, "merge requests of the commit", projectPath(f)+"/repository/commits/"+url.PathEscape(f.job.Pipeline.Sha)+"/merge_requests", o)
		switch {
		case err != nil:
			return nil, err
		case list == nil:
			return nil, refuse("may GITLAB_TOKEN see merge requests? it needs the scope read_api", "%s does not show the merge requests of the commit", g.host)
		case page == maxPages:
			return nil, refuse("", "the commit is in more merge requests than can be read")
		}
		for _, m := range *list {
			if m == nil || m.Author == nil || m.Author.ID <= 0 {
				return nil, refuse("", "%s does not say whose a merge request is", g.host)
			}
			out = add(out, Person{ID: strconv.FormatInt(m.Author.ID, 10), Username: m.Author.Username})
		}
		if resp.NextPage <= o.Page {
			break
		}
		o.Page = resp.NextPage
	}
	if len(out) == 0 {
		u := f.pipeline.User
		out = []Person{{ID: strconv.FormatInt(u.ID, 10), Username: u.Username}}
	}
	return out, nil
}

// emails asks for a person's addresses. GitLab shows only those that it has
// verified.
func (g *gitlabSource) emails(ctx context.Context, p *Person) error {
	u, _, err := get[gitlab.User](ctx, g.api, "a user", "users/"+p.ID, nil)
	if err != nil || u == nil {
		return err
	}
	if strconv.FormatInt(u.ID, 10) != p.ID {
		return refuse("", "%s shows another user than was asked for", g.host)
	}
	for _, e := range []string{u.PublicEmail, u.Email} {
		if e != "" {
			p.Emails = append(p.Emails, e)
		}
	}
	return nil
}
