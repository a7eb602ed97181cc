package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/fixtures/sts"
)

const (
	plan    = "arn:aws:iam::111111111111:role/terrier-plan"
	ownKey  = "AKIAUSERADA000000001"
	ownWord = "planted-secret-of-ada"
	webWord = "planted-web-identity-token"
	extWord = "planted-external-id"
)

// planted are the secrets that no error and no print may hold.
var planted = []string{ownWord, webWord, extWord, "stub-secret-of", "stub-token-of", "planted"}

func noSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range planted {
		if strings.Contains(text, s) {
			t.Errorf("%s shows a secret: %s", where, text)
		}
	}
}

// emptyEnv leaves no AWS variable and no AWS file of the user's to the test.
func emptyEnv(t *testing.T) (home string) {
	t.Helper()
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // so that it comes back
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "credentials"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return home
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// start serves the accounts of the tests: ada's key is of the admin account.
func start(t *testing.T, more ...sts.Role) (*sts.Server, *clock) {
	t.Helper()
	// The SDK's own caches go by the real clock.
	c := &clock{at: time.Now()}
	s, err := sts.Start(nil, sts.Config{
		Now: c.now,
		Keys: []sts.Key{
			{ID: ownKey, Secret: ownWord, Account: "999999999999", ARN: "arn:aws:iam::999999999999:user/ada"},
			{ID: "AKIAOTHER00000000001", Secret: ownWord, Account: "222222222222"},
		},
		Roles: append(more,
			sts.Role{ARN: plan, Max: 2 * time.Hour},
			sts.Role{ARN: "arn:aws:iam::111111111111:role/outside", ExternalID: extWord},
			sts.Role{ARN: "arn:aws:iam::111111111111:role/ci", WebToken: webWord},
			sts.Role{ARN: "arn:aws:iam::111111111111:role/gateway", Key: sts.Key{ID: "gateway-prod", Secret: "planted-gateway"}},
			sts.Role{ARN: "arn:aws-cn:iam::111111111111:role/cn"},
			sts.Role{ARN: "arn:aws-us-gov:iam::111111111111:role/gov"},
		),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", s.URL)
	return s, c
}

func ownKeys(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", ownKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", ownWord)
}

func TestRole(t *testing.T) {
	emptyEnv(t)
	ownKeys(t)
	s, c := start(t)
	b := &Broker{Now: c.now}
	a := Account{Name: "prod", ID: "111111111111", Duration: 90 * time.Minute, ExternalID: "x-1"}
	creds, err := b.Credentials(context.Background(), a, plan, "run 7/ada")
	if err != nil {
		t.Fatal(err)
	}
	id, who, err := b.Identity(context.Background(), creds)
	if err != nil {
		t.Fatal(err)
	}
	if id != "111111111111" || who != "arn:aws:sts::111111111111:assumed-role/terrier-plan/run-7-ada" {
		t.Errorf("identity %s %s", id, who)
	}
	if err := Check(a, id, who); err != nil {
		t.Error(err)
	}
	got := s.Requests()
	want := []sts.Request{
		{Action: "AssumeRole", KeyID: ownKey, Role: plan, Session: "run-7-ada", ExternalID: "x-1", Seconds: 5400, Status: 200},
		{Action: "GetCallerIdentity", KeyID: "ASIASTUB000000000001", Status: 200},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked %+v\nwant %+v", got, want)
	}
	env := "AWS_ACCESS_KEY_ID=ASIASTUB000000000001 AWS_SECRET_ACCESS_KEY=stub-secret-of-session-1 AWS_SESSION_TOKEN=stub-token-of-session-1"
	if s := strings.Join(creds.Env(), " "); s != env {
		t.Errorf("env %s", s)
	}
}

func TestKept(t *testing.T) {
	emptyEnv(t)
	ownKeys(t)
	s, c := start(t)
	b := &Broker{Now: c.now}
	ctx := context.Background()
	a := Account{Name: "prod", ID: "111111111111"}
	get := func(a Account, role, session string) string {
		t.Helper()
		creds, err := b.Credentials(ctx, a, role, session)
		if err != nil {
			t.Fatal(err)
		}
		return creds.keys().id
	}
	first := get(a, plan, "run")
	c.add(44 * time.Minute)
	if get(a, plan, "run") != first {
		t.Error("with 16 minutes left they were not given again")
	}
	c.add(2 * time.Minute)
	if get(a, plan, "run") == first {
		t.Error("with 14 minutes left they were given again")
	}
	n := len(s.Requests())
	longer, other := a, a
	longer.Duration = 2 * time.Hour
	other.ExternalID = "y"
	ids := map[string]bool{get(a, plan, "run"): true, get(longer, plan, "run"): true, get(other, plan, "run"): true, get(a, plan, "run2"): true, get(a, "", "run"): true}
	if len(ids) != 5 || len(s.Requests()) != n+3 {
		t.Errorf("%d credentials for five keys, %d requests", len(ids), len(s.Requests())-n)
	}

	// Fifty stacks at once ask once.
	n = len(s.Requests())
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := b.Credentials(ctx, a, plan, "together"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(s.Requests()) != n+1 {
		t.Errorf("%d requests for one role", len(s.Requests())-n)
	}
}

func TestShortLife(t *testing.T) {
	emptyEnv(t)
	ownKeys(t)
	role := "arn:aws:iam::111111111111:role/short"
	s, c := start(t, sts.Role{ARN: role, Life: 4 * time.Minute})
	b := &Broker{Now: c.now}
	get := func() error {
		_, err := b.Credentials(context.Background(), Account{}, role, "run")
		return err
	}
	for _, step := range []struct {
		after time.Duration
		asked int
	}{{0, 1}, {time.Minute, 1}, {90 * time.Second, 2}} {
		c.add(step.after)
		if err := get(); err != nil || len(s.Requests()) != step.asked {
			t.Errorf("%s: %d requests, want %d (%v)", step.after, len(s.Requests()), step.asked, err)
		}
	}
}

// The chain's own credentials are resolved, from each of its sources.
func TestChain(t *testing.T) {
	tests := []struct {
		name  string
		setup func(t *testing.T, home string)
		id    string
		env   string // what Env has beside the keys
	}{
		{"environment", func(t *testing.T, _ string) { ownKeys(t) }, "999999999999", ""},
		{"environment with a region", func(t *testing.T, _ string) { ownKeys(t); t.Setenv("AWS_REGION", "eu-west-1") }, "999999999999", ""},
		{"profile", func(t *testing.T, home string) {
			write(t, filepath.Join(home, "credentials"), "[ops]\naws_access_key_id = AKIAOTHER00000000001\naws_secret_access_key = "+ownWord+"\n")
			write(t, filepath.Join(home, "config"), "[profile ops]\nregion = eu-west-3\n")
			t.Setenv("AWS_PROFILE", "ops")
		}, "222222222222", "AWS_REGION=eu-west-3"},
		{"profile, region in the environment", func(t *testing.T, home string) {
			write(t, filepath.Join(home, "credentials"), "[ops]\naws_access_key_id = AKIAOTHER00000000001\naws_secret_access_key = "+ownWord+"\n")
			write(t, filepath.Join(home, "config"), "[profile ops]\nregion = eu-west-3\n")
			t.Setenv("AWS_PROFILE", "ops")
			t.Setenv("AWS_DEFAULT_REGION", "eu-west-1")
		}, "222222222222", ""},
		{"profile with a role", func(t *testing.T, home string) {
			write(t, filepath.Join(home, "credentials"), "[base]\naws_access_key_id = "+ownKey+"\naws_secret_access_key = "+ownWord+"\n")
			write(t, filepath.Join(home, "config"), "[profile prod]\nrole_arn = "+plan+"\nsource_profile = base\n")
			t.Setenv("AWS_PROFILE", "prod")
		}, "111111111111", ""},
		{"web identity", func(t *testing.T, home string) {
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", write(t, filepath.Join(home, "jwt"), webWord))
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/ci")
			t.Setenv("AWS_ROLE_SESSION_NAME", "job-1")
		}, "111111111111", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := emptyEnv(t)
			_, c := start(t)
			tt.setup(t, home)
			b := &Broker{Now: c.now}
			creds, err := b.Credentials(context.Background(), Account{Name: "a"}, "", "run")
			if err != nil {
				t.Fatal(err)
			}
			id, _, err := b.Identity(context.Background(), creds)
			if err != nil || id != tt.id {
				t.Errorf("id %s, want %s (%v)", id, tt.id, err)
			}
			region := ""
			for _, e := range creds.Env() {
				if strings.HasPrefix(e, "AWS_REGION=") {
					region = e
				}
			}
			if region != tt.env {
				t.Errorf("region %q, want %q", region, tt.env)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	keys := func(t *testing.T, _ string, _ *sts.Server) { ownKeys(t) }
	tests := []struct {
		name  string
		setup func(t *testing.T, home string, s *sts.Server)
		role  string
		kind  any
		text  string // in the error
		asked int    // requests, -1 for any number
	}{
		{"role not listed", keys, "arn:aws:iam::111111111111:role/nobody", &RoleRefused{}, "arn:aws:iam::999999999999:user/ada may not sts:AssumeRole", 1},
		{"no external id", keys, "arn:aws:iam::111111111111:role/outside", &RoleRefused{}, "AccessDenied", 1},
		{"too long", keys, "arn:aws:iam::111111111111:role/gateway", &RoleRefused{}, "the duration is longer than the role allows", 1},
		{"echoed", func(t *testing.T, home string, s *sts.Server) { ownKeys(t); s.Echo(true) }, "arn:aws:iam::111111111111:role/nobody", &RoleRefused{}, "AccessDenied", 1},
		{"expired", func(t *testing.T, _ string, s *sts.Server) { ownKeys(t); s.Expire(ownKey); s.Echo(true) }, plan, &Expired{}, "the credentials of the environment expired", 1},
		{"unknown key", func(t *testing.T, _ string, s *sts.Server) {
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY")
			t.Setenv("AWS_SECRET_ACCESS_KEY", ownWord)
		}, plan, &NoCredentials{}, "AWS does not know the access key", 1},
		{"wrong secret", func(t *testing.T, _ string, s *sts.Server) {
			t.Setenv("AWS_ACCESS_KEY_ID", ownKey)
			t.Setenv("AWS_SECRET_ACCESS_KEY", "planted-wrong")
			s.Echo(true)
		}, plan, &NoCredentials{}, "SignatureDoesNotMatch", 1},
		{"500", func(t *testing.T, _ string, s *sts.Server) { ownKeys(t); s.Fail(500); s.Echo(true) }, plan, &Unreachable{}, "HTTP 500", attempts},
		{"400 of another kind", func(t *testing.T, _ string, s *sts.Server) { ownKeys(t); s.Fail(418); s.Echo(true) }, plan, &RoleRefused{}, "InternalFailure", 1},
		{"nobody listens", func(t *testing.T, _ string, _ *sts.Server) {
			ownKeys(t)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_ENDPOINT_URL_STS", "http://ada:planted@"+l.Addr().String())
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}, plan, &Unreachable{}, "connection refused", 0},
		{"no such host", func(t *testing.T, _ string, _ *sts.Server) {
			ownKeys(t)
			t.Setenv("AWS_ENDPOINT_URL_STS", "http://sts.invalid")
		}, plan, &Unreachable{}, "sts.invalid", 0},
		{"nothing", func(*testing.T, string, *sts.Server) {}, "", &NoCredentials{}, "no instance role", 0},
		{"no such profile", func(t *testing.T, _ string, _ *sts.Server) { t.Setenv("AWS_PROFILE", "gone") }, "", &NoCredentials{}, `no profile "gone"`, 0},
		{"no token file", func(t *testing.T, home string, _ *sts.Server) {
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", filepath.Join(home, "gone"))
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/ci")
		}, "", &NoCredentials{}, "gone cannot be read", 0},
		{"token refused", func(t *testing.T, home string, s *sts.Server) {
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", write(t, filepath.Join(home, "jwt"), "planted-other"))
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/ci")
			s.Echo(true)
		}, "", &RoleRefused{}, "role/ci (InvalidIdentityToken)", attempts},
		{"configuration that is no INI", func(t *testing.T, home string, _ *sts.Server) {
			write(t, filepath.Join(home, "credentials"), "[ops\naws_secret_access_key = planted\n")
			t.Setenv("AWS_PROFILE", "ops")
		}, "", &NoCredentials{}, "no AWS credentials", 0},
		{"process that fails", func(t *testing.T, home string, _ *sts.Server) {
			write(t, filepath.Join(home, "config"), "[profile ops]\ncredential_process = sh -c 'echo planted; exit 3'\n")
			t.Setenv("AWS_PROFILE", "ops")
		}, "", &NoCredentials{}, "credential_process", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := emptyEnv(t)
			s, c := start(t)
			tt.setup(t, home, s)
			b := &Broker{Now: c.now}
			_, err := b.Credentials(context.Background(), Account{Name: "prod", Duration: 2 * time.Hour}, tt.role, "run")
			if err == nil {
				t.Fatal("no error")
			}
			if fmt.Sprintf("%T", err) != fmt.Sprintf("%T", tt.kind) || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("%T %v\nwant %T with %q", err, err, tt.kind, tt.text)
			}
			noSecret(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, err))
			if n := len(s.Requests()); tt.asked >= 0 && n != tt.asked {
				t.Errorf("%d requests, want %d", n, tt.asked)
			}
		})
	}
}

// A server that is silent ends with the bound, and with the caller's context.
func TestHang(t *testing.T) {
	emptyEnv(t)
	ownKeys(t)
	s, c := start(t)
	s.Hang(true)
	b := &Broker{Now: c.now, Timeout: 100 * time.Millisecond}
	_, err := b.Credentials(context.Background(), Account{}, plan, "run")
	var u *Unreachable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("%T %v", err, err)
	}
	b.Timeout = time.Hour
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("interrupted")
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	if _, err = b.Credentials(ctx, Account{}, plan, "run"); !errors.Is(err, stop) {
		t.Errorf("%T %v", err, err)
	}
	// Whoever waits for the same role is let go by its own context.
	other, end := context.WithCancel(context.Background())
	defer end()
	done := make(chan error, 1)
	go func() {
		_, err := b.Credentials(other, Account{}, plan, "run")
		done <- err
	}()
	ctx, cancel = context.WithCancelCause(context.Background())
	cancel(stop)
	if _, err = b.Credentials(ctx, Account{}, plan, "run"); !errors.Is(err, stop) {
		t.Errorf("%T %v", err, err)
	}
	end()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%T %v", err, err)
	}
	s.Hang(false)
	if _, err := b.Credentials(context.Background(), Account{}, plan, "run"); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestIdentityErrors(t *testing.T) {
	emptyEnv(t)
	ownKeys(t)
	s, c := start(t)
	b := &Broker{Now: c.now}
	ctx := context.Background()
	creds, err := b.Credentials(ctx, Account{}, plan, "run")
	if err != nil {
		t.Fatal(err)
	}
	// The environment's own would answer; they are not asked.
	c.add(2 * time.Hour)
	_, _, err = b.Identity(ctx, creds)
	var e *Expired
	if !errors.As(err, &e) || !strings.Contains(err.Error(), plan) {
		t.Errorf("%T %v", err, err)
	}
	s.Fail(503)
	var u *Unreachable
	if _, _, err = b.Identity(ctx, creds); !errors.As(err, &u) {
		t.Errorf("%T %v", err, err)
	}
	var n *NoCredentials
	if _, _, err = b.Identity(ctx, Credentials{}); !errors.As(err, &n) {
		t.Errorf("%T %v", err, err)
	}
	noSecret(t, "the error", fmt.Sprintf("%v %+v", err, err))
}

func TestWrongAccount(t *testing.T) {
	emptyEnv(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER00000000001")
	t.Setenv("AWS_SECRET_ACCESS_KEY", ownWord)
	_, c := start(t)
	b := &Broker{Now: c.now}
	a := Account{Name: "prod", ID: "111111111111", Also: []string{"222222222222"}}
	creds, err := b.Credentials(context.Background(), a, "", "run")
	if err != nil {
		t.Fatal(err)
	}
	id, who, err := b.Identity(context.Background(), creds)
	if err != nil {
		t.Fatal(err)
	}
	var w *WrongAccount
	if err := Check(a, id, who); !errors.As(err, &w) || w.Got != "222222222222" || w.Want != "111111111111" {
		t.Errorf("%T %v", err, err)
	}
	if err := Check(Account{Name: "x"}, "", ""); err == nil {
		t.Error("an account without an id is nobody's")
	}
	err = Check(a, "333333333333", "arn:aws:sts::333333333333:assumed-role/dev/ada@example.com")
	if strings.Contains(err.Error(), "ada") {
		t.Error(err)
	}
}

func TestGatewayHasNoToken(t *testing.T) {
	emptyEnv(t)
	ownKeys(t)
	_, c := start(t)
	creds, err := (&Broker{Now: c.now}).Credentials(context.Background(), Account{}, "arn:aws:iam::111111111111:role/gateway", "run")
	if err != nil {
		t.Fatal(err)
	}
	if s := strings.Join(creds.Env(), " "); s != "AWS_ACCESS_KEY_ID=gateway-prod AWS_SECRET_ACCESS_KEY=planted-gateway" {
		t.Error(s)
	}
}

// Where the user has no region, what STS is asked in goes by the role's
// partition, and the process gets none.
func TestPartitions(t *testing.T) {
	for role, ok := range map[string]bool{
		"arn:aws-cn:iam::111111111111:role/cn":      true,
		"arn:aws-us-gov:iam::111111111111:role/gov": true,
		"arn:aws-x:iam::111111111111:role/x":        false,
		"arn:aws:iam::11111111111:role/x":           false,
		"arn:aws:iam::111111111111:user/x":          false,
		"arn:aws:sts::111111111111:assumed-role/x":  false,
		"arn:aws:iam:eu-west-1:111111111111:role/x": false,
		"arn:aws:iam::111111111111:role/x\nplanted": false,
		"terrier-plan":                       false,
		"arn:aws:iam::111111111111:role/":    false,
		" arn:aws:iam::111111111111:role/x":  false,
		"arn:aws:iam::111111111111:role/a b": false,
		"arn:aws:iam::１１１１１１１１１１１１:role/x":   false,
	} {
		emptyEnv(t)
		ownKeys(t)
		s, c := start(t)
		creds, err := (&Broker{Now: c.now}).Credentials(context.Background(), Account{Name: "a"}, role, "run")
		if (err == nil) != ok {
			t.Errorf("%q: %v", role, err)
		}
		if !ok && len(s.Requests()) != 0 {
			t.Errorf("%q was asked for", role)
		}
		if strings.Contains(strings.Join(creds.Env(), " "), "AWS_REGION") {
			t.Errorf("%q: a region out of nowhere: %d variables", role, len(creds.Env()))
		}
	}
	for _, d := range []time.Duration{time.Minute, 13 * time.Hour, -time.Hour} {
		if _, err := (&Broker{}).Credentials(context.Background(), Account{Duration: d}, plan, "run"); err == nil {
			t.Errorf("duration %s", d)
		}
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	c := Credentials{Role: plan, Expires: time.Unix(1, 0).UTC(), keys: secret(keys{"planted-id", ownWord, "planted-token", "planted-region"})}
	hidden := struct{ inner Credentials }{c}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%T", "%t", "%20v"} {
		noSecret(t, verb, fmt.Sprintf(verb, c))
		noSecret(t, verb, fmt.Sprintf(verb, &c))
		noSecret(t, verb, fmt.Sprintf(verb, []Credentials{c}))
		noSecret(t, verb, fmt.Sprintf(verb, hidden))
		noSecret(t, verb, fmt.Sprintf(verb, map[string]any{"x": &hidden}))
	}
	out, err := json.Marshal(map[string]any{"c": c, "p": &c})
	if err != nil {
		t.Fatal(err)
	}
	noSecret(t, "JSON", string(out))
	if !strings.Contains(string(out), plan) {
		t.Errorf("JSON %s", out)
	}
	if (Credentials{}).Env() != nil || fmt.Sprint(Credentials{}) != "no credentials" {
		t.Error("the zero Credentials")
	}
}

func TestUnset(t *testing.T) {
	u := " " + strings.Join(Credentials{}.Unset(), " ") + " "
	for _, name := range []string{
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
	} {
		if !strings.Contains(u, " "+name+" ") {
			t.Errorf("%s stays", name)
		}
	}
	for _, name := range []string{"AWS_REGION", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE"} {
		if strings.Contains(u, " "+name+" ") {
			t.Errorf("%s goes", name)
		}
	}
}

func TestSessionName(t *testing.T) {
	long := strings.Repeat("x", 80)
	for _, tt := range []struct{ run, user, want string }{
		{"20261124T1503-ab12", "ada", "20261124T1503-ab12-ada"},
		{"r1", "Ada Lovelace <ada@example.com>", "r1-Ada-Lovelace-ada@example.com"},
		{"r1", "ünï/çödé", "r1-n-d"},
		{"r1", "$(reboot)\n", "r1-reboot"},
		{"", "", "terrier"},
		{"", "x", "terrierx"},
		{"r1", "", "r1"},
	} {
		if got := SessionName(tt.run, tt.user); got != tt.want {
			t.Errorf("%q %q: %q, want %q", tt.run, tt.user, got, tt.want)
		}
	}
	a, b := SessionName("r1", long+"a"), SessionName("r1", long+"b")
	if len(a) != 64 || a == b || SessionName(a, "") != a {
		t.Errorf("%q %q", a, b)
	}
}

func TestProfileAccount(t *testing.T) {
	home := emptyEnv(t)
	_, c := start(t)
	write(t, filepath.Join(home, "credentials"), "[base]\naws_access_key_id = "+ownKey+"\naws_secret_access_key = "+ownWord+"\n")
	write(t, filepath.Join(home, "config"), `[profile role]
role_arn = `+plan+`
source_profile = base
[profile badrole]
role_arn = arn:aws:iam::1:role/x
source_profile = base
[profile sso]
sso_start_url = https://x.example.com/start
sso_region = eu-west-1
sso_account_id = 444444444444
sso_role_name = dev
[profile newsso]
sso_session = corp
sso_account_id = 555555555555
sso_role_name = dev
[sso-session corp]
sso_start_url = https://x.example.com/start
sso_region = eu-west-1
[profile chained]
role_arn = arn:aws:iam::666666666666:role/far
source_profile = sso
[profile both]
role_arn = arn:aws:iam::777777777777:role/ci
web_identity_token_file = /nowhere
[profile process]
credential_process = sh -c 'echo {\"Version\":1,\"AccessKeyId\":\"AKIAOTHER00000000001\",\"SecretAccessKey\":\"`+ownWord+`\"}'
[profile empty]
region = eu-west-1
`)
	ownKeys(t) // the environment's keys are not a profile's
	b := &Broker{Now: c.now}
	for _, tt := range []struct{ name, id, how, err string }{
		{"base", "999999999999", "credentials", ""},
		{"role", "111111111111", "role_arn", ""},
		{"sso", "444444444444", "sso_account_id", ""},
		{"newsso", "555555555555", "sso_account_id", ""},
		{"chained", "666666666666", "role_arn", ""},
		{"both", "777777777777", "role_arn", ""},
		{"process", "222222222222", "credentials", ""},
		{"badrole", "", "", "not the ARN of an IAM role"},
		{"empty", "", "", "has none of its own"},
		{"gone", "", "", `no profile "gone"`},
	} {
		id, how, err := b.ProfileAccount(context.Background(), tt.name)
		if id != tt.id || (err == nil && how != tt.how) {
			t.Errorf("%s: %q %q %v", tt.name, id, how, err)
		}
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil {
			noSecret(t, tt.name, err.Error())
		}
	}
}
