package runs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Bounds of what is read: a record has some hundred bytes for each module.
const (
	maxLine = 1 << 20
	maxFile = 512 << 20
)

// Append adds records to the file below dir, the directory of terrier.hcl. The
// lines are written at once, behind all others, and are on the disk when Append
// returns: of several processes none loses a line, and one that is killed
// leaves at most a torn one, which Read passes over. The file is for the user
// alone (0600): it says who did what in which account.
func Append(dir string, records ...Record) (err error) {
	if len(records) == 0 {
		return nil
	}
	var data []byte
	for i := range records {
		line, err := records[i].line()
		if err != nil {
			return err
		}
		data = append(data, line...)
	}
	root, err := os.OpenRoot(dir) // no symlink leads out of it
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Mkdir(dirName, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := regular(root); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(Name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	if torn(f) {
		data = append([]byte("\n"), data...)
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if d, err := root.Open(dirName); err == nil {
		_ = d.Sync() // that the file is there; not every file system can
		_ = d.Close()
	}
	return nil
}

// regular refuses what is no file: a pipe would hold us for ever.
func regular(root *os.Root) error {
	info, err := root.Lstat(Name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file\nhint: move it away; the records of runs belong there", Name)
	}
	return err
}

// torn reports whether the file ends within a line.
func torn(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}

// A File is what was read.
type File struct {
	Records []Record // in the order of the file
	// Damaged are the lines, from 1, that are no record: torn by a crash, or
	// written by something else.
	Damaged []int
}

// Read reads the records below dir, those that keep asks for, or with nil all;
// none where there is no file. Fields that it does not know are passed over, and
// so are damaged lines, which the result names. A record of a newer format is an
// error: what it means nobody can tell.
func Read(dir string, keep func(*Record) bool) (*File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	switch err := regular(root); {
	case errors.Is(err, fs.ErrNotExist):
		return &File{}, nil
	case err != nil:
		return nil, err
	}
	f, err := root.Open(Name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than %d\nhint: keep its newest lines, and move the others away", Name, info.Size(), maxFile)
	}
	return parse(io.LimitReader(f, maxFile), keep)
}

func parse(in io.Reader, keep func(*Record) bool) (*File, error) {
	out := &File{}
	r := bufio.NewReaderSize(in, 1<<16)
	p := parser{texts: map[string]string{}, modules: map[string][]Module{}}
	var line []byte
	for n := 1; ; n++ {
		var whole bool
		var err error
		line, whole, err = readLine(r, line[:0])
		if err == io.EOF && len(line) == 0 && whole {
			return out, nil
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s: %w", Name, err)
		}
		if record, bad := p.line(line, n); bad != nil {
			return nil, bad
		} else if record != nil {
			if keep == nil || keep(record) {
				out.Records = append(out.Records, *record)
			}
		} else if len(bytes.TrimSpace(line)) > 0 || !whole {
			out.Damaged = append(out.Damaged, n)
		}
		if err == io.EOF {
			return out, nil
		}
	}
}

// readLine reads to the end of the line; whole is false for one that is too
// long, of which nothing is kept. line is what it may write over.
func readLine(r *bufio.Reader, line []byte) (_ []byte, whole bool, err error) {
	whole = true
	for {
		part, err := r.ReadSlice('\n')
		if whole {
			line = append(line, part...)
		}
		if len(line) > maxLine+1 {
			line, whole = nil, false
		}
		if err != bufio.ErrBufferFull {
			return line, whole, err
		}
	}
}

// A parser reads lines. A file says the same few things a million times over:
// records share them.
type parser struct {
	texts   map[string]string
	modules map[string][]Module // by their JSON
}

// line is a line's record, nil where it is none; the error is that of a newer
// format.
func (p *parser) line(line []byte, n int) (*Record, error) {
	var r struct {
		Record
		Modules json.RawMessage `json:"modules"` // in place of the record's own
	}
	bad := json.Unmarshal(line, &r)
	version := r.FormatVersion
	if bad != nil { // it may be one of another shape
		var head struct {
			FormatVersion string `json:"format_version"`
		}
		if json.Unmarshal(line, &head) != nil {
			return nil, nil
		}
		version = head.FormatVersion
	}
	number, _, _ := strings.Cut(version, ".")
	switch major, err := strconv.Atoi(number); {
	case err != nil || major < 1:
		return nil, nil
	case major > 1:
		return nil, fmt.Errorf("%s:%d has format_version %s, which this terrier does not know\nhint: a newer terrier wrote it; use that", Name, n, strconv.Quote(version))
	}
	if bad != nil {
		return nil, nil
	}
	modules, known := p.modules[string(r.Modules)]
	if !known {
		if len(r.Modules) > 0 && json.Unmarshal(r.Modules, &modules) != nil {
			return nil, nil
		}
		p.modules[string(r.Modules)] = modules
	}
	out := &r.Record
	out.Modules, out.Time = modules, out.Time.UTC()
	if out.check() != nil {
		return nil, nil
	}
	for _, text := range []*string{&out.FormatVersion, (*string)(&out.Action), &out.Stack, &out.Environment, &out.Account, (*string)(&out.Result), &out.By} {
		if had, ok := p.texts[*text]; ok {
			*text = had
		} else {
			p.texts[*text] = *text
		}
	}
	return out, nil
}
