package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/repo"
)

const (
	journalVersion = "1.0"
	journalName    = "terrier-release.json" // in the git directory of the work tree
	lockName       = "terrier-release.lock"
)

// A deed is what a release makes, as plain data: what a killed command has not
// done of it the next one does. Commits are in hexadecimal digits.
type deed struct {
	FormatVersion string `json:"format_version"`
	Request       string `json:"request"` // see digest
	Old           string `json:"old"`     // where HEAD was
	// Tip is the last commit with new pins, Old where there is none; Branch gets
	// them, "" for a HEAD on no branch.
	Tip    string        `json:"tip"`
	Branch string        `json:"branch"`
	Files  []lint.Change `json:"files"` // of the work tree
	Tags   []deedTag     `json:"tags"`
	Made   bool          `json:"made"` // all but the push is done
}

type deedTag struct {
	Name    string `json:"name"`
	Commit  string `json:"commit"`
	Message string `json:"message"`
}

// commits reports whether there are commits with new pins.
func (d *deed) commits() bool { return d.Tip != d.Old }

// digest tells a request from others: at is the directory that it is made in.
func (r Request) digest(at string) string {
	data, _ := json.Marshal(struct { // of texts and flags
		At string
		Request
	}{at, r})
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// Resume completes what a release that was ended, or whose push failed, has not
// made: the one of the same request, in the same directory. dir is where the
// user is. The result is nil where nothing is left.
//
// What cannot be completed any more, since the branch is elsewhere or a tag was
// taken away after all was made, is forgotten, and planned anew. Where another
// request was ended nothing is done.
func Resume(ctx context.Context, r *repo.Repo, dir string, q Request, w Making) (*Made, error) {
	if _, err := os.Lstat(filepath.Join(r.WorkTreeDir(), journalName)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	unlock, err := lock(r)
	if err != nil {
		return nil, err
	}
	defer unlock()
	d, err := readDeed(r)
	if err != nil || d == nil {
		return nil, err
	}
	at, err := placeOf(r, dir)
	if err != nil || d.Request != q.digest(at) || d.Made && w.Remote == "" {
		return nil, err
	}
	if ok, err := d.possible(ctx, r); err != nil || !ok {
		return nil, errors.Join(err, removeJournal(r))
	}
	m := &making{Making: w, repo: r, deed: d}
	if err := m.findRemote(ctx); err != nil {
		return nil, err
	}
	return m.do(ctx)
}

// possible reports whether what is left of a deed can be done.
func (d *deed) possible(ctx context.Context, r *repo.Repo) (bool, error) {
	head, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return false, err
	}
	// What is staged is nobody's but for a HEAD that is where it was: there the
	// commits can still be put on the branch.
	need := d.Tip
	if !d.Made && head.ID.String() == d.Old {
		if branch, err := r.CurrentBranch(ctx); err != nil || d.commits() && branch != d.Branch {
			return false, err
		}
		need = d.Old
	}
	id, err := repo.ParseHash(need)
	if err != nil {
		return false, err
	}
	if in, err := r.IsAncestor(ctx, id, head.ID); err != nil || !in || !d.Made {
		return in, err
	}
	tags, err := r.Tags(ctx)
	if err != nil {
		return false, err
	}
	at := map[string]string{}
	for _, t := range tags {
		at[t.Name] = t.Commit.String()
	}
	for _, t := range d.Tags {
		if at[t.Name] != t.Commit {
			return false, nil
		}
	}
	return true, nil
}

// lock keeps other releases of the work tree away. The system gives it back
// when the process ends, however it does.
func lock(r *repo.Repo) (unlock func(), err error) {
	l := flock.New(filepath.Join(r.WorkTreeDir(), lockName))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", r.WorkTreeDir(), err)
	}
	if !ok {
		_ = l.Close()
		return nil, fmt.Errorf("another terrier releases in this repository\nhint: run this again when it has ended")
	}
	return func() { _ = l.Close() }, nil
}

// write writes the journal, whole or not at all.
func (d *deed) write(r *repo.Repo) error {
	data, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(r.WorkTreeDir(), journalName+".*")
	if err != nil {
		return fmt.Errorf("journal of the release: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(r.WorkTreeDir(), journalName))
	}
	if err != nil {
		return fmt.Errorf("journal of the release: %w", err)
	}
	return nil
}

// readDeed reads the journal; nil where there is none.
func readDeed(r *repo.Repo) (*deed, error) {
	file := filepath.Join(r.WorkTreeDir(), journalName)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := &deed{}
	if err := json.Unmarshal(data, d); err != nil || d.FormatVersion != journalVersion {
		return nil, fmt.Errorf("%s, the journal of a release that was ended, cannot be read\nhint: delete it, and look at git tag and git log", file)
	}
	return d, nil
}

func removeJournal(r *repo.Repo) error {
	err := os.Remove(filepath.Join(r.WorkTreeDir(), journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
