package terraform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// parallel is how many terraform processes run at a time.
const parallel = 2

// A Pair is a tree before and after a change that is to change nothing. Both
// trees are on disk, complete, with links and executable bits as in git, and
// the caller's to throw away: terraform writes into them. Absolute paths are
// equal in both for ComparePlan alone.
type Pair struct {
	Before, After string
	// Stacks are the root modules to compare: directories below both roots,
	// slash-separated, "." for the root itself.
	Stacks []string
	// Moved are the directories, relative to the roots, that After holds no
	// longer because its stacks call them in repositories of their own. Where
	// one lies below a stack or module, it is no part of that one's files.
	Moved []string
	// Options are what ComparePlan plans a stack with, by its path.
	Options map[string]Options
	// Work is where ComparePlan puts the two roots in turn, so that absolute
	// paths are the same in both plans. It must not exist, and must be on
	// the file system of the roots. "" is the directory "work" beside Before.
	Work string
}

// What comparing a stack can come to.
const (
	StatusSame        = "same"
	StatusDifferent   = "different"
	StatusBeforeFails = "before-fails" // says nothing about the change
	StatusAfterFails  = "after-fails"
)

// A StackResult is what comparing one stack came to.
type StackResult struct {
	Path    string `json:"path"`
	Status  string `json:"status"`
	Modules int    `json:"modules"` // module calls in the stack's tree before
	// Detail is the first error or the first differences, on one line,
	// without credentials, sensitive values or the place of the roots. "" for
	// StatusSame.
	Detail string `json:"detail,omitempty"`
}

// A Progress is told of each finished step, one call at a time.
type Progress func(done, total int, stack string)

// CompareGet runs `terraform get` in each stack before and after, and compares
// what was installed: the same tree of calls, and for each call a directory of
// the same files with the same bytes, the source literals of module calls
// aside. Results are in the order of p.Stacks. The error is one that concerns
// no single stack: terraform does not start, a root is missing, ctx ended.
func (t *Terraform) CompareGet(ctx context.Context, p Pair, progress Progress) ([]StackResult, error) {
	p, err := p.check()
	if err != nil {
		return nil, err
	}
	results := make([]StackResult, len(p.Stacks))
	tell := counter(progress, len(p.Stacks))
	err = each(ctx, len(p.Stacks), func(ctx context.Context, i int) error {
		stack := p.Stacks[i]
		r, err := t.compareGet(ctx, p, stack)
		if err != nil {
			return fmt.Errorf("stack %s: %w", stack, err)
		}
		r.Path = stack
		results[i] = r
		tell(stack)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (t *Terraform) compareGet(ctx context.Context, p Pair, stack string) (StackResult, error) {
	before, err := tidy(p.Before, stack)
	if err != nil {
		return StackResult{}, err
	}
	defer before.restore()
	after, err := tidy(p.After, stack)
	if err != nil {
		return StackResult{}, err
	}
	defer after.restore()

	mb, errBefore := t.Get(ctx, before.dir)
	if _, fatal := failure(errBefore, p.Before); fatal != nil {
		return StackResult{}, fatal
	}
	ma, errAfter := t.Get(ctx, after.dir)
	if _, fatal := failure(errAfter, p.After); fatal != nil {
		return StackResult{}, fatal
	}
	if r, failed := failed(p, errBefore, errAfter); failed {
		if mb != nil {
			r.Modules = mb.Calls()
		}
		return r, nil
	}
	r := StackResult{Status: StatusSame, Modules: mb.Calls()}
	diffs, err := compareModules(p, stack, mb, ma)
	if err != nil {
		return StackResult{}, err
	}
	if len(diffs) > 0 {
		r.Status, r.Detail = StatusDifferent, list(diffs)
	}
	return r, nil
}

// ComparePlan plans each stack before and after, at the same absolute path,
// and compares the plans field by field; see diffPlans for what is set aside.
// It runs the code of the trees and reads the real state, without locking it.
// There are two steps for each stack, all of before come first. Results are in
// the order of p.Stacks; the error is as for CompareGet.
func (t *Terraform) ComparePlan(ctx context.Context, p Pair, progress Progress) ([]StackResult, error) {
	p, err := p.check()
	if err != nil {
		return nil, err
	}
	work := p.Work
	tell := counter(progress, 2*len(p.Stacks))
	before, err := t.planAll(ctx, p, p.Before, tell)
	if err != nil {
		return nil, err
	}
	after, err := t.planAll(ctx, p, p.After, tell)
	if err != nil {
		return nil, err
	}
	results := make([]StackResult, len(p.Stacks))
	for i, stack := range p.Stacks {
		b, a := before[i], after[i]
		r, failed := failed(Pair{Before: work, After: work}, b.err, a.err)
		if !failed {
			diffs, err := b.diff(a)
			if err != nil {
				return nil, fmt.Errorf("stack %s: %w", stack, err)
			}
			r.Status = StatusSame
			if len(diffs) > 0 {
				r.Status, r.Detail = StatusDifferent, list(diffs)
			}
		}
		r.Path, r.Modules = stack, b.modules
		results[i] = r
	}
	return results, nil
}

// A planned is a stack's plan, or why there is none.
type planned struct {
	plan    packed
	modules int
	err     error
}

func (b planned) diff(a planned) ([]string, error) {
	before, err := b.plan.open()
	if err != nil {
		return nil, err
	}
	after, err := a.plan.open()
	if err != nil {
		return nil, err
	}
	return diffPlans(before, after)
}

// planAll plans the stacks of root, one of the pair's, while it stands at
// p.Work.
func (t *Terraform) planAll(ctx context.Context, p Pair, root string, tell func(string)) (_ []planned, err error) {
	work := p.Work
	if _, err := os.Lstat(work); err == nil {
		return nil, fmt.Errorf("%s: there is something already, where the trees are to be planned\nhint: remove it", work)
	}
	if err := os.Rename(root, work); err != nil {
		return nil, fmt.Errorf("put the tree where it is to be planned: %w", err)
	}
	defer func() {
		if e := os.Rename(work, root); e != nil && err == nil {
			err = fmt.Errorf("put the planned tree back: %w", e)
		}
	}()
	plans := make([]planned, len(p.Stacks))
	err = each(ctx, len(p.Stacks), func(ctx context.Context, i int) error {
		stack := p.Stacks[i]
		var err error
		if plans[i], err = t.planOne(ctx, work, stack, p.Options[stack]); err != nil {
			return fmt.Errorf("stack %s: %w", stack, err)
		}
		tell(stack)
		return nil
	})
	return plans, err
}

func (t *Terraform) planOne(ctx context.Context, root, stack string, o Options) (planned, error) {
	s, err := tidy(root, stack)
	if err != nil {
		return planned{}, err
	}
	defer s.restore()
	plan, err := t.Plan(ctx, s.dir, o)
	if _, fatal := failure(err, root); fatal != nil {
		return planned{}, fatal
	}
	r := planned{err: err}
	if m, err := readModules(s.dir); err == nil {
		r.modules = m.Calls()
	}
	if r.err == nil {
		r.plan = pack(plan)
	}
	return r, nil
}

// check makes the places absolute, without links, as terraform names them, and
// tells what is wrong with p.
func (p Pair) check() (Pair, error) {
	for _, root := range []*string{&p.Before, &p.After} {
		abs, err := filepath.Abs(*root)
		if err != nil {
			return p, err
		}
		if *root, err = filepath.EvalSymlinks(abs); err != nil {
			return p, err
		}
		if info, err := os.Stat(*root); err != nil {
			return p, err
		} else if !info.IsDir() {
			return p, fmt.Errorf("%s is not a directory", *root)
		}
	}
	if p.Work == "" {
		p.Work = filepath.Join(filepath.Dir(p.Before), "work")
	}
	abs, err := filepath.Abs(p.Work)
	if err != nil {
		return p, err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return p, err
	}
	p.Work = filepath.Join(parent, filepath.Base(abs))
	for _, path := range append(append([]string(nil), p.Stacks...), p.Moved...) {
		if !fs.ValidPath(path) {
			return p, fmt.Errorf("%q is not a path below the root", path)
		}
	}
	return p, nil
}

// failed says what comes of a comparison where either side has failed.
func failed(p Pair, before, after error) (StackResult, bool) {
	b, _ := failure(before, p.Before)
	a, _ := failure(after, p.After)
	switch {
	case before != nil && after != nil && a == b:
		return StackResult{Status: StatusBeforeFails, Detail: b}, true
	case before != nil && after != nil:
		return StackResult{Status: StatusBeforeFails, Detail: b + "; and after: " + a}, true
	case before != nil:
		return StackResult{Status: StatusBeforeFails, Detail: b + "; and after: no error"}, true
	case after != nil:
		return StackResult{Status: StatusAfterFails, Detail: a}, true
	}
	return StackResult{}, false
}

// failure tells an error that is the stack's own, as one line that does not
// name root's place, from one that is fatal to the whole comparison.
func failure(err error, root string) (detail string, fatal error) {
	if err == nil {
		return "", nil
	}
	if ours := (*Error)(nil); errors.As(err, &ours) {
		return place(ours.Summary(), root), nil
	}
	return "", err
}

// place takes root out of what terraform said, so that the same fault reads
// the same wherever the trees were put.
func place(s, root string) string {
	s = strings.ReplaceAll(s, root+string(filepath.Separator), "")
	return strings.ReplaceAll(s, root, ".")
}

// list joins the first few differences.
func list(diffs []string) string {
	const most = 5
	if n := len(diffs); n > most {
		return fmt.Sprintf("%s; and %d more", strings.Join(diffs[:most], "; "), n-most)
	}
	return strings.Join(diffs, "; ")
}

// each calls do for 0 to n-1, two at a time, until one fails.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range n {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return do(ctx, i)
		})
	}
	return g.Wait()
}

// counter makes a function that counts and tells, one call at a time.
func counter(progress Progress, total int) func(stack string) {
	var mu sync.Mutex
	done := 0
	return func(stack string) {
		mu.Lock()
		defer mu.Unlock()
		done++
		if progress != nil {
			progress(done, total, stack)
		}
	}
}

// A tidied is a stack's directory that is to be left as it was found. What
// terraform installs is deleted again: for a hundred stacks it would fill the
// disk, and another stack's fileset would see it.
type tidied struct {
	dir  string
	data bool   // .terraform was there
	lock []byte // the lock file, nil where there was none
}

// tidy notes what is in a stack's directory. A missing directory is no error
// yet: terraform fails in it.
func tidy(root, stack string) (*tidied, error) {
	s := &tidied{dir: filepath.Join(root, filepath.FromSlash(stack))}
	if _, err := os.Lstat(filepath.Join(s.dir, ".terraform")); err == nil {
		s.data = true
	}
	lock, err := os.ReadFile(filepath.Join(s.dir, ".terraform.lock.hcl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s.lock = lock
	return s, nil
}

// restore leaves the directory as it was. The tree is the caller's to throw
// away, so that a failure costs space and nothing else.
func (s *tidied) restore() {
	if !s.data {
		_ = os.RemoveAll(filepath.Join(s.dir, ".terraform"))
	}
	lock := filepath.Join(s.dir, ".terraform.lock.hcl")
	if s.lock == nil {
		_ = os.Remove(lock)
		return
	}
	if now, err := os.ReadFile(lock); err != nil || string(now) != string(s.lock) {
		_ = os.WriteFile(lock, s.lock, 0o666)
	}
}
