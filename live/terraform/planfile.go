package terraform

import (

	"github.com/zclconf/go-cty/cty"
)

// A PlanFile is the header of a saved plan: what terraform was, and where the
// state is that it will write. It is terraform's own internal format, version
// 3 of internal/plans/planproto; any other is a *PlanFormatError.
type PlanFile struct {
	Version   string // of the terraform that made it: "1.11.4"
	Backend   PlanBackend
	Timestamp string // when it was made, RFC 3339
	Mode      string // "normal", "destroy" or "refresh-only"
	Applyable bool
	Complete  bool
	Errored   bool
	Targets   []string // -target; such a plan is of a part
	Replaces  []string // -replace
	LockFile  []byte   // the .terraform.lock.hcl that it was made with, nil without
}

// A PlanBackend is where a plan's state is.
type PlanBackend struct {
	Type      string    // "local" without a backend block
	Config    cty.Value // an object: it may hold credentials
	Workspace string
}

// A PlanFormatError is a saved plan in a form that is not known, or a file
// that is none.
type PlanFormatError struct {
	Name string
	Why  string
}

func (e *PlanFormatError) Error() string { panic("not yet") }

// ReadPlanFile reads the header of a saved plan. Sizes are bounded: a file is
// refused, never unpacked without end. The error is a *PlanFormatError, or one
// of the file system.
func ReadPlanFile(name string) (*PlanFile, error) { panic("not yet") }

// ContentKey is the sha256, in hex, of all that a saved plan holds but when it
// was made: its members' names and bytes without the plan's timestamp, sets in
// a fixed order. Two plans of one stack in one state have one key.
func ContentKey(name string) (string, error) { panic("not yet") }

