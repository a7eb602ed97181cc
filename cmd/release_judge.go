package cmd

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/changelog"
	"github.com/terrier-iac/terrier/modules/release"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A judged is a module, and what changed in it.
type judged struct {
	dir     string
	history *release.History
	release *release.Release
	version *change.Version // at HEAD
	// changed says that its directory, or one that it calls, is another tree
	// than in the last release; it is true of a module without one.
	changed bool
}

// named are the directories that the user names.
func (j *releaseJob) named(ctx context.Context) ([]string, error) {
	if j.o.all {
		return j.changed(ctx)
	}
	if len(j.o.modules) > 0 {
		var dirs []string
		for _, name := range j.o.modules {
			dir, err := j.directory(name)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
		return dirs, nil
	}
	_, released := j.all.History(j.at)
	if j.configured(j.at) && (released || !j.shared()) {
		return []string{j.at}, nil
	}
	if j.at != "." {
		return nil, fmt.Errorf("%s is no module\nhint: name the module's directory", j.at)
	}
	dirs, err := j.changed(ctx)
	if err != nil {
		return nil, err
	}
	what := "none that has a release has changed since"
	switch {
	case !j.shared():
		what = "none has a release yet"
	case len(dirs) > 0:
		what = "changed since their last releases: " + strings.Join(dirs, ", ")
	}
	return nil, fmt.Errorf("this repository has several modules: which one is to be released?\nhint: name its directory, or --all; %s", what)
}

// shared reports whether the repository's modules have tags of their own.
func (j *releaseJob) shared() bool {
	return slices.ContainsFunc(j.all.Dirs, func(dir string) bool {
		_, ok := j.all.History(dir)
		return ok && dir != "."
	})
}

// changed are the modules that have a release, and another tree since.
func (j *releaseJob) changed(ctx context.Context) ([]string, error) {
	var out []string
	for _, dir := range j.all.Dirs {
		h, ok := j.all.History(dir)
		if !ok || h.Newest == nil {
			continue
		}
		m, err := j.open(ctx, dir, h)
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
func (j *releaseJob) history(dir string) (*release.History, error) {
	if h, ok := j.all.History(dir); ok {
		return h, nil
	}
	if dir == "." {
		return &release.History{}, nil
	}
	// The tags of the whole repository are its releases too, unless somebody
	// says otherwise.
	if whole, ok := j.all.History("."); ok && whole.Newest != nil && j.cfg.Modules.tag == nil && j.cfg.Modules.Layout == LayoutPerModule && !j.shared() {
		return nil, fmt.Errorf("%s is released with the whole repository (%s), and has no tags of its own\nhint: name no module; for tags of its own: modules { tag = \"${name}/v${version}\" } in %s", dir, whole.Newest.Name, configName)
	}
	return &release.History{}, nil
}

// open reads a module at HEAD, and compares its tree with the last release's.
func (j *releaseJob) open(ctx context.Context, dir string, h *release.History) (*judged, error) {
	m := &judged{dir: dir, history: h, changed: true, release: &release.Release{Name: shownDir(dir, j.name), Dir: dir, Level: change.None}}
	v, tree, err := j.load(ctx, j.head.ID, dir, "HEAD")
	if err != nil {
		return nil, err
	}
	if len(v.Modules) == 0 {
		return nil, fmt.Errorf("%s holds no Terraform configuration at HEAD", m.release.Name)
	}
	m.version = v
	m.release.Previous = h.Base(false)
	base := h.Base(j.o.pre != "")
	if base == nil {
		return m, nil
	}
	before, err := j.tree(ctx, base.Commit)
	if err != nil {
		return nil, err
	}
	m.changed = false
	for _, d := range reach(v, dir) {
		a, _ := before.Tree(d)
		b, ok := tree.Tree(d)
		if a != b || !ok {
			m.changed = true
		}
	}
	return m, nil
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
func (j *releaseJob) owner(dir string) string {
	for d := dir; ; d = path.Dir(d) {
		if slices.Contains(j.all.Dirs, d) {
			if _, ok := j.all.History(d); ok {
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
func (j *releaseJob) judge(ctx context.Context, m *judged) error {
	base := m.release.Previous
	if base == nil {
		return nil
	}
	old, _, err := j.load(ctx, base.Commit, m.dir, base.Name)
	if err != nil {
		return err
	}
	// What the commits say of another module is for that one's releases.
	dirs := slices.DeleteFunc(append(reach(m.version, m.dir), reach(old, m.dir)...), func(dir string) bool {
		owner := j.owner(dir)
		return owner != "" && !modules.Within(owner, m.dir) && !modules.Within(m.dir, owner)
	})
	slices.Sort(dirs)
	entries, err := changelog.Between(ctx, j.rd, base.Commit, j.head.ID, slices.Compact(dirs)...)
	if err != nil {
		return err
	}
	m.release.Judge(change.Versions(old, m.version), entries)
	return nil
}

// choose gives the release its version and its tag.
func (j *releaseJob) choose(m *judged, w release.Wish) error {
	first, err := semver.StrictNewVersion(j.cfg.Modules.Version)
	if err != nil {
		return err
	}
	w.First = first
	if m.history.Newest == nil && len(m.history.Tags) > 0 && w.Version == nil {
		last := m.history.Tags[len(m.history.Tags)-1]
		return fmt.Errorf("%s has releases, %s the highest, but none is in the history of HEAD\nhint: check out the branch that has it; --to names a version all the same", m.release.Name, last.Name)
	}
	v, err := release.Next(m.history, m.release.Level, w)
	if err != nil {
		return fmt.Errorf("%s: %w", m.release.Name, err)
	}
	m.release.Version = v
	if m.release.Tag, err = j.spell(m, v); err != nil {
		return err
	}
	if slices.ContainsFunc(j.raw, func(t repo.Tag) bool { return t.Name == m.release.Tag }) {
		return fmt.Errorf("%s: %s %w\nhint: no tag is moved: give a higher version with --to", m.release.Name, m.release.Tag, release.ErrExists)
	}
	return nil
}

// spell is the tag of a version.
func (j *releaseJob) spell(m *judged, v *semver.Version) (string, error) {
	if len(m.history.Tags) > 0 {
		return m.history.Spelled(v), nil
	}
	name := j.all.Names[m.dir]
	if m.dir == "." || name == "" {
		name = cmpOr(j.all.Names["."], "module")
		if m.dir != "." {
			name = strings.ReplaceAll(m.dir, "/", "-")
		}
	}
	tag, err := j.cfg.Modules.TagFor(name, v.String())
	if err != nil {
		return "", err
	}
	// Without a word in the configuration a directory's tags are not those of the
	// whole repository.
	if m.dir != "." && j.cfg.Modules.tag == nil && j.cfg.Modules.Layout == LayoutPerModule {
		tag = name + "/" + tag
	}
	return tag, nil
}

// wish is what the user asks for; of dependents nothing.
func (j *releaseJob) wish(asked bool) release.Wish {
	if !asked {
		return release.Wish{}
	}
	return release.Wish{Level: change.Level(j.o.level), Version: j.o.version, Pre: j.o.pre}
}

// skip notes a module that is not released.
func (j *releaseJob) skip(to *[]report.ReleaseSkipped, dir, reason string) {
	*to = append(*to, report.ReleaseSkipped{Module: shownDir(dir, j.name), Directory: dir, Reason: reason})
}
