package pins

import (
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

// A Stage is the edits of one environment, or of the files that several share,
// as a commit takes them.
type Stage struct {
	Environments []string // "" is none
	Edits        []Edit
	// Files are the contents of the files that it changes, those of the stages
	// before it included.
	Files map[string][]byte
}

// Stages cuts a result into what is committed by itself: what several
// environments share first, then one environment after the other in the order
// of environments, and last what is in none.
func (r *Result) Stages(environments []string) ([]Stage, error) {
	rank := func(s Stage) int {
		switch i := slices.Index(environments, s.Environments[0]); {
		case len(s.Environments) > 1:
			return 0
		case i >= 0:
			return i + 1
		case s.Environments[0] != "":
			return len(environments) + 1
		}
		return len(environments) + 2
	}
	var out []Stage
	for _, e := range r.Edits {
		envs := e.Environments
		if len(envs) == 0 {
			envs = []string{""}
		}
		i := slices.IndexFunc(out, func(s Stage) bool { return slices.Equal(s.Environments, envs) })
		if i < 0 {
			i = len(out)
			out = append(out, Stage{Environments: envs})
		}
		out[i].Edits = append(out[i].Edits, e)
	}
	slices.SortStableFunc(out, func(a, b Stage) int {
		if n := rank(a) - rank(b); n != 0 {
			return n
		}
		return strings.Compare(strings.Join(a.Environments, "\x00"), strings.Join(b.Environments, "\x00"))
	})
	before := map[string][]byte{}
	for _, c := range r.Changes {
		before[c.Path] = c.Before
	}
	done := map[string][]hclparse.Edit{}
	for i := range out {
		out[i].Files = map[string][]byte{}
		for _, e := range out[i].Edits {
			for _, b := range e.bytes {
				if !slices.ContainsFunc(done[b.File], func(o hclparse.Edit) bool { return o.Start == b.Start && o.End == b.End }) {
					done[b.File] = append(done[b.File], b.Edit)
					out[i].Files[b.File] = nil
				}
			}
		}
		for p := range out[i].Files {
			after, err := hclparse.Apply(before[p], done[p])
			if err != nil {
				return nil, err
			}
			out[i].Files[p] = after
		}
	}
	// A stage whose literals others have changed already changes nothing.
	return slices.DeleteFunc(out, func(s Stage) bool { return len(s.Files) == 0 }), nil
}
