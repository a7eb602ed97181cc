package cmd

import (
	"context"
	"fmt"
	"maps"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lock"
)

// A moduleOpener reads modules of other repositories, to see which states they
// read. It asks nobody: what no mirror in the user's cache has is not read.
type moduleOpener struct {
	ctx    context.Context
	store  *fetch.Store
	lock   *lock.File
	opened map[[2]string]*openedModule // by package, and ref or version
}

type openedModule struct {
	tree *static.Tree
	dir  string
	err  error
}

func (a *app) moduleOpener(ctx context.Context, root string) (*moduleOpener, error) {
	file, err := a.readLock(root)
	if err != nil {
		return nil, err
	}
	s, err := a.fetchStore(true)
	if err != nil {
		return nil, err
	}
	return &moduleOpener{ctx: ctx, store: s, lock: file, opened: map[[2]string]*openedModule{}}, nil
}

// readAhead reads the git modules that a tree calls, several at a time: each
// takes some processes of git, and open is asked for one after the other.
func (m *moduleOpener) readAhead(g *modules.Graph) {
	found := map[[2]string]*openedModule{}
	var group errgroup.Group
	group.SetLimit(max(2, runtime.NumCPU()))
	for _, d := range g.Sorted() {
		if d.Config == nil || m.ctx.Err() != nil {
			continue
		}
		for _, c := range d.Config.Effective(false) {
			if !c.HasSource || !c.Static || c.SourceErr != nil || c.Source.Kind != hclparse.KindGit {
				continue
			}
			key, rev := m.key(c.Source, "")
			if found[key] != nil {
				continue
			}
			o := &openedModule{}
			found[key] = o
			group.Go(func() error {
				*o = *m.read(c.Source, rev)
				return nil
			})
		}
	}
	_ = group.Wait() // what failed says so when it is asked for
	maps.Copy(m.opened, found)
}

// open gives the tree that holds a module, and its directory there.
func (m *moduleOpener) open(source hclparse.Source, version string) (*static.Tree, string, error) {
	key, rev := m.key(source, version)
	o := m.opened[key]
	if o == nil {
		o = m.read(source, rev)
		m.opened[key] = o
	}
	return o.tree, o.dir, o.err
}

// key names what is opened, and the revision that it is opened at.
func (m *moduleOpener) key(source hclparse.Source, version string) (key [2]string, rev string) {
	rev = source.Ref
	if source.Kind == hclparse.KindRegistry {
		rev = version
	}
	if e := m.lock.Find(lock.Address(source), rev); e != nil && e.Commit != "" && source.Kind == hclparse.KindGit {
		rev = e.Commit
	} else if e != nil && e.Version != "" {
		rev = e.Version
	}
	if rev == "" {
		rev = "HEAD"
	}
	return [2]string{source.Package + "//" + source.Subdir, rev}, rev
}

func (m *moduleOpener) read(source hclparse.Source, rev string) *openedModule {
	v, err := m.store.Open(m.ctx, source, rev, nil)
	if err != nil {
		return &openedModule{err: fmt.Errorf("it is in another repository, and your cache does not have it")}
	}
	// The version stays open: its files are read when they are asked for.
	tree, _ := hclparse.LoadCalls(v.FS, "terraform_remote_state")
	return &openedModule{tree: static.NewTree(modules.NewGraph(tree, nil)), dir: v.Dir}
}
