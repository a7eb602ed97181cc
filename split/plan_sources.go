package split

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"

	"github.com/terrier-iac/terrier/modules"
)

// A shared file is one of a repository that is read by its own path and by
// those of symlinks to it.
type shared struct {
	owner modules.Owner
	real  string
}

// sources decides what every source becomes. One file may be read in several
// places, through symlinks: where they need different sources, the symlinks
// are replaced by files of their own.
func (pl *planner) sources(p *Plan) {
	files := map[shared]map[string][]Edit{} // by the path that the file is read by
	byFile := map[string][]*modules.Call{}
	for _, call := range pl.g.Calls {
		if !call.Local() {
			continue
		}
		f := call.File()
		byFile[f.Path] = append(byFile[f.Path], call)
		if call.Problem != modules.ProblemNone && pl.g.Dirs[call.Dir].Role == modules.RoleSnippet {
			continue // only what links to it gives the path its meaning
		}
		for _, o := range pl.readers(call) {
			at := shared{o, f.Real}
			if pl.isReplaced(o, f.Path) {
				at.real = f.Path
			}
			if files[at] == nil {
				files[at] = map[string][]Edit{}
			}
			files[at][f.Path] = withEdit(files[at][f.Path], pl.edit(call, o, pl.source(call, o)))
		}
	}
	for at, places := range files {
		base, ok := places[at.real]
		isCopy := at.owner.Package != "" && contains(pl.closures[at.owner].Copies, at.real)
		for _, link := range slices.Sorted(maps.Keys(places)) {
			edits := places[link]
			switch {
			case link == at.real:
			case !ok && !isCopy:
				base, ok = edits, true
			case isCopy && changes(edits), !isCopy && !sameTexts(edits, base):
				pl.replace(at.owner, link, at.real)
				p.Edits = append(p.Edits, only(edits, link)...)
			}
		}
		if !isCopy {
			p.Edits = append(p.Edits, only(base, at.real)...)
		}
	}
	for o, c := range pl.closures {
		for _, link := range c.Links {
			for _, f := range link.Files {
				if f.At == link.Path {
					continue // a file, of which the calls are in the graph
				}
				for _, call := range byFile[f.From] {
					if call.Problem == modules.ProblemNone {
						e := pl.edit(call, o, pl.sourceAt(call, o, path.Dir(f.At), link.Target))
						p.Edits = append(p.Edits, only([]Edit{e}, f.At)...)
					}
				}
			}
		}
	}
	sortEdits(p.Edits)
	pl.requires(p)
}

// withEdit adds an edit to those of a file, once: a terragrunt file that
// several units include is theirs together (see includeConflicts).
func withEdit(edits []Edit, e Edit) []Edit {
	if slices.ContainsFunc(edits, func(old Edit) bool { return old.start == e.start }) {
		return edits
	}
	return append(edits, e)
}

func sortEdits(edits []Edit) {
	sort.Slice(edits, func(i, j int) bool {
		a, b := edits[i], edits[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Package != b.Package || a.Live != b.Live {
			return a.Package+"\x00"+a.Live < b.Package+"\x00"+b.Live
		}
		return a.start < b.start
	})
}

// readers are the repositories that load a call's file: its owner's, that of
// a unit which includes it, and live repositories with a copy.
func (pl *planner) readers(call *modules.Call) []modules.Owner {
	file := call.File().Path
	list := []modules.Owner{pl.borders.Owner(call.Dir)}
	if o := pl.borders.Owner(file); call.Terragrunt != nil && o != list[0] {
		list = append(list, o)
	}
	if list[0].Package != "" {
		return list
	}
	for _, name := range append([]string{""}, pl.borders.Lives()...) {
		o := modules.Owner{Live: name}
		if c := pl.closures[o]; c != nil && contains(c.Copies, file) && !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	return list
}

// includeConflicts finds the sources in terragrunt files that several units
// include and that would have to differ between them.
func (pl *planner) includeConflicts() []modules.Hazard {
	type place struct {
		file  string
		start int
	}
	first := map[place]*modules.Call{}
	var out []modules.Hazard
	for _, call := range pl.g.Calls {
		if call.Terragrunt == nil || !call.Local() || call.Problem != modules.ProblemNone {
			continue
		}
		at := place{call.File().Path, call.SourceRange().Start.Byte}
		other := first[at]
		if other == nil {
			first[at] = call
			continue
		}
		if other.Target == call.Target {
			continue
		}
		for _, c := range []*modules.Call{other, call} {
			if key := pl.borders.Of(c.Target); key != "" {
				out = append(out, modules.Hazard{ID: "computed-source", Severity: modules.Block, File: at.file, Line: call.Line(), Dir: key,
					Summary: fmt.Sprintf("the file is included by %s and %s, and this source would have to differ between them", other.Dir, call.Dir)})
			}
		}
	}
	return out
}

// A text is what a source becomes: text "" leaves it as it is, and of is the
// package that it calls, nil where it stays in its repository.
type text struct {
	text string
	of   *Package
}

// source is what a call's source becomes in the repository of o.
func (pl *planner) source(call *modules.Call, o modules.Owner) text {
	if call.Problem != modules.ProblemNone || call.File().Broken() {
		return text{} // a file that does not parse is carried as it is
	}
	from, to := pl.borders.Of(call.Dir), pl.borders.Of(call.Target)
	switch {
	case to != from && to != "":
		return text{callerSource(pl.byKey[to], call.Target), pl.byKey[to]}
	case to != from:
		return text{}
	}
	c := pl.closures[o]
	if from != "" && call.ThroughParent(c.Root) {
		return text{text: relative(call.Dir, call.Target)}
	}
	for _, link := range pl.g.Through(path.Join(call.Dir, call.Source().Path)) {
		if pl.borders.Of(link) != from || pl.isReplaced(o, link) {
			return text{text: relative(call.Dir, call.Target)} // by a symlink that is not there any more
		}
	}
	return text{}
}

// sourceAt is what a call's source becomes in the directory dir of a
// repository, which holds the call's file because a symlink to the directory
// linked was replaced by its files.
func (pl *planner) sourceAt(call *modules.Call, o modules.Owner, dir, linked string) text {
	to := pl.borders.Of(call.Target)
	switch {
	case call.File().Broken():
		return text{} // it is carried as it is
	case modules.Within(call.Target, linked):
		return text{} // it is here too, at the same place below
	case to == o.Package:
		return text{text: relative(dir, call.Target)}
	case to != "":
		return text{callerSource(pl.byKey[to], call.Target), pl.byKey[to]}
	}
	return text{}
}

// isReplaced reports whether something else stands in a symlink's place.
func (pl *planner) isReplaced(o modules.Owner, link string) bool {
	for _, l := range pl.closures[o].Links {
		if l.Path == link {
			return true
		}
	}
	return false
}

// replace puts a file of its own in the place of a symlink.
func (pl *planner) replace(o modules.Owner, link, target string) {
	c := pl.closures[o]
	c.Links = append(c.Links, modules.Link{Path: link, Target: target, Files: []modules.Placed{{At: link, From: target}}})
	sort.Slice(c.Links, func(i, j int) bool { return c.Links[i].Path < c.Links[j].Path })
}

// edit is what becomes of one source in the repository of o.
func (pl *planner) edit(call *modules.Call, o modules.Owner, to text) Edit {
	r := call.SourceRange()
	e := Edit{Line: call.Line(), Module: call.Name(), From: call.Raw(), To: to.text,
		start: r.Start.Byte, end: r.End.Byte, syntax: call.File().Syntax, real: call.File().Real}
	if pkg := pl.byKey[o.Package]; pkg != nil {
		e.Package = pkg.Name
	}
	e.Live = o.Live
	if d := pl.g.Dirs[call.Dir]; to.of != nil && d.Role != modules.RoleExample {
		e.requires = to.of.Name
	}
	return e
}

// only leaves out the edits that change nothing, and puts the rest in file.
func only(edits []Edit, file string) []Edit {
	var out []Edit
	for _, e := range edits {
		if e.To != "" {
			e.File = file
			out = append(out, e)
		}
	}
	return out
}

func changes(edits []Edit) bool { return len(only(edits, "")) > 0 }

// sameTexts reports whether two readings of one file want the same of it.
func sameTexts(a, b []Edit) bool {
	return slices.EqualFunc(a, b, func(a, b Edit) bool { return a.start == b.start && a.To == b.To })
}

// requires fills in which packages each one calls.
func (pl *planner) requires(p *Plan) {
	calls := map[string]map[string]bool{}
	for _, e := range p.Edits {
		if e.Package != "" && e.requires != "" {
			if calls[e.Package] == nil {
				calls[e.Package] = map[string]bool{}
			}
			calls[e.Package][e.requires] = true
		}
	}
	for _, pkg := range p.Packages {
		pkg.Requires = append(pkg.Requires, slices.Sorted(maps.Keys(calls[pkg.Name]))...)
	}
}
