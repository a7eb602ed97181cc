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
// Where the repository has remotes they are the branches of one alone, without
// its name: what is on a branch of this clone only, nobody else has seen. It is
// the remote whose main branch MainBranch gives: anybody may push what they like
// to a fork of their own. Where that cannot be told there are none.
func (r *Repo) BranchesWith(ctx context.Context, commit Hash) ([]string, error) {
	remotes, err := r.remoteNames(ctx)
	if err != nil {
		return nil, err
	}
	prefix := "refs/heads/"
	if len(remotes) > 0 {
		ask, err := r.mainRemotes(ctx, remotes)
		if err != nil || len(ask) == 0 {
			return nil, err
		}
		prefix = "refs/remotes/" + ask[0] + "/"
	}
	out, err := run(ctx, r.command(ctx, "for-each-ref", "--format=%(refname)", "--contains="+commit.String(), prefix), nil)
	if err != nil {
		return nil, asMissing(err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		if name := strings.TrimPrefix(strings.TrimSuffix(line, "\n"), prefix); len(remotes) == 0 || name != "HEAD" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
