package install

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/modules/lock"
)

// estate makes stacks of five calls each, in ten repositories.
func (b *bench) estate(stacks int) *Installer {
	b.t.Helper()
	var entries []*lock.Entry
	for n := range 10 {
		name := fmt.Sprintf("mod%d", n)
		id := b.repo(name, "v1.0.0", map[string]string{"main.tf": where, "variables.tf": "variable \"x\" {\n  default = 1\n}\n", "run.sh": "#!/bin/sh\n", "README.md": "# " + name + "\n"})
		entries = append(entries, b.entry(b.source(name, ""), "v1.0.0", lock.KindTag, id))
	}
	for n := range stacks {
		main := ""
		for c := range 5 {
			main += call(fmt.Sprintf("m%d", c), b.source(fmt.Sprintf("mod%d", (n+c)%10), "?ref=v1.0.0"))
		}
		b.write(fmt.Sprintf("root/live/s%d/main.tf", n), main)
	}
	i := b.installer()
	i.Lock = b.lockOf(entries...)
	return i
}

func (b *bench) prepareAll(i *Installer, stacks int) {
	b.t.Helper()
	g, ctx := errgroup.WithContext(b.t.Context())
	g.SetLimit(2)
	for n := range stacks {
		g.Go(func() error {
			p, err := i.Prepare(ctx, b.input(fmt.Sprintf("live/s%d", n), nil))
			if err == nil && (p.Initialised || !p.Cheap) {
				err = fmt.Errorf("left to init: %q", p.Why)
			}
			p.Release()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.t.Fatal(err)
	}
}

// BenchmarkPrepare prepares 50 stacks of five calls in ten repositories over
// HTTP, two at a time, as a new process does: cold (neither mirrors nor
// modules), with mirrors, and where nothing has changed.
func BenchmarkPrepare(bm *testing.B) {
	for _, c := range []struct {
		name string
		gone []string
	}{{"cold", []string{"cache", "root/.terrier", "modules"}}, {"mirrors", []string{"root/.terrier", "modules"}}, {"warm", nil}} {
		bm.Run(c.name, func(bm *testing.B) {
			b := newBench(bm)
			first := b.estate(50)
			b.prepareAll(first, 50)
			for bm.Loop() {
				bm.StopTimer()
				for _, dir := range c.gone {
					if dir == "modules" {
						for n := range 50 {
							_ = os.RemoveAll(filepath.Join(b.root, fmt.Sprintf("live/s%d/.terraform", n)))
						}
						continue
					}
					if err := os.RemoveAll(filepath.Join(b.dir, dir)); err != nil {
						bm.Fatal(err)
					}
				}
				i := b.installer()
				i.Lock = first.Lock
				bm.StartTimer()
				b.prepareAll(i, 50)
			}
		})
	}
}
