package split

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxDocument is the largest split.json that is read, in bytes: that of 20,000
// modules has some 50 MB.
const maxDocument = 1 << 30

// ErrAltered is returned for a split.json that is not as it was written.
var ErrAltered = errors.New("it is not as a finished split wrote it")

// ReadDocument reads DIR/split.json back, and nothing else. What it returns
// can be handed to Verify, which looks everything up.
func ReadDocument(dir string) (*Document, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such directory\nhint: name the directory that was given to terrier split --out", dir)
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file := filepath.Join(dir, resultName)
	f, err := root.Open(resultName) // no symlink leads out of dir
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := root.Lstat(journalName); err == nil {
			return nil, fmt.Errorf("%s is a split that is not finished\nhint: the same terrier split command again completes it", dir)
		}
		return nil, fmt.Errorf("%s: there is no %s\nhint: name the directory that was given to terrier split --out", dir, resultName)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxDocument {
		return nil, fmt.Errorf("%s is no file that a split writes", file)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d, err := parseDocument(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w\nhint: restore it, or run terrier split again into another directory", file, err)
	}
	return d, nil
}

func parseDocument(data []byte) (*Document, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	// A field that is not known would be covered by no digest.
	dec.DisallowUnknownFields()
	var head struct {
		FormatVersion string `json:"format_version"`
	}
	if json.Unmarshal(data, &head) == nil && head.FormatVersion != FormatVersion {
		return nil, fmt.Errorf("its format version is %q, and this terrier reads %q", head.FormatVersion, FormatVersion)
	}
	d := &Document{}
	if err := dec.Decode(d); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrAltered, strings.TrimPrefix(err.Error(), "json: "))
	}
	if dec.More() {
		return nil, fmt.Errorf("%w: something follows it", ErrAltered)
	}
	switch {
	case d.DocumentDigest != d.digest():
		return nil, fmt.Errorf("%w: its document_digest is not that of its content", ErrAltered)
	case d.Digest != d.Plan.Digest():
		return nil, fmt.Errorf("%w: its digest is not that of its plan", ErrAltered)
	}
	return d, d.fits()
}

// fits refuses a document whose parts do not belong together. Its ids and
// paths are judged where they are used.
func (d *Document) fits() error {
	if len(d.Packages) != len(d.Result.Packages) || len(d.Live) != len(d.Result.Live) || d.Proof == nil {
		return fmt.Errorf("%w: its plan and its result do not belong together", ErrAltered)
	}
	for i, p := range d.Packages {
		if p == nil || p.Name != d.Result.Packages[i].Name {
			return fmt.Errorf("%w: package %d of its plan is not that of its result", ErrAltered, i+1)
		}
		if !isPlace(p.Repository) {
			return fmt.Errorf("%w: %q is no place for a repository below it", ErrAltered, p.Repository)
		}
	}
	for i, l := range d.Live {
		if l == nil || l.Name != d.Result.Live[i].Name {
			return fmt.Errorf("%w: live repository %d of its plan is not that of its result", ErrAltered, i+1)
		}
		if !isPlace(l.Repository) {
			return fmt.Errorf("%w: %q is no place for a repository below it", ErrAltered, l.Repository)
		}
	}
	for i, b := range d.Blocked {
		if b == nil {
			return fmt.Errorf("%w: blocked module %d is none", ErrAltered, i+1)
		}
	}
	for i, s := range d.Stacks {
		if s == nil {
			return fmt.Errorf("%w: stack %d is none", ErrAltered, i+1)
		}
	}
	return nil
}

// isPlace reports whether a repository can be at p, below the output directory.
func isPlace(p string) bool {
	return p != "." && path.Clean(p) == p && filepath.IsLocal(filepath.FromSlash(p))
}
