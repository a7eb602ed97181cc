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
	edits, objects, err := w.rewrite("", ".")
	if err != nil {
		return nil, err
	}
	for _, pkg := range w.p.Packages {
		edits[pkg.Path] = repo.TreeEdit{Delete: true}
	}
	tip := w.commit.ID
	if len(edits) > 0 {
		root, trees, err := repo.EditTree(ctx, w.reader, w.commit.Tree, edits)
		if err != nil {
			return nil, err
		}
		c := repo.CommitObject(root, []repo.Hash{tip}, w.who, w.who, w.liveMessage())
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

func (w *writer) liveMessage() string {
	var b strings.Builder
	b.WriteString("Move modules to repositories of their own, and pin every call\n\n")
	for _, pkg := range w.p.Packages {
		fmt.Fprintf(&b, "%s → %s %s\n", pkg.Path, pkg.Name, pkg.Tag)
	}
	return b.String()
}
