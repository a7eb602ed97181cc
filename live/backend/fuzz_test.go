package backend

import (
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
)

// Whatever a stack's files hold: nothing panics, and what was written is what
// was wanted, so that a second time nothing is.
func FuzzNew(f *testing.F) {
	f.Add("terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n  }\n}\n", "{}", "key = \"k\"\n")
	f.Add("terraform {\r\n  backend \"s3\" { bucket = <<E\nx\nE\n }\n}", `{"terraform":{"backend":{"s3":{"key":"k"}}}}`, "assume_role = { role_arn = null }")
	f.Add("terraform { backend \"s3\" { assume_role { role_arn = \"x\" } } }", `{"terraform":[{"backend":[{"s3":[{"use_lockfile":null, "key": 1e99999}]}]}]}`, "")
	f.Fuzz(func(t *testing.T, native, json, config string) {
		for _, name := range []string{"main.tf", "main.tf.json"} {
			text := native
			if name == "main.tf.json" {
				text = json
			}
			fsys := fstest.MapFS{"a/" + name: {Data: []byte(text), Mode: 0o644}, "a/x.tfbackend": {Data: []byte(config), Mode: 0o644}}
			for _, files := range [][]string{nil, {"x.tfbackend"}} {
				stacks := []Stack{one("a", wants("k", "use_lockfile", "true", "assume_role.role_arn", "${r}\"\n"), files...)}
				tree, _ := hclparse.LoadCalls(fsys)
				p, err := New(tree, stacks, Options{Migrate: true})
				if err != nil {
					t.Fatal(err)
				}
				after := fstest.MapFS{}
				for n, f := range fsys {
					after[n] = f
				}
				for _, c := range p.Changes {
					after[c.Path] = &fstest.MapFile{Data: c.After, Mode: 0o644}
				}
				tree, _ = hclparse.LoadCalls(after)
				again, err := New(tree, stacks, Options{Migrate: true})
				if err != nil || len(again.Changes) > 0 {
					t.Fatalf("%v\n%s\n%s", err, statuses(p), statuses(again))
				}
			}
		}
	})
}
