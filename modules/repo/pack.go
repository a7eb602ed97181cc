package repo

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/zlib"
)

// writePack writes objects, without deltas, as one pack with its index
// (version 2) into dir. Duplicates are written once. An object whose id is not
// that of its content is an error.
func writePack(dir string, objects []Object) error {
	seen := make(map[Hash]bool, len(objects))
	unique := make([]*Object, 0, len(objects))
	for i := range objects {
		if o := &objects[i]; !seen[o.ID] {
			seen[o.ID] = true
			unique = append(unique, o)
		}
	}
	p, err := newPackFile(dir, len(unique))
	if err != nil {
		return err
	}
	defer p.close()
	var d deflater
	for _, o := range unique {
		if err := checkObject(o); err != nil {
			return err
		}
		body, err := d.deflate(o.Data)
		if err != nil {
			return err
		}
		p.add(o.ID, entryHead(nil, packType(o.Type), len(o.Data)), body)
	}
	return p.finish()
}

// checkObject holds an object against its own word.
func checkObject(o *Object) error {
	if packType(o.Type) == 0 {
		return fmt.Errorf("object %s is of the unknown type %q", o.ID, o.Type)
	}
	if id := hashObject(o.Type, o.Data); id != o.ID {
		return fmt.Errorf("object %s is in truth %s", o.ID, id)
	}
	return nil
}

// A deflater compresses one thing after the other.
type deflater struct {
	out bytes.Buffer
	zip *zlib.Writer
}

// deflate returns data compressed, valid until the next call.
func (d *deflater) deflate(data []byte) ([]byte, error) {
	d.out.Reset()
	if d.zip == nil {
		d.zip = zlib.NewWriter(&d.out)
	} else {
		d.zip.Reset(&d.out)
	}
	if _, err := d.zip.Write(data); err != nil {
		return nil, err
	}
	if err := d.zip.Close(); err != nil {
		return nil, err
	}
	return d.out.Bytes(), nil
}

// entryHead appends the head of a pack's entry: its kind and the size of what
// is compressed. The head of a packOfsDelta goes on with how far back its base is.
func entryHead(b []byte, kind byte, size int) []byte {
	// The low 4 bits of the size, then 7 bits at a time.
	c := kind<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		b = append(b, c|0x80)
		c = byte(size & 0x7f)
	}
	return append(b, c)
}

// appendBack appends how far back a delta's base is.
func appendBack(b []byte, back int64) []byte {
	var digits [10]byte
	at := len(digits) - 1
	digits[at] = byte(back & 0x7f)
	for back >>= 7; back > 0; back >>= 7 {
		back--
		at--
		digits[at] = 0x80 | byte(back&0x7f)
	}
	return append(b, digits[at:]...)
}

// A packFile is a pack in the making.
type packFile struct {
	dir     string
	count   int // of entries, as the pack's head tells
	file    *summed
	entries []packedEntry
}

type packedEntry struct {
	id     Hash
	crc    uint32
	offset int64
}

func newPackFile(dir string, count int) (*packFile, error) {
	if int64(count) > math.MaxUint32 {
		return nil, fmt.Errorf("%d objects are too many for one pack", count)
	}
	f, err := newSummed(filepath.Join(dir, "new.pack"))
	if err != nil {
		return nil, err
	}
	f.write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("PACK"), 2), uint32(count)))
	return &packFile{dir: dir, count: count, file: f, entries: make([]packedEntry, 0, count)}, nil
}

// add writes an entry and returns its offset.
func (p *packFile) add(id Hash, head, body []byte) int64 {
	offset := p.file.size
	p.entries = append(p.entries, packedEntry{id, crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, body), offset})
	p.file.write(head)
	p.file.write(body)
	return offset
}

// close lets go of a pack that was not finished.
func (p *packFile) close() { p.file.file.Close() }

// finish ends the pack and writes its index.
func (p *packFile) finish() error {
	if len(p.entries) != p.count {
		return fmt.Errorf("%d objects are in the pack, not %d; this is a defect of terrier", len(p.entries), p.count)
	}
	packSum, err := p.file.finish()
	if err != nil {
		return err
	}
	slices.SortFunc(p.entries, func(a, b packedEntry) int { return bytes.Compare(a.id[:], b.id[:]) })
	idx, err := newSummed(filepath.Join(p.dir, "new.idx"))
	if err != nil {
		return err
	}
	defer idx.file.Close()
	idx.write([]byte("\xfftOc\x00\x00\x00\x02"))
	var fan [256]uint32
	for _, e := range p.entries {
		fan[e.id[0]]++
	}
	var word [8]byte
	put := func(v uint32) { idx.write(binary.BigEndian.AppendUint32(word[:0], v)) }
	var total uint32
	for _, n := range fan {
		total += n
		put(total)
	}
	for _, e := range p.entries {
		idx.write(e.id[:])
	}
	for _, e := range p.entries {
		put(e.crc)
	}
	var large []int64
	for _, e := range p.entries {
		if e.offset <= math.MaxInt32 {
			put(uint32(e.offset))
			continue
		}
		put(1<<31 | uint32(len(large)))
		large = append(large, e.offset)
	}
	for _, offset := range large {
		idx.write(binary.BigEndian.AppendUint64(word[:0], uint64(offset)))
	}
	idx.write(packSum)
	if _, err := idx.finish(); err != nil {
		return err
	}
	// git asks for a pack's name to be pack-HASH.
	name := filepath.Join(p.dir, "pack-"+hex.EncodeToString(packSum))
	if err := os.Rename(filepath.Join(p.dir, "new.pack"), name+".pack"); err != nil {
		return err
	}
	return os.Rename(filepath.Join(p.dir, "new.idx"), name+".idx")
}

// A summed file ends in the SHA-1 of what was written to it before. Errors
// are kept by its buffer, and come out of finish.
type summed struct {
	file *os.File
	out  *bufio.Writer
	sum  hash.Hash
	size int64
}

func newSummed(name string) (*summed, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	s := &summed{file: f, sum: sha1.New()}
	s.out = bufio.NewWriterSize(io.MultiWriter(f, s.sum), 64<<10)
	return s, nil
}

func (s *summed) write(p []byte) {
	n, _ := s.out.Write(p)
	s.size += int64(n)
}

func (s *summed) finish() ([]byte, error) {
	if err := s.out.Flush(); err != nil {
		return nil, err
	}
	sum := s.sum.Sum(nil)
	if _, err := s.file.Write(sum); err != nil {
		return nil, err
	}
	return sum, s.file.Close()
}
