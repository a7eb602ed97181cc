package cmd

import (
	"path"
	"slices"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/rewrite"
	"github.com/terrier-iac/terrier/modules/versions"
)

// docs adds what becomes of the documents, where --docs asks for it. It comes
// behind make.
func (r *pinsRun) docs(to func(*versions.Module, *versions.Use) (*rewrite.Pin, *versions.Release)) error {
	if !r.o.docs {
		return nil
	}
	environments, err := r.choose(r.cfg)
	if err != nil {
		return err
	}
	return r.tree.Docs(r.result, pins.Docs{
		Set: r.set, Environments: r.cfg.EnvironmentsOf, To: to,
		Keep: func(file string) bool { return r.keepsDoc(file, environments) },
	})
}

// keepsDoc reports whether a document is among those that the flags name. One
// that is in no environment is left by --env, as a call would be.
func (r *pinsRun) keepsDoc(file string, environments []string) bool {
	dir := path.Dir(file)
	if d := r.graph.Dirs[dir]; r.cfg.roleOf(dir) == modules.RoleIgnore || d != nil && d.Role == modules.RoleIgnore {
		return false
	}
	if len(r.o.paths) > 0 && !r.inPaths(file) {
		return false
	}
	if environments == nil {
		return true
	}
	of := r.cfg.EnvironmentsOf(dir)
	if len(of) == 0 {
		return slices.Contains(environments, "-")
	}
	// As with a file of calls, all that it serves have to be named.
	return !slices.ContainsFunc(of, func(e string) bool { return !slices.Contains(environments, e) })
}
