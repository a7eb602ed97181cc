package history

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
)

// emptyTreeID is the tree of a commit in which the directory is not there.
var emptyTreeID = objectID("tree", nil)

// A trieNode is a directory above wanted ones, or a wanted one.
type trieNode struct {
	pkg      int            // the package whose path this is; -1 where none
	names    map[string]int // position in children
	children []int          // indices of the trie's nodes
}

// newTrie arranges paths, the index of each being its package. Node 0 is the root.
func newTrie(paths []string) []trieNode {
	trie := []trieNode{{pkg: -1}}
	for pkg, p := range paths {
		at := 0
		if p != "." {
			for name := range strings.SplitSeq(p, "/") {
				pos, ok := trie[at].names[name]
				if !ok {
					pos = len(trie[at].children)
					if trie[at].names == nil {
						trie[at].names = map[string]int{}
					}
					trie[at].names[name] = pos
					trie[at].children = append(trie[at].children, len(trie))
					trie = append(trie, trieNode{pkg: -1})
				}
				at = trie[at].children[pos]
			}
		}
		trie[at].pkg = pkg
	}
	return trie
}

// A placed is a tree at a node of the trie: what is memoised.
type placed struct {
	node int
	tree repo.Hash
}

// A resolved is what a placed tree holds.
type resolved struct {
	placed
	// below has for each child of the node the index in the next level plus
	// one, or 0 where there is no such directory. It is nil where there is none at all.
	below []int32
}

// A level are the placed trees at one depth, without repetition.
type level struct {
	list  []resolved
	index map[placed]int32
}

func newLevel() *level { return &level{index: map[placed]int32{}} }

func (l *level) add(p placed) int32 {
	i, ok := l.index[p]
	if !ok {
		i = int32(len(l.list))
		l.index[p] = i
		l.list = append(l.list, resolved{placed: p})
	}
	return i
}

// resolve sets e.vecOf: for each commit the vector that tells each package's
// tree. It goes down level by level, so that all trees of a level are read in
// one go, and each only once.
func (e *engine) resolve(ctx context.Context) error {
	trie := newTrie(e.paths)
	levels := []*level{newLevel()}
	rootOf := make([]int32, len(e.commits))
	// Newest first: that is how packs are made, so bases of deltas are read before what needs them.
	for i := len(e.commits) - 1; i >= 0; i-- {
		rootOf[i] = levels[0].add(placed{0, e.commits[i].tree})
	}
	for depth := 0; ; depth++ {
		cur, next := levels[depth], newLevel()
		var ids []repo.Hash
		at := map[repo.Hash][]int32{} // which of cur.list wait for a tree
		for i, r := range cur.list {
			if len(trie[r.node].children) > 0 {
				if at[r.tree] == nil {
					ids = append(ids, r.tree)
				}
				at[r.tree] = append(at[r.tree], int32(i))
			}
		}
		if len(ids) == 0 {
			break
		}
		done := 0
		err := e.readTrees(ctx, ids, func(id repo.Hash, data []byte) error {
			if done++; depth == 0 {
				e.progress(len(e.commits) * done / len(ids))
			}
			for _, i := range at[id] {
				r := &cur.list[i]
				node := &trie[r.node]
				err := eachEntry(data, func(mode, name []byte, entry repo.Hash) {
					pos, ok := node.names[string(name)]
					if !ok || !isTreeMode(mode) {
						return
					}
					if r.below == nil {
						r.below = make([]int32, len(node.children))
					}
					r.below[pos] = next.add(placed{node.children[pos], entry}) + 1
				})
				if err != nil {
					return fmt.Errorf("tree %s: %w", id, err)
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading the directories of the history: %w", err)
		}
		levels = append(levels, next)
	}

	var fill func(depth int, i int32, vec []uint32)
	fill = func(depth int, i int32, vec []uint32) {
		r := &levels[depth].list[i]
		if pkg := trie[r.node].pkg; pkg >= 0 {
			vec[pkg] = e.internTree(r.tree)
		}
		for _, b := range r.below {
			if b > 0 {
				fill(depth+1, b-1, vec)
			}
		}
	}
	e.vectors = e.vectors[:0]
	interned := map[string]int32{}
	vecOfRoot := make([]int32, len(levels[0].list))
	vec := make([]uint32, len(e.paths))
	var key []byte
	for i := range levels[0].list {
		clear(vec)
		fill(0, int32(i), vec)
		key = key[:0]
		for _, t := range vec {
			key = binary.NativeEndian.AppendUint32(key, t)
		}
		id, ok := interned[string(key)]
		if !ok {
			id = int32(len(e.vectors))
			interned[string(key)] = id
			e.vectors = append(e.vectors, append([]uint32(nil), vec...))
		}
		vecOfRoot[i] = id
	}
	e.vecOf = rootOf
	for i, r := range rootOf {
		e.vecOf[i] = vecOfRoot[r]
	}
	return nil
}

// internTree gives the small index of a tree.
func (e *engine) internTree(id repo.Hash) uint32 {
	i, ok := e.treeIDs[id]
	if !ok {
		i = uint32(len(e.trees))
		e.trees = append(e.trees, id)
		e.treeIDs[id] = i
	}
	return i
}

// readTrees calls visit for each of ids: first those that it remembers of
// earlier rounds, then the others, in their order. The data is valid during the
// call only.
func (e *engine) readTrees(ctx context.Context, ids []repo.Hash, visit func(id repo.Hash, data []byte) error) error {
	if len(e.memory) > 0 {
		var rest []repo.Hash
		for _, id := range ids {
			data, ok := e.memory[id]
			if !ok {
				rest = append(rest, id)
				continue
			}
			if err := visit(id, data); err != nil {
				return err
			}
		}
		ids = rest
	}
	return e.rd.Objects(ctx, ids, func(o repo.Object) error {
		if o.Type != "tree" {
			return fmt.Errorf("object %s is a %s where a tree should be", o.ID, o.Type)
		}
		if e.memory != nil && e.memoryOf+len(o.Data) <= treeCacheSize {
			e.memory[o.ID] = bytes.Clone(o.Data)
			e.memoryOf += len(o.Data)
		}
		return visit(o.ID, o.Data)
	})
}

// eachEntry calls visit for each entry of a tree object. What it is given is
// valid during the call only.
func eachEntry(data []byte, visit func(mode, name []byte, id repo.Hash)) error {
	for len(data) > 0 {
		sp := bytes.IndexByte(data, ' ')
		nul := bytes.IndexByte(data, 0)
		if sp < 1 || nul < sp+2 || len(data) < nul+1+len(repo.Hash{}) {
			return fmt.Errorf("not a tree: a malformed entry\nhint: \"git fsck\" tells more")
		}
		visit(data[:sp], data[sp+1:nul], repo.Hash(data[nul+1:nul+1+len(repo.Hash{})]))
		data = data[nul+1+len(repo.Hash{}):]
	}
	return nil
}

// isTreeMode reports whether mode is a directory's. Some old tools wrote it
// with a leading zero.
func isTreeMode(mode []byte) bool {
	return string(mode) == "40000" || string(mode) == "040000"
}
