package repo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packageSpec is the history of one directory along main, the rest cut off, as
// a split makes it; with a commit on top that edits one of its files, and a tag.
func packageSpec(t testing.TB, dir, path string) Spec {
	t.Helper()
	r := open(t, dir)
	var s Spec
	var tip, tree Hash
	ids := strings.Fields(sh(t, dir, "rev-list", "--first-parent", "--reverse", "main"))
	var names strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&names, "%s:%s\n", id, path)
	}
	for i, line := range strings.Split(shIn(t, dir, names.String(), "cat-file", "--batch-check=%(objectname)"), "\n") {
		if strings.HasSuffix(line, "missing") || mustHash(t, line) == tree {
			continue
		}
		tree = mustHash(t, line)
		var parents []Hash
		if !tip.IsZero() {
			parents = []Hash{tip}
		}
		c := CommitObject(tree, parents, terrier, terrier, fmt.Sprintf("change %d of the directory, as the monorepo had it\n", i))
		s.Objects = append(s.Objects, c)
		tip = c.ID
	}
	main, err := run(t.Context(), r.command(t.Context(), "cat-file", "blob", tree.String()+":main.tf"), nil)
	if err != nil {
		t.Fatal(err)
	}
	blob := HashObject("blob", append(main, "# pinned\n"...))
	root, trees, err := EditTree(t.Context(), newReader(t, dir), tree, map[string]TreeEdit{"main.tf": {Mode: ModeFile, Blob: blob.ID}})
	if err != nil {
		t.Fatal(err)
	}
	pin := CommitObject(root, []Hash{tip}, terrier, terrier, "pin\n")
	tag := TagObject(pin.ID, "v1.0.0", terrier, "v1.0.0\n")
	s.Objects = append(append(s.Objects, trees...), blob, pin, tag, HashObject("blob", []byte("in no tree\n")))
	s.Refs = map[string]Hash{"refs/heads/main": pin.ID, "refs/tags/v1.0.0": tag.ID}
	s.Head = "refs/heads/main"
	s.Borrow = r.GitDir
	s.OwnCommits = true
	return s
}

// packSize is the size of the one pack of a repository.
func packSize(t testing.TB, dir string) (int64, []byte) {
	t.Helper()
	packs := glob(t, dir, "objects/pack/*.pack")
	if len(packs) != 1 {
		t.Fatalf("packs %q", packs)
	}
	data, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(data)), data
}

// Whatever the monorepo's store looks like, the pack is whole, holds what the
// refs reach and nothing else, and is hardly larger than git's own.
func TestPackFrom(t *testing.T) {
	grown := grownRepo(t)
	sh(t, grown, "repack", "-adfq")
	for name, change := range map[string]func(t *testing.T, dir string){
		"one pack": func(*testing.T, string) {},
		"loose":    func(t *testing.T, dir string) { unpack(t, dir) },
		"ref deltas": func(t *testing.T, dir string) {
			sh(t, dir, "-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq")
		},
		"several packs": func(t *testing.T, dir string) {
			unpack(t, dir)
			for _, rev := range []string{"main~25", "main~12", "main~6"} {
				shIn(t, dir, rev+"\n", "pack-objects", "-q", "--revs", "--incremental", filepath.Join(dir, "objects/pack/pack"))
			}
		},
		"overlapping packs": func(t *testing.T, dir string) {
			for _, rev := range []string{"main~3", "main~9"} {
				shIn(t, dir, rev+"\n", "pack-objects", "-q", "--revs", "--no-reuse-delta", "--window=50", filepath.Join(dir, "objects/pack/pack"))
			}
		},
		"no deltas": func(t *testing.T, dir string) { sh(t, dir, "repack", "-adFq", "--depth=0") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyRepo(t, grown)
			change(t, dir)
			out := realDir(t)
			const path = "modules/m2"
			s := packageSpec(t, dir, path)
			theirs := filepath.Join(out, path, "theirs.git")
			if err := WriteBare(t.Context(), theirs, s); err != nil {
				t.Fatal(err)
			}
			s.Reader = newReader(t, dir)
			ours := filepath.Join(out, path, "ours.git")
			if err := WriteBare(t.Context(), ours, s); err != nil {
				t.Fatal(err)
			}
			wholeAndClean(t, ours)
			list := func(dir string) string {
				return sh(t, dir, "cat-file", "--batch-all-objects", "--batch-check") + sh(t, dir, "show-ref", "-d")
			}
			if list(ours) != list(theirs) {
				t.Error("it does not hold what git's has")
			}
			n, data := packSize(t, ours)
			m, _ := packSize(t, theirs)
			if float64(n) > 1.15*float64(m) {
				t.Errorf("%s: %d bytes, git makes %d", path, n, m)
			}
			again := filepath.Join(out, path, "again.git")
			if err := WriteBare(t.Context(), again, s); err != nil {
				t.Fatal(err)
			}
			if _, same := packSize(t, again); !bytes.Equal(data, same) {
				t.Error("the second time other bytes")
			}
		})
	}
}

// The monorepo's own commits come along where that is asked for, with all
// that they reach; a branch beside them does not.
func TestPackFromWholeHistory(t *testing.T) {
	dir := grownRepo(t)
	tree := sh(t, dir, "rev-parse", "main~2^{tree}")
	secret := shIn(t, dir, "secret\n", "hash-object", "-w", "--stdin")
	foreign := shIn(t, dir, "100644 blob "+secret+"\tsecret\n040000 tree "+tree+"\told\n", "mktree")
	sh(t, dir, "update-ref", "refs/heads/foreign", shIn(t, dir, "foreign", "commit-tree", foreign, "-p", "main"))
	sh(t, dir, "repack", "-adfq")
	for _, graph := range []bool{false, true} {
		if graph {
			sh(t, dir, "commit-graph", "write", "--reachable")
		}
		s := liveSpecOf(t, dir)
		s.Reader = newReader(t, dir)
		out := filepath.Join(realDir(t), "out.git")
		if err := WriteBare(t.Context(), out, s); err != nil {
			t.Fatal(err)
		}
		wholeAndClean(t, out)
		if sh(t, out, "rev-list", "main~1") != sh(t, dir, "rev-list", "main") {
			t.Error("it has another history")
		}
	}
}

// liveSpecOf is one commit on top of main, with its tree.
func liveSpecOf(t testing.TB, dir string) Spec {
	t.Helper()
	r := open(t, dir)
	main := resolve(t, r, "main")
	c := CommitObject(main.Tree, []Hash{main.ID}, terrier, terrier, "live\n")
	return Spec{Objects: []Object{c}, Refs: map[string]Hash{"refs/heads/main": c.ID}, Head: "refs/heads/main", Borrow: r.GitDir}
}

// A tree that calls a thing what it is not.
func TestPackFromRefusesOtherTypes(t *testing.T) {
	dir := grownRepo(t)
	sh(t, dir, "repack", "-adfq")
	r := open(t, dir)
	main := resolve(t, r, "main")
	blob := mustHash(t, sh(t, dir, "rev-parse", "main:live/main.tf"))
	for name, entry := range map[string]string{
		"a tree as a blob":   "100644 f\x00" + string(main.Tree[:]),
		"a blob as a tree":   "40000 f\x00" + string(blob[:]),
		"a commit as a blob": "100644 f\x00" + string(main.ID[:]),
		"both":               "100644 f\x00" + string(blob[:]) + "40000 g\x00" + string(blob[:]),
		"half an entry":      "100644 f\x00" + string(blob[:10]),
	} {
		tree := HashObject("tree", []byte(entry))
		c := CommitObject(tree.ID, nil, terrier, terrier, "x\n")
		s := Spec{Objects: []Object{tree, c}, Refs: map[string]Hash{"refs/heads/main": c.ID}, Head: "refs/heads/main", Borrow: r.GitDir, Reader: newReader(t, dir)}
		if err := WriteBare(t.Context(), filepath.Join(t.TempDir(), "x.git"), s); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

// What the pack has on the disk no longer is what its index says.
func TestPackFromDamaged(t *testing.T) {
	dir := grownRepo(t)
	sh(t, dir, "repack", "-adfq")
	s := packageSpec(t, dir, "modules/m1")
	name := glob(t, dir, "objects/pack/*.pack")[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range 20 {
		data := bytes.Clone(whole)
		data[12+i*(len(data)-40)/20] ^= 0x10
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o444); err != nil {
			t.Fatal(err)
		}
		s.Reader = newReader(t, dir)
		out := filepath.Join(realDir(t), "out.git")
		if err := WriteBare(t.Context(), out, s); err != nil {
			refused++
			continue
		}
		sh(t, out, "fsck", "--full", "--strict") // the damage is in what does not come along
	}
	if refused == 0 || refused == 20 {
		t.Errorf("%d of 20 refused", refused)
	}
}

func TestDelta(t *testing.T) {
	text := bytes.Repeat([]byte("resource \"aws_vpc\" \"this\" {\n  cidr = \"10.0.0.0/16\"\n}\n"), 50)
	var long []byte
	for i := range 20_000 {
		long = fmt.Appendf(long, "line %d\n", i*i)
	}
	for name, test := range map[string]struct {
		base, target []byte
		most         int // the delta's length
	}{
		"same":              {text, text, 20},
		"a line more":       {long, slices.Concat(long[:5000], []byte("a line\n"), long[5000:]), 50},
		"a line less":       {long, slices.Concat(long[:5000], long[5100:]), 50},
		"moved":             {long, slices.Concat(long[100_000:], long[:100_000]), 60},
		"small, in large":   {long, long[70_000:70_100], 40},
		"large, from small": {long[:100], long, len(long) * 2},
		"nothing in common": {bytes.Repeat([]byte("a"), 1000), bytes.Repeat([]byte("b"), 1000), 1020},
		"from nothing":      {nil, []byte("x"), 10},
		"to nothing":        {text, nil, 10},
		"short":             {[]byte("abc"), []byte("abcabc"), 20},
	} {
		t.Run(name, func(t *testing.T) {
			var d differ
			d.index(test.base)
			delta := d.delta(test.base, test.target, 1<<30)
			got, err := applyDelta(test.base, delta)
			if err != nil || !bytes.Equal(got, test.target) {
				t.Fatalf("%d bytes of %d, %v", len(got), len(test.target), err)
			}
			if len(delta) > test.most {
				t.Errorf("a delta of %d bytes, want at most %d", len(delta), test.most)
			}
			n := len(delta)
			if d.delta(test.base, test.target, n-1) != nil || len(d.delta(test.base, test.target, n)) != n {
				t.Error("the limit is not kept")
			}
		})
	}
}

// FuzzDelta makes a delta and applies it; and applies what is none.
func FuzzDelta(f *testing.F) {
	f.Add([]byte("module \"vpc\" {\n  source = \"../vpc\"\n}\n"), []byte("module \"vpc\" {\n  source = \"git::x\"\n}\n"))
	f.Add([]byte("0123456789"), []byte("\x0a\x0a\x91\x00\x0a"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var d differ
		d.index(a)
		delta := d.delta(a, b, 1<<30)
		if got, err := applyDelta(a, delta); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%q, %v", got, err)
		}
		if out, err := applyDelta(a, b); err == nil && len(out) > 1<<24*len(b) {
			t.Fatalf("%d bytes", len(out))
		}
	})
}
