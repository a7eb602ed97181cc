package rules

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

func digest(s string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s))) }

func TestCopiedFileDiffers(t *testing.T) {
	copies := func(files ...string) func(*lint.Input) {
		return func(in *lint.Input) {
			in.Copies = map[string]lint.Copy{}
			for i := 0; i < len(files); i += 2 {
				in.Copies[files[i]] = lint.Copy{Owner: "modules/vpc.git", Digest: digest(files[i+1])}
			}
		}
	}
	table(t, copiedFileDiffers, []row{
		{
			name:  "another byte, and gone",
			files: "-- a/x.json --\n{}\n-- main.tf --\n",
			with:  copies("a/x.json", "{ }\n", "a/gone.tf", "x"),
			want: []string{
				`a/gone.tf:1:1-1:1 The copy "a/gone.tf" is gone`,
				`a/x.json:1:1-1:1 The copy "a/x.json" differs from what modules/vpc.git has`,
			},
		},
		{
			name:  "a directory in its place",
			files: "-- a/x.json/b --\n",
			with:  copies("a/x.json", "{}\n"),
			want:  []string{`a/x.json:1:1-1:1 The copy "a/x.json" cannot be read`},
		},
		{
			name:  "the same bytes, and a change beside it",
			files: "-- a/x.json --\n{}\n-- a/y.json --\n{}\n",
			with:  copies("a/x.json", "{}\n"),
		},
	})
}

// TestCopiedSymlink holds that a symlink's digest is that of where it leads.
func TestCopiedSymlink(t *testing.T) {
	tree, _ := hclparse.Load(fstest.MapFS{"a/link": {Data: []byte("../b/x"), Mode: fs.ModeSymlink}, "b/x": {Data: []byte("text")}, "m.tf": {}})
	in := &lint.Input{Graph: modules.NewGraph(tree, nil)}
	for target, want := range map[string]int{"../b/x": 0, "text": 1} {
		in.Copies = map[string]lint.Copy{"a/link": {Owner: "o", Digest: digest(target)}}
		if found := lint.Run(in, []*lint.Rule{copiedFileDiffers}); len(found) != want {
			t.Errorf("%s: %v", target, found)
		}
	}
}
