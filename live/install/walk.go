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
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lock"
)

const (
	modulesDir  = ".terraform/modules"
	mostModules = 5000
	mostNested  = 50
)

// A node is a module of a stack.
type node struct {
	Module
	// pkg is what is written below modulesDir/Key; nil for a local module.
	// again says that terraform copies it from another call of the package.
	pkg   *pkg
	again bool
}

// A walk finds the modules of a stack in the order in which terraform installs
// them: by name, each followed by its own.
type walk struct {
	i     *Installer
	root  string // absolute, without symlinks
	stack string // from the root, without symlinks
	name  string // as the user calls it
	work  fs.FS  // of the root

	nodes   []*node
	first   map[string]string // the key of the first call of each package
	dirs    map[string]bool   // of the work tree, that were read
	links   map[string]string // symlinks on the way to them, and their targets
	configs []*config
	backend string
	unlock  []string // calls that nothing locks
}

// A place is where a module's files are.
type place struct {
	pkg    *pkg
	hidden bool
	key    string // of the call that begins the package
	dir    string // in the package, or from the root of the work tree
	record string // as modules.json has it
}

// run walks from the stack. The error is a leave where terraform init is to
// have it.
func (w *walk) run(ctx context.Context) error {
	w.first, w.dirs, w.links = map[string]string{}, map[string]bool{}, map[string]string{}
	w.work = os.DirFS(w.root)
	if err := w.tests(); err != nil {
		return err
	}
	c := w.read(place{dir: w.stack})
	w.backend = c.backend
	if c.why != "" {
		return leave{c.why}
	}
	if w.i.Off {
		return nil // nobody is asked for what terraform will ask for
	}
	return w.visit(ctx, c, place{dir: w.stack, record: "."}, nil)
}

// tests leaves a stack with tests to terraform, which installs their modules.
func (w *walk) tests() error {
	for _, dir := range []string{w.stack, path.Join(w.stack, "tests")} {
		entries, err := fs.ReadDir(w.work, dir)
		if err != nil && dir == w.stack {
			return err
		}
		for _, e := range entries {
			if n := e.Name(); strings.HasSuffix(n, ".tftest.hcl") || strings.HasSuffix(n, ".tftest.json") || strings.HasSuffix(n, ".tfmock.hcl") {
				return leaveIt("it has tests, whose modules are terraform's to install: %s", path.Join(dir, n))
			}
		}
	}
	return nil
}

// read reads the configuration of a place.
func (w *walk) read(at place) *config {
	var c *config
	if at.pkg != nil {
		c = at.pkg.config(at.dir, at.hidden)
	} else {
		c = read(w.work, at.dir, false, true)
		w.dirs[at.dir] = true
	}
	w.configs = append(w.configs, c)
	return c
}

func (w *walk) visit(ctx context.Context, c *config, at place, names []string) error {
	if len(names) > mostNested {
		return leaveIt("modules call modules more than %d deep", mostNested)
	}
	for _, call := range c.calls {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if len(w.nodes) >= mostModules {
			return leaveIt("it has more than %d modules", mostModules)
		}
		names := append(slices.Clone(names), call.Name)
		key := strings.Join(names, ".")
		var next place
		n := &node{Module: Module{Key: key}}
		var err error
		if call.Source.Kind == hclparse.KindLocal {
			next, err = w.local(at, key, call, n)
		} else {
			next, err = w.remote(ctx, key, call, n)
		}
		if err != nil {
			return err
		}
		w.nodes = append(w.nodes, n)
		d := w.read(next)
		if d.why != "" {
			return leaveIt("module %q: %s", key, d.why)
		}
		if err := w.visit(ctx, d, next, names); err != nil {
			return err
		}
	}
	return nil
}

// local is a call of a path in the same package, or in the work tree.
func (w *walk) local(at place, key string, call *hclparse.Call, n *node) (place, error) {
	n.Source = path.Clean(call.Raw)
	if !strings.HasPrefix(n.Source, "../") {
		n.Source = "./" + n.Source
	}
	joined := path.Join(at.record, n.Source)
	next := place{pkg: at.pkg, hidden: at.hidden, key: at.key}
	if at.pkg != nil {
		home := modulesDir + "/" + at.key
		rest, ok := strings.CutPrefix(joined+"/", home+"/")
		if !ok {
			return next, leaveIt("module %q leads out of its package", key)
		}
		dir, err := at.pkg.in(path.Clean("./"+rest), at.hidden)
		if err != nil {
			return next, leaveIt("the directory of module %q %v", key, err)
		}
		next.dir, next.record = dir, path.Join(home, dir)
		n.Dir = next.record
		return next, nil
	}
	dir, err := links(joined, func(name string) (string, error) {
		inRoot := path.Join(w.stack, name)
		if inRoot == ".." || strings.HasPrefix(inRoot, "../") {
			return "", errors.New("leads out of the repository")
		}
		info, err := fs.Lstat(w.work, inRoot)
		if err != nil {
			return "", errors.New("is not there")
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(filepath.Join(w.root, filepath.FromSlash(inRoot)))
			w.links[inRoot] = target
			return target, err
		case !info.IsDir():
			return "", errors.New("is no directory")
		}
		return "", nil
	})
	if err != nil {
		return next, leaveIt("the directory of module %q %v", key, err)
	}
	next.record, next.dir = dir, path.Join(w.stack, dir)
	if next.dir == ".." || strings.HasPrefix(next.dir, "../") {
		return next, leaveIt("the directory of module %q leads out of the repository", key)
	}
	if within(next.dir, path.Join(w.stack, ".terraform")) {
		return next, leaveIt("the directory of module %q is in .terraform", key)
	}
	n.Dir = next.record
	return next, nil
}

func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// remote is a call of a package.
func (w *walk) remote(ctx context.Context, key string, call *hclparse.Call, n *node) (place, error) {
	p, err := w.i.pin(ctx, w.name, key, call)
	if err != nil {
		return place{}, err
	}
	if p.pkg.why != "" {
		return place{}, leaveIt("module %q: %s", key, p.pkg.why)
	}
	n.pkg, n.Version, n.Commit, n.Locked = p.pkg, p.version, p.pkg.commit.String(), p.locked
	n.Address, n.Subdir, n.Ref = lock.Address(call.Source), call.Source.Subdir, p.ref
	n.Source = recorded(call.Source)
	if _, again := w.first[p.key]; again {
		n.again = true
	} else {
		w.first[p.key] = key
	}
	if !p.locked {
		w.unlock = append(w.unlock, key)
	}
	next := place{pkg: p.pkg, hidden: n.again, key: key}
	sub := path.Clean("./" + p.sub)
	if sub == ".." || strings.HasPrefix(sub, "../") {
		return next, leaveIt("the directory of module %q leads out of its package", key)
	}
	next.record = path.Join(modulesDir, key, sub)
	n.Dir = next.record
	if next.dir, err = p.pkg.in(sub, n.again); err != nil {
		return next, leaveIt("the directory of module %q %v", key, err)
	}
	return next, nil
}

// recorded is a source as terraform writes it to modules.json
// (addrs.ModuleSource.String).
func recorded(s hclparse.Source) string {
	if s.Subdir == "" {
		return s.Package
	}
	if s.Kind == hclparse.KindGit {
		if at, query, ok := strings.Cut(s.Package, "?"); ok {
			return at + "//" + s.Subdir + "?" + query
		}
	}
	return s.Package + "//" + s.Subdir
}

// needs are the providers that the modules name, sorted; none says that no
// provider has to be installed.
func (w *walk) needs() (needs []string, none bool) {
	all := map[string]bool{}
	none = true
	for _, c := range w.configs {
		for _, n := range c.needs {
			all[n] = true
		}
		none = none && c.builtin
	}
	return slices.Sorted(maps.Keys(all)), none
}

// digestDirs is a digest of the configuration in directories of the work tree.
func digestDirs(work fs.FS, dirs []string, symlinks map[string]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(symlinks)) {
		target, err := fs.ReadLink(work, name)
		fmt.Fprintf(h, "link %q %q %v\n", name, target, err != nil)
	}
	for _, dir := range dirs {
		entries, err := fs.ReadDir(work, dir)
		fmt.Fprintf(h, "dir %q %v\n", dir, err != nil)
		for _, e := range entries {
			n := e.Name()
			if ignored(n) || !isConfig(n) && !strings.HasPrefix(path.Ext(n), ".tftest") && e.Type()&fs.ModeSymlink == 0 {
				continue
			}
			target := ""
			if e.Type()&fs.ModeSymlink != 0 {
				target, _ = fs.ReadLink(work, path.Join(dir, n))
			}
			var data []byte
			if isConfig(n) {
				data, err = fs.ReadFile(work, path.Join(dir, n))
			}
			fmt.Fprintf(h, "%q %q %d %v\n", n, target, len(data), err != nil)
			_, _ = h.Write(data)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// isConfig reports whether terraform may read a file of this name as
// configuration.
func isConfig(name string) bool {
	for _, ext := range []string{".tf", ".tf.json", ".tftest.hcl", ".tftest.json", ".tfmock.hcl"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	return false
}
