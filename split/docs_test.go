package split

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// With Docs the sources that Markdown files show lead to the releases, each in
// its bytes; what cannot be told is listed as before. The proof accepts that,
// and nothing else.
func TestDocs(t *testing.T) {
	j := splitFixtureWith(t, "readme", func(c *Config) {
		c.Docs, c.Own = true, []string{"https://user:t0ken@git.example.com/acme/mono.git"}
	})
	vpc, subnets := "git::file://"+j.out+"/modules/vpc.git?ref=v1.0.0", "git::file://"+j.out+"/modules/subnets.git?ref=v1.0.0"
	var edits, left []string
	for _, e := range j.plan.Edits {
		if e.Doc {
			edits = append(edits, fmt.Sprintf("%s:%d %s %s", e.File, e.Line, e.Package, e.To))
		}
	}
	for _, m := range j.plan.Mentions {
		left = append(left, fmt.Sprintf("%s %s:%d", m.ID, m.File, m.Line))
	}
	if d := cmp.Diff([]string{
		"README.md:5  " + vpc, "README.md:13  " + subnets, "README.md:20  " + subnets, "docs/windows.md:3  " + vpc,
		"modules/vpc/README.md:5 vpc " + vpc, "modules/vpc/README.md:11 vpc " + vpc,
	}, edits); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"readme-source README.md:26", "readme-source README.md:35", "readme-source modules/vpc/README.md:17", "mention modules/vpc/README.md:30"}, left); d != "" {
		t.Error(d)
	}
	if p := j.verify(t); !p.OK() {
		t.Fatalf("%+v", p.Mismatches)
	}
	j.plan.Docs = false
	if p := j.verify(t); len(p.Mismatches) == 0 {
		t.Error("what --docs did counts as proved without it")
	}
	j.plan.Docs = true
	live := filepath.Join(j.out, "live", "live")
	for _, file := range []string{"README.md", "docs/windows.md"} {
		was := git(t, j.repo.Root, "show", "HEAD:"+file)
		for from, to := range map[string]string{"./modules/vpc\"\n}\n~~~": vpc + "\"\n}\n~~~", "\"./modules/subnets": "\"" + subnets, "../modules/vpc": vpc,
			"git::https://git.example.com/acme/mono.git//modules/subnets?ref=main": subnets} {
			was = strings.ReplaceAll(was, from, to)
		}
		if d := cmp.Diff(was, git(t, live, "show", "HEAD:"+file)); d != "" {
			t.Errorf("%s: %s", file, d)
		}
	}
	for name, tc := range map[string]struct{ old, new, kind string }{
		"a byte of the text":     {"Use it:", "Use it!", "bytes-changed"},
		"a byte of the code":     {"# 🐕", "# 🐈", "bytes-changed"},
		"another module":         {vpc, subnets, "wrong-target"},
		"another ref":            {vpc, strings.Replace(vpc, "v1.0.0", "v2.0.0", 1), "wrong-target"},
		"a source of others":     {"acme/other.git//modules/subnets?ref=main", "acme/other.git//modules/subnets?ref=next", "wrong-target"},
		"a path instead":         {vpc, "./modules/subnets", "wrong-target"},
		"a block that is no HCL": {"\"./modules/vpc\"\n  ...", "\"" + vpc + "\"\n  ...", "bytes-changed"},
	} {
		t.Run(name, func(t *testing.T) {
			j.plant(t, "README.md", tc.old, tc.new, tc.kind)
		})
	}
}

// Without Docs nothing of a Markdown file changes, and a change of one is
// named.
func TestNoDocs(t *testing.T) {
	j := splitFixture(t, "readme")
	for _, e := range j.plan.Edits {
		if e.Doc {
			t.Errorf("%+v", e)
		}
	}
	n := 0
	for _, m := range j.plan.Mentions {
		if m.ID == "readme-source" {
			n++
		}
	}
	if n != 9 {
		t.Errorf("%d sources are listed: %+v", n, j.plan.Mentions)
	}
}
