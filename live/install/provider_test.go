package install

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
)

// terraform's provider cache has one writer at a time, and readers beside each
// other; a provider that is gone is found.
func TestProviders(t *testing.T) {
	b := newBench(t)
	at := "mirror/registry.terraform.io/hashicorp/fake/1.2.3/" + runtime.GOOS + "_" + runtime.GOARCH + "/terraform-provider-fake_v1.2.3"
	b.write(at, "#!/bin/sh\nexit 1\n") // init starts none
	b.write("rc", fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", b.dir+"/mirror"))
	b.repo("lib", "v1", map[string]string{"main.tf": "terraform {\n  required_providers {\n    fake = {\n      source  = \"hashicorp/fake\"\n      version = \"~> 1.2\"\n    }\n  }\n}\n"})
	const stacks = 6
	for n := range stacks {
		b.write(fmt.Sprintf("root/s%d/main.tf", n), call("lib", b.source("lib", "?ref=v1")))
	}
	one, two := b.installer(), b.installer() // as two processes have it
	var mu sync.Mutex
	now, most := 0, 0
	all := func(hook func(ctx context.Context, o InitOptions)) []*Prepared {
		t.Helper()
		out := make([]*Prepared, stacks)
		g, ctx := errgroup.WithContext(t.Context())
		for n := range stacks {
			g.Go(func() error {
				in := b.input(fmt.Sprintf("s%d", n), nil)
				run := in.Init
				in.Init = func(ctx context.Context, o InitOptions) error {
					mu.Lock()
					now++
					most = max(most, now)
					mu.Unlock()
					defer func() { mu.Lock(); now--; mu.Unlock() }()
					if hook != nil {
						hook(ctx, o)
					}
					if len(o.Unset) != 1 || len(o.Env) != 1 || o.Get {
						return fmt.Errorf("%+v", o)
					}
					return run(ctx, o)
				}
				p, err := []*Installer{one, two}[n%2].Prepare(ctx, in)
				if err == nil {
					p.Release()
				}
				out[n] = p
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, p := range all(nil) {
		if !p.Initialised || !p.Cheap {
			t.Errorf("%+v", p)
		}
	}
	if most != 1 {
		t.Errorf("%d wrote the cache at once", most)
	}
	cached := filepath.Join(b.dir, "cache/providers", strings.TrimPrefix(filepath.Dir(at), "mirror/"))
	if _, err := os.Stat(cached); err != nil {
		t.Error(err)
	}
	// Now each has its lock file, and only asks whether that still fits.
	all(nil)
	for _, p := range all(nil) {
		if !p.Unchanged {
			t.Errorf("%+v", p)
		}
	}
	for n := range stacks {
		if err := os.RemoveAll(filepath.Join(b.root, fmt.Sprintf("s%d", n), ".terraform")); err != nil {
			t.Fatal(err)
		}
	}
	// Two readers wait for each other: with one at a time they never meet.
	var met sync.WaitGroup
	met.Add(2)
	var count int
	all(func(ctx context.Context, o InitOptions) {
		if !o.ReadonlyLock {
			t.Error("the lock file may be written")
		}
		mu.Lock()
		count++
		first := count <= 2
		mu.Unlock()
		if first {
			met.Done()
			met.Wait()
		}
	})
	if err := os.RemoveAll(filepath.Join(b.dir, "cache/providers")); err != nil {
		t.Fatal(err)
	}
	for _, p := range all(nil) {
		if !p.Initialised {
			t.Errorf("the provider is gone, and nobody saw it: %+v", p)
		}
	}
	if p := b.prepare(one, b.input("s0", nil)); !p.Unchanged {
		t.Errorf("%+v", p)
	}
}

// Fifty stacks of five calls in ten repositories: cold one fetch for each
// repository, and warm nobody is asked.
func TestRequests(t *testing.T) {
	b := newBench(t)
	i := b.estate(12)
	count := func() (infos, packs int) {
		for _, r := range b.git.Requests() {
			if strings.Contains(r.Path, "/info/refs") {
				infos++
			} else {
				packs++
			}
		}
		return
	}
	infos, packs := count()
	b.prepareAll(i, 12)
	coldInfos, coldPacks := count()
	t.Logf("cold: %d lists of refs, %d others", coldInfos-infos, coldPacks-packs)
	// Without credentials first, with them then; git's protocol lists the refs
	// in a request of its own, and the other brings the pack.
	if coldInfos-infos > 2*10 || coldPacks-packs > 2*10 {
		t.Errorf("cold: %d lists of refs, %d others", coldInfos-infos, coldPacks-packs)
	}
	j := b.installer()
	j.Lock = i.Lock
	b.prepareAll(j, 12)
	if x, y := count(); x != coldInfos || y != coldPacks {
		t.Errorf("warm: %d requests", x-coldInfos+y-coldPacks)
	}
}
