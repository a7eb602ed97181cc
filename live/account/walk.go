package account

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"encoding/json"
	"errors"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
)

// A walk is the modules of one stack, opened as they are needed.
type walk struct {
	in      ProvidersInput
	root    *static.Scope
	rootWhy string
	entries map[string]string // directories of modules.json by key
	twice   map[string]bool   // keys that it has twice
	opening string            // the key of the call whose module is opened
	seen    map[string]*place
}

// A place is a module that was reached.
type place struct {
	scope *static.Scope
	// base is the directory, relative to the stack, that is the root of the
	// module's tree; "" for the stack's own tree.
	base string
	why  string
}

// varFile is the name under which static is given the plan's variables.
const varFile = "terrier-plan.tfvars"

func newWalk(in ProvidersInput) *walk {
	w := &walk{in: in, entries: map[string]string{}, twice: map[string]bool{}, seen: map[string]*place{}}
	for _, m := range in.Modules {
		if old, ok := w.entries[m.Key]; ok && old != m.Dir {
			w.twice[m.Key] = true
		}
		w.entries[m.Key] = m.Dir
	}
	if in.Tree == nil {
		w.rootWhy = "the stack's files were not read"
		return w
	}
	in.Dir = path.Clean(in.Dir)
	inputs := static.Inputs{Workspace: in.Workspace, Tofu: in.Tofu, Open: w.open}
	// A first look, for the names of the variables.
	bare, _ := in.Tree.Root(in.Dir, static.Inputs{Workspace: in.Workspace, Tofu: in.Tofu, Files: noFiles{}})
	inputs.Files, inputs.VarFiles = oneFile{path.Join(in.Dir, varFile), w.variables(bare.Module())}, []string{varFile}
	root, diags := in.Tree.Root(in.Dir, inputs)
	if w.root = root; diags.HasErrors() {
		w.rootWhy = "the plan's variables cannot be read"
	}
	return w
}

// variables writes the plan's variables as a var file. They are what terraform
// had from all its sources. One that the plan does not have, such as an
// ephemeral one, is not known: its default might not be what it was.
func (w *walk) variables(m *hclparse.Module) []byte {
	f := hclwrite.NewEmptyFile()
	var unknown []string
	done := map[string]bool{}
	for _, v := range m.Variables {
		if done[v.Name] || !hclsyntax.ValidIdentifier(v.Name) {
			continue
		}
		done[v.Name] = true
		p := w.in.Plan.Variables[v.Name]
		if p == nil {
			unknown = append(unknown, v.Name)
			continue
		}
		text, err := json.Marshal(p.Value)
		if err != nil {
			unknown = append(unknown, v.Name)
			continue
		}
		t, err := ctyjson.ImpliedType(text)
		if err != nil {
			unknown = append(unknown, v.Name)
			continue
		}
		val, err := ctyjson.Unmarshal(text, t)
		if err != nil {
			unknown = append(unknown, v.Name)
			continue
		}
		f.Body().SetAttributeValue(v.Name, val)
	}
	for _, name := range unknown {
		f.Body().SetAttributeTraversal(name, hcl.Traversal{hcl.TraverseRoot{Name: "unset"}, hcl.TraverseAttr{Name: "value"}})
	}
	return f.Bytes()
}

// reach says why a module cannot be reached, "" where it can.
func (w *walk) reach(module string) string {
	_, _, why := w.scope(module)
	return why
}

// scope is the module of an address without instance keys, "module.a.module.b",
// and the base of its tree. A module that configures providers has no count and
// no for_each: terraform refuses it.
func (w *walk) scope(module string) (*static.Scope, string, string) {
	if w.rootWhy != "" {
		return nil, "", w.rootWhy
	}
	if module == "" {
		return w.root, "", ""
	}
	if p := w.seen[module]; p != nil {
		return p.scope, p.base, p.why
	}
	p := &place{}
	w.seen[module] = p
	p.scope, p.base, p.why = w.find(module)
	return p.scope, p.base, p.why
}

func (w *walk) find(module string) (*static.Scope, string, string) {
	above, name := "", strings.TrimPrefix(module, "module.")
	if i := strings.LastIndex(module, ".module."); i >= 0 {
		above, name = module[:i], module[i+len(".module."):]
	} else if name == module {
		return nil, "", "its module has an address that is not understood"
	}
	s, base, why := w.scope(above)
	if why != "" {
		return nil, "", why
	}
	calls := s.Calls()
	n := slices.IndexFunc(calls, func(c *hclparse.Call) bool { return c.Name == name })
	if n < 0 {
		return nil, "", module + " is not called in the files: they are not the ones that were planned"
	}
	key := strings.TrimPrefix(strings.ReplaceAll("."+module, ".module.", "."), ".")
	dir, installed := w.entries[key]
	switch {
	case !installed:
		return nil, "", module + " is not in .terraform/modules/modules.json"
	case w.twice[key]:
		return nil, "", module + " is in .terraform/modules/modules.json twice"
	}
	w.opening = key
	children, why := s.Children(calls[n])
	switch {
	case why != "":
		return nil, "", module + ": " + why
	case len(children) != 1:
		return nil, "", module + " has not one instance"
	}
	child := children[0]
	if child.Tree() != s.Tree() {
		base = path.Join(".terraform/modules", key)
	}
	// terraform reads what modules.json says; it must be what was read here.
	want := path.Join(base, child.Dir())
	got := path.Clean(dir)
	if base == "" {
		want, got = child.Dir(), path.Join(w.in.Dir, got)
		if to, ok := w.in.Tree.Graph().Follow(got); ok {
			got = to
		}
	}
	if got != want {
		return nil, "", module + " is in another directory in .terraform/modules/modules.json than its source says"
	}
	return child, base, ""
}

// open opens an installed module for static: the one whose call is looked at.
func (w *walk) open(hclparse.Source, string) (*static.Tree, string, error) {
	base := path.Join(".terraform/modules", w.opening)
	dir := path.Clean(w.entries[w.opening])
	if dir != base && !strings.HasPrefix(dir, base+"/") {
		return nil, "", errors.New("modules.json has it in a place of its own")
	}
	if w.in.Stack == nil {
		return nil, "", errors.New("the installed modules were not given")
	}
	sub, err := fs.Sub(w.in.Stack, base)
	if err != nil {
		return nil, "", errors.New("its directory cannot be opened")
	}
	// Diagnostics stay with the files: a broken one makes its module unknown.
	tree, _ := hclparse.LoadCalls(sub)
	rel := strings.TrimPrefix(strings.TrimPrefix(dir, base), "/")
	if rel == "" {
		rel = "."
	}
	if tree.Modules[rel] == nil {
		return nil, "", errors.New("it is not installed")
	}
	return static.NewTree(modules.NewGraph(tree, nil)), rel, nil
}

// noFiles is a file system without files: a root then has its defaults.
type noFiles struct{}

func (noFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// oneFile is a file system with one file, and no directory to list.
type oneFile struct {
	name string
	text []byte
}

func (f oneFile) Open(name string) (fs.File, error) {
	if name != f.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &opened{f, bytes.NewReader(f.text)}, nil
}

type opened struct {
	f oneFile
	io.Reader
}

func (o *opened) Stat() (fs.FileInfo, error) { return o, nil }
func (o *opened) Close() error               { return nil }
func (o *opened) Name() string               { return path.Base(o.f.name) }
func (o *opened) Size() int64                { return int64(len(o.f.text)) }
func (o *opened) Mode() fs.FileMode          { return 0o400 }
func (o *opened) ModTime() time.Time         { return time.Time{} }
func (o *opened) IsDir() bool                { return false }
func (o *opened) Sys() any                   { return nil }
