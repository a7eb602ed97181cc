package repo

import (
	"maps"
	"testing"
)

func TestIDsAt(t *testing.T) {
	dir := newMonorepo(t)
	r := open(t, dir)
	fsys := at(t, r, "HEAD")
	rd, err := r.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	paths := []string{".", "modules", "modules/vpc", "modules/vpc/main.tf", "live/prod/ünïcode.tf", "live/dir", "dangling", "sub"}
	want := map[string]Hash{}
	for _, p := range paths {
		id := sh(t, dir, "rev-parse", "HEAD:"+map[bool]string{true: "", false: p}[p == "."])
		if want[p], err = ParseHash(id); err != nil {
			t.Fatal(err)
		}
		if got, ok := fsys.ID(p); !ok || got != want[p] {
			t.Errorf("TreeFS.ID(%q) is %s, want %s", p, got, id)
		}
	}
	gone := []string{"", "nothing", "modules/nothing/x", "README.md/x", "sub/x", "live/dir/main.tf", "modules//vpc", "../modules"}
	got, err := IDsAt(t.Context(), rd, resolve(t, r, "HEAD").Tree, append(paths, gone...))
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("IDsAt is %v, %v, want %v", got, err, want)
	}
	for _, p := range gone {
		if id, ok := fsys.ID(p); ok {
			t.Errorf("TreeFS.ID(%q) is %s", p, id)
		}
	}
	if _, err := IDsAt(t.Context(), rd, Hash{1}, []string{"x"}); err == nil {
		t.Error("a tree that is not there is no error")
	}
}

func TestIsAncestor(t *testing.T) {
	dir := newMonorepo(t)
	r := open(t, dir)
	base := resolve(t, r, "HEAD").ID
	sh(t, dir, "commit", "-q", "--allow-empty", "-m", "next")
	next := resolve(t, r, "HEAD").ID
	for _, c := range []struct {
		commit, of Hash
		want       bool
	}{{base, next, true}, {next, base, false}, {next, next, true}, {Hash{1}, next, false}} {
		if got, err := r.IsAncestor(t.Context(), c.commit, c.of); err != nil || got != c.want {
			t.Errorf("IsAncestor(%s, %s) is %v, %v", c.commit, c.of, got, err)
		}
	}
}
