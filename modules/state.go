package modules

import (
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

// A State is where a stack keeps its state, as far as its files say.
type State struct {
	Dir     string
	Backend *hclparse.Backend
	// Key is equal for two states in one place. It may hold credentials: it is
	// there to compare, not to show.
	Key string
}

// States returns the states of all stacks whose files say where it is, by
// directory.
//
// A backend that is completed at init (-backend-config, a variable of the
// environment), that terragrunt writes, or that is a template for a script to
// fill in, is not among them. Nor is what stands below examples/, tests/ or
// fixtures/, or a directory with another's files, all of them through symlinks:
// that is one stack at two places.
func (g *Graph) States() []State {
	var out []State
	byKey := map[string][]*Dir{}
	for _, d := range g.Sorted() {
		if d.Role != RoleStack || hasTerragrunt(d.Config) || g.terragrunt.inherits[d.Path] || hasSegment(d.Path, isExampleDir) {
			continue
		}
		k := EffectiveBackend(d.Config)
		if k == nil {
			continue
		}
		key := StateKey(d.Path, k)
		if key != "" && !slices.ContainsFunc(byKey[key], func(other *Dir) bool { return sameFiles(other.Config, d.Config) }) {
			byKey[key] = append(byKey[key], d)
			out = append(out, State{d.Path, k, key})
		}
	}
	return out
}

// SharedStates returns the stacks that keep their state under one key: groups
// of two or more, each by directory, the groups by their first.
func (g *Graph) SharedStates() [][]State {
	states := map[string][]State{}
	for _, s := range g.States() {
		states[s.Key] = append(states[s.Key], s)
	}
	var out [][]State
	for _, group := range states {
		if len(group) > 1 {
			out = append(out, group)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i][0].Dir < out[j][0].Dir })
	return out
}

// EffectiveBackend is the backend that terraform uses: that of the last
// override file, else the one that stands in no file of OpenTofu alone; nil
// for none.
func EffectiveBackend(m *hclparse.Module) *hclparse.Backend {
	var best *hclparse.Backend
	rank := func(k *hclparse.Backend) int {
		switch {
		case k.File.Tofu:
			return 0
		case k.File.Override:
			return 2
		}
		return 1
	}
	for _, k := range m.Backends {
		if best == nil || rank(k) > rank(best) || rank(k) == 2 && rank(best) == 2 {
			best = k
		}
	}
	return best
}

// sameFiles reports whether two directories hold the same files: each of one
// is in the other too, itself or through a symlink.
func sameFiles(a, b *hclparse.Module) bool {
	if len(a.Files) != len(b.Files) {
		return false
	}
	real := map[string]bool{}
	for _, f := range a.Files {
		real[f.Real] = true
	}
	return !slices.ContainsFunc(b.Files, func(f *hclparse.File) bool { return !real[f.Real] })
}

// A statePlace says which arguments of a backend say where its state is.
type statePlace struct {
	// needs are those that the files must give.
	needs []string
	// also are those that tell two places apart, with what is taken for one
	// that is missing behind a =.
	also []string
	// any is a list of which one at least must be given.
	any []string
}

// statePlaces are the backends of Terraform and OpenTofu that keep a state in a
// place which their arguments name.
//
// The name of a bucket of S3, GCS and OSS is unique among all accounts, so
// that a role or a credential does not make it another one. A profile may, for
// it can set an endpoint.
var statePlaces = map[string]statePlace{
	"s3": {needs: []string{"bucket", "key"}, also: []string{"region", "endpoint", "endpoints.s3", "workspace_key_prefix=env:",
		"profile", "shared_config_file", "shared_config_files", "shared_credentials_file"}},
	"gcs": {needs: []string{"bucket", "prefix"}, also: []string{"storage_custom_endpoint"}},
	"azurerm": {needs: []string{"storage_account_name", "container_name", "key"},
		also: []string{"environment=public", "metadata_host", "endpoint"}},
	"http":   {needs: []string{"address"}},
	"consul": {needs: []string{"address", "path"}, also: []string{"scheme", "datacenter"}},
	"pg":     {needs: []string{"conn_str"}, also: []string{"schema_name=terraform_remote_state", "table_name=states"}},
	"kubernetes": {needs: []string{"secret_suffix"}, also: []string{"namespace=default", "host", "config_path", "config_context", "config_context_cluster", "config_paths"},
		any: []string{"host", "config_path", "config_context"}},
	"oss": {needs: []string{"bucket", "key"}, also: []string{"region", "endpoint", "prefix=env:", "profile"}},
	"cos": {needs: []string{"bucket", "key"}, also: []string{"region", "endpoint", "domain", "prefix"}},
	"oci": {needs: []string{"bucket", "namespace", "key"}, also: []string{"region", "workspace_key_prefix"}},
	// A workspace's name is unique in its organization, whatever its project.
	"remote": {needs: []string{"organization", "workspaces.name"}, also: []string{"hostname=app.terraform.io"}},
}

// StateKey is equal for two backends that keep their state in one place; ""
// where the files do not say where that is. dir is the directory of the
// backend. It may hold credentials: it is there to compare, not to show.
func StateKey(dir string, k *hclparse.Backend) string {
	typ := k.Type
	switch typ {
	case "local":
		return localState(dir, k)
	case "cloud":
		typ = "remote" // two ways to one service
	}
	p, ok := statePlaces[typ]
	if !ok {
		return ""
	}
	parts := []string{typ}
	for _, name := range p.needs {
		v := k.Literals[name]
		if v == "" {
			return ""
		}
		parts = append(parts, v)
	}
	for _, name := range p.also {
		name, absent, _ := strings.Cut(name, "=")
		if slices.Contains(k.Computed, name) {
			return ""
		}
		v := k.Literals[name]
		if v == "" {
			v = absent
		}
		parts = append(parts, v)
	}
	if len(p.any) > 0 && !slices.ContainsFunc(p.any, func(name string) bool { return k.Literals[name] != "" }) {
		return ""
	}
	if slices.ContainsFunc(parts, placeholder.MatchString) {
		return ""
	}
	return quoted(parts)
}

// StateNeeds are the arguments without which a backend of a type does not say
// where its state is. known is false for a type whose places are not known.
func StateNeeds(typ string) (names []string, known bool) {
	switch typ {
	case "local":
		return nil, true
	case "cloud":
		typ = "remote"
	}
	p, ok := statePlaces[typ]
	return slices.Clone(p.needs), ok
}

// placeholder finds what somebody or a script is to fill in ($name, <name>,
// {{name}}, __NAME__, @name@, %NAME%, UPDATE_ME, your-bucket): such directories
// are copied and completed, never applied.
var placeholder = regexp.MustCompile(`\$[A-Za-z_{(]|<[A-Za-z][^<>]*>|\{\{|__[A-Za-z0-9_]+__|@[A-Za-z][A-Za-z0-9_-]*@|%[A-Z][A-Z0-9_]*%` +
	`|(?i:(?:^|[^a-z])(?:(?:update|change|replace|fill)[-_ ]?(?:me|this)|todo|fixme|your[-_][a-z]+)(?:$|[^a-z]))`)

// localState is the file of a local backend, which is relative to the
// directory.
func localState(dir string, k *hclparse.Backend) string {
	if slices.Contains(k.Computed, "path") || slices.Contains(k.Computed, "workspace_dir") {
		return ""
	}
	file := k.Literals["path"]
	if file == "" {
		file = "terraform.tfstate"
	}
	within := func(p string) string {
		if p == "" || path.IsAbs(p) {
			return path.Clean(p)
		}
		return path.Join(dir, p)
	}
	workspaces := ""
	if d := k.Literals["workspace_dir"]; d != "" {
		workspaces = within(d)
	}
	if placeholder.MatchString(file) {
		return ""
	}
	return quoted([]string{"local", within(file), workspaces})
}

func quoted(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strconv.Quote(p))
	}
	return b.String()
}
