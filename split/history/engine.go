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
// vector each (package → tree); a dry pass, which tells the commits that some
// package keeps; a last pass over those commits' bytes, which makes the new
// ones. With Follow, resolve and the dry pass repeat until no rename is new.
type engine struct {
	rd     repo.Reader
	follow bool
	report func(done, total int)
	shown  int // what report was told last

	paths []string       // by package
	pkgs  map[string]int // path → package

	commits []commit // parents first, the tip last

	trees     []repo.Hash
	treeIDs   map[repo.Hash]uint32
	emptyTree uint32
	vectors   [][]uint32 // by vector, by package: the index of the tree; 0: not there
	vecOf     []int32    // by commit: the vector

	// links has the renames: a package's root and the package it goes on with.
	links    map[root]int
	examined map[root]bool // the roots that were searched for one
	until    []int32       // by package: only commits before this one are of interest
	memory   map[repo.Hash][]byte
	memoryOf int // bytes in memory

	candidates []int32 // commits that some package keeps, ascending
	last       *pass   // the pass that made the commits
}

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

// addPackage returns the package of a path, a new one where there is none, of
// interest up to commit until.
func (e *engine) addPackage(path string, until int32) int {
	pkg, ok := e.pkgs[path]
	if !ok {
		pkg = len(e.paths)
		e.paths = append(e.paths, path)
		e.pkgs[path] = pkg
		e.until = append(e.until, until)
	}
	return pkg
}

// progress tells that done of twice the number of commits is done.
func (e *engine) progress(done int) {
	if e.report != nil && (done >= e.shown+256 || done == 2*len(e.commits) && done > e.shown) {
		e.shown = done
		e.report(done, 2*len(e.commits))
	}
}

func (e *engine) walk(ctx context.Context, tip repo.Hash) error {
	index := map[repo.Hash]int32{}
	err := e.rd.Walk(ctx, tip, func(c repo.CommitInfo) error {
		n := commit{id: c.ID, tree: c.Tree}
		if len(c.Parents) > 0 {
			n.parents = make([]int32, len(c.Parents))
		}
		for i, id := range c.Parents {
			p, ok := index[id]
			if !ok {
				return fmt.Errorf("commit %s comes before its parent %s", c.ID, id)
			}
			n.parents[i] = p
		}
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
	return nil
}

// plan resolves the trees and finds the renames and the commits to keep.
func (e *engine) plan(ctx context.Context) error {
	for round := 0; ; round++ {
		if err := e.resolve(ctx); err != nil {
			return err
		}
		p := e.newPass(true)
		if err := p.upTo(ctx, len(e.commits)); err != nil {
			return err
		}
		e.candidates = p.copied
		if !e.follow || round == maxRenames {
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
	e.memory = nil
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
	err := e.rd.Objects(ctx, ids, func(o repo.Object) error {
		c := int(e.candidates[next])
		next++
		if o.Type != "commit" {
			return fmt.Errorf("object %s is a %s where a commit should be", o.ID, o.Type)
		}
		tail, err := commitTail(o.Data)
		if err != nil {
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
	next  int       // the commit to come
	state [][]int32 // by commit, by package: its newest new commit. Shared where nothing changed; nil when no child will ask any more.
	asked []int32   // by commit: children that will still ask
	none  []int32   // the state of a commit that has nothing
	whole int       // the package of the root, whose commits are all kept; -1

	copied []int32  // dry: the commits that some package keeps
	roots  []root   // dry: the roots that no link goes on from
	kept   [][]kept // by package
	err    error    // the first that resolve met

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
		state: make([][]int32, len(e.commits)),
		asked: make([]int32, len(e.commits)),
		none:  make([]int32, len(e.paths)),
		kept:  make([][]kept, len(e.paths)),
	}
	if pkg, ok := e.pkgs["."]; ok {
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
	vec := e.vectors[e.vecOf[c]]
	if p.unchanged(c) {
		p.state[c] = p.state[parents[0]]
	} else {
		base, baseVec := p.none, []uint32(nil)
		if len(parents) > 0 {
			base = p.state[parents[0]]
			if len(parents) == 1 {
				baseVec = e.vectors[e.vecOf[parents[0]]]
			}
		}
		state, own := base, false
		for pkg, tree := range vec {
			if baseVec != nil && baseVec[pkg] == tree && pkg != p.whole || int32(c) >= e.until[pkg] {
				continue
			}
			n := p.resolve(pkg, int32(c), tree, tail)
			if n == state[pkg] {
				continue
			}
			if !own {
				state, own = slices.Clone(state), true
			}
			state[pkg] = n
		}
		p.state[c] = state
	}
	for _, parent := range parents {
		if p.asked[parent]--; p.asked[parent] == 0 {
			p.state[parent] = nil
		}
	}
	return p.err
}

// unchanged reports whether commit c has, for every package, just what each of its parents has.
func (p *pass) unchanged(c int) bool {
	parents := p.e.commits[c].parents
	if len(parents) == 0 || p.whole >= 0 {
		return false
	}
	first := p.state[parents[0]]
	for _, parent := range parents {
		if p.e.vecOf[parent] != p.e.vecOf[c] || &p.state[parent][0] != &first[0] {
			return false
		}
	}
	return true
}

// resolve returns the new commit that stands for c in a package: one of its
// parents', or one that is made here; 0 where there is nothing yet.
func (p *pass) resolve(pkg int, c int32, tree uint32, tail []byte) int32 {
	from := pkg
	if linked, ok := p.e.links[root{pkg, c}]; ok {
		from = linked
	}
	p.parents = p.parents[:0]
	for _, parent := range p.e.commits[c].parents {
		if n := p.state[parent][from]; n != 0 {
			p.parents = append(p.parents, n)
		}
	}
	gap := false
	if len(p.parents) == 0 {
		if tree == 0 {
			return 0
		}
		if p.dry {
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
			p.err = fmt.Errorf("commit %s is to be kept in %q, which was not foreseen; this is a defect of terrier", p.e.commits[c].id, p.e.paths[pkg])
		}
		return 0
	}
	ids := make([]repo.Hash, len(parents))
	for i, n := range parents {
		ids[i] = p.g.nodes[n].id
	}
	data := newCommit(p.e.trees[tree], ids, tail)
	id := objectID("commit", data)
	n, ok := p.g.byID[id]
	if !ok {
		n = p.g.add(node{id: id, tree: tree, parents: parents, data: data})
		p.g.byID[id] = n
	}
	p.kept[pkg] = append(p.kept[pkg], kept{c, n, gap})
	return n
}

// split collects what package pkg has at the tip.
func (e *engine) split(pkg int) Split {
	s := Split{Path: e.paths[pkg]}
	p := e.last
	tip := p.state[len(e.commits)-1][pkg]
	if tip == 0 {
		return s
	}
	s.Tip = p.g.nodes[tip].id
	s.Tree = e.trees[p.g.nodes[tip].tree]
	pkgs, renames := e.lineage(pkg)
	s.Followed = renames
	in := p.g.reachable(tip)
	var all []kept
	for _, q := range pkgs {
		for _, k := range p.kept[q] {
			if int(k.node) < len(in) && in[k.node] {
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
	var commits []repo.Object
	empty := false
	for _, k := range all {
		n := &p.g.nodes[k.node]
		s.Map = append(s.Map, Pair{e.commits[k.commit].id, n.id})
		if !in[k.node] {
			continue // another commit became the same
		}
		in[k.node] = false
		if k.gap {
			s.Gaps++
		}
		empty = empty || n.tree == e.emptyTree
		commits = append(commits, repo.Object{ID: n.id, Type: "commit", Data: n.data})
	}
	s.Commits = len(commits)
	if empty {
		s.New = append(s.New, repo.Object{ID: emptyTreeID, Type: "tree"})
	}
	s.New = append(s.New, commits...)
	return s
}
