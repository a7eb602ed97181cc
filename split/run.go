package split

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/history"
)

// Progress tells how far a step is; a nil Progress tells nobody.
type Progress func(step string, done, total int)

func (p Progress) tell(step string, done, total int) {
	if p != nil {
		p(step, done, total)
	}
}

// A Result says what Run wrote. Lists are in the order of the plan's.
type Result struct {
	Packages []PackageResult `json:"packages"`
	Live     []LiveResult    `json:"live"`
}

// PackageResult is one written package repository.
type PackageResult struct {
	Name      string   `json:"name"`
	Commits   int      `json:"commits"`   // of extracted history
	Extracted string   `json:"extracted"` // its tip
	Tip       string   `json:"tip"`       // main: Extracted, or the commit that pins its calls
	TagObject string   `json:"tag_object"`
	Gaps      int      `json:"gaps"` // times the directory was gone and came back
	Followed  []string `json:"followed"`
}

// LiveResult is one written live repository.
type LiveResult struct {
	Name string `json:"name"`
	Base string `json:"base"` // what the live commit stands on: the monorepo's commit, or the extracted tip
	Tip  string `json:"tip"`
}

// Run writes what the plan says below dir: the package repositories, then the
// live ones. Each appears under its name only when it is whole; what is there
// already is left as it is, so that the same call completes an interrupted
// one. The ids depend on the plan alone.
func Run(ctx context.Context, r *repo.Repo, commit *repo.Commit, tree *repo.TreeFS, p *Plan, dir string, progress Progress) (*Result, error) {
	res, err := run(ctx, r, commit, tree, p, dir, progress)
	if errors.Is(err, repo.ErrDiskFull) || errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w\nhint: the disk is full; make room, and the same command again completes the split", err)
	}
	return res, err
}

func run(ctx context.Context, r *repo.Repo, commit *repo.Commit, tree *repo.TreeFS, p *Plan, dir string, progress Progress) (*Result, error) {
	w, err := newWriter(ctx, r, commit, tree, p, dir, progress)
	if err != nil {
		return nil, err
	}
	defer w.reader.Close()
	splits, err := w.extract(ctx)
	if err != nil {
		return nil, err
	}
	res := &Result{Packages: []PackageResult{}, Live: []LiveResult{}}
	for i, pkg := range p.Packages {
		w.progress.tell("writing packages", i, len(p.Packages))
		pr, err := w.writePackage(ctx, pkg, splits[i])
		if err != nil {
			return nil, fmt.Errorf("package %s: %w", pkg.Name, err)
		}
		res.Packages = append(res.Packages, *pr)
	}
	w.progress.tell("writing packages", len(p.Packages), len(p.Packages))
	for i, l := range p.Live {
		w.progress.tell("writing live", i, len(p.Live))
		lr, err := w.writeLive(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("live repository %s: %w", l.Name, err)
		}
		res.Live = append(res.Live, *lr)
	}
	w.progress.tell("writing live", len(p.Live), len(p.Live))
	return res, nil
}

type writer struct {
	r        *repo.Repo
	commit   *repo.Commit
	tree     *repo.TreeFS
	reader   repo.Reader
	p        *Plan
	dir      string
	progress Progress
	who      repo.Signature
	modes    map[string]repo.TreeEntry
}

func newWriter(ctx context.Context, r *repo.Repo, commit *repo.Commit, tree *repo.TreeFS, p *Plan, dir string, progress Progress) (*writer, error) {
	reader, err := r.Reader(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{r: r, commit: commit, tree: tree, reader: reader, p: p, dir: dir, progress: progress, modes: map[string]repo.TreeEntry{}}
	// The date of what was split, never the clock: the same input gives the
	// same ids.
	w.who = repo.Signature{Name: p.Identity.Name, Email: p.Identity.Email, When: commit.Committer.When, Zone: commit.Committer.Zone}
	for _, e := range tree.Entries() {
		w.modes[e.Path] = e
	}
	for _, sub := range []string{"modules", "live"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return nil, err
		}
		if err := repo.RemoveTemp(filepath.Join(dir, sub)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// extract returns the history of each package, in the plan's order.
func (w *writer) extract(ctx context.Context) ([]history.Split, error) {
	paths := make([]string, len(w.p.Packages))
	for i, pkg := range w.p.Packages {
		paths[i] = pkg.Path
	}
	var splits []history.Split
	if w.p.History {
		var err error
		filters := make([]history.Filter, len(paths))
		for i, p := range paths {
			filters[i] = history.Filter{Root: p, Paths: []string{p}}
		}
		splits, err = history.Extract(ctx, w.reader, w.commit.ID, filters, history.Options{
			Follow:   w.p.Follow,
			Progress: func(done, total int) { w.progress.tell("reading history", done, total) },
		})
		if err != nil {
			return nil, err
		}
	} else {
		for _, pth := range paths {
			id, ok := w.tree.Tree(pth)
			if !ok {
				return nil, fmt.Errorf("%s is not in the commit", pth)
			}
			c := repo.CommitObject(id, nil, w.who, w.who, fmt.Sprintf("Begin with %s as of %s\n", pth, w.commit.ID))
			splits = append(splits, history.Split{Filter: history.Filter{Root: pth, Paths: []string{pth}}, Tip: c.ID, Tree: id, Commits: 1, New: []repo.Object{c}})
		}
	}
	for i := range splits {
		if want, ok := w.tree.Tree(paths[i]); !ok || splits[i].Tree != want {
			return nil, fmt.Errorf("%s: the extracted history ends in tree %s, and the commit has %s; nothing is written", paths[i], splits[i].Tree, want)
		}
	}
	return splits, nil
}

// rewrite returns the edited files of one package ("" for live) as tree edits
// relative to root, and their blobs.
func (w *writer) rewrite(pkg, root string) (map[string]repo.TreeEdit, []repo.Object, error) {
	byFile := map[string][]hclparse.Edit{}
	for _, e := range w.p.Edits {
		if e.Package != pkg {
			continue
		}
		text := hclparse.QuoteNative(e.To)
		if e.syntax == hclparse.JSON {
			text = hclparse.QuoteJSON(e.To)
		}
		byFile[e.File] = append(byFile[e.File], hclparse.Edit{Start: e.start, End: e.end, New: text})
	}
	files := make([]string, 0, len(byFile))
	for f := range byFile {
		files = append(files, f)
	}
	sort.Strings(files)
	edits := map[string]repo.TreeEdit{}
	var blobs []repo.Object
	for _, f := range files {
		src, err := fs.ReadFile(w.tree, f)
		if err != nil {
			return nil, nil, err
		}
		out, err := hclparse.Apply(src, byFile[f])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f, err)
		}
		blob := repo.HashObject("blob", out)
		blobs = append(blobs, blob)
		rel := f
		if root != "." {
			rel = strings.TrimPrefix(f, root+"/")
		}
		edits[path.Clean(rel)] = repo.TreeEdit{Mode: w.modes[f].Mode, Blob: blob.ID}
	}
	return edits, blobs, nil
}
