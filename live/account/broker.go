package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go/logging"
)

const (
	defaultTimeout = 30 * time.Second
	attemptTimeout = 8 * time.Second
	attempts       = 3
	// maxLeft and half of their life, whichever is less, is how much time kept
	// credentials must have left to be given again: an apply takes its time.
	maxLeft = 15 * time.Minute
)

// A Broker gets credentials from the AWS SDK's default chain (environment,
// shared config and SSO, web identity, container, instance) of this process's
// environment, and assumes roles with them. It is safe for use by several
// goroutines; the zero Broker is ready.
//
// The chain is looked through once. A refusal is not tried again; a server's
// error, a broken connection and throttling are, three times at most; and so is
// a web identity token that AWS calls invalid, because the SDK has it that a new
// one is not known everywhere at once.
type Broker struct {
	// Now is the clock by which credentials are kept; nil for time.Now.
	Now func() time.Time
	// Timeout bounds one call of a method, retries included; 0 for 30 seconds.
	Timeout time.Duration

	mu    sync.Mutex
	slots map[slotKey]*slot
}

// slotKey is what credentials are kept by. The chain's own have the zero key.
type slotKey struct {
	role, external, session string
	duration                time.Duration
}

// A slot holds the credentials of one key, or the question that is under way.
type slot struct {
	turn chan struct{} // one may hold it, and waits for it with a context
	cfg  *aws.Config   // of the chain, in the zero key's slot
	kept Credentials
	life time.Duration
}

func (b *Broker) now() time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

func (b *Broker) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	t := b.Timeout
	if t <= 0 {
		t = defaultTimeout
	}
	return context.WithTimeout(ctx, t)
}

// enter gives a slot to the caller alone, until leave.
func (b *Broker) enter(ctx context.Context, k slotKey) (s *slot, leave func(), err error) {
	b.mu.Lock()
	if b.slots == nil {
		b.slots = map[slotKey]*slot{}
	}
	s = b.slots[k]
	if s == nil {
		s = &slot{turn: make(chan struct{}, 1)}
		b.slots[k] = s
	}
	b.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		return s, func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// fresh reports whether the kept credentials have enough of their life left.
func (s *slot) fresh(now time.Time) bool {
	if s.kept.keys == nil {
		return false
	}
	return s.kept.Expires.IsZero() || s.kept.Expires.Sub(now) >= min(maxLeft, s.life/2)
}

func (s *slot) keep(c Credentials, now time.Time) {
	s.kept, s.life = c, c.Expires.Sub(now)
}

// Credentials returns credentials in the role, or with "" those that the chain
// finds: these too are resolved here and handed on, so that what Identity is
// asked about is what the process uses. They are kept, for each role, external
// id, duration and session, and given again as long as a good part of their
// life is left.
//
// Where the environment has a web identity token (AWS_WEB_IDENTITY_TOKEN_FILE)
// and AWS_ROLE_ARN is the role or is not set, the role is assumed with the token
// itself; else with what the chain finds.
//
// session is the name that CloudTrail shows: see SessionName. Errors are
// *NoCredentials, *RoleRefused, *Expired, *Unreachable, the end of ctx, or say
// what is wrong with the account.
func (b *Broker) Credentials(ctx context.Context, a Account, role, session string) (Credentials, error) {
	inner, cancel := b.bound(ctx)
	defer cancel()
	if role == "" {
		c, _, err := b.chain(ctx, inner)
		return c, err
	}
	parsed, err := parseRole(role)
	if err != nil {
		return Credentials{}, fmt.Errorf("account %s: the role %s is %w\nhint: correct plan_role or apply_role in terrier.hcl", a.Name, quoteShort(role), err)
	}
	if a.Duration != 0 && (a.Duration < 15*time.Minute || a.Duration > 12*time.Hour) {
		return Credentials{}, fmt.Errorf("account %s: duration is %s\nhint: AWS gives a role from 15m to 12h", a.Name, a.Duration)
	}
	k := slotKey{role, a.ExternalID, SessionName(session, ""), a.Duration}
	s, leave, err := b.enter(inner, k)
	if err != nil {
		return Credentials{}, explain(ctx, question{role: role}, err)
	}
	defer leave()
	if s.fresh(b.now()) {
		return s.kept, nil
	}
	c, err := b.assume(ctx, inner, a, k, parsed)
	if err != nil {
		return Credentials{}, err
	}
	if !c.Expires.After(b.now()) {
		return Credentials{}, &Expired{What: "the " + c.String(), Hint: "look at the clock of this machine: AWS has just given them"}
	}
	s.keep(c, b.now())
	return c, nil
}

// assume asks STS for a role's credentials.
func (b *Broker) assume(outer, inner context.Context, a Account, k slotKey, role arn.ARN) (Credentials, error) {
	var seconds *int32
	if a.Duration != 0 {
		seconds = aws.Int32(int32(a.Duration / time.Second))
	}
	region := func(cfg *aws.Config) func(*sts.Options) {
		return func(o *sts.Options) {
			if userRegion(cfg) == "" {
				o.Region = defaultRegion(role.Partition)
			}
		}
	}
	var (
		got *types.Credentials
		cfg *aws.Config
	)
	if file := webIdentity(k.role); file != "" {
		q := question{k.role, "the web identity token"}
		loaded, err := load(inner, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
		if err != nil {
			return Credentials{}, explain(outer, q, err)
		}
		cfg = &loaded
		token, err := readToken(file)
		if err != nil {
			return Credentials{}, err
		}
		out, err := sts.NewFromConfig(loaded, region(cfg)).AssumeRoleWithWebIdentity(inner, &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: &k.role, RoleSessionName: &k.session, DurationSeconds: seconds, WebIdentityToken: &token,
		})
		if err != nil {
			return Credentials{}, explain(outer, q, err)
		}
		got = out.Credentials
	} else {
		_, chain, err := b.chain(outer, inner)
		if err != nil {
			return Credentials{}, err
		}
		cfg = chain
		in := &sts.AssumeRoleInput{RoleArn: &k.role, RoleSessionName: &k.session, DurationSeconds: seconds}
		if a.ExternalID != "" {
			in.ExternalId = &a.ExternalID
		}
		out, err := sts.NewFromConfig(*cfg, region(cfg)).AssumeRole(inner, in)
		if err != nil {
			return Credentials{}, explain(outer, question{k.role, "the credentials of the environment"}, err)
		}
		got = out.Credentials
	}
	if got == nil || aws.ToString(got.AccessKeyId) == "" || aws.ToString(got.SecretAccessKey) == "" || got.Expiration == nil {
		return Credentials{}, &Unreachable{Why: "its answer has no credentials"}
	}
	return Credentials{Role: k.role, Expires: *got.Expiration, keys: secret(keys{*got.AccessKeyId, *got.SecretAccessKey, aws.ToString(got.SessionToken), profileRegion(cfg)})}, nil
}

// webIdentity is the file of a web identity token with which a role is assumed
// directly: where the environment names a token, and this role with it or none.
// Then no role has to trust itself, and each account's role can trust the CI
// system. "" where the chain's credentials are to assume the role.
func webIdentity(role string) string {
	if os.Getenv("AWS_ACCESS_KEY_ID") != "" || os.Getenv("AWS_ACCESS_KEY") != "" { // the chain prefers these
		return ""
	}
	if named := os.Getenv("AWS_ROLE_ARN"); named != "" && named != role {
		return ""
	}
	return os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE")
}

// maxToken is the largest token that STS takes.
const maxToken = 20_000

func readToken(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", explainLocal(question{}, "", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return "", explainLocal(question{}, "", err)
	}
	if len(text) == 0 || len(text) > maxToken {
		return "", &NoCredentials{Why: "the file " + name + " of AWS_WEB_IDENTITY_TOKEN_FILE holds no web identity token"}
	}
	return string(text), nil
}

// chain returns the credentials that the SDK's default chain finds, and its
// configuration. outer is the caller's context, inner the bounded one.
func (b *Broker) chain(outer, inner context.Context) (Credentials, *aws.Config, error) {
	q := question{what: "the credentials of the environment"}
	s, leave, err := b.enter(inner, slotKey{})
	if err != nil {
		return Credentials{}, nil, explain(outer, q, err)
	}
	defer leave()
	if s.fresh(b.now()) {
		return s.kept, s.cfg, nil
	}
	if s.cfg == nil {
		cfg, err := load(inner)
		if err != nil {
			return Credentials{}, nil, explain(outer, q, err)
		}
		s.cfg = &cfg
	}
	c, err := b.retrieve(outer, inner, s.cfg, q)
	if err != nil {
		return Credentials{}, nil, err
	}
	s.keep(c, b.now())
	return c, s.cfg, nil
}

// retrieve asks a configuration's own chain anew.
func (b *Broker) retrieve(outer, inner context.Context, cfg *aws.Config, q question) (Credentials, error) {
	if cfg.Credentials == nil {
		return Credentials{}, &NoCredentials{Why: "the AWS SDK finds none that it can use"}
	}
	if cache, ok := cfg.Credentials.(*aws.CredentialsCache); ok {
		cache.Invalidate()
	}
	got, err := cfg.Credentials.Retrieve(inner)
	if err != nil {
		return Credentials{}, explain(outer, q, err)
	}
	if !got.HasKeys() {
		return Credentials{}, &NoCredentials{Why: "the AWS SDK finds none that it can use"}
	}
	c := Credentials{keys: secret(keys{got.AccessKeyID, got.SecretAccessKey, got.SessionToken, profileRegion(cfg)})}
	if got.CanExpire {
		c.Expires = got.Expires
		if !c.Expires.After(b.now()) {
			return Credentials{}, &Expired{What: q.what, Hint: "log in again, or run the job again, then this"}
		}
	}
	return c, nil
}

// load reads the SDK's configuration from this process's environment.
func load(ctx context.Context, more ...func(*config.LoadOptions) error) (aws.Config, error) {
	partition := ""
	if a, err := arn.Parse(os.Getenv("AWS_ROLE_ARN")); err == nil {
		partition = a.Partition
	}
	return config.LoadDefaultConfig(ctx, append([]func(*config.LoadOptions) error{
		// STS needs a region to sign for, even where AWS_ENDPOINT_URL_STS says
		// where it is.
		config.WithDefaultRegion(defaultRegion(partition)),
		config.WithLogger(logging.Nop{}),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(attemptTimeout)),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = attempts
				o.MaxBackoff = 2 * time.Second
			})
		}),
	}, more...)...)
}

func defaultRegion(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// userRegion is the region that the environment or the profile names.
func userRegion(cfg *aws.Config) string {
	for _, s := range cfg.ConfigSources {
		if env, ok := s.(config.EnvConfig); ok && env.Region != "" {
			return env.Region
		}
	}
	return profileRegion(cfg)
}

func profileRegion(cfg *aws.Config) string {
	for _, s := range cfg.ConfigSources {
		if shared, ok := s.(config.SharedConfig); ok && shared.Region != "" {
			return shared.Region
		}
	}
	return ""
}

// Identity asks STS whose the credentials are: the account's id and the ARN of
// the user or role. It signs with these credentials and no others. Errors are
// as for Credentials.
func (b *Broker) Identity(ctx context.Context, c Credentials) (id, who string, err error) {
	if c.keys == nil {
		return "", "", &NoCredentials{Why: "none were given"}
	}
	inner, cancel := b.bound(ctx)
	defer cancel()
	k := c.keys()
	static := config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(k.id, k.secret, k.token))
	cfg, err := load(inner, static)
	q := question{what: "the " + c.String()}
	if err != nil {
		return "", "", explain(ctx, q, err)
	}
	out, err := sts.NewFromConfig(cfg, func(o *sts.Options) {
		if a, err := arn.Parse(c.Role); err == nil && userRegion(&cfg) == "" {
			o.Region = defaultRegion(a.Partition)
		}
	}).GetCallerIdentity(inner, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", "", explain(ctx, q, err)
	}
	id, who = aws.ToString(out.Account), aws.ToString(out.Arn)
	parsed, err := arn.Parse(who)
	if err != nil || !accountID.MatchString(id) || parsed.AccountID != id {
		return "", "", &Unreachable{Why: "its answer to GetCallerIdentity names no account"}
	}
	return id, who, nil
}

// ProfileAccount returns the id of the account that a profile of the user's AWS
// configuration leads to, and how that is known: "role_arn", "sso_account_id",
// or "credentials" where STS was asked with the profile's credentials.
func (b *Broker) ProfileAccount(ctx context.Context, profile string) (id, how string, err error) {
	env, err := config.NewEnvConfig()
	if err != nil {
		return "", "", &NoCredentials{Why: "the AWS variables of the environment cannot be read"}
	}
	q := question{what: fmt.Sprintf("the credentials of the profile %q", profile)}
	shared, err := config.LoadSharedConfigProfile(ctx, profile, func(o *config.LoadSharedConfigOptions) {
		o.Logger = logging.Nop{}
		if env.SharedConfigFile != "" {
			o.ConfigFiles = []string{env.SharedConfigFile}
		}
		if env.SharedCredentialsFile != "" {
			o.CredentialsFiles = []string{env.SharedCredentialsFile}
		}
	})
	if err != nil {
		return "", "", explain(ctx, q, err)
	}
	switch {
	case shared.RoleARN != "":
		a, err := parseRole(shared.RoleARN)
		if err != nil {
			return "", "", fmt.Errorf("the profile %q has a role_arn that is %w", profile, err)
		}
		return a.AccountID, "role_arn", nil
	case shared.Credentials.HasKeys(), shared.CredentialProcess != "", shared.LoginSession != "":
	case shared.SSOAccountID != "":
		if !accountID.MatchString(shared.SSOAccountID) {
			return "", "", fmt.Errorf("the profile %q: sso_account_id is no account id of twelve digits", profile)
		}
		return shared.SSOAccountID, "sso_account_id", nil
	default:
		// The SDK goes on to the container and the instance. What it finds
		// there is not what the process would find: Unset takes that away.
		return "", "", &NoCredentials{Why: fmt.Sprintf("the profile %q has none of its own", profile)}
	}
	inner, cancel := b.bound(ctx)
	defer cancel()
	cfg, err := load(inner, config.WithSharedConfigProfile(profile))
	if err != nil {
		return "", "", explain(ctx, q, err)
	}
	c, err := b.retrieve(ctx, inner, &cfg, q)
	if err != nil {
		return "", "", err
	}
	id, _, err = b.Identity(ctx, c)
	return id, "credentials", err
}

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	notInName = regexp.MustCompile(`[^A-Za-z0-9_+=,.@-]+`)
	roleName  = regexp.MustCompile(`^role/[A-Za-z0-9_+=,.@/-]{1,512}$`)
)

// parseRole reads the ARN of an IAM role, strictly. The error does not hold the
// text: it may be the value of a sensitive variable.
func parseRole(s string) (arn.ARN, error) {
	a, err := arn.Parse(s)
	switch {
	case err != nil, a.Service != "iam", a.Region != "", !accountID.MatchString(a.AccountID), !roleName.MatchString(a.Resource):
		return arn.ARN{}, errors.New("not the ARN of an IAM role, such as arn:aws:iam::111111111111:role/name")
	case a.Partition != "aws" && a.Partition != "aws-cn" && a.Partition != "aws-us-gov":
		return arn.ARN{}, errors.New("the ARN of a role in a partition that is not known")
	}
	return a, nil
}

// quoteShort shows a text of somebody else's, on one line, cut.
func quoteShort(s string) string {
	r := []rune(s)
	if len(r) > 120 {
		r = append(r[:120], '…')
	}
	return fmt.Sprintf("%q", string(r))
}

// SessionName makes a role's session name of a run's id and the user's name: 2
// to 64 of the characters that STS allows. What is not allowed becomes a
// hyphen. One that is too long keeps its beginning, and ends in a digest, so
// that two of them differ.
func SessionName(run, user string) string {
	s := strings.Trim(notInName.ReplaceAllString(run, "-"), "-")
	if u := strings.Trim(notInName.ReplaceAllString(user, "-"), "-"); u != "" {
		if s != "" {
			s += "-"
		}
		s += u
	}
	if len(s) < 2 {
		s = "terrier" + s
	}
	if len(s) > 64 {
		sum := sha256.Sum256([]byte(s))
		s = s[:55] + "-" + hex.EncodeToString(sum[:4])
	}
	return s
}

// Check returns nil where the id that Broker.Identity gave is the account's
// own, else a *WrongAccount, or an error that says that the account has no id.
// Also does not count: it is for providers.
func Check(a Account, id, who string) error {
	if !accountID.MatchString(a.ID) {
		return fmt.Errorf("account %s has no id of twelve digits: %q\nhint: set id of account %q in terrier.hcl", a.Name, a.ID, a.Name)
	}
	if id != a.ID {
		return &WrongAccount{Name: a.Name, Want: a.ID, Got: id, ARN: shortARN(who)}
	}
	return nil
}
