package cmd

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	agekeys "filippo.io/age"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A TerraformConfig says how terraform is run.
type TerraformConfig struct {
	Path        string        // a name on PATH or an absolute path, outside of the repository; "" for none
	Parallelism int           // stacks at a time, 0 where it is not said
	Timeout     time.Duration // of one process
	Range       hcl.Range
}

// A BackendConfig is what S3 backends are to be like; "" and nil leave an
// argument out. In an environment it holds what differs there.
type BackendConfig struct {
	Bucket, Region, DynamoDBTable, KMSKeyID, RoleARN, WorkspaceKeyPrefix, Profile string
	UseLockfile, Encrypt                                                          *bool
	// PlanRole and ApplyRole are for the state's own credentials, "" for those
	// of the stack's account. They stand in no backend block.
	PlanRole, ApplyRole string
	Range               hcl.Range

	key *template // nil for the default
}

// A StackBackend is the S3 backend that one stack is to have in one
// environment.
type StackBackend struct {
	Key           string
	BackendConfig // the environment's arguments over the common ones
}

// RunsConfig is where run folders and records stay.
type RunsConfig struct {
	Keep       time.Duration // how long run folders stay
	S3         *RunsS3Config // nil for this machine alone
	Recipients []string      // of age, that plans are encrypted to in S3
}

// A RunsS3Config is the S3 prefix that runners share.
type RunsS3Config struct{ Bucket, Prefix, Region, KMSKeyID string }

// Defaults of what operates.
const (
	defaultTimeout    = 2 * time.Hour // a database cluster takes an hour
	defaultKeep       = 30 * 24 * time.Hour
	defaultRunsPrefix = "terrier"
)

func (d *decoder) terraform(b *hcl.Block) {
	attrs, _ := d.content(b.Body, attributes("path", "parallelism", "timeout"))
	t := &d.c.Terraform
	t.Range = b.DefRange
	if a := attrs["path"]; a != nil {
		t.Path = d.checked(a, "Not a terraform", checkBinary)
		t.Range = a.Expr.Range()
	}
	if a := attrs["parallelism"]; a != nil {
		before := len(d.diags)
		if t.Parallelism = d.integer(a); len(d.diags) == before && (t.Parallelism < 1 || t.Parallelism > maxParallelism) {
			d.err(a.Expr.Range(), "Not a number of stacks", "From 1 to %d stacks run at a time.", maxParallelism)
		}
	}
	if v, ok := d.duration(attrs["timeout"], "Not a time limit", time.Minute, 24*time.Hour, `"30m", "2h"`); ok {
		t.Timeout = v
	}
}

const maxParallelism = 256

var binaryName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)

// checkBinary judges the path of a program that is run with credentials: no
// file that the repository brings along.
func checkBinary(s string) error {
	switch {
	case hasControl(s):
		return errors.New("it has a control character in it")
	case binaryName.MatchString(s), filepath.IsAbs(s) && path.Clean(s) == s && s != "/":
		return nil
	case filepath.IsAbs(s):
		return errors.New("it is written with detours")
	case strings.ContainsAny(s, `/\`):
		return errors.New("a path relative to the repository would let a change bring its own terraform along\nhint: write a name on PATH, such as \"tofu\", or an absolute path outside of the repository")
	}
	return errors.New("it is neither a name on PATH nor an absolute path\nhint: write \"tofu\" or \"/usr/local/bin/terraform\"")
}

// insideRepository reports an absolute path that lies in the repository: a
// checkout in CI has a place that is known beforehand.
func (c *Config) insideRepository(root string) *hcl.Diagnostic {
	if !filepath.IsAbs(c.Terraform.Path) {
		return nil
	}
	for _, file := range []string{c.Terraform.Path, resolved(c.Terraform.Path)} {
		if _, inside := within(root, file); !inside {
			if _, inside = within(resolved(root), file); !inside {
				continue
			}
		}
		return &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Not a terraform", Subject: c.Terraform.Range.Ptr(),
			Detail: "It lies in the repository, and a change could bring its own terraform along.\n\nhint: write a name on PATH, such as \"tofu\", or an absolute path outside of the repository",
		}
	}
	return nil
}

// resolved is a path with its links followed, as far as it is there.
func resolved(file string) string {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		return real
	}
	return file
}

// duration reads a duration within bounds, in whole seconds.
func (d *decoder) duration(a *hcl.Attribute, summary string, least, most time.Duration, such string) (time.Duration, bool) {
	var out time.Duration
	s := d.checked(a, summary, func(s string) error {
		v, err := time.ParseDuration(s)
		if err != nil || v < least || v > most || v%time.Second != 0 {
			return fmt.Errorf("it is a duration in whole seconds, from %s to %s\nhint: it looks like %s", brief(least), brief(most), such)
		}
		out = v
		return nil
	})
	return out, s != ""
}

// brief is a duration of whole minutes without the parts that are nought.
func brief(v time.Duration) string {
	if v%time.Hour == 0 {
		return fmt.Sprintf("%dh", v/time.Hour)
	}
	return fmt.Sprintf("%dm", v/time.Minute)
}

var (
	bucketName  = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{1,253}[a-zA-Z0-9]$`) // as long as old ones may be
	regionName  = regexp.MustCompile(`^[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}$`)
	tableName   = regexp.MustCompile(`^(arn:aws(-[a-z]+)*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?[a-zA-Z0-9_.-]{3,255}$`)
	kmsKey      = regexp.MustCompile(`^(arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:)?(key/|alias/)?[a-zA-Z0-9_/-]{1,256}$`)
	profileName = regexp.MustCompile(`^[\w.+@/=,][\w.+@/=, -]*$`)
	stateKey    = regexp.MustCompile(`^[\w!.*'()/@+=,:&$~-]+$`)
	s3Prefix    = regexp.MustCompile(`^[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)*$`)
)

// form makes a check from a pattern.
func form(pattern *regexp.Regexp, what string) func(string) error {
	return func(s string) error {
		if len(s) > 1024 || !pattern.MatchString(s) || strings.HasPrefix(s, "-") {
			return errors.New(what)
		}
		return nil
	}
}

var (
	checkBucket  = form(bucketName, "a bucket is named by itself, without s3:// and /, as in \"acme-terraform-state\"")
	checkRegion  = form(regionName, "a region looks like \"eu-central-1\"")
	checkTable   = form(tableName, "a table has 3 to 255 letters, digits and characters of _ . -, or is named by its ARN")
	checkKMS     = form(kmsKey, "a key is named by its id, its alias (alias/NAME) or its ARN")
	checkProfile = form(profileName, "a profile of the AWS configuration has letters, digits and characters of _ . + @ / = , -")
)

// checkKey judges what becomes the key of a state. The S3 backend takes no / at
// either end; the rest is what people can tell apart.
func checkKey(s string) error {
	switch {
	case s == "" || len(s) > 1024 || !stateKey.MatchString(s):
		return errors.New("a key has letters, digits and characters of ! . * ' ( ) / _ @ + = , : & $ ~ -")
	case strings.HasPrefix(s, "/"), strings.HasSuffix(s, "/"), strings.HasPrefix(s, "-"):
		return errors.New("terraform takes no key with a / at its beginning or end, and here none begins with -")
	case path.Clean(s) != s, s == "..", strings.HasPrefix(s, "../"):
		return errors.New("it has a part that is empty, or of dots alone")
	}
	return nil
}

// checkPrefix judges a prefix of keys; workspace_key_prefix is one too.
func checkPrefix(s string) error {
	if err := checkKey(s); err != nil {
		return fmt.Errorf("as a part of keys: %w", err)
	}
	return nil
}

var anyRole = func(s string) error {
	if !roleARN.MatchString(s) {
		return errors.New("it is not the ARN of a role\nhint: it looks like arn:aws:iam::123456789012:role/NAME")
	}
	return nil
}

// keyVariables are what the key of a state may use.
var keyVariables = []string{"stack", "environment", "account"}

// backend reads a backend block.
func (d *decoder) backend(b *hcl.Block) *BackendConfig {
	attrs, _ := d.content(b.Body, attributes("bucket", "key", "region", "use_lockfile", "dynamodb_table", "kms_key_id", "encrypt", "role_arn", "workspace_key_prefix", "profile", "plan_role", "apply_role"))
	if b.Labels[0] != "s3" {
		d.err(b.LabelRanges[0], "Unknown backend", "terrier writes and checks the backend \"s3\", and no other.")
		return nil
	}
	out := &BackendConfig{
		Bucket:             d.checked(attrs["bucket"], "Not a bucket", checkBucket),
		Region:             d.checked(attrs["region"], "Not a region", checkRegion),
		DynamoDBTable:      d.checked(attrs["dynamodb_table"], "Not a table", checkTable),
		KMSKeyID:           d.checked(attrs["kms_key_id"], "Not a KMS key", checkKMS),
		RoleARN:            d.checked(attrs["role_arn"], "Not a role", anyRole),
		WorkspaceKeyPrefix: d.checked(attrs["workspace_key_prefix"], "Not a prefix", checkPrefix),
		Profile:            d.checked(attrs["profile"], "Not a profile", checkProfile),
		PlanRole:           d.checked(attrs["plan_role"], "Not a role", anyRole),
		ApplyRole:          d.checked(attrs["apply_role"], "Not a role", anyRole),
		UseLockfile:        d.maybe(attrs["use_lockfile"]),
		Encrypt:            d.maybe(attrs["encrypt"]),
		Range:              b.DefRange,
		key:                d.template(attrs["key"], checkKey, keyVariables...),
	}
	if out.key != nil && !out.key.uses("stack") {
		d.err(out.key.rng, "Key without a stack", "All stacks would have the same state.\n\nhint: put ${stack} into it, as in \"${environment}/${stack}/terraform.tfstate\"")
	}
	return out
}

// buckets checks that states have a place in each environment.
func (d *decoder) buckets() {
	without := func(rng hcl.Range, where string) {
		d.err(rng, "Backend without a bucket", "It is where states are kept, and %s has none.\n\nhint: set `bucket`, here or in the backend block of all environments", where)
	}
	all := d.c.Backend
	if all != nil && all.Bucket == "" && len(d.c.Environments) == 0 {
		without(all.Range, "the configuration")
	}
	for _, e := range d.c.Environments {
		switch {
		case e.Backend != nil && e.Backend.Bucket == "" && (all == nil || all.Bucket == ""):
			without(e.Backend.Range, fmt.Sprintf("environment %q", e.Name))
		case e.Backend == nil && all != nil && all.Bucket == "":
			without(all.Range, fmt.Sprintf("environment %q", e.Name))
		}
	}
}

// maybe reads a boolean that may be absent.
func (d *decoder) maybe(a *hcl.Attribute) *bool {
	if a == nil {
		return nil
	}
	v, ok := d.value(a.Expr, cty.Bool, "true or false")
	if !ok {
		return nil
	}
	b := v.True()
	return &b
}

func (d *decoder) runs(b *hcl.Block) {
	schema := attributes("keep", "recipients")
	schema.Blocks = []hcl.BlockHeaderSchema{{Type: "s3"}}
	attrs, blocks := d.content(b.Body, schema)
	r := &d.c.Runs
	if v, ok := d.duration(attrs["keep"], "Not a time to keep runs", time.Hour, 10*365*24*time.Hour, `"168h", "720h"`); ok {
		r.Keep = v
	}
	r.Recipients = d.list(attrs["recipients"], "Not a recipient", checkRecipient)
	for _, s := range d.once(blocks) {
		a, _ := d.content(s.Body, attributes("bucket!", "prefix", "region", "kms_key_id"))
		r.S3 = &RunsS3Config{
			Bucket:   d.checked(a["bucket"], "Not a bucket", checkBucket),
			Prefix:   orElse(d.checked(a["prefix"], "Not a prefix", form(s3Prefix, "a prefix has letters, digits and characters of _ . - in parts that / divides, and no / at either end")), defaultRunsPrefix),
			Region:   d.checked(a["region"], "Not a region", checkRegion),
			KMSKeyID: d.checked(a["kms_key_id"], "Not a KMS key", checkKMS),
		}
		if slices.Contains(strings.Split(r.S3.Prefix, "/"), "..") || slices.Contains(strings.Split(r.S3.Prefix, "/"), ".") {
			d.err(a["prefix"].Expr.Range(), "Not a prefix", "It has a part of dots alone.")
		}
		if a["kms_key_id"] == nil && attrs["recipients"] == nil {
			d.err(s.DefRange, "Plans in the clear", "A plan holds the secrets of its stack, and whoever may read the bucket could read them.\n\nhint: set `recipients` in the runs block to age recipients (age-keygen makes one), or `kms_key_id` here")
		}
	}
	if attrs["recipients"] != nil && len(blocks) == 0 {
		d.err(attrs["recipients"].NameRange, "Recipients without a bucket", "Plans are encrypted where runners share them, and no s3 block says where.\n\nhint: add s3 { bucket = \"…\" }, or leave `recipients` out")
	}
	if items, diags := exprList(attrs["recipients"]); attrs["recipients"] != nil && !diags.HasErrors() && len(items) == 0 {
		d.err(attrs["recipients"].Expr.Range(), "Plans in the clear", "An empty list encrypts to nobody.\n\nhint: age-keygen makes a key, and prints its recipient")
	}
}

func exprList(a *hcl.Attribute) ([]hcl.Expression, hcl.Diagnostics) {
	if a == nil {
		return nil, nil
	}
	return hcl.ExprList(a.Expr)
}

// checkRecipient judges a public key of age. Its errors never hold the text,
// which may be a private one.
func checkRecipient(s string) error {
	if strings.Contains(strings.ToUpper(s), "AGE-SECRET-KEY-") {
		return errors.New("it is a private key, which everybody who can read the file has now\nhint: make another with age-keygen, and write its public key: age1…")
	}
	if _, err := agekeys.ParseRecipients(strings.NewReader(s)); err != nil || strings.ContainsAny(s, "\n#") {
		return errors.New("it is no recipient of age\nhint: age-keygen makes a key, and prints its recipient: age1…")
	}
	return nil
}

// providerInstance is a provider's local name, with its alias: aws, aws.dns.
var providerInstance = regexp.MustCompile(`^(module\.[A-Za-z_][\w-]*\.)*[a-z][a-z0-9_-]*(\.[A-Za-z_][\w-]*)?$`)

// providers reads the accounts of provider instances.
func (d *decoder) providers(a *hcl.Attribute) map[string]string {
	if a == nil {
		return nil
	}
	pairs, diags := hcl.ExprMap(a.Expr)
	if diags.HasErrors() {
		d.diags = append(d.diags, wrongType(a.Expr.Range(), `a map of account ids: { "aws.dns" = "123456789012" }`))
		return nil
	}
	out := map[string]string{}
	for _, p := range pairs {
		key := p.Key
		if k, ok := key.(*hclsyntax.ObjectConsKeyExpr); ok {
			if name := hcl.ExprAsKeyword(k); name != "" { // { aws = … }, as HCL has it
				key = &hclsyntax.LiteralValueExpr{Val: cty.StringVal(name), SrcRange: k.Range()}
			} else {
				key = k.Wrapped
			}
		}
		name, ok := d.value(key, cty.String, "a string, in quotes")
		if !ok {
			continue
		}
		id, ok := d.value(p.Value, cty.String, "an account id, in quotes")
		if !ok {
			continue
		}
		instance := located{name.AsString(), p.Key.Range()}
		if !d.check(instance, "Not a provider", form(providerInstance, "a provider instance is its name, or name.alias, as in \"aws\" or \"aws.dns\"")) ||
			!d.check(located{id.AsString(), p.Value.Range()}, "Not an account id", checkAccountID) {
			continue
		}
		if _, ok := out[instance.value]; ok {
			d.err(instance.rng, "Duplicate provider", "%q is already there.", instance.value)
			continue
		}
		out[instance.value] = id.AsString()
	}
	return out
}

// approvers reads who may approve.
func (d *decoder) approvers(e *EnvironmentConfig, attrs hcl.Attributes) {
	before := len(d.diags)
	e.Approvers = d.list(attrs["approvers"], "Not an approver", func(s string) error {
		if s == "" || len(s) > 320 || strings.TrimSpace(s) != s || strings.ContainsAny(s, " \t") || hasControl(s) {
			return errors.New("an approver is a user name, an email address or a user's id at the forge\nhint: write \"ada\" or \"ada@example.com\"")
		}
		return nil
	})
	e.AuthorApproves = true
	if v := d.maybe(attrs["author_approves"]); v != nil {
		e.AuthorApproves = *v
	}
	var folded []string
	for _, a := range e.Approvers {
		if s := strings.ToLower(a); !slices.Contains(folded, s) {
			folded = append(folded, s)
		}
	}
	switch a := attrs["approvers"]; {
	case a != nil && e.Approvals == 0:
		d.err(a.NameRange, "Approvers without approvals", "No apply in environment %q needs an approval, so nobody would be asked.\n\nhint: set `approvals = 1`, or leave `approvers` out", e.Name)
	case a != nil && len(folded) < e.Approvals && len(d.diags) == before:
		d.err(a.Expr.Range(), "Too few approvers", "An apply in environment %q needs %d approvals, of different people, and only %d may give one.", e.Name, e.Approvals, len(folded))
	case a == nil && attrs["author_approves"] != nil && !e.AuthorApproves && e.Approvals == 0:
		d.err(attrs["author_approves"].NameRange, "Author without approvals", "No apply in environment %q needs an approval.\n\nhint: set `approvals = 1`, or leave `author_approves` out", e.Name)
	}
}

// over returns the arguments of c with those of other, where it has them.
func (c BackendConfig) over(other *BackendConfig) BackendConfig {
	if other == nil {
		return c
	}
	for _, p := range []struct{ to, from *string }{
		{&c.Bucket, &other.Bucket}, {&c.Region, &other.Region}, {&c.DynamoDBTable, &other.DynamoDBTable}, {&c.KMSKeyID, &other.KMSKeyID},
		{&c.RoleARN, &other.RoleARN}, {&c.WorkspaceKeyPrefix, &other.WorkspaceKeyPrefix}, {&c.Profile, &other.Profile},
		{&c.PlanRole, &other.PlanRole}, {&c.ApplyRole, &other.ApplyRole},
	} {
		if *p.from != "" {
			*p.to = *p.from
		}
	}
	if other.UseLockfile != nil {
		c.UseLockfile = other.UseLockfile
	}
	if other.Encrypt != nil {
		c.Encrypt = other.Encrypt
	}
	if other.key != nil {
		c.key = other.key
	}
	c.Range = other.Range
	return c
}

// BackendFor returns the S3 backend that a stack is to have in an environment,
// nil where the configuration says nothing of it. The key is checked: a stack
// whose path gives none that S3 and people can read is an error.
func (c *Config) BackendFor(stack, environment string) (*StackBackend, error) {
	var all BackendConfig
	found := c.Backend != nil
	if found {
		all = *c.Backend
	}
	account := ""
	if e := c.environment(environment); e != nil {
		found = found || e.Backend != nil
		all = all.over(e.Backend)
		account = e.Account
	}
	if !found {
		return nil, nil
	}
	if all.Bucket == "" {
		return nil, fmt.Errorf("no bucket is configured for the state of %s\nhint: set `bucket` in backend \"s3\" of %s", stack, configName)
	}
	out := &StackBackend{BackendConfig: all, Key: path.Join(stack, "terraform.tfstate")}
	if all.key != nil {
		for name, value := range map[string]string{"environment": environment, "account": account} {
			if value == "" && all.key.uses(name) {
				return nil, fmt.Errorf("%s:%d: the key of the state of %s needs ${%s}, and the stack has none\nhint: put the stack into an environment of %s, or leave ${%s} out", all.key.rng.Filename, all.key.rng.Start.Line, stack, name, configName, name)
			}
		}
		key, err := all.key.expand(map[string]string{"stack": stack, "environment": environment, "account": account})
		if err != nil {
			return nil, err
		}
		out.Key = key
	}
	if out.Key != path.Clean(out.Key) && stack == "." {
		out.Key = path.Clean(out.Key) // the root's own path is "."
	}
	if err := checkKey(out.Key); err != nil {
		return nil, fmt.Errorf("the key %q of the state of %s: %w", out.Key, stack, err)
	}
	return out, nil
}

// environment returns an environment by its name, nil where there is none.
func (c *Config) environment(name string) *EnvironmentConfig {
	for _, e := range c.Environments {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// AccountOf is the name of an environment's account, "" for none.
func (c *Config) AccountOf(environment string) string {
	if e := c.environment(environment); e != nil {
		return e.Account
	}
	return ""
}

// Account returns an account by its name, nil where there is none.
func (c *Config) Account(name string) *AccountConfig {
	for _, a := range c.Accounts {
		if a.Name == name {
			return a
		}
	}
	return nil
}
