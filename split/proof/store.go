package proof

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxRead is the largest object that is read, in bytes. Configuration is far
// smaller, and what is equal by id is not read at all.
const maxRead = 16 << 20

// maxCopy is the largest file that may be a listed copy, in bytes.
const maxCopy = 512 << 20

var (
	errMissing  = errors.New("the object is not there")
	errTooLarge = errors.New("the object is too large to be read")
)

// A store reads the objects and refs of one repository, its alternates
// included. It is for one goroutine.
type store struct {
	parts []*objectDir // the repository itself, then its alternates
	refs  refs
	known map[plumbing.Hash]bool
}

// openWritten opens a repository that a split wrote: a bare one, or a work
// tree with its git directory in it. Such a one is whole by itself, so nothing
// is read outside out, wherever a link or a file in it may lead.
func openWritten(out *os.Root, repository string) (*store, error) {
	git := repository
	if fi, err := out.Lstat(filepath.FromSlash(git + "/.git")); err == nil && fi.IsDir() {
		git += "/.git"
	}
	for _, name := range []string{"commondir", "objects/info/alternates"} {
		if _, err := out.Lstat(filepath.FromSlash(git + "/" + name)); err == nil {
			return nil, fmt.Errorf("it is not whole by itself: it has %s", name)
		}
	}
	d := disk{dir: git, root: out}
	s := &store{known: map[plumbing.Hash]bool{}, refs: refs{disk: d}}
	return s, s.open(d)
}

func (s *store) open(d disk) error {
	o, err := openObjects(d, "objects")
	if err != nil {
		return fmt.Errorf("there is no git repository: %w", err)
	}
	s.parts = append(s.parts, o)
	return nil
}

// openStore opens the repository at dir: a git directory, or a work tree. It
// reads no configuration, so a mirror that has none will do.
func openStore(dir string) (*store, error) {
	git, err := gitDir(dir)
	if err != nil {
		return nil, err
	}
	s := &store{known: map[plumbing.Hash]bool{}, refs: refs{disk: disk{dir: git}}}
	objects := []string{filepath.Join(git, "objects")}
	seen := map[string]bool{objects[0]: true}
	for i := 0; i < len(objects) && i < 16; i++ {
		if err := s.open(disk{dir: filepath.Dir(objects[i])}); err != nil && i == 0 {
			return nil, err // an alternate that is gone has nothing to give
		}
		list, err := os.ReadFile(filepath.Join(objects[i], "info", "alternates"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			s.close()
			return nil, err
		}
		for _, line := range strings.Split(string(list), "\n") {
			if line = strings.TrimSuffix(line, "\r"); line == "" || line[0] == '#' {
				continue
			}
			if !filepath.IsAbs(line) {
				line = filepath.Join(objects[i], line)
			}
			if line = filepath.Clean(line); seen[line] || filepath.Base(line) != "objects" {
				continue
			}
			seen[line] = true
			objects = append(objects, line)
		}
	}
	return s, nil
}

// gitDir finds the directory that holds objects and refs.
func gitDir(dir string) (string, error) {
	git := filepath.Join(dir, ".git")
	switch fi, err := os.Stat(git); {
	case err != nil:
		git = dir
	case !fi.IsDir():
		b, err := os.ReadFile(git)
		if err != nil {
			return "", err
		}
		to, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir: ")
		if !ok {
			return "", fmt.Errorf("%s does not name a git directory", git)
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(dir, to)
		}
		git = to
	}
	if b, err := os.ReadFile(filepath.Join(git, "commondir")); err == nil {
		common := strings.TrimSpace(string(b))
		if !filepath.IsAbs(common) {
			common = filepath.Join(git, common)
		}
		git = common
	}
	if fi, err := os.Stat(filepath.Join(git, "objects")); err != nil || !fi.IsDir() {
		return "", errors.New("there is no git repository")
	}
	return git, nil
}

func (s *store) close() {
	for _, p := range s.parts {
		p.close()
	}
}

// has reports whether the object is there, without reading it.
func (s *store) has(id plumbing.Hash) bool {
	ok, asked := s.known[id]
	if !asked {
		ok = slices.ContainsFunc(s.parts, func(o *objectDir) bool { return o.has(id) })
		s.known[id] = ok
	}
	return ok
}

// read returns an object's bytes, and checks that they have the id.
func (s *store) read(id plumbing.Hash, typ plumbing.ObjectType) ([]byte, error) {
	return s.readUpTo(id, typ, maxRead)
}

func (s *store) readUpTo(id plumbing.Hash, typ plumbing.ObjectType, limit int64) ([]byte, error) {
	for _, o := range s.parts {
		is, data, err := o.read(id, limit)
		switch {
		case errors.Is(err, errMissing):
			continue
		case errors.Is(err, errTooLarge):
			return nil, fmt.Errorf("%s %s: %w", typ, id, err)
		case err != nil:
			return nil, fmt.Errorf("%s %s cannot be read: %w", typ, id, err)
		case is != typ:
			return nil, fmt.Errorf("%s is a %s, not a %s", id, is, typ)
		}
		h := sha1.New()
		h.Write([]byte(typ.String() + " " + strconv.Itoa(len(data)) + "\x00"))
		h.Write(data)
		if !bytes.Equal(h.Sum(nil), id[:]) {
			return nil, fmt.Errorf("%s %s is damaged: its bytes have another id", typ, id)
		}
		return data, nil
	}
	return nil, fmt.Errorf("%s %s: %w", typ, id, errMissing)
}

// digest returns the SHA-256 of a blob's bytes.
func (s *store) digest(id plumbing.Hash) (string, error) {
	data, err := s.readUpTo(id, plumbing.BlobObject, maxCopy)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// A commit is what the proof needs of one.
type commit struct {
	tree    plumbing.Hash
	parents []plumbing.Hash
}

func (s *store) commit(id plumbing.Hash) (commit, error) {
	var c commit
	data, err := s.read(id, plumbing.CommitObject)
	if err != nil {
		return c, err
	}
	for i := 0; ; i++ {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		key, value, _ := strings.Cut(string(line), " ")
		switch {
		case i == 0 && key == "tree" && isID(value):
			c.tree = plumbing.NewHash(value)
		case i > 0 && key == "parent" && isID(value):
			c.parents = append(c.parents, plumbing.NewHash(value))
		case i == 0:
			return c, fmt.Errorf("commit %s names no tree", id)
		default:
			return c, nil
		}
		data = rest
	}
}

// ref returns the object that a full ref name points to. A symbolic ref is
// none: nothing that a split writes below refs/ is one.
func (s *store) ref(name string) (plumbing.Hash, bool) { return s.refs.get(name) }

// peel follows annotated tags to a commit.
func (s *store) peel(id plumbing.Hash) (plumbing.Hash, bool) {
	for range 8 {
		data, err := s.read(id, plumbing.TagObject)
		if err != nil {
			_, err := s.commit(id)
			return id, err == nil
		}
		line, _, _ := strings.Cut(string(data), "\n")
		to, ok := strings.CutPrefix(line, "object ")
		if !ok || !isID(to) {
			return plumbing.ZeroHash, false
		}
		id = plumbing.NewHash(to)
	}
	return plumbing.ZeroHash, false
}

// isID reports whether s is a SHA-1 object id in lower case.
func isID(s string) bool {
	_, err := hex.DecodeString(s)
	return len(s) == 40 && err == nil && s == strings.ToLower(s)
}

// refName reports whether git would allow name, a full one. It keeps a hostile
// name from becoming a path that leaves the repository.
func refName(name string) bool {
	for _, part := range strings.Split(name, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") || strings.HasSuffix(part, ".") {
			return false
		}
	}
	if strings.Contains(name, "..") || strings.Contains(name, "@{") {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) })
}
