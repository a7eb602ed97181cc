package split

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/terrier-iac/terrier/modules"
)

// choice is what the configuration decides about the borders.
func (pl *planner) choice() modules.Choice {
	c := modules.Choice{Keep: pl.c.Keep, Group: pl.c.Group, All: pl.c.All}
	for _, e := range pl.c.Environments {
		if e.Repo != "" && !pl.c.InPlace {
			c.Live, c.Root, c.Reads = pl.liveOf(), pl.rootOf, pl.reads
		}
	}
	return c
}

// liveOf says which live repository a path that stays belongs to: that of the
// stack it stands in, else that of the environment whose globs it matches.
func (pl *planner) liveOf() func(p string) string {
	known := map[string]string{}
	var stackAt func(dir string) string // the innermost stack at or above dir
	stackAt = func(dir string) string {
		if s, ok := known[dir]; ok {
			return s
		}
		s := ""
		switch d := pl.g.Dirs[dir]; {
		case d != nil && d.Role == modules.RoleStack:
			s = dir
		case dir != ".":
			s = stackAt(path.Dir(dir))
		}
		known[dir] = s
		return s
	}
	return func(p string) string {
		at := stackAt(p)
		if at == "" {
			at = p
		}
		env, _ := pl.c.Env(at)
		return pl.repoOf(env)
	}
}

// repoOf is the live repository of an environment, "" for that of all else.
func (pl *planner) repoOf(env string) string {
	repo := pl.c.Environments[env].Repo
	if repo == "live" || pl.withheld[repo] {
		return ""
	}
	return repo
}

// reads are the files that a stack is planned with.
func (pl *planner) reads(stack string) []string {
	env, _ := pl.c.Env(stack)
	var out []string
	for _, f := range pl.c.Environments[env].Files {
		out = append(out, path.Join(stack, f))
	}
	return out
}

// environmentsOf returns the environments of a live repository, sorted.
func (pl *planner) environmentsOf(repo string) []string {
	out := []string{}
	for name := range pl.c.Environments {
		if pl.repoOf(name) == repo {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// rootOf is the directory that becomes the root of a live repository.
func (pl *planner) rootOf(repo string) string {
	for _, e := range pl.c.Environments {
		if e.Repo == repo && e.Root != "" {
			return e.Root
		}
	}
	return "."
}

// withhold looks at each live repository of an environment. One in which
// something depends on what it would not have any more, the path that `root`
// strips or the monorepo's own commits, is blocked: its stacks stay where all
// else is. It reports whether there was any.
func (pl *planner) withhold() bool {
	found := false
	for _, repo := range pl.borders.Lives() {
		root := pl.rootOf(repo)
		var why []modules.Hazard
		if root != "." {
			why = pl.dependsOn(repo, root)
		}
		for _, h := range pl.hazards {
			if h.ID == "own-commit" && pl.borders.Owner(h.Dir).Live == repo {
				why = append(why, h)
			}
		}
		for _, sub := range pl.g.Submodules() {
			// One that .gitmodules does not speak of is as it was.
			if w := sub.Why(); w != "" && sub.URL != "" && pl.borders.Owner(sub.Path).Live == repo {
				why = append(why, modules.Hazard{ID: "submodule", Severity: modules.Block, File: sub.Path, Dir: path.Dir(sub.Path),
					Summary: "a git submodule cannot go to another repository: " + w})
			}
		}
		if len(why) == 0 {
			continue
		}
		dir := root
		if dir == "." {
			dir = why[0].Dir
		}
		pl.blocked[dir] = append(pl.blocked[dir], why...)
		pl.withheld[repo], found = true, true
	}
	return found
}

// pathWords are what tells a configuration where it stands.
var pathWords = []string{"abspath(", "path.cwd", "path_relative_to_include", "path_relative_from_include", "get_path_from_repo_root", "get_path_to_repo_root",
	"get_repo_root", "find_in_parent_folders", "get_terragrunt_dir", "get_parent_terragrunt_dir", "get_original_terragrunt_dir", "get_working_dir"}

// dependsOn names what in a live repository would have another meaning with
// the directory root as the repository's.
func (pl *planner) dependsOn(repo, root string) []modules.Hazard {
	o := modules.Owner{Live: repo}
	var out []modules.Hazard
	add := func(file string, line int, format string, args ...any) {
		out = append(out, modules.Hazard{ID: "stripped-path", Severity: modules.Block, File: file, Line: line, Dir: root, Summary: fmt.Sprintf(format, args...)})
	}
	c := pl.closures[o]
	for _, p := range slices.Concat(c.Owns, c.Copies) {
		if !modules.Within(p, root) {
			add(p, 0, "belongs to the repository %s, and stands outside of %s, which `root` makes its root", repo, root)
		}
	}
	for _, d := range pl.g.Sorted() {
		if pl.borders.Owner(d.Path) != o {
			continue
		}
		for _, f := range d.Config.Files {
			for _, word := range pathWords {
				if i := bytes.Index(f.Bytes, []byte(word)); i >= 0 {
					add(f.Path, 1+bytes.Count(f.Bytes[:i], []byte("\n")), "%s depends on the path in the repository, which `root` would strip", strings.TrimSuffix(word, "("))
				}
			}
		}
	}
	for _, r := range pl.g.Reaches() {
		if pl.borders.Owner(r.Dir) == o && r.Leaves(root) {
			add(r.File, r.Line, "%s leaves %s, which `root` makes the repository's root", r.Expr, root)
		}
	}
	return out
}
