package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/modules/lock"
)

// What stands in the way of a plain copy is left to terraform init, and said.
func TestLeftToInit(t *testing.T) {
	b := newBench(t)
	b.repo("lib", "v1", map[string]string{"main.tf": where})
	b.repo("crlf", "v1", map[string]string{"main.tf": where, ".gitattributes": "*.txt text eol=crlf\n", "a.txt": "a\n"})
	b.repo("text", "v1", map[string]string{"main.tf": where, ".gitattributes": "*.txt text=auto\n* text=auto\n*.lf eol=lf\n*.bin export-ignore\n", "a.txt": "a\n", "b.lf": "b\n", "x.bin": "x"})
	b.repo("lfs", "v1", map[string]string{"main.tf": where, ".gitattributes": "*.zip filter=lfs diff=lfs merge=lfs -text\n", "a.zip": "z"})
	b.repo("ident", "v1", map[string]string{"main.tf": where, "sub/.gitattributes": "*.tf ident\n", "sub/x.tf": "# $Id$\n"})
	b.repo("head", "v1", map[string]string{"main.tf": "locals {\n  head = file(\"${path.module}/.git/HEAD\")\n}\n"})
	b.repo("files", "v1", map[string]string{"main.tf": "locals {\n  all = fileset(path.module, \"**\")\n}\n", "sub/main.tf": "locals {\n  all = fileset(path.module, \"**\")\n}\n", "json/main.tf": "locals {\n  all = fileset(\"${path.module}/..\", \"**/*.json\")\n}\n"})
	b.repo("script", "v1", map[string]string{"main.tf": "data \"external\" \"x\" {\n  program = [\"sh\", \"${path.module}/x.sh\"]\n}\n", "x.sh": "#!/bin/sh\ngit rev-parse HEAD\n"})
	b.repo("escape", "v1", map[string]string{"main.tf": call("x", "../lib")})
	b.repo("linkout", "v1", map[string]string{"main.tf": call("x", "./out"), "out": "-> ../../elsewhere"})
	for _, c := range []struct{ name, main, why string }{
		{"crlf", call("m", b.source("crlf", "?ref=v1")), "git converts a.txt at checkout (eol=crlf)"},
		{"text", call("m", b.source("text", "?ref=v1")), ""},
		{"lfs", call("m", b.source("lfs", "?ref=v1")), "(filter=lfs)"},
		{"ident", call("m", b.source("ident", "?ref=v1")), "(ident=set)"},
		{"head", call("m", b.source("head", "?ref=v1")), "names .git"},
		{"files", call("m", b.source("files", "?ref=v1")), "lists all files"},
		{"files-sub", call("m", b.source("files", "//sub?ref=v1")), "lists all files"},
		{"files-json", call("m", b.source("files", "//json?ref=v1")), ""},
		{"script", call("m", b.source("script", "?ref=v1")), "x.sh runs git"},
		{"escape", call("m", b.source("escape", "?ref=v1")), "leads out of its package"},
		{"linkout", call("m", b.source("linkout", "?ref=v1")), "not safe to write"},
		{"sshkey", call("m", b.source("lib", "?ref=v1&sshkey=abc")), "a parameter"},
		{"noref", call("m", b.source("lib", "?ref=nowhere")), "no such revision"},
		{"depthcommit", call("m", b.source("lib", "?depth=1&ref=0123456789012345678901234567890123456789")), "no such revision"},
		{"glob", call("m", b.source("lib", "//*?ref=v1")), "is a pattern"},
		{"zip", call("m", "https://127.0.0.1:1/x.zip"), "neither of git nor of a registry"},
		{"computed", "variable \"x\" {}\nmodule \"m\" {\n  source = var.x\n}\n", "not a plain string"},
		{"version", call("m", b.source("lib", "?ref=v1"), `version = "1"`), "of no registry"},
		{"broken", "module \"m\" {\n", "main.tf"},
		{"local", call("m", "../nowhere"), "is not there"},
		{"outside", call("m", "../../outside"), "leads out of the repository"},
		{"stack-git", "locals {\n  x = fileset(path.root, \"**\")\n}\n" + call("m", b.source("lib", "?ref=v1")), "lists all files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.write("root/"+c.name+"/main.tf", c.main)
			i, n := b.installer(), 0
			in := b.input(c.name, nil)
			in.Init = func(context.Context, InitOptions) error { n++; return nil }
			p, err := i.Prepare(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			p.Release()
			if c.why == "" && (!p.Cheap || n != 0) || c.why != "" && (p.Cheap || n != 1 || !strings.Contains(p.Why, c.why)) {
				t.Errorf("cheap %v, init %d times, because %q", p.Cheap, n, p.Why)
			}
		})
	}
	t.Run("tests", func(t *testing.T) {
		b.write("root/tests-stack/main.tf", call("m", b.source("lib", "?ref=v1")))
		b.write("root/tests-stack/tests/a.tftest.hcl", "run \"x\" {\n}\n")
		in := b.input("tests-stack", nil)
		in.Init = func(context.Context, InitOptions) error { return nil }
		if p := b.prepare(b.installer(), in); !strings.Contains(p.Why, "it has tests") {
			t.Error(p.Why)
		}
	})
	t.Run("another terraform", func(t *testing.T) {
		for _, v := range []struct{ product, version string }{{"terraform", "1.12.0"}, {"terraform", "1.11.0-rc1"}, {"tofu", "1.11.4"}, {"terraform", "1.110.0"}} {
			i, in := b.installer(), b.input("text", nil)
			i.Product, i.Version = v.product, v.version
			in.Init = func(context.Context, InitOptions) error { return nil }
			if p := b.prepare(i, in); p.Cheap || !strings.Contains(p.Why, v.version) {
				t.Errorf("%v: %q", v, p.Why)
			}
		}
	})
	t.Run("git's configuration", func(t *testing.T) {
		b.reset("text")
		t.Setenv("GIT_CONFIG_COUNT", "2")
		t.Setenv("GIT_CONFIG_KEY_1", "core.autocrlf")
		t.Setenv("GIT_CONFIG_VALUE_1", "true")
		in := b.input("text", nil)
		in.Init = func(context.Context, InitOptions) error { return nil }
		if p := b.prepare(b.installer(), in); !strings.Contains(p.Why, "core.autocrlf") {
			t.Error(p.Why)
		}
	})
}

func TestLock(t *testing.T) {
	b := newBench(t)
	one := b.repo("vpc", "v1.0.0", map[string]string{"main.tf": where + call("lib", b.source("lib", "?ref=v1"))})
	lib := b.repo("lib", "v1", map[string]string{"main.tf": where})
	b.write("root/s/main.tf", call("vpc", b.source("vpc", "?ref=v1.0.0")))
	full := b.lockOf(b.entry(b.source("vpc", ""), "v1.0.0", lock.KindTag, one), b.entry(b.source("lib", ""), "v1", lock.KindTag, lib))

	prepare := func(f *lock.File, off bool) (*Prepared, error) {
		i := b.installer()
		i.Lock, i.Off = f, off
		p, err := i.Prepare(t.Context(), b.input("s", nil))
		p.Release()
		return p, err
	}
	t.Run("same", func(t *testing.T) {
		c := *b
		c.t = t
		cheap, off := c.both("s", full, false)
		for _, p := range []*Prepared{cheap, off} {
			for _, m := range p.Modules {
				if !m.Locked || m.Commit == "" || len(p.Notes) > 0 {
					t.Errorf("%+v %v", m, p.Notes)
				}
			}
		}
	})
	t.Run("no lock file", func(t *testing.T) {
		p, err := prepare(nil, false)
		if err != nil || len(p.Notes) != 1 || p.Modules[0].Locked {
			t.Errorf("%+v %v", p, err)
		}
		b.reset("s")
	})
	t.Run("not locked", func(t *testing.T) {
		for _, off := range []bool{false, true} {
			b.reset("s")
			_, err := prepare(b.lockOf(full.Entries[1]), off) // the nested one is missing
			var missing *NotLocked
			if !errors.As(err, &missing) || missing.Key != "vpc.lib" || missing.Ref != "v1" {
				t.Errorf("off %v: %v", off, err)
			}
		}
	})
	t.Run("nobody is asked", func(t *testing.T) {
		b.reset("s")
		before := len(b.git.Requests())
		for range 2 {
			if p, err := prepare(full, false); err != nil || !p.Cheap {
				t.Fatalf("%+v %v", p, err)
			}
		}
		if n := len(b.git.Requests()); n != before {
			t.Errorf("%d requests", n-before)
		}
	})
	t.Run("moved", func(t *testing.T) {
		two := b.repo("vpc", "v1.0.0", map[string]string{"new.tf": "locals {}\n"})
		check := func(what string, err error) {
			t.Helper()
			var moved *LockMismatch
			if !errors.As(err, &moved) || moved.Locked != one || moved.Found != two || moved.Key != "vpc" || moved.Ref != "v1.0.0" {
				t.Errorf("%s: %v", what, err)
			}
		}
		// What nobody knows cheap init cannot know, and what it plans is what
		// is locked.
		p, err := prepare(full, false)
		if err != nil || p.Modules[0].Commit != one {
			t.Fatalf("%+v %v", p, err)
		}
		_, err = prepare(full, true)
		check("terraform init", err)
		b.reset("s")
		if err := os.RemoveAll(filepath.Join(b.dir, "cache")); err != nil {
			t.Fatal(err)
		}
		_, err = prepare(full, false)
		check("no mirror", err)
		_, err = prepare(nil, false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = prepare(full, false)
		check("a mirror that was fetched since", err)
	})
	t.Run("a lock that changes", func(t *testing.T) {
		two := b.run(b.dir+"/work/vpc", "git", "rev-parse", "HEAD")
		b.reset("s")
		now := b.lockOf(b.entry(b.source("vpc", ""), "v1.0.0", lock.KindTag, two), full.Entries[0])
		p, err := prepare(now, false)
		if err != nil || p.Modules[0].Commit != two {
			t.Fatalf("%+v %v", p, err)
		}
		if p, err := prepare(now, false); err != nil || !p.Unchanged {
			t.Errorf("%+v %v", p, err)
		}
		_, err = prepare(b.lockOf(now.Entries[1]), false)
		if !errors.As(err, new(*NotLocked)) {
			t.Errorf("an entry that is gone: %v", err)
		}
	})
}

// A stack that did not change is left alone, and any change is found.
func TestUnchanged(t *testing.T) {
	b := newBench(t)
	b.repo("vpc", "v1.0.0", map[string]string{"main.tf": where + call("sub", "./sub"), "sub/main.tf": where, "run.sh": "#!/bin/sh\n"})
	b.write("root/shared/main.tf", where)
	b.write("root/s/main.tf", call("vpc", b.source("vpc", "?ref=v1.0.0"))+call("own", "../shared"))
	i := b.installer()
	one := b.run(b.dir+"/work/vpc", "git", "rev-parse", "HEAD")
	i.Lock = b.lockOf(b.entry(b.source("vpc", ""), "v1.0.0", lock.KindTag, one))
	in := b.input("s", nil)
	at := func(name string) string { return filepath.Join(b.root, "s", ".terraform", name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	first := b.prepare(i, in)
	want := listing(t, at("modules"))
	if first.Unchanged || !b.prepare(i, in).Unchanged {
		t.Fatal("the second time something was done")
	}
	if got := b.prepare(i, in); !slices.Equal(commits(got), commits(first)) {
		t.Errorf("%s\n%s", commits(got), commits(first))
	}
	past := time.Now().Add(-time.Hour)
	for name, change := range map[string]func(){
		"a file is edited":              func() { must(os.WriteFile(at("modules/vpc/sub/main.tf"), []byte("locals {}\n"), 0o666)) },
		"a file is gone":                func() { must(os.Remove(at("modules/vpc/run.sh"))) },
		"a mode":                        func() { must(os.Chmod(at("modules/vpc/run.sh"), 0o644)) },
		"configuration is added":        func() { must(os.WriteFile(at("modules/vpc/sub/more.tf"), []byte("locals {}\n"), 0o666)) },
		"half of .terraform is removed": func() { must(os.RemoveAll(at("modules/vpc/sub"))) },
		"all of it is":                  func() { must(os.RemoveAll(at(""))) },
		"modules.json":                  func() { must(os.WriteFile(at("modules/modules.json"), []byte("{}"), 0o666)) },
		"terraform get": func() {
			b.run(filepath.Join(b.root, "s"), b.tf.Path, "get", "-update")
		},
		"a killed run": func() {
			must(os.Mkdir(at(tempPrefix+"next"), 0o777))
			must(os.Rename(at("modules"), at(tempPrefix+"last")))
		},
		"the record is damaged": func() {
			files, _ := filepath.Glob(filepath.Join(b.root, ".terrier/init/*.json"))
			if len(files) != 1 {
				t.Fatal(files)
			}
			must(os.WriteFile(files[0], []byte("{"), 0o600))
		},
		"an edit with its time put back": func() {
			name := at("modules/vpc/sub/main.tf")
			info, err := os.Stat(name)
			must(err)
			data, err := os.ReadFile(name)
			must(err)
			must(os.WriteFile(name, []byte(strings.Replace(string(data), "where", "whore", 1)), 0o666))
			must(os.Chtimes(name, info.ModTime(), info.ModTime()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			change()
			if p := b.prepare(i, in); p.Unchanged || !p.Cheap {
				t.Error("it was not found")
			}
			if got := listing(t, at("modules")); got != want {
				t.Errorf("not whole again:\n%s", got)
			}
			if left, _ := filepath.Glob(at(tempPrefix + "*")); len(left) > 0 {
				t.Error(left)
			}
			if !b.prepare(i, in).Unchanged {
				t.Error("and again")
			}
		})
	}
	t.Run("what a module writes beside itself stays", func(t *testing.T) {
		must(os.WriteFile(at("modules/vpc/lambda.zip"), []byte("zip"), 0o666))
		if !b.prepare(i, in).Unchanged {
			t.Error("done again")
		}
		if _, err := os.Stat(at("modules/vpc/lambda.zip")); err != nil {
			t.Error(err)
		}
		must(os.Remove(at("modules/vpc/lambda.zip")))
	})
	t.Run("an edit that calls the same", func(t *testing.T) {
		b.write("root/s/more.tf", "locals {\n  a = 1\n}\n")
		if p := b.prepare(i, in); !p.Unchanged {
			t.Errorf("%+v", p)
		}
		b.write("root/shared/more.tf", call("x", b.source("vpc", "//sub?ref=v1.0.0")))
		if p := b.prepare(i, in); p.Unchanged || len(p.Modules) != 4 {
			t.Errorf("%+v", p)
		}
	})
	_ = past
}

func TestRefused(t *testing.T) {
	b := newBench(t)
	b.repo("lib", "v1", map[string]string{"main.tf": where})
	other := filepath.Join(b.dir, "other")
	if err := os.MkdirAll(filepath.Join(other, "modules"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".terraform", ".terraform/modules"} {
		stack := strings.ReplaceAll(name, "/", "-")
		b.write("root/x"+stack+"/main.tf", call("m", b.source("lib", "?ref=v1")))
		b.write("root/x"+stack+"/"+name, "-> "+other)
		if _, err := b.installer().Prepare(t.Context(), b.input("x"+stack, nil)); !errors.Is(err, ErrOutside) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.write("root/link", "-> "+other)
	for _, stack := range []string{"link", "..", "a/../..", "/etc", "a\nb", ""} {
		if _, err := b.installer().Prepare(t.Context(), b.input(stack, nil)); err == nil {
			t.Errorf("%q was prepared", stack)
		}
	}
	b.write("root/ext/main.tf", call("m", "git::ext::sh -c id"))
	b.write("root/opt/main.tf", call("m", b.source("lib", "?ref=--upload-pack=id")))
	for _, stack := range []string{"opt"} {
		in := b.input(stack, nil)
		in.Init = func(context.Context, InitOptions) error { t.Errorf("%s: init was run", stack); return nil }
		if _, err := b.installer().Prepare(t.Context(), in); err == nil {
			t.Errorf("%q was prepared", stack)
		}
	}
	if entries, _ := os.ReadDir(other); len(entries) != 1 {
		t.Error(entries)
	}
	b.write("root2/.terrier", "-> "+other)
	b.write("root2/s/main.tf", "")
	in := b.input("s", nil)
	in.Root = filepath.Join(b.dir, "root2")
	if _, err := b.installer().Prepare(t.Context(), in); err == nil {
		t.Error("a .terrier that leads away was used")
	}
}

// Two environments of one stack do not get in each other's way.
func TestOneAtATime(t *testing.T) {
	b := newBench(t)
	b.write("root/s/main.tf", "terraform {\n  backend \"local\" {}\n}\n")
	i := b.installer()
	held := make(chan struct{})
	in := b.input("s", nil)
	in.Init = func(context.Context, InitOptions) error { return nil }
	p, err := i.Prepare(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		defer close(held)
		q, err := i.Prepare(ctx, in)
		if err == nil {
			q.Release()
			t.Error("two had it")
		}
	}()
	j := b.installer() // as another process has it
	ctx2, cancel2 := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, fmt.Errorf("waited"))
	defer cancel2()
	if q, err := j.Prepare(ctx2, in); err == nil {
		q.Release()
		t.Error("two processes had it")
	}
	cancel(errors.New("enough"))
	<-held
	p.Release()
	p.Release()
	b.prepare(i, in)
	b.prepare(j, in)
}

// init runs where there is something for it, with what it needs, and where
// nothing changed not again.
func TestInit(t *testing.T) {
	b := newBench(t)
	lib := b.repo("lib", "v1", map[string]string{"main.tf": where})
	b.write("root/s/main.tf", "terraform {\n  backend \"local\" {}\n}\n"+call("m", b.source("lib", "?ref=v1")))
	b.write("root/s/a.tfbackend", "path = \"a.tfstate\"\n")
	i, n := b.installer(), 0
	i.Lock = b.lockOf(b.entry(b.source("lib", ""), "v1", lock.KindTag, lib))
	run := func(config, account string) (*Prepared, int) {
		t.Helper()
		before := n
		in := b.input("s", &n, "-backend-config="+config)
		in.BackendConfig, in.Backend = []string{config}, account
		return b.prepare(i, in), n - before
	}
	asked := len(b.git.Requests())
	p, ran := run("a.tfbackend", "")
	mirror := len(b.git.Requests()) - asked
	if ran != 1 || !p.Initialised || !p.Cheap {
		t.Fatalf("%+v", p)
	}
	if p, ran := run("a.tfbackend", ""); ran != 0 || !p.Unchanged {
		t.Errorf("again: %+v", p)
	}
	if _, ran := run("path=b.tfstate", ""); ran != 1 { // reconfigures
		t.Error("another backend")
	}
	if _, ran := run("a.tfbackend", ""); ran != 1 {
		t.Error("and back")
	}
	b.write("root/s/a.tfbackend", "path = \"c.tfstate\"\n")
	if _, ran := run("a.tfbackend", ""); ran != 1 {
		t.Error("another file")
	}
	if _, ran := run("a.tfbackend", "other"); ran != 1 {
		t.Error("another account")
	}
	b.write("root/s/more.tf", "output \"x\" {\n  value = 1\n}\n")
	if p, ran := run("a.tfbackend", "other"); ran != 0 {
		t.Errorf("an output: %+v", p)
	}
	b.run(filepath.Join(b.root, "s"), b.tf.Path, "init", "-reconfigure", "-backend-config=path=z.tfstate")
	if _, ran := run("a.tfbackend", "other"); ran != 1 {
		t.Error("an init by hand")
	}
	// All of that was one fetch of the mirror: terraform has cloned nothing.
	if now := len(b.git.Requests()) - asked; now != mirror || mirror == 0 {
		t.Errorf("%d requests, %d of them for the mirror", now, mirror)
	}
	failing := b.input("s", nil)
	failing.Backend = "third"
	failing.Init = func(context.Context, InitOptions) error { return errors.New("no") }
	if _, err := i.Prepare(t.Context(), failing); err == nil {
		t.Error("an init that fails")
	}
	if _, ran := run("a.tfbackend", "other"); ran != 1 {
		t.Error("what failed was taken for done")
	}
}
