package terraform

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
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

var errTorn = errors.New("the printed state is not whole")

// copyState writes a part of f, which must be JSON, to a new file.
func copyState(f *os.File, from, to int64, name string) error {
	data, err := io.ReadAll(io.NewSectionReader(f, from, to-from))
	if err != nil {
		return err
	}
	if !json.Valid(data) {
		return errTorn
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

// A Left is where an apply that nobody watched to its end says that its state
// is, since it could not be saved where it belongs.
type Left int

// The places.
const (
	StateSaved   Left = iota // it says nothing of the kind
	StateInFile              // errored.tfstate, in its directory
	StatePrinted             // it is in what it printed: see SavePrinted
)

// LeftState reads from an ApplyOptions.Raw file, which a killed terrier has left,
// where the state is. No such file tells nothing: StateSaved.
func LeftState(raw string) (Left, error) {
	f, err := os.Open(raw)
	if errors.Is(err, fs.ErrNotExist) {
		return StateSaved, nil
	}
	if err != nil {
		return StateSaved, err
	}
	defer f.Close()
	s, in, err := scanFile(f)
	switch {
	case err != nil:
		return StateSaved, err
	case s.used && s.dump >= 0:
		return StatePrinted, nil
	case in:
		return StateInFile, nil
	}
	return StateSaved, nil
}

// SavePrinted writes the state that terraform printed into a Raw file to a new
// file, 0600. It is false, and there is no file, where that state is not whole.
func SavePrinted(raw, file string) (bool, error) {
	f, err := os.Open(raw)
	if err != nil {
		return false, err
	}
	defer f.Close()
	s, _, err := scanFile(f)
	if err != nil || !s.used || s.dump < 0 || s.dumpEnd < 0 {
		return false, err
	}
	if err := copyState(f, s.dump, s.dumpEnd, file); err != nil {
		if !errors.Is(err, fs.ErrExist) {
			os.Remove(file)
		}
		if errors.Is(err, errTorn) {
			err = nil
		}
		return false, err
	}
	return true, nil
}

// scanFile scans a whole file, and looks for the message that the state is in
// errored.tfstate.
func scanFile(f *os.File) (s scanner, inFile bool, err error) {
	message := []byte(`"errored.tfstate"`)
	var last []byte
	buf := make([]byte, 64<<10)
	for at := int64(0); ; {
		n, err := f.ReadAt(buf, at)
		s.feed(buf[:n], at)
		at += int64(n)
		last = append(last, buf[:n]...)
		inFile = inFile || bytes.Contains(last, message)
		last = append(last[:0], last[max(0, len(last)-len(message)):]...)
		if err == io.EOF {
			return s, inFile, nil
		}
		if err != nil {
			return s, inFile, err
		}
	}
}
