package repo

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A commitGraph is git's own digest of the commits: of each its tree and its
// parents. It is one file or a chain of them, each on top of those before it.
type commitGraph struct {
	layers []*graphLayer
	count  int
	edges  int // the most parents that all commits together can have
}

type graphLayer struct {
	file  *mapped
	first int // the position of its first commit
	count int
	// fan and ids are the index by id, data has 36 bytes for each commit, and
	// edges the parents of merges of three or more.
	fan, ids, data, edges []byte
}

const (
	graphNone = 0x7000_0000 // no parent
	graphMore = 0x8000_0000 // the second parent is a place in edges; in edges, the last one
)

var errGraph = errors.New("the commit-graph is damaged")

// openGraph opens the commit-graph of the first directory that has one, nil
// where none has one that can be relied on: it tells nothing that the commits do not.
func openGraph(dirs []string) *commitGraph {
	for _, dir := range dirs {
		files := []string{filepath.Join(dir, "info", "commit-graph")}
		if _, err := os.Stat(files[0]); err != nil {
			chain, err := os.ReadFile(filepath.Join(dir, "info", "commit-graphs", "commit-graph-chain"))
			if err != nil {
				continue
			}
			files = nil
			for _, name := range strings.Fields(string(chain)) {
				if _, err := ParseHash(name); err != nil {
					return nil
				}
				files = append(files, filepath.Join(dir, "info", "commit-graphs", "graph-"+name+".graph"))
			}
		}
		g, err := newGraph(files, dirs)
		if err != nil {
			g.close()
			return nil
		}
		return g
	}
	return nil
}

func newGraph(files, dirs []string) (*commitGraph, error) {
	g := &commitGraph{}
	for i, name := range files {
		file, err := mapFile(name)
		// A layer of a chain may be in a repository that this one borrows from.
		for _, dir := range dirs {
			if !errors.Is(err, os.ErrNotExist) {
				break
			}
			file, err = mapFile(filepath.Join(dir, "info", "commit-graphs", filepath.Base(name)))
		}
		if err != nil {
			return g, err
		}
		l := &graphLayer{file: file, first: g.count}
		g.layers = append(g.layers, l)
		if err := l.parse(i); err != nil {
			return g, fmt.Errorf("%s: %w", name, err)
		}
		g.count += l.count
		g.edges += 2*l.count + len(l.edges)/4
	}
	return g, nil
}

// parse finds the parts of a layer that stands on below others, and checks
// its checksum.
func (l *graphLayer) parse(below int) error {
	d := l.file.data
	const head, row = 8, 12
	if len(d) < head+row+20 || string(d[:4]) != "CGPH" || d[4] != 1 || d[5] != 1 || int(d[7]) != below {
		return errGraph
	}
	body := d[:len(d)-20]
	if sum := sha1.Sum(body); !bytes.Equal(sum[:], d[len(d)-20:]) {
		return errGraph
	}
	chunks := int(d[6])
	if len(body) < head+(chunks+1)*row {
		return errGraph
	}
	for i := range chunks {
		r := body[head+i*row:]
		from, to := binary.BigEndian.Uint64(r[4:]), binary.BigEndian.Uint64(r[row+4:])
		if from > to || to > uint64(len(body)) {
			return errGraph
		}
		switch chunk := body[from:to]; string(r[:4]) {
		case "OIDF":
			l.fan = chunk
		case "OIDL":
			l.ids = chunk
		case "CDAT":
			l.data = chunk
		case "EDGE":
			l.edges = chunk
		}
	}
	l.count = len(l.ids) / 20
	if len(l.fan) != 1024 || len(l.ids) != 20*l.count || len(l.data) != 36*l.count || l.count >= graphNone || len(l.edges)%4 != 0 ||
		binary.BigEndian.Uint32(l.fan[1020:]) != uint32(l.count) {
		return errGraph
	}
	for i := 4; i < 1024; i += 4 {
		if binary.BigEndian.Uint32(l.fan[i:]) < binary.BigEndian.Uint32(l.fan[i-4:]) {
			return errGraph
		}
	}
	for i := 20; i < len(l.ids); i += 20 {
		if bytes.Compare(l.ids[i-20:i], l.ids[i:i+20]) >= 0 {
			return errGraph
		}
	}
	return nil
}

func (g *commitGraph) close() {
	for _, l := range g.layers {
		l.file.close()
	}
}

// find returns the position of a commit.
func (g *commitGraph) find(id *Hash) (int, bool) {
	for _, l := range g.layers {
		if i, ok := findID(l.fan, l.ids, id); ok {
			return l.first + i, true
		}
	}
	return 0, false
}

// commit returns what the graph tells of the commit at a position; its
// parents' positions are appended to parents.
func (g *commitGraph) commit(pos int, parents []int32) (id, tree Hash, _ []int32, err error) {
	i := len(g.layers) - 1
	for g.layers[i].first > pos {
		i--
	}
	l := g.layers[i]
	pos -= l.first
	id = Hash(l.ids[20*pos : 20*pos+20])
	d := l.data[36*pos : 36*pos+36]
	tree = Hash(d[:20])
	add := func(p uint32) bool {
		if p >= uint32(l.first+l.count) {
			err = fmt.Errorf("%w at commit %s", errGraph, id)
			return false
		}
		parents = append(parents, int32(p))
		return true
	}
	first, second := binary.BigEndian.Uint32(d[20:]), binary.BigEndian.Uint32(d[24:])
	if first == graphNone || !add(first) {
		return id, tree, parents, err
	}
	switch {
	case second == graphNone:
	case second&graphMore == 0:
		add(second)
	default:
		for at := int(second &^ graphMore); ; at++ {
			if at < 0 || at >= len(l.edges)/4 {
				return id, tree, parents, fmt.Errorf("%w at commit %s", errGraph, id)
			}
			p := binary.BigEndian.Uint32(l.edges[4*at:])
			if !add(p&^graphMore) || p&graphMore != 0 {
				break
			}
		}
	}
	return id, tree, parents, err
}
