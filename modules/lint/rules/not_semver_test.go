package rules

import "testing"

// Which refs are tags that are no semantic versions is in TestRefs.
func TestNotSemver(t *testing.T) {
	table(t, notSemver, append(everywhere("git::https://h.example/vpc.git?ref=release-2024-01&depth=1", "release-2024-01", `at "release-2024-01"`),
		row{name: "a per-module tag", files: call("github.com/a/b?ref=vpc/v1.2.3")},
		row{name: "a branch", files: call("github.com/a/b?ref=main")},
		row{name: "a registry version of two numbers", files: "module \"m\" {\n  source  = \"a/b/c\"\n  version = \"1.2\"\n}\n"},
	))
}
