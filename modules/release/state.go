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
	if p.AnyBranch || len(p.Releases) == 0 {
		return nil
	}
	return p.refuseBranch(ctx)
}

// refuseBranch refuses a commit that the branch that others merge into does not
// have. A clone that does not tell which that is, as one with no remote and
// branches of other names, has nothing to refuse by.
func (p *planning) refuseBranch(ctx context.Context) error {
	name, tip, err := p.repo.MainBranch(ctx)
	if errors.Is(err, repo.ErrNoMain) {
		return nil
	} else if err != nil {
		return err
	}
	in, err := p.repo.IsAncestor(ctx, p.Head.ID, tip.ID)
	if err != nil || in {
		return err
	}
	if branch, ok := strings.CutPrefix(name, "origin/"); ok {
		p.refuse(fmt.Errorf("HEAD (%s) is not on the default branch of origin, %s, as it was last fetched\nhint: merge or push it first, then git fetch; --any-branch releases it all the same", p.Head.ID.String()[:8], branch))
		return nil
	}
	p.refuse(fmt.Errorf("HEAD (%s) is not on the branch %s\nhint: merge it first; --any-branch releases it all the same", p.Head.ID.String()[:8], name))
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
		return !isConfig(name) || !slices.ContainsFunc(p.Releases, func(r *Release) bool { return modules.Within(name, r.Dir) })
	}), nil
}

// isConfig reports whether terraform or tofu reads a file of this name.
func isConfig(name string) bool {
	return slices.ContainsFunc([]string{".tf", ".tofu", ".tf.json", ".tofu.json"}, func(end string) bool { return strings.HasSuffix(name, end) })
}
