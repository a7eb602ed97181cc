package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split"
)

// lintFacts are what lint knows beside the files that it judges.
type lintFacts struct {
	lock   *lock.File
	refs   map[string]map[string]repo.Ref
	since  func(*lock.Entry) string
	copies map[string]lint.Copy
	errors []string // what could not be asked
	today  time.Time
}

// gatherFacts reads the lock file and the list of copies, and asks the
// remotes where that was wanted.
func (l *lintRun) gatherFacts(ctx context.Context) error {
	l.facts.today = time.Now().UTC()
	if err := l.knowLock(ctx); err != nil {
		return err
	}
	if err := l.readCopies(); err != nil {
		return err
	}
	if l.o.remote {
		return l.askRemotes(ctx)
	}
	return nil
}

// knowLock reads the lock file, where there is one, and says since when it has
// what it has.
func (l *lintRun) knowLock(ctx context.Context) error {
	file, err := l.readLock(l.cfg.Root)
	if file == nil || err != nil {
		return err
	}
	l.facts.lock = file
	l.facts.since = func(e *lock.Entry) string {
		r, err := repo.Open(ctx, l.root)
		if r == nil || err != nil && !errors.Is(err, repo.ErrShallow) {
			return ""
		}
		since, err := lock.SinceOf(ctx, r, l.cfg.Root, e)
		switch {
		case since == nil || err != nil:
			return ""
		case since.Commit == "":
			return "not committed yet"
		case since.AtLeast:
			return fmt.Sprintf("at least since %s", day(since.When))
		}
		return fmt.Sprintf("since %s (commit %.12s)", day(since.When), since.Commit)
	}
	return nil
}

func day(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.DateOnly) }

// readCopies takes from split.json which files of this repository are copies.
func (l *lintRun) readCopies() error {
	file := l.cfg.Lint.Split
	if file == "" {
		return nil
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(l.cfg.Root, filepath.FromSlash(file))
	}
	doc, err := split.ReadDocument(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("the rule copied-file-differs: %w", err)
	}
	l.facts.copies = map[string]lint.Copy{}
	found := false
	var names []string
	take := func(repository, root string, copies []split.Copy) {
		names = append(names, repository)
		if repository != l.cfg.Lint.Repository {
			return
		}
		found = true
		for _, c := range copies {
			p := strings.TrimPrefix(strings.TrimPrefix(c.Path, root), "/")
			if root == "." {
				p = c.Path
			}
			l.facts.copies[p] = lint.Copy{Owner: c.Owner, Digest: c.Digest}
		}
	}
	for _, p := range doc.Packages {
		take(p.Repository, p.Root, p.Copies)
	}
	for _, live := range doc.Live {
		take(live.Repository, live.Root, live.Copies)
	}
	if !found {
		return fmt.Errorf("the rule copied-file-differs: %s has no repository %q\nhint: it has %s", l.cfg.Lint.Split, l.cfg.Lint.Repository, list(names))
	}
	return nil
}

// maxAsked is how many remotes are asked at once.
const maxAsked = 8

// askRemotes asks each repository that a call names, once. One that does not
// answer is an error of the run, and the rest is judged nevertheless.
func (l *lintRun) askRemotes(ctx context.Context) error {
	dir, err := repo.CacheDir()
	if err != nil {
		return err
	}
	cache := &repo.Cache{Dir: dir, Silence: time.Minute}
	addresses := map[string]bool{}
	for _, c := range lint.Calls(l.load(l.fsys)) {
		if c.Known && c.Source.Kind == hclparse.KindGit {
			addresses[lock.Address(c.Source)] = true
		}
	}
	for _, address := range l.packageAddresses() {
		addresses[address] = true
	}
	delete(addresses, "")
	bar := l.progress()
	defer bar.Done()
	step, done := bar.Step("ask remotes"), 0
	l.facts.refs = map[string]map[string]repo.Ref{}
	var mu sync.Mutex
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(maxAsked)
	for _, address := range sorted(addresses) {
		group.Go(func() error {
			refs, err := askRemote(inner, cache, address)
			mu.Lock()
			defer mu.Unlock()
			done++
			step(done, len(addresses))
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil:
				text, _, _ := strings.Cut(err.Error(), "\nhint: ")
				if url := repo.RedactURL(strings.TrimPrefix(address, "git::")); !strings.HasPrefix(text, url+": ") {
					text = url + ": " + text
				}
				l.facts.errors = append(l.facts.errors, text)
			default:
				l.facts.refs[address] = refs
			}
			return nil
		})
	}
	err = group.Wait()
	sort.Strings(l.facts.errors)
	return err
}

func askRemote(ctx context.Context, cache *repo.Cache, address string) (map[string]repo.Ref, error) {
	m, err := cache.Mirror(strings.TrimPrefix(address, "git::"))
	if err != nil {
		return nil, err
	}
	return m.Refs(ctx)
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
