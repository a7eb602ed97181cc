package split

import (
	"fmt"
	"io/fs"
	"sort"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/repo"
)

// change adds to edits, which are relative to root, what the plan changes in
// one repository (pkg is "" for live, and live then an environment's own):
// symlinks that become what they lead to, and rewritten sources. It returns
// the new blobs.
func (w *writer) change(edits map[string]repo.TreeEdit, pkg, live, root string, links []Link) ([]repo.Object, error) {
	for _, l := range links {
		edits[below(l.Path, root)] = repo.TreeEdit{Delete: true}
		for _, f := range l.files {
			e, ok := w.modes[f.From]
			if !ok {
				return nil, fmt.Errorf("%s is not in the commit", f.From)
			}
			edits[below(f.At, root)] = repo.TreeEdit{Mode: e.Mode, Blob: e.ID}
		}
	}
	byFile := map[string][]Edit{}
	for _, e := range w.editsOf(pkg, live) {
		byFile[e.File] = append(byFile[e.File], e)
	}
	files := make([]string, 0, len(byFile))
	for f := range byFile {
		files = append(files, f)
	}
	sort.Strings(files)
	var blobs []repo.Object
	for _, f := range files {
		blob, err := w.rewrite(byFile[f])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		blobs = append(blobs, blob)
		edits[below(f, root)] = repo.TreeEdit{Mode: w.modes[byFile[f][0].real].Mode, Blob: blob.ID}
	}
	return blobs, nil
}

// editsOf are the plan's edits in one repository, in its order.
func (w *writer) editsOf(pkg, live string) []Edit {
	if w.edits == nil {
		w.edits = map[[2]string][]Edit{}
		for _, e := range w.p.Edits {
			at := [2]string{e.Package, e.Live}
			w.edits[at] = append(w.edits[at], e)
		}
	}
	return w.edits[[2]string{pkg, live}]
}

// rewrite makes the blob of a file with its sources changed.
func (w *writer) rewrite(edits []Edit) (repo.Object, error) {
	src, err := fs.ReadFile(w.tree, edits[0].real)
	if err != nil {
		return repo.Object{}, err
	}
	var list []hclparse.Edit
	for _, e := range edits {
		text := hclparse.QuoteNative(e.To)
		if e.syntax == hclparse.JSON {
			text = hclparse.QuoteJSON(e.To)
		}
		list = append(list, hclparse.Edit{Start: e.start, End: e.end, New: text})
	}
	out, err := hclparse.Apply(src, list)
	if err != nil {
		return repo.Object{}, err
	}
	return repo.HashObject("blob", out), nil
}
