package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A diffJob is everything that a diff reads.
type diffJob struct {
	app    *app
	root   string     // of the repository, or the directory where there is no git
	name   string     // of the root
	repo   *repo.Repo // nil where there is none
	graph  *modules.Graph
	calls  []diffCall
	own    map[string]bool // identities of this repository, by its remotes
	target diffTarget
	old    diffVersion
	new    diffVersion

	store  *fetch.Store // nil where the module is of this repository
	closes []func()
}

// A diffVersion is one side of it, and what to call it.
type diffVersion struct {
	label   string
	version *change.Version
}

func (d *diffJob) close() {
	for _, c := range d.closes {
		c()
	}
}

// openDiff reads the repository's calls, finds the module, and opens both
// versions.
func (a *app) openDiff(ctx context.Context, o diffOptions) (*diffJob, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	fsys, _, done, err := a.source(ctx, "")
	if err != nil {
		return nil, err
	}
	d := &diffJob{app: a, closes: []func(){done}}
	if err := d.fill(ctx, cfg, fsys, o); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *diffJob) fill(ctx context.Context, cfg *Config, fsys fs.FS, o diffOptions) error {
	var err error
	if d.root, err = filepath.Abs(d.app.chdir); err != nil {
		return err
	}
	if root := gitRoot(d.root); root != "" {
		d.root = root
	}
	d.name = filepath.Base(d.root)
	if r, err := repo.Open(ctx, d.app.chdir); err == nil || errors.Is(err, repo.ErrShallow) {
		d.repo = r
	}
	d.own = ownSources(ctx, d.repo)
	tree, _ := hclparse.LoadCalls(fsys)
	d.graph = modules.NewGraph(tree, cfg.roleOf)
	if err := d.gatherCalls(o.callers); err != nil {
		return err
	}
	if err := d.findModule(ctx, o); err != nil {
		return err
	}
	d.ownCalls()
	if !d.target.local {
		if d.store, err = d.app.fetchStore(o.offline); err != nil {
			return err
		}
	}
	if d.old, err = d.open(ctx, o.old); err != nil {
		return err
	}
	if d.new, err = d.open(ctx, o.new); err != nil {
		return err
	}
	return nil
}

// open reads the module at a revision, a version or a directory.
func (d *diffJob) open(ctx context.Context, rev string) (diffVersion, error) {
	v, err := d.place(ctx, rev)
	if err != nil {
		return diffVersion{}, err
	}
	d.closes = append(d.closes, func() { v.Close() })
	v.Name = d.target.name
	loaded, err := v.Load()
	var broken *fetch.ParseError
	if errors.As(err, &broken) {
		s := d.app.style(d.app.stderr)
		report.Diagnostics(d.app.stderr, broken.Diags, broken.Files, s.Width, s.Color)
	}
	return diffVersion{v.Label, loaded}, err
}

// place opens the files of a version.
func (d *diffJob) place(ctx context.Context, rev string) (*fetch.Version, error) {
	t := d.target
	switch {
	case isDirectory(rev):
		return d.directory(rev)
	case t.local && d.repo == nil:
		return nil, fmt.Errorf("%s is in no git repository, so there is no revision %q of it\nhint: give two directories, as ./old and ./new", t.name, rev)
	case t.local:
		tree, label, err := d.at(ctx, t.dir, rev)
		if err != nil {
			return nil, err
		}
		d.closes = append(d.closes, func() { tree.Close() })
		return &fetch.Version{FS: tree, Dir: t.dir, Label: label}, nil
	}
	bar := d.app.progress()
	defer bar.Done()
	d.store.Progress = steps(bar)
	return d.store.Open(ctx, t.source, rev, t.prefixes)
}

func (d *diffJob) directory(word string) (*fetch.Version, error) {
	abs := word
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(d.app.chdir, word)
	}
	abs, err := filepath.Abs(abs)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory\nhint: a revision does not begin with . or /", word)
	}
	// Modules call their siblings: the whole repository has to be there.
	if root := gitRoot(abs); root != "" {
		if rel, err := filepath.Rel(root, abs); err == nil {
			return &fetch.Version{FS: os.DirFS(root), Dir: filepath.ToSlash(rel), Label: word}, nil
		}
	}
	return &fetch.Version{FS: os.DirFS(abs), Dir: ".", Label: word}, nil
}

// at opens this repository at a revision; of a module in dir its own tags come
// first.
func (d *diffJob) at(ctx context.Context, dir, rev string) (*repo.TreeFS, string, error) {
	tags, _ := d.repo.Tags(ctx) // without them rev itself is left
	var all []string
	for _, t := range tags {
		all = append(all, t.Name)
	}
	label := rev
	name := rev
	if tag := fetch.OwnTag(rev, fetch.TagPrefixes("", dir, nil), all); tag != "" {
		label, name = tag, "refs/tags/"+tag
	}
	commit, err := d.repo.Resolve(ctx, name)
	if err != nil {
		if errors.Is(err, repo.ErrRevision) {
			return nil, "", fetch.NoRevision(rev, d.target.name, "this repository", all)
		}
		return nil, "", err
	}
	tree, err := d.repo.At(ctx, commit)
	return tree, label, err
}
