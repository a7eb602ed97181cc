package release

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/lint"
)

// A moduleLink is a call of one module of the repository by another.
type moduleLink struct {
	call *lint.Call
	to   string // the module's directory
	sub  string // what is called of it, relative to it
	// pinned says that it is by a tag of this repository; else by a path.
	pinned bool
}

// links finds which modules call which, of those that have releases or are
// named: by caller, and as the directories that each one uses.
func (c *Checkout) links(named []string) (map[string][]moduleLink, map[string][]string) {
	histories := map[string]*History{}
	for _, dir := range c.all.Dirs {
		if h, ok := c.all.History(dir); ok && h.Newest != nil {
			histories[dir] = h
		}
	}
	for _, dir := range named {
		if histories[dir] == nil {
			histories[dir] = &History{}
		}
	}
	// owner is the module that a directory is part of, "" for none.
	owner := func(dir string) string {
		for d := dir; ; d = path.Dir(d) {
			if histories[d] != nil {
				return d
			}
			if d == "." {
				return ""
			}
		}
	}
	byDir := map[string][]*lint.Call{}
	for _, call := range c.calls {
		if d := c.graph.Dirs[call.Dir]; d == nil || d.Role == modules.RoleExample {
			continue
		}
		byDir[call.Dir] = append(byDir[call.Dir], call)
	}
	links, uses := map[string][]moduleLink{}, map[string][]string{}
	for from := range histories {
		var queue []string
		for dir := range byDir {
			if owner(dir) == from {
				queue = append(queue, dir)
			}
		}
		slices.Sort(queue)
		seen := map[string]bool{}
		for ; len(queue) > 0; queue = queue[1:] {
			if seen[queue[0]] {
				continue
			}
			seen[queue[0]] = true
			for _, call := range byDir[queue[0]] {
				l, ok := c.link(call, histories, owner)
				switch {
				case !ok && call.Target != "" && owner(call.Target) == "":
					queue = append(queue, call.Target) // of no module: it is the caller's
				case ok && l.to != from && (!l.pinned || owner(call.Dir) == from):
					links[from] = append(links[from], l)
					if !slices.Contains(uses[from], l.to) {
						uses[from] = append(uses[from], l.to)
					}
				}
			}
		}
	}
	return links, uses
}

// link says which module a call is of.
func (c *Checkout) link(call *lint.Call, histories map[string]*History, owner func(string) string) (moduleLink, bool) {
	switch {
	case call.Target != "":
		to := owner(call.Target)
		return moduleLink{call: call, to: to, sub: below(call.Target, to)}, to != ""
	case call.Known && call.Source.Kind == hclparse.KindGit && call.Release != nil && !call.Overridden && c.cfg.Own[modules.RepositoryIdentity(call.Source)]:
		sub := path.Clean("./" + call.Source.Subdir)
		to := owner(sub)
		if to == "" || histories[to].Prefix != call.Release.Prefix {
			return moduleLink{}, false
		}
		return moduleLink{call: call, to: to, sub: below(sub, to), pinned: true}, true
	}
	return moduleLink{}, false
}

// below is a directory relative to one that it is in.
func below(dir, root string) string {
	switch {
	case dir == root:
		return "."
	case root == ".":
		return dir
	}
	return strings.TrimPrefix(dir, root+"/")
}

// refFor is the ref that a call gets.
func refFor(l moduleLink, tag string) string {
	if strings.HasPrefix(l.call.Source.Ref, "tags/") || strings.HasPrefix(l.call.Source.Ref, "refs/tags/") {
		return strings.TrimSuffix(l.call.Source.Ref, strings.TrimPrefix(strings.TrimPrefix(l.call.Source.Ref, "refs/"), "tags/")) + tag
	}
	return tag
}

// breaks is where a call breaks that takes the new version; nil for nowhere.
func (c *Checkout) breaks(l moduleLink, old, new *change.Version) *change.Break {
	from, to := old.Modules[l.sub], new.Modules[l.sub]
	if from == nil {
		return nil
	}
	at := change.Break{File: l.call.File().Path, Line: l.call.Line(), Call: l.call.Name()}
	if to == nil {
		at.Summary = fmt.Sprintf("module %q calls %s, which is gone", l.call.Name(), l.sub)
		return &at
	}
	m := c.graph.Tree.Reload(l.call.Dir)
	if m == nil {
		return nil
	}
	if l.call.Terragrunt != nil {
		return firstBreak(change.InputBreaks(m, from, to))
	}
	for _, tofu := range []bool{false, true} {
		for _, mc := range m.Effective(tofu) {
			if mc.Name == l.call.Name() {
				return firstBreak(change.Breaks(m, mc, from, to))
			}
		}
	}
	return nil
}

func firstBreak(all []change.Break) *change.Break {
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}
