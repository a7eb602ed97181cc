package live

import (
	"context"

	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/store"
)

// A batch is what has become of units and is not on the disk yet. The manifest
// holds all units of a run: to write it after each would take the square of
// their number. A plan that is killed has lost some plans, which are made anew;
// an apply, which nobody can make anew, saves each step.
type batch struct {
	ctx     context.Context
	most    int // so many units wait at most
	waiting int
	records []runs.Record
}

// saveInBatches lets save and keep wait for others, until done has saved all.
func (o *Operation) saveInBatches(ctx context.Context, run *store.Run, units int) (done func() error) {
	o.saving.Lock()
	defer o.saving.Unlock()
	o.batch = &batch{ctx: context.WithoutCancel(ctx), most: max(1, units/8)}
	return func() error {
		o.saving.Lock()
		defer o.saving.Unlock()
		err := o.flush(run)
		o.batch = nil
		return err
	}
}

// flush saves what waits: the manifest first, since records speak of it.
// o.saving is held.
func (o *Operation) flush(run *store.Run) error {
	b := o.batch
	if b.waiting > 0 {
		b.waiting = 0
		if err := o.Store.Save(run); err != nil {
			return err
		}
	}
	records := b.records
	b.records = nil
	if len(records) == 0 {
		return nil
	}
	return o.Record(b.ctx, records...)
}
