package versions

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/repo"
)

// Unchanged finds out for each row whether the allowed release changes
// anything for the module: whether its directory is the same tree there, and
// each directory of the repository that it calls; and whether it is there at
// all. Two tags on one commit need
// no look. Commits that no mirror has are fetched, once for each repository,
// where the module is one of several in it; of a repository's only module
// another commit is another tree, unless a mirror says otherwise. Offline
// nothing is fetched.
func (s *Set) Unchanged(ctx context.Context, rows []*Row, a Asker) error {
	if a.Cache == nil {
		return nil // there is no place for one
	}
	byRepository := map[string][]*Row{}
	for _, r := range rows {
		cur := r.Current()
		if cur != nil && r.Allowed != nil && cur.Version.Equal(r.Allowed.Version) {
			continue // there is nothing to take
		}
		if r.Outdated() && r.Allowed != nil && !r.Module.Registry && r.Uses[0].Commit != "" && r.Allowed.Commit != "" {
			id := r.Module.repository
			byRepository[id] = append(byRepository[id], r)
		}
	}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(a.Jobs, jobs))
	var mu sync.Mutex
	done := 0
	for _, q := range s.questions() {
		if rows := byRepository[q.id]; len(rows) > 0 {
			g.Go(func() error {
				err := a.compare(inner, q, rows)
				mu.Lock()
				defer mu.Unlock()
				if done++; a.Progress != nil {
					a.Progress("comparing releases", done, len(byRepository))
				}
				return err
			})
		}
	}
	return g.Wait()
}

func (a *Asker) compare(ctx context.Context, q *question, rows []*Row) error {
	var open []*Row
	for _, r := range rows {
		if strings.EqualFold(r.Uses[0].Commit, r.Allowed.Commit) {
			same := true
			r.Unchanged = &same
			continue
		}
		open = append(open, r)
	}
	trees := &trees{ctx: ctx, open: map[string]*repo.TreeFS{}}
	defer trees.close()
	for _, url := range q.urls {
		m, err := a.Cache.Mirror(url)
		if err != nil {
			continue
		}
		trees.mirrors = append(trees.mirrors, m)
	}
	if len(open) == 0 || len(trees.mirrors) == 0 {
		return nil
	}
	if !a.Offline {
		var wants []repo.Want
		for _, r := range open {
			if r.Module.Subdir == "" {
				continue
			}
			for _, commit := range []string{r.Uses[0].Commit, r.Allowed.Commit} {
				id, err := repo.ParseHash(commit)
				if err == nil && trees.at(commit) == nil && !slices.ContainsFunc(wants, func(w repo.Want) bool { return w.Commit == id }) {
					wants = append(wants, repo.Want{Commit: id})
				}
			}
		}
		if len(wants) > 0 {
			// What cannot be fetched is not known to be the same: no more.
			_ = trees.mirrors[0].Ensure(ctx, wants...)
			trees.again()
		}
	}
	for _, r := range open {
		before, after := trees.at(r.Uses[0].Commit), trees.at(r.Allowed.Commit)
		dir := path.Clean("./" + r.Module.Subdir)
		r.Gone = after != nil && gone(after, dir)
		if before != nil && after != nil {
			if same, ok := fetch.Same(before, dir, after, dir); ok {
				r.Unchanged = &same
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// gone reports whether a directory is surely not in a tree: what a symlink may
// lead to is not looked at.
func gone(t *repo.TreeFS, dir string) bool {
	for at := "."; at != dir; {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(dir, at), "/"), "/")
		next := path.Join(at, name)
		if _, ok := t.Tree(next); !ok {
			entries, err := fs.ReadDir(t, at)
			return err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
		}
		at = next
	}
	return false
}

// trees are the open trees of one repository, by commit; nil for what no
// mirror has.
type trees struct {
	ctx     context.Context
	mirrors []*repo.Mirror
	open    map[string]*repo.TreeFS
}

func (t *trees) at(commit string) *repo.TreeFS {
	if tree, ok := t.open[commit]; ok {
		return tree
	}
	var found *repo.TreeFS
	if id, err := repo.ParseHash(commit); err == nil {
		for _, m := range t.mirrors {
			if tree, err := m.At(t.ctx, id); err == nil {
				found = tree
				break
			}
		}
	}
	t.open[commit] = found
	return found
}

// again forgets what was missing.
func (t *trees) again() {
	for commit, tree := range t.open {
		if tree == nil {
			delete(t.open, commit)
		}
	}
}

func (t *trees) close() {
	for _, tree := range t.open {
		if tree != nil {
			tree.Close()
		}
	}
}
