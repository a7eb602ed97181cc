package cmd

import (
	"context"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/changelog"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/versions"
)

// stories tell what each move of a module brings, by pins.Edit.Key. What
// cannot be found out is told as such: a bump does not fail for it.
func (r *pinsRun) stories(ctx context.Context) (map[string]*pins.Story, error) {
	out := map[string]*pins.Story{}
	steps := map[string]*fetch.Step{}
	calls := map[string][]change.Called{}
	var order []string
	var mu sync.Mutex
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(4)
	bar := r.progress()
	defer bar.Done()
	step := bar.Step("reading releases")
	done := 0
	for i := range r.result.Edits {
		e := &r.result.Edits[i]
		if e.Move == nil || e.Move.To == nil {
			continue
		}
		key := e.Key()
		calls[key] = append(calls[key], change.Called{Call: e.Move.Uses[0].Call.Call, Sub: "."})
		if out[key] != nil {
			continue
		}
		out[key] = &pins.Story{Module: e.Module, From: e.FromVersion, To: e.ToVersion}
		order = append(order, key)
		g.Go(func() error {
			st := story(inner, r.store, out[key], e.Move)
			mu.Lock()
			defer mu.Unlock()
			steps[key] = st
			done++
			step(done, len(order))
			return inner.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	callers := change.NewCallers(r.graph)
	for _, key := range order {
		if st := steps[key]; st != nil {
			out[key].Breaks, _ = st.Breaks(callers, calls[key])
		}
	}
	return out, nil
}

// story compares the two versions of a move, and reads what was committed
// between them.
func story(ctx context.Context, store *fetch.Store, s *pins.Story, m *pins.Move) *fetch.Step {
	u := m.Uses[0]
	from, to := revision(u.Release, u.Commit, u.Ref), revision(m.To, m.To.Commit, m.To.Tag)
	step, err := store.Compare(ctx, u.Call.Source, from, to, []string{m.Module.Prefix})
	if err != nil {
		s.Why, _, _ = strings.Cut(err.Error(), "\nhint: ")
		return nil
	}
	s.Compared, s.Same, s.Level, s.Changes = true, step.Same, step.Level, step.Changes
	s.Log = commitsBetween(ctx, store, m)
	return step
}

func revision(r *versions.Release, commit, ref string) string {
	switch {
	case r != nil && r.Tag != "":
		return r.Tag
	case commit != "":
		return commit
	case ref != "":
		return ref
	}
	return "HEAD"
}

// commitsBetween is what was committed from the one version to the other; nil
// where that is not known, or where they go back.
func commitsBetween(ctx context.Context, store *fetch.Store, m *pins.Move) *changelog.Log {
	u := m.Uses[0]
	old, err := repo.ParseHash(u.Commit)
	if err != nil {
		return nil
	}
	new, err := repo.ParseHash(m.To.Commit)
	if err != nil {
		return nil
	}
	_, mirror, err := store.Refs(ctx, lock.RemoteURL(u.Call.Source))
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
