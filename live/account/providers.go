package account

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/terrier-iac/terrier/live/static"
)

// A ProvidersInput is a plan and the files that it was made of.
type ProvidersInput struct {
	// Plan is the plan's JSON, with its configuration and variables.
	Plan *tfjson.Plan
	// Tree is the work tree that was planned, and Dir the stack's directory
	// in it.
	Tree *static.Tree
	Dir  string
	// Stack is that directory on the disk: the installed modules are read
	// through it, from .terraform/modules. It must not follow links out of
	// itself; (*os.Root).FS gives one that does not. nil where none are.
	Stack fs.FS
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
	// Address is "aws", "aws.dns", "module.x.module.y.aws.dns"; with OpenTofu's
	// for_each `aws.dns["eu"]`.
	Address string
	// Source is the provider's, such as "registry.terraform.io/hashicorp/aws".
	Source    string
	AccountID string // "" where it is not known
	// Among are the accounts that it can be in, sorted, where AccountID is not
	// known but the provider itself allows these alone.
	Among []string
	// How is how it is known: "credentials" for those of the process,
	// "assume_role", "assume_role_with_web_identity", "profile dns (role_arn)",
	// "allowed_account_ids".
	How  string
	Why  string // why it is not known
	File string // of the provider block, from the root of Tree; "" where there is no block
	Line int
}

// providerTypes are the types of providers that reach AWS with the arguments that are
// read here, whatever registry and namespace they come from: OpenTofu has its
// own, and a fork has the provider's.
var providerTypes = map[string]bool{"aws": true, "awscc": true, "awsutils": true}

// Providers returns every AWS provider instance of a plan, sorted by address,
// those of modules included. Which there are is the plan's to say; values come
// from the files, with the plan's variables. A configuration that is passed in
// by `providers`, or inherited, is no instance of its own. Providers of other
// clouds are left out.
//
// The error says that the list itself is uncertain: nothing is to be run then.
func Providers(ctx context.Context, in ProvidersInput) ([]Instance, error) {
	if in.Plan == nil || in.Plan.Config == nil || in.Plan.Config.RootModule == nil {
		return nil, errors.New("the plan has no configuration, so its providers are not known\nhint: plan again, with a terraform that `show -json` gives \"configuration\" from")
	}
	w := newWalk(in)
	var out []Instance
	implicit := map[string]string{} // by address: source
	for _, pc := range in.Plan.Config.ProviderConfigs {
		if pc == nil {
			return nil, errors.New("the plan's configuration has an empty provider\nhint: plan again")
		}
		if !providerTypes[pc.FullName[strings.LastIndexByte(pc.FullName, '/')+1:]] {
			continue
		}
		found, block := w.instances(ctx, pc)
		if !block && pc.ModuleAddress != "" {
			if len(pc.Expressions) > 0 {
				found[0].Why = "its block is not in the files: they are not the ones that were planned"
				out = append(out, found...)
				continue
			}
			// Nothing is configured here: it is the caller's configuration, or
			// the empty one that terraform then makes in the root.
			if why := w.reach(pc.ModuleAddress); why != "" {
				found[0].Why = why
				out = append(out, found...)
				continue
			}
			if !w.inherits(pc) {
				implicit[w.rootName(pc.FullName)] = pc.FullName
			}
			continue
		}
		out = append(out, found...)
	}
	for address, source := range implicit {
		if !slices.ContainsFunc(out, func(i Instance) bool { return i.Address == address }) {
			out = append(out, w.byProcess(Instance{Address: address, Source: source}))
		}
	}
	slices.SortFunc(out, func(a, b Instance) int {
		if c := strings.Compare(a.Address, b.Address); c != 0 {
			return c
		}
		return strings.Compare(a.Source, b.Source)
	})
	// configuration_aliases are entries of their own, under the plain name.
	out = slices.CompactFunc(out, func(a, b Instance) bool { return a.Address == b.Address && a.Source == b.Source })
	return out, nil
}

func address(module, name, alias string) string {
	s := name
	if module != "" {
		s = module + "." + s
	}
	if alias != "" {
		s += "." + alias
	}
	return s
}

// inherits reports whether a caller of the module configures the provider. The
// plan says so by its entries for the modules above.
func (w *walk) inherits(pc *tfjson.ProviderConfig) bool {
	for _, other := range w.in.Plan.Config.ProviderConfigs {
		if other == nil || other.FullName != pc.FullName || other.Alias != "" || other.ModuleAddress == pc.ModuleAddress {
			continue
		}
		above := other.ModuleAddress == "" || strings.HasPrefix(pc.ModuleAddress, other.ModuleAddress+".")
		if above && (len(other.Expressions) > 0 || other.ModuleAddress == "") {
			return true
		}
		if above {
			if s, _, why := w.scope(other.ModuleAddress); why == "" && blockOf(s, other.Name, "", w.in.Tofu) != nil {
				return true
			}
		}
	}
	return false
}

// rootName is the local name of a provider that the root does not name.
func (w *walk) rootName(source string) string { return path.Base(source) }

// byProcess is an instance that has nothing of its own.
func (w *walk) byProcess(i Instance) Instance {
	if !accountID.MatchString(w.in.Process) {
		i.Why = "the account of the process's own credentials is not known"
		return i
	}
	i.AccountID, i.How = w.in.Process, "credentials"
	return i
}
