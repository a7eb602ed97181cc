package promotion

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/versions"
)

// line is the main branch of the clone that an environment is in.
func (p *Promotion) line(ctx context.Context, e *environment) (*mainline, error) {
	dir, err := filepath.Abs(e.clone.Dir)
	if err != nil {
		return nil, err
	}
	if l := p.lines[dir]; l != nil {
		return l, nil
	}
	r, err := repo.Open(ctx, dir)
	if err != nil && !errors.Is(err, repo.ErrShallow) {
		return nil, fmt.Errorf("%s has no run records, and what is merged cannot be read: %w", e.name, err)
	}
	l := &mainline{clone: e.clone, repo: r, at: map[repo.Hash]*reading{}}
	if p.q.Base != "" && e == p.from {
		l.name = p.q.Base
		l.tip, err = r.Resolve(ctx, p.q.Base)
	} else {
		l.name, l.tip, err = r.MainBranch(ctx)
		if errors.Is(err, repo.ErrNoMain) {
			err = fmt.Errorf("%s has no run records, and %w\nhint: --base REV names it", e.name, err)
		}
	}
	if err != nil {
		return nil, err
	}
	l.asked = p.q.Base == "" && strings.Contains(l.name, "/")
	p.lines[dir] = l
	return l, nil
}

// merge is the next step for what the main branch does not have.
func (l *mainline) merge() string {
	if l.asked {
		return "merge it first; where it is merged, `git fetch` tells this clone"
	}
	return "merge it first"
}

// merged is what an environment runs of a module by its main branch; declared is
// what the files as they are say.
func (p *Promotion) merged(ctx context.Context, e *environment, m *versions.Module, declared pins.Running, soak time.Duration) (pins.Running, error) {
	merged, err := e.main.reading(ctx, e.main.tip.ID)
	if err != nil {
		return declared, err
	}
	uses := merged.uses(e, m)
	r := pins.Runs(m, e.name, uses)
	newest := declared.Release
	for _, u := range e.now.uses(e, m) {
		if u.Release != nil && (newest == nil || newest.Version.LessThan(u.Release.Version)) {
			newest = u.Release
		}
	}
	switch {
	case len(uses) == 0 && declared.Release == nil:
		return declared, nil
	case len(uses) == 0:
		declared.Reason, declared.Hint = fmt.Sprintf("%s is in the work tree, not on %s", declared.Release.Version, e.main.name), e.main.merge()
		return declared, nil
	case r.Release == nil:
		r.Reason += ", on " + e.main.name
		return r, nil
	case newest != nil && r.Release.Version.LessThan(newest.Version):
		r.Reason, r.Hint = fmt.Sprintf("%s is in the work tree, not on %s", newest.Version, e.main.name), e.main.merge()
		r.Release = newest
		return r, nil
	case declared.Release != nil && !declared.Same(r):
		r.Notes = append(r.Notes, fmt.Sprintf("the work tree has %s in %s", declared.Release.Version, e.name))
	}
	if p.provable(e, m, merged.stacksOf(e, uses), &r) && soak > 0 {
		return r, p.soaked(ctx, e, m, &r, soak)
	}
	return r, nil
}

// A mainline is the main branch of a clone.
type mainline struct {
	clone *Clone
	repo  *repo.Repo
	name  string
	tip   *repo.Commit
	asked bool                   // it is the branch of a remote, as last fetched
	at    map[repo.Hash]*reading // what was read already

	list    []repo.MainCommit
	reached bool
	listed  bool
}

// reading reads the files of a commit, and its lock file, by today's
// configuration.
func (l *mainline) reading(ctx context.Context, id repo.Hash) (*reading, error) {
	if r := l.at[id]; r != nil {
		return r, nil
	}
	commit, err := l.repo.Resolve(ctx, id.String())
	if err != nil {
		return nil, err
	}
	tree, err := l.repo.At(ctx, commit)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	where := fmt.Sprintf("%s at %.8s", l.name, id)
	graph, diags := l.clone.Load(tree)
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			text := d.Summary
			if d.Subject != nil {
				text = fmt.Sprintf("%s:%d: %s", d.Subject.Filename, d.Subject.Start.Line, text)
			}
			return nil, fmt.Errorf("%s cannot be read, so what is merged there is not known: %s\nhint: --base REV names another commit", where, hclparse.Redact(text))
		}
	}
	file, err := l.lock(tree)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	set := versions.New(versions.Input{
		Graph: graph, Calls: lint.Calls(&lint.Input{Graph: graph}), Lock: file, Environments: l.clone.Environments, EnvironmentsOf: l.clone.EnvironmentsOf,
	})
	r := readingOf(l.clone, set, graph)
	for old := range l.at {
		if len(l.at) > 3 && old != l.tip.ID { // each holds a whole tree
			delete(l.at, old)
		}
	}
	l.at[id] = r
	return r, nil
}

// lock is the lock file of a tree; nil for none.
func (l *mainline) lock(tree fs.FS) (*lock.File, error) {
	root, err := filepath.EvalSymlinks(l.clone.Root)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(l.repo.Root, root)
	if err != nil {
		return nil, nil
	}
	data, err := fs.ReadFile(tree, filepath.ToSlash(filepath.Join(rel, lock.Name)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	file, diags := lock.Parse(data, lock.Name)
	if diags.HasErrors() {
		return nil, fmt.Errorf("its lock file cannot be read: %w", diags)
	}
	return file, nil
}

// soaked holds a release back that has not been on the main branch for long
// enough: every commit of the first-parent history since then must have it.
func (p *Promotion) soaked(ctx context.Context, e *environment, m *versions.Module, r *pins.Running, soak time.Duration) error {
	l := e.main
	if !l.listed {
		var err error
		if l.list, l.reached, err = l.repo.FirstParents(ctx, l.tip.ID, p.q.Now().Add(-soak).Unix(), p.q.Now().Unix()); err != nil {
			return err
		}
		l.listed = true
	}
	last := len(l.list) - 1
	// Each round goes to an older commit that was read and has the release.
	i, since := 0, l.list[0]
	for i < last {
		now, err := l.reading(ctx, l.list[i].ID)
		if err != nil {
			return err
		}
		next, err := l.other(ctx, now.uses(e, m), i)
		if err != nil {
			return err
		}
		older, err := l.reading(ctx, l.list[next].ID)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || !pins.Runs(m, e.name, older.uses(e, m)).Same(*r) {
			since = l.list[next-1]
			break
		}
		i, since = next, l.list[next]
	}
	beyond := ""
	if i == last && !l.reached {
		if shallow, _ := l.repo.Shallow(ctx); shallow {
			beyond = "the history of this clone ends there: `git fetch --unshallow` brings the rest"
		}
	}
	p.wait(e, r, time.Unix(since.When, 0), soak, beyond)
	return nil
}

// other is the newest commit behind the one at i in the list that may have other
// pins than the calls: one whose successor changes the file of a call, and with
// it the call's address, or where that is made of others anything in the
// directory. It is the oldest where there is none.
func (l *mainline) other(ctx context.Context, uses []*versions.Use, i int) (int, error) {
	last := len(l.list) - 1
	watched := map[string][]*versions.Use{}
	for _, u := range uses {
		file := cmp.Or(u.Call.File().Real, u.Call.File().Path)
		if u.Call.Computed {
			watched[u.Call.Dir] = append(watched[u.Call.Dir], u)
		}
		watched[file] = append(watched[file], u)
	}
	next := last
	for name, uses := range watched {
		changed, err := l.repo.MainChanges(ctx, l.list[last].ID, l.list[i].ID, []string{name})
		if err != nil {
			return 0, err
		}
		for j := i; j < last && j+1 < next; j++ {
			if changed[l.list[j].ID] && !l.same(ctx, l.list[j+1].ID, name, uses) {
				next = j + 1
			}
		}
	}
	return next, nil
}

// same reports whether a file of a commit surely has the calls' pins: their
// addresses, ref included, as often as the file that they stand in.
func (l *mainline) same(ctx context.Context, id repo.Hash, name string, uses []*versions.Use) bool {
	old, err := l.repo.FileAt(ctx, id.String(), name)
	if err != nil {
		return false
	}
	for _, u := range uses {
		f := u.Call.File()
		if u.Call.Computed || u.Call.Source.Kind != hclparse.KindGit {
			return false
		}
		address := u.Call.SourceRange().SliceBytes(f.Bytes)
		if len(address) == 0 || bytes.Count(old, address) != bytes.Count(f.Bytes, address) {
			return false
		}
	}
	return true
}
