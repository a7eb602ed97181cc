package proof

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// An objectDir is one directory of objects: packs with their indexes, and
// loose files. It is read here, and not by a library, because all that the
// proof asks is whether an object is there and what its bytes are, and because
// of a written repository nothing may be read outside its own directory.
type objectDir struct {
	disk  disk
	packs []*pack
	loose map[string]bool // the first two digits that have a directory
}

// A disk reads files below a directory. With a root, which the directory is
// then below, nothing leads out of that.
type disk struct {
	dir  string
	root *os.Root
}

func (d disk) open(name string) (*os.File, error) {
	name = filepath.Join(filepath.FromSlash(d.dir), filepath.FromSlash(name))
	if d.root != nil {
		return d.root.Open(name)
	}
	return os.Open(name)
}

// read returns a file's bytes, of which it has at most limit.
func (d disk) read(name string, limit int64) ([]byte, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

func (d disk) list(name string) ([]string, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// openObjects opens the directory that is called objects, in d.
func openObjects(d disk, name string) (*objectDir, error) {
	o := &objectDir{disk: d, loose: map[string]bool{}}
	names, err := d.list(name)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if len(n) == 2 {
			o.loose[n] = true
		}
	}
	packs, err := d.list(name + "/pack")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.close()
		return nil, err
	}
	sort.Strings(packs)
	for _, n := range packs {
		base, ok := strings.CutSuffix(n, ".idx")
		if !ok {
			continue
		}
		p, err := openPack(d, name+"/pack/"+base)
		if err != nil {
			o.close()
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		o.packs = append(o.packs, p)
	}
	return o, nil
}

func (o *objectDir) close() {
	for _, p := range o.packs {
		p.close()
	}
}

func loosePath(id plumbing.Hash) string {
	s := id.String()
	return "objects/" + s[:2] + "/" + s[2:]
}

func (o *objectDir) has(id plumbing.Hash) bool {
	for _, p := range o.packs {
		if _, ok := p.find(id); ok {
			return true
		}
	}
	if !o.loose[id.String()[:2]] {
		return false
	}
	f, err := o.disk.open(loosePath(id))
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// read returns an object's type and bytes, of which it has at most limit.
func (o *objectDir) read(id plumbing.Hash, limit int64) (typ plumbing.ObjectType, data []byte, err error) {
	for _, p := range o.packs {
		if at, ok := p.find(id); ok {
			return p.read(o, at, limit, 0)
		}
	}
	if !o.loose[id.String()[:2]] {
		return 0, nil, errMissing
	}
	f, err := o.disk.open(loosePath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, errMissing
	}
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	z, err := zlib.NewReader(f)
	if err != nil {
		return 0, nil, err
	}
	// The longest header is that of a commit of 20 digits.
	all, err := io.ReadAll(io.LimitReader(z, limit+64))
	if err != nil {
		return 0, nil, err
	}
	head, data, ok := bytes.Cut(all, []byte{0})
	name, _, _ := strings.Cut(string(head), " ")
	if typ, err = plumbing.ParseObjectType(name); !ok || err != nil || len(head) > 32 {
		return 0, nil, errors.New("it has no header")
	}
	if int64(len(data)) > limit {
		return 0, nil, errTooLarge
	}
	return typ, data, nil
}

// A pack is a pack file with its index, version 2.
type pack struct {
	data, index  []byte
	unmap        []func()
	count        int
	ids, offsets []byte // parts of the index
	large        []byte
	// bases holds what deltas were made from, by offset.
	bases  map[int64]base
	cached int
}

type base struct {
	typ  plumbing.ObjectType
	data []byte
}

// maxBases is how many bytes of bases are kept.
const maxBases = 32 << 20

// maxChain is how many deltas may stand upon each other; git makes 50.
const maxChain = 10_000

var errPack = errors.New("the pack is damaged")

func openPack(d disk, base string) (*pack, error) {
	p := &pack{}
	mapped := func(name string) ([]byte, error) {
		f, err := d.open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return nil, errPack
		}
		// Thousands of small repositories would be thousands of mappings.
		if info.Size() < 1<<20 {
			return io.ReadAll(io.LimitReader(f, 1<<20))
		}
		data, unmap, err := mapFile(f, info.Size())
		if err == nil {
			p.unmap = append(p.unmap, unmap)
		}
		return data, err
	}
	var err error
	if p.index, err = mapped(base + ".idx"); err == nil {
		p.data, err = mapped(base + ".pack")
	}
	if err == nil {
		err = p.layout()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// layout finds the tables of the index, and checks that they are there.
func (p *pack) layout() error {
	const fanout = 8
	if len(p.index) < fanout+1024+40 || string(p.index[:8]) != "\xfftOc\x00\x00\x00\x02" {
		return errors.New("its index is not one of version 2")
	}
	for i := 0; i < 256; i++ {
		n := int(binary.BigEndian.Uint32(p.index[fanout+4*i:]))
		if n < p.count {
			return errPack
		}
		p.count = n
	}
	rest := p.index[fanout+1024:]
	if len(rest) < p.count*28+40 {
		return errPack
	}
	p.ids, p.offsets, p.large = rest[:p.count*20], rest[p.count*24:p.count*28], rest[p.count*28:len(rest)-40]
	return nil
}

func (p *pack) close() {
	for _, unmap := range p.unmap {
		unmap()
	}
	p.unmap = nil
}

// find returns where in the pack an object begins.
func (p *pack) find(id plumbing.Hash) (at int64, ok bool) {
	from, to := 0, int(binary.BigEndian.Uint32(p.index[8+4*int(id[0]):]))
	if id[0] > 0 {
		from = int(binary.BigEndian.Uint32(p.index[8+4*(int(id[0])-1):]))
	}
	i := from + sort.Search(to-from, func(i int) bool {
		return bytes.Compare(p.ids[20*(from+i):20*(from+i)+20], id[:]) >= 0
	})
	if i >= to || !bytes.Equal(p.ids[20*i:20*i+20], id[:]) {
		return 0, false
	}
	at = int64(binary.BigEndian.Uint32(p.offsets[4*i:]))
	if at >= 1<<31 {
		n := (at - 1<<31) * 8
		if n+8 > int64(len(p.large)) {
			return 0, false
		}
		at = int64(binary.BigEndian.Uint64(p.large[n:]))
	}
	return at, true
}

// read returns the object that begins at an offset.
func (p *pack) read(o *objectDir, at, limit int64, depth int) (plumbing.ObjectType, []byte, error) {
	if b, ok := p.bases[at]; ok {
		return b.typ, b.data, nil
	}
	if at < 12 || at >= int64(len(p.data))-20 || depth > maxChain {
		return 0, nil, errPack
	}
	in := p.data[at : len(p.data)-20]
	typ := plumbing.ObjectType(in[0] >> 4 & 7)
	size, used := uint64(in[0]&15), 1
	for shift := 4; in[used-1]&0x80 != 0; shift += 7 {
		if used >= len(in) || shift > 60 {
			return 0, nil, errPack
		}
		size |= uint64(in[used]&0x7f) << shift
		used++
	}
	if size > uint64(limit) {
		return 0, nil, errTooLarge
	}
	var from base
	var err error
	switch typ {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		data, err := deflated(in[used:], size)
		return typ, data, err
	case plumbing.OFSDeltaObject:
		back := int64(0)
		for i := 0; ; i++ {
			if used >= len(in) || i > 8 {
				return 0, nil, errPack
			}
			c := in[used]
			used++
			if i > 0 {
				back++
			}
			back = back<<7 | int64(c&0x7f)
			if c&0x80 == 0 {
				break
			}
		}
		if back <= 0 || back > at {
			return 0, nil, errPack
		}
		from.typ, from.data, err = p.read(o, at-back, limit, depth+1)
		if err == nil {
			p.keep(at-back, from)
		}
	case plumbing.REFDeltaObject:
		if len(in) < used+20 {
			return 0, nil, errPack
		}
		id := plumbing.Hash(in[used : used+20])
		used += 20
		if to, ok := p.find(id); ok {
			from.typ, from.data, err = p.read(o, to, limit, depth+1)
		} else {
			err = errPack // a pack that is kept has its bases
		}
	default:
		return 0, nil, errPack
	}
	if err != nil {
		return 0, nil, err
	}
	delta, err := deflated(in[used:], size)
	if err != nil {
		return 0, nil, err
	}
	data, err := patch(from.data, delta, limit)
	return from.typ, data, err
}

func (p *pack) keep(at int64, b base) {
	if _, ok := p.bases[at]; ok {
		return
	}
	if p.cached += len(b.data); p.bases == nil || p.cached > maxBases {
		p.bases, p.cached = map[int64]base{}, len(b.data)
	}
	p.bases[at] = b
}

// inflaters are shared by all packs: each has a window of 32 kB, which one for
// every pack of 20,000 repositories would multiply.
var inflaters sync.Pool

func deflated(in []byte, size uint64) ([]byte, error) {
	r := bytes.NewReader(in)
	z, _ := inflaters.Get().(io.ReadCloser)
	var err error
	if z == nil {
		z, err = zlib.NewReader(r)
	} else {
		err = z.(zlib.Resetter).Reset(r, nil)
	}
	if err != nil {
		return nil, errPack
	}
	defer inflaters.Put(z)
	buf := bytes.NewBuffer(make([]byte, 0, min(size, 1<<20))) // a claim is not yet a size
	if n, err := io.Copy(buf, io.LimitReader(z, int64(size)+1)); err != nil || uint64(n) != size {
		return nil, errPack
	}
	return buf.Bytes(), nil
}

// patch applies a delta.
func patch(from, delta []byte, limit int64) ([]byte, error) {
	number := func() (n uint64, ok bool) {
		for shift := 0; len(delta) > 0 && shift < 63; shift += 7 {
			c := delta[0]
			delta = delta[1:]
			n |= uint64(c&0x7f) << shift
			if c&0x80 == 0 {
				return n, true
			}
		}
		return 0, false
	}
	size, ok := number()
	result, ok2 := number()
	if !ok || !ok2 || size != uint64(len(from)) {
		return nil, errPack
	}
	if result > uint64(limit) {
		return nil, errTooLarge
	}
	out := make([]byte, 0, min(result, 1<<20))
	for len(delta) > 0 {
		c := delta[0]
		delta = delta[1:]
		if c&0x80 == 0 {
			n := int(c)
			if n == 0 || n > len(delta) {
				return nil, errPack
			}
			out = append(out, delta[:n]...)
			delta = delta[n:]
			continue
		}
		var offset, n int
		for i := range 7 {
			if c&(1<<i) == 0 {
				continue
			}
			if len(delta) == 0 {
				return nil, errPack
			}
			if i < 4 {
				offset |= int(delta[0]) << (8 * i)
			} else {
				n |= int(delta[0]) << (8 * (i - 4))
			}
			delta = delta[1:]
		}
		if n == 0 {
			n = 0x10000
		}
		if offset > len(from) || n > len(from)-offset || uint64(len(out)+n) > result {
			return nil, errPack
		}
		out = append(out, from[offset:offset+n]...)
	}
	if uint64(len(out)) != result {
		return nil, errPack
	}
	return out, nil
}

// refs reads the refs of a git directory.
type refs struct {
	disk   disk
	packed map[string]plumbing.Hash
}

// get returns the object that a full ref name points to.
func (r *refs) get(name string) (plumbing.Hash, bool) {
	if data, err := r.disk.read(name, 1024); err == nil {
		id := strings.TrimSpace(string(data))
		return plumbing.NewHash(id), isID(id)
	}
	if r.packed == nil {
		r.packed = map[string]plumbing.Hash{}
		data, _ := r.disk.read("packed-refs", 1<<30)
		for _, line := range strings.Split(string(data), "\n") {
			if id, name, ok := strings.Cut(line, " "); ok && isID(id) {
				r.packed[name] = plumbing.NewHash(id)
			}
		}
	}
	id, ok := r.packed[name]
	return id, ok
}
