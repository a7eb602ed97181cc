package approval

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/store"
)

// A server answers each request from a map of its method, path and query, and
// notes whatever it is asked.
type server struct {
	t       *testing.T
	answers map[string]answer
	header  func(route string) (name, value string) // that bears the token

	mu    sync.Mutex
	asked []string
	url   string
}

type answer struct {
	status int // 0 for 200
	body   string
	next   string // page
	to     string // redirect
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		route += "?" + r.URL.RawQuery
	}
	s.mu.Lock()
	s.asked = append(s.asked, route)
	s.mu.Unlock()
	if r.Method != http.MethodGet {
		s.t.Errorf("%s %s: only GET changes nothing", r.Method, route)
	}
	name, value := s.header(route)
	for _, h := range []string{"Private-Token", "Job-Token", "Authorization"} {
		want := ""
		if h == name {
			want = value
		}
		if got := r.Header.Get(h); got != want {
			s.t.Errorf("%s: %s is %q, want %q", route, h, got, want)
		}
	}
	a, ok := s.answers[route]
	if !ok {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"404 Not Found"}`)
		return
	}
	if a.to != "" {
		http.Redirect(w, r, a.to, http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if a.next != "" {
		w.Header().Set("X-Next-Page", a.next)
		w.Header().Set("Link", fmt.Sprintf(`<%s%s&page=%s>; rel="next"`, s.url, strings.Split(route, "&page=")[0], a.next))
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	fmt.Fprint(w, a.body)
}

func (s *server) start() string {
	ts := httptest.NewServer(s)
	s.t.Cleanup(ts.Close)
	s.url = ts.URL
	return ts.URL
}

const (
	sha      = "1111111111111111111111111111111111111111"
	jobToken = "job-token-4711"
	apiToken = "api-token-4711"
	manifest = ".terrier/runs/20261124T145953Z-1a2b3c/run.json"
)

func gitlabRun() *store.Run {
	return &store.Run{
		FormatVersion: "1.0", ID: "20261124T145953Z-1a2b3c", Commit: sha,
		CI: &store.CI{Forge: "gitlab", Project: "live/prod", Pipeline: "70", Job: "81", User: "ada", UserID: "1"},
		Stacks: []*store.Stack{
			{Name: "live/prod/net", Path: "live/prod/net", Environment: "prod", Account: "prod", AccountID: "111111111111", Status: store.Changes, Digest: strings.Repeat("a", 64), Fingerprint: strings.Repeat("b", 64)},
			{Name: "live/prod/app", Path: "live/prod/app", Environment: "prod", Status: store.Deferred},
			{Name: "live/free", Path: "live/free", Status: store.Changes, Digest: strings.Repeat("c", 64)},
		},
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const deployments = "/api/v4/projects/5/deployments?environment=prod&order_by=id&page=1&per_page=100&sort=desc"

// gitlabAnswers are those of a GitLab where grace (2) and linus (3) approved and
// hedy (4) started the job, of a change that ada (1) made and pushed.
func gitlabAnswers(t *testing.T) map[string]answer {
	return map[string]answer{
		"/api/v4/job": {body: `{"id":82,"status":"running","started_at":"2026-11-24T12:10:00Z","queued_duration":30.5,
			"user":{"id":4,"username":"hedy"},"pipeline":{"id":70,"project_id":5,"sha":"` + sha + `"}}`},
		"/api/v4/projects/5/pipelines/70":                  {body: `{"id":70,"sha":"` + sha + `","user":{"id":1,"username":"ada"}}`},
		"/api/v4/projects/5":                               {body: `{"id":5,"path_with_namespace":"live/prod"}`},
		"/api/v4/projects/5/jobs/81":                       {body: `{"id":81,"status":"failed","finished_at":"2026-11-24T12:00:00Z","pipeline":{"id":70,"project_id":5,"sha":"` + sha + `"}}`},
		"/api/v4/projects/5/jobs/81/artifacts/" + manifest: {body: asJSON(t, gitlabRun())},
		"/api/v4/projects/5/protected_environments/prod":   {body: `{"name":"prod","deploy_access_levels":[{"access_level":40}]}`},
		deployments: {body: `[{"id":91,"deployable":{"id":82}},{"id":90,"deployable":{"id":12}}]`},
		"/api/v4/projects/5/deployments/91": {body: `{"id":91,"sha":"` + sha + `","environment":{"name":"prod"},"deployable":{"id":82},"approvals":[
			{"user":{"id":2,"username":"grace"},"status":"approved","created_at":"2026-11-24T12:01:00Z"},
			{"user":{"id":3,"username":"linus"},"status":"approved","created_at":"2026-11-24T12:02:00Z"}]}`},
		"/api/v4/projects/5/repository/commits/" + sha + "/merge_requests?page=1&per_page=100": {body: `[{"id":1,"author":{"id":1,"username":"ada"}}]`},
		"/api/v4/users/2": {body: `{"id":2,"username":"grace","public_email":"grace@example.com"}`},
		"/api/v4/users/3": {body: `{"id":3,"username":"linus"}`},
		"/api/v4/users/4": {body: `{"id":4,"username":"hedy","public_email":"hedy@example.com"}`},
	}
}

func gitlabHeader(route string) (string, string) {
	if route == "/api/v4/job" || strings.Contains(route, "/artifacts/") {
		return "Job-Token", jobToken
	}
	return "Private-Token", apiToken
}

func gitlabEnv(url string) map[string]string {
	return map[string]string{"GITLAB_CI": "true", "CI": "true", "CI_SERVER_URL": url, "CI_JOB_TOKEN": jobToken, "GITLAB_TOKEN": apiToken}
}

func getenv(m map[string]string) func(string) string {
	return func(name string) string { return m[name] }
}

func names(people []Person) string {
	var out []string
	for _, p := range people {
		out = append(out, p.String())
	}
	return strings.Join(out, " ")
}

// want is a stack of a run.
func want(r *store.Run) Want {
	stack := r.Stack("live/prod/net")
	return Want{Run: r, Stack: stack, Environment: stack.Environment, Manifest: manifest}
}

func TestGitLab(t *testing.T) {
	two := guard.Rules{Approvals: 2, AuthorApproves: true}
	replace := func(route, old, with string) func(map[string]answer) {
		return func(m map[string]answer) {
			a := m[route]
			if !strings.Contains(a.body, old) {
				t.Errorf("%s has no %q", route, old)
			}
			a.body = strings.ReplaceAll(a.body, old, with)
			m[route] = a
		}
	}
	drop := func(route string) func(map[string]answer) { return func(m map[string]answer) { delete(m, route) } }
	set := func(route string, a answer) func(map[string]answer) {
		return func(m map[string]answer) { m[route] = a }
	}
	const (
		job        = "/api/v4/job"
		pipeline   = "/api/v4/projects/5/pipelines/70"
		project    = "/api/v4/projects/5"
		plan       = "/api/v4/projects/5/jobs/81"
		artifact   = "/api/v4/projects/5/jobs/81/artifacts/" + manifest
		protected  = "/api/v4/projects/5/protected_environments/prod"
		deployment = "/api/v4/projects/5/deployments/91"
		requests   = "/api/v4/projects/5/repository/commits/" + sha + "/merge_requests?page=1&per_page=100"
	)
	for _, tc := range []struct {
		name  string
		rules guard.Rules
		with  func(map[string]answer)
		run   func(*Want)
		env   map[string]string
		want  string // the people that count, or the reason
	}{
		{name: "approved", rules: two, want: "grace linus hedy"},
		{name: "nothing wanted", rules: guard.Rules{}, want: ""},
		{name: "too few", rules: guard.Rules{Approvals: 4, AuthorApproves: true}, want: "it needs 4 approvals, and 127.0.0.1"},
		{name: "by id", rules: guard.Rules{Approvals: 1, Approvers: []string{"3"}, AuthorApproves: true}, want: "linus"},
		{name: "by address", rules: guard.Rules{Approvals: 1, Approvers: []string{"Grace@example.com", "linus@example.com"}, AuthorApproves: true}, want: "grace"},
		{name: "by name", rules: guard.Rules{Approvals: 1, Approvers: []string{"Hedy"}, AuthorApproves: true}, want: "hedy"},
		{name: "nobody may", rules: guard.Rules{Approvals: 1, Approvers: []string{""}, AuthorApproves: true}, want: "has 0 that count; grace is none of `approvers`, hedy is none of `approvers`, linus is"},
		{name: "a name of digits is no id", rules: guard.Rules{Approvals: 1, Approvers: []string{"4711"}, AuthorApproves: true}, with: replace(deployment, `"grace"`, `"4711"`), want: "has 0"},
		{name: "the author", rules: guard.Rules{Approvals: 3}, with: replace(requests, `"id":1,"username":"ada"`, `"id":2,"username":"grace"`), want: "grace is the author"},
		{name: "the author may", rules: guard.Rules{Approvals: 3, AuthorApproves: true}, with: replace(requests, `"id":1,"username":"ada"`, `"id":2,"username":"grace"`), want: "grace linus hedy"},
		{name: "no merge request", rules: guard.Rules{Approvals: 3}, with: func(m map[string]answer) {
			replace(requests, m[requests].body, `[]`)(m)
			replace(pipeline, `"id":1,`, `"id":3,`)(m)
		}, want: "linus is the author"},
		{name: "merge requests not seen", rules: two, with: drop(requests), want: "does not show the merge requests"},
		{name: "nobody's merge request", rules: two, with: replace(requests, `"author":{"id":1,"username":"ada"}`, `"author":null`), want: "does not say whose"},
		{name: "one person twice", rules: guard.Rules{Approvals: 3, AuthorApproves: true}, with: replace(deployment, `"id":3,"username":"linus"`, `"id":2,"username":"grace2"`), want: "it needs 3 approvals"},
		{name: "the click is one of them", rules: guard.Rules{Approvals: 3, AuthorApproves: true}, with: replace(job, `"id":4,"username":"hedy"`, `"id":3,"username":"linus"`), want: "it needs 3 approvals"},
		{name: "no click", rules: guard.Rules{Approvals: 3, AuthorApproves: true}, with: replace(job, `"id":4,"username":"hedy"`, `"id":1,"username":"ada"`), want: "it needs 3 approvals"},
		{name: "clicked before the plan", rules: guard.Rules{Approvals: 3, AuthorApproves: true}, with: replace(job, `30.5`, `1200`), want: "it needs 3 approvals"},
		{name: "approved before the plan", rules: guard.Rules{Approvals: 3, AuthorApproves: true}, with: replace(deployment, "12:01:00", "11:59:59"), want: "it needs 3 approvals"},
		{name: "no approvals of the forge", rules: guard.Rules{Approvals: 1, AuthorApproves: true}, with: replace(deployment, `"approvals"`, `"other"`), want: "hedy"},
		{name: "rejected", rules: two, with: replace(deployment, `"linus"},"status":"approved"`, `"linus"},"status":"rejected"`), want: "linus rejected the deployment to prod"},
		{name: "an unknown status", rules: guard.Rules{Approvals: 3, AuthorApproves: true}, with: replace(deployment, `"linus"},"status":"approved"`, `"linus"},"status":"APPROVED"`), want: "it needs 3 approvals"},
		{name: "an approval of nobody", rules: two, with: replace(deployment, `{"id":3,"username":"linus"}`, `null`), want: "does not say who approved, or when"},
		{name: "an approval at no time", rules: two, with: replace(deployment, `"2026-11-24T12:02:00Z"`, `null`), want: "does not say who approved, or when"},

		{name: "not protected", rules: two, with: drop(protected), want: "the environment prod is not protected"},
		{name: "protected for nobody", rules: two, with: replace(protected, `[{"access_level":40}]`, `[]`), want: "does not say who may deploy"},
		{name: "another's protection", rules: two, with: replace(protected, `"prod"`, `"qa"`), want: "does not say who may deploy"},
		{name: "protection forbidden", rules: two, with: set(protected, answer{status: 403, body: `{"message":"403 Forbidden"}`}), want: "who approved cannot be told: ask for the protection of prod"},
		{name: "no deployment", rules: two, with: replace(deployments, `"id":82`, `"id":83`), want: "this job is no deployment to the environment prod"},
		{name: "no deployments", rules: two, with: drop(deployments), want: "this job is no deployment"},
		{name: "another deployment", rules: two, with: replace(deployment, `"id":82`, `"id":83`), want: "or another one"},
		{name: "another environment", rules: two, with: replace(deployment, `"prod"`, `"qa"`), want: "or another one"},
		{name: "another commit's deployment", rules: two, with: replace(deployment, sha, strings.Repeat("2", 40)), want: "or another one"},
		{name: "the deployment is gone", rules: two, with: drop(deployment), want: "does not show this job's deployment"},

		{name: "no job", rules: two, with: drop(job), want: "knows no job of this token"},
		{name: "a job that has ended", rules: two, with: replace(job, "running", "success"), want: "not running, but \"success\""},
		{name: "a job without a user", rules: two, with: replace(job, `{"id":4,"username":"hedy"}`, `null`), want: "does not say all of this job"},
		{name: "a job of another pipeline", rules: two, with: func(m map[string]answer) {
			replace(job, `"id":70`, `"id":71`)(m)
			m["/api/v4/projects/5/pipelines/71"] = answer{body: strings.ReplaceAll(m[pipeline].body, "70", "71")}
		}, want: "the run was made in pipeline 70, and this job is in pipeline 71"},
		{name: "no pipeline", rules: two, with: drop(pipeline), want: "does not show this job's pipeline"},
		{name: "another pipeline's answer", rules: two, with: replace(pipeline, `"id":70`, `"id":71`), want: "or another one"},
		{name: "another project", rules: two, with: replace(project, "live/prod", "evil/prod"), want: "made in another project than this job's, evil/prod"},
		{name: "no project", rules: two, with: drop(project), want: "does not show this job's project"},
		{name: "another commit", rules: two, run: func(w *Want) { w.Run.Commit = strings.Repeat("2", 40) }, want: "the run was made of commit 2222"},

		{name: "no artifact", rules: two, with: drop(artifact), want: "job 81 has no artifact"},
		{name: "the plan job is elsewhere", rules: two, with: replace(plan, `"id":70`, `"id":71`), want: "is none of this pipeline"},
		{name: "the plan job is unknown", rules: two, with: drop(plan), want: "is none of this pipeline"},
		{name: "the plan job runs", rules: two, with: replace(plan, `"2026-11-24T12:00:00Z"`, `null`), want: "is not finished"},
		{name: "planned in this job", rules: two, run: func(w *Want) { w.Run.CI.Job = "82" }, want: "planned in the job that applies it"},
		{name: "planned in no job", rules: two, run: func(w *Want) { w.Run.CI.Job = "../1" }, want: "names no job that planned"},
		{name: "another digest", rules: two, run: func(w *Want) { w.Stack.Digest = strings.Repeat("d", 64) }, want: "is not the one that was planned in this pipeline"},
		{name: "another account", rules: two, run: func(w *Want) { w.Stack.AccountID = "222222222222" }, want: "is not the one that was planned in this pipeline"},
		{name: "another name", rules: two, run: func(w *Want) { w.Stack.Name = "live/prod/other" }, want: "planned in a later round"},
		{name: "a later round", rules: two, run: func(w *Want) { w.Stack.Round = 1 }, want: "planned in a later round"},
		{name: "deferred", rules: two, run: func(w *Want) { w.Stack = w.Run.Stacks[1]; w.Stack.Digest = "x" }, want: "planned in a later round"},
		{name: "another run", rules: two, run: func(w *Want) { w.Run.ID = "20261124T145953Z-ffffff" }, want: "not the one that job 81 has planned"},
		{name: "a climbing path", rules: two, run: func(w *Want) { w.Manifest = "../../../../job" }, want: "is no path of an artifact"},
		{name: "a path with a query", rules: two, run: func(w *Want) { w.Manifest = "run.json?x=1" }, want: "is no path of an artifact"},
		{name: "no environment", rules: two, run: func(w *Want) { w.Stack = w.Run.Stacks[2]; w.Environment = "" }, want: "in no environment of its own"},
		{name: "another's environment", rules: two, run: func(w *Want) { w.Environment = "qa" }, want: "in no environment of its own"},
		{name: "made at home", rules: two, run: func(w *Want) { w.Run.CI = nil }, want: "not made in GitLab's CI"},
		{name: "made at GitHub", rules: two, run: func(w *Want) { w.Run.CI.Forge = "github" }, want: "not made in GitLab's CI"},

		{name: "no token", rules: two, env: map[string]string{"GITLAB_TOKEN": ""}, want: "asked with a token of its own"},
		{name: "no job token", rules: two, env: map[string]string{"CI_JOB_TOKEN": ""}, want: "no token of a CI job"},
		{name: "no server", rules: two, env: map[string]string{"CI_SERVER_URL": ""}, want: "nothing says which server"},
		{name: "another forge", rules: two, env: map[string]string{"GITLAB_HOST": "gitlab.evil.example"}, want: "GITLAB_HOST names gitlab.evil.example"},

		{name: "a wrong type", rules: two, with: replace(deployment, `"approvals":[`, `"approvals":"yes","x":[`), want: "who approved cannot be told"},
		{name: "an id as text", rules: two, with: replace(deployment, `{"id":2,`, `{"id":"2",`), want: "who approved cannot be told"},
		{name: "null", rules: two, with: set(deployment, answer{body: "null"}), want: "it answers with nothing"},
		{name: "half of it", rules: two, with: func(m map[string]answer) { m[deployment] = answer{body: m[deployment].body[:100]} }, want: "who approved cannot be told"},
		{name: "without end", rules: two, with: set(deployment, answer{body: `{"id":91,"x":"` + strings.Repeat("x", 9<<20) + `"}`}), want: "longer than 8388608 bytes"},
		{name: "an artifact without end", rules: two, with: set(artifact, answer{body: `{"x":"` + strings.Repeat("x", 9<<20) + `"}`}), want: "longer than 8388608 bytes"},
		{name: "an artifact of something", rules: two, with: set(artifact, answer{body: "PK\x03\x04"}), want: "is no manifest of a run"},
		{name: "not for us", rules: two, with: set(protected, answer{status: 401, body: `{"message":"401 ` + apiToken + `"}`}), want: "REDACTED"},
		{name: "a name that drives the terminal", rules: two, with: func(m map[string]answer) {
			replace(deployment, `"linus"},"status":"approved"`, `"\u001b[2J"},"status":"rejected"`)(m)
		}, want: "?[2J rejected"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &server{t: t, answers: gitlabAnswers(t), header: gitlabHeader}
			if tc.with != nil {
				tc.with(s.answers)
			}
			env := gitlabEnv(s.start())
			maps.Copy(env, tc.env)
			w := want(gitlabRun())
			if tc.run != nil {
				tc.run(&w)
			}
			people, refusal := Check(t.Context(), New(Options{Getenv: getenv(env), Timeout: time.Minute}), w, tc.rules)
			got := names(people)
			if refusal != nil {
				got = refusal.Reason
				if refusal.Guard != guard.Unapproved || people != nil {
					t.Errorf("%v %v", people, refusal)
				}
			}
			if strings.Contains(got, apiToken) || strings.Contains(got, jobToken) || strings.Contains(got, "\x1b") {
				t.Errorf("it shows %q", got)
			}
			if refusal == nil && got != tc.want || refusal != nil && (!strings.Contains(got, tc.want) || tc.want == "") {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// The job's deployment may be far down the list, and the commit's merge requests
// on several pages.
func TestGitLabPages(t *testing.T) {
	s := &server{t: t, answers: gitlabAnswers(t), header: gitlabHeader}
	found := s.answers[deployments].body
	s.answers[deployments] = answer{body: `[{"id":99,"deployable":{"id":1}}]`, next: "2"}
	s.answers[strings.Replace(deployments, "page=1", "page=2", 1)] = answer{body: `[]`, next: "3"}
	s.answers[strings.Replace(deployments, "page=1", "page=3", 1)] = answer{body: found}
	const requests = "/api/v4/projects/5/repository/commits/" + sha + "/merge_requests?page=%d&per_page=100"
	s.answers[fmt.Sprintf(requests, 1)] = answer{body: `[{"id":1,"author":{"id":1,"username":"ada"}}]`, next: "2"}
	s.answers[fmt.Sprintf(requests, 2)] = answer{body: `[{"id":2,"author":{"id":3,"username":"linus"}}]`}
	source := New(Options{Getenv: getenv(gitlabEnv(s.start())), Timeout: time.Minute})
	w := want(gitlabRun())
	people, refusal := Check(t.Context(), source, w, guard.Rules{Approvals: 2})
	if names(people) != "grace hedy" || refusal != nil {
		t.Errorf("got %v, %v", people, refusal)
	}
	// Of a second stack nothing is asked again.
	n := len(s.asked)
	if _, refusal := Check(t.Context(), source, w, guard.Rules{Approvals: 2}); refusal != nil || len(s.asked) != n {
		t.Errorf("%v: asked %q", refusal, s.asked[n:])
	}
	// A list that never ends is left.
	s.answers[strings.Replace(deployments, "page=1", "page=3", 1)] = answer{body: `[]`, next: "2"}
	if _, refusal := Check(t.Context(), New(Options{Getenv: getenv(gitlabEnv(s.url)), Timeout: time.Minute}), w, guard.Rules{Approvals: 1}); refusal == nil {
		t.Error("approved by a list in a circle")
	}
}

// Tokens stay at their host, whatever its answers say.
func TestRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s is asked of another host", r.URL)
	}))
	defer elsewhere.Close()
	for route := range gitlabAnswers(t) {
		if strings.Contains(route, "/users/") {
			continue
		}
		s := &server{t: t, answers: gitlabAnswers(t), header: gitlabHeader}
		s.answers[route] = answer{to: elsewhere.URL + route}
		_, refusal := Check(t.Context(), New(Options{Getenv: getenv(gitlabEnv(s.start())), Timeout: time.Minute}), want(gitlabRun()), guard.Rules{Approvals: 1})
		if refusal == nil || !strings.Contains(refusal.Reason, "nothing was sent there") {
			t.Errorf("%s: %v", route, refusal)
		}
	}
	for route := range githubAnswers() {
		if strings.Contains(route, "/user/") {
			continue
		}
		s := &server{t: t, answers: githubAnswers(), header: githubHeader}
		s.answers[route] = answer{to: elsewhere.URL + route}
		_, refusal := Check(t.Context(), New(Options{Getenv: getenv(githubEnv(s.start())), Timeout: time.Minute}), want(githubRun()), guard.Rules{Approvals: 1})
		if refusal == nil || !strings.Contains(refusal.Reason, "nothing was sent there") {
			t.Errorf("%s: %v", route, refusal)
		}
	}
}

func githubRun() *store.Run {
	r := gitlabRun()
	r.CI = &store.CI{Forge: "github", Project: "acme/live", Pipeline: "70", Job: "plan", User: "ada"}
	return r
}

const githubPulls = "/api/v3/repos/acme/live/commits/" + sha + "/pulls?per_page=100&page=1"

func githubAnswers() map[string]answer {
	return map[string]answer{
		"/api/v3/repos/acme/live/actions/runs/70": {body: `{"id":70,"head_sha":"` + sha + `","run_attempt":1,"repository":{"full_name":"acme/live"},"triggering_actor":{"id":9,"login":"mallory"}}`},
		"/api/v3/repos/acme/live/environments/prod": {body: `{"name":"prod","protection_rules":[{"type":"wait_timer","wait_timer":1},
			{"type":"required_reviewers","reviewers":[{"type":"User","reviewer":{"id":2}}]}]}`},
		"/api/v3/repos/acme/live/actions/runs/70/approvals": {body: `[
			{"state":"approved","environments":[{"name":"qa"},{"name":"prod"}],"user":{"id":2,"login":"grace"}},
			{"state":"approved","environments":[{"name":"prod"}],"user":{"id":3,"login":"linus"}},
			{"state":"approved","environments":[{"name":"qa"}],"user":{"id":4,"login":"hedy"}}]`},
		githubPulls:      {body: `[{"number":1,"user":{"id":1,"login":"ada"}}]`},
		"/api/v3/user/2": {body: `{"id":2,"login":"grace","email":"grace@example.com"}`},
		"/api/v3/user/3": {body: `{"id":3,"login":"linus","email":null}`},
	}
}

func githubHeader(string) (string, string) { return "Authorization", "Bearer " + apiToken }

func githubEnv(url string) map[string]string {
	return map[string]string{"GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_SERVER_URL": url, "GITHUB_TOKEN": apiToken,
		"GITHUB_REPOSITORY": "acme/live", "GITHUB_RUN_ID": "70", "GITHUB_JOB": "apply"}
}

func TestGitHub(t *testing.T) {
	two := guard.Rules{Approvals: 2, AuthorApproves: true}
	replace := func(route, old, with string) func(map[string]answer) {
		return func(m map[string]answer) {
			a := m[route]
			if !strings.Contains(a.body, old) {
				t.Errorf("%s has no %q", route, old)
			}
			a.body = strings.ReplaceAll(a.body, old, with)
			m[route] = a
		}
	}
	drop := func(route string) func(map[string]answer) { return func(m map[string]answer) { delete(m, route) } }
	const (
		run       = "/api/v3/repos/acme/live/actions/runs/70"
		prod      = "/api/v3/repos/acme/live/environments/prod"
		approvals = "/api/v3/repos/acme/live/actions/runs/70/approvals"
	)
	for _, tc := range []struct {
		name  string
		rules guard.Rules
		with  func(map[string]answer)
		run   func(*Want)
		env   map[string]string
		want  string
	}{
		{name: "approved", rules: two, want: "grace linus"},
		{name: "by id", rules: guard.Rules{Approvals: 1, Approvers: []string{"3"}}, want: "linus"},
		{name: "by address", rules: guard.Rules{Approvals: 1, Approvers: []string{"grace@example.com"}}, want: "grace"},
		{name: "too few", rules: guard.Rules{Approvals: 3, AuthorApproves: true}, want: "it needs 3 approvals"},
		{name: "the author", rules: guard.Rules{Approvals: 2}, with: replace(githubPulls, `"id":1,"login":"ada"`, `"id":3,"login":"linus"`), want: "linus is the author"},
		{name: "who triggered it", rules: guard.Rules{Approvals: 2}, with: replace(run, `"id":9,"login":"mallory"`, `"id":2,"login":"grace"`), want: "grace is the author"},
		{name: "rejected", rules: two, with: replace(approvals, `{"state":"approved","environments":[{"name":"prod"}]`, `{"state":"rejected","environments":[{"name":"prod"}]`), want: "linus rejected"},
		{name: "pending", rules: two, with: replace(approvals, `{"state":"approved","environments":[{"name":"prod"}]`, `{"state":"pending","environments":[{"name":"prod"}]`), want: "it needs 2 approvals"},
		{name: "one person twice", rules: two, with: replace(approvals, `"id":3,`, `"id":2,`), want: "it needs 2 approvals"},
		{name: "an approval of nobody", rules: two, with: replace(approvals, `{"id":3,"login":"linus"}`, `null`), want: "does not say who approved"},
		{name: "no reviewers", rules: two, with: replace(prod, "required_reviewers", "branch_policy"), want: "waits for no reviewer"},
		{name: "no reviewer", rules: two, with: replace(prod, `[{"type":"User","reviewer":{"id":2}}]`, `[]`), want: "waits for no reviewer"},
		{name: "no environment", rules: two, with: drop(prod), want: "has no environment prod"},
		{name: "another environment", rules: two, with: replace(prod, `"prod"`, `"qa"`), want: "shows another environment"},
		{name: "no approvals", rules: two, with: drop(approvals), want: "does not show the approvals"},
		{name: "no pull requests", rules: two, with: drop(githubPulls), want: "does not show the pull requests"},
		{name: "nobody's pull request", rules: two, with: replace(githubPulls, `{"id":1,"login":"ada"}`, `null`), want: "does not say whose"},
		{name: "no run", rules: two, with: drop(run), want: "does not show the workflow run"},
		{name: "another run's answer", rules: two, with: replace(run, `"id":70`, `"id":71`), want: "shows another workflow run"},
		{name: "a fork's run", rules: two, with: replace(run, "acme/live", "evil/live"), want: "shows another workflow run"},
		{name: "another commit", rules: two, with: replace(run, sha, strings.Repeat("2", 40)), want: "the workflow run is of 2222"},
		{name: "a second attempt", rules: two, with: replace(run, `"run_attempt":1`, `"run_attempt":2`), want: "this is attempt 2"},
		{name: "no attempt", rules: two, with: replace(run, `"run_attempt":1`, `"x":1`), want: "this is attempt 0"},
		{name: "a wrong type", rules: two, with: replace(approvals, `"state":"approved"`, `"state":true`), want: "who approved cannot be told"},
		{name: "another workflow run", rules: two, env: map[string]string{"GITHUB_RUN_ID": "71"}, want: "made in workflow run 70, and this job is in 71"},
		{name: "another repository", rules: two, env: map[string]string{"GITHUB_REPOSITORY": "acme/other"}, want: "made in acme/live, and this job is in acme/other"},
		{name: "the same job", rules: two, env: map[string]string{"GITHUB_JOB": "plan"}, want: "planned in the job that applies it"},
		{name: "another server", rules: two, env: map[string]string{"GH_HOST": "github.evil.example"}, want: "GH_HOST names github.evil.example"},
		{name: "no token", rules: two, env: map[string]string{"GITHUB_TOKEN": ""}, want: "no token for github"},
		{name: "no project", rules: two, run: func(w *Want) { w.Run.CI.Project = "acme/../x" }, want: "names no workflow run"},
		{name: "no number", rules: two, run: func(w *Want) { w.Run.CI.Pipeline = "70/../71" }, want: "names no workflow run"},
		{name: "made at home", rules: two, run: func(w *Want) { w.Run.CI = nil }, want: "not made in GitHub Actions"},
		{name: "a later round", rules: two, run: func(w *Want) { w.Stack.Round = 1 }, want: "planned in a later round"},
		{name: "no environment of its own", rules: two, run: func(w *Want) { w.Environment = "" }, want: "in no environment"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &server{t: t, answers: githubAnswers(), header: githubHeader}
			if tc.with != nil {
				tc.with(s.answers)
			}
			env := githubEnv(s.start())
			maps.Copy(env, tc.env)
			w := want(githubRun())
			if tc.run != nil {
				tc.run(&w)
			}
			people, refusal := Check(t.Context(), New(Options{Getenv: getenv(env), Timeout: time.Minute}), w, tc.rules)
			got := names(people)
			if refusal != nil {
				got = refusal.Reason
			}
			if strings.Contains(got, apiToken) || refusal == nil && got != tc.want || refusal != nil && !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// The commit's pull requests may be on several pages.
func TestGitHubPages(t *testing.T) {
	s := &server{t: t, answers: githubAnswers(), header: githubHeader}
	s.answers[githubPulls] = answer{body: `[{"number":1,"user":{"id":1,"login":"ada"}}]`, next: "2"}
	s.answers[strings.Replace(githubPulls, "&page=1", "&page=2", 1)] = answer{body: `[{"number":2,"user":{"id":2,"login":"grace"}}]`}
	_, refusal := Check(t.Context(), New(Options{Getenv: getenv(githubEnv(s.start())), Timeout: time.Minute}), want(githubRun()), guard.Rules{Approvals: 2})
	if refusal == nil || !strings.Contains(refusal.Reason, "grace is the author") {
		t.Errorf("%v; asked %q", refusal, s.asked)
	}
}

// In CI that terrier does not know, and in a run that CI made, the run folder
// proves nothing.
func TestPlaces(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{}, ""},
		{map[string]string{"CI": "false"}, ""},
		{map[string]string{"GITLAB_CI": "true", "CI": "true"}, "gitlab"},
		{map[string]string{"GITHUB_ACTIONS": "true", "CI": "true"}, "github"},
		{map[string]string{"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true"}, "Gitea Actions"},
		{map[string]string{"JENKINS_URL": "https://ci"}, "Jenkins"},
		{map[string]string{"CI": "1"}, ""},
		{map[string]string{"CI_JOB_TOKEN": "x"}, "this CI"}, // GITLAB_CI was taken away
	} {
		if got := string(placeOf(getenv(tc.env))); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.env, got, tc.want)
		}
		ci := CI(getenv(tc.env))
		if known := tc.want == "gitlab" || tc.want == "github"; known != (ci != nil) || known && ci.Forge != tc.want {
			t.Errorf("%v: %v", tc.env, ci)
		}
	}
	_, refusal := Check(t.Context(), New(Options{Getenv: getenv(map[string]string{"JENKINS_URL": "https://ci"})}), want(gitlabRun()), guard.Rules{Approvals: 1})
	if refusal == nil || !strings.Contains(refusal.Reason, "keeps no record") {
		t.Error(refusal)
	}
	_, refusal = Check(t.Context(), New(Options{Getenv: getenv(nil)}), want(gitlabRun()), guard.Rules{Approvals: 1})
	if refusal == nil || !strings.Contains(refusal.Reason, "the run was made in CI (gitlab)") {
		t.Error(refusal)
	}
}

// At home the run folder tells, for the plan that it was given for.
func TestLocal(t *testing.T) {
	st, err := store.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	r := gitlabRun()
	r.CI, r.ID, r.By = nil, "", "ada@example.com"
	if err := st.Create(r, now); err != nil {
		t.Fatal(err)
	}
	check := func(rules guard.Rules) string {
		t.Helper()
		people, refusal := Check(t.Context(), New(Options{Getenv: getenv(nil), Store: st}), want(r), rules)
		if refusal != nil {
			if !strings.Contains(refusal.Hint, "terrier approve "+r.ID) {
				t.Errorf("hint %q", refusal.Hint)
			}
			return refusal.Reason
		}
		return names(people)
	}
	one := guard.Rules{Approvals: 1, AuthorApproves: true}
	if got := check(one); got != "it needs 1 approval, and the run folder has 0" {
		t.Error(got)
	}
	for _, by := range []string{"ada@example.com", "Ada@example.com", "grace@example.com"} {
		if err := st.Approve(r, "live/prod/net", by, now); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		rules guard.Rules
		want  string
	}{
		{guard.Rules{Approvals: 2, AuthorApproves: true}, "2"},
		{guard.Rules{Approvals: 3, AuthorApproves: true}, "it needs 3 approvals"},
		{guard.Rules{Approvals: 1}, "grace@example.com"},
		{guard.Rules{Approvals: 2}, "that counts; ada@example.com is the author"},
		{guard.Rules{Approvals: 1, AuthorApproves: true, Approvers: []string{"ADA@example.com"}}, "1"},
		{guard.Rules{Approvals: 1, AuthorApproves: true, Approvers: []string{"ada"}}, "none of `approvers`"},
	} {
		got := check(tc.rules)
		if strings.Contains(got, "@") && len(tc.want) == 1 {
			got = fmt.Sprint(len(strings.Fields(got)))
		}
		if !strings.Contains(got, tc.want) {
			t.Errorf("%+v: got %q, want %q", tc.rules, got, tc.want)
		}
	}
	// Another plan of the same stack.
	r.Stack("live/prod/net").Fingerprint = strings.Repeat("f", 64)
	if got := check(one); !strings.Contains(got, "has 0") {
		t.Error(got)
	}
	// Nobody knows who planned, and so who may not approve.
	rec := &Record{By: folder, Approvers: []Person{{Emails: []string{"x"}}}}
	if people, refusal := rec.count(want(r), guard.Rules{Approvals: 1}); refusal == nil {
		t.Errorf("approved by %v", people)
	}
}
