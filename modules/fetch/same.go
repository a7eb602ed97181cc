package fetch

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/repo"
)

// mostDirs bounds how many directories a module may make us follow, mostBytes
// the size of a file that is compared.
const (
	mostDirs  = 1000
	mostBytes = 16 << 20
)

// Same compares a module's directory in two packages, and each directory that
// it calls by a relative path in its package: names, modes, and every byte. ok
// is false where that cannot be told: a symlink in the place of a directory, a
// call that leads out of the package, or a file that does not parse.
func Same(before fs.FS, dirBefore string, after fs.FS, dirAfter string) (same, ok bool) {
	queue, seen := []string{"."}, map[string]bool{}
	for len(queue) > 0 {
		rel := queue[0] // to the module's directory
		queue = queue[1:]
		if seen[rel] {
			continue
		}
		if seen[rel] = true; len(seen) > mostDirs {
			return false, false
		}
		a, b := path.Join(dirBefore, rel), path.Join(dirAfter, rel)
		if !fs.ValidPath(a) || !fs.ValidPath(b) {
			return false, false
		}
		if same, ok := sameTree(before, a, after, b); !same || !ok {
			return false, ok
		}
		calls, err := localCalls(after, b)
		if err != nil {
			return false, false
		}
		for _, call := range calls {
			queue = append(queue, path.Join(rel, call))
		}
	}
	return true, true
}

// sameTree compares two directories. Trees of git tell by their ids.
func sameTree(before fs.FS, a string, after fs.FS, b string) (same, ok bool) {
	x, git := before.(*repo.TreeFS)
	y, too := after.(*repo.TreeFS)
	if git && too {
		a, inA := x.Tree(a)
		b, inB := y.Tree(b)
		if !inA || !inB {
			// A symlink, or a module that is new or gone.
			return false, inA || inB
		}
		return a == b, true
	}
	return sameFiles(before, a, after, b)
}

// sameFiles compares two directories file by file.
func sameFiles(before fs.FS, a string, after fs.FS, b string) (same, ok bool) {
	list, err := listed(before, a)
	other, errOther := listed(after, b)
	if err != nil || errOther != nil {
		return false, (err == nil) != (errOther == nil)
	}
	if !slices.Equal(list, other) {
		return false, true
	}
	for _, e := range list {
		x, err := content(before, path.Join(a, e.path), e.mode)
		y, errOther := content(after, path.Join(b, e.path), e.mode)
		if err != nil || errOther != nil {
			return false, false
		}
		if !bytes.Equal(x, y) {
			return false, true
		}
	}
	return true, true
}

type listedFile struct {
	path string
	mode fs.FileMode // its type, and whether it can be run
}

// listed are the files below a directory, in the order of fs.WalkDir.
func listed(fsys fs.FS, dir string) ([]listedFile, error) {
	var out []listedFile
	err := fs.WalkDir(fsys, dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel := p
		if dir != "." {
			rel = strings.TrimPrefix(p, dir+"/")
		}
		mode := info.Mode() & fs.ModeType
		if mode == 0 {
			mode = info.Mode() & 0o100
		}
		out = append(out, listedFile{rel, mode})
		return nil
	})
	return out, err
}

var errTooLarge = errors.New("the file is too large to be compared")

func content(fsys fs.FS, name string, mode fs.FileMode) ([]byte, error) {
	if mode&fs.ModeSymlink != 0 {
		target, err := fs.ReadLink(fsys, name)
		return []byte(target), err
	}
	if info, err := fs.Stat(fsys, name); err == nil && info.Size() > mostBytes {
		return nil, errTooLarge
	}
	return fs.ReadFile(fsys, name)
}

var errOutside = errors.New("a call leads out of the package")

// localCalls are the directories that the configuration below dir calls
// outside of dir, relative to it: what is inside was compared with it.
func localCalls(fsys fs.FS, dir string) ([]string, error) {
	sub, err := fs.Sub(fsys, dir)
	if err != nil {
		return nil, err
	}
	tree, diags := hclparse.LoadCalls(sub)
	if diags.HasErrors() {
		return nil, diags
	}
	var out []string
	for _, m := range tree.Modules {
		for _, c := range m.Calls {
			if !c.HasSource || c.Source.Kind != hclparse.KindLocal {
				continue
			}
			to := path.Join(m.Path, c.Source.Path)
			if to != ".." && !strings.HasPrefix(to, "../") {
				continue
			}
			if at := path.Join(dir, to); at == ".." || strings.HasPrefix(at, "../") {
				return nil, errOutside
			}
			out = append(out, to)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
