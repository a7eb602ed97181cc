package rules

import "testing"

func TestUnpinnedSource(t *testing.T) {
	table(t, unpinnedSource, []row{
		{
			name:  "no ref",
			files: "module \"vpc\" {\n  source = \"git::https://h.example/vpc.git\"\n}\n",
			want:  []string{`main.tf:2:12-2:44 Module "vpc" has no ref`},
		},
		{
			name:  "an empty ref is none",
			files: "module \"vpc\" {\n  source = \"github.com/a/vpc?depth=1&ref=\"\n}\n",
			want:  []string{`main.tf:2:12-2:43 has no ref`},
		},
		{
			name:  "depth before ref",
			files: "module \"vpc\" {\n  source = \"github.com/a/vpc?depth=1&ref=v1.2.3\"\n}\n",
		},
		{
			name:  "in a comment, and in a heredoc",
			files: "# module \"vpc\" { source = \"github.com/a/vpc\" }\nlocals {\n  x = <<-E\n    module \"vpc\" {\n      source = \"github.com/a/vpc\"\n    }\n  E\n}\n",
		},
		{
			name:  "a local module, and one of a registry",
			files: "module \"a\" {\n  source = \"./a\"\n}\nmodule \"b\" {\n  source = \"a/b/aws\"\n}\n-- a/main.tf --\n",
		},
	})
}
