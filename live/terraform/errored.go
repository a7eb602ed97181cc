package terraform

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"
)

// errored finds the state that a failed apply could not save where it belongs,
// and sees to it that it stays, for its user alone: in errored.tfstate, or in
// what terraform printed where it could not even write that.
func (e *Error) saveErrored(begin time.Time, raw string, f *follower) {
	if e.errored != nil {
		info, err := os.Lstat(e.errored.Path)
		// File systems count in steps of up to two seconds.
		if err != nil || !info.Mode().IsRegular() || info.ModTime().Before(begin.Add(-2*time.Second)) {
			e.errored = nil
		} else {
			// terraform makes it for everybody to read.
			_ = os.Chmod(e.errored.Path, 0o600)
		}
	}
	if f.dump < 0 || e.errored != nil {
		return
	}
	end := f.scan.dumpEnd
	if end < 0 {
		end = f.done
	}
	name := raw + ".errored.tfstate"
	if err := copyState(f.from, f.dump, end, name); err != nil {
		os.Remove(name)
		f.keep, name = true, raw
	}
	e.errored = &ErroredStateError{Path: name}
}

// copyState writes a part of f, which must be JSON, to a new file.
func copyState(f *os.File, from, to int64, name string) error {
	data, err := io.ReadAll(io.NewSectionReader(f, from, to-from))
	if err != nil {
		return err
	}
	if !json.Valid(data) {
		return errors.New("the printed state is not whole")
	}
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := out.Write(data); err != nil {
		return err
	}
	return out.Sync()
}
