package modules

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

// pathHazards names what cannot be shown to be equal after a split about the
// paths in expressions: values made of path.module, what cannot be evaluated,
// and what is not in the repository. Paths that lead out of a package are for
// its closure to serve.
func (g *Graph) pathHazards(b *Borders) []Hazard {
	var out []Hazard
	for _, s := range g.sights() {
		if !s.guess {
			if h, ok := g.pathHazard(b, s); ok {
				out = append(out, h)
			}
		}
	}
	for _, d := range g.Sorted() {
		for _, f := range d.Config.Files {
			if f.Syntax == hclparse.Terragrunt {
				out = append(out, terragruntPaths(d, f)...)
			}
		}
	}
	return out
}

func (g *Graph) pathHazard(b *Borders, s sight) (Hazard, bool) {
	named := func(id string, sev Severity, format string, args ...any) (Hazard, bool) {
		return Hazard{ID: id, Severity: sev, File: s.file, Line: s.line, Dir: s.dir.Path, Summary: s.expr + " " + fmt.Sprintf(format, args...), Unproved: sev == Warn}, true
	}
	from := b.Of(s.dir.Path)
	switch {
	case strings.Contains(s.path, ".git/"):
		return named("git-metadata", Warn, "reads .git, which a package's checkout has otherwise")
	case s.base == baseName:
		if from != "" {
			return named("path-value", Warn, "is used as a value, and changes with the module's place")
		}
		return Hazard{}, false
	case s.base != baseModule && (from != "" || !runs(s.dir)):
		return Hazard{}, false // it is the caller's directory: the same before and after
	case s.base == baseCwd && s.dir.Path == ".":
		return named("directory-name", Warn, "holds the name of the repository's own directory")
	case s.base == baseNone && path.IsAbs(s.path):
		if s.fn != "" && s.whole {
			return named("absolute-path", Info, "is an absolute path")
		}
		return Hazard{}, false
	}
	if s.path == "" && !s.whole {
		if from != "" && s.base == baseModule {
			return named("unevaluated-path", Warn, "cannot be evaluated")
		}
		return Hazard{}, false
	}
	r := s.reach(s.dir.Path)
	to, ok := g.Follow(r.Path)
	missing := s.whole && s.glob == "" && s.fn != "" && s.fn != "fileexists" && ok && !g.exists(to)
	switch {
	case r.Outside:
	case from == "" && missing:
		return named("missing-file", Info, "reads %s, which is not in the repository", to)
	case from == "":
	case s.fn == "":
		return named("path-value", Warn, "is used as a value, and changes with the module's place")
	case !s.whole && b.Of(r.dir()) == from:
		return named("unevaluated-path", Warn, "cannot be evaluated")
	case missing:
		return named("missing-file", Warn, "reads %s, which is not in the repository", to)
	}
	return Hazard{}, false
}

// terragruntPaths names the functions of terragrunt whose result depends on
// the path in the repository.
func terragruntPaths(d *Dir, f *hclparse.File) []Hazard {
	var out []Hazard
	for _, fn := range []string{"path_relative_to_include", "path_relative_from_include", "get_path_from_repo_root", "get_path_to_repo_root", "get_repo_root", "find_in_parent_folders"} {
		if i := bytes.Index(f.Bytes, []byte(fn+"(")); i >= 0 {
			out = append(out, Hazard{ID: "terragrunt-path", Severity: Info, File: f.Path, Line: 1 + bytes.Count(f.Bytes[:i], []byte("\n")), Dir: d.Path,
				Summary: fn + "() depends on the path in the repository, which stays as it is"})
		}
	}
	return out
}
