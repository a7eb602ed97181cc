package repo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// ErrNoMain says that a clone does not tell which branch is the main one.
var ErrNoMain = errors.New("which branch is the main one, this clone does not tell")

// MainBranch finds the branch that others merge into, as the clone knows it,
// with no network: where origin's HEAD leads, else origin's main or master; of a
// repository without any remote its own main or master. name is short:
// "origin/main". The error where there is none wraps ErrNoMain.
func (r *Repo) MainBranch(ctx context.Context) (name string, c *Commit, err error) {
	remotes, err := r.Remotes(ctx)
	if err != nil {
		return "", nil, err
	}
	prefix := "refs/heads/"
	var names []string
	if len(remotes) > 0 {
		prefix = "refs/remotes/"
		out, err := run(ctx, r.command(ctx, "symbolic-ref", "--quiet", prefix+"origin/HEAD"), nil)
		if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
			return "", nil, err
		}
		if short, ok := strings.CutPrefix(strings.TrimSuffix(string(out), "\n"), prefix); ok {
			names = append(names, short)
		}
		names = append(names, "origin/main", "origin/master")
	} else {
		names = append(names, "main", "master")
	}
	for _, n := range names {
		switch c, err := r.Resolve(ctx, prefix+n); {
		case err == nil:
			return n, c, nil
		case !errors.Is(err, ErrRevision):
			return "", nil, err
		}
	}
	return "", nil, fmt.Errorf("%w: it has no %s", ErrNoMain, strings.Join(names, ", and no "))
}

// A MainCommit is a commit of a branch's first-parent history: a merge stands
// for all that it brought.
type MainCommit struct {
	ID   Hash
	When int64 // of the committer, seconds since 1970, UTC
}

// FirstParents lists the first-parent history of a commit, the newest first,
// down to the first commit that is not newer than until (seconds since 1970).
// reached is false where the history ends before: at its first commit, or at
// the border of a shallow clone.
func (r *Repo) FirstParents(ctx context.Context, tip Hash, until int64) (list []MainCommit, reached bool, err error) {
	out, err := run(ctx, r.command(ctx, "rev-list", "--first-parent", "--timestamp", tip.String(), "--"), nil)
	if err != nil {
		return nil, false, asMissing(err)
	}
	for line := range strings.Lines(string(out)) {
		when, id, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		c := MainCommit{}
		if c.When, err = strconv.ParseInt(when, 10, 64); err != nil {
			return nil, false, fmt.Errorf("git rev-list: %q is no time", when)
		}
		if c.ID, err = ParseHash(id); err != nil {
			return nil, false, err
		}
		if list = append(list, c); c.When <= until {
			return list, true, nil
		}
	}
	return list, false, nil
}

// MainChanges returns which commits of the first-parent history from tip back to
// from, that one left out, change anything in the files or directories; a merge
// is compared with its first parent.
func (r *Repo) MainChanges(ctx context.Context, from, tip Hash, paths []string) (map[Hash]bool, error) {
	args := []string{"--literal-pathspecs", "rev-list", "--first-parent", tip.String(), "^" + from.String(), "--"}
	out, err := run(ctx, r.command(ctx, append(args, paths...)...), nil)
	if err != nil {
		return nil, asMissing(err)
	}
	found := map[Hash]bool{}
	for line := range strings.Lines(string(out)) {
		id, err := ParseHash(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, err
		}
		found[id] = true
	}
	return found, nil
}

// Shallow reports whether the clone holds only a part of the history.
func (r *Repo) Shallow(ctx context.Context) (bool, error) {
	out, err := run(ctx, r.command(ctx, "rev-parse", "--is-shallow-repository"), nil)
	return strings.TrimSpace(string(out)) == "true", err
}
