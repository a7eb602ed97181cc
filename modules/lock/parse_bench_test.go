package lock

import (
	"fmt"
	"testing"
)

// BenchmarkParse reads a lock of 1,000 entries, which is more than any public
// monorepo has sources: lint does so each time.
func BenchmarkParse(b *testing.B) {
	f := &File{}
	for i := range 1000 {
		f.Entries = append(f.Entries, &Entry{Address: fmt.Sprintf("git::https://gitlab.example.com/terraform/module-%d.git", i), Ref: "v1.2.3", Kind: KindTag, Commit: someCommit, Hash: someHash})
	}
	data := f.Bytes()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, diags := Parse(data, Name); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
