package repo

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// catFile is a Reader that runs one git for each object.
type catFile struct {
	t   testing.TB
	dir string
}

func (c catFile) Walk(context.Context, Hash, func(CommitInfo) error) error {
	return errors.New("an edit of a tree walks no history")
}

func (c catFile) Close() error { return nil }

func (c catFile) Objects(ctx context.Context, ids []Hash, visit func(Object) error) error {
	r := open(c.t, c.dir)
	for _, id := range ids {
		kind, err := run(ctx, r.command(ctx, "cat-file", "-t", id.String()), nil)
		if err != nil {
			return &MissingObjectError{ID: id}
		}
		typ := strings.TrimSpace(string(kind))
		data, err := run(ctx, r.command(ctx, "cat-file", typ, id.String()), nil)
		if err != nil {
			return err
		}
		if err := visit(Object{ID: id, Type: typ, Data: data}); err != nil {
			return err
		}
	}
	return nil
}

func TestObjectsAreGits(t *testing.T) {
	dir := newMonorepo(t)
	head := sh(t, dir, "rev-parse", "HEAD")
	r := open(t, dir)
	c := resolve(t, r, "HEAD")
	for _, typ := range []string{"blob", "tree", "commit", "tag"} {
		rev := map[string]string{"blob": "HEAD:README.md", "tree": "HEAD^{tree}", "commit": "HEAD", "tag": "v1"}[typ]
		data, err := run(t.Context(), r.command(t.Context(), "cat-file", typ, rev), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := HashObject(typ, data); got.ID.String() != sh(t, dir, "rev-parse", rev) {
			t.Errorf("%s: %s", typ, got.ID)
		}
	}
	if got := CommitObject(c.Tree, c.Parents, c.Author, c.Committer, c.Message); got.ID.String() != head {
		t.Errorf("commit %s, want %s", got.ID, head)
	}
	if got, want := TagObject(c.ID, "v1", c.Committer, "a tag\n").ID.String(), sh(t, dir, "rev-parse", "v1"); got != want {
		t.Errorf("tag %s, want %s", got, want)
	}
	evil := Signature{Name: "a\nparent x", Email: "<b>\n", Zone: "+0000\nx"}.String()
	if evil != "aparent x <b> 0 +0000x" {
		t.Errorf("got %q", evil)
	}
}

// store writes objects to the repository, by git.
func store(t testing.TB, dir string, objs []Object) {
	t.Helper()
	for _, o := range objs {
		if got := shIn(t, dir, string(o.Data), "hash-object", "-t", o.Type, "-w", "--stdin"); got != o.ID.String() {
			t.Fatalf("object %s is %s to git", o.ID, got)
		}
	}
}

func TestEditTree(t *testing.T) {
	dir := newMonorepo(t)
	root := resolve(t, open(t, dir), "HEAD").Tree
	blob, err := ParseHash(shIn(t, dir, "new\n", "hash-object", "-w", "--stdin"))
	if err != nil {
		t.Fatal(err)
	}
	file := TreeEdit{Mode: ModeFile, Blob: blob}
	gone := TreeEdit{Delete: true}
	old := strings.Split(sh(t, dir, "ls-tree", "-r", "--format=%(objectmode) %(objectname) %(path)", "HEAD"), "\n")
	with := func(remove string, add ...string) []string {
		var want []string
		for _, l := range old {
			p := strings.Trim(strings.SplitN(l, " ", 3)[2], `"`) // some are quoted
			if remove == "" || p != remove && !strings.HasPrefix(p, remove+"/") {
				want = append(want, l)
			}
		}
		for _, p := range add {
			want = append(want, "100644 "+blob.String()+" "+p)
		}
		return want
	}
	for name, test := range map[string]struct {
		edits map[string]TreeEdit
		want  []string
		trees int // new tree objects
	}{
		"change":                {map[string]TreeEdit{"README.md": file}, with("README.md", "README.md"), 1},
		"add":                   {map[string]TreeEdit{"live/prod/z.tf": file}, with("", "live/prod/z.tf"), 3},
		"add in new directory":  {map[string]TreeEdit{"modules/a/b/c.tf": file}, with("", "modules/a/b/c.tf"), 4},
		"git's order":           {map[string]TreeEdit{"modules/vpc-x": file, "modules/vpc0": file, "modules/vpc.a/x": file}, with("", "modules/vpc-x", "modules/vpc0", "modules/vpc.a/x"), 3},
		"delete directory":      {map[string]TreeEdit{"modules/vpc": gone}, with("modules/vpc"), 2},
		"delete last file":      {map[string]TreeEdit{"modules": gone}, with("modules"), 1},
		"directory vanishes":    {map[string]TreeEdit{"live/prod": gone, "live/dir": gone}, with("live"), 1},
		"delete in deleted":     {map[string]TreeEdit{"modules": gone, "modules/vpc": gone, "modules/vpc/main.tf": gone, "modules/none/x": gone}, with("modules"), 1},
		"delete and add below":  {map[string]TreeEdit{"modules/vpc": gone, "modules/vpc/new.tf": file}, with("modules/vpc", "modules/vpc/new.tf"), 3},
		"file for directory":    {map[string]TreeEdit{"modules": file}, with("modules", "modules"), 1},
		"directory for file":    {map[string]TreeEdit{"README.md": gone, "README.md/x": file}, with("README.md", "README.md/x"), 2},
		"same again":            {map[string]TreeEdit{"live/dir": {Mode: ModeSymlink, Blob: hashObject("blob", []byte("prod"))}}, old, 0},
		"nothing":               {nil, old, 0},
		"all":                   {map[string]TreeEdit{"README.md": gone, "live": gone, "modules": gone, "dangling": gone, "sub": gone}, []string{""}, 1},
		"graft a whole subtree": {map[string]TreeEdit{"modules": {Mode: ModeTree, Blob: mustTree(t, dir, "HEAD:modules")}}, old, 0},
	} {
		t.Run(name, func(t *testing.T) {
			id, objs, err := EditTree(t.Context(), catFile{t, dir}, root, test.edits)
			if err != nil {
				t.Fatal(err)
			}
			store(t, dir, objs)
			got := strings.Split(sh(t, dir, "ls-tree", "-r", "--format=%(objectmode) %(objectname) %(path)", id.String()), "\n")
			slices.Sort(got)
			slices.Sort(test.want)
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			if len(objs) != test.trees {
				t.Errorf("%d new trees, want %d", len(objs), test.trees)
			}
			if name == "all" && (id != emptyTree || objs[0].ID != emptyTree) {
				t.Errorf("the empty root is %s, %v", id, objs)
			}
			// The order is git's: it builds the same tree from its index.
			index := filepath.Join(t.TempDir(), "index")
			t.Setenv("GIT_INDEX_FILE", index)
			sh(t, dir, "read-tree", id.String())
			if own := sh(t, dir, "write-tree", "--missing-ok"); own != id.String() {
				t.Errorf("git writes %s, we %s", own, id)
			}
		})
	}

	for name, test := range map[string]struct {
		edits map[string]TreeEdit
		says  string
	}{
		"delete nothing":   {map[string]TreeEdit{"modules/none": gone}, `"modules/none"`},
		"below a file":     {map[string]TreeEdit{"README.md/x": file}, `"README.md"`},
		"below a link":     {map[string]TreeEdit{"live/dir/x": file}, `"live/dir"`},
		"below a new file": {map[string]TreeEdit{"new": file, "new/x": file}, `"new"`},
		"dot dot":          {map[string]TreeEdit{"a/../b": file}, `"a/../b"`},
		"dot git":          {map[string]TreeEdit{"a/.GIT/hooks": file}, `.GIT`},
		"absolute":         {map[string]TreeEdit{"/a": file}, `"/a"`},
		"empty":            {map[string]TreeEdit{"": file}, `""`},
		"mode":             {map[string]TreeEdit{"a": {Mode: 0o777, Blob: blob}}, "777"},
	} {
		if _, _, err := EditTree(t.Context(), catFile{t, dir}, root, test.edits); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := EditTree(t.Context(), catFile{t, dir}, blob, map[string]TreeEdit{"a": file}); err == nil {
		t.Error("a blob was edited as a tree")
	}
	if _, _, err := EditTree(t.Context(), catFile{t, dir}, Hash{1}, map[string]TreeEdit{"a": file}); !errors.As(err, new(*MissingObjectError)) {
		t.Errorf("missing tree: %v", err)
	}
}

func mustTree(t testing.TB, dir, rev string) Hash {
	t.Helper()
	h, err := ParseHash(sh(t, dir, "rev-parse", rev))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Entries of old modes are as they were in a tree that is edited beside them.
func TestEditTreeKeepsOldModes(t *testing.T) {
	dir := newMonorepo(t)
	blob := sh(t, dir, "rev-parse", "HEAD:README.md")
	root := mustTree(t, dir, rawTree(t, dir, "100664 "+blob+" a", "100644 "+blob+" b"))
	id, objs, err := EditTree(t.Context(), catFile{t, dir}, root, map[string]TreeEdit{"b": {Delete: true}})
	if err != nil {
		t.Fatal(err)
	}
	want := rawTree(t, dir, "100664 "+blob+" a")
	if id.String() != want || len(objs) != 1 {
		t.Errorf("got %s, want %s", id, want)
	}
}

// Random edits give the tree that git's index gives for the same files.
func TestEditTreeAgainstTheIndex(t *testing.T) {
	dir := newMonorepo(t)
	blob := mustTree(t, dir, "HEAD:README.md")
	t.Setenv("GIT_INDEX_FILE", filepath.Join(t.TempDir(), "index"))
	rnd := rand.New(rand.NewSource(1))
	names := []string{"a", "a.b", "a-b", "a0", "b", "ab"}
	root := emptyTree
	files := map[string]bool{}
	for range 40 {
		edits := map[string]TreeEdit{}
		for range 3 {
			var p []string
			for range 1 + rnd.Intn(3) {
				p = append(p, names[rnd.Intn(len(names))])
			}
			name := strings.Join(p, "/")
			switch {
			case files[name]:
				edits[name] = TreeEdit{Delete: true}
			case !conflicts(files, edits, name):
				edits[name] = TreeEdit{Mode: ModeFile, Blob: blob}
			}
		}
		id, objs, err := EditTree(t.Context(), catFile{t, dir}, root, edits)
		if err != nil {
			t.Fatalf("%v: %v", edits, err)
		}
		store(t, dir, objs)
		for p, e := range edits {
			if e.Delete {
				delete(files, p)
			} else {
				files[p] = true
			}
		}
		var info strings.Builder
		for p := range files {
			fmt.Fprintf(&info, "100644 %s\t%s\n", blob, p)
		}
		_ = os.Remove(os.Getenv("GIT_INDEX_FILE"))
		shIn(t, dir, info.String(), "update-index", "--add", "--index-info")
		if want := sh(t, dir, "write-tree"); want != id.String() {
			t.Fatalf("after %v: got %s, git has %s", edits, id, want)
		}
		root = id
	}
}

// conflicts reports whether one of the files would be a directory.
func conflicts(files map[string]bool, edits map[string]TreeEdit, name string) bool {
	clash := func(other string) bool {
		return strings.HasPrefix(other+"/", name+"/") || strings.HasPrefix(name+"/", other+"/")
	}
	for f := range files {
		if clash(f) {
			return true
		}
	}
	for f := range edits {
		if clash(f) {
			return true
		}
	}
	return false
}
