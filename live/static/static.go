// Package static evaluates the expressions of Terraform directories as far as
// files, var files and variables say: locals, variables, templates, conditions,
// pure functions, terraform.workspace, path.module and path.root, each and count.
// It does so for a root module and for every module that is reached from it
// through calls.
//
// It does not know resources, data sources, outputs, state, functions that read
// files or the clock, or the environment of the process: what depends on one is
// not known, and is said to be so, with the reason.
package static

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
)

// Inputs are what terraform is run with beside the files of a root module.
type Inputs struct {
	// Workspace is the selected one; "" is "default".
	Workspace string
	// VarFiles are those of -var-file, in order, relative to the directory.
	// terraform.tfvars and *.auto.tfvars are read anyway.
	VarFiles []string
	// Variables are those of the environment, TF_VAR_ taken off: texts, as
	// terraform reads them. They count least.
	Variables map[string]string
	// Files has the var files; nil for the tree's own. Symlinks are followed
	// inside the tree alone.
	Files fs.FS
	// Tofu reads as OpenTofu does: .tofu files, in place of their twins.
	Tofu bool
	// Open opens modules that are not in the tree: the tree that holds one and
	// its directory there. nil for none. The error says why it cannot be read.
	Open func(source hclparse.Source, version string) (*Tree, string, error)
}

// What one root may cost. All are far from what anybody writes.
const (
	mostScopes   = 10_000   // modules' instances below one root
	mostSteps    = 200_000  // evaluations
	deepest      = 100      // locals and variables that are made of each other
	deepestChain = 32       // calls in each other
	mostInstance = 1_000    // of one count or for_each
	mostValue    = 64 << 10 // the size of a local or variable
	mostContext  = 1 << 20  // the sizes of all that an expression names
	mostNodes    = 5_000    // the parts of an expression
	mostLoop     = 64 << 20 // the work of for expressions
)

// A Scope is one directory with the values that it is evaluated with: a root,
// or one instance of a module that is called. It may be used by one goroutine
// at a time, together with all scopes of the same root.
type Scope struct {
	t      *Tree
	d      *directory
	in     *Inputs
	shared *shared

	caller    *Scope                    // nil for a root
	arguments map[string]*hcl.Attribute // of the call
	given     map[string]cty.Value      // a root's variables
	unread    string                    // why any variable of a root may have another value
	address   string
	key       string // of the call in terraform's modules.json: "a.b"
	module    string // path.module

	each, count cty.Value // of this instance; NilVal outside of one
	why         string    // why they are not known
	part        string    // why a part of each.value is not known

	values map[string]*result // locals and variables, by "local.x" and "var.x"
}

// shared is what the scopes of one root share.
type shared struct{ scopes, steps, depth int }

type result struct {
	v   cty.Value
	why string
}

// Root is the scope of a directory that terraform is run in. Variables have the
// values of the inputs and, where nothing sets one, their defaults, as terraform
// has it. The diagnostics are of var files that cannot be read; every variable
// is then unknown, since the file might have set it. A directory without
// configuration is an empty one.
func (t *Tree) Root(dir string, in Inputs) (*Scope, hcl.Diagnostics) {
	dir = path.Clean(dir)
	s := &Scope{t: t, d: t.directory(dir, in.Tofu, true), in: &in, shared: &shared{}, module: ".", values: map[string]*result{}}
	var diags hcl.Diagnostics
	s.given, diags = t.variables(dir, s.d, &in)
	if diags.HasErrors() {
		s.unread = "a var file cannot be read"
	}
	return s, diags
}

// Dir is the directory in its tree.
func (s *Scope) Dir() string { return s.d.m.Path }

// Tree is the tree that the directory is in: another than the root's where Open
// gave it.
func (s *Scope) Tree() *Tree { return s.t }

// Address is the chain of calls from the root, `module.a.module.b["x"]`; "" for
// the root itself. Instances that are not known have no key.
func (s *Scope) Address() string { return s.address }

// Module is the directory's configuration, in full.
func (s *Scope) Module() *hclparse.Module { return s.d.m }

// Calls are the directory's module calls as terraform sees them, override files
// merged, by name.
func (s *Scope) Calls() []*hclparse.Call { return s.d.calls }

// Children are the scopes of a call: one, or one for each instance of count or
// for_each. Where the instances are not known it is one in which each and count
// are unknown. Where the module cannot be read there are none, and why says so;
// a known count of 0 gives none and no reason.
func (s *Scope) Children(c *hclparse.Call) (list []*Scope, why string) {
	attribute := func(name string) hcl.Expression {
		if a := c.Attributes[name]; a != nil {
			return a.Expr
		}
		return nil
	}
	instances := s.instances(attribute("count"), attribute("for_each"))
	if len(instances) == 0 {
		return nil, ""
	}
	t, dir, module, why := s.open(c)
	if why != "" {
		return nil, why
	}
	depth := 0
	for at := s; at != nil; at = at.caller {
		if at.t == t && at.Dir() == dir {
			return nil, "the module calls itself"
		}
		depth++
	}
	if depth > deepestChain {
		return nil, "calls stand too deep in each other"
	}
	d := t.directory(dir, s.in.Tofu, false)
	for _, i := range instances {
		if s.shared.scopes++; s.shared.scopes > mostScopes {
			return nil, "the stack has more than " + strconv.Itoa(mostScopes) + " modules"
		}
		child := &Scope{t: t, d: d, in: s.in, shared: s.shared, arguments: c.Attributes, values: map[string]*result{}}
		// The arguments are evaluated in the caller, as the instance sees it.
		child.caller = i
		child.address = strings.TrimPrefix(s.address+".module."+c.Name+i.instanceKey(), ".")
		child.key = strings.TrimPrefix(s.key+"."+c.Name, ".")
		child.module = module
		if module == "" {
			child.module = path.Join(".terraform/modules", child.key)
			if sub := c.Source.Subdir; sub != "" {
				child.module = path.Join(child.module, sub)
			}
		}
		list = append(list, child)
	}
	return list, ""
}

// instanceKey is what stands behind a call's name in an address.
func (s *Scope) instanceKey() string {
	switch {
	case s.why != "":
	case s.each != cty.NilVal:
		return "[" + strconv.Quote(s.each.GetAttr("key").AsString()) + "]"
	case s.count != cty.NilVal:
		n, _ := s.count.GetAttr("index").AsBigFloat().Int64()
		return "[" + strconv.FormatInt(n, 10) + "]"
	}
	return ""
}

// open finds the directory of a call. module is its path.module, "" for one
// that terraform copies.
func (s *Scope) open(c *hclparse.Call) (t *Tree, dir, module, why string) {
	source, version := c.Source, c.Version
	switch {
	case !c.HasSource:
		return nil, "", "", "the call has no source"
	case !c.Static:
		// Terraform 1.15 and OpenTofu 1.8 evaluate sources.
		expr := s.d.exprAt(c.SourceRange)
		if expr == nil {
			return nil, "", "", "its source is not a literal"
		}
		text, ok, why := s.Text(expr)
		if !ok {
			return nil, "", "", "its source is not known: " + why
		}
		var err error
		if source, err = hclparse.ParseSource(text); err != nil {
			return nil, "", "", "its source is no module address"
		}
	case c.SourceErr != nil:
		return nil, "", "", "its source is no module address"
	}
	if source.Kind != hclparse.KindLocal {
		if s.in.Open == nil {
			return nil, "", "", "it is in another repository"
		}
		t, dir, err := s.in.Open(source, version)
		if err != nil {
			return nil, "", "", "it cannot be read: " + hclparse.Redact(firstLine(err.Error()))
		}
		return t, path.Clean(dir), "", ""
	}
	dir, ok := s.t.g.Follow(path.Join(s.Dir(), source.Path))
	if !ok {
		return nil, "", "", "its source leads out of the tree"
	}
	if s.t.g.Dirs[dir] == nil {
		return nil, "", "", "its source leads to no configuration"
	}
	return s.t, dir, path.Join(s.module, source.Path), ""
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// instances are the scopes of what has count or for_each, s itself for what has
// neither.
func (s *Scope) instances(count, forEach hcl.Expression) []*Scope {
	with := func(each, count cty.Value, why string) *Scope {
		n := *s
		n.each, n.count, n.why = each, count, why
		return &n // locals and variables are the same, and so are their values
	}
	unknown := func(why string) []*Scope {
		return []*Scope{with(cty.DynamicVal, cty.DynamicVal, why)}
	}
	switch {
	case forEach != nil:
		v, why := s.Value(forEach)
		if v.IsNull() || !v.IsKnown() {
			if why == "" {
				why = "for_each is null"
			}
			return unknown("for_each: " + why)
		}
		t := v.Type()
		if !t.IsObjectType() && !t.IsMapType() && !(t.IsSetType() && t.ElementType() == cty.String) {
			return unknown("for_each is no map and no set of strings")
		}
		if v.LengthInt() > mostInstance {
			return unknown("for_each has more than " + strconv.Itoa(mostInstance) + " elements")
		}
		var out []*Scope
		for it := v.ElementIterator(); it.Next(); {
			key, value := it.Element()
			if !key.IsKnown() || key.IsNull() {
				return unknown("for_each: " + why)
			}
			n := with(cty.ObjectVal(map[string]cty.Value{"key": key, "value": value}), cty.NilVal, "")
			if !value.IsWhollyKnown() {
				n.part = "for_each: " + why
			}
			out = append(out, n)
		}
		return out
	case count != nil:
		text, ok, why := s.Text(count)
		n, err := strconv.Atoi(text)
		switch {
		case !ok:
			return unknown("count: " + why)
		case err != nil && (text == "true" || text == "false"), err != nil, n < 0:
			return unknown("count is no whole number")
		case n > mostInstance:
			return unknown("count is more than " + strconv.Itoa(mostInstance))
		}
		var out []*Scope
		for i := range n {
			out = append(out, with(cty.NilVal, cty.ObjectVal(map[string]cty.Value{"index": cty.NumberIntVal(int64(i))}), ""))
		}
		return out
	}
	return []*Scope{s}
}
