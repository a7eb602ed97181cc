package install

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lock"
)

// plain leaves the modules to terraform init, and then holds what it has
// fetched against the lock file.
func (s *stack) plain(ctx context.Context, w *walk, old, now *stamp, why string) (*Prepared, error) {
	now.Why = why
	if err := s.dropStamp(); err != nil {
		return nil, err
	}
	// What was put in place by us has no .git to tell its commit, and is not
	// for who does not trust it.
	if written, err := readManifest(s.root); err != nil || written != nil && (old == nil || old.Cheap) && s.lacksClone(written) {
		if err := s.root.RemoveAll(filepath.FromSlash(modulesDir)); err != nil {
			return nil, err
		}
	}
	if err := s.init(ctx, s.reconfigure(old, now), true); err != nil {
		return nil, err
	}
	p := &Prepared{Initialised: true, Why: why}
	if err := s.check(); err != nil {
		return nil, err
	}
	written, err := readManifest(s.root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.in.Stack, err)
	}
	if p.Modules, err = s.compare(written); err != nil {
		return nil, err
	}
	for _, m := range p.Modules {
		if m.Address != "" && !m.Locked && s.i.Lock == nil {
			p.Notes = append(p.Notes, fmt.Sprintf("%s: no lock file holds its modules: a ref may lead to another commit tomorrow; `terrier lock` writes one", s.in.Stack))
			break
		}
	}
	for _, m := range p.Modules {
		if m.Address == "" && !strings.HasPrefix(m.Source, "./") && !strings.HasPrefix(m.Source, "../") {
			p.Notes = append(p.Notes, fmt.Sprintf("%s: module %q comes from where no lock can hold it: what it gives may be another thing tomorrow", s.in.Stack, m.Key))
		}
	}
	now.Modules, now.Manifest, now.Ran = stampModules(p.Modules), digestFile(s.root, manifestFile), true
	now.Lock = digestFile(s.root, ".terraform.lock.hcl")
	now.State, now.Providers = s.stateDigest(), s.providersDigest()
	dirs := map[string]bool{s.rel: true}
	for _, m := range p.Modules {
		if at := path.Join(s.rel, m.Dir); !within(m.Dir, modulesDir) && fs.ValidPath(at) {
			dirs[at] = true
		}
	}
	now.Dirs = append(slices.Sorted(maps.Keys(dirs)), path.Join(s.rel, "tests"))
	now.Config = digestDirs(os.DirFS(s.base), now.Dirs, now.Links)
	if now.Files, err = allFiles(s.root); err != nil {
		return nil, err
	}
	return p, s.writeStamp(now)
}

// lacksClone reports whether a package of git is there with no .git in any of
// its copies.
func (s *stack) lacksClone(m *manifest) bool {
	has := map[string]bool{}
	for _, r := range m.Modules {
		if pkg, key := packageOf(r); pkg != "" {
			_, err := s.commitAt(key)
			has[pkg] = has[pkg] || err == nil
		}
	}
	for _, ok := range has {
		if !ok {
			return true
		}
	}
	return false
}

// packageOf is the package of an entry, as terraform copies it for a second
// call, and the directory that it is in; "" for a local module.
func packageOf(r manifestModule) (pkg, key string) {
	s, err := hclparse.ParseSource(r.Source)
	if err != nil || r.Key == "" || s.Kind == hclparse.KindLocal {
		return "", ""
	}
	return s.Package + "\n" + r.Version, r.Key
}

// compare holds what terraform has fetched against the lock file.
func (s *stack) compare(m *manifest) ([]Module, error) {
	if m == nil {
		return nil, nil
	}
	commits, where := map[string]string{}, map[string]string{}
	for _, r := range m.Modules {
		pkg, key := packageOf(r)
		if pkg == "" {
			continue
		}
		if where[pkg] == "" {
			where[pkg] = key
		}
		if c, err := s.commitAt(key); err == nil {
			if had := commits[pkg]; had != "" && had != c {
				return nil, fmt.Errorf("%s: terraform has two commits of one package: %s and %s\nhint: remove .terraform and plan again", s.in.Stack, had, c)
			}
			commits[pkg], where[pkg] = c, key
		}
	}
	s.copies(m, commits, where)
	var out []Module
	for _, r := range m.Modules {
		if r.Key == "" {
			continue
		}
		mod := Module{Key: r.Key, Source: r.Source, Version: r.Version, Dir: r.Dir}
		pkg, _ := packageOf(r)
		src, err := hclparse.ParseSource(r.Source)
		if pkg == "" || err != nil {
			out = append(out, mod)
			continue
		}
		mod.Address, mod.Subdir, mod.Ref, mod.Commit = lock.Address(src), src.Subdir, src.Ref, commits[pkg]
		if mod.Address != "" && s.i.Lock != nil {
			if err := s.hold(&mod, src, where[pkg]); err != nil {
				return nil, err
			}
		}
		out = append(out, mod)
	}
	return out, nil
}

// copies finds the commits of packages that terraform has copied from another
// call: of one repository, a registry's module and a call of git, say. They
// are those of the clone that has the same files.
func (s *stack) copies(m *manifest, commits, where map[string]string) {
	sums := map[string]string{}
	for _, r := range m.Modules {
		pkg, key := packageOf(r)
		if pkg == "" || commits[pkg] != "" {
			continue
		}
		if len(sums) == 0 {
			for p, c := range commits {
				if sum, err := s.sum(where[p]); err == nil {
					sums[sum] = c
				}
			}
		}
		if sum, err := s.sum(key); err == nil && sums[sum] != "" {
			commits[pkg] = sums[sum]
		}
	}
}

// sum is a digest of what terraform copies of a package: all but the names
// that begin with a dot.
func (s *stack) sum(key string) (string, error) {
	dir, err := s.root.OpenRoot(filepath.FromSlash(path.Join(modulesDir, key)))
	if err != nil {
		return "", err
	}
	defer dir.Close()
	h := sha256.New()
	err = fs.WalkDir(dir.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case hiddenPath(p) && d.IsDir():
			return fs.SkipDir
		case hiddenPath(p) || d.IsDir():
			return nil
		}
		var data []byte
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := dir.Readlink(p)
			if err != nil {
				return err
			}
			data = []byte(target)
		} else if data, err = dir.ReadFile(p); err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %v %d\n", p, d.Type(), len(data))
		_, _ = h.Write(data)
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// hold compares one module with the lock file.
func (s *stack) hold(m *Module, src hclparse.Source, where string) error {
	var e *lock.Entry
	if src.Kind != hclparse.KindRegistry {
		e = s.i.Lock.Find(m.Address, m.Ref)
	} else {
		// modules.json has the version that was chosen, not what was asked for.
		for _, one := range s.i.Lock.Entries {
			if one.Address == m.Address && (e == nil || sameVersion(one.Version, m.Version)) {
				e = one
			}
		}
	}
	if rest, ok := strings.CutPrefix(m.Address, "registry.opentofu.org/"); ok && e == nil {
		// OpenTofu's default, where the lock file has terraform's.
		m.Address = "registry.terraform.io/" + rest
		return s.hold(m, src, where)
	}
	if e == nil {
		return &NotLocked{Stack: s.in.Stack, Key: m.Key, Source: m.Address, Ref: m.Ref, File: s.rel, Line: 1}
	}
	m.Ref = e.Ref
	mismatch := &LockMismatch{Stack: s.in.Stack, Key: m.Key, Source: e.Address, Ref: e.Ref, Locked: e.Commit, Found: m.Commit}
	switch {
	case src.Kind == hclparse.KindRegistry && !sameVersion(e.Version, m.Version):
		mismatch.Locked, mismatch.Found = strings.TrimSpace(e.Commit+" (version "+e.Version+")"), strings.TrimSpace(m.Commit+" (version "+m.Version+")")
		return mismatch
	case e.Commit != "" && e.Commit != m.Commit:
		return mismatch
	case e.Commit == "":
		// An archive: its files are all there is to compare.
		found, err := lock.Hash(os.DirFS(filepath.Join(s.dir, filepath.FromSlash(modulesDir), where)))
		if err != nil || found != e.Hash {
			mismatch.Locked, mismatch.Found = e.Hash, found
			return mismatch
		}
	}
	m.Locked = true
	return nil
}

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// commitAt reads the commit that a clone in .terraform/modules is at.
func (s *stack) commitAt(key string) (string, error) {
	git := path.Join(modulesDir, key, ".git")
	head, err := s.root.ReadFile(git + "/HEAD")
	if err != nil {
		return "", err
	}
	at := strings.TrimSpace(string(head))
	for range 5 {
		name, symbolic := strings.CutPrefix(at, "ref: ")
		if !symbolic {
			break
		}
		if !fs.ValidPath(name) || !strings.HasPrefix(name, "refs/") {
			return "", errors.New("its HEAD leads nowhere")
		}
		if loose, err := s.root.ReadFile(git + "/" + name); err == nil {
			at = strings.TrimSpace(string(loose))
			continue
		}
		packed, err := s.root.ReadFile(git + "/packed-refs")
		if err != nil {
			return "", err
		}
		at = ""
		for line := range strings.Lines(string(packed)) {
			if id, ref, ok := strings.Cut(strings.TrimSpace(line), " "); ok && ref == name {
				at = id
			}
		}
	}
	if !fullCommit.MatchString(at) {
		return "", errors.New("its HEAD is at no commit")
	}
	return at, nil
}
