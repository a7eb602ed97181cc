package repo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// GitReader returns a Reader that runs the user's own git: whatever store git can
// read, it can. Each Walk is one git process, and so is each call of Objects:
// ask for many at once.
func (r *Repo) GitReader(ctx context.Context) (Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &gitReader{repo: r}, nil
}

type gitReader struct {
	repo   *Repo
	closed bool
	buf    []byte // the last object's data
}

var (
	errReaderClosed = errors.New("the reader is closed")
	// errGitEnded is that git's output ended before it was complete. Why, the
	// exit code and stderr tell better.
	errGitEnded = errors.New("the output of git ended early")
)

// Close ends the reader. No process outlives a call, so there is nothing to wait for.
func (g *gitReader) Close() error {
	g.closed = true
	g.buf = nil
	return nil
}

func (g *gitReader) Walk(ctx context.Context, tip Hash, visit func(CommitInfo) error) error {
	// rev-list and not log: what log prints is the user's to configure.
	// --reverse holds back all output until the walk is complete, so a
	// missing parent is an error before anything was visited.
	args := []string{"rev-list", "--topo-order", "--reverse", "--parents", "--format=%T", "--end-of-options", tip.String(), "--"}
	var parents []Hash
	err := g.stream(ctx, args, nil, func(out *bufio.Reader) error {
		for {
			line, err := readLine(out)
			if err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			ids, ok := bytes.CutPrefix(line, []byte("commit "))
			if !ok || len(ids) < 40 {
				return fmt.Errorf("git rev-list: unexpected line %q", clip(line))
			}
			var c CommitInfo
			if c.ID, err = ParseHash(string(ids[:40])); err != nil {
				return fmt.Errorf("git rev-list: %w", err)
			}
			parents = parents[:0]
			for ids = ids[40:]; len(ids) > 0; ids = ids[41:] {
				if len(ids) < 41 || ids[0] != ' ' {
					return fmt.Errorf("git rev-list: unexpected line %q", clip(line))
				}
				p, err := ParseHash(string(ids[1:41]))
				if err != nil {
					return fmt.Errorf("git rev-list: %w", err)
				}
				parents = append(parents, p)
			}
			c.Parents = parents
			if line, err = readLine(out); err == io.EOF {
				return errGitEnded
			} else if err != nil {
				return err
			}
			if c.Tree, err = ParseHash(string(line)); err != nil {
				return fmt.Errorf("git rev-list: the tree of commit %s: %w", c.ID, err)
			}
			if err := visit(c); err != nil {
				return err
			}
		}
	})
	return asMissing(err)
}

func (g *gitReader) Objects(ctx context.Context, ids []Hash, visit func(o Object) error) error {
	if len(ids) == 0 {
		if g.closed {
			return errReaderClosed
		}
		return ctx.Err()
	}
	in := func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 32<<10)
		for _, id := range ids {
			b.WriteString(id.String())
			if err := b.WriteByte('\n'); err != nil {
				return err
			}
		}
		return b.Flush()
	}
	next := 0
	// With --buffer git collects its output in blocks instead of two writes
	// for each object. It needs the end of the input to give the last block,
	// which is why each call has a process of its own.
	err := g.stream(ctx, []string{"cat-file", "--batch", "--buffer"}, in, func(out *bufio.Reader) error {
		for ; next < len(ids); next++ {
			o, err := g.readObject(out, ids[next])
			if err != nil {
				return err
			}
			if err := visit(o); err != nil {
				return err
			}
		}
		return nil
	})
	// Where a partial clone may not fetch, git before 2.44 does not say
	// "missing" but dies, after it has given all objects before that one.
	if gitErr := (*GitError)(nil); errors.As(err, &gitErr) && next < len(ids) && strings.Contains(gitErr.Stderr, "promisor remote") {
		return &MissingObjectError{ID: ids[next]}
	}
	return err
}

// readObject reads one answer of git cat-file --batch.
func (g *gitReader) readObject(out *bufio.Reader, id Hash) (Object, error) {
	line, err := readLine(out)
	if err == io.EOF {
		return Object{}, errGitEnded
	} else if err != nil {
		return Object{}, err
	}
	name, rest, _ := bytes.Cut(line, []byte(" "))
	if string(name) != id.String() {
		return Object{}, fmt.Errorf("git cat-file: unexpected answer %q for %s", clip(line), id)
	}
	if string(rest) == "missing" {
		return Object{}, &MissingObjectError{ID: id}
	}
	kind, length, ok := bytes.Cut(rest, []byte(" "))
	size, err := strconv.Atoi(string(length))
	if !ok || err != nil || size < 0 {
		return Object{}, fmt.Errorf("git cat-file: unexpected answer %q", clip(line))
	}
	o := Object{ID: id, Type: objectType(kind)}
	// Grow to what was asked for, and give a large buffer back to the next
	// small object only while it is not out of proportion.
	if cap(g.buf) < size || cap(g.buf) > 1<<20 && size < cap(g.buf)/8 {
		g.buf = make([]byte, size, max(size, 4<<10))
	}
	o.Data = g.buf[:size]
	if _, err := io.ReadFull(out, o.Data); err != nil {
		return Object{}, readError(err)
	}
	if nl, err := out.ReadByte(); err != nil {
		return Object{}, readError(err)
	} else if nl != '\n' {
		return Object{}, fmt.Errorf("git cat-file: object %s does not end after %d bytes", id, size)
	}
	return o, nil
}

// objectType is string(kind) without an allocation for the types there are.
func objectType(kind []byte) string {
	switch string(kind) {
	case "commit":
		return "commit"
	case "tree":
		return "tree"
	case "blob":
		return "blob"
	case "tag":
		return "tag"
	}
	return string(kind)
}

// stream runs git with args. It writes to git's stdin with in, which may be
// nil, in a goroutine of its own, because git stops reading while nobody reads
// from it; out reads git's stdout. Where out fails, git is ended at once.
func (g *gitReader) stream(ctx context.Context, args []string, in func(io.Writer) error, out func(*bufio.Reader) error) error {
	if g.closed {
		return errReaderClosed
	}
	cmdCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := g.repo.command(cmdCtx, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var stdin io.WriteCloser
	if in != nil {
		if stdin, err = cmd.StdinPipe(); err != nil {
			return err
		}
	}
	if err := cmd.Start(); err != nil {
		return gitError(ctx, cmd, "", err)
	}
	written := make(chan error, 1)
	if in != nil {
		go func() {
			err := in(stdin)
			if e := stdin.Close(); err == nil {
				err = e
			}
			written <- err
		}()
	} else {
		written <- nil
	}
	outErr := out(bufio.NewReaderSize(stdout, 128<<10))
	if outErr != nil {
		if errors.Is(outErr, errGitEnded) {
			// git is about to end by itself; let it say why.
			_, _ = io.Copy(io.Discard, stdout)
		} else {
			cancel()
		}
	}
	waitErr := cmd.Wait() // also closes stdin, which frees the writer
	writeErr := <-written
	if ctx.Err() != nil {
		return gitError(ctx, cmd, "", ctx.Err())
	}
	if outErr != nil && !errors.Is(outErr, errGitEnded) {
		return outErr
	}
	if waitErr != nil {
		return gitError(ctx, cmd, stderr.String(), waitErr)
	}
	if outErr == nil {
		outErr = writeErr
	}
	if outErr != nil {
		return fmt.Errorf("git %s: %w", subcommand(cmd), outErr)
	}
	return nil
}

// readLine reads a line and returns it without its end, valid until the next
// read. io.EOF is the end between two lines; errGitEnded, the end within one.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		// A merge of thousands. A line is not longer than a commit's header.
		line = bytes.Clone(line)
		var rest []byte
		rest, err = r.ReadBytes('\n')
		line = append(line, rest...)
	}
	if err == nil {
		return line[:len(line)-1], nil
	}
	if err == io.EOF && len(line) == 0 {
		return nil, io.EOF
	}
	return nil, readError(err)
}

// readError tells git's early end from other errors of reading.
func readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errGitEnded
	}
	return err
}

// clip shortens what an error message quotes.
func clip(b []byte) []byte {
	if len(b) > 120 {
		return b[:120]
	}
	return b
}
