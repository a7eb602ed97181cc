package repo

import (
	"os"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/fixtures/githttp"
)

// A project that was renamed on the forge: it is read where it is now, and
// that is remembered.
func TestRedirected(t *testing.T) {
	f := newForge(t)
	f.Move("terraform/old.git", "vpc.git")
	f.Move("vpc", "vpc.git") // as GitLab does for an address without .git
	v1 := f.id(t, "v1.0.0")
	user := strings.Replace(f.URL, "://", "://"+githttp.User+":"+githttp.Password+"@", 1)
	for _, c := range []struct{ name, url, want string }{
		{"renamed", f.URL + "/terraform/old.git", f.URL + "/vpc.git"},
		{"renamed, with the credentials in the source", user + "/terraform/old.git", f.URL + "/vpc.git"},
		{"not moved", f.URL + "/vpc.git", ""},
		{"without .git", f.URL + "/vpc", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.url, "@") {
				t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			}
			m := mirrorOf(t, newCache(t), c.url)
			if got := m.Redirected(); got != "" {
				t.Errorf("before anybody asks: %q", got)
			}
			refs, err := m.Refs(t.Context())
			if err != nil || refs["refs/tags/v1.0.0"].Commit != v1 {
				t.Fatalf("refs %v, %v", refs, err)
			}
			if got := m.Redirected(); got != c.want {
				t.Errorf("after ls-remote: %q, want %q", got, c.want)
			}
			again := mirrorOf(t, newCache(t), c.url)
			ensure(t, again, v1)
			if got := again.Redirected(); got != c.want {
				t.Errorf("after fetch: %q, want %q", got, c.want)
			}
		})
	}
}

// The user's insteadOf leads git elsewhere in the first place: that alone is no
// move.
func TestRedirectedInsteadOf(t *testing.T) {
	f := newForge(t)
	f.Move("old.git", "vpc.git")
	f.Move("vpc", "vpc.git")
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "url."+f.URL+"/.insteadOf")
	t.Setenv("GIT_CONFIG_VALUE_0", "https://git.example.com/")
	for path, want := range map[string]string{"vpc": "", "vpc.git": "", "old.git": f.URL + "/vpc.git"} {
		m := mirrorOf(t, newCache(t), "https://git.example.com/"+path)
		if _, err := m.Refs(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := m.Redirected(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// A redirect to another host gets no credentials of the first: neither those of
// the source nor those that the user's helper has for it.
func TestRedirectOtherHost(t *testing.T) {
	f := newForge(t)
	thief, err := githttp.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(thief.Close)
	f.Move("old.git", thief.URL+"/vpc.git")
	f.Move("same.git", strings.Replace(f.URL, "127.0.0.1", "localhost", 1)+"/vpc.git")
	user := strings.Replace(f.URL, "://", "://"+githttp.User+":"+githttp.Password+"@", 1)
	for _, url := range []string{f.URL, user} {
		for _, path := range []string{"/old.git", "/same.git"} {
			before := len(f.Requests())
			m := mirrorOf(t, newCache(t), url+path)
			_, err := m.Refs(t.Context())
			if err == nil {
				t.Errorf("%s: somebody got the credentials", path)
			} else if strings.Contains(err.Error(), githttp.Password) {
				t.Errorf("the password is told: %v", err)
			}
			for _, r := range f.Requests()[before:] {
				if strings.HasPrefix(r.Path, "/vpc.git") && r.User != "" {
					t.Errorf("localhost was given what is of 127.0.0.1: %v", r)
				}
			}
		}
	}
	if len(thief.Requests()) == 0 {
		t.Error("nobody was redirected")
	}
	for _, r := range thief.Requests() {
		if r.User != "" {
			t.Errorf("another host was given credentials: %v", r)
		}
	}
}

// What a remote may say, and what it may not make of it.
func TestNoteRedirect(t *testing.T) {
	c := newCache(t)
	for _, test := range []struct{ words, want string }{
		{"warning: redirecting to https://git.example.com/b.git/", "https://git.example.com/b.git"},
		{"warning: redirecting to https://ada:s3cr3t@git.example.com/b.git/", "https://git.example.com/b.git"},
		{"one\nwarning: redirecting to https://git.example.com/b.git\ntwo", "https://git.example.com/b.git"},
		{"warning: redirecting to http://git.example.com/a/", ""},
		{"remote: warning: redirecting to https://git.example.com/b.git", ""},
		{"warning: redirecting to ext::sh -c x", ""},
		{"warning: redirecting to https://-oProxy/b.git", ""},
		{"warning: redirecting to https://git.example.com/\x1b[31m.git", ""},
	} {
		m := mirrorOf(t, c, "https://git.example.com/a.git")
		m.noteRedirect(t.Context(), test.words)
		if got := m.Redirected(); got != test.want {
			t.Errorf("%q: %q, want %q", test.words, got, test.want)
		}
	}
}
