package account

import (
	"fmt"
	"slices"
	"strings"
)

// A Refusal is a provider instance that must not be run.
type Refusal struct {
	Instance Instance
	Reason   string // names the instance, and where its block is
	Hint     string
}

// Judge returns the instances that are not, for certain, in the account or one
// of its Also, in their order. pins are account ids by address, for instances
// whose account is not known; one that contradicts what is known is refused.
// A pin of an instance that is not there has no effect.
func Judge(a Account, pins map[string]string, instances []Instance) []Refusal {
	allowed := func(id string) bool {
		return accountID.MatchString(id) && (id == a.ID || slices.Contains(a.Also, id))
	}
	var out []Refusal
	for _, i := range instances {
		name := "provider " + i.Address
		if i.File != "" {
			name += fmt.Sprintf(" (%s:%d)", i.File, i.Line)
		}
		refuse := func(reason, hint string) {
			out = append(out, Refusal{Instance: i, Reason: name + " " + reason, Hint: hint})
		}
		pin, pinned := pins[i.Address]
		ours := "account " + a.Name + " (" + a.ID + ")"
		also := fmt.Sprintf("if that is meant, add %%q to also of account %q in terrier.hcl; else correct the provider block", a.Name)
		switch {
		case pinned && !accountID.MatchString(pin):
			refuse(fmt.Sprintf("is pinned to %q, which is no account id", pin), "an account id has twelve digits")
		case i.AccountID != "" && pinned && pin != i.AccountID:
			refuse("is pinned to "+pin+", but reaches "+i.AccountID+" by its "+i.How, "remove the pin, or correct the provider block")
		case i.AccountID != "" && !allowed(i.AccountID):
			refuse("reaches account "+i.AccountID+" by its "+i.How+", not "+ours, fmt.Sprintf(also, i.AccountID))
		case i.AccountID != "":
		case pinned && len(i.Among) > 0 && !slices.Contains(i.Among, pin):
			refuse("is pinned to "+pin+", but allows "+strings.Join(i.Among, ", ")+" alone", "remove the pin, or correct allowed_account_ids")
		case pinned && !allowed(pin):
			refuse("is pinned to account "+pin+", not "+ours, fmt.Sprintf(also, pin))
		case pinned:
		case len(i.Among) > 0:
			for _, id := range i.Among {
				if !allowed(id) {
					refuse("may reach account "+id+" by its allowed_account_ids, not only "+ours, fmt.Sprintf(also, id))
					break
				}
			}
		default:
			why := i.Why
			if why == "" {
				why = "nothing is known of it"
			}
			refuse("reaches an account that is not known: "+why, "make it known (a literal, a variable, or allowed_account_ids in the block), or pin "+i.Address+" to its account id in terrier.hcl")
		}
	}
	return out
}
