package cmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A reading is who calls what, of a work tree or of a commit.
type reading struct {
	set   *versions.Set
	graph *modules.Graph
	cfg   *Config

	byEnvironment map[string]*stacks
	byPlace       map[place][]string // directories of the calls that stand there
}

// stacks are those of one environment.
type stacks struct {
	all   []string            // sorted
	reach map[string][]string // by directory: those that reach it by local calls, sorted
}

type place struct {
	file, name string
	byte       int
}

func readingOf(v *versionsRun, cfg *Config) *reading {
	return &reading{set: v.set, graph: v.graph, cfg: cfg}
}

// stacks finds the stacks of an environment.
func (r *reading) stacks(environment string) *stacks {
	if s := r.byEnvironment[environment]; s != nil {
		return s
	}
	s := &stacks{reach: map[string][]string{}}
	for _, d := range r.graph.Sorted() {
		stack := cmp.Or(r.graph.StackOf(d.Path), d.Path)
		switch {
		case !slices.Contains(r.cfg.EnvironmentsOf(stack), environment):
			continue
		case d.Role == modules.RoleExample || d.Role == modules.RoleSnippet || d.Role == modules.RoleSettings || d.Role == modules.RoleIgnore:
			continue
		case stack == d.Path && d.Role != modules.RoleStack && len(d.Callers) > 0:
			continue // a module: who calls it is the stack
		}
		s.all = append(s.all, stack)
		seen := map[string]bool{}
		for queue := []string{d.Path}; len(queue) > 0; queue = queue[1:] {
			dir := queue[0]
			if c := r.graph.Dirs[dir]; c != nil && !seen[dir] {
				seen[dir] = true
				s.reach[dir] = append(s.reach[dir], stack)
				queue = append(queue, c.Callees...)
			}
		}
	}
	slices.Sort(s.all)
	s.all = slices.Compact(s.all)
	for dir := range s.reach {
		slices.Sort(s.reach[dir])
		s.reach[dir] = slices.Compact(s.reach[dir])
	}
	if r.byEnvironment == nil {
		r.byEnvironment = map[string]*stacks{}
	}
	r.byEnvironment[environment] = s
	return s
}

// stacksOf are the stacks of an environment that make the calls, sorted: a file
// that several units include is one place.
func (r *reading) stacksOf(e *estate, uses []*versions.Use) []string {
	if r.byPlace == nil {
		r.byPlace = map[place][]string{}
		for _, c := range r.graph.Calls {
			at := placeOf(c)
			r.byPlace[at] = append(r.byPlace[at], c.Dir)
		}
	}
	var out []string
	for _, u := range uses {
		for _, dir := range append(r.byPlace[placeOf(u.Call.Call)], u.Call.Dir) {
			out = append(out, r.stacks(e.name).reach[dir]...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func placeOf(c *modules.Call) place {
	return place{cmp.Or(c.File().Real, c.File().Path), c.Name(), c.SourceRange().Start.Byte}
}

// uses are the environment's calls of a module, without those that only
// exempted stacks make; all of them where no other is left.
func (r *reading) uses(e *estate, m *versions.Module) []*versions.Use {
	i := slices.IndexFunc(r.set.Modules, func(o *versions.Module) bool { return o.ID == m.ID })
	if i < 0 {
		return nil
	}
	var all, left []*versions.Use
	for _, u := range r.set.Modules[i].Uses {
		if u.Environment != e.name {
			continue
		}
		all = append(all, u)
		by := r.stacksOf(e, []*versions.Use{u})
		if len(by) == 0 || slices.ContainsFunc(by, func(s string) bool { return !e.exempt[s] }) {
			left = append(left, u)
		}
	}
	if len(left) == 0 {
		return all
	}
	return left
}

// A mainline is the main branch of a clone.
type mainline struct {
	run  *versionsRun
	repo *repo.Repo
	name string
	tip  *repo.Commit
	at   map[repo.Hash]*reading // what was read already

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
	graph, diags := l.run.load(tree)
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
		Graph: graph, Calls: lint.Calls(&lint.Input{Graph: graph}), Lock: file, Environments: l.run.cfg.Order(), EnvironmentsOf: l.run.cfg.EnvironmentsOf,
	})
	r := &reading{set: set, graph: graph, cfg: l.run.cfg}
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
	root, err := filepath.EvalSymlinks(l.run.cfg.Root)
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
func (p *promotion) soaked(ctx context.Context, e *estate, m *versions.Module, r *pins.Running, soak time.Duration) error {
	l := e.main
	if !l.listed {
		var err error
		if l.list, l.reached, err = l.repo.FirstParents(ctx, l.tip.ID, p.now().Add(-soak).Unix()); err != nil {
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
