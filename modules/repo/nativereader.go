package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// nativeReader reads the store's files itself.
type nativeReader struct {
	odb    *odb
	graph  *commitGraph // nil where there is none to rely on
	closed bool
}

func newNativeReader(gitDir string) (*nativeReader, error) {
	s, err := openODB(gitDir)
	if err != nil {
		return nil, err
	}
	return &nativeReader{odb: s, graph: openGraph(s.dirs)}, nil
}

func (n *nativeReader) Close() error {
	if !n.closed {
		n.closed = true
		n.odb.close()
		n.dropGraph()
	}
	return nil
}

func (n *nativeReader) dropGraph() {
	if n.graph != nil {
		n.graph.close()
		n.graph = nil
	}
}

// ready is the error of a reader that must not be used now.
func (n *nativeReader) ready(ctx context.Context) error {
	if n.closed {
		return errReaderClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (n *nativeReader) Objects(ctx context.Context, ids []Hash, visit func(o Object) error) error {
	if err := n.ready(ctx); err != nil {
		return err
	}
	return n.guarded(func() error {
		for i, id := range ids {
			if i%64 == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			kind, data, err := n.odb.read(id)
			if err != nil {
				return err
			}
			if err := visit(Object{ID: id, Type: packTypes[kind], Data: data}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (n *nativeReader) Walk(ctx context.Context, tip Hash, visit func(CommitInfo) error) error {
	if err := n.ready(ctx); err != nil {
		return err
	}
	return n.guarded(func() error {
		l, err := n.lineage(ctx, []Hash{tip}, nil)
		if err != nil {
			return err
		}
		order, err := l.order()
		if err != nil {
			return err
		}
		var parents []Hash
		for i, at := range slices.Backward(order) {
			if i%1024 == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			c := &l.commits[at]
			parents = parents[:0]
			for _, p := range l.parents[c.first:c.end] {
				parents = append(parents, l.commits[p].id)
			}
			if err := visit(CommitInfo{ID: c.id, Tree: c.tree, Parents: parents}); err != nil {
				return err
			}
		}
		return nil
	})
}

// A lineage are commits with all their ancestors.
type lineage struct {
	commits []lineageCommit // the tips first, in their order
	parents []int32         // of all of them, as indices of commits
}

type lineageCommit struct {
	id, tree   Hash
	first, end int32 // its parents in parents
	pos        int32 // in the commit-graph; -1
}

// lineage reads the commits that tips reach. Those of fresh are not in the
// repository but there.
func (n *nativeReader) lineage(ctx context.Context, tips []Hash, fresh map[Hash]commitHead) (*lineage, error) {
	l, err := n.readLineage(ctx, tips, fresh)
	if errors.Is(err, errGraph) {
		// The commits tell the same.
		n.dropGraph()
		l, err = n.readLineage(ctx, tips, fresh)
	}
	return l, err
}

func (n *nativeReader) readLineage(ctx context.Context, tips []Hash, fresh map[Hash]commitHead) (*lineage, error) {
	l := &lineage{}
	index := map[Hash]int32{}
	var byPos []int32 // by position in the graph: the index plus one
	if n.graph != nil {
		byPos = make([]int32, n.graph.count)
	}
	add := func(id Hash) (int32, error) {
		i, ok := index[id]
		if ok {
			return i, nil
		}
		i = int32(len(l.commits))
		c := lineageCommit{id: id, pos: -1}
		if _, new := fresh[id]; n.graph != nil && !new {
			if pos, ok := n.graph.find(&id); ok {
				if byPos[pos] > 0 {
					return byPos[pos] - 1, nil
				}
				c.pos = int32(pos)
				byPos[pos] = i + 1
				// Here the walk enters the graph: it must tell what the commit does.
				if err := n.compare(id, pos); err != nil {
					return 0, err
				}
			}
		}
		if c.pos < 0 {
			index[id] = i
		}
		l.commits = append(l.commits, c)
		return i, nil
	}
	for _, tip := range tips {
		if _, err := add(tip); err != nil {
			return nil, err
		}
	}
	var ids []Hash
	var positions []int32
	inGraph := 0 // parents that the graph told of
	for i := 0; i < len(l.commits); i++ {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c := l.commits[i]
		c.first = int32(len(l.parents))
		if c.pos >= 0 {
			var err error
			if c.id, c.tree, positions, err = n.graph.commit(int(c.pos), positions[:0]); err != nil {
				return nil, err
			}
			if inGraph += len(positions); inGraph > n.graph.edges {
				return nil, errGraph
			}
			if _, _, ok := n.odb.find(&c.id); !ok && !n.odb.hasLoose(c.id) {
				return nil, &MissingObjectError{ID: c.id}
			}
			for _, pos := range positions {
				p := byPos[pos] - 1
				if p < 0 {
					p = int32(len(l.commits))
					byPos[pos] = p + 1
					l.commits = append(l.commits, lineageCommit{pos: pos})
				}
				l.parents = append(l.parents, p)
			}
		} else {
			head, ok := fresh[c.id]
			if !ok {
				var err error
				if head, err = n.odb.commit(c.id, ids); err != nil {
					return nil, err
				}
				ids = head.parents
			}
			c.tree = head.tree
			for _, id := range head.parents {
				p, err := add(id)
				if err != nil {
					return nil, err
				}
				l.parents = append(l.parents, p)
			}
		}
		c.end = int32(len(l.parents))
		l.commits[i] = c
	}
	return l, nil
}

// compare holds what the graph tells of a commit against the commit.
func (n *nativeReader) compare(id Hash, pos int) error {
	head, err := n.odb.commit(id, nil)
	if err != nil {
		return err
	}
	_, tree, positions, err := n.graph.commit(pos, nil)
	if err != nil {
		return err
	}
	var parents []Hash
	for _, p := range positions {
		parent, _, _, err := n.graph.commit(int(p), nil)
		if err != nil {
			return err
		}
		parents = append(parents, parent)
	}
	if tree != head.tree || !slices.Equal(parents, head.parents) {
		return fmt.Errorf("%w at commit %s", errGraph, id)
	}
	return nil
}

// order sorts the commits as git rev-list --topo-order does, newest first: of
// a commit's parents the last one comes first, with all that only it leads to.
func (l *lineage) order() ([]int32, error) {
	children := make([]int32, len(l.commits))
	for _, p := range l.parents {
		children[p]++
	}
	var stack []int32
	for i, n := range slices.Backward(children) {
		if n == 0 {
			stack = append(stack, int32(i))
		}
	}
	order := make([]int32, 0, len(l.commits))
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		order = append(order, at)
		for _, p := range l.parents[l.commits[at].first:l.commits[at].end] {
			if children[p]--; children[p] == 0 {
				stack = append(stack, p)
			}
		}
	}
	if len(order) < len(l.commits) {
		return nil, errors.New("the history goes in a circle\nhint: \"git fsck\" tells more")
	}
	return order, nil
}
