package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Input says what was split into what. Nothing in it is believed: every id is
// looked up.
type Input struct {
	Monorepo string    // git directory or work tree, bare or not
	Commit   string    // the commit that was split, 40 hexadecimal digits
	Out      string    // the directory that holds the written repositories
	Packages []Package // in any order
	Live     []Live    // none where every path is in a package
	Stacks   []string  // directories of the monorepo whose verdicts are reported
	Docs     bool      // sources that Markdown files show may have changed
	Progress func(done, total int)
}

// A Package is what became a bare repository: one module directory, or several
// with what they reach. Every path here is one of the monorepo.
type Package struct {
	Name       string
	Path       string   // the main module's directory
	Root       string   // the directory that is the repository's root
	Owns       []string // what left for this package: Root alone in the simple case
	Copies     []Copy   // files that it holds beside, at their places below Root
	Repository string   // slash path below Input.Out: "modules/vpc.git"
	Source     string   // what a caller's source begins with: without //sub, without ref
	Tag        string   // "" where each module has one of its own
	// Tags are the releases of several modules in one repository: the module's
	// directory and its tag. A call takes that of the innermost one around its
	// target, and Tag where there is none.
	Tags map[string]string
	// TagObjects are the objects that tags are recorded at, by the tag's name:
	// the annotated tag or the commit. A tag that is not in it may be either.
	TagObjects map[string]string
	Tip        string // the commit that is recorded as the tip of main
	Extracted  string // the tip before the pin commit; Tip where there is none
	History    bool   // false where it was made of one root commit
	// InPlace says that it is the monorepo itself, at the commit that was
	// split: Repository is then that of a live one, which owns every path.
	InPlace bool
}

// Live is a repository of what stayed.
type Live struct {
	Name       string
	Repository string // slash path below Input.Out: "live/live"
	Branch     string
	Tip        string
	Base       string   // the live commit's parent: Input.Commit where Paths is nil
	Root       string   // the directory that is the repository's root, "." unless a prefix was stripped
	Paths      []string // what it holds; nil for all that nobody else owns
	Copies     []Copy   // files that it holds beside
}

// A Copy is a file that a repository holds and another one owns.
type Copy struct {
	Path   string
	Owner  string // the repository that owns it, as in Repository
	Digest string // "sha256:" and the digest of the blob's bytes, in hexadecimal
}

// Verdict is what the proof says of a stack.
type Verdict string

const (
	VerdictProved   Verdict = "proved"   // nothing changed but sources
	VerdictUnproved Verdict = "unproved" // nothing wrong was found, but not all could be compared
	VerdictMismatch Verdict = "mismatch" // something changed
)

// A Stack is the verdict on one stack. Modules counts the calls in its whole
// tree, as the monorepo has it. Reasons is empty for a proved one.
type Stack struct {
	Path    string   `json:"path"`
	Verdict Verdict  `json:"verdict"`
	Modules int      `json:"modules"`
	Reasons []string `json:"reasons"`
}

// A Mismatch is something that changed and must not have. Kind is one of the
// table in the package's documentation.
type Mismatch struct {
	Kind    string `json:"kind"`
	Stack   string `json:"stack"`
	Address string `json:"address"` // module.a.module.b
	File    string `json:"file"`
	Line    int    `json:"line"`
	Summary string `json:"summary"`
}

// An Unproved is something that the proof cannot judge, for one stack.
type Unproved struct {
	Kind    string `json:"kind"`
	Stack   string `json:"stack"`
	Address string `json:"address"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Summary string `json:"summary"`
}

// A Report is the whole proof. Its lists are sorted and never nil.
type Report struct {
	Stacks     []Stack    `json:"stacks"`
	Packages   int        `json:"packages"`
	Files      int        `json:"files"` // paths of the monorepo that were compared
	Mismatches []Mismatch `json:"mismatches"`
	Unproved   []Unproved `json:"unproved"`
}

// Check makes the proof. What is wrong with the written repositories is in
// the report; an error means that no proof could be made: the input does not
// fit together, the monorepo cannot be read, or ctx is done.
func Check(ctx context.Context, in Input) (*Report, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	mono, err := openStore(in.Monorepo)
	if err != nil {
		return nil, fmt.Errorf("the monorepo %s cannot be read: %w", in.Monorepo, err)
	}
	defer mono.close()
	ck := &checker{ctx: ctx, in: in, nodes: map[plumbing.Hash]*node{}, parsed: map[parseKey]*parsed{}, blobErrs: map[parseKey]error{},
		configs: map[configKey]*config{}, results: map[place]*result{}, counts: map[countKey]*count{}, seen: map[string]bool{},
		claims: map[string][]int{}, dirOwners: map[string][]int{}, dirs: map[dirOf]bool{}, sources: map[sourceKey]int{}}
	commit, err := mono.commit(plumbing.NewHash(in.Commit))
	if err != nil {
		return nil, fmt.Errorf("commit %s of the monorepo cannot be read: %w\nhint: fetch it into %s", in.Commit, err, in.Monorepo)
	}
	ck.mono = &snapshot{ck: ck, st: mono}
	if err := ck.mono.load(commit.tree); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("the tree of commit %s cannot be read: %w\nhint: a clone that lacks objects is not enough; make a full one", in.Commit, err)
	}
	defer ck.closeAfters()
	if err := ck.openAfters(); err != nil {
		return nil, err
	}
	if err := ck.parseAll(); err != nil {
		return nil, err
	}
	if err := ck.compareFiles(); err != nil {
		return nil, err
	}
	ck.compareLinks()
	if err := ck.compareAttributes(); err != nil {
		return nil, err
	}
	ck.findDependent()
	if err := ck.walkAll(); err != nil {
		return nil, err
	}
	return ck.report(), nil
}

// validate refuses an input that does not fit together, so that the checks can
// rely on its shape.
func (in *Input) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("the record of the split is damaged: "+format+"\nhint: run the split again", args...)
	}
	if !isID(in.Commit) {
		return bad("%q is not a commit id", in.Commit)
	}
	paths, repositories, sources := map[string]bool{}, map[string]bool{}, map[sourceKey]bool{}
	repository := func(name, what string) error {
		if !cleanPath(what) || what == "." || repositories[what] {
			return bad("%q is at %q, which is no clean relative path, or that of another", name, what)
		}
		repositories[what] = true
		return nil
	}
	for _, p := range in.Packages {
		src := splitSource(p.Source)
		switch {
		case !isID(p.Tip) || !isID(p.Extracted):
			return bad("package %q has no commit ids", p.Name)
		case src.base == "" || src.sub != "" || len(src.refs) > 0:
			return bad("package %q has no usable source", p.Name)
		case p.Tag == "" && len(p.Tags) == 0:
			return bad("package %q has no tag", p.Name)
		case p.InPlace && (p.Tip != in.Commit || p.Extracted != in.Commit || p.Root != "." || len(p.Owns)+len(p.Copies) > 0):
			return bad("package %q is the monorepo itself, and not at its commit or not all of it", p.Name)
		case !p.InPlace && (!treePath(p.Path) || !slices.ContainsFunc(p.Owns, func(own string) bool { return within(p.Path, own) || within(own, p.Path) })):
			return bad("package %q does not own its own directory %q", p.Name, p.Path)
		case paths[p.Path] || sources[src.key()]:
			return bad("package %q shares its path or source with another", p.Name)
		}
		for _, tag := range p.tags() {
			if !refName("refs/tags/" + tag) {
				return bad("package %q has the tag %q, which git does not allow", p.Name, tag)
			}
		}
		for dir := range p.Tags {
			if !treePath(dir) {
				return bad("package %q has a tag for %q, which is no clean path", p.Name, dir)
			}
		}
		for tag, id := range p.TagObjects {
			if !slices.Contains(p.tags(), tag) || !isID(id) {
				return bad("package %q has no object for its tag %q", p.Name, tag)
			}
		}
		paths[p.Path], sources[src.key()] = true, true
		if p.InPlace {
			if !cleanPath(p.Repository) || p.Repository == "." {
				return bad("package %q is at %q, which is no clean relative path", p.Name, p.Repository)
			}
			continue
		}
		if err := errors.Join(repository(p.Name, p.Repository), holding(p.Root, p.Owns, p.Copies)); err != nil {
			return bad("package %q: %w", p.Name, err)
		}
	}
	for _, l := range in.Live {
		if !isID(l.Tip) || !isID(l.Base) || !refName("refs/heads/"+l.Branch) {
			return bad("the live repository %q has no usable commit ids or branch", l.Name)
		}
		if l.Paths == nil && (l.Root != "." || l.Base != in.Commit) {
			return bad("the live repository %q holds the rest, and does not begin at the monorepo's root and commit", l.Name)
		}
		owns := l.Paths
		if owns == nil {
			owns = []string{"."}
		}
		if err := errors.Join(repository(l.Name, l.Repository), holding(l.Root, owns, l.Copies)); err != nil {
			return bad("the live repository %q: %w", l.Name, err)
		}
	}
	for _, s := range in.Stacks {
		if !treePath(s) {
			return bad("stack %q is not a clean relative path", s)
		}
	}
	return nil
}

// holding refuses a repository whose paths do not fit together.
func holding(root string, owns []string, copies []Copy) error {
	if !treePath(root) || len(owns) == 0 {
		return fmt.Errorf("it has the root %q and owns %d paths", root, len(owns))
	}
	seen := map[string]bool{}
	for _, p := range owns {
		if !treePath(p) || !within(p, root) || seen[p] {
			return fmt.Errorf("the path %q is no clean one below %q, or is there twice", p, root)
		}
		seen[p] = true
	}
	for _, c := range copies {
		if !treePath(c.Path) || c.Path == "." || !within(c.Path, root) || seen[c.Path] || !digestForm.MatchString(c.Digest) {
			return fmt.Errorf("the copy %q has no clean path below %q or no digest, or is there twice", c.Path, root)
		}
		seen[c.Path] = true
	}
	return nil
}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// tags returns the names of all tags of a package, sorted.
func (p *Package) tags() []string {
	set := map[string]bool{p.Tag: true}
	for _, t := range p.Tags {
		set[t] = true
	}
	if p.Tag == "" {
		delete(set, "")
	}
	return slices.Sorted(maps.Keys(set))
}

// tagOf returns the tag that a call of the directory takes.
func (p *Package) tagOf(dir string) string {
	for d := dir; len(p.Tags) > 0; d = path.Dir(d) {
		if t, ok := p.Tags[d]; ok {
			return t
		}
		if d == "." {
			break
		}
	}
	return p.Tag
}

// cleanPath reports whether p is a relative slash path that stays below its root.
func cleanPath(p string) bool {
	return p != "" && path.Clean(p) == p && filepath.IsLocal(filepath.FromSlash(p)) && !strings.Contains(p, "\\")
}

// treePath reports whether p is a path of a tree, "." for the tree itself. It
// names nothing on a disk.
func treePath(p string) bool {
	return p != "" && path.Clean(p) == p && p[0] != '/' && !climbs(p) && !strings.Contains(p, "\x00")
}

// within reports whether the path p is dir or below it.
func within(p, dir string) bool {
	return dir == "." || p == dir || len(p) > len(dir) && p[len(dir)] == '/' && strings.HasPrefix(p, dir)
}

// A checker is the state of one Check.
type checker struct {
	ctx    context.Context
	in     Input
	mono   *snapshot
	out    *os.Root
	afters []*after // packages by path, then live repositories by name
	pkgs   int      // how many of afters are packages

	included  map[string][]string // terragrunt files of the monorepo, and the units that include them
	claims    map[string][]int    // whose each owned path is
	rest      []int               // the repositories of what nobody claims
	dirOwners map[string][]int
	dirs      map[dirOf]bool // see holdsDir
	spans     map[string]span
	sources   map[sourceKey]int // packages by what their callers write
	kept      []kept            // symlinks that stayed symlinks
	later     []func()          // what can be judged only when all files are known
	// attributes are the monorepo's, read where they are first asked for.
	attributes *attributes

	nodes    map[plumbing.Hash]*node // trees by id, whatever repository
	parsed   map[parseKey]*parsed
	blobErrs map[parseKey]error
	configs  map[configKey]*config
	results  map[place]*result
	counts   map[countKey]*count
	// countsBefore is how many of them there were when a walk began.
	countsBefore int

	found    []*fault
	unproved []Unproved
	stacks   []Stack
	seen     map[string]bool // which call faults and unproved things were told
	shared   map[string]bool // what symlinks of the monorepo lead to
	files    int
	done     int
	total    int
}

// A fault is a mismatch with what its effect on stacks depends on.
type fault struct {
	Mismatch
	repo int // index into afters; below 0 where it is of none
	all  bool
}

// ofCall is the repo of a fault that was found at a call.
const ofCall = -2

// failRepo records a mismatch of a whole repository.
func (ck *checker) failRepo(repo int, kind, file, format string, args ...any) {
	ck.found = append(ck.found, &fault{Mismatch{Kind: kind, File: file, Summary: fmt.Sprintf(format, args...)}, repo, true})
}

// failFile records a mismatch of a file in a repository; file is its path in
// the monorepo.
func (ck *checker) failFile(repo int, kind, file string, line int, format string, args ...any) {
	ck.found = append(ck.found, &fault{Mismatch{Kind: kind, File: file, Line: line, Summary: fmt.Sprintf(format, args...)}, repo, false})
}

func (ck *checker) step() {
	ck.done++
	if ck.in.Progress != nil {
		ck.in.Progress(ck.done, max(ck.total, ck.done))
	}
}

// An after is a written repository.
type after struct {
	index      int
	repository string   // as the report names it
	pkg        *Package // nil for a live repository
	live       *Live
	*snapshot  // of the recorded tip; its root is nil where it cannot be read
	tags       map[string]tagState

	top    string // the monorepo's directory that is its root
	owns   []string
	copies map[string]Copy
	// material are the symlinks that became files or directories: the path
	// here, and the one of the monorepo that its bytes are from.
	material map[string]string
	known    []bool // which of its files have their place in it
	// dependent are the values that depend on the paths that were stripped.
	dependent []problem
}

type tagState struct {
	object plumbing.Hash
	id     plumbing.Hash // of the commit
	found  bool
}

// openAfters opens the written repositories, and checks their refs and the
// commits they point to.
func (ck *checker) openAfters() error {
	pkgs, lives := slices.Clone(ck.in.Packages), slices.Clone(ck.in.Live)
	slices.SortFunc(pkgs, func(a, b Package) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(lives, func(a, b Live) int { return cmp.Compare(a.Repository, b.Repository) })
	ck.pkgs = len(pkgs)
	add := func(a *after, copies []Copy) {
		a.index, a.snapshot, a.copies, a.material = len(ck.afters), &snapshot{ck: ck}, map[string]Copy{}, map[string]string{}
		for _, c := range copies {
			a.copies[c.Path] = c
		}
		ck.afters = append(ck.afters, a)
	}
	for i := range pkgs {
		p := &pkgs[i]
		ck.sources[splitSource(p.Source).key()] = i
		add(&after{repository: p.Repository, pkg: p, tags: map[string]tagState{}, top: p.Root, owns: p.Owns}, p.Copies)
	}
	for i := range lives {
		l := &lives[i]
		add(&after{repository: l.Repository, live: l, top: l.Root, owns: l.Paths}, l.Copies)
	}
	ck.claim()
	ck.total = len(ck.afters)
	out, err := os.OpenRoot(ck.in.Out)
	if err != nil {
		return fmt.Errorf("the written repositories: %w", err)
	}
	ck.out = out
	for _, a := range ck.afters {
		if err := ck.ctx.Err(); err != nil {
			return err
		}
		st, err := openWritten(out, a.repository)
		if err != nil {
			ck.failRepo(a.index, "repository-unreadable", a.main(), "%s: %v", a.repository, err)
			continue
		}
		a.st = st
		if a.pkg != nil {
			ck.checkPackage(a)
		} else {
			ck.checkLive(a)
		}
		ck.step()
	}
	return ck.ctx.Err()
}

func (ck *checker) closeAfters() {
	if ck.out != nil {
		ck.out.Close()
	}
	for _, a := range ck.afters {
		if a.st != nil {
			a.st.close()
		}
	}
}

// openTip reads the recorded tip and its tree.
func (ck *checker) openTip(a *after, tip string) (commit, bool) {
	c, err := a.st.commit(plumbing.NewHash(tip))
	if err == nil {
		err = a.load(c.tree)
	}
	if err != nil && ck.ctx.Err() == nil {
		ck.failRepo(a.index, "missing-object", a.main(), "%s: the recorded tip cannot be read: %v", a.repository, err)
	}
	if err != nil {
		return commit{}, false
	}
	for _, name := range a.bad {
		ck.failRepo(a.index, "bad-path", a.main(), "%s holds the name %q", a.repository, name)
	}
	return c, true
}

func (ck *checker) checkPackage(a *after) {
	p := a.pkg
	if id, ok := a.st.ref("refs/heads/main"); !ok || id.String() != p.Tip {
		ck.failRepo(a.index, "main-moved", p.Path, "%s: branch main is at %s, recorded is %s", a.repository, showRef(id, ok), p.Tip)
	}
	for _, tag := range p.tags() {
		switch t, object := a.tag(tag), p.TagObjects[tag]; {
		case !t.found:
			ck.failRepo(a.index, "tag-missing", p.Path, "%s: there is no tag %q of a commit", a.repository, tag)
		case t.id.String() != p.Tip:
			ck.failRepo(a.index, "tag-moved", p.Path, "%s: tag %q is at %s, recorded is %s", a.repository, tag, t.id, p.Tip)
		case object != "" && t.object.String() != object:
			ck.failRepo(a.index, "tag-moved", p.Path, "%s: tag %q is object %s, recorded is %s", a.repository, tag, t.object, object)
		}
		if _, ok := a.st.ref("refs/heads/" + tag); ok {
			ck.failRepo(a.index, "ambiguous-tag", p.Path, "%s: a branch has the name of tag %q", a.repository, tag)
		}
	}
	tip, ok := ck.openTip(a, p.Tip)
	if !ok {
		return
	}
	extracted := tip
	if p.Extracted != p.Tip {
		if len(tip.parents) != 1 || tip.parents[0].String() != p.Extracted {
			ck.failRepo(a.index, "pin-parent", p.Path, "%s: the parents of tip %s are %v, not the extracted %s", a.repository, p.Tip, tip.parents, p.Extracted)
		}
		c, err := a.st.commit(plumbing.NewHash(p.Extracted))
		if err != nil {
			ck.failRepo(a.index, "missing-object", p.Path, "%s: the extracted tip %s cannot be read: %v", a.repository, p.Extracted, err)
			return
		}
		extracted = c
	}
	if p.InPlace {
		return // its commit is the monorepo's, and so every file
	}
	ck.checkExtracted(a, extracted.tree)
	if !p.History && len(extracted.parents) > 0 {
		ck.failRepo(a.index, "extracted-history", p.Path, "%s: made without history, commit %s has %d parents", a.repository, p.Extracted, len(extracted.parents))
	}
}

// checkExtracted compares the tree that history was extracted to with what the
// monorepo has at those paths.
func (ck *checker) checkExtracted(a *after, tree plumbing.Hash) {
	if want, ok := ck.filtered(a); !ok || want != tree {
		was := "nothing there"
		if ok {
			was = "tree " + want.String()
		}
		ck.failRepo(a.index, "extracted-tree", a.main(), "%s: the tree of the extracted tip is %s, the monorepo has %s", a.repository, tree, was)
	}
}

func (ck *checker) checkLive(a *after) {
	l := a.live
	if id, ok := a.st.ref("refs/heads/" + l.Branch); !ok || id.String() != l.Tip {
		ck.failRepo(a.index, "live-branch", a.top, "%s: branch %q is at %s, recorded is %s", a.repository, l.Branch, showRef(id, ok), l.Tip)
	}
	tip, ok := ck.openTip(a, l.Tip)
	if !ok {
		return
	}
	if l.Tip != l.Base && (len(tip.parents) != 1 || tip.parents[0].String() != l.Base) {
		what := "the extracted"
		if l.Paths == nil {
			what = "the split commit"
		}
		ck.failRepo(a.index, "live-parent", a.top, "%s: the parents of tip %s are %v, not %s %s", a.repository, l.Tip, tip.parents, what, l.Base)
	}
	if l.Paths == nil {
		return
	}
	base, err := a.st.commit(plumbing.NewHash(l.Base))
	if err != nil {
		ck.failRepo(a.index, "missing-object", a.top, "%s: the extracted tip %s cannot be read: %v", a.repository, l.Base, err)
		return
	}
	ck.checkExtracted(a, base.tree)
}

func showRef(id plumbing.Hash, ok bool) string {
	if !ok {
		return "no commit"
	}
	return id.String()
}

// tag returns the commit that a tag of the package points to, through
// annotated tags.
func (a *after) tag(name string) tagState {
	if t, ok := a.tags[name]; ok {
		return t
	}
	var t tagState
	if a.st != nil && refName("refs/tags/"+name) {
		if id, ok := a.st.ref("refs/tags/" + name); ok {
			t.object = id
			t.id, t.found = a.st.peel(id)
		}
	}
	a.tags[name] = t
	return t
}
