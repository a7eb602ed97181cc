package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// Bounds of the files of lines.
const (
	maxLines = 256 << 20
	maxLine  = 64 << 10
)

// appendLine adds a sealed line; it is on the disk when appendLine returns. It
// is written at once, behind all others: of several processes none loses a
// line, and one that is killed leaves at most a torn one.
func (s *Store) appendLine(dir *os.Root, name, shown string, line []byte) (err error) {
	if len(line) > maxLine {
		return fmt.Errorf("a line of %s would have %d bytes, more than %d", shown, len(line), maxLine)
	}
	if err := s.at("append " + name); err != nil {
		return told(err)
	}
	f, err := appendTo(dir, name, shown, maxLines, os.O_RDWR)
	if err != nil {
		return told(err)
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
		err = told(err)
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	data := append(bytes.Clone(line), '\n')
	if last := make([]byte, 1); size > 0 {
		if _, err := f.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			data = append([]byte("\n"), data...)
		}
	}
	n, err := s.writer(f, name).Write(data)
	if err != nil { // take back what is there of it, if nobody has written since
		if info, e := f.Stat(); e == nil && info.Size() == size+int64(n) {
			_ = f.Truncate(size) // a torn line is passed over
		}
		return err
	}
	if err := s.at("sync " + name); err != nil {
		return err
	}
	if err := fsync(f); err != nil {
		return err
	}
	if size == 0 {
		s.syncDir(dir)
	}
	return s.at("done " + name)
}

// eachLine reads the lines of a file from an offset, and returns the offset
// behind the last whole one. A file that is not there has none.
func eachLine(dir *os.Root, name, shown string, from int64, use func(n int, line []byte) error) (end int64, err error) {
	f, err := open(dir, name, shown, maxLines)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, from, maxLines))
	if err != nil {
		return 0, err
	}
	n := 0
	for len(data) > 0 {
		n++
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			return from, use(n, line) // torn, or being written
		}
		if err := use(n, line); err != nil {
			return from, err
		}
		from += int64(len(line)) + 1
		data = rest
	}
	return from, nil
}

// torn reports whether a line that cannot be read is what a crash leaves: the
// beginning of one of ours, or the zeros that a file system fills up with. Any
// other was written by somebody else.
func torn(line []byte) bool {
	line = bytes.TrimRight(line, "\x00")
	if len(line) == 0 {
		return true
	}
	return !bytes.HasSuffix(line, []byte(sealLine.after)) && line[0] == '{'
}

// shownFile is a file of a run's folder, for people.
func shownFile(run, name string) string { return path.Join(shownRun(run), name) }
