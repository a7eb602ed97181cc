package repo

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readPackedRefs reads the packed-refs of a mirror (git-pack-refs(1)), which
// has all of its refs, each tag with what it leads to.
func readPackedRefs(gitDir string) (map[string]Ref, error) {
	data, err := os.ReadFile(filepath.Join(gitDir, "packed-refs"))
	if err != nil {
		return nil, err
	}
	refs := map[string]Ref{}
	last := ""
	for line := range strings.Lines(string(data)) {
		line, whole := strings.CutSuffix(line, "\n")
		peeled, isPeeled := strings.CutPrefix(line, "^")
		id, name, named := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case !whole, isPeeled && last == "", !isPeeled && (!named || !strings.HasPrefix(name, "refs/")):
			return nil, fmt.Errorf("%s: a line is no ref", gitDir)
		case isPeeled:
			id, name = peeled, last
		}
		h, err := ParseHash(id)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", gitDir, err)
		}
		if isPeeled {
			refs[name] = Ref{refs[name].Object, h}
			last = ""
			continue
		}
		refs[name], last = Ref{h, h}, name
	}
	return refs, nil
}

// writePackedRefs puts the refs in the place of those that were there, in one
// step.
func writePackedRefs(gitDir string, refs map[string]Ref) error {
	var b strings.Builder
	b.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		ref := refs[name]
		fmt.Fprintf(&b, "%s %s\n", ref.Object, name)
		if ref.Commit != ref.Object {
			fmt.Fprintf(&b, "^%s\n", ref.Commit)
		}
	}
	// The name is one of its own: a process that was killed has left another.
	f, err := os.CreateTemp(gitDir, "packed-refs.tmp-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(b.String()); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(gitDir, "packed-refs"))
}
