package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A Taken is a plan that nobody else has.
type Taken struct {
	Path   string // absolute; the file is 0600 in a directory 0700
	Digest string

	dir string
}

// Close removes the copy.
func (t *Taken) Close() error { return os.RemoveAll(t.dir) }

// Take copies the plan of a stack into a private directory, and compares the
// digest of the very bytes that it copies with the manifest's: ErrAltered. What
// is done to the run's folder afterwards does not reach the copy. Close removes
// it; of one whose process was killed the next Lock does.
func (s *Store) Take(r *Run, stack string) (*Taken, error) {
	st := r.Stack(stack)
	switch {
	case st == nil:
		return nil, fmt.Errorf("run %s has no stack %q", r.ID, stack)
	case !isHex(st.Digest, 64):
		return nil, fmt.Errorf("%s has no plan in run %s (%s)\nhint: plan it again", stack, r.ID, st.Status)
	}
	dir, name, err := s.stack(r.ID, stack, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.lost(r.ID, stack)
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	in, err := open(dir, string(PlanFile), filepath.Join(name, string(PlanFile)), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.lost(r.ID, stack)
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	run, err := s.run(r.ID)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	private, err := s.private(run)
	if err != nil {
		return nil, err
	}
	t := &Taken{dir: filepath.Join(s.dir, filepath.FromSlash(shownRun(r.ID)), private)}
	t.Path = filepath.Join(t.dir, string(PlanFile))
	if t.Digest, err = s.copyPlan(run, private, in); err == nil && t.Digest != st.Digest {
		err = &AlteredError{Run: r.ID, Stack: stack, Want: st.Digest, Got: t.Digest}
	}
	if err != nil {
		_ = t.Close() // the first error is the one to tell
		return nil, told(err)
	}
	return t, nil
}

func (s *Store) lost(run, stack string) error {
	return fmt.Errorf("%s: %s of run %s is gone\nhint: plan it again", stack, PlanFile, run)
}

// private makes a directory that nobody has.
func (s *Store) private(run *os.Root) (string, error) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s%d-%d", takePrefix, os.Getpid(), i)
		if err := s.at("mkdir take"); err != nil {
			return "", told(err)
		}
		err := run.Mkdir(name, 0o700)
		if err == nil {
			return name, run.Chmod(name, 0o700) // whatever the umask
		}
		if !errors.Is(err, fs.ErrExist) || i == 100_000 {
			return "", told(err)
		}
	}
}

func (s *Store) copyPlan(run *os.Root, private string, in io.Reader) (digest string, err error) {
	out, err := run.OpenFile(private+"/"+string(PlanFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer func() {
		if e := out.Close(); err == nil {
			err = e
		}
	}()
	if err := out.Chmod(0o600); err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(s.writer(out, "take"), h), io.LimitReader(in, maxFile+1))
	if err != nil {
		return "", err
	}
	if n > maxFile {
		return "", fmt.Errorf("the plan has more than %d bytes", maxFile)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sweep removes the copies that killed processes left. Only who holds the
// run's lock may.
func sweep(run *os.Root) error {
	left, err := names(run, func(name string) bool { return len(name) > len(takePrefix) && name[:len(takePrefix)] == takePrefix })
	for _, name := range left {
		err = errors.Join(err, run.RemoveAll(name))
	}
	return err
}
