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
func journalAbove(dir string) bool {
	for {
		for _, name := range []string{journalBeside, filepath.Join(".git", journalName)} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				return true
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return false
		}
		dir = up
	}
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// newJournal is the journal of changes whose new bytes are in temps.
func newJournal(prefix string, changes []lint.Change, temps []string) ([]byte, error) {
	j := rewriteJournal{FormatVersion: journalVersion}
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

// finish does what the journal says is not done, with the lock held, and
// removes it. A file that is neither old nor new, or whose new bytes are not
// there any more, is left as it is, and named in left. After an error the
// journal is there still.
func (w rewriter) finish(at journalPlace) (done int, left []string, err error) {
	j, err := at.read()
	if err != nil {
		return 0, nil, err
	}
	root, err := os.OpenRoot(at.top)
	if err != nil {
		return 0, nil, err
	}
	defer root.Close()
	// All is looked at before anything is renamed.
	var todo []journalEntry
	var spent []string // temporary files that nobody needs
	for _, e := range j.Files {
		p, temp := e.Path, e.Temp
		now, err := sumOf(root, p)
		if err != nil {
			return 0, nil, fmt.Errorf("%s, the journal of a terrier that was ended, cannot be followed, and nothing is written: %w\nhint: %s", at.file, err, journalHint)
		}
		next, err := sumOf(root, temp)
		if err != nil {
			return 0, nil, fmt.Errorf("%s, the journal of a terrier that was ended, cannot be followed, and nothing is written: %w\nhint: %s", at.file, err, journalHint)
		}
		switch {
		case now == e.New:
			spent = append(spent, temp)
		case now == "":
			spent = append(spent, temp)
			left = append(left, fmt.Sprintf("%s is not there any more, or is no regular file, and is left as it is.", p))
		case now != e.Old:
			spent = append(spent, temp)
			left = append(left, fmt.Sprintf("%s was changed since, and is left as it is.", p))
		case next == "":
			left = append(left, fmt.Sprintf("%s is left as it was: what was to be written, %s, is gone.", p, temp))
		case next != e.New:
			left = append(left, fmt.Sprintf("%s is left as it was: what was to be written, %s, was altered.", p, temp))
		default:
			todo = append(todo, e)
		}
	}
	for _, e := range todo {
		if err := w.rename(root, e.Temp, e.Path); err != nil {
			return 0, nil, fmt.Errorf("%s, the journal of a terrier that was ended, is not completed: %w\nhint: when the cause is mended the same command again completes it", at.file, err)
		}
	}
	removeAll(root, spent)
	if err := w.remove(at.file); err != nil {
		return 0, nil, err
	}
	return len(todo), left, nil
}
