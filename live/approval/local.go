package approval

import (
	"context"

	"github.com/terrier-iac/terrier/live/store"
)

const folder = "the run folder"

// local takes approvals from the run folder of this clone. Whoever can write
// there could write any: it is for people who work together, not against thieves.
type local struct{ store *store.Store }

func (l *local) Approvals(_ context.Context, w Want) (*Record, error) {
	if w.Run.CI != nil {
		return nil, refuse("apply it in that pipeline", "the run was made in CI (%s), where the forge keeps the record of approvals, and this is none of its jobs", w.Run.CI.Forge)
	}
	list, err := l.store.Approvals(w.Run, w.Stack.Name)
	if err != nil {
		return nil, err
	}
	rec := &Record{By: folder}
	for _, a := range list {
		// The store has looked already; what an approval is for is too much to
		// take on trust.
		if a.By == "" || a.Run != w.Run.ID || a.Stack != w.Stack.Name || a.Environment != w.Stack.Environment || a.Fingerprint == "" || a.Fingerprint != w.Stack.Fingerprint {
			continue
		}
		rec.Approvers = add(rec.Approvers, Person{Emails: []string{a.By}})
	}
	// Who planned it anew has made it, too.
	for _, by := range append([]string{w.Run.By}, w.Run.RenewedBy...) {
		if by != "" {
			rec.Authors = add(rec.Authors, Person{Emails: []string{by}})
		}
	}
	return rec, nil
}
