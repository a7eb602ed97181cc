package proof

import (
	"errors"
	"fmt"
	"path"
	"runtime"
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

// compareFiles checks that every path of the monorepo is in exactly one
// written repository, unchanged but for its source literals, and that these
// hold nothing else.
func (ck *checker) compareFiles() error {
	ck.shared = ck.linked()
	for _, f := range ck.mono.files {
		if err := ck.ctx.Err(); err != nil {
			return err
		}
		ck.files++
		owned, holders := ck.owners(f.path)
		for i, h := range holders {
			if i == 0 {
				ck.compareFile(f, h.after, h.file)
				continue
			}
			if h.pkg == nil {
				ck.failFile(h.index, "two-owners", f.path, 0, "is in %s and in %s", holders[0].repository, h.repository)
			}
		}
		if len(holders) == 0 {
			for _, a := range owned {
				if a.root != nil {
					ck.failFile(a.index, "file-missing", f.path, 0, "is not in %s", a.repository)
				}
			}
			if len(owned) == 0 {
				ck.failFile(-1, "file-missing", f.path, 0, "is in no repository")
			}
		}
	}
	for _, a := range ck.afters {
		missing := map[plumbing.Hash]bool{}
		for _, f := range a.files {
			p := a.origin(f.path)
			_, known := ck.mono.file(p)
			if !known || a.pkg == nil && ck.moved(p) {
				why := "the monorepo has no such file"
				if known {
					why = "it has moved to a package"
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

// moved reports whether a path of the monorepo belongs to a package.
func (ck *checker) moved(p string) bool {
	for _, a := range ck.afters[:ck.pkgs] {
		if within(p, a.pkg.Path) {
			return true
		}
	}
	return false
}

// A holder is a repository that has a file, and the file there.
type holder struct {
	*after
	file file
}

// owners returns the repositories that ought to have a path of the monorepo,
// and those among them that do.
func (ck *checker) owners(p string) (owned []*after, holders []holder) {
	for i := ck.pkgs - 1; i >= 0; i-- { // the innermost first
		if a := ck.afters[i]; within(p, a.pkg.Path) {
			owned = append(owned, a)
		}
	}
	if len(owned) == 0 {
		owned = ck.afters[ck.pkgs:]
	}
	for _, a := range owned {
		if f, ok := a.file(a.inside(p)); ok {
			holders = append(holders, holder{a, f})
		}
	}
	return owned, holders
}

// inside is the reverse of origin.
func (a *after) inside(p string) string {
	switch {
	case a.pkg == nil || a.pkg.Path == ".":
		return p
	case p == a.pkg.Path:
		return "."
	}
	return p[len(a.pkg.Path)+1:]
}

// compareFile compares a file before and after.
func (ck *checker) compareFile(was file, a *after, is file) {
	if was.mode != is.mode {
		ck.failFile(a.index, "mode-changed", was.path, 0, "has mode %06o in %s, %06o in the monorepo", is.mode, a.repository, was.mode)
	}
	if was.id == is.id {
		return
	}
	if !was.regular() || !is.regular() {
		if was.mode == is.mode {
			ck.failFile(a.index, "bytes-changed", was.path, 0, "is %s in %s, %s in the monorepo", is.id, a.repository, was.id)
		}
		return
	}
	lang := languageOf(path.Base(was.path))
	before, after := ck.parsed[parseKey{was.id, lang}], ck.parsed[parseKey{is.id, lang}]
	switch {
	case after != nil && after.unread:
		ck.failFile(a.index, "missing-object", was.path, 0, "%s: %s", a.repository, after.problem)
		return
	case lang != languageNone && before != nil && after != nil && before.problem == "" && after.problem != "":
		ck.failFile(a.index, "bytes-changed", was.path, after.line, "does not parse any more in %s: %s", a.repository, after.problem)
		return
	case lang == languageNone || before == nil || after == nil || before.problem != "":
		line := 0
		b, err := ck.mono.st.read(was.id, plumbing.BlobObject)
		if c, err2 := a.st.read(is.id, plumbing.BlobObject); err == nil && err2 == nil {
			line = lineAt(c, max(0, firstDifference(b, c)))
		}
		why := ""
		if lang != languageNone {
			why = "; it could not be read as configuration, so nothing of it may change"
		}
		ck.failFile(a.index, "bytes-changed", was.path, line, "has other bytes in %s%s", a.repository, why)
		return
	}
	if off := differs(before.data, after.data, before.literals, after.literals); off >= 0 {
		ck.failFile(a.index, "bytes-changed", was.path, lineAt(after.data, off), "has other bytes in %s, outside its sources", a.repository)
		return
	}
	// A source counts even where nothing reads it: a hidden file, one that an
	// override or a twin replaces. Where symlinks lead to the file it has its
	// meaning elsewhere.
	shared := ck.isShared(was.path)
	for i, b := range before.calls {
		if i >= len(after.calls) || shared || b.lit == nil || after.calls[i].lit == nil || b.lit.raw == after.calls[i].lit.raw {
			continue
		}
		c := after.calls[i]
		from := place{path.Dir(was.path), a.index, path.Dir(is.path), viewTerraform}
		j := ck.judge(from, site{terragrunt: b.terragrunt, hasSource: true, lit: b.lit}, site{terragrunt: c.terragrunt, hasSource: true, lit: c.lit})
		if j.kind != "" {
			ck.failFile(a.index, j.kind, was.path, c.lit.line, "%s", j.summary)
		}
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

// compareLinks checks that each symlink leads to the same path of the
// monorepo, or to none, as before.
func (ck *checker) compareLinks() {
	for _, f := range ck.mono.files {
		if f.mode&modeType != modeLink {
			continue
		}
		was := ck.mono.resolve(f.path).path
		_, holders := ck.owners(f.path)
		for _, h := range holders {
			if h.file.id != f.id || h.file.mode != f.mode {
				continue // told already
			}
			is := h.resolve(h.file.path).path
			if is != "" {
				is = h.origin(is)
			}
			if is != was {
				ck.failFile(h.index, "symlink-broken", f.path, 0, "leads to %s in %s, to %s in the monorepo", orNothing(is), h.repository, orNothing(was))
			}
		}
	}
}

func orNothing(p string) string {
	if p == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", p)
}
