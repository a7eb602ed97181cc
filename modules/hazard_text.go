package modules

import (
	"bytes"
	"fmt"
	"path"
	"sort"
	"strings"
)

// textHazards lists every line of a file that is not configuration and names
// a path that would move, and what git does to files' bytes.
func (g *Graph) textHazards(b *Borders) []Hazard {
	var out []Hazard
	find := newPathFinder(b)
	for _, e := range g.Tree.Entries {
		dir := path.Dir(e.Path)
		if e.Mode != 0 {
			continue
		}
		if configFile(e.Path) {
			continue
		}
		data := g.readFile(e.Path)
		if bytes.HasPrefix(data, []byte("\x00GITCRYPT\x00")) {
			h := Hazard{ID: "git-crypt", Severity: Info, File: e.Path, Dir: dir, Summary: "encrypted by git-crypt: carried as it is"}
			if b.Of(dir) != "" {
				h.Severity, h.Unproved = Warn, true
				h.Summary = "encrypted by git-crypt: the package's repository has no key for it"
			}
			out = append(out, h)
		}
		if data == nil || isBinary(data) {
			continue
		}
		if path.Base(e.Path) == ".gitattributes" {
			out = append(out, g.attributeHazards(b, e.Path, data)...)
		}
		if bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/")) {
			h := Hazard{ID: "lfs-pointer", Severity: Info, File: e.Path, Dir: dir, Summary: "a Git LFS pointer: carried as it is"}
			if b.Of(dir) != "" {
				h.Severity, h.Unproved = Warn, true
				h.Summary = "a Git LFS pointer inside a module: the package's remote needs the object too"
			}
			out = append(out, h)
		}
		for _, h := range find.mentions(e.Path, data) {
			if !g.terragrunt.rewrites(h.File, h.Line) {
				out = append(out, h)
			}
		}
	}
	return out
}

func configFile(p string) bool {
	for _, ext := range []string{".tf", ".tf.json", ".tofu", ".tofu.json"} {
		if strings.HasSuffix(p, ext) {
			return true
		}
	}
	return path.Base(p) == "terragrunt.hcl"
}

// attributeHazards names the attributes that change bytes at checkout and
// reach into a package from above it (gitattributes(5)): the package's own
// repository would not have them.
func (g *Graph) attributeHazards(b *Borders, file string, data []byte) []Hazard {
	var out []Hazard
	dir := path.Dir(file)
	if b.Of(dir) != "" {
		return nil
	}
	for i, line := range strings.Split(string(data), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		for _, a := range f[1:] {
			name, val, _ := strings.Cut(a, "=")
			if name != "filter" && name != "working-tree-encoding" && name != "ident" && !(name == "eol" && val == "crlf") {
				continue
			}
			for _, p := range b.Roots() {
				if !Within(p, dir) || !g.attributeReaches(dir, f[0], p, name) {
					continue
				}
				out = append(out, Hazard{ID: "git-attributes", Severity: Info, File: file, Line: i + 1, Dir: p,
					Summary: fmt.Sprintf("%q changes files of %s at checkout: the package gets it too", strings.Join(f, " "), p)})
			}
		}
	}
	return out
}

// attributeReaches reports whether an attribute with this pattern changes the
// bytes of a file of pkg. A pattern that path.Match does not know (`**`, or
// one that it cannot read) counts as matching: a block too many is safe.
func (g *Graph) attributeReaches(dir, pattern, pkg, attribute string) bool {
	pattern = strings.TrimPrefix(pattern, "/")
	first := sort.Search(len(g.Tree.Entries), func(i int) bool { return g.Tree.Entries[i].Path >= pkg+"/" })
	for _, e := range g.Tree.Entries[first:] {
		if !Within(e.Path, pkg) {
			return false
		}
		name := e.Path
		if dir != "." {
			name = strings.TrimPrefix(name, dir+"/")
		}
		if !strings.Contains(pattern, "/") {
			name = path.Base(name)
		}
		ok, err := path.Match(pattern, name)
		if !ok && err == nil && !strings.Contains(pattern, "**") {
			continue
		}
		// ident replaces $Id$ and $Id: …$, and nothing else.
		if attribute != "ident" || bytes.Contains(g.readFile(e.Path), []byte("$Id")) {
			return true
		}
	}
	return false
}

// A pathFinder finds paths of packages in text. It looks for the parents of
// the packages, of which there are few, and for relative paths, and then at
// what stands around them.
type pathFinder struct {
	b       *Borders
	keys    [][]byte        // "modules/", "./", and packages at the root of the repository
	parents map[string]bool // directories that hold packages, and no stack
}

func newPathFinder(b *Borders) *pathFinder {
	f := &pathFinder{b: b, keys: [][]byte{[]byte("./")}, parents: map[string]bool{}}
	seen := map[string]bool{}
	key := func(s string) {
		if !seen[s] {
			seen[s] = true
			f.keys = append(f.keys, []byte(s))
		}
	}
	for _, p := range b.Roots() {
		if p == "." {
			continue
		}
		parent := path.Dir(p)
		if parent == "." {
			key(p + "/")
			key("/" + p)
			continue
		}
		key(path.Base(parent) + "/")
		key("/" + path.Base(parent))
		for ; parent != "." && !f.parents[parent]; parent = path.Dir(parent) {
			if parent != path.Dir(p) && b.holdsStack(parent) {
				break // to name all of terraform/ is not to name its modules
			}
			f.parents[parent] = true
		}
	}
	return f
}

func (b *Borders) holdsStack(dir string) bool {
	for p, d := range b.g.Dirs {
		if d.Role == RoleStack && Within(p, dir) {
			return true
		}
	}
	return false
}

func (f *pathFinder) mentions(file string, data []byte) []Hazard {
	type found struct {
		line int
		dir  string
	}
	var out []Hazard
	seen := map[found]bool{}
	from := f.b.Of(path.Dir(file))
	add := func(i int, word, p, summary string) {
		h := Hazard{ID: "mention", Severity: Info, File: file, Line: 1 + bytes.Count(data[:i], []byte("\n")), Dir: p, Summary: summary}
		if seen[found{h.Line, p}] {
			return
		}
		seen[found{h.Line, p}] = true
		if isReadmeSource(file, data, i) {
			h.ID, h.Summary = "readme-source", "shows a source for "+p+", which would change"
		}
		// In its own package a path goes on leading where it led, and a name
		// is no mention; but a usage block there stands for a caller outside.
		inside := f.b.g.exists(path.Join(path.Dir(file), word)) && !leaves(path.Dir(file), word, from)
		if p == from && (h.ID == "mention" || inside) {
			return
		}
		out = append(out, h)
	}
	for _, key := range f.keys {
		for at := 0; ; {
			i := bytes.Index(data[at:], key)
			if i < 0 {
				break
			}
			i += at
			at = i + len(key)
			start, end := i, at
			for start > 0 && pathByte(data[start-1]) {
				start--
			}
			for end < len(data) && pathByte(data[end]) {
				end++
			}
			at = end
			word := string(data[start:end])
			url := start > 0 && data[start-1] == ':' && strings.HasPrefix(word, "//")
			if p := f.resolve(file, word, url); p != "" {
				add(i, word, p, "names "+p+", which would move")
				continue
			}
			pattern := end < len(data) && data[end] == '*'
			if url || strings.Trim(word, "./") == "" {
				continue
			}
			dir, packages := f.covered(file, word, pattern)
			for _, p := range packages {
				if dir != from {
					add(i, word, p, fmt.Sprintf("names %s, where %d modules would move", dir, len(packages)))
				}
			}
		}
	}
	return out
}

func pathByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' || c == '/'
}

// places are what a word of a file may mean: a path from the root, or from the
// file's own directory.
func places(file, word string) []string {
	var out []string
	if !strings.HasPrefix(word, "../") {
		out = append(out, word)
	}
	if !strings.HasPrefix(word, "/") || strings.HasPrefix(word, "/..") {
		// A script writes $DIR/../modules.
		out = append(out, path.Join(path.Dir(file), strings.TrimLeft(word, "/")))
	}
	for i, p := range out {
		out[i] = strings.TrimPrefix(path.Clean(p), "/")
	}
	return out
}

// resolve returns the package that a word of a file names: from the root,
// from the file's own directory, or as the end of a longer address. What is
// something else of the tree is not looked at further.
func (f *pathFinder) resolve(file, word string, url bool) string {
	word = strings.TrimRight(word, "./")
	if !url {
		for i, p := range places(file, word) {
			there := p != "." && f.b.g.exists(p)
			// What is only there after a build is named from the root.
			if r := f.b.Of(p); r != "" && r != "." && (there || i == 0 && !strings.HasPrefix(word, ".")) {
				return r
			}
			if there {
				return ""
			}
		}
	}
	if !url {
		if r := f.b.Of(f.b.bySegments(word)); r != "" && r != "." {
			return r
		}
	}
	if strings.HasPrefix(word, "../") || strings.HasPrefix(word, "./") {
		for strings.HasPrefix(word, ".") {
			_, word, _ = strings.Cut(word, "/")
		}
		if strings.Count(word, "/") == 0 {
			return "" // ../vpc is the name of too many things
		}
		word = "/" + word
	}
	for i := 0; i < len(word); i++ {
		if word[i] == '/' && i+1 < len(word) {
			p := path.Clean(word[i+1:])
			if r := f.b.Of(p); r != "" && r != "." {
				return r
			}
			if !url && p != "." && f.b.g.exists(p) {
				return ""
			}
		}
	}
	return ""
}

// covered returns the packages below the directory that a word names, and
// those whose path begins as it does where a pattern follows.
func (f *pathFinder) covered(file, word string, pattern bool) (dir string, packages []string) {
	rest := ""
	if pattern {
		// modules/aws-* is modules/, and then names that begin with aws-.
		i := strings.LastIndexByte(word, '/') + 1
		word, rest = word[:i], word[i:]
	}
	for _, p := range places(file, word) {
		if !f.parents[p] {
			continue
		}
		for _, r := range f.b.Roots() {
			if r != p && Within(r, p) && strings.HasPrefix(r, p+"/"+rest) {
				packages = append(packages, r)
			}
		}
		return p + "/" + rest, packages
	}
	return "", nil
}

func isReadmeSource(file string, data []byte, at int) bool {
	if !strings.EqualFold(path.Ext(file), ".md") {
		return false
	}
	start := bytes.LastIndexByte(data[:at], '\n') + 1
	return strings.HasPrefix(strings.TrimLeft(string(data[start:at]), " \t>"), "source")
}
