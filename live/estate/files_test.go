package estate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

func TestOwn(t *testing.T) {
	for p, want := range map[string]bool{
		"a/terraform.tfstate": true, "a/terraform.tfstate.backup": true, "terraform.tfstate.1700000000.backup": true, "errored.tfstate": true,
		"a/terraform.tfstate.d/qa/terraform.tfstate": true, "a/.terraform.tfstate.lock.info": true, "a/.terraform/modules/x/main.tf": true,
		".terraform": true, ".terrier/runs.jsonl": true, "a/.terrier": true,
		"a/main.tf": false, "a/.terraform.lock.hcl": false, "a/terraform.tfvars": false, ".terrier.lock.hcl": false, "terrier.hcl": false,
		"a/terraform.tfstate.d/main.tf": false, "a/terraform.tfstate/main.tf": false, "a/.terraformrc": false, "terrier/x": false,
	} {
		if got := Own(p); got != want {
			t.Errorf("Own(%q) is %v", p, got)
		}
	}
}

// TestFiles has what changes a plan, and neither what terraform writes nor what
// git ignores and nothing reads.
func TestFiles(t *testing.T) {
	h := newHome(t)
	h.repository("mono", mono+`
-- .gitignore --
build/
*.log
-- live/other/.terraform.lock.hcl --
-- live/reads/zip.tf --
locals {
  zip  = filebase64sha256("${path.module}/build/x.zip")
  some = fileset("${path.module}/../../files/more", "*")
}
-- files/more/one.txt --
-- files/unread.txt --
-- live/links/nowhere --
-> ../../gone
-- live/links/away --
-> /etc/hostname
`)
	h.write("mono", "-- live/other/terraform.tfstate --\n{}\n-- live/other/x.log --\n-- live/reads/build/x.zip --\n-- live/reads/build/y.zip --\n-- live/other/.terraform/environment --\n")
	root := filepath.Join(h.dir, "mono")
	r, err := repo.Open(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := r.Ignored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fsys := repo.Without(os.DirFS(root), ignored)
	tree, _ := hclparse.LoadCalls(fsys, "terraform_remote_state")
	g := modules.NewGraph(tree, nil)
	e, diags := Discover(fsys, g, *environments())
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	files := NewFiles(g, e)
	app := "live/app/main.tf live/app/prod.tfvars live/app/qa.tfvars modules/a/main.tf modules/b/main.tf"
	want := map[string]string{
		"live/app@prod":  "common.tfvars files/b.tpl " + app,
		"live/app@qa":    "files/b.tpl " + app,
		"live/app/inner": "live/app/inner/main.tf",
		"live/other":     "live/other/.terraform.lock.hcl live/other/main.tf",
		"live/reads":     "files/more/one.txt files/policy.json live/reads/build/x.zip live/reads/main.tf live/reads/zip.tf",
		"live/links":     "live/links/common.tf live/links/main.tf shared/common.tf shared/data/x.txt",
	}
	got := map[string]string{}
	for _, u := range e.Units {
		list := files.Of(u)
		got[u.Name()] = strings.Join(list, " ")
		for _, p := range list {
			if info, err := os.Stat(filepath.Join(root, p)); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%s: %s is no file that can be read", u.Name(), p)
			}
		}
	}
	// What a link leads to outside of the tree is this machine's.
	got["live/links"] = strings.ReplaceAll(got["live/links"], "live/links/away ", "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
