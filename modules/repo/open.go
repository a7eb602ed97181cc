package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Repo is the user's repository. It may be used by several goroutines.
type Repo struct {
	// Root is the work tree, absolute and free of symlinks; "" in a bare
	// repository.
	Root string
	// GitDir is the common git directory, absolute: objects and refs. The
	// linked work trees of one repository share it.
	GitDir string
	// gitDir differs from GitDir in a linked work tree: its HEAD and index.
	gitDir string
}

// Open finds the repository that dir is in, upward, as git does, its check of
// the owner (safe.directory) included.
//
// The errors to decide by are ErrNotRepository, ErrNoCommits, ErrShallow and
// ErrObjectFormat. With ErrNoCommits and ErrShallow the Repo comes back as
// well, for who needs no history. A repository whose HEAD names a branch that
// is not born, but that has other refs, opens; it is Resolve that then tells.
func Open(ctx context.Context, dir string) (*Repo, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	// git answers --show-cdup with ../.. of the real directory.
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	if info, err := os.Stat(abs); err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("open %s: %w: it is a file\nhint: name the directory of the monorepo", dir, ErrNotRepository)
	}

	out, err := run(ctx, discover(ctx, abs, "rev-parse",
		"--is-bare-repository", "--is-shallow-repository", "--is-inside-git-dir", "--show-object-format",
		"--absolute-git-dir", "--git-common-dir", "--show-cdup"), nil)
	if err != nil {
		var ge *GitError
		if errors.As(err, &ge) && strings.Contains(ge.Stderr, "not a git repository") {
			return nil, fmt.Errorf("%s: %w (nor is any directory above it)\nhint: run it inside the monorepo's clone, or name the clone with -C", dir, ErrNotRepository)
		}
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	// A bare repository has no line for the work tree.
	if len(lines) == 6 {
		lines = append(lines, "")
	}
	if len(lines) != 7 {
		return nil, fmt.Errorf("open %s: the repository's path holds a line break", dir)
	}
	bare, shallow, inside, format := lines[0] == "true", lines[1] == "true", lines[2] == "true", lines[3]
	if format != "sha1" {
		return nil, fmt.Errorf("%s: %w (it is %q)\nhint: its commit ids are longer than the 40 digits that a module's ?ref= takes today; convert a clone of it with `git fast-export | git fast-import`", dir, ErrObjectFormat, format)
	}

	r := &Repo{gitDir: lines[4], GitDir: lines[5]}
	if !filepath.IsAbs(r.GitDir) {
		r.GitDir = filepath.Join(abs, r.GitDir)
	}
	switch {
	case bare:
	case inside:
		// From in there git tells no work tree that one can rely on.
		if filepath.Base(r.GitDir) == ".git" {
			r.Root = filepath.Dir(r.GitDir)
		}
		r.gitDir = r.GitDir
	default:
		r.Root = lines[6]
		if !filepath.IsAbs(r.Root) {
			r.Root = filepath.Join(abs, r.Root)
		}
	}

	if shallow {
		return r, fmt.Errorf("%s: %w", dir, ErrShallow)
	}
	if _, err := run(ctx, r.command(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"), nil); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		refs, err := run(ctx, r.command(ctx, "for-each-ref", "--count=1", "--format=%(refname)"), nil)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", dir, err)
		}
		if len(bytes.TrimSpace(refs)) == 0 {
			return r, fmt.Errorf("%s: %w\nhint: commit something first", dir, ErrNoCommits)
		}
	}
	return r, nil
}

// WorkTreeDir is the git directory of this work tree alone: its HEAD and index
// are there. It differs from GitDir in a linked work tree.
func (r *Repo) WorkTreeDir() string {
	if r.gitDir == "" {
		return r.GitDir
	}
	return r.gitDir
}

// Dirty reports whether a tracked file differs between the commit, the index
// and the work tree. Untracked files and what is uncommitted inside a
// submodule do not count; a bare repository is never dirty.
//
// No filter driver is run, since that would execute a program: a file that
// one applies to (Git LFS, git-crypt) counts as changed where git has to look
// at its bytes to know.
func (r *Repo) Dirty(ctx context.Context) (bool, error) {
	if r.Root == "" {
		return false, nil
	}
	off, err := r.withoutFilters(ctx)
	if err != nil {
		return false, fmt.Errorf("state of the work tree %s: %w", r.Root, err)
	}
	args := append(off, "--work-tree="+r.Root, "status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=dirty", "--no-renames", "--no-ahead-behind")
	out, err := run(ctx, r.command(ctx, args...), nil)
	if err != nil {
		return false, fmt.Errorf("state of the work tree %s: %w", r.Root, err)
	}
	return len(out) > 0, nil
}

// withoutFilters are the options that turn every filter driver off, since
// each runs a program. A driver that cannot be turned off is an error.
func (r *Repo) withoutFilters(ctx context.Context) ([]string, error) {
	keys, err := run(ctx, r.command(ctx, "config", "--null", "--name-only", "--get-regexp", `^filter\..*\.(clean|process|required)$`), nil)
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
			return nil, nil // no such key
		}
		return nil, err
	}
	var args []string
	for _, key := range strings.Split(string(keys), "\x00") {
		if key == "" {
			continue
		}
		if strings.Contains(key, "=") {
			// -c takes what is before the first = for the key. An attribute can
			// name such a driver: filter=a=b.
			return nil, fmt.Errorf("the filter driver %q of the repository's configuration cannot be turned off, and would run a program\nhint: give it a name without =", key)
		}
		value := ""
		if strings.HasSuffix(key, ".required") {
			value = "false"
		}
		args = append(args, "-c", key+"="+value)
	}
	return args, nil
}
