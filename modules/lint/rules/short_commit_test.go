package rules

import "testing"

// Which refs are short commits is in TestRefs.
func TestShortCommit(t *testing.T) {
	table(t, shortCommitRule, append(everywhere("git::https://h.example/vpc.git?x=1&ref=1234567", "1234567", `at "1234567"`),
		row{name: "a full commit", files: call("github.com/a/b?ref=" + sha)},
		row{name: "a date", files: call("github.com/a/b?ref=20240101")},
		row{name: "a word of six letters", files: call("github.com/a/b?ref=facade")},
	))
}
