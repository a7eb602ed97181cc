package history

import "slices"

const chunkSize = 32

// A chunk is a part of a vector. It never changes once it is shared.
type chunk [chunkSize]int32

// A vector has a number for each index. It is kept in chunks, which vectors
// that came from one another share, so that twenty thousand packages cost a
// commit what it changes and not what there is. A nil chunk is all zero.
type vector []*chunk

func newVector(n int) vector { return make(vector, (n+chunkSize-1)/chunkSize) }

func (v vector) get(i int) int32 {
	if c := v[i/chunkSize]; c != nil {
		return c[i%chunkSize]
	}
	return 0
}

// same reports whether a and b are one vector, without looking into them.
func same(a, b vector) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// eachDifference calls visit for each index at which a and b, of one length,
// differ, ascending.
func eachDifference(a, b vector, visit func(i int, x, y int32)) {
	if same(a, b) {
		return
	}
	for k := range a {
		x, y := a[k], b[k]
		if x == y {
			continue
		}
		if x == nil {
			x = &noChunk
		}
		if y == nil {
			y = &noChunk
		}
		for i := range x {
			if x[i] != y[i] {
				visit(k*chunkSize+i, x[i], y[i])
			}
		}
	}
}

var noChunk chunk

// withPrefix is v with the chunks of prefix in front, and v itself where it has them already.
func (v vector) withPrefix(prefix vector) vector {
	if slices.Equal(v[:len(prefix)], prefix) {
		return v
	}
	v = slices.Clone(v)
	copy(v, prefix)
	return v
}

// A draft is a vector in the making, out of another one that stays as it is.
type draft struct {
	vector
	base vector
}

func newDraft(base vector) draft { return draft{base, base} }

func (d *draft) set(i int, x int32) {
	k := i / chunkSize
	if d.get(i) == x {
		return
	}
	if d.vector[k] == d.base[k] {
		own := &chunk{}
		if c := d.base[k]; c != nil {
			*own = *c
		}
		if same(d.base, d.vector) {
			d.vector = slices.Clone(d.base)
		}
		d.vector[k] = own
	}
	d.vector[k][i%chunkSize] = x
}
