package split

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
)

// writeLive writes the monorepo's own history and one commit on top, which
// deletes the moved modules and pins every call.
func (w *writer) writeLive(ctx context.Context, l *Live) (*LiveResult, error) {
	edits := map[string]repo.TreeEdit{}
	for _, pkg := range w.p.Packages {
		for _, p := range pkg.Owns {
			edits[p] = repo.TreeEdit{Delete: true}
		}
	}
	for _, c := range l.Copies {
		edits[c.Path] = repo.TreeEdit{Mode: w.modes[c.Path].Mode, Blob: w.modes[c.Path].ID}
	}
	objects, err := w.change(edits, "", ".", l.Links)
	if err != nil {
		return nil, err
	}
	tip := w.commit.ID
	if len(edits) > 0 {
		root, trees, err := repo.EditTree(ctx, w.reader, w.commit.Tree, edits)
		if err != nil {
			return nil, err
		}
		c := repo.CommitObject(root, []repo.Hash{tip}, w.who, w.who, w.liveMessage(l))
		objects = append(append(objects, trees...), c)
		tip = c.ID
	}
	res := &LiveResult{Name: l.Name, Base: w.commit.ID.String(), Tip: tip.String()}
	dir := filepath.Join(w.dir, filepath.FromSlash(l.Repository))
	if _, err := os.Lstat(dir); err == nil {
		return res, nil
	}
	return res, repo.WriteWorkTree(ctx, dir, repo.Spec{
		Objects: objects,
		Refs:    map[string]repo.Hash{"refs/heads/" + l.Branch: tip},
		Head:    "refs/heads/" + l.Branch,
		Borrow:  w.r.GitDir,
		Origin:  l.Remote,
	}, l.Branch)
}

func (w *writer) liveMessage(l *Live) string {
	var b strings.Builder
	b.WriteString("Move modules to repositories of their own, and pin every call\n\n")
	for _, pkg := range w.p.Packages {
		fmt.Fprintf(&b, "%s → %s %s\n", strings.Join(pkg.dirs, ", "), pkg.Name, pkg.Tag)
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
