package proof

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What cannot be judged is named for each stack that reaches it, and for no
// other; and it is no mismatch.
func TestUnproved(t *testing.T) {
	call := func(source string) string { return "module \"x\" {\n  source = " + source + "\n}\n" }
	f := newFixture(t,
		write("u/computed/main.tf", call(`"./${"a"}"`)),
		write("u/reaches/main.tf", call(`"../computed"`)),
		write("u/missing/main.tf", "module \"x\" {\n}\n"),
		write("u/dangling/main.tf", call(`"../nowhere"`)),
		write("u/outside/main.tf", call(`"../../../nowhere"`)),
		write("u/broken/main.tf", "module \"x\" {\n  source = \n}\n"),
		write("u/broken/other.tf", call(`"../computed"`)),
		write("u/json/main.tf.json", `{"module": {"x": {"source": "../${1}"}}}`),
		write("u/cycle/main.tf", call(`"../cycle2"`)),
		write("u/cycle2/main.tf", call(`"../cycle"`)),
		write("u/into/main.tf", call(`"../cycle"`)),
		writeMode("u/link/main.tf", "120000", "nowhere.tf"),
		write("u/hidden/.x.tf", "module {"),
		write("u/deep/main.tf", "x = "+strings.Repeat("(", 300_000)),
		write("u/grunt/terragrunt.hcl", "terraform {\n  source = true ? \"../computed\" : local.x\n}\n"),
		write("u/text/README.tf", "# Not Terraform\n\nIt's Markdown.\n"),
	)
	f.in.Stacks = []string{"live/prod", "u/computed", "u/reaches", "u/missing", "u/dangling", "u/outside", "u/broken", "u/json", "u/cycle", "u/into", "u/link", "u/deep", "u/grunt", "u/empty"}
	r := f.check()
	if len(r.Mismatches) > 0 {
		t.Fatalf("mismatches:\n%s", show(r))
	}
	var got []string
	for _, u := range r.Unproved {
		got = append(got, fmt.Sprintf("%s %s %s:%d %s", u.Stack, u.Kind, u.File, u.Line, u.Address))
	}
	want := []string{
		" parse-error u/hidden/.x.tf:1 ",
		"u/broken parse-error u/broken/main.tf:2 ",
		"u/broken computed-source u/computed/main.tf:2 module.x.module.x",
		"u/computed computed-source u/computed/main.tf:2 module.x",
		"u/cycle cycle u/cycle:0 ",
		"u/dangling dangling u/dangling/main.tf:2 module.x",
		"u/deep parse-error u/deep/main.tf:1 ",
		"u/empty no-configuration u/empty:0 ",
		"u/grunt computed-source u/computed/main.tf:2 module.x",
		"u/grunt computed-source u/grunt/terragrunt.hcl:2 ",
		"u/into cycle u/cycle:0 module.x",
		"u/json computed-source u/json/main.tf.json:1 module.x",
		"u/link dangling-link u/link/main.tf:0 ",
		"u/missing missing-source u/missing/main.tf:1 module.x",
		"u/outside source-outside u/outside/main.tf:2 module.x",
		"u/reaches computed-source u/computed/main.tf:2 module.x.module.x",
		"u/text parse-error u/text/README.tf:3 ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, s := range r.Stacks {
		want := VerdictUnproved
		if s.Path == "live/prod" {
			want = VerdictProved
		}
		if s.Verdict != want {
			t.Errorf("%+v, want %s", s, want)
		}
	}
	// What is dangling must stay so, and what does not parse must stay as it is.
	for file, data := range map[string]string{
		"u/dangling/main.tf":     call(`"../computed"`),
		"u/broken/main.tf":       "module \"x\" {\n  source =  \n}\n",
		"u/text/README.tf":       "# Not Terraform\n\nIts Markdown.\n",
		"u/grunt/terragrunt.hcl": "terraform {\n  source = true ? \"../computed\" : local.y\n}\n",
	} {
		g := f.fork(t)
		g.amend("live", write(file, data))
		if r := g.check(); !slices.ContainsFunc(r.Mismatches, func(m Mismatch) bool { return m.File == file }) {
			t.Errorf("%s is not named:\n%s", file, show(r))
		}
	}
}

// A symlink must lead where it led.
func TestLinks(t *testing.T) {
	f := newFixture(t,
		writeMode("l/kept", "120000", "../live/shared"),
		writeMode("l/dangling", "120000", "nowhere"),
		writeMode("l/absolute", "120000", "/etc/passwd"),
		writeMode("l/outside", "120000", "../../x"),
		writeMode("l/self", "120000", "self"),
		writeMode("l/through", "120000", "kept/main.tf"),
		writeMode("l/folder", "120000", "../modules"), // all that was in it are packages
	)
	if r := f.check(); len(r.Mismatches) > 0 || len(r.Unproved) > 0 {
		t.Fatalf("%s", show(r))
	}
	for path, target := range map[string]string{"l/file": "../modules/vpc/main.tf", "l/dir": "../modules/vpc", "modules/vpc/out": "../../README.md"} {
		t.Run(path, func(t *testing.T) {
			f := newFixture(t, writeMode(path, "120000", target))
			if path == "modules/vpc/out" {
				// newFixture extracted it with the rest of its package.
				if _, err := os.Stat(f.dir("modules/vpc.git")); err != nil {
					t.Fatal(err)
				}
			}
			r := f.check()
			if !slices.ContainsFunc(r.Mismatches, func(m Mismatch) bool { return m.Kind == "symlink-broken" && m.File == path }) {
				t.Errorf("%s", show(r))
			}
		})
	}
}

// A snippet is a directory whose files are only linked to: its sources have
// their meaning where the links are.
func TestSnippet(t *testing.T) {
	source := "module \"own\" {\n  source = \"./own\"\n}\nmodule \"vpc\" {\n  source = \"../../../modules/vpc\"\n  cidr = 1\n}\n"
	f := newFixture(t,
		write("snippets/main.tf", source),
		writeMode("s/t/stack/main.tf", "120000", "../../../snippets/main.tf"),
		write("s/t/stack/own/main.tf", ""),
	)
	f.in.Stacks = []string{"s/t/stack"}
	f.amend("live", write("snippets/main.tf", strings.Replace(source, "../../../modules/vpc", vpcSource+"?ref=v1.0.0", 1)))
	if r := f.check(); len(r.Mismatches) > 0 || len(r.Unproved) > 0 || r.stack("s/t/stack").Modules != 3 {
		t.Errorf("%s", show(r))
	}
	f.amend("live", write("snippets/main.tf", strings.Replace(source, "../../../modules/vpc", vpcSource+"?ref=v1", 1)))
	if r := f.check(); len(r.Mismatches) != 1 || r.Mismatches[0].Kind != "wrong-ref" || r.Mismatches[0].Stack != "s/t/stack" {
		t.Errorf("%s", show(r))
	}
}

// Trees of calls that share their branches, and symlinks that lead to their
// own directory, have more paths than anyone could walk.
func TestGrowth(t *testing.T) {
	var ops []op
	for i := range 64 {
		next := fmt.Sprintf("../n%d", i+1)
		ops = append(ops, write(fmt.Sprintf("g/n%d/main.tf", i), fmt.Sprintf("module \"a\" {\n  source = %q\n}\nmodule \"b\" {\n  source = %q\n}\n", next, next)))
	}
	ops = append(ops, write("g/n64/main.tf", ""),
		write("loop/main.tf", "module \"a\" {\n  source = \"./a\"\n}\nmodule \"b\" {\n  source = \"./b\"\n}\n"),
		writeMode("loop/a", "120000", "."), writeMode("loop/b", "120000", "."))
	ops = append(ops, write("z/main.tf", ""))
	f := newFixture(t, ops...)
	f.in.Stacks = []string{"g/n0", "g/n60", "loop", "live/prod", "z"}
	r := f.check()
	if len(r.Mismatches) > 0 {
		t.Fatalf("%s", show(r))
	}
	if s := r.stack("g/n60"); s.Modules != 2+4+8+16 || s.Verdict != VerdictProved {
		t.Errorf("%+v", s)
	}
	if s := r.stack("g/n0"); s.Modules < 1<<30 || s.Verdict != VerdictProved {
		t.Errorf("%+v", s)
	}
	if s := r.stack("z"); s.Verdict != VerdictProved {
		t.Errorf("%+v", s)
	}
	if s := r.stack("loop"); s.Verdict != VerdictUnproved {
		t.Errorf("%+v", s)
	}
}

// The monorepo may be any store that git can read.
func TestStores(t *testing.T) {
	f := newFixture(t)
	mono := f.in.Monorepo
	dir := t.TempDir()
	for name, prepare := range map[string]func(to string) string{
		"git directory": func(string) string { return filepath.Join(mono, ".git") },
		"mirror without config": func(to string) string {
			gitRun(t, dir, "", "clone", "-q", "--mirror", "--no-local", mono, to)
			for _, name := range []string{"config", "description", "hooks", "info", "branches"} {
				must(t, os.RemoveAll(filepath.Join(to, name)))
			}
			return to
		},
		"alternates": func(to string) string {
			gitRun(t, dir, "", "clone", "-q", "--bare", "--shared", mono, to)
			return to
		},
		"relative alternates": func(to string) string {
			gitRun(t, dir, "", "clone", "-q", "--bare", "--shared", mono, to)
			rel, err := filepath.Rel(filepath.Join(to, "objects"), filepath.Join(mono, ".git/objects"))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(to, "objects/info/alternates"), []byte(rel+"\n"), 0o644))
			return to
		},
		"linked work tree": func(to string) string {
			gitRun(t, mono, "", "worktree", "add", "-q", "--detach", to, f.in.Commit)
			return to
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := f.fork(t)
			in.in.Monorepo = prepare(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")))
			if r := in.check(); len(r.Mismatches) > 0 || len(r.Unproved) > 0 {
				t.Errorf("%s", show(r))
			}
		})
	}
}

// A partial clone of the monorepo lacks blobs: what needs them is unproved.
func TestMonorepoLacksABlob(t *testing.T) {
	f := newFixture(t, write("p/main.tf", "# "+t.Name()+"\n"), write("p/x.txt", t.Name()))
	f.in.Stacks = []string{"p", "live/prod"}
	for _, name := range []string{"p/main.tf", "p/x.txt"} {
		id := gitRun(t, f.in.Monorepo, "", "rev-parse", "main:"+name)
		loosen(t, f.in.Monorepo)
		must(t, os.Remove(filepath.Join(f.in.Monorepo, ".git/objects", id[:2], id[2:])))
	}
	// The live repository has them, with the same ids: that is as good.
	if r := f.check(); len(r.Mismatches) > 0 || r.stack("p").Verdict != VerdictProved {
		t.Errorf("%s", show(r))
	}
}

// Nothing of the report depends on the order of the input.
func TestOrder(t *testing.T) {
	f := plainFixture(t).fork(t)
	f.amend("live", liveFile("live/prod/main.tf", "v1.0.0", "v1", "5.0.0", "6"), remove("README.md"))
	want := show(f.check())
	slices.Reverse(f.in.Packages)
	f.in.Stacks = slices.Clone(stacks)
	slices.Reverse(f.in.Stacks)
	f.in.Stacks = append(f.in.Stacks, f.in.Stacks[0])
	last := 0
	f.in.Progress = func(done, total int) {
		if done < last || done > total {
			t.Errorf("progress went from %d to %d of %d", last, done, total)
		}
		last = done
	}
	if got := show(f.check()); got != want || last == 0 {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
