package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// A File is a file of a stack's folder.
type File string

const (
	PlanFile        File = "plan.tfplan"      // terraform's
	PlanJSON        File = "plan.json"        // terraform show -json
	PlanText        File = "plan.txt"         // terraform show, for people
	FingerprintFile File = "fingerprint.json" // fingerprint.Document
	LogFile         File = "log.txt"          // what terraform printed
)

// maxFile bounds a file of a stack's folder.
const maxFile = 1 << 30

const tempPlan = tempPrefix + string(PlanFile)

// Dir makes the folder of a stack, 0700, and returns its absolute path.
func (s *Store) Dir(run, stack string) (string, error) {
	dir, name, err := s.stack(run, stack, true)
	if err != nil {
		return "", err
	}
	return name, dir.Close()
}

// TempPlan is the absolute path, in the stack's folder, that terraform is to
// write its plan to. Nothing is there. AdoptPlan takes it from there.
func (s *Store) TempPlan(run, stack string) (string, error) {
	dir, name, err := s.stack(run, stack, true)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	if err := dir.Remove(tempPlan); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return filepath.Join(name, tempPlan), nil
}

// AdoptPlan makes what was written to TempPlan plan.tfplan (0600, on the disk)
// and returns its digest, for Stack.Digest. An older plan of the stack is gone
// then, with what was made from it: the manifest's digest no longer fits until
// it is saved.
func (s *Store) AdoptPlan(run, stack string) (digest string, err error) {
	return s.KeepPlan(run, stack, nil)
}

// KeepPlan is AdoptPlan, and WriteFile of what was made from the plan, with as
// few waits for the disk as that takes.
func (s *Store) KeepPlan(run, stack string, files map[File][]byte) (digest string, err error) {
	dir, name, err := s.stack(run, stack, false)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	shown := filepath.Join(name, tempPlan)
	f, err := openAs(dir, tempPlan, shown, maxFile, os.O_RDWR)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := f.Chmod(0o600); err != nil {
		return "", err
	}
	h := sha256.New()
	if n, err := io.Copy(h, io.LimitReader(f, maxFile+1)); err != nil {
		return "", err
	} else if n > maxFile {
		return "", fmt.Errorf("%s has more than %d bytes", shown, maxFile)
	}
	if err := s.at("sync plan"); err != nil {
		return "", told(err)
	}
	if err := fsync(f); err != nil {
		return "", told(err)
	}
	for _, old := range []File{PlanJSON, PlanText, FingerprintFile} {
		if err := dir.Remove(string(old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	if err := s.at("rename plan"); err != nil {
		return "", told(err)
	}
	if err := dir.Rename(tempPlan, string(PlanFile)); err != nil {
		return "", told(err)
	}
	for _, f := range slices.Sorted(maps.Keys(files)) {
		if err := s.put(dir, string(f), files[f]); err != nil {
			return "", err
		}
	}
	s.syncDir(dir)
	return hex.EncodeToString(h.Sum(nil)), s.at("done plan")
}

// WriteFile writes a file of a stack's folder, whole or not at all.
func (s *Store) WriteFile(run, stack string, f File, data []byte) error {
	dir, _, err := s.stack(run, stack, true)
	if err != nil {
		return err
	}
	defer dir.Close()
	return s.write(dir, string(f), data)
}

// ReadFile reads a file of a stack's folder; fs.ErrNotExist. What it holds is
// as it is on the disk: Take alone compares a plan with its digest.
func (s *Store) ReadFile(run, stack string, f File) ([]byte, error) {
	dir, name, err := s.stack(run, stack, false)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return read(dir, string(f), filepath.Join(name, string(f)), maxFile)
}

// RemoveFiles removes what a stack's folder has of those files: of a stack that
// has no plan any more none may lie about.
func (s *Store) RemoveFiles(run, stack string, files ...File) error {
	dir, _, err := s.stack(run, stack, false)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNoRun) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, f := range files {
		if err := dir.Remove(string(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s.syncDir(dir)
	return nil
}

// Log opens log.txt to append to, 0600. It is for what terraform printed, with
// secrets taken out.
func (s *Store) Log(run, stack string) (io.WriteCloser, error) {
	dir, name, err := s.stack(run, stack, true)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := appendTo(dir, string(LogFile), filepath.Join(name, string(LogFile)), maxFile, os.O_WRONLY)
	if err != nil {
		return nil, told(err)
	}
	return f, nil
}

// appendTo opens a file to append to, or makes it, 0600.
func appendTo(dir *os.Root, name, shown string, limit int64, flag int) (*os.File, error) {
	f, err := dir.OpenFile(name, flag|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		if err := f.Chmod(0o600); err != nil { // whatever the umask
			f.Close()
			return nil, err
		}
		return f, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return openAs(dir, name, shown, limit, flag|os.O_APPEND)
}
