package proof

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// liveFile is a file as the live commit left it, with strings replaced.
func liveFile(path string, oldNew ...string) op { return editedFile(liveEdits(), path, oldNew...) }

func editedFile(ops []op, path string, oldNew ...string) op {
	for _, o := range ops {
		if o.path != path || o.data == nil {
			continue
		}
		s := *o.data
		for i := 0; i < len(oldNew); i += 2 {
			if !strings.Contains(s, oldNew[i]) {
				panic(path + " does not contain " + oldNew[i])
			}
			s = strings.Replace(s, oldNew[i], oldNew[i+1], 1)
		}
		return write(path, s)
	}
	panic("not edited: " + path)
}

// Each fault is planted in repositories and records that agree with one
// another otherwise, and must be named with its kind, file and line.
func TestFaults(t *testing.T) {
	base := plainFixture(t)
	const prod = "live/prod/main.tf"
	tests := []struct {
		name    string
		plant   func(f *fixture)
		kind    string
		file    string
		line    int
		stack   string // whose verdict must be mismatch; with an address it is named
		address string
	}{
		{"ref", func(f *fixture) { f.amend("live", liveFile(prod, "service.git?ref=v1.0.0", "service.git?ref=v1.0.1")) }, "wrong-ref", prod, 9, "live/prod", "module.service"},
		{"no ref", func(f *fixture) { f.amend("live", liveFile(prod, "service.git?ref=v1.0.0", "service.git")) }, "wrong-ref", prod, 9, "live/prod", "module.service"},
		{"two refs", func(f *fixture) {
			f.amend("live", liveFile(prod, "service.git?ref=v1.0.0", "service.git?ref=v1.0.0&ref=v1.0.0"))
		}, "wrong-ref", prod, 9, "live/prod", "module.service"},
		{"branch for ref", func(f *fixture) { f.amend("live", liveFile(prod, "service.git?ref=v1.0.0", "service.git?ref=main")) }, "wrong-ref", prod, 9, "live/prod", "module.service"},
		{"ref that climbs", func(f *fixture) {
			f.amend("live", liveFile(prod, "service.git?ref=v1.0.0", "service.git?ref=../heads/main"))
		}, "wrong-ref", prod, 9, "live/prod", "module.service"},
		{"tag of another commit", func(f *fixture) {
			gitRun(f.t, f.dir("modules/service.git"), "", "tag", "v0.9.0", f.pkg("service").Extracted)
			f.amend("live", liveFile(prod, "service.git?ref=v1.0.0", "service.git?ref=v0.9.0"))
		}, "wrong-ref", prod, 9, "live/prod", "module.service"},
		{"repository", func(f *fixture) { f.amend("live", liveFile(prod, "tf/service.git", "tf/vpc.git")) }, "wrong-repository", prod, 9, "live/prod", "module.service"},
		{"unknown repository", func(f *fixture) { f.amend("live", liveFile(prod, "tf/service.git", "evil/service.git")) }, "wrong-repository", prod, 9, "live/prod", "module.service"},
		{"another parameter", func(f *fixture) {
			f.amend("live", liveFile(prod, "service.git?ref=v1.0.0", "service.git?ref=v1.0.0&depth=1"))
		}, "wrong-repository", prod, 9, "live/prod", "module.service"},
		{"subdirectory", func(f *fixture) { f.amend("live", liveFile(prod, "//modules/sub", "//modules/sup")) }, "wrong-subdirectory", prod, 13, "live/prod", "module.sub"},
		{"subdirectory left out", func(f *fixture) { f.amend("live", liveFile(prod, "//modules/sub", "")) }, "wrong-subdirectory", prod, 13, "live/prod", "module.sub"},
		{"subdirectory too many", func(f *fixture) {
			f.amend("live", liveFile("live/prod/own/main.tf", "vpc.git?", "vpc.git//examples/simple?"))
		}, "wrong-subdirectory", "live/prod/own/main.tf", 2, "live/prod", "module.own.module.vpc"},
		{"subdirectory climbs", func(f *fixture) { f.amend("live", liveFile(prod, "//modules/sub", "//../modules/sub")) }, "wrong-subdirectory", prod, 13, "live/prod", "module.sub"},
		{"subdirectory climbs back", func(f *fixture) { f.amend("live", liveFile(prod, "//modules/sub", "//modules/../modules/sub")) }, "wrong-subdirectory", prod, 13, "live/prod", "module.sub"},
		{"subdirectory is a pattern", func(f *fixture) { f.amend("live", liveFile(prod, "//modules/sub", "//modules/*")) }, "wrong-subdirectory", prod, 13, "live/prod", "module.sub"},
		{"tag moved", func(f *fixture) {
			gitRun(f.t, f.dir("modules/service.git"), "", "tag", "-f", "v1.0.0", f.pkg("service").Extracted)
		}, "tag-moved", "modules/service", 0, "live/prod", ""},
		{"tag of a tree", func(f *fixture) {
			gitRun(f.t, f.dir("modules/service.git"), "", "tag", "-f", "v1.0.0", f.pkg("service").Tip+"^{tree}")
		}, "tag-missing", "modules/service", 0, "live/prod", ""},
		{"tag gone", func(f *fixture) { gitRun(f.t, f.dir("modules/vpc.git"), "", "tag", "-d", "v1.0.0") }, "tag-missing", "modules/vpc", 0, "live/grunt", ""},
		{"branch of the tag's name", func(f *fixture) { gitRun(f.t, f.dir("modules/vpc.git"), "", "branch", "v1.0.0", "main") }, "ambiguous-tag", "modules/vpc", 0, "live/grunt", ""},
		{"main moved", func(f *fixture) {
			gitRun(f.t, f.dir("modules/service.git"), "", "update-ref", "refs/heads/main", f.pkg("service").Extracted)
		}, "main-moved", "modules/service", 0, "live/prod", ""},
		{"main is symbolic", func(f *fixture) {
			gitRun(f.t, f.dir("modules/service.git"), "", "symbolic-ref", "refs/heads/main", "refs/heads/other")
		}, "main-moved", "modules/service", 0, "live/prod", ""},
		{"byte of a live file", func(f *fixture) { f.amend("live", write("live/prod/terraform.tfvars", "a = 1\nb = 3\n")) }, "bytes-changed", "live/prod/terraform.tfvars", 2, "live/prod", ""},
		{"comment of a live file", func(f *fixture) {
			f.amend("live", liveFile("live/crlf/main.tf", "cidr = 1\r\n", "cidr = 1 # one\r\n"))
		}, "bytes-changed", "live/crlf/main.tf", 3, "live/crlf", ""},
		{"line ending", func(f *fixture) { f.amend("live", liveFile("live/crlf/main.tf", "cidr = 1\r\n", "cidr = 1\n")) }, "bytes-changed", "live/crlf/main.tf", 3, "live/crlf", ""},
		{"byte order mark", func(f *fixture) { f.amend("live", liveFile("live/crlf/main.tf", "\xef\xbb\xbf", "")) }, "bytes-changed", "live/crlf/main.tf", 1, "live/crlf", ""},
		{"byte of a package", func(f *fixture) { f.amend("vpc", write("templates/x.tpl", "hello\nworld?\n")) }, "bytes-changed", "modules/vpc/templates/x.tpl", 2, "live/crlf", ""},
		{"name of a called resource", func(f *fixture) {
			f.amend("vpc", write("main.tf", replaced("modules/vpc/main.tf", `"terraform_data" "vpc"`, `"terraform_data" "vpd"`)))
		}, "bytes-changed", "modules/vpc/main.tf", 9, "live/crlf", ""},
		{"a pin commit that does more", func(f *fixture) {
			f.amend("service", editedFile(serviceEdits(), "main.tf", "count  = 2", "count  = 3"))
		}, "pin-commit", "modules/service/main.tf", 2, "live/prod", ""},
		{"a file that ceases to parse", func(f *fixture) { f.amend("live", liveFile(prod, "module \"sub\" {", "module \"sub\" ")) }, "bytes-changed", prod, 12, "live/prod", ""},
		{"a version", func(f *fixture) { f.amend("live", liveFile(prod, "5.0.0", "5.0.1")) }, "bytes-changed", prod, 23, "live/prod", ""},
		{"mode of a package", func(f *fixture) { f.amend("service", write("run.sh", content("modules/service/run.sh"))) }, "mode-changed", "modules/service/run.sh", 0, "live/prod", ""},
		{"mode of a live file", func(f *fixture) { f.amend("live", writeMode("README.md", "100755", content("README.md"))) }, "mode-changed", "README.md", 0, "", ""},
		{"a symlink made a file", func(f *fixture) { f.amend("live", write("live/linked/main.tf", "../shared/main.tf")) }, "mode-changed", "live/linked/main.tf", 0, "live/linked", ""},
		{"a symlink's target", func(f *fixture) {
			f.amend("live", writeMode("live/linked/main.tf", "120000", "../ops/main.tf"))
		}, "bytes-changed", "live/linked/main.tf", 0, "live/linked", ""},
		{"call left out", func(f *fixture) {
			f.amend("live", liveFile(prod, "module \"own\" {\n  source = \"./own\"\n}\n", ""))
		}, "call-missing", prod, 18, "live/prod", "module.own"},
		{"call too many", func(f *fixture) {
			f.amend("live", liveFile(prod, "module \"own\"", "module \"extra\" {\n  source = \"./own\"\n}\nmodule \"own\""))
		}, "call-extra", prod, 18, "live/prod", "module.extra"},
		{"call in a new file", func(f *fixture) {
			f.amend("live", write("live/qa/extra.tf", "module \"extra\" {\n  source = \"../prod/own\"\n}\n"))
		}, "call-extra", "live/qa/extra.tf", 2, "live/qa", "module.extra"},
		{"call renamed", func(f *fixture) { f.amend("live", liveFile(prod, "module \"own\"", "module \"new\"")) }, "call-missing", prod, 18, "live/prod", "module.own"},
		{"override file gone", func(f *fixture) { f.amend("live", remove("live/ops/main_override.tf")) }, "wrong-repository", "live/ops/main.tf", 2, "live/ops", "module.vpc"},
		{"twin with another ref", func(f *fixture) { f.amend("live", liveFile("live/tofu/main.tofu", "v1.0.0", "v2.0.0")) }, "wrong-ref", "live/tofu/main.tofu", 2, "live/tofu", "module.vpc"},
		{"a branch of a conditional", func(f *fixture) {
			f.amend("live", liveFile("live/grunt/terragrunt.hcl", "service.git?ref=v1.0.0", "vpc.git?ref=v1.0.0"))
		}, "wrong-repository", "live/grunt/terragrunt.hcl", 2, "live/grunt", ""},
		{"source in JSON", func(f *fixture) {
			f.amend("live", liveFile("live/qa/main.tf.json", "vpc.git?ref=v1.0.0", "vpc.git?ref=v1"))
		}, "wrong-ref", "live/qa/main.tf.json", 5, "live/qa", "module.vpc"},
		{"byte in JSON", func(f *fixture) { f.amend("live", liveFile("live/qa/main.tf.json", "var.x", "var.y")) }, "bytes-changed", "live/qa/main.tf.json", 6, "live/qa", ""},
		{"through a symlink", func(f *fixture) { f.amend("live", liveFile("live/shared/main.tf", "v1.0.0", "v1.0")) }, "wrong-ref", "live/linked/main.tf", 2, "live/linked", "module.vpc"},
		{"still relative", func(f *fixture) {
			f.amend("live", liveFile(prod, serviceSource+"?ref=v1.0.0", "../../modules/service"))
		}, "target-moved", prod, 9, "live/prod", "module.service"},
		{"still relative in a package", func(f *fixture) {
			f.amend("service", write("main.tf", content("modules/service/main.tf")))
		}, "target-moved", "modules/service/main.tf", 3, "live/prod", ""},
		{"relative to another", func(f *fixture) { f.amend("live", liveFile(prod, `"./own"`, `"../shared"`)) }, "wrong-target", prod, 18, "live/prod", "module.own"},
		{"relative source that climbs out", func(f *fixture) { f.amend("live", liveFile(prod, `"./own"`, `"../../../../own"`)) }, "target-moved", prod, 18, "live/prod", "module.own"},
		{"registry source", func(f *fixture) {
			f.amend("live", liveFile(prod, "terraform-aws-modules/vpc/aws", "terraform-aws-modules/vpc/aws2"))
		}, "source-changed", prod, 22, "live/prod", "module.registry"},
		{"source made computed", func(f *fixture) { f.amend("live", liveFile(prod, `"./own"`, `"./${"own"}"`)) }, "source-changed", prod, 18, "live/prod", "module.own"},
		{"file too many in live", func(f *fixture) { f.amend("live", write("live/prod/extra.txt", "")) }, "file-extra", "live/prod/extra.txt", 0, "live/prod", ""},
		{"moved file kept in live", func(f *fixture) {
			f.amend("live", write("modules/vpc/templates/x.tpl", content("modules/vpc/templates/x.tpl")))
		}, "file-extra", "modules/vpc/templates/x.tpl", 0, "", ""},
		{"file too many in a package", func(f *fixture) { f.amend("vpc", write("extra.tf", "")) }, "file-extra", "modules/vpc/extra.tf", 0, "live/crlf", ""},
		{"file missing in live", func(f *fixture) { f.amend("live", remove("live/prod/terraform.tfvars")) }, "file-missing", "live/prod/terraform.tfvars", 0, "live/prod", ""},
		{"file missing in a package", func(f *fixture) { f.amend("vpc", remove("templates/x.tpl")) }, "file-missing", "modules/vpc/templates/x.tpl", 0, "live/crlf", ""},
		{"stack missing", func(f *fixture) { f.amend("live", remove("live/ops")) }, "file-missing", "live/ops/main.tf", 0, "live/ops", ""},
		{"backend", func(f *fixture) { f.amend("live", liveFile(prod, `key    = "prod"`, `key    = "qa"`)) }, "backend-changed", prod, 2, "live/prod", ""},
		{"backend left out", func(f *fixture) {
			f.amend("live", liveFile(prod, "backend \"s3\" {\n    bucket = \"state\"\n    key    = \"prod\"\n  }", ""))
		}, "backend-changed", prod, 2, "live/prod", ""},
		{"backend in JSON", func(f *fixture) { f.amend("live", liveFile("live/qa/main.tf.json", `"key": "qa"`, `"key": "qb"`)) }, "backend-changed", "live/qa/main.tf.json", 2, "live/qa", ""},
		{"remote state of terragrunt", func(f *fixture) { f.amend("live", liveFile("live/grunt/terragrunt.hcl", `"s3"`, `"s4"`)) }, "backend-changed", "live/grunt/terragrunt.hcl", 5, "live/grunt", ""},
		{"extracted tree", func(f *fixture) {
			p := f.pkg("vpc")
			p.Tip = commitTo(f.t, f.dir(p.Repository), p.Tip, nil, []op{write("templates/x.tpl", "hello\n")}, "refs/heads/main", "tag:v1.0.0")
			p.Extracted = p.Tip
		}, "extracted-tree", "modules/vpc", 0, "live/crlf", ""},
		{"history where there is none", func(f *fixture) { f.pkg("vpc").History = false }, "extracted-history", "modules/vpc", 0, "live/crlf", ""},
		{"pin commit without its parent", func(f *fixture) {
			p := f.pkg("service")
			p.Tip = commitTo(f.t, f.dir(p.Repository), p.Tip, nil, nil, "refs/heads/main", "tag:v1.0.0")
		}, "pin-parent", "modules/service", 0, "live/prod", ""},
		{"live on another parent", func(f *fixture) {
			l := &f.in.Live[0]
			l.Tip = commitTo(f.t, f.dir(l.Repository), l.Tip, []string{f.in.Commit + "^"}, nil, "refs/heads/main")
		}, "live-parent", ".", 0, "live/prod", ""},
		{"live of two parents", func(f *fixture) {
			l := &f.in.Live[0]
			l.Tip = commitTo(f.t, f.dir(l.Repository), l.Tip, []string{f.in.Commit, f.in.Commit + "^"}, nil, "refs/heads/main")
		}, "live-parent", ".", 0, "live/prod", ""},
		{"live branch", func(f *fixture) {
			gitRun(f.t, f.dir("live/live"), "", "update-ref", "refs/heads/main", f.in.Commit)
		}, "live-branch", ".", 0, "live/prod", ""},
		{"no live repository", func(f *fixture) { f.in.Live = nil }, "file-missing", "README.md", 0, "", ""},
		{"live repository gone", func(f *fixture) { must(f.t, os.RemoveAll(f.dir("live/live/.git"))) }, "repository-unreadable", ".", 0, "live/prod", ""},
		{"package gone", func(f *fixture) { must(f.t, os.RemoveAll(f.dir("modules/vpc.git"))) }, "repository-unreadable", "modules/vpc", 0, "live/crlf", ""},
		{"a package within a package", func(f *fixture) {
			p := *f.pkg("vpc")
			p.Name, p.Path, p.Repository, p.Source = "sub", "modules/vpc/modules/sub", "modules/sub.git", "git::ssh://h/sub.git"
			p.Root, p.Owns = p.Path, []string{p.Path}
			f.in.Packages = append(f.in.Packages, p)
		}, "two-owners", "modules/vpc/modules/sub", 0, "live/crlf", ""},
		{"a path in two live repositories", func(f *fixture) {
			l := f.in.Live[0]
			l.Name, l.Repository = "other", "live/other"
			must(f.t, os.CopyFS(f.dir("live/other"), os.DirFS(f.dir("live/live"))))
			f.in.Live = append(f.in.Live, l)
		}, "two-owners", "live/prod/main.tf", 0, "live/prod", ""},
		{"a name that climbs out", func(f *fixture) {
			dir := f.dir("live/live")
			blob := gitRun(f.t, dir, "x", "hash-object", "-w", "--stdin")
			entries := gitRun(f.t, dir, "", "ls-tree", f.in.Live[0].Tip) + "\n040000 tree " + f.in.Live[0].Tip + "\t..\n"
			entries = strings.Replace(entries, f.in.Live[0].Tip, gitRun(f.t, dir, "100644 blob "+blob+"\tx\n", "mktree"), 1)
			l := &f.in.Live[0]
			tree := gitRun(f.t, dir, entries, "mktree")
			l.Tip = gitRun(f.t, dir, "x\n", "commit-tree", "-p", f.in.Commit, tree)
			gitRun(f.t, dir, "", "update-ref", "refs/heads/main", l.Tip)
		}, "bad-path", ".", 0, "live/prod", ""},
		{"blob gone", func(f *fixture) {
			dir := f.dir("live/live")
			id := gitRun(f.t, dir, "", "rev-parse", "main:README.md")
			must(f.t, os.Remove(filepath.Join(dir, ".git/objects", id[:2], id[2:])))
		}, "missing-object", "README.md", 0, "", ""},
		{"blob damaged", func(f *fixture) {
			f.amend("live", liveFile("live/crlf/main.tf", "v1.0.0", "v1.0.1"))
			dir := f.dir("live/live")
			id, other := gitRun(f.t, dir, "", "rev-parse", "main:live/crlf/main.tf"), gitRun(f.t, dir, "", "rev-parse", "main:README.md")
			object := func(id string) string { return filepath.Join(dir, ".git/objects", id[:2], id[2:]) }
			data, err := os.ReadFile(object(other))
			must(f.t, err)
			must(f.t, os.Remove(object(id)))
			must(f.t, os.WriteFile(object(id), data, 0o444))
		}, "missing-object", "live/crlf/main.tf", 0, "live/crlf", ""},
	}
	kinds := map[string]bool{}
	for _, tt := range tests {
		kinds[tt.kind] = true
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := base.fork(t)
			if tt.name == "blob gone" || tt.name == "blob damaged" {
				loosen(t, f.dir("live/live"))
			}
			tt.plant(f)
			r := f.check()
			ok := slices.ContainsFunc(r.Mismatches, func(m Mismatch) bool {
				return m.Kind == tt.kind && m.File == tt.file && m.Line == tt.line && (tt.address == "" || m.Address == tt.address) && (tt.address == "" || m.Stack == tt.stack)
			})
			if !ok {
				t.Fatalf("no %s at %s:%d of %q %q in\n%s", tt.kind, tt.file, tt.line, tt.stack, tt.address, show(r))
			}
			if tt.stack != "" && r.stack(tt.stack).Verdict != VerdictMismatch {
				t.Fatalf("%s is %s in\n%s", tt.stack, r.stack(tt.stack).Verdict, show(r))
			}
		})
	}
	// The table in the package's documentation holds all kinds and no others.
	doc, err := os.ReadFile("doc.go")
	must(t, err)
	for _, kind := range []string{"symlink-broken", "copy-wrong", "attributes-changed"} { // TestFaultsInEveryShape
		kinds[kind] = true
	}
	_, table, _ := strings.Cut(string(doc), "# What is a mismatch")
	table, _, _ = strings.Cut(table, "# What is unproved")
	for _, line := range strings.Split(table, "\n") {
		if kind, ok := strings.CutPrefix(line, "//\t"); ok {
			kind, _, _ = strings.Cut(kind, " ")
			if !kinds[kind] {
				t.Errorf("no fault of kind %s was planted", kind)
			}
			delete(kinds, kind)
		}
	}
	for kind := range kinds {
		t.Errorf("kind %s is not documented", kind)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// loosen makes every object of a repository a file of its own.
func loosen(t testing.TB, dir string) {
	packs, err := filepath.Glob(filepath.Join(dir, ".git/objects/pack/*.pack"))
	must(t, err)
	for _, p := range packs {
		data, err := os.ReadFile(p)
		must(t, err)
		must(t, os.Remove(p))
		must(t, os.Remove(strings.TrimSuffix(p, "pack")+"idx"))
		cmd := exec.Command("git", "unpack-objects", "-q")
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(data)
		isolated(cmd, dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("unpack-objects: %v\n%s", err, out)
		}
	}
}

// Faults at random places, in each shape of repository. Refs and records agree
// each time, so that only the content can give the fault away.
func TestRandomMutations(t *testing.T) {
	for name, base := range map[string]*fixture{"plain": plainFixture(t), "wide": wideFixture(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			randomMutations(t, base)
		})
	}
}

func randomMutations(t *testing.T, base *fixture) {
	rng := rand.New(rand.NewPCG(1, 2))
	f := base.fork(t)
	if r := f.check(); len(r.Mismatches) > 0 {
		t.Fatalf("nothing is altered:\n%s", show(r))
	}
	var names []string
	for _, p := range f.in.Packages {
		names = append(names, p.Name)
	}
	for _, l := range f.in.Live {
		names = append(names, l.Name)
	}
	kinds := map[string]int{}
	refs, blobs := map[string][][]string{}, map[string][]byte{}
	for i := range 130 {
		name := names[rng.IntN(len(names))]
		f.in.Packages, f.in.Live = append([]Package{}, base.in.Packages...), append([]Live{}, base.in.Live...)
		repository, tip, root := f.written(name)
		dir := f.dir(repository)
		if refs[dir] == nil {
			for _, line := range strings.Split(gitRun(t, dir, "", "for-each-ref", "refs/heads", "refs/tags", "--format=%(refname) %(objectname)"), "\n") {
				refs[dir] = append(refs[dir], strings.Fields(line))
			}
		}
		files := strings.Split(memo(t, dir, "ls-tree", "-r", tip), "\n")
		meta, file, _ := strings.Cut(files[rng.IntN(len(files))], "\t")
		mode, id := meta[:6], meta[len(meta)-40:]
		if name == "lambda" && file == attributesFile {
			continue // it may be written in many ways
		}
		if _, ok := blobs[id]; !ok {
			blobs[id] = gitBytes(t, dir, "cat-file", "blob", id)
		}
		data := bytes.Clone(blobs[id])
		what, line := "", 0
		switch n := rng.IntN(10); {
		case n < 6 && len(data) > 0:
			at := rng.IntN(len(data))
			old := data[at]
			for data[at] == old {
				data[at] = byte(rng.IntN(256))
			}
			what, line = fmt.Sprintf("byte %d of %s from %q to %q", at, file, old, data[at]), 1+bytes.Count(data[:at], []byte("\n"))
			if mode == "120000" {
				line = 0
			}
			f.amend(name, writeMode(file, mode, string(data)))
		case n == 6:
			what = "removed " + file
			f.amend(name, remove(file))
		case n == 7:
			file = fmt.Sprintf("%s.%d", file, i)
			what = "added " + file
			f.amend(name, write(file, string(data)))
		case n == 8:
			what = "mode of " + file
			modes := map[string]string{"100644": "100755", "100755": "100644", "120000": "100644"}
			f.amend(name, writeMode(file, modes[mode], string(data)))
		default:
			at := rng.IntN(len(data) + 1)
			what, line = fmt.Sprintf("inserted at %d of %s", at, file), 0
			f.amend(name, writeMode(file, mode, string(data[:at])+string(rune('a'+rng.IntN(26)))+string(data[at:])))
		}
		r := f.check()
		for _, ref := range refs[dir] {
			setRef(t, dir, ref[0], ref[1])
		}
		named := path.Join(root, file)
		// A source in a file that has its meaning elsewhere is named there.
		links := map[string][]string{"live/shared/main.tf": {"live/qa/net/main2.tf", "live/prod/net/main.tf"}}[named]
		if !slices.ContainsFunc(r.Mismatches, func(m Mismatch) bool { return m.File == named || slices.Contains(links, m.File) }) {
			t.Fatalf("mutation %d, %s in %s, was not named:\n%s", i, what, name, show(r))
		}
		for _, m := range r.Mismatches {
			kinds[m.Kind]++
			if m.Kind == "bytes-changed" && m.File == named && line > 0 && m.Line != line && !strings.Contains(m.Summary, "does not parse") {
				t.Errorf("mutation %d, %s in %s: line %d, want %d", i, what, name, m.Line, line)
			}
		}
	}
	for _, kind := range []string{"bytes-changed", "mode-changed", "file-missing", "file-extra", "wrong-ref", "wrong-repository", "call-missing"} {
		if kinds[kind] == 0 {
			t.Errorf("no mutation was of kind %s: %v", kind, kinds)
		}
	}
	for _, kind := range []string{"main-moved", "tag-moved", "live-branch", "live-parent", "pin-parent", "extracted-tree", "copy-wrong", "two-owners"} {
		if kinds[kind] > 0 {
			t.Errorf("a mutation was given away by %s", kind)
		}
	}
}

func gitBytes(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	isolated(cmd, dir)
	out, err := cmd.Output()
	must(t, err)
	return out
}

func TestInputThatDoesNotFit(t *testing.T) {
	base := plainFixture(t)
	for name, damage := range map[string]func(in *Input){
		"commit":           func(in *Input) { in.Commit = "main" },
		"commit not there": func(in *Input) { in.Commit = strings.Repeat("1", 40) },
		"tip":              func(in *Input) { in.Packages[0].Tip = "" },
		"climbs":           func(in *Input) { in.Packages[0].Repository = "../x" },
		"absolute":         func(in *Input) { in.Live[0].Repository = "/x" },
		"tag":              func(in *Input) { in.Packages[0].Tag = "../x" },
		"source":           func(in *Input) { in.Packages[0].Source = "" },
		"two of one":       func(in *Input) { in.Packages[1].Source = in.Packages[0].Source },
		"no monorepo":      func(in *Input) { in.Monorepo = "/nowhere" },
		"stack":            func(in *Input) { in.Stacks = []string{"../x"} },
	} {
		t.Run(name, func(t *testing.T) {
			f := base.record(t)
			damage(&f.in)
			if r, err := Check(context.Background(), f.in); err == nil {
				t.Errorf("no error: %s", show(r))
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Check(ctx, base.in); err != context.Canceled {
		t.Errorf("a done context gave %v", err)
	}
}
