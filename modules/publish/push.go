package publish

import (
	"context"
	"fmt"
	"strings"

	"github.com/terrier-iac/terrier/modules/forge"
	"github.com/terrier-iac/terrier/modules/repo"
)

// Push brings the branch to the remote, behind Commit. One of terrier's own
// that is there is replaced, with a lease; where it has the same files on the
// same base it is left, and pushed is false. One with commits of others is an
// error.
func (d *Destination) Push(ctx context.Context) (pushed bool, err error) {
	r := d.config.Repo
	var replace *repo.Hash
	if d.Apart() {
		remote, err := r.Remote(ctx, d.config.Remote)
		if err != nil {
			return false, err
		}
		refs, err := remote.Refs(ctx)
		if err != nil {
			return false, err
		}
		if _, ok := refs["refs/heads/"+d.target]; d.target != "" && !ok {
			return false, fmt.Errorf("%s has no branch %s to merge into, and nothing is pushed\nhint: --target names one that is there", repo.RedactURL(d.config.Remote), d.target)
		}
		if there, ok := refs["refs/heads/"+d.Branch]; ok {
			same, err := d.sameThere(ctx, there.Commit)
			if err != nil || same {
				return false, err
			}
			replace = &there.Commit
		}
	}
	if err := r.PushBranch(ctx, d.config.Remote, d.Branch, replace); err != nil {
		return false, d.unsent(err)
	}
	return true, nil
}

// unsent tells what to do about commits that are here and not there. Those on
// the branch that is checked out the same command would not make again.
func (d *Destination) unsent(err error) error {
	if d.Apart() {
		return err
	}
	text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
	if hint != "" {
		hint += "; "
	}
	return fmt.Errorf("%s\nMade here: %s on %s\nhint: %sgit push %s %s sends it", text, count(d.made), d.Branch, hint, repo.RedactURL(d.config.Remote), d.Branch)
}

func count(commits int) string {
	if commits == 1 {
		return "1 commit"
	}
	return fmt.Sprintf("%d commits", commits)
}

// sameThere reports whether the remote's branch has the same files on the same
// base. One that others have committed to is an error.
func (d *Destination) sameThere(ctx context.Context, there repo.Hash) (bool, error) {
	if there == d.tip {
		return true, nil
	}
	rd, gitDir, err := d.reader(ctx, there)
	if err != nil {
		return false, err
	}
	defer rd.Close()
	line, err := d.ownLine(ctx, rd, gitDir, "on "+d.config.Remote, there)
	if err != nil {
		return false, err
	}
	c, err := d.config.Repo.Resolve(ctx, d.tip.String())
	return err == nil && line.Base == d.Base.ID && line.Tree == c.Tree, err
}

// reader reads a repository that has the remote's branch, at the commit there,
// and what came before it: this one, whose objects take the few commits that it
// lacks. Of a shallow clone the history is missing, and a mirror has it.
func (d *Destination) reader(ctx context.Context, there repo.Hash) (rd repo.Reader, gitDir string, err error) {
	r := d.config.Repo
	shallow, err := r.Shallow(ctx)
	if err != nil {
		return nil, "", err
	}
	if !shallow {
		if _, err := r.Resolve(ctx, there.String()); err != nil {
			if err := r.FetchCommits(ctx, d.config.Remote, d.Branch); err != nil {
				return nil, "", err
			}
		}
		rd, err = r.Reader(ctx)
		return rd, r.GitDir, err
	}
	cache, err := d.config.Cache()
	if err != nil {
		return nil, "", err
	}
	m, err := cache.Mirror(d.url)
	if err != nil {
		return nil, "", err
	}
	if err := m.Ensure(ctx, repo.Want{Ref: "refs/heads/" + d.Branch, Commit: there}, repo.Want{Commit: d.Base.ID}); err != nil {
		return nil, "", err
	}
	rd, err = m.Reader(ctx)
	return rd, m.Path(), err
}

// OpenRequest opens the merge request of the branch, or brings the open one up
// to date, behind Push. What it returns beside an error counts where its URL is
// not empty: see forge.Forge.Open.
func (d *Destination) OpenRequest(ctx context.Context, p *Plan) (forge.Opened, error) {
	title, body := p.description()
	return d.forge.Open(ctx, d.url, forge.Request{Source: d.Branch, Target: d.target, Title: title, Body: body})
}
