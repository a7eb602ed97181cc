package cmd

import (
	"context"
	"errors"
	"testing"
)

// TestInterruptible holds that work which looks at no context does not hold up
// an interrupt, and that what it returns gets through without one.
func TestInterruptible(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	failed := errors.New("failed")
	if err := interruptible(ctx, func() error { return failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	if err := interruptible(ctx, func() error { return nil }); err != nil {
		t.Error(err)
	}
	forever := make(chan struct{})
	defer close(forever)
	err := interruptible(ctx, func() error {
		cancel()
		<-forever
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
