package rules

import (
	"fmt"
	"strings"
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
				`live/a/main.tf:2:3-2:15 The stack "live/a" keeps its state under the same key as "live/b"`,
				`live/b/main.tf:2:3-2:15 The stack "live/b" keeps its state under the same key as "live/a"`,
			},
		},
		{
			name:  "three, one of them in JSON",
			files: two + "-- live/c/main.tf.json --\n{\"terraform\": {\"backend\": {\"s3\": {\"bucket\": \"b\", \"key\": \"k\"}}}}\n",
			want: []string{
				`live/a/main.tf:2:3-2:15 The stack "live/a" keeps its state under the same key as "live/b" and 1 more`,
				`live/b/main.tf:2:3-2:15 under the same key as "live/a" and 1 more`,
				`live/c/main.tf.json:1:28-1:32 under the same key as "live/a" and 1 more`,
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
				`live/a/main.tf:2:3-2:15 The stack "live/a" keeps its state under the same key as "live/c"`,
				`live/c/main.tf:2:3-2:15 The stack "live/c" keeps its state under the same key as "live/a"`,
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

// TestStatesOfWorkspaces holds that most of three or more stacks with one key
// are for the reader to know, not a defect.
func TestStatesOfWorkspaces(t *testing.T) {
	const gcs = "terraform {\n  backend \"gcs\" {\n    bucket = \"b\"\n    prefix = \"PREFIX\"\n  }\n}\n"
	for _, test := range []struct {
		prefixes string
		want     lint.Severity
		n        int
	}{
		{"x x", lint.Error, 2},
		{"x x x", lint.Info, 3},
		{"x x x y", lint.Info, 3},
		{"x x x y z w", lint.Error, 3},
		{"x x y", lint.Error, 2},
		{"x y z", "", 0},
	} {
		files := ""
		for i, prefix := range strings.Fields(test.prefixes) {
			files += fmt.Sprintf("-- s%d/main.tf --\n%s", i, strings.Replace(gcs, "PREFIX", prefix, 1))
		}
		found := lint.Run(input(files), []*lint.Rule{duplicateStateKey})
		if len(found) != test.n {
			t.Errorf("%s: %v", test.prefixes, found)
		}
		for _, f := range found {
			if f.Severity != test.want {
				t.Errorf("%s: %s", test.prefixes, f.Severity)
			}
		}
	}
}
