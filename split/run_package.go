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
	blobs, err := w.change(edits, pkg.Name, "", pkg.Root, pkg.Links)
	if err != nil {
		return nil, err
	}
	edited := len(edits) > 0
	attributes, err := w.attributes(ctx, edits, h.Filter, pkg.Links)
	if err != nil {
		return nil, err
	}
	blobs = append(append(blobs, attributes...), w.submodules(edits, h.Filter)...)
	if len(edits) > 0 {
		root, trees, err := w.editTree(ctx, h, edits)
		if err != nil {
			return nil, err
		}
		c := repo.CommitObject(root, []repo.Hash{tip}, w.who, w.who, w.pinMessage(pkg, edited))
		objects = append(append(append(objects, blobs...), trees...), c)
		tip = c.ID
	}
	refs := map[string]repo.Hash{"refs/heads/main": tip}
	objects = append(objects, w.tag(res, pkg, tip, refs)...)
	carried, made := w.carryTags(h, refs)
	res.Carried, objects = carried, append(objects, made...)

	dir := filepath.Join(w.dir, filepath.FromSlash(pkg.Repository))
	if err := writeFile(strings.TrimSuffix(dir, ".git")+".commit-map", commitMap(h.Map), false); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(dir); err == nil {
		return res, nil
	}
	err = repo.WriteBare(ctx, dir, repo.Spec{
		Objects: objects,
		Refs:    refs,
		Head:    "refs/heads/main",
		Borrow:  w.r.GitDir,
		Reader:  w.reader,
		Origin:  pkg.Remote,

		OwnCommits: true,
	})
	return res, err
}

// tag makes the tags of a package at its tip, and adds them to refs and to the
// result.
func (w *writer) tag(res *PackageResult, pkg *Package, tip repo.Hash, refs map[string]repo.Hash) []repo.Object {
	var objects []repo.Object
	for _, name := range pkg.releases() {
		tag := repo.TagObject(tip, name, w.who, w.tagMessage(pkg, name))
		objects = append(objects, tag)
		refs["refs/tags/"+name] = tag.ID
		res.Tags = append(res.Tags, TagResult{name, tag.ID.String()})
	}
	res.Tip = tip.String()
	return objects
}

// inPlace is the result for the monorepo itself: its modules are released at
// the commit that was split. The tags are written with the live repository.
func (w *writer) inPlace(pkg *Package) PackageResult {
	res := PackageResult{Name: pkg.Name, Extracted: w.commit.ID.String(), Followed: []string{}, Carried: []TagResult{}}
	w.tag(&res, pkg, w.commit.ID, map[string]repo.Hash{})
	return res
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

func (w *writer) tagMessage(pkg *Package, tag string) string {
	name, from := pkg.Name, strings.Join(pkg.dirs, ", ")
	for _, t := range pkg.Tags {
		if t.Tag == tag {
			name, from = t.Name, t.Path
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\nSplit from %s at %s\n", name, pkg.Version, from, w.commit.ID)
	if len(pkg.Copies) > 0 {
		b.WriteString("\nWith copies of what it reaches outside:\n\n")
		writeCopies(&b, pkg.Copies)
	}
	return b.String()
}

func (w *writer) pinMessage(pkg *Package, edited bool) string {
	var b strings.Builder
	switch {
	case len(pkg.Requires) > 0:
		b.WriteString("Pin module calls to their releases\n\n")
	case len(pkg.Links) > 0:
		b.WriteString("Put files in the place of symlinks that led elsewhere\n\n")
	case edited:
		b.WriteString("Lead calls to where their modules are\n\n")
	default:
		b.WriteString("Say what git was told of these files from above\n\n")
	}
	for _, name := range pkg.Requires {
		for _, other := range w.p.Packages {
			if other.Name == name {
				writePins(&b, other)
			}
		}
	}
	if len(pkg.Links) > 0 && len(pkg.Requires) > 0 {
		b.WriteString("\nThese symlinks led out of the repository, and are now what they led to:\n\n")
	}
	writeLinks(&b, pkg.Links)
	return b.String()
}
