package split

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

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
	Name      string      `json:"name"`
	Commits   int         `json:"commits"`   // of extracted history
	Extracted string      `json:"extracted"` // its tip
	Tip       string      `json:"tip"`       // main: Extracted, or the commit that pins its calls
	Tags      []TagResult `json:"tags"`
	Carried   []TagResult `json:"carried_tags"` // the monorepo's; Object is the commit of a lightweight one
	Gaps      int         `json:"gaps"`         // times the directory was gone and came back
	Followed  []string    `json:"followed"`
}

// A TagResult is a written tag: its name, and the id of the annotated tag.
type TagResult struct {
	Tag    string `json:"tag"`
	Object string `json:"object"`
}

// LiveResult is one written live repository.
type LiveResult struct {
	Name string `json:"name"`
	Base string `json:"base"` // what the live commit stands on: the monorepo's commit, or the extracted tip
	Tip  string `json:"tip"`
	// Commits are those of extracted history; 0 on the monorepo's own.
	Commits int         `json:"commits"`
	Carried []TagResult `json:"carried_tags"`
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
		if p.InPlace {
			res.Packages = append(res.Packages, w.inPlace(pkg))
			continue
		}
		w.progress.tell("writing packages", i, len(p.Packages))
		pr, err := w.writePackage(ctx, pkg, splits[i])
		if err != nil {
			return nil, fmt.Errorf("package %s: %w", pkg.Name, err)
		}
		res.Packages = append(res.Packages, *pr)
	}
	w.progress.tell("writing packages", len(p.Packages), len(p.Packages))
	if !p.InPlace {
		splits = splits[len(p.Packages):]
	}
	for i, l := range p.Live {
		w.progress.tell("writing live", i, len(p.Live))
		var own *history.Split
		if l.Paths != nil {
			own, splits = &splits[0], splits[1:]
		}
		lr, err := w.writeLive(ctx, l, own)
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
	attrs    []string             // see attributeFiles
	edits    map[[2]string][]Edit // see editsOf
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
