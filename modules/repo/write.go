package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Spec is what a repository that we write holds.
type Spec struct {
	// Objects are those that Borrow does not have, in any order. Ones that no
	// ref reaches are left out.
	Objects []Object
	// Refs holds full names (refs/heads/main) and what they point to.
	Refs map[string]Hash
	// Head is the full name of the branch that HEAD names; one of Refs.
	Head string
	// Borrow is the git directory of the monorepo, which has every other
	// object; "" where there is none. Nothing of it is referred to afterwards.
	Borrow string
	// Reader, where set, is an open reader of Borrow, in use by nobody else
	// meanwhile. Where it reads the store itself, so does the writer, and no
	// process is run to make the pack.
	Reader Reader
	// OwnCommits says that every commit is among Objects. One of Borrow's that
	// a ref reaches is then an error: it would bring the monorepo's history along.
	OwnCommits bool
	// Origin is the URL of the remote "origin"; "" for no remote. Its
	// credentials are not written.
	Origin string
}

// tempPrefix begins the names of what is not complete yet.
const tempPrefix = ".tmp-"

// WriteBare writes a bare repository to dir, which must not exist. It is
// self-contained, and holds the objects that its refs reach and no other, in
// one pack. Until it is complete it stands beside dir under a name that begins
// with .tmp-, which RemoveTemp removes.
//
// An object that neither s nor Borrow has is a *MissingObjectError; a dir that
// exists, an error that wraps fs.ErrExist.
func WriteBare(ctx context.Context, dir string, s Spec) error {
	err := write(dir, func(tmp string) error {
		w := &writer{Spec: s, gitDir: tmp, bare: true}
		if err := w.prepare(); err != nil {
			return err
		}
		if err := w.pack(ctx); err != nil {
			return err
		}
		return os.RemoveAll(w.fresh())
	})
	if err != nil {
		return fmt.Errorf("write repository %s: %w", dir, err)
	}
	return nil
}

// WriteWorkTree writes a repository with a work tree to dir, as WriteBare does,
// with HEAD on branch (its short name) and its files checked out. The
// attributes in the tree apply as they do for git; hooks, filter drivers,
// templates and the user's configuration do not.
//
// A tree that has problems (see CheckTree) is refused with a *TreeError before
// any file of it is written. Symlinks that escape are written, as git does,
// and so are backslashes where they do not separate directories.
func WriteWorkTree(ctx context.Context, dir string, s Spec, branch string) error {
	s.Head = "refs/heads/" + strings.TrimPrefix(branch, "refs/heads/")
	err := write(dir, func(tmp string) error {
		w := &writer{Spec: s, gitDir: filepath.Join(tmp, ".git"), bare: false}
		if err := os.Mkdir(w.gitDir, 0o777); err != nil {
			return err
		}
		if err := w.prepare(); err != nil {
			return err
		}
		if err := w.check(ctx); err != nil {
			return err
		}
		// Neither needs what the other writes: a large history and a large
		// tree each take their time.
		g, gctx := errgroup.WithContext(ctx)
		g.Go(func() error { return w.pack(gctx) })
		g.Go(func() error { return w.checkOut(gctx, tmp) })
		if err := g.Wait(); err != nil {
			return err
		}
		return os.RemoveAll(w.fresh())
	})
	if err != nil {
		return fmt.Errorf("write work tree %s: %w", dir, err)
	}
	return nil
}

// RemoveTemp removes what an interrupted WriteBare or WriteWorkTree left in
// parent. Nothing may be writing there.
func RemoveTemp(parent string) error {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), tempPrefix) {
			errs = append(errs, os.RemoveAll(filepath.Join(parent, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// write makes dir with fill, which is given an absolute temporary directory
// beside it, and renames that when all is done.
func write(dir string, fill func(tmp string) error) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	parent, base := filepath.Split(dir)
	if base == "" {
		return fmt.Errorf("%w: it is the root directory", fs.ErrExist)
	}
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%w\nhint: remove it, or choose another directory", fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	tmp, err := makeTemp(parent, base)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// The first error is the one to tell; RemoveTemp finds the rest.
			_ = os.RemoveAll(tmp)
		}
	}()
	if err := fill(tmp); err != nil {
		if !errors.Is(err, ErrDiskFull) && diskFull(tmp) {
			err = fmt.Errorf("%w: %w", ErrDiskFull, err)
		}
		return err
	}
	return os.Rename(tmp, dir)
}

// ErrDiskFull says that there was no room for what was to be written.
var ErrDiskFull = errors.New("the disk is full")

// diskFull tries to write a little in dir: git does not always say why it
// could not write, and once its files are removed there is room again.
func diskFull(dir string) bool {
	f, err := os.CreateTemp(dir, tempPrefix)
	if err != nil {
		return errors.Is(err, syscall.ENOSPC)
	}
	defer f.Close()
	_, err = f.Write(make([]byte, 64<<10))
	return errors.Is(err, syscall.ENOSPC)
}

// makeTemp makes a new directory in parent. os.MkdirTemp would make it
// readable by its owner alone, and it is what dir becomes.
func makeTemp(parent, base string) (string, error) {
	for i := 0; ; i++ {
		tmp := filepath.Join(parent, fmt.Sprintf("%s%s.%d", tempPrefix, base, i))
		err := os.Mkdir(tmp, 0o777)
		if err == nil || i == 1000 || !errors.Is(err, fs.ErrExist) {
			return tmp, err
		}
	}
}

// A writer fills one repository.
type writer struct {
	Spec
	gitDir string
	bare   bool
}

// fresh is where the new objects stand until the final pack has them: an
// object directory of its own, so that removing it cannot touch that pack.
func (w *writer) fresh() string { return filepath.Join(w.gitDir, "new-objects") }

// git prepares git in the repository, with the new and the borrowed objects
// within its reach.
func (w *writer) git(ctx context.Context, args ...string) *exec.Cmd {
	cmd := ownCommand(ctx, w.gitDir, args...)
	alternates := quoteAlternate(w.fresh())
	if w.Borrow != "" {
		alternates += string(os.PathListSeparator) + quoteAlternate(filepath.Join(w.Borrow, "objects"))
	}
	cmd.Env = append(cmd.Env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+alternates)
	return cmd
}

// quoteAlternate writes a path so that a separator in it is not taken for one.
// git reads backslashes inside of the quotes as C does.
func quoteAlternate(p string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(p) {
		switch c := p[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// prepare writes everything but the final pack. Doing by hand what git init
// does costs no process, and no template has a part in it.
func (w *writer) prepare() error {
	if w.Borrow != "" {
		abs, err := filepath.Abs(w.Borrow)
		if err != nil {
			return err
		}
		w.Borrow = abs
	}
	if err := w.checkRefs(); err != nil {
		return err
	}
	if err := w.checkCommits(); err != nil {
		return err
	}
	dirs := []string{"objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"}
	byGit := !w.bare || w.native() == nil
	if byGit {
		dirs = append(dirs, "new-objects", "new-objects/pack")
	}
	for _, d := range dirs {
		if err := os.Mkdir(filepath.Join(w.gitDir, filepath.FromSlash(d)), 0o777); err != nil {
			return err
		}
	}
	config, err := w.config()
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		"HEAD":        "ref: " + w.Head + "\n",
		"config":      config,
		"packed-refs": w.packedRefs(),
	} {
		if err := os.WriteFile(filepath.Join(w.gitDir, name), []byte(content), 0o666); err != nil {
			return err
		}
	}
	// Files are checked out by git, which needs the new objects at once.
	if len(w.Objects) == 0 || !byGit {
		return nil
	}
	return writePack(filepath.Join(w.fresh(), "pack"), w.Objects)
}

// badRef matches what git check-ref-format forbids anywhere in a ref.
var badRef = regexp.MustCompile(`[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[./]$`)

func (w *writer) checkRefs() error {
	if len(w.Refs) == 0 {
		return errors.New("no refs")
	}
	for name, id := range w.Refs {
		if !strings.HasPrefix(name, "refs/") || strings.Count(name, "/") < 2 || badRef.MatchString(name) {
			return fmt.Errorf("%q is no name of a ref", name)
		}
		if id.IsZero() {
			return fmt.Errorf("ref %s points to nothing", name)
		}
		for i := range name {
			if _, ok := w.Refs[name[:i]]; ok && name[i] == '/' {
				return fmt.Errorf("refs %s and %s cannot be in one repository", name[:i], name)
			}
		}
	}
	if _, ok := w.Refs[w.Head]; !ok || !strings.HasPrefix(w.Head, "refs/heads/") {
		return fmt.Errorf("HEAD is to name %q, which is not among the branches", w.Head)
	}
	return nil
}

// native is the reader where it reads the store itself; else nil.
func (w *writer) native() *nativeReader {
	if n, ok := w.Reader.(*nativeReader); ok && w.Borrow != "" {
		return n
	}
	return nil
}

// checkCommits holds the refs to Spec.OwnCommits.
func (w *writer) checkCommits() error {
	if !w.OwnCommits {
		return nil
	}
	objects := make(map[Hash]*Object, len(w.Objects))
	for i := range w.Objects {
		objects[w.Objects[i].ID] = &w.Objects[i]
	}
	todo := slices.Collect(maps.Values(w.Refs))
	seen := map[Hash]bool{}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		o := objects[id]
		if o == nil {
			return fmt.Errorf("%s is not new: it would bring history along that is not this repository's; this is a defect of terrier", id)
		}
		switch o.Type {
		case "commit":
			c, ok := parseWholeHead(o.Data)
			if !ok {
				return fmt.Errorf("commit %s: its header is malformed", id)
			}
			todo = append(todo, c.parents...)
		case "tag":
			target, _, ok := hashLine(o.Data, "object ")
			if !ok {
				return fmt.Errorf("tag %s is malformed", id)
			}
			todo = append(todo, target)
		}
	}
	return nil
}

// packedRefs is the file of that name.
func (w *writer) packedRefs() string {
	objects := make(map[Hash]*Object, len(w.Objects))
	for i := range w.Objects {
		objects[w.Objects[i].ID] = &w.Objects[i]
	}
	// Only of new objects do we know whether they are tags. Where one is not
	// known the file says that it is not peeled, and git does that itself.
	known := true
	for _, id := range w.Refs {
		known = known && objects[id] != nil
	}
	header := "# pack-refs with: sorted \n"
	if known {
		header = "# pack-refs with: peeled fully-peeled sorted \n"
	}
	var b strings.Builder
	b.WriteString(header)
	for _, name := range slices.Sorted(maps.Keys(w.Refs)) {
		id := w.Refs[name]
		fmt.Fprintf(&b, "%s %s\n", id, name)
		if !known {
			continue
		}
		peeled := id
		for o := objects[id]; o != nil && o.Type == "tag"; o = objects[peeled] {
			line, _, _ := bytes.Cut(o.Data, []byte("\n"))
			target, err := ParseHash(strings.TrimPrefix(string(line), "object "))
			if err != nil {
				break
			}
			peeled = target
		}
		if peeled != id {
			fmt.Fprintf(&b, "^%s\n", peeled)
		}
	}
	return b.String()
}

// config is the file of that name, as git init and git clone write it.
func (w *writer) config() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "[core]\n\trepositoryformatversion = 0\n\tfilemode = %t\n\tbare = %t\n", runtime.GOOS != "windows", w.bare)
	if !w.bare {
		// A checkout that follows the attributes in the tree alone is the
		// same on every machine, and stays clean on this one.
		b.WriteString("\tlogallrefupdates = true\n\tautocrlf = false\n")
	}
	if w.Origin == "" {
		return b.String(), nil
	}
	if strings.ContainsAny(w.Origin, "\n\r\x00") {
		return "", errors.New("the URL of the remote holds a line break")
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(withoutCredentials(w.Origin))
	fmt.Fprintf(&b, "[remote \"origin\"]\n\turl = \"%s\"\n", quoted)
	if !w.bare {
		fmt.Fprintf(&b, "\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"%s\"]\n\tremote = origin\n\tmerge = %s\n",
			strings.NewReplacer(`"`, `\"`).Replace(strings.TrimPrefix(w.Head, "refs/heads/")), w.Head)
	}
	return b.String(), nil
}

// withoutCredentials takes passwords out of a URL, and over HTTP the user as
// well: there it often is a token. The user of ssh stays.
func withoutCredentials(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		if strings.Contains(raw, "://") {
			return redact(raw)
		}
		return raw
	}
	switch u.Scheme {
	case "http", "https":
		u.User = nil
	default:
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

// pack gathers what the refs reach into one pack.
func (w *writer) pack(ctx context.Context) error {
	if n := w.native(); n != nil {
		return w.packFrom(ctx, n)
	}
	var tips bytes.Buffer
	ids := map[string]bool{}
	for _, id := range w.Refs {
		ids[id.String()] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		tips.WriteString(id + "\n")
	}
	// What the monorepo has compressed is copied as it is, deltas included;
	// only for the rest does git look for deltas.
	cmd := w.git(ctx, "pack-objects", "--revs", "-q", "--delta-base-offset", "--threads=2", filepath.Join("objects", "pack", "pack"))
	_, err := run(ctx, cmd, &tips)
	return asMissing(err)
}

// check refuses a tree that must not be written. It runs before anything is
// packed, for a large history takes a while.
func (w *writer) check(ctx context.Context) error {
	tree, err := newTreeFS(ctx, w.Refs[w.Head], time.Time{}, func(args ...string) *exec.Cmd { return w.git(ctx, args...) })
	if err != nil {
		return err
	}
	defer tree.Close()
	return refused(tree.Check(), runtime.GOOS == "windows")
}

// checkOut writes the index and the files of HEAD.
func (w *writer) checkOut(ctx context.Context, root string) error {
	cmd := w.git(ctx, "--work-tree="+root, "read-tree", "-m", "-u", w.Refs[w.Head].String())
	cmd.Dir = root
	_, err := run(ctx, cmd, nil)
	return asMissing(err)
}
