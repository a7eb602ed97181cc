package cmd

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/terrier-iac/terrier/live/share"
	"github.com/terrier-iac/terrier/live/store"
)

// ageIdentity is the environment's name for the key that reads shared plans.
const ageIdentity = "TERRIER_AGE_IDENTITY"

// openShare opens where runs are shared, nil where they are not.
func openShare(ctx context.Context, c RunsConfig) (*share.Share, error) {
	if c.S3 == nil {
		return nil, nil
	}
	return share.Open(ctx, share.Config{
		Bucket: c.S3.Bucket, Prefix: c.S3.Prefix, Region: c.S3.Region, KMSKeyID: c.S3.KMSKeyID,
		Recipients: c.Recipients, Identity: os.Getenv(ageIdentity),
	})
}

// loadRun reads a run: as it was shared last, where runs are shared and this
// clone has no more of it. Approvals and applies may have been added elsewhere,
// so that one which cannot be looked for there is not read here alone.
func loadRun(ctx context.Context, s *store.Store, sh *share.Share, id string) (*store.Run, error) {
	if sh == nil || !s.Team() { // what is shared is sealed with the team's key
		return s.Load(id)
	}
	if id == store.Latest {
		newest, err := latestRun(ctx, s, sh)
		if err != nil {
			return nil, err
		}
		id = newest
	}
	run, err := sh.Get(ctx, s, id)
	switch {
	case errors.Is(err, store.ErrUnshared):
		return s.Load(id)
	case errors.Is(err, store.ErrNoRun): // it was never shared
		if run, here := s.Load(id); !errors.Is(here, store.ErrNoRun) {
			return run, here
		}
	}
	return run, err
}

// latestRun is the newest run of this clone and of all that are shared.
func latestRun(ctx context.Context, s *store.Store, sh *share.Share) (string, error) {
	there, err := sh.Runs(ctx)
	if err != nil {
		return "", err
	}
	here, err := s.List()
	if err != nil {
		return "", err
	}
	switch {
	case len(there) > 0 && (len(here) == 0 || there[0] > here[0].ID): // ids begin with the time
		return there[0], nil
	case len(here) > 0:
		return here[0].ID, nil
	}
	return "", errors.New("nothing was planned yet, here or where runs are shared\nhint: terrier plan")
}

// sharedAlone are the runs that are shared and not in a list of this clone's,
// the newest first.
func sharedAlone(ctx context.Context, sh *share.Share, here []store.Listed) ([]string, error) {
	if sh == nil {
		return nil, nil
	}
	ids, err := sh.Runs(ctx)
	return slices.DeleteFunc(ids, func(id string) bool {
		return slices.ContainsFunc(here, func(l store.Listed) bool { return l.ID == id })
	}), err
}

// putting bounds how long a run is shared after an interrupt.
const putting = 2 * time.Minute

// put shares a run as it is now, also after an interrupt: what was done is done,
// and others have to know.
func (e *estateRun) put(ctx context.Context, id string) error {
	if !e.shares() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putting)
	defer cancel()
	return e.share.Put(ctx, e.store, id)
}
