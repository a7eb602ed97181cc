package release

import (
	"bytes"
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
	if err := e.hold(p.Releases); err != nil {
		return nil, nil, nil, err
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
	// graph and calls were read when the files in stale were as before; nil
	// where they have to be read again.
	graph *modules.Graph
	calls []*lint.Call
	stale map[string]bool
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
func (e *repinning) load() {
	tree, _ := hclparse.LoadCalls(e.fsys)
	e.graph, e.stale = modules.NewGraph(tree, e.role), map[string]bool{}
	e.calls = lint.Calls(&lint.Input{Graph: e.graph})
}

// repin gives the calls of a module their new refs, and returns the files that
// it has changed. The tree is read again only for what was changed in it: pins
// of one release are set together, or one after the other where their texts
// are the same place.
func (e *repinning) repin(r *Release) (map[string][]byte, error) {
	touched := map[string][]byte{}
	if e.set(r, r.Pins, touched) == nil {
		return touched, nil
	}
	for _, p := range r.Pins {
		if err := e.set(r, []Pin{p}, touched); err != nil {
			return nil, err
		}
	}
	return touched, nil
}

// set gives some calls of a module their new refs, all or none, and notes in
// touched what the files are then.
func (e *repinning) set(r *Release, pins []Pin, touched map[string][]byte) error {
	if e.graph == nil || slices.ContainsFunc(pins, func(p Pin) bool { return e.stale[p.File] }) {
		e.load()
	}
	edits := map[string][]hclparse.Edit{}
	for _, p := range pins {
		i := slices.IndexFunc(e.calls, func(c *lint.Call) bool {
			return c.File().Path == p.File && c.Name() == p.Call && c.Source.Ref == p.From
		})
		if i < 0 {
			continue // another pin's edit has set it
		}
		tag := strings.TrimPrefix(strings.TrimPrefix(p.To, "refs/"), "tags/")
		set, err := rewrite.Set(e.graph, e.calls[i], rewrite.Pin{Ref: tag, Comment: tag})
		if err != nil {
			return refusedPin(r, p, err)
		}
		for _, x := range set.Edits {
			if !slices.ContainsFunc(edits[x.File], func(y hclparse.Edit) bool { return x.Start == y.Start && x.End == y.End && bytes.Equal(x.New, y.New) }) {
				edits[x.File] = append(edits[x.File], x.Edit)
			}
		}
	}
	return e.apply(edits, touched)
}

func refusedPin(r *Release, p Pin, err error) error {
	text, hint := err.Error(), "set it by hand, commit it, and release "+r.Name+" after"
	var refused *rewrite.Refused
	if errors.As(err, &refused) && refused.Hint != "" {
		hint = refused.Hint
	}
	return fmt.Errorf("%s:%d: the pin of module %q cannot be set: %s\nhint: %s", p.File, p.Line, p.Call, text, hint)
}

// apply makes edits by file, all or none.
func (e *repinning) apply(edits map[string][]hclparse.Edit, touched map[string][]byte) error {
	src, next := map[string][]byte{}, map[string][]byte{}
	for name, list := range edits {
		if e.stale[name] {
			e.graph = nil
			return fmt.Errorf("%s was changed meanwhile", name)
		}
		var err error
		if src[name], err = fs.ReadFile(e.fsys, name); err != nil {
			return err
		}
		if next[name], err = hclparse.Apply(src[name], list); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, data := range next {
		if _, ok := e.before[name]; !ok {
			e.before[name] = src[name]
		}
		e.after[name], touched[name], e.stale[name] = data, data, true
	}
	return nil
}

// hold holds that the calls have what they were to get.
func (e *repinning) hold(releases []*Release) error {
	e.load()
	type place struct {
		file, call string
		line       int
	}
	at := map[place]*lint.Call{}
	for _, c := range e.calls {
		at[place{c.File().Path, c.Name(), c.Line()}] = c
	}
	for _, r := range releases {
		for _, p := range r.Pins {
			if c := at[place{p.File, p.Call, p.Line}]; c != nil && c.Source.Ref != p.To {
				return fmt.Errorf("%s:%d: module %q would be at %q and not at %s\nhint: set it by hand, commit it, and release %s after", p.File, p.Line, p.Call, c.Source.Ref, p.To, r.Name)
			}
		}
	}
	return nil
}
