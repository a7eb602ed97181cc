package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	hclv1 "github.com/hashicorp/hcl"
	svchost "github.com/hashicorp/terraform-svchost"
)

// environment looks variables up in a list of "NAME=value"; the last counts.
type environment []string

func (e environment) get(name string) string {
	for _, kv := range slices.Backward(e) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// A cliConfig is what concerns registries in Terraform's CLI configuration
// (developer.hashicorp.com/terraform/cli/config/config-file).
type cliConfig struct {
	services map[svchost.Hostname]map[string]any
	tokens   map[svchost.Hostname]string
	helper   bool // a credentials_helper is named
}

// loadCLIConfig reads the files that Terraform would. A file that is not there
// is no error, and nor is one that TF_CLI_CONFIG_FILE names: Terraform warns.
func loadCLIConfig(env environment, home string) (*cliConfig, error) {
	c := &cliConfig{services: map[svchost.Hostname]map[string]any{}, tokens: map[svchost.Hostname]string{}}
	if file := env.get("TF_CLI_CONFIG_FILE"); file != "" {
		// Where it is named, the directory is not looked at.
		return c, c.read(file)
	}
	var candidates []string
	dir := filepath.Join(home, ".terraform.d")
	if runtime.GOOS == "windows" {
		data := env.get("APPDATA")
		dir = filepath.Join(data, "terraform.d")
		candidates = []string{filepath.Join(data, "terraform.rc"), filepath.Join(data, "tofu.rc")}
	} else {
		candidates = []string{filepath.Join(home, ".terraformrc"), filepath.Join(home, ".tofurc")}
		if xdg := env.get("XDG_CONFIG_HOME"); xdg != "" {
			candidates = append(candidates, filepath.Join(xdg, "opentofu", "tofurc"))
		}
	}
	for _, file := range candidates {
		if _, err := os.Stat(file); err == nil {
			if err := c.read(file); err != nil {
				return nil, err
			}
			break
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("read the CLI configuration: %w", err)
	}
	for _, e := range entries { // sorted by name
		if name := e.Name(); strings.HasSuffix(name, ".tfrc") || strings.HasSuffix(name, ".tfrc.json") {
			if err := c.read(filepath.Join(dir, name)); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// read adds what a file says. Terraform reads its CLI configuration with the
// first version of HCL, and so does this: what is a block and what a map is
// not the same thing in both. Errors do not quote the file, which holds
// tokens.
func (c *cliConfig) read(file string) (err error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the CLI configuration: %w", err)
	}
	bad := fmt.Errorf("%s: it is no CLI configuration of terraform\nhint: `terraform version` says what is wrong with it", file)
	defer func() {
		if recover() != nil { // the old parser is not proof against everything
			err = bad
		}
	}()
	var raw struct {
		Hosts map[string]*struct {
			Services map[string]any `hcl:"services"`
		} `hcl:"host"`
		Credentials map[string]map[string]any `hcl:"credentials"`
		Helpers     map[string]any            `hcl:"credentials_helper"`
	}
	if strings.HasSuffix(file, ".json") && !json.Valid(data) {
		return bad
	}
	if err := hclv1.Decode(&raw, string(data)); err != nil {
		return bad
	}
	for name, h := range raw.Hosts {
		host, err := svchost.ForComparison(name)
		if err != nil {
			return fmt.Errorf("%s: the host block has %q, which is no host", file, name)
		}
		if h != nil {
			c.services[host] = h.Services
		}
	}
	for name, m := range raw.Credentials {
		host, err := svchost.ForComparison(name)
		if err != nil {
			return fmt.Errorf("%s: the credentials block has %q, which is no host", file, name)
		}
		if token, ok := m["token"].(string); ok {
			c.tokens[host] = token
		}
	}
	c.helper = c.helper || len(raw.Helpers) > 0
	return nil
}

// tokens are those of the configuration, and those of TF_TOKEN_<host>, which
// come first: "_" is a dot, "__" a hyphen, and the host may be in Punycode.
func tokens(c *cliConfig, env []string) map[svchost.Hostname]string {
	all := map[svchost.Hostname]string{}
	for host, token := range c.tokens {
		all[host] = token
	}
	for _, kv := range env {
		name, token, ok := strings.Cut(kv, "=")
		raw, isToken := strings.CutPrefix(name, "TF_TOKEN_")
		if !ok || !isToken {
			continue
		}
		raw = strings.ReplaceAll(strings.ReplaceAll(raw, "__", "-"), "_", ".")
		if host, err := svchost.ForComparison(svchost.ForDisplay(raw)); err == nil {
			all[host] = token
		}
	}
	return all
}
