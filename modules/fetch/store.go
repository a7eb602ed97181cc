// Package fetch opens the files of a module at a version: of a git repository
// through its mirror, of a registry through what that gives.
//
// It knows which tag a version of a module means. It neither reads the lock
// file nor knows who calls a module; the versions of the user's own repository
// are that one's own.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Registry is what is asked of module registries; *registry.Client answers.
type Registry interface {
	Versions(ctx context.Context, host, namespace, name, system string) ([]string, error)
	Download(ctx context.Context, host, namespace, name, system, version string) (address string, err error)
	Archive(ctx context.Context, address string) (fs.FS, error)
}

// A Store opens modules at versions. It asks each remote, and each registry for
// the versions of each module, once at most, whatever is opened and compared;
// one that failed is not asked again. It may be used by several goroutines.
type Store struct {
	// Cache has the mirrors.
	Cache *repo.Cache
	// Registry is called once, and only where a registry is to be asked.
	Registry func() (Registry, error)
	// Offline says to ask nobody: what the mirrors hold is all there is.
	Offline bool
	// Progress is told how far a step is, never by two goroutines at a time; nil
	// for nobody.
	Progress func(step string, done, total int)

	mu       sync.Mutex // of the two maps, never held while somebody is asked
	remotes  map[string]*remote
	lists    map[string]*list
	client   memory[Registry]
	progress sync.Mutex
}

// A memory is what was asked for once.
type memory[T any] struct {
	mu    sync.Mutex
	asked bool
	value T
	err   error
}

// get asks where nobody has. Who waits for another's answer gets that; a
// context that has ended is no answer.
func (m *memory[T]) get(ctx context.Context, ask func() (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked {
		return m.value, m.err
	}
	value, err := ask()
	if ctx.Err() != nil {
		return value, err
	}
	m.asked, m.value, m.err = true, value, err
	return value, err
}

// A remote is one git repository.
type remote struct {
	mirror *repo.Mirror
	refs   memory[map[string]repo.Ref]
}

// A list is the versions of one registry module.
type list = memory[[]string]

// remote gives the one of a URL, credentials included.
func (s *Store) remote(url string) (*remote, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.remotes[url]; r != nil {
		return r, nil
	}
	if s.Cache == nil {
		return nil, errors.New("there is no cache for a mirror")
	}
	m, err := s.Cache.Mirror(url)
	if err != nil {
		return nil, err
	}
	if s.remotes == nil {
		s.remotes = map[string]*remote{}
	}
	r := &remote{mirror: m}
	s.remotes[url] = r
	return r, nil
}

// ask gives the refs of a remote, as repo.Mirror's Refs does, or offline those
// that its mirror knows.
func (s *Store) ask(ctx context.Context, r *remote) (map[string]repo.Ref, error) {
	return r.refs.get(ctx, func() (map[string]repo.Ref, error) {
		if s.Offline {
			return r.mirror.Known(ctx)
		}
		step := "ask " + repo.RedactURL(r.mirror.URL())
		s.tell(step, 0, 1)
		defer s.tell(step, 1, 1)
		return r.mirror.Refs(ctx)
	})
}

// Refs gives the branches and tags of a remote (see repo.Mirror's Refs, and
// Known where the store is offline) and its mirror. url is what git clone
// takes.
func (s *Store) Refs(ctx context.Context, url string) (map[string]repo.Ref, *repo.Mirror, error) {
	r, err := s.remote(url)
	if err != nil {
		return nil, nil, err
	}
	refs, err := s.ask(ctx, r)
	return refs, r.mirror, err
}

// open is the remote of a source, and its refs.
func (s *Store) open(ctx context.Context, source hclparse.Source) (*remote, map[string]repo.Ref, error) {
	url := lock.RemoteURL(source)
	if url == "" {
		return nil, nil, fmt.Errorf("%s has no address that git takes", source.Redacted())
	}
	r, err := s.remote(url)
	if err != nil {
		return nil, nil, err
	}
	refs, err := s.ask(ctx, r)
	if err == nil && s.Offline && len(refs) == 0 {
		err = fmt.Errorf("no mirror of %s is in the cache\nhint: run it once without --offline", shown(source))
	}
	return r, refs, err
}

func (s *Store) tell(step string, done, total int) {
	if s.Progress == nil {
		return
	}
	s.progress.Lock()
	defer s.progress.Unlock()
	s.Progress(step, done, total)
}

// shown is the address of a source's package in a sentence.
func shown(source hclparse.Source) string { return repo.RedactURL(lock.Address(source)) }

// registryModule is the address of a registry module.
type registryModule struct{ host, namespace, name, system string }

func registryOf(source hclparse.Source) (registryModule, error) {
	part := strings.Split(source.Repository, "/")
	if len(part) != 3 {
		return registryModule{}, fmt.Errorf("%s is no address of a registry module", source.Redacted())
	}
	return registryModule{source.Host, part[0], part[1], part[2]}, nil
}

// registry is who is asked.
func (s *Store) registry(ctx context.Context) (Registry, error) {
	return s.client.get(ctx, func() (Registry, error) {
		if s.Registry == nil {
			return nil, errors.New("no registry can be asked")
		}
		return s.Registry()
	})
}

// versions are those of a registry module.
func (s *Store) versions(ctx context.Context, client Registry, m registryModule) ([]string, error) {
	id := strings.Join([]string{m.host, m.namespace, m.name, m.system}, "/")
	s.mu.Lock()
	if s.lists == nil {
		s.lists = map[string]*list{}
	}
	l := s.lists[id]
	if l == nil {
		l = &list{}
		s.lists[id] = l
	}
	s.mu.Unlock()
	return l.get(ctx, func() ([]string, error) {
		return client.Versions(ctx, m.host, m.namespace, m.name, m.system)
	})
}
