package proof

import (
	"crypto/sha1"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// claim records whose each path is. Two packages never overlap. Otherwise the
// innermost claim counts: a package may leave from inside an environment.
func (ck *checker) claim() {
	for _, a := range ck.afters {
		if a.live != nil && a.live.Paths == nil {
			ck.rest = append(ck.rest, a.index)
			continue
		}
		for _, p := range a.owns {
			ck.claims[p] = append(ck.claims[p], a.index)
		}
	}
	for _, a := range ck.afters {
		for _, p := range a.owns {
			for d := p; ; d = path.Dir(d) {
				for _, i := range ck.claims[d] {
					b := ck.afters[i]
					if b == a || d == p && i > a.index || d != p && (a.pkg == nil || b.pkg == nil) {
						continue
					}
					ck.failFile(i, "two-owners", p, 0, "is in %s and in %s", b.repository, a.repository)
				}
				if d == "." {
					break
				}
			}
		}
	}
}

// owners returns the repositories that a path of the monorepo belongs to: one,
// if the split is sound.
func (ck *checker) owners(p string) []int {
	if o, ok := ck.claims[p]; ok {
		return o
	}
	if p == "." {
		return ck.rest
	}
	dir := path.Dir(p)
	o, ok := ck.dirOwners[dir]
	if !ok {
		o = ck.owners(dir)
		ck.dirOwners[dir] = o
	}
	return o
}

// configOwners returns the repositories that the configuration in a directory
// belongs to. Where a stack stands inside a module's directory, these are not
// the owners of the directory as a whole.
func (ck *checker) configOwners(dir string) []int {
	if n := ck.mono.dir(dir); n != nil {
		for _, e := range n.entries {
			if e.mode&modeType != modeTree && languageOf(e.name).configures() {
				return ck.owners(path.Join(dir, e.name))
			}
		}
	}
	return ck.owners(dir)
}

// holds reports whether a repository ought to have a file of the monorepo.
func (ck *checker) holds(a *after, p string) bool {
	_, copied := a.copies[p]
	return copied || a.inPlace() || slices.Contains(ck.owners(p), a.index)
}

// inPlace reports whether a is the monorepo itself, seen as a package.
func (a *after) inPlace() bool { return a.pkg != nil && a.pkg.InPlace }

// A span is where the files at or below a directory stand in a snapshot's list.
type span struct{ from, to int }

// below returns the files of the monorepo at or below p.
func (ck *checker) below(p string) []file {
	if i, ok := ck.mono.index[p]; ok {
		return ck.mono.files[i : i+1]
	}
	if p == "." {
		return ck.mono.files
	}
	if ck.spans == nil {
		ck.spans = map[string]span{}
		for i, f := range ck.mono.files {
			for d := path.Dir(f.path); d != "."; d = path.Dir(d) {
				s, ok := ck.spans[d]
				if !ok {
					s.from = i
				}
				s.to = i + 1
				ck.spans[d] = s
			}
		}
	}
	s := ck.spans[p]
	return ck.mono.files[s.from:s.to]
}

// holdsAll reports whether a repository ought to have every file at or below
// a path of the monorepo.
func (ck *checker) holdsAll(a *after, p string) bool {
	return !slices.ContainsFunc(ck.below(p), func(f file) bool { return !ck.holds(a, f.path) })
}

// holdsDir reports whether a repository ought to have a directory that is
// called: every file at or below it, but for directories with a configuration
// of their own of which it has nothing, such as a stack that stayed where the
// module around it left.
func (ck *checker) holdsDir(a *after, dir string) bool {
	key := dirOf{a.index, dir}
	if ok, known := ck.dirs[key]; known {
		return ok
	}
	held, ok := map[string]bool{}, false
	files := ck.below(dir)
	for _, f := range files {
		if ck.holds(a, f.path) {
			ok = true
			if slices.Contains(ck.owners(f.path), a.index) {
				for d := path.Dir(f.path); d != "." && !held[d]; d = path.Dir(d) {
					held[d] = true
				}
			}
		}
	}
	apart := func(p string) bool {
		for d := path.Dir(p); d != dir && d != "."; d = path.Dir(d) {
			if !held[d] && ck.configured(d) {
				return true
			}
		}
		return false
	}
	for _, f := range files {
		ok = ok && (ck.holds(a, f.path) || apart(f.path))
	}
	ck.dirs[key] = ok
	return ok
}

// dirOf is a directory of the monorepo, seen from one repository.
type dirOf struct {
	repo int
	dir  string
}

// configured reports whether the monorepo has configuration in a directory.
func (ck *checker) configured(dir string) bool {
	d := ck.mono.dir(dir)
	return d != nil && slices.ContainsFunc(d.entries, func(e entry) bool { return languageOf(e.name) != languageNone })
}

// origin returns the monorepo's path for a path of the repository.
func (a *after) origin(p string) string { return path.Join(a.top, p) }

// inside is the reverse of origin; it is not ok for what is not below the
// repository's root.
func (a *after) inside(p string) (in string, ok bool) {
	switch {
	case a.top == ".":
		return p, true
	case p == a.top:
		return ".", true
	case !within(p, a.top):
		return "", false
	}
	return p[len(a.top)+1:], true
}

// meaning returns the monorepo's path for what stands at a path of the
// repository, symlinks that became files or directories taken for their
// targets.
func (a *after) meaning(p string) string {
	for d := p; len(a.material) > 0; d = path.Dir(d) {
		if to, ok := a.material[d]; ok {
			return path.Join(to, strings.TrimPrefix(p, d))
		}
		if d == "." {
			break
		}
	}
	return a.origin(p)
}

// main is the directory by which a report names the repository.
func (a *after) main() string {
	if a.pkg != nil {
		return a.pkg.Path
	}
	return a.top
}

// filtered returns the id of the tree that the monorepo has at the
// repository's root with nothing in it but what the repository owns and
// copies.
func (ck *checker) filtered(a *after) (plumbing.Hash, bool) {
	root := ck.mono.dir(a.top)
	if root == nil {
		return plumbing.ZeroHash, false
	}
	want := &trie{}
	for _, p := range a.owns {
		want.add(a, p)
	}
	for p := range a.copies {
		want.add(a, p)
	}
	id := ck.filterTree(root, want)
	return id, id != plumbing.ZeroHash
}

// A trie is a set of paths, each with all that is below it.
type trie struct {
	whole bool
	sub   map[string]*trie
}

func (t *trie) add(a *after, p string) {
	in, ok := a.inside(p)
	if !ok {
		return
	}
	for _, part := range strings.Split(in, "/") {
		if part == "." {
			break
		}
		if t.sub == nil {
			t.sub = map[string]*trie{}
		}
		if t.sub[part] == nil {
			t.sub[part] = &trie{}
		}
		t = t.sub[part]
	}
	t.whole = true
}

// filterTree returns the id of a tree with only the wanted paths; none where
// nothing is left.
func (ck *checker) filterTree(n *node, want *trie) plumbing.Hash {
	if want.whole {
		return n.id
	}
	var body []byte
	for _, e := range n.entries {
		in := want.sub[e.name]
		if in == nil {
			continue
		}
		if !in.whole {
			if e.mode&modeType != modeTree {
				continue
			}
			sub, err := ck.mono.node(e.id)
			if err != nil {
				continue // told when the tree was read
			}
			if e.id = ck.filterTree(sub, in); e.id == plumbing.ZeroHash {
				continue
			}
		}
		body = append(body, strconv.FormatUint(uint64(e.mode), 8)+" "+e.name+"\x00"...)
		body = append(body, e.id[:]...)
	}
	if body == nil {
		return plumbing.ZeroHash
	}
	h := sha1.New()
	h.Write([]byte("tree " + strconv.Itoa(len(body)) + "\x00"))
	h.Write(body)
	return plumbing.Hash(h.Sum(nil))
}
