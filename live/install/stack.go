package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// A stack is one that is being prepared: its directory is ours until release.
type stack struct {
	i  *Installer
	in Input

	base string // Input.Root without symlinks
	rel  string // the stack's directory below it, with slashes
	dir  string // absolute
	root *os.Root

	record    *os.Root // .terrier/init
	stampName string

	done []func()
}

// take opens a stack's directory and waits until it is ours.
func (i *Installer) take(ctx context.Context, in Input) (_ *stack, err error) {
	if !fs.ValidPath(in.Stack) || !filepath.IsAbs(in.Root) || strings.ContainsFunc(in.Stack, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("%q is no directory of a stack below %q", in.Stack, in.Root)
	}
	s := &stack{i: i, in: in}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if s.base, err = filepath.EvalSymlinks(in.Root); err != nil {
		return nil, err
	}
	if s.dir, err = filepath.EvalSymlinks(filepath.Join(s.base, filepath.FromSlash(in.Stack))); err != nil {
		return nil, fmt.Errorf("%s: %w", in.Stack, err)
	}
	rel, err := filepath.Rel(s.base, s.dir)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return nil, fmt.Errorf("%s: %w\nhint: the stack's directory is a symlink that leaves the repository", in.Stack, ErrOutside)
	}
	s.rel = filepath.ToSlash(rel)
	if s.root, err = os.OpenRoot(s.dir); err != nil {
		return nil, err
	}
	s.done = append(s.done, func() { _ = s.root.Close() })
	if err := s.openRecord(); err != nil {
		return nil, err
	}
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s, s.check()
}

// openRecord opens .terrier/init, which no symlink may lead out of.
func (s *stack) openRecord() error {
	base, err := os.OpenRoot(s.base)
	if err != nil {
		return err
	}
	defer base.Close()
	for _, name := range []string{".terrier", ".terrier/init"} {
		if err := base.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if info, err := base.Lstat(name); err != nil || !info.IsDir() {
			return fmt.Errorf("%s is no directory\nhint: move it away; the records of what was initialised belong there", filepath.Join(s.base, name))
		}
	}
	// What is recorded is nobody's to commit, and makes no tree dirty.
	if f, err := base.OpenFile(".terrier/.gitignore", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		_, err = f.WriteString("*\n")
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if s.record, err = base.OpenRoot(".terrier/init"); err != nil {
		return err
	}
	s.done = append(s.done, func() { _ = s.record.Close() })
	s.stampName = digest(s.rel)[:32] + ".json"
	return nil
}

// wait waits for the directory: in this process by a channel, which costs
// nothing, and for others by a lock of the operating system.
func (s *stack) wait(ctx context.Context) error {
	i := s.i
	for {
		i.mu.Lock()
		if i.dirs == nil {
			i.dirs = map[string]chan struct{}{}
		}
		busy := i.dirs[s.dir]
		if busy == nil {
			mine := make(chan struct{})
			i.dirs[s.dir] = mine
			i.mu.Unlock()
			s.done = append(s.done, func() {
				i.mu.Lock()
				delete(i.dirs, s.dir)
				i.mu.Unlock()
				close(mine)
			})
			break
		}
		i.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	l := flock.New(filepath.Join(s.record.Name(), strings.TrimSuffix(s.stampName, ".json")+".lock"), flock.SetPermissions(0o600))
	if _, err := l.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s: lock the stack: %w", s.in.Stack, err)
	}
	s.done = append(s.done, func() { _ = l.Close() })
	return nil
}

func (s *stack) release() {
	for len(s.done) > 0 {
		last := s.done[len(s.done)-1]
		s.done = s.done[:len(s.done)-1]
		last()
	}
}

// check refuses a .terraform that is elsewhere, and removes what a killed run
// has left in it.
func (s *stack) check() error {
	for _, name := range []string{".terraform", modulesDir, ".terraform/providers"} {
		info, err := s.root.Lstat(filepath.FromSlash(name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s: %s is a symlink: %w\nhint: remove it; each stack has its own", s.in.Stack, name, ErrOutside)
		case !info.IsDir():
			return fmt.Errorf("%s: %s is no directory\nhint: remove it", s.in.Stack, name)
		}
	}
	entries, err := fs.ReadDir(s.root.FS(), ".terraform")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			if err := s.root.RemoveAll(filepath.Join(".terraform", e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

const tempPrefix = "terrier-tmp-"
