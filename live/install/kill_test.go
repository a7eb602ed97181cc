package install

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// TestMain is a process that prepares a stack again and again, where the
// environment asks for one.
func TestMain(m *testing.M) {
	spec := os.Getenv("TERRIER_TEST_PREPARE")
	if spec == "" {
		os.Exit(m.Run())
	}
	var s struct {
		Cache, Root, Path, Product, Version string
		Entries                             []*lock.Entry
	}
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		panic(err)
	}
	for {
		i := &Installer{Cache: &repo.Cache{Dir: s.Cache}, Lock: &lock.File{Entries: s.Entries}, Path: s.Path, Product: s.Product, Version: s.Version}
		p, err := i.Prepare(context.Background(), Input{Root: s.Root, Stack: "s"})
		if err != nil {
			println(err.Error())
			os.Exit(3)
		}
		p.Release()
		_ = i.Close()
		_ = os.RemoveAll(filepath.Join(s.Root, ".terrier"))
	}
}

// Whenever it is killed, the next run makes it whole.
func TestKilled(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"main.tf": where}
	for n := range 40 {
		files["d"+string(rune('a'+n%20))+"/"+string(rune('a'+n/20))+".txt"] = "x"
	}
	id := b.repo("lib", "v1", files)
	b.write("root/s/main.tf", call("one", b.source("lib", "?ref=v1"))+call("two", b.source("lib", "?ref=v1")))
	i := b.installer()
	i.Lock = b.lockOf(b.entry(b.source("lib", ""), "v1", lock.KindTag, id))
	b.prepare(i, b.input("s", nil))
	want := listing(t, filepath.Join(b.root, "s/.terraform/modules"))
	spec, err := json.Marshal(map[string]any{"Cache": i.Cache.Dir, "Root": b.root, "Path": i.Path, "Product": i.Product, "Version": i.Version, "Entries": i.Lock.Entries})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "TERRIER_TEST_PREPARE="+string(spec))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(60+n*7) * time.Millisecond)
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() == 3 {
			t.Fatal(err)
		}
		b.prepare(i, b.input("s", nil))
		if got := listing(t, filepath.Join(b.root, "s/.terraform/modules")); got != want {
			t.Fatalf("after kill %d:\n%s", n, got)
		}
		if left, _ := filepath.Glob(filepath.Join(b.root, "s/.terraform", tempPrefix+"*")); len(left) > 0 {
			t.Error(left)
		}
		if !b.prepare(i, b.input("s", nil)).Unchanged {
			t.Error("and it is not left alone")
		}
	}
}
