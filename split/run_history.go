package split

import (
	"context"
	"fmt"

	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/history"
)

// A holding is what one repository holds, and how its first commit is named.
type holding struct {
	name   string
	filter history.Filter
}

func newHolding(name, root string, owns []string, copies []Copy) holding {
	f := history.Filter{Root: root, Paths: append([]string(nil), owns...)}
	for _, c := range copies {
		f.Paths = append(f.Paths, c.Path)
	}
	return holding{name, f}
}

// holdings are what has a history of its own: the packages, then the live
// repositories of environments, in the plan's order.
func (p *Plan) holdings() []holding {
	var list []holding
	for _, pkg := range p.Packages {
		if p.InPlace {
			continue
		}
		list = append(list, newHolding(pkg.Path, pkg.Root, pkg.Owns, pkg.Copies))
	}
	for _, l := range p.Live {
		if l.Paths != nil {
			list = append(list, newHolding(l.Name, l.Root, l.Paths, l.Copies))
		}
	}
	return list
}

// extract returns the history of each holding of the plan.
func (w *writer) extract(ctx context.Context) ([]history.Split, error) {
	list := w.p.holdings()
	if len(list) == 0 {
		return nil, nil
	}
	if !w.p.History {
		return w.begin(ctx, list)
	}
	filters := make([]history.Filter, len(list))
	for i, h := range list {
		filters[i] = h.filter
	}
	splits, err := history.Extract(ctx, w.reader, w.commit.ID, filters, history.Options{
		Follow:   w.p.Follow,
		At:       w.p.tagged(),
		Progress: func(done, total int) { w.progress.tell("reading history", done, total) },
	})
	if err != nil {
		return nil, err
	}
	for i, s := range splits {
		if want, _, err := w.treeOf(ctx, filters[i]); err != nil {
			return nil, err
		} else if s.Tree != want {
			return nil, fmt.Errorf("%s: the extracted history ends in tree %s, and the commit has %s; nothing is written", list[i].name, s.Tree, want)
		}
	}
	return splits, nil
}

// tagged are the commits of the tags that are carried over.
func (p *Plan) tagged() []repo.Hash {
	var out []repo.Hash
	for _, t := range p.Tags {
		out = append(out, t.tag.Commit)
	}
	return out
}

// carryTags makes the monorepo's tags anew on what stands for their commits in
// h, and adds them to refs. A tag of a commit that is not in the history, or
// in which there was nothing yet, is left out.
func (w *writer) carryTags(h history.Split, refs map[string]repo.Hash) (carried []TagResult, objects []repo.Object) {
	carried = []TagResult{}
	for _, t := range w.p.Tags {
		at, ok := h.At[t.tag.Commit]
		if name := "refs/tags/" + t.As; ok && !at.IsZero() && refs[name].IsZero() {
			refs[name] = at
			if o, ok := t.tag.On(at, t.As); ok {
				objects = append(objects, o)
				refs[name] = o.ID
			}
			carried = append(carried, TagResult{t.As, refs[name].String()})
		}
	}
	return carried, objects
}

// begin makes one commit for each holding, without history.
func (w *writer) begin(ctx context.Context, list []holding) ([]history.Split, error) {
	var splits []history.Split
	for _, h := range list {
		tree, objects, err := w.treeOf(ctx, h.filter)
		if err != nil {
			return nil, err
		}
		c := repo.CommitObject(tree, nil, w.who, w.who, fmt.Sprintf("Begin with %s as of %s\n", h.name, w.commit.ID))
		splits = append(splits, history.Split{Filter: h.filter, Tip: c.ID, Tree: tree, Commits: 1, New: append(objects, c)})
	}
	return splits, nil
}

// treeOf makes the tree that the commit has at a filter's paths, and returns
// the trees in it that the monorepo does not have.
func (w *writer) treeOf(ctx context.Context, f history.Filter) (repo.Hash, []repo.Object, error) {
	if len(f.Paths) == 1 && f.Paths[0] == f.Root {
		id, ok := w.tree.Tree(f.Root)
		if !ok {
			return id, nil, fmt.Errorf("%s is not in the commit", f.Root)
		}
		return id, nil, nil
	}
	edits := map[string]repo.TreeEdit{}
	for _, p := range f.Paths {
		if id, ok := w.tree.Tree(p); ok {
			edits[below(p, f.Root)] = repo.TreeEdit{Mode: repo.ModeTree, Blob: id}
			continue
		}
		e, ok := w.modes[p]
		if !ok {
			return repo.Hash{}, nil, fmt.Errorf("%s is not in the commit", p)
		}
		edits[below(p, f.Root)] = repo.TreeEdit{Mode: e.Mode, Blob: e.ID}
	}
	return repo.EditTree(ctx, w.reader, repo.Hash{}, edits)
}

// editTree is repo.EditTree for the tree of an extracted history, which the
// monorepo may not have.
func (w *writer) editTree(ctx context.Context, h history.Split, edits map[string]repo.TreeEdit) (repo.Hash, []repo.Object, error) {
	rd := &withObjects{Reader: w.reader, more: map[repo.Hash]repo.Object{}}
	for _, o := range h.New {
		if o.Type == "tree" {
			rd.more[o.ID] = o
		}
	}
	return repo.EditTree(ctx, rd, h.Tree, edits)
}

// withObjects is a reader that has more objects.
type withObjects struct {
	repo.Reader
	more map[repo.Hash]repo.Object
}

// Objects is that of repo.Reader.
func (r *withObjects) Objects(ctx context.Context, ids []repo.Hash, visit func(repo.Object) error) error {
	for len(ids) > 0 {
		n := 0
		for n < len(ids) && r.more[ids[n]].Type == "" {
			n++
		}
		if n > 0 {
			if err := r.Reader.Objects(ctx, ids[:n], visit); err != nil {
				return err
			}
			ids = ids[n:]
			continue
		}
		if err := visit(r.more[ids[0]]); err != nil {
			return err
		}
		ids = ids[1:]
	}
	return nil
}
