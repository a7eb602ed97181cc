package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/release"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/rewrite"
)

// make makes the commits with new pins, and the tags. The tags of what needs no
// commit come first: what keeps a tag from being made, a signature say, then
// keeps everything from being made.
func (j *releaseJob) make(ctx context.Context) (err error) {
	if len(j.releases) == 0 {
		return nil
	}
	remote, err := j.remote(ctx)
	if err != nil {
		return err
	}
	commits, at, changes, err := j.commits(ctx)
	if err != nil {
		return err
	}
	if len(commits) > 0 || remote != nil {
		if j.branch, err = j.repo.CurrentBranch(ctx); err != nil {
			return err
		}
		if j.branch == "" && len(commits) > 0 && remote != nil {
			return fmt.Errorf("HEAD is on no branch, so the commits with the new pins cannot be pushed\nhint: git switch BRANCH, or --dependents=false")
		}
	}
	var made []string
	defer func() {
		if err != nil && len(made) > 0 && !errors.As(err, new(*unsentError)) {
			text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
			rest := "`" + j.command("release --all") + "` makes the rest"
			if hint != "" {
				rest = hint + "; then " + rest
			}
			err = fmt.Errorf("%s\nMade so far: %s\nhint: %s", text, strings.Join(made, ", "), rest)
		}
	}()
	moved := len(commits) == 0
	for i, r := range j.releases {
		if at[i] != j.head.ID && !moved {
			if err := rewriteFiles(j.repo.Root, changes); err != nil {
				return err
			}
			if err := j.repo.Advance(ctx, j.head.ID, commits[len(commits)-1], "terrier release: "+r.Tag); err != nil {
				back := slices.Clone(changes)
				for k := range back {
					back[k].Before, back[k].After = back[k].After, back[k].Before
				}
				return errors.Join(err, rewriteFiles(j.repo.Root, back))
			}
			moved = true
		}
		if err := j.repo.CreateTag(ctx, r.Tag, at[i], report.TagMessage(*r)); err != nil {
			return err
		}
		made = append(made, r.Tag)
		j.tip = at[i]
	}
	j.made = true
	if remote == nil {
		return nil
	}
	return j.send(ctx, remote)
}

// An unsentError is a push that failed, of what is all made here.
type unsentError struct{ error }

// commits makes the commits with the new pins, which nothing points to yet: at
// is the commit of each release, changes what becomes of the files.
func (j *releaseJob) commits(ctx context.Context) (ids []repo.Hash, at []repo.Hash, changes []lint.Change, err error) {
	pins := 0
	for _, r := range j.releases {
		pins += len(r.Pins)
	}
	at = slices.Repeat([]repo.Hash{j.head.ID}, len(j.releases))
	if pins == 0 {
		return nil, at, nil, nil
	}
	if j.repo.Root == "" {
		return nil, nil, nil, errors.New("a bare repository has no files, and modules that are pinned to a released one get a commit\nhint: use a clone, or --dependents=false")
	}
	after, before := map[string][]byte{}, map[string][]byte{}
	fsys := hclparse.Overlay(workTree(ctx, j.repo.Root), after)
	var news []repo.NewCommit
	var of []int
	for i, r := range j.releases {
		if len(r.Pins) == 0 {
			continue
		}
		touched, err := j.pin(fsys, before, after, r)
		if err != nil {
			return nil, nil, nil, err
		}
		news = append(news, repo.NewCommit{Message: report.PinMessage(*r), Files: touched, FromWorkTree: true})
		of = append(of, i)
	}
	if ids, err = j.repo.CommitFiles(ctx, j.head.ID, news); err != nil {
		return nil, nil, nil, err
	}
	for k, i := range of {
		for n := i; n < len(at); n++ {
			at[n] = ids[k]
		}
	}
	for p, data := range before {
		changes = append(changes, lint.Change{Path: p, Before: data, After: after[p]})
	}
	slices.SortFunc(changes, func(a, b lint.Change) int { return strings.Compare(a.Path, b.Path) })
	return ids, at, changes, nil
}

// pin gives the calls of a module their new refs: in after, which is laid over
// fsys. It returns the files that it has changed, and keeps in before what they
// were at first.
func (j *releaseJob) pin(fsys fs.FS, before, after map[string][]byte, r *release.Release) (map[string][]byte, error) {
	touched := map[string][]byte{}
	for _, p := range r.Pins {
		tree, _ := hclparse.LoadCalls(fsys)
		g := modules.NewGraph(tree, j.cfg.roleOf)
		calls := lint.Calls(&lint.Input{Graph: g})
		i := slices.IndexFunc(calls, func(c *lint.Call) bool {
			return c.File().Path == p.File && c.Name() == p.Call && c.Source.Ref == p.From
		})
		if i < 0 {
			continue // another pin's edit has set it
		}
		tag := strings.TrimPrefix(strings.TrimPrefix(p.To, "refs/"), "tags/")
		set, err := rewrite.Set(g, calls[i], rewrite.Pin{Ref: tag, Comment: tag})
		if err != nil {
			text, hint := err.Error(), "set it by hand, commit it, and release "+r.Name+" after"
			var refused *rewrite.Refused
			if errors.As(err, &refused) && refused.Hint != "" {
				hint = refused.Hint
			}
			return nil, fmt.Errorf("%s:%d: the pin of module %q cannot be set: %s\nhint: %s", p.File, p.Line, p.Call, text, hint)
		}
		edits := map[string][]hclparse.Edit{}
		for _, e := range set.Edits {
			edits[e.File] = append(edits[e.File], e.Edit)
		}
		for name, list := range edits {
			src, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, err
			}
			data, err := hclparse.Apply(src, list)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if _, ok := before[name]; !ok {
				before[name] = src
			}
			after[name], touched[name] = data, data
		}
	}
	return touched, j.pinned(fsys, r)
}

// pinned holds that the calls of a module have what they were to get.
func (j *releaseJob) pinned(fsys fs.FS, r *release.Release) error {
	tree, _ := hclparse.LoadCalls(fsys)
	calls := lint.Calls(&lint.Input{Graph: modules.NewGraph(tree, j.cfg.roleOf)})
	for _, p := range r.Pins {
		for _, c := range calls {
			if c.File().Path == p.File && c.Name() == p.Call && c.Line() == p.Line && c.Source.Ref != p.To {
				return fmt.Errorf("%s:%d: module %q would be at %q and not at %s\nhint: set it by hand, commit it, and release %s after", p.File, p.Line, p.Call, c.Source.Ref, p.To, r.Name)
			}
		}
	}
	return nil
}

// remote is where it is all pushed to, nil for nowhere. A tag that is there
// already is an error before anything is made.
func (j *releaseJob) remote(ctx context.Context) (*repo.Remote, error) {
	if j.o.push == "" {
		return nil, nil
	}
	remote, err := j.repo.Remote(ctx, j.o.push)
	if err != nil {
		return nil, err
	}
	refs, err := remote.Refs(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range j.releases {
		if ref, ok := refs["refs/tags/"+r.Tag]; ok {
			return nil, fmt.Errorf("%s %w at %s, on %s\nhint: git fetch --tags, then the same command again", r.Tag, release.ErrExists, hclparse.Redact(j.o.push), ref.Commit.String()[:8])
		}
	}
	return remote, nil
}

// send pushes the tags and the branch together.
func (j *releaseJob) send(ctx context.Context, remote *repo.Remote) error {
	refs, err := repo.OwnRefs(ctx, j.repo.GitDir)
	if err != nil {
		return err
	}
	var updates []repo.RefUpdate
	if j.tip != j.head.ID {
		updates = append(updates, repo.RefUpdate{Name: "refs/heads/" + j.branch, Object: j.tip})
	}
	for _, r := range j.releases {
		updates = append(updates, repo.RefUpdate{Name: "refs/tags/" + r.Tag, Object: refs["refs/tags/"+r.Tag].Object})
	}
	if err := remote.Push(ctx, updates); err != nil {
		var names []string
		for _, u := range updates {
			names = append(names, shell(u.Name))
		}
		text, _, _ := strings.Cut(err.Error(), "\nhint: ")
		return &unsentError{fmt.Errorf("%s\nhint: all is made here; git push --atomic %s %s sends it", text, shell(hclparse.Redact(j.o.push)), strings.Join(names, " "))}
	}
	return nil
}
