package modules

import (
	"errors"
	"fmt"
	"path"
)

// link decides what becomes of a symlink. ok says that it is replaced by what
// it leads to; one that is kept may need a root above its own directory.
func (c *closing) link(link string) (Link, bool) {
	target := c.g.links[link]
	to, through, err := c.g.follow(link)
	note := func(id string, sev Severity, dir, format string, args ...any) {
		c.hazards = append(c.hazards, Hazard{ID: id, Severity: sev, File: link, Dir: dir, Summary: "the symlink " + fmt.Sprintf(format, args...)})
	}
	switch {
	case errors.Is(err, errCircle):
		note("dangling-symlink", Info, path.Dir(link), "runs in a circle (%s)", target)
		return Link{}, false
	case err != nil && c.key == "":
		note("dangling-symlink", Info, path.Dir(link), "%s (%s)", err, target)
		return Link{}, false
	case err != nil:
		note("symlink-across", Block, c.key, "%s (%s)", err, target)
		return Link{}, false
	case !c.g.exists(to):
		note("dangling-symlink", Info, path.Dir(link), "leads nowhere (%s)", target)
		return Link{}, false
	case c.holds(to, through):
		for _, l := range through {
			c.roots = append(c.roots, top(path.Dir(l), c.g.links[l]))
		}
		if c.key != "" && c.owns(link) && leaves(path.Dir(link), target, common(c.b.Dirs(c.key))) {
			note("symlink-across", Info, c.key, "leaves the module and comes back (%s): the package begins above it", target)
		}
		if c.key == "" && c.g.dirs[to] && c.b.Of(to) == "" {
			for _, p := range c.b.Keys() {
				if Within(p, to) {
					note("symlink-across", Info, p, "leads to %s, which holds %s: it stays as it is, and calls through it are pinned", to, p)
				}
			}
		}
		return Link{}, false
	}
	files, problem := c.g.unfold(link)
	if problem != "" {
		if c.key != "" && c.owns(link) {
			note("symlink-across", Block, c.key, "leads to %s, and cannot be replaced by that: %s", to, problem)
		} else {
			note("symlink-across", Info, path.Dir(link), "leads to %s, and stays as it is: %s", to, problem)
		}
		return Link{}, false
	}
	dir := c.key
	if dir == "" {
		dir = c.b.Of(to)
	}
	what := "it"
	if c.g.dirs[to] {
		what = "its " + countFiles(len(files))
	}
	note("symlink-across", Info, dir, "leads to %s, in another repository: %s takes its place", to, what)
	return Link{Path: link, Target: to, Files: files}, true
}

// replaced reports whether a symlink is replaced by what it leads to.
func (c *closing) replaced(link string) bool {
	to, through, err := c.g.follow(link)
	if err != nil || !c.g.exists(to) || c.holds(to, through) {
		return false
	}
	_, problem := c.g.unfold(link)
	return problem == ""
}

// holds reports whether the repository has what a symlink leads to, and every
// symlink on the way, as its own or as copies. A part of a directory of its own
// will do.
func (c *closing) holds(to string, through []string) bool {
	for _, l := range through {
		if !c.owns(l) && !c.copies[l] {
			return false
		}
	}
	if c.owns(to) || c.copies[to] {
		return true
	}
	list := c.g.entriesBelow(to)
	for _, e := range list {
		if !c.owns(e.Path) && !c.copies[e.Path] {
			return false
		}
	}
	return len(list) > 0
}
