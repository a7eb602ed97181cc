package publish

import (
	"context"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/changelog"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Teller finds out what moves of modules bring.
type Teller struct {
	Store *fetch.Store
	// Graph is the tree before the moves: its calls are held against the new
	// versions.
	Graph *modules.Graph
	// Progress is told how far it is; nil for nobody.
	Progress func(step string, done, total int)
}

// storiesAtOnce is how many moves are compared at a time: each takes the whole
// of two packages.
const storiesAtOnce = 4

// Stories tell what each move of a module brings, by pins.Edit.Key. What
// cannot be found out is told as such: nothing fails for it. The error is the
// context's.
func (t Teller) Stories(ctx context.Context, edits []pins.Edit) (map[string]*pins.Story, error) {
	out := map[string]*pins.Story{}
	steps := map[string]*fetch.Step{}
	calls := map[string][]change.Called{}
	var order []string
	var mu sync.Mutex
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(storiesAtOnce)
	done := 0
	for i := range edits {
		e := &edits[i]
		if e.Move == nil || e.Move.To == nil {
			continue
		}
		key := e.Key()
		calls[key] = append(calls[key], change.Called{Call: e.Move.Uses[0].Call.Call, Sub: "."})
		if out[key] != nil {
			continue
		}
		s := &pins.Story{Module: e.Module, From: e.FromVersion, To: e.ToVersion}
		out[key] = s
		order = append(order, key)
		g.Go(func() error {
			st := t.tell(inner, s, e.Move)
			mu.Lock()
			defer mu.Unlock()
			steps[key] = st
			if done++; t.Progress != nil {
				t.Progress("reading releases", done, len(order))
			}
			return inner.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	callers := change.NewCallers(t.Graph)
	for _, key := range order {
		if st := steps[key]; st != nil {
			out[key].Breaks, _ = st.Breaks(callers, calls[key])
		}
	}
	return out, nil
}

// tell compares the two versions of a move, and reads what was committed
// between them.
func (t Teller) tell(ctx context.Context, s *pins.Story, m *pins.Move) *fetch.Step {
	from, to := m.Revisions()
	step, err := t.Store.Compare(ctx, m.Uses[0].Call.Source, from, to, []string{m.Module.Prefix})
	if err != nil {
		s.Why, _, _ = strings.Cut(err.Error(), "\nhint: ")
		return nil
	}
	s.Compared, s.Same, s.Level, s.Changes = true, step.Same, step.Level, step.Changes
	s.Log = t.commitsBetween(ctx, m)
	return step
}

// commitsBetween is what was committed from the one version to the other; nil
// where that is not known, or where they go back.
func (t Teller) commitsBetween(ctx context.Context, m *pins.Move) *changelog.Log {
	u := m.Uses[0]
	old, err := repo.ParseHash(u.Commit)
	if err != nil {
		return nil
	}
	new, err := repo.ParseHash(m.To.Commit)
	if err != nil {
		return nil
	}
	_, mirror, err := t.Store.Refs(ctx, lock.RemoteURL(u.Call.Source))
	if err != nil || mirror == nil {
		return nil
	}
	rd, err := mirror.Reader(ctx)
	if err != nil {
		return nil
	}
	defer rd.Close()
	dir := m.Module.Subdir
	if dir == "" {
		dir = "."
	}
	entries, err := changelog.Between(ctx, rd, old, new, dir)
	if err != nil || len(entries) == 0 {
		return nil
	}
	return changelog.New(entries)
}
