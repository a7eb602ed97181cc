package hclparse

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
