package lint

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"

	"github.com/terrier-iac/terrier/hclparse"
)

// A Change is a file that fixes change.
type Change struct {
	Path          string // where its bytes are: the target of a symlink
	Before, After []byte
	Fixes         int // how many were made in it
	// Where credentials are in Before and After, as Secrets has them.
	SecretsBefore, SecretsAfter []Span
}

// maxRounds is how often fixes are made over each other's results. One round
// does nearly all; a second one what two fixes of one place leave.
const maxRounds = 10

// FixAll makes the fixes of the findings that want takes, in memory: load
// makes an Input of a file system, which begins as fsys. Fixes that overlap are
// made one after the other. It returns the changed files, by path, and what
// is found once they are made. Nothing is written.
//
// A fix after which a file no longer parses is a defect, and an error.
func FixAll(fsys fs.FS, load func(fs.FS) *Input, rules []*Rule, want func(Finding) bool) ([]Change, []Finding, *Input, error) {
	files := map[string][]byte{}
	over := hclparse.Overlay(fsys, files)
	changes := map[string]*Change{}
	in := load(over)
	found := Run(in, rules)
	first := in
	for range maxRounds {
		edits := map[string][]hclparse.Edit{}
		parsed := map[string]*hclparse.File{}
		for _, m := range in.Graph.Tree.Modules {
			for _, f := range m.Files {
				parsed[f.Path] = f
			}
		}
		for _, f := range found {
			file := parsed[f.Range.Filename]
			if f.Fix == nil || file == nil || len(file.Bytes) == 0 || !want(f) {
				continue
			}
			if !slices.ContainsFunc(f.Fix.Edits, func(e hclparse.Edit) bool { return overlaps(edits[file.Real], e) }) {
				edits[file.Real] = append(edits[file.Real], f.Fix.Edits...)
				if changes[file.Real] == nil {
					changes[file.Real] = &Change{Path: file.Real, Before: file.Bytes}
				}
				changes[file.Real].Fixes++
			}
		}
		if len(edits) == 0 {
			break
		}
		for path, e := range edits {
			before := changes[path].Before
			if now, ok := files[path]; ok {
				before = now
			}
			after, err := hclparse.Apply(before, e)
			if err != nil {
				return nil, nil, nil, fmt.Errorf("%s: %w", path, err)
			}
			files[path] = after
		}
		broken := brokenFiles(in)
		in = load(over)
		for path := range brokenFiles(in) {
			if !broken[path] {
				return nil, nil, nil, fmt.Errorf("%s would not parse after its fixes: nothing is written", path)
			}
		}
		found = Run(in, rules)
	}
	var out []Change
	var secretsBefore, secretsAfter map[string][]Span
	if len(changes) > 0 {
		secretsBefore, secretsAfter = Secrets(first), Secrets(in)
	}
	for _, path := range sortedKeys(changes) {
		c := changes[path]
		if c.After = files[path]; !bytes.Equal(c.Before, c.After) {
			c.SecretsBefore, c.SecretsAfter = secretsBefore[path], secretsAfter[path]
			out = append(out, *c)
		}
	}
	return out, found, in, nil
}

func overlaps(edits []hclparse.Edit, e hclparse.Edit) bool {
	return slices.ContainsFunc(edits, func(o hclparse.Edit) bool {
		return e.Start < o.End && o.Start < e.End || e.Start == o.Start
	})
}

func brokenFiles(in *Input) map[string]bool {
	out := map[string]bool{}
	for _, m := range in.Graph.Tree.Modules {
		for _, f := range m.Files {
			if f.Broken() {
				out[f.Real] = true
			}
		}
	}
	return out
}
