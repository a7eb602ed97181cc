package cmd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A rewriteJournal says what is being renamed to where. It is there from
// before the first rename to after the last, so that who finds it, and no
// process that made it, knows what is missing.
type rewriteJournal struct {
	FormatVersion string         `json:"format_version"`
	Files         []journalEntry `json:"files"`
	// Advance is what comes when all files are there; nil for nothing.
	Advance *journalAdvance `json:"advance,omitempty"`
}

// A journalAdvance moves the branch that is checked out to commits that have
// the files.
type journalAdvance struct {
	From   string `json:"from"` // a commit's id, as is To
	To     string `json:"to"`
	Reflog string `json:"reflog"`
}

// A journalEntry is one file: its new bytes are in Temp beside it.
type journalEntry struct {
	Path string `json:"path"` // below the top of the work tree, as is Temp
	Temp string `json:"temp"`
	Old  string `json:"old"` // SHA-256 of the bytes, in hexadecimal digits
	New  string `json:"new"`
}

const (
	journalVersion = "1.0"
	journalName    = "terrier-rewrite.json"       // in a git directory
	journalBeside  = ".terrier-rewrite.json"      // where there is none
	maxJournal     = 256 << 20                    // bytes: some 700,000 files
	journalHint    = "look at it, then delete it" // what terrier wrote is never like that
)

// A journalPlace is where the journal of a directory is.
type journalPlace struct {
	file   string // the journal
	top    string // what its paths are relative to
	prefix string // of the directory below top, with a slash at the end; "" for top itself
}

// findJournal finds the place for the files below dir: in the git directory of
// its work tree, else in dir itself.
func findJournal(dir string) (journalPlace, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return journalPlace{}, err
	}
	beside := journalPlace{file: filepath.Join(real, journalBeside), top: real}
	// Of a repository that git does not open there may be files all the same.
	r, _ := repo.Open(context.Background(), real)
	if r == nil || r.Root == "" {
		return beside, nil
	}
	rel, inside := within(r.Root, real)
	if !inside {
		return beside, nil
	}
	at := journalPlace{file: filepath.Join(r.WorkTreeDir(), journalName), top: r.Root}
	if rel != "." {
		at.prefix = rel + "/"
	}
	return at, nil
}

func (at journalPlace) exists() bool {
	_, err := os.Lstat(at.file)
	return err == nil
}

// sweep removes what a killed process left of a journal that it was writing.
func (at journalPlace) sweep() {
	if root, err := os.OpenRoot(filepath.Dir(at.file)); err == nil {
		defer root.Close()
		if !journalAbove(filepath.Dir(at.file)) {
			sweepTemps(root, ".")
		}
	}
}

// lock keeps every other terrier from writing here. The system gives the lock
// back when the process ends, however it does.
func (at journalPlace) lock() (unlock func(), err error) {
	file := strings.TrimSuffix(at.file, ".json") + ".lock"
	for range 100 {
		if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is no regular file\nhint: %s", file, journalHint)
		}
		l := flock.New(file, flock.SetPermissions(0o666)) // of whoever else works here, after a kill
		ok, err := l.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", at.top, err)
		}
		if !ok {
			_ = l.Close()
			return nil, fmt.Errorf("another terrier is writing in %s\nhint: run this again when it has ended", at.top)
		}
		// The one who had it may have removed the file between our opening and
		// locking it: then it locks nothing.
		mine, err := l.Stat()
		there, thereErr := os.Lstat(file)
		if err == nil && thereErr == nil && os.SameFile(mine, there) {
			return func() {
				_ = os.Remove(file) // while it is held, for the reason above
				_ = l.Close()
			}, nil
		}
		_ = l.Close()
	}
	return nil, fmt.Errorf("another terrier is writing in %s, again and again\nhint: run this again when it has ended", at.top)
}

// journalAbove reports whether a journal is in dir or above it that may name
// files in dir.
func journalAbove(dir string) bool { return journals{}.at(dir) }

// journals remembers of which directories journalAbove has been found out: the
// files of one change have most of the way up in common.
type journals map[string]bool

// at is journalAbove.
func (j journals) at(dir string) bool {
	if above, ok := j[dir]; ok {
		return above
	}
	above := false
	for _, name := range []string{journalBeside, filepath.Join(".git", journalName)} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			above = true
		}
	}
	if up := filepath.Dir(dir); !above && up != dir {
		above = j.at(up)
	}
	j[dir] = above
	return above
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// newJournal is the journal of changes whose new bytes are in temps.
func newJournal(prefix string, changes []lint.Change, temps []string, to *journalAdvance) ([]byte, error) {
	j := rewriteJournal{FormatVersion: journalVersion, Advance: to}
	for i, c := range changes {
		if !insideTree(prefix + c.Path) {
			return nil, fmt.Errorf("%q cannot be written, and nothing is: it is no path in a work tree", prefix+c.Path)
		}
		j.Files = append(j.Files, journalEntry{prefix + c.Path, prefix + temps[i], sum(c.Before), sum(c.After)})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(j)
	return b.Bytes(), err
}

// read reads the journal and holds it to what terrier writes: a file of a
// repository that is not ours may look like one.
func (at journalPlace) read() (*rewriteJournal, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%s is no journal of terrier's, and nothing is written: %w\nhint: %s", at.file, fmt.Errorf(format, args...), journalHint)
	}
	info, err := os.Lstat(at.file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxJournal {
		return nil, bad("it is no regular file, or too large")
	}
	f, err := os.Open(at.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxJournal))
	if err != nil {
		return nil, err
	}
	var j rewriteJournal
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return nil, bad("%w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, bad("something follows its end")
	}
	if j.FormatVersion != journalVersion {
		return nil, bad("its format is %q, and this terrier knows %q", j.FormatVersion, journalVersion)
	}
	if j.Advance != nil && filepath.Base(at.file) == journalBeside {
		return nil, bad("it names commits, and is in no git directory")
	}
	if to := j.Advance; to != nil {
		_, err := repo.ParseHash(to.From)
		if err == nil {
			_, err = repo.ParseHash(to.To)
		}
		if err != nil {
			return nil, bad("%w", err)
		}
	}
	seen := map[string]bool{}
	for _, e := range j.Files {
		p, temp := e.Path, e.Temp
		switch {
		case !insideTree(p):
			return nil, bad("%q is no path in %s", p, at.top)
		case path.Dir(temp) != path.Dir(p) || !tempName.MatchString(path.Base(temp)):
			return nil, bad("%q is no temporary file of %q", temp, p)
		case !isSum(e.Old) || !isSum(e.New):
			return nil, bad("the digests of %q are none", p)
		case seen[e.Path] || seen[e.Temp]:
			return nil, bad("%q is in it twice", p)
		}
		seen[e.Path], seen[e.Temp] = true, true
	}
	return &j, nil
}

// insideTree reports whether a path leads to a file of a work tree, and to
// none of git's own.
func insideTree(p string) bool {
	if !fs.ValidPath(p) || p == "." || !filepath.IsLocal(filepath.FromSlash(p)) {
		return false
	}
	for name := range strings.SplitSeq(p, "/") {
		if strings.EqualFold(name, ".git") {
			return false
		}
	}
	return true
}

func isSum(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

// sumOf is the digest of a regular file; "" where there is none, or something
// else.
func sumOf(root *os.Root, name string) (string, error) {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", nil
	}
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// finished is what a journal led to.
type finished struct {
	files     int      // that were not in their places yet
	committed bool     // the branch was moved now
	left      []string // what is left as it is, each a sentence
}

// finish does what the journal says is not done, with the lock held, and
// removes it. A file that is neither old nor new, or whose new bytes are not
// there any more, is left as it is, and named in left; then nothing is
// committed. After an error the journal is there still.
func (w rewriter) finish(at journalPlace) (done finished, err error) {
	j, err := at.read()
	if err != nil {
		return done, err
	}
	root, err := os.OpenRoot(at.top)
	if err != nil {
		return done, err
	}
	defer root.Close()
	// All is looked at before anything is renamed.
	var todo []journalEntry
	var spent []string // temporary files that nobody needs
	for _, e := range j.Files {
		p, temp := e.Path, e.Temp
		now, err := sumOf(root, p)
		if err != nil {
			return finished{}, fmt.Errorf("%s, the journal of a terrier that was ended, cannot be followed, and nothing is written: %w\nhint: %s", at.file, err, journalHint)
		}
		next, err := sumOf(root, temp)
		if err != nil {
			return finished{}, fmt.Errorf("%s, the journal of a terrier that was ended, cannot be followed, and nothing is written: %w\nhint: %s", at.file, err, journalHint)
		}
		switch {
		case now == e.New:
			spent = append(spent, temp)
		case now == "":
			spent = append(spent, temp)
			done.left = append(done.left, fmt.Sprintf("%s is not there any more, or is no regular file, and is left as it is.", p))
		case now != e.Old:
			spent = append(spent, temp)
			done.left = append(done.left, fmt.Sprintf("%s was changed since, and is left as it is.", p))
		case next == "":
			done.left = append(done.left, fmt.Sprintf("%s is left as it was: what was to be written, %s, is gone.", p, temp))
		case next != e.New:
			done.left = append(done.left, fmt.Sprintf("%s is left as it was: what was to be written, %s, was altered.", p, temp))
		default:
			todo = append(todo, e)
		}
	}
	for _, e := range todo {
		if err := w.rename(root, e.Temp, e.Path); err != nil {
			return finished{}, fmt.Errorf("%s, the journal of a terrier that was ended, is not completed: %w\nhint: when the cause is mended the same command again completes it", at.file, err)
		}
	}
	done.files = len(todo)
	removeAll(root, spent)
	if j.Advance != nil {
		if err := w.finishAdvance(at, *j.Advance, &done); err != nil {
			return finished{}, err
		}
	}
	return done, w.remove(at.file)
}

// finishAdvance moves the branch, where that is still to be done and can be.
func (w rewriter) finishAdvance(at journalPlace, to journalAdvance, done *finished) error {
	if len(done.left) > 0 {
		done.left = append(done.left, "Nothing was committed.")
		return nil
	}
	there, err := hasCommit(at.top, to.To)
	if err != nil || there {
		return err
	}
	err = w.advance(at.top, to)
	switch {
	case errors.Is(err, repo.ErrMoved):
		done.left = append(done.left, "The files are written and not committed: HEAD is another commit than it was.")
		return nil
	case err != nil:
		return fmt.Errorf("%s, the journal of a terrier that was ended, is not completed: the files are written, and its commits are not on the branch: %w", at.file, err)
	}
	done.committed = true
	return nil
}

// hasCommit reports whether HEAD is a commit, or comes after it.
func hasCommit(dir string, commit string) (bool, error) {
	ctx := context.Background()
	id, err := repo.ParseHash(commit)
	if err != nil {
		return false, err
	}
	r, err := openAny(ctx, dir)
	if err != nil {
		return false, err
	}
	head, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return false, err
	}
	below, err := repo.Ancestors(ctx, r.GitDir, head.ID)
	return below[id], err
}

// advanceBranch is the real one. It is not stopped by an interrupt: files and
// branch go together.
func advanceBranch(dir string, to journalAdvance) error {
	ctx := context.Background()
	r, err := openAny(ctx, dir)
	if err != nil {
		return err
	}
	from, err := repo.ParseHash(to.From)
	if err != nil {
		return err
	}
	id, err := repo.ParseHash(to.To)
	if err != nil {
		return err
	}
	return r.Advance(ctx, from, id, to.Reflog)
}

// openAny opens a repository, a shallow clone too.
func openAny(ctx context.Context, dir string) (*repo.Repo, error) {
	r, err := repo.Open(ctx, dir)
	if errors.Is(err, repo.ErrShallow) {
		err = nil
	}
	return r, err
}
