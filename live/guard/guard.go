// Package guard knows what may not be applied: the names of all guards, the
// rules that an environment sets for them, and the verdict on a plan and on a
// time of day. README.md has a line for each guard.
//
// It reads JSON and a clock that are handed in; what is found out by other
// means (who approved, whose credentials these are, what the branch is) is
// refused by others, in these names.
package guard

import "slices"

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
	Incomplete  Name = "incomplete"        // the plan is not whole, or holds what cannot be read
)

// overridable has each guard, and whether the configuration may allow
// `--override` of it. Those that are never passed are the ones without which no
// other means anything: what is applied is what was planned and approved, there,
// by whom it says; and the two that terraform itself would refuse.
var overridable = map[Name]bool{
	Unapproved: false, Altered: false, Foreign: false, Account: false, Environment: false,
	Backend: false, Workspace: false, Changed: false, Incomplete: false, Stale: false, Version: false,
	LockFile: true, Dirty: true, Branch: true, Freeze: true, Order: true, Protect: true, MaxDestroy: true,
}

// Names lists all guards, sorted.
func Names() []Name {
	var names []Name
	for n := range overridable {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Known says whether there is such a guard.
func (n Name) Known() bool { _, ok := overridable[n]; return ok }

// Overridable says whether the configuration may allow `--override` of it.
func (n Name) Overridable() bool { return overridable[n] }

// A Refusal is why something is not applied: short sentences, with no control
// characters and no values of the plan.
type Refusal struct {
	Guard  Name   `json:"guard"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"` // the next step
}
