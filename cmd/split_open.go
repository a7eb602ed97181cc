package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/terrier-iac/terrier/live/terraform"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split"
)

// A splitJob is everything that a split reads.
type splitJob struct {
	cfg    *Config
	repo   *repo.Repo
	commit *repo.Commit
	tree   *repo.TreeFS
	graph  *modules.Graph
	tf     *terraform.Terraform // nil with --verify static
}

// openSplit checks what can be checked before any work, then loads the
// commit's tree.
func (a *app) openSplit(ctx context.Context, o splitOptions) (*splitJob, error) {
	j := &splitJob{}
	var err error
	if j.cfg, err = a.loadConfig(); err != nil {
		return nil, err
	}
	switch o.verify {
	case "static":
	case "get", "plan":
		if j.tf, err = terraform.Find(a.tfPath); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("--verify %q is not one of static, get, plan", o.verify)
	}
	if j.repo, err = repo.Open(ctx, a.chdir); err != nil {
		return nil, err
	}
	if err = split.CheckOutside(o.out, j.repo.Root, j.repo.GitDir); err != nil {
		return nil, err
	}
	if j.commit, err = j.repo.Resolve(ctx, o.rev); err != nil {
		return nil, err
	}
	if dirty, err := j.repo.Dirty(ctx); err != nil {
		return nil, err
	} else if dirty {
		a.say("Note: the work tree has changes that are not committed. Commit %.12s is split, without them.", j.commit.ID)
	}
	if j.tree, err = j.repo.At(ctx, j.commit); err != nil {
		return nil, err
	}
	if err = refuseHostile(j.tree); err != nil {
		j.tree.Close()
		return nil, err
	}
	j.graph = modules.Load(j.tree, j.cfg.roleOf)
	return j, nil
}

// refuseHostile refuses a tree that must not reach a work tree. A relative
// symlink that climbs out is not among that: it writes nothing outside, stays
// as it is, and the hazards name it.
func refuseHostile(tree *repo.TreeFS) error {
	var found *repo.TreeError
	if err := tree.Check(); !errors.As(err, &found) {
		return err
	}
	for _, p := range found.Problems {
		if p.Kind != repo.ProblemEscapingSymlink {
			return fmt.Errorf("the commit's tree is refused: %q: %s (%s)\nhint: such a path can write outside a checkout; remove it in a commit of its own, and split that", p.Path, p.Detail, p.Kind)
		}
	}
	return nil
}
