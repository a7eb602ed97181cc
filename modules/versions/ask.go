package versions

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// Remotes are asked for the refs of git repositories, and remember the answers;
// *fetch.Store is one.
type Remotes interface {
	Refs(ctx context.Context, url string) (map[string]repo.Ref, *repo.Mirror, error)
}

func identity(s hclparse.Source) string { return modules.Identity(s) }

// A Registry is what is asked of module registries; *registry.Client answers.
type Registry interface {
	Versions(ctx context.Context, host, namespace, name, system string) ([]string, error)
}

// An Asker is whom Ask and Unchanged ask.
type Asker struct {
	Cache *repo.Cache
	// Remotes answer in the place of the cache's mirrors, so that who opens
	// modules afterwards does not ask again; nil for none.
	Remotes Remotes
	// Registry is called once, and only where a registry is to be asked.
	Registry func() (Registry, error)
	// Offline says to ask nobody: what the mirrors knew when they were fetched
	// is all there is.
	Offline bool
	// Jobs is how many are asked at a time; 0 is a good number.
	Jobs int
	// Progress is told how far a step is; nil for nobody.
	Progress func(step string, done, total int)
}

const jobs = 8

// A question is one repository, or one registry module, that is asked once for
// all modules in it.
type question struct {
	id       string
	registry bool
	modules  []*Module
	urls     []string            // of git, credentials included: the spellings, most used first
	names    map[string]string   // of each URL the package's address (lock.Address)
	moved    Moved               // zero where its forge has it where the sources say
	refs     map[string]repo.Ref // of git, once they are known
}

// Ask learns the releases of every module: each repository and each registry
// module is asked once, whatever the number of calls, in parallel. Where
// several spellings of one repository are in use, the next is asked when one
// cannot be read. What does not answer is a Failure of the set; the error is
// the context's.
func (s *Set) Ask(ctx context.Context, a Asker) error {
	all := s.questions()
	var mu sync.Mutex
	done := 0
	hosts := &hosts{}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(a.Jobs, jobs))
	client := sync.OnceValues(func() (Registry, error) {
		if a.Registry == nil {
			return nil, errors.New("no registry can be asked")
		}
		return a.Registry()
	})
	for _, q := range all {
		g.Go(func() error {
			found, whole, err := a.ask(inner, q, client, hosts)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			mu.Lock()
			defer mu.Unlock()
			if done++; a.Progress != nil {
				a.Progress("asking remotes", done, len(all))
			}
			if q.moved != (Moved{}) {
				s.Moved = append(s.Moved, q.moved)
			}
			if err != nil {
				s.fail(q, err)
				return nil
			}
			for _, m := range q.modules {
				m.learn(found, whole)
				m.refs = q.refs
			}
			return nil
		})
	}
	err := g.Wait()
	slices.SortFunc(s.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Summary, b.Summary))
	})
	s.Failures = slices.Compact(s.Failures)
	slices.SortFunc(s.Moved, func(a, b Moved) int { return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.To, b.To)) })
	s.Moved = slices.Compact(s.Moved)
	return err
}

// Cached learns what the mirrors in the cache know, with no network.
func (s *Set) Cached(ctx context.Context, cache *repo.Cache) error {
	a := Asker{Cache: cache, Offline: true}
	for _, q := range s.questions() {
		if q.registry {
			continue
		}
		found, whole, err := a.ask(ctx, q, nil, nil)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			continue // no mirror can be: it knows nothing
		}
		for _, m := range q.modules {
			m.learn(found, whole)
			m.refs = q.refs
		}
	}
	return nil
}

func (s *Set) questions() []*question {
	byID := map[string]*question{}
	var out []*question
	for _, m := range s.Modules {
		q := byID[m.repository]
		if q == nil {
			q = &question{id: m.repository, registry: m.Registry}
			byID[m.repository] = q
			out = append(out, q)
		}
		q.modules = append(q.modules, m)
	}
	for _, q := range out {
		times := map[string]int{}
		q.names = map[string]string{}
		for _, m := range q.modules {
			for _, u := range m.every {
				if url := lock.RemoteURL(u.Call.Source); url != "" {
					times[url]++
					q.names[url] = lock.Address(u.Call.Source)
				}
			}
		}
		for url := range times {
			q.urls = append(q.urls, url)
		}
		slices.SortFunc(q.urls, func(a, b string) int { return cmp.Or(cmp.Compare(times[b], times[a]), cmp.Compare(a, b)) })
	}
	slices.SortFunc(out, func(a, b *question) int { return strings.Compare(a.id, b.id) })
	return out
}

func (s *Set) fail(q *question, err error) {
	text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
	source := q.modules[0].Source
	if hostDown(err) {
		source, _, _ = strings.Cut(q.id, "/")
	}
	s.Failures = append(s.Failures, Failure{Source: hclparse.Redact(source), Summary: text, Hint: hint})
}

// ask is the releases of one repository or registry module.
func (a *Asker) ask(ctx context.Context, q *question, client func() (Registry, error), hosts *hosts) ([]*Release, bool, error) {
	if q.registry {
		if a.Offline {
			return nil, false, nil
		}
		return askRegistry(ctx, q, client, hosts)
	}
	var first error
	for _, url := range q.urls {
		refs, mirror, err := a.refs(ctx, url)
		if err == nil && (len(refs) > 0 || !a.Offline) {
			if to := mirror.Redirected(); to != "" {
				q.moved = Moved{Source: hclparse.Redact(q.names[url]), To: to}
			}
			q.refs = refs
			return tagsOf(refs), true, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
	}
	return nil, false, first
}

func (a *Asker) refs(ctx context.Context, url string) (map[string]repo.Ref, *repo.Mirror, error) {
	if a.Remotes != nil && !a.Offline {
		return a.Remotes.Refs(ctx, url)
	}
	m, err := a.Cache.Mirror(url)
	if err != nil {
		return nil, nil, err
	}
	if a.Offline {
		refs, err := m.Known(ctx)
		return refs, m, err
	}
	refs, err := m.Refs(ctx)
	return refs, m, err
}

// hosts remembers which registries do not answer: one that is down is tried
// for seconds, and must not be for each of its modules.
type hosts struct {
	mu    sync.Mutex
	known map[string]*host
}

type host struct {
	mu    sync.Mutex
	asked bool
	down  error
}

func (h *hosts) get(name string) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[string]*host{}
	}
	if h.known[name] == nil {
		h.known[name] = &host{}
	}
	return h.known[name]
}

func askRegistry(ctx context.Context, q *question, client func() (Registry, error), hosts *hosts) ([]*Release, bool, error) {
	c, err := client()
	if err != nil {
		return nil, false, err
	}
	part := strings.Split(q.id, "/")
	if len(part) != 4 {
		return nil, false, errors.New("this is no address of a registry module")
	}
	versions := func() ([]string, error) { return c.Versions(ctx, part[0], part[1], part[2], part[3]) }
	h := hosts.get(part[0])
	h.mu.Lock()
	if h.asked {
		down := h.down
		h.mu.Unlock()
		if down != nil {
			return nil, false, down
		}
	} else {
		// The others of this host wait for its first answer.
		list, err := versions()
		h.asked = true
		if hostDown(err) {
			h.down = err
		}
		h.mu.Unlock()
		return registryReleases(list), err == nil, err
	}
	list, err := versions()
	return registryReleases(list), err == nil, err
}

func registryReleases(list []string) []*Release {
	var out []*Release
	for _, text := range list {
		if r := newVersion(text); r != nil {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, compareReleases)
	return out
}

func hostDown(err error) bool {
	var re *registry.Error
	return errors.As(err, &re) && (re.Reason == registry.ReasonHost || re.Reason == registry.ReasonDown)
}
