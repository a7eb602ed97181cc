package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

const (
	lockFileName = "lock"
	holderName   = "holder.json" // who has it, for people
)

// Lock takes a run for the one terrier that applies it or makes it anew,
// without waiting: ErrLocked names the other. The kernel gives the lock back
// when the process ends, however it ends. Copies of plans that killed ones left
// are removed.
func (s *Store) Lock(run string) (unlock func(), err error) {
	dir, err := s.run(run)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	path := filepath.Join(s.dir, filepath.FromSlash(shownRun(run)))
	unlock, err = s.lock(dir, path, lockFileName, holderName, "run "+run)
	if err != nil {
		return nil, err
	}
	if err := sweep(dir); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// LockStack takes a stack, whatever the run: two runs never apply one stack at
// once. stack is its Name.
func (s *Store) LockStack(stack string) (unlock func(), err error) {
	if _, err := folder(stack); err != nil {
		return nil, err
	}
	dir, err := s.below(lockName, true)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	sum := sha256.Sum256([]byte(stack))
	name := hex.EncodeToString(sum[:16])
	path := filepath.Join(s.dir, homeName, lockName)
	return s.lock(dir, path, name+".lock", name+".json", "stack "+stack)
}

// A holder says who has a lock.
type holder struct {
	Host string `json:"host"`
	PID  int    `json:"pid"`
}

// lock locks the file name in dir, which is at path. The file stays: if it were
// removed, two could have a lock of one name.
func (s *Store) lock(dir *os.Root, path, name, by, what string) (unlock func(), err error) {
	f, err := appendTo(dir, name, filepath.Join(path, name), 1<<10, os.O_RDWR) // a regular file of ours, 0600
	if err != nil {
		return nil, told(err)
	}
	f.Close()
	l := flock.New(filepath.Join(path, name), flock.SetFlag(os.O_RDWR))
	got, err := l.TryLock()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the %s was removed meanwhile", ErrNoRun, what)
	}
	if err != nil {
		return nil, fmt.Errorf("the %s cannot be locked: %w\nhint: .terrier has to be on a file system that knows locks", what, err)
	}
	if !got {
		e := &LockedError{What: what}
		if data, err := read(dir, by, by, 4<<10); err == nil {
			var h holder
			if json.Unmarshal(data, &h) == nil {
				e.Host, e.PID = printable(h.Host), h.PID
			}
		}
		return nil, e
	}
	// Between its opening and the lock its folder may have been cleaned away.
	mine, err := l.Stat()
	if err == nil {
		var there fs.FileInfo
		if there, err = os.Lstat(filepath.Join(path, name)); err == nil && !os.SameFile(mine, there) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		_ = l.Unlock()
		return nil, fmt.Errorf("%w: the %s was removed meanwhile", ErrNoRun, what)
	}
	// What one that was killed while it wrote who it is has left: that is done
	// under this lock alone.
	if left, err := names(dir, func(n string) bool { return strings.HasPrefix(n, tempPrefix+by+"-") }); err == nil {
		for _, n := range left {
			_ = dir.Remove(n)
		}
	}
	h := holder{PID: os.Getpid()}
	h.Host, _ = os.Hostname() // "" where it has no name
	data, err := json.Marshal(h)
	if err == nil {
		// For people, while the process lives: it need not outlast a power cut.
		err = s.replace(dir, by, false, func(w io.Writer) error {
			_, err := w.Write(append(data, '\n'))
			return err
		})
	}
	if err != nil {
		_ = l.Unlock()
		return nil, err
	}
	return sync.OnceFunc(func() {
		_ = os.Remove(filepath.Join(path, by)) // it is for people
		_ = l.Unlock()                         // so does the end of the process
	}), nil
}

// printable is a name as far as it can be shown.
func printable(name string) string {
	out := []rune{}
	for _, c := range name {
		if !isControl(c) && len(out) < 100 {
			out = append(out, c)
		}
	}
	return string(out)
}
