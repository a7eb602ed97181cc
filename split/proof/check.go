package proof

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"path/filepath"
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
	Progress func(done, total int)
}

// A Package is a module directory that became a bare repository.
type Package struct {
	Name       string
	Path       string // the directory in the monorepo
	Repository string // slash path below Input.Out: "modules/vpc.git"
	Source     string // what a caller's source begins with: without //sub, without ref
	Tag        string
	Tip        string // the commit that is recorded as the tip of main
	Extracted  string // the tip before the pin commit; Tip where there is none
	History    bool   // false where it was made of one root commit
}

// Live is a repository of what stayed.
type Live struct {
	Name       string
	Repository string // slash path below Input.Out: "live/live"
	Branch     string
	Tip        string
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
		configs: map[configKey]*config{}, results: map[place]*result{}, counts: map[countKey]*count{}, seen: map[string]bool{}}
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
	paths, repositories, sources := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, p := range in.Packages {
		switch {
		case !isID(p.Tip) || !isID(p.Extracted):
			return bad("package %q has no commit ids", p.Name)
		case !cleanPath(p.Path) || !cleanPath(p.Repository) || p.Repository == ".":
			return bad("package %q is at %q in %q, which are not clean relative paths", p.Name, p.Path, p.Repository)
		case p.Source == "" || splitSource(p.Source).sub != "" || len(splitSource(p.Source).refs) > 0:
			return bad("package %q has no usable source", p.Name)
		case !refName("refs/tags/" + p.Tag):
			return bad("package %q has the tag %q, which git does not allow", p.Name, p.Tag)
		case paths[p.Path] || repositories[p.Repository] || sources[p.Source]:
			return bad("package %q shares its path, repository or source with another", p.Name)
		}
		paths[p.Path], repositories[p.Repository], sources[p.Source] = true, true, true
	}
	for _, l := range in.Live {
		if !isID(l.Tip) || !cleanPath(l.Repository) || l.Repository == "." || !refName("refs/heads/"+l.Branch) || repositories[l.Repository] {
			return bad("the live repository %q has no usable tip, branch or path", l.Name)
		}
		repositories[l.Repository] = true
	}
	for _, s := range in.Stacks {
		if !cleanPath(s) {
			return bad("stack %q is not a clean relative path", s)
		}
	}
	return nil
}

// cleanPath reports whether p is a relative slash path that stays below its root.
func cleanPath(p string) bool {
	return p != "" && path.Clean(p) == p && filepath.IsLocal(filepath.FromSlash(p)) && !strings.Contains(p, "\\")
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
	afters []*after // packages by path, then live repositories by name
	pkgs   int      // how many of afters are packages

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
	source     source
	tags       map[string]tagState
}

type tagState struct {
	id    plumbing.Hash // of the commit
	found bool
}

// origin returns the monorepo's path for a path of the repository.
func (a *after) origin(p string) string {
	if a.pkg != nil {
		return path.Join(a.pkg.Path, p)
	}
	return p
}

// openAfters opens the written repositories, and checks their refs and the
// commits they point to.
func (ck *checker) openAfters() error {
	pkgs, lives := slices.Clone(ck.in.Packages), slices.Clone(ck.in.Live)
	slices.SortFunc(pkgs, func(a, b Package) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(lives, func(a, b Live) int { return cmp.Compare(a.Repository, b.Repository) })
	ck.pkgs = len(pkgs)
	for i := range pkgs {
		a := &after{index: i, repository: pkgs[i].Repository, pkg: &pkgs[i], snapshot: &snapshot{ck: ck}, source: splitSource(pkgs[i].Source), tags: map[string]tagState{}}
		ck.afters = append(ck.afters, a)
	}
	for i := range lives {
		ck.afters = append(ck.afters, &after{index: ck.pkgs + i, repository: lives[i].Repository, live: &lives[i], snapshot: &snapshot{ck: ck}})
	}
	ck.total = len(ck.afters)
	for i, a := range pkgs {
		for _, b := range pkgs[i+1:] {
			if within(b.Path, a.Path) {
				ck.failFile(i, "two-owners", b.Path, 0, "is in %s and in %s", a.Repository, b.Repository)
			}
		}
	}
	for _, a := range ck.afters {
		if err := ck.ctx.Err(); err != nil {
			return err
		}
		st, err := openStore(filepath.Join(ck.in.Out, filepath.FromSlash(a.repository)))
		if err != nil {
			ck.failRepo(a.index, "repository-unreadable", a.origin("."), "%s: %v", a.repository, err)
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
		ck.failRepo(a.index, "missing-object", a.origin("."), "%s: the recorded tip cannot be read: %v", a.repository, err)
	}
	if err != nil {
		return commit{}, false
	}
	for _, name := range a.bad {
		ck.failRepo(a.index, "bad-path", a.origin("."), "%s holds the name %q", a.repository, name)
	}
	return c, true
}

func (ck *checker) checkPackage(a *after) {
	p := a.pkg
	if id, ok := a.st.ref("refs/heads/main"); !ok || id.String() != p.Tip {
		ck.failRepo(a.index, "main-moved", p.Path, "%s: branch main is at %s, recorded is %s", a.repository, showRef(id, ok), p.Tip)
	}
	switch t := a.tag(p.Tag); {
	case !t.found:
		ck.failRepo(a.index, "tag-missing", p.Path, "%s: there is no tag %q of a commit", a.repository, p.Tag)
	case t.id.String() != p.Tip:
		ck.failRepo(a.index, "tag-moved", p.Path, "%s: tag %q is at %s, recorded is %s", a.repository, p.Tag, t.id, p.Tip)
	}
	if _, ok := a.st.ref("refs/heads/" + p.Tag); ok {
		ck.failRepo(a.index, "ambiguous-tag", p.Path, "%s: a branch has the name of tag %q", a.repository, p.Tag)
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
	if n := ck.mono.dir(p.Path); n == nil || n.id != extracted.tree {
		was := "no directory"
		if n != nil {
			was = "tree " + n.id.String()
		}
		ck.failRepo(a.index, "extracted-tree", p.Path, "%s: the tree of the extracted tip is %s, the monorepo has %s", a.repository, extracted.tree, was)
	}
	if !p.History && len(extracted.parents) > 0 {
		ck.failRepo(a.index, "extracted-history", p.Path, "%s: made without history, commit %s has %d parents", a.repository, p.Extracted, len(extracted.parents))
	}
}

func (ck *checker) checkLive(a *after) {
	l := a.live
	if id, ok := a.st.ref("refs/heads/" + l.Branch); !ok || id.String() != l.Tip {
		ck.failRepo(a.index, "live-branch", ".", "%s: branch %q is at %s, recorded is %s", a.repository, l.Branch, showRef(id, ok), l.Tip)
	}
	tip, ok := ck.openTip(a, l.Tip)
	if !ok {
		return
	}
	if l.Tip != ck.in.Commit && (len(tip.parents) != 1 || tip.parents[0].String() != ck.in.Commit) {
		ck.failRepo(a.index, "live-parent", ".", "%s: the parents of tip %s are %v, not the split commit %s", a.repository, l.Tip, tip.parents, ck.in.Commit)
	}
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
			t.id, t.found = a.st.peel(id)
		}
	}
	a.tags[name] = t
	return t
}
