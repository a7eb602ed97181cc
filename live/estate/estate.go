// Package estate knows what there is to plan and in which order: stacks in their
// environments as units, the state that each keeps, which unit reads whose, which
// of them a selection means, and which of them a change touches.
//
// It runs nothing, and neither knows plans nor what an account holds.
package estate

import (
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
)

// A Unit is a stack in one environment: what one plan is of.
type Unit struct {
	Stack         string   // its directory, from the root, slashes; "." for the root itself
	Environment   string   // "" without one
	Account       string   // the name of an account, "" without one
	Workspace     string   // "" leaves terraform's default
	VarFiles      []string // relative to the stack's directory
	BackendConfig []string // files, relative to the stack's directory, or KEY=VALUE
	Terragrunt    bool     // driven by terragrunt: unsupported
	Backend       Backend
	Several       bool // the stack has more than one environment
}

// Name is unique in the estate: "live/prod/net", or "live/app@prod" for a stack
// with more than one environment.
func (u *Unit) Name() string {
	if u.Several {
		return u.Stack + "@" + u.Environment
	}
	return u.Stack
}

// A Backend is where the state is, backend_config merged in.
type Backend struct {
	Type string // "s3", "local" …, "" for none (terraform's local default)
	// Config are its arguments as far as they are known, "endpoints.s3" for
	// those of blocks. It may hold credentials.
	Config map[string]string
	// Identity is equal for two units with one state; "" where it is not known.
	// It may hold credentials: it is there to compare, not to show.
	Identity string
	Why      string // why it is not known
	File     string // of the block, "" without one
	Line     int
}

// An Edge says that To comes after From.
type Edge struct {
	From, To *Unit
	Kind     string // "remote-state", "after" or "environment"
	File     string
	Line     int
	Detail   string
}

// Unresolved is something that may or may not give an order: it is named, never
// silently left out.
type Unresolved struct {
	Unit *Unit
	File string
	Line int
	Why  string
}

// An Estate is all units and their order.
type Estate struct {
	Units []*Unit // by Name
	// Edges are those of remote states and of stacks' own after, by To, then
	// From. Those that come of the order of environments are in Upstream alone:
	// there are as many as two environments' units multiplied.
	Edges []Edge
	// Unresolved are remote states that cannot be evaluated.
	Unresolved []Unresolved
	// External are remote states that are known, and are no unit's.
	External []Unresolved
	// Unread are modules that cannot be read, so that it is not known whether
	// they read states.
	Unread []Unresolved

	byName   map[string]*Unit
	edges    map[*Unit][]Edge // of Edges, by To
	orders   map[string]Environment
	members  map[string][]*Unit // by environment
	accounts []string           // all that are known, sorted
}

// An Environment is one block of the configuration.
type Environment struct {
	Name, Account           string
	After                   []string
	Workspace               string
	VarFiles, BackendConfig []string
	File                    string // where its block, or its after, stands
	Line                    int
}

// A Config is what the configuration says about the estate.
type Config struct {
	Environments   []Environment
	EnvironmentsOf func(stack string) []string                // nil for none
	After          func(stack string) []string                // paths or globs of the stack's own block; nil for none
	AfterAt        func(stack string) (file string, line int) // where they are written; nil where that is not known
	// Variables, Tofu and Open are those of static.Inputs.
	Variables map[string]string
	Tofu      bool
	Open      func(source hclparse.Source, version string) (*static.Tree, string, error)
}
