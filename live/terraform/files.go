package terraform

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// compareModules says how the installed modules of one stack differ: first
// the tree of calls, then each module's files, by key.
func compareModules(p Pair, stack string, before, after *Modules) ([]string, error) {
	var calls, files []string
	later := map[string]Module{}
	for _, m := range after.Entries {
		later[m.Key] = m
	}
	for _, b := range before.Entries {
		a, ok := later[b.Key]
		if !ok {
			calls = append(calls, moduleName(b.Key)+" is called before and not after")
			continue
		}
		delete(later, b.Key)
		// A source that no one had a reason to rewrite stays. What a local
		// one became is judged by the files that it leads to.
		if !isLocal(b.Source) && b.Key != "" && (a.Source != b.Source || a.Version != b.Version) {
			calls = append(calls, fmt.Sprintf("%s was %s and is %s", moduleName(b.Key), origin(b), origin(a)))
		}
		d, err := compareDirs(p, stack, b, a)
		if err != nil {
			return nil, err
		}
		for _, s := range d {
			files = append(files, moduleName(b.Key)+": "+s)
		}
	}
	for _, a := range after.Entries {
		if _, ok := later[a.Key]; ok {
			calls = append(calls, moduleName(a.Key)+" is called after and not before")
		}
	}
	return append(calls, files...), nil
}

// moduleName is a key as an address: "a.b" is module.a.module.b.
func moduleName(key string) string {
	if key == "" {
		return "the stack"
	}
	return "module." + strings.ReplaceAll(key, ".", ".module.")
}

func origin(m Module) string {
	return strings.TrimSpace(redact(m.Source) + " " + m.Version)
}

// isLocal reports whether terraform takes source for a path.
func isLocal(source string) bool {
	for _, prefix := range []string{"./", "../", `.\`, `..\`} {
		if strings.HasPrefix(source, prefix) {
			return true
		}
	}
	return false
}

// compareDirs says how the directories of one module differ.
func compareDirs(p Pair, stack string, b, a Module) ([]string, error) {
	dirBefore := filepath.Join(p.Before, filepath.FromSlash(stack), filepath.FromSlash(b.Dir))
	dirAfter := filepath.Join(p.After, filepath.FromSlash(stack), filepath.FromSlash(a.Dir))
	// What was moved from below the module is missing or a copy: it is called
	// by a key of its own wherever it counts.
	skip := map[string]bool{}
	if rel, err := filepath.Rel(p.Before, dirBefore); err == nil {
		for _, moved := range p.Moved {
			sub, err := filepath.Rel(rel, filepath.FromSlash(moved))
			if err == nil && sub != "." && filepath.IsLocal(sub) {
				skip[filepath.ToSlash(sub)] = true
			}
		}
	}
	before, err := listFiles(p.Before, dirBefore, skip)
	if err != nil {
		return gone("before", p.Before, err)
	}
	after, err := listFiles(p.After, dirAfter, skip)
	if err != nil {
		return gone("after", p.After, err)
	}
	names := map[string]bool{}
	for n := range before {
		names[n] = true
	}
	for n := range after {
		names[n] = true
	}
	var diffs []string
	for _, name := range sorted(names) {
		fb, inBefore := before[name]
		fa, inAfter := after[name]
		switch {
		case !inBefore && path.Base(name) == ".gitattributes":
			// A package gets the attributes that it had from the monorepo's
			// root, so that its checkout has the same bytes.
		case !inBefore:
			diffs = append(diffs, name+" is there only after")
		case !inAfter && hidden(name) && copied(filepath.Join(p.After, filepath.FromSlash(stack)), a.Dir):
			// The package is there with it, for another call.
		case !inAfter:
			diffs = append(diffs, name+" is there only before")
		default:
			d, err := compareFiles(name, fb, fa)
			if err != nil {
				return nil, err
			}
			if d != "" {
				diffs = append(diffs, d)
			}
		}
	}
	return diffs, nil
}

// hidden reports whether a name in the path begins with a dot.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
}

// copied reports whether terraform copied the module's package from that of
// another call, which it does where two calls of a stack name one package. It
// leaves out whatever begins with a dot, and so the .git of a fetched one.
func copied(stack, dir string) bool {
	parts := strings.SplitN(path.Clean(dir), "/", 4)
	if len(parts) < 3 || parts[0] != ".terraform" || parts[1] != "modules" {
		return false
	}
	_, err := os.Lstat(filepath.Join(stack, parts[0], parts[1], parts[2], ".git"))
	return errors.Is(err, fs.ErrNotExist)
}

// gone turns the error of a directory that cannot be compared into a
// difference.
func gone(when, root string, err error) ([]string, error) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOutside) || errors.Is(err, errTooMany) {
		return []string{fmt.Sprintf("its directory %s cannot be compared: %s", when, place(err.Error(), root))}, nil
	}
	return nil, err
}

// A file is one file of a module, or a link that is not followed.
type file struct {
	name string // on disk
	link string // the target of a link that leads nowhere or out of the root
	exec bool
}

// compareFiles says how two files of one name differ, "" where they do not.
func compareFiles(name string, before, after file) (string, error) {
	if before.link != "" || after.link != "" {
		if before.link != after.link {
			return name + " is a link that leads elsewhere", nil
		}
		return "", nil
	}
	if before.exec != after.exec {
		return name + " is executable on one side only", nil
	}
	b, err := os.ReadFile(before.name)
	if err != nil {
		return "", err
	}
	a, err := os.ReadFile(after.name)
	if err != nil {
		return "", err
	}
	if bytes.Equal(b, a) {
		return "", nil
	}
	if why := compareConfig(name, b, a); why != "" {
		return name + " " + why, nil
	}
	return "", nil
}

var (
	errOutside = errors.New("it is outside the repository")
	errTooMany = errors.New("links make it endless")
)

// maxEntries bounds a walk that follows links.
const maxEntries = 1 << 20

// listFiles lists the files below dir, by slash-separated path. It leaves out
// .git and .terraform, which are git's and terraform's own, and the paths in
// skip. Links are followed as long as they stay in root: where a file moved to
// another repository, a link is replaced by what it leads to.
func listFiles(root, dir string, skip map[string]bool) (map[string]file, error) {
	w := walk{root: root, skip: skip, files: map[string]file{}}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	if !w.inside(real) {
		return nil, fmt.Errorf("%s: %w", dir, errOutside)
	}
	if err := w.dir("", real, nil); err != nil {
		return nil, err
	}
	return w.files, nil
}

type walk struct {
	root  string
	skip  map[string]bool
	files map[string]file
	seen  int
}

func (w *walk) inside(real string) bool {
	rel, err := filepath.Rel(w.root, real)
	return err == nil && filepath.IsLocal(rel)
}

// dir adds what is in the directory real, which has no links in its path.
// above are the directories that it was reached through.
func (w *walk) dir(prefix, real string, above []string) error {
	above = append(slices.Clip(above), real)
	entries, err := os.ReadDir(real)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == ".git" || e.Name() == ".terraform" {
			continue
		}
		name := path.Join(prefix, e.Name())
		if w.skip[name] {
			continue
		}
		// Counted are entries, not files: links can make endless trees of
		// directories that hold none.
		if w.seen++; w.seen > maxEntries {
			return fmt.Errorf("%s: %w", real, errTooMany)
		}
		if err := w.entry(name, filepath.Join(real, e.Name()), e.Type(), above); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(name, full string, typ fs.FileMode, above []string) error {
	real := full
	if typ&fs.ModeSymlink != 0 {
		target, err := os.Readlink(full)
		if err != nil {
			return err
		}
		real, err = filepath.EvalSymlinks(full)
		if err != nil || !w.inside(real) {
			w.files[name] = file{link: target}
			return nil
		}
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		if slices.Contains(above, real) {
			return nil // a cycle of links: its files are listed
		}
		return w.dir(name, real, above)
	case info.Mode().IsRegular():
		w.files[name] = file{name: real, exec: info.Mode()&0o100 != 0}
	default:
		w.files[name] = file{link: info.Mode().Type().String()} // a pipe, a socket: never opened
	}
	return nil
}

// sorted returns the members of a set in order.
func sorted(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
