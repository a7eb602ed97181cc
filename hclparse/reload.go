package hclparse

import (
	"maps"
	"slices"
)

// Reload reads the files of a directory of the tree once more and parses them
// in full, for who needs what Forget or LoadCalls left out. The result is a
// module of its own: the tree keeps the one it has. What is wrong is in the
// files' Diags. It is nil for a directory that the tree has no module for.
func (t *Tree) Reload(dir string) *Module {
	m := t.Modules[dir]
	if m == nil {
		return nil
	}
	d := &directory{m: &Module{Path: dir}}
	for _, f := range m.Files {
		p := &parsed{File: *f}
		p.Bytes, p.Body, p.Diags = nil, nil, nil
		p.parse(t.FS)
		d.files = append(d.files, p)
	}
	d.assemble()
	return d.m
}

// With is the tree as it would be if some files had other bytes, by the path
// where the bytes are (File.Real): what LoadCalls makes of Overlay(t.FS,
// files), at the cost of the directories that have one of them. All other
// modules are those of t, so that nobody may change what is in them. Every path
// must be one of t's Entries; no file comes or goes. files is not copied: who reads
// the tree's FS reads it again.
//
// A tree that LoadCalls has not made is loaded anew, by LoadCalls.
func (t *Tree) With(files map[string][]byte) *Tree {
	fsys := Overlay(t.FS, files)
	if !t.calls {
		out, _ := LoadCalls(fsys)
		return out
	}
	out := &Tree{Modules: maps.Clone(t.Modules), Entries: t.Entries, FS: fsys, calls: true, words: t.words}
	read := callReader(fsys, t.words)
	for dir, m := range t.Modules {
		if !slices.ContainsFunc(m.Files, func(f *File) bool { _, ok := files[f.Real]; return ok }) {
			continue
		}
		d := &directory{m: &Module{Path: dir}}
		for _, f := range m.Files {
			p := &parsed{File: *f}
			p.Bytes, p.Body, p.Diags = nil, nil, nil
			d.files = append(d.files, p)
		}
		read(d)
		out.Modules[dir] = d.m
	}
	return out
}
