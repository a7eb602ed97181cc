package repo

import (
	"bufio"
	"bytes"
	"compress/zlib"
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
)

// writePack writes objects, without deltas, as one pack with its index
// (version 2) into dir. Duplicates are written once. An object whose id is not
// that of its content is an error.
func writePack(dir string, objects []Object) error {
	type entry struct {
		id     Hash
		crc    uint32
		offset int64
	}
	types := map[string]byte{"commit": 1, "tree": 2, "blob": 3, "tag": 4}
	entries := make([]entry, 0, len(objects))
	seen := make(map[Hash]bool, len(objects))
	unique := make([]*Object, 0, len(objects))
	for i := range objects {
		if o := &objects[i]; !seen[o.ID] {
			seen[o.ID] = true
			unique = append(unique, o)
		}
	}
	if int64(len(unique)) > math.MaxUint32 {
		return fmt.Errorf("%d objects are too many for one pack", len(unique))
	}

	f, err := newSummed(filepath.Join(dir, "new.pack"))
	if err != nil {
		return err
	}
	defer f.file.Close()
	f.write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("PACK"), 2), uint32(len(unique))))
	var buf bytes.Buffer
	deflate := zlib.NewWriter(&buf)
	for _, o := range unique {
		kind, ok := types[o.Type]
		if !ok {
			return fmt.Errorf("object %s is of the unknown type %q", o.ID, o.Type)
		}
		if id := hashObject(o.Type, o.Data); id != o.ID {
			return fmt.Errorf("object %s is in truth %s", o.ID, id)
		}
		buf.Reset()
		// Type and the low 4 bits of the size, then 7 bits at a time.
		size := uint64(len(o.Data))
		c := kind<<4 | byte(size&15)
		for size >>= 4; size > 0; size >>= 7 {
			buf.WriteByte(c | 0x80)
			c = byte(size & 0x7f)
		}
		buf.WriteByte(c)
		deflate.Reset(&buf)
		if _, err := deflate.Write(o.Data); err != nil {
			return err
		}
		if err := deflate.Close(); err != nil {
			return err
		}
		entries = append(entries, entry{id: o.ID, crc: crc32.ChecksumIEEE(buf.Bytes()), offset: f.size})
		f.write(buf.Bytes())
	}
	packSum, err := f.finish()
	if err != nil {
		return err
	}

	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.id[:], b.id[:]) })
	idx, err := newSummed(filepath.Join(dir, "new.idx"))
	if err != nil {
		return err
	}
	defer idx.file.Close()
	idx.write([]byte("\xfftOc\x00\x00\x00\x02"))
	var fan [256]uint32
	for _, e := range entries {
		fan[e.id[0]]++
	}
	var word [8]byte
	put := func(v uint32) { idx.write(binary.BigEndian.AppendUint32(word[:0], v)) }
	var total uint32
	for _, n := range fan {
		total += n
		put(total)
	}
	for _, e := range entries {
		idx.write(e.id[:])
	}
	for _, e := range entries {
		put(e.crc)
	}
	var large []int64
	for _, e := range entries {
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
	name := filepath.Join(dir, "pack-"+hex.EncodeToString(packSum))
	if err := os.Rename(filepath.Join(dir, "new.pack"), name+".pack"); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, "new.idx"), name+".idx")
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
