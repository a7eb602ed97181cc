package history

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

type randomOptions struct {
	commits       int
	gaps, octopus bool
}

// randomWorld makes a history from a seed: branches, merges, second roots, few
// contents, so that equal trees meet often, and few messages and dates, so
// that now and then two commits become one.
func randomWorld(t testing.TB, seed uint64, o randomOptions) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	names := []string{"m/a/x", "m/a/y", "m/a/deep/z", "m/b/x", "n/a/x", "x"}
	var commits []commitSpec
	var heads []int // commits to build on, the newest last
	for i := range o.commits {
		c := commitSpec{name: fmt.Sprint("c", i), files: map[string]string{}}
		var parents []int
		n := 1
		switch r := rng.IntN(100); {
		case i == 0 || r < 4 && i < o.commits-1:
			n = 0
		case r < 8 && o.octopus:
			n = 3 + rng.IntN(2)
		case r < 35:
			n = 2
		}
		for len(parents) < n && len(parents) < len(heads) {
			p := heads[max(0, len(heads)-1-rng.IntN(5))]
			if slices.Contains(parents, p) {
				p = heads[rng.IntN(len(heads))]
			}
			if !slices.Contains(parents, p) {
				parents = append(parents, p)
			}
		}
		// The last one joins what is left, so that all of it counts.
		if i == o.commits-1 {
			last := len(commits) - 1
			if !slices.Contains(parents, last) && len(parents) > 0 {
				parents[len(parents)-1] = last
			}
		}
		for k, p := range parents {
			c.parents += " " + commits[p].name
			for _, name := range slices.Sorted(maps.Keys(commits[p].files)) {
				if k == 0 || rng.IntN(2) == 0 {
					c.files[name] = commits[p].files[name]
				}
			}
		}
		for range rng.IntN(3) {
			c.files[names[rng.IntN(len(names))]] = fmt.Sprint(rng.IntN(3))
		}
		if len(parents) > 1 && rng.IntN(2) == 0 {
			// A merge that changes nothing.
			c.files = maps.Clone(commits[parents[rng.IntN(len(parents))]].files)
		}
		if o.gaps && rng.IntN(6) == 0 {
			prefix := []string{"m/a/", "m/", "n/"}[rng.IntN(3)]
			maps.DeleteFunc(c.files, func(name, _ string) bool { return strings.HasPrefix(name, prefix) })
		} else if !o.gaps {
			for _, p := range parents {
				for name, data := range commits[p].files {
					// Once there, always there.
					if _, ok := c.files[name]; !ok {
						c.files[name] = data
					}
				}
			}
		}
		c.files["top"] = fmt.Sprint(i)
		if rng.IntN(3) == 0 {
			c.msg, c.time = "same\n", 1+rng.IntN(2)
		}
		commits = append(commits, c)
		heads = append(heads, i)
	}
	return newWorld(t, commits...)
}

// hasGap reports whether some commit of the tip's history lacks the directory
// while an ancestor has it.
func (w *world) hasGap(dir string) bool {
	counts := map[string]bool{w.commits[len(w.commits)-1].name: true}
	for i := len(w.commits) - 1; i >= 0; i-- {
		if c := w.commits[i]; counts[c.name] {
			for p := range strings.FieldsSeq(c.parents) {
				counts[p] = true
			}
		}
	}
	ever := map[string]bool{}
	for _, c := range w.commits {
		before := false
		for p := range strings.FieldsSeq(c.parents) {
			before = before || ever[p]
		}
		now := false
		for name := range c.files {
			now = now || strings.HasPrefix(name, dir+"/")
		}
		if before && !now && counts[c.name] {
			return true
		}
		ever[c.name] = before || now
	}
	return false
}

const ordinarySeeds = 36

// everWas are the trees that dir had in the history, and the empty one where
// it went away, without repetition.
func (w *world) everWas(dir string) []string {
	w.t.Helper()
	var list []string
	if w.hasGap(dir) {
		list = append(list, emptyTreeID.String())
	}
	for _, id := range strings.Fields(w.git(nil, "rev-list", w.tip.String())) {
		if out := w.git(nil, "ls-tree", "-d", "--format=%(objectname)", id, dir); out != "" {
			list = append(list, strings.TrimSpace(out))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Random histories: the tip is git subtree's where there is no gap, the trees
// are git filter-repo's where there is one. TERRIER_RANDOM=n tries n seeds.
func TestRandom(t *testing.T) {
	t.Parallel()
	seeds := ordinarySeeds
	if s := os.Getenv("TERRIER_RANDOM"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		seeds = n
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			tryRandom(t, uint64(seed))
		})
	}
}

func tryRandom(t testing.TB, seed uint64) {
	gaps := seed%3 == 2
	w := randomWorld(t, seed, randomOptions{commits: 8 + int(seed%12), gaps: gaps, octopus: gaps})
	paths := []string{"m", "m/a", "m/a/deep", "m/b", "n/a"}
	dir := paths[(seed/3)%uint64(len(paths))]
	splits := w.extract(Options{}, paths...)
	s := splits[slices.Index(paths, dir)]
	if s.Tip.IsZero() {
		return
	}
	// Whatever the directory ever was, it is in the split, and nothing else.
	ever := w.everWas(dir)
	if got := s.trees(); !slices.Equal(got, ever) {
		t.Errorf("seed %d, %s: trees\n got %v\nwant %v\n%s\n%s", seed, dir, got, ever, s.show(), w.draw())
	}
	if !w.hasGap(dir) && !gaps {
		want, err := w.subtree(dir)
		if err != nil {
			t.Fatal(err)
		}
		if s.Tip != want {
			t.Errorf("seed %d, %s: tip %s, git subtree split says %s\n%s", seed, dir, s.Tip, want, w.draw())
		}
		return
	}
	fr, ok := w.filterRepo(dir)
	if !ok {
		t.Fatalf("seed %d, %s: git filter-repo leaves nothing", seed, dir)
	}
	if got, want := s.trees(), fr.trees(); !slices.Equal(got, want) {
		// In one of fifty or so git filter-repo gives a merge a tree that never
		// was, or leaves one out: it takes a merge's changes against one
		// parent, and then prunes that parent. None of the first seeds is such a case.
		t.Logf("seed %d, %s: git filter-repo has other trees than the directory had\n got %v\nwant %v", seed, dir, want, ever)
		if seed < ordinarySeeds {
			t.Error("which it did not do before")
		}
		return
	}
	// Where nothing merges, the commits are the same as well.
	if out := strings.TrimSpace(w.git(nil, "rev-list", "--merges", "--count", w.tip.String())); out == "0" && fr.tip != s.Tip {
		t.Errorf("seed %d, %s: tip %s, git filter-repo says %s\n%s", seed, dir, s.Tip, fr.tip, w.draw())
	}
}

func (w *world) draw() string {
	_ = os.RemoveAll(filepath.Join(w.dir, "m"))
	out, _ := w.tryGit(nil, "log", "--graph", "--format=%h %s", "--name-status", w.tip.String())
	return out
}

// FuzzRandom tries seeds without end: go test -fuzz FuzzRandom ./split/history
func FuzzRandom(f *testing.F) {
	f.Add(uint64(2))
	f.Fuzz(func(t *testing.T, seed uint64) { tryRandom(t, seed) })
}
