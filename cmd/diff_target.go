package cmd

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A diffTarget is the module that a diff is of.
type diffTarget struct {
	name string // to show
	// local says that it is the directory dir of this repository, relative to
	// its root.
	local bool
	dir   string
	// source is where it is called from, else.
	source hclparse.Source
	// prefixes are those of tags that callers use.
	prefixes []string
}

// findModule finds the module that the user names.
func (d *diffJob) findModule(ctx context.Context, o diffOptions) error {
	name := o.module
	if dir, ok := d.below(name); ok && (isPath(name) || d.graph.Dirs[dir] != nil) {
		d.target = diffTarget{name: shownDir(dir, d.name), local: true, dir: dir}
		return nil
	}
	if isPath(name) {
		return fmt.Errorf("%s is outside of this repository\nhint: -C names the repository of the module", name)
	}
	found, known := d.called(name)
	switch len(found) {
	case 1:
		d.target = found[0]
		return nil
	case 0:
	default:
		var all []string
		for _, t := range found {
			all = append(all, t.name)
		}
		slices.Sort(all)
		return fmt.Errorf("%q names %d modules: %s\nhint: name one of them in full", hclparse.Redact(name), len(all), strings.Join(all, ", "))
	}
	// A directory that is there in a revision only.
	if dir, ok := d.below(name); ok && d.repo != nil && !isDirectory(o.old) {
		if tree, _, err := d.at(ctx, dir, o.old); err == nil {
			defer tree.Close()
			if _, ok := tree.Tree(dir); ok {
				d.target = diffTarget{name: dir, local: true, dir: dir}
				return nil
			}
		}
	}
	if s, err := hclparse.ParseSource(name); err == nil && d.own[modules.RepositoryIdentity(s)] {
		dir := path.Clean("./" + s.Subdir)
		d.target = diffTarget{name: shownDir(dir, d.name), local: true, dir: dir}
		return nil
	}
	if s, err := hclparse.ParseSource(name); err == nil && (s.Kind == hclparse.KindGit || s.Kind == hclparse.KindRegistry) && (s.Kind == hclparse.KindGit || strings.Count(name, "/") >= 2) {
		d.target = diffTarget{name: modules.Identity(s), source: s}
		return nil
	}
	return unknownDiffModule(name, known)
}

func unknownDiffModule(name string, known []string) error {
	hint := "`terrier scan` lists the modules of this repository"
	if near := fetch.Nearest(name, known, func(s string) []string { return []string{s, path.Base(s)} }); len(near) > 0 {
		hint = "the nearest: " + strings.Join(near, ", ")
	}
	return fmt.Errorf("no directory and no call of this repository is a module %q\nhint: %s", hclparse.Redact(name), hint)
}

// isPath reports whether a word of the command line can only be a path.
func isPath(word string) bool {
	return word == "." || word == ".." || strings.HasPrefix(word, "./") || strings.HasPrefix(word, "../") || filepath.IsAbs(word)
}

// isDirectory reports whether OLD or NEW is a directory, and no revision.
func isDirectory(word string) bool { return isPath(word) }

func shownDir(dir, root string) string {
	if dir == "." {
		return root
	}
	return dir
}

// below makes a path of the command line relative to the root, with slashes.
func (d *diffJob) below(name string) (string, bool) {
	abs := name
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(d.app.chdir, name)
	}
	abs, err := filepath.Abs(abs)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(d.root, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// called finds the modules that a name means: directories of the repository
// that are no stacks, and modules that it calls, by the names that versions
// gives them. known are all of their names.
func (d *diffJob) called(name string) (found []diffTarget, known []string) {
	var sources []hclparse.Source
	for _, c := range d.calls {
		if !d.own[modules.RepositoryIdentity(c.source)] { // this repository is known by its directories
			sources = append(sources, c.source)
		}
	}
	set, of := versions.SetOf(sources)
	whole := ""
	if s, err := hclparse.ParseSource(name); err == nil {
		whole = modules.Identity(s)
	}
	plain, _, _ := strings.Cut(name, "?")
	named := set.Named(name)
	var address, own, all []*versions.Module
	for _, m := range set.Modules {
		id := modules.Identity(of[m])
		if !slices.Contains(known, id) {
			known = append(known, id)
		}
		switch {
		case id == whole || id == plain || m.ID == plain:
			address = append(address, m)
		case m.Called(name):
			own = append(own, m)
		case slices.Contains(named, m):
			all = append(all, m)
		}
	}
	slices.Sort(known)
	var dirs []diffTarget
	for _, dir := range d.graph.Sorted() {
		switch dir.Role {
		case modules.RoleModule, modules.RolePrivate, modules.RoleOrphan:
			known = append(known, dir.Path)
			if path.Base(dir.Path) == plain {
				dirs = append(dirs, diffTarget{name: dir.Path, local: true, dir: dir.Path})
			}
		}
	}
	for _, found := range [][]diffTarget{
		d.targets(address, of, sources), append(d.targets(own, of, sources), dirs...), d.targets(all, of, sources),
	} {
		if len(found) > 0 {
			return found, known
		}
	}
	return nil, known
}

// targets are modules as a diff reads them. Those of one repository's root,
// which differ by their tags, are one.
func (d *diffJob) targets(found []*versions.Module, of map[*versions.Module]hclparse.Source, sources []hclparse.Source) []diffTarget {
	byID := map[string]int{}
	var out []diffTarget
	for _, m := range found {
		id := modules.Identity(of[m])
		i, ok := byID[id]
		if !ok {
			i = len(out)
			byID[id] = i
			out = append(out, diffTarget{name: id, source: of[m]})
		}
		t := &out[i]
		add := func(prefix string) {
			if !slices.Contains(t.prefixes, prefix) {
				t.prefixes = append(t.prefixes, prefix)
			}
		}
		if m.Prefix != "" {
			add(m.Prefix)
			continue
		}
		for _, s := range sources {
			if r, ok := modules.ParseRelease(s.Ref); ok && modules.Identity(s) == id && (m.Subdir != "" || slices.Contains(modules.TagPrefixes(s.Repository, ""), r.Prefix)) {
				add(r.Prefix)
			}
		}
	}
	return out
}

// ownSources are the identities of this repository, by its remotes.
func ownSources(ctx context.Context, r *repo.Repo) map[string]bool {
	out := map[string]bool{}
	if r == nil {
		return out
	}
	urls, err := r.Remotes(ctx)
	if err != nil {
		return out
	}
	for _, u := range urls {
		for _, form := range []string{u, "git::" + u} {
			if s, err := hclparse.ParseSource(form); err == nil && s.Kind == hclparse.KindGit {
				out[modules.RepositoryIdentity(s)] = true
				break
			}
		}
	}
	delete(out, "")
	return out
}
