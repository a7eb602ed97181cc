package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/terrier-iac/terrier/modules/repo"
)

// A heldReader holds a repository in memory. git takes far longer to make a
// directory of twenty thousand than the engine does to split it.
type heldReader struct {
	objects map[repo.Hash]repo.Object
	commits []repo.CommitInfo // parents first
}

func (h *heldReader) Walk(_ context.Context, _ repo.Hash, visit func(repo.CommitInfo) error) error {
	for _, c := range h.commits {
		if err := visit(c); err != nil {
			return err
		}
	}
	return nil
}

func (h *heldReader) Objects(_ context.Context, ids []repo.Hash, visit func(repo.Object) error) error {
	for _, id := range ids {
		o, ok := h.objects[id]
		if !ok {
			return &repo.MissingObjectError{ID: id}
		}
		if err := visit(o); err != nil {
			return err
		}
	}
	return nil
}

func (h *heldReader) Close() error { return nil }

func (h *heldReader) put(kind string, data []byte) repo.Hash {
	id := objectID(kind, data)
	h.objects[id] = repo.Object{ID: id, Type: kind, Data: data}
	return id
}

// manyModules holds a monorepo of n module directories, half of whose files are
// the same everywhere: they come in twenty commits, twenty more change a
// hundredth of them each, the next moves them all, and the last changes one.
func manyModules(n int) (h *heldReader, tip repo.Hash, paths []string) {
	h = &heldReader{objects: map[repo.Hash]repo.Object{}}
	alike := objectID("blob", []byte("alike\n"))
	modules := make([]repo.Hash, 0, n)
	change := func(i, what int) repo.Hash {
		main := objectID("blob", fmt.Appendf(nil, "resource %d %d\n", i, what))
		return h.put("tree", fmt.Appendf(nil, "100644 main.tf\x00%s100644 versions.tf\x00%s", main[:], alike[:]))
	}
	commit := func(dir string) {
		var data []byte
		for i, id := range modules {
			data = fmt.Appendf(data, "40000 m%05d\x00%s", i, id[:])
		}
		all := h.put("tree", data)
		root := h.put("tree", fmt.Appendf(nil, "40000 %s\x00%s", dir, all[:]))
		c := repo.CommitInfo{Tree: root}
		k := len(h.commits)
		if k > 0 {
			c.Parents = []repo.Hash{tip}
		}
		c.ID = h.put("commit", newCommit(root, c.Parents, fmt.Appendf(nil, "author A <a@example.com> %d +0000\ncommitter A <a@example.com> %d +0000\n\nc%d\n", k, k, k)))
		h.commits = append(h.commits, c)
		tip = c.ID
	}
	for i := range n {
		modules = append(modules, change(i, 0))
		if (i+1)%(n/20) == 0 {
			commit("old")
		}
	}
	for k := range 20 {
		for i := range n / 100 {
			modules[(k*37+i*100)%n] = change((k*37+i*100)%n, k+1)
		}
		commit("old")
	}
	commit("modules")
	modules[7] = change(7, -1)
	commit("modules")
	for i := range n {
		paths = append(paths, fmt.Sprintf("modules/m%05d", i))
	}
	return h, tip, paths
}

// Twenty thousand modules in one directory: nothing goes by packages times
// commits, or packages times packages.
func TestTwentyThousandModules(t *testing.T) {
	const n = 20_000
	h, tip, paths := manyModules(n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	filters := append(only(paths...), Filter{"modules", paths[:n/2]}, Filter{".", paths[n/2:]})
	splits, err := Extract(context.Background(), h, tip, filters, Options{Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	commits, followed := 0, 0
	for _, s := range splits[:n] {
		commits += s.Commits
		followed += len(s.Followed)
	}
	if want := n + 20*(n/100) + 1; commits != want || followed != n {
		t.Errorf("%d commits, want %d; %d renames, want %d", commits, want, followed, n)
	}
	if s := splits[n]; s.Commits != 10+20+1 || len(s.Followed) != n/2 {
		t.Errorf("half of them in one: %d commits, %d renames", s.Commits, len(s.Followed))
	}
	if s := splits[n+1]; s.Commits != 1 || len(s.Followed) != 0 {
		t.Errorf("half of them with full paths: %d commits, %d renames", s.Commits, len(s.Followed))
	}
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 500 {
		t.Errorf("%d MB were allocated", mb)
	}
}

// The order of the walk does not matter, as long as parents come first.
func TestWalkOrder(t *testing.T) {
	t.Parallel()
	w := randomWorld(t, 5, randomOptions{commits: 80, gaps: true, octopus: true, files: true})
	ctx := context.Background()
	r, err := repo.Open(ctx, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	rd, err := r.Reader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	s := shuffled{Reader: rd, rng: rand.New(rand.NewPCG(1, 1))}
	filters := append(only("m", "m/a", "n", "."), randomFilters(3)...)
	o := Options{Follow: true, FollowRoot: true, At: []repo.Hash{w.tip, w.ids["c3"]}}
	want := w.filter(o, filters...)
	for range 5 {
		got, err := Extract(ctx, s, w.tip, filters, o)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatal("the order of the walk matters")
		}
	}
}

// shuffled is a Reader that walks in another order each time.
type shuffled struct {
	repo.Reader
	rng *rand.Rand
}

func (s shuffled) Walk(ctx context.Context, tip repo.Hash, visit func(repo.CommitInfo) error) error {
	var all []repo.CommitInfo
	err := s.Reader.Walk(ctx, tip, func(c repo.CommitInfo) error {
		c.Parents = slices.Clone(c.Parents)
		all = append(all, c)
		return nil
	})
	done := map[repo.Hash]bool{}
	for err == nil && len(all) > 0 {
		i := s.rng.IntN(len(all))
		if slices.ContainsFunc(all[i].Parents, func(p repo.Hash) bool { return !done[p] }) {
			continue
		}
		done[all[i].ID] = true
		err = visit(all[i])
		all = slices.Delete(all, i, i+1)
	}
	return err
}
