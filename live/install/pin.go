package install

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"unicode"

	goversion "github.com/hashicorp/go-version"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A leave is a reason to leave a stack's modules to terraform init.
type leave struct{ why string }

func (l leave) Error() string { return l.why }

func leaveIt(format string, args ...any) error { return leave{fmt.Sprintf(format, args...)} }

// A pinned is a package that a call leads to, at a commit.
type pinned struct {
	pkg     *pkg
	key     string // the address that terraform copies an earlier download by
	sub     string // the directory in the package that the call leads to
	version string // of a registry
	ref     string // as the lock file has it
	locked  bool
}

// lookup finds what the lock file has of a call. Where there is a lock file
// and it has nothing, that is a *NotLocked.
func (i *Installer) lookup(stack, key string, c *hclparse.Call) (address, ref string, e *lock.Entry, err error) {
	address, ref = lock.Address(c.Source), c.Source.Ref
	if c.Source.Kind == hclparse.KindRegistry {
		ref = c.Version
	}
	if i.Lock == nil || address == "" {
		return address, ref, nil, nil
	}
	if e = i.Lock.Find(address, ref); e == nil {
		line := c.Block.Start.Line
		if c.HasSource {
			line = c.SourceRange.Start.Line
		}
		err = &NotLocked{Stack: stack, Key: key, Source: address, Ref: ref, File: c.File.Path, Line: line}
	}
	return address, ref, e, err
}

// pin decides which package and commit a call means. An error of type leave
// says that terraform init is to decide.
func (i *Installer) pin(ctx context.Context, stack, key string, c *hclparse.Call) (*pinned, error) {
	switch c.Source.Kind {
	case hclparse.KindGit, hclparse.KindRegistry:
	default:
		return nil, leaveIt("the source of module %q is neither of git nor of a registry: %s", key, c.Source.Redacted())
	}
	_, ref, e, err := i.lookup(stack, key, c)
	if err != nil {
		return nil, err
	}
	p := &pinned{ref: ref, locked: e != nil, sub: c.Source.Subdir}
	source := c.Source
	if c.Source.Kind == hclparse.KindRegistry {
		var download string
		if e != nil {
			p.version, download = e.Version, e.Download
		} else if p.version, download, err = i.askRegistry(ctx, c); err != nil {
			return nil, err
		}
		v, err := goversion.NewVersion(p.version)
		if err != nil {
			return nil, leaveIt("module %q has a version that is none: %q", key, p.version)
		}
		p.version = v.String()
		if source, err = hclparse.ParseSource(download); err != nil || source.Kind != hclparse.KindGit {
			return nil, leaveIt("the registry of module %q gives an archive", key)
		}
		p.sub = joinSub(source.Subdir, c.Source.Subdir)
		if strings.ContainsFunc(c.Source.Host, func(r rune) bool { return r > unicode.MaxASCII || r < ' ' }) || strings.Contains(c.Source.Host, "xn--") {
			return nil, leaveIt("the registry of module %q has a name that is not ASCII", key)
		}
	}
	p.key = source.Package
	if strings.ContainsAny(p.sub, `*?[\`) {
		return nil, leaveIt("the directory of module %q is a pattern", key)
	}
	if err := plainQuery(key, source); err != nil {
		return nil, err
	}
	remote := lock.RemoteURL(source)
	if remote == "" {
		return nil, leaveIt("the source of module %q has no address that git takes", key)
	}
	m, err := i.Cache.Mirror(remote)
	if err != nil {
		return nil, fmt.Errorf("%s: module %q: %w", stack, key, err) // what no git may be given, terraform's may not either
	}
	if strings.HasPrefix(source.Ref, "-") || strings.ContainsFunc(source.Ref, unicode.IsControl) {
		return nil, fmt.Errorf("%s: module %q: git would not take the ref for one\nhint: name a tag or a full commit", stack, key)
	}
	commit, err := i.commit(ctx, stack, key, m, remote, source, e)
	if err != nil {
		return nil, err
	}
	p.pkg, err = i.pkg(ctx, m, commit)
	return p, err
}

// joinSub is the subdirectory of a registry module: what the registry says,
// and what the call says.
func joinSub(a, b string) string { return strings.Trim(a+"/"+b, "/") }

// plainQuery leaves sources to terraform that its git is asked for in a way
// that a mirror cannot know.
func plainQuery(key string, s hclparse.Source) error {
	seen := map[string]bool{}
	for _, q := range s.Query {
		name, err := url.QueryUnescape(q.Key)
		if err != nil || name != "ref" && name != "depth" {
			return leaveIt("the source of module %q has a parameter that only terraform knows what to do with: %s", key, name)
		}
		if seen[name] {
			return leaveIt("the source of module %q has the parameter %s twice", key, name)
		}
		seen[name] = true
	}
	return nil
}

// commit decides which commit of a repository is meant: the lock's, or where
// there is no lock what the remote says now. With an entry, and its commit in
// the mirror, nobody is asked.
func (i *Installer) commit(ctx context.Context, stack, key string, m *repo.Mirror, remote string, s hclparse.Source, e *lock.Entry) (repo.Hash, error) {
	if e != nil {
		return i.lockedCommit(ctx, stack, key, m, remote, s, e)
	}
	refs, _, err := i.fetcher().Refs(ctx, remote)
	if err != nil {
		return repo.Hash{}, fmt.Errorf("%s: module %q: %w", stack, key, err)
	}
	kind, id, err := lock.Meaning(ctx, m, refs, s, i.Offline)
	switch {
	case errors.Is(err, lock.ErrMeaning):
		return id, leaveIt("the ref of module %q: %v", key, err)
	case err != nil:
		return id, fmt.Errorf("%s: module %q: %w", stack, key, err)
	}
	if !i.Offline {
		if err := i.ensure(ctx, m, repo.Want{Ref: s.Ref, Commit: id}); err != nil {
			if re := (*repo.RemoteError)(nil); errors.As(err, &re) && re.Trouble == repo.TroubleUnreachable {
				return id, leaveIt("the ref of module %q is a commit that the remote does not give", key)
			}
			return id, fmt.Errorf("%s: module %q: %w", stack, key, err)
		}
	}
	if kind != lock.KindCommit {
		return id, nil
	}
	// A clone has what branches and tags lead to, and no more.
	if r, err := m.Resolve(ctx, id.String()); err != nil || r != id {
		return id, leaveIt("the ref of module %q is the id of something that is no commit", key)
	}
	loose, err := m.Unreached(ctx, refs, id)
	if err != nil {
		return id, fmt.Errorf("%s: module %q: %w", stack, key, err)
	}
	if len(loose) > 0 {
		return id, leaveIt("the ref of module %q is a commit that no branch and no tag leads to", key)
	}
	return id, nil
}

func (i *Installer) lockedCommit(ctx context.Context, stack, key string, m *repo.Mirror, remote string, s hclparse.Source, e *lock.Entry) (repo.Hash, error) {
	if e.Commit == "" {
		return repo.Hash{}, leaveIt("the lock file has no commit for module %q", key)
	}
	id, err := repo.ParseHash(e.Commit)
	if err != nil {
		return id, fmt.Errorf("%s: module %q: the lock file: %w", stack, key, err)
	}
	moved := func(refs map[string]repo.Ref) error {
		// A branch goes on, and the lock says from where it is used. A tag
		// that moves is another thing.
		if e.Kind == lock.KindCommit || e.Kind == lock.KindBranch || e.Kind == lock.KindDefault {
			return nil
		}
		_, now, err := lock.Meaning(ctx, m, refs, s, true)
		if err == nil && now != id {
			return &LockMismatch{Stack: stack, Key: key, Source: e.Address, Ref: e.Ref, Locked: e.Commit, Found: now.String()}
		}
		return nil // it is gone, and its commit is what was locked
	}
	if i.has(ctx, m, id) {
		known, err := m.Known(ctx)
		if err != nil {
			return id, err
		}
		return id, moved(known)
	}
	if i.Offline {
		return id, fmt.Errorf("%s: module %q: commit %.12s of %s is in no mirror\nhint: run it once without --offline", stack, key, e.Commit, e.Address)
	}
	// A fetch brings all branches and tags, and what they lead to now.
	err = i.ensure(ctx, m, repo.Want{Ref: e.Ref, Commit: id})
	if ctx.Err() != nil {
		return id, context.Cause(ctx)
	}
	known, e2 := m.Known(ctx)
	if e2 == nil {
		if err := moved(known); err != nil {
			return id, err
		}
	}
	if err != nil {
		return id, fmt.Errorf("%s: module %q: %w", stack, key, err)
	}
	return id, nil
}

// ensure takes a commit into a mirror, after which that may know more.
func (i *Installer) ensure(ctx context.Context, m *repo.Mirror, want repo.Want) error {
	err := m.Ensure(ctx, want)
	i.mu.Lock()
	delete(i.known, m.Path())
	i.mu.Unlock()
	return err
}

// has reports whether a commit is in a mirror, whole; it is read once.
func (i *Installer) has(ctx context.Context, m *repo.Mirror, id repo.Hash) bool {
	i.mu.Lock()
	p := i.pkgs[pkgKey{m.Path(), id.String()}]
	i.mu.Unlock()
	return p != nil || m.Has(ctx, id)
}

// pkg is the package of a mirror at a commit, opened once.
func (i *Installer) pkg(ctx context.Context, m *repo.Mirror, id repo.Hash) (*pkg, error) {
	key := pkgKey{m.Path(), id.String()}
	i.mu.Lock()
	if i.pkgs == nil {
		i.pkgs = map[pkgKey]*pkg{}
	}
	p := i.pkgs[key]
	if p == nil {
		p = &pkg{mirror: m, commit: id}
		i.pkgs[key] = p
	}
	i.mu.Unlock()
	return p, p.open(ctx)
}

// fetcher asks remotes, once each.
func (i *Installer) fetcher() *fetch.Store {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.store == nil {
		i.store = &fetch.Store{Cache: i.Cache, Offline: i.Offline}
	}
	return i.store
}

// An answer is what was asked once. Who asks meanwhile waits for it.
type answer struct {
	mu              sync.Mutex
	done            bool
	version, source string
	err             error
}

// askRegistry finds the newest version that a call allows, and where it is.
func (i *Installer) askRegistry(ctx context.Context, c *hclparse.Call) (version, address string, err error) {
	if i.Offline || i.Registry == nil {
		return "", "", fmt.Errorf("only its registry knows where %s is\nhint: lock it with `terrier lock`, or run it without --offline", c.Source.Redacted())
	}
	key := c.Source.Package + " " + c.Version
	i.mu.Lock()
	if i.asked == nil {
		i.asked = map[string]*answer{}
	}
	a := i.asked[key]
	if a == nil {
		a = &answer{}
		i.asked[key] = a
	}
	i.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.done {
		a.version, a.source, a.err = i.lookUp(ctx, c)
		a.done = ctx.Err() == nil
	}
	return a.version, a.source, a.err
}

func (i *Installer) lookUp(ctx context.Context, c *hclparse.Call) (version, address string, err error) {
	i.registryOnce.Do(func() { i.registry, i.registryErr = i.Registry() })
	if i.registryErr != nil {
		return "", "", i.registryErr
	}
	part := strings.Split(c.Source.Repository, "/")
	if len(part) != 3 {
		return "", "", leaveIt("%s is no address of a registry module", c.Source.Redacted())
	}
	versions, err := i.registry.Versions(ctx, c.Source.Host, part[0], part[1], part[2])
	if err != nil {
		return "", "", err
	}
	if version, err = registry.Newest(versions, c.Version); err != nil {
		return "", "", leaveIt("no version of %s is what the call allows: %v", c.Source.Redacted(), err)
	}
	address, err = i.registry.Download(ctx, c.Source.Host, part[0], part[1], part[2], version)
	return version, address, err
}

// Close lets go of the packages that are open. Nobody may prepare a stack any
// more.
func (i *Installer) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	var errs []error
	for _, p := range i.pkgs {
		if p.tree != nil {
			errs = append(errs, p.tree.Close())
		}
	}
	i.pkgs = nil
	return errors.Join(errs...)
}

// seenMoved finds a moved tag among what is known without asking: the mirror
// was fetched since.
func (i *Installer) seenMoved(ctx context.Context, stack string, m stampModule, e *lock.Entry) error {
	if e.Kind != lock.KindTag {
		return nil
	}
	source, err := hclparse.ParseSource(e.Address + "?ref=" + url.QueryEscape(e.Ref))
	if err != nil {
		return nil
	}
	mirror, err := i.Cache.Mirror(lock.RemoteURL(source))
	if err != nil {
		return nil
	}
	i.mu.Lock()
	refs := i.known[mirror.Path()]
	i.mu.Unlock()
	if refs == nil {
		if refs, err = mirror.Known(ctx); err != nil {
			return err
		}
		i.mu.Lock()
		if i.known == nil {
			i.known = map[string]map[string]repo.Ref{}
		}
		i.known[mirror.Path()] = refs
		i.mu.Unlock()
	}
	if _, now, err := lock.Meaning(ctx, mirror, refs, source, true); err == nil && now.String() != e.Commit {
		return &LockMismatch{Stack: stack, Key: m.Key, Source: e.Address, Ref: e.Ref, Locked: e.Commit, Found: now.String()}
	}
	return nil
}
