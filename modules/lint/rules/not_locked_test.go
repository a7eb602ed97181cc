package rules

import (
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

func TestNotLocked(t *testing.T) {
	v1 := &lock.Entry{Ref: "v1.0.0", Kind: lock.KindTag, Commit: commitA}
	table(t, notLocked, []row{
		{
			name:  "another ref is locked",
			files: named("vpc", "?ref=v1.1.0", ""),
			with:  locked(v1),
			want:  []string{`main.tf:2:12-2:55 Module "vpc" is not in the lock file`},
		},
		{
			name:  "no ref, and no version",
			files: named("vpc", "", "") + "module \"r\" {\n  source = \"a/b/aws\"\n}\n",
			with:  locked(v1),
			want:  []string{`main.tf:2:12-2:44 is not in the lock file`, `main.tf:5:12-5:21 is not in the lock file`},
		},
		{
			name:  "a registry constraint is locked as it is written",
			files: "module \"a\" {\n  source  = \"a/b/aws\"\n  version = \"~> 1.2\"\n}\nmodule \"b\" {\n  source  = \"a/b/aws\"\n  version = \"~> 1.3\"\n}\n",
			with:  locked(&lock.Entry{Address: "registry.terraform.io/a/b/aws", Ref: "~> 1.2", Kind: lock.KindVersion, Version: "1.2.9"}),
			want:  []string{`main.tf:6:13-6:22 Module "b" is not in the lock file`},
		},
		{
			name:  "JSON and terragrunt",
			files: "-- a/main.tf.json --\n{\"module\": {\"x\": {\"source\": \"git::https://h.example/vpc.git?ref=v2.0.0\"}}}\n-- b/terragrunt.hcl --\nterraform {\n  source = \"git::https://h.example/vpc.git//sub?ref=v2.0.0\"\n}\n",
			with:  locked(v1),
			want: []string{
				`a/main.tf.json:1:29-1:72 Module "x" is not in the lock file`,
				`b/terragrunt.hcl:2:12-2:60 The terragrunt source is not in the lock file`,
			},
		},
		{
			name:  "a subdirectory, a depth and the order of the query are not part of the key",
			files: "module \"a\" {\n  source = \"git::https://user:secret@h.example/vpc.git//sub?depth=1&ref=v1.0.0\"\n}\n",
			with:  locked(v1),
		},
		{
			name:  "no lock file",
			files: named("vpc", "?ref=v1.1.0", ""),
		},
		{
			name:  "what cannot be locked: local, an archive, computed",
			files: "module \"a\" {\n  source = \"./a\"\n}\nmodule \"b\" {\n  source = \"https://h.example/x.zip\"\n}\nmodule \"c\" {\n  source = var.x\n}\n-- a/main.tf --\n",
			with:  locked(v1),
		},
		{
			name:  "an empty lock file is one",
			files: named("vpc", "?ref=v1.1.0", ""),
			with:  func(in *lint.Input) { in.Lock = &lock.File{} },
			want:  []string{`main.tf:2:12-2:55 is not in the lock file`},
		},
	})
}
