package history

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestFollow(t *testing.T) {
	t.Parallel()
	c := func(name, parents, tree string) commitSpec {
		return commitSpec{name: name, parents: parents, files: files(tree)}
	}
	for _, tt := range []struct {
		name     string
		commits  []commitSpec
		want     string
		followed string // newest first, "from>to@commit"
	}{
		{"the tree as it is", linear("old/a=1", "old/a=2 x=1", "m/a=2 x=1", "m/a=3 x=1"),
			"c4 <c2, c2 <c1, c1", "old>m@c3"},
		{"with changes", linear("old/a=1 old/b=1", "old/a=2 old/b=1", "m/a=2 m/b=2"),
			"c3 <c2, c2 <c1, c1", "old>m@c3"},
		{"less than half", linear("old/a=1 old/b=1 old/c=1", "m/a=1 m/b=2 m/c=2"), "c2", ""},
		{"just half", linear("old/a=1 old/b=1", "m/a=1 m/b=2"), "c2 <c1, c1", "old>m@c2"},
		{"a copy is no rename", linear("old/a=1", "old/a=1 m/a=1"), "c2", ""},
		{"a copy, the old one goes later", linear("old/a=1", "old/a=1 m/a=1", "m/a=1"), "c2", ""},
		{"files moved out of one that stays", linear("old/a=1 old/b=1", "m/a=1 old/b=1"), "c2", ""},
		{"files under other names", linear("old/a=1 old/b=2", "m/c=1 m/d=2"), "c2 <c1, c1", "old>m@c2"},
		{"empty files are no sign", linear("old/a= old/b=", "m/a= m/b="), "c2", ""},
		{"a rename of a rename", linear("one/a=1", "one/a=2", "two/a=2", "two/a=3", "m/a=3", "m/a=4"),
			"c6 <c4, c4 <c2, c2 <c1, c1", "two>m@c5, one>two@c3"},
		{"to deeper", linear("old/a=1 x=1", "x=1 p/q/m/a=1"), "c1", "old>p/q/m@c2"},
		{"there and back", linear("m/a=1", "n/a=1", "m/a=1"), "c3 <c2*, c2* <c1, c1", ""},
		{"a rename whose source had a gap", linear("old/a=1", "x=1", "old/a=2", "m/a=2"),
			"c3 <c2*, c2* <c1, c1", "old>m@c4"},
		{"the source lives again", linear("old/a=1", "m/a=1", "m/a=2 old/a=7", "m/a=2 old/a=8"),
			"c3 <c1, c1", "old>m@c2"},
		{"the larger share", linear("p/a=1 q/b=2 q/c=3", "m/a=1 m/b=2 m/c=3"), "c2 <c1, c1", "q>m@c2"},
		{"a tie goes by path", linear("q/a=1 p/b=2", "m/a=1 m/b=2"), "c2 <c1, c1", "p>m@c2"},
		{"a tie goes to where paths agree", linear("p/b=1 q/a=1", "m/a=1"), "c1", "q>m@c2"},
		{"not the folder above", linear("p/q/a=1", "m/a=1"), "c1", "p/q>m@c2"},
		{"not the folder below", linear("p/q/a=1", "m/q/a=1"), "c1", "p>m@c2"},
		{"of two alike the one that holds less", linear("p/a=1 p/z=1 q/a=1", "m/a=1"), "c1", "q>m@c2"},
		{"a duplicate counts once", linear("old/a=1", "m/a=1 m/b=1 m/c=1"), "c2", ""},
		{"into itself", linear("a=1", "m/a=1"), "c2", ""},
		{"to a deeper place of the same name", linear("s/a=1", "m/s/a=1"), "c1", "s>m/s@c2"},
		{"from a directory into the one above it", linear("m=file n/m/a=1", "m/a=1"), "c1", "n/m>m@c2"},
		{"on a branch", []commitSpec{
			c("base", "", "old/a=1 x=1"), c("left", "base", "m/a=1 x=1"), c("left2", "left", "m/a=2 x=1"),
			c("right", "base", "old/a=1 x=2"), c("merge", "left2 right", "m/a=2 x=2"),
		}, "left2 <base, base", "old>m@left"},
		{"on both branches, from two places", []commitSpec{
			c("base", "", "old/a=1 alt/b=2 x=1"), c("left", "base", "m/a=1 alt/b=2 x=1"), c("right", "base", "old/a=1 m/b=2 x=1"),
			c("merge", "left right", "m/a=1 m/b=2 x=1"),
		}, "merge <base <base, base, base", "alt>m@right, old>m@left"},
		{"in a merge", []commitSpec{
			c("base", "", "old/a=1 x=1"), c("left", "base", "old/a=2 x=1"), c("right", "base", "old/a=1 x=2"), c("merge", "left right", "m/a=2 x=2"),
		}, "left <base, base", "old>m@merge"},
		{"many at once", linear("t/m/a=1 t/n/a=2", "t/m/a=1 t/n/a=3", "m/a=1 n/a=3"), "c1", "t/m>m@c3"},
		{"old mode and links", linear("old/a=link:x old/b=1", "m/a=link:x m/b=2"), "c2 <c1, c1", "old>m@c2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.commits...)
			path := "m"
			if _, to, ok := strings.Cut(tt.followed, ">"); ok {
				path, _, _ = strings.Cut(to, "@")
			}
			s := w.extract(Options{Follow: true}, path)[0]
			names := map[string]string{}
			for name, id := range w.ids {
				names[id.String()] = name
			}
			var followed []string
			for _, r := range s.Followed {
				followed = append(followed, fmt.Sprintf("%s>%s@%s", r.From, r.To, names[r.Commit.String()]))
			}
			if tt.name == "on both branches, from two places" {
				// Which of the two comes first is the walk's to say.
				slices.Sort(followed)
			}
			if got := strings.Join(followed, ", "); got != tt.followed {
				t.Errorf("followed %q, want %q", got, tt.followed)
			}
			if got := s.show(); got != tt.want {
				t.Errorf("history\n got %s\nwant %s", got, tt.want)
			}
			// What it came from is the same history, up to there.
			off := w.extract(Options{}, path)[0]
			if len(s.Followed) == 0 && !reflect.DeepEqual(s, off) {
				t.Error("nothing was followed, but the result is another")
			}
			if off.Followed != nil || s.Tree != off.Tree {
				t.Errorf("off: followed %v, tree %s, want %s", off.Followed, off.Tree, s.Tree)
			}
		})
	}
}

// The history before a rename is, to the bit, that of the older path at that commit.
func TestFollowedIsTheOlderSplit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, linear("old/a=1 old/b=1", "old/a=2 old/b=1", "old/a=3 old/b=1", "m/a=3 m/b=1", "m/a=3 m/b=2")...)
	s := w.extract(Options{Follow: true}, "m")[0]
	w.tip = w.ids["c3"]
	old := w.extract(Options{}, "old")[0]
	if got := parentsOf(s.commits()[s.Tip]); len(got) != 1 || got[0] != old.Tip {
		t.Errorf("the parents are %v, the split of old is %s", got, old.Tip)
	}
	if want, err := w.subtree("old"); err != nil || old.Tip != want {
		t.Errorf("the split of old is %s, git subtree split says %s, %v", old.Tip, want, err)
	}
}

// A chain beyond what is followed ends; it does not fail.
func TestLongChain(t *testing.T) {
	t.Parallel()
	var trees []string
	for i := range maxRenames + 10 {
		trees = append(trees, fmt.Sprintf("d%d/a=1 x=%d", i, i))
	}
	w := newWorld(t, linear(trees...)...)
	s := w.extract(Options{Follow: true}, fmt.Sprintf("d%d", len(trees)-1))[0]
	if len(s.Followed) != maxRenames || s.Commits != 1 {
		t.Errorf("%d renames, %d commits", len(s.Followed), s.Commits)
	}
}

// A tree that unfolds to 10^9 files costs no more than any other.
func TestTreeBomb(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	blob := w.hash(w.git([]byte("boom"), "hash-object", "-w", "--stdin"))
	id, kind := blob.String(), "100644 blob"
	for range 9 {
		var in strings.Builder
		for i := range 10 {
			fmt.Fprintf(&in, "%s %s\tf%d\n", kind, id, i)
		}
		id, kind = strings.TrimSpace(w.git([]byte(in.String()), "mktree")), "040000 tree"
	}
	tree := func(name string) string {
		return strings.TrimSpace(w.git([]byte("040000 tree "+id+"\t"+name+"\n"), "mktree"))
	}
	const who = "author A <a@example.com> 1500000000 +0000\ncommitter A <a@example.com> 1500000000 +0000\n"
	first := w.rawCommit("tree " + tree("old") + "\n" + who + "\nc1\n")
	w.tip = w.rawCommit("tree " + tree("m") + "\nparent " + first.String() + "\n" + who + "\nc2\n")
	w.git(nil, "update-ref", "refs/heads/main", w.tip.String())
	s := w.extract(Options{Follow: true}, "m")[0]
	if got := s.show(); got != "c2" {
		t.Errorf("history %s", got)
	}
}
