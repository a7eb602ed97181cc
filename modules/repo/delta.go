package repo

import (
	"encoding/binary"
	"math/bits"
)

// A differ makes deltas: how to build one object from another. It finds where
// runs of at least 16 bytes, mostly of 11, occur in the base.
type differ struct {
	heads []int32 // by hash: the last place of the base with it, plus one
	links []int32 // by place: the one before it with the same hash
	step  int     // a place is every step-th byte of the base
	shift int
	out   []byte
}

const (
	deltaWindow = 8  // how many bytes are hashed
	deltaTries  = 16 // how many places of one hash are tried
)

// index prepares for deltas against base.
func (d *differ) index(base []byte) {
	d.step = 4
	if len(base) > 64<<10 {
		d.step = deltaWindow
	}
	places := max(0, len(base)-deltaWindow)/d.step + 1
	width := max(6, bits.Len(uint(places)))
	d.shift = 64 - width
	d.heads = zeroed(d.heads, 1<<width)
	d.links = zeroed(d.links, places)
	if len(base) < deltaWindow {
		return
	}
	// From the end: so the first of equal places is found first.
	for i := places - 1; i >= 0; i-- {
		h := d.hash(base[i*d.step:])
		d.links[i] = d.heads[h]
		d.heads[h] = int32(i) + 1
	}
}

func zeroed(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	s = s[:n]
	clear(s)
	return s
}

func (d *differ) hash(p []byte) uint64 {
	return binary.LittleEndian.Uint64(p) * 0x9E3779B97F4A7C15 >> d.shift
}

// delta makes the delta that turns base, which was indexed, into target. It
// returns nil where it would be longer than limit. The result is valid until
// the next call.
func (d *differ) delta(base, target []byte, limit int) []byte {
	out := binary.AppendUvarint(d.out[:0], uint64(len(base)))
	out = binary.AppendUvarint(out, uint64(len(target)))
	from := 0 // what is before it is in out
	literal := func(to int) {
		for from < to {
			n := min(127, to-from)
			out = append(out, byte(n))
			out = append(out, target[from:from+n]...)
			from += n
		}
	}
	for at := 0; at+deltaWindow <= len(target) && len(out)+at-from <= limit; {
		best, where, back := 0, 0, 0
		tries := deltaTries
		for i := d.heads[d.hash(target[at:])]; i > 0 && tries > 0; i = d.links[i-1] {
			tries--
			place := int(i-1) * d.step
			n := commonPrefix(base[place:], target[at:])
			if n < deltaWindow {
				continue
			}
			b := 0
			for b < at-from && b < place && base[place-b-1] == target[at-b-1] {
				b++
			}
			if n+b > best {
				best, where, back = n+b, place-b, b
			}
		}
		if best == 0 {
			at++
			continue
		}
		literal(at - back)
		at += best - back
		from = at
		for best > 0 {
			n := min(best, 0xffff)
			out = appendCopy(out, where, n)
			where += n
			best -= n
		}
	}
	d.out = out
	if len(out)+len(target)-from > limit {
		return nil
	}
	literal(len(target))
	d.out = out
	if len(out) > limit {
		return nil
	}
	return out
}

// appendCopy appends the instruction to copy n bytes of the base.
func appendCopy(out []byte, offset, n int) []byte {
	op := len(out)
	out = append(out, 0x80)
	for i := range 4 {
		if c := byte(offset >> (8 * i)); c != 0 {
			out[op] |= 1 << i
			out = append(out, c)
		}
	}
	for i := range 2 {
		if c := byte(n >> (8 * i)); c != 0 {
			out[op] |= 0x10 << i
			out = append(out, c)
		}
	}
	return out
}

// commonPrefix is how many bytes a and b have in common at their beginnings.
func commonPrefix(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for ; n+8 <= most; n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}
