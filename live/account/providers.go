package account

import (
	"context"
	"io/fs"

	tfjson "github.com/hashicorp/terraform-json"
)

// A ProvidersInput is a plan and the files that it was made of.
type ProvidersInput struct {
	// Plan is the plan's JSON, with its configuration and variables.
	Plan *tfjson.Plan
	// FS holds the tree that was planned, the installed modules included:
	// nothing outside it is read. Dir is the stack's directory in it.
	FS  fs.FS
	Dir string
	// Modules are the entries of the stack's .terraform/modules/modules.json.
	Modules   []Module
	Workspace string // "" for default
	Tofu      bool   // .tofu files count
	// Process is the id of the account that the process's own credentials
	// belong to, as Broker.Identity gave it.
	Process string
	// Profile says which account a profile leads to: Broker.ProfileAccount.
	// With nil every profile is unknown.
	Profile func(ctx context.Context, profile string) (id, how string, err error)
}

// A Module is an entry of modules.json.
type Module struct {
	Key string // "" for the root, "vpc", "vpc.subnets"
	Dir string // relative to the stack's directory
}

// An Instance is an AWS provider configuration of a plan.
type Instance struct {
	Address string // "aws", "aws.dns", "module.x.aws", "module.x.module.y.aws.dns"
	// Source is the provider's, such as "registry.terraform.io/hashicorp/aws".
	Source    string
	AccountID string // "" where it is not known
	// Among are the accounts that it can be in, sorted, where AccountID is not
	// known but the provider itself allows these alone.
	Among []string
	How   string // how it is known: "credentials", "assume_role", "profile dns (role_arn)" …
	Why   string // why it is not known
	File  string // of the provider block, in FS; "" where there is no block
	Line  int
}

// Providers returns every AWS provider instance of a plan, sorted by address.
// The error is one that makes the list itself uncertain.
func Providers(ctx context.Context, in ProvidersInput) ([]Instance, error) {
	panic("account: Providers")
}

// A Refusal is a provider instance that must not be run.
type Refusal struct {
	Instance Instance
	Reason   string // names the instance
	Hint     string
}

// Judge returns the instances that are not, for certain, in the account or one
// of its Also. pins are account ids by address, for instances whose account is
// not known; one that contradicts what is known is refused.
func Judge(a Account, pins map[string]string, instances []Instance) []Refusal {
	panic("account: Judge")
}
