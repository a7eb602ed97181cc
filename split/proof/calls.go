package proof

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
)

// maxPlaces bounds the walk from one root, maxAll that from all. Real trees have
// some hundreds of places; symlinks that lead to their own directory can make
// any number of them.
const (
	maxPlaces = 10_000
	maxAll    = 500_000
)

// A place is a module directory as it was, and where it is now.
type place struct {
	before string // directory of the monorepo
	repo   int    // index into checker.afters
	after  string // directory in that repository
	view   view
}

// A site is a call with its source after Terraform's merging.
type site struct {
	key        string // the call's name, unique in its directory
	label      string // what it adds to an address; "" for terragrunt
	file       string // where the source stands, in the repository
	line       int
	terragrunt bool
	hasSource  bool
	lit        *literal // nil where the source is no plain string
	computed   *computed
	unit       unit // of a computed source
}

// known returns the source with what its functions and locals say put in
// where that is a path of the tree, else as it is.
func (s site) known() *literal {
	if s.lit == nil && s.computed != nil {
		if raw, ok := s.unit.source(s.computed.expr); ok {
			return &literal{s.computed.start, s.computed.end, s.computed.line, raw}
		}
	}
	return s.lit
}

// A config is the configuration of one directory.
type config struct {
	dir      string // symlinks followed
	sites    []site // sorted by key
	backends []site // key is the block's bytes
	problems []problem
}

// A problem is why a directory's configuration is not all known, or why a call
// cannot be judged.
type problem struct {
	kind, key, label, file string
	line                   int
	summary                string
}

type configKey struct {
	in   *snapshot
	dir  string
	view view
}

// config reads a directory's configuration; nil where there is no directory.
func (s *snapshot) config(dir string, v view) *config {
	at := s.resolve(dir)
	if at.dir == nil {
		return nil
	}
	key := configKey{s, at.path, v}
	if c := s.ck.configs[key]; c != nil {
		return c
	}
	c := &config{dir: at.path}
	s.ck.configs[key] = c
	byKey := map[string]int{}
	names := []string{}
	for _, e := range at.dir.entries {
		if e.mode&modeType != modeTree && isConfig(e.name, v, at.dir) {
			names = append(names, e.name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if x, y := isOverride(a), isOverride(b); x != y {
			if x {
				return 1
			}
			return -1
		}
		return cmp.Compare(a, b)
	})
	for _, name := range names {
		p := path.Join(at.path, name)
		to := s.resolve(p)
		if to.path == "" || to.dir != nil || !to.file.regular() {
			c.problems = append(c.problems, problem{kind: "dangling-link", file: p, summary: "the symlink leads to no file, so its configuration is not known"})
			continue
		}
		key := parseKey{to.file.id, languageOf(name)}
		f := s.ck.parsed[key]
		if f == nil || f.unread {
			why := fmt.Sprintf("blob %s is not in the repository", key.id)
			if f != nil {
				why = f.problem
			}
			c.problems = append(c.problems, problem{kind: "missing-object", file: p, summary: "its configuration is not known: " + why})
			continue
		}
		if f.problem != "" {
			c.problems = append(c.problems, problem{kind: "parse-error", file: p, line: f.line, summary: "does not parse, so its calls are not known: " + f.problem})
			continue
		}
		for _, b := range f.backends {
			c.backends = append(c.backends, site{key: b.text, file: p, line: b.line})
		}
		if languageOf(name) == languageTerragrunt && len(f.calls) == 0 {
			c.sites = append(c.sites, s.inherited(at.path, f)...)
		}
		for _, b := range f.calls {
			in := site{key: b.name, label: "module." + b.name, file: p, line: b.line, terragrunt: b.terragrunt, hasSource: b.hasSource, lit: b.lit, computed: b.computed,
				unit: unit{s, at.path, f, nil, ""}}
			if b.terragrunt {
				in.label = ""
			}
			if i, ok := byKey[in.key]; ok && isOverride(name) && !b.terragrunt {
				if b.hasSource {
					c.sites[i] = in
				}
				continue
			}
			for n := 2; ; n++ { // a second block of one name is an error of the user's; it is compared all the same
				if _, ok := byKey[in.key]; !ok {
					break
				}
				in.key = fmt.Sprintf("%s#%d", b.name, n)
			}
			byKey[in.key] = len(c.sites)
			c.sites = append(c.sites, in)
		}
	}
	slices.SortFunc(c.sites, func(a, b site) int { return cmp.Compare(a.key, b.key) })
	return c
}

// local returns the directory that a source means, seen from dir, and whether
// it is a path at all. Terragrunt also takes one without ./ for a path.
func (s *snapshot) local(dir, raw string, terragrunt bool) (to string, ok bool) {
	to = join(dir, raw)
	if isLocal(raw) {
		return to, true
	}
	if !terragrunt || raw == "" || raw[0] == '/' || strings.Contains(raw, ":") {
		return "", false
	}
	return to, raw == "." || raw == ".." || !climbs(to) && s.resolve(to).dir != nil
}

// A judgment is what became of one call.
type judgment struct {
	kind, summary string // a mismatch
	open, why     string // or something that cannot be judged
	child         *place // what both lead to, to be walked
	repo          int    // the repository it leads to; -1 for none
}

// judge compares a call's source before and after.
func (ck *checker) judge(from place, was, is site) judgment {
	j := judgment{repo: -1}
	computed := was.computed != nil && is.computed != nil
	if computed && was.computed.raw != is.computed.raw {
		j.kind, j.summary = "source-changed", "the source is no plain string, and is another one"
		return j
	}
	was.lit, is.lit = was.known(), is.known()
	bad := func(kind, format string, args ...any) judgment {
		j.kind, j.summary = kind, fmt.Sprintf(format, args...)
		return j
	}
	switch {
	case was.hasSource != is.hasSource:
		return bad("source-changed", "a source was added or taken away")
	case !was.hasSource:
		j.open, j.why = "missing-source", "the call has no source"
		return j
	case (was.lit == nil) != (is.lit == nil):
		return bad("source-changed", "one of the sources, before and after, is no plain string")
	case was.lit == nil:
		j.open, j.why = "computed-source", "the source is no plain string, so the called module is not known"
		return j
	}
	raw, now := was.lit.raw, is.lit.raw
	in := ck.afters[from.repo]
	to, ok := ck.mono.local(from.before, raw, was.terragrunt)
	if !ok {
		if raw != now {
			return bad("source-changed", "the source was %q, which is no path of the monorepo, and is %q", redact(raw), redact(now))
		}
		return j
	}
	target := spot{}
	if !climbs(to) {
		target = ck.mono.resolve(to)
	}
	if target.dir == nil {
		if raw != now {
			return bad("source-changed", "the source %q led to no directory, and is now %q", redact(raw), redact(now))
		}
		if p := join(from.after, now); !climbs(p) && in.resolve(p).dir != nil {
			return bad("wrong-target", "the source %q led to no directory, and now leads to %q", redact(raw), in.meaning(p))
		}
		j.open, j.why = "dangling", fmt.Sprintf("the source %q leads to no directory", redact(raw))
		if climbs(to) {
			j.open, j.why = "source-outside", fmt.Sprintf("the source %q leaves the repository", redact(raw))
		}
		return j
	}

	if p, ok := in.local(from.after, now, is.terragrunt); ok || raw == now {
		if p == "" {
			p = join(from.after, now)
		}
		j.repo = from.repo
		if climbs(p) {
			return bad("target-moved", "the source %q leaves %s; it means %q of the monorepo", redact(now), in.repository, target.path)
		}
		at := in.resolve(p)
		switch {
		case at.dir == nil:
			return bad("target-moved", "the source %q leads to no directory in %s; it means %q of the monorepo", redact(now), in.repository, target.path)
		case in.meaning(at.path) != target.path:
			return bad("wrong-target", "the source %q leads to %q, and must lead to %q", redact(now), in.meaning(at.path), target.path)
		case !ck.whole(in, at.path, target.path):
			return bad("target-moved", "the source %q leads to a directory of which %s holds only copies of some files; it means %q of the monorepo", redact(now), in.repository, target.path)
		}
		j.child = &place{target.path, from.repo, at.path, from.view} // terraform follows symlinks before it reads on
		return j
	}

	s := splitSource(now)
	i, known := ck.sources[s.key()]
	if !known {
		return bad("wrong-repository", "the source %q is that of no package; it must lead to %q of the monorepo", redact(now), target.path)
	}
	pkg := ck.afters[i]
	j.repo = i
	if !ck.holdsDir(pkg, target.path) {
		return bad("wrong-repository", "the source %q leads to %s, which holds %q, not %q", redact(now), pkg.repository, pkg.owns, target.path)
	}
	if len(s.refs) != 1 {
		return bad("wrong-ref", "the source %q has %d refs", redact(now), len(s.refs))
	}
	switch tag, own := pkg.tag(s.refs[0]), pkg.pkg.tagOf(target.path); {
	case !tag.found:
		return bad("wrong-ref", "%q is no tag of %s", s.refs[0], pkg.repository)
	case len(pkg.pkg.Tags) > 0 && s.refs[0] != own:
		return bad("wrong-ref", "tag %q of %s is not that of %q, which is %q", s.refs[0], pkg.repository, target.path, own)
	case tag.id.String() != pkg.pkg.Tip && s.refs[0] != own: // else the tag itself is named
		return bad("wrong-ref", "tag %q of %s is at %s, not at the recorded tip %s", s.refs[0], pkg.repository, tag.id, pkg.pkg.Tip)
	}
	sub := cmp.Or(s.sub, ".")
	// go-getter takes * and [ in a subdirectory for a pattern.
	if !cleanPath(sub) || strings.ContainsAny(sub, "*[") {
		return bad("wrong-subdirectory", "%q is no clean path below %s", sub, pkg.repository)
	}
	if pkg.root == nil {
		return j // told of the repository
	}
	at := pkg.resolve(sub)
	switch {
	case at.dir == nil:
		return bad("wrong-subdirectory", "%s has no directory %q", pkg.repository, sub)
	case pkg.meaning(at.path) != target.path:
		return bad("wrong-subdirectory", "the source %q leads to %q, and must lead to %q", redact(now), pkg.meaning(at.path), target.path)
	}
	j.child = &place{target.path, i, at.path, from.view}
	return j
}

// whole reports whether a directory of the repository is all that the
// monorepo has there: its own, what a symlink became, or copied to the last
// file.
func (ck *checker) whole(a *after, at, origin string) bool {
	for d := at; len(a.material) > 0; d = path.Dir(d) {
		if _, ok := a.material[d]; ok {
			return true
		}
		if d == "." {
			break
		}
	}
	return ck.holdsDir(a, origin)
}

// A result is what one place showed, without what its children show.
type result struct {
	bad      []problem
	open     []problem
	children []child
	repos    []int // that its calls lead to
}

type child struct {
	label string
	place place
}

// examine compares the calls and backends of one place.
func (ck *checker) examine(at place) *result {
	if r := ck.results[at]; r != nil {
		return r
	}
	r := &result{}
	ck.results[at] = r
	in := ck.afters[at.repo]
	was, is := ck.mono.config(at.before, at.view), in.config(at.after, at.view)
	if was == nil || is == nil {
		return r // told of the files
	}
	r.open = append(r.open, was.problems...)
	find := func(list []site, key string) *site {
		i, ok := slices.BinarySearchFunc(list, key, func(s site, key string) int { return cmp.Compare(s.key, key) })
		if !ok {
			return nil
		}
		return &list[i]
	}
	for _, b := range was.sites {
		a := find(is.sites, b.key)
		if a == nil {
			r.bad = append(r.bad, problem{"call-missing", b.key, b.label, b.file, b.line, fmt.Sprintf("the call is not in %s", in.repository)})
			continue
		}
		file := in.origin(a.file)
		j := ck.judge(at, b, *a)
		switch {
		case j.kind != "":
			r.bad = append(r.bad, problem{j.kind, b.key, b.label, file, a.line, j.summary})
		case j.open != "":
			r.open = append(r.open, problem{j.open, b.key, b.label, file, a.line, j.why})
		}
		if j.repo >= 0 {
			r.repos = append(r.repos, j.repo)
		}
		if j.child != nil {
			r.children = append(r.children, child{b.label, *j.child})
		}
	}
	for _, a := range is.sites {
		if find(was.sites, a.key) == nil {
			r.bad = append(r.bad, problem{"call-extra", a.key, a.label, in.origin(a.file), a.line, fmt.Sprintf("the call of %s is not in the monorepo", in.repository)})
		}
	}
	for i := range max(len(was.backends), len(is.backends)) {
		if i < len(was.backends) && i < len(is.backends) && was.backends[i].key == is.backends[i].key {
			continue
		}
		p := problem{kind: "backend-changed", key: "backend", summary: fmt.Sprintf("the backend differs between the monorepo and %s", in.repository)}
		if i < len(is.backends) {
			p.file, p.line = in.origin(is.backends[i].file), is.backends[i].line
		} else {
			p.file, p.line = was.backends[i].file, was.backends[i].line
		}
		r.bad = append(r.bad, p)
		break
	}
	return r
}

type countKey struct {
	dir  string
	view view
}

// A count is the number of calls in the whole tree of a directory.
type count struct {
	n     int
	open  bool // being counted: to meet it again is a cycle
	cycle bool
}

// countCalls counts as the monorepo has it. Numbers saturate: a tree can have
// more calls than any integer.
func (ck *checker) countCalls(dir string, v view) *count {
	key := countKey{dir, v}
	if c := ck.counts[key]; c != nil {
		if c.open {
			c.cycle = true
		}
		return c
	}
	c := &count{}
	ck.counts[key] = c
	conf := ck.mono.config(dir, v)
	if conf == nil || ck.tooMany() {
		return c
	}
	c.open = true
	for _, s := range conf.sites {
		n := 1
		if lit := s.known(); lit != nil {
			if to, ok := ck.mono.local(dir, lit.raw, s.terragrunt); ok && !climbs(to) {
				n += ck.countCalls(to, v).n
			}
		}
		c.n = min(c.n+n, math.MaxInt32)
	}
	c.open = false
	return c
}

// tooMany reports whether the walk from this root, or from all of them, has
// become larger than any real one.
func (ck *checker) tooMany() bool {
	return len(ck.counts)-ck.countsBefore > maxPlaces || len(ck.counts) > maxAll || len(ck.results) > maxAll
}

// A root is a directory to begin a walk at.
type root struct {
	dir   string
	stack bool
}

// walkAll walks from the stacks first, so that what is wrong in what they call
// is named with their address, then from every other directory with
// configuration.
func (ck *checker) walkAll() error {
	var roots []root
	isStack := map[string]bool{}
	for _, s := range ck.in.Stacks {
		if !isStack[s] {
			isStack[s] = true
			roots = append(roots, root{s, true})
		}
	}
	slices.SortFunc(roots, func(a, b root) int { return cmp.Compare(a.dir, b.dir) })
	rest := slices.Clone(ck.mono.dirs)
	slices.Sort(rest)
	for _, d := range rest {
		if !isStack[d] {
			roots = append(roots, root{d, false})
		}
	}
	ck.total = ck.done + len(roots)
	views := []view{viewTerraform}
	if ck.hasTofu() {
		views = append(views, viewTofu)
	}
	for _, r := range roots {
		if err := ck.ctx.Err(); err != nil {
			return err
		}
		ck.walk(r, views)
		ck.step()
	}
	// A file that terraform does not read may not parse either.
	for _, f := range ck.mono.files {
		p := ck.parsed[parseKey{f.id, languageOf(path.Base(f.path))}]
		if p != nil && p.problem != "" && languageOf(path.Base(f.path)).configures() && !p.unread && f.regular() && !ck.seen["open parse-error "+f.path] {
			ck.unproved = append(ck.unproved, Unproved{Kind: "parse-error", File: f.path, Line: p.line, Summary: "does not parse: " + p.problem})
		}
	}
	return nil
}

func (ck *checker) hasTofu() bool {
	is := func(f file) bool { return strings.HasSuffix(strings.TrimSuffix(f.path, ".json"), ".tofu") }
	for _, a := range ck.afters {
		if slices.ContainsFunc(a.files, is) {
			return true
		}
	}
	return slices.ContainsFunc(ck.mono.files, is)
}

// places returns where a directory of the monorepo is now.
func (ck *checker) places(dir string) []place {
	var out []place
	for _, i := range ck.configOwners(dir) {
		a := ck.afters[i]
		if p, ok := a.inside(dir); ok && a.root != nil && a.resolve(p).dir != nil {
			out = append(out, place{dir, i, p, viewTerraform})
		}
	}
	return out
}

// isSnippet reports whether a directory only serves what links to its files:
// seen from itself its calls lead nowhere.
func (ck *checker) isSnippet(dir string, views []view) bool {
	nowhere := false
	for _, v := range views {
		conf := ck.mono.config(dir, v)
		if conf == nil {
			continue
		}
		for _, s := range conf.sites {
			if !ck.isShared(s.file) {
				return false
			}
			if s.lit != nil {
				to, ok := ck.mono.local(conf.dir, s.lit.raw, s.terragrunt)
				nowhere = nowhere || ok && (climbs(to) || ck.mono.resolve(to).dir == nil)
			}
		}
	}
	return nowhere
}

// walk walks the tree of calls below one root, and judges the root if it is a
// stack.
func (ck *checker) walk(r root, views []view) {
	if !r.stack && (ck.isSnippet(r.dir, views) || ck.onlyIncluded(r.dir)) {
		return
	}
	type visit struct {
		place
		address string
	}
	var queue []visit
	visited := map[place]bool{}
	dirs, repos := map[string]bool{r.dir: true}, map[int]bool{}
	stack := Stack{Path: r.dir, Verdict: VerdictProved, Reasons: []string{}}
	reasons := map[string]bool{}
	verdict := func(v Verdict, kind, file string, line int, summary string) {
		if v == VerdictMismatch || stack.Verdict == VerdictProved {
			stack.Verdict = v
		}
		reasons[reason(kind, file, line, summary)] = true
	}
	open := func(address string, p problem) {
		verdict(VerdictUnproved, p.kind, p.file, p.line, p.summary)
		told := fmt.Sprintf("%s %s %d %s", p.kind, p.file, p.line, p.key)
		if r.stack {
			told = r.dir + " " + told
		}
		if ck.seen[told] || !r.stack && ck.seen["any "+told] {
			return
		}
		ck.seen[told] = true
		ck.seen["any "+strings.TrimPrefix(told, r.dir+" ")] = true
		ck.seen["open "+p.kind+" "+p.file] = true
		ck.unproved = append(ck.unproved, Unproved{p.kind, r.dir, address, p.file, p.line, p.summary})
	}
	for _, i := range ck.configOwners(r.dir) {
		repos[i] = true
	}
	configured := false
	ck.countsBefore = len(ck.counts)
	for _, v := range views {
		if conf := ck.mono.config(r.dir, v); conf != nil {
			// A file that is missing in a partial clone, or does not parse, is configuration too.
			configured = configured || slices.Contains(ck.mono.dirs, conf.dir)
		}
		for _, p := range ck.places(r.dir) {
			p.view = v
			queue = append(queue, visit{p, ""})
			visited[p] = true
		}
		n := ck.countCalls(r.dir, v)
		stack.Modules = max(stack.Modules, n.n)
	}
	if !configured {
		open("", problem{kind: "no-configuration", file: r.dir, summary: "the directory holds no configuration"})
	}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		if i >= maxPlaces || ck.tooMany() {
			open(at.address, problem{kind: "too-many-modules", file: at.before, summary: fmt.Sprintf("the walk of calls was given up after %d directories", i)})
			break
		}
		res := ck.examine(at.place)
		repos[at.repo] = true
		if d := ck.mono.resolve(at.before); d.dir != nil {
			dirs[d.path] = true
		}
		for _, n := range res.repos {
			repos[n] = true
		}
		for _, p := range res.bad {
			verdict(VerdictMismatch, p.kind, p.file, p.line, p.summary)
			told := fmt.Sprintf("bad %s %s %d %s", p.kind, p.file, p.line, p.key)
			if !ck.seen[told] {
				ck.seen[told] = true
				ck.found = append(ck.found, &fault{Mismatch{p.kind, r.dir, address(at.address, p.label), p.file, p.line, p.summary}, ofCall, false})
			}
		}
		for _, p := range res.open {
			open(address(at.address, p.label), p)
		}
		if ck.countCalls(at.before, at.view).cycle {
			open(at.address, problem{kind: "cycle", file: at.before, summary: "the module calls itself, through others or directly"})
		}
		for _, c := range res.children {
			if !visited[c.place] {
				visited[c.place] = true
				queue = append(queue, visit{c.place, address(at.address, c.label)})
			}
		}
	}
	if !r.stack {
		return
	}
	for i := range repos {
		for _, p := range ck.afters[i].dependent {
			if d := path.Dir(p.file); within(r.dir, d) || dirs[d] {
				open("", p)
			}
		}
	}
	for _, f := range ck.found {
		if f.repo == ofCall || !ck.affects(f, dirs, repos) {
			continue
		}
		verdict(VerdictMismatch, f.Kind, f.File, f.Line, f.Summary)
		if f.Stack == "" {
			f.Stack = r.dir
		}
	}
	for reason := range reasons {
		stack.Reasons = append(stack.Reasons, reason)
	}
	slices.Sort(stack.Reasons)
	ck.stacks = append(ck.stacks, stack)
}

// affects reports whether a fault of a file or a repository touches a stack
// that reaches the given directories of the monorepo and repositories: any
// fault of a package, and in live what is of all of it or stands above.
func (ck *checker) affects(f *fault, dirs map[string]bool, repos map[int]bool) bool {
	if repos[f.repo] && (f.all || f.repo < ck.pkgs) {
		return true
	}
	for p := f.File; !f.all; p = path.Dir(p) {
		if dirs[p] {
			return true
		}
		if p == "." || p == "/" {
			break
		}
	}
	return false
}

func reason(kind, file string, line int, summary string) string {
	if line > 0 {
		return fmt.Sprintf("%s: %s:%d: %s", kind, file, line, summary)
	}
	return fmt.Sprintf("%s: %s: %s", kind, file, summary)
}

func address(parent, label string) string {
	if parent == "" || label == "" {
		return parent + label
	}
	return parent + "." + label
}

// report puts the result in order, and names a pin commit that did more than
// it may.
func (ck *checker) report() *Report {
	wrong := map[int]bool{}
	for _, f := range ck.found {
		if f.Kind == "extracted-tree" || f.Kind == "missing-object" {
			wrong[f.repo] = true
		}
	}
	var pins []*fault
	for _, f := range ck.found {
		if f.repo < 0 || f.repo >= ck.pkgs || wrong[f.repo] || ck.afters[f.repo].pkg.Tip == ck.afters[f.repo].pkg.Extracted {
			continue
		}
		switch f.Kind {
		case "bytes-changed", "mode-changed", "file-missing", "file-extra", "bad-path":
			// The extracted tree is right, so it was the commit on top.
			wrong[f.repo] = true
			p := *f
			p.Kind, p.Summary = "pin-commit", fmt.Sprintf("the pin commit of %s changes more than sources: %s", ck.afters[f.repo].repository, f.Kind)
			pins = append(pins, &p)
		}
	}
	r := &Report{Packages: ck.pkgs, Files: ck.files, Stacks: ck.stacks, Unproved: ck.unproved}
	// A source that is wrong was found in its file and from its callers; the
	// latter tells more.
	addressed := map[string]bool{}
	for _, f := range ck.found {
		addressed[fmt.Sprint(f.Kind, f.File, f.Line)] = addressed[fmt.Sprint(f.Kind, f.File, f.Line)] || f.repo == ofCall
	}
	for _, f := range append(ck.found, pins...) {
		if f.repo == ofCall || !addressed[fmt.Sprint(f.Kind, f.File, f.Line)] {
			r.Mismatches = append(r.Mismatches, f.Mismatch)
		}
	}
	slices.SortFunc(r.Mismatches, func(a, b Mismatch) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Summary, b.Summary))
	})
	r.Mismatches = slices.Compact(r.Mismatches)
	slices.SortFunc(r.Unproved, func(a, b Unproved) int {
		return cmp.Or(cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Address, b.Address))
	})
	if r.Stacks == nil {
		r.Stacks = []Stack{}
	}
	if r.Mismatches == nil {
		r.Mismatches = []Mismatch{}
	}
	if r.Unproved == nil {
		r.Unproved = []Unproved{}
	}
	return r
}
