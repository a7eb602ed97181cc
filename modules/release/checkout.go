package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Config is what the user's configuration says of modules and their tags.
type Config struct {
	File string // its name, for hints
	// Role is what it says that a directory is, "" for nothing.
	Role  func(dir string) modules.Role
	Names map[string]string // of modules, by directory
	First *semver.Version   // of a module without releases
	// Tag spells the tag of a module's version, which is without a leading v.
	Tag func(name, version string) (string, error)
	// Spells says that it tells how tags are spelled, and Named that the
	// module's name is a part of it.
	Spells, Named bool
	// OwnTags says that what Tag makes belongs to one module of a repository of
	// many; else a directory's name comes before it.
	OwnTags bool
	// Own are the identities of the repository, see modules.RepositoryIdentity:
	// calls of them are calls of its own modules.
	Own map[string]bool
}

// A Checkout is a repository at the commit that is to be released: its modules,
// their calls and their releases.
type Checkout struct {
	// Head is the commit.
	Head *repo.Commit

	cfg   Config
	repo  *repo.Repo
	rd    repo.Reader
	at    string // the directory that the user is in, relative to the root
	graph *modules.Graph
	calls []*lint.Call
	all   Repository
	raw   []repo.Tag              // also those that are no releases
	roots map[repo.Hash]repo.Hash // the trees of all commits in the history of Head
	trees map[repo.Hash]*repo.TreeFS
}

// Open reads a repository at HEAD or, where there is a tag of that name, at
// what it is on. dir is where the user is: directories that are named are
// relative to it. It runs nothing and asks no remote.
func Open(ctx context.Context, r *repo.Repo, cfg Config, dir, tag string) (*Checkout, error) {
	c := &Checkout{cfg: cfg, repo: r, trees: map[repo.Hash]*repo.TreeFS{}}
	if err := c.fill(ctx, dir, tag); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close gives back what Open took.
func (c *Checkout) Close() {
	for _, t := range c.trees {
		t.Close()
	}
	if c.rd != nil {
		c.rd.Close()
	}
}

// Files is the number of files that the repository has at Head.
func (c *Checkout) Files() int { return len(c.graph.Tree.Entries) }

func (c *Checkout) fill(ctx context.Context, dir, tag string) error {
	root := cmp.Or(c.repo.Root, c.repo.GitDir)
	c.all.Name = nameOf(ctx, c.repo, root)
	var err error
	if c.at, err = placeOf(c.repo, dir); err != nil {
		return err
	}
	if c.raw, err = c.repo.Tags(ctx); err != nil {
		return err
	}
	rev := "HEAD"
	if i := slices.IndexFunc(c.raw, func(t repo.Tag) bool { return t.Name == tag }); i >= 0 {
		rev = c.raw[i].Commit.String()
	}
	if c.Head, err = c.repo.Resolve(ctx, rev); err != nil {
		return err
	}
	if c.rd, err = c.repo.Reader(ctx); err != nil {
		return err
	}
	c.roots = map[repo.Hash]repo.Hash{}
	if err := c.rd.Walk(ctx, c.Head.ID, func(i repo.CommitInfo) error {
		c.roots[i.ID] = i.Tree
		return nil
	}); err != nil {
		return err
	}
	fsys, err := c.tree(ctx, c.Head.ID)
	if err != nil {
		return err
	}
	tree, _ := hclparse.LoadCalls(fsys)
	c.graph = modules.NewGraph(tree, c.cfg.Role)
	c.calls = lint.Calls(&lint.Input{Graph: c.graph})
	c.all.Tags = Tags(c.raw, func(h repo.Hash) bool { _, ok := c.roots[h]; return ok })
	for _, d := range c.graph.Sorted() {
		switch d.Role {
		case modules.RoleModule, modules.RoleOrphan, modules.RolePrivate, modules.RoleUndecided:
			c.all.Dirs = append(c.all.Dirs, d.Path)
		}
	}
	c.all.Names = modules.Names(c.all.Dirs, c.cfg.Names)
	c.configure()
	if _, ok := c.all.History("."); ok && !slices.Contains(c.all.Dirs, ".") {
		c.all.Dirs = append([]string{"."}, c.all.Dirs...)
	}
	return nil
}

// configure takes what the configuration says of tags: with the name in it of
// each module, else of the repository.
func (c *Checkout) configure() {
	c.all.Configured = map[string]string{}
	if !c.cfg.Spells {
		return
	}
	dirs := c.all.Dirs
	if !c.cfg.Named {
		dirs = []string{"."}
	}
	for _, dir := range dirs {
		tag, err := c.cfg.Tag(cmp.Or(c.all.Names[dir], "module"), "1.0.0")
		if err != nil {
			continue // it is said where the tag is made
		}
		if r, ok := modules.ParseRelease(tag); ok {
			c.all.Configured[dir] = r.Prefix
		}
	}
}

// nameOf is what origin calls the repository, whatever directory its clone is
// in; without an origin, the directory.
func nameOf(ctx context.Context, r *repo.Repo, root string) string {
	if url, err := r.RemoteURL(ctx, "origin"); err == nil {
		s, err := hclparse.ParseSource("git::" + url)
		switch {
		case err == nil && s.Kind == hclparse.KindGit && s.Repository != "":
			root = s.Repository
		case !strings.ContainsAny(url, "@:?"): // a path
			root = filepath.ToSlash(url)
		}
	}
	if name := strings.TrimSuffix(path.Base(filepath.ToSlash(root)), ".git"); name != "" && name != "." && name != "/" {
		return name
	}
	return filepath.Base(root)
}

// placeOf is a directory relative to the top of the work tree; "." where there
// is none.
func placeOf(r *repo.Repo, dir string) (string, error) {
	if r.Root == "" {
		return ".", nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return "", err
	}
	rel, err := filepath.Rel(r.Root, abs)
	return filepath.ToSlash(rel), err
}

// shown is what a directory is called: the root by the repository's name.
func (c *Checkout) shown(dir string) string {
	if dir == "." {
		return c.all.Name
	}
	return dir
}

// tree opens the repository at a commit, once.
func (c *Checkout) tree(ctx context.Context, commit repo.Hash) (*repo.TreeFS, error) {
	if t := c.trees[commit]; t != nil {
		return t, nil
	}
	at, err := c.repo.Resolve(ctx, commit.String())
	if err != nil {
		return nil, err
	}
	t, err := c.repo.At(ctx, at)
	if err != nil {
		return nil, err
	}
	c.trees[commit] = t
	return t, nil
}

// An UnparsedError says that a version of a module does not parse.
type UnparsedError struct {
	What        string // the module, and at what
	Diagnostics hcl.Diagnostics
	Files       map[string]*hcl.File // that they are about
}

func (e *UnparsedError) Error() string {
	return e.What + " does not parse, so nothing was compared\nhint: name a version that does"
}

// load reads a module at a commit. label is what an error calls that.
func (c *Checkout) load(ctx context.Context, commit repo.Hash, dir, label string) (*change.Version, *repo.TreeFS, error) {
	tree, err := c.tree(ctx, commit)
	if err != nil {
		return nil, nil, err
	}
	v, diags := change.Load(tree, dir)
	if !diags.HasErrors() {
		return v, tree, nil
	}
	e := &UnparsedError{What: c.shown(dir) + " at " + label, Files: map[string]*hcl.File{}}
	e.Diagnostics = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError })
	for _, m := range v.Modules {
		for _, f := range m.Files {
			e.Files[f.Path] = &hcl.File{Bytes: f.Bytes}
		}
	}
	return nil, nil, e
}

// directory is a directory of the repository that the user names.
func (c *Checkout) directory(name string) (string, error) {
	rel := filepath.ToSlash(filepath.Join(c.at, name))
	if filepath.IsAbs(name) {
		abs, err := filepath.EvalSymlinks(name)
		if err != nil {
			return "", fmt.Errorf("%s is no directory of this repository\nhint: -C names the repository of the module", name)
		}
		r, err := filepath.Rel(cmp.Or(c.repo.Root, c.repo.GitDir), abs)
		if err != nil {
			return "", err
		}
		rel = filepath.ToSlash(r)
	}
	if rel == ".." || strings.HasPrefix(rel, "../") {
		return "", fmt.Errorf("%s is outside of this repository\nhint: -C names the repository of the module", name)
	}
	if c.configured(rel) {
		return rel, nil
	}
	// By its name alone.
	var found []string
	for _, d := range c.all.Dirs {
		if c.all.Names[d] == name || d == name || strings.HasSuffix(d, "/"+name) {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		hint := "`terrier scan` lists the modules of this repository"
		if near := fetch.Nearest(name, c.all.Dirs, func(s string) []string { return []string{s, s[strings.LastIndexByte(s, '/')+1:]} }); len(near) > 0 {
			hint = "the nearest: " + strings.Join(near, ", ")
		}
		return "", fmt.Errorf("there is no module in %s at HEAD\nhint: %s", name, hint)
	}
	return "", fmt.Errorf("%q names %d modules: %s\nhint: name one of them in full", name, len(found), strings.Join(found, ", "))
}

// configured reports whether a directory holds configuration; so does the root
// of a repository that is released as a whole, be it in directories alone.
func (c *Checkout) configured(dir string) bool {
	if _, ok := c.all.History("."); ok && dir == "." {
		return true
	}
	d := c.graph.Dirs[dir]
	return d != nil && slices.ContainsFunc(d.Config.Files, func(f *hclparse.File) bool { return f.Syntax != hclparse.Terragrunt })
}

// errNoModule names a directory that is none.
func errNoModule(dir string) error {
	return fmt.Errorf("%s is no module\nhint: name the module's directory", dir)
}

var errBare = errors.New("a bare repository has no files, and modules that are pinned to a released one get a commit\nhint: use a clone, or --dependents=false")
