package history

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/repo"
)

// What Extract gives and the monorepo's trees and blobs are a whole
// repository, gaps and followed renames included, with nothing else in it.
func TestWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, linear(
		"old/a=1 secret=1", "old/a=2 secret=2", "secret=2", "old/a=3 secret=3", "m/a=3 other/b=1", "m/a=4 other/b=1",
	)...)
	s := w.extract(Options{Follow: true}, "m")[0]
	if got, want := s.show(), "c6 <c4, c4 <c3*, c3* <c2, c2 <c1, c1"; got != want {
		t.Fatalf("history %s, want %s", got, want)
	}
	out := &world{t: t, dir: filepath.Join(t.TempDir(), "m.git")}
	err := repo.WriteBare(context.Background(), out.dir, repo.Spec{
		Objects: s.New, Refs: map[string]repo.Hash{"refs/heads/main": s.Tip}, Head: "refs/heads/main", Borrow: filepath.Join(w.dir, ".git"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.git(nil, "fsck", "--full", "--strict", "--no-progress"); got != "" {
		t.Errorf("git fsck says %s", got)
	}
	all := strings.Fields(out.git(nil, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"))
	// 5 commits, the trees of 4 contents and the empty one, 4 blobs.
	if len(all) != 14 {
		t.Errorf("%d objects: %v", len(all), all)
	}
	if got := out.git(nil, "log", "--format=%s", "--", "a"); got != "c6\nc4\nc3\nc2\nc1\n" {
		t.Errorf("git log says %q", got)
	}
}
