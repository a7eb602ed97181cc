package proof

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wide is a monorepo that needs every shape of repository:
//
//   - lambda reaches files outside itself: a package below platform, with
//     copies, with symlinks that were made files and directories, and with
//     attributes that came from the monorepo's root
//   - one and two are a group: they share a package, and call each other's
//     directories there
//   - x and y share a repository with a tag for each
//   - live/prod has a repository of its own, with all paths; live/ops one with
//     the prefix stripped; the rest is in live
var wide = []op{
	write(".gitattributes", "# of all\n*.py text eol=lf\n*.zip -text filter=lfs\n*.md ident export-ignore\n"),
	write("README.md", "# $Id$\n"),
	write("platform/modules/lambda/main.tf", `module "one" {
  source = "../one" # its sibling
}
locals {
  policy  = file("${path.module}/../../shared/policy.json")
  handler = file("${path.module}/handler.py")
}
`),
	write("platform/modules/lambda/handler.py", "print(1)\n"),
	write("platform/modules/lambda/README.md", "# No keyword in here\n"),
	writeMode("platform/modules/lambda/run.sh", "100755", "#!/bin/sh\n"),
	writeMode("platform/modules/lambda/again.sh", "120000", "run.sh"),
	writeMode("platform/modules/lambda/dangling", "120000", "nowhere"),
	writeMode("platform/modules/lambda/common.tf", "120000", "../../shared/common.tf"),
	writeMode("platform/modules/lambda/tool.sh", "120000", "../../shared/files/tool.sh"),
	writeMode("platform/modules/lambda/files", "120000", "../../shared/files"),
	writeMode("platform/modules/lambda/policy.json", "120000", "../../shared/policy.json"),
	write("platform/modules/lambda/.gitattributes", "run.sh text\n"),
	write("platform/shared/policy.json", "{}\n"),
	write("platform/shared/common.tf", "module \"two\" {\n  source = \"../two\"\n}\n"),
	write("platform/shared/files/a.txt", "a\n"),
	writeMode("platform/shared/files/tool.sh", "100755", "#!/bin/sh\nexit 1\n"),
	write("platform/shared/files/deep/b.txt", "b\n"),
	writeMode("platform/shared/files/deep/up.txt", "120000", "../a.txt"),
	writeMode("platform/shared/files/deep/out.json", "120000", "../../policy.json"),
	write("platform/modules/one/main.tf", "module \"two\" {\n  source = \"../two\"\n}\nmodule \"in\" {\n  source = \"../two/in\"\n}\n"),
	write("platform/modules/two/main.tf", "variable \"v\" {\n  default = 1\n}\n"),
	write("platform/modules/two/in/main.tf", "# inside\n"),
	write("tools/x/main.tf", "module \"y\" {\n  source = \"../y\"\n}\n"),
	write("tools/y/main.tf", "# y\n"),
	write("live/shared/main.tf", "module \"one\" {\n  source = \"../../../platform/modules/one\"\n}\n"),
	write("live/prod/net/backend.tf", "terraform {\n  backend \"s3\" {\n    key = \"prod/net\"\n  }\n}\n"),
	writeMode("live/prod/net/main.tf", "120000", "../../shared/main.tf"),
	write("live/prod/app/main.tf", `terraform {
  backend "s3" {
    key = "prod/app"
  }
}
module "lambda" {
  source = "../../../platform/modules/lambda"
}
module "x" {
  source = "../../../tools/x"
}
module "own" {
  source = "./own"
}
`),
	write("live/prod/app/own/main.tf", "module \"y\" {\n  source = \"../../../../tools/y\"\n}\n"),
	writeMode("live/prod/app/linked.tf", "120000", "../../linked/linked.tf"),
	write("live/linked/linked.tf", "module \"two\" {\n  source = \"../../../platform/modules/two\"\n}\n"),
	write("live/ops/app/main.tf", "terraform {\n  backend \"s3\" {\n    key = \"ops/app\"\n  }\n}\nmodule \"two\" {\n  source = \"../../../platform/modules/two\"\n}\nmodule \"in\" {\n  source = \"../in\"\n}\n"),
	write("live/ops/in/main.tf", "module \"in\" {\n  source = \"../../../platform/modules/two/in\"\n}\n"),
	write("live/qa/net/main.tf", "module \"lambda\" {\n  source = \"../../../platform/modules/lambda\"\n}\nlocals {\n  h = file(\"${path.module}/../../../platform/modules/lambda/handler.py\")\n}\n"),
	write("live/qa/reads/main.tf", "locals {\n  h = file(\"${path.module}/../../../platform/modules/lambda/handler.py\")\n}\n"),
	writeMode("live/qa/net/main2.tf", "120000", "../../shared/main.tf"),
	write("live/grunt/terragrunt.hcl", "terraform {\n  source = true ? \"../../platform//modules/two\" : (false ? \"../../tools//x\" : \"../../platform/modules/lambda\")\n}\n"),
}

var wideStacks = []string{"live/prod/net", "live/prod/app", "live/ops/app", "live/qa/net", "live/qa/reads", "live/grunt"}

const (
	lambdaCall = "git::https://git.example.com/lambda.git//modules/lambda?ref=v1.0.0"
	oneCall    = "git::https://git.example.com/group.git//one?ref=v1.0.0"
	twoCall    = "git::https://git.example.com/group.git//two?ref=v1.0.0"
	inCall     = "git::https://git.example.com/group.git//two/in?ref=v1.0.0"
	xCall      = "git::https://git.example.com/tools.git//x?ref=x%2Fv1.0.0"
	yCall      = "git::https://git.example.com/tools.git//y?ref=y/v1.0.0"
)

// wideFile is a file of the monorepo with strings replaced.
func wideFile(path string, oldNew ...string) string {
	for _, o := range wide {
		if o.path == path {
			s := *o.data
			for i := 0; i < len(oldNew); i += 2 {
				if !strings.Contains(s, oldNew[i]) {
					panic(path + " does not contain " + oldNew[i])
				}
				s = strings.Replace(s, oldNew[i], oldNew[i+1], 1)
			}
			return s
		}
	}
	panic(path)
}

func copyOf(path, owner string) Copy {
	sum := sha256.Sum256([]byte(wideFile(path)))
	return Copy{path, owner, "sha256:" + hex.EncodeToString(sum[:])}
}

// wideEdits are what the last commit of each repository does.
func wideEdits() map[string][]op {
	const up = "../../../platform/modules/"
	return map[string][]op{
		"lambda": {
			write(".gitattributes", "*.py text eol=lf\n"),
			write("modules/lambda/main.tf", wideFile("platform/modules/lambda/main.tf", "../one", oneCall)),
			write("modules/lambda/common.tf", wideFile("platform/shared/common.tf", "../two", twoCall)),
			writeMode("modules/lambda/tool.sh", "100755", wideFile("platform/shared/files/tool.sh")),
			write("modules/lambda/files/a.txt", "a\n"),
			writeMode("modules/lambda/files/tool.sh", "100755", wideFile("platform/shared/files/tool.sh")),
			write("modules/lambda/files/deep/b.txt", "b\n"),
			writeMode("modules/lambda/files/deep/up.txt", "120000", "../a.txt"),
			write("modules/lambda/files/deep/out.json", "{}\n"),
		},
		"prod": {
			write("live/shared/main.tf", wideFile("live/shared/main.tf", up+"one", oneCall)),
			write("live/prod/app/main.tf", wideFile("live/prod/app/main.tf", up+"lambda", lambdaCall, "../../../tools/x", xCall)),
			write("live/prod/app/own/main.tf", wideFile("live/prod/app/own/main.tf", "../../../../tools/y", yCall)),
			write("live/prod/app/linked.tf", wideFile("live/linked/linked.tf", up+"two", twoCall)),
		},
		"ops": {
			write("app/main.tf", wideFile("live/ops/app/main.tf", up+"two", twoCall)),
			write("in/main.tf", wideFile("live/ops/in/main.tf", up+"two/in", inCall)),
		},
		"live": {
			remove("platform/modules/lambda"), remove("platform/modules/one"), remove("platform/modules/two"), remove("tools"), remove("live/prod"), remove("live/ops"),
			write("platform/modules/lambda/handler.py", wideFile("platform/modules/lambda/handler.py")),
			write("live/shared/main.tf", wideFile("live/shared/main.tf", up+"one", oneCall)),
			write("live/qa/net/main.tf", wideFile("live/qa/net/main.tf", up+"lambda\"", lambdaCall+"\"")),
			write("live/grunt/terragrunt.hcl", wideFile("live/grunt/terragrunt.hcl", "../../platform//modules/two", twoCall, "../../tools//x", xCall, "../../platform/modules/lambda", lambdaCall)),
		},
	}
}

// wideFixture writes the monorepo and its split, once.
func wideFixture(t testing.TB) *fixture {
	t.Helper()
	shared.general.Do(func() { shared.fixtures[1] = *newWide(t, filepath.Join(shared.dir, "general"), wide, wideEdits()) })
	f := shared.fixtures[1]
	f.t = t
	return &f
}

func newWide(t testing.TB, dir string, tree []op, edits map[string][]op) *fixture {
	t.Helper()
	mono, out := filepath.Join(dir, "mono"), filepath.Join(dir, "out")
	initBare(t, mono)
	first := commitTo(t, mono, "", nil, []op{write("README.md", "# begun\n")}, "refs/heads/main")
	commit := commitTo(t, mono, "", []string{first}, tree, "refs/heads/main")
	f := &fixture{t: t, in: Input{Monorepo: mono, Commit: commit, Out: out, Stacks: wideStacks}}
	// begin makes a repository of some paths, with one commit, and gives its
	// tip; finish puts the edits on top.
	begin := func(repository, root string, paths []string) string {
		repo := filepath.Join(out, repository)
		initBare(t, repo)
		var ops []op
		for _, o := range tree {
			if slices.ContainsFunc(paths, func(p string) bool { return within(o.path, p) }) {
				o.path = strings.TrimPrefix(strings.TrimPrefix(o.path, root), "/")
				ops = append(ops, o)
			}
		}
		return commitTo(t, repo, "", nil, ops, "refs/heads/main")
	}
	finish := func(name, repository, tip string, refs ...string) string {
		if len(edits[name]) > 0 {
			repo := filepath.Join(out, repository)
			tip = commitTo(t, repo, tip, []string{tip}, edits[name], append(refs, "refs/heads/main")...)
		}
		return tip
	}
	pkg := func(p Package) {
		paths := slices.Clone(p.Owns)
		for _, c := range p.Copies {
			paths = append(paths, c.Path)
		}
		p.Repository, p.Source, p.History = "modules/"+p.Name+".git", "git::https://git.example.com/"+p.Name+".git", true
		p.Extracted = begin(p.Repository, p.Root, paths)
		p.Tip = finish(p.Name, p.Repository, p.Extracted)
		p.TagObjects = map[string]string{}
		for _, tag := range p.tags() {
			p.TagObjects[tag] = p.Tip
			setRef(t, filepath.Join(out, p.Repository), "refs/tags/"+tag, p.Tip)
		}
		f.in.Packages = append(f.in.Packages, p)
	}
	pkg(Package{Name: "lambda", Path: "platform/modules/lambda", Root: "platform", Owns: []string{"platform/modules/lambda"}, Tag: "v1.0.0",
		Copies: []Copy{copyOf("platform/shared/policy.json", "live/live")}})
	pkg(Package{Name: "group", Path: "platform/modules/one", Root: "platform/modules", Owns: []string{"platform/modules/one", "platform/modules/two"}, Tag: "v1.0.0"})
	pkg(Package{Name: "tools", Path: "tools/x", Root: "tools", Owns: []string{"tools"}, Tags: map[string]string{"tools/x": "x/v1.0.0", "tools/y": "y/v1.0.0"}})
	live := func(l Live) {
		l.Repository, l.Branch = "live/"+l.Name, "main"
		paths := slices.Clone(l.Paths)
		for _, c := range l.Copies {
			paths = append(paths, c.Path)
		}
		if l.Paths == nil {
			must(t, os.CopyFS(filepath.Join(out, l.Repository), os.DirFS(mono)))
			l.Base = commit
		} else {
			l.Base = begin(l.Repository, l.Root, paths)
		}
		l.Tip = finish(l.Name, l.Repository, l.Base)
		f.in.Live = append(f.in.Live, l)
	}
	live(Live{Name: "prod", Root: ".", Paths: []string{"live/prod"}, Copies: []Copy{copyOf("live/shared/main.tf", "live/live")}})
	live(Live{Name: "ops", Root: "live/ops", Paths: []string{"live/ops"}})
	live(Live{Name: "live", Root: ".", Copies: []Copy{copyOf("platform/modules/lambda/handler.py", "modules/lambda.git")}})
	if dir == filepath.Join(shared.dir, "general") { // few files are quick to copy
		for _, a := range f.in.Packages {
			gitRun(t, f.dir(a.Repository), "", "repack", "-a", "-d", "-q")
		}
		for _, a := range f.in.Live {
			gitRun(t, f.dir(a.Repository), "", "repack", "-a", "-d", "-q")
		}
	}
	return f
}

func TestProvedInEveryShape(t *testing.T) {
	f := wideFixture(t)
	r := f.check()
	if len(r.Mismatches) > 0 || len(r.Unproved) > 0 || r.Files != len(wide) || r.Packages != 3 {
		t.Fatalf("not proved: files %d packages %d\n%s", r.Files, r.Packages, show(r))
	}
	modules := map[string]int{"live/prod/net": 1 + 2, "live/prod/app": 1 + 3 + 1 + 1 + 1 + 1 + 1 + 1, "live/ops/app": 1 + 1 + 1, "live/qa/net": 1 + 3 + 1 + 1 + 2, "live/grunt": 1 + 2 + 1 + 3 + 1}
	for _, s := range r.Stacks {
		if s.Verdict != VerdictProved || s.Modules != modules[s.Path] {
			t.Errorf("%+v, want %d modules", s, modules[s.Path])
		}
	}
	// What the fixture's own writer made is what git takes for whole.
	for _, repository := range []string{"modules/lambda.git", "modules/group.git", "modules/tools.git", "live/prod", "live/ops", "live/live"} {
		if out := gitRun(t, f.dir(repository), "", "fsck", "--full", "--strict"); out != "" {
			t.Errorf("%s: %s", repository, out)
		}
	}
}

// The faults that only these shapes can have, each beside the fixture in which
// all is well.
func TestFaultsInEveryShape(t *testing.T) {
	base := wideFixture(t)
	const lambda = "platform/modules/lambda/"
	app := func(oldNew ...string) op {
		return editedFile(wideEdits()["prod"], "live/prod/app/main.tf", oldNew...)
	}
	tests := []struct {
		name  string
		plant func(f *fixture)
		kind  string
		file  string
		stack string // whose verdict must be mismatch, if any
	}{
		{"the tag of another module", func(f *fixture) { f.amend("prod", app("x%2Fv1.0.0", "y/v1.0.0")) }, "wrong-ref", "live/prod/app/main.tf", "live/prod/app"},
		{"a tag more on the same commit", func(f *fixture) {
			setRef(f.t, f.dir("modules/tools.git"), "refs/tags/v1.0.0", f.pkg("tools").Tip)
			f.amend("prod", app("x%2Fv1.0.0", "v1.0.0"))
		}, "wrong-ref", "live/prod/app/main.tf", "live/prod/app"},
		{"a module's tag gone", func(f *fixture) {
			must(f.t, os.Remove(filepath.Join(f.dir("modules/tools.git"), "refs/tags/y/v1.0.0")))
		}, "tag-missing", "tools/x", "live/prod/app"},
		{"a tag made anew on the same commit", func(f *fixture) {
			p := f.pkg("group")
			id := put(f.t, f.dir(p.Repository), "tag", []byte("object "+p.Tip+"\ntype commit\ntag v1.0.0\ntagger T <t@example.com> 1 +0000\n\nanother\n"))
			setRef(f.t, f.dir(p.Repository), "refs/tags/v1.0.0", id)
		}, "tag-moved", "platform/modules/one", "live/prod/net"},
		{"no subdirectory below another root", func(f *fixture) { f.amend("prod", app("//modules/lambda", "")) }, "wrong-subdirectory", "live/prod/app/main.tf", "live/prod/app"},
		{"the other of a group", func(f *fixture) {
			f.amend("ops", editedFile(wideEdits()["ops"], "app/main.tf", "//two?", "//one?"))
		}, "wrong-subdirectory", "live/ops/app/main.tf", "live/ops/app"},
		{"a call within a group", func(f *fixture) {
			f.amend("group", write("one/main.tf", wideFile("platform/modules/one/main.tf", "../two/in", "../two")))
		}, "wrong-target", "platform/modules/one/main.tf", "live/prod/net"},
		{"a byte of a copy", func(f *fixture) { f.amend("lambda", write("shared/policy.json", "{ }\n")) }, "bytes-changed", "platform/shared/policy.json", "live/prod/app"},
		{"a byte of a copy in live", func(f *fixture) { f.amend("live", write(lambda+"handler.py", "print(2)\n")) }, "bytes-changed", lambda + "handler.py", "live/qa/reads"},
		{"a copy gone", func(f *fixture) { f.amend("lambda", remove("shared/policy.json")) }, "file-missing", "platform/shared/policy.json", "live/prod/app"},
		{"a copy that no one listed", func(f *fixture) {
			f.amend("lambda", write("shared/common.tf", wideFile("platform/shared/common.tf")))
		}, "file-extra", "platform/shared/common.tf", "live/prod/app"},
		{"a copy that is not listed any more", func(f *fixture) { f.in.Live[2].Copies = nil }, "file-extra", lambda + "handler.py", ""},
		{"the source of a copy", func(f *fixture) {
			f.amend("prod", editedFile(wideEdits()["prod"], "live/shared/main.tf", "v1.0.0", "v1"))
		}, "wrong-ref", "live/prod/net/main.tf", "live/prod/net"},
		{"the mode of a copy", func(f *fixture) { f.amend("lambda", writeMode("shared/policy.json", "100755", "{}\n")) }, "mode-changed", "platform/shared/policy.json", "live/prod/app"},
		{"a copy's digest", func(f *fixture) {
			p := f.pkg("lambda")
			p.Copies = []Copy{p.Copies[0]}
			p.Copies[0].Digest = "sha256:" + strings.Repeat("0", 64)
		}, "copy-wrong", "platform/shared/policy.json", "live/prod/app"},
		{"a copy's owner", func(f *fixture) {
			p := f.pkg("lambda")
			p.Copies = []Copy{p.Copies[0]}
			p.Copies[0].Owner = "modules/group.git"
		}, "copy-wrong", "platform/shared/policy.json", "live/prod/app"},
		{"a copy of nothing", func(f *fixture) {
			p := f.pkg("lambda")
			p.Copies = append(slices.Clone(p.Copies), Copy{"platform/none", "live/live", p.Copies[0].Digest})
		}, "copy-wrong", "platform/none", "live/prod/app"},
		{"a directory of which only a copy is there", func(f *fixture) {
			f.amend("live", write("live/qa/net/main.tf", wideFile("live/qa/net/main.tf")))
		}, "target-moved", "live/qa/net/main.tf", "live/qa/net"},
		{"an owned path left in live", func(f *fixture) { f.amend("live", write("tools/y/main.tf", "# y\n")) }, "file-extra", "tools/y/main.tf", ""},
		{"an environment's file left in live", func(f *fixture) {
			f.amend("live", write("live/ops/in/main.tf", wideFile("live/ops/in/main.tf")))
		}, "file-extra", "live/ops/in/main.tf", "live/ops/app"},
		{"a file of the rest in an environment", func(f *fixture) { f.amend("prod", write("README.md", "# $Id$\n")) }, "file-extra", "README.md", ""},
		{"an environment's file gone", func(f *fixture) { f.amend("ops", remove("in/main.tf")) }, "file-missing", "live/ops/in/main.tf", "live/ops/app"},
		{"an environment's file at its old place", func(f *fixture) {
			f.amend("ops", remove("in"), write("live/ops/in/main.tf", wideEdits()["ops"][1].path))
		}, "file-missing", "live/ops/in/main.tf", "live/ops/app"},
		{"a backend of an environment", func(f *fixture) {
			f.amend("ops", editedFile(wideEdits()["ops"], "app/main.tf", `"ops/app"`, `"app"`))
		}, "backend-changed", "live/ops/app/main.tf", "live/ops/app"},
		{"an environment on another parent", func(f *fixture) {
			l := &f.in.Live[0]
			l.Tip = commitTo(f.t, f.dir(l.Repository), l.Tip, nil, nil, "refs/heads/main")
		}, "live-parent", ".", "live/prod/net"},
		{"an environment extracted with more", func(f *fixture) {
			l := &f.in.Live[0]
			l.Base = commitTo(f.t, f.dir(l.Repository), l.Base, nil, []op{write("live/x", "")})
			l.Tip = commitTo(f.t, f.dir(l.Repository), l.Tip, []string{l.Base}, nil, "refs/heads/main")
		}, "extracted-tree", ".", "live/prod/net"},
		{"a group extracted without its other half", func(f *fixture) {
			p := f.pkg("group")
			p.Extracted = commitTo(f.t, f.dir(p.Repository), p.Tip, nil, []op{remove("two")})
			p.Tip = commitTo(f.t, f.dir(p.Repository), p.Tip, []string{p.Extracted}, nil, "refs/heads/main")
			p.TagObjects = nil
			setRef(f.t, f.dir(p.Repository), "refs/tags/v1.0.0", p.Tip)
		}, "extracted-tree", "platform/modules/one", "live/prod/net"},
		{"two environments of one path", func(f *fixture) {
			l := f.in.Live[1]
			l.Name, l.Repository, l.Paths, l.Root = "more", "live/more", []string{"live/ops"}, "live/ops"
			must(f.t, os.CopyFS(f.dir("live/more"), os.DirFS(f.dir("live/ops"))))
			f.in.Live = append(f.in.Live, l)
		}, "two-owners", "live/ops", "live/ops/app"},
		{"two packages of one path", func(f *fixture) {
			f.pkg("group").Owns = []string{"platform/modules/one", "platform/modules/two", "platform/modules/lambda/files"}
		}, "two-owners", "platform/modules/lambda/files", "live/prod/app"},

		{"a link that was left a link", func(f *fixture) {
			f.amend("lambda", writeMode("modules/lambda/common.tf", "120000", "../../shared/common.tf"))
		}, "symlink-broken", lambda + "common.tf", "live/prod/app"},
		{"a link that need not be a file", func(f *fixture) {
			f.amend("lambda", writeMode("modules/lambda/again.sh", "100755", "#!/bin/sh\n"))
		}, "mode-changed", lambda + "again.sh", "live/prod/app"},
		{"a link that is as good with its copy", func(f *fixture) { f.amend("lambda", write("modules/lambda/policy.json", "{}\n")) }, "mode-changed", lambda + "policy.json", "live/prod/app"},
		{"a dangling link made a file", func(f *fixture) { f.amend("lambda", write("modules/lambda/dangling", "nowhere")) }, "mode-changed", lambda + "dangling", "live/prod/app"},
		{"a link left out", func(f *fixture) { f.amend("lambda", remove("modules/lambda/files")) }, "file-missing", lambda + "files", "live/prod/app"},
		{"a byte of what a link became", func(f *fixture) { f.amend("lambda", write("modules/lambda/files/deep/b.txt", "c\n")) }, "bytes-changed", lambda + "files/deep/b.txt", "live/prod/app"},
		{"the mode of what a link became", func(f *fixture) {
			f.amend("lambda", write("modules/lambda/tool.sh", wideFile("platform/shared/files/tool.sh")))
		}, "mode-changed", lambda + "tool.sh", "live/prod/app"},
		{"a file missing in what a link became", func(f *fixture) { f.amend("lambda", remove("modules/lambda/files/deep")) }, "file-missing", lambda + "files/deep", "live/prod/app"},
		{"a file more in what a link became", func(f *fixture) { f.amend("lambda", write("modules/lambda/files/c.txt", "")) }, "file-extra", lambda + "files/c.txt", "live/prod/app"},
		{"a directory where a link led to a file", func(f *fixture) {
			f.amend("lambda", remove("modules/lambda/tool.sh"), write("modules/lambda/tool.sh/x", ""))
		}, "mode-changed", lambda + "tool.sh", "live/prod/app"},
		{"the call of what a link became", func(f *fixture) {
			f.amend("lambda", editedFile(wideEdits()["lambda"], "modules/lambda/common.tf", twoCall, oneCall))
		}, "wrong-subdirectory", lambda + "common.tf", "live/prod/app"},
		{"the call of what a link became, left relative", func(f *fixture) {
			f.amend("lambda", write("modules/lambda/common.tf", wideFile("platform/shared/common.tf")))
		}, "target-moved", lambda + "common.tf", "live/prod/app"},
		{"more than the calls of what a link became", func(f *fixture) {
			f.amend("lambda", editedFile(wideEdits()["lambda"], "modules/lambda/common.tf", "}\n", "}\n# more\n"))
		}, "bytes-changed", lambda + "common.tf", "live/prod/app"},

		{"attributes left out", func(f *fixture) { f.amend("lambda", remove(".gitattributes")) }, "attributes-changed", lambda + "handler.py", "live/prod/app"},
		{"other attributes", func(f *fixture) { f.amend("lambda", write(".gitattributes", "*.py text eol=crlf\n")) }, "attributes-changed", lambda + "handler.py", "live/prod/app"},
		{"attributes of more files", func(f *fixture) {
			f.amend("lambda", write(".gitattributes", "*.py text eol=lf\n*.txt -text\n"))
		}, "attributes-changed", lambda + "files/a.txt", "live/prod/app"},
		{"attributes that hide files from an archive", func(f *fixture) {
			f.amend("lambda", write(".gitattributes", "*.py text eol=lf\n*.tf export-ignore\n"))
		}, "attributes-changed", lambda + "main.tf", "live/prod/app"},
		{"attributes that no file needs", func(f *fixture) { f.amend("group", write(".gitattributes", "*.py text eol=lf\n")) }, "file-extra", "platform/modules/.gitattributes", "live/prod/net"},
		{"attributes in another directory", func(f *fixture) {
			f.amend("lambda", remove(".gitattributes"), write("modules/.gitattributes", "*.py text eol=lf\n"))
		}, "file-extra", "platform/modules/.gitattributes", "live/prod/app"},
		{"attributes of a package's own", func(f *fixture) {
			f.amend("lambda", write("modules/lambda/.gitattributes", "run.sh -text\n"))
		}, "bytes-changed", lambda + ".gitattributes", "live/prod/app"},
		{"attributes of the rest", func(f *fixture) {
			f.amend("live", write(".gitattributes", wideFile(".gitattributes")+"*.hcl -text\n"))
		}, "bytes-changed", ".gitattributes", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := base.fork(t)
			tt.plant(f)
			r := f.check()
			if !slices.ContainsFunc(r.Mismatches, func(m Mismatch) bool { return m.Kind == tt.kind && m.File == tt.file }) {
				t.Fatalf("no %s at %s in\n%s", tt.kind, tt.file, show(r))
			}
			if tt.stack != "" && r.stack(tt.stack).Verdict != VerdictMismatch {
				t.Fatalf("%s is %s in\n%s", tt.stack, r.stack(tt.stack).Verdict, show(r))
			}
			for _, s := range r.Stacks {
				if strings.HasPrefix(tt.file, "live/") && s.Path != tt.stack && s.Verdict == VerdictMismatch && !strings.HasPrefix(tt.name, "two ") {
					t.Errorf("%s is no less wrong:\n%s", s.Path, show(r))
				}
			}
		})
	}
}

// What depends on a path cannot be proved where a prefix of it was stripped.
func TestStrippedPrefix(t *testing.T) {
	tests := []struct {
		name, file, data string
		line             int // 0: nothing depends
	}{
		{"a working directory", "app/x.tf", "locals {\n  a = path.cwd\n}\n", 2},
		{"an absolute path", "app/x.tf", "locals { a = basename(abspath(path.root)) }\n", 1},
		{"a file above", "app/x.tf", "locals {\n\n  a = file(\"${path.module}/../../../shared/x\")\n}\n", 3},
		{"a state above", "app/x.tfbackend", "path = \"../../../state/x\"\n", 1},
		{"a function of terragrunt", "root.hcl", "locals {\n  a = path_relative_to_include()\n}\n", 2},
		{"in JSON", "app/x.tf.json", "{\"locals\": {\"a\": \"${path.cwd}\"}}\n", 1},
		{"only a comment", "app/x.tf", "# abspath and path.cwd and ../../../..\n", 0},
		{"a file inside", "app/x.tf", "locals { a = file(\"${path.module}/../in/x\") }\n", 0},
		{"another stack's", "other/x.tf", "locals { a = path.cwd }\n", 0},
		{"an address", "app/x.tf", "locals { a = \"https://h/../../../../x\" }\n", 0},
		{"no configuration", "app/x.md", "path.cwd", 0},
		{"a name that only looks so", "app/x.tf", "locals { a = var.cwd }\n", 0},
	}
	tree := slices.Clone(wide)
	dir := func(i int) string { return fmt.Sprintf("live/ops/%d", i) }
	for i, tc := range tests {
		tree = append(tree, write(dir(i)+"/app/main.tf", "# A stack.\n"), write(dir(i)+"/"+tc.file, tc.data))
	}
	f := newWide(t, t.TempDir(), tree, wideEdits())
	f.in.Stacks = []string{"live/prod/net"}
	for i := range tests {
		f.in.Stacks = append(f.in.Stacks, dir(i)+"/app")
	}
	r := f.check()
	if len(r.Mismatches) > 0 || r.stack("live/prod/net").Verdict != VerdictProved {
		t.Errorf("where nothing is stripped:\n%s", show(r))
	}
	for i, tc := range tests {
		want := VerdictProved
		if tc.line > 0 {
			want = VerdictUnproved
			if !slices.ContainsFunc(r.Unproved, func(u Unproved) bool {
				return u.Kind == "path-dependent" && u.File == dir(i)+"/"+tc.file && u.Line == tc.line && u.Stack == dir(i)+"/app"
			}) {
				t.Errorf("%s is not named:\n%s", tc.name, show(r))
			}
		}
		if s := r.stack(dir(i) + "/app"); s.Verdict != want {
			t.Errorf("%s: %+v, want %s", tc.name, s, want)
		}
	}
}

// A record that does not fit is an error, before anything is read.
func TestShapesThatDoNotFit(t *testing.T) {
	base := wideFixture(t)
	digest := "sha256:" + strings.Repeat("0", 64)
	for name, damage := range map[string]func(in *Input){
		"no owned path":         func(in *Input) { in.Packages[0].Owns = nil },
		"owns what is above":    func(in *Input) { in.Packages[0].Owns = []string{"."} },
		"owns twice":            func(in *Input) { in.Packages[0].Owns = []string{"platform/modules/lambda", "platform/modules/lambda"} },
		"does not own its path": func(in *Input) { in.Packages[0].Path = "platform/modules/one" },
		"no root":               func(in *Input) { in.Packages[0].Root = "" },
		"a root that climbs":    func(in *Input) { in.Packages[0].Root = "../x" },
		"a copy from above":     func(in *Input) { in.Packages[1].Copies = []Copy{{"README.md", "live/live", digest}} },
		"a copy without digest": func(in *Input) { in.Packages[1].Copies = []Copy{{"platform/modules/x", "live/live", "sha256:0"}} },
		"a copy of its own":     func(in *Input) { in.Packages[1].Copies = []Copy{{"platform/modules/one", "live/live", digest}} },
		"no tag":                func(in *Input) { in.Packages[1].Tag = "" },
		"a tag that climbs":     func(in *Input) { in.Packages[2].Tags = map[string]string{"tools/x": "../x"} },
		"an object of no tag":   func(in *Input) { in.Packages[2].TagObjects = map[string]string{"z": in.Commit} },
		"a base that is none":   func(in *Input) { in.Live[0].Base = "main" },
		"rest on another base":  func(in *Input) { in.Live[2].Base = in.Live[0].Base },
		"rest below a root":     func(in *Input) { in.Live[2].Root = "live" },
		"no path":               func(in *Input) { in.Live[0].Paths = []string{} },
		"a path outside":        func(in *Input) { in.Live[1].Paths = []string{"live/prod"} },
	} {
		f := base.record(t)
		damage(&f.in)
		if r, err := Check(t.Context(), f.in); err == nil || !strings.Contains(err.Error(), "record of the split is damaged") {
			t.Errorf("%s: %v\n%s", name, err, fmt.Sprint(r))
		}
	}

}
