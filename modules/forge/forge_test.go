package forge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A call is one request that an API must get, and its answer.
type call struct {
	request string // method and path, escaped as it was sent, and the query where it counts
	body    string // JSON, keys sorted; "" for none
	status  int
	answer  string
}

// A script is a server that must be sent exactly its calls, in order, each
// with the header that bears the token.
type script struct {
	t            *testing.T
	header, want string
	mu           sync.Mutex
	calls        []call
	with         map[int]http.Header // headers of the answers to some calls, by number from 0
	done         int
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request := r.Method + " " + r.URL.EscapedPath()
	if len(s.calls) == 0 {
		s.t.Errorf("one request too many: %s", request)
		http.Error(w, "{}", http.StatusTeapot)
		return
	}
	c := s.calls[0]
	s.calls = s.calls[1:]
	if strings.Contains(c.request, "?") {
		request = r.Method + " " + r.URL.RequestURI()
	}
	if request != c.request {
		s.t.Errorf("got %s, want %s", request, c.request)
	}
	if got := r.Header.Get(s.header); got != s.want {
		s.t.Errorf("%s: %s is %q, want %q", request, s.header, got, s.want)
	}
	body := ""
	if r.Method != http.MethodGet {
		var v any
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			s.t.Errorf("%s: %v", request, err)
		}
		m, _ := v.(map[string]any)
		for k, x := range m { // what the client leaves empty says nothing
			if x == "" || x == nil {
				delete(m, k)
			}
		}
		b, _ := json.Marshal(v)
		body = string(b)
		if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
			s.t.Errorf("%s: its content type is %q", request, ct)
		}
	}
	if body != c.body {
		s.t.Errorf("%s: got body %s, want %s", request, body, c.body)
	}
	w.Header().Set("Content-Type", "application/json")
	for k, v := range s.with[s.done] {
		w.Header()[k] = v
	}
	s.done++
	w.WriteHeader(c.status)
	fmt.Fprint(w, c.answer)
}

// serve starts the script and returns its URL.
func (s *script) serve() string {
	server := httptest.NewServer(s)
	s.t.Cleanup(func() {
		server.Close()
		if len(s.calls) > 0 {
			s.t.Errorf("never asked: %s", s.calls[0].request)
		}
	})
	return server.URL
}

func env(kv ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(kv); i += 2 {
			if kv[i] == name {
				return kv[i+1]
			}
		}
		return ""
	}
}

const secret = "tok-4711"

// headers are how each forge is sent its token.
var headers = map[Kind][3]string{ // token variable, header, value
	GitLab: {"GITLAB_TOKEN", "Private-Token", secret},
	GitHub: {"GH_TOKEN", "Authorization", "Bearer " + secret},
	Gitea:  {"GITEA_TOKEN", "Authorization", "token " + secret},
}

func TestCreate(t *testing.T) {
	const remote = "ssh://git@127.0.0.1:2222/"
	for _, tc := range []struct {
		name       string
		kind       Kind
		visibility Visibility
		path       string
		calls      []call
		want       string // "" where it is created; "there", or the error
	}{
		{"gitlab, in a subgroup", GitLab, Private, "terraform/aws/vpc.git", []call{
			{"GET /api/v4/projects/terraform%2Faws%2Fvpc", "", 404, `{"message":"404 Project Not Found"}`},
			{"GET /api/v4/namespaces/terraform%2Faws", "", 200, `{"id":42,"full_path":"terraform/aws"}`},
			{"POST /api/v4/projects", `{"name":"vpc","namespace_id":42,"path":"vpc","visibility":"private"}`, 201, `{"id":1}`},
		}, ""},
		{"gitlab, internal", GitLab, Internal, "terraform/vpc.git", []call{
			{"GET /api/v4/projects/terraform%2Fvpc", "", 404, `{}`},
			{"GET /api/v4/namespaces/terraform", "", 200, `{"id":7}`},
			{"POST /api/v4/projects", `{"name":"vpc","namespace_id":7,"path":"vpc","visibility":"internal"}`, 201, `{"id":1}`},
		}, ""},
		{"gitlab, there", GitLab, Private, "terraform/vpc.git", []call{
			{"GET /api/v4/projects/terraform%2Fvpc", "", 200, `{"id":1,"visibility":"public"}`},
		}, "there"},
		{"gitlab, no group", GitLab, Private, "terraform/aws/vpc.git", []call{
			{"GET /api/v4/projects/terraform%2Faws%2Fvpc", "", 404, `{}`},
			{"GET /api/v4/namespaces/terraform%2Faws", "", 404, `{"message":"404 Namespace Not Found"}`},
		}, "has no group terraform/aws, or the token cannot see it\nhint: create the group first"},
		{"gitlab, no right", GitLab, Private, "terraform/vpc.git", []call{
			{"GET /api/v4/projects/terraform%2Fvpc", "", 404, `{}`},
			{"GET /api/v4/namespaces/terraform", "", 200, `{"id":7}`},
			{"POST /api/v4/projects", `{"name":"vpc","namespace_id":7,"path":"vpc","visibility":"private"}`, 403, `{"message":"403 Forbidden"}`},
		}, "\nhint: the token in GITLAB_TOKEN has not the right to it"},
		{"gitlab, a bad token", GitLab, Private, "terraform/vpc.git", []call{
			{"GET /api/v4/projects/terraform%2Fvpc", "", 401, `{"message":"401 Unauthorized"}`},
		}, "\nhint: the token in GITLAB_TOKEN is not valid there"},

		{"github, in an organisation", GitHub, Private, "acme/vpc.git", []call{
			{"GET /api/v3/repos/acme/vpc", "", 404, `{"message":"Not Found"}`},
			{"GET /api/v3/users/acme", "", 200, `{"login":"acme","type":"Organization"}`},
			{"POST /api/v3/orgs/acme/repos", `{"name":"vpc","private":true,"visibility":"private"}`, 201, `{"id":1}`},
		}, ""},
		{"github, public", GitHub, Public, "acme/vpc.git", []call{
			{"GET /api/v3/repos/acme/vpc", "", 404, `{}`},
			{"GET /api/v3/users/acme", "", 200, `{"login":"acme","type":"Organization"}`},
			{"POST /api/v3/orgs/acme/repos", `{"name":"vpc","private":false,"visibility":"public"}`, 201, `{"id":1}`},
		}, ""},
		{"github, one's own", GitHub, Private, "ada/vpc.git", []call{
			{"GET /api/v3/repos/ada/vpc", "", 404, `{}`},
			{"GET /api/v3/users/ada", "", 200, `{"login":"ada","type":"User"}`},
			{"GET /api/v3/user", "", 200, `{"login":"Ada"}`},
			{"POST /api/v3/user/repos", `{"name":"vpc","private":true}`, 201, `{"id":1}`},
		}, ""},
		{"github, another's", GitHub, Private, "bob/vpc.git", []call{
			{"GET /api/v3/repos/bob/vpc", "", 404, `{}`},
			{"GET /api/v3/users/bob", "", 200, `{"login":"bob","type":"User"}`},
			{"GET /api/v3/user", "", 200, `{"login":"ada"}`},
		}, "bob is another user than the token's, ada"},
		{"github, one's own internal", GitHub, Internal, "ada/vpc.git", []call{
			{"GET /api/v3/repos/ada/vpc", "", 404, `{}`},
			{"GET /api/v3/users/ada", "", 200, `{"login":"ada","type":"User"}`},
		}, "can be internal"},
		{"github, no owner", GitHub, Private, "acme/vpc.git", []call{
			{"GET /api/v3/repos/acme/vpc", "", 404, `{}`},
			{"GET /api/v3/users/acme", "", 404, `{}`},
		}, "has no organisation or user acme"},
		{"github, there", GitHub, Private, "acme/vpc.git", []call{
			{"GET /api/v3/repos/acme/vpc", "", 200, `{"id":1,"private":false}`},
		}, "there"},
		{"github, no subgroups", GitHub, Private, "acme/aws/vpc.git", nil, "has 3 parts"},

		{"gitea, in an organisation", Gitea, Private, "acme/vpc.git", []call{
			{"GET /api/v1/repos/acme/vpc", "", 404, `{"message":"not found"}`},
			{"GET /api/v1/user", "", 200, `{"login":"ada"}`},
			{"GET /api/v1/orgs/acme", "", 200, `{"username":"acme"}`},
			{"POST /api/v1/orgs/acme/repos", `{"auto_init":false,"default_branch":"main","name":"vpc","private":true,"template":false}`, 201, `{"id":1}`},
		}, ""},
		{"gitea, one's own", Gitea, Public, "ada/vpc.git", []call{
			{"GET /api/v1/repos/ada/vpc", "", 404, `{}`},
			{"GET /api/v1/user", "", 200, `{"login":"ada"}`},
			{"POST /api/v1/user/repos", `{"auto_init":false,"default_branch":"main","name":"vpc","private":false,"template":false}`, 201, `{"id":1}`},
		}, ""},
		{"gitea, no organisation", Gitea, Private, "acme/vpc.git", []call{
			{"GET /api/v1/repos/acme/vpc", "", 404, `{}`},
			{"GET /api/v1/user", "", 200, `{"login":"ada"}`},
			{"GET /api/v1/orgs/acme", "", 404, `{"message":"not found"}`},
		}, "has no organisation acme"},
		{"gitea, there", Gitea, Private, "acme/vpc.git", []call{
			{"GET /api/v1/repos/acme/vpc", "", 200, `{"id":1}`},
		}, "there"},

		{"no owner", GitLab, Private, "vpc.git", nil, "has no owner"},
		{"climbs", GitLab, Private, "a/../vpc.git", nil, "is no path of a project"},
		{"an option", GitHub, Private, "acme/-x.git", nil, "is no path of a project"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := headers[tc.kind]
			s := &script{t: t, header: h[1], want: h[2], calls: tc.calls}
			f, err := New(Config{tc.kind, tc.visibility, env(h[0], secret, bindings[tc.kind].hosts[0], s.serve()), time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if there, err := f.Exists(t.Context(), remote+tc.path); err != nil {
				got = err.Error()
			} else if there {
				got = "there"
			} else if err := f.Create(t.Context(), remote+tc.path); err != nil {
				got = err.Error()
			}
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) || strings.Contains(got, secret) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// A token for one host is sent to no other, whatever a remote or a server
// says.
func TestTokenStays(t *testing.T) {
	for kind, h := range headers {
		foreign := &script{t: t} // any request to it is one too many
		elsewhere := foreign.serve()
		host := strings.TrimPrefix(elsewhere, "http://")
		for _, tc := range []struct {
			name, bound, remote, want string
		}{
			{"another host", "https://forge.example.com", elsewhere + "/acme/vpc.git", "nothing was sent there"},
			{"another port", "http://127.0.0.1:9", elsewhere + "/acme/vpc.git", "nothing was sent there"},
			{"another host by ssh", "https://forge.example.com", "git@127.0.0.1:acme/vpc.git", "nothing was sent there"},
			{"a name in a name", "https://forge.example.com", "https://forge.example.com.evil.example/acme/vpc.git", "nothing was sent there"},
			{"a user that looks like a host", "https://forge.example.com", "ssh://forge.example.com@" + host + "/acme/vpc.git", "nothing was sent there"},
			{"a directory", "https://forge.example.com", "file:///acme/vpc.git", "on no " + string(kind)},
			{"a path", "https://forge.example.com", "/acme/vpc.git", "on no " + string(kind)},
		} {
			f, err := New(Config{kind, Private, env(h[0], secret, bindings[kind].hosts[0], tc.bound), time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Exists(t.Context(), tc.remote)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s, %s: exists: %v", kind, tc.name, err)
			}
			if err := f.Create(t.Context(), tc.remote); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s, %s: create: %v", kind, tc.name, err)
			}
		}

		// The host itself sends us on: to another one the token does not go,
		// to another of its own pages it does.
		var sent []string
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			sent = append(sent, r.URL.Path)
			switch {
			case strings.Contains(r.URL.EscapedPath(), "moved"):
				http.Redirect(w, r, "/here", http.StatusMovedPermanently)
			case r.URL.Path == "/here":
				if r.Header.Get(h[1]) != h[2] {
					t.Errorf("%s: no token on its own page", kind)
				}
				fmt.Fprint(w, `{"id":1}`)
			default:
				http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
			}
		})
		f, err := New(Config{kind, Private, env(h[0], secret, bindings[kind].hosts[0], server.URL), time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Exists(t.Context(), server.URL+"/acme/vpc.git"); err == nil || !strings.Contains(err.Error(), "nothing was sent there") {
			t.Errorf("%s: redirected: %v", kind, err)
		}
		if ok, err := f.Exists(t.Context(), server.URL+"/acme/moved.git"); !ok || err != nil {
			t.Errorf("%s: moved within the host: %v %v", kind, ok, err)
		}
		if len(sent) < 3 {
			t.Errorf("%s: %q", kind, sent)
		}
		server.Close()
	}
}

func TestFindToken(t *testing.T) {
	for _, tc := range []struct {
		kind Kind
		env  []string
		want string // secret, where and host; or the error
	}{
		{GitLab, []string{"GITLAB_TOKEN", "a"}, "a GITLAB_TOKEN https://gitlab.com"},
		{GitLab, []string{"GITLAB_TOKEN", "a", "CI_SERVER_HOST", "ci.example.com"}, "a GITLAB_TOKEN https://ci.example.com"},
		{GitLab, []string{"GITLAB_TOKEN", "a", "CI_SERVER_HOST", "ci.example.com", "CI_SERVER_URL", "https://ci.example.com:8443/gitlab/"}, "a GITLAB_TOKEN https://ci.example.com:8443/gitlab"},
		{GitLab, []string{"GITLAB_TOKEN", "a", "CI_SERVER_HOST", "ci.example.com", "GITLAB_HOST", "Git.Example.com"}, "a GITLAB_TOKEN https://git.example.com"},
		{GitLab, []string{"CI_JOB_TOKEN", "a", "CI_SERVER_HOST", "ci.example.com"}, "no token for gitlab"},
		{GitHub, []string{"GITHUB_TOKEN", "b", "GH_TOKEN", "a"}, "a GH_TOKEN https://github.com"},
		{GitHub, []string{"GITHUB_TOKEN", "b", "GITHUB_SERVER_URL", "https://github.example.com"}, "b GITHUB_TOKEN https://github.example.com"},
		{GitHub, []string{"GH_TOKEN", "a", "GH_ENTERPRISE_TOKEN", "e", "GH_HOST", "github.example.com"}, "e GH_ENTERPRISE_TOKEN https://github.example.com"},
		{GitHub, []string{"GH_TOKEN", "a", "GH_ENTERPRISE_TOKEN", "e", "GH_HOST", "acme.ghe.com"}, "a GH_TOKEN https://acme.ghe.com"},
		{GitHub, []string{"GH_TOKEN", "a", "GH_ENTERPRISE_TOKEN", "e"}, "a GH_TOKEN https://github.com"},
		{GitHub, nil, "no token for github is in the environment\nhint: set GH_TOKEN to one that may write there, and GH_HOST to its host unless it is for github.com"},
		{Gitea, []string{"GITEA_TOKEN", "a"}, "nothing says which host"},
		{Gitea, []string{"GITEA_TOKEN", "a", "GITEA_SERVER_URL", "http://gitea.example.com:3000"}, "a GITEA_TOKEN http://gitea.example.com:3000"},
		{GitLab, []string{"GITLAB_TOKEN", "a", "GITLAB_HOST", "https://u:p@h"}, "GITLAB_HOST: it names no host"},
		{GitLab, []string{"GITLAB_TOKEN", "a", "GITLAB_HOST", "file:///x"}, "GITLAB_HOST: it names no host"},
		{"svn", nil, `"svn" is no forge`},
	} {
		got := ""
		if tok, err := findToken(tc.kind, env(tc.env...)); err != nil {
			got = err.Error()
		} else {
			got = tok.secret + " " + tok.from + " " + tok.base.String()
		}
		if !strings.Contains(got, tc.want) {
			t.Errorf("%s %q: got %q, want %q", tc.kind, tc.env, got, tc.want)
		}
	}
	if _, err := New(Config{Kind: Gitea, Visibility: Internal, Getenv: env("GITEA_TOKEN", "a", "GITEA_HOST", "h")}); err == nil || !strings.Contains(err.Error(), "internal") {
		t.Errorf("internal on Gitea: %v", err)
	}
	if _, err := New(Config{Kind: GitLab, Visibility: "secret", Getenv: env("GITLAB_TOKEN", "a")}); err == nil || !strings.Contains(err.Error(), "private, internal, public") {
		t.Errorf("no such visibility: %v", err)
	}
}

// Where the API of GitHub is.
func TestGitHubBase(t *testing.T) {
	for host, want := range map[string]string{
		"":                           "https://api.github.com/",
		"acme.ghe.com":               "https://api.acme.ghe.com/",
		"github.example.com":         "https://github.example.com/api/v3/",
		"http://127.0.0.1:8080/base": "http://127.0.0.1:8080/base/api/v3/",
	} {
		f, err := New(Config{Kind: GitHub, Visibility: Private, Getenv: env("GH_TOKEN", "a", "GH_HOST", host)})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.api.(*githubAPI).client.BaseURL.String(); got != want {
			t.Errorf("%q: got %s, want %s", host, got, want)
		}
	}
}

// A forge below a path has it in its http addresses, not in those of ssh.
func TestProjectPath(t *testing.T) {
	f, err := New(Config{Kind: GitLab, Visibility: Private, Getenv: env("GITLAB_TOKEN", "a", "GITLAB_HOST", "https://h.example.com/gitlab")})
	if err != nil {
		t.Fatal(err)
	}
	for _, remote := range []string{"https://h.example.com/gitlab/a/b/c.git", "https://H.example.com:443/gitlab/a/b/c", "ssh://git@h.example.com:2222/a/b/c.git", "git@h.example.com:a/b/c.git", "git@h.example.com:/a/b/c.git/"} {
		owner, name, err := f.project(remote)
		if owner != "a/b" || name != "c" || err != nil {
			t.Errorf("%s: %q %q %v", remote, owner, name, err)
		}
	}
}

// A server that says nothing is given up.
func TestTimeout(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(stop)
	for kind, h := range headers {
		f, err := New(Config{kind, Private, env(h[0], secret, bindings[kind].hosts[0], server.URL), 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if _, err := f.Exists(t.Context(), server.URL+"/acme/vpc.git"); err == nil || time.Since(begin) > 20*time.Second {
			t.Errorf("%s: %v after %v", kind, err, time.Since(begin))
		}
		if _, err := f.Open(t.Context(), server.URL+"/acme/vpc.git", Request{Source: "b", Title: "t"}); err == nil || !strings.Contains(err.Error(), "hint: it did not answer in time") {
			t.Errorf("%s: open: %v", kind, err)
		}
	}
}
