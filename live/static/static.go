// Package static evaluates the expressions of Terraform directories as far as
// files, var files and variables say: locals, variables, templates, conditions,
// pure functions, terraform.workspace, path.module and path.root, each and count.
// It does so for a root module and for every module that is reached from it
// through calls.
//
// It does not know resources, data sources, outputs, state, functions that read
// files or the clock, or the environment of the process: what depends on one is
// not known, and is said to be so, with the reason.
package static

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// Inputs are what terraform is run with beside the files of a root module.
type Inputs struct {
	// Workspace is the selected one; "" is "default".
	Workspace string
	// VarFiles are those of -var-file, in order, relative to the directory.
	// terraform.tfvars and *.auto.tfvars are read anyway.
	VarFiles []string
	// Variables are those of the environment, TF_VAR_ taken off: texts, as
	// terraform reads them. They count least.
	Variables map[string]string
	// Tofu reads as OpenTofu does: .tofu files, in place of their twins.
	Tofu bool
	// Open opens modules that are not in the tree: the tree that holds one and
	// its directory there. nil for none. The error says why it cannot be read.
	Open func(source hclparse.Source, version string) (*Tree, string, error)
}

// A Tree gives the directories of a graph, each parsed in full once. It may be
// used by several goroutines.
type Tree struct{ g *modules.Graph }

// NewTree makes the tree of a graph; one of hclparse.LoadCalls is enough.
func NewTree(g *modules.Graph) *Tree { return &Tree{g: g} }

// A Scope is one directory with the values that it is evaluated with: a root,
// or one instance of a module that is called. It may be used by one goroutine
// at a time, together with all scopes of the same root.
type Scope struct{ m *hclparse.Module }

// Root is the scope of a directory that terraform is run in. Variables have the
// values of the inputs and, where nothing sets one, their defaults, as terraform
// has it. The diagnostics are of var files that cannot be read; every variable
// is then unknown, since the file might have set it.
func (t *Tree) Root(dir string, in Inputs) (*Scope, hcl.Diagnostics) { panic("not yet") }

// Dir is the directory in its tree. Address is the chain of calls from the root,
// "module.a.module.b[\"x\"]"; "" for the root itself.
func (s *Scope) Dir() string     { panic("not yet") }
func (s *Scope) Address() string { panic("not yet") }

// Module is the directory's configuration, in full.
func (s *Scope) Module() *hclparse.Module { return s.m }

// Value evaluates an expression of the directory. Where any of it is not known
// why says so, in a short sentence without its first capital; the value may then
// be known in part. It never holds marks.
func (s *Scope) Value(x hcl.Expression) (v cty.Value, why string) { panic("not yet") }

// Text is Value for a string, number or bool: its text. ok is false where it is
// not known, or null, or of another kind, and why says which.
func (s *Scope) Text(x hcl.Expression) (text string, ok bool, why string) { panic("not yet") }

// Calls are the directory's module calls as terraform sees them, override files
// merged, by name.
func (s *Scope) Calls() []*hclparse.Call { panic("not yet") }

// Children are the scopes of a call: one, or one for each instance of count or
// for_each. Where the instances are not known it is one in which each and count
// are unknown. Where the module cannot be read there are none, and why says so;
// a known count of 0 gives none and no reason.
func (s *Scope) Children(c *hclparse.Call) (list []*Scope, why string) { panic("not yet") }

// A Block is a provider or data block, with its override files laid over it.
type Block struct {
	Type string // "aws", "terraform_remote_state"
	Name string // of data and resources; a provider's alias, "" without
	File string // where it begins
	Line int

	bodies []hcl.Body // the block, then its overrides
}

// Providers are the provider blocks, by name and alias.
func (s *Scope) Providers() []*Block { panic("not yet") }

// Data are the data blocks of a type, by name.
func (s *Scope) Data(typ string) []*Block { panic("not yet") }

// Instances are the scopes of a block's instances, by its count or for_each: as
// Children has them. A block without either has the scope itself.
func (s *Scope) Instances(b *Block) []*Scope { panic("not yet") }

// Argument evaluates an argument of a block, or with more names one of the block
// or object of the name before: "assume_role", "role_arn". One that is not
// written is a null without a reason.
func (s *Scope) Argument(b *Block, names ...string) (v cty.Value, why string) { panic("not yet") }
