package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	manifestName = "run.json"
	// maxManifest bounds what is read: a stack has some kilobytes.
	maxManifest = 128 << 20
)

// Create makes the run's folder with its manifest, and sets ID, Time,
// FormatVersion and KeyID. The folder is there whole or not at all, and no two
// runs get one id.
func (s *Store) Create(r *Run, now time.Time) error {
	if year := now.UTC().Year(); year < 2000 || year > 9999 {
		return fmt.Errorf("a run of the year %d", year)
	}
	r.ID, r.Time = "", now.UTC().Round(0)
	master, err := s.master(true)
	if err != nil {
		return err
	}
	if _, err := encode(r, master); err != nil { // sorts it, and refuses what is none
		return err
	}
	r.KeyID = "" // so that the same run has the same id in any clone
	seed, err := json.Marshal(r)
	if err != nil {
		return err
	}
	all, err := s.below(runsName, true)
	if err != nil {
		return err
	}
	defer all.Close()
	for attempt := range 1000 {
		r.ID = makeID(now, seed, attempt)
		done, err := s.create(all, r, master)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s/%s has no room for a run of %s", homeName, runsName, now.UTC().Format(idTime))
}

// create makes the folder of one id; false where somebody else has it.
func (s *Store) create(all *os.Root, r *Run, master []byte) (done bool, err error) {
	data, err := encode(r, master)
	if err != nil {
		return false, err
	}
	if _, err := all.Lstat(r.ID); !errors.Is(err, fs.ErrNotExist) {
		return false, err // nil: it is taken
	}
	temp := newPrefix + r.ID
	if err := s.at("mkdir " + r.ID); err != nil {
		return false, told(err)
	}
	if err := all.Mkdir(temp, 0o700); errors.Is(err, fs.ErrExist) {
		return false, nil // somebody is making it, or was when he was killed
	} else if err != nil {
		return false, told(err)
	}
	defer func() {
		if !done {
			_ = all.RemoveAll(temp) // the first error is the one to tell
		}
	}()
	if err := all.Chmod(temp, 0o700); err != nil { // whatever the umask
		return false, err
	}
	dir, err := all.OpenRoot(temp)
	if err != nil {
		return false, err
	}
	err = s.write(dir, manifestName, data)
	dir.Close()
	if err != nil {
		return false, err
	}
	if err := s.at("rename " + r.ID); err != nil {
		return false, told(err)
	}
	// On a folder that is there, and so is not empty, it fails.
	if err := all.Rename(temp, r.ID); err != nil {
		if _, e := all.Lstat(r.ID); e == nil {
			return false, nil
		}
		return false, told(err)
	}
	s.syncDir(all)
	return true, s.at("done " + r.ID)
}

// Save writes the manifest anew, sorted and sealed: after a crash there is the
// old one or the new one. It is for the one process that has the run.
func (s *Store) Save(r *Run) error {
	master, err := s.master(false)
	if err != nil {
		return s.noKey(r.ID, err)
	}
	data, err := encode(r, master)
	if err != nil {
		return err
	}
	dir, err := s.run(r.ID)
	if err != nil {
		return err
	}
	defer dir.Close()
	return s.write(dir, manifestName, data)
}

// encode is the manifest as it stands in the file: the same run, the same
// bytes.
func encode(r *Run, master []byte) ([]byte, error) {
	r.FormatVersion, r.KeyID, r.Time = FormatVersion, keyID(master), r.Time.UTC()
	slices.Sort(r.Dirty)
	slices.SortFunc(r.Stacks, func(a, b *Stack) int { return cmp.Compare(a.Name, b.Name) })
	for _, st := range r.Stacks {
		slices.Sort(st.Upstream)
		st.Upstream = orEmpty(st.Upstream)
		slices.SortFunc(st.Modules, func(a, b Module) int {
			return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Subdir, b.Subdir), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Commit, b.Commit))
		})
		st.Modules = orEmpty(slices.Compact(st.Modules))
	}
	r.Dirty, r.Stacks = orEmpty(r.Dirty), orEmpty(r.Stacks)
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("the manifest of run %s: %w", r.ID, err)
	}
	object, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	data := sealIndented.seal(master, manifestName+" "+r.ID, object)
	if len(data) > maxManifest {
		return nil, fmt.Errorf("the manifest of run %s would have %d bytes, more than %d", r.ID, len(data), maxManifest)
	}
	return data, nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Load reads a run, by its id or by Latest. ErrNoRun, ErrForeign.
func (s *Store) Load(id string) (*Run, error) {
	if id == Latest {
		var err error
		if id, err = s.latest(); err != nil {
			return nil, err
		}
	}
	dir, err := s.run(id)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return s.load(dir, id)
}

func (s *Store) load(dir *os.Root, id string) (*Run, error) {
	shown := shownRun(id) + "/" + manifestName
	data, err := read(dir, manifestName, shown, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no %s\nhint: terrier did not make it so; remove it, and plan anew", ErrNoRun, shownRun(id), manifestName)
	}
	if err != nil {
		return nil, err
	}
	master, err := s.master(false)
	if err != nil {
		return nil, s.noKey(id, err)
	}
	return decode(data, id, master)
}

// noKey is the error of a run where the clone has no key to compare with.
func (s *Store) noKey(id string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &ForeignError{Run: id, Why: "this clone has no key of its own, so the run came from elsewhere"}
	}
	return err
}

// decode reads a manifest that master has sealed for that id.
func decode(data []byte, id string, master []byte) (*Run, error) {
	shown := shownRun(id) + "/" + manifestName
	var head struct {
		FormatVersion string `json:"format_version"`
		KeyID         string `json:"key_id"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%s is no manifest of a run: %w\nhint: it is damaged: plan anew", shown, err)
	}
	number, _, _ := strings.Cut(head.FormatVersion, ".")
	if major, err := strconv.Atoi(number); err != nil || major != 1 {
		return nil, fmt.Errorf("%s has format_version %.20q, which this terrier does not know\nhint: another terrier wrote it; use that, or plan anew", shown, head.FormatVersion)
	}
	if _, ours := sealIndented.check(master, manifestName+" "+id, data); !ours {
		why := "its manifest was edited since it was sealed, or is another run's"
		if head.KeyID != keyID(master) {
			why = "it was made on another machine, or with another key"
		}
		return nil, &ForeignError{Run: id, Why: why}
	}
	r := &Run{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w\nhint: another terrier wrote it; use that, or plan anew", shown, err)
	}
	if r.ID != id {
		return nil, &ForeignError{Run: id, Why: "its manifest is another run's"}
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%s: %w\nhint: another terrier wrote it; use that, or plan anew", shown, err)
	}
	return r, nil
}

// check refuses what nobody could use safely. An id may be missing still.
func (r *Run) check() error {
	if r.ID != "" {
		if err := CheckID(r.ID); err != nil {
			return err
		}
	}
	if r.Time.IsZero() {
		return errors.New("it has no time")
	}
	if !isHex(r.Commit, 40, 64) && r.Commit != "" {
		return fmt.Errorf("%q is no commit", r.Commit)
	}
	seen := map[string]string{}
	for _, st := range r.Stacks {
		if st == nil {
			return errors.New("it has a stack that is nothing")
		}
		way, err := folder(st.Name)
		if err != nil {
			return err
		}
		switch other, twice := seen[way]; {
		case twice:
			return fmt.Errorf("%q and %q are one folder", st.Name, other)
		case !fs.ValidPath(st.Path) || path.Clean(st.Path) != st.Path || strings.ContainsFunc(st.Path, isControl):
			return fmt.Errorf("%q is no path of a stack", st.Path)
		case st.Status == "":
			return fmt.Errorf("%s has no status", st.Name)
		case st.Digest != "" && !isHex(st.Digest, 64):
			return fmt.Errorf("%s: %q is no SHA-256", st.Name, st.Digest)
		}
		seen[way] = st.Name
	}
	return nil
}

func isHex(text string, lengths ...int) bool {
	return slices.Contains(lengths, len(text)) && strings.Trim(text, "0123456789abcdef") == ""
}

// A Listed is a run's folder.
type Listed struct {
	ID   string
	Time time.Time // that of the manifest, else of the id
	Run  *Run      // nil where Err says why
	Err  error
}

// List is all runs, the newest first, with why one cannot be read.
func (s *Store) List() ([]Listed, error) {
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	out := make([]Listed, 0, len(ids))
	for _, id := range ids {
		out = append(out, s.listed(id))
	}
	slices.SortFunc(out, newest)
	return out, nil
}

func (s *Store) listed(id string) Listed {
	l := Listed{ID: id}
	l.Run, l.Err = s.Load(id)
	l.Time, _ = timeOf(id) // it is an id
	if l.Run != nil {
		l.Time = l.Run.Time
	}
	return l
}

func newest(a, b Listed) int {
	return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID))
}

// ids are those of the folders, sorted. What is called otherwise is no run.
func (s *Store) ids() ([]string, error) {
	all, err := s.below(runsName, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer all.Close()
	return names(all, func(name string) bool {
		_, err := timeOf(name)
		return err == nil
	})
}

// names are those of a directory's entries, sorted.
func names(dir *os.Root, keep func(string) bool) ([]string, error) {
	d, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	list, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(name string) bool { return !keep(name) })
	slices.Sort(list)
	return list, nil
}

// latest is the id of the newest run. Of those of one second the manifests
// tell; one that is newest and cannot be read is the newest all the same: the
// one before it is not what was meant.
func (s *Store) latest() (string, error) {
	ids, err := s.ids()
	if err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "", fmt.Errorf("%w: nothing was planned here yet\nhint: terrier plan makes one", ErrNoRun)
	}
	last := ids[len(ids)-1]
	second := last[:len(idTime)]
	var same []Listed
	for _, id := range ids {
		if id[:len(idTime)] != second {
			continue
		}
		l := s.listed(id)
		if l.Err != nil {
			return "", l.Err
		}
		same = append(same, l)
	}
	return slices.MinFunc(same, newest).ID, nil
}
