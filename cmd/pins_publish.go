package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/publish"
	"github.com/terrier-iac/terrier/modules/repo"
)

// publishOptions are what becomes of the changes beyond the work tree.
type publishOptions struct {
	commit, push bool
	branch       string
	request      bool // --merge-request, --pull-request
	remote       string
	target       string
}

func (o *publishOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	if f.Lookup("commit") == nil { // pin has its own
		f.BoolVar(&o.commit, "commit", false, "commit on the current branch, once for each environment")
	}
	f.StringVar(&o.branch, "branch", "", "commit on this `branch`, from HEAD; your work tree stays as it is")
	f.BoolVar(&o.push, "push", false, "push the branch; a branch of terrier's own is replaced")
	f.BoolVar(&o.request, "merge-request", false, "open a merge request, or update the open one; implies --push")
	f.BoolVar(&o.request, "pull-request", false, "the same, as GitHub and Gitea call it")
	f.StringVar(&o.remote, "remote", "origin", "the `remote` to push to")
	f.StringVar(&o.target, "target", "", "the `branch` that a merge request goes to (default: the remote's)")
}

func (o *publishOptions) check() error {
	switch {
	case o.branch != "" && o.commit:
		return errors.New("--commit is for the current branch, --branch for another\nhint: leave one of them out")
	case o.request && o.commit:
		return errors.New("a merge request needs a branch of its own, and --commit is for the current one\nhint: leave --commit out, or name a --branch")
	case o.push && !o.commit && o.branch == "" && !o.request:
		return errors.New("--push needs --commit or --branch\nhint: add one of them")
	}
	return nil
}

// apart reports whether the changes go to a branch that is not checked out, so
// that they are made on a commit and not in the work tree.
func (o *publishOptions) apart() bool { return o.branch != "" || o.request }

// A publication is the way of the changes into git and to a forge, and what
// there is to report of it.
type publication struct {
	*publish.Destination
	report *report.Published
}

// openPublication finds out where the changes are to go; nil is nowhere. names
// are what the command line names.
func (a *app) openPublication(ctx context.Context, o pinsOptions, command string, names []string) (*publication, error) {
	if !o.commit && !o.apart() {
		return nil, nil
	}
	r, err := repo.Open(ctx, a.chdir)
	if err != nil && !errors.Is(err, repo.ErrShallow) {
		return nil, err
	}
	branch := o.branch
	if branch == "" && o.request {
		branch = publish.BranchName(command, names, o.environments)
	}
	d, err := publish.Open(ctx, publish.Config{
		Repo: r, Branch: branch, Push: o.push, Remote: o.remote, Request: o.request, Target: o.target, Getenv: os.Getenv,
		Cache: func() (*repo.Cache, error) {
			dir, err := repo.CacheDir()
			return &repo.Cache{Dir: dir, Silence: remoteSilence}, err
		},
	})
	if err != nil {
		return nil, err
	}
	return &publication{d, &report.Published{Commits: []report.PublishedCommit{}}}, nil
}

// rev is the revision that the changes are made on; "" for the work tree.
func (p *publication) rev() string {
	if p == nil || !p.Apart() {
		return ""
	}
	return p.Base.ID.String()
}

// publish is the journey of changes that are more than files: cut into stages,
// tell, commit, push, open the merge request.
func (r *pinsRun) publish(ctx context.Context, command string, l *publish.LockMove) error {
	stages, err := r.result.Stages(r.cfg.Order())
	if err != nil || len(stages) == 0 {
		return err
	}
	if err := l.AddTo(ctx, stages); err != nil {
		return err
	}
	plan := &publish.Plan{Verb: command, Stages: stages}
	if r.promotion != nil {
		for _, e := range r.promotion.Evidence {
			plan.Reasons = append(plan.Reasons, publish.Reason{Key: "Evidence", Text: fmt.Sprintf("%s (%s)", e.Environment, e)})
		}
	}
	for _, e := range r.exempted {
		plan.Reasons = append(plan.Reasons, publish.Reason{Key: "Exempted", Text: fmt.Sprintf("%s (%s)", e.Stack, e.Reason)})
	}
	bar := r.progress()
	defer bar.Done()
	teller := publish.Teller{Store: r.store, Graph: r.graph, Progress: steps(bar)}
	if plan.Stories, err = teller.Stories(ctx, r.result.Edits); err != nil {
		return err
	}
	bar.Done()
	p := r.publication
	commits, err := p.Commit(ctx, plan, func(to publish.Advance) error {
		return rewriteAndAdvance(r.root, r.result.Changes, journalAdvance{to.From.String(), to.To.String(), to.Reflog})
	})
	if err != nil {
		return err
	}
	p.report.Branch = p.Branch
	for _, c := range commits {
		p.report.Commits = append(p.report.Commits, report.PublishedCommit{ID: c.ID.String(), Title: c.Title, Environment: strings.Join(c.Environments, ",")})
	}
	if r.o.push || r.o.request {
		if p.report.Pushed, err = p.Push(ctx); err != nil {
			return err
		}
	}
	if !r.o.request {
		return nil
	}
	opened, err := p.OpenRequest(ctx, plan)
	if opened.URL != "" {
		p.report.Request = &report.PublishedRequest{URL: opened.URL, Number: opened.Number, Created: opened.Created, Updated: opened.Updated}
	}
	return err
}
