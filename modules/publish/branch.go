package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/repo"
)

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

const (
	mostNamed  = 3   // words of a kind in a branch's name
	mostBranch = 120 // bytes of it: a file system takes 255, and others add to it
)

// BranchName is the branch of a merge request: the same for the same modules
// and environments, whatever the version, so that the open one is found again,
// and another for others: terrier/bump-eks+vpc@prod. Where the names do not fit
// into it as they are, it ends in digits that are made of them. verb is what is
// done, "bump" or "promote".
func BranchName(verb string, modules, environments []string) string {
	name, whole := "terrier/"+verb, true
	digest := sha256.New()
	add := func(before string, words []string) {
		words = slices.Compact(slices.Sorted(slices.Values(words)))
		for i, word := range words {
			word = hclparse.Redact(word)
			fmt.Fprintf(digest, "%s%d:%s", before, len(word), word)
			if i >= mostNamed {
				whole = false
				continue
			}
			plain := strings.Trim(strings.ReplaceAll(notInName.ReplaceAllString(word, "-"), "..", "-"), "-.")
			whole = whole && plain == word
			if plain != "" {
				name += before + plain
			}
			before = "+"
		}
	}
	add("-", modules)
	add("@", environments)
	if len(name) > mostBranch {
		name, whole = name[:mostBranch], false
	}
	if short := strings.TrimSuffix(name, ".lock"); short != name {
		name, whole = short, false
	}
	if !whole {
		name += fmt.Sprintf("-%x", digest.Sum(nil)[:4])
	}
	return name
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
