package history

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/terrier-iac/terrier/modules/repo"
)

// Following renames.
//
// At a root, a commit in which a directory is there while no parent's history
// has anything of it, the directory may have come from another one. That is the
// directory that the commit took away, from which at least half of the new
// one's files came, bytes and all: a copy does not count, nor do empty files,
// of which any two are alike. Of several it is the one that most files came
// from; then that most came from under the same relative path, then the one
// with the fewest files, then the first by path.
//
// For the ancestors of that commit the split goes on with the older directory,
// by the same rules, renames included. A rename that changes no byte leaves no
// commit behind: the tree is the same before and after.
//
// A directory that went away and comes back is no root: it goes on with its own past.

const (
	// maxRenames is how many renames of one directory are followed, and
	// maxRenameFiles and maxRenameDepth how much of a commit is compared to
	// find one. Far beyond what people do; they bound what a made-up
	// repository can cost.
	maxRenames     = 64
	maxRenameFiles = 200_000
	maxRenameDepth = 256
	// treeCacheSize bounds what is kept of trees from one round to the next, in bytes.
	treeCacheSize = 24 << 20
)

var emptyBlobID = objectID("blob", nil)

// followRound looks for renames at the roots of a dry pass and reports whether
// there are new ones, so that another round has to be made.
func (e *engine) followRound(ctx context.Context, roots []root) (bool, error) {
	var fresh []root
	for _, r := range roots {
		// A directory that nobody asked for is of interest only before it was renamed.
		if !e.examined[r] && r.commit < e.until[r.pkg] && len(e.commits[r.commit].parents) > 0 {
			e.examined[r] = true
			fresh = append(fresh, r)
		}
	}
	if len(fresh) == 0 {
		return false, nil
	}
	from, err := e.findRenames(ctx, fresh)
	if err != nil {
		return false, fmt.Errorf("looking for renames: %w", err)
	}
	for i, r := range fresh {
		if from[i] == "" {
			continue
		}
		pkg := e.addPackage(from[i], r.commit)
		e.until[pkg] = max(e.until[pkg], r.commit)
		e.links[r] = pkg
	}
	return slices.ContainsFunc(from, func(s string) bool { return s != "" }), nil
}

// lineage returns the packages that pkg's history goes through, and the
// renames between them, newest first.
func (e *engine) lineage(pkg int) ([]int, []Rename) {
	type stage struct {
		pkg    int
		before []bool // by commit: those of interest; nil is all
	}
	pkgs := []int{pkg}
	taken := map[root]bool{}
	for todo := []stage{{pkg: pkg}}; len(todo) > 0; todo = todo[1:] {
		s := todo[0]
		for r, from := range e.links {
			if r.pkg != s.pkg || taken[r] || s.before != nil && (int(r.commit) >= len(s.before) || !s.before[r.commit]) {
				continue
			}
			taken[r] = true
			if !slices.Contains(pkgs, from) {
				pkgs = append(pkgs, from)
			}
			todo = append(todo, stage{from, e.ancestors(r.commit)})
		}
	}
	list := make([]root, 0, len(taken))
	for r := range taken {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b root) int {
		return cmp.Or(cmp.Compare(b.commit, a.commit), cmp.Compare(e.paths[a.pkg], e.paths[b.pkg]))
	})
	var renames []Rename
	for _, r := range list {
		renames = append(renames, Rename{From: e.paths[e.links[r]], To: e.paths[r.pkg], Commit: e.commits[r.commit].id})
	}
	return pkgs, renames
}

// ancestors is the set of c and its ancestors.
func (e *engine) ancestors(c int32) []bool {
	set := make([]bool, c+1)
	set[c] = true
	for ; c >= 0; c-- {
		if set[c] {
			for _, p := range e.commits[c].parents {
				set[p] = true
			}
		}
	}
	return set
}

// A lost is what a commit took away, against all of its parents.
type lost struct {
	dirs    []lostDir
	files   []lostFile
	byBlob  map[repo.Hash][]int32 // indices of files
	entries int                   // how much was looked at
	tooMuch bool
}

type lostDir struct {
	path  string
	up    int32 // the directory above, if that is gone as well; -1
	files int   // in it and below, empty ones not counted
}

type lostFile struct {
	dir  int32
	path string
}

// findRenames returns for each root the path that its directory came from, or "".
func (e *engine) findRenames(ctx context.Context, roots []root) ([]string, error) {
	f := &finder{e: e, trees: map[repo.Hash][]entry{}}
	byCommit := map[int32]*lost{}
	var diffs []diffItem
	for _, r := range roots {
		if byCommit[r.commit] != nil {
			continue
		}
		l := &lost{byBlob: map[repo.Hash][]int32{}}
		byCommit[r.commit] = l
		c := &e.commits[r.commit]
		for _, p := range c.parents {
			if old := e.commits[p].tree; old != c.tree {
				diffs = append(diffs, diffItem{l: l, old: old, new: c.tree, up: -1})
			}
		}
	}
	if err := f.diff(ctx, diffs); err != nil {
		return nil, err
	}
	var lists []*listing
	for _, r := range roots {
		l := byCommit[r.commit]
		s := &listing{skip: l.tooMuch || len(l.files) == 0}
		if !s.skip {
			s.todo = []diffItem{{new: e.trees[e.vectors[e.vecOf[r.commit]][r.pkg]]}}
		}
		lists = append(lists, s)
	}
	if err := f.list(ctx, lists); err != nil {
		return nil, err
	}
	from := make([]string, len(roots))
	for i, r := range roots {
		if s := lists[i]; !s.skip {
			from[i] = byCommit[r.commit].origin(s.files)
		}
	}
	return from, nil
}

// origin picks the directory that files, path → blob, came from; "" where there is none.
func (l *lost) origin(files map[string]repo.Hash) string {
	if len(files) == 0 {
		return ""
	}
	count := map[repo.Hash]int{}
	for _, blob := range files {
		count[blob]++
	}
	type score struct{ matched, same int }
	scores := map[int32]*score{}
	for blob, n := range count {
		holds := map[int32]int{} // by directory: how many files of these bytes
		for _, i := range l.byBlob[blob] {
			for d := l.files[i].dir; d >= 0; d = l.dirs[d].up {
				if scores[d] == nil {
					scores[d] = &score{}
				}
				if holds[d]++; holds[d] <= n {
					scores[d].matched++
				}
				if files[l.files[i].path[len(l.dirs[d].path)+1:]] == blob {
					scores[d].same++
				}
			}
		}
	}
	best := int32(-1)
	for d, s := range scores {
		if 2*s.matched < len(files) {
			continue
		}
		if best >= 0 && cmp.Or(
			cmp.Compare(scores[best].matched, s.matched),
			cmp.Compare(scores[best].same, s.same),
			cmp.Compare(l.dirs[d].files, l.dirs[best].files),
			cmp.Compare(l.dirs[d].path, l.dirs[best].path),
		) >= 0 {
			continue
		}
		best = d
	}
	if best < 0 {
		return ""
	}
	return l.dirs[best].path
}

// A finder reads trees for findRenames, all of one depth in one go.
type finder struct {
	e     *engine
	trees map[repo.Hash][]entry
}

// An entry is one of a tree, submodules left out.
type entry struct {
	name string
	dir  bool
	id   repo.Hash
}

func (f *finder) load(ctx context.Context, ids []repo.Hash) error {
	var want []repo.Hash
	for _, id := range ids {
		if _, ok := f.trees[id]; !ok && !id.IsZero() {
			f.trees[id] = nil
			want = append(want, id)
		}
	}
	return f.e.readTrees(ctx, want, func(id repo.Hash, data []byte) error {
		var list []entry
		err := eachEntry(data, func(mode, name []byte, sub repo.Hash) {
			if dir := isTreeMode(mode); dir || len(mode) == 6 && mode[0] == '1' && string(mode) != "160000" {
				list = append(list, entry{string(name), dir, sub})
			}
		})
		if err != nil {
			return fmt.Errorf("tree %s: %w", id, err)
		}
		f.trees[id] = list
		return nil
	})
}

// A diffItem is a directory to compare: old and new, or old alone where it is gone.
type diffItem struct {
	l        *lost
	path     string // "" is the root
	old, new repo.Hash
	up       int32 // in l.dirs: this directory; -1 where it is not gone
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// diff fills in what is lost.
func (f *finder) diff(ctx context.Context, items []diffItem) error {
	for depth := 0; len(items) > 0; depth++ {
		var ids []repo.Hash
		for _, it := range items {
			ids = append(ids, it.old, it.new)
		}
		if err := f.load(ctx, ids); err != nil {
			return err
		}
		var next []diffItem
		for _, it := range items {
			l := it.l
			l.entries += len(f.trees[it.old]) + len(f.trees[it.new])
			if l.tooMuch = l.tooMuch || l.entries > maxRenameFiles || depth > maxRenameDepth; l.tooMuch {
				continue
			}
			now := map[string]repo.Hash{}
			for _, n := range f.trees[it.new] {
				if n.dir {
					now[n.name] = n.id
				}
			}
			for _, o := range f.trees[it.old] {
				path := join(it.path, o.name)
				if !o.dir {
					// A file of a directory that stays is no sign of a rename.
					if it.up >= 0 && o.id != emptyBlobID {
						l.byBlob[o.id] = append(l.byBlob[o.id], int32(len(l.files)))
						l.files = append(l.files, lostFile{it.up, path})
						for d := it.up; d >= 0; d = l.dirs[d].up {
							l.dirs[d].files++
						}
					}
					continue
				}
				n, stays := now[o.name]
				switch {
				case stays && n != o.id:
					next = append(next, diffItem{l: l, path: path, old: o.id, new: n, up: -1})
				case !stays:
					l.dirs = append(l.dirs, lostDir{path: path, up: it.up})
					next = append(next, diffItem{l: l, path: path, old: o.id, up: int32(len(l.dirs) - 1)})
				}
			}
		}
		items = next
	}
	return nil
}

// A listing are the files of a directory, empty ones left out.
type listing struct {
	files   map[string]repo.Hash
	todo    []diffItem
	entries int
	skip    bool
}

// list fills in the files of directories.
func (f *finder) list(ctx context.Context, lists []*listing) error {
	for depth := 0; ; depth++ {
		var ids []repo.Hash
		for _, s := range lists {
			for _, it := range s.todo {
				ids = append(ids, it.new)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		if err := f.load(ctx, ids); err != nil {
			return err
		}
		for _, s := range lists {
			todo := s.todo
			s.todo = nil
			for _, it := range todo {
				s.entries += len(f.trees[it.new])
				if s.skip = s.skip || s.entries > maxRenameFiles || depth > maxRenameDepth; s.skip {
					s.todo = nil
					break
				}
				for _, n := range f.trees[it.new] {
					path := join(it.path, n.name)
					if n.dir {
						s.todo = append(s.todo, diffItem{path: path, new: n.id})
					} else if n.id != emptyBlobID {
						if s.files == nil {
							s.files = map[string]repo.Hash{}
						}
						s.files[path] = n.id
					}
				}
			}
		}
	}
}

// always is until for a package that was asked for.
const always = math.MaxInt32
