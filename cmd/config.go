package cmd

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/Masterminds/semver/v3"
	"github.com/agext/levenshtein"
	"github.com/bmatcuk/doublestar/v4"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/gocty"

	"github.com/terrier-iac/terrier/hclparse"
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
	Identity     IdentityConfig
}

// ModulesConfig is where module repositories live and how releases are named.
type ModulesConfig struct {
	Version string // the first release, "1.0.0"
	Layout  string // one of the Layout constants

	source, remote, tag *template
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
	Range       hcl.Range
}

// An EnvironmentConfig is an environment.
type EnvironmentConfig struct {
	Name          string
	Stacks        []string // globs
	Account       string   // name of an account, or ""
	After         []string // names of the environments to promote from
	Repo          string   // name of its own live repository, or ""
	Root          string   // directory to strip in that repository, or ""
	Approvals     int      // how many an apply needs
	Workspace     string
	VarFiles      []string
	BackendConfig []string
	Guards        GuardsConfig // in addition to Config.Guards, never weaker
	Range         hcl.Range
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

// GuardsConfig is what no apply may do.
type GuardsConfig struct {
	Protect    []string // resource types and addresses
	MaxDestroy *int     // nil for no limit
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
		c.Root = root
		return c, nil, nil
	}
	shown := file
	if rel, err := filepath.Rel(dir, file); err == nil && explicit == "" {
		shown = filepath.ToSlash(rel)
	}
	src, err := readConfig(file)
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
		Modules:  ModulesConfig{Version: "1.0.0", Layout: LayoutPerModule},
		Module:   map[string]*ModuleConfig{},
		Identity: IdentityConfig{Name: "terrier", Email: "terrier@localhost"},
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

// A template is a string with ${…} in it, and the variables that may stand
// there. It was checked when it was read, so that it has no function, no
// operator and no other variable.
type template struct {
	expr hcl.Expression
	vars []string
	rng  hcl.Range
}

// samples are the values with which templates are tried when they are read.
var samples = map[string]string{"name": "example", "version": "1.0.0"}

func (t *template) expand(values map[string]string) (string, error) {
	s, diags := t.evaluate(values)
	if diags.HasErrors() {
		return "", diags
	}
	return s, nil
}

func (t *template) evaluate(values map[string]string) (string, hcl.Diagnostics) {
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}}
	for _, name := range t.vars {
		ctx.Variables[name] = cty.StringVal(values[name])
	}
	v, diags := t.expr.Value(ctx)
	if diags.HasErrors() {
		return "", diags
	}
	if v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return "", hcl.Diagnostics{wrongType(t.rng, "a string")}
	}
	return v.AsString(), diags
}

func (t *template) uses(name string) bool {
	for _, v := range t.expr.Variables() {
		if v.RootName() == name {
			return true
		}
	}
	return false
}

// parseConfig decodes and checks a configuration. The file is never nil.
func parseConfig(src []byte, filename string) (*Config, hcl.Diagnostics, *hcl.File) {
	c := defaultConfig()
	file := &hcl.File{Bytes: src}
	if d := tooDeep(src, filename); d != nil {
		return c, hcl.Diagnostics{d}, file
	}
	parsed, diags := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	if parsed == nil {
		return c, diags, file
	}
	if diags.HasErrors() {
		// What follows a syntax error is guesswork, and so is what is wrong
		// with it.
		return c, diags, parsed
	}
	d := &decoder{c: c, diags: diags}
	d.root(parsed.Body)
	return c, d.diags, parsed
}

// Limits of nesting and of operators. HCL's parser recurses with both, and a
// stack overflow ends the process: no recover helps.
const (
	maxNesting   = 50
	maxOperators = 1000
)

func tooDeep(src []byte, filename string) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(src, filename, hcl.InitialPos)
	depth, operators := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenOHeredoc, hclsyntax.TokenOQuote:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCHeredoc, hclsyntax.TokenCQuote:
			depth = max(0, depth-1)
		case hclsyntax.TokenTemplateControl:
			depth++
			operators++
		case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit,
			hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenEqual, hclsyntax.TokenComma, hclsyntax.TokenEOF:
		default:
			operators++
		}
		if depth > maxNesting || operators > maxOperators {
			return &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Not a configuration",
				Detail:  fmt.Sprintf("It is nested more than %d levels deep, or has more than %d operators.", maxNesting, maxOperators),
				Subject: t.Range.Ptr(),
			}
		}
	}
	return nil
}

// A decoder fills a Config and collects what is wrong.
type decoder struct {
	c     *Config
	diags hcl.Diagnostics

	// Checked when all blocks are known.
	environmentRefs, accountRefs []located
	stacksMissing                []*EnvironmentConfig
}

// A located is a string and where it stands.
type located struct {
	value string
	rng   hcl.Range
}

func (d *decoder) err(rng hcl.Range, summary, detail string, args ...any) {
	d.diags = append(d.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: rng.Ptr(),
	})
}

// attributes makes a schema from names; one that ends in ! is required.
func attributes(names ...string) *hcl.BodySchema {
	s := &hcl.BodySchema{}
	for _, n := range names {
		name, required := strings.CutSuffix(n, "!")
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: name, Required: required})
	}
	return s
}

func (d *decoder) content(body hcl.Body, schema *hcl.BodySchema) (hcl.Attributes, hcl.Blocks) {
	c, diags := body.Content(schema)
	d.diags = append(d.diags, diags...)
	if c == nil {
		return nil, nil
	}
	return c.Attributes, c.Blocks
}

func (d *decoder) root(body hcl.Body) {
	_, blocks := d.content(body, &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "module", LabelNames: []string{"path"}}, // the first that is near is suggested
		{Type: "modules"}, {Type: "live"},
		{Type: "stack", LabelNames: []string{"glob"}},
		{Type: "environment", LabelNames: []string{"name"}},
		{Type: "account", LabelNames: []string{"name"}},
		{Type: "guards"}, {Type: "identity"},
	}})
	first := map[string]hcl.Range{}
	for _, b := range blocks {
		key, what, again := b.Type, b.Type+" block", b.DefRange
		if len(b.Labels) > 0 {
			key, what, again = key+" "+b.Labels[0], fmt.Sprintf("%s %q", b.Type, b.Labels[0]), b.LabelRanges[0]
		}
		if at, ok := first[key]; ok {
			d.err(again, "Duplicate "+what, "It is already there in line %d.", at.Start.Line)
			continue
		}
		first[key] = b.DefRange
		switch b.Type {
		case "modules":
			d.modules(b)
		case "live":
			attrs, _ := d.content(b.Body, attributes("remote"))
			d.c.Live.remote = d.template(attrs["remote"], checkRemote, "name")
		case "module":
			d.module(b)
		case "stack":
			d.stack(b)
		case "environment":
			d.environment(b)
		case "account":
			d.account(b)
		case "guards":
			attrs, _ := d.content(b.Body, attributes("protect", "max_destroy"))
			d.guards(attrs, &d.c.Guards)
		case "identity":
			d.identity(b)
		}
	}
	d.references()
	d.shared()
	d.cycles()
	d.stricter(blocks)
}

func (d *decoder) modules(b *hcl.Block) {
	attrs, _ := d.content(b.Body, attributes("source", "remote", "tag", "version", "layout"))
	m := &d.c.Modules
	if v, ok := d.str(attrs["version"]); ok {
		if err := checkVersion(v.value); err != nil {
			d.err(v.rng, "Not a version", "%s", sentence(err))
		} else {
			m.Version = v.value
		}
	}
	if v, ok := d.str(attrs["layout"]); ok && d.oneOf(v, "layout", layouts) {
		m.Layout = v.value
	}
	m.source = d.template(attrs["source"], checkSource, "name")
	m.remote = d.template(attrs["remote"], checkRemote, "name")
	m.tag = d.template(attrs["tag"], checkTag, "name", "version")
	if m.tag != nil && !m.tag.uses("version") {
		d.err(m.tag.rng, "Tag without a version", "Every release would have the same tag.\n\nhint: put ${version} into it, as in \"v${version}\"")
	}
	if attrs["remote"] != nil && attrs["source"] == nil {
		d.err(attrs["remote"].NameRange, "Remote without a source", "`remote` is where terrier pushes; what callers get is `source`.\n\nhint: set `source`; `remote` can be left out where it names the same repository")
	}
	if m.Layout == LayoutPerModule {
		for _, t := range []*template{m.source, m.remote} {
			if t != nil && !t.uses("name") {
				d.err(t.rng, "Address without a name", "With the layout %q each module has a repository of its own, and this address is the same for all.\n\nhint: put ${name} into it", LayoutPerModule)
			}
		}
	} else if m.tag != nil && !m.tag.uses("name") {
		d.err(m.tag.rng, "Tag without a name", "With the layout %q all modules share the tags of one repository, and this tag is the same for all.\n\nhint: put ${name} into it, as in \"${name}/v${version}\"", m.Layout)
	}
}

func (d *decoder) module(b *hcl.Block) {
	attrs, _ := d.content(b.Body, attributes("name", "group", "keep"))
	m := &ModuleConfig{Path: b.Labels[0], Range: b.DefRange}
	d.check(located{m.Path, b.LabelRanges[0]}, "Not a module's path", checkPath)
	m.Name = d.checked(attrs["name"], "Not a name for a repository", checkName)
	m.Group = d.checked(attrs["group"], "Not a name for a group", checkName)
	m.Keep = d.boolean(attrs["keep"])
	for _, other := range d.c.Module {
		if m.Name != "" && strings.EqualFold(m.Name, other.Name) && (m.Group == "" || m.Group != other.Group) {
			d.err(attrs["name"].Expr.Range(), "Duplicate name", "module %q has this name too (line %d). Some forges and file systems do not tell upper case from lower.", other.Path, other.Range.Start.Line)
			break
		}
	}
	d.c.Module[m.Path] = m
}

var roles = []string{"stack", "module", "example", "ignore"}

func (d *decoder) stack(b *hcl.Block) {
	attrs, _ := d.content(b.Body, attributes("role", "environment", "after"))
	s := &StackConfig{Glob: b.Labels[0], Range: b.DefRange}
	d.check(located{s.Glob, b.LabelRanges[0]}, "Not a glob for stacks", checkGlob)
	if v, ok := d.str(attrs["role"]); ok && d.oneOf(v, "role", roles) {
		s.Role = v.value
	}
	if v, ok := d.str(attrs["environment"]); ok {
		s.Environment = v.value
		d.environmentRefs = append(d.environmentRefs, v)
	}
	s.After = d.list(attrs["after"], "Not a path or glob of stacks", checkGlob)
	d.c.Stacks = append(d.c.Stacks, s)
}

func (d *decoder) environment(b *hcl.Block) {
	schema := attributes("stacks", "account", "after", "repo", "root", "approvals", "workspace", "var_files", "backend_config")
	schema.Blocks = []hcl.BlockHeaderSchema{{Type: "guards"}}
	attrs, blocks := d.content(b.Body, schema)
	e := &EnvironmentConfig{Name: b.Labels[0], Range: b.DefRange}
	d.check(located{e.Name, b.LabelRanges[0]}, "Not a name for an environment", checkName)
	e.Stacks = d.list(attrs["stacks"], "Not a glob for stacks", checkGlob)
	if attrs["stacks"] == nil {
		d.stacksMissing = append(d.stacksMissing, e)
	} else if items, diags := hcl.ExprList(attrs["stacks"].Expr); !diags.HasErrors() && len(items) == 0 {
		d.err(attrs["stacks"].Expr.Range(), "Environment without stacks", "An empty list matches no stack.\n\nhint: write a glob, as in [\"live/%s/**\"]", e.Name)
	}
	if v, ok := d.str(attrs["account"]); ok {
		e.Account = v.value
		d.accountRefs = append(d.accountRefs, v)
	}
	for _, v := range d.strs(attrs["after"]) {
		e.After = append(e.After, v.value)
		if v.value == e.Name {
			d.err(v.rng, "Environment after itself", "%q cannot come after itself.", e.Name)
			continue
		}
		d.environmentRefs = append(d.environmentRefs, v)
	}
	e.Repo = d.checked(attrs["repo"], "Not a name for a repository", func(s string) error {
		if strings.EqualFold(s, "live") {
			return fmt.Errorf("%q is the repository of the stacks that no environment takes", s)
		}
		return checkName(s)
	})
	e.Root = d.checked(attrs["root"], "Not a directory", checkPath)
	if attrs["root"] != nil && attrs["repo"] == nil {
		d.err(attrs["root"].NameRange, "Root without a repository", "`root` is stripped in the environment's own repository, and this environment has none.\n\nhint: set `repo`, or leave `root` out")
	}
	e.Approvals = d.integer(attrs["approvals"])
	e.Workspace = d.checked(attrs["workspace"], "Not a workspace", checkWorkspace)
	e.VarFiles = d.list(attrs["var_files"], "Not a file", checkArgument)
	e.BackendConfig = d.list(attrs["backend_config"], "Not a backend configuration", checkArgument)
	for i, g := range blocks {
		if i > 0 {
			d.err(g.DefRange, "Duplicate guards block", "It is already there in line %d.", blocks[0].DefRange.Start.Line)
			continue
		}
		ga, _ := d.content(g.Body, attributes("protect", "max_destroy"))
		d.guards(ga, &e.Guards)
	}
	d.c.Environments = append(d.c.Environments, e)
}

func (d *decoder) account(b *hcl.Block) {
	attrs, _ := d.content(b.Body, attributes("id!", "also", "plan_role", "apply_role", "duration", "external_id"))
	a := &AccountConfig{Name: b.Labels[0], Range: b.DefRange}
	d.check(located{a.Name, b.LabelRanges[0]}, "Not a name for an account", checkName)
	a.ID = d.checked(attrs["id"], "Not an account id", checkAccountID)
	a.Also = d.list(attrs["also"], "Not an account id", checkAccountID)
	role := func(s string) error {
		m := roleARN.FindStringSubmatch(s)
		if m == nil {
			return fmt.Errorf("it is not the ARN of a role\nhint: it looks like arn:aws:iam::%s:role/NAME", orElse(a.ID, "123456789012"))
		}
		if a.ID != "" && m[1] != a.ID && !slices.Contains(a.Also, m[1]) {
			return fmt.Errorf("the role is in account %s, and this is account %s", m[1], a.ID)
		}
		return nil
	}
	a.PlanRole = d.checked(attrs["plan_role"], "Not a role of this account", role)
	a.ApplyRole = d.checked(attrs["apply_role"], "Not a role of this account", role)
	d.checked(attrs["duration"], "Not a session's duration", func(s string) error {
		v, err := time.ParseDuration(s)
		if err != nil || v < 15*time.Minute || v > 12*time.Hour || v%time.Second != 0 {
			return errors.New("STS takes whole seconds from 15 minutes to 12 hours\nhint: write \"15m\", \"1h\" or \"1h30m\"")
		}
		a.Duration = v
		return nil
	})
	a.ExternalID = d.checked(attrs["external_id"], "Not an external id", func(s string) error {
		if len(s) < 2 || len(s) > 1224 || !externalID.MatchString(s) {
			return errors.New("it has 2 to 1224 letters, digits and characters of _+=,.@:/-")
		}
		return nil
	})
	d.c.Accounts = append(d.c.Accounts, a)
}

func (d *decoder) guards(attrs hcl.Attributes, g *GuardsConfig) {
	g.Protect = d.list(attrs["protect"], "Not a resource type or address", checkAddress)
	if a := attrs["max_destroy"]; a != nil {
		before := len(d.diags)
		n := d.integer(a)
		if len(d.diags) == before {
			g.MaxDestroy = &n
		}
	}
}

func (d *decoder) identity(b *hcl.Block) {
	attrs, _ := d.content(b.Body, attributes("name", "email"))
	check := func(s string) error {
		// What git strips from an identity, or breaks a commit's header.
		if strings.Trim(s, " .,:;<>\"\\'") == "" || strings.TrimSpace(s) != s || strings.ContainsAny(s, "<>") || hasControl(s) {
			return errors.New("git takes no < and >, no line break, no space at an end, and nothing that is empty")
		}
		return nil
	}
	if s := d.checked(attrs["name"], "Not a name for commits", check); s != "" {
		d.c.Identity.Name = s
	}
	if s := d.checked(attrs["email"], "Not an address for commits", check); s != "" {
		d.c.Identity.Email = s
	}
}

// references checks the names of environments and accounts.
func (d *decoder) references() {
	var environments, accounts []string
	for _, e := range d.c.Environments {
		environments = append(environments, e.Name)
	}
	for _, a := range d.c.Accounts {
		accounts = append(accounts, a.Name)
	}
	d.exist(d.environmentRefs, "environment", environments)
	d.exist(d.accountRefs, "account", accounts)
	for _, e := range d.stacksMissing {
		if !slices.ContainsFunc(d.c.Stacks, func(s *StackConfig) bool { return s.Environment == e.Name }) {
			d.err(e.Range, "Environment without stacks", "No stack would ever be in it.\n\nhint: set `stacks` to a list of globs, as in [\"live/%s/**\"]", e.Name)
		}
	}
}

func (d *decoder) exist(refs []located, what string, known []string) {
	for _, r := range refs {
		if slices.Contains(known, r.value) {
			continue
		}
		detail := fmt.Sprintf("There is no %s %q in this file.", what, r.value)
		if s := suggest(r.value, known); s != "" {
			detail += fmt.Sprintf(" Did you mean %q?", s)
		} else if len(known) == 0 {
			detail += fmt.Sprintf("\n\nhint: add a block: %s %q { … }", what, r.value)
		} else {
			detail += fmt.Sprintf(" There is: %s.", list(known))
		}
		d.err(r.rng, "Unknown "+what, "%s", detail)
	}
}

// shared checks that two live repositories never get the same name or address.
func (d *decoder) shared() {
	for i, e := range d.c.Environments {
		if e.Repo == "" {
			continue
		}
		for _, other := range d.c.Environments[:i] {
			if strings.EqualFold(e.Repo, other.Repo) {
				d.err(e.Range, "Duplicate repository", "The environments %q and %q both have the repository %q, and each needs its own.", other.Name, e.Name, e.Repo)
				break
			}
		}
		if r := d.c.Live.remote; r != nil && !r.uses("name") {
			d.err(r.rng, "Address without a name", "Environment %q has a live repository of its own, and this address is the same for all.\n\nhint: put ${name} into it", e.Name)
			return
		}
	}
}

// cycles finds environments that wait for each other, and names each ring
// once.
func (d *decoder) cycles() {
	byName := map[string]*EnvironmentConfig{}
	for _, e := range d.c.Environments {
		byName[e.Name] = e
	}
	done := map[string]bool{}
	var way []string
	var visit func(e *EnvironmentConfig)
	visit = func(e *EnvironmentConfig) {
		if i := slices.Index(way, e.Name); i >= 0 {
			ring := append(slices.Clone(way[i:]), e.Name)
			d.err(byName[way[i]].Range, "Environments in a circle", "Each comes after the next, and the last after the first: %s.", strings.Join(ring, ", "))
			return
		}
		if done[e.Name] {
			return
		}
		way = append(way, e.Name)
		for _, name := range e.After {
			if next := byName[name]; next != nil && name != e.Name {
				visit(next)
			}
		}
		way = way[:len(way)-1]
		done[e.Name] = true
	}
	for _, e := range d.c.Environments {
		visit(e)
	}
}

// stricter checks that an environment's guards only add to the common ones.
func (d *decoder) stricter(blocks hcl.Blocks) {
	limit := d.c.Guards.MaxDestroy
	if limit == nil {
		return
	}
	for _, b := range blocks.OfType("environment") {
		for _, e := range d.c.Environments {
			if e.Range != b.DefRange || e.Guards.MaxDestroy == nil || *e.Guards.MaxDestroy <= *limit {
				continue
			}
			d.err(maxDestroyRange(b), "Weaker guard", "All environments may destroy at most %d; one can be stricter, never weaker, and %d is more.", *limit, *e.Guards.MaxDestroy)
		}
	}
}

// maxDestroyRange is where an environment block sets max_destroy.
func maxDestroyRange(b *hcl.Block) hcl.Range {
	if body, ok := b.Body.(*hclsyntax.Body); ok {
		for _, g := range body.Blocks {
			if a := g.Body.Attributes["max_destroy"]; a != nil {
				return a.Expr.Range()
			}
		}
	}
	return b.DefRange
}

// template reads a string that may use variables. check judges it with the
// sample values.
func (d *decoder) template(a *hcl.Attribute, check func(string) error, vars ...string) *template {
	if a == nil || !d.plain(a.Expr, vars) {
		return nil
	}
	t := &template{expr: a.Expr, vars: vars, rng: a.Expr.Range()}
	s, diags := t.evaluate(samples)
	if diags.HasErrors() {
		d.diags = append(d.diags, diags...)
		return nil
	}
	if err := check(s); err != nil {
		d.err(t.rng, "Not a valid "+a.Name, "%s", sentence(err))
		return nil
	}
	return t
}

// plain reports whether an expression holds nothing but values, and the
// variables. Anything else is refused, so that reading the file costs what its
// length costs.
func (d *decoder) plain(e hcl.Expression, vars []string) bool {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return true
	case *hclsyntax.TemplateExpr:
		return d.allPlain(e.Parts, vars)
	case *hclsyntax.TemplateWrapExpr:
		return d.plain(e.Wrapped, vars)
	case *hclsyntax.ParenthesesExpr:
		return d.plain(e.Expression, vars)
	case *hclsyntax.TupleConsExpr:
		return d.allPlain(e.Exprs, vars)
	case *hclsyntax.UnaryOpExpr: // a negative number
		return d.plain(e.Val, vars)
	case *hclsyntax.ScopeTraversalExpr:
		return d.variable(e, vars)
	case *hclsyntax.FunctionCallExpr:
		d.err(e.NameRange, "No functions here", "A value is written out; there is no function %q.%s", e.Name, available(vars))
	default:
		d.err(e.Range(), "Not a plain value", "A value is written out: there are no operators, conditions or loops.%s", available(vars))
	}
	return false
}

func (d *decoder) allPlain(exprs []hclsyntax.Expression, vars []string) bool {
	ok := true
	for _, e := range exprs {
		ok = d.plain(e, vars) && ok
	}
	return ok
}

func (d *decoder) variable(e *hclsyntax.ScopeTraversalExpr, vars []string) bool {
	name := e.Traversal.RootName()
	if slices.Contains(vars, name) {
		if len(e.Traversal) > 1 {
			d.err(e.Range(), "Not a plain value", "%q is a string and has no parts.", name)
			return false
		}
		return true
	}
	detail := fmt.Sprintf("There is no variable %q here.", name)
	if len(vars) == 0 {
		detail += fmt.Sprintf("\n\nhint: a string stands in quotes: %q", name)
	} else if s := suggest(name, vars); s != "" {
		detail += fmt.Sprintf(" Did you mean ${%s}?", s)
	} else {
		detail += available(vars)
	}
	d.err(e.Range(), "Unknown variable", "%s", detail)
	return false
}

func available(vars []string) string {
	if len(vars) == 0 {
		return ""
	}
	return " It may use ${" + strings.Join(vars, "} and ${") + "}."
}

func wrongType(rng hcl.Range, want string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong type of value", Detail: "This must be " + want + ".", Subject: rng.Ptr()}
}

// value evaluates an attribute without variables. Absent ones, and those with
// errors, give false.
func (d *decoder) value(e hcl.Expression, typ cty.Type, want string) (cty.Value, bool) {
	if !d.plain(e, nil) {
		return cty.NilVal, false
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() {
		d.diags = append(d.diags, diags...)
		return cty.NilVal, false
	}
	if v.IsNull() || !v.IsKnown() || v.Type() != typ {
		d.diags = append(d.diags, wrongType(e.Range(), want))
		return cty.NilVal, false
	}
	return v, true
}

func (d *decoder) str(a *hcl.Attribute) (located, bool) {
	if a == nil {
		return located{}, false
	}
	v, ok := d.value(a.Expr, cty.String, "a string, in quotes")
	if !ok {
		return located{}, false
	}
	return located{v.AsString(), a.Expr.Range()}, true
}

func (d *decoder) boolean(a *hcl.Attribute) bool {
	if a == nil {
		return false
	}
	v, ok := d.value(a.Expr, cty.Bool, "true or false")
	return ok && v.True()
}

// integer reads a whole number from 0 on; 0 where it is absent or wrong.
func (d *decoder) integer(a *hcl.Attribute) int {
	if a == nil {
		return 0
	}
	const want = "a whole number from 0 on"
	v, ok := d.value(a.Expr, cty.Number, want)
	if !ok {
		return 0
	}
	var n int32
	if err := gocty.FromCtyValue(v, &n); err != nil || n < 0 {
		d.diags = append(d.diags, wrongType(a.Expr.Range(), want))
		return 0
	}
	return int(n)
}

// strs reads a list of strings.
func (d *decoder) strs(a *hcl.Attribute) []located {
	if a == nil {
		return nil
	}
	items, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() {
		d.diags = append(d.diags, wrongType(a.Expr.Range(), "a list of strings: [\"…\"]"))
		return nil
	}
	var out []located
	for _, item := range items {
		if v, ok := d.value(item, cty.String, "a string, in quotes"); ok {
			out = append(out, located{v.AsString(), item.Range()})
		}
	}
	return out
}

// list reads a list of strings and checks each.
func (d *decoder) list(a *hcl.Attribute, summary string, check func(string) error) []string {
	var out []string
	for _, v := range d.strs(a) {
		if d.check(v, summary, check) {
			out = append(out, v.value)
		}
	}
	return out
}

// checked reads a string; "" where it is absent or wrong.
func (d *decoder) checked(a *hcl.Attribute, summary string, check func(string) error) string {
	v, ok := d.str(a)
	if !ok || !d.check(v, summary, check) {
		return ""
	}
	return v.value
}

func (d *decoder) check(v located, summary string, check func(string) error) bool {
	if err := check(v.value); err != nil {
		d.err(v.rng, summary, "%s", sentence(err))
		return false
	}
	return true
}

func (d *decoder) oneOf(v located, what string, known []string) bool {
	if slices.Contains(known, v.value) {
		return true
	}
	detail := "It is one of " + list(known) + "."
	if s := suggest(v.value, known); s != "" {
		detail += fmt.Sprintf(" Did you mean %q?", s)
	}
	d.err(v.rng, "Unknown "+what, "%s", detail)
	return false
}

// sentence turns an error into a diagnostic's detail: a sentence, and the
// hint as a paragraph.
func sentence(err error) string {
	text, hint, has := strings.Cut(err.Error(), "\nhint: ")
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:] + "."
	}
	if has {
		text += "\n\nhint: " + hint
	}
	return text
}

// suggest returns the known name that is nearest to what was written, "" where
// none is near.
func suggest(given string, known []string) string {
	best, bestDist := "", max(2, len(given)/3)+1
	for _, k := range known {
		a, b := strings.ToLower(given), strings.ToLower(k)
		if len(a) > 2 && strings.HasPrefix(b, a) || len(b) > 2 && strings.HasPrefix(a, b) {
			return k
		}
		dist := levenshtein.Distance(a, b, nil)
		if dist < bestDist && dist < len(k) {
			best, bestDist = k, dist
		}
	}
	return best
}

func list(names []string) string {
	const shown = 10
	var b strings.Builder
	for i, n := range names {
		if i == shown {
			fmt.Fprintf(&b, " and %d more", len(names)-shown)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", n)
	}
	return b.String()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

var (
	repositoryName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	packageName    = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]*$`)
	accountID      = regexp.MustCompile(`^[0-9]{12}$`)
	roleARN        = regexp.MustCompile(`^arn:aws(?:-[a-z-]+)?:iam::([0-9]{12}):role/[\w+=,.@/-]+$`)
	externalID     = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	tagText        = regexp.MustCompile(`^[a-zA-Z0-9._/@-]*$`)
	helper         = regexp.MustCompile(`^[^/?#@\[]*::`)
)

// checkName judges what becomes the name of a repository, a directory or a
// part of a tag.
func checkName(s string) error {
	switch lower := strings.ToLower(s); {
	case !repositoryName.MatchString(s):
		return errors.New("a name has letters, digits, dots, dashes and underscores, and begins with a letter or digit")
	case strings.HasSuffix(lower, ".git"), strings.HasSuffix(lower, ".lock"):
		return fmt.Errorf("a name that ends in %s means something else to git", path.Ext(lower))
	case strings.HasSuffix(s, "."), strings.Contains(s, ".."):
		return errors.New("git takes no name with .. in it or with a dot at its end")
	case len(s) > 100:
		return errors.New("a name has at most 100 characters")
	}
	return nil
}

// checkPackageName guards the templates: a package's name comes from a path,
// and must stay one part of an address.
func checkPackageName(s string) error {
	if !packageName.MatchString(s) {
		return fmt.Errorf("%q cannot be the name of a repository\nhint: give the module a `name` in %s", s, configName)
	}
	return nil
}

// checkPath judges a directory of the monorepo.
func checkPath(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty\nhint: the repository's root is \".\"")
	case hasControl(s):
		return errors.New("it has a control character in it")
	case strings.Contains(s, `\`):
		return errors.New("directories are separated by /")
	case strings.HasPrefix(s, "/"):
		return errors.New("it is relative to the repository's root, with no / at its beginning")
	}
	clean := path.Clean(s)
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return errors.New("it leads out of the repository")
	}
	if clean != s {
		return fmt.Errorf("it is written with detours\nhint: write %q", clean)
	}
	return nil
}

// checkGlob judges a pattern over paths of the monorepo.
func checkGlob(s string) error {
	// A pattern is a path as far as its form goes; * and ** need no cleaning.
	if err := checkPath(s); err != nil {
		return err
	}
	if !doublestar.ValidatePattern(s) {
		return errors.New("it is not a pattern that can be read\nhint: * matches within a directory, ** any depth, [ab] one character, {a,b} either; each bracket has its other half")
	}
	// Matching tries every combination of alternatives.
	if strings.Count(s, "{")+strings.Count(s, ",") > 16 || len(s) > 1000 {
		return errors.New("it is too long, or has too many alternatives\nhint: write several patterns")
	}
	return nil
}

// checkVersion judges the version of a release.
func checkVersion(s string) error {
	v, err := semver.StrictNewVersion(s)
	switch {
	case strings.HasPrefix(s, "v"):
		return fmt.Errorf("a version has no v before it\nhint: the v belongs to the tag; write %q", strings.TrimPrefix(s, "v"))
	case err != nil:
		return errors.New("it is not a semantic version\nhint: it has three numbers, as in \"1.0.0\"")
	case v.Metadata() != "":
		return fmt.Errorf("it has build metadata, and a + in ?ref= is read as a space\nhint: leave out +%s", v.Metadata())
	}
	return nil
}

// checkTag judges what becomes refs/tags/… and stands after ?ref=.
func checkTag(s string) error {
	switch {
	case strings.HasPrefix(s, "-"):
		return errors.New("a tag that begins with - is read as an option")
	case !tagText.MatchString(s):
		return errors.New("a tag stands in an address: it has letters, digits and characters of . _ - / @ only")
	case plumbing.NewTagReferenceName(s).Validate() != nil, strings.Contains(s, "/-"):
		return errors.New("git takes no tag of this name: no empty part, no dot at the beginning or end of a part, no .., no .lock at an end")
	}
	return nil
}

var errCredentials = errors.New("it holds a password or a token, which everybody who can read the file would have\nhint: take it out and revoke it; git asks its credential helper, or ssh, when it needs one")

// checkAddressText judges what every address has to keep to. Its errors never
// hold the address.
func checkAddressText(s string) error {
	parsed, _ := hclparse.ParseSource(s) // Redacted serves what does not parse, too
	switch {
	case s == "":
		return errors.New("it is empty")
	case parsed.Redacted() != s:
		return errCredentials
	case strings.HasPrefix(s, "-"):
		return errors.New("an address that begins with - is read as an option")
	case helper.MatchString(strings.TrimPrefix(s, "git::")):
		return errors.New("it names a remote helper (NAME::), which runs a program\nhint: write the repository's URL")
	case hasControl(s), strings.ContainsAny(s, " \"<>\\^`{|}#"):
		return errors.New("an address has no spaces, control characters, quotes, braces, backslashes or #")
	}
	return nil
}

// checkSource judges what callers of a module get.
func checkSource(s string) error {
	if err := checkAddressText(s); err != nil {
		return err
	}
	parsed, err := hclparse.ParseSource(s)
	if err == nil && parsed.Kind != hclparse.KindGit {
		err = errors.New("terraform does not read it as a git repository")
		if u, e := url.Parse(s); e == nil && u.Scheme != "" && u.Opaque == "" {
			return fmt.Errorf("%w\nhint: put git:: before it", err)
		}
		return fmt.Errorf("%w\nhint: write git::ssh://git@HOST/PATH/${name}.git or git::https://HOST/PATH/${name}.git", err)
	}
	if err != nil {
		_, hint, has := strings.Cut(err.Error(), "\nhint: ")
		if !has {
			hint = "write git::ssh://git@HOST/PATH/${name}.git or git::https://HOST/PATH/${name}.git"
		}
		return fmt.Errorf("terraform cannot read it\nhint: %s", hint)
	}
	if strings.HasPrefix(strings.TrimPrefix(s, "git::"), "-") || strings.HasPrefix(parsed.Host, "-") || strings.HasPrefix(parsed.Repository, "-") {
		return errors.New("a part that begins with - is read as an option")
	}
	if parsed.Subdir != "" {
		return fmt.Errorf("it has a //subdirectory, and a module's repository holds it at its root\nhint: leave out //%s; terrier adds // where a call needs it", parsed.Subdir)
	}
	for _, p := range parsed.Query {
		if k, err := url.QueryUnescape(p.Key); err != nil || k == "ref" {
			return errors.New("it has a ref\nhint: leave it out; terrier adds ?ref= with each release's tag")
		}
	}
	return nil
}

// checkRemote judges what git pushes to.
func checkRemote(s string) error {
	if err := checkAddressText(s); err != nil {
		return err
	}
	if strings.HasPrefix(s, "git::") {
		return errors.New("the git:: before it is for terraform alone\nhint: leave it out; here stands what git itself reads, as after `git clone`")
	}
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		u, err := url.Parse(s)
		switch {
		case !slices.Contains([]string{"ssh", "https", "http", "git", "file"}, scheme):
			return errors.New("git knows no such scheme\nhint: write ssh://, https:// or file://")
		case err != nil, u.Path == "" || u.Path == "/", scheme != "file" && u.Host == "":
			return errors.New("it is not the URL of a repository\nhint: write ssh://git@HOST/PATH/${name}.git")
		case u.RawQuery != "":
			return errors.New("git knows no ?query in an address")
		case strings.HasPrefix(rest, "-"), strings.HasPrefix(u.Hostname(), "-"):
			return errors.New("a part that begins with - is read as an option")
		}
		return nil
	}
	if strings.HasPrefix(s, "/") {
		return nil
	}
	host, where, ok := strings.Cut(s, ":")
	if !ok || strings.Contains(host, "/") || host == "" || where == "" {
		return errors.New("it is neither a URL nor an absolute path\nhint: write ssh://git@HOST/PATH/${name}.git, git@HOST:PATH/${name}.git or file:///PATH/${name}.git")
	}
	if _, h, ok := strings.Cut(host, "@"); strings.HasPrefix(where, "-") || ok && strings.HasPrefix(h, "-") {
		return errors.New("a part that begins with - is read as an option")
	}
	return nil
}

func checkAccountID(s string) error {
	if !accountID.MatchString(s) {
		return errors.New("an AWS account id has 12 digits, in quotes, with its leading zeros")
	}
	return nil
}

// checkWorkspace follows terraform, which takes what a URL needs no escapes
// for.
func checkWorkspace(s string) error {
	if s == "" || url.PathEscape(s) != s || strings.HasPrefix(s, "-") {
		return errors.New("terraform takes letters, digits and characters of . _ ~ @ : $ & + = -, and no - at the beginning")
	}
	return nil
}

// checkArgument judges what becomes the value of a terraform option.
func checkArgument(s string) error {
	if strings.TrimSpace(s) == "" || strings.HasPrefix(s, "-") || hasControl(s) {
		return errors.New("it is empty, begins with -, or has a control character in it")
	}
	return nil
}

// checkAddress judges a resource type (aws_db_instance) or address
// (module.a.aws_s3_bucket.logs["eu"]).
func checkAddress(s string) error {
	bad := errors.New("it looks like aws_db_instance, aws_s3_bucket.logs or module.a.aws_s3_bucket.logs")
	if len(s) > 1000 {
		return bad
	}
	t, diags := hclsyntax.ParseTraversalAbs([]byte(s), "", hcl.InitialPos)
	if diags.HasErrors() || len(t) == 0 {
		return bad
	}
	return nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}
