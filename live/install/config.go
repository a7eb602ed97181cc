package install

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/hclparse"
)

// A config is what terraform reads of one directory.
type config struct {
	calls []*hclparse.Call // sorted by name
	// why says why terraform init is to have it; "" where nothing is odd.
	why string
	// needs are the providers that it names, as far as their choice depends on
	// it, sorted. builtin says that none has to be installed.
	needs   []string
	builtin bool
	backend string // its backend or cloud block as it is written; "" for none
	runs    bool   // it starts programs, which may look around
	digest  [sha256.Size]byte
}

// Plain blocks of the language, which name no provider.
var plainBlocks = map[string]bool{"variable": true, "output": true, "locals": true, "moved": true, "module": true, "terraform": true, "resource": true, "data": true}

const builtinProvider = "terraform.io/builtin/terraform"

// read reads a directory of fsys. hidden says that names that begin with a dot
// are not there, as in a copy of a package that terraform makes; own, that it
// is a directory of the work tree, which has the .git that it always has.
func read(fsys fs.FS, dir string, hidden, own bool) *config {
	c := &config{builtin: true}
	tree, diags := hclparse.Load(oneDir{fsys, dir, hidden})
	m := tree.Modules[dir]
	if len(diags) > 0 {
		d := diags[0]
		c.why = "its configuration cannot be read: " + d.Summary
		if d.Subject != nil {
			c.why = fmt.Sprintf("%s: %s", d.Subject.Filename, d.Summary)
		}
		return c
	}
	if m == nil {
		c.why = fmt.Sprintf("there is no configuration in the directory %q", dir)
		return c
	}
	needs := map[string]bool{}
	h := sha256.New()
	n := 0
	for _, f := range m.Files {
		if f.Syntax == hclparse.Terragrunt || f.Tofu {
			continue
		}
		n++
		fmt.Fprintf(h, "%q %d\n", f.Path, len(f.Bytes))
		_, _ = h.Write(f.Bytes) // a hash does not fail
		c.scan(f, dir, own, needs)
	}
	h.Sum(c.digest[:0])
	if n == 0 {
		c.why = fmt.Sprintf("there is no configuration in the directory %q", dir)
		return c
	}
	for _, r := range m.RequiredProviders {
		if r.File.Tofu {
			continue
		}
		needs[fmt.Sprintf("required %s %s %s", r.Name, r.Source, r.Version)] = true
		c.builtin = c.builtin && r.Source == builtinProvider
	}
	for _, b := range m.Backends {
		if b.File.Tofu {
			continue
		}
		// Literals hold all that Reconfigure could be about; what is computed
		// terraform refuses.
		c.backend += b.Type
		for _, k := range slices.Sorted(maps.Keys(b.Literals)) {
			c.backend += fmt.Sprintf("\n%q=%q", k, b.Literals[k])
		}
		c.backend += fmt.Sprintf("\n%q\n", b.Computed)
	}
	c.needs = slices.Sorted(maps.Keys(needs))
	c.calls = m.Effective(false)
	for i, call := range c.calls {
		switch {
		case i > 0 && c.calls[i-1].Name == call.Name:
			c.odd("module %q is there twice", call.Name)
		case !hclsyntax.ValidIdentifier(call.Name):
			c.odd("the module's name %q is none", call.Name)
		case !call.HasSource || !call.Static:
			c.odd("the source of module %q is not a plain string", call.Name)
		case call.SourceErr != nil:
			c.odd("the source of module %q is no module address", call.Name)
		case call.Version == "" && call.VersionRange.Filename != "":
			c.odd("the version of module %q is not a plain string", call.Name)
		case call.Version != "" && call.Source.Kind != hclparse.KindRegistry:
			c.odd("module %q has a version, and is of no registry", call.Name)
		}
	}
	return c
}

func (c *config) odd(format string, args ...any) {
	if c.why == "" {
		c.why = fmt.Sprintf(format, args...)
	}
}

// scan notes the providers of a file, and whether it looks at .git.
func (c *config) scan(f *hclparse.File, dir string, own bool, needs map[string]bool) {
	c.runs = c.runs || runsPrograms.Match(f.Bytes)
	if why := mentionsGit(f.Bytes); why != "" && (!own || bytes.Contains(f.Bytes, []byte(".terraform/"))) {
		c.odd("%s %s", f.Path, why)
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		// Of JSON it is not known what is an expression.
		c.builtin = false
		needs[string(f.Bytes)] = true
		return
	}
	text := func(e hclsyntax.Expression) string { return string(e.Range().SliceBytes(f.Bytes)) }
	for _, b := range body.Blocks {
		c.builtin = c.builtin && plainBlocks[b.Type]
		kind := ""
		if len(b.Labels) > 0 {
			kind, _, _ = strings.Cut(b.Labels[0], "_")
		}
		switch b.Type {
		case "terraform":
			for _, inner := range b.Body.Blocks {
				c.builtin = c.builtin && (inner.Type == "required_providers" || inner.Type == "backend" || inner.Type == "cloud")
			}
		case "module":
			if a := b.Body.Attributes["providers"]; a != nil {
				c.builtin = false
				needs["passed "+text(a.Expr)] = true
			}
		case "resource", "data", "ephemeral", "provider":
			needs[b.Type+" "+kind] = true
			c.builtin = c.builtin && kind == "terraform" && b.Type != "provider"
			for _, name := range []string{"provider", "version"} {
				if a := b.Body.Attributes[name]; a != nil && (name == "provider" || b.Type == "provider") {
					c.builtin = false
					needs[b.Type+" "+kind+" "+text(a.Expr)] = true
				}
			}
		case "check", "import", "removed":
			needs[string(b.Range().SliceBytes(f.Bytes))+string(b.Body.Range().SliceBytes(f.Bytes))] = true
		}
	}
	if why := walksGit(body, dir); why != "" {
		c.odd("%s %s", f.Path, why)
	}
}

// oneDir is a file system of which one directory is listed, and the way to it,
// without the names that terraform ignores. What a symlink in it leads to can
// be read.
type oneDir struct {
	fs.FS
	dir    string
	hidden bool
}

func (o oneDir) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != o.dir && name != "." && !strings.HasPrefix(o.dir, name+"/") {
		return nil, nil
	}
	entries, err := fs.ReadDir(o.FS, name)
	var kept []fs.DirEntry
	for _, e := range entries {
		p := path.Join(name, e.Name())
		if e.IsDir() && (p == o.dir || strings.HasPrefix(o.dir, p+"/")) || !e.IsDir() && name == o.dir && !ignored(e.Name()) {
			kept = append(kept, e)
		}
	}
	return kept, err
}

// ignored are the names that terraform passes over (its IsIgnoredFile).
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
}

func (o oneDir) check(op, name string) error {
	if o.hidden && hiddenPath(name) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return nil
}

// hiddenPath reports whether a part of a path begins with a dot.
func hiddenPath(name string) bool {
	return name != "." && (strings.HasPrefix(name, ".") || strings.Contains(name, "/."))
}

func (o oneDir) Open(name string) (fs.File, error) {
	if err := o.check("open", name); err != nil {
		return nil, err
	}
	return o.FS.Open(name)
}

func (o oneDir) ReadFile(name string) ([]byte, error) {
	if err := o.check("open", name); err != nil {
		return nil, err
	}
	return fs.ReadFile(o.FS, name)
}

func (o oneDir) Lstat(name string) (fs.FileInfo, error) {
	if err := o.check("lstat", name); err != nil {
		return nil, err
	}
	return fs.Lstat(o.FS, name)
}

func (o oneDir) Stat(name string) (fs.FileInfo, error) {
	if err := o.check("stat", name); err != nil {
		return nil, err
	}
	return fs.Stat(o.FS, name)
}

func (o oneDir) ReadLink(name string) (string, error) {
	if err := o.check("readlink", name); err != nil {
		return "", err
	}
	return fs.ReadLink(o.FS, name)
}
