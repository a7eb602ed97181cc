package history

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/terrier-iac/terrier/modules/repo"
)

// The engine works in steps: walk the commits; resolve their trees to one
// vector each (package → what it holds); a dry pass, which tells the commits
// that some package keeps; a last pass over those commits' bytes, which makes
// the new ones. With Follow, resolve and the dry pass repeat until no rename is new.
type engine struct {
	rd     repo.Reader
	report func(done, total int)
	shown  int // what report was told last

	pkgs     []pkg
	byPath   map[string]int // the package of a directory
	resolved int            // how many packages the vectors have

	commits []commit       // parents first, the tip last
	at      map[int32]bool // the commits that were asked for

	values    []value
	valueIDs  map[value]int32
	emptyTree int32
	vectors   []vector // by commit, by package: the index of what it holds; 0: nothing

	// links has the renames: a package's root and the package it goes on with.
	links   map[root]int
	linksOf map[int][]root        // by package, newest first
	origins map[appearance]string // the renames that were looked for, "" where there is none
	movedTo map[int]int           // the package that another became

	candidates []int32 // commits that some package keeps, ascending
	last       *pass   // the pass that made the commits

	set    []bool // see ancestors
	setFor int32
}

// A pkg is what has a history of its own, or helps another to one.
type pkg struct {
	kind   kind
	path   string // its directory; of a filter of several paths the root
	until  int32  // only commits before this one are of interest
	follow bool   // its renames are looked for

	owner    int       // of kind part: the package that it is one of
	mount    int       // of kind part: which of that one's mounts
	composed *composed // of kind several
}

type kind uint8

const (
	filler  kind = iota // nothing; the next round's packages begin with a new chunk
	plain               // one directory
	several             // several paths
	part                // one of them: no history, only whether there is something
)

type commit struct {
	id, tree repo.Hash
	parents  []int32
}

// A root is a commit in which a package's directory is there while no parent
// has anything of it.
type root struct {
	pkg    int
	commit int32
}

// addPlain returns the package of a directory, of interest up to commit until.
func (e *engine) addPlain(path string, until int32, follow bool) int {
	if i, ok := e.byPath[path]; ok && e.pkgs[i].until >= until {
		return i
	}
	e.byPath[path] = len(e.pkgs)
	e.pkgs = append(e.pkgs, pkg{kind: plain, path: path, until: until, follow: follow})
	return len(e.pkgs) - 1
}

// endRound fills the last chunk up.
func (e *engine) endRound() {
	for len(e.pkgs)%chunkSize != 0 {
		e.pkgs = append(e.pkgs, pkg{})
	}
}

// progress tells that done of twice the number of commits is done.
func (e *engine) progress(done int) {
	if e.report != nil && (done >= e.shown+256 || done == 2*len(e.commits) && done > e.shown) {
		e.shown = done
		e.report(done, 2*len(e.commits))
	}
}

func (e *engine) walk(ctx context.Context, tip repo.Hash, at []repo.Hash) error {
	index := map[repo.Hash]int32{}
	var parents []int32 // of all commits, in blocks
	err := e.rd.Walk(ctx, tip, func(c repo.CommitInfo) error {
		if cap(parents)-len(parents) < len(c.Parents) {
			parents = make([]int32, 0, max(4096, len(c.Parents)))
		}
		from := len(parents)
		for _, id := range c.Parents {
			p, ok := index[id]
			if !ok {
				return fmt.Errorf("commit %s comes before its parent %s", c.ID, id)
			}
			parents = append(parents, p)
		}
		n := commit{id: c.ID, tree: c.Tree, parents: parents[from:len(parents):len(parents)]}
		if _, twice := index[c.ID]; twice {
			return fmt.Errorf("commit %s comes twice", c.ID)
		}
		index[c.ID] = int32(len(e.commits))
		e.commits = append(e.commits, n)
		return nil
	})
	if err != nil {
		return fmt.Errorf("walking the history of %s: %w", tip, err)
	}
	if n := len(e.commits); n == 0 || e.commits[n-1].id != tip {
		return fmt.Errorf("walking the history of %s: the walk did not end there", tip)
	}
	place := e.arrange()
	for _, id := range at {
		if c, ok := index[id]; ok && place[c] >= 0 {
			e.at[place[c]] = true
		}
	}
	e.vectors = make([]vector, len(e.commits))
	return nil
}

// arrange puts the commits in the order that the history alone gives, whatever
// the walk's was: depth first from the tip, parents before children. It returns
// the new place of each.
func (e *engine) arrange() []int32 {
	place := make([]int32, len(e.commits))
	for i := range place {
		place[i] = -1
	}
	type visit struct{ commit, parent int32 }
	order := make([]commit, 0, len(e.commits))
	stack := []visit{{commit: int32(len(e.commits) - 1)}}
	for len(stack) > 0 {
		at := &stack[len(stack)-1]
		c := &e.commits[at.commit]
		if int(at.parent) < len(c.parents) {
			p := c.parents[at.parent]
			if at.parent++; place[p] < 0 {
				stack = append(stack, visit{commit: p})
			}
			continue
		}
		if place[at.commit] < 0 {
			place[at.commit] = int32(len(order))
			order = append(order, *c)
		}
		stack = stack[:len(stack)-1]
	}
	for i := range order {
		for k, p := range order[i].parents {
			order[i].parents[k] = place[p]
		}
	}
	e.commits = order
	return place
}

// plan resolves the trees and finds the renames and the commits to keep.
func (e *engine) plan(ctx context.Context) error {
	for round := 0; ; round++ {
		e.endRound()
		if err := e.resolve(ctx); err != nil {
			return err
		}
		p := e.newPass(true)
		if err := p.upTo(ctx, len(e.commits)); err != nil {
			return err
		}
		e.candidates = p.copied
		if round == maxRenames {
			break
		}
		again, err := e.followRound(ctx, p.roots)
		if err != nil {
			return err
		}
		if !again {
			break
		}
	}
	for r := range e.links {
		e.linksOf[r.pkg] = append(e.linksOf[r.pkg], r)
	}
	for _, list := range e.linksOf {
		slices.SortFunc(list, func(a, b root) int { return cmp.Compare(b.commit, a.commit) })
	}
	return nil
}

// make reads the commits to keep and makes the new ones.
func (e *engine) make(ctx context.Context) error {
	p := e.newPass(false)
	ids := make([]repo.Hash, len(e.candidates))
	for i, c := range e.candidates {
		ids[i] = e.commits[c].id
	}
	next := 0
	tail := make([]byte, 0, 4<<10)
	err := e.rd.Objects(ctx, ids, func(o repo.Object) error {
		c := int(e.candidates[next])
		next++
		if o.Type != "commit" {
			return fmt.Errorf("object %s is a %s where a commit should be", o.ID, o.Type)
		}
		var err error
		if tail, err = commitTail(tail[:0], o.Data); err != nil {
			return fmt.Errorf("commit %s: %w", o.ID, err)
		}
		if err := p.upTo(ctx, c); err != nil {
			return err
		}
		e.progress(len(e.commits) + c)
		return p.step(c, tail)
	})
	if err == nil {
		err = p.upTo(ctx, len(e.commits))
	}
	if err != nil {
		return fmt.Errorf("making the new commits: %w", err)
	}
	e.last = p
	e.progress(2 * len(e.commits))
	return nil
}

// A pass goes through the commits, parents first, and applies the rule of keeping.
type pass struct {
	e     *engine
	g     graph
	dry   bool
	next  int      // the commit to come
	state []vector // by commit, by package: its newest new commit. Shared where nothing changed; nil when no child will ask any more.
	asked []int32  // by commit: children that will still ask
	none  vector   // the state of a commit that has nothing
	whole int      // the package of the root, whose commits are all kept; -1

	copied []int32          // dry: the commits that some package keeps
	roots  []root           // dry: the roots whose renames are looked for
	kept   [][]kept         // by package
	held   map[int32]vector // the states of the commits that were asked for
	err    error            // the first that resolve met

	todo    []int32 // scratch
	parents []int32 // scratch
}

// A kept is a commit of the monorepo and the new commit that it became.
type kept struct {
	commit, node int32
	gap          bool // the directory went away here
}

func (e *engine) newPass(dry bool) *pass {
	p := &pass{
		e: e, dry: dry, g: newGraph(), whole: -1,
		state: make([]vector, len(e.commits)),
		asked: make([]int32, len(e.commits)),
		none:  newVector(len(e.pkgs)),
		kept:  make([][]kept, len(e.pkgs)),
		held:  map[int32]vector{},
	}
	if pkg, ok := e.byPath["."]; ok {
		p.whole = pkg
	}
	for i := range e.commits {
		for _, parent := range e.commits[i].parents {
			p.asked[parent]++
		}
	}
	return p
}

// upTo steps over the commits before end that have not been stepped over, with
// no bytes of theirs.
func (p *pass) upTo(ctx context.Context, end int) error {
	for p.next < end {
		if p.next%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := p.step(p.next, nil); err != nil {
			return err
		}
	}
	return nil
}

// step takes commit c, the next one. tail is what its new commits take from it.
func (p *pass) step(c int, tail []byte) error {
	e := p.e
	p.next = c + 1
	parents := e.commits[c].parents
	vec := e.vectors[c]
	// A package needs a look where it is not what it was in the first parent,
	// or where the parents have come to different commits.
	p.todo = p.todo[:0]
	look := func(i int, _, _ int32) { p.todo = append(p.todo, int32(i)) }
	base := p.none
	if len(parents) == 0 {
		eachDifference(vec, p.none, look)
	} else {
		base = p.state[parents[0]]
		eachDifference(vec, e.vectors[parents[0]], look)
		for _, parent := range parents[1:] {
			eachDifference(p.state[parent], base, look)
		}
	}
	if p.whole >= 0 {
		p.todo = append(p.todo, int32(p.whole))
	}
	if len(parents) > 1 || p.whole >= 0 {
		slices.Sort(p.todo)
		p.todo = slices.Compact(p.todo)
	}
	state := newDraft(base)
	for _, pkg := range p.todo {
		i := int(pkg)
		if of := &e.pkgs[i]; int32(c) >= of.until {
			continue
		} else if of.kind == part {
			if p.dry && of.follow {
				state.set(i, p.scout(i, int32(c), vec.get(i)))
			}
			continue
		}
		state.set(i, p.resolve(i, int32(c), vec.get(i), tail))
	}
	p.state[c] = state.vector
	if !p.dry && e.at[int32(c)] {
		p.held[int32(c)] = state.vector
	}
	for _, parent := range parents {
		if p.asked[parent]--; p.asked[parent] == 0 {
			p.state[parent] = nil
		}
	}
	return p.err
}

// scout finds the roots of a part. It returns 1 where the part's directory is
// there or was.
func (p *pass) scout(i int, c, value int32) int32 {
	for _, parent := range p.e.commits[c].parents {
		if p.state[parent].get(i) != 0 {
			return 1
		}
	}
	if value == 0 || !p.e.isTree(value) {
		return 0
	}
	p.roots = append(p.roots, root{i, c})
	return 1
}

// resolve returns the new commit that stands for c in a package: one of its
// parents', or one that is made here; 0 where there is nothing yet.
func (p *pass) resolve(pkg int, c, tree int32, tail []byte) int32 {
	from := pkg
	if linked, ok := p.e.links[root{pkg, c}]; ok {
		from = linked
	}
	p.parents = p.parents[:0]
	for _, parent := range p.e.commits[c].parents {
		if n := p.state[parent].get(from); n != 0 {
			p.parents = append(p.parents, n)
		}
	}
	gap := false
	if len(p.parents) == 0 {
		if tree == 0 {
			return 0
		}
		if p.dry && p.e.pkgs[pkg].follow && p.e.pkgs[pkg].kind == plain {
			p.roots = append(p.roots, root{pkg, c})
		}
	}
	if tree == 0 {
		tree = p.e.emptyTree
		for _, n := range p.parents {
			gap = gap || p.g.nodes[n].tree != tree
		}
	}
	skipTo, parents := p.g.keep(tree, p.parents)
	if skipTo != 0 && pkg != p.whole {
		return skipTo
	}
	if pkg == p.whole {
		parents = slices.Clone(p.parents)
	}
	if p.dry {
		if k := len(p.copied); k == 0 || p.copied[k-1] != c {
			p.copied = append(p.copied, c)
		}
		return p.g.add(node{tree: tree, parents: parents})
	}
	if tail == nil {
		// The dry pass has no ids, so it takes for two what may turn out to be
		// one new commit: of two old ones that differ outside the directory
		// only. Ancestry among the ones is that among the others or more, so it
		// keeps whatever is kept here.
		if p.err == nil {
			p.err = fmt.Errorf("commit %s is to be kept in %q, which was not foreseen; this is a defect of terrier", p.e.commits[c].id, p.e.pkgs[pkg].path)
		}
		return 0
	}
	ids := make([]repo.Hash, len(parents))
	for i, n := range parents {
		ids[i] = p.g.nodes[n].id
	}
	data := newCommit(p.e.values[tree].id, ids, tail)
	id := objectID("commit", data)
	n, ok := p.g.byID[id]
	if !ok {
		n = p.g.add(node{id: id, tree: tree, parents: parents, data: data})
		p.g.byID[id] = n
	}
	p.kept[pkg] = append(p.kept[pkg], kept{c, n, gap})
	return n
}

// split collects what package i has at the tip.
func (e *engine) split(i int, f Filter) Split {
	for to, ok := e.movedTo[i]; ok; to, ok = e.movedTo[i] {
		i = to
	}
	s := Split{Filter: f}
	p := e.last
	tip := p.state[len(e.commits)-1].get(i)
	if tip == 0 {
		return s
	}
	s.Tip = p.g.nodes[tip].id
	s.Tree = e.values[p.g.nodes[tip].tree].id
	pkgs, renames := e.lineage(i)
	s.Followed = renames
	p.g.reach(tip)
	for c := range e.at {
		if s.At == nil {
			s.At = map[repo.Hash]repo.Hash{}
		}
		var id repo.Hash
		if n := e.standsFor(i, c); n != 0 && p.g.reached(n) && p.g.nodes[n].tree != e.emptyTree {
			id = p.g.nodes[n].id
		}
		s.At[e.commits[c].id] = id
	}
	var all []kept
	for _, q := range pkgs {
		for _, k := range p.kept[q] {
			if p.g.reached(k.node) {
				all = append(all, k)
			}
		}
	}
	// The order of nodes depends on what other packages there are, that of
	// commits does not. A new commit comes after its parents here as well:
	// those were made from older commits.
	slices.SortFunc(all, func(a, b kept) int {
		if c := cmp.Compare(a.commit, b.commit); c != 0 {
			return c
		}
		return bytes.Compare(p.g.nodes[a.node].id[:], p.g.nodes[b.node].id[:])
	})
	all = slices.CompactFunc(all, func(a, b kept) bool { return a.commit == b.commit && a.node == b.node })
	commits := make([]repo.Object, 0, len(all))
	empty := false
	done := map[int32]bool{}
	s.Map = make([]Pair, 0, len(all))
	for _, k := range all {
		n := &p.g.nodes[k.node]
		s.Map = append(s.Map, Pair{e.commits[k.commit].id, n.id})
		if !p.g.take(k.node) {
			continue // another commit became the same
		}
		if k.gap {
			s.Gaps++
		}
		empty = empty || n.tree == e.emptyTree
		if c := e.pkgs[i].composed; c != nil {
			s.New = e.composedObjects(s.New, c, n.tree, done)
		}
		commits = append(commits, repo.Object{ID: n.id, Type: "commit", Data: n.data})
	}
	s.Commits = len(commits)
	if empty {
		s.New = append(s.New, repo.Object{ID: emptyTreeID, Type: "tree"})
	}
	s.New = append(s.New, commits...)
	return s
}

// standsFor returns the new commit that stands for commit c, one of those asked
// for, in package i; 0 where there is none.
func (e *engine) standsFor(i int, c int32) int32 {
	for _, r := range e.linksOf[i] {
		if c < r.commit && e.ancestors(r.commit)[c] {
			if n := e.standsFor(e.links[r], c); n != 0 {
				return n
			}
		}
	}
	return e.last.held[c].get(i)
}
