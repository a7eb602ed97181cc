package history

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

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
//
// Among several paths roots are looked for at each directory by itself. There
// is one line of history still: in a commit where the directory neither is nor
// ever was, what the older one holds stands at its place, on branches that were
// begun before the rename as well.

const (
	// maxRenames is how many renames of one directory are followed, and
	// maxRenameFiles and maxRenameDepth how much of a commit is compared to
	// find one. maxOrigins is how many directories may come into question for
	// one. Far beyond what people do; they bound what a made-up repository can cost.
	maxRenames     = 64
	maxRenameFiles = 200_000
	maxRenameDepth = 256
	maxOrigins     = 1000
)

var emptyBlobID = objectID("blob", nil)

// A rename is a Rename at its commit's place in the walk.
type rename struct {
	commit int32
	Rename
}

// An appearance is a commit in which a directory has come into being.
type appearance struct {
	path   string
	commit int32
}

// followRound looks for renames at the roots of a dry pass and reports whether
// there are new ones, so that another round has to be made.
func (e *engine) followRound(ctx context.Context, roots []root) (bool, error) {
	var fresh []root
	for _, r := range roots {
		a := appearance{e.pkgs[r.pkg].path, r.commit}
		if _, known := e.origins[a]; !known && len(e.commits[r.commit].parents) > 0 {
			e.origins[a] = ""
			fresh = append(fresh, r)
		}
	}
	if len(fresh) > 0 {
		from, err := e.findRenames(ctx, fresh)
		if err != nil {
			return false, fmt.Errorf("looking for renames: %w", err)
		}
		for i, r := range fresh {
			e.origins[appearance{e.pkgs[r.pkg].path, r.commit}] = from[i]
		}
	}
	again := false
	moved := map[int][]root{} // by package of several paths: what came from elsewhere
	for _, r := range roots {
		p := &e.pkgs[r.pkg]
		from := e.origins[appearance{p.path, r.commit}]
		if from == "" {
			continue
		}
		if p.kind == part {
			moved[p.owner] = append(moved[p.owner], r)
			continue
		}
		if _, known := e.links[r]; !known {
			e.links[r] = e.addPlain(from, r.commit, true)
			again = true
		}
	}
	for _, i := range slices.Sorted(maps.Keys(moved)) {
		again = e.move(i, moved[i]) || again
	}
	return again, nil
}

// move gives package i the directories that its parts came from, and reports
// whether they are new to it. It becomes another package then.
func (e *engine) move(i int, roots []root) bool {
	slices.SortFunc(roots, func(a, b root) int {
		return cmp.Or(cmp.Compare(b.commit, a.commit), cmp.Compare(a.pkg, b.pkg))
	})
	c := e.pkgs[i].composed
	own := map[string]bool{}
	for _, m := range c.mounts {
		own[m.from[0].path] = true
	}
	renames := slices.Clone(c.renames)
	known := map[rename]bool{}
	for _, r := range renames {
		known[r] = true
	}
	more := map[int][]source{} // by mount
	for _, r := range roots {
		p := &e.pkgs[r.pkg]
		from := e.origins[appearance{p.path, r.commit}]
		// What came from another of its own paths is there already.
		if above(from, func(dir string) bool { return own[dir] }) {
			continue
		}
		n := rename{r.commit, Rename{From: from, To: p.path, Commit: e.commits[r.commit].id}}
		if !known[n] {
			known[n] = true
			renames = append(renames, n)
		}
		has := func(s source) bool { return s.path == from }
		if !slices.ContainsFunc(c.mounts[p.mount].from, has) && !slices.ContainsFunc(more[p.mount], has) {
			more[p.mount] = append(more[p.mount], source{path: from})
		}
	}
	if len(more) == 0 {
		c.renames = renames
		return false
	}
	e.pkgs[i].until = 0
	mounts := make([]mount, len(c.mounts))
	for k, m := range c.mounts {
		for _, s := range m.from {
			e.pkgs[s.part].until = 0
		}
		mounts[k] = mount{place: m.place, from: append(slices.Clone(m.from), more[k]...)}
	}
	e.movedTo[i] = e.addComposed(c.root, mounts, true, renames)
	return true
}

// above reports whether is holds for p or a directory above it.
func above(p string, is func(dir string) bool) bool {
	for !is(p) {
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			return false
		}
		p = p[:i]
	}
	return true
}

// lineage returns the packages that package i's history goes through, and the
// renames between them, newest first.
func (e *engine) lineage(i int) ([]int, []Rename) {
	type stage struct {
		pkg    int
		before []bool // by commit: those of interest; nil is all
	}
	pkgs := []int{i}
	taken := map[root]bool{}
	var list []rename
	if c := e.pkgs[i].composed; c != nil {
		list = c.renames
	}
	for todo := []stage{{pkg: i}}; len(todo) > 0; todo = todo[1:] {
		s := todo[0]
		for _, r := range e.linksOf[s.pkg] {
			if taken[r] || s.before != nil && (int(r.commit) >= len(s.before) || !s.before[r.commit]) {
				continue
			}
			taken[r] = true
			from := e.links[r]
			if !slices.Contains(pkgs, from) {
				pkgs = append(pkgs, from)
			}
			todo = append(todo, stage{from, e.ancestors(r.commit)})
			list = append(list, rename{r.commit, Rename{From: e.pkgs[from].path, To: e.pkgs[s.pkg].path, Commit: e.commits[r.commit].id}})
		}
	}
	slices.SortFunc(list, func(a, b rename) int {
		return cmp.Or(cmp.Compare(b.commit, a.commit), cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From))
	})
	var renames []Rename
	for _, r := range list {
		renames = append(renames, r.Rename)
	}
	return pkgs, renames
}

// ancestors is the set of c and its ancestors, by commit, valid and not to be changed.
func (e *engine) ancestors(c int32) []bool {
	if e.set != nil && e.setFor == c {
		return e.set
	}
	set := make([]bool, c+1)
	set[c] = true
	for at := c; at >= 0; at-- {
		if set[at] {
			for _, p := range e.commits[at].parents {
				set[p] = true
			}
		}
	}
	e.set, e.setFor = set, c
	return set
}

// A lost is what a commit took away, against all of its parents.
type lost struct {
	dirs    []lostDir
	files   []lostFile
	entries int // how much was looked at
	tooMuch bool

	// Made by arrange, which puts the files of a directory and below side by side.
	arranged bool
	byBlob   map[repo.Hash][]int32 // indices of files, ascending
	byPath   map[lostPath]repo.Hash
}

type lostDir struct {
	path     string
	up       int32   // the directory above, if that is gone as well; -1
	top      int32   // the highest one above that is gone, or itself
	subs     []int32 // directories
	own      []int32 // files, empty ones not counted
	from, to int32   // the files in it and below
}

type lostFile struct {
	dir  int32
	path string
	blob repo.Hash
}

// A lostPath is a file's; two parents may have different ones there.
type lostPath struct {
	top  int32
	path string
}

func (l *lost) arrange() {
	if l.arranged {
		return
	}
	l.arranged = true
	l.byBlob = map[repo.Hash][]int32{}
	l.byPath = map[lostPath]repo.Hash{}
	files := make([]lostFile, 0, len(l.files))
	var visit func(d int32)
	visit = func(d int32) {
		dir := &l.dirs[d]
		dir.from = int32(len(files))
		for _, i := range dir.own {
			f := l.files[i]
			l.byBlob[f.blob] = append(l.byBlob[f.blob], int32(len(files)))
			l.byPath[lostPath{dir.top, f.path}] = f.blob
			files = append(files, f)
		}
		for _, sub := range dir.subs {
			visit(sub)
		}
		dir.to = int32(len(files))
	}
	for d := range l.dirs {
		if l.dirs[d].up < 0 {
			visit(int32(d))
		}
	}
	l.files = files
}

// findRenames returns for each root the path that its directory came from, or "".
func (e *engine) findRenames(ctx context.Context, roots []root) ([]string, error) {
	byCommit := map[int32]*lost{}
	var diffs []diffItem
	for _, r := range roots {
		if byCommit[r.commit] != nil {
			continue
		}
		l := &lost{}
		byCommit[r.commit] = l
		c := &e.commits[r.commit]
		for _, p := range c.parents {
			if old := e.commits[p].tree; old != c.tree {
				diffs = append(diffs, diffItem{l: l, old: old, new: c.tree, up: -1})
			}
		}
	}
	if err := e.diff(ctx, diffs); err != nil {
		return nil, err
	}
	var lists []*listing
	for _, r := range roots {
		l := byCommit[r.commit]
		s := &listing{skip: l.tooMuch || len(l.files) == 0}
		if !s.skip {
			s.todo = []listItem{{tree: e.values[e.vectors[r.commit].get(r.pkg)].id}}
		}
		lists = append(lists, s)
	}
	if err := e.list(ctx, lists); err != nil {
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
	l.arrange()
	count := map[repo.Hash]int{}
	for _, blob := range files {
		count[blob]++
	}
	type score struct {
		dir           *lostDir
		matched, same int
	}
	var best score
	rate := func(dir *lostDir) {
		s := score{dir: dir}
		for blob, n := range count {
			in := l.byBlob[blob]
			from, _ := slices.BinarySearch(in, dir.from)
			to, _ := slices.BinarySearch(in, dir.to)
			s.matched += min(n, to-from)
		}
		if 2*s.matched < len(files) {
			return
		}
		for path, blob := range files {
			if l.byPath[lostPath{dir.top, join(dir.path, path)}] == blob {
				s.same++
			}
		}
		if best.dir == nil || cmp.Or(
			cmp.Compare(s.matched, best.matched),
			cmp.Compare(s.same, best.same),
			cmp.Compare(best.dir.to-best.dir.from, dir.to-dir.from),
			cmp.Compare(best.dir.path, dir.path),
		) > 0 {
			best = s
		}
	}
	// Begin with the files that are in the fewest places: a file that all
	// modules have alike would bring them all into question. A directory that
	// did not come into it so far has no more than the files that are left.
	blobs := slices.SortedFunc(maps.Keys(count), func(a, b repo.Hash) int {
		return cmp.Or(cmp.Compare(len(l.byBlob[a]), len(l.byBlob[b])), bytes.Compare(a[:], b[:]))
	})
	asked := map[int32]bool{}
	left := len(files)
	for _, blob := range blobs {
		if 2*left < len(files) || left < best.matched {
			break
		}
		left -= count[blob]
		for _, i := range l.byBlob[blob] {
			for d := l.files[i].dir; d >= 0 && !asked[d]; d = l.dirs[d].up {
				if asked[d] = true; len(asked) > maxOrigins {
					return ""
				}
				rate(&l.dirs[d])
			}
		}
	}
	if best.dir == nil {
		return ""
	}
	return best.dir.path
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

// diff fills in what is lost. It reads all trees of one depth in one go, and
// holds no more than two at a time.
func (e *engine) diff(ctx context.Context, items []diffItem) error {
	for depth := 0; len(items) > 0; depth++ {
		var ids []repo.Hash
		var of []int // in items
		for i := range items {
			it := &items[i]
			if it.l.tooMuch = it.l.tooMuch || depth > maxRenameDepth; it.l.tooMuch {
				continue
			}
			if !it.new.IsZero() {
				ids, of = append(ids, it.new), append(of, i)
			}
			ids, of = append(ids, it.old), append(of, i)
		}
		var next []diffItem
		var now []byte
		k := 0
		err := e.readTrees(ctx, ids, func(id repo.Hash, data []byte) error {
			it := &items[of[k]]
			k++
			if id == it.new {
				now = append(now[:0], data...)
				return nil
			}
			var err error
			next, err = it.compare(next, data, now)
			now = now[:0]
			if err != nil {
				return fmt.Errorf("tree %s: %w", id, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		items = next
	}
	return nil
}

// compare takes the entries of the directory's old tree that are not in the new
// one, and appends the directories to compare next.
func (it *diffItem) compare(next []diffItem, old, now []byte) ([]diffItem, error) {
	l := it.l
	var dirs map[string]repo.Hash // of the new tree; made where they do not run in step
	rest := now
	for len(old) > 0 {
		o, tail, err := cutEntry(old)
		if err != nil {
			return nil, err
		}
		old = tail
		if l.entries++; l.entries > maxRenameFiles {
			l.tooMuch = true
			return next, nil
		}
		if o.mode != treeMode {
			// A file of a directory that stays is no sign of a rename, nor is a submodule.
			if o.mode != submoduleMode && it.up >= 0 && o.id() != emptyBlobID {
				l.dirs[it.up].own = append(l.dirs[it.up].own, int32(len(l.files)))
				l.files = append(l.files, lostFile{it.up, join(it.path, string(o.name)), o.id()})
			}
			continue
		}
		var n repo.Hash
		stays := false
		if dirs == nil {
			for len(rest) > 0 {
				e, tail, err := cutEntry(rest)
				if err != nil {
					return nil, err
				}
				if c := bytes.Compare(e.name, o.name); c > 0 {
					break
				} else if c == 0 && e.mode == treeMode {
					n, stays = e.id(), true
				}
				rest = tail
				if stays {
					break
				}
			}
		}
		if !stays {
			// Not in step, or gone, and then there is more to do than this.
			if dirs == nil {
				if dirs, err = directories(now); err != nil {
					return nil, err
				}
			}
			n, stays = dirs[string(o.name)]
		}
		switch {
		case stays && n != o.id():
			next = append(next, diffItem{l: l, path: join(it.path, string(o.name)), old: o.id(), new: n, up: -1})
		case !stays:
			d := int32(len(l.dirs))
			dir := lostDir{path: join(it.path, string(o.name)), up: it.up, top: d}
			if it.up >= 0 {
				dir.top = l.dirs[it.up].top
				l.dirs[it.up].subs = append(l.dirs[it.up].subs, d)
			}
			l.dirs = append(l.dirs, dir)
			next = append(next, diffItem{l: l, path: l.dirs[d].path, old: o.id(), up: d})
		}
	}
	return next, nil
}

// directories are those of a tree object.
func directories(tree []byte) (map[string]repo.Hash, error) {
	dirs := map[string]repo.Hash{}
	for len(tree) > 0 {
		e, rest, err := cutEntry(tree)
		if err != nil {
			return nil, err
		}
		if e.mode == treeMode {
			dirs[string(e.name)] = e.id()
		}
		tree = rest
	}
	return dirs, nil
}

// A listing are the files of a directory, empty ones left out.
type listing struct {
	files   map[string]repo.Hash
	todo    []listItem
	entries int
	skip    bool
}

type listItem struct {
	path string // "" is the directory itself
	tree repo.Hash
}

// list fills in the files of directories.
func (e *engine) list(ctx context.Context, lists []*listing) error {
	for depth := 0; ; depth++ {
		var ids []repo.Hash
		of := map[repo.Hash][]listed{}
		for _, s := range lists {
			if s.skip = s.skip || depth > maxRenameDepth; s.skip {
				continue
			}
			for _, it := range s.todo {
				if of[it.tree] == nil {
					ids = append(ids, it.tree)
				}
				of[it.tree] = append(of[it.tree], listed{s, it.path})
			}
			s.todo = nil
		}
		if len(ids) == 0 {
			return nil
		}
		err := e.readTrees(ctx, ids, func(id repo.Hash, data []byte) error {
			for _, in := range of[id] {
				if err := in.add(data); err != nil {
					return fmt.Errorf("tree %s: %w", id, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// A listed is a directory in a listing.
type listed struct {
	*listing
	path string
}

func (s listed) add(tree []byte) error {
	for len(tree) > 0 && !s.skip {
		e, rest, err := cutEntry(tree)
		if err != nil {
			return err
		}
		tree = rest
		s.entries++
		s.skip = s.entries > maxRenameFiles
		switch path := join(s.path, string(e.name)); {
		case e.mode == treeMode:
			s.todo = append(s.todo, listItem{path, e.id()})
		case e.mode != submoduleMode && e.id() != emptyBlobID:
			if s.files == nil {
				s.files = map[string]repo.Hash{}
			}
			s.files[path] = e.id()
		}
	}
	return nil
}

// always is until for a package that was asked for.
const always = math.MaxInt32
