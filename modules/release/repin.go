package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/rewrite"
)

// commits makes the commits with the new pins, which nothing points to yet: at
// is the commit of each release, changes what becomes of the files.
func (c *Checkout) commits(ctx context.Context, p *Plan, w Making) (ids, at []repo.Hash, changes []lint.Change, err error) {
	at = slices.Repeat([]repo.Hash{c.Head.ID}, len(p.Releases))
	if !slices.ContainsFunc(p.Releases, func(r *Release) bool { return len(r.Pins) > 0 }) {
		return nil, at, nil, nil
	}
	if c.repo.Root == "" {
		return nil, nil, nil, errBare
	}
	e := repinning{role: c.cfg.Role, before: map[string][]byte{}, after: map[string][]byte{}}
	e.fsys = hclparse.Overlay(w.WorkTree, e.after)
	var news []repo.NewCommit
	var of []int
	for i, r := range p.Releases {
		if len(r.Pins) == 0 {
			continue
		}
		touched, err := e.repin(r)
		if err != nil {
			return nil, nil, nil, err
		}
		news = append(news, repo.NewCommit{Message: w.PinMessage(r), Files: touched, FromWorkTree: true})
		of = append(of, i)
	}
	if ids, err = c.repo.CommitFiles(ctx, c.Head.ID, news); err != nil {
		return nil, nil, nil, err
	}
	for k, i := range of {
		for n := i; n < len(at); n++ {
			at[n] = ids[k]
		}
	}
	return ids, at, e.changes(), nil
}

// A repinning is the files of a work tree, with new pins laid over them.
type repinning struct {
	fsys fs.FS
	role func(dir string) modules.Role
	// before is what the changed files were at first, after what they are.
	before, after map[string][]byte
}

func (e *repinning) changes() []lint.Change {
	var out []lint.Change
	for p, data := range e.before {
		out = append(out, lint.Change{Path: p, Before: data, After: e.after[p]})
	}
	slices.SortFunc(out, func(a, b lint.Change) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// load reads the calls as they are by now.
func (e *repinning) load() (*modules.Graph, []*lint.Call) {
	tree, _ := hclparse.LoadCalls(e.fsys)
	g := modules.NewGraph(tree, e.role)
	return g, lint.Calls(&lint.Input{Graph: g})
}

// repin gives the calls of a module their new refs, and returns the files that
// it has changed.
func (e *repinning) repin(r *Release) (map[string][]byte, error) {
	touched := map[string][]byte{}
	for _, p := range r.Pins {
		g, calls := e.load()
		i := slices.IndexFunc(calls, func(c *lint.Call) bool {
			return c.File().Path == p.File && c.Name() == p.Call && c.Source.Ref == p.From
		})
		if i < 0 {
			continue // another pin's edit has set it
		}
		tag := strings.TrimPrefix(strings.TrimPrefix(p.To, "refs/"), "tags/")
		set, err := rewrite.Set(g, calls[i], rewrite.Pin{Ref: tag, Comment: tag})
		if err != nil {
			text, hint := err.Error(), "set it by hand, commit it, and release "+r.Name+" after"
			var refused *rewrite.Refused
			if errors.As(err, &refused) && refused.Hint != "" {
				hint = refused.Hint
			}
			return nil, fmt.Errorf("%s:%d: the pin of module %q cannot be set: %s\nhint: %s", p.File, p.Line, p.Call, text, hint)
		}
		if err := e.apply(set.Edits, touched); err != nil {
			return nil, err
		}
	}
	return touched, e.hold(r)
}

// apply makes edits, and notes in touched what the files are then.
func (e *repinning) apply(all []rewrite.Edit, touched map[string][]byte) error {
	edits := map[string][]hclparse.Edit{}
	for _, x := range all {
		edits[x.File] = append(edits[x.File], x.Edit)
	}
	for name, list := range edits {
		src, err := fs.ReadFile(e.fsys, name)
		if err != nil {
			return err
		}
		data, err := hclparse.Apply(src, list)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, ok := e.before[name]; !ok {
			e.before[name] = src
		}
		e.after[name], touched[name] = data, data
	}
	return nil
}

// hold holds that the calls of a module have what they were to get.
func (e *repinning) hold(r *Release) error {
	_, calls := e.load()
	for _, p := range r.Pins {
		for _, c := range calls {
			if c.File().Path == p.File && c.Name() == p.Call && c.Line() == p.Line && c.Source.Ref != p.To {
				return fmt.Errorf("%s:%d: module %q would be at %q and not at %s\nhint: set it by hand, commit it, and release %s after", p.File, p.Line, p.Call, c.Source.Ref, p.To, r.Name)
			}
		}
	}
	return nil
}
