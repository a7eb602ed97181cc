package release

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/changelog"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A candidate is a module, and what changed in it.
type candidate struct {
	dir     string
	history *History
	release *Release
	version *change.Version // at HEAD
	// changed says that its directory, or one that it calls, or a file that it
	// reads, is another one than in the last release; it is true of a module
	// without one.
	changed bool
	files   []outsideFile // that are others
}

// named are the directories that the user names.
func (c *Checkout) named(ctx context.Context, r Request) ([]string, error) {
	if r.All {
		return c.changed(ctx, r.Pre != "")
	}
	if len(r.Modules) > 0 {
		var dirs []string
		for _, name := range r.Modules {
			dir, err := c.directory(name)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
		return dirs, nil
	}
	_, released := c.all.History(c.at)
	if c.configured(c.at) && (released || !c.shared()) {
		return []string{c.at}, nil
	}
	if c.at != "." {
		return nil, errNoModule(c.at)
	}
	dirs, err := c.changed(ctx, r.Pre != "")
	if err != nil {
		return nil, err
	}
	what := "none that has a release has changed since"
	switch {
	case !c.shared():
		what = "none has a release yet"
	case len(dirs) > 0:
		what = "changed since their last releases: " + strings.Join(dirs, ", ")
	}
	return nil, fmt.Errorf("this repository has several modules: which one is to be released?\nhint: name its directory, or --all; %s", what)
}

// shared reports whether the repository's modules have tags of their own.
func (c *Checkout) shared() bool {
	return slices.ContainsFunc(c.all.Dirs, func(dir string) bool {
		_, ok := c.all.History(dir)
		return ok && dir != "."
	})
}

// changed are the modules that have a release, and another tree since.
func (c *Checkout) changed(ctx context.Context, pre bool) ([]string, error) {
	var out []string
	for _, dir := range c.all.Dirs {
		h, ok := c.all.History(dir)
		if !ok || h.Newest == nil {
			continue
		}
		m, err := c.open(ctx, dir, h, pre)
		if err != nil {
			return nil, err
		}
		if m.changed {
			out = append(out, dir)
		}
	}
	return out, nil
}

// history finds the releases of a module; of one without any it says how the
// first is spelled.
func (c *Checkout) history(dir string) (*History, error) {
	if h, ok := c.all.History(dir); ok {
		return h, nil
	}
	if dir == "." {
		return &History{}, nil
	}
	// The tags of the whole repository are its releases too, unless somebody
	// says otherwise.
	if whole, ok := c.all.History("."); ok && whole.Newest != nil && !c.cfg.OwnTags && !c.shared() {
		return nil, fmt.Errorf("%s is released with the whole repository (%s), and has no tags of its own\nhint: name no module; for tags of its own: modules { tag = \"${name}/v${version}\" } in %s", dir, whole.Newest.Name, c.cfg.File)
	}
	return &History{}, nil
}

// open reads a module at HEAD, and compares its tree with the last release's.
func (c *Checkout) open(ctx context.Context, dir string, h *History, pre bool) (*candidate, error) {
	m := &candidate{dir: dir, history: h, changed: true, release: &Release{Name: c.shown(dir), Dir: dir, Level: change.None}}
	v, tree, err := c.load(ctx, c.Head.ID, dir, "HEAD")
	if err != nil {
		return nil, err
	}
	if len(v.Modules) == 0 {
		return nil, fmt.Errorf("%s holds no Terraform configuration at HEAD", m.release.Name)
	}
	m.version = v
	m.release.Previous = h.Base(false)
	base := h.Base(pre)
	if base == nil {
		return m, nil
	}
	dirs, files := reach(v, dir), filesOf(v, tree, dir)
	paths := slices.Clone(dirs)
	for _, f := range files {
		paths = append(paths, f.path)
	}
	before, err := repo.IDsAt(ctx, c.rd, c.roots[base.Commit], paths)
	if err != nil {
		return nil, err
	}
	// The final release is another one than its pre-release, be they the same.
	m.changed = !pre && h.Final == nil
	for _, d := range dirs {
		now, ok := tree.Tree(d)
		m.changed = m.changed || !ok || now != before[d]
	}
	m.files = slices.DeleteFunc(files, func(f outsideFile) bool {
		now, is := tree.ID(f.path)
		was, ok := before[f.path]
		return now == was && is == ok
	})
	m.changed = m.changed || len(m.files) > 0
	return m, nil
}

// An outsideFile is a file or a directory of files that a module reads, and
// that is in none of its directories.
type outsideFile struct {
	path string
	file string // that reads it; a symlink to it has no line
	line int
}

// filesOf are the files that a version of a module reads outside of its
// directories, by path.module or through a symlink.
func filesOf(v *change.Version, tree *repo.TreeFS, dir string) []outsideFile {
	dirs := reach(v, dir)
	var out []outsideFile
	seen := map[string]bool{}
	add := func(f outsideFile) {
		if !seen[f.path] && !slices.ContainsFunc(dirs, func(d string) bool { return modules.Within(f.path, d) }) {
			seen[f.path] = true
			out = append(out, f)
		}
	}
	for _, rel := range slices.Sorted(maps.Keys(v.Modules)) {
		for _, r := range modules.Outside(v.Modules[rel]) {
			add(outsideFile{r.Place(), r.File, r.Line})
		}
	}
	for _, e := range tree.Entries() {
		if e.Target == "" || path.IsAbs(e.Target) || !slices.ContainsFunc(dirs, func(d string) bool { return modules.Within(e.Path, d) }) {
			continue
		}
		if to := path.Join(path.Dir(e.Path), e.Target); to != ".." && !strings.HasPrefix(to, "../") {
			add(outsideFile{path: to, file: e.Path})
		}
	}
	slices.SortFunc(out, func(a, b outsideFile) int { return cmp.Compare(a.path, b.path) })
	return out
}

// reach are the directories that a version of a module consists of: its own,
// and those that it calls outside.
func reach(v *change.Version, dir string) []string {
	out := []string{dir}
	for rel := range v.Modules {
		if rel == ".." || strings.HasPrefix(rel, "../") {
			out = append(out, path.Join(dir, rel))
		}
	}
	slices.Sort(out)
	return out
}

// owner is the module with releases that a directory is part of, "" for none.
func (c *Checkout) owner(dir string) string {
	for d := dir; ; d = path.Dir(d) {
		if slices.Contains(c.all.Dirs, d) {
			if _, ok := c.all.History(d); ok {
				return d
			}
		}
		if d == "." {
			return ""
		}
	}
}

// judge finds out what changed since the last release, and what the commits
// say.
func (c *Checkout) judge(ctx context.Context, m *candidate) error {
	base := m.release.Previous
	if base == nil {
		return nil
	}
	was, err := c.was(ctx, base, m.dir)
	if err != nil {
		return err
	}
	old, _, err := c.load(ctx, base.Commit, was, base.Name)
	if err != nil {
		return err
	}
	// What the commits say of another module is for that one's releases.
	dirs := slices.DeleteFunc(append(reach(m.version, m.dir), reach(old, was)...), func(dir string) bool {
		owner := c.owner(dir)
		return owner != "" && !modules.Within(owner, m.dir) && !modules.Within(m.dir, owner)
	})
	for _, f := range m.files {
		dirs = append(dirs, f.path)
	}
	slices.Sort(dirs)
	entries, err := changelog.Between(ctx, c.rd, base.Commit, c.Head.ID, slices.Compact(dirs)...)
	if err != nil {
		return err
	}
	m.release.Judge(change.Versions(old, m.version), entries)
	if was != m.dir {
		m.release.Add(Reason{Level: change.Major, Source: FromChange, Summary: fmt.Sprintf("it was moved from %s to %s, which calls by its directory do not find", was, m.dir)})
	}
	for _, f := range m.files {
		m.release.Add(Reason{Level: change.Patch, Source: FromFiles, Summary: "it reads " + f.path + ", which changed", File: f.file, Line: f.line})
	}
	return nil
}

// was is the directory that a module had in a release: the one that it has, or
// where there was no configuration the only one that could have had the tag.
func (c *Checkout) was(ctx context.Context, t *Tag, dir string) (string, error) {
	tree, err := c.tree(ctx, t.Commit)
	if err != nil {
		return "", err
	}
	best, rank := []string(nil), 1<<30
	seen := map[string]bool{}
	for _, e := range tree.Entries() {
		d := path.Dir(e.Path)
		if !isConfig(e.Path) || seen[d] {
			continue
		}
		if seen[d] = true; d == dir {
			return dir, nil
		}
		i := slices.Index(c.all.Prefixes(d), t.Prefix)
		if i < 0 || i > rank || d == "." {
			continue
		}
		if i < rank {
			best, rank = nil, i
		}
		best = append(best, d)
	}
	if len(best) != 1 || dir == "." {
		return dir, nil
	}
	return best[0], nil
}

// choose gives the release its version and its tag.
func (c *Checkout) choose(m *candidate, w Wish) error {
	if m.history.Newest == nil && len(m.history.Tags) > 0 && w.Version == nil {
		last := m.history.Tags[len(m.history.Tags)-1]
		return fmt.Errorf("%s has releases, %s the highest, but none is in the history of HEAD\nhint: check out the branch that has it; --to names a version all the same", m.release.Name, last.Name)
	}
	v, err := Next(m.history, m.release.Level, w)
	if err != nil {
		return fmt.Errorf("%s: %w", m.release.Name, err)
	}
	m.release.Version = v
	if m.release.Tag, err = c.spell(m, v); err != nil {
		return err
	}
	if slices.ContainsFunc(c.raw, func(t repo.Tag) bool { return t.Name == m.release.Tag }) {
		return fmt.Errorf("%s: %s %w\nhint: no tag is moved: give a higher version with --to", m.release.Name, m.release.Tag, ErrExists)
	}
	return nil
}

// spell is the tag of a version.
func (c *Checkout) spell(m *candidate, v *semver.Version) (string, error) {
	if len(m.history.Tags) > 0 {
		return m.history.Spelled(v), nil
	}
	name := c.all.Names[m.dir]
	if m.dir == "." || name == "" {
		name = cmp.Or(c.all.Names["."], "module")
		if m.dir != "." {
			name = strings.ReplaceAll(m.dir, "/", "-")
		}
	}
	tag, err := c.cfg.Tag(name, v.String())
	if err != nil {
		return "", err
	}
	// Without a word in the configuration a directory's tags are not those of the
	// whole repository.
	if m.dir != "." && !c.cfg.OwnTags {
		tag = name + "/" + tag
	}
	return tag, nil
}
