package forge

import (
	"regexp"
	"strings"
	"testing"
)

func TestNeutral(t *testing.T) {
	for in, want := range map[string]string{ // | is a zero-width space
		// Quick actions.
		"fix\n/merge":          "fix\n/|merge",
		"/close":               "/|close",
		"/CLOSE now\r\n/lgtm":  "/|CLOSE now\n/|lgtm",
		"\r/merge":             "\n/|merge",
		"a\u2028/merge":        "a\n/|merge",
		"- /label ~bug":        "- /|label ~bug",
		"  > * [ ] /merge":     "  > * [ ] /|merge",
		"12. /merge":           "12. /|merge",
		"\ufeff/merge":         "\ufeff/|merge",
		"```\n/merge\n```":     "```\n/|merge\n```",
		"`\n/merge\n`":         "`\n/|merge\n`",
		"modules/vpc is moved": "modules/vpc is moved",
		"see /etc/x":           "see /etc/x",
		"a / b":                "a / b",

		// Mentions.
		"@ada, @acme/ops":         "@|ada, @|acme/ops",
		"(@all)":                  "(@|all)",
		"_@ada_":                  "_@|ada_",
		"é@ada":                   "é@|ada",
		`\@ada`:                   `\@|ada`,
		"`@ada`":                  "`@|ada`",
		"&#64;ada &commat;ada":    "&|#|64;ada &|commat;ada",
		"git@github.com:acme/vpc": "git@github.com:acme/vpc",
		"a @ b":                   "a @ b",

		// References.
		"Closes #12":                           "Closes #|12",
		"fix acme/vpc#12, a/b!3":               "fix acme/vpc#|12, a/b!|3",
		"Fixes GH-26, gh-1, GL-2":              "Fixes GH-|26, gh-|1, GL-|2",
		`GH\-26, [issue\:9]`:                   `GH\-|26, [issue\:|9]`,
		"Closes JIRA-123":                      "Closes JIRA-|123",
		"&7 $8 [issue:9] [work_item:g/p/1]":    "&|7 $|8 [issue:|9] [work_item:g/p/1]",
		"Closes https://h/a/b/issues/1":        "Closes https://h/a/b/issues/|1",
		"([x](https://h/a/b/pull/1))":          "([x](https://h/a/b/pull/|1))",
		"https://h/a/-/merge_requests/5#note":  "https://h/a/-/merge_requests/|5#note",
		"us-east-1, v1.2.3, ~> 1.2, # a title": "us-east-1, v1.2.3, ~> 1.2, # a title",
		"a line:\n## 1. x":                     "a line:\n## 1. x",
		"0123456789abcdef0123456789abcdef":     "0123456789abcdef0123456789abcdef",

		// HTML and images.
		"<!-- hidden":           "<|!-- hidden",
		"<details><b>x</b>":     "<|details><|b>x<|/b>",
		"a < b && c <- d":       "a < b && c <- d",
		"![x](https://h/p)":     "!|[x](https://h/p)",
		"\x1b[31mred\x00\u009b": "[31mred",
		"a\u202eb\u2066c":       "abc",
		"tab\tstays\n":          "tab\tstays\n",

		// Fences.
		"```hcl\nx":           "```hcl\nx\n```\n",
		"~~~~\n```\nx\n~~~\n": "~~~~\n```\nx\n~~~\n~~~~\n",
		"``` a`b\nx":          "``` a`b\nx",
		"    ```\nx":          "    ```\nx",
		"":                    "",
	} {
		want = strings.ReplaceAll(want, "|", string(apart))
		if got := Neutral(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// active are the forges' own rules, as far as a regular expression goes.
var active = []*regexp.Regexp{
	// GitLab: lib/gitlab/quick_actions/extractor.rb, any name.
	regexp.MustCompile(`(?m)^/[A-Za-z]`),
	// GitLab: User.reference_pattern; GitHub's and Gitea's take less.
	regexp.MustCompile(`(?:^|[^A-Za-z0-9])@[A-Za-z0-9_.]`),
	// Issues, merge requests, snippets, epics.
	regexp.MustCompile(`[#!$&][0-9]`),
	regexp.MustCompile(`(?i)\bGH\\?-[0-9]`),
	regexp.MustCompile(`\b[A-Z][A-Z0-9_]+\\?-[0-9]`), // GitLab: Jira's keys
	regexp.MustCompile(`/(?:issues|pull|merge_requests|work_items)/[0-9]`),
	regexp.MustCompile(`<[A-Za-z!/?]`),
	regexp.MustCompile(`&[A-Za-z#]`),
}

func FuzzNeutral(f *testing.F) {
	for _, s := range []string{"/merge", "@a #1 GH-1 <!--", "```\n@x", "a/issues/1", "é@x\xff\u200b/close", "~~~\n```", "A1-1 AB_-1", "[issue:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Neutral(s)
		for _, re := range active {
			if m := re.FindString(got); m != "" {
				t.Errorf("%q: %q is left in %q", s, m, got)
			}
		}
		if again := Neutral(got); again != got {
			t.Errorf("%q: %q the second time, %q the first", s, again, got)
		}
		// It reads the same: only spaces that take no room came in, and the end
		// of a fence.
		plain := func(s string) string { return strings.ReplaceAll(s, string(apart), "") }
		if !strings.HasPrefix(plain(got), strings.TrimSuffix(plain(visible(s)), "\n")) {
			t.Errorf("%q became %q", s, got)
		}
		if openFence(got) != "" {
			t.Errorf("%q: a fence is open in %q", s, got)
		}
	})
}
