package cmd

import (
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
	sub := ""
	switch s := c.source; {
	case t.local && c.own && c.Target != "":
		// What it calls of itself is its own affair.
		if dir := c.graph.Dirs[c.Dir]; modules.Within(c.Dir, t.dir) && (dir == nil || dir.Role != modules.RoleExample) {
			return "", false
		}
		sub = c.Target
	case t.local && d.own[modules.RepositoryIdentity(s)]:
		sub = path.Clean("./" + s.Subdir)
	case !t.local:
		return change.SubmoduleOf(s, t.source)
	default:
		return "", false
	}
	if !modules.Within(sub, t.dir) {
		return "", false
	}
	rel, err := filepath.Rel(filepath.FromSlash(t.dir), filepath.FromSlash(sub))
	return filepath.ToSlash(rel), err == nil
}

// breaks looks at each call of the module, by the directory that was given
// for it.
func (d *diffJob) breaks() []change.Break {
	type place struct {
		graph *modules.Graph
		shown string
	}
	calls := map[place][]change.Called{}
	var order []place
	for _, c := range d.calls {
		at := place{c.graph, c.shown}
		if calls[at] == nil {
			order = append(order, at)
		}
		calls[at] = append(calls[at], change.Called{Call: c.Call, Sub: c.sub})
	}
	var out []change.Break
	for _, at := range order {
		found, unread := change.NewCallers(at.graph).Breaks(calls[at], d.old.version, d.new.version)
		for _, file := range unread {
			d.app.say("Note: %s does not parse: what it reads of the module is not known.", path.Join(at.shown, file))
		}
		for _, b := range found {
			b.File = path.Join(at.shown, b.File)
			out = append(out, b)
		}
	}
	return change.SortBreaks(out)
}
