package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/repo"
)

const manifestFile = modulesDir + "/modules.json"

// A manifest is .terraform/modules/modules.json (terraform's modsdir.Manifest).
// Every byte is as terraform writes it. A source that holds credentials is in
// it as it is: terraform compares it with the configuration's, and would fetch
// the module again.
type manifest struct {
	Modules []manifestModule
}

type manifestModule struct {
	Key     string
	Source  string
	Version string `json:",omitempty"`
	Dir     string
}

// manifestOf is that of a walk, nil where terraform writes none.
func manifestOf(nodes []*node) *manifest {
	if len(nodes) == 0 {
		return nil
	}
	m := &manifest{[]manifestModule{{Dir: "."}}}
	for _, n := range nodes {
		m.Modules = append(m.Modules, manifestModule{n.Key, n.Source, n.Version, n.Dir})
	}
	slices.SortFunc(m.Modules, func(a, b manifestModule) int { return strings.Compare(a.Key, b.Key) })
	return m
}

func (m *manifest) bytes() ([]byte, error) { return json.Marshal(m) }

// mode keeps credentials to the user.
func (m *manifest) mode() os.FileMode {
	for _, r := range m.Modules {
		s, _ := hclparse.ParseSource(r.Source)
		if shown := s.Redacted(); shown != r.Source || repo.RedactURL(shown) != shown {
			return 0o600
		}
	}
	return 0o666
}

// readManifest reads that of a stack, nil where there is none.
func readManifest(root *os.Root) (*manifest, error) {
	data, err := root.ReadFile(manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s: %w\nhint: remove .terraform; it is made again", manifestFile, err)
	}
	return &m, nil
}
