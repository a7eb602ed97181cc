package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// refuseState refuses what the repository's state forbids.
func (p *planning) refuseState(ctx context.Context) error {
	// What is not committed may be what the user wants to release: it is said
	// where there is nothing else to release, too.
	if dirty, err := p.repo.Dirty(ctx); err != nil {
		return err
	} else if dirty {
		p.refuse(errors.New("there are changes that are not committed, and a release is of a commit\nhint: commit them, or put them aside: git stash; `git status` lists them"))
	} else if untracked, err := p.untracked(ctx); err != nil {
		return err
	} else if len(untracked) > 0 {
		p.refuse(fmt.Errorf("%s is not in git, and would be missing from the release\nhint: git add and commit it, or remove it", strings.Join(untracked, ", ")))
	}
	if !p.AnyBranch && len(p.Releases) > 0 {
		const remote = "refs/remotes/origin/HEAD"
		if tip, err := p.repo.Resolve(ctx, remote); err == nil && tip.ID != p.Head.ID {
			found := false
			if err := p.rd.Walk(ctx, tip.ID, func(i repo.CommitInfo) error {
				found = found || i.ID == p.Head.ID
				return nil
			}); err != nil {
				return err
			}
			if !found {
				p.refuse(fmt.Errorf("HEAD (%s) is not on the default branch of origin, as it was last fetched\nhint: merge or push it first, then git fetch; --any-branch releases it all the same", p.Head.ID.String()[:8]))
			}
		}
	}
	return nil
}

// untracked are files of the modules that are to be released that nobody has
// added.
func (p *planning) untracked(ctx context.Context) ([]string, error) {
	if p.repo.Root == "" {
		return nil, nil
	}
	paths, err := p.repo.ChangedSince(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(paths, func(name string) bool {
		if !strings.HasSuffix(name, ".tf") && !strings.HasSuffix(name, ".tofu") && !strings.HasSuffix(name, ".tf.json") && !strings.HasSuffix(name, ".tofu.json") {
			return true
		}
		return !slices.ContainsFunc(p.Releases, func(r *Release) bool { return modules.Within(name, r.Dir) })
	}), nil
}
