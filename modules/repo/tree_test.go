package repo

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

func at(t testing.TB, r *Repo, rev string) *TreeFS {
	t.Helper()
	fsys, err := r.At(t.Context(), resolve(t, r, rev))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys
}

func TestTreeFS(t *testing.T) {
	dir := newMonorepo(t)
	fsys := at(t, open(t, dir), "HEAD")
	if err := fstest.TestFS(fsys, "README.md", "modules/vpc/main.tf", "modules/vpc.md", "live/prod/ünïcode.tf", "live/prod/empty.tf", "live/prod/vpc.tf", "live/dir", "dangling", "sub"); err != nil {
		t.Error(err)
	}

	want := strings.Split(strings.TrimSuffix(sh(t, dir, "ls-files", "-z"), "\x00"), "\x00")
	slices.Sort(want)
	var got []string
	for _, e := range fsys.Entries() {
		got = append(got, e.Path)
		if id := sh(t, dir, "rev-parse", "HEAD:"+e.Path); id != e.ID.String() {
			t.Errorf("%s: %s, want %s", e.Path, e.ID, id)
		}
		if e.Mode == ModeSubmodule {
			if e.Size != -1 {
				t.Errorf("%s: size %d", e.Path, e.Size)
			}
			continue
		}
		data, err := fsys.ReadFile(e.Path)
		if err != nil {
			t.Error(err)
		}
		if int64(len(data)) != e.Size || hashObject("blob", data) != e.ID {
			t.Errorf("%s: %d bytes, want %d of %s", e.Path, len(data), e.Size, e.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("entries:\n%q\nwant\n%q", got, want)
	}

	for name, mode := range map[string]fs.FileMode{
		"README.md": 0o644, "modules/vpc/run.sh": 0o755, "dangling": fs.ModeSymlink | 0o777, "sub": fs.ModeIrregular, "live": fs.ModeDir | 0o755,
	} {
		info, err := fsys.Lstat(name)
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	for name, target := range map[string]string{"dangling": "nowhere", "live/dir": "prod", "live/prod/vpc.tf": "../../modules/vpc/main.tf"} {
		if got, err := fsys.ReadLink(name); got != target || err != nil {
			t.Errorf("%s -> %q, %v", name, got, err)
		}
	}
	if _, err := fsys.ReadLink("README.md"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("ReadLink of a file: %v", err)
	}
	for _, name := range []string{"live/dir/main.tf", "README.md/x", "none", "LIVE"} {
		if _, err := fsys.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := fsys.ReadFile("live"); err == nil {
		t.Error("a directory was read as a file")
	}
	if _, err := fsys.ReadDir("README.md"); err == nil {
		t.Error("a file was listed as a directory")
	}

	for _, d := range []string{".", "modules", "modules/vpc"} {
		rev := "HEAD:" + strings.TrimPrefix(d, ".")
		if id, ok := fsys.Tree(d); !ok || id.String() != sh(t, dir, "rev-parse", rev) {
			t.Errorf("tree of %s: %s, %t", d, id, ok)
		}
	}
	for _, d := range []string{"README.md", "none", "sub", "live/dir"} {
		if _, ok := fsys.Tree(d); ok {
			t.Errorf("%s is a directory", d)
		}
	}
	if err := fsys.Check(); err != nil {
		t.Error(err)
	}
}

func TestTreeFSInParallelAndClosed(t *testing.T) {
	dir := newMonorepo(t)
	for i := range 50 {
		put(t, dir, map[string]string{fmt.Sprintf("many/%d", i): strings.Repeat(fmt.Sprint(i), 1000*i)})
	}
	sh(t, dir, "add", "many")
	sh(t, dir, "commit", "-qm", "many")
	fsys := at(t, open(t, dir), "HEAD")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				data, err := fs.ReadFile(fsys, fmt.Sprintf("many/%d", i))
				if want := strings.Repeat(fmt.Sprint(i), 1000*i); string(data) != want || err != nil {
					t.Errorf("%d: %d bytes, %v", i, len(data), err)
				}
			}
		})
	}
	wg.Wait()
	f, err := fsys.Open("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := fsys.Close(); err != nil {
		t.Error(err)
	}
	if err := fsys.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	if data, err := io.ReadAll(f); string(data) != "hello again\n" || err != nil {
		t.Errorf("open file after Close: %q, %v", data, err)
	}
	if _, err := fsys.ReadFile("README.md"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestTreeFSEndsWithItsContext(t *testing.T) {
	r := open(t, newMonorepo(t))
	ctx, cancel := context.WithCancel(t.Context())
	fsys, err := r.At(ctx, resolve(t, r, "HEAD"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := fsys.ReadFile("README.md"); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	if err := fsys.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestTreeFSMissingBlobs(t *testing.T) {
	dir := newMonorepo(t)
	missing := sh(t, dir, "rev-parse", "HEAD:README.md")

	check := func(t *testing.T, fsys *TreeFS) {
		for range 2 { // the second time with a process that is new, or is not
			_, err := fsys.ReadFile("README.md")
			var mo *MissingObjectError
			var pe *fs.PathError
			if !errors.As(err, &mo) || mo.ID.String() != missing {
				t.Errorf("got %v", err)
			}
			if !errors.As(err, &pe) || pe.Path != "README.md" || !strings.Contains(err.Error(), "hint: ") {
				t.Errorf("got %v", err)
			}
		}
		if _, err := fsys.Stat("README.md"); !errors.As(err, new(*MissingObjectError)) {
			t.Errorf("Stat: %v", err)
		}
		if _, err := fs.ReadDir(fsys, "live/prod"); err != nil {
			t.Error(err)
		}
	}

	t.Run("partial clone", func(t *testing.T) {
		sh(t, dir, "config", "uploadpack.allowFilter", "true")
		part := filepath.Join(realDir(t), "part")
		sh(t, "", "clone", "-q", "--no-checkout", "--filter=blob:none", "file://"+dir, part)
		// Nothing may be fetched to help, and nothing lacks for want of a
		// remote either.
		fsys := at(t, open(t, part), "HEAD")
		check(t, fsys)
		if n := len(fsys.Entries()); n != 12 {
			t.Errorf("%d entries", n)
		}
	})
	t.Run("damaged", func(t *testing.T) {
		if err := os.Remove(filepath.Join(dir, ".git/objects", missing[:2], missing[2:])); err != nil {
			t.Fatal(err)
		}
		fsys := at(t, open(t, dir), "HEAD")
		check(t, fsys)
		if data, err := fsys.ReadFile("modules/vpc/run.sh"); string(data) != "#!/bin/sh\n" || err != nil {
			t.Errorf("a blob that is there: %q, %v", data, err)
		}
	})
	t.Run("a tree is gone", func(t *testing.T) {
		c := resolve(t, open(t, dir), "HEAD")
		id := sh(t, dir, "rev-parse", "HEAD:modules/vpc")
		if err := os.Remove(filepath.Join(dir, ".git/objects", id[:2], id[2:])); err != nil {
			t.Fatal(err)
		}
		_, err := open(t, dir).At(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("got %v", err)
		}
	})
}

// rawTree writes a tree object that git itself would refuse to make, from
// lines "MODE ID NAME".
func rawTree(t testing.TB, dir string, lines ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, l := range lines {
		f := strings.SplitN(l, " ", 3)
		id, err := hex.DecodeString(f[1])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s\x00%s", f[0], f[2], id)
	}
	return shIn(t, dir, b.String(), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
}

// hostile are trees that must not reach a work tree: its entries, and the
// problems as "KIND PATH".
func hostile(t testing.TB, dir string) map[string]struct {
	tree string
	want []string
} {
	blob := shIn(t, dir, "x", "hash-object", "-w", "--stdin")
	link := func(target string) string { return shIn(t, dir, target, "hash-object", "-w", "--stdin") }
	sub := shIn(t, dir, "100644 blob "+blob+"\tconfig\n", "mktree")
	type tc = struct {
		tree string
		want []string
	}
	trees := map[string]tc{
		"symlink parent": {rawTree(t, dir, "120000 "+link("d")+" a", "40000 "+sub+" a"), []string{"duplicate a", "symlink-parent a/config"}},
		"duplicate file": {rawTree(t, dir, "100644 "+blob+" a", "100644 "+blob+" a"), []string{"duplicate a"}},
		"file and tree":  {rawTree(t, dir, "100644 "+blob+" a", "40000 "+sub+" a"), []string{"duplicate a", "duplicate a/config"}},
		"absolute":       {rawTree(t, dir, "120000 "+link("/etc/passwd")+" a"), []string{"absolute-symlink a"}},
		"drive":          {rawTree(t, dir, "120000 "+link(`C:\x`)+" a"), []string{"absolute-symlink a"}},
		"gitmodules":     {rawTree(t, dir, "120000 "+link("x")+" .gitmodules"), []string{"dot-git .gitmodules"}},
		"gitmodules 8.3": {rawTree(t, dir, "120000 "+link("x")+" GITMOD~1"), []string{"dot-git GITMOD~1"}},
		"deep .git":      {rawTree(t, dir, "40000 "+rawTree(t, dir, "40000 "+sub+" .git")+" d"), []string{"dot-git d/.git", "dot-git d/.git/config"}},
		"dot dot":        {rawTree(t, dir, "40000 "+sub+" .."), []string{"dot ..", "dot ../config"}},
		"dot":            {rawTree(t, dir, "40000 "+sub+" ."), []string{"dot .", "dot ./config"}},
		"dots, a space":  {rawTree(t, dir, "40000 "+sub+" .. "), []string{"dot .. ", "dot .. /config"}},
		"dots, a stream": {rawTree(t, dir, "40000 "+sub+" ..:x"), []string{"dot ..:x", "dot ..:x/config"}},
		"a slash":        {rawTree(t, dir, "100644 "+blob+" a/b"), []string{"dot a/b"}},
		"backslash dots": {rawTree(t, dir, `100644 `+blob+` ..\..\x`), []string{`backslash ..\..\x`, `dot ..\..\x`}},
	}
	for _, name := range []string{".git", ".GIT", ".Git", "git~1", "GIT~1", ".git ", ".git.", ".git. .", ".git::$INDEX_ALLOCATION", ".git:x", ".g\u200cit", "\ufeff.git", ".git\u206f", "git~1."} {
		trees["file "+name] = tc{rawTree(t, dir, "100644 "+blob+" "+name), []string{"dot-git " + name}}
	}
	trees[`.git\x`] = tc{rawTree(t, dir, `100644 `+blob+` .git\x`), []string{`backslash .git\x`, `dot-git .git\x`}}
	trees[`a\.GIT\x`] = tc{rawTree(t, dir, `100644 `+blob+` a\.GIT\x`), []string{`backslash a\.GIT\x`, `dot-git a\.GIT\x`}}
	return trees
}

// problems gives what CheckTree found as "KIND PATH".
func problems(err error) []string {
	var te *TreeError
	if !errors.As(err, &te) {
		return nil
	}
	var got []string
	for _, p := range te.Problems {
		got = append(got, p.Kind+" "+p.Path)
	}
	return got
}

func TestCheckTreeHostile(t *testing.T) {
	dir := newMonorepo(t)
	r := open(t, dir)
	for name, test := range hostile(t, dir) {
		t.Run(name, func(t *testing.T) {
			c := sh(t, dir, "commit-tree", "-m", "x", test.tree)
			fsys := at(t, r, c)
			if got := problems(fsys.Check()); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			// The file system stays one, whatever is in the tree.
			_ = fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
				if err != nil || !fs.ValidPath(p) {
					t.Errorf("%q: %v", p, err)
				}
				return nil
			})
		})
	}
}

func TestCheckTreeLinks(t *testing.T) {
	file := func(p string) TreeEntry { return TreeEntry{Path: p, Mode: ModeFile} }
	link := func(p, target string) TreeEntry {
		return TreeEntry{Path: p, Mode: ModeSymlink, Target: target, Size: int64(len(target))}
	}
	for name, test := range map[string]struct {
		entries []TreeEntry
		want    []string
	}{
		"plain":            {[]TreeEntry{file("a"), file("a.b/c"), file("a-b/.gitignore"), file(".gitmodules"), file(".github/x"), file("git"), file("x.git"), file("...")}, nil},
		"inside":           {[]TreeEntry{link("a/b/c", "../../x"), link("d", "a/../b"), link("dangling", "none")}, nil},
		"up":               {[]TreeEntry{link("a/b", "../../x")}, []string{"escaping-symlink a/b"}},
		"up and back":      {[]TreeEntry{link("b", "../mono/x")}, []string{"escaping-symlink b"}},
		"through another":  {[]TreeEntry{link("a/b/up", "../.."), link("c", "a/b/up/../x")}, []string{"escaping-symlink c"}},
		"not after all":    {[]TreeEntry{link("deep", "a/b/c"), link("x", "deep/../../../y")}, nil},
		"loop":             {[]TreeEntry{link("a", "b"), link("b", "a"), link("c", "c/c/c")}, nil},
		"windows":          {[]TreeEntry{link("a", `..\x`)}, []string{"escaping-symlink a"}},
		"windows absolute": {[]TreeEntry{link("a", `\\host\x`)}, []string{"absolute-symlink a"}},
		"too long":         {[]TreeEntry{{Path: "a", Mode: ModeSymlink, Size: 1 << 40}}, []string{"escaping-symlink a"}},
		"backslash":        {[]TreeEntry{file(`a\b`)}, []string{`backslash a\b`}},
		"empty name":       {[]TreeEntry{file("a//b"), file("")}, []string{"dot ", "dot a//b"}},
		"below a link":     {[]TreeEntry{link("a", "b"), file("a/x/y")}, []string{"symlink-parent a/x/y"}},
		"below a file":     {[]TreeEntry{file("a"), file("a/x/y")}, []string{"duplicate a/x/y"}},
	} {
		if got := problems(CheckTree(test.entries)); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	var many []TreeEntry
	for i := range 7 {
		many = append(many, file(fmt.Sprintf("%d/.git", i)))
	}
	if err := CheckTree(many); err == nil || !strings.Contains(err.Error(), "and 2 more\nhint: ") {
		t.Errorf("got %v", err)
	}
}

// A few nested trees that each name the next a hundred times unfold to more
// paths than any memory holds.
func TestTreeBombIsRefused(t *testing.T) {
	defer func(n int) { maxEntries = n }(maxEntries)
	maxEntries = 10_000
	dir := newMonorepo(t)
	id := sh(t, dir, "rev-parse", "HEAD:README.md")
	mode, kind := "100644", "blob"
	for range 5 {
		var b strings.Builder
		for i := range 100 {
			fmt.Fprintf(&b, "%s %s %s\t%d\n", mode, kind, id, i)
		}
		id = shIn(t, dir, b.String(), "mktree")
		mode, kind = "040000", "tree"
	}
	r := open(t, dir)
	_, err := r.At(t.Context(), resolve(t, r, sh(t, dir, "commit-tree", "-m", "x", id)))
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}

func FuzzEscapes(f *testing.F) {
	f.Add("a/b", "../x", "a", "..")
	f.Fuzz(func(t *testing.T, name, target, name2, target2 string) {
		entries := []TreeEntry{
			{Path: name, Mode: ModeSymlink, Target: target, Size: int64(len(target))},
			{Path: name2, Mode: ModeSymlink, Target: target2, Size: int64(len(target2))},
		}
		_ = CheckTree(entries)
	})
}
