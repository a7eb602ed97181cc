package rewrite

import (
	"bytes"
	"slices"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// Docs makes the edits for the HCL fences of the Markdown file at path: of
// every source in them for which to returns a pin, a ref for a git source or a
// version for a registry's that has a version argument. What cannot be set
// where it is written stays as it is.
func Docs(path string, src []byte, to func(hclparse.Source) (Pin, bool)) []Edit {
	var out []Edit
	for _, d := range hclparse.FindDocSources(src) {
		p, ok := to(d.Source)
		if !ok {
			continue
		}
		for _, e := range docEdits(path, src, d, p) {
			e.Line = 1 + bytes.Count(src[:e.Start], []byte("\n"))
			out = append(out, e)
		}
	}
	slices.SortFunc(out, compare)
	return out
}

func docEdits(path string, src []byte, d hclparse.DocSource, p Pin) []Edit {
	var made splices
	var refused *Refused
	start, end, text := d.Start, d.End, d.Source.String()
	switch {
	case !printable(p):
		return nil
	case d.Source.Kind == hclparse.KindGit && p.Ref != "":
		made, refused = refSplices(d.Source, wantedRef(d.Source.Ref, p.Ref), p.DropDepth)
	case d.Source.Kind == hclparse.KindRegistry && d.Version != "":
		start, end, text = d.VersionStart, d.VersionEnd, d.Version
		made, refused = versionSplices(text, p)
	default:
		return nil
	}
	w, ok := literal(src, start, end, text, path, false)
	if refused != nil || !ok {
		return nil
	}
	edits, refused := w.edits(made, "it")
	if refused != nil {
		return nil
	}
	if d.Source.Kind == hclparse.KindGit {
		if edit, _ := comment(src, end, lint.CommentBehind(src, end), p, false); edit != nil {
			edits = append(edits, Edit{File: path, Edit: *edit})
		}
	}
	return edits
}
