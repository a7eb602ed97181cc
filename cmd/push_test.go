package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/terrier-iac/terrier/fixtures/githttp"
)

var (
	gitServers sync.Map // a script's working directory to its *githttp.Server
	gitAsked   sync.Map // and to the number of its requests that were counted
)

// gitHTTP is the command of that name in scripts:
//
//	githttp start                    a git server that asks for a password; git
//	                                 finds it at https://git.example.com/ and at
//	                                 ssh://git@127.0.0.1/, and a credential helper
//	                                 knows the password
//	githttp create NAME…             an empty repository, server/NAME
//	githttp break PART FAULT TIMES   see githttp.Server.Break
//	githttp asked FILE               writes which requests for refs there were since
//	                                 the last time, each a line: NAME.git SERVICE
//	githttp gitlab                   GitLab's API at $GITLAB_HOST, for the token
//	                                 "right": it has the groups terraform and live,
//	                                 makes their projects on the git server, has
//	                                 merge requests, and writes gitlab.log, and the
//	                                 last description to pulls.md
//	githttp github                   GitHub's API at $GH_HOST; see pulls
//	githttp gitea                    Gitea's API at $GITEA_HOST; see pulls
func gitHTTP(ts *testscript.TestScript, _ bool, args []string) {
	work := ts.Getenv("WORK")
	if args[0] == "start" {
		s, err := githttp.Start(filepath.Join(work, "server"))
		ts.Check(err)
		ts.Defer(s.Close)
		gitServers.Store(work, s)
		config := filepath.Join(work, "home", "gitconfig")
		ts.Check(os.WriteFile(config, fmt.Appendf(nil, "%s[url \"%s/\"]\n\tinsteadOf = https://git.example.com/\n\tinsteadOf = ssh://git@127.0.0.1/\n", s.GitConfig(), s.URL), 0o666))
		ts.Setenv("GIT_CONFIG_GLOBAL", config)
		ts.Setenv("GITHTTP", s.URL)
		return
	}
	v, ok := gitServers.Load(work)
	if !ok {
		ts.Fatalf("githttp start comes first")
	}
	s := v.(*githttp.Server)
	switch args[0] {
	case "gitlab":
		api := httptest.NewServer(gitlab(s, filepath.Join(work, "gitlab.log")))
		ts.Defer(api.Close)
		ts.Setenv("GITLAB_HOST", api.URL)
	case "github":
		api := httptest.NewServer(&pulls{git: s, dir: work, prefix: "/api/v3", bearer: "Bearer"})
		ts.Defer(api.Close)
		ts.Setenv("GH_HOST", api.URL)
	case "gitea":
		api := httptest.NewServer(&pulls{git: s, dir: work, prefix: "/api/v1", bearer: "token"})
		ts.Defer(api.Close)
		ts.Setenv("GITEA_HOST", api.URL)
	case "create":
		for _, name := range args[1:] {
			_, err := s.Create(context.Background(), name)
			ts.Check(err)
		}
	case "asked":
		var lines []string
		all := s.Requests()
		done, _ := gitAsked.LoadOrStore(work, 0)
		for _, r := range all[done.(int):] {
			if path, service, ok := strings.Cut(r.Path, "/info/refs?service=git-"); ok && r.User != "" {
				lines = append(lines, strings.TrimPrefix(path, "/")+" "+service+"\n")
			}
		}
		gitAsked.Store(work, len(all))
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(lines, "")), 0o666))
	case "break":
		times, err := strconv.Atoi(args[3])
		ts.Check(err)
		s.Break(args[1], githttp.Fault(args[2]), times)
	default:
		ts.Fatalf("githttp %s: no such thing", args[0])
	}
}

// A mergeRequest is one as GitLab's API tells it.
type mergeRequest struct {
	IID          int      `json:"iid"`
	Project      int      `json:"source_project_id"`
	WebURL       string   `json:"web_url"`
	SourceBranch string   `json:"source_branch"`
	TargetBranch string   `json:"target_branch"`
	Title        string   `json:"title"`
	Description  string   `json:"description"`
	Labels       []string `json:"labels"`
	State        string   `json:"state"`
}

// gitlab is as much of GitLab's API as makes projects and merge requests.
// Whatever else it is asked is an error, so that the command fails.
func gitlab(s *githttp.Server, logFile string) http.Handler {
	groups := []string{"", "terraform", "live"} // by id
	var requests []*mergeRequest
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var body struct {
			Name, Path, Visibility string
			NamespaceID            int `json:"namespace_id"`
			mergeRequest
		}
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		if log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666); err == nil {
			fmt.Fprintln(log, r.Method, r.URL.EscapedPath(), body.Path+body.Title, body.Visibility+body.Description)
			log.Close()
		}
		if body.Description != "" {
			_ = os.WriteFile(filepath.Join(filepath.Dir(logFile), "pulls.md"), []byte(body.Description), 0o666)
		}
		answer := func(status int, v any) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(v)
		}
		what, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/api/v4/"), "/")
		id, rest, _ := strings.Cut(rest, "/")
		id, _ = url.PathUnescape(id)
		bare := filepath.Join(s.Dir, filepath.FromSlash(id)+".git")
		group := slices.Index(groups, id)
		switch {
		case r.Header.Get("Private-Token") != "right":
			answer(http.StatusUnauthorized, map[string]string{"message": "401 Unauthorized"})
		case r.Method == http.MethodGet && what == "projects" && rest == "":
			if _, err := os.Stat(bare); err != nil {
				answer(http.StatusNotFound, map[string]string{"message": "404 Project Not Found"})
				return
			}
			answer(http.StatusOK, map[string]any{"id": 1, "path_with_namespace": id, "default_branch": "main", "merge_requests_access_level": "enabled"})
		case r.Method == http.MethodGet && strings.HasPrefix(rest, "repository/branches/"):
			name, _ := url.PathUnescape(strings.TrimPrefix(rest, "repository/branches/"))
			if _, err := os.Stat(filepath.Join(bare, "refs", "heads", filepath.FromSlash(name))); err != nil {
				answer(http.StatusNotFound, map[string]string{"message": "404 Branch Not Found"})
				return
			}
			answer(http.StatusOK, map[string]string{"name": name})
		case r.Method == http.MethodGet && rest == "merge_requests":
			found := []*mergeRequest{}
			for _, m := range requests {
				if q := r.URL.Query(); q.Get("state") == "opened" && q.Get("source_branch") == m.SourceBranch && q.Get("target_branch") == m.TargetBranch {
					found = append(found, m)
				}
			}
			answer(http.StatusOK, found)
		case r.Method == http.MethodPost && rest == "merge_requests":
			m := body.mergeRequest
			m.IID, m.Project, m.State = len(requests)+1, 1, "opened"
			m.WebURL = fmt.Sprintf("https://gitlab.example.com/%s/-/merge_requests/%d", id, m.IID)
			requests = append(requests, &m)
			answer(http.StatusCreated, &m)
		case r.Method == http.MethodPut && strings.HasPrefix(rest, "merge_requests/"):
			n, err := strconv.Atoi(strings.TrimPrefix(rest, "merge_requests/"))
			if err != nil || n < 1 || n > len(requests) {
				answer(http.StatusNotFound, map[string]string{"message": "404 Not Found"})
				return
			}
			m := requests[n-1]
			if body.Title != "" {
				m.Title = body.Title
			}
			if body.Description != "" {
				m.Description = body.Description
			}
			answer(http.StatusOK, m)
		case r.Method == http.MethodGet && what == "namespaces" && group > 0:
			answer(http.StatusOK, map[string]int{"id": group})
		case r.Method == http.MethodGet && what == "namespaces":
			answer(http.StatusNotFound, map[string]string{"message": "404 Namespace Not Found"})
		case r.Method == http.MethodPost && what == "projects" && body.NamespaceID > 0 && body.NamespaceID < len(groups):
			if _, err := s.Create(r.Context(), groups[body.NamespaceID]+"/"+body.Path+".git"); err != nil {
				answer(http.StatusInternalServerError, map[string]string{"message": err.Error()})
				return
			}
			answer(http.StatusCreated, map[string]int{"id": 2})
		default:
			answer(http.StatusTeapot, map[string]string{"message": "not asked for: " + r.Method + " " + r.URL.Path})
		}
	})
}
