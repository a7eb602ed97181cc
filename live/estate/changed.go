package estate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// ChangedInput is what Changed compares. The graph's root is the work tree's.
type ChangedInput struct {
	Repo   *repo.Repo
	Rev    string
	Graph  *modules.Graph // of the work tree
	Estate *Estate
	// Old and New are the configuration at the common ancestor (Repo.MergeBase)
	// and now. Old is nil where there was none, or where it cannot be read: every
	// unit in an environment then counts as changed.
	Old, New *Config
	// ConfigFile is terrier.hcl, whose change counts by what it says of a unit
	// alone; LockFile is .terrier.lock.hcl. Both are paths from the root, and ""
	// for none.
	ConfigFile, LockFile string
	// Cache has the mirrors; nil for none. No remote is asked.
	Cache *repo.Cache
}

// Changed says which units changed between the common ancestor of a revision and
// HEAD, and the work tree, whatever is not committed included: by Unit.Name, each
// with its reasons. Units that did not change are not in the map, which is never
// nil without an error.
//
// A unit changed when a file did that is its directory's (without the stacks
// inside), or that of a local module which it calls, directly or through others;
// that one of these reads outside of itself, or that a symlink leads to; a var
// file or backend_config file of its environment, or what terrier.hcl says of
// these; or a remote module that it uses and that .terrier.lock.hcl has at another
// commit with other files. What terraform and terrier write beside these (see Own)
// does not count. What cannot be told counts as changed, and the reason says so.
func Changed(ctx context.Context, in ChangedInput) (map[string][]Reason, error) {
	paths, err := in.Repo.ChangedSince(ctx, in.Rev)
	if err != nil {
		return nil, err
	}
	c := &comparison{in: in, out: map[string][]Reason{}}
	lockChanged := false
	for _, p := range paths {
		switch p {
		case in.ConfigFile:
		case in.LockFile:
			lockChanged = true
		default:
			if !Own(p) {
				c.paths = append(c.paths, p)
			}
		}
	}
	for _, u := range in.Estate.Units {
		c.facts(u)
	}
	if err := c.unversioned(ctx); err != nil {
		return nil, err
	}
	if len(c.paths) == 0 && !lockChanged {
		return c.out, nil
	}
	c.closures()
	for _, u := range in.Estate.Units {
		c.files(u)
	}
	c.reached()
	if lockChanged {
		if err := c.locked(ctx); err != nil {
			return nil, err
		}
	}
	for _, reasons := range c.out {
		sort.SliceStable(reasons, func(i, j int) bool { return reasons[i].Path < reasons[j].Path })
	}
	return c.out, nil
}

// A comparison is one run of Changed.
type comparison struct {
	in     ChangedInput
	paths  []string // that changed, sorted
	out    map[string][]Reason
	stacks map[string]bool
	dirs   map[string]*closure // by stack
}

// A closure is what a stack is made of in the tree.
type closure struct {
	dirs  []string // its own, and those of the local modules that it calls, sorted
	calls []*modules.Call
	why   string // why not all is known
	file  string
	line  int
}

func (c *comparison) add(u *Unit, r Reason) {
	list := c.out[u.Name()]
	if !slices.Contains(list, r) {
		c.out[u.Name()] = append(list, r)
	}
}

// facts compares what the configuration says about a unit.
func (c *comparison) facts(u *Unit) {
	if c.in.New == nil {
		return
	}
	file := c.in.ConfigFile
	if c.in.Old == nil {
		if u.Environment != "" {
			c.add(u, Reason{Kind: "config", Path: file, Detail: fmt.Sprintf("the configuration at %s cannot be compared", c.in.Rev)})
		}
		return
	}
	var in []string
	if c.in.Old.EnvironmentsOf != nil {
		in = c.in.Old.EnvironmentsOf(u.Stack)
	}
	var old Environment
	if u.Environment != "" {
		if !slices.Contains(in, u.Environment) {
			c.add(u, Reason{Kind: "config", Path: file, Detail: fmt.Sprintf("%s was not in the environment %q", u.Stack, u.Environment)})
			return
		}
		i := slices.IndexFunc(c.in.Old.Environments, func(e Environment) bool { return e.Name == u.Environment })
		if i < 0 {
			c.add(u, Reason{Kind: "config", Path: file, Detail: fmt.Sprintf("there was no environment %q", u.Environment)})
			return
		}
		old = c.in.Old.Environments[i]
	} else if len(in) > 0 {
		c.add(u, Reason{Kind: "config", Path: file, Detail: fmt.Sprintf("%s was in the environment %q", u.Stack, in[0])})
		return
	}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"account", old.Account == u.Account},
		{"workspace", old.Workspace == u.Workspace},
		{"var_files", slices.Equal(old.VarFiles, u.VarFiles)},
		{"backend_config", slices.Equal(old.BackendConfig, u.BackendConfig)},
	} {
		if !f.same {
			c.add(u, Reason{Kind: "config", Path: file, Detail: fmt.Sprintf("%s of the environment %q", f.name, u.Environment)})
		}
	}
}

// given are the files of a unit's environment.
func given(u *Unit) []string {
	var out []string
	for _, f := range u.VarFiles {
		out = append(out, path.Join(u.Stack, f))
	}
	for _, f := range u.BackendConfig {
		if !strings.Contains(f, "=") {
			out = append(out, path.Join(u.Stack, f))
		}
	}
	return out
}

// unversioned finds var files and backend_config that git ignores: nobody can say
// what they were.
func (c *comparison) unversioned(ctx context.Context) error {
	var ignored []string
	asked := false
	tree := static.NewTree(c.in.Graph)
	for _, u := range c.in.Estate.Units {
		files := given(u)
		if files = append(files, tree.VarFiles(nil, u.Stack)...); len(files) == 0 {
			continue
		}
		if !asked {
			var err error
			if ignored, err = c.in.Repo.Ignored(ctx); err != nil {
				return err
			}
			asked = true
		}
		if len(ignored) == 0 {
			return nil
		}
		for _, f := range files {
			if slices.ContainsFunc(ignored, func(i string) bool { return modules.Within(f, strings.TrimSuffix(i, "/")) }) {
				c.add(u, Reason{Kind: "unknown", Path: f, Detail: "git ignores it, so that nobody can say whether it changed"})
			}
		}
	}
	return nil
}

// closures finds what each stack is made of.
func (c *comparison) closures() {
	c.stacks, c.dirs = stacksOf(c.in.Estate), map[string]*closure{}
	calls := callsOf(c.in.Graph)
	for stack := range c.stacks {
		c.dirs[stack] = closureOf(c.in.Graph, calls, stack)
	}
}

// closureOf finds what a stack is made of; calls are the graph's by directory.
func closureOf(g *modules.Graph, calls map[string][]*modules.Call, stack string) *closure {
	cl := &closure{}
	seen, list := map[string]bool{stack: true}, []string{stack}
	for i := 0; i < len(list); i++ {
		for _, call := range calls[list[i]] {
			target := call.Target
			if call.Call != nil && call.Call.HasSource && !call.Call.Static {
				a := g.Address(call)
				src, err := hclparse.ParseSource(a.Text)
				switch {
				case !a.Whole || err != nil:
					cl.why, cl.file, cl.line = fmt.Sprintf("the source of module %q is not known", call.Name()), call.File().Path, call.Line()
					continue
				case src.Kind == hclparse.KindLocal:
					target, _ = g.Follow(path.Join(call.Dir, src.Path))
				}
			}
			if target == "" {
				cl.calls = append(cl.calls, call)
				continue
			}
			if !seen[target] {
				seen[target] = true
				list = append(list, target)
			}
		}
	}
	cl.dirs = list
	slices.Sort(cl.dirs)
	return cl
}

// below are the changed paths that are dir or stand in it.
func (c *comparison) below(dir string) []string {
	if dir == "." {
		return c.paths
	}
	var out []string
	if i, ok := slices.BinarySearch(c.paths, dir); ok {
		out = append(out, c.paths[i])
	}
	i, _ := slices.BinarySearch(c.paths, dir+"/")
	for ; i < len(c.paths) && strings.HasPrefix(c.paths[i], dir+"/"); i++ {
		out = append(out, c.paths[i])
	}
	return out
}

// nested reports whether a path of dir belongs to one of the stacks inside it.
func nested(stacks map[string]bool, p, dir string) bool {
	for at := path.Dir(p); at != dir && at != "." && at != "/"; at = path.Dir(at) {
		if stacks[at] {
			return true
		}
	}
	return stacks[p] && p != dir
}

// files looks for changed files in a unit's own directories.
func (c *comparison) files(u *Unit) {
	cl := c.dirs[u.Stack]
	for _, dir := range cl.dirs {
		// A submodule, and a repository inside this one, is one path for git.
		for at := path.Dir(dir); at != "."; at = path.Dir(at) {
			if _, ok := slices.BinarySearch(c.paths, at); ok {
				c.add(u, Reason{Kind: "file", Path: at, Detail: "the repository inside this one that " + dir + " is in"})
			}
		}
		for _, p := range c.below(dir) {
			switch {
			case nested(c.stacks, p, dir):
			case dir == u.Stack:
				c.add(u, Reason{Kind: "file", Path: p, Detail: "a file of the stack"})
			default:
				c.add(u, Reason{Kind: "file", Path: p, Detail: "a file of the module " + dir})
			}
		}
	}
	for _, f := range given(u) {
		for _, p := range c.through(f) {
			if _, ok := slices.BinarySearch(c.paths, p); ok {
				c.add(u, Reason{Kind: "file", Path: p, Detail: fmt.Sprintf("a file of the environment %q", u.Environment)})
			}
		}
	}
	if cl.why != "" && len(c.paths) > 0 {
		c.add(u, Reason{Kind: "unknown", Path: cl.file, Line: cl.line, Detail: cl.why + ", so that it may be any file"})
	}
}

// through is a path, the symlinks on it, and what they lead to.
func (c *comparison) through(p string) []string {
	out := append([]string{p}, c.in.Graph.Through(p)...)
	if to, ok := c.in.Graph.Follow(p); ok {
		out = append(out, to)
	}
	return out
}

// reached looks for changed files outside of a unit's directories that an
// expression or a symlink in them leads to. Units that changed already are passed
// over: it takes to parse all of a unit.
func (c *comparison) reached() {
	g := c.in.Graph
	var rest []*Unit
	parse := map[string]bool{}
	for _, u := range c.in.Estate.Units {
		if len(c.out[u.Name()]) > 0 {
			continue
		}
		rest = append(rest, u)
		for _, dir := range c.dirs[u.Stack].dirs {
			parse[dir] = true
		}
	}
	if len(rest) == 0 || len(c.paths) == 0 {
		return
	}
	links := map[string][]string{} // of each directory, by what stands in it
	for _, e := range g.Tree.Entries {
		if e.Target != "" {
			for at := path.Dir(e.Path); ; at = path.Dir(at) {
				if parse[at] {
					links[at] = append(links[at], e.Path)
				}
				if at == "." {
					break
				}
			}
		}
	}
	// Who reads: the directory that holds the expression.
	reaches := map[string][]modules.Reach{}
	for _, r := range modules.NewGraph(reparsed(g, parse), roleIn(g)).Reaches() {
		if !r.Outside {
			reaches[path.Dir(r.File)] = append(reaches[path.Dir(r.File)], r)
		}
	}
	for _, u := range rest {
		dirs := c.dirs[u.Stack].dirs
		for _, dir := range dirs {
			for _, r := range reaches[dir] {
				if r.Dir != dir && !slices.Contains(dirs, r.Dir) {
					continue // relative to another stack that calls the module
				}
				if p := c.leads(r); p != "" {
					c.add(u, Reason{Kind: "file", Path: p, Detail: fmt.Sprintf("%s:%d reads it", r.File, r.Line)})
				}
			}
			for _, link := range links[dir] {
				if nested(c.stacks, link, dir) {
					continue
				}
				to, ok := g.Follow(link)
				if !ok {
					continue
				}
				for _, p := range append(c.below(to), g.Through(link)...) {
					if _, changed := slices.BinarySearch(c.paths, p); changed {
						c.add(u, Reason{Kind: "file", Path: p, Detail: "the symlink " + link + " leads to it"})
					}
				}
			}
		}
	}
}

// leads is the first changed path that a reach may lead to.
func (c *comparison) leads(r modules.Reach) string {
	if r.Path == "." && !r.Whole || r.Path == "" {
		if r.Func == "" {
			return "" // any text: it would be every file there is
		}
	}
	for _, at := range c.through(r.Place()) {
		if list := c.below(at); len(list) > 0 {
			if r.Whole {
				return list[0]
			}
			for _, p := range list {
				if strings.HasPrefix(p, r.Path) || at != r.Place() {
					return p
				}
			}
		}
	}
	return ""
}

// locked finds the units that use a module which the lock file has otherwise than
// before.
func (c *comparison) locked(ctx context.Context) error {
	old, oldErr := c.lockAt(ctx)
	now, nowErr := c.lockNow()
	if why := cmp.Or(nowErr, oldErr); why != "" {
		for _, u := range c.in.Estate.Units {
			if cl := c.dirs[u.Stack]; len(cl.calls) > 0 || cl.why != "" {
				c.add(u, Reason{Kind: "unknown", Path: c.in.LockFile, Detail: why})
			}
		}
		return nil
	}
	p := &packages{c: c, ctx: ctx, old: old, now: now, differs: map[lockKey]bool{}, same: map[sameKey]string{}, inside: map[insideKey]*inside{}}
	all := map[lockKey]bool{}
	for _, f := range []*lock.File{old, now} {
		if f != nil {
			for _, e := range f.Entries {
				all[lockKey{e.Address, e.Ref}] = true
			}
		}
	}
	for k := range all {
		a, b := old.Find(k.address, k.ref), now.Find(k.address, k.ref)
		p.differs[k] = a == nil || b == nil || a.Commit != b.Commit || a.Hash != b.Hash || a.Version != b.Version
	}
	defer p.close()
	for _, u := range c.in.Estate.Units {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		for _, call := range c.dirs[u.Stack].calls {
			if call.Call == nil {
				continue
			}
			src, version := call.Source(), call.Call.Version
			if !call.Call.Static {
				src, _ = hclparse.ParseSource(c.in.Graph.Address(call).Text)
			}
			if why := p.changed(src, version, map[insideKey]bool{}); why != "" {
				c.add(u, Reason{Kind: "module", Path: call.File().Path, Line: call.Line(), Detail: fmt.Sprintf("module %q: %s", call.Name(), why)})
			}
		}
	}
	return nil
}

func (c *comparison) lockAt(ctx context.Context) (*lock.File, string) {
	base, err := c.in.Repo.MergeBase(ctx, c.in.Rev)
	if err != nil {
		return nil, "the lock file at " + c.in.Rev + " cannot be read"
	}
	src, err := c.in.Repo.FileAt(ctx, base.String(), c.in.LockFile)
	if errors.Is(err, repo.ErrNoLine) {
		return nil, ""
	}
	if err != nil {
		return nil, "the lock file at " + c.in.Rev + " cannot be read"
	}
	f, diags := lock.Parse(src, c.in.LockFile)
	if diags.HasErrors() {
		return nil, "the lock file at " + c.in.Rev + " cannot be read"
	}
	return f, ""
}

func (c *comparison) lockNow() (*lock.File, string) {
	src, err := fs.ReadFile(c.in.Graph.Tree.FS, c.in.LockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ""
	}
	if err != nil {
		return nil, "the lock file cannot be read"
	}
	f, diags := lock.Parse(src, c.in.LockFile)
	if diags.HasErrors() {
		return nil, "the lock file cannot be read"
	}
	return f, ""
}

type lockKey struct{ address, ref string }

type sameKey struct{ address, before, after, subdir string }

type insideKey struct{ address, ref, subdir string }

// inside are the calls that a module makes to others outside of its package.
type inside struct {
	calls []*modules.Call
	why   string
}

// packages compares the packages of two lock files.
type packages struct {
	c        *comparison
	ctx      context.Context
	old, now *lock.File
	differs  map[lockKey]bool
	same     map[sameKey]string
	inside   map[insideKey]*inside
	open     []*repo.TreeFS
}

func (p *packages) close() {
	for _, t := range p.open {
		_ = t.Close()
	}
}

// changed says why the module of a call is another than before; "" where it is
// the same.
func (p *packages) changed(src hclparse.Source, version string, seen map[insideKey]bool) string {
	address := lock.Address(src)
	ref := src.Ref
	if src.Kind == hclparse.KindRegistry {
		ref = version
	}
	if address == "" {
		return "" // an archive or a bucket: no lock holds it
	}
	key := insideKey{address, ref, src.Subdir}
	if seen[key] {
		return ""
	}
	seen[key] = true
	before, after := p.old.Find(address, ref), p.now.Find(address, ref)
	if p.differs[lockKey{address, ref}] {
		switch {
		case before == nil:
			return "it was not locked before"
		case after == nil:
			return "it is not locked any more"
		}
		if why := p.compare(src, before, after); why != "" {
			return why
		}
	}
	if after == nil {
		return "" // nor was it before, and what it uses cannot be in the lock
	}
	in := p.uses(src, after, key)
	if in.why != "" {
		return "what it uses itself is not known: " + in.why
	}
	for _, call := range in.calls {
		if call.Call == nil {
			continue
		}
		if why := p.changed(call.Source(), call.Call.Version, seen); why != "" {
			return fmt.Sprintf("its module %q: %s", call.Name(), why)
		}
	}
	return ""
}

// compare says how a module's files differ in two entries.
func (p *packages) compare(src hclparse.Source, before, after *lock.Entry) string {
	if before.Hash != "" && before.Hash == after.Hash {
		return "" // the whole package is the same
	}
	key := sameKey{before.Address, before.Commit, after.Commit, src.Subdir}
	if why, ok := p.same[key]; ok {
		return why
	}
	why := func() string {
		what := fmt.Sprintf("another commit (%s, before %s)", short(after.Commit), short(before.Commit))
		a, errA := p.files(src, before)
		b, errB := p.files(src, after)
		if why := cmp.Or(errB, errA); why != "" {
			return what + ", whose files cannot be compared: " + why
		}
		dir := path.Join(".", src.Subdir)
		same, ok := fetch.Same(a, dir, b, dir)
		switch {
		case !ok:
			return what + ", whose files cannot be compared"
		case !same:
			return what
		}
		// A file that the module reads above its directory is not compared.
		if dir != "." {
			if x, ok := a.Tree("."); ok {
				if y, ok := b.Tree("."); ok && x == y {
					return ""
				}
			}
			tree, _ := hclparse.LoadCalls(b)
			if m := tree.Reload(dir); m == nil || len(modules.Outside(m)) > 0 {
				return what + ", and it reads files outside of its directory"
			}
		}
		return ""
	}()
	p.same[key] = why
	return why
}

func short(commit string) string {
	if len(commit) > 10 {
		return commit[:10]
	}
	if commit == "" {
		return "none"
	}
	return commit
}

// files are those of a package in its mirror.
func (p *packages) files(src hclparse.Source, e *lock.Entry) (*repo.TreeFS, string) {
	if p.c.in.Cache == nil {
		return nil, "there are no mirrors"
	}
	url := lock.RemoteURL(src)
	if url == "" && e.Download != "" {
		if d, err := hclparse.ParseSource(e.Download); err == nil {
			url = lock.RemoteURL(d)
		}
	}
	commit, err := repo.ParseHash(e.Commit)
	if url == "" || err != nil {
		return nil, "it is in no git repository"
	}
	m, err := p.c.in.Cache.Mirror(url)
	if err != nil || !m.Has(p.ctx, commit) {
		return nil, "the mirror does not have it"
	}
	t, err := m.At(p.ctx, commit)
	if err != nil {
		return nil, "the mirror cannot be read"
	}
	p.open = append(p.open, t)
	return t, ""
}

// uses are the calls of a module to what is outside of its package.
func (p *packages) uses(src hclparse.Source, e *lock.Entry, key insideKey) *inside {
	if in := p.inside[key]; in != nil {
		return in
	}
	in := &inside{}
	p.inside[key] = in
	t, why := p.files(src, e)
	if why != "" {
		in.why = why
		return in
	}
	tree, _ := hclparse.LoadCalls(t)
	g := modules.NewGraph(tree, nil)
	start := path.Join(".", src.Subdir)
	seen, list := map[string]bool{start: true}, []string{start}
	for i := 0; i < len(list); i++ {
		d := g.Dirs[list[i]]
		if d == nil {
			continue
		}
		for _, call := range g.Calls {
			switch {
			case call.Dir != list[i]:
			case call.Call != nil && call.Call.HasSource && !call.Call.Static:
				in.why = "it has a computed source"
			case call.Target == "":
				in.calls = append(in.calls, call)
			case !seen[call.Target]:
				seen[call.Target] = true
				list = append(list, call.Target)
			}
		}
	}
	return in
}
