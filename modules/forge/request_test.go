package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// What each forge is asked and says about the project terraform/aws/live or
// acme/live, whose default branch is main.
const (
	labGet  = "GET /api/v4/projects/terraform%2Faws%2Flive"
	labIs   = `{"id":9,"default_branch":"main","path_with_namespace":"terraform/aws/live","merge_requests_access_level":"enabled"}`
	labFind = labGet + "/merge_requests?page=1&per_page=100&source_branch=bump%2Fvpc&state=opened&target_branch=main"
	labPost = "POST /api/v4/projects/terraform%2Faws%2Flive/merge_requests"
	labPut  = "PUT /api/v4/projects/terraform%2Faws%2Flive/merge_requests/5"

	hubGet  = "GET /api/v3/repos/acme/live"
	hubIs   = `{"id":9,"default_branch":"main","full_name":"acme/live"}`
	hubFind = hubGet + "/pulls?base=main&head=acme%3Abump%2Fvpc&page=1&per_page=100&state=open"
	hubPost = "POST /api/v3/repos/acme/live/pulls"
	hubPut  = "PATCH /api/v3/repos/acme/live/pulls/5"

	teaGet  = "GET /api/v1/repos/acme/live"
	teaIs   = `{"id":9,"default_branch":"main","full_name":"acme/live","has_pull_requests":true}`
	teaFind = teaGet + "/pulls?limit=50&page=1&state=open"
	teaPost = "POST /api/v1/repos/acme/live/pulls"
	teaPut  = "PATCH /api/v1/repos/acme/live/pulls/5"

	page = "https://forge.example.com/5"
)

func labHas(title, body, labels string) string {
	return fmt.Sprintf(`{"iid":5,"source_project_id":9,"source_branch":"bump/vpc","target_branch":"main","web_url":%q,"title":%q,"description":%q,"labels":[%s]}`, page, title, body, labels)
}

func hubHas(title, body, labels string) string {
	return fmt.Sprintf(`{"number":5,"head":{"ref":"bump/vpc","repo":{"id":9}},"base":{"ref":"main"},"html_url":%q,"title":%q,"body":%q,"labels":[%s]}`, page, title, body, labels)
}

func teaHas(title, body, labels string) string {
	return fmt.Sprintf(`{"number":5,"head":{"ref":"bump/vpc","repo_id":9},"base":{"ref":"main"},"html_url":%q,"title":%q,"body":%q,"labels":[%s]}`, page, title, body, labels)
}

// branches are the looks for both branches before one is made.
func branches(prefix string, source string) []call {
	return []call{{prefix + source, "", 200, `{}`}, {prefix + "main", "", 200, `{}`}}
}

func TestOpen(t *testing.T) {
	labNew := append([]call{{labGet, "", 200, labIs}, {labFind, "", 200, `[]`}}, branches(labGet+"/repository/branches/", "bump%2Fvpc")...)
	hubNew := append([]call{{hubGet, "", 200, hubIs}, {hubFind, "", 200, `[]`}}, branches(hubGet+"/git/ref/heads/", "bump/vpc")...)
	teaNew := append([]call{{teaGet, "", 200, teaIs}, {teaFind, "", 200, `[]`}}, branches(teaGet+"/branches/", "bump/vpc")...)
	made := Opened{URL: page, Number: 5, Created: true}
	updated := Opened{URL: page, Number: 5, Updated: true}
	same := Opened{URL: page, Number: 5}
	plain := Request{Source: "bump/vpc", Title: "bump vpc", Body: "text\n"}
	with := func(change func(*Request)) Request {
		r := plain
		change(&r)
		return r
	}
	labelled := with(func(r *Request) { r.Labels = []string{"terraform", "new one"} })
	draft := with(func(r *Request) { r.Draft = true })
	join := func(calls []call, more ...call) []call { return append(slices.Clone(calls), more...) }

	for _, tc := range []struct {
		name    string
		kind    Kind
		request Request
		calls   []call
		want    Opened
		err     string
	}{
		{"new", GitLab, plain, join(labNew,
			call{labPost, `{"description":"text\n","source_branch":"bump/vpc","target_branch":"main","title":"bump vpc"}`, 201, labHas("", "", "")}), made, ""},
		{"new", GitHub, plain, join(hubNew,
			call{hubPost, `{"base":"main","body":"text\n","draft":false,"head":"bump/vpc","title":"bump vpc"}`, 201, hubHas("", "", "")}), made, ""},
		{"new", Gitea, plain, join(teaNew,
			call{teaPost, `{"base":"main","body":"text\n","head":"bump/vpc","milestone":0,"title":"bump vpc"}`, 201, teaHas("", "", "")}), made, ""},

		{"draft", GitLab, draft, join(labNew,
			call{labPost, `{"description":"text\n","source_branch":"bump/vpc","target_branch":"main","title":"Draft: bump vpc"}`, 201, labHas("", "", "")}), made, ""},
		{"draft", GitHub, draft, join(hubNew,
			call{hubPost, `{"base":"main","body":"text\n","draft":true,"head":"bump/vpc","title":"bump vpc"}`, 201, hubHas("", "", "")}), made, ""},
		{"draft", Gitea, draft, join(teaNew,
			call{teaPost, `{"base":"main","body":"text\n","head":"bump/vpc","milestone":0,"title":"WIP: bump vpc"}`, 201, teaHas("", "", "")}), made, ""},
		{"no drafts there", GitHub, draft, join(hubNew,
			call{hubPost, `{"base":"main","body":"text\n","draft":true,"head":"bump/vpc","title":"bump vpc"}`, 422, `{"message":"Draft pull requests are not supported in this repository."}`}), Opened{}, "hint: this repository can have no drafts"},

		{"labels", GitLab, labelled, join(labNew,
			call{labPost, `{"description":"text\n","labels":"terraform,new one","source_branch":"bump/vpc","target_branch":"main","title":"bump vpc"}`, 201, labHas("", "", "")}), made, ""},
		{"labels", Gitea, labelled, join(teaNew,
			call{teaGet + "/labels?limit=50&page=1", "", 200, `[{"id":31,"name":"other"}]`},
			call{"GET /api/v1/orgs/acme/labels?limit=50&page=1", "", 200, `[{"id":41,"name":"terraform"}]`},
			call{"POST /api/v1/repos/acme/live/labels", `{"color":"#ededed","exclusive":false,"is_archived":false,"name":"new one"}`, 201, `{"id":51}`},
			call{teaPost, `{"base":"main","body":"text\n","head":"bump/vpc","labels":[41,51],"milestone":0,"title":"bump vpc"}`, 201, teaHas("", "", "")}), made, ""},
		{"labels are refused", GitHub, labelled, join(hubNew,
			call{hubPost, `{"base":"main","body":"text\n","draft":false,"head":"bump/vpc","title":"bump vpc"}`, 201, hubHas("", "", "")},
			call{"POST /api/v3/repos/acme/live/issues/5/labels", `["terraform","new one"]`, 403, `{"message":"Resource not accessible by personal access token"}`}), made, "it is open, and without its labels"},

		{"as asked", GitLab, labelled, []call{{labGet, "", 200, labIs},
			{labFind, "", 200, "[" + labHas("bump vpc", "text", `"terraform","new one","a human's"`) + "]"}}, same, ""},
		{"as asked", GitHub, labelled, []call{{hubGet, "", 200, hubIs},
			{hubFind, "", 200, "[" + hubHas("bump vpc", "text\r\n", `{"name":"Terraform"},{"name":"new one"},{"name":"x"}`) + "]"}}, same, ""},
		{"as asked", Gitea, labelled, []call{{teaGet, "", 200, teaIs},
			{teaFind, "", 200, "[" + teaHas("bump vpc", "text\r\n", `{"name":"terraform"},{"name":"new one"}`) + "]"}}, same, ""},

		{"a draft of a human's, new title", GitLab, plain, []call{{labGet, "", 200, labIs},
			{labFind, "", 200, "[" + labHas("[Draft] old", "text\n", "") + "]"},
			{labPut, `{"title":"[Draft] bump vpc"}`, 200, labHas("", "", "")}}, updated, ""},
		{"a draft of a human's, new title", Gitea, plain, []call{{teaGet, "", 200, teaIs},
			{teaFind, "", 200, "[" + teaHas("wip: old", "text\n", "") + "]"},
			{teaPut, `{"milestone":0,"title":"wip: bump vpc"}`, 200, teaHas("", "", "")}}, updated, ""},
		{"a draft of a human's", GitLab, plain, []call{{labGet, "", 200, labIs},
			{labFind, "", 200, "[" + labHas("Draft: bump vpc", "text\n", "") + "]"}}, same, ""},
		{"no more a draft", GitLab, draft, []call{{labGet, "", 200, labIs},
			{labFind, "", 200, "[" + labHas("bump vpc", "text\n", "") + "]"}}, same, ""},

		{"new text and label", GitLab, labelled, []call{{labGet, "", 200, labIs},
			{labFind, "", 200, "[" + labHas("bump vpc", "old", `"terraform","keep"`) + "]"},
			{labPut, `{"add_labels":"new one","description":"text\n"}`, 200, labHas("", "", "")}}, updated, ""},
		{"new text and label", GitHub, labelled, []call{{hubGet, "", 200, hubIs},
			{hubFind, "", 200, "[" + hubHas("bump vpc", "old", `{"name":"terraform"},{"name":"keep"}`) + "]"},
			{hubPut, `{"body":"text\n"}`, 200, hubHas("", "", "")},
			{"POST /api/v3/repos/acme/live/issues/5/labels", `["new one"]`, 200, `[]`}}, updated, ""},
		{"new text and label", Gitea, labelled, []call{{teaGet, "", 200, teaIs},
			{teaFind, "", 200, "[" + teaHas("bump vpc", "old", `{"name":"terraform"},{"name":"keep"}`) + "]"},
			{teaPut, `{"body":"text\n","milestone":0}`, 200, teaHas("", "", "")},
			{teaGet + "/labels?limit=50&page=1", "", 200, `[{"id":31,"name":"new one"}]`},
			{"GET /api/v1/orgs/acme/labels?limit=50&page=1", "", 404, `{"message":"not found"}`},
			{"POST /api/v1/repos/acme/live/issues/5/labels", `{"labels":[31]}`, 200, `[]`}}, updated, ""},
		{"only the title", GitHub, plain, []call{{hubGet, "", 200, hubIs},
			{hubFind, "", 200, "[" + hubHas("old", "text", "") + "]"},
			{hubPut, `{"title":"bump vpc"}`, 200, hubHas("", "", "")}}, updated, ""},

		// Two at once: the other was faster.
		{"race", GitLab, plain, join(labNew,
			call{labPost, `{"description":"text\n","source_branch":"bump/vpc","target_branch":"main","title":"bump vpc"}`, 409, `{"message":["Another open merge request already exists for this source branch: !5"]}`},
			call{labFind, "", 200, "[" + labHas("theirs", "text", "") + "]"},
			call{labPut, `{"title":"bump vpc"}`, 200, labHas("", "", "")}), updated, ""},
		{"race", GitHub, plain, join(hubNew,
			call{hubPost, `{"base":"main","body":"text\n","draft":false,"head":"bump/vpc","title":"bump vpc"}`, 422, `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for acme:bump/vpc."}]}`},
			call{hubFind, "", 200, "[" + hubHas("theirs", "text", "") + "]"},
			call{hubPut, `{"title":"bump vpc"}`, 200, hubHas("", "", "")}), updated, ""},
		{"race", Gitea, plain, join(teaNew,
			call{teaPost, `{"base":"main","body":"text\n","head":"bump/vpc","milestone":0,"title":"bump vpc"}`, 409, `{"message":"pull request already exists for these targets [id: 1, issue_id: 5, head_repo_id: 9, base_repo_id: 9, head_branch: bump/vpc, base_branch: main]"}`},
			call{teaFind, "", 200, "[" + teaHas("theirs", "text", "") + "]"},
			call{teaPut, `{"milestone":0,"title":"bump vpc"}`, 200, teaHas("", "", "")}), updated, ""},

		// Another project's branch of the same name is another's request.
		{"a fork's", GitLab, plain, join([]call{{labGet, "", 200, labIs}, {labFind, "", 200, "[" + strings.Replace(labHas("theirs", "", ""), `"source_project_id":9`, `"source_project_id":8`, 1) + "]"}},
			append(branches(labGet+"/repository/branches/", "bump%2Fvpc"), call{labPost, `{"description":"text\n","source_branch":"bump/vpc","target_branch":"main","title":"bump vpc"}`, 201, labHas("", "", "")})...), made, ""},
		{"a fork's", GitHub, plain, join([]call{{hubGet, "", 200, hubIs}, {hubFind, "", 200, "[" + strings.Replace(hubHas("theirs", "", ""), `"id":9`, `"id":8`, 1) + "]"}},
			append(branches(hubGet+"/git/ref/heads/", "bump/vpc"), call{hubPost, `{"base":"main","body":"text\n","draft":false,"head":"bump/vpc","title":"bump vpc"}`, 201, hubHas("", "", "")})...), made, ""},
		{"a fork's", Gitea, plain, join([]call{{teaGet, "", 200, teaIs}, {teaFind, "", 200, "[" + strings.Replace(teaHas("theirs", "", ""), `"repo_id":9`, `"repo_id":8`, 1) + "]"}},
			append(branches(teaGet+"/branches/", "bump/vpc"), call{teaPost, `{"base":"main","body":"text\n","head":"bump/vpc","milestone":0,"title":"bump vpc"}`, 201, teaHas("", "", "")})...), made, ""},

		{"renamed", GitLab, plain, []call{{labGet, "", 200, strings.Replace(labIs, "terraform/aws/live", "platform/live", 1)},
			{strings.Replace(labFind, "terraform%2Faws%2Flive", "platform%2Flive", 1), "", 200, "[" + labHas("bump vpc", "text", "") + "]"}}, Opened{URL: page, Number: 5, Renamed: "platform/live"}, ""},
		{"renamed", GitHub, plain, []call{{hubGet, "", 200, strings.Replace(hubIs, "acme/live", "Other/new", 1)},
			{"GET /api/v3/repos/Other/new/pulls?base=main&head=Other%3Abump%2Fvpc&page=1&per_page=100&state=open", "", 200, "[" + hubHas("bump vpc", "text", "") + "]"}}, Opened{URL: page, Number: 5, Renamed: "Other/new"}, ""},

		{"another target", GitLab, with(func(r *Request) { r.Target = "release" }), []call{{labGet, "", 200, labIs},
			{strings.Replace(labFind, "target_branch=main", "target_branch=release", 1), "", 200, `[]`},
			{labGet + "/repository/branches/bump%2Fvpc", "", 200, `{}`},
			{labGet + "/repository/branches/release", "", 404, `{"message":"404 Branch Not Found"}`}}, Opened{}, "has no branch release for the merge request to go to\nhint: "},
		{"not pushed", GitLab, plain, []call{{labGet, "", 200, labIs}, {labFind, "", 200, `[]`}, {labGet + "/repository/branches/bump%2Fvpc", "", 404, `{}`}}, Opened{}, "has no branch bump/vpc\nhint: push it first"},
		{"not pushed", GitHub, plain, []call{{hubGet, "", 200, hubIs}, {hubFind, "", 200, `[]`}, {hubGet + "/git/ref/heads/bump/vpc", "", 404, `{}`}}, Opened{}, "has no branch bump/vpc\nhint: push it first"},
		{"not pushed", Gitea, plain, []call{{teaGet, "", 200, teaIs}, {teaFind, "", 200, `[]`}, {teaGet + "/branches/bump/vpc", "", 404, `{}`}}, Opened{}, "has no branch bump/vpc\nhint: push it first"},
		{"nothing in it", GitHub, plain, join(hubNew,
			call{hubPost, `{"base":"main","body":"text\n","draft":false,"head":"bump/vpc","title":"bump vpc"}`, 422, `{"message":"Validation Failed","errors":[{"message":"No commits between main and bump/vpc"}]}`}), Opened{}, "No commits between main and bump/vpc"},
		{"from main", GitHub, with(func(r *Request) { r.Source = "main" }), []call{{hubGet, "", 200, hubIs}}, Opened{}, "main is both the branch and the target"},
		{"empty", GitHub, plain, []call{{hubGet, "", 200, `{"id":9,"full_name":"acme/live"}`}}, Opened{}, "has no default branch\nhint: is it empty?"},

		{"none there", GitLab, plain, []call{{labGet, "", 404, `{"message":"404 Project Not Found"}`}}, Opened{}, "has no project terraform/aws/live that the token in GITLAB_TOKEN can see\nhint: "},
		{"none there", GitHub, plain, []call{{hubGet, "", 404, `{"message":"Not Found"}`}}, Opened{}, "has no project acme/live that the token in GH_TOKEN can see\nhint: "},
		{"none there", Gitea, plain, []call{{teaGet, "", 404, `{"message":"not found"}`}}, Opened{}, "has no project acme/live that the token in GITEA_TOKEN can see\nhint: "},
		{"archived", GitLab, plain, []call{{labGet, "", 200, strings.Replace(labIs, "{", `{"archived":true,`, 1)}}, Opened{}, "is archived\nhint: "},
		{"archived", GitHub, plain, []call{{hubGet, "", 200, strings.Replace(hubIs, "{", `{"archived":true,`, 1)}}, Opened{}, "is archived\nhint: "},
		{"archived", Gitea, plain, []call{{teaGet, "", 200, strings.Replace(teaIs, "{", `{"archived":true,`, 1)}}, Opened{}, "is archived\nhint: "},
		{"a mirror", Gitea, plain, []call{{teaGet, "", 200, strings.Replace(teaIs, "{", `{"mirror":true,`, 1)}}, Opened{}, "is a mirror"},
		{"turned off", GitLab, plain, []call{{labGet, "", 200, strings.Replace(labIs, "enabled", "disabled", 1)}}, Opened{}, "takes no merge requests\nhint: "},
		{"turned off", Gitea, plain, []call{{teaGet, "", 200, strings.Replace(teaIs, "true", "false", 1)}}, Opened{}, "takes no pull requests\nhint: "},

		{"a bad token", GitLab, plain, []call{{labGet, "", 401, `{"message":"401 Unauthorized"}`}}, Opened{}, "\nhint: the token in GITLAB_TOKEN is not valid there"},
		{"a bad token", GitHub, plain, []call{{hubGet, "", 401, `{"message":"Bad credentials"}`}}, Opened{}, "\nhint: the token in GH_TOKEN is not valid there"},
		{"a bad token", Gitea, plain, []call{{teaGet, "", 401, `{"message":"token is required"}`}}, Opened{}, "\nhint: the token in GITEA_TOKEN is not valid there"},
		{"no right", GitLab, plain, join(labNew,
			call{labPost, `{"description":"text\n","source_branch":"bump/vpc","target_branch":"main","title":"bump vpc"}`, 403, `{"message":"403 Forbidden"}`}), Opened{}, "has not the right to it; it needs the scope api"},
		{"actions may not", GitHub, plain, join(hubNew,
			call{hubPost, `{"base":"main","body":"text\n","draft":false,"head":"bump/vpc","title":"bump vpc"}`, 403, `{"message":"GitHub Actions is not permitted to create or approve pull requests."}`}), Opened{}, "hint: allow it in the settings"},
		{"the token said back", GitLab, plain, []call{{labGet, "", 401, `{"message":"no such token: ` + secret + `"}`}}, Opened{}, "no such token: REDACTED"},
		{"the token said back", GitHub, plain, []call{{hubGet, "", 400, `{"message":"no such token: ` + secret + `"}`}}, Opened{}, "no such token: REDACTED"},
		{"the token said back", Gitea, plain, []call{{teaGet, "", 500, strings.Repeat(" ", 20) + "Authorization: token " + secret}}, Opened{}, "Authorization: token REDACTED"},
		{"doubled, and not seen", Gitea, plain, join(teaNew,
			append([]call{{teaPost, `{"base":"main","body":"text\n","head":"bump/vpc","milestone":0,"title":"bump vpc"}`, 409, `{"message":"pull request already exists for these targets"}`}},
				append(teaNew[1:], call{teaPost, `{"base":"main","body":"text\n","head":"bump/vpc","milestone":0,"title":"bump vpc"}`, 409, `{"message":"pull request already exists for these targets"}`})...)...), Opened{}, "hint: it is not to be seen by this token"},

		{"no title", GitHub, with(func(r *Request) { r.Title = "Draft: \n" }), nil, Opened{}, "needs a title"},
		{"an option", GitLab, with(func(r *Request) { r.Source = "--force" }), nil, Opened{}, "is no name of a branch"},
		{"climbs", GitHub, with(func(r *Request) { r.Source = "a/../../x" }), nil, Opened{}, "is no name of a branch"},
		{"another owner's", Gitea, with(func(r *Request) { r.Source = "evil:main" }), nil, Opened{}, "is no name of a branch"},
		{"a target with a line", Gitea, with(func(r *Request) { r.Target = "main\n" }), nil, Opened{}, "is no name of a branch"},
		{"two labels in one", GitLab, with(func(r *Request) { r.Labels = []string{"a,b"} }), nil, Opened{}, "the label \"a,b\" cannot be one"},
	} {
		t.Run(string(tc.kind)+", "+tc.name, func(t *testing.T) {
			h := headers[tc.kind]
			s := &script{t: t, header: h[1], want: h[2], calls: tc.calls}
			server := s.serve()
			f, err := New(Config{Kind: tc.kind, Getenv: env(h[0], secret, bindings[tc.kind].hosts[0], server), Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			remote := server + "/acme/live.git"
			if tc.kind == GitLab {
				remote = "ssh://git@127.0.0.1:2222/terraform/aws/live.git"
			}
			got, err := f.Open(t.Context(), remote, tc.request)
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			switch {
			case tc.err == "" && err != nil:
				t.Error(err)
			case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err) || !strings.Contains(err.Error(), "\nhint: ") || strings.Contains(err.Error(), secret)):
				t.Errorf("got error %v, want %q", err, tc.err)
			}
		})
	}
}

// A request on a later page is found. GitLab says the next page in a header of
// its own, the others as RFC 8288 has it.
func TestOpenPages(t *testing.T) {
	for _, tc := range []struct {
		kind         Kind
		get, is      string
		find, second string
		next         http.Header
		has          string
	}{
		{GitLab, labGet, labIs, labFind, strings.Replace(labFind, "page=1&", "page=2&", 1), http.Header{"X-Next-Page": {"2"}}, labHas("bump vpc", "", "")},
		{GitHub, hubGet, hubIs, hubFind, strings.Replace(hubFind, "page=1&", "page=2&", 1), http.Header{"Link": {`<https://forge.example.com/x?page=2>; rel="next"`}}, hubHas("bump vpc", "", "")},
		{Gitea, teaGet, teaIs, teaFind, strings.Replace(teaFind, "page=1&", "page=2&", 1), http.Header{"Link": {`<https://forge.example.com/x?page=2&limit=50>; rel="next"`}}, teaHas("bump vpc", "", "")},
	} {
		h := headers[tc.kind]
		s := &script{t: t, header: h[1], want: h[2], calls: []call{
			{tc.get, "", 200, tc.is},
			{tc.find, "", 200, `[{"iid":1,"number":1}]`},
			{tc.second, "", 200, "[" + tc.has + "]"},
		}, with: map[int]http.Header{1: tc.next}}
		server := s.serve()
		f, err := New(Config{Kind: tc.kind, Getenv: env(h[0], secret, bindings[tc.kind].hosts[0], server), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		remote := server + "/acme/live.git"
		if tc.kind == GitLab {
			remote = server + "/terraform/aws/live"
		}
		if got, err := f.Open(t.Context(), remote, Request{Source: "bump/vpc", Title: "bump vpc"}); err != nil || got.Number != 5 || got.Updated {
			t.Errorf("%s: %+v %v", tc.kind, got, err)
		}
	}
}

// A renamed project sends GET on to where it is now, and takes nothing else
// under its old name: what changes something goes to the new one.
func TestOpenRenamed(t *testing.T) {
	r := Request{Source: "bump/vpc", Title: "bump vpc"}
	for _, tc := range []struct {
		kind  Kind
		to    string // where it sends on to
		calls []call
		want  string
	}{
		{GitLab, "/api/v4/projects/9", []call{
			{"GET /api/v4/projects/acme%2Flive", "", 301, `{}`},
			{"GET /api/v4/projects/9", "", 200, strings.Replace(labIs, "terraform/aws/live", "new/sub/live", 1)},
			{"GET /api/v4/projects/new%2Fsub%2Flive/merge_requests", "", 200, "[" + labHas("old", "", "") + "]"},
			{"PUT /api/v4/projects/new%2Fsub%2Flive/merge_requests/5", `{"title":"bump vpc"}`, 200, `{}`},
		}, "new/sub/live"},
		{GitHub, "/api/v3/repositories/9", []call{
			{"GET /api/v3/repos/acme/live", "", 301, `{}`},
			{"GET /api/v3/repositories/9", "", 200, strings.Replace(hubIs, "acme/live", "new/name", 1)},
			{"GET /api/v3/repos/new/name/pulls", "", 200, "[" + hubHas("old", "", "") + "]"},
			{"PATCH /api/v3/repos/new/name/pulls/5", `{"title":"bump vpc"}`, 200, `{}`},
		}, "new/name"},
		{Gitea, "/api/v1/repos/new/name", []call{
			{"GET /api/v1/repos/acme/live", "", 307, `{}`},
			{"GET /api/v1/repos/new/name", "", 200, strings.Replace(teaIs, "acme/live", "new/name", 1)},
			{"GET /api/v1/repos/new/name/pulls", "", 200, "[" + teaHas("old", "", "") + "]"},
			{"PATCH /api/v1/repos/new/name/pulls/5", `{"milestone":0,"title":"bump vpc"}`, 200, `{}`},
		}, "new/name"},
		// A name that is no path is not followed into an address.
		{GitHub, "", []call{
			{"GET /api/v3/repos/acme/live", "", 200, strings.Replace(hubIs, "acme/live", "../../x", 1)},
			{"GET /api/v3/repos/acme/live/pulls", "", 200, "[" + hubHas("bump vpc", "", "") + "]"},
		}, ""},
	} {
		h := headers[tc.kind]
		s := &script{t: t, header: h[1], want: h[2], calls: tc.calls}
		if tc.to != "" {
			s.with = map[int]http.Header{0: {"Location": {tc.to}}}
		}
		server := s.serve()
		f, err := New(Config{Kind: tc.kind, Getenv: env(h[0], secret, bindings[tc.kind].hosts[0], server), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Open(t.Context(), server+"/acme/live.git", r); err != nil || got.Renamed != tc.want || got.Number != 5 {
			t.Errorf("%s: %+v %v", tc.kind, got, err)
		}
	}
}

// A certificate of nobody known, and a context that is done.
func TestOpenFails(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	for kind, h := range headers {
		f, err := New(Config{Kind: kind, Getenv: env(h[0], secret, bindings[kind].hosts[0], server.URL), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Open(t.Context(), server.URL+"/a/b", Request{Source: "b", Title: "t"}); err == nil || !strings.Contains(err.Error(), "hint: set SSL_CERT_FILE") {
			t.Errorf("%s: %v", kind, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.Open(ctx, server.URL+"/a/b", Request{Source: "b", Title: "t"}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Answers that are JSON and make no sense do no harm.
func TestOpenNonsense(t *testing.T) {
	for _, answer := range []string{`null`, `{}`, `[]`, `""`, `{"id":9,"default_branch":"main","full_name":"//","path_with_namespace":"/","has_pull_requests":true}`} {
		for kind, h := range headers {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, answer)
			}))
			f, err := New(Config{Kind: kind, Getenv: env(h[0], secret, bindings[kind].hosts[0], server.URL), Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := f.Open(t.Context(), server.URL+"/a/b", Request{Source: "b", Title: "t"}); err == nil || got != (Opened{}) {
				t.Errorf("%s, %s: %+v %v", kind, answer, got, err)
			}
			server.Close()
		}
	}
	f := &Forge{config: Config{Kind: Gitea}, api: nothing{}}
	long := &current{title: strings.Repeat("WIP: ", 100) + "old"}
	if _, err := f.update(t.Context(), &project{}, long, Request{Title: "new"}, Opened{}); err != nil {
		t.Error(err)
	}
}

// nothing is an API that changes nothing.
type nothing struct{ api }

func (nothing) change(context.Context, *project, int64, change) error { return nil }

// A remote at another host gets nothing, nor does a host that is sent on to.
func TestOpenStays(t *testing.T) {
	for kind, h := range headers {
		foreign := &script{t: t} // any request to it is one too many
		elsewhere := foreign.serve()
		f, err := New(Config{Kind: kind, Getenv: env(h[0], secret, bindings[kind].hosts[0], "https://forge.example.com"), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		r := Request{Source: "b", Title: "t"}
		for _, remote := range []string{elsewhere + "/acme/live.git", "git@127.0.0.1:acme/live.git", "https://user:" + secret + "@" + strings.TrimPrefix(elsewhere, "http://") + "/acme/live.git"} {
			if _, err := f.Open(t.Context(), remote, r); err == nil || !strings.Contains(err.Error(), "nothing was sent there") || strings.Contains(err.Error(), secret) {
				t.Errorf("%s, %s: %v", kind, remote, err)
			}
		}
		s := &script{t: t, header: h[1], want: h[2], calls: []call{{map[Kind]string{
			GitLab: "GET /api/v4/projects/acme%2Flive", GitHub: hubGet, Gitea: teaGet,
		}[kind], "", 301, ""}}, with: map[int]http.Header{0: {"Location": {elsewhere + "/x?t=" + secret}}}}
		server := s.serve()
		f, err = New(Config{Kind: kind, Getenv: env(h[0], secret, bindings[kind].hosts[0], server), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Open(t.Context(), server+"/acme/live.git", r); err == nil || !strings.Contains(err.Error(), "nothing was sent there") || strings.Contains(err.Error(), secret) {
			t.Errorf("%s, sent on: %v", kind, err)
		}
	}
}

// What the forges send where they send no good JSON: limits, pages, nothing.
func TestOpenAnswers(t *testing.T) {
	remote := map[Kind]string{GitLab: "/terraform/aws/live.git", GitHub: "/acme/live.git", Gitea: "/acme/live.git"}
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for _, tc := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   string
		kinds  []Kind
	}{
		{"limit, seconds", 429, http.Header{"Retry-After": {"57"}}, `{"message":"slow"}`, "hint: it takes no more requests for now: try again in 57 s", []Kind{GitLab, GitHub, Gitea}},
		{"limit, date", 429, http.Header{"Retry-After": {"Wed, 25 Nov 2026 07:28:00 GMT"}}, `Retry later`, "try again after 2026-11-25T07:28:00Z", []Kind{GitLab, GitHub, Gitea}},
		{"limit, gitlab", 429, http.Header{"Ratelimit-Reset": {"1795591680"}}, `{}`, "try again after 2026-11-25T07:28:00Z", []Kind{GitLab}},
		{"limit, github", 403, http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"1795591680"}}, `{"message":"API rate limit exceeded"}`, "API rate limit exceeded\nhint: it takes no more requests for now: try again after 2026-11-25T07:28:00Z", []Kind{GitHub}},
		{"second limit, github", 403, http.Header{"Retry-After": {"60"}}, `{"message":"You have exceeded a secondary rate limit","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`, "try again in 60 s", []Kind{GitHub}},
		{"limit, no time", 429, nil, `{}`, "try again later", []Kind{GitLab, GitHub, Gitea}},
		{"a sign-in page", 200, html, "<html>sign in", "with a page instead of JSON, so its API is not there\nhint: ", []Kind{GitLab, GitHub, Gitea}},
		{"no API", 404, html, "<html>no such page", "with a page instead of JSON, so its API is not there\nhint: ", []Kind{GitLab, GitHub, Gitea}},
		{"a proxy's page", 403, html, "<html>blocked", "403 Forbidden, with a page instead of JSON", []Kind{GitLab, GitHub, Gitea}},
		{"down", 502, html, "<html>down", "hint: the forge has a trouble of its own", []Kind{GitHub, Gitea}},
		{"bad JSON", 200, nil, `{"id":`, "unexpected", []Kind{GitLab, GitHub, Gitea}},
	} {
		for _, kind := range tc.kinds {
			sent := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent++
				w.Header().Set("Content-Type", "application/json")
				for k, v := range tc.header {
					w.Header()[k] = v
				}
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
			}))
			h := headers[kind]
			f, err := New(Config{Kind: kind, Getenv: env(h[0], secret, bindings[kind].hosts[0], server.URL), Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Open(t.Context(), server.URL+remote[kind], Request{Source: "b", Title: "t"})
			if err == nil || !strings.Contains(err.Error(), tc.want) || sent != 1 {
				t.Errorf("%s, %s: after %d requests: %v, want %q", kind, tc.name, sent, err, tc.want)
			}
			server.Close()
		}
	}
}

// Several at once, at a forge that holds one request for a branch: one makes
// it, and there is one at the end.
func TestOpenAtOnce(t *testing.T) {
	var (
		mu   sync.Mutex
		open string // title
		wait sync.WaitGroup
	)
	wait.Add(2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/live"):
			fmt.Fprint(w, teaIs)
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/branches/"):
			fmt.Fprint(w, `{}`)
			return
		case r.Method == http.MethodGet:
			mu.Lock()
			defer mu.Unlock()
			if open == "" {
				fmt.Fprint(w, `[]`)
				return
			}
			fmt.Fprintf(w, "[%s]", teaHas(open, "", ""))
		case r.Method == http.MethodPost:
			wait.Done()
			wait.Wait() // both have seen none
			mu.Lock()
			defer mu.Unlock()
			if open != "" {
				w.WriteHeader(http.StatusConflict)
				fmt.Fprint(w, `{"message":"pull request already exists for these targets"}`)
				return
			}
			open = "bump vpc"
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, teaHas(open, "", ""))
		default:
			t.Errorf("%s %s", r.Method, r.URL)
		}
	}))
	defer server.Close()
	f, err := New(Config{Kind: Gitea, Getenv: env("GITEA_TOKEN", secret, "GITEA_HOST", server.URL), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	made := make(chan bool, 2)
	for range 2 {
		go func() {
			o, err := f.Open(t.Context(), server.URL+"/acme/live.git", Request{Source: "bump/vpc", Title: "bump vpc"})
			if err != nil || o.Number != 5 || o.URL != page {
				t.Errorf("%+v %v", o, err)
			}
			made <- o.Created
		}()
	}
	if a, b := <-made, <-made; a == b {
		t.Errorf("made: %v and %v", a, b)
	}
}

func TestTidy(t *testing.T) {
	long := strings.Repeat("é", 300)
	for _, kind := range []Kind{GitLab, GitHub, Gitea} {
		f := &Forge{config: Config{Kind: kind}}
		r, err := f.tidy(Request{Source: "b", Title: "a\tb\r\nc\x00d \u202ee", Body: "x\r\ny\x00\xff"})
		if err != nil || r.Title != "a b cd e" || r.Body != "x\ny\ufffd" || r.Draft {
			t.Errorf("%s: %+v %v", kind, r, err)
		}
		r, err = f.tidy(Request{Source: "b", Title: "draft: " + long})
		if got := r.titled(draftPrefix[kind]); err != nil || !r.Draft || utf8.RuneCountInString(got) != maxTitle || !strings.HasSuffix(got, "é…") || !strings.HasPrefix(got, draftPrefix[kind]+"é") {
			t.Errorf("%s: %q %v", kind, got, err)
		}
	}
	for name, ok := range map[string]bool{
		"main": true, "bump/vpc-1.2": true, "é/ü": true, "feature/@x": true,
		"": false, "@": false, "-x": false, "a b": false, "a..b": false, "a//b": false, "/a": false, "a/": false, ".a": false, "a/.b": false,
		"a.lock": false, "a.lock/b": false, "a~1": false, "a^": false, "a:b": false, "a?": false, "a*": false, "a[": false, `a\b`: false, "a@{1}": false, "a\x7f": false, "a\x00": false, "a.": false, "\xff": false,
	} {
		if err := checkBranch(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A body that is too long ends at a line's end, with what is open in it closed
// and a sentence, and is within the limit.
func TestCutBody(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("a line of é\n", 20000),
		"```hcl\n" + strings.Repeat("a line\n", 20000),
		"<details>\n" + strings.Repeat("a line\n", 20000) + "</details>\n",
		strings.Repeat("<details>\n", 20000),
		strings.Repeat("x", 200000),
		strings.Repeat("`", 200000) + "\n",
	} {
		got := cutBody(s, maxBodyGitHub)
		if n := utf8.RuneCountInString(got); n > maxBodyGitHub || n < maxBodyGitHub-1000 {
			t.Errorf("%.20q: %d characters", s, n)
		}
		if !strings.HasSuffix(got, "the forge takes 65536 characters.*\n") {
			t.Errorf("%.20q ends with %q", s, got[len(got)-200:])
		}
	}
	if got := cutBody("```\n"+strings.Repeat("a line\n", 20000), maxBodyGitHub); !strings.Contains(got, "a line\n```\n\n*This") {
		t.Errorf("open: %q", got[len(got)-200:])
	}
	if got := cutBody("<details>\n"+strings.Repeat("a line\n", 20000), maxBodyGitHub); !strings.Contains(got, "a line\n\n</details>\n\n*This") {
		t.Errorf("folded: %q", got[len(got)-200:])
	}
	if s := strings.Repeat("é", maxBodyGitHub); cutBody(s, maxBodyGitHub) != s {
		t.Error("one that fits is cut")
	}
}

// The limit of each forge is the one that is sent.
func TestBodyLimit(t *testing.T) {
	body := strings.Repeat("a line\n", 200000)
	for kind, want := range map[Kind]int{GitLab: 1048576, GitHub: 65536, Gitea: 1048576} {
		f := &Forge{config: Config{Kind: kind}}
		r, err := f.tidy(Request{Source: "b", Title: "t", Body: body})
		if err != nil || len(r.Body) > want || len(r.Body) < want-1000 || !json.Valid([]byte(`"`+strings.ReplaceAll(r.Body, "\n", `\n`)+`"`)) {
			t.Errorf("%s: %d characters, %v", kind, len(r.Body), err)
		}
	}
}
