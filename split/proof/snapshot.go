package proof

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxPaths bounds the paths of one tree: a tree of trees can name more of them
// than there are objects by any factor.
const maxPaths = 2_000_000

// maxLinks is how many symlinks a path may go through, as in Linux.
const maxLinks = 40

// Modes of tree entries.
const (
	modeTree   = 0o040000
	modeLink   = 0o120000
	modeModule = 0o160000
	modeType   = 0o170000
)

// A node is one tree object.
type node struct {
	id      plumbing.Hash
	entries []entry
	byName  map[string]int
	bad     []string // names that are no file names; not among the entries
}

// An entry is what a tree says of one name.
type entry struct {
	name string
	mode uint32
	id   plumbing.Hash
}

func (e entry) regular() bool { return e.mode&modeType == 0o100000 }

// A snapshot is the tree of one commit in one repository.
type snapshot struct {
	ck    *checker
	st    *store
	root  *node
	files []file // sorted as trees are walked
	index map[string]int
	dirs  []string // directories that hold a configuration file
	bad   []string
	links map[plumbing.Hash]string
}

// A file is everything in a snapshot that is not a directory.
type file struct {
	path string
	entry
}

// node returns a tree of the repository. A tree that another repository has as
// well is decoded once, but must be in this one too.
func (s *snapshot) node(id plumbing.Hash) (*node, error) {
	if n := s.ck.nodes[id]; n != nil {
		if !s.st.has(id) {
			return nil, fmt.Errorf("tree %s: %w", id, errMissing)
		}
		return n, nil
	}
	data, err := s.st.read(id, plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	n, err := decodeTree(data)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", id, err)
	}
	n.id = id
	s.ck.nodes[id] = n
	return n, nil
}

// decodeTree reads a tree object. Names that would leave the directory, or
// enter a git directory, are kept apart.
func decodeTree(data []byte) (*node, error) {
	n := &node{byName: map[string]int{}}
	for len(data) > 0 {
		sp, nul := bytes.IndexByte(data, ' '), bytes.IndexByte(data, 0)
		if sp < 0 || nul < sp || len(data) < nul+21 {
			return nil, errors.New("damaged")
		}
		mode, err := strconv.ParseUint(string(data[:sp]), 8, 32)
		if err != nil {
			return nil, errors.New("damaged mode")
		}
		e := entry{name: string(data[sp+1 : nul]), mode: uint32(mode)}
		copy(e.id[:], data[nul+1:])
		data = data[nul+21:]
		if _, twice := n.byName[e.name]; twice || !fileName(e.name) {
			n.bad = append(n.bad, e.name)
			continue
		}
		n.byName[e.name] = len(n.entries)
		n.entries = append(n.entries, e)
	}
	return n, nil
}

// fileName reports whether a tree entry's name can stand in a work tree: not
// in any spelling that some file system takes for ., .. or .git.
func fileName(name string) bool {
	if name == "" || strings.ContainsAny(name, "/\x00") {
		return false
	}
	if first, rest, ok := strings.Cut(name, "\\"); ok { // a separator on Windows
		return (first == "" || fileName(first)) && (rest == "" || fileName(rest))
	}
	bare := strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1 // HFS+ leaves these out
		}
		return r
	}, name)
	bare, _, _ = strings.Cut(bare, ":") // an NTFS stream
	if dots := strings.TrimRight(bare, " "); dots == "." || dots == ".." {
		return false
	}
	bare = strings.ToLower(strings.TrimRight(bare, ". "))
	return bare != ".git" && bare != "git~1"
}

// load reads the tree and lists its files.
func (s *snapshot) load(id plumbing.Hash) error {
	root, err := s.node(id)
	if err != nil {
		return err
	}
	s.index, s.links = map[string]int{}, map[plumbing.Hash]string{}
	var list func(n *node, dir string) error
	list = func(n *node, dir string) error {
		if err := s.ck.ctx.Err(); err != nil {
			return err
		}
		for _, name := range n.bad {
			s.bad = append(s.bad, strings.TrimPrefix(dir+"/", "./")+name)
		}
		config := false
		for _, e := range n.entries {
			p := e.name
			if dir != "." {
				p = dir + "/" + p
			}
			if e.mode&modeType == modeTree {
				sub, err := s.node(e.id)
				if err != nil {
					return fmt.Errorf("%s: %w", p, err)
				}
				if err := list(sub, p); err != nil {
					return err
				}
				continue
			}
			if len(s.files) >= maxPaths {
				return fmt.Errorf("the tree has more than %d files", maxPaths)
			}
			config = config || languageOf(e.name).configures()
			s.index[p] = len(s.files)
			s.files = append(s.files, file{p, e})
		}
		if config {
			s.dirs = append(s.dirs, dir)
		}
		return nil
	}
	if err := list(root, "."); err != nil {
		s.files, s.dirs, s.index = nil, nil, nil
		return err
	}
	s.root = root
	return nil
}

func (s *snapshot) file(p string) (file, bool) {
	i, ok := s.index[p]
	if !ok {
		return file{}, false
	}
	return s.files[i], true
}

// dir returns the directory at p, without following symlinks; nil where there
// is none.
func (s *snapshot) dir(p string) *node {
	n := s.root
	if p == "." {
		return n
	}
	for _, part := range strings.Split(p, "/") {
		if n == nil {
			return nil
		}
		i, ok := n.byName[part]
		if !ok || n.entries[i].mode&modeType != modeTree {
			return nil
		}
		n, _ = s.node(n.entries[i].id)
	}
	return n
}

// A spot is where a path leads, symlinks followed.
type spot struct {
	path  string   // "" where it leads nowhere in this tree
	dir   *node    // the directory, nil for anything else
	file  entry    // valid where dir is nil
	links []string // the symlinks on the way, as paths without any
}

// resolve follows p, a clean path below the root, through every symlink.
func (s *snapshot) resolve(p string) spot {
	if s.root == nil {
		return spot{}
	}
	var links []string
	todo := strings.Split(p, "/")
	done := []string{}
	nodes := []*node{s.root}
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(done) == 0 {
				return spot{} // it climbs out
			}
			done, nodes = done[:len(done)-1], nodes[:len(nodes)-1]
			continue
		}
		n := nodes[len(nodes)-1]
		i, ok := n.byName[part]
		if !ok {
			return spot{}
		}
		e := n.entries[i]
		switch e.mode & modeType {
		case modeTree:
			sub, err := s.node(e.id)
			if err != nil {
				return spot{}
			}
			done, nodes = append(done, part), append(nodes, sub)
		case modeLink:
			target, ok := s.target(e.id)
			if links = append(links, strings.Join(append(slices.Clone(done), part), "/")); !ok || len(links) > maxLinks || target == "" || target[0] == '/' {
				return spot{}
			}
			todo = append(strings.Split(target, "/"), todo...)
		default:
			for _, rest := range todo {
				if rest != "" && rest != "." {
					return spot{} // below a file there is nothing
				}
			}
			return spot{path: strings.Join(append(done, part), "/"), file: e, links: links}
		}
	}
	return spot{path: path.Join(".", path.Join(done...)), dir: nodes[len(nodes)-1], links: links}
}

// target reads a symlink.
func (s *snapshot) target(id plumbing.Hash) (string, bool) {
	if t, ok := s.links[id]; ok {
		return t, t != ""
	}
	data, err := s.st.read(id, plumbing.BlobObject)
	if err != nil || len(data) > 4096 {
		data = nil
	}
	s.links[id] = string(data)
	return s.links[id], len(data) > 0
}
