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
	edits := map[string]repo.TreeEdit{}
	blobs, err := w.change(edits, pkg.Name, pkg.Root, pkg.Links)
	if err != nil {
		return nil, err
	}
	if len(edits) > 0 {
		root, trees, err := w.editTree(ctx, h, edits)
		if err != nil {
			return nil, err
		}
		c := repo.CommitObject(root, []repo.Hash{tip}, w.who, w.who, w.pinMessage(pkg))
		objects = append(append(append(objects, blobs...), trees...), c)
		tip = c.ID
	}
	tag := repo.TagObject(tip, pkg.Tag, w.who, w.tagMessage(pkg))
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

func (w *writer) tagMessage(pkg *Package) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\nSplit from %s at %s\n", pkg.Name, pkg.Version, strings.Join(pkg.dirs, ", "), w.commit.ID)
	if len(pkg.Copies) > 0 {
		b.WriteString("\nWith copies of what it reaches outside:\n\n")
		writeCopies(&b, pkg.Copies)
	}
	return b.String()
}

func (w *writer) pinMessage(pkg *Package) string {
	var b strings.Builder
	if len(pkg.Requires) > 0 || len(pkg.Links) == 0 {
		b.WriteString("Pin module calls to their releases\n\n")
	} else {
		b.WriteString("Put files in the place of symlinks that led elsewhere\n\n")
	}
	for _, name := range pkg.Requires {
		for _, other := range w.p.Packages {
			if other.Name == name {
				fmt.Fprintf(&b, "%s → %s %s\n", strings.Join(other.dirs, ", "), other.Name, other.Tag)
			}
		}
	}
	if len(pkg.Links) > 0 && len(pkg.Requires) > 0 {
		b.WriteString("\nThese symlinks led out of the repository, and are now what they led to:\n\n")
	}
	writeLinks(&b, pkg.Links)
	return b.String()
}
