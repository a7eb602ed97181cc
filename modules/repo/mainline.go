package repo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// ErrNoMain says that a clone does not tell which branch is the main one.
var ErrNoMain = errors.New("which branch is the main one, this clone does not tell")

// MainBranch finds the branch that others merge into, as the clone knows it,
// with no network: where the HEAD of a remote leads, else its main or master.
// The remote is origin, else that of the current branch's upstream, else the only
// one. Of a repository without any remote it is its own main or master, and of a
// bare one, whose branches are a remote's own, where its HEAD leads. name is short:
// "origin/main". The error where there is none wraps ErrNoMain.
func (r *Repo) MainBranch(ctx context.Context) (name string, c *Commit, err error) {
	remotes, err := r.remoteNames(ctx)
	if err != nil {
		return "", nil, err
	}
	prefix, names := "refs/heads/", []string{"main", "master"}
	switch {
	case r.Root == "":
		branch, err := r.branch(ctx)
		if err != nil {
			return "", nil, err
		}
		if branch != "" {
			names = append([]string{branch}, names...)
		}
	case len(remotes) > 0:
		prefix, names = "refs/remotes/", nil
		ask, err := r.mainRemotes(ctx, remotes)
		if err != nil {
			return "", nil, err
		}
		if len(ask) == 0 {
			return "", nil, fmt.Errorf("%w: none of its remotes is origin, or the current branch's upstream", ErrNoMain)
		}
		for _, remote := range ask {
			out, err := run(ctx, r.command(ctx, "symbolic-ref", "--quiet", prefix+remote+"/HEAD"), nil)
			if err != nil && !exitedWith(err, 1) {
				return "", nil, err
			}
			if short, ok := strings.CutPrefix(strings.TrimSuffix(string(out), "\n"), prefix); ok {
				names = append(names, short)
			}
			names = append(names, remote+"/main", remote+"/master")
		}
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

// mainRemotes are the remotes that may have the main branch, the likeliest first:
// origin, the current branch's upstream, or the only one there is.
func (r *Repo) mainRemotes(ctx context.Context, remotes []string) ([]string, error) {
	upstream, err := r.upstream(ctx)
	if err != nil {
		return nil, err
	}
	var ask []string
	for _, remote := range []string{"origin", upstream} {
		if slices.Contains(remotes, remote) && !slices.Contains(ask, remote) {
			ask = append(ask, remote)
		}
	}
	if len(ask) == 0 && len(remotes) == 1 {
		ask = remotes
	}
	return ask, nil
}

// remoteNames are the names of the remotes that have a URL, sorted.
func (r *Repo) remoteNames(ctx context.Context) ([]string, error) {
	out, err := run(ctx, r.command(ctx, "config", "--null", "--name-only", "--get-regexp", `^remote\..*\.url$`), nil)
	if err != nil && !exitedWith(err, 1) { // 1: no such key
		return nil, err
	}
	var names []string
	for key := range strings.SplitSeq(string(out), "\x00") {
		if name, ok := strings.CutPrefix(strings.TrimSuffix(key, ".url"), "remote."); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// branch is the branch that HEAD is on, in short; "" where it is on none.
func (r *Repo) branch(ctx context.Context) (string, error) {
	out, err := run(ctx, r.command(ctx, "symbolic-ref", "--quiet", "HEAD"), nil)
	if err != nil && !exitedWith(err, 1) {
		return "", err
	}
	name, _ := strings.CutPrefix(strings.TrimSuffix(string(out), "\n"), "refs/heads/")
	return name, nil
}

// upstream is the name of the remote that the current branch follows; "" where
// it follows none, and where HEAD is on no branch.
func (r *Repo) upstream(ctx context.Context) (string, error) {
	branch, err := r.branch(ctx)
	if err != nil || branch == "" {
		return "", err
	}
	out, err := run(ctx, r.command(ctx, "config", "--get", "branch."+branch+".remote"), nil)
	if err != nil && !exitedWith(err, 1) {
		return "", err
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

func exitedWith(err error, code int) bool {
	exit := (*exec.ExitError)(nil)
	return errors.As(err, &exit) && exit.ExitCode() == code
}

// IsAncestor reports whether a commit is another one, or in its history. One
// that is not here is in no history.
func (r *Repo) IsAncestor(ctx context.Context, commit, of Hash) (bool, error) {
	if commit == of {
		return true, nil
	}
	if _, err := run(ctx, r.command(ctx, "cat-file", "-e", commit.String()+"^{commit}"), nil); err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() > 0 {
			return false, nil
		}
		return false, err
	}
	_, err := run(ctx, r.command(ctx, "merge-base", "--is-ancestor", commit.String(), of.String()), nil)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

// A MainCommit is a commit of a branch's first-parent history: a merge stands
// for all that it brought.
type MainCommit struct {
	ID Hash
	// When it came to the branch, as far as the committers' dates tell: seconds
	// since 1970, UTC.
	When int64
}

// FirstParents lists the first-parent history of a commit, the newest first,
// down to the first commit that came not later than until (seconds since 1970).
// reached is false where the history ends before: at its first commit, or at
// the border of a shallow clone.
//
// A date is of the clock of whoever committed. So a commit came no earlier than
// those before it, whatever its own date says; a date after now tells nothing,
// and such a commit came by the date of the one behind it, or now.
func (r *Repo) FirstParents(ctx context.Context, tip Hash, until, now int64) (list []MainCommit, reached bool, err error) {
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
		list = append(list, c)
	}
	const unknown = math.MinInt64
	last := int64(unknown)
	for i := len(list) - 1; i >= 0; i-- {
		if c := &list[i]; c.When > now {
			c.When = unknown
		} else {
			last = max(last, c.When)
			c.When = last
		}
	}
	newer := now
	for i := range list {
		if list[i].When == unknown {
			list[i].When = newer
		}
		newer = list[i].When
	}
	for i := range list {
		if list[i].When <= until {
			return list[:i+1], true, nil
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
