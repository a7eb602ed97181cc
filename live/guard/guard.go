// Package guard knows what may not be applied: the names of all guards, the
// rules that an environment sets for them, and the verdict on a plan and on a
// time of day. README.md has a line for each guard.
//
// It reads JSON and a clock that are handed in; what is found out by other
// means (who approved, whose credentials these are, what the branch is) is
// refused by others, in these names.
package guard

import (
	"time"

	tfjson "github.com/hashicorp/terraform-json"
)

// A Name names a guard.
type Name string

// The guards.
const (
	Unapproved  Name = "unapproved"        // the approvals that the environment asks for are not there
	Altered     Name = "altered"           // the plan's file is not the one that was planned
	Stale       Name = "stale"             // the state has gone on since the plan
	Backend     Name = "backend"           // made for another backend
	Workspace   Name = "workspace"         // made for another workspace
	Account     Name = "account"           // credentials or a provider of another account
	Version     Name = "terraform-version" // made by another terraform
	LockFile    Name = "lock"              // the lock file is out of step
	Dirty       Name = "dirty"             // the work tree has changes
	Branch      Name = "branch"            // not a branch that may be applied
	Freeze      Name = "freeze"            // within a freeze window
	Order       Name = "order"             // an environment or a stack before its turn
	Protect     Name = "protect"           // deletes, replaces or forgets what is protected
	MaxDestroy  Name = "max_destroy"       // destroys more than it may
	Environment Name = "environment"       // the process's environment would change the plan
	Foreign     Name = "foreign"           // a run folder of another machine
	Changed     Name = "changed"           // the renewed plan is not what was approved
	Incomplete  Name = "incomplete"        // the plan is not whole, or holds what terrier cannot read
)

// Names lists all guards, sorted.
func Names() []Name { panic("not yet") }

// Overridable says whether the configuration may allow `--override` of it.
func (n Name) Overridable() bool { panic("not yet") }

// A Refusal is why something is not applied.
type Refusal struct {
	Guard  Name   `json:"guard"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// Rules are what an environment sets. The zero value refuses nothing that is
// whole.
type Rules struct {
	Protect        []string // patterns, see ParsePattern
	MaxDestroy     *int     // nil for no limit
	Freeze         []Window
	Branches       []string // globs; empty for any branch. One that is "" alone allows none
	Override       []Name   // the guards that --override may pass
	Approvals      int
	Approvers      []string // empty for anybody. One that is "" alone is nobody
	AuthorApproves bool     // the author's own approval counts
}

// Stricter is what holds where both do: nothing that base refuses is allowed.
func Stricter(base, head Rules) Rules { panic("not yet") }

// OnBranch refuses a branch that is none of r.Branches. The branch is "" where
// no branch is checked out.
func OnBranch(branch string, r Rules) *Refusal { panic("not yet") }

// CheckJSON is Check on the JSON of a plan, and refuses beside a plan that
// terraform says it could not finish, which tfjson.Plan does not hold.
func CheckJSON(planJSON []byte, r Rules) []Refusal { panic("not yet") }

// Check refuses a plan that touches what is protected, that destroys too much,
// or that cannot be read to the end.
func Check(p *tfjson.Plan, r Rules) []Refusal { panic("not yet") }

// A Pattern is a type or an address that is protected.
type Pattern struct{}

// ParsePattern reads a pattern: a type ("aws_db_instance") or an address
// ("aws_s3_bucket.logs", "module.x.aws_db_instance.main").
func ParsePattern(text string) (Pattern, error) { panic("not yet") }

// A Window is a time in which nothing is applied.
type Window struct {
	Name        string
	From, Until time.Time      // zero for no bound; Until is the first moment after it
	Days        []time.Weekday // on which Hours begin; empty for all
	Start, End  int            // minutes of the day, both 0 for all of it; End before Start is on the next day
	Zone        *time.Location // of Days, Start and End; nil without them
}

// ParseWindow reads the attributes of a freeze window.
func ParseWindow(name, from, until string, days []string, hours, timezone string) (Window, error) {
	panic("not yet")
}

// Frozen refuses within a window.
func Frozen(now time.Time, windows []Window) *Refusal { panic("not yet") }
