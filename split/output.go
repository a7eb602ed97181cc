package split

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The two files that Terrier keeps in an output directory beside the
// repositories.
const (
	journalName = ".terrier-split.json" // there while a split is under way
	resultName  = "split.json"          // there when it is done
)

// FormatVersion is the version of every JSON document of this package.
const FormatVersion = "1.0"

// ErrOccupied is returned where an output directory holds something else. It
// is left untouched.
var ErrOccupied = errors.New("the output directory holds something else")

// A journal binds an output directory to one plan.
type journal struct {
	FormatVersion string `json:"format_version"`
	Digest        string `json:"digest"`
	Commit        string `json:"commit"`
}

// Digest identifies the plan: the same input gives the same digest.
func (p *Plan) Digest() string { return digest(p) }

// CheckOutside refuses an output directory inside the monorepo (its work tree
// or its git directory), which the split would then be part of.
func CheckOutside(out, root, gitDir string) error {
	if out == "" {
		return errors.New("--out names no directory\nhint: --out ../split")
	}
	if strings.ContainsAny(out, "\n\r") {
		return fmt.Errorf("the output directory %q holds a line break, which neither git nor a source can name\nhint: choose another, --out ../split", out)
	}
	real := realPath(out)
	for _, dir := range []string{root, gitDir} {
		if dir == "" {
			continue
		}
		rel, err := filepath.Rel(realPath(dir), real)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return fmt.Errorf("the output directory %s is inside the monorepo %s\nhint: choose a directory outside it, --out ../split", out, dir)
		}
	}
	return nil
}

// realPath resolves the symlinks of the longest part of p that exists.
func realPath(p string) string {
	p, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	rest := ""
	for d := p; ; d = filepath.Dir(d) {
		if r, err := filepath.EvalSymlinks(d); err == nil {
			return filepath.Join(r, rest)
		}
		rest = filepath.Join(filepath.Base(d), rest)
		if filepath.Dir(d) == d {
			return p
		}
	}
}

// Claim makes dir ready for p: a new or empty directory gets a journal, one
// with this plan's journal or result goes on, any other is ErrOccupied.
//
// Until release is called no other run can claim dir. Where one has it, wait
// is called once, and Claim goes on when that run and every process that it
// started have ended, or ctx.
func Claim(ctx context.Context, dir string, p *Plan, wait func()) (release func(), err error) {
	const hint = "\nhint: name a directory that can be made and written, as in --out ../split"
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("the output directory %q: %w"+hint, dir, err)
	}
	if release, err = lockDir(ctx, dir, wait); err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := claim(dir, p); err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
			err = fmt.Errorf("the output directory %q: %w"+hint, dir, err)
		}
		release()
		return nil, err
	}
	return release, nil
}

func claim(dir string, p *Plan) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err != nil:
		return err
	case len(entries) > 0:
		for _, name := range []string{journalName, resultName} {
			var j journal
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			if json.Unmarshal(b, &j) != nil || j.Digest == "" {
				continue
			}
			if j.Digest != p.Digest() {
				return fmt.Errorf("%w: %s is a split of commit %.12s with another plan\nhint: choose another --out, or remove that directory yourself", ErrOccupied, dir, j.Commit)
			}
			return nil
		}
		// A kill between the directory and the journal's rename leaves only
		// the journal's temp file.
		if len(entries) != 1 || entries[0].Name() != journalName+".tmp" {
			return fmt.Errorf("%w: %s (%s …)\nhint: choose an empty or a new directory", ErrOccupied, dir, entries[0].Name())
		}
	}
	return writeJSON(filepath.Join(dir, journalName), journal{FormatVersion, p.Digest(), p.Commit})
}

// A Document is DIR/split.json: the plan, what was written, and the proof.
type Document struct {
	FormatVersion string `json:"format_version"`
	Digest        string `json:"digest"` // of the plan
	// DocumentDigest is that of all the rest of the document, so that one
	// that was altered is known.
	DocumentDigest string `json:"document_digest"`
	Plan
	Result Result `json:"result"`
	Proof  *Proof `json:"proof"`
}

// NewDocument puts together what a finished split has to say.
func NewDocument(p *Plan, r *Result, proof *Proof) *Document {
	d := &Document{FormatVersion: FormatVersion, Digest: p.Digest(), Plan: *p, Result: *r, Proof: proof}
	d.DocumentDigest = d.digest()
	return d
}

// digest is independent of how the document is laid out.
func (d Document) digest() string {
	d.DocumentDigest = ""
	return digest(d)
}

func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("split: it is plain data: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Finish writes DIR/split.json and takes the journal away.
func Finish(dir string, p *Plan, r *Result, proof *Proof) error {
	if err := writeJSON(filepath.Join(dir, resultName), NewDocument(p, r, proof)); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, journalName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func writeJSON(file string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	return writeFile(file, b.Bytes(), true)
}

// writeFile writes a whole file or none. Where durable is set it waits until
// the disk has it: what a loss of power must not take away. The same command
// writes all else again, and waiting for each of thousands takes minutes.
func writeFile(file string, data []byte, durable bool) error {
	tmp := file + ".tmp"
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && durable {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}
