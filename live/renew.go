package live

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/fingerprint"
	"github.com/terrier-iac/terrier/live/store"
)

// A Renewal is what planning a stack anew has changed.
type Renewal struct {
	Stack  *store.Stack
	Before store.Stack // as it was
	// Same says that the fingerprint is equal, so that approvals carry over.
	Same bool
	// Differences are lines for people, none where the plans are the same or one
	// of them is missing.
	Differences []string
}

// Renew plans anew what of a run is not applied, at the commit that is checked
// out now. An approval carries over exactly where the fingerprint is equal.
func (o *Operation) Renew(ctx context.Context, run *store.Run) ([]Renewal, error) {
	unlock, err := o.Store.Lock(run.ID)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := o.reload(run); err != nil {
		return nil, err
	}
	units, gone := o.unitsOf(run)
	if len(gone) > 0 {
		return nil, fmt.Errorf("run %s: the repository has no stack %s any more\nhint: terrier plan makes a new run", run.ID, strings.Join(gone, ", "))
	}
	var left []*estate.Unit
	before := map[string]store.Stack{}
	documents := map[string]*fingerprint.Document{}
	for _, u := range units {
		st := run.Stack(u.Name())
		step, err := o.Store.State(run.ID, st.Name)
		if err != nil {
			return nil, err
		}
		if step.State == store.StateApplied && step.Digest == st.Digest {
			continue
		}
		left = append(left, u)
		before[st.Name] = *st
		if st.Digest != "" {
			documents[st.Name] = o.kept(run, st)
		}
	}
	run.Commit, run.Branch, run.Dirty = o.Tree.Commit, o.Tree.Branch, o.Tree.Dirty
	if o.By != run.By && !slices.Contains(run.RenewedBy, o.By) {
		run.RenewedBy = append(run.RenewedBy, o.By)
		slices.Sort(run.RenewedBy)
	}
	run.Terraform, run.TerraformPath = o.Terraform.Product+" "+o.Terraform.Version, o.Terraform.Path
	up := o.upstream(units)
	for _, u := range left {
		st := run.Stack(u.Name())
		now := *st
		now.Status, now.Upstream, now.Round = store.Pending, up.of(u), 0
		if err := o.save(run, st, now); err != nil {
			return nil, err
		}
	}
	if err := o.planAll(ctx, run, left); err != nil {
		return nil, err
	}
	var out []Renewal
	for _, st := range run.Stacks {
		was, ok := before[st.Name]
		if !ok {
			continue
		}
		r := Renewal{Stack: st, Before: was, Same: was.Fingerprint != "" && was.Fingerprint == st.Fingerprint}
		if old, now := documents[st.Name], o.kept(run, st); !r.Same && old != nil && now != nil {
			r.Differences = fingerprint.Diff(old, now)
		}
		out = append(out, r)
	}
	return out, nil
}

// kept is the document of a stack's plan, nil where there is none to compare.
func (o *Operation) kept(run *store.Run, st *store.Stack) *fingerprint.Document {
	if st.Digest == "" {
		return nil
	}
	data, err := o.Store.ReadFile(run.ID, st.Name, store.FingerprintFile)
	if err != nil {
		return nil
	}
	d, err := fingerprint.Read(data)
	if err != nil || d.Sum() != st.Fingerprint {
		return nil
	}
	return d
}
