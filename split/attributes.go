package split

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/history"
)

// attributesName is the file in which a directory of a repository says how
// its files are checked out.
const attributesName = ".gitattributes"

// attributes adds to edits the .gitattributes that the root of a repository
// needs for its files to be checked out as in the monorepo, and returns its
// blob, if there is one.
func (w *writer) attributes(ctx context.Context, edits map[string]repo.TreeEdit, f history.Filter, links []Link) ([]repo.Object, error) {
	m := attributesMove{root: f.Root, files: map[string][]byte{}, held: map[string]bool{}, from: map[string]string{}, hasID: w.hasID}
	for _, l := range links {
		for _, placed := range l.files {
			if mode := w.modes[placed.From].Mode; mode == repo.ModeFile || mode == repo.ModeExecutable {
				m.from[placed.At] = placed.From
				m.paths = append(m.paths, placed.At)
			}
		}
	}
	lost := false
	for _, p := range w.attributeFiles() {
		held, dir := f.Holds(p), path.Dir(p)
		inside := func(p string) bool { return modules.Within(p, dir) }
		if !held && !slices.ContainsFunc(f.Paths, inside) && !slices.ContainsFunc(slices.Collect(maps.Values(m.from)), inside) {
			continue
		}
		data, err := fs.ReadFile(w.tree, p)
		if err != nil {
			return nil, err
		}
		m.files[p], m.held[p] = data, held
		lost = lost || !held
	}
	if !lost {
		return nil, nil
	}
	entries := w.tree.Entries()
	for _, held := range f.Paths {
		first := sort.Search(len(entries), func(i int) bool { return entries[i].Path >= held })
		if held == "." {
			first = 0
		}
		for _, e := range entries[first:] {
			if !modules.Within(e.Path, held) {
				if strings.HasPrefix(e.Path, held) {
					continue // a name that goes on: modules/vpc-old
				}
				break
			}
			if _, attributes := m.files[e.Path]; !attributes && (e.Mode == repo.ModeFile || e.Mode == repo.ModeExecutable) {
				m.paths = append(m.paths, e.Path)
			}
		}
	}
	data, err := m.inherit(ctx)
	if err != nil || data == nil {
		return nil, err
	}
	blob := repo.HashObject("blob", data)
	edits[attributesName] = repo.TreeEdit{Mode: repo.ModeFile, Blob: blob.ID}
	return []repo.Object{blob}, nil
}

// attributeFiles lists the .gitattributes of the commit. git follows no
// symlink to one.
func (w *writer) attributeFiles() []string {
	if w.attrs == nil {
		w.attrs = []string{}
		for _, e := range w.tree.Entries() {
			if path.Base(e.Path) == attributesName && (e.Mode == repo.ModeFile || e.Mode == repo.ModeExecutable) {
				w.attrs = append(w.attrs, e.Path)
			}
		}
	}
	return w.attrs
}

// hasID reports whether a file of the commit holds what the attribute ident
// is about.
func (w *writer) hasID(p string) bool {
	data, err := fs.ReadFile(w.tree, p)
	return err != nil || bytes.Contains(data, []byte("$Id"))
}

// An attributesMove is a repository that begins at a directory of the
// monorepo, and so loses the attributes that are written above it.
type attributesMove struct {
	root  string              // the directory that becomes the repository's root
	files map[string][]byte   // the monorepo's .gitattributes files, by path
	held  map[string]bool     // which of them the repository holds at its place
	paths []string            // what else it holds, as paths of the monorepo, sorted
	hasID func(p string) bool // whether a file holds $Id, which the attribute ident is about
	// from says which file of the monorepo stands at a path, where that is in
	// the place of a symlink.
	from map[string]string
}

// inherit returns the .gitattributes that the repository's root needs, so that
// every file is checked out to the same bytes as in the monorepo; nil where it
// needs none, or the one it has will do.
//
// The lines from above are taken over, their patterns seen from the new root.
// Whatever these do not say of a file as the monorepo did, a line of its own
// says.
func (m attributesMove) inherit(ctx context.Context) ([]byte, error) {
	var above []string
	for p := range m.files {
		if dir := path.Dir(p); !m.held[p] && (modules.Within(m.root, dir) || modules.Within(dir, m.root)) {
			above = append(above, p)
		}
	}
	if len(m.paths) == 0 {
		return nil, nil
	}
	// git reads the root's file first and the deepest last, and the last line
	// that matches counts.
	slices.SortFunc(above, func(a, b string) int {
		if d := strings.Count(a, "/") - strings.Count(b, "/"); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	before, err := repo.Attributes(ctx, m.files, m.origins())
	if err != nil {
		return nil, err
	}
	own := m.files[path.Join(m.root, attributesName)]
	if !m.held[path.Join(m.root, attributesName)] {
		own = nil
	}
	differ, err := m.differ(ctx, before, own)
	if err != nil || len(differ) == 0 {
		return nil, err
	}
	var b bytes.Buffer
	for _, p := range above {
		from := path.Dir(p)
		for _, line := range strings.Split(string(m.files[p]), "\n") {
			if l, ok := moveAttributes(strings.TrimRight(line, "\r"), from, m.root); ok {
				b.WriteString(l + "\n")
			}
		}
	}
	b.Write(own)
	if differ, err = m.differ(ctx, before, b.Bytes()); err != nil || len(differ) == 0 {
		return b.Bytes(), err
	}
	if b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
		b.WriteByte('\n')
	}
	for _, i := range differ {
		b.WriteString(quoteAttributePath("/" + below(m.paths[i], m.root)))
		for j, name := range repo.CheckoutAttributes {
			switch v := before[i][j]; v {
			case "set":
				b.WriteString(" " + name)
			case "unset":
				b.WriteString(" -" + name)
			case "unspecified":
				b.WriteString(" !" + name)
			default:
				b.WriteString(" " + name + "=" + v)
			}
		}
		b.WriteByte('\n')
	}
	if differ, err = m.differ(ctx, before, b.Bytes()); err == nil && len(differ) > 0 {
		err = fmt.Errorf("the attributes of %s cannot be said in a repository that begins at %s", m.paths[differ[0]], m.root)
	}
	return b.Bytes(), err
}

// origins are the paths whose attributes the files at paths had.
func (m attributesMove) origins() []string {
	out := slices.Clone(m.paths)
	for i, p := range out {
		if from, ok := m.from[p]; ok {
			out[i] = from
		}
	}
	return out
}

// differ returns the indices of the paths whose attributes are others than
// before, where the repository's root has own as its .gitattributes.
func (m attributesMove) differ(ctx context.Context, before [][]string, own []byte) ([]int, error) {
	files := map[string][]byte{}
	for p, held := range m.held {
		if !held {
			continue
		}
		files[below(p, m.root)] = m.files[p]
	}
	if own != nil {
		files[attributesName] = own
	}
	paths := make([]string, len(m.paths))
	for i, p := range m.paths {
		paths[i] = below(p, m.root)
	}
	after, err := repo.Attributes(ctx, files, paths)
	if err != nil {
		return nil, err
	}
	var out []int
	for i := range after {
		was, is := effectOf(before[i]), effectOf(after[i])
		if was.ident != is.ident && !m.hasID(m.paths[i]) {
			was.ident = is.ident
		}
		if was != is {
			out = append(out, i)
		}
	}
	return out, nil
}

// An effect is what attributes do to a file at checkout: different values can
// do the same.
type effect struct {
	text, eol, encoding, filter string
	ident                       bool
}

// effectOf reads the values of repo.CheckoutAttributes, as git's convert.c
// does: text counts before crlf, its old name, and eol makes a file text that
// nothing calls binary.
func effectOf(values []string) effect {
	text, crlf, eol, encoding, ident, filter := values[0], values[1], values[2], values[3], values[4], values[5]
	if text != "set" && text != "unset" && text != "auto" && text != "input" {
		text = crlf
	}
	e := effect{ident: ident == "set"}
	switch text {
	case "set", "unset", "auto":
		e.text = text
	case "input":
		e.text, e.eol = "set", "lf"
	}
	if e.text != "unset" && (eol == "lf" || eol == "crlf") {
		if e.eol = eol; e.text == "" {
			e.text = "set"
		}
	}
	if encoding != "unspecified" {
		e.encoding = encoding
	}
	if filter != "set" && filter != "unset" && filter != "unspecified" {
		e.filter = filter
	}
	return e
}

// below is the path p as seen from root, which it stands at or below.
func below(p, root string) string {
	switch root {
	case p:
		return ""
	case ".":
		return p
	}
	return strings.TrimPrefix(strings.TrimPrefix(p, root), "/")
}

// moveAttributes writes a line of the .gitattributes in directory from as one
// in the directory root, above or below it. It is false for a line that says
// nothing of what is in root.
func moveAttributes(line, from, root string) (string, bool) {
	trimmed := strings.TrimLeft(line, " \t")
	switch {
	case trimmed == "" || trimmed[0] == '#':
		return "", false
	case strings.HasPrefix(trimmed, "[attr]"):
		return trimmed, from == "." // a macro can be defined in the root alone
	case trimmed[0] == '"':
		return "", false // a quoted pattern names few files: they get lines of their own
	}
	end := strings.IndexAny(trimmed, " \t")
	if end < 0 {
		return "", false
	}
	pattern, rest := trimmed[:end], trimmed[end:]
	name := !strings.Contains(strings.TrimSuffix(pattern, "/"), "/") // wherever it is
	if modules.Within(from, root) && from != root {
		if name {
			pattern = "**/" + pattern
		}
		return "/" + below(from, root) + "/" + strings.TrimPrefix(pattern, "/") + rest, true
	}
	if name {
		return trimmed, true
	}
	segments := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	for _, dir := range strings.Split(below(root, from), "/") {
		if dir == "" {
			break // root is from
		}
		if segments[0] == "**" {
			break // any number of directories, this one among them
		}
		if ok, err := path.Match(segments[0], dir); !ok || err != nil || len(segments) == 1 {
			return "", false
		}
		segments = segments[1:]
	}
	return "/" + strings.Join(segments, "/") + rest, true
}

// quoteAttributePath writes a path as a pattern that matches it alone: git
// reads a pattern in quotes as C does, and then \ before a wildcard as the
// character itself.
func quoteAttributePath(p string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(p) {
		switch c := p[i]; {
		case strings.IndexByte("*?[", c) >= 0:
			b.WriteString(`\\` + string(c))
		case c == '\\':
			b.WriteString(`\\\\`)
		case c == '"':
			b.WriteString(`\"`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
