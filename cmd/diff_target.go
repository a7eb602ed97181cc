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
// that are no stacks, and modules that it calls. known are all of their names.
func (d *diffJob) called(name string) (found []diffTarget, known []string) {
	byID := map[string]*diffTarget{}
	var ids []string
	for _, c := range d.calls {
		s := c.source
		id := modules.Identity(s)
		if id == "" || d.own[modules.RepositoryIdentity(s)] {
			continue // this repository is known by its directories
		}
		t := byID[id]
		if t == nil {
			t = &diffTarget{name: id, source: s}
			byID[id] = t
			ids = append(ids, id)
		}
		if r, ok := modules.ParseRelease(s.Ref); ok && !slices.Contains(t.prefixes, r.Prefix) {
			t.prefixes = append(t.prefixes, r.Prefix)
		}
	}
	slices.Sort(ids)
	whole := ""
	if s, err := hclparse.ParseSource(name); err == nil {
		whole = modules.Identity(s)
	}
	plain, _, _ := strings.Cut(name, "?")
	var strong, weak, weaker []diffTarget
	for _, id := range ids {
		t := byID[id]
		known = append(known, id)
		switch base := moduleName(t.source); {
		case id == whole || id == plain || strings.TrimPrefix(id, "registry.terraform.io/") == plain:
			strong = append(strong, *t)
		case base == plain:
			weak = append(weak, *t)
		case registryName(base) == plain:
			weaker = append(weaker, *t)
		}
	}
	for _, dir := range d.graph.Sorted() {
		switch dir.Role {
		case modules.RoleModule, modules.RolePrivate, modules.RoleOrphan:
			known = append(known, dir.Path)
			if path.Base(dir.Path) == plain {
				weak = append(weak, diffTarget{name: dir.Path, local: true, dir: dir.Path})
			}
		}
	}
	for _, found := range [][]diffTarget{strong, weak, weaker} {
		if len(found) > 0 {
			return found, known
		}
	}
	return nil, known
}

// moduleName is what people call a module: the last part of its subdirectory
// or else of its repository, or a registry module's name, with //sub.
func moduleName(s hclparse.Source) string {
	if s.Kind == hclparse.KindRegistry {
		if part := strings.Split(s.Repository, "/"); len(part) == 3 {
			if s.Subdir != "" {
				return part[1] + "//" + s.Subdir
			}
			return part[1]
		}
	}
	if s.Subdir != "" {
		return path.Base(s.Subdir)
	}
	return strings.TrimSuffix(path.Base(s.Repository), ".git")
}

// registryName is the NAME of a repository called terraform-PROVIDER-NAME, as
// registries want it.
func registryName(base string) string {
	if part := strings.SplitN(base, "-", 3); len(part) == 3 && part[0] == "terraform" {
		return part[2]
	}
	return base
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
