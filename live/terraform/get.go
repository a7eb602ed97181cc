package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

// Modules is what terraform installed for one root module.
type Modules struct {
	Entries []Module // sorted by key
}

// A Module is one entry of .terraform/modules/modules.json.
type Module struct {
	Key     string // "" for the root, "vpc", "vpc.subnets"
	Source  string // as terraform records it: it may hold credentials
	Version string // of a registry module, else ""
	Dir     string // relative to the root module's directory, slash-separated
}

// Calls is the number of entries without the root module.
func (m *Modules) Calls() int {
	n := 0
	for _, e := range m.Entries {
		if e.Key != "" {
			n++
		}
	}
	return n
}

// Get runs `terraform get` in dir, which needs no provider and no backend, and
// reads what it installed. It writes dir/.terraform.
func (t *Terraform) Get(ctx context.Context, dir string) (*Modules, error) {
	if _, err := t.run(ctx, dir, "get", "-no-color"); err != nil {
		return nil, err
	}
	return readModules(dir)
}

// readModules reads the manifest of dir. No manifest is no module.
func readModules(dir string) (*Modules, error) {
	name := filepath.Join(dir, ".terraform", "modules", "modules.json")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &Modules{Entries: []Module{{Dir: "."}}}, nil
	}
	if err != nil {
		return nil, err
	}
	var manifest struct{ Modules []Module }
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("%s: %w\nhint: this terraform writes its manifest in a form that is not known; use another one with --tf-path", name, err)
	}
	m := &Modules{Entries: manifest.Modules}
	sort.SliceStable(m.Entries, func(i, j int) bool { return m.Entries[i].Key < m.Entries[j].Key })
	for i := range m.Entries {
		e := &m.Entries[i]
		e.Dir = filepath.ToSlash(e.Dir)
		if e.Dir == "" {
			return nil, fmt.Errorf("%s: module %q has no directory", name, e.Key)
		}
		if i > 0 && m.Entries[i-1].Key == e.Key {
			return nil, fmt.Errorf("%s: module %q is there twice", name, e.Key)
		}
	}
	return m, nil
}
