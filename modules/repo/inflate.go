package repo

import (
	"encoding/binary"
	"errors"
	"hash/adler32"
	"math/bits"
)

// An inflater decompresses zlib streams that are in memory into memory. Most
// objects are small and most of their time goes to setting up: for a commit of
// 1 kB this takes a quarter of the time of a reader of streams, and less where
// only the commit's head is wanted.
//
// It is RFC 1950 and 1951, but for a preset dictionary, which git never uses.
type inflater struct {
	lit, dist huffman
	lens      [litCodes + distCodes]byte
}

var errZlib = errors.New("not a valid zlib stream")

const (
	litCodes  = 288
	distCodes = 32
	maxBits   = 15
	// litBits and distBits are how many bits the first look-up takes. Few,
	// since filling the tables is what a small object costs.
	litBits  = 9
	distBits = 7
)

// A code is an entry of a decoding table: from the low end 4 bits with how
// many bits it takes, 4 of kind, 8 with how many bits follow it, 16 of value.
// 0 is a code that does not occur.
type code uint32

const (
	kindLiteral = 1 << 4 // the value is a byte
	kindBase    = 2 << 4 // the value is the base of a length or a distance
	kindEnd     = 3 << 4 // the block's end
	kindTable   = 4 << 4 // the value is the place of a second table, of as many bits as follow
	kindMask    = 15 << 4
)

func (c code) take() uint  { return uint(c & 15) }
func (c code) extra() uint { return uint(c >> 8 & 0xff) }
func (c code) value() int  { return int(c >> 16) }

// taking is c for a code of n bits. Some symbols have codes and no meaning.
func (c code) taking(n uint) code {
	if c == 0 {
		return 0
	}
	return c | code(n)
}

// litSymbols, distSymbols and lenSymbols are the codes of the symbols, without their bits.
var litSymbols, distSymbols, lenSymbols = func() (lit [litCodes]code, dist [distCodes]code, length [19]code) {
	for i := range 256 {
		lit[i] = code(i)<<16 | kindLiteral
	}
	lit[256] = kindEnd
	base := 3
	for i := 257; i < 285; i++ {
		extra := max(0, (i-261)/4)
		lit[i] = code(base)<<16 | code(extra)<<8 | kindBase
		base += 1 << extra
	}
	lit[285] = 258<<16 | kindBase
	base = 1
	for i := range 30 {
		extra := max(0, i/2-1)
		dist[i] = code(base)<<16 | code(extra)<<8 | kindBase
		base += 1 << extra
	}
	for i := range length {
		length[i] = code(i)<<16 | kindLiteral
	}
	return lit, dist, length
}()

var fixedLit, fixedDist = func() (*huffman, *huffman) {
	var lens [litCodes]byte
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	lit, dist := &huffman{}, &huffman{}
	lit.build(lens[:], litSymbols[:], litBits)
	for i := range distCodes {
		lens[i] = 5
	}
	dist.build(lens[:distCodes], distSymbols[:], distBits)
	return lit, dist
}()

// A huffman is a table of two levels. 1024 is more than any code of 288
// symbols needs beside a first level of 7 to 9 bits.
type huffman struct {
	table [1024]code
	bits  uint
}

// build makes the table of the canonical code with these lengths. It is false
// where they are no code; one that does not use all its bits is allowed only if
// it has a single symbol of one bit, as in zlib, or none.
func (h *huffman) build(lens []byte, symbols []code, width uint) bool {
	h.bits = width
	var count, offset [maxBits + 1]int
	for _, l := range lens {
		count[l]++
	}
	left, longest := 1, 0
	for l := 1; l <= maxBits; l++ {
		left = left<<1 - count[l]
		if left < 0 {
			return false
		}
		if count[l] > 0 {
			longest = l
		}
	}
	if left > 0 {
		if longest > 1 {
			return false
		}
		clear(h.table[:1<<width])
		for s, l := range lens {
			if l == 1 {
				for i := 0; i < 1<<width; i += 2 {
					h.table[i] = symbols[s].taking(1)
				}
			}
		}
		return true
	}
	for l := 1; l < maxBits; l++ {
		offset[l+1] = offset[l] + count[l]
	}
	var sorted [litCodes]uint16
	for s, l := range lens {
		if l > 0 {
			sorted[offset[l]] = uint16(s)
			offset[l]++
		}
	}
	// Codes count up in their length's bits, most significant first; the
	// stream holds them the other way round.
	word, next := uint(0), 0
	step := func(l uint) {
		bit := uint(1) << (l - 1)
		for word&bit != 0 {
			word ^= bit
			bit >>= 1
		}
		word |= bit
	}
	l := uint(1)
	for ; l <= width; l++ {
		// What a shorter code does not fill repeats itself.
		if l > 1 {
			copy(h.table[1<<(l-1):1<<l], h.table[:1<<(l-1)])
		}
		for range count[l] {
			h.table[word] = symbols[sorted[next]].taking(l)
			next++
			step(l)
		}
	}
	end, prefix, start := 1<<width, ^uint(0), 0
	for ; l <= maxBits; l++ {
		for left := count[l]; left > 0; left-- {
			if p := word & (1<<width - 1); p != prefix {
				prefix, start = p, end
				sub := l - width
				for used := left; used < 1<<sub && width+sub < maxBits; {
					sub++
					used = used<<1 + count[width+sub]
				}
				end += 1 << sub
				h.table[prefix] = code(start)<<16 | code(sub)<<8 | kindTable | code(width)
			}
			c := symbols[sorted[next]].taking(l - width)
			next++
			for i := start + int(word>>width); i < end; i += 1 << (l - width) {
				h.table[i] = c
			}
			step(l)
		}
	}
	return true
}

// inflate fills dst from the zlib stream at the beginning of src. Without
// head, the stream must hold len(dst) bytes and no more, and its checksum must
// be right; n is then len(dst), and used the length of the stream. With head
// it stops as soon as dst is full, or the stream ends after n bytes.
func (z *inflater) inflate(dst, src []byte, head bool) (n, used int, err error) {
	if len(src) < 6 || src[0]&15 != 8 || src[0]>>4 > 7 || (int(src[0])<<8|int(src[1]))%31 != 0 || src[1]&0x20 != 0 {
		return 0, 0, errZlib
	}
	pos := 2
	var hold uint64 // bits that are read and not taken, the next one lowest
	var have uint   // how many
	for last := false; !last; {
		for have < 56 && pos < len(src) {
			hold |= uint64(src[pos]) << have
			pos++
			have += 8
		}
		if have < 3 {
			return n, 0, errZlib
		}
		last = hold&1 == 1
		kind := hold >> 1 & 3
		hold >>= 3
		have -= 3
		lit, dist := fixedLit, fixedDist
		switch kind {
		case 0:
			hold >>= have % 8
			have -= have % 8
			pos -= int(have / 8)
			hold, have = 0, 0
			if len(src)-pos < 4 {
				return n, 0, errZlib
			}
			size := int(binary.LittleEndian.Uint16(src[pos:]))
			if size != int(^binary.LittleEndian.Uint16(src[pos+2:])) || len(src)-pos-4 < size {
				return n, 0, errZlib
			}
			pos += 4
			if size > len(dst)-n {
				if !head {
					return n, 0, errZlib
				}
				return n + copy(dst[n:], src[pos:]), 0, nil
			}
			n += copy(dst[n:], src[pos:pos+size])
			pos += size
			continue
		case 1:
		case 2:
			hold, have, pos, err = z.tables(src, hold, have, pos)
			if err != nil {
				return n, 0, err
			}
			lit, dist = &z.lit, &z.dist
		default:
			return n, 0, errZlib
		}
		for {
			// A length and a distance with their extra bits take 48 bits at most.
			if len(src)-pos >= 8 {
				hold |= binary.LittleEndian.Uint64(src[pos:]) << have
				pos += int(63-have) >> 3
				have |= 56
			} else {
				for have < 56 && pos < len(src) {
					hold |= uint64(src[pos]) << have
					pos++
					have += 8
				}
			}
			c := lit.table[hold&(1<<litBits-1)]
			if c&kindMask == kindTable {
				hold >>= litBits
				if have < litBits {
					return n, 0, errZlib
				}
				have -= litBits
				c = lit.table[(c.value()+int(hold&(1<<c.extra()-1)))&1023]
			}
			if c == 0 || c.take() > have {
				return n, 0, errZlib
			}
			hold >>= c.take()
			have -= c.take()
			if c&kindMask == kindLiteral {
				if n == len(dst) {
					return n, 0, z.full(head)
				}
				dst[n] = byte(c.value())
				n++
				continue
			}
			if c&kindMask == kindEnd {
				break
			}
			length := c.value() + int(hold&(1<<c.extra()-1))
			if c.extra() > have {
				return n, 0, errZlib
			}
			hold >>= c.extra()
			have -= c.extra()
			c = dist.table[hold&(1<<distBits-1)]
			if c&kindMask == kindTable {
				hold >>= distBits
				if have < distBits {
					return n, 0, errZlib
				}
				have -= distBits
				c = dist.table[(c.value()+int(hold&(1<<c.extra()-1)))&1023]
			}
			if c == 0 || c.take()+c.extra() > have {
				return n, 0, errZlib
			}
			hold >>= c.take()
			d := c.value() + int(hold&(1<<c.extra()-1))
			hold >>= c.extra()
			have -= c.take() + c.extra()
			if d > n {
				return n, 0, errZlib
			}
			if length > len(dst)-n {
				if !head {
					return n, 0, errZlib
				}
				for ; n < len(dst); n++ {
					dst[n] = dst[n-d]
				}
				return n, 0, nil
			}
			if d >= length {
				copy(dst[n:n+length], dst[n-d:])
				n += length
				continue
			}
			for range length {
				dst[n] = dst[n-d]
				n++
			}
		}
		if head && n == len(dst) {
			return n, 0, nil
		}
	}
	pos -= int(have / 8)
	if head {
		return n, 0, nil
	}
	if n != len(dst) || len(src)-pos < 4 || binary.BigEndian.Uint32(src[pos:]) != adler32.Checksum(dst) {
		return n, 0, errZlib
	}
	return n, pos + 4, nil
}

// full is what comes of a byte for which there is no room.
func (z *inflater) full(head bool) error {
	if head {
		return nil
	}
	return errZlib
}

// lenOrder is the order in which the lengths of the code of lengths come.
var lenOrder = [19]byte{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// tables reads the codes of a block that has its own.
func (z *inflater) tables(src []byte, hold uint64, have uint, pos int) (uint64, uint, int, error) {
	fill := func() {
		for have < 56 && pos < len(src) {
			hold |= uint64(src[pos]) << have
			pos++
			have += 8
		}
	}
	fail := func() (uint64, uint, int, error) { return 0, 0, 0, errZlib }
	fill()
	if have < 14 {
		return fail()
	}
	lits, dists, lengths := int(hold&31)+257, int(hold>>5&31)+1, int(hold>>10&15)+4
	hold >>= 14
	have -= 14
	if lits > 286 || dists > 30 {
		return fail()
	}
	clear(z.lens[:19])
	for _, i := range lenOrder[:lengths] {
		if have < 3 {
			if fill(); have < 3 {
				return fail()
			}
		}
		z.lens[i] = byte(hold & 7)
		hold >>= 3
		have -= 3
	}
	// The table of distances is not made yet, and has room for this one.
	if !z.dist.build(z.lens[:19], lenSymbols[:], distBits) {
		return fail()
	}
	for i := 0; i < lits+dists; {
		if have < 14 {
			fill()
		}
		c := z.dist.table[hold&(1<<distBits-1)]
		if c == 0 || c.take() > have {
			return fail()
		}
		hold >>= c.take()
		have -= c.take()
		symbol := c.value()
		if symbol < 16 {
			z.lens[i] = byte(symbol)
			i++
			continue
		}
		// Repeat the last length, or zero.
		var last byte
		width, base := uint(2), 3
		switch symbol {
		case 16:
			if i == 0 {
				return fail()
			}
			last = z.lens[i-1]
		case 17:
			width = 3
		case 18:
			width, base = 7, 11
		}
		n := base + int(hold&(1<<width-1))
		if width > have || n > lits+dists-i {
			return fail()
		}
		hold >>= width
		have -= width
		for range n {
			z.lens[i] = last
			i++
		}
	}
	if z.lens[256] == 0 || !z.lit.build(z.lens[:lits], litSymbols[:], litBits) || !z.dist.build(z.lens[lits:lits+dists], distSymbols[:], distBits) {
		return fail()
	}
	return hold, have, pos, nil
}

// inflateBound is the most that n bytes of zlib can hold: what claims more lies.
func inflateBound(n int) uint64 {
	hi, lo := bits.Mul64(uint64(n), 1032)
	if hi != 0 {
		return 1<<64 - 1
	}
	return lo
}
