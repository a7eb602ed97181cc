package proof

import (
	"bytes"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// An include is the path of an include block of a terragrunt file.
type include struct {
	label string
	path  hclsyntax.Expression
}

// readTerragrunt reads what gives a terragrunt file's source its value.
func (p *parsed) readTerragrunt(body *hclsyntax.Body) {
	p.locals = map[string]hclsyntax.Expression{}
	for _, b := range body.Blocks {
		switch b.Type {
		case "locals":
			for name, a := range b.Body.Attributes {
				p.locals[name] = a.Expr
			}
		case "include":
			if a := b.Body.Attributes["path"]; a != nil {
				p.includes = append(p.includes, include{strings.Join(b.Labels, "."), a.Expr})
			}
		}
	}
}

// atRoot stands for the absolute path of a tree's root, in a text of a path.
const atRoot = "\x00"

// deepest is how many locals may name each other in a row.
const deepest = 16

// A unit is a terragrunt.hcl in one snapshot, and the file in which an
// expression stands: itself, or one that it includes.
type unit struct {
	s    *snapshot
	dir  string
	own  *parsed
	file *parsed // nil for own
	at   string  // the directory of file
}

// configOf returns the configuration of the file at p, symlinks followed.
func (s *snapshot) configOf(p string) (*parsed, string) {
	to := s.resolve(p)
	if to.path == "" || to.dir != nil || !to.file.regular() {
		return nil, ""
	}
	return s.ck.parsed[parseKey{to.file.id, languageOf(path.Base(p))}], to.path
}

// included returns the files that the unit includes, and where they are.
func (u unit) included() (files []*parsed, paths []string) {
	for _, in := range u.own.includes {
		text, ok := unit{u.s, u.dir, u.own, nil, ""}.value(in.path, 0)
		f, at := (*parsed)(nil), ""
		if ok {
			f, at = u.s.configOf(u.place(text))
		}
		files, paths = append(files, f), append(paths, at)
	}
	return files, paths
}

// place is the path in the tree that a text means; it may climb out.
func (u unit) place(text string) string {
	if rest, ok := strings.CutPrefix(text, atRoot); ok {
		if rest != "" && rest[0] != '/' {
			return ".."
		}
		return path.Join(".", strings.TrimLeft(rest, "/"))
	}
	return join(u.dir, text)
}

// source evaluates a source that is no plain string, and returns it as a
// relative path from the unit. It is false for what is not known from the
// files, and for what is no path.
func (u unit) source(e hclsyntax.Expression) (string, bool) {
	text, ok := u.value(e, 0)
	if !ok || strings.ContainsAny(text, "?:") || !strings.HasPrefix(text, atRoot) && !isLocal(text) || strings.Contains(text[1:], atRoot) {
		return "", false
	}
	p := u.place(text)
	if climbs(p) {
		return "", false
	}
	return relativePath(u.dir, p), true
}

// relativePath leads from one directory to another, with ./ or ../ in front.
func relativePath(from, to string) string {
	up := "./"
	for ; !within(to, from); from = path.Dir(from) {
		up += "../"
	}
	if from != "." {
		to = strings.TrimPrefix(strings.TrimPrefix(to, from), "/")
	}
	return up + to
}

// value evaluates an expression that is made of texts, locals, and the
// functions of terragrunt that tell where something is.
func (u unit) value(e hclsyntax.Expression, depth int) (string, bool) {
	if depth > deepest {
		return "", false
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return u.value(e.Expression, depth)
	case *hclsyntax.TemplateWrapExpr:
		return u.value(e.Wrapped, depth)
	case *hclsyntax.LiteralValueExpr:
		if e.Val.Type() != cty.String || !e.Val.IsKnown() || e.Val.IsNull() {
			return "", false
		}
		return e.Val.AsString(), true
	case *hclsyntax.TemplateExpr:
		var all strings.Builder
		for _, part := range e.Parts {
			text, ok := u.value(part, depth)
			if !ok {
				return "", false
			}
			all.WriteString(text)
		}
		return all.String(), true
	case *hclsyntax.ScopeTraversalExpr:
		return u.named(e.Traversal, depth)
	case *hclsyntax.FunctionCallExpr:
		if e.ExpandFinal {
			return "", false
		}
		var args []string
		for _, a := range e.Args {
			if list, ok := a.(*hclsyntax.TupleConsExpr); ok && e.Name == "join" {
				for _, a := range list.Exprs {
					text, ok := u.value(a, depth)
					if !ok {
						return "", false
					}
					args = append(args, text)
				}
				continue
			}
			text, ok := u.value(a, depth)
			if !ok {
				return "", false
			}
			args = append(args, text)
		}
		return u.call(e.Name, args)
	}
	return "", false
}

// named evaluates local.NAME and include.LABEL.locals.NAME.
func (u unit) named(t hcl.Traversal, depth int) (string, bool) {
	names := []string{t.RootName()}
	for _, step := range t[1:] {
		a, ok := step.(hcl.TraverseAttr)
		if !ok {
			return "", false
		}
		names = append(names, a.Name)
	}
	in := u.own
	if u.file != nil {
		in = u.file
	}
	switch {
	case len(names) == 2 && names[0] == "local":
		if e := in.locals[names[1]]; e != nil {
			return u.value(e, depth+1)
		}
	case len(names) == 4 && names[0] == "include" && names[2] == "locals" && u.file == nil:
		files, paths := u.included()
		for i, inc := range u.own.includes {
			if inc.label == names[1] && files[i] != nil {
				if e := files[i].locals[names[3]]; e != nil {
					return unit{u.s, u.dir, u.own, files[i], path.Dir(paths[i])}.value(e, depth+1)
				}
			}
		}
	}
	return "", false
}

func (u unit) call(name string, args []string) (string, bool) {
	absolute := func(p string) string {
		if p == "." {
			return atRoot
		}
		return atRoot + "/" + p
	}
	switch {
	case name == "get_repo_root" && len(args) == 0:
		return atRoot, true
	case (name == "get_terragrunt_dir" || name == "get_original_terragrunt_dir") && len(args) == 0:
		return absolute(u.dir), true
	case name == "get_path_from_repo_root" && len(args) == 0:
		return u.dir, true
	case name == "get_path_to_repo_root" && len(args) == 0:
		return path.Clean(relativePath(u.dir, ".")), true
	case name == "get_parent_terragrunt_dir":
		p, ok := u.parent(args)
		return absolute(p), ok
	case name == "path_relative_to_include":
		p, ok := u.parent(args)
		return path.Clean(relativePath(p, u.dir)), ok
	case name == "path_relative_from_include":
		p, ok := u.parent(args)
		return path.Clean(relativePath(u.dir, p)), ok
	case name == "find_in_parent_folders":
		want := "terragrunt.hcl"
		if len(args) > 0 && args[0] != "" {
			want = args[0]
		}
		for at := u.dir; at != "." && want[0] != '/'; {
			at = path.Dir(at)
			if p := path.Join(at, want); !climbs(p) && u.s.resolve(p).path != "" {
				return atRoot + "/" + p, true
			}
		}
	case name == "dirname" && len(args) == 1:
		return path.Dir(args[0]), true
	case name == "basename" && len(args) == 1 && args[0] != atRoot:
		return path.Base(args[0]), true
	case name == "join" && len(args) > 0:
		return strings.Join(args[1:], args[0]), true
	case name == "format" && len(args) > 0 && strings.Count(args[0], "%") == strings.Count(args[0], "%s") && strings.Count(args[0], "%s") == len(args)-1:
		text := args[0]
		for _, a := range args[1:] {
			text = strings.Replace(text, "%s", a, 1)
		}
		return text, true
	case name == "replace" && len(args) == 3:
		return strings.ReplaceAll(args[0], args[1], args[2]), true
	case name == "trimprefix" && len(args) == 2:
		return strings.TrimPrefix(args[0], args[1]), true
	case name == "trimsuffix" && len(args) == 2:
		return strings.TrimSuffix(args[0], args[1]), true
	case name == "trim" && len(args) == 2:
		return strings.Trim(args[0], args[1]), true
	case name == "trimspace" && len(args) == 1:
		return strings.TrimSpace(args[0]), true
	case name == "lower" && len(args) == 1:
		return strings.ToLower(args[0]), true
	case name == "upper" && len(args) == 1:
		return strings.ToUpper(args[0]), true
	case (name == "abspath" || name == "pathexpand" || name == "tostring") && len(args) == 1:
		return args[0], true
	}
	return "", false
}

// parent is the directory of the file that is included.
func (u unit) parent(args []string) (string, bool) {
	if u.file != nil {
		return u.at, true
	}
	if len(u.own.includes) == 0 && len(args) == 0 {
		return u.dir, true
	}
	_, paths := u.included()
	for i, in := range u.own.includes {
		if paths[i] != "" && (len(args) == 0 && len(paths) == 1 || len(args) == 1 && in.label == args[0]) {
			return path.Dir(paths[i]), true
		}
	}
	return "", false
}

// inherited returns the sites that a unit has from the files that it includes,
// where it has no source of its own.
func (s *snapshot) inherited(dir string, own *parsed) []site {
	var out []site
	u := unit{s, dir, own, nil, ""}
	files, paths := u.included()
	for i, f := range files {
		if f == nil || f == own {
			continue
		}
		for _, b := range f.calls {
			out = append(out, site{key: b.name, file: paths[i], line: b.line, terragrunt: true, hasSource: true, lit: b.lit, computed: b.computed,
				unit: unit{s, dir, own, f, path.Dir(paths[i])}})
		}
	}
	return out
}

// includers returns the units of the monorepo that include the file.
func (ck *checker) includers(p string) []string {
	if ck.included == nil {
		ck.included = map[string][]string{}
		for _, d := range ck.mono.dirs {
			f, _ := ck.mono.configOf(path.Join(d, "terragrunt.hcl"))
			if f == nil || f.problem != "" {
				continue
			}
			_, paths := unit{ck.mono, d, f, nil, ""}.included()
			for _, p := range paths {
				if p != "" {
					ck.included[p] = append(ck.included[p], d)
				}
			}
		}
	}
	return ck.included[p]
}

// compareIncluded judges a changed source of a file that units include: in
// each of them, also where that has a source of its own.
func (ck *checker) compareIncluded(a *after, p string, is *parsed, units []string) {
	judged := false
	for _, d := range units {
		for _, at := range ck.places(d) {
			was, _ := ck.mono.configOf(path.Join(d, "terragrunt.hcl"))
			now, _ := a.configOf(path.Join(at.after, "terragrunt.hcl"))
			if at.repo != a.index || was == nil || now == nil {
				continue
			}
			before, after := ck.mono.inherited(d, was), a.inherited(at.after, now)
			for i := range before {
				if before[i].file != p || i >= len(after) {
					continue
				}
				judged = true
				if j := ck.judge(at, before[i], after[i]); j.kind != "" {
					ck.failFile(a.index, j.kind, p, after[i].line, "for %s: %s", d, j.summary)
				}
			}
		}
	}
	if !judged && !ck.judgedElsewhere(a, p, is, units) {
		ck.failFile(a.index, "source-changed", p, is.line, "a source in %s was changed, and nothing is known to include the file", a.repository)
	}
}

// judgedElsewhere reports whether all units that include the file moved to
// other live repositories, and the copy of each is this one, byte for byte.
func (ck *checker) judgedElsewhere(a *after, p string, is *parsed, units []string) bool {
	found := false
	for _, d := range units {
		for _, at := range ck.places(d) {
			b := ck.afters[at.repo]
			in, ok := b.inside(p)
			if b == a || b.live == nil || !ok {
				return false
			}
			if copied, _ := b.configOf(in); copied == nil || !bytes.Equal(copied.data, is.data) {
				return false
			}
			found = true
		}
	}
	return found
}

// onlyIncluded reports whether a directory holds a terragrunt.hcl that is
// there for others to include, and nothing else that is run.
func (ck *checker) onlyIncluded(dir string) bool {
	p := path.Join(dir, "terragrunt.hcl")
	f, _ := ck.mono.configOf(p)
	return f != nil && len(f.includes) == 0 && len(ck.includers(p)) > 0
}
