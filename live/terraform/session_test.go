package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A stateServer is an http backend, with locks, that can be told to fail.
type stateServer struct {
	*httptest.Server
	mu    sync.Mutex
	state []byte
	lock  []byte
	fail  int // the status that every write of a state gets
	reads int // the status that every read gets
}

func newStateServer(t *testing.T) *stateServer {
	s := &stateServer{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *stateServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := make([]byte, 0)
	if r.Body != nil {
		var err error
		if body, err = readAll(r); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	switch r.Method {
	case http.MethodGet:
		if s.reads != 0 {
			w.WriteHeader(s.reads)
		} else if s.state == nil {
			w.WriteHeader(http.StatusNotFound)
		} else {
			_, _ = w.Write(s.state)
		}
	case http.MethodPost:
		if s.fail != 0 {
			w.WriteHeader(s.fail)
			return
		}
		s.state = body
	case "LOCK":
		if s.lock != nil {
			w.WriteHeader(http.StatusLocked)
			_, _ = w.Write(s.lock)
			return
		}
		s.lock = body
	case "UNLOCK":
		s.lock = nil
	}
}

func readAll(r *http.Request) ([]byte, error) {
	var b strings.Builder
	_, err := io.Copy(&b, r.Body)
	return []byte(b.String()), err
}

// set changes what the server answers.
func (s *stateServer) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *stateServer) locked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lock != nil
}

// backend is a block for it.
func (s *stateServer) backend() string {
	return `terraform {
  backend "http" {
    address        = "` + s.URL + `/"
    lock_address   = "` + s.URL + `/"
    unlock_address = "` + s.URL + `/"
    retry_max      = 0
  }
}
`
}

// A rig is a directory with a session, and what it told.
type rig struct {
	w    world
	t    *testing.T
	tf   *Terraform
	s    Session
	mu   sync.Mutex
	told []string
}

func newRig(t *testing.T, config string) *rig {
	t.Helper()
	st := &rig{w: newWorld(t), t: t, tf: real(t)}
	st.w.put("stack/main.tf", config)
	st.s = Session{Dir: filepath.Join(st.w.dir, "stack"), Line: func(l string) {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.told = append(st.told, l)
	}}
	return st
}

func (st *rig) output() string {
	st.mu.Lock()
	defer st.mu.Unlock()
	return strings.Join(st.told, "\n")
}

func (st *rig) plan() string { return filepath.Join(st.w.dir, "run", "plan.tfplan") }

func (st *rig) init() {
	st.t.Helper()
	if err := st.tf.Init(context.Background(), st.s, InitOptions{Get: true}); err != nil {
		st.t.Fatal(err)
	}
}

// planned inits and plans, and says whether there are changes.
func (st *rig) planned() bool {
	st.t.Helper()
	st.init()
	changes, err := st.tf.PlanTo(context.Background(), st.s, PlanOptions{Out: st.plan()})
	if err != nil {
		st.t.Fatal(err)
	}
	return changes
}

func (st *rig) options() ApplyOptions {
	return ApplyOptions{Plan: st.plan(), Raw: filepath.Join(st.w.dir, "run", "raw"), Alive: filepath.Join(st.w.dir, "run", "alive")}
}

func mode(t *testing.T, name string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

const twoThings = `
variable "v" {
  default = "x"
}
resource "terraform_data" "a" {
  input = "${var.v}-${terraform.workspace}"
}
output "o" {
  value = terraform_data.a.output
}
`

// From nothing to applied, and again: with what modes, and with what told.
func TestSession(t *testing.T) {
	ctx := context.Background()
	st := newRig(t, twoThings)
	st.s.VarFiles = []string{"prod.tfvars"}
	st.w.put("stack/prod.tfvars", `v = "prod"`)
	if !st.planned() {
		t.Error("no changes")
	}
	if m := mode(t, st.plan()); m != 0o600 {
		t.Errorf("the plan is %v", m)
	}
	if m := mode(t, filepath.Dir(st.plan())); m != 0o700 {
		t.Errorf("its directory is %v", m)
	}
	shown, err := st.tf.Show(ctx, st.s, st.plan())
	if err != nil || !strings.Contains(string(shown), "prod-default") {
		t.Fatalf("%s %v", shown, err)
	}
	if err := st.tf.ApplyPlan(ctx, st.s, st.options()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Terraform has been successfully initialized!", "terraform_data.a: Creating...", "Apply complete! Resources: 1 added, 0 changed, 0 destroyed."} {
		if !slices.Contains(st.told, want) {
			t.Errorf("not told: %q", want)
		}
	}
	if strings.Contains(st.output(), "planned_values") {
		t.Error("the shown plan was told")
	}
	if _, err := os.Stat(st.options().Raw); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("raw is left: %v", err)
	}
	state, err := st.tf.StatePull(ctx, st.s)
	if err != nil || !strings.Contains(string(state), "prod-default") {
		t.Errorf("%s %v", state, err)
	}
	if changes, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan(), Lock: true, LockTimeout: time.Second}); err != nil || changes {
		t.Errorf("%v %v", changes, err)
	}
	if changes, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan(), RefreshOnly: true}); err != nil || changes {
		t.Errorf("%v %v", changes, err)
	}
	if p, err := ReadPlanFile(st.plan()); err != nil || p.Mode != "refresh-only" {
		t.Errorf("%+v %v", p, err)
	}
	// What fails leaves no plan of before.
	st.w.put("stack/main.tf", "resource {")
	if _, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan()}); err == nil || !strings.Contains(err.Error(), "Error: ") {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(st.plan())); len(left) != 1 { // alive
		t.Errorf("left: %v", left)
	}
}

func TestSessionRefuses(t *testing.T) {
	ctx := context.Background()
	st := newRig(t, twoThings)
	st.planned()
	open := filepath.Join(st.w.dir, "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	with := func(f func(*Session)) Session { s := st.s; f(&s); return s }
	_, errRel := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: "plan"})
	_, errOpen := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: filepath.Join(open, "plan")})
	_, errShow := st.tf.Show(ctx, st.s, "-help")
	for what, err := range map[string]error{
		"absolute": errRel, "others may look": errOpen, "not absolute": errShow,
		"no name of a workspace":    st.tf.Init(ctx, with(func(s *Session) { s.Workspace = "../x" }), InitOptions{}),
		"directory is not absolute": st.tf.Init(ctx, with(func(s *Session) { s.Dir = "x" }), InitOptions{}),
		"no id of a lock":           st.tf.ForceUnlock(ctx, st.s, "-force"),
		"file \"-x\"":               st.tf.StatePush(ctx, st.s, "-x", 0),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A workspace that does not exist is planned from nothing, and made by the
// apply. terraform's init stops where there are several others.
func TestNewWorkspace(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	st := newRig(t, twoThings)
	for _, name := range []string{"one", "two"} {
		st.s.Workspace = name
		st.planned()
		if p, err := ReadPlanFile(st.plan()); err != nil || p.Backend.Workspace != name || p.Backend.Type != "local" {
			t.Fatalf("%+v %v", p, err)
		}
		if err := st.tf.ApplyPlan(ctx, st.s, st.options()); err != nil {
			t.Fatal(err)
		}
		state, err := st.tf.StatePull(ctx, st.s)
		if err != nil || !strings.Contains(string(state), "x-"+name) {
			t.Errorf("%s %v", state, err)
		}
	}
	st.s.Workspace = "three"
	if err := st.tf.EnsureWorkspace(ctx, st.s); err != nil {
		t.Fatal(err)
	}
	names, err := st.tf.Workspaces(ctx, st.s)
	if err != nil || !slices.Equal(names, []string{"default", "one", "three", "two"}) {
		t.Errorf("%q %v", names, err)
	}
	// A plan of one workspace is not applied in another: terraform would.
	st.planned()
	st.s.Workspace = ""
	if err := st.tf.ApplyPlan(ctx, st.s, st.options()); err == nil || !strings.Contains(err.Error(), `of workspace "three"`) {
		t.Errorf("%v", err)
	}
}

// What terraform gets, from whom, and in which order.
func TestSessionEnv(t *testing.T) {
	w := newWorld(t)
	fake := w.fake(`env >"$0.d/env"; for a; do echo "$a"; done >"$0.d/args"`)
	for name, value := range map[string]string{
		"TF_WORKSPACE": "theirs", "TF_REATTACH_PROVIDERS": "{}", "TF_DATA_DIR": "/d", "TF_CLI_ARGS_init": "-x",
		"AWS_PROFILE": "admin", "AWS_ACCESS_KEY_ID": "theirs", "KEPT": "1",
	} {
		t.Setenv(name, value)
	}
	s := Session{Dir: w.dir, Env: []string{"AWS_ACCESS_KEY_ID=ours", "TF_PLUGIN_CACHE_DIR=/cache"}, Unset: []string{"AWS_PROFILE"}, BackendConfig: []string{"x.tfbackend", "key=a b"}}
	got := func(o InitOptions) (env map[string]string, args string) {
		t.Helper()
		if err := fake.Init(context.Background(), s, o); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(fake.Path + ".d/env")
		if err != nil {
			t.Fatal(err)
		}
		env = map[string]string{}
		for line := range strings.Lines(string(data)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			env[name] = value
		}
		list, err := os.ReadFile(fake.Path + ".d/args")
		if err != nil {
			t.Fatal(err)
		}
		return env, string(list)
	}
	env, args := got(InitOptions{Reconfigure: true, ReadonlyLock: true})
	want := map[string]string{
		"TF_WORKSPACE": "", "TF_REATTACH_PROVIDERS": "", "TF_DATA_DIR": "", "TF_CLI_ARGS_init": "", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "ours", "TF_PLUGIN_CACHE_DIR": "/cache", "KEPT": "1", "TF_IN_AUTOMATION": "1", "GOGC": gogc, "GOMEMLIMIT": memLimit,
	}
	for name, value := range want {
		if env[name] != value {
			t.Errorf("%s=%q, want %q", name, env[name], value)
		}
	}
	if args != "init\n-input=false\n-no-color\n-reconfigure\n-lockfile=readonly\n-get=false\n-backend-config=x.tfbackend\n-backend-config=key=a b\n" {
		t.Errorf("%q", args)
	}
	if os.Getenv("AWS_ACCESS_KEY_ID") != "theirs" {
		t.Error("the session's key is everybody's")
	}
	w.put(".terraform/environment", "left")
	if env, args := got(InitOptions{Get: true}); env["TF_WORKSPACE"] != "default" || args != "init\n-input=false\n-no-color\n-backend-config=x.tfbackend\n-backend-config=key=a b\n" {
		t.Errorf("%q %q", env["TF_WORKSPACE"], args)
	}
	s.Workspace = "prod"
	t.Setenv("GOGC", "50")
	if env, _ := got(InitOptions{}); env["TF_WORKSPACE"] != "prod" || env["GOGC"] != "50" || env["GOMEMLIMIT"] != "" {
		t.Errorf("%q %q", env["TF_WORKSPACE"], env["GOGC"])
	}
}

// A terraform that does not end is interrupted.
func TestSessionTimeout(t *testing.T) {
	w := newWorld(t)
	fake := w.fake(`trap 'exit 1' INT; while :; do sleep 0.05; done`)
	s := Session{Dir: w.dir, Timeout: 100 * time.Millisecond}
	err := fake.Init(context.Background(), s, InitOptions{})
	if late := (*TimeoutError)(nil); !errors.As(err, &late) || late.After != s.Timeout || late.Command != "init" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	s.Timeout = time.Hour
	if err := fake.Init(ctx, s, InitOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Hundreds of megabytes, as lines and as one, cost little memory, and the end
// is what an error quotes.
func TestSessionMegabytes(t *testing.T) {
	w := newWorld(t)
	for name, script := range map[string]string{
		"lines":   `yes 'a line of no interest that is here again and again' | head -c 30000000; echo 'Error: the end' >&2; exit 1`,
		"endless": `head -c 30000000 /dev/zero | tr '\0' 'x'; echo 'Error: the end' >&2; exit 1`,
		"stderr":  `head -c 30000000 /dev/zero | tr '\0' 'x' >&2; echo >&2; echo 'Error: the end' >&2; exit 1`,
	} {
		longest, most, count := 0, uint64(0), 0
		s := Session{Dir: w.dir, Line: func(l string) {
			longest = max(longest, len(l))
			if count++; count%100000 == 1 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}}
		err := w.fake(script).Init(context.Background(), s, InitOptions{})
		if err == nil || !strings.HasSuffix(err.Error(), ": Error: the end") {
			t.Errorf("%s: %v", name, err)
		}
		if longest > MaxLine || most > 64<<20 || count == 0 {
			t.Errorf("%s: %d lines of up to %d bytes, with %d MB", name, count, longest, most>>20)
		}
	}
}

// What is planted in the environment and in URLs comes out nowhere: not in a
// line, however long, not in an error.
func TestSessionSecrets(t *testing.T) {
	w := newWorld(t)
	planted := map[string]string{
		"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
		"AWS_SESSION_TOKEN":     "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ==",
		"TF_VAR_db_password":    `pa"ss${w}\rd`,
		"DEPLOY_KEY":            "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA1234\nabcdefghijklmnop\n-----END KEY-----",
		"SLACK_WEBHOOK_URL":     "https://hooks.example.com/services/T000/B000/XXXXXXXX",
	}
	s := Session{Dir: w.dir}
	for name, value := range planted {
		if strings.HasPrefix(name, "AWS") {
			s.Env = append(s.Env, name+"="+value)
		} else {
			t.Setenv(name, value)
		}
	}
	pad := strings.Repeat("x", MaxLine-20)
	said := strings.Join([]string{
		"key=" + planted["AWS_SECRET_ACCESS_KEY"],
		pad + planted["AWS_SECRET_ACCESS_KEY"] + pad,
		"\x1b[1m" + planted["AWS_SESSION_TOKEN"] + "\x1b[0m",
		`password = "pa\"ss$${w}\\rd" and {"p":"pa\"ss${w}\\rd"} and ` + planted["TF_VAR_db_password"],
		planted["DEPLOY_KEY"],
		"posting to " + planted["SLACK_WEBHOOK_URL"],
		"git clone https://user:hunter22@example.com/x.git?sshkey=c2VjcmV0a2V5 https://oauth2:glpat-abcdefghij1234567890@gitlab.example.com/",
		"token ghp_abcdefghijklmnopqrstuvwxyz0123456789 and AKIAIOSFODNN7EXAMPLE, Authorization: Bearer abc.def-ghi",
		"Error: it had " + planted["AWS_SECRET_ACCESS_KEY"],
	}, "\n")
	w.put("fake.d/said", said)
	fake := w.fake(`cat "$0.d/said"; cat "$0.d/said" >&2; exit 1`)
	var told strings.Builder
	s.Line = func(l string) { told.WriteString(l + "\n") }
	err := fake.Init(context.Background(), s, InitOptions{})
	if err == nil {
		t.Fatal("no error")
	}
	if !strings.Contains(err.Error(), "Error: it had REDACTED") {
		t.Errorf("%v", err)
	}
	for _, out := range []string{told.String(), err.Error()} {
		for _, secret := range []string{
			"wJalr", "IQoJb3", `pa"ss`, `pa\"ss`, "MIIEpA", "abcdefghijklmnop", "hooks.example", "hunter22", "c2VjcmV0", "glpat-a", "ghp_a", "AKIAI", "abc.def", "\x1b",
		} {
			if strings.Contains(out, secret) {
				i := strings.Index(out, secret)
				t.Errorf("%q is told: …%q…", secret, out[max(0, i-40):min(len(out), i+60)])
			}
		}
	}
	if n := strings.Count(told.String(), "\n"); n != 2*(strings.Count(said, "\n")+1) {
		t.Errorf("%d lines", n)
	}
}

// A line's cut is never in the middle of a secret, wherever that lies.
func TestLinesCut(t *testing.T) {
	const secret = "0123456789abcdefghij0123456789ABCDEFGHIJ"
	tidy := redactor([]string{"X_TOKEN=" + secret})
	var mu sync.Mutex
	for _, at := range []int{MaxLine - 60, MaxLine - 41, MaxLine - 20, MaxLine - 1, MaxLine, MaxLine + overlap - 20, MaxLine + overlap - 1} {
		for _, before := range []string{"x", secret + " ", "é", "\x1b[0m"} {
			got := ""
			l := &lines{tell: func(s string) { got = s }, tidy: tidy, mu: &mu}
			line := strings.Repeat(before, at/len(before)) + strings.Repeat(".", at%len(before)) + secret + strings.Repeat("y", 3*overlap)
			if _, err := l.Write([]byte(line)); err != nil {
				t.Fatal(err)
			}
			l.end()
			if len(got) == 0 || len(got) > MaxLine || strings.Contains(got, "01234") || !strings.HasSuffix(got, " …") {
				t.Errorf("%d, %q: %d bytes, end %q", at, before, len(got), got[max(0, len(got)-60):])
			}
		}
	}
}

// What is no secret stays.
func TestSecretNames(t *testing.T) {
	for name, want := range map[string]bool{
		"AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true, "TF_VAR_db_password": true, "CI_JOB_TOKEN": true, "GITHUB_PAT": true,
		"TF_TOKEN_app_terraform_io": true, "ARM_CLIENT_SECRET": true, "TF_ENCRYPTION": true, "VAULT_TOKEN": true, "CI_JOB_JWT": true,
		"HOME": false, "AWS_REGION": false, "AWS_SHARED_CREDENTIALS_FILE": false, "AWS_WEB_IDENTITY_TOKEN_FILE": false, "SSH_AUTH_SOCK": false, "TF_VAR_name": false, "MONKEY": false,
	} {
		if got := len(secrets([]string{name + "=some-value"})) > 0; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := secrets([]string{"X_TOKEN=", "Y_TOKEN=dev", "USE_TOKEN=true"}); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// What the failures of real terraform are.
func TestFailures(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	srv := newStateServer(t)
	st := newRig(t, srv.backend()+twoThings)
	if _, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan()}); !errors.Is(err, ErrNotInitialised) {
		t.Errorf("%v", err)
	}
	st.planned()
	srv.set(func() { srv.reads = 500 })
	if _, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan()}); !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrDenied) {
		t.Errorf("%v", err)
	}
	srv.set(func() { srv.reads = 0 })
	st.planned()
	first := filepath.Join(filepath.Dir(st.plan()), "first")
	if err := os.Rename(st.plan(), first); err != nil {
		t.Fatal(err)
	}
	st.planned()
	if err := st.tf.ApplyPlan(ctx, st.s, st.options()); err != nil {
		t.Fatal(err)
	}
	o := st.options()
	o.Plan = first
	if err := st.tf.ApplyPlan(ctx, st.s, o); !errors.Is(err, ErrStalePlan) {
		t.Errorf("%v", err)
	}
	// A lock that is held, with all that terraform tells of it.
	created := time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC)
	held, err := json.Marshal(map[string]any{"ID": "9db590f1-b6fe-c5f2-2678-8804f089deba", "Operation": "OperationTypeApply", "Info": "", "Who": "kim@ci-7", "Version": "1.11.4", "Created": created, "Path": "live/prod"})
	if err != nil {
		t.Fatal(err)
	}
	srv.set(func() { srv.lock = held })
	_, err = st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan(), Lock: true})
	lock := (*LockError)(nil)
	if !errors.As(err, &lock) || *lock != (LockError{ID: "9db590f1-b6fe-c5f2-2678-8804f089deba"}) {
		t.Fatalf("%+v %v", lock, err)
	}
	if err := st.tf.ReleaseOwn(ctx, st.s, lock, Life{Who: whoami(), Start: created.Add(-time.Hour), Locked: created.Add(time.Hour)}); !errors.Is(err, ErrNotOwn) || !srv.locked() {
		t.Errorf("%v", err)
	}
	// Without the lock a plan is made beside it.
	if _, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan()}); err != nil {
		t.Errorf("%v", err)
	}
	if err := st.tf.ForceUnlock(ctx, st.s, lock.ID); err != nil || srv.locked() {
		t.Errorf("%v", err)
	}
	other := &Terraform{Path: st.tf.Path, Product: st.tf.Product, Version: "1.9.0"}
	if err := other.ApplyPlan(ctx, st.s, st.options()); !errors.Is(err, ErrVersion) {
		t.Errorf("%v", err)
	}
	st.w.put("stack/main.tf", srv.backend()+"terraform {\n  required_version = \"< 1.0.0\"\n}\n")
	if _, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan()}); !errors.Is(err, ErrVersion) {
		t.Errorf("%v", err)
	}
}

// What the AWS backend and provider say, as they said it.
func TestClassify(t *testing.T) {
	for text, want := range map[string]error{
		"╷\n│ Error: Error acquiring the state lock\n│ \n│ Error message: operation error DynamoDB: PutItem, https response error\n│ StatusCode: 400, RequestID: X, api error ExpiredTokenException: The security\n│ token included in the request is expired\n╵": ErrExpired,
		"Error: refreshing state: operation error S3: GetObject, https response error StatusCode: 400, api error ExpiredToken: The provided token has expired.":                                                                                                   ErrExpired,
		"Error: operation error EC2: DescribeVpcs, api error RequestExpired: Request has expired.":                                                                                                                                                                ErrExpired,
		"Error: Cannot assume IAM Role\n\nIAM Role (arn:aws:iam::1:role/x) cannot be assumed.":                                                                                                                                                                    ErrDenied,
		"Error: creating RDS: User: arn:aws:sts::1:assumed-role/plan is not authorized to\nperform: rds:CreateDBInstance":                                                                                                                                         ErrDenied,
		"Error: error loading state: operation error S3: GetObject, https response error StatusCode: 403, RequestID: a":                                                                                                                                           ErrDenied,
		"Error: No valid credential sources found":                                                           ErrNoCredentials,
		"Error: operation error S3: ListObjectsV2, https response error StatusCode: 503, api error SlowDown": ErrUnreachable,
		"Error: dial tcp 127.0.0.1:1: connect: connection refused":                                           ErrUnreachable,
		"Error: Failed to write plan file\n\nwrite /x: no space left on device":                              ErrDiskFull,
		"Error: Inconsistent dependency lock file":                                                           ErrNotInitialised,
	} {
		e := &Error{Stderr: text}
		e.classify(time.Time{})
		if !errors.Is(e, want) {
			t.Errorf("%q: %v", text, e.kinds)
		}
	}
	// What a provisioner prints is no failure of terraform's.
	e := &Error{Stderr: "terraform_data.a (local-exec): AccessDenied, no space left on device\nError: local-exec provisioner error\n"}
	e.classify(time.Time{})
	if len(e.kinds) > 0 || e.lock != nil {
		t.Errorf("%v", e.kinds)
	}
	if got := (&Error{Stderr: "Warning: x\nError: Error acquiring the state lock\n\nError message: x: resource temporarily unavailable\n"}); got.Is(ErrDenied) {
		t.Error("denied")
	} else if got.classify(time.Time{}); got.lock == nil || got.lock.ID != "" {
		t.Errorf("%+v", got.lock)
	}
	// A lock that is younger than our process is the holder's where the backend
	// tells of that one, as s3 does; pg tells of the one that was wanted.
	begin := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for message, id := range map[string]string{
		"operation error S3: PutObject, https response error\n│ StatusCode: 412, RequestID: X, api error PreconditionFailed: x": "1c6ea62",
		"operation error DynamoDB: PutItem, ConditionalCheckFailedException: The\n│ conditional request failed":                 "1c6ea62",
		"workspace already locked: x": "",
	} {
		e := &Error{Stderr: "╷\n│ Error: Error acquiring the state lock\n│ \n│ Error message: " + message + "\n│ Lock Info:\n│   ID:        1c6ea62\n│   Created:   2026-11-24 12:00:05.5 +0000 UTC\n│ \n╵"}
		if e.classify(begin); e.lock == nil || e.lock.ID != id {
			t.Errorf("%s: %+v", message, e.lock)
		}
	}
}
