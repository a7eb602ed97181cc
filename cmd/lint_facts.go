package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split"
)

// lintFacts are what lint knows beside the files that it judges.
type lintFacts struct {
	lock   *lock.File
	refs   map[string]map[string]repo.Ref
	since  func(*lock.Entry) string
	copies map[string]lint.Copy
	errors []string // what could not be asked
	today  time.Time
}

// gatherFacts reads the lock file and the list of copies, and asks the
// remotes where that was wanted.
func (l *lintRun) gatherFacts(ctx context.Context) error {
	l.facts.today = time.Now().UTC()
	if err := l.knowLock(ctx); err != nil {
		return err
	}
	if err := l.readCopies(); err != nil {
		return err
	}
	if l.o.remote {
		return l.askRemotes(ctx)
	}
	return nil
}

// knowLock reads the lock file, where there is one, and says since when it has
// what it has.
func (l *lintRun) knowLock(ctx context.Context) error {
	file, err := l.readLock(l.cfg.Root)
	if file == nil || err != nil {
		return err
	}
	l.facts.lock = file
	l.facts.since = func(e *lock.Entry) string {
		r, err := repo.Open(ctx, l.root)
		if r == nil || err != nil && !errors.Is(err, repo.ErrShallow) {
			return ""
		}
		since, err := lock.SinceOf(ctx, r, l.cfg.Root, e)
		switch {
		case since == nil || err != nil:
			return ""
		case since.Commit == "":
			return "not committed yet"
		case since.AtLeast:
			return fmt.Sprintf("at least since %s", day(since.When))
		}
		return fmt.Sprintf("since %s (commit %.12s)", day(since.When), since.Commit)
	}
	return nil
}

func day(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.DateOnly) }

// readCopies takes from split.json which files of this repository are copies.
func (l *lintRun) readCopies() error {
	file := l.cfg.Lint.Split
	if file == "" {
		return nil
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(l.cfg.Root, filepath.FromSlash(file))
	}
	doc, err := split.ReadDocument(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("the rule copied-file-differs: %w", err)
	}
	l.facts.copies = map[string]lint.Copy{}
	found := false
	var names []string
	take := func(repository, root string, copies []split.Copy) {
		names = append(names, repository)
		if repository != l.cfg.Lint.Repository {
			return
		}
		found = true
		for _, c := range copies {
			p := strings.TrimPrefix(strings.TrimPrefix(c.Path, root), "/")
			if root == "." {
				p = c.Path
			}
			l.facts.copies[p] = lint.Copy{Owner: c.Owner, Digest: c.Digest}
		}
	}
	for _, p := range doc.Packages {
		take(p.Repository, p.Root, p.Copies)
	}
	for _, live := range doc.Live {
		take(live.Repository, live.Root, live.Copies)
	}
	if !found {
		return fmt.Errorf("the rule copied-file-differs: %s has no repository %q\nhint: it has %s", l.cfg.Lint.Split, l.cfg.Lint.Repository, list(names))
	}
	return nil
}

// maxAsked is how many remotes are asked at once.
const maxAsked = 8

// askRemotes asks each repository that a call names, once. One that does not
// answer is an error of the run, and the rest is judged nevertheless.
func (l *lintRun) askRemotes(ctx context.Context) error {
	dir, err := repo.CacheDir()
	if err != nil {
		return err
	}
	cache := &repo.Cache{Dir: dir, Silence: time.Minute}
	addresses := map[string]bool{}
	for _, c := range lint.Calls(l.load(l.fsys)) {
		if c.Known && c.Source.Kind == hclparse.KindGit {
			addresses[lock.Address(c.Source)] = true
		}
	}
	for _, address := range l.packageAddresses() {
		addresses[address] = true
	}
	delete(addresses, "")
	bar := l.progress()
	defer bar.Done()
	step, done := bar.Step("ask remotes"), 0
	l.facts.refs = map[string]map[string]repo.Ref{}
	var mu sync.Mutex
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(maxAsked)
	for _, address := range sorted(addresses) {
		group.Go(func() error {
			refs, err := askRemote(inner, cache, address)
			mu.Lock()
			defer mu.Unlock()
			done++
			step(done, len(addresses))
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil:
				text, _, _ := strings.Cut(err.Error(), "\nhint: ")
				if url := repo.RedactURL(strings.TrimPrefix(address, "git::")); !strings.HasPrefix(text, url+": ") {
					text = url + ": " + text
				}
				l.facts.errors = append(l.facts.errors, text)
			default:
				l.facts.refs[address] = refs
			}
			return nil
		})
	}
	err = group.Wait()
	sort.Strings(l.facts.errors)
	return err
}

func askRemote(ctx context.Context, cache *repo.Cache, address string) (map[string]repo.Ref, error) {
	m, err := cache.Mirror(strings.TrimPrefix(address, "git::"))
	if err != nil {
		return nil, err
	}
	return m.Refs(ctx)
}

// below makes paths of the command line relative to root, with slashes. nil
// for none: everything. One that is a symlink stands for itself and for what it
// leads to, which is where findings are.
func (a *app) below(root string, paths []string) ([]string, error) {
	realRoot, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range paths {
		abs := p
		if !filepath.IsAbs(p) {
			abs = filepath.Join(a.chdir, p)
		}
		abs, err := filepath.Abs(abs)
		if err != nil {
			return nil, err
		}
		target, err := filepath.EvalSymlinks(abs)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", p, reason(err))
		}
		rel, inside := within(realRoot, target)
		if !inside {
			return nil, fmt.Errorf("%s is outside of %s\nhint: -C names the repository", p, root)
		}
		out = append(out, rel)
		if link, inside := within(root, abs); inside && link != rel {
			out = append(out, link)
		}
	}
	return out, nil
}

// changedSince is the set of paths that differ from rev; nil where rev is "".
func (a *app) changedSince(ctx context.Context, root, rev string) (map[string]bool, error) {
	if rev == "" {
		return nil, nil
	}
	r, err := repo.Open(ctx, root)
	if err != nil && !errors.Is(err, repo.ErrShallow) {
		return nil, fmt.Errorf("--changed-since: %w", err)
	}
	paths, err := r.ChangedSince(ctx, rev)
	if err != nil {
		return nil, fmt.Errorf("--changed-since: %w", err)
	}
	// A .git that is none leaves git with a repository above.
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, fmt.Errorf("--changed-since: %w", err)
	}
	changed := map[string]bool{}
	for _, p := range paths {
		switch p, inside := within(real, filepath.Join(r.Root, filepath.FromSlash(p))); {
		case inside:
			changed[p] = true
		case modules.Within(filepath.ToSlash(real), filepath.ToSlash(filepath.Join(r.Root, p))):
			changed["."] = true // a repository that git does not look into, and root is in it
		}
	}
	return changed, nil
}

// files are the bytes of the files that have findings, for snippets.
func (l *lintRun) files() map[string]*hcl.File {
	out := map[string]*hcl.File{}
	for _, f := range l.found {
		out[f.Range.Filename] = nil
		for _, r := range f.Related {
			out[r.Range.Filename] = nil
		}
	}
	for _, m := range l.in.Graph.Tree.Modules {
		for _, f := range m.Files {
			if _, wanted := out[f.Path]; wanted && f.Bytes != nil {
				out[f.Path] = &hcl.File{Bytes: f.Bytes}
			}
		}
	}
	for p, f := range out {
		if f == nil {
			delete(out, p)
			if data, err := fs.ReadFile(l.in.Graph.Tree.FS, p); err == nil {
				out[p] = &hcl.File{Bytes: data}
			}
		}
	}
	return out
}

// A release is a module's repository as its callers name it, and its tags'
// prefix.
type release struct{ source, prefix string }

// planned says for each module's directory which repository it has after a
// split, as the configuration has it. It loads the whole tree, and is asked
// only where a relative call could be pinned.
func (l *lintRun) planned() map[string]release {
	if l.releases != nil {
		return l.releases
	}
	l.releases = map[string]release{}
	if !l.cfg.Modules.Configured() {
		return l.releases
	}
	plan, diags := split.NewPlan(&repo.Commit{}, modules.Load(l.fsys, l.cfg.roleOf), l.cfg.splitConfig(splitOptions{}))
	if diags.HasErrors() {
		return l.releases
	}
	for _, p := range plan.Packages {
		tags := map[string]string{}
		for _, t := range p.Tags {
			tags[t.Path] = t.Tag
		}
		for _, dir := range p.Modules {
			tag := p.Tag
			if t := tags[dir]; t != "" {
				tag = t
			}
			r, ok := modules.ParseRelease(tag)
			if !ok {
				continue
			}
			source := p.Source
			if rel, err := filepath.Rel(filepath.FromSlash(p.Root), filepath.FromSlash(dir)); err == nil && rel != "." {
				source += "//" + path.Clean(filepath.ToSlash(rel))
			}
			l.releases[dir] = release{source, r.Prefix}
		}
	}
	return l.releases
}

// packageAddresses are the addresses of all packages.
func (l *lintRun) packageAddresses() []string {
	var out []string
	for _, r := range l.planned() {
		if s, err := hclparse.ParseSource(r.source); err == nil {
			out = append(out, lock.Address(s))
		}
	}
	return out
}

// pinned is the source of the newest release of a module, as far as the lock
// or a remote knows one. Pre-releases are left out.
func (l *lintRun) pinned(dir string) (string, bool) {
	if l.facts.lock == nil && l.facts.refs == nil {
		return "", false
	}
	r, ok := l.planned()[dir]
	if !ok {
		return "", false
	}
	s, err := hclparse.ParseSource(r.source)
	if err != nil {
		return "", false
	}
	address, newest, tag := lock.Address(s), (*modules.Release)(nil), ""
	consider := func(ref string) {
		if v, ok := modules.ParseRelease(ref); ok && v.Prefix == r.prefix && v.Version.Prerelease() == "" &&
			(newest == nil || v.Version.GreaterThan(newest.Version) || v.Version.Equal(newest.Version) && ref < tag) {
			newest, tag = &v, ref
		}
	}
	for ref := range l.facts.refs[address] {
		if name, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
			consider(name)
		}
	}
	if l.facts.lock != nil {
		for _, e := range l.facts.lock.Entries {
			if e.Address == address && e.Kind == lock.KindTag {
				consider(strings.TrimPrefix(e.Ref, "refs/tags/"))
			}
		}
	}
	if newest == nil {
		return "", false
	}
	if s, err = s.WithRef(tag); err != nil {
		return "", false
	}
	return s.String(), true
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
