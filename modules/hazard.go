package modules

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// Severity says what a hazard does to a split.
type Severity string

const (
	Block Severity = "block" // the package it names stays in the monorepo's live part
	Warn  Severity = "warn"  // something cannot be proved, or is likely to be wrong
	Info  Severity = "info"  // worth knowing, changes nothing
)

// A Hazard is something in the tree that a move of modules has to reckon with.
type Hazard struct {
	ID       string // kebab-case, one of the list in HazardDocs
	Severity Severity
	File     string
	Line     int // 0 where the whole file or directory is meant
	Summary  string
	// Dir is the directory that the hazard is about: the package that a Block
	// blocks, or the directory whose result a Warn leaves unproved.
	Dir string
	// Unproved says that the value cannot be shown to be equal after a split.
	Unproved bool
}

// HazardDocs says in a line what each hazard id means.
var HazardDocs = map[string]string{
	"outside-file":          "a module reaches a file outside its own directory: its package holds a copy",
	"file-of-module":        "something that stays reaches a file of a module that moves: a copy stays",
	"symlink-across":        "a symlink leads to another repository: what it leads to takes its place",
	"stack-in-module":       "a stack stands inside a module's directory, and stays when that moves",
	"cycle":                 "modules call each other in a circle, and share a package",
	"calls-what-stays":      "a module calls a directory that is in no package",
	"unaddressable-path":    "a directory's name holds what a module source cannot hold",
	"source-through-parent": "a source leaves its module's directory and comes back by the directory's name",
	"computed-source":       "a source is not a plain literal, so where it leads is not known",
	"invalid-source":        "a source is no module address",
	"dangling-source":       "a local source leads to no configuration",
	"source-outside":        "a local source leaves the repository",
	"parse-error":           "a file does not parse, so its calls are not known",
	"path-value":            "path.module is used as a value, which changes with the place of the module",
	"unevaluated-path":      "a path cannot be evaluated from what the files say",
	"missing-file":          "a file that is read is not in the repository (built, ignored or encrypted)",
	"hidden-file":           "terraform leaves out a name that begins with a dot where a stack calls its package again",
	"path-outside":          "a path leaves the repository",
	"git-metadata":          "reads .git, which another checkout has otherwise",
	"directory-name":        "uses the name of the working directory",
	"stripped-path":         "something depends on the path that `root` would strip",
	"shared-file":           "stacks of two live repositories need a file: one of them has a copy",
	"git-attributes":        "attributes from above a module change its bytes at checkout: its package gets them too",
	"git-crypt":             "a file is encrypted by git-crypt",
	"lfs-pointer":           "a file is a Git LFS pointer",
	"submodule":             "a directory is a git submodule: a package has its entry in .gitmodules too",
	"dangling-symlink":      "a symlink leads nowhere",
	"provider-in-module":    "a called module configures a provider itself",
	"backend-in-module":     "a called module has a backend of its own",
	"sibling-call":          "a module calls another module: it is pinned, dependencies first",
	"equal-names":           "directories share a base name: repository names come from the path",
	"terragrunt-path":       "a terragrunt function depends on the path in the repository",
	"mention":               "another file names a path that would move",
	"readme-source":         "documentation shows a source that would change",
	"duplicate-state-key":   "two stacks keep their state under one key",
	"absolute-path":         "an absolute path",
	"own-commit":            "terragrunt runs another commit of the repository itself",
	"orphan":                "nobody calls this module: it is extracted too",
	"override-of-source":    "an override file changes a source",
	"opentofu-twin":         "OpenTofu reads another file in place of this one",
}

func hazardLess(a, b Hazard) bool {
	if a.File != b.File {
		return a.File < b.File
	}
	if a.Line != b.Line {
		return a.Line < b.Line
	}
	if a.ID != b.ID {
		return a.ID < b.ID
	}
	if a.Summary != b.Summary {
		return a.Summary < b.Summary
	}
	return a.Dir < b.Dir
}

// Hazards finds everything that a split with these borders has to reckon
// with, sorted by file and line. It reads every text file of the tree for
// mentions of what would move.
func (g *Graph) Hazards(b *Borders) []Hazard {
	out := b.hazards()
	closures, reached := g.Closures(b)
	out = append(out, reached...)
	out = append(out, g.callHazards(b, closures)...)
	out = append(out, g.terragruntHazards(b)...)
	out = append(out, g.moduleHazards(b)...)
	out = append(out, g.pathHazards(b)...)
	out = append(out, g.hiddenHazards(b, closures)...)
	out = append(out, g.textHazards(b)...)
	out = append(out, g.submoduleHazards(b)...)
	sort.Slice(out, func(i, j int) bool { return hazardLess(out[i], out[j]) })
	dedup := out[:0]
	for i, h := range out {
		if i == 0 || h != out[i-1] {
			dedup = append(dedup, h)
		}
	}
	return dedup
}

func (g *Graph) callHazards(b *Borders, closures map[Owner]*Closure) []Hazard {
	var out []Hazard
	for _, c := range g.Calls {
		from := b.Of(c.Dir)
		h := Hazard{File: c.File().Path, Line: c.Line(), Dir: c.Dir}
		if c.Terragrunt != nil {
			continue // terragruntHazards
		}
		call := c.Call
		if !call.HasSource {
			if !call.File.Override && !call.File.Broken() {
				h.ID, h.Severity, h.Unproved = "invalid-source", Warn, true
				h.Summary = fmt.Sprintf("module %q has no source", call.Name)
				out = append(out, h)
			}
			continue
		}
		if call.File.Override {
			o := h
			o.ID, o.Severity = "override-of-source", Info
			o.Summary = fmt.Sprintf("module %q: an override file sets the source", call.Name)
			out = append(out, o)
		}
		switch {
		case !call.Static:
			h.ID, h.Severity, h.Unproved = "computed-source", Warn, true
			h.Summary = fmt.Sprintf("module %q: the source is computed, so where it leads is not known", call.Name)
			if from != "" {
				h.Summary += "; it is carried as it is"
			}
		case call.SourceErr != nil:
			h.ID, h.Severity, h.Unproved = "invalid-source", Warn, true
			h.Summary = fmt.Sprintf("module %q: %q is no module address", call.Name, call.Source.Redacted())
		case c.Problem != ProblemNone:
			h = problemHazard(h, c, call.Raw)
		case c.Target == "":
			continue
		case from != "" && b.Of(c.Target) == "":
			h.ID, h.Severity, h.Dir = "calls-what-stays", Block, from
			h.Summary = fmt.Sprintf("module %q: calls %s, %s", call.Name, c.Target, b.why(c.Target))
		case b.Of(c.Target) != from && unaddressable(c.Target, closures[Owner{Package: b.Of(c.Target)}]):
			h.ID, h.Severity, h.Dir = "unaddressable-path", Block, b.Of(c.Target)
			h.Summary = fmt.Sprintf("module %q: %s cannot stand behind // in a source: it holds one of ? * [ or begins a name with a dot", call.Name, c.Target)
		case from != "" && c.ThroughParent(closures[Owner{Package: from}].Root):
			h.ID, h.Severity, h.Dir = "source-through-parent", Info, from
			h.Summary = fmt.Sprintf("module %q: %q leaves %s and comes back by its name: it is made to lead there directly", call.Name, call.Raw, closures[Owner{Package: from}].Root)
		case from != "" && b.Of(c.Target) != from:
			h.ID, h.Severity, h.Dir = "sibling-call", Info, from
			h.Summary = fmt.Sprintf("module %q: %s calls %s", call.Name, c.Dir, c.Target)
		default:
			continue
		}
		out = append(out, h)
	}
	return out
}

// unaddressable reports whether a source cannot name a directory of a package:
// go-getter takes * and [ behind // for a pattern, and ? for the end. A second
// call of a package gets a copy that terraform makes of the first one's, and
// that leaves out every name that begins with a dot.
func unaddressable(dir string, of *Closure) bool {
	sub := below(dir, of.Root)
	return of.Owns != nil && (strings.ContainsAny(sub, "?*[") || strings.HasPrefix(sub, ".") || strings.Contains(sub, "/."))
}

// ThroughParent reports whether a call stays inside pkg but goes there by way
// of a directory above it, by pkg's own name, which a repository that begins
// at pkg does not have.
func (c *Call) ThroughParent(pkg string) bool {
	return c.Call != nil && c.Problem == ProblemNone && Within(c.Dir, pkg) && Within(c.Target, pkg) && leaves(c.Dir, c.Call.Source.Path, pkg)
}

func problemHazard(h Hazard, c *Call, raw string) Hazard {
	h.Severity, h.Unproved = Warn, true
	if c.Problem == ProblemOutside {
		h.ID = "source-outside"
		h.Summary = fmt.Sprintf("the source %q leaves the repository", raw)
		return h
	}
	h.ID = "dangling-source"
	h.Summary = fmt.Sprintf("the source %q leads to %s, where there is no configuration", raw, c.Target)
	return h
}

// moduleHazards are those of a directory as a whole.
func (g *Graph) moduleHazards(b *Borders) []Hazard {
	var out []Hazard
	names := map[string][]string{}
	for _, p := range b.Roots() {
		names[strings.ToLower(path.Base(p))] = append(names[strings.ToLower(path.Base(p))], p)
	}
	for _, group := range names {
		if len(group) == 1 {
			continue
		}
		// All of them at each of them would be a text of n × n paths.
		const most = 5
		list := strings.Join(group[:min(len(group), most)], ", ")
		if n := len(group) - most; n > 0 {
			list += fmt.Sprintf(" and %d more", n)
		}
		for _, p := range group {
			out = append(out, Hazard{ID: "equal-names", Severity: Info, File: p, Dir: p,
				Summary: fmt.Sprintf("%d modules are named %s: %s", len(group), path.Base(p), list)})
		}
	}
	for _, d := range g.Sorted() {
		for _, f := range d.Config.Files {
			if f.Broken() {
				line := 0
				for _, diag := range f.Diags {
					if diag.Subject != nil {
						line = diag.Subject.Start.Line
						break
					}
				}
				out = append(out, Hazard{ID: "parse-error", Severity: Warn, File: f.Path, Line: line, Dir: d.Path, Unproved: true,
					Summary: "the file does not parse: it is carried as it is, and its calls are not known"})
			}
			if f.Twin != "" {
				out = append(out, Hazard{ID: "opentofu-twin", Severity: Info, File: f.Path, Dir: d.Path,
					Summary: "OpenTofu reads " + f.Twin + " in its place"})
			}
		}
		switch d.Role {
		case RoleModule:
			for _, p := range d.Config.Providers {
				out = append(out, Hazard{ID: "provider-in-module", Severity: Info, File: p.File.Path, Line: p.Range.Start.Line, Dir: d.Path,
					Summary: fmt.Sprintf("the module configures the provider %q itself", p.Name)})
			}
			for _, k := range d.Config.Backends {
				out = append(out, Hazard{ID: "backend-in-module", Severity: Warn, File: k.File.Path, Line: k.Range.Start.Line, Dir: d.Path,
					Summary: "a called module has a backend: terraform ignores it there"})
			}
		case RoleOrphan:
			out = append(out, Hazard{ID: "orphan", Severity: Info, File: d.Path, Dir: d.Path, Summary: "nobody calls this module: it is extracted too"})
		}
	}
	for _, group := range g.SharedStates() {
		for _, s := range group[1:] {
			out = append(out, Hazard{ID: "duplicate-state-key", Severity: Warn, File: s.Backend.File.Path, Line: s.Backend.Range.Start.Line, Dir: s.Dir,
				Summary: fmt.Sprintf("keeps its state under the same key as %s", group[0].Backend.File.Path)})
		}
	}
	return out
}

// readFile returns a file's bytes, nil where it is too large to be text that
// people read (1 MiB) or not to be had.
func (g *Graph) readFile(p string) []byte {
	const most = 1 << 20
	if info, err := fs.Stat(g.Tree.FS, p); err != nil || info.Size() > most {
		return nil
	}
	data, err := fs.ReadFile(g.Tree.FS, p)
	if err != nil {
		return nil
	}
	return data
}

// isBinary uses git's own rule: a NUL in the first 8,000 bytes.
func isBinary(data []byte) bool {
	return bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0
}
