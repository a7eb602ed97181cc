package modules

import "testing"

// An address with a secret never reaches a package or split.json.
func TestSubmoduleWhy(t *testing.T) {
	for url, goes := range map[string]bool{
		"https://git.example.com/x.git":        true,
		"ssh://git@git.example.com/x.git":      true,
		"git@git.example.com:team/x.git":       true,
		"https://git.example.com/a@b/x.git":    true,
		"file:///srv/git/x.git":                true,
		"https://me:hunter2@example.com/x.git": false,
		"https://hunter2@example.com/x.git":    false,
		"HTTPS://hunter2@example.com/x.git":    false,
		"ssh://me:hunter2@example.com/x.git":   false,
		"me:hunter2@example.com:x.git":         false,
		"https://example.com/x.git?t=hunter2":  false,
		"../x.git":                             false,
		"ext::sh -c x":                         false,
		"":                                     false,
	} {
		if why := (Submodule{Path: "m/x", Name: "x", URL: url}).Why(); (why == "") != goes {
			t.Errorf("%q: %q", url, why)
		}
	}
}
