package split

import (
	"fmt"
	"path"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/history"
)

// submodules adds to edits the .gitmodules of a repository that holds
// submodules of the monorepo and not its .gitmodules, and returns its blob, if
// there is one. Without that file git cannot check out the repository whole.
func (w *writer) submodules(edits map[string]repo.TreeEdit, f history.Filter) []repo.Object {
	const name = ".gitmodules"
	if f.Root == "." && f.Holds(name) {
		return nil
	}
	var b strings.Builder
	for _, s := range w.p.Submodules {
		if f.Holds(s.Path) {
			fmt.Fprintf(&b, "[submodule \"%s\"]\n\tpath = %s\n\turl = %s\n", s.Name, path.Clean(below(s.Path, f.Root)), s.URL)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	blob := repo.HashObject("blob", []byte(b.String()))
	edits[name] = repo.TreeEdit{Mode: repo.ModeFile, Blob: blob.ID}
	return []repo.Object{blob}
}
