package forge

import (
	"strings"
	"testing"
)

func TestKindOf(t *testing.T) {
	none := env()
	for _, tc := range []struct {
		remote string
		getenv func(string) string
		want   Kind
	}{
		{"git@gitlab.com:a/b.git", none, GitLab},
		{"ssh://git@altssh.gitlab.com:443/a/b.git", none, GitLab},
		{"https://GitHub.com/a/b", none, GitHub},
		{"ssh://git@ssh.github.com:443/a/b.git", none, GitHub},
		{"https://acme.ghe.com/a/b", none, GitHub},
		{"https://gitlab.example.com/a/b", none, ""},
		{"https://github.com.evil.example/a/b", none, ""},
		{"https://evilghe.com/a/b", none, ""},
		{"https://git.example.com/a/b", env("GITLAB_HOST", "git.example.com"), GitLab},
		{"git@git.example.com:a/b", env("CI_SERVER_HOST", "git.example.com"), GitLab},
		{"git@git.example.com:a/b", env("CI_SERVER_URL", "https://git.example.com:8443/x", "GITLAB_HOST", "other.example.com"), GitLab},
		{"https://git.example.com:9443/a/b", env("CI_SERVER_URL", "https://git.example.com:8443"), ""},
		{"https://git.example.com/a/b", env("GH_HOST", "git.example.com"), GitHub},
		{"https://git.example.com/a/b", env("GITHUB_SERVER_URL", "https://git.example.com"), GitHub},
		{"https://git.example.com/a/b", env("GITHUB_SERVER_URL", "https://git.example.com", "GITEA_ACTIONS", "true"), Gitea},
		{"https://git.example.com/a/b", env("GITHUB_SERVER_URL", "https://git.example.com", "FORGEJO_ACTIONS", "true"), Gitea},
		{"https://git.example.com/a/b", env("GITEA_HOST", "git.example.com"), Gitea},
		{"https://git.example.com/a/b", env("GITEA_SERVER_URL", "http://[bad"), ""},
		{"/srv/git/a.git", none, ""},
		{"file:///srv/github.com/a.git", none, ""},
		{"", none, ""},
		{"ext::sh -c x", none, ""},
		{"https://%zz/a", none, ""},
	} {
		if got := KindOf(tc.remote, tc.getenv); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.remote, got, tc.want)
		}
	}
}

// In the CI of Gitea the variables of GitHub are Gitea's: its token is never
// one for github.com.
func TestGiteaActions(t *testing.T) {
	for _, name := range []string{"GITEA_ACTIONS", "FORGEJO_ACTIONS"} {
		getenv := env(name, "true", "GITHUB_TOKEN", secret, "GITHUB_SERVER_URL", "https://git.example.com")
		if _, err := New(Config{Kind: GitHub, Getenv: getenv}); err == nil || !strings.Contains(err.Error(), "no token for github") {
			t.Errorf("%s: %v", name, err)
		}
		f, err := New(Config{Kind: Gitea, Getenv: getenv})
		if err != nil || f.token.secret != secret || f.token.base.Host != "git.example.com" {
			t.Errorf("%s: %+v %v", name, f, err)
		}
	}
}

// A job's token is no token for this, in whatever variable it is.
func TestJobToken(t *testing.T) {
	for _, getenv := range []func(string) string{
		env("CI_JOB_TOKEN", secret),
		env("CI_JOB_TOKEN", secret, "GITLAB_TOKEN", secret),
		env("GITLAB_TOKEN", "glcbt-64_abc"),
	} {
		_, err := New(Config{Kind: GitLab, Getenv: getenv})
		if err == nil || !strings.Contains(err.Error(), "neither open merge requests") || !strings.Contains(err.Error(), "\nhint: set GITLAB_TOKEN") || strings.Contains(err.Error(), secret) {
			t.Errorf("%v", err)
		}
	}
	if _, err := New(Config{Kind: GitLab, Getenv: env("CI_JOB_TOKEN", "x", "GITLAB_TOKEN", secret)}); err != nil {
		t.Error(err)
	}
}
