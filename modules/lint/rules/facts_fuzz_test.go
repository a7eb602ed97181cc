package rules

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

// FuzzFacts runs every rule over two files, with a lock and remotes that know
// the repository. Nothing panics, ranges are in their file, a second run is the
// same, a fix is right at once, and a password is never shown.
func FuzzFacts(f *testing.F) {
	f.Add(stack+named("a", "?ref="+commitA, " # v1.2.2")+named("b", "?ref=v1.2.3", " # 1.2.2"), "terraform {\n  source = \"git::https://h.example/vpc.git//x?ref=v1.9.9\" # v1.0.0\n}\n")
	f.Add(stack+named("a", "?ref=tags/v1.2.3&depth=1", "")+named("b", "?ref=refs/tags/v1.2.3", ""), "terraform {\n  source = true ? \"git::https://h.example/vpc.git?ref=v1\" : \"../x\"\n}\n")
	f.Add("terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key = \"k\"\n  }\n}\n", "terraform {\n")
	f.Add("module \"x\" {\n  source = \"git::https://user:p4ssw0rd@h.example/vpc.git?ref=V4.5.0-\\u001b&depth=--x\" # vpc/v1.2.3-rc.1+b\r\n}", "")
	f.Add("module \"x\" {\n  source = \"a/b/c\"\n  version = \"= 1.2.3\"\n}\n# terrier:ignore not-locked x until=2020-01-01\n", "include {\n  path = \"x.hcl\"\n}\n")
	f.Fuzz(func(t *testing.T, tf, hcl string) {
		fsys := fstest.MapFS{}
		for _, dir := range []string{"live/prod", "live/qa"} {
			fsys[dir+"/main.tf"] = &fstest.MapFile{Data: []byte(tf)}
			fsys[dir+"/u/terragrunt.hcl"] = &fstest.MapFile{Data: []byte(hcl)}
		}
		tree, diags := hclparse.Load(fsys)
		in := &lint.Input{Graph: modules.NewGraph(tree, nil), Diags: diags, Today: time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)}
		with(remote("v1.2.3 "+commitA, "v1.9.9 "+commitB, "vpc/v2.0.0 "+commitA, "refs/heads/v1.2.3 "+commitC, "HEAD "+commitC),
			locked(&lock.Entry{Ref: "v1.2.3", Kind: lock.KindTag, Commit: commitB}))(in)
		in.After = map[string][]string{"live/prod": {"live/qa"}}
		in.Environment = func(dir string) string { return dir }
		in.Changed = map[string]bool{"live/prod/main.tf": true}
		in.Copies = map[string]lint.Copy{"live/qa/main.tf": {Owner: "o", Digest: "sha256:0"}}
		found := lint.Run(in, All)
		if diff := cmp.Diff(found, lint.Run(in, All)); diff != "" {
			t.Errorf("a second run: %s", diff)
		}
		for _, f := range found {
			src := fsys[f.Range.Filename].Data
			if r := f.Range; r.Start.Byte > r.End.Byte || r.End.Byte > len(src) || r.Start.Line < 1 || r.End.Line > strings.Count(string(src), "\n")+1 {
				t.Errorf("%s: %+v is no range of the file", f.Rule, r)
			}
			for _, s := range []string{f.Summary, f.Detail} {
				if strings.Contains(s, "p4ssw0rd") && strings.Contains(tf, "user:p4ssw0rd@") {
					t.Errorf("%s shows a password: %s", f.Rule, s)
				}
			}
			if f.Fix == nil || f.Rule != "stale-comment" {
				continue
			}
			out, err := hclparse.Apply(src, f.Fix.Edits)
			if err != nil {
				t.Errorf("%s: %v", f.Rule, err)
				continue
			}
			again := fstest.MapFS{f.Range.Filename: {Data: out}}
			tree, diags := hclparse.Load(again)
			fixed := &lint.Input{Graph: modules.NewGraph(tree, nil), Diags: diags, Lock: in.Lock, Refs: in.Refs}
			for _, g := range lint.Run(fixed, []*lint.Rule{staleComment}) {
				if g.Range.Start.Line == f.Range.Start.Line && g.Range.Start.Column == f.Range.Start.Column {
					t.Errorf("still there after the fix: %s, %s:\n%s", f.Summary, g.Summary, out)
				}
			}
		}
	})
}
