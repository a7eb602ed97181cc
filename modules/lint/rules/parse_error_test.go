package rules

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

func TestParseError(t *testing.T) {
	table(t, parseError, []row{
		{
			name:  "one finding for each file: the first error",
			files: "-- a.tf --\nmodule \"a\" {\n  source = \n}\nmodule \"b\" {\n-- README.tf --\n# Title\n\nText, which is no HCL.\n",
			want: []string{
				`README.tf:3:1-3:5 "README.tf" cannot be read in full: Argument or block definition required`,
				`a.tf:2:12-3:1 "a.tf" cannot be read in full: Invalid expression`,
			},
		},
		{
			name:  "JSON, and terragrunt",
			files: "-- a.tf.json --\n{\"module\": \n-- b/terragrunt.hcl --\nterraform {\n",
			want: []string{
				`a.tf.json:1:1-1:2 "a.tf.json" cannot be read in full: Root value must be object`,
				`b/terragrunt.hcl:1:11-1:12 "b/terragrunt.hcl" cannot be read in full: Unclosed configuration block`,
			},
		},
		{
			name:  "a file that terragrunt includes",
			files: "-- u/terragrunt.hcl --\ninclude {\n  path = \"../common.hcl\"\n}\n-- common.hcl --\nterraform {\n  source = \"git::https://h.example/vpc.git?ref=v1.0.0\"\n}\nlocals {\n",
			want:  []string{`common.hcl:4:8-4:9 "common.hcl" cannot be read in full: Unclosed configuration block`},
		},
		{
			name:  "a symlink out of the tree, and one that leads nowhere",
			files: "-- live/out.tf -> ../../shared/main.tf --\n-- live/root.tf -> /srv/main.tf --\n-- live/gone.tf -> nowhere.tf --\n-- live/main.tf --\n",
			want: []string{
				`live/out.tf:1:1-1:1 "live/out.tf" cannot be read in full: Symlink is not followed`,
				`live/root.tf:1:1-1:1 "live/root.tf" cannot be read in full: Symlink is not followed`,
			},
		},
		{
			name:  "what terraform refuses, but can be read",
			files: "module \"a\" {\n  source = \"./a\"\n  source2 = nothing.here\n}\nmodule \"a\" {}\n-- empty.tf --\n",
		},
	})
}

func TestParseErrorOnPurpose(t *testing.T) {
	for _, c := range []struct {
		file, text string
		want       lint.Severity
	}{
		{"modules/x/.boilerplate/terragrunt.hcl", "inputs = {\n{{ range .v }}\n}\n", lint.Info},
		{"test/fixtures/x/main.tf", "broken hcl file\n", lint.Info},
		{".x/main.tf", "terraform {\n", lint.Info},
		{"a.b/main.tf", "terraform {\n", lint.Error},
		{"templates/x/main.tf", "broken hcl file\n", lint.Error},
		{"live/x/main.tf", "x = {\n{{ range .v }}\n}\n", lint.Error},
		{"modules/x/examples/main.tf", "x =\n", lint.Error},
	} {
		found := lint.Run(input("-- "+c.file+" --\n"+c.text), []*lint.Rule{parseError})
		if len(found) != 1 || found[0].Severity != c.want {
			t.Errorf("%s: %+v", c.file, found)
		}
	}
}

// locks is a file system in which one file cannot be read.
type locks struct {
	fstest.MapFS
	path string
}

func (l locks) Open(name string) (fs.File, error) {
	if name == l.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("permission denied")}
	}
	return l.MapFS.Open(name)
}

func (l locks) ReadFile(name string) ([]byte, error) {
	if name == l.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("permission denied")}
	}
	return l.MapFS.ReadFile(name)
}

func TestUnreadable(t *testing.T) {
	tree, diags := hclparse.Load(locks{fstest.MapFS{"a/main.tf": {}, "b.tf": {}}, "a/main.tf"})
	found := lint.Run(&lint.Input{Graph: modules.NewGraph(tree, nil), Diags: diags}, []*lint.Rule{parseError})
	if len(found) != 1 || found[0].Range.Filename != "a/main.tf" {
		t.Errorf("%+v", found)
	}
}
