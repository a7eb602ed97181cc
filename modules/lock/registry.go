package lock

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// askRegistries finds out where the versions of new registry packages are.
func (r *run) askRegistries(ctx context.Context, fresh []*pkg) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Jobs)
	for _, p := range fresh {
		if p.dead || isGit(p.address) {
			continue
		}
		r.mu.Lock()
		r.askTotal++
		r.mu.Unlock()
		g.Go(func() error {
			err := r.askRegistry(ctx, p)
			r.mu.Lock()
			r.asked++
			r.Progress("asking remotes", r.asked, r.askTotal)
			r.mu.Unlock()
			return err
		})
	}
	return g.Wait()
}

func (r *run) client() (Registry, error) {
	r.registryOnce.Do(func() {
		if r.Registry == nil {
			r.registryErr = errors.New("no registry can be asked")
			return
		}
		r.registry, r.registryErr = r.Registry()
	})
	return r.registry, r.registryErr
}

// askRegistry settles the version of a package, where that is, and what an
// archive holds.
func (r *run) askRegistry(ctx context.Context, p *pkg) error {
	if r.Offline {
		if p.locked == nil {
			r.lost(p, p.problem(NotChecked, "run `terrier lock` without --offline", "it is not in the lock file, and only the registry knows it"))
			return nil
		}
		r.place(ctx, p, p.locked.Version, p.locked.Download)
		return nil
	}
	version, address, err := r.lookUpOnce(ctx, p)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		var re *registry.Error
		if missing := errors.As(err, &re) && re.Reason == registry.ReasonMissing || errors.Is(err, errNoVersion); missing {
			text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
			r.report(p.problem(UnknownRef, hint, "%s", text))
		} else if hostDown(err) {
			host, _, _ := strings.Cut(p.address, "/")
			r.fail(host, err)
		} else {
			r.fail(p.address, err)
		}
		if p.locked == nil {
			r.lost(p)
			return nil
		}
		version, address = p.locked.Version, p.locked.Download // a mirror may have it
	}
	r.place(ctx, p, version, address)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// A registryHost is what is known of a registry.
type registryHost struct {
	mu    sync.Mutex
	asked bool
	down  error
}

// lookUpOnce is lookUp that finds out once for a host whether it answers at
// all: a host that does not is tried for seconds.
func (r *run) lookUpOnce(ctx context.Context, p *pkg) (version, address string, err error) {
	name, _, _ := strings.Cut(p.address, "/")
	r.mu.Lock()
	host := r.hosts[name]
	if host == nil {
		host = &registryHost{}
		r.hosts[name] = host
	}
	r.mu.Unlock()
	host.mu.Lock()
	if !host.asked {
		defer host.mu.Unlock()
		host.asked = true
		if version, address, err = r.lookUp(ctx, p); hostDown(err) {
			host.down = err
		}
		return version, address, err
	}
	down := host.down
	host.mu.Unlock()
	if down != nil {
		return "", "", down
	}
	return r.lookUp(ctx, p)
}

// hostDown reports whether an error is of the host, whatever it was asked.
func hostDown(err error) bool {
	var re *registry.Error
	return errors.As(err, &re) && (re.Reason == registry.ReasonHost || re.Reason == registry.ReasonDown)
}

var errNoVersion = errors.New("no version meets the constraint")

// lookUp asks which version the constraint leads to, compares, and where the
// lock's version is, or the new one.
func (r *run) lookUp(ctx context.Context, p *pkg) (version, address string, err error) {
	client, err := r.client()
	if err != nil {
		return "", "", err
	}
	part := strings.Split(p.address, "/")
	if len(part) != 4 {
		return "", "", fmt.Errorf("%s is no address of a registry module", p.address)
	}
	versions, err := client.Versions(ctx, part[0], part[1], part[2], part[3])
	if err != nil {
		return "", "", err
	}
	newest, err := registry.Newest(versions, p.ref)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", errNoVersion, err)
	}
	version = newest
	if p.locked != nil && p.locked.Version != newest {
		version = p.locked.Version
		q := p.problem(MovedRange, "`terrier lock --update "+p.word()+"` takes the new one; an exact version stays what it is",
			"the constraint %q led to version %s when it was locked, and leads to %s now", p.ref, p.locked.Version, newest)
		if p.ref == "" {
			q.Summary = fmt.Sprintf("the newest version was %s when it was locked, and is %s now", p.locked.Version, newest)
		}
		r.report(q)
	}
	address, err = client.Download(ctx, part[0], part[1], part[2], part[3], version)
	return version, address, err
}

// place reads where a version is.
func (r *run) place(ctx context.Context, p *pkg, version, address string) {
	s, err := hclparse.ParseSource(address)
	public := publicAddress(address)
	if public == "" {
		r.lost(p, p.problem(NotLockable, "", "the registry gives an address that a lock file cannot hold: %q", redacted(address)))
		return
	}
	p.version, p.download = version, public
	switch {
	case err == nil && s.Kind == hclparse.KindGit:
		p.source, p.sub = s, s.Subdir
		if remoteHelper(address) {
			r.lost(p, p.problem(UnsafeRef, "", "the registry names a remote helper of git, which runs a program"))
		}
	case !registry.IsArchive(address):
		r.lost(p, p.problem(NotLockable, "", "the registry says that it is at %q, which is neither git nor an archive", public))
	case r.Offline:
		r.lost(p, p.problem(NotChecked, "run it without --offline", "it is an archive, and of those there is no mirror"))
	default:
		client, err := r.client()
		if err == nil {
			p.archive, err = client.Archive(ctx, address)
		}
		if err == nil {
			p.sub, err = registry.Subdir(p.archive, address)
		}
		if err != nil {
			r.fail(p.address, err)
			r.lost(p)
			return
		}
		if p.sub == "." {
			p.sub = ""
		}
	}
}

// publicAddress is an address without what is secret, or for one moment only:
// of an archive the parameters stay that say what it is. "" where it cannot be
// written.
func publicAddress(address string) string {
	s, err := hclparse.ParseSource(address)
	public := address
	if err == nil && s.Kind == hclparse.KindGit {
		public = Address(s)
		if s.Subdir != "" {
			public += "//" + s.Subdir
		}
		if s.Ref != "" {
			public += "?ref=" + url.QueryEscape(s.Ref)
		}
	} else if at, query, ok := strings.Cut(address, "?"); ok {
		public = at
		values, _ := url.ParseQuery(query)
		for name := range values {
			if !slices.Contains([]string{"archive", "checksum"}, name) {
				delete(values, name)
			}
		}
		if len(values) > 0 {
			public += "?" + values.Encode()
		}
	}
	if u, err := url.Parse(public); err == nil && u.User != nil && !isGit(public) {
		u.User = nil
		public = u.String()
	}
	if strings.ContainsFunc(public, control) || redacted(public) != public || repo.RedactURL(public) != public || path.Clean(public) == "." {
		return ""
	}
	return public
}
