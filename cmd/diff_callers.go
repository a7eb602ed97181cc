package cmd

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
)

// A diffCall is a call that may be one of the module.
type diffCall struct {
	*modules.Call
	graph  *modules.Graph
	source hclparse.Source
	// shown is put before its paths: the directory given with --callers.
	shown string
	// own says that its graph is of this repository.
	own bool
	sub string // the directory of the module that it calls
}

// gatherCalls lists the calls of the repository, or of the directories given.
func (d *diffJob) gatherCalls(dirs []string) error {
	if len(dirs) == 0 {
		d.addCalls(d.graph, "", true, ".")
		return nil
	}
	for _, dir := range dirs {
		abs := dir
		if !filepath.IsAbs(abs) {
			abs = filepath.Join(d.app.chdir, dir)
		}
		abs, err := filepath.Abs(abs)
		if err != nil {
			return err
		}
		if info, err := os.Stat(abs); err != nil || !info.IsDir() {
			return fmt.Errorf("--callers %s: no such directory", dir)
		}
		if rel, ok := d.below(abs); ok {
			d.addCalls(d.graph, "", true, rel)
			continue
		}
		tree, _ := hclparse.LoadCalls(os.DirFS(abs))
		d.addCalls(modules.NewGraph(tree, nil), filepath.ToSlash(dir), false, ".")
	}
	return nil
}

func (d *diffJob) addCalls(g *modules.Graph, shown string, own bool, below string) {
	for _, c := range g.Calls {
		if !modules.Within(c.Dir, below) {
			continue
		}
		s := c.Source()
		if a := g.Address(c); c.Source().Kind != hclparse.KindLocal && a.Whole {
			if computed, err := hclparse.ParseSource(a.Text); err == nil {
				s = computed
			}
		}
		d.calls = append(d.calls, diffCall{Call: c, graph: g, source: s, shown: shown, own: own})
	}
}

// ownCalls keeps those that are calls of the module, or of a submodule.
func (d *diffJob) ownCalls() {
	d.calls = slices.DeleteFunc(d.calls, func(c diffCall) bool {
		_, ok := d.submodule(c)
		return !ok
	})
	for i := range d.calls {
		d.calls[i].sub, _ = d.submodule(d.calls[i])
	}
}

// submodule says which directory of the module a call is of, relative to it.
func (d *diffJob) submodule(c diffCall) (string, bool) {
	t := d.target
	root, sub := t.dir, ""
	switch s := c.source; {
	case t.local && c.own && c.Target != "":
		// What it calls of itself is its own affair.
		if dir := c.graph.Dirs[c.Dir]; modules.Within(c.Dir, t.dir) && (dir == nil || dir.Role != modules.RoleExample) {
			return "", false
		}
		sub = c.Target
	case t.local && d.own[modules.RepositoryIdentity(s)]:
		sub = path.Clean("./" + s.Subdir)
	case !t.local && modules.RepositoryIdentity(s) != "" && modules.RepositoryIdentity(s) == modules.RepositoryIdentity(t.source):
		root, sub = path.Clean("./"+t.source.Subdir), path.Clean("./"+s.Subdir)
	default:
		return "", false
	}
	if !modules.Within(sub, root) {
		return "", false
	}
	rel, err := filepath.Rel(filepath.FromSlash(root), filepath.FromSlash(sub))
	return filepath.ToSlash(rel), err == nil
}

// breaks looks at each call of the module.
func (d *diffJob) breaks() ([]change.Break, error) {
	var out []change.Break
	type place struct {
		graph *modules.Graph
		dir   string
	}
	loaded := map[place]*hclparse.Module{}
	seen := map[string]bool{}
	for _, c := range d.calls {
		at := place{c.graph, c.Dir}
		m, ok := loaded[at]
		if !ok {
			m = c.graph.Tree.Reload(c.Dir)
			loaded[at] = m
			for _, f := range m.Files {
				if f.Broken() {
					d.app.say("Note: %s does not parse: what it reads of the module is not known.", path.Join(c.shown, f.Path))
				}
			}
		}
		key := c.shown + "\x00" + c.Dir + "\x00" + c.Name() + "\x00" + fmt.Sprint(c.Terragrunt != nil)
		if m == nil || seen[key] {
			continue
		}
		seen[key] = true
		for _, b := range d.callBreaks(c, m) {
			b.File = path.Join(c.shown, b.File)
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b change.Break) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Summary, b.Summary))
	})
	return slices.Compact(out), nil
}

func (d *diffJob) callBreaks(c diffCall, m *hclparse.Module) []change.Break {
	old, new := d.old.version.Modules[c.sub], d.new.version.Modules[c.sub]
	if old == nil {
		return nil // it could not be called before
	}
	if new == nil {
		what := "the submodule " + c.sub
		switch to := change.Renamed(d.old.version, d.new.version)[c.sub]; {
		case c.sub == ".":
			what = "the module itself"
		case to != "":
			return []change.Break{{File: c.File().Path, Line: c.Line(), Call: c.Name(), Summary: fmt.Sprintf("module %q calls %s, which is now %s", c.Name(), what, to)}}
		}
		return []change.Break{{File: c.File().Path, Line: c.Line(), Call: c.Name(), Summary: fmt.Sprintf("module %q calls %s, which is gone", c.Name(), what)}}
	}
	if c.Terragrunt != nil {
		return change.InputBreaks(m, old, new)
	}
	for _, tofu := range []bool{false, true} {
		for _, call := range m.Effective(tofu) {
			if call.Name == c.Name() {
				return change.Breaks(m, call, old, new)
			}
		}
	}
	return nil
}
