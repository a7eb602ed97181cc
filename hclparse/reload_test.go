package hclparse

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"testing/fstest"
)

// sameTree holds two trees of LoadCalls against each other, in everything that
// they tell.
func sameTree(t *testing.T, got, want *Tree) {
	t.Helper()
	if !reflect.DeepEqual(got.Entries, want.Entries) || len(got.Modules) != len(want.Modules) {
		t.Fatalf("%d entries and %d modules, want %d and %d", len(got.Entries), len(got.Modules), len(want.Entries), len(want.Modules))
	}
	for dir, m := range want.Modules {
		if !reflect.DeepEqual(got.Modules[dir], m) {
			t.Fatalf("%s is not what LoadCalls makes of it", dir)
		}
	}
}

// randomFile is a configuration file by its path.
func randomFile(name string, r *rand.Rand) []byte {
	switch f, _ := newFile(name, name[len("d0/"):]); f.Syntax {
	case JSON:
		return fmt.Appendf(nil, `{"module": {"m%d": {"source": "git::https://example.com/vpc.git?ref=v%d.0.0"}}}`, r.IntN(3), r.IntN(9))
	case Terragrunt:
		return fmt.Appendf(nil, "terraform {\n  source = \"git::https://example.com/vpc.git?ref=v%d.0.0\"\n}\n", r.IntN(9))
	}
	w := &writer{Rand: r}
	w.file()
	return []byte(w.String())
}

// What With makes is what LoadCalls makes of the same files, whatever has
// changed, and the first tree stays as it was.
func TestWithRandom(t *testing.T) {
	names := []string{"a.tf", "b.tf", "c_override.tf", "b.tofu", "d.tf.json", "terragrunt.hcl", "link.tf", "n.md"}
	changed := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		fsys := fstest.MapFS{}
		var all []string
		for dir := range 4 {
			for _, name := range names {
				p := fmt.Sprintf("d%d/%s", dir, name)
				switch {
				case r.IntN(3) == 0:
				case name == "link.tf":
					fsys[p] = &fstest.MapFile{Mode: fs.ModeSymlink | 0o777, Data: fmt.Appendf(nil, "../d%d/a.tf", (dir+1)%4)}
				default:
					fsys[p] = &fstest.MapFile{Data: randomFile(p, r)}
					all = append(all, p)
				}
			}
		}
		keep := [][]string{nil, {"source"}}[r.IntN(2)]
		first, _ := LoadCalls(fsys, keep...)
		untouched, _ := LoadCalls(fsys, keep...)
		tree := first
		now := map[string][]byte{}
		for range 3 { // one upon the other
			files := map[string][]byte{}
			for _, p := range all {
				if r.IntN(5) == 0 {
					data := randomFile(p, r)
					if r.IntN(6) == 0 {
						data = data[:r.IntN(len(data)+1)] // broken
					}
					files[p], now[p] = data, data
					changed++
				}
			}
			tree = tree.With(files)
			want, _ := LoadCalls(Overlay(fsys, now), keep...)
			sameTree(t, tree, want)
			for p, data := range now {
				if got, err := fs.ReadFile(tree.FS, p); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("%s reads as %q, %v", p, got, err)
				}
			}
		}
		sameTree(t, first, untouched)
	}
	if changed < 500 {
		t.Errorf("only %d files have changed", changed)
	}
}

// Modules without a changed file are shared, those with a symlink to one are
// not, and a tree that Load has made is one of LoadCalls then.
func TestWithShares(t *testing.T) {
	fsys := fstest.MapFS{
		"a/m.tf": {Data: []byte("module \"a\" {\n  source = \"./x\"\n}\n")},
		"b/l.tf": {Mode: fs.ModeSymlink | 0o777, Data: []byte("../a/m.tf")},
		"c/m.tf": {Data: []byte("module \"c\" {\n  source = \"./x\"\n}\n")},
	}
	files := map[string][]byte{"a/m.tf": []byte("module \"a\" {\n  source = \"./y\"\n}\n")}
	want, _ := LoadCalls(Overlay(fsys, files))
	first, _ := LoadCalls(fsys)
	got := first.With(files)
	sameTree(t, got, want)
	if got.Modules["c"] != first.Modules["c"] {
		t.Error("c is read again")
	}
	if raw := got.Modules["b"].Calls[0].Raw; raw != "./y" {
		t.Errorf("the symlinked file has %q", raw)
	}
	full, _ := Load(fsys)
	sameTree(t, full.With(files), want)
}

// TERRIER_BENCH_TREE is a tree of somebody's: each of its files with calls
// gets one byte more, and all together.
func TestWithTree(t *testing.T) {
	dir := os.Getenv("TERRIER_BENCH_TREE")
	if dir == "" {
		dir = "../fixtures"
	}
	fsys := os.DirFS(dir)
	tree, _ := LoadCalls(fsys)
	files := map[string][]byte{}
	for _, m := range tree.Modules {
		for _, f := range m.Files {
			if data, err := fs.ReadFile(fsys, f.Real); err == nil && len(m.Calls) > 0 {
				files[f.Real] = append(data, '\n')
			}
		}
	}
	want, _ := LoadCalls(Overlay(fsys, files))
	sameTree(t, tree.With(files), want)
	if len(files) > 0 && reflect.DeepEqual(tree.Modules, want.Modules) {
		t.Error("nothing has changed")
	}
}
