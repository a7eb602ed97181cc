package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/release"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A releaseJob is everything that a release reads, decides and makes.
type releaseJob struct {
	*app
	o    releaseOptions
	cfg  *Config
	repo *repo.Repo
	name string // of the repository
	head *repo.Commit
	rd   repo.Reader
	// at is the directory that the user is in, relative to the root.
	at    string
	graph *modules.Graph
	calls []*lint.Call
	all   release.Repository
	raw   []repo.Tag // also those that are no releases
	own   map[string]bool
	trees map[repo.Hash]*repo.TreeFS

	releases []*release.Release
	refused  []error
	skipped  []report.ReleaseSkipped
	nothing  []report.ReleaseSkipped
	branch   string    // that HEAD names, where it had to be known
	tip      repo.Hash // where the last release is
	made     bool
}

func (j *releaseJob) close() {
	for _, t := range j.trees {
		t.Close()
	}
	if j.rd != nil {
		j.rd.Close()
	}
}

func (a *app) openRelease(ctx context.Context, o releaseOptions) (*releaseJob, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	r, err := repo.Open(ctx, a.chdir)
	switch {
	case errors.Is(err, repo.ErrShallow):
		return nil, fmt.Errorf("the clone is shallow, so that its last release cannot be told\nhint: git fetch --unshallow --tags; in CI GIT_DEPTH: 0 (GitLab), fetch-depth: 0 (actions/checkout)")
	case err != nil:
		return nil, err
	}
	j := &releaseJob{app: a, o: o, cfg: cfg, repo: r, trees: map[repo.Hash]*repo.TreeFS{}}
	if err := j.fill(ctx); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

func (j *releaseJob) fill(ctx context.Context) error {
	root := cmpOr(j.repo.Root, j.repo.GitDir)
	j.name = nameOfRepository(ctx, j.repo, root)
	j.at = "."
	if j.repo.Root != "" {
		abs, err := filepath.Abs(j.chdir)
		if err != nil {
			return err
		}
		if abs, err = filepath.EvalSymlinks(abs); err != nil {
			return err
		}
		if rel, err := filepath.Rel(root, abs); err == nil {
			j.at = filepath.ToSlash(rel)
		}
	}
	var err error
	if j.raw, err = j.repo.Tags(ctx); err != nil {
		return err
	}
	if j.head, err = j.repo.Resolve(ctx, "HEAD"); err != nil {
		return err
	}
	if j.o.check {
		j.o.tag = cmpOr(j.o.tag, ciTag(j.o))
		// What is judged is what the tag is on, where it is there.
		if i := slices.IndexFunc(j.raw, func(t repo.Tag) bool { return t.Name == j.o.tag }); i >= 0 {
			if j.head, err = j.repo.Resolve(ctx, j.raw[i].Commit.String()); err != nil {
				return err
			}
		}
	}
	j.tip = j.head.ID
	if j.rd, err = j.repo.Reader(ctx); err != nil {
		return err
	}
	reached := map[repo.Hash]bool{}
	if err := j.rd.Walk(ctx, j.head.ID, func(c repo.CommitInfo) error {
		reached[c.ID] = true
		return nil
	}); err != nil {
		return err
	}
	fsys, err := j.tree(ctx, j.head.ID)
	if err != nil {
		return err
	}
	tree, _ := hclparse.LoadCalls(fsys)
	tightenGC(len(tree.Entries))
	j.graph = modules.NewGraph(tree, j.cfg.roleOf)
	j.calls = lint.Calls(&lint.Input{Graph: j.graph})
	j.own = ownSources(ctx, j.repo)
	j.all = release.Repository{Name: j.name, Tags: release.Tags(j.raw, func(h repo.Hash) bool { return reached[h] })}
	fixed := map[string]string{}
	for dir, m := range j.cfg.Module {
		fixed[dir] = m.Name
	}
	for _, d := range j.graph.Sorted() {
		switch d.Role {
		case modules.RoleModule, modules.RoleOrphan, modules.RolePrivate, modules.RoleUndecided:
			j.all.Dirs = append(j.all.Dirs, d.Path)
		}
	}
	j.all.Names = modules.Names(j.all.Dirs, fixed)
	j.configure()
	if _, ok := j.all.History("."); ok && !slices.Contains(j.all.Dirs, ".") {
		j.all.Dirs = append([]string{"."}, j.all.Dirs...)
	}
	return nil
}

// configure takes what terrier.hcl says of tags: with ${name} in it of each
// module, else of the repository.
func (j *releaseJob) configure() {
	j.all.Configured = map[string]string{}
	if j.cfg.Modules.tag == nil {
		return
	}
	dirs := j.all.Dirs
	if !j.cfg.Modules.tag.uses("name") {
		dirs = []string{"."}
	}
	for _, dir := range dirs {
		tag, err := j.cfg.Modules.TagFor(cmpOr(j.all.Names[dir], "module"), "1.0.0")
		if err != nil {
			continue // it is said where the tag is made
		}
		if r, ok := modules.ParseRelease(tag); ok {
			j.all.Configured[dir] = r.Prefix
		}
	}
}

// nameOfRepository is what origin calls the repository, whatever directory its
// clone is in; without an origin, the directory.
func nameOfRepository(ctx context.Context, r *repo.Repo, root string) string {
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

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// tree opens the repository at a commit, once.
func (j *releaseJob) tree(ctx context.Context, commit repo.Hash) (*repo.TreeFS, error) {
	if t := j.trees[commit]; t != nil {
		return t, nil
	}
	c, err := j.repo.Resolve(ctx, commit.String())
	if err != nil {
		return nil, err
	}
	t, err := j.repo.At(ctx, c)
	if err != nil {
		return nil, err
	}
	j.trees[commit] = t
	return t, nil
}

// load reads a module at a commit.
func (j *releaseJob) load(ctx context.Context, commit repo.Hash, dir, label string) (*change.Version, *repo.TreeFS, error) {
	tree, err := j.tree(ctx, commit)
	if err != nil {
		return nil, nil, err
	}
	v, diags := change.Load(tree, dir)
	if err := j.parses(v, diags, shownDir(dir, j.name)+" at "+label); err != nil {
		return nil, nil, err
	}
	return v, tree, nil
}

// parses shows what is wrong with a version, and is an error where that keeps it
// from being compared.
func (a *app) parses(v *change.Version, diags hcl.Diagnostics, what string) error {
	diags = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError })
	if len(diags) == 0 {
		return nil
	}
	files := map[string]*hcl.File{}
	for _, m := range v.Modules {
		for _, f := range m.Files {
			files[f.Path] = &hcl.File{Bytes: f.Bytes}
		}
	}
	s := a.style(a.stderr)
	report.Diagnostics(a.stderr, diags, files, s.Width, s.Color)
	return fmt.Errorf("%s does not parse, so nothing was compared\nhint: name a version that does", what)
}

// directory is a directory of the repository that the user names.
func (j *releaseJob) directory(name string) (string, error) {
	rel := filepath.ToSlash(filepath.Join(j.at, name))
	if filepath.IsAbs(name) {
		abs, err := filepath.EvalSymlinks(name)
		if err != nil {
			return "", fmt.Errorf("%s is no directory of this repository\nhint: -C names the repository of the module", name)
		}
		r, err := filepath.Rel(cmpOr(j.repo.Root, j.repo.GitDir), abs)
		if err != nil {
			return "", err
		}
		rel = filepath.ToSlash(r)
	}
	if rel == ".." || strings.HasPrefix(rel, "../") {
		return "", fmt.Errorf("%s is outside of this repository\nhint: -C names the repository of the module", name)
	}
	if j.configured(rel) {
		return rel, nil
	}
	// By its name alone.
	var found []string
	for _, d := range j.all.Dirs {
		if j.all.Names[d] == name || d == name || strings.HasSuffix(d, "/"+name) {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		hint := "`terrier scan` lists the modules of this repository"
		if near := fetch.Nearest(name, j.all.Dirs, func(s string) []string { return []string{s, s[strings.LastIndexByte(s, '/')+1:]} }); len(near) > 0 {
			hint = "the nearest: " + strings.Join(near, ", ")
		}
		return "", fmt.Errorf("there is no module in %s at HEAD\nhint: %s", name, hint)
	}
	return "", fmt.Errorf("%q names %d modules: %s\nhint: name one of them in full", name, len(found), strings.Join(found, ", "))
}

// configured reports whether a directory holds configuration; so does the root
// of a repository that is released as a whole, be it in directories alone.
func (j *releaseJob) configured(dir string) bool {
	if _, ok := j.all.History("."); ok && dir == "." {
		return true
	}
	d := j.graph.Dirs[dir]
	return d != nil && slices.ContainsFunc(d.Config.Files, func(f *hclparse.File) bool { return f.Syntax != hclparse.Terragrunt })
}
