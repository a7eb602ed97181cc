package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live/terraform"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split"
)

// askTerraform lets terraform itself load every stack, before and after, where
// --verify asks for it.
func (a *app) askTerraform(ctx context.Context, j *splitJob, o splitOptions, plan *split.Plan, proof *split.Proof, bar *report.Progress) error {
	if j.tf == nil {
		return nil
	}
	a.say("--verify %s runs %s %s on the repository's code.", o.verify, j.tf.Product, j.tf.Version)
	if len(plan.Live) == 0 {
		return errors.New("--verify " + o.verify + " needs stacks, and this repository has none")
	}
	work, err := os.MkdirTemp("", "terrier-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	before := filepath.Join(work, "before")
	if err := j.tree.WriteTo(before); err != nil {
		return err
	}
	compare := j.tf.CompareGet
	if o.verify == "plan" {
		compare = j.tf.ComparePlan
	}
	// Each live repository by itself: none may need what only another holds.
	for i, l := range plan.Live {
		pair := j.pair(plan, l)
		if len(pair.Stacks) == 0 {
			continue
		}
		pair.Before, pair.After = before, filepath.Join(work, fmt.Sprintf("after-%d", i))
		if err := checkoutHead(ctx, filepath.Join(o.out, filepath.FromSlash(l.Repository)), filepath.Join(pair.After, filepath.FromSlash(l.Root))); err != nil {
			return err
		}
		name := "terraform " + o.verify
		if len(plan.Live) > 1 {
			name += " in " + l.Name
		}
		step := bar.Step(name)
		results, err := compare(ctx, pair, func(done, total int, _ string) { step(done, total) })
		if err != nil {
			return err
		}
		for _, r := range results {
			proof.Add(o.verify, split.TerraformResult{Path: r.Path, Status: r.Status, Detail: r.Detail})
		}
	}
	return nil
}

// pair is what terraform is asked about one live repository: its stacks, and
// what it holds no longer.
func (j *splitJob) pair(plan *split.Plan, l *split.Live) terraform.Pair {
	p := terraform.Pair{Options: map[string]terraform.Options{}}
	for _, pkg := range plan.Packages {
		p.Moved = append(p.Moved, pkg.Modules...)
		for _, s := range plan.Stacks {
			for _, m := range pkg.Modules {
				if modules.Within(s.Path, m) {
					p.Moved = append(p.Moved, s.Path) // it stayed where the module left
				}
			}
		}
	}
	for _, s := range plan.Stacks {
		if s.Repository == l.Repository {
			p.Stacks = append(p.Stacks, s.Path)
			p.Options[s.Path] = j.cfg.terraformOptions(s.Environment)
		} else {
			p.Moved = append(p.Moved, s.Path) // it may stand inside one of these
		}
	}
	return p
}

// checkoutHead writes the files of a written repository's tip below dir, which
// must not exist.
func checkoutHead(ctx context.Context, gitRepo, dir string) error {
	r, err := repo.Open(ctx, gitRepo)
	if err != nil {
		return err
	}
	c, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return err
	}
	t, err := r.At(ctx, c)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	return t.WriteTo(dir)
}

// checkSplit proves a finished split again.
func (a *app) checkSplit(ctx context.Context, dir string) error {
	d, err := split.ReadDocument(dir)
	if err != nil {
		return err
	}
	r, err := repo.Open(ctx, a.chdir)
	if r == nil { // one that is shallow, or has no branch, may have the commit
		return fmt.Errorf("the monorepo, which the split is compared with: %w", err)
	}
	bar := a.progress()
	defer bar.Done()
	proof, err := split.Verify(ctx, r, &d.Plan, &d.Result, dir, steps(bar))
	if err != nil {
		return err
	}
	bar.Done()
	return a.reportSplit(report.Split{Out: dir, Plan: &d.Plan, Result: &d.Result, Proof: proof, Checked: true})
}
