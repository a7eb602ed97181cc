package terraform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Session is where and with what one stack's terraform runs: its directory,
// its environment's files and workspace, and the credentials of that one
// process. The zero value of everything but Dir is usable. It is not changed
// by the calls that take it, and may be used by several goroutines.
type Session struct {
	Dir string // the stack's directory, absolute
	// Workspace is selected with TF_WORKSPACE. "" is terraform's "default",
	// whatever .terraform/environment or the user's TF_WORKSPACE say.
	Workspace     string
	VarFiles      []string // relative to Dir, or absolute
	BackendConfig []string // files, as VarFiles, or KEY=VALUE
	// Env is added to the user's environment, last: of two entries the last
	// one counts. No other process gets it, and neither os.Environ nor a
	// later session does.
	Env []string
	// Unset names variables of the user's environment that terraform does
	// not get, AWS_PROFILE say. Env may set them anew.
	Unset []string
	// Timeout bounds one process, 0 for no bound. See TimeoutError.
	Timeout time.Duration
	// Line is called with each line that terraform prints, one call at a
	// time: no newline, at most MaxLine bytes, printable, secrets redacted.
	// nil drops them. It must not block for long: the plan's output waits.
	Line func(string)
}

// MaxLine is the most that Session.Line gets of one line, in bytes.
const MaxLine = 16 << 10

// environ is what terraform gets: the user's environment without what Hazards
// would refuse and what Unset names, then the workspace, then Env.
func (s Session) environ() []string {
	drop := map[string]bool{"TF_WORKSPACE": true, "TF_REATTACH_PROVIDERS": true}
	for _, name := range s.Unset {
		drop[name] = true
	}
	var user []string
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); !drop[name] {
			user = append(user, kv)
		}
	}
	env := environ(user)
	switch {
	case s.Workspace != "":
		env = append(env, "TF_WORKSPACE="+s.Workspace)
	case selected(s.Dir) != "default":
		env = append(env, "TF_WORKSPACE=default")
	}
	return append(env, s.Env...)
}

// selected is the workspace that a `terraform workspace select` left in dir.
func selected(dir string) string {
	data, err := os.ReadFile(filepath.Join(dir, ".terraform", "environment"))
	if errors.Is(err, fs.ErrNotExist) {
		return "default"
	}
	// One that cannot be read is overridden: terraform may be able to.
	return strings.TrimSpace(string(data))
}

// short is what a command that soon ends gets on top: a Go program that rests
// its collector. A user's own settings stay. An apply, which may run for hours
// beside others, does not get it.
func short(env []string) []string {
	for _, kv := range env {
		if strings.HasPrefix(kv, "GOGC=") || strings.HasPrefix(kv, "GOMEMLIMIT=") {
			return env
		}
	}
	return append([]string{"GOGC=" + gogc, "GOMEMLIMIT=" + memLimit}, env...)
}

const (
	// A plan of a few resources allocates less than the 32 MB at which it would
	// collect for the first time.
	gogc     = "800"
	memLimit = "1GiB"
)

// workspaceName is what terraform takes: what survives url.PathEscape, and
// here no more than a directory's name, since backends make paths of it.
var workspaceName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.~@$&+=:-]*$`)

// check refuses what would be read as a flag or lead elsewhere.
func (s Session) check(command string) error {
	if !filepath.IsAbs(s.Dir) {
		return &Error{Command: command, Dir: s.Dir, Err: errors.New("the directory is not absolute")}
	}
	if s.Workspace != "" && !workspaceName.MatchString(s.Workspace) {
		return &Error{Command: command, Dir: s.Dir, Err: fmt.Errorf("%q is no name of a workspace", s.Workspace)}
	}
	for _, v := range slices.Concat(s.VarFiles, s.BackendConfig) {
		if v == "" || strings.ContainsRune(v, 0) {
			return &Error{Command: command, Dir: s.Dir, Err: fmt.Errorf("%q is no file", v)}
		}
	}
	return nil
}

// run runs a short command. It returns what the command writes to stdout where
// capture is set, which then is not told.
func (s Session) run(ctx context.Context, t *Terraform, capture bool, args ...string) ([]byte, error) {
	if err := s.check(args[0]); err != nil {
		return nil, err
	}
	env := short(s.environ())
	tidy := redactor(env)
	var mu sync.Mutex
	out := &lines{tell: s.Line, tidy: tidy, mu: &mu}
	errs := &lines{tell: s.Line, tidy: tidy, mu: &mu}
	var stdout bytes.Buffer
	stderr := &tail{max: maxSaid}
	p := process{dir: s.Dir, args: args, env: env, said: stderr.String, tidy: tidy}
	p.stderr = both{stderr, errs}
	p.stdout = out
	if capture {
		p.stdout = &stdout
	}
	user := ctx
	if s.Timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, s.Timeout, errTimeout)
		defer stop()
	}
	err := t.exec(ctx, p)
	out.end()
	errs.end()
	if err != nil && user.Err() == nil && errors.Is(err, errTimeout) {
		return nil, &TimeoutError{Command: args[0], Dir: s.Dir, After: s.Timeout}
	}
	return stdout.Bytes(), err
}

var errTimeout = errors.New("timeout")

// both writes to a tail and to lines, neither of which fails.
type both struct {
	said *tail
	told *lines
}

func (b both) Write(p []byte) (int, error) {
	_, _ = b.said.Write(p)
	return b.told.Write(p)
}

// InitOptions are the flags of one init.
type InitOptions struct {
	Reconfigure  bool // -reconfigure: forget the backend of an earlier init; no state is migrated
	ReadonlyLock bool // -lockfile=readonly: fail where .terraform.lock.hcl would change
	Get          bool // terraform installs the modules; false says -get=false: they are there
}

// Init is `terraform init`. It never upgrades a provider or a module and never
// migrates a state. One runs at a time, since the user may have a plugin cache,
// which terraform does not lock; where the session's own Env sets
// TF_PLUGIN_CACHE_DIR, that is the caller's to see to.
//
// A workspace that does not exist is no error. terraform makes it one where
// the backend has several others, and where it is s3, which writes an empty
// state for it, and a role may only read. It is then initialised in "default".
// What init writes does not depend on the workspace, but for providers that
// nothing but that workspace's state needs.
func (t *Terraform) Init(ctx context.Context, s Session, o InitOptions) error {
	args := []string{"init", "-input=false", "-no-color"}
	if o.Reconfigure {
		args = append(args, "-reconfigure")
	}
	if o.ReadonlyLock {
		args = append(args, "-lockfile=readonly")
	}
	if !o.Get {
		args = append(args, "-get=false")
	}
	for _, b := range s.BackendConfig {
		args = append(args, "-backend-config="+b)
	}
	if !slices.ContainsFunc(s.Env, func(kv string) bool { return strings.HasPrefix(kv, "TF_PLUGIN_CACHE_DIR=") }) {
		t.initMu.Lock()
		defer t.initMu.Unlock()
	}
	_, err := s.run(ctx, t, false, args...)
	if s.Workspace != "" && s.Workspace != "default" && (errors.Is(err, ErrNoWorkspace) || errors.Is(err, ErrDenied)) {
		again := s
		again.Workspace = "default"
		if _, e := again.run(ctx, t, false, args...); e == nil {
			err = nil
		}
	}
	// What -backend-config gave is kept there, keys and all.
	if e := os.Chmod(filepath.Join(s.Dir, ".terraform", "terraform.tfstate"), 0o600); err == nil && e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = e
	}
	return err
}

// PlanOptions are the flags of one plan.
type PlanOptions struct {
	// Out is the saved plan's file, absolute. It is written under another name
	// in its directory first, with mode 0600. The directory is made with 0700
	// where it is missing, and refused where others may read it.
	Out         string
	RefreshOnly bool // -refresh-only: what changed outside of terraform
	// Lock takes the state's lock. Without it a role that may only read can
	// plan; the saved plan is refused as stale if the state changes later.
	Lock        bool
	LockTimeout time.Duration // how long to wait for a held lock
}

// PlanTo is `terraform plan -out`. It reports whether the plan changes
// anything: resources, outputs, or with RefreshOnly the state. The error of a
// failed plan is an *Error; there is then no file at Out. That the file is on the
// disk is the caller's to see to.
//
// A workspace that does not exist yet is planned from an empty state. The
// local backend makes an empty directory for it. The s3 backend writes an
// empty state, which a role that may only read cannot: the error then is both
// ErrDenied and ErrNoWorkspace, and EnsureWorkspace is to be called first by a
// role that can.
func (t *Terraform) PlanTo(ctx context.Context, s Session, o PlanOptions) (changes bool, err error) {
	if !filepath.IsAbs(o.Out) {
		return false, fmt.Errorf("terraform plan: the plan's file %q is not absolute", o.Out)
	}
	dir := filepath.Dir(o.Out)
	if err := privateDir(dir); err != nil {
		return false, err
	}
	tmp, err := os.CreateTemp(dir, ".plan-") // 0600, and terraform keeps the mode
	if err != nil {
		return false, err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	// A plan of before is not left beside an error.
	if err := os.Remove(o.Out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	args := []string{"plan", "-input=false", "-no-color", "-detailed-exitcode", "-out=" + tmp.Name()}
	if o.RefreshOnly {
		args = append(args, "-refresh-only")
	}
	if o.Lock {
		args = append(args, lockTimeout(o.LockTimeout)...)
	} else {
		args = append(args, "-lock=false")
	}
	for _, f := range s.VarFiles {
		args = append(args, "-var-file="+f)
	}
	_, err = s.run(ctx, t, false, args...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 2 {
		changes, err = true, nil
	}
	if err != nil {
		t.missing(ctx, s, err)
		return false, err
	}
	if info, err := tmp.Stat(); err != nil {
		return false, err
	} else if info.Size() == 0 {
		return false, fmt.Errorf("terraform plan in %s: it ended well and saved no plan", s.Dir)
	}
	if err := os.Chmod(tmp.Name(), 0o600); err != nil {
		return false, err
	}
	return changes, os.Rename(tmp.Name(), o.Out)
}

// missing adds ErrNoWorkspace to a refused access where the workspace is not
// there: what was refused is to make it.
func (t *Terraform) missing(ctx context.Context, s Session, err error) {
	e := (*Error)(nil)
	if s.Workspace == "" || s.Workspace == "default" || !errors.Is(err, ErrDenied) || !errors.As(err, &e) {
		return
	}
	s.Line = nil
	if names, err := t.Workspaces(ctx, s); err == nil && !slices.Contains(names, s.Workspace) {
		e.kinds = append(e.kinds, ErrNoWorkspace)
	}
}

func lockTimeout(d time.Duration) []string {
	if d <= 0 {
		return nil
	}
	return []string{"-lock-timeout=" + d.String()}
}

// privateDir makes dir, with 0700, or refuses one that others can read.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if onUnix && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s: others may look into it, and a saved plan holds secrets\nhint: chmod 700 %s", dir, dir)
	}
	return nil
}

// Show is `terraform show -json` of a saved plan: all that terraform tells,
// sensitive values in clear text. planFile is absolute.
func (t *Terraform) Show(ctx context.Context, s Session, planFile string) ([]byte, error) {
	if !filepath.IsAbs(planFile) {
		return nil, fmt.Errorf("terraform show: the plan's file %q is not absolute", planFile)
	}
	out, err := s.run(ctx, t, true, "show", "-json", "-no-color", planFile)
	if err != nil {
		return nil, err
	}
	if !json.Valid(out) {
		return nil, fmt.Errorf("terraform show in %s: this is not a plan", s.Dir)
	}
	return out, nil
}

// StatePull is `terraform state pull`: the state as JSON, secrets and all,
// empty where there is none.
func (t *Terraform) StatePull(ctx context.Context, s Session) ([]byte, error) {
	return s.run(ctx, t, true, "state", "pull")
}

// StatePush is `terraform state push` of a state file, absolute: an
// errored.tfstate that a failed apply left. It never forces: terraform refuses
// a state of another lineage or with an older serial.
func (t *Terraform) StatePush(ctx context.Context, s Session, file string, wait time.Duration) error {
	if !filepath.IsAbs(file) {
		return fmt.Errorf("terraform state push: the file %q is not absolute", file)
	}
	args := append([]string{"state", "push"}, lockTimeout(wait)...)
	_, err := s.run(ctx, t, false, append(args, file)...)
	return err
}

// lockID is what a lock's id looks like: a UUID, or a number with gcs.
var lockID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,254}$`)

// ForceUnlock removes a lock by its id, whoever holds it: call it only with
// the user's word. ReleaseOwn is the one that decides. The local backend
// cannot: its lock ends with the process that holds it.
func (t *Terraform) ForceUnlock(ctx context.Context, s Session, id string) error {
	if !lockID.MatchString(id) {
		return fmt.Errorf("%q is no id of a lock", clean(id))
	}
	_, err := s.run(ctx, t, false, "force-unlock", "-force", id)
	return err
}

// Workspaces lists the workspaces that exist in the session's backend, sorted.
func (t *Terraform) Workspaces(ctx context.Context, s Session) ([]string, error) {
	out, err := s.run(ctx, t, true, "workspace", "list", "-no-color")
	if err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		// Other lines tell that TF_WORKSPACE is set.
		name, ok := strings.CutPrefix(line, "* ")
		if !ok {
			name, ok = strings.CutPrefix(line, "  ")
		}
		if name = strings.TrimSpace(name); ok && workspaceName.MatchString(name) {
			set[name] = true
		}
	}
	return sorted(set), nil
}

// EnsureWorkspace makes the session's workspace where it is missing, with an
// empty state where the backend (s3) needs one, and leaves .terraform as it
// is. It needs a role that may write. ApplyPlan does not need it: an apply
// makes the workspace itself.
func (t *Terraform) EnsureWorkspace(ctx context.Context, s Session) error {
	// To open the state of a workspace makes it. `workspace new` would select
	// it for everybody who works in the directory, and fail where it exists.
	_, err := t.StatePull(ctx, s)
	return err
}
