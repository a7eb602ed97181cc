package history

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
)

// emptyTreeID is the tree of a commit in which the directory is not there.
var emptyTreeID = objectID("tree", nil)

// A value is what stands at a path: an object and its mode, without leading
// zeros, which some old tools wrote for a directory's.
type value struct {
	id   repo.Hash
	mode uint32
}

const (
	treeMode      = 0o40000
	submoduleMode = 0o160000
)

// intern gives the small index of a value; 0 is nothing.
func (e *engine) intern(v value) int32 {
	i, ok := e.valueIDs[v]
	if !ok {
		i = int32(len(e.values))
		e.values = append(e.values, v)
		e.valueIDs[v] = i
	}
	return i
}

func (e *engine) isTree(v int32) bool { return e.values[v].mode == treeMode }

// A trieNode is a directory above wanted paths, or a wanted one.
type trieNode struct {
	users    []int            // the packages whose path this is
	names    map[string]int32 // position in children
	children []trieChild
	none     vector // what a directory holds that has none of the children

	// The tree that was read last, and what it held: the next one hardly differs.
	data    []byte
	entries []lastEntry
	last    vector // see resolved.below
	held    []held // by child
	holds   int    // how many children it had
	twice   bool   // one name stands in it more than once, which no git makes
	visited int32  // how many trees were read whole
}

// A lastEntry is where in the last tree's bytes an entry ends, and which child it is; -1 for none.
type lastEntry struct {
	end, child int32
}

type trieChild struct {
	name string
	node int32
}

// A held is what was seen last at a child of a node.
type held struct {
	value
	below int32
	visit int32 // when
}

// newTrie arranges the packages from first on. Node 0 is the root.
func newTrie(pkgs []pkg, first int) []trieNode {
	trie := []trieNode{{}}
	var order []int
	for i := first; i < len(pkgs); i++ {
		if k := pkgs[i].kind; k == plain || k == part {
			order = append(order, i)
		}
	}
	// As git sorts directories, so that what follows in a tree follows here.
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(pkgs[a].path+"/", pkgs[b].path+"/") })
	for _, i := range order {
		at := int32(0)
		if p := pkgs[i].path; p != "." {
			for name := range strings.SplitSeq(p, "/") {
				pos, ok := trie[at].names[name]
				if !ok {
					pos = int32(len(trie[at].children))
					if trie[at].names == nil {
						trie[at].names = map[string]int32{}
					}
					trie[at].names[name] = pos
					trie[at].children = append(trie[at].children, trieChild{name, int32(len(trie))})
					trie = append(trie, trieNode{})
				}
				at = trie[at].children[pos].node
			}
		}
		trie[at].users = append(trie[at].users, i)
	}
	for i := range trie {
		n := &trie[i]
		n.held = make([]held, len(n.children))
		n.none = newVector(len(n.children))
		n.last = n.none
	}
	return trie
}

// A placed is a value at a node of the trie: what is memoised.
type placed struct {
	node, value int32
}

// A resolved is what a placed tree holds.
type resolved struct {
	placed
	next int32 // the next one in the level of the same value, plus one
	// below has for each child of the node the index in the next level plus
	// one, or 0 where there is nothing. It is nil where nothing was looked for.
	below vector
}

// A level are the placed values at one depth, without repetition.
type level struct {
	list  []resolved
	first []int32          // by value: the first of it in list, plus one
	more  map[placed]int32 // the others, plus one
}

func (l *level) add(p placed) int32 {
	for int(p.value) >= len(l.first) {
		l.first = append(l.first, make([]int32, 1024+len(l.first)/2)...)
	}
	i := int32(len(l.list))
	n := resolved{placed: p}
	if f := l.first[p.value]; f == 0 {
		l.first[p.value] = i + 1
	} else if l.list[f-1].node == p.node {
		return f - 1
	} else if m, ok := l.more[p]; ok {
		return m - 1
	} else {
		if l.more == nil {
			l.more = map[placed]int32{}
		}
		l.more[p] = i + 1
		n.next, l.list[f-1].next = l.list[f-1].next, i+1
	}
	l.list = append(l.list, n)
	return i
}

// A resolver looks wanted paths up in the trees of all commits. It goes down
// level by level, so that all trees of a level are read in one go, and each
// only once.
type resolver struct {
	e      *engine
	trie   []trieNode
	levels []*level
}

// resolve extends e.vectors, which tell for each commit what each package
// holds, by the packages that have come since the last call.
func (e *engine) resolve(ctx context.Context) error {
	first := e.resolved
	e.resolved = len(e.pkgs)
	limit := 0 // commits from here on are of no interest
	for _, p := range e.pkgs[first:] {
		limit = max(limit, int(min(p.until, int32(len(e.commits)))))
	}
	r := &resolver{e: e, trie: newTrie(e.pkgs, first), levels: []*level{{}}}
	rootOf := make([]int32, limit)
	// Newest first: that is how packs are made, so bases of deltas are read before what needs them.
	for i := limit - 1; i >= 0; i-- {
		rootOf[i] = r.levels[0].add(placed{0, e.intern(value{e.commits[i].tree, treeMode})})
	}
	for more := true; more; {
		var err error
		if more, err = r.descend(ctx); err != nil {
			return fmt.Errorf("reading the directories of the history: %w", err)
		}
	}

	zero := newVector(len(e.pkgs))
	known := make([]vector, len(r.levels[0].list)) // by root tree
	var dirty, moved []int                         // packages of several paths: with a change, and with renames
	for i := first; i < len(e.pkgs); i++ {
		if c := e.pkgs[i].composed; c != nil && c.moved {
			moved = append(moved, i)
		}
	}
	for c := range e.commits {
		prefix := e.vectors[c]
		base, baseRoot := zero, int32(-1)
		if parents := e.commits[c].parents; len(parents) > 0 {
			base = e.vectors[parents[0]]
			if int(parents[0]) < limit {
				baseRoot = rootOf[parents[0]]
			}
		}
		base = base.withPrefix(prefix)
		if c >= limit {
			// Nobody asks what the new packages hold here.
			e.vectors[c] = base
			continue
		}
		if v := known[rootOf[c]]; v != nil {
			e.vectors[c] = e.composeAll(moved, int32(c), v)
			continue
		}
		d := newDraft(base)
		dirty = dirty[:0]
		r.diff(0, baseRoot+1, rootOf[c]+1, func(i int, v int32) {
			p := &e.pkgs[i]
			if p.kind == plain && v != 0 && !e.isTree(v) {
				v = 0
			}
			d.set(i, v)
			if p.kind == part && !e.pkgs[p.owner].composed.moved && !slices.Contains(dirty, p.owner) {
				dirty = append(dirty, p.owner)
			}
		})
		known[rootOf[c]] = e.composeAll(dirty, int32(c), d.vector)
		// What these hold depends on more than the tree.
		e.vectors[c] = e.composeAll(moved, int32(c), known[rootOf[c]])
	}
	return nil
}

// composeAll is vec with what packages of several paths hold in commit c.
func (e *engine) composeAll(pkgs []int, c int32, vec vector) vector {
	d := newDraft(vec)
	for _, i := range pkgs {
		d.set(i, e.compose(i, c, d.vector))
	}
	return d.vector
}

// descend reads the trees of the last level and makes the next one of what
// they hold. It reports whether there was anything to read.
func (r *resolver) descend(ctx context.Context) (bool, error) {
	depth := len(r.levels) - 1
	cur, next := r.levels[depth], &level{}
	wants := func(n *resolved) bool { return len(r.trie[n.node].children) > 0 && r.e.isTree(n.value) }
	var ids []repo.Hash
	var waits []int32 // the value of each
	for i := range cur.list {
		// The first one of each value stands for all.
		n := &cur.list[i]
		if cur.first[n.value] != int32(i)+1 {
			continue
		}
		for at := int32(i) + 1; at != 0; at = cur.list[at-1].next {
			if wants(&cur.list[at-1]) {
				ids = append(ids, r.e.values[n.value].id)
				waits = append(waits, n.value)
				break
			}
		}
	}
	if len(ids) == 0 {
		return false, nil
	}
	done := 0
	err := r.e.readTrees(ctx, ids, func(id repo.Hash, data []byte) error {
		at := cur.first[waits[done]]
		if done++; depth == 0 {
			r.e.progress(len(r.e.commits) * done / len(ids))
		}
		for ; at != 0; at = cur.list[at-1].next {
			if n := &cur.list[at-1]; wants(n) {
				if err := r.read(n, next, data); err != nil {
					return fmt.Errorf("tree %s: %w", id, err)
				}
			}
		}
		return nil
	})
	r.levels = append(r.levels, next)
	return true, err
}

// read takes from a tree what the trie wants of it.
func (r *resolver) read(to *resolved, next *level, data []byte) error {
	n := &r.trie[to.node]
	if !r.readAlike(n, next, data) {
		if err := r.readWhole(n, next, data); err != nil {
			return err
		}
	}
	to.below = n.last
	return nil
}

// readAlike reads a tree that differs from the last one in what some entries
// refer to and in nothing else. It reports whether that was so.
func (r *resolver) readAlike(n *trieNode, next *level, data []byte) bool {
	if len(data) != len(n.data) || n.visited == 0 || n.twice {
		return false
	}
	d := newDraft(n.last)
	start := int32(0)
	for _, l := range n.entries {
		if old, now := n.data[start:l.end], data[start:l.end]; !bytes.Equal(old, now) {
			head := len(now) - len(repo.Hash{})
			if !bytes.Equal(old[:head], now[:head]) {
				return false
			}
			if l.child >= 0 {
				e, _, err := cutEntry(now)
				if err != nil {
					return false
				}
				d.set(int(l.child), r.hold(n, next, l.child, &e))
			}
			copy(old, now)
		}
		start = l.end
	}
	n.last = d.vector
	return true
}

func (r *resolver) readWhole(n *trieNode, next *level, data []byte) error {
	d := newDraft(n.last)
	n.visited++
	n.entries, n.twice = n.entries[:0], false
	guess, found, came := int32(0), 0, 0
	for rest := data; len(rest) > 0; {
		e, after, err := cutEntry(rest)
		if err != nil {
			return err
		}
		rest = after
		pos := guess
		if int(pos) >= len(n.children) || string(e.name) != n.children[pos].name {
			var ok bool
			if pos, ok = n.names[string(e.name)]; !ok {
				n.entries = append(n.entries, lastEntry{int32(len(data) - len(rest)), -1})
				continue
			}
		}
		n.entries = append(n.entries, lastEntry{int32(len(data) - len(rest)), pos})
		guess = pos + 1
		if h := &n.held[pos]; h.visit != n.visited {
			h.visit = n.visited
			found++
		} else {
			n.twice = true
		}
		if d.get(int(pos)) == 0 {
			came++
		}
		d.set(int(pos), r.hold(n, next, pos, &e))
	}
	if n.holds+came > found {
		for pos := range n.held {
			if n.held[pos].visit != n.visited {
				d.set(pos, 0)
			}
		}
	}
	n.data = append(n.data[:0], data...)
	n.holds = found
	n.last = d.vector
	return nil
}

// hold returns the index in the next level, plus one, of what a child is in an entry.
func (r *resolver) hold(n *trieNode, next *level, child int32, e *treeEntry) int32 {
	h := &n.held[child]
	if v := (value{e.id(), e.mode}); h.value != v {
		h.value = v
		h.below = next.add(placed{n.children[child].node, r.e.intern(v)}) + 1
	}
	return h.below
}

// diff calls visit for each package whose path holds something else in b than
// in a, with what b has. Both are indices in a level plus one; 0 is nothing.
func (r *resolver) diff(depth int, a, b int32, visit func(pkg int, value int32)) {
	if a == b {
		return
	}
	var x, y *resolved
	node, before, after := int32(0), int32(0), int32(0)
	if a != 0 {
		x = &r.levels[depth].list[a-1]
		node, before = x.node, x.value
	}
	if b != 0 {
		y = &r.levels[depth].list[b-1]
		node, after = y.node, y.value
	}
	n := &r.trie[node]
	if before != after {
		for _, u := range n.users {
			visit(u, after)
		}
	}
	below := [2]vector{n.none, n.none}
	if x != nil && x.below != nil {
		below[0] = x.below
	}
	if y != nil && y.below != nil {
		below[1] = y.below
	}
	eachDifference(below[0], below[1], func(_ int, a, b int32) { r.diff(depth+1, a, b, visit) })
}

// readTrees calls visit for each of ids, in their order. The data is valid
// during the call only.
func (e *engine) readTrees(ctx context.Context, ids []repo.Hash, visit func(id repo.Hash, data []byte) error) error {
	return e.rd.Objects(ctx, ids, func(o repo.Object) error {
		if o.Type != "tree" {
			return fmt.Errorf("object %s is a %s where a tree should be", o.ID, o.Type)
		}
		return visit(o.ID, o.Data)
	})
}

// A treeEntry is one of a tree object. It is valid while that object's bytes are.
type treeEntry struct {
	mode uint32
	name []byte
	hash []byte
}

func (e *treeEntry) id() repo.Hash { return repo.Hash(e.hash) }

var errNotTree = fmt.Errorf("not a tree: a malformed entry\nhint: \"git fsck\" tells more")

// cutEntry reads the first entry of a tree object's bytes, and gives the rest of them.
func cutEntry(data []byte) (e treeEntry, rest []byte, err error) {
	i := 0
	for ; i < len(data) && data[i] != ' '; i++ {
		if data[i] < '0' || data[i] > '7' || i > 8 {
			return e, nil, errNotTree
		}
		e.mode = e.mode<<3 | uint32(data[i]-'0')
	}
	if i == 0 || i == len(data) {
		return e, nil, errNotTree
	}
	data = data[i+1:]
	nul := bytes.IndexByte(data, 0)
	if nul < 1 || len(data) < nul+1+len(repo.Hash{}) {
		return e, nil, errNotTree
	}
	e.name, e.hash = data[:nul], data[nul+1:nul+1+len(repo.Hash{})]
	return e, data[nul+1+len(repo.Hash{}):], nil
}
