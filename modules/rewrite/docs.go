package rewrite

import (
	"slices"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// Docs makes the edits for the HCL fences of the Markdown file at path: of
// every source in them for which to returns a pin. What cannot be set where it
// is written stays as it is.
func Docs(path string, src []byte, to func(hclparse.Source) (Pin, bool)) []Edit {
	var out []Edit
	for _, d := range hclparse.FindDocSources(src) {
		p, ok := to(d.Source)
		if !ok || p.Ref == "" || d.Source.Kind != hclparse.KindGit {
			continue
		}
		made, _, refused := refSplices(d.Source, wantedRef(d.Source.Ref, p.Ref), p.DropDepth)
		if refused != nil {
			continue
		}
		w, ok := literal(src, d.Start, d.End, d.Source.String(), path, false)
		if !ok {
			continue
		}
		edits, refused := w.edits(made)
		if refused != nil {
			continue
		}
		if edit, _ := comment(src, d.End, lint.CommentBehind(src, d.End), p, false); edit != nil {
			edits = append(edits, Edit{File: path, Edit: *edit})
		}
		for i := range edits {
			edits[i].Line = d.Line
		}
		out = append(out, edits...)
	}
	slices.SortFunc(out, compare)
	return out
}
