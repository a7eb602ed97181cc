// Package estate knows what there is to plan and in which order: stacks in their
// environments as units, the state that each keeps, which unit reads whose, which
// of them a selection means, and which of them a change touches.
//
// It runs nothing, and neither knows plans nor what an account holds.
package estate

import (
	"context"
	"io/fs"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
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
func (u *Unit) Name() string { panic("not yet") }

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

// Discover finds the units of a graph, their backends and their order. fsys is
// the tree with var files and backend_config. A graph of hclparse.LoadCalls is
// enough, and is fastest where that kept "terraform_remote_state". The diagnostics
// are errors of the configuration; the estate is as good as it can be with them.
func Discover(fsys fs.FS, g *modules.Graph, c Config) (*Estate, hcl.Diagnostics) { panic("not yet") }

// SharedStates are the groups of two or more units that keep their state in one
// place, which no plan may have.
func (e *Estate) SharedStates() [][]*Unit { panic("not yet") }

// Order is upstream first, by name among equals. Where there is a cycle the
// error is a *CycleError.
func (e *Estate) Order() ([]*Unit, error) { panic("not yet") }

// Upstream are the direct edges to a unit, by From.
func (e *Estate) Upstream(u *Unit) []Edge { panic("not yet") }

// A CycleError is a ring: each edge's To is the next one's From, and the last
// one's To the first one's From.
type CycleError struct{ Ring []Edge }

func (e *CycleError) Error() string { panic("not yet") }

// A Selection says which units are meant: those that meet all of what is given.
type Selection struct {
	Environments, Accounts []string            // names
	Stacks                 []string            // globs of Unit.Stack or Unit.Name
	Changed                map[string][]Reason // by Unit.Name, of Changed; nil for no such filter
}

// Select returns the units that are meant, by name. An unknown name is an error
// with a suggestion, and so is a glob that matches no unit.
func (e *Estate) Select(s Selection) ([]*Unit, error) { panic("not yet") }

// Why says why a selection means a unit; nil where it does not.
func (e *Estate) Why(s Selection, u *Unit) []Reason { panic("not yet") }

// A Reason says why a unit is selected, or counts as changed.
type Reason struct {
	// Kind is "all", "environment", "account" or "stack" of a selection; "file",
	// "config", "module" or "unknown" of a change.
	Kind   string
	Path   string // a file from the root; "" where there is none
	Line   int
	Detail string // a sentence, or what matched
}

// ChangedInput is what Changed compares.
type ChangedInput struct {
	Repo   *repo.Repo
	Rev    string
	Prefix string         // where the graph's root is in the repository, "" for its root
	Graph  *modules.Graph // of the work tree
	Estate *Estate
	// Old and New are the configuration at Rev and now. Old is nil where there
	// was none.
	Old, New *Config
	// Cache has the mirrors; nil for none. No remote is asked.
	Cache *repo.Cache
}

// Changed says which units changed between the common ancestor of a revision and
// HEAD, and the work tree: by Unit.Name, each with its reasons. Units that did
// not change are not in the map, which is never nil without an error.
func Changed(ctx context.Context, in ChangedInput) (map[string][]Reason, error) {
	panic("not yet")
}
