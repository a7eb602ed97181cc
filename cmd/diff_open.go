package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A diffJob is everything that a diff reads.
type diffJob struct {
	app     *app
	offline bool
	root    string     // of the repository, or the directory where there is no git
	name    string     // of the root
	repo    *repo.Repo // nil where there is none
	graph   *modules.Graph
	calls   []diffCall
	own     map[string]bool // identities of this repository, by its remotes
	target  diffTarget
	old     diffVersion
	new     diffVersion

	mirror *repo.Mirror
	refs   map[string]repo.Ref
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
	d := &diffJob{app: a, offline: o.offline, closes: []func(){done}}
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
	fsys, dir, label, err := d.place(ctx, rev)
	if err != nil {
		return diffVersion{}, err
	}
	v, diags := change.Load(fsys, dir)
	var errs hcl.Diagnostics
	for _, diag := range diags {
		if diag.Severity == hcl.DiagError {
			errs = append(errs, diag)
		}
	}
	if len(errs) > 0 {
		files := map[string]*hcl.File{}
		for _, m := range v.Modules {
			for _, f := range m.Files {
				files[f.Path] = &hcl.File{Bytes: f.Bytes}
			}
		}
		s := d.app.style(d.app.stderr)
		report.Diagnostics(d.app.stderr, errs, files, s.Width, s.Color)
		return diffVersion{}, fmt.Errorf("%s at %s does not parse, so nothing was compared\nhint: name a version that does", d.target.name, label)
	}
	if len(v.Modules) == 0 {
		where := "the directory " + dir
		if dir == "." {
			where = "its root"
		}
		return diffVersion{}, fmt.Errorf("%s at %s: %w in %s: it holds no Terraform configuration\nhint: the module may have stood elsewhere then; name that directory, or another version", d.target.name, label, errNoModule, where)
	}
	return diffVersion{label, v}, nil
}

// place opens the files of a version, and says where in them the module is.
func (d *diffJob) place(ctx context.Context, rev string) (fsys fs.FS, dir, label string, err error) {
	if isDirectory(rev) {
		return d.directory(rev)
	}
	t := d.target
	switch {
	case t.local && d.repo == nil:
		return nil, "", "", fmt.Errorf("%s is in no git repository, so there is no revision %q of it\nhint: give two directories, as ./old and ./new", t.name, rev)
	case t.local:
		tree, label, err := d.at(ctx, t.dir, rev)
		if err != nil {
			return nil, "", "", err
		}
		d.closes = append(d.closes, func() { tree.Close() })
		return tree, t.dir, label, nil
	case t.source.Kind == hclparse.KindRegistry:
		return d.registryVersion(ctx, rev)
	default:
		return d.remoteVersion(ctx, t.source, rev, true)
	}
}

func (d *diffJob) directory(word string) (fs.FS, string, string, error) {
	abs := word
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(d.app.chdir, word)
	}
	abs, err := filepath.Abs(abs)
	if err != nil {
		return nil, "", "", err
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return nil, "", "", fmt.Errorf("%s is no directory\nhint: a revision does not begin with . or /", word)
	}
	// Modules call their siblings: the whole repository has to be there.
	if root := gitRoot(abs); root != "" {
		if rel, err := filepath.Rel(root, abs); err == nil {
			return os.DirFS(root), filepath.ToSlash(rel), word, nil
		}
	}
	return os.DirFS(abs), ".", word, nil
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
	if tag := ownTag(rev, tagPrefixes(dir, nil), all); tag != "" {
		label, name = tag, "refs/tags/"+tag
	}
	commit, err := d.repo.Resolve(ctx, name)
	if err != nil {
		if errors.Is(err, repo.ErrRevision) {
			return nil, "", noRevision(rev, d.target.name, "this repository", all)
		}
		return nil, "", err
	}
	tree, err := d.repo.At(ctx, commit)
	return tree, label, err
}

// tagPrefixes are those of tags of the module in dir, the most certain first.
func tagPrefixes(dir string, more []string) []string {
	out := slices.Clone(more)
	if dir != "." && dir != "" {
		base := path.Base(dir)
		out = append(out, dir+"/", base+"/", base+"-")
	}
	return append(out, "", "tags/")
}

// ownTag is the tag that a version of a module means; "" for none.
func ownTag(rev string, prefixes, tags []string) string {
	has := map[string]bool{}
	for _, t := range tags {
		has[t] = true
	}
	for _, p := range prefixes {
		for _, form := range []string{p + rev, p + "v" + rev, p + strings.TrimPrefix(rev, "v")} {
			if has[form] {
				return form
			}
		}
	}
	return ""
}

func noRevision(rev, module, where string, tags []string) error {
	hint := where + " has no tags"
	if near := nearestVersions(rev, tags); len(near) > 0 {
		hint = "the nearest tags: " + strings.Join(near, ", ")
	}
	return fmt.Errorf("%s has no revision %q of %s\nhint: %s", where, rev, module, hint)
}

var hexDigits = regexp.MustCompile(`^[0-9a-fA-F]{4,40}$`)

// remoteVersion opens a git repository at a revision, through its mirror.
// own says that tags of the module itself come first.
func (d *diffJob) remoteVersion(ctx context.Context, s hclparse.Source, rev string, own bool) (fs.FS, string, string, error) {
	dir := path.Clean("./" + s.Subdir)
	name := repo.RedactURL(lock.Address(s))
	if err := d.ask(ctx, s); err != nil {
		return nil, "", "", err
	}
	var tags []string
	for full := range d.refs {
		if tag, ok := strings.CutPrefix(full, "refs/tags/"); ok {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	prefixes := []string{"", "tags/"}
	if own {
		prefixes = tagPrefixes(dir, d.target.prefixes)
	}
	label := rev
	var commit repo.Hash
	if tag := ownTag(rev, prefixes, tags); tag != "" {
		label, commit = tag, d.refs["refs/tags/"+tag].Commit
	} else {
		for _, full := range []string{"refs/heads/" + rev, rev} {
			if r, ok := d.refs[full]; ok && commit.IsZero() {
				commit = r.Commit
			}
		}
	}
	switch {
	case !commit.IsZero():
	case len(rev) == 40 && hexDigits.MatchString(rev):
		id, err := repo.ParseHash(strings.ToLower(rev))
		if err != nil {
			return nil, "", "", err
		}
		commit = id
	case hexDigits.MatchString(rev):
		id, err := d.short(ctx, rev)
		if errors.Is(err, repo.ErrRevision) {
			return nil, "", "", noRevision(rev, d.target.name, name, tags)
		}
		if err != nil {
			return nil, "", "", err
		}
		commit = id
	default:
		return nil, "", "", noRevision(rev, d.target.name, name, tags)
	}
	if !d.offline {
		if err := d.mirror.Ensure(ctx, repo.Want{Ref: rev, Commit: commit}); err != nil {
			return nil, "", "", err
		}
	}
	tree, err := d.mirror.At(ctx, commit)
	if err != nil {
		if d.offline {
			err = fmt.Errorf("%s at %s is not in the cache: %w\nhint: run it once without --offline", name, label, err)
		}
		return nil, "", "", err
	}
	d.closes = append(d.closes, func() { tree.Close() })
	return tree, dir, label, nil
}

// ask opens the mirror, and asks the remote for its refs, once.
func (d *diffJob) ask(ctx context.Context, s hclparse.Source) error {
	address := lock.Address(s)
	if address == "" {
		return fmt.Errorf("%s has no address that git takes", s.Redacted())
	}
	dir, err := repo.CacheDir()
	if err != nil {
		return err
	}
	m, err := (&repo.Cache{Dir: dir, Silence: remoteSilence}).Mirror(strings.TrimPrefix(address, "git::"))
	if err != nil {
		return err
	}
	if d.mirror != nil && d.mirror.URL() == m.URL() {
		return nil
	}
	d.mirror = m
	if d.offline {
		if d.refs, err = m.Known(ctx); err == nil && len(d.refs) == 0 {
			err = fmt.Errorf("no mirror of %s is in the cache\nhint: run it once without --offline", repo.RedactURL(address))
		}
		return err
	}
	bar := d.app.progress()
	defer bar.Done()
	step := bar.Step("ask " + repo.RedactURL(address))
	step(0, 1)
	d.refs, err = m.Refs(ctx)
	step(1, 1)
	return err
}

// short finds a commit by its first digits; that takes the history.
func (d *diffJob) short(ctx context.Context, digits string) (repo.Hash, error) {
	id, err := d.mirror.ResolveShort(ctx, digits)
	if err == nil || d.offline || !errors.Is(err, repo.ErrRevision) {
		return id, err
	}
	if head, ok := d.refs["HEAD"]; ok {
		if err := d.mirror.Ensure(ctx, repo.Want{Ref: "HEAD", Commit: head.Commit}); err != nil {
			return id, err
		}
	}
	return d.mirror.ResolveShort(ctx, digits)
}

// registryVersion opens a version of a registry module.
func (d *diffJob) registryVersion(ctx context.Context, rev string) (fs.FS, string, string, error) {
	s := d.target.source
	part := strings.Split(s.Repository, "/")
	if len(part) != 3 {
		return nil, "", "", fmt.Errorf("%s is no address of a registry module", s.Redacted())
	}
	if d.offline {
		return nil, "", "", fmt.Errorf("only its registry knows where %s is\nhint: run it without --offline", d.target.name)
	}
	client, err := registry.New(registry.Options{})
	if err != nil {
		return nil, "", "", err
	}
	versions, err := client.Versions(ctx, s.Host, part[0], part[1], part[2])
	if err != nil {
		return nil, "", "", err
	}
	version := ownTag(rev, []string{""}, versions)
	if version == "" {
		hint := "the registry lists no version of it"
		if near := nearestVersions(rev, versions); len(near) > 0 {
			hint = "the nearest versions: " + strings.Join(near, ", ")
		}
		return nil, "", "", fmt.Errorf("the registry %s has no version %q of %s\nhint: %s", s.Host, rev, d.target.name, hint)
	}
	address, err := client.Download(ctx, s.Host, part[0], part[1], part[2], version)
	if err != nil {
		return nil, "", "", err
	}
	if at, err := hclparse.ParseSource(address); err == nil && at.Kind == hclparse.KindGit {
		at.Subdir = path.Join(at.Subdir, s.Subdir)
		ref := at.Ref
		if ref == "" {
			ref = "HEAD"
		}
		fsys, dir, _, err := d.remoteVersion(ctx, at, ref, false)
		return fsys, dir, version, err
	}
	if !registry.IsArchive(address) {
		return nil, "", "", fmt.Errorf("the registry says that %s %s is at %q, which is neither git nor an archive", d.target.name, version, hclparse.Redact(address))
	}
	pkg, err := client.Archive(ctx, address)
	if err != nil {
		return nil, "", "", err
	}
	sub, err := registry.Subdir(pkg, address)
	if err != nil {
		return nil, "", "", err
	}
	return pkg, path.Join(sub, s.Subdir), version, nil
}
