package repo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// A Cache is a directory of bare mirrors, shared by every terrier process of
// the user:
//
//	Dir/mirrors/NAME-DIGEST.git   a mirror; DIGEST is of its URL
//	Dir/locks/NAME-DIGEST.use     held, shared, by who reads it; its time is the last use
//	Dir/locks/NAME-DIGEST.fetch   held by who changes it
//
// The locks are the operating system's, and end with the process that holds
// them: a crash leaves nothing locked. A file system that has none (some
// network mounts) is an error.
type Cache struct {
	// Dir is absolute. It need not be there.
	Dir string
	// Silence is how long git may say nothing, its progress included, before
	// it is ended; 0 is for ever.
	Silence time.Duration
}

// A CacheEntry is one mirror of a cache.
type CacheEntry struct {
	Address  string    // the URL, without credentials; "" where the mirror is too damaged to tell
	Path     string    // absolute
	Size     int64     // bytes of its files
	LastUsed time.Time // the zero time where nobody knows
}

// CacheDir is TERRIER_CACHE_DIR, else "terrier" below os.UserCacheDir.
func CacheDir() (string, error) {
	if dir := os.Getenv("TERRIER_CACHE_DIR"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("TERRIER_CACHE_DIR: %w", err)
		}
		return abs, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no place for the cache: %w\nhint: set TERRIER_CACHE_DIR to a directory", err)
	}
	return filepath.Join(dir, "terrier"), nil
}

// Mirror gives the mirror of a git URL (what git clone takes, no "git::").
// Nothing is made or asked yet. It refuses what CheckRemoteURL refuses, but
// for a user and a password in an http or https URL, which real
// configurations do hold. They reach git as a credential helper that reads
// them from the environment of that one process, which only the user can
// see; they are in nobody's list of processes (an insteadOf would put them
// there: git names the rewritten URL to git-remote-https) and in no file.
func (c *Cache) Mirror(url string) (*Mirror, error) {
	if !filepath.IsAbs(c.Dir) {
		return nil, fmt.Errorf("the cache directory %q is not absolute", c.Dir)
	}
	plain, secret, err := takeCredentials(url)
	if err != nil {
		return nil, err
	}
	if err := CheckRemoteURL(plain); err != nil {
		return nil, err
	}
	name := mirrorName(plain)
	return &Mirror{
		cache: c, url: plain, secret: secret, name: name,
		path: filepath.Join(c.mirrors(), name), verified: map[Hash]bool{},
	}, nil
}

func (c *Cache) mirrors() string { return filepath.Join(c.Dir, "mirrors") }
func (c *Cache) locks() string   { return filepath.Join(c.Dir, "locks") }

// mirrorName is what a person can read of the URL, and what tells it from
// every other.
func mirrorName(url string) string {
	_, readable, ok := strings.Cut(url, "://")
	if !ok {
		readable = url
	}
	readable = strings.TrimSuffix(strings.TrimRight(readable, "/"), ".git")
	readable = strings.Trim(unreadable.ReplaceAllString(readable, "-"), "-.")
	if len(readable) > 60 {
		readable = strings.Trim(readable[len(readable)-60:], "-.") // the end says most
	}
	if readable == "" {
		readable = "mirror"
	}
	sum := sha256.Sum256([]byte(url))
	return readable + "-" + hex.EncodeToString(sum[:16]) + ".git"
}

var (
	unreadable = regexp.MustCompile(`[^A-Za-z0-9._]+`)
	// isMirror keeps Clean from everything that mirrorName has not named.
	isMirror = regexp.MustCompile(`^[A-Za-z0-9._-]+-[0-9a-f]{32}\.git$`)
)

// lockPoll is how often a lock that is held is tried again.
const lockPoll = 50 * time.Millisecond

// inUse takes the lock that keeps a mirror from being removed.
func (c *Cache) inUse(ctx context.Context, name string) (release func(), err error) {
	file := filepath.Join(c.locks(), name+".use")
	if err := os.MkdirAll(c.locks(), 0o700); err != nil && !readOnly(err) {
		return nil, err
	}
	l := flock.New(file)
	switch _, err := l.TryRLockContext(ctx, lockPoll); {
	case err == nil:
		now := time.Now()
		_ = os.Chtimes(file, now, now) // of another user's cache, which is shared read-only
		return func() { _ = l.Close() }, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case readOnly(err):
		return func() {}, nil // nobody can remove it from there either
	default:
		return nil, fmt.Errorf("lock the mirror %s: %w\nhint: TERRIER_CACHE_DIR names another directory", name, err)
	}
}

// readOnly tells a cache that can be read only: a layer of a container, say.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrNotExist)
}

// changing takes the lock of who changes a mirror.
func (c *Cache) changing(ctx context.Context, name string) (release func(), err error) {
	if err := errors.Join(os.MkdirAll(c.locks(), 0o700), os.MkdirAll(c.mirrors(), 0o700)); err != nil {
		return nil, fmt.Errorf("make the cache: %w\nhint: TERRIER_CACHE_DIR names another directory", err)
	}
	l := flock.New(filepath.Join(c.locks(), name+".fetch"))
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("lock the mirror %s: %w\nhint: TERRIER_CACHE_DIR names another directory", name, err)
	}
	return func() { _ = l.Close() }, nil
}

// List returns the mirrors, sorted by address. Sizes may be behind where
// another process is fetching.
func (c *Cache) List(ctx context.Context) ([]CacheEntry, error) {
	dirs, err := os.ReadDir(c.mirrors())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the cache: %w", err)
	}
	var entries []CacheEntry
	for _, d := range dirs {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if d.IsDir() && isMirror.MatchString(d.Name()) {
			entries = append(entries, c.entry(d.Name()))
		}
	}
	slices.SortFunc(entries, func(a, b CacheEntry) int {
		return cmp.Or(strings.Compare(a.Address, b.Address), strings.Compare(a.Path, b.Path))
	})
	return entries, nil
}

func (c *Cache) entry(name string) CacheEntry {
	e := CacheEntry{Path: filepath.Join(c.mirrors(), name)}
	if url, ok := configuredURL(e.Path); ok && mirrorName(url) == name {
		e.Address = RedactURL(url)
	}
	if info, err := os.Stat(filepath.Join(c.locks(), name+".use")); err == nil {
		e.LastUsed = info.ModTime()
	}
	// What goes away meanwhile has no size.
	_ = filepath.WalkDir(e.Path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			e.Size += info.Size()
		}
		return nil
	})
	return e
}

// Clean removes the mirrors that were last used longer ago than olderThan, 0
// is all of them, and what interrupted fetches have left. One that a process
// reads or fetches stays. It returns those that it has removed, sorted by
// address. Nothing but what a Cache has made is touched.
func (c *Cache) Clean(ctx context.Context, olderThan time.Duration) ([]CacheEntry, error) {
	entries, err := c.List(ctx)
	if err != nil {
		return nil, err
	}
	var removed []CacheEntry
	for _, e := range entries {
		if olderThan > 0 && !e.LastUsed.IsZero() && time.Since(e.LastUsed) < olderThan {
			continue
		}
		ok, err := c.remove(filepath.Base(e.Path), olderThan)
		if err != nil {
			return removed, fmt.Errorf("remove the mirror %s: %w", e.Path, err)
		}
		if ok {
			removed = append(removed, e)
		}
	}
	return removed, c.sweepAll()
}

// remove removes a mirror that nobody uses.
func (c *Cache) remove(name string, olderThan time.Duration) (bool, error) {
	if err := os.MkdirAll(c.locks(), 0o700); err != nil {
		return false, err
	}
	use := filepath.Join(c.locks(), name+".use")
	_, unknown := os.Stat(use) // the lock makes the file
	for _, file := range []string{filepath.Join(c.locks(), name+".fetch"), use} {
		l := flock.New(file)
		if ok, err := l.TryLock(); err != nil || !ok {
			return false, err
		}
		defer l.Close()
	}
	if info, err := os.Stat(use); err == nil && unknown == nil && time.Since(info.ModTime()) < olderThan {
		return false, nil // somebody has used it since it was listed
	}
	// First out of sight: half a mirror must not be taken for one.
	gone := filepath.Join(c.mirrors(), leftover(name)+"removed")
	if err := os.RemoveAll(gone); err != nil {
		return false, err
	}
	if err := os.Rename(filepath.Join(c.mirrors(), name), gone); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	return true, os.RemoveAll(gone)
}

// leftover is how the names of a mirror's temporary directories begin.
func leftover(name string) string { return tempPrefix + strings.TrimSuffix(name, ".git") + "." }

// sweep removes what interrupted fetches of a mirror have left. Its lock for
// changing is held.
func (c *Cache) sweep(name string) error {
	entries, err := os.ReadDir(c.mirrors())
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), leftover(name)) {
			errs = append(errs, os.RemoveAll(filepath.Join(c.mirrors(), e.Name())))
		}
	}
	lists, err := fs.Glob(os.DirFS(c.mirrors()), name+"/packed-refs.tmp-*")
	errs = append(errs, err)
	for _, list := range lists {
		errs = append(errs, os.Remove(filepath.Join(c.mirrors(), filepath.FromSlash(list))))
	}
	return errors.Join(errs...)
}

// sweepAll does so for every mirror that nobody is changing.
func (c *Cache) sweepAll() error {
	entries, err := os.ReadDir(c.mirrors())
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	var errs []error
	for _, e := range entries {
		base, ok := strings.CutPrefix(e.Name(), tempPrefix)
		dot := strings.LastIndexByte(base, '.')
		if !ok || dot < 0 || !isMirror.MatchString(base[:dot]+".git") {
			continue
		}
		l := flock.New(filepath.Join(c.locks(), base[:dot]+".git.fetch"))
		if ok, err := l.TryLock(); err == nil && ok {
			errs = append(errs, os.RemoveAll(filepath.Join(c.mirrors(), e.Name())))
			_ = l.Close()
		}
	}
	return errors.Join(errs...)
}
