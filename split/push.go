package split

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/terrier-iac/terrier/modules/repo"
)

// PushConfig is what a user decides about a push.
type PushConfig struct {
	Only     string        // glob over repositories' names and paths below the directory; "" for all
	DryRun   bool          // read the remotes, change nothing
	Jobs     int           // repositories at a time; at least 1
	Silence  time.Duration // how long a remote may say nothing; 0 is for ever
	Projects Projects      // makes a repository's project where it is missing; nil: none is made
	Progress Progress
}

// Projects knows which remotes a forge has, and makes new ones.
type Projects interface {
	Exists(ctx context.Context, remote string) (bool, error)
	Create(ctx context.Context, remote string) error
}

// PushStatus is what became of one repository.
type PushStatus string

const (
	PushPushed   PushStatus = "pushed"     // all is there now
	PushCreated  PushStatus = "created"    // all is there now, in a project that was made for it
	PushUpToDate PushStatus = "up-to-date" // all was there
	PushWould    PushStatus = "would-push" // a dry run found that it can go
	PushRefused  PushStatus = "refused"    // it must not go, or the remote does not take it
	PushFailed   PushStatus = "failed"     // it could not be done
)

// Pushed is what a push did with one repository. Nothing in it bears
// credentials.
type Pushed struct {
	Name       string     `json:"name"`
	Repository string     `json:"repository"` // below the output directory
	Remote     string     `json:"remote"`
	Status     PushStatus `json:"status"`
	Branch     string     `json:"branch"`
	Tags       []string   `json:"tags"`
	Refs       []PushRef  `json:"refs"` // the branch, then the tags
	Reason     string     `json:"reason"`
	Hint       string     `json:"hint"` // the next step, where there is one to name
}

// PushRef is one ref of a repository, and what the remote held when it was
// read last.
type PushRef struct {
	Name   string `json:"name"`   // refs/heads/main
	Object string `json:"object"` // what it is to point to
	Remote string `json:"remote"` // what it pointed to there; "" for nothing, or where that was not read
	State  string `json:"state"`  // "" where the remote was not read, else one of the RefStates
}

// The states of a ref, seen from what the remote holds.
const (
	RefThere       = "there"        // on the same commit
	RefNew         = "new"          // not there
	RefFastForward = "fast-forward" // on an ancestor of ours
	RefConflict    = "conflict"     // on something else
)

// Push sends the repositories of a finished split to their remotes: packages
// after those that they call, live repositories last, and one of them only
// when all that it pins is there. It never forces, and changes nothing on this
// machine. The result has an entry for each repository that was asked for,
// sorted by path.
//
// The error is about the split as a whole (nothing was pushed then) or the
// context's; what happened to one repository is in its entry.
func Push(ctx context.Context, dir string, d *Document, c PushConfig) ([]Pushed, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	jobs, err := pushJobs(dir, d, c.Only)
	if err != nil {
		return nil, err
	}
	if n := len(d.Proof.Mismatches); n > 0 {
		for _, j := range jobs {
			j.refuse(fmt.Sprintf("the proof of the split does not hold (mismatches: %d)", n), "`terrier split` names them; nothing of this split is to be published")
		}
		return results(jobs), nil
	}
	if err := checkRemotes(jobs); err != nil {
		return nil, err
	}
	total := 0
	for _, j := range jobs {
		if j.selected {
			total++
		}
	}
	var mu sync.Mutex
	done := 0
	step := "pushing"
	if c.DryRun {
		step = "reading remotes"
	}
	c.Progress.tell(step, 0, total)
	slots := make(chan struct{}, max(c.Jobs, 1))
	var wg sync.WaitGroup
	for _, j := range jobs {
		wg.Go(func() {
			defer close(j.done)
			for _, n := range j.needs {
				<-n.done
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			j.run(ctx, c)
			if j.selected {
				mu.Lock()
				defer mu.Unlock()
				done++
				c.Progress.tell(step, done, total)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return results(jobs), nil
}

// A pushJob is one repository on its way.
type pushJob struct {
	Pushed
	gitDir   string
	remote   string // with whatever it holds
	selected bool   // else it is only looked whether it is there
	needs    []*pushJob
	done     chan struct{}
	refs     map[string]repo.Hash // recorded: full name to object
	own      map[string]repo.Ref  // in the repository on this machine
}

// usable reports whether what pins its releases finds them at its remote, or
// would after a dry run. Its branch may have gone on there meanwhile.
func (j *pushJob) usable() bool {
	switch j.Status {
	case PushPushed, PushCreated, PushUpToDate, PushWould:
		return true
	}
	for _, r := range j.Refs {
		if strings.HasPrefix(r.Name, "refs/tags/") && r.State != RefThere {
			return false
		}
	}
	return len(j.Tags) > 0
}

func (j *pushJob) refuse(reason, hint string) {
	j.Status, j.Reason, j.Hint = PushRefused, reason, hint
}

// maxReason bounds what a remote can make us say, in characters.
const maxReason = 2000

// fail keeps what an error says, and the hint in it.
func (j *pushJob) fail(err error) {
	j.Status = PushFailed
	j.Reason, j.Hint, _ = strings.Cut(repo.RedactURL(err.Error()), "\nhint: ")
	if r := []rune(j.Reason); len(r) > maxReason {
		j.Reason = string(r[:maxReason]) + " …"
	}
}

func results(jobs []*pushJob) []Pushed {
	out := []Pushed{}
	for _, j := range jobs {
		if j.selected {
			out = append(out, j.Pushed)
		}
	}
	slices.SortFunc(out, func(a, b Pushed) int { return strings.Compare(a.Repository, b.Repository) })
	return out
}
