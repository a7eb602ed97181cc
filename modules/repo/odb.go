package repo

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An odb is the objects of a repository, read from its files: packs, loose
// objects, those of its alternates. It is made for one goroutine.
//
// What is read is checked: an entry's checksum, its size, and the id of every
// object that is read whole. Nothing that a file claims is taken as memory
// before the file holds as much.
type odb struct {
	dirs  []string // the repository's own directory of objects, then those that it borrows from
	packs []*pack
	known map[string]bool // indexes that were looked at
	hit   *pack           // where the last object was

	z       inflater
	bases   baseCache
	chain   []chained
	buf     []byte
	sum     hash.Hash
	touches int
}

// baseLimit bounds the objects that are kept for others to build on, and
// mappedLimit what of the packs is in memory at one time.
const (
	baseLimit   = 32 << 20
	mappedLimit = 64 << 20
)

// openODB opens the objects of the repository at gitDir. An error means that
// it is for git to read them, or to say what is wrong.
func openODB(gitDir string) (*odb, error) {
	s := &odb{known: map[string]bool{}, sum: sha1.New()}
	s.bases.init(baseLimit)
	s.addDir(filepath.Join(gitDir, "objects"), 0)
	if err := s.addPacks(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *odb) close() {
	for _, p := range s.packs {
		p.close()
	}
	s.packs, s.hit = nil, nil
	s.bases.init(baseLimit)
}

// addDir adds a directory of objects and those that it borrows from, as git
// does: what is not there is left out, and so is what is too deep.
func (s *odb) addDir(dir string, depth int) {
	if real, err := filepath.EvalSymlinks(dir); err != nil || slices.Contains(s.dirs, real) || depth > 5 {
		return
	} else {
		s.dirs = append(s.dirs, real)
	}
	data, err := os.ReadFile(filepath.Join(dir, "info", "alternates"))
	if err != nil {
		return
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if quoted, err := strconv.Unquote(line); err == nil && line[0] == '"' {
			line = quoted
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(dir, line)
		}
		s.addDir(line, depth+1)
	}
}

// addPacks opens the packs that have come since it was last called.
func (s *odb) addPacks() error {
	for _, dir := range s.dirs {
		dir = filepath.Join(dir, "pack")
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		names := make(map[string]bool, len(entries))
		for _, e := range entries {
			names[e.Name()] = true
		}
		for _, e := range entries {
			base, ok := strings.CutSuffix(e.Name(), ".pack")
			if !ok {
				continue
			}
			idx := filepath.Join(dir, base+".idx")
			if !names[base+".idx"] || s.known[idx] {
				continue // with no index git takes no notice of a pack either
			}
			s.known[idx] = true
			p, err := openPack(idx, filepath.Join(dir, e.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // a repack has just replaced it
			}
			if err != nil {
				return err
			}
			s.packs = append(s.packs, p)
		}
	}
	return nil
}

// find returns the pack that holds an object, and its position in the index.
func (s *odb) find(id *Hash) (*pack, int, bool) {
	if s.hit != nil {
		if i, ok := s.hit.find(id); ok {
			return s.hit, i, true
		}
	}
	for _, p := range s.packs {
		if p == s.hit {
			continue
		}
		if i, ok := p.find(id); ok {
			s.hit = p
			return p, i, true
		}
	}
	return nil, 0, false
}

// read returns an object. Its data is valid until the next one is read, and
// must not be changed.
func (s *odb) read(id Hash) (kind byte, data []byte, err error) {
	p, i, ok := s.find(&id)
	if !ok {
		kind, data, err = s.loose(id)
		if !errors.Is(err, fs.ErrNotExist) {
			return kind, data, err
		}
		// A repack may have gathered it meanwhile.
		if err := s.addPacks(); err != nil {
			return 0, nil, err
		}
		if p, i, ok = s.find(&id); !ok {
			return 0, nil, &MissingObjectError{ID: id}
		}
	}
	offset, err := p.offset(i)
	if err == nil {
		kind, data, err = s.packed(p, offset)
	}
	if err == nil {
		err = s.verify(id, kind, data)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("object %s: %w", id, err)
	}
	return kind, data, nil
}

// verify checks that an object is what its id says.
func (s *odb) verify(id Hash, kind byte, data []byte) error {
	s.sum.Reset()
	var head [32]byte
	h := append(head[:0], packTypes[kind]...)
	h = append(h, ' ')
	h = strconv.AppendInt(h, int64(len(data)), 10)
	h = append(h, 0)
	s.sum.Write(h)
	s.sum.Write(data)
	var got Hash
	if s.sum.Sum(got[:0]); got != id {
		return fmt.Errorf("it is damaged: its content is that of %s\nhint: \"git fsck\" tells more", got)
	}
	return nil
}

// loose reads an object that has a file of its own. The error of one that has
// none wraps fs.ErrNotExist.
func (s *odb) loose(id Hash) (byte, []byte, error) {
	name := id.String()
	for _, dir := range s.dirs {
		file := filepath.Join(dir, name[:2], name[2:])
		src, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		kind, data, err := s.parseLoose(src)
		if err == nil {
			err = s.verify(id, kind, data)
		}
		if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", file, err)
		}
		return kind, data, nil
	}
	return 0, nil, fs.ErrNotExist
}

func (s *odb) parseLoose(src []byte) (byte, []byte, error) {
	var head [32]byte
	n, _, err := s.z.inflate(head[:], src, true)
	if err != nil {
		return 0, nil, err
	}
	line, _, ok := bytes.Cut(head[:n], []byte{0})
	name, length, ok2 := bytes.Cut(line, []byte(" "))
	kind := packType(string(name))
	size, err := strconv.ParseUint(string(length), 10, 63)
	if !ok || !ok2 || kind == 0 || err != nil || size > inflateBound(len(src)) {
		return 0, nil, errors.New("it is no object\nhint: \"git fsck\" tells more")
	}
	if size > maxObject {
		return 0, nil, errTooLarge
	}
	dst := s.room(len(line) + 1 + int(size))
	if _, _, err := s.z.inflate(dst, src, false); err != nil {
		return 0, nil, err
	}
	return kind, dst[len(line)+1:], nil
}

// room is memory for n bytes, until it is next asked for.
func (s *odb) room(n int) []byte {
	// A large one is given back once what follows is out of proportion.
	if cap(s.buf) < n || cap(s.buf) > 1<<20 && n < cap(s.buf)/8 {
		s.buf = make([]byte, max(n, 4<<10))
	}
	return s.buf[:n]
}

// touch notes that the entry at offset comes into memory, and makes room where
// there is too much. The system reads in runs of 64 kB.
func (s *odb) touch(p *pack, offset int) {
	const run = 16
	at := offset >> run
	if at>>6 >= len(p.touched) {
		p.touched = append(p.touched, make([]uint64, len(p.file.data)>>(run+6)+1-len(p.touched))...)
	}
	if bit := uint64(1) << (at & 63); p.touched[at>>6]&bit == 0 {
		p.touched[at>>6] |= bit
		if s.touches++; s.touches > mappedLimit>>run {
			s.touches = 0
			for _, p := range s.packs {
				clear(p.touched)
				p.file.forget()
				p.index.forget()
			}
		}
	}
}

// A commitHead is what a walk needs of a commit.
type commitHead struct {
	tree    Hash
	parents []Hash
}

// commit reads the head of a commit, and of one that is no delta no more than
// that. parents is used for its memory.
func (s *odb) commit(id Hash, parents []Hash) (commitHead, error) {
	if p, i, ok := s.find(&id); ok {
		offset, err := p.offset(i)
		if err != nil {
			return commitHead{}, err
		}
		e, err := p.entry(offset)
		if err != nil {
			return commitHead{}, fmt.Errorf("commit %s: %w", id, err)
		}
		if e.kind == packCommit {
			s.touch(p, offset)
			// A tree, two parents, and the beginning of the line after.
			var head [46 + 2*48 + 8]byte
			n, _, err := s.z.inflate(head[:min(len(head), e.size)], p.file.data[e.body:len(p.file.data)-20], true)
			if err != nil {
				return commitHead{}, fmt.Errorf("commit %s: %w", id, p.damaged(offset))
			}
			if c, ok := parseHead(head[:n], parents); ok {
				return c, nil
			}
		}
	}
	kind, data, err := s.read(id)
	if err != nil {
		return commitHead{}, err
	}
	if kind != packCommit {
		return commitHead{}, fmt.Errorf("object %s is a %s where a commit should be", id, packTypes[kind])
	}
	c, ok := parseWholeHead(data)
	if !ok {
		return commitHead{}, fmt.Errorf("commit %s: its header is malformed\nhint: \"git fsck\" tells more", id)
	}
	return c, nil
}

// parseHead reads a commit's tree and parents. It is false where data does
// not reach as far as to the line after them.
func parseHead(data []byte, parents []Hash) (commitHead, bool) {
	c := commitHead{parents: parents[:0]}
	var ok bool
	if c.tree, data, ok = hashLine(data, "tree "); !ok {
		return c, false
	}
	for {
		if len(data) < 7 {
			return c, false
		}
		if string(data[:7]) != "parent " {
			return c, true
		}
		var id Hash
		if id, data, ok = hashLine(data, "parent "); !ok {
			return c, false
		}
		c.parents = append(c.parents, id)
	}
}

// parseWholeHead is parseHead for all the data of a commit.
func parseWholeHead(data []byte) (commitHead, bool) {
	c, ok := parseHead(append(data[:len(data):len(data)], "\n       "...), nil)
	return c, ok
}

// hashLine reads a line of name and id, and returns what follows it.
func hashLine(data []byte, name string) (id Hash, rest []byte, ok bool) {
	n := len(name) + 40
	if len(data) <= n || string(data[:len(name)]) != name || data[n] != '\n' {
		return id, nil, false
	}
	for i := range id {
		hi, lo := unhex(data[len(name)+2*i]), unhex(data[len(name)+2*i+1])
		if hi|lo > 15 {
			return id, nil, false
		}
		id[i] = hi<<4 | lo
	}
	return id, data[n+1:], true
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return math.MaxUint8
}
