package split

import (
	"io/fs"
	"path"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

// docs adds the sources that Markdown files show of what moves, each as an
// edit. Documentation calls nothing, so no package comes to require another.
func (pl *planner) docs(p *Plan) {
	var own []hclparse.Source
	for _, url := range pl.c.Own {
		if !strings.Contains(url, "::") {
			url = "git::" + url
		}
		if s, err := hclparse.ParseSource(url); err == nil {
			own = append(own, s)
		}
	}
	for _, e := range pl.g.Tree.Entries {
		if e.Mode != 0 || !strings.EqualFold(path.Ext(e.Path), ".md") {
			continue
		}
		src, err := fs.ReadFile(pl.g.Tree.FS, e.Path)
		if err != nil {
			continue // of a partial clone: nothing of it changes
		}
		owner := pl.borders.Owner(e.Path)
		for _, s := range hclparse.FindDocSources(src) {
			dir := pl.borders.DocTarget(e.Path, s.Source, own)
			if dir == "" || pl.byKey[pl.borders.Of(dir)] == nil {
				continue
			}
			edit := Edit{File: e.Path, Line: s.Line, Module: s.Module, Live: owner.Live, Doc: true,
				From: s.Source.Redacted(), To: callerSource(pl.byKey[pl.borders.Of(dir)], dir),
				start: s.Start, end: s.End, syntax: hclparse.Native, real: e.Path}
			if from := pl.byKey[owner.Package]; from != nil {
				edit.Package = from.Name
			}
			p.Edits = append(p.Edits, edit)
		}
	}
	sortEdits(p.Edits)
}
