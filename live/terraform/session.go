package terraform

import (
	"context"
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

// InitOptions are the flags of one init.
type InitOptions struct {
	Reconfigure  bool // -reconfigure: forget the backend of an earlier init; no state is migrated
	ReadonlyLock bool // -lockfile=readonly: fail where .terraform.lock.hcl would change
	Get          bool // terraform installs the modules; false says -get=false: they are there
}

// Init is `terraform init`, with one running at a time in each Terraform
// whose session names no TF_PLUGIN_CACHE_DIR of its own. It never upgrades a
// provider or module and never migrates a state. A workspace that does not
// exist is no error: see NewWorkspace.
func (t *Terraform) Init(ctx context.Context, s Session, o InitOptions) error { panic("not yet") }

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
// failed plan is an *Error; there is then no file at Out.
func (t *Terraform) PlanTo(ctx context.Context, s Session, o PlanOptions) (changes bool, err error) {
	panic("not yet")
}

// Show is `terraform show -json` of a saved plan: all that terraform tells,
// sensitive values in clear text. planFile is absolute.
func (t *Terraform) Show(ctx context.Context, s Session, planFile string) ([]byte, error) {
	panic("not yet")
}

// ShowCached is Show, which it spares where dir holds what Show gave for a
// plan of the same content (ContentKey), by the same terraform, with the same
// providers: the answer has planFile's own timestamp, and is otherwise what was
// kept. key authenticates what is kept: who does not have it cannot make
// terrier see another plan. It must not be empty. Files in dir are 0600, and
// hold what the plan holds.
func (t *Terraform) ShowCached(ctx context.Context, s Session, planFile, dir string, key []byte) ([]byte, error) {
	panic("not yet")
}

// StatePull is `terraform state pull`: the state as JSON, secrets and all,
// empty where there is none.
func (t *Terraform) StatePull(ctx context.Context, s Session) ([]byte, error) { panic("not yet") }

// StatePush is `terraform state push` of a state file, absolute: an
// errored.tfstate that a failed apply left. It never forces: terraform refuses
// a state of another lineage or with an older serial.
func (t *Terraform) StatePush(ctx context.Context, s Session, file string, lockTimeout time.Duration) error {
	panic("not yet")
}

// ForceUnlock removes a lock by its id, whoever holds it: call it only with
// the user's word. ReleaseOwn is the one that decides.
func (t *Terraform) ForceUnlock(ctx context.Context, s Session, id string) error { panic("not yet") }

// Workspaces lists the workspaces that exist in the session's backend, sorted.
func (t *Terraform) Workspaces(ctx context.Context, s Session) ([]string, error) { panic("not yet") }
