package estate

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
)

const remoteState = "terraform_remote_state"

// remoteStates makes the edges of data "terraform_remote_state" in every unit's
// directory and in the modules that it calls.
func (d *discovery) remoteStates() {
	d.reads = map[readsKey]bool{}
	for _, u := range d.e.Units {
		if u.Terragrunt {
			continue
		}
		if !d.mayRead(d.tree, u.Stack) {
			d.unread(u)
			continue
		}
		s, diags := d.tree.Root(u.Stack, d.inputs(u))
		d.warn(diags)
		d.walk(u, s, nil)
	}
}

// unread names the calls that leave the tree, where nobody opens them: for that
// nothing has to be parsed.
func (d *discovery) unread(u *Unit) {
	seen, list := map[string]bool{u.Stack: true}, []string{u.Stack}
	for i := 0; i < len(list); i++ {
		node := d.g.Dirs[list[i]]
		for _, c := range node.Config.Effective(d.c.Tofu) {
			if c.HasSource && c.Static && c.Source.Kind != hclparse.KindLocal {
				d.e.Unread = append(d.e.Unread, Unresolved{u, c.File.Path, c.Block.Start.Line, fmt.Sprintf("module %q cannot be read: it is in another repository", c.Name)})
			}
		}
		for _, c := range node.Callees {
			if !seen[c] {
				seen[c] = true
				list = append(list, c)
			}
		}
	}
}

// warn takes the first error of each file that cannot be read: what comes of it
// is said of each unit, and others are none the worse for it.
func (d *discovery) warn(diags hcl.Diagnostics) {
	for _, diag := range diags {
		if diag.Severity != hcl.DiagError || diag.Subject == nil || d.warned[diag.Subject.Filename] {
			continue
		}
		d.warned[diag.Subject.Filename] = true
		w := *diag
		w.Severity = hcl.DiagWarning
		d.diags = append(d.diags, &w)
	}
}

// A spot is where something in a called module is named: in the stack's own
// tree, since nobody can look into another one.
type spot struct {
	file string
	line int
	via  string // the chain of calls, "" where the file itself is in the tree
}

func (d *discovery) walk(u *Unit, s *static.Scope, far *spot) {
	at := func(file string, line int) spot {
		if far != nil {
			return *far
		}
		return spot{file: file, line: line}
	}
	for _, f := range s.Module().Files {
		if f.Broken() {
			p := at(f.Path, 1)
			d.e.Unresolved = append(d.e.Unresolved, Unresolved{u, p.file, p.line, p.via + "a file does not parse, so whether it reads other states is not known"})
		}
	}
	for _, b := range s.Data(remoteState) {
		for _, i := range s.Instances(b) {
			d.remote(u, i, b, at(b.File, b.Line))
		}
	}
	for _, c := range s.Calls() {
		p := at(c.File.Path, c.Block.Start.Line)
		if !d.worth(s, c) {
			continue
		}
		children, why := s.Children(c)
		if why != "" {
			d.e.Unread = append(d.e.Unread, Unresolved{u, p.file, p.line, fmt.Sprintf("%smodule %q cannot be read: %s", p.via, c.Name, strings.TrimPrefix(why, "it cannot be read: "))})
			continue
		}
		for _, child := range children {
			next := far
			if far == nil && child.Tree() != d.tree {
				next = &spot{p.file, p.line, fmt.Sprintf("in module %q: ", c.Name)}
			}
			d.walk(u, child, next)
		}
	}
}

// worth reports whether a call has to be looked into: it leads out of the tree,
// or to a directory that may read a state.
func (d *discovery) worth(s *static.Scope, c *hclparse.Call) bool {
	if !c.Static || c.SourceErr != nil || c.Source.Kind != hclparse.KindLocal {
		return true
	}
	g := s.Tree().Graph()
	dir, ok := g.Follow(path.Join(s.Dir(), c.Source.Path))
	return !ok || g.Dirs[dir] == nil || d.mayRead(s.Tree(), dir)
}

type readsKey struct {
	t   *static.Tree
	dir string
}

// mayRead reports whether a directory, or a module that it calls, may hold a
// remote state, is broken, or leads to what is not in the tree: by its text,
// before anything is parsed.
func (d *discovery) mayRead(t *static.Tree, dir string) bool {
	seen := map[string]bool{}
	var visit func(dir string) bool
	visit = func(dir string) bool {
		if known, ok := d.reads[readsKey{t, dir}]; ok {
			return known
		}
		if seen[dir] {
			return false
		}
		seen[dir] = true
		node := t.Graph().Dirs[dir]
		if node == nil {
			return true
		}
		may := d.holds(t.Graph(), node)
		for _, c := range node.Config.Calls {
			may = may || c.HasSource && (!c.Static || c.SourceErr != nil || c.Source.Kind != hclparse.KindLocal && d.c.Open != nil)
		}
		for _, callee := range node.Callees {
			may = may || visit(callee)
		}
		for _, c := range node.Config.Calls {
			if may || !c.HasSource || c.Source.Kind != hclparse.KindLocal {
				continue
			}
			to, ok := t.Graph().Follow(path.Join(dir, c.Source.Path))
			may = may || !ok || t.Graph().Dirs[to] == nil
		}
		return may
	}
	may := visit(dir)
	d.reads[readsKey{t, dir}] = may
	if !may {
		for at := range seen { // of a circle the whole is known now
			d.reads[readsKey{t, at}] = false
		}
	}
	return may
}

// holds reports whether a directory's files may hold a remote state: a text, or
// an escape that may hide one.
func (d *discovery) holds(g *modules.Graph, dir *modules.Dir) bool {
	for _, f := range dir.Config.Files {
		src := f.Bytes
		if src == nil {
			src, _ = fs.ReadFile(g.Tree.FS, f.Real)
		}
		if f.Broken() || bytes.Contains(src, []byte(remoteState)) || bytes.Contains(src, []byte(`\u`)) || bytes.Contains(src, []byte(`\U`)) {
			return true
		}
	}
	return false
}

// remote evaluates one remote state, and finds the unit whose it is.
func (d *discovery) remote(u *Unit, s *static.Scope, b *static.Block, p spot) {
	name := "data." + remoteState + "." + b.Name
	unresolved := func(why string) {
		d.e.Unresolved = append(d.e.Unresolved, Unresolved{u, p.file, p.line, p.via + name + ": " + why})
	}
	typ, ok, why := s.Text(b.Expression("backend"))
	if !ok {
		unresolved("its backend is not known: " + why)
		return
	}
	workspace := "default"
	if x := b.Expression("workspace"); x != nil {
		v, why := s.Value(x)
		if text, ok, why := static.TextOf(v, why); ok {
			workspace = text
		} else if !v.IsKnown() || !v.IsNull() {
			unresolved("its workspace is not known: " + why)
			return
		}
	}
	config, unknown, why := settings(s, b)
	if why != "" {
		unresolved("its config is not known: " + why)
		return
	}
	id, why := identity(typ, u.Stack, workspace, config, unknown)
	if id == "" {
		unresolved(why)
		return
	}
	units := d.state[id]
	if len(units) == 0 {
		d.e.External = append(d.e.External, Unresolved{u, p.file, p.line, p.via + name + ": no unit keeps its state there" + shown(typ, config, workspace)})
		return
	}
	for _, from := range units {
		if from == u {
			continue // a stack may read its own state
		}
		d.e.Edges = append(d.e.Edges, Edge{From: from, To: u, Kind: "remote-state", File: p.file, Line: p.line, Detail: p.via + name})
	}
}

// settings are the arguments of a remote state's config, each by itself: what is
// not known of one hides no other.
func settings(s *static.Scope, b *static.Block) (config, unknown map[string]string, why string) {
	config, unknown = map[string]string{}, map[string]string{}
	put := func(name string, v cty.Value, why string) {
		if v.IsKnown() && v.IsNull() {
			return
		}
		if text, ok, why := static.TextOf(v, why); ok {
			config[name] = text
		} else {
			unknown[name] = why
		}
	}
	var each func(prefix string, v cty.Value, why string)
	each = func(prefix string, v cty.Value, why string) {
		if t := v.Type(); v.IsKnown() && !v.IsNull() && t.IsTupleType() && v.LengthInt() == 1 {
			it := v.ElementIterator() // the only block of its name
			it.Next()
			_, v = it.Element()
		}
		if t := v.Type(); prefix != "" && strings.Count(prefix, ".") > 1 || !v.IsKnown() || v.IsNull() || !t.IsObjectType() && !t.IsMapType() {
			put(strings.TrimSuffix(prefix, "."), v, why)
			return
		}
		for it := v.ElementIterator(); it.Next(); {
			key, e := it.Element()
			each(prefix+key.AsString()+".", e, why)
		}
	}
	x := b.Expression("config")
	if x != nil {
		if pairs, diags := hcl.ExprMap(x); !diags.HasErrors() {
			whole := true
			for _, p := range pairs {
				key, ok, _ := s.Text(p.Key)
				if !ok {
					whole = false
					break
				}
				v, why := s.Value(p.Value)
				delete(config, key)
				delete(unknown, key)
				each(key+".", v, why)
			}
			if whole {
				return config, unknown, ""
			}
			return nil, nil, "a name in it is not known"
		}
	}
	v, why := s.Argument(b, "config")
	switch {
	case !v.IsKnown():
		return nil, nil, why
	case v.IsNull():
		return config, unknown, ""
	case !v.Type().IsObjectType() && !v.Type().IsMapType():
		return nil, nil, "it is no object"
	}
	each("", v, why)
	return config, unknown, ""
}

// shown is a place without what may be a credential.
func shown(typ string, config map[string]string, workspace string) string {
	var parts []string
	for _, name := range []string{"bucket", "key", "prefix", "path", "storage_account_name", "container_name", "organization", "workspaces.name"} {
		if v := config[name]; v != "" {
			parts = append(parts, name+" "+fmt.Sprintf("%q", hclparse.Redact(v)))
		}
	}
	if workspace != "default" {
		parts = append(parts, "workspace "+fmt.Sprintf("%q", workspace))
	}
	if len(parts) == 0 {
		return " (" + typ + ")"
	}
	return " (" + typ + ", " + strings.Join(parts, ", ") + ")"
}
