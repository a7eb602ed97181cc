package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/versions"
)

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
		{Type: "guards"}, {Type: "identity"}, {Type: "lint"},
		{Type: "rule", LabelNames: []string{"name"}},
		{Type: "constraint", LabelNames: []string{"module"}},
		{Type: "terraform"}, {Type: "runs"},
		{Type: "backend", LabelNames: []string{"type"}},
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
			d.guards(b, &d.c.Guards)
		case "terraform":
			d.terraform(b)
		case "backend":
			d.c.Backend = d.backend(b)
		case "runs":
			d.runs(b)
		case "identity":
			d.identity(b)
		case "lint":
			d.lint(b)
		case "rule":
			d.rule(b)
		case "constraint":
			d.constraint(b)
		}
	}
	d.references()
	d.shared()
	d.cycles()
	d.stricter(blocks)
	d.buckets()
}

func (d *decoder) modules(b *hcl.Block) {
	attrs, _ := d.content(b.Body, attributes("source", "remote", "tag", "carried_tag", "version", "layout"))
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
	m.carriedTag = d.template(attrs["carried_tag"], checkTag, "tag")
	if m.carriedTag != nil && !m.carriedTag.uses("tag") {
		d.err(m.carriedTag.rng, "Carried tag without its name", "Every tag of the monorepo would have the same name.\n\nhint: put ${tag} into it, as in \"monorepo/${tag}\"")
	}
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
	attrs, _ := d.content(b.Body, attributes("role", "environment", "after", "providers"))
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
	s.Providers = d.providers(attrs["providers"])
	d.c.Stacks = append(d.c.Stacks, s)
}

func (d *decoder) environment(b *hcl.Block) {
	schema := attributes("stacks", "account", "after", "repo", "root", "approvals", "approvers", "author_approves", "workspace", "var_files", "backend_config")
	schema.Blocks = []hcl.BlockHeaderSchema{{Type: "guards"}, {Type: "rule", LabelNames: []string{"name"}}, {Type: "backend", LabelNames: []string{"type"}}}
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
	d.approvers(e, attrs)
	e.Workspace = d.checked(attrs["workspace"], "Not a workspace", checkWorkspace)
	e.VarFiles = d.list(attrs["var_files"], "Not a file", checkArgument)
	e.BackendConfig = d.list(attrs["backend_config"], "Not a backend configuration", checkArgument)
	d.environmentRules(e, blocks.OfType("rule"))
	for _, g := range d.once(blocks.OfType("guards")) {
		d.guards(g, &e.Guards)
	}
	for _, s := range d.once(blocks.OfType("backend")) {
		e.Backend = d.backend(s)
	}
	d.c.Environments = append(d.c.Environments, e)
}

// constraint reads which versions of a module are allowed.
func (d *decoder) constraint(b *hcl.Block) {
	attrs, _ := d.content(b.Body, attributes("version!"))
	c := versions.Constraint{Module: b.Labels[0]}
	named := d.check(located{c.Module, b.LabelRanges[0]}, "Not a module's name", func(s string) error {
		switch parsed, _ := hclparse.ParseSource(s); {
		case strings.TrimSpace(s) == "" || hasControl(s):
			return errors.New("it is empty, or has a control character in it\nhint: write the name that `terrier list` shows, or host/path as in \"gitlab.example.com/terraform/vpc\"")
		case parsed.Redacted() != s:
			return errCredentials
		case strings.ContainsAny(s, "*?[{"):
			return checkGlob(s)
		}
		return nil
	})
	if c.Version = d.checked(attrs["version"], "Not a version constraint", versions.CheckConstraint); c.Version != "" && named {
		d.c.Constraints = append(d.c.Constraints, c)
	}
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

// once is the first of the blocks of a type; others are errors.
func (d *decoder) once(blocks hcl.Blocks) hcl.Blocks {
	for i, b := range blocks {
		if i > 0 {
			d.err(b.DefRange, "Duplicate "+b.Type+" block", "It is already there in line %d.", blocks[0].DefRange.Start.Line)
		}
	}
	return blocks[:min(1, len(blocks))]
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
