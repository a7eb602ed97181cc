package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// CleanOptions say which runs go.
type CleanOptions struct {
	OlderThan time.Duration
	Now       time.Time
	Approved  bool // also those that are approved and not applied
	DryRun    bool
}

// A Cleaned is what became of a run that is old enough.
type Cleaned struct {
	ID   string
	Kept string // why, "" where it is gone
}

// Clean removes the runs that began before Now minus OlderThan, with their
// plans, oldest first. Kept, and named, are those that a terrier is applying,
// those of which an apply's end is not known, those that somebody approved and
// nobody applied (but for Approved), and those that cannot be read: what they
// are somebody has to look at.
func (s *Store) Clean(o CleanOptions) ([]Cleaned, error) {
	all, err := s.below(runsName, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer all.Close()
	before := o.Now.Add(-o.OlderThan)
	if !o.DryRun {
		if err := leftovers(all, before); err != nil {
			return nil, err
		}
	}
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	var out []Cleaned
	for _, id := range ids {
		at, err := timeOf(id)
		if err != nil || !at.Before(before) {
			continue
		}
		kept, err := s.clean(all, id, o)
		if err != nil {
			return out, fmt.Errorf("run %s: %w", id, err)
		}
		out = append(out, Cleaned{ID: id, Kept: kept})
	}
	return out, nil
}

// leftovers removes what killed processes left beside the runs: folders that
// were on their way out, and old ones on their way in.
func leftovers(all *os.Root, before time.Time) error {
	left, err := names(all, func(name string) bool {
		if id, ok := strings.CutPrefix(name, newPrefix); ok {
			id, _, _ = strings.Cut(id, ".") // of Unpack, with the process
			at, err := timeOf(id)
			return err == nil && at.Before(before)
		}
		return strings.HasPrefix(name, trashPrefix)
	})
	for _, name := range left {
		err = errors.Join(err, all.RemoveAll(name))
	}
	return err
}

func (s *Store) clean(all *os.Root, id string, o CleanOptions) (kept string, err error) {
	// A run that somebody else could have written to is none of ours to lock.
	r, err := s.Load(id)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return "it cannot be read: " + first, nil
	}
	unlock, err := s.Lock(id)
	switch {
	case errors.Is(err, ErrLocked):
		return "another terrier has it", nil
	case errors.Is(err, ErrNoRun):
		return "", nil // another one cleans as well
	case err != nil:
		return "it cannot be locked: " + err.Error(), nil
	}
	defer unlock()
	if kept, err = s.needed(r, o.Approved); kept != "" || err != nil {
		return kept, err
	}
	if o.DryRun {
		return "", nil
	}
	// Away at once, so that no half of it is ever taken for a run.
	trash := trashPrefix + id
	if err := s.at("rename trash"); err != nil {
		return "", err
	}
	if filepath.Separator != '/' {
		unlock() // an open file holds its folder there
	}
	if err := all.Rename(id, trash); err != nil {
		return "", err
	}
	s.syncDir(all)
	unlock()
	if err := s.at("remove trash"); err != nil {
		return "", err
	}
	s.mu.Lock()
	delete(s.journals, id)
	s.mu.Unlock()
	return "", all.RemoveAll(trash)
}

// needed says why a run has to stay.
func (s *Store) needed(r *Run, approved bool) (string, error) {
	all, _, err := s.AllApprovals(r.ID)
	if err != nil {
		return "", err
	}
	j, err := s.journal(r.ID)
	if errors.Is(err, ErrForeign) {
		return "its journal was edited", nil
	}
	if err != nil {
		return "", err
	}
	for _, st := range r.Stacks {
		var step Step
		if i, ok := j.last[st.Name]; ok {
			step = j.steps[i]
		}
		applied := step.Digest == st.Digest && (step.State == StateApplied || step.State == StateUnchanged)
		switch {
		case step.State == Started || step.State == StateUnknown:
			return fmt.Sprintf("how its apply of %s ended is not known", st.Name), nil
		case !applied && !approved && len(counting(all, r.ID, st)) > 0:
			return fmt.Sprintf("%s is approved and not applied", st.Name), nil
		}
	}
	return "", nil
}
