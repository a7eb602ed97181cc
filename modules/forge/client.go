package forge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v84/github"
	gitlab "gitlab.com/gitlab-org/api/client-go"
)

// maxRecord is the most that is read of one answer of a Client, in bytes: a page
// of a hundred deployments is a few hundred kilobytes.
const maxRecord = 8 << 20

// GitLabClient is the official client of GitLab's API for what this package has
// no word for, with the token of New, and by the same rules: it is sent to no
// host but its own, a redirect to another is not followed, and what is read of an
// answer is bounded. Kind is GitLab. host is where it asks, for people.
func GitLabClient(c Config) (client *gitlab.Client, host string, err error) {
	t, err := findToken(GitLab, c.Getenv)
	if err != nil {
		return nil, "", err
	}
	client, err = gitlab.NewClient(t.secret, c.gitLabOptions(t.base)...)
	return client, t.base.Host, err
}

// GitLabJobClient is GitLabClient with the token of the CI job that this is
// (CI_JOB_TOKEN), which is for the server that runs it: CI_SERVER_URL, else
// CI_SERVER_HOST. It is an error where GITLAB_HOST names another one, for then two
// forges would be asked about one job.
func GitLabJobClient(c Config) (client *gitlab.Client, host string, err error) {
	secret := strings.TrimSpace(c.Getenv("CI_JOB_TOKEN"))
	if secret == "" {
		return nil, "", errors.New("no token of a CI job is in the environment (CI_JOB_TOKEN)")
	}
	job, err := binding{hosts: []string{"CI_SERVER_URL", "CI_SERVER_HOST"}}.host(c.Getenv)
	switch {
	case err != nil:
		return nil, "", err
	case job.base == nil:
		return nil, "", errors.New("CI_JOB_TOKEN is set, and nothing says which server runs the job (CI_SERVER_URL)")
	}
	other, err := bind(GitLab, c.Getenv).host(c.Getenv)
	if err != nil {
		return nil, "", err
	}
	if !strings.EqualFold(other.base.Hostname(), job.base.Hostname()) || portOf(other.base) != portOf(job.base) {
		return nil, "", fmt.Errorf("the job runs at %s, and GITLAB_HOST names %s\nhint: take GITLAB_HOST out of the job's variables", job.base.Host, other.base.Host)
	}
	client, err = gitlab.NewJobClient(secret, c.gitLabOptions(job.base)...)
	return client, job.base.Host, err
}

func (c Config) gitLabOptions(base *url.URL) []gitlab.ClientOptionFunc {
	return []gitlab.ClientOptionFunc{
		gitlab.WithBaseURL(base.String()), gitlab.WithHTTPClient(c.httpClient()), gitlab.WithCustomRetryMax(2), gitlab.WithCustomRetry(retryGitLab),
	}
}

// GitHubClient is the official client of GitHub's API, as GitLabClient is of
// GitLab's. In a workflow it is an error where GH_HOST names another server than
// the one that runs it.
func GitHubClient(c Config) (client *github.Client, host string, err error) {
	t, err := findToken(GitHub, c.Getenv)
	if err != nil {
		return nil, "", err
	}
	if server := strings.TrimSpace(c.Getenv("GITHUB_SERVER_URL")); server != "" {
		base, err := parseHost(server)
		if err != nil {
			return nil, "", fmt.Errorf("GITHUB_SERVER_URL: %w", err)
		}
		if !isAt(t.base, base.Hostname(), portOf(base)) {
			return nil, "", fmt.Errorf("the workflow runs at %s, and GH_HOST names %s\nhint: take GH_HOST out of the job's environment", base.Host, t.base.Host)
		}
	}
	api, err := newGitHub(c.httpClient(), t, Private)
	if err != nil {
		return nil, "", err
	}
	return api.client, t.base.Host, nil
}

func (c Config) httpClient() *http.Client {
	return &http.Client{Transport: transport{bounded{http.DefaultTransport}}, Timeout: c.Timeout, CheckRedirect: sameHost}
}

// A bounded transport ends an answer that is too long with an error, as what is
// cut off could be taken for all of it.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{resp.Body, maxRecord}
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("its answer is longer than %d bytes", maxRecord)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
