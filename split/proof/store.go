package proof

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// maxRead is the largest object that is read, in bytes. Configuration is far
// smaller, and what is equal by id is not read at all.
const maxRead = 16 << 20

var (
	errMissing  = errors.New("the object is not there")
	errTooLarge = errors.New("the object is too large to be read")
)

// A store reads the objects and refs of one repository, its alternates
// included. It is for one goroutine.
type store struct {
	parts []*filesystem.Storage // the repository itself, then its alternates
	known map[plumbing.Hash]bool
}

func (s *store) open(git string, options ...osfs.Option) {
	// Not ExclusiveAccess: HasEncodedObject then looks at no pack.
	s.parts = append(s.parts, filesystem.NewStorageWithOptions(osfs.New(git, options...), cache.NewObjectLRU(64*cache.MiByte),
		filesystem.Options{KeepDescriptors: true, LargeObjectThreshold: maxRead}))
}

// openWritten opens a repository that a split wrote: a bare one, or a work
// tree with its git directory in it. Such a one is whole by itself, so nothing
// is read outside out, wherever a link or a file in it may lead.
func openWritten(out, repository string) (*store, error) {
	real, err := filepath.EvalSymlinks(out)
	if err != nil {
		return nil, err
	}
	git := filepath.Join(real, filepath.FromSlash(repository))
	if fi, err := os.Lstat(filepath.Join(git, ".git")); err == nil && fi.IsDir() {
		git = filepath.Join(git, ".git")
	}
	for _, dir := range []string{git, filepath.Join(git, "objects"), filepath.Join(git, "objects", "pack"), filepath.Join(git, "refs")} {
		switch to, err := filepath.EvalSymlinks(dir); {
		case errors.Is(err, os.ErrNotExist) && dir != git:
			// Nothing there that could lead elsewhere.
		case err != nil:
			return nil, fmt.Errorf("there is no git repository: %w", err)
		case to != dir:
			return nil, errors.New("a symlink leads out of its place")
		}
	}
	if fi, err := os.Stat(filepath.Join(git, "objects")); err != nil || !fi.IsDir() {
		return nil, errors.New("there is no git repository")
	}
	for _, name := range []string{"commondir", filepath.Join("objects", "info", "alternates")} {
		if _, err := os.Lstat(filepath.Join(git, name)); err == nil {
			return nil, fmt.Errorf("it is not whole by itself: it has %s", name)
		}
	}
	s := &store{known: map[plumbing.Hash]bool{}}
	s.open(git, osfs.WithBoundOS())
	return s, nil
}

// openStore opens the repository at dir: a git directory, or a work tree. It
// reads no configuration, so a mirror that has none will do.
func openStore(dir string) (*store, error) {
	git, err := gitDir(dir)
	if err != nil {
		return nil, err
	}
	s := &store{known: map[plumbing.Hash]bool{}}
	s.open(git)
	// go-git opens alternates anew for each object and cannot follow relative
	// ones, so they are opened here.
	objects := []string{filepath.Join(git, "objects")}
	seen := map[string]bool{objects[0]: true}
	for i := 0; i < len(objects) && i < 16; i++ {
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
			s.open(filepath.Dir(line))
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
		_ = p.ObjectStorage.Close()
	}
}

// has reports whether the object is there, without reading it.
func (s *store) has(id plumbing.Hash) bool {
	ok, asked := s.known[id]
	if !asked {
		_, ok = s.part(id)
		s.known[id] = ok
	}
	return ok
}

func (s *store) part(id plumbing.Hash) (part *filesystem.Storage, ok bool) {
	defer func() {
		// A damaged pack or index can make go-git panic; it then holds nothing.
		if recover() != nil {
			part, ok = nil, false
		}
	}()
	for _, p := range s.parts {
		if p.HasEncodedObject(id) == nil {
			return p, true
		}
	}
	return nil, false
}

// read returns an object's bytes, and checks that they have the id.
func (s *store) read(id plumbing.Hash, typ plumbing.ObjectType) (data []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			data, err = nil, fmt.Errorf("%s %s cannot be read: %v", typ, id, p)
		}
	}()
	part, ok := s.part(id)
	if !ok {
		return nil, fmt.Errorf("%s %s: %w", typ, id, errMissing)
	}
	obj, err := part.EncodedObject(plumbing.AnyObject, id)
	if err != nil {
		return nil, fmt.Errorf("%s %s cannot be read: %w", typ, id, err)
	}
	if obj.Type() != typ {
		return nil, fmt.Errorf("%s is a %s, not a %s", id, obj.Type(), typ)
	}
	if obj.Size() > maxRead {
		return nil, fmt.Errorf("%s %s: %w", typ, id, errTooLarge)
	}
	r, err := obj.Reader()
	if err != nil {
		return nil, fmt.Errorf("%s %s cannot be read: %w", typ, id, err)
	}
	defer r.Close()
	data, err = io.ReadAll(io.LimitReader(r, maxRead+1))
	if err != nil {
		return nil, fmt.Errorf("%s %s cannot be read: %w", typ, id, err)
	}
	h := sha1.New()
	h.Write([]byte(typ.String() + " " + strconv.Itoa(len(data)) + "\x00"))
	h.Write(data)
	if !bytes.Equal(h.Sum(nil), id[:]) {
		return nil, fmt.Errorf("%s %s is damaged: its bytes have another id", typ, id)
	}
	return data, nil
}

// digest returns the SHA-256 of a blob's bytes, however large it is, and
// checks that they have the id.
func (s *store) digest(id plumbing.Hash) (digest string, err error) {
	defer func() {
		if p := recover(); p != nil {
			digest, err = "", fmt.Errorf("blob %s cannot be read: %v", id, p)
		}
	}()
	part, ok := s.part(id)
	if !ok {
		return "", fmt.Errorf("blob %s: %w", id, errMissing)
	}
	obj, err := part.EncodedObject(plumbing.BlobObject, id)
	if err != nil {
		return "", fmt.Errorf("blob %s cannot be read: %w", id, err)
	}
	r, err := obj.Reader()
	if err != nil {
		return "", fmt.Errorf("blob %s cannot be read: %w", id, err)
	}
	defer r.Close()
	sum, h := sha256.New(), sha1.New()
	h.Write([]byte("blob " + strconv.FormatInt(obj.Size(), 10) + "\x00"))
	if _, err := io.Copy(io.MultiWriter(sum, h), r); err != nil {
		return "", fmt.Errorf("blob %s cannot be read: %w", id, err)
	}
	if !bytes.Equal(h.Sum(nil), id[:]) {
		return "", fmt.Errorf("blob %s is damaged: its bytes have another id", id)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
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
func (s *store) ref(name string) (id plumbing.Hash, ok bool) {
	defer func() {
		if recover() != nil {
			id, ok = plumbing.ZeroHash, false
		}
	}()
	r, err := s.parts[0].Reference(plumbing.ReferenceName(name))
	if err != nil || r.Type() != plumbing.HashReference || r.Hash().IsZero() {
		return plumbing.ZeroHash, false
	}
	return r.Hash(), true
}

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
