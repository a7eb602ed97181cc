package repo

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/fixtures"
)

// grownRepo is a bare repository with some 90 commits: merges, one of three,
// a second root, files that grow, move and go, a symlink, a submodule, an
// annotated tag. All objects are in one pack.
func grownRepo(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(realDir(t), "grown.git")
	sh(t, "", "init", "-q", "--bare", "-b", "main", dir)
	rnd := rand.New(rand.NewPCG(3, 4))
	var in strings.Builder
	mark := 0
	commit := func(branch string, parents ...string) {
		mark++
		fmt.Fprintf(&in, "commit refs/heads/%s\nmark :%d\nauthor A <a@example.com> %d +0100\ncommitter C <c@example.com> %d -0330\ndata 10\nchange %2d\n\n",
			branch, mark, 1_600_000_000+60*mark, 1_600_000_000+60*(mark-mark%7), mark%100)
		for i, p := range parents {
			fmt.Fprintf(&in, "%s %s\n", map[bool]string{true: "from", false: "merge"}[i == 0], p)
		}
	}
	file := func(path, data string) { fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(data), data) }
	texts := map[string]string{}
	grow := func() {
		path := fmt.Sprintf("modules/m%d/%s.tf", rnd.IntN(4), []string{"main", "variables", "sub/main"}[rnd.IntN(3)])
		for range 10 {
			texts[path] += fmt.Sprintf("resource \"aws_%x\" \"this\" {\n  name = \"%x\"\n}\n", rnd.Uint32()%500, rnd.Uint64())
		}
		file(path, texts[path])
	}
	commit("main")
	for range 12 {
		grow()
	}
	file("live/main.tf", "module \"m1\" {\n  source = \"../modules/m1\"\n}\n")
	in.WriteString("M 120000 inline live/link\ndata 4\nmain\nM 160000 1111111111111111111111111111111111111111 sub\n")
	file("big.bin", strings.Repeat("\x00\xff\x01", 60_000))
	for i := range 25 {
		commit("main", fmt.Sprintf(":%d", mark))
		grow()
		if i%8 == 3 {
			from := fmt.Sprintf(":%d", mark)
			commit("side", from)
			grow()
			commit("other", from)
			grow()
			commit("main", from, fmt.Sprintf(":%d", mark-1), fmt.Sprintf(":%d", mark))
			grow()
		}
		if i%5 == 4 {
			from := fmt.Sprintf(":%d", mark)
			commit("side", fmt.Sprintf(":%d", max(1, mark-3)))
			grow()
			commit("main", from, fmt.Sprintf(":%d", mark))
		}
	}
	from := fmt.Sprintf(":%d", mark)
	in.WriteString("reset refs/heads/root\n")
	commit("root")
	in.WriteString("deleteall\n")
	file("modules/m9/main.tf", "another root\n")
	commit("main", from, fmt.Sprintf(":%d", mark))
	in.WriteString("R modules/m3 modules/m4\nD big.bin\n")
	in.WriteString("tag v1\nfrom refs/heads/main\ntagger T <t@example.com> 1600000000 +0000\ndata 4\na v1\n")
	shIn(t, dir, in.String(), "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--force")
	return dir
}

// unpack makes every object of a repository loose.
func unpack(t testing.TB, dir string) {
	t.Helper()
	for _, pack := range glob(t, dir, "objects/pack/*.pack") {
		data, err := os.ReadFile(pack)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range glob(t, strings.TrimSuffix(pack, "pack")+"*") {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
		shIn(t, dir, string(data), "unpack-objects", "-q")
	}
}

// copyRepo copies a repository.
func copyRepo(t testing.TB, from string) string {
	t.Helper()
	dir := filepath.Join(realDir(t), "copy.git")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// answers is what a reader says of a repository: the walk from HEAD, then each object.
func answers(t testing.TB, rd Reader, tip Hash, ids []Hash) []string {
	t.Helper()
	ctx := context.Background()
	var all []string
	err := rd.Walk(ctx, tip, func(c CommitInfo) error {
		all = append(all, fmt.Sprint(c.ID, c.Tree, c.Parents))
		return nil
	})
	if err != nil {
		t.Fatalf("walk: %v", err)
	}
	err = rd.Objects(ctx, ids, func(o Object) error {
		if hashObject(o.Type, o.Data) != o.ID {
			t.Errorf("%s is not what it says", o.ID)
		}
		all = append(all, fmt.Sprintf("%s %s %x", o.ID, o.Type, o.Data))
		return nil
	})
	if err != nil {
		t.Fatalf("objects: %v", err)
	}
	return all
}

// reachable lists what HEAD and the tags reach.
func reachable(t testing.TB, dir string) []Hash {
	t.Helper()
	var ids []Hash
	out, err := run(t.Context(), open(t, dir).command(t.Context(), "rev-list", "--objects", "--no-object-names", "HEAD", "--tags"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(out)) {
		ids = append(ids, mustHash(t, line))
	}
	return ids
}

func glob(t testing.TB, pattern ...string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// Every form that git stores objects in reads the same with both readers.
func TestReadersAgree(t *testing.T) {
	grown := grownRepo(t)
	more := func(t *testing.T, dir string, n int) {
		for range n {
			c := shIn(t, dir, "more", "commit-tree", "HEAD^{tree}", "-p", "HEAD")
			sh(t, dir, "update-ref", "refs/heads/main", c)
		}
	}
	for name, test := range map[string]struct {
		make func(t *testing.T, dir string) string // changes the copy at dir, and returns the repository to read
		git  bool                                  // it is left to git
	}{
		"loose": {make: func(t *testing.T, dir string) string {
			unpack(t, dir)
			return dir
		}},
		"pack of fast-import": {make: func(t *testing.T, dir string) string { return dir }},
		"one pack": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "repack", "-adfq")
			return dir
		}},
		"several packs": {make: func(t *testing.T, dir string) string {
			unpack(t, dir)
			for _, rev := range []string{"main~20", "main~10", "main~3", "main"} {
				shIn(t, dir, rev+"\n", "pack-objects", "-q", "--revs", "--incremental", filepath.Join(dir, "objects/pack/pack"))
			}
			sh(t, dir, "prune-packed")
			more(t, dir, 2)
			if n := len(glob(t, dir, "objects/pack/*.pack")); n != 4 {
				t.Errorf("%d packs", n)
			}
			return dir
		}},
		"ref deltas": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=250")
			return dir
		}},
		"uncompressed": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "-c", "pack.compression=0", "repack", "-adFq", "--depth=0")
			return dir
		}},
		"bitmap": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "repack", "-adbq")
			return dir
		}},
		"alternates": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "repack", "-adq")
			middle := filepath.Join(filepath.Dir(dir), "mid: \"dle\"")
			sh(t, "", "clone", "-q", "--bare", "-s", dir, middle)
			more(t, middle, 1)
			last := filepath.Join(filepath.Dir(dir), "last.git")
			sh(t, "", "clone", "-q", "--bare", "-s", middle, last)
			more(t, last, 1)
			// Relative and quoted, with a comment, a line for nothing and a circle.
			put(t, last, map[string]string{"objects/info/alternates": "# borrowed\n/nowhere/objects\n\n\"../../mid: \\\"dle\\\"/objects\"\n"})
			put(t, dir, map[string]string{"objects/info/alternates": "../../last.git/objects\n"})
			sh(t, last, "rev-parse", "HEAD^{tree}")
			return last
		}},
		"commit-graph": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "repack", "-adq")
			sh(t, dir, "commit-graph", "write", "--reachable")
			return dir
		}},
		"old commit-graph": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "commit-graph", "write", "--reachable", "--changed-paths")
			more(t, dir, 3)
			return dir
		}},
		"commit-graph chain": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "commit-graph", "write", "--reachable", "--split=no-merge")
			more(t, dir, 2)
			sh(t, dir, "commit-graph", "write", "--reachable", "--split=no-merge")
			more(t, dir, 2)
			if n := len(glob(t, dir, "objects/info/commit-graphs/*.graph")); n != 2 {
				t.Errorf("%d layers", n)
			}
			return dir
		}},
		"replace refs": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "replace", "main", "main~4")
			sh(t, dir, "replace", "main~1^{tree}", "main~5^{tree}")
			return dir
		}},
		"grafts": {make: func(t *testing.T, dir string) string {
			put(t, dir, map[string]string{"info/grafts": sh(t, dir, "rev-parse", "main") + "\n"})
			return dir
		}},
		"multi-pack-index": {make: func(t *testing.T, dir string) string {
			sh(t, dir, "repack", "-adq")
			more(t, dir, 2)
			sh(t, dir, "repack", "-dq")
			sh(t, dir, "multi-pack-index", "write")
			return dir
		}},
		"index of version 1": {git: true, make: func(t *testing.T, dir string) string {
			sh(t, dir, "-c", "pack.indexVersion=1", "repack", "-adfq")
			return dir
		}},
		"unreachable objects": {make: func(t *testing.T, dir string) string {
			more(t, dir, 3)
			sh(t, dir, "update-ref", "refs/heads/main", "main~2")
			sh(t, dir, "gc", "-q", "--cruft", "--prune=never")
			return dir
		}},
		"linked work tree": {make: func(t *testing.T, dir string) string {
			linked := filepath.Join(filepath.Dir(dir), "linked")
			sh(t, dir, "worktree", "add", "-q", "--no-checkout", "--detach", linked, "main")
			return linked
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := test.make(t, copyRepo(t, grown))
			r := open(t, dir)
			tip := resolve(t, r, "HEAD").ID
			ids := reachable(t, dir)
			git, err := r.GitReader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			rd := newReader(t, dir)
			if _, native := rd.(*nativeReader); native == test.git {
				t.Errorf("it reads with a %T", rd)
			}
			want, got := answers(t, git, tip, ids), answers(t, rd, tip, ids)
			if !slices.Equal(got, want) {
				t.Errorf("%d answers, want %d, or others", len(got), len(want))
			}
			// Again, in another order: what is remembered does not change what is said.
			slices.Reverse(ids)
			want, got = answers(t, git, tip, ids), answers(t, rd, tip, ids)
			if !slices.Equal(got, want) {
				t.Error("the second time other answers")
			}
		})
	}
}

func TestReadersAgreeOnFixtures(t *testing.T) {
	for _, name := range fixtures.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(realDir(t), name)
			if err := fixtures.Write(t.Context(), name, dir); err != nil {
				t.Fatal(err)
			}
			r := open(t, dir)
			tip := resolve(t, r, "HEAD").ID
			git, err := r.GitReader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ids := reachable(t, dir)
			if !slices.Equal(answers(t, newReader(t, dir), tip, ids), answers(t, git, tip, ids)) {
				t.Error("the readers differ")
			}
		})
	}
}

// A parent that is named twice, and headers that end early, as no git writes them.
func TestReadersAgreeOnOddCommits(t *testing.T) {
	dir := grownRepo(t)
	tree, main := sh(t, dir, "rev-parse", "main^{tree}"), sh(t, dir, "rev-parse", "main")
	who := "author A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n"
	for name, data := range map[string]string{
		"a parent twice":  "tree " + tree + "\nparent " + main + "\nparent " + main + "\n" + who + "\nx\n",
		"no message":      "tree " + tree + "\nparent " + main + "\n" + who,
		"many parents":    "tree " + tree + "\nparent " + main + strings.Join(strings.Split("\n"+sh(t, dir, "rev-list", "main~1"), "\n"), "\nparent ") + "\n" + who + "\nx\n",
		"a parent's line": "tree " + tree + "\nparent " + main + "\n" + who + "parent 1111111111111111111111111111111111111111\n\nx\n",
	} {
		for _, packed := range []bool{false, true} {
			data = strings.Replace(data, "\n\nparent", "\nparent", 1)
			tip := mustHash(t, shIn(t, dir, data, "hash-object", "-t", "commit", "-w", "--stdin", "--literally"))
			sh(t, dir, "update-ref", "refs/heads/odd", tip.String())
			if packed {
				sh(t, dir, "repack", "-adfq")
			}
			git, err := open(t, dir).GitReader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, want := answers(t, newReader(t, dir), tip, []Hash{tip}), answers(t, git, tip, []Hash{tip}); !slices.Equal(got, want) {
				t.Errorf("%s, packed %v: got %d\n%s\nwant %d\n%s", name, packed, len(got), got[len(got)-2], len(want), want[len(want)-2])
			}
		}
	}
}

// A partial clone: what is there reads the same, what is not is named, and
// nothing is fetched.
func TestReadersAgreeOnPartialClone(t *testing.T) {
	grown := grownRepo(t)
	sh(t, grown, "config", "uploadpack.allowFilter", "true")
	dir := filepath.Join(realDir(t), "partial.git")
	sh(t, "", "clone", "-q", "--bare", "--filter=blob:none", "file://"+grown, dir)
	if err := os.Rename(grown, grown+".gone"); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	tip := resolve(t, r, "HEAD")
	there := []Hash{tip.ID, tip.Tree}
	blob := mustHash(t, sh(t, dir, "rev-parse", "main:live/main.tf"))
	git, err := r.GitReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rd := newReader(t, dir)
	if !slices.Equal(answers(t, rd, tip.ID, there), answers(t, git, tip.ID, there)) {
		t.Error("the readers differ")
	}
	for _, rd := range []Reader{rd, git} {
		n := 0
		err := rd.Objects(t.Context(), append(there, blob), func(Object) error { n++; return nil })
		var missing *MissingObjectError
		if n != 2 || !errors.As(err, &missing) || missing.ID != blob {
			t.Errorf("%T: %d objects, %v", rd, n, err)
		}
		err = WriteBare(t.Context(), filepath.Join(t.TempDir(), "x.git"), Spec{
			Refs: map[string]Hash{"refs/heads/main": tip.ID}, Head: "refs/heads/main", Borrow: r.GitDir, Reader: rd,
		})
		if !errors.As(err, &missing) {
			t.Errorf("%T: written without what is missing: %v", rd, err)
		}
	}
}

// What a repack does while a reader is open is not seen.
func TestReaderDuringRepack(t *testing.T) {
	dir := grownRepo(t)
	unpack(t, dir)
	rd := newReader(t, dir)
	ids := reachable(t, dir)
	tip := resolve(t, open(t, dir), "HEAD").ID
	want := answers(t, rd, tip, ids)
	sh(t, dir, "repack", "-adq")
	if !slices.Equal(answers(t, rd, tip, ids), want) {
		t.Error("after the objects were packed")
	}
	sh(t, dir, "repack", "-adfq", "--depth=3")
	if !slices.Equal(answers(t, rd, tip, ids), want) {
		t.Error("after another pack took its place")
	}
}

// A damaged store gives an error or git's answer, never another one.
func TestReaderDamaged(t *testing.T) {
	grown := grownRepo(t)
	sh(t, grown, "repack", "-adfq")
	sh(t, grown, "commit-graph", "write", "--reachable")
	tip := resolve(t, open(t, grown), "HEAD").ID
	ids := reachable(t, grown)
	want := answers(t, newReader(t, grown), tip, ids)
	pack := strings.TrimSuffix(filepath.Base(glob(t, grown, "objects/pack/*.pack")[0]), ".pack")
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, file := range []string{"objects/pack/" + pack + ".pack", "objects/pack/" + pack + ".idx", "objects/info/commit-graph"} {
		whole, err := os.ReadFile(filepath.Join(grown, file))
		if err != nil {
			t.Fatal(err)
		}
		dir := copyRepo(t, grown)
		failed := 0
		for i := range 30 {
			data := bytes.Clone(whole)
			switch {
			case i < 20:
				data[rnd.IntN(len(data))] ^= byte(1 + rnd.IntN(255))
			case i < 25:
				data = data[:rnd.IntN(len(data))]
			default:
				copy(data[rnd.IntN(len(data)):], data[rnd.IntN(len(data)):])
			}
			name := filepath.Join(dir, file)
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, data, 0o444); err != nil {
				t.Fatal(err)
			}
			rd, err := newNativeReader(dir)
			if err != nil {
				failed++
				continue
			}
			var got []string
			err = rd.Walk(t.Context(), tip, func(c CommitInfo) error {
				got = append(got, fmt.Sprint(c.ID, c.Tree, c.Parents))
				return nil
			})
			if err == nil {
				err = rd.Objects(t.Context(), ids, func(o Object) error {
					got = append(got, fmt.Sprintf("%s %s %x", o.ID, o.Type, o.Data))
					return nil
				})
			}
			if err != nil {
				failed++
			} else if !slices.Equal(got, want) {
				t.Errorf("%s, damage %d: other answers", file, i)
			}
			rd.Close()
		}
		// The commits tell what a damaged commit-graph would have told.
		if graph := strings.HasSuffix(file, "graph"); graph && failed > 0 || !graph && failed == 0 {
			t.Errorf("%s: %d of 30 failed", file, failed)
		}
	}
}

// rewrite changes a file that git wrote to be read only.
func rewrite(t testing.TB, name string, change func(data []byte)) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	change(data)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o444); err != nil {
		t.Fatal(err)
	}
}

// An index that gives an object's id to another one: every checksum is right.
func TestReaderChecksIDs(t *testing.T) {
	dir := grownRepo(t)
	sh(t, dir, "repack", "-adfq")
	ids := reachable(t, dir)
	n := 0
	rewrite(t, glob(t, dir, "objects/pack/*.idx")[0], func(data []byte) {
		n = int(binary.BigEndian.Uint32(data[8+1020:]))
		offsets := data[8+1024+24*n:][: 4*n : 4*n]
		first := bytes.Clone(offsets[:4])
		copy(offsets, offsets[4:])
		copy(offsets[4*n-4:], first)
	})
	rd, failed := newReader(t, dir), 0
	for _, id := range ids {
		if err := rd.Objects(t.Context(), []Hash{id}, func(Object) error { return nil }); err != nil {
			failed++
		}
	}
	if failed != len(ids) || n < failed {
		t.Errorf("%d of %d objects are refused", failed, len(ids))
	}
}

// A commit-graph that is whole but tells another tree than the commit.
func TestReaderComparesCommitGraph(t *testing.T) {
	dir := grownRepo(t)
	tip := resolve(t, open(t, dir), "HEAD").ID
	want := answers(t, newReader(t, dir), tip, nil)
	sh(t, dir, "commit-graph", "write", "--reachable")
	rewrite(t, filepath.Join(dir, "objects/info/commit-graph"), func(data []byte) {
		l := &graphLayer{file: &mapped{data: data}}
		if err := l.parse(0); err != nil {
			t.Fatal(err)
		}
		i, ok := findID(l.fan, l.ids, &tip)
		if !ok {
			t.Fatal("the tip is not in the graph")
		}
		l.data[36*i] ^= 1
		sum := sha1.Sum(data[:len(data)-20])
		copy(data[len(data)-20:], sum[:])
	})
	rd := newReader(t, dir)
	if rd.(*nativeReader).graph == nil {
		t.Fatal("the commit-graph is not read at all")
	}
	if !slices.Equal(answers(t, rd, tip, nil), want) {
		t.Error("the walk believes the commit-graph")
	}
}

// A file that gets shorter under the reader's hands is an error.
func TestReaderFileCutShort(t *testing.T) {
	dir := grownRepo(t)
	sh(t, dir, "repack", "-adfq")
	rd := newReader(t, dir)
	tip := resolve(t, open(t, dir), "HEAD").ID
	pack := glob(t, dir, "objects/pack/*.pack")[0]
	if err := os.Chmod(pack, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(pack, 0); err != nil {
		t.Fatal(err)
	}
	err := rd.Walk(t.Context(), tip, func(CommitInfo) error { return nil })
	if err == nil || !strings.Contains(err.Error(), pack) {
		t.Errorf("got %v", err)
	}
}

// What a visitor does wrong is not taken for a file that cannot be read.
func TestReaderVisitorPanics(t *testing.T) {
	dir := grownRepo(t)
	rd := newReader(t, dir)
	tip := resolve(t, open(t, dir), "HEAD").ID
	defer func() {
		if recover() == nil {
			t.Error("the panic is lost")
		}
	}()
	var none *CommitInfo
	_ = rd.Walk(t.Context(), tip, func(c CommitInfo) error { *none = c; return nil })
}
