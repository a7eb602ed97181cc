package modules

import (
	"errors"
	"path"
	"sort"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

const mostLinks = 40 // followed for one path, as the kernel has it

var (
	errLeaves = errors.New("leads out of the repository")
	errCircle = errors.New("runs in a circle")
)

// Follow resolves the symlinks in a slash path that is relative to the root.
// It is false where the path leaves the tree or runs in a circle.
func (g *Graph) Follow(p string) (string, bool) {
	to, _, err := g.follow(p)
	return to, err == nil
}

// follow is Follow that also tells the symlinks that it went through, and what
// is wrong.
func (g *Graph) follow(p string) (to string, through []string, err error) {
	for range mostLinks {
		p = path.Clean(p)
		if outside(p) {
			return "", through, errLeaves
		}
		link, ok := g.firstLink(p)
		if !ok {
			return p, through, nil
		}
		through = append(through, link)
		target := g.links[link]
		if path.IsAbs(target) {
			return "", through, errLeaves
		}
		p = path.Join(path.Dir(link), target) + p[len(link):]
	}
	return "", through, errCircle
}

// Link returns where a symlink leads, as it is written; it is false for what
// is no symlink.
func (g *Graph) Link(p string) (target string, ok bool) {
	target, ok = g.links[p]
	return target, ok
}

// Through returns the symlinks that a path goes through, in order.
func (g *Graph) Through(p string) []string {
	_, through, _ := g.follow(p)
	return through
}

// firstLink returns the first symlink on a clean path, the path itself
// included.
func (g *Graph) firstLink(p string) (string, bool) {
	if len(g.links) == 0 {
		return "", false
	}
	for i := 0; i <= len(p); i++ {
		if i == len(p) || p[i] == '/' {
			if _, ok := g.links[p[:i]]; ok {
				return p[:i], true
			}
		}
	}
	return "", false
}

// below returns p as seen from dir, which it is in; "" where it is dir.
func below(p, dir string) string {
	if p == dir {
		return ""
	}
	if dir == "." {
		return p
	}
	return strings.TrimPrefix(strings.TrimPrefix(p, dir), "/")
}

// outside reports whether a clean path leaves the tree.
func outside(p string) bool {
	return p == ".." || strings.HasPrefix(p, "../") || path.IsAbs(p)
}

// entriesBelow returns the files, symlinks and submodules below a directory.
func (g *Graph) entriesBelow(dir string) []hclparse.Entry {
	if dir == "." {
		return g.Tree.Entries
	}
	return g.entriesWith(dir + "/")
}

// entriesWith returns the entries whose path begins with prefix.
func (g *Graph) entriesWith(prefix string) []hclparse.Entry {
	all := g.Tree.Entries
	first := sort.Search(len(all), func(i int) bool { return all[i].Path >= prefix })
	n := sort.Search(len(all)-first, func(i int) bool { return !strings.HasPrefix(all[first+i].Path, prefix) })
	return all[first : first+n]
}

// entry returns the file, symlink or submodule at p.
func (g *Graph) entry(p string) (hclparse.Entry, bool) {
	all := g.Tree.Entries
	i := sort.Search(len(all), func(i int) bool { return all[i].Path >= p })
	if i < len(all) && all[i].Path == p {
		return all[i], true
	}
	return hclparse.Entry{}, false
}

func (g *Graph) exists(p string) bool {
	_, ok := g.entry(p)
	return ok || g.dirs[p]
}

// Placed is a file or symlink that stands at another place: From's bytes and
// mode at At.
type Placed struct{ At, From string }

// mostPlaced bounds what one symlink may unfold to: links to directories that
// hold links to each other grow without end, or nearly.
const mostPlaced = 100_000

// unfold returns what stands in a symlink's place when it is replaced by what
// it leads to: a file, or the files of a directory. Symlinks in that directory
// that stay in it are kept as they are, and so is one that leads nowhere; the
// others are unfolded too. problem says why it cannot be done; where the link
// leads nowhere, both are empty.
func (g *Graph) unfold(link string) (files []Placed, problem string) {
	steps := 0
	var open func(at, from string, above []string) string
	open = func(at, from string, above []string) string {
		to, _, err := g.follow(from)
		if errors.Is(err, errCircle) || err == nil && !g.exists(to) {
			if at != link {
				files = append(files, Placed{at, from})
			}
			return ""
		}
		if err != nil {
			return "the symlink " + from + " " + err.Error()
		}
		if !g.dirs[to] {
			files = append(files, Placed{at, to})
			return ""
		}
		for _, dir := range append(above, path.Dir(from)) {
			if Within(dir, to) {
				return "the symlink " + from + " leads to " + to + ", which holds it"
			}
		}
		above = append(above[:len(above):len(above)], to)
		for _, e := range g.entriesBelow(to) {
			place := at + "/" + below(e.Path, to)
			if steps++; steps > mostPlaced {
				return "the symlink " + link + " unfolds to more than 100,000 files"
			}
			switch {
			case e.Target != "" && !leaves(path.Dir(e.Path), e.Target, to) && g.staysWithin(e.Path, to):
				files = append(files, Placed{place, e.Path})
			case e.Target != "":
				if p := open(place, e.Path, above); p != "" {
					return p
				}
			case e.Mode == 0:
				files = append(files, Placed{place, e.Path})
			}
		}
		return ""
	}
	if problem = open(link, link, nil); problem != "" {
		return nil, problem
	}
	return files, ""
}

// staysWithin reports whether a symlink, and every one on its way, leads to
// something in dir, by a way that does not leave dir.
func (g *Graph) staysWithin(link, dir string) bool {
	to, through, err := g.follow(link)
	if err != nil || !Within(to, dir) {
		return false
	}
	for _, l := range through {
		if !Within(l, dir) || leaves(path.Dir(l), g.links[l], dir) {
			return false
		}
	}
	return true
}

// leaves reports whether the relative path rel, walked segment by segment
// from dir, is ever outside pkg.
func leaves(dir, rel, pkg string) bool { return !Within(top(dir, rel), pkg) }

// top returns the highest directory that the relative path rel goes through,
// walked segment by segment from dir.
func top(dir, rel string) string {
	at, highest := dir, dir
	for _, seg := range strings.Split(rel, "/") {
		at = path.Join(at, seg)
		if !Within(at, highest) {
			highest = path.Dir(highest)
		}
	}
	return highest
}
