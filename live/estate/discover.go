package estate

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
)

// Discover finds the units of a graph, their backends and their order. fsys is
// the tree with var files and backend_config, nil for that of the graph. A graph
// of hclparse.LoadCalls is enough. The diagnostics are errors of the
// configuration, and warnings of var files and backend_config that cannot be read;
// the estate is as good as it can be with them.
func Discover(fsys fs.FS, g *modules.Graph, c Config) (*Estate, hcl.Diagnostics) {
	d := &discovery{
		fsys: fsys, g: g, c: c, tree: static.NewTree(g), warned: map[string]bool{},
		e: &Estate{byName: map[string]*Unit{}, edges: map[*Unit][]Edge{}, orders: map[string]Environment{}, members: map[string][]*Unit{}},
	}
	d.environments()
	d.units()
	d.after()
	d.remoteStates()
	d.e.sort()
	slices.SortStableFunc(d.diags, func(a, b *hcl.Diagnostic) int { return strings.Compare(place(a), place(b)) })
	return d.e, d.diags
}

func place(d *hcl.Diagnostic) string {
	if d.Subject == nil {
		return ""
	}
	return fmt.Sprintf("%s\x00%08d\x00%s", d.Subject.Filename, d.Subject.Start.Line, d.Detail)
}

type discovery struct {
	fsys  fs.FS
	g     *modules.Graph
	c     Config
	tree  *static.Tree
	e     *Estate
	diags hcl.Diagnostics
	state map[string][]*Unit // by identity
	reads map[readsKey]bool  // see mayRead

	warned map[string]bool // files
}

func (d *discovery) fail(file string, line int, summary, detail string) {
	diag := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail}
	if file != "" {
		pos := hcl.Pos{Line: max(line, 1), Column: 1}
		diag.Subject = &hcl.Range{Filename: file, Start: pos, End: pos}
	}
	d.diags = append(d.diags, diag)
}

// environments checks those of the configuration, and that their order is one.
func (d *discovery) environments() {
	accounts := map[string]bool{}
	for _, e := range d.c.Environments {
		if !nameable(e.Name) {
			d.fail(e.File, e.Line, "Invalid environment", fmt.Sprintf("The name %q of an environment becomes a part of a path: it cannot hold a slash, a control character, or begin with a dot or dash.", e.Name))
			continue
		}
		if _, twice := d.e.orders[e.Name]; twice {
			d.fail(e.File, e.Line, "Invalid environment", fmt.Sprintf("There are two environments %q.", e.Name))
			continue
		}
		d.e.orders[e.Name] = e
		if e.Account != "" {
			accounts[e.Account] = true
		}
	}
	d.e.accounts = slices.Sorted(maps.Keys(accounts))
	names := slices.Sorted(maps.Keys(d.e.orders))
	for _, name := range names {
		e := d.e.orders[name]
		for _, a := range e.After {
			if _, ok := d.e.orders[a]; !ok {
				d.fail(e.File, e.Line, "Unknown environment", fmt.Sprintf("The environment %q comes after %q, which is none.%s", name, a, suggest(a, names)))
			}
		}
	}
	// A ring of environments has no first one, even where they have no stacks.
	done := map[string]int{}
	var visit func(name string) []string
	visit = func(name string) []string {
		switch done[name] {
		case 1:
			return []string{name}
		case 2:
			return nil
		}
		done[name] = 1
		for _, a := range d.e.orders[name].After {
			if _, ok := d.e.orders[a]; !ok {
				continue
			}
			if ring := visit(a); ring != nil {
				if len(ring) == 1 || ring[0] != ring[len(ring)-1] {
					ring = append(ring, name)
				}
				return ring
			}
		}
		done[name] = 2
		return nil
	}
	for _, name := range names {
		if ring := visit(name); ring != nil {
			e := d.e.orders[ring[0]]
			slices.Reverse(ring)
			d.fail(e.File, e.Line, "Environments in a circle", fmt.Sprintf("They come after each other: %s.\nhint: take one `after` away.", strings.Join(ring, " after ")))
			for n, e := range d.e.orders {
				e.After = nil // nothing follows from it
				d.e.orders[n] = e
			}
			return
		}
	}
}

// nameable says that a name can be a part of a path.
func nameable(s string) bool {
	return s != "" && s[0] != '.' && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' })
}

// units makes the units: each stack in each of its environments.
func (d *discovery) units() {
	d.state = map[string][]*Unit{}
	for _, dir := range d.g.Sorted() {
		if dir.Role != modules.RoleStack {
			continue
		}
		if strings.ContainsFunc(dir.Path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			d.fail(dir.Path, 0, "Invalid stack", "The path of a stack cannot hold control characters.")
			continue
		}
		var in []string
		if d.c.EnvironmentsOf != nil {
			in = d.c.EnvironmentsOf(dir.Path)
		}
		list := make([]Environment, 0, max(len(in), 1))
		for _, name := range in {
			e, ok := d.e.orders[name]
			if !ok {
				d.fail(dir.Path, 0, "Unknown environment", fmt.Sprintf("The stack %s is in the environment %q, which is none.%s", dir.Path, name, suggest(name, slices.Sorted(maps.Keys(d.e.orders)))))
				continue
			}
			list = append(list, e)
		}
		if len(in) == 0 {
			list = append(list, Environment{})
		}
		for _, e := range list {
			u := &Unit{
				Stack: dir.Path, Environment: e.Name, Account: e.Account, Workspace: e.Workspace,
				VarFiles: slices.Clone(e.VarFiles), BackendConfig: slices.Clone(e.BackendConfig),
				Terragrunt: terragrunt(dir.Config), Several: len(in) > 1,
			}
			u.Backend = d.backend(u, dir)
			if other := d.e.byName[u.Name()]; other != nil {
				d.fail(dir.Path, 0, "Two units of one name", fmt.Sprintf("%s in the environment %q and %s in the environment %q are both called %s.\nhint: rename a directory or an environment.", other.Stack, other.Environment, u.Stack, u.Environment, u.Name()))
				continue
			}
			d.e.byName[u.Name()] = u
			d.e.Units = append(d.e.Units, u)
			d.e.members[e.Name] = append(d.e.members[e.Name], u)
			if u.Backend.Identity != "" && !u.Terragrunt {
				d.state[u.Backend.Identity] = append(d.state[u.Backend.Identity], u)
			}
		}
	}
	slices.SortFunc(d.e.Units, func(a, b *Unit) int { return strings.Compare(a.Name(), b.Name()) })
	for _, list := range d.e.members {
		slices.SortFunc(list, func(a, b *Unit) int { return strings.Compare(a.Name(), b.Name()) })
	}
}

// terragrunt reports whether a directory is driven by terragrunt.
func terragrunt(m *hclparse.Module) bool {
	return slices.ContainsFunc(m.Files, func(f *hclparse.File) bool { return f.Syntax == hclparse.Terragrunt })
}

// inputs are what a unit's expressions are evaluated with.
func (d *discovery) inputs(u *Unit) static.Inputs {
	return static.Inputs{Workspace: u.Workspace, VarFiles: u.VarFiles, Variables: d.c.Variables, Files: d.fsys, Tofu: d.c.Tofu, Open: d.c.Open}
}

// after makes the edges of the stacks' own after. Where a stack that it names is
// in the unit's own environment too, that unit alone comes before it.
func (d *discovery) after() {
	if d.c.After == nil {
		return
	}
	byStack := map[string][]*Unit{}
	var stacks []string
	for _, u := range d.e.Units {
		if byStack[u.Stack] == nil {
			stacks = append(stacks, u.Stack)
		}
		byStack[u.Stack] = append(byStack[u.Stack], u)
	}
	slices.Sort(stacks)
	for _, stack := range stacks {
		var file string
		var line int
		globs := d.c.After(stack)
		if len(globs) > 0 && d.c.AfterAt != nil {
			file, line = d.c.AfterAt(stack)
		}
		for _, glob := range globs {
			clean, err := cleanGlob(glob)
			if err != nil {
				d.fail(file, line, "Invalid after", fmt.Sprintf("The stack %s comes after %q: %v.", stack, glob, err))
				continue
			}
			var found []string
			if !strings.ContainsAny(clean, `*?[{\`) {
				if byStack[clean] != nil {
					found = []string{clean}
				}
			} else {
				for _, s := range below(stacks, clean) {
					if doublestar.MatchUnvalidated(clean, s) {
						found = append(found, s)
					}
				}
			}
			if len(found) == 0 {
				d.fail(file, line, "Unknown stack", fmt.Sprintf("The stack %s comes after %q, which is no stack.%s", stack, glob, suggest(clean, stacks)))
			}
			for _, s := range found {
				if s == stack {
					if clean == stack {
						d.fail(file, line, "Invalid after", fmt.Sprintf("The stack %s comes after itself.", stack))
					}
					continue // a glob may mean the stack as well
				}
				for _, to := range byStack[stack] {
					from := byStack[s]
					if i := slices.IndexFunc(from, func(f *Unit) bool { return f.Environment == to.Environment }); i >= 0 {
						from = from[i : i+1]
					}
					for _, f := range from {
						d.e.Edges = append(d.e.Edges, Edge{From: f, To: to, Kind: "after", File: file, Line: line, Detail: "after = " + glob})
					}
				}
			}
		}
	}
}

// below are the paths, of a sorted list, that begin as a glob does up to its first
// character that is none of a name: thousands of stacks with a glob each are else
// as many matches multiplied.
func below(sorted []string, glob string) []string {
	prefix := glob[:strings.IndexAny(glob, `*?[{\`)]
	from, _ := slices.BinarySearch(sorted, prefix)
	to := from
	for to < len(sorted) && strings.HasPrefix(sorted[to], prefix) {
		to++
	}
	if strings.HasSuffix(prefix, "/") { // a/** is a as well
		if i, ok := slices.BinarySearch(sorted, strings.TrimSuffix(prefix, "/")); ok {
			return append([]string{sorted[i]}, sorted[from:to]...)
		}
	}
	return sorted[from:to]
}

// cleanGlob is a glob of stacks without what does not count.
func cleanGlob(glob string) (string, error) {
	clean := strings.TrimSuffix(strings.TrimPrefix(glob, "./"), "/")
	switch {
	case clean == "" && glob != "./":
		return "", fmt.Errorf("it is empty")
	case path.IsAbs(clean), clean == "..", strings.HasPrefix(clean, "../"), strings.Contains(clean, "/../"):
		return "", fmt.Errorf("it leads out of the repository")
	case !doublestar.ValidatePattern(clean):
		return "", fmt.Errorf("it is no glob")
	case clean == "":
		return ".", nil
	}
	return clean, nil
}

// sort puts everything into its order, and takes out what is there twice.
func (e *Estate) sort() {
	key := func(x Edge) string {
		return fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%08d\x00%s", x.To.Name(), x.From.Name(), x.Kind, x.File, x.Line, x.Detail)
	}
	e.Edges = unique(e.Edges, key)
	for _, x := range e.Edges {
		e.edges[x.To] = append(e.edges[x.To], x)
	}
	at := func(u Unresolved) string {
		return fmt.Sprintf("%s\x00%s\x00%08d\x00%s", u.Unit.Name(), u.File, u.Line, u.Why)
	}
	e.Unresolved, e.External, e.Unread = unique(e.Unresolved, at), unique(e.External, at), unique(e.Unread, at)
}

// unique sorts by a key and keeps the first of each.
func unique[T any](list []T, key func(T) string) []T {
	type keyed struct {
		k string
		v T
	}
	all := make([]keyed, len(list))
	for i, v := range list {
		all[i] = keyed{key(v), v}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return strings.Compare(a.k, b.k) })
	list = list[:0]
	for i, a := range all {
		if i == 0 || a.k != all[i-1].k {
			list = append(list, a.v)
		}
	}
	return list
}
