package repo

import (
	"context"
	"regexp"
	"strings"
)

// redirecting is what git says, in the locale C, when the first request over
// HTTP was answered with a redirect: remote-curl.c, discover_refs. What the
// remote says itself begins with "remote: ".
var redirecting = regexp.MustCompile(`(?m)^warning: redirecting to (https?://\S{1,1000})$`)

// Redirected is where the remote sends who asks for it over HTTP, without
// credentials: forges do so for a project that was renamed or moved. It is ""
// before Refs or Ensure has asked, and where it sends nobody elsewhere: to the
// same path with .git or from http to https is not elsewhere.
//
// git follows a redirect of the first request alone (http.followRedirects,
// "initial" unless the user says otherwise), and gives credentials to the host
// that they are of, never to another.
func (m *Mirror) Redirected() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.redirected
}

// noteRedirect remembers what git said of one.
func (m *Mirror) noteRedirect(ctx context.Context, words string) {
	found := redirecting.FindStringSubmatch(words)
	if found == nil {
		return
	}
	to, _, err := takeCredentials(strings.TrimRight(found[1], "/"))
	if err != nil || CheckRemoteURL(to) != nil {
		return
	}
	// The user's insteadOf may have changed where git went in the first place.
	asked := m.url
	if out, err := run(ctx, m.remote("").command(ctx, "ls-remote", "--get-url", "--end-of-options", m.url), nil); err == nil {
		if plain, _, err := takeCredentials(strings.TrimSpace(string(out))); err == nil {
			asked = plain
		}
	}
	if samePlace(asked, to) {
		to = ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.redirected = redact(to)
}

// samePlace reports whether two URLs differ in nothing but the scheme, .git and
// a slash at the end.
func samePlace(a, b string) bool {
	place := func(url string) string {
		_, rest, _ := strings.Cut(url, "://")
		return strings.TrimSuffix(strings.TrimRight(rest, "/"), ".git")
	}
	return place(a) == place(b)
}
