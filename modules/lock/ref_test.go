package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What a ref means is what real `terraform get` checks out, and where that
// fails there is no entry.
func TestAsTerraformDoes(t *testing.T) {
	h := newHome(t)
	dir := h.repository("vpc", map[string]string{"main.tf": "# one\n"})
	h.git(dir, "tag", "v1.0.0")
	one := h.id(dir, "HEAD")
	h.commit(dir, map[string]string{"main.tf": "# two\n"})
	h.git(dir, "tag", "-a", "-m", "a tag", "v2.0.0")
	h.git(dir, "tag", "vpc/v2.0.0")
	h.git(dir, "branch", "both") // a branch and, elsewhere, a tag
	h.commit(dir, map[string]string{"main.tf": "# three\n"})
	h.git(dir, "tag", "both")
	h.git(dir, "branch", "feature/x", "v1.0.0")
	h.git(dir, "branch", one[:7], "HEAD") // the digits of another commit
	h.git(dir, "branch", "deadbeef", "v1.0.0")
	h.commit(dir, map[string]string{"main.tf": "# four\n"})
	h.git(dir, "tag", "main", "v1.0.0") // named like the default branch
	annotated := h.git(dir, "rev-parse", "v2.0.0")

	type test struct {
		query string
		kind  Kind // "" for what terraform cannot get
	}
	tests := []test{
		{"", KindDefault}, {"ref=", KindDefault}, {"depth=1", KindDefault}, {"ref=HEAD", KindDefault}, {"ref=origin", KindDefault},
		{"ref=v1.0.0", KindTag}, {"ref=v2.0.0", KindTag}, {"ref=vpc/v2.0.0", KindTag}, {"ref=vpc%2Fv2.0.0", KindTag}, {"ref=tags/v1.0.0", KindTag}, {"ref=refs/tags/v1.0.0", KindTag},
		{"depth=1&ref=v1.0.0", KindTag}, {"ref=v2.0.0&depth=1", KindTag}, {"ref=tags/v1.0.0&depth=1", ""}, {"ref=refs/tags/v1.0.0&depth=1", ""},
		{"ref=feature/x", KindBranch}, {"ref=origin/feature/x", KindBranch}, {"ref=refs/remotes/origin/feature/x", KindBranch}, {"ref=refs/heads/feature/x", ""}, {"ref=heads/main", KindBranch}, {"ref=feature/x&depth=1", KindBranch},
		{"ref=both", KindTag}, {"ref=both&depth=1", KindBranch}, {"ref=both&depth=0", KindTag}, {"ref=both&depth=-1", KindTag}, {"ref=both&depth=x", KindTag}, {"ref=both&depth=2", KindBranch},
		{"ref=main", KindBranch}, {"ref=main&depth=1", KindBranch}, {"ref=tags/main", KindTag},
		{"ref=" + one, KindCommit}, {"ref=" + strings.ToUpper(one), KindCommit}, {"ref=" + one[:7], KindCommit}, {"ref=" + one[:12], KindCommit}, {"ref=deadbeef", KindBranch}, {"ref=" + annotated, KindCommit},
		{"ref=" + one + "&depth=1", ""}, {"ref=" + one[:12] + "&depth=1", ""},
		{"ref=nothing", ""}, {"ref=V1.0.0", ""}, {"ref=v1", ""}, {"ref=1.0.0", ""}, {"ref=" + strings.Repeat("0", 40), ""}, {"ref=" + strings.Repeat("0", 12), ""},
		{"ref=v1.0.0&ref=v2.0.0", KindTag},
	}
	// One configuration for each, since one that fails ends the others.
	for i, c := range tests {
		t.Run(c.query, func(t *testing.T) {
			source := h.url("vpc")
			if c.query != "" {
				source += "?" + c.query
			}
			r := h.run([]Call{call(t, source, "")}, nil, Config{})
			if len(r.Failures) > 0 {
				t.Fatalf("%+v", r.Failures)
			}
			work := filepath.Join(h.dir, fmt.Sprint("work", i))
			h.write(work, "main.tf", fmt.Sprintf("module \"vpc\" {\n  source = %q\n}\n", source))
			terraform := exec.Command("terraform", "get")
			terraform.Dir = work
			out, err := terraform.CombinedOutput()
			if (err != nil) != (c.kind == "") {
				t.Fatalf("terraform: %v\n%s", err, out)
			}
			if c.kind == "" {
				if len(r.File.Entries) != 0 || rules(r) != "unknown-ref" {
					t.Errorf("%s %+v", rules(r), r.File.Entries)
				}
				return
			}
			if len(r.File.Entries) != 1 || rules(r) != "" {
				t.Fatalf("%+v", r.Problems)
			}
			e := r.File.Entries[0]
			if got := h.id(filepath.Join(work, ".terraform", "modules", "vpc"), "HEAD"); got != e.Commit {
				t.Errorf("terraform has %s, the lock %s", got, e.Commit)
			}
			if e.Kind != c.kind {
				t.Errorf("it is a %s", e.Kind)
			}
		})
	}
}

// Of an expression that terraform takes, a lock says why it does not.
func TestExpressions(t *testing.T) {
	h := newHome(t)
	dir := h.repository("vpc", map[string]string{"main.tf": ""})
	h.git(dir, "tag", "x@y")
	for _, ref := range []string{"main~0", "main^{}", "main@{0}", "@", ":/change"} {
		r := h.run([]Call{call(t, h.url("vpc")+"?ref="+ref, "")}, nil, Config{})
		if rules(r) != "unknown-ref" || !strings.Contains(r.Problems[0].Summary, "expression") || r.Problems[0].Hint != "write a tag or a full commit" {
			t.Errorf("%s: %+v", ref, r.Problems)
		}
	}
	if r := h.run([]Call{call(t, h.url("vpc")+"?ref=x@y", "")}, nil, Config{}); rules(r) != "" {
		t.Errorf("%+v", r.Problems)
	}
}

// The tree of packages that is locked is the tree that terraform installs.
func TestTransitiveAsTerraformDoes(t *testing.T) {
	h := newHome(t)
	h.repository("leaf", map[string]string{"main.tf": "# leaf\n", "sub/main.tf": "# sub\n"})
	h.git(filepath.Join(h.dir, "leaf"), "tag", "v1.0.0")
	h.repository("mid", map[string]string{
		"main.tf":              "# nothing calls it\nmodule \"x\" {\n  source = \"" + h.url("nowhere") + "\"\n}\n",
		"a/main.tf":            "module \"b\" {\n  source = \"../b\"\n}\nmodule \"link\" {\n  source = \"./linked\"\n}\n",
		"b/main.tf.json":       `{"module": {"leaf": {"source": "` + h.url("leaf") + `?ref=v1.0.0"}}}`,
		"c/main.tf":            "module \"leaf\" {\n  source = \"" + h.url("leaf") + "//sub\"\n}\n",
		"examples/all/main.tf": "module \"x\" {\n  source = \"" + h.url("nowhere") + "\"\n}\n",
	})
	if err := os.Symlink("../c", filepath.Join(h.dir, "mid", "a", "linked")); err != nil {
		t.Fatal(err)
	}
	h.commit(filepath.Join(h.dir, "mid"), nil)
	main := "module \"mid\" {\n  source = \"" + h.url("mid") + "//a\"\n}\n"
	calls, problems := h.calls(map[string]string{"live/main.tf": main})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	r := h.run(calls, nil, Config{})
	if len(r.Problems)+len(r.Failures) > 0 || !r.Complete {
		t.Fatalf("%+v %+v", r.Problems, r.Failures)
	}
	work := filepath.Join(h.dir, "work")
	h.write(work, "main.tf", main)
	terraform := exec.Command("terraform", "get")
	terraform.Dir = work
	if out, err := terraform.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(work, ".terraform", "modules", "modules.json"))
	if err != nil {
		t.Fatal(err)
	}
	var installed struct{ Modules []struct{ Source string } }
	if err := json.Unmarshal(data, &installed); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, m := range installed.Modules {
		if strings.HasPrefix(m.Source, "git::") {
			s := call(t, m.Source, "").Source
			want[Address(s)+" "+s.Ref] = true
		}
	}
	for _, e := range r.File.Entries {
		if !want[e.Address+" "+e.Ref] {
			t.Errorf("locked, but not installed: %s %s", e.Address, e.Ref)
		}
		delete(want, e.Address+" "+e.Ref)
	}
	if len(want) > 0 {
		t.Errorf("installed, but not locked: %v", want)
	}
}

// A default branch of which the list of refs does not tell.
func TestDefaultBranch(t *testing.T) {
	h := newHome(t)
	dir := h.repository("x", map[string]string{"main.tf": ""})
	h.git(dir, "tag", "main")
	h.commit(dir, map[string]string{"main.tf": "# two\n"})
	h.git(dir, "branch", "other", "refs/heads/main")
	r := h.run([]Call{call(t, h.url("x")+"?ref=main", "")}, nil, Config{})
	if rules(r) != "ambiguous-ref" || len(r.File.Entries) != 0 {
		t.Errorf("%+v", r)
	}
	if _, err := means(nil, "", false); !errors.Is(err, errNoRef) {
		t.Error(err)
	}
}
