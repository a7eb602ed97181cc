package proof

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// parseKey is one blob, read in one language.
type parseKey struct {
	id   plumbing.Hash
	lang language
}

// parseAll parses each distinct configuration file of the monorepo and of the
// written repositories once. Objects are read one after the other, and parsed
// beside that.
func (ck *checker) parseAll() error {
	type job struct {
		key  parseKey
		data []byte
		out  *parsed
	}
	jobs := make(chan *job, 64)
	var wg sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for j := range jobs {
				j.out = parse(j.data, j.key.lang)
			}
		})
	}
	var all []*job
	asked := map[parseKey]bool{}
	snapshots := []*snapshot{ck.mono}
	for _, a := range ck.afters {
		snapshots = append(snapshots, a.snapshot)
	}
	for _, s := range snapshots {
		for _, f := range s.files {
			key := parseKey{f.id, languageOf(path.Base(f.path))}
			if key.lang == languageNone || !f.regular() && f.mode&modeType != modeLink || asked[key] || ck.ctx.Err() != nil {
				continue
			}
			if !f.regular() {
				// A symlink's target may have another name, and so no language of its own.
				to := s.resolve(f.path)
				if to.path == "" || to.dir != nil || !to.file.regular() {
					continue
				}
				if key.id = to.file.id; asked[key] {
					continue
				}
			}
			data, err := s.st.read(key.id, plumbing.BlobObject)
			if errors.Is(err, errMissing) {
				ck.blobErrs[key] = err
				continue // another repository may have it
			}
			asked[key] = true
			delete(ck.blobErrs, key)
			if err != nil {
				ck.parsed[key] = &parsed{problem: err.Error(), unread: true}
				continue
			}
			j := &job{key: key, data: data}
			all = append(all, j)
			jobs <- j
		}
	}
	close(jobs)
	wg.Wait()
	for _, j := range all {
		ck.parsed[j.key] = j.out
	}
	return ck.ctx.Err()
}

// compareFiles checks that every path of the monorepo is in the repository that
// owns it, and in those that list it as a copy, unchanged but for its source
// literals, and that these hold nothing else.
func (ck *checker) compareFiles() error {
	ck.shared = ck.linked()
	for _, a := range ck.afters {
		a.known = make([]bool, len(a.files))
	}
	for _, f := range ck.mono.files {
		if err := ck.ctx.Err(); err != nil {
			return err
		}
		ck.files++
		owners := ck.owners(f.path)
		var first *after
		for _, i := range owners {
			a := ck.afters[i]
			in, ok := a.inside(f.path)
			if !ok || !a.has(in, f.entry) {
				continue
			}
			if first != nil {
				ck.failFile(i, "two-owners", f.path, 0, "is in %s and in %s", first.repository, a.repository)
				a.mark(in)
				continue
			}
			first = a
			ck.compareEntry(a, f.path, in, f.entry)
		}
		if first != nil {
			continue
		}
		for _, i := range owners {
			if a := ck.afters[i]; a.root != nil {
				ck.failFile(i, "file-missing", f.path, 0, "is not in %s", a.repository)
			}
		}
		if len(owners) == 0 {
			ck.failFile(-1, "file-missing", f.path, 0, "is in no repository")
		}
	}
	for _, a := range ck.afters {
		if err := ck.compareCopies(a); err != nil {
			return err
		}
	}
	ck.gitAttributes()
	ck.gitModules()
	for _, judge := range ck.later {
		judge()
	}
	for _, a := range ck.afters {
		if a.inPlace() {
			continue
		}
		missing := map[plumbing.Hash]bool{}
		for i, f := range a.files {
			p := a.origin(f.path)
			if !a.known[i] {
				why := "the monorepo has no such file"
				if _, known := ck.mono.file(p); known {
					why = "it is another repository's, and no listed copy"
					if owners := ck.owners(p); len(owners) > 0 && owners[0] != a.index {
						why = "it belongs to " + ck.afters[owners[0]].repository + ", and is no listed copy"
					}
				}
				ck.failFile(a.index, "file-extra", p, 0, "is in %s, and %s", a.repository, why)
			}
			if f.mode&modeType != modeModule && !missing[f.id] && !a.st.has(f.id) {
				missing[f.id] = true
				ck.failFile(a.index, "missing-object", p, 0, "%s lacks blob %s", a.repository, f.id)
			}
		}
	}
	return nil
}

// compareCopies checks the files that a repository holds beside its own. What
// reads such a file is not known, so a fault in one is of all that the
// repository holds.
func (ck *checker) compareCopies(a *after) error {
	from := len(ck.found)
	for _, p := range slices.Sorted(maps.Keys(a.copies)) {
		if err := ck.ctx.Err(); err != nil {
			return err
		}
		c := a.copies[p]
		f, ok := ck.mono.file(p)
		if !ok || f.mode&modeType == modeModule {
			ck.failFile(a.index, "copy-wrong", p, 0, "%s lists it as a copy, and the monorepo has no such file", a.repository)
			continue
		}
		owned := slices.ContainsFunc(ck.owners(p), func(i int) bool { return i != a.index && ck.afters[i].repository == c.Owner })
		if !owned {
			ck.failFile(a.index, "copy-wrong", p, 0, "%s lists it as a copy of %q, which does not own it", a.repository, c.Owner)
		}
		digest, err := ck.mono.st.digest(f.id)
		if errors.Is(err, errMissing) && a.root != nil {
			digest, err = a.st.digest(f.id) // a partial clone
		}
		switch {
		case err != nil:
			ck.failFile(a.index, "copy-wrong", p, 0, "%s lists it as a copy, whose digest cannot be told: %v", a.repository, err)
		case digest != c.Digest:
			ck.failFile(a.index, "copy-wrong", p, 0, "%s lists it as a copy with digest %s, the monorepo's file has %s", a.repository, c.Digest, digest)
		}
		if a.root == nil {
			continue // told of the repository
		}
		if in, ok := a.inside(p); ok && a.has(in, f.entry) {
			ck.compareEntry(a, p, in, f.entry)
		} else {
			ck.failFile(a.index, "file-missing", p, 0, "is not in %s, which lists it as a copy", a.repository)
		}
	}
	for _, f := range ck.found[from:] {
		f.all = true
	}
	return nil
}

// has reports whether a path of the repository holds what may stand for an
// entry of the monorepo: for a symlink a directory will do.
func (a *after) has(in string, was entry) bool {
	if _, ok := a.file(in); ok {
		return true
	}
	return was.mode&modeType == modeLink && a.root != nil && in != "." && a.dir(in) != nil
}

// mark says that a file has its place in the repository.
func (a *after) mark(in string) {
	if i, ok := a.snapshot.index[in]; ok {
		a.known[i] = true
	}
}

// compareEntry compares what stands at p in the monorepo, of the given entry,
// with what stands at in. It is there, if only as a directory for a symlink.
func (ck *checker) compareEntry(a *after, p, in string, was entry) {
	is, isFile := a.file(in)
	if isFile {
		a.mark(in)
	}
	if was.mode&modeType != modeLink || isFile && is.mode&modeType == modeLink {
		if isFile && is.id == was.id && is.mode == was.mode && is.mode&modeType == modeLink {
			ck.kept = append(ck.kept, kept{a, p, in})
		}
		ck.compareFile(a, p, was, is)
		return
	}
	to := ck.mono.resolve(p)
	switch {
	case to.path == "":
		ck.failFile(a.index, "mode-changed", p, 0, "was a symlink that leads to nothing, and is none in %s", a.repository)
	case !ck.crosses(a, to) && !(isFile && ck.otherCalls(a, p, to, is)):
		ck.failFile(a.index, "mode-changed", p, 0, "was a symlink to %q, which %s holds, and is none there", to.path, a.repository)
	case to.dir == nil && isFile:
		a.material[in] = to.path
		ck.compareFile(a, p, to.file, is)
	case to.dir != nil && !isFile:
		a.material[in] = to.path
		ck.compareDir(a, p, in, to)
	default:
		ck.failFile(a.index, "mode-changed", p, 0, "was a symlink to %q, and is of another type in %s", to.path, a.repository)
	}
}

// otherCalls reports whether a symlink to a configuration file became a file
// that differs in nothing but sources from what it led to: the same call needs
// other sources in the two places.
func (ck *checker) otherCalls(a *after, p string, to spot, is file) bool {
	lang := languageOf(path.Base(p))
	in, ok := a.inside(to.path)
	now, found := a.file(in)
	if !ok || !found || to.dir != nil || lang == languageNone || is.id == now.id {
		return false
	}
	before, after := ck.parsed[parseKey{to.file.id, lang}], ck.parsed[parseKey{is.id, lang}]
	return before != nil && after != nil && before.problem == "" && after.problem == "" && differs(before.data, after.data, before.literals, after.literals) < 0
}

// crosses reports whether a symlink that leads there leaves the repository on
// its way. One to a directory of which the repository holds a part may be
// kept, and may be made a directory.
func (ck *checker) crosses(a *after, to spot) bool {
	return slices.ContainsFunc(to.links, func(l string) bool { return !ck.holds(a, l) }) || !ck.holdsAll(a, to.path)
}

// compareDir compares the directory that a symlink at p led to with the one
// that stands there now. It goes no deeper than what was written.
func (ck *checker) compareDir(a *after, p, in string, to spot) {
	if ck.ctx.Err() != nil {
		return
	}
	for _, e := range to.dir.entries {
		sub, here := path.Join(p, e.name), path.Join(in, e.name)
		if e.mode&modeType != modeTree {
			if a.has(here, e) {
				ck.compareEntry(a, sub, here, e)
			} else {
				ck.failFile(a.index, "file-missing", sub, 0, "is not in %s, where the symlink to %q became a directory", a.repository, to.path)
			}
			continue
		}
		below, err := ck.mono.node(e.id)
		if err != nil {
			continue // told when the tree was read
		}
		if a.dir(here) == nil {
			ck.failFile(a.index, "file-missing", sub, 0, "is not in %s, where the symlink to %q became a directory", a.repository, to.path)
			continue
		}
		ck.compareDir(a, sub, here, spot{path: path.Join(to.path, e.name), dir: below})
	}
}

// compareFile compares a file at p of the monorepo before and after.
func (ck *checker) compareFile(a *after, p string, was entry, is file) {
	if was.mode != is.mode {
		ck.failFile(a.index, "mode-changed", p, 0, "has mode %06o in %s, %06o in the monorepo", is.mode, a.repository, was.mode)
	}
	if was.id == is.id {
		return
	}
	if !was.regular() || !is.regular() {
		if was.mode == is.mode {
			ck.failFile(a.index, "bytes-changed", p, 0, "is %s in %s, %s in the monorepo", is.id, a.repository, was.id)
		}
		return
	}
	lang := languageOf(path.Base(p))
	before, after := ck.parsed[parseKey{was.id, lang}], ck.parsed[parseKey{is.id, lang}]
	switch {
	case after != nil && after.unread:
		ck.failFile(a.index, "missing-object", p, 0, "%s: %s", a.repository, after.problem)
		return
	case lang != languageNone && before != nil && after != nil && before.problem == "" && after.problem != "":
		ck.failFile(a.index, "bytes-changed", p, after.line, "does not parse any more in %s: %s", a.repository, after.problem)
		return
	case lang == languageNone || before == nil || after == nil || before.problem != "":
		line := 0
		b, err := ck.mono.st.read(was.id, plumbing.BlobObject)
		if c, err2 := a.st.read(is.id, plumbing.BlobObject); err == nil && err2 == nil {
			if p == a.origin(attributesFile) && is.path == attributesFile && extends(b, c) {
				return // what it says is compared
			}
			if ck.in.Docs && isMarkdown(p) {
				ck.compareDocs(a, p, is.path, b, c)
				return
			}
			line = lineAt(c, max(0, firstDifference(b, c)))
		}
		why := ""
		if lang != languageNone {
			why = "; it could not be read as configuration, so nothing of it may change"
		}
		ck.failFile(a.index, "bytes-changed", p, line, "has other bytes in %s%s", a.repository, why)
		return
	}
	if off := differs(before.data, after.data, before.literals, after.literals); off >= 0 {
		ck.failFile(a.index, "bytes-changed", p, lineAt(after.data, off), "has other bytes in %s, outside its sources", a.repository)
		return
	}
	// A source counts even where nothing reads it: a hidden file, one that an
	// override or a twin replaces. Where symlinks lead to the file it has its
	// meaning elsewhere.
	shared := ck.isShared(p)
	if units := ck.includers(p); len(units) > 0 || lang == languageInclude {
		ck.compareIncluded(a, p, after, units)
		return
	}
	for i, b := range before.calls {
		if i >= len(after.calls) || shared || b.lit == nil || after.calls[i].lit == nil || b.lit.raw == after.calls[i].lit.raw {
			continue
		}
		c := after.calls[i]
		from := place{ck.mono.resolve(path.Dir(p)).path, a.index, path.Dir(is.path), viewTerraform}
		ck.later = append(ck.later, func() {
			j := ck.judge(from, site{terragrunt: b.terragrunt, hasSource: true, lit: b.lit}, site{terragrunt: c.terragrunt, hasSource: true, lit: c.lit})
			if j.kind != "" {
				ck.failFile(a.index, j.kind, p, c.lit.line, "%s", j.summary)
			}
		})
	}
}

// linked returns the paths of the monorepo that symlinks lead to: files, and
// directories with all that is below them.
func (ck *checker) linked() map[string]bool {
	out := map[string]bool{}
	for _, f := range ck.mono.files {
		if f.mode&modeType == modeLink {
			if to := ck.mono.resolve(f.path); to.path != "" {
				out[to.path] = true
			}
		}
	}
	return out
}

// isShared reports whether a symlink leads to the file or to a directory that
// holds it.
func (ck *checker) isShared(p string) bool {
	if len(ck.shared) == 0 {
		return false
	}
	for ; p != "."; p = path.Dir(p) {
		if ck.shared[p] {
			return true
		}
	}
	return ck.shared["."]
}

// A kept is a symlink that stayed one: its place in the monorepo, and in a
// repository.
type kept struct {
	*after
	path, in string
}

// compareLinks checks that each symlink leads to the same path of the
// monorepo, or to none, as before.
func (ck *checker) compareLinks() {
	for _, k := range ck.kept {
		was, is := ck.mono.resolve(k.path).path, k.resolve(k.in).path
		if is != "" {
			is = k.meaning(is)
		}
		if is == "" && ck.emptied(k.after, was) {
			continue
		}
		if is != was {
			ck.failFile(k.index, "symlink-broken", k.path, 0, "leads to %s in %s, to %s in the monorepo", orNothing(is), k.repository, orNothing(was))
		}
	}
}

// emptied reports whether a directory is gone because all that was in it are
// whole directories of packages. A symlink to it may be left as it is: the
// calls through it are judged where they are.
func (ck *checker) emptied(a *after, dir string) bool {
	if a.live == nil || dir == "" || ck.mono.dir(dir) == nil {
		return false
	}
	for _, f := range ck.below(dir) {
		if ck.holds(a, f.path) || !ck.ownedBelow(f.path, dir) {
			return false
		}
	}
	return true
}

// ownedBelow reports whether a path is in a directory that a package owns as a
// whole, strictly below dir.
func (ck *checker) ownedBelow(p, dir string) bool {
	for d := path.Dir(p); d != dir && d != "."; d = path.Dir(d) {
		for _, i := range ck.claims[d] {
			if ck.afters[i].pkg != nil {
				return true
			}
		}
	}
	return false
}

func orNothing(p string) string {
	if p == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", p)
}
