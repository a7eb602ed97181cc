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
			if e.Target == "" {
				out = append(out, Hazard{ID: "submodule", Severity: Info, File: e.Path, Dir: dir, Summary: "a git submodule: carried as it is"})
				if p := b.Of(dir); p != "" {
					out[len(out)-1].Severity, out[len(out)-1].Unproved = Warn, true
					out[len(out)-1].Summary = "a git submodule inside a module: its .gitmodules entry stays in the monorepo"
				}
			}
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
		out = append(out, find.mentions(e.Path, data)...)
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
				out = append(out, Hazard{ID: "git-attributes", Severity: Block, File: file, Line: i + 1, Dir: p,
					Summary: fmt.Sprintf("%q changes files of %s at checkout, and does not go with it", strings.Join(f, " "), p)})
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
// the packages, of which there are few, and then at the name that follows.
type pathFinder struct {
	b       *Borders
	parents [][]byte // "modules/", last segment of the parent with its slash
	top     [][]byte // packages at the root of the repository
}

func newPathFinder(b *Borders) *pathFinder {
	f := &pathFinder{b: b}
	seen := map[string]bool{}
	for _, p := range b.Roots() {
		if p == "." {
			continue
		}
		parent := path.Dir(p)
		key := path.Base(parent) + "/"
		if parent == "." {
			f.top = append(f.top, []byte(p+"/"))
			continue
		}
		if !seen[key] {
			seen[key] = true
			f.parents = append(f.parents, []byte(key))
		}
	}
	return f
}

func (f *pathFinder) mentions(file string, data []byte) []Hazard {
	var out []Hazard
	lines := map[int]string{}
	from := f.b.Of(path.Dir(file))
	for _, key := range append(append([][]byte{}, f.parents...), f.top...) {
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
			p := f.resolve(file, string(data[start:end]))
			if p == "" || p == from {
				continue
			}
			line := 1 + bytes.Count(data[:i], []byte("\n"))
			if lines[line] == p {
				continue
			}
			lines[line] = p
			h := Hazard{ID: "mention", Severity: Info, File: file, Line: line, Dir: p, Summary: "names " + p + ", which would move"}
			if isReadmeSource(file, data, i) {
				h.ID, h.Summary = "readme-source", "shows a source for "+p+", which would change"
			}
			out = append(out, h)
		}
	}
	return out
}

func pathByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' || c == '/'
}

// resolve returns the package that a word of a file names: from the root,
// from the file's own directory, or as the end of a longer address.
func (f *pathFinder) resolve(file, word string) string {
	word = strings.TrimRight(word, "./")
	for _, p := range []string{word, path.Join(path.Dir(file), word)} {
		p = strings.TrimPrefix(path.Clean(p), "/")
		if strings.HasPrefix(p, "..") {
			continue
		}
		if r := f.b.Of(p); r != "" && r != "." {
			return r
		}
	}
	for i := 0; i < len(word); i++ {
		if word[i] == '/' && i+1 < len(word) {
			if r := f.b.Of(path.Clean(word[i+1:])); r != "" && r != "." {
				return r
			}
		}
	}
	return ""
}

func isReadmeSource(file string, data []byte, at int) bool {
	if !strings.EqualFold(path.Ext(file), ".md") {
		return false
	}
	start := bytes.LastIndexByte(data[:at], '\n') + 1
	return strings.HasPrefix(strings.TrimSpace(string(data[start:at])), "source")
}
