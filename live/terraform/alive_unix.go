//go:build unix

package terraform

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// openAlive opens an Alive file and takes its lock. It is a flock, which
// belongs to the open file and so to everybody who inherits it: it is free
// when the last of them has ended, however that ended. One that is held is a
// *RunningError.
func openAlive(name string, create bool) (*claim, error) {
	flags := os.O_RDWR | unix.O_NOFOLLOW
	if create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s is not a regular file: %w", name, errors.Join(err, os.ErrInvalid))
	}
	rec, err := readRecord(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err == syscall.EWOULDBLOCK {
		f.Close()
		return nil, &RunningError{Alive: name, PID: rec.PID}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	// Read again: it may have been written before it was free.
	if rec, err = readRecord(f); err != nil {
		f.Close()
		return nil, err
	}
	return &claim{file: f, rec: rec}, nil
}

func takeAlive(name string) (*claim, error) { return openAlive(name, true) }

// pass gives the lock to a child. Go's own children get it on from there: it
// is not closed when they start theirs.
func (a *claim) pass(cmd *exec.Cmd) { cmd.ExtraFiles = append(cmd.ExtraFiles, a.file) }
