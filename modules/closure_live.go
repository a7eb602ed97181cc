package modules

import (
	"path"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

// shareModules adds the modules that stay and that the repository's own
// directories call, where another live repository has them, with what those
// reach in turn.
func (c *closing) shareModules(reaches map[Owner][]Reach) {
	seen := map[string]bool{}
	var todo []string
	for _, d := range c.g.Sorted() {
		if c.owns(d.Path) {
			todo = append(todo, d.Path)
		}
	}
	for ; len(todo) > 0; todo = todo[1:] {
		for _, to := range c.g.Dirs[todo[0]].Callees {
			if seen[to] || c.b.Of(to) != "" || c.owns(to) {
				continue
			}
			seen[to] = true
			todo = append(todo, to)
			owner := c.b.Owner(to)
			for _, e := range c.g.entriesBelow(to) {
				if c.b.Owner(e.Path) == owner && c.g.stackAbove(e.Path, to) == "" {
					c.copies[e.Path] = true
				}
			}
			c.hazards = append(c.hazards, Hazard{ID: "shared-file", Severity: Info, File: to, Dir: to,
				Summary: "the module stays, and is called from two live repositories: one has a copy"})
			for _, r := range reaches[owner] {
				if r.Dir == to {
					c.take(r)
				}
			}
		}
	}
}

// stackAbove returns the innermost stack that p stands in, below dir alone; ""
// where there is none.
func (g *Graph) stackAbove(p, dir string) string {
	for d := path.Dir(p); d != dir && d != "."; d = path.Dir(d) {
		if s := g.Dirs[d]; s != nil && s.Role == RoleStack {
			return d
		}
	}
	return ""
}

// fromAbove are the files that tools look for in the directories above the one
// that they run in.
var fromAbove = map[string]bool{
	".editorconfig": true, ".gitattributes": true, ".gitignore": true, ".opentofu-version": true, ".terraform-version": true,
	".terragrunt-version": true, ".tflint.hcl": true, ".tool-versions": true,
}

// shareFiles adds what a live repository needs of the directories above its
// own: settings that tools look for there, what terragrunt includes, and the
// files that its stacks are planned with.
func (c *closing) shareFiles() {
	above, terragrunt := map[string]bool{}, map[string]bool{}
	for _, e := range c.g.Tree.Entries {
		if !c.owns(e.Path) {
			continue
		}
		for d := path.Dir(e.Path); !above[d]; d = path.Dir(d) {
			above[d] = true
			if d == "." {
				break
			}
		}
	}
	for _, d := range c.g.Sorted() {
		if !c.owns(d.Path) {
			continue
		}
		if hasTerragrunt(d.Config) {
			for _, p := range c.g.terragrunt.includes(d.Path) {
				if !c.owns(p) && c.b.Of(p) == "" {
					c.copies[p] = true
				}
			}
			for at := d.Path; !terragrunt[at]; at = path.Dir(at) {
				terragrunt[at] = true
			}
		}
		if d.Role == RoleStack && c.b.c.Reads != nil {
			for _, p := range c.b.c.Reads(d.Path) {
				if e, ok := c.g.entry(p); ok && e.Mode == 0 && !c.owns(p) {
					c.copies[p] = true
				}
			}
		}
	}
	for _, e := range c.g.Tree.Entries {
		dir, name := path.Dir(e.Path), path.Base(e.Path)
		if c.owns(e.Path) || c.b.Of(e.Path) != "" || e.Mode != 0 && e.Target == "" {
			continue
		}
		if above[dir] && fromAbove[name] && Within(dir, c.b.c.Root(c.owner.Live)) || terragrunt[dir] && terragruntReads(name) {
			c.copies[e.Path] = true
		}
	}
}

// terragruntReads reports whether a file above a unit is of a kind that
// terragrunt's functions read there: find_in_parent_folders names any file.
func terragruntReads(name string) bool {
	for _, ending := range []string{".hcl", ".yaml", ".yml", ".json", ".tfvars"} {
		if strings.HasSuffix(name, ending) {
			return !strings.HasPrefix(name, ".") || name == ".hcl"
		}
	}
	return false
}

// takeLinked adds what a symlink leads to where another live repository has
// it, so that the symlink stays as it is, and reports whether there was any.
func (c *closing) takeLinked(link string) bool {
	if c.key != "" {
		return false
	}
	to, through, err := c.g.follow(link)
	if err != nil {
		return false
	}
	var more []string
	for _, l := range through {
		if c.b.Of(l) != "" {
			return false
		}
		if !c.owns(l) && !c.copies[l] {
			more = append(more, l)
		}
	}
	list := c.g.entriesBelow(to)
	if e, ok := c.g.entry(to); ok {
		list = []hclparse.Entry{e}
	}
	for _, e := range list {
		if c.b.Of(e.Path) == "" && !c.owns(e.Path) && !c.copies[e.Path] {
			more = append(more, e.Path)
		}
	}
	for _, p := range more {
		c.copies[p] = true
	}
	return len(more) > 0
}
