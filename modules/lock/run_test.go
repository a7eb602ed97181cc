package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/fixtures/githttp"
)

func module(name, source string, more ...string) string {
	return fmt.Sprintf("module %q {\n  source = %q\n%s\n}\n", name, source, strings.Join(more, "\n"))
}

// What moved is told, with both commits, and not followed until somebody asks.
func TestMoved(t *testing.T) {
	h := newHome(t)
	dir := h.repository("vpc", map[string]string{"main.tf": "# one\n"})
	h.git(dir, "tag", "v1.0.0")
	h.git(dir, "branch", "old")
	h.git(dir, "branch", "gone")
	one := h.id(dir, "HEAD")
	vpc := h.url("vpc")
	calls := []Call{call(t, vpc, ""), call(t, vpc+"?ref=v1.0.0", ""), call(t, vpc+"?ref=old", ""), call(t, vpc+"?ref=gone", ""), call(t, vpc+"?ref="+one, "")}
	first := h.run(calls, nil, Config{})
	if len(first.Added) != 5 || len(first.Problems)+len(first.Failures) != 0 || first.Remotes != 1 {
		t.Fatalf("%+v", first)
	}
	if e := first.File.Find(vpc, one); e == nil || !slices.Equal(e.Tags, []string{"v1.0.0"}) {
		t.Errorf("tags of the commit: %+v", e)
	}
	if r := h.run(calls, first.File, Config{Check: true}); rules(r) != "" || !r.Complete {
		t.Fatalf("%+v", r.Problems)
	}

	two := h.commit(dir, map[string]string{"main.tf": "# two\n"})
	h.git(dir, "tag", "-f", "v1.0.0")
	h.git(dir, "branch", "-D", "gone", "-q")
	for _, check := range []bool{true, false} {
		r := h.run(calls, first.File, Config{Check: check})
		// The tag once for its own entry, once for the pinned commit.
		if rules(r) != "moved-branch moved-tag moved-tag unknown-ref" || len(r.Failures) != 0 {
			t.Fatalf("%v: %s %+v", check, rules(r), r.Failures)
		}
		for _, p := range r.Problems {
			if p.Locked != one || p.Rule != UnknownRef && p.Found != two || !strings.Contains(p.Summary, one[:12]) {
				t.Errorf("%+v", p)
			}
		}
		if !same2(r.File, first.File) || len(r.Added)+len(r.Dropped)+len(r.Updated) != 0 {
			t.Errorf("%v: the lock changed", check)
		}
	}
	// Offline nobody looks.
	if r := h.run(calls, first.File, Config{Check: true, Offline: true}); rules(r) != "" || len(r.Failures) != 0 {
		t.Errorf("%s %+v", rules(r), r.Failures)
	}
	// Asked for, it is taken; what cannot be had keeps its entry.
	r := h.run(calls, first.File, Config{Update: func(a string) bool { return a == vpc }})
	if rules(r) != "unknown-ref" || len(r.Updated) != 3 {
		t.Fatalf("%s %+v", rules(r), r.Updated)
	}
	for ref, want := range map[string]string{"": two, "v1.0.0": two, "old": one, "gone": one, one: one} {
		if e := r.File.Find(vpc, ref); e == nil || e.Commit != want {
			t.Errorf("%q: %+v", ref, e)
		}
	}
	if e := r.File.Find(vpc, one); len(e.Tags) != 0 {
		t.Errorf("%v", e.Tags)
	}
}

func same2(a, b *File) bool { return string(a.Bytes()) == string(b.Bytes()) }

// Each rule that a check has, and that a plain run mends what it can.
func TestCheck(t *testing.T) {
	h := newHome(t)
	dir := h.repository("vpc", map[string]string{"main.tf": "# one\n"})
	h.git(dir, "tag", "v1.0.0")
	h.repository("dns", map[string]string{"main.tf": module("leaf", h.url("leaf"))})
	h.repository("leaf", map[string]string{"main.tf": ""})
	calls := []Call{call(t, h.url("vpc")+"?ref=v1.0.0", ""), call(t, h.url("dns"), "")}
	full := h.run(calls, nil, Config{}).File
	if len(full.Entries) != 3 {
		t.Fatalf("%s", full.Bytes())
	}
	edit := func(change func(f *File)) *File {
		f, diags := Parse(full.Bytes(), Name)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		change(f)
		return f
	}
	drop := func(address string) func(*File) {
		return func(f *File) {
			f.Entries = slices.DeleteFunc(f.Entries, func(e *Entry) bool { return e.Address == address })
		}
	}
	extra := &Entry{Address: "git::https://nowhere.example.com/x.git", Ref: "v1", Kind: KindTag, Commit: someCommit, Hash: someHash}
	for name, c := range map[string]struct {
		lock  *File
		want  string
		plain string // without --check
	}{
		"as it is":           {full, "", ""},
		"no file":            {nil, "not-locked not-locked", ""},
		"not locked":         {edit(drop(h.url("vpc"))), "not-locked", ""},
		"nested, not locked": {edit(drop(h.url("leaf"))), "not-locked", ""},
		"unused":             {edit(func(f *File) { f.Entries = append(f.Entries, extra); f.Sort() }), "unused-entry", ""},
		"hash":               {edit(func(f *File) { f.Find(h.url("vpc"), "v1.0.0").Hash = someHash }), "hash-differs", "hash-differs"},
		"lost commit":        {edit(func(f *File) { f.Find(h.url("vpc"), "v1.0.0").Commit = someCommit }), "moved-tag unknown-ref", "moved-tag unknown-ref"},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.run(calls, c.lock, Config{Check: true})
			if rules(r) != c.want || len(r.Failures) > 0 {
				t.Errorf("check: %s %+v %+v", rules(r), r.Problems, r.Failures)
			}
			if r.File != c.lock && c.lock != nil {
				t.Error("a check has a new file")
			}
			r = h.run(calls, c.lock, Config{})
			if rules(r) != c.plain {
				t.Errorf("plain: %s", rules(r))
			}
			if c.plain == "" && !same2(r.File, full) {
				t.Errorf("not mended\n%s", r.File.Bytes())
			}
		})
	}
	// A nested call is named with its package.
	r := h.run(calls, edit(drop(h.url("leaf"))), Config{Check: true})
	if p := r.Problems[0]; p.Place != (Place{Package: h.url("dns"), File: "main.tf", Line: 2}) {
		t.Errorf("%+v", p.Place)
	}
}

// A branch that takes a tag's place on the same commit is told: it can move,
// and a lock file that calls it a tag would let it pass for a release.
func TestKind(t *testing.T) {
	h := newHome(t)
	dir := h.repository("vpc", map[string]string{"main.tf": "# one\n"})
	h.git(dir, "tag", "v1.0.0")
	calls := []Call{call(t, h.url("vpc")+"?ref=v1.0.0", "")}
	full := h.run(calls, nil, Config{}).File
	h.git(dir, "tag", "-d", "v1.0.0")
	h.git(dir, "branch", "v1.0.0")
	r := h.run(calls, full, Config{Check: true})
	if rules(r) != "moved-tag" || r.Problems[0].Summary != `the lock has "v1.0.0" as a tag, and it is a branch, on the same commit` {
		t.Errorf("%+v", r.Problems)
	}
	if r = h.run(calls, full, Config{}); rules(r) != "moved-tag" || !same2(r.File, full) {
		t.Errorf("%+v", r.Problems)
	}
	r = h.run(calls, full, Config{Update: func(string) bool { return true }})
	if rules(r) != "" || len(r.Updated) != 1 || r.File.Entries[0].Kind != KindBranch {
		t.Errorf("%+v", r)
	}
}

// A remote may give a commit that no branch and no tag leads to, one of a fork
// among them. terraform's clone does not have it.
func TestUnreached(t *testing.T) {
	h := newHome(t)
	dir := h.repository("vpc", map[string]string{"main.tf": "# one\n"})
	below := h.id(dir, "HEAD")
	h.commit(dir, map[string]string{"main.tf": "# two\n"})
	h.git(dir, "checkout", "-q", "-b", "side")
	side := h.commit(dir, map[string]string{"main.tf": "# not merged\n"})
	h.git(dir, "checkout", "-q", "main")
	pin := func(commit string) []Call { return []Call{call(t, h.url("vpc")+"?ref="+commit, "")} }
	for _, commit := range []string{below, side} {
		if r := h.run(pin(commit), nil, Config{}); rules(r) != "" || len(r.File.Entries) != 1 {
			t.Errorf("%+v", r)
		}
	}
	locked := h.run(pin(side), nil, Config{}).File
	h.git(dir, "branch", "-D", "side")

	// The mirror has it. An entry stays, and is told; none is made.
	for _, c := range []Config{{Check: true}, {}} {
		r := h.run(pin(side), locked, c)
		if rules(r) != "unknown-ref" || !strings.Contains(r.Problems[0].Summary, "no branch and no tag of the remote leads to") || !same2(r.File, locked) {
			t.Errorf("%+v\n%s", r.Problems, r.File.Bytes())
		}
	}
	for _, ref := range []string{side, side[:10]} {
		if r := h.run(pin(ref), nil, Config{}); rules(r) != "unknown-ref" || len(r.File.Entries) != 0 || len(r.Failures) > 0 {
			t.Errorf("%s: %+v %+v", ref, r.Problems, r.File.Entries)
		}
	}
	// A mirror that is new asks for it by its id.
	if err := os.RemoveAll(h.cache().Dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{{}, {Offline: true}} {
		if r := h.run(pin(side), nil, c); rules(r) != "unknown-ref" || len(r.File.Entries) != 0 {
			t.Errorf("%+v %+v", r.Problems, r.File.Entries)
		}
	}

	// A branch that has grown since the mirror was fetched leads to it.
	h.git(dir, "merge", "-q", "-m", "merge", side)
	h.commit(dir, map[string]string{"more.tf": ""})
	for _, c := range []Config{{Check: true}, {Check: true, Offline: true}} {
		if r := h.run(pin(side), locked, c); rules(r) != "" || len(r.Failures) > 0 {
			t.Errorf("%+v", r.Problems)
		}
	}
}

// Offline, what is in no mirror is not proved.
func TestOffline(t *testing.T) {
	h := newHome(t)
	h.repository("vpc", map[string]string{"main.tf": ""})
	calls := []Call{call(t, h.url("vpc"), "")}
	if r := h.run(calls, nil, Config{Offline: true}); rules(r) != "not-checked" || len(r.File.Entries) != 0 || r.Complete {
		t.Errorf("%+v", r)
	}
	full := h.run(calls, nil, Config{}).File
	if r := h.run(calls, nil, Config{Offline: true}); rules(r) != "" || !same2(r.File, full) {
		t.Errorf("%+v", r)
	}
	if err := os.RemoveAll(h.cache().Dir); err != nil {
		t.Fatal(err)
	}
	if r := h.run(calls, full, Config{Check: true, Offline: true}); rules(r) != "not-checked" {
		t.Errorf("%+v", r)
	}
	reg := []Call{call(t, "a/b/c", "1.0.0")}
	if r := h.run(reg, nil, Config{Offline: true}); rules(r) != "not-checked" {
		t.Errorf("%+v", r)
	}
}

// Packages that call each other in a circle, and ones whose calls cannot be
// read: told with package, file and line.
func TestNested(t *testing.T) {
	h := newHome(t)
	h.repository("a", map[string]string{"main.tf": module("b", h.url("b"))})
	h.repository("b", map[string]string{"main.tf": module("a", h.url("a")) + module("self", h.url("b")+"//x"), "x/main.tf": module("up", "../x")})
	h.repository("bad", map[string]string{
		"computed/main.tf":     "variable \"x\" {}\n\nmodule \"c\" {\n  source = \"git::https://example.com/${var.x}\"\n}\n",
		"local/main.tf":        "locals {\n  a = \"" + h.url("a") + "\"\n  x = \"./x\"\n}\nmodule \"c\" {\n  source = \"${local.a}?ref=\"\n}\nmodule \"x\" {\n  source = local.x\n}\n",
		"local/x/main.tf":      "",
		"broken/main.tf":       "module \"c\" {\n  source = \n",
		"broken/main2.tf":      module("leaf", h.url("a")),
		"none/README.md":       "nothing here",
		"dangling/main.tf":     module("c", "./nothing"),
		"climbs/main.tf":       module("c", "../../x"),
		"template/main.tf":     module("c", "git::"),
		"archive/main.tf":      module("c", "https://example.com/x.zip"),
		"nosource/main.tf":     "module \"c\" {\n}\n",
		"override/main.tf":     module("c", "./nothing"),
		"override/override.tf": module("c", h.url("a")),
		"tofu/main.tf":         "",
		"tofu/x.tofu":          module("a", h.url("a")),
		"link/main.tf":         module("c", "./out"),
		"terragrunt/main.tf":   "", "terragrunt/terragrunt.hcl": "terraform {\n  source = \"git::https://nowhere.example.com/x\"\n}\n",
	})
	bad := filepath.Join(h.dir, "bad")
	if err := os.Symlink("../../..", filepath.Join(bad, "link", "out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", filepath.Join(bad, "loop")); err != nil {
		t.Fatal(err)
	}
	h.commit(bad, nil)
	r := h.run([]Call{call(t, h.url("a"), "")}, nil, Config{})
	if rules(r) != "" || len(r.File.Entries) != 2 || !r.Complete {
		t.Errorf("%+v", r)
	}
	old := &File{Entries: []*Entry{{Address: "git::https://nowhere.example.com/x.git", Ref: "v1", Kind: KindTag, Commit: someCommit, Hash: someHash}}}
	for dir, want := range map[string]string{
		"computed": "unread-call computed/main.tf:4 the source of module \"c\" is computed",
		"broken":   "unread-call broken/main.tf:2 the calls of this file are not known",
		"none":     "unread-call none:0 there is no Terraform configuration",
		"missing":  "unread-call main.tf:1 the directory \"missing\", which the source names, is not in the package",
		"loop":     "unread-call main.tf:1 the directory \"loop\", which the source names, runs in a circle",
		"dangling": "unread-call dangling/main.tf:2 module \"c\" calls \"./nothing\", which is not in the package",
		"climbs":   "unread-call climbs/main.tf:2 module \"c\" calls \"../../x\", which leads out of the package",
		"link":     "unread-call link/main.tf:2 module \"c\" calls \"./out\", which leads out of the package",
		"template": "not-lockable template/main.tf:2 the source is no module address",
		"archive":  "not-lockable archive/main.tf:2 a lock holds git and registry sources only",
		"nosource": "unread-call nosource/main.tf:1 module \"c\" has no source",
		"local":    "", "override": "", "tofu": "", "terragrunt": "",
	} {
		t.Run(dir, func(t *testing.T) {
			r := h.run([]Call{call(t, h.url("bad")+"//"+dir, "")}, old, Config{})
			if len(r.Failures) > 0 {
				t.Fatal(r.Failures)
			}
			r.Problems = append(r.Problems, r.Beyond...)
			got := ""
			if len(r.Problems) > 0 {
				p := r.Problems[0]
				got = fmt.Sprintf("%s %s:%d %s", p.Rule, p.Place.File, p.Place.Line, p.Summary)
			}
			if len(r.Problems) > 1 || !strings.HasPrefix(got, want) || (want == "") != (got == "") {
				t.Errorf("%s (of %d)", got, len(r.Problems))
			}
			unread := strings.HasPrefix(want, "unread")
			if kept := r.File.Find("git::https://nowhere.example.com/x.git", "v1") != nil; kept != unread || r.Complete == unread {
				t.Errorf("kept %v, complete %v", kept, r.Complete)
			}
			if dir == "tofu" || dir == "override" || dir == "local" {
				if r.File.Find(h.url("a"), "") == nil {
					t.Error("a call is not locked")
				}
			}
		})
	}
}

// Hostile sources are told and go to nobody; nothing that is printed holds a
// secret.
func TestHostile(t *testing.T) {
	h := newHome(t)
	mark := filepath.Join(h.dir, "ran")
	empty := filepath.Join(h.dir, "empty.git")
	h.git(h.dir, "init", "-q", "--bare", empty)
	h.repository("x", map[string]string{"main.tf": ""})
	for raw, want := range map[string]string{
		h.url("x") + "?ref=--upload-pack=touch%20" + mark:            "unsafe-ref",
		h.url("x") + "?ref=-q":                                       "unsafe-ref",
		h.url("x") + "?ref=v1%0a":                                    "unsafe-ref",
		h.url("x") + "?ref=v1%1b[2J":                                 "unsafe-ref",
		"git::ext::sh -c touch% " + mark:                             "unsafe-ref",
		"git::fd::7":                                                 "unsafe-ref",
		"git::file:///etc":                                           "failure",
		"git::file:///etc/passwd":                                    "failure",
		"git::file://" + empty:                                       "unknown-ref",
		"git::https://h.example.com/x?private_token=s3cr3t-x&ref=v1": "not-lockable",
		"https://user:s3cr3t-x@h.example.com/x.zip":                  "beyond",
		"git::https://user:s3cr3t-x@127.0.0.1:1/x?ref=v1":            "failure",
		h.url("x") + "?ref=https://u:s3cr3t-x@h":                     "unsafe-ref",
	} {
		t.Run(raw, func(t *testing.T) {
			r := h.run([]Call{call(t, raw, "")}, nil, Config{})
			got := rules(r)
			if len(r.Failures) > 0 {
				got = strings.TrimSpace("failure " + got)
			}
			if len(r.Beyond) > 0 {
				got = strings.TrimSpace("beyond " + got)
			}
			text := fmt.Sprintf("%+v", r)
			if got != want || len(r.File.Entries) != 0 {
				t.Errorf("%s: %s", got, text)
			}
			for _, p := range r.Problems {
				text += fmt.Sprintf("%+v", p)
			}
			if strings.Contains(text, "s3cr3t") {
				t.Errorf("a secret is told: %s", text)
			}
			if _, err := os.Stat(mark); err == nil {
				t.Error("something ran")
			}
		})
	}
}

// One source and ref that means two commits.
func TestDepths(t *testing.T) {
	h := newHome(t)
	dir := h.repository("x", map[string]string{"main.tf": ""})
	h.git(dir, "tag", "v1")
	h.commit(dir, map[string]string{"main.tf": "# two\n"})
	h.git(dir, "branch", "v1")
	h.commit(dir, map[string]string{"main.tf": "# three\n"})
	r := h.run([]Call{call(t, h.url("x")+"?ref=v1", ""), call(t, h.url("x")+"?ref=v1&depth=1", "")}, nil, Config{})
	if rules(r) != "ambiguous-ref" || len(r.File.Entries) != 1 || r.Problems[0].Found != h.id(dir, "refs/heads/v1") {
		t.Errorf("%+v", r.Problems)
	}
}

// Each remote is asked once; one that is down does not keep the others from
// being checked, and what is in its mirror is checked too.
func TestNetwork(t *testing.T) {
	h := newHome(t)
	s, err := githttp.Start(filepath.Join(h.dir, "server"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	config := filepath.Join(h.dir, "gitconfig")
	h.write(h.dir, "gitconfig", s.GitConfig())
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	var calls []Call
	for _, name := range []string{"a", "b"} {
		if _, err := s.Create(t.Context(), name+".git"); err != nil {
			t.Fatal(err)
		}
		dir := h.repository(name, map[string]string{"main.tf": "# " + name + "\n"})
		for i := range 5 {
			h.git(dir, "tag", fmt.Sprint("v1.0.", i))
			calls = append(calls, call(t, fmt.Sprintf("git::%s/%s.git?ref=v1.0.%d", s.URL, name, i), ""), call(t, fmt.Sprintf("git::%s/%s.git//.?ref=v1.0.%d&depth=1", s.URL, name, i), ""))
		}
		h.git(dir, "push", "-q", "--all", s.URL+"/"+name+".git")
		h.git(dir, "push", "-q", "--tags", s.URL+"/"+name+".git")
	}
	first := h.run(calls, nil, Config{})
	if len(first.File.Entries) != 10 || len(first.Failures) > 0 || rules(first) != "" {
		t.Fatalf("%+v", first)
	}
	listings := func() int {
		n := 0
		for _, q := range s.Requests() {
			if strings.HasSuffix(q.Path, "info/refs?service=git-upload-pack") && q.User != "" {
				n++
			}
		}
		return n
	}
	before := listings()
	if r := h.run(calls, first.File, Config{Check: true}); rules(r) != "" || r.Remotes != 2 {
		t.Errorf("%+v", r)
	}
	if n := listings() - before; n != 2 {
		t.Errorf("%d listings for two remotes", n)
	}
	before = len(s.Requests())
	if r := h.run(calls, first.File, Config{Check: true, Offline: true}); rules(r) != "" {
		t.Errorf("%+v", r)
	}
	if n := len(s.Requests()) - before; n != 0 {
		t.Errorf("%d requests offline", n)
	}

	s.Break("b.git", githttp.Forbid, -1)
	first.File.Find("git::"+s.URL+"/a.git", "v1.0.0").Hash = someHash
	first.File.Find("git::"+s.URL+"/b.git", "v1.0.1").Hash = someHash
	calls = append(calls, call(t, "git::"+s.URL+"/b.git?ref=v9", ""))
	r := h.run(calls, first.File, Config{Check: true})
	if rules(r) != "hash-differs hash-differs not-locked" || len(r.Failures) != 1 || r.Failures[0].Source != "git::"+s.URL+"/b.git" || r.Complete {
		t.Errorf("%s %+v", rules(r), r.Failures)
	}
	r = h.run(calls, first.File, Config{})
	if len(r.Failures) != 1 || len(r.File.Entries) != 10 || len(r.Dropped) != 0 {
		t.Errorf("%+v", r)
	}
	// With no mirror either, it is said.
	if err := os.RemoveAll(h.cache().Dir); err != nil {
		t.Fatal(err)
	}
	r = h.run(calls, first.File, Config{Check: true})
	if rules(r) != "hash-differs not-checked not-checked not-checked not-checked not-checked not-locked" || len(r.Failures) != 1 {
		t.Errorf("%s %+v", rules(r), r.Failures)
	}
}

func TestWord(t *testing.T) {
	for source, want := range map[string]string{
		"git::https://h.example.com/a/vpc.git?ref=v1": "vpc", "terraform-aws-modules/iam/aws": "iam",
		"git::https://h.example.com/a/%24(touch%20x).git": "MODULE", "git::https://h.example.com/a/-q": "MODULE",
	} {
		if got := (&pkg{call: call(t, source, "")}).word(); got != want {
			t.Errorf("%s: %s", source, got)
		}
	}
}

func TestNamed(t *testing.T) {
	calls := []Call{
		call(t, "git::https://h.example.com/terraform/vpc.git//sub?ref=v1", ""), call(t, "git@h.example.com:terraform/vpc.git?ref=v2", ""),
		call(t, "git::https://other.example.com/x/vpc?ref=v1", ""), call(t, "git::https://h.example.com/terraform/dns.git", ""),
		call(t, "terraform-aws-modules/iam/aws//modules/x", "1.0.0"),
	}
	f := &File{Entries: []*Entry{{Address: "git::https://h.example.com/terraform/nested.git"}}}
	for name, want := range map[string]string{
		"dns": "git::https://h.example.com/terraform/dns.git", "dns.git": "git::https://h.example.com/terraform/dns.git",
		"h.example.com/terraform/vpc":                              "git::https://h.example.com/terraform/vpc.git git::ssh://git@h.example.com/terraform/vpc.git",
		"h.example.com/terraform/vpc//sub":                         "git::https://h.example.com/terraform/vpc.git git::ssh://git@h.example.com/terraform/vpc.git",
		"h.example.com/terraform/vpc.git":                          "git::https://h.example.com/terraform/vpc.git git::ssh://git@h.example.com/terraform/vpc.git",
		"git::https://h.example.com/terraform/vpc.git//sub?ref=v9": "git::https://h.example.com/terraform/vpc.git",
		"git@h.example.com:terraform/vpc.git":                      "git::ssh://git@h.example.com/terraform/vpc.git",
		"iam":                                                      "registry.terraform.io/terraform-aws-modules/iam/aws",
		"terraform-aws-modules/iam/aws":                            "registry.terraform.io/terraform-aws-modules/iam/aws",
		"nested":                                                   "git::https://h.example.com/terraform/nested.git",
		"vpc":                                                      "\"vpc\" names 2 modules: h.example.com/terraform/vpc, other.example.com/x/vpc",
		"vcp":                                                      "nothing calls a module \"vcp\", and the lock file has none\nhint: the nearest: ",
		"git::https://u:s3cr3t@h/x":                                "nothing calls a module \"git::https://REDACTED@h/x\"",
	} {
		got, err := Named(name, calls, f)
		text := strings.Join(got, " ")
		if err != nil {
			text = err.Error()
		}
		if !strings.HasPrefix(text, want) || err == nil && text != want {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// An interrupt ends the work, and is the error: nothing is written of half of
// it.
func TestInterrupted(t *testing.T) {
	h := newHome(t)
	var calls []Call
	for _, name := range []string{"a", "b", "c"} {
		h.repository(name, map[string]string{"main.tf": ""})
		calls = append(calls, call(t, h.url(name), ""))
	}
	for _, step := range []string{"asking remotes", "reading packages"} {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := Run(ctx, calls, nil, Config{Cache: h.cache(), Jobs: 1, Progress: func(s string, done, _ int) {
			if s == step && done == 1 {
				cancel()
			}
		}})
		if r != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %+v %v", step, r, err)
		}
		cancel()
	}
}

// Run gives the same bytes however the work falls together.
func TestSameBytes(t *testing.T) {
	h := newHome(t)
	var calls []Call
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		dir := h.repository(name, map[string]string{"main.tf": module("x", h.url("e")+"?ref=main") + module("y", h.url("nothing"))})
		h.git(dir, "tag", "v1")
		calls = append(calls, call(t, h.url(name), ""), call(t, h.url(name)+"?ref=v1", ""), call(t, h.url(name)+"?ref=gone", ""))
	}
	want := ""
	for i := range 6 {
		r := h.run(calls, nil, Config{Jobs: 1 + i%3*4})
		got := string(r.File.Bytes())
		for _, p := range r.Problems {
			p.Entry = nil
			got += fmt.Sprintf("%+v\n", p)
		}
		got += fmt.Sprintf("%+v", r.Failures)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("%s\n%s", got, want)
		}
		calls = append(calls[3:], calls[:3]...)
	}
}
