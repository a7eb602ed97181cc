// Package hclparse turns directories of Terraform configuration into typed
// modules, and edits them by byte range.
//
// It knows the languages (.tf, .tf.json, .tofu, .tofu.json and the source of
// terragrunt.hcl) and module source addresses. It does not know git, stacks,
// releases or policy, evaluates nothing that depends on state, and never
// writes to a disk.
package hclparse

import (
	"io/fs"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// A Tree is everything Load or LoadCalls found below one root. Paths are slash-separated
// and relative to the root; the root directory itself is ".".
type Tree struct {
	// Modules holds every directory with at least one configuration file.
	Modules map[string]*Module
	// Entries lists every file and symlink, sorted by path. Directories
	// named .git, .terraform and .terragrunt-cache are not entered.
	Entries []Entry
	// FS is the file system that was loaded.
	FS fs.FS

	calls bool     // LoadCalls has made it,
	words [][]byte // and kept the files with these
}

// An Entry is one file, symlink or submodule of the tree.
type Entry struct {
	Path string
	// Mode holds the type bits: 0 a regular file, fs.ModeSymlink a symlink,
	// fs.ModeIrregular a submodule or another thing that has no bytes.
	Mode fs.FileMode
	// Target is a symlink's target as it is written.
	Target string
}

// Syntax is the language of a configuration file.
type Syntax int

const (
	Native     Syntax = iota // HCL: .tf and .tofu
	JSON                     // .tf.json and .tofu.json
	Terragrunt               // terragrunt.hcl
)

// A File is one configuration file.
type File struct {
	Path string // where it stands
	Real string // where its bytes are: differs from Path for a symlink
	// Bytes is the content as it is on disk, byte order mark included. Nil
	// where LoadCalls did not keep it.
	Bytes    []byte
	Syntax   Syntax
	Override bool // override.tf, x_override.tf: merged over the others
	Tofu     bool // .tofu, .tofu.json: read by OpenTofu alone
	// Twin is, on a .tf file, the .tofu file that OpenTofu reads in its
	// place; "" where there is none.
	Twin string
	// Body is the parsed body: *hclsyntax.Body for native syntax. Nil when
	// the file does not parse at all, after Forget, and in most of LoadCalls.
	Body hcl.Body
	// Diags are the errors of this file. A file with errors is Broken: what
	// could be read of it is here, but calls may be missing.
	Diags hcl.Diagnostics
}

// Broken reports whether the file has syntax errors, so that its calls are
// not all known.
func (f *File) Broken() bool { return f.Diags.HasErrors() }

// A Module is one directory's configuration, as it is written: override
// files are not merged, and twins stand beside each other. Every list is in
// the order of file, then position.
type Module struct {
	Path              string
	Files             []*File
	Calls             []*Call
	Variables         []*Variable
	Outputs           []*Output
	Locals            []*Local
	Resources         []*Resource
	Providers         []*ProviderConfig
	RequiredProviders []*RequiredProvider
	RequiredVersions  []*RequiredVersion
	Backends          []*Backend
	Terragrunt        []*TerragruntSource
}

// Forget drops the module's syntax trees, terragrunt's aside: every body and
// expression, and the arguments of its calls, become nil. What was read of
// them stays, and so do the bytes.
func (m *Module) Forget() {
	for _, f := range m.Files {
		if f.Syntax != Terragrunt {
			f.Body = nil
		}
	}
	for _, c := range m.Calls {
		c.Attributes = nil
	}
	for _, v := range m.Variables {
		v.Type, v.Default, v.Nullable = nil, nil, nil
	}
	for _, o := range m.Outputs {
		o.Value = nil
	}
	for _, l := range m.Locals {
		l.Expr = nil
	}
	for _, r := range m.Resources {
		r.Body = nil
	}
	for _, p := range m.Providers {
		p.Body = nil
	}
	for _, b := range m.Backends {
		b.Body = nil
	}
}

// A Call is a module block.
type Call struct {
	Name string
	File *File
	// Block is the range of the block's header (`module "vpc"`).
	Block hcl.Range
	// Raw is the source as terraform reads it. Valid when Static.
	Raw string
	// Static says that the source is a string literal, without templates.
	Static bool
	// HasSource is false for an override that does not change the source.
	HasSource bool
	// SourceRange is the range of the source expression, quotes included.
	SourceRange hcl.Range
	// Source is Raw parsed. Its Kind is KindOther, and SourceErr says why,
	// where Raw is not a module address.
	Source    Source
	SourceErr error
	// Version is the literal version argument, "" where there is none.
	Version      string
	VersionRange hcl.Range
	// Attributes are the other arguments, for native syntax and JSON.
	Attributes map[string]*hcl.Attribute
}

// A Variable is a variable block.
type Variable struct {
	Name        string
	File        *File
	Range       hcl.Range
	Type        hcl.Expression // nil where there is none
	Default     hcl.Expression // nil where there is none
	Description string
	Nullable    hcl.Expression
	Sensitive   bool
	Ephemeral   bool
	// Const is set by `const = true` (Terraform 1.15): its default may stand
	// in a module source.
	Const bool
}

// An Output is an output block.
type Output struct {
	Name        string
	File        *File
	Range       hcl.Range
	Value       hcl.Expression
	Description string
	Sensitive   bool
	Ephemeral   bool
}

// A Local is one attribute of a locals block.
type Local struct {
	Name  string
	File  *File
	Range hcl.Range
	Expr  hcl.Expression
}

// A Resource is a resource, data or ephemeral block.
type Resource struct {
	Mode  string // "managed", "data" or "ephemeral"
	Type  string
	Name  string
	File  *File
	Range hcl.Range
	Body  hcl.Body
}

// A ProviderConfig is a provider block.
type ProviderConfig struct {
	Name  string
	Alias string
	File  *File
	Range hcl.Range
	Body  hcl.Body
}

// A RequiredProvider is an entry of required_providers.
type RequiredProvider struct {
	Name    string
	Source  string
	Version string
	// Aliases are the configuration_aliases as written (`aws.east`).
	Aliases []string
	File    *File
	Range   hcl.Range
}

// A RequiredVersion is a required_version argument.
type RequiredVersion struct {
	Constraint string
	File       *File
	Range      hcl.Range
}

// A Backend is a backend or cloud block.
type Backend struct {
	Type  string // "s3", "local" …, or "cloud"
	File  *File
	Range hcl.Range
	Body  hcl.Body
	// Literals are its arguments that are plain strings, numbers or bools;
	// "workspaces.name" is the argument name of its block or object workspaces.
	Literals map[string]string
	// Computed are the names of its other arguments, sorted: lists, and what
	// is no plain value. One that is null is in neither.
	Computed []string
}

func (k *Backend) sortComputed() {
	slices.Sort(k.Computed)
	k.Computed = slices.Compact(k.Computed)
}

// A TerragruntSource is the source argument of a terraform block in a
// terragrunt.hcl. A conditional has one entry for each branch.
type TerragruntSource struct {
	File  *File
	Expr  hcl.Expression
	Range hcl.Range // of the literal, quotes included; of the expression where it is not Static
	// Raw and Source are valid when Static. Raw may hold terragrunt's `//`.
	Raw       string
	Static    bool
	Source    Source
	SourceErr error
	// Conditional says that the literal is one branch of a conditional.
	Conditional bool
	// Version is the version argument beside it: a constraint, for a tfr://
	// source alone; "" where there is none, or one that is no literal.
	Version      string
	VersionRange hcl.Range // zero where there is none
}
