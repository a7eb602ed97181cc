package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/gocty"
)

// A template is a string with ${…} in it, and the variables that may stand
// there. It was checked when it was read, so that it has no function, no
// operator and no other variable.
type template struct {
	expr hcl.Expression
	vars []string
	rng  hcl.Range
}

// samples are the values with which templates are tried when they are read.
var samples = map[string]string{"name": "example", "version": "1.0.0", "tag": "v1.0.0"}

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
		if d.c.Modules.Layout == LayoutInPlace {
			d.err(e.Range, "Repository of its own", "With the layout %q the monorepo stays whole, and environment %q cannot have a repository of its own.\n\nhint: leave `repo` out, or choose the layout %q", LayoutInPlace, e.Name, LayoutPerModule)
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
