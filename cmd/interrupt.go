package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible gives a context that ends with the first interrupt: what is whole
// stays, what is half written is removed. A second one ends the process at once,
// unless a command listens to it: a terraform in the middle of an apply must not
// be left alone.
func (a *app) interruptible() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			var s os.Signal
			select {
			case <-done:
				return
			case s = <-signals:
			}
			if first {
				cancel()
				continue
			}
			if c := a.again.Load(); c != nil {
				select {
				case *c <- struct{}{}:
				default: // there are more than anybody waits for
				}
				continue
			}
			signal.Stop(signals)
			if p, err := os.FindProcess(os.Getpid()); err == nil {
				_ = p.Signal(s) // by now it has its usual effect
			}
			return
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// listen takes the interrupts after the first for itself, until unlisten.
func (a *app) listen() (again <-chan struct{}, unlisten func()) {
	c := make(chan struct{}, 8)
	a.again.Store(&c)
	return c, func() { a.again.Store(nil) }
}
