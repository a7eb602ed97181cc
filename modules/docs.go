package modules

import (
	"path"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

// DocTarget returns the directory of a package's module that a source in a
// Markdown file shows, "" where it is none, or where it cannot be told which. A
// path is looked up from the file and, since a usage block stands for a caller
// somewhere else, by its last segments, of which two or more have to name
// exactly one module. own are the addresses of the monorepo itself, for
// sources that name it with //sub. What leads to a place inside the file's own
// package without leaving it stays right, and is "" too.
func (b *Borders) DocTarget(file string, s hclparse.Source, own []hclparse.Source) string {
	switch {
	case s.Kind == hclparse.KindLocal:
		dir := path.Dir(file)
		if p, ok := b.g.Follow(path.Join(dir, s.Path)); ok && b.isModule(p) {
			if pkg := b.Of(p); pkg == b.Of(dir) && !leaves(dir, s.Path, pkg) {
				return ""
			}
			return p
		}
		return b.bySegments(s.Path)
	case s.Kind == hclparse.KindGit && s.Subdir != "":
		for _, o := range own {
			if o.Host == s.Host && strings.EqualFold(strings.TrimSuffix(o.Repository, ".git"), strings.TrimSuffix(s.Repository, ".git")) && b.isModule(s.Subdir) {
				return s.Subdir
			}
		}
	}
	return ""
}

// isModule reports whether the directory holds Terraform and is in a package.
func (b *Borders) isModule(p string) bool {
	d := b.g.Dirs[p]
	return d != nil && hasTerraform(d.Config) && b.Of(p) != ""
}

func (b *Borders) bySegments(p string) string {
	var segments []string
	for _, s := range strings.Split(p, "/") {
		if s != "." && s != ".." {
			segments = append(segments, s)
		}
	}
	if len(segments) < 2 {
		return ""
	}
	found := ""
	for _, p := range b.named(segments[len(segments)-1]) {
		at := strings.Split(p, "/")
		if len(at) < 2 || !endsAlike(at, segments) {
			continue
		}
		if found != "" {
			return ""
		}
		found = p
	}
	return found
}

// named returns the packages' modules with this base name, sorted.
func (b *Borders) named(base string) []string {
	if b.byBase == nil {
		b.byBase = map[string][]string{}
		for _, d := range b.g.Sorted() {
			if b.isModule(d.Path) {
				b.byBase[path.Base(d.Path)] = append(b.byBase[path.Base(d.Path)], d.Path)
			}
		}
	}
	return b.byBase[base]
}
