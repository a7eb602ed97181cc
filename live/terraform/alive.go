package terraform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"time"
)

// A record is what an Alive file says of the apply that holds it, or held it
// last. It is JSON on one line.
type record struct {
	PID    int       `json:"pid"` // 0 before it started
	Start  time.Time `json:"start"`
	Who    string    `json:"who"`
	Locked time.Time `json:"locked"`
}

// A claim is a held Alive file.
type claim struct {
	file *os.File
	rec  record
}

func (a *claim) close() { a.file.Close() }

// maxRecord bounds what is read of a file that others may have written.
const maxRecord = 4 << 10

func (a *claim) write(r record) error {
	a.rec = r
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	// In this order there is always a whole record at the beginning.
	if _, err := a.file.WriteAt(append(data, '\n'), 0); err != nil {
		return err
	}
	if err := a.file.Truncate(int64(len(data)) + 1); err != nil {
		return err
	}
	return a.file.Sync()
}

func (a *claim) started(pid int) error {
	r := a.rec
	r.PID = pid
	return a.write(r)
}

// locked keeps that terraform had the state's lock. That it cannot be kept is
// no reason to stop: a lock that is left is then not taken for ours.
func (a *claim) locked(now time.Time) {
	r := a.rec
	r.Locked = now
	if a.write(r) != nil {
		a.rec.Locked = now
	}
}

func (a *claim) life() Life {
	return Life{Who: a.rec.Who, Start: a.rec.Start, Locked: a.rec.Locked}
}

// readRecord reads a record. One that is half written is no error: it says
// nothing, and so proves nothing.
func readRecord(f *os.File) (record, error) {
	data, err := io.ReadAll(io.NewSectionReader(f, 0, maxRecord))
	if err != nil {
		return record{}, err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	var r record
	if json.Unmarshal(line, &r) != nil {
		return record{}, nil
	}
	if r.PID < 0 {
		r.PID = 0
	}
	return r, nil
}

// whoami is the user@host that terraform writes into its locks.
func whoami() string {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return name + "@" + host
}

// Running reports whether a process holds the lock of an ApplyOptions.Alive
// file: a terraform that an earlier, perhaps killed, terrier started, one of
// its providers, or what a local-exec left running. pid is terraform's, 0
// where that is not known. No such file is nothing running.
func Running(alivePath string) (pid int, running bool, err error) {
	a, err := openAlive(alivePath, false)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if still := (*RunningError)(nil); errors.As(err, &still) {
		return still.PID, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	a.close()
	return 0, false, nil
}

// WaitAlive waits until nothing runs that Running would report, or ctx ends.
func WaitAlive(ctx context.Context, alivePath string) error {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		pid, running, err := Running(alivePath)
		if err != nil || !running {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), &RunningError{Alive: alivePath, PID: pid})
		case <-time.After(pause):
		}
	}
}

// A Life is what is known of an apply that ended without a word.
type Life struct {
	Who   string    // user@host, as terraform writes it into a lock
	Start time.Time // before the process started
	// Locked is when terraform was seen to do what it does only under the
	// state's lock. Zero where it never was.
	Locked time.Time
}

// LastLife is the Life of the last apply on an Alive and a Raw file whose
// terrier died. It is an error while that apply still runs, and where there
// was none.
func LastLife(alivePath, rawPath string) (Life, error) {
	a, err := openAlive(alivePath, false)
	if err != nil {
		return Life{}, err
	}
	defer a.close()
	if a.rec.Start.IsZero() {
		return Life{}, fmt.Errorf("%s tells of no apply", alivePath)
	}
	life := a.life()
	if !life.Locked.IsZero() {
		return life, nil
	}
	raw, err := os.Open(rawPath)
	if errors.Is(err, fs.ErrNotExist) {
		return life, nil
	}
	if err != nil {
		return Life{}, err
	}
	defer raw.Close()
	info, err := raw.Stat()
	if err != nil {
		return Life{}, err
	}
	var s scanner
	buf := make([]byte, 64<<10)
	for at := int64(0); !s.locked; {
		n, err := raw.ReadAt(buf, at)
		s.feed(buf[:n], at)
		at += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return Life{}, err
		}
	}
	if s.locked {
		// Nobody but terraform has written to it since its terrier died.
		life.Locked = info.ModTime().UTC()
	}
	return life, nil
}

// Owns reports whether lock was taken by the apply with that life, and if not,
// why that is not sure. It is sure where terraform was seen to work under the
// state's lock, which nobody else had then, and the lock is by the same user
// on the same host, for an apply, and was taken after that process began and
// before it was seen.
func (l Life) Owns(lock *LockError) (own bool, why string) {
	switch {
	case lock.ID == "":
		return false, "its id is not known"
	case l.Who == "" || lock.Who != l.Who:
		return false, fmt.Sprintf("it is held by %q, and we are %q", lock.Who, l.Who)
	case lock.Operation != "OperationTypeApply":
		return false, fmt.Sprintf("it is for %q, and ours was an apply", lock.Operation)
	case l.Start.IsZero() || l.Locked.IsZero():
		return false, "our apply was not seen to have it"
	case lock.Created.Before(l.Start):
		return false, "it was taken before our apply began"
	case lock.Created.After(l.Locked):
		return false, "it was taken after our apply had it"
	}
	return true, ""
}

// ReleaseOwn force-unlocks lock where it is sure that the dead apply of life
// took it. Otherwise it touches nothing, and the error wraps ErrNotOwn.
func (t *Terraform) ReleaseOwn(ctx context.Context, s Session, lock *LockError, life Life) error {
	if own, why := life.Owns(lock); !own {
		return fmt.Errorf("%w: %w: %s\nhint: where you know that nobody holds it any more: terraform force-unlock", lock, ErrNotOwn, why)
	}
	return t.ForceUnlock(ctx, s, lock.ID)
}

// passwdHome is the home of the user as the system knows it, which terraform
// takes where HOME is not set.
func passwdHome() string {
	if u, err := user.Current(); err == nil {
		return u.HomeDir
	}
	return ""
}
