package rules

import (
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

// Which backends are one place is tested in package modules.
func TestDuplicateStateKey(t *testing.T) {
	const s3 = "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key    = \"k\"\n  }\n}\n"
	two := "-- live/a/main.tf --\n" + s3 + "-- live/b/main.tf --\n" + s3
	table(t, duplicateStateKey, []row{
		{
			name:  "two stacks",
			files: two,
			want: []string{
				`live/a/main.tf:2:3-2:15 The stack "live/a" keeps its state where "live/b" has theirs`,
				`live/b/main.tf:2:3-2:15 The stack "live/b" keeps its state where "live/a" has theirs`,
			},
		},
		{
			name:  "three, one of them in JSON",
			files: two + "-- live/c/main.tf.json --\n{\"terraform\": {\"backend\": {\"s3\": {\"bucket\": \"b\", \"key\": \"k\"}}}}\n",
			want: []string{
				`live/a/main.tf:2:3-2:15 The stack "live/a" keeps its state where "live/b" and 1 more have theirs`,
				`live/b/main.tf:2:3-2:15 where "live/a" and 1 more have theirs`,
				`live/c/main.tf.json:1:28-1:32 where "live/a" and 1 more have theirs`,
			},
		},
		{
			name:  "two of three in one workspace",
			files: two + "-- live/c/main.tf --\n" + s3,
			with: func(in *lint.Input) {
				in.State = func(dir string) lint.State {
					return lint.State{Workspace: map[string]string{"live/b": "prod"}[dir]}
				}
			},
			want: []string{
				`live/a/main.tf:2:3-2:15 The stack "live/a" keeps its state where "live/c" has theirs`,
				`live/c/main.tf:2:3-2:15 The stack "live/c" keeps its state where "live/a" has theirs`,
			},
		},
		{
			name:  "the configuration completes the backend of one",
			files: two,
			with: func(in *lint.Input) {
				in.State = func(dir string) lint.State { return lint.State{Completed: dir == "live/b"} }
			},
		},
		{
			name:  "one key in two buckets, and a backend in a module that is called",
			files: "-- a/main.tf --\n" + s3 + "module \"m\" {\n  source = \"./m\"\n}\n-- a/m/main.tf --\n" + s3 + "-- b/main.tf --\nterraform {\n  backend \"s3\" {\n    bucket = \"c\"\n    key    = \"k\"\n  }\n}\n",
		},
		{
			name:  "in a comment and in a heredoc",
			files: "-- a/main.tf --\n" + s3 + "-- b/main.tf --\n/*\n" + s3 + "*/\nlocals {\n  x = <<E\n" + s3 + "E\n}\n",
		},
	})
}
