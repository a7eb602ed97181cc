package proof

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// allObjects asks git for every object of a repository.
func allObjects(t testing.TB, repo string) map[plumbing.Hash][]byte {
	t.Helper()
	out := gitBytes(t, repo, "cat-file", "--batch-all-objects", "--batch")
	all := map[plumbing.Hash][]byte{}
	for len(out) > 0 {
		line, rest, _ := bytes.Cut(out, []byte("\n"))
		f := strings.Fields(string(line))
		n, err := strconv.Atoi(f[2])
		must(t, err)
		all[plumbing.NewHash(f[0])] = append([]byte(f[1]+" "), rest[:n]...)
		out = rest[n+1:]
	}
	return all
}

// versions makes a repository whose pack has deltas upon deltas.
func versions(t testing.TB) string {
	dir := filepath.Join(t.TempDir(), "x.git")
	initBare(t, dir)
	rng := rand.New(rand.NewPCG(5, 6))
	text := make([]byte, 40_000)
	for i := range text {
		text[i] = byte('a' + rng.IntN(26))
	}
	parent := []string{}
	for i := range 30 {
		text[rng.IntN(len(text))] = '\n'
		text = append(text, fmt.Sprint(i)...)
		var more []op
		for j := range 40 {
			more = append(more, write(fmt.Sprintf("d/%d/x%d", j%5, j), fmt.Sprint(j, i/10)))
		}
		parent = []string{commitTo(t, dir, "", parent, append(more, write("big", string(text)), write("empty", "")), "refs/heads/main", fmt.Sprintf("tag:v%d", i))}
	}
	return dir
}

// Every object is read as git reads it, however it is stored.
func TestObjects(t *testing.T) {
	dir := versions(t)
	want := allObjects(t, dir)
	check := func(t *testing.T) {
		t.Helper()
		s, err := openStore(dir)
		must(t, err)
		defer s.close()
		for id, data := range want {
			name, body, _ := bytes.Cut(data, []byte(" "))
			typ, err := plumbing.ParseObjectType(string(name))
			must(t, err)
			got, err := s.read(id, typ)
			if err != nil || !bytes.Equal(got, body) || !s.has(id) {
				t.Fatalf("%s: %d bytes, want %d: %v", id, len(got), len(body), err)
			}
		}
		none := plumbing.NewHash(strings.Repeat("1", 40))
		if s.has(none) {
			t.Error("an object that is not there")
		}
		if id, ok := s.ref("refs/heads/main"); !ok || want[id] == nil {
			t.Errorf("main is %s %v", id, ok)
		}
		if id, ok := s.ref("refs/tags/v7"); !ok || !bytes.HasPrefix(want[id], []byte("tag ")) {
			t.Errorf("a tag is %s %v", id, ok)
		}
		if _, ok := s.ref("refs/tags/v"); ok {
			t.Error("a tag that is not there")
		}
	}
	t.Run("loose", check)
	gitRun(t, dir, "", "repack", "-a", "-d", "-f", "-q", "--depth=50", "--window=50")
	gitRun(t, dir, "", "pack-refs", "--all")
	if out := gitRun(t, dir, "", "verify-pack", "-v", packFile(t, dir, "*.idx")); !strings.Contains(out, "chain length = 5: ") {
		t.Fatalf("the pack has no deltas upon deltas:\n%s", out[max(0, len(out)-500):])
	}
	t.Run("packed", check)
	gitRun(t, dir, "", "-c", "repack.useDeltaBaseOffset=false", "repack", "-a", "-d", "-F", "-q", "--depth=50", "--window=50")
	t.Run("packed, bases by id", check)
	gitRun(t, dir, "", "multi-pack-index", "write")
	t.Run("with an index of packs", check)
}

func packFile(t testing.TB, dir, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "objects/pack", pattern))
	if err != nil || len(names) != 1 {
		t.Fatalf("%v %v", names, err)
	}
	return names[0]
}

// A damaged pack gives an error or the right bytes, and never a panic or a
// store that cannot be closed.
func TestDamagedPack(t *testing.T) {
	dir := versions(t)
	gitRun(t, dir, "", "repack", "-a", "-d", "-f", "-q", "--depth=50", "--window=50")
	want := allObjects(t, dir)
	rng := rand.New(rand.NewPCG(7, 8))
	failed := 0
	for _, pattern := range []string{"*.pack", "*.idx"} {
		name := packFile(t, dir, pattern)
		whole, err := os.ReadFile(name)
		must(t, err)
		must(t, os.Chmod(name, 0o666))
		for i := range 60 {
			data := bytes.Clone(whole)
			switch {
			case i < 5:
				data = data[:rng.IntN(len(data))]
			case i < 40:
				data[rng.IntN(min(len(data), 1+i*i*20))] ^= byte(1 + rng.IntN(255))
			default:
				for range 200 {
					data[rng.IntN(len(data))] = byte(rng.IntN(256))
				}
			}
			must(t, os.WriteFile(name, data, 0o666))
			s, err := openStore(dir)
			if err != nil {
				failed++
				continue
			}
			for id, data := range want {
				name, body, _ := bytes.Cut(data, []byte(" "))
				typ, err := plumbing.ParseObjectType(string(name))
				must(t, err)
				if got, err := s.read(id, typ); err != nil {
					failed++
				} else if !bytes.Equal(got, body) {
					t.Fatalf("%s has other bytes, and nobody says so", id)
				}
			}
			s.close()
		}
		must(t, os.WriteFile(name, whole, 0o666))
	}
	if failed < 100 {
		t.Errorf("only %d reads failed", failed)
	}
}

// Nothing of a written repository is read outside the directory of the split.
func TestNothingOutside(t *testing.T) {
	base := plainFixture(t)
	for name, plant := range map[string]func(t *testing.T, f *fixture, away string){
		"the repository": func(t *testing.T, f *fixture, away string) {
			must(t, os.Rename(f.dir("modules/vpc.git"), away))
			must(t, os.Symlink(away, f.dir("modules/vpc.git")))
		},
		"its objects": func(t *testing.T, f *fixture, away string) {
			must(t, os.Rename(f.dir("modules/vpc.git/objects"), away))
			must(t, os.Symlink(away, f.dir("modules/vpc.git/objects")))
		},
		"its packs": func(t *testing.T, f *fixture, away string) {
			must(t, os.Rename(f.dir("modules/vpc.git/objects/pack"), away))
			must(t, os.Symlink(away, f.dir("modules/vpc.git/objects/pack")))
		},
		"a ref": func(t *testing.T, f *fixture, away string) {
			file := f.dir("modules/vpc.git/refs/heads/main")
			must(t, os.MkdirAll(filepath.Dir(file), 0o777))
			must(t, os.WriteFile(away, []byte(f.pkg("vpc").Tip+"\n"), 0o666))
			_ = os.Remove(file)
			_ = os.Remove(f.dir("modules/vpc.git/packed-refs"))
			must(t, os.Symlink(away, file))
		},
		"alternates": func(t *testing.T, f *fixture, away string) {
			must(t, os.MkdirAll(f.dir("modules/vpc.git/objects/info"), 0o777))
			must(t, os.WriteFile(f.dir("modules/vpc.git/objects/info/alternates"), []byte(filepath.Join(f.in.Monorepo, ".git/objects")+"\n"), 0o666))
		},
		"a common directory": func(t *testing.T, f *fixture, away string) {
			must(t, os.WriteFile(f.dir("modules/vpc.git/commondir"), []byte(filepath.Join(f.in.Monorepo, ".git")+"\n"), 0o666))
		},
		"a git file": func(t *testing.T, f *fixture, away string) {
			must(t, os.Rename(f.dir("live/live/.git"), away))
			must(t, os.WriteFile(f.dir("live/live/.git"), []byte("gitdir: "+away+"\n"), 0o666))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := base.fork(t)
			plant(t, f, filepath.Join(t.TempDir(), "away"))
			if r := f.check(); len(r.Mismatches) == 0 {
				t.Errorf("it was read:\n%s", show(r))
			}
		})
	}
}
