package repo

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// UserEmail is the address that git would commit with, "" where it knows none.
func (r *Repo) UserEmail(ctx context.Context) (string, error) {
	out, err := run(ctx, r.byUser(ctx, "var", "GIT_COMMITTER_IDENT"), nil)
	var ge *GitError
	switch {
	case errors.As(err, &ge):
		return "", nil
	case err != nil:
		return "", err
	}
	_, rest, _ := strings.Cut(string(out), "<")
	email, _, _ := strings.Cut(rest, ">")
	return email, nil
}

// BranchesWith are the branches whose history has a commit, in short, sorted.
// Where the repository has remotes they are the branches of those alone, without
// the remote's name: what is on a branch of this clone only, nobody else has
// seen.
func (r *Repo) BranchesWith(ctx context.Context, commit Hash) ([]string, error) {
	remotes, err := r.remoteNames(ctx)
	if err != nil {
		return nil, err
	}
	prefix := "refs/heads/"
	if len(remotes) > 0 {
		prefix = "refs/remotes/"
	}
	out, err := run(ctx, r.command(ctx, "for-each-ref", "--format=%(refname)", "--contains="+commit.String(), prefix), nil)
	if err != nil {
		return nil, asMissing(err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		name := strings.TrimPrefix(strings.TrimSuffix(line, "\n"), prefix)
		if len(remotes) == 0 {
			names = append(names, name)
			continue
		}
		for _, remote := range remotes {
			if short, ok := strings.CutPrefix(name, remote+"/"); ok && short != "HEAD" {
				names = append(names, short)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
