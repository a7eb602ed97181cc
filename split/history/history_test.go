package history

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/repo"
)

// Each of these tips is what git subtree split makes of the same history; want
// is the drawing of it (see Split.show).
func TestSameAsSubtree(t *testing.T) {
	t.Parallel()
	c := func(name, parents, tree string) commitSpec {
		return commitSpec{name: name, parents: parents, files: files(tree)}
	}
	for _, tt := range []struct {
		name    string
		commits []commitSpec
		want    string
	}{
		{"linear", linear("m/a=1", "m/a=1 x=1", "m/a=2 x=1", "m/a=2 x=2", "m/a=2 m/b=1 x=2"), "c5 <c3, c3 <c1, c1"},
		{"appears late", linear("x=1", "x=2", "x=2 m/a=1", "x=3 m/a=1"), "c3"},
		{"goes back to what it was", linear("m/a=1", "m/a=2", "m/a=1"), "c3 <c2, c2 <c1, c1"},
		{"merge with both sides", []commitSpec{
			c("base", "", "m/a=1 m/b=1"), c("left", "base", "m/a=2 m/b=1"), c("right", "base", "m/a=1 m/b=2"), c("merge", "left right", "m/a=2 m/b=2"),
		}, "merge <left <right, right <base, left <base, base"},
		{"merge with one side", []commitSpec{
			c("base", "", "m/a=1 x=1"), c("left", "base", "m/a=2 x=1"), c("right", "base", "m/a=1 x=2"), c("merge", "left right", "m/a=2 x=2"),
		}, "left <base, base"},
		{"merge with the other side", []commitSpec{
			c("base", "", "m/a=1 x=1"), c("left", "base", "m/a=1 x=2"), c("right", "base", "m/a=2 x=1"), c("merge", "left right", "m/a=2 x=2"),
		}, "right <base, base"},
		{"merge with neither side", []commitSpec{
			c("base", "", "m/a=1 x=1"), c("left", "base", "m/a=1 x=2"), c("right", "base", "m/a=1 x=3"), c("merge", "left right", "m/a=1 x=4"),
		}, "base"},
		{"merge that takes ours", []commitSpec{
			c("base", "", "m/a=1"), c("left", "base", "m/a=2"), c("right", "base", "m/a=3"), c("merge", "left right", "m/a=2"),
		}, "merge <left <right, right <base, left <base, base"},
		{"two lines that came to the same", []commitSpec{
			c("base", "", "m/a=1 x=1"), c("left", "base", "m/a=2 x=2"), c("right", "base", "m/a=2 x=1"), c("merge", "left right", "m/a=2 x=2"),
		}, "merge <left <right, right <base, left <base, base"},
		{"evil merge", []commitSpec{
			c("base", "", "m/a=1 x=1"), c("left", "base", "m/a=1 x=2"), c("right", "base", "m/a=1 x=3"), c("merge", "left right", "m/a=9 x=4"),
		}, "merge <base, base"},
		{"evil merge of two sides", []commitSpec{
			c("base", "", "m/a=1"), c("left", "base", "m/a=2"), c("right", "base", "m/a=3"), c("merge", "left right", "m/a=4"),
		}, "merge <left <right, right <base, left <base, base"},
		{"octopus", []commitSpec{
			c("base", "", "m/a=1"), c("one", "base", "m/a=1 m/b=1"), c("two", "base", "m/a=1 m/c=1"), c("three", "base", "m/a=1 x=1"),
			c("merge", "one two three", "m/a=1 m/b=1 m/c=1 x=1"),
		}, "merge <one <two <base, two <base, one <base, base"},
		{"octopus of one line", []commitSpec{
			c("base", "", "m/a=1"), c("one", "base", "m/a=2"), c("two", "one", "m/a=3"), c("side", "base", "m/a=1 x=1"),
			c("merge", "two one side", "m/a=3 x=1"),
		}, "two <one, one <base, base"},
		{"octopus whose last brings something", []commitSpec{
			c("base", "", "m/a=1"), c("one", "base", "m/a=2"), c("two", "base", "m/a=1 x=1"), c("three", "base", "m/a=3"),
			c("merge", "one two three", "m/a=2 x=1"),
		}, "merge <one <base <three, three <base, one <base, base"},
		{"unrelated histories", []commitSpec{
			c("r1", "", "m/a=1"), c("r2", "", "m/b=1"), c("merge", "r1 r2", "m/a=1 m/b=1"), c("end", "merge", "m/a=2 m/b=1"),
		}, "end <merge, merge <r1 <r2, r2, r1"},
		{"unrelated history without the directory", []commitSpec{
			c("r1", "", "m/a=1"), c("r2", "", "x=1"), c("merge", "r1 r2", "m/a=1 x=1"), c("end", "merge", "m/a=2 x=1"),
		}, "end <r1, r1"},
		{"unrelated histories with one tree", []commitSpec{
			c("r1", "", "m/a=1 x=1"), c("r2", "", "m/a=1 x=2"), c("merge", "r1 r2", "m/a=1 x=3"), c("end", "merge", "m/a=2"),
		}, "end <merge, merge <r1 <r2, r2, r1"},
		{"added on both sides of a merge", []commitSpec{
			c("base", "", "x=1"), c("left", "base", "x=1 m/a=1"), c("right", "base", "x=1 m/a=2"), c("merge", "left right", "x=1 m/a=3"),
		}, "merge <left <right, right, left"},
		{"two that become one", []commitSpec{
			// They differ outside the directory only: in the split they are one
			// commit, and the merge of the two has one parent, so none.
			{name: "base", files: files("m/a=1")},
			{name: "left", parents: "base", files: files("m/a=2 x=1"), msg: "twin\n", time: 7},
			{name: "right", parents: "base", files: files("m/a=2 x=2"), msg: "twin\n", time: 7},
			{name: "merge", parents: "left right", files: files("m/a=2 x=3")},
			{name: "end", parents: "merge", files: files("m/a=3 x=3")},
		}, "end <twin, twin <base, base"},
		{"submodule inside", linear(
			"m/a=1", "m/a=1 m/sub=sub:1111111111111111111111111111111111111111", "m/a=1 m/sub=sub:2222222222222222222222222222222222222222"), "c3 <c2, c2 <c1, c1"},
		{"submodule first", linear("x=1 m=sub:1111111111111111111111111111111111111111", "x=1 m/a=1", "x=2 m/a=1"), "c2"},
		{"deep", linear("m/p/q/a=1", "m/p/q/a=1 m/p/r=1", "m/p/q/a=2"), "c3 <c2, c2 <c1, c1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.commits...)
			s := w.extract(Options{}, "m")[0]
			if got := s.show(); got != tt.want {
				t.Errorf("history\n got %s\nwant %s", got, tt.want)
			}
			want, err := w.subtree("m")
			if err != nil {
				t.Fatal(err)
			}
			if s.Tip != want {
				t.Errorf("tip %s, git subtree split says %s", s.Tip, want)
			}
			if tree := w.hash(w.git(nil, "rev-parse", w.tip.String()+":m")); s.Tree != tree {
				t.Errorf("tree %s, want %s", s.Tree, tree)
			}
			if s.Gaps != 0 || s.Followed != nil {
				t.Errorf("gaps %d, followed %v", s.Gaps, s.Followed)
			}
		})
	}
}

// A merge of three whose first parent's work git subtree loses.
func TestOctopusLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t,
		commitSpec{name: "base", files: files("m/a=1")},
		commitSpec{name: "lost", parents: "base", files: files("m/a=2")},
		commitSpec{name: "one", parents: "base", files: files("m/a=3")},
		commitSpec{name: "two", parents: "base", files: files("m/a=1 x=1")},
		commitSpec{name: "merge", parents: "lost one two", files: files("m/a=3 x=1")},
	)
	s := w.extract(Options{}, "m")[0]
	if got, want := s.show(), "merge <lost <one <base, one <base, lost <base, base"; got != want {
		t.Errorf("history\n got %s\nwant %s", got, want)
	}
	subtree, err := w.subtree("m")
	if err != nil {
		t.Fatal(err)
	}
	if out := w.git(nil, "log", "--format=%s", subtree.String()); strings.Contains(out, "lost") {
		t.Error("git subtree split keeps it now; the package doc says otherwise")
	}
}

func TestGap(t *testing.T) {
	t.Parallel()
	c := func(name, parents, tree string) commitSpec {
		return commitSpec{name: name, parents: parents, files: files(tree)}
	}
	for _, tt := range []struct {
		name    string
		commits []commitSpec
		want    string
		gaps    int
		exact   bool // git filter-repo makes the same commits, not only the same trees
	}{
		{"linear", linear("x=1", "x=1 m/a=1", "x=2", "x=3", "x=3 m/a=2", "x=4 m/a=2"), "c5 <c3*, c3* <c2, c2", 1, true},
		{"twice", linear("m/a=1", "x=1", "m/a=2", "x=2", "m/a=2"), "c5 <c4*, c4* <c3, c3 <c2*, c2* <c1, c1", 2, true},
		{"gone at the tip", linear("m/a=1", "m/a=2", "x=1", "x=2"), "c3* <c2, c2 <c1, c1", 1, true},
		{"a file in between", linear("m/a=1", "m=file", "m/a=2"), "c3 <c2*, c2* <c1, c1", 1, true},
		{"a link in between", linear("m/a=1 n/b=1", "m=link:n n/b=1", "m/a=2 n/b=1"), "c3 <c2*, c2* <c1, c1", 1, true},
		{"a submodule in between", linear("m/a=1", "m=sub:1111111111111111111111111111111111111111", "m/a=2"), "c3 <c2*, c2* <c1, c1", 1, true},
		{"on a branch, dropped by the merge", []commitSpec{
			c("base", "", "m/a=1 x=1"), c("left", "base", "m/a=2 x=1"), c("right", "base", "x=1"), c("merge", "left right", "m/a=2 x=1"),
		}, "merge <left <right*, right* <base, left <base, base", 1, false},
		{"on a branch, taken by the merge", []commitSpec{
			c("base", "", "m/a=1 x=1"), c("left", "base", "m/a=2 x=1"), c("right", "base", "x=1"), c("merge", "left right", "x=1"), c("end", "merge", "m/a=5"),
		}, "end <merge*, merge* <left <right*, right* <base, left <base, base", 2, false},
		{"by an evil merge", []commitSpec{
			c("base", "", "m/a=1 x=1"), c("left", "base", "m/a=1 x=2"), c("right", "base", "m/a=1 x=3"), c("merge", "left right", "x=4"), c("end", "merge", "m/a=1"),
		}, "end <merge*, merge* <base, base", 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.commits...)
			s := w.extract(Options{}, "m")[0]
			if got := s.show(); got != tt.want {
				t.Errorf("history\n got %s\nwant %s", got, tt.want)
			}
			if s.Gaps != tt.gaps {
				t.Errorf("%d gaps, want %d", s.Gaps, tt.gaps)
			}
			if s.New[0].ID != emptyTreeID || s.New[0].Type != "tree" {
				t.Error("New does not begin with the empty tree")
			}
			fr, ok := w.filterRepo(only("m")[0])
			if !ok {
				t.Fatal("git filter-repo leaves nothing")
			}
			if tt.exact && fr.tip != s.Tip {
				t.Errorf("tip %s, git filter-repo says %s", s.Tip, fr.tip)
			}
			if got, want := s.trees(), fr.trees(); !slices.Equal(got, want) {
				t.Errorf("trees\n got %v\nwant %v", got, want)
			}
			for _, p := range s.Map {
				if _, err := w.tryGit(nil, "cat-file", "-e", p.New.String()); err == nil {
					t.Errorf("%s is a commit of the monorepo", p.New)
				}
			}
		})
	}
}

// A path that was a file in old commits stops git subtree; filter-repo takes it.
func TestFileBecomesDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, linear("m=file x=1", "m=file x=2", "m/a=1 x=2", "m/a=2 x=2")...)
	s := w.extract(Options{}, "m")[0]
	if got, want := s.show(), "c4 <c3, c3"; got != want {
		t.Errorf("history %s, want %s", got, want)
	}
	if fr, ok := w.filterRepo(only("m")[0]); !ok || fr.tip != s.Tip {
		t.Errorf("tip %s, git filter-repo says %s", s.Tip, fr.tip)
	}
	if _, err := w.subtree("m"); err == nil {
		t.Error("git subtree split takes it now; the package doc says otherwise")
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	names := []string{
		"with space", `quo"te`, "apo'strophe", "üñï/çødé", "new\nline", "-dash", "--upload-pack=x", `back\slash`,
		"$(touch x)", "*", "[a]", ":(top)", "tab\there", "\xff\xfe", "a//b", "HEAD", "~", "^",
	}
	var commits []commitSpec
	for i := range 3 {
		c := commitSpec{name: fmt.Sprintf("c%d", i), files: map[string]string{"other": fmt.Sprint(i)}}
		if i > 0 {
			c.parents = fmt.Sprintf("c%d", i-1)
		}
		for k, n := range names {
			// Each has a history of its own.
			c.files[strings.ReplaceAll(n, "//", "/")+"/f"] = fmt.Sprint(i, k)
		}
		commits = append(commits, c)
	}
	w := newWorld(t, commits...)
	clean := slices.Clone(names)
	clean[slices.Index(clean, "a//b")] = "a/b"
	splits := w.extract(Options{}, clean...)
	for _, s := range splits {
		if got, want := s.show(), "c2 <c1, c1 <c0, c0"; got != want {
			t.Errorf("%q: history %s, want %s", s.Filter.Root, got, want)
		}
		if strings.Contains(s.Filter.Root, ":") {
			continue // git filter-repo does not take it
		}
		if fr, ok := w.filterRepo(s.Filter); !ok {
			t.Errorf("%q: git filter-repo leaves nothing", s.Filter.Root)
		} else if fr.tip != s.Tip {
			t.Errorf("%q: tip %s, git filter-repo says %s", s.Filter.Root, s.Tip, fr.tip)
		}
	}
	if s := w.mustOne("a//b/"); s.Filter.Root != "a/b" || s.Tip != splits[slices.Index(clean, "a/b")].Tip {
		t.Errorf("a//b/ is %q %s", s.Filter.Root, s.Tip)
	}
	for _, p := range []string{"", "/", "/etc", "..", "../x", "a/../../x", "nul\x00"} {
		if _, err := w.tryExtract(Options{}, only(p)...); err == nil {
			t.Errorf("%q is taken for a path", p)
		}
	}
	if s := w.mustOne("never/there"); !s.Tip.IsZero() || !s.Tree.IsZero() || s.Commits != 0 || s.New != nil || s.Map != nil {
		t.Errorf("a path that never was: %+v", s)
	}
}

func (w *world) mustOne(path string) Split {
	w.t.Helper()
	s, err := w.tryExtract(Options{}, only(path)...)
	if err != nil {
		w.t.Fatal(err)
	}
	return s[0]
}

// The bytes of commits: what stays, and what is dropped.
func TestCommitBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, linear("m/a=1 x=1", "m/a=2 x=1", "m/a=3 x=1")...)
	tree := func(n string) string {
		return strings.TrimSpace(w.git(nil, "rev-parse", w.ids[n].String()+"^{tree}"))
	}
	sub := func(n string) string {
		return strings.TrimSpace(w.git(nil, "rev-parse", w.ids[n].String()+":m"))
	}
	const sig = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQEzBAABCAAdFiEE\n author nobody <n@example.com> 1 +0000\n -----END PGP SIGNATURE-----\n"
	const plain = "author A <a@example.com> 1500000000 +0000\ncommitter C <c@example.com> 1500000000 +0000\n"
	for _, tt := range []struct {
		name    string
		head    string // after tree and parents
		msg     string // with the blank line
		want    string // the head that stays; head where it is empty
		subtree bool   // git subtree makes the same
	}{
		{"plain", plain, "\nsubject\n\nbody\n", "", true},
		{"signed", plain + sig, "\nsubject\n", plain, true},
		{"signed with sha256", plain + strings.Replace(sig, "gpgsig", "gpgsig-sha256", 1), "\nsubject\n", plain, true},
		{"signed, then encoding", plain + "encoding ISO-8859-1\n" + sig, "\ncaf\xe9\n", plain + "encoding ISO-8859-1\n", false},
		{"mergetag", plain + "mergetag object 1111111111111111111111111111111111111111\n type commit\n tag v1\n tagger T <t@example.com> 1 +0000\n \n message\n", "\nsubject\n", plain, true},
		{"unknown header", plain + "HG:extra branch:x\nx-note y\n", "\nsubject\n", plain, true},
		{"no newline at the end", plain, "\nsubject", "", true},
		{"many newlines at the end", plain, "\nsubject\n\n\n\n", "", true},
		{"newlines at the start", plain, "\n\n\nsubject\n", "", true},
		{"trailing blanks, CRLF", plain, "\nsubject  \r\n\r\n body\t\r\n", "", true},
		{"comment lines", plain, "\n# not a comment\n\nauthor X <x@example.com> 1 +0000\n", "", true},
		{"empty message", plain, "\n", "", true},
		{"no message at all", plain, "", "", false},
		{"odd zones", "author A <a@example.com> 1500000000 +1245\ncommitter C <c@example.com> 1500000000 -0930\n", "\ns\n", "", true},
		{"zone -0000", "author A <a@example.com> 1500000000 -0000\ncommitter C <c@example.com> 1500000000 +0000\n", "\ns\n", "", false},
		{"a zone that is none", "author A <a@example.com> 1500000000 +051800\ncommitter C <c@example.com> 1500000000 +0000\n", "\ns\n", "", false},
		{"names that commit-tree cleans", "author  A. U. <a@example.com> 1500000000 +0000\ncommitter \"C\\n\" <c@example.com> 1500000000 +0000\n", "\ns\n", "", false},
		{"no name", "author  <a@example.com> 1500000000 +0000\ncommitter C <> 1500000000 +0000\n", "\ns\n", "", false},
		{"names in UTF-8", "author Ærøskøbing <a@example.com> 1500000000 +0000\ncommitter 名 <c@example.com> 1500000000 +0000\n", "\nünï\n", "", true},
		{"bytes that are no UTF-8", plain, "\ncaf\xe9\n", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{t: t, dir: w.dir}
			// A second commit shows that the chain of ids goes through the first.
			first := w.rawCommit("tree " + tree("c1") + "\n" + tt.head + tt.msg)
			w.tip = w.rawCommit("tree " + tree("c2") + "\nparent " + first.String() + "\n" + tt.head + tt.msg)
			s := w.extract(Options{}, "m")[0]
			want := tt.want
			if want == "" {
				want = tt.head
			}
			data1 := "tree " + sub("c1") + "\n" + want + tt.msg
			id1 := objectID("commit", []byte(data1))
			data2 := "tree " + sub("c2") + "\nparent " + id1.String() + "\n" + want + tt.msg
			if len(s.New) != 2 || string(s.New[0].Data) != data1 || string(s.New[1].Data) != data2 {
				t.Errorf("new commits\n got %q\nwant %q\n and %q", s.New, data1, data2)
			}
			if !reflect.DeepEqual(s.Map, []Pair{{first, id1}, {w.tip, s.Tip}}) {
				t.Errorf("map %v", s.Map)
			}
			id, err := w.subtree("m")
			if same := err == nil && id == s.Tip; same != tt.subtree {
				t.Errorf("git subtree split makes the same: %v, want %v (%s, %v)", same, tt.subtree, id, err)
			}
		})
	}
	t.Run("damaged", func(t *testing.T) {
		w := &world{t: t, dir: w.dir}
		w.tip = w.rawCommit("tree " + tree("c1") + "\n" + plain + "cut off")
		if s, err := w.tryExtract(Options{}, only("m")...); err == nil || !strings.Contains(err.Error(), w.tip.String()) {
			t.Errorf("got %v, %v", s, err)
		}
	})
}

// The whole repository: with no signature every id stays.
func TestRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t,
		commitSpec{name: "base", files: files("m/a=1 x=1")},
		commitSpec{name: "empty", parents: "base", files: files("m/a=1 x=1")},
		commitSpec{name: "left", parents: "empty", files: files("m/a=1 x=2")},
		commitSpec{name: "right", parents: "base", files: files("m/a=1 x=1")},
		commitSpec{name: "merge", parents: "left right", files: files("m/a=1 x=2")},
	)
	s := w.extract(Options{}, ".", "m")
	if s[0].Tip != w.tip || s[0].Commits != 5 {
		t.Errorf("tip %s of %d commits, want %s of 5: %s", s[0].Tip, s[0].Commits, w.tip, s[0].show())
	}
	if got := s[1].show(); got != "base" {
		t.Errorf("beside the root, m is %s", got)
	}
	tree := strings.TrimSpace(w.git(nil, "rev-parse", w.tip.String()+"^{tree}"))
	const who = "author A <a@example.com> 1500000000 +0000\ncommitter A <a@example.com> 1500000000 +0000\n"
	w.tip = w.rawCommit("tree " + tree + "\nparent " + w.tip.String() + "\n" + who + "gpgsig x\n y\n\nsigned\n")
	s = w.extract(Options{}, ".")
	if s[0].Tip == w.tip || s[0].Commits != 6 || header(s[0].commits()[s[0].Tip], "gpgsig") != nil {
		t.Errorf("signed: tip %s of %d commits", s[0].Tip, s[0].Commits)
	}
}

// Neither the number nor the order of paths matters; one may be in another.
func TestPathsDoNotMeet(t *testing.T) {
	t.Parallel()
	w := randomWorld(t, 7, randomOptions{commits: 60, gaps: true, octopus: true})
	for _, follow := range []bool{false, true} {
		o := Options{Follow: follow}
		paths := []string{"m", "m/a", "m/a/deep", "m/b", "n", "n/a", ".", "nowhere"}
		all := w.extract(o, paths...)
		again := w.extract(o, paths...)
		if !reflect.DeepEqual(all, again) {
			t.Error("two runs differ")
		}
		slices.Reverse(paths)
		reversed := w.extract(o, paths...)
		slices.Reverse(reversed)
		if !reflect.DeepEqual(all, reversed) {
			t.Error("the order of paths matters")
		}
		for _, s := range all {
			if one := w.extract(o, s.Filter.Root)[0]; !reflect.DeepEqual(one, s) {
				t.Errorf("%s: alone it is\n%s\nwith others\n%s", s.Filter.Root, one.show(), s.show())
			}
		}
		if twice := w.extract(o, "m", "m"); !reflect.DeepEqual(twice[0], twice[1]) {
			t.Error("the same path twice gives two results")
		}
	}
	if s := w.extract(Options{}); len(s) != 0 {
		t.Errorf("no paths give %v", s)
	}
}

func TestMissingTree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, linear("m/a=1 x=1", "m/a=2 x=1")...)
	p := &world{t: t, dir: t.TempDir()}
	w.git(nil, "config", "uploadpack.allowFilter", "true")
	p.git(nil, "clone", "-q", "--no-checkout", "--filter=tree:0", "--template=", "file://"+w.dir, ".")
	p.tip = w.tip
	var missing *repo.MissingObjectError
	if _, err := p.tryExtract(Options{}, only("m")...); !errors.As(err, &missing) {
		t.Errorf("in a clone with no trees: %v", err)
	}
	w.tip = repo.Hash{1}
	if _, err := w.tryExtract(Options{}, only("m")...); err == nil {
		t.Error("a tip that is not there is no error")
	}
}

func TestProgressAndCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, linear("m/a=1 x=1", "m/a=2 x=1", "m/a=2 x=2")...)
	last, calls := 0, 0
	w.extract(Options{Progress: func(done, total int) {
		calls++
		if done < last || done > total {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
		if done == total {
			last = -1
		}
	}}, "m")
	if calls == 0 || last != -1 {
		t.Errorf("progress was called %d times and ended at %d", calls, last)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, err := repo.Open(ctx, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	rd, err := r.Reader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	cancel()
	if _, err := Extract(ctx, rd, w.tip, only("m"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}

func TestPeersAreHere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"subtree", "filter-repo"} {
		if err := exec.Command("git", name, "-h").Run(); err != nil {
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() == 1 {
				t.Errorf("these tests hold the engine against git %s, which is not installed: %v", name, err)
			}
		}
	}
}
