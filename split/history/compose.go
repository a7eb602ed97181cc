package history

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
)

// A filter of several paths has trees that the monorepo does not have: they
// are put together here, out of what stands at each of its paths in a commit.

// A mount is a path of such a filter.
type mount struct {
	place string // where it stands in the result, relative to the filter's root
	// from are the paths in the monorepo: the present one, then those that it
	// was renamed from. In a commit the first one that is or ever was there
	// counts, so that nothing that takes an old name later gets in.
	from []source
	// newest tells for each commit which of from that is; nil where there is one only.
	newest []int32
}

type source struct {
	path string
	part int // the package that tells what stands there
}

// A place is a directory of the result, or one that a mount gives.
type place struct {
	name     string
	from, to int // the mounts at it and below
	children []place
	known    map[string]int32 // the directory by what its mounts hold
}

// A composed is what package kind composed has beside the others.
type composed struct {
	root   string // of the filter
	mounts []mount
	top    place
	trees  map[int32]composedTree

	renames []rename
	moved   bool // some mount has several sources

	values []int32 // scratch
}

// A composedTree is a tree that was put together: its bytes, and those of its
// entries that were put together as well.
type composedTree struct {
	data []byte
	subs []int32
}

// newPlace arranges mounts[from:to], sorted by place with a slash at its end,
// whose places begin with prefix.
func newPlace(name, prefix string, mounts []mount, from, to int) place {
	p := place{name: name, from: from, to: to, known: map[string]int32{}}
	for i := from; i < to; {
		first, _, deeper := strings.Cut(mounts[i].place[len(prefix):], "/")
		if !deeper {
			p.children = append(p.children, place{name: first, from: i, to: i + 1})
			i++
			continue
		}
		below := prefix + first + "/"
		end := i + 1
		for end < to && strings.HasPrefix(mounts[end].place, below) {
			end++
		}
		p.children = append(p.children, newPlace(first, below, mounts, i, end))
		i = end
	}
	return p
}

// addComposed adds a package of several paths. Its mounts have their sources'
// paths.
func (e *engine) addComposed(root string, mounts []mount, follow bool, renames []rename) int {
	c := &composed{root: root, mounts: mounts, trees: map[int32]composedTree{}, values: make([]int32, len(mounts)), renames: renames}
	slices.SortFunc(c.mounts, func(a, b mount) int { return cmp.Compare(a.place+"/", b.place+"/") })
	c.top = newPlace("", "", c.mounts, 0, len(c.mounts))
	first := len(e.pkgs)
	for i := range c.mounts {
		m := &c.mounts[i]
		for k := range m.from {
			m.from[k].part = len(e.pkgs)
			e.pkgs = append(e.pkgs, pkg{kind: part, path: m.from[k].path, until: always, mount: i, follow: follow})
		}
		if len(m.from) > 1 {
			c.moved = true
			m.newest = make([]int32, len(e.commits))
		}
	}
	owner := len(e.pkgs)
	for i := first; i < owner; i++ {
		e.pkgs[i].owner = owner
	}
	e.pkgs = append(e.pkgs, pkg{kind: several, path: root, until: always, composed: c, follow: follow})
	return owner
}

// compose returns the tree of package i in commit n, where its parts hold what
// vec says; 0 where there is nothing.
func (e *engine) compose(i int, n int32, vec vector) int32 {
	c := e.pkgs[i].composed
	for k := range c.mounts {
		m := &c.mounts[k]
		from := 0
		if m.newest != nil {
			from = e.newestSource(m, n, vec)
		}
		v := vec.get(m.from[from].part)
		if v == e.emptyTree {
			v = 0 // an empty directory, which git does not make
		}
		c.values[k] = v
	}
	return e.composePlace(c, &c.top)
}

// newestSource finds the first of m's sources that is or was there in commit n.
func (e *engine) newestSource(m *mount, n int32, vec vector) int {
	newest := len(m.from) - 1
	for _, parent := range e.commits[n].parents {
		newest = min(newest, int(m.newest[parent]))
	}
	for k := range newest {
		if v := vec.get(m.from[k].part); v != 0 && e.isTree(v) {
			newest = k
			break
		}
	}
	m.newest[n] = int32(newest)
	return newest
}

func (e *engine) composePlace(c *composed, p *place) int32 {
	values := c.values[p.from:p.to]
	key := make([]byte, 0, 4*len(values))
	for _, v := range values {
		key = binary.NativeEndian.AppendUint32(key, uint32(v))
	}
	if v, ok := p.known[string(key)]; ok {
		return v
	}
	type entry struct {
		name string // with a slash at a directory's end, which is how git sorts
		v    int32
	}
	var list []entry
	var t composedTree
	for i := range p.children {
		child := &p.children[i]
		v := c.values[child.from]
		if child.known != nil {
			if v = e.composePlace(c, child); v != 0 {
				t.subs = append(t.subs, v)
			}
		}
		if v == 0 {
			continue
		}
		name := child.name
		if e.isTree(v) {
			name += "/"
		}
		list = append(list, entry{name, v})
	}
	v := int32(0)
	if len(list) > 0 {
		slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
		for _, n := range list {
			val := e.values[n.v]
			t.data = strconv.AppendUint(t.data, uint64(val.mode), 8)
			t.data = append(t.data, ' ')
			t.data = append(t.data, strings.TrimSuffix(n.name, "/")...)
			t.data = append(t.data, 0)
			t.data = append(t.data, val.id[:]...)
		}
		v = e.intern(value{objectID("tree", t.data), treeMode})
		if _, ok := c.trees[v]; !ok {
			c.trees[v] = t
		}
	}
	p.known[string(key)] = v
	return v
}

// composedObjects appends to list the trees that were put together for v and are
// not in done, each after those that it holds.
func (e *engine) composedObjects(list []repo.Object, c *composed, v int32, done map[int32]bool) []repo.Object {
	t, ok := c.trees[v]
	if !ok || done[v] {
		return list
	}
	done[v] = true
	for _, sub := range t.subs {
		list = e.composedObjects(list, c, sub, done)
	}
	return append(list, repo.Object{ID: e.values[v].id, Type: "tree", Data: t.data})
}

// placeOf is p, below root, relative to it.
func placeOf(root, p string) string {
	if root == "." {
		return p
	}
	return strings.TrimPrefix(p, root+"/")
}

// within reports whether p is root or below it. Both are clean.
func within(root, p string) bool {
	return root == "." || p == root || strings.HasPrefix(p, root+"/")
}
