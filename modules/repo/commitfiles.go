package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A NewCommit is a commit to be made in the user's repository, by the user.
type NewCommit struct {
	// Message is taken as it is, but for a line break at its end.
	Message string
	// Files holds whole new contents by path, relative to the top of the
	// repository, with slashes. One that is there is a regular file and keeps
	// its mode; one that is not becomes a file that is not executable.
	Files map[string][]byte
	// FromWorkTree says that the contents are as in a work tree: line endings
	// and encodings become what git add would make of them, by the attributes
	// in the commit's parent and the user's configuration. Else they are the
	// blobs, byte for byte.
	FromWorkTree bool
}

var (
	// ErrNoIdentity says that git does not know who commits.
	ErrNoIdentity = errors.New("git does not know who you are")
	// ErrNothingChanged says that a commit would have its parent's tree.
	ErrNothingChanged = errors.New("the commit would change nothing")
	// ErrSigning says that a commit or a tag was to be signed, and was not.
	ErrSigning = errors.New("it could not be signed")
)

// CommitFiles makes commits, each on the one before, the first on parent, and
// returns their ids. Objects are written and nothing else: no ref, index or
// file of the work tree changes, no hook and no filter runs.
//
// Author and committer are the user's git identity, else it is ErrNoIdentity;
// with commit.gpgSign the commits are signed as git would, and a failure wraps
// ErrSigning. A path that names a symlink, a submodule or a directory, or that
// leads through one of the first two, is an error; so is a commit that changes
// nothing (ErrNothingChanged), and with FromWorkTree a file that a filter
// driver applies to, since that is a program.
func (r *Repo) CommitFiles(ctx context.Context, parent Hash, commits []NewCommit) ([]Hash, error) {
	for i, c := range commits {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("commit %d: %w", i+1, err)
		}
	}
	base, err := r.readCommit(ctx, parent.String(), parent)
	if err != nil {
		return nil, err
	}
	if err := r.checkIdentity(ctx, "GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"); err != nil {
		return nil, err
	}
	var sign []string
	if on, err := r.configured(ctx, "commit.gpgSign"); err != nil {
		return nil, err
	} else if on {
		sign = []string{"-S"}
	}
	ids := make([]Hash, 0, len(commits))
	at, tree := base.ID, base.Tree
	for _, c := range commits {
		next, err := r.writeTree(ctx, tree, c)
		if err == nil && next == tree {
			err = ErrNothingChanged
		}
		if err == nil {
			tree = next
			at, err = r.commitTree(ctx, tree, at, c.Message, sign)
		}
		if err != nil {
			subject, _, _ := strings.Cut(c.Message, "\n")
			return nil, fmt.Errorf("commit %q: %w", subject, err)
		}
		ids = append(ids, at)
	}
	return ids, nil
}

func (c NewCommit) check() error {
	switch {
	case strings.TrimSpace(c.Message) == "":
		return errors.New("it has no message")
	case strings.ContainsRune(c.Message, 0):
		return errors.New("a NUL in its message")
	}
	for _, p := range slices.Sorted(maps.Keys(c.Files)) {
		if !fs.ValidPath(p) || p == "." {
			return fmt.Errorf("%q is no path in a repository", p)
		}
	}
	return nil
}

// byUser prepares git as command does, to write in the user's name.
func (r *Repo) byUser(ctx context.Context, args ...string) *exec.Cmd {
	// git's guess of a name from the host is nobody's identity.
	cmd := r.command(ctx, append([]string{"-c", "user.useConfigOnly=true", "-c", "i18n.commitEncoding=UTF-8"}, args...)...)
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "GIT_AUTHOR_") || strings.HasPrefix(kv, "GIT_COMMITTER_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	return cmd
}

// checkIdentity holds that git knows the identities, by git var's names.
func (r *Repo) checkIdentity(ctx context.Context, names ...string) error {
	for _, name := range names {
		if _, err := run(ctx, r.byUser(ctx, "var", name), nil); err != nil {
			var ge *GitError
			if errors.As(err, &ge) {
				lines := strings.Split(ge.Stderr, "\n")
				return fmt.Errorf("%w (%s)\nhint: git config --global user.name \"Your Name\" and git config --global user.email you@example.com", ErrNoIdentity, lines[len(lines)-1])
			}
			return err
		}
	}
	return nil
}

// configured reads a setting that is on or off; one that is not there is off.
func (r *Repo) configured(ctx context.Context, key string) (bool, error) {
	out, err := run(ctx, r.command(ctx, "config", "--type=bool", "--get", key), nil)
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
			return false, nil
		}
		return false, err
	}
	return strings.TrimSpace(string(out)) == "true", nil
}

// commitTree makes one commit.
func (r *Repo) commitTree(ctx context.Context, tree, parent Hash, message string, sign []string) (Hash, error) {
	args := append([]string{"commit-tree", "-p", parent.String(), "-F", "-"}, sign...)
	message = strings.ToValidUTF8(strings.TrimSuffix(message, "\n"), "\uFFFD") + "\n"
	out, err := run(ctx, r.byUser(ctx, append(args, tree.String())...), strings.NewReader(message))
	if err != nil {
		var ge *GitError
		if len(sign) > 0 && errors.As(err, &ge) && signingFailed.MatchString(ge.Stderr) {
			err = notSigned(err)
		}
		return Hash{}, err
	}
	return ParseHash(strings.TrimSpace(string(out)))
}

// signingFailed matches what git says, in the locale C, when gpg or ssh-keygen
// gave no signature.
var signingFailed = regexp.MustCompile(`(?i)sign|gpg|\bkey\b|failed to write commit object`)

func notSigned(err error) error {
	return fmt.Errorf("%w: %w\nhint: `git commit -S` by hand shows what the key needs; commit.gpgSign, tag.gpgSign and user.signingKey of git's configuration decide", ErrSigning, err)
}

// writeTree writes the objects of a commit's tree and returns it.
func (r *Repo) writeTree(ctx context.Context, tree Hash, c NewCommit) (Hash, error) {
	rd, err := r.Reader(ctx)
	if err != nil {
		return Hash{}, err
	}
	defer rd.Close()
	modes, err := fileModes(ctx, rd, tree, slices.Sorted(maps.Keys(c.Files)))
	if err != nil {
		return Hash{}, err
	}
	var objs []Object
	var cleaned map[string]Hash
	if c.FromWorkTree {
		if cleaned, err = r.clean(ctx, tree, c.Files); err != nil {
			return Hash{}, err
		}
	}
	edits := make(map[string]TreeEdit, len(c.Files))
	for _, p := range slices.Sorted(maps.Keys(c.Files)) {
		id, ok := cleaned[p]
		if !ok {
			blob := HashObject("blob", c.Files[p])
			objs = append(objs, blob)
			id = blob.ID
		}
		edits[p] = TreeEdit{Mode: modes[p], Blob: id}
	}
	next, trees, err := EditTree(ctx, rd, tree, edits)
	if err != nil || next == tree {
		return next, err
	}
	return next, r.writeObjects(ctx, append(objs, trees...))
}

// fileModes finds the modes that files have in a tree, and gives new ones
// theirs.
func fileModes(ctx context.Context, rd Reader, root Hash, paths []string) (map[string]uint32, error) {
	known := map[Hash]map[string]rawEntry{emptyTree: nil}
	list := func(id Hash) (map[string]rawEntry, error) {
		if entries, ok := known[id]; ok {
			return entries, nil
		}
		entries := map[string]rawEntry{}
		err := rd.Objects(ctx, []Hash{id}, func(o Object) error {
			if o.Type != "tree" {
				return fmt.Errorf("object %s is a %s and not a tree", o.ID, o.Type)
			}
			all, err := decodeTree(o.Data)
			for _, e := range all {
				entries[e.name] = e
			}
			return err
		})
		known[id] = entries
		return entries, err
	}
	modes := make(map[string]uint32, len(paths))
	for _, p := range paths {
		modes[p] = ModeFile
		dir := root
		for at := 0; ; {
			entries, err := list(dir)
			if err != nil {
				return nil, err
			}
			name, _, below := strings.Cut(p[at:], "/")
			e, ok := entries[name]
			if !ok {
				break
			}
			here := p[:at+len(name)]
			if below && e.isTree() {
				dir, at = e.id, at+len(name)+1
				continue
			}
			mode, _ := strconv.ParseUint(e.mode, 8, 32)
			kind := "file"
			switch {
			case e.isTree():
				kind = "directory"
			case uint32(mode) == ModeSymlink:
				kind = "symlink"
			case uint32(mode) == ModeSubmodule:
				kind = "submodule"
			}
			switch {
			case below:
				return nil, fmt.Errorf("%s cannot be written: %s is a %s", p, here, kind)
			case kind != "file":
				return nil, fmt.Errorf("%s cannot be written: it is a %s\nhint: name the file itself", p, kind)
			case mode&0o100 != 0:
				modes[p] = ModeExecutable
			}
			break
		}
	}
	return modes, nil
}

// writeObjects adds objects to the repository, through git: it knows who may
// read its files.
func (r *Repo) writeObjects(ctx context.Context, objs []Object) error {
	tmp, err := os.MkdirTemp("", "terrier-objects-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := writePack(tmp, objs); err != nil {
		return err
	}
	packs, err := filepath.Glob(filepath.Join(tmp, "*.pack"))
	if err != nil || len(packs) != 1 {
		return fmt.Errorf("%d packs in %s: %w", len(packs), tmp, err)
	}
	pack, err := os.Open(packs[0])
	if err != nil {
		return err
	}
	defer pack.Close()
	_, err = run(ctx, r.command(ctx, "unpack-objects", "-q"), pack)
	return err
}

// clean makes blobs of a work tree's contents, as git add does, and writes
// them. It does so beside the work tree: in an index and a directory of its
// own, for what git add does depends on what the index has.
func (r *Repo) clean(ctx context.Context, tree Hash, files map[string][]byte) (map[string]Hash, error) {
	tmp, err := os.MkdirTemp("", "terrier-clean-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	work := filepath.Join(tmp, "work")
	if err := os.Mkdir(work, 0o777); err != nil {
		return nil, err
	}
	off, err := r.withoutFilters(ctx)
	if err != nil {
		return nil, err
	}
	git := func(stdin []byte, args ...string) ([]byte, error) {
		own := append(slices.Clone(off), "-c", "core.sparseCheckout=false", "-c", "core.splitIndex=false", "-c", "core.untrackedCache=false",
			"-c", "core.safecrlf=false", "--work-tree="+work)
		cmd := r.command(ctx, append(own, args...)...)
		cmd.Env = append(cmd.Env, "GIT_INDEX_FILE="+filepath.Join(tmp, "index"))
		cmd.Dir = work
		return run(ctx, cmd, bytes.NewReader(stdin))
	}
	if _, err := git(nil, "read-tree", tree.String()); err != nil {
		return nil, asMissing(err)
	}
	root, err := os.OpenRoot(work)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var paths bytes.Buffer
	for _, p := range slices.Sorted(maps.Keys(files)) {
		if dir := filepath.Dir(filepath.FromSlash(p)); dir != "." {
			if err := root.MkdirAll(dir, 0o777); err != nil {
				return nil, err
			}
		}
		if err := root.WriteFile(filepath.FromSlash(p), files[p], 0o666); err != nil {
			return nil, err
		}
		paths.WriteString(p + "\x00")
	}
	drivers, err := git(paths.Bytes(), "check-attr", "--cached", "-z", "--stdin", "filter")
	if err != nil {
		return nil, asMissing(err)
	}
	said := strings.Split(string(drivers), "\x00")
	for i := 0; i+2 < len(said); i += 3 {
		if v := said[i+2]; v != "unspecified" && v != "unset" {
			return nil, fmt.Errorf("%s is kept through the filter %q, a program that terrier does not run\nhint: commit this file by hand", said[i], v)
		}
	}
	if _, err := git(paths.Bytes(), "update-index", "--add", "-z", "--stdin"); err != nil {
		return nil, asMissing(err)
	}
	listed, err := git(nil, "ls-files", "--stage", "-z")
	if err != nil {
		return nil, err
	}
	ids := make(map[string]Hash, len(files))
	for line := range strings.SplitSeq(string(listed), "\x00") {
		head, p, _ := strings.Cut(line, "\t")
		if _, ok := files[p]; !ok {
			continue
		}
		f := strings.Fields(head) // mode, id, stage
		if len(f) != 3 {
			return nil, fmt.Errorf("git ls-files: unexpected line %q", line)
		}
		if ids[p], err = ParseHash(f[1]); err != nil {
			return nil, err
		}
	}
	if len(ids) != len(files) {
		return nil, fmt.Errorf("git made %d blobs of %d files", len(ids), len(files))
	}
	return ids, nil
}
