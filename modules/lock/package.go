package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// Bounds of what a package may make us follow. Real ones are three deep.
const (
	mostDepth    = 50     // of packages that call packages
	mostPackages = 20_000 // in one lock
	mostDirs     = 10_000 // that one package calls within itself
	mostLinks    = 40     // followed for one path, as the kernel has it
)

// follow reads the directory of a package that is called, and those of the
// same package that it calls: from all of them, what leaves the package.
// Examples, tests and whatever else nobody calls are not looked at. name is
// the package's, for places.
func follow(fsys fs.FS, name, dir string, seen map[string]bool) ([]Call, []Problem) {
	var calls []Call
	var problems []Problem
	queue := []string{dir}
	for len(queue) > 0 {
		dir := queue[0]
		queue = queue[1:]
		if seen[dir] {
			continue
		}
		if seen[dir] = true; len(seen) > mostDirs {
			problems = append(problems, Problem{Rule: UnreadCall, Place: Place{Package: name, File: dir}, Source: name, Summary: fmt.Sprintf("the package calls more than %d directories of its own", mostDirs)})
			break
		}
		tree, diags := hclparse.LoadCalls(oneDir{fsys, dir})
		problems = append(problems, unreadFiles(diags, tree, name)...)
		m := tree.Modules[dir]
		if m == nil || !configured(m) {
			problems = append(problems, Problem{Rule: UnreadCall, Place: Place{Package: name, File: dir}, Source: name, Summary: fmt.Sprintf("there is no Terraform configuration in the directory %q of the package", dir)})
			continue
		}
		c, local, p := callsOf(m, name, func(c *hclparse.Call) (hclparse.Source, bool) {
			return evaluator(modules.NewGraph(tree, nil))(c)
		})
		calls, problems = append(calls, c...), append(problems, p...)
		for _, l := range local {
			to, err := resolve(fsys, path.Join(dir, l.Source.Path))
			if err != nil {
				problems = append(problems, Problem{Rule: UnreadCall, Place: Place{Package: name, File: l.File.Path, Line: l.SourceRange.Start.Line}, Source: name,
					Summary: fmt.Sprintf("module %q calls %q, which %v", l.Name, redacted(l.Raw), err)})
				continue
			}
			queue = append(queue, to)
		}
	}
	return calls, problems
}

func configured(m *hclparse.Module) bool {
	for _, f := range m.Files {
		if f.Syntax != hclparse.Terragrunt {
			return true
		}
	}
	return false
}

// resolve follows the symlinks of a package to a directory.
func resolve(fsys fs.FS, p string) (string, error) {
	links := 0
	for {
		if p = path.Clean(p); p == ".." || strings.HasPrefix(p, "../") || path.IsAbs(p) {
			return "", errors.New("leads out of the package")
		}
		at, moved := "", false
		rest := strings.Split(p, "/")
		for i, part := range rest {
			at = path.Join(at, part)
			info, err := fs.Lstat(fsys, at)
			if err != nil {
				return "", errors.New("is not in the package")
			}
			if info.Mode()&fs.ModeSymlink != 0 {
				if links++; links > mostLinks {
					return "", errors.New("runs in a circle of symlinks")
				}
				target, err := fs.ReadLink(fsys, at)
				if err != nil {
					return "", errors.New("is a symlink that cannot be read")
				}
				if path.IsAbs(target) {
					return "", errors.New("leads out of the package")
				}
				p, moved = path.Join(append([]string{path.Dir(at), target}, rest[i+1:]...)...), true
				break
			}
			if !info.IsDir() {
				return "", errors.New("is no directory")
			}
		}
		if !moved {
			return p, nil
		}
	}
}

// oneDir is a file system of which only one directory is listed, the way to it
// included: loading a package of a thousand directories for the sake of one
// would parse them all. Whatever a symlink in it leads to can be read.
type oneDir struct {
	fs.FS
	dir string
}

func (o oneDir) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != o.dir && name != "." && !strings.HasPrefix(o.dir, name+"/") {
		return nil, nil
	}
	entries, err := fs.ReadDir(o.FS, name)
	var kept []fs.DirEntry
	for _, e := range entries {
		p := path.Join(name, e.Name())
		if e.IsDir() && (p == o.dir || strings.HasPrefix(o.dir, p+"/")) || !e.IsDir() && name == o.dir {
			kept = append(kept, e)
		}
	}
	return kept, err
}

func (o oneDir) ReadFile(name string) ([]byte, error)   { return fs.ReadFile(o.FS, name) }
func (o oneDir) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(o.FS, name) }
func (o oneDir) Stat(name string) (fs.FileInfo, error)  { return fs.Stat(o.FS, name) }
func (o oneDir) ReadLink(name string) (string, error)   { return fs.ReadLink(o.FS, name) }
