package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	homeName = ".terrier"
	runsName = "runs"
	lockName = "locks"
	keyName  = "key"
)

// Prefixes of what is on its way in or out. No stack's folder begins so.
const (
	tempPrefix  = ".tmp-"   // a file before its rename
	newPrefix   = ".new-"   // a run's folder before its rename
	takePrefix  = ".take-"  // a private copy of a plan
	trashPrefix = ".trash-" // a run's folder after it
)

// fsync has a file on the disk. Tests, which kill processes and cut no power,
// do without.
var fsync = (*os.File).Sync

// at is where tests let a write fail, or the process die.
func (s *Store) at(step string) error {
	if s.fault == nil {
		return nil
	}
	return s.fault(step)
}

// told makes an error of the disk one that says what to do.
func told(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w\nhint: make room (terrier runs clean removes old runs), then the same command again", ErrDiskFull, err)
	}
	return err
}

// home opens .terrier. With create it is made where it is not there, and gets
// its .gitignore. fs.ErrNotExist.
func (s *Store) home(create bool) (*os.Root, error) {
	top, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	home, err := s.sub(top, homeName, homeName, create)
	if err != nil || !create {
		return home, err
	}
	if _, err := home.Lstat(".gitignore"); errors.Is(err, fs.ErrNotExist) {
		// Plans hold secrets: none may be committed by accident.
		if err := s.write(home, ".gitignore", []byte("*\n")); err != nil {
			home.Close()
			return nil, err
		}
	}
	return home, nil
}

// below opens a directory of .terrier.
func (s *Store) below(name string, create bool) (*os.Root, error) {
	home, err := s.home(create)
	if err != nil {
		return nil, err
	}
	defer home.Close()
	return s.sub(home, name, homeName+"/"+name, create)
}

// run opens a run's folder. ErrNoRun.
func (s *Store) run(id string) (*os.Root, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	all, err := s.below(runsName, false)
	if err == nil {
		defer all.Close()
		var run *os.Root
		if run, err = s.sub(all, id, shownRun(id), false); err == nil {
			return run, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s\nhint: terrier runs lists them", ErrNoRun, id)
	}
	return nil, err
}

func shownRun(id string) string { return homeName + "/" + runsName + "/" + id }

// sub opens a directory that has to be ours alone; shown is its name for
// people. What follows a link, or what somebody else may write to, could be
// anything.
func (s *Store) sub(parent *os.Root, name, shown string, create bool) (*os.Root, error) {
	info, err := parent.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err := s.at("mkdir " + shown); err != nil {
			return nil, told(err)
		}
		if err := parent.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, told(err)
		}
		if info, err = parent.Lstat(name); err == nil && info.IsDir() && info.Mode().Perm() != 0o700 {
			if err := parent.Chmod(name, 0o700); err != nil { // whatever the umask
				return nil, err
			}
			info, err = parent.Lstat(name)
		}
		if err == nil {
			s.syncDir(parent)
		}
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory of its own, but %s\nhint: move it away; terrier keeps runs there", shown, kind(info))
	}
	if err := guarded(info, shown, false); err != nil {
		return nil, err
	}
	dir, err := parent.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if opened, err := dir.Stat("."); err != nil || !os.SameFile(info, opened) {
		dir.Close()
		return nil, fmt.Errorf("%s changed while it was opened", shown)
	}
	return dir, nil
}

// guarded refuses what others own or may write to, and with secret what they
// may read.
func guarded(info fs.FileInfo, shown string, secret bool) error {
	switch {
	case ownedByOther(info):
		return fmt.Errorf("%s belongs to somebody else\nhint: work as its owner, or move it away", shown)
	case openToOthers(info, secret) && secret:
		return fmt.Errorf("%s may be read by others than its owner (%s)\nhint: what they read is no secret any more: remove it, and plan anew", shown, info.Mode().Perm())
	case openToOthers(info, secret):
		return fmt.Errorf("%s may be written by others than its owner (%s)\nhint: look at what is in it, then: chmod go-w %s", shown, info.Mode().Perm(), shown)
	}
	return nil
}

func kind(info fs.FileInfo) string {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "a symbolic link"
	case info.IsDir():
		return "a directory"
	case info.Mode().IsRegular():
		return "a file"
	}
	return "a device or a pipe"
}

// open opens a regular file that is no link, of at most limit bytes.
func open(dir *os.Root, name, shown string, limit int64) (*os.File, error) {
	return openAs(dir, name, shown, limit, os.O_RDONLY)
}

func openAs(dir *os.Root, name, shown string, limit int64, flag int) (*os.File, error) {
	info, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file, but %s\nhint: terrier did not make it so: look at it, and plan anew", shown, kind(info))
	}
	f, err := dir.OpenFile(name, flag|dontWait, 0)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	switch {
	case err != nil:
	case !os.SameFile(info, opened):
		err = fmt.Errorf("%s changed while it was opened", shown)
	case opened.Size() > limit:
		err = fmt.Errorf("%s has %d bytes, more than the %d that terrier reads", shown, opened.Size(), limit)
	case ownedByOther(opened):
		err = fmt.Errorf("%s belongs to somebody else\nhint: work as its owner, or plan anew", shown)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// read reads a file whole.
func read(dir *os.Root, name, shown string, limit int64) ([]byte, error) {
	f, err := open(dir, name, shown, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s grew while it was read", shown)
	}
	return data, err
}

// temp makes a new file, 0600, of a name that nobody has.
func (s *Store) temp(dir *os.Root, name string) (*os.File, string, error) {
	for i := 0; ; i++ {
		temp := fmt.Sprintf("%s%s-%d-%d", tempPrefix, path.Base(name), os.Getpid(), i)
		if err := s.at("create " + name); err != nil {
			return nil, "", told(err)
		}
		f, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && i < 1000 {
			continue
		}
		if err != nil {
			return nil, "", told(err)
		}
		if err := f.Chmod(0o600); err != nil { // whatever the umask
			f.Close()
			_ = dir.Remove(temp) // the first error is the one to tell
			return nil, "", err
		}
		return f, temp, nil
	}
}

// write writes a file whole or not at all: it is on the disk when write
// returns.
func (s *Store) write(dir *os.Root, name string, data []byte) error {
	return s.fill(dir, name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// put is write, but that the name may not be on the disk before syncDir.
func (s *Store) put(dir *os.Root, name string, data []byte) error {
	return s.replace(dir, name, true, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func (s *Store) fill(dir *os.Root, name string, write func(io.Writer) error) error {
	if err := s.replace(dir, name, true, write); err != nil {
		return err
	}
	s.syncDir(dir)
	return s.at("done " + name)
}

// replace puts a file in the place of another. Without sync it may be empty
// after a power cut.
func (s *Store) replace(dir *os.Root, name string, sync bool, write func(io.Writer) error) error {
	f, temp, err := s.temp(dir, name)
	if err != nil {
		return err
	}
	err = write(s.writer(f, name))
	if err == nil && sync {
		if err = s.at("sync " + name); err == nil {
			err = fsync(f)
		}
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		if err = s.at("rename " + name); err == nil {
			err = dir.Rename(temp, name)
		}
	}
	if err != nil {
		_ = dir.Remove(temp) // the first error is the one to tell
		return told(err)
	}
	return nil
}

// writer writes at once, but for tests, which may end it half way.
func (s *Store) writer(f *os.File, name string) io.Writer {
	if s.fault == nil {
		return f
	}
	return halfWriter{f, func() error { return s.at("write " + name) }}
}

type halfWriter struct {
	f  *os.File
	at func() error
}

func (w halfWriter) Write(data []byte) (int, error) {
	n, err := w.f.Write(data[:len(data)/2])
	if err == nil {
		err = w.at()
	}
	if err != nil {
		return n, err
	}
	m, err := w.f.Write(data[n:])
	return n + m, err
}

// syncDir has the names of a directory on the disk; not every file system can.
func (s *Store) syncDir(dir *os.Root) {
	if d, err := dir.Open("."); err == nil {
		_ = fsync(d)
		_ = d.Close()
	}
}

// folder is where a stack's files are, from the run's folder: its name, but for
// segments that would be taken for a file of terrier's, or for a name that is
// on its way; those have their first character as %XX. "." is the run's folder
// itself.
func folder(stack string) (string, error) {
	if !fs.ValidPath(stack) || strings.ContainsAny(stack, "\\\x00") || strings.ContainsFunc(stack, isControl) {
		return "", fmt.Errorf("%q is no name of a stack", stack)
	}
	if stack == "." {
		return ".", nil
	}
	segments := strings.Split(stack, "/")
	for i, seg := range segments {
		if reserved(seg) {
			segments[i] = fmt.Sprintf("%%%02X", seg[0]) + seg[1:]
		}
		if len(segments[i]) > 255 {
			return "", fmt.Errorf("%q: a directory's name has more than 255 bytes", stack)
		}
	}
	return strings.Join(segments, "/"), nil
}

// reserved reports whether a segment cannot be a folder's name as it is. Case
// does not count: on some file systems it does not either.
func reserved(seg string) bool {
	lower := strings.ToLower(seg)
	for _, name := range ownNames {
		if lower == name {
			return true
		}
	}
	for _, prefix := range []string{"%", tempPrefix, newPrefix, takePrefix, trashPrefix} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	return false
}

// ownNames are the files of a run's folder and of a stack's.
var ownNames = []string{
	manifestName, approvalsName, journalName, lockFileName, holderName, shareName,
	string(PlanFile), string(PlanJSON), string(PlanText), string(FingerprintFile), string(LogFile),
}

func isControl(c rune) bool { return c < 0x20 || c >= 0x7f && c < 0xa0 || c == 0xfffd }

// stack opens a stack's folder, each directory on the way checked.
func (s *Store) stack(run, stack string, create bool) (*os.Root, string, error) {
	way, err := folder(stack)
	if err != nil {
		return nil, "", err
	}
	at, err := s.run(run)
	if err != nil {
		return nil, "", err
	}
	shown := shownRun(run)
	if way != "." {
		for _, seg := range strings.Split(way, "/") {
			shown += "/" + seg
			next, err := s.sub(at, seg, shown, create)
			at.Close()
			if err != nil {
				return nil, "", err
			}
			at = next
		}
	}
	return at, filepath.Join(s.dir, filepath.FromSlash(shown)), nil
}
