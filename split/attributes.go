package split

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
)

// attributesName is the file in which a directory of a repository says how
// its files are checked out.
const attributesName = ".gitattributes"

// An attributesMove is a repository that begins at a directory of the
// monorepo, and so loses the attributes that are written above it.
type attributesMove struct {
	root  string            // the directory that becomes the repository's root
	files map[string][]byte // the monorepo's .gitattributes files, by path
	held  map[string]bool   // which of them the repository holds at its place
	paths []string          // what else it holds, as paths of the monorepo, sorted
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
		if !m.held[p] {
			above = append(above, p)
		}
	}
	if len(above) == 0 || len(m.paths) == 0 {
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
	before, err := repo.Attributes(ctx, m.files, m.paths)
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

// differ returns the indices of the paths whose attributes are others than
// before, where the repository's root has own as its .gitattributes.
func (m attributesMove) differ(ctx context.Context, before [][]string, own []byte) ([]int, error) {
	files := map[string][]byte{}
	for p := range m.held {
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
		if !slices.Equal(before[i], after[i]) {
			out = append(out, i)
		}
	}
	return out, nil
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
// in the directory root, at or below from. It is false for a line that says
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
	if !strings.Contains(strings.TrimSuffix(pattern, "/"), "/") {
		return trimmed, true // a base name, wherever it is
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
