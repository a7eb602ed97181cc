package split

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/history"
)

// writePackage writes one bare repository: its history, one commit that pins
// its calls where it has any, and the tag of its first release.
func (w *writer) writePackage(ctx context.Context, pkg *Package, h history.Split) (*PackageResult, error) {
	res := &PackageResult{Name: pkg.Name, Commits: h.Commits, Extracted: h.Tip.String(), Gaps: h.Gaps, Followed: []string{}}
	for _, f := range h.Followed {
		res.Followed = append(res.Followed, f.From)
	}
	objects := h.New
	tip := h.Tip
	edits, blobs, err := w.rewrite(pkg.Name, pkg.Path)
	if err != nil {
		return nil, err
	}
	if len(edits) > 0 {
		root, trees, err := repo.EditTree(ctx, w.reader, h.Tree, edits)
		if err != nil {
			return nil, err
		}
		c := repo.CommitObject(root, []repo.Hash{tip}, w.who, w.who, w.pinMessage(pkg))
		objects = append(append(append(objects, blobs...), trees...), c)
		tip = c.ID
	}
	tag := repo.TagObject(tip, pkg.Tag, w.who, fmt.Sprintf("%s %s\n\nSplit from %s at %s\n", pkg.Name, pkg.Version, pkg.Path, w.commit.ID))
	objects = append(objects, tag)
	res.Tip, res.TagObject = tip.String(), tag.ID.String()

	dir := filepath.Join(w.dir, filepath.FromSlash(pkg.Repository))
	if err := writeFile(strings.TrimSuffix(dir, ".git")+".commit-map", commitMap(h.Map)); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(dir); err == nil {
		return res, nil
	}
	err = repo.WriteBare(ctx, dir, repo.Spec{
		Objects: objects,
		Refs:    map[string]repo.Hash{"refs/heads/main": tip, "refs/tags/" + pkg.Tag: tag.ID},
		Head:    "refs/heads/main",
		Borrow:  w.r.GitDir,
		Reader:  w.reader,
		Origin:  pkg.Remote,

		OwnCommits: true,
	})
	return res, err
}

// commitMap lists which commit of the monorepo became which of the package:
// the old id, a space, the new one, ancestors first. It stands beside the
// repository, since a trailer in the message would change the ids.
func commitMap(pairs []history.Pair) []byte {
	var b bytes.Buffer
	for _, p := range pairs {
		fmt.Fprintf(&b, "%s %s\n", p.Old, p.New)
	}
	return b.Bytes()
}

func (w *writer) pinMessage(pkg *Package) string {
	var b strings.Builder
	b.WriteString("Pin module calls to their releases\n\n")
	for _, name := range pkg.Requires {
		for _, other := range w.p.Packages {
			if other.Name == name {
				fmt.Fprintf(&b, "%s → %s %s\n", other.Path, other.Name, other.Tag)
			}
		}
	}
	return b.String()
}
