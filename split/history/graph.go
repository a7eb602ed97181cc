package history

import (
	"slices"

	"github.com/terrier-iac/terrier/modules/repo"
)

// A node is a new commit. In a dry pass it has no id and no data.
type node struct {
	id      repo.Hash
	tree    int32 // the index of its value
	parents []int32
	data    []byte
}

// A graph holds new commits, of all packages. Index 0 means none; a parent's
// index is smaller than its child's.
type graph struct {
	nodes []node
	byID  map[repo.Hash]int32

	seen  []uint32 // by node: the last search that came by
	round uint32
	stack []int32
}

func newGraph() graph {
	return graph{nodes: make([]node, 1), byID: map[repo.Hash]int32{}}
}

func (g *graph) add(n node) int32 {
	i := int32(len(g.nodes))
	g.nodes = append(g.nodes, n)
	return i
}

// search begins a search: nothing is seen.
func (g *graph) search() {
	if n := len(g.nodes); len(g.seen) < n {
		g.seen = append(g.seen, make([]uint32, n+n/2-len(g.seen)+16)...)
	}
	g.round++
	g.stack = g.stack[:0]
}

// isAncestor reports whether a is b or one of its ancestors.
func (g *graph) isAncestor(a, b int32) bool {
	if a >= b {
		return a == b
	}
	g.search()
	g.stack = append(g.stack, b)
	for len(g.stack) > 0 {
		at := g.stack[len(g.stack)-1]
		g.stack = g.stack[:len(g.stack)-1]
		for _, p := range g.nodes[at].parents {
			if p == a {
				return true
			}
			// What is older than a cannot descend from it.
			if p > a && g.seen[p] != g.round {
				g.seen[p] = g.round
				g.stack = append(g.stack, p)
			}
		}
	}
	return false
}

// reach finds tip and its ancestors, for reached and take.
func (g *graph) reach(tip int32) {
	g.search()
	g.seen[tip] = g.round
	g.stack = append(g.stack, tip)
	for len(g.stack) > 0 {
		at := g.stack[len(g.stack)-1]
		g.stack = g.stack[:len(g.stack)-1]
		for _, p := range g.nodes[at].parents {
			if g.seen[p] != g.round {
				g.seen[p] = g.round
				g.stack = append(g.stack, p)
			}
		}
	}
}

// reached reports whether the last reach found i.
func (g *graph) reached(i int32) bool { return g.seen[i] == g.round }

// take is reached, but true only once.
func (g *graph) take(i int32) bool {
	was := g.reached(i)
	g.seen[i] = 0
	return was
}

// keep is the rule of git subtree split, its copy_or_skip: given the
// directory's tree and the new commits of a commit's parents, it returns the
// one that can stand for the commit, or 0 and the parents of the new commit to
// make. What it skips to descends from all the others: nothing is lost.
func (g *graph) keep(tree int32, parents []int32) (skipTo int32, newParents []int32) {
	var identical int32
	unrelated := false
	for _, p := range parents {
		if g.nodes[p].tree == tree {
			switch {
			case identical == 0 || g.isAncestor(identical, p):
				identical = p
			case !g.isAncestor(p, identical):
				// Two lines that came to the same: the merge joins them.
				unrelated = true
			}
		}
	}
	if identical != 0 && !unrelated {
		skip := true
		// git subtree looks only at the last parent with another tree, and so
		// loses what an earlier one brings to a merge of three or more.
		for _, p := range parents {
			skip = skip && (g.nodes[p].tree == tree || g.isAncestor(p, identical))
		}
		if skip {
			return identical, nil
		}
	}
	for _, p := range parents {
		if !slices.Contains(newParents, p) {
			newParents = append(newParents, p)
		}
	}
	return 0, newParents
}
