package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrMoved says that a branch or HEAD is not where it was when it was read.
var ErrMoved = errors.New("was moved meanwhile")

// movedHint follows an error that wraps ErrMoved.
const movedHint = "\nhint: the same command again starts from where it is now"

const branchPrefix = "refs/heads/"

// Branch returns the commit of a local branch, by its short name; false where
// there is none.
func (r *Repo) Branch(ctx context.Context, name string) (Hash, bool, error) {
	if err := r.checkBranchName(ctx, name); err != nil {
		return Hash{}, false, err
	}
	return r.refValue(ctx, branchPrefix+name)
}

// refValue is what a ref, by its full name, or HEAD points to.
func (r *Repo) refValue(ctx context.Context, ref string) (Hash, bool, error) {
	out, err := run(ctx, r.command(ctx, "rev-parse", "--verify", "--quiet", ref), nil)
	if err != nil {
		var ge *GitError
		if errors.As(err, &ge) && ge.Stderr == "" {
			return Hash{}, false, nil
		}
		return Hash{}, false, err
	}
	h, err := ParseHash(strings.TrimSpace(string(out)))
	return h, err == nil, err
}

// CurrentBranch returns the short name of the branch that HEAD names, whether
// it is born or not; "" for a detached HEAD.
func (r *Repo) CurrentBranch(ctx context.Context) (string, error) {
	ref, err := r.symbolicRef(ctx, "HEAD")
	if err != nil || ref == "" {
		return "", err
	}
	name, ok := strings.CutPrefix(ref, branchPrefix)
	if !ok {
		return "", fmt.Errorf("HEAD names %s, which is no branch\nhint: git switch BRANCH", ref)
	}
	return name, nil
}

// symbolicRef is the ref that a ref names; "" where it names none.
func (r *Repo) symbolicRef(ctx context.Context, ref string) (string, error) {
	out, err := run(ctx, r.command(ctx, "symbolic-ref", "--quiet", ref), nil)
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 1 {
			return "", nil
		}
		return "", err
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// CheckBranch says why a branch of this short name cannot be made or moved: it
// is no name for git, is checked out in a work tree or is being rebased there,
// or is another name of a branch.
func (r *Repo) CheckBranch(ctx context.Context, name string) error {
	if err := r.checkBranchName(ctx, name); err != nil {
		return err
	}
	ref := branchPrefix + name
	if to, err := r.symbolicRef(ctx, ref); err != nil {
		return err
	} else if to != "" {
		return fmt.Errorf("the branch %s is another name of %s\nhint: name that one, or another", name, to)
	}
	out, err := run(ctx, r.command(ctx, "worktree", "list", "--porcelain"), nil)
	if err != nil {
		return err
	}
	where, bare := "", false
	for line := range strings.SplitSeq(string(out), "\n") {
		switch key, value, _ := strings.Cut(line, " "); key {
		case "worktree":
			where, bare = value, false
		case "bare":
			bare = true
		case "branch":
			if value == ref && !bare {
				return fmt.Errorf("the branch %s is checked out in %s\nhint: name another branch, or switch that work tree to another one", name, where)
			}
		}
	}
	// While a branch is rebased HEAD is detached, and git moves it at the end.
	for _, pattern := range []string{"", filepath.Join("worktrees", "*")} {
		for _, kind := range []string{"rebase-merge", "rebase-apply"} {
			files, err := fs.Glob(os.DirFS(r.GitDir), filepath.ToSlash(filepath.Join(pattern, kind, "head-name")))
			if err != nil {
				return err
			}
			for _, f := range files {
				if data, err := os.ReadFile(filepath.Join(r.GitDir, filepath.FromSlash(f))); err == nil && strings.TrimSpace(string(data)) == ref {
					return fmt.Errorf("the branch %s is being rebased\nhint: git rebase --continue or --abort, or name another branch", name)
				}
			}
		}
	}
	return nil
}

// checkBranchName asks git whether a branch may have this name. What git
// would take for another one (@{-1}) or for an option is none.
func (r *Repo) checkBranchName(ctx context.Context, name string) error {
	bad := fmt.Errorf("%q is no name of a branch\nhint: letters, digits, - and /, as in bump/vpc-v1.2.0", name)
	if name == "" || name == "HEAD" || name[0] == '-' || strings.HasPrefix(name, "refs/") || badRef.MatchString(branchPrefix+name) {
		return bad
	}
	out, err := run(ctx, r.command(ctx, "check-ref-format", "--branch", name), nil)
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil || strings.TrimSuffix(string(out), "\n") != name:
		return bad
	}
	return nil
}

// SetBranch makes a local branch, or moves it, when it is at old; old is zero
// for one that must not be there. One that is elsewhere is an error that wraps
// ErrMoved; what CheckBranch refuses is refused. No hook runs. reflog says in
// a line why, "terrier bump: vpc v1.2.0".
func (r *Repo) SetBranch(ctx context.Context, name string, to, old Hash, reflog string) error {
	if err := r.CheckBranch(ctx, name); err != nil {
		return err
	}
	if to.IsZero() {
		return fmt.Errorf("the branch %s is to point to nothing", name)
	}
	ref := branchPrefix + name
	if _, err := run(ctx, r.byUser(ctx, "update-ref", "--no-deref", "-m", reflog, ref, to.String(), old.String()), nil); err != nil {
		if at, _, readErr := r.refValue(ctx, ref); readErr == nil && at != old {
			where := "at " + at.String()
			if at.IsZero() {
				where = "gone"
			}
			return fmt.Errorf("the branch %s %w (it is %s)"+movedHint, name, ErrMoved, where)
		}
		return err
	}
	return nil
}

// ErrInProgress says that a merge, a rebase or the like is not finished in the
// work tree.
var ErrInProgress = errors.New("is not finished in this work tree")

// inProgress is ErrInProgress where it applies.
func (r *Repo) inProgress() error {
	for _, op := range [][2]string{{"MERGE_HEAD", "merge"}, {"rebase-merge", "rebase"}, {"rebase-apply", "rebase"},
		{"CHERRY_PICK_HEAD", "cherry-pick"}, {"REVERT_HEAD", "revert"}, {"sequencer", "cherry-pick"}} {
		if _, err := os.Lstat(filepath.Join(r.WorkTreeDir(), op[0])); err == nil {
			return fmt.Errorf("a %s %w\nhint: git %s --continue or --abort", op[1], ErrInProgress, op[1])
		}
	}
	return nil
}

// DirtyFiles lists those of paths (relative to Root, with slashes) that are
// not in the work tree and in the index as they are in HEAD: changed, staged,
// deleted, untracked, ignored. What the index says is to be left out of sight
// (assume-unchanged, skip-worktree) is looked at as well. They are sorted. A
// merge or rebase that is not finished is an error that wraps ErrInProgress. A
// bare repository has none.
//
// No filter driver is run: a file that one applies to may be listed though it
// has not changed.
func (r *Repo) DirtyFiles(ctx context.Context, paths []string) ([]string, error) {
	if r.Root == "" || len(paths) == 0 {
		return nil, nil
	}
	if err := r.inProgress(); err != nil {
		return nil, err
	}
	off, err := r.withoutFilters(ctx)
	if err != nil {
		return nil, fmt.Errorf("state of the work tree %s: %w", r.Root, err)
	}
	dirty := map[string]bool{}
	asked := map[string]bool{}
	var within []string // directories that are untracked as a whole
	for _, p := range paths {
		asked[p] = true
	}
	git := append(off, "--work-tree="+r.Root, "--literal-pathspecs")
	// So many that the command line has room for them.
	for some := range slices.Chunk(paths, 200) {
		args := slices.Concat(git, []string{"status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignored=traditional", "--ignore-submodules=dirty", "--no-renames", "--no-ahead-behind", "--"}, some)
		out, err := run(ctx, r.command(ctx, args...), nil)
		if err != nil {
			return nil, fmt.Errorf("state of the work tree %s: %w", r.Root, err)
		}
		for entry := range strings.SplitSeq(string(out), "\x00") {
			if len(entry) < 4 {
				continue
			}
			p := entry[3:]
			if strings.HasSuffix(p, "/") {
				within = append(within, p)
			}
			dirty[p] = true
		}
		args = slices.Concat(git, []string{"ls-files", "-s", "-v", "-z", "--full-name", "--"}, some)
		if out, err = run(ctx, r.command(ctx, args...), nil); err != nil {
			return nil, fmt.Errorf("state of the work tree %s: %w", r.Root, err)
		}
		for entry := range strings.SplitSeq(string(out), "\x00") {
			head, p, _ := strings.Cut(entry, "\t")
			f := strings.Fields(head) // tag, mode, id, stage
			if len(f) == 4 && (f[0] == "S" || f[0] >= "a") && r.differs(p, f[2]) {
				dirty[p] = true
			}
		}
	}
	var found []string
	for p := range asked {
		if dirty[p] || slices.ContainsFunc(within, func(dir string) bool { return strings.HasPrefix(p, dir) }) {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	return found, nil
}

// differs reports whether a file that git does not look at is another than
// the index's blob. Line endings aside; one that is not there is not another.
func (r *Repo) differs(p, blob string) bool {
	data, err := os.ReadFile(filepath.Join(r.Root, filepath.FromSlash(p)))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	return err != nil || hashObject("blob", data).String() != blob &&
		hashObject("blob", []byte(strings.ReplaceAll(string(data), "\r\n", "\n"))).String() != blob
}

// Advance moves HEAD, and the branch that it names, from old to one of old's
// descendants, when the files that differ between the two are in the work tree
// already. Their index entries, and no others, become those of the new commit;
// what is staged elsewhere stays. No file of the work tree is touched and no
// hook runs. reflog is as in SetBranch.
//
// HEAD that is not at old is an error that wraps ErrMoved, and a merge or
// rebase that is not finished one that wraps ErrInProgress. The index comes
// first: killed in between, the new files are staged and not committed. After
// an error it is as it was.
func (r *Repo) Advance(ctx context.Context, old, to Hash, reflog string) error {
	if r.Root == "" {
		return errors.New("a bare repository has no work tree to advance\nhint: name a branch")
	}
	if err := r.inProgress(); err != nil {
		return err
	}
	moved := func(at Hash) error {
		return fmt.Errorf("HEAD %w (it is at %s and not at %s)"+movedHint, ErrMoved, at, old)
	}
	if at, _, err := r.refValue(ctx, "HEAD"); err != nil {
		return err
	} else if at != old {
		return moved(at)
	}
	if _, err := run(ctx, r.command(ctx, "merge-base", "--is-ancestor", old.String(), to.String()), nil); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 1 {
			return fmt.Errorf("commit %s does not come after %s", to, old)
		}
		return err
	}
	changed, err := r.rawDiff(ctx, "diff-tree", "-r", old.String(), to.String())
	if err != nil {
		return err
	}
	staged, err := r.rawDiff(ctx, "diff-index", "--cached", old.String())
	if err != nil {
		return err
	}
	now, then := map[string]indexEntry{}, map[string]indexEntry{}
	for p, d := range changed {
		now[p], then[p] = d.to, d.from
		if s, ok := staged[p]; ok {
			if s.status == "U" {
				return fmt.Errorf("%s has a merge conflict\nhint: solve it first, then git add it", p)
			}
			then[p] = s.to
		}
	}
	if err := r.setEntries(ctx, now); err != nil {
		return err
	}
	if _, err := run(ctx, r.byUser(ctx, "update-ref", "-m", reflog, "HEAD", to.String(), old.String()), nil); err != nil {
		undo := r.setEntries(context.WithoutCancel(ctx), then)
		if at, _, readErr := r.refValue(ctx, "HEAD"); readErr == nil && at != old {
			err = moved(at)
		}
		return errors.Join(err, undo)
	}
	return nil
}

// An indexEntry is what the index holds of a path; mode "000000" is nothing.
type indexEntry struct{ mode, id string }

type rawChange struct {
	from, to indexEntry
	status   string
}

// rawDiff runs one of git's diffs and reads what it says of each path.
func (r *Repo) rawDiff(ctx context.Context, command string, args ...string) (map[string]rawChange, error) {
	args = slices.Concat([]string{"--work-tree=" + r.Root, command, "--raw", "-z", "--no-abbrev", "--no-renames", "--ignore-submodules=dirty"}, args, []string{"--"})
	out, err := run(ctx, r.command(ctx, args...), nil)
	if err != nil {
		return nil, asMissing(err)
	}
	changes := map[string]rawChange{}
	fields := strings.Split(string(out), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		f := strings.Fields(strings.TrimPrefix(fields[i], ":"))
		if len(f) != 5 {
			return nil, fmt.Errorf("git %s: unexpected line %q", command, fields[i])
		}
		changes[fields[i+1]] = rawChange{indexEntry{f[0], f[2]}, indexEntry{f[1], f[3]}, f[4]}
	}
	return changes, nil
}

// setEntries writes entries of the index.
func (r *Repo) setEntries(ctx context.Context, entries map[string]indexEntry) error {
	if len(entries) == 0 {
		return nil
	}
	var in strings.Builder
	// What goes, first: a directory may have come in the place of a file.
	for _, p := range slices.SortedFunc(maps.Keys(entries), func(a, b string) int {
		return cmp.Or(cmp.Compare(entries[a].mode, entries[b].mode), cmp.Compare(a, b))
	}) {
		fmt.Fprintf(&in, "%s %s\t%s\x00", entries[p].mode, entries[p].id, p)
	}
	off, err := r.withoutFilters(ctx)
	if err != nil {
		return err
	}
	git := func(stdin string, args ...string) error {
		_, err := run(ctx, r.command(ctx, slices.Concat(off, []string{"--work-tree=" + r.Root, "update-index"}, args)...), strings.NewReader(stdin))
		return err
	}
	if err := git(in.String(), "-z", "--index-info"); err != nil {
		return err
	}
	// So that no reader of the index has to look into the files again. It
	// fails where any file has changed, which is none of our business.
	_ = git("", "-q", "--refresh")
	return nil
}
