package repo

import (
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIgnored(t *testing.T) {
	dir := newMonorepo(t)
	put(t, dir, map[string]string{
		".gitignore": "build/\n*.gen.tf\nkept/*\n", "build/a/main.tf": "", "live/x.gen.tf": "", "kept/tracked.tf": "", "kept/other.tf": "", "ü/y.gen.tf": "", "free.tf": "",
	})
	sh(t, dir, "add", "-f", "kept/tracked.tf", ".gitignore")
	r := open(t, dir)
	got, err := r.Ignored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"build", "kept/other.tf", "live/x.gen.tf", "ü", "ü/y.gen.tf"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var seen []string
	err = fs.WalkDir(Without(os.DirFS(dir), append(got, ".git")), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			seen = append(seen, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"kept/tracked.tf", "free.tf", ".gitignore"} {
		if !slices.Contains(seen, p) {
			t.Errorf("%s is gone", p)
		}
	}
	for _, p := range append(got, "build/a/main.tf") {
		if slices.Contains(seen, p) {
			t.Errorf("%s is still there", p)
		}
	}
}
