package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/terrier-iac/terrier/modules/repo"
)

// tested are the releases of which the files that init leaves were compared
// with ours, byte for byte: what they write is internal to them. Any other
// version installs its modules itself.
var tested = map[string][]string{
	"terraform": {"1.11."},
}

// Tested reports whether modules are put in place for this terraform.
func Tested(product, version string) bool {
	for _, prefix := range tested[product] {
		if rest, ok := strings.CutPrefix(version, prefix); ok && rest != "" && strings.Trim(rest, "0123456789") == "" {
			return true
		}
	}
	return false
}

// Prepare makes a stack ready to be planned: its modules are those of the lock
// file, at their place, and terraform init has run where it had to. The stack's
// directory is the caller's until Release; who asks for it meanwhile waits.
//
// The errors to decide by are *LockMismatch, *NotLocked and ErrOutside; one of
// Init comes back as it is. After an error the next Prepare begins anew.
func (i *Installer) Prepare(ctx context.Context, in Input) (*Prepared, error) {
	s, err := i.take(ctx, in)
	if err != nil {
		return nil, err
	}
	p, err := s.prepare(ctx)
	if err != nil {
		s.release()
		return nil, err
	}
	p.release = s.release
	return p, nil
}

func (s *stack) prepare(ctx context.Context) (*Prepared, error) {
	i := s.i
	now := &stamp{
		Format: stampFormat, Terraform: strings.Join([]string{i.Path, i.Product, i.Version}, "\n"),
		CLI: i.cliDigest(), Lock: digestFile(s.root, ".terraform.lock.hcl"),
	}
	w := &walk{i: i, root: s.base, stack: s.rel, name: s.in.Stack}
	old := s.readStamp()
	if !i.Off && old != nil {
		if p, err := s.unchanged(ctx, w, old, now); p != nil || err != nil {
			return p, err
		}
	}
	err := s.walk(ctx, w)
	var l leave
	if err != nil && !errors.As(err, &l) {
		return nil, err
	}
	now.Backend = s.backendDigest(w.backend)
	now.Dirs = append(slices.Sorted(maps.Keys(w.dirs)), path.Join(s.rel, "tests"))
	now.Links = w.links
	now.Config = digestDirs(os.DirFS(s.base), now.Dirs, now.Links)
	needs, builtin := w.needs()
	now.Needs = digest(needs...)
	if err != nil {
		// Names in a package are somebody else's.
		why := strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return '?'
			}
			return r
		}, l.why)
		return s.plain(ctx, w, old, now, why)
	}
	return s.cheap(ctx, w, old, now, builtin)
}

// walk finds the modules, or says why terraform is to find them.
func (s *stack) walk(ctx context.Context, w *walk) error {
	i := s.i
	err := w.run(ctx)
	if err != nil && !errors.As(err, &leave{}) {
		return err
	}
	switch {
	case i.Off:
		return leave{"it was asked for"}
	case filepath.Separator != '/':
		return leaveIt("modules are not put in place on this system")
	case !Tested(i.Product, i.Version):
		return leaveIt("modules are not put in place for %s %s", i.Product, i.Version)
	case err != nil:
		return err
	}
	i.plainOnce.Do(func() { i.plainWhy, i.plainErr = repo.Plain(context.WithoutCancel(ctx)) })
	if i.plainErr != nil {
		return i.plainErr
	}
	for _, n := range w.nodes {
		if n.pkg != nil && i.plainWhy != "" {
			return leave{i.plainWhy}
		}
	}
	return nil
}

// unchanged finds out that nothing is to be done: nil where something is.
func (s *stack) unchanged(ctx context.Context, w *walk, old, now *stamp) (*Prepared, error) {
	if old.Terraform != now.Terraform || old.CLI != now.CLI || old.Lock != now.Lock ||
		digestDirs(os.DirFS(s.base), old.Dirs, old.Links) != old.Config || old.Manifest != digestFile(s.root, manifestFile) {
		return nil, nil
	}
	root := read(os.DirFS(s.base), s.rel, false, true)
	if s.backendDigest(root.backend) != old.Backend || old.State != s.stateDigest() || !old.Ran && !s.stateIsBuiltin() || !old.filesSame(s.root) {
		return nil, nil
	}
	if old.Ran && old.Providers != s.providersDigest() {
		return nil, nil
	}
	// What the lock file says now, or where there is none the remotes.
	locked := s.i.Lock != nil
	for _, m := range old.Modules {
		if m.Address == "" {
			continue
		}
		if !locked || !m.Locked {
			return nil, nil // the walk asks
		}
		e := s.i.Lock.Find(m.Address, m.Ref)
		if e == nil || e.Commit != m.Commit || m.Version != "" && !sameVersion(e.Version, m.Version) {
			return nil, nil // the walk says what is wrong
		}
		if err := s.i.seenMoved(ctx, s.in.Stack, m, e); err != nil {
			return nil, err
		}
	}
	written, err := readManifest(s.root)
	if err != nil {
		return nil, nil
	}
	return &Prepared{Modules: old.modules(written), Cheap: old.Cheap, Unchanged: true, Why: old.Why}, nil
}

// cheap puts the modules in place and runs terraform init where it has to.
func (s *stack) cheap(ctx context.Context, w *walk, old, now *stamp, builtin bool) (*Prepared, error) {
	p := &Prepared{Cheap: true}
	for _, n := range w.nodes {
		p.Modules = append(p.Modules, n.Module)
	}
	slices.SortFunc(p.Modules, func(a, b Module) int { return strings.Compare(a.Key, b.Key) })
	if len(w.unlock) > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s: no lock file holds its modules: a ref may lead to another commit tomorrow; `terrier lock` writes one", s.in.Stack))
	}
	now.Cheap, now.Modules = true, stampModules(p.Modules)
	m := manifestOf(w.nodes)
	var data []byte
	if m != nil {
		var err error
		if data, err = m.bytes(); err != nil {
			return nil, err
		}
		now.Manifest = digest(string(data))
	}
	keep := old != nil && old.Cheap && sameModules(old.Modules, now.Modules) && old.Manifest == now.Manifest && now.Manifest == digestFile(s.root, manifestFile) && old.filesSame(s.root)
	fresh := old == nil || !old.Ran || old.Terraform != now.Terraform || old.CLI != now.CLI || old.Backend != now.Backend || old.Lock != now.Lock || old.Needs != now.Needs ||
		old.State != s.stateDigest() || old.Providers != s.providersDigest()
	idle := builtin && s.stateIsBuiltin() && w.backend == "" && s.in.Workspace == "" && len(s.in.BackendConfig) == 0
	if !keep || !idle && fresh {
		if err := s.dropStamp(); err != nil {
			return nil, err
		}
	}
	if keep {
		now.Files = old.Files
	} else if m != nil {
		if err := s.place(ctx, w.nodes, data, m.mode()); err != nil {
			return nil, fmt.Errorf("%s: put its modules in place: %w", s.in.Stack, err)
		}
		for _, n := range w.nodes {
			if n.pkg == nil {
				continue
			}
			for _, f := range s.i.written(n) {
				line, err := statLine(s.root, path.Join(modulesDir, n.Key, f))
				if err != nil {
					return nil, err
				}
				now.Files = append(now.Files, line)
			}
		}
	} else if err := s.root.RemoveAll(filepath.FromSlash(modulesDir)); err != nil {
		return nil, err
	}
	switch {
	case idle:
	case fresh:
		if err := s.init(ctx, s.reconfigure(old, now), false); err != nil {
			return nil, err
		}
		p.Initialised = true
		if now.Manifest != digestFile(s.root, manifestFile) {
			return nil, fmt.Errorf("%s: terraform init has changed the modules that were put in place\nhint: plan with the cheap init off, and report this with the version of terraform", s.in.Stack)
		}
		now.Lock = digestFile(s.root, ".terraform.lock.hcl") // it writes one where there is none
		fallthrough
	default:
		now.Ran = true
	}
	p.Unchanged = keep && !p.Initialised
	now.State, now.Providers = s.stateDigest(), s.providersDigest()
	return p, s.writeStamp(now)
}

// written are the files that write has made for a node.
func (i *Installer) written(n *node) []string {
	var names []string
	for _, e := range n.pkg.tree.Entries() {
		if !n.again || !hiddenPath(e.Path) {
			names = append(names, e.Path)
		}
	}
	return names
}

func sameModules(a, b []stampModule) bool { return slices.Equal(a, b) }

// place makes .terraform/modules anew, beside the old one, and then puts it in
// that one's place: killed at any point there is the old, the new, or none.
func (s *stack) place(ctx context.Context, nodes []*node, manifest []byte, mode os.FileMode) (err error) {
	if err := s.root.Mkdir(".terraform", 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	next, last := filepath.Join(".terraform", tempPrefix+"next"), filepath.Join(".terraform", tempPrefix+"last")
	defer func() {
		if err != nil {
			_ = s.root.RemoveAll(next)
		}
	}()
	if err := s.root.Mkdir(next, 0o777); err != nil {
		return err
	}
	for _, n := range nodes {
		if n.pkg == nil {
			continue
		}
		at := filepath.Join(next, n.Key)
		if err := s.root.Mkdir(at, 0o777); err != nil {
			return err
		}
		dir, err := s.root.OpenRoot(at)
		if err != nil {
			return err
		}
		err = n.pkg.write(ctx, dir, n.again)
		if e := dir.Close(); err == nil {
			err = e
		}
		if err != nil {
			return fmt.Errorf("module %q: %w", n.Key, err)
		}
	}
	if err := s.root.WriteFile(filepath.Join(next, "modules.json"), manifest, mode); err != nil {
		return err
	}
	modules := filepath.FromSlash(modulesDir)
	if err := s.root.Rename(modules, last); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.root.Rename(next, modules); err != nil {
		return err
	}
	return s.root.RemoveAll(last)
}
