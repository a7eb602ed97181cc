package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// A packer makes the one pack of a repository out of objects that are new and
// those of a store. What the store has compressed is copied as it is, deltas
// too where their base comes along. What remains is compressed here, as a
// delta against another version of the same path where that is shorter.
//
// It holds what the tips reach and no other object: an object gets in by being
// met on the way from a tip.
type packer struct {
	n     *nativeReader
	fresh map[Hash]*Object

	items  []packItem // in the order in which they were met: newest first
	index  map[Hash]int32
	groups map[uint64]int32 // by the path's hash
	paths  []uint64         // by group: the path's hash
	names  []uint64         // by group: that of its last name

	out     *packFile
	deflate deflater
	differ  differ
	indexed int32 // the item that differ has indexed; -1
	recent  [4]recentItem
	first   []int32 // by group: the first item written
	latest  []int32 // by group: the last item written
	byName  map[uint64]int32
}

type packItem struct {
	id     Hash
	kind   byte
	state  byte // see waiting
	depth  uint8
	group  int32 // which path it was met at; 0 is none
	before int32 // the item of the group written before it; -1
	pack   *pack // where it comes from; nil: new, or loose
	pos    int32 // in the pack's index
	offset int64 // in the new pack
}

const (
	waiting = iota
	begun   // its base is written first
	written
)

type recentItem struct {
	item int32
	data []byte
}

const (
	// maxDepth is how long a chain of our own deltas may get: as git's.
	maxDepth = 50
	// maxDelta is the size up to which deltas are looked for, and maxRetry that
	// of what the store has whole.
	maxDelta = 16 << 20
	maxRetry = 1 << 20
)

// packFrom gathers what the refs reach into one pack, with what n reads.
func (w *writer) packFrom(ctx context.Context, n *nativeReader) error {
	if err := n.ready(ctx); err != nil {
		return err
	}
	return n.guarded(func() error {
		p := &packer{n: n, fresh: make(map[Hash]*Object, len(w.Objects)), index: map[Hash]int32{}, groups: map[uint64]int32{}, byName: map[uint64]int32{}, indexed: -1}
		for i := range w.Objects {
			p.fresh[w.Objects[i].ID] = &w.Objects[i]
		}
		p.group(0, 0)
		for i := range p.recent {
			p.recent[i].item = -1
		}
		tips := map[Hash]bool{}
		for _, id := range w.Refs {
			tips[id] = true
		}
		if err := p.reach(ctx, slices.SortedFunc(maps.Keys(tips), func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })); err != nil {
			return err
		}
		return p.write(ctx, filepath.Join(w.gitDir, "objects", "pack"))
	})
}

// reach meets every object that tips reach.
func (p *packer) reach(ctx context.Context, tips []Hash) error {
	var commits []Hash
	var trees []int32
	for i := 0; i < len(tips); i++ {
		kind, data, err := p.read(tips[i])
		if err != nil {
			return err
		}
		switch kind {
		case packCommit:
			if !slices.Contains(commits, tips[i]) {
				commits = append(commits, tips[i])
			}
			continue
		case packTag:
			id, _, ok := hashLine(data, "object ")
			if !ok {
				return fmt.Errorf("tag %s is malformed", tips[i])
			}
			tips = append(tips, id)
		}
		item, isNew, err := p.meet(tips[i], kind, 0)
		if err != nil {
			return err
		}
		if isNew && kind == packTree {
			trees = append(trees, item)
		}
	}
	heads := map[Hash]commitHead{}
	for id, o := range p.fresh {
		if o.Type != "commit" {
			continue
		}
		head, ok := parseWholeHead(o.Data)
		if !ok {
			return fmt.Errorf("commit %s: its header is malformed", id)
		}
		heads[id] = head
	}
	l, err := p.n.lineage(ctx, commits, heads)
	if err != nil {
		return err
	}
	order, err := l.order()
	if err != nil {
		return err
	}
	for i, at := range order {
		if i%256 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, _, err := p.meet(l.commits[at].id, packCommit, 0); err != nil {
			return err
		}
	}
	root := p.group(fnvOffset, 0)
	for i, at := range order {
		if i%64 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		item, isNew, err := p.meet(l.commits[at].tree, packTree, root)
		if err != nil {
			return err
		}
		if isNew {
			trees = append(trees, item)
		}
		if err := p.descend(trees); err != nil {
			return err
		}
		trees = trees[:0]
	}
	return p.descend(trees)
}

// fnvOffset is the hash of the empty path.
var fnvOffset = fnv.New64a().Sum64()

// hashName goes on hashing a path by FNV-1a.
func hashName(h uint64, name []byte) uint64 {
	for _, c := range name {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return h
}

// group returns the group of a path.
func (p *packer) group(path, name uint64) int32 {
	g, ok := p.groups[path]
	if !ok {
		g = int32(len(p.names))
		p.groups[path] = g
		p.names = append(p.names, name)
		p.paths = append(p.paths, path)
		p.first = append(p.first, -1)
		p.latest = append(p.latest, -1)
	}
	return g
}

// descend meets what is in trees and below.
func (p *packer) descend(trees []int32) error {
	todo := slices.Clone(trees)
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		id := p.items[at].id
		kind, data, err := p.read(id)
		if err != nil {
			return err
		}
		if kind != packTree {
			return fmt.Errorf("object %s is a %s where a tree should be", id, packTypes[kind])
		}
		path := p.paths[p.items[at].group]
		from := len(todo)
		for len(data) > 0 {
			sp := bytes.IndexByte(data, ' ')
			nul := bytes.IndexByte(data, 0)
			if sp < 1 || nul < sp+2 || len(data) < nul+21 {
				return fmt.Errorf("tree %s: a malformed entry\nhint: \"git fsck\" tells more", id)
			}
			mode, name, entry := data[:sp], data[sp+1:nul], Hash(data[nul+1:nul+21])
			data = data[nul+21:]
			kind := byte(packBlob)
			switch {
			case string(mode) == "160000":
				continue // a submodule's commit is not here
			case string(mode) == "40000" || string(mode) == "040000":
				kind = packTree
			}
			if i, ok := p.index[entry]; ok && p.items[i].kind == kind {
				continue
			}
			below := hashName(hashName(path, []byte("/")), name)
			item, isNew, err := p.meet(entry, kind, p.group(below, hashName(fnvOffset, name)))
			if err != nil {
				return err
			}
			if isNew && kind == packTree {
				todo = append(todo, item)
			}
		}
		slices.Reverse(todo[from:])
	}
	return nil
}

// meet notes an object, which must be there.
func (p *packer) meet(id Hash, kind byte, group int32) (item int32, isNew bool, err error) {
	if i, ok := p.index[id]; ok {
		if had := p.items[i].kind; had != kind {
			return 0, false, fmt.Errorf("object %s is named as a %s and as a %s", id, packTypes[had], packTypes[kind])
		}
		return i, false, nil
	}
	it := packItem{id: id, kind: kind, group: group, before: -1}
	if o := p.fresh[id]; o != nil {
		if err := checkObject(o); err != nil {
			return 0, false, err
		}
		if packType(o.Type) != kind {
			return 0, false, fmt.Errorf("object %s is a %s where a %s should be", id, o.Type, packTypes[kind])
		}
	} else {
		pack, pos, ok := p.n.odb.find(&id)
		if !ok && !p.n.odb.hasLoose(id) {
			if err := p.n.odb.addPacks(); err != nil {
				return 0, false, err
			}
			if pack, pos, ok = p.n.odb.find(&id); !ok {
				return 0, false, &MissingObjectError{ID: id}
			}
		}
		if ok {
			it.pack, it.pos = pack, int32(pos)
		}
	}
	i := int32(len(p.items))
	p.items = append(p.items, it)
	p.index[id] = i
	return i, true, nil
}

// read returns an object, new or not. The data is valid until the next one is read.
func (p *packer) read(id Hash) (byte, []byte, error) {
	if o := p.fresh[id]; o != nil {
		return packType(o.Type), o.Data, nil
	}
	return p.n.odb.read(id)
}

// content returns an item's data, to keep.
func (p *packer) content(i int32) ([]byte, error) {
	for r := range p.recent {
		if p.recent[r].item == i {
			found := p.recent[r]
			copy(p.recent[1:r+1], p.recent[:r])
			p.recent[0] = found
			return found.data, nil
		}
	}
	it := &p.items[i]
	kind, data, err := p.read(it.id)
	if err != nil {
		return nil, err
	}
	if kind != it.kind {
		return nil, fmt.Errorf("object %s is a %s where a %s should be", it.id, packTypes[kind], packTypes[it.kind])
	}
	if p.fresh[it.id] == nil && (it.pack == nil || kind == packCommit || kind == packTag) {
		data = bytes.Clone(data)
	}
	copy(p.recent[1:], p.recent[:])
	p.recent[0] = recentItem{i, data}
	return data, nil
}

// write writes the pack. Versions of one path stand together, newest first, so
// that the next older one finds its base at hand; new objects come after the
// others of their path, as deltas against the newest of them.
func (p *packer) write(ctx context.Context, dir string) error {
	order := make([]int32, len(p.items))
	for i := range order {
		order[i] = int32(i)
	}
	rank := [8]int{packTag: 0, packCommit: 1, packTree: 2, packBlob: 3}
	slices.SortStableFunc(order, func(a, b int32) int {
		x, y := &p.items[a], &p.items[b]
		if x.kind != y.kind {
			return rank[x.kind] - rank[y.kind]
		}
		if x.group != y.group {
			return int(x.group - y.group)
		}
		if x.group == 0 {
			return 0
		}
		return p.isFresh(x) - p.isFresh(y)
	})
	var err error
	if p.out, err = newPackFile(dir, len(order)); err != nil {
		return err
	}
	defer p.out.close()
	for n, i := range order {
		if n%64 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := p.put(i); err != nil {
			return err
		}
	}
	return p.out.finish()
}

func (p *packer) isFresh(it *packItem) int {
	if it.pack == nil && p.fresh[it.id] != nil {
		return 1
	}
	return 0
}

// put writes an item, and before it those that it is to be a delta against.
func (p *packer) put(i int32) error {
	var chain []int32
	for p.items[i].state == waiting {
		chain = append(chain, i)
		p.items[i].state = begun
		base, err := p.baseOf(i)
		if err != nil {
			return err
		}
		if base < 0 {
			break
		}
		i = base
	}
	for _, i := range slices.Backward(chain) {
		it := &p.items[i]
		if err := p.add(i); err != nil {
			return fmt.Errorf("object %s: %w", it.id, err)
		}
		it.state = written
		it.before = p.latest[it.group]
		p.latest[it.group] = i
		if p.first[it.group] < 0 {
			p.first[it.group] = i
		}
		if it.group > 0 {
			p.byName[p.names[it.group]] = i
		}
	}
	return nil
}

// stored reads the head of the entry that the store has an item as, and where
// it begins. There must be one.
func (p *packer) stored(it *packItem) (packEntry, int, error) {
	offset, err := it.pack.offset(int(it.pos))
	if err != nil {
		return packEntry{}, 0, err
	}
	e, err := it.pack.entry(offset)
	if errors.Is(err, errTooLarge) {
		err = nil // to be copied it need not be read
	}
	return e, offset, err
}

// baseOf returns the item that the store has an item as a delta against, where
// that comes along; -1 where there is none.
func (p *packer) baseOf(i int32) (int32, error) {
	it := &p.items[i]
	if it.pack == nil {
		return -1, nil
	}
	e, _, err := p.stored(it)
	if err != nil || !e.isDelta() {
		return -1, err
	}
	pos, err := it.pack.at(e.base)
	if err != nil {
		return -1, err
	}
	base, ok := p.index[Hash(it.pack.ids[20*pos:20*pos+20])]
	if !ok {
		return -1, nil
	}
	return base, nil
}

// add adds an item to the pack: as the store has it, or as a delta of our own,
// or compressed anew.
func (p *packer) add(i int32) error {
	it := &p.items[i]
	if it.pack == nil {
		data, err := p.content(i)
		if err != nil {
			return err
		}
		if done, err := p.addDelta(i, len(data), 0); done || err != nil {
			return err
		}
		return p.addWhole(it, data)
	}
	e, offset, err := p.stored(it)
	if err != nil {
		return err
	}
	if !e.isDelta() {
		if e.kind != it.kind {
			return fmt.Errorf("it is a %s where a %s should be", packTypes[e.kind], packTypes[it.kind])
		}
		raw, err := p.raw(it, offset)
		if err != nil {
			return err
		}
		// git looks at all there is to be compared before it makes such a
		// pack, but at each object only once.
		if e.size <= maxRetry {
			if done, err := p.addDelta(i, e.size, len(raw)); done || err != nil {
				return err
			}
		}
		it.offset = p.out.add(it.id, nil, raw)
		return nil
	}
	b, err := p.baseOf(i)
	if err != nil {
		return err
	}
	if b >= 0 && p.items[b].state == written {
		base := &p.items[b]
		if base.kind != it.kind {
			return fmt.Errorf("it is a %s where a %s should be", packTypes[base.kind], packTypes[it.kind])
		}
		raw, err := p.raw(it, offset)
		if err != nil {
			return err
		}
		if e.body-offset > len(raw) {
			return it.pack.damaged(offset)
		}
		it.depth = min(base.depth, 254) + 1
		it.offset = p.out.add(it.id, appendBack(entryHead(nil, packOfsDelta, e.size), p.out.file.size-base.offset), raw[e.body-offset:])
		return nil
	}
	data, err := p.content(i)
	if err != nil {
		return err
	}
	if done, err := p.addDelta(i, len(data), 0); done || err != nil {
		return err
	}
	return p.addWhole(it, data)
}

// raw returns the bytes of an item's entry in the store, by its checksum.
func (p *packer) raw(it *packItem, offset int) ([]byte, error) {
	p.n.odb.touch(it.pack, offset)
	end, err := it.pack.end(offset)
	if err != nil {
		return nil, err
	}
	raw := it.pack.file.data[offset:end]
	if crc32.ChecksumIEEE(raw) != it.pack.crc(int(it.pos)) {
		return nil, it.pack.damaged(offset)
	}
	return raw, nil
}

func (p *packer) addWhole(it *packItem, data []byte) error {
	body, err := p.deflate.deflate(data)
	if err != nil {
		return err
	}
	it.offset = p.out.add(it.id, entryHead(nil, it.kind, len(data)), body)
	return nil
}

// addDelta adds an item of size bytes as a delta against another version of its path, where
// there is one that makes a short one, and one shorter than most bytes where that is not 0.
func (p *packer) addDelta(i int32, size, most int) (bool, error) {
	it := &p.items[i]
	if size > maxDelta {
		return false, nil
	}
	var best []byte
	var base *packItem
	// A delta of more than half the size is seldom shorter once both are
	// compressed; one of an eighth is good enough.
	limit := size/2 - 20
	for _, c := range p.candidates(i) {
		b := &p.items[c]
		if limit < size/8 || b.kind != it.kind || b.state != written || b.depth >= maxDepth {
			continue
		}
		data, err := p.content(i)
		if err != nil {
			return false, err
		}
		from, err := p.content(c)
		if err != nil {
			return false, err
		}
		if len(from) > maxDelta || len(from) < len(data)/32 {
			continue
		}
		if p.indexed != c {
			p.differ.index(from)
			p.indexed = c
		}
		if d := p.differ.delta(from, data, limit); d != nil {
			best, base = append(best[:0], d...), b
			limit = len(d) - 1
		}
	}
	if base == nil {
		return false, nil
	}
	body, err := p.deflate.deflate(best)
	if err != nil {
		return false, err
	}
	head := appendBack(entryHead(nil, packOfsDelta, len(best)), p.out.file.size-base.offset)
	if most > 0 && len(head)+len(body) >= most {
		return false, nil
	}
	it.depth = base.depth + 1
	it.offset = p.out.add(it.id, head, body)
	return true, nil
}

// candidates are the items that item i may be a delta against, the likeliest first.
func (p *packer) candidates(i int32) []int32 {
	it := &p.items[i]
	var list []int32
	add := func(c int32) {
		if c >= 0 && c != i && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	if it.group == 0 {
		return nil
	}
	if p.isFresh(it) > 0 {
		add(p.first[it.group])
	}
	last := p.latest[it.group]
	add(last)
	if last >= 0 {
		add(p.items[last].before)
	}
	if len(list) == 0 {
		if c, ok := p.byName[p.names[it.group]]; ok {
			add(c)
		}
	}
	return list
}

// hasLoose reports whether an object has a file of its own.
func (s *odb) hasLoose(id Hash) bool {
	name := id.String()
	for _, dir := range s.dirs {
		if _, err := os.Stat(filepath.Join(dir, name[:2], name[2:])); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
