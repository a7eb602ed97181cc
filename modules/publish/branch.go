package publish

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
)

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// BranchName is the branch of a merge request: the same for the same modules
// and environments, whatever the version, so that the open one is found again.
// verb is what is done, "bump" or "promote".
func BranchName(verb string, modules, environments []string) string {
	part := func(words []string) string {
		words = slices.Sorted(slices.Values(words))
		if len(words) > 3 {
			words = append(words[:3], "and-more")
		}
		out := strings.Join(words, "-")
		return strings.Trim(notInName.ReplaceAllString(out, "-"), "-.")
	}
	name := "terrier/" + verb
	if p := part(modules); p != "" {
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

// setBranch makes the branch, or puts the new commits in the place of those
// that terrier has made there.
func (d *Destination) setBranch(ctx context.Context, tip repo.Hash, reflog string) error {
	r := d.config.Repo
	old, there, err := r.Branch(ctx, d.Branch)
	if err != nil {
		return err
	}
	if there {
		rd, err := r.Reader(ctx)
		if err != nil {
			return err
		}
		defer rd.Close()
		if _, err := d.ownLine(ctx, rd, r.GitDir, "here", old); err != nil {
			return err
		}
	}
	return r.SetBranch(ctx, d.Branch, tip, old, reflog)
}

// ownLine are the commits of the branch, which must all be terrier's.
func (d *Destination) ownLine(ctx context.Context, rd repo.Reader, gitDir, where string, tip repo.Hash) (*repo.Line, error) {
	const hint = "\nhint: name another --branch, or delete that one"
	line, err := repo.LineOf(ctx, rd, gitDir, tip, d.Base.ID)
	if err != nil {
		if errors.Is(err, repo.ErrLine) {
			err = fmt.Errorf("the branch %s is there %s, and stays as it is: %w%s", d.Branch, where, err, hint)
		}
		return nil, err
	}
	for _, c := range line.Commits {
		if !strings.Contains(c.Message, "\n"+trailer) {
			return nil, fmt.Errorf("the branch %s is there %s, with a commit that terrier did not make (%.12s), and stays as it is%s", d.Branch, where, c.ID, hint)
		}
	}
	return line, nil
}
