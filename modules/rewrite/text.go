package rewrite

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// A written is a text and where its bytes stand.
type written struct {
	text string
	runs []run
	own  string // the file that uses it
}

// A run is a part of a text that stands in a file: byte at+i of the text begins
// at offsets[i] there. An offset is -1 inside of what is written as one escape.
type run struct {
	at      int
	file    string // hclparse.File.Real
	offsets []int  // one more than the run is long
}

func (r run) len() int { return len(r.offsets) - 1 }
func (r run) end() int { return r.at + r.len() }

// A splice replaces bytes [from, to) of a text.
type splice struct {
	from, to int
	text     string
}

// splices are the parts in which two texts differ, as the edits made them.
type splices []splice

func (s splices) apply(text string) string {
	var b strings.Builder
	last := 0
	for _, e := range s {
		b.WriteString(text[last:e.from])
		b.WriteString(e.text)
		last = e.to
	}
	b.WriteString(text[last:])
	return b.String()
}

// cut takes bytes of the text that the splices make out.
func (s splices) cut(text string, cuts [][2]int) splices {
	if len(cuts) == 0 {
		return s
	}
	// Each byte of the result, and where it stands in the text; -1 for a new one.
	type cell struct {
		at int
		b  byte
	}
	var cells []cell
	last := 0
	for _, e := range append(slices.Clone(s), splice{len(text), len(text), ""}) {
		for ; last < e.from; last++ {
			cells = append(cells, cell{last, text[last]})
		}
		for i := range len(e.text) {
			cells = append(cells, cell{-1, e.text[i]})
		}
		last = e.to
	}
	for _, c := range slices.Backward(cuts) {
		cells = slices.Delete(cells, c[0], c[1])
	}
	var out splices
	var fresh []byte
	next := 0 // of text
	for _, c := range append(cells, cell{len(text), 0}) {
		if c.at < 0 {
			fresh = append(fresh, c.b)
			continue
		}
		if c.at > next || len(fresh) > 0 {
			out = append(out, splice{next, c.at, string(fresh)})
			fresh = nil
		}
		next = c.at + 1
	}
	return out
}

// edits puts splices where the text stands, and proves that the text then is
// the wanted one. what names the text in a reason.
func (w *written) edits(s splices, what string) ([]Edit, *Refused) {
	var out []Edit
	for _, e := range s {
		edit, ok := w.edit(e)
		switch {
		case !ok && !w.stands(e):
			return nil, refuse(what+" is made by an expression, and stands nowhere as it is", "write it as one text")
		case !ok:
			return nil, refuse(what+" is made of several texts, and no change of one of them makes it what it is to be", "write it as one text")
		}
		if !slices.ContainsFunc(out, func(o Edit) bool { return same(o, edit) }) {
			out = append(out, edit)
		}
	}
	if w.after(out) != s.apply(w.text) {
		return nil, refuse(what+" is made of a text that stands in it, or beside it, more than once", "write it as one text of its own")
	}
	return out, nil
}

// stands reports whether any of what a splice replaces is written somewhere.
func (w *written) stands(e splice) bool {
	return slices.ContainsFunc(w.runs, func(r run) bool { return r.at < e.to && e.from < r.end() })
}

func same(a, b Edit) bool {
	return a.File == b.File && a.Start == b.Start && a.End == b.End && bytes.Equal(a.New, b.New)
}

// edit puts a splice into one run. What of it stands outside of that has to
// stay as it is.
func (w *written) edit(e splice) (Edit, bool) {
	var best Edit
	bestRank := [4]int{-1}
	old := w.text[e.from:e.to]
	for _, r := range w.runs {
		from, to := max(e.from, r.at), min(e.to, r.end())
		if from > to || from == to && e.from < e.to {
			continue
		}
		before, behind := w.text[e.from:from], w.text[to:e.to]
		if len(before)+len(behind) > len(e.text) || !strings.HasPrefix(e.text, before) || !strings.HasSuffix(e.text, behind) {
			continue
		}
		start, end := r.offsets[from-r.at], r.offsets[to-r.at]
		if start < 0 || end < 0 {
			continue
		}
		fresh := e.text[len(before) : len(e.text)-len(behind)]
		// Of several the one whose new text looks like the old one, then the one
		// that is in the file that uses it, then the longest.
		rank := [4]int{0, 0, to - from, from - r.at}
		if alike(old[from-e.from:to-e.from], fresh) {
			rank[0] = 1
		}
		if r.file == w.own {
			rank[1] = 1
		}
		if slices.Compare(rank[:], bestRank[:]) > 0 {
			best, bestRank = Edit{File: r.file, Edit: hclparse.Edit{Start: start, End: end, New: []byte(fresh)}}, rank
		}
	}
	return best, bestRank[0] >= 0
}

// alike reports whether two texts begin alike and end alike: with a digit or
// not.
func alike(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	return digit(a[0]) == digit(b[0]) && digit(a[len(a)-1]) == digit(b[len(b)-1])
}

// after is the text once the edits are made in the files. What is written
// there means itself in every string, so that bytes are text.
func (w *written) after(edits []Edit) string {
	var b strings.Builder
	last := 0
	for _, r := range w.runs {
		if r.at < last {
			return "" // never: runs are in order
		}
		b.WriteString(w.text[last:r.at])
		var in []hclparse.Edit
		for _, e := range edits {
			from, to := slices.Index(r.offsets, e.Start), slices.Index(r.offsets, e.End)
			if e.File == r.file && from >= 0 && to >= 0 {
				in = append(in, hclparse.Edit{Start: from, End: to, New: e.New})
			}
		}
		text, err := hclparse.Apply([]byte(w.text[r.at:r.end()]), in)
		if err != nil {
			return ""
		}
		b.Write(text)
		last = r.end()
	}
	b.WriteString(w.text[last:])
	return b.String()
}

// literal is the text of a string in a file, whose range has the quotes in it.
// It is false where what stands there is another text, or a heredoc.
func literal(src []byte, start, end int, text, file string, json bool) (*written, bool) {
	if start < 0 || end > len(src) || end-start < 2 || src[start] != '"' || src[end-1] != '"' {
		return nil, false
	}
	decoded, offsets, ok := decode(src[start+1:end-1], json)
	if !ok || decoded != text {
		return nil, false
	}
	for i := range offsets {
		if offsets[i] >= 0 {
			offsets[i] += start + 1
		}
	}
	return &written{text: text, own: file, runs: []run{{file: file, offsets: offsets}}}, true
}

// computed is the text of an expression.
func (s *setter) computed(a modules.Address) *written {
	w := &written{text: a.Text, own: s.call.File().Real}
	for _, l := range a.Literals {
		r := run{at: l.At, file: s.real(l.Path)}
		for i := l.Start; i <= l.End; i++ {
			r.offsets = append(r.offsets, i)
		}
		w.runs = append(w.runs, r)
	}
	return w
}

// find is a configuration file that the call's directory, or that of a path,
// has; nil for one that is only included.
func (s *setter) find(p string, is func(*hclparse.File) bool) *hclparse.File {
	if f := s.call.File(); is(f) {
		return f
	}
	for _, dir := range []string{path.Dir(p), s.call.Dir} {
		if d := s.g.Dirs[dir]; d != nil {
			if i := slices.IndexFunc(d.Config.Files, is); i >= 0 {
				return d.Config.Files[i]
			}
		}
	}
	return nil
}

// file is the file that stands at a path.
func (s *setter) file(p string) *hclparse.File {
	return s.find(p, func(f *hclparse.File) bool { return f.Path == p })
}

// real is where the bytes of the file at a path are.
func (s *setter) real(p string) string {
	if f := s.file(p); f != nil {
		return f.Real
	}
	if to, ok := s.g.Follow(p); ok {
		return to
	}
	return p
}

// bytes are those at a path, and whether they are JSON.
func (s *setter) bytes(real string) ([]byte, bool) {
	f := s.find(real, func(f *hclparse.File) bool { return f.Real == real })
	if f != nil && f.Bytes != nil {
		return f.Bytes, f.Syntax == hclparse.JSON
	}
	src, _ := fs.ReadFile(s.g.Tree.FS, real)
	return src, f != nil && f.Syntax == hclparse.JSON
}

// add takes edits over, with their lines.
func (s *setter) add(edits ...Edit) {
	for _, e := range edits {
		src, _ := s.bytes(e.File)
		e.Line = 1 + bytes.Count(src[:min(e.Start, len(src))], []byte("\n"))
		s.out.Edits = append(s.out.Edits, e)
	}
}
