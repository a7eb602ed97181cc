package lock

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/terrier-iac/terrier/modules/repo"
)

// Since is how long a lock file has had an entry's commit.
type Since struct {
	// Commit is the commit of the user's repository that wrote it; "" where
	// it is not committed yet.
	Commit string
	When   int64 // of that commit, seconds since 1970, UTC
	// AtLeast says that the clone is shallow and ends there.
	AtLeast bool
}

// SinceOf tells from the history of a lock file since when it has an entry's
// commit, or a hash where there is no commit. r is the repository that dir,
// the lock file's directory, is in. The result is nil where git cannot tell.
func SinceOf(ctx context.Context, r *repo.Repo, dir string, e *Entry) (*Since, error) {
	h, err := history(ctx, r, dir)
	if h == nil || err != nil {
		return nil, err
	}
	return h.since(ctx, e)
}

// A past is a lock file as HEAD has it.
type past struct {
	r    *repo.Repo
	path string
	file *File // nil where HEAD has none
}

func history(ctx context.Context, r *repo.Repo, dir string) (*past, error) {
	if r == nil || r.Root == "" {
		return nil, nil
	}
	file, err := Path(dir)
	if err != nil {
		return nil, nil // said elsewhere
	}
	rel, err := filepath.Rel(r.Root, file)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, nil
	}
	h := &past{r: r, path: filepath.ToSlash(rel)}
	src, err := r.FileAt(ctx, "HEAD", h.path)
	if errors.Is(err, repo.ErrNoLine) {
		return h, nil
	}
	if err != nil {
		return nil, err
	}
	h.file, _ = Parse(src, h.path)
	return h, nil
}

func (h *past) since(ctx context.Context, e *Entry) (*Since, error) {
	committed := h.file.Find(e.Address, e.Ref)
	if committed == nil || committed.Commit != e.Commit || committed.Hash != e.Hash {
		return &Since{}, nil
	}
	line := committed.CommitRange.Start.Line
	if line == 0 {
		line = committed.Range.Start.Line
	}
	o, err := h.r.LineSince(ctx, "HEAD", h.path, line)
	if errors.Is(err, repo.ErrNoLine) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Since{Commit: o.Commit.String(), When: o.When, AtLeast: o.AtLeast}, nil
}

// AddSince fills in Since of each problem of something that moved.
func AddSince(ctx context.Context, r *repo.Repo, dir string, problems []Problem) error {
	var h *past
	for i := range problems {
		p := &problems[i]
		if p.Entry == nil || p.Rule != MovedTag && p.Rule != MovedBranch && p.Rule != MovedRange && p.Rule != MovedVersion {
			continue
		}
		if h == nil {
			var err error
			if h, err = history(ctx, r, dir); h == nil || err != nil {
				return err
			}
		}
		var err error
		if p.Since, err = h.since(ctx, p.Entry); err != nil {
			return err
		}
	}
	return nil
}
