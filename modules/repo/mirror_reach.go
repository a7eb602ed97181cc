package repo

import (
	"context"
	"strings"
)

// Unreached returns those of the commits, which the mirror has, that none of
// the refs leads to: a new clone of the remote does not have them, even where
// the remote gives them by their id. Forges that keep a project and its forks
// in one store do so, for commits that somebody else has pushed to a fork.
//
// Refs of which the mirror does not have the commit are left out: what they
// lead to only a fetch can tell. It does not use the network.
func (m *Mirror) Unreached(ctx context.Context, refs map[string]Ref, commits ...Hash) ([]Hash, error) {
	tips := map[Hash]bool{}
	for _, ref := range refs {
		tips[ref.Commit] = true
	}
	var in strings.Builder
	var open []Hash
	for _, c := range commits {
		if !tips[c] { // most pins are a tag's own commit
			open = append(open, c)
			in.WriteString(c.String() + "\n")
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	for tip := range tips {
		in.WriteString("^" + tip.String() + "\n")
	}
	release, err := m.cache.inUse(ctx, m.name)
	if err != nil {
		return nil, err
	}
	defer release()
	out, err := run(ctx, ownCommand(ctx, m.path, "rev-list", "--ignore-missing", "--stdin"), strings.NewReader(in.String()))
	if err != nil {
		return nil, err
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		listed[strings.TrimSuffix(line, "\n")] = true
	}
	var unreached []Hash
	for _, c := range open {
		if listed[c.String()] {
			unreached = append(unreached, c)
		}
	}
	return unreached, nil
}
