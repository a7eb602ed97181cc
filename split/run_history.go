package split

import (
	"context"
	"fmt"

	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/history"
)

// filter is what a package's repository holds.
func (p *Package) filter() history.Filter {
	f := history.Filter{Root: p.Root, Paths: append([]string(nil), p.Owns...)}
	for _, c := range p.Copies {
		f.Paths = append(f.Paths, c.Path)
	}
	return f
}

// extract returns the history of each package, in the plan's order.
func (w *writer) extract(ctx context.Context) ([]history.Split, error) {
	filters := make([]history.Filter, len(w.p.Packages))
	for i, pkg := range w.p.Packages {
		filters[i] = pkg.filter()
	}
	if !w.p.History {
		return w.begin(ctx, filters)
	}
	splits, err := history.Extract(ctx, w.reader, w.commit.ID, filters, history.Options{
		Follow:   w.p.Follow,
		Progress: func(done, total int) { w.progress.tell("reading history", done, total) },
	})
	if err != nil {
		return nil, err
	}
	for i, s := range splits {
		if want, _, err := w.treeOf(ctx, filters[i]); err != nil {
			return nil, err
		} else if s.Tree != want {
			return nil, fmt.Errorf("%s: the extracted history ends in tree %s, and the commit has %s; nothing is written", w.p.Packages[i].Path, s.Tree, want)
		}
	}
	return splits, nil
}

// begin makes one commit for each filter, without history.
func (w *writer) begin(ctx context.Context, filters []history.Filter) ([]history.Split, error) {
	var splits []history.Split
	for i, f := range filters {
		tree, objects, err := w.treeOf(ctx, f)
		if err != nil {
			return nil, err
		}
		c := repo.CommitObject(tree, nil, w.who, w.who, fmt.Sprintf("Begin with %s as of %s\n", w.p.Packages[i].Path, w.commit.ID))
		splits = append(splits, history.Split{Filter: f, Tip: c.ID, Tree: tree, Commits: 1, New: append(objects, c)})
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
