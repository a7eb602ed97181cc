package change

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// A Version is a module at one version: its directory, the submodules below
// that, and what it calls by local paths outside.
type Version struct {
	// Dir is its directory in FS, "." for the root.
	Dir string
	FS  fs.FS
	// Modules are its own and the others, by their directories relative to
	// Dir: ".", "modules/x", "../shared".
	Modules map[string]*hclparse.Module
	entries []hclparse.Entry // below Dir
}

// Module is the module's own directory; nil where there is only something
// below it.
func (v *Version) Module() *hclparse.Module { return v.Modules["."] }

// mostOutside bounds how many directories outside of a module are read.
const mostOutside = 1000

// Load reads the module in the directory dir of fsys, which may hold much
// more. Directories with examples, tests and the like below it, and hidden
// ones, are left out. What is wrong is in the diagnostics; the version is never
// nil, and has no Modules where there is no configuration.
func Load(fsys fs.FS, dir string) (*Version, hcl.Diagnostics) {
	dir = path.Clean(dir)
	v := &Version{Dir: dir, FS: fsys, Modules: map[string]*hclparse.Module{}}
	tree, diags := hclparse.Load(&below{FS: fsys, dir: dir, deep: true})
	loaded := map[string]bool{}
	for p, m := range tree.Modules {
		if modules.Within(p, dir) && configured(m) {
			v.Modules[relative(p, dir)] = m
			loaded[p] = true
		}
	}
	for _, e := range tree.Entries {
		if modules.Within(e.Path, dir) && e.Path != dir {
			v.entries = append(v.entries, e)
		}
	}
	// What it calls outside.
	queue := tree.Paths()
	for len(queue) > 0 && len(loaded) < mostOutside {
		p := queue[0]
		queue = queue[1:]
		m := v.Modules[relative(p, dir)]
		if m == nil {
			continue
		}
		for _, c := range m.Calls {
			if !c.Static || c.Source.Kind != hclparse.KindLocal {
				continue
			}
			to := path.Join(p, c.Source.Path)
			if loaded[to] || to == ".." || strings.HasPrefix(to, "../") || modules.Within(to, dir) {
				continue
			}
			loaded[to] = true
			other, more := hclparse.Load(&below{FS: fsys, dir: to})
			if o := other.Modules[to]; o != nil && configured(o) {
				v.Modules[relative(to, dir)] = o
				diags = append(diags, more...)
				queue = append(queue, to)
			}
		}
	}
	return v, diags
}

func configured(m *hclparse.Module) bool {
	return slices.ContainsFunc(m.Files, func(f *hclparse.File) bool { return f.Syntax != hclparse.Terragrunt })
}

// relative is the slash path from dir to p, both of one tree.
func relative(p, dir string) string {
	if dir == "." {
		return p
	}
	if p == dir {
		return "."
	}
	if rest, ok := strings.CutPrefix(p, dir+"/"); ok {
		return rest
	}
	from, to := strings.Split(dir, "/"), strings.Split(p, "/")
	if p == "." {
		to = nil
	}
	n := 0
	for n < len(from) && n < len(to) && from[n] == to[n] {
		n++
	}
	return path.Join(strings.Repeat("../", len(from)-n), path.Join(to[n:]...))
}

// aside are directories that hold no part of a module that others use.
var aside = map[string]bool{
	"examples": true, "example": true, "tests": true, "test": true, "fixtures": true, "docs": true, "node_modules": true, "vendor": true,
}

// below is a file system of which one directory is listed, deep or by itself,
// and the way to it.
type below struct {
	fs.FS
	dir  string
	deep bool
}

func (b *below) ReadDir(name string) ([]fs.DirEntry, error) {
	inside := name == b.dir || b.deep && modules.Within(name, b.dir)
	if !inside && name != "." && !modules.Within(b.dir, name) {
		return nil, nil
	}
	entries, err := fs.ReadDir(b.FS, name)
	var kept []fs.DirEntry
	for _, e := range entries {
		p := path.Join(name, e.Name())
		switch {
		case !inside:
			if e.IsDir() && modules.Within(b.dir, p) {
				kept = append(kept, e)
			}
		case !e.IsDir() || b.deep && !aside[e.Name()] && !strings.HasPrefix(e.Name(), "."):
			kept = append(kept, e)
		}
	}
	return kept, err
}

func (b *below) ReadFile(name string) ([]byte, error)   { return fs.ReadFile(b.FS, name) }
func (b *below) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(b.FS, name) }
func (b *below) Stat(name string) (fs.FileInfo, error)  { return fs.Stat(b.FS, name) }
func (b *below) ReadLink(name string) (string, error)   { return fs.ReadLink(b.FS, name) }

// Versions compares a module with another version of it: itself, its
// submodules, what it calls by local paths, and its other files. Of what is
// called outside of its directory only resources and providers count: its
// variables and outputs are nobody else's.
func Versions(old, new *Version) []Change {
	var out []Change
	inherited := inherit(new)
	gone, come, stay := both(old.Modules, new.Modules)
	needs := needsOf(old)
	compare := func(from, dir string) {
		above := inherited[dir]
		for _, c := range compareModules(&scope{dir: dir, old: old.Modules[from], new: new.Modules[dir], moved: above.moved, removed: above.removed, needs: needs}) {
			if !outward(dir) || !faces(c) {
				out = append(out, c)
			}
		}
	}
	renamed := Renamed(old, new)
	arrived := map[string]bool{}
	for _, dir := range gone {
		if to := renamed[dir]; to != "" {
			arrived[to] = true
			out = append(out, Change{Kind: SubmoduleRenamed, Level: Major, Module: to, Subject: to, File: firstFile(new.Modules[to]), Line: 1, Old: dir, New: to, Summary: fmt.Sprintf("the submodule %s is now %s", dir, to)})
			compare(dir, to)
			continue
		}
		if dir != "." && !outward(dir) {
			out = append(out, Change{Kind: SubmoduleRemoved, Level: Major, Module: dir, Subject: dir, File: firstFile(old.Modules[dir]), Line: 1, Gone: true, Summary: fmt.Sprintf("the submodule %s is gone", dir)})
		}
		if dir == "." {
			out = append(out, Diff(old.Modules[dir], nil)...)
		}
	}
	for _, dir := range come {
		if dir != "." && !outward(dir) && !arrived[dir] {
			out = append(out, Change{Kind: SubmoduleAdded, Level: Minor, Module: dir, Subject: dir, File: firstFile(new.Modules[dir]), Line: 1, Summary: fmt.Sprintf("the submodule %s is new", dir)})
		}
		if dir == "." {
			out = append(out, Diff(nil, new.Modules[dir])...)
		}
	}
	for _, dir := range stay {
		compare(dir, dir)
	}
	return sorted(append(out, files(old, new)...))
}

// needsOf are the providers that any module of a version needs, with all of
// its constraints.
func needsOf(v *Version) map[string]*provider {
	needs := map[string]*provider{}
	for _, dir := range names(v.Modules) {
		for n, p := range needed(see(v.Modules[dir], false)) {
			if k := needs[n]; k == nil {
				needs[n] = p
			} else if k.source == p.source && p.version != "" && k.version != p.version {
				all := *k
				all.version = strings.TrimPrefix(k.version+", "+p.version, ", ")
				needs[n] = &all
			}
		}
	}
	return needs
}

// Renamed pairs the submodules that are gone with new ones: those of which
// each has more in common with the other than with anything else, and at least
// half of the names of their variables, outputs and resources.
func Renamed(old, new *Version) map[string]string {
	gone, come, _ := both(old.Modules, new.Modules)
	inside := func(dir string) bool { return dir == "." || outward(dir) }
	gone, come = slices.DeleteFunc(gone, inside), slices.DeleteFunc(come, inside)
	out := map[string]string{}
	if len(gone) == 0 || len(come) == 0 || len(gone)*len(come) > 10_000 {
		return out
	}
	a, b := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, dir := range gone {
		a[dir] = nameSet(old.Modules[dir])
	}
	for _, dir := range come {
		b[dir] = nameSet(new.Modules[dir])
	}
	// best is the closest of many, "" for none or several.
	best := func(one map[string]bool, dirs []string, of map[string]map[string]bool) string {
		found, most := "", 0.5
		for _, dir := range dirs {
			switch s := alike(one, of[dir]); {
			case s > most || s == most && found == "" && most == 0.5:
				found, most = dir, s
			case s == most:
				found = ""
			}
		}
		return found
	}
	for _, dir := range gone {
		if to := best(a[dir], come, b); to != "" && best(b[to], gone, a) == dir {
			out[dir] = to
		}
	}
	return out
}

func nameSet(m *hclparse.Module) map[string]bool {
	v := see(m, false)
	set := map[string]bool{}
	for n := range v.variables {
		set["variable."+n] = true
	}
	for n := range v.outputs {
		set["output."+n] = true
	}
	for n := range v.blocks {
		set[n] = true
	}
	return set
}

// alike is how much of two sets is common, from 0 to 1.
func alike(a, b map[string]bool) float64 {
	common := 0
	for n := range a {
		if b[n] {
			common++
		}
	}
	if len(a)+len(b) == common {
		return 0 // both empty
	}
	return float64(common) / float64(len(a)+len(b)-common)
}

func outward(dir string) bool { return dir == ".." || strings.HasPrefix(dir, "../") }

// faces reports whether a change is one of what a module's direct callers see.
func faces(c Change) bool {
	return strings.HasPrefix(c.Subject, "variable.") || strings.HasPrefix(c.Subject, "output.")
}

func firstFile(m *hclparse.Module) string {
	for _, f := range m.Files {
		if f.Syntax != hclparse.Terragrunt {
			return f.Path
		}
	}
	return ""
}

// A legacy is what the modules above one say of its addresses.
type legacy struct {
	moved   []step
	removed []removal
}

// inherit gives each directory the moved and removed blocks of the modules
// that call it, in its own addresses.
func inherit(v *Version) map[string]legacy {
	out := map[string]legacy{}
	const deepest = 8
	type work struct {
		dir   string
		from  legacy
		depth int
	}
	var queue []work
	for _, dir := range names(v.Modules) {
		own := see(v.Modules[dir], false)
		queue = append(queue, work{dir, legacy{own.moved, own.removed}, 0})
	}
	for len(queue) > 0 && len(queue) < 100_000 {
		w := queue[0]
		queue = queue[1:]
		if w.depth >= deepest || len(w.from.moved)+len(w.from.removed) == 0 {
			continue
		}
		for _, c := range v.Modules[w.dir].Calls {
			to := path.Join(w.dir, c.Source.Path)
			if !c.Static || c.Source.Kind != hclparse.KindLocal || v.Modules[to] == nil {
				continue
			}
			in := "module." + c.Name + "."
			var down legacy
			for _, s := range w.from.moved {
				if !strings.HasPrefix(s.from, in) {
					continue
				}
				s.from = strings.TrimPrefix(s.from, in)
				if rest, ok := strings.CutPrefix(s.to, in); ok {
					s.to = rest
				} else {
					s.to = outside + strings.TrimPrefix(s.to, outside)
				}
				down.moved = append(down.moved, s)
			}
			for _, r := range w.from.removed {
				if rest, ok := strings.CutPrefix(r.from, in); ok {
					down.removed = append(down.removed, removal{rest, r.destroy})
				}
			}
			if len(down.moved)+len(down.removed) > 0 {
				have := out[to]
				out[to] = legacy{append(have.moved, down.moved...), append(have.removed, down.removed...)}
				queue = append(queue, work{to, down, w.depth + 1})
			}
		}
	}
	return out
}

// files compares what is no configuration and no documentation: templates,
// scripts, policies.
func files(old, new *Version) []Change {
	var out []Change
	a, b := others(old), others(new)
	gone, come, stay := both(a, b)
	change := func(p, file string, isGone bool, how string) {
		out = append(out, Change{Kind: FileChanged, Level: Patch, Module: ".", Subject: p, File: file, Line: 1, Gone: isGone, Summary: fmt.Sprintf("the file %s %s", p, how)})
	}
	for _, p := range gone {
		change(p, a[p].Path, true, "is gone")
	}
	for _, p := range come {
		change(p, b[p].Path, false, "is new")
	}
	for _, p := range stay {
		if a[p].Target != b[p].Target || a[p].Mode != b[p].Mode || !sameFile(old.FS, a[p].Path, new.FS, b[p].Path) {
			change(p, b[p].Path, false, "changed")
		}
	}
	slices.SortFunc(out, func(x, y Change) int { return cmp.Compare(x.Subject, y.Subject) })
	return out
}

// others are the files of a version that files compares, by their paths
// relative to its directory.
func others(v *Version) map[string]hclparse.Entry {
	read := map[string]bool{}
	for _, m := range v.Modules {
		for _, f := range m.Files {
			read[f.Path] = true
		}
	}
	out := map[string]hclparse.Entry{}
	for _, e := range v.entries {
		base := path.Base(e.Path)
		switch strings.ToLower(path.Ext(base)) {
		case ".md", ".tf", ".tofu", ".tfvars", ".png", ".svg":
			continue
		}
		if read[e.Path] || strings.HasPrefix(base, ".") || strings.HasPrefix(strings.ToUpper(base), "LICENSE") || base == "Makefile" || base == "CODEOWNERS" || strings.HasSuffix(base, ".tftest.hcl") {
			continue
		}
		out[relative(e.Path, v.Dir)] = e
	}
	return out
}

// sameFile compares bytes. What cannot be read on one side differs.
func sameFile(a fs.FS, p string, b fs.FS, q string) bool {
	x, err1 := fs.ReadFile(a, p)
	y, err2 := fs.ReadFile(b, q)
	return (err1 == nil) == (err2 == nil) && bytes.Equal(x, y)
}
