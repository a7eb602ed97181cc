package proof

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A fixture is a small monorepo and its split, written with git and by hand:
// nothing of Terrier has touched it.
type fixture struct {
	t  testing.TB
	in Input
}

// An op changes one path of a tree. With neither data, link nor id the path
// is deleted.
type op struct {
	path string
	mode string // "" for 100644
	data *string
}

func write(path, data string) op           { return op{path, "", &data} }
func writeMode(path, mode, data string) op { return op{path, mode, &data} }
func remove(path string) op                { return op{path: path} }
func isolated(cmd *exec.Cmd, home string) {
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.fsync", "GIT_CONFIG_VALUE_0=none",
		"GIT_AUTHOR_NAME=T", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=T", "GIT_COMMITTER_EMAIL=t@example.com", "GIT_COMMITTER_DATE=1700000000 +0000"}
}

func gitRun(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	isolated(cmd, dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %v in %s: %v\n%s", args, dir, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

var memos sync.Map

// memo is gitRun for a question about an object id, whose answer never changes.
func memo(t testing.TB, dir string, args ...string) string {
	t.Helper()
	key := strings.Join(args, " ")
	if v, ok := memos.Load(key); ok {
		return v.(string)
	}
	v := gitRun(t, dir, "", args...)
	memos.Store(key, v)
	return v
}

// gitDirOf is where a repository of a fixture has its objects and refs.
func gitDirOf(repo string) string {
	if fi, err := os.Stat(filepath.Join(repo, ".git")); err == nil && fi.IsDir() {
		return filepath.Join(repo, ".git")
	}
	return repo
}

// put writes one loose object, as git would, and returns its id.
func put(t testing.TB, repo, typ string, data []byte) string {
	t.Helper()
	object := append([]byte(fmt.Sprintf("%s %d\x00", typ, len(data))), data...)
	id := fmt.Sprintf("%x", sha1.Sum(object))
	dir := filepath.Join(gitDirOf(repo), "objects", id[:2])
	if _, err := os.Stat(filepath.Join(dir, id[2:])); err == nil {
		return id
	}
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	must(t, err)
	_, err = z.Write(object)
	must(t, errors.Join(err, z.Close(), os.MkdirAll(dir, 0o777), os.WriteFile(filepath.Join(dir, id[2:]), b.Bytes(), 0o444)))
	return id
}

// A leaf is a file of a tree: its mode and id.
type leaf struct{ mode, id string }

// leaves lists the tree of a commit or a tree, whose objects are in have.
func leaves(t testing.TB, repo, rev string, have map[string]bool) map[string]leaf {
	t.Helper()
	out := map[string]leaf{}
	for _, line := range strings.Split(strings.TrimSuffix(memo(t, repo, "ls-tree", "-r", "-t", "-z", rev), "\x00"), "\x00") {
		meta, path, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		f := strings.Fields(meta)
		have[f[2]] = true
		if f[1] != "tree" {
			out[path] = leaf{f[0], f[2]}
		}
	}
	return out
}

// putTree writes the trees of a list of files that are not there yet.
func putTree(t testing.TB, repo string, files map[string]leaf, have map[string]bool) string {
	t.Helper()
	type child struct{ name, mode, id string }
	below := map[string]map[string]leaf{}
	var list []child
	for p, l := range files {
		if dir, rest, ok := strings.Cut(p, "/"); ok {
			if below[dir] == nil {
				below[dir] = map[string]leaf{}
			}
			below[dir][rest] = l
			continue
		}
		list = append(list, child{p, l.mode, l.id})
	}
	for dir, in := range below {
		list = append(list, child{dir, "40000", putTree(t, repo, in, have)})
	}
	key := func(c child) string { return c.name + map[bool]string{true: "/"}[c.mode == "40000"] }
	slices.SortFunc(list, func(a, b child) int { return strings.Compare(key(a), key(b)) })
	var body []byte
	for _, c := range list {
		id, err := hex.DecodeString(c.id)
		must(t, err)
		body = append(append(body, c.mode+" "+c.name+"\x00"...), id...)
	}
	id := fmt.Sprintf("%x", sha1.Sum(append([]byte(fmt.Sprintf("tree %d\x00", len(body))), body...)))
	if !have[id] {
		put(t, repo, "tree", body)
	}
	return id
}

// initBare is git init --bare, and quicker.
func initBare(t testing.TB, dir string) {
	t.Helper()
	must(t, errors.Join(os.MkdirAll(filepath.Join(dir, "objects", "pack"), 0o777), os.MkdirAll(filepath.Join(dir, "refs", "heads"), 0o777),
		os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/main\n"), 0o666)))
}

// setRef points a ref at an object.
func setRef(t testing.TB, repo, ref, id string) {
	t.Helper()
	file := filepath.Join(gitDirOf(repo), filepath.FromSlash(ref))
	must(t, errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(id+"\n"), 0o666)))
}

// commitTo makes one commit: the tree of base ("" for none) with the ops made,
// these parents, and the refs set to it. Refs that begin with "tag:" become
// annotated tags. It starts no git, since hundreds of faults want one each.
func commitTo(t testing.TB, repo, base string, parents []string, ops []op, refs ...string) string {
	t.Helper()
	files, have := map[string]leaf{}, map[string]bool{}
	if base != "" {
		files = leaves(t, repo, base, have)
	}
	for _, o := range ops {
		for p := range files {
			if within(p, o.path) || o.data != nil && within(o.path, p) {
				delete(files, p)
			}
		}
		if o.data == nil {
			continue
		}
		mode := o.mode
		if mode == "" {
			mode = "100644"
		}
		files[o.path] = leaf{mode, put(t, repo, "blob", []byte(*o.data))}
	}
	const who = "T <t@example.com> 1700000000 +0000"
	var s strings.Builder
	fmt.Fprintf(&s, "tree %s\n", putTree(t, repo, files, have))
	for _, p := range parents {
		if !isID(p) {
			p = memo(t, repo, "rev-parse", p)
		}
		fmt.Fprintf(&s, "parent %s\n", p)
	}
	fmt.Fprintf(&s, "author %s\ncommitter %s\n\nx\n", who, who)
	id := put(t, repo, "commit", []byte(s.String()))
	for _, r := range refs {
		at := id
		if name, ok := strings.CutPrefix(r, "tag:"); ok {
			at, r = put(t, repo, "tag", []byte(fmt.Sprintf("object %s\ntype commit\ntag %s\ntagger %s\n\nx\n", id, name, who))), "refs/tags/"+name
		}
		setRef(t, repo, r, at)
	}
	return id
}

const (
	vpcSource     = "git::ssh://git@git.example.com/tf/vpc.git"
	serviceSource = "git::https://git.example.com/tf/service.git"
)

// monorepo is the tree that is split.
var monorepo = []op{
	write("README.md", "# All of it\n"),
	write("modules/vpc/main.tf", `# The network.
variable "cidr" {}

module "sub" {
  source = "./modules/sub"
  cidr   = var.cidr
}

resource "terraform_data" "vpc" {
  input = templatefile("${path.module}/templates/x.tpl", {})
}
`),
	write("modules/vpc/templates/x.tpl", "hello\nworld\n"),
	write("modules/vpc/modules/sub/main.tf", "variable \"cidr\" {}\n\noutput \"id\" {\n  value = var.cidr\n}\n"),
	write("modules/vpc/examples/simple/main.tf", "module \"vpc\" {\n  source = \"../..\"\n  cidr = 1\n}\n"),
	write("modules/service/main.tf", `module "vpc" {
  count  = 2
  source = "../vpc" # the network
  cidr   = "10.0.0.0/8"
}

module "sub" {
  source = "../vpc/modules/sub/"
  cidr   = "10.0.0.0/9"
}
`),
	writeMode("modules/service/run.sh", "100755", "#!/bin/sh\nexit 0\n"),
	writeMode("modules/service/again.sh", "120000", "run.sh"),
	write("live/prod/main.tf", `terraform {
  backend "s3" {
    bucket = "state"
    key    = "prod"
  }
}

module "service" {
  source = "../../modules/service"
}

module "sub" {
  source = "../../modules/vpc/modules/sub"
  cidr   = "10.0.0.0/16"
}

module "own" {
  source = "./own"
}

module "registry" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "5.0.0"
}
`),
	write("live/prod/own/main.tf", "module \"vpc\" {\n  source = \"../../../modules/vpc\"\n  cidr = 3\n}\n"),
	write("live/prod/terraform.tfvars", "a = 1\nb = 2\n"),
	write("live/qa/main.tf.json", `{
  "terraform": {"backend": {"s3": {"key": "qa"}}},
  "module": {
    "vpc": {
      "source": "../../modules\u002fvpc",
      "cidr": "${var.x}"
    }
  }
}
`),
	write("live/ops/main.tf", "module \"vpc\" {\n  source = \"../../modules/service\"\n  cidr = 1\n}\n"),
	write("live/ops/main_override.tf", "module \"vpc\" {\n  source = \"../../modules/vpc\"\n}\n"),
	write("live/tofu/main.tf", "module \"vpc\" {\n  source = \"../../modules/vpc\"\n  cidr = 1\n}\n"),
	write("live/tofu/main.tofu", "module \"vpc\" {\n  source = \"../../modules/service\"\n}\n"),
	write("live/grunt/terragrunt.hcl", "terraform {\n  source = true ? \"../../modules//vpc\" : \"../../modules/service\"\n}\n\nremote_state {\n  backend = \"s3\"\n}\n"),
	write("live/shared/main.tf", "module \"vpc\" {\n  source = \"../../modules/vpc\"\n  cidr = 1\n}\n"),
	writeMode("live/linked/main.tf", "120000", "../shared/main.tf"),
	write("live/crlf/main.tf", "\xef\xbb\xbfmodule \"vpc\" {\r\n  source = \"../../modules/vpc\"\r\n  cidr = 1\r\n}"),
}

var stacks = []string{"live/prod", "live/qa", "live/ops", "live/tofu", "live/grunt", "live/linked", "live/crlf"}

func content(path string) string {
	for _, o := range monorepo {
		if o.path == path {
			return *o.data
		}
	}
	panic("no such file: " + path)
}

func replaced(path string, oldNew ...string) string {
	s := content(path)
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(s, oldNew[i]) {
			panic(path + " does not contain " + oldNew[i])
		}
		s = strings.ReplaceAll(s, oldNew[i], oldNew[i+1])
	}
	return s
}

// liveEdits are what the live commit does.
func liveEdits() []op {
	vpc, sub, service := vpcSource+"?ref=v1.0.0", vpcSource+"//modules/sub?ref=v1.0.0", serviceSource+"?ref=v1.0.0"
	return []op{
		remove("modules"),
		write("live/prod/main.tf", replaced("live/prod/main.tf", "../../modules/service", service, "../../modules/vpc/modules/sub", sub)),
		write("live/prod/own/main.tf", replaced("live/prod/own/main.tf", "../../../modules/vpc", vpc)),
		write("live/qa/main.tf.json", replaced("live/qa/main.tf.json", `../../modules\u002fvpc`, vpc)),
		write("live/ops/main.tf", replaced("live/ops/main.tf", "../../modules/service", service)),
		write("live/ops/main_override.tf", replaced("live/ops/main_override.tf", "../../modules/vpc", vpc)),
		write("live/tofu/main.tf", replaced("live/tofu/main.tf", "../../modules/vpc", vpc)),
		write("live/tofu/main.tofu", replaced("live/tofu/main.tofu", "../../modules/service", service)),
		write("live/grunt/terragrunt.hcl", replaced("live/grunt/terragrunt.hcl", "../../modules//vpc", vpc, "../../modules/service", service)),
		write("live/shared/main.tf", replaced("live/shared/main.tf", "../../modules/vpc", vpc)),
		write("live/crlf/main.tf", replaced("live/crlf/main.tf", "../../modules/vpc", vpc)),
	}
}

func serviceEdits() []op {
	return []op{write("main.tf", replaced("modules/service/main.tf", `"../vpc"`, `"`+vpcSource+`?ref=v1.0.0"`, `"../vpc/modules/sub/"`, `"`+vpcSource+`//modules/sub?ref=v1.0.0"`))}
}

// shared holds the fixtures that tests share. They must not write to them.
var shared struct {
	plain, general sync.Once
	fixtures       [2]fixture
	dir            string
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "proof-")
	if err != nil {
		panic(err)
	}
	shared.dir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// plainFixture is the fixture without extras, made once.
func plainFixture(t testing.TB) *fixture {
	t.Helper()
	shared.plain.Do(func() { shared.fixtures[0] = *newFixtureIn(t, filepath.Join(shared.dir, "plain")) })
	f := shared.fixtures[0]
	f.t = t
	return &f
}

// newFixture writes the monorepo, with two commits, and its split. extra is
// added to the monorepo and, below live, kept there.
func newFixture(t testing.TB, extra ...op) *fixture {
	t.Helper()
	return newFixtureIn(t, t.TempDir(), extra...)
}

func newFixtureIn(t testing.TB, dir string, extra ...op) *fixture {
	t.Helper()
	mono, out := filepath.Join(dir, "mono"), filepath.Join(dir, "out")
	repo := func(dir string, bare bool) string {
		if bare {
			initBare(t, dir)
		} else {
			initBare(t, filepath.Join(dir, ".git"))
		}
		return dir
	}
	repo(mono, false)
	first := commitTo(t, mono, "", nil, []op{write("modules/vpc/main.tf", "# begun\n"), write("modules/service/main.tf", "")}, "refs/heads/main")
	commit := commitTo(t, mono, first, []string{first}, append(monorepo, extra...), "refs/heads/main")

	f := &fixture{t: t, in: Input{Monorepo: mono, Commit: commit, Out: out, Stacks: stacks}}
	extracted := func(path string) string {
		a := gitRun(t, mono, "x\n", "commit-tree", first+":"+path)
		return gitRun(t, mono, "x\n", "commit-tree", "-p", a, commit+":"+path)
	}
	vpc, service := repo(filepath.Join(out, "modules/vpc.git"), true), repo(filepath.Join(out, "modules/service.git"), true)
	id := extracted("modules/vpc")
	gitRun(t, mono, "", "push", "-q", vpc, id+":refs/heads/main")
	gitRun(t, vpc, "", "tag", "-a", "-m", "x", "v1.0.0", id)
	f.in.Packages = append(f.in.Packages, Package{Name: "vpc", Path: "modules/vpc", Root: "modules/vpc", Owns: []string{"modules/vpc"}, Repository: "modules/vpc.git", Source: vpcSource, Tag: "v1.0.0", Tip: id, Extracted: id, History: true})
	id = extracted("modules/service")
	gitRun(t, mono, "", "push", "-q", service, id+":refs/heads/main")
	tip := commitTo(t, service, id, []string{id}, serviceEdits(), "refs/heads/main", "tag:v1.0.0")
	f.in.Packages = append(f.in.Packages, Package{Name: "service", Path: "modules/service", Root: "modules/service", Owns: []string{"modules/service"}, Repository: "modules/service.git", Source: serviceSource, Tag: "v1.0.0", Tip: tip, Extracted: id, History: true})

	live := filepath.Join(out, "live/live")
	gitRun(t, dir, "", "clone", "-q", "-n", "--no-hardlinks", "--template=", mono, live)
	tip = commitTo(t, live, commit, []string{commit}, liveEdits(), "refs/heads/main")
	f.in.Live = []Live{{Name: "live", Repository: "live/live", Branch: "main", Tip: tip, Base: commit, Root: "."}}
	for _, repo := range []string{vpc, service, live} {
		if dir == filepath.Join(shared.dir, "plain") {
			gitRun(t, repo, "", "repack", "-a", "-d", "-q") // few files are quick to copy
		}
	}
	return f
}

// fork copies the written repositories, so that a test can damage them.
func (f *fixture) fork(t testing.TB) *fixture {
	t.Helper()
	g := f.record(t)
	g.in.Out = t.TempDir()
	must(t, filepath.WalkDir(f.in.Out, func(from string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(f.in.Out, from)
		to := filepath.Join(g.in.Out, rel)
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return os.MkdirAll(to, 0o777)
		case strings.Contains(filepath.ToSlash(rel), "/objects/"): // no one writes to these
			return os.Link(from, to)
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o666)
	}))
	return g
}

// record is the fixture with a record of its own, for a test that damages
// nothing else.
func (f *fixture) record(t testing.TB) *fixture {
	g := &fixture{t: t, in: f.in}
	g.in.Packages = append([]Package{}, f.in.Packages...)
	g.in.Live = append([]Live{}, f.in.Live...)
	return g
}

func (f *fixture) dir(repository string) string { return filepath.Join(f.in.Out, repository) }

func (f *fixture) pkg(name string) *Package {
	for i := range f.in.Packages {
		if f.in.Packages[i].Name == name {
			return &f.in.Packages[i]
		}
	}
	panic(name)
}

// written returns where a repository is, its recorded tip and its root in the
// monorepo, by the name of a package or a live repository.
func (f *fixture) written(name string) (repository, tip, root string) {
	for _, l := range f.in.Live {
		if l.Name == name {
			return l.Repository, l.Tip, l.Root
		}
	}
	p := f.pkg(name)
	return p.Repository, p.Tip, p.Root
}

// amend makes the last commit of a repository anew with the ops made, and
// records it, so that every ref and record agrees and only the content is off.
// A package without a pin commit gets one.
func (f *fixture) amend(name string, ops ...op) string {
	f.t.Helper()
	for i := range f.in.Live {
		if l := &f.in.Live[i]; l.Name == name {
			l.Tip = commitTo(f.t, f.dir(l.Repository), l.Tip, []string{l.Base}, ops, "refs/heads/main")
			return l.Tip
		}
	}
	p := f.pkg(name)
	refs := []string{"refs/heads/main"}
	for _, tag := range p.tags() {
		refs = append(refs, "tag:"+tag)
	}
	p.Tip = commitTo(f.t, f.dir(p.Repository), p.Tip, []string{p.Extracted}, ops, refs...)
	p.TagObjects = nil
	return p.Tip
}

func (f *fixture) check() *Report {
	f.t.Helper()
	r, err := Check(context.Background(), f.in)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func (r *Report) stack(path string) Stack {
	for _, s := range r.Stacks {
		if s.Path == path {
			return s
		}
	}
	return Stack{}
}

func show(r *Report) string {
	var s strings.Builder
	for _, st := range r.Stacks {
		fmt.Fprintf(&s, "stack %s: %s %d %q\n", st.Path, st.Verdict, st.Modules, st.Reasons)
	}
	for _, m := range r.Mismatches {
		fmt.Fprintf(&s, "mismatch %s %s:%d stack=%q address=%q %s\n", m.Kind, m.File, m.Line, m.Stack, m.Address, m.Summary)
	}
	for _, m := range r.Unproved {
		fmt.Fprintf(&s, "unproved %s %s:%d stack=%q address=%q %s\n", m.Kind, m.File, m.Line, m.Stack, m.Address, m.Summary)
	}
	return s.String()
}
