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

var gitServers sync.Map // a script's working directory to its *githttp.Server

// gitHTTP is the command of that name in scripts:
//
//	githttp start                    a git server that asks for a password; git
//	                                 finds it at https://git.example.com/ and at
//	                                 ssh://git@127.0.0.1/, and a credential helper
//	                                 knows the password
//	githttp create NAME…             an empty repository, server/NAME
//	githttp break PART FAULT TIMES   see githttp.Server.Break
//	githttp gitlab                   GitLab's API at $GITLAB_HOST, for the token
//	                                 "right": it has the groups terraform and live,
//	                                 makes their projects on the git server, and
//	                                 writes gitlab.log
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
	case "create":
		for _, name := range args[1:] {
			_, err := s.Create(context.Background(), name)
			ts.Check(err)
		}
	case "break":
		times, err := strconv.Atoi(args[3])
		ts.Check(err)
		s.Break(args[1], githttp.Fault(args[2]), times)
	default:
		ts.Fatalf("githttp %s: no such thing", args[0])
	}
}

// gitlab is as much of GitLab's API as makes projects. Whatever else it is
// asked is an error, so that the command fails.
func gitlab(s *githttp.Server, logFile string) http.Handler {
	groups := []string{"", "terraform", "live"} // by id
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var body struct {
			Name, Path, Visibility string
			NamespaceID            int `json:"namespace_id"`
		}
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		if log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666); err == nil {
			fmt.Fprintln(log, r.Method, r.URL.EscapedPath(), body.Path, body.Visibility)
			log.Close()
		}
		answer := func(status int, v any) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(v)
		}
		what, id, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/api/v4/"), "/")
		id, _ = url.PathUnescape(id)
		group := slices.Index(groups, id)
		switch {
		case r.Header.Get("Private-Token") != "right":
			answer(http.StatusUnauthorized, map[string]string{"message": "401 Unauthorized"})
		case r.Method == http.MethodGet && what == "projects":
			if _, err := os.Stat(filepath.Join(s.Dir, filepath.FromSlash(id)+".git")); err != nil {
				answer(http.StatusNotFound, map[string]string{"message": "404 Project Not Found"})
				return
			}
			answer(http.StatusOK, map[string]int{"id": 1})
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
