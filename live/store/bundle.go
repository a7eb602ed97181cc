package store

import (
	"cmp"
	"crypto/hmac"
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
	"slices"
	"strings"
)

const (
	shareName = "share.json" // the bundle that a run was last shared as, sealed
	maxShare  = 64 << 20
)

// ErrConflict is a run that was changed in two places.
var ErrConflict = errors.New("the run was changed in two places")

// ErrUnshared is an ErrConflict in which nobody else has changed the run since
// it was shared from here last.
var ErrUnshared = fmt.Errorf("%w: here it has what was not shared yet", ErrConflict)

// A Bundle lists what a run's folder holds, to carry it to another machine.
type Bundle struct {
	FormatVersion string   `json:"format_version"`
	Run           string   `json:"run"`
	Number        int      `json:"number"` // from 1: the later has the greater
	Files         []Packed `json:"files"`  // by Path
}

// A Packed is a file of a run's folder.
type Packed struct {
	Path   string `json:"path"` // from the run's folder, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // of the bytes as they are in the folder
	// Object names the content, and tells nothing of it who has not the key.
	Object string `json:"object"`
}

// Pack lists what a run's folder holds, but for what belongs to this machine.
// purpose is part of the objects' names: other bytes are stored for another
// one. The run has to be ours.
func (s *Store) Pack(run, purpose string) (*Bundle, error) {
	if _, err := s.Load(run); err != nil {
		return nil, err
	}
	master, err := s.master(false)
	if err != nil {
		return nil, err
	}
	dir, err := s.run(run)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	b := &Bundle{FormatVersion: FormatVersion, Run: run, Files: []Packed{}}
	err = fs.WalkDir(dir.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && !onItsWay(name) {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		if !carried(name) {
			return nil
		}
		f, err := open(dir, filepath.FromSlash(name), shownFile(run, name), maxFile)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		n, err := io.Copy(h, f)
		if err != nil {
			return err
		}
		p := Packed{Path: name, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}
		p.Object = objectName(master, run, purpose, p)
		b.Files = append(b.Files, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(b.Files, func(a, b Packed) int { return cmp.Compare(a.Path, b.Path) })
	return b, nil
}

func objectName(master []byte, run, purpose string, p Packed) string {
	m := hmac.New(sha256.New, derive(master, "object"))
	fmt.Fprintf(m, "%q %q %q %s", run, purpose, p.Path, p.SHA256)
	return hex.EncodeToString(m.Sum(nil)[:20])
}

// onItsWay reports whether a folder is no stack's.
func onItsWay(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, tempPrefix) || strings.HasPrefix(base, takePrefix)
}

// carried reports whether a file of a run's folder belongs to the run, wherever
// it is.
func carried(name string) bool {
	switch base := path.Base(name); base {
	case manifestName, approvalsName, journalName:
		return base == name
	case string(PlanFile), string(PlanJSON), string(PlanText), string(FingerprintFile), string(LogFile):
		return true
	}
	return false
}

// OpenPacked opens a file of a run's folder that Pack has listed.
func (s *Store) OpenPacked(run string, p Packed) (*os.File, error) {
	dir, err := s.run(run)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return open(dir, filepath.FromSlash(p.Path), shownFile(run, p.Path), maxFile)
}

// SealBundle is the bundle as it is stored: the same bundle, the same bytes.
func (s *Store) SealBundle(b *Bundle) ([]byte, error) {
	master, err := s.master(false)
	if err != nil {
		return nil, err
	}
	object, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return nil, err
	}
	return sealIndented.seal(master, shareName+" "+b.Run, object), nil
}

// OpenBundle reads what SealBundle wrote for a run: ErrForeign.
func (s *Store) OpenBundle(run string, data []byte) (*Bundle, error) {
	master, err := s.master(false)
	if err != nil {
		return nil, s.noKey(run, err)
	}
	if _, ours := sealIndented.check(master, shareName+" "+run, data); !ours {
		return nil, &ForeignError{Run: run, Why: "its list of files was made with another key, or edited"}
	}
	b := &Bundle{}
	if err := json.Unmarshal(data, b); err != nil {
		return nil, err
	}
	if major, _, _ := strings.Cut(b.FormatVersion, "."); major != "1" {
		return nil, fmt.Errorf("the list of files of run %s has format_version %.20q, which this terrier does not know\nhint: use the terrier that wrote it", run, b.FormatVersion)
	}
	seen := map[string]bool{}
	for _, p := range b.Files {
		way := path.Dir(p.Path)
		if !fs.ValidPath(p.Path) || !carried(p.Path) || seen[p.Path] || strings.ContainsAny(p.Path, "\\:\x00") || p.Size < 0 || p.Size > maxFile || !isHex(p.SHA256, 64) || !isHex(p.Object, 40) {
			return nil, fmt.Errorf("the list of files of run %s has %.200q, which is no file of a run", run, p.Path)
		}
		for ; way != "."; way = path.Dir(way) {
			if base := path.Base(way); reserved(base) && !strings.HasPrefix(base, "%") {
				return nil, fmt.Errorf("the list of files of run %s has %.200q, which is no folder of a stack", run, p.Path)
			}
		}
		seen[p.Path] = true
	}
	if b.Run != run || b.Number < 1 {
		return nil, &ForeignError{Run: run, Why: "its list of files is another run's"}
	}
	return b, nil
}

// Same reports whether two bundles hold the same files.
func (b *Bundle) Same(other *Bundle) bool {
	return other != nil && slices.EqualFunc(b.Files, other.Files, func(x, y Packed) bool { return x.Path == y.Path && x.SHA256 == y.SHA256 })
}

// Shared is the bundle that the run was last shared as from here, nil for none.
func (s *Store) Shared(run string) (*Bundle, error) {
	dir, err := s.run(run)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	data, err := read(dir, shareName, shownFile(run, shareName), maxShare)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.OpenBundle(run, data)
}

// SetShared remembers what the run was shared as.
func (s *Store) SetShared(b *Bundle) error {
	data, err := s.SealBundle(b)
	if err != nil {
		return err
	}
	dir, err := s.run(b.Run)
	if err != nil {
		return err
	}
	defer dir.Close()
	return s.write(dir, shareName, data)
}

// Unpack makes a run's folder of a bundle, or puts it in the place of the one
// that is there. get opens a file's bytes; each is compared with its digest,
// the manifest with its seal, and each stack's plan with the manifest, and only
// then has the folder the run's name. A folder that was changed here since it
// was last shared is ErrConflict, untouched. One that another terrier is
// applying is ErrLocked.
func (s *Store) Unpack(b *Bundle, get func(Packed) (io.ReadCloser, error)) (*Run, error) {
	replace, err := s.replaces(b)
	if err != nil {
		return nil, err
	}
	if replace == keepIt {
		if err := s.SetShared(b); err != nil {
			return nil, err
		}
		return s.Load(b.Run)
	}
	if _, err := s.master(true); err != nil {
		return nil, err
	}
	all, err := s.below(runsName, true)
	if err != nil {
		return nil, err
	}
	defer all.Close()
	temp := fmt.Sprintf("%s%s.%d", newPrefix, b.Run, os.Getpid())
	if err := all.RemoveAll(temp); err != nil { // of one with our number, long dead
		return nil, err
	}
	if err := s.at("mkdir unpack"); err != nil {
		return nil, told(err)
	}
	if err := all.Mkdir(temp, 0o700); err != nil {
		return nil, told(err)
	}
	done := false
	defer func() {
		if !done {
			_ = all.RemoveAll(temp) // the first error is the one to tell
		}
	}()
	if err := all.Chmod(temp, 0o700); err != nil { // whatever the umask
		return nil, err
	}
	r, err := s.unpack(all, temp, b, get)
	if err != nil {
		return nil, err
	}
	if replace == putAway {
		unlock, err := s.Lock(b.Run)
		if err != nil {
			return nil, err
		}
		defer unlock()
		if again, err := s.replaces(b); err != nil || again != putAway {
			return nil, errors.Join(err, fmt.Errorf("run %s changed meanwhile\nhint: the same command again", b.Run))
		}
		trash := fmt.Sprintf("%s%s.%d", trashPrefix, b.Run, os.Getpid())
		if err := all.RemoveAll(trash); err != nil { // of one with our number, long dead
			return nil, err
		}
		if err := s.at("rename old"); err != nil {
			return nil, told(err)
		}
		if filepath.Separator != '/' {
			unlock() // an open file holds its folder there
		}
		if err := all.Rename(b.Run, trash); err != nil {
			return nil, told(err)
		}
		defer func() { _ = all.RemoveAll(trash) }() // else clean does
	}
	if err := s.at("rename unpack"); err != nil {
		return nil, told(err)
	}
	if err := all.Rename(temp, b.Run); err != nil {
		return nil, told(err)
	}
	done = true
	s.syncDir(all)
	return r, nil
}

// What Unpack does with the folder that is there.
type replacing int

const (
	thereIsNone replacing = iota
	keepIt                // it has the same files
	putAway               // it is as it was shared, and b is newer
)

func (s *Store) replaces(b *Bundle) (replacing, error) {
	here, err := s.Pack(b.Run, "")
	if errors.Is(err, ErrNoRun) {
		return thereIsNone, nil
	}
	if err != nil {
		return 0, err
	}
	base, err := s.Shared(b.Run)
	switch {
	case err != nil:
		return 0, err
	case here.Same(b):
		return keepIt, nil
	case here.Same(base) && b.Number > base.Number:
		return putAway, nil
	case base != nil && b.Number == base.Number:
		return 0, fmt.Errorf("run %s: %w\nhint: share it from here first", b.Run, ErrUnshared)
	}
	return 0, fmt.Errorf("%w: %s\nhint: look at both with terrier runs show, then move the folder %s away", ErrConflict, b.Run, shownRun(b.Run))
}

// unpack fills a new folder, and checks all that is in it.
func (s *Store) unpack(all *os.Root, temp string, b *Bundle, get func(Packed) (io.ReadCloser, error)) (*Run, error) {
	dir, err := all.OpenRoot(temp)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	digests := map[string]string{}
	for _, p := range b.Files {
		if err := s.unpackFile(dir, b.Run, p, get); err != nil {
			return nil, fmt.Errorf("%s of run %s: %w", p.Path, b.Run, err)
		}
		digests[p.Path] = p.SHA256
	}
	r, err := s.load(dir, b.Run)
	if err != nil {
		return nil, err
	}
	for _, st := range r.Stacks {
		way, err := folder(st.Name)
		if err != nil {
			return nil, err
		}
		if got := digests[path.Join(way, string(PlanFile))]; st.Digest != "" && got != st.Digest {
			return nil, &AlteredError{Run: b.Run, Stack: st.Name, Want: st.Digest, Got: cmp.Or(got, "none")}
		}
	}
	data, err := s.SealBundle(b)
	if err != nil {
		return nil, err
	}
	return r, s.write(dir, shareName, data)
}

func (s *Store) unpackFile(dir *os.Root, run string, p Packed, get func(Packed) (io.ReadCloser, error)) error {
	at, err := dir.OpenRoot(".")
	if err != nil {
		return err
	}
	way, name := path.Split(p.Path)
	for _, seg := range strings.Split(strings.TrimSuffix(way, "/"), "/") {
		if seg == "" {
			continue
		}
		next, err := s.sub(at, seg, shownFile(run, way), true)
		at.Close()
		if err != nil {
			return err
		}
		at = next
	}
	defer at.Close()
	in, err := get(p)
	if err != nil {
		return err
	}
	defer in.Close()
	return s.fill(at, name, func(w io.Writer) error {
		h := sha256.New()
		n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(in, p.Size+1))
		if err != nil {
			return fmt.Errorf("what was shared cannot be read: %w\nhint: the same command again; where it stays so, somebody changed it, or it is damaged: plan anew", err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); n != p.Size || got != p.SHA256 {
			return fmt.Errorf("what came is not what was shared: %d bytes with the digest %.12s…, and %d with %.12s… were\nhint: somebody changed it, or it is damaged: plan anew", n, got, p.Size, p.SHA256)
		}
		return nil
	})
}
