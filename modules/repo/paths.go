package repo

import (
	"context"
	"strings"
)

// IDsAt returns the ids of what stands at paths of a tree: files, symlinks,
// directories, submodules. "." is the tree itself. Where there is nothing there
// is none. Only the trees on the way are read, each once.
func IDsAt(ctx context.Context, rd Reader, root Hash, paths []string) (map[string]Hash, error) {
	read := map[Hash][]rawEntry{}
	entries := func(id Hash) ([]rawEntry, error) {
		if list, ok := read[id]; ok {
			return list, nil
		}
		var list []rawEntry
		err := rd.Objects(ctx, []Hash{id}, func(o Object) (err error) {
			list, err = decodeTree(o.Data)
			return err
		})
		read[id] = list
		return list, err
	}
	out := map[string]Hash{}
	for _, p := range paths {
		at, tree, found := root, true, true
		if p != "." {
			for name := range strings.SplitSeq(p, "/") {
				if !tree {
					found = false
					break
				}
				list, err := entries(at)
				if err != nil {
					return nil, err
				}
				found = false
				for _, e := range list {
					if e.name == name {
						at, tree, found = e.id, e.isTree(), true
						break
					}
				}
				if !found {
					break
				}
			}
		}
		if found {
			out[p] = at
		}
	}
	return out, nil
}
