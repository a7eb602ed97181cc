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
	files         bool // directories become files and files directories
	linear        bool // nothing merges
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
		if o.linear {
			n = min(i, 1)
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
		if o.files && rng.IntN(4) == 0 {
			at := []string{"m/b", "n/a", "m/a/deep"}[rng.IntN(3)]
			maps.DeleteFunc(c.files, func(name, _ string) bool { return strings.HasPrefix(name, at+"/") })
			c.files[at] = []string{"file", "link:x", "sub:1111111111111111111111111111111111111111"}[rng.IntN(3)]
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
		if o.files {
			for name := range c.files {
				for dir := name; strings.Contains(dir, "/"); {
					dir = dir[:strings.LastIndexByte(dir, '/')]
					delete(c.files, dir)
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
	ever := w.everHeld(s.Filter)
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
	fr, ok := w.filterRepo(s.Filter)
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
	if !w.merges() && fr.tip != s.Tip {
		t.Errorf("seed %d, %s: tip %s, git filter-repo says %s\n%s", seed, dir, s.Tip, fr.tip, w.draw())
	}
}

// Random filters of several paths over random histories: the trees are those
// that the paths ever held, and git filter-repo's.
func TestRandomSeveral(t *testing.T) {
	t.Parallel()
	seeds := severalSeeds
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
			tryRandomSeveral(t, uint64(seed))
		})
	}
}

const severalSeeds = 12

// randomFilters makes filters from a seed, one for each root.
func randomFilters(seed uint64) []Filter {
	rng := rand.New(rand.NewPCG(seed, 2))
	candidates := []string{"m/a", "m/a/x", "m/a/deep", "m/a/deep/z", "m/b", "n/a", "n/a/x", "x", "m/none"}
	var filters []Filter
	for _, root := range []string{".", "m", "m/a"} {
		var below []string
		for _, p := range candidates {
			if p != root && within(root, p) {
				below = append(below, p)
			}
		}
		rng.Shuffle(len(below), func(i, j int) { below[i], below[j] = below[j], below[i] })
		f, err := cleanFilter(Filter{root, below[:min(len(below), 2+rng.IntN(3))]})
		if err != nil {
			panic(err)
		}
		filters = append(filters, f)
	}
	return filters
}

func tryRandomSeveral(t testing.TB, seed uint64) {
	w := randomWorld(t, seed, randomOptions{commits: 8 + int(seed%12), gaps: seed%2 == 0, octopus: seed%3 == 0, files: true, linear: seed%4 > 1})
	filters := randomFilters(seed)
	for i, s := range w.filter(Options{}, filters...) {
		ever := w.everHeld(s.Filter)
		if got := s.trees(); !slices.Equal(got, ever) {
			t.Errorf("seed %d, %q: trees\n got %v\nwant %v\n%s\n%s", seed, s.Filter, got, ever, s.show(), w.draw())
		}
		if want := treeID(filtered(s.Filter, w.commits[len(w.commits)-1].files)); !s.Tip.IsZero() && s.Tree != want {
			t.Errorf("seed %d, %q: tree %s, want %s", seed, s.Filter, s.Tree, want)
		}
		if s.Tip.IsZero() || i != int(seed%3) {
			continue // git filter-repo takes its time
		}
		fr, ok := w.filterRepo(s.Filter)
		if !ok {
			t.Errorf("seed %d, %q: git filter-repo leaves nothing", seed, s.Filter)
			continue
		}
		if got, want := s.trees(), fr.trees(); !slices.Equal(got, want) {
			t.Logf("seed %d, %q: git filter-repo has other trees than the paths held\n got %v\nwant %v", seed, s.Filter, want, ever)
			if seed < severalSeeds {
				t.Error("which it did not do before")
			}
			continue
		}
		if !w.merges() && fr.tip != s.Tip {
			t.Errorf("seed %d, %q: tip %s, git filter-repo says %s\n%s", seed, s.Filter, s.Tip, fr.tip, w.draw())
		}
	}
}

// merges reports whether any commit has several parents.
func (w *world) merges() bool {
	return slices.ContainsFunc(w.commits, func(c commitSpec) bool { return strings.Contains(strings.TrimSpace(c.parents), " ") })
}

func (w *world) draw() string {
	_ = os.RemoveAll(filepath.Join(w.dir, "m"))
	out, _ := w.tryGit(nil, "log", "--graph", "--format=%h %s", "--name-status", w.tip.String())
	return out
}

// FuzzRandom tries seeds without end: go test -fuzz FuzzRandom ./split/history
func FuzzRandom(f *testing.F) {
	f.Add(uint64(2))
	f.Fuzz(func(t *testing.T, seed uint64) {
		tryRandom(t, seed)
		tryRandomSeveral(t, seed)
	})
}
