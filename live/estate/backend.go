package estate

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
)

// backend is where a unit keeps its state: the block of its directory, with
// backend_config laid over it as terraform init does.
func (d *discovery) backend(u *Unit, dir *modules.Dir) Backend {
	block := modules.EffectiveBackend(dir.Config)
	b := Backend{Config: map[string]string{}}
	unknown := map[string]string{} // why an argument is not known
	if block != nil {
		b.Type, b.File, b.Line = block.Type, block.File.Path, block.Range.Start.Line
		maps.Copy(b.Config, block.Literals)
		for _, name := range block.Computed {
			unknown[name] = "it is not written out"
		}
	}
	switch {
	case u.Terragrunt:
		b.Why = "terragrunt writes the backend"
		return b
	case broken(dir.Config):
		b.Why = "a file of the stack does not parse"
		return b
	case block == nil && len(u.BackendConfig) > 0:
		d.fail(u.Stack, 0, "No backend to configure", fmt.Sprintf("The environment %q has backend_config, but the stack %s has no backend block: terraform would pass over it and keep a local state.\nhint: add `terraform { backend \"s3\" {} }` to the stack.", u.Environment, u.Stack))
		b.Why = "there is backend_config, and no backend block"
		return b
	}
	set := func(name string, v cty.Value) {
		delete(unknown, name)
		delete(b.Config, name)
		text, ok, why := static.TextOf(v, "")
		switch {
		case ok:
			b.Config[name] = text
		case v.IsKnown() && v.IsNull():
		default:
			unknown[name] = why
		}
	}
	for _, c := range u.BackendConfig {
		// terraform takes what has an equals sign for an argument.
		if name, value, ok := strings.Cut(c, "="); ok {
			set(strings.TrimSpace(name), cty.StringVal(value))
			continue
		}
		if path.IsAbs(c) {
			b.Why = "the path of a backend_config file is absolute"
			return b
		}
		values, diags := d.tree.ValuesFile(d.fsys, path.Join(u.Stack, c))
		d.warn(diags)
		if diags.HasErrors() {
			b.Why = "the backend_config file " + c + " cannot be read"
			return b
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			set(name, values[name])
		}
	}
	b.Identity, b.Why = identity(b.Type, u.Stack, u.Workspace, b.Config, unknown)
	return b
}

func broken(m *hclparse.Module) bool {
	return slices.ContainsFunc(m.Files, func(f *hclparse.File) bool { return f.Broken() })
}

// identity is equal for two states in one place, "" with the reason where that
// is not known. dir is what a local path is relative to. unknown are arguments of
// which the value is not known, and why.
//
// It is modules.StateKey with the workspace in it, and without what does not tell
// two places apart: of S3 the name of a bucket is unique in its partition, so that
// neither a region nor a profile makes it another one. (A profile that sets an
// endpoint would; a bucket of that name and that key behind two of them is not
// reckoned with.)
func identity(typ, dir, workspace string, config, unknown map[string]string) (id, why string) {
	if typ == "" {
		typ = "local"
	}
	needs, known := modules.StateNeeds(typ)
	if !known {
		return "", fmt.Sprintf("where a backend of the type %q keeps its state is not known", typ)
	}
	if workspace == "" {
		workspace = "default"
	}
	c := maps.Clone(config)
	if c == nil {
		c = map[string]string{}
	}
	un := maps.Clone(unknown)
	suffix := ""
	drop := func(names ...string) {
		for _, n := range names {
			delete(c, n)
			delete(un, n)
		}
	}
	named := workspace != "default"
	switch typ {
	case "s3":
		partition := ""
		if region := c["region"]; strings.HasPrefix(region, "cn-") || strings.HasPrefix(region, "us-gov-") {
			partition = region[:strings.IndexByte(region, '-')]
		}
		if un["region"] != "" {
			partition = ""
		}
		drop("region", "profile", "shared_config_file", "shared_config_files", "shared_credentials_file")
		if c["endpoint"] == "" {
			c["endpoint"] = c["endpoints.s3"]
		}
		if w := un["endpoints.s3"]; w != "" {
			un["endpoint"] = w
		}
		delete(c, "endpoints.s3")
		delete(un, "endpoints.s3")
		suffix = partition
		if named {
			prefix := c["workspace_key_prefix"]
			if prefix == "" {
				prefix = "env:"
			}
			if w := un["workspace_key_prefix"]; w != "" {
				return "", "workspace_key_prefix: " + w
			}
			if c["key"] != "" {
				c["key"] = path.Join(prefix, workspace, c["key"])
			}
		}
		drop("workspace_key_prefix")
	case "gcs":
		if un["prefix"] == "" {
			c["prefix"] = path.Join(c["prefix"], workspace+".tfstate")
		}
	case "azurerm":
		if named && c["key"] != "" {
			c["key"] += "env:" + workspace
		}
	case "consul":
		if named && c["path"] != "" {
			c["path"] += "-env:" + workspace
		}
	case "local":
		if named {
			if w := un["workspace_dir"]; w != "" {
				return "", "workspace_dir: " + w
			}
			folder := c["workspace_dir"]
			if folder == "" {
				folder = "terraform.tfstate.d"
			}
			delete(un, "path")
			c["path"] = path.Join(folder, workspace, "terraform.tfstate")
		}
		drop("workspace_dir")
	case "remote", "cloud":
		typ = "remote"
		prefix := c["workspaces.prefix"]
		switch {
		case c["workspaces.name"] != "" || un["workspaces.name"] != "":
		case un["workspaces.prefix"] != "":
		case (prefix != "" || c["workspaces.tags"] != "" || un["workspaces.tags"] != "") && named:
			c["workspaces.name"] = prefix + workspace
			drop("workspaces.prefix", "workspaces.tags")
		}
	default:
		suffix = workspace
	}
	for _, name := range slices.Sorted(maps.Keys(un)) {
		if relevant(typ, name) {
			return "", name + ": " + un[name]
		}
	}
	for _, name := range needs {
		if c[name] == "" {
			return "", fmt.Sprintf("%s is not given", name)
		}
	}
	id = modules.StateKey(dir, &hclparse.Backend{Type: typ, Literals: c, Computed: slices.Sorted(maps.Keys(un))})
	if id == "" {
		return "", "its arguments do not say which state it is, or hold a placeholder"
	}
	return id + suffix, ""
}

// relevant reports whether an argument may say where a state is: credentials, and
// how a state is locked and encrypted, do not.
func relevant(typ, name string) bool {
	head, _, _ := strings.Cut(name, ".")
	switch head {
	case "bucket", "key", "prefix", "path", "address", "container_name", "storage_account_name", "environment", "metadata_host", "endpoint", "endpoints",
		"storage_custom_endpoint", "scheme", "datacenter", "conn_str", "schema_name", "table_name", "secret_suffix", "namespace", "host", "config_path",
		"config_paths", "config_context", "config_context_cluster", "region", "domain", "organization", "hostname", "workspaces", "workspace_key_prefix":
		return !(typ == "s3" && head == "endpoints" && name != "endpoints")
	}
	return false
}

// SharedStates are the groups of two or more units that keep their state in one
// place, which no plan may have. Units are by name, groups by their first.
func (e *Estate) SharedStates() [][]*Unit {
	by := map[string][]*Unit{}
	for _, u := range e.Units {
		if u.Backend.Identity != "" && !u.Terragrunt {
			by[u.Backend.Identity] = append(by[u.Backend.Identity], u)
		}
	}
	var out [][]*Unit
	for _, group := range by {
		if len(group) > 1 {
			out = append(out, group)
		}
	}
	slices.SortFunc(out, func(a, b []*Unit) int { return strings.Compare(a[0].Name(), b[0].Name()) })
	return out
}
