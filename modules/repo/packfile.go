package repo

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The types of a pack's entries.
const (
	packCommit   = 1
	packTree     = 2
	packBlob     = 3
	packTag      = 4
	packOfsDelta = 6 // against the entry at an earlier offset
	packRefDelta = 7 // against an object of the same pack, by its id
)

var packTypes = [8]string{packCommit: "commit", packTree: "tree", packBlob: "blob", packTag: "tag"}

// packType is the number of an object's type, 0 for one that is not known.
func packType(name string) byte {
	return byte(max(0, slices.Index(packTypes[1:5], name)+1))
}

// A pack is one of the repository's packs with its index.
type pack struct {
	name        string // the path of the pack
	file, index *mapped
	count       int
	// The tables of the index, in the order of ids.
	fan, ids, crcs, offsets, large []byte
	order                          []int32 // see byOffset
	touched                        []uint64
}

// openPack opens the pack whose index is at idxName.
func openPack(idxName, packName string) (*pack, error) {
	index, err := mapFile(idxName)
	if err != nil {
		return nil, err
	}
	file, err := mapFile(packName)
	if err != nil {
		index.close()
		return nil, err
	}
	p := &pack{name: packName, file: file, index: index}
	if err := p.parse(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// parse finds the parts of the index, and looks at it so far that no look-up
// can go astray.
func (p *pack) parse() error {
	d := p.index.data
	const head, fanSize, tail = 8, 1024, 40
	if len(d) < head+fanSize+tail || string(d[:4]) != "\xfftOc" || binary.BigEndian.Uint32(d[4:]) != 2 {
		return fmt.Errorf("%s: it is no index of version 2", p.index.name)
	}
	p.fan = d[head : head+fanSize]
	for i, last := 0, uint32(0); i < 256; i++ {
		n := binary.BigEndian.Uint32(p.fan[4*i:])
		if n < last {
			return fmt.Errorf("%s: it is damaged", p.index.name)
		}
		last = n
	}
	p.count = int(binary.BigEndian.Uint32(p.fan[1020:]))
	rest := d[head+fanSize : len(d)-tail]
	if len(rest)/28 < p.count || (len(rest)-28*p.count)%8 != 0 {
		return fmt.Errorf("%s: it is damaged", p.index.name)
	}
	p.ids, rest = rest[:20*p.count], rest[20*p.count:]
	p.crcs, rest = rest[:4*p.count], rest[4*p.count:]
	p.offsets, p.large = rest[:4*p.count], rest[4*p.count:]

	k := p.file.data
	if len(k) < 12+20 || string(k[:4]) != "PACK" || binary.BigEndian.Uint32(k[8:]) != uint32(p.count) ||
		!bytes.Equal(k[len(k)-20:], d[len(d)-tail:len(d)-20]) {
		return fmt.Errorf("%s: it and its index do not belong together", p.name)
	}
	if v := binary.BigEndian.Uint32(k[4:]); v != 2 && v != 3 {
		return fmt.Errorf("%s: it is no pack of version 2 or 3", p.name)
	}
	return nil
}

func (p *pack) close() {
	p.file.close()
	p.index.close()
}

// find returns the position of an object in the index.
func (p *pack) find(id *Hash) (int, bool) { return findID(p.fan, p.ids, id) }

// findID finds an id among sorted ones. fan tells for each value of an id's
// first byte how many ids there are up to it.
func findID(fan, ids []byte, id *Hash) (int, bool) {
	lo, hi := 0, int(binary.BigEndian.Uint32(fan[4*int(id[0]):]))
	if id[0] > 0 {
		lo = int(binary.BigEndian.Uint32(fan[4*int(id[0])-4:]))
	}
	want := binary.BigEndian.Uint64(id[:])
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		at := ids[20*mid : 20*mid+20]
		c := cmp.Compare(binary.BigEndian.Uint64(at), want)
		if c == 0 {
			c = bytes.Compare(at, id[:])
		}
		switch {
		case c < 0:
			lo = mid + 1
		case c > 0:
			hi = mid
		default:
			return mid, true
		}
	}
	return 0, false
}

// offset is where in the pack the object at position i of the index is.
func (p *pack) offset(i int) (int, error) {
	v := uint64(binary.BigEndian.Uint32(p.offsets[4*i:]))
	if v&(1<<31) != 0 {
		at := 8 * (v &^ (1 << 31))
		if at+8 > uint64(len(p.large)) {
			return 0, p.damaged(0)
		}
		v = binary.BigEndian.Uint64(p.large[at:])
	}
	if v < 12 || v >= uint64(len(p.file.data)-20) {
		return 0, p.damaged(0)
	}
	return int(v), nil
}

// byOffset returns the positions of the index in the order of the pack, and
// where among them the entry at offset is.
func (p *pack) byOffset(offset int) ([]int32, int, error) {
	if p.order == nil && p.count > 0 {
		type start struct {
			offset int
			pos    int32
		}
		starts := make([]start, p.count)
		for i := range starts {
			o, err := p.offset(i)
			if err != nil {
				return nil, 0, err
			}
			starts[i] = start{o, int32(i)}
		}
		slices.SortFunc(starts, func(a, b start) int { return cmp.Compare(a.offset, b.offset) })
		p.order = make([]int32, p.count)
		for i, s := range starts {
			p.order[i] = s.pos
		}
	}
	i, ok := slices.BinarySearchFunc(p.order, offset, func(pos int32, offset int) int {
		o, _ := p.offset(int(pos))
		return cmp.Compare(o, offset)
	})
	if !ok {
		return nil, 0, p.damaged(offset)
	}
	return p.order, i, nil
}

// at returns the position in the index of the entry at offset.
func (p *pack) at(offset int) (int, error) {
	order, i, err := p.byOffset(offset)
	if err != nil {
		return 0, err
	}
	return int(order[i]), nil
}

// end is where the entry at offset ends, which the next one's offset tells.
func (p *pack) end(offset int) (int, error) {
	order, i, err := p.byOffset(offset)
	if err != nil {
		return 0, err
	}
	for i++; i < len(order); i++ {
		if next, err := p.offset(int(order[i])); err != nil || next > offset {
			return next, err
		}
	}
	return len(p.file.data) - 20, nil
}

// crc is the checksum of the whole entry at a position of the index.
func (p *pack) crc(i int) uint32 { return binary.BigEndian.Uint32(p.crcs[4*i:]) }

func (p *pack) damaged(offset int) error {
	if offset == 0 {
		return fmt.Errorf("%s: its index is damaged\nhint: \"git fsck\" tells more", p.name)
	}
	return fmt.Errorf("%s: it is damaged at byte %d\nhint: \"git fsck\" tells more", p.name, offset)
}

// A packEntry is the head of an entry of a pack.
type packEntry struct {
	kind byte
	size int // of what is compressed
	body int // where the compressed bytes begin
	base int // the offset of a delta's base
}

func (e packEntry) isDelta() bool { return e.kind == packOfsDelta || e.kind == packRefDelta }

// entry reads the head of the entry at offset.
func (p *pack) entry(offset int) (packEntry, error) {
	d := p.file.data[:len(p.file.data)-20]
	if offset < 12 || offset >= len(d) {
		return packEntry{}, p.damaged(offset)
	}
	at := offset
	c := d[at]
	at++
	e := packEntry{kind: c >> 4 & 7}
	size := uint64(c & 15)
	for shift := 4; c&0x80 != 0; shift += 7 {
		if at == len(d) || shift > 57 {
			return e, p.damaged(offset)
		}
		c = d[at]
		at++
		size |= uint64(c&0x7f) << shift
	}
	switch e.kind {
	case packCommit, packTree, packBlob, packTag:
	case packOfsDelta:
		back := uint64(0)
		for first := true; first || c&0x80 != 0; first = false {
			if at == len(d) || back >= 1<<55 {
				return e, p.damaged(offset)
			}
			c = d[at]
			at++
			if !first {
				back++
			}
			back = back<<7 | uint64(c&0x7f)
		}
		if back == 0 || back > uint64(offset-12) {
			return e, p.damaged(offset)
		}
		e.base = offset - int(back)
	case packRefDelta:
		if len(d)-at < 20 {
			return e, p.damaged(offset)
		}
		id := Hash(d[at : at+20])
		at += 20
		i, ok := p.find(&id)
		if !ok {
			return e, p.damaged(offset)
		}
		var err error
		if e.base, err = p.offset(i); err != nil {
			return e, err
		}
	default:
		return e, p.damaged(offset)
	}
	if size > inflateBound(len(d)-at) {
		return e, p.damaged(offset)
	}
	e.size, e.body = int(size), at
	if size > maxObject {
		return e, fmt.Errorf("%s: the entry at byte %d holds %d bytes: %w", p.name, offset, size, errTooLarge)
	}
	return e, nil
}

// maxObject bounds what is taken into memory for one object.
const maxObject = 1 << 30

var errTooLarge = errors.New("more than 1 GiB in one object is not read")

// maxChain bounds the chain of an object's deltas. git makes none that are
// longer than 4,095; a circle would have no end.
const maxChain = 10_000

// A delta in the making of an object.
type chained struct {
	offset int
	entry  packEntry
}

// packed reads the object at an offset of a pack. The data is valid until the
// next object is read, and must not be changed.
func (s *odb) packed(p *pack, offset int) (kind byte, data []byte, err error) {
	s.touch(p, offset)
	chain := s.chain[:0]
	at := offset
	for {
		if kind, data = s.bases.get(p, at); data != nil {
			break
		}
		e, err := p.entry(at)
		if err != nil {
			return 0, nil, err
		}
		if e.isDelta() {
			if len(chain) == maxChain {
				return 0, nil, p.damaged(offset)
			}
			chain = append(chain, chained{at, e})
			at = e.base
			s.touch(p, at)
			continue
		}
		kind = e.kind
		// Others are seldom the base of one to come.
		keep := len(chain) > 0 || kind == packTree || kind == packBlob
		if data, err = s.inflate(p, at, e, keep); err != nil {
			return 0, nil, err
		}
		if keep {
			s.bases.put(p, at, kind, data)
		}
		break
	}
	s.chain = chain[:0]
	for i := len(chain) - 1; i >= 0; i-- {
		c := chain[i]
		delta, err := s.inflate(p, c.offset, c.entry, false)
		if err != nil {
			return 0, nil, err
		}
		if data, err = applyDelta(data, delta); err == errTooLarge {
			return 0, nil, fmt.Errorf("%s: the entry at byte %d: %w", p.name, c.offset, err)
		} else if err != nil {
			return 0, nil, p.damaged(c.offset)
		}
		s.bases.put(p, c.offset, kind, data)
	}
	return kind, data, nil
}

// inflate decompresses an entry, to memory of its own or to that of the store.
func (s *odb) inflate(p *pack, offset int, e packEntry, own bool) ([]byte, error) {
	dst := s.room(e.size)
	if own {
		dst = make([]byte, e.size)
	}
	if _, _, err := s.z.inflate(dst, p.file.data[e.body:len(p.file.data)-20], false); err != nil {
		return nil, p.damaged(offset)
	}
	return dst, nil
}

var errDelta = errors.New("not a valid delta")

// applyDelta makes an object of its base and a delta. Memory is taken only
// for what the delta really makes, whatever it claims.
func applyDelta(base, delta []byte) ([]byte, error) {
	baseSize, delta, ok1 := deltaSize(delta)
	size, delta, ok2 := deltaSize(delta)
	if !ok1 || !ok2 || baseSize != uint64(len(base)) {
		return nil, errDelta
	}
	made := uint64(0)
	for d := delta; len(d) > 0; {
		_, n, rest, ok := deltaStep(d, len(base))
		if !ok {
			return nil, errDelta
		}
		made += uint64(n)
		d = rest
	}
	if made != size {
		return nil, errDelta
	}
	if size > maxObject {
		return nil, errTooLarge
	}
	out := make([]byte, 0, size)
	for len(delta) > 0 {
		from, n, rest, _ := deltaStep(delta, len(base))
		if from < 0 {
			out = append(out, delta[1:1+n]...)
		} else {
			out = append(out, base[from:from+n]...)
		}
		delta = rest
	}
	return out, nil
}

// deltaStep reads one instruction of a delta: n bytes of the base at from, or
// where that is negative the n bytes that follow the first one.
func deltaStep(d []byte, base int) (from, n int, rest []byte, ok bool) {
	c := d[0]
	at := 1
	if c&0x80 == 0 {
		n = int(c)
		if n == 0 || len(d) < 1+n {
			return 0, 0, nil, false
		}
		return -1, n, d[1+n:], true
	}
	var v [7]byte
	for i := range v {
		if c>>i&1 != 0 {
			if at == len(d) {
				return 0, 0, nil, false
			}
			v[i] = d[at]
			at++
		}
	}
	offset := int64(binary.LittleEndian.Uint32(v[:4]))
	n = int(v[4]) | int(v[5])<<8 | int(v[6])<<16
	if n == 0 {
		n = 1 << 16
	}
	if offset+int64(n) > int64(base) {
		return 0, 0, nil, false
	}
	return int(offset), n, d[at:], true
}

// deltaSize reads one of the two sizes that a delta begins with.
func deltaSize(d []byte) (uint64, []byte, bool) {
	n, shift := uint64(0), 0
	for i, c := range d {
		if shift > 56 {
			return 0, nil, false
		}
		n |= uint64(c&0x7f) << shift
		shift += 7
		if c&0x80 == 0 {
			return n, d[i+1:], true
		}
	}
	return 0, nil, false
}

// baseCache holds objects that were read of late, by their place: what comes
// next often is a delta against one of them. The oldest leave first.
type baseCache struct {
	byPlace map[place]*cached
	newest  cached // ends of a ring
	bytes   int
	limit   int
}

type place struct {
	pack   *pack
	offset int
}

type cached struct {
	place
	kind         byte
	data         []byte
	newer, older *cached
}

func (c *baseCache) init(limit int) {
	c.byPlace = map[place]*cached{}
	c.newest.newer, c.newest.older = &c.newest, &c.newest
	c.bytes, c.limit = 0, limit
}

func (c *baseCache) get(p *pack, offset int) (byte, []byte) {
	e := c.byPlace[place{p, offset}]
	if e == nil {
		return 0, nil
	}
	e.unlink()
	c.link(e)
	return e.kind, e.data
}

func (c *baseCache) put(p *pack, offset int, kind byte, data []byte) {
	const overhead = 128
	if len(data) > c.limit/4 || data == nil {
		return
	}
	e := &cached{place: place{p, offset}, kind: kind, data: data}
	if old := c.byPlace[e.place]; old != nil {
		old.unlink()
		c.bytes -= len(old.data) + overhead
	}
	c.byPlace[e.place] = e
	c.link(e)
	for c.bytes += len(data) + overhead; c.bytes > c.limit; {
		last := c.newest.newer
		last.unlink()
		delete(c.byPlace, last.place)
		c.bytes -= len(last.data) + overhead
	}
}

func (c *baseCache) link(e *cached) {
	e.newer, e.older = &c.newest, c.newest.older
	e.older.newer = e
	c.newest.older = e
}

func (e *cached) unlink() { e.newer.older, e.older.newer = e.older, e.newer }
