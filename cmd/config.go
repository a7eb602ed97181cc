package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/versions"
)

// configName is the configuration file's name.
const configName = "terrier.hcl"

// A Config is terrier.hcl, decoded and checked. Every path and glob in it is
// relative to the monorepo's root, with slashes. Without a file it holds the
// defaults.
type Config struct {
	Path         string // the file, absolute; "" when there is none
	Root         string // its directory; without a file, the git root or where the search began
	Modules      ModulesConfig
	Live         LiveConfig
	Module       map[string]*ModuleConfig // by directory
	Stacks       []*StackConfig           // in the order of the file, which decides
	Environments []*EnvironmentConfig     // in the order of the file, which decides
	Accounts     []*AccountConfig         // in the order of the file
	Guards       GuardsConfig
	Terraform    TerraformConfig
	Backend      *BackendConfig // of all environments, nil where it is not said
	Runs         RunsConfig
	Identity     IdentityConfig
	Lint         LintConfig
	Constraints  []versions.Constraint // in the order of the file, which decides

	dir      string // from where it was looked for, absolute where the search was
	explicit bool   // named, not found
}

// ModulesConfig is where module repositories live and how releases are named.
type ModulesConfig struct {
	Version string // the first release, "1.0.0"
	Layout  string // one of the Layout constants

	source, remote, tag, carriedTag *template
}

// The layouts that a split can have.
const (
	LayoutPerModule = "repository-per-module"
	LayoutOne       = "one-repository"
	LayoutInPlace   = "in-place"
)

var layouts = []string{LayoutPerModule, LayoutOne, LayoutInPlace}

// LiveConfig is where live repositories live.
type LiveConfig struct{ remote *template }

// A ModuleConfig is an exception for one module directory.
type ModuleConfig struct {
	Path  string
	Name  string // the package's name; "" takes one from the path
	Group string // modules of one group share a package
	Keep  bool   // stays where it is
	Range hcl.Range
}

// A StackConfig says of the directories that match a glob what the rules
// cannot see.
type StackConfig struct {
	Glob        string
	Role        string   // "stack", "module", "example", "ignore", or "" to leave it to the rules
	Environment string   // name of an environment, or ""
	After       []string // paths or globs of the stacks to apply before
	// Providers holds the account ids of provider instances that the files do
	// not tell, by "name" or "name.alias".
	Providers map[string]string
	Range     hcl.Range
}

// An EnvironmentConfig is an environment.
type EnvironmentConfig struct {
	Name      string
	Stacks    []string // globs
	Account   string   // name of an account, or ""
	After     []string // names of the environments to promote from
	Repo      string   // name of its own live repository, or ""
	Root      string   // directory to strip in that repository, or ""
	Approvals int      // how many an apply needs
	// Approvers are those whose approvals count, by user name, email address
	// or id at the forge; none for everybody.
	Approvers      []string
	AuthorApproves bool // whether the author's own approval counts
	Workspace      string
	VarFiles       []string
	BackendConfig  []string
	Backend        *BackendConfig           // what differs here, or nil
	Guards         GuardsConfig             // in addition to Config.Guards, never weaker
	Rules          map[string]lint.Severity // of lint, where they differ here
	Range          hcl.Range
}

// An AccountConfig is an AWS account.
type AccountConfig struct {
	Name       string
	ID         string   // 12 digits
	Also       []string // ids of accounts that its providers may reach as well
	PlanRole   string   // ARN, or ""
	ApplyRole  string   // ARN, or ""
	Duration   time.Duration
	ExternalID string
	Range      hcl.Range
}

// IdentityConfig is who commits and tags.
type IdentityConfig struct{ Name, Email string }

// loadConfig reads the configuration: the file explicit, else the nearest
// terrier.hcl from dir up to the git root (a directory with .git; outside of
// git dir alone). Where there is none it returns the defaults. The Config is
// never nil, but is to be used only when the diagnostics hold no error; the
// files are for showing those, which may quote a secret until
// report.Diagnostics has masked it.
func loadConfig(dir, explicit string) (*Config, hcl.Diagnostics, map[string]*hcl.File) {
	file := explicit
	root := gitRoot(dir)
	if root == "" {
		root = dir
	}
	if file == "" {
		file = findConfig(dir, root)
	}
	if file == "" {
		c := defaultConfig()
		c.Root, c.dir = root, dir
		return c, nil, nil
	}
	shown := file
	if rel, err := filepath.Rel(dir, file); err == nil && explicit == "" {
		shown = filepath.ToSlash(rel)
	}
	var src []byte
	err := leadsOut(root, file)
	if err == nil {
		src, err = readConfig(file)
	}
	if err != nil {
		detail := fmt.Sprintf("%s: %s.", shown, reason(err))
		if explicit != "" {
			detail += "\n\nhint: --config names a file; without it, " + configName + " is looked for from the working directory up to the git root"
		}
		return defaultConfig(), hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "The configuration cannot be read", Detail: detail}}, nil
	}
	c, diags, f := parseConfig(src, shown)
	c.Path = file
	if abs, err := filepath.Abs(file); err == nil {
		c.Path = abs
	}
	c.Root = filepath.Dir(c.Path)
	c.dir, c.explicit = dir, explicit != ""
	if d := c.insideRepository(orElse(gitRoot(c.Root), c.Root)); d != nil {
		diags = append(diags, d)
	}
	return c, diags, map[string]*hcl.File{shown: f}
}

// findConfig walks up from dir to root, and no further: a file above the
// repository is not part of what was reviewed with it.
func findConfig(dir, root string) string {
	for {
		file := filepath.Join(dir, configName)
		if _, err := os.Lstat(file); err == nil {
			return file
		}
		up := filepath.Dir(dir)
		if dir == root || up == dir {
			return ""
		}
		dir = up
	}
}

// maxConfig bounds what is read, in bytes: a configuration has a few
// kilobytes, and /dev/zero has no end.
const maxConfig = 1 << 18

func readConfig(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, err
	}
	if len(src) > maxConfig {
		return nil, fmt.Errorf("it is larger than %d bytes", maxConfig)
	}
	return src, nil
}

// reason is an error without the path, which is said already.
func reason(err error) string {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

func defaultConfig() *Config {
	return &Config{
		Modules:   ModulesConfig{Version: "1.0.0", Layout: LayoutPerModule},
		Module:    map[string]*ModuleConfig{},
		Identity:  IdentityConfig{Name: "terrier", Email: "terrier@localhost"},
		Terraform: TerraformConfig{Timeout: defaultTimeout},
		Runs:      RunsConfig{Keep: defaultKeep},
		Lint:      LintConfig{FailOn: lint.Warn, Settings: lint.Settings{Rules: map[string]lint.RuleSettings{}}},
	}
}

// Environment returns the environment of a stack and the name of its account:
// the one that the stack's own block names, else the first whose globs match;
// "" where there is none.
func (c *Config) Environment(stackPath string) (env, account string) {
	own := ""
	if s := c.Stack(stackPath); s != nil {
		own = s.Environment
	}
	for _, e := range c.Environments {
		if e.Name == own || own == "" && slices.ContainsFunc(e.Stacks, func(g string) bool { return matches(g, stackPath) }) {
			return e.Name, e.Account
		}
	}
	return "", ""
}

// EnvironmentsOf returns all environments that a directory's code serves, in
// the order of the file: the one that Environment gives and, where that has a
// workspace, var_files or a backend_config, those others whose globs match it
// and that have one too.
func (c *Config) EnvironmentsOf(stackPath string) []string {
	first, _ := c.Environment(stackPath)
	if first == "" {
		return nil
	}
	if s := c.Stack(stackPath); s != nil && s.Environment != "" {
		return []string{first}
	}
	var out []string
	shares := false
	for _, e := range c.Environments {
		serves := e.Workspace != "" || len(e.VarFiles) > 0 || len(e.BackendConfig) > 0
		switch {
		case e.Name == first:
			out, shares = append(out, e.Name), serves
		case shares && serves && slices.ContainsFunc(e.Stacks, func(g string) bool { return matches(g, stackPath) }):
			out = append(out, e.Name)
		}
	}
	return out
}

// Order returns the names of the environments: each behind those that it comes
// after, else as the file has them.
func (c *Config) Order() []string {
	var out []string
	seen := map[string]bool{}
	var visit func(e *EnvironmentConfig)
	visit = func(e *EnvironmentConfig) {
		if seen[e.Name] {
			return
		}
		seen[e.Name] = true
		for _, other := range c.Environments {
			if slices.Contains(e.After, other.Name) {
				visit(other)
			}
		}
		out = append(out, e.Name)
	}
	for _, e := range c.Environments {
		visit(e)
	}
	return out
}

// Stack returns the first stack block whose glob matches, nil where none does.
func (c *Config) Stack(path string) *StackConfig {
	for _, s := range c.Stacks {
		if matches(s.Glob, path) {
			return s
		}
	}
	return nil
}

func matches(glob, path string) bool {
	ok, err := doublestar.Match(glob, path)
	return ok && err == nil
}

// Configured reports whether callers get an address from the configuration.
func (m ModulesConfig) Configured() bool { return m.source != nil }

// SourceFor returns what the callers of a package get, without //sub and
// ?ref=. It is an error when no source is configured.
func (m ModulesConfig) SourceFor(name string) (string, error) {
	if m.source == nil {
		return "", fmt.Errorf("no source for module repositories is configured\nhint: set `source` in the modules block of %s", configName)
	}
	if err := checkPackageName(name); err != nil {
		return "", err
	}
	return m.source.expand(map[string]string{"name": name})
}

// RemoteFor returns where a package is pushed to: the configured remote, else
// the repository that its source names, "" where neither is configured.
func (m ModulesConfig) RemoteFor(name string) (string, error) {
	if m.remote != nil {
		if err := checkPackageName(name); err != nil {
			return "", err
		}
		return m.remote.expand(map[string]string{"name": name})
	}
	if m.source == nil {
		return "", nil
	}
	source, err := m.SourceFor(name)
	if err != nil {
		return "", err
	}
	return remoteOf(source)
}

// remoteOf is the repository that terraform clones for a source: no git::, no
// query, no //sub.
func remoteOf(source string) (string, error) {
	s, err := hclparse.ParseSource(source)
	if err != nil {
		return "", err
	}
	remote, _, _ := strings.Cut(strings.TrimPrefix(s.Package, "git::"), "?")
	return remote, nil
}

// TagFor returns the tag of a release. version is a semantic version without
// a leading v.
func (m ModulesConfig) TagFor(name, version string) (string, error) {
	if err := checkPackageName(name); err != nil {
		return "", err
	}
	if err := checkVersion(version); err != nil {
		return "", fmt.Errorf("version %q: %w", version, err)
	}
	tag := "v" + version
	switch {
	case m.tag != nil:
		var err error
		if tag, err = m.tag.expand(map[string]string{"name": name, "version": version}); err != nil {
			return "", err
		}
	case m.Layout == LayoutOne || m.Layout == LayoutInPlace:
		tag = name + "/v" + version // the modules share one repository's tags
	}
	if err := checkTag(tag); err != nil {
		return "", fmt.Errorf("the tag %q of module %q: %w", tag, name, err)
	}
	return tag, nil
}

// CarriedTagFor returns the name that a tag of the monorepo has in what is
// split from it.
func (m ModulesConfig) CarriedTagFor(tag string) (string, error) {
	name := "monorepo/" + tag
	if m.carriedTag != nil {
		var err error
		if name, err = m.carriedTag.expand(map[string]string{"tag": tag}); err != nil {
			return "", err
		}
	}
	if err := checkTag(name); err != nil {
		return "", fmt.Errorf("the tag %q: %w", name, err)
	}
	return name, nil
}

// RemoteFor returns where a live repository is pushed to, "" where that is
// not configured.
func (l LiveConfig) RemoteFor(name string) (string, error) {
	if l.remote == nil {
		return "", nil
	}
	if err := checkPackageName(name); err != nil {
		return "", err
	}
	return l.remote.expand(map[string]string{"name": name})
}
