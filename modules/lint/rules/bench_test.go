package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

// BenchmarkRules runs every rule over 10,000 calls of a thousand directories.
func BenchmarkRules(b *testing.B) {
	var files strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&files, "-- stacks/s%d/main.tf --\n%s", i, stack)
		for j := range 2 {
			fmt.Fprintf(&files, "module \"a%d\" {\n  source = \"git::https://h.example/vpc.git//x?depth=1&ref=v1.2.%d\"\n}\n", j, i)
			fmt.Fprintf(&files, "module \"b%d\" {\n  source = \"github.com/a/b%d?ref=main\"\n}\n", j, i)
			fmt.Fprintf(&files, "module \"c%d\" {\n  source  = \"a/b/c\"\n  version = \"~> 1.%d\"\n}\n", j, i)
			fmt.Fprintf(&files, "module \"d%d\" {\n  source = \"../../modules/m%d\"\n}\n", j, i)
			fmt.Fprintf(&files, "module \"e%d\" {\n  source = \"git@h.example:x.git?ref=%s\"\n}\n", j, sha)
		}
		fmt.Fprintf(&files, "-- modules/m%d/main.tf --\n", i)
	}
	in := input(files.String())
	in.Pinned = func(dir string) (string, bool) { return "git::https://h.example/" + dir, true }
	b.ResetTimer()
	for b.Loop() {
		lint.Run(in, All)
	}
}
