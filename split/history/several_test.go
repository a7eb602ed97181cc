package history

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/repo"
)

// Filters of several paths hold what git filter-repo lets through, and where
// nothing merges they are its very commits.
func TestSeveral(t *testing.T) {
	t.Parallel()
	c := func(name, parents, tree string) commitSpec {
		return commitSpec{name: name, parents: parents, files: files(tree)}
	}
	const sub = "sub:1111111111111111111111111111111111111111"
	for _, tt := range []struct {
		name    string
		filter  Filter
		commits []commitSpec
		want    string
		gaps    int
		exact   bool
	}{
		{"a module and a file beside it", Filter{"m", []string{"m/a", "m/t.tpl"}},
			linear("m/a/x=1 m/t.tpl=1 m/b/x=1", "m/a/x=1 m/t.tpl=1 m/b/x=2", "m/a/x=1 m/t.tpl=2 m/b/x=2", "m/a/x=3 m/t.tpl=2"),
			"c4 <c3, c3 <c1, c1", 0, true},
		{"an environment with its full paths", Filter{".", []string{"live/prod", "shared/providers.tf"}},
			linear("live/prod/a=1 live/qa/a=1 shared/providers.tf=1 shared/x=1", "live/prod/a=1 live/qa/a=2 shared/providers.tf=1 shared/x=2", "live/prod/a=2 live/qa/a=2 shared/providers.tf=1"),
			"c3 <c1, c1", 0, true},
		{"one path below the root", Filter{"m", []string{"m/p/q"}},
			linear("m/p/q/x=1 m/y=1", "m/p/q/x=1 m/y=2", "m/p/q/x=2 m/y=2"), "c3 <c1, c1", 0, true},
		{"one file", Filter{"m", []string{"m/x"}}, linear("m/x=1 m/y=1", "m/x=1 m/y=2", "m/x=2"), "c3 <c1, c1", 0, true},
		{"a file becomes a directory and a file again", Filter{"m", []string{"m/a", "m/b"}},
			linear("m/a=1 m/b/x=1", "m/a/x=1 m/b/x=1", "m/a/x=2 m/b=2", "m/a=2 m/b=2"), "c4 <c3, c3 <c2, c2 <c1, c1", 0, true},
		{"the directory above is a file for a while", Filter{"m", []string{"m/a/b", "m/c"}},
			linear("m/a/b/x=1 m/c=1", "m/a=1 m/c=1", "m/a/b/x=1 m/c=1"), "c3 <c2, c2 <c1, c1", 0, true},
		{"the root is a file for a while", Filter{"m", []string{"m/a", "m/b"}},
			linear("m/a/x=1 m/b/x=1", "m=1", "m/a/x=1 m/b/x=1"), "c3 <c2*, c2* <c1, c1", 1, true},
		{"links and submodules", Filter{".", []string{"l", "p/s", "x"}},
			linear("l=link:x p/s="+sub+" x=1 y=1", "l=link:y p/s="+sub+" x=1 y=1", "l=link:y p/s/f=1 x=1"), "c3 <c2, c2 <c1, c1", 0, true},
		{"how git sorts", Filter{".", []string{"m-a", "m.b", "m", "m0"}},
			linear("m/x=1 m-a/x=1 m.b=1 m0=1 z=1", "m=1 m-a=1 m.b/x=1 m0/x=1", "m/x=1 m-a/x=1 m.b/x=1 m0/x=1"), "c3 <c2, c2 <c1, c1", 0, true},
		{"an empty directory is none", Filter{"m", []string{"m/b", "m/p/a"}},
			linear("m/p/a=1 m/b=1", "m/p/z=1 m/b=1", "m/p/z=2 m/b=1"), "c2 <c1, c1", 0, true},
		{"one comes, the other goes", Filter{"m", []string{"m/a", "m/b"}},
			linear("m/a/x=1", "m/b/x=1", "z=1", "m/a/x=1"), "c4 <c3*, c3* <c2, c2 <c1, c1", 1, true},
		{"what is moved within", Filter{"m", []string{"m/a", "m/b"}},
			linear("m/a/x=1 m/b/y=1", "m/b/x=1 m/b/y=1"), "c2 <c1, c1", 0, true},
		{"odd names", Filter{"m m", []string{"m m/-a", "m m/ü"}},
			[]commitSpec{{name: "c1", files: map[string]string{"m m/-a/x": "1", "m m/ü": "2"}}, {name: "c2", parents: "c1", files: map[string]string{"m m/-a/x": "1", "m m/ü": "3", "n": "1"}}},
			"c2 <c1, c1", 0, true},
		{"merge of both sides", Filter{"m", []string{"m/a", "m/b"}}, []commitSpec{
			c("base", "", "m/a/x=1 m/b/x=1"), c("left", "base", "m/a/x=2 m/b/x=1"), c("right", "base", "m/a/x=1 m/b/x=2"), c("merge", "left right", "m/a/x=2 m/b/x=2"),
		}, "merge <left <right, right <base, left <base, base", 0, false},
		{"merge of one side", Filter{"m", []string{"m/a", "m/b"}}, []commitSpec{
			c("base", "", "m/a/x=1 m/b/x=1"), c("left", "base", "m/a/x=2 m/b/x=1"), c("right", "base", "m/a/x=1 m/b/x=1 m/c/x=2"), c("merge", "left right", "m/a/x=2 m/b/x=1 m/c/x=2"),
		}, "left <base, base", 0, false},
		{"each path from a root of its own", Filter{"m", []string{"m/a", "m/b"}}, []commitSpec{
			c("r1", "", "m/a/x=1"), c("r2", "", "m/b/x=1"), c("merge", "r1 r2", "m/a/x=1 m/b/x=1"),
		}, "merge <r1 <r2, r2, r1", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.commits...)
			s := w.filter(Options{}, tt.filter)[0]
			if got := s.show(); got != tt.want {
				t.Errorf("history\n got %s\nwant %s", got, tt.want)
			}
			if s.Gaps != tt.gaps {
				t.Errorf("%d gaps, want %d", s.Gaps, tt.gaps)
			}
			if got, want := s.trees(), w.everHeld(tt.filter); !slices.Equal(got, want) {
				t.Errorf("trees\n got %v\nwant %v", got, want)
			}
			fr, ok := w.filterRepo(tt.filter)
			if !ok {
				t.Fatal("git filter-repo leaves nothing")
			}
			if got, want := s.trees(), fr.trees(); !slices.Equal(got, want) {
				t.Errorf("trees\n got %v\nwhile git filter-repo has %v", got, want)
			}
			if tt.exact && fr.tip != s.Tip {
				t.Errorf("tip %s, git filter-repo says %s", s.Tip, fr.tip)
			}
		})
	}
}

func TestCleanFilter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want Filter }{
		{Filter{"m/", []string{"m//b/", "m/a", "m/a/x", "m/a-b", "m/./b"}}, Filter{"m", []string{"m/a-b", "m/a", "m/b"}}},
		{Filter{"m", []string{"m/a", "m"}}, Filter{"m", []string{"m"}}},
		{Filter{".", []string{"-x", "."}}, Filter{".", []string{"."}}},
		{Filter{".", []string{"m", "m/a"}}, Filter{".", []string{"m"}}},
	} {
		if got, err := cleanFilter(tt.in); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q is %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
	for _, f := range []Filter{
		{"m", nil}, {"", []string{"m"}}, {"m", []string{""}}, {"m", []string{"n"}}, {"m", []string{"m/../n"}}, {"m", []string{"ma"}}, {"m", []string{"."}}, {".", []string{"../x"}},
	} {
		if got, err := cleanFilter(f); err == nil {
			t.Errorf("%q is taken for a filter, %q", f, got)
		}
	}
}

// A filter of the root alone is the same however it is written, and neither the
// number nor the order of filters matters.
func TestFiltersDoNotMeet(t *testing.T) {
	t.Parallel()
	w := randomWorld(t, 11, randomOptions{commits: 60, gaps: true, octopus: true, files: true})
	filters := append(only("m", "m/a", "."), randomFilters(1)...)
	filters = append(filters, randomFilters(2)...)
	filters = append(filters, Filter{"m", []string{"m/none"}})
	for _, o := range []Options{{}, {Follow: true}, {Follow: true, FollowRoot: true}} {
		all := w.filter(o, filters...)
		slices.Reverse(filters)
		reversed := w.filter(o, filters...)
		slices.Reverse(filters)
		slices.Reverse(reversed)
		if !reflect.DeepEqual(all, reversed) {
			t.Error("the order of filters matters")
		}
		for i, s := range all {
			if one := w.filter(o, filters[i])[0]; !reflect.DeepEqual(one, s) {
				t.Errorf("%q: alone it is\n%s\nwith others\n%s", s.Filter, one.show(), s.show())
			}
		}
	}
	s, err := w.tryExtract(Options{}, Filter{"m", []string{"m/a", "m"}}, Filter{"m", []string{"m"}})
	if err != nil || !reflect.DeepEqual(s[0], s[1]) {
		t.Errorf("the root beside a path below it is not the root: %v", err)
	}
}

// What is written of several paths is whole, and holds nothing else.
func TestSeveralWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, linear(
		"m/a/x=1 m/p/q/t=1 m/secret=1", "m/a/x=2 m/p/q/t=1 m/secret=2", "m/secret=3", "m/a/x=2 m/p/q/t=3 m/p/secret=4",
	)...)
	s := w.filter(Options{}, Filter{"m", []string{"m/a", "m/p/q/t"}})[0]
	if got, want := s.show(), "c4 <c3*, c3* <c2, c2 <c1, c1"; got != want {
		t.Fatalf("history %s, want %s", got, want)
	}
	have := map[repo.Hash]bool{}
	for _, o := range s.New {
		if o.Type == "tree" {
			eachIn(t, o.Data, func(e treeEntry) {
				if e.mode == treeMode && (string(e.name) == "p" || string(e.name) == "q") && !have[e.id()] {
					t.Errorf("tree %s comes before %s, which it refers to", o.ID, e.id())
				}
			})
		} else if !have[treeOf(o.Data)] {
			t.Errorf("commit %s comes before its tree", o.ID)
		}
		have[o.ID] = true
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
	if got, want := out.git(nil, "ls-tree", "-r", "--name-only", "main"), "a/x\np/q/t\n"; got != want {
		t.Errorf("the tip holds %q, want %q", got, want)
	}
	all := strings.Fields(out.git(nil, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"))
	// 4 commits; 3 roots, two of a, two each of p and q, the empty tree; blobs 1, 2, 3.
	if len(all) != 4+3+2+4+1+3 {
		t.Errorf("%d objects: %v", len(all), all)
	}
}

func eachIn(t *testing.T, tree []byte, visit func(treeEntry)) {
	t.Helper()
	for len(tree) > 0 {
		e, rest, err := cutEntry(tree)
		if err != nil {
			t.Fatal(err)
		}
		visit(e)
		tree = rest
	}
}

func TestSeveralFollow(t *testing.T) {
	t.Parallel()
	c := func(name, parents, tree string) commitSpec {
		return commitSpec{name: name, parents: parents, files: files(tree)}
	}
	ab := Filter{"m", []string{"m/a", "m/b"}}
	for _, tt := range []struct {
		name     string
		filter   Filter
		commits  []commitSpec
		want     string
		followed string
		first    string // what the oldest commit holds
	}{
		{"one of two", ab, linear("old/x=1 m/b/y=1", "old/x=2 m/b/y=1", "m/a/x=2 m/b/y=1", "m/a/x=3 m/b/y=1"),
			"c4 <c2, c2 <c1, c1", "old>m/a@c3", "a/x=1 b/y=1"},
		{"both at once", ab, linear("p/a/x=1 p/b/y=1", "p/a/x=2 p/b/y=1", "m/a/x=2 m/b/y=1"),
			"c2 <c1, c1", "p/a>m/a@c3, p/b>m/b@c3", "a/x=1 b/y=1"},
		{"one after the other", ab, linear("p/x=1 q/y=1", "p/x=2 q/y=1", "m/a/x=2 q/y=1", "m/a/x=2 q/y=2", "m/a/x=2 m/b/y=2", "m/a/x=3 m/b/y=2"),
			"c6 <c4, c4 <c2, c2 <c1, c1", "q>m/b@c5, p>m/a@c3", "a/x=1 b/y=1"},
		{"twice", ab, linear("one/x=1 m/b/y=1", "two/x=1 m/b/y=1", "two/x=2 m/b/y=1", "m/a/x=2 m/b/y=1"),
			"c3 <c1, c1", "two>m/a@c4, one>two@c2", "a/x=1 b/y=1"},
		{"before the other was there", ab, linear("old/x=1", "m/a/x=1", "m/a/x=1 m/b/y=1"),
			"c3 <c1, c1", "old>m/a@c2", "a/x=1"},
		{"from one to the other", ab, linear("m/a/x=1", "m/b/x=1", "m/b/x=2"),
			"c3 <c2, c2 <c1, c1", "", "a/x=1"},
		{"what takes the old name later does not get in", ab, linear("old/x=1 m/b/y=1", "m/a/x=1 m/b/y=1", "old/x=secret m/b/y=1", "old/x=secret m/b/y=2"),
			"c4 <c3, c3 <c1, c1", "old>m/a@c2", "a/x=1 b/y=1"},
		{"on two branches from two places", ab, []commitSpec{
			c("base", "", "p/x=1 q/z=1 m/b/y=1"), c("left", "base", "m/a/x=1 q/z=1 m/b/y=1"), c("right", "base", "p/x=1 m/a/z=1 m/b/y=1"),
			c("merge", "left right", "m/a/x=1 m/a/z=1 m/b/y=1"),
		}, "merge <left <base, left <base, base", "q>m/a@right, p>m/a@left", "a/z=1 b/y=1"},
		{"a file that moved", Filter{"m", []string{"m/a", "m/t"}}, linear("old/t=1 m/a/x=1", "m/t=1 m/a/x=1"),
			"c2 <c1, c1", "", "a/x=1"},
		{"a copy", ab, linear("old/x=1 m/b/y=1", "old/x=1 m/a/x=1 m/b/y=1"), "c2 <c1, c1", "", "b/y=1"},
		{"on a branch", ab, []commitSpec{
			c("base", "", "old/x=1 m/b/y=1 z=1"), c("left", "base", "m/a/x=1 m/b/y=1 z=1"), c("left2", "left", "m/a/x=2 m/b/y=1 z=1"),
			c("right", "base", "old/x=1 m/b/y=1 z=2"), c("merge", "left2 right", "m/a/x=2 m/b/y=1 z=2"),
		}, "left2 <base, base", "old>m/a@left", "a/x=1 b/y=1"},
		{"full paths stay", Filter{".", []string{"live/prod", "shared"}}, linear("live/production/x=1 shared/y=1", "live/prod/x=1 shared/y=1"),
			"c2 <c1, c1", "", "shared/y=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.commits...)
			s := w.filter(Options{Follow: true}, tt.filter)[0]
			names := map[string]string{}
			for name, id := range w.ids {
				names[id.String()] = name
			}
			var followed []string
			for _, r := range s.Followed {
				followed = append(followed, fmt.Sprintf("%s>%s@%s", r.From, r.To, names[r.Commit.String()]))
			}
			if got := strings.Join(followed, ", "); got != tt.followed {
				t.Errorf("followed %q, want %q", got, tt.followed)
			}
			if got := s.show(); got != tt.want {
				t.Errorf("history\n got %s\nwant %s", got, tt.want)
			}
			for _, o := range s.New {
				if o.Type == "commit" {
					if got, want := treeOf(o.Data), treeID(files(tt.first)); got != want {
						t.Errorf("the oldest commit has the tree %s, want %s", got, want)
					}
					break
				}
			}
			off := w.filter(Options{}, tt.filter)[0]
			if off.Followed != nil || s.Tree != off.Tree {
				t.Errorf("off: followed %v, tree %s, want %s", off.Followed, off.Tree, s.Tree)
			}
			if len(s.Followed) == 0 && !reflect.DeepEqual(s, off) {
				t.Error("nothing was followed, but the result is another")
			}
		})
	}
	t.Run("full paths, asked for", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, linear("live/production/x=1 shared/y=1", "live/production/x=2 shared/y=1", "live/prod/x=2 shared/y=1")...)
		f := Filter{".", []string{"live/prod", "shared"}}
		s := w.filter(Options{Follow: true, FollowRoot: true}, f)[0]
		if got, want := s.show(), "c2 <c1, c1"; got != want || len(s.Followed) != 1 {
			t.Errorf("history %s, want %s; followed %v", got, want, s.Followed)
		}
	})
}

// What tags and branches of the monorepo stand for.
func TestAt(t *testing.T) {
	t.Parallel()
	c := func(name, parents, tree string) commitSpec {
		return commitSpec{name: name, parents: parents, files: files(tree)}
	}
	w := newWorld(t,
		c("before", "", "z=1"), c("one", "before", "old/x=1 z=1"), c("same", "one", "old/x=1 z=2"), c("two", "same", "old/x=2 z=2"),
		c("renamed", "two", "m/x=2 z=2"), c("three", "renamed", "m/x=3 n/y=1 z=2"), c("gone", "three", "n/y=1 z=2"), c("back", "gone", "m/x=3 n/y=1 z=3"),
		c("side", "three", "m/x=3 n/y=1 z=9"), c("side2", "side", "m/x=4 n/y=1 z=9"), c("merge", "back side", "m/x=3 n/y=1 z=9"),
	)
	var at []repo.Hash
	for _, c := range w.commits {
		at = append(at, w.ids[c.name])
	}
	for _, tt := range []struct {
		o      Options
		filter Filter
		want   map[string]string // by commit, the subject of what stands for it; "" where nothing does
	}{
		{Options{At: at, Follow: true}, only("m")[0], map[string]string{
			"before": "", "one": "one", "same": "one", "two": "two", "renamed": "two", "three": "three", "gone": "", "back": "back", "side": "three", "merge": "back",
		}},
		{Options{At: at}, only("m")[0], map[string]string{
			"before": "", "one": "", "same": "", "two": "", "renamed": "renamed", "three": "three", "gone": "", "back": "back", "side": "three", "merge": "back",
		}},
		{Options{At: at, Follow: true}, Filter{".", []string{"m", "n"}}, map[string]string{
			"before": "", "one": "", "same": "", "two": "", "renamed": "renamed", "three": "three", "gone": "gone", "back": "back", "side": "three", "merge": "back",
		}},
		{Options{At: at, Follow: true, FollowRoot: true}, Filter{".", []string{"m", "n"}}, map[string]string{
			"before": "", "one": "one", "same": "one", "two": "two", "renamed": "two", "three": "three", "gone": "gone", "back": "back", "side": "three", "merge": "back",
		}},
		{Options{At: at}, only("never")[0], nil},
	} {
		s := w.filter(tt.o, tt.filter)[0]
		byID := s.commits()
		got := map[string]string{}
		for _, c := range w.commits {
			id, ok := s.At[w.ids[c.name]]
			if !ok {
				continue
			}
			got[c.name] = ""
			if !id.IsZero() {
				_, msg, _ := strings.Cut(string(byID[id]), "\n\n")
				got[c.name] = strings.TrimSpace(msg)
			}
		}
		if tt.want == nil {
			tt.want = map[string]string{}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q, follow %v\n got %v\nwant %v\n%s", tt.filter, tt.o.Follow, got, tt.want, s.show())
		}
	}
	if s := w.extract(Options{}, "m")[0]; s.At != nil {
		t.Errorf("asked for nothing, got %v", s.At)
	}
}
