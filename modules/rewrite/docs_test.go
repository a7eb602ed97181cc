package rewrite

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/hclparse"
)

func TestDocs(t *testing.T) {
	const before = "# VPC ?ref=v1.2.3\r\n\r\n" +
		"```hcl\r\nmodule \"vpc\" {\r\n  source = \"git::https://h.example/p.git//vpc?ref=v1.2.3&depth=1\" # v1.2.3\r\n}\r\n" +
		"module \"eks\" {\r\n  source = \"git::https://h.example/q.git?ref=v1.2.3\"\r\n}\r\n```\r\n" +
		"> ~~~ terraform\n> module \"vpc\" {\n>   source = \"git::https://h.example/p.git//vpc\"\n> }\n> ~~~\n" +
		"```hcl\nmodule \"r\" {\n  source  = \"a/vpc/aws\"\n  version = \"~> 1.2\"\n}\nmodule \"none\" {\n  source = \"a/vpc/aws\"\n}\n" +
		"module \"more\" {\n  source  = \"a/vpc/aws\"\n  version = \">= 1.2\"\n}\n```\n" +
		"```yaml\nsource: \"git::https://h.example/p.git//vpc?ref=v1.2.3\"\n```\n" +
		"```hcl\nmodule \"vpc\" {\n  source = \"git::https://h.example/p.git//vpc?ref=v1.2.3\"\n  ...\n}\n```\n" +
		"```hcl\nmodule \"vpc\" {\n  source = \"git::https://h.example/p.git//vpc?ref=v1.2.3\"\n}"
	const after = "# VPC ?ref=v1.2.3\r\n\r\n" +
		"```hcl\r\nmodule \"vpc\" {\r\n  source = \"git::https://h.example/p.git//vpc?ref=v1.3.0\" # v1.3.0\r\n}\r\n" +
		"module \"eks\" {\r\n  source = \"git::https://h.example/q.git?ref=v1.2.3\"\r\n}\r\n```\r\n" +
		"> ~~~ terraform\n> module \"vpc\" {\n>   source = \"git::https://h.example/p.git//vpc?ref=v1.3.0\"\n> }\n> ~~~\n" +
		"```hcl\nmodule \"r\" {\n  source  = \"a/vpc/aws\"\n  version = \"~> 1.3\"\n}\nmodule \"none\" {\n  source = \"a/vpc/aws\"\n}\n" +
		"module \"more\" {\n  source  = \"a/vpc/aws\"\n  version = \">= 1.2\"\n}\n```\n" +
		"```yaml\nsource: \"git::https://h.example/p.git//vpc?ref=v1.2.3\"\n```\n" +
		"```hcl\nmodule \"vpc\" {\n  source = \"git::https://h.example/p.git//vpc?ref=v1.2.3\"\n  ...\n}\n```\n" +
		"```hcl\nmodule \"vpc\" {\n  source = \"git::https://h.example/p.git//vpc?ref=v1.2.3\"\n}"
	in := tree{"README.md": before}
	to := func(s hclparse.Source) (Pin, bool) {
		return Pin{Ref: "v1.3.0", Comment: "v1.3.0", Version: "1.3.0", DropDepth: true}, s.Repository == "p" || s.Repository == "a/vpc/aws"
	}
	edits := Docs("README.md", []byte(before), to)
	if d := cmp.Diff(after, in.applied(t, edits)["README.md"]); d != "" {
		t.Error(d)
	}
	if again := Docs("README.md", []byte(after), to); len(again) > 0 {
		t.Errorf("a second time: %v", again)
	}
}
