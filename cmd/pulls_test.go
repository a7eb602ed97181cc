package cmd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/terrier-iac/terrier/fixtures/githttp"
)

// pulls is as much of GitHub's API (below /api/v3) and of Gitea's (below
// /api/v1) as pull requests take, of the projects on the git server. It takes
// the token "right" in the header that the forge documents, and writes what
// changes something to pulls.log, and the last description to pulls.md.
// Whatever else it is asked is an error, so that the command fails.
type pulls struct {
	git    *githttp.Server
	dir    string // of pulls.log
	prefix string // of all paths
	bearer string // what the Authorization header says before the token

	mu   sync.Mutex
	list []*pull
}

type pull struct {
	Number int     `json:"number"`
	URL    string  `json:"html_url"`
	Title  string  `json:"title"`
	Body   string  `json:"body"`
	Head   pullEnd `json:"head"`
	Base   pullEnd `json:"base"`
}

type pullEnd struct {
	Ref    string         `json:"ref"`
	RepoID int            `json:"repo_id"` // Gitea's
	Repo   map[string]int `json:"repo"`    // GitHub's
}

func (p *pulls) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	message := func(status int, text string) { answer(status, map[string]string{"message": text}) }
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), p.prefix+"/repos/")
	part := strings.SplitN(rest, "/", 3)
	if !ok || len(part) < 2 {
		message(http.StatusTeapot, "not asked for: "+r.URL.Path)
		return
	}
	if r.Header.Get("Authorization") != p.bearer+" right" {
		message(http.StatusUnauthorized, "Bad credentials")
		return
	}
	name := part[0] + "/" + part[1]
	bare := filepath.Join(p.git.Dir, filepath.FromSlash(name)+".git")
	if _, err := os.Stat(bare); err != nil {
		message(http.StatusNotFound, "Not Found")
		return
	}
	what := ""
	if len(part) == 3 {
		what = part[2]
	}
	var body struct {
		Title, Body, Head, Base string
	}
	if r.Method != http.MethodGet {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			message(http.StatusBadRequest, err.Error())
			return
		}
		p.log(r.Method+" "+r.URL.EscapedPath()+" "+body.Title, body.Body)
	}
	branch := what
	for _, before := range []string{"git/ref/heads/", "branches/"} {
		branch, _ = url.PathUnescape(strings.TrimPrefix(branch, before))
	}
	switch number, _ := strconv.Atoi(strings.TrimPrefix(what, "pulls/")); {
	case r.Method == http.MethodGet && what == "":
		answer(http.StatusOK, map[string]any{"id": 1, "full_name": name, "default_branch": "main", "has_pull_requests": true})
	case r.Method == http.MethodGet && branch != what:
		if _, err := os.Stat(filepath.Join(bare, "refs", "heads", filepath.FromSlash(branch))); err != nil {
			message(http.StatusNotFound, "Not Found")
			return
		}
		answer(http.StatusOK, map[string]string{"ref": "refs/heads/" + branch, "name": branch})
	case r.Method == http.MethodGet && what == "pulls":
		found := []*pull{} // GitHub's parameters are hints only: the client looks itself
		found = append(found, p.list...)
		answer(http.StatusOK, found)
	case r.Method == http.MethodPost && what == "pulls":
		n := &pull{
			Number: len(p.list) + 1, Title: body.Title, Body: body.Body,
			Head: pullEnd{body.Head, 1, map[string]int{"id": 1}}, Base: pullEnd{body.Base, 1, map[string]int{"id": 1}},
		}
		n.URL = fmt.Sprintf("https://forge.example.com/%s/pull/%d", name, n.Number)
		p.list = append(p.list, n)
		answer(http.StatusCreated, n)
	case r.Method == http.MethodPatch && number > 0 && number <= len(p.list):
		n := p.list[number-1]
		if body.Title != "" {
			n.Title = body.Title
		}
		if body.Body != "" {
			n.Body = body.Body
		}
		answer(http.StatusOK, n)
	default:
		message(http.StatusTeapot, "not asked for: "+r.Method+" "+r.URL.Path)
	}
}

func (p *pulls) log(line, description string) {
	if log, err := os.OpenFile(filepath.Join(p.dir, "pulls.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666); err == nil {
		fmt.Fprintln(log, line)
		log.Close()
	}
	if description != "" {
		_ = os.WriteFile(filepath.Join(p.dir, "pulls.md"), []byte(description), 0o666)
	}
}
