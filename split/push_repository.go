package split

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/terrier-iac/terrier/modules/repo"
)

// run does one repository, from the checks on this machine to the last word
// of the remote.
func (j *pushJob) run(ctx context.Context, c PushConfig) {
	if missing := j.missing(); len(missing) > 0 {
		reason, hint := "it needs "+missing[0].Name, ""
		if n := len(missing) - 1; n > 0 {
			reason += fmt.Sprintf(" and %d more", n)
		}
		if !missing[0].selected {
			hint = "push " + missing[0].Name + " too: a repository goes only after what it pins"
		}
		j.refuse(reason+", and it is not there", hint)
		return
	}
	if err := j.checkLocal(ctx); err != nil {
		j.fail(err)
	}
	if j.Status != "" {
		return
	}
	if created, ok := j.project(ctx, c); ok {
		j.send(ctx, c, created)
	}
}

// missing are the repositories that it needs and that cannot be used.
func (j *pushJob) missing() []*pushJob {
	var missing []*pushJob
	for _, n := range j.needs {
		if !n.usable() {
			missing = append(missing, n)
		}
	}
	return missing
}

// checkLocal compares the repository on this machine with what the split
// recorded, before anything of it leaves.
func (j *pushJob) checkLocal(ctx context.Context) error {
	var err error
	if j.own, err = repo.OwnRefs(ctx, j.gitDir); err != nil {
		return fmt.Errorf("%s: %w\nhint: the same `terrier split` again writes what is missing", j.Repository, err)
	}
	for _, name := range slices.Sorted(maps.Keys(j.refs)) {
		switch got, ok := j.own[name]; {
		case !ok:
			j.refuse(fmt.Sprintf("%s is recorded at %s, and is not in %s", name, j.refs[name], j.Repository), alteredHint)
			return nil
		case got.Object != j.refs[name]:
			j.refuse(fmt.Sprintf("%s is recorded at %s, and is at %s in %s", name, j.refs[name], got.Object, j.Repository), alteredHint)
			return nil
		}
	}
	return nil
}

const alteredHint = "it was altered after the split, so the proof does not cover it; remove it, and the same `terrier split` again writes it"

// project sees to it that the forge has the repository's project. ok says that
// the remote can be read now.
func (j *pushJob) project(ctx context.Context, c PushConfig) (created, ok bool) {
	if c.Projects == nil {
		return false, true
	}
	exists, err := c.Projects.Exists(ctx, j.remote)
	switch {
	case err != nil:
		j.fail(err)
		return false, false
	case exists:
		return false, true
	case !j.selected:
		j.refuse("its project is not there", "")
		return false, false
	case c.DryRun:
		j.Status, j.Reason = PushWould, "its project would be created"
		j.describe(map[string]repo.Ref{})
		return false, false
	}
	if err := c.Projects.Create(ctx, j.remote); err != nil {
		// What is true is what the forge has: an answer can get lost.
		if exists, e := c.Projects.Exists(ctx, j.remote); e != nil || !exists {
			j.fail(err)
			return false, false
		}
	}
	return true, true
}

const (
	pushRetries = 2 // after the first, and only where a connection was lost
	ancestry    = "a push never forces: choose another remote, or bring the two together yourself"
)

// retryDelay is how long a remote has to come to itself after a connection
// was lost, before it is read again.
var retryDelay = time.Second

// send reads the remote and pushes what is missing. After any failure the
// remote is read again: what it holds then is the result.
func (j *pushJob) send(ctx context.Context, c PushConfig, created bool) {
	remote := &repo.Remote{URL: j.remote, GitDir: j.gitDir, Silence: c.Silence}
	lost := 0
	// again waits where another try may help, and reports whether it may.
	again := func(err error) bool {
		var re *repo.RemoteError
		if !errors.As(err, &re) || lost == pushRetries {
			return false
		}
		if re.Trouble != repo.TroubleLost && !(created && re.Trouble == repo.TroubleMissing) {
			return false
		}
		lost++
		select {
		case <-time.After(retryDelay):
			return true
		case <-ctx.Done():
			return false
		}
	}
	var last error // of the push before
	retry := true
	for {
		there, err := remote.Refs(ctx)
		if err != nil {
			switch {
			case again(err):
				continue
			case last != nil:
				j.fail(fmt.Errorf("%v; after that the remote could not be read (%v), so what it holds is not known\nhint: the same command again finds out, and completes it", last, err))
			default:
				j.failRemote(err, c)
			}
			return
		}
		missing, err := j.compare(ctx, there)
		switch {
		case err != nil:
			j.fail(err)
			return
		case j.Status == PushRefused:
			return
		case len(missing) == 0:
			if j.Status = PushUpToDate; last != nil {
				j.sent(created)
			}
			return
		case !j.selected:
			j.refuse("it is not there yet", "")
			return
		case c.DryRun:
			j.Status = PushWould
			return
		case !retry:
			j.failRemote(last, c)
			return
		}
		if last = remote.Push(ctx, missing); last == nil {
			j.sent(created) // git has the remote's word for each ref
			return
		}
		retry = again(last)
	}
}

func (j *pushJob) sent(created bool) {
	if j.Status = PushPushed; created {
		j.Status = PushCreated
	}
}

// failRemote says what a remote's failure means, and what helps.
func (j *pushJob) failRemote(err error, c PushConfig) {
	j.fail(err)
	var re *repo.RemoteError
	if !errors.As(err, &re) {
		return
	}
	hint := ""
	switch re.Trouble {
	case repo.TroubleRefused:
		j.Status = PushRefused
		hint = "the remote decides who may push what: look at its rights, protected branches and hooks"
	case repo.TroubleChanged:
		hint = "somebody else pushed meanwhile: the same command again reads the remote anew"
	case repo.TroubleCredentials:
		hint = "git cannot ask on the terminal here: give it a credential helper, an askpass program or an ssh agent; `git ls-remote` with the remote shows whether that works"
	case repo.TroubleMissing:
		if hint = "create the project, or let --create gitlab|github|gitea do it"; c.Projects != nil {
			hint = "the forge knows the project and git does not find it: look at the remote's path, and at the rights of git's credentials"
		}
	case repo.TroubleSilent:
		hint = "--timeout gives it longer; the same command again completes it"
	case repo.TroubleLost:
		hint = "the same command again completes it"
	}
	if j.Hint == "" {
		j.Hint = hint
	}
}

// compare holds the refs against the remote's, and returns those to push. A
// conflict is in the entry then.
func (j *pushJob) compare(ctx context.Context, there map[string]repo.Ref) ([]repo.RefUpdate, error) {
	j.describe(there)
	var updates []repo.RefUpdate
	for i := range j.Refs {
		r := &j.Refs[i]
		theirs, has := there[r.Name]
		switch {
		case r.State == RefNew:
			updates = append(updates, repo.RefUpdate{Name: r.Name, Object: j.refs[r.Name]})
			if strings.HasPrefix(r.Name, "refs/heads/") {
				if err := j.related(ctx, r, there); err != nil {
					return nil, err
				}
			}
		case r.State == RefThere || !has:
		case strings.HasPrefix(r.Name, "refs/tags/"):
			// The tag's object may be another's for the same commit.
			commit := j.own[r.Name].Commit
			if theirs.Commit == commit {
				r.State = RefThere
				continue
			}
			j.conflict(fmt.Sprintf("tag %s is on commit %s there, and on %s here", strings.TrimPrefix(r.Name, "refs/tags/"), theirs.Commit, commit),
				"a release is never moved: choose another `version` or `tag` in terrier.hcl, or another remote")
		default:
			ours, err := repo.Ancestors(ctx, j.gitDir, j.refs[r.Name])
			if err != nil {
				return nil, err
			}
			if ours[theirs.Commit] {
				r.State = RefFastForward
				updates = append(updates, repo.RefUpdate{Name: r.Name, Object: j.refs[r.Name]})
				continue
			}
			j.conflict(fmt.Sprintf("%s is at %s there, which is not in the history of %s here", strings.TrimPrefix(r.Name, "refs/heads/"), theirs.Commit, r.Object), ancestry)
		}
	}
	return updates, nil
}

// conflict refuses for one more reason.
func (j *pushJob) conflict(reason, hint string) {
	if j.Status == PushRefused {
		j.Reason += "; " + reason
		return
	}
	j.refuse(reason, hint)
}

// related refuses a new branch beside others of which none is in its history:
// the remote is somebody else's.
func (j *pushJob) related(ctx context.Context, r *PushRef, there map[string]repo.Ref) error {
	var branches []string
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if strings.HasPrefix(name, "refs/heads/") {
			branches = append(branches, name)
		}
	}
	if len(branches) == 0 {
		return nil
	}
	ours, err := repo.Ancestors(ctx, j.gitDir, j.refs[r.Name])
	if err != nil || slices.ContainsFunc(branches, func(name string) bool { return ours[there[name].Commit] }) {
		return err
	}
	r.State = RefConflict
	j.conflict(fmt.Sprintf("the remote holds another history: %s is at %s there, which is not in the history of %s here",
		strings.TrimPrefix(branches[0], "refs/heads/"), there[branches[0]].Commit, r.Object), ancestry)
	return nil
}

// describe fills in the refs, and what the remote holds of them where it was
// read.
func (j *pushJob) describe(there map[string]repo.Ref) {
	j.Refs = []PushRef{}
	names := []string{"refs/heads/" + j.Branch}
	for _, tag := range j.Tags {
		names = append(names, "refs/tags/"+tag)
	}
	for _, name := range names {
		r := PushRef{Name: name, Object: j.refs[name].String()}
		if there != nil {
			theirs, ok := there[name]
			switch {
			case !ok:
				r.State = RefNew
			case theirs.Object == j.refs[name]:
				r.Remote, r.State = theirs.Object.String(), RefThere
			default:
				r.Remote, r.State = theirs.Object.String(), RefConflict
			}
		}
		j.Refs = append(j.Refs, r)
	}
}
