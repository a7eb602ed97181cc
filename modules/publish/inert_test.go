package publish

import "testing"

func TestInert(t *testing.T) {
	for text, want := range map[string]string{
		"Closes #1":                        "Closes # 1",
		"closes: #12, #13 and #14":         "closes: # 12, #13 and #14",
		"fix #1":                           "fix # 1",
		"Fixes issue #1":                   "Fixes issue # 1",
		"resolved acme/live#7":             "resolved acme/live# 7",
		"Implements\n    #1":               "Implements\n    # 1",
		"closes GH-5":                      "closes GH- 5",
		"Closes https://h/a/b/-/issues/1":  "Closes https: //h/a/b/-/issues/1",
		"fix: small (#12)":                 "fix: small (#12)",
		"- zones (#12)":                    "- zones (#12)",
		"prefixes #1":                      "prefixes #1",
		"thanks @ada, @acme/team":          "thanks @ ada, @ acme/team",
		"@ada":                             "@ ada",
		"mail ada@example.com":             "mail ada@example.com",
		"? git::https://u@h.example.com/x": "? git::https://u@h.example.com/x",
	} {
		if got := inert(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
