package split

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/history"
)

// writeLive writes one live repository: the monorepo's own history, or h, that
// of an environment's paths, and one commit on top, which deletes what moved
// and pins every call.
func (w *writer) writeLive(ctx context.Context, l *Live, h *history.Split) (*LiveResult, error) {
	edits := map[string]repo.TreeEdit{}
	base, editTree := w.commit.ID, func(edits map[string]repo.TreeEdit) (repo.Hash, []repo.Object, error) {
		return repo.EditTree(ctx, w.reader, w.commit.Tree, edits)
	}
	var objects []repo.Object
	if h == nil {
		w.leave(edits, l)
	} else {
		base, objects = h.Tip, h.New
		editTree = func(edits map[string]repo.TreeEdit) (repo.Hash, []repo.Object, error) {
			return w.editTree(ctx, *h, edits)
		}
	}
	blobs, err := w.change(edits, "", l.owner.Live, l.Root, l.Links)
	if err != nil {
		return nil, err
	}
	if h != nil {
		attributes, err := w.attributes(ctx, edits, h.Filter, l.Links)
		if err != nil {
			return nil, err
		}
		blobs = append(append(blobs, attributes...), w.submodules(edits, h.Filter)...)
	}
	tip := base
	if len(edits) > 0 {
		root, trees, err := editTree(edits)
		if err != nil {
			return nil, err
		}
		c := repo.CommitObject(root, []repo.Hash{tip}, w.who, w.who, w.liveMessage(l))
		objects = append(append(append(objects, blobs...), trees...), c)
		tip = c.ID
	}
	res := &LiveResult{Name: l.Name, Base: base.String(), Tip: tip.String(), Carried: []TagResult{}}
	dir := filepath.Join(w.dir, filepath.FromSlash(l.Repository))
	if h != nil {
		res.Commits = h.Commits
		if err := writeFile(dir+".commit-map", commitMap(h.Map), false); err != nil {
			return nil, err
		}
	}
	refs := map[string]repo.Hash{"refs/heads/" + l.Branch: tip}
	if h != nil {
		carried, made := w.carryTags(*h, refs)
		res.Carried, objects = carried, append(objects, made...)
	}
	if w.p.InPlace {
		refs["refs/heads/main"] = base
		for _, pkg := range w.p.Packages {
			objects = append(objects, w.tag(&PackageResult{}, pkg, base, refs)...)
		}
	}
	if _, err := os.Lstat(dir); err == nil {
		return res, nil
	}
	return res, repo.WriteWorkTree(ctx, dir, repo.Spec{
		Objects: objects,
		Refs:    refs,
		Head:    "refs/heads/" + l.Branch,
		Borrow:  w.r.GitDir,
		Origin:  l.Remote,
	}, l.Branch)
}

// leave adds to edits that what belongs to other repositories is deleted from
// the monorepo's tree, but for what l has copies of.
func (w *writer) leave(edits map[string]repo.TreeEdit, l *Live) {
	for _, pkg := range w.p.Packages {
		for _, p := range pkg.Owns {
			edits[p] = repo.TreeEdit{Delete: true}
		}
	}
	for _, other := range w.p.Live {
		for _, p := range other.Paths {
			edits[p] = repo.TreeEdit{Delete: true}
		}
	}
	for _, c := range l.Copies {
		edits[c.Path] = repo.TreeEdit{Mode: w.modes[c.Path].Mode, Blob: w.modes[c.Path].ID}
	}
}

func (w *writer) liveMessage(l *Live) string {
	var b strings.Builder
	if w.p.InPlace {
		b.WriteString("Pin every call of a module to its release\n\n")
	} else {
		b.WriteString("Move modules to repositories of their own, and pin every call\n\n")
	}
	for _, pkg := range w.p.Packages {
		writePins(&b, pkg)
	}
	if len(l.Copies) > 0 {
		b.WriteString("\nThese files of theirs are read from here, and stay as copies:\n\n")
		writeCopies(&b, l.Copies)
	}
	if len(l.Links) > 0 {
		b.WriteString("\nThese symlinks led to them, and are now what they led to:\n\n")
		writeLinks(&b, l.Links)
	}
	return b.String()
}

// writePins says which release a directory has become.
func writePins(b *strings.Builder, pkg *Package) {
	if len(pkg.Tags) == 0 {
		fmt.Fprintf(b, "%s → %s %s\n", strings.Join(pkg.dirs, ", "), pkg.Name, pkg.Tag)
	}
	for _, t := range pkg.Tags {
		fmt.Fprintf(b, "%s → %s %s\n", t.Path, pkg.Name, t.Tag)
	}
}

func writeCopies(b *strings.Builder, copies []Copy) {
	for _, c := range copies {
		fmt.Fprintf(b, "%s (%s)\n", c.Path, c.Owner)
	}
}

func writeLinks(b *strings.Builder, links []Link) {
	for _, l := range links {
		fmt.Fprintf(b, "%s → %s\n", l.Path, l.Target)
	}
}
