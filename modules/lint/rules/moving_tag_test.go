package rules

import "testing"

// Which refs are moving tags is in TestRefs.
func TestMovingTag(t *testing.T) {
	table(t, movingTag, append(everywhere("git::ssh://git@h.example/vpc.git?archive=false&ref=v1.2", "v1.2", `at "v1.2"`),
		row{
			name:  "a version in the path",
			files: call("git::https://h.example/v1/vpc.git//v2?ref=v1.2.3"),
		},
		row{
			name:  "a release 1.2 in a folder of its own",
			files: call("github.com/a/b?ref=v1/1.2.3"),
		},
		row{
			name:  "a per-module tag that moves",
			files: call("github.com/a/b?ref=vpc/v1"),
			want:  []string{`main.tf:2:32-2:38 vpc/v1`},
		},
	))
}
