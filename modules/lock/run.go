package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Registry is what is asked of module registries; *registry.Client answers.
type Registry interface {
	Versions(ctx context.Context, host, namespace, name, system string) ([]string, error)
	Download(ctx context.Context, host, namespace, name, system, version string) (address string, err error)
	Archive(ctx context.Context, address string) (fs.FS, error)
}

// Remotes are asked for the refs of git repositories, and remember the answers.
type Remotes interface {
	Refs(ctx context.Context, url string) (map[string]repo.Ref, *repo.Mirror, error)
}

// A Config is how Run works.
type Config struct {
	Cache *repo.Cache
	// Remotes answer in the place of the cache's mirrors, where others have asked
	// already; nil for none. Offline they are not asked.
	Remotes Remotes
	// Registry is called once, and only where there is a registry call.
	Registry func() (Registry, error)
	// Check says to compare only: what has no entry gets none.
	Check bool
	// Offline says to ask neither remotes nor registries: what the mirrors
	// hold is all there is.
	Offline bool
	// Partial says that the tree lacks files, as a sparse checkout does: no entry
	// counts as unused.
	Partial bool
	// Update reports whether the entries of an address are to be made anew;
	// nil for none.
	Update func(address string) bool
	// Jobs is how many remotes are asked at a time; 0 is a good number.
	Jobs int
	// Progress is told how far a step is; nil for nobody.
	Progress func(step string, done, total int)
}

// A Result is what Run found.
type Result struct {
	// File is the lock as it should be written. With Config.Check it is
	// what was given.
	File *File
	// Added and Dropped are sorted as entries are; Updated are those made
	// anew that differ.
	Added, Dropped []*Entry
	Updated        []Update
	// Problems and Failures are sorted. Where there is a Failure not all was
	// checked.
	Problems []Problem
	Failures []Failure
	// Beyond are the calls of archives, buckets and other sources that are
	// neither git nor a registry, sorted: no lock holds them.
	Beyond []Problem
	// Remotes is how many remotes and registry modules were asked.
	Remotes int
	// Complete says that all packages could be read, so that all calls are
	// known. Where it is false no entry counts as unused.
	Complete bool
}

// An Update is an entry that was made anew.
type Update struct{ Old, New *Entry }

// Run finds what a lock should hold: an entry for each call, for each call in
// the packages that they lead to, and so on. An entry that old has is kept as
// it is, and held against what the remotes have now. old may be nil.
//
// The error is of the context, or of a bound that was passed; what a remote
// does not do is a Failure, and all else goes on.
func Run(ctx context.Context, calls []Call, old *File, c Config) (*Result, error) {
	if c.Jobs <= 0 {
		c.Jobs = 8
	}
	if c.Progress == nil {
		c.Progress = func(string, int, int) {}
	}
	if old == nil {
		old = &File{}
	}
	r := &run{Config: c, old: old, pkgs: map[[2]string]*pkg{}, remotes: map[string]*remote{}, hosts: map[string]*registryHost{}, incomplete: c.Partial}
	for depth := 0; len(calls) > 0; depth++ {
		if depth > mostDepth {
			return nil, fmt.Errorf("packages call packages more than %d deep\nhint: the last one is %s", mostDepth, calls[0].Place.Package)
		}
		slices.SortFunc(calls, compareCalls)
		fresh, read := r.take(calls)
		if len(r.pkgs) > mostPackages {
			return nil, fmt.Errorf("there are more than %d packages to lock\nhint: the last one is called from %s", mostPackages, calls[len(calls)-1].Place.Package)
		}
		if err := r.askRegistries(ctx, fresh); err != nil {
			return nil, err
		}
		if err := r.askRemotes(ctx, fresh); err != nil {
			return nil, err
		}
		var err error
		if calls, err = r.read(ctx, read); err != nil {
			return nil, err
		}
	}
	return r.result(), nil
}

type run struct {
	Config
	old     *File
	pkgs    map[[2]string]*pkg // by address and ref
	remotes map[string]*remote // by URL without credentials
	hosts   map[string]*registryHost

	registryOnce sync.Once
	registry     Registry
	registryErr  error

	mu         sync.Mutex // of all below
	problems   []Problem
	failures   []Failure
	asked      int // remotes and registry modules
	askTotal   int
	readDone   int
	readTotal  int
	incomplete bool
}

// A pkg is one entry in the making, or one that is checked.
type pkg struct {
	address, ref string
	call         Call // the first that leads here
	more         int  // other calls that do
	depths       [2]bool

	locked *Entry // as the lock has it, nil where it is to be made
	was    *Entry // what an update replaces
	entry  *Entry // nil where it cannot be made

	// source is what git fetches: the call's own, or what a registry says.
	source            hclparse.Source
	sub               string // that the registry's address names
	version, download string // of a registry
	remote            *remote
	archive           fs.FS
	kind              Kind
	commit            repo.Hash // zero where it is not known

	dead    bool // it cannot be read, and that was said
	hashed  bool
	asked   map[string]bool // subdirectories that calls name
	pending []string
	seen    map[string]bool // directories that were followed
}

// name is the package in places and messages.
func (p *pkg) name() string {
	if p.ref == "" {
		return p.address
	}
	if isGit(p.address) {
		return p.address + "?ref=" + p.ref
	}
	return p.address + " " + p.ref
}

// problem is one of the package, in the place of its first call.
func (p *pkg) problem(rule Rule, hint, format string, args ...any) Problem {
	q := Problem{Rule: rule, Source: p.address, Ref: p.ref, Place: p.call.Place, Summary: fmt.Sprintf(format, args...), Hint: hint, Entry: p.locked}
	if p.locked != nil {
		q.Locked = p.locked.Commit
	}
	return q
}

func (r *run) report(ps ...Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, ps...)
	for _, p := range ps {
		r.incomplete = r.incomplete || p.Rule == UnreadCall
	}
}

// lost reports a package that cannot be read, and so may call anything.
func (r *run) lost(p *pkg, why ...Problem) {
	p.dead = true
	r.report(why...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.incomplete = true
}

func (r *run) fail(source string, err error) {
	text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, Failure{Source: source, Summary: repo.RedactURL(text), Hint: repo.RedactURL(hint)})
	r.incomplete = true
}

// take sorts calls into packages: those that are new, and those that have a
// directory to read.
func (r *run) take(calls []Call) (fresh, read []*pkg) {
	for _, c := range calls {
		address := Address(c.Source)
		if p := unlockable(c, address); p != nil {
			r.report(*p)
			continue
		}
		if url := RemoteURL(c.Source); url != "" {
			// Calls that share an entry may bring other parameters.
			if _, err := r.Cache.Mirror(url); err != nil {
				text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
				r.report(Problem{Rule: NotLockable, Source: address, Ref: c.ref(), Place: c.Place, Summary: text, Hint: hint})
				continue
			}
		}
		key := [2]string{address, c.ref()}
		p := r.pkgs[key]
		if p == nil {
			p = &pkg{address: address, ref: c.ref(), call: c, more: -1, asked: map[string]bool{}, seen: map[string]bool{}}
			r.pkgs[key] = p
			p.locked = r.old.Find(address, p.ref)
			if p.locked != nil && r.Update != nil && r.Update(address) {
				p.was, p.locked = p.locked, nil
			}
			p.entry = p.locked
			if c.Source.Kind == hclparse.KindGit {
				p.source = c.Source
			}
			fresh = append(fresh, p)
		}
		p.more++
		if shallow(c.Source) {
			p.depths[1] = true
		} else {
			p.depths[0] = true
		}
		if !p.asked[c.Source.Subdir] {
			p.asked[c.Source.Subdir] = true
			if len(p.pending) == 0 {
				read = append(read, p)
			}
			p.pending = append(p.pending, c.Source.Subdir)
		}
	}
	for _, p := range fresh {
		if r.Check && p.locked == nil {
			q := p.problem(NotLocked, "run `terrier lock` and commit "+Name, "it is not in the lock file")
			switch {
			case p.more == 1:
				q.Summary += "; nor is another call of it"
			case p.more > 1:
				q.Summary += fmt.Sprintf("; nor are %d more calls of it", p.more)
			}
			r.lost(p, q)
		}
	}
	return fresh, read
}

// unlockable says why a call cannot be locked at all.
func unlockable(c Call, address string) *Problem {
	shown := address
	if shown == "" {
		shown = redacted(c.Source.String())
	}
	p := &Problem{Source: shown, Ref: repo.RedactURL(c.ref()), Place: c.Place}
	raw := c.Source.String()
	switch {
	case strings.ContainsFunc(raw+c.Version, control):
		p.Rule, p.Summary = UnsafeRef, "the source holds a control character"
	case remoteHelper(raw):
		p.Rule, p.Summary = UnsafeRef, "the source names a remote helper of git, which runs a program"
	case unsafeRef(c.ref()) != "":
		p.Rule, p.Summary = UnsafeRef, "the ref "+unsafeRef(c.ref())
	case address == "" && c.Source.Kind == hclparse.KindGit:
		*p = noAddress(c.Place, c.Source)
	case address == "":
		p.Rule, p.Summary, p.beyond = NotLockable, "a lock holds git and registry sources only: what this one gives may be another thing tomorrow", true
	case !canonical(address):
		p.Rule, p.Summary = NotLockable, "the source is written in a way that a lock file cannot hold"
		p.Hint = "write it as git::https://HOST/PATH.git?ref=REF"
	default:
		return nil
	}
	return p
}

// remoteHelper reports whether git would take an address for NAME::ADDRESS.
func remoteHelper(raw string) bool {
	rest, forced := strings.CutPrefix(raw, "git::")
	name, _, helper := strings.Cut(rest, "::")
	return forced && helper && !strings.ContainsAny(name, "/?#@[:")
}

// result makes the lock of all that was found.
func (r *run) result() *Result {
	out := &Result{Failures: r.failures, Remotes: r.asked, Complete: !r.incomplete}
	needed := map[*Entry]bool{}
	file := &File{}
	for _, p := range r.pkgs {
		r.compareDepths(p)
		switch {
		case p.entry == nil && p.was != nil:
			needed[p.was] = true
			file.Entries = append(file.Entries, p.was)
		case p.entry != nil:
			file.Entries = append(file.Entries, p.entry)
		}
		switch {
		case p.locked != nil:
			needed[p.locked] = true
		case p.entry != nil && p.was != nil:
			needed[p.was] = true
			if !same(p.was, p.entry) {
				out.Updated = append(out.Updated, Update{p.was, p.entry})
			}
		case p.entry != nil:
			out.Added = append(out.Added, p.entry)
		}
	}
	for _, e := range r.old.Entries {
		switch {
		case needed[e]:
		case r.incomplete:
			file.Entries = append(file.Entries, e)
		case r.Check:
			r.problems = append(r.problems, Problem{Rule: UnusedEntry, Source: e.Address, Ref: e.Ref, Locked: e.Commit, Place: Place{File: e.Range.Filename, Line: e.Range.Start.Line}, Entry: e,
				Summary: "nothing calls what this entry locks", Hint: "`terrier lock` drops it"})
		default:
			out.Dropped = append(out.Dropped, e)
		}
	}
	file.Sort()
	sortEntries(out.Added)
	sortEntries(out.Dropped)
	slices.SortFunc(out.Updated, func(a, b Update) int { return compareEntries(a.New, b.New) })
	if out.File = file; r.Check {
		out.File = r.old
	}
	for _, p := range sortProblems(r.problems) {
		if p.beyond {
			out.Beyond = append(out.Beyond, p)
		} else {
			out.Problems = append(out.Problems, p)
		}
	}
	slices.SortFunc(out.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Summary, b.Summary))
	})
	out.Failures = slices.Compact(out.Failures)
	return out
}

// compareDepths finds one source and ref that means two commits, by whether
// the call has a depth.
func (r *run) compareDepths(p *pkg) {
	if !p.depths[0] || !p.depths[1] || p.remote == nil || p.remote.refs == nil || r.Offline {
		return
	}
	plain, err := means(p.remote.refs, p.source.Ref, false)
	deep, err2 := means(p.remote.refs, p.source.Ref, true)
	if err != nil || err2 != nil || plain.short || plain.commit == deep.commit {
		return // what is missing was said
	}
	q := p.problem(AmbiguousRef, "give the branch or the tag another name, or write depth in all of the calls or in none",
		"%s is the %s %.12s without depth in the source, and the %s %.12s with it", p.ref, plain.kind, plain.commit, deep.kind, deep.commit)
	q.Found = deep.commit.String()
	r.problems = append(r.problems, q)
}

func same(a, b *Entry) bool {
	return a.Address == b.Address && a.Ref == b.Ref && a.Kind == b.Kind && a.Version == b.Version && a.Download == b.Download &&
		a.Commit == b.Commit && a.Hash == b.Hash && slices.Equal(a.Tags, b.Tags)
}

func compareEntries(a, b *Entry) int {
	return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Ref, b.Ref))
}

func sortEntries(es []*Entry) { slices.SortFunc(es, compareEntries) }

// read opens each package, hashes it, and follows its calls.
func (r *run) read(ctx context.Context, pkgs []*pkg) ([]Call, error) {
	found := make([][]Call, len(pkgs))
	r.readTotal += len(pkgs)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for i, p := range pkgs {
		g.Go(func() error {
			var err error
			if !p.dead {
				found[i], err = r.readOne(ctx, p)
			}
			p.pending = nil
			r.mu.Lock()
			r.readDone++
			r.Progress("reading packages", r.readDone, r.readTotal)
			r.mu.Unlock()
			return err
		})
	}
	err := g.Wait()
	return slices.Concat(found...), err
}

func (r *run) readOne(ctx context.Context, p *pkg) ([]Call, error) {
	fsys := p.archive
	if fsys == nil {
		tree, err := p.remote.mirror.At(ctx, p.commit)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			r.fail(p.address, err)
			r.lost(p)
			return nil, nil
		}
		defer tree.Close()
		fsys = tree
	}
	if !p.hashed {
		p.hashed = true
		hash, err := Hash(fsys)
		var missing *repo.MissingObjectError
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.As(err, &missing):
			r.fail(p.address, err)
			r.lost(p)
			return nil, nil
		case err != nil:
			r.lost(p, p.problem(NotLockable, "rename the file", "the package has no hash: %v", err))
			return nil, nil
		case p.locked == nil:
			p.entry = p.newEntry(hash)
		case p.locked.Hash != hash:
			r.report(p.problem(HashDiffers, "find out who changed it; `terrier lock --update "+p.word()+"` takes what is there now",
				"its files have the hash %s, and the lock has %s", hash, p.locked.Hash))
		}
	}
	var calls []Call
	for _, sub := range p.pending {
		named := path.Join(p.sub, sub)
		dir, err := resolve(fsys, named)
		if err != nil {
			q := p.problem(UnreadCall, "", "the directory %q, which the source names, %v", named, err)
			r.report(q)
			continue
		}
		c, problems := follow(fsys, p.name(), dir, p.seen)
		calls = append(calls, c...)
		r.report(problems...)
	}
	return calls, nil
}

func (p *pkg) newEntry(hash string) *Entry {
	e := &Entry{Address: p.address, Ref: p.ref, Kind: p.kind, Hash: hash, Version: p.version, Download: p.download}
	if !p.commit.IsZero() {
		e.Commit = p.commit.String()
	}
	if p.version != "" {
		e.Kind = KindVersion
	}
	if e.Kind == KindCommit && p.remote != nil {
		e.Tags = releases(p.remote.refs, p.commit)
	}
	return e
}
