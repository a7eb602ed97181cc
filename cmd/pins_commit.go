package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/forge"
	"github.com/terrier-iac/terrier/modules/pins"
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

// A publication is the way of the changes into git and to a forge.
type publication struct {
	*pinsRun
	repo   *repo.Repo
	branch string // where the commits go; "" for a detached HEAD
	base   *repo.Commit
	forge  *forge.Forge
	url    string // of the remote
	target string
	report *report.Published
}

// openPublication finds out where the changes are to go, before anything is
// read: what is missing for that is said first. names are what the command
// line names.
func (a *app) openPublication(ctx context.Context, o pinsOptions, command string, names []string) (*publication, error) {
	if !o.commit && !o.apart() {
		return nil, nil
	}
	r, err := repo.Open(ctx, a.chdir)
	if err != nil && !errors.Is(err, repo.ErrShallow) {
		return nil, err
	}
	p := &publication{repo: r, branch: o.branch, report: &report.Published{Commits: []report.PublishedCommit{}}}
	if p.branch == "" && o.request {
		p.branch = branchName(command, names, o.environments)
	}
	if o.push || o.request {
		if p.url, err = r.RemoteURL(ctx, o.remote); err != nil {
			if !errors.Is(err, repo.ErrNoRemote) || !strings.ContainsAny(o.remote, ":/") {
				return nil, fmt.Errorf("--remote %w\nhint: git remote -v lists them", err)
			}
			p.url = o.remote
		}
	}
	if o.request {
		if err := p.openForge(ctx, o); err != nil {
			return nil, err
		}
	}
	if p.base, err = p.baseOf(ctx, o); err != nil {
		return nil, err
	}
	switch {
	case o.apart():
		if err := r.CheckBranch(ctx, p.branch); err != nil {
			return nil, err
		}
	default:
		if p.branch, err = r.CurrentBranch(ctx); err != nil {
			return nil, err
		}
		if p.branch == "" && o.push {
			return nil, errors.New("HEAD is on no branch, so there is nothing to push to\nhint: git switch BRANCH, or name a --branch")
		}
	}
	return p, nil
}

// openForge finds the forge and its token.
func (p *publication) openForge(ctx context.Context, o pinsOptions) error {
	kind := forge.KindOf(p.url, os.Getenv)
	if kind == "" {
		return fmt.Errorf("nothing says which forge %s is at\nhint: set GITLAB_HOST, GH_HOST or GITEA_HOST to its host, and the token that goes there", repo.RedactURL(p.url))
	}
	var err error
	if p.forge, err = forge.New(forge.Config{Kind: kind, Getenv: os.Getenv, Timeout: 30 * time.Second}); err != nil {
		return err
	}
	if p.target = o.target; p.target == "" {
		p.target, err = p.repo.DefaultBranch(ctx, o.remote)
	}
	return err
}

// baseOf is the commit that the changes come after: of a merge request the
// target branch as it was last fetched, else HEAD.
func (p *publication) baseOf(ctx context.Context, o pinsOptions) (*repo.Commit, error) {
	if o.request && p.target != "" {
		c, err := p.repo.Resolve(ctx, "refs/remotes/"+o.remote+"/"+p.target)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, repo.ErrRevision) {
			return nil, err
		}
	}
	return p.repo.Resolve(ctx, "HEAD")
}

// rev is the revision that the changes are made on; "" for the work tree.
func (p *publication) rev(o pinsOptions) string {
	if p == nil || !o.apart() {
		return ""
	}
	return p.base.ID.String()
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// branchName is the branch of a merge request: the same for the same modules
// and environments, whatever the version, so that the open one is found again.
func branchName(command string, names, environments []string) string {
	part := func(words []string) string {
		words = slices.Sorted(slices.Values(words))
		if len(words) > 3 {
			words = append(words[:3], "and-more")
		}
		out := strings.Join(words, "-")
		return strings.Trim(notInName.ReplaceAllString(out, "-"), "-.")
	}
	name := "terrier/" + command
	if p := part(names); p != "" {
		name += "-" + p
	}
	if p := part(environments); p != "" {
		name += "-" + p
	}
	return strings.TrimSuffix(strings.ReplaceAll(name, "..", "-"), ".lock")
}

// trailer marks the commits that terrier makes on a branch of its own: such a
// branch may be replaced, and no other.
const trailer = "Terrier-Change: "

// publish commits, pushes, and opens the merge request.
func (p *publication) publish(ctx context.Context, command string, l *lockChange) error {
	stages, err := p.result.Stages(p.cfg.Order())
	if err != nil || len(stages) == 0 {
		return err
	}
	if err := p.addLock(ctx, l, stages); err != nil {
		return err
	}
	stories, err := p.stories(ctx)
	if err != nil {
		return err
	}
	commits := p.commits(command, stages, stories)
	ids, err := p.repo.CommitFiles(ctx, p.base.ID, commits)
	if err != nil {
		return err
	}
	tip := ids[len(ids)-1]
	if p.o.apart() {
		err = p.setBranch(ctx, command, tip)
	} else if err = rewriteFiles(p.root, p.result.Changes); err == nil {
		err = p.repo.Advance(ctx, p.base.ID, tip, "terrier "+command)
	}
	if err != nil {
		return err
	}
	p.report.Branch = p.branch
	for i, id := range ids {
		p.report.Commits = append(p.report.Commits, report.PublishedCommit{ID: id.String(), Title: stages[i].Title(command), Environment: strings.Join(stages[i].Environments, ",")})
	}
	if p.o.push || p.o.request {
		if err := p.push(ctx, tip); err != nil {
			return err
		}
	}
	if p.o.request {
		return p.open(ctx, command, stages, stories)
	}
	return nil
}

func (p *publication) commits(command string, stages []pins.Stage, stories map[string]*pins.Story) []repo.NewCommit {
	var out []repo.NewCommit
	for i := range stages {
		s := &stages[i]
		message := s.Title(command) + "\n\n" + s.Body(stories)
		for _, e := range p.exempted {
			message += fmt.Sprintf("\n\nExempted: %s (%s)", e.Stack, e.Reason)
		}
		message += "\n\n" + trailer + command + "\n"
		out = append(out, repo.NewCommit{Message: message, Files: maps.Clone(s.Files), FromWorkTree: !p.o.apart()})
	}
	return out
}

// setBranch makes the branch, or puts the new commits in the place of those
// that terrier has made there.
func (p *publication) setBranch(ctx context.Context, command string, tip repo.Hash) error {
	old, there, err := p.repo.Branch(ctx, p.branch)
	if err != nil {
		return err
	}
	if there {
		rd, err := p.repo.Reader(ctx)
		if err != nil {
			return err
		}
		defer rd.Close()
		if _, err := p.ownLine(ctx, rd, p.repo.GitDir, "here", old); err != nil {
			return err
		}
	}
	return p.repo.SetBranch(ctx, p.branch, tip, old, "terrier "+command)
}

// ownLine are the commits of the branch, which must all be terrier's.
func (p *publication) ownLine(ctx context.Context, rd repo.Reader, gitDir, where string, tip repo.Hash) (*repo.Line, error) {
	const hint = "\nhint: name another --branch, or delete that one"
	line, err := repo.LineOf(ctx, rd, gitDir, tip, p.base.ID)
	if err != nil {
		if errors.Is(err, repo.ErrLine) {
			err = fmt.Errorf("the branch %s is there %s, and stays as it is: %w%s", p.branch, where, err, hint)
		}
		return nil, err
	}
	for _, c := range line.Commits {
		if !strings.Contains(c.Message, "\n"+trailer) {
			return nil, fmt.Errorf("the branch %s is there %s, with a commit that terrier did not make (%.12s), and stays as it is%s", p.branch, where, c.ID, hint)
		}
	}
	return line, nil
}

// push brings the branch to the remote. One of terrier's own that is there is
// replaced; where it has the same files on the same base, it is left.
func (p *publication) push(ctx context.Context, tip repo.Hash) error {
	var replace *repo.Hash
	if p.o.apart() {
		remote, err := p.repo.Remote(ctx, p.o.remote)
		if err != nil {
			return err
		}
		refs, err := remote.Refs(ctx)
		if err != nil {
			return err
		}
		if there, ok := refs["refs/heads/"+p.branch]; ok {
			same, err := p.sameThere(ctx, there.Commit, tip)
			if err != nil || same {
				return err
			}
			replace = &there.Commit
		}
	}
	if err := p.repo.PushBranch(ctx, p.o.remote, p.branch, replace); err != nil {
		return err
	}
	p.report.Pushed = true
	return nil
}

// sameThere reports whether the remote's branch has the same files on the same
// base. One that others have committed to is an error. It is read from a
// mirror: this clone may be a shallow one, or never have fetched it.
func (p *publication) sameThere(ctx context.Context, there, tip repo.Hash) (bool, error) {
	if there == tip {
		return true, nil
	}
	dir, err := repo.CacheDir()
	if err != nil {
		return false, err
	}
	m, err := (&repo.Cache{Dir: dir, Silence: remoteSilence}).Mirror(p.url)
	if err != nil {
		return false, err
	}
	if _, err := m.Refs(ctx); err != nil {
		return false, err
	}
	if err := m.Ensure(ctx, repo.Want{Ref: "refs/heads/" + p.branch, Commit: there}, repo.Want{Commit: p.base.ID}); err != nil {
		return false, err
	}
	rd, err := m.Reader(ctx)
	if err != nil {
		return false, err
	}
	defer rd.Close()
	line, err := p.ownLine(ctx, rd, m.Path(), "on "+p.o.remote, there)
	if err != nil {
		return false, err
	}
	c, err := p.repo.Resolve(ctx, tip.String())
	return err == nil && line.Base == p.base.ID && line.Tree == c.Tree, err
}

// open opens the merge request, or brings the open one up to date.
func (p *publication) open(ctx context.Context, command string, stages []pins.Stage, stories map[string]*pins.Story) error {
	body := forge.Neutral(pins.Markdown(stages, stories))
	for _, e := range p.exempted {
		body += fmt.Sprintf("\nExempted: %s\n", forge.Neutral(fmt.Sprintf("`%s` (%s)", e.Stack, e.Reason)))
	}
	opened, err := p.forge.Open(ctx, p.url, forge.Request{
		Source: p.branch, Target: p.target, Title: pins.Title(stages, command), Body: body,
	})
	if opened.URL != "" {
		p.report.Request = &report.PublishedRequest{URL: opened.URL, Number: opened.Number, Created: opened.Created, Updated: opened.Updated}
	}
	return err
}
